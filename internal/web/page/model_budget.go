package page

import (
	"time"

	"fresnel/internal/web/ui"
)

// BudgetsCard is how many budgets are on track.
type BudgetsCard struct {
	Region
	Figure string      // "5 of 6 on track"
	Note   string      // "1 over, 1 at risk"
	Rows   []BudgetRow // the ones that need a look first
}

// Budgets is the body of PathBudgets.
type Budgets struct {
	Region
	Month   string // "November 2026"
	Tenants string // "5 of 6 tenants have a budget of all they cost"
	Rows    []BudgetRow
	Azure   []AzureBudgetRow
	More    bool        // there are more of Azure's than are shown
	Form    *BudgetForm // open; nil offers to add one
	Offer   []TenantOption
}

// BudgetRow is one of our budgets, every figure ready to print.
type BudgetRow struct {
	Name, Of  string // "Production", "Brightwater Health, Storage"
	URL       string // Costs of what it is of
	Amount    string
	Spent     string
	Used      *Used
	End       string // expected month's end
	EndNote   string // "103% of the budget"
	State     BudgetState
	Note      string // what is incomplete
	Metric    string
	ChangeURL string
}

// BudgetState is where a budget stands.
type BudgetState string

// The states of a budget.
const (
	BudgetUnknown BudgetState = "unknown"
	BudgetFine    BudgetState = "on-track"
	BudgetAtRisk  BudgetState = "at-risk"
	BudgetOver    BudgetState = "over"
)

// AzureBudgetRow is a budget that Azure has, as Azure evaluated it.
type AzureBudgetRow struct {
	Name, Of      string
	Grain         string // "Monthly", "Monthly, filtered"
	Amount, Spent string
	Used          *Used
	End           string
	SeenAt        time.Time
}

// BudgetForm is the form of one budget, as it was typed.
type BudgetForm struct {
	ID                     string // "" is a new one
	Tenant, TenantName     string
	Name, Amount, Currency string
	Service, Metric        string
	Subs                   []Choice
	Services, Currencies   []string
	Problem, Do            string // why it was not kept
	CloseURL               string
	PostURL, DeleteURL     string // where it goes
}

func (s BudgetState) kind() ui.Kind {
	switch s {
	case BudgetOver:
		return ui.Bad
	case BudgetAtRisk:
		return ui.Warn
	case BudgetFine:
		return ui.OK
	case BudgetUnknown:
	}
	return ui.Mute
}

func (s BudgetState) words() string {
	return map[BudgetState]string{BudgetOver: "Over", BudgetAtRisk: "At risk", BudgetFine: "On track"}[s]
}
