package page

import (
	"math"
	"strconv"
	"time"

	"fresnel/internal/web/ui"
)

const sampleTarget = 90

func sampleScore(name string, compliant, exempt, failing int, by float64) Score {
	g := float64(compliant+exempt) / float64(compliant+exempt+failing) * 100
	s := Score{
		Name: name, URL: PathCompliance + "?tenant=x", Gauge: GaugeOf(g, true, sampleTarget), Official: ShareOf(compliant+exempt, compliant+exempt+failing),
		Strict: ShareOf(compliant, compliant+failing), Exempted: ShareOf(exempt, compliant+exempt+failing), Change: Points(by), Against: "vs 7 days ago",
		Open: failing, OpenURL: PathNonCompliant, Compliant: compliant, Exempt: exempt, Unknown: 31,
	}
	s.Gauge.Sentence = name + ": " + s.Official.Percent + " compliant, " + s.Official.Of + " resources, target 90%."
	return s
}

func sampleNoScore(name, cause string) Score {
	return Score{Name: name, URL: PathCompliance + "?tenant=y", Gauge: Gauge{Figure: Dash, Target: sampleTarget, Tone: ui.Mute, Sentence: name + ": no score. " + cause}, Official: Share{Dash, ""}, Cause: cause, Failed: cause == "Sync failed"}
}

func sampleOverall(r Region) ComplianceScore {
	return ComplianceScore{Region: r, Score: sampleScore("All tenants", 7714, 96, 1042, -1.2), Spark: []float64{3, 4, 3.6, 4.1, 3.9, 3.2, 2}}
}

func sampleGauges(r Region) ComplianceGauges {
	m := ComplianceGauges{Region: r, Target: "90", Rows: []Score{
		sampleScore("Aldermoor Retail", 2200, 20, 214, 0.6), sampleScore("Brightwater Health", 1950, 24, 412, -5.8), sampleScore("Cinder Foods", 780, 8, 98, 1.1),
		sampleScore("Delphine Bank", 830, 14, 31, 0.2), sampleScore("Everhill Toys", 1100, 8, 287, -1.9), sampleNoScore("Foxglove Labs", "Sync failed"),
	}}
	m.Rows[4].Note = "30 h old"
	if !r.onOverview() {
		m.Trend = sampleScoreTrend([]string{"Aldermoor Retail", "Brightwater Health", "Cinder Foods", "Delphine Bank", "Everhill Toys"}, []float64{90.8, 88.4, 88.2, 96.4, 81})
	}
	return m
}

func sampleScoreTrend(names []string, base []float64) *ScoreTrend {
	t := &ScoreTrend{Title: "Score, last 30 days", Summary: "Score, last 30 days: Brightwater Health fell most, by 5.8 points.", Target: sampleTarget, Low: 70, Readings: 30}
	from := time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)
	for d := range 30 {
		day := from.AddDate(0, 0, d)
		t.Days = append(t.Days, ChartSlot{Label: day.Format("2 Jan"), Full: day.Format("Monday 2 Jan 2006")})
	}
	for i, name := range names {
		line := ScoreLine{Name: name, Slot: i%6 + 1}
		for d := range 30 {
			v := base[i] + 0.6*math.Sin(float64(d)/2+float64(i))
			if i == 1 && d > 27 {
				v -= 5.8
			}
			line.Points = append(line.Points, ScorePoint{Known: d > 2 || i != 2, Value: v, Share: Share{PercentText(v), Count(int(v*10)) + " of 1,000"}})
		}
		t.Lines = append(t.Lines, line)
	}
	t.Lines[0].Points[29].Part = "3 of 4 subscriptions"
	return t
}

// sampleMany are more tenants than there are colours.
func sampleMany(r Region, n int) ComplianceGauges {
	m := ComplianceGauges{Region: r, Target: "90"}
	var names []string
	var base []float64
	for i := range n {
		s := sampleScore("Tenant "+strconv.Itoa(i+1), 700+i*20, 5, 340-i*20, float64(i)/2-3)
		m.Rows = append(m.Rows, s)
		if i < 6 {
			names, base = append(names, s.Name), append(base, 84+float64(i)/4) // so near that labels would collide
		}
	}
	if m.Trend = sampleScoreTrend(names, base); n > 6 {
		m.Trend.Note = "The 6 that are lowest or moved most, and all together"
		all := sampleScoreTrend([]string{"All tenants"}, []float64{88}).Lines[0]
		all.Slot = 0
		m.Trend.Lines = append(m.Trend.Lines, all)
	}
	return m
}

