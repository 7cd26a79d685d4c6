package page

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// galleryPart is one partial in all its states.
type galleryPart struct {
	title string
	of    string // the page that shows it: PathStates, PathResourceStates, PathJudgedStates or PathIdentityStates
	wide  bool
	cells []galleryCell
}

type galleryCell struct {
	name  string
	panel templ.Component
}

// freshnesses are the cases of the design guide, section 8, in its order.
func freshnesses(now time.Time) []struct {
	name  string
	fresh Freshness
} {
	good := Freshness{Now: now, SyncedAt: now.Add(-14 * time.Minute), Covered: 6, Of: 6}
	with := func(change func(*Freshness)) Freshness { f := good; change(&f); return f }
	return []struct {
		name  string
		fresh Freshness
	}{
		{"Fresh", good},
		{"Loading", Freshness{State: Loading, Now: now}},
		{"Never synced", Freshness{State: NeverSynced, Now: now}},
		{"First sync running", Freshness{State: FirstSync, Now: now, Progress: Progress{Done: 3, Of: 13, Words: "3 of 13 months read"}, HasRows: true}},
		{"First sync, length not known", Freshness{State: FirstSync, Now: now, Progress: Progress{Words: "Reading subscriptions"}}},
		{"One source stale", with(func(f *Freshness) {
			f.Stale, f.OldestName, f.OldestAt = true, "Everhill Toys", now.Add(-30*time.Hour)
		})},
		{"One tenant failed", with(func(f *Freshness) {
			f.Covered = 5
			f.Missing = []Missing{{"Foxglove Labs", "403 AuthorizationFailed: the app registration lost its Cost Management Reader role."}}
		})},
		{"Everything stale", with(func(f *Freshness) {
			f.State, f.SyncedAt, f.Stale, f.OldestName, f.OldestAt = AllStale, now.Add(-30*time.Hour), true, "Everhill Toys", now.Add(-75*time.Hour)
		})},
		{"Nothing covers the period", with(func(f *Freshness) { f.State, f.LastKnown = Uncovered, "$61,842 on 20 Oct" })},
		{"Late usage", with(func(f *Freshness) { f.Late = "20–22 Nov can still change" })},
		{"Throttled", with(func(f *Freshness) { f.WaitUntil = now.Add(time.Minute) })},
		{"A viewer of four tenants", with(func(f *Freshness) { f.Covered, f.Of, f.Limited = 4, 4, true })},
		{"Empty", with(func(f *Freshness) {
			f.State, f.EmptyTitle, f.EmptyText = Empty, "Nothing stands out", "Checked 22 days in 6 tenants. A day counts from +20% and $50."
		})},
	}
}

// problems are the error panels.
func problems() []Problem {
	return []Problem{
		{Status: 500, Title: "This panel could not be loaded", Cause: "The database did not answer within 5 seconds.", RequestID: "01JD3K9Q7B", RetryURL: PathStates},
		{Status: 403, Title: "Your role cannot see this", Cause: "Needs Cost Management Reader on the subscription.", Do: "Ask the platform owner to add the role, then sync again."},
		{Status: 404, Title: "No such tenant", Cause: "It does not exist, or your role does not include it."},
	}
}

// galleryOf is the part of the gallery that a page shows: all at once is more
// than a browser looks through in good time.
func galleryOf(now time.Time, path string) (out []galleryPart) {
	for _, part := range gallery(now) {
		if cmp.Or(part.of, PathStates) == path {
			out = append(out, part)
		}
	}
	return out
}

