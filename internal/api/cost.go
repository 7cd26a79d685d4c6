package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// Figure is an amount with what it is compared with.
type Figure struct {
	Cost     Money    `json:"cost" doc:"The whole period"`
	Compared Money    `json:"compared" doc:"The settled days that are compared, of tenants that have both periods"`
	Previous Money    `json:"previous" doc:"The same days before, of the same tenants"`
	Change   *float64 `json:"change_percent" doc:"Null where nothing was there before"`
}

func figure(f cost.Figure) Figure {
	out := Figure{Cost: money(f.Now, f.Currency), Compared: money(f.Compared, f.Currency), Previous: money(f.Before, f.Currency)}
	if c, ok := f.Change(); ok {
		out.Change = &c
	}
	return out
}

func figures(fs []cost.Figure) []Figure {
	out := make([]Figure, len(fs))
	for i, f := range fs {
		out[i] = figure(f)
	}
	return out
}

// Summary is the cost of a period. Known is false where Azure has reported no
// cost: then there are no figures, and zero would be a guess.
type Summary struct {
	Known  bool     `json:"known"`
	Totals []Figure `json:"totals" doc:"One per billing currency; they are never added"`
	USD    *Figure  `json:"usd" doc:"All currencies as Azure converts them (CostUSD); null when not known"`
}

type summaryOutput struct {
	Body struct {
		Data Summary `json:"data"`
		Meta Meta    `json:"meta"`
	}
}

func (h handlers) costSummary(ctx context.Context, in *CostInput) (*summaryOutput, error) {
	s, a, err := h.ask(ctx, *in)
	if err != nil {
		return nil, err
	}
	b, err := h.Reports.Breakdown(ctx, s, a)
	if err != nil {
		return nil, err
	}
	out := &summaryOutput{}
	out.Body.Meta = breakdownMeta(h.Now(), b)
	out.Body.Data = Summary{Known: b.Known(), Totals: figures(b.Total.Figures)}
	if b.Known() {
		usd := figure(b.Total.USD)
		out.Body.Data.USD = &usd
	}
	return out, nil
}

func breakdownMeta(now time.Time, b cost.Breakdown) Meta {
	m := costMeta(now, b.Ask, b.Coverage)
	if b.Compared.Days() > 0 {
		m.Compared = &Comparison{Period: period(b.Compared), With: period(b.Before), LeftOut: []string{}}
		for _, t := range b.LeftOut {
			m.Compared.LeftOut = append(m.Compared.LeftOut, string(t))
		}
	}
	return m
}

// CostRow is a row of a breakdown.
type CostRow struct {
	TenantID       string   `json:"tenant_id,omitempty"`
	SubscriptionID string   `json:"subscription_id,omitempty"`
	Service        *string  `json:"service,omitempty"`
	ResourceGroup  *string  `json:"resource_group,omitempty" doc:"Lower case; empty = not assigned to a group"`
	ChargeType     *string  `json:"charge_type,omitempty"`
	Resource       *string  `json:"resource,omitempty" doc:"ARM id, lower case; empty = of no resource"`
	Name           string   `json:"name,omitempty"`
	Figures        []Figure `json:"figures" doc:"One per billing currency"`
	USD            Figure   `json:"usd" doc:"As Azure converts it (CostUSD)"`
	Share          *float64 `json:"share_percent" doc:"Of CostUSD; null where the total is not positive"`
}

type costByInput struct {
	CostInput
	ListInput
	Sort string `query:"sort" enum:"-cost,cost,name,-name,change,-change" default:"-cost" doc:"- before a word: largest first"`
}

type costByOutput struct {
	Body struct {
		Data []CostRow `json:"data"`
		Meta Meta      `json:"meta"`
	}
}

// kinds of breakdown: which keys, and how a row names them.
type breakdownKind struct {
	by   cost.By
	name func(*CostRow, cost.Row)
}

