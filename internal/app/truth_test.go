package app_test

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"math"
	"net/url"
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
					e.pages(t)
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
	one, two := e.estate[0], e.estate[2]
	last := one.Subscriptions[len(one.Subscriptions)-1]
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
		{words: "tenant=" + one.ID, period: period(d.MonthStart(), d), tenants: []string{one.ID}},
		{words: "period=30d&tenant=" + slug(one.Name) + "&tenant=" + strings.ToUpper(two.ID), period: period(d-29, d), tenants: []string{one.ID, two.ID}},
		{words: "period=30d&sub=" + one.Subscriptions[1].ID, period: period(d-29, d), sub: one.Subscriptions[1].ID},
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
			if (len(q.tenants) == 0 || slices.Contains(q.tenants, c.tenant)) && (q.sub == "" || q.sub == c.sub) {
				f(c)
			}
		}
	}
}

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
func (e *expected) breakdown(q question, key func(cell) cell) map[cell]sums {
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
var breakdowns = []struct {
	path string
	key  func(cell) cell
	row  func(e *expected, k cell) costRow
}{
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

// diff compares with a tolerance for percentages, and none for money.
func diff(want, got any) string {
	return gocmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 1e-9), cmpopts.EquateEmpty())
}

// check asks every cost endpoint.
func (e *expected) check(t *testing.T, q question) {
	t.Helper()
	total := e.summary(t, q)
	for _, b := range breakdowns {
		path := q.path("/api/v1/costs/"+b.path, "limit=1000")
		got := read[[]costRow](t, e.w, path)
		want := e.rows(q, b.key, b.row)
		if d := diff(want, got.Data); d != "" {
			t.Errorf("%s (-truth +api):\n%s", path, d)
		}
		e.meta(t, path, q, got.Meta)
		if got.Meta.Total == nil || *got.Meta.Total != len(want) {
			t.Errorf("%s: total %v, want %d", path, got.Meta.Total, len(want))
		}
		addsUp(t, path, got.Data, total)
	}
	for _, granularity := range []string{"daily", "monthly"} {
		for _, group := range []string{"none", "tenant", "service", "subscription"} {
			e.trend(t, q, granularity, group)
		}
	}
	e.rises(t, q)
}

