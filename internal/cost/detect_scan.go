package cost

import "math"

// event is an anomaly of a track. Its days are counted from the first held one.
type event struct {
	kind                   Kind
	from, last, peak       int
	lasting                bool
	actual, expected       float64 // micro-units by day, as Detected tells them
	usdActual, usdExpected float64
	score                  float64
	folded                 bool // told by the series above
}

const (
	leadWeeks   = 8   // judged before the judged days, so that older anomalies are in no baseline
	followDays  = 35  // after so many days a new level is the level
	holdShare   = 0.4 // of a change, below which it no longer holds
	hintShare   = 0.6 // of Share: a day that far off may begin a step
	missesToEnd = 2   // days on which a change does not hold: it is over
)

// scan goes through a series day by day and records its anomalies.
func (d *detector) scan(t *track) {
	for u := max(d.o.MinHistory, d.judge-leadWeeks*week); u < d.days; {
		if !t.known(u) {
			u++
			continue
		}
		b, ok := d.baselineAt(t, u)
		switch {
		case !ok:
			u++
		case b.level <= 0 && t.base[u] > 0 && !d.hadCost():
			u = d.begins(t, b, u)
		default:
			u = d.judgeDay(t, b, u)
		}
	}
	d.findGrowth(t)
	t.endEarlier()
}

// endEarlier ends what lasts where the next lasting change begins.
func (t *track) endEarlier() {
	for i := range t.events {
		e := &t.events[i]
		for _, next := range t.events {
			if e.lasting && next.lasts() && next.from > e.from && next.from <= e.last {
				e.last, e.lasting = next.from-1, false
				e.peak = min(e.peak, e.last)
			}
		}
	}
}

func (e event) lasts() bool {
	return e.kind == KindStep || e.kind == KindGrowth || e.kind == KindVanished
}

// hadCost tells whether the days of the last baseline had any.
func (d *detector) hadCost() bool {
	for _, same := range d.samples {
		for _, s := range same {
			if s.amount > 0 {
				return true
			}
		}
	}
	return false
}

// judgeDay judges a day and what follows it; it gives the next day to judge.
func (d *detector) judgeDay(t *track, b baseline, u int) int {
	expected := b.expect(u) * t.load[u]
	change := t.base[u] - expected
	if abs(change) < hintShare*d.o.Share*expected || abs(change)*t.usdPer(u) < hintShare*float64(d.o.FloorUSD) {
		return u + 1
	}
	if change < 0 && t.base[u] <= 0 {
		if next, ok := d.vanishes(t, b, u); ok {
			return next
		}
	}
	r := d.follow(t, b, u, change > 0)
	_, fires := d.fires(t, b, u, t.base[u], expected, d.ofDay())
	fires = fires && !d.usual(b, u, change)
	long := r.days >= d.o.StepDays || r.lasting && r.days >= d.o.AwayDays
	if long {
		if next, ok := d.step(t, b, r, fires); ok {
			return next
		}
	}
	if !fires {
		return u + 1
	}
	if long { // not all of it counts
		r.last, r.lasting = u, false
	}
	return d.shortChange(t, b, r)
}

// stretch is the days on which a change holds.
type stretch struct {
	from, last int
	days       int     // known ones on which it holds
	shift      float64 // median deviation of all known ones
	lasting    bool    // up to the last day
	settled    bool    // for followDays
}

// follow finds how long a change holds against the baseline of its first day.
func (d *detector) follow(t *track, b baseline, from int, up bool) stretch {
	r := stretch{from: from, last: from, days: 1}
	deviations := []float64{t.deviation(b, from)}
	middle := abs(deviations[0])
	misses, u := 0, from+1
	for ; u < d.days && misses < missesToEnd; u++ {
		if u-from >= followDays {
			r.settled = true
			break
		}
		if !t.known(u) {
			continue
		}
		dev := t.deviation(b, u)
		if (dev > 0) != up || abs(dev) < max(d.o.Share/2, holdShare*min(middle, 1)) {
			misses++
			continue
		}
		misses = 0
		r.last, r.days = u, r.days+1
		deviations = append(deviations, dev)
		middle = median(append(d.buffer[:0], absolute(deviations)...))
	}
	r.lasting = r.settled || u >= d.days && misses == 0
	r.shift = median(deviations)
	return r
}

func absolute(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = abs(x)
	}
	return out
}

