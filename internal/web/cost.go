package web

import (
	"context"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

const (
	anomaliesOnOverview = 5
	anomaliesOnCosts    = 50
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
	found, err := h.Reports.Anomalies(ctx, q.scope, anomalyAsk(q.ask))
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
	found, err := h.Reports.Anomalies(ctx, q.scope, anomalyAsk(q.ask))
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

// anomalyAsk bounds a question for anomalies to its newest days. Anomalies are
// looked for in amortized cost: there a purchase is no spike on the day it is
// billed.
func anomalyAsk(a cost.Ask) cost.Ask {
	a.Metric = cost.Amortized
	if a.Period.Days() > cost.MaxAnomalyDays {
		a.Period.From = a.Period.To - cost.MaxAnomalyDays
	}
	return a
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
	found, err := h.Reports.Anomalies(ctx, q.scope, anomalyAsk(q.ask))
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

func (h handlers) costAnomalies(ctx context.Context, q *request) (templ.Component, error) {
	found, err := h.Reports.Anomalies(ctx, q.scope, anomalyAsk(q.ask))
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, found.Coverage, found.Coverage.Covered > 0)
	if err != nil {
		return nil, err
	}
	limit := anomaliesOnCosts
	if q.query.View != "" {
		limit = anomaliesOnOverview
	}
	return page.CostAnomaliesPanel(h.anomaliesModel(q, found, fresh, limit)), nil
}

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

// slotsOf gives each series a colour that stays with its tenant or service
// whatever its rank: by its name, moved on where another one has the colour.
func slotsOf(t cost.Trend) map[string]int {
	var keys []string
	for _, s := range t.Series {
		if s.Other == 0 {
			keys = append(keys, s.Row.Key())
		}
	}
	slices.Sort(keys)
	slots, taken := map[string]int{}, map[int]bool{}
	for _, k := range keys {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(k)) // a hash does not fail
		want := int(hash.Sum32() % cost.TopSeries)
		for i := range cost.TopSeries {
			slot := (want+i)%cost.TopSeries + 1
			if !taken[slot] {
				taken[slot], slots[k] = true, slot
				break
			}
		}
	}
	return slots
}

func (h handlers) chartModel(q *request, t cost.Trend, found cost.AnomalyReport, fresh page.Freshness) page.CostChart {
	m := page.CostChart{
		Region: page.Region{Query: q.query, Fresh: fresh}, Currency: t.Unit.Currency, Totals: known(t.Total.Values, t.Known),
		Title: "Daily cost", Sub: t.Unit.Currency + ", " + t.Ask.Metric.String() + " cost", Monthly: t.Monthly,
	}
	if t.Monthly {
		m.Title = "Monthly cost"
	}
	if t.Unit.Converted && len(t.Total.Currencies) > 1 {
		m.Sub = "USD by Azure's CostUSD, " + t.Ask.Metric.String() + " cost"
	}
	for i, d := range t.Steps {
		at := d.Time()
		slot := page.ChartSlot{Label: at.Format("2 Jan"), Full: at.Format("Monday 2 Jan 2006"), Late: t.Known[i] && stillChanging(t, i)}
		if t.Monthly {
			slot.Label, slot.Full = at.Format("Jan 2006"), at.Format("January 2006")
		}
		m.Slots = append(m.Slots, slot)
	}
	slots := slotsOf(t)
	for _, s := range t.Series {
		one := page.ChartSeries{Name: s.Row.Label(), Slot: slots[s.Row.Key()], Micros: known(s.Values, t.Known)}
		if s.Other > 0 {
			one.Name, one.Slot = "Other ("+page.Count(s.Other)+")", 0
		}
		m.Series = append(m.Series, one)
	}
	if t.Before != nil {
		m.Previous = &page.ChartSeries{Name: "Before: " + days(t.BeforeOf), Micros: t.Before}
	}
	if !t.Monthly {
		m.Marks = marks(q, t, found)
	}
	m.Summary = chartSummary(m, t)
	return m
}

// stillChanging tells whether a step can still grow.
func stillChanging(t cost.Trend, i int) bool {
	t.SettledTo = settledTo(t.Coverage)
	return !t.Settled(i)
}

// settledTo is the end of the settled days: of the fresh tenants or, while there are none (in the first sync, and where
// everything is stale), of all that have been read.
func settledTo(c cost.Coverage) fresnel.Day {
	if c.Settled > 0 {
		return c.Settled
	}
	var d fresnel.Day
	for _, t := range c.Tenants {
		if !t.SyncedAt.IsZero() && (d == 0 || t.SettledTo < d) {
			d = t.SettledTo
		}
	}
	return d
}

func known(values []int64, ok []bool) []int64 {
	out := slices.Clone(values)
	for i := range out {
		if !ok[i] {
			out[i] = page.Unknown
		}
	}
	return out
}

// marks are the largest anomalies, one a day.
func marks(q *request, t cost.Trend, found cost.AnomalyReport) []page.ChartMark {
	var out []page.ChartMark
	seen := map[fresnel.Day]bool{}
	for _, a := range found.Anomalies {
		i, ok := slices.BinarySearch(t.Steps, a.Day)
		if !ok || seen[a.Day] || len(out) == 5 {
			continue
		}
		seen[a.Day] = true
		label := a.Service
		if len(q.chosen) != 1 {
			label, _, _ = strings.Cut(a.TenantName, " ")
		}
		change := page.ShortChange(a.Micros, a.Expected, a.Currency)
		if a.Expected == 0 {
			change = "new cost"
		}
		out = append(out, page.ChartMark{Slot: i, Label: label + " " + change, URL: anomalyURL(q, a)})
	}
	return out
}

func anomalyURL(q *request, a cost.Anomaly) string {
	d := a.Day.Time()
	return q.query.Scope().WithTenants(string(a.Tenant)).WithDays(d.AddDate(0, 0, -7), d).WithGroup("service").WithMetric("amortized").URL(page.PathCosts)
}

func chartSummary(m page.CostChart, t cost.Trend) string {
	var sum, peak int64
	at := -1
	for i, v := range t.Total.Values {
		if t.Known[i] {
			sum += v
			if at < 0 || v > peak {
				at, peak = i, v
			}
		}
	}
	if at < 0 {
		return m.Title + ": no cost reported yet."
	}
	return m.Title + ", " + page.Days(t.Ask.Period.From.Time(), (t.Ask.Period.To-1).Time()) + ": total " + page.Money(sum, t.Unit.Currency, true) +
		", highest on " + m.Slots[at].Full + " with " + page.Money(peak, t.Unit.Currency, true) + "."
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

func (h handlers) anomaliesModel(q *request, found cost.AnomalyReport, fresh page.Freshness, limit int) page.CostAnomalies {
	fresh.Late = "" // only settled days are judged
	m := page.CostAnomalies{
		Region: page.Region{Query: q.query, Fresh: fresh}, Sub: days(found.Ask.Period) + ", amortized cost", Total: len(found.Anomalies),
		Threshold: "Over +" + page.Count(found.Rule.Percent) + "% and " + page.Money(found.Rule.FloorUSD, cost.USD, true),
	}
	for _, a := range found.Anomalies[:min(limit, len(found.Anomalies))] {
		m.Rows = append(m.Rows, page.AnomalyRow{
			Name: a.TenantName, Detail: a.Service + ", " + a.Day.Time().Format("2 Jan"), URL: anomalyURL(q, a),
			Over: page.SignedMoney(a.Micros-a.Expected, a.Currency, false), Pct: page.Change(a.Micros, a.Expected, a.Currency).Text,
			Cost: page.Money(a.Micros, a.Currency, false),
		})
	}
	if len(m.Rows) > 0 {
		return m
	}
	loading := fresh.State == page.FirstSync && fresh.HasRows
	switch c := found.Coverage; {
	case loading, fresh.State == page.Ready && c.Covered == 0:
		m.Fresh.State, m.Fresh.EmptyTitle = page.NeverSynced, "No day judged yet"
		m.Fresh.EmptyText = "A tenant's days are judged when all its subscriptions have been read for them."
	case fresh.State == page.Ready:
		m.Fresh.State, m.Fresh.EmptyTitle = page.Empty, "Nothing stands out"
		m.Fresh.EmptyText = "Checked the settled days of " + days(found.Ask.Period) + " of " + page.Plural(c.Covered, "tenant", "tenants") +
			". A day counts from +" + page.Count(found.Rule.Percent) + "% and " + page.Money(found.Rule.FloorUSD, cost.USD, true) + "."
	}
	return m
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
