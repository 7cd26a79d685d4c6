package cost_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fresnel"
	"fresnel/internal/cost"
)

// world is a tenant made by hand: a weekly pattern, noise of 6 % either way, a
// wave of the whole tenant and growth. What a test is about is put on top.
type world struct {
	random *rand.Rand
	from   fresnel.Day
	days   int
	judge  int // how many of the last days are judged
	wave   float64
	series []cost.SeriesCost
}

func newWorld(seed uint64, days, judge int) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	return &world{random: r, from: day("2026-01-01"), days: days, judge: judge, wave: 11 + 14*r.Float64()}
}

// add gives the tenant a service of a subscription; usd is its cost on a working day.
func (w *world) add(subscription, service, currency string, usd float64) *cost.SeriesCost {
	s := cost.SeriesCost{
		Subscription: subscription, Service: service, Currency: currency, From: w.from,
		Micros: make([]int64, w.days), USD: make([]int64, w.days),
	}
	weekend, growth := 0.3+0.7*w.random.Float64(), -0.025+0.075*w.random.Float64()
	rate := 1.0
	if currency != "USD" {
		rate = 1.1
	}
	for i := range w.days {
		x := usd * (0.94 + 0.12*w.random.Float64()) * (1 + 0.06*math.Sin(2*math.Pi*float64(i)/w.wave)) * math.Pow(1+growth, float64(i)/30.44)
		if wd := (w.from + fresnel.Day(i)).Time().Weekday(); wd == 0 || wd == 6 {
			x *= weekend
		}
		s.USD[i], s.Micros[i] = int64(x*1e6), int64(x*1e6/rate)
	}
	w.series = append(w.series, s)
	return &w.series[len(w.series)-1]
}

// fill gives the tenant some subscriptions of some services each.
func (w *world) fill(subscriptions, services int) *world {
	for i := range subscriptions {
		for j := range services {
			w.add(fmt.Sprintf("sub-%02d", i), fmt.Sprintf("service-%02d", j), "EUR", 30+170*w.random.Float64())
		}
	}
	return w
}

// times multiplies the days from..to of a series, both inclusive and counted from
// the first held one.
func times(s *cost.SeriesCost, factor float64, from, to int) {
	for i := max(0, from); i <= min(to, len(s.Micros)-1); i++ {
		s.Micros[i] = int64(float64(s.Micros[i]) * factor)
		s.USD[i] = int64(float64(s.USD[i]) * factor)
	}
}

func (w *world) input() cost.DetectInput {
	end := w.from + fresnel.Day(w.days)
	return cost.DetectInput{
		Tenant: "t", Held: fresnel.Period{From: w.from, To: end},
		Judge: fresnel.Period{From: end - fresnel.Day(w.judge), To: end}, Series: w.series,
	}
}

func (w *world) detect() (raised, recurring []cost.Detected) {
	return cost.DetectAnomalies(w.input(), cost.DefaultDetectOptions())
}

func BenchmarkDetectAnomalies(b *testing.B) {
	in := newWorld(1, 400, 75).fill(20, 25).input()
	for b.Loop() {
		cost.DetectAnomalies(in, cost.DefaultDetectOptions())
	}
}
