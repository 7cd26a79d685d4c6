package cost

import (
	"context"
	"slices"

	"fresnel"
)

// historyDays is how much history a forecast reads: enough to see a charge of
// a day of the month twice, and many earlier starting points to learn its own
// errors from.
const historyDays = 240

// Outlook is where the current month ends.
type Outlook struct {
	Ask      Ask // Period is the calendar month
	Unit     Unit
	End      MonthEnd // in Unit
	OK       bool     // there is enough history to foretell anything
	Rows     []OutlookRow
	Coverage Coverage // of the month so far
}

// OutlookRow is the month's end of one row of the Ask's keys, in the outlook's Unit.
type OutlookRow struct {
	Row Row
	End MonthEnd
	OK  bool
}

// Outlook forecasts the current month of an Ask's scope, metric and filters, as
// a whole and by its keys. The forecast of the whole is made of its own
// series: ranges do not add up.
func (r Reports) Outlook(ctx context.Context, s fresnel.Scope, a Ask) (Outlook, error) {
	now := r.Now()
	today := fresnel.DayOf(now)
	by := a.By
	a.Period = fresnel.Period{From: today.MonthStart(), To: today.AddMonths(1)}
	a.Against, a.Versus, a.By = fresnel.Period{}, VersusNone, by
	o := Outlook{Ask: a}
	var err error
	if o.Coverage, err = r.coverage(ctx, s, a, a.Period, now); err != nil {
		return o, err
	}
	q := a.query(fresnel.Period{From: today - historyDays, To: today + 1})
	q.By = by | ByDay
	sums, err := r.Reader.Sums(ctx, s, q)
	if err != nil || len(sums) == 0 {
		return o, err
	}
	o.Unit = unitOf(sums)
	settled := settledFor(o.Coverage)
	o.End, o.OK = Forecast(forecastOf(sums, o.Unit, today, settled))
	if by == 0 {
		return o, nil
	}
	rows := map[rowKey][]Sum{}
	set := rowSet{}
	for _, x := range sums {
		rows[keyOf(x)] = append(rows[keyOf(x)], x)
		if x.Day >= a.Period.From.AddMonths(-1) { // a row that cost last month may cost yet
			set.fill([]Sum{x}, func(f *Figure, micros int64) {
				if x.Day >= a.Period.From {
					f.Now += micros
				}
			})
		}
	}
	ordered, _ := set.rows()
	for _, row := range ordered {
		one := OutlookRow{Row: row}
		own := settled
		if t, ok := o.Coverage.tenant(row.Tenant); ok && row.Tenant != "" {
			own = t.SettledTo
		}
		one.End, one.OK = Forecast(forecastOf(rows[row.key()], o.Unit, today, own))
		o.Rows = append(o.Rows, one)
	}
	return o, nil
}

// settledFor is the end of the days that are settled in every tenant that has
// been read for the month.
func settledFor(c Coverage) fresnel.Day {
	var d fresnel.Day
	for _, t := range c.Tenants {
		if !t.SyncedAt.IsZero() && (d == 0 || t.SettledTo < d) {
			d = t.SettledTo
		}
	}
	return d
}

// forecastOf lays sums out by day. The history begins with the first day that
// has any cost: before it nothing was read.
func forecastOf(sums []Sum, u Unit, today, settled fresnel.Day) ForecastInput {
	in := ForecastInput{Month: today.MonthStart(), SettledTo: settled, Today: today}
	if len(sums) == 0 {
		return in
	}
	in.From = slices.MinFunc(sums, func(a, b Sum) int { return int(a.Day - b.Day) }).Day
	in.Daily = make([]int64, today+1-in.From)
	for _, x := range sums {
		switch {
		case u.Converted:
			in.Daily[x.Day-in.From] += x.USDMicros
		case x.Currency == u.Currency:
			in.Daily[x.Day-in.From] += x.Micros
		}
	}
	return in
}

// BudgetReport tells where the budgets of a scope stand in the current month.
func (r Reports) BudgetReport(ctx context.Context, s fresnel.Scope) (BudgetReport, error) {
	now := r.Now()
	today := fresnel.DayOf(now)
	rep := BudgetReport{}
	month := fresnel.Period{From: today.MonthStart(), To: today.AddMonths(1)}
	var err error
	if rep.Coverage, err = r.coverage(ctx, s, Ask{}, month, now); err != nil {
		return rep, err
	}
	list, err := r.Budgets.List(ctx, s)
	if err != nil {
		return rep, err
	}
	with := map[fresnel.TenantID]bool{}
	for _, b := range list {
		with[b.Tenant] = with[b.Tenant] || b.Whole()
		st, err := r.budget(ctx, s, b, month, rep.Coverage)
		if err != nil {
			return rep, err
		}
		rep.Budgets = append(rep.Budgets, st)
	}
	slices.SortStableFunc(rep.Budgets, worst)
	for _, t := range rep.Coverage.Tenants {
		if t.State != NoCost {
			rep.Tenants++
		}
		if with[t.Tenant] {
			rep.With++
		}
	}
	rep.Azure, err = r.Budgets.Azure(ctx, s, maxAzureBudgets)
	return rep, err
}

