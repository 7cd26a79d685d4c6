package page

import (
	"time"

	"fresnel/internal/web/ui"
)

// Share is a part of a whole: the percentage never stands without what it is of.
type Share struct {
	Percent string // "88.1%", "—"
	Of      string // "7,810 of 8,862"
}

// Gauge is a percentage on a half ring with its target.
type Gauge struct {
	Value    float64 // 0 to 100
	Known    bool    // else the ring is empty
	Figure   string  // "88.1", "—"
	Target   float64
	Tone     ui.Kind // OK, Warn or Bad
	Sentence string  // all of it for who does not see it
}

// Score is how compliant something is, every figure ready to print.
type Score struct {
	Name, URL string
	Gauge     Gauge
	Official  Share // as Microsoft counts
	Strict    Share // without what is exempt
	Exempted  Share
	Change    Delta  // in points: "+0.6 pts"
	Against   string // "vs 7 days ago", or why nothing is compared
	Open      int    // non-compliant resources
	OpenURL   string
	Cause     string // why there is no score
	Failed    bool   // that is a failure
	Note      string // what is wrong with it: "30 h old"
	Compliant, Conflict, Exempt, Unknown,
	Unregistered int
}

// Gap is a tenant or more whose compliance is missing, old, or not judged, and what to do.
type Gap struct {
	Kind            ui.Kind
	Title, Text, Do string
	URL             string // where the fix is seen
}

// Compliance is the body of PathCompliance.
type Compliance struct {
	Overall  ComplianceScore
	Gauges   ComplianceGauges
	Gaps     []Gap
	MoreGaps int
	Policies PolicyTable
}

// ComplianceScore is the score of all that is asked for.
type ComplianceScore struct {
	Region
	Score   Score
	Tenants int // that were asked for
	Spark   []float64
}

// ComplianceGauges is one gauge per tenant, or one big one, with their trend.
type ComplianceGauges struct {
	Region
	Target string // "90"
	One    *Score // of the one tenant that is chosen
	Rows   []Score
	Rest   []Score // of so many tenants that a ring for each would hide the worst
	More   int     // that are in neither
	Trend  *ScoreTrend
}

// ScoreTrend is how scores moved, as a chart of lines and as a table.
type ScoreTrend struct {
	Title    string // "Score, last 30 days"
	Note     string // which tenants are drawn, if not all
	Summary  string // one sentence for who does not see it
	Target   float64
	Low      float64 // where the axis begins
	Days     []ChartSlot
	Lines    []ScoreLine
	Readings int // days on which something was read
}

// ScoreLine is the score of a tenant by day.
type ScoreLine struct {
	Name   string
	Slot   int // colour 1 to 6; 0 is all tenants together
	Points []ScorePoint
}

// ScorePoint is a score of a day; without Known nothing was read by then.
type ScorePoint struct {
	Known bool
	Value float64
	Share Share
	Part  string // "3 of 4 subscriptions", where not all were read
}

// PolicyTable is a page of policies.
type PolicyTable struct {
	Region
	Sub        string // "38 with findings of 212 assigned"
	One        bool   // all of it is of one tenant, which is not named in each row
	Rows       []PolicyRow
	Categories []Choice
	Effects    []Choice
	Chips      []Chip
	ClearURL   string
	Shown      int
	Matched    int
	NextURL    string
	BackURL    string
}

// PolicyRow is a policy with what it counts.
type PolicyRow struct {
	Name, URL    string
	Category     string
	Custom       bool
	Effects      []string // as Azure writes them
	NonCompliant int
	FailingURL   string
	Worst        string // "Brightwater Health, +3"
	Score        Share
	Tone         ui.Kind
}

// NonCompliant is the body of PathNonCompliant.
type NonCompliant struct {
	Table    FailingTable
	Chips    []Chip
	ClearURL string
	Types    []Choice
}

// FailingTable is a page of resources that do not comply.
type FailingTable struct {
	Region
	ID, Title string
	Total     string
	Rows      []FailingRow
	Policy    bool // all rows fail the policy that is asked for
	NextURL   string
	BackURL   string
}

// FailingRow is a resource that does not comply.
type FailingRow struct {
	Name, URL, DrawerURL string
	Type, Icon           string
	Tenant, Subscription string
	Group                string
	Since                time.Time
	Policies             []FailedPolicy // the first of them
	More                 int            // policies beyond
}

// FailedPolicy is a policy that a resource fails.
type FailedPolicy struct {
	Name, URL string
	Conflict  bool
	Since     time.Time
}

