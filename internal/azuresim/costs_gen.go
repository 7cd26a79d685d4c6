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
	metricUsage     = "Usage" // as ActualCost, without purchases
)

// streamKind says how a stream's cost is laid over the days.
type streamKind int

const (
	streamUsage    streamKind = iota // every day
	streamLump                       // the 1st of each month, any metric
	streamPurchase                   // the 1st of each month, ActualCost only
	streamSpread                     // the same amount over the days of the month, AmortizedCost only
)

// stream is one source of cost: a service in a resource group. Streams of a subscription have
// distinct (group, service) pairs per metric, so a stream's cost of a day is a whole cell.
type stream struct {
	key            uint64
	group, service string // group in lower case
	kind           streamKind
	base           float64 // billing currency per day, or per month for lumps
	weekend        float64 // factor on Saturdays and Sundays
	growth         float64 // per month
	from, until    day     // half-open
}

// cell is what one stream cost on one day as it is visible at one instant, in 1e-9 units.
type cell struct {
	stream     *stream
	nanos, usd int64
}

// streams are a subscription's sources of cost. They are computed when needed: kept for a large
// estate they would be its biggest structure.
func (e *estate) streams(s *subscription) []stream {
	var out []stream
	committed := below(mix(s.key, label("commitment")), 10) < 4
	for gi, group := range s.groups {
		for _, sv := range e.groupServices(s, gi) {
			if committed && gi == 0 && sv.name == serviceVM {
				continue // the commitment covers these machines
			}
			out = append(out, e.usageStream(s, group, sv))
		}
	}
	e.addBirthAndDeath(s, out)
	if s.index%4 == 0 {
		out = append(out, e.monthly(s, streamLump, "", serviceSupport, 100))
	}
	if s.index%4 == 1 {
		out = append(out, e.monthly(s, streamLump, "", serviceLicence, 240))
	}
	if committed {
		buy := e.monthly(s, streamPurchase, "", serviceVM, 900)
		spread := buy
		spread.kind, spread.group = streamSpread, s.groups[0]
		out = append(out, buy, spread)
	}
	return out
}

// groupServices chooses a group's services: all of them in a grid, else three to six.
func (e *estate) groupServices(s *subscription, group int) []service {
	if e.grid {
		return e.services
	}
	key := mix(s.key, label("services"), uint64(group))
	n := min(3+below(mix(key, 0), 4), len(e.services))
	taken := make([]bool, len(e.services))
	out := make([]service, 0, n)
	for i := uint64(1); len(out) < n; i++ {
		// The smaller of two draws: the common services come first in the catalogue.
		k := min(below(mix(key, i, 1), len(taken)), below(mix(key, i, 2), len(taken)))
		if !taken[k] {
			taken[k] = true
			out = append(out, e.services[k])
		}
	}
	return out
}

func (e *estate) usageStream(s *subscription, group string, sv service) stream {
	key := mix(s.key, label(group), label(sv.name))
	size := math.Exp(between(mix(key, 1), -1.2, 1.2)) * between(mix(s.key, label("size")), 0.4, 2.5)
	if s.env == "prod" {
		size *= 3
	}
	return stream{
		key: key, group: group, service: sv.name, kind: streamUsage,
		base:    sv.cost * size * million / float64(dollars(s.currency)),
		weekend: between(mix(key, 2), 0.3, 1), growth: between(mix(key, 3), -0.025, 0.05),
		from: e.first, until: e.lastDay(s),
	}
}

// lastDay ends the costs of a disabled subscription some weeks before the present.
func (e *estate) lastDay(s *subscription) day {
	if s.state == stateDisabled {
		return dayOf(e.start) - 45
	}
	return math.MaxInt32
}

func (e *estate) monthly(s *subscription, kind streamKind, group, service string, usd float64) stream {
	key := mix(s.key, label("monthly"), label(service))
	return stream{
		key: key, group: group, service: service, kind: kind,
		base: usd * between(mix(key, 1), 0.5, 2) * million / float64(dollars(s.currency)),
		from: e.first, until: e.lastDay(s),
	}
}

