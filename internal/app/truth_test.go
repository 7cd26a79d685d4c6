package app_test

import (
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fresnel"
	"fresnel/internal/azuresim"
)

// TestTruth compares every figure that the program tells with what the
// simulator says is true, to the micro-unit. The expectations are computed
// here, from the simulator's cells and the documented rules alone.
func TestTruth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		at     time.Time
		months int
		every  int // of the questions, to save time
		estate azuresim.Options
	}{
		{"whole estate", late, 3, 4, azuresim.Options{}},
		{"start of a month", early, 3, 1, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3, MarkupNames: true, CostDisabled: true}},
		{"long history", late, 13, 1, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2, Groups: 2, Services: 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.at != early {
				long(t)
			}
			sim := simulate(t, c.at, c.estate)
			engines(t, func(t *testing.T, database string) {
				w := begin(t, sim, database, months(c.months))
				w.sync(t)
				want := w.now(t)
				equalTruth(t, w.held(t), want)
				if c.at.Equal(early) { // enough once: the figures come from the rollups
					w.rollups(t)
					w.relations(t, want)
				}
				e := newExpected(w, want)
				for i, q := range e.questions() {
					if i%c.every == 0 && (i < 3 || !testing.Short()) {
						e.check(t, q)
					}
				}
				e.unasked(t)
				if c.every == 1 && !testing.Short() {
					e.shown(t)
				}
			})
		})
	}
}

// question is what a test asks of the program, and what it means.
type question struct {
	words   string // of the query, without metric
	metric  string
	period  fresnel.Period
	tenants []string
	sub     string
	vs      string

	services []string
	keys     []string       // resource groups or charge types: what the cut has beside the service
	against  fresnel.Period // to compare with, instead of vs
}

func (q question) path(base string, more ...string) string {
	words := "metric=" + q.metric
	for _, s := range append([]string{q.words}, more...) {
		if s != "" {
			words += "&" + s
		}
	}
	return base + "?" + words
}

// expected computes what the program must say from the simulator's truth.
type expected struct {
	w      *world
	now    time.Time
	today  fresnel.Day
	first  fresnel.Day // of the months that are held
	byDay  map[string]map[fresnel.Day][]cell
	names  map[string]string // of tenants and subscriptions
	estate []azuresim.EstateTenant
	lacks  map[string]bool // tenants of which a subscription cannot be read
}

func newExpected(w *world, all truth) *expected {
	now := w.Clock().Now()
	e := &expected{
		w: w, now: now, today: fresnel.DayOf(now), first: fresnel.DayOf(now).AddMonths(1 - w.config.Months),
		byDay: map[string]map[fresnel.Day][]cell{}, names: map[string]string{}, estate: w.Estate(), lacks: map[string]bool{},
	}
	for _, m := range metrics {
		e.byDay[m] = map[fresnel.Day][]cell{}
		for _, c := range all[m] {
			e.byDay[m][c.day] = append(e.byDay[m][c.day], c)
		}
	}
	for _, te := range e.estate {
		e.names[te.ID] = te.Name
		for _, s := range te.Subscriptions {
			e.names[s.ID] = s.Name
			// Of offers without costs nothing is expected; this offer has them.
			if !s.Costs && s.State == "Enabled" && !strings.HasPrefix(s.Offer, "CSP_") {
				e.lacks[te.ID] = true
			}
		}
	}
	return e
}

func slug(name string) string {
	return strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "-"), "-")
}

func period(first, last fresnel.Day) fresnel.Period { return fresnel.Period{From: first, To: last + 1} }

