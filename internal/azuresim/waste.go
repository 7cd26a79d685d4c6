package azuresim

import (
	"strings"
	"time"
)

// What a rule of waste should say of a resource.
const (
	ExpectWaste  = "waste"  // report it
	ExpectReview = "review" // somebody should look
	ExpectAdvice = "advice"
	ExpectNone   = "none" // say nothing: the negative cases and the exceptions
)

// Waste is a label: a resource that was made as a case of a rule of waste-rules.md, and what the rule
// should say of it at an instant. Every resource of the estate for which a rule should say something
// has a label; the labels of ExpectNone are those that tools are known to get wrong.
type Waste struct {
	RuleID       string    `json:"ruleId"`     // without its number, as disk-unattached
	ResourceID   string    `json:"resourceId"` // in the spelling of Resource Graph
	Subscription string    `json:"subscription"`
	Tenant       string    `json:"tenant"`
	Expect       string    `json:"expect"`
	Case         string    `json:"case"`
	Since        time.Time `json:"since"` // when the facts came to be so
}

// wasteCase is something to be planted: one resource by a patch, or more by a function.
type wasteCase struct {
	rule     string
	positive bool
	text     string
	kind     string // of the resource
	name     string
	patch    string
	service  string  // to which it costs, and
	usd      float64 // how much a day
	young    int     // days of age at the estate's start; 0 = older than the costs
	matures  int     // days of age from which a negative case is a positive one
	build    func(p *planting)
}

// wasteLevels is what the rules say when their condition holds: their confidence in waste-rules.md.
var wasteLevels = map[string]string{
	"disk-unattached": ExpectWaste, "disk-premium-on-stopped-vm": ExpectReview, "vm-stopped-not-deallocated": ExpectWaste,
	"vm-deallocated-long": ExpectReview, "vm-unmanaged-disk": ExpectReview, "snapshot-old": ExpectAdvice, "snapshot-source-deleted": ExpectReview,
	"snapshot-premium": ExpectWaste, "avset-empty": ExpectWaste, "ppg-empty": ExpectReview, "pip-unattached-static": ExpectWaste,
	"pip-unattached-dynamic": ExpectReview, "pip-on-orphan-nic": ExpectWaste, "pip-basic-sku": ExpectAdvice, "nic-orphan": ExpectWaste,
	"nsg-unused": ExpectWaste, "nsg-rule-dead-target": ExpectReview, "routetable-unused": ExpectWaste, "lb-unused": ExpectWaste,
	"lb-unused-basic": ExpectReview, "lb-rule-no-pool": ExpectReview, "appgw-empty": ExpectWaste, "appgw-v1": ExpectAdvice,
	"appgw-fixed-capacity": ExpectAdvice, "afd-waf-policy-unused": ExpectWaste, "trafficmanager-empty": ExpectWaste, "vnet-no-subnet": ExpectWaste,
	"subnet-empty": ExpectReview, "natgw-unused": ExpectWaste, "ipgroup-unused": ExpectWaste, "privatedns-no-link": ExpectReview,
	"pe-disconnected": ExpectWaste, "pe-target-gone": ExpectReview, "vnetgw-unused": ExpectWaste, "ddosplan-unused": ExpectWaste,
	"expressroute-notprovisioned": ExpectWaste, "firewall-premium-unused": ExpectAdvice, "asp-empty": ExpectWaste, "webapp-stopped": ExpectReview,
	"apiconnection-unused": ExpectReview, "cert-expired": ExpectWaste, "rg-empty": ExpectReview, "sqlpool-empty": ExpectWaste,
	"synapse-empty": ExpectAdvice, "storage-legacy-kind": ExpectAdvice, "ahb-missing-windows": ExpectAdvice, "ahb-missing-sql": ExpectAdvice,
	"identity-unused": ExpectReview, "backup-item-idle": ExpectReview, "advisor-cost": ExpectAdvice,
}

// wasteMark is a label on its way.
type wasteMark struct {
	rule, text string
	id         func() string
	of         *item // while this one is alive
	group      *group
	expect     string
	since      time.Time
	matures    time.Duration // after since; then the rule's level is expected
}

// assignWaste orders the subscriptions that have cases: the first of every tenant, then the second.
func (e *estate) assignWaste(each int) {
	e.waste = map[string]int{}
	for i, more := 0, true; more && each >= 0; i++ {
		more = false
		for _, t := range e.tenants {
			if i >= len(t.subs) {
				continue
			}
			more = true
			if t.subs[i].state == stateEnabled {
				e.waste[t.subs[i].id] = len(e.waste)
			}
		}
	}
	if e.wasteEach = each; each == 0 && len(e.waste) > 0 {
		e.wasteEach = min(max(4, (len(wasteCases)+len(e.waste)-1)/len(e.waste)), 8)
	}
}

