package cost

import (
	"slices"

	"fresnel"
)

// The forecast of a month's end: what is spent, and for each day to come the
// level of the last weeks with its weekday and a damped trend, and the charges
// of a day of the month that are still to come. Its range comes from the errors
// that the same method makes from earlier days of the same series over the same
// number of days (split conformal prediction: the quantile of their sizes).
// Limits: a purchase that was never there before cannot be foreseen, and a
// charge of a day of the month only once it was there twice (that of the first
// day: once), and only where it stands out of the daily noise.

const (
	leastHistory = 28    // settled days, below which nothing is foretold
	forecastPast = 56    // days that tell the level
	mostPast     = 400   // days that are looked at
	trendKept    = 0.5   // of the trend: it seldom goes on
	outlier      = 4.0   // robust sigmas, beyond which a day tells of no level
	coverShare   = 0.8   // of the true month ends lie in the range
	originStep   = 3     // days between the origins that are tried
	leastOrigins = 4.0   // independent ones, or a shorter horizon is asked
	unknownError = 0.07  // of the forecast, where there is no earlier origin at all
	widening     = 1.03  // what comes differs a little more from the past than the past from itself
	leastRange   = 0.002 // of the forecast: no range is narrower
)

// ForecastInput is the daily total of one unit, and when it was read.
type ForecastInput struct {
	From      fresnel.Day
	Daily     []int64     // micro-units by day from From, at most up to Today
	Month     fresnel.Day // a day of the month to foretell
	SettledTo fresnel.Day // days from here on still grow: they are lower bounds
	Today     fresnel.Day
}

// MonthEnd is a forecast of a month's total. Amounts are micro-units.
type MonthEnd struct {
	Month     fresnel.Day // its first day
	Spent     int64       // on the settled days of the month
	Expected  int64       // total at the month's end
	Low, High int64       // in which 80 % of the true totals lie
	Days      int         // that are still foretold
	Path      []int64     // what each of them is expected to cost, the month's last day last
	History   int         // settled days that it rests on
}

// Forecast foretells a month's end. It is not ok with fewer than 28 settled
// days of history, nor for a month that is more than one ahead.
func Forecast(in ForecastInput) (MonthEnd, bool) {
	month := fresnel.Period{From: in.Month.MonthStart(), To: in.Month.AddMonths(1)}
	settledTo := min(in.SettledTo, in.From+fresnel.Day(len(in.Daily)))
	out := MonthEnd{Month: month.From, History: min(mostPast, int(settledTo-in.From))}
	if out.History < leastHistory || month.From > in.Today.AddMonths(1) {
		return out, false
	}
	for d := max(month.From, in.From); d < min(month.To, settledTo); d++ {
		out.Spent += in.Daily[d-in.From]
	}
	out.Days = fresnel.Period{From: max(month.From, settledTo), To: month.To}.Days()
	out.Expected, out.Low, out.High = out.Spent, out.Spent, out.Spent
	if out.Days == 0 {
		return out, true
	}
	f := newForecaster(in, settledTo, out.History)
	rest, least, path := f.rest(in, month)
	out.Path = path
	spread := f.spread(int(month.To-settledTo), rest)
	out.Expected += round(rest)
	out.Low += round(max(least, rest-spread))
	out.High += round(rest + spread)
	return out, true
}

// forecaster is the history of a series. Days are counted from first.
type forecaster struct {
	first   fresnel.Day
	days    []float64 // settled, without the recurring charges
	charges map[int]float64
	scratch []float64
}

func newForecaster(in ForecastInput, settledTo fresnel.Day, history int) *forecaster {
	f := &forecaster{first: settledTo - fresnel.Day(history)}
	for d := f.first; d < settledTo; d++ {
		f.days = append(f.days, float64(in.Daily[d-in.From]))
	}
	f.findCharges()
	return f
}

