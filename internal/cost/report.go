package cost

import (
	"cmp"
	"context"
	"slices"
	"time"

	"fresnel"
)

// Reports computes every figure that is shown, sent or compared. A page and
// the API ask the same method and print what it gives.
type Reports struct {
	Reader     Reader
	Findings   FindingReader
	Verdicts   Verdicts
	Budgets    Budgets
	Names      Names
	Now        func() time.Time
	StaleAfter time.Duration // age at which data is called stale
}

// Ask is a question: what, when, compared with when.
type Ask struct {
	Period        fresnel.Period
	Versus        Versus
	Metric        Metric
	Subscriptions []string // GUIDs; empty = all of the scope
	By            By
	Services      []string // names; empty = all
	Groups        []string // resource groups, lower case; empty = all
	Charges       []string // charge types; empty = all

	// Against is a period to compare with, in place of what Versus names.
	Against fresnel.Period
}

// Cut is the cut that answers the Ask. It fails with Invalid where its keys
// and filters are of two.
func (a Ask) Cut() (Cut, error) { return a.query(a.Period).Cut() }

// before is the period that p, the ask's period or its settled part, is
// compared with.
func (a Ask) before(p fresnel.Period) (fresnel.Period, bool) {
	if a.Against.Days() > 0 && p.Days() > 0 {
		return a.Against, true
	}
	return a.Versus.Before(p)
}

// Figure is an amount in micro-units of one currency, beside the two amounts
// that may honestly be compared: the settled days of the period, and the same
// days before, both over the tenants that have both.
type Figure struct {
	Currency string
	Now      int64 // the whole period
	Compared int64 // the part of the period that is compared
	Before   int64 // the days it is compared with
}

func (f *Figure) add(g Figure) {
	f.Now += g.Now
	f.Compared += g.Compared
	f.Before += g.Before
}

// Change is the relative change of the compared days in percent; it does not
// exist where nothing was there before.
func (f Figure) Change() (percent float64, ok bool) {
	if f.Before <= 0 {
		return 0, false
	}
	return (float64(f.Compared) - float64(f.Before)) / float64(f.Before) * 100, true
}

// Row is one line of a breakdown; keys that were not asked for are empty.
type Row struct {
	Tenant       fresnel.TenantID
	Subscription string
	Service      string
	Group        string
	Charge       string
	Resource     string   // ARM id, lower case
	Name         string   // of the tenant or the subscription, where it has one
	Figures      []Figure // one per billing currency, by currency
	USD          Figure   // Azure's own conversion (CostUSD), the one figure across currencies
}

// Unit is the currency in which an answer across currencies is told.
type Unit struct {
	Currency  string
	Converted bool // amounts are Azure's CostUSD, because several currencies are billed
}

// In is the row's figure in a unit.
func (r Row) In(u Unit) Figure {
	if u.Converted {
		return r.USD
	}
	for _, f := range r.Figures {
		if f.Currency == u.Currency {
			return f
		}
	}
	return Figure{Currency: u.Currency}
}

// Breakdown is an answer by rows. The total is the sum of the rows.
type Breakdown struct {
	Ask      Ask
	Rows     []Row // by CostUSD, largest first
	Total    Row
	Coverage Coverage
	Compared fresnel.Period     // settled part of the period that is compared; empty = no comparison
	Before   fresnel.Period     // what it is compared with
	LeftOut  []fresnel.TenantID // tenants of the figure that are not in the comparison
}

// Known tells whether any cost was reported for the period. A sum of nothing
// is unknown, not zero.
func (b Breakdown) Known() bool { return len(b.Total.Figures) > 0 }

// USD names the currency of CostUSD.
const USD = "USD"

// Unit is the answer's only billing currency, else CostUSD.
func (b Breakdown) Unit() Unit {
	if len(b.Total.Figures) == 1 {
		return Unit{Currency: b.Total.Figures[0].Currency}
	}
	return Unit{Currency: USD, Converted: true}
}

// Breakdown answers an Ask by its keys; without keys the total alone counts.
func (r Reports) Breakdown(ctx context.Context, s fresnel.Scope, a Ask) (Breakdown, error) {
	if a.By.Has(ByResource) {
		a.Period = a.Period.Whole()
	}
	b := Breakdown{Ask: a}
	held, err := r.held(ctx, s, a)
	if err != nil {
		return b, err
	}
	b.Coverage = held.of(a.Period)
	set := rowSet{}
	if err := r.compare(ctx, s, &b, held, set); err != nil {
		return b, err
	}
	b.Rows, b.Total = set.rows()
	return b, nil
}

func (a Ask) query(p fresnel.Period) Query {
	return Query{Period: p, Metric: a.Metric, Subscriptions: a.Subscriptions, By: a.By, Services: a.Services, Groups: a.Groups, Charges: a.Charges}
}

// held is what was read of a period and of what it is compared with.
type held struct {
	reads, before []TenantRead
	now           time.Time
	staleAfter    time.Duration
}

// near is how far apart two periods may be for one question to read both.
const near = 62

