package web

import (
	"context"
	"slices"

	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

// restatedOnCosts is how many restated days Costs lists; PathRestated has them all.
const restatedOnCosts = 5

func (h handlers) restatedRows(ctx context.Context, q *request, list []cost.Restatement) ([]page.RestatedDay, error) {
	var ids []string
	for _, r := range list {
		ids = append(ids, r.Subscription)
	}
	slices.Sort(ids)
	named, err := h.Tenants.SubscriptionsByID(ctx, q.scope, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	var out []page.RestatedDay
	for _, r := range list {
		change := page.Delta{Text: page.SignedMoney(r.New-r.Old, r.Currency, false), Rise: 1}
		if r.New < r.Old {
			change.Rise = -1
		}
		out = append(out, page.RestatedDay{
			Day: r.Day.Time().Format("2 Jan 2006"), Name: tenantName(q, r.Tenant), Detail: subscriptions(named).name(r.Subscription),
			Before: page.Money(r.Old, r.Currency, false), After: page.Money(r.New, r.Currency, false), Change: change, NoticedAt: r.Seen,
		})
	}
	return out, nil
}