func (e *expected) summary(t *testing.T, q question) summary {
	t.Helper()
	path := q.path("/api/v1/costs/summary")
	got := read[summary](t, e.w, path)
	all := e.breakdown(q, func(cell) cell { return cell{} })[cell{}]
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
	for k, s := range e.breakdown(q, key) {
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

// addsUp fails unless rows of an answer add up to the summary's total.
func addsUp(t *testing.T, path string, rows []costRow, total summary) {
	t.Helper()
	got := map[string]*[3]int64{}
	add := func(currency string, f figure) {
		if got[currency] == nil {
			got[currency] = &[3]int64{}
		}
		for i, v := range []int64{f.Cost.Micros, f.Compared.Micros, f.Previous.Micros} {
			got[currency][i] += v
		}
	}
	for _, r := range rows {
		for _, f := range r.Figures {
			add(f.Cost.Currency, f)
		}
		add("CostUSD", r.USD)
	}
	want := map[string]*[3]int64{}
	figures := func(currency string, f figure) {
		want[currency] = &[3]int64{f.Cost.Micros, f.Compared.Micros, f.Previous.Micros}
	}
	for _, f := range total.Totals {
		figures(f.Cost.Currency, f)
	}
	if total.USD != nil {
		figures("CostUSD", *total.USD)
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("%s: the rows do not add up to the summary (-summary +rows):\n%s", path, d)
	}
}

type trend struct {
	Granularity string        `json:"granularity"`
	Steps       []trendStep   `json:"steps"`
	Series      []trendSeries `json:"series"`
}

type trendStep struct {
	Date    string  `json:"date"`
	Known   bool    `json:"known"`
	Settled bool    `json:"settled"`
	Totals  []money `json:"totals"`
	USD     *money  `json:"usd"`
}

type trendSeries struct {
	Name   string   `json:"name"`
	ID     string   `json:"id"`
	Others int      `json:"others"`
	USD    []string `json:"usd"`
}

func (e *expected) trend(t *testing.T, q question, granularity, group string) {
	t.Helper()
	path := q.path("/api/v1/costs/trends", "granularity="+granularity, "group="+group)
	got := read[trend](t, e.w, path)
	want := e.wantTrend(q, granularity == "monthly", group)
	if d := diff(want, got.Data); d != "" {
		t.Errorf("%s (-truth +api):\n%s", path, d)
	}
	e.plainMeta(t, path, q, got.Meta)
	if group == "none" {
		return
	}
	for i, s := range got.Data.Steps {
		var sum int64
		for _, one := range got.Data.Series {
			v, err := micros(one.USD[i])
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			sum += v
		}
		if s.USD != nil && s.USD.Micros != sum || s.USD == nil && sum != 0 {
			t.Errorf("%s: the series of %s add up to %d, the step is %v", path, s.Date, sum, s.USD)
		}
	}
}

// The groups of a trend, by their word.
var trendKeys = map[string]func(cell) cell{
	"tenant":       func(c cell) cell { return cell{tenant: c.tenant} },
	"service":      func(c cell) cell { return cell{service: c.service} },
	"subscription": func(c cell) cell { return cell{sub: c.sub} },
}

func (e *expected) wantTrend(q question, monthly bool, group string) trend {
	out := trend{Granularity: "daily"}
	stepOf := func(d fresnel.Day) fresnel.Day { return d }
	next := func(d fresnel.Day) fresnel.Day { return d + 1 }
	if monthly {
		out.Granularity, stepOf, next = "monthly", fresnel.Day.MonthStart, func(d fresnel.Day) fresnel.Day { return d.AddMonths(1) }
	}
	steps := map[fresnel.Day]sums{}
	series := map[cell]map[fresnel.Day]int64{}
	totals := map[cell]int64{}
	currencies := map[string]bool{}
	e.each(q, q.period, func(c cell) {
		d := stepOf(c.day)
		if steps[d] == nil {
			steps[d] = sums{}
		}
		steps[d].add(c, 0)
		currencies[c.currency] = true
		if key := trendKeys[group]; key != nil {
			k := key(c)
			if series[k] == nil {
				series[k] = map[fresnel.Day]int64{}
			}
			series[k][d] += c.usd
			totals[k] += c.usd
		}
	})
	settled := e.settled(q)
	_, lacking := e.asked(q)
	var days []fresnel.Day
	for d := stepOf(q.period.From); d < q.period.To; d = next(d) {
		days = append(days, d)
		s := trendStep{Date: d.String(), Known: len(steps[d]) > 0 || d < settled && len(lacking) == 0, Settled: next(d) <= settled}
		if s.Known {
			for _, c := range slices.Sorted(maps.Keys(currencies)) {
				m := money{Currency: c}
				if v := steps[d][c]; v != nil {
					m.Micros = v[0]
				}
				s.Totals = append(s.Totals, m)
			}
			s.USD = &money{steps[d].usd().Cost.Micros, "USD"}
		}
		out.Steps = append(out.Steps, s)
	}
	out.Series = e.wantSeries(series, totals, days)
	return out
}

// wantSeries are the six largest groups, or seven if there are no more, and
// the others as one.
func (e *expected) wantSeries(series map[cell]map[fresnel.Day]int64, totals map[cell]int64, steps []fresnel.Day) []trendSeries {
	keys := slices.Collect(maps.Keys(series))
	slices.SortFunc(keys, func(a, b cell) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(e.label(a), e.label(b)))
	})
	own := len(keys)
	if own > 7 {
		own = 6
	}
	var out []trendSeries
	write := func(name, id string, others int, folded []cell) {
		s := trendSeries{Name: name, ID: id, Others: others}
		for _, d := range steps {
			var v int64
			for _, k := range folded {
				v += series[k][d]
			}
			s.USD = append(s.USD, fresnel.Money{Micros: v}.Decimal())
		}
		out = append(out, s)
	}
	for _, k := range keys[:own] {
		write(e.label(k), k.tenant+k.sub, 0, []cell{k})
	}
	if rest := keys[own:]; len(rest) > 0 {
		write("Other", "", len(rest), rest)
	}
	return out
}

