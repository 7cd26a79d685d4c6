package web

import (
	"slices"
	"strings"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

func (h handlers) summaryModel(q *request, b cost.Breakdown, t cost.Trend, fresh page.Freshness) page.CostSummary {
	unit := b.Unit()
	f := b.Total.In(unit)
	m := page.CostSummary{Region: page.Region{Query: q.query, Fresh: fresh}, Title: summaryTitle(q), Amount: page.Money(f.Now, unit.Currency, true)}
	if len(b.Total.Figures) > 1 {
		m.Currency = "USD, Azure's CostUSD"
		for _, one := range b.Total.Figures {
			m.Billing = append(m.Billing, page.Money(one.Now, one.Currency, true))
		}
	}
	if b.Compared.Days() == 0 {
		m.Before = notCompared(b)
	} else {
		m.Change = page.Change(f.Compared, f.Before, unit.Currency)
		m.Before = "vs " + page.Money(f.Before, unit.Currency, true) + " on " + days(b.Before)
		if b.Compared != b.Ask.Period {
			m.Before = days(b.Compared) + " " + m.Before
		}
		if n := len(b.LeftOut); n > 0 {
			m.LeftOut = "Compared without " + nameList(q, b.LeftOut)
		}
	}
	for i, v := range t.Total.Values {
		if t.Known[i] {
			m.Spark = append(m.Spark, float64(v)/1e6)
		}
	}
	return m
}

// notCompared says why an answer has no comparison; "" when none was asked for.
func notCompared(b cost.Breakdown) string {
	if b.Ask.Versus == cost.VersusNone && b.Ask.Against.Days() == 0 {
		return ""
	}
	switch {
	case b.Ask.By.Has(cost.ByResource):
		return "Resources are kept by month: only whole, settled months are compared"
	case b.Coverage.Covered == 0:
		return "Not compared: no tenant is held in full"
	case !slices.ContainsFunc(b.Coverage.Tenants, func(t cost.TenantCoverage) bool { return t.State == cost.Fresh }):
		return "Not compared: no tenant has been read lately"
	case b.Coverage.Settled <= b.Ask.Period.From && len(b.LeftOut) == 0:
		return "No settled day to compare yet"
	}
	before, ok := b.Ask.Versus.Before(b.Ask.Period)
	if b.Ask.Against.Days() > 0 {
		before, ok = b.Ask.Against, true
	}
	if ok {
		return "Not compared: " + page.Days(before.From.Time(), (before.To-1).Time()) + " is not held in full"
	}
	return ""
}

func summaryTitle(q *request) string {
	switch {
	case q.query.From != "":
		return "Cost, " + days(q.ask.Period)
	case q.query.Period == "":
		return "Cost this month"
	}
	words := map[string]string{"last-month": "last month", "7d": "last 7 days", "30d": "last 30 days", "90d": "last 90 days", "ytd": "this year"}
	return "Cost " + words[q.query.Period]
}

func days(p fresnel.Period) string { return page.ShortDays(p.From.Time(), (p.To - 1).Time()) }

// nameList names up to three tenants.
func nameList(q *request, ids []fresnel.TenantID) string {
	var names []string
	for _, t := range q.tenants {
		if slices.Contains(ids, t.ID) {
			names = append(names, t.Name)
		}
	}
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + " and " + page.Plural(len(names)-3, "other", "others")
	}
	return strings.Join(names, ", ")
}

func currencyLine(b cost.Breakdown) string {
	if len(b.Total.Figures) < 2 {
		return b.Unit().Currency
	}
	var codes []string
	for _, f := range b.Total.Figures {
		codes = append(codes, f.Currency)
	}
	return "USD, Azure's CostUSD · billed in " + strings.Join(codes, ", ")
}
