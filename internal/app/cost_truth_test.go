package app_test

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
)

// TestCuts compares what is held and told of all three cuts with the truth of
// each: by charge type, by resource and month, and by resource group with
// filters; what moved between two periods; and what forecasts rest on.
func TestCuts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		at     time.Time
		months int
		estate azuresim.Options
	}{
		{"start of a month", early, 3, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3, MarkupNames: true}},
		{"a year", late, 13, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2}},
		{"a tenant in part", late, 3, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3, CostDisabled: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !c.at.Equal(early) {
				long(t)
			}
			sim := simulate(t, c.at, c.estate)
			payg := false // these answer to PreTaxCost only
			for _, te := range sim.Estate() {
				for _, s := range te.Subscriptions {
					payg = payg || s.Costs && strings.HasPrefix(s.Offer, "PayAsYouGo")
				}
			}
			if !payg {
				t.Error("no pay-as-you-go subscription: the test does not show what it should")
			}
			engines(t, func(t *testing.T, database string) {
				w := begin(t, sim, database, months(c.months))
				w.sync(t)
				t.Logf("%d cells of three cuts equal the truth", w.allTrue(t))
				all := map[string]*expected{}
				for _, cut := range cuts {
					all[cut] = newExpected(w, w.nowBy(t, cut))
				}
				if !testing.Short() {
					all["groups"].filtered(t)
					all["charges"].charges(t)
				}
				all["resources"].resources(t)
				all["groups"].forecasts(t)
				w.apart(t, all)
			})
		})
	}
}

// filtered asks for services and resource groups, and what moved in them.
func (e *expected) filtered(t *testing.T) {
	t.Helper()
	some := e.byDay["actual"][e.today.AddMonths(-1)+3]
	a, b := some[0], some[len(some)/2]
	month := fresnel.Period{From: e.today.AddMonths(-1), To: e.today.MonthStart()}
	before := fresnel.Period{From: e.today - 70, To: e.today - 47}
	filter := func(name, v string) string { return "&" + name + "=" + url.QueryEscape(v) }
	list := []question{
		{words: "period=last-month" + filter("service", a.service), period: month, services: []string{a.service}},
		{words: "period=30d" + filter("service", a.service) + filter("service", b.service) + filter("sub", b.sub), period: period(e.today-29, e.today), services: []string{a.service, b.service}, sub: b.sub},
		{words: "period=last-month" + filter("resource_group", strings.ToUpper(a.group)), period: month, keys: []string{a.group}},
		{words: "period=last-month" + filter("resource_group", a.group) + filter("resource_group", b.group) + filter("service", a.service) + filter("tenant", a.tenant), period: month, keys: []string{a.group, b.group}, services: []string{a.service}, tenants: []string{a.tenant}},
		{words: "period=last-month" + filter("resource_group", ""), period: month, keys: []string{""}}, // what is in no group
		{words: "period=7d" + filter("service", "no such service"), period: period(e.today-6, e.today), services: []string{"no such service"}},
		{words: "period=last-month&vs=prev-year", period: month, vs: "prev-year"},
		{words: "period=last-month&vs_from=" + before.From.String() + "&vs_to=" + (before.To - 1).String(), period: month, against: before},
		{words: "period=mtd", period: period(e.today.MonthStart(), e.today)},
		{words: "period=mtd&vs=none", period: period(e.today.MonthStart(), e.today), vs: "none"},
	}
	moved := 0
	for i, q := range list {
		for j, m := range metrics {
			if q.metric = m; i >= 3 && i%2 != j && i != 6 && i != 7 {
				continue // by turns: it is a matter of time
			}
			if i < 8 && (i%3 == 0 || e.config() < 13) {
				e.check(t, q)
			}
			for _, group := range []string{"tenant", "subscription", "service", "resource-group"} {
				moved += e.movement(t, q, group)
			}
		}
	}
	if moved < 50 {
		t.Errorf("%d moves compared: the test shows nothing", moved)
	}
}

func (e *expected) config() int { return e.w.config.Months }

