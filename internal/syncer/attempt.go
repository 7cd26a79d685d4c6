package syncer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"fresnel"
)

// attempt works on one claimed run to its end.
func (s *Syncer) attempt(ctx context.Context, run fresnel.Run, lease fresnel.Lease) {
	start := time.Now() //nolint:forbidigo // measures work, not the world
	log := s.Log.With("run", run.ID, "job", run.Job, "tenant", string(run.Tenant))
	log.InfoContext(ctx, "run started", "attempt", run.Attempts)
	workCtx, stop := context.WithCancelCause(fresnel.WithLease(ctx, lease))
	defer stop(nil)
	hb := &heartbeat{s: s, lease: lease}
	workCtx = fresnel.WithProgress(workCtx, hb.progress)
	workCtx = fresnel.WithWaitNotice(workCtx, hb.waiting)
	var beats sync.WaitGroup
	beats.Go(func() { hb.beat(workCtx, stop) })

	res, err := s.do(workCtx, run)
	lost := context.Cause(workCtx)
	stop(nil)
	beats.Wait()

	// The end of a run is written even while the program stops.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	switch {
	case ctx.Err() != nil && (err != nil || res.Status() != fresnel.Completed):
		if err := s.Queue.Release(end, lease); err != nil {
			log.WarnContext(end, "run not released", "err", err)
		}
		log.InfoContext(end, "run given back", "dur", time.Since(start)) //nolint:forbidigo // as above
	case errors.Is(err, fresnel.ErrLeaseLost), errors.Is(lost, fresnel.ErrLeaseLost):
		log.WarnContext(end, "run taken over by another process")
	default:
		s.finish(end, run, lease, res, err, time.Since(start)) //nolint:forbidigo // as above
	}
}

// do runs the job. A panic is a failed run, not the end of the program.
func (s *Syncer) do(ctx context.Context, run fresnel.Run) (res fresnel.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("syncer: %s of %s panicked: %v\n%s", run.Job, run.Tenant, p, debug.Stack())
		}
	}()
	j, ok := s.job(run.Job)
	if !ok {
		return res, fresnel.Errorf(fresnel.Invalid, "this version has no job %.40q", run.Job)
	}
	t, err := s.Tenants.Get(ctx, fresnel.AllTenants(), run.Tenant)
	if err != nil {
		return res, err
	}
	return j.Run(ctx, t)
}

func (s *Syncer) finish(ctx context.Context, run fresnel.Run, lease fresnel.Lease, res fresnel.Result, err error, took time.Duration) {
	log := s.Log.With("run", run.ID, "job", run.Job, "tenant", string(run.Tenant))
	status, reason, do := res.Status(), "", ""
	if err != nil {
		status = fresnel.Failed
		reason, do = fresnel.Reason(err)
		log.WarnContext(ctx, "run failed", "dur", took, "err", err)
	} else if status != fresnel.Completed {
		reason, do = partReason(res)
	}
	if err := s.Queue.Complete(ctx, lease, status, res, reason, do, s.Now()); err != nil {
		log.WarnContext(ctx, "run's end not recorded", "err", err)
		return
	}
	if err == nil {
		log.InfoContext(ctx, "run ended", "status", string(status), "rows", res.Read, "written", res.Written, "dur", took)
	}
	if s.Ended != nil {
		s.Ended(run, status, res, took)
	}
}

// partReason says in one line what a partial run lacks.
func partReason(res fresnel.Result) (reason, do string) {
	n := 0
	for _, p := range res.Parts {
		if p.State == fresnel.PartFailed {
			if n++; n == 1 {
				reason, do = p.Name+": "+p.Reason, p.Do
			}
		}
	}
	if n > 1 {
		reason = fmt.Sprintf("%d of %d subscriptions not read; %s", n, len(res.Parts), reason)
	}
	return reason, do
}

// heartbeat keeps a lease while its run is worked on.
type heartbeat struct {
	s     *Syncer
	lease fresnel.Lease

	mu      sync.Mutex
	now     fresnel.Progress
	waiters int
}

func (h *heartbeat) progress(done, total, rows int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	// Reports of parallel work may come out of order.
	h.now.Done, h.now.Total, h.now.Rows = max(h.now.Done, done), max(h.now.Total, total), max(h.now.Rows, rows)
}

// waiting notes that work waits for Azure; the zero time ends one wait.
func (h *heartbeat) waiting(until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until.IsZero() {
		if h.waiters--; h.waiters == 0 {
			h.now.Wait = time.Time{}
		}
		return
	}
	h.waiters++
	if until.After(h.now.Wait) {
		h.now.Wait = until
	}
}

func (h *heartbeat) get() fresnel.Progress {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// beat writes progress every second where there is some, and a bare heartbeat
// well within the lease; it ends the work when the lease is lost.
func (h *heartbeat) beat(ctx context.Context, stop context.CancelCauseFunc) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	var told fresnel.Progress
	last := time.Now() //nolint:forbidigo // leases are real time
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		p := h.get()
		if p == told && time.Since(last) < h.s.Lease/4 { //nolint:forbidigo // as above
			continue
		}
		err := h.s.Queue.Heartbeat(ctx, h.lease, h.s.Lease, p)
		switch {
		case err == nil:
			told, last = p, time.Now() //nolint:forbidigo // as above
		case errors.Is(err, fresnel.ErrLeaseLost):
			stop(err)
			return
		case time.Since(last) > h.s.Lease: //nolint:forbidigo // as above
			stop(fresnel.ErrLeaseLost) // by now somebody else may have it
			return
		}
	}
}
