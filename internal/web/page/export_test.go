package page

import (
	"time"
)

// SampleShell is a shell with invented tenants.
func SampleShell(now time.Time) Shell {
	return Shell{
		Title: "Overview", Path: PathOverview, Now: now, From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		Tenants: []TenantOption{
			{ID: "aldermoor", Name: "Aldermoor Retail"},
			{ID: "brightwater", Name: "Brightwater Health"},
			{ID: "cinder", Name: "Cinder Foods"},
			{ID: "delphine", Name: "Delphine Bank"},
			{ID: "everhill", Name: "Everhill Toys"},
			{ID: "foxglove", Name: "Foxglove Labs"},
		},
		Badge: "Simulated Azure: demo data from the built-in simulator.", SyncFailing: 1, Live: true, CSRF: "token",
		Viewer: &Viewer{Name: "Rita Kovač", Initials: "RK", Role: "Operator"},
	}
}

func sampleFresh(s Shell) Freshness {
	return Freshness{
		Now: s.Now, SyncedAt: s.Now.Add(-14 * time.Minute), Stale: true, OldestName: "Everhill Toys", OldestAt: s.Now.Add(-30 * time.Hour),
		Covered: 5, Of: 6, Missing: []Missing{{"Foxglove Labs", "403: lost its Cost Management Reader role"}},
	}
}

// SampleOverview is the Overview with invented figures.
func SampleOverview(s Shell) Overview {
	q := s.Query
	q.View = viewOverview
	r := Region{Query: q, Fresh: sampleFresh(s)}
	whole := Region{Query: q, Fresh: Freshness{Now: s.Now, SyncedAt: r.Fresh.SyncedAt, Covered: 6, Of: 6}}
	return Overview{Summary: sampleSummary(r), Forecast: sampleForecast(whole), Budgets: sampleBudgetsCard(r), Chart: sampleChart(whole), Tenants: sampleBreakdown(r), Anomalies: sampleAnomalies(whole), Freshness: sampleFreshness(whole), Resources: sampleResourceSummary(whole), Waste: sampleWasteSummary(whole), Compliance: sampleOverall(r), Gauges: sampleGauges(r), Identity: sampleRisk(r)}
}

// SampleCosts is Costs with invented figures.
func SampleCosts(s Shell) Costs {
	r := Region{Query: s.Query, Fresh: sampleFresh(s)}
	chart := sampleChart(r)
	chart.Title = "Daily cost by tenant"
	chart.Groups = nil
	breakdown := sampleBreakdown(r)
	withBudgets(&breakdown)
	return Costs{
		Groups: []string{"tenant", "service", "subscription"}, Currency: "USD · 1 tenant billed in EUR",
		Stats: &CostStats{
			Total: "$184,212.00", TotalLabel: "Actual, 1–22 Nov", Change: Delta{"+6.2%", 1}, Before: "vs 1–22 Oct", Step: "day", Average: "$8,373.27", AverageNote: "19 settled days, peak $10,142.09 on 17 Nov",
			End: "$251,685", EndNote: "80% range $246,104 – $258,320", Budget: BudgetSum{Figure: "$239,000", Bad: "+$12,685 over", Note: "at forecast", URL: PathBudgets},
		},
		Chart: chart, Breakdown: breakdown, Anomalies: sampleAnomalies(r), Movement: sampleMovement(r),
		Chips: []Chip{{"Charge type: Usage", PathCosts}, {"Service: Storage", PathCosts}}, ClearURL: PathCosts,
		Choices: []Choices{
			{Title: "Service", Name: "service", Options: []Choice{{"Storage", "Storage", true}, {"Bandwidth", "Bandwidth", false}}},
			{Title: "Resource group", Name: "resource_group", Note: "Choose one tenant to filter by resource group."},
		},
		Restated: []RestatedDay{{Day: "9 Nov 2026", Name: "Cinder Foods", Before: "$7,412.10", After: "$7,624.50", Detail: "cinder-prod", Change: Delta{"+$212.40", 1}, NoticedAt: s.Now.Add(-3 * time.Hour)}},
	}
}

// SampleSync is Sync status with invented figures.
func SampleSync(s Shell) Sync {
	r := Region{Query: s.Query, Fresh: Freshness{Now: s.Now, SyncedAt: s.Now.Add(-14 * time.Minute), Covered: 6, Of: 6}}
	return Sync{
		Stats: []Stat{{"Tenants current", "4 of 6", "1 stale, 1 failing"}, {"Running now", "2", "1 waiting for Azure, 1 queued"}, {"Failed or partial", "2", "in the last 24 hours"}, {"Oldest data", "75 h", "Foxglove Labs"}},
		Jobs:  sampleJobs(r), Freshness: sampleFreshness(r),
	}
}

// SampleAnomalies is the page of anomalies with invented figures.
func SampleAnomalies(s Shell) Anomalies {
	return sampleAnomalyLines(Region{Query: s.Query, Fresh: sampleFresh(s)})
}

// SampleBudgets is the page of budgets with invented figures and an open form.
func SampleBudgets(s Shell) Budgets {
	m := sampleBudgets(Region{Query: s.Query, Fresh: sampleFresh(s)})
	m.Form = sampleBudgetForm()
	return m
}

// SampleRestated is the page of restated days with invented figures.
func SampleRestated(s Shell) Restated {
	return sampleRestated(Region{Query: s.Query, Fresh: sampleFresh(s)})
}

// SampleResources is the page of resources with invented figures.
func SampleResources(s Shell) Resources {
	r := Region{Query: s.Query, Fresh: sampleFresh(s)}
	return Resources{
		Table: sampleTable(r), Types: sampleTypes(r), Chips: []Chip{{"Name: weu", PathResources}, {"Type: Managed disk", PathResources}}, ClearURL: PathResources,
		Choices: []Choice{{"microsoft.compute/disks", "Managed disk (2,406)", true}},
		Names:   Names{Groups: []string{"rg-pos-weu"}, Locations: []string{"westeurope"}, TagKeys: []string{"env"}, Required: []string{"env", "owner"}},
	}
}

// SampleFacts is one resource with invented facts.
func SampleFacts(s Shell) ResourceFacts {
	return sampleFacts(Region{Query: s.Query, Fresh: sampleFresh(s)})
}

// SampleWaste is the page of waste with invented figures.
func SampleWaste(s Shell) Waste { return sampleWaste(Region{Query: s.Query, Fresh: sampleFresh(s)}) }

// SampleTags is the page of tags with invented figures.
func SampleTags(s Shell) Tags { return sampleTags(Region{Query: s.Query, Fresh: sampleFresh(s)}) }

// SampleChanges is the page of changes with invented ones.
func SampleChanges(s Shell) Changes {
	return sampleChangesPage(Region{Query: s.Query, Fresh: sampleFresh(s)})
}
