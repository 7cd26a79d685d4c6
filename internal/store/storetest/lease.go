package storetest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fresnel"
	"fresnel/internal/syncer"
)

func (f *fixture) enqueue(job string, tenant int) int64 {
	f.Helper()
	id, err := f.db.Runs().Enqueue(f.ctx, job, TenantID(tenant), noon)
	f.ok(err)
	return id
}

// claim takes a run as soon as it is ready.
func (f *fixture) claim(id int64, owner string, lease time.Duration) fresnel.Lease {
	f.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		ready, err := f.db.Runs().Ready(f.ctx, 1000)
		f.ok(err)
		for _, c := range ready {
			if c.ID != id {
				continue
			}
			run, l, ok, err := f.db.Runs().Claim(f.ctx, c, owner, lease, noon)
			f.ok(err)
			if !ok {
				f.Fatalf("run %d was ready and not claimed", id)
			}
			f.equal("the claimed run", []any{run.ID, run.Status, run.Started}, []any{id, fresnel.Running, noon})
			f.equal("the lease", l, fresnel.Lease{Run: id, Fence: c.Fence + 1})
			return l
		}
	}
	f.Fatalf("run %d is not ready", id)
	return fresnel.Lease{}
}

func (f *fixture) run(id int64) fresnel.Run {
	f.Helper()
	r, err := f.db.Runs().Get(f.ctx, fresnel.AllTenants(), id)
	f.ok(err)
	return r
}

// parallel calls do from many goroutines that begin together.
func parallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wg.Wait()
}

// testEnqueueOnce queues the same from eight goroutines: one run, seven
// conflicts.
func testEnqueueOnce(f *fixture) {
	const tenants = 10
	f.register(tenants, 0)
	for i := range tenants {
		var queued, busy atomic.Int32
		parallel(8, func(int) {
			_, err := f.db.Runs().Enqueue(f.ctx, "costs", TenantID(i), noon)
			switch {
			case err == nil:
				queued.Add(1)
			case fresnel.KindOf(err) == fresnel.Conflict:
				busy.Add(1)
			default:
				f.Error(err)
			}
		})
		f.equal("queued, busy", []int32{queued.Load(), busy.Load()}, []int32{1, 7})
	}
	f.enqueue("resources", 0) // another job of the same tenant
	open, err := f.db.Runs().List(f.ctx, fresnel.AllTenants(), "", true, 0, 100)
	f.ok(err)
	f.equal("open runs", len(open), tenants+1)
	first := open[len(open)-1]
	f.equal("a queued run", []any{first.Job, first.Status, first.Queued, first.TenantName, first.Attempts}, []any{"costs", fresnel.Queued, noon, tenantName(0), 0})

	// Still one while it is worked on, and free when it has ended.
	l := f.claim(first.ID, "A", time.Minute)
	_, err = f.db.Runs().Enqueue(f.ctx, "costs", TenantID(0), noon)
	f.kind(err, fresnel.Conflict)
	f.ok(f.db.Runs().Complete(f.ctx, l, fresnel.Completed, fresnel.Result{}, "", "", noon))
	if id := f.enqueue("costs", 0); id <= first.ID {
		f.Errorf("a new run has the id %d, the one before has %d", id, first.ID)
	}
}

func testEnqueueUnknown(f *fixture) {
	f.register(1, 0)
	_, err := f.db.Runs().Enqueue(f.ctx, "costs", TenantID(9), noon)
	f.kind(err, fresnel.NotFound)
	open, err := f.db.Runs().List(f.ctx, fresnel.AllTenants(), "", true, 0, 100)
	f.ok(err)
	f.equal("open", len(open), 0)
}

