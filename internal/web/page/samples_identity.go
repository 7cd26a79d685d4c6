package page

import (
	"math"
	"strconv"
	"time"

	"fresnel/internal/web/ui"
)

func sampleCell(n int) Cell { return Cell{Figure: Count(n), URL: PathIdentity} }

func noCell(why string) Cell { return Cell{Figure: Dash, Why: why} }

func sampleCards() []IdentityCard {
	line := func(text string, tone ui.Kind) Line { return Line{Text: text, URL: PathIdentity, Tone: tone} }
	return []IdentityCard{
		{"Users", sampleCell(12_852), []Line{{Text: "+114 in 30 d"}, line("612 disabled", "")}},
		{"MFA registered", Cell{Figure: "96.1%", URL: PathIdentity}, []Line{line("466 without, of 11,892", ""), {Text: "Registered, not enforced"}}},
		{"Privileged", sampleCell(67), []Line{line("10 without MFA", ui.Bad), line("19 global administrators", ""), line("14 only eligible", "")}},
		{"Guests", sampleCell(895), []Line{{Text: "7.0% of 12,852 users"}, line("88 idle", ui.Warn)}},
		{"Stale over 90 days", sampleCell(275), []Line{{Text: "2.1% of 12,852 users", Tone: ui.Warn}, line("231 stale", ""), line("44 never used", "")}},
	}
}

func sampleIdentityTenant(now time.Time, name string, users int, mfa float64, power, without, guests, stale, expiring int) IdentityTenant {
	people := users * 9 / 10
	t := IdentityTenant{
		Name: name, URL: PathIdentity + "?tenant=x", Users: sampleCell(users), Privileged: sampleCell(power), NoMFA: sampleCell(without), Guests: sampleCell(guests), Stale: sampleCell(stale), Expiring: sampleCell(expiring),
		MFA: Cell{Figure: PercentText(mfa), URL: PathIdentity, Tone: MFATone(mfa)}, MFAPart: int(mfa), MFAOf: Count(int(float64(people)*mfa/100)) + " of " + Count(people), At: now.Add(-41 * time.Minute),
	}
	switch {
	case without > 2:
		t.NoMFA.Tone = ui.Bad
	case without > 0:
		t.NoMFA.Tone = ui.Warn
	}
	return t
}

func sampleTenants(now time.Time) []IdentityTenant {
	list := []IdentityTenant{
		sampleIdentityTenant(now, "Everhill Toys", 640, 88.6, 9, 4, 122, 57, 3), sampleIdentityTenant(now, "Brightwater Health", 5410, 94.1, 19, 3, 388, 131, 11),
		sampleIdentityTenant(now, "Foxglove Labs", 188, 91, 6, 2, 64, 11, 0), sampleIdentityTenant(now, "Cinder Foods", 1290, 97.2, 8, 1, 71, 22, 2),
		sampleIdentityTenant(now, "Aldermoor Retail", 3120, 98.4, 11, 0, 214, 48, 6), sampleIdentityTenant(now, "Delphine Bank", 2204, 99.8, 14, 0, 36, 6, 1),
	}
	list[0].At, list[0].Old = now.Add(-30*time.Hour), true
	return list
}

func sampleStats(r Region) IdentityStats {
	return IdentityStats{Region: r, Cards: sampleCards(), Rows: sampleTenants(r.Fresh.Now), By: "no-mfa", Of: 6, Days: "90 days", Soon: "30 days"}
}

const (
	noLicence = "The tenant has no licence of Entra ID P1: Azure tells neither sign-ins nor registrations"
	noPIM     = "The tenant has no licence of Entra ID P2: there is no Privileged Identity Management"
	noConsent = "The tenant has not consented to the application"
	noRight   = "The application lacks the permission AuditLog.Read.All"
)

func sampleIdentityGaps(r Region) IdentityGaps {
	return IdentityGaps{Region: r, Tenants: 104, Of: 140, More: 1, Rows: []IdentityGap{
		{Kind: ui.Bad, Facts: "The whole directory", Reason: noConsent, Do: "Have a global administrator of the tenant consent: fresnel tenants consent TENANT gives the link.", Effect: "Nothing is known of who is there", Tenants: []string{"Tailspin", "Wingtip", "Proseware", "Litware", "Adatum"}, More: 95},
		{Kind: ui.Warn, Facts: "Sign-ins, MFA registration", Reason: noLicence, Do: "Licence Entra ID P1 in the tenant, or leave it: the other facts are right.", Effect: "Not known: stale and idle accounts, who has a second factor", Tenants: []string{"Foxglove Labs", "Cinder Foods"}},
		{Kind: ui.Warn, Facts: "Sign-ins", Reason: "Azure asks to wait for 20 minutes", Do: "Fresnel tries again with the next scheduled run.", Held: "An older reading is shown, of 21 Nov 13:02 UTC", Tenants: []string{"Brightwater Health"}},
	}}
}

