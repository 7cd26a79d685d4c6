package inventory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fresnel"
)

// Sink keeps resources.
type Sink interface {
	// Put adds or changes resources of one subscription and gives how many were
	// not held as they are. It fails with Conflict under a lost lease.
	Put(ctx context.Context, t fresnel.TenantID, subscription string, list []Resource, now time.Time) (written int, err error)
	// Finish ends the reading of a subscription: what is held of it and not in
	// seen (ids in lower case) is gone. It gives how many are.
	Finish(ctx context.Context, t fresnel.TenantID, subscription string, seen map[string]struct{}, asked, now time.Time) (gone int, err error)
	ChangeSink
}

// Registry knows the subscriptions of a tenant.
type Registry interface {
	Refresh(ctx context.Context, t fresnel.Tenant) ([]fresnel.Subscription, error)
}

// Sync is the job that reads what a tenant has.
type Sync struct {
	Source   Source
	Sink     Sink
	Registry Registry
	Now      func() time.Time
	Log      *slog.Logger
	// Found is called with a tenant whose inventory was read, to look for waste.
	// It may be nil.
	Found func(ctx context.Context, t fresnel.Tenant) error
}

// Name is the job's name in sync_jobs and in /sync/{type}.
func (s *Sync) Name() string { return "resources" }

// batch is how many resources are put at a time.
const batch = 500

// Run reads one tenant in one stream. A subscription counts as read only where
// Azure told of the subscription itself, before and after, and the stream came to its end: Resource
// Graph is silent about what we may not read, and silence deletes nothing.
func (s *Sync) Run(ctx context.Context, t fresnel.Tenant) (fresnel.Result, error) {
	subs, err := s.Registry.Refresh(ctx, t)
	if err != nil {
		return fresnel.Result{}, fmt.Errorf("inventory: list subscriptions of %s: %w", t.ID, err)
	}
	r := &run{Sync: s, tenant: t, asked: s.Now(), at: map[string]*reading{}}
	var ids []string
	for _, sub := range subs {
		part := &fresnel.Part{Subscription: sub.ID, Name: sub.Name, State: fresnel.PartRead}
		r.parts = append(r.parts, part)
		if sub.Skip(part) {
			if sub.State == fresnel.Deleted { // and nothing in it is there; of one that is not listed any more, nobody knows
				if err := r.finish(ctx, sub.ID, nil); err != nil {
					return r.result(), err
				}
			}
			continue
		}
		ids = append(ids, sub.ID)
		r.at[sub.ID] = &reading{part: part, seen: map[string]struct{}{}}
	}
	fresnel.ReportProgress(ctx, 0, len(ids), 0)
	if len(ids) > 0 {
		// Before the resources: what Azure tells of a change is not told again
		// as something that only we saw.
		if err := r.changes(ctx, ids); err != nil {
			return r.result(), err
		}
		if err := r.stream(ctx, ids); err != nil {
			return r.result(), err
		}
	}
	if s.Found != nil && !r.cut { // of half an inventory, rules would say what is not so
		if err := s.Found(ctx, t); err != nil {
			return r.result(), fmt.Errorf("inventory: waste of %s: %w", t.ID, err)
		}
	}
	return r.result(), nil
}

// run is one reading of one tenant.
type run struct {
	*Sync
	tenant        fresnel.Tenant
	asked         time.Time
	parts         []*fresnel.Part
	at            map[string]*reading // by subscription
	read, written int
	open          int  // resources that are not put yet
	cut           bool // the stream ended too early
	history       bool // Azure told of all changes
}

// reading is how far a subscription has been read.
type reading struct {
	part *fresnel.Part
	open []Resource          // not put yet
	seen map[string]struct{} // keys
	told bool                // Azure told of the subscription itself
}

// changes reads what happened since the last reading. Without it the inventory
// is whole all the same: then the history has what we see ourselves.
func (r *run) changes(ctx context.Context, ids []string) error {
	since, err := r.Sink.ChangesSince(ctx, r.tenant.ID, ids)
	if err != nil {
		return fmt.Errorf("inventory: changes since: %w", err)
	}
	var open []Change
	put := func() error {
		if len(open) == 0 {
			return nil
		}
		_, err := r.Sink.PutChanges(ctx, r.tenant.ID, open, r.Now())
		open = open[:0]
		return err
	}
	for c, err := range r.Source.Changes(ctx, r.tenant, ids, since) {
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			msg, do := fresnel.Reason(err)
			r.Log.WarnContext(ctx, "changes not read", "tenant", string(r.tenant.ID), "err", err)
			for _, at := range r.at {
				at.part.Reason, at.part.Do = "what changed, and who changed it, was not read: "+msg, do
			}
			if err := put(); err != nil {
				return fmt.Errorf("inventory: put changes: %w", err)
			}
			return nil // and asked for again by the next run, as far back as Azure tells
		}
		if r.at[c.Subscription] == nil {
			continue // Azure answers for a subscription that was not asked for
		}
		if open = append(open, c); len(open) >= batch {
			if err := put(); err != nil {
				return fmt.Errorf("inventory: put changes: %w", err)
			}
		}
	}
	if err := put(); err != nil {
		return fmt.Errorf("inventory: put changes: %w", err)
	}
	r.history = true
	return nil
}

