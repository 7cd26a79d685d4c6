package azuresim

import "math"

// streamKind says how a stream's cost is laid over the days.
type streamKind int

const (
	streamUsage    streamKind = iota // every day
	streamLump                       // one day of each month, any metric
	streamPurchase                   // when its commitment is paid, ActualCost only
	streamUsed                       // the used part of a commitment's day, AmortizedCost only
	streamUnused                     // the rest of that day, AmortizedCost only
	streamRefund                     // now and then, any metric, negative
	streamRounding                   // the last day of each month, any metric, a few cents
)

// Charge types, publishers and pricing models, as Azure names them.
const (
	chargeUsage             = "Usage"
	chargePurchase          = "Purchase"
	chargeUnusedReservation = "UnusedReservation"
	chargeUnusedSavingsPlan = "UnusedSavingsPlan"
	chargeRefund            = "Refund"
	chargeRounding          = "RoundingAdjustment"

	publisherAzure       = "Azure"
	publisherMarketplace = "Marketplace"

	pricingOnDemand    = "OnDemand"
	pricingReservation = "Reservation"
	pricingSavingsPlan = "SavingsPlan"
	pricingSpot        = "Spot"
)

// stream is one source of cost: a service in a resource group, or a charge of its own. Several streams
// may share a (group, service) pair: a refund has that of the usage which it returns.
type stream struct {
	key                        uint64
	group, service             string // group in lower case
	kind                       streamKind
	charge, publisher, pricing string
	base                       float64 // billing currency per day, or per payment
	weekend                    float64 // factor on Saturdays and Sundays
	growth                     float64 // the logarithm of a day's
	arrival                    uint64  // key of when its days appear, which is a matter of the service
	from, until                day     // half-open
	shape                      shape
	monthDay                   int    // of lumps: the day of the month, from 1
	owner                      uint64 // key of the usage whose resources it has; 0 = the resource below
	arm                        string // resource id of a stream that has exactly one, or ""
	commitment                 *commitment
	plant                      *plant // what is planted on its service
	wasted                     bool   // of a resource that is planted as a case of waste
}

// streams are a subscription's sources of cost. They are computed when needed: kept for a large
// estate they would be its biggest structure.
func (e *estate) streams(s *subscription) []stream {
	var out []stream
	c := e.commitmentOf(s)
	for gi, group := range s.groups {
		for _, sv := range e.groupServices(s, gi) {
			if c != nil && gi == 0 && sv.name == serviceVM {
				continue // the commitment covers these machines
			}
			out = append(out, e.usageStream(s, group, sv))
		}
	}
	e.shapeStreams(s, out)
	out = append(out, e.wasteStreams(s)...)
	e.plantStreams(s, &out)
	out = append(out, e.charges(s, out)...)
	if c != nil {
		out = append(out, e.committed(s, c)...)
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
	st := stream{
		key: key, group: group, service: sv.name, kind: streamUsage,
		charge: chargeUsage, publisher: publisherAzure, pricing: pricingOnDemand, owner: key,
		base:    sv.cost * size * million / float64(dollars(s.currency)),
		weekend: between(mix(key, 2), 0.3, 1), growth: math.Log1p(between(mix(key, 3), -0.025, 0.05)) / 30.44,
		from: e.first, until: e.lastDay(s),
	}
	if sv.name == serviceVM && s.env != "prod" && below(mix(key, label("spot")), 4) == 0 {
		st.pricing = pricingSpot
	}
	return st
}

// lastDay ends the costs of a disabled subscription before the days on which anomalies are planted, so
// that its end is old news; in a short history some weeks before the present.
func (e *estate) lastDay(s *subscription) day {
	today := dayOf(e.start)
	switch {
	case s.state != stateDisabled:
		return math.MaxInt32
	case today-e.first > 2*plantWindow:
		return today - plantWindow - 35
	default:
		return today - 45
	}
}
