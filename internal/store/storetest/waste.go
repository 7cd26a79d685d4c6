package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/inventory"
)

// testResourceCosts gives the amortized cost of resources by month and currency.
func testResourceCosts(f *fixture) {
	f.register(2, 2)
	a, b, c := res(0, 0, "g", "a", nil), res(0, 1, "g", "b", nil), res(1, 0, "g", "c", nil)
	f.put(0, 0, noon, 1, a)
	f.put(0, 1, noon, 1, b)
	f.put(1, 0, noon, 1, c)
	cut := func(i, j int, days fresnel.Period, m cost.Metric, lines ...cost.Line) {
		w := window(i, j, days, m, noon)
		w.Cut = cost.CutResources
		for k := range lines {
			lines[k].Day = days.From
		}
		f.replace(w, lines, len(lines))
	}
	dollars := resource(a.ID, "VM", 1)
	dollars.Currency = "USD"
	april := fresnel.Period{From: may.From.AddMonths(-1), To: may.From}
	cut(0, 0, april, cost.Amortized, resource(a.ID, "VM", 1_000_000))
	cut(0, 0, may, cost.Amortized, resource(a.Key(), "VM", 10), resource(strings.ToUpper(a.ID), "Disk", 5), dollars, resource("/subscriptions/x/other", "VM", 77))
	cut(0, 0, june, cost.Amortized, resource(a.ID, "VM", 3))
	cut(0, 0, may, cost.Actual, resource(a.ID, "VM", 999))
	cut(0, 1, june, cost.Amortized, resource(b.ID, "VM", 4))
	cut(1, 0, may, cost.Amortized, resource(c.ID, "VM", 6))
	ask := func(s fresnel.Scope, ids ...string) map[string]inventory.MonthCost {
		got, err := f.db.InventoryReader().ResourceCosts(f.ctx, s, ids, june.From)
		f.ok(err)
		return got
	}
	ids := []string{a.Key(), b.Key(), c.Key(), "/none"}
	mine := map[string]inventory.MonthCost{
		a.Key(): {Full: map[string]int64{"EUR": 15, "USD": 1}, SoFar: map[string]int64{"EUR": 3}, FullUSD: 32, SoFarUSD: 6},
		b.Key(): {SoFar: map[string]int64{"EUR": 4}, SoFarUSD: 8},
	}
	theirs := map[string]inventory.MonthCost{c.Key(): {Full: map[string]int64{"EUR": 6}, FullUSD: 12}}
	both := maps.Clone(mine)
	maps.Copy(both, theirs)
	f.equal("of all", ask(fresnel.AllTenants(), ids...), both)
	f.equal("of one tenant", ask(fresnel.ScopeOf(TenantID(0)), ids...), mine)
	f.equal("of the other", ask(fresnel.ScopeOf(TenantID(1)), ids...), theirs)
	f.equal("of nobody", ask(fresnel.Scope{}, ids...), map[string]inventory.MonthCost{})
	f.equal("of nothing", ask(fresnel.AllTenants()), map[string]inventory.MonthCost{})
	f.finish(0, 0, noon, 1)
	f.equal("of what is gone", ask(fresnel.AllTenants(), a.Key())[a.Key()].Full["EUR"], int64(15))
}

// testWasteFindings keeps findings of several rules at once.
func testWasteFindings(f *fixture) {
	f.register(2, 1)
	s := f.db.Findings()
	one := func(i int, rule, object string, usd int64) fresnel.Finding {
		return fresnel.Finding{Tenant: TenantID(i), Rule: rule, Object: object, Since: may.From, Until: may.From, USD: usd, Detail: "{}"}
	}
	f.ok(s.KeepAll(f.ctx, TenantID(0), fresnel.Reconciled{Put: []fresnel.Finding{one(0, "r1", "/a", 5), one(0, "r2", "/a", 50), one(0, "r2", "/b", 7), one(0, "pending:r1", "/c", 99)}}, noon))
	f.ok(s.KeepAll(f.ctx, TenantID(1), fresnel.Reconciled{Put: []fresnel.Finding{one(1, "r1", "/a", 6)}}, noon))
	rules := []string{"r1", "r2", "none"}
	told := func(list []fresnel.Finding, err error) (out []string) {
		f.Helper()
		f.ok(err)
		for _, v := range list {
			out = append(out, fmt.Sprint(v.Rule, v.Object, v.USD))
		}
		return out
	}
	all, mine := fresnel.AllTenants(), fresnel.ScopeOf(TenantID(0))
	f.equal("by what they are worth", told(s.ListOf(f.ctx, all, rules, 10)), []string{"r2/a50", "r2/b7", "r1/a6", "r1/a5"})
	f.equal("the first two", told(s.ListOf(f.ctx, all, rules, 2)), []string{"r2/a50", "r2/b7"})
	f.equal("of a tenant", told(s.ListOf(f.ctx, mine, rules, 10)), []string{"r2/a50", "r2/b7", "r1/a5"})
	f.equal("of one rule", told(s.ListOf(f.ctx, all, rules[:1], 10)), []string{"r1/a6", "r1/a5"})
	f.equal("of no rule", told(s.ListOf(f.ctx, all, nil, 10)), []string{})
	f.equal("of nobody", told(s.ListOf(f.ctx, fresnel.Scope{}, rules, 10)), []string{})
	of := told(s.OfObject(f.ctx, all, "/a"))
	slices.Sort(of)
	f.equal("of an object", of, []string{"r1/a5", "r1/a6", "r2/a50"})
	f.equal("of an object, a tenant's", len(told(s.OfObject(f.ctx, fresnel.ScopeOf(TenantID(1)), "/a"))), 1)
	held, err := s.HeldOf(f.ctx, TenantID(0), []string{"r1", "pending:r1"})
	f.ok(err)
	f.equal("held", len(held), 2)
	f.ok(s.KeepAll(f.ctx, TenantID(0), fresnel.Reconciled{Resolved: held}, noon.Add(time.Hour)))
	f.equal("resolved ones are left out", told(s.ListOf(f.ctx, mine, rules, 10)), []string{"r2/a50", "r2/b7"})
	f.equal("of the object, too", told(s.OfObject(f.ctx, mine, "/a")), []string{"r2/a50"})
	held, err = s.HeldOf(f.ctx, TenantID(0), []string{"r1", "pending:r1"})
	f.ok(err)
	f.equal("held no more", len(held), 0)

	for i, e := range []fresnel.Exception{{Rule: "r1", Object: "/a"}, {Rule: "r2", Object: "/b"}, {Rule: "r9", Object: "/a"}} {
		e.Tenant, e.Verdict, e.Author = TenantID(i%2), fresnel.Acknowledged, "ann"
		f.ok(s.Except(f.ctx, e, noon))
	}
	for _, v := range []struct {
		s    fresnel.Scope
		want int
	}{{all, 2}, {mine, 1}, {fresnel.ScopeOf(TenantID(1)), 1}, {fresnel.Scope{}, 0}} {
		es, err := s.ExceptionsOf(f.ctx, v.s, rules)
		f.ok(err)
		f.equal("exceptions of the rules", len(es), v.want)
	}
}

