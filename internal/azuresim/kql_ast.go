package azuresim

// kqlQuery is a source of rows and what is done with them.
type kqlQuery struct {
	source kqlToken    // a table, or
	union  []*kqlQuery // queries that are joined end to end
	inner  *kqlQuery   // or a query in parentheses
	ops    []kqlOp
}

// kqlOp is one operator behind a pipe. Which fields it uses depends on its name.
type kqlOp struct {
	name    string
	at      kqlToken
	exprs   []kqlNamed
	by      []kqlNamed
	names   []kqlToken // of project-away
	desc    []bool     // of exprs, for sort and top
	count   int        // of take and top; of mv-expand its limit
	kind    string     // of a join
	other   *kqlQuery  // of a join
	on      []kqlPair
	tables  []*kqlQuery // of union
	index   string      // of mv-expand: with_itemindex
	asArray bool        // of mv-expand: bags as arrays of a name and a value
}

// kqlNamed is an expression with the name of its column; "" = derived from the expression.
type kqlNamed struct {
	name string
	expr *kqlExpr
	to   string // of mv-expand: typeof
}

// kqlPair is a condition of a join.
type kqlPair struct{ left, right kqlToken }

// kqlExpr is a node of an expression.
type kqlExpr struct {
	op   string // literal, name, path (a.b), index (a[b]), call, list, not, neg, or an operator
	at   kqlToken
	text string // of a name, a path and a call
	lit  any
	args []*kqlExpr
}

// columnName is the name that Kusto derives for an expression, or "".
func (x *kqlExpr) columnName() string {
	switch x.op {
	case "name":
		return x.text
	case "path":
		if base := x.args[0].columnName(); base != "" {
			return base + "_" + x.text
		}
	case "index":
		base := x.args[0].columnName()
		if key, ok := x.args[1].lit.(string); ok && base != "" {
			return base + "_" + key
		}
		if n, ok := x.args[1].lit.(int64); ok && base != "" {
			return base + "_" + kqlText(n)
		}
	case "call":
		if kqlCasts[x.text] != "" && len(x.args) == 1 {
			return x.args[0].columnName()
		}
	}
	return ""
}
