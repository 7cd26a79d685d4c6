package syncer_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fresnel"
	"fresnel/internal/syncer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ticket is a run in the queue of these tests.
type ticket struct {
	fresnel.Run
	fence int64
	until time.Time // end of the lease
	beats int
	freed int // how often it was given back
}

// queue keeps runs in memory with the rules of the store: one open run for a job and tenant, leases that end, fences that rise.
type queue struct {
	mu      sync.Mutex
	tenants []fresnel.TenantID
	list    []*ticket
	last    map[string]*ticket // by job and tenant
	open    []*ticket

	// What goes wrong, if anything.
	ready     func() error
	claim     func(ctx context.Context) error // asked after the claim
	heartbeat func(l fresnel.Lease) error
	complete  func() error
}

func newQueue(tenants int) *queue {
	q := &queue{last: map[string]*ticket{}}
	for i := range tenants {
		q.tenants = append(q.tenants, fresnel.TenantID(fmt.Sprintf("%08d-0000-4000-8000-000000000000", i+1)))
	}
	return q
}

// lock returns what unlocks.
func (q *queue) lock() func() {
	q.mu.Lock()
	return q.mu.Unlock
}

func (q *queue) Enqueue(_ context.Context, job string, tenant fresnel.TenantID, now time.Time) (int64, error) {
	defer q.lock()()
	key := job + " " + string(tenant)
	if r := q.last[key]; r != nil && r.Completed.IsZero() {
		return 0, fresnel.Errorf(fresnel.Conflict, "under way")
	}
	r := &ticket{Run: fresnel.Run{ID: int64(len(q.list) + 1), Job: job, Tenant: tenant, Status: fresnel.Queued, Queued: now}}
	q.list, q.open, q.last[key] = append(q.list, r), append(q.open, r), r
	return r.ID, nil
}

func (q *queue) Due(_ context.Context, job string) ([]syncer.Due, error) {
	defer q.lock()()
	var out []syncer.Due
	for _, t := range q.tenants {
		r := q.last[job+" "+string(t)]
		switch {
		case r == nil:
			out = append(out, syncer.Due{Tenant: t})
		case !r.Completed.IsZero():
			out = append(out, syncer.Due{Tenant: t, Last: r.Queued, Failed: r.Status == fresnel.Failed})
		}
	}
	return out, nil
}

func (q *queue) claimable(r *ticket) bool {
	return r.Status == fresnel.Queued || r.Status == fresnel.Running && r.until.Before(time.Now())
}

func (q *queue) Ready(_ context.Context, limit int) ([]syncer.Candidate, error) {
	defer q.lock()()
	if q.ready != nil {
		if err := q.ready(); err != nil {
			return nil, err
		}
	}
	var out []syncer.Candidate
	for _, r := range q.open {
		if q.claimable(r) && len(out) < limit {
			out = append(out, syncer.Candidate{ID: r.ID, Fence: r.fence})
		}
	}
	return out, nil
}

func (q *queue) Claim(ctx context.Context, c syncer.Candidate, _ string, lease time.Duration, now time.Time) (fresnel.Run, fresnel.Lease, bool, error) {
	run, l, ok := q.take(c, lease, now)
	if ok && q.claim != nil {
		if err := q.claim(ctx); err != nil {
			return fresnel.Run{}, fresnel.Lease{}, false, err
		}
	}
	return run, l, ok, nil
}

func (q *queue) take(c syncer.Candidate, lease time.Duration, now time.Time) (run fresnel.Run, l fresnel.Lease, ok bool) {
	defer q.lock()()
	r := q.list[c.ID-1]
	if r.fence != c.Fence || !q.claimable(r) {
		return run, l, false
	}
	r.fence++
	r.Attempts++
	r.Status, r.Started, r.until = fresnel.Running, now, time.Now().Add(lease)
	return r.Run, fresnel.Lease{Run: r.ID, Fence: r.fence}, true
}

// held finds the run of a lease that is still its last.
func (q *queue) held(l fresnel.Lease) *ticket {
	if r := q.list[l.Run-1]; r.fence == l.Fence && r.Status == fresnel.Running {
		return r
	}
	return nil
}

func (q *queue) Heartbeat(_ context.Context, l fresnel.Lease, lease time.Duration, p fresnel.Progress) error {
	defer q.lock()()
	if q.heartbeat != nil {
		if err := q.heartbeat(l); err != nil {
			return err
		}
	}
	r := q.held(l)
	if r == nil {
		return fresnel.ErrLeaseLost
	}
	r.until, r.Progress = time.Now().Add(lease), p
	r.beats++
	return nil
}

func (q *queue) Release(_ context.Context, l fresnel.Lease) error {
	defer q.lock()()
	if r := q.held(l); r != nil {
		r.Status, r.until = fresnel.Queued, time.Time{}
		r.freed++
	}
	return nil
}

func (q *queue) Complete(_ context.Context, l fresnel.Lease, status fresnel.RunStatus, res fresnel.Result, reason, remedy string, now time.Time) error {
	defer q.lock()()
	if q.complete != nil {
		if err := q.complete(); err != nil {
			return err
		}
	}
	r := q.held(l)
	if r == nil {
		return fresnel.ErrLeaseLost
	}
	r.Status, r.Result, r.Reason, r.Do, r.Completed = status, res, reason, remedy, now
	q.open = slices.DeleteFunc(q.open, func(o *ticket) bool { return o == r })
	return nil
}

func (q *queue) Get(_ context.Context, _ fresnel.Scope, id fresnel.TenantID) (fresnel.Tenant, error) {
	defer q.lock()()
	if !slices.Contains(q.tenants, id) {
		return fresnel.Tenant{}, fresnel.Errorf(fresnel.NotFound, "there is no tenant %s", id)
	}
	return fresnel.Tenant{ID: id, Name: string(id)}, nil
}

// all copies the runs.
func (q *queue) all() []ticket {
	defer q.lock()()
	out := make([]ticket, len(q.list))
	for i, r := range q.list {
		out[i] = *r
	}
	return out
}

func (q *queue) run(id int64) ticket { return q.all()[id-1] }

// job is a Job made of a function.
type job struct {
	name string
	work func(ctx context.Context, t fresnel.Tenant) (fresnel.Result, error)
}

func (j job) Name() string { return cmp.Or(j.name, "costs") }

func (j job) Run(ctx context.Context, t fresnel.Tenant) (fresnel.Result, error) {
	return j.work(ctx, t)
}

// log is what a syncer has logged.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	lease = 30 * time.Second
	poll  = 2 * time.Second
)

// newSyncer makes a syncer on a queue for one job, with the settings of the program.
func newSyncer(q *queue, work func(context.Context, fresnel.Tenant) (fresnel.Result, error)) (*syncer.Syncer, *log) {
	l := &log{}
	return &syncer.Syncer{
		Jobs: []syncer.Scheduled{{Job: job{work: work}, Every: 4 * time.Hour}}, Queue: q, Tenants: q, Owner: "test:1",
		Workers: 4, Lease: lease, Poll: poll, Now: time.Now, Log: slog.New(slog.NewTextHandler(l, nil)),
	}, l
}

// begin runs a syncer until the returned function is called, which gives what Run returned.
func begin(ctx context.Context, s *syncer.Syncer, schedule bool) (end func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, schedule) }()
	return func() error {
		cancel()
		return <-done
	}
}

// read is the result of a run that read one subscription.
func read() fresnel.Result {
	return fresnel.Result{Read: 10, Written: 5, Parts: []fresnel.Part{{Subscription: "s", Name: "prod", State: fresnel.PartRead, Rows: 10}}}
}
