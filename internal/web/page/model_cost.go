package page

import (
	"time"

	"fresnel/internal/web/ui"
)

// CostStats is the row of figures on top of Costs.
type CostStats struct {
	Total, TotalLabel string // "$184,212.00", "Actual, 1–22 Nov"
	Change            Delta
	Before            string // "vs 1–22 Oct", or why nothing is compared
	Billing           []string
	Step              string // what Average is of: "day" or "month"
	Average           string
	AverageNote       string // "peak $10,142.09 on 17 Nov"
	End, EndNote      string // forecast of the month's end: "$251,685", "80% range $246k – $258k", or why there is none
	Budget            BudgetSum
}

// BudgetSum is where the budgets of the tenants shown stand together.
type BudgetSum struct {
	Figure string // "$239,000", or "5 of 6 on track" where amounts cannot be added
	Bad    string // printed in red: "+$12,685 over"
	Note   string // "at forecast", "no budget is set"
	URL    string // to the budgets
}

// Used is how much of a budget is used.
type Used struct {
	Percent string // "75%", above 100 too
	Value   int    // the same for the bar, 0 to 100
	Tone    ui.Kind
	Title   string // what a screen reader calls the bar
}

// Chip is a filter in words, and the address without it.
type Chip struct{ Label, URL string }

// Choices is one filter that can be added: a word of the query and what is held of it.
type Choices struct {
	Title, Name string // "Service", "service"
	Options     []Choice
	Note        string // in place of the options: why there are none
}

// Choice is one value of a filter.
type Choice struct {
	Value, Label string
	Chosen       bool
}

// CostMovement is what changed between the compared periods; the rows and the rest add up to the total.
type CostMovement struct {
	Region
	Sub   string // "1–19 Nov vs 1–19 Oct"
	Head  string // "Tenant"
	Rows  []MoveRow
	Rest  *MoveRow
	Total MoveRow
	Why   string // why nothing is compared; then there are no rows
}

// MoveRow is how one row moved, every figure ready to print.
type MoveRow struct {
	Name, Detail, URL string
	Word              string // "new" or "gone"; "" for more and less
	Before, After     string
	Change            Delta // the amount, signed
	Part              int   // of the largest change, 0 to 100: the bar
}

// ForecastCard is where the current month ends.
type ForecastCard struct {
	Region
	Amount string  // "$251,685"
	Range  string  // "80% range $246k – $258k"
	Over   Delta   // against the budget: "+5.3%"
	Budget string  // "over budget $239,000"
	Bar    *EndBar // nil draws none
	Why    string  // why there is no forecast; then there is no amount
}

// EndBar is what is spent, expected and planned, in permille of the longest of them.
type EndBar struct {
	Spent, Expected, Budget int // Budget 0 prints no mark
	Words                   string
}

// Overview is the body of PathOverview.
type Overview struct {
	Summary   CostSummary
	Forecast  ForecastCard
	Budgets   BudgetsCard
	Chart     CostChart
	Tenants   CostBreakdown // grouped by tenant whatever the query's group
	Anomalies CostAnomalies
	Freshness SyncFreshness
	Resources ResourceSummary
	Waste     WasteSummary

	Compliance ComplianceScore
	Gauges     ComplianceGauges
	Identity   IdentityRisk
}

// Costs is the body of PathCosts.
type Costs struct {
	Groups    []string   // values of group that are offered; resource groups only of little enough
	Currency  string     // right end of the filter bar: "USD · 1 tenant billed in EUR"
	Chips     []Chip     // filters that are on
	ClearURL  string     // without all of them
	Choices   []Choices  // filters that can be added
	Stats     *CostStats // nil when nothing covers the period: the chart panel says so
	Chart     CostChart
	Breakdown CostBreakdown
	Anomalies CostAnomalies
	Movement  CostMovement
	Restated  []RestatedDay // closed days whose amount changed, the newest
}

// RestatedDay is a closed day whose cost Azure changed afterwards.
type RestatedDay struct {
	Day, Name     string // "9 Nov 2026", "Cinder Foods"
	Detail        string // the subscription
	Before, After string
	Change        Delta // the amount, signed: "+$212.40"
	NoticedAt     time.Time
}
