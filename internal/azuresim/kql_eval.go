package azuresim

import (
	"math"
	"slices"
	"strings"
	"time"
)

// The types of columns, as the table format names them.
const (
	kqlTypeString   = "string"
	kqlTypeInteger  = "integer"
	kqlTypeNumber   = "number"
	kqlTypeBoolean  = "boolean"
	kqlTypeDatetime = "datetime"
	kqlTypeTimespan = "timespan"
	kqlTypeObject   = "object" // a dynamic
)

// kqlColumn is a column of a relation.
type kqlColumn struct{ name, kind string }

type kqlRow []any

// kqlFunc computes an expression of a row.
type kqlFunc func(kqlRow) any

// kqlCompiler turns expressions into functions of rows with given columns.
type kqlCompiler struct {
	columns []kqlColumn
	now     time.Time
}

func semantic(at kqlToken, message string) error {
	return &kqlError{code: "InvalidQuery", message: message, line: at.line, pos: at.pos, token: at.text}
}

func (c *kqlCompiler) index(name string) int {
	return slices.IndexFunc(c.columns, func(k kqlColumn) bool { return k.name == name })
}

// compile returns an expression's function and type.
func (c *kqlCompiler) compile(x *kqlExpr) (kqlFunc, string, error) {
	switch x.op {
	case "literal":
		v := x.lit
		return func(kqlRow) any { return v }, literalType(v), nil
	case "name":
		i := c.index(x.text)
		if i < 0 {
			return nil, "", semantic(x.at, "Failed to resolve scalar expression named '"+x.text+"'")
		}
		return func(r kqlRow) any { return r[i] }, c.columns[i].kind, nil
	case "path", "index":
		return c.access(x)
	case "call":
		return c.call(x)
	case "list":
		return nil, "", semantic(x.at, "A list is not a scalar expression")
	}
	return c.operator(x)
}

func literalType(v any) string {
	switch v.(type) {
	case string:
		return kqlTypeString
	case int64:
		return kqlTypeInteger
	case float64:
		return kqlTypeNumber
	case bool:
		return kqlTypeBoolean
	case time.Time:
		return kqlTypeDatetime
	case time.Duration:
		return kqlTypeTimespan
	}
	return kqlTypeObject
}

// access compiles a.b and a[b], which only a dynamic has.
func (c *kqlCompiler) access(x *kqlExpr) (kqlFunc, string, error) {
	base, kind, err := c.compile(x.args[0])
	if err != nil {
		return nil, "", err
	}
	if kind != kqlTypeObject {
		return nil, "", semantic(x.at, "Path expression source must be of type 'dynamic', not '"+kind+"'")
	}
	if x.op == "path" {
		key := x.text
		return func(r kqlRow) any { return kqlChild(base(r), key) }, kqlTypeObject, nil
	}
	i, _, err := c.compile(x.args[1])
	if err != nil {
		return nil, "", err
	}
	return func(r kqlRow) any { return kqlElement(base(r), i(r)) }, kqlTypeObject, nil
}

// all compiles the arguments of a node.
func (c *kqlCompiler) all(list []*kqlExpr) ([]kqlFunc, []string, error) {
	out, kinds := make([]kqlFunc, len(list)), make([]string, len(list))
	for i, x := range list {
		var err error
		if out[i], kinds[i], err = c.compile(x); err != nil {
			return nil, nil, err
		}
	}
	return out, kinds, nil
}

