package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"fresnel"
	"fresnel/internal/cost"
)

type costQuery struct {
	Type       string         `json:"type"`
	Timeframe  string         `json:"timeframe"`
	TimePeriod costTimePeriod `json:"timePeriod"`
	Dataset    costDataset    `json:"dataset"`
}

type costTimePeriod struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type costDataset struct {
	Granularity string                    `json:"granularity"`
	Aggregation map[string]costAggregator `json:"aggregation"`
	Grouping    []costGrouping            `json:"grouping"`
}

type costAggregator struct {
	Name     string `json:"name"`
	Function string `json:"function"`
}

type costGrouping struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

const costAPIVersion = "2025-03-01"

// costRequest asks for a window by the keys of its cut, in the billing
// currency and in Azure's own conversion to USD. Older agreements know their
// cost only before tax: their columns have other names.
func costRequest(w cost.Window, preTax bool) costQuery {
	metric := "ActualCost"
	if w.Metric == cost.Amortized {
		metric = "AmortizedCost"
	}
	last := w.Days.To - 1
	f := formOf(w.Cut, preTax)
	return costQuery{
		Type: metric, Timeframe: "Custom",
		TimePeriod: costTimePeriod{w.Days.From.String() + "T00:00:00Z", last.String() + "T23:59:59Z"},
		Dataset: costDataset{
			Granularity: f.granularity,
			Aggregation: map[string]costAggregator{"totalCost": {f.cost, "Sum"}, "totalCostUSD": {f.usd, "Sum"}},
			Grouping:    []costGrouping{{"Dimension", f.key}, {"Dimension", "ServiceName"}},
		},
	}
}

// costForm is how a cut is asked for and told.
type costForm struct {
	granularity, date string // the date's column
	key, alias        string // the cut's own column, and its other name
	cost, usd         string
}

func formOf(c cost.Cut, preTax bool) costForm {
	f := costForm{granularity: "Daily", date: "UsageDate", key: "ResourceGroupName", alias: "ResourceGroup", cost: "Cost", usd: "CostUSD"}
	switch c {
	case cost.CutGroups:
	case cost.CutCharges:
		f.key, f.alias = "ChargeType", ""
	case cost.CutResources:
		f.key, f.alias, f.granularity, f.date = "ResourceId", "", "Monthly", "BillingMonth"
	}
	if preTax {
		f.cost, f.usd = "PreTaxCost", "PreTaxCostUSD"
	}
	return f
}

// maxQueryDays is the longest period of a query: Azure cuts longer ones
// silently, at 31 days or 12 months.
func maxQueryDays(c cost.Cut) int {
	if c == cost.CutResources {
		return 366
	}
	return 31
}

// malformedTries is how often a page that cannot be read is asked for again:
// what proxies and overloaded services garble, they mostly garble once.
const malformedTries = 4

// Costs implements cost.Source with Cost Management's query at subscription
// scope. Rows of the same key, which may stand on several pages or differ in
// case only, are added up before they are rounded.
func (c *Client) Costs(ctx context.Context, t fresnel.Tenant, w cost.Window) iter.Seq2[cost.Line, error] {
	return func(yield func(cost.Line, error) bool) {
		lines, err := c.costs(ctx, t, w)
		if err != nil {
			yield(cost.Line{}, err)
			return
		}
		for i := range lines.rows {
			if !yield(lines.line(&lines.rows[i]), nil) {
				return
			}
		}
	}
}

func (c *Client) costs(ctx context.Context, t fresnel.Tenant, w cost.Window) (*costLines, error) {
	if w.Days.Days() > maxQueryDays(w.Cut) {
		return nil, fresnel.Errorf(fresnel.Internal, "a cost query of %d days", w.Days.Days())
	}
	cred, err := c.creds.of(t)
	if err != nil {
		return nil, err
	}
	ctx = withBuckets(ctx, len(w.Days.Months()),
		c.limits.bucket("scope", w.Subscription, costScopeRules()),
		c.limits.bucket("tenant", string(t.ID), costTenantRules()),
		c.limits.bucket("client", clientType, costClientRules()),
		c.limits.bucket("principal", cred.principal, costPrincipalRules()))
	preTax := c.preTax.has(w.Subscription)
	lines, err := c.costPages(ctx, cred, w, preTax)
	if _, ok := errors.AsType[*noCostColumn](err); ok && !preTax {
		c.preTax.add(w.Subscription) // its agreement does not change: ask rightly from now on
		return c.costPages(ctx, cred, w, true)
	}
	return lines, err
}

// noCostColumn is Azure's refusal to sum up Cost, which older agreements lack.
type noCostColumn struct{ error }

func (e *noCostColumn) Unwrap() error { return e.error }

func (c *Client) costPages(ctx context.Context, cred *credential, w cost.Window, preTax bool) (*costLines, error) {
	body, err := json.Marshal(costRequest(w, preTax))
	if err != nil {
		return nil, err
	}
	q := costPages{c: c, pl: c.pipeline("cost", cred), body: body, subscription: w.Subscription, form: formOf(w.Cut, preTax)}
	link := runtime.JoinPaths(c.cfg.ResourceManagerURL, "/subscriptions/"+w.Subscription+"/providers/Microsoft.CostManagement/query") +
		"?api-version=" + costAPIVersion + "&$top=5000"
	lines := &costLines{cut: w.Cut, at: map[costKey]int{}}
	for range maxPages {
		page, err := q.get(ctx, link)
		if err != nil {
			return nil, err
		}
		for _, r := range page.rows {
			if err := lines.add(r); err != nil {
				return nil, err
			}
		}
		if page.next == "" {
			return lines, nil
		}
		if link, err = c.nextLink(page.next); err != nil {
			return nil, err
		}
	}
	return nil, fresnel.Errorf(fresnel.Unavailable, "Cost Management's answer for %s does not end", w.Subscription)
}

// costPages reads the pages of one query. The next page is asked for with POST
// and the same body.
type costPages struct {
	c            *Client
	pl           runtime.Pipeline
	body         []byte
	subscription string
	form         costForm
}

type costPage struct {
	rows []costRow
	next string
}

func (q costPages) get(ctx context.Context, link string) (costPage, error) {
	for try := 1; ; try++ {
		page, err := q.once(ctx, link)
		var bad *malformed
		if err == nil || !errors.As(err, &bad) {
			return page, err
		}
		if try == malformedTries {
			return page, &fresnel.Error{Kind: fresnel.Unavailable, Msg: "Cost Management's answer cannot be read: " + bad.why, Do: "Nothing was stored from it; Fresnel tries again with the next run.", Err: err}
		}
		if err := sleep(ctx, backoff(try)); err != nil {
			return page, err
		}
	}
}

func (q costPages) once(ctx context.Context, link string) (costPage, error) {
	req, err := runtime.NewRequest(ctx, http.MethodPost, link)
	if err != nil {
		return costPage{}, err
	}
	req.Raw().Header.Set("ClientType", clientType)
	if err := req.SetBody(streaming.NopCloser(bytes.NewReader(q.body)), "application/json"); err != nil {
		return costPage{}, err
	}
	resp, err := q.pl.Do(req)
	if err != nil {
		return costPage{}, transportError(ctx, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return parseCostPage(resp.Body, q.form)
	case http.StatusNoContent:
		return costPage{}, nil
	}
	err = statusError(resp, "Cost Management", "subscription "+q.subscription)
	if resp.StatusCode == http.StatusBadRequest && q.form.cost == "Cost" && refusesCost(err) {
		return costPage{}, &noCostColumn{err}
	}
	return costPage{}, err
}
