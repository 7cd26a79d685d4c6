package cost_test

import (
	"maps"
	"slices"
	"testing"

	"fresnel"
	"fresnel/internal/azuresim"
	"fresnel/internal/cost"
)

// TestDetectDayByDay runs the detector as the program does: once for every day,
// when only the past is known. What is told on a day may change its kind as
// more is known (a step begins as a spike), but it must be of something that is
// there, and what is there must be told soon.
func TestDetectDayByDay(t *testing.T) {
	const daysBack, tenants, judged = 50, 3, 30
	e := labSeeds(t)[0]
	s, at := e.server(t, labPlanted)
	from, last := fresnel.DayOf(at).AddMonths(-9), cost.SettledTo(at)
	labels := map[string][]azuresim.Planted{}
	for _, l := range s.Planted() {
		labels[l.Tenant] = append(labels[l.Tenant], l)
	}
	bySeries := usageSeries(t, s, at, from)
	told, wrong, distinct := 0, 0, 0
	delays := map[string][]int{}
	for _, tenant := range slices.Sorted(maps.Keys(bySeries))[:tenants] {
		seen := map[string]bool{}
		var apart []cost.Detected
		for end := last - daysBack; end <= last; end++ {
			found, _ := cost.DetectAnomalies(cost.DetectInput{
				Held: fresnel.Period{From: from, To: end}, Judge: fresnel.Period{From: end - judged, To: end}, Series: bySeries[tenant],
			}, cost.DefaultDetectOptions())
			for _, f := range found {
				if !slices.ContainsFunc(apart, f.Same) {
					apart = append(apart, f)
					distinct++
				}
				key := f.Subscription + f.Service + string(f.Kind) + f.From.String()
				if seen[key] {
					continue
				}
				seen[key] = true
				told++
				l, ok := there(labels[tenant], f)
				if !ok {
					wrong++
					t.Logf("told on %s: %s %s..%s %s %.8s USD %d score %.1f", end-1, f.Kind, f.From, f.To, f.Service, f.Subscription, f.USDChange()/1e6, f.Score)
				} else if id := l.Subscription + l.Service; !seen[id] && day(l.From) >= last-daysBack {
					seen[id] = true
					delays[l.Kind] = append(delays[l.Kind], int(end-1-day(l.From)))
				}
			}
		}
	}
	t.Logf("%d told of %d anomalies, %d of nothing", told, distinct, wrong)
	for _, kind := range slices.Sorted(maps.Keys(delays)) {
		slices.Sort(delays[kind])
		t.Logf("%-9s %2d told after %v days", kind, len(delays[kind]), delays[kind])
		if middle := delays[kind][len(delays[kind])/2]; kind != "growth" && middle > 2 {
			t.Errorf("%s: told after %d days, in the middle", kind, middle)
		}
	}
	if float64(wrong) > 0.05*float64(told) {
		t.Errorf("%d of %d told are of nothing", wrong, told)
	}
}

// there finds the change that a finding is of, whatever their kinds.
func there(labels []azuresim.Planted, f cost.Detected) (azuresim.Planted, bool) {
	for _, l := range labels {
		if !l.Raise || l.Subscription != f.Subscription || f.Service != "" && l.Service != f.Service {
			continue
		}
		last := day(l.From)
		if l.Kind == "growth" {
			last = day(l.To)
		}
		if f.From >= day(l.From)-3 && f.From <= last+3 || l.Kind == "growth" && f.From <= last && f.To >= day(l.From) {
			return l, true
		}
	}
	return azuresim.Planted{}, false
}

// TestDetectQuietEstates shows that estates in which nothing was planted raise
// nothing.
func TestDetectQuietEstates(t *testing.T) {
	for _, e := range labSeeds(t)[:2] {
		s, at := e.server(t, -1)
		from, last := fresnel.DayOf(at).AddMonths(-9), cost.SettledTo(at)
		recognised := 0
		for tenant, series := range usageSeries(t, s, at, from) {
			raised, recurring := cost.DetectAnomalies(cost.DetectInput{
				Tenant: fresnel.TenantID(tenant), Held: fresnel.Period{From: from, To: last},
				Judge: fresnel.Period{From: last - labJudged, To: last}, Series: series,
			}, cost.DefaultDetectOptions())
			recognised += len(recurring)
			for _, f := range raised {
				t.Errorf("seed %d: %+v", e.seed, f)
			}
		}
		t.Logf("seed %d: %d charges of a day of the month were recognised", e.seed, recognised)
	}
}
