package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// testIsolation demands that no read of a scope tells anything of another
// tenant, and that the zero scope sees nothing.
func testIsolation(f *fixture) {
	f.register(3, 2)
	runs := map[int]int64{}
	for i := range 3 {
		for j := range 2 {
			f.replace(window(i, j, may, cost.Actual, noon), fourLines(), 4)
			w := window(i, j, may, cost.Actual, noon.AddDate(0, 1, 0))
			f.replace(w, fourLines()[:2], 2)
		}
		l := f.claim(f.enqueue("costs", i), "A", time.Minute)
		parts := []fresnel.Part{{Subscription: SubscriptionID(i, 0), Name: subscription(i, 0).Name, State: fresnel.PartFailed, Reason: "x"}}
		f.ok(f.db.Runs().Complete(f.ctx, l, fresnel.Partial, fresnel.Result{Parts: parts}, "some", "", noon))
		runs[i] = l.Run
		f.enqueue("resources", i)
	}
	for _, c := range []struct {
		name  string
		scope fresnel.Scope
		sees  []int
	}{
		{"all", fresnel.AllTenants(), []int{0, 1, 2}},
		{"one", fresnel.ScopeOf(TenantID(1)), []int{1}},
		{"two", fresnel.ScopeOf(TenantID(2), TenantID(0)), []int{0, 2}},
		{"unknown", fresnel.ScopeOf(TenantID(9)), nil},
		{"zero", fresnel.Scope{}, nil},
		{"empty list", fresnel.ScopeOf(), nil},
		{"nothing left", fresnel.ScopeOf(TenantID(1)).Narrow(TenantID(2)), nil},
	} {
		f.sub(c.name, func(f *fixture) { f.seesOnly(c.scope, c.sees, runs) })
	}
}

// seesOnly asks every reading method.
func (f *fixture) seesOnly(s fresnel.Scope, tenants []int, runs map[int]int64) {
	in := map[fresnel.TenantID]bool{}
	for _, i := range tenants {
		in[TenantID(i)] = true
	}
	check := func(what string, ids []fresnel.TenantID, perTenant int) {
		f.Helper()
		for _, id := range ids {
			if !in[id] {
				f.Errorf("%s tells of tenant %s", what, id)
			}
		}
		if len(ids) != perTenant*len(in) {
			f.Errorf("%s gives %d rows, want %d of each of %d tenants", what, len(ids), perTenant, len(in))
		}
	}
	var ids []fresnel.TenantID
	for by := range cost.By(1 << 5) {
		if testing.Short() && by%5 != 0 {
			continue
		}
		for _, filter := range []cost.Query{{}, {Services: []string{"VM"}}, {Subscriptions: f.allSubs(3, 2)}} {
			filter.Period, filter.By = may, by|cost.ByTenant
			ids = nil
			for _, v := range f.sums(s, filter) {
				if !in[v.Tenant] {
					f.Errorf("Sums by %b tells of tenant %s", by, v.Tenant)
				}
				ids = append(ids, v.Tenant)
			}
			if len(in) == 0 != (len(ids) == 0) {
				f.Errorf("Sums by %b gives %d rows", by, len(ids))
			}
			filter.By = by &^ cost.ByTenant // without the tenant in the answer the total tells
			var total int64
			for _, v := range f.sums(s, filter) {
				total += v.Micros
			}
			want := int64(len(in)) * 2 * 30_000_003
			if len(filter.Services) > 0 {
				want = int64(len(in)) * 2 * 10_000_001
			}
			f.equal(fmt.Sprintf("the total by %b", by), total, want)
		}
	}
	ids = nil
	for _, v := range f.coverage(s, may, cost.Actual) {
		ids = append(ids, v.Tenant)
	}
	check("Coverage", ids, 1)
	ids = nil
	for _, v := range f.restated(s, cost.Query{Period: may}, 1000) {
		ids = append(ids, v.Tenant)
	}
	check("Restated", ids, 2)

	list, err := f.db.Tenants().List(f.ctx, s)
	f.ok(err)
	ids = nil
	for _, v := range list {
		ids = append(ids, v.ID)
	}
	check("Tenants.List", ids, 1)
	subs, total, err := f.db.Tenants().Subscriptions(f.ctx, s, "", "", 100)
	f.ok(err)
	ids = nil
	for _, v := range subs {
		ids = append(ids, v.Tenant)
	}
	check("Subscriptions", ids, 2)
	f.equal("total of Subscriptions", total, 2*len(in))
	byID, err := f.db.Tenants().SubscriptionsByID(f.ctx, s, f.allSubs(3, 2))
	f.ok(err)
	ids = nil
	for _, v := range byID {
		ids = append(ids, v.Tenant)
	}
	check("SubscriptionsByID", ids, 2)

	for i := range 3 {
		_, err := f.db.Tenants().Get(f.ctx, s, TenantID(i))
		_, err2 := f.db.Runs().Get(f.ctx, s, runs[i])
		if in[TenantID(i)] {
			f.ok(err)
			f.ok(err2)
			continue
		}
		f.kind(err, fresnel.NotFound)
		f.kind(err2, fresnel.NotFound)
		_, unknown := f.db.Tenants().Get(f.ctx, s, TenantID(77))
		f.equal("foreign and unknown are told alike", strings.ReplaceAll(err.Error(), string(TenantID(i)), ""), strings.ReplaceAll(unknown.Error(), string(TenantID(77)), ""))
	}
	f.seesRunsOnly(s, check)
}

