package azuresim

import (
	"math"
	"time"
)

// When costs become visible, measured from the end of their day (azure-apis.md section 7.1).
const (
	appearMin    = 8 * time.Hour
	appearSpan   = 16 * time.Hour
	settledAfter = 72 * time.Hour
	restateSpan  = 4 * 24 * time.Hour // from the 1st to the 5th of the following month
	million      = 1_000_000
	microNanos   = 1000
)

// The metrics, as Cost Management's query type names them.
const (
	metricActual    = "ActualCost"
	metricAmortized = "AmortizedCost"
	metricUsage     = "Usage" // as ActualCost, without all that is not of charge type Usage
)

// cell is what one stream cost on one day as it is visible at one instant, in 1e-9 units: of all its
// resources, or of one.
type cell struct {
	stream     *stream
	index      int // of the stream
	resource   int // of the stream's resources; -1 = all
	nanos, usd int64
}

// generator computes one subscription's cells. It is cheap to make and not safe for concurrent use.
type generator struct {
	estate  *estate
	sub     *subscription
	streams []stream
	only    string       // the only service that is wanted; "" = all
	owned   [][]resource // by stream, once asked for
	gap     *gap         // days that are missing from the answers
	month   day          // of the cached values below
	next    day          // the month after
	rate    int64        // US dollars per unit, in millionths
	loaded  day          // of the load
	busy    float64      // the load of that day
}

func (e *estate) generator(s *subscription) *generator {
	g := &generator{estate: e, sub: s, streams: e.streams(s), month: math.MinInt32, next: math.MinInt32, loaded: math.MinInt32}
	for i := range g.streams {
		g.streams[i].arrival = mix(s.key, label(g.streams[i].service))
	}
	g.owned = make([][]resource, len(g.streams))
	if p := e.plants[s.id]; p != nil {
		g.gap = p.gap
	}
	return g
}

// enter caches what is constant within a month.
func (g *generator) enter(d day) {
	if d >= g.month && d < g.next {
		return
	}
	g.month = d.month()
	g.next = g.month.addMonths(1)
	g.rate = g.estate.rate(g.sub.currency, g.month)
}

// rate is US dollars for one unit of a currency in a month, in millionths: fixed within the month.
func (e *estate) rate(currency string, month day) int64 {
	middle := dollars(currency)
	if currency == "USD" {
		return middle
	}
	wobble := int64(below(mix(e.seed, label(currency), uint64(month)), 40_001)) - 20_000
	return middle + mulDiv(middle, wobble, million)
}

// cells calls yield for every cell of a day that is visible at an instant. Same arguments, same cells.
func (g *generator) cells(d day, metric string, at time.Time, yield func(cell)) {
	if d < g.estate.first {
		return
	}
	g.enter(d)
	for i := range g.streams {
		s := &g.streams[i]
		if d < s.from || d >= s.until || g.only != "" && g.only != s.service || g.gap.hides(s, d) {
			continue
		}
		nanos := g.visible(s, d, g.final(i, d, metric), at)
		if nanos == 0 {
			continue
		}
		yield(cell{stream: s, index: i, resource: -1, nanos: nanos, usd: mulDiv(nanos, g.rate, million)})
	}
}

// final is a stream's cost of a day once all re-estimates are done, before a late restatement.
func (g *generator) final(i int, d day, metric string) int64 {
	s := &g.streams[i]
	switch s.kind {
	case streamLump:
		if d == g.month+day(s.monthDay-1) {
			return int64(math.Round(s.base * 1e9))
		}
		return 0
	case streamPurchase:
		if metric == metricActual {
			return s.commitment.paid(d)
		}
		return 0
	case streamUsed, streamUnused:
		if metric != metricAmortized {
			return 0
		}
		used, unused := s.commitment.share(d)
		if s.kind == streamUsed {
			return used
		}
		return unused
	case streamRefund:
		return g.refund(s, d)
	case streamRounding:
		return g.rounding(s, d)
	}
	return g.usageCost(s, d)
}

// load is how busy a tenant is on a day: waves of some weeks, and days that differ.
func (g *generator) load(d day) float64 {
	if g.loaded == d {
		return g.busy
	}
	key := mix(g.estate.seed, label("load"), uint64(g.sub.tenant.index))
	wave := math.Sin(2 * math.Pi * (float64(d)/between(key, 11, 25) + between(mix(key, 1), 0, 1)))
	g.loaded, g.busy = d, (1+0.06*wave)*between(mix(key, uint64(d), 2), 0.95, 1.05)
	return g.busy
}

func (g *generator) usageCost(s *stream, d day) int64 {
	amount := s.base * between(mix(s.key, uint64(d), 6), 0.94, 1.06) * g.load(d)
	if wd := (int(d) + 4) % 7; wd == 0 || wd == 6 { // 1970-01-01 was a Thursday
		amount *= s.weekend
	}
	if s.growth != 0 {
		amount *= math.Exp(s.growth * float64(d-g.estate.first))
	}
	if s.shape != shapeFlat {
		amount = g.shaped(s, d, amount)
	}
	if s.plant != nil {
		amount = s.plant.apply(s, d, amount)
	}
	return int64(math.Round(amount * 1e9))
}

// visible is what Azure shows at an instant of a cell whose settled value is nanos: nothing at first,
// then 85 to 100 %, growing at each refresh until all of it shows 72 hours after the day, and for
// about a tenth of the usage cells a last restatement before the 5th of the next month.
func (g *generator) visible(s *stream, d day, nanos int64, at time.Time) int64 {
	if nanos == 0 {
		return 0
	}
	end := (d + 1).start()
	appear := end.Add(appearMin + time.Duration(below(mix(s.arrival, uint64(d), 7), int(appearSpan))))
	if at.Before(appear) {
		return 0
	}
	if s.kind != streamUsage {
		return nanos // a purchase is known at once
	}
	if h := mix(s.key, uint64(d), 8); h%10 == 0 {
		moment := g.next.start().Add(time.Duration(below(mix(h, 1), int(restateSpan))))
		if !at.Before(moment) {
			nanos = restated(nanos, h)
		}
	}
	if s.plant != nil {
		nanos = s.plant.restate(d, nanos, at)
	}
	settled := end.Add(settledAfter)
	if !at.Before(settled) {
		return nanos
	}
	seen := g.lastRefresh(at)
	if seen.Before(appear) {
		seen = appear
	}
	first := 850_000 + int64(below(mix(s.key, uint64(d), 9), 150_001))
	share := first + mulDiv(million-first, int64(seen.Sub(appear)), int64(settled.Sub(appear)))
	return mulDiv(nanos, share, million)
}

// restated changes a value by 0.1 to 3 %, up or down.
func restated(nanos int64, h uint64) int64 {
	change := 1000 + int64(below(mix(h, 2), 29_001))
	if mix(h, 3)%2 == 0 {
		change = -change
	}
	return nanos + mulDiv(nanos, change, million)
}

// lastRefresh is the last moment up to at when Azure re-estimated this subscription.
func (g *generator) lastRefresh(at time.Time) time.Time {
	since := time.Duration(at.UnixNano()) - g.sub.phase
	return at.Add(-(since % g.estate.refresh))
}
