package azuresim

import (
	"strings"
	"time"
)

// Tagged is what carries tags, or could: a subscription, a resource group or a resource.
type Tagged struct {
	ID             string         `json:"id"`
	Type           string         `json:"type"` // lower case
	Tenant         string         `json:"tenant"`
	SubscriptionID string         `json:"subscriptionId"`
	ResourceGroup  string         `json:"resourceGroup"` // lower case; "" of a subscription
	Tags           map[string]any `json:"tags"`          // nil = null
}

// Tags calls line with a [Tagged] for all that is alive at an instant, subscription by subscription: the
// subscription itself, its resource groups, its resources. A zero instant is the clock's now.
func (s *Server) Tags(subscription string, at time.Time, line func(any) bool) {
	if at.IsZero() {
		at = s.clock.Now()
	}
	for _, sub := range s.some(subscription) {
		w := s.world(sub, at)
		if sub.state == stateDeleted {
			continue
		}
		one := func(id, kind, group string, tags map[string]any) bool {
			return line(Tagged{id, strings.ToLower(kind), sub.tenant.id, sub.id, strings.ToLower(groupColumn(group)), tags})
		}
		if !one("/subscriptions/"+sub.id, "microsoft.resources/subscriptions", "", map[string]any{"env": sub.env}) {
			return
		}
		for _, g := range w.groups {
			if g.exists(at) && !one(g.id, "microsoft.resources/subscriptions/resourcegroups", g.name, w.groupTags(g, at)) {
				return
			}
		}
		for _, it := range w.items {
			if !it.alive(at) || it.kind == typeProtected {
				continue
			}
			tags, _ := it.at(at)["tags"].(map[string]any)
			if !one(it.id, it.kind, it.group, tags) {
				return
			}
		}
	}
}

// ProtectedItems calls yield for what vaults back up, as the table recoveryservicesresources has it at an instant.
func (s *Server) ProtectedItems(subscription string, at time.Time, yield func(Resource) bool) {
	if at.IsZero() {
		at = s.clock.Now()
	}
	for _, sub := range s.some(subscription) {
		for _, it := range s.world(sub, at).items {
			if it.alive(at) && it.kind == typeProtected && !yield(it.resource(at)) {
				return
			}
		}
	}
}
