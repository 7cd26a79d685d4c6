package web

import (
	"context"
	"slices"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

// budgetsFor are the budgets beside a view that they can be compared with: the current month of whole tenants.
func (h handlers) budgetsFor(ctx context.Context, q *request) (*cost.BudgetReport, error) {
	if !q.month() || q.query.Any() {
		return nil, nil //nolint:nilnil // a budget of a whole month says nothing about a part of it
	}
	rep, err := h.Reports.BudgetReport(ctx, q.scope)
	return &rep, err
}

// budgetSum is where the budgets of the tenants shown stand together.
func budgetSum(q *request, b beside) page.BudgetSum {
	m := page.BudgetSum{Figure: page.Dash, URL: q.query.Scope().URL(page.PathBudgets)}
	if b.budgets == nil {
		m.Note = "Compared for whole tenants in the current month"
		return m
	}
	list := b.budgets.OfTenants(b.Ask.Metric)
	if len(list) == 0 {
		m.Note = "No budget of " + b.Ask.Metric.String() + " cost is set"
		return m
	}
	if sum, ok := b.budgets.Sum(b.Ask.Metric, b.Unit().Currency); ok {
		m.Figure = page.Money(sum, b.Unit().Currency, true)
		switch {
		case b.end == nil || !b.end.OK || b.end.Unit != b.Unit():
			m.Note = onTrack(list)
		case b.end.End.Expected > sum:
			m.Bad, m.Note = page.SignedMoney(b.end.End.Expected-sum, b.Unit().Currency, true)+" over", "at forecast"
		default:
			m.Note = page.Money(sum-b.end.End.Expected, b.Unit().Currency, true) + " left at forecast"
		}
		return m
	}
	m.Figure = onTrack(list)
	m.Note = page.Count(b.budgets.With) + " of " + page.Plural(b.budgets.Tenants, "tenant", "tenants") + " with a budget"
	return m
}

// onTrack counts budgets: "5 of 6 on track".
func onTrack(list []cost.BudgetStatus) string {
	n := 0
	for _, s := range list {
		if s.State == cost.BudgetFine {
			n++
		}
	}
	return page.Count(n) + " of " + page.Count(len(list)) + " on track"
}

// usedOf is how much of its budget a tenant has used, or where to set one.
func usedOf(q *request, rep cost.BudgetReport, id fresnel.TenantID) (used *page.Used, setURL string) {
	list := rep.OfTenants(q.ask.Metric)
	at := slices.IndexFunc(list, func(s cost.BudgetStatus) bool { return s.Budget.Tenant == id })
	if at < 0 {
		return nil, q.query.Scope().WithBudget("new", string(id)).URL(page.PathBudgets)
	}
	return usedModel(list[at]), ""
}

func usedModel(s cost.BudgetStatus) *page.Used {
	if !s.Known {
		return nil
	}
	u := &page.Used{Percent: percentWords(s.Used()), Value: int(min(max(s.Used(), 0), 100)), Tone: ui.OK, Title: "Budget used: " + s.Budget.Name}
	switch s.State {
	case cost.BudgetOver:
		u.Tone = ui.Bad
	case cost.BudgetAtRisk:
		u.Tone = ui.Warn
	case cost.BudgetFine, cost.BudgetUnknown:
	}
	return u
}

func (h handlers) costBudgetsCard(ctx context.Context, q *request) (templ.Component, error) {
	rep, err := h.Reports.BudgetReport(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, rep.Coverage, rep.Coverage.Covered > 0)
	if err != nil {
		return nil, err
	}
	return page.BudgetsCardPanel(budgetsCardModel(q, rep, fresh)), nil
}

// budgetsOnCard is how many budgets the card names.
const budgetsOnCard = 2

func budgetsCardModel(q *request, rep cost.BudgetReport, fresh page.Freshness) page.BudgetsCard {
	fresh.Late = ""
	m := page.BudgetsCard{Region: page.Region{Query: q.query, Fresh: fresh}}
	if len(rep.Budgets) == 0 {
		return m
	}
	m.Figure = onTrack(rep.Budgets)
	count := func(state cost.BudgetState) int {
		n := 0
		for _, s := range rep.Budgets {
			if s.State == state {
				n++
			}
		}
		return n
	}
	if over, risk := count(cost.BudgetOver), count(cost.BudgetAtRisk); over+risk > 0 {
		m.Note = page.Count(over) + " over, " + page.Count(risk) + " at risk"
	}
	for _, s := range rep.Budgets[:min(budgetsOnCard, len(rep.Budgets))] {
		m.Rows = append(m.Rows, budgetRow(q, s))
	}
	return m
}

func budgetRow(q *request, s cost.BudgetStatus) page.BudgetRow {
	b := s.Budget
	row := page.BudgetRow{
		Name: b.Name, Of: b.TenantName, Amount: page.Money(b.Amount.Micros, b.Amount.Currency, true), Spent: page.Dash, End: page.Dash,
		State: page.BudgetState(s.State), Metric: b.Metric.String(), Used: usedModel(s),
	}
	if n := len(b.Subscriptions); n > 0 {
		row.Of += " · " + page.Plural(n, "subscription", "subscriptions")
	}
	if b.Service != "" {
		row.Of += " · " + b.Service
	}
	if s.Known {
		row.Spent = page.Money(s.Spent, b.Amount.Currency, true)
		if !s.Covered {
			row.Note = "Not all of the tenant is read: at least this much"
		}
	}
	if projected, ok := s.Projected(); ok {
		row.End, row.EndNote = page.Money(s.End.Expected, b.Amount.Currency, true), percentWords(projected)+" of the budget"
	}
	return row
}
