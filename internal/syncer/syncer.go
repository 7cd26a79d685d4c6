// Package syncer decides when which job runs for which tenant, and sees to it
// that each run is worked on by one process at a time, taken over from a
// process that died, and ended in good order when the program stops.
//
// It knows only Job. What a job reads and writes is the domain's business.
package syncer

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"fresnel"
)

// Job is a kind of sync.
type Job interface {
	Name() string
	// Run works on one tenant. An error means that nothing could be read.
	Run(ctx context.Context, t fresnel.Tenant) (fresnel.Result, error)
}

// Candidate is a run that may be claimed.
type Candidate struct{ ID, Fence int64 }

// Due is a tenant without an open run of a job.
type Due struct {
	Tenant fresnel.TenantID
	Last   time.Time // when its last run was queued; zero = never
	Failed bool      // the last run could read nothing
}

// retryFailed is how soon a tenant is tried again of which nothing could be
// read: what was wrong (a vault, a token, a network) mostly passes.
const retryFailed = 30 * time.Minute

// Queue keeps runs and leases. Its methods fail with Conflict where another
// process holds the run, with Unavailable where the database does not answer.
type Queue interface {
	Enqueue(ctx context.Context, job string, tenant fresnel.TenantID, now time.Time) (int64, error)
	Due(ctx context.Context, job string) ([]Due, error)
	Ready(ctx context.Context, limit int) ([]Candidate, error)
	Claim(ctx context.Context, c Candidate, owner string, lease time.Duration, now time.Time) (fresnel.Run, fresnel.Lease, bool, error)
	Leases
}

// Leases are the calls that the holder of a lease makes.
type Leases interface {
	Heartbeat(ctx context.Context, l fresnel.Lease, lease time.Duration, p fresnel.Progress) error
	Release(ctx context.Context, l fresnel.Lease) error
	Complete(ctx context.Context, l fresnel.Lease, status fresnel.RunStatus, res fresnel.Result, reason, remedy string, now time.Time) error
}

// Tenants gives the tenant of a run.
type Tenants interface {
	Get(ctx context.Context, s fresnel.Scope, id fresnel.TenantID) (fresnel.Tenant, error)
}

// Scheduled is a job with its rhythm.
type Scheduled struct {
	Job
	Every time.Duration // 0 = only when asked
}

// Syncer runs jobs. The zero values of its settings are not usable: fill all.
type Syncer struct {
	Jobs    []Scheduled
	Queue   Queue
	Tenants Tenants
	Owner   string        // names this process in leases
	Workers int           // runs worked on at the same time
	Lease   time.Duration // after so long without a heartbeat a run is taken over
	Poll    time.Duration // how often runs queued by other processes are looked for
	Now     func() time.Time
	Log     *slog.Logger
	// Ended is told of every run that this process ended. It may be nil.
	Ended func(run fresnel.Run, status fresnel.RunStatus, res fresnel.Result, took time.Duration)

	wake chan struct{}
	once sync.Once
}

func (s *Syncer) init() { s.once.Do(func() { s.wake = make(chan struct{}, 1) }) }

