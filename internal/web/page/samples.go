package page

import (
	"strings"
	"time"
)

// The samples below are invented; all names are placeholders.

func sampleSummary(r Region) CostSummary {
	return CostSummary{
		Region: r, Title: "Cost this month", Amount: "$184,212", Change: Delta{"+6.2%", 1}, Before: "vs $173,394 on 1–22 Oct",
		Spark: []float64{6.7, 8.5, 8.7, 8.6, 8.9, 8.3, 7.3, 6.9, 8.6, 8.4, 8.5, 9.6, 8.8, 7.2, 6.8, 8.5, 10.1, 9.5, 8.8, 8.5, 7.1, 7.0},
	}
}

func sampleChart(r Region) CostChart {
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	m := CostChart{
		Region: r, Title: "Daily cost", Sub: "USD, actual cost", Currency: "USD", Groups: []string{"tenant", "service"},
		Summary: "Daily cost by tenant, 1–22 Nov 2026: total $184,212, highest on 17 Nov.",
		Marks:   []ChartMark{{16, "Brightwater +62%", "/costs?from=2026-11-17&to=2026-11-17"}, {11, "Everhill Toys +90%", "/costs?from=2026-11-12&to=2026-11-12"}},
	}
	names := []string{"Aldermoor Retail", "Brightwater Health", "Cinder Foods", "Delphine Bank", "Everhill Toys", "Foxglove Labs"}
	base := []int64{2_900, 2_100, 1_300, 1_200, 560, 230}
	before := &ChartSeries{Name: "Previous month", Micros: make([]int64, 30)}
	m.Totals = make([]int64, 22)
	for i, name := range names {
		s := ChartSeries{Name: name, Slot: i + 1, Micros: make([]int64, 22)}
		for d := range s.Micros {
			v := base[i] * 1_000_000 * int64(88+(d*7+i*3)%17) / 100
			if wd := (d + 6) % 7; wd == 6 || wd == 5 {
				v = v * 78 / 100
			}
			if (i == 1 && d == 16) || (i == 4 && d == 11) {
				v = v * 17 / 10
			}
			s.Micros[d] = v
			m.Totals[d] += v
		}
		m.Series = append(m.Series, s)
	}
	for d := range 22 {
		day := from.AddDate(0, 0, d)
		m.Slots = append(m.Slots, ChartSlot{Label: day.Format("2 Jan"), Full: day.Format("Monday 2 Jan 2006"), Late: d >= 19})
		before.Micros[d] = m.Totals[(d+3)%22] * 94 / 100
	}
	before.Micros = before.Micros[:22]
	m.Previous = before
	return m
}

func sampleBreakdown(r Region) CostBreakdown {
	row := func(slot int, name, cost, share, before, change string, rise int) BreakdownRow {
		return BreakdownRow{Name: name, URL: "/costs?tenant=" + strings.ToLower(strings.Fields(name)[0]), Series: true, Slot: slot, Cost: cost, Share: share, Previous: before, Change: Delta{change, rise}}
	}
	m := CostBreakdown{
		Region: r, Title: "Cost by tenant", Sub: "Change: 1–19 Nov vs 1–19 Oct", Head: "Tenant", Compare: true, Shown: 6, Matched: 6,
		Rows: []BreakdownRow{
			row(1, "Aldermoor Retail", "$61,842.17", "33.6%", "$57,210.40", "+8.1%", 1),
			row(2, "Brightwater Health", "$48,310.55", "26.2%", "$43,987.10", "+9.8%", 1),
			row(3, "Cinder Foods", "$29,114.03", "15.8%", "$30,552.80", "−4.7%", -1),
			row(4, "Delphine Bank", "$27,390.88", "14.9%", "$27,010.20", "+1.4%", 1),
			row(5, "Everhill Toys", "$12,406.71", "6.7%", "$10,330.90", "+20.1%", 1),
			row(6, "Foxglove Labs", "$5,147.66", "2.8%", "—", "new", 1),
		},
		Total: BreakdownRow{Name: "Total", Cost: "$184,212.00", Share: "100.0%", Previous: "$173,393.90", Change: Delta{"+6.2%", 1}},
	}
	m.Rows[3].Billing, m.Rows[4].Billing = []string{"€25,241.30"}, []string{"€10,000.00", "CHF\u00a01,203.40"}
	m.Total.Billing = []string{"CHF\u00a01,203.40", "€35,241.30", "$144,413.40"}
	if r.Fresh.Stale {
		m.Rows[4].Note = "Last read 30 h ago"
	}
	return m
}