// testClaimOnce has eight goroutines race for each run, in three rounds of
// takeover: each run is claimed once per fence.
func testClaimOnce(f *fixture) {
	const tenants = 12
	f.register(tenants, 0)
	for i := range tenants {
		f.enqueue("costs", i)
	}
	var mu sync.Mutex
	won := map[fresnel.Lease]int{}
	for round := range 3 {
		var ready []syncer.Candidate
		for end := time.Now().Add(10 * time.Second); len(ready) < tenants && time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
			var err error
			ready, err = f.db.Runs().Ready(f.ctx, 100)
			f.ok(err)
		}
		f.equal("ready", len(ready), tenants)
		if round == 0 && !slices.IsSortedFunc(ready, func(a, b syncer.Candidate) int { return int(a.ID - b.ID) }) {
			f.Error("ready runs are not oldest first")
		}
		parallel(8, func(g int) {
			for i := range ready {
				c := ready[(i+g)%len(ready)]
				run, l, ok, err := f.db.Runs().Claim(f.ctx, c, fmt.Sprint(g), 0, noon)
				if err != nil {
					f.Error(err)
				}
				if !ok {
					continue
				}
				mu.Lock()
				won[l]++
				mu.Unlock()
				if l.Run != run.ID || run.Attempts != round+1 {
					f.Errorf("lease %+v with run %d, attempt %d", l, run.ID, run.Attempts)
				}
			}
		})
		f.equal("leases after a round", len(won), tenants*(round+1))
	}
	for l, n := range won {
		if n != 1 {
			f.Errorf("%+v was given %d times", l, n)
		}
	}
}

// testTakeover has a run taken over from a process that was thought dead.
func testTakeover(f *fixture) {
	f.register(1, 1)
	runs := f.db.Runs()
	id := f.enqueue("costs", 0)
	a := f.claim(id, "A", 50*time.Millisecond)
	ready, err := runs.Ready(f.ctx, 10)
	f.ok(err)
	if len(ready) == 1 {
		f.Log("the lease ended before the queue was read: a slow machine")
	}
	f.ok(runs.Heartbeat(f.ctx, a, 200*time.Millisecond, fresnel.Progress{Done: 1, Total: 5, Rows: 100, Wait: noon}))
	f.equal("progress", f.run(id).Progress, fresnel.Progress{Done: 1, Total: 5, Rows: 100, Wait: noon})

	b := f.claim(id, "B", time.Minute)
	if b.Fence <= a.Fence {
		f.Fatalf("fence %d after %d", b.Fence, a.Fence)
	}
	f.equal("progress begins again", f.run(id).Progress, fresnel.Progress{})
	f.equal("attempts", f.run(id).Attempts, 2)

	before := f.run(id)
	f.kind(runs.Heartbeat(f.ctx, a, time.Hour, fresnel.Progress{Done: 5, Total: 5}), fresnel.Conflict)
	parts := []fresnel.Part{{Subscription: SubscriptionID(0, 0), State: fresnel.PartFailed, Reason: "late"}}
	f.kind(runs.Complete(f.ctx, a, fresnel.Failed, fresnel.Result{Read: 9, Written: 9, Parts: parts}, "late", "late", noon), fresnel.Conflict)
	f.ok(runs.Release(f.ctx, a)) // nothing to give back, and nothing to complain of
	f.equal("the run after its old owner's calls", f.run(id), before)
	for _, l := range []fresnel.Lease{{Run: id, Fence: b.Fence + 1}, {Run: id + 100, Fence: 1}, {}} {
		f.kind(runs.Heartbeat(f.ctx, l, time.Hour, fresnel.Progress{}), fresnel.Conflict)
		f.kind(runs.Complete(f.ctx, l, fresnel.Completed, fresnel.Result{}, "", "", noon), fresnel.Conflict)
	}

	f.ok(runs.Heartbeat(f.ctx, b, time.Minute, fresnel.Progress{Done: 2, Total: 2, Rows: 3}))
	f.ok(runs.Complete(f.ctx, b, fresnel.Completed, fresnel.Result{Read: 3, Written: 2}, "", "", noon.Add(time.Hour)))
	got := f.run(id)
	f.equal("the ended run", []any{got.Status, got.Completed, got.Result.Read, got.Result.Written}, []any{fresnel.Completed, noon.Add(time.Hour), 3, 2})
	f.kind(runs.Heartbeat(f.ctx, b, time.Minute, fresnel.Progress{}), fresnel.Conflict)
	f.kind(runs.Complete(f.ctx, b, fresnel.Failed, fresnel.Result{}, "again", "", noon), fresnel.Conflict)
	f.equal("ended once", f.run(id), got)
}

