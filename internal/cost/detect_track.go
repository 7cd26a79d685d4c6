package cost

import (
	"cmp"
	"slices"

	"fresnel"
)

// detector is one run over one tenant. Days are counted from Held.From.
type detector struct {
	o       DetectOptions
	held    fresnel.Period
	days    int // that are held, up to the end of the judged ones
	judge   int // the first judged day
	samples [week][]sample
	buffer  []float64
}

// track is a series on its way through the detector.
type track struct {
	level                           Level
	subscription, service, currency string
	costs, usd                      []float64 // micro-units, by day, as Azure tells them
	unknown                         []bool    // days without data
	load                            []float64 // how busy the tenant was
	children                        []*track

	// What the detector made of the costs: found anomalies replaced by what was
	// expected, and the days before a step brought to the level after it.
	base     []float64
	scale    []float64 // what the days before a step were multiplied by
	shift    []float64 // the part of it that the whole tenant had in common
	excluded []bool    // no part of a baseline
	slow     *baseline // whose trend and sigma still hold; nil after the history changed
	begin    int       // the first day of a baseline: after a beginning
	absent   bool      // it began or ended: of no use to the series above
	events   []event
}

func (t *track) known(day int) bool { return !t.unknown[day] }

func (t *track) usable(day int) bool { return !t.unknown[day] && !t.excluded[day] }

// rate is US dollars for one unit of the currency on a day, or on the nearest
// day with cost before it, or else after it.
func (t *track) rate(day int) float64 {
	for u := day; u >= 0; u-- {
		if t.costs[u] > 0 && t.usd[u] > 0 {
			return t.usd[u] / t.costs[u]
		}
	}
	for u := day + 1; u < len(t.costs); u++ {
		if t.costs[u] > 0 && t.usd[u] > 0 {
			return t.usd[u] / t.costs[u]
		}
	}
	return 0
}

// newDetector is nil where there is nothing to judge.
func newDetector(in DetectInput, o DetectOptions) *detector {
	judge := in.Judge.Intersect(in.Held)
	if judge.Days() == 0 || len(in.Series) == 0 || in.Held.Days() < o.MinHistory {
		return nil
	}
	return &detector{
		o: o, held: fresnel.Period{From: in.Held.From, To: judge.To},
		days: int(judge.To - in.Held.From), judge: int(judge.From - in.Held.From),
	}
}

// tracks lays the series out over the held days: the services, then the
// subscriptions and the tenant above them.
func (d *detector) tracks(series []SeriesCost) (leaves, subscriptions []*track, tenant *track) {
	for _, s := range series {
		t := d.newTrack(LevelService, s.Subscription, s.Service, s.Currency)
		for i := range s.Micros {
			if day := int(s.From-d.held.From) + i; day >= 0 && day < d.days && i < len(s.USD) {
				t.costs[day], t.usd[day] = float64(s.Micros[i]), float64(s.USD[i])
			}
		}
		copy(t.base, t.costs)
		leaves = append(leaves, t)
	}
	slices.SortFunc(leaves, func(a, b *track) int {
		return cmp.Or(cmp.Compare(a.subscription, b.subscription), cmp.Compare(a.service, b.service), cmp.Compare(a.currency, b.currency))
	})
	for i, t := range leaves {
		if i == 0 || leaves[i-1].subscription != t.subscription {
			subscriptions = append(subscriptions, d.newTrack(LevelSubscription, t.subscription, "", t.currency))
		}
		above := subscriptions[len(subscriptions)-1]
		above.children = append(above.children, t)
	}
	for _, s := range subscriptions {
		s.sumChildren()
		d.markGaps(s)
	}
	tenant = d.newTrack(LevelTenant, "", "", "")
	tenant.children = subscriptions
	tenant.sumChildren()
	load := d.commonShifts(leaves)
	for _, t := range slices.Concat(leaves, subscriptions) {
		t.load = load
	}
	return leaves, subscriptions, tenant
}

func (d *detector) newTrack(level Level, subscription, service, currency string) *track {
	t := &track{
		level: level, subscription: subscription, service: service, currency: currency,
		costs: make([]float64, d.days), usd: make([]float64, d.days), base: make([]float64, d.days),
		load: make([]float64, d.days), unknown: make([]bool, d.days), excluded: make([]bool, d.days),
	}
	t.scale, t.shift = make([]float64, d.days), make([]float64, d.days)
	for u := range t.load {
		t.load[u], t.scale[u], t.shift[u] = 1, 1, 1
	}
	return t
}

// sumChildren adds up the series below, in CostUSD where several currencies meet.
func (t *track) sumChildren() {
	t.currency = t.children[0].currency
	for _, c := range t.children {
		if c.currency != t.currency {
			t.currency = USD
		}
	}
	for _, c := range t.children {
		for u := range t.usd {
			t.usd[u] += c.usd[u]
			t.costs[u] += c.in(t.currency, u, c.costs[u])
		}
	}
}

// in converts an amount of a day into a currency above the series.
func (t *track) in(currency string, day int, amount float64) float64 {
	switch {
	case currency == t.currency:
		return amount
	case amount == t.costs[day]:
		return t.usd[day]
	}
	return amount * t.rate(day)
}

// markGaps finds the days on which a subscription has no rows at all between
// days with cost: nothing is known of them. Missing days up to the end are a
// gap as well until there are GapDays of them; then the subscription is gone.
// Days before its first cost are no gap: it was not there.
func (d *detector) markGaps(s *track) {
	first := slices.IndexFunc(s.costs, func(x float64) bool { return x != 0 })
	if first < 0 {
		return
	}
	last := d.days - 1
	for s.costs[last] == 0 {
		last--
	}
	for u := first; u < d.days; u++ {
		if s.costs[u] != 0 {
			continue
		}
		s.unknown[u] = u < last || d.days-1-last < d.o.GapDays
		for _, c := range s.children {
			c.unknown[u] = true
		}
	}
	if first >= d.o.MinHistory { // its services are not new beside it
		for _, c := range s.children {
			c.begin = first
		}
	}
}

// sumCleaned makes the base of a series above others: what remains when the
// anomalies found below are taken out. Days without data below count as the
// same weekday nearest to them. What the whole tenant has in common is taken
// out of a subscription, but is in the tenant.
func (t *track) sumCleaned() {
	clear(t.base)
	own := make([]float64, len(t.base)) // without what is in common
	for _, c := range t.children {
		if c.absent {
			continue
		}
		for u := range t.base {
			if v, ok := c.nearest(u); ok {
				amount := c.in(t.currency, v, c.base[v])
				t.base[u] += amount
				own[u] += amount / c.shift[v]
			}
		}
	}
	if t.level == LevelTenant {
		t.base = own
		return
	}
	for u := range t.base {
		if own[u] > 0 && t.base[u] > 0 {
			t.shift[u] = t.base[u] / own[u]
		}
	}
}

// nearest is a day itself if it is known. For a subscription it is else the
// known day of the same weekday nearest to it; its services share its gaps.
func (t *track) nearest(day int) (int, bool) {
	if !t.unknown[day] || t.level == LevelService {
		return day, !t.unknown[day]
	}
	for lag := week; lag < len(t.base); lag += week {
		for _, u := range []int{day - lag, day + lag} {
			if u >= 0 && u < len(t.base) && !t.unknown[u] {
				return u, true
			}
		}
	}
	return 0, false
}

// rescale brings a day's cost to another level.
func (t *track) rescale(day int, factor float64) {
	t.base[day] *= factor
	t.scale[day] *= factor
	t.slow = nil
}