// PolicyPage is the body of one policy.
type PolicyPage struct {
	Region
	Name, ID, Description string
	Category, Mode        string
	Custom                bool
	Effects               []string
	Score                 Score
	Tenants               []PolicyTenant
	Assignments           []PolicyAssignment
	MoreAssignments       int
	Remedies              []RemedyBox
	Failing               FailingTable
}

// PolicyTenant is what a policy counts in a tenant.
type PolicyTenant struct {
	Name, URL    string
	NonCompliant int
	Score        Share
	Tone         ui.Kind
}

// PolicyAssignment is where a policy is in force.
type PolicyAssignment struct {
	Name, ID, Scope    string
	Tenant, Initiative string
	Reference          string // what the initiative calls the policy: it may have it several times
	Effect             string
	NonCompliant       int
	Score              Share
}

// RemedyBox is what mends a resource that fails a policy.
type RemedyBox struct {
	Effect, Do, Command string
	Task                bool
}

// Drift is the body of PathDrift.
type Drift struct {
	Region
	From, To     time.Time
	Words        string // "the last 7 days"
	Ways         []ui.Choice
	Answer       string // the whole of it in one sentence
	Why          string // why nothing can be compared; then there is no answer
	Cards        []Stat
	Causes       []CauseRow
	Assignments  []AssignmentRow
	MoreAssigned int
	Rows         []MovedLine
	More         bool
	Left         string // subscriptions that are in one day only
	Baselines    []BaselineRow
	Form         BaselineForm
	Oldest       time.Time // the first day that can be compared with
}

// CauseRow is why failures came and went.
type CauseRow struct {
	Name, Meaning string
	New, Resolved int
}

// AssignmentRow is an assignment that judged on one of the days only.
type AssignmentRow struct {
	Name, Detail string
	Added        bool
	NonCompliant int
	Score        Share
}

// MovedLine is a failure that is not the same on both days.
type MovedLine struct {
	Kind                 string // new, resolved, changed
	Name, URL, DrawerURL string
	Type, Icon           string
	Policy, PolicyURL    string
	Tenant               string
	Cause                string
	At                   time.Time
}

// BaselineRow is a day with a name.
type BaselineRow struct {
	Name, URL, Note, Day string
	Of                   string // "6 tenants"
	Current              bool
}

// BaselineForm names a day.
type BaselineForm struct{ Name, Day, Note, Problem, Do string }

// Exemptions is the body of PathExemptions.
type Exemptions struct {
	Region
	Rows     []ExemptionRow
	Expiring int
	Expired  int
	Shown    int
	Matched  int
	NextURL  string
	BackURL  string
}

// ExemptionRow is what is taken out of an assignment.
type ExemptionRow struct {
	Name, ID, Standing, Left string
	Expires                  time.Time // zero = never
	Category, Assignment     string
	Tenant, Scope            string
	Part                     int // definitions within an initiative that it is about; 0 = all
}

// SecureScore is the body of PathSecureScore.
type SecureScore struct {
	Region
	Gauge         Gauge
	Percent       string
	Points        string // "412.3 of 530.0 points"
	How           string // "of 12 subscriptions, by their weight"
	Rest          string // subscriptions without a score
	Tenants       []SecureRow
	Subscriptions []SecureRow
	MoreSubs      int
	Controls      []ControlRow
}

// SecureRow is the secure score of a tenant or a subscription.
type SecureRow struct {
	Name, Detail    string
	Percent, Points string
	Part            int // 0 to 100: the bar
	Known           bool
	Cause           string
}

// ControlRow is a control of the secure score.
type ControlRow struct {
	Name                          string
	Points, Most, ToWin           string
	Part                          int
	Healthy, Unhealthy, NotNeeded int
	Subscriptions                 int
}

// Frameworks is the body of PathFrameworks.
type Frameworks struct {
	Region
	Rows []FrameworkRow
}

// FrameworkRow is a framework with how its controls stand.
type FrameworkRow struct {
	Name, URL, Source                    string
	Tenants                              int
	Passed, Failed, Skipped, NotAssessed int
	Assessed                             Share
}

// Framework is the body of PathFramework.
type Framework struct {
	Region
	FrameworkRow
	ID       string
	Controls []FrameworkControl
	Shown    int
	Matched  int
	NextURL  string
	BackURL  string
}

// FrameworkControl is a requirement of a framework.
type FrameworkControl struct {
	Name, Title, Category               string
	State                               string // passed, failed, skipped, not assessed
	Passing, Failing, Skipping, Unknown int
}
