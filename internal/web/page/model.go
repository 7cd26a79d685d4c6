package page

import (
	"time"

	"fresnel/internal/web/ui"
)

// Shell is everything around a page: title, navigation, scope, notices.
type Shell struct {
	Title string // the h1 and the first part of the window title
	Sub   string // one line under the h1: "6 tenants · month to date, UTC days"
	Path  string // PathOverview, PathCosts, PathSync, PathStates; marks the navigation and is where filters lead
	Query Query
	Theme string // "light", "dark" or "system" (also when empty), from the cookie "theme"
	Now   time.Time

	Tenants  []TenantOption // every tenant that the viewer may see, in the order of the menu
	From, To time.Time      // the days that the query resolved to, both included; zero hides the period and comparison menus
	NoVS     bool           // hides the comparison menu: nothing on the page is compared

	Notes       []Notice // ignored parameters and other lines that the page must say
	Badge       string   // a standing notice: "Simulated Azure: demo data from the built-in simulator"
	SyncFailing int      // tenants whose last sync run failed; 0 shows no badge
	Live        bool     // whether the page opens PathEvents
	CSV         string   // where the view is exported; "" prints no button
	CSRF        string   // printed as the hidden field "csrf" of every form that posts; "" leaves the field out
	Viewer      *Viewer  // nil hides the foot of the sidebar
}

// Viewer is who is signed in, as the foot of the sidebar shows it.
type Viewer struct{ Name, Initials, Role string }

// TenantOption is one line of the tenant menu. ID is what the address carries: the tenant id or its slug.
type TenantOption struct {
	ID, Name string
	Chosen   bool
}

// Notice is one line above the panels.
type Notice struct {
	Kind ui.Kind // Info, Warn or Bad
	Text string
}

// State is what the body of a panel shows in place of, or above, its figures.
type State string

// The states of a panel's body (design guide, section 8). Stale and partial data are not states of the body: the
// figures stay, and the other fields of Freshness say what is wrong with them.
const (
	Ready       State = ""             // the figures
	Loading     State = "loading"      // a skeleton; the region fetches itself
	NeverSynced State = "never-synced" // first-run text and the next step
	FirstSync   State = "first-sync"   // progress, and the figures so far when HasRows is set
	AllStale    State = "all-stale"    // the figures, marked "as of SyncedAt"
	Uncovered   State = "uncovered"    // nothing covers the period: "—" and LastKnown
	Empty       State = "empty"        // covered, and nothing to show: EmptyTitle and EmptyText
)

// Freshness is how old and how complete the figures of a panel are. The server computes it; the footer prints it.
type Freshness struct {
	State    State
	Now      time.Time // the clock that ages are counted from
	SyncedAt time.Time // newest good read among the tenants shown; zero is never

	OldestName string    // the tenant with the oldest good read
	OldestAt   time.Time // and its time
	Stale      bool      // whether that is over twice its schedule, or over 24 hours

	Covered, Of int       // tenants whose data is in the figures, of those asked for; Of zero prints no coverage
	Limited     bool      // the viewer's role hides other tenants: prints "4 tenants you can see"
	Missing     []Missing // who is not covered, and why

	Progress  Progress  // of the first sync
	HasRows   bool      // with FirstSync: whether there are figures to show already
	WaitUntil time.Time // Azure asked to wait until then; zero is not throttled
	LastKnown string    // with Uncovered: "$61,842 on 20 Oct"
	Late      string    // days that can still change: "20–22 Nov can still change"

	EmptyTitle, EmptyText string // words of Empty, NeverSynced and FirstSync, in place of the general ones
}

// Missing is a tenant or a part that is not in the figures.
type Missing struct{ Name, Reason string }

// Progress counts something in words: Done of Of, "7 of 9 subscriptions". Of zero is an unknown total.
type Progress struct {
	Done, Of int
	Words    string
}

// Region is what every partial has. Query is the state that its refresh asks for again: a handler of a partial sets
// the query that it was asked with, a handler of a page the page's query.
type Region struct {
	Query Query
	Fresh Freshness
	Key   string // only for the gallery: makes the id unique and switches refresh off
}

// Problem is an error as a person sees it, in a panel or as a page.
type Problem struct {
	Status    int    // 404, 500, ...
	Title     string // "The chart could not be loaded"
	Cause     string // in words: "The database did not answer within 5 seconds."
	Do        string // what to do, or ""
	RequestID string
	RetryURL  string // a GET that tries again; "" prints no button
}

