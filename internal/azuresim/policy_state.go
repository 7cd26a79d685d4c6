package azuresim

import (
	"cmp"
	"slices"
	"time"
)

// The states of compliance, as Azure spells them.
const (
	stateNonCompliant = "NonCompliant"
	stateCompliant    = "Compliant"
	stateConflict     = "Conflict"
	stateExempt       = "Exempt"
	stateUnknown      = "Unknown"
)

// When things show.
const (
	scanEvery       = 24 * time.Hour   // of everything
	assignmentDelay = 30 * time.Minute // until a new assignment or exemption is evaluated, at most
	resourceDelay   = 15 * time.Minute // until a created or changed resource is, at most
)

// driftSlot is how often a resource's compliance with a definition may change, and driftRarity in how
// many slots it does. What happens at the end of a slot would be seen in the next one: it does not.
const (
	driftSlot   = 30 * 24 * time.Hour
	driftRarity = 16
)

func delay(key uint64, most time.Duration) time.Duration {
	return time.Duration(1+below(key, int(most/time.Second)-1)) * time.Second
}

// lastScan is when a subscription was last scanned as a whole; each has its hour.
func (s *subscription) lastScan(at time.Time) time.Time {
	phase := time.Duration(below(mix(s.key, label("policy scan")), int(scanEvery/time.Second))) * time.Second
	return at.Add(-phase).Truncate(scanEvery).Add(phase).UTC()
}

// nextScan is the first scan at or after an instant.
func (s *subscription) nextScan(at time.Time) time.Time {
	if last := s.lastScan(at); last.Equal(at) {
		return last
	}
	return s.lastScan(at).Add(scanEvery)
}

// policyCheck is a definition of an assignment in force on a subscription, with what all of its states share.
type policyCheck struct {
	a       *policyAssignment
	r       *policyRef
	key     uint64
	asks    uint64    // what the definition asks: the same by whatever assignment
	started time.Time // when the assignment was first evaluated
	exempt  []exemptRange
}

// exemptRange is an exemption, and when states show it.
type exemptRange struct {
	x        *policyExemption
	from, to time.Time // a zero to: for ever
}

// checks are those of all assignments.
func (p *policies) newChecks() []policyCheck {
	var out []policyCheck
	for _, a := range p.assignments {
		key := label(a.id)
		started := a.created.Add(delay(mix(p.w.sub.key, key, 1), assignmentDelay))
		for _, r := range a.refs {
			if r.act() == effectDisabled {
				continue
			}
			c := policyCheck{a: a, r: r, key: mix(key, label(r.ref), label(r.def.display)), asks: mix(label("policy"), label(r.def.display), label(r.tag)), started: started}
			for _, x := range p.exemptions {
				if x.of.id == a.id && (len(x.refs) == 0 || slices.Contains(x.refs, r.ref)) {
					from, to := x.seen(p.w.sub)
					c.exempt = append(c.exempt, exemptRange{x, from, to})
				}
			}
			out = append(out, c)
		}
	}
	return out
}

// policyState is the state of a target under a definition of an assignment.
type policyState struct {
	t      *policyTarget
	c      *policyCheck
	state  string
	at     time.Time // of the evaluation
	exempt *policyExemption
}

// name is unique among the states of a target.
func (s *policyState) name() string { return guid(mix(s.c.key, s.t.key)) }

func (s *policyState) id() string { return s.t.prefix + s.name() }

// order sorts as names do.
func (s *policyState) order() uint64 { return mix(s.c.key, s.t.key, 1)&^0xf000 | 0x4000 }

// firstSeen is when an assignment was first evaluated for a target.
func (c *policyCheck) firstSeen(t *policyTarget) time.Time {
	if born := t.born.Add(delay(mix(t.key, 7), resourceDelay)); born.After(c.started) {
		return born
	}
	return c.started
}

// drift is a change of compliance within a slot: when it is seen, and what is so from then on.
func (p *policies) drift(t *policyTarget, c *policyCheck, slot int64) (seen time.Time, fails, ok bool) {
	key := mix(c.asks, t.key)
	key = mix(key, uint64(slot))
	if mix(key, 1)%driftRarity != 0 {
		return seen, false, false
	}
	when := time.Unix(slot*int64(driftSlot/time.Second), 0).Add(time.Duration(below(mix(key, 2), int((driftSlot-2*scanEvery)/time.Second))) * time.Second).UTC()
	if mix(key, 3)%2 == 0 {
		seen = when.Add(delay(mix(key, 4), resourceDelay)) // somebody wrote the resource
	} else {
		seen = p.w.sub.nextScan(when) // something beside it changed
	}
	return seen, unit(mix(key, 5)) < max(3*p.likely(t, c), 0.02), true
}

