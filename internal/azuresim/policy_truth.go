package azuresim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The keys by which compliance can be counted.
const (
	byAssignment = "assignment"
	byPolicy     = "policy"     // definition and reference within an assignment
	byDefinition = "definition" // whatever it is called within an assignment
)

// ComplianceQuery asks for the counts of compliance at an instant. The zero value asks for one of all.
type ComplianceQuery struct {
	At           time.Time // zero = the clock's now
	By           []string  // any of tenant, subscription, assignment, policy, definition
	Tenant       string    // only this one, if given
	Subscription string    // only this one, if given
}

// Compliance counts distinct resources as Microsoft does: a resource has of all its states within the
// row the strongest, NonCompliant before Compliant, Conflict, Exempt and Unknown. A resource under two
// assignments is one resource in the row of the subscription: rows do not add up.
type Compliance struct {
	Tenant       string `json:"tenant,omitempty"`
	Subscription string `json:"subscription,omitempty"`
	Assignment   string `json:"assignment,omitempty"` // id in lower case
	Definition   string `json:"definition,omitempty"` // id in lower case
	Reference    string `json:"reference,omitempty"`  // in lower case
	Compliant    int    `json:"compliant"`
	NonCompliant int    `json:"nonCompliant"`
	Conflict     int    `json:"conflict"`
	Exempt       int    `json:"exempt"`
	Unknown      int    `json:"unknown"`
	States       int    `json:"states"` // that were counted

	// Microsoft's percentage is (compliant + exempt) of (compliant + exempt + nonCompliant + conflict), and
	// 100 of nothing. Unknown is on neither side.
	Numerator   int     `json:"numerator"`
	Denominator int     `json:"denominator"`
	Percentage  float64 `json:"percentage"`
	// Unregistered counts the subscriptions that do not know Microsoft.PolicyInsights: what they have is not known.
	Unregistered int `json:"unregistered"`
}

func (c *Compliance) finish() {
	c.Numerator = c.Compliant + c.Exempt
	c.Denominator = c.Numerator + c.NonCompliant + c.Conflict
	c.Percentage = 100
	if c.Denominator > 0 {
		c.Percentage = 100 * float64(c.Numerator) / float64(c.Denominator)
	}
}

// complianceRank is the order in which a state beats another, the strongest first. The answers have
// weights instead.
var complianceRank = []string{stateNonCompliant, stateCompliant, stateConflict, stateExempt, stateUnknown}

// tally counts the resources of one row within a subscription.
type tally struct {
	states int
	best   map[*policyTarget]int
}

// Compliance counts what a query asks for. An assignment in force that has no state yet has a row of zeros
// where rows are by assignment. It does not read what the answers are made of, but asks for every
// pair of a resource and a definition.
func (s *Server) Compliance(q ComplianceQuery) ([]Compliance, error) {
	if q.At.IsZero() {
		q.At = s.clock.Now()
	}
	for _, k := range q.By {
		if !slices.Contains([]string{byTenant, bySubscription, byAssignment, byPolicy, byDefinition}, k) {
			return nil, fmt.Errorf("azuresim: compliance: by %q is not tenant, subscription, assignment, policy or definition", k)
		}
	}
	rows := map[Compliance]*Compliance{}
	row := func(key Compliance) *Compliance {
		if rows[key] == nil {
			c := key
			rows[key] = &c
		}
		return rows[key]
	}
	for _, sub := range s.some(q.Subscription) {
		if q.Tenant != "" && !strings.EqualFold(q.Tenant, sub.tenant.id) || sub.state == stateDeleted {
			continue
		}
		p := s.policies(sub, q.At)
		if sub.unregistered(providerPolicy) {
			if !slices.ContainsFunc(q.By, func(k string) bool { return k == byAssignment || k == byPolicy || k == byDefinition }) {
				row(q.key(p, nil)).Unregistered++
			}
			continue
		}
		for key, t := range p.tally(&q) {
			t.into(row(key))
		}
	}
	out := []Compliance{}
	for _, c := range rows {
		c.finish()
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Compliance) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.Subscription, b.Subscription), strings.Compare(a.Assignment, b.Assignment),
			strings.Compare(a.Definition, b.Definition), strings.Compare(a.Reference, b.Reference))
	})
	return out, nil
}

