package syncer_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// TestEnds: how a run ended is recorded with its reason.
func TestEnds(t *testing.T) {
	failed := fresnel.Part{Subscription: "s", Name: "prod", State: fresnel.PartFailed, Reason: "no role", Do: "give it"}
	tests := []struct {
		name       string
		work       func(context.Context, fresnel.Tenant) (fresnel.Result, error)
		status     fresnel.RunStatus
		reason, do string
		logged     string
	}{
		{"read", func(context.Context, fresnel.Tenant) (fresnel.Result, error) { return read(), nil }, fresnel.Completed, "", "", "run ended"},
		{"partial", func(context.Context, fresnel.Tenant) (fresnel.Result, error) {
			r := read()
			r.Parts = append(r.Parts, failed)
			return r, nil
		}, fresnel.Partial, "prod: no role", "give it", "status=partial"},
		{"nothing read", func(context.Context, fresnel.Tenant) (fresnel.Result, error) {
			return fresnel.Result{Parts: []fresnel.Part{failed, {Subscription: "t", Name: "dev", State: fresnel.PartFailed, Reason: "other"}}}, nil
		}, fresnel.Failed, "2 of 2 subscriptions not read; prod: no role", "give it", "status=failed"},
		{"refused", func(context.Context, fresnel.Tenant) (fresnel.Result, error) {
			return fresnel.Result{}, &fresnel.Error{Kind: fresnel.Denied, Msg: "no token", Do: "consent", Err: errors.New("AADSTS1")}
		}, fresnel.Failed, "no token", "consent", "AADSTS1"},
		{"a fault of ours", func(context.Context, fresnel.Tenant) (fresnel.Result, error) {
			return fresnel.Result{}, errors.New("SELECT nonsense")
		}, fresnel.Failed, "internal error", "look for this run's id in the log", "SELECT nonsense"},
		{"panic", func(context.Context, fresnel.Tenant) (fresnel.Result, error) {
			panic("a fault of ours")
		}, fresnel.Failed, "internal error", "look for this run's id in the log", "attempt_test.go"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(2)
				s, l := newSyncer(q, test.work)
				ended := 0
				s.Ended = func(_ fresnel.Run, status fresnel.RunStatus, _ fresnel.Result, _ time.Duration) {
					if ended++; status != test.status {
						t.Errorf("told of %s", status)
					}
				}
				s.Workers = 1 // the second run comes after the first, whatever that did
				end := begin(t.Context(), s, true)
				time.Sleep(10 * time.Second)
				if err := end(); err != nil {
					t.Error(err)
				}
				for _, r := range q.all() {
					if r.Status != test.status || r.Reason != test.reason || r.Do != test.do || r.Attempts != 1 || r.Completed.IsZero() {
						t.Errorf("run %d: %s, %q, %q after %d attempts", r.ID, r.Status, r.Reason, r.Do, r.Attempts)
					}
				}
				if len(q.all()) != 2 || ended != 2 {
					t.Errorf("%d runs, told of %d", len(q.all()), ended)
				}
				if !strings.Contains(l.String(), test.logged) {
					t.Errorf("the log lacks %q: %s", test.logged, l)
				}
			})
		})
	}
}

// azure is an Azure, and a store, in which reading one subscription meets a fault of ours.
type azure struct{}

func (azure) Refresh(_ context.Context, t fresnel.Tenant) ([]fresnel.Subscription, error) {
	const quota = "EnterpriseAgreement_2014-09-01"
	return []fresnel.Subscription{{ID: "good", Name: "good", Tenant: t.ID, QuotaID: quota}, {ID: "bad", Name: "bad", Tenant: t.ID, QuotaID: quota}}, nil
}

func (azure) SetCostState(context.Context, string, fresnel.CostState, string) error { return nil }