func samplePolicies(r Region) PolicyTable {
	row := func(name, category, effect string, n int, worst string, of, whole int) PolicyRow {
		p := float64(of) / float64(whole) * 100
		return PolicyRow{Name: name, URL: PathPolicies + "/1", Category: category, Effects: []string{effect}, NonCompliant: n, FailingURL: PathNonCompliant + "?policy=1", Worst: worst, Score: ShareOf(of, whole), Tone: ScoreTone(p, sampleTarget)}
	}
	m := PolicyTable{
		Region: r, Sub: "38 with findings of 212 assigned", Shown: 8, Matched: 38, NextURL: PathCompliance + "?cursor=8", BackURL: PathCompliance, ClearURL: PathCompliance,
		Chips: []Chip{{"State: Non-compliant", PathCompliance}}, Categories: []Choice{{"Compute", "Compute", false}, {"Monitoring", "Monitoring", true}}, Effects: []Choice{{"audit", "Audit", false}},
		Rows: []PolicyRow{
			row("Storage accounts should disable public network access", "Data protection", "Deny", 412, "Brightwater Health, +3", 3051, 3463),
			row("Virtual machines should encrypt temp disks and caches", "Compute", "Audit", 208, "Aldermoor Retail, +4", 1092, 1300),
			row("Diagnostic settings for Key Vault should be enabled", "Monitoring", "DeployIfNotExists", 131, "Everhill Toys, +2", 1360, 1491),
			row("Resources should have tag costCenter", "Tagging", "Modify", 119, "Cinder Foods, +5", 4462, 4581),
			row("Azure SQL should have Entra-only authentication", "Identity", "Audit", 74, "Brightwater Health", 683, 757),
			row("Subnets should be associated with a network security group", "Network", "AuditIfNotExists", 58, "Foxglove Labs, +1", 1230, 1288),
			row("Allowed locations", "General", "Deny", 40, "Everhill Toys", 9960, 10_000),
			{Name: "Attest that backups are tried", URL: PathPolicies + "/2", Category: "Backup", Custom: true, Effects: []string{"Manual"}, Score: ShareOf(0, 0)},
		},
	}
	return m
}

func sampleFailing(r Region, id string) FailingTable {
	now := r.Fresh.Now
	row := func(name, kind, icon, tenant string, n int) FailingRow {
		out := FailingRow{Name: name, URL: PathResource + "?id=x", DrawerURL: PathPartials + "resource-drawer?id=x", Type: kind, Icon: icon, Tenant: tenant, Subscription: "prod", Group: "rg-pos-weu", Since: now.AddDate(0, 0, -9)}
		for i := range min(n, 2) {
			out.Policies = append(out.Policies, FailedPolicy{Name: []string{"Storage accounts should disable public network access", "Resources should have tag costCenter"}[i], URL: PathPolicies + "/1", Since: now.AddDate(0, 0, -9), Conflict: i == 1})
		}
		out.More = n - len(out.Policies)
		return out
	}
	m := FailingTable{Region: r, ID: id, Total: "1,042", NextURL: PathNonCompliant + "?cursor=x", BackURL: PathNonCompliant, Rows: []FailingRow{
		row("st0aldermoorlogs7", "Storage account", "database", "Aldermoor Retail", 1), row("vm-pos-weu-014", "Virtual machine", "cpu", "Aldermoor Retail", 2), row("sql-orders-prod", "SQL database", "database", "Delphine Bank", 5),
	}}
	m.Rows[2].URL, m.Rows[2].Group = "", ""
	return m
}

