package cost

import "fresnel"

const (
	recurMonths    = 3   // how many months before and after a charge are asked
	recurTimes     = 2   // in how many of them it must be
	recurTolerance = 0.3 // how much its amounts may differ
	recurDays      = 3   // a charge that lasts longer is none of a day of the month
)

// recurs tells whether a spike is a charge of a day of the month: one of about
// the same amount, on the same day or the one beside it, in at least two of
// the three months before it, or of those around it. The end of a short month
// stands for the days it lacks.
func (d *detector) recurs(t *track, b baseline, e event) bool {
	if e.last-e.from >= recurDays {
		return false
	}
	excess := e.actual - e.expected
	noise := b.sigma * e.expected
	times := 0
	for month := -recurMonths; month <= recurMonths; month++ {
		if month == 0 {
			continue
		}
		target := int(sameDayOfMonth(d.held.From+fresnel.Day(e.peak), month) - d.held.From)
		for u := target - 1; u <= target+1; u++ {
			over, ok := t.excess(u)
			if ok && over >= 2.5*noise && abs(over-excess) <= recurTolerance*excess+1.5*noise {
				times++
				break
			}
		}
	}
	return times >= recurTimes
}

// excess is how far a day is above the same weekdays around it.
func (t *track) excess(day int) (float64, bool) {
	if day < 0 || day >= len(t.costs) || t.unknown[day] {
		return 0, false
	}
	var around []float64
	for lag := week; lag <= 4*week; lag += week {
		for _, u := range []int{day - lag, day + lag} {
			if u >= 0 && u < len(t.costs) && !t.unknown[u] {
				around = append(around, t.costs[u]*t.scale[u]*t.load[day]/t.load[u])
			}
		}
	}
	if len(around) < 2 {
		return 0, false
	}
	return t.costs[day]*t.scale[day] - median(around), true
}

// sameDayOfMonth is the day some months later, or the last of a shorter month.
func sameDayOfMonth(d fresnel.Day, months int) fresnel.Day {
	start := d.AddMonths(months)
	return min(start+(d-d.MonthStart()), start.AddMonths(1)-1)
}