// testInventoryEstate reads a tenant as rules do.
func testInventoryEstate(f *fixture) {
	f.register(2, 2)
	disk := func(name string) inventory.Resource {
		r := res(0, 0, "g", name, nil)
		r.Type = "microsoft.compute/disks"
		return r
	}
	b, a, d, dead, other := res(0, 0, "g", "B", nil), res(0, 1, "g", "a", nil), disk("c"), disk("gone"), res(1, 0, "g", "other", nil)
	f.put(0, 0, noon, 3, b, d, dead)
	f.put(0, 1, noon, 1, a)
	f.put(1, 0, noon, 1, other)
	f.finish(0, 0, noon, 1, b, d)
	found := fresnel.Finding{Tenant: TenantID(0), Rule: "r", Object: b.Key(), Since: may.From, Detail: "{}"}
	pending := found
	pending.Rule, pending.Object, pending.Since = inventory.PendingPrefix+"r", d.Key(), may.From+3
	foreign := found
	foreign.Tenant, foreign.Object = TenantID(1), other.Key()
	f.ok(f.db.Findings().KeepAll(f.ctx, TenantID(0), fresnel.Reconciled{Put: []fresnel.Finding{found, pending}}, noon))
	f.ok(f.db.Findings().KeepAll(f.ctx, TenantID(1), fresnel.Reconciled{Put: []fresnel.Finding{foreign}}, noon))
	e, failed := f.db.InventoryReader().Estate(f.ctx, TenantID(0), noon)
	names := func(types ...string) (out []string) {
		for r := range e.Each(types...) {
			out = append(out, r.Name)
			if _, ok := e.Get(r.Key()); !ok { // while the list is read
				f.Errorf("%s is not got", r.ID)
			}
		}
		return out
	}
	f.equal("each, by name", names(), []string{"a", "B", "c"})
	f.equal("of a type", names(vmType), []string{"a", "B"})
	f.equal("of no type", names("no/such"), []string{})
	for range e.Each() {
		break // the list is let go of
	}
	for key, want := range map[string]bool{b.Key(): true, strings.ToUpper(b.ID): true, dead.Key(): false, other.Key(): false, "": false, "/x": false} {
		if _, ok := e.Get(key); ok != want {
			f.Errorf("Get %.80s: %v", key, ok)
		}
	}
	f.equal("complete", []bool{e.Complete(SubscriptionID(0, 0)), e.Complete(SubscriptionID(0, 1)), e.Complete(""), e.Complete(SubscriptionID(1, 0))}, []bool{true, false, false, false})
	for _, v := range []struct {
		rule, key string
		want      fresnel.Day
	}{{"r", b.Key(), may.From}, {"r", d.Key(), may.From + 3}, {"r", a.Key(), 0}, {"x", b.Key(), 0}, {"r", other.Key(), 0}} {
		at, ok := e.HeldSince(v.rule, v.key)
		if ok != (v.want != 0) || ok && fresnel.DayOf(at) != v.want {
			f.Errorf("HeldSince %s %.80s: %v %v", v.rule, v.key, at, ok)
		}
	}
	f.equal("now", e.Now(), noon)
	f.ok(failed())
	f.finish(0, 1, noon, 0, a)
	e, _ = f.db.InventoryReader().Estate(f.ctx, TenantID(0), noon)
	f.equal("the whole tenant", e.Complete(""), true)
	e, failed = f.db.InventoryReader().Estate(f.gone(), TenantID(0), noon)
	if f.equal("nothing is complete", e.Complete(SubscriptionID(0, 0)), false); failed() == nil {
		f.Error("an estate that could not be read tells nothing of it")
	}
}
