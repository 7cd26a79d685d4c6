package azuresim

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// kqlRelation is a table on its way through a query.
type kqlRelation struct {
	columns []kqlColumn
	rows    []kqlRow
}

// kqlRunner evaluates a query over tables.
type kqlRunner struct {
	now    time.Time
	table  func(name string) (*kqlRelation, bool)
	sorted bool // the result has an order
}

// run evaluates a query. An error is a *kqlError.
func (k *kqlRunner) run(q *kqlQuery) (*kqlRelation, error) {
	rel, err := k.source(q)
	if err != nil {
		return nil, err
	}
	for i := range q.ops {
		if rel, err = k.apply(rel, &q.ops[i]); err != nil {
			return nil, err
		}
	}
	return rel, nil
}

func (k *kqlRunner) source(q *kqlQuery) (*kqlRelation, error) {
	switch {
	case q.inner != nil:
		return k.run(q.inner)
	case q.union != nil:
		return k.unite(nil, q.union)
	}
	rel, ok := k.table(strings.ToLower(q.source.text))
	if !ok {
		return nil, &kqlError{code: "DisallowedLogicalTableName", message: "Table " + q.source.text + " is invalid, unsupported or disallowed.", line: q.source.line, pos: q.source.pos, token: q.source.text}
	}
	return rel, nil
}

func (k *kqlRunner) compiler(rel *kqlRelation) *kqlCompiler {
	return &kqlCompiler{columns: rel.columns, now: k.now}
}

func (k *kqlRunner) apply(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	switch op.name {
	case "where":
		return k.where(rel, op)
	case "project":
		return k.project(rel, op)
	case "project-away":
		return k.away(rel, op)
	case "extend":
		return k.extend(rel, op)
	case "distinct":
		return k.distinct(rel, op)
	case "summarize":
		return k.summarize(rel, op)
	case "count":
		return &kqlRelation{[]kqlColumn{{"Count", kqlTypeInteger}}, []kqlRow{{int64(len(rel.rows))}}}, nil
	case "sort", "top":
		return k.sort(rel, op)
	case "take":
		return &kqlRelation{rel.columns, rel.rows[:min(op.count, len(rel.rows))]}, nil
	case "mv-expand":
		return k.expand(rel, op)
	case "join":
		return k.join(rel, op)
	default:
		return k.unite(rel, op.tables)
	}
}

func (k *kqlRunner) where(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	f, kind, err := k.compiler(rel).compile(op.exprs[0].expr)
	if err != nil {
		return nil, err
	}
	if kind != kqlTypeBoolean && kind != kqlTypeObject {
		return nil, semantic(op.exprs[0].expr.at, "Filter condition must be of type 'bool', not '"+kind+"'")
	}
	out := &kqlRelation{columns: rel.columns}
	for _, r := range rel.rows {
		if kqlTruth(f(r)) {
			out.rows = append(out.rows, r)
		}
	}
	return out, nil
}

// compileAll compiles named expressions. A name that is taken gets a number.
func (k *kqlRunner) compileAll(rel *kqlRelation, list []kqlNamed, unique bool) ([]kqlFunc, []kqlColumn, error) {
	c := k.compiler(rel)
	funcs, columns := make([]kqlFunc, len(list)), make([]kqlColumn, len(list))
	for i, n := range list {
		f, kind, err := c.compile(n.expr)
		if err != nil {
			return nil, nil, err
		}
		name := n.name
		if name == "" {
			name = n.expr.columnName()
		}
		if name == "" {
			name = "Column" + strconv.Itoa(i+1)
		}
		if unique && slices.ContainsFunc(columns[:i], func(k kqlColumn) bool { return k.name == name }) {
			if n.name != "" {
				return nil, nil, semantic(n.expr.at, "A column named '"+name+"' already exists")
			}
			name += strconv.Itoa(i)
		}
		funcs[i], columns[i] = f, kqlColumn{name, kind}
	}
	return funcs, columns, nil
}

