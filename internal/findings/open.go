package findings

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"fresnel"
)

// Tally is how much a rule has found.
type Tally struct {
	Held int // not resolved
	Open int // of them, those of which nobody said anything that holds
}

// Open counts what rules found, without reading it: only what people said
// something of is read. A rule that holds nothing is not in it.
func (r Reports) Open(ctx context.Context, s fresnel.Scope, rules []string) (map[string]Tally, error) {
	f, known, err := r.filter(rules, "", "")
	if err != nil || len(known) == 0 {
		return nil, err
	}
	counts, err := r.Reader.OpenByRule(ctx, s, f.Rules)
	if err != nil {
		return nil, err
	}
	out := map[string]Tally{}
	for rule, n := range counts {
		out[rule] = Tally{n, n}
	}
	said, err := r.Reader.ExceptionsOf(ctx, s, f.Rules)
	if err != nil {
		return nil, err
	}
	rows, err := r.saidOf(ctx, s, said, known)
	for i := range rows {
		if t := out[rows[i].Rule.ID]; t.Open > 0 {
			t.Open--
			out[rows[i].Rule.ID] = t
		}
	}
	return out, err
}

// saidOf gives the findings that exceptions hold, in no order. There are few: they
// are found by their objects, not among all.
func (r Reports) saidOf(ctx context.Context, s fresnel.Scope, said []fresnel.Exception, rules map[string]Rule) ([]Row, error) {
	now := r.Now()
	said = slices.DeleteFunc(slices.Clone(said), func(e fresnel.Exception) bool { return e.Standing(now) != fresnel.StandingActive })
	if len(said) == 0 {
		return nil, nil
	}
	found := map[int64]fresnel.Finding{}
	var objects []string
	for _, e := range said {
		objects = append(objects, e.Object)
		if !strings.HasPrefix(e.Object, "/subscriptions/") {
			continue
		}
		list, err := r.Reader.HeldIn(ctx, e.Tenant, []string{e.Rule}, e.Object+"/", e.Object+"0") // 0 comes after /
		if err != nil {
			return nil, err
		}
		for _, one := range list {
			found[one.ID] = one
		}
	}
	slices.Sort(objects)
	by, err := r.Reader.OfObjects(ctx, s, slices.Compact(objects))
	if err != nil {
		return nil, err
	}
	for _, list := range by {
		for _, one := range list {
			found[one.ID] = one
		}
	}
	return judged(found, fresnel.ByObject(said), rules, now), nil
}

// judged are the findings of rules that are not open, in no order.
func judged(found map[int64]fresnel.Finding, said fresnel.ExceptionsByObject, rules map[string]Rule, now time.Time) []Row {
	var out []Row
	for _, one := range found {
		rule, ok := rules[one.Rule]
		if !ok {
			continue
		}
		row := Row{Finding: one, Rule: rule}
		if row.State, row.Exception = said.StateOf(one, now); row.Exception != nil {
			out = append(out, row)
		}
	}
	return out
}

// listSaid is List of a state that only what people said makes.
func (r Reports) listSaid(ctx context.Context, s fresnel.Scope, q Query, said []fresnel.Exception, rules map[string]Rule) (rows []Row, next *Place, err error) {
	if rows, err = r.saidOf(ctx, s, said, rules); err != nil {
		return nil, nil, err
	}
	object := objectOf(q.Object)
	order := func(a, b Place) int { return cmp.Or(cmp.Compare(b.USD, a.USD), cmp.Compare(a.ID, b.ID)) }
	rows = slices.DeleteFunc(rows, func(row Row) bool {
		return row.State != q.State || object != "" && row.Object != object || q.After != nil && order(Place{row.USD, row.ID}, *q.After) <= 0
	})
	slices.SortFunc(rows, func(a, b Row) int { return order(Place{a.USD, a.ID}, Place{b.USD, b.ID}) })
	if len(rows) > q.Limit {
		rows = rows[:q.Limit]
		next = &Place{rows[q.Limit-1].USD, rows[q.Limit-1].ID}
	}
	return rows, next, nil
}
