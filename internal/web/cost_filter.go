package web

import (
	"context"
	"slices"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

// chips are the filters that are on, each with the address without it.
func chips(q *request) []page.Chip {
	var out []page.Chip
	chip := func(label string, change func(*page.Filters)) {
		f := page.Filters{Subs: slices.Clone(q.query.Subs), Services: slices.Clone(q.query.Services), RGs: slices.Clone(q.query.RGs), Charges: slices.Clone(q.query.Charges)}
		change(&f)
		out = append(out, page.Chip{Label: label, URL: q.query.WithFilters(f).URL(page.PathCosts)})
	}
	if len(q.chosen) == 1 {
		out = append(out, page.Chip{Label: "Tenant: " + tenantName(q, q.chosen[0]), URL: q.query.WithTenants().WithFilters(page.Filters{Services: q.query.Services, Charges: q.query.Charges}).WithGroup(wider(q)).URL(page.PathCosts)})
	}
	for i, v := range q.query.Subs {
		chip("Subscription: "+subscriptions(q.subs).name(v), func(f *page.Filters) { f.Subs = slices.Delete(f.Subs, i, i+1) })
	}
	for i, v := range q.query.Services {
		chip("Service: "+v, func(f *page.Filters) { f.Services = slices.Delete(f.Services, i, i+1) })
	}
	for i, v := range q.query.RGs {
		chip("Resource group: "+groupName(v), func(f *page.Filters) { f.RGs = slices.Delete(f.RGs, i, i+1) })
	}
	for i, v := range q.query.Charges {
		chip("Charge type: "+v, func(f *page.Filters) { f.Charges = slices.Delete(f.Charges, i, i+1) })
	}
	return out
}

// wider is the group without a tenant: resource groups and resources are told of one only.
func wider(q *request) string {
	if q.query.Group == "resource-group" || q.query.Group == "resource" {
		return ""
	}
	return q.query.Group
}

func groupName(v string) string {
	if v == "" {
		return "Not in a resource group"
	}
	return v
}

// choicesShown is how many values of a filter are offered, the most expensive first.
const choicesShown = 50

// choices are the filters that can be added: what is held of the question without each of them.
func (h handlers) choices(ctx context.Context, q *request) ([]page.Choices, error) {
	services := page.Choices{Title: "Service", Name: "service"}
	groups := page.Choices{Title: "Resource group", Name: "resource_group"}
	charges := page.Choices{Title: "Charge type", Name: "charge_type"}
	var err error
	a := q.ask
	a.Services = nil
	if services.Options, err = h.options(ctx, q.scope, a, cost.ByService, q.query.Services, func(r cost.Row) string { return r.Service }); err != nil {
		return nil, err
	}
	a = q.ask
	a.Groups = nil
	switch {
	case len(q.query.Charges) > 0 || q.query.Group == "charge-type":
		groups.Note = "Azure does not tell it beside the charge type."
	case !q.narrow():
		groups.Note = "Choose one tenant to filter by resource group."
	default:
		if groups.Options, err = h.options(ctx, q.scope, a, cost.ByGroup, q.query.RGs, func(r cost.Row) string { return r.Group }); err != nil {
			return nil, err
		}
	}
	if len(q.query.RGs) > 0 || q.query.Group == "resource-group" || q.query.Group == "resource" {
		charges.Note = "Azure tells it only beside the service, not beside resource groups and resources."
	} else {
		charges.Options = chargeTypes(q.query.Charges)
	}
	return []page.Choices{services, groups, charges}, nil
}

// chargeTypes are the types that Azure names. They are not looked up in what is held: no sum over all tenants is kept by
// charge type, so that it would take longer than the rest of the page.
func chargeTypes(on []string) []page.Choice {
	names := []string{cost.ChargeUsage, cost.ChargePurchase, cost.ChargeRefund, cost.ChargeUnusedReservation, cost.ChargeUnusedSavingsPlan, cost.ChargeRounding}
	for _, v := range on {
		if !slices.Contains(names, v) {
			names = append(names, v)
		}
	}
	var out []page.Choice
	for _, v := range names {
		out = append(out, page.Choice{Value: v, Label: v, Chosen: slices.Contains(on, v)})
	}
	return out
}

// options are the values of a key, those that are on first.
func (h handlers) options(ctx context.Context, s fresnel.Scope, a cost.Ask, by cost.By, on []string, value func(cost.Row) string) ([]page.Choice, error) {
	a.By, a.Versus, a.Against = by, cost.VersusNone, fresnel.Period{}
	b, err := h.Reports.Breakdown(ctx, s, a)
	if err != nil {
		return nil, err
	}
	var out []page.Choice
	for _, v := range on {
		out = append(out, page.Choice{Value: v, Label: v, Chosen: true})
	}
	for _, r := range b.Rows {
		if v := value(r); len(out) < choicesShown && !slices.Contains(on, v) {
			out = append(out, page.Choice{Value: v, Label: v})
		}
	}
	for i := range out {
		if by == cost.ByGroup {
			out[i].Label = groupName(out[i].Value)
		}
	}
	return out, nil
}