// held asks what an answer needs to know of coverage. What is compared in the
// end is never longer than the Before of the whole period.
func (r Reports) held(ctx context.Context, s fresnel.Scope, a Ask) (held, error) {
	h := held{now: r.Now(), staleAfter: r.StaleAfter}
	p := a.Period
	before, ok := a.before(p)
	joined := ok && before.To+near >= p.From
	if joined {
		p.From = min(p.From, before.From)
	}
	cut, err := a.Cut()
	if err != nil {
		return h, err
	}
	if h.reads, err = r.Reader.Coverage(ctx, s, p, a.Metric, cut); err != nil {
		return h, err
	}
	h.before = h.reads
	if ok && !joined {
		h.before, err = r.Reader.Coverage(ctx, s, before, a.Metric, cut)
	}
	return h, err
}

func (h held) of(p fresnel.Period) Coverage { return Cover(h.reads, p, h.now, h.staleAfter) }

func (h held) ofBefore(p fresnel.Period) Coverage { return Cover(h.before, p, h.now, h.staleAfter) }

// compare fills the rows: the period, and what is compared of it. Unsettled
// days are not, and tenants that lack either period are left out of both sides.
func (r Reports) compare(ctx context.Context, s fresnel.Scope, b *Breakdown, held held, set rowSet) error {
	whole := b.Ask.Period
	p := whole
	p.To = min(p.To, b.Coverage.Settled)
	before, ok := b.Ask.before(p)
	if b.Ask.By.Has(ByResource) { // what is kept by month cannot be cut off at a day
		ok = ok && p.WholeMonths() && before.WholeMonths()
	}
	scope := s
	if ok {
		scope, b.LeftOut = comparable(s, b.Coverage, held.ofBefore(before), p)
		ok = scope.All() || len(scope.IDs()) > 0
	}
	both := func(f *Figure, micros int64) { f.Now += micros; f.Compared += micros }
	now := func(f *Figure, micros int64) { f.Now += micros }
	if !ok {
		return r.fill(ctx, s, b.Ask.query(whole), set, now)
	}
	b.Compared, b.Before = p, before
	var err error
	if len(b.LeftOut) == 0 { // then each day is asked for once
		err = r.fill(ctx, s, b.Ask.query(p), set, both)
		if rest := (fresnel.Period{From: p.To, To: whole.To}); err == nil && rest.Days() > 0 {
			err = r.fill(ctx, s, b.Ask.query(rest), set, now)
		}
	} else if err = r.fill(ctx, s, b.Ask.query(whole), set, now); err == nil {
		err = r.fill(ctx, scope, b.Ask.query(p), set, func(f *Figure, micros int64) { f.Compared += micros })
	}
	if err != nil {
		return err
	}
	return r.fill(ctx, scope, b.Ask.query(before), set, func(f *Figure, micros int64) { f.Before += micros })
}

func (r Reports) fill(ctx context.Context, s fresnel.Scope, q Query, set rowSet, add func(f *Figure, micros int64)) error {
	sums, err := r.Reader.Sums(ctx, s, q)
	if err == nil {
		set.fill(sums, add)
	}
	return err
}

// coverage judges one period alone.
func (r Reports) coverage(ctx context.Context, s fresnel.Scope, a Ask, p fresnel.Period, now time.Time) (Coverage, error) {
	cut, err := a.query(p).Cut()
	if err != nil {
		return Coverage{}, err
	}
	reads, err := r.Reader.Coverage(ctx, s, p, a.Metric, cut)
	if err != nil {
		return Coverage{}, err
	}
	return Cover(reads, p, now, r.StaleAfter), nil
}

// comparable narrows a scope to the tenants whose settled days reach p's end
// and that hold the period before in full.
func comparable(s fresnel.Scope, cur, old Coverage, p fresnel.Period) (fresnel.Scope, []fresnel.TenantID) {
	var in, out []fresnel.TenantID
	for i, t := range cur.Tenants {
		if t.State == NoCost {
			continue
		}
		o := old.tenantAt(i, t.Tenant)
		whole := t.State == Fresh || t.State == Stale
		if whole && (t.Final || t.SettledTo >= p.To) && (o.State == Fresh || o.State == Stale) {
			in = append(in, t.Tenant)
		} else {
			out = append(out, t.Tenant)
		}
	}
	if len(out) == 0 {
		return s, nil // the scope itself: all tenants need no list
	}
	return fresnel.ScopeOf(in...), out
}

type rowKey struct {
	tenant               fresnel.TenantID
	sub, service, groupN string
	charge, resource     string
}

func (r Row) key() rowKey {
	return rowKey{r.Tenant, r.Subscription, r.Service, r.Group, r.Charge, r.Resource}
}

func keyOf(s Sum) rowKey {
	return rowKey{s.Tenant, s.Subscription, s.Service, s.Group, s.Charge, s.Resource}
}

// rowSet gathers sums into rows.
type rowSet map[rowKey]*Row

