package web

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

const (
	anomaliesOnOverview = 5
	anomaliesOnCosts    = 50
)

func (h handlers) costAnomalies(ctx context.Context, q *request) (templ.Component, error) {
	found, err := h.Reports.Anomalies(ctx, q.scope, q.ask)
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

func (h handlers) anomaliesModel(q *request, found cost.AnomalyReport, fresh page.Freshness, limit int) page.CostAnomalies {
	fresh.Late, fresh.LastKnown = "", "" // only settled days are judged
	m := page.CostAnomalies{
		Region: page.Region{Query: q.query, Fresh: fresh}, Sub: days(found.Ask.Period) + ", amortized usage", Total: len(found.Anomalies),
	}
	if len(found.Anomalies) > 0 {
		m.Threshold = page.Count(found.Open) + " open"
	}
	for _, a := range found.Anomalies[:min(limit, len(found.Anomalies))] {
		change := page.Change(a.Actual, a.Expected, a.Currency)
		m.Rows = append(m.Rows, page.AnomalyRow{
			Name: a.TenantName, Detail: anomalyWhere(a) + ", " + anomalyWhen(a), URL: anomalyURL(q, a), State: page.AnomalyState(a.State), Kind: kindWords[a.Kind],
			Over: page.SignedMoney(a.Actual-a.Expected, a.Currency, false), Change: change, Cost: page.Money(a.Actual, a.Currency, false),
		})
	}
	if len(m.Rows) == 0 {
		nothingFound(&m.Fresh, found)
	}
	return m
}

// nothingFound says why a list of anomalies is empty.
func nothingFound(f *page.Freshness, found cost.AnomalyReport) {
	loading := f.State == page.FirstSync && f.HasRows
	switch c := found.Coverage; {
	case loading, f.State == page.Ready && c.Covered == 0:
		f.State, f.EmptyTitle = page.NeverSynced, "No day judged yet"
		f.EmptyText = "A tenant's days are judged when all its subscriptions have been read for them."
	case f.State == page.Ready:
		f.State, f.EmptyTitle = page.Empty, "Nothing stands out"
		f.EmptyText = "Checked the settled days of " + days(found.Ask.Period) + " of " + page.Plural(c.Covered, "tenant", "tenants") + ". " + thresholds(found.Options)
	}
}

// thresholds says what counts as an anomaly.
func thresholds(o cost.DetectOptions) string {
	return "A change counts from " + strconv.FormatFloat(o.Score, 'f', -1, 64) + " robust sigmas and " + wholePercent(o.Share) + " of what was expected (" +
		wholePercent(o.ShareShort) + " on a single day), and from " + page.Money(o.FloorUSD, cost.USD, true) + " a day."
}

func wholePercent(share float64) string { return strconv.FormatFloat(share*100, 'f', -1, 64) + "%" }

// kindWords name what an anomaly looks like.
var kindWords = map[cost.Kind]string{
	cost.KindSpike: "Spike", cost.KindDrop: "Drop", cost.KindStep: "Step", cost.KindGrowth: "Slow growth",
	cost.KindNew: "New", cost.KindVanished: "Vanished", cost.KindRecurring: "Recurring",
}

// anomalyWhere is the lowest level that changed: the service, the subscription or all of the tenant.
func anomalyWhere(a cost.Anomaly) string {
	switch {
	case a.Service != "":
		return a.Service
	case a.Subscription != "":
		return subscriptionName(a.SubscriptionName, a.Subscription)
	}
	return "All services"
}

// subscriptionName is a subscription's name, or its shortened id.
func subscriptionName(name, id string) string {
	if name == "" && len(id) > 12 {
		return id[:4] + "…" + id[len(id)-4:]
	}
	return name
}

func anomalyWhen(a cost.Anomaly) string {
	if a.Lasting && a.To > a.From {
		return "since " + a.From.Time().Format("2 Jan")
	}
	return page.ShortDays(a.From.Time(), max(a.From, a.To).Time())
}

// marks are the largest anomalies that nobody expects, one a day.
func marks(q *request, t cost.Trend, found cost.AnomalyReport) []page.ChartMark {
	var out []page.ChartMark
	seen := map[fresnel.Day]bool{}
	for _, a := range found.Anomalies {
		at := a.From
		if a.Kind == cost.KindSpike || a.Kind == cost.KindDrop {
			at = a.Peak
		}
		i, ok := slices.BinarySearch(t.Steps, at)
		if !ok || seen[at] || len(out) == 5 || a.State == fresnel.StateExpected {
			continue
		}
		seen[at] = true
		label := anomalyWhere(a)
		if len(q.chosen) != 1 {
			label, _, _ = strings.Cut(a.TenantName, " ")
		}
		change := page.ShortChange(a.Actual, a.Expected, a.Currency)
		if a.Expected == 0 {
			change = "new cost"
		}
		out = append(out, page.ChartMark{Slot: i, Label: label + " " + change, URL: anomalyURL(q, a)})
	}
	return out
}

// anomalyURL shows the days around an anomaly, with the week before, of what changed.
func anomalyURL(q *request, a cost.Anomaly) string {
	until := min(max(a.From, a.To), a.From+60)
	to := q.query.Scope().WithTenants(string(a.Tenant)).WithDays((a.From - 7).Time(), until.Time()).WithGroup("service").WithMetric("amortized")
	if a.Subscription != "" {
		to = to.WithSubs(a.Subscription)
	}
	if a.Service != "" {
		to = to.WithService(a.Service).WithGroup("resource-group")
	}
	return to.URL(page.PathCosts)
}