func testReleaseAndComplete(f *fixture) {
	f.register(1, 2)
	runs := f.db.Runs()
	id := f.enqueue("costs", 0)
	a := f.claim(id, "A", time.Hour)
	ready, err := runs.Ready(f.ctx, 10)
	f.ok(err)
	f.equal("ready while leased", len(ready), 0)
	f.ok(runs.Heartbeat(f.ctx, a, time.Hour, fresnel.Progress{Wait: noon}))
	f.ok(runs.Release(f.ctx, a))
	got := f.run(id)
	f.equal("given back", []any{got.Status, got.Progress.Wait}, []any{fresnel.Queued, time.Time{}})
	f.kind(runs.Heartbeat(f.ctx, a, time.Hour, fresnel.Progress{}), fresnel.Conflict)

	b := f.claim(id, "B", time.Hour)
	parts := []fresnel.Part{
		{Subscription: SubscriptionID(0, 0), Name: "one", State: fresnel.PartRead, Rows: 4},
		{Subscription: SubscriptionID(0, 1), Name: "two\x00\xff", State: fresnel.PartFailed, Reason: "no role\x00", Do: "give it", Rows: 1},
	}
	f.ok(runs.Complete(f.ctx, b, fresnel.Partial, fresnel.Result{Read: 5, Written: 4, Parts: parts}, "two: no role\x00\xff", "give it", noon))
	got = f.run(id)
	if len(got.Result.Parts) != 1 {
		f.Fatalf("parts %+v, want the one that was not read", got.Result.Parts)
	}
	p := got.Result.Parts[0]
	f.equal("the part", []any{p.Subscription, p.State, p.Do, p.Rows}, []any{SubscriptionID(0, 1), fresnel.PartFailed, "give it", 1})
	f.equal("the run", []any{got.Status, got.Do, got.Attempts, got.Result.Read, got.Result.Written}, []any{fresnel.Partial, "give it", 2, 5, 4})
	ready, err = runs.Ready(f.ctx, 10)
	f.ok(err)
	f.equal("ready when ended", len(ready), 0)
}

// testQueueOfMany works a queue with several workers, each of which dies now
// and then: every run is completed once, under its last fence.
func testQueueOfMany(f *fixture) {
	const tenants = 40
	f.register(tenants, 0)
	for i := range tenants {
		f.enqueue("costs", i)
	}
	var claims, done, lost atomic.Int64
	deadline := time.Now().Add(30 * time.Second)
	parallel(6, func(g int) {
		for n := 0; done.Load() < tenants && time.Now().Before(deadline); n++ {
			ready, err := f.db.Runs().Ready(f.ctx, 16)
			if err != nil {
				f.Error(err)
				return
			}
			if len(ready) == 0 {
				time.Sleep(2 * time.Millisecond)
				continue
			}
			c := ready[(g*7+n)%len(ready)]
			_, l, ok, err := f.db.Runs().Claim(f.ctx, c, fmt.Sprint(g), 30*time.Millisecond, noon)
			if err != nil {
				f.Error(err)
				return
			}
			if !ok {
				continue
			}
			switch claims.Add(1) % 5 {
			case 0: // dies
				continue
			case 1: // sleeps beyond its lease
				time.Sleep(45 * time.Millisecond)
			}
			err = f.db.Runs().Complete(f.ctx, l, fresnel.Completed, fresnel.Result{Written: int(l.Fence)}, "", "", noon)
			switch {
			case err == nil:
				done.Add(1)
			case fresnel.KindOf(err) == fresnel.Conflict:
				lost.Add(1)
			default:
				f.Error(err)
			}
		}
	})
	f.equal("completed", done.Load(), int64(tenants))
	runs, err := f.db.Runs().List(f.ctx, fresnel.AllTenants(), "costs", false, 0, 1000)
	f.ok(err)
	f.equal("runs", len(runs), tenants)
	for _, r := range runs {
		f.equal("a run", []any{r.Status, r.Result.Written}, []any{fresnel.Completed, r.Attempts})
	}
	f.Logf("%d claims, %d refused ends for %d runs", claims.Load(), lost.Load(), tenants)
}

