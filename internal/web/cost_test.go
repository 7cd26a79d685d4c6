package web

import (
	"math"
	"strings"
	"testing"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

const tenantA, tenantB = fresnel.TenantID("aaaaaaaa-0000-4000-8000-000000000001"), fresnel.TenantID("bbbbbbbb-0000-4000-8000-000000000002")

func budgetOf(t fresnel.TenantID, units int64, currency, service string, m cost.Metric) cost.BudgetStatus {
	return cost.BudgetStatus{
		Budget: cost.Budget{Tenant: t, Name: "b", Service: service, Metric: m, Amount: fresnel.Money{Micros: units * 1e6, Currency: currency}}, Known: true, State: cost.BudgetFine,
	}
}

// TestBudgetsAreAddedOnlyWhereTheyMayBe: one per tenant, of all it costs, by one metric in one currency.
func TestBudgetsAreAddedOnlyWhereTheyMayBe(t *testing.T) {
	a, b := budgetOf(tenantA, 10, "USD", "", cost.Actual), budgetOf(tenantB, 5, "USD", "", cost.Actual)
	for name, tt := range map[string]struct {
		list []cost.BudgetStatus
		want int64
		ok   bool
	}{
		"both":             {[]cost.BudgetStatus{a, b}, 15e6, true},
		"one is missing":   {[]cost.BudgetStatus{a}, 10e6, false},
		"a part beside":    {[]cost.BudgetStatus{a, b, budgetOf(tenantA, 3, "USD", "Storage", cost.Actual)}, 15e6, true},
		"two of one":       {[]cost.BudgetStatus{a, a, b}, 0, false},
		"another currency": {[]cost.BudgetStatus{a, budgetOf(tenantB, 5, "EUR", "", cost.Actual)}, 0, false},
		"another metric":   {[]cost.BudgetStatus{a, budgetOf(tenantB, 5, "USD", "", cost.Amortized)}, 10e6, false},
	} {
		got, ok := cost.BudgetReport{Budgets: tt.list, Tenants: 2}.Sum(cost.Actual, "USD")
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: %d %t, want %d %t", name, got, ok, tt.want, tt.ok)
		}
	}
}

// TestChipsTakeOneFilterAway each.
func TestChipsTakeOneFilterAway(t *testing.T) {
	q := &request{
		tenants: []fresnel.Tenant{{ID: tenantA, Name: "Contoso"}}, chosen: []fresnel.TenantID{tenantA},
		query: page.Query{Tenants: []string{string(tenantA)}, Group: "resource", Filters: page.Filters{Services: []string{"Storage", "SQL"}, RGs: []string{""}}},
	}
	got := chips(q)
	want := []page.Chip{
		{Label: "Tenant: Contoso", URL: "/costs?service=Storage&service=SQL"},
		{Label: "Service: Storage", URL: "/costs?group=resource&resource_group=&service=SQL&tenant=" + string(tenantA)},
		{Label: "Service: SQL", URL: "/costs?group=resource&resource_group=&service=Storage&tenant=" + string(tenantA)},
		{Label: "Resource group: Not in a resource group", URL: "/costs?group=resource&service=Storage&service=SQL&tenant=" + string(tenantA)},
	}
	if len(got) != len(want) {
		t.Fatalf("%d chips: %v", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("chip %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestRowsLeadOneLevelDown(t *testing.T) {
	for name, tt := range map[string]struct {
		group  string
		by     cost.By
		narrow bool
		charge []string
		row    cost.Row
		want   string
	}{
		"tenant":                 {"", cost.ByTenant, false, nil, cost.Row{Tenant: "a"}, "/costs?group=service&tenant=a"},
		"service":                {"service", cost.ByService, false, nil, cost.Row{Service: "S"}, "/costs?service=S"},
		"service of a tenant":    {"service", cost.ByService, true, nil, cost.Row{Service: "S"}, "/costs?group=resource-group&service=S"},
		"service by charge type": {"service", cost.ByService, true, []string{"Usage"}, cost.Row{Service: "S"}, "/costs?charge_type=Usage&group=subscription&service=S"},
		"subscription":           {"subscription", cost.ByTenant | cost.BySubscription, false, nil, cost.Row{Tenant: "a", Subscription: "s"}, "/costs?group=resource-group&sub=s&tenant=a"},
		"resource group":         {"resource-group", cost.ByTenant | cost.BySubscription | cost.ByGroup, true, nil, cost.Row{Tenant: "a", Subscription: "s", Group: "g"}, "/costs?group=resource&resource_group=g&sub=s&tenant=a"},
		"charge type":            {"charge-type", cost.ByCharge, false, nil, cost.Row{Charge: "Refund"}, "/costs?charge_type=Refund&group=service"},
	} {
		q := &request{query: page.Query{Group: tt.group, Filters: page.Filters{Charges: tt.charge}}}
		if tt.narrow {
			q.chosen = []fresnel.TenantID{tenantA}
		}
		if got := rowWords(q, beside{Breakdown: cost.Breakdown{Ask: cost.Ask{By: tt.by}}}, tt.row).url; got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestResourceWords(t *testing.T) {
	w := resourceWords("/subscriptions/s/resourcegroups/rg-1/providers/microsoft.compute/virtualmachines/vm-1", "prod")
	if w.name != "vm-1" || w.detail != "microsoft.compute/virtualmachines · rg-1 · prod" {
		t.Errorf("%+v", w)
	}
	if w := resourceWords("", "prod"); w.name != "Not of a resource" {
		t.Errorf("%+v", w)
	}
	for _, id := range []string{"/", "x", "/providers/", "//////", "/subscriptions/s/resourcegroups"} {
		resourceWords(id, "") // hostile ids stop nothing
	}
}

// TestForecastOnTheAxis: the path ends with the month's last day, and runs on from what is settled when accumulated.
func TestForecastOnTheAxis(t *testing.T) {
	month := fresnel.Date(2026, 11, 1)
	for _, area := range []bool{false, true} {
		m := page.CostChart{Area: area, Slots: make([]page.ChartSlot, 27)}
		withForecast(&m, chartOf{
			Trend: cost.Trend{Ask: cost.Ask{Period: fresnel.Period{From: month, To: month + 27}}},
			end:   &cost.Outlook{End: cost.MonthEnd{Month: month, Spent: 100, Path: []int64{1, 2, 3, 4, 5}}},
		})
		want := []int64{page.Unknown, 1, 2, 3, 4, 5}
		if area {
			want = []int64{page.Unknown, 101, 103, 106, 110, 115}
		}
		if len(m.Slots) != 30 || m.Slots[29].Label != "30 Nov" || !m.Slots[27].Ahead || m.Slots[26].Ahead {
			t.Fatalf("slots: %v", m.Slots)
		}
		for i, w := range want {
			if got := m.Forecast.Micros[24+i]; got != w {
				t.Errorf("accumulated %t, slot %d: %d, want %d", area, 24+i, got, w)
			}
		}
	}
}

func TestScoreWords(t *testing.T) {
	for score, want := range map[float64]string{-8.24: "8.2 robust", math.Inf(1): "Over 100", 1e9: "Over 100"} {
		if got := scoreWords(score); !strings.HasPrefix(got, want) {
			t.Errorf("%f: %s", score, got)
		}
	}
	if got := scoreWords(math.NaN()); strings.Contains(got, "NaN") {
		t.Error(got)
	}
}
