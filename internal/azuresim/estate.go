package azuresim

import (
	"fmt"
	"strings"
	"time"
)

// How a tenant is reached.
const (
	kindDelegated = "delegated" // through Lighthouse, with a token of the managing tenant
	kindApp       = "app"       // with an application of its own
)

// Offers by quotaId. Cost Management knows the first three only.
const (
	offerEA        = "EnterpriseAgreement_2014-09-01"
	offerPAYG      = "PayAsYouGo_2014-09-01"
	offerMSDN      = "MSDN_2014-09-01"
	offerCSP       = "CSP_2015-05-01"
	offerSponsored = "Sponsored_2016-01-01"
)

// States of a subscription that the estate has.
const (
	stateEnabled  = "Enabled"
	stateDisabled = "Disabled"
	stateDeleted  = "Deleted"
)

// markupName is a name that breaks every page which forgets to escape.
const markupName = `<script>alert(1)</script> & "Söhne"`

// estate is the world behind the APIs. It is immutable once built.
type estate struct {
	seed     uint64
	start    time.Time
	first    day // the first day with costs
	refresh  time.Duration
	services []service
	managing *tenant
	tenants  []*tenant // the governed ones
	byID     map[string]*tenant
	subs     map[string]*subscription // by lower-case id
	groups   int                      // Options.Groups
	grid     bool                     // every group has every service
	plants   map[string]*plants       // by subscription
	labels   []Planted

	resources int // Options.Resources

	policyStates int // Options.PolicyStates

	waste     map[string]int // the place of a subscription among those that have cases of waste
	wasteEach int            // cases of waste in each of them
}

// tenant is an Entra tenant with its subscriptions.
type tenant struct {
	index                              int
	id, name, domain, slug, kind, land string
	currency                           string
	subs                               []*subscription
	hostile                            bool // its own policies have hostile names
}

// subscription is an Azure subscription of the estate.
type subscription struct {
	index                int
	key                  uint64 // hash of the seed and the subscription
	tenant               *tenant
	id, name, env        string
	offer, state         string
	currency             string
	location             string
	groups               []string
	costDisabled, markup bool
	phase                time.Duration // of its re-estimates
}

// answers says whether Cost Management gives this subscription's costs.
func (s *subscription) answers() bool {
	return s.supported() && s.state != stateDeleted && !s.costDisabled
}

// supported says whether the offer is one that Cost Management knows.
func (s *subscription) supported() bool { return s.offer != offerCSP && s.offer != offerSponsored }

// newEstate builds the world for options whose defaults are already filled in.
func newEstate(o Options) *estate {
	e := &estate{
		seed: o.Seed, start: o.Start.UTC(), refresh: o.RefreshEvery,
		services: serviceCatalogue(o.Services), groups: o.Groups, grid: o.Groups > 0 && o.Services > 0,
		byID: map[string]*tenant{}, subs: map[string]*subscription{}, plants: map[string]*plants{},
	}
	e.first = dayOf(e.start).month().addMonths(1 - o.Months)
	e.managing = &tenant{
		index: -1, id: guid(mix(o.Seed, label("managing"))), name: "Fresnel Managed Services",
		domain: "fresnel.onmicrosoft.com", slug: "fresnel", land: "DE",
	}
	e.byID[e.managing.id] = e.managing
	for i := range o.Tenants {
		e.addTenant(i, o)
	}
	e.addOddities(o)
	e.resources, e.policyStates = o.Resources, o.PolicyStates
	e.assignWaste(o.Waste)
	n := o.Planted
	if n == 0 && !e.grid {
		n = 2
	}
	e.plantAll(n)
	return e
}

