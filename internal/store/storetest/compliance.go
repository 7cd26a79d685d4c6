package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// judgement is a state of a resource by a check.
type judgement struct {
	resource string
	check    compliance.Key
	state    compliance.State
}

// Snapshot is what Azure would say of judgements: counted here by comparing
// each with each, as the words of the definition say.
func snapshot(sub string, list []judgement) compliance.PolicySnapshot {
	p := compliance.PolicySnapshot{Subscription: sub}
	strongest := func(of func(judgement) bool) (n compliance.Counts) {
		best := map[string]compliance.State{}
		for _, j := range list {
			if old, ok := best[j.resource]; of(j) && (!ok || j.state > old) {
				best[j.resource] = j.state
			}
		}
		for _, s := range best {
			n.Add(s, 1)
		}
		return n
	}
	p.Counts = strongest(func(judgement) bool { return true })
	seen := map[compliance.Key]bool{}
	for _, j := range list {
		for _, k := range []compliance.Key{j.check, j.check.In(), j.check.Of()} {
			if seen[k] {
				continue
			}
			seen[k] = true
			c := compliance.Counted{Subscription: sub, Key: k, Counts: strongest(func(o judgement) bool { return o.check == k || o.check.In() == k || o.check.Of() == k })}
			if k.Kind == compliance.KindCheck {
				c.Effect = "audit"
			}
			p.Items = append(p.Items, c)
		}
		if j.state == compliance.NonCompliant || j.state == compliance.Conflict {
			p.Failures = append(p.Failures, compliance.Failure{Subscription: sub, Resource: j.resource, Type: "microsoft.x/y", Group: "g", State: j.state, Check: j.check})
		}
	}
	return p
}

// judged makes random judgements: some resources by some checks, a policy by two
// assignments among them.
func judged(r *rand.Rand, sub string) (out []judgement) {
	for i := range 6 {
		for a := range 3 {
			for d := range 2 {
				if r.IntN(3) == 0 {
					continue
				}
				out = append(out, judgement{
					resource: fmt.Sprintf("/subscriptions/%s/resourcegroups/g/providers/microsoft.x/y/r%d", sub, i),
					check:    compliance.Key{Kind: compliance.KindCheck, Assignment: fmt.Sprintf("/a%d", a), Definition: fmt.Sprintf("/policydefinitions/d%d", d), Reference: fmt.Sprintf("r%d", a)},
					state:    compliance.State(r.IntN(5)),
				})
			}
		}
	}
	return out
}

// complianceDay is what was put last, up to the end of a day.
type complianceDay map[[2]int]compliance.PolicySnapshot

// testCompliance puts random snapshots on random days, and holds what is read of
// each day against what was put.
func testCompliance(f *fixture) {
	f.register(2, 2)
	r := rand.New(rand.NewPCG(7, 9))
	c, rd := f.db.Compliance(), f.db.ComplianceReader()
	const days = 9
	start := fresnel.DayOf(noon)
	var history []complianceDay
	held := complianceDay{}
	for d := range days {
		for i := range 2 {
			for j := range 2 {
				if r.IntN(4) == 0 && d > 0 {
					continue // nothing is read today
				}
				for hour := range 1 + r.IntN(2) { // what the day's last reading says counts
					at := (start + fresnel.Day(d)).Time().Add(time.Duration(8+hour) * time.Hour)
					p := snapshot(SubscriptionID(i, j), judged(r, SubscriptionID(i, j)))
					if r.IntN(5) == 0 {
						p = snapshot(SubscriptionID(i, j), nil)
					}
					_, err := c.PutPolicy(f.ctx, TenantID(i), p, at)
					f.ok(err)
					n, err := c.PutPolicy(f.ctx, TenantID(i), p, at.Add(time.Minute))
					f.ok(err)
					f.equal("rows written of the same again", n, 0)
					held[[2]int{i, j}] = p
				}
			}
			f.ok(c.Close(f.ctx, TenantID(i), (start + fresnel.Day(d)).Time().Add(20*time.Hour)))
		}
		f.ok(c.Verify(f.ctx))
		history = append(history, maps.Clone(held))
	}
	for d, want := range history {
		f.sameDay(rd, start+fresnel.Day(d), want)
	}
	for from := range days {
		for to := from + 1; to < days; to++ {
			f.sameMoves(rd, start+fresnel.Day(from), start+fresnel.Day(to), history[from], history[to])
		}
	}
	f.sameLists(rd, held)
}

// sameDay wants a day's counts to be what was put.
func (f *fixture) sameDay(rd compliance.Reader, d fresnel.Day, want complianceDay) {
	f.Helper()
	at, err := rd.At(f.ctx, fresnel.AllTenants(), nil, d)
	f.ok(err)
	got := map[string]compliance.Counts{}
	for _, x := range at {
		got[x.Subscription] = x.Counts
	}
	counts, items := map[string]compliance.Counts{}, map[string]int{}
	for at, p := range want {
		counts[SubscriptionID(at[0], at[1])] = p.Counts
		for _, k := range p.Items {
			if k.Key.Kind == compliance.KindAssignment {
				items[p.Subscription+fmt.Sprint(k.Counts)]++
			}
		}
	}
	f.equal("counts of "+d.String(), got, counts)
	list, err := rd.CountsAt(f.ctx, fresnel.AllTenants(), compliance.KindAssignment, d)
	f.ok(err)
	read := map[string]int{}
	for _, x := range list {
		read[x.Subscription+fmt.Sprint(x.Counts)]++
	}
	f.equal("counts by assignment of "+d.String(), read, items)
}