// key is the row of a definition of an assignment.
func (q *ComplianceQuery) key(p *policies, c *policyCheck) Compliance {
	var k Compliance
	for _, by := range q.By {
		switch by {
		case byTenant:
			k.Tenant = p.w.sub.tenant.id
		case bySubscription:
			k.Subscription = p.w.sub.id
		case byAssignment:
			k.Assignment = strings.ToLower(c.a.id)
		case byPolicy:
			k.Definition, k.Reference = strings.ToLower(c.r.def.id(p.w.sub.tenant)), strings.ToLower(c.r.ref)
		case byDefinition:
			k.Definition = strings.ToLower(c.r.def.id(p.w.sub.tenant))
		}
	}
	return k
}

func (p *policies) tally(q *ComplianceQuery) map[Compliance]*tally {
	out := map[Compliance]*tally{}
	for i := range p.checks {
		c := &p.checks[i]
		if !c.a.inForce(q.At) {
			continue
		}
		key := q.key(p, c)
		t := out[key]
		if t == nil {
			t = &tally{best: map[*policyTarget]int{}}
			out[key] = t
		}
		for _, target := range p.targets {
			s, ok := p.evaluate(target, c, q.At)
			if !ok {
				continue
			}
			t.states++
			rank := len(complianceRank) - slices.Index(complianceRank, s.state)
			t.best[target] = max(t.best[target], rank)
		}
	}
	return out
}

// into adds a subscription's counts to a row: no resource is in two subscriptions.
func (t *tally) into(c *Compliance) {
	c.States += t.states
	for _, rank := range t.best {
		switch complianceRank[len(complianceRank)-rank] {
		case stateNonCompliant:
			c.NonCompliant++
		case stateCompliant:
			c.Compliant++
		case stateConflict:
			c.Conflict++
		case stateExempt:
			c.Exempt++
		default:
			c.Unknown++
		}
	}
}

// ComplianceResource is the state of a resource under an assignment.
type ComplianceResource struct {
	Tenant       string           `json:"tenant"`
	Subscription string           `json:"subscription"`
	Resource     string           `json:"resource"`   // id in lower case
	Type         string           `json:"type"`       // lower case
	Assignment   string           `json:"assignment"` // id in lower case
	State        string           `json:"state"`      // the strongest
	Policies     []ResourcePolicy `json:"policies"`
}

// ResourcePolicy is the state of a resource under a definition of an assignment.
type ResourcePolicy struct {
	Definition string    `json:"definition"` // id in lower case
	Reference  string    `json:"reference"`  // in lower case
	Effect     string    `json:"effect"`     // in lower case
	State      string    `json:"state"`
	Evaluated  time.Time `json:"evaluated"`
	Exemption  string    `json:"exemption,omitempty"` // id in lower case
}

// ComplianceResources calls yield for every resource and assignment of a subscription, or with "" of all,
// until it says false.
func (s *Server) ComplianceResources(subscription string, at time.Time, yield func(ComplianceResource) bool) {
	if at.IsZero() {
		at = s.clock.Now()
	}
	for _, sub := range s.some(subscription) {
		if sub.unregistered(providerPolicy) {
			continue
		}
		p := s.policies(sub, at)
		for _, t := range p.targets {
			var list []ComplianceResource
			for i := range p.checks {
				st, ok := p.evaluate(t, &p.checks[i], at)
				if !ok {
					continue
				}
				id := strings.ToLower(st.c.a.id)
				if n := len(list); n == 0 || list[n-1].Assignment != id { // checks are by assignment
					list = append(list, ComplianceResource{Tenant: sub.tenant.id, Subscription: sub.id, Resource: strings.ToLower(t.id), Type: strings.ToLower(t.armKind()), Assignment: id, State: stateUnknown})
				}
				r := &list[len(list)-1]
				one := ResourcePolicy{Definition: strings.ToLower(st.c.r.def.id(sub.tenant)), Reference: strings.ToLower(st.c.r.ref), Effect: strings.ToLower(st.c.r.act()), State: st.state, Evaluated: st.at}
				if st.exempt != nil {
					one.Exemption = strings.ToLower(st.exempt.id)
				}
				r.Policies = append(r.Policies, one)
				if slices.Index(complianceRank, st.state) < slices.Index(complianceRank, r.State) {
					r.State = st.state
				}
			}
			for _, r := range list {
				if !yield(r) {
					return
				}
			}
		}
	}
}
