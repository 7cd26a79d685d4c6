package azure

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

// The columns of every query. id must be among them, or Azure cuts the answer.
const (
	resourceQuery = "resources | project id, name, type, kind, location, resourceGroup, subscriptionId, managedBy, sku, identity, zones, tags, properties | order by id asc"
	// containers are subscriptions and resource groups: who they are missing
	// of may not be read, and their tags and locks belong to what is in them.
	containerQuery = "resourcecontainers | where type in~ ('microsoft.resources/subscriptions', 'microsoft.resources/subscriptions/resourcegroups') " +
		"| project id, name, type, location, resourceGroup, subscriptionId, managedBy, tags, properties | order by id asc"
	// toldQuery asks who may still be read.
	toldQuery = "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, subscriptionId | order by id asc"
	// adviceQuery has what was said of advice, too: postponed and excluded is not waste.
	adviceQuery = "advisorresources | where type in~ ('microsoft.advisor/suppressions', 'microsoft.advisor/configurations') " +
		"or (type =~ 'microsoft.advisor/recommendations' and properties.category =~ 'Cost') " +
		"| project id, name, type, subscriptionId, resourceGroup, properties | order by id asc"
	backupQuery = "recoveryservicesresources | where type =~ 'microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems' " +
		"| project id, name, type, location, resourceGroup, subscriptionId, properties | order by id asc"
	changeQuery = "resourcechanges | where todatetime(properties.changeAttributes.timestamp) > datetime(%s) " +
		"| project id, subscriptionId, resourceGroup, properties | order by id asc"
)

type graphResource struct {
	ID             string             `json:"id"`
	Name           string             `json:"name"`
	Type           string             `json:"type"`
	Kind           string             `json:"kind"`
	Location       string             `json:"location"`
	ResourceGroup  string             `json:"resourceGroup"`
	SubscriptionID string             `json:"subscriptionId"`
	ManagedBy      string             `json:"managedBy"`
	SKU            json.RawMessage    `json:"sku"`
	Identity       json.RawMessage    `json:"identity"`
	Zones          []string           `json:"zones"`
	Tags           map[string]*string `json:"tags"`
	Properties     json.RawMessage    `json:"properties"`
}

// Resources implements inventory.Source with Resource Graph: containers first,
// then resources by id, what is backed up, and Advisor's advice about cost.
func (c *Client) Resources(ctx context.Context, t fresnel.Tenant, subscriptions []string) iter.Seq2[inventory.Resource, error] {
	return func(yield func(inventory.Resource, error) bool) {
		for _, query := range []string{containerQuery, resourceQuery, backupQuery, adviceQuery} {
			for some := range slices.Chunk(subscriptions, graphSubs) {
				for row, err := range c.graphRows(ctx, t, some, query) {
					var r inventory.Resource
					if err == nil {
						r, err = parseResource(t.ID, row)
					}
					if !yield(r, err) || err != nil {
						return
					}
				}
			}
		}
	}
}

// Told implements inventory.Source.
func (c *Client) Told(ctx context.Context, t fresnel.Tenant, subscriptions []string) (map[string]bool, error) {
	told := map[string]bool{}
	for some := range slices.Chunk(subscriptions, graphSubs) {
		for row, err := range c.graphRows(ctx, t, some, toldQuery) {
			if err != nil {
				return nil, err
			}
			var g graphResource
			if err := json.Unmarshal(row, &g); err != nil {
				return nil, graphBroken("a row of Resource Graph cannot be read", &malformed{clip(err.Error())})
			}
			told[strings.ToLower(g.SubscriptionID)] = true
		}
	}
	return told, nil
}

func parseResource(t fresnel.TenantID, row json.RawMessage) (inventory.Resource, error) {
	var g graphResource
	if err := json.Unmarshal(row, &g); err != nil {
		return inventory.Resource{}, graphBroken("a row of Resource Graph cannot be read", &malformed{clip(err.Error())})
	}
	r := inventory.Resource{
		ID: g.ID, Tenant: t, Subscription: strings.ToLower(g.SubscriptionID), Group: strings.ToLower(g.ResourceGroup), Type: strings.ToLower(g.Type),
		Name: g.Name, Location: strings.ToLower(g.Location), Kind: g.Kind, ManagedBy: g.ManagedBy, Zones: g.Zones, Tags: map[string]string{},
	}
	if !strings.HasPrefix(r.ID, "/") || !fresnel.IsGUID(r.Subscription) || r.Type == "" {
		return r, graphBroken("a row of Resource Graph has no id, type or subscription", &malformed{"unexpected shape"}) // never the row itself: it may name a person
	}
	for k, v := range g.Tags {
		if r.Tags[k] = ""; v != nil {
			r.Tags[k] = *v
		}
	}
	var err error
	for _, one := range []struct {
		raw  json.RawMessage
		into *inventory.Value
	}{{g.SKU, &r.SKU}, {g.Identity, &r.Identity}, {g.Properties, &r.Properties}} {
		if len(one.raw) > 0 && err == nil {
			*one.into, err = inventory.ParseValue(one.raw)
		}
	}
	r.Properties = r.Properties.WithoutPeople()
	if created, perr := time.Parse(time.RFC3339, r.Properties.At("timeCreated").Text()); perr == nil {
		r.Created = created
	}
	return r, err
}
