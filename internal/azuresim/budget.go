package azuresim

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// Time grains of budgets.
const (
	grainMonthly   = "Monthly"
	grainQuarterly = "Quarterly"
)

// budgetVersions are the api-versions of the budgets that are known.
var budgetVersions = []string{"2024-08-01", "2023-05-01", "2021-10-01"}

// Budget is a budget of Azure as it shows it at an instant. CurrentSpend is what ActualCost said of the
// period's days up to EvaluatedAt, in micro-units of the subscription's currency: Azure evaluates once
// a day, so it is up to 24 hours old, and early on the first day of a period it is of the one before.
type Budget struct {
	Tenant        string    `json:"tenant"`
	Subscription  string    `json:"subscription"`
	Name          string    `json:"name"`
	TimeGrain     string    `json:"timeGrain"`
	ResourceGroup string    `json:"resourceGroup"` // the only one it is of, in lower case; "" = all
	Currency      string    `json:"currency"`
	From          string    `json:"from"` // of the evaluated period
	To            string    `json:"to"`   // inclusive
	Amount        int64     `json:"amount"`
	CurrentSpend  int64     `json:"currentSpend"`
	ForecastSpend int64     `json:"forecastSpend"` // 0 = Azure gives none
	EvaluatedAt   time.Time `json:"evaluatedAt"`
}

// budget is what stays the same of a budget.
type budget struct {
	key         uint64
	name, grain string
	group       string
}

// budgetsOf are a subscription's budgets: 40 % have none, the others one to three.
func (e *estate) budgetsOf(s *subscription) []budget {
	key := mix(s.key, label("budgets"))
	n := max(0, below(key, 10)/2-1)
	if !s.answers() {
		n = 0
	}
	var out []budget
	for i := range n {
		b := budget{key: mix(key, uint64(i)), name: fmt.Sprintf("%s-monthly", s.env), grain: grainMonthly}
		switch i {
		case 1:
			b.group = s.groups[below(mix(b.key, 1), len(s.groups))]
			b.name = "group-" + strings.TrimPrefix(b.group, "rg-")
			if s.markup {
				b.name = "group-markup" // a budget's name has letters, digits, - and _ only
			}
		case 2:
			b.name, b.grain = s.env+"_quarter", grainQuarterly
		}
		out = append(out, b)
	}
	return out
}

// period is the period of a day, both ends inclusive.
func (b budget) period(d day) (from, to day) {
	from = d.month()
	if b.grain == grainMonthly {
		return from, from.addMonths(1) - 1
	}
	from = from.addMonths(-(int(from.start().Month()) - 1) % 3)
	return from, from.addMonths(3) - 1
}

// evaluated is the last time up to an instant at which Azure evaluated a budget.
func (b budget) evaluated(at time.Time) time.Time {
	hour := time.Duration(below(mix(b.key, 2), 24*60)) * time.Minute
	return at.Add(-((time.Duration(at.UnixNano()) - hour) % (24 * time.Hour))).UTC()
}

// spend sums days of ActualCost as seen at an instant, in micro-units.
func (b budget) spend(g *generator, from, to day, at time.Time) int64 {
	var nanos int64
	for d := from; d <= to; d++ {
		g.cells(d, metricActual, at, func(c cell) {
			if b.group == "" || c.stream.group == b.group {
				nanos += c.nanos
			}
		})
	}
	return mulDiv(nanos, 1, microNanos)
}

// show is a budget at an instant. Its amount stems from the month before the estate's start.
func (e *estate) show(s *subscription, b budget, at time.Time) Budget {
	g := e.generator(s)
	when := b.evaluated(at)
	from, to := b.period(dayOf(when))
	base := max(e.first, dayOf(e.start).month().addMonths(-1))
	usual := max(10e6, float64(b.spend(g, base, base.addMonths(1)-1, e.start)))
	if b.grain == grainQuarterly {
		usual *= 3
	}
	spent := b.spend(g, from, min(to, dayOf(when)), when)
	out := Budget{
		Tenant: s.tenant.id, Subscription: s.id, Name: b.name, TimeGrain: b.grain, ResourceGroup: b.group, Currency: s.currency,
		From: from.String(), To: to.String(), Amount: roundAmount(usual * between(mix(b.key, 3), 0.75, 1.5)), CurrentSpend: spent, EvaluatedAt: when,
	}
	if elapsed := int64(dayOf(when) - from); elapsed >= 5 && below(mix(b.key, 4), 10) < 6 {
		linear := mulDiv(spent, int64(to-from)+1, elapsed) // the last day is hardly there
		out.ForecastSpend = mulDiv(linear, 960_000+int64(below(mix(b.key, uint64(elapsed)), 80_001)), million)
	}
	return out
}