// open are the findings of a day: a resource and a policy, and by which checks.
func (d complianceDay) open() map[string]string {
	out := map[string]string{}
	for _, p := range d {
		by := map[string][]string{}
		states := map[string]compliance.State{}
		for _, x := range p.Failures {
			k := x.Resource + x.Check.Definition
			by[k] = append(by[k], x.Check.Assignment)
			states[k] = max(states[k], x.State)
		}
		for k, list := range by {
			slices.Sort(list)
			out[k] = fmt.Sprint(states[k], list)
		}
	}
	return out
}

// sameMoves wants what moved between two days to be the difference of what was
// open on them.
func (f *fixture) sameMoves(rd compliance.Reader, from, to fresnel.Day, was, is complianceDay) {
	f.Helper()
	before, after := was.open(), is.open()
	want := map[string]compliance.MoveKind{}
	for k := range after {
		if _, ok := before[k]; !ok {
			want[k] = compliance.MovedNew
		} else if before[k] != after[k] {
			want[k] = compliance.MovedChanged
		}
	}
	for k := range before {
		if _, ok := after[k]; !ok {
			want[k] = compliance.MovedResolved
		}
	}
	names := map[int64]string{}
	items, err := rd.Told(f.ctx, fresnel.AllTenants(), []compliance.Kind{compliance.KindPolicy}, true)
	f.ok(err)
	for _, i := range items {
		names[i.Num] = i.ID
	}
	got := map[string]compliance.MoveKind{}
	ask := compliance.MovedAsk{From: from, To: to}
	count := map[string]compliance.MovedCount{}
	suspect := map[string]*compliance.MovedSome{}
	f.ok(rd.Moved(f.ctx, fresnel.AllTenants(), ask, func(m compliance.Moved) bool {
		got[m.Resource+names[m.Policy]] = m.Kind
		n := count[m.Subscription]
		n.Subscription = m.Subscription
		some := suspect[m.Subscription]
		if some == nil {
			some = &compliance.MovedSome{}
			suspect[m.Subscription] = some
		}
		switch in := (compliance.PolicyIn{Subscription: m.Subscription, Policy: m.Policy}); m.Kind {
		case compliance.MovedNew:
			n.New, some.New = n.New+1, append(some.New, in)
		case compliance.MovedResolved:
			n.Resolved, some.Resolved = n.Resolved+1, append(some.Resolved, in)
		case compliance.MovedChanged:
			n.Changed++
		}
		count[m.Subscription] = n
		return true
	}))
	f.equal(fmt.Sprintf("moved between %s and %s", from, to), got, want)
	list, err := rd.MovedCounts(f.ctx, fresnel.AllTenants(), nil, from, to)
	f.ok(err)
	for _, n := range list {
		if n != (compliance.MovedCount{Subscription: n.Subscription}) {
			f.equal(fmt.Sprintf("how many moved between %s and %s", from, to), n, count[n.Subscription])
		}
		// What is suspected is read, and what is read is counted.
		for _, some := range []*compliance.MovedSome{suspect[n.Subscription], {Subscriptions: []string{n.Subscription}}} {
			ask.Some = some
			if some == nil {
				continue
			}
			read := compliance.MovedCount{Subscription: n.Subscription}
			f.ok(rd.Moved(f.ctx, fresnel.AllTenants(), ask, func(m compliance.Moved) bool {
				switch {
				case m.Subscription != n.Subscription:
				case m.Kind == compliance.MovedNew:
					read.New++
				case m.Kind == compliance.MovedResolved:
					read.Resolved++
				default:
					read.Changed++
				}
				return true
			}))
			if len(some.Subscriptions) == 0 {
				read.Changed = n.Changed // of these nobody looks for a cause
			}
			f.equal("read of what moved", read, n)
		}
		delete(count, n.Subscription)
	}
	f.equal("moved, and not counted", len(count), 0)
}

