package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"fresnel/internal/cost"
)

// roll adds the change to the rollups. The tenant's row is locked, so nobody
// else does.
func (r *replace) roll(ctx context.Context, c change) error {
	byDay := map[rollKey]rolled{} // service 0
	less := false
	tds := newInts(8, len(c.delta))
	for _, k := range slices.SortedFunc(maps.Keys(c.delta), compareRoll) {
		d := c.delta[k]
		if d == (rolled{}) {
			continue // moved between groups
		}
		less = less || d.cells < 0
		tds.add(r.tenant, int64(r.w.Metric), k.day, k.service, k.currency, d.micros, d.usd, d.cells)
		dk := rollKey{day: k.day, currency: k.currency}
		s := byDay[dk]
		byDay[dk] = rolled{amount{s.micros + d.micros, s.usd + d.usd}, s.cells + d.cells}
	}
	byService := []string{"tenant", "metric", "day", "service", "currency", "micros", "usd_micros", "cells"}
	if err := r.insert(ctx, "cost_tenant_day_service", byService, 5, tds); err != nil {
		return err
	}
	days := dayRows(r.w.Metric, byDay)
	if err := r.rollDays(ctx, "cost_tenant_day", "tenant", r.tenant, days); err != nil {
		return err
	}
	if err := r.rollDays(ctx, "cost_sub_day", "sub", r.sub, days); err != nil {
		return err
	}
	if less {
		if err := r.dropEmpty(ctx, c); err != nil {
			return err
		}
	}
	// Other tenants' writers wait for these rows, in the order of the days: they
	// come last, and none is ever removed.
	return r.insert(ctx, "cost_day", dayCols, 3, days)
}

var dayCols = []string{"metric", "day", "currency", "micros", "usd_micros", "cells"}

// rollDays adds days to the rollup of one tenant or one subscription.
func (r *replace) rollDays(ctx context.Context, table, owner string, num int64, days ints) error {
	owners := slices.Repeat([]int64{num}, len(days[0]))
	return r.insert(ctx, table, append([]string{owner}, dayCols...), 4, append(ints{owners}, days...))
}

// dropEmpty removes the sums that have no cell any more.
func (r *replace) dropEmpty(ctx context.Context, c change) error {
	for _, rg := range ranges(c.days) {
		for _, table := range []string{"cost_tenant_day_service", "cost_tenant_day"} {
			if err := r.exec(ctx, "DELETE FROM "+table+" WHERE tenant = ? AND metric = ? AND day >= ? AND day < ? AND cells = 0", r.tenant, int(r.w.Metric), rg[0], rg[1]); err != nil {
				return err
			}
		}
		if err := r.exec(ctx, "DELETE FROM cost_sub_day WHERE sub = ? AND metric = ? AND day >= ? AND day < ? AND cells = 0", r.sub, int(r.w.Metric), rg[0], rg[1]); err != nil {
			return err
		}
	}
	return nil
}

func compareRoll(a, b rollKey) int {
	return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.service, b.service), cmp.Compare(a.currency, b.currency))
}

func dayRows(m cost.Metric, byDay map[rollKey]rolled) ints {
	t := newInts(6, len(byDay))
	for _, k := range slices.SortedFunc(maps.Keys(byDay), compareRoll) {
		if s := byDay[k]; s != (rolled{}) {
			t.add(int64(m), k.day, k.currency, s.micros, s.usd, s.cells)
		}
	}
	return t
}

// restated logs the days whose last answer was settled and that change now.
func (r *replace) restated(ctx context.Context, c change, asked time.Time) error {
	settled := int64(cost.SettledTo(asked))
	byDay := map[rollKey]int64{}
	for k, d := range c.delta {
		if k.day < settled {
			byDay[rollKey{day: k.day, currency: k.currency}] += d.micros
		}
	}
	t := newInts(8, len(byDay))
	for _, k := range slices.SortedFunc(maps.Keys(byDay), compareRoll) {
		d := byDay[k]
		if d == 0 {
			continue
		}
		var old int64
		err := r.db.txQueryRow(ctx, r.tx, "SELECT COALESCE(SUM(micros), 0) FROM cost_sub_day WHERE sub = ? AND metric = ? AND day = ? AND currency = ?",
			r.sub, int(r.w.Metric), k.day, k.currency).Scan(&old)
		if err != nil {
			return err
		}
		t.add(r.tenant, r.sub, int64(r.w.Metric), k.day, k.currency, old, old+d, micros(r.w.Asked))
	}
	return r.insert(ctx, "cost_restated", []string{"tenant", "sub", "metric", "day", "currency", "old_micros", "new_micros", "seen_at"}, 0, t)
}