func sampleIdentityTrend(r Region) IdentityTrend {
	t := IdentityTrend{Region: r, Title: "Last 30 days"}
	from := time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)
	for d := range 30 {
		day := from.AddDate(0, 0, d)
		t.Days = append(t.Days, ChartSlot{Label: day.Format("2 Jan"), Full: day.Format("Monday 2 Jan 2006")})
	}
	for i, one := range []struct {
		id, name, now, change string
		base, by, low, high   float64
	}{
		{"mfa", "MFA registered", "96.1%", "+1.3 pts in 30 d", 94.8, 0.045, 80, 100},
		{"privileged", "Privileged", "67", "+2 in 30 d", 65, 0.07, 0, 80},
		{"guests", "Guests", "895", "+41 in 30 d", 854, 1.4, 0, 1000},
		{"stale", "Stale", "275", "−9 in 30 d", 284, -0.3, 0, 300},
	} {
		c := TrendChart{ID: one.id, Name: one.name, Now: one.now, Change: one.change, Summary: one.name + ", last 30 days: " + one.now + " now, " + one.change + ".", Slot: i + 1, Percent: i == 0, Low: one.low, High: one.high}
		for d := range 30 {
			v := one.base + one.by*float64(d)
			p := TrendPoint{Known: d < 9 || d > 11 || i != 3, Value: v, Words: Count(int(v))}
			switch {
			case i == 0:
				p.Words = PercentText(v) + " · " + Count(int(v*118.9)) + " of 11,892"
			case !p.Known:
				p.Words = Dash
			default:
				p.Value = math.Round(v)
			}
			c.Points = append(c.Points, p)
		}
		t.Charts = append(t.Charts, c)
	}
	return t
}

var (
	markNoMFA    = Mark{ui.Bad, "circle-x", "No MFA"}
	markGuest    = Mark{ui.Warn, "triangle-alert", "Guest admin"}
	markIdle     = Mark{ui.Warn, "clock", "Idle"}
	markStanding = Mark{ui.Mute, "key", "Standing"}
)

func samplePrivileged(r Region) IdentityList {
	now := r.Fresh.Now
	row := func(i int, tenant, is, role, how string, last time.Duration, marks ...Mark) AccountLine {
		id := strconv.Itoa(1000+i) + "8c1f-55aa-4000-8000-0000000002a" + strconv.Itoa(i)
		l := AccountLine{ID: id, Short: ShortID(id), Tenant: tenant, TenantURL: PathIdentity, Is: is, Marks: marks, Roles: []GrantLine{{role, how}}, Use: "never", Created: now.AddDate(-1, 0, -i)}
		if last > 0 {
			l.LastUse = now.Add(-last)
		}
		return l
	}
	m := IdentityList{
		Region: r, Kind: OfAccounts, Title: "Privileged", Sub: "sorted by risk", Power: true, Sort: "risk", CSV: PathAPI + "identity/privileged.csv", NamesURL: PathIdentity + "?names=1", Total: "67", NextURL: PathIdentity + "?cursor=x",
		Accounts: []AccountLine{
			row(1, "Everhill Toys", "Member", "Global Administrator", "standing", 48*time.Hour, markNoMFA, markStanding),
			row(2, "Everhill Toys", "Member", "Application Administrator", "standing, through group 77aa…19c0", 4*time.Hour, markNoMFA, Mark{ui.Warn, "refresh-cw", "Synced"}, markStanding),
			row(3, "Brightwater Health", "Member", "Global Administrator", "standing", 211*24*time.Hour, markNoMFA, markIdle, markStanding, Mark{ui.Info, "shield", "Emergency"}),
			row(4, "Brightwater Health", "Member", "Privileged Role Administrator", "activated, until 23 Nov 2026", time.Hour, markNoMFA),
			row(5, "Foxglove Labs", "Guest", "User Administrator", "standing", 6*24*time.Hour, markGuest, markStanding),
			row(6, "Foxglove Labs", "Member", "Owner", "over subscription 1c8f…02ab", 0, Mark{ui.Warn, "circle-pause", "Disabled"}, Mark{ui.Mute, "info", "MFA unknown"}),
			row(7, "Aldermoor Retail", "Member", "Security Administrator", "eligible, until 3 Dec 2026", 12*time.Minute, Mark{ui.OK, "circle-check", "MFA registered"}),
		},
	}
	m.Accounts[0].More = []GrantLine{{"User Administrator", "standing"}, {"Owner", "over subscription 1c8f…02ab"}}
	return m
}

func sampleNamed(r Region) IdentityList {
	m := samplePrivileged(r)
	m.Named, m.NamesWhy = true, "Names of Foxglove Labs are not shown: Microsoft Graph does not allow it. Check the consent and the permission User.Read.All."
	for i, name := range []string{"Joy Okafor", "Deploy (service)", "Break glass 01", "Måns Lindqvist"} {
		m.Accounts[i].Name = name
	}
	return m
}

