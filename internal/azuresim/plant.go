package azuresim

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// The limits within which planting happens.
const (
	plantWindow   = 75 // days before the start in which plants lie
	plantSettled  = 4  // the last days before the start, which are not settled
	plantHistory  = 28 // days of history before the first plant
	plantSigma    = 5.5
	plantLeast    = 0.35
	plantUSD      = 33e6 // micro-units a day; the promise is 30
	plantNewUSD   = 45.0 // of a new service, at least
	sigmaDays     = 84
	plantAttempts = 8
)

// candidate is a service of a subscription on which something may be planted.
type candidate struct {
	sub     *subscription
	service string
	sigma   int64
	taken   bool
}

// planter chooses the plants of one tenant. Its random numbers follow from the seed.
type planter struct {
	estate     *estate
	tenant     *tenant
	lo, hi     day
	at         time.Time
	gens       map[string]*generator // without plants, by subscription
	candidates []*candidate
	labels     []Planted
	key        uint64
	draws      uint64
}

// plantAll plants in every tenant: kinds in turn over the estate, so that each is equally frequent.
func (e *estate) plantAll(perTenant int) {
	if perTenant <= 0 {
		return
	}
	today := dayOf(e.start)
	turn := below(mix(e.seed, label("kinds")), len(plantKinds))
	for _, t := range e.tenants {
		p := &planter{
			estate: e, tenant: t, at: e.start, gens: map[string]*generator{}, key: mix(e.seed, label("plant"), uint64(t.index)),
			lo: max(today-plantWindow, e.first+plantHistory), hi: today - plantSettled,
		}
		p.findCandidates()
		for range perTenant {
			p.plant(plantKinds[turn%len(plantKinds)])
			turn++
		}
		p.finish()
		slices.SortStableFunc(p.labels, func(a, b Planted) int { return cmp.Compare(a.From, b.From) })
		e.labels = append(e.labels, p.labels...)
	}
}

// draw is the next random number.
func (p *planter) draw() uint64 {
	p.draws++
	return mix(p.key, p.draws)
}

// pickDay draws a day of a range, inclusive.
func (p *planter) pickDay(lo, hi day) day { return lo + day(below(p.draw(), int(hi-lo)+1)) }

// findCandidates lists the tenant's services in a random order. Services that a commitment covers are
// left out: part of their amortized cost does not come from usage.
func (p *planter) findCandidates() {
	for _, s := range p.tenant.subs {
		if !s.answers() || s.state != stateEnabled {
			continue
		}
		g := p.estate.generator(s)
		p.gens[s.id] = g
		seen := map[string]bool{}
		if p.estate.commitmentOf(s) != nil {
			seen[serviceVM] = true
		}
		for _, st := range g.streams {
			if st.kind == streamUsage && st.publisher == publisherAzure && !seen[st.service] {
				seen[st.service] = true
				p.candidates = append(p.candidates, &candidate{sub: s, service: st.service, sigma: -1})
			}
		}
	}
	for i := len(p.candidates) - 1; i > 0; i-- {
		j := below(p.draw(), i+1)
		p.candidates[i], p.candidates[j] = p.candidates[j], p.candidates[i]
	}
}

// plant plants one anomaly of a kind on the first candidate that it fits, if any.
func (p *planter) plant(kind string) {
	switch kind {
	case plantGap:
		p.plantGap()
		return
	case plantNew:
		p.plantNew()
		return
	}
	for _, c := range p.candidates {
		if !c.taken && p.plantOn(c, kind) {
			c.taken = true
			return
		}
	}
}

// plantOn tries some days for a kind on a candidate.
func (p *planter) plantOn(c *candidate, kind string) bool {
	for range plantAttempts {
		pl, ok := p.days(kind)
		if !ok {
			return false
		}
		if p.clashes(c.sub, pl) || !p.size(c, pl) {
			continue
		}
		of := p.of(c.sub)
		of.services[c.service] = pl
		p.labels = append(p.labels, p.label(c, pl))
		return true
	}
	return false
}

