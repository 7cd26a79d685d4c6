package azuresim

import (
	"math"
	"slices"
)

// series is a candidate's amortized usage of a day without plants, as seen at the estate's start.
func (p *planter) series(c *candidate, d day) (micros, usd int64) {
	return serviceDay(p.gens[c.sub.id], c.service, d, p)
}

// serviceDay sums a day of one service's usage, or of all if the service is empty.
func serviceDay(g *generator, service string, d day, p *planter) (micros, usd int64) {
	byService := map[string]amounts{} // each service is a row, rounded on its own
	g.only = service
	defer func() { g.only = "" }()
	g.cells(d, metricAmortized, p.at, func(c cell) {
		if c.stream.charge != chargeUsage {
			return
		}
		sum := byService[c.stream.service]
		byService[c.stream.service] = amounts{sum.nanos + c.nanos, sum.usd + c.usd}
	})
	for _, sum := range byService {
		micros += mulDiv(sum.nanos, 1, microNanos)
		usd += mulDiv(sum.usd, 1, microNanos)
	}
	return micros, usd
}

// sigma is the robust daily deviation of a candidate without plants.
func (p *planter) sigma(c *candidate) int64 {
	var weekdays [7][]float64
	for d := max(p.hi-sigmaDays+1, p.estate.first); d <= p.hi; d++ {
		v, _ := p.series(c, d)
		weekdays[int(d)%7] = append(weekdays[int(d)%7], float64(v))
	}
	var away []float64
	for _, list := range weekdays {
		middle := median(slices.Clone(list))
		for _, v := range list {
			away = append(away, math.Abs(v-middle))
		}
	}
	return int64(1.4826 * median(away))
}

// median sorts its argument.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

// label describes a plant; what came of it is filled in once all of the tenant are in place.
func (p *planter) label(c *candidate, pl *plant) Planted {
	out := Planted{
		Kind: pl.kind, Tenant: p.tenant.id, Subscription: c.sub.id, Service: c.service, Currency: c.sub.currency,
		From: pl.from.String(), To: pl.to.String(), Raise: raises(pl.kind), Sigma: max(0, c.sigma),
	}
	if pl.lasts() {
		out.To = ""
	}
	decisive := pl.from
	if pl.kind == plantGrowth {
		decisive = pl.to
	}
	out.Expected, out.USDExpected = p.series(c, decisive)
	return out
}

// plantNew gives a subscription a service that it did not have.
func (p *planter) plantNew() {
	for range plantAttempts {
		if len(p.candidates) == 0 || p.lo > p.hi-10 {
			return
		}
		s := p.candidates[below(p.draw(), len(p.candidates))].sub
		sv := p.estate.services[below(p.draw(), len(p.estate.services))]
		from := p.pickDay(p.lo, p.hi-10)
		has := slices.ContainsFunc(p.gens[s.id].streams, func(st stream) bool { return st.service == sv.name })
		pl := &plant{kind: plantNew, from: from, to: from}
		if has || p.of(s).services[sv.name] != nil || p.clashes(s, pl) {
			continue
		}
		of := p.of(s)
		of.services[sv.name] = pl
		usd := plantNewUSD * (1 + 4*unit(p.draw()))
		of.added = append(of.added, addedService{sv, s.groups[below(p.draw(), len(s.groups))], usd * million / float64(dollars(s.currency)), from})
		p.labels = append(p.labels, p.label(&candidate{sub: s, service: sv.name}, pl))
		return
	}
}

// plantGap hides one to three days of a subscription, which has no gap yet and nothing planted there.
func (p *planter) plantGap() {
	for range plantAttempts {
		if len(p.candidates) == 0 || p.lo > p.hi-3 {
			return
		}
		s := p.candidates[below(p.draw(), len(p.candidates))].sub
		from := p.pickDay(p.lo, p.hi-2)
		hidden := &gap{from, from + day(below(p.draw(), 3))}
		of := p.of(s)
		free := of.gap == nil
		for _, pl := range of.services {
			free = free && !hidden.touches(pl)
		}
		if !free {
			continue
		}
		of.gap = hidden
		p.labels = append(p.labels, p.label(&candidate{sub: s}, &plant{kind: plantGap, from: hidden.from, to: hidden.to}))
		return
	}
}

// finish fills in what came of the plants, and labels the end of a disabled subscription.
func (p *planter) finish() {
	gens := map[string]*generator{}
	for i := range p.labels {
		l := &p.labels[i]
		s := p.estate.subs[l.Subscription]
		if gens[s.id] == nil {
			gens[s.id] = p.estate.generator(s)
		}
		decisive := l.From
		if l.Kind == plantGrowth {
			decisive = l.To
		}
		at, _ := parseTime(decisive) // our own text
		l.Actual, l.USDActual = serviceDay(gens[s.id], l.Service, dayOf(at), p)
	}
	for _, s := range p.tenant.subs {
		if s.state == stateDisabled && s.answers() {
			p.labelDisabled(s)
		}
	}
}

// labelDisabled labels the services of a disabled subscription as vanished: those that are large
// enough for somebody to notice. Their Expected is the same weekday before the end.
func (p *planter) labelDisabled(s *subscription) {
	end := p.estate.lastDay(s)
	if end-7 < p.lo {
		return
	}
	p.gens[s.id] = p.estate.generator(s)
	seen := map[string]bool{}
	for _, st := range p.gens[s.id].streams {
		if st.charge != chargeUsage || st.publisher != publisherAzure || seen[st.service] {
			continue
		}
		seen[st.service] = true
		c := &candidate{sub: s, service: st.service}
		expected, usd := p.series(c, end-7)
		if usd < plantUSD || expected == 0 {
			continue
		}
		l := p.label(c, &plant{kind: plantVanished, from: end, to: end})
		l.Expected, l.USDExpected = expected, usd
		p.labels = append(p.labels, l)
	}
}