func sampleGuestList(r Region) IdentityList {
	m := samplePrivileged(r)
	m.Title, m.Sub, m.Power, m.Sort, m.Total, m.BackURL = "Guests", "the longest unused first · known of 5 of 6 tenants", false, "idle", "895", PathIdentity
	for i := range m.Accounts {
		m.Accounts[i].Is, m.Accounts[i].Marks = "Guest", [][]Mark{{{ui.Warn, "clock", "Never used"}, {ui.Mute, "clock", "Invitation open"}}, {{ui.Warn, "clock", "Stale"}}, nil}[i%3]
	}
	return m
}

func sampleCredentials(r Region) IdentityList {
	now := r.Fresh.Now
	row := func(app, kind, left, note string, end time.Time, marks ...Mark) CredentialLine {
		return CredentialLine{App: app, AppID: "5c1f8c1f-55aa-4000-8000-0000000002ab", KeyID: "9a1f8c1f-55aa-4000-8000-0000000002cd", Kind: kind, Tenant: "Cinder Foods", TenantURL: PathIdentity, Marks: marks, End: end, Left: left, Owners: "1", Note: note}
	}
	return IdentityList{
		Region: r, Kind: OfCredentials, Title: "Credentials", Sub: "those that ended first come first", Total: "212", CSV: PathAPI + "identity/credentials.csv", Credentials: []CredentialLine{
			row("till-sync", "Secret", "12 days ago", "Another one is good for longer", now.AddDate(0, 0, -12), Mark{ui.Bad, "circle-x", "Expired"}),
			row("Backup of the shop", "Certificate of a service principal", "in 9 days", "", now.AddDate(0, 0, 9), Mark{ui.Warn, "clock", "Expiring"}),
			row("erp-connector", "Secret", "in 1,802 days", "", now.AddDate(5, 0, 0), Mark{ui.OK, "circle-check", "Valid"}, Mark{ui.Warn, "clock", "Lasts over 730 days"}),
			row("legacy", "Secret", "", "", time.Time{}, Mark{ui.Bad, "triangle-alert", "Never ends"}),
		},
	}
}

func sampleRoles(r Region) IdentityList {
	row := func(name, kind, tenant string, tier Mark, n ...int) RoleLine {
		return RoleLine{Name: name, ID: "62e90394-69f5-4237-9190-012177145e10", Kind: kind, Custom: n[4] > 0, Tier: tier, Tenant: tenant, TenantURL: PathIdentity, Active: Count(n[0]), Standing: Count(n[1]), Eligible: Count(n[2]), Apps: n[3], Orphans: n[4]}
	}
	return IdentityList{
		Region: r, Kind: OfRoles, Title: "Roles", Sub: "the most powerful first", Total: "41", CSV: PathAPI + "identity/roles.csv", Roles: []RoleLine{
			row("Global Administrator", "Directory", "Everhill Toys", Mark{ui.Bad, "key", "Control plane"}, 5, 4, 2, 0, 0),
			row("Security Administrator", "Directory", "Delphine Bank", Mark{ui.Warn, "key", "Privileged"}, 3, 1, 8, 0, 0),
			row("Global Reader", "Directory", "Delphine Bank", Mark{ui.Info, "eye", "Reader"}, 12, 12, 0, 1, 0),
			row("Platform owner", "Over subscriptions", "Aldermoor Retail", Mark{ui.Warn, "key", "Privileged"}, 2, 2, 0, 4, 3),
		},
	}
}

func sampleOthers(r Region) IdentityList {
	return IdentityList{
		Region: r, Kind: OfOthers, Title: "Applications with power", Sub: "and managed identities, and principals that are no more", CSV: PathAPI + "identity/privileged/others.csv", Others: []OtherLine{
			{Name: "deploy-pipeline", ID: "3c1f8c1f-55aa-4000-8000-0000000002ab", Short: "3c1f…02ab", Kind: "Application or managed identity", Tenant: "Everhill Toys", TenantURL: PathIdentity, Marks: []Mark{{ui.Bad, "key", "Secret"}, {ui.Bad, "key", "Control plane"}}, Roles: []GrantLine{{"Application Administrator", "standing"}}, More: []GrantLine{{"Owner", "over subscription 1c8f…02ab"}}},
			{ID: "aa1f8c1f-55aa-4000-8000-0000000002cd", Short: "aa1f…02cd", Kind: "Principal that is no more", Tenant: "Cinder Foods", TenantURL: PathIdentity, Marks: []Mark{{ui.Warn, "triangle-alert", "Of nobody"}}, Roles: []GrantLine{{"Owner", "over resource group rg-pos-weu"}}},
		},
	}
}