// questions are periods, tenants, subscriptions and comparisons.
func (e *expected) questions() []question {
	d := e.today
	span := func(first, last fresnel.Day) string { return "from=" + first.String() + "&to=" + last.String() }
	first, two := e.estate[0], e.estate[2]
	last := first.Subscriptions[len(first.Subscriptions)-1]
	list := []question{
		{words: "", period: period(d.MonthStart(), d)},
		{words: "period=last-month", period: fresnel.Period{From: d.AddMonths(-1), To: d.MonthStart()}},
		{words: "period=last-month&vs=prev-year", period: fresnel.Period{From: d.AddMonths(-1), To: d.MonthStart()}, vs: "prev-year"},
		{words: "period=mtd&vs=prev-year", period: period(d.MonthStart(), d), vs: "prev-year"},
		{words: "period=7d&vs=none", period: period(d-6, d), vs: "none"},
		{words: "period=30d", period: period(d-29, d)},
		{words: "period=30d&vs=prev-year", period: period(d-29, d), vs: "prev-year"},
		{words: "period=90d", period: period(d-89, d)},
		{words: "period=ytd", period: period(fresnel.Date(d.Time().Year(), 1, 1), d)},
		{words: span(d.AddMonths(-1)+4, d.MonthStart()), period: period(d.AddMonths(-1)+4, d.MonthStart())},
		{words: span(d.MonthStart(), d.AddMonths(1)-1), period: period(d.MonthStart(), d.AddMonths(1)-1)},
		{words: span(d-9, d-9), period: period(d-9, d-9)},
		{words: span(d+40, d+50), period: period(d+40, d+50)},
		{words: span(e.first-20, e.first+10), period: period(e.first-20, e.first+10)},
		{words: span(e.first, e.first+25), period: period(e.first, e.first+25)},
		{words: "tenant=" + first.ID, period: period(d.MonthStart(), d), tenants: []string{first.ID}},
		{words: "period=30d&tenant=" + slug(first.Name) + "&tenant=" + strings.ToUpper(two.ID), period: period(d-29, d), tenants: []string{first.ID, two.ID}},
		{words: "period=30d&sub=" + first.Subscriptions[1].ID, period: period(d-29, d), sub: first.Subscriptions[1].ID},
		{words: "period=30d&sub=" + last.ID, period: period(d-29, d), sub: last.ID}, // may be one whose costs we must not read
	}
	var out []question
	for i, q := range list {
		for j, m := range metrics {
			if q.metric = m; i < 2 || i%2 == j { // the others by turns: it is a matter of time
				out = append(out, q)
			}
		}
	}
	return out
}

// each visits the cells of a period that a question selects.
func (e *expected) each(q question, p fresnel.Period, f func(cell)) {
	for d := max(p.From, e.first); d < min(p.To, e.today+1); d++ {
		for _, c := range e.byDay[q.metric][d] {
			if one(q.tenants, c.tenant) && (q.sub == "" || q.sub == c.sub) && one(q.services, c.service) && one(q.keys, c.group) {
				f(c)
			}
		}
	}
}

// one tells whether a filter lets a value through; an empty one does.
func one(filter []string, v string) bool { return len(filter) == 0 || slices.Contains(filter, v) }

// covered tells whether every month that a period touches, up to today, is held.
func (e *expected) covered(p fresnel.Period) bool {
	any := false
	for m := p.From.MonthStart(); m < min(p.To, e.today+1); m = m.AddMonths(1) {
		if any = true; m < e.first {
			return false
		}
	}
	return any
}

// asked are the tenants of a question: those read in full, and the others.
func (e *expected) asked(q question) (whole, lacking []string) {
	for _, te := range e.estate {
		switch {
		case len(q.tenants) > 0 && !slices.Contains(q.tenants, te.ID):
		case e.lacks[te.ID]:
			lacking = append(lacking, te.ID)
		default:
			whole = append(whole, te.ID)
		}
	}
	return whole, lacking
}

// settled is the end of the days that no longer grow in any tenant that was
// read in full: those that had been over for 72 hours when Azure was asked,
// which was now.
func (e *expected) settled(q question) fresnel.Day {
	if whole, _ := e.asked(q); len(whole) == 0 || !e.covered(q.period) {
		return 0
	}
	return fresnel.Day(math.Floor(e.now.Add(-72*time.Hour).Sub(time.Unix(0, 0)).Hours() / 24))
}

// compared gives the settled days of a question and the same days before.
// Only tenants that were read in full are compared.
func (e *expected) compared(q question) (now, before fresnel.Period, ok bool) {
	now = q.period
	now.To = min(now.To, e.settled(q))
	if q.against.Days() > 0 && now.Days() > 0 {
		return now, q.against, e.covered(q.against)
	}
	if q.vs == "none" || now.Days() == 0 {
		return now, before, false
	}
	first, last := now.From.Time(), (now.To - 1).Time()
	monthStart := first.Day() == 1
	sameMonth := first.Year() == last.Year() && first.Month() == last.Month()
	wholeMonth := monthStart && sameMonth && last.AddDate(0, 0, 1).Day() == 1
	back := 1
	if q.vs == "prev-year" {
		back = 12
	}
	start := first.AddDate(0, -back, 0) // of a month's first day it is one, too
	switch {
	case wholeMonth:
		before = fresnel.Period{From: fresnel.DayOf(start), To: fresnel.DayOf(start.AddDate(0, 1, 0))}
	case monthStart && sameMonth:
		before = fresnel.Period{From: fresnel.DayOf(start), To: min(fresnel.DayOf(start)+now.To-now.From, fresnel.DayOf(start.AddDate(0, 1, 0)))}
	case q.vs == "prev-year":
		before = fresnel.Period{From: fresnel.DayOf(first.AddDate(-1, 0, 0)), To: fresnel.DayOf(now.To.Time().AddDate(-1, 0, 0))}
	default:
		before = fresnel.Period{From: now.From - fresnel.Day(now.Days()), To: now.From}
	}
	return now, before, e.covered(before)
}

