package compliance

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"fresnel"
)

// explainer says why failures moved.
type explainer struct {
	subs       map[string]span
	checks     map[itemKey]Item
	added      map[itemKey]string // assignments that are new in the tenant, with their names
	removed    map[itemKey]string
	was, is    map[pair]Counts             // by assignment and subscription
	reached    map[itemKey]*AssignmentMove // assignments that judge a subscription more, and fail something there
	left       map[itemKey]*AssignmentMove
	items      map[itemKey]Item
	exemptions map[itemKey][]Item // by assignment
}

// pair is an assignment in a subscription.
type pair struct {
	subscription string
	item         int64
}

// explainer reads what assignments judged on the two days, and what is exempt;
// it fills what is compared like with like.
func (r Reports) explainer(ctx context.Context, s fresnel.Scope, d *Drift, subs map[string]span) (*explainer, error) {
	x := &explainer{
		subs: subs, checks: map[itemKey]Item{}, added: map[itemKey]string{}, removed: map[itemKey]string{}, exemptions: map[itemKey][]Item{},
		was: map[pair]Counts{}, is: map[pair]Counts{}, reached: map[itemKey]*AssignmentMove{}, left: map[itemKey]*AssignmentMove{},
	}
	list, err := r.Reader.Told(ctx, s, []Kind{KindAssignment, KindExemption, KindCheck}, true)
	if err != nil {
		return nil, err
	}
	items := keyed(list)
	x.items = items
	for _, i := range list {
		switch i.Kind { //nolint:exhaustive // no others were asked for
		case KindCheck:
			x.checks[itemKey{i.Tenant, i.Num}] = i
		case KindExemption:
			k := itemKey{i.Tenant, i.Assignment}
			x.exemptions[k] = append(x.exemptions[k], i)
		}
	}
	before, err := r.Reader.CountsAt(ctx, s, KindAssignment, d.From)
	if err != nil {
		return nil, err
	}
	after, err := r.Reader.CountsAt(ctx, s, KindAssignment, d.To)
	if err != nil {
		return nil, err
	}
	sums := [2]map[itemKey]Counts{{}, {}}
	first, last := map[fresnel.TenantID]time.Time{}, map[fresnel.TenantID]time.Time{} // the earliest and the latest reading that are compared
	for _, c := range before {
		if sp, ok := subs[c.Subscription]; ok {
			first[c.Tenant] = oldest(first[c.Tenant], sp.from)
			if sp.to.After(last[c.Tenant]) {
				last[c.Tenant] = sp.to
			}
			x.was[pair{c.Subscription, c.Item}] = c.Counts
			k := itemKey{c.Tenant, c.Item}
			sums[0][k] = sums[0][k].Plus(c.Counts)
		}
	}
	for _, c := range after {
		if _, ok := subs[c.Subscription]; !ok {
			continue
		}
		k := itemKey{c.Tenant, c.Item}
		sums[1][k] = sums[1][k].Plus(c.Counts)
		x.is[pair{c.Subscription, c.Item}] = c.Counts
		if old, ok := x.was[pair{c.Subscription, c.Item}]; ok {
			d.LikeBefore, d.LikeAfter = d.LikeBefore.Plus(old), d.LikeAfter.Plus(c.Counts)
		}
	}
	for _, side := range []struct {
		have, lack map[itemKey]Counts
		into       map[itemKey]string
		added      bool
	}{{sums[1], sums[0], x.added, true}, {sums[0], sums[1], x.removed, false}} {
		for k, n := range side.have {
			if _, ok := side.lack[k]; ok {
				continue
			}
			i := items[k]
			i.Num, i.Tenant = k.num, k.tenant
			if side.added && !i.Created.IsZero() && i.Created.Before(first[k.tenant].Add(-lag)) {
				continue // it was there, and had nothing to judge
			}
			if told := i.About != ""; !side.added && told && (i.Gone.IsZero() || i.Gone.After(last[k.tenant])) {
				continue // it is there, and has nothing to judge any more
			}
			side.into[k] = cmp.Or(i.Name, i.ID)
			d.Assignments = append(d.Assignments, AssignmentMove{Item: i, Added: side.added, Counts: n})
		}
	}
	return x, nil
}

func (d *Drift) sortAssignments() {
	slices.SortFunc(d.Assignments, func(a, b AssignmentMove) int {
		return cmp.Or(cmp.Compare(b.Counts.NonCompliant, a.Counts.NonCompliant), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Num, b.Num))
	})
}

// suspects selects the moves for which why may find another cause than drift:
// each of its rules is here without what a single resource decides.
func (x *explainer) suspects() *MovedSome {
	out := &MovedSome{}
	type one struct {
		policy      int64
		reference   string
		first, gone time.Time
	}
	checks := map[itemKey][]one{} // by assignment
	for k, c := range x.checks {
		a := itemKey{k.tenant, c.Assignment}
		checks[a] = append(checks[a], one{c.Policy, c.Reference, c.First, c.Gone})
	}
	in := map[fresnel.TenantID][]itemKey{}
	for k := range checks {
		in[k.tenant] = append(in[k.tenant], k)
	}
	for sub, during := range x.subs {
		if at := during.from.Add(-lag); out.Lived.IsZero() || at.Before(out.Lived) {
			out.Lived = at
		}
		for _, k := range in[during.tenant] {
			_, was := x.was[pair{sub, k.num}]
			_, is := x.is[pair{sub, k.num}]
			_, added := x.added[k]
			_, removed := x.removed[k]
			ended, made := x.exemptedIn(sub, k, during)
			for _, c := range checks[k] {
				about := func(e Item) bool { return e.Exempts(strings.ToLower(e.Scope), c.reference) }
				if added || is && !was || during.saw(c.first) || slices.ContainsFunc(ended, about) {
					out.New = append(out.New, PolicyIn{sub, c.policy})
				}
				if removed || was && !is || during.saw(c.gone) || slices.ContainsFunc(made, about) {
					out.Resolved = append(out.Resolved, PolicyIn{sub, c.policy})
				}
			}
		}
	}
	return out
}

