package web

import (
	"context"
	"slices"
	"strings"
	"time"

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
	if b.Ask.Versus == cost.VersusNone {
		return ""
	}
	switch {
	case b.Coverage.Covered == 0:
		return "Not compared: no tenant is held in full"
	case !slices.ContainsFunc(b.Coverage.Tenants, func(t cost.TenantCoverage) bool { return t.State == cost.Fresh }):
		return "Not compared: no tenant has been read lately"
	case b.Coverage.Settled <= b.Ask.Period.From && len(b.LeftOut) == 0:
		return "No settled day to compare yet"
	}
	if before, ok := b.Ask.Versus.Before(b.Ask.Period); ok {
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

const breakdownPage = 50

func (h handlers) breakdownModel(q *request, b cost.Breakdown, fresh page.Freshness, slots map[string]int, subs map[string]fresnel.Subscription) page.CostBreakdown {
	unit := b.Unit()
	titles := map[string][2]string{
		"": {"Cost by tenant", "Tenant"}, "service": {"Cost by service", "Service"},
		"subscription": {"Cost by subscription", "Subscription"}, "resource-group": {"Cost by resource group", "Resource group"},
	}
	t := titles[q.query.Group]
	m := page.CostBreakdown{Region: page.Region{Query: q.query, Fresh: fresh}, Title: t[0], Head: t[1], Matched: len(b.Rows), Compare: b.Compared.Days() > 0}
	if m.Compare {
		m.Sub = "Change: " + days(b.Compared) + " vs " + days(b.Before)
	}
	cost.SortRows(b.Rows, q.query.Sort, unit)
	from := cursorPosition(b.Rows, q.query.Cursor)
	to := min(from+breakdownPage, len(b.Rows))
	if q.query.View != "" {
		to = min(8, len(b.Rows))
	}
	for _, r := range b.Rows[from:to] {
		m.Rows = append(m.Rows, h.breakdownRow(q, b, r, slots, subs))
	}
	m.Shown = to
	if to < len(b.Rows) {
		m.NextURL = q.query.WithCursor(b.Rows[to-1].Key()).URL(page.PathCosts)
	}
	if from > 0 {
		m.BackURL = q.query.WithCursor("").URL(page.PathCosts)
	}
	if len(b.Rows) > 0 {
		m.Total = h.breakdownRow(q, b, b.Total, nil, nil)
		m.Total.Name, m.Total.URL, m.Total.Detail, m.Total.Note = "Total", "", "", ""
	} else if fresh.State == page.Ready {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "No cost", "Azure has reported no cost for these days."
	}
	return m
}

func (h handlers) breakdownRow(q *request, b cost.Breakdown, r cost.Row, slots map[string]int, subs map[string]fresnel.Subscription) page.BreakdownRow {
	unit := b.Unit()
	f := r.In(unit)
	out := page.BreakdownRow{Name: r.Label(), Series: slots != nil, Slot: slots[r.Key()], Cost: page.Money(f.Now, unit.Currency, false), Share: page.Percent(f.Now, b.Total.In(unit).Now), Previous: page.Dash}
	if b.Compared.Days() > 0 {
		out.Previous, out.Change = page.Money(f.Before, unit.Currency, false), page.Change(f.Compared, f.Before, unit.Currency)
	}
	if unit.Converted {
		for _, one := range r.Figures {
			out.Billing = append(out.Billing, page.Money(one.Now, one.Currency, false))
		}
	}
	switch {
	case b.Ask.By.Has(cost.ByGroup):
		if out.Detail = subs[r.Subscription].Name; r.Group == "" {
			out.Name = "Not in a resource group"
		}
	case b.Ask.By.Has(cost.BySubscription):
		out.Detail = tenantName(q, r.Tenant)
		out.URL = q.query.WithTenants(string(r.Tenant)).WithGroup("subscription").URL(page.PathCosts)
	case b.Ask.By.Has(cost.ByService):
	case b.Ask.By.Has(cost.ByTenant):
		out.URL = q.query.WithTenants(string(r.Tenant)).WithGroup("service").URL(page.PathCosts)
		out.Note = tenantTrouble(b.Coverage, r.Tenant, q.now)
		if slices.Contains(b.LeftOut, r.Tenant) {
			out.Previous, out.Change = page.Dash, page.Delta{Text: page.Dash}
		}
	}
	return out
}

func tenantName(q *request, id fresnel.TenantID) string {
	for _, t := range q.tenants {
		if t.ID == id {
			return t.Name
		}
	}
	return ""
}

// tenantTrouble says in a few words why a tenant's figure is not whole.
func tenantTrouble(c cost.Coverage, id fresnel.TenantID, now time.Time) string {
	for _, t := range c.Tenants {
		if t.Tenant != id {
			continue
		}
		switch t.State {
		case cost.Stale:
			return "Last read " + page.Ago(now, t.SyncedAt)
		case cost.Partial:
			return page.Count(t.Read) + " of " + page.Plural(t.Subscriptions, "subscription", "subscriptions")
		case cost.Fresh, cost.Never, cost.NoCost:
		}
	}
	return ""
}

func (h handlers) subscriptionNames(ctx context.Context, q *request, b cost.Breakdown) (map[string]fresnel.Subscription, error) {
	if !b.Ask.By.Has(cost.ByGroup) {
		return nil, nil //nolint:nilnil // no names are needed
	}
	var ids []string
	for _, r := range b.Rows {
		ids = append(ids, r.Subscription)
	}
	slices.Sort(ids)
	return h.Tenants.SubscriptionsByID(ctx, q.scope, slices.Compact(ids))
}

// cursorPosition is the row after the cursor; an unknown one begins again.
func cursorPosition(rows []cost.Row, cursor string) int {
	if cursor == "" {
		return 0
	}
	return 1 + slices.IndexFunc(rows, func(r cost.Row) bool { return r.Key() == cursor })
}

func statsModel(b cost.Breakdown, t cost.Trend) *page.CostStats {
	if !b.Known() {
		return nil
	}
	unit := b.Unit()
	f := b.Total.In(unit)
	m := &page.CostStats{
		Total: page.Money(f.Now, unit.Currency, false), Average: page.Dash, Peak: page.Dash, Settled: page.Dash,
		TotalLabel:  strings.ToUpper(b.Ask.Metric.String()[:1]) + b.Ask.Metric.String()[1:] + ", " + days(b.Ask.Period),
		SettledNote: "Azure usage can arrive up to 72 h late", Step: stepWord(t),
	}
	if len(b.Total.Figures) > 1 {
		for _, one := range b.Total.Figures {
			m.Billing = append(m.Billing, page.Money(one.Now, one.Currency, false))
		}
	}
	if b.Compared.Days() == 0 {
		m.Before = notCompared(b)
	} else {
		m.Change = page.Change(f.Compared, f.Before, unit.Currency)
		m.Before = "vs " + days(b.Before)
		if b.Compared != b.Ask.Period {
			m.Before = days(b.Compared) + " " + m.Before
		}
	}
	if avg, ok := t.Average(); ok {
		m.Average = page.Money(avg.Micros, unit.Currency, false)
		m.AverageNote = page.Plural(avg.Steps, "settled "+stepWord(t), "settled "+stepWord(t)+"s")
	}
	if i, ok := t.Peak(); ok {
		m.Peak, m.PeakDay = page.Money(t.Total.Values[i], unit.Currency, false), t.Steps[i].Time().Format("2 Jan 2006")
		if t.Monthly {
			m.PeakDay = t.Steps[i].Time().Format("January 2006")
		}
	}
	if t.SettledTo > 0 {
		m.Settled = (t.SettledTo - 1).Time().Format("2 Jan 2006")
	}
	return m
}

func stepWord(t cost.Trend) string {
	if t.Monthly {
		return "month"
	}
	return "day"
}

func (h handlers) restatedModel(ctx context.Context, q *request) ([]page.RestatedDay, error) {
	list, err := h.Reports.Restated(ctx, q.scope, q.ask, 10)
	if err != nil {
		return nil, err
	}
	var out []page.RestatedDay
	for _, r := range list {
		out = append(out, page.RestatedDay{
			Day: r.Day.Time().Format("2 Jan 2006"), Name: tenantName(q, r.Tenant), Before: page.Money(r.Old, r.Currency, false),
			After: page.Money(r.New, r.Currency, false), Change: page.SignedMoney(r.New-r.Old, r.Currency, false), NoticedAt: r.Seen,
		})
	}
	return out, nil
}