func testDue(f *fixture) {
	f.register(4, 0)
	due := func(job string) []syncer.Due {
		f.Helper()
		got, err := f.db.Runs().Due(f.ctx, job)
		f.ok(err)
		slices.SortFunc(got, func(a, b syncer.Due) int { return slices.Compare([]byte(a.Tenant), []byte(b.Tenant)) })
		return got
	}
	never := func(i int) syncer.Due { return syncer.Due{Tenant: TenantID(i)} }
	f.equal("never run", due("costs"), []syncer.Due{never(0), never(1), never(2), never(3)})
	f.enqueue("costs", 0)
	f.claim(f.enqueue("costs", 1), "A", time.Minute)
	l := f.claim(f.enqueue("costs", 2), "A", time.Minute)
	f.ok(f.db.Runs().Complete(f.ctx, l, fresnel.Failed, fresnel.Result{}, "", "", noon.Add(time.Hour)))
	f.equal("open ones are not due", due("costs"), []syncer.Due{{Tenant: TenantID(2), Last: noon, Failed: true}, never(3)})
	f.equal("another job", len(due("resources")), 4)
}

func testRunLists(f *fixture) {
	f.register(2, 0)
	var ids []int64
	for n := range 3 {
		l := f.claim(f.enqueue("costs", 0), "A", time.Minute)
		f.ok(f.db.Runs().Complete(f.ctx, l, fresnel.Completed, fresnel.Result{Read: n}, "", "", noon))
		ids = append(ids, l.Run)
	}
	open := f.enqueue("costs", 0)
	other := f.enqueue("resources", 1)
	of := func(runs []fresnel.Run, err error) []int64 {
		f.Helper()
		f.ok(err)
		var out []int64
		for _, r := range runs {
			out = append(out, r.ID)
		}
		return out
	}
	all, runs := fresnel.AllTenants(), f.db.Runs()
	f.equal("newest first", of(runs.List(f.ctx, all, "", false, 0, 100)), []int64{other, open, ids[2], ids[1], ids[0]})
	f.equal("a page", of(runs.List(f.ctx, all, "", false, 0, 2)), []int64{other, open})
	f.equal("the next page", of(runs.List(f.ctx, all, "", false, open, 2)), []int64{ids[2], ids[1]})
	f.equal("of a job", of(runs.List(f.ctx, all, "costs", false, 0, 2)), []int64{open, ids[2]})
	f.equal("open", of(runs.List(f.ctx, all, "", true, 0, 100)), []int64{other, open})
	f.equal("the latest", of(runs.Latest(f.ctx, all, "costs")), []int64{open, ids[2]})
	_, err := runs.Get(f.ctx, all, other+100)
	f.kind(err, fresnel.NotFound)
}

func testPrune(f *fixture) {
	f.register(2, 1)
	end := func(job string, tenant int, at time.Time) int64 {
		f.Helper()
		l := f.claim(f.enqueue(job, tenant), "A", time.Minute)
		parts := []fresnel.Part{{Subscription: SubscriptionID(0, 0), State: fresnel.PartFailed, Reason: "x"}}
		f.ok(f.db.Runs().Complete(f.ctx, l, fresnel.Partial, fresnel.Result{Parts: parts}, "", "", at))
		return l.Run
	}
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	kept := []int64{end("resources", 0, day(-40))} // the last of its job
	end("costs", 0, day(-40))
	end("costs", 0, day(-35))
	kept = append(kept, end("costs", 0, day(-20)), end("costs", 0, day(-1)))
	end("costs", 1, day(-40))
	kept = append(kept, end("costs", 1, day(-39)))                                // the last of its tenant
	kept = append(kept, f.enqueue("costs", 1))                                    // not ended
	kept = append(kept, f.claim(f.enqueue("resources", 1), "A", time.Minute).Run) // nor this
	n, err := f.db.Runs().Prune(f.ctx, day(-30))
	f.ok(err)
	f.equal("pruned", n, int64(3))
	runs, err := f.db.Runs().List(f.ctx, fresnel.AllTenants(), "", false, 0, 100)
	f.ok(err)
	var got []int64
	for _, r := range runs {
		got = append(got, r.ID)
		if (r.Status == fresnel.Partial) != (len(r.Result.Parts) == 1) {
			f.Errorf("run %d is %s and has %d parts", r.ID, r.Status, len(r.Result.Parts))
		}
	}
	slices.Sort(got)
	f.equal("kept", got, kept)
	n, err = f.db.Runs().Prune(f.ctx, day(-30))
	f.ok(err)
	f.equal("pruned again", n, int64(0))
}