// sameLists pages through what fails now, in every order, and by policy.
func (f *fixture) sameLists(rd compliance.Reader, held complianceDay) {
	f.Helper()
	for _, s := range []fresnel.Scope{fresnel.AllTenants(), fresnel.ScopeOf(TenantID(1)), {}} {
		want := map[string]int{}
		byPolicy := map[string]map[string]bool{}
		for at, p := range held {
			if !s.Sees(TenantID(at[0])) {
				continue
			}
			fails := map[string]map[string]bool{}
			for _, x := range p.Failures {
				if x.State != compliance.NonCompliant {
					continue
				}
				if fails[x.Resource] == nil {
					fails[x.Resource] = map[string]bool{}
				}
				fails[x.Resource][x.Check.Definition] = true
				if byPolicy[x.Check.Definition] == nil {
					byPolicy[x.Check.Definition] = map[string]bool{}
				}
				byPolicy[x.Check.Definition][x.Resource] = true
			}
			for id, of := range fails {
				want[id] = len(of)
			}
		}
		f.sameFailures(rd, s, held, slices.Sorted(maps.Keys(want)))
		for _, by := range compliance.FailingSorts() {
			f.equal("failing by "+string(by), f.failing(rd, s, compliance.FailingQuery{Sort: by, Limit: 3}), want)
		}
		f.sameFiltered(rd, s, held, want)
		sums, err := rd.Sums(f.ctx, s, compliance.SumAsk{Kind: compliance.KindPolicy})
		f.ok(err)
		items, err := rd.Told(f.ctx, s, []compliance.Kind{compliance.KindPolicy}, false)
		f.ok(err)
		total := map[int64]int{}
		for _, x := range sums {
			total[x.Item] += x.Counts.NonCompliant
		}
		seen := map[int64]bool{}
		for _, i := range items {
			if seen[i.Num] {
				continue
			}
			seen[i.Num] = true
			got := f.failing(rd, s, compliance.FailingQuery{Policy: i.Num, Limit: 2})
			f.equal("resources that fail "+i.ID, len(got), len(byPolicy[i.ID]))
			f.equal("non-compliant of "+i.ID, total[i.Num], len(got))
		}
	}
}

// sameFiltered asks for those with a part of a name, of a type and of a group.
func (f *fixture) sameFiltered(rd compliance.Reader, s fresnel.Scope, held complianceDay, all map[string]int) {
	f.Helper()
	types, groups := map[string]string{}, map[string]string{}
	for _, p := range held {
		for _, x := range p.Failures {
			types[x.Resource], groups[x.Resource] = x.Type, x.Group
		}
	}
	check := func(q compliance.FailingQuery, is func(id string) bool) {
		f.Helper()
		want := maps.Clone(all)
		maps.DeleteFunc(want, func(id string, _ int) bool { return !is(id) })
		q.Limit = 3
		for _, q.Sort = range compliance.FailingSorts() {
			f.equal(fmt.Sprintf("failing, %+v", q), f.failing(rd, s, q), want)
		}
	}
	for id := range all {
		name := id[strings.LastIndexByte(id, '/')+1:]
		for _, part := range []string{name, strings.ToUpper(name[:1]), name[len(name)-1:], "%", "_"} {
			check(compliance.FailingQuery{Text: part}, func(id string) bool {
				return strings.Contains(id[strings.LastIndexByte(id, '/')+1:], strings.ToLower(part))
			})
		}
		check(compliance.FailingQuery{Types: []string{types[id]}}, func(x string) bool { return types[x] == types[id] })
		check(compliance.FailingQuery{Groups: []string{groups[id]}, Text: name[:1]}, func(x string) bool {
			return groups[x] == groups[id] && strings.Contains(x[strings.LastIndexByte(x, '/')+1:], name[:1])
		})
		return // one of them says enough
	}
}

// failing reads all pages, wants no resource twice and the total to be right.
func (f *fixture) failing(rd compliance.Reader, s fresnel.Scope, q compliance.FailingQuery) map[string]int {
	f.Helper()
	out := map[string]int{}
	total := -1
	for {
		list, err := rd.Failing(f.ctx, s, q)
		f.ok(err)
		for i, x := range list.Rows {
			if _, twice := out[x.Resource]; twice {
				f.Errorf("%s is listed twice", x.Resource)
			}
			out[x.Resource] = x.Policies
			if i > 0 && q.Sort == compliance.FailingMost && cmp.Compare(list.Rows[i-1].Policies, x.Policies) < 0 {
				f.Errorf("%d policies before %d", list.Rows[i-1].Policies, x.Policies)
			}
		}
		total = list.Total
		if list.Next == (compliance.FailingPlace{}) {
			break
		}
		q.After = list.Next
	}
	f.equal("total", total, len(out))
	return out
}

// sameFailures wants each resource to fail what was put, by the same checks.
func (f *fixture) sameFailures(rd compliance.Reader, s fresnel.Scope, held complianceDay, resources []string) {
	f.Helper()
	list, err := rd.FailuresOf(f.ctx, s, resources)
	f.ok(err)
	got, want := map[string]int{}, map[string]int{}
	for _, x := range list {
		got[x.Resource] += 100*len(x.Checks) + int(x.State)
	}
	for at, p := range held {
		if !s.Sees(TenantID(at[0])) {
			continue
		}
		states := map[[2]string]compliance.State{}
		for _, x := range p.Failures {
			if slices.Contains(resources, x.Resource) {
				want[x.Resource] += 100
				k := [2]string{x.Resource, x.Check.Definition}
				states[k] = max(states[k], x.State)
			}
		}
		for k, state := range states {
			want[k[0]] += int(state)
		}
	}
	f.equal("what resources fail", got, want)
}
