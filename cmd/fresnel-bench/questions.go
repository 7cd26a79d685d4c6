package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
)

// question is one that pages and the API ask.
type question struct {
	name string
	goal time.Duration // CPU; 0 = none is set
	ask  func(context.Context, cost.Reports) (any, error)
}

func questions() []question {
	today := fresnel.DayOf(asked)
	month, year := fresnel.Period{From: today - 29, To: today + 1}, fresnel.Period{From: today - 364, To: today + 1}
	all, one := fresnel.AllTenants(), fresnel.ScopeOf(storetest.TenantID(3))
	summary := func(s fresnel.Scope, p fresnel.Period) func(context.Context, cost.Reports) (any, error) {
		return func(ctx context.Context, r cost.Reports) (any, error) {
			return r.Breakdown(ctx, s, cost.Ask{Period: p, Versus: cost.VersusPrevious})
		}
	}
	trend := func(s fresnel.Scope, p fresnel.Period, by cost.By) func(context.Context, cost.Reports) (any, error) {
		return func(ctx context.Context, r cost.Reports) (any, error) {
			return r.Trend(ctx, s, cost.Ask{Period: p, Versus: cost.VersusPrevious, By: by}, false)
		}
	}
	const tenantGoal = 2 * time.Millisecond // design/storage.md section 1
	return []question{
		{"summary 30 d, all tenants", 0, summary(all, month)},
		{"summary 365 d, all tenants", 0, summary(all, year)},
		{"summary 30 d, one tenant", tenantGoal, summary(one, month)},
		{"trend 30 d, all tenants", 0, trend(all, month, 0)},
		{"trend 365 d, all tenants", 0, trend(all, year, 0)},
		{"trend 365 d by tenant, all tenants", 0, trend(all, year, cost.ByTenant)},
		{"trend 365 d by service, all tenants", 0, trend(all, year, cost.ByService)},
		{"trend 365 d, one tenant", tenantGoal, trend(one, year, 0)},
	}
}

func reports(r cost.Reader) cost.Reports {
	return cost.Reports{Reader: r, Now: func() time.Time { return asked.Add(time.Hour) }, StaleAfter: 24 * time.Hour}
}

// questions measures answers that are in no cache, from the rollups and from
// the cells.
func (b *bench) questions() error {
	b.say("\nuncached answers of cost.Reports at %d cost rows, medians", b.estate.Rows())
	b.say("  SQLite, CPU %45s %12s %10s", "rollups", "cells", "cells/rollups")
	if err := b.askAll(b.db, cpuOf, true); err != nil {
		return err
	}
	if b.server == "" {
		b.say("  PostgreSQL: neither -postgres nor FRESNEL_TEST_POSTGRES names a server")
		return nil
	}
	return b.postgres()
}

// askAll prints what each question costs; the goals are of CPU time on SQLite.
func (b *bench) askAll(db *store.DB, of func(spent) time.Duration, goals bool) error {
	fast, slow := reports(db.CostReader()), reports(db.CellReader())
	for _, q := range questions() {
		a, err := q.ask(b.ctx, fast)
		if err != nil {
			return err
		}
		c, err := q.ask(b.ctx, slow)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(a, c) {
			return fmt.Errorf("%s: the rollups and the cells answer differently", q.name)
		}
		// Cheap questions are asked often, dear ones not: less than a second for each.
		first, err := measure(func() error { _, err := q.ask(b.ctx, fast); return err })
		if err != nil {
			return err
		}
		times := int(max(1, 40*time.Millisecond/max(1, first.wall)))
		var rollups, cells []time.Duration
		for start := time.Now(); len(cells) == 0 || time.Since(start) < 700*time.Millisecond && len(cells) < 5; {
			s, err := measure(func() error { _, err := q.ask(b.ctx, slow); return err })
			if err != nil {
				return err
			}
			cells = append(cells, of(s))
			for range 3 {
				s, err := measure(func() error {
					for range times {
						if _, err := q.ask(b.ctx, fast); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
				rollups = append(rollups, of(s.per(times)))
			}
		}
		got, direct := median(rollups), median(cells)
		goal := ""
		if goals && q.goal > 0 {
			goal = fmt.Sprintf("  (goal at most %s: met)", ms(q.goal))
			if got > q.goal {
				goal = strings.ReplaceAll(goal, "met", "MISSED")
			}
		}
		b.say("    %-40s %12s %12s %9.0fx%s", q.name, ms(got), ms(direct), float64(direct)/float64(got), goal)
	}
	return nil
}

// postgres asks the same of a database on a throwaway server.
func (b *bench) postgres() error {
	u, drop, err := b.emptyOnServer()
	if err != nil {
		return err
	}
	db, err := store.Open(b.ctx, u, slog.New(slog.DiscardHandler))
	if err != nil {
		return errors.Join(err, drop())
	}
	start := time.Now()
	rows, err := b.estate.Fill(b.ctx, db)
	if err == nil {
		b.say("  PostgreSQL, wall time (its processes are not ours to measure); %d rows filled in %.1f s, %.0f rows/s", rows, time.Since(start).Seconds(), float64(rows)/time.Since(start).Seconds())
		err = errors.Join(storetest.OnPostgres(b.ctx, u, "ANALYZE"), b.askAll(db, wallOf, false))
	}
	return errors.Join(err, db.Close(), drop())
}