// planting is a case in a subscription.
type planting struct {
	w     *world
	c     *wasteCase
	key   uint64
	group string
	born  time.Time
	n     string // tells the names of cases apart
}

// plantings are the cases of a subscription: every so many-th.
func (e *estate) plantings(s *subscription) []*planting {
	place, ok := e.waste[s.id]
	if !ok {
		return nil
	}
	var out []*planting
	taken := map[int]bool{}
	for j := range min(e.wasteEach, len(wasteCases)) {
		i := (j*len(e.waste) + place) % len(wasteCases)
		if taken[i] {
			continue
		}
		taken[i] = true
		p := &planting{c: &wasteCases[i], key: mix(s.key, label("waste"), uint64(i)), n: kqlText(int64(i))}
		p.group = s.groups[below(p.key, len(s.groups))]
		p.born = e.first.start().Add(-time.Duration(30+below(mix(p.key, 1), 400))*24*time.Hour + time.Duration(below(mix(p.key, 2), 86400))*time.Second)
		if p.c.young > 0 {
			p.born = e.start.Add(-time.Duration(p.c.young) * 24 * time.Hour).Add(-time.Hour).Truncate(time.Second)
		}
		out = append(out, p)
	}
	return out
}

// mainName is the name of a case's resource.
func (p *planting) mainName() string {
	return strings.ReplaceAll(p.c.name, "*", p.n)
}

// wasteStreams are the costs of planted resources. A grid has none: its streams are chosen by number.
func (e *estate) wasteStreams(s *subscription) []stream {
	if e.grid {
		return nil
	}
	var out []stream
	for _, p := range e.plantings(s) {
		if p.c.usd == 0 {
			continue
		}
		st := stream{
			key: p.key, group: p.group, service: p.c.service, kind: streamUsage, charge: chargeUsage, publisher: publisherAzure,
			pricing: pricingOnDemand, weekend: 1, wasted: true,
			base: p.c.usd * million / float64(dollars(s.currency)),
			from: max(e.first, dayOf(p.born)), until: e.lastDay(s), arm: armID(s, p.group, p.c.kind, p.mainName()),
		}
		out = append(out, st)
	}
	return out
}

// plantWaste adds the cases of the subscription.
func (w *world) plantWaste() {
	for _, p := range w.e.plantings(w.sub) {
		p.w = w
		if p.c.build != nil {
			p.c.build(p)
			continue
		}
		it := p.main()
		p.mark(it, p.c.rule, p.c.positive)
	}
}

// main makes the case's own resource.
func (p *planting) main() *item { return p.add(p.c.kind, p.mainName(), p.c.patch) }

// add makes a resource that nothing changes but people's tags.
func (p *planting) add(kind, name, patch string) *item {
	it := p.w.insert(&item{id: p.w.id(p.group, kind, name), kind: kind, name: name, group: p.group, born: p.born, still: true})
	return it.patch(patch)
}

// under makes a nested resource.
func (p *planting) under(of *item, kind, name, patch string) *item {
	it := p.w.under(of, kind, name)
	it.still, it.born = true, p.born
	return it.patch(patch)
}

// mark labels a resource for a rule.
func (p *planting) mark(it *item, rule string, positive bool) {
	p.markAs(it, rule, ExpectNone, 0)
	m := &p.w.marks[len(p.w.marks)-1]
	if positive {
		m.expect = wasteLevels[rule]
	} else if p.c.matures > 0 && rule == p.c.rule {
		m.matures = time.Duration(p.c.matures) * 24 * time.Hour
	}
}

// markAs labels a resource with an expectation; after some days the rule's own.
func (p *planting) markAs(it *item, rule, expect string, matures int) {
	p.w.marks = append(p.w.marks, wasteMark{
		rule: rule, text: p.c.text, id: func() string { return it.id }, of: it, expect: expect, since: it.born,
		matures: time.Duration(matures) * 24 * time.Hour,
	})
}

// labels are the labels of a world at an instant.
func (w *world) labels(at time.Time) []Waste {
	var out []Waste
	for _, m := range w.marks {
		if m.of != nil && !m.of.alive(at) || at.Before(m.since) {
			continue
		}
		l := Waste{RuleID: m.rule, ResourceID: m.id(), Subscription: w.sub.id, Tenant: w.sub.tenant.id, Expect: m.expect, Case: m.text, Since: m.since}
		if m.matures > 0 && !at.Before(m.since.Add(m.matures)) {
			l.Expect = wasteLevels[m.rule]
		}
		out = append(out, l)
	}
	return append(out, w.adviceLabels(at)...)
}
