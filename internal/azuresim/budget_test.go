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
