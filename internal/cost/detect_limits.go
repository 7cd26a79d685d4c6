package cost

import "math"

const (
	rawShare = 0.5 // of the share: also without the tenant's load it must be that far off

	// weekendRelief is how far below the floor the mean of a week may be whose
	// working days are above it.
	weekendRelief = 0.6
	weekRelief    = 1.5 // of the score that a mean of a week needs
)

// limits are what a change must reach.
type limits struct {
	share float64
	score float64
	usd   float64 // micro-units by day
}

func (d *detector) ofDay() limits { return limits{d.o.ShareShort, d.o.Score, float64(d.o.FloorUSD)} }

// ofLevel are the limits for the mean of a change that lasts. Where its first
// day alone is an anomaly the mean may be below the floor: weekends often are.
// The mean of a week or more has less noise than a day, though not as little as
// that of independent days.
func (d *detector) ofLevel(days int, firstFires bool) limits {
	l := limits{d.o.Share, d.o.Score, float64(d.o.FloorUSD)}
	if days >= d.o.StepDays {
		l.score /= weekRelief
	}
	if firstFires {
		l.usd *= weekendRelief
	}
	return l
}

// fires tells whether an amount is anomalous, and how many sigmas it is off.
func (d *detector) fires(t *track, b baseline, day int, actual, expected float64, l limits) (score float64, ok bool) {
	change := actual - expected
	typical := expected
	if typical < b.level/10 {
		typical = b.level // a weekday without cost says nothing of what is usual
	}
	score = change / max(b.sigma*typical, 1)
	if abs(change) < l.share*expected || abs(score) < l.score || abs(change)*t.usdPer(day) < l.usd {
		return score, false
	}
	if t.load[day] == 0 {
		return score, true
	}
	raw := expected / t.load[day] // as if the tenant were as busy as usual
	return score, (actual-raw)*change > 0 && abs(actual-raw) >= rawShare*l.share*raw
}

// deviation is how far a day is from its baseline, relative to it.
func (t *track) deviation(b baseline, day int) float64 {
	expected := b.expect(day) * t.load[day]
	if expected <= 0 {
		if t.base[day] > 0 {
			return math.Inf(1)
		}
		return 0
	}
	return t.base[day]/expected - 1
}

// usual tells whether the same weekday was as far off at least twice in the
// weeks before: a service that is only used now and then. The samples are those
// of the day's baseline.
func (d *detector) usual(b baseline, day int, change float64) bool {
	times := 0
	for _, s := range d.samples[day%week] {
		was := s.amount*(1+b.trend*float64(day-s.day)) - b.weekday[day%week]
		if was*change > 0 && abs(was) >= abs(change)/2 {
			times++
		}
	}
	return times >= 2
}

// usdPer is US dollars for one unit of the track's currency.
func (t *track) usdPer(day int) float64 {
	if t.currency == USD {
		return 1
	}
	return t.rate(day)
}
