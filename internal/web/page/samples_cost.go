package page

import (
	"time"

	"fresnel/internal/web/ui"
)

// withEnd makes the sample an accumulated one with the month's forecast.
func withEnd(m *CostChart) {
	m.Title, m.Area, m.Marks = "Accumulated cost", true, nil
	run := func(v []int64) {
		for i := 1; i < len(v); i++ {
			v[i] += v[i-1]
		}
	}
	run(m.Totals)
	run(m.Previous.Micros)
	for _, s := range m.Series {
		run(s.Micros)
	}
	m.Forecast = &ChartSeries{Name: "Forecast", Micros: make([]int64, 30)}
	for i := range m.Forecast.Micros {
		switch m.Forecast.Micros[i] = Unknown; {
		case i == 19:
			m.Forecast.Micros[i] = m.Totals[i]
		case i > 19:
			m.Forecast.Micros[i] = m.Forecast.Micros[i-1] + 8_400_000_000
		}
	}
	for d := 22; d < 30; d++ {
		day := time.Date(2026, 11, d+1, 0, 0, 0, 0, time.UTC)
		m.Slots = append(m.Slots, ChartSlot{Label: day.Format("2 Jan"), Full: day.Format("Monday 2 Jan 2006"), Ahead: true})
	}
	m.EndNote = "Month's end: 80% range $246,104 – $258,320"
}

// withBudgets adds the columns of the current month's end.
func withBudgets(m *CostBreakdown) {
	m.Ends, m.Budgets = true, true
	for i, used := range []*Used{{"75%", 75, ui.Warn, "Budget used"}, {"104%", 100, ui.Bad, "Budget used"}, {"69%", 69, ui.OK, "Budget used"}, {"68%", 68, ui.OK, "Budget used"}, nil, nil} {
		m.Rows[i].Used, m.Rows[i].SetURL, m.Rows[i].End = used, PathBudgets+"?budget=new&for=x", "$84,310"
	}
	m.Total.End = "$251,685"
}

func sampleForecast(r Region) ForecastCard {
	return ForecastCard{
		Region: r, Amount: "$251,685", Range: "80% range $246,104 – $258,320", Over: Delta{"+5.3%", 1}, Budget: "against the budget of $239,000",
		Bar: &EndBar{Spent: 620, Expected: 974, Budget: 925, Words: "$158,011 settled"},
	}
}

func sampleBudgetsCard(r Region) BudgetsCard {
	return BudgetsCard{
		Region: r, Figure: "4 of 6 on track", Note: "1 over, 1 at risk",
		Rows: []BudgetRow{{Name: "Brightwater, all", Used: &Used{"104%", 100, ui.Bad, "Budget used: Brightwater"}}, {Name: "Everhill virtual machines", Used: &Used{"83%", 83, ui.Warn, "Budget used: Everhill"}}},
	}
}

func sampleMovement(r Region) CostMovement {
	return CostMovement{
		Region: r, Sub: "1–19 Nov vs 1–19 Oct", Head: "Tenant",
		Rows: []MoveRow{
			{Name: "Aldermoor Retail", URL: "/costs?tenant=a", Before: "$57,210.40", After: "$61,842.17", Change: Delta{"+$4,631.77", 1}, Part: 100},
			{Name: "Cinder Foods", URL: "/costs?tenant=c", Before: "$30,552.80", After: "$29,114.03", Change: Delta{"−$1,438.77", -1}, Part: 31},
			{Name: "Foxglove Labs", URL: "/costs?tenant=f", Word: "new", Before: "$0.00", After: "$1,147.66", Change: Delta{"+$1,147.66", 1}, Part: 24},
		},
		Rest:  &MoveRow{Name: "3 others", Before: "$81,430.40", After: "$88,107.14", Change: Delta{"+$6,676.74", 1}, Part: 100},
		Total: MoveRow{Name: "Total", Before: "$169,193.60", After: "$180,211.00", Change: Delta{"+$11,017.40", 1}},
	}
}

