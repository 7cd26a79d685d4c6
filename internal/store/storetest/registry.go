package storetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

func testTenants(f *fixture) {
	a := fresnel.Tenant{ID: TenantID(1), Name: "b", ClientID: "app", SecretRef: "https://v.vault.azure.net/secrets/s", Active: true}
	b := fresnel.Tenant{ID: TenantID(2), Name: "a", Active: true}
	off := fresnel.Tenant{ID: TenantID(3), Name: "c"}
	f.ok(f.db.Tenants().Put(f.ctx, []fresnel.Tenant{a, b, off}, noon))
	a.Created, a.Updated, b.Created, b.Updated = noon, noon, noon, noon
	list, err := f.db.Tenants().List(f.ctx, fresnel.AllTenants())
	f.ok(err)
	f.equal("by name", list, []fresnel.Tenant{b, a})

	a.Name, a.ClientID, a.SecretRef, a.Updated = `<b>'"&`, "", "", noon.Add(time.Hour)
	f.ok(f.db.Tenants().Put(f.ctx, []fresnel.Tenant{a}, noon.Add(time.Hour)))
	got, err := f.db.Tenants().Get(f.ctx, fresnel.ScopeOf(a.ID), a.ID)
	f.ok(err)
	f.equal("changed, and made when it was", got, a)
	_, err = f.db.Tenants().Get(f.ctx, fresnel.AllTenants(), off.ID)
	f.kind(err, fresnel.NotFound)

	for _, name := range hostile() {
		a.Name = name
		f.ok(f.db.Tenants().Put(f.ctx, []fresnel.Tenant{a}, noon))
		got, err := f.db.Tenants().Get(f.ctx, fresnel.AllTenants(), a.ID)
		f.ok(err)
		if len(name) < 300 && !strings.ContainsRune(name, 0) && strings.ToValidUTF8(name, "") == name {
			f.equal("the name", got.Name, name)
		}
	}
}

func byID(a, b fresnel.Subscription) int { return cmp.Compare(a.ID, b.ID) }

func testSubscriptions(f *fixture) {
	f.register(2, 0)
	put := func(now time.Time, listed ...fresnel.Subscription) []fresnel.Subscription {
		f.Helper()
		got, err := f.db.Tenants().PutSubscriptions(f.ctx, TenantID(0), listed, now)
		f.ok(err)
		slices.SortFunc(got, byID)
		return got
	}
	one, two, three := subscription(0, 1), subscription(0, 2), subscription(0, 3)
	f.equal("new", put(noon, one, two, three), []fresnel.Subscription{one, two, three})
	one.State, two.Name = "Warned", "Renamed"
	f.equal("changed", put(noon, one, two, three), []fresnel.Subscription{one, two, three})

	// A subscription that Azure no longer lists is absent, after a week gone, and back when it is listed again.
	absent, gone := three, three
	absent.State, gone.State = fresnel.Absent, fresnel.Gone
	f.equal("absent", put(noon.Add(time.Hour), one, two), []fresnel.Subscription{one, two, absent})
	f.equal("a week later", put(noon.AddDate(0, 0, 7), one, two), []fresnel.Subscription{one, two, absent})
	f.equal("gone", put(noon.AddDate(0, 0, 7).Add(time.Second), one, two), []fresnel.Subscription{one, two, gone})
	f.equal("back", put(noon.AddDate(0, 0, 8), one, two, three), []fresnel.Subscription{one, two, three})

	// A deleted one stays what it was.
	three.State = fresnel.Deleted
	put(noon.AddDate(0, 0, 8), one, two, three)
	f.equal("deleted", put(noon.AddDate(0, 0, 30), one, two), []fresnel.Subscription{one, two, three})

	// A subscription that was moved to another tenant is not taken over; that tenant's others are read all the same.
	own, foreign := subscription(1, 1), two
	foreign.Name = "Moved here"
	listed, err := f.db.Tenants().PutSubscriptions(f.ctx, TenantID(1), []fresnel.Subscription{own, foreign}, noon)
	f.ok(err)
	foreign.Tenant, foreign.State = TenantID(1), fresnel.Elsewhere
	f.equal("listed for the other tenant", listed, []fresnel.Subscription{own, foreign})
	subs, total, err := f.db.Tenants().Subscriptions(f.ctx, fresnel.ScopeOf(TenantID(1)), "", "", 10)
	f.ok(err)
	f.equal("of the other tenant", []any{subs, total}, []any{[]fresnel.Subscription{own}, 1})
	subs, _, err = f.db.Tenants().Subscriptions(f.ctx, fresnel.ScopeOf(TenantID(0)), "", "", 10)
	f.ok(err)
	slices.SortFunc(subs, byID)
	f.equal("of its tenant", subs, []fresnel.Subscription{one, two, three})
	id := res(1, 1, "g", "id", nil)
	f.put(1, 1, noon, 1, id)
	f.finish(1, 1, noon, 0, id)
	complete := func() bool {
		e, failed := f.db.InventoryReader().Estate(f.ctx, TenantID(1), noon)
		whole := e.Complete("")
		f.ok(failed())
		return whole
	}
	f.equal("the tenant is whole, but for the one that was moved here", complete(), false)
	_, err = f.db.Tenants().PutSubscriptions(f.ctx, TenantID(1), []fresnel.Subscription{own}, noon)
	f.ok(err)
	f.equal("the tenant is whole", complete(), true)
	_, err = f.db.Tenants().PutSubscriptions(f.ctx, TenantID(9), []fresnel.Subscription{subscription(9, 1)}, noon)
	f.kind(err, fresnel.NotFound)

	for _, name := range hostile() {
		one.Name, one.State, one.QuotaID = name, name, name
		put(noon.AddDate(0, 0, 31), one, two, three)
		put(noon.AddDate(0, 0, 31), one, two, three)
	}
}