// charges asks for charge types, of everything and of parts.
func (e *expected) charges(t *testing.T) {
	t.Helper()
	some := e.byDay["amortized"][e.today.AddMonths(-1)+3][0]
	month := fresnel.Period{From: e.today.AddMonths(-1), To: e.today.MonthStart()}
	seen := map[string]bool{}
	for i, q := range []question{
		{period: period(e.today.MonthStart(), e.today)},
		{words: "period=last-month", period: month},
		{words: "period=90d&sub=" + some.sub, period: period(e.today-89, e.today), sub: some.sub},
		{words: "period=last-month&service=" + url.QueryEscape(some.service), period: month, services: []string{some.service}},
		{words: "period=last-month&charge_type=Usage", period: month, keys: []string{"Usage"}},
		{words: "period=90d&charge_type=Purchase&charge_type=Refund", period: period(e.today-89, e.today), keys: []string{"Purchase", "Refund"}},
	} {
		for _, q.metric = range metrics {
			total := summary{}
			if len(q.keys) > 0 { // the whole is of this cut, too
				total = e.summary(t, q)
				for _, b := range breakdowns[:3] {
					e.list(t, q, b, total)
				}
				e.trend(t, q, "daily", "service")
				e.rises(t, q)
			}
			path := q.path("/api/v1/costs/"+byCharge.path, "limit=1000")
			got, meta := pages[costRow](t, e.w, path)
			if d := diff(e.rows(q, byCharge.key, byCharge.row), got); d != "" {
				t.Errorf("%s (-truth +api):\n%s", path, d)
			}
			e.meta(t, path, q, meta)
			for _, r := range got {
				seen[*r.ChargeType] = true
			}
			e.movement(t, q, "charge-type")
			e.trend(t, q, []string{"daily", "monthly"}[i%2], "charge-type")
		}
	}
	for _, k := range []string{"Usage", "Purchase", "Refund", "UnusedReservation"} {
		if !seen[k] {
			t.Logf("this estate has no cost of charge type %s in the periods asked for", k)
		}
	}
	if len(seen) < 3 {
		t.Errorf("charge types %v: the test shows nothing", seen)
	}
}

// resources asks for the cost of each resource, which is kept by month.
func (e *expected) resources(t *testing.T) {
	t.Helper()
	this, last := e.today.MonthStart(), e.today.AddMonths(-1)
	some := e.byDay["actual"][last][0]
	current, month := fresnel.Period{From: this, To: this.AddMonths(1)}, fresnel.Period{From: last, To: this}
	for _, q := range []question{
		{words: "period=mtd", period: current},
		{words: "period=last-month", period: month},
		{words: "period=7d&vs=none&tenant=" + some.tenant, period: fresnel.Period{From: (e.today - 6).MonthStart(), To: this.AddMonths(1)}, vs: "none", tenants: []string{some.tenant}},
		{words: "period=last-month&sub=" + some.sub + "&service=" + url.QueryEscape(some.service), period: month, sub: some.sub, services: []string{some.service}},
		{words: "from=" + e.today.AddMonths(-2).String() + "&to=" + (this - 1).String(), period: fresnel.Period{From: e.today.AddMonths(-2), To: this}},
	} {
		for _, q.metric = range metrics {
			path := q.path("/api/v1/costs/"+byResource.path, "limit=700")
			got, meta := pages[costRow](t, e.w, path)
			asked := q
			if now, before, ok := e.compared(q); ok && (!wholeMonths(now) || !wholeMonths(before)) {
				q.vs = "none" // what is kept by month cannot be compared day by day
			}
			want := e.rows(q, byResource.key, byResource.row)
			if d := diff(want, got); d != "" {
				t.Errorf("%s (-truth +api):\n%.4000s", path, d)
			}
			if len(want) == 0 || meta.Total == nil || *meta.Total != len(want) {
				t.Errorf("%s: total %v, want %d, and some", path, meta.Total, len(want))
			}
			e.meta(t, path, q, meta)
			q = asked
		}
	}
	refused(t, e.w.get("/api/v1/costs/by-resource?charge_type=Usage"), 400)
	refused(t, e.w.get("/api/v1/costs/by-resource?resource_group=x"), 400)
}

func wholeMonths(p fresnel.Period) bool {
	return p.From.MonthStart() == p.From && p.To.MonthStart() == p.To
}

type movement struct {
	Total move   `json:"total"`
	Moves []move `json:"moves"`
	Rest  *move  `json:"rest"`
}