func sampleAnomalyLines(r Region) Anomalies {
	line := func(id, kind, where string, state AnomalyState, over string, rise int) AnomalyLine {
		return AnomalyLine{
			ID: id, Kind: kind, State: state, Tenant: "Brightwater Health", Where: where, Detail: "brightwater-prod", URL: "/costs?tenant=b", When: "since 17 Nov",
			Actual: "$3,627.10", Expected: "$2,238.90", Change: Delta{"+62.0%", rise}, Over: over, Worth: over, Score: "8.2 robust sigmas from what was expected",
		}
	}
	m := Anomalies{
		Region: r, Sub: "1–22 Nov, amortized usage", Shown: 4, Matched: 4, Open: 2, Today: r.Fresh.Now, How: "How it works: compared with the same weekdays of the 8 weeks before.",
		Rows: []AnomalyLine{
			line("1", "Spike", "Log Analytics", AnomalyOpen, "+$1,388.20", 1), line("2", "Vanished", "Bandwidth", AnomalyOpen, "−$846.75", -1),
			line("3", "Step", "Virtual Machines", AnomalySeen, "+$489.11", 1), line("4", "New", "Azure SQL Database", AnomalyExpected, "+$168.02", 1),
		},
		Recurring: []RecurringRow{{"Cinder Foods", "Marketplace", "cinder-prod", "8 Nov 2026", "$630.17"}},
	}
	m.Rows[0].Parts = []AnomalyPart{{"Log Analytics", "+$1,100.00"}, {"Storage", "+$212.00"}}
	m.Rows[1].Form = &VerdictForm{Verdict: "expected", Note: "moved away", Problem: "say until when this is expected: an expiry date is missing", Do: "Give the last day."}
	m.Rows[3].Said = &Said{Author: "local", Note: "planned migration", At: r.Fresh.Now.Add(-2 * time.Hour), Until: "31 Dec 2026"}
	m.Rows[2].Said = &Said{Author: "local", At: r.Fresh.Now.Add(-time.Hour)}
	return m
}

func sampleBudgets(r Region) Budgets {
	row := func(name string, state BudgetState, used *Used) BudgetRow {
		return BudgetRow{
			Name: name, Of: "Brightwater Health · Storage", URL: "/costs?tenant=b", Amount: "$50,000", Spent: "$41,200", Used: used, End: "$60,100", EndNote: "120% of the budget",
			State: state, Metric: "actual", ChangeURL: PathBudgets + "?budget=1",
		}
	}
	return Budgets{
		Region: r, Month: "November 2026", Tenants: "5 of 6 tenants have a budget of all they cost", More: true,
		Rows: []BudgetRow{
			row("Production", BudgetOver, &Used{"104%", 100, ui.Bad, "Budget used: Production"}), row("Test", BudgetAtRisk, &Used{"82%", 82, ui.Warn, "Budget used: Test"}),
			row("Shared", BudgetFine, &Used{"41%", 41, ui.OK, "Budget used: Shared"}), row("New", BudgetUnknown, nil),
		},
		Azure: []AzureBudgetRow{
			{"prod-monthly", "Cinder Foods · cinder-prod", "Monthly", "€18,000", "€15,563", &Used{"86%", 86, ui.OK, "Used of prod-monthly"}, "€20,100", r.Fresh.Now.Add(-5 * time.Hour)},
			{"lab", "Cinder Foods · cinder-lab", "Quarterly, of a part", "€1,000", Dash, nil, Dash, r.Fresh.Now.Add(-5 * time.Hour)},
		},
		Offer: []TenantOption{{ID: "b", Name: "Brightwater Health"}, {ID: "c", Name: "Cinder Foods", Chosen: true}},
	}
}

func sampleBudgetForm() *BudgetForm {
	return &BudgetForm{
		ID: "1", Tenant: "b", TenantName: "Brightwater Health", Name: "Production", Amount: "12,5", Currency: "USD", Service: "Storage", Metric: "amortized",
		Subs: []Choice{{"s1", "brightwater-prod", true}, {"s2", "brightwater-test", false}}, Services: []string{"Storage", "Bandwidth"}, Currencies: []string{"EUR", "USD"},
		Problem: "the amount is not a number like 12000.50", Do: "Leave out separators.", CloseURL: PathBudgets, PostURL: PathBudgets + "/1", DeleteURL: PathBudgets + "/1/delete",
	}
}

func sampleRestated(r Region) Restated {
	return Restated{
		Region: r, Sub: "1–22 Nov, actual cost", Totals: []RestatedTotal{{"November 2026, USD", "+$212.40", "1 change"}, {"October 2026, EUR", "−€80.00", "1 change"}},
		Rows: []RestatedDay{
			{Day: "9 Nov 2026", Name: "Cinder Foods", Detail: "cinder-prod", Before: "$7,412.10", After: "$7,624.50", Change: Delta{"+$212.40", 1}, NoticedAt: r.Fresh.Now.Add(-3 * time.Hour)},
			{Day: "28 Oct 2026", Name: "Cinder Foods", Detail: "cinder-lab", Before: "€412.10", After: "€332.10", Change: Delta{"−€80.00", -1}, NoticedAt: r.Fresh.Now.Add(-30 * time.Hour)},
		},
	}
}
