package web

import (
	"context"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

// outlook is where the current month ends, by keys; nil where the question is of another period.
func (h handlers) outlook(ctx context.Context, q *request, by cost.By) (*cost.Outlook, error) {
	if !q.month() {
		return nil, nil //nolint:nilnil // only the current month is foretold
	}
	a := q.ask
	a.By = by
	o, err := h.Reports.Outlook(ctx, q.scope, a)
	return &o, err
}

// whereMonth is the outlook where the chart has room for it: by days.
func whereMonth(q *request, o *cost.Outlook) *cost.Outlook {
	if o == nil || !o.OK || !q.month() || q.query.Granularity == "monthly" {
		return nil
	}
	return o
}

// noForecast says why there is none; "" where there is one.
func noForecast(o *cost.Outlook) string {
	switch {
	case o == nil:
		return "Foretold for the current month only"
	case !o.OK && o.End.History == 0:
		return "Needs 28 settled days of history"
	case !o.OK:
		return "Needs 28 settled days of history, " + page.Count(max(o.End.History, 0)) + " are held"
	}
	return ""
}

// endRange is the range in which the month ends.
func endRange(o *cost.Outlook) string {
	low, high := page.Money(o.End.Low, o.Unit.Currency, true), page.Money(o.End.High, o.Unit.Currency, true)
	return "80% range " + low + " – " + high
}

func (h handlers) costForecastCard(ctx context.Context, q *request) (templ.Component, error) {
	budgets, err := h.Reports.BudgetReport(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	var m page.ForecastCard
	_, err = h.forecastCard(ctx, q, budgets, &m)
	return page.ForecastCardPanel(m), err
}

// forecastCard fills the card, which is of the current month whatever the period of the page, and gives what it shows.
func (h handlers) forecastCard(ctx context.Context, q *request, budgets cost.BudgetReport, m *page.ForecastCard) (*cost.Outlook, error) {
	month := *q
	month.query.Period, month.query.From, month.query.To = "", "", ""
	month.ask.Period, _ = cost.Relative("", h.Reports.Today())
	end, err := h.outlook(ctx, &month, 0)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, &month, end.Coverage, end.OK || end.Coverage.Covered > 0)
	if err != nil {
		return nil, err
	}
	*m = forecastModel(q, end, budgets, endFreshness(fresh, end))
	return end, nil
}

// endFreshness is the freshness of a forecast: its late days are part of it.
func endFreshness(f page.Freshness, o *cost.Outlook) page.Freshness {
	f.Late = ""
	if o != nil && o.OK && f.State == page.Uncovered {
		f.State = page.Ready
	}
	return f
}

func forecastModel(q *request, o *cost.Outlook, budgets cost.BudgetReport, fresh page.Freshness) page.ForecastCard {
	m := page.ForecastCard{Region: page.Region{Query: q.query, Fresh: fresh}, Why: noForecast(o)}
	if m.Why != "" {
		return m
	}
	m.Amount, m.Range = page.Money(o.End.Expected, o.Unit.Currency, true), endRange(o)
	sum, ok := budgets.Sum(q.ask.Metric, o.Unit.Currency)
	longest := max(o.End.Expected, o.End.High, sum, 1)
	part := func(micros int64) int { return int(float64(max(micros, 0)) / float64(longest) * 1000) }
	m.Bar = &page.EndBar{Spent: part(o.End.Spent), Expected: part(o.End.Expected), Words: page.Money(o.End.Spent, o.Unit.Currency, true) + " settled"}
	if ok {
		m.Over = page.Change(o.End.Expected, sum, o.Unit.Currency)
		m.Budget, m.Bar.Budget = "against the budget of "+page.Money(sum, o.Unit.Currency, true), part(sum)
	}
	return m
}

// rowEnds finds the forecast of each tenant, in the unit of a breakdown; nil where it has another.
func rowEnds(o *cost.Outlook, u cost.Unit) map[fresnel.TenantID]cost.MonthEnd {
	if o == nil || o.Unit != u {
		return nil
	}
	out := map[fresnel.TenantID]cost.MonthEnd{}
	for _, r := range o.Rows {
		if r.OK && r.Row.Tenant != "" {
			out[r.Row.Tenant] = r.End
		}
	}
	return out
}
