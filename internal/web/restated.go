package web

import (
	"context"
	"slices"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

// restatedOnCosts is how many restated days Costs lists; PathRestated has them all.
const restatedOnCosts = 5

// restatedOnPage is how many restated days PathRestated lists.
const restatedOnPage = 200

func (h handlers) restated(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	list, err := h.Reports.Restated(ctx, q.scope, q.ask, restatedOnPage+1)
	if err != nil {
		return nil, err
	}
	total := q.ask
	total.By, total.Versus, total.Against = cost.ByTenant, cost.VersusNone, fresnel.Period{}
	b, err := h.Reports.Breakdown(ctx, q.scope, total)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, b.Coverage, b.Known())
	if err != nil {
		return nil, err
	}
	fresh.Late, fresh.LastKnown = "", ""
	m := page.Restated{Region: page.Region{Query: q.query, Fresh: fresh}, Sub: days(q.ask.Period) + ", " + q.ask.Metric.String() + " cost", More: len(list) > restatedOnPage}
	list = list[:min(len(list), restatedOnPage)]
	if m.Rows, err = h.restatedRows(ctx, q, list); err != nil {
		return nil, err
	}
	switch {
	case len(list) > 0:
		m.Fresh.State = ready(m.Fresh)
		if !m.More {
			m.Totals = restatedTotals(list)
		}
	case fresh.State == page.Ready:
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "Nothing was restated", "No settled day of "+days(q.ask.Period)+" has changed since."
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV, s.NoVS = subtitle(q, b.Coverage), q.query.CSV("restated"), true
		return page.RestatedPage(s, m)
	}, nil
}

// restatedTotals adds the changes up by month and currency, newest month first.
func restatedTotals(list []cost.Restatement) []page.RestatedTotal {
	months := cost.RestatedMonths(list)
	var out []page.RestatedTotal
	for _, m := range months[:min(len(months), 8)] {
		out = append(out, page.RestatedTotal{
			Month: m.Month.Time().Format("January 2006") + ", " + m.Currency, Change: page.SignedMoney(m.Micros, m.Currency, false), Note: page.Plural(m.Changes, "change", "changes"),
		})
	}
	return out
}

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