func (e *estate) addTenant(i int, o Options) {
	key := mix(e.seed, label("tenant"), uint64(i))
	c := companies[(i+below(mix(e.seed, label("company")), len(companies)))%len(companies)]
	t := &tenant{index: i, id: guid(key), name: c.name, slug: c.slug, land: c.land, kind: kindDelegated}
	if round := i / len(companies); round > 0 {
		t.name, t.slug = fmt.Sprintf("%s %d", c.name, round+1), fmt.Sprintf("%s%d", c.slug, round+1)
	}
	t.domain = t.slug + ".onmicrosoft.com"
	if i%3 == 2 {
		t.kind = kindApp
	}
	t.currency = currencyOf(c.land)
	if o.MarkupNames && i == 0 {
		t.name = markupName
	}
	t.hostile = o.MarkupNames && i == 2 // the first one with an app of its own: through Lighthouse nobody sees them
	n := o.SubscriptionsPerTenant
	if n == 0 {
		n = 4 + below(mix(key, label("subscriptions")), 6)
	}
	for j := range n {
		t.subs = append(t.subs, e.newSubscription(t, j, o))
	}
	e.tenants = append(e.tenants, t)
	e.byID[t.id] = t
}

func (e *estate) newSubscription(t *tenant, j int, o Options) *subscription {
	key := mix(e.seed, label("subscription"), uint64(t.index), uint64(j))
	s := &subscription{
		index: j, key: key, tenant: t, id: guid(key), env: environments[j%len(environments)],
		offer: offerEA, state: stateEnabled, currency: t.currency,
		location: locations[below(mix(key, label("location")), len(locations))],
		phase:    time.Duration(below(mix(key, label("phase")), int(e.refresh))),
		markup:   o.MarkupNames && t.index == 0 && j == 0,
	}
	s.name = t.slug + "-" + s.env
	if round := j / len(environments); round > 0 {
		s.name = fmt.Sprintf("%s-%d", s.name, round+1)
	}
	switch below(mix(key, label("offer")), 10) {
	case 0, 1:
		s.offer = offerPAYG
	case 2:
		s.offer = offerMSDN
	}
	if t.index == 0 && j%3 == 2 { // the first tenant bills in two currencies
		s.currency = "USD"
		if t.currency == "USD" {
			s.currency = "EUR"
		}
	}
	if s.markup {
		s.name = markupName
	}
	s.groups = e.groupNames(s)
	e.subs[s.id] = s
	return s
}

// groupNames are the resource groups of a subscription, in lower case.
func (e *estate) groupNames(s *subscription) []string {
	n := e.groups
	if n == 0 {
		n = 3 + below(mix(s.key, label("groups")), 4)
	}
	offset := below(mix(s.key, label("apps")), len(apps))
	names := make([]string, 0, n)
	for i := range n {
		name := "rg-" + apps[(offset+i)%len(apps)] + "-" + s.env
		if round := i / len(apps); round > 0 {
			name = fmt.Sprintf("%s-%d", name, round+1)
		}
		names = append(names, name)
	}
	if s.markup {
		names[0] = strings.ToLower(markupName)
	}
	return names
}

// addOddities gives a large enough estate one subscription of each kind that a client must survive.
func (e *estate) addOddities(o Options) {
	last := func(tenant int) *subscription {
		t := e.tenants[tenant]
		return t.subs[len(t.subs)-1]
	}
	if len(e.tenants) >= 5 {
		last(1).offer = offerCSP
		last(3).state = stateDisabled
		last(4).state = stateDeleted
	}
	if o.CostDisabled && len(e.tenants) > 0 {
		last(0).costDisabled = true
	}
}

// mayRead says whether a principal of a tenant may read a subscription: its own tenant's, or a
// delegated one with a token of the managing tenant.
func (e *estate) mayRead(tid string, s *subscription) bool {
	return tid == s.tenant.id || tid == e.managing.id && s.tenant.kind == kindDelegated
}

// visible lists what a token of a tenant sees, in the estate's order.
func (e *estate) visible(tid string) []*subscription {
	var out []*subscription
	for _, t := range e.tenants {
		for _, s := range t.subs {
			if e.mayRead(tid, s) {
				out = append(out, s)
			}
		}
	}
	return out
}