func (set rowSet) fill(sums []Sum, add func(f *Figure, micros int64)) {
	for _, s := range sums {
		k := keyOf(s)
		row := set[k]
		if row == nil {
			row = &Row{
				Tenant: s.Tenant, Subscription: s.Subscription, Service: s.Service, Group: s.Group,
				Charge: s.Charge, Resource: s.Resource,
				Name: s.Name, USD: Figure{Currency: USD},
			}
			set[k] = row
		}
		add(row.figure(s.Currency), s.Micros)
		add(&row.USD, s.USDMicros)
	}
}

func (r *Row) figure(currency string) *Figure {
	i, ok := slices.BinarySearchFunc(r.Figures, currency, func(f Figure, c string) int { return cmp.Compare(f.Currency, c) })
	if !ok {
		r.Figures = slices.Insert(r.Figures, i, Figure{Currency: currency})
	}
	return &r.Figures[i]
}

// rows sorts the rows, largest first, and adds them up.
func (set rowSet) rows() ([]Row, Row) {
	total := Row{USD: Figure{Currency: USD}}
	rows := make([]Row, 0, len(set))
	for _, r := range set {
		rows = append(rows, *r)
		total.USD.add(r.USD)
		for _, f := range r.Figures {
			total.figure(f.Currency).add(f)
		}
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.USD.Now, a.USD.Now), cmp.Compare(a.Label(), b.Label()), cmp.Compare(a.Key(), b.Key()))
	})
	return rows, total
}

// Key identifies the row among the rows of one answer.
func (r Row) Key() string {
	return string(r.Tenant) + "|" + r.Subscription + "|" + r.Service + "|" + r.Group + "|" + r.Charge + "|" + r.Resource
}

// Label is what people call the row.
func (r Row) Label() string {
	return cmp.Or(r.Resource, r.Charge, r.Service, r.Group, r.Name, r.Subscription, string(r.Tenant))
}

// Share is the row's part of the total's CostUSD in percent; it does not exist
// where the total is not positive.
func (r Row) Share(total Row) (percent float64, ok bool) {
	if total.USD.Now <= 0 {
		return 0, false
	}
	return float64(r.USD.Now) / float64(total.USD.Now) * 100, true
}

// SortRows sorts by -cost, cost, name, -name, share, -share, previous,
// -previous, change or -change; a change that does not exist comes last. Any
// other word is -cost. unit says
// which figures count.
func SortRows(rows []Row, word string, unit Unit) {
	by, desc := word, false
	if len(word) > 0 && word[0] == '-' {
		by, desc = word[1:], true
	}
	var compare func(a, b Row) int
	switch by {
	case "name":
		compare = func(a, b Row) int { return cmp.Compare(a.Label(), b.Label()) }
	case "previous":
		compare = func(a, b Row) int { return cmp.Compare(a.In(unit).Before, b.In(unit).Before) }
	case "change":
		slices.SortStableFunc(rows, func(a, b Row) int { return compareChange(a.In(unit), b.In(unit), desc) })
		return
	case "cost", "share":
		compare = func(a, b Row) int { return cmp.Compare(a.In(unit).Now, b.In(unit).Now) }
	default:
		compare, desc = func(a, b Row) int { return cmp.Compare(a.In(unit).Now, b.In(unit).Now) }, true
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		c := compare(a, b)
		if desc {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a.Key(), b.Key()))
	})
}

func compareChange(a, b Figure, desc bool) int {
	x, okX := a.Change()
	y, okY := b.Change()
	switch {
	case okX != okY && okX:
		return -1
	case okX != okY:
		return 1
	case desc:
		return cmp.Compare(y, x)
	default:
		return cmp.Compare(x, y)
	}
}

// Restated lists settled days that changed afterwards, newest first.
func (r Reports) Restated(ctx context.Context, s fresnel.Scope, a Ask, limit int) ([]Restatement, error) {
	return r.Reader.Restated(ctx, s, a.query(a.Period), limit)
}

// Today is the current UTC day.
func (r Reports) Today() fresnel.Day { return fresnel.DayOf(r.Now().In(time.UTC)) }

// RestatedMonth is by how much the days of a month changed after they were settled.
type RestatedMonth struct {
	Month    fresnel.Day // its first day
	Currency string
	Micros   int64
	Changes  int
}

// RestatedMonths adds restatements up by month and currency, the newest first.
func RestatedMonths(list []Restatement) []RestatedMonth {
	type key struct {
		month    fresnel.Day
		currency string
	}
	sums := map[key]*RestatedMonth{}
	for _, r := range list {
		k := key{r.Day.MonthStart(), r.Currency}
		if sums[k] == nil {
			sums[k] = &RestatedMonth{Month: k.month, Currency: k.currency}
		}
		sums[k].Micros += r.New - r.Old
		sums[k].Changes++
	}
	out := make([]RestatedMonth, 0, len(sums))
	for _, m := range sums {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b RestatedMonth) int {
		return cmp.Or(cmp.Compare(b.Month, a.Month), cmp.Compare(a.Currency, b.Currency))
	})
	return out
}
