package fresnel

import (
	"context"
	"time"
)

// RunStatus is where a sync run stands.
type RunStatus string

// The statuses of a sync run.
const (
	Queued    RunStatus = "queued"
	Running   RunStatus = "running"
	Completed RunStatus = "completed" // everything was read
	Partial   RunStatus = "partial"   // something could not be read; Parts say what and why
	Failed    RunStatus = "failed"    // nothing could be read
)

// Part says how one subscription fared in a run.
type Part struct {
	Subscription string // GUID
	Name         string
	State        PartState
	Reason       string // what happened, to what; empty when all was read
	Do           string // what to do about it
	Rows         int    // rows read: cells of cost, resources
}

// PartState is the outcome of a part of a run.
type PartState string

// The states of a part. Skipped is a thing that Azure never gives (an offer
// without costs): it is not a failure of the run, and it is not zero either.
const (
	PartRead    PartState = "read"
	PartFailed  PartState = "failed"
	PartSkipped PartState = "skipped"
)

// Result is what a run did.
type Result struct {
	Read    int // rows received
	Written int // rows inserted, changed or removed; 0 when nothing was new
	Parts   []Part
}

// Status derives how the run ended from its parts.
func (r Result) Status() RunStatus {
	read, failed := 0, 0
	for _, p := range r.Parts {
		switch p.State {
		case PartRead:
			read++
		case PartFailed:
			failed++
		case PartSkipped:
		}
	}
	switch {
	case failed == 0:
		return Completed
	case read == 0:
		return Failed
	default:
		return Partial
	}
}

// Run is one attempt of a job for one tenant: a row of sync_jobs.
type Run struct {
	ID         int64
	Job        string
	Tenant     TenantID
	TenantName string
	Status     RunStatus
	Queued     time.Time
	Started    time.Time // zero = not yet
	Completed  time.Time // zero = not yet
	Attempts   int
	Progress   Progress
	Result     Result // Parts only where they were asked for
	Reason     string // error_message of the brief
	Do         string
}

// Progress is how far a run has come.
type Progress struct {
	Done, Total int       // windows; Total 0 = not known yet
	Rows        int       // rows read so far
	Wait        time.Time // Azure asked to wait until then; zero = it did not
}

// Lease is the right to work on a run. Every write of a run carries it: a
// write under a fence that is no longer the run's last is refused.
type Lease struct {
	Run   int64
	Fence int64
}

// ErrLeaseLost ends the work on a run whose lease another process has taken
// over. Its kind is Conflict.
var ErrLeaseLost error = &Error{Kind: Conflict, Msg: "the run was taken over by another process"}

type ctxKey int

const (
	leaseKey ctxKey = iota
	progressKey
	waitKey
)

// WithLease gives the writes made under ctx the lease of a run.
func WithLease(ctx context.Context, l Lease) context.Context {
	return context.WithValue(ctx, leaseKey, l)
}

// LeaseFrom is the lease that ctx carries.
func LeaseFrom(ctx context.Context) (Lease, bool) {
	l, ok := ctx.Value(leaseKey).(Lease)
	return l, ok
}

// WithProgress has report called as the work under ctx advances; it must not
// block and may be called from several goroutines.
func WithProgress(ctx context.Context, report func(done, total, rows int)) context.Context {
	return context.WithValue(ctx, progressKey, report)
}

// ReportProgress tells how many windows of how many are done, and how many
// rows they had.
func ReportProgress(ctx context.Context, done, total, rows int) {
	if f, ok := ctx.Value(progressKey).(func(int, int, int)); ok {
		f(done, total, rows)
	}
}

// WithWaitNotice has notice called when the work under ctx must wait for
// Azure until an instant; it must not block.
func WithWaitNotice(ctx context.Context, notice func(until time.Time)) context.Context {
	return context.WithValue(ctx, waitKey, notice)
}

// NoticeWait tells that the work waits until an instant.
func NoticeWait(ctx context.Context, until time.Time) {
	if f, ok := ctx.Value(waitKey).(func(time.Time)); ok {
		f(until)
	}
}

// Skip tells that a subscription is not asked for, and says why in its part.
func (s Subscription) Skip(p *Part) bool {
	switch s.State {
	case Deleted:
		p.State, p.Reason = PartSkipped, "the subscription is deleted; its history is kept"
	case Gone:
		p.State, p.Reason = PartSkipped, "Azure has not listed this subscription for a week; its history is kept"
	case Absent:
		p.State = PartFailed
		p.Reason = "Azure no longer lists this subscription; what is held is kept"
		p.Do = "If it was moved or cancelled, nothing is to be done; otherwise restore the Lighthouse delegation or the app's role."
	case Elsewhere:
		p.State = PartFailed
		p.Reason = "this subscription is held under the tenant that it was in before, with its history; what Azure lists of it here is not read"
		p.Do = "Its figures of before stay where they are. Fresnel does not follow a subscription into another tenant."
	default:
		return false
	}
	return true
}
