package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// Forecast is where a month ends.
type Forecast struct {
	Month    string `json:"month" format:"date" doc:"The month's first day"`
	Spent    Money  `json:"spent" doc:"On the settled days of the month"`
	Expected Money  `json:"expected" doc:"The total at the month's end"`
	Low      Money  `json:"low" doc:"In 80 % of cases the month ends above it"`
	High     Money  `json:"high" doc:"and below this: low to high is an 80 % range"`
	Days     int    `json:"days" doc:"Days that are still foretold"`
	History  int    `json:"history_days" doc:"Settled days that it rests on"`
}

func forecast(m cost.MonthEnd, currency string) Forecast {
	return Forecast{
		Month: m.Month.String(), Spent: money(m.Spent, currency), Expected: money(m.Expected, currency),
		Low: money(m.Low, currency), High: money(m.High, currency), Days: m.Days, History: m.History,
	}
}

// Outlook is where the current month ends, as a whole and by rows.
type Outlook struct {
	Forecast *Forecast    `json:"forecast" doc:"Null with fewer than 28 settled days of history"`
	Rows     []OutlookRow `json:"rows,omitempty" doc:"Each of its own series: ranges do not add up"`
}

// OutlookRow is the forecast of one row.
type OutlookRow struct {
	TenantID string    `json:"tenant_id,omitempty"`
	Service  string    `json:"service,omitempty"`
	Name     string    `json:"name"`
	Forecast *Forecast `json:"forecast"`
}

type outlookInput struct {
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
	Sub    []string `query:"sub,explode" maxItems:"500" doc:"Subscription id (GUID); repeatable"`
	Metric string   `query:"metric" maxLength:"20" doc:"actual (default) or amortized"`
	FilterInput
	Group string `query:"group" enum:"none,tenant,service" default:"none"`
}

type outlookOutput struct {
	Body struct {
		Data Outlook `json:"data"`
		Meta Meta    `json:"meta"`
	}
}

func (h handlers) costForecast(ctx context.Context, in *outlookInput) (*outlookOutput, error) {
	s, a, err := h.ask(ctx, CostInput{Tenant: in.Tenant, Sub: in.Sub, Metric: in.Metric, FilterInput: in.FilterInput})
	if err != nil {
		return nil, err
	}
	a.By = map[string]cost.By{"tenant": cost.ByTenant, "service": cost.ByService}[in.Group]
	o, err := h.Reports.Outlook(ctx, s, a)
	if err != nil {
		return nil, err
	}
	out := &outlookOutput{}
	out.Body.Meta = costMeta(h.Now(), o.Ask, o.Coverage)
	if o.OK {
		f := forecast(o.End, o.Unit.Currency)
		out.Body.Data.Forecast = &f
	}
	for _, r := range o.Rows {
		row := OutlookRow{TenantID: string(r.Row.Tenant), Service: r.Row.Service, Name: r.Row.Label()}
		if r.OK {
			f := forecast(r.End, o.Unit.Currency)
			row.Forecast = &f
		}
		out.Body.Data.Rows = append(out.Body.Data.Rows, row)
	}
	return out, nil
}

// Budget is an amount for a calendar month, beside what is spent.
type Budget struct {
	ID            int64     `json:"id"`
	Name          string    `json:"name"`
	TenantID      string    `json:"tenant_id"`
	TenantName    string    `json:"tenant_name"`
	Subscriptions []string  `json:"subscriptions" doc:"Empty = all of the tenant"`
	Service       string    `json:"service" doc:"Empty = all"`
	Metric        string    `json:"metric" enum:"actual,amortized"`
	Amount        Money     `json:"amount" doc:"Per calendar month"`
	State         string    `json:"state" enum:"over,at-risk,on-track,unknown"`
	Spent         *Money    `json:"spent" doc:"This month so far, days that still grow included; null when not known"`
	Used          *float64  `json:"used_percent"`
	Forecast      *Forecast `json:"forecast"`
	Projected     *float64  `json:"projected_percent" doc:"The expected month's end in percent of the budget"`
	Complete      bool      `json:"complete" doc:"The tenant is read in full; else spent is a lower bound"`
	Author        string    `json:"author"`
	UpdatedAt     time.Time `json:"updated_at"`
}

func budget(s cost.BudgetStatus) Budget {
	b := s.Budget
	o := Budget{
		ID: b.ID, Name: b.Name, TenantID: string(b.Tenant), TenantName: b.TenantName, Subscriptions: append([]string{}, b.Subscriptions...),
		Service: b.Service, Metric: b.Metric.String(), Amount: money(b.Amount.Micros, b.Amount.Currency), State: string(s.State),
		Complete: s.Covered, Author: b.Author, UpdatedAt: b.Updated,
	}
	if s.Known {
		m, used := money(s.Spent, b.Amount.Currency), s.Used()
		o.Spent, o.Used = &m, &used
	}
	if p, ok := s.Projected(); ok {
		f := forecast(s.End, b.Amount.Currency)
		o.Forecast, o.Projected = &f, &p
	}
	return o
}

