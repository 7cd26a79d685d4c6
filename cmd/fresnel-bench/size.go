package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
)

// The estates of the part size: 1 and 20 million cost rows of both metrics in
// 13 months. A tenant has the same in both, so that what a question of one
// tenant takes may not grow.
func sizeEstate(tenants int) storetest.Estate {
	today := fresnel.DayOf(asked)
	return storetest.Estate{
		Tenants: tenants, Subscriptions: 10, Groups: 8, Services: 40, CellsPerDay: 13,
		Days: fresnel.Period{From: today.AddMonths(-12), To: today}, Asked: asked,
	}
}

const (
	smallTenants, largeTenants = 10, 200
	sizeRounds                 = 9
	// Goals of CPU time at 20 million cost rows, uncached; of growth; of memory.
	scopedGoal, summaryGoal, trendGoal = 2 * time.Millisecond, 2 * time.Millisecond, 15 * time.Millisecond
	growthGoal                         = 1.5
	memoryGoal                         = 256 << 20
)

// sized is a question of the part size.
type sized struct {
	question
	scoped bool
}

func sizeQuestions() []sized {
	today := fresnel.DayOf(asked)
	month, year := fresnel.Period{From: today - 29, To: today + 1}, fresnel.Period{From: today - 364, To: today + 1}
	all, one := fresnel.AllTenants(), fresnel.ScopeOf(storetest.TenantID(3))
	sum := func(s fresnel.Scope, a cost.Ask) func(context.Context, cost.Reports) (any, error) {
		a.Versus = cost.VersusPrevious
		return func(ctx context.Context, r cost.Reports) (any, error) { return r.Breakdown(ctx, s, a) }
	}
	trend := func(s fresnel.Scope) func(context.Context, cost.Reports) (any, error) {
		return func(ctx context.Context, r cost.Reports) (any, error) {
			return r.Trend(ctx, s, cost.Ask{Period: year, Versus: cost.VersusPrevious}, false)
		}
	}
	return []sized{
		{question{"summary 30 d, all tenants", summaryGoal, sum(all, cost.Ask{Period: month})}, false},
		{question{"trend 365 d, all tenants", trendGoal, trend(all)}, false},
		{question{"summary 30 d, one tenant", scopedGoal, sum(one, cost.Ask{Period: month})}, true},
		{question{"trend 365 d, one tenant", scopedGoal, trend(one)}, true},
		{question{"by service 30 d, one tenant", scopedGoal, sum(one, cost.Ask{Period: month, By: cost.ByService})}, true},
		{question{"resource groups 30 d, one subscription", scopedGoal, sum(one, cost.Ask{Period: month, By: cost.ByGroup, Subscriptions: []string{storetest.SubscriptionID(3, 4)}})}, true},
	}
}

// size measures the same questions at 1 and at 20 million cost rows.
func (b *bench) size() error {
	small, large := smallTenants, largeTenants
	if b.small {
		small, large = 4, 10
	}
	b.say("\nuncached answers at size: medians of %d rounds, 1 and 20 million cost rows interleaved", sizeRounds)
	urls := [2]string{"sqlite:" + filepath.Join(b.dir, "size1.db"), "sqlite:" + filepath.Join(b.dir, "size20.db")}
	if err := b.sizeOf("SQLite, CPU", urls, small, large, cpuOf); err != nil {
		return err
	}
	for _, u := range urls {
		if err := os.Remove(strings.TrimPrefix(u, "sqlite:")); err != nil {
			return err
		}
	}
	if b.server == "" {
		b.say("  PostgreSQL: neither -postgres nor FRESNEL_TEST_POSTGRES names a server")
		return nil
	}
	for i := range urls {
		u, drop, err := b.emptyOnServer()
		if err != nil {
			return err
		}
		defer drop() //nolint:errcheck // a throwaway server
		urls[i] = u
	}
	return b.sizeOf("PostgreSQL, wall time", urls, small, large, wallOf)
}