func (f *fixture) seesRunsOnly(s fresnel.Scope, check func(string, []fresnel.TenantID, int)) {
	f.Helper()
	of := func(list []fresnel.Run, err error) []fresnel.TenantID {
		f.Helper()
		f.ok(err)
		var ids []fresnel.TenantID
		for _, v := range list {
			ids = append(ids, v.Tenant)
		}
		return ids
	}
	check("Runs.List", of(f.db.Runs().List(f.ctx, s, "", false, 0, 100)), 2)
	check("Runs.List of open ones", of(f.db.Runs().List(f.ctx, s, "", true, 0, 100)), 1)
	check("Runs.List of a job", of(f.db.Runs().List(f.ctx, s, "costs", false, 0, 100)), 1)
	check("Runs.Latest", of(f.db.Runs().Latest(f.ctx, s, "costs")), 1)
}

func (f *fixture) allSubs(tenants, subs int) []string {
	var out []string
	for i := range tenants {
		for j := range subs {
			out = append(out, SubscriptionID(i, j))
		}
	}
	return out
}

// testInactiveTenant demands that an inactive tenant is gone from every read,
// keeps its data, and is worked on no more.
func testInactiveTenant(f *fixture) {
	f.register(2, 1)
	for i := range 2 {
		f.replace(window(i, 0, may, cost.Actual, noon), fourLines(), 4)
	}
	f.enqueue("costs", 0)
	id := f.enqueue("costs", 1)
	put := func(active bool) {
		f.Helper()
		f.ok(f.db.Tenants().Put(f.ctx, []fresnel.Tenant{{ID: TenantID(1), Name: tenantName(1), Active: active}}, noon.Add(time.Hour)))
	}
	// Days and currencies that only it has.
	f.replace(window(1, 0, june, cost.Actual, noon), []cost.Line{line(june.From, "web", "VM", "USD", 5), line(june.From+1, "web", "VM", "USD", -5)}, 2)
	put(false)
	both := fresnel.Period{From: may.From, To: june.To}
	for by := range cost.By(1 << 6) {
		for _, v := range f.sums(fresnel.AllTenants(), cost.Query{Period: both, By: by}) { // as the cells have it
			f.equal("currency", v.Currency, "EUR")
		}
	}
	total := cost.Query{Period: may}
	perTenant := int64(100_000_010)
	f.equal("the total", f.sums(fresnel.AllTenants(), total)[0].Micros, perTenant)
	for by := range cost.By(1 << 6) {
		for _, v := range f.sums(fresnel.AllTenants(), cost.Query{Period: may, By: by | cost.ByTenant}) {
			f.equal("tenant", v.Tenant, TenantID(0))
		}
		f.equal("its own scope", len(f.sums(fresnel.ScopeOf(TenantID(1)), cost.Query{Period: may, By: by})), 0)
	}
	f.equal("coverage", len(f.coverage(fresnel.AllTenants(), may, cost.Actual)), 1)
	_, err := f.db.Tenants().Get(f.ctx, fresnel.AllTenants(), TenantID(1))
	f.kind(err, fresnel.NotFound)
	due, err := f.db.Runs().Due(f.ctx, "resources")
	f.ok(err)
	f.equal("due", len(due), 1)
	_, err = f.db.Runs().Enqueue(f.ctx, "resources", TenantID(1), noon)
	f.kind(err, fresnel.NotFound)
	ready, err := f.db.Runs().Ready(f.ctx, 10)
	f.ok(err)
	for _, c := range ready {
		if c.ID == id {
			f.Error("a run of an inactive tenant is ready")
		}
	}
	f.equal("ready", len(ready), 1)
	f.verify()

	put(true)
	f.equal("the total again", f.sums(fresnel.AllTenants(), total)[0].Micros, 2*perTenant)
	ready, err = f.db.Runs().Ready(f.ctx, 10)
	f.ok(err)
	f.equal("ready again", len(ready), 2)
}