type move struct {
	TenantID       string `json:"tenant_id"`
	SubscriptionID string `json:"subscription_id"`
	Name           string `json:"name"`
	Before         money  `json:"before"`
	After          money  `json:"after"`
	Change         money  `json:"change"`
	Word           string `json:"direction"`
	Others         int    `json:"others"`
}

// The groups of a movement, by their word, and the order of equal ones.
var moveKeys = map[string]func(cell) cell{
	"tenant":         func(c cell) cell { return cell{tenant: c.tenant} },
	"subscription":   func(c cell) cell { return cell{tenant: c.tenant, sub: c.sub} },
	"service":        func(c cell) cell { return cell{service: c.service} },
	"resource-group": func(c cell) cell { return cell{tenant: c.tenant, sub: c.sub, group: c.group} },
	"charge-type":    func(c cell) cell { return cell{group: c.group} },
}

// movement compares what moved: each part, and that the parts are the whole.
func (e *expected) movement(t *testing.T, q question, group string) (compared int) {
	t.Helper()
	want, total := e.wantMoves(q, group)
	for _, limit := range []int{1000, 3} {
		path := q.path("/api/v1/costs/movement", "group="+group, "limit="+map[int]string{3: "3", 1000: "1000"}[limit])
		got := read[movement](t, e.w, path)
		if d := diff(want[:min(limit, len(want))], got.Data.Moves); d != "" {
			t.Errorf("%s (-truth +api):\n%.4000s", path, d)
		}
		e.meta(t, path, q, got.Meta)
		total.Name = "Total"
		if len(want) > 0 {
			if d := diff(total, got.Data.Total); d != "" {
				t.Errorf("%s: total (-truth +api):\n%s", path, d)
			}
		}
		var sum [3]int64
		parts := got.Data.Moves
		if got.Data.Rest != nil {
			parts = append(slices.Clone(parts), *got.Data.Rest)
			if got.Data.Rest.Others != len(want)-limit {
				t.Errorf("%s: %d others, want %d", path, got.Data.Rest.Others, len(want)-limit)
			}
		}
		for _, m := range parts {
			for i, v := range []money{m.Before, m.After, m.Change} {
				sum[i] += v.Micros
			}
		}
		if whole := got.Data.Total; sum != [3]int64{whole.Before.Micros, whole.After.Micros, whole.Change.Micros} {
			t.Errorf("%s: the parts add up to %v, the whole is %+v", path, sum, whole)
		}
	}
	return len(want)
}

func (e *expected) wantMoves(q question, group string) (list []move, total move) {
	if _, _, ok := e.compared(q); !ok {
		return nil, move{}
	}
	rows := e.sums(q, moveKeys[group])
	currencies := map[string]bool{}
	for _, s := range rows {
		for c := range s {
			if c != "" {
				currencies[c] = true
			}
		}
	}
	column, unit := "", "USD" // CostUSD, where several currencies are billed
	if len(currencies) == 1 {
		column = slices.Collect(maps.Keys(currencies))[0]
		unit = column
	}
	make := func(before, after int64) move {
		word := "same"
		switch {
		case before == 0 && after != 0:
			word = "new"
		case before != 0 && after == 0:
			word = "gone"
		case after > before:
			word = "more"
		case after < before:
			word = "less"
		}
		return move{Before: money{before, unit}, After: money{after, unit}, Change: money{after - before, unit}, Word: word}
	}
	type keyed struct {
		key string
		move
	}
	var moves []keyed
	var sum [2]int64
	for k, s := range rows {
		v := s[column]
		if v == nil || v[1] == 0 && v[2] == 0 {
			continue
		}
		m := make(v[2], v[1])
		m.TenantID, m.SubscriptionID, m.Name = k.tenant, k.sub, cmp.Or(k.service, k.group, e.names[k.sub], e.names[k.tenant])
		sum[0] += v[2]
		sum[1] += v[1]
		moves = append(moves, keyed{k.tenant + "|" + k.sub + "|" + k.service + "|" + k.group, m})
	}
	slices.SortFunc(moves, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(size(b.Change.Micros), size(a.Change.Micros)), cmp.Compare(a.key, b.key))
	})
	for _, m := range moves {
		list = append(list, m.move)
	}
	return list, make(sum[0], sum[1])
}

func size(v int64) int64 { return max(v, -v) }

