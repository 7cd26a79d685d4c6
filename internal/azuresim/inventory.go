package azuresim

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// inventory is what a test changed in the estate's resources, and the worlds that were last looked at.
type inventory struct {
	mu     sync.Mutex
	denied map[string]bool // subscriptions that nobody may read any more
	edits  map[string][]edit

	// The pages of an answer ask for the same worlds again and again. They are kept, up to
	// worldItems resources.
	worlds map[worldKey]*world
	order  []worldKey
	items  int
}

type worldKey struct {
	sub   *subscription
	when  time.Time
	edits int
}

// worldItems bounds the kept worlds: about 30 MB.
const worldItems = 40_000

// world computes a subscription's resources around an instant, with the edits. Nobody changes the result.
func (s *Server) world(sub *subscription, at time.Time) *world {
	inv := s.inventory
	inv.mu.Lock()
	edits := inv.edits[sub.id]
	key := worldKey{sub, at.UTC().Round(0), len(edits)}
	w := inv.worlds[key]
	inv.mu.Unlock()
	if w != nil {
		return w
	}
	w = s.estate.newWorld(sub, at)
	w.edit(edits)
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.keep(key, w)
	return w
}

// keep takes a world in and lets go of others: first of those of another instant, the oldest first, and
// then of the latest, because a list that is longer than what is kept is asked for in a circle.
func (inv *inventory) keep(key worldKey, w *world) {
	if inv.worlds[key] != nil {
		return
	}
	for inv.items+len(w.items) > worldItems && len(inv.order) > 0 {
		i := 0
		if inv.order[0].when.Equal(key.when) {
			i = len(inv.order) - 1
		}
		inv.items -= len(inv.worlds[inv.order[i]].items)
		delete(inv.worlds, inv.order[i])
		inv.order = slices.Delete(inv.order, i, i+1)
	}
	inv.worlds[key] = w
	inv.order = append(inv.order, key)
	inv.items += len(w.items)
}

// Resource is a resource of the estate as Resource Graph gives it at an instant, or the tombstone of one.
type Resource struct {
	ID             string         `json:"id"`
	Name           string         `json:"name"`
	Type           string         `json:"type"` // lower case
	TenantID       string         `json:"tenantId"`
	SubscriptionID string         `json:"subscriptionId"`
	ResourceGroup  string         `json:"resourceGroup"` // lower case
	Location       string         `json:"location"`
	Kind           string         `json:"kind"`
	ManagedBy      string         `json:"managedBy"`
	SKU            any            `json:"sku"`
	Plan           any            `json:"plan"`
	Properties     any            `json:"properties"`
	Tags           map[string]any `json:"tags"` // nil = null
	Identity       any            `json:"identity"`
	Zones          any            `json:"zones"`
	Created        time.Time      `json:"created"`
	Deleted        *time.Time     `json:"deleted,omitempty"` // of a tombstone, which has the last state
}

// Inventory calls yield for every resource of a subscription, or with "" of all, that is alive at an
// instant, ordered by id, and after those of a subscription for its tombstones: what was deleted in the
// 31 days before. It stops at the first false. A zero instant is the clock's now.
func (s *Server) Inventory(subscription string, at time.Time, yield func(Resource) bool) {
	if at.IsZero() {
		at = s.clock.Now()
	}
	for _, sub := range s.some(subscription) {
		w := s.world(sub, at)
		for _, it := range w.items {
			if it.alive(at) && it.kind != typeProtected && !yield(it.resource(at)) {
				return
			}
		}
		for _, it := range w.items {
			if it.dead.IsZero() || at.Before(it.dead) || at.Sub(it.dead) > tombstoneAge {
				continue
			}
			r := it.resource(it.dead.Add(-time.Microsecond))
			r.Deleted = &it.dead
			if !yield(r) {
				return
			}
		}
	}
}

// some are the subscriptions of the estate: all, or the one that is named.
func (s *Server) some(id string) []*subscription {
	var out []*subscription
	for _, t := range s.estate.tenants {
		for _, sub := range t.subs {
			if id == "" || strings.EqualFold(id, sub.id) {
				out = append(out, sub)
			}
		}
	}
	return out
}

func (it *item) resource(at time.Time) Resource {
	b := it.at(at)
	text := func(k string) string { v, _ := b[k].(string); return v }
	tags, _ := b["tags"].(map[string]any)
	return Resource{
		ID: it.id, Name: it.name, Type: strings.ToLower(it.kind), TenantID: it.w.sub.tenant.id, SubscriptionID: it.w.sub.id,
		ResourceGroup: strings.ToLower(groupColumn(it.group)), Location: text("location"), Kind: text("kind"), ManagedBy: text("managedBy"),
		SKU: b["sku"], Plan: b["plan"], Properties: b["properties"], Tags: tags, Identity: b["identity"], Zones: b["zones"], Created: it.born,
	}
}

// Changes lists what happened to a subscription's resources ("" = of all) within (from, to], as far as
// the 31 days before to. Resource Graph shows it up to five minutes later, and for 14 days.
func (s *Server) Changes(subscription string, from, to time.Time) []Change {
	out := []Change{}
	for _, sub := range s.some(subscription) {
		out = append(out, s.world(sub, to).changes(from, to)...)
	}
	return out
}

// Waste lists the labels at an instant (zero = the clock's now), by subscription. A resource that is
// not alive has none.
func (s *Server) Waste(at time.Time) []Waste {
	if at.IsZero() {
		at = s.clock.Now()
	}
	out := []Waste{}
	for _, sub := range s.some("") {
		out = append(out, s.world(sub, at).labels(at)...)
	}
	return out
}

// CountTypes counts the resources that are alive at an instant by type.
func (s *Server) CountTypes(at time.Time) map[string]int {
	out := map[string]int{}
	for _, sub := range s.some("") {
		for _, it := range s.world(sub, at).alive(at) {
			if it.kind != typeProtected {
				out[strings.ToLower(it.kind)]++
			}
		}
	}
	return out
}

// ResourceGroup is a resource group as Resource Graph gives it.
type ResourceGroup struct {
	ID             string         `json:"id"`
	Name           string         `json:"name"`
	SubscriptionID string         `json:"subscriptionId"`
	ManagedBy      string         `json:"managedBy"`
	Tags           map[string]any `json:"tags"` // nil = null
}

// ResourceGroups lists the groups of a subscription, or with "" of all, that exist at an instant.
func (s *Server) ResourceGroups(subscription string, at time.Time) []ResourceGroup {
	out := []ResourceGroup{}
	for _, sub := range s.some(subscription) {
		w := s.world(sub, at)
		for _, g := range w.groups {
			if g.exists(at) {
				out = append(out, ResourceGroup{g.id, g.displayName(), sub.id, g.managedBy, w.groupTags(g, at)})
			}
		}
	}
	return out
}
