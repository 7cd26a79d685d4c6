package cost

import (
	"math"
	"slices"
)

const (
	growthWindow = 98  // days that are looked at for a slow rise
	leastRamp    = 14  // days: a faster rise is a step
	mostRamp     = 70  // days: a slower one is how the series is
	rampGain     = 0.8 // of the squared errors that a step leaves, a ramp must leave less
	leastLevel   = 5   // days on each side of a change, to know the levels
)

// ramps tells whether what looks like a step on a day is part of a slow rise or
// fall. A rise is recorded; in both cases the history is brought to the level
// after it, and the next day to judge is given, which is always a later one.
func (d *detector) ramps(t *track, day int) (next int, ok bool) {
	from := max(t.begin, day-6*week, 0)
	r, ok := d.fitRamp(t, from, min(d.days, day+followDays))
	if !ok || day < r.from-2 || day > r.to+2 {
		return 0, false
	}
	d.growth(t, r)
	return max(day+1, min(r.to, d.days)), true
}

// findGrowth looks for a slow rise of which no day stood out.
func (d *detector) findGrowth(t *track) {
	for _, e := range t.events {
		if e.kind == KindGrowth || e.kind == KindNew && e.lasting || e.kind == KindVanished {
			return
		}
	}
	for to := d.days; to > d.judge+3*week; to -= 2 * week {
		from := max(t.begin, to-growthWindow, 0)
		if to-from < 6*week {
			return
		}
		if !t.risesByWeek(from, to, d.o.Share) {
			continue
		}
		if r, ok := d.fitRamp(t, from, to); ok && r.after > r.before {
			d.growth(t, r)
			return
		}
	}
}

// risesByWeek is a quick look: is a later week dearer than an earlier one?
func (t *track) risesByWeek(from, to int, share float64) bool {
	least := math.Inf(1)
	for u := from; u+week <= to; u += week {
		sum, days := 0.0, 0.0
		for v := u; v < u+week; v++ {
			if t.known(v) {
				sum += t.base[v] / t.load[v]
				days++
			}
		}
		if days < week {
			continue
		}
		if sum > least*(1+share*0.8) {
			return true
		}
		least = min(least, sum)
	}
	return false
}

// ramp is a level, a straight way to another one, and that level.
type ramp struct {
	from, to      int // the days on which it rises: half-open
	before, after float64
	errors        float64 // squared, of the fit
	rms           float64
}

// fitRamp finds the ramp that explains days from..to best. It fails where a
// step explains them as well, and where the change is no anomaly.
func (d *detector) fitRamp(t *track, from, to int) (ramp, bool) {
	days, values, dearest := t.deseasoned(from, to)
	if len(days) < 4*week {
		return ramp{}, false
	}
	step := ramp{errors: math.Inf(1)}
	best := step
	for length := 0; length <= mostRamp; length += week {
		if length > 0 && length < leastRamp {
			continue
		}
		for start := from + leastLevel; start+leastLevel <= to && start+max(length, leastLevel) <= to; start += stride(length) {
			r := fitAt(days, values, start, start+length)
			switch {
			case length == 0 && r.errors < step.errors:
				step = r
			case length > 0 && r.errors < best.errors:
				best = r
			}
		}
	}
	if best.errors > rampGain*step.errors || best.before <= 0 {
		return best, false
	}
	change := best.after - best.before
	last := min(best.to, to) - 1
	switch {
	case abs(change) < d.o.Share*best.before:
		return best, false
	case abs(change)*dearest*t.usdPer(last) < float64(d.o.FloorUSD):
		return best, false
	}
	return best, abs(change) >= d.o.Score*best.rms/2
}

// deseasoned lists the usable days and their costs without weekday and load,
// and the factor of the dearest weekday.
func (t *track) deseasoned(from, to int) (days, values []float64, dearest float64) {
	profile := t.profile(from, to)
	for u := from; u < to; u++ {
		if t.usable(u) && profile[u%week] > 0 && t.load[u] > 0 {
			days = append(days, float64(u))
			values = append(values, t.base[u]/(profile[u%week]*t.load[u]))
		}
	}
	return days, values, slices.Max(profile[:])
}

// profile is the factor of each weekday: the median of its days beside the mean
// of the week around each.
func (t *track) profile(from, to int) (factor [week]float64) {
	var ratios [week][]float64
	for u := from + week/2; u+week/2 < to; u++ {
		sum := 0.0
		for v := u - week/2; v <= u+week/2; v++ {
			if !t.usable(v) {
				sum = 0
				break
			}
			sum += t.base[v]
		}
		if sum > 0 {
			ratios[u%week] = append(ratios[u%week], t.base[u]*week/sum)
		}
	}
	for w := range factor {
		factor[w] = 1
		if len(ratios[w]) > 0 {
			factor[w] = median(ratios[w])
		}
	}
	return factor
}

// fitAt fits the two levels of a ramp between two days by least squares.
func fitAt(days, values []float64, from, to int) ramp {
	r := ramp{from: from, to: to}
	var aa, ab, bb, ya, yb, yy float64 // normal equations of before and after
	for i, day := range days {
		share := 0.0 // of the way
		switch {
		case day >= float64(to):
			share = 1
		case day >= float64(from):
			share = (day - float64(from) + 1) / float64(to-from+1)
		}
		rest := 1 - share
		aa, ab, bb = aa+rest*rest, ab+rest*share, bb+share*share
		ya, yb, yy = ya+rest*values[i], yb+share*values[i], yy+values[i]*values[i]
	}
	det := aa*bb - ab*ab
	if det <= 1e-9 {
		r.errors = math.Inf(1)
		return r
	}
	r.before, r.after = (ya*bb-yb*ab)/det, (yb*aa-ya*ab)/det
	r.errors = max(0, yy-r.before*ya-r.after*yb)
	r.rms = math.Sqrt(r.errors / float64(len(days)))
	return r
}

// growth records a ramp that rises, and brings the days before it to its end.
func (d *detector) growth(t *track, r ramp) {
	last := min(r.to, d.days) - 1
	if r.after > r.before {
		e := event{
			kind: KindGrowth, from: r.from, last: last, peak: last, lasting: r.to >= d.days-2,
			actual: r.after, expected: r.before, score: (r.after - r.before) / max(r.rms, leastSigma*r.before),
		}
		t.record(e)
	}
	for u := range r.from {
		t.rescale(u, r.after/r.before)
	}
	for u := r.from; u <= last; u++ {
		t.rescale(u, r.after/(r.before+(r.after-r.before)*float64(u-r.from+1)/float64(r.to-r.from+1)))
	}
}

// stride is between the days on which a ramp is tried to begin: a step must be
// met exactly.
func stride(length int) int {
	if length == 0 {
		return 1
	}
	return 2
}
