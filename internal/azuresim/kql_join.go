package azuresim

import (
	"slices"
	"strconv"
	"strings"
)

// join combines rows whose keys are equal. Names of the right that the left has too get a number.
func (k *kqlRunner) join(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	right, err := k.source(op.other)
	if err != nil {
		return nil, err
	}
	lk, rk := make([]int, len(op.on)), make([]int, len(op.on))
	for i, pair := range op.on {
		lc, rc := k.compiler(rel), k.compiler(right)
		if lk[i] = lc.index(pair.left.text); lk[i] < 0 {
			return nil, semantic(pair.left, "join: Failed to resolve column named '"+pair.left.text+"'")
		}
		if rk[i] = rc.index(pair.right.text); rk[i] < 0 {
			return nil, semantic(pair.right, "join: Failed to resolve column named '"+pair.right.text+"'")
		}
		if rel.columns[lk[i]].kind == kqlTypeObject || right.columns[rk[i]].kind == kqlTypeObject {
			return nil, semantic(pair.left, "join key '"+pair.left.text+"' is of a 'dynamic' type. Please use an explicit cast")
		}
	}
	byKey := map[string][]kqlRow{}
	for _, r := range right.rows {
		key := joinKey(r, rk)
		byKey[key] = append(byKey[key], r)
	}
	out := &kqlRelation{columns: rel.columns}
	if op.kind != "leftanti" {
		out.columns = joinColumns(rel.columns, right.columns)
	}
	used := map[string]bool{}
	for _, l := range rel.rows {
		key := joinKey(l, lk)
		matches := byKey[key]
		switch {
		case op.kind == "leftanti":
			if len(matches) == 0 {
				out.rows = append(out.rows, l)
			}
			continue
		case op.kind == "innerunique" && used[key]:
			continue
		case op.kind == "leftouter" && len(matches) == 0:
			matches = []kqlRow{emptyRow(right.columns)}
		}
		used[key] = true
		for _, r := range matches {
			out.rows = append(out.rows, slices.Concat(l, r))
		}
	}
	return out, nil
}

func joinKey(r kqlRow, at []int) string {
	var b strings.Builder
	for _, i := range at {
		b.WriteString(kqlKey(r[i]))
		b.WriteByte(0)
	}
	return b.String()
}

// emptyRow is what an outer join has where nothing matches: nulls, and "" in columns of text.
func emptyRow(columns []kqlColumn) kqlRow {
	row := make(kqlRow, len(columns))
	for i, c := range columns {
		if c.kind == kqlTypeString {
			row[i] = ""
		}
	}
	return row
}

func joinColumns(left, right []kqlColumn) []kqlColumn {
	out := slices.Clone(left)
	for _, c := range right {
		name := c.name
		for i := 1; slices.ContainsFunc(out, func(k kqlColumn) bool { return k.name == name }); i++ {
			name = c.name + strconv.Itoa(i)
		}
		out = append(out, kqlColumn{name, c.kind})
	}
	return out
}

// unite puts relations end to end. Columns are matched by name and type.
func (k *kqlRunner) unite(first *kqlRelation, list []*kqlQuery) (*kqlRelation, error) {
	out := &kqlRelation{}
	add := func(rel *kqlRelation) {
		slots := make([]int, len(rel.columns))
		for i, c := range rel.columns {
			if slots[i] = slices.Index(out.columns, c); slots[i] < 0 {
				slots[i] = len(out.columns)
				out.columns = append(out.columns, c)
			}
		}
		for _, r := range rel.rows {
			row := emptyRow(out.columns)
			for i, slot := range slots {
				row[slot] = r[i]
			}
			out.rows = append(out.rows, row)
		}
	}
	if first != nil {
		add(first)
	}
	for _, q := range list {
		rel, err := k.source(q)
		if err != nil {
			return nil, err
		}
		add(rel)
	}
	for i, r := range out.rows { // rows of the first tables lack the columns of the later ones
		if len(r) < len(out.columns) {
			out.rows[i] = append(r, emptyRow(out.columns[len(r):])...)
		}
	}
	return out, nil
}
