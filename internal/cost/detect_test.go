package cost_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

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

// one is the world in which most tests change a single service: 8 subscriptions
// of 6 services, 200 days of which the last 75 are judged.
func one(seed uint64) (*world, *cost.SeriesCost) {
	w := newWorld(seed, 200, 75).fill(8, 5)
	return w, w.add("sub-03", "subject", "EUR", 150)
}

// told is a finding without its amounts.
func told(w *world, f cost.Detected) string {
	where := f.Subscription
	if f.Service != "" {
		where += "/" + f.Service
	}
	if where == "" {
		where = "tenant"
	}
	text := fmt.Sprintf("%s %s %d", f.Kind, where, f.From-w.from)
	if f.Lasting {
		return text + "..."
	}
	return text + ".." + strconv.Itoa(int(f.To-w.from))
}

func TestDetectTellsKindsApart(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(s *cost.SeriesCost)
		want   []string
	}{
		{"nothing", func(*cost.SeriesCost) {}, nil},
		{"spike", func(s *cost.SeriesCost) { times(s, 1.6, 150, 150) }, []string{"spike sub-03/subject 150..150"}},
		{"spike of two days", func(s *cost.SeriesCost) { times(s, 3, 150, 151) }, []string{"spike sub-03/subject 150..151"}},
		{"spike on the last day", func(s *cost.SeriesCost) { times(s, 3, 199, 199) }, []string{"spike sub-03/subject 199..."}},
		{"spike before the judged days", func(s *cost.SeriesCost) { times(s, 3, 124, 124) }, nil},
		{"drop", func(s *cost.SeriesCost) { times(s, 0.4, 160, 160) }, []string{"drop sub-03/subject 160..160"}},
		{"a day without cost", func(s *cost.SeriesCost) { times(s, 0, 160, 160) }, []string{"drop sub-03/subject 160..160"}},
		{"step up", func(s *cost.SeriesCost) { times(s, 1.5, 150, 199) }, []string{"step sub-03/subject 150..."}},
		{"step down", func(s *cost.SeriesCost) { times(s, 0.5, 150, 199) }, []string{"step sub-03/subject 150..."}},
		{"step of three days so far", func(s *cost.SeriesCost) { times(s, 2, 197, 199) }, []string{"step sub-03/subject 197..."}},
		{"step of a fortnight", func(s *cost.SeriesCost) { times(s, 1.6, 140, 153) }, []string{"step sub-03/subject 140..153"}},
		{"two steps", func(s *cost.SeriesCost) { times(s, 2, 140, 199); times(s, 2, 180, 199) }, []string{"step sub-03/subject 180...", "step sub-03/subject 140..179"}},
		{"new", func(s *cost.SeriesCost) { times(s, 0, 0, 149) }, []string{"new sub-03/subject 150..."}},
		{"new for three days", func(s *cost.SeriesCost) { times(s, 0, 0, 149); times(s, 0, 153, 199) }, []string{"new sub-03/subject 150..152"}},
		{"once", func(s *cost.SeriesCost) { times(s, 0, 0, 149); times(s, 0, 151, 199) }, []string{"spike sub-03/subject 150..150"}},
		{"since the second week", func(s *cost.SeriesCost) { times(s, 0, 0, 9) }, nil},
		{"vanished", func(s *cost.SeriesCost) { times(s, 0, 180, 199) }, []string{"vanished sub-03/subject 180..."}},
		{"vanished three days ago", func(s *cost.SeriesCost) { times(s, 0, 197, 199) }, []string{"vanished sub-03/subject 197..."}},
		{"too small", func(s *cost.SeriesCost) { times(s, 0.1, 0, 199); times(s, 2, 150, 150) }, nil},
		{"a few percent", func(s *cost.SeriesCost) { times(s, 1.1, 150, 150); times(s, 0.9, 160, 199) }, nil},
		{"every Monday", func(s *cost.SeriesCost) { everyDay(s, 3, func(d time.Time) bool { return d.Weekday() == time.Monday }) }, nil},
		{"every last day of a month", func(s *cost.SeriesCost) {
			charge(s, 300, func(d time.Time) bool { return d.AddDate(0, 0, 1).Day() == 1 })
		}, nil},
		{"every first", func(s *cost.SeriesCost) { charge(s, 120, func(d time.Time) bool { return d.Day() == 1 }) }, nil},
	} {
		for seed := range uint64(3) {
			w, s := one(seed)
			test.change(s)
			raised, _ := w.detect()
			var got []string
			for _, f := range raised {
				got = append(got, told(w, f))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s, seed %d: %q, want %q", test.name, seed, got, test.want)
			}
		}
	}
}

// everyDay multiplies the days that are chosen.
func everyDay(s *cost.SeriesCost, factor float64, chosen func(time.Time) bool) {
	for i := range s.Micros {
		if chosen((s.From + fresnel.Day(i)).Time()) {
			times(s, factor, i, i)
		}
	}
}

