package web

import (
	"context"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

func (h handlers) overview(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	m := page.Overview{}
	var err error
	q.query.Sort, q.query.Cursor = "", ""
	if q.query.Group != "service" {
		q.query.Group, q.ask.By = "", cost.ByTenant
	}
	tenants := *q
	tenants.query.Group, tenants.ask.By = "", cost.ByTenant
	b, err := h.Reports.Breakdown(ctx, q.scope, tenants.ask)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, b.Coverage, b.Known())
	if err != nil {
		return nil, err
	}
	trend, err := h.Reports.Trend(ctx, q.scope, q.ask, false)
	if err != nil {
		return nil, err
	}
	found, err := h.Reports.Anomalies(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	m.Summary = h.summaryModel(q, b, trend, fresh)
	m.Chart = h.chartModel(q, trend, found, fresh)
	m.Chart.Groups = []string{"tenant", "service"}
	m.Tenants = h.breakdownModel(&tenants, b, fresh, slotsOf(trend), nil)
	m.Anomalies = h.anomaliesModel(q, found, fresh, anomaliesOnOverview)
	if m.Freshness, err = h.freshnessModel(ctx, q, 8); err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component { s.Sub = subtitle(q, b.Coverage); return page.OverviewPage(s, m) }, nil
}

// firstRun stands in the place of every page while no tenant is registered.
func firstRun(s page.Shell) templ.Component { return page.FirstRunPage(s) }

// subtitle says what a page's figures are of: how much, and when.
func subtitle(q *request, c cost.Coverage) string {
	subs := 0
	for _, t := range c.Tenants {
		subs += t.Subscriptions
	}
	parts := []string{page.Plural(len(c.Tenants), "tenant", "tenants"), page.Plural(subs, "subscription", "subscriptions"), periodWords(q) + ", UTC days"}
	if subs == 0 { // not known before the first sync
		parts = slices.Delete(parts, 1, 2)
	}
	return strings.Join(parts, " · ")
}

// periodWords names the period: "month to date", "3–5 Nov 2026".
func periodWords(q *request) string {
	if q.query.From != "" {
		return page.Days(q.ask.Period.From.Time(), (q.ask.Period.To - 1).Time())
	}
	words := map[string]string{
		"": "month to date", "last-month": "last month", "7d": "last 7 days", "30d": "last 30 days", "90d": "last 90 days", "ytd": "year to date",
	}
	return words[q.query.Period]
}

func (h handlers) costs(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	b, err := h.Reports.Breakdown(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, b.Coverage, b.Known())
	if err != nil {
		return nil, err
	}
	trend, err := h.Reports.Trend(ctx, q.scope, q.ask, q.query.Granularity == "monthly")
	if err != nil {
		return nil, err
	}
	found, err := h.Reports.Anomalies(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	names, err := h.subscriptionNames(ctx, q, b)
	if err != nil {
		return nil, err
	}
	m := page.Costs{
		Groups: groupsFor(q), Currency: currencyLine(b),
		Stats: statsModel(b, trend), Chart: h.chartModel(q, trend, found, fresh),
		Breakdown: h.breakdownModel(q, b, fresh, slotsOf(trend), names), Anomalies: h.anomaliesModel(q, found, fresh, anomaliesOnCosts),
	}
	if m.Restated, err = h.restatedModel(ctx, q); err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component { s.Sub = subtitle(q, b.Coverage); return page.CostsPage(s, m) }, nil
}

func groupsFor(q *request) []string {
	if len(q.chosen) == 1 {
		return []string{"tenant", "service", "subscription", "resource-group"}
	}
	return []string{"tenant", "service", "subscription"}
}

func (h handlers) costSummaryCard(ctx context.Context, q *request) (templ.Component, error) {
	q.ask.By = cost.ByTenant
	b, err := h.Reports.Breakdown(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, b.Coverage, b.Known())
	if err != nil {
		return nil, err
	}
	total := q.ask
	total.By, total.Versus = 0, cost.VersusNone
	trend, err := h.Reports.Trend(ctx, q.scope, total, false)
	if err != nil {
		return nil, err
	}
	return page.CostSummaryCard(h.summaryModel(q, b, trend, fresh)), nil
}

func (h handlers) costChart(ctx context.Context, q *request) (templ.Component, error) {
	trend, err := h.Reports.Trend(ctx, q.scope, q.ask, q.query.Granularity == "monthly")
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, trend.Coverage, slices.Contains(trend.Known, true))
	if err != nil {
		return nil, err
	}
	found, err := h.Reports.Anomalies(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	m := h.chartModel(q, trend, found, fresh)
	if q.query.View != "" {
		m.Groups = []string{"tenant", "service"}
	}
	return page.CostChartPanel(m), nil
}

func (h handlers) costBreakdown(ctx context.Context, q *request) (templ.Component, error) {
	b, err := h.Reports.Breakdown(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, b.Coverage, b.Known())
	if err != nil {
		return nil, err
	}
	top := cost.Trend{}
	for _, r := range b.Rows[:drawn(len(b.Rows))] {
		top.Series = append(top.Series, cost.Series{Row: r})
	}
	names, err := h.subscriptionNames(ctx, q, b)
	if err != nil {
		return nil, err
	}
	return page.CostBreakdownPanel(h.breakdownModel(q, b, fresh, slotsOf(top), names)), nil
}

// drawn is how many of n rows have a series of their own in the chart.
func drawn(n int) int {
	if n == cost.TopSeries+1 {
		return n // as Reports.Trend does it
	}
	return min(cost.TopSeries, n)
}
