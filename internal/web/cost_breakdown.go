package web

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

// breakdownPage and narrowPage are how many rows a page has; the latter of resource groups and resources, beside which
// the page lists more to choose from.
const (
	breakdownPage = 50
	narrowPage    = 24
)

// titles are the title of a breakdown and the head of its first column, by the query's group.
var titles = map[string][2]string{
	"": {"Cost by tenant", "Tenant"}, "service": {"Cost by service", "Service"}, "subscription": {"Cost by subscription", "Subscription"},
	"resource-group": {"Cost by resource group", "Resource group"}, "resource": {"Cost by resource", "Resource"}, "charge-type": {"Cost by charge type", "Charge type"},
}

func (h handlers) breakdownModel(q *request, b beside, fresh page.Freshness) page.CostBreakdown {
	unit := b.Unit()
	t := titles[q.query.Group]
	m := page.CostBreakdown{Region: page.Region{Query: q.query, Fresh: fresh}, Title: t[0], Head: t[1], Matched: len(b.Rows), Compare: b.Compared.Days() > 0}
	if m.Compare {
		m.Sub = "Change: " + days(b.Compared) + " vs " + days(b.Before)
	}
	if b.Ask.By.Has(cost.ByResource) {
		m.Sub = "Whole months, " + page.Days(b.Ask.Period.From.Time(), (b.Ask.Period.To-1).Time())
	}
	from, to := shown(q, b.Breakdown)
	ends := rowEnds(b.end, unit)
	m.Ends = len(ends) > 0 && b.Ask.By == cost.ByTenant
	m.Budgets = b.budgets != nil && b.Ask.By == cost.ByTenant
	for _, r := range b.Rows[from:to] {
		row := breakdownRow(q, b, r)
		if m.Ends {
			row.End = page.Dash
			if end, ok := ends[r.Tenant]; ok {
				row.End = page.Money(end.Expected, unit.Currency, true)
			}
		}
		if m.Budgets {
			row.Used, row.SetURL = usedOf(q, *b.budgets, r.Tenant)
		}
		m.Rows = append(m.Rows, row)
	}
	m.Shown = to
	if to < len(b.Rows) {
		m.NextURL = q.query.WithCursor(b.Rows[to-1].Key()).URL(page.PathCosts)
	}
	if from > 0 {
		m.BackURL = q.query.WithCursor("").URL(page.PathCosts)
	}
	if len(b.Rows) > 0 {
		m.Total = figures(b, b.Total)
		m.Total.Name = "Total"
		if m.Ends {
			m.Total.End = page.Dash
			if b.end.OK {
				m.Total.End = page.Money(b.end.End.Expected, unit.Currency, true)
			}
		}
	} else if fresh.State == page.Ready {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "No cost", "Azure has reported no cost for these days."
		if b.Ask.By.Has(cost.ByResource) {
			m.Fresh.EmptyText = "Azure has told no cost of resources for these months yet."
		}
	}
	return m
}

// shown sorts the rows of a breakdown and says which of them are on the page.
func shown(q *request, b cost.Breakdown) (from, to int) {
	cost.SortRows(b.Rows, q.query.Sort, b.Unit())
	n := breakdownPage
	switch {
	case q.query.View != "":
		return 0, min(8, len(b.Rows))
	case b.Ask.By.Has(cost.ByGroup) || b.Ask.By.Has(cost.ByResource):
		n = narrowPage
	}
	from = cursorPosition(b.Rows, q.query.Cursor)
	return from, min(from+n, len(b.Rows))
}

// figures are the amounts of a row or of the total.
func figures(b beside, r cost.Row) page.BreakdownRow {
	unit := b.Unit()
	f := r.In(unit)
	out := page.BreakdownRow{Cost: page.Money(f.Now, unit.Currency, false), Share: page.Percent(f.Now, b.Total.In(unit).Now), Previous: page.Dash}
	if b.Compared.Days() > 0 {
		out.Previous, out.Change = page.Money(f.Before, unit.Currency, false), page.Change(f.Compared, f.Before, unit.Currency)
	}
	if unit.Converted {
		for _, one := range r.Figures {
			out.Billing = append(out.Billing, page.Money(one.Now, one.Currency, false))
		}
	}
	return out
}