func (c *kqlCompiler) operator(x *kqlExpr) (kqlFunc, string, error) {
	switch strings.TrimPrefix(x.op, "!") {
	case "in", "in~", "has_any", "has_all":
		return c.membership(x)
	}
	f, kinds, err := c.all(x.args)
	if err != nil {
		return nil, "", err
	}
	switch x.op {
	case "and", "or":
		for i, k := range kinds {
			if k != kqlTypeBoolean && k != kqlTypeObject {
				return nil, "", semantic(x.args[i].at, "Operator '"+x.op+"' needs a condition, not a "+k)
			}
		}
		if x.op == "and" {
			return func(r kqlRow) any { return kqlAnd(f[0], f[1], r) }, kqlTypeBoolean, nil
		}
		return func(r kqlRow) any { return kqlOr(f[0], f[1], r) }, kqlTypeBoolean, nil
	case "neg":
		return func(r kqlRow) any { return kqlArithmetic("-", int64(0), f[0](r)) }, kinds[0], nil
	case "+", "-", "*", "/", "%":
		op := x.op
		return func(r kqlRow) any { return kqlArithmetic(op, f[0](r), f[1](r)) }, arithmeticType(op, kinds[0], kinds[1]), nil
	case "==", "!=":
		if !comparable2(kinds[0], kinds[1]) {
			return nil, "", semantic(x.at, "Cannot compare values of types "+kinds[0]+" and "+kinds[1]+". Try adding explicit casts")
		}
		want := x.op == "=="
		return func(r kqlRow) any {
			if b, ok := kqlEqual(f[0](r), f[1](r)).(bool); ok {
				return b == want
			}
			return nil
		}, kqlTypeBoolean, nil
	case "<", "<=", ">", ">=":
		if !comparable2(kinds[0], kinds[1]) {
			return nil, "", semantic(x.at, "Cannot compare values of types "+kinds[0]+" and "+kinds[1]+". Try adding explicit casts")
		}
		return ordered(x.op, f[0], f[1]), kqlTypeBoolean, nil
	}
	test, negate := textOperator(x.op)
	return func(r kqlRow) any { return test(kqlText(f[0](r)), kqlText(f[1](r))) != negate }, kqlTypeBoolean, nil
}

// comparable2 says whether two types can be compared: a dynamic with anything, numbers with numbers.
func comparable2(a, b string) bool {
	number := func(k string) bool { return k == kqlTypeInteger || k == kqlTypeNumber }
	return a == b || a == kqlTypeObject || b == kqlTypeObject || number(a) && number(b)
}

func ordered(op string, a, b kqlFunc) kqlFunc {
	return func(r kqlRow) any {
		n, ok := kqlCompare(a(r), b(r))
		if !ok {
			return nil
		}
		switch op {
		case "<":
			return n < 0
		case "<=":
			return n <= 0
		case ">":
			return n > 0
		default:
			return n >= 0
		}
	}
}

// kqlAnd and kqlOr have three values: null and false is false, null or true is true.
func kqlAnd(a, b kqlFunc, r kqlRow) any {
	x, ok := force(a(r)).(bool)
	if ok && !x {
		return false
	}
	y, ok2 := force(b(r)).(bool)
	switch {
	case ok2 && !y:
		return false
	case ok && ok2:
		return true
	}
	return nil
}

func kqlOr(a, b kqlFunc, r kqlRow) any {
	x, ok := force(a(r)).(bool)
	if ok && x {
		return true
	}
	y, ok2 := force(b(r)).(bool)
	switch {
	case ok2 && y:
		return true
	case ok && ok2:
		return false
	}
	return nil
}

func arithmeticType(op, a, b string) string {
	switch {
	case a == kqlTypeDatetime && b == kqlTypeDatetime:
		return kqlTypeTimespan
	case a == kqlTypeDatetime || b == kqlTypeDatetime:
		return kqlTypeDatetime
	case a == kqlTypeTimespan || b == kqlTypeTimespan:
		return kqlTypeTimespan
	case a == kqlTypeInteger && b == kqlTypeInteger:
		return kqlTypeInteger
	}
	return kqlTypeNumber
}

// kqlArithmetic computes with numbers, times and spans; anything else is null.
func kqlArithmetic(op string, a, b any) any {
	a, b = force(a), force(b)
	if t, ok := a.(time.Time); ok {
		switch b := b.(type) {
		case time.Duration:
			if op == "-" {
				b = -b
			}
			return t.Add(b)
		case time.Time:
			return t.Sub(b)
		}
		return nil
	}
	x, ok1 := kqlNumberOf(a)
	y, ok2 := kqlNumberOf(b)
	if !ok1 || !ok2 {
		return nil
	}
	i, int1 := a.(int64)
	j, int2 := b.(int64)
	if int1 && int2 {
		return integerArithmetic(op, i, j)
	}
	v := map[string]float64{"+": x + y, "-": x - y, "*": x * y, "/": x / y, "%": math.Mod(x, y)}[op]
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	if _, ok := a.(time.Duration); ok && op != "/" {
		return time.Duration(v)
	}
	return v
}

func integerArithmetic(op string, i, j int64) any {
	switch op {
	case "+":
		return i + j
	case "-":
		return i - j
	case "*":
		return i * j
	}
	if j == 0 {
		return nil
	}
	if op == "/" {
		return i / j
	}
	return i % j
}
