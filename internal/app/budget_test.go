package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"fresnel/internal/azuresim"
)

// send sends a JSON body as a script on this machine does.
func (w *world) send(method, path string, body any, headers ...string) answer {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(method, path, strings.NewReader(string(text)))
	r.Host = "127.0.0.1:8080"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.app.Handler().ServeHTTP(rec, r)
	return answer{method + " " + path, rec.Code, rec.Header(), rec.Body.String()}
}

type budgetInput struct {
	Name          string   `json:"name"`
	Tenant        string   `json:"tenant"`
	Subscriptions []string `json:"subscriptions,omitempty"`
	Service       string   `json:"service,omitempty"`
	Metric        string   `json:"metric,omitempty"`
	Amount        string   `json:"amount"`
	Currency      string   `json:"currency"`
}

type budgetRow struct {
	ID            int64     `json:"id"`
	Name          string    `json:"name"`
	TenantID      string    `json:"tenant_id"`
	TenantName    string    `json:"tenant_name"`
	Subscriptions []string  `json:"subscriptions"`
	Service       string    `json:"service"`
	Metric        string    `json:"metric"`
	Amount        money     `json:"amount"`
	State         string    `json:"state"`
	Spent         *money    `json:"spent"`
	Forecast      *forecast `json:"forecast"`
	Complete      bool      `json:"complete"`
}

type azureBudgetRow struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Tenant       string    `json:"tenant_id"`
	Subscription string    `json:"subscription_id"`
	Grain        string    `json:"time_grain"`
	Filtered     bool      `json:"filtered"`
	Amount       money     `json:"amount"`
	Spent        *money    `json:"current_spend"`
	Forecast     *money    `json:"forecast_spend"`
	SeenAt       time.Time `json:"seen_at"`
}

type budgetList struct {
	Data  []budgetRow      `json:"data"`
	Azure []azureBudgetRow `json:"azure"`
}

func (w *world) budgets(t *testing.T, query string) budgetList {
	t.Helper()
	a := w.get("/api/v1/costs/budgets" + query)
	var v budgetList
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", a.path, a.status, a.body)
	}
	return v
}

// addBudget makes a budget and gives its id.
func (w *world) addBudget(t *testing.T, in budgetInput, headers ...string) int64 {
	t.Helper()
	a := w.send("POST", "/api/v1/costs/budgets", in, headers...)
	var v struct{ ID int64 }
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status >= 300 || v.ID == 0 {
		t.Fatalf("%+v: %d %s", in, a.status, a.body)
	}
	return v.ID
}

// TestBudgets compares both kinds of budgets with the truth: ours with what is
// spent this month, Azure's with what the simulator says of them.
func TestBudgets(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 4, SubscriptionsPerTenant: 3})
		w := begin(t, sim, database, months(2))
		if got := w.budgets(t, ""); len(got.Data)+len(got.Azure) > 0 {
			t.Errorf("budgets of nobody: %+v", got)
		}
		whole(t, w.sync(t))
		w.azureBudgets(t)
		if n := len(sim.Budgets()); n < 4 {
			t.Errorf("%d budgets of Azure: the test shows nothing", n)
		}
		made := w.ownBudgets(t)
		w.refusedBudgets(t, made)
		w.changedBudgets(t, made)
		// A day later: what Azure evaluated anew, and what is spent by then.
		sim.Clock().Advance(25 * time.Hour)
		whole(t, w.sync(t))
		w.azureBudgets(t)
		w.spentAsTold(t, made)
	})
}

// azureBudgets compares Azure's budgets with the simulator's.
func (w *world) azureBudgets(t *testing.T) {
	t.Helper()
	var want []azureBudgetRow
	now := w.Clock().Now()
	for _, b := range w.Budgets() {
		row := azureBudgetRow{
			ID:   "subscriptions/" + b.Subscription + "/providers/microsoft.consumption/budgets/" + strings.ToLower(b.Name),
			Name: b.Name, Tenant: b.Tenant, Subscription: b.Subscription, Grain: b.TimeGrain, Filtered: b.ResourceGroup != "",
			Amount: money{b.Amount, b.Currency}, Spent: &money{b.CurrentSpend, b.Currency}, SeenAt: now,
		}
		if b.ForecastSpend != 0 {
			row.Forecast = &money{b.ForecastSpend, b.Currency}
		}
		want = append(want, row)
	}
	got := w.budgets(t, "").Azure
	order := func(a, b azureBudgetRow) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("%d budgets of Azure (-simulator +api):\n%s", len(want), d)
	}
}