// figure is an amount beside what it is compared with.
type figure struct {
	Cost     money    `json:"cost"`
	Compared money    `json:"compared"`
	Previous money    `json:"previous"`
	Change   *float64 `json:"change_percent"`
}

type costRow struct {
	TenantID       string   `json:"tenant_id"`
	SubscriptionID string   `json:"subscription_id"`
	Service        *string  `json:"service"`
	ResourceGroup  *string  `json:"resource_group"`
	ChargeType     *string  `json:"charge_type"`
	Resource       *string  `json:"resource"`
	Name           string   `json:"name"`
	Figures        []figure `json:"figures"`
	USD            figure   `json:"usd"`
	Share          *float64 `json:"share_percent"`
}

type summary struct {
	Known  bool     `json:"known"`
	Totals []figure `json:"totals"`
	USD    *figure  `json:"usd"`
}

// sums are the figures of one row: by billing currency, and CostUSD under "".
type sums map[string]*[3]int64 // now, compared, before

func (s sums) add(c cell, column int) {
	for currency, v := range map[string]int64{c.currency: c.micros, "": c.usd} {
		if s[currency] == nil {
			s[currency] = &[3]int64{}
		}
		s[currency][column] += v
	}
}

func (s sums) figures() []figure {
	out := []figure{}
	for _, currency := range slices.Sorted(maps.Keys(s)) {
		if currency != "" {
			out = append(out, figureOf(s[currency], currency))
		}
	}
	return out
}

func (s sums) usd() figure {
	v := s[""]
	if v == nil {
		v = &[3]int64{}
	}
	return figureOf(v, "USD")
}

func figureOf(v *[3]int64, currency string) figure {
	f := figure{Cost: money{v[0], currency}, Compared: money{v[1], currency}, Previous: money{v[2], currency}}
	if v[2] > 0 {
		change := float64(v[1]-v[2]) / float64(v[2]) * 100
		f.Change = &change
	}
	return f
}

// breakdown sums by a key: three sums per row, over the period, the compared
// days and the days before.
func (e *expected) sums(q question, key func(cell) cell) map[cell]sums {
	rows := map[cell]sums{}
	fill := func(p fresnel.Period, column int) {
		e.each(q, p, func(c cell) {
			k := key(c)
			if rows[k] == nil {
				rows[k] = sums{}
			}
			rows[k].add(c, column)
		})
	}
	fill(q.period, 0)
	if now, before, ok := e.compared(q); ok {
		q.tenants, _ = e.asked(q)
		fill(now, 1)
		fill(before, 2)
	}
	return rows
}

// The breakdowns of the API: by which keys, and how a row looks.
type breakdown struct {
	path string
	key  func(cell) cell
	row  func(e *expected, k cell) costRow
}

var breakdowns = []breakdown{
	{"by-tenant", func(c cell) cell { return cell{tenant: c.tenant} }, func(e *expected, k cell) costRow {
		return costRow{TenantID: k.tenant, Name: e.names[k.tenant]}
	}},
	{"by-subscription", func(c cell) cell { return cell{tenant: c.tenant, sub: c.sub} }, func(e *expected, k cell) costRow {
		return costRow{TenantID: k.tenant, SubscriptionID: k.sub, Name: e.names[k.sub]}
	}},
	{"by-service", func(c cell) cell { return cell{service: c.service} }, func(_ *expected, k cell) costRow {
		return costRow{Service: &k.service}
	}},
	{"by-resource-group", func(c cell) cell { return cell{tenant: c.tenant, sub: c.sub, group: c.group} }, func(e *expected, k cell) costRow {
		return costRow{TenantID: k.tenant, SubscriptionID: k.sub, ResourceGroup: &k.group, Name: e.names[k.sub]}
	}},
}

// byCharge is of the charges cut, byResource of the resources cut: there the
// cut's own key is in the place of the resource group.
var (
	byCharge = breakdown{"by-charge-type", func(c cell) cell { return cell{group: c.group} }, func(_ *expected, k cell) costRow {
		return costRow{ChargeType: &k.group}
	}}
	byResource = breakdown{"by-resource", func(c cell) cell { return cell{tenant: c.tenant, sub: c.sub, group: c.group} }, func(e *expected, k cell) costRow {
		return costRow{TenantID: k.tenant, SubscriptionID: k.sub, Resource: &k.group, Name: e.names[k.sub]}
	}}
)

// diff compares with a tolerance for percentages, and none for money.
func diff(want, got any) string {
	return gocmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 1e-9), cmpopts.EquateEmpty())
}