func (e *expected) label(k cell) string { return cmp.Or(k.service, e.names[k.sub], e.names[k.tenant]) }

type rise struct {
	TenantID    string   `json:"tenant_id"`
	TenantName  string   `json:"tenant_name"`
	Service     string   `json:"service"`
	Date        string   `json:"date"`
	Cost        money    `json:"cost"`
	Expected    money    `json:"expected"`
	Percent     *float64 `json:"rise_percent"`
	USD         money    `json:"usd"`
	USDExpected money    `json:"usd_expected"`
}

func (e *expected) rises(t *testing.T, q question) {
	t.Helper()
	path := q.path("/api/v1/costs/daily-rises", "limit=1000")
	if q.period.Days() > 100 {
		if a := e.w.get(path); a.status != 400 {
			t.Errorf("%s: %d for %d days", path, a.status, q.period.Days())
		}
		return
	}
	got := read[[]rise](t, e.w, path)
	want := e.wantRises(q)
	if d := diff(want, got.Data); d != "" {
		t.Errorf("%s (-truth +api):\n%s", path, d)
	}
	e.plainMeta(t, path, q, got.Meta)
}

// unasked checks the one default that differs between endpoints: daily rises are
// looked for in amortized cost, where a purchase is no spike.
func (e *expected) unasked(t *testing.T) {
	t.Helper()
	got := read[[]rise](t, e.w, "/api/v1/costs/daily-rises?period=30d&limit=1000")
	want := e.wantRises(question{metric: "amortized", period: period(e.today-29, e.today)})
	if d := diff(want, got.Data); d != "" || got.Meta.Metric != "amortized" {
		t.Errorf("rises of no metric, %s (-truth +api):\n%s", got.Meta.Metric, d)
	}
	if m := read[summary](t, e.w, "/api/v1/costs/summary").Meta; m.Metric != "actual" {
		t.Errorf("the summary of no metric is %s", m.Metric)
	}
}

// wantRises are the settled days on which a service of a tenant cost over
// 20 % and at least 25 USD more than on the day before and on the same weekday
// the week before, where those are held.
func (e *expected) wantRises(q question) []rise {
	at := map[cell]*[2]int64{} // by tenant, service, currency and day
	e.each(q, fresnel.Period{From: q.period.From - 7, To: q.period.To}, func(c cell) {
		k := cell{tenant: c.tenant, service: c.service, currency: c.currency, day: c.day}
		if at[k] == nil {
			at[k] = &[2]int64{}
		}
		at[k][0] += c.micros
		at[k][1] += c.usd
	})
	var out []rise
	end := e.settled(q)
	for k, v := range at {
		if k.day < q.period.From || k.day >= end || e.lacks[k.tenant] || k.day-7 < e.first {
			continue
		}
		var usual [2]int64
		for _, back := range []fresnel.Day{1, 7} {
			before := k
			before.day -= back
			if b := at[before]; b != nil {
				usual = [2]int64{max(usual[0], b[0]), max(usual[1], b[1])}
			}
		}
		if v[1]-usual[1] < 25_000_000 || 10*v[0] <= 12*usual[0] {
			continue
		}
		a := rise{
			TenantID: k.tenant, TenantName: e.names[k.tenant], Service: k.service, Date: k.day.String(),
			Cost: money{v[0], k.currency}, Expected: money{usual[0], k.currency}, USD: money{v[1], "USD"}, USDExpected: money{usual[1], "USD"},
		}
		if usual[0] > 0 {
			over := float64(v[0]-usual[0]) / float64(usual[0]) * 100
			a.Percent = &over
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b rise) int {
		return cmp.Or(cmp.Compare(b.USD.Micros-b.USDExpected.Micros, a.USD.Micros-a.USDExpected.Micros),
			cmp.Compare(b.Date, a.Date), cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.Service, b.Service))
	})
	return out
}

