package cost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fresnel"
)

// Sync is the job that reads a tenant's costs: first the months asked for,
// then always the current and the whole previous month, because Azure goes on
// changing them.
type Sync struct {
	Source   Source
	Sink     Sink
	Registry Registry
	Now      func() time.Time
	Months   int // how many months to hold, the current one included; at least 2
	Parallel int // subscriptions of a tenant read at the same time
	Log      *slog.Logger
}

// Name is the job's name in sync_jobs and in /sync/{type}.
func (s *Sync) Name() string { return "costs" }

// Run reads one tenant. An error means that nothing could be read; a
// subscription that could not be read is a failed part of the result.
func (s *Sync) Run(ctx context.Context, t fresnel.Tenant) (fresnel.Result, error) {
	subs, err := s.Registry.Refresh(ctx, t)
	if err != nil {
		return fresnel.Result{}, fmt.Errorf("cost: list subscriptions of %s: %w", t.ID, err)
	}
	w := &work{Sync: s, tenant: t, parts: make([]fresnel.Part, len(subs))}
	w.subs, w.failed, w.refused = subs, make([]bool, len(subs)), make([]bool, len(subs))
	plans := make([][]Window, len(subs))
	for i, sub := range subs {
		w.parts[i] = fresnel.Part{Subscription: sub.ID, Name: sub.Name, State: fresnel.PartRead}
		skip, err := s.skip(ctx, sub, &w.parts[i])
		if err != nil {
			return fresnel.Result{}, err
		}
		if skip {
			continue
		}
		if plans[i], err = s.plan(ctx, t, sub); err != nil {
			return fresnel.Result{}, err
		}
		w.total += len(plans[i])
	}
	fresnel.ReportProgress(ctx, 0, w.total, 0)
	// The open months of every subscription come before the history of any: a
	// tenant's current figures are whole as soon as they can be.
	if err = w.all(ctx, plans, 0, openWindows); err == nil {
		err = w.all(ctx, plans, openWindows, math.MaxInt)
	}
	return w.result(), err
}

// openWindows is how many windows of a plan are of the current and the
// previous month.
const openWindows = 2 * 2 // months by metrics

// all reads the windows from..to of every plan, several subscriptions at a time.
func (w *work) all(ctx context.Context, plans [][]Window, from, to int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, w.Parallel))
	for i, plan := range plans {
		part := plan[min(from, len(plan)):min(to, len(plan))]
		if len(part) > 0 && !w.refused[i] {
			g.Go(func() error { return w.subscription(ctx, i, part, len(plan)-from, len(plan) <= to) })
		}
	}
	return g.Wait()
}

// skip decides about subscriptions that are not asked for costs.
func (s *Sync) skip(ctx context.Context, sub fresnel.Subscription, p *fresnel.Part) (bool, error) {
	switch {
	case sub.State == fresnel.Deleted:
		p.State, p.Reason = fresnel.PartSkipped, "the subscription is deleted; its history is kept"
	case sub.State == fresnel.Gone:
		p.State, p.Reason = fresnel.PartSkipped, "Azure has not listed this subscription for a week; its history is kept"
	case sub.State == fresnel.Absent:
		p.State = fresnel.PartFailed
		p.Reason = "Azure no longer lists this subscription; what is held is kept"
		p.Do = "If it was moved or cancelled, nothing is to be done; otherwise restore the Lighthouse delegation or the app's role."
	case OfferSupport(sub.QuotaID) == NotSupported:
		p.State, p.Reason = fresnel.PartSkipped, fmt.Sprintf("the offer %s has no cost data in Cost Management", sub.QuotaID)
		return true, s.Registry.SetCostState(ctx, sub.ID, fresnel.CostUnsupported, p.Reason)
	case sub.Cost == fresnel.CostUnsupported:
		p.State, p.Reason = fresnel.PartSkipped, sub.CostReason
	default:
		return false, nil
	}
	return true, nil
}

// plan lists the windows to read, newest month first: months never read, or
// last read before they closed, and in any case the current and previous one.
func (s *Sync) plan(ctx context.Context, t fresnel.Tenant, sub fresnel.Subscription) ([]Window, error) {
	reads, err := s.Sink.Read(ctx, sub.ID)
	if err != nil {
		return nil, fmt.Errorf("cost: months held of %s: %w", sub.ID, err)
	}
	type month struct {
		metric Metric
		first  fresnel.Day
	}
	held := make(map[month]time.Time, len(reads))
	for _, r := range reads {
		held[month{r.Metric, r.Month}] = r.At
	}
	today := fresnel.DayOf(s.Now())
	var windows []Window
	for back := range max(2, s.Months) {
		first := today.AddMonths(-back)
		end := first.AddMonths(1)
		for _, m := range Metrics() {
			at, ok := held[month{m, first}]
			if back >= 2 && ok && !at.Before(end.Time().Add(ClosedAfter)) {
				continue
			}
			windows = append(windows, Window{
				Tenant: t.ID, Subscription: sub.ID, Metric: m,
				Days: fresnel.Period{From: first, To: min(end, today+1)},
			})
		}
	}
	return windows, nil
}