func (k *kqlRunner) project(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	f, columns, err := k.compileAll(rel, op.exprs, true)
	if err != nil {
		return nil, err
	}
	out := &kqlRelation{columns: columns, rows: make([]kqlRow, len(rel.rows))}
	flat := make([]any, len(f)*len(rel.rows))
	for i, r := range rel.rows {
		row := flat[i*len(f) : (i+1)*len(f) : (i+1)*len(f)]
		for j := range f {
			row[j] = f[j](r)
		}
		out.rows[i] = row
	}
	return out, nil
}

func (k *kqlRunner) extend(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	f, added, err := k.compileAll(rel, op.exprs, false)
	if err != nil {
		return nil, err
	}
	columns := slices.Clone(rel.columns)
	slots := make([]int, len(added))
	for i, c := range added {
		slots[i] = slices.IndexFunc(columns, func(k kqlColumn) bool { return k.name == c.name })
		if slots[i] < 0 {
			slots[i] = len(columns)
			columns = append(columns, c)
		}
		columns[slots[i]] = c
	}
	out := &kqlRelation{columns: columns, rows: make([]kqlRow, len(rel.rows))}
	for i, r := range rel.rows {
		row := make(kqlRow, len(columns))
		copy(row, r)
		for j := range f {
			row[slots[j]] = f[j](r)
		}
		out.rows[i] = row
	}
	return out, nil
}

func (k *kqlRunner) away(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	var keep []int
	gone := make([]bool, len(op.names))
	for i, c := range rel.columns {
		drop := false
		for j, n := range op.names {
			prefix, wild := strings.CutSuffix(n.text, "*")
			if c.name == n.text || wild && strings.HasPrefix(c.name, prefix) {
				drop, gone[j] = true, true
			}
		}
		if !drop {
			keep = append(keep, i)
		}
	}
	for j, n := range op.names {
		if !gone[j] && !strings.HasSuffix(n.text, "*") {
			return nil, semantic(n, "Failed to resolve column named '"+n.text+"'")
		}
	}
	return rel.pick(keep), nil
}

// pick keeps some columns.
func (rel *kqlRelation) pick(keep []int) *kqlRelation {
	out := &kqlRelation{rows: make([]kqlRow, len(rel.rows))}
	for _, i := range keep {
		out.columns = append(out.columns, rel.columns[i])
	}
	for n, r := range rel.rows {
		row := make(kqlRow, len(keep))
		for j, i := range keep {
			row[j] = r[i]
		}
		out.rows[n] = row
	}
	return out
}

func (k *kqlRunner) distinct(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	return k.summarize(rel, &kqlOp{name: "summarize", at: op.at, by: op.exprs})
}

// sort orders rows, and cuts them for top. Nulls come first when ascending and last when descending.
func (k *kqlRunner) sort(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	c := k.compiler(rel)
	type keyed struct {
		row  kqlRow
		keys []any
	}
	funcs := make([]kqlFunc, len(op.exprs))
	for i, n := range op.exprs {
		f, kind, err := c.compile(n.expr)
		if err != nil {
			return nil, err
		}
		if kind == kqlTypeObject {
			return nil, semantic(n.expr.at, "Order by key '"+n.expr.at.text+"' is of a 'dynamic' type. Please use an explicit cast (for example, tostring())")
		}
		funcs[i] = f
	}
	list := make([]keyed, len(rel.rows))
	for i, r := range rel.rows {
		list[i] = keyed{r, make([]any, len(funcs))}
		for j, f := range funcs {
			list[i].keys[j] = force(f(r))
		}
	}
	slices.SortStableFunc(list, func(a, b keyed) int {
		for i := range funcs {
			n := kqlSortCompare(a.keys[i], b.keys[i])
			if op.desc[i] {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
	if op.name == "top" {
		list = list[:min(op.count, len(list))]
	}
	out := &kqlRelation{columns: rel.columns, rows: make([]kqlRow, len(list))}
	for i := range list {
		out.rows[i] = list[i].row
	}
	return out, nil
}
