package azuresim_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// daysOf is each day's usage of one subscription's service: what labels speak of.
func (c *client) daysOf(subscription string) map[[2]string][2]int64 {
	c.t.Helper()
	out := map[[2]string][2]int64{}
	q := azuresim.TruthQuery{Metric: "AmortizedCost", Subscription: subscription, Cut: "charges", From: utc(2026, 9, 1), By: []string{"day", "service", "charge_type"}}
	for _, r := range must(c.sim.Truth(q)) {
		if r.ChargeType != "Usage" {
			continue
		}
		for _, service := range []string{r.Service, ""} {
			v := out[[2]string{service, r.Day}]
			out[[2]string{service, r.Day}] = [2]int64{v[0] + r.Micros, v[1] + r.USDMicros}
		}
	}
	return out
}

// TestPlanted compares the labels with an estate that is the same but for them.
func TestPlanted(t *testing.T) {
	for _, seed := range []uint64{1, 77} {
		o := azuresim.Options{Seed: seed, Tenants: 12, SubscriptionsPerTenant: 8, Planted: 25}
		began := time.Now()
		with := start(t, o)
		t.Logf("built in %v", time.Since(began))
		o.Planted, o.Clock = -1, nil
		without := start(t, o)
		disabled := map[string]bool{}
		for _, tenant := range with.sim.Estate() {
			for _, s := range tenant.Subscriptions {
				disabled[s.ID] = s.State == "Disabled"
			}
		}
		kinds, raised, seen := map[string]int{}, 0, map[[2]string]bool{}
		plain, planted := map[string]map[[2]string][2]int64{}, map[string]map[[2]string][2]int64{}
		for _, p := range with.sim.Planted() {
			if disabled[p.Subscription] {
				continue
			}
			kinds[p.Kind]++
			raised += boolInt(p.Raise)
			if key := [2]string{p.Subscription, p.Service}; seen[key] {
				t.Errorf("two plants on %v", key)
			} else {
				seen[key] = true
			}
			if plain[p.Subscription] == nil {
				plain[p.Subscription], planted[p.Subscription] = without.daysOf(p.Subscription), with.daysOf(p.Subscription)
			}
			checkPlanted(t, p, plain[p.Subscription], planted[p.Subscription])
		}
		t.Logf("seed %d: %v, %d to raise", seed, kinds, raised)
		if len(kinds) != 9 || raised < 170 {
			t.Errorf("kinds %v, %d to raise", kinds, raised)
		}
		for kind, n := range kinds {
			if n < 15 {
				t.Errorf("%d of kind %s", n, kind)
			}
		}
		if n := len(without.sim.Planted()); n != 0 {
			t.Errorf("%d labels in an estate without plants", n)
		}
	}
}

// checkPlanted checks one label against the days without and with the plants.
func checkPlanted(t *testing.T, p azuresim.Planted, plain, planted map[[2]string][2]int64) {
	t.Helper()
	day := p.From
	if p.Kind == "growth" {
		day = p.To
	}
	was, is := plain[[2]string{p.Service, day}], planted[[2]string{p.Service, day}]
	if was != [2]int64{p.Expected, p.USDExpected} || is != [2]int64{p.Actual, p.USDActual} {
		t.Errorf("%+v: truth without %v, with %v", p, was, is)
	}
	if p.Raise {
		change := abs(p.Actual - p.Expected)
		if change < 5*p.Sigma || 10*change < 3*p.Expected || abs(p.USDActual-p.USDExpected) < 30_000_000 {
			t.Errorf("too little: %+v", p)
		}
	}
	if before := must(time.Parse(time.DateOnly, p.From)).AddDate(0, 0, -1).Format(time.DateOnly); p.Service != "" &&
		plain[[2]string{p.Service, before}] != planted[[2]string{p.Service, before}] {
		t.Errorf("%+v begins earlier", p)
	}
	end := "2026-11-19" // the last day that is settled
	if p.To != "" {
		end = must(time.Parse(time.DateOnly, p.To)).AddDate(0, 0, 1).Format(time.DateOnly)
	}
	key := [2]string{p.Service, end}
	switch lasts := p.To == "" && p.Kind != "recurring" || p.Kind == "growth"; {
	case p.From < "2026-09-09" || day > "2026-11-19":
		t.Errorf("outside of the window: %+v", p)
	case lasts && plain[key] == planted[key]:
		t.Errorf("%+v does not last: %v", p, plain[key])
	case !lasts && p.Service != "" && p.To != "" && plain[key] != planted[key]:
		t.Errorf("%+v does not end", p)
	}
}

