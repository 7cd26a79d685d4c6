package cost

import (
	"context"
	"slices"
	"strings"
	"time"

	"fresnel"
)

// Budget is an amount that a part of a tenant should not cost more than in a
// calendar month.
type Budget struct {
	ID            int64
	Tenant        fresnel.TenantID
	TenantName    string
	Name          string
	Subscriptions []string // GUIDs; empty = all of the tenant
	Service       string   // "" = all
	Metric        Metric
	Amount        fresnel.Money // per month, in a billing currency of the tenant or in USD (CostUSD)
	Author        string
	Created       time.Time
	Updated       time.Time
}

// Whole tells whether the budget is of all that the tenant costs.
func (b Budget) Whole() bool { return len(b.Subscriptions) == 0 && b.Service == "" }

// The limits of a budget's words.
const (
	maxBudgetName   = 100
	maxBudgetSubs   = 200
	maxBudgetMicros = 1_000_000_000_000_000_000 // 10^12 units
)

// Check judges a budget that a person made. It fails with Invalid.
func (b Budget) Check() error {
	switch name := strings.TrimSpace(b.Name); {
	case name == "" || len(name) > maxBudgetName:
		return fresnel.Errorf(fresnel.Invalid, "a budget needs a name of at most %d characters", maxBudgetName)
	case b.Amount.Micros <= 0 || b.Amount.Micros > maxBudgetMicros:
		return fresnel.Errorf(fresnel.Invalid, "a budget's amount must be above 0 and below 10^12")
	case len(b.Amount.Currency) != 3:
		return fresnel.Errorf(fresnel.Invalid, "currency %.20q: expected three letters, like EUR", b.Amount.Currency)
	case len(b.Subscriptions) > maxBudgetSubs:
		return fresnel.Errorf(fresnel.Invalid, "a budget is of at most %d subscriptions: leave them out for the whole tenant", maxBudgetSubs)
	case len(b.Service) > 200:
		return fresnel.Errorf(fresnel.Invalid, "the service's name is too long")
	}
	return nil
}

// AzureBudget is a budget that Azure has, as Azure evaluated it.
type AzureBudget struct {
	ID               string // ARM id, lower case
	Tenant           fresnel.TenantID
	TenantName       string
	Subscription     string
	SubscriptionName string
	Name             string
	Amount           fresnel.Money // per Grain; the currency is "" where Azure has not evaluated it yet
	Grain            string        // Monthly, Quarterly, Annually, Billing...
	Filtered         bool          // of a part of the subscription only
	Spent            *fresnel.Money
	Forecast         *fresnel.Money
	Starts, Ends     fresnel.Day // 0 = not told
	Seen             time.Time   // when Azure was asked; its own evaluation is up to a day older
}

// Used is the part that Azure says is spent, in percent; it does not exist
// where Azure does not say.
func (b AzureBudget) Used() (percent float64, ok bool) {
	if b.Spent == nil || b.Amount.Micros <= 0 || b.Spent.Currency != b.Amount.Currency {
		return 0, false
	}
	return float64(b.Spent.Micros) / float64(b.Amount.Micros) * 100, true
}

// BudgetSource gives the budgets that Azure has.
type BudgetSource interface {
	// Budgets fails with Denied, NotFound, Unsupported or Unavailable.
	Budgets(ctx context.Context, t fresnel.Tenant, subscription string) ([]AzureBudget, error)
}

// BudgetSink keeps the budgets that Azure has.
type BudgetSink interface {
	// ReplaceAzure makes the list the whole truth of a subscription.
	ReplaceAzure(ctx context.Context, t fresnel.TenantID, subscription string, list []AzureBudget, asked time.Time) error
	// AzureRead says when a subscription's budgets were last read; zero = never.
	AzureRead(ctx context.Context, subscription string) (time.Time, error)
}

// Budgets keeps our own budgets, and gives both kinds. Every method sees only
// what the scope sees.
type Budgets interface {
	List(ctx context.Context, s fresnel.Scope) ([]Budget, error)
	// Get fails with NotFound.
	Get(ctx context.Context, s fresnel.Scope, id int64) (Budget, error)
	// Put adds a budget, or changes the one of its ID, and gives its ID.
	Put(ctx context.Context, b Budget, now time.Time) (int64, error)
	Delete(ctx context.Context, b Budget) error
	Azure(ctx context.Context, s fresnel.Scope, limit int) ([]AzureBudget, error)
}

// BudgetState is where a budget stands.
type BudgetState string

// The states of a budget.
const (
	BudgetUnknown BudgetState = "unknown"  // no cost is held for the month
	BudgetFine    BudgetState = "on-track" // neither spent nor expected to be
	BudgetAtRisk  BudgetState = "at-risk"  // the expected month's end is above it
	BudgetOver    BudgetState = "over"     // more is spent already
)

// BudgetStatus is a budget beside what is spent and expected.
type BudgetStatus struct {
	Budget  Budget
	Month   fresnel.Period // the calendar month
	Spent   int64          // micro-units of the budget's currency, month to date, unsettled days included
	Known   bool           // Spent is known
	End     MonthEnd       // in the budget's currency
	HasEnd  bool
	State   BudgetState
	Covered bool // the tenant is read in full: else Spent is a lower bound
}

// Used is the spent part in percent.
func (s BudgetStatus) Used() float64 {
	return float64(s.Spent) / float64(s.Budget.Amount.Micros) * 100
}

// Projected is the expected month's end in percent of the budget.
func (s BudgetStatus) Projected() (float64, bool) {
	return float64(s.End.Expected) / float64(s.Budget.Amount.Micros) * 100, s.HasEnd
}

func (s *BudgetStatus) judge() {
	switch {
	case !s.Known:
		s.State = BudgetUnknown
	case s.Spent > s.Budget.Amount.Micros:
		s.State = BudgetOver
	case s.HasEnd && s.End.Expected > s.Budget.Amount.Micros:
		s.State = BudgetAtRisk
	default:
		s.State = BudgetFine
	}
}

// BudgetReport is where all budgets of a scope stand.
type BudgetReport struct {
	Budgets  []BudgetStatus // what needs a look first
	Azure    []AzureBudget
	Tenants  int // of the scope
	With     int // tenants that have a budget of all they cost
	Coverage Coverage
}

// Worst orders budgets: over, at risk, on track, unknown; then by what is used.
func worst(a, b BudgetStatus) int {
	rank := func(s BudgetState) int {
		return slices.Index([]BudgetState{BudgetOver, BudgetAtRisk, BudgetFine, BudgetUnknown}, s)
	}
	if c := rank(a.State) - rank(b.State); c != 0 {
		return c
	}
	if a.Used() != b.Used() {
		if a.Used() > b.Used() {
			return -1
		}
		return 1
	}
	return int(a.Budget.ID - b.Budget.ID)
}