// days draws the days of a kind; ok is false if the history is too short for it.
func (p *planter) days(kind string) (pl *plant, ok bool) {
	pl = &plant{kind: kind}
	lo, hi, length := p.lo, p.hi, day(1)
	switch kind {
	case plantSpike, plantDrop:
		length = 1 + day(below(p.draw(), 2))
	case plantStep:
		hi -= 10
	case plantVanished:
		hi -= 6
	case plantGrowth:
		length = 20 + day(below(p.draw(), 21))
	case plantRestated:
		hi -= 8 // so that the restatement is over by the estate's start
	}
	hi -= length - 1
	if lo > hi {
		return nil, false
	}
	pl.from = p.pickDay(lo, hi)
	pl.to = pl.from + length - 1
	if kind == plantRecurring {
		// In every month, so not after the 28th; three of them must lie before the end.
		pl.from = p.lo.month() + day(below(p.draw(), 28))
		for pl.from < p.lo {
			pl.from = pl.from.addMonths(1) + pl.from - pl.from.month()
		}
		pl.to = pl.from
		offset := pl.from - pl.from.month()
		return pl, pl.from <= p.hi && pl.from.addMonths(-2)+offset >= p.estate.first
	}
	return pl, true
}

// watched is the last day on which a plant is news.
func (p *plant) watched() day {
	if p.lasts() || p.kind == plantGrowth {
		return p.to + 10
	}
	return p.to
}

// clashes says whether the days of a plant touch the gap of its subscription.
func (p *planter) clashes(s *subscription, pl *plant) bool {
	of := p.estate.plants[s.id]
	return of != nil && of.gap != nil && of.gap.touches(pl)
}

// touches says whether a plant is news in or near a gap.
func (g *gap) touches(pl *plant) bool {
	if pl.kind == plantRecurring {
		for d := g.from; d <= g.to; d++ {
			if d.start().Day() == pl.from.start().Day() {
				return true
			}
		}
	}
	return pl.from <= g.to+2 && pl.watched() >= g.from-2
}

// size draws how much a plant changes: enough to be worth telling. It is false if that cannot be.
func (p *planter) size(c *candidate, pl *plant) bool {
	decisive := pl.from
	if pl.kind == plantGrowth {
		decisive = pl.to
	}
	expected, usd := p.series(c, decisive)
	if expected <= 0 || usd <= 0 {
		return false
	}
	if c.sigma < 0 {
		c.sigma = p.sigma(c)
	}
	least := max(plantLeast, plantSigma*float64(c.sigma)/float64(expected), plantUSD/float64(usd))
	up, most := true, 4.0
	switch pl.kind {
	case plantStep:
		up = p.draw()%2 == 0 || least > 0.9
	case plantDrop, plantVanished:
		up = false
	case plantRestated:
		// 3 to 12 %: with the day's own noise on top, more would be an anomaly that somebody should see.
		pl.change = 30_000 + int64(below(p.draw(), 90_001))
		if p.draw()%2 == 0 {
			pl.change = -pl.change
		}
		from := (pl.from + 1).start().Add(settledAfter + time.Hour)
		to := pl.from.month().addMonths(1).start().Add(restateSpan)
		if late := from.Add(6 * 24 * time.Hour); late.Before(to) {
			to = late
		}
		pl.moment = from.Add(time.Duration(below(p.draw(), int(to.Sub(from)))))
		return usd >= plantUSD
	case plantGrowth:
		return p.sizeGrowth(pl, least)
	case plantRecurring:
		// A share of the base, which is near a weekday's cost: large enough to be told from noise.
		pl.extra = between(p.draw(), max(0.8, 1.2*least), 4)
		return 1.2*least < 4
	}
	if !up {
		most = 0.9
	}
	if pl.kind == plantVanished {
		return least <= 1
	}
	if least >= most {
		return false
	}
	rel := between(p.draw(), least, most)
	if !up {
		rel = -rel
	}
	pl.factor = 1 + rel
	return true
}

// sizeGrowth draws a daily rate that leads far enough by the last day.
func (p *planter) sizeGrowth(pl *plant, least float64) bool {
	days := float64(pl.to - pl.from + 1)
	lowest := max(0.012, math.Pow(1+least, 1/days)-1)
	if lowest >= 0.03 {
		return false
	}
	pl.factor = 1 + between(p.draw(), lowest, 0.03)
	return true
}

// of is a subscription's plants, made when first needed.
func (p *planter) of(s *subscription) *plants {
	if p.estate.plants[s.id] == nil {
		p.estate.plants[s.id] = &plants{services: map[string]*plant{}}
	}
	return p.estate.plants[s.id]
}
