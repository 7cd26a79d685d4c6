package main_test

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// cellKey names a cost cell, or a sum of cells where parts of it are empty.
type cellKey struct {
	tenant, subscription, day, group, service, currency string
	metric                                              int
}

type cellSum struct {
	micros, usd int64
	cells       int
}

func (a cellSum) plus(b cellSum) cellSum {
	return cellSum{a.micros + b.micros, a.usd + b.usd, a.cells + b.cells}
}

// The cuts: their tables, where the names of their own keys are, and by which key of the simulator's truth their cells are summed.
var cuts = []struct{ name, cells, key, names, months, day, by string }{
	{"groups", "cost_cell", "rgroup", "resource_group", "cost_month", "day", "resource_group"},
	{"charges", "cost_charge", "charge", "charge_type", "cost_charge_month", "day", "charge_type"},
	{"resources", "cost_resource", "resource", "arm_id", "cost_resource_month", "month", "resource"},
}

// equalsTruth holds every table of costs against the simulator's truth at its clock's present: of each cut the months that count as read
// and the cells; each rollup; and the log of restated days, in which a change that was counted twice would leave a gap. Charges and
// resources are read once in 20 hours: the clock has to be moved on by more before the last sync. It tells how many cells there are.
func equalsTruth(t *testing.T, db *sql.DB, sim *azuresim.Server, months int) int {
	t.Helper()
	const names = " JOIN currency cu ON cu.num = c.currency"
	const ofTenant = " JOIN tenant te ON te.num = c.tenant"
	const ofSub = " JOIN subscription s ON s.num = c.sub JOIN tenant te ON te.num = s.tenant"
	cells := 0
	var truth map[cellKey]cellSum
	for _, c := range slices.Backward(cuts) { // the last one is groups, of which the rollups are
		read := monthsRead(t, db, sim, c.months, months)
		truth = map[cellKey]cellSum{}
		for metric, name := range []string{"ActualCost", "AmortizedCost"} {
			list, err := sim.Truth(azuresim.TruthQuery{Metric: name, Cut: c.name, By: []string{"tenant", "subscription", c.day, "service", c.by}})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				if r.Month != "" {
					r.Day = r.Month + "-01"
				}
				k := cellKey{r.Tenant, r.Subscription, r.Day, r.ResourceGroup + r.ChargeType + r.Resource, r.Service, r.Currency, metric}
				if !read[monthRead{r.Subscription, metric, r.Day[:7]}] {
					continue
				}
				truth[k] = truth[k].plus(cellSum{r.Micros, r.USDMicros, 1})
			}
		}
		if len(truth) == 0 {
			t.Fatal("the simulator has no costs: nothing was tested")
		}
		same(t, c.cells, truth, sums(t, db, "SELECT te.id, s.id, c.day, g.name, sv.name, cu.name, c.metric, c.micros, c.usd_micros, 1 FROM "+c.cells+" c"+ofSub+names+
			" JOIN "+c.names+" g ON g.num = c."+c.key+" JOIN service sv ON sv.num = c.service"))
		cells += len(truth)
	}
	same(t, "cost_tenant_day_service", reduce(truth, func(k *cellKey) { k.subscription, k.group = "", "" }),
		sums(t, db, "SELECT te.id, '', c.day, '', sv.name, cu.name, c.metric, c.micros, c.usd_micros, c.cells FROM cost_tenant_day_service c"+ofTenant+names+" JOIN service sv ON sv.num = c.service"))
	same(t, "cost_tenant_day", reduce(truth, func(k *cellKey) { k.subscription, k.group, k.service = "", "", "" }),
		sums(t, db, "SELECT te.id, '', c.day, '', '', cu.name, c.metric, c.micros, c.usd_micros, c.cells FROM cost_tenant_day c"+ofTenant+names))
	same(t, "cost_day", reduce(truth, func(k *cellKey) { k.tenant, k.subscription, k.group, k.service = "", "", "", "" }),
		sums(t, db, "SELECT '', '', c.day, '', '', cu.name, c.metric, c.micros, c.usd_micros, c.cells FROM cost_day c"+names+" WHERE c.cells <> 0"))
	subDays := reduce(truth, func(k *cellKey) { k.group, k.service = "", "" })
	same(t, "cost_sub_day", subDays, sums(t, db, "SELECT te.id, s.id, c.day, '', '', cu.name, c.metric, c.micros, c.usd_micros, c.cells FROM cost_sub_day c"+ofSub+names))
	restatedChain(t, db, subDays)
	return cells
}