// TestPlantedRestatement checks that a restated day was settled as usual, and changed later.
func TestPlantedRestatement(t *testing.T) {
	c := start(t, azuresim.Options{Tenants: 12, Planted: 9})
	var list []azuresim.Planted
	if err := json.Unmarshal(c.do("GET", "/sim/planted", "", "").body, &list); err != nil || len(list) < 60 {
		t.Fatalf("%d labels: %v", len(list), err)
	}
	checked := 0
	for _, p := range list {
		if p.Kind != "restated" {
			continue
		}
		checked++
		if change := float64(p.Actual)/float64(p.Expected) - 1; max(change, -change) < 0.02 || max(change, -change) > 0.2 {
			t.Errorf("restated by %v", change)
		}
		day := must(time.Parse(time.DateOnly, p.From))
		at := func(at time.Time) int64 {
			return c.sums(azuresim.TruthQuery{At: at, From: day, To: day, Metric: "AmortizedCost", Cut: "charges", Subscription: p.Subscription, By: []string{"service", "charge_type"}},
				func(r azuresim.TruthRow) string { return r.Service + r.ChargeType })[p.Service+"Usage"]
		}
		before, after := at(day.AddDate(0, 0, 4)), at(day.AddDate(0, 0, 12))
		closed := time.Date(day.Year(), day.Month()+1, 5, 0, 0, 0, 0, time.UTC)
		if before == after || at(closed) != at(closed.AddDate(1, 0, 0)) {
			t.Errorf("%s: %d, then %d", p.From, before, after)
		}
	}
	if checked < 6 {
		t.Errorf("%d restated", checked)
	}
}

// TestShapesRepeat checks that no ordinary day is far from its kind: there is nothing to find that is not planted.
func TestShapesRepeat(t *testing.T) {
	c := start(t, azuresim.Options{Planted: -1})
	type key struct{ sub, service string }
	series := map[key]map[string]int64{}
	for _, r := range must(c.sim.Truth(azuresim.TruthQuery{Metric: "AmortizedCost", Cut: "charges", By: []string{"subscription", "day", "service", "charge_type"}, To: utc(2026, 10, 31)})) {
		if r.ChargeType != "Usage" || r.USDMicros < 20_000_000 {
			continue
		}
		k := key{r.Subscription, r.Service}
		if series[k] == nil {
			series[k] = map[string]int64{}
		}
		series[k][r.Day] = r.Micros
	}
	stand, rise := map[string]int{}, map[string][]float64{}
	for k, days := range series {
		for d, v := range days {
			at := must(time.Parse(time.DateOnly, d))
			before, after := days[at.AddDate(0, 0, -7).Format(time.DateOnly)], days[at.AddDate(0, 0, 7).Format(time.DateOnly)]
			key := k.sub + k.service + d[8:]
			if before > 0 && after > 0 && v > before*135/100 && v > after*135/100 {
				stand[key]++
			}
			if before > 0 && after > 0 {
				rise[key] = append(rise[key], 2*float64(v)/float64(before+after))
			}
		}
	}
	for k := range stand {
		slices.Sort(rise[k])
		if middle := rise[k][len(rise[k])/2]; middle < 1.12 {
			t.Errorf("%s stands out, but not in most months: %v", k, rise[k])
		}
	}
}