func breakdownRow(q *request, b beside, r cost.Row) page.BreakdownRow {
	out, words := figures(b, r), rowWords(q, b, r)
	out.Name, out.Detail, out.URL = words.name, words.detail, words.url
	if b.slots != nil && !b.Ask.By.Has(cost.ByResource) {
		out.Series, out.Slot = true, b.slots[r.Key()]
	}
	if b.Ask.By == cost.ByTenant {
		out.Note = tenantTrouble(b.Coverage, r.Tenant, q.now)
		if slices.Contains(b.LeftOut, r.Tenant) {
			out.Previous, out.Change = page.Dash, page.Delta{Text: page.Dash}
		}
	}
	return out
}

// words are what a row is called, and where it leads: one level down.
type words struct{ name, detail, url string }

func rowWords(q *request, b beside, r cost.Row) words {
	switch by := b.Ask.By; {
	case by.Has(cost.ByResource):
		return resourceWords(r.Resource, b.names.name(r.Subscription))
	case by.Has(cost.ByGroup):
		w := words{r.Group, b.names.name(r.Subscription), q.query.WithTenants(string(r.Tenant)).WithSubs(r.Subscription).WithRG(r.Group).WithGroup("resource").URL(page.PathCosts)}
		if r.Group == "" {
			w.name = "Not in a resource group"
		}
		return w
	case by.Has(cost.BySubscription):
		return words{r.Label(), tenantName(q, r.Tenant), q.query.WithTenants(string(r.Tenant)).WithSubs(r.Subscription).WithGroup(q.below("resource-group")).URL(page.PathCosts)}
	case by.Has(cost.ByCharge):
		return words{r.Label(), "", q.query.WithCharge(r.Charge).WithGroup("service").URL(page.PathCosts)}
	case by.Has(cost.ByService):
		down := "tenant"
		if q.narrow() {
			down = q.below("resource-group")
		}
		return words{r.Label(), "", q.query.WithService(r.Service).WithGroup(down).URL(page.PathCosts)}
	}
	return words{r.Label(), "", q.query.WithTenants(string(r.Tenant)).WithGroup("service").URL(page.PathCosts)}
}

// below is the group that a row leads to: subscriptions where a charge type is asked for, which Azure does not tell
// beside anything smaller.
func (q *request) below(group string) string {
	if len(q.query.Charges) > 0 {
		return "subscription"
	}
	return group
}

// resourceWords are the name of a resource and what it is, from its ARM id.
func resourceWords(id, subscription string) words {
	if id == "" {
		return words{name: "Not of a resource", detail: subscription}
	}
	parts := strings.Split(id, "/")
	w := words{name: parts[len(parts)-1], detail: subscription}
	var group, kind string
	for i := 0; i+1 < len(parts); i++ {
		switch parts[i] {
		case "resourcegroups":
			group = parts[i+1]
		case "providers":
			if kind = parts[i+1]; i+2 < len(parts) {
				kind += "/" + parts[i+2]
			}
		}
	}
	w.detail = strings.Join(slices.DeleteFunc([]string{kind, group, subscription}, func(s string) bool { return s == "" }), " · ")
	return w
}

// subscriptions are names by id.
type subscriptions map[string]fresnel.Subscription

func (s subscriptions) name(id string) string { return subscriptionName(s[id].Name, id) }

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

func (h handlers) subscriptionNames(ctx context.Context, q *request, b cost.Breakdown) (subscriptions, error) {
	if !b.Ask.By.Has(cost.ByGroup) && !b.Ask.By.Has(cost.ByResource) {
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

// percentWords writes a percentage without decimals.
func percentWords(percent float64) string {
	return strconv.FormatFloat(percent, 'f', 0, 64) + "%"
}
