package azuresim

import (
	"slices"
	"strings"
	"sync"
)

// kqlStream is a large table in parts, each made when it is read. Within a part and from part to part
// rows are ordered by id.
type kqlStream struct {
	columns []kqlColumn
	parts   int
	part    func(i int) []kqlRow
}

// rowwise are the operators whose rows each come from one row.
var rowwise = []string{"where", "project", "extend", "project-away"}

// prefix is how many of a query's first operators work row by row.
func (q *kqlQuery) prefix() int {
	n := slices.IndexFunc(q.ops, func(op kqlOp) bool { return !slices.Contains(rowwise, op.name) })
	if n < 0 {
		return len(q.ops)
	}
	return n
}

// through takes a part through the first operators.
func (k *kqlRunner) through(s *kqlStream, i int, ops []kqlOp) (*kqlRelation, error) {
	rel := &kqlRelation{columns: s.columns}
	if i >= 0 {
		rel.rows = s.part(i)
	}
	var err error
	for j := range ops {
		if rel, err = k.apply(rel, &ops[j]); err != nil {
			return nil, err
		}
	}
	return rel, nil
}

// runStream evaluates a query part by part as far as that goes: sums are made of every part before the
// next is read.
func (k *kqlRunner) runStream(s *kqlStream, q *kqlQuery) (*kqlRelation, error) {
	n := q.prefix()
	out, err := k.through(s, -1, q.ops[:n]) // the columns, also of no parts
	if err != nil {
		return nil, err
	}
	var sum *kqlSummary
	if n < len(q.ops) && q.ops[n].name == "summarize" {
		if sum, err = k.newSummary(out, &q.ops[n]); err != nil {
			return nil, err
		}
	}
	for i := range s.parts {
		rel, err := k.through(s, i, q.ops[:n])
		switch {
		case err != nil:
			return nil, err
		case sum != nil:
			sum.add(rel.rows)
		default:
			out.rows = append(out.rows, rel.rows...)
		}
	}
	if sum != nil {
		out, n = sum.result(), n+1
	}
	for i := n; i < len(q.ops); i++ {
		if out, err = k.apply(out, &q.ops[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// graphWindow is a stretch of the rows of an answer.
type graphWindow struct {
	rel          *kqlRelation
	first, total int
}

// rows are some of the window's, by their place in the answer.
func (w *graphWindow) rows(from, to int) []kqlRow {
	if from >= to {
		return nil
	}
	return w.rel.rows[from-w.first : to-w.first]
}

// pageable says whether the pages of a query can be read one by one: its rows are those of a stream, in
// the stream's order, and have an id.
func (q *kqlQuery) pageable(rel *kqlRelation) bool {
	rest := q.ops[q.prefix():]
	switch {
	case !slices.ContainsFunc(rel.columns, func(c kqlColumn) bool { return c.name == "id" }):
		return false
	case len(rest) == 0:
		return true
	}
	by := rest[0]
	return len(rest) == 1 && by.name == "sort" && len(by.exprs) == 1 && !by.desc[0] && by.exprs[0].expr.columnName() == "id" &&
		!slices.ContainsFunc(q.ops, func(op kqlOp) bool { // id is still the row's own
			return op.name != "sort" && slices.ContainsFunc(op.exprs, func(n kqlNamed) bool { return n.name == "id" })
		})
}

// window reads the rows from one place to another, and counts all if that was not done before.
func (k *kqlRunner) window(s *kqlStream, q *kqlQuery, counts []int, from, to int) (*graphWindow, []int, error) {
	ops := q.ops[:q.prefix()]
	head, err := k.through(s, -1, ops)
	if err != nil {
		return nil, nil, err
	}
	out := &graphWindow{rel: head, first: -1}
	known := counts != nil
	for i := range s.parts {
		if known && (out.total+counts[i] <= from || out.total >= to) {
			out.total += counts[i]
			continue
		}
		rel, err := k.through(s, i, ops)
		if err != nil {
			return nil, nil, err
		}
		n := len(rel.rows)
		if out.total+n > from && out.total < to {
			if out.first < 0 {
				out.first = out.total
			}
			out.rel.rows = append(out.rel.rows, rel.rows...)
		}
		out.total += n
		if !known {
			counts = append(counts, n)
		}
	}
	if counts == nil {
		counts = []int{}
	}
	out.first = max(out.first, 0)
	return out, counts, nil
}

// graphCounts keeps how many rows the parts of an answer have while its pages are read.
type graphCounts struct {
	mu    sync.Mutex
	order []graphResult
	held  map[graphResult][]int
}

// countsKept bounds the answers whose counts are kept.
const countsKept = 64

func (g *graphCounts) get(key graphResult) []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held[key]
}

func (g *graphCounts) put(key graphResult, counts []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		g.held = map[graphResult][]int{}
	}
	if g.held[key] != nil {
		return
	}
	if len(g.order) == countsKept {
		delete(g.held, g.order[0])
		g.order = g.order[1:]
	}
	g.held[key] = counts
	g.order = append(g.order, key)
}

// streamOf is the stream that a query reads, if its table is one.
func (g *graphScan) streamOf(q *kqlQuery) *kqlStream {
	if q.inner != nil || q.union != nil {
		return nil
	}
	return g.stream(strings.ToLower(q.source.text))
}

// stream makes a large table, of what is above subscriptions first and then of each subscription by id.
func (g *graphScan) stream(name string) *kqlStream {
	var head func() []kqlRow
	var rows func(*subscription) []kqlRow
	switch name {
	case "policyresources":
		head, rows = g.policyHead, func(sub *subscription) []kqlRow { return g.s.policies(sub, g.at).policyRows(g.at) }
	case "securityresources":
		head, rows = func() []kqlRow { return nil }, func(sub *subscription) []kqlRow { return g.s.security(sub, g.at).rows() }
	case "authorizationresources":
		head, rows = g.rbacHead, g.rbacRows
	default:
		return nil
	}
	subs := slices.Clone(g.subs)
	slices.SortFunc(subs, func(a, b *subscription) int { return strings.Compare(a.id, b.id) })
	return &kqlStream{columns: graphColumns, parts: 1 + len(subs), part: func(i int) []kqlRow {
		if i == 0 {
			return head()
		}
		return rows(subs[i-1])
	}}
}

// policyHead are the definitions and initiatives, and what is in force at management groups. Through
// Lighthouse nobody sees what management groups have; others only if the query asks for what is above.
func (g *graphScan) policyHead() []kqlRow {
	var out []kqlRow
	t := g.s.estate.byID[g.tenant]
	own := t != g.s.estate.managing
	add := func(id, kind string, properties map[string]any) {
		row := scopeRow(id, kind, "", nil, t.id, properties)
		out = append(out, row)
	}
	for _, d := range g.s.estate.definitions() {
		if own || !d.custom {
			add(d.id(t), "microsoft.authorization/policydefinitions", d.properties(t))
		}
	}
	for _, set := range g.s.estate.initiatives() {
		if own || !set.custom {
			add(set.id(t), "microsoft.authorization/policysetdefinitions", set.properties(t))
		}
	}
	if own && g.above {
		for _, a := range g.s.estate.groupAssignments(t) {
			if a.inForce(g.at) && slices.ContainsFunc(g.subs, func(sub *subscription) bool { return sub.under(a.scope) }) {
				add(a.id, "microsoft.authorization/policyassignments", a.properties(t))
			}
		}
		seen := map[string]bool{}
		for _, sub := range g.subs {
			for _, x := range g.s.estate.groupExemptions(sub) {
				if !seen[x.id] && !g.at.Before(x.created) {
					seen[x.id] = true
					add(x.id, "microsoft.authorization/policyexemptions", x.properties())
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b kqlRow) int { return strings.Compare(kqlText(a[0]), kqlText(b[0])) })
	return out
}
