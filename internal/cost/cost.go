// Package cost is the meaning of cloud cost: lines, sums, comparisons, trends
// and anomalies, and the sync that brings lines from a Source to a Sink.
//
// It is not an Azure client (internal/azure), not SQL (internal/store) and not
// a page. Every figure that a page, the API or an alert shows is computed by a
// function of this package.
package cost

import (
	"context"
	"iter"
	"time"

	"fresnel"
)

// Metric is one of the two ways in which Azure counts cost.
type Metric int

// The metrics. They are never mixed in one figure.
const (
	Actual    Metric = iota // charges on the day they are billed
	Amortized               // commitment purchases spread over the days they cover
)

// Metrics lists both.
func Metrics() []Metric { return []Metric{Actual, Amortized} }

// String is the metric's word in queries: actual or amortized.
func (m Metric) String() string {
	if m == Amortized {
		return "amortized"
	}
	return "actual"
}

// ParseMetric reads actual or amortized; "" is actual. It fails with Invalid.
func ParseMetric(s string) (Metric, error) {
	switch s {
	case "", "actual":
		return Actual, nil
	case "amortized":
		return Amortized, nil
	}
	return 0, fresnel.Errorf(fresnel.Invalid, "metric %.40q: expected actual or amortized", s)
}

// Cut says by which keys Azure is asked to split a window, beside the service:
// one query takes two keys. Sums of different cuts are of different answers,
// so one figure is always of one cut.
type Cut int

// The cuts.
const (
	CutGroups    Cut = iota // per day by resource group: what most figures are of
	CutCharges              // per day by charge type
	CutResources            // per month by resource
)

// Cuts lists all.
func Cuts() []Cut { return []Cut{CutGroups, CutCharges, CutResources} }

// String is the cut's word in logs.
func (c Cut) String() string { return [...]string{"groups", "charges", "resources"}[c] }

// Charge types, as Azure names them. Usage and the unused part of commitments
// follow what runs; the others are bookings.
const (
	ChargeUsage             = "Usage"
	ChargePurchase          = "Purchase"
	ChargeUnusedReservation = "UnusedReservation"
	ChargeUnusedSavingsPlan = "UnusedSavingsPlan"
	ChargeRefund            = "Refund"
	ChargeRounding          = "RoundingAdjustment"
)

// Running tells whether a charge type follows what runs, so that a change of
// it is a change of use.
func Running(chargeType string) bool {
	switch chargeType {
	case ChargeUsage, ChargeUnusedReservation, ChargeUnusedSavingsPlan:
		return true
	}
	return false
}

// Line is the cost of one service on one day or in one month, with the other
// key of its window's cut.
type Line struct {
	Day           fresnel.Day // of CutResources: the month's first
	ResourceGroup string      // CutGroups: as received; compared in lower case; "" = unassigned
	ChargeType    string      // CutCharges
	Resource      string      // CutResources: ARM id as received; compared in lower case; "" = of no resource
	Service       string
	Currency      string // billing currency
	Micros        int64  // in the billing currency
	USDMicros     int64  // as Azure converts it (CostUSD)
}

// Window is what one query asks and one transaction replaces: days of one
// calendar month of one subscription by one metric and cut. A query for
// CutResources may span up to 12 months; it is replaced month by month.
type Window struct {
	Tenant       fresnel.TenantID
	Subscription string
	Days         fresnel.Period
	Metric       Metric
	Cut          Cut
	Asked        time.Time // when Azure was asked: the age of the answer
}

// Source gives the lines of a window as Azure tells them.
type Source interface {
	// Costs fails with Denied, Unsupported or Unavailable. After an error
	// the lines before it are worthless.
	Costs(ctx context.Context, t fresnel.Tenant, w Window) iter.Seq2[Line, error]
}

// Sink keeps lines.
type Sink interface {
	// Replace makes the lines the whole truth of the window, atomically: what
	// they lack is removed. It gives the number of cost rows inserted, changed
	// or removed. Lines of the same keys and currency are one.
	// An empty answer over rows that are known is refused with Conflict: an
	// answer without data is no proof that the cost is gone. A window asked
	// before the one that is held, or under a lost lease, is refused with
	// Conflict as well.
	Replace(ctx context.Context, w Window, lines []Line) (written int, err error)
	// Read lists when each month of a subscription was last read, by metric
	// and cut.
	Read(ctx context.Context, subscription string) ([]MonthRead, error)
}