// roundAmount leaves two digits, as people choose amounts.
func roundAmount(v float64) int64 {
	unit := math.Pow(10, math.Floor(math.Log10(v))-1)
	return int64(math.Round(v/unit) * unit)
}

// Budgets lists Azure's budgets of all subscriptions as they are now.
func (s *Server) Budgets() []Budget {
	out := []Budget{}
	at := s.clock.Now()
	for _, t := range s.estate.tenants {
		for _, sub := range t.subs {
			for _, b := range s.estate.budgetsOf(sub) {
				out = append(out, s.estate.show(sub, b, at))
			}
		}
	}
	return out
}

// listBudgets answers GET /subscriptions/{id}/providers/Microsoft.Consumption/budgets.
func (s *Server) listBudgets(c *call) {
	p, ok := s.armPrincipal(c)
	if !ok || !c.checkVersion(budgetVersions, "NoRegisteredProviderFound") {
		return
	}
	if c.r.Method != http.MethodGet {
		c.fail(http.StatusMethodNotAllowed, "HttpMethodNotAllowed", "The requested resource does not support http method '"+c.r.Method+"'.")
		return
	}
	sub := s.authorize(c, p, "Microsoft.Consumption/budgets/read")
	if sub == nil {
		return
	}
	if sub.state == stateDeleted {
		c.subscriptionNotFound()
		return
	}
	if !s.throttles.take(apiConsumption, c.w.Header(), []charge{{bucketKey{bucketConsumption, sub.id}, 1}}) {
		c.throttled("")
		return
	}
	switch {
	case !sub.supported():
		c.fail(http.StatusNotFound, "NotFound", fmt.Sprintf("Given subscription %s doesn't have valid WebDirect/AIRS offer type. (Request ID: %s)", sub.id, c.w.Header().Get("x-ms-request-id")))
	case sub.costDisabled:
		c.costDisabled()
	default:
		items := []any{}
		for _, b := range s.estate.budgetsOf(sub) {
			items = append(items, budgetWire(sub, b, s.estate.show(sub, b, c.at)))
		}
		s.listPage(c, "/subscriptions/"+sub.id+"/providers/Microsoft.Consumption/budgets", items, "budgets/"+sub.id, budgetPage)
	}
}

// budgetPage is how many budgets are on a page.
const budgetPage = 2

// budgetWire is a budget in Azure's form.
func budgetWire(sub *subscription, b budget, now Budget) any {
	money := func(micros int64) map[string]any {
		return map[string]any{"amount": json.Number(appendNanos(nil, micros*microNanos)), "unit": sub.currency}
	}
	props := map[string]any{
		"category": "Cost", "amount": json.Number(appendNanos(nil, now.Amount*microNanos)), "timeGrain": b.grain,
		"timePeriod":    map[string]any{"startDate": "2025-01-01T00:00:00Z", "endDate": "2034-12-31T00:00:00Z"},
		"currentSpend":  money(now.CurrentSpend),
		"notifications": notifications(b),
	}
	if now.ForecastSpend != 0 {
		props["forecastSpend"] = money(now.ForecastSpend)
	}
	if b.group != "" {
		props["filter"] = map[string]any{"dimensions": map[string]any{"name": "ResourceGroupName", "operator": "In", "values": []string{capitals(b.group)}}}
	}
	return map[string]any{
		"id":   "subscriptions/" + sub.id + "/providers/Microsoft.Consumption/budgets/" + b.name,
		"name": b.name, "type": "Microsoft.Consumption/budgets", "eTag": fmt.Sprintf(`"1d%x"`, b.key>>12), "properties": props,
	}
}

// notifications are a budget's: at 80 % of the actual costs, for some at 100 % of the forecast.
func notifications(b budget) map[string]any {
	one := func(threshold int, kind string) map[string]any {
		return map[string]any{
			"enabled": true, "operator": "GreaterThan", "threshold": threshold, "thresholdType": kind,
			"contactEmails": []string{"finance@example.com"}, "contactRoles": []string{"Owner"}, "contactGroups": []string{}, "locale": "en-us",
		}
	}
	out := map[string]any{"Actual_GreaterThan_80_Percent": one(80, "Actual")}
	if mix(b.key, 5)%2 == 0 {
		out["Forecasted_GreaterThan_100_Percent"] = one(100, "Forecasted")
	}
	return out
}
