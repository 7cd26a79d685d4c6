package azuresim

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// GraphNeed is an account of one query that one principal asked about one governed tenant: with how
// many requests it was answered, and with how few it can be. What a client asks twice, or in smaller
// pages or batches than Resource Graph allows, is in Asked and not in Needed.
type GraphNeed struct {
	Owner         string `json:"owner"`  // of the bucket: the principal in the tenant of its token
	Tenant        string `json:"tenant"` // whose subscriptions were asked for; "" = of several
	Query         string `json:"query"`
	Subscriptions int    `json:"subscriptions"`
	Rows          int    `json:"rows"`
	Asked         int    `json:"asked"`
	Needed        int    `json:"needed"`
}

type graphNeedKey struct{ owner, tenant, query string }

// graphSize is what one set of subscriptions gave.
type graphSize struct{ subs, rows int }

// graphNeeds keeps the account since the start or the last reset.
type graphNeeds struct {
	mu    sync.Mutex
	asked map[graphNeedKey]int
	sizes map[graphNeedKey]map[uint64]graphSize // by the set of subscriptions
}

// note takes an answered request in.
func (g *graphNeeds) note(owner, query string, subs []*subscription, rows int) {
	key := graphNeedKey{owner, soleTenant(subs), query}
	var set uint64
	for _, sub := range subs {
		set = mix(set, sub.key)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked == nil {
		g.asked, g.sizes = map[graphNeedKey]int{}, map[graphNeedKey]map[uint64]graphSize{}
	}
	g.asked[key]++
	if g.sizes[key] == nil {
		g.sizes[key] = map[uint64]graphSize{}
	}
	g.sizes[key][set] = graphSize{len(subs), rows}
}

// soleTenant is the tenant of all subscriptions, if it is one.
func soleTenant(subs []*subscription) string {
	out := ""
	for i, sub := range subs {
		if i > 0 && sub.tenant.id != out {
			return ""
		}
		out = sub.tenant.id
	}
	return out
}

func (g *graphNeeds) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked, g.sizes = nil, nil
}

func (g *graphNeeds) list() []GraphNeed {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := []GraphNeed{}
	for key, asked := range g.asked {
		n := GraphNeed{Owner: key.owner, Tenant: key.tenant, Query: key.query, Asked: asked, Needed: 1}
		for _, size := range g.sizes[key] {
			n.Subscriptions += size.subs
			n.Rows += size.rows
		}
		n.Needed = max(1, pagesOf(n.Rows, graphPage), pagesOf(n.Subscriptions, graphSubscriptions))
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b GraphNeed) int {
		return cmp.Or(strings.Compare(a.Owner, b.Owner), strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.Query, b.Query))
	})
	return out
}

func pagesOf(n, size int) int { return (n + size - 1) / size }

// needed fills in what the queries would have cost at least, and the time in which that could be had.
func (s *Server) needed(b *Bound) {
	b.Graph = s.needs.list()
	byOwner := map[string]float64{}
	for _, n := range b.Graph {
		byOwner[n.Owner] += float64(n.Needed)
	}
	for _, k := range b.Buckets {
		if k.Kind == bucketGraph {
			b.GraphSeconds = max(b.GraphSeconds, (byOwner[k.Owner]-k.Initial)/k.Rate)
		}
	}
}
