package compliance

import (
	"context"
	"time"

	"fresnel"
)

// Reader gives what is held. Every method gives only what the scope sees, and
// of that only what is asked for.
type Reader interface {
	Coverage(ctx context.Context, s fresnel.Scope) ([]TenantRead, error)
	// Subscriptions gives the newest snapshot of each subscription.
	Subscriptions(ctx context.Context, s fresnel.Scope, only []string) ([]SubscriptionHeld, error)
	// Sums adds up, by tenant and item, the newest counts of a kind: of all
	// subscriptions, or of some. No resource is in two subscriptions.
	Sums(ctx context.Context, s fresnel.Scope, ask SumAsk) ([]Sum, error)
	// Items gives what the items of numbers are called, by tenant and number.
	Items(ctx context.Context, s fresnel.Scope, nums []int64) ([]Item, error)
	// Told gives all items of kinds. gone: those too that are no more.
	Told(ctx context.Context, s fresnel.Scope, kinds []Kind, gone bool) ([]Item, error)
	// Checks gives the checks of a policy.
	Checks(ctx context.Context, s fresnel.Scope, policy int64) ([]Item, error)
	// Failing lists resources that do not comply.
	Failing(ctx context.Context, s fresnel.Scope, q FailingQuery) (FailingList, error)
	// FailuresOf gives what each of these resources (ARM ids, lower case) fails.
	FailuresOf(ctx context.Context, s fresnel.Scope, resources []string) ([]Failed, error)
	// Days gives each tenant's days of a period, in order.
	Days(ctx context.Context, s fresnel.Scope, p fresnel.Period) ([]DayCount, error)
	// DaysOf gives the days of some subscriptions.
	DaysOf(ctx context.Context, s fresnel.Scope, subscriptions []string, p fresnel.Period) ([]DayCount, error)
	// At gives each subscription's snapshot of a day: the last one on it or before it.
	At(ctx context.Context, s fresnel.Scope, subscriptions []string, d fresnel.Day) ([]SubscriptionAt, error)
	// CountsAt gives, by subscription, what the items of a kind counted on a day.
	CountsAt(ctx context.Context, s fresnel.Scope, kind Kind, d fresnel.Day) ([]CountAt, error)
	// FirstDay is the first day of which a snapshot is held; false = there is none.
	FirstDay(ctx context.Context, s fresnel.Scope) (fresnel.Day, bool, error)
	// MovedCounts counts, by subscription, the failures that are not on both days,
	// or not the same; of one of which nothing moved there may be none.
	MovedCounts(ctx context.Context, s fresnel.Scope, subscriptions []string, from, to fresnel.Day) ([]MovedCount, error)
	// Moved gives these failures one by one.
	Moved(ctx context.Context, s fresnel.Scope, ask MovedAsk, each func(Moved) bool) error
	Baselines(ctx context.Context, s fresnel.Scope) ([]Baseline, error)
}

// Writer keeps what people say.
type Writer interface {
	// SetBaseline names a day for tenants; a name that is there is moved.
	SetBaseline(ctx context.Context, tenants []fresnel.TenantID, b Baseline, now time.Time) error
	// DropBaseline fails with NotFound.
	DropBaseline(ctx context.Context, s fresnel.Scope, name string) error
}

// SubscriptionHeld is what is held of a subscription.
type SubscriptionHeld struct {
	Tenant       fresnel.TenantID
	TenantName   string
	Subscription string
	Name         string
	Counts       Counts
	PolicyAt     time.Time // when its policies were last read; zero = never
	Policy       SubjectState
	Score        *SecureScore // nil = none is known
	ScoreAt      time.Time
	Security     SubjectState
	Reason       string // why its policies are not read
	Do           string
	ScoreReason  string // why its secure score is not read
	ScoreDo      string
}

// SumAsk selects sums.
type SumAsk struct {
	Kind          Kind
	Items         []int64 // numbers; none = all
	Subscriptions []string
	BySub         bool // a row for each subscription
}

// Sum is how many distinct resources are in which state by an item.
type Sum struct {
	Tenant       fresnel.TenantID
	Subscription string // with BySub
	Item         int64
	Counts       Counts
	Points, Most int64 // micro-points, of a control of the secure score
	Subs         int   // subscriptions that it is of
}

// Item is a thing of compliance with its number.
type Item struct {
	Num    int64
	Tenant fresnel.TenantID
	Told
	Policy     int64 // of a check: the number of its policy
	Assignment int64 // of a check, an exemption: the number of its assignment
	Definition int64 // of an assignment: the number of its initiative or definition
	First      time.Time
	Gone       time.Time // zero = it is there
}