// AzureBudget is a budget that Azure has, as Azure evaluated it.
type AzureBudget struct {
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	TenantID       string    `json:"tenant_id"`
	TenantName     string    `json:"tenant_name"`
	SubscriptionID string    `json:"subscription_id"`
	Subscription   string    `json:"subscription_name"`
	Grain          string    `json:"time_grain"`
	Filtered       bool      `json:"filtered" doc:"It is of a part of the subscription only"`
	Amount         Money     `json:"amount"`
	Spent          *Money    `json:"current_spend" doc:"Azure's last daily evaluation"`
	Forecast       *Money    `json:"forecast_spend"`
	SeenAt         time.Time `json:"seen_at"`
}

func azureBudget(b cost.AzureBudget) AzureBudget {
	amount := func(m *fresnel.Money) *Money {
		if m == nil {
			return nil
		}
		v := money(m.Micros, m.Currency)
		return &v
	}
	return AzureBudget{
		ID: b.ID, Name: b.Name, TenantID: string(b.Tenant), TenantName: b.TenantName, SubscriptionID: b.Subscription, Subscription: b.SubscriptionName,
		Grain: b.Grain, Filtered: b.Filtered, Amount: money(b.Amount.Micros, b.Amount.Currency), Spent: amount(b.Spent), Forecast: amount(b.Forecast), SeenAt: b.Seen,
	}
}

type budgetsInput struct {
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
}

type budgetsOutput struct {
	Body struct {
		Data  []Budget      `json:"data" doc:"What needs a look first"`
		Azure []AzureBudget `json:"azure" doc:"Budgets that Azure has"`
		Meta  Meta          `json:"meta"`
	}
}

func (h handlers) budgets(ctx context.Context, in *budgetsInput) (*budgetsOutput, error) {
	rep, a, err := h.budgetReport(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &budgetsOutput{}
	out.Body.Meta = costMeta(h.Now(), a, rep.Coverage)
	out.Body.Data, out.Body.Azure = []Budget{}, []AzureBudget{}
	for _, b := range rep.Budgets {
		out.Body.Data = append(out.Body.Data, budget(b))
	}
	for _, b := range rep.Azure {
		out.Body.Azure = append(out.Body.Azure, azureBudget(b))
	}
	return out, nil
}

func (h handlers) budgetReport(ctx context.Context, in *budgetsInput) (cost.BudgetReport, cost.Ask, error) {
	s, a, err := h.ask(ctx, CostInput{Tenant: in.Tenant})
	if err != nil {
		return cost.BudgetReport{}, a, err
	}
	rep, err := h.Reports.BudgetReport(ctx, s)
	return rep, a, err
}

func (h handlers) budgetsCSV(ctx context.Context, in *budgetsInput) (table, error) {
	rep, _, err := h.budgetReport(ctx, in)
	head := []string{"id", "name", "tenant_id", "tenant", "subscriptions", "service", "metric", "currency", "amount", "state", "spent", "used_percent", "forecast", "forecast_low", "forecast_high", "complete"}
	return table{head, all(rep.Budgets, func(s cost.BudgetStatus) []string {
		b := s.Budget
		row := []string{
			strconv.FormatInt(b.ID, 10), text(b.Name), string(b.Tenant), text(b.TenantName), strings.Join(b.Subscriptions, " "), text(b.Service), b.Metric.String(),
			text(b.Amount.Currency), decimal(b.Amount.Micros), string(s.State), "", "", "", "", "", strconv.FormatBool(s.Covered),
		}
		if s.Known {
			row[10], row[11] = decimal(s.Spent), percent(s.Used(), true)
		}
		if s.HasEnd {
			row[12], row[13], row[14] = decimal(s.End.Expected), decimal(s.End.Low), decimal(s.End.High)
		}
		return row
	})}, err
}

// BudgetInput is a budget as a person makes it.
type BudgetInput struct {
	Name          string   `json:"name" minLength:"1" maxLength:"100"`
	Tenant        string   `json:"tenant" maxLength:"100" doc:"Tenant id (GUID) or slug"`
	Subscriptions []string `json:"subscriptions,omitempty" maxItems:"200" doc:"Subscription ids; none = all of the tenant"`
	Service       string   `json:"service,omitempty" maxLength:"200" doc:"Azure service; empty = all"`
	Metric        string   `json:"metric,omitempty" enum:"actual,amortized,"`
	Amount        string   `json:"amount" maxLength:"40" example:"12000.00" doc:"Per calendar month, above 0"`
	Currency      string   `json:"currency" minLength:"3" maxLength:"3" example:"EUR" doc:"What the tenant is billed in, or USD for all currencies by Azure's conversion"`
}

type putBudgetInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body BudgetInput
}

type addBudgetInput struct{ Body BudgetInput }

type oneBudgetOutput struct {
	Body struct {
		ID int64 `json:"id"`
	}
}

