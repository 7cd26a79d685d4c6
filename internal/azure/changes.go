package azure

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

type graphChange struct {
	ID             string `json:"id"`
	SubscriptionID string `json:"subscriptionId"`
	ResourceGroup  string `json:"resourceGroup"`
	Properties     struct {
		TargetResourceID   string `json:"targetResourceId"`
		TargetResourceType string `json:"targetResourceType"`
		ChangeType         string `json:"changeType"`
		ChangeAttributes   struct {
			Timestamp     time.Time `json:"timestamp"`
			ChangedBy     string    `json:"changedBy"`
			ChangedByType string    `json:"changedByType"`
		} `json:"changeAttributes"`
		Changes map[string]struct {
			Previous json.RawMessage `json:"previousValue"`
			New      json.RawMessage `json:"newValue"`
		} `json:"changes"`
	} `json:"properties"`
}

// Changes implements inventory.ChangeSource with Resource Graph, which tells of
// a fortnight.
func (c *Client) Changes(ctx context.Context, t fresnel.Tenant, subscriptions []string, since time.Time) iter.Seq2[inventory.Change, error] {
	if oldest := c.cfg.Now().Add(-inventory.ChangesKept); since.Before(oldest) {
		since = oldest
	}
	query := fmt.Sprintf(changeQuery, since.UTC().Format("2006-01-02T15:04:05Z"))
	return func(yield func(inventory.Change, error) bool) {
		for some := range slices.Chunk(subscriptions, graphSubs) {
			for row, err := range c.graphRows(ctx, t, some, query) {
				var ch inventory.Change
				if err == nil {
					ch, err = parseChange(t.ID, row)
				}
				if !yield(ch, err) || err != nil {
					return
				}
			}
		}
	}
}

var changeTypes = map[string]inventory.ChangeKind{"create": inventory.Created, "update": inventory.Updated, "delete": inventory.Deleted}

func parseChange(t fresnel.TenantID, row json.RawMessage) (inventory.Change, error) {
	var g graphChange
	if err := json.Unmarshal(row, &g); err != nil {
		return inventory.Change{}, graphBroken("a change cannot be read", &malformed{clip(err.Error())})
	}
	p := g.Properties
	ch := inventory.Change{
		ID: p.TargetResourceID, Ref: strings.ToLower(g.ID), Tenant: t, Subscription: strings.ToLower(g.SubscriptionID), Group: strings.ToLower(g.ResourceGroup),
		Type: strings.ToLower(p.TargetResourceType), Kind: changeTypes[strings.ToLower(p.ChangeType)], At: p.ChangeAttributes.Timestamp.UTC(),
		Actor: actorOf(p.ChangeAttributes.ChangedByType, p.ChangeAttributes.ChangedBy),
	}
	if !strings.HasPrefix(ch.ID, "/") || !fresnel.IsGUID(ch.Subscription) || ch.Kind == "" || ch.At.IsZero() {
		return ch, graphBroken("a change has no resource, subscription, kind or time", &malformed{"unexpected shape"}) // never the row itself: it may name a person
	}
	var values []inventory.ValueChange
	for path, v := range p.Changes {
		values = append(values, inventory.ValueChange{Path: path, Before: valueText(path, v.Previous), After: valueText(path, v.New)})
	}
	ch.SetValues(values)
	return ch, nil
}

// actorOf drops the address by which Azure names people.
func actorOf(kind, by string) inventory.Actor {
	switch strings.ToLower(kind) {
	case "user":
		return inventory.Actor{Kind: inventory.ByPerson}
	case "application":
		a := inventory.Actor{Kind: inventory.ByApp}
		if fresnel.IsGUID(by) {
			a.App = strings.ToLower(by)
		}
		return a
	case "system":
		return inventory.Actor{Kind: inventory.ByPlatform}
	}
	return inventory.Actor{Kind: inventory.ByUnknown}
}

// valueText is a value as text, without people: a text without its quotes,
// nothing as "".
func valueText(path string, raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	v, err := inventory.ParseValue(raw)
	if err != nil {
		return ""
	}
	if !inventory.OfCustomer(path) {
		v = v.WithoutPeople()
	}
	if v.Text() != "" || v.Empty() {
		return v.Text()
	}
	text, _ := v.MarshalJSON() // what was parsed marshals
	return string(text)
}
