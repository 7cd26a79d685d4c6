package syncer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fresnel"
	"fresnel/internal/syncer"
)

// TestSchedule lets ten days pass: each tenant is read about every four hours, not all at the same time, and no two processes read twice.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every, tenants = 4 * time.Hour, 40
		q := newQueue(tenants)
		work := func(context.Context, fresnel.Tenant) (fresnel.Result, error) {
			time.Sleep(time.Minute)
			return read(), nil
		}
		a, _ := newSyncer(q, work)
		b, _ := newSyncer(q, work)
		a.Poll, b.Poll = time.Minute, time.Minute // ten days are long
		endA, endB := begin(t.Context(), a, true), begin(t.Context(), b, true)
		start := time.Now()
		time.Sleep(10 * 24 * time.Hour)
		if err := errors.Join(endA(), endB()); err != nil {
			t.Error(err)
		}
		queued := map[fresnel.TenantID][]time.Time{}
		for _, r := range q.all() {
			queued[r.Tenant] = append(queued[r.Tenant], r.Queued)
		}
		gaps := map[time.Duration]int{}
		least, most := every*2, time.Duration(0)
		for tenant, at := range queued {
			if at[0].Sub(start) > a.Poll {
				t.Errorf("%s, which was never read, waited until %s", tenant, at[0].Sub(start))
			}
			for i := range at[1:] {
				gap := at[i+1].Sub(at[i])
				least, most = min(least, gap), max(most, gap)
				gaps[gap.Round(time.Minute)]++
			}
		}
		if len(queued) != tenants || least < every*95/100 || most > every*105/100+a.Poll {
			t.Errorf("%d tenants were read every %s to %s, want %d tenants and 4h give or take 5 %%", len(queued), least, most, tenants)
		}
		if len(gaps) < 15 {
			t.Errorf("the intervals are only %v: that spreads nothing", gaps)
		}
		t.Logf("%d runs, every %s to %s", len(q.all()), least, most)
	})
}

// TestScheduleAfterFailure: a tenant of which nothing could be read is tried again sooner.
func TestScheduleAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		tries := 0
		s, _ := newSyncer(q, func(context.Context, fresnel.Tenant) (fresnel.Result, error) {
			if tries++; tries < 3 {
				return fresnel.Result{}, fresnel.Errorf(fresnel.Unavailable, "Azure does not answer")
			}
			return read(), nil
		})
		end := begin(t.Context(), s, true)
		time.Sleep(3 * time.Hour)
		if err := end(); err != nil {
			t.Error(err)
		}
		all := q.all()
		if len(all) != 3 || all[1].Queued.Sub(all[0].Queued) > time.Hour || all[2].Queued.Sub(all[1].Queued) > time.Hour {
			t.Errorf("runs: %+v", all)
		}
	})
}

// TestOneAtATime: two processes never work on one tenant at the same time, and none on more tenants than it may, even though runs take longer
// than leases, and than the schedule.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(10)
		var mu sync.Mutex
		now, total := map[fresnel.TenantID]int{}, map[string]int{}
		process := func(name string) *syncer.Syncer {
			s, _ := newSyncer(q, func(ctx context.Context, tenant fresnel.Tenant) (fresnel.Result, error) {
				mu.Lock()
				now[tenant.ID]++
				total[name]++
				if now[tenant.ID] > 1 || total[name] > 4 {
					t.Errorf("%d at work on %s, %s works on %d", now[tenant.ID], tenant.ID, name, total[name])
				}
				mu.Unlock()
				select {
				case <-ctx.Done():
				case <-time.After(5 * time.Hour):
				}
				mu.Lock()
				defer mu.Unlock()
				now[tenant.ID]--
				total[name]--
				return read(), ctx.Err()
			})
			return s
		}
		endA, endB := begin(t.Context(), process("a"), true), begin(t.Context(), process("b"), true)
		for range 30 {
			time.Sleep(time.Hour)
			for _, tenant := range q.tenants {
				if _, err := q.Enqueue(t.Context(), "costs", tenant, time.Now()); err != nil && fresnel.KindOf(err) != fresnel.Conflict {
					t.Error(err)
				}
			}
		}
		if err := errors.Join(endA(), endB()); err != nil {
			t.Error(err)
		}
		done := 0
		for _, r := range q.all() {
			if r.Status == fresnel.Completed {
				if done++; r.Attempts > 1 {
					t.Errorf("run %d was tried %d times although its process lived", r.ID, r.Attempts)
				}
			}
		}
		if done < 30 {
			t.Errorf("only %d runs were done", done)
		}
	})
}