// monthRead is a month of a subscription that counts as read.
type monthRead struct {
	subscription string
	metric       int
	month        string // 2026-11
}

// monthsRead lists them; the last months of every subscription with costs have to be among them. Earlier ones may be: the clock moves.
func monthsRead(t *testing.T, db *sql.DB, sim *azuresim.Server, table string, months int) map[monthRead]bool {
	t.Helper()
	read := map[monthRead]bool{}
	for _, m := range rows(t, db, func(r *sql.Rows, v *monthRead) error {
		var d int64
		err := r.Scan(&v.subscription, &v.metric, &d)
		v.month = day(d)[:7]
		return err
	}, "SELECT s.id, m.metric, m.month FROM "+table+" m JOIN subscription s ON s.num = m.sub") {
		read[m] = true
	}
	now := sim.Clock().Now()
	for _, tenant := range sim.Estate() {
		for _, sub := range tenant.Subscriptions {
			for metric := range 2 {
				for back := range months {
					m := monthRead{sub.ID, metric, time.Date(now.Year(), now.Month()-time.Month(back), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")}
					if sub.Costs && !read[m] {
						t.Errorf("%s: %+v was not read", table, m)
					}
				}
			}
		}
	}
	return read
}

func day(n int64) string { return time.Unix(n*86400, 0).UTC().Format(time.DateOnly) }

func sums(t *testing.T, db *sql.DB, query string) map[cellKey]cellSum {
	t.Helper()
	type pair struct {
		cellKey
		cellSum
	}
	out := map[cellKey]cellSum{}
	for _, p := range rows(t, db, func(r *sql.Rows, p *pair) error {
		var d int64
		err := r.Scan(&p.tenant, &p.subscription, &d, &p.group, &p.service, &p.currency, &p.metric, &p.micros, &p.usd, &p.cells)
		p.day = day(d)
		return err
	}, query) {
		if _, twice := out[p.cellKey]; twice {
			t.Fatalf("%+v is there twice: %s", p.cellKey, query)
		}
		out[p.cellKey] = p.cellSum
	}
	return out
}

func reduce(cells map[cellKey]cellSum, blank func(*cellKey)) map[cellKey]cellSum {
	out := map[cellKey]cellSum{}
	for k, v := range cells {
		blank(&k)
		out[k] = out[k].plus(v)
	}
	return out
}

func same(t *testing.T, table string, want, got map[cellKey]cellSum) {
	t.Helper()
	wrong := 0
	tell := func(k cellKey) {
		if wrong++; wrong <= 3 {
			t.Errorf("%s: %+v is %+v, the truth is %+v", table, k, got[k], want[k])
		}
	}
	for k := range want {
		if got[k] != want[k] {
			tell(k)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			tell(k)
		}
	}
	if wrong > 0 {
		t.Errorf("%s: %d of %d sums are not the truth", table, wrong, len(want))
	}
}

// restatedChain checks that each restatement of a day begins where the one before it ended, and that the last ends at what is held.
func restatedChain(t *testing.T, db *sql.DB, held map[cellKey]cellSum) {
	t.Helper()
	type step struct {
		cellKey
		from, to int64
	}
	last := map[cellKey]int64{}
	for _, s := range rows(t, db, func(r *sql.Rows, s *step) error {
		var d int64
		err := r.Scan(&s.tenant, &s.subscription, &d, &s.currency, &s.metric, &s.from, &s.to)
		s.day = day(d)
		return err
	}, "SELECT te.id, s.id, c.day, cu.name, c.metric, c.old_micros, c.new_micros FROM cost_restated c JOIN tenant te ON te.num = c.tenant "+
		"JOIN subscription s ON s.num = c.sub JOIN currency cu ON cu.num = c.currency ORDER BY c.num") {
		if at, ok := last[s.cellKey]; ok && at != s.from {
			t.Errorf("cost_restated: %+v goes on from %d, the step before ended at %d", s.cellKey, s.from, at)
		}
		last[s.cellKey] = s.to
	}
	for k, to := range last {
		if held[k].micros != to {
			t.Errorf("cost_restated: %+v ends at %d, held is %d", k, to, held[k].micros)
		}
	}
	t.Logf("%d days were restated", len(last))
}
