package cost

import (
	"cmp"
	"context"
	"slices"

	"fresnel"
)

// Rise is a day on which a service of a tenant cost much more than before: the
// plain rule of the brief, beside the anomalies that DetectAnomalies finds.
type Rise struct {
	Tenant      fresnel.TenantID
	TenantName  string
	Service     string
	Day         fresnel.Day
	Currency    string
	Micros      int64 // that day
	Expected    int64 // the larger of the day before and the same weekday a week before
	USDMicros   int64
	USDExpected int64
}

// Percent is the rise in percent; it does not exist where nothing was expected.
func (a Rise) Percent() (float64, bool) {
	if a.Expected <= 0 {
		return 0, false
	}
	return float64(a.Micros-a.Expected) / float64(a.Expected) * 100, true
}

// RiseRule says what counts as a rise.
type RiseRule struct {
	Percent  int   // a rise above this
	FloorUSD int64 // and of at least this many micro-units of CostUSD
}

// PlainRule is the brief's rule, more than 20 % in a day, with a floor of
// 25 USD a day below which nobody would look.
func PlainRule() RiseRule { return RiseRule{Percent: 20, FloorUSD: 25_000_000} }

// lookBack is how many days before a day its expected amount may come from.
const lookBack = 7

// Rises finds the days that rose in of a period. The sums are by tenant, service and
// day and begin 7 days before the period; judged gives the days of a tenant
// that may be judged.
//
// The expected amount is the larger of the day before and the same weekday a
// week before: a Monday after a quiet Sunday is no anomaly.
func Rises(sums []Sum, p fresnel.Period, judged func(fresnel.TenantID) fresnel.Period, rule RiseRule) []Rise {
	type series struct {
		tenant            fresnel.TenantID
		service, currency string
	}
	type at struct {
		series
		day fresnel.Day
	}
	cell := make(map[at]Sum, len(sums))
	for _, s := range sums {
		cell[at{series{s.Tenant, s.Service, s.Currency}, s.Day}] = s
	}
	var found []Rise
	for k, s := range cell {
		if !p.Contains(k.day) || !judged(k.tenant).Contains(k.day) {
			continue
		}
		yesterday, week := cell[at{k.series, k.day - 1}], cell[at{k.series, k.day - lookBack}]
		a := Rise{
			Tenant: s.Tenant, TenantName: s.Name, Service: s.Service, Day: s.Day, Currency: s.Currency,
			Micros: s.Micros, USDMicros: s.USDMicros,
			Expected: max(yesterday.Micros, week.Micros, 0), USDExpected: max(yesterday.USDMicros, week.USDMicros, 0),
		}
		if rule.fires(a) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, byRise)
	return found
}

// byRise orders the largest rise in CostUSD first.
func byRise(a, b Rise) int {
	return cmp.Or(
		cmp.Compare(b.USDMicros-b.USDExpected, a.USDMicros-a.USDExpected),
		cmp.Compare(b.Day, a.Day), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Service, b.Service))
}

// fires compares in floats: a product of micro-units could overflow.
func (r RiseRule) fires(a Rise) bool {
	return a.USDMicros-a.USDExpected >= r.FloorUSD &&
		float64(a.Micros) > float64(a.Expected)*(1+float64(r.Percent)/100)
}

// RiseReport is the answer to a question for rises.
type RiseReport struct {
	Ask      Ask
	Rule     RiseRule
	Rises    []Rise // largest rise first
	Coverage Coverage
}

// MaxRiseDays bounds the period of a question for rises.
const MaxRiseDays = 100

// Rises answers an Ask with the days that rose. It fails with Invalid
// where the period is longer than MaxRiseDays.
func (r Reports) Rises(ctx context.Context, s fresnel.Scope, a Ask) (RiseReport, error) {
	rep := RiseReport{Ask: a, Rule: PlainRule()}
	if a.Period.Days() > MaxRiseDays {
		return rep, fresnel.Errorf(fresnel.Invalid, "daily rises are told for at most %d days at a time: choose a shorter period", MaxRiseDays)
	}
	var err error
	if rep.Coverage, err = r.coverage(ctx, s, a, a.Period, r.Now()); err != nil {
		return rep, err
	}
	with := fresnel.Period{From: a.Period.From - lookBack, To: a.Period.To}
	before, err := r.coverage(ctx, s, a, with, r.Now())
	if err != nil {
		return rep, err
	}
	q := a.query(with)
	q.By = ByTenant | ByService | ByDay
	for _, t := range rep.Coverage.Tenants { // a tenant at a time: the rows of all would fill the memory
		days := rep.judged(t.Tenant, before)
		if days.Days() == 0 {
			continue
		}
		sums, err := r.Reader.Sums(ctx, s.Narrow(t.Tenant), q)
		if err != nil {
			return rep, err
		}
		rep.Rises = append(rep.Rises, Rises(sums, a.Period, func(fresnel.TenantID) fresnel.Period { return days }, rep.Rule)...)
	}
	slices.SortFunc(rep.Rises, byRise)
	return rep, nil
}

// judged is the days of a tenant that may be judged: settled, complete, and
// with their expected amounts known. Incomplete data would make a rise out of a
// subscription that was read later, and the first day that is held a service
// out of every one.
func (r *RiseReport) judged(id fresnel.TenantID, before Coverage) fresnel.Period {
	t, ok := r.Coverage.tenant(id)
	if !ok || t.State == Never || t.State == Partial {
		return fresnel.Period{}
	}
	p := r.Ask.Period
	if !t.Final {
		p.To = min(p.To, t.SettledTo)
	}
	if b, _ := before.tenant(id); b.State != Fresh && b.State != Stale {
		p.From += lookBack
	}
	return p
}

// Key identifies the rise.
func (a Rise) Key() string {
	return string(a.Tenant) + "|" + a.Service + "|" + a.Currency + "|" + a.Day.String()
}
