package azuresim

import "slices"

// kqlAggregate gathers one aggregate of one group.
type kqlAggregate struct {
	count int64
	sum   any
	least any
	most  any
	list  []any
	seen  map[string]bool
}

// kqlAggregates are the aggregate functions with their types ("" = that of the argument) and the
// beginning of the name of their column.
var kqlAggregates = map[string]struct{ kind, prefix string }{
	"count": {kqlTypeInteger, "count_"}, "countif": {kqlTypeInteger, "countif_"}, "sum": {"", "sum_"}, "sumif": {"", "sumif_"}, "dcount": {kqlTypeInteger, "dcount_"},
	"min": {"", "min_"}, "max": {"", "max_"}, "make_list": {kqlTypeObject, "list_"}, "make_set": {kqlTypeObject, "set_"},
	"any": {"", "any_"}, "take_any": {"", ""},
}

// kqlGroup is a group on its way.
type kqlGroup struct {
	key kqlRow
	agg []kqlAggregate
}

// kqlMeasure is a compiled aggregate.
type kqlMeasure struct {
	name string
	arg  kqlFunc // nil of count()
	when kqlFunc // of sumif
}

func (k *kqlRunner) measures(rel *kqlRelation, list []kqlNamed) ([]kqlMeasure, []kqlColumn, error) {
	c := k.compiler(rel)
	var out []kqlMeasure
	var columns []kqlColumn
	for _, n := range list {
		def, ok := kqlAggregates[n.expr.text]
		if n.expr.op != "call" || !ok {
			return nil, nil, semantic(n.expr.at, "Function '"+n.expr.at.text+"' cannot be invoked in current context: summarize needs an aggregate")
		}
		m, kind, name := kqlMeasure{name: n.expr.text}, def.kind, def.prefix
		if m.name != "count" {
			if len(n.expr.args) == 0 || len(n.expr.args) > 2 {
				return nil, nil, semantic(n.expr.at, m.name+"(): function expects 1 argument(s)")
			}
			f, argKind, err := c.compile(n.expr.args[0])
			if err != nil {
				return nil, nil, err
			}
			if m.name == "dcount" && argKind == kqlTypeObject {
				return nil, nil, semantic(n.expr.at, "dcount(): argument is of a 'dynamic' type. Please use an explicit cast")
			}
			m.arg = f
			if m.name == "sumif" {
				if len(n.expr.args) != 2 {
					return nil, nil, semantic(n.expr.at, "sumif(): function expects 2 argument(s)")
				}
				if m.when, _, err = c.compile(n.expr.args[1]); err != nil {
					return nil, nil, err
				}
			}
			if kind == "" {
				kind = argKind
			}
			if m.name != "countif" {
				name += n.expr.args[0].columnName()
			}
		} else if len(n.expr.args) > 0 {
			return nil, nil, semantic(n.expr.at, "count(): function expects 0 argument(s)")
		}
		if n.name != "" {
			name = n.name
		}
		out, columns = append(out, m), append(columns, kqlColumn{name, kind})
	}
	return out, columns, nil
}

// add takes a row in. Aggregates pass over nulls.
func (a *kqlAggregate) add(m *kqlMeasure, r kqlRow) {
	if m.arg == nil {
		a.count++
		return
	}
	v := force(m.arg(r))
	if v == nil || m.when != nil && !kqlTruth(m.when(r)) {
		return
	}
	switch m.name {
	case "countif":
		if kqlTruth(v) {
			a.count++
		}
	case "sum", "sumif":
		if a.sum == nil {
			a.sum = int64(0)
		}
		if s := kqlArithmetic("+", a.sum, v); s != nil {
			a.sum = s
		}
	case "min", "max":
		if a.least == nil || kqlSortCompare(v, a.least) < 0 {
			a.least = v
		}
		if a.most == nil || kqlSortCompare(v, a.most) > 0 {
			a.most = v
		}
	case "make_list":
		a.list = append(a.list, v)
	case "any", "take_any":
		if a.most == nil {
			a.most = v
		}
	default: // dcount, make_set
		if a.seen == nil {
			a.seen = map[string]bool{}
		}
		if key := kqlKey(v); !a.seen[key] {
			a.seen[key] = true
			a.list = append(a.list, v)
		}
	}
}

func (a *kqlAggregate) value(name string) any {
	switch name {
	case "count", "countif":
		return a.count
	case "sum", "sumif":
		if a.sum == nil {
			return int64(0)
		}
		return a.sum
	case "min":
		return a.least
	case "max", "any", "take_any":
		return a.most
	case "dcount":
		return int64(len(a.list))
	default:
		return append([]any{}, a.list...)
	}
}

// expand makes a row of each element of a list or bag; null and empty ones leave one row with null.
// Several lists are expanded side by side.
func (k *kqlRunner) expand(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	funcs, added, err := k.compileAll(rel, op.exprs, false)
	if err != nil {
		return nil, err
	}
	columns := slices.Clone(rel.columns)
	slots := make([]int, len(added))
	for i, c := range added {
		if c.kind != kqlTypeObject {
			return nil, semantic(op.exprs[i].expr.at, "mv-expand: Column '"+c.name+"' must be of type 'dynamic'")
		}
		if to := op.exprs[i].to; to != "" {
			if c.kind = kqlCasts["to"+to]; to == "dynamic" {
				c.kind = kqlTypeObject
			} else if c.kind == "" {
				return nil, semantic(op.exprs[i].expr.at, "mv-expand: type '"+to+"' is unknown")
			}
		}
		slots[i] = slices.IndexFunc(columns, func(k kqlColumn) bool { return k.name == c.name })
		if slots[i] < 0 {
			slots[i] = len(columns)
			columns = append(columns, c)
		}
		columns[slots[i]] = c
	}
	index := -1
	if op.index != "" {
		index = len(columns)
		columns = append(columns, kqlColumn{op.index, kqlTypeInteger})
	}
	out := &kqlRelation{columns: columns}
	for _, r := range rel.rows {
		lists := make([][]any, len(funcs))
		n := 1
		for i, f := range funcs {
			lists[i] = elements(force(f(r)), op.asArray)
			n = max(n, len(lists[i]))
		}
		for i := range min(n, op.count) {
			row := make(kqlRow, len(columns))
			copy(row, r)
			for j, slot := range slots {
				if row[slot] = nil; i < len(lists[j]) {
					row[slot] = lists[j][i]
				}
				if cast, ok := kqlFunctions["to"+op.exprs[j].to]; ok {
					row[slot] = cast.apply([]any{row[slot]})
				}
			}
			if index >= 0 {
				row[index] = int64(i)
			}
			out.rows = append(out.rows, row)
		}
	}
	return out, nil
}

// elements are those of a list, and of a bag bags (or lists) of one key each.
func elements(v any, asArray bool) []any {
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		var out []any
		for _, k := range sortedKeys(v) {
			if asArray {
				out = append(out, []any{k, v[k]})
			} else {
				out = append(out, map[string]any{k: v[k]})
			}
		}
		return out
	case nil:
		return nil
	default:
		return []any{v}
	}
}