// ownBudgets makes one of each form, and compares what they have spent.
func (w *world) ownBudgets(t *testing.T) map[int64]budgetInput {
	t.Helper()
	made := map[int64]budgetInput{}
	for i, te := range w.Estate() {
		var own []azuresim.EstateSubscription
		for _, s := range te.Subscriptions {
			if s.Costs {
				own = append(own, s)
			}
		}
		for j, in := range []budgetInput{
			{Name: "all " + te.Name, Tenant: te.ID, Amount: "1000.00", Currency: "USD"},
			{Name: "of one", Tenant: slug(te.Name), Subscriptions: []string{strings.ToUpper(own[0].ID)}, Metric: "amortized", Amount: "12345678.9", Currency: strings.ToLower(own[0].Currency)},
			{Name: "of a service", Tenant: te.ID, Service: "Storage", Metric: "actual", Amount: "0.000001", Currency: "USD"},
			{Name: "of two and a service", Tenant: te.ID, Subscriptions: []string{own[0].ID, own[len(own)-1].ID}, Service: "Virtual Machines", Metric: "amortized", Amount: "999999999999", Currency: "USD"},
		} {
			if j == 0 || (i+j)%2 == 0 || i < 2 {
				made[w.addBudget(t, in)] = in
			}
		}
	}
	w.spentAsTold(t, made)
	return made
}

// spentAsTold compares each budget with what it was made to be, and with what
// is spent of it this month, days that still grow included.
func (w *world) spentAsTold(t *testing.T, made map[int64]budgetInput) {
	t.Helper()
	list := w.budgets(t, "").Data
	if len(list) != len(made) {
		t.Errorf("%d budgets, made were %d", len(list), len(made))
	}
	e := newExpected(w, w.now(t))
	month := period(e.today.MonthStart(), e.today)
	states, differ := map[string]int{}, false
	for _, b := range list {
		in, ok := made[b.ID]
		if !ok || b.Name != in.Name || b.TenantName != e.names[b.TenantID] || b.Service != in.Service || !b.Complete || b.Spent == nil {
			t.Errorf("%+v was made as %+v", b, in)
			continue
		}
		q := question{metric: "actual", period: month, tenants: []string{b.TenantID}}
		if in.Metric != "" {
			q.metric = in.Metric
		}
		if in.Service != "" {
			q.services = []string{in.Service}
		}
		var spent [2]int64 // by metric: a mix would be noticed
		for i, m := range metrics {
			of := q
			of.metric = m
			e.each(of, month, func(c cell) {
				switch {
				case len(b.Subscriptions) > 0 && !slices.Contains(b.Subscriptions, c.sub):
				case b.Amount.Currency == "USD":
					spent[i] += c.usd
				default:
					spent[i] += c.micros
				}
			})
		}
		differ = differ || spent[0] != spent[1]
		want := money{spent[slices.Index(metrics, q.metric)], strings.ToUpper(in.Currency)}
		if *b.Spent != want || b.Metric != q.metric {
			t.Errorf("%s of %s (%s) has spent %+v, want %+v", b.Name, b.TenantName, b.Metric, *b.Spent, want)
		}
		state := "on-track"
		switch {
		case b.Spent.Micros > b.Amount.Micros:
			state = "over"
		case b.Forecast != nil && b.Forecast.Expected.Micros > b.Amount.Micros:
			state = "at-risk"
		}
		states[b.State]++
		if b.State != state {
			t.Errorf("%s of %s is %s, want %s: %+v", b.Name, b.TenantName, b.State, state, b)
		}
	}
	if !differ || states["over"] == 0 || states["on-track"] == 0 {
		t.Errorf("states %v, metrics differ %v: the test does not show what it should", states, differ)
	}
}

