package page

import (
	"time"

	"fresnel/internal/web/ui"
)

// Cell is a number as a page prints it: a length of a list, with what is not known of it.
type Cell struct {
	Figure string // "67", "—"
	URL    string // the rows behind it; "" prints the figure alone
	Part   string // of how many tenants, or of what it is a part: "5 of 6 tenants"; "" = all of it
	Why    string // with "—": why there is no number
	Tone   ui.Kind
}

// IdentityCard is one of the cards on top of the page.
type IdentityCard struct {
	Label string
	Cell
	Notes []Line
}

// Line is a line under a figure, which may lead to the rows behind it.
type Line struct {
	Text, URL string
	Tone      ui.Kind // "" is muted
}

// Identity is the body of PathIdentity.
type Identity struct {
	Stats    IdentityStats
	Gaps     IdentityGaps
	Trend    *IdentityTrend // nil while nothing is known of any day
	Rules    *RuleCounts    // nil where no findings are kept
	Tabs     []ui.Choice
	List     IdentityList
	Findings *IdentityFindings // shown in place of List
}

// IdentityStats is the cards, and the tenants by number.
type IdentityStats struct {
	Region
	Cards []IdentityCard
	Rows  []IdentityTenant
	By    string // the order of the rows
	More  int    // tenants beyond
	Of    int    // tenants in all
	Days  string // after which an account is stale: "90 days"
	Soon  string // within which a credential that ends is expiring
}

// IdentityTenant is a tenant by numbers.
type IdentityTenant struct {
	Name, URL  string
	Hidden     string // facts that are not known: "Sign-ins and MFA not visible"
	Users      Cell
	MFA        Cell
	MFAOf      string // "567 of 640 people"
	MFAPart    int    // 0 to 100: the bar; -1 = not known
	Privileged Cell
	NoMFA      Cell
	Guests     Cell
	Stale      Cell
	Expiring   Cell
	At         time.Time // of the accounts; zero = never
	Old        bool
}

// IdentityGaps is what cannot be seen, and why: the same reason once, however many tenants have it.
type IdentityGaps struct {
	Region
	Rows    []IdentityGap
	More    int
	Tenants int // that have any
	Of      int
}

// IdentityGap is a reason with all that it hides.
type IdentityGap struct {
	Kind       ui.Kind
	Facts      string // "Sign-ins, MFA registration"
	Reason, Do string
	Effect     string // what has no number for it
	Tenants    []string
	More       int
	Held       string // "An older reading is shown, of 12 Nov"; "" = nothing is held
}

// IdentityTrend is how numbers moved, a small chart for each.
type IdentityTrend struct {
	Region
	Title  string
	Days   []ChartSlot
	Charts []TrendChart
}

// TrendChart is one number by day.
type TrendChart struct {
	ID, Name  string
	Now       string // "96.1%"
	Change    string // "+114 in 30 days", or that nothing can be compared
	Summary   string
	Slot      int // colour
	Percent   bool
	Low, High float64
	Points    []TrendPoint
}

// TrendPoint is a number of a day.
type TrendPoint struct {
	Known bool
	Value float64
	Words string // as the table has it: "96.1% · 11,892 of 12,374 · 5 of 6 tenants"
}

// ListKind is of what a list is.
type ListKind string

// The kinds of lists.
const (
	OfAccounts    ListKind = "accounts"
	OfCredentials ListKind = "credentials"
	OfRoles       ListKind = "roles"
	OfOthers      ListKind = "others"
)

// IdentityList is a page of a list.
type IdentityList struct {
	Region
	Kind        ListKind
	Title, Sub  string
	Parts       []ui.Choice // the lists that it can be narrowed to
	Unknown     string      // in place of rows: no tenant lets us see it
	UnknownWhy  string
	CSV         string // "" = there is none
	Power       bool   // of accounts: with roles and risks
	Sort        string // of accounts
	NamesURL    string // shows names, or hides them; "" = they may not be seen
	Named       bool   // names are shown
	NamesWhy    string // why they are not, though they were asked for
	Accounts    []AccountLine
	Credentials []CredentialLine
	Roles       []RoleLine
	Others      []OtherLine
	Total       string // "67", "—"
	NextURL     string
	BackURL     string
}

// Mark is a pill.
type Mark struct {
	Kind       ui.Kind
	Icon, Text string
}

// AccountLine is an account in a list. Name is set only where names were asked for; it is on no page that is kept.
type AccountLine struct {
	ID, Short, Name   string
	Tenant, TenantURL string
	Is                string // "Guest", "Member, disabled"
	Marks             []Mark
	Roles             []GrantLine
	More              []GrantLine
	LastUse           time.Time
	Use               string // where there is no time: "never", "not told"
	Created           time.Time
}

// GrantLine is a role as somebody holds it.
type GrantLine struct {
	Name, How string // "eligible, until 3 Dec 2026, through group 1c8f…02ab"
}

// CredentialLine is a credential of an application.
type CredentialLine struct {
	App, AppID, KeyID string
	Kind              string // "Secret of a service principal"
	Tenant, TenantURL string
	Marks             []Mark
	End               time.Time // zero = never
	Left              string    // "in 9 days"
	Owners            string
	Note              string // "Another one is good for longer"
}

// RoleLine is a role of a tenant with how many hold it.
type RoleLine struct {
	Name, ID          string
	Kind              string // "Directory", "Azure"
	Custom            bool
	Tier              Mark
	Tenant, TenantURL string
	Active, Standing  string // "4", "≥ 4"; "—" = not known
	Eligible          string
	Partial           string // why there may be more people
	Apps              int
	Orphans           int
}

// OtherLine is a principal with power that is no account.
type OtherLine struct {
	Name, ID, Short   string
	Kind              string
	Tenant, TenantURL string
	Marks             []Mark
	Roles, More       []GrantLine
}

// RuleCounts is how many findings of each rule are open.
type RuleCounts struct {
	Region
	Rows   []RuleCount
	Others int // rules beyond that found something, too
	Open   int
	URL    string
}

// RuleCount is a rule with its open findings.
type RuleCount struct {
	Title, URL, Why string
	Severity        Mark
	Open            int
}

// IdentityFindings is a page of what a rule found.
type IdentityFindings struct {
	Region
	Rule    string // of which they are
	Rows    []IdentityFinding
	States  []ui.Choice
	Matched int // 0 = not counted
	NextURL string
	BackURL string
	CSV     string
	Today   time.Time
}

// IdentityFinding is a finding with all that is said of it.
type IdentityFinding struct {
	ID, Rule, Object string // as the form sends them
	Title, Why, Do   string
	Severity         Mark
	About, Full      string // "Account 1c8f…02ab", and its whole id
	Tenant           string
	State            AnomalyState
	Since            time.Time
	Age              string
	Said             *Said
	Form             *VerdictForm
}

// IdentityRisk is the card on the Overview.
type IdentityRisk struct {
	Region
	Figures []IdentityCard
	Rows    []IdentityTenant
}
