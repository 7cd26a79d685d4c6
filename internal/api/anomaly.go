package api

import (
	"context"
	"math"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// Anomaly is an unusual change of cost.
type Anomaly struct {
	ID               int64         `json:"id"`
	Kind             string        `json:"kind" enum:"spike,drop,step,growth,new,vanished,recurring"`
	State            string        `json:"state" enum:"open,acknowledged,expected,resolved"`
	TenantID         string        `json:"tenant_id"`
	TenantName       string        `json:"tenant_name"`
	SubscriptionID   string        `json:"subscription_id,omitempty" doc:"Absent where the change is of the tenant as a whole"`
	SubscriptionName string        `json:"subscription_name,omitempty"`
	Service          string        `json:"service,omitempty" doc:"Absent where the change is of the subscription as a whole"`
	From             string        `json:"from" format:"date" doc:"The first day"`
	To               string        `json:"to" format:"date" doc:"The last day so far"`
	Lasting          bool          `json:"lasting" doc:"It still holds on the last settled day"`
	Cost             Money         `json:"cost" doc:"Of one day: the one that differs most, or the mean of a lasting change"`
	Expected         Money         `json:"expected" doc:"What the weekday and the trend let expect of that day"`
	USD              Money         `json:"usd"`
	USDExpected      Money         `json:"usd_expected"`
	Percent          *float64      `json:"change_percent" doc:"Null where nothing was expected"`
	Score            float64       `json:"score" doc:"Robust sigmas from what was expected"`
	Contributors     []Contributor `json:"contributors" doc:"What adds most to a change of a whole subscription or tenant"`
	FirstSeen        time.Time     `json:"first_seen"`
	Verdict          *Said         `json:"verdict,omitempty" doc:"What somebody said about it"`
}

// Contributor is a lower series and what it adds to a change.
type Contributor struct {
	SubscriptionID string `json:"subscription_id,omitempty"`
	Service        string `json:"service,omitempty"`
	USDChange      Money  `json:"usd_change"`
}

// Said is a verdict.
type Said struct {
	Verdict string     `json:"verdict" enum:"acknowledged,expected"`
	Note    string     `json:"note"`
	Author  string     `json:"author"`
	At      time.Time  `json:"at"`
	Expires *time.Time `json:"expires,omitempty"`
}

func anomaly(a cost.Anomaly) Anomaly {
	o := Anomaly{
		ID: a.ID, Kind: string(a.Kind), State: string(a.State), TenantID: string(a.Tenant), TenantName: a.TenantName,
		SubscriptionID: a.Subscription, SubscriptionName: a.SubscriptionName, Service: a.Service,
		From: a.From.String(), To: a.To.String(), Lasting: a.Lasting,
		Cost: money(a.Actual, a.Currency), Expected: money(a.Expected, a.Currency),
		USD: money(a.USDActual, cost.USD), USDExpected: money(a.USDExpected, cost.USD), Contributors: []Contributor{}, FirstSeen: a.First,
	}
	if p, ok := a.Percent(); ok {
		o.Percent = &p
	}
	if !math.IsInf(a.Score, 0) && !math.IsNaN(a.Score) {
		o.Score = a.Score
	}
	for _, c := range a.Contributors {
		o.Contributors = append(o.Contributors, Contributor{c.Subscription, c.Service, money(c.USDChange, cost.USD)})
	}
	if a.Exception != nil {
		o.Verdict = said(*a.Exception)
	}
	return o
}

type anomalyInput struct {
	CostInput
	ListInput
	State string `query:"state" enum:"open,acknowledged,expected,all" default:"all"`
}

type anomalyOutput struct {
	Body struct {
		Data []Anomaly `json:"data"`
		Meta Meta      `json:"meta"`
	}
}

type anomalyAsk func(context.Context, fresnel.Scope, cost.Ask) (cost.AnomalyReport, error)

func (h handlers) costAnomalies(report anomalyAsk) func(ctx context.Context, in *anomalyInput) (*anomalyOutput, error) {
	return func(ctx context.Context, in *anomalyInput) (*anomalyOutput, error) {
		rep, err := h.anomalies(ctx, in, report)
		if err != nil {
			return nil, err
		}
		rows, next, err := cut(rep.Anomalies, cost.Anomaly.Key, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		out := &anomalyOutput{}
		out.Body.Meta = costMeta(h.Now(), rep.Ask, rep.Coverage)
		total := len(rep.Anomalies)
		out.Body.Meta.Total, out.Body.Meta.NextCursor = &total, next
		out.Body.Data = make([]Anomaly, len(rows))
		for i, r := range rows {
			out.Body.Data[i] = anomaly(r)
		}
		return out, nil
	}
}

// anomalies gives those of the state that was asked for.
func (h handlers) anomalies(ctx context.Context, in *anomalyInput, report anomalyAsk) (cost.AnomalyReport, error) {
	s, a, err := h.ask(ctx, in.CostInput)
	if err != nil {
		return cost.AnomalyReport{}, err
	}
	if len(a.Groups)+len(a.Charges) > 0 {
		return cost.AnomalyReport{}, fresnel.Errorf(fresnel.Invalid, "anomalies are of services, subscriptions and tenants: leave out resource_group and charge_type")
	}
	rep, err := report(ctx, s, a)
	if err != nil || in.State == "all" || in.State == "" {
		return rep, err
	}
	kept := rep.Anomalies[:0]
	for _, r := range rep.Anomalies {
		if string(r.State) == in.State {
			kept = append(kept, r)
		}
	}
	rep.Anomalies = kept
	return rep, nil
}

type oneAnomalyInput struct {
	ID int64 `path:"id" minimum:"1"`
}

type oneAnomalyOutput struct {
	Body struct {
		Data Anomaly `json:"data"`
	}
}

func (h handlers) costAnomaly(ctx context.Context, in *oneAnomalyInput) (*oneAnomalyOutput, error) {
	a, err := h.Reports.Anomaly(ctx, fresnel.ScopeFrom(ctx), in.ID)
	out := &oneAnomalyOutput{}
	out.Body.Data = anomaly(a)
	return out, err
}

type verdictInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Verdict string `json:"verdict" enum:"acknowledged,expected,open" doc:"acknowledged: of this anomaly; expected: of all of its series until expires; open: takes both back"`
		Note    string `json:"note,omitempty" maxLength:"2000" doc:"Why; needed for expected"`
		Expires string `json:"expires,omitempty" maxLength:"10" doc:"The last day on which it is expected, yyyy-mm-dd, within a year; needed for expected"`
	}
}