// OfTenants gives the budgets of all that a tenant costs, by a metric.
func (rep BudgetReport) OfTenants(m Metric) []BudgetStatus {
	var out []BudgetStatus
	for _, s := range rep.Budgets {
		if s.Budget.Whole() && s.Budget.Metric == m {
			out = append(out, s)
		}
	}
	return out
}

// Sum adds the budgets of whole tenants up: only where every tenant has exactly
// one, in the currency.
func (rep BudgetReport) Sum(m Metric, currency string) (micros int64, ok bool) {
	seen := map[fresnel.TenantID]bool{}
	for _, s := range rep.OfTenants(m) {
		if s.Budget.Amount.Currency != currency || seen[s.Budget.Tenant] {
			return 0, false
		}
		seen[s.Budget.Tenant] = true
		micros += s.Budget.Amount.Micros
	}
	return micros, len(seen) > 0 && len(seen) == rep.Tenants
}

// maxAzureBudgets bounds the list of Azure's budgets.
const maxAzureBudgets = 1000

func (r Reports) budget(ctx context.Context, s fresnel.Scope, b Budget, month fresnel.Period, c Coverage) (BudgetStatus, error) {
	st := BudgetStatus{Budget: b, Month: month}
	today := fresnel.DayOf(r.Now())
	q := Query{Period: fresnel.Period{From: today - historyDays, To: today + 1}, Metric: b.Metric, Subscriptions: b.Subscriptions, By: ByDay}
	if b.Service != "" {
		q.Services = []string{b.Service}
	}
	sums, err := r.Reader.Sums(ctx, s.Narrow(b.Tenant), q)
	if err != nil {
		return st, err
	}
	// Of what is billed in USD, CostUSD is the same amount.
	unit := Unit{Currency: b.Amount.Currency, Converted: b.Amount.Currency == USD}
	t, _ := c.tenant(b.Tenant)
	st.Covered = t.State == Fresh || t.State == Stale
	st.Known = t.State != Never && t.State != NoCost
	for _, x := range sums {
		switch {
		case x.Day < month.From:
		case unit.Converted:
			st.Spent += x.USDMicros
		case x.Currency == unit.Currency:
			st.Spent += x.Micros
		}
	}
	if st.Known {
		st.End, st.HasEnd = Forecast(forecastOf(sums, unit, today, t.SettledTo))
	}
	st.judge()
	return st, nil
}

// CheckBudget judges a budget beyond its own words: its tenant must be in
// scope, and its currency one that the tenant is billed in alone, or USD. It
// fails with Invalid and NotFound.
func (r Reports) CheckBudget(ctx context.Context, s fresnel.Scope, b Budget) error {
	if err := b.Check(); err != nil {
		return err
	}
	if !s.Sees(b.Tenant) {
		return fresnel.Errorf(fresnel.NotFound, "there is no tenant %.60s", b.Tenant)
	}
	known, err := r.Names.SubscriptionsByID(ctx, s.Narrow(b.Tenant), b.Subscriptions)
	if err != nil {
		return err
	}
	for _, id := range b.Subscriptions {
		if _, ok := known[id]; !ok {
			return fresnel.Errorf(fresnel.NotFound, "the tenant has no subscription %.60s", id)
		}
	}
	if b.Amount.Currency == USD {
		return nil
	}
	today := fresnel.DayOf(r.Now())
	sums, err := r.Reader.Sums(ctx, s.Narrow(b.Tenant), Query{Period: fresnel.Period{From: today - 92, To: today + 1}, Metric: b.Metric, Subscriptions: b.Subscriptions})
	if err != nil {
		return err
	}
	for _, x := range sums {
		if x.Currency != b.Amount.Currency {
			or := ""
			if x.Currency != USD {
				or = ", or in USD, which covers all currencies by Azure's own conversion"
			}
			return fresnel.Errorf(fresnel.Invalid, "this is billed in %s, not in %s: give the budget in %s%s", x.Currency, b.Amount.Currency, x.Currency, or)
		}
	}
	return nil
}

// PutBudget checks and keeps a budget, and gives its ID. It fails as
// CheckBudget does, and with NotFound where the budget to change is not in scope.
func (r Reports) PutBudget(ctx context.Context, s fresnel.Scope, b Budget) (int64, error) {
	if err := r.CheckBudget(ctx, s, b); err != nil {
		return 0, err
	}
	if b.ID != 0 {
		held, err := r.Budgets.Get(ctx, s, b.ID)
		if err != nil {
			return 0, err
		}
		if held.Tenant != b.Tenant {
			return 0, fresnel.Errorf(fresnel.Invalid, "a budget stays with its tenant: make a new one for another")
		}
	}
	return r.Budgets.Put(ctx, b, r.Now())
}

// DeleteBudget removes a budget. It fails with NotFound.
func (r Reports) DeleteBudget(ctx context.Context, s fresnel.Scope, id int64) error {
	b, err := r.Budgets.Get(ctx, s, id)
	if err != nil {
		return err
	}
	return r.Budgets.Delete(ctx, b)
}
