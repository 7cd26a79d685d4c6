package app_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fresnel"
	"fresnel/internal/azuresim"
)

// TestSameSync syncs three times while nothing changes in Azure.
func TestSameSync(t *testing.T) {
	t.Parallel()
	sim := simulate(t, late, azuresim.Options{Tenants: 5, SubscriptionsPerTenant: 3}) // of each kind of subscription one
	engines(t, func(t *testing.T, database string) {
		w := begin(t, sim, database, months(2))
		if n := whole(t, w.sync(t)); n < 10_000 {
			t.Errorf("the first sync wrote %d rows: the test shows nothing", n)
		}
		equalTruth(t, w.held(t), w.now(t))
		first := w.dump(t, "")
		for i := range 2 {
			if n := whole(t, w.sync(t)); n != 0 {
				t.Errorf("sync %d wrote %d rows", i+2, n)
			}
			same(t, first, w.dump(t, ""))
		}
	})
}

// TestOnceADay counts what is asked of Azure: the open months of the first cut
// with every sync; charges, resources and budgets once in 20 hours; closed
// months never again. A pay-as-you-go subscription is asked for Cost once.
func TestOnceADay(t *testing.T) {
	t.Parallel()
	long(t)
	sim := simulate(t, late, azuresim.Options{Tenants: 4, SubscriptionsPerTenant: 3})
	w := begin(t, sim, "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"), months(9))
	subs, payg := 0, 0
	for _, te := range sim.Estate() {
		for _, s := range te.Subscriptions {
			if s.Costs {
				subs++
				if strings.HasPrefix(s.Offer, "PayAsYouGo") {
					payg++
				}
			}
		}
	}
	asked := map[azuresim.RequestCount]int{}
	for i, step := range []struct {
		after            time.Duration
		windows, budgets int // by subscription
	}{
		{0, 2 * (9 + 9 + 1 + 2), 1}, // by metric: groups, charges, and resources of the open months and twice of those before, at most six at a time
		{4 * time.Hour, 2 * 2, 0},
		{15 * time.Hour, 2 * 2, 0},
		{time.Hour, 2 * (2 + 2 + 1), 1}, // 20 hours since
		{19 * time.Hour, 2 * 2, 0},
	} {
		sim.Clock().Advance(step.after)
		whole(t, w.sync(t))
		for _, c := range sim.Requests() {
			n := c.Count
			c.Count = 0
			want := map[azuresim.RequestCount]int{
				{API: "cost", Status: 200}: subs * step.windows, {API: "cost", Status: 400}: 0, {API: "consumption", Status: 200}: subs * step.budgets,
			}
			if i == 0 {
				want[azuresim.RequestCount{API: "cost", Status: 400}] = payg
			}
			if v, ok := want[c]; ok && n-asked[c] != v && (c.API == "cost" || n-asked[c] < v || v == 0) { // a list of budgets may have more pages
				t.Errorf("sync %d: %d requests of %s answered %d, want %d", i+1, n-asked[c], c.API, c.Status, v)
			}
			asked[c] = n
		}
	}
	if payg == 0 || asked[azuresim.RequestCount{API: "cost", Status: 400}] != payg {
		t.Errorf("%d pay-as-you-go subscriptions: the test shows nothing", payg)
	}
}

// same compares all tables but those that say how often we asked.
func same(t *testing.T, want, got map[string][]string) {
	t.Helper()
	for _, name := range []string{"cost_cell", "cost_sub_day", "cost_month", "tenant", "subscription"} {
		if len(want[name]) == 0 {
			t.Errorf("no rows in %s: the test shows nothing", name)
		}
	}
	runs := cmpopts.IgnoreMapEntries(func(table string, _ []string) bool {
		return table == "sync_run" || table == "sync_part" || table == "meta"
	})
	if d := gocmp.Diff(want, got, runs); d != "" {
		t.Errorf("the tables differ (-before +after):\n%.4000s", d)
	}
}

