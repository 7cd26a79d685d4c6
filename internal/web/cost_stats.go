package web

import (
	"context"
	"strings"

	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

func statsModel(q *request, b beside, t cost.Trend) *page.CostStats {
	if !b.Known() {
		return nil
	}
	unit := b.Unit()
	f := b.Total.In(unit)
	m := &page.CostStats{
		Total: page.Money(f.Now, unit.Currency, false), Average: page.Dash, Step: stepWord(t),
		TotalLabel: strings.ToUpper(b.Ask.Metric.String()[:1]) + b.Ask.Metric.String()[1:] + ", " + days(b.Ask.Period),
		End:        page.Dash, EndNote: noForecast(b.end),
	}
	if len(b.Total.Figures) > 1 {
		for _, one := range b.Total.Figures {
			m.Billing = append(m.Billing, page.Money(one.Now, one.Currency, false))
		}
	}
	if b.Compared.Days() == 0 {
		m.Before = notCompared(b.Breakdown)
	} else {
		m.Change = page.Change(f.Compared, f.Before, unit.Currency)
		m.Before = "vs " + days(b.Before)
		if b.Compared != b.Ask.Period {
			m.Before = days(b.Compared) + " " + m.Before
		}
	}
	averages(m, t)
	if m.EndNote == "" {
		m.End, m.EndNote = page.Money(b.end.End.Expected, b.end.Unit.Currency, true), endRange(b.end)
	}
	m.Budget = budgetSum(q, b)
	return m
}

// averages fills the average and the peak of a trend's steps.
func averages(m *page.CostStats, t cost.Trend) {
	var parts []string
	if avg, ok := t.Average(); ok {
		m.Average = page.Money(avg.Micros, t.Unit.Currency, false)
		parts = append(parts, page.Plural(avg.Steps, "settled "+m.Step, "settled "+m.Step+"s"))
	}
	if i, ok := t.Peak(); ok {
		when := t.Steps[i].Time().Format("2 Jan")
		if t.Monthly {
			when = t.Steps[i].Time().Format("January 2006")
		}
		parts = append(parts, "peak "+page.Money(t.Total.Values[i], t.Unit.Currency, false)+" on "+when)
	}
	m.AverageNote = strings.Join(parts, ", ")
}

func stepWord(t cost.Trend) string {
	if t.Monthly {
		return "month"
	}
	return "day"
}

func (h handlers) restatedModel(ctx context.Context, q *request, limit int) ([]page.RestatedDay, error) {
	list, err := h.Reports.Restated(ctx, q.scope, q.ask, limit)
	if err != nil {
		return nil, err
	}
	return h.restatedRows(ctx, q, list)
}
