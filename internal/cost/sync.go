package cost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fresnel"
)

// Sync is the job that reads a tenant's costs: always the current and the
// whole previous month, because Azure goes on changing them, and the months
// before that are missing. Then it has the anomalies found.
type Sync struct {
	Source   Source
	Sink     Sink
	Registry Registry
	Budgets  BudgetSource
	Kept     BudgetSink
	Now      func() time.Time
	Months   int // how many months to hold, the current one included; at least 2
	Parallel int // subscriptions of a tenant read at the same time
	Log      *slog.Logger
	// Found is called with the subscriptions of a tenant whose charges were
	// read. It may be nil.
	Found func(ctx context.Context, t fresnel.Tenant, subscriptions []string) error
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
	w.subs, w.failed, w.refused, w.silent = subs, make([]bool, len(subs)), make([]bool, len(subs)), make([]int, len(subs))
	plans := make([]plan, len(subs))
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
		w.total += plans[i].windows()
	}
	fresnel.ReportProgress(ctx, 0, w.total, 0)
	for stage := range stages {
		if err := w.all(ctx, plans, stage); err != nil {
			return w.result(), err
		}
		if stage == stageOpen {
			if err := w.budgets(ctx, plans); err != nil {
				return w.result(), err
			}
		}
	}
	if w.charges && s.Found != nil {
		if err := s.Found(ctx, t, w.asked(plans)); err != nil {
			return w.result(), fmt.Errorf("cost: anomalies of %s: %w", t.ID, err)
		}
	}
	return w.result(), nil
}

// asked lists the subscriptions that Azure gives costs of.
func (w *work) asked(plans []plan) []string {
	var out []string
	for i, p := range plans {
		if p.windows() > 0 && !w.refused[i] {
			out = append(out, w.subs[i].ID)
		}
	}
	return out
}

// all reads a stage of every plan, several subscriptions at a time.
func (w *work) all(ctx context.Context, plans []plan, stage int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, w.Parallel))
	for i, p := range plans {
		open := 0
		for _, later := range p[stage:] {
			open += len(later)
		}
		if len(p[stage]) > 0 && !w.refused[i] {
			g.Go(func() error { return w.subscription(ctx, i, p[stage], open) })
		}
	}
	return g.Wait()
}

// skip decides about subscriptions that are not asked for costs.
func (s *Sync) skip(ctx context.Context, sub fresnel.Subscription, p *fresnel.Part) (bool, error) {
	switch {
	case sub.Skip(p):
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

// work is one run over one tenant.
type work struct {
	*Sync
	tenant fresnel.Tenant

	subs          []fresnel.Subscription
	failed        []bool // by position: a window was not read; written by the subscription's goroutine only
	refused       []bool // by position: nothing more is asked of the subscription in this run
	silent        []int  // by position: windows that failed since the last that was read
	mu            sync.Mutex
	parts         []fresnel.Part // one per subscription, by position
	done, total   int
	read, written int
	charges       bool // some were read
}

// maxSilent is how many windows of a subscription may fail one after the other
// before the rest is left for the next run: each has used up its own retries,
// and a backfill against an API that is down would take hours to fail.
const maxSilent = 4

// subscription reads windows of one subscription one after the other; open is
// how many are left of its plan. Only a lost lease or a cancelled run ends the
// others.
func (w *work) subscription(ctx context.Context, i int, part []Window, open int) error {
	for n, win := range part {
		if w.silent[i] >= maxSilent {
			w.advance(ctx, i, open-n, 0, 0, false)
			w.refused[i] = true
			return nil
		}
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
			w.silent[i]++
		} else {
			w.silent[i] = 0
		}
		w.advance(ctx, i, left, read, written, err == nil && win.Cut == CutCharges)
		if w.refused[i] {
			return nil
		}
	}
	if w.failed[i] || open > len(part) {
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
	for l, err := range w.Source.Costs(ctx, w.tenant, win) {
		if err != nil {
			return 0, 0, fmt.Errorf("cost: read %s %s %s: %w", win.Subscription, win.Days, win.Metric, err)
		}
		if !win.Days.Contains(l.Day) {
			return 0, 0, fresnel.Errorf(fresnel.Unavailable, "Azure answered for %s, which was not asked (%s)", l.Day, win.Days)
		}
		lines = append(lines, l)
	}
	for _, month := range win.Days.Months() {
		one := win
		one.Days = month
		n, err := w.Sink.Replace(ctx, one, linesOf(lines, month))
		if err != nil {
			return 0, written, fmt.Errorf("cost: replace %s %s %s: %w", win.Subscription, month, win.Metric, err)
		}
		written += n
	}
	return len(lines), written, nil
}

// linesOf gives the lines of a month; mostly that is all of them.
func linesOf(lines []Line, month fresnel.Period) []Line {
	outside := func(l Line) bool { return !month.Contains(l.Day) }
	if !slices.ContainsFunc(lines, outside) {
		return lines
	}
	return slices.DeleteFunc(slices.Clone(lines), outside)
}

// fail records why a window was not read: a subscription's first reason stands.
func (w *work) fail(ctx context.Context, i int, win Window, cause error) error {
	msg, do := fresnel.Reason(cause)
	sub := w.parts[i].Subscription
	kind := fresnel.KindOf(cause)
	w.Log.WarnContext(ctx, "cost window not read", "tenant", string(w.tenant.ID), "subscription", sub,
		"window", win.Days.String(), "metric", win.Metric.String(), "cut", win.Cut.String(), "err", cause)
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

// budgets reads the budgets that Azure has, once a day. Where it has none to
// tell, nothing is missing.
func (w *work) budgets(ctx context.Context, plans []plan) error {
	if w.Budgets == nil {
		return nil
	}
	for i, p := range plans {
		sub := w.subs[i].ID
		if p.windows() == 0 || w.refused[i] {
			continue
		}
		at, err := w.Kept.AzureRead(ctx, sub)
		if err != nil {
			return fmt.Errorf("cost: budgets held of %s: %w", sub, err)
		}
		now := w.Now()
		if !at.IsZero() && now.Sub(at) < detailEvery && !now.Before(at) {
			continue
		}
		list, err := w.Budgets.Budgets(ctx, w.tenant, sub)
		if err == nil {
			err = w.Kept.ReplaceAzure(ctx, w.tenant.ID, sub, list, now)
		}
		switch kind := fresnel.KindOf(err); {
		case err == nil, kind == fresnel.NotFound, kind == fresnel.Unsupported:
		case ctx.Err() != nil, errors.Is(err, fresnel.ErrLeaseLost):
			return err
		default:
			w.noBudgets(ctx, i, err)
		}
	}
	return nil
}

func (w *work) noBudgets(ctx context.Context, i int, cause error) {
	msg, do := fresnel.Reason(cause)
	w.Log.WarnContext(ctx, "budgets not read", "tenant", string(w.tenant.ID), "subscription", w.subs[i].ID, "err", cause)
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &w.parts[i]
	if p.State = fresnel.PartFailed; p.Reason == "" {
		p.Reason, p.Do = "budgets: "+msg, do
	}
}

func (w *work) advance(ctx context.Context, i, windows, read, written int, charges bool) {
	w.mu.Lock()
	w.charges = w.charges || charges
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