// MonthRead says when a month of a subscription was last read.
type MonthRead struct {
	Cut    Cut
	Metric Metric
	Month  fresnel.Day // first day
	At     time.Time
}

// Registry knows the subscriptions of a tenant.
type Registry interface {
	// Refresh lists the tenant's subscriptions as Azure tells them now,
	// together with those that Azure told earlier and no longer does (their
	// State is fresnel.Absent or fresnel.Gone).
	Refresh(ctx context.Context, t fresnel.Tenant) ([]fresnel.Subscription, error)
	// SetCostState records what Azure gives of a subscription.
	SetCostState(ctx context.Context, subscription string, s fresnel.CostState, reason string) error
}

// By is a set of keys that sums are grouped by. The currency is always one.
type By uint16

// The keys.
const (
	ByTenant By = 1 << iota
	BySubscription
	ByService
	ByGroup // resource group
	ByDay
	ByMonth
	ByCharge   // charge type: of CutCharges
	ByResource // of CutResources: whole months only
)

// Has tells whether the set holds all keys of k.
func (b By) Has(k By) bool { return b&k == k }

// Query selects and groups cost.
type Query struct {
	Period        fresnel.Period
	Metric        Metric
	Subscriptions []string // GUIDs; empty = all
	By            By
	Services      []string // names; empty = all
	Groups        []string // resource groups, lower case; empty = all
	Charges       []string // charge types; empty = all
}

// Cut is the cut that a query is answered from. It fails with Invalid where
// its keys are of two: Azure splits by two keys at a time.
func (q Query) Cut() (Cut, error) {
	charges := q.By.Has(ByCharge) || len(q.Charges) > 0
	groups := q.By.Has(ByGroup) || len(q.Groups) > 0
	resources := q.By.Has(ByResource)
	switch {
	case charges && (groups || resources):
		return 0, fresnel.Errorf(fresnel.Invalid, "Azure tells the charge type only beside the service: leave out the charge type, or the resource group and resource")
	case resources && groups:
		return 0, fresnel.Errorf(fresnel.Invalid, "Azure tells the resource only beside the service: leave out the resource group, which is a part of the resource's id")
	case charges:
		return CutCharges, nil
	case resources:
		return CutResources, nil
	}
	return CutGroups, nil
}

// Sum is an exact sum over cost cells of one currency. Keys that the query did
// not group by are zero.
type Sum struct {
	Tenant       fresnel.TenantID
	Subscription string
	Service      string
	Group        string      // resource group, lower case
	Charge       string      // charge type
	Resource     string      // ARM id, lower case
	Day          fresnel.Day // the day, or the month's first day
	Currency     string
	Micros       int64
	USDMicros    int64
	Name         string // of the tenant, or of the subscription where grouped by it
}

// TenantRead says how much of a tenant's cost is held for the months of a period.
type TenantRead struct {
	Tenant        fresnel.TenantID
	Name          string
	Subscriptions int // those whose cost Azure should give
	Unsupported   int // those whose offer has no cost data
	Months        []MonthCoverage
	LastRun       fresnel.RunStatus // of the costs job; "" = none yet
	LastReason    string
	LastDo        string
}

// MonthCoverage says how many of a tenant's subscriptions are held for a month.
type MonthCoverage struct {
	Month  fresnel.Day
	Read   int       // subscriptions
	Oldest time.Time // the oldest of their answers
	Newest time.Time
}

// Restatement is a settled day whose total changed afterwards.
type Restatement struct {
	Tenant       fresnel.TenantID
	Subscription string
	Metric       Metric
	Day          fresnel.Day
	Currency     string
	Old, New     int64 // micro-units
	Seen         time.Time
}

// Reader gives what is held. Every method gives only what the scope sees.
type Reader interface {
	Sums(ctx context.Context, s fresnel.Scope, q Query) ([]Sum, error)
	// Coverage lists every active tenant of the scope, read or not.
	Coverage(ctx context.Context, s fresnel.Scope, p fresnel.Period, m Metric, c Cut) ([]TenantRead, error)
	Restated(ctx context.Context, s fresnel.Scope, q Query, limit int) ([]Restatement, error)
}