// charge adds so many dollars to the days that are chosen.
func charge(s *cost.SeriesCost, usd float64, chosen func(time.Time) bool) {
	for i := range s.Micros {
		if chosen((s.From + fresnel.Day(i)).Time()) {
			s.Micros[i] += int64(usd / 1.1 * 1e6)
			s.USD[i] += int64(usd * 1e6)
		}
	}
}

// TestDetectEnds puts changes of every size and length on series and looks at
// what is always so.
func TestDetectEnds(t *testing.T) {
	for seed := range uint64(60) {
		w := newWorld(seed, 150, 75).fill(2, 5)
		r := w.random
		for range 25 {
			s := &w.series[r.IntN(len(w.series))]
			from := r.IntN(150)
			times(s, []float64{0, 0.3, 0.8, 1.2, 1.5, 4, 30}[r.IntN(7)], from, from+r.IntN(1+r.IntN(80)))
		}
		in := w.input()
		raised, recurring := w.detect()
		for _, f := range slices.Concat(raised, recurring) {
			switch {
			case f.To < f.From || f.To >= in.Judge.To || f.From < in.Judge.From && f.Kind != cost.KindGrowth,
				f.Lasting && f.To != in.Judge.To-1, f.Peak < f.From || f.Peak > f.To, math.IsNaN(f.Score), f.Actual == f.Expected:
				t.Errorf("seed %d: %+v", seed, f)
			}
		}
	}
}

func TestDetectGrowth(t *testing.T) {
	for seed := range uint64(5) {
		w, s := one(seed)
		for i := 140; i < 200; i++ {
			times(s, math.Pow(1.015, float64(min(i, 175)-139)), i, i)
		}
		raised, _ := w.detect()
		if len(raised) != 1 || raised[0].Kind != cost.KindGrowth {
			t.Fatalf("seed %d: %+v", seed, raised)
		}
		f := raised[0]
		if from, to := int(f.From-w.from), int(f.To-w.from); from < 130 || from > 150 || to < 165 || to > 185 {
			t.Errorf("seed %d: it grew from 140 to 175, told %d to %d", seed, from, to)
		}
		if ratio := float64(f.Actual) / float64(f.Expected); ratio < 1.5 || ratio > 1.9 {
			t.Errorf("seed %d: it grew by 71 %%, told %.0f %%", seed, 100*ratio-100)
		}
	}
}