func sampleRules(r Region) RuleCounts {
	high, medium, low := Mark{ui.Bad, "circle-x", "High"}, Mark{ui.Warn, "triangle-alert", "Medium"}, Mark{ui.Info, "info", "Low"}
	return RuleCounts{Region: r, Open: 337, URL: PathIdentity + "?list=findings", Rows: []RuleCount{
		{"Privileged account without MFA", PathIdentity, "", high, 10},
		{"Guest in a control-plane role", PathIdentity, "", high, 1},
		{"Too many global administrators", PathIdentity, "", high, 2},
		{"Standing privilege", PathIdentity, "", medium, 31},
		{"Stale guest", PathIdentity, "", medium, 88},
		{"Stale member", PathIdentity, "", low, 187},
		{"Application without an owner", PathIdentity, "", low, 18},
	}}
}

func sampleIdentityFindings(r Region) IdentityFindings {
	now := r.Fresh.Now
	row := func(id, title string, severity Mark, about string, state AnomalyState) IdentityFinding {
		return IdentityFinding{
			ID: id, Rule: "identity-x", Object: "account/10008c1f-55aa-4000-8000-0000000002a1", Title: title, Why: "Whoever guesses one password holds the power of the account.", Do: "Have a phishing-resistant method registered.",
			Severity: severity, About: about, Full: "account/10008c1f-55aa-4000-8000-0000000002a1", Tenant: "Everhill Toys", State: state, Since: now.AddDate(0, 0, -46), Age: "46 days",
		}
	}
	m := IdentityFindings{
		Region: r, Rule: "Privileged account without MFA", Matched: 337, NextURL: PathIdentity + "?cursor=3", BackURL: PathIdentity, Today: now, CSV: PathAPI + "findings.csv",
		States: FindingStates(Query{}.WithList("findings"), PathIdentity),
		Rows: []IdentityFinding{
			row("1", "Privileged account without MFA", Mark{ui.Bad, "circle-x", "High"}, "Account 1000…02a1", AnomalyOpen), row("2", "Privileged account without MFA", Mark{ui.Bad, "circle-x", "High"}, "Account 1000…02a1", AnomalySeen),
			row("3", "Privileged account without MFA", Mark{ui.Bad, "circle-x", "High"}, "Account 1001…02a2", AnomalyExpected),
		},
	}
	m.Rows[1].Said = &Said{Author: "local", Note: "PIM comes in December", At: now.Add(-26 * time.Hour)}
	m.Rows[2].Said = &Said{Author: "local", Note: "parental leave", At: now.Add(-50 * time.Hour), Until: "1 Mar 2027"}
	return m
}

func sampleRisk(r Region) IdentityRisk {
	return IdentityRisk{
		Region: r, Rows: sampleTenants(r.Fresh.Now)[:5], Figures: []IdentityCard{
			{"MFA registered", Cell{Figure: "96.1%", URL: PathIdentity}, []Line{{Text: "466 without, of 11,892"}}},
			{"Admins without MFA", sampleCell(10), []Line{{Text: "of 67 privileged"}}},
			{"Guests", sampleCell(895), []Line{{Text: "7.0% of 12,852 users"}}},
			{"Stale over 90 days", sampleCell(275), []Line{{Text: "2.1% of 12,852 users"}}},
		},
	}
}

// sampleIdentity is the whole page with invented figures.
func sampleIdentity(r Region) Identity {
	trend, rules := sampleIdentityTrend(r), sampleRules(r)
	m := Identity{Stats: sampleStats(r), Gaps: sampleIdentityGaps(r), Trend: &trend, Rules: &rules, List: samplePrivileged(r)}
	for i, label := range []string{"Privileged (67)", "Guests (895)", "Stale (275)", "MFA missing (466)", "Credentials (212)", "Roles", "Applications with power", "Findings", "All users (12,852)"} {
		m.Tabs = append(m.Tabs, ui.Choice{Label: label, URL: PathIdentity, Current: i == 0})
	}
	for i, label := range []string{"All (67)", "Without MFA (10)", "Standing (31)", "Eligible only (14)", "Global administrators (19)", "Over subscriptions (22)", "Disabled (2)"} {
		m.List.Parts = append(m.List.Parts, ui.Choice{Label: label, URL: PathIdentity, Current: i == 0})
	}
	m.Gaps.Rows = m.Gaps.Rows[1:]
	m.Gaps.Tenants, m.Gaps.Of, m.Gaps.More = 3, 6, 0
	return m
}

// withHidden hides facts of a tenant.
func withHidden(t *IdentityTenant, words, why string, cells ...*Cell) {
	t.Hidden = words
	for _, c := range cells {
		*c = noCell(why)
		if c == &t.MFA {
			t.MFAPart, t.MFAOf = -1, ""
		}
	}
}
