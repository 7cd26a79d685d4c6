package azuresim

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Why a state changed.
const (
	causeAssignment = "assignmentAdded"
	causeUnassigned = "assignmentRemoved"
	causeResource   = "resourceAdded"
	causeDeleted    = "resourceRemoved"
	causeDrift      = "drift"
	causeFix        = "fix"
	causeExempted   = "exemptionAdded"
	causeExpired    = "exemptionExpired"
)

// ComplianceEvent is a change of the state of a resource under a definition of an assignment, when the
// answers begin to show it.
type ComplianceEvent struct {
	At           time.Time `json:"at"`
	Cause        string    `json:"cause"` // assignmentAdded, assignmentRemoved, resourceAdded, resourceRemoved, drift, fix, exemptionAdded or exemptionExpired
	Tenant       string    `json:"tenant"`
	Subscription string    `json:"subscription"`
	Resource     string    `json:"resource"`   // id in lower case
	Assignment   string    `json:"assignment"` // id in lower case
	Definition   string    `json:"definition"` // id in lower case
	Reference    string    `json:"reference"`
	From         string    `json:"from"` // "" = there was none
	To           string    `json:"to"`   // "" = there is none
}

// ComplianceEvents lists the changes of a subscription, or with "" of all, within (from, to]. What was
// created and deleted within it may be left out.
func (s *Server) ComplianceEvents(subscription string, from, to time.Time) []ComplianceEvent {
	out := []ComplianceEvent{}
	for _, sub := range s.some(subscription) {
		if !sub.unregistered(providerPolicy) {
			out = append(out, s.policies(sub, to).events(from, to)...)
		}
	}
	return out
}

// events looks at a state around each moment at which something could change it.
func (p *policies) events(from, to time.Time) []ComplianceEvent {
	var out []ComplianceEvent
	for i := range p.checks {
		c := &p.checks[i]
		for _, t := range p.targets {
			if !c.r.def.isFor(t) || !c.a.covers(t) {
				continue
			}
			for _, at := range p.moments(t, c, from, to) {
				before, had := p.evaluate(t, c, at.Add(-time.Microsecond))
				after, has := p.evaluate(t, c, at)
				if had == has && before.state == after.state {
					continue
				}
				out = append(out, ComplianceEvent{
					At: at, Cause: p.cause(c, at, before, after, had, has), Tenant: p.w.sub.tenant.id, Subscription: p.w.sub.id, Resource: strings.ToLower(t.id),
					Assignment: strings.ToLower(c.a.id), Definition: strings.ToLower(c.r.def.id(p.w.sub.tenant)), Reference: strings.ToLower(c.r.ref), From: before.state, To: after.state,
				})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b ComplianceEvent) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Resource, b.Resource), strings.Compare(a.Assignment, b.Assignment))
	})
	return out
}

// moments are the instants within (from, to] at which a state may begin, change or end.
func (p *policies) moments(t *policyTarget, c *policyCheck, from, to time.Time) []time.Time {
	var out []time.Time
	take := func(at time.Time) {
		if at.After(from) && !at.After(to) {
			out = append(out, at)
		}
	}
	take(c.firstSeen(t))
	take(t.dead)
	take(c.a.removed)
	for _, e := range c.exempt {
		if e.x.covers(t) {
			take(e.from)
			take(e.to)
		}
	}
	size := int64(driftSlot / time.Second)
	for slot := from.Unix()/size - 1; slot <= to.Unix()/size; slot++ {
		if seen, _, ok := p.drift(t, c, slot); ok {
			take(seen)
		}
	}
	if c.r.def.conflicts { // what another assignment wants begins and ends, too
		for i := range p.checks {
			if o := &p.checks[i]; o.r.def.conflicts && o.a != c.a {
				take(o.firstSeen(t))
				take(o.a.removed)
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// cause names what happened at a moment.
func (p *policies) cause(c *policyCheck, at time.Time, before, after policyState, had, has bool) string {
	switch {
	case !had && at.Equal(c.started):
		return causeAssignment
	case !had:
		return causeResource
	case !has && at.Equal(c.a.removed):
		return causeUnassigned
	case !has:
		return causeDeleted
	case after.exempt != nil && before.exempt == nil:
		return causeExempted
	case before.exempt != nil && after.exempt == nil:
		return causeExpired
	case after.state == stateNonCompliant || after.state == stateConflict:
		return causeDrift
	}
	return causeFix
}