func samplePolicyPage(r Region) PolicyPage {
	failing := sampleFailing(r, "policy-failing")
	failing.Title, failing.Policy = "Resources that fail it", true
	return PolicyPage{
		Region: r, Name: "Storage accounts should disable public network access", ID: "/providers/Microsoft.Authorization/policyDefinitions/b2982f36-99f2-4db5-8eff-283140c09693",
		Description: "To improve the security of storage accounts, ensure that they are not exposed to the public internet and can only be accessed from a private endpoint.",
		Category:    "Storage", Mode: "Indexed", Effects: []string{"Audit", "DeployIfNotExists"}, Score: sampleScore("Storage accounts", 3001, 50, 412, 0),
		Tenants: []PolicyTenant{{"Brightwater Health", PathNonCompliant, 301, ShareOf(1200, 1501), ui.Bad}, {"Aldermoor Retail", PathNonCompliant, 111, ShareOf(1500, 1611), ui.OK}},
		Assignments: []PolicyAssignment{
			{Name: "Storage baseline", ID: "/providers/x", Scope: "Management group corp", Tenant: "Brightwater Health", Initiative: "Microsoft cloud security benchmark", Effect: "Audit", NonCompliant: 301, Score: ShareOf(1200, 1501)},
			{Name: "No public storage", Scope: "Subscription prod", Tenant: "Aldermoor Retail", Effect: "DeployIfNotExists", NonCompliant: 111, Score: ShareOf(0, 0)},
		},
		MoreAssignments: 3, Failing: failing,
		Remedies: []RemedyBox{
			{Effect: "Audit", Do: "Change the resource's configuration as the policy asks, or exempt it with a reason and an end.", Command: "az resource update --ids RESOURCE --set properties.PROPERTY=VALUE"},
			{Effect: "DeployIfNotExists", Do: "A remediation task deploys what is missing.", Command: "az policy remediation create --name NAME --policy-assignment ASSIGNMENT", Task: true},
		},
	}
}

func sampleDrift(r Region) Drift {
	now := r.Fresh.Now
	line := func(kind, cause string) MovedLine {
		return MovedLine{Kind: kind, Name: "st0aldermoorlogs7", URL: PathResource + "?id=x", DrawerURL: PathPartials + "resource-drawer?id=x", Type: "Storage account", Icon: "database", Policy: "Allowed locations", PolicyURL: PathPolicies + "/1", Tenant: "Aldermoor Retail", Cause: cause, At: now.AddDate(0, 0, -2)}
	}
	return Drift{
		Region: r, From: now.AddDate(0, 0, -7), To: now, Oldest: now.AddDate(0, -2, 0),
		Ways:   []ui.Choice{{Label: "7 days ago", URL: PathDrift, Current: true}, {Label: "30 days ago", URL: PathDrift + "?period=30d"}, {Label: "Audit 2026", URL: PathDrift + "?baseline=Audit+2026"}},
		Answer: "Compliance fell 2.1 points, to 88.1% (7,810 of 8,862 resources). Where the same assignments judge, it fell 0.2. The assignment \"Storage baseline\" was added: 181 of the 204 new failures are by assignments that were not there before.",
		Left:   "Of 40 subscriptions that were read on both days; 1 was read on the second day only.",
		Cards:  []Stat{{"Before", "90.2%", "7,721 of 8,560, 15 Nov"}, {"After", "88.1%", "7,810 of 8,862, 22 Nov"}, {"Like with like", "−0.2 pts", "94.1% to 93.9% of what each assignment judges, 9,001 of 9,586"}, {"New failures", "204", "31 resolved, 2 changed"}},
		Causes: []CauseRow{{"Assignments", "A policy was assigned, or is no more", 181, 3}, {"Resources", "The resource was created or deleted", 12, 8}, {"Exemptions", "An exemption ended or was made", 4, 0}, {"Drift", "The resource, or what the policy asks, is not what it was", 7, 20}},
		Assignments: []AssignmentRow{
			{"Storage baseline", "Brightwater Health · created 19 Nov 2026", true, 181, ShareOf(819, 1000)}, {"Old tagging", "Cinder Foods", false, 3, ShareOf(97, 100)},
		},
		Rows: []MovedLine{line("new", "Assignment Storage baseline"), line("resolved", "The resource is gone"), line("changed", "Judged by other assignments")}, More: true,
		Baselines: []BaselineRow{{"Audit 2026", PathDrift, "After the audit", "1 Nov 2026", "6 tenants", true}}, Form: BaselineForm{Day: "2026-11-22"},
	}
}

