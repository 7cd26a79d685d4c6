package azuresim

import "math"

// commitment is a reservation or a savings plan for the machines of a subscription's first resource
// group. It is paid monthly, or once for a year; either way a payment is spread over the days that it
// pays for, and each day's share is partly used by the machines and partly not.
type commitment struct {
	key      uint64
	order    string // ARM id of the order
	charge   string // of the unused part
	pricing  string
	payment  int64 // nanos of the billing currency
	monthDay int   // of monthly payments, from 1
	bought   day   // the first payment for a year; 0 = monthly
}

// commitmentOf draws a subscription's commitment: every second one has none.
func (e *estate) commitmentOf(s *subscription) *commitment {
	draw := below(mix(s.key, label("commitment")), 10)
	if draw >= 5 {
		return nil
	}
	key := mix(s.key, label("monthly"), label(serviceVM))
	usd := 900 * between(mix(key, 1), 0.5, 2)
	c := &commitment{
		key: key, order: "/providers/Microsoft.Capacity/reservationOrders/" + guid(mix(key, label("order"))),
		charge: chargeUnusedReservation, pricing: pricingReservation, monthDay: 1,
	}
	switch draw {
	case 1:
		c.monthDay = 2 + below(mix(key, 2), 27)
	case 2:
		c.order = "/providers/Microsoft.BillingBenefits/savingsPlanOrders/" + guid(mix(key, label("order")))
		c.charge, c.pricing = chargeUnusedSavingsPlan, pricingSavingsPlan
	case 4:
		usd *= 12
		span := int(dayOf(e.start) - e.first)
		c.bought = e.first + day(1+below(mix(key, 3), max(1, span*2/3)))
	}
	c.payment = int64(math.Round(usd * million / float64(dollars(s.currency)) * 1e9))
	return c
}

// period is the half-open range of days that the payment covering a day pays for; ok is false if none does.
func (c *commitment) period(d day) (from, to day, ok bool) {
	if c.bought != 0 { // for a year, and renewed after each
		if d < c.bought {
			return 0, 0, false
		}
		from = c.bought + (d-c.bought)/365*365
		return from, from + 365, true
	}
	offset := day(c.monthDay - 1)
	from = d.month() + offset
	if d < from {
		from = d.month().addMonths(-1) + offset
	}
	return from, from.addMonths(1) + offset, true
}

// paid is what is paid on a day.
func (c *commitment) paid(d day) int64 {
	if from, _, ok := c.period(d); ok && d == from {
		return c.payment
	}
	return 0
}

// share splits a day's part of its payment into used and unused. The first day of a period has the
// remainder of the division, so that the shares add up to the payment exactly.
func (c *commitment) share(d day) (used, unused int64) {
	from, to, ok := c.period(d)
	if !ok {
		return 0, 0
	}
	days := int64(to - from)
	whole := c.payment / days
	if d == from {
		whole += c.payment % days
	}
	used = mulDiv(whole, 850_000+int64(below(mix(c.key, uint64(d), 4), 110_001)), million)
	return used, whole - used
}

// committed are the streams of a commitment: the payments in ActualCost, used and unused days in
// AmortizedCost, and for one bought within the history the machines' own price before.
func (e *estate) committed(s *subscription, c *commitment) []stream {
	machines := mix(s.key, label(s.groups[0]), label(serviceVM))
	buy := stream{
		key: c.key, service: serviceVM, kind: streamPurchase, charge: chargePurchase, publisher: publisherAzure,
		pricing: c.pricing, arm: c.order, from: e.first, until: e.lastDay(s), commitment: c,
	}
	used := buy
	used.kind, used.charge, used.group, used.arm, used.owner = streamUsed, chargeUsage, s.groups[0], "", machines
	unused := buy
	unused.kind, unused.charge = streamUnused, c.charge
	out := []stream{buy, used, unused}
	if c.bought != 0 {
		before := used
		before.kind, before.pricing, before.commitment = streamUsage, pricingOnDemand, nil
		before.base, before.weekend = float64(c.payment)/1e9/365*0.905, 1 // the level that the used part goes on with
		before.until = min(before.until, c.bought)
		out = append(out, before)
	}
	return out
}