// shortChange records a spike or a drop.
func (d *detector) shortChange(t *track, b baseline, r stretch) int {
	e := event{kind: KindSpike, from: r.from, last: r.last, lasting: r.lasting, peak: r.from}
	for u := r.from; u <= r.last; u++ {
		if expected := b.expect(u) * t.load[u]; t.known(u) && abs(t.base[u]-expected) >= abs(e.actual-e.expected) {
			e.peak, e.actual, e.expected = u, t.base[u], expected
		}
	}
	if e.actual < e.expected {
		e.kind = KindDrop
	} else if d.recurs(t, b, e) {
		e.kind, e.last, e.peak, e.lasting = KindRecurring, r.from, r.from, false
		e.actual, e.expected = t.base[r.from], b.expect(r.from)*t.load[r.from]
	}
	e.score, _ = d.fires(t, b, e.peak, e.actual, e.expected, d.ofDay())
	t.record(e)
	t.exclude(b, e.from, e.last)
	return e.last + 1
}

// step records a change that lasts, or that lasted a while.
func (d *detector) step(t *track, b baseline, r stretch, fires bool) (next int, ok bool) {
	e := event{kind: KindStep, from: r.from, last: r.last, lasting: r.lasting, peak: r.from}
	for e.from < r.last && !fires && abs(t.deviation(b, e.from)) < abs(r.shift)/2 {
		e.from++ // a day that only hinted at it
	}
	e.peak = e.from
	if r.lasting {
		if next, ok := d.ramps(t, e.from); ok {
			return next, true
		}
	}
	d.means(t, b, &e)
	if e.score, ok = d.fires(t, b, e.peak, e.actual, e.expected, d.ofLevel(r.days, fires)); !ok || math.IsInf(r.shift, 0) || r.shift <= -1 {
		return 0, false
	}
	if !r.lasting {
		t.record(e)
		t.exclude(b, e.from, e.last)
		return e.last + 1, true
	}
	e.last = d.days - 1
	t.record(e)
	for u := range e.from {
		t.rescale(u, 1+r.shift)
	}
	return e.from + 1, true
}

// means fills in what the days of an event cost and should have, by day.
func (d *detector) means(t *track, b baseline, e *event) {
	days := 0.0
	for u := e.from; u <= e.last; u++ {
		if t.known(u) {
			e.actual += t.base[u]
			e.expected += b.expect(u) * t.load[u]
			days++
		}
	}
	e.actual, e.expected = e.actual/days, e.expected/days
}

// vanishes records the end of a series that stays without cost.
func (d *detector) vanishes(t *track, b baseline, from int) (next int, ok bool) {
	away := 0
	for u := from; u < d.days; u++ {
		if !t.known(u) {
			continue
		}
		if t.base[u] > 0 {
			return 0, false
		}
		away++
	}
	if away < d.o.AwayDays {
		return 0, false
	}
	e := event{kind: KindVanished, from: from, last: d.days - 1, lasting: true, peak: from}
	d.means(t, b, &e)
	_, fires := d.fires(t, b, from, 0, b.expect(from)*t.load[from], d.ofDay())
	if e.score, ok = d.fires(t, b, from, e.actual, e.expected, d.ofLevel(away, fires)); !ok {
		return 0, false
	}
	t.absent = true
	t.record(e)
	return d.days, true
}

// begins judges the first cost of a series that had none.
func (d *detector) begins(t *track, b baseline, from int) int {
	e := event{kind: KindNew, from: from, last: from, peak: from}
	days, away := 0, 0
	for u := from; u < d.days && away < d.o.AwayDays; u++ {
		switch {
		case !t.known(u):
		case t.base[u] > 0:
			e.last, days, away = u, days+1, 0
		default:
			away++
		}
	}
	if days < 2 {
		return d.judgeDay(t, b, from)
	}
	e.lasting = away < d.o.AwayDays
	d.means(t, b, &e)
	raised := false
	_, fires := d.fires(t, b, from, t.base[from], 0, d.ofDay())
	if e.score, raised = d.fires(t, b, from, e.actual, 0, d.ofLevel(days, fires)); raised {
		t.record(e)
	}
	if e.lasting {
		t.begin, t.absent, t.slow = from, raised, nil
		return from + d.o.MinHistory
	}
	t.exclude(b, e.from, e.last)
	return e.last + 1
}

// record adds an event with its amounts in CostUSD.
func (t *track) record(e event) {
	if e.lasting {
		e.last = len(t.costs) - 1
	}
	rate := t.usdPer(e.peak)
	e.usdActual, e.usdExpected = e.actual*rate, e.expected*rate
	t.events = append(t.events, e)
}

// exclude keeps days out of every baseline.
func (t *track) exclude(b baseline, from, last int) {
	t.slow = nil
	for u := from; u <= last; u++ {
		t.excluded[u] = true
		t.base[u] = b.expect(u) * t.load[u]
	}
}