func (azure) Costs(_ context.Context, _ fresnel.Tenant, w cost.Window) iter.Seq2[cost.Line, error] {
	return func(yield func(cost.Line, error) bool) {
		if w.Subscription == "bad" {
			panic("index out of range")
		}
		yield(cost.Line{Day: w.Days.From, Currency: "EUR", Micros: 1}, nil)
	}
}

func (azure) Replace(_ context.Context, _ cost.Window, lines []cost.Line) (int, error) {
	return len(lines), nil
}

func (azure) Read(context.Context, string) ([]cost.MonthRead, error) { return nil, nil }

// TestPanicInGoroutine: the cost job reads subscriptions in goroutines of its own, where the syncer cannot catch a panic.
func TestPanicInGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		l := &log{}
		s, _ := newSyncer(q, nil)
		s.Jobs[0].Job = &cost.Sync{Source: azure{}, Sink: azure{}, Registry: azure{}, Now: time.Now, Months: 2, Parallel: 2, Log: slog.New(slog.NewTextHandler(l, nil))}
		end := begin(t.Context(), s, true)
		time.Sleep(time.Minute)
		if err := end(); err != nil {
			t.Error(err)
		}
		if r := q.run(1); r.Status != fresnel.Partial || r.Result.Read != 10 || /* 2 months by 2 metrics, groups and charges; resources of both months at once */ !strings.Contains(r.Reason, "internal error") {
			t.Errorf("%s, %q, %d rows", r.Status, r.Reason, r.Result.Read)
		}
		if !strings.Contains(l.String(), "index out of range") {
			t.Errorf("the log says %s", l)
		}
	})
}

// TestUnknown: runs that cannot be worked on fail, and say why.
func TestUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		s, _ := newSyncer(q, func(context.Context, fresnel.Tenant) (fresnel.Result, error) { return read(), nil })
		for job, tenant := range map[string]fresnel.TenantID{"astrology": q.tenants[0], "costs": "gone"} {
			if _, err := q.Enqueue(t.Context(), job, tenant, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		end := begin(t.Context(), s, false)
		time.Sleep(time.Minute)
		if err := end(); err != nil {
			t.Error(err)
		}
		want := map[string]string{"astrology": `this version has no job "astrology"`, "costs": "there is no tenant gone"}
		for _, r := range q.all() {
			if r.Status != fresnel.Failed || r.Reason != want[r.Job] {
				t.Errorf("%s: %s, %q", r.Job, r.Status, r.Reason)
			}
		}
	})
}

// TestHeartbeat: a long run keeps its lease, and tells how far it has come, and that it waits.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		until := time.Now().Add(time.Hour)
		s, _ := newSyncer(q, func(ctx context.Context, _ fresnel.Tenant) (fresnel.Result, error) {
			fresnel.ReportProgress(ctx, 2, 8, 100)
			fresnel.ReportProgress(ctx, 1, 8, 50) // late
			time.Sleep(5 * time.Second)
			fresnel.NoticeWait(ctx, until)
			fresnel.NoticeWait(ctx, until.Add(time.Minute))
			time.Sleep(10 * time.Minute)
			fresnel.NoticeWait(ctx, time.Time{})
			time.Sleep(5 * time.Second)
			fresnel.NoticeWait(ctx, time.Time{})
			time.Sleep(10 * time.Minute)
			return read(), ctx.Err()
		})
		end := begin(t.Context(), s, true)
		at := func(d time.Duration, wait time.Time) {
			t.Helper()
			time.Sleep(d)
			if r := q.run(1); r.Progress != (fresnel.Progress{Done: 2, Total: 8, Rows: 100, Wait: wait}) || r.Status != fresnel.Running {
				t.Errorf("%s, progress %+v", r.Status, r.Progress)
			}
		}
		at(3*time.Second, time.Time{})
		at(5*time.Minute, until.Add(time.Minute)) // the later of the two
		at(6*time.Minute, time.Time{})
		time.Sleep(20 * time.Minute)
		if err := end(); err != nil {
			t.Error(err)
		}
		r := q.run(1)
		if r.Status != fresnel.Completed || r.Attempts != 1 {
			t.Errorf("%s after %d attempts", r.Status, r.Attempts)
		}
		if r.beats > 200 { // 20 minutes: well within the lease, and not every second
			t.Errorf("%d heartbeats without progress", r.beats)
		}
	})
}