// refusedBudgets sends what is wrong; nothing of it is kept.
func (w *world) refusedBudgets(t *testing.T, made map[int64]budgetInput) {
	t.Helper()
	const nowhere = "11111111-2222-4333-8444-555555555555"
	estate := w.Estate()
	te := estate[0]
	good := budgetInput{Name: "x", Tenant: te.ID, Amount: "1", Currency: "USD"}
	with := func(change func(*budgetInput)) budgetInput {
		b := good
		change(&b)
		return b
	}
	other := "EUR"
	if te.Subscriptions[0].Currency == other {
		other = "GBP"
	}
	one := slices.Sorted(func(yield func(int64) bool) {
		for id := range made {
			if !yield(id) {
				return
			}
		}
	})[0]
	put := fmt.Sprintf("/api/v1/costs/budgets/%d", one)
	for _, c := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"POST", "", with(func(b *budgetInput) { b.Currency = other }), 400},
		{"POST", "", with(func(b *budgetInput) { b.Currency = "EURO" }), 422},
		{"POST", "", with(func(b *budgetInput) { b.Amount = "0" }), 400},
		{"POST", "", with(func(b *budgetInput) { b.Amount = "-5" }), 400},
		{"POST", "", with(func(b *budgetInput) { b.Amount = "1e13" }), 400},
		{"POST", "", with(func(b *budgetInput) { b.Amount = "much" }), 400},
		{"POST", "", with(func(b *budgetInput) { b.Amount = "" }), 400},
		{"POST", "", with(func(b *budgetInput) { b.Amount = strings.Repeat("9", 41) }), 422},
		{"POST", "", with(func(b *budgetInput) { b.Name = "" }), 422},
		{"POST", "", with(func(b *budgetInput) { b.Name = "   " }), 400},
		{"POST", "", with(func(b *budgetInput) { b.Name = strings.Repeat("x", 101) }), 422},
		{"POST", "", with(func(b *budgetInput) { b.Metric = "usage" }), 422},
		{"POST", "", with(func(b *budgetInput) { b.Tenant = nowhere }), 404},
		{"POST", "", with(func(b *budgetInput) { b.Tenant = "nobody" }), 404},
		{"POST", "", with(func(b *budgetInput) { b.Subscriptions = []string{nowhere} }), 404},
		{"POST", "", with(func(b *budgetInput) { b.Subscriptions = []string{"mine"} }), 400},
		{"POST", "", with(func(b *budgetInput) { b.Subscriptions = []string{estate[1].Subscriptions[0].ID} }), 404}, // another tenant's
		{"POST", "", map[string]any{"name": "x", "tenant": te.ID, "amount": "1", "currency": "USD", "colour": "red"}, 422},
		{"POST", "", map[string]any{"name": "x", "tenant": te.ID, "amount": 1, "currency": "USD"}, 422},
		{"POST", "", "text", 422},
		{"PUT", put, with(func(b *budgetInput) { b.Amount = "-1" }), 400},
		{"PUT", put, with(func(b *budgetInput) { b.Tenant = otherTenant(made[one], estate) }), 400}, // a budget stays with its tenant
		{"PUT", "/api/v1/costs/budgets/999999", good, 404},
		{"PUT", "/api/v1/costs/budgets/0", good, 422},
		{"PUT", "/api/v1/costs/budgets/x", good, 422},
		{"DELETE", "/api/v1/costs/budgets/999999", nil, 404},
		{"DELETE", "/api/v1/costs/budgets/-1", nil, 422},
	} {
		if c.path == "" {
			c.path = "/api/v1/costs/budgets"
		}
		refused(t, w.send(c.method, c.path, c.body), c.status)
	}
	refused(t, w.send("POST", "/api/v1/costs/budgets", good, "Sec-Fetch-Site", "cross-site"), 403)
	refused(t, w.send("DELETE", put, nil, "Sec-Fetch-Site", "cross-site"), 403)
	w.spentAsTold(t, made)
}

func otherTenant(in budgetInput, estate []azuresim.EstateTenant) string {
	for _, te := range estate {
		if in.Tenant != te.ID && in.Tenant != slug(te.Name) {
			return te.ID
		}
	}
	return ""
}

// changedBudgets changes one budget and deletes another; the answer of the
// moment before must not stay.
func (w *world) changedBudgets(t *testing.T, made map[int64]budgetInput) {
	t.Helper()
	var ids []int64
	for id, in := range made {
		if in.Service == "Storage" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	in := made[ids[0]]
	in.Name, in.Amount, in.Metric, in.Service = "=changed", "77.5", "amortized", "Virtual Machines"
	if a := w.send("PUT", fmt.Sprintf("/api/v1/costs/budgets/%d", ids[0]), in); a.status != 200 {
		t.Errorf("%s: %d %s", a.path, a.status, a.body)
	}
	made[ids[0]] = in
	w.spentAsTold(t, made)
	if a := w.send("DELETE", fmt.Sprintf("/api/v1/costs/budgets/%d", ids[1]), nil); a.status != 204 {
		t.Errorf("%s: %d %s", a.path, a.status, a.body)
	}
	delete(made, ids[1])
	w.spentAsTold(t, made)
	refused(t, w.send("DELETE", fmt.Sprintf("/api/v1/costs/budgets/%d", ids[1]), nil), 404)
}