func (h handlers) judgeAnomaly(ctx context.Context, in *verdictInput) (*oneAnomalyOutput, error) {
	v := fresnel.Verdict(in.Body.Verdict)
	if v == "open" {
		v = ""
	}
	expires, err := endOf(in.Body.Expires)
	if err != nil {
		return nil, err
	}
	a, err := h.Reports.Judge(ctx, fresnel.ScopeFrom(ctx), in.ID, v, in.Body.Note, author(ctx), expires)
	out := &oneAnomalyOutput{}
	out.Body.Data = anomaly(a)
	return out, err
}

// endOf is the end of a day, "" = none.
func endOf(day string) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	d, err := fresnel.ParseDay(day)
	return (d + 1).Time(), err
}

// author names the viewer of a request.
func author(context.Context) string { return "local" }

// Rise is a day on which a service of a tenant cost much more than before.
type Rise struct {
	TenantID    string   `json:"tenant_id"`
	TenantName  string   `json:"tenant_name"`
	Service     string   `json:"service"`
	Date        string   `json:"date" format:"date"`
	Cost        Money    `json:"cost"`
	Expected    Money    `json:"expected" doc:"The larger of the day before and the same weekday a week before"`
	Percent     *float64 `json:"rise_percent" doc:"Null where nothing was expected"`
	USD         Money    `json:"usd"`
	USDExpected Money    `json:"usd_expected"`
}

type riseInput struct {
	CostInput
	ListInput
}

type riseOutput struct {
	Body struct {
		Data []Rise `json:"data"`
		Meta Meta   `json:"meta"`
	}
}

func (h handlers) costRises(ctx context.Context, in *riseInput) (*riseOutput, error) {
	rep, err := h.rises(ctx, in)
	if err != nil {
		return nil, err
	}
	rows, next, err := cut(rep.Rises, cost.Rise.Key, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &riseOutput{}
	out.Body.Meta = costMeta(h.Now(), rep.Ask, rep.Coverage)
	total := len(rep.Rises)
	out.Body.Meta.Total, out.Body.Meta.NextCursor = &total, next
	out.Body.Data = make([]Rise, len(rows))
	for i, r := range rows {
		o := Rise{
			TenantID: string(r.Tenant), TenantName: r.TenantName, Service: r.Service, Date: r.Day.String(),
			Cost: money(r.Micros, r.Currency), Expected: money(r.Expected, r.Currency),
			USD: money(r.USDMicros, cost.USD), USDExpected: money(r.USDExpected, cost.USD),
		}
		if p, ok := r.Percent(); ok && !math.IsInf(p, 0) {
			o.Percent = &p
		}
		out.Body.Data[i] = o
	}
	return out, nil
}

func (h handlers) rises(ctx context.Context, in *riseInput) (cost.RiseReport, error) {
	s, a, err := h.ask(ctx, in.CostInput)
	if err != nil {
		return cost.RiseReport{}, err
	}
	if in.Metric == "" {
		a.Metric = cost.Amortized // a purchase on the day it is billed is no rise
	}
	return h.Reports.Rises(ctx, s, a)
}