// hostile are names that break what was glued together or trusts its input.
func hostile() []string {
	return []string{
		`'`, `''`, `"`, "`", `\`, `\'`, `%`, `_`, `%%`, `[a-z]`, `~`, `?`, `$1`, `:x`, `@p1`, `{}`, `--`, `/* */`, `;`,
		`'); DROP TABLE cost_cell; --`, `x' OR '1'='1`, `" OR ""="`, `<script>alert(1)</script>`, `null`, `NULL`, `0`, `[]`, `["a"]`, `\u0000`,
		"tab\tnew\nline\r", "nul\x00in the middle", "\x00", "\xff\xfe bad UTF-8", "half \xe2\x82", "é", "e\u0301", "İ", "ß", "🦆", "\u202eright to left", " ", " padded ", "",
		"\ufffd", "\ud7ff\ue000", strings.Repeat("long ", 2000), strings.Repeat("ä", 5000), strings.Repeat("'", 399) + "é",
	}
}

// testHostileNames sends hostile names as services and groups, and asks for
// each of them by the name that was sent.
func testHostileNames(f *fixture) {
	f.register(1, 1)
	var lines []cost.Line
	for i, name := range hostile() {
		lines = append(lines, line(may.From+fresnel.Day(i%28), name, name, "EUR", int64(i+1)))
	}
	w := window(0, 0, may, cost.Actual, noon)
	n, err := f.db.Costs().Replace(f.ctx, w, lines)
	f.ok(err)
	w.Asked = noon.Add(time.Hour)
	f.replace(w, lines, 0) // what is stored of a name is found again
	if n < len(lines)-5 {
		f.Errorf("only %d cells of %d names", n, len(lines))
	}
	var total int64
	for _, v := range f.sums(fresnel.AllTenants(), cost.Query{Period: may, By: cost.ByService | cost.ByGroup}) {
		total += v.Micros
		if strings.ContainsRune(v.Service+v.Group, 0) || len(v.Service) > 1000 || len(v.Group) > 1000 || strings.ToValidUTF8(v.Service+v.Group, "") != v.Service+v.Group {
			f.Errorf("stored names %.60q and %.60q", v.Service, v.Group)
		}
	}
	f.equal("the total", total, int64(len(lines)*(len(lines)+1)/2))
	for i, name := range hostile() {
		q := cost.Query{Period: fresnel.Period{From: lines[i].Day, To: lines[i].Day + 1}, Services: []string{name}, By: cost.ByService | cost.ByDay}
		found := f.sums(fresnel.AllTenants(), q)
		if len(found) != 1 || found[0].Micros < int64(i+1) {
			f.Errorf("service %.40q is not found by its name: %+v", name, found)
		}
	}
	f.verify()
}

// testHostileFilters sends hostile words into every other parameter.
func testHostileFilters(f *fixture) {
	f.register(1, 1)
	f.replace(window(0, 0, may, cost.Actual, noon), fourLines(), 4)
	id := f.enqueue("costs", 0)
	before := f.picture()
	for _, name := range hostile() {
		f.equal("by subscription", len(f.sums(fresnel.AllTenants(), cost.Query{Period: may, Subscriptions: []string{name}})), 0)
		f.equal("by scope", len(f.sums(fresnel.ScopeOf(fresnel.TenantID(name)), cost.Query{Period: may})), 0)
		f.equal("coverage by scope", len(f.coverage(fresnel.ScopeOf(fresnel.TenantID(name)), may, cost.Actual)), 0)
		f.equal("restated by subscription", len(f.restated(fresnel.AllTenants(), cost.Query{Period: may, Subscriptions: []string{name}}, 10)), 0)
		f.equal("months of a subscription", len(f.read(name)), 0)
		byID, err := f.db.Tenants().SubscriptionsByID(f.ctx, fresnel.AllTenants(), []string{name})
		f.ok(err)
		f.equal("subscriptions by id", len(byID), 0)
		_, err = f.db.Tenants().Get(f.ctx, fresnel.AllTenants(), fresnel.TenantID(name))
		f.kind(err, fresnel.NotFound)
		_, _, err = f.db.Tenants().Subscriptions(f.ctx, fresnel.AllTenants(), name, name, 10)
		f.ok(err)
		runs, err := f.db.Runs().List(f.ctx, fresnel.AllTenants(), "x"+name, false, 0, 10)
		f.ok(err)
		f.equal("runs of a job", len(runs), 0)
		_, err = f.db.Runs().Enqueue(f.ctx, "costs", fresnel.TenantID(name), noon)
		f.kind(err, fresnel.NotFound)
		f.ok(f.db.Tenants().SetCostState(f.ctx, name, fresnel.CostDenied, name, noon))
		w := window(0, 0, may, cost.Actual, noon)
		w.Subscription = name
		_, err = f.db.Costs().Replace(f.ctx, w, fourLines())
		f.kind(err, fresnel.NotFound)
		w = window(0, 0, may, cost.Actual, noon)
		w.Tenant = fresnel.TenantID(name)
		_, err = f.db.Costs().Replace(f.ctx, w, fourLines())
		f.kind(err, fresnel.NotFound)
	}
	f.equal("afterwards", f.picture(), before)
	f.equal("the queue", f.oldest(), id)
}
