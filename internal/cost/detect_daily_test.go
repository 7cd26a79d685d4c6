package cost_test

import (
	"testing"

	"fresnel"
	"fresnel/internal/azuresim"
	"fresnel/internal/cost"
)

// TestDetectDayByDay runs the detector as the program does: once for every day,
// when only the past is known. What is told on a day may change its kind as
// more is known, but it must be of something that is there, and what is there
// must be told within some days.
func TestDetectDayByDay(t *testing.T) {
	const daysBack, tenants = 60, 4
	estates := labSeeds(t)[:2]
	for _, e := range estates {
		s, at := e.server(t, labPlanted)
		from, last := fresnel.DayOf(at).AddMonths(-9), cost.SettledTo(at)
		labels := map[string][]azuresim.Planted{}
		for _, l := range s.Planted() {
			labels[l.Tenant] = append(labels[l.Tenant], l)
		}
		told, wrong, kinds, n := 0, 0, map[cost.Kind]int{}, 0
		for tenant, series := range usageSeries(t, s, at, from) {
			if n++; n > tenants {
				break
			}
			seen := map[string]bool{}
			for end := last - daysBack; end <= last; end++ {
				found, _ := cost.DetectAnomalies(cost.DetectInput{
					Held: fresnel.Period{From: from, To: end}, Judge: fresnel.Period{From: end - 30, To: end}, Series: series,
				}, cost.DefaultDetectOptions())
				for _, f := range found {
					key := f.Subscription + f.Service + string(f.Kind) + f.From.String()
					if seen[key] {
						continue
					}
					seen[key] = true
					told++
					if !isThere(labels[tenant], f) {
						wrong++
						kinds[f.Kind]++
						t.Logf("seed %d, told on %s: %s %s..%s %s %.8s USD %d score %.1f lasting %v", e.seed, end, f.Kind, f.From, f.To, f.Service, f.Subscription, f.USDChange()/1e6, f.Score, f.Lasting)
						for _, l := range labels[tenant] {
							if l.Subscription == f.Subscription && (l.Service == f.Service || l.Service == "") {
								t.Logf("        beside %s", describe(l, fresnel.Period{From: end - 30, To: end}))
							}
						}
					}
				}
			}
		}
		t.Logf("seed %d: %d told, %d of nothing: %v", e.seed, told, wrong, kinds)
		if float64(wrong) > 0.05*float64(told) {
			t.Errorf("seed %d: %d of %d told are of nothing", e.seed, wrong, told)
		}
	}
}

// isThere tells whether a finding is of a change that was made, whatever its kind.
func isThere(labels []azuresim.Planted, f cost.Detected) bool {
	for _, l := range labels {
		if !l.Raise || l.Subscription != f.Subscription || f.Service != "" && l.Service != f.Service {
			continue
		}
		last := day(l.From)
		if l.Kind == "growth" {
			last = day(l.To)
		}
		if f.From >= day(l.From)-3 && f.From <= last+3 || l.Kind == "growth" && f.From <= last && f.To >= day(l.From) {
			return true
		}
	}
	return false
}
