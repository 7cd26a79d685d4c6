package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"
	"time"

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

// costRequest asks for a window by day, resource group and service, in the
// billing currency and in Azure's own conversion to USD.
func costRequest(w cost.Window) costQuery {
	metric := "ActualCost"
	if w.Metric == cost.Amortized {
		metric = "AmortizedCost"
	}
	last := w.Days.To - 1
	return costQuery{
		Type: metric, Timeframe: "Custom",
		TimePeriod: costTimePeriod{w.Days.From.String() + "T00:00:00Z", last.String() + "T23:59:59Z"},
		Dataset: costDataset{
			Granularity: "Daily",
			Aggregation: map[string]costAggregator{"totalCost": {"Cost", "Sum"}, "totalCostUSD": {"CostUSD", "Sum"}},
			Grouping:    []costGrouping{{"Dimension", "ResourceGroupName"}, {"Dimension", "ServiceName"}},
		},
	}
}

// malformedTries is how often a page that cannot be read is asked for again:
// what proxies and overloaded services garble, they mostly garble once.
const malformedTries = 4

// DailyCosts implements cost.Source with Cost Management's query at
// subscription scope.
func (c *Client) DailyCosts(ctx context.Context, t fresnel.Tenant, w cost.Window) iter.Seq2[cost.Line, error] {
	return func(yield func(cost.Line, error) bool) {
		if w.Days.Days() > 31 {
			yield(cost.Line{}, fresnel.Errorf(fresnel.Internal, "a daily cost query of %d days", w.Days.Days()))
			return
		}
		cred, err := c.creds.of(t)
		if err != nil {
			yield(cost.Line{}, err)
			return
		}
		body, err := json.Marshal(costRequest(w))
		if err != nil {
			yield(cost.Line{}, err)
			return
		}
		ctx = withBuckets(ctx,
			c.limits.bucket("scope", w.Subscription, costScopeRules()),
			c.limits.bucket("tenant", string(t.ID), costTenantRules()),
			c.limits.bucket("client", clientType, costClientRules()),
			c.limits.bucket("principal", cred.principal, costPrincipalRules()))
		q := costPages{c: c, pl: c.pipeline("cost", cred), body: body, subscription: w.Subscription}
		link := runtime.JoinPaths(c.cfg.ResourceManagerURL, "/subscriptions/"+w.Subscription+"/providers/Microsoft.CostManagement/query") +
			"?api-version=" + costAPIVersion + "&$top=5000"
		for range maxPages {
			page, err := q.get(ctx, link)
			if err != nil {
				yield(cost.Line{}, err)
				return
			}
			for _, l := range page.lines {
				if !yield(l, nil) {
					return
				}
			}
			if page.next == "" {
				return
			}
			if link, err = c.nextLink(page.next); err != nil {
				yield(cost.Line{}, err)
				return
			}
		}
		yield(cost.Line{}, fresnel.Errorf(fresnel.Unavailable, "Cost Management's answer for %s does not end", w.Subscription))
	}
}

// costPages reads the pages of one query. The next page is asked for with POST
// and the same body.
type costPages struct {
	c            *Client
	pl           runtime.Pipeline
	body         []byte
	subscription string
}

type costPage struct {
	lines []cost.Line
	next  string
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
		return parseCostPage(resp.Body)
	case http.StatusNoContent:
		return costPage{}, nil
	}
	return costPage{}, statusError(resp, "Cost Management", "subscription "+q.subscription)
}

// malformed is an answer that is not what the contract says.
type malformed struct{ why string }

func (m *malformed) Error() string { return "azure: cost answer: " + m.why }

// costColumn holds where a column is in the rows; -1 = absent.
type costColumns struct{ cost, usd, date, group, service, currency int }