// rest is what the days of the month that are not settled will cost, and the
// least that they cost already.
func (f *forecaster) rest(in ForecastInput, month fresnel.Period) (rest, least float64, path []int64) {
	o := f.outlook(len(f.days))
	for d := max(month.From, f.first+fresnel.Day(len(f.days))); d < month.To; d++ {
		seen := 0.0
		if i := int(d - in.From); i < len(in.Daily) {
			seen = float64(in.Daily[i])
		}
		least += seen
		one := max(seen, o.amount(int(d-f.first))+f.charge(d))
		rest += one
		path = append(path, round(one))
	}
	return rest, least, path
}

// spread is half the width of the range over some days ahead.
func (f *forecaster) spread(ahead int, rest float64) float64 {
	room := len(f.days) - leastHistory
	ahead = max(1, min(ahead, int(float64(room)/leastOrigins)))
	var errors []float64
	for origin := len(f.days) - ahead; origin >= leastHistory; origin -= originStep {
		o := f.outlook(origin)
		told, was := 0.0, 0.0
		for u := origin; u < origin+ahead; u++ {
			told += o.amount(u)
			was += f.days[u]
		}
		if told > 0 {
			errors = append(errors, abs(was-told)/told)
		}
	}
	if len(errors) == 0 {
		return unknownError * abs(rest)
	}
	// Origins that share days are one piece of evidence.
	independent := max(1, float64(room)/float64(ahead))
	share := min(1, coverShare*(1+1/independent))
	return max(leastRange, widening*quantile(errors, share)) * abs(rest)
}

// quantile is the linearly interpolated quantile of values, which it sorts.
func quantile(v []float64, share float64) float64 {
	slices.Sort(v)
	at := share * float64(len(v)-1)
	low := int(at)
	high := min(low+1, len(v)-1)
	return v[low] + (v[high]-v[low])*(at-float64(low))
}

// outlook is what a series is expected to cost from a day on.
type outlook struct {
	at      int
	level   float64
	trend   float64 // by day
	weekday [week]float64
}

func (o outlook) amount(day int) float64 {
	return (o.level + o.trend*float64(day-o.at)) * o.weekday[day%week]
}

// outlook is computed from the weeks before a day.
func (f *forecaster) outlook(at int) outlook {
	o := outlook{at: at}
	from := max(0, at-forecastPast)
	o.weekday = f.weekdays(from, at)
	values := make([]float64, 0, forecastPast)
	for u := from; u < at; u++ {
		values = append(values, f.days[u]/o.weekday[u%week])
	}
	f.clip(values)
	o.trend = trendKept * f.slope(values)
	spans := []int{14, 28, forecastPast}
	for _, span := range spans {
		span = min(span, len(values))
		sum := 0.0
		for _, v := range values[len(values)-span:] {
			sum += v
		}
		o.level += (sum/float64(span) + o.trend*float64(span+1)/2) / float64(len(spans))
	}
	return o
}

// weekdays are the factors of the weekdays: the median of each day beside the
// mean of the week around it.
func (f *forecaster) weekdays(from, to int) (factor [week]float64) {
	var ratios [week][]float64
	sum := 0.0
	for u := from; u < to; u++ {
		sum += f.days[u]
		if u >= from+week {
			sum -= f.days[u-week]
		}
		if middle := u - week/2; u >= from+week-1 && sum > 0 {
			ratios[middle%week] = append(ratios[middle%week], f.days[middle]*week/sum)
		}
	}
	total := 0.0
	for w := range factor {
		factor[w] = 1
		if len(ratios[w]) > 0 {
			factor[w] = max(0.02, median(ratios[w]))
		}
		total += factor[w]
	}
	for w := range factor {
		factor[w] *= week / total
	}
	return factor
}

