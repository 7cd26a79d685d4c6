package api

import (
	"context"
	"strconv"

	"fresnel"
	"fresnel/internal/inventory"
)

// ManagementGroup is a group of subscriptions and of other groups.
type ManagementGroup struct {
	TenantID      string  `json:"tenant_id"`
	TenantName    string  `json:"tenant_name"`
	ID            string  `json:"id" doc:"Empty for subscriptions of which no group was told"`
	Name          string  `json:"name"`
	ParentID      string  `json:"parent_id,omitempty"`
	Depth         int     `json:"depth" doc:"Of the root 0"`
	Subscriptions int     `json:"subscriptions" doc:"In it and below it"`
	Resources     int     `json:"resources" doc:"In all of these"`
	Direct        []Named `json:"direct_subscriptions" doc:"Subscriptions in this very group"`
}

// Named is something with a name.
type Named struct {
	ID   string `json:"id" doc:"GUID"`
	Name string `json:"name" doc:"Display name"`
}

type managementGroupsOutput struct {
	Body struct {
		Data []ManagementGroup `json:"data" doc:"Each group before those below it"`
		Meta InventoryMeta     `json:"meta"`
	}
}

func (h handlers) managementGroups(ctx context.Context, in *budgetsInput) (*managementGroupsOutput, error) {
	s, _, err := h.ask(ctx, CostInput{Tenant: in.Tenant})
	if err != nil {
		return nil, err
	}
	reads, err := h.Inventory.Reader.Coverage(ctx, s)
	if err != nil {
		return nil, err
	}
	tree, err := h.Inventory.ManagementGroups(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &managementGroupsOutput{}
	out.Body.Meta = h.inventoryMeta(reads)
	out.Body.Meta.Total = len(tree)
	out.Body.Data = make([]ManagementGroup, len(tree))
	for i, g := range tree {
		o := ManagementGroup{
			TenantID: string(g.Tenant), TenantName: g.TenantName, ID: g.ID, Name: g.Name, ParentID: g.Parent, Depth: g.Depth,
			Subscriptions: g.Below, Resources: g.Resources, Direct: []Named{},
		}
		for _, sub := range g.Subscriptions {
			o.Direct = append(o.Direct, Named{sub.Subscription, sub.SubscriptionName})
		}
		out.Body.Data[i] = o
	}
	return out, nil
}

func (h handlers) managementGroupsCSV(ctx context.Context, in *budgetsInput) (table, error) {
	out, err := h.managementGroups(ctx, in)
	if err != nil {
		return table{}, err
	}
	return table{[]string{"tenant_id", "tenant", "id", "name", "parent_id", "depth", "subscriptions", "resources"}, all(out.Body.Data, func(g ManagementGroup) []string {
		return []string{g.TenantID, text(g.TenantName), text(g.ID), text(g.Name), text(g.ParentID), strconv.Itoa(g.Depth), strconv.Itoa(g.Subscriptions), strconv.Itoa(g.Resources)}
	})}, nil
}

// inGroup narrows subscriptions to those below a management group.
func (h handlers) inGroup(ctx context.Context, s fresnel.Scope, id string, subs []string) ([]string, error) {
	tree, err := h.Inventory.ManagementGroups(ctx, s)
	if err != nil {
		return nil, err
	}
	below, err := inventory.SubscriptionsBelow(tree, id)
	if err != nil || len(subs) == 0 {
		return below, err
	}
	kept := []string{"none"} // no filter would be all of them
	for _, sub := range subs {
		for _, b := range below {
			if sub == b {
				kept = append(kept, b)
			}
		}
	}
	return kept, nil
}
