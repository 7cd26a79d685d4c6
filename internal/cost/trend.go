package cost

import (
	"context"
	"slices"

	"fresnel"
)

// TopSeries is how many series a trend tells apart; the rest is "Other".
const TopSeries = 6

// Trend is cost over time. All slices are as long as Steps.
type Trend struct {
	Ask       Ask
	Monthly   bool          // steps are months, not days
	Steps     []fresnel.Day // each day, or the first day of each month
	Known     []bool        // false = no figure can be told for the step
	Series    []Series      // the largest by CostUSD first, then Other; empty without keys
	Total     Series
	Before    []int64 // the period before in Unit, aligned by position; nil = no comparison
	BeforeOf  fresnel.Period
	Unit      Unit // of Values and Before
	SettledTo fresnel.Day
	Coverage  Coverage
}

// Series is one line or colour of a trend.
type Series struct {
	Row        Row // keys and label; its figures are not filled
	Other      int // how many rows it folds together; 0 = it is a row
	Values     []int64
	Currencies map[string][]int64 // billing currency -> micro-units per step
	USDValues  []int64
}

// Trend answers an Ask over time, by day or by month.
func (r Reports) Trend(ctx context.Context, s fresnel.Scope, a Ask, monthly bool) (Trend, error) {
	t := Trend{Ask: a, Monthly: monthly, Steps: steps(a.Period, monthly)}
	asked := a
	if monthly {
		asked.Versus = VersusNone // a month is not compared with the days of another
	}
	held, err := r.held(ctx, s, asked)
	if err != nil {
		return t, err
	}
	t.Coverage = held.of(a.Period)
	t.SettledTo = t.Coverage.Settled
	q := a.query(a.Period)
	step := ByDay
	if monthly {
		step = ByMonth
	}
	q.By = step | a.By&ByCharge // the total is of the cut of its parts
	sums, err := r.Reader.Sums(ctx, s, q)
	if err != nil {
		return t, err
	}
	t.Unit = unitOf(sums)
	t.Total = t.series(sums)
	t.Known = t.known(sums)
	if a.By != 0 {
		if err := r.split(ctx, s, &t, step); err != nil {
			return t, err
		}
	}
	return t, r.trendBefore(ctx, s, &t, held)
}

// split finds the largest rows and their steps; Other is what the total has
// beyond them, so that the series always add up to the total.
func (r Reports) split(ctx context.Context, s fresnel.Scope, t *Trend, step By) error {
	q := t.Ask.query(t.Ask.Period)
	sums, err := r.Reader.Sums(ctx, s, q)
	if err != nil {
		return err
	}
	set := rowSet{}
	set.fill(sums, func(f *Figure, micros int64) { f.Now += micros })
	rows, _ := set.rows()
	top := rows[:min(TopSeries, len(rows))]
	if len(rows) == TopSeries+1 {
		top = rows // one row more costs no more room than "Other (1)"
	}
	scope := narrowTo(s, &q, t.Ask.By, top)
	q.By |= step
	if sums, err = r.Reader.Sums(ctx, scope, q); err != nil {
		return err
	}
	byRow := map[rowKey][]Sum{}
	for _, x := range sums {
		byRow[keyOf(x)] = append(byRow[keyOf(x)], x)
	}
	rest := t.Total.clone()
	for _, row := range top {
		one := t.series(byRow[row.key()])
		one.Row = row
		t.Series = append(t.Series, one)
		rest.subtract(one)
	}
	if n := len(rows) - len(top); n > 0 {
		rest.Other = n
		rest.pick(t.Unit, len(t.Steps))
		t.Series = append(t.Series, rest)
	}
	return nil
}

// narrowTo makes the query ask only for the rows that will be shown.
func narrowTo(s fresnel.Scope, q *Query, by By, rows []Row) fresnel.Scope {
	switch by {
	case ByTenant:
		var ids []fresnel.TenantID
		for _, r := range rows {
			ids = append(ids, r.Tenant)
		}
		if len(ids) > 0 {
			return s.Narrow(ids...)
		}
	case ByService:
		for _, r := range rows {
			q.Services = append(q.Services, r.Service)
		}
	case BySubscription:
		q.Subscriptions = nil
		for _, r := range rows {
			q.Subscriptions = append(q.Subscriptions, r.Subscription)
		}
	}
	return s
}

func (r Reports) trendBefore(ctx context.Context, s fresnel.Scope, t *Trend, held held) error {
	before, ok := t.Ask.before(t.Ask.Period)
	if !ok || t.Monthly {
		return nil
	}
	if old := held.ofBefore(before); old.Covered < old.Of {
		return nil // a line of fewer tenants would look like a fall
	}
	q := t.Ask.query(before)
	q.By = ByDay | t.Ask.By&ByCharge
	sums, err := r.Reader.Sums(ctx, s, q)
	if err != nil {
		return err
	}
	prev := Trend{Steps: steps(before, false), Unit: t.Unit}
	t.Before, t.BeforeOf = prev.series(sums).Values, before
	t.Before = t.Before[:min(len(t.Before), len(t.Steps))]
	return nil
}