var (
	byTenant       = breakdownKind{cost.ByTenant, func(o *CostRow, r cost.Row) { o.TenantID = string(r.Tenant) }}
	bySubscription = breakdownKind{cost.ByTenant | cost.BySubscription, func(o *CostRow, r cost.Row) {
		o.TenantID, o.SubscriptionID = string(r.Tenant), r.Subscription
	}}
	byService = breakdownKind{cost.ByService, func(o *CostRow, r cost.Row) { o.Service = &r.Service }}
	byGroup   = breakdownKind{cost.ByTenant | cost.BySubscription | cost.ByGroup, func(o *CostRow, r cost.Row) {
		o.TenantID, o.SubscriptionID, o.ResourceGroup = string(r.Tenant), r.Subscription, &r.Group
	}}
	byCharge   = breakdownKind{cost.ByCharge, func(o *CostRow, r cost.Row) { o.ChargeType = &r.Charge }}
	byResource = breakdownKind{cost.ByTenant | cost.BySubscription | cost.ByResource, func(o *CostRow, r cost.Row) {
		o.TenantID, o.SubscriptionID, o.Resource = string(r.Tenant), r.Subscription, &r.Resource
	}}
)

func (h handlers) costBy(k breakdownKind) func(context.Context, *costByInput) (*costByOutput, error) {
	return func(ctx context.Context, in *costByInput) (*costByOutput, error) {
		s, a, err := h.ask(ctx, in.CostInput)
		if err != nil {
			return nil, err
		}
		b, err := h.breakdown(ctx, s, a, k)
		if err != nil {
			return nil, err
		}
		cost.SortRows(b.Rows, in.Sort, cost.Unit{Currency: cost.USD, Converted: true})
		rows, next, err := cut(b.Rows, cost.Row.Key, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		out := &costByOutput{}
		out.Body.Meta = breakdownMeta(h.Now(), b)
		total := len(b.Rows)
		out.Body.Meta.Total, out.Body.Meta.NextCursor = &total, next
		out.Body.Data = make([]CostRow, len(rows))
		for i, r := range rows {
			out.Body.Data[i] = k.row(r, b.Total)
		}
		return out, nil
	}
}

func (h handlers) breakdown(ctx context.Context, s fresnel.Scope, a cost.Ask, k breakdownKind) (cost.Breakdown, error) {
	a.By = k.by
	if k.by.Has(cost.ByResource) {
		tenants, err := h.Tenants.List(ctx, s)
		if err != nil {
			return cost.Breakdown{}, err
		}
		if len(tenants) > maxResourceTenants {
			return cost.Breakdown{}, fresnel.Errorf(fresnel.Invalid, "resources are told of at most %d tenants at a time: name some with tenant=, or take by-resource.csv", maxResourceTenants)
		}
	}
	return h.Reports.Breakdown(ctx, s, a)
}

// maxResourceTenants bounds an answer that has a row for every resource.
const maxResourceTenants = 20

func (k breakdownKind) row(r, total cost.Row) CostRow {
	o := CostRow{Name: r.Name, Figures: figures(r.Figures), USD: figure(r.USD)}
	if share, ok := r.Share(total); ok {
		o.Share = &share
	}
	k.name(&o, r)
	return o
}

// Trend is cost over time.
type Trend struct {
	Granularity string        `json:"granularity" enum:"daily,monthly"`
	Steps       []TrendStep   `json:"steps"`
	Series      []TrendSeries `json:"series" doc:"The largest groups, then the rest as one; they add up to the steps"`
}

// TrendStep is a day or month. Without known, Azure has not told its cost yet.
type TrendStep struct {
	Date    string  `json:"date" format:"date" doc:"The day, or the month's first"`
	Known   bool    `json:"known"`
	Settled bool    `json:"settled" doc:"It no longer grows"`
	Totals  []Money `json:"totals" doc:"One per billing currency"`
	USD     *Money  `json:"usd" doc:"As Azure converts it (CostUSD)"`
}

// TrendSeries is one group over the steps, in CostUSD.
type TrendSeries struct {
	Name   string   `json:"name"`
	ID     string   `json:"id,omitempty"`
	Others int      `json:"others,omitempty" doc:"How many groups it folds together"`
	USD    []string `json:"usd" doc:"Exact decimal text per step"`
}

type trendInput struct {
	CostInput
	Group       string `query:"group" enum:"none,tenant,service,subscription,charge-type" default:"none"`
	Accumulated bool   `query:"accumulated" doc:"Each step with all before it"`
	Granularity string `query:"granularity" enum:"daily,monthly" default:"daily"`
}

type trendOutput struct {
	Body struct {
		Data Trend `json:"data"`
		Meta Meta  `json:"meta"`
	}
}

func (h handlers) trend(ctx context.Context, in *trendInput) (cost.Trend, error) {
	s, a, err := h.ask(ctx, in.CostInput)
	if err != nil {
		return cost.Trend{}, err
	}
	a.By = map[string]cost.By{"tenant": cost.ByTenant, "service": cost.ByService, "subscription": cost.BySubscription, "charge-type": cost.ByCharge}[in.Group]
	a.Versus, a.Against = cost.VersusNone, fresnel.Period{}
	t, err := h.Reports.Trend(ctx, s, a, in.Granularity == "monthly")
	if err == nil && in.Accumulated {
		t = t.Accumulated()
	}
	return t, err
}

func (h handlers) costTrends(ctx context.Context, in *trendInput) (*trendOutput, error) {
	t, err := h.trend(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &trendOutput{}
	out.Body.Meta = costMeta(h.Now(), t.Ask, t.Coverage)
	out.Body.Data = Trend{Granularity: in.Granularity, Steps: make([]TrendStep, len(t.Steps)), Series: []TrendSeries{}}
	currencies := make([]string, 0, len(t.Total.Currencies))
	for c := range t.Total.Currencies {
		currencies = append(currencies, c)
	}
	slices.Sort(currencies)
	for i, d := range t.Steps {
		step := TrendStep{Date: d.String(), Known: t.Known[i], Settled: t.Settled(i), Totals: []Money{}}
		if t.Known[i] {
			for _, c := range currencies {
				step.Totals = append(step.Totals, money(t.Total.Currencies[c][i], c))
			}
			usd := money(t.Total.USDValues[i], cost.USD)
			step.USD = &usd
		}
		out.Body.Data.Steps[i] = step
	}
	for _, s := range t.Series {
		out.Body.Data.Series = append(out.Body.Data.Series, series(s))
	}
	return out, nil
}

func series(s cost.Series) TrendSeries {
	o := TrendSeries{Name: s.Row.Label(), ID: strings.Trim(string(s.Row.Tenant)+s.Row.Subscription, "|"), Others: s.Other, USD: make([]string, len(s.USDValues))}
	if s.Other > 0 {
		o.Name, o.ID = "Other", ""
	}
	for i, v := range s.USDValues {
		o.USD[i] = fresnel.Money{Micros: v}.Decimal()
	}
	return o
}

// Restated is a settled day whose cost changed afterwards.
type Restated struct {
	TenantID       string    `json:"tenant_id"`
	SubscriptionID string    `json:"subscription_id"`
	Date           string    `json:"date" format:"date"`
	Before         Money     `json:"before"`
	After          Money     `json:"after"`
	SeenAt         time.Time `json:"seen_at"`
}

type restatedOutput struct {
	Body struct {
		Data []Restated `json:"data"`
		Meta Meta       `json:"meta"`
	}
}

type restatedInput struct {
	CostInput
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The newest so many"`
}

// restated asks for restated days, which are kept by subscription.
func (h handlers) restated(ctx context.Context, in *restatedInput) (fresnel.Scope, cost.Ask, error) {
	s, a, err := h.ask(ctx, in.CostInput)
	if err == nil && len(a.Groups)+len(a.Charges)+len(a.Services) > 0 {
		err = fresnel.Errorf(fresnel.Invalid, "restated days are told by subscription: leave out service, resource_group and charge_type")
	}
	return s, a, err
}

func (h handlers) costRestated(ctx context.Context, in *restatedInput) (*restatedOutput, error) {
	s, a, err := h.restated(ctx, in)
	if err != nil {
		return nil, err
	}
	list, err := h.Reports.Restated(ctx, s, a, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &restatedOutput{}
	p := period(a.Period)
	out.Body.Meta = Meta{Period: &p, Metric: a.Metric.String(), GeneratedAt: h.Now().UTC()}
	out.Body.Data = make([]Restated, len(list))
	for i, r := range list {
		out.Body.Data[i] = Restated{
			TenantID: string(r.Tenant), SubscriptionID: r.Subscription, Date: r.Day.String(),
			Before: money(r.Old, r.Currency), After: money(r.New, r.Currency), SeenAt: r.Seen,
		}
	}
	return out, nil
}