// TestTimePasses lets days go by: cost arrives late, days are restated, months
// begin and close. After each sync all is true again, and what had been
// settled and changed is on record.
func TestTimePasses(t *testing.T) {
	t.Parallel()
	long(t)
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2, Groups: 2, Services: 4})
		clock := sim.Clock()
		w := begin(t, sim, database, months(3))
		first := fresnel.DayOf(late).AddMonths(-2)
		whole(t, w.sync(t))
		at := late
		for _, step := range []struct {
			to       time.Time
			restates int // settled days that Azure changes in between, at least
		}{
			{late.Add(26 * time.Hour), 0},
			{time.Date(2026, 12, 1, 0, 10, 0, 0, time.UTC), 0}, // of the new month nothing is known yet
			{early, 10},
			{time.Date(2027, 1, 10, 6, 0, 0, 0, time.UTC), 10}, // November was last read before it closed
			{time.Date(2027, 3, 3, 18, 0, 0, 0, time.UTC), 0},  // January was open, February was never read
		} {
			before := w.held(t)
			clock.Freeze(step.to)
			if n := whole(t, w.sync(t)); n == 0 {
				t.Errorf("%s: nothing written", step.to)
			}
			now := truthAt(t, sim, step.to, fresnel.Period{From: first, To: fresnel.DayOf(step.to) + 1})
			equalTruth(t, w.held(t), now)
			w.rollups(t)
			if n := w.restated(t, before, now, at); n < step.restates {
				t.Errorf("%s: %d settled days changed: the test does not show what it should", step.to, n)
			}
			e := newExpected(w, w.now(t))
			for _, q := range e.questions()[:3] {
				e.check(t, q) // the same addresses each time: no answer of the days before may stay
			}
			at = step.to
		}
		settled := w.dump(t, "")
		if n := whole(t, w.sync(t)); n != 0 {
			t.Errorf("the last sync again wrote %d rows", n)
		}
		same(t, settled, w.dump(t, ""))
	})
}

type restatement struct {
	TenantID       string    `json:"tenant_id"`
	SubscriptionID string    `json:"subscription_id"`
	Date           string    `json:"date"`
	Before         money     `json:"before"`
	After          money     `json:"after"`
	SeenAt         time.Time `json:"seen_at"`
}

// restated compares the record of restated days with what was held and what
// is true now. A day counts if it was settled when it was read before.
func (w *world) restated(t *testing.T, before, now truth, readAt time.Time) (n int) {
	t.Helper()
	seen := w.Clock().Now()
	settled := fresnel.DayOf(readAt.Add(-72 * time.Hour))
	for _, metric := range metrics {
		type pair struct{ old, now int64 }
		days := map[cell]pair{}
		for i, cells := range [][]cell{before[metric], now[metric]} {
			for _, c := range cells {
				if c.day >= settled {
					continue
				}
				k := cell{tenant: c.tenant, sub: c.sub, currency: c.currency, day: c.day}
				p := days[k]
				if i == 0 {
					p.old += c.micros
				} else {
					p.now += c.micros
				}
				days[k] = p
			}
		}
		want := map[cell]restatement{}
		for k, p := range days {
			if p.old != p.now {
				want[k] = restatement{k.tenant, k.sub, k.day.String(), money{p.old, k.currency}, money{p.now, k.currency}, seen}
			}
		}
		got := map[cell]restatement{}
		for _, te := range w.Estate() {
			path := fmt.Sprintf("/api/v1/costs/restated?metric=%s&tenant=%s&from=2026-09-01&to=%s&limit=1000", metric, te.ID, fresnel.DayOf(seen))
			for _, r := range read[[]restatement](t, w, path).Data {
				d, err := fresnel.ParseDay(r.Date)
				if err != nil {
					t.Fatal(err)
				}
				k := cell{tenant: r.TenantID, sub: r.SubscriptionID, currency: r.Before.Currency, day: d}
				if !r.SeenAt.Equal(seen) {
					continue // of an earlier sync
				}
				if _, twice := got[k]; twice || r.TenantID != te.ID {
					t.Errorf("%s: %+v twice, or of another tenant", path, r)
				}
				r.SeenAt = seen
				got[k] = r
			}
		}
		if d := gocmp.Diff(want, got, gocmp.AllowUnexported(cell{})); d != "" {
			t.Errorf("restated days, %s (-truth +api):\n%.4000s", metric, d)
		}
		n += len(want)
	}
	return n
}

// TestOlderAnswer makes sure that what was asked earlier never overwrites what
// was asked later, as when clocks of two machines differ.
func TestOlderAnswer(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: 2})
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		held := w.held(t)
		sim.Clock().Freeze(late.Add(-30 * time.Hour))
		for _, r := range w.sync(t) {
			if r.Status != fresnel.Failed || r.Reason == "" {
				t.Errorf("a run in the past: %s, %q", r.Status, r.Reason)
			}
		}
		equalTruth(t, w.held(t), held)
		if a := w.get("/api/v1/costs/summary"); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}