// findColumns looks the columns up by name: their order differs by agreement
// and grouping.
func findColumns(names []string) (costColumns, error) {
	at := func(name string) int {
		for i, n := range names {
			if strings.EqualFold(n, name) {
				return i
			}
		}
		return -1
	}
	c := costColumns{at("Cost"), at("CostUSD"), at("UsageDate"), at("ResourceGroupName"), at("ServiceName"), at("Currency")}
	if c.group < 0 {
		c.group = at("ResourceGroup")
	}
	for name, i := range map[string]int{"Cost": c.cost, "CostUSD": c.usd, "UsageDate": c.date, "ResourceGroupName": c.group, "ServiceName": c.service, "Currency": c.currency} {
		if i < 0 {
			return c, &malformed{"column " + name + " is missing"}
		}
	}
	return c, nil
}

type costAnswer struct {
	Properties *struct {
		NextLink *string `json:"nextLink"`
		Columns  []struct {
			Name string `json:"name"`
		} `json:"columns"`
		Rows [][]json.RawMessage `json:"rows"`
	} `json:"properties"`
}

// parseCostPage reads one answer of the query API. Every row must hold a day,
// a currency and both amounts: null is unknown, and unknown is not zero.
func parseCostPage(r interface{ Read([]byte) (int, error) }) (costPage, error) {
	var a costAnswer
	if err := json.NewDecoder(r).Decode(&a); err != nil {
		return costPage{}, &malformed{"not JSON: " + clip(err.Error())}
	}
	if a.Properties == nil {
		return costPage{}, &malformed{"no properties"}
	}
	page := costPage{}
	if a.Properties.NextLink != nil {
		page.next = *a.Properties.NextLink
	}
	if len(a.Properties.Rows) == 0 {
		return page, nil // an empty page may have no columns, and may have a successor
	}
	names := make([]string, len(a.Properties.Columns))
	for i, c := range a.Properties.Columns {
		names[i] = c.Name
	}
	cols, err := findColumns(names)
	if err != nil {
		return page, err
	}
	page.lines = make([]cost.Line, len(a.Properties.Rows))
	for i, row := range a.Properties.Rows {
		if len(row) != len(names) {
			return costPage{}, &malformed{"a row has another number of values than there are columns"}
		}
		if page.lines[i], err = parseCostRow(row, cols); err != nil {
			return costPage{}, err
		}
	}
	return page, nil
}

func parseCostRow(row []json.RawMessage, c costColumns) (cost.Line, error) {
	var l cost.Line
	var err error
	if l.Day, err = parseUsageDate(string(row[c.date])); err != nil {
		return l, err
	}
	if l.Micros, err = parseAmount(row[c.cost]); err != nil {
		return l, err
	}
	if l.USDMicros, err = parseAmount(row[c.usd]); err != nil {
		return l, err
	}
	if l.Currency, err = parseText(row[c.currency]); err != nil {
		return l, err
	}
	if l.Currency = strings.ToUpper(strings.TrimSpace(l.Currency)); l.Currency == "" || len(l.Currency) > 16 {
		return l, &malformed{"a row has no currency"}
	}
	if l.ResourceGroup, err = parseText(row[c.group]); err != nil {
		return l, err
	}
	l.Service, err = parseText(row[c.service])
	return l, err
}

func parseAmount(raw json.RawMessage) (int64, error) {
	var a fresnel.Amount
	if err := a.Add(strings.Trim(string(raw), `"`)); err != nil {
		return 0, &malformed{"an amount is " + clip(string(raw))}
	}
	return a.Micros(), nil
}

// parseText reads a string; null is the empty group, as Azure means it.
func parseText(raw json.RawMessage) (string, error) {
	if string(raw) == "null" {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", &malformed{"a name is " + clip(string(raw))}
	}
	return s, nil
}

// parseUsageDate reads 20261101, as a number or as text.
func parseUsageDate(s string) (fresnel.Day, error) {
	t, err := time.Parse("20060102", strings.Trim(s, `"`))
	if err != nil || t.Year() < 2000 || t.Year() > 2200 {
		return 0, &malformed{"a date is " + clip(s)}
	}
	return fresnel.DayOf(t), nil
}