func gallery(now time.Time) []galleryPart {
	parts := []galleryPart{
		{title: "cost-summary-card"},
		{title: "cost-forecast-card"},
		{title: "cost-budgets-card"},
		{title: "cost-chart"},
		{title: "cost-breakdown"},
		{title: "cost-anomalies"},
		{title: "cost-movement"},
		{title: "sync-freshness"},
		{title: "sync-jobs", wide: true},
		{title: "anomalies", wide: true},
		{title: "budgets", wide: true},
		{title: "azure-budgets", wide: true},
		{title: "restated", wide: true},
		{title: "resource-table", of: PathResourceStates, wide: true},
		{title: "resource-types", of: PathResourceStates},
		{title: "resource-summary", of: PathResourceStates},
		{title: "waste-summary", of: PathResourceStates},
		{title: "waste", of: PathResourceStates, wide: true},
		{title: "tags", of: PathResourceStates},
		{title: "resource-changes", of: PathResourceStates, wide: true},
		{title: "compliance-card", of: PathJudgedStates},
		{title: "compliance-score", of: PathJudgedStates},
		{title: "compliance-gauge", of: PathJudgedStates, wide: true},
		{title: "compliance-policies", of: PathJudgedStates, wide: true},
		{title: "compliance-resources", of: PathJudgedStates, wide: true},
		{title: "compliance-drift", of: PathJudgedStates, wide: true},
		{title: "compliance-exemptions", of: PathJudgedStates, wide: true},
		{title: "compliance-secure", of: PathJudgedStates, wide: true},
		{title: "compliance-frameworks", of: PathJudgedStates, wide: true},
		{title: "compliance-framework", of: PathJudgedStates, wide: true},
		{title: "identity-card", of: PathIdentityStates},
		{title: "identity-stats", of: PathIdentityStates, wide: true},
		{title: "identity-trend", of: PathIdentityStates, wide: true},
		{title: "identity-list", of: PathIdentityStates, wide: true},
		{title: "identity-findings", of: PathIdentityStates, wide: true},
		{title: "identity-rules", of: PathIdentityStates},
		{title: "identity-gaps", of: PathIdentityStates, wide: true}, // whose states are not those of its data
	}
	panels := func(r Region) []templ.Component {
		summary, chart, breakdown := sampleSummary(r), sampleChart(r), sampleBreakdown(r)
		anomalies, freshness, jobs := sampleAnomalies(r), sampleFreshness(r), sampleJobs(r)
		card := r // two cards are called as the lists that they sum up
		card.Key += "-card"
		return []templ.Component{
			CostSummaryCard(summary), ForecastCardPanel(sampleForecast(r)), BudgetsCardPanel(sampleBudgetsCard(r)), CostChartPanel(chart), CostBreakdownPanel(breakdown),
			CostAnomaliesPanel(anomalies), CostMovementPanel(sampleMovement(r)), SyncFreshnessPanel(freshness), SyncJobsPanel(jobs),
			AnomaliesPanel(Shell{Now: now}, sampleAnomalyLines(r)), OwnBudgets(Shell{Now: now}, sampleBudgets(r)), AzureBudgets(sampleBudgets(r)),
			RestatedPanel(Shell{Now: now}, sampleRestated(r)),
			ResourceTablePanel(sampleTable(r)), ResourceTypesPanel(sampleTypes(r)), ResourceSummaryCard(sampleResourceSummary(card)), WasteSummaryCard(sampleWasteSummary(card)),
			WastePanel(Shell{Now: now}, sampleWaste(r)), TagTablePanel(sampleTagTable(r, "tags", "By tenant", "Tenant")), ChangeTablePanel(sampleChanges(r)),
			ComplianceCard(sampleOverall(r)), ComplianceScorePanel(sampleOverall(r)), ComplianceGaugePanel(sampleGauges(r)), PolicyTablePanel(samplePolicies(r)), FailingTablePanel(sampleFailing(r, "")),
			DriftPanel(sampleDrift(r)), ExemptionsPanel(sampleExemptions(r)), SecureScorePanel(sampleSecure(r)), FrameworksPanel(sampleFrameworks(r)), FrameworkPanel(sampleFramework(r)),
			IdentityCardPanel(sampleRisk(r)), IdentityStatsPanel(sampleStats(r)), IdentityTrendPanel(sampleIdentityTrend(r)), IdentityListPanel(samplePrivileged(r)),
			IdentityFindingsPanel(Shell{Now: now}, sampleIdentityFindings(r)), IdentityRulesPanel(sampleRules(r)),
		}
	}
	for _, f := range freshnesses(now) {
		r := Region{Fresh: f.fresh, Key: strings.ToLower(strings.NewReplacer(" ", "-", ",", "").Replace(f.name))}
		for i, c := range panels(r) {
			parts[i].cells = append(parts[i].cells, galleryCell{f.name, c})
		}
	}
	moreStates(now, parts)
	mixed := sampleSummary(Region{Fresh: freshnesses(now)[0].fresh, Key: "mixed"})
	mixed.Currency, mixed.Billing = "USD, Azure's CostUSD", []string{"$151,204.12", "€30,511.90"}
	mixed.LeftOut = "Compared without Foxglove Labs: October was not read"
	parts[0].cells = append(parts[0].cells, galleryCell{"Several currencies", CostSummaryCard(mixed)})
	for i := range parts {
		for j, p := range problems() {
			id := parts[i].title + "-problem-" + strconv.Itoa(j)
			parts[i].cells = append(parts[i].cells, galleryCell{"Answer " + strconv.Itoa(p.Status), ErrorPanel(id, parts[i].title+", answer "+strconv.Itoa(p.Status), p)})
		}
	}
	return parts
}

