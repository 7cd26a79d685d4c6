package storetest

import (
	"fmt"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

// told puts changes that Azure tells of, and demands that so many are written.
func (f *fixture) changed(i int, want int, list ...inventory.Change) {
	f.Helper()
	got, err := f.db.Inventory().PutChanges(f.ctx, TenantID(i), list, noon)
	f.ok(err)
	if got != want {
		f.Errorf("PutChanges wrote %d, want %d", got, want)
	}
}

// change is what Azure tells of a resource.
func changeOf(r inventory.Resource, kind inventory.ChangeKind, at time.Time, by inventory.Actor) inventory.Change {
	return inventory.Change{
		ID: r.ID, Ref: fmt.Sprint(r.ID, kind, at), Tenant: r.Tenant, Subscription: r.Subscription, Group: r.Group, Type: r.Type, Kind: kind, At: at, Actor: by,
	}
}

// history gives changes in words, read in pages of a size.
func (f *fixture) history(s fresnel.Scope, q inventory.ChangeQuery, size int) []string {
	f.Helper()
	out := []string{}
	q.Limit = size
	for {
		l, err := f.db.InventoryReader().Changes(f.ctx, s, q)
		f.ok(err)
		for _, c := range l.Rows {
			words := fmt.Sprintf("%s %s by %s%s", c.Name, c.Kind, c.Actor.Kind, c.Actor.App)
			if !c.Since.IsZero() {
				words += " after " + c.Since.Format("15:04")
			}
			var values strings.Builder
			for _, v := range c.Values {
				fmt.Fprintf(&values, " %s:%s>%s", v.Path, v.Before, v.After)
			}
			out = append(out, words+values.String())
		}
		if l.Next == (inventory.ChangePlace{}) {
			f.equal("total", []any{l.Total, l.More}, []any{len(out), false})
			return out
		}
		if q.After = l.Next; len(out) > 1000 {
			f.Fatal("the history does not end")
		}
	}
}

// testChanges follows the history of resources: what Azure tells, and what only
// a reading comes upon.
func testChanges(f *fixture) {
	f.register(2, 2)
	all, inv := fresnel.AllTenants(), f.db.Inventory()
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	since := func(want time.Time, subs ...string) {
		f.Helper()
		got, err := inv.ChangesSince(f.ctx, TenantID(0), subs)
		f.ok(err)
		f.equal("asked from", got, want)
	}
	a, b, c := res(0, 0, "rg", "a", nil), res(0, 0, "rg", "b", nil), res(0, 0, "rg", "c", nil)
	since(time.Time{}, SubscriptionID(0, 0))
	f.put(0, 0, at(0), 2, a, b)
	f.finish(0, 0, at(0), 0, a, b)
	f.equal("what was there before is no change", f.history(all, inventory.ChangeQuery{}, 10), []string{})
	since(time.Time{}, SubscriptionID(0, 0)) // of what changed nothing was told
	f.ok(inv.ChangesRead(f.ctx, TenantID(0), []string{SubscriptionID(0, 0)}, at(-1)))
	f.ok(inv.ChangesRead(f.ctx, TenantID(0), []string{SubscriptionID(0, 0), SubscriptionID(1, 0)}, at(0))) // one is another's
	since(at(-60), SubscriptionID(0, 0))
	since(time.Time{}, SubscriptionID(0, 0), SubscriptionID(0, 1)) // one was never read
	since(time.Time{}, SubscriptionID(1, 0))

	// Only we saw it.
	a.Tags = map[string]string{"env": "prod"}
	f.put(0, 0, at(10), 2, a, c)
	f.finish(0, 0, at(10), 1, a, c)
	seen := []string{"c created by unknown after 12:00", "b deleted by unknown after 12:00", "a updated by unknown after 12:00 tags.env:>prod"}
	got := f.history(all, inventory.ChangeQuery{}, 2)
	f.equal("seen", len(got), 3)
	for _, s := range seen {
		if !strings.Contains(strings.Join(got, "|"), s) {
			f.Errorf("%q is not in %q", s, got)
		}
	}

	// Azure tells late of one of them, and in time of another; twice.
	app := inventory.Actor{Kind: inventory.ByApp, App: "11111111-1111-1111-1111-111111111111"}
	late := changeOf(a, inventory.Updated, at(5), app)
	late.SetValues([]inventory.ValueChange{{Path: "tags.env", After: "prod"}, {Path: "systemData.lastModifiedBy", After: "ada@example.com"}})
	f.changed(0, 1, late)
	f.changed(0, 0, late)
	f.equal("told better", f.history(all, inventory.ChangeQuery{Resource: strings.ToUpper(a.ID)}, 10), []string{"a updated by app" + app.App + " tags.env:>prod"})
	f.changed(0, 1, changeOf(c, inventory.Updated, at(15), inventory.Actor{Kind: inventory.ByPerson}))
	c.Location = "northeurope"
	f.put(0, 0, at(20), 1, c)
	f.finish(0, 0, at(20), 0, a, c)
	f.equal("told already", f.history(all, inventory.ChangeQuery{Resource: c.ID}, 1), []string{"c updated by person", "c created by unknown after 12:00"})

	// What only readings change has no history, nor has what is not held.
	advice := res(0, 0, "", "advice", nil)
	advice.Type = "microsoft.advisor/recommendations"
	f.put(0, 0, at(30), 1, advice)
	f.finish(0, 0, at(30), 0, a, c, advice)
	f.finish(0, 0, at(31), 1, a, c)
	ghost := res(1, 0, "rg", "ghost", nil)
	f.changed(1, 2, changeOf(ghost, inventory.Created, at(1), app), changeOf(ghost, inventory.Deleted, at(2), inventory.Actor{Kind: inventory.ByPlatform}))
	f.changed(1, 0, changeOf(a, inventory.Updated, at(3), app)) // of another tenant's subscription

	one := fresnel.ScopeOf(TenantID(0))
	for _, ask := range []struct {
		s    fresnel.Scope
		q    inventory.ChangeQuery
		want int
	}{
		{all, inventory.ChangeQuery{}, 6},
		{one, inventory.ChangeQuery{}, 4},
		{fresnel.ScopeOf(TenantID(1)), inventory.ChangeQuery{Resource: a.ID}, 0},
		{all, inventory.ChangeQuery{Subscriptions: []string{SubscriptionID(1, 0)}}, 2},
		{all, inventory.ChangeQuery{Types: []string{strings.ToUpper(vmType)}}, 6},
		{all, inventory.ChangeQuery{Types: []string{"no/such"}}, 0},
		{all, inventory.ChangeQuery{Kinds: []inventory.ChangeKind{inventory.Created, inventory.Deleted}}, 4},
		{all, inventory.ChangeQuery{Actors: []inventory.ActorKind{inventory.ByUnknown}}, 2},
		{all, inventory.ChangeQuery{Period: fresnel.Period{From: fresnel.DayOf(noon), To: fresnel.DayOf(noon) + 1}}, 6},
		{all, inventory.ChangeQuery{Period: fresnel.Period{From: fresnel.DayOf(noon) + 1, To: fresnel.DayOf(noon) + 2}}, 0},
	} {
		for _, size := range []int{1, 3, 100} {
			f.equal(fmt.Sprintf("%v %+v", ask.s.Key(), ask.q), len(f.history(ask.s, ask.q, size)), ask.want)
		}
	}
	f.changesRefused(a)
	for i, name := range told() {
		ch := changeOf(a, inventory.Updated, at(40), app)
		ch.ID, ch.Ref, ch.Group, ch.Type = ch.ID+fmt.Sprint(i)+name, name, strings.ToLower(name), "t/"+strings.ToLower(name)
		ch.SetValues([]inventory.ValueChange{{Path: name, Before: strings.Repeat(name, 500), After: name}})
		f.changed(0, 1, ch)
		f.changed(0, 0, ch)
		f.equal("found by its type", len(f.history(all, inventory.ChangeQuery{Types: []string{ch.Type}, Resource: ch.ID}, 10)), 1)
	}
	f.ok(inv.Prune(f.ctx, at(2)))
	f.equal("older ones", len(f.history(all, inventory.ChangeQuery{Subscriptions: []string{SubscriptionID(1, 0)}}, 10)), 1)
	gone := func() int { return len(f.listed(all, inventory.Query{Gone: true}, 10)) }
	f.equal("gone", gone(), 1)
	f.ok(inv.Prune(f.ctx, at(11)))
	f.equal("forgotten", []int{gone(), len(f.listed(all, inventory.Query{}, 10))}, []int{0, 2})
	_, err := f.db.InventoryReader().Get(f.ctx, all, b.ID)
	f.kind(err, fresnel.NotFound)
	f.put(0, 0, at(50), 1, b) // the same id once more: it is found by its name
	f.equal("found again", f.listed(all, inventory.Query{Text: "b"}, 10), []string{"b"})
}

func (f *fixture) changesRefused(r inventory.Resource) {
	f.Helper()
	first := f.claim(f.enqueue("resources", 0), "A", 0)
	second := f.claim(first.Run, "B", time.Minute)
	list := []inventory.Change{changeOf(r, inventory.Deleted, noon.Add(time.Hour), inventory.Actor{Kind: inventory.ByPlatform})}
	_, err := f.db.Inventory().PutChanges(fresnel.WithLease(f.ctx, first), TenantID(0), list, noon)
	f.kind(err, fresnel.Conflict)
	n, err := f.db.Inventory().PutChanges(fresnel.WithLease(f.ctx, second), TenantID(0), list, noon)
	f.ok(err)
	f.equal("under the new lease", n, 1)
	f.ok(f.db.Inventory().Prune(f.ctx, noon.Add(-time.Hour)))
}

// testTagLacks keeps what resources lack, and lists by it.
func testTagLacks(f *fixture) {
	f.register(2, 1)
	all, inv := fresnel.AllTenants(), f.db.Inventory()
	a, b, c := res(0, 0, "rg", "a", nil), res(0, 0, "rg", "b", nil), res(1, 0, "rg", "c", nil)
	f.put(0, 0, noon, 2, a, b)
	f.put(1, 0, noon, 1, c)
	lack := func(r inventory.Resource, tag string, wrong bool) inventory.TagLack {
		return inventory.TagLack{Resource: r.Key(), Tag: tag, Wrong: wrong}
	}
	rows := []inventory.TagRow{{Tenant: TenantID(0), By: inventory.TagByTenant, TagCount: inventory.TagCount{Compliant: 1, Judged: 2}, USD: 7}}
	keep := func(i int, rises bool, lacks ...inventory.TagLack) {
		f.Helper()
		before := f.db.Generation()
		f.ok(inv.KeepTags(f.ctx, TenantID(i), rows, lacks, noon))
		f.equal("raises the generation", f.db.Generation() > before, rises)
	}
	keep(0, true, lack(a, "Owner", false), lack(a, "env", true), lack(b, "env", false))
	keep(0, false, lack(b, "env", false), lack(a, "env", true), lack(a, "Owner", false))
	keep(1, true, lack(c, "env", false))
	f.equal("env", f.listed(all, inventory.Query{Missing: "ENV"}, 2), []string{"a", "b", "c"})
	f.equal("owner", f.listed(all, inventory.Query{Missing: "owner"}, 2), []string{"a"})
	f.equal("any", f.listed(all, inventory.Query{Missing: inventory.AnyTag}, 2), []string{"a", "b", "c"})
	f.equal("any, of one tenant", f.listed(fresnel.ScopeOf(TenantID(1)), inventory.Query{Missing: inventory.AnyTag}, 2), []string{"c"})
	f.equal("a tag that nobody has", f.listed(all, inventory.Query{Missing: "none"}, 2), []string(nil))
	got, err := f.db.InventoryReader().Lacks(f.ctx, all, strings.ToUpper(a.ID))
	f.ok(err)
	f.equal("what a lacks", got, []inventory.TagLack{lack(a, "env", true), lack(a, "owner", false)})
	got, err = f.db.InventoryReader().Lacks(f.ctx, fresnel.ScopeOf(TenantID(1)), a.ID)
	f.ok(err)
	f.equal("what others see of it", len(got), 0)
	keep(0, true, lack(a, "env", false))
	f.equal("better now", f.listed(all, inventory.Query{Missing: "env"}, 2), []string{"a", "c"})
	keep(0, true)
	f.equal("all well", f.listed(fresnel.ScopeOf(TenantID(0)), inventory.Query{Missing: inventory.AnyTag}, 2), []string(nil))
}
