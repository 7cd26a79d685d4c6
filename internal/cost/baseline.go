package cost

import (
	"math"
	"slices"
)

// The baseline of a series is what its past lets expect: the median of the last
// 8 days of the same weekday, each brought forward by a robust trend, and the
// spread of the days around it. Days that were found anomalous and days without
// data are left out.
//
// Sources: the trend is the seasonal slope of Theil, Sen and Hirsch (the median
// of the slopes of all pairs of days of the same weekday), the spread the
// median absolute deviation times 1.4826, which is the standard deviation of
// normal errors.

const (
	week          = 7
	sigmaPerMAD   = 1.4826
	normal90      = 1.645 // sigmas, within which 90 % of normal errors lie
	leastSigma    = 0.01  // of the level: smoother series do not exist for long
	trendLag      = 21    // days: a shorter pair says more of noise than of trend
	leastPairs    = 20    // a trend of fewer pairs is noise
	steepestTrend = 0.004 // by day, 12 % a month: beyond it extrapolation does more harm than good
	spareWeeks    = 4     // how much further back a missing day may be replaced from
)

// baseline is what a series is expected to cost from a day on.
type baseline struct {
	at      int           // the day it was computed for, counted from the first held one
	weekday [week]float64 // micro-units, by day % 7, on the level of at
	level   float64       // their mean
	trend   float64       // relative change by day
	sigma   float64       // relative
}

// expect is the amount of a day at or after the baseline's.
func (b baseline) expect(day int) float64 {
	return b.weekday[day%week] * (1 + b.trend*float64(day-b.at))
}

// sample is a day of the past.
type sample struct {
	day    int
	amount float64
}

// baselineAt computes the baseline of a day from the days before it. It does
// not exist with fewer than MinHistory usable days. Trend and sigma change
// slowly and cost most of the time: they are kept for a week.
func (d *detector) baselineAt(t *track, day int) (baseline, bool) {
	b := baseline{at: day}
	past, n := d.past(t, day)
	if n < d.o.MinHistory {
		return b, false
	}
	slow := t.slow != nil && day >= t.slow.at && day < t.slow.at+week
	if slow {
		b.trend = t.slow.trend
	} else {
		b.trend = d.trend(past)
	}
	present := 0
	for w := range past {
		d.buffer = d.buffer[:0]
		for _, s := range past[w] {
			d.buffer = append(d.buffer, s.amount*(1+b.trend*float64(day-s.day)))
		}
		if len(d.buffer) > 0 {
			b.weekday[w] = median(d.buffer)
			b.level += b.weekday[w]
			present++
		}
	}
	b.level /= float64(present)
	for w := range past { // a weekday that was never seen, in a short history
		if len(past[w]) == 0 {
			b.weekday[w] = b.level
		}
	}
	if slow {
		b.sigma = t.slow.sigma
		return b, true
	}
	b.sigma = d.spread(t, past, b, n)
	kept := b
	t.slow = &kept
	return b, true
}

// past lists the usable days before a day, by day % 7, latest first.
func (d *detector) past(t *track, day int) (past [week][]sample, n int) {
	first := max(t.begin, day-week*(d.o.Weeks+spareWeeks))
	for w := range past {
		past[w] = d.samples[w][:0]
	}
	for u := day - 1; u >= first; u-- {
		w := u % week
		if len(past[w]) < d.o.Weeks && t.usable(u) {
			past[w] = append(past[w], sample{u, t.base[u]})
			n++
		}
	}
	d.samples = past
	return past, n
}

// trend is the relative change by day.
func (d *detector) trend(past [week][]sample) float64 {
	d.buffer = d.buffer[:0]
	for _, same := range past {
		for i, late := range same {
			for _, early := range same[i+1:] {
				if lag := late.day - early.day; lag >= trendLag && late.amount+early.amount > 0 {
					d.buffer = append(d.buffer, 2*(late.amount-early.amount)/((late.amount+early.amount)*float64(lag)))
				}
			}
		}
	}
	if len(d.buffer) < leastPairs {
		return 0
	}
	return max(-steepestTrend, min(steepestTrend, median(d.buffer)))
}

// spread is the relative robust sigma of what a day may differ from the
// baseline: the larger of that by the middle and that by the outer tenth of the
// deviations, as the days of some services differ little, but now and then a
// lot. The baseline was made of the same days and has an error of its own: the
// factors were computed for normal errors and 2 to 8 days of a weekday.
func (d *detector) spread(t *track, past [week][]sample, b baseline, n int) float64 {
	d.buffer = d.buffer[:0]
	for w, same := range past {
		if b.weekday[w] <= 0 {
			continue
		}
		for _, s := range same {
			ratio := s.amount * (1 + b.trend*float64(b.at-s.day)) / (b.weekday[w] * t.load[s.day])
			d.buffer = append(d.buffer, ratio)
		}
	}
	if len(d.buffer) == 0 {
		return leastSigma
	}
	middle := median(d.buffer)
	for i, x := range d.buffer {
		d.buffer[i] = math.Abs(x - middle)
	}
	perWeekday := max(2, float64(n)/week)
	middling := sigmaPerMAD * median(d.buffer) * (1 + 2.3/perWeekday)
	tail := nth(d.buffer, len(d.buffer)*9/10) / normal90 * (1 + 1.1/perWeekday)
	return max(leastSigma, middling, tail)
}

// median is the middle of values, or the mean of the two in the middle. It
// reorders them.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	if len(v) <= 24 {
		slices.Sort(v)
		return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
	}
	k := len(v) / 2
	high := nth(v, k)
	if len(v)%2 == 1 {
		return high
	}
	return (slices.Max(v[:k]) + high) / 2
}

// nth brings the k-th smallest value to its place, smaller ones before it
// (Hoare's selection).
func nth(v []float64, k int) float64 {
	low, high := 0, len(v)-1
	for low < high {
		pivot, i, j := v[(low+high)/2], low, high
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			return v[k]
		}
	}
	return v[k]
}
