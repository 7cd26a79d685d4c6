package store_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// forbidden are the words that one of SQLite, PostgreSQL and Azure SQL does
// not know or reads differently, and what to write instead. Only the files of
// an engine may have them.
var forbidden = []struct{ pattern, instead string }{
	{`\bLIMIT\b|\bOFFSET\b|\bFETCH\b|\bTOP\b`, "dialect.page"},
	{`\bRETURNING\b|\bOUTPUT\b`, "a second SELECT"},
	{`\bON CONFLICT\b|\bMERGE\b|\bREPLACE INTO\b|\bINSERT OR\b`, "dialect.insertAbsent, or UPDATE and then INSERT"},
	{`\|\|`, "CONCAT, or join in Go"},
	{`\bILIKE\b|\bREGEXP\b|\bGLOB\b|\bSIMILAR\b`, "LIKE with ESCAPE on a lower-cased column"},
	{`\bLIKE\b(?s:.*)`, "LIKE with ESCAPE '~'"},
	{`\bTRUE\b|\bFALSE\b|\bBOOLEAN\b`, "1 and 0"},
	{`\bSELECT EXISTS\b|\bSELECT NOT EXISTS\b`, "CASE WHEN EXISTS"},
	{`\bNULLS (LAST|FIRST)\b`, "ORDER BY CASE"},
	{`\bDISTINCT ON\b|\bFULL JOIN\b|\bFULL OUTER\b|\bUSING\b|\bNATURAL\b|\bLATERAL\b`, "a plain join"},
	{`\bFOR UPDATE\b|\bSKIP LOCKED\b`, "an UPDATE that is guarded"},
	{`\bTRUNCATE\b`, "DELETE"},
	{`\bIN \(\)`, "dialect.list: an empty list is simply empty"},
	{`\bAVG\b`, "SUM and COUNT, divided in Go"},
	{`\bLENGTH\b|\bLEN\b|\bLOWER\b|\bUPPER\b|\bTRIM\b|\bIFNULL\b|\bISNULL\b|\bGROUP_CONCAT\b|\bSTRING_AGG\b`, "Go, or COALESCE"},
	{`\b(?i:now|unixepoch|strftime|clock_timestamp|datetime|date_trunc|to_timestamp|julianday|getdate|sysutcdatetime)\(|\bCURRENT_(TIMESTAMP|DATE|TIME)\b`, "dialect.now"},
	{`\b(?i:json_each|json_extract|jsonb?_\w+|openjson|unnest)\(|->`, "dialect.list"},
	{`::`, "CAST"},
	{`\bCREATE\b|\bALTER\b|\bDROP\b|\bPRAGMA\b|\bVACUUM\b`, "a migration"},
	{`\bWITH RECURSIVE\b|\bROWID\b|\bCOLLATE\b|\bAUTOINCREMENT\b|\bILIKE\b`, "the portable subset"},
	{`\$[0-9]|@p[0-9]`, "?"},
	{`\([^()?]*,[^()?]*\) *(=|<|>|<=|>=|IN) *\(`, "one comparison for each column: row values are not portable"},
	{`\b[0-9]{10,}\b`, "a parameter: large literals are DECIMAL on Azure SQL"},
	{`[^\x00-\x7f]`, "a parameter: literals are ASCII"},
	{`\bFROM \(SELECT(?s:.*)\)( WHERE| GROUP| ORDER| JOIN|$)`, "an alias after the derived table"},
	{`\bGROUP BY [^)]*\b[kx]_\w+`, "the expression: aliases are not known in GROUP BY"},
	{`=\s*NULL\b|<>\s*NULL\b|!=`, "IS NULL; <>"},
}

// breaches lists the forbidden words of a text.
func breaches(sql string) []string {
	var out []string
	for _, f := range forbidden {
		re := regexp.MustCompile(f.pattern)
		m := re.FindString(sql)
		if m == "" || strings.HasPrefix(m, "LIKE") && strings.Contains(m, "ESCAPE") {
			continue
		}
		out = append(out, fmt.Sprintf("%.40q: write %s", m, f.instead))
	}
	return out
}