var (
	headline = regexp.MustCompile(`(?s)class="figure[^"]*">\s*<a [^>]*>([^<]+)</a>`)
	footing  = regexp.MustCompile(`(?s)<tfoot>.*?<td class="num strong">\s*([^<]*?)\s*<`)
)

// pages compares what people see with what the API says.
func (e *expected) pages(t *testing.T) {
	t.Helper()
	one := e.estate[1]
	for _, words := range []string{
		"", "metric=amortized", "period=last-month", "period=30d&metric=amortized", "period=90d", "tenant=" + one.ID,
		"tenant=" + one.ID + "&metric=amortized&period=30d", "from=" + (e.today - 12).String() + "&to=" + (e.today - 4).String(),
	} {
		api := read[summary](t, e.w, "/api/v1/costs/summary?"+words).Data
		want := api.USD
		if len(api.Totals) == 1 {
			want = &api.Totals[0]
		}
		if want == nil { // unknown is a dash, not a zero
			for _, path := range []string{"/?", "/partials/cost-summary-card?", "/costs?"} {
				a := e.w.get(path + words)
				if a.status != 200 || !strings.Contains(a.body, `<p class="figure">—</p>`) || headline.MatchString(a.body) || footing.MatchString(a.body) {
					t.Errorf("%s: %d, shows a figure where nothing is known", a.path, a.status)
				}
			}
			continue
		}
		for _, path := range []string{"/?", "/partials/cost-summary-card?"} {
			e.shows(t, path+words, headline, want.Cost, 1_000_000)
		}
		for _, group := range []string{"", "&group=service", "&group=subscription"} {
			for _, path := range []string{"/costs?", "/partials/cost-breakdown?"} {
				e.shows(t, path+words+group, footing, want.Cost, 10_000)
			}
		}
	}
}

// shows fails unless a page prints an amount where a pattern finds it, rounded
// to a unit.
func (e *expected) shows(t *testing.T, path string, where *regexp.Regexp, want money, unit int64) {
	t.Helper()
	a := e.w.get(path)
	if strings.Contains(a.body, "<script>alert") {
		t.Errorf("%s runs what Azure calls a tenant", path)
	}
	m := where.FindStringSubmatch(a.body)
	if a.status != 200 || m == nil {
		t.Errorf("%s: %d, no figure found", path, a.status)
		return
	}
	symbol, ok := map[string]string{"USD": "$", "EUR": "€", "GBP": "£"}[want.Currency]
	if !ok {
		symbol = want.Currency + "\u00a0"
	}
	text, ok := strings.CutPrefix(html.UnescapeString(m[1]), symbol)
	rounded := (want.Micros + unit/2) / unit
	digits := strings.NewReplacer(",", "", ".", "").Replace(text)
	if !ok || want.Micros <= 0 || digits != fmt.Sprint(rounded) || strings.Contains(text, ".") != (unit < 1_000_000) {
		t.Errorf("%s shows %q, the API says %d %s", path, m[1], want.Micros, want.Currency)
	}
}

// TestPaging reads lists row by row: whatever the order and the size of a
// page, each row comes once, and in the order of the whole list.
func TestPaging(t *testing.T) {
	t.Parallel()
	long(t)
	sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3, Months: 2})
	engines(t, func(t *testing.T, database string) {
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		w.sync(t) // so that there are more runs to list
		lists := []string{
			"/api/v1/tenants", "/api/v1/tenants/" + sim.Estate()[0].ID + "/subscriptions", "/api/v1/sync/status",
			"/api/v1/costs/daily-rises?period=30d",
		}
		sorts := []string{"-cost", "cost", "name", "-name", "change", "-change"}
		for i, by := range breakdowns {
			for j, sort := range sorts {
				if i == 3 || i == j%3 {
					lists = append(lists, "/api/v1/costs/"+by.path+"?period=30d&sort="+sort)
				}
			}
		}
		for _, path := range lists {
			whole := read[[]map[string]any](t, w, with(path, "limit", "1000")).Data
			if len(whole) < 3 {
				t.Errorf("%s has %d rows: the test shows nothing", path, len(whole))
			}
			for _, size := range []int{1 + len(whole)/8, len(whole) - 1, len(whole)} {
				var paged []map[string]any
				next := with(path, "limit", fmt.Sprint(size))
				for pages := 0; ; pages++ {
					a := read[[]map[string]any](t, w, next)
					paged = append(paged, a.Data...)
					if len(a.Data) > size || pages > len(whole) {
						t.Fatalf("%s: a page of %d rows, %d pages", path, len(a.Data), pages)
					}
					if a.Meta.NextCursor == "" {
						break
					}
					next = with(with(path, "limit", fmt.Sprint(size)), "cursor", a.Meta.NextCursor)
				}
				if d := gocmp.Diff(whole, paged); d != "" {
					t.Errorf("%s in pages of %d (-whole +paged):\n%s", path, size, d)
				}
			}
		}
	})
}

