package fresnel_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// floors is the house: a package imports only packages of lower floors. docs/architecture.md draws it.
// A new package gets its line here.
var floors = map[string]int{
	"fresnel":                    0,
	"fresnel/internal/cache":     0,
	"fresnel/internal/web/ui":    0,
	"fresnel/internal/telemetry": 0,

	"fresnel/internal/cost":       1,
	"fresnel/internal/compliance": 1,
	"fresnel/internal/inventory":  1,
	"fresnel/internal/findings":   1,
	"fresnel/internal/identity":   1,
	"fresnel/internal/syncer":     1,
	"fresnel/internal/auth":       1,
	"fresnel/internal/audit":      1,
	"fresnel/internal/connect":    1,

	"fresnel/internal/alert": 2,

	"fresnel/internal/azure":  3,
	"fresnel/internal/store":  3,
	"fresnel/internal/notify": 3,

	"fresnel/internal/store/storetest": 4,
	"fresnel/internal/web/page":        4,

	"fresnel/internal/web": 5,
	"fresnel/internal/api": 5,

	"fresnel/internal/app": 6,

	"fresnel/cmd/fresnel":       7,
	"fresnel/cmd/fresnel-bench": 7,
}

const (
	simulator = "fresnel/internal/azuresim" // beside the house: it imports nothing of ours
	maxLines  = 1000
)

// vague are package names that say nothing about what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "type", "types", "misc", "pkg"}

// sqlImports are the standard library's SQL and every driver or tool that speaks it.
var sqlImports = []string{
	"database/sql", "github.com/jackc/pgx", "modernc.org/sqlite", "github.com/microsoft/go-mssqldb", "github.com/pressly/goose",
	"github.com/ncruces/go-sqlite3", "github.com/mattn/go-sqlite3", "github.com/lib/pq",
}

// TestLayout holds the module to the house. It reads the sources itself, so go test's cache sees them.
func TestLayout(t *testing.T) {
	for _, breach := range layoutBreaches(t, os.DirFS(".")) {
		t.Error(breach)
	}
}

// TestLayoutBreaches shows that every rule can fail.
func TestLayoutBreaches(t *testing.T) {
	long := strings.Repeat("//\n", maxLines+1)
	tests := []struct {
		name, file, src string
		want            string // a part of the one breach; empty if there is none
	}{
		{"lower floor", "internal/store/a.go", `package store; import _ "fresnel/internal/cost"`, ""},
		{"higher floor", "internal/cost/a.go", `package cost; import _ "fresnel/internal/store"`, "floor 1 imports fresnel/internal/store of floor 3"},
		{"two domains", "internal/cost/a.go", `package cost; import _ "fresnel/internal/identity"`, "floor 1 imports"},
		{"same floor", "internal/store/a.go", `package store; import _ "fresnel/internal/azure"`, "floor 3 imports"},
		{"root", "a.go", `package fresnel; import _ "fresnel/internal/cache"`, "floor 0 imports"},
		{"root is std only", "a.go", `package fresnel; import _ "github.com/a-h/templ"`, "standard library only"},
		{"root may import std", "a.go", `package fresnel; import _ "net/url"`, ""},
		{"no floor", "internal/extra/a.go", `package extra`, "has no floor"},
		{"imports no floor", "internal/cost/a.go", `package cost; import _ "fresnel/internal/extra"`, "imports fresnel/internal/extra, which has no floor"},
		{"web and store", "internal/web/a.go", `package web; import _ "fresnel/internal/store"`, "never imports"},
		{"page and azure", "internal/web/page/a.go", `package page; import _ "fresnel/internal/azure"`, "never imports"},
		{"api and store", "internal/api/a.go", `package api; import _ "fresnel/internal/store/storetest"`, "never imports"},
		{"web and domain", "internal/web/a.go", `package web; import _ "fresnel/internal/cost"`, ""},
		{"simulator imports ours", "internal/azuresim/a.go", `package azuresim; import _ "fresnel"`, "imports nothing of ours"},
		{"simulator imports std", "internal/azuresim/a.go", `package azuresim; import _ "net/http"`, ""},
		{"azure imports simulator", "internal/azure/a.go", `package azure; import _ "fresnel/internal/azuresim"`, "only app, cmd and tests"},
		{"app imports simulator", "internal/app/a.go", `package app; import _ "fresnel/internal/azuresim"`, ""},
		{"cmd imports simulator", "cmd/fresnel/a.go", `package main; import _ "fresnel/internal/azuresim"`, ""},
		{"tests import anything", "internal/cost/a_test.go", `package cost_test; import (_ "fresnel/internal/azuresim"; _ "database/sql")`, ""},
		{"SQL in web", "internal/web/a.go", `package web; import _ "database/sql"`, "SQL is in store only"},
		{"driver in app", "internal/app/a.go", `package app; import _ "github.com/jackc/pgx/v5/stdlib"`, "SQL is in store only"},
		{"SQL in store", "internal/store/a.go", `package store; import _ "modernc.org/sqlite"`, ""},
		{"SQL in storetest", "internal/store/storetest/a.go", `package storetest; import _ "database/sql"`, ""},
		{"vague folder", "internal/util/a_test.go", `package cost_test`, "says nothing"},
		{"vague name", "internal/cost/a.go", `package helpers`, "says nothing"},
		{"init", "internal/cost/a.go", `package cost; func init() {}`, "init"},
		{"method init", "internal/cost/a.go", `package cost; type T int; func (T) init() {}`, ""},
		{"long", "internal/cost/a.go", "package cost\n" + long, "lines"},
		{"long SQL", "internal/store/a.sql", long, "lines"},
		{"long generated", "internal/web/page/a_templ.go", "// Code generated by templ - DO NOT EDIT.\n\npackage page\n" + long, ""},
		{"other module", "tools/a.go", `package tools`, ""},
		{"test data", "internal/cost/testdata/a.go", `package util`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := layoutBreaches(t, fstest.MapFS{
				test.file:      {Data: []byte(test.src)},
				"tools/go.mod": {Data: []byte("module fresnel/tools")},
			})
			switch {
			case test.want == "" && len(got) != 0:
				t.Errorf("got %q, want no breach", got)
			case test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)):
				t.Errorf("got %q, want one breach with %q", got, test.want)
			}
		})
	}
}