// TestOldestFirst: a run whose process was killed does not wait with all that was queued after it.
func TestOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(101)
		for _, tenant := range q.tenants {
			if _, err := q.Enqueue(t.Context(), "costs", tenant, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, ok := q.take(syncer.Candidate{ID: 1}, lease, time.Now()); !ok {
			t.Fatal("not claimed")
		}
		var order []fresnel.TenantID
		s, _ := newSyncer(q, func(_ context.Context, tenant fresnel.Tenant) (fresnel.Result, error) {
			order = append(order, tenant.ID)
			time.Sleep(time.Minute)
			return read(), nil
		})
		s.Workers = 1
		end := begin(t.Context(), s, false)
		time.Sleep(3 * time.Hour)
		if err := end(); err != nil {
			t.Error(err)
		}
		want := slices.Concat(q.tenants[1:2], q.tenants[:1], q.tenants[2:]) // the first lease ends while the second run is worked on
		if !slices.Equal(order, want) {
			t.Errorf("the order was %v", order)
		}
	})
}

// TestTrigger: a trigger starts what is not under way, and at once.
func TestTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(3)
		s, _ := newSyncer(q, func(context.Context, fresnel.Tenant) (fresnel.Result, error) {
			time.Sleep(time.Minute)
			return read(), nil
		})
		s.Poll = time.Hour
		end := begin(t.Context(), s, false)
		defer func() { _ = end() }()
		if _, _, err := s.Trigger(t.Context(), "coffee", q.tenants); fresnel.KindOf(err) != fresnel.NotFound {
			t.Errorf("an unknown job: %v", err)
		}
		if runs, busy, err := s.Trigger(t.Context(), "costs", q.tenants[:1]); len(runs) != 1 || busy != 0 || err != nil {
			t.Errorf("the first trigger: %v %d %v", runs, busy, err)
		}
		time.Sleep(time.Second)
		if r := q.run(1); r.Status != fresnel.Running {
			t.Errorf("a second later the run is %s", r.Status)
		}
		if runs, busy, err := s.Trigger(t.Context(), "costs", q.tenants[:1]); len(runs) != 0 || busy != 1 || fresnel.KindOf(err) != fresnel.Conflict {
			t.Errorf("while it is under way: %v %d %v", runs, busy, err)
		}
		if runs, busy, err := s.Trigger(t.Context(), "costs", q.tenants); len(runs) != 2 || busy != 1 || err != nil {
			t.Errorf("with others: %v %d %v", runs, busy, err)
		}
		if runs, busy, err := s.Trigger(t.Context(), "costs", nil); len(runs) != 0 || busy != 0 || err != nil {
			t.Errorf("for nobody: %v %d %v", runs, busy, err)
		}
		time.Sleep(2 * time.Minute)
		for _, r := range q.all() {
			if r.Status != fresnel.Completed || r.Attempts != 1 {
				t.Errorf("run %d is %s after %d attempts", r.ID, r.Status, r.Attempts)
			}
		}
	})
}

// TestQueueDown: while the database does not answer nothing is done, and afterwards everything.
func TestQueueDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(2)
		down := time.Now().Add(time.Minute)
		q.ready = func() error {
			if time.Now().Before(down) {
				return fresnel.Errorf(fresnel.Unavailable, "the database does not answer")
			}
			return nil
		}
		s, l := newSyncer(q, func(context.Context, fresnel.Tenant) (fresnel.Result, error) { return read(), nil })
		end := begin(t.Context(), s, true)
		time.Sleep(2 * time.Minute)
		if err := end(); err != nil {
			t.Error(err)
		}
		for _, r := range q.all() {
			if r.Status != fresnel.Completed {
				t.Errorf("run %d is %s", r.ID, r.Status)
			}
		}
		if len(q.all()) != 2 || !strings.Contains(l.String(), "queue not served") {
			t.Errorf("%d runs; the log says %s", len(q.all()), l)
		}
	})
}

// TestDrain works until nothing is open.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(9)
		s, _ := newSyncer(q, func(context.Context, fresnel.Tenant) (fresnel.Result, error) {
			time.Sleep(10 * time.Second)
			return read(), nil
		})
		if _, _, err := s.Trigger(t.Context(), "costs", q.tenants); err != nil {
			t.Fatal(err)
		}
		open := func(context.Context) (bool, error) {
			return slices.ContainsFunc(q.all(), func(r ticket) bool { return r.Completed.IsZero() }), nil
		}
		begin := time.Now()
		if err := s.Drain(t.Context(), open); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > 35*time.Second { // nine runs, four at a time
			t.Errorf("it took %s", took)
		}
		if more, _ := open(t.Context()); more {
			t.Error("it ended before the runs")
		}
		failure := errors.New("the list cannot be read")
		if err := s.Drain(t.Context(), func(context.Context) (bool, error) { return true, failure }); !errors.Is(err, failure) {
			t.Errorf("an error of the list: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Drain(ctx, func(context.Context) (bool, error) { return true, nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the end of its context: %v", err)
		}
	})
}