// TestLostLease: work on a run that another process has taken over ends, and records nothing.
func TestLostLease(t *testing.T) {
	obedient := func(ctx context.Context) (fresnel.Result, error) {
		select {
		case <-ctx.Done():
			return fresnel.Result{}, ctx.Err()
		case <-time.After(time.Hour):
			return read(), nil
		}
	}
	deaf := func(context.Context) (fresnel.Result, error) {
		time.Sleep(5 * time.Minute)
		return read(), nil
	}
	refused := func(ctx context.Context) (fresnel.Result, error) { // as a write under the old fence is
		<-ctx.Done()
		return read(), errors.Join(errors.New("replace costs"), fresnel.ErrLeaseLost)
	}
	taken := func() error { return fresnel.ErrLeaseLost }
	silent := func() error { return fresnel.Errorf(fresnel.Unavailable, "the database does not answer") }
	tests := []struct {
		name      string
		heartbeat func() error
		work      func(context.Context) (fresnel.Result, error)
		within    time.Duration
	}{
		{"taken over", taken, obedient, 10 * time.Second},
		{"taken over, deaf job", taken, deaf, 6 * time.Minute},
		{"taken over, refused write", taken, refused, 10 * time.Second},
		{"database silent for longer than the lease", silent, obedient, lease + 3*time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(1)
				over := time.Duration(0)
				begun := time.Now()
				s, l := newSyncer(q, func(ctx context.Context, _ fresnel.Tenant) (fresnel.Result, error) {
					lease, ok := fresnel.LeaseFrom(ctx)
					if !ok || lease != (fresnel.Lease{Run: 1, Fence: 1}) {
						t.Errorf("the work has the lease %+v", lease)
					}
					res, err := test.work(ctx)
					over = time.Since(begun)
					return res, err
				})
				s.Ended = func(fresnel.Run, fresnel.RunStatus, fresnel.Result, time.Duration) {
					t.Error("told of an end")
				}
				q.heartbeat = func(fresnel.Lease) error {
					if time.Since(begun) < 2*time.Second {
						return nil
					}
					q.list[0].fence, q.list[0].until = 2, begun.Add(24*time.Hour) // the other process
					return test.heartbeat()
				}
				q.complete = func() error { t.Error("the end was recorded"); return nil }
				end := begin(t.Context(), s, true)
				time.Sleep(10 * time.Minute)
				if err := end(); err != nil {
					t.Error(err)
				}
				if over == 0 || over > test.within {
					t.Errorf("the work ended after %s, want %s", over, test.within)
				}
				if r := q.run(1); r.freed != 0 || r.Status != fresnel.Running || !strings.Contains(l.String(), "taken over") {
					t.Errorf("the run is %s, given back %d times; the log says %s", r.Status, r.freed, l)
				}
			})
		})
	}
}

// TestShortSilence: a database that is away for less than a lease costs nothing.
func TestShortSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		begun := time.Now()
		s, _ := newSyncer(q, func(ctx context.Context, _ fresnel.Tenant) (fresnel.Result, error) {
			time.Sleep(2 * time.Minute)
			return read(), ctx.Err()
		})
		q.heartbeat = func(fresnel.Lease) error {
			if at := time.Since(begun); at > 40*time.Second && at < 60*time.Second {
				return fresnel.Errorf(fresnel.Unavailable, "the database does not answer")
			}
			return nil
		}
		end := begin(t.Context(), s, true)
		time.Sleep(3 * time.Minute)
		if err := end(); err != nil {
			t.Error(err)
		}
		if r := q.run(1); r.Status != fresnel.Completed || r.Attempts != 1 {
			t.Errorf("%s after %d attempts", r.Status, r.Attempts)
		}
	})
}

