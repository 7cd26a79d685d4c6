package azuresim_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

type budgetAnswer struct {
	Value []struct {
		ID, Name, Type, ETag string
		Properties           struct {
			Amount        json.Number
			Category      string
			TimeGrain     string
			TimePeriod    struct{ StartDate, EndDate time.Time }
			CurrentSpend  struct{ Amount, Unit any }
			ForecastSpend *struct{ Amount, Unit any }
			Filter        *struct {
				Dimensions struct {
					Name, Operator string
					Values         []string
				}
			}
			Notifications map[string]struct {
				Enabled       bool
				Operator      string
				Threshold     float64
				ThresholdType string
				ContactEmails []string
			}
		}
	}
	NextLink string
}

func budgetPath(sub string) string {
	return "/subscriptions/" + sub + "/providers/Microsoft.Consumption/budgets?api-version=2023-05-01"
}

// TestBudgets reads all budgets of the delegated tenants and compares them with what the simulator
// knows, and their spend with the truth of the moment at which Azure evaluated them.
func TestBudgets(t *testing.T) {
	c := start(t, azuresim.Options{Tenants: 12})
	want := map[string]azuresim.Budget{}
	for _, b := range c.sim.Budgets() {
		want[b.Subscription+b.Name] = b
	}
	var without, paged, grouped, quarterly, forecast, read int
	for _, tenant := range c.sim.Estate() {
		if tenant.Kind != "delegated" {
			continue
		}
		for _, sub := range tenant.Subscriptions {
			n, path := 0, budgetPath(sub.ID)
			for path != "" {
				a := c.do("GET", path, c.token, "")
				if !sub.Costs {
					if a.status < 400 {
						t.Errorf("%s: %d", sub.Offer, a.status)
					}
					break
				}
				var v budgetAnswer
				dec := json.NewDecoder(strings.NewReader(string(a.body)))
				dec.UseNumber()
				if err := dec.Decode(&v); a.status != 200 || err != nil {
					t.Fatalf("%d %s: %v", a.status, a.body, err)
				}
				for _, got := range v.Value {
					b, p := want[sub.ID+got.Name], got.Properties
					if micros(t, p.Amount) != b.Amount || micros(t, p.CurrentSpend.Amount) != b.CurrentSpend || p.CurrentSpend.Unit != sub.Currency ||
						p.TimeGrain != b.TimeGrain || p.Category != "Cost" || len(p.Notifications) == 0 || (p.ForecastSpend != nil) != (b.ForecastSpend != 0) {
						t.Errorf("got %+v, want %+v", got, b)
					}
					if p.ForecastSpend != nil {
						forecast++
						if v := micros(t, p.ForecastSpend.Amount); v != b.ForecastSpend || v < b.CurrentSpend {
							t.Errorf("forecast %d of %+v", v, b)
						}
					}
					if p.Filter != nil {
						grouped++
						if strings.ToLower(p.Filter.Dimensions.Values[0]) != b.ResourceGroup {
							t.Errorf("filter %+v", p.Filter)
						}
					}
					quarterly += boolInt(p.TimeGrain == "Quarterly")
					checkSpend(t, c, b)
					n++
					read++
				}
				if path = v.NextLink; path != "" {
					paged++
				}
			}
			without += boolInt(n == 0 && sub.Costs)
		}
	}
	if without == 0 || paged == 0 || grouped == 0 || quarterly == 0 || forecast == 0 || forecast == read {
		t.Errorf("%d without budgets, %d second pages, %d of a group, %d quarterly, %d of %d forecast", without, paged, grouped, quarterly, forecast, read)
	}
	if a := c.do("GET", "/sim/budgets", "", ""); a.status != 200 || !strings.Contains(string(a.body), `"evaluatedAt"`) {
		t.Errorf("/sim/budgets: %d %.100s", a.status, a.body)
	}
}

// checkSpend compares a budget's spend with the truth at its evaluation, but for the rounding of rows.
func checkSpend(t *testing.T, c *client, b azuresim.Budget) {
	t.Helper()
	var spent int64
	var rows int
	for _, r := range must(c.sim.Truth(azuresim.TruthQuery{
		At: b.EvaluatedAt, From: must(time.Parse(time.DateOnly, b.From)), To: must(time.Parse(time.DateOnly, b.To)),
		Subscription: b.Subscription, By: []string{"resource_group"},
	})) {
		if b.ResourceGroup == "" || r.ResourceGroup == b.ResourceGroup {
			spent += r.Micros
			rows += r.Cells
		}
	}
	if age := noon.Sub(b.EvaluatedAt); abs(spent-b.CurrentSpend) > int64(rows) || age < 0 || age > 24*time.Hour || b.Amount < b.CurrentSpend/20 {
		t.Errorf("%+v: truth %d", b, spent)
	}
}

// TestBudgetTroubles checks that budgets are throttled in their own way, struck by faults, and refused
// like costs.
func TestBudgetTroubles(t *testing.T) {
	c := start(t, azuresim.Options{Throttle: "real"})
	tenant, sub := c.delegated()
	for i := range 21 {
		a := c.do("GET", budgetPath(sub.ID), c.token, "")
		after := a.header.Get("X-Ms-Ratelimit-Microsoft.consumption-Retry-After")
		if refused := i == 20; (a.status == 429) != refused || (after == "3") != refused {
			t.Errorf("request %d: %d, %q", i, a.status, after)
		}
	}
	if err := c.sim.SetFaults([]azuresim.Fault{{API: "consumption", Kind: "empty", Times: 1}}); err != nil {
		t.Fatal(err)
	}
	for _, other := range tenant.Subscriptions {
		if other.ID == sub.ID || !other.Costs {
			continue
		}
		var v budgetAnswer
		a := c.do("GET", budgetPath(other.ID), c.token, "")
		if err := json.Unmarshal(a.body, &v); err == nil && (len(v.Value) != 0 || v.NextLink == "") {
			t.Errorf("the first page is not empty: %s", a.body)
		}
		break
	}
	for path, status := range map[string]int{
		strings.Replace(budgetPath(sub.ID), "2023-05-01", "2001-01-01", 1): 400,
		strings.Split(budgetPath(sub.ID), "?")[0]:                          400,
		budgetPath("00000000-0000-0000-0000-000000000001"):                 404,
	} {
		if a := c.do("GET", path, c.token, ""); a.status != status {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if err := c.sim.SetFaults([]azuresim.Fault{{API: "consumption", Kind: "nulls"}}); err == nil {
		t.Error("a fault of cost rows was taken for budgets")
	}
}
