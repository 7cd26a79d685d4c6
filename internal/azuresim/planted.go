package azuresim

import (
	"math"
	"time"
)

// The kinds of planted anomaly.
const (
	plantSpike     = "spike"     // one or two days, up
	plantDrop      = "drop"      // one or two days, down
	plantStep      = "step"      // from a day on, up or down
	plantGrowth    = "growth"    // 1.2 to 3 % a day for weeks; the level stays
	plantNew       = "new"       // a service that the subscription did not have
	plantVanished  = "vanished"  // a service that ends
	plantRecurring = "recurring" // a charge on the same day of every month, on top of a service's usage
	plantRestated  = "restated"  // a settled day that Azure changes afterwards
	plantGap       = "gap"       // days of a subscription that are missing from the answers
)

var plantKinds = []string{
	plantSpike, plantDrop, plantStep, plantGrowth, plantNew, plantVanished, plantRecurring, plantRestated, plantGap,
}

// Planted is a label: what was done to the costs, for a test to compare with what was found. The
// amounts are micro-units of AmortizedCost of charge type Usage of that subscription's service (of the
// whole subscription for a gap), as Azure shows them at the estate's start, rounded as the charges cut
// of the truth is. They are of the day From, and of growth of the day To.
type Planted struct {
	Kind         string `json:"kind"`
	Tenant       string `json:"tenant"`
	Subscription string `json:"subscription"`
	Service      string `json:"service"` // "" of a gap
	Currency     string `json:"currency"`
	From         string `json:"from"` // of a recurring charge, which is as old as the estate, the first one looked at
	To           string `json:"to"`   // inclusive; "" = lasts; of growth its last day, whose level lasts
	Expected     int64  `json:"expected"`
	Actual       int64  `json:"actual"`
	USDExpected  int64  `json:"usdExpected"`
	USDActual    int64  `json:"usdActual"`
	// Sigma is the robust daily deviation of the series without the plant in twelve weeks: 1.4826
	// times the median distance from the median of the same weekday. 0 of a new service and of a gap.
	Sigma int64 `json:"sigma"`
	Raise bool  `json:"raise"` // whether somebody should be told
}

// raises says whether a kind is one to tell people of.
func raises(kind string) bool {
	return kind != plantRecurring && kind != plantRestated && kind != plantGap
}

// plant is what is done to the usage of one service of one subscription.
type plant struct {
	kind     string
	from, to day       // inclusive
	factor   float64   // of spike, drop and step; of a day of growth
	extra    float64   // of a recurring charge, as a share of the base
	change   int64     // of a restatement, in millionths
	moment   time.Time // of a restatement
}

// lasts says whether a plant has no end.
func (p *plant) lasts() bool {
	return p.kind == plantStep || p.kind == plantNew || p.kind == plantVanished || p.kind == plantRecurring
}

// apply is a stream's amount of a day with the plant.
func (p *plant) apply(s *stream, d day, amount float64) float64 {
	switch p.kind {
	case plantSpike, plantDrop:
		if d >= p.from && d <= p.to {
			return amount * p.factor
		}
	case plantStep:
		if d >= p.from {
			return amount * p.factor
		}
	case plantGrowth:
		if d >= p.from {
			return amount * math.Pow(p.factor, float64(min(d, p.to)-p.from+1))
		}
	case plantVanished:
		if d >= p.from {
			return 0
		}
	case plantRecurring:
		if d.start().Day() == p.from.start().Day() {
			return amount + p.extra*s.base
		}
	}
	return amount
}

// restate is a stream's settled amount of a day at an instant.
func (p *plant) restate(d day, nanos int64, at time.Time) int64 {
	if p.kind != plantRestated || d != p.from || at.Before(p.moment) {
		return nanos
	}
	return nanos + mulDiv(nanos, p.change, million)
}

// gap is a range of days, inclusive, whose usage is missing from a subscription's answers.
type gap struct{ from, to day }

// hides says whether a stream's day is missing. Payments and corrections are not: they stem from
// another system. A nil gap hides nothing.
func (g *gap) hides(s *stream, d day) bool {
	if g == nil || d < g.from || d > g.to {
		return false
	}
	return s.kind == streamUsage || s.kind == streamUsed || s.kind == streamUnused
}

// plants are what is planted in one subscription.
type plants struct {
	gap      *gap
	services map[string]*plant
	added    []addedService
}

// addedService is the service of a plant of kind new.
type addedService struct {
	service service
	group   string
	base    float64
	from    day
}

// plantStreams ties a subscription's usage streams to its plants, and adds the new services.
func (e *estate) plantStreams(s *subscription, streams *[]stream) {
	p := e.plants[s.id]
	if p == nil {
		return
	}
	for i := range *streams {
		st := &(*streams)[i]
		st.plant = p.services[st.service]
	}
	for _, a := range p.added {
		st := e.usageStream(s, a.group, a.service)
		st.base, st.weekend, st.growth, st.from = a.base, 0.9, 0, a.from
		*streams = append(*streams, st)
	}
}

// Planted lists the labels, by tenant and day.
func (s *Server) Planted() []Planted {
	return append([]Planted{}, s.estate.labels...)
}