func TestDetectAmounts(t *testing.T) {
	w, s := one(1)
	before := s.Micros[150]
	times(s, 1.8, 150, 150)
	raised, _ := w.detect()
	if len(raised) != 1 {
		t.Fatalf("%+v", raised)
	}
	f := raised[0]
	if f.Actual != s.Micros[150] || f.USDActual != s.USD[150] || f.Peak != w.from+150 || f.Currency != "EUR" || f.Level != cost.LevelService {
		t.Errorf("%+v", f)
	}
	if off := math.Abs(float64(f.Expected)/float64(before) - 1); off > 0.1 {
		t.Errorf("expected %d, it would have been %d", f.Expected, before)
	}
	if f.Score < 3.5 || len(f.Contributors) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestDetectTellsALevelThatExplains(t *testing.T) {
	scale := func(w *world, factor float64, from, to int, chosen func(*cost.SeriesCost) bool) {
		for i := range w.series {
			if chosen(&w.series[i]) {
				times(&w.series[i], factor, from, to)
			}
		}
	}
	of := func(subscription string) func(*cost.SeriesCost) bool {
		return func(s *cost.SeriesCost) bool { return s.Subscription == subscription }
	}
	everything := func(*cost.SeriesCost) bool { return true }
	for _, test := range []struct {
		name    string
		change  func(w *world)
		want    string
		explain int
	}{
		{"a subscription's spike", func(w *world) { scale(w, 1.8, 150, 150, of("sub-02")) }, "spike sub-02 150..150", 5},
		{"a subscription's small services", func(w *world) { scale(w, 0.3, 0, 199, of("sub-02")); scale(w, 1.6, 150, 150, of("sub-02")) }, "spike sub-02 150..150", 5},
		{"a subscription's step", func(w *world) { scale(w, 1.7, 150, 199, of("sub-02")) }, "step sub-02 150...", 5},
		{"the tenant's spike", func(w *world) { scale(w, 1.6, 150, 150, everything) }, "spike tenant 150..150", 5},
		{"the tenant's step", func(w *world) { scale(w, 1.6, 150, 199, everything) }, "step tenant 150...", 5},
		{"the tenant's holiday", func(w *world) { scale(w, 0.4, 150, 150, everything) }, "drop tenant 150..150", 5},
		{"a new subscription", func(w *world) { scale(w, 0, 0, 149, of("sub-02")) }, "new sub-02 150...", 5},
		{"a subscription that ended", func(w *world) { scale(w, 0, 150, 199, of("sub-02")) }, "vanished sub-02 150...", 5},
		{"a subscription's gap", func(w *world) { scale(w, 0, 150, 153, of("sub-02")) }, "", 0},
		{"a gap at the end", func(w *world) { scale(w, 0, 194, 199, of("sub-02")) }, "", 0},
		{"the tenant's busy week, and one service's drop", func(w *world) {
			scale(w, 1.2, 150, 156, everything)
			times(&w.series[7], 0.65, 153, 153)
		}, "drop sub-01/service-01 153..153", 0},
		{"the tenant's gap", func(w *world) { scale(w, 0, 150, 151, everything) }, "", 0},
	} {
		for seed := range uint64(3) {
			w := newWorld(seed, 200, 75).fill(8, 6)
			test.change(w)
			raised, _ := w.detect()
			got := ""
			for i, f := range raised {
				if i > 0 {
					got += ", "
				}
				got += told(w, f)
			}
			if got != test.want {
				t.Errorf("%s, seed %d: %q, want %q", test.name, seed, got, test.want)
			} else if got != "" && len(raised[0].Contributors) != test.explain {
				t.Errorf("%s, seed %d: %d contributors", test.name, seed, len(raised[0].Contributors))
			}
		}
	}
}

func TestDetectRecurring(t *testing.T) {
	w, s := one(3)
	charge(s, 250, func(d time.Time) bool { return d.AddDate(0, 0, 1).Day() == 1 })
	raised, recurring := w.detect()
	if len(raised) != 0 || len(recurring) < 2 {
		t.Fatalf("raised %+v, recurring %+v", raised, recurring)
	}
	for _, f := range recurring {
		if f.Kind != cost.KindRecurring || f.From.Time().AddDate(0, 0, 1).Day() != 1 {
			t.Errorf("%+v", f)
		}
	}
	// One that doubles is news.
	w, s = one(3)
	charge(s, 250, func(d time.Time) bool { return d.Day() == 10 })
	times(s, 2, 160, 160) // 2026-06-10
	if raised, _ := w.detect(); len(raised) != 1 || raised[0].Kind != cost.KindSpike {
		t.Errorf("%+v", raised)
	}
}

func TestDetectCurrencies(t *testing.T) {
	w := newWorld(1, 200, 75).fill(4, 6)
	for i := range 6 {
		w.add("sub-us", fmt.Sprintf("service-%02d", i), "USD", 100)
	}
	for i := range w.series {
		times(&w.series[i], 1.6, 150, 150)
	}
	raised, _ := w.detect()
	if len(raised) != 1 || raised[0].Currency != "USD" || raised[0].Actual != raised[0].USDActual {
		t.Errorf("%+v", raised)
	}
}

func TestDetectIsDeterministic(t *testing.T) {
	w, s := one(7)
	times(s, 3, 150, 150)
	times(&w.series[0], 0.3, 140, 199)
	times(&w.series[5], 2, 170, 199)
	want, _ := w.detect()
	if len(want) != 3 {
		t.Fatalf("%+v", want)
	}
	for range 5 {
		w.random.Shuffle(len(w.series), func(i, j int) { w.series[i], w.series[j] = w.series[j], w.series[i] })
		if got, _ := w.detect(); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
	for i := 1; i < len(want); i++ {
		if abs(want[i].USDChange()) > abs(want[i-1].USDChange()) {
			t.Error("the largest change is not first")
		}
	}
}

func abs(x int64) int64 { return max(x, -x) }

// TestDetectOddInput shows that nothing breaks it.
func TestDetectOddInput(t *testing.T) {
	o := cost.DefaultDetectOptions()
	in := newWorld(1, 200, 75).fill(2, 2).input()
	for name, change := range map[string]func(*cost.DetectInput){
		"no series":                 func(in *cost.DetectInput) { in.Series = nil },
		"nothing held":              func(in *cost.DetectInput) { in.Held = fresnel.Period{} },
		"nothing judged":            func(in *cost.DetectInput) { in.Judge = fresnel.Period{} },
		"judged before":             func(in *cost.DetectInput) { in.Judge = fresnel.Period{From: in.Held.From - 50, To: in.Held.From - 5} },
		"judged from the first day": func(in *cost.DetectInput) { in.Judge = in.Held },
		"ten days held":             func(in *cost.DetectInput) { in.Held.To = in.Held.From + 10; in.Judge = in.Held },
		"all zero": func(in *cost.DetectInput) {
			in.Series = []cost.SeriesCost{{From: in.Held.From, Micros: make([]int64, 200), USD: make([]int64, 200)}}
		},
		"all negative": func(in *cost.DetectInput) {
			in.Series = []cost.SeriesCost{{From: in.Held.From, Micros: slices.Repeat([]int64{-5e6}, 200), USD: slices.Repeat([]int64{-5e6}, 200)}}
		},
		"longer than held":  func(in *cost.DetectInput) { in.Held.From += 20; in.Held.To -= 20; in.Judge.To -= 20 },
		"shorter than held": func(in *cost.DetectInput) { in.Held.From -= 20; in.Held.To += 2; in.Judge.To += 2 },
		"USD is missing":    func(in *cost.DetectInput) { in.Series[0].USD = nil },
	} {
		one := in
		one.Series = slices.Clone(in.Series)
		change(&one)
		if raised, _ := cost.DetectAnomalies(one, o); len(raised) != 0 {
			t.Errorf("%s: %+v", name, raised)
		}
	}
}