// CostSummary is the card with the total of the period.
type CostSummary struct {
	Region
	Title    string    // "Cost this month", "Cost, last 7 days"
	Amount   string    // "$184,212", whole units; ignored when nothing covers the period
	Currency string    // the name of the headline's currency when several are billed: "USD, Azure's CostUSD"
	Billing  []string  // the total in each billing currency, when there are several: "€12,340.55"
	Change   Delta     // against Before
	Before   string    // "vs $173,394 on 1–22 Oct", or why nothing is compared; "" when that was not asked
	LeftOut  string    // tenants that the comparison leaves out: "without Foxglove Labs, not read in October"
	Spark    []float64 // one value per day, in any unit; fewer than two draw nothing
}

// CostChart is the stacked chart of days or months with its table.
type CostChart struct {
	Region
	Title    string // "Daily cost"
	Sub      string // "USD, actual cost"
	Summary  string // one sentence for screen readers: "Daily cost, 1–22 Nov 2026: lowest ..., highest ..., total ..."
	Currency string // of every amount: "USD"
	Monthly  bool   // slots are months, not days
	Slots    []ChartSlot
	Series   []ChartSeries // at most 7, biggest first; a colour stays with its tenant or service
	Totals   []int64       // micro-units per slot, Unknown when the slot was not read
	Previous *ChartSeries  // the compared period, laid on the same slots; nil draws no line. Its Slot is ignored
	Forecast *ChartSeries  // what the days that are not settled yet are expected to cost; nil draws no line
	Area     bool          // each slot is the sum of all before it: drawn as areas
	Marks    []ChartMark
	Groups   []string // values of group that the segmented control offers; none hides it
	EndNote  string   // right foot when there is no coverage problem: "" links to Costs on the Overview
}

// ChartSlot is one day or month on the axis.
type ChartSlot struct {
	Label string // "1 Nov", "Nov 2026"
	Full  string // "Sunday 1 Nov 2026"; in the tooltip and the table
	Late  bool   // can still change: drawn at 55 %
	Ahead bool   // has not begun: only a forecast is known
}

// ChartSeries is one colour of the stack.
type ChartSeries struct {
	Name   string
	Slot   int     // colour 1 to 6, 0 for "Other (n)"
	Micros []int64 // per slot; Unknown leaves a gap
}

// ChartMark is an anomaly on a slot.
type ChartMark struct {
	Slot  int    // index into CostChart.Slots
	Label string // "Brightwater +62%"; at most five are written, the worst first
	URL   string // Costs filtered to that day, tenant and service
}

// CostBreakdown is the table of costs by the chosen group.
type CostBreakdown struct {
	Region
	Title   string // "Cost by tenant"
	Sub     string // "Change: 1–19 Nov vs 1–19 Oct"
	Head    string // name of the first column: "Tenant"
	Compare bool   // whether there is something to compare with: prints the columns Previous and Change
	Rows    []BreakdownRow
	Total   BreakdownRow // of all rows, not only of this page; its Name is printed
	Shown   int          // rows up to and including this page
	Matched int          // rows in all
	Ends    bool         // whether the rows have a forecast of the month's end
	Budgets bool         // whether the rows have a budget, or could have one
	NextURL string       // the page after; "" when this is the last
	BackURL string       // the first page; "" when this is it
}

// BreakdownRow is one line of the breakdown, every figure ready to print.
type BreakdownRow struct {
	Name     string
	Detail   string   // under the name: the tenant of a subscription, a shortened id
	URL      string   // the same page narrowed to this row; "" prints the name alone
	Series   bool     // whether the row is part of the chart beside it: prints its colour
	Slot     int      // that colour; 0 is "Other"
	Cost     string   // in the currency of the panel
	Billing  []string // amounts in billing currencies, when Cost is converted
	Share    string
	Previous string
	Change   Delta
	End      string // the forecast of the month's end
	Used     *Used  // of the row's budget; nil with a SetURL offers to set one
	SetURL   string
	Note     string // "Stale since 20 Nov"; printed under the name in warn
}

// CostAnomalies is the list of days that stand out.
type CostAnomalies struct {
	Region
	Sub       string // "1–22 Nov"
	Rows      []AnomalyRow
	Total     int    // in all; more than len(Rows) links to Costs on the Overview
	Threshold string // right foot: "2 open"
}

// AnomalyState is where an anomaly stands.
type AnomalyState string

// The states of an anomaly.
const (
	AnomalyOpen     AnomalyState = "open"
	AnomalySeen     AnomalyState = "acknowledged"
	AnomalyExpected AnomalyState = "expected"
)

// AnomalyRow is one anomaly, every figure ready to print.
type AnomalyRow struct {
	Name   string // "Brightwater Health"
	Detail string // "Log Analytics, 17 Nov"
	URL    string
	Kind   string // "Spike"
	State  AnomalyState
	Over   string // over the expected amount: "+$1,388.20"
	Change Delta  // "+62%"
	Cost   string // the day's cost: "$3,627.10"
}