// exemptedIn gives the exemptions from an assignment, within a subscription or
// above it, that ended or were made.
func (x *explainer) exemptedIn(sub string, assignment itemKey, during span) (ended, made []Item) {
	below := "/subscriptions/" + strings.ToLower(sub)
	for _, e := range x.exemptions[assignment] {
		scope := strings.ToLower(e.Scope)
		if strings.HasPrefix(scope, "/subscriptions/") && scope != below && !strings.HasPrefix(scope, below+"/") {
			continue
		}
		if during.saw(e.Gone) || during.has(e.Expires) {
			ended = append(ended, e)
		}
		if during.has(e.Created) || during.saw(e.First) {
			made = append(made, e)
		}
	}
	return ended, made
}

// why finds the cause of a move, and what is called so.
func (x *explainer) why(m Moved) (Cause, string) {
	during := x.subs[m.Subscription]
	all := func(of map[itemKey]string) (string, bool) {
		name := ""
		for _, n := range m.Checks {
			by, ok := of[itemKey{m.Tenant, x.checks[itemKey{m.Tenant, n}].Assignment}]
			if !ok {
				return "", false
			}
			name = by
		}
		return name, len(m.Checks) > 0
	}
	side, lived := x.added, m.Born
	if m.Kind == MovedResolved {
		side, lived = x.removed, m.Died
	}
	if name, ok := all(side); ok {
		return CauseAssignment, name
	}
	if during.has(lived) {
		return CauseResource, ""
	}
	for _, n := range m.Checks {
		check := x.checks[itemKey{m.Tenant, n}]
		for _, e := range x.exemptions[itemKey{m.Tenant, check.Assignment}] {
			if !e.Exempts(m.Resource, check.Reference) {
				continue
			}
			ended := during.saw(e.Gone) || during.has(e.Expires)
			made := during.has(e.Created) || during.saw(e.First)
			if m.Kind == MovedNew && ended || m.Kind == MovedResolved && made {
				return CauseExemption, cmp.Or(e.Name, e.ID)
			}
		}
	}
	if by, ok := x.policy(m, during); ok {
		return CauseAssignment, by
	}
	if by, ok := x.reach(m); ok {
		return CauseAssignment, by
	}
	return CauseState, ""
}

// policy tells whether a policy was added to its initiatives, or taken out.
func (x *explainer) policy(m Moved, during span) (string, bool) {
	for _, n := range m.Checks {
		c := x.checks[itemKey{m.Tenant, n}]
		if at := c.First; m.Kind == MovedNew && !during.saw(at) || m.Kind == MovedResolved && !during.saw(c.Gone) {
			return "", false
		}
	}
	if len(m.Checks) == 0 {
		return "", false
	}
	return x.checks[itemKey{m.Tenant, m.Checks[0]}].Reference, true
}

// reach tells whether assignments have come to judge a subscription that they
// did not judge, though they judged others: it was moved below them, or is no
// longer left out. Or the other way round.
func (x *explainer) reach(m Moved) (string, bool) {
	lacks, has, into := x.was, x.is, x.reached
	if m.Kind == MovedResolved {
		lacks, has, into = x.is, x.was, x.left
	}
	var which []itemKey
	for _, n := range m.Checks {
		k := itemKey{m.Tenant, x.checks[itemKey{m.Tenant, n}].Assignment}
		p := pair{m.Subscription, k.num}
		if _, there := lacks[p]; there {
			return "", false
		}
		if _, there := has[p]; there {
			which = append(which, k)
		}
	}
	name := ""
	for _, k := range which {
		i := x.items[k]
		i.Num, i.Tenant = k.num, k.tenant
		name = cmp.Or(i.Name, i.ID)
		if into[k] == nil {
			into[k] = &AssignmentMove{Item: i, Added: m.Kind == MovedNew}
		}
		move := into[k]
		if !slices.Contains(move.Subscriptions, m.Subscription) {
			move.Subscriptions = append(move.Subscriptions, m.Subscription)
			move.Counts = move.Counts.Plus(has[pair{m.Subscription, k.num}])
		}
	}
	return name, len(which) > 0
}

// Exempts tells whether an exemption, whenever it holds, is about a resource
// and a definition within its assignment.
func (i Item) Exempts(resource, reference string) bool {
	scope := strings.ToLower(i.Scope)
	if strings.HasPrefix(scope, "/subscriptions/") && resource != scope && !strings.HasPrefix(resource, scope+"/") {
		return false // one of a management group is about all that is below it: its assignment judged the resource
	}
	return len(i.More.References) == 0 || slices.ContainsFunc(i.More.References, func(r string) bool { return strings.EqualFold(r, reference) })
}
