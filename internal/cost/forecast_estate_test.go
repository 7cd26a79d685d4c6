package cost_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
	"fresnel/internal/cost"
)

// accuracy counts forecasts of one kind.
type accuracy struct {
	inside, told     int
	errors, straight float64 // sums of absolute relative errors
	low, high        int     // true ends below and above the range
	width            float64
}

func (a *accuracy) add(f cost.MonthEnd, straight float64, truth int64) {
	a.told++
	switch {
	case truth < f.Low:
		a.low++
	case truth > f.High:
		a.high++
	default:
		a.inside++
	}
	a.errors += relative(float64(f.Expected), truth)
	a.straight += relative(straight, truth)
	a.width += float64(f.High-f.Low) / 2 / float64(truth)
}

func relative(told float64, truth int64) float64 {
	return max(told-float64(truth), float64(truth)-told) / float64(truth)
}

func (a accuracy) share() float64 { return float64(a.inside) / float64(max(1, a.told)) }

func (a accuracy) String() string {
	n := float64(max(1, a.told))
	return fmt.Sprintf("%5d forecasts, %5.1f %% inside (%.1f %% below, %.1f %% above), mean error %5.2f %%, straight line %6.2f %%, half width %.2f %%",
		a.told, 100*a.share(), 100*float64(a.low)/n, 100*float64(a.high)/n, 100*a.errors/n, 100*a.straight/n, 100*a.width/n)
}

// forecastDays are the days of the month on which its end is foretold.
func forecastDays() []int { return []int{6, 12, 18, 24} }

// TestForecastLabelledEstates measures the forecast of tenants with planted
// anomalies: each as Azure shows the costs on that day, against what the month
// was on the 7th of the next.
func TestForecastLabelledEstates(t *testing.T) {
	var all accuracy
	parts := map[string]*accuracy{}
	for _, e := range labSeeds(t) {
		for _, metric := range []string{"ActualCost", "AmortizedCost"} {
			forecastEstate(t, e, metric, func(f cost.MonthEnd, dom int, straight float64, truth int64) {
				all.add(f, straight, truth)
				for _, part := range []string{metric, fmt.Sprintf("%s, day %02d", metric, dom)} {
					if parts[part] == nil {
						parts[part] = &accuracy{}
					}
					parts[part].add(f, straight, truth)
				}
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		t.Logf("%-22s %s", name, parts[name])
	}
	t.Logf("%-22s %s", "all", all)
	low, high := 0.75, 0.85
	if testing.Short() { // two estates are too few to tell
		low, high = 0.7, 0.9
	}
	if s := all.share(); s < low || s > high {
		t.Errorf("%.1f %% of the true month ends are in the 80 %% range", 100*s)
	}
	if all.errors >= all.straight {
		t.Error("a straight line does as well")
	}
}

// forecastEstate foretells the last whole months of an estate's tenants.
func forecastEstate(t *testing.T, e labEstate, metric string, yield func(f cost.MonthEnd, dom int, straight float64, truth int64)) {
	s, at := e.forecastServer(t)
	end := fresnel.DayOf(at).MonthStart()
	final := dailyTotals(t, s, metric, at, end.AddMonths(-forecastHeld))
	for months := 1; months <= 3; months++ {
		month := end.AddMonths(-months)
		for _, dom := range forecastDays() {
			now := (month + fresnel.Day(dom-1)).Time().Add(10 * time.Hour)
			recent := dailyTotals(t, s, metric, now, month.AddMonths(-1))
			for tenant, days := range final {
				in := cost.ForecastInput{
					From: end.AddMonths(-forecastHeld), Month: month, SettledTo: cost.SettledTo(now), Today: fresnel.DayOf(now),
				}
				in.Daily = append(slices.Clone(days[:month.AddMonths(-1)-in.From]), recent[tenant]...)
				f, ok := cost.Forecast(in)
				if !ok {
					t.Fatal("no forecast")
				}
				var truth int64
				for _, v := range days[month-in.From : month.AddMonths(1)-in.From] {
					truth += v
				}
				so := float64(in.SettledTo - month)
				yield(f, dom, float64(f.Spent)/so*float64(month.AddMonths(1)-month), truth)
			}
		}
	}
}

const forecastHeld = 10 // months before the last one

// forecastServer has many small tenants: each is one piece of evidence. It is
// looked at on the 7th, when the month before is closed.
func (e labEstate) forecastServer(t *testing.T) (*azuresim.Server, time.Time) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, e.at)
	if err != nil {
		t.Fatal(err)
	}
	at = fresnel.DayOf(at).MonthStart().Time().Add(6*24*time.Hour + time.Hour)
	clock := azuresim.NewClock()
	clock.Freeze(at)
	s, err := azuresim.New(azuresim.Options{
		Seed: e.seed, Tenants: 20, SubscriptionsPerTenant: 4, Months: forecastHeld + 1, Start: at, Clock: clock, Planted: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, at
}

// dailyTotals are the CostUSD totals of each tenant by day, as shown at an instant.
func dailyTotals(t *testing.T, s *azuresim.Server, metric string, at time.Time, from fresnel.Day) map[string][]int64 {
	t.Helper()
	rows, err := s.Truth(azuresim.TruthQuery{At: at, From: from.Time(), Metric: metric, By: []string{"tenant", "day"}})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]int64{}
	days := int(fresnel.DayOf(at) - from + 1)
	for _, r := range rows {
		if out[r.Tenant] == nil {
			out[r.Tenant] = make([]int64, days)
		}
		out[r.Tenant][day(r.Day)-from] += r.USDMicros
	}
	return out
}