// addBirthAndDeath lets one usage stream begin two months ago and another end last month, in every
// second subscription.
func (e *estate) addBirthAndDeath(s *subscription, streams []stream) {
	if s.index%2 != 0 || len(streams) < 4 {
		return
	}
	today := dayOf(e.start)
	born, dead := &streams[1], &streams[2]
	born.from = max(born.from, today.month().addMonths(-2)+day(below(mix(born.key, 4), 20)))
	dead.until = min(dead.until, today.month().addMonths(-1)+day(below(mix(dead.key, 5), 20)))
}

// generator computes one subscription's cells. It is cheap to make and not safe for concurrent use.
type generator struct {
	estate  *estate
	sub     *subscription
	streams []stream
	usage   []int // indexes of the usage streams
	month   day   // of the cached values below
	next    day   // the month after
	spikes  []spike
	rate    int64 // US dollars per unit, in millionths
}

// spike multiplies one stream's cost on one day, so that there are anomalies to find.
type spike struct {
	day    day
	stream int
	factor float64
}

func (e *estate) generator(s *subscription) *generator {
	g := &generator{estate: e, sub: s, streams: e.streams(s), month: math.MinInt32, next: math.MinInt32}
	for i := range g.streams {
		if g.streams[i].kind == streamUsage {
			g.usage = append(g.usage, i)
		}
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
	g.spikes = g.spikes[:0]
	var answering []*subscription
	for _, s := range g.sub.tenant.subs {
		if s.answers() {
			answering = append(answering, s)
		}
	}
	for slot := range uint64(2) {
		key := mix(g.estate.seed, label("spike"), uint64(g.sub.tenant.index), uint64(g.month), slot)
		if len(g.usage) == 0 || len(answering) == 0 || answering[below(mix(key, 1), len(answering))] != g.sub {
			continue
		}
		g.spikes = append(g.spikes, spike{
			day:    g.month + day(below(mix(key, 2), int(g.next-g.month))),
			stream: g.larger(below(mix(key, 3), len(g.usage)), below(mix(key, 5), len(g.usage))), factor: between(mix(key, 4), 1.5, 4),
		})
	}
}

// larger is of two usage streams the one that costs more: spikes worth seeing.
func (g *generator) larger(a, b int) int {
	if g.streams[g.usage[b]].base > g.streams[g.usage[a]].base {
		return g.usage[b]
	}
	return g.usage[a]
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
		if d < s.from || d >= s.until {
			continue
		}
		nanos := g.visible(s, d, g.final(i, d, metric), at)
		if nanos == 0 {
			continue
		}
		yield(cell{stream: s, nanos: nanos, usd: mulDiv(nanos, g.rate, million)})
	}
}

// final is a stream's cost of a day once all re-estimates are done, before a late restatement.
func (g *generator) final(i int, d day, metric string) int64 {
	s := &g.streams[i]
	whole := int64(math.Round(s.base * 1e9))
	switch s.kind {
	case streamLump:
		if d == g.month {
			return whole
		}
		return 0
	case streamPurchase:
		if d == g.month && metric == metricActual {
			return whole
		}
		return 0
	case streamSpread:
		if metric != metricAmortized {
			return 0
		}
		days := int64(g.next - g.month)
		if d == g.month {
			return whole/days + whole%days // so that the month adds up to the purchase exactly
		}
		return whole / days
	}
	return g.usageCost(i, d)
}

// load is how busy a tenant is on a day: waves of some weeks, and days that differ.
func (g *generator) load(d day) float64 {
	key := mix(g.estate.seed, label("load"), uint64(g.sub.tenant.index))
	wave := math.Sin(2 * math.Pi * (float64(d)/between(key, 11, 25) + between(mix(key, 1), 0, 1)))
	return (1 + 0.06*wave) * between(mix(key, uint64(d), 2), 0.95, 1.05)
}

func (g *generator) usageCost(i int, d day) int64 {
	s := &g.streams[i]
	amount := s.base * between(mix(s.key, uint64(d), 6), 0.94, 1.06) * g.load(d)
	if wd := (int(d) + 4) % 7; wd == 0 || wd == 6 { // 1970-01-01 was a Thursday
		amount *= s.weekend
	}
	amount *= math.Pow(1+s.growth, float64(d-g.estate.first)/30.44)
	for _, sp := range g.spikes {
		if sp.day == d && sp.stream == i {
			amount *= sp.factor
		}
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
	appear := end.Add(appearMin + time.Duration(below(mix(g.sub.key, label(s.service), uint64(d), 7), int(appearSpan))))
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
