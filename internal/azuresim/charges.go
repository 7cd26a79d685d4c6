package azuresim

// charges are the streams beside usage and commitments: support, licences, marketplace, a renewal,
// refunds and rounding. Which of them a subscription has depends on its place in the tenant.
func (e *estate) charges(s *subscription, usage []stream) []stream {
	var out []stream
	add := func(applies bool, service, arm string, usd float64, change func(*stream)) {
		if applies {
			st := e.lump(s, service, arm, usd)
			change(&st)
			out = append(out, st)
		}
	}
	last := s.groups[len(s.groups)-1]
	market := func(st *stream) { st.publisher = publisherMarketplace }
	add(s.index%4 == 0, serviceSupport, "", 100, func(*stream) {})
	add(s.index%4 == 1, serviceLicence, "", 240, market)
	add(s.index%4 == 2, serviceSaaS, armID(s, last, typeSaaS, "saas-suite"), 160, func(st *stream) {
		market(st)
		st.group, st.monthDay = last, 1+below(mix(st.key, 2), 28)
	})
	add(s.index%5 == 3, serviceDomain, armID(s, last, typeDomain, "renewal.example"), 45, func(st *stream) {
		st.group, st.monthDay = last, 1+below(mix(st.key, 2), 28)
	})
	add(s.index%3 == 1, serviceImage, "", 7, func(st *stream) {
		market(st)
		st.kind, st.charge, st.group, st.weekend = streamUsage, chargeUsage, last, 1
		st.owner = mix(s.key, label(last), label(serviceImage))
	})
	add(s.index%3 != 2 && len(usage) > 0, serviceUnassigned, "", 12, func(st *stream) {
		of := usage[below(mix(st.key, 3), len(usage))]
		st.kind, st.charge = streamRefund, chargeRefund
		st.group, st.service, st.owner, st.arm = of.group, of.service, of.owner, of.arm
	})
	add(s.index%4 == 3, serviceUnassigned, "", 30, func(st *stream) { // a credit for an outage
		st.key, st.kind, st.charge, st.service = mix(st.key, label("credit")), streamRefund, chargeRefund, serviceVM
	})
	add(s.index%2 == 0, serviceUnassigned, "", 1, func(st *stream) {
		st.key, st.kind, st.charge = mix(st.key, label("rounding")), streamRounding, chargeRounding
	})
	return out
}

// lump is a purchase on the first of each month, without a resource group.
func (e *estate) lump(s *subscription, service, arm string, usd float64) stream {
	key := mix(s.key, label("monthly"), label(service))
	return stream{
		key: key, service: service, kind: streamLump, charge: chargePurchase, publisher: publisherAzure,
		pricing: pricingOnDemand, arm: arm, monthDay: 1,
		base: usd * between(mix(key, 1), 0.5, 2) * million / float64(dollars(s.currency)),
		from: e.first, until: e.lastDay(s),
	}
}

// refund is a stream's refund of a day: in every third month, on one day, of differing size.
func (g *generator) refund(s *stream, d day) int64 {
	h := mix(s.key, uint64(g.month), label("refund"))
	if h%3 != 0 || d != g.month+day(below(mix(h, 1), 28)) {
		return 0
	}
	return -int64(s.base * between(mix(h, 2), 0.2, 2) * 1e9)
}

// rounding is up to five cents, up or down, on the last day of the month.
func (g *generator) rounding(s *stream, d day) int64 {
	if d != g.next-1 {
		return 0
	}
	return 10_000_000 * (int64(below(mix(s.key, uint64(d)), 11)) - 5)
}