// clip brings values that stand out to the edge of what is usual.
func (f *forecaster) clip(values []float64) {
	f.scratch = append(f.scratch[:0], values...)
	middle := median(f.scratch)
	for i, v := range f.scratch {
		f.scratch[i] = abs(v - middle)
	}
	edge := outlier * sigmaPerMAD * median(f.scratch)
	for i, v := range values {
		values[i] = max(middle-edge, min(middle+edge, v))
	}
}

// slope is the median slope of all pairs of days at least two weeks apart
// (Theil, Sen).
func (f *forecaster) slope(values []float64) float64 {
	f.scratch = f.scratch[:0]
	for i := 0; i < len(values); i += 2 {
		for j := i + 2*week; j < len(values); j += 2 {
			f.scratch = append(f.scratch, (values[j]-values[i])/float64(j-i))
		}
	}
	return median(f.scratch)
}

// charge is the recurring charge of a day, or 0.
func (f *forecaster) charge(d fresnel.Day) float64 {
	next := d.AddMonths(1)
	sum := 0.0
	for dom := int(d-d.MonthStart()) + 1; dom <= 31; dom++ {
		sum += f.charges[dom]
		if d != next-1 {
			break // the last day stands for those that its month lacks
		}
	}
	return sum
}

// findCharges takes the charges of a day of the month out of the history.
func (f *forecaster) findCharges() {
	f.charges = map[int]float64{}
	excess, sigma := f.excesses()
	last := f.first + fresnel.Day(len(f.days))
	for dom := 1; dom <= 31; dom++ {
		var days []int
		for month := last.MonthStart(); month > f.first-31 && len(days) < recurMonths; month = month.AddMonths(-1) {
			d := min(month+fresnel.Day(dom-1), month.AddMonths(1)-1)
			if d >= f.first && d < last {
				days = append(days, int(d-f.first))
			}
		}
		if amount, ok := recurringAmount(days, excess, sigma, dom == 1); ok {
			f.charges[dom] = amount
			f.takeOut(dom, excess, sigma)
		}
	}
}

// recurringAmount tells what a day of the month charges in addition, by its
// last months, latest first.
func recurringAmount(days []int, excess []float64, sigma float64, firstDay bool) (float64, bool) {
	var amounts []float64
	for _, u := range days {
		if excess[u] > chargeSigmas*sigma {
			amounts = append(amounts, excess[u])
		}
	}
	if firstDay && len(days) == 1 && len(amounts) == 1 {
		return amounts[0], true
	}
	if len(amounts) < recurTimes {
		return 0, false
	}
	amount := median(slices.Clone(amounts))
	near := 0
	for _, a := range amounts {
		if abs(a-amount) <= recurTolerance*amount+sigma {
			near++
		}
	}
	return amount, near >= recurTimes
}

// chargeSigmas is how far a charge of a day of the month stands out.
const chargeSigmas = 3.0

// takeOut removes a recurring charge from every month in which it was.
func (f *forecaster) takeOut(dom int, excess []float64, sigma float64) {
	for u := range f.days {
		d := f.first + fresnel.Day(u)
		at := int(d-d.MonthStart()) + 1
		if (at == dom || at < dom && d == d.AddMonths(1)-1) && excess[u] > chargeSigmas*sigma {
			f.days[u] -= excess[u]
			excess[u] = 0
		}
	}
}

// excesses are how far each day is above the same weekdays around it, and the
// robust sigma of that.
func (f *forecaster) excesses() (excess []float64, sigma float64) {
	excess = make([]float64, len(f.days))
	sizes := make([]float64, len(f.days))
	for u := range f.days {
		f.scratch = f.scratch[:0]
		for lag := week; lag <= 4*week; lag += week {
			if u-lag >= 0 {
				f.scratch = append(f.scratch, f.days[u-lag])
			}
			if u+lag < len(f.days) {
				f.scratch = append(f.scratch, f.days[u+lag])
			}
		}
		excess[u] = f.days[u] - median(f.scratch)
		sizes[u] = abs(excess[u])
	}
	return excess, sigmaPerMAD * median(sizes)
}