// looksLikeSQL tells a statement, or a piece of one, from other text: it has
// words in capitals that SQL has.
var looksLikeSQL = regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|JOIN|ORDER BY|GROUP BY|HAVING|AND|OR|SET|VALUES|UNION|EXCEPT|LIMIT|OFFSET|RETURNING|CONFLICT|COALESCE|CASE|IN \()`)

// TestPortable reads the store's own sources: outside the files of an engine
// no statement has a word that another engine does not know.
func TestPortable(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	statements := 0
	for _, name := range files {
		if name == "sqlite.go" || name == "postgres.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range literals(t, name, src) {
			if !looksLikeSQL.MatchString(text) {
				continue
			}
			statements++
			for _, b := range breaches(text) {
				t.Errorf("%s: %s\n\t%s", name, b, text)
			}
		}
	}
	if statements < 50 {
		t.Errorf("only %d pieces of SQL found: is this still the place?", statements)
	}
}

// literals lists the strings of a source; those that are joined with + are one,
// with ? for what is not a literal.
func literals(t *testing.T, name string, src []byte) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			if n.Op == token.ADD {
				var b strings.Builder
				joined(n, &b, &out)
				out = append(out, b.String())
				return false
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				out = append(out, unquote(n))
			}
		}
		return true
	})
	return out
}

func joined(e ast.Expr, b *strings.Builder, out *[]string) {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		joined(e.X, b, out)
		joined(e.Y, b, out)
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			b.WriteString(unquote(e))
		}
	default:
		b.WriteString("?")
		ast.Inspect(e, func(n ast.Node) bool { // such as the arguments of a call
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				*out = append(*out, unquote(l))
			}
			return true
		})
	}
}

func unquote(l *ast.BasicLit) string {
	s, err := strconv.Unquote(l.Value)
	if err != nil {
		return l.Value
	}
	return s
}

// TestBreaches shows that every rule can fail, and that the portable forms do not.
func TestBreaches(t *testing.T) {
	for _, sql := range []string{
		"SELECT a FROM t ORDER BY a LIMIT 5", "SELECT TOP 5 a FROM t", "INSERT INTO t (a) VALUES (?) RETURNING id", "INSERT INTO t (a) VALUES (?) ON CONFLICT DO NOTHING",
		"SELECT a || b FROM t", "SELECT a FROM t WHERE a ILIKE ?", "SELECT a FROM t WHERE a LIKE ?", "SELECT TRUE", "SELECT EXISTS(SELECT 1 FROM t)",
		"SELECT a FROM t ORDER BY a NULLS LAST", "SELECT DISTINCT ON (a) b FROM t", "SELECT a FROM t FULL JOIN u ON u.a = t.a", "SELECT a FROM t FOR UPDATE",
		"TRUNCATE t", "SELECT a FROM t WHERE a IN ()", "SELECT AVG(a) FROM t", "SELECT LENGTH(a) FROM t", "SELECT LOWER(a) FROM t", "SELECT now()", "SELECT CURRENT_TIMESTAMP",
		"SELECT value FROM json_each(?)", "SELECT a::text FROM t", "CREATE TABLE IF NOT EXISTS t (a)", "SELECT a FROM t WHERE a = $1", "SELECT a FROM t WHERE (a, b) > (?, ?)",
		"SELECT a/86400000000 FROM t", "SELECT 'ä'", "SELECT a FROM (SELECT a FROM t) WHERE a = ?", "SELECT a AS k_a FROM t GROUP BY k_a", "SELECT a FROM t WHERE a = NULL", "SELECT a FROM t WHERE a != ?",
	} {
		if len(breaches(sql)) == 0 {
			t.Errorf("%s: no breach found", sql)
		}
	}
	for _, sql := range []string{
		"SELECT a FROM t WHERE a LIKE ? ESCAPE '~'", "SELECT COALESCE(SUM(a), 0) FROM (SELECT a FROM t) x", "UPDATE t SET a = a + 1 WHERE b NOT IN ('x', 'y')",
		"INSERT INTO t (a, b) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM t WHERE a = ?)", "SELECT CASE WHEN a = 1 THEN 1 ELSE 0 END FROM t",
		"INSERT INTO t (a, b) VALUES (?, ?)",
	} {
		if b := breaches(sql); len(b) > 0 {
			t.Errorf("%s: %v", sql, b)
		}
	}
}