// TestEndNotRecorded: where a run's end cannot be written the run is done again after its lease.
func TestEndNotRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		s, _ := newSyncer(q, func(context.Context, fresnel.Tenant) (fresnel.Result, error) { return read(), nil })
		away := true
		q.complete = func() error {
			if away {
				away = false
				return fresnel.Errorf(fresnel.Unavailable, "the database does not answer")
			}
			return nil
		}
		end := begin(t.Context(), s, true)
		time.Sleep(lease + 2*poll)
		if err := end(); err != nil {
			t.Error(err)
		}
		if r := q.run(1); r.Status != fresnel.Completed || r.Attempts != 2 {
			t.Errorf("%s after %d attempts", r.Status, r.Attempts)
		}
	})
}

// TestShutdown: the program gives back what it has not finished, and records what it has.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(6)
		s, _ := newSyncer(q, func(ctx context.Context, tenant fresnel.Tenant) (fresnel.Result, error) {
			switch tenant.ID {
			case q.tenants[0]: // finishes what it does
				<-ctx.Done()
				time.Sleep(time.Second)
				return read(), nil
			case q.tenants[1]: // could not read everything, because it was told to stop
				<-ctx.Done()
				r := read()
				r.Parts = append(r.Parts, fresnel.Part{Subscription: "t", State: fresnel.PartFailed})
				return r, nil
			case q.tenants[2]:
				<-ctx.Done()
				panic("told to stop")
			}
			<-ctx.Done()
			return fresnel.Result{}, ctx.Err()
		})
		for _, tenant := range q.tenants { // in this order
			if _, err := q.Enqueue(t.Context(), "costs", tenant, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		s.Workers = 5
		end := begin(t.Context(), s, false)
		time.Sleep(time.Minute)
		begun := time.Now()
		if err := end(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("the end took %s", took)
		}
		tried := 0
		for i, r := range q.all() {
			want := fresnel.Queued
			if i == 0 && r.Attempts > 0 {
				want = fresnel.Completed
			}
			if r.Status != want || r.Attempts > 1 || r.freed > 1 {
				t.Errorf("run %d: %s, want %s, after %d attempts, given back %d times", r.ID, r.Status, want, r.Attempts, r.freed)
			}
			tried += r.Attempts
		}
		if tried != 5 {
			t.Errorf("%d runs were begun, there are 5 workers", tried)
		}
		// The next process goes on at once.
		next, _ := newSyncer(q, func(context.Context, fresnel.Tenant) (fresnel.Result, error) { return read(), nil })
		endNext := begin(t.Context(), next, false)
		time.Sleep(3 * poll)
		if err := endNext(); err != nil {
			t.Error(err)
		}
		for _, r := range q.all() {
			if r.Status != fresnel.Completed {
				t.Errorf("afterwards run %d is %s", r.ID, r.Status)
			}
		}
	})
}

// TestShutdownWhileClaiming: a run that is being claimed when the program stops is given back, too.
func TestShutdownWhileClaiming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		s, _ := newSyncer(q, func(ctx context.Context, _ fresnel.Tenant) (fresnel.Result, error) {
			<-ctx.Done()
			return fresnel.Result{}, ctx.Err()
		})
		q.claim = func(ctx context.Context) error { // the database has claimed, its answer is on its way
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
				return nil
			}
		}
		end := begin(t.Context(), s, true)
		time.Sleep(500 * time.Millisecond)
		if err := end(); err != nil {
			t.Error(err)
		}
		if r := q.run(1); r.Status != fresnel.Queued || r.freed != 1 {
			t.Errorf("the run is %s, given back %d times", r.Status, r.freed)
		}
	})
}
