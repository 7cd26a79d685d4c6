package cost_test

import (
	"context"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fresnel"
	"fresnel/internal/cost"
)

func day(s string) fresnel.Day {
	d, err := fresnel.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

func period(from, to string) fresnel.Period { return fresnel.Period{From: day(from), To: day(to) + 1} }

func TestVersusComparesTheSameDays(t *testing.T) {
	for _, c := range []struct {
		v        cost.Versus
		p        fresnel.Period
		from, to string
	}{
		{cost.VersusPrevious, period("2026-11-01", "2026-11-19"), "2026-10-01", "2026-10-19"},
		{cost.VersusPrevious, period("2026-03-01", "2026-03-30"), "2026-02-01", "2026-02-28"}, // February has no 30th
		{cost.VersusPrevious, period("2026-10-01", "2026-10-31"), "2026-09-01", "2026-09-30"}, // whole months
		{cost.VersusPrevious, period("2026-11-10", "2026-11-16"), "2026-11-03", "2026-11-09"},
		{cost.VersusPrevious, period("2026-01-01", "2026-02-10"), "2025-11-21", "2025-12-31"},
		{cost.VersusYear, period("2026-11-01", "2026-11-19"), "2025-11-01", "2025-11-19"},
		{cost.VersusYear, period("2024-02-10", "2024-02-29"), "2023-02-10", "2023-02-28"},
	} {
		got, ok := c.v.Before(c.p)
		if want := period(c.from, c.to); !ok || got != want {
			t.Errorf("%s of %s: %s, want %s", c.v, c.p, got, want)
		}
	}
	if _, ok := cost.VersusNone.Before(period("2026-11-01", "2026-11-19")); ok {
		t.Error("none compares something")
	}
	if _, ok := cost.VersusPrevious.Before(fresnel.Period{}); ok {
		t.Error("an empty period is compared")
	}
}

// FuzzParsePeriod: whatever stands in a query, the answer is a bounded period
// or Invalid.
func FuzzParsePeriod(f *testing.F) {
	f.Add("mtd", "", "")
	f.Add("", "2026-11-01", "2026-11-30")
	f.Add("", "2026-11-30", "2026-11-01")
	f.Add("7d", "x", "")
	f.Fuzz(func(t *testing.T, word, from, to string) {
		p, err := cost.ParsePeriod(word, from, to, day("2026-11-20"))
		if err != nil {
			if fresnel.KindOf(err) != fresnel.Invalid {
				t.Fatalf("%v", err)
			}
			return
		}
		if p.Days() < 1 || p.Days() > cost.MaxDays {
			t.Fatalf("%q %q %q: %d days", word, from, to, p.Days())
		}
	})
}

func TestCoverSaysWhatIsMissing(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	nov, oct := day("2026-11-01"), day("2026-10-01")
	month := func(m fresnel.Day, read int, at time.Time) cost.MonthCoverage {
		return cost.MonthCoverage{Month: m, Read: read, Oldest: at, Newest: at}
	}
	reads := []cost.TenantRead{
		{Tenant: "fresh", Subscriptions: 2, Months: []cost.MonthCoverage{month(nov, 2, now.Add(-time.Hour))}},
		{Tenant: "stale", Subscriptions: 2, Months: []cost.MonthCoverage{month(nov, 2, now.Add(-30*time.Hour))}},
		{Tenant: "partial", Subscriptions: 3, Months: []cost.MonthCoverage{month(nov, 2, now.Add(-time.Hour))}},
		{Tenant: "never", Subscriptions: 1, Months: []cost.MonthCoverage{month(oct, 1, now)}},
		{Tenant: "unlisted"},
		{Tenant: "none", Unsupported: 1},
	}
	c := cost.Cover(reads, period("2026-11-01", "2026-11-30"), now, 24*time.Hour)
	var got []string
	for _, x := range c.Tenants {
		got = append(got, string(x.Tenant)+":"+string(x.State))
	}
	if s := strings.Join(got, " "); s != "fresh:fresh stale:stale partial:partial never:never unlisted:never none:no-cost-data" {
		t.Error(s)
	}
	if c.Covered != 2 || c.Of != 5 || !c.Oldest.Equal(now.Add(-30*time.Hour)) || c.Settled != day("2026-11-17") {
		t.Errorf("covered %d of %d, oldest %s, settled to %s", c.Covered, c.Of, c.Oldest, c.Settled)
	}
	// A month read after it closed never gets stale.
	closed := []cost.TenantRead{{Tenant: "a", Subscriptions: 1, Months: []cost.MonthCoverage{month(oct, 1, day("2026-11-07").Time())}}}
	if c := cost.Cover(closed, period("2026-10-01", "2026-10-31"), now, 24*time.Hour); c.Tenants[0].State != cost.Fresh || !c.Tenants[0].Final {
		t.Errorf("a closed month: %+v", c.Tenants[0])
	}
	open := []cost.TenantRead{{Tenant: "a", Subscriptions: 1, Months: []cost.MonthCoverage{month(oct, 1, day("2026-11-03").Time())}}}
	if c := cost.Cover(open, period("2026-10-01", "2026-10-31"), now, 24*time.Hour); c.Tenants[0].State != cost.Stale {
		t.Errorf("a month last read before it closed: %+v", c.Tenants[0])
	}
}

func TestDetect(t *testing.T) {
	const e = 1_000_000
	var sums []cost.Sum
	put := func(service, from string, units ...int64) {
		for i, u := range units {
			sums = append(sums, cost.Sum{Tenant: "t", Service: service, Day: day(from) + fresnel.Day(i), Currency: "EUR", Micros: u * e, USDMicros: u * e})
		}
	}
	put("spike", "2026-11-02", 100, 100, 100, 100, 100, 100, 100, 100, 160)
	put("weekend", "2026-11-02", 100, 100, 100, 100, 100, 40, 40, 100) // a Monday like the last one
	put("small", "2026-11-02", 10, 10, 10, 10, 10, 10, 10, 30)         // below the floor
	put("fifth", "2026-11-02", 500, 500, 500, 500, 500, 500, 500, 600) // exactly 20 %
	put("late", "2026-11-02", 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 900)
	put("new", "2026-11-09", 80)
	settled := func(fresnel.TenantID) fresnel.Period { return period("2026-11-01", "2026-11-11") }
	var got []string
	for _, a := range cost.Rises(sums, period("2026-11-09", "2026-11-30"), settled, cost.PlainRule()) {
		got = append(got, a.Service+" "+a.Day.String())
	}
	if diff := cmp.Diff([]string{"new 2026-11-09", "spike 2026-11-10"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// fake is a Source, Sink and Registry of one subscription.
type fake struct {
	subs   []fresnel.Subscription
	fail   map[string]error // by window's first day
	asked  []string
	reads  []cost.MonthRead
	states map[string]fresnel.CostState
}

func (f *fake) Costs(_ context.Context, _ fresnel.Tenant, w cost.Window) iter.Seq2[cost.Line, error] {
	return func(yield func(cost.Line, error) bool) {
		f.asked = append(f.asked, w.Days.String()+" "+w.Metric.String()+" "+w.Cut.String())
		if err := f.fail[w.Days.From.String()]; err != nil {
			yield(cost.Line{}, err)
		}
	}
}
func (f *fake) Replace(context.Context, cost.Window, []cost.Line) (int, error) { return 0, nil }
func (f *fake) Read(context.Context, string) ([]cost.MonthRead, error)         { return f.reads, nil }

func (f *fake) Refresh(context.Context, fresnel.Tenant) ([]fresnel.Subscription, error) {
	return f.subs, nil
}

func (f *fake) SetCostState(_ context.Context, id string, s fresnel.CostState, _ string) error {
	if f.states == nil {
		f.states = map[string]fresnel.CostState{}
	}
	f.states[id] = s
	return nil
}

func run(t *testing.T, f *fake, now time.Time) fresnel.Result {
	t.Helper()
	s := &cost.Sync{Source: f, Sink: f, Registry: f, Now: func() time.Time { return now }, Months: 4, Parallel: 1, Log: slog.New(slog.DiscardHandler)}
	res, err := s.Run(context.Background(), fresnel.Tenant{ID: "t"})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestSyncPlansBackfillThenOpenMonths(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f := &fake{subs: []fresnel.Subscription{{ID: "s", QuotaID: "EnterpriseAgreement_2014-09-01"}}}
	run(t, f, now)
	want := []string{ // the open months of the groups come first, the details of the older ones last
		"2026-11-01..2026-11-20 actual groups", "2026-11-01..2026-11-20 amortized groups",
		"2026-10-01..2026-10-31 actual groups", "2026-10-01..2026-10-31 amortized groups",
		"2026-11-01..2026-11-20 actual charges", "2026-10-01..2026-11-20 actual resources",
		"2026-11-01..2026-11-20 amortized charges", "2026-10-01..2026-11-20 amortized resources",
		"2026-10-01..2026-10-31 actual charges", "2026-10-01..2026-10-31 amortized charges",
		"2026-09-01..2026-09-30 actual groups", "2026-09-01..2026-09-30 amortized groups",
		"2026-08-01..2026-08-31 actual groups", "2026-08-01..2026-08-31 amortized groups",
		"2026-09-01..2026-09-30 actual charges", "2026-08-01..2026-09-30 actual resources",
		"2026-09-01..2026-09-30 amortized charges", "2026-08-01..2026-09-30 amortized resources",
		"2026-08-01..2026-08-31 actual charges", "2026-08-01..2026-08-31 amortized charges",
	}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("backfill of 4 months by 2 metrics (-want +got):\n%s", diff)
	}
	for _, m := range cost.Metrics() {
		for _, c := range cost.Cuts() {
			f.reads = append(f.reads,
				cost.MonthRead{Cut: c, Metric: m, Month: day("2026-08-01"), At: now},
				cost.MonthRead{Cut: c, Metric: m, Month: day("2026-09-01"), At: day("2026-10-02").Time()}, // before it closed
				cost.MonthRead{Cut: c, Metric: m, Month: day("2026-10-01"), At: now}, cost.MonthRead{Cut: c, Metric: m, Month: day("2026-11-01"), At: now})
		}
	}
	f.asked = nil
	run(t, f, now.Add(4*time.Hour))
	want = []string{
		"2026-11-01..2026-11-20 actual groups", "2026-11-01..2026-11-20 amortized groups",
		"2026-10-01..2026-10-31 actual groups", "2026-10-01..2026-10-31 amortized groups",
		"2026-09-01..2026-09-30 actual groups", "2026-09-01..2026-09-30 amortized groups",
		"2026-09-01..2026-09-30 actual charges", "2026-09-01..2026-09-30 actual resources",
		"2026-09-01..2026-09-30 amortized charges", "2026-09-01..2026-09-30 amortized resources",
	}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("then current, previous, and what was not final; details once a day (-want +got):\n%s", diff)
	}
	f.asked = nil
	run(t, f, now.Add(21*time.Hour))
	if n := len(f.asked); n != 16 {
		t.Errorf("the next day details are read again: %d windows", n)
	}
}

func TestSyncTellsPartsApart(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ea := "EnterpriseAgreement_2014-09-01"
	f := &fake{
		subs: []fresnel.Subscription{
			{ID: "ok", QuotaID: ea},
			{ID: "csp", QuotaID: "CSP_2015-05-01"},
			{ID: "odd", QuotaID: "Odd_2020-01-01"},
			{ID: "gone", State: fresnel.Gone},
			{ID: "lost", State: fresnel.Absent},
			{ID: "dead", State: fresnel.Deleted},
		},
	}
	res := run(t, f, now)
	want := map[string]fresnel.PartState{"ok": fresnel.PartRead, "csp": fresnel.PartSkipped, "odd": fresnel.PartSkipped, "gone": fresnel.PartSkipped, "lost": fresnel.PartFailed, "dead": fresnel.PartSkipped}
	for _, p := range res.Parts {
		if p.State != want[p.Subscription] {
			t.Errorf("%s is %s, want %s (%s)", p.Subscription, p.State, want[p.Subscription], p.Reason)
		}
		if p.State != fresnel.PartRead && p.Reason == "" {
			t.Errorf("%s gives no reason", p.Subscription)
		}
	}
	if res.Status() != fresnel.Partial {
		t.Errorf("status %s, want partial", res.Status())
	}
	if f.states["odd"] != fresnel.CostUnsupported || f.states["ok"] != fresnel.CostSupported {
		t.Errorf("silence of an unknown offer is no zero: %v", f.states)
	}

	f = &fake{
		subs: []fresnel.Subscription{{ID: "ok", QuotaID: ea}},
		fail: map[string]error{"2026-10-01": &fresnel.Error{Kind: fresnel.Unavailable, Msg: "no answer"}},
	}
	if res := run(t, f, now); res.Parts[0].State != fresnel.PartFailed || !strings.Contains(res.Parts[0].Reason, "Oct 2026: no answer") || len(f.asked) != 20 {
		t.Errorf("one month fails, the others are read: %+v, asked %d", res.Parts, len(f.asked))
	}
	silent := &fresnel.Error{Kind: fresnel.Unavailable, Msg: "no answer"}
	f = &fake{
		subs: []fresnel.Subscription{{ID: "ok", QuotaID: ea}},
		fail: map[string]error{"2026-11-01": silent, "2026-10-01": silent, "2026-09-01": silent, "2026-08-01": silent},
	}
	if res := run(t, f, now); res.Status() != fresnel.Failed || len(f.asked) != 4 {
		t.Errorf("a silent subscription is left for the next run: %s, asked %d", res.Status(), len(f.asked))
	}
	f = &fake{
		subs: []fresnel.Subscription{{ID: "ok", QuotaID: ea}},
		fail: map[string]error{"2026-11-01": &fresnel.Error{Kind: fresnel.Denied, Msg: "no role", Do: "give it"}},
	}
	if res := run(t, f, now); len(f.asked) != 1 || res.Parts[0].Do != "give it" || f.states["ok"] != fresnel.CostDenied {
		t.Errorf("a refusal is not asked for again month by month: %v %+v", f.asked, res.Parts)
	}
}
