package page

import (
	"strconv"

	"github.com/a-h/templ"
)

// identityStates are what the panels of identity can show beyond the states of their data.
func identityStates(add func(title, name string, c func(Region) templ.Component)) {
	statsOfIdentity(add)
	const hostile = `"'><script>alert(1)</script> ` + "\u202e" + `ÄäÖöÜü 東京 ` + "a-name-without-a-blank-that-is-far-longer-than-any-column-has-room-for"
	add("identity-gaps", "Many tenants, one reason a line", func(r Region) templ.Component { return IdentityGapsPanel(sampleIdentityGaps(r)) })
	add("identity-gaps", "No consent anywhere", func(r Region) templ.Component {
		m := sampleIdentityGaps(r)
		m.Rows, m.More = m.Rows[:1], 0
		return IdentityGapsPanel(m)
	})
	add("identity-gaps", "Nothing is hidden", func(r Region) templ.Component { return IdentityGapsPanel(IdentityGaps{Region: r, Of: 6}) })
	add("identity-gaps", "Hostile reasons", func(r Region) templ.Component {
		m := sampleIdentityGaps(r)
		m.Rows[0].Reason, m.Rows[0].Do, m.Rows[0].Tenants[0] = hostile, hostile, hostile
		return IdentityGapsPanel(m)
	})
	add("identity-trend", "Two days only", func(r Region) templ.Component {
		m := sampleIdentityTrend(r)
		for i := range m.Charts {
			for d := range 28 {
				m.Charts[i].Points[d] = TrendPoint{Words: Dash}
			}
			m.Charts[i].Change = "no reading of 30 days ago"
		}
		m.Charts[3].Points = nil
		return IdentityTrendPanel(m)
	})
	add("identity-list", "With names, of which some are not shown", func(r Region) templ.Component { return IdentityListPanel(sampleNamed(r)) })
	add("identity-list", "Guests", func(r Region) templ.Component { return IdentityListPanel(sampleGuestList(r)) })
	add("identity-list", "Credentials", func(r Region) templ.Component { return IdentityListPanel(sampleCredentials(r)) })
	add("identity-list", "Roles", func(r Region) templ.Component { return IdentityListPanel(sampleRoles(r)) })
	add("identity-list", "Applications with power", func(r Region) templ.Component { return IdentityListPanel(sampleOthers(r)) })
	add("identity-list", "Hidden everywhere", func(r Region) templ.Component {
		return IdentityListPanel(IdentityList{Region: r, Kind: OfAccounts, Title: "Stale", Total: Dash, Unknown: "This list is not known", UnknownWhy: "Sign-ins: " + noLicence + "."})
	})
	add("identity-list", "No guests", func(r Region) templ.Component {
		r.Fresh.State, r.Fresh.EmptyTitle, r.Fresh.EmptyText = Empty, "None of these", "Nobody and nothing of these tenants is in this list."
		return IdentityListPanel(IdentityList{Region: r, Kind: OfAccounts, Title: "Guests"})
	})
	add("identity-list", "Hostile names of roles", func(r Region) templ.Component {
		m := samplePrivileged(r)
		m.Accounts[0].Roles[0].Name, m.Accounts[0].More[0].Name, m.Accounts[0].Tenant = hostile, hostile, hostile
		return IdentityListPanel(m)
	})
	add("identity-list", "Hostile names of applications", func(r Region) templ.Component {
		m := sampleCredentials(r)
		m.Credentials[0].App = hostile
		return IdentityListPanel(m)
	})
	add("identity-rules", "Nothing open", func(r Region) templ.Component { return IdentityRulesPanel(RuleCounts{Region: r, URL: PathIdentity}) })
}

// statsOfIdentity are the cards and tenants where facts are hidden.
func statsOfIdentity(add func(title, name string, c func(Region) templ.Component)) {
	add("identity-stats", "Partial: facts of some tenants are hidden", func(r Region) templ.Component {
		m := sampleStats(r)
		m.Cards[1].Part, m.Cards[4].Part, m.Cards[2].Part, m.Cards[2].Figure = "4 of 6 tenants", "4 of 6 tenants", "In part in 1 tenant", "≥ 67"
		withHidden(&m.Rows[2], "Hidden: MFA registration, Sign-ins", noLicence, &m.Rows[2].MFA, &m.Rows[2].NoMFA, &m.Rows[2].Stale)
		withHidden(&m.Rows[3], "Hidden: MFA registration, Sign-ins", noRight, &m.Rows[3].MFA, &m.Rows[3].NoMFA, &m.Rows[3].Stale)
		m.Rows[4].Privileged.Figure = "≥ 11"
		return IdentityStatsPanel(m)
	})
	add("identity-stats", "No P1 anywhere", func(r Region) templ.Component {
		m := sampleStats(r)
		for i := range m.Rows {
			withHidden(&m.Rows[i], "Hidden: MFA registration, Sign-ins", noLicence, &m.Rows[i].MFA, &m.Rows[i].NoMFA, &m.Rows[i].Stale)
		}
		m.Cards[1].Cell, m.Cards[1].Notes = noCell("MFA registration: "+noLicence), nil
		m.Cards[2].Notes[0] = Line{Text: "MFA not known", Tone: "warn"}
		m.Cards[3].Notes[1] = Line{Text: "Idle: not known", Tone: "warn"}
		m.Cards[4].Cell, m.Cards[4].Notes = noCell("Sign-ins: "+noLicence), nil
		return IdentityStatsPanel(m)
	})
	add("identity-stats", "No P2", func(r Region) templ.Component {
		m := sampleStats(r)
		m.Cards[2].Notes[2] = Line{Text: "Only eligible: not known", Tone: "warn"}
		m.Rows = m.Rows[:1]
		m.Rows[0].Hidden, m.Of = "Hidden: Eligible roles", 1
		return IdentityStatsPanel(m)
	})
	add("identity-stats", "No consent anywhere", func(r Region) templ.Component {
		r.Fresh.State, r.Fresh.EmptyTitle, r.Fresh.EmptyText = NeverSynced, "No directory can be read", "Tailspin: "+noConsent+"."
		r.Fresh.Covered = 0
		return IdentityStatsPanel(IdentityStats{Region: r, Of: 6})
	})
	add("identity-stats", "One tenant", func(r Region) templ.Component {
		m := sampleStats(r)
		m.Rows, m.Of = m.Rows[1:2], 1
		return IdentityStatsPanel(m)
	})
	add("identity-stats", "Twelve tenants, one of them without guests", func(r Region) templ.Component {
		m := sampleStats(r)
		m.Rows = nil
		for i := range 12 {
			m.Rows = append(m.Rows, sampleIdentityTenant(r.Fresh.Now, "Tenant "+strconv.Itoa(i+1), 120+i*900, 88+float64(i), 4+i, max(0, 5-i), i*40, i*12, i%4))
		}
		m.Rows[0].Guests = Cell{Figure: "0"}
		m.Of, m.More = 140, 128
		return IdentityStatsPanel(m)
	})
	add("identity-card", "MFA is hidden", func(r Region) templ.Component {
		m := sampleRisk(r)
		m.Figures[0].Cell, m.Figures[1].Cell = noCell("MFA registration: "+noLicence), noCell("MFA registration: "+noLicence)
		for i := range m.Rows {
			withHidden(&m.Rows[i], "Hidden: MFA registration", noLicence, &m.Rows[i].MFA, &m.Rows[i].NoMFA)
		}
		return IdentityCardPanel(m)
	})
}
