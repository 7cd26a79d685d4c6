package azuresim

import "strings"

// kqlSummary is a summarize on its way.
type kqlSummary struct {
	keys     []kqlFunc
	columns  []kqlColumn
	measures []kqlMeasure
	groups   map[string]*kqlGroup
	order    []*kqlGroup
}

func (k *kqlRunner) summarize(rel *kqlRelation, op *kqlOp) (*kqlRelation, error) {
	s, err := k.newSummary(rel, op)
	if err != nil {
		return nil, err
	}
	s.add(rel.rows)
	return s.result(), nil
}

// newSummary compiles a summarize over the columns of a relation.
func (k *kqlRunner) newSummary(rel *kqlRelation, op *kqlOp) (*kqlSummary, error) {
	keys, columns, err := k.compileAll(rel, op.by, true)
	if err != nil {
		return nil, err
	}
	for i, c := range columns {
		if c.kind == kqlTypeObject {
			return nil, semantic(op.by[i].expr.at, "Summarize group key '"+c.name+"' is of a 'dynamic' type. Please use an explicit cast (for example, 'summarize ... by tostring("+c.name+")') as grouping by a 'dynamic' type is not supported.")
		}
	}
	measures, more, err := k.measures(rel, op.exprs)
	if err != nil {
		return nil, err
	}
	s := &kqlSummary{keys: keys, columns: append(columns, more...), measures: measures, groups: map[string]*kqlGroup{}}
	if len(keys) == 0 {
		s.order = append(s.order, &kqlGroup{agg: make([]kqlAggregate, len(measures))})
		s.groups[""] = s.order[0]
	}
	return s, nil
}

func (s *kqlSummary) add(rows []kqlRow) {
	for _, r := range rows {
		row, text := make(kqlRow, len(s.keys)), strings.Builder{}
		for i, f := range s.keys {
			row[i] = force(f(r))
			part := kqlKey(row[i])
			text.WriteString(part)
			text.WriteByte(0)
		}
		g := s.groups[text.String()]
		if g == nil {
			g = &kqlGroup{key: row, agg: make([]kqlAggregate, len(s.measures))}
			s.groups[text.String()] = g
			s.order = append(s.order, g)
		}
		for i := range s.measures {
			g.agg[i].add(&s.measures[i], r)
		}
	}
}

func (s *kqlSummary) result() *kqlRelation {
	out := &kqlRelation{columns: s.columns}
	for _, g := range s.order {
		row := g.key
		for i := range s.measures {
			row = append(row, g.agg[i].value(s.measures[i].name))
		}
		out.rows = append(out.rows, row)
	}
	return out
}
