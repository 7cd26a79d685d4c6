package cost

import (
	"cmp"
	"math"
	"slices"

	"fresnel"
)

const (
	leastFolded     = 3 // fewer series that change together are told each on its own
	topContributors = 5
	manyGrow        = 0.3 // of the series below
)

// foldInto makes one anomaly of a series out of those that several series below
// it show on the same day, where none of them alone explains the change.
func (d *detector) foldInto(above *track) {
	type key struct {
		kind Kind
		from int
		up   bool
	}
	groups := map[key][]*event{}
	var order []key
	d.foldGrowth(above)
	for _, c := range above.children {
		for i := range c.events {
			e := &c.events[i]
			k := key{e.kind, e.from, e.actual > e.expected}
			if e.kind == KindRecurring || e.kind == KindGrowth || e.folded {
				continue
			}
			if len(groups[k]) == 0 {
				order = append(order, k)
			}
			groups[k] = append(groups[k], e)
		}
	}
	for _, k := range order {
		if len(groups[k]) >= leastFolded {
			d.fold(above, groups[k])
		}
	}
}

// foldGrowth makes one of the growth of many series: where all of them grow, no
// two seem to begin on the same day.
func (d *detector) foldGrowth(above *track) {
	for _, below := range [][]*track{above.lowest(), above.children} {
		var group []*event
		for _, t := range below {
			for i := range t.events {
				if e := &t.events[i]; e.kind == KindGrowth && !e.folded {
					group = append(group, e)
				}
			}
		}
		if len(group) >= leastFolded && float64(len(group)) >= manyGrow*float64(len(below)) {
			d.fold(above, group)
		}
	}
}

func (d *detector) fold(above *track, group []*event) {
	sum := *group[0]
	sum.usdActual, sum.usdExpected, sum.score = 0, 0, 0
	change, largest := 0.0, 0.0
	for _, e := range group {
		one := e.usdActual - e.usdExpected
		change += one
		largest = max(largest, abs(one))
		sum.from, sum.last = min(sum.from, e.from), max(sum.last, e.last)
		sum.lasting = sum.lasting || e.lasting
		if abs(e.score) > abs(sum.score) {
			sum.score = e.score
		}
	}
	rate := above.usdPer(sum.peak)
	if largest >= d.o.Explains*abs(change) || rate <= 0 {
		return
	}
	sum.actual = above.mean(sum)
	sum.expected = sum.actual - change/rate
	if sum.kind != KindGrowth && abs(change) < d.o.Share*sum.expected*rate {
		return // of growth they are many
	}
	sum.usdActual, sum.usdExpected = sum.actual*rate, sum.expected*rate
	for _, e := range group {
		e.folded = true
	}
	above.events = append(above.events, sum)
}

// join tells a change on one level only: at the series above if those below
// explain too little of it, with what they explain added to it, and else below.
func (d *detector) join(above *track) {
	for i := range above.events {
		p := &above.events[i]
		if p.kind == KindRecurring {
			continue
		}
		same := p.same(above.children)
		change, below := p.usdActual-p.usdExpected, 0.0
		for _, e := range same {
			below += e.usdActual - e.usdExpected
		}
		total := change + below
		if abs(below) >= d.o.Explains*abs(total) {
			p.folded = true
			continue
		}
		for _, e := range same {
			e.folded = true
			p.from, p.last = min(p.from, e.from), max(p.last, e.last)
		}
		if rate := above.usdPer(p.peak); rate > 0 {
			p.actual = above.mean(*p)
			p.usdActual = p.actual * rate
			p.usdExpected = p.usdActual - total
			p.expected = p.usdExpected / rate
		}
	}
}

// same lists the changes of series below that are of the same kind, direction
// and day; of growth, those that overlap.
func (e *event) same(below []*track) []*event {
	tolerance := 1
	if e.lasts() || e.kind == KindNew {
		tolerance = 3
	}
	var out []*event
	for _, c := range below {
		for i := range c.events {
			o := &c.events[i]
			near := o.from >= e.from-tolerance && o.from <= e.from+tolerance
			if e.kind == KindGrowth {
				near = o.from <= e.last && o.last >= e.from
			}
			if near && !o.folded && o.kind == e.kind && (o.actual > o.expected) == (e.actual > e.expected) {
				out = append(out, o)
			}
		}
		out = append(out, e.same(c.children)...)
	}
	return out
}

// told are the days, both inclusive, that an event's amounts are told of.
func (e event) told() (from, last int) {
	switch e.kind {
	case KindSpike, KindDrop, KindRecurring:
		return e.peak, e.peak
	case KindGrowth:
		return max(e.from, e.last-week+1), e.last
	}
	return e.from, min(e.last, e.from+followDays-1)
}

// mean is what a series cost on the days that an event's amounts are told of.
func (t *track) mean(e event) float64 {
	sum, days := 0.0, 0.0
	from, last := e.told()
	for u := from; u <= last; u++ {
		if t.known(u) {
			sum += t.costs[u]
			days++
		}
	}
	return sum / max(1, days)
}

// detected tells an event in days and micro-units, if it is of the judged days.
func (d *detector) detected(t *track, e event) (Detected, bool) {
	if e.folded || e.last < d.judge || e.from < d.judge && e.kind != KindGrowth {
		return Detected{}, false
	}
	day := func(u int) fresnel.Day { return d.held.From + fresnel.Day(u) }
	a := Detected{
		Kind: e.kind, Level: t.level, Subscription: t.subscription, Service: t.service, Currency: t.currency,
		From: day(e.from), To: day(e.last), Lasting: e.lasting, Peak: day(e.peak),
		Actual: round(e.actual), Expected: round(e.expected), USDActual: round(e.usdActual), USDExpected: round(e.usdExpected),
		Score: max(-maxScore, min(maxScore, e.score)),
	}
	if t.level != LevelService {
		a.Contributors = d.contributors(t, e)
	}
	return a, true
}

// maxScore stands for the score of a cost where none was expected.
const maxScore = 1000

func round(x float64) int64 { return int64(math.Round(x)) }

// contributors are the lowest series whose cost changed most in the direction
// of an event, against the weeks before it.
func (d *detector) contributors(t *track, e event) []Contributor {
	var all []Contributor
	sign := 1.0
	if e.actual < e.expected {
		sign = -1
	}
	for _, leaf := range t.lowest() {
		change := leaf.change(e, d.o.Weeks) * leaf.usdPer(e.peak) * sign
		if change > 0 {
			all = append(all, Contributor{leaf.subscription, leaf.service, round(change * sign)})
		}
	}
	slices.SortStableFunc(all, func(a, b Contributor) int { return cmp.Compare(abs(b.USDChange), abs(a.USDChange)) })
	return all[:min(len(all), topContributors)]
}

// change is by how much the days of an event differ from the same weekdays
// before it, by day.
func (t *track) change(e event, weeks int) float64 {
	sum, days := 0.0, 0.0
	from, last := e.told()
	var same []float64
	for u := from; u <= last; u++ {
		same = same[:0]
		for v := u - week; v >= 0 && len(same) < weeks; v -= week {
			if v < e.from && t.known(v) {
				same = append(same, t.costs[v])
			}
		}
		sum += t.costs[u] - median(same)
		days++
	}
	return sum / max(1, days)
}

// lowest lists the series at the lowest level below one.
func (t *track) lowest() []*track {
	if len(t.children) == 0 {
		return []*track{t}
	}
	var out []*track
	for _, c := range t.children {
		out = append(out, c.lowest()...)
	}
	return out
}
