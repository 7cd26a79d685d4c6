package azuresim

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// policyCache keeps the policies of the subscriptions that were last looked at: the pages of an answer
// ask for the same one again.
type policyCache struct {
	mu    sync.Mutex
	order []*world
	held  map[*world]*policies
}

// policiesKept bounds the cache: a subscription's policies are about 50 KB.
const policiesKept = 16

// policies are what is in force on a subscription. Nobody changes the result.
func (s *Server) policies(sub *subscription, at time.Time) *policies {
	w := s.world(sub, at)
	c := &s.policy
	c.mu.Lock()
	p := c.held[w]
	c.mu.Unlock()
	if p != nil {
		return p
	}
	p = newPolicies(w)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = map[*world]*policies{}
	}
	if c.held[w] == nil {
		if len(c.order) == policiesKept {
			delete(c.held, c.order[0])
			c.order = c.order[1:]
		}
		c.held[w] = p
		c.order = append(c.order, w)
	}
	return p
}

// definitions are all that the estate knows: Microsoft's and those of each tenant's own.
func (e *estate) definitions() []*policyDef {
	var out []*policyDef
	for _, m := range []map[string]*policyDef{builtinPolicies, customPolicies} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			out = append(out, m[k])
		}
	}
	for _, s := range e.padSets() {
		for _, r := range s.refs {
			out = append(out, r.def)
		}
	}
	slices.SortFunc(out, func(a, b *policyDef) int { return strings.Compare(a.guid(), b.guid()) })
	return out
}

// initiatives are all that the estate knows.
func (e *estate) initiatives() []*policySet {
	return append([]*policySet{setBenchmark, setCIS, setISO, setTags}, e.padSets()...)
}

// padSets are enough initiatives of padding for any subscription: one of few resources needs the most.
func (e *estate) padSets() []*policySet {
	var out []*policySet
	if e.policyStates > 0 {
		for i := range e.policyStates/(padRefs*20) + 1 {
			out = append(out, padSet(i))
		}
	}
	return out
}
