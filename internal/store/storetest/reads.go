package storetest

import (
	"slices"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

func (f *fixture) restated(s fresnel.Scope, q cost.Query, limit int) []cost.Restatement {
	f.Helper()
	got, err := f.db.CostReader().Restated(f.ctx, s, q, limit)
	f.ok(err)
	return got
}

func testRestated(f *fixture) {
	f.register(2, 2)
	q := cost.Query{Period: fresnel.Period{From: may.From, To: june.To}}
	// Days before the 17th were settled when this was asked on the 20th at noon.
	settled := cost.SettledTo(noon)
	lines := func(a, b int64) []cost.Line {
		return []cost.Line{
			line(settled-2, "web", "VM", "EUR", a), line(settled-2, "db", "VM", "USD", 7),
			line(settled-1, "web", "VM", "EUR", b), line(settled-1, "db", "SQL", "EUR", 500),
			line(settled, "web", "VM", "EUR", b),
		}
	}
	w := window(0, 0, june, cost.Actual, noon)
	f.replace(w, lines(100, 200), 5)
	f.equal("a first answer restates nothing", len(f.restated(fresnel.AllTenants(), q, 10)), 0)

	w.Asked = noon.Add(time.Hour)
	f.replace(w, lines(100, 200), 0)
	moved := lines(100, 200)
	moved[2].ResourceGroup = "db" // the day's total stays: 200 moved from one group to another
	w.Asked = noon.Add(2 * time.Hour)
	f.replace(w, moved, 2)
	f.equal("a day whose total stays", len(f.restated(fresnel.AllTenants(), q, 10)), 0)

	w.Asked = noon.Add(3 * time.Hour)
	f.replace(w, lines(100, 250), 3) // and the unsettled day changes, which is no news
	one := cost.Restatement{
		Tenant: TenantID(0), Subscription: w.Subscription, Day: settled - 1, Currency: "EUR", Old: 700, New: 750, Seen: w.Asked,
	}
	f.equal("one day", f.restated(fresnel.AllTenants(), q, 10), []cost.Restatement{one})

	// A day that vanishes, in both of its currencies, is restated to nothing.
	w.Asked = noon.Add(4 * time.Hour)
	f.replace(w, lines(100, 250)[2:], 2)
	gone := func(currency string, old int64) cost.Restatement {
		return cost.Restatement{Tenant: TenantID(0), Subscription: w.Subscription, Day: settled - 2, Currency: currency, Old: old, Seen: w.Asked}
	}
	got := f.restated(fresnel.AllTenants(), q, 10)
	slices.SortStableFunc(got, func(a, b cost.Restatement) int { return b.Seen.Compare(a.Seen) })
	if len(got) == 3 && got[0].Currency == "USD" {
		got[0], got[1] = got[1], got[0]
	}
	f.equal("newest first", got, []cost.Restatement{gone("EUR", 100), gone("USD", 7), one})
	f.equal("a limit", f.restated(fresnel.AllTenants(), q, 2), f.restated(fresnel.AllTenants(), q, 10)[:2])

	// What is settled is decided by the answer before, not by the one that changes it.
	w2 := window(1, 1, june, cost.Amortized, noon.AddDate(0, 0, -3))
	f.replace(w2, []cost.Line{line(settled-1, "web", "VM", "EUR", 1)}, 1)
	w2.Asked = noon
	f.replace(w2, []cost.Line{line(settled-1, "web", "VM", "EUR", 2)}, 1)
	am := q
	am.Metric = cost.Amortized
	f.equal("a day that had not settled", len(f.restated(fresnel.AllTenants(), am, 10)), 0)
	w2.Asked = noon.Add(time.Hour)
	f.replace(w2, []cost.Line{line(settled-1, "web", "VM", "EUR", 3)}, 1)
	f.equal("once it had", len(f.restated(fresnel.AllTenants(), am, 10)), 1)
	f.equal("of the other metric", len(f.restated(fresnel.AllTenants(), q, 10)), 3)

	// Filters.
	for _, c := range []struct {
		name string
		s    fresnel.Scope
		q    cost.Query
		want int
	}{
		{"its tenant", fresnel.ScopeOf(TenantID(0)), q, 3},
		{"another tenant", fresnel.ScopeOf(TenantID(1)), q, 0},
		{"no tenant", fresnel.Scope{}, q, 0},
		{"its subscription", fresnel.AllTenants(), cost.Query{Period: q.Period, Subscriptions: []string{SubscriptionID(0, 0)}}, 3},
		{"another subscription", fresnel.AllTenants(), cost.Query{Period: q.Period, Subscriptions: []string{SubscriptionID(0, 1)}}, 0},
		{"one day", fresnel.AllTenants(), cost.Query{Period: fresnel.Period{From: settled - 1, To: settled}}, 1},
		{"days before", fresnel.AllTenants(), cost.Query{Period: may}, 0},
	} {
		f.equal(c.name, len(f.restated(c.s, c.q, 10)), c.want)
	}
}

func testCoverage(f *fixture) {
	f.register(3, 3)
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	for j, asked := range []int{5, 1, 3} {
		f.replace(window(0, j, may, cost.Actual, at(asked)), fourLines(), 4)
	}
	f.replace(window(0, 1, june, cost.Actual, at(2)), nil, 0) // read, and empty: held all the same
	f.replace(window(1, 0, may, cost.Amortized, at(1)), fourLines(), 4)
	both := fresnel.Period{From: may.From + 10, To: june.From + 1}
	month := func(d fresnel.Day, n, oldest, newest int) cost.MonthCoverage {
		return cost.MonthCoverage{Month: d, Read: n, Oldest: at(oldest), Newest: at(newest)}
	}
	want := []cost.TenantRead{
		{Tenant: TenantID(0), Name: tenantName(0), Subscriptions: 3, Months: []cost.MonthCoverage{month(may.From, 3, 1, 5), month(june.From, 1, 2, 2)}},
		{Tenant: TenantID(1), Name: tenantName(1), Subscriptions: 3},
		{Tenant: TenantID(2), Name: tenantName(2), Subscriptions: 3},
	}
	f.equal("actual", f.coverage(fresnel.AllTenants(), both, cost.Actual), want)
	f.equal("of one tenant", f.coverage(fresnel.ScopeOf(TenantID(0)), both, cost.Actual), want[:1])
	f.equal("of none", f.coverage(fresnel.Scope{}, both, cost.Actual), []cost.TenantRead{})
	f.equal("amortized", f.coverage(fresnel.ScopeOf(TenantID(1)), may, cost.Amortized)[0].Months, []cost.MonthCoverage{month(may.From, 1, 1, 1)})
	f.equal("one month", f.coverage(fresnel.ScopeOf(TenantID(0)), may, cost.Actual)[0].Months, want[0].Months[:1])

	// A subscription that has no cost to give is not expected, and what was read of it does not count.
	f.ok(f.db.Tenants().SetCostState(f.ctx, SubscriptionID(0, 0), fresnel.CostUnsupported, "no data", noon))
	f.ok(f.db.Tenants().SetCostState(f.ctx, SubscriptionID(0, 2), fresnel.CostDenied, "no role", noon))
	got := f.coverage(fresnel.ScopeOf(TenantID(0)), may, cost.Actual)[0]
	f.equal("expected", []int{got.Subscriptions, got.Unsupported}, []int{2, 1})
	f.equal("read of those", got.Months, []cost.MonthCoverage{month(may.From, 2, 1, 3)})

	// A subscription that Azure no longer lists is expected for a week.
	listed := []fresnel.Subscription{subscription(0, 0), subscription(0, 2)}
	_, err := f.db.Tenants().PutSubscriptions(f.ctx, TenantID(0), listed, noon.AddDate(0, 0, 7))
	f.ok(err)
	f.equal("absent", f.coverage(fresnel.ScopeOf(TenantID(0)), may, cost.Actual)[0].Subscriptions, 2)
	_, err = f.db.Tenants().PutSubscriptions(f.ctx, TenantID(0), listed, noon.AddDate(0, 0, 7).Add(time.Minute))
	f.ok(err)
	got = f.coverage(fresnel.ScopeOf(TenantID(0)), may, cost.Actual)[0]
	f.equal("gone", got.Subscriptions, 2) // the unsupported one is asked again after a week
	f.equal("read of those left", got.Months, []cost.MonthCoverage{month(may.From, 2, 3, 5)})

	// The last ended run of the costs job, and no other, says what is missing.
	l := f.claim(f.enqueue("costs", 1), "A", time.Minute)
	f.equal("a run under way", f.coverage(fresnel.ScopeOf(TenantID(1)), may, cost.Actual)[0].LastRun, fresnel.RunStatus(""))
	f.ok(f.db.Runs().Complete(f.ctx, l, fresnel.Partial, fresnel.Result{}, "one failed", "try again", noon))
	l = f.claim(f.enqueue("resources", 1), "A", time.Minute)
	f.ok(f.db.Runs().Complete(f.ctx, l, fresnel.Failed, fresnel.Result{}, "other", "", noon))
	f.enqueue("costs", 1)
	got = f.coverage(fresnel.ScopeOf(TenantID(1)), may, cost.Actual)[0]
	f.equal("after a run", []string{string(got.LastRun), got.LastReason, got.LastDo}, []string{"partial", "one failed", "try again"})
	f.verify()
}

// testGeneration demands that the generation rises exactly when what readers
// see has changed.
func testGeneration(f *fixture) {
	f.register(2, 2)
	w := window(0, 0, may, cost.Actual, noon)
	later := func(n int) cost.Window { w := w; w.Asked = noon.Add(time.Duration(n) * time.Hour); return w }
	replace := func(w cost.Window, lines []cost.Line) func() {
		return func() { _, _ = f.db.Costs().Replace(f.ctx, w, lines) } // refused ones too
	}
	var lease fresnel.Lease
	steps := []struct {
		name string
		do   func()
	}{
		{"first rows", replace(w, fourLines())},
		{"the very same again", replace(w, fourLines())},
		{"the same, asked later", replace(later(1), fourLines())},
		{"a changed row", replace(later(2), fourLines()[:3])},
		{"a refused empty answer", replace(later(3), nil)},
		{"a refused older answer", replace(w, fourLines())},
		{"an unknown subscription", replace(window(5, 5, may, cost.Actual, noon), fourLines())},
		{"an empty month", replace(window(0, 0, june, cost.Actual, noon), nil)},
		{"the same subscriptions", func() {
			_, err := f.db.Tenants().PutSubscriptions(f.ctx, TenantID(0), []fresnel.Subscription{subscription(0, 0), subscription(0, 1)}, noon)
			f.ok(err)
		}},
		{"a subscription missing", func() {
			_, err := f.db.Tenants().PutSubscriptions(f.ctx, TenantID(0), []fresnel.Subscription{subscription(0, 0)}, noon)
			f.ok(err)
		}},
		{"a subscription still missing", func() {
			_, err := f.db.Tenants().PutSubscriptions(f.ctx, TenantID(0), []fresnel.Subscription{subscription(0, 0)}, noon)
			f.ok(err)
		}},
		{"a cost state", func() {
			f.ok(f.db.Tenants().SetCostState(f.ctx, SubscriptionID(1, 0), fresnel.CostDenied, "no role", noon))
		}},
		{"the same cost state", func() {
			f.ok(f.db.Tenants().SetCostState(f.ctx, SubscriptionID(1, 0), fresnel.CostDenied, "no role", noon.Add(time.Hour)))
		}},
		{"a renamed tenant", func() {
			f.ok(f.db.Tenants().Put(f.ctx, []fresnel.Tenant{{ID: TenantID(1), Name: "Another", Active: true}}, noon.Add(time.Hour)))
		}},
		{"a claim", func() { lease = f.claim(f.oldest(), "A", time.Minute) }},
		{"a heartbeat", func() {
			f.ok(f.db.Runs().Heartbeat(f.ctx, lease, time.Minute, fresnel.Progress{Done: 1, Total: 2, Rows: 3}))
		}},
		{"a partial run", func() {
			f.ok(f.db.Runs().Complete(f.ctx, lease, fresnel.Partial, fresnel.Result{}, "some", "", noon))
		}},
		{"a tenant inactive", func() {
			f.ok(f.db.Tenants().Put(f.ctx, []fresnel.Tenant{{ID: TenantID(0), Name: tenantName(0)}}, noon.Add(time.Hour)))
		}},
		{"a refresh", func() {}},
	}
	f.enqueue("costs", 1)
	for _, step := range steps {
		f.Run(step.name, func(t *testing.T) {
			g := &fixture{t, f.db, t.Context()}
			before, seen := g.db.Generation(), g.picture()
			step.do()
			known := g.db.Generation()
			after, err := g.db.Refresh(g.ctx)
			g.ok(err)
			g.equal("the generation known without asking", known, after)
			changed := !same(seen, g.picture())
			if changed != (after > before) || after < before {
				g.Errorf("generation went from %d to %d; what readers see has changed: %v", before, after, changed)
			}
		})
	}
}

// oldest is the run that is claimed first.
func (f *fixture) oldest() int64 {
	f.Helper()
	ready, err := f.db.Runs().Ready(f.ctx, 1)
	f.ok(err)
	if len(ready) == 0 {
		f.Fatal("no run is ready")
	}
	return ready[0].ID
}