// check asks every cost endpoint.
func (e *expected) check(t *testing.T, q question) {
	t.Helper()
	total := e.summary(t, q)
	for _, b := range breakdowns {
		e.list(t, q, b, total)
	}
	for _, granularity := range []string{"daily", "monthly"} {
		for _, group := range []string{"none", "tenant", "service", "subscription"} {
			e.trend(t, q, granularity, group)
		}
	}
	e.rises(t, q)
}

// list asks for one breakdown, page by page.
func (e *expected) list(t *testing.T, q question, b breakdown, total summary) []costRow {
	t.Helper()
	path := q.path("/api/v1/costs/"+b.path, "limit=1000")
	got, meta := pages[costRow](t, e.w, path)
	want := e.rows(q, b.key, b.row)
	if d := diff(want, got); d != "" {
		t.Errorf("%s (-truth +api):\n%.4000s", path, d)
	}
	e.meta(t, path, q, meta)
	if meta.Total == nil || *meta.Total != len(want) {
		t.Errorf("%s: total %v, want %d", path, meta.Total, len(want))
	}
	addsUp(t, path, got, total)
	return want
}

// pages reads a list to its end.
func pages[T any](t *testing.T, w *world, path string) (all []T, first meta) {
	t.Helper()
	for next := path; ; {
		a := read[[]T](t, w, next)
		if all == nil {
			first = a.Meta
		}
		all = append(all, a.Data...)
		if a.Meta.NextCursor == "" || len(a.Data) == 0 {
			return all, first
		}
		next = with(path, "cursor", a.Meta.NextCursor)
	}
}

func (e *expected) summary(t *testing.T, q question) summary {
	t.Helper()
	path := q.path("/api/v1/costs/summary")
	got := read[summary](t, e.w, path)
	all := e.sums(q, func(cell) cell { return cell{} })[cell{}]
	want := summary{Known: len(all) > 0, Totals: all.figures()}
	if want.Known {
		usd := all.usd()
		want.USD = &usd
	}
	if d := diff(want, got.Data); d != "" {
		t.Errorf("%s (-truth +api):\n%s", path, d)
	}
	e.meta(t, path, q, got.Meta)
	return got.Data
}

// meta checks what an answer says about itself.
func (e *expected) meta(t *testing.T, path string, q question, got meta) {
	t.Helper()
	e.plainMeta(t, path, q, got)
	var want *comparison
	if now, before, ok := e.compared(q); ok {
		_, lacking := e.asked(q)
		want = &comparison{Period: inclusive(now), With: inclusive(before), LeftOut: lacking}
	}
	if d := diff(want, got.Compared); d != "" {
		t.Errorf("%s: compared (-want +got):\n%s", path, d)
	}
}

func inclusive(p fresnel.Period) days { return days{p.From.String(), (p.To - 1).String()} }

func (e *expected) plainMeta(t *testing.T, path string, q question, got meta) {
	t.Helper()
	if got.Period == nil || *got.Period != inclusive(q.period) || got.Metric != q.metric {
		t.Errorf("%s: period %v, metric %s", path, got.Period, got.Metric)
	}
	whole, lacking := e.asked(q)
	covered, of, settled := 0, len(whole)+len(lacking), ""
	if e.covered(q.period) {
		covered = len(whole)
	}
	if end := e.settled(q); end > 0 {
		settled = (end - 1).String()
	}
	c := got.Coverage
	if c == nil || c.Tenants != covered || c.Of != of || len(c.Missing) != of-covered {
		t.Errorf("%s: coverage %+v, want %d of %d", path, c, covered, of)
	}
	if got.SettledTo != settled {
		t.Errorf("%s: settled to %q, want %q", path, got.SettledTo, settled)
	}
	if covered > 0 && (got.SyncedAt == nil || !got.SyncedAt.Equal(e.now)) {
		t.Errorf("%s: synced at %v, want %v", path, got.SyncedAt, e.now)
	}
	if len(got.Stale) > 0 {
		t.Errorf("%s: stale %v", path, got.Stale)
	}
}

// rows are the expected rows, largest first.
func (e *expected) rows(q question, key func(cell) cell, row func(*expected, cell) costRow) []costRow {
	type line struct {
		key string
		row costRow
	}
	var lines []line
	var total int64
	for k, s := range e.sums(q, key) {
		r := row(e, k)
		r.Figures, r.USD = s.figures(), s.usd()
		total += r.USD.Cost.Micros
		lines = append(lines, line{k.tenant + "|" + k.sub + "|" + k.service + "|" + k.group, r})
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(b.row.USD.Cost.Micros, a.row.USD.Cost.Micros), cmp.Compare(a.key, b.key))
	})
	out := make([]costRow, len(lines))
	for i, l := range lines {
		if out[i] = l.row; total > 0 {
			share := float64(l.row.USD.Cost.Micros) / float64(total) * 100
			out[i].Share = &share
		}
	}
	return out
}