// Wake has the queue looked at now.
func (s *Syncer) Wake() {
	s.init()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Trigger queues a job for tenants and gives the runs it started, and how many
// tenants had one under way already. It fails with NotFound on an unknown job,
// and with Conflict where every tenant has a run under way.
func (s *Syncer) Trigger(ctx context.Context, job string, tenants []fresnel.TenantID) (runs []int64, busy int, err error) {
	if _, ok := s.job(job); !ok {
		return nil, 0, fresnel.Errorf(fresnel.NotFound, "there is no sync of type %.40q", job)
	}
	for _, t := range tenants {
		id, err := s.Queue.Enqueue(ctx, job, t, s.Now())
		switch {
		case fresnel.KindOf(err) == fresnel.Conflict:
			busy++
		case err != nil:
			return runs, busy, err
		default:
			runs = append(runs, id)
		}
	}
	if len(runs) == 0 && busy > 0 {
		return nil, busy, fresnel.Errorf(fresnel.Conflict, "a %s sync is under way for each of the %d tenants", job, busy)
	}
	s.Wake()
	return runs, busy, nil
}

func (s *Syncer) job(name string) (Scheduled, bool) {
	for _, j := range s.Jobs {
		if j.Name() == name {
			return j, true
		}
	}
	return Scheduled{}, false
}

// Run schedules and works until ctx ends; it returns when every run has been
// ended or given back to the queue.
func (s *Syncer) Run(ctx context.Context, schedule bool) error {
	s.init()
	var wg sync.WaitGroup
	slots := make(chan struct{}, s.Workers)
	tick := time.NewTicker(s.Poll)
	defer tick.Stop()
	defer wg.Wait()
	for {
		if schedule {
			s.schedule(ctx)
		}
		s.work(ctx, slots, &wg)
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// Drain works until no run is open for this process to take, then returns. It
// serves the sync command.
func (s *Syncer) Drain(ctx context.Context, open func(context.Context) (bool, error)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, false) }()
	for {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), <-done)
		case <-time.After(200 * time.Millisecond):
		}
		more, err := open(ctx)
		if err != nil || !more {
			stop()
			return errors.Join(err, <-done)
		}
	}
}

// schedule queues the jobs whose time has come.
func (s *Syncer) schedule(ctx context.Context) {
	now := s.Now()
	for _, j := range s.Jobs {
		if j.Every <= 0 {
			continue
		}
		due, err := s.Queue.Due(ctx, j.Name())
		if err != nil {
			s.complain(ctx, err)
			continue
		}
		for _, d := range due {
			every := j.Every
			if d.Failed {
				every = min(every, retryFailed)
			}
			if !d.Last.IsZero() && now.Before(d.Last.Add(jittered(every, d))) {
				continue
			}
			if _, err := s.Queue.Enqueue(ctx, j.Name(), d.Tenant, now); err != nil && fresnel.KindOf(err) != fresnel.Conflict {
				s.complain(ctx, err)
			}
		}
	}
}

// jittered spreads the runs of many tenants by up to a tenth of the interval,
// differently each time but the same for all processes.
func jittered(every time.Duration, d Due) time.Duration {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s%d", d.Tenant, d.Last.UnixMicro())
	return every - every/20 + time.Duration(float64(every)/10*float64(h.Sum32()%1000)/1000)
}

// complain logs what the next round will try again; the error says what it was.
func (s *Syncer) complain(ctx context.Context, err error) {
	if ctx.Err() == nil {
		s.Log.WarnContext(ctx, "queue not served", "err", err)
	}
}

// work claims ready runs while there are free slots.
func (s *Syncer) work(ctx context.Context, slots chan struct{}, wg *sync.WaitGroup) {
	free := cap(slots) - len(slots)
	if free == 0 || ctx.Err() != nil {
		return
	}
	ready, err := s.Queue.Ready(ctx, 4*cap(slots))
	if err != nil {
		s.complain(ctx, err)
		return
	}
	// In their order, although other processes see the same list and some
	// claims are in vain: a killed process's run is older than what is queued,
	// and would otherwise wait with it.
	for _, c := range ready {
		select {
		case slots <- struct{}{}:
		default:
			return
		}
		run, lease, ok, err := s.claim(ctx, c)
		if err != nil || !ok {
			<-slots
			if err != nil {
				s.complain(ctx, err)
			}
			continue
		}
		wg.Go(func() {
			defer func() { <-slots; s.Wake() }()
			s.attempt(ctx, run, lease)
		})
	}
}

// claim is not ended by the end of the program: a run that was claimed without
// our hearing of it could not be given back, and would wait for its lease.
func (s *Syncer) claim(ctx context.Context, c Candidate) (fresnel.Run, fresnel.Lease, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return s.Queue.Claim(ctx, c, s.Owner, s.Lease, s.Now())
}