// with adds a parameter to an address.
func with(path, name, value string) string {
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	return path + join + name + "=" + url.QueryEscape(value)
}

// The relations of the architecture brief, with its columns.
var brief = map[string]string{
	"tenants":              "id name tenant_id client_id client_secret_ref is_active created_at updated_at",
	"subscriptions":        "id tenant_id subscription_id display_name state synced_at",
	"cost_snapshots":       "id tenant_id subscription_id date total_cost currency resource_group service_name synced_at",
	"compliance_snapshots": "id tenant_id subscription_id policy_name compliance_state non_compliant_count synced_at",
	"resources":            "id tenant_id subscription_id resource_group resource_type name location tags synced_at",
	"identity_snapshots":   "id tenant_id snapshot_date total_users guest_users mfa_enabled privileged_users stale_accounts synced_at",
	"sync_jobs":            "id job_type tenant_id status started_at completed_at error_message",
}

// relations checks the brief's relations and what those that we fill say.
func (w *world) relations(t *testing.T, want truth) {
	t.Helper()
	for name, columns := range brief {
		if got := strings.Join(w.columns(t, name), " "); got != columns {
			t.Errorf("%s has the columns %s, the brief says %s", name, got, columns)
		}
	}
	rows, err := w.tables.Query("SELECT tenant_id, subscription_id, resource_group, service_name, currency, CAST(date AS TEXT), total_cost FROM cost_snapshots")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []cell
	for rows.Next() {
		var c cell
		var date string
		var cost float64
		if err := rows.Scan(&c.tenant, &c.sub, &c.group, &c.service, &c.currency, &date, &cost); err != nil {
			t.Fatal(err)
		}
		if c.day, err = fresnel.ParseDay(date); err != nil {
			t.Fatal(err)
		}
		c.micros = int64(math.Round(cost * 1e6))
		got = append(got, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, compareCells)
	plain := make([]cell, len(want["actual"]))
	for i, c := range want["actual"] {
		c.usd = 0
		plain[i] = c
	}
	if d := firstDifference(got, plain); d != "" {
		t.Errorf("cost_snapshots: %s", d)
	}
	estate, lacking := len(w.Estate()), len(newExpected(w, nil).lacks)
	stamp := w.Clock().Now().Format("2006-01-02T15:04:05")
	for table, n := range map[string]int{
		"tenants WHERE id = tenant_id":                                                                             estate,
		"subscriptions WHERE id = subscription_id":                                                                 w.count("subscription"),
		"sync_jobs WHERE job_type = 'costs' AND status = 'completed' AND error_message IS NULL":                    estate - lacking,
		"sync_jobs WHERE job_type = 'costs' AND status = 'partial' AND error_message LIKE '%AccountCostDisabled%'": lacking,
		"cost_snapshots WHERE REPLACE(CAST(synced_at AS TEXT), ' ', 'T') NOT LIKE '" + stamp + "%'":                0,
	} {
		if got := w.count(table); got != n {
			t.Errorf("%d rows in %s, want %d", got, table, n)
		}
	}
}

// count counts rows; -1 is an error.
func (w *world) count(from string) int {
	n := -1
	_ = w.tables.QueryRow("SELECT COUNT(*) FROM " + from).Scan(&n) // -1 tells
	return n
}