func sampleAnomalies(r Region) CostAnomalies {
	row := func(name, detail, over, pct, cost string, state AnomalyState) AnomalyRow {
		return AnomalyRow{Name: name, Detail: detail, URL: "/costs?from=2026-11-17&to=2026-11-17", Over: over, Change: Delta{pct, 1}, Cost: cost, State: state}
	}
	return CostAnomalies{
		Region: r, Sub: "1–22 Nov", Total: 5, Threshold: "2 open",
		Rows: []AnomalyRow{
			row("Brightwater Health", "Log Analytics, 17 Nov", "+$1,388.20", "+62%", "$3,627.10", AnomalyOpen),
			row("Brightwater Health", "Log Analytics, 18 Nov", "+$846.75", "+38%", "$3,075.00", AnomalyOpen),
			row("Everhill Toys", "Virtual Machines, 12 Nov", "+$489.11", "+90%", "$1,032.57", AnomalySeen),
			row("Cinder Foods", "Bandwidth, 9 Nov", "+$212.40", "+41%", "$730.44", AnomalyExpected),
			row("Aldermoor Retail", "Azure SQL Database, 4 Nov", "+$168.02", "+24%", "$868.10", AnomalyExpected),
		},
	}
}

func sampleFreshness(r Region) SyncFreshness {
	now := r.Fresh.Now
	read := func(ago time.Duration) Reading { return Reading{At: now.Add(-ago), State: RunDone} }
	return SyncFreshness{
		Region: r, Current: "4 of 6 tenants current", Schedule: "Stale after 24 h. Read every 4 h", CanSync: true,
		Rows: []FreshnessRow{
			{Name: "Foxglove Labs", Costs: Reading{At: now.Add(-75 * time.Hour), State: RunFailed, Stale: true, Reason: "403: the app registration lost its Cost Management Reader role"}, Resources: read(14 * time.Minute), Compliance: read(20 * time.Minute), Identity: read(42 * time.Minute)},
			{Name: "Everhill Toys", Costs: Reading{At: now.Add(-30 * time.Hour), Stale: true, Reason: "Last read 30 h ago"}, Resources: Reading{At: now.Add(-30 * time.Hour), Stale: true, Reason: "Last read 30 h ago"}, Compliance: Reading{At: now.Add(-30 * time.Hour), Stale: true, Reason: "Last read 30 h ago"}, Identity: Reading{At: now.Add(-30 * time.Hour), Stale: true, Reason: "Last read 30 h ago"}},
			{Name: "Brightwater Health", Costs: Reading{At: now.Add(-4 * time.Hour), State: RunRunning}, Resources: Reading{Reason: "Not read yet", State: RunQueued}, Compliance: Reading{Reason: "Not read yet", State: RunQueued}, Identity: Reading{Reason: "Not read: the tenant has not consented", State: RunPartial}},
			{Name: "Aldermoor Retail", URL: PathCosts, Costs: read(14 * time.Minute), Resources: read(14 * time.Minute), Compliance: read(25 * time.Minute), Identity: read(39 * time.Minute)},
			{Name: "Cinder Foods", Costs: read(15 * time.Minute), Resources: read(15 * time.Minute), Compliance: read(25 * time.Minute), Identity: read(39 * time.Minute)},
			{Name: "Delphine Bank", Costs: read(16 * time.Minute), Resources: read(3 * time.Hour), Compliance: read(3 * time.Hour), Identity: read(3 * time.Hour)},
		},
	}
}

func sampleJobs(r Region) SyncJobs {
	now := r.Fresh.Now
	return SyncJobs{
		Region: r, LastEvent: now.Add(-4 * time.Second), CanSync: true,
		Runs: []SyncRun{
			{ID: "r1", Job: "costs", Tenant: "Brightwater Health", State: RunRunning, Started: now.Add(-70 * time.Second), Progress: Progress{7, 9, "7 of 9 subscriptions · 41,208 rows"}},
			{ID: "r2", Job: "costs", Tenant: "Everhill Toys", State: RunWaiting, Started: now.Add(-90 * time.Second), Until: now.Add(58 * time.Second), Progress: Progress{2, 4, "2 of 4 subscriptions"}},
			{ID: "r3", Job: "resources", Tenant: "Hollin Water", State: RunRunning, Started: now.Add(-10 * time.Second), Progress: Progress{Words: "Reading subscriptions"}},
			{ID: "r4", Job: "costs", Tenant: "Delphine Bank", State: RunQueued, Words: "behind 2 jobs"},
			{ID: "r5", Job: "costs", Tenant: "Foxglove Labs", TenantID: "foxglove", State: RunFailed, Started: now.Add(-22 * time.Minute), Until: now.Add(20 * time.Minute), Reason: "403 AuthorizationFailed: the app registration lost its Cost Management Reader role.", Do: "Assign the role on the subscription, then retry."},
			{ID: "r6", Job: "resources", Tenant: "Cinder Foods", TenantID: "cinder", State: RunPartial, Started: now.Add(-9 * time.Minute), Finished: now.Add(-8 * time.Minute), Reason: "1 of 3 subscriptions failed; the others are stored.", Parts: []RunPart{
				{"cinder-lab", RunFailed, "404 SubscriptionNotFound: it was cancelled or moved."}, {"cinder-csp", RunSkipped, "The offer CSP_2015-05-01 has no cost data in Cost Management."},
			}},
			{ID: "r7", Job: "costs", Tenant: "Aldermoor Retail", State: RunDone, Started: now.Add(-14 * time.Minute), Finished: now.Add(-13 * time.Minute), Words: "41,208 rows read, 212 changed in 3.4 s"},
		},
	}
}