// FailingQuery selects resources that do not comply. Empty filters let
// everything through.
type FailingQuery struct {
	Subscriptions []string
	Policy        int64 // fails this policy
	Types         []string
	Groups        []string
	Text          string // part of the resource's name
	Sort          FailingSort
	After         FailingPlace
	Limit         int
	Uncounted     bool // the total is not asked for
}

// FailingSort is the order of a list.
type FailingSort string

// The orders of a list of failing resources.
const (
	FailingNewest   FailingSort = "since" // newest first
	FailingMost     FailingSort = "policies"
	FailingSortName FailingSort = "name"
)

// FailingSorts lists the orders.
func FailingSorts() []FailingSort {
	return []FailingSort{FailingNewest, FailingMost, FailingSortName}
}

// FailingPlace is where a row stands in the order of a list.
type FailingPlace struct {
	Key  int64  `json:",omitempty"`
	Name string `json:",omitempty"`
	Arm  int64
}

// FailingList is a page of resources that do not comply.
type FailingList struct {
	Rows  []Failing
	Next  FailingPlace // of the last row; zero = there are no more
	Total int          // at most CountLimit
	More  bool         // there are more than Total
}

// CountLimit is how far a list is counted: beyond it nobody pages.
const CountLimit = 10_000

// Failing is a resource that does not comply with at least one policy: one row,
// however many policies.
type Failing struct {
	Resource         string // ARM id, lower case
	Name             string
	Type             string
	Group            string
	Tenant           fresnel.TenantID
	TenantName       string
	Subscription     string
	SubscriptionName string
	Since            time.Time // since when it does not comply, as far as we saw; with a policy asked for, with that one
	Policies         int       // that it fails
}

// Failed is a policy that a resource fails: a finding. Its key (tenant, resource,
// policy) is stable.
type Failed struct {
	Tenant   fresnel.TenantID
	Resource string
	State    State
	Policy   int64   // number
	Checks   []int64 // the assignments' checks that say so
	First    time.Time
	Since    time.Time
}

// DayCount is what was held at the end of a day.
type DayCount struct {
	Tenant   fresnel.TenantID
	Day      fresnel.Day
	Counts   Counts
	Expected int // subscriptions to be read
	Read     int // of them, with a snapshot, of whichever day
	Fresh    int // of them, read on that day
	// Score is the sum of weight x percent of subscriptions, Weight that of their
	// weights; 0 = none has a score.
	Score, Weight float64
}

// Known leaves out the counts of a day on which no policies were read, but a
// score was: of such a day nothing is said.
func (d DayCount) Known() DayCount {
	if d.Fresh == 0 {
		d.Counts, d.Read = Counts{}, 0
	}
	return d
}

// Percent is the secure score of a day; false where there was none.
func (d DayCount) Percent() (float64, bool) {
	if d.Weight == 0 {
		return 0, false
	}
	return d.Score / d.Weight, true
}

// SubscriptionAt is a subscription's snapshot of a day.
type SubscriptionAt struct {
	Tenant       fresnel.TenantID
	Subscription string
	Day          fresnel.Day // of the snapshot
	Read         time.Time
	Counts       Counts
	Score        *SecureScore
}

// CountAt is what an item counted in a subscription on a day.
type CountAt struct {
	Tenant       fresnel.TenantID
	Subscription string
	Item         int64
	Day          fresnel.Day
	Counts       Counts
}

// MovedCount is how many failures of a subscription are not the same on two days.
type MovedCount struct {
	Subscription           string
	New, Resolved, Changed int
}

// MovedAsk selects failures that are not the same on two days.
type MovedAsk struct {
	Subscriptions []string // none = all
	From, To      fresnel.Day
	Some          *MovedSome // nil = all of them
}

// MovedSome selects moves by what may be their cause. Others may come with them.
type MovedSome struct {
	Subscriptions []string   // all moves in these
	New, Resolved []PolicyIn // new and resolved failures of these policies
	Lived         time.Time  // of resources that were created or deleted since then; zero = of none
}

// PolicyIn is a policy, by its number, in a subscription.
type PolicyIn struct {
	Subscription string
	Policy       int64
}

// Moved is a failure that is not the same on two days.
type Moved struct {
	Failed
	Kind         MoveKind
	Subscription string
	Type         string
	Name         string
	Resolved     time.Time // zero = it holds
	Born         time.Time // when the resource was first seen; zero = not in the inventory
	Died         time.Time // when the resource was found to be no more; zero = it is there
}

// MoveKind is how a failure is not the same on two days.
type MoveKind string

// The kinds of moves.
const (
	MovedNew      MoveKind = "new"
	MovedResolved MoveKind = "resolved"
	MovedChanged  MoveKind = "changed" // by other assignments, or in conflict now
)

// Baseline is a day with a name, to be compared with.
type Baseline struct {
	Name    string
	Tenants []fresnel.TenantID // that have it, of those in scope
	Day     fresnel.Day
	Note    string
	Created time.Time
}