// likely is how likely a target is not to comply with a definition at first. Most of what does not comply
// belongs to the few resources that nobody looks after; how many those are depends on the tenant. What people
// exempt mostly does not comply: why else would they.
func (p *policies) likely(t *policyTarget, c *policyCheck) float64 {
	if slices.ContainsFunc(c.exempt, func(e exemptRange) bool { return e.x.covers(t) }) {
		return 0.7
	}
	few := 0.01 + 0.16*unit(mix(label(p.w.sub.tenant.id), label("neglect")))
	if unit(mix(t.key, label("neglected"))) < few {
		return min(0.95, 3*c.r.def.fails)
	}
	return c.r.def.fails / 40
}

// fails says whether a target does not comply, as last evaluated; seen is zero if that never changed.
func (p *policies) fails(t *policyTarget, c *policyCheck, at time.Time) (fails bool, seen time.Time) {
	size := int64(driftSlot / time.Second)
	for slot := at.Unix() / size; slot > t.born.Unix()/size; slot-- {
		if seen, fails, ok := p.drift(t, c, slot); ok && !seen.After(at) && seen.After(t.born.Add(resourceDelay)) {
			return fails, seen
		}
	}
	return unit(mix(c.asks, t.key, 6)) < p.likely(t, c), seen
}

// evaluate gives a target's state; ok is false if there is none.
func (p *policies) evaluate(t *policyTarget, c *policyCheck, at time.Time) (s policyState, ok bool) {
	if !c.r.def.isFor(t) || !t.exists(at) || !c.a.inForce(at) || !c.a.covers(t) {
		return s, false
	}
	first := c.firstSeen(t)
	if at.Before(first) {
		return s, false
	}
	s = policyState{t: t, c: c, state: stateCompliant, at: p.w.sub.lastScan(at)}
	if first.After(s.at) {
		s.at = first
	}
	switch {
	case c.r.act() == effectManual: // unless somebody attests it, nobody knows
		if mix(c.asks, t.key, label("attested"))%3 != 0 {
			s.state = stateUnknown
		}
	case c.r.def.conflicts && p.contradicted(t, c.a, at):
		s.state = stateConflict
	default:
		fails, seen := p.fails(t, c, at)
		if fails {
			s.state = stateNonCompliant
		}
		if seen.After(s.at) {
			s.at = seen
		}
	}
	for _, e := range c.exempt {
		if e.x.covers(t) && !at.Before(e.from) && (e.to.IsZero() || at.Before(e.to)) {
			s.state, s.exempt = stateExempt, e.x
			if e.from.After(s.at) {
				s.at = e.from
			}
			break
		}
	}
	return s, true
}

// contradicted says whether another assignment wants another value for what this one sets.
func (p *policies) contradicted(t *policyTarget, a *policyAssignment, at time.Time) bool {
	if mix(t.key, label("conflict"))%3 != 0 {
		return false
	}
	return slices.ContainsFunc(p.checks, func(c policyCheck) bool {
		return c.a != a && c.r.def.conflicts && c.a.inForce(at) && !at.Before(c.firstSeen(t)) && c.a.covers(t)
	})
}

// states are all of a subscription at an instant, ordered by id.
func (p *policies) states(at time.Time) []policyState {
	if p.w.sub.unregistered(providerPolicy) {
		return nil
	}
	var out []policyState
	for _, t := range p.targets {
		if !t.exists(at) {
			continue
		}
		from := len(out)
		for i := range p.checks {
			if s, ok := p.evaluate(t, &p.checks[i], at); ok {
				out = append(out, s)
			}
		}
		slices.SortFunc(out[from:], func(a, b policyState) int { return cmp.Compare(a.order(), b.order()) })
	}
	return out
}

// Providers with which a subscription may not be registered.
const (
	providerPolicy   = "Microsoft.PolicyInsights"
	providerSecurity = "Microsoft.Security"
)

// unregistered says whether a subscription does not know a provider: one of the sixth tenant's has no
// policy states, one of the third's no Defender for Cloud.
func (s *subscription) unregistered(provider string) bool {
	if s.index == 0 || s.index != len(s.tenant.subs)-1 {
		return false
	}
	return provider == providerPolicy && s.tenant.index%6 == 5 || provider == providerSecurity && s.tenant.index%6 == 2
}