// work is one run over one tenant.
type work struct {
	*Sync
	tenant fresnel.Tenant

	subs          []fresnel.Subscription
	failed        []bool // by position: a window was not read; written by the subscription's goroutine only
	refused       []bool // by position: Azure refuses the subscription as a whole
	mu            sync.Mutex
	parts         []fresnel.Part // one per subscription, by position
	done, total   int
	read, written int
}

// subscription reads windows of one subscription one after the other; open is
// how many are left of its plan, last whether these are the last of it. Only a
// lost lease or a cancelled run ends the others.
func (w *work) subscription(ctx context.Context, i int, part []Window, open int, last bool) error {
	for n, win := range part {
		read, written, err := w.window(ctx, win)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, fresnel.ErrLeaseLost) {
			return err
		}
		left := 1
		if err != nil {
			w.failed[i] = true
			if err := w.fail(ctx, i, win, err); err != nil {
				return err
			}
			if k := fresnel.KindOf(err); k == fresnel.Denied || k == fresnel.Unsupported || k == fresnel.NotFound {
				left, w.refused[i] = open-n, true // the other months would answer the same
			}
		}
		w.advance(ctx, i, left, read, written)
		if w.refused[i] {
			return nil
		}
	}
	if w.failed[i] || !last {
		return nil
	}
	return w.judge(ctx, i)
}

// judge decides what a subscription read in full says about its offer. Silence
// proves nothing: only an offer known to have cost data may have cost nothing.
func (w *work) judge(ctx context.Context, i int) error {
	sub := w.subs[i]
	w.mu.Lock()
	p := &w.parts[i]
	state, reason := fresnel.CostSupported, ""
	if p.Rows == 0 && sub.Cost != fresnel.CostSupported && OfferSupport(sub.QuotaID) != Supported {
		state, reason = fresnel.CostUnsupported, fmt.Sprintf("Azure gave no cost, and the offer %q is not known to have cost data", sub.QuotaID)
		p.State, p.Reason = fresnel.PartSkipped, reason
	}
	w.mu.Unlock()
	if err := w.Registry.SetCostState(ctx, sub.ID, state, reason); err != nil {
		return fmt.Errorf("cost: state of %s: %w", sub.ID, err)
	}
	return nil
}

func (w *work) window(ctx context.Context, win Window) (read, written int, err error) {
	// Nobody above recovers a panic of this goroutine: it would end the program.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cost: %s %s %s panicked: %v\n%s", win.Subscription, win.Days, win.Metric, p, debug.Stack())
		}
	}()
	win.Asked = w.Now()
	var lines []Line
	for l, err := range w.Source.DailyCosts(ctx, w.tenant, win) {
		if err != nil {
			return 0, 0, fmt.Errorf("cost: read %s %s %s: %w", win.Subscription, win.Days, win.Metric, err)
		}
		if !win.Days.Contains(l.Day) {
			return 0, 0, fresnel.Errorf(fresnel.Unavailable, "Azure answered for %s, which was not asked (%s)", l.Day, win.Days)
		}
		lines = append(lines, l)
	}
	written, err = w.Sink.Replace(ctx, win, lines)
	if err != nil {
		return 0, 0, fmt.Errorf("cost: replace %s %s %s: %w", win.Subscription, win.Days, win.Metric, err)
	}
	return len(lines), written, nil
}

// fail records why a window was not read: a subscription's first reason stands.
func (w *work) fail(ctx context.Context, i int, win Window, cause error) error {
	msg, do := fresnel.Reason(cause)
	sub := w.parts[i].Subscription
	kind := fresnel.KindOf(cause)
	w.Log.WarnContext(ctx, "cost window not read", "tenant", string(w.tenant.ID), "subscription", sub,
		"window", win.Days.String(), "metric", win.Metric.String(), "err", cause)
	w.mu.Lock()
	p := &w.parts[i]
	if p.Reason == "" {
		p.Reason, p.Do = msg, do
		if kind != fresnel.Denied && kind != fresnel.Unsupported {
			p.Reason = win.Days.From.Time().Format("Jan 2006") + ": " + msg
		}
	}
	p.State = fresnel.PartFailed
	if kind == fresnel.Unsupported {
		p.State = fresnel.PartSkipped
	}
	w.mu.Unlock()
	switch kind {
	case fresnel.Unsupported:
		return w.Registry.SetCostState(ctx, sub, fresnel.CostUnsupported, msg)
	case fresnel.Denied:
		return w.Registry.SetCostState(ctx, sub, fresnel.CostDenied, msg)
	}
	return nil
}

func (w *work) advance(ctx context.Context, i, windows, read, written int) {
	w.mu.Lock()
	w.done += windows
	w.read += read
	w.written += written
	w.parts[i].Rows += read
	done, total, rows := w.done, w.total, w.read
	w.mu.Unlock()
	fresnel.ReportProgress(ctx, done, total, rows)
}

func (w *work) result() fresnel.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fresnel.Result{Read: w.read, Written: w.written, Parts: slices.Clone(w.parts)}
}