func (h handlers) addBudget(ctx context.Context, in *addBudgetInput) (*oneBudgetOutput, error) {
	return h.keepBudget(ctx, 0, in.Body)
}

func (h handlers) putBudget(ctx context.Context, in *putBudgetInput) (*oneBudgetOutput, error) {
	return h.keepBudget(ctx, in.ID, in.Body)
}

func (h handlers) keepBudget(ctx context.Context, id int64, in BudgetInput) (*oneBudgetOutput, error) {
	s := fresnel.ScopeFrom(ctx)
	visible, err := h.Tenants.List(ctx, s)
	if err != nil {
		return nil, err
	}
	ids, err := fresnel.FindTenants(visible, []string{in.Tenant})
	if err != nil {
		return nil, err
	}
	var amount fresnel.Amount
	if err := amount.Add(in.Amount); err != nil {
		return nil, err
	}
	b := cost.Budget{
		ID: id, Tenant: ids[0], Name: strings.TrimSpace(in.Name), Service: in.Service, Author: author(ctx),
		Amount: fresnel.Money{Micros: amount.Micros(), Currency: strings.ToUpper(in.Currency)},
	}
	if b.Metric, err = cost.ParseMetric(in.Metric); err != nil {
		return nil, err
	}
	if b.Subscriptions, err = h.subs(ctx, s, in.Subscriptions); err != nil {
		return nil, err
	}
	out := &oneBudgetOutput{}
	out.Body.ID, err = h.Reports.PutBudget(ctx, s, b)
	return out, err
}

type budgetIDInput struct {
	ID int64 `path:"id" minimum:"1"`
}

func (h handlers) deleteBudget(ctx context.Context, in *budgetIDInput) (*struct{}, error) {
	return nil, h.Reports.DeleteBudget(ctx, fresnel.ScopeFrom(ctx), in.ID)
}

// Movement is what moved between two periods. Moves and rest add up to the total.
type Movement struct {
	Total Move   `json:"total"`
	Moves []Move `json:"moves" doc:"The largest changes first, up or down"`
	Rest  *Move  `json:"rest,omitempty" doc:"All others together"`
}

// Move is how one row moved.
type Move struct {
	TenantID       string `json:"tenant_id,omitempty"`
	SubscriptionID string `json:"subscription_id,omitempty"`
	Name           string `json:"name"`
	Before         Money  `json:"before"`
	After          Money  `json:"after"`
	Change         Money  `json:"change"`
	Word           string `json:"direction" enum:"new,gone,more,less,same"`
	Others         int    `json:"others,omitempty" doc:"How many rows the rest folds together"`
}

type movementInput struct {
	CostInput
	Group string `query:"group" enum:"tenant,subscription,service,resource-group,charge-type" default:"tenant"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"20"`
}

type movementOutput struct {
	Body struct {
		Data Movement `json:"data"`
		Meta Meta     `json:"meta"`
	}
}

func (h handlers) movement(ctx context.Context, in *movementInput) (cost.Movement, error) {
	s, a, err := h.ask(ctx, in.CostInput)
	if err != nil {
		return cost.Movement{}, err
	}
	a.By = map[string]cost.By{
		"tenant": byTenant.by, "subscription": bySubscription.by, "service": byService.by, "resource-group": byGroup.by, "charge-type": byCharge.by,
	}[in.Group]
	return h.Reports.Movement(ctx, s, a)
}

func (h handlers) costMovement(ctx context.Context, in *movementInput) (*movementOutput, error) {
	m, err := h.movement(ctx, in)
	if err != nil {
		return nil, err
	}
	move := func(v cost.Move) Move {
		return Move{
			TenantID: string(v.Row.Tenant), SubscriptionID: v.Row.Subscription, Name: v.Row.Label(), Word: v.Word(),
			Before: money(v.Before, m.Unit.Currency), After: money(v.After, m.Unit.Currency), Change: money(v.Change(), m.Unit.Currency),
		}
	}
	out := &movementOutput{}
	out.Body.Meta = breakdownMeta(h.Now(), m.Breakdown)
	out.Body.Data = Movement{Total: move(m.Total), Moves: []Move{}}
	out.Body.Data.Total.Name = "Total"
	for _, v := range m.Moves[:min(in.Limit, len(m.Moves))] {
		out.Body.Data.Moves = append(out.Body.Data.Moves, move(v))
	}
	if rest, n := m.Rest(in.Limit); n > 0 {
		r := move(rest)
		r.Name, r.Others = "Other", n
		out.Body.Data.Rest = &r
	}
	return out, nil
}

func (h handlers) movementCSV(ctx context.Context, in *movementInput) (table, error) {
	m, err := h.movement(ctx, in)
	return table{[]string{"tenant_id", "subscription_id", "name", "direction", "currency", "before", "after", "change"}, all(m.Moves, func(v cost.Move) []string {
		return []string{string(v.Row.Tenant), v.Row.Subscription, text(v.Row.Label()), v.Word(), m.Unit.Currency, decimal(v.Before), decimal(v.After), decimal(v.Change())}
	})}, err
}
