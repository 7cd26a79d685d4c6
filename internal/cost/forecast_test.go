package cost_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"fresnel"
	"fresnel/internal/cost"
)

// flat is a daily total of so many dollars with 3 % noise, from 2026-01-01 up to
// a day, and half of it on weekends.
func flat(usd float64, to fresnel.Day) []int64 {
	r := rand.New(rand.NewPCG(1, 2))
	var out []int64
	for d := day("2026-01-01"); d < to; d++ {
		x := usd * (0.97 + 0.06*r.Float64())
		if wd := d.Time().Weekday(); wd == 0 || wd == 6 {
			x /= 2
		}
		out = append(out, int64(x*1e6))
	}
	return out
}

func forecastInput(daily []int64, settledTo string) cost.ForecastInput {
	s := day(settledTo)
	return cost.ForecastInput{From: day("2026-01-01"), Daily: daily, Month: s - 1, SettledTo: s, Today: s + 3}
}

func sum(v []int64) (total int64) {
	for _, x := range v {
		total += x
	}
	return total
}

// near tells whether an amount is within a share of another.
func near(got, want int64, share float64) bool {
	return math.Abs(float64(got-want)) <= share*math.Abs(float64(want))
}

func TestForecastPutsChargesOnTheirDay(t *testing.T) {
	whole := flat(1000, day("2026-09-01"))
	for d := day("2026-01-01"); d < day("2026-09-01"); d++ {
		switch d.Time().Day() {
		case 1:
			whole[d-day("2026-01-01")] += 20_000e6 // reservations
		case 20:
			whole[d-day("2026-01-01")] += 6_000e6
		}
	}
	truth := sum(whole[day("2026-08-01")-day("2026-01-01"):])
	for _, settled := range []string{"2026-08-02", "2026-08-04", "2026-08-11", "2026-08-21", "2026-08-31"} {
		in := forecastInput(whole[:day(settled)-day("2026-01-01")], settled)
		f, ok := cost.Forecast(in)
		if !ok || !near(f.Expected, truth, 0.02) || f.Low > truth || f.High < truth {
			t.Errorf("settled to %s: %+v, it was %d", settled, f, truth)
		}
		if f.Days != int(day("2026-09-01")-day(settled)) || f.Spent != sum(in.Daily[day("2026-08-01")-day("2026-01-01"):]) {
			t.Errorf("settled to %s: %+v", settled, f)
		}
	}
	// In the first days of the month nothing of it is settled.
	in := forecastInput(whole[:day("2026-07-30")-day("2026-01-01")], "2026-07-30")
	in.Month = day("2026-08-01")
	if f, ok := cost.Forecast(in); !ok || f.Spent != 0 || f.Days != 31 || !near(f.Expected, truth, 0.02) {
		t.Errorf("%+v, it was %d", f, truth)
	}
}

func TestForecastBelievesUnsettledDaysOnlyAsALowerBound(t *testing.T) {
	whole := flat(1000, day("2026-06-01"))
	settled := int(day("2026-05-20") - day("2026-01-01"))
	want, _ := cost.Forecast(forecastInput(whole[:settled], "2026-05-20"))
	few := append(whole[:settled:settled], 100e6, 50e6, 0)
	if got, ok := cost.Forecast(forecastInput(few, "2026-05-20")); !ok || got.Expected != want.Expected || got.Spent != want.Spent {
		t.Errorf("%+v, without the growing days %+v", got, want)
	}
	many := append(whole[:settled:settled], 9000e6, 50e6, 0)
	got, ok := cost.Forecast(forecastInput(many, "2026-05-20"))
	if !ok || got.Expected < want.Expected+7000e6 || got.Low < got.Spent+9050e6 {
		t.Errorf("%+v, before 9000 USD were seen %+v", got, want)
	}
}

func TestForecastKnowsItsLimits(t *testing.T) {
	whole := flat(1000, day("2026-06-01"))
	if f, ok := cost.Forecast(forecastInput(whole[:27], "2026-01-28")); ok {
		t.Errorf("27 days of history: %+v", f)
	}
	if f, ok := cost.Forecast(forecastInput(whole[:28], "2026-01-29")); !ok || f.History != 28 || !near(f.Expected, sum(whole[:31]), 0.05) {
		t.Errorf("28 days of history: %+v", f)
	}
	in := forecastInput(whole, "2026-06-01")
	if f, ok := cost.Forecast(in); !ok || f.Days != 0 || f.Low != f.Spent || f.High != f.Spent || f.Expected != f.Spent {
		t.Errorf("a month that is over: %+v", f)
	}
	in.Month = day("2027-01-01")
	if f, ok := cost.Forecast(in); ok {
		t.Errorf("a month far ahead: %+v", f)
	}
	if f, ok := cost.Forecast(forecastInput(make([]int64, 200), "2026-07-20")); !ok || f.Expected != 0 || f.Low != 0 || f.High != 0 {
		t.Errorf("no cost: %+v", f)
	}
	if f, ok := cost.Forecast(forecastInput(nil, "2026-07-20")); ok {
		t.Errorf("nothing held: %+v", f)
	}
	credit := make([]int64, 200)
	for i := range credit {
		credit[i] = -5e6
	}
	if f, ok := cost.Forecast(forecastInput(credit, "2026-07-20")); !ok || f.Low > f.Expected || f.High < f.Expected {
		t.Errorf("credits only: %+v", f)
	}
}

func BenchmarkForecast(b *testing.B) {
	in := forecastInput(flat(1000, day("2027-02-05")), "2027-02-05")
	for b.Loop() {
		cost.Forecast(in)
	}
}