func sampleExemptions(r Region) Exemptions {
	now := r.Fresh.Now
	row := func(name, standing, left, category string, days int) ExemptionRow {
		out := ExemptionRow{Name: name, ID: "/x", Standing: standing, Left: left, Category: category, Assignment: "Microsoft cloud security benchmark", Tenant: "Aldermoor Retail", Scope: "Resource group rg-pos-weu", Part: 2}
		if days != 0 {
			out.Expires = now.AddDate(0, 0, days)
		}
		return out
	}
	return Exemptions{Region: r, Expiring: 1, Expired: 1, Shown: 3, Matched: 31, NextURL: PathExemptions + "?cursor=3", Rows: []ExemptionRow{
		row("Legacy till servers", "expired", "12 days ago", "Waiver", -12), row("Public storage of the shop", "expiring", "in 9 days", "Waiver", 9), row("Firewall in front", "active", "", "Mitigated", 0),
	}}
}

func sampleSecure(r Region) SecureScore {
	g := GaugeOf(71.4, true, 0)
	g.Tone = ui.Info
	g.Sentence = "Secure score: 71.4%, 412.3 of 577.5 points."
	return SecureScore{
		Region: r, Gauge: g, Percent: "71.4%", Points: "412.3 of 577.5 points", How: "Of 12 subscriptions, by their weight.", Rest: "2 subscriptions have no score.",
		Tenants:       []SecureRow{{"Aldermoor Retail", "4 subscriptions", "68.0%", "120.1 of 180 points", 68, true, ""}, {"Foxglove Labs", "", Dash, "", 0, false, "Not read yet"}},
		Subscriptions: []SecureRow{{"prod", "Aldermoor Retail · weight 210", "61.2%", "30.6 of 50 points", 61, true, ""}, {"lab", "Foxglove Labs", Dash, "", 0, false, "Not registered"}}, MoreSubs: 8,
		Controls: []ControlRow{{"Remediate vulnerabilities", "12.4", "60", "47.6", 20, 31, 120, 9, 10}, {"Enable MFA", "10", "10", "0", 100, 12, 0, 0, 12}},
	}
}

func sampleFrameworks(r Region) Frameworks {
	return Frameworks{Region: r, Rows: []FrameworkRow{
		{"ISO 27001:2022", PathFramework, "Initiative of Azure Policy", 4, 61, 12, 3, 40, ShareOf(61, 73)},
		{"Microsoft cloud security benchmark", PathFramework, "Defender for Cloud", 6, 70, 14, 1, 0, ShareOf(70, 84)},
		{"CIS 5.0", PathFramework, "Initiative of Azure Policy", 1, 0, 0, 0, 155, ShareOf(0, 0)},
	}}
}

func sampleFramework(r Region) Framework {
	m := Framework{Region: r, FrameworkRow: sampleFrameworks(r).Rows[0], ID: "iso", Shown: 4, Matched: 116, NextURL: PathFramework + "?cursor=4"}
	for i, state := range []string{"failed", "passed", "skipped", "not assessed"} {
		m.Controls = append(m.Controls, FrameworkControl{Name: "A.8." + strconv.Itoa(i+1), Title: "Secure authentication", Category: "Technological controls", State: state, Passing: 10 * i, Failing: 3 - i, Skipping: i})
	}
	return m
}

func sampleGaps() []Gap {
	return []Gap{
		{Kind: ui.Bad, Title: "Foxglove Labs is missing.", Text: "Resource Graph answered 403: the app registration lost its Reader role. The scores here cover 5 of 6 tenants.", Do: "Assign Reader on the subscriptions, then sync again.", URL: PathSync},
		{Kind: ui.Info, Title: "2 subscriptions are not judged.", Text: "They are not registered for Microsoft.PolicyInsights, and are in no score.", Do: "Register the resource provider: az provider register --namespace Microsoft.PolicyInsights"},
	}
}

func sampleOne(r Region) ComplianceGauges {
	m := sampleGauges(r)
	one := m.Rows[1]
	m.Rows, m.One, m.Trend = nil, &one, sampleScoreTrend([]string{"Brightwater Health"}, []float64{86})
	return m
}