func (r *run) stream(ctx context.Context, ids []string) error {
	for res, err := range r.Source.Resources(ctx, r.tenant, ids) {
		if err != nil {
			return r.broken(ctx, err)
		}
		at := r.at[res.Subscription]
		if at == nil {
			continue // Azure answers for a subscription that was not asked for
		}
		r.read++
		at.part.Rows++
		at.told = at.told || res.Type == typeSubscription
		at.seen[res.Key()] = struct{}{}
		at.open = append(at.open, res)
		// Rows come by id, so that most of a batch is of one subscription; to
		// keep a batch of each would be to keep the tenant.
		if r.open++; r.open >= batch {
			for _, id := range ids {
				if err := r.flush(ctx, id, r.at[id]); err != nil {
					return err
				}
			}
		}
	}
	// Who lost the right to read a subscription meanwhile was told less and less
	// of it, without a word: only what Azure still names was read in full.
	still, err := r.Source.Told(ctx, r.tenant, ids)
	if err != nil {
		return r.broken(ctx, err)
	}
	var whole []string
	for done, id := range ids {
		at := r.at[id]
		if err := r.flush(ctx, id, at); err != nil {
			return err
		}
		fresnel.ReportProgress(ctx, done+1, len(ids), r.read)
		if !at.told || !still[id] {
			at.part.State = fresnel.PartFailed
			at.part.Reason = "Resource Graph tells nothing of this subscription; what is held is kept"
			at.part.Do = "Give Fresnel's app the role Reader on the subscription; a new role takes up to 10 minutes."
			continue
		}
		whole = append(whole, id)
		if err := r.finish(ctx, id, at.seen); err != nil {
			return err
		}
	}
	if !r.history || len(whole) == 0 {
		return nil
	}
	if err := r.Sink.ChangesRead(ctx, r.tenant.ID, whole, r.asked); err != nil {
		return fmt.Errorf("inventory: changes read: %w", err)
	}
	return nil
}

// finish ends the reading of a subscription: what was not seen is gone.
func (r *run) finish(ctx context.Context, id string, seen map[string]struct{}) error {
	gone, err := r.Sink.Finish(ctx, r.tenant.ID, id, seen, r.asked, r.Now())
	if err != nil {
		return fmt.Errorf("inventory: finish %s: %w", id, err)
	}
	r.written += gone
	return nil
}

func (r *run) flush(ctx context.Context, id string, at *reading) error {
	if len(at.open) == 0 {
		return nil
	}
	n, err := r.Sink.Put(ctx, r.tenant.ID, id, at.open, r.Now())
	if err != nil {
		return fmt.Errorf("inventory: put %s: %w", id, err)
	}
	r.open -= len(at.open)
	at.open = nil // what it held is let go, too
	r.written += n
	fresnel.ReportProgress(ctx, 0, len(r.at), r.read)
	return nil
}

// broken ends a run whose stream ended too early: what came is true and kept,
// and nothing is gone.
func (r *run) broken(ctx context.Context, cause error) error {
	if ctx.Err() != nil || errors.Is(cause, fresnel.ErrLeaseLost) {
		return cause
	}
	r.cut = true
	msg, do := fresnel.Reason(cause)
	r.Log.WarnContext(ctx, "inventory not read in full", "tenant", string(r.tenant.ID), "err", cause)
	for id, at := range r.at {
		if err := r.flush(ctx, id, at); err != nil {
			return err
		}
		at.part.State, at.part.Reason, at.part.Do = fresnel.PartFailed, msg, do
	}
	return nil
}

func (r *run) result() fresnel.Result {
	res := fresnel.Result{Read: r.read, Written: r.written}
	for _, p := range r.parts {
		res.Parts = append(res.Parts, *p)
	}
	return res
}