// layoutBreaches lists what breaks the rules in the module at the top of fsys.
func layoutBreaches(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var breaches []string
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipFolder(fsys, name)
		}
		switch path.Ext(name) {
		case ".go", ".templ", ".sql":
		default:
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		found, err := fileBreaches(name, src)
		for _, breach := range found {
			breaches = append(breaches, name+": "+breach)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return breaches
}

// skipFolder returns fs.SkipDir for a folder that holds no packages of this module.
func skipFolder(fsys fs.FS, name string) error {
	if name == "." {
		return nil
	}
	base := path.Base(name)
	if base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// fileBreaches lists what breaks the rules in one file; name is its path below the module's root.
func fileBreaches(name string, src []byte) ([]string, error) {
	var breaches []string
	lines := strings.Count(string(src), "\n")
	if path.Ext(name) != ".go" {
		if lines > maxLines {
			breaches = append(breaches, fmt.Sprintf("%d lines, more than %d", lines, maxLines))
		}
		return breaches, nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if lines > maxLines && !ast.IsGenerated(file) {
		breaches = append(breaches, fmt.Sprintf("%d lines, more than %d", lines, maxLines))
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "init" && f.Recv == nil {
			breaches = append(breaches, "func init: what a program does begins in main")
		}
	}
	pkg := path.Join("fresnel", path.Dir(name))
	for _, word := range []string{path.Base(pkg), file.Name.Name} {
		if slices.Contains(vague, word) {
			return append(breaches, fmt.Sprintf("the package name %s says nothing", word)), nil
		}
	}
	if strings.HasSuffix(name, "_test.go") {
		return breaches, nil // a test imports what it likes
	}
	if _, ok := floors[pkg]; !ok && pkg != simulator {
		return append(breaches, fmt.Sprintf("package %s has no floor: give it one in layout_test.go and docs/architecture.md", pkg)), nil
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if breach := importBreach(pkg, imported); breach != "" {
			breaches = append(breaches, breach)
		}
	}
	return breaches, nil
}

// importBreach says why pkg, which is a package of the house or the simulator, must not import imported; empty if it may.
func importBreach(pkg, imported string) string {
	if !within(imported, "fresnel") {
		switch {
		case pkg == "fresnel" && strings.Contains(strings.Split(imported, "/")[0], "."):
			return fmt.Sprintf("imports %s: the root is vocabulary, of the standard library only", imported)
		case !within(pkg, "fresnel/internal/store") && slices.ContainsFunc(sqlImports, func(s string) bool { return within(imported, s) }):
			return fmt.Sprintf("imports %s: SQL is in store only", imported)
		}
		return ""
	}
	if pkg == simulator {
		return fmt.Sprintf("imports %s: the simulator imports nothing of ours", imported)
	}
	if imported == simulator {
		if pkg == "fresnel/internal/app" || within(pkg, "fresnel/cmd") {
			return ""
		}
		return "imports the simulator: only app, cmd and tests may"
	}
	// The pages come with web, although a floor below.
	if (within(pkg, "fresnel/internal/web") || within(pkg, "fresnel/internal/api")) &&
		(within(imported, "fresnel/internal/store") || within(imported, "fresnel/internal/azure")) {
		return fmt.Sprintf("%s never imports %s: it asks a domain's Reader", pkg, imported)
	}
	from := floors[pkg]
	to, ok := floors[imported]
	switch {
	case !ok:
		return fmt.Sprintf("imports %s, which has no floor", imported)
	case to >= from:
		return fmt.Sprintf("floor %d imports %s of floor %d: only lower ones", from, imported, to)
	}
	return ""
}

// within tells whether pkg is parent or below it.
func within(pkg, parent string) bool {
	return pkg == parent || strings.HasPrefix(pkg, parent+"/")
}
