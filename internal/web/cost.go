package web

import (
	"context"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

func (h handlers) overview(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	m := page.Overview{}
	var err error
	q.query = q.query.WithFilters(page.Filters{}).WithThings(page.Things{}) // the Overview has none
	q.query.Who = page.Who{}
	q.query.Sort, q.query.Cursor, q.query.Granularity = "", "", ""
	q.ask.Subscriptions, q.ask.Services, q.ask.Groups, q.ask.Charges = nil, nil, nil, nil
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
	budgets, err := h.Reports.BudgetReport(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	end, err := h.forecastCard(ctx, q, budgets, &m.Forecast)
	if err != nil {
		return nil, err
	}
	m.Summary = h.summaryModel(q, b, trend, fresh)
	m.Budgets = budgetsCardModel(q, budgets, fresh)
	m.Chart = h.chartModel(q, chartOf{trend, found, whereMonth(q, end)}, fresh)
	m.Chart.Groups = []string{"tenant", "service"}
	m.Tenants = h.breakdownModel(&tenants, beside{Breakdown: b, slots: slotsOf(trend)}, fresh)
	m.Anomalies = h.anomaliesModel(q, found, fresh, anomaliesOnOverview)
	if m.Freshness, err = h.freshnessModel(ctx, q, 8); err != nil {
		return nil, err
	}
	if m.Resources, err = h.resourceSummaryModel(ctx, q); err != nil {
		return nil, err
	}
	if m.Waste, err = h.wasteSummaryModel(ctx, q); err != nil {
		return nil, err
	}
	if err := h.complianceOnOverview(ctx, q, &m); err != nil {
		return nil, err
	}
	if m.Identity, err = h.identityCardModel(ctx, q); err != nil {
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
	if subs == 0 || len(q.ask.Subscriptions) > 0 { // not known before the first sync; the filter says which
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

// beside is a breakdown with what stands beside its rows.
type beside struct {
	cost.Breakdown
	slots   map[string]int // colours of the rows that the chart has
	names   subscriptions
	end     *cost.Outlook      // forecasts of the rows
	budgets *cost.BudgetReport // budgets of the rows
}

func (h handlers) costs(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	b, fresh, err := h.besides(ctx, q)
	if err != nil {
		return nil, err
	}
	trend, err := h.trend(ctx, q)
	if err != nil {
		return nil, err
	}
	drawn, err := h.freshness(ctx, q, trend.Coverage, slices.Contains(trend.Known, true))
	if err != nil {
		return nil, err
	}
	found, err := h.Reports.Anomalies(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	m := page.Costs{
		Groups: groupsFor(q), Currency: currencyLine(b.Breakdown), Chips: chips(q), ClearURL: q.query.WithFilters(page.Filters{}).URL(page.PathCosts),
		Stats: statsModel(q, b, trend), Chart: h.chartModel(q, chartOf{trend, found, whereMonth(q, b.end)}, drawn),
		Breakdown: h.breakdownModel(q, b, fresh), Anomalies: h.anomaliesModel(q, found, fresh, anomaliesOnCosts),
		Movement: movementModel(q, b, fresh),
	}
	if m.Choices, err = h.choices(ctx, q); err != nil {
		return nil, err
	}
	if m.Restated, err = h.restatedModel(ctx, q, restatedOnCosts); err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = subtitle(q, b.Coverage), q.query.CSV("by-"+groupWord(q))
		return page.CostsPage(s, m)
	}, nil
}

// groupWord is the query's group, with the default in its word.
func groupWord(q *request) string {
	if q.query.Group == "" {
		return "tenant"
	}
	return q.query.Group
}

// besides is the breakdown of Costs with the colours, names, forecasts and budgets of its rows.
func (h handlers) besides(ctx context.Context, q *request) (beside, page.Freshness, error) {
	var b beside
	var fresh page.Freshness
	var err error
	if b.Breakdown, err = h.Reports.Breakdown(ctx, q.scope, q.ask); err != nil {
		return b, fresh, err
	}
	top := cost.Trend{} // the rows that the chart draws: the largest, however they are sorted below
	for _, r := range b.Rows[:drawn(len(b.Rows))] {
		top.Series = append(top.Series, cost.Series{Row: r})
	}
	b.slots = slotsOf(top)
	if fresh, err = h.freshness(ctx, q, b.Coverage, b.Known()); err != nil {
		return b, fresh, err
	}
	if b.names, err = h.subscriptionNames(ctx, q, b.Breakdown); err != nil {
		return b, fresh, err
	}
	if b.end, err = h.ends(ctx, q, b.Breakdown); err != nil {
		return b, fresh, err
	}
	b.budgets, err = h.budgetsFor(ctx, q)
	return b, fresh, err
}

// ends is where the month ends, of tenants also by rows: only of those on the page, since each is a forecast of its own.
func (h handlers) ends(ctx context.Context, q *request, b cost.Breakdown) (*cost.Outlook, error) {
	all, err := h.outlook(ctx, q, q.ask.By&cost.ByCharge)
	if err != nil || all == nil || b.Ask.By != cost.ByTenant {
		return all, err
	}
	from, to := shown(q, b)
	var ids []fresnel.TenantID
	for _, r := range b.Rows[from:to] {
		ids = append(ids, r.Tenant)
	}
	if len(ids) == 0 {
		return all, nil
	}
	of := *q
	of.scope = q.scope.Narrow(ids...)
	rows, err := h.outlook(ctx, &of, cost.ByTenant)
	if err != nil {
		return nil, err
	}
	if rows.Unit == all.Unit { // else the rows cannot stand beside the whole
		all.Rows = rows.Rows
	}
	return all, nil
}

func groupsFor(q *request) []string {
	if q.narrow() {
		return []string{"tenant", "service", "subscription", "resource-group", "resource", "charge-type"}
	}
	return []string{"tenant", "service", "subscription", "charge-type"}
}

// trend is the question over time. Resources are kept by month: their days are told by service.
func (h handlers) trend(ctx context.Context, q *request) (cost.Trend, error) {
	a := q.ask
	if a.By.Has(cost.ByResource) {
		a.By = cost.ByService
	}
	return h.Reports.Trend(ctx, q.scope, a, q.query.Granularity == "monthly")
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
	trend, err := h.trend(ctx, q)
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
	end, err := h.outlook(ctx, q, q.ask.By&cost.ByCharge)
	if err != nil {
		return nil, err
	}
	m := h.chartModel(q, chartOf{trend, found, whereMonth(q, end)}, fresh)
	if q.query.View != "" {
		m.Groups = []string{"tenant", "service"}
	}
	return page.CostChartPanel(m), nil
}

func (h handlers) costBreakdown(ctx context.Context, q *request) (templ.Component, error) {
	b, fresh, err := h.besides(ctx, q)
	if err != nil {
		return nil, err
	}
	return page.CostBreakdownPanel(h.breakdownModel(q, b, fresh)), nil
}

// drawn is how many of n rows have a series of their own in the chart.
func drawn(n int) int {
	if n == cost.TopSeries+1 {
		return n // as Reports.Trend does it
	}
	return min(cost.TopSeries, n)
}