func testSubscriptionPages(f *fixture) {
	f.register(2, 0)
	var want []fresnel.Subscription
	for i := range 2 {
		var listed []fresnel.Subscription
		for j, name := range []string{"b", "a", "B", "a", "", "ä", "a'"} {
			s := subscription(i, j)
			s.Name = name
			listed = append(listed, s)
		}
		_, err := f.db.Tenants().PutSubscriptions(f.ctx, TenantID(i), listed, noon)
		f.ok(err)
		want = append(want, listed...)
	}
	f.replace(window(1, 3, may, cost.Actual, noon), fourLines(), 4)
	f.replace(window(1, 3, june, cost.Amortized, noon.Add(time.Hour)), nil, 0)
	for i := range want {
		if want[i].ID == SubscriptionID(1, 3) {
			want[i].SyncedAt = noon.Add(time.Hour)
		}
	}
	slices.SortFunc(want, func(a, b fresnel.Subscription) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	for _, size := range []int{1, 3, 14, 100} {
		var got []fresnel.Subscription
		name, id := "", ""
		for {
			page, total, err := f.db.Tenants().Subscriptions(f.ctx, fresnel.AllTenants(), name, id, size)
			f.ok(err)
			f.equal("total", total, len(want))
			if len(page) == 0 || len(got) > len(want) {
				break
			}
			got = append(got, page...)
			name, id = page[len(page)-1].Name, page[len(page)-1].ID
		}
		f.equal("all pages", got, want)
	}
}

func testCostState(f *fixture) {
	f.register(1, 2)
	get := func() fresnel.Subscription {
		f.Helper()
		subs, _, err := f.db.Tenants().Subscriptions(f.ctx, fresnel.AllTenants(), "", "", 1)
		f.ok(err)
		return subs[0]
	}
	s := subscription(0, 0)
	f.equal("not asked yet", get(), s)
	f.ok(f.db.Tenants().SetCostState(f.ctx, s.ID, fresnel.CostUnsupported, "an offer without data", noon))
	s.Cost, s.CostReason = fresnel.CostUnsupported, "an offer without data"
	f.equal("set", get(), s)

	// What is known stays while the offer stays; a refusal of the offer is asked again after a week.
	put := func(now time.Time) {
		f.Helper()
		_, err := f.db.Tenants().PutSubscriptions(f.ctx, TenantID(0), []fresnel.Subscription{{ID: s.ID, Name: s.Name, State: s.State, QuotaID: s.QuotaID}, subscription(0, 1)}, now)
		f.ok(err)
	}
	put(noon.AddDate(0, 0, 7))
	f.equal("kept", get(), s)
	put(noon.AddDate(0, 0, 7).Add(time.Second))
	s.Cost, s.CostReason = fresnel.CostUnknown, ""
	f.equal("forgotten", get(), s)
	f.ok(f.db.Tenants().SetCostState(f.ctx, s.ID, fresnel.CostSupported, "", noon))
	s.QuotaID = "CSP_2015-05-01"
	put(noon.AddDate(0, 0, 8))
	f.equal("another offer", get(), s)

	for _, reason := range hostile() {
		f.ok(f.db.Tenants().SetCostState(f.ctx, s.ID, fresnel.CostDenied, reason, noon))
		f.ok(f.db.Tenants().SetCostState(f.ctx, s.ID, fresnel.CostDenied, reason, noon))
	}
}

// testCanceled demands that a call whose context has ended fails with that, and
// that the database works afterwards.
func testCanceled(f *fixture) {
	f.register(1, 1)
	ctx := f.gone()
	_, err := f.db.CostReader().Sums(ctx, fresnel.AllTenants(), cost.Query{Period: may})
	_, err2 := f.db.CostReader().Coverage(ctx, fresnel.AllTenants(), may, cost.Actual, cost.CutGroups)
	_, err3 := f.db.Tenants().List(ctx, fresnel.AllTenants())
	_, err4 := f.db.Runs().Enqueue(ctx, "costs", TenantID(0), noon)
	_, err5 := f.db.Costs().Replace(ctx, window(0, 0, may, cost.Actual, noon), fourLines())
	_, err6 := f.db.Refresh(ctx)
	for i, err := range []error{err, err2, err3, err4, err5, err6, f.db.Ping(ctx)} {
		if !errors.Is(err, context.Canceled) {
			f.Errorf("call %d: got %v, want context.Canceled", i, err)
		}
	}
	f.ok(f.db.Ping(f.ctx))
	f.replace(window(0, 0, may, cost.Actual, noon), fourLines(), 4)
	f.enqueue("costs", 0)
}