// moreStates adds what a panel can show beyond the states of its data.
func moreStates(now time.Time, parts []galleryPart) {
	fresh := freshnesses(now)[0].fresh
	add := func(title, name string, c func(Region) templ.Component) {
		for i := range parts {
			if parts[i].title == title {
				parts[i].cells = append(parts[i].cells, galleryCell{name, c(Region{Fresh: fresh, Key: title + "-" + strconv.Itoa(len(parts[i].cells))})})
			}
		}
	}
	add("cost-forecast-card", "Too little history", func(r Region) templ.Component {
		return ForecastCardPanel(ForecastCard{Region: r, Why: "Needs 28 settled days of history, 12 are held"})
	})
	add("cost-forecast-card", "Without a budget", func(r Region) templ.Component {
		m := sampleForecast(r)
		m.Budget, m.Bar.Budget = "", 0
		return ForecastCardPanel(m)
	})
	add("cost-budgets-card", "No budget", func(r Region) templ.Component { return BudgetsCardPanel(BudgetsCard{Region: r}) })
	add("cost-movement", "Nothing compared", func(r Region) templ.Component {
		return CostMovementPanel(CostMovement{Region: r, Why: "Choose what to compare with."})
	})
	add("cost-movement", "Nothing moved", func(r Region) templ.Component {
		return CostMovementPanel(CostMovement{Region: r, Head: "Tenant", Sub: "1–19 Nov vs 1–19 Oct"})
	})
	add("cost-breakdown", "With forecast and budgets", func(r Region) templ.Component {
		m := sampleBreakdown(r)
		withBudgets(&m)
		return CostBreakdownPanel(m)
	})
	add("azure-budgets", "None known", func(r Region) templ.Component { return AzureBudgets(Budgets{Region: r}) })
	add("cost-chart", "Accumulated, with forecast", func(r Region) templ.Component {
		m := sampleChart(r)
		withEnd(&m)
		return CostChartPanel(m)
	})
	judgedStates(add)
	identityStates(add)
}

// judgedStates are what the panels of compliance can show beyond the states of their data.
func judgedStates(add func(title, name string, c func(Region) templ.Component)) {
	const hostile = `"'><script>alert(1)</script> ` + "\u202e" + `ÄäÖöÜü 東京 ` + "a-name-without-a-blank-that-is-far-longer-than-any-column-has-room-for"
	add("compliance-gauge", "One tenant", func(r Region) templ.Component { return ComplianceGaugePanel(sampleOne(r)) })
	add("compliance-gauge", "Twelve tenants", func(r Region) templ.Component { return ComplianceGaugePanel(sampleMany(r, 12)) })
	add("compliance-gauge", "More tenants than rings", func(r Region) templ.Component {
		m := sampleMany(r, 14)
		m.Rows, m.Rest, m.More = m.Rows[:12], m.Rows[12:], 3
		return ComplianceGaugePanel(m)
	})
	add("compliance-gauge", "No trend yet", func(r Region) templ.Component { m := sampleGauges(r); m.Trend = nil; return ComplianceGaugePanel(m) })
	add("compliance-gauge", "No policies assigned", func(r Region) templ.Component {
		m := sampleGauges(r)
		m.Rows, m.Trend = []Score{sampleNoScore("Aldermoor Retail", "No policies assigned"), sampleNoScore("Cinder Foods", "Not registered")}, nil
		return ComplianceGaugePanel(m)
	})
	add("compliance-gauge", "Hostile names", func(r Region) templ.Component {
		m := sampleGauges(r)
		m.Rows[0].Name, m.Rows[5].Cause, m.Trend.Lines[0].Name = hostile, hostile, hostile
		return ComplianceGaugePanel(m)
	})
	add("compliance-score", "No policies assigned", func(r Region) templ.Component {
		return ComplianceScorePanel(ComplianceScore{Region: r, Score: sampleNoScore("All tenants", "No policies assigned")})
	})
	add("compliance-policies", "Hostile names", func(r Region) templ.Component {
		m := samplePolicies(r)
		m.Rows[0].Name, m.Rows[0].Category, m.Rows[0].Worst = hostile, hostile, hostile
		return PolicyTablePanel(m)
	})
	add("compliance-drift", "Nothing to compare with", func(r Region) templ.Component {
		m := sampleDrift(r)
		m.Why = "Compliance is held from 20 Nov 2026 on: choose that day or a later one."
		return DriftPanel(m)
	})
	add("compliance-secure", "No score", func(r Region) templ.Component {
		m := sampleSecure(r)
		m.Gauge, m.Percent, m.Points, m.How, m.Controls = GaugeOf(0, false, 0), Dash, "", "No subscription has a score.", nil
		m.Gauge.Sentence = "Secure score: none."
		return SecureScorePanel(m)
	})
}