// emptyOnServer makes a database on the throwaway server.
func (b *bench) emptyOnServer() (string, func() error, error) {
	u, err := url.Parse(b.server)
	if err != nil {
		return "", nil, err
	}
	name := "bench_" + strings.ToLower(rand.Text())
	if err := storetest.OnPostgres(b.ctx, b.server, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() error {
		return storetest.OnPostgres(context.WithoutCancel(b.ctx), b.server, "DROP DATABASE "+name+" WITH (FORCE)")
	}, nil
}

func (b *bench) sizeOf(engine string, urls [2]string, small, large int, of func(spent) time.Duration) (err error) {
	var dbs [2]*store.DB
	defer func() {
		for _, db := range dbs {
			if db != nil {
				err = errors.Join(err, db.Close())
			}
		}
	}()
	for i, tenants := range []int{small, large} {
		if dbs[i], err = b.loadBulk(urls[i], tenants); err != nil {
			return err
		}
	}
	if err := dbs[0].Costs().Verify(b.ctx); err != nil {
		return err
	}
	b.say("  %s %*s %12s %8s", engine, 54-len(engine), "1M", "20M", "growth")
	for _, q := range sizeQuestions() {
		if err := b.sizeAsk(q, dbs, of); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
	}
	return b.resident(urls[1], large)
}

// loadBulk fills a database and says what that took.
func (b *bench) loadBulk(url string, tenants int) (*store.DB, error) {
	start := time.Now()
	db, err := store.Open(b.ctx, url, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	rows, err := sizeEstate(tenants).FillBulk(b.ctx, db, url)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	size := ""
	if st, err := os.Stat(strings.TrimPrefix(url, "sqlite:")); err == nil {
		size = fmt.Sprintf(", %d MB", st.Size()>>20)
	}
	b.say("  %d tenants, %d cost rows loaded by SQL in %.0f s%s", tenants, rows, time.Since(start).Seconds(), size)
	return db, nil
}

func (b *bench) sizeAsk(q sized, dbs [2]*store.DB, of func(spent) time.Duration) error {
	var took [2][]time.Duration
	for i, db := range dbs {
		fast, err := q.ask(b.ctx, reports(db.CostReader()))
		if err != nil {
			return err
		}
		if i == 0 { // at 20M the cells alone would take minutes
			slow, err := q.ask(b.ctx, reports(db.CellReader()))
			if err != nil {
				return err
			}
			if !reflect.DeepEqual(fast, slow) {
				return errors.New("the rollups and the cells answer differently")
			}
		}
	}
	for range sizeRounds {
		for i, db := range dbs {
			d, err := b.timesOver(q.question, db, of)
			if err != nil {
				return err
			}
			took[i] = append(took[i], d)
		}
	}
	small, large := median(took[0]), median(took[1])
	growth := fmt.Sprintf("%7.2fx", median(ratios(took[1], took[0])))
	if q.scoped {
		growth = atMost(median(ratios(took[1], took[0])), growthGoal)
	}
	b.say("    %-40s %12s %12s   goal at most %s: %s   %s", q.name, ms(small), ms(large), ms(q.goal), verdict(large <= q.goal), growth)
	return nil
}

// timesOver asks so often that the clock of CPU time can tell.
func (b *bench) timesOver(q question, db *store.DB, of func(spent) time.Duration) (time.Duration, error) {
	r := reports(db.CostReader())
	ask := func() error { _, err := q.ask(b.ctx, r); return err }
	first, err := measure(ask)
	if err != nil {
		return 0, err
	}
	times := int(max(1, 60*time.Millisecond/max(1, first.wall)))
	s, err := measure(func() error {
		for range times {
			if err := ask(); err != nil {
				return err
			}
		}
		return nil
	})
	return of(s.per(times)), err
}

func verdict(ok bool) string {
	if ok {
		return "met"
	}
	return "MISSED"
}
