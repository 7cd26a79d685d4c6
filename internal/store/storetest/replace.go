package storetest

import (
	"slices"
	"sync"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

func line(d fresnel.Day, group, service, currency string, micros int64) cost.Line {
	return cost.Line{Day: d, ResourceGroup: group, Service: service, Currency: currency, Micros: micros, USDMicros: micros * 2}
}

// fourLines are four cells of two days.
func fourLines() []cost.Line {
	d := may.From + 3
	return []cost.Line{
		line(d, "web", "VM", "EUR", 10_000_001),
		line(d, "db", "SQL", "EUR", 20_000_002),
		line(d+1, "web", "VM", "EUR", 30_000_003),
		line(d+1, "", "SQL", "EUR", 40_000_004),
	}
}

func testReplace(f *fixture) {
	f.register(2, 2)
	w := window(0, 0, may, cost.Actual, noon)
	lines := fourLines()
	later := func(n int) cost.Window { w := w; w.Asked = noon.Add(time.Duration(n) * time.Hour); return w }
	check := func(what string) {
		f.Helper()
		m := newModel(2, 2)
		m.replace(w, lines)
		f.equal(what, f.sums(fresnel.AllTenants(), everything(cost.Actual)), m.sums(fresnel.AllTenants(), everything(cost.Actual)))
	}

	f.replace(w, lines, 4)
	check("inserted")
	f.equal("months read", f.read(w.Subscription), []cost.MonthRead{{Metric: cost.Actual, Month: may.From, At: noon}})

	f.replace(later(1), lines, 0)
	check("unchanged")
	f.equal("months read again", f.read(w.Subscription), []cost.MonthRead{{Metric: cost.Actual, Month: may.From, At: noon.Add(time.Hour)}})

	lines[0].Micros++
	f.replace(later(2), lines, 1)
	check("one cell changed")
	lines[0].USDMicros--
	f.replace(later(3), lines, 1)
	check("only the dollars of one cell changed")

	lines = slices.Delete(lines, 1, 2)
	f.replace(later(4), lines, 1)
	check("one cell removed")

	lines = slices.DeleteFunc(lines, func(l cost.Line) bool { return l.Day == may.From+4 })
	f.replace(later(5), lines, 2)
	check("a whole day removed")

	lines = append(fourLines(), line(may.To-1, "web", "VM", "EUR", -5), line(may.From, "web", "VM", "EUR", 0))
	f.replace(later(6), lines, 6) // one cell differs since, three and these two come
	check("back, with a credit and a cell of nothing")

	// Other windows are not touched.
	other := []cost.Line{line(june.From, "web", "VM", "EUR", 7)}
	f.replace(window(0, 0, june, cost.Actual, noon), other, 1)
	f.replace(window(0, 0, may, cost.Amortized, noon), fourLines(), 4)
	f.replace(window(0, 1, may, cost.Actual, noon), fourLines(), 4)
	f.replace(window(1, 0, may, cost.Actual, noon), fourLines(), 4)
	f.replace(later(7), lines, 0)
	all := everything(cost.Actual)
	all.By = 0
	want := int64(10_000_001 + 20_000_002 + 30_000_003 + 40_000_004)
	f.equal("the total", f.sums(fresnel.AllTenants(), all), []cost.Sum{{Currency: "EUR", Micros: 3*want - 5 + 7, USDMicros: 2 * (3*want - 5 + 7)}})

	// A part of a month leaves the rest of it alone.
	part := later(8)
	part.Days.To = part.Days.From + 4
	f.replace(part, []cost.Line{line(may.From+1, "new", "VM", "EUR", 1)}, 4) // a cell of nothing and two cells go, one comes
	f.equal("the total", f.sums(fresnel.ScopeOf(TenantID(0)), cost.Query{Period: may, Subscriptions: []string{w.Subscription}}),
		[]cost.Sum{{Currency: "EUR", Micros: 70_000_007 - 5 + 1, USDMicros: 2 * (70_000_007 - 5 + 1)}})
}

func testReplaceMerges(f *fixture) {
	f.register(1, 1)
	d := may.From + 3
	f.replace(window(0, 0, may, cost.Actual, noon), []cost.Line{
		line(d, "RG-Web", "VM", "EUR", 1), line(d, "rg-web", "VM", "EUR", 20), line(d, "rg-WEB", "VM", "eur", 300),
		line(d, "ÄÖ", "VM", "EUR", 4000), line(d, "äö", "VM", "EUR", 50_000),
		line(d, "rg-web", "vm", "EUR", 600_000), // services are told apart by case: Azure spells them one way
	}, 3)
	q := cost.Query{Period: may, By: cost.ByService | cost.ByGroup}
	want := []cost.Sum{
		{Service: "VM", Group: "rg-web", Currency: "EUR", Micros: 321, USDMicros: 642},
		{Service: "VM", Group: "äö", Currency: "EUR", Micros: 54_000, USDMicros: 108_000},
		{Service: "vm", Group: "rg-web", Currency: "EUR", Micros: 600_000, USDMicros: 1_200_000},
	}
	f.equal("merged", f.sums(fresnel.AllTenants(), q), want)
	// The same in one line each is no change.
	f.replace(window(0, 0, may, cost.Actual, noon.Add(time.Hour)), []cost.Line{
		line(d, "rg-web", "VM", "EUR", 321), line(d, "Äö", "VM", "EUR", 54_000), line(d, "RG-web", "vm", "EUR", 600_000),
	}, 0)
}

func testReplaceCurrencies(f *fixture) {
	f.register(1, 1)
	d := may.From + 3
	lines := []cost.Line{
		line(d, "web", "VM", "EUR", 100), line(d, "web", "VM", "USD", 1000), line(d+1, "web", "VM", "USD", -3000), line(d+1, "db", "VM", "USD", 3000),
	}
	f.replace(window(0, 0, may, cost.Actual, noon), lines, 4)
	for _, s := range []fresnel.Scope{fresnel.AllTenants(), fresnel.ScopeOf(TenantID(0))} {
		f.equal("by day", f.sums(s, cost.Query{Period: may, By: cost.ByDay}), []cost.Sum{
			{Day: d, Currency: "EUR", Micros: 100, USDMicros: 200},
			{Day: d, Currency: "USD", Micros: 1000, USDMicros: 2000},
			{Day: d + 1, Currency: "USD"}, // a sum of nothing is still a sum: cost is known
		})
	}
	// One currency goes, the other stays.
	f.replace(window(0, 0, may, cost.Actual, noon.Add(time.Hour)), lines[1:], 1)
	f.equal("one currency", f.sums(fresnel.AllTenants(), cost.Query{Period: may}), []cost.Sum{{Currency: "USD", Micros: 1000, USDMicros: 2000}})
	// Money is exact to the micro-unit far beyond what floats hold.
	const big = 9_007_199_254_740_993
	f.replace(window(0, 0, may, cost.Actual, noon.Add(2*time.Hour)), []cost.Line{
		{Day: d, Service: "VM", Currency: "JPY", Micros: big, USDMicros: 1}, {Day: d + 1, Service: "VM", Currency: "JPY", Micros: big + 1, USDMicros: -2},
	}, 5)
	f.equal("large", f.sums(fresnel.AllTenants(), cost.Query{Period: may}), []cost.Sum{{Currency: "JPY", Micros: 2*big + 1, USDMicros: -1}})
}

func testReplaceRefused(f *fixture) {
	f.register(2, 1)
	w := window(0, 0, may, cost.Actual, noon)
	f.replace(w, fourLines(), 4)

	later := w
	later.Asked = noon.Add(time.Hour)
	f.refused(f.ctx, later, nil, fresnel.Conflict) // silence is no proof

	older := w
	older.Asked = noon.Add(-time.Microsecond)
	f.refused(f.ctx, older, fourLines()[:1], fresnel.Conflict)
	f.refused(f.ctx, older, nil, fresnel.Conflict)

	unknown := window(0, 7, may, cost.Actual, noon)
	f.refused(f.ctx, unknown, fourLines(), fresnel.NotFound)
	unknown = window(7, 0, may, cost.Actual, noon)
	f.refused(f.ctx, unknown, fourLines(), fresnel.NotFound)
	foreign := w
	foreign.Tenant = TenantID(1)
	f.refused(f.ctx, foreign, fourLines(), fresnel.NotFound)

	f.refused(f.gone(), later, fourLines()[:1], fresnel.Internal) // a context error has no kind

	// What was refused leaves no trace: the same is taken afterwards.
	f.replace(later, fourLines()[:1], 3)
	// An empty answer where nothing is known is an answer.
	f.replace(window(0, 0, june, cost.Actual, noon), nil, 0)
	f.equal("an empty month is read", len(f.read(w.Subscription)), 2)
	// Days without any cost may be confirmed as such inside a month that has some.
	quiet := window(0, 0, fresnel.Period{From: may.From + 10, To: may.From + 20}, cost.Actual, noon.Add(2*time.Hour))
	f.replace(quiet, nil, 0)
}

func testReplaceOutside(f *fixture) {
	f.register(1, 1)
	w := window(0, 0, may, cost.Actual, noon)
	f.replace(w, fourLines(), 4)
	f.replace(window(0, 0, june, cost.Actual, noon), []cost.Line{line(june.From, "web", "VM", "EUR", 7)}, 1)
	w.Asked = noon.Add(time.Hour)
	for _, d := range []fresnel.Day{may.From - 1, may.To, june.From} {
		f.refused(f.ctx, w, append(fourLines(), line(d, "x", "VM", "EUR", 1)), fresnel.Invalid)
	}
	w.Days.To = june.From + 1 // two months: what would have been read could not be told
	f.refused(f.ctx, w, fourLines(), fresnel.Invalid)
	w.Days = fresnel.Period{From: may.From + 5, To: may.From + 5}
	f.refused(f.ctx, w, nil, fresnel.Invalid)
}

func testReplaceUnderLostLease(f *fixture) {
	f.register(1, 1)
	w := window(0, 0, may, cost.Actual, noon)
	first := f.claim(f.enqueue("costs", 0), "A", 0)
	ctx := fresnel.WithLease(f.ctx, first)
	n, err := f.db.Costs().Replace(ctx, w, fourLines())
	f.ok(err)
	f.equal("rows under a lease", n, 4)

	second := f.claim(first.Run, "B", time.Minute)
	w.Asked = noon.Add(time.Hour)
	f.refused(ctx, w, fourLines()[:2], fresnel.Conflict)
	n, err = f.db.Costs().Replace(fresnel.WithLease(f.ctx, second), w, fourLines()[:2])
	f.ok(err)
	f.equal("rows under the new lease", n, 2)

	f.ok(f.db.Runs().Complete(f.ctx, second, fresnel.Completed, fresnel.Result{}, "", "", noon))
	w.Asked = noon.Add(2 * time.Hour)
	f.refused(fresnel.WithLease(f.ctx, second), w, fourLines(), fresnel.Conflict) // an ended run writes no more
	f.verify()
}

// testReplaceInParallel writes many windows of few tenants at once, while
// readers read: every rollup row is contended.
func testReplaceInParallel(f *fixture) {
	const tenants, subs, rounds = 2, 4, 4
	f.register(tenants, subs)
	var wg sync.WaitGroup
	errs := make(chan error, tenants*subs*rounds*2+100)
	for i := range tenants {
		for j := range subs {
			for _, m := range cost.Metrics() {
				wg.Go(func() {
					for r := range rounds {
						w := window(i, j, may, m, noon.Add(time.Duration(r)*time.Minute))
						_, err := f.db.Costs().Replace(f.ctx, w, contended(i, j, r))
						errs <- err
					}
				})
			}
		}
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := f.db.CostReader().Sums(f.ctx, fresnel.AllTenants(), cost.Query{Period: may, By: cost.ByDay | cost.ByService}); err != nil {
				errs <- err
				return
			}
		}
	})
	wg.Wait()
	close(stop)
	readers.Wait()
	close(errs)
	for err := range errs {
		f.ok(err)
	}
	f.verify()
	m := newModel(tenants, subs)
	for i := range tenants {
		for j := range subs {
			m.replace(window(i, j, may, cost.Actual, noon), contended(i, j, rounds-1))
		}
	}
	f.equal("sums", f.sums(fresnel.AllTenants(), everything(cost.Actual)), m.sums(fresnel.AllTenants(), everything(cost.Actual)))
}

// contended gives lines of the same services and days for every subscription,
// and of other groups in each round.
func contended(i, j, round int) []cost.Line {
	var out []cost.Line
	for d := may.From; d < may.From+10; d++ {
		for _, s := range []string{"VM", "SQL", "Disk"} {
			out = append(out, line(d, string(rune('a'+(round+j)%5)), s, "EUR", int64(1+i*1000+j*100+round*10+int(d-may.From))))
		}
	}
	return out
}