func steps(p fresnel.Period, monthly bool) []fresnel.Day {
	var out []fresnel.Day
	if monthly {
		for _, m := range p.Months() {
			out = append(out, m.From.MonthStart())
		}
		return out
	}
	for d := p.From; d < p.To; d++ {
		out = append(out, d)
	}
	return out
}

// unitOf is the only billing currency of the sums, or CostUSD.
func unitOf(sums []Sum) Unit {
	only := ""
	for _, s := range sums {
		if only != "" && s.Currency != only {
			return Unit{Currency: USD, Converted: true}
		}
		only = s.Currency
	}
	if only == "" {
		return Unit{Currency: USD, Converted: true}
	}
	return Unit{Currency: only}
}

// series lays sums of one row out over the steps.
func (t *Trend) series(sums []Sum) Series {
	n := len(t.Steps)
	out := Series{USDValues: make([]int64, n), Currencies: map[string][]int64{}}
	for _, s := range sums {
		i, ok := slices.BinarySearch(t.Steps, s.Day)
		if !ok {
			continue
		}
		out.USDValues[i] += s.USDMicros
		if out.Currencies[s.Currency] == nil {
			out.Currencies[s.Currency] = make([]int64, n)
		}
		out.Currencies[s.Currency][i] += s.Micros
	}
	out.pick(t.Unit, n)
	return out
}

func (s *Series) pick(u Unit, n int) {
	s.Values = s.USDValues
	if !u.Converted {
		if s.Values = s.Currencies[u.Currency]; s.Values == nil {
			s.Values = make([]int64, n)
		}
	}
}

// known tells for which steps a figure exists: Azure has reported cost, or the
// day is settled everywhere and simply had none.
func (t *Trend) known(sums []Sum) []bool {
	known := make([]bool, len(t.Steps))
	for i, d := range t.Steps {
		known[i] = d < t.SettledTo && t.Coverage.Covered == t.Coverage.Of
	}
	for _, s := range sums {
		if i, ok := slices.BinarySearch(t.Steps, s.Day); ok {
			known[i] = true
		}
	}
	return known
}

func (s Series) clone() Series {
	c := Series{USDValues: slices.Clone(s.USDValues), Currencies: map[string][]int64{}}
	for k, v := range s.Currencies {
		c.Currencies[k] = slices.Clone(v)
	}
	return c
}

func (s *Series) subtract(o Series) {
	for i := range s.USDValues {
		s.USDValues[i] -= o.USDValues[i]
	}
	for c, v := range o.Currencies {
		for i := range v {
			s.Currencies[c][i] -= v[i]
		}
	}
}

// Settled tells whether a step no longer grows.
func (t Trend) Settled(i int) bool {
	if t.Monthly {
		return t.Steps[i].AddMonths(1) <= t.SettledTo
	}
	return t.Steps[i] < t.SettledTo
}

// Mean is an average over settled steps.
type Mean struct {
	Micros int64 // in the trend's Unit, rounded towards zero
	Steps  int
}

// Average is the mean of the settled, known steps; it does not exist without any.
func (t Trend) Average() (Mean, bool) {
	var sum int64
	n := 0
	for i, v := range t.Total.Values {
		if t.Known[i] && t.Settled(i) {
			sum += v
			n++
		}
	}
	if n == 0 {
		return Mean{}, false
	}
	return Mean{sum / int64(n), n}, true
}

// Peak is the position of the largest known step; it does not exist without any.
func (t Trend) Peak() (int, bool) {
	at := -1
	for i, v := range t.Total.Values {
		if t.Known[i] && (at < 0 || v > t.Total.Values[at]) {
			at = i
		}
	}
	return at, at >= 0
}

// Accumulated is the trend with each step as the sum of all known steps up to
// it. Settled and Known stay those of the steps.
func (t Trend) Accumulated() Trend {
	t.Total = t.Total.accumulated()
	t.Series = slices.Clone(t.Series)
	for i, s := range t.Series {
		t.Series[i] = s.accumulated()
		t.Series[i].pick(t.Unit, len(t.Steps))
	}
	t.Total.pick(t.Unit, len(t.Steps))
	if t.Before != nil {
		t.Before = running(t.Before)
	}
	return t
}

func (s Series) accumulated() Series {
	s.USDValues = running(s.USDValues)
	currencies := map[string][]int64{}
	for c, v := range s.Currencies {
		currencies[c] = running(v)
	}
	s.Currencies = currencies
	return s
}

func running(values []int64) []int64 {
	out := make([]int64, len(values))
	var sum int64
	for i, v := range values {
		sum += v
		out[i] = sum
	}
	return out
}