type outlook struct {
	Forecast *forecast    `json:"forecast"`
	Rows     []outlookRow `json:"rows"`
}

type outlookRow struct {
	TenantID string    `json:"tenant_id"`
	Service  string    `json:"service"`
	Forecast *forecast `json:"forecast"`
}

type forecast struct {
	Month    string `json:"month"`
	Spent    money  `json:"spent"`
	Expected money  `json:"expected"`
	Low      money  `json:"low"`
	High     money  `json:"high"`
	Days     int    `json:"days"`
}

// forecasts compares what forecasts rest on: what is spent on the settled days
// of the month, and how many days are left.
func (e *expected) forecasts(t *testing.T) {
	t.Helper()
	some := e.byDay["actual"][e.today.AddMonths(-1)+3][0]
	month := fresnel.Period{From: e.today.MonthStart(), To: e.today.AddMonths(1)}
	settled := fresnel.DayOf(e.now.Add(-72 * time.Hour))
	for i, q := range []question{
		{},
		{words: "tenant=" + some.tenant, tenants: []string{some.tenant}},
		{words: "service=" + url.QueryEscape(some.service), services: []string{some.service}},
		{words: "sub=" + some.sub, sub: some.sub},
	} {
		for _, q.metric = range metrics {
			group := []string{"none", "service", "tenant", "none"}[i]
			path := q.path("/api/v1/costs/forecast", "group="+group)
			got := read[outlook](t, e.w, path).Data
			spent, currencies, spentAny := map[cell]sums{}, map[string]bool{}, false
			add := func(k, c cell) {
				if spent[k] == nil {
					spent[k] = sums{}
				}
				spent[k].add(c, 0)
			}
			e.each(q, fresnel.Period{From: e.today - 240, To: e.today + 1}, func(c cell) {
				currencies[c.currency] = true
				spentAny = spentAny || c.day >= month.From
				if c.day < month.From || c.day >= settled {
					return
				}
				add(cell{}, c)
				if key := trendKeys[group]; key != nil {
					add(key(c), c)
				}
			})
			column, unit := "", "USD"
			if len(currencies) == 1 {
				column = slices.Collect(maps.Keys(currencies))[0]
				unit = column
			}
			want := func(k cell) money {
				if v := spent[k][column]; v != nil {
					return money{v[0], unit}
				}
				return money{0, unit}
			}
			f := got.Forecast
			if f == nil {
				t.Errorf("%s: no forecast", path)
				continue
			}
			if f.Spent != want(cell{}) || f.Month != month.From.String() || f.Days != int(month.To-max(settled, month.From)) {
				t.Errorf("%s: %+v, want spent %+v", path, f, want(cell{}))
			}
			if f.Low.Micros > f.Expected.Micros || f.Expected.Micros > f.High.Micros || f.Low.Micros < f.Spent.Micros {
				t.Errorf("%s: the range is in no order: %+v", path, f)
			}
			if group != "none" && len(got.Rows) == 0 && spentAny {
				t.Errorf("%s: no rows", path)
			}
			for _, r := range got.Rows {
				k := cell{tenant: r.TenantID, service: r.Service}
				if r.Forecast != nil && r.Forecast.Spent != want(k) {
					t.Errorf("%s: %+v has spent %+v, want %+v", path, k, r.Forecast.Spent, want(k))
				}
			}
		}
	}
}

// apart fails unless the metrics differ on purpose in every tenant, and each
// answer is of the one that was asked for: TestTruth compares the figures; here
// it is made sure that a mix would be noticed.
func (w *world) apart(t *testing.T, all map[string]*expected) {
	t.Helper()
	differ := 0
	for _, cut := range cuts {
		e := all[cut]
		for _, te := range e.estate {
			var sum [2]int64
			for i, m := range metrics {
				q := question{metric: m, tenants: []string{te.ID}, period: fresnel.Period{From: e.first, To: e.today + 1}}
				e.each(q, q.period, func(c cell) { sum[i] += c.usd })
			}
			if sum[0] != sum[1] {
				differ++
			}
		}
	}
	if differ < len(cuts)*2 {
		t.Errorf("the metrics differ in %d of %d sums by tenant and cut: a mix would not be noticed", differ, len(cuts)*len(w.Estate()))
	}
}
