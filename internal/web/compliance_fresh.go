package web

import (
	"cmp"
	"context"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/web/page"
)

// judgedFreshness tells how old and complete what is held of compliance is, and
// which state of a panel that makes.
func (h handlers) judgedFreshness(ctx context.Context, q *request, cover []compliance.TenantRead) (page.Freshness, error) {
	f := page.Freshness{Now: q.now, Limited: !q.full.All()}
	if len(cover) == 0 {
		f.State, f.EmptyTitle = page.NeverSynced, "Connect a first tenant"
		f.EmptyText = "Register tenants with: fresnel tenants import FILE. Compliance appears after its first sync."
		return f, nil
	}
	held, current := 0, 0
	for _, t := range cover {
		if reason := judgedGap(t); reason == "" {
			f.Covered++
		} else {
			f.Missing = append(f.Missing, page.Missing{Name: t.Name, Reason: reason})
		}
		f.Of++
		if t.Read == 0 || t.Oldest.IsZero() {
			continue
		}
		held++
		if t.Oldest.After(f.SyncedAt) {
			f.SyncedAt = t.Oldest
		}
		fresh := q.now.Sub(t.Oldest) <= h.Compliance.Stale
		if fresh {
			current++
		}
		if fresh && t.Failed == 0 {
			continue
		}
		if f.OldestAt.IsZero() || t.Oldest.Before(f.OldestAt) {
			f.OldestName, f.OldestAt, f.Stale = t.Name, t.Oldest, true
		}
	}
	switch {
	case held == 0 && f.Covered == f.Of: // no tenant has a subscription
	case held == 0:
		return f, h.firstJudged(ctx, q, cover, &f)
	case current == 0:
		f.State = page.AllStale
	}
	return f, nil
}

// judgedGap says why a tenant's compliance is not held in full; "" if it is. What Azure does not judge is no gap of
// ours, unless there is nothing else.
func judgedGap(t compliance.TenantRead) string {
	s := ""
	switch {
	case t.Subscriptions > 0 && t.Read == 0 && t.Unregistered >= t.Subscriptions:
		return "Not judged: no subscription is registered for " + cmp.Or(t.Provider, "Microsoft.PolicyInsights")
	case t.Subscriptions > 0 && t.Read > 0 && t.Read+t.Unregistered >= t.Subscriptions:
		return ""
	case t.Subscriptions == 0 && t.LastRun == fresnel.Completed:
		return "" // it has none
	case t.Read == 0:
		s = "Not read yet"
	default:
		s = page.Count(t.Read) + " of " + page.Plural(t.Subscriptions-t.Unregistered, "subscription", "subscriptions") + " read"
	}
	if t.LastReason != "" {
		s += ". " + page.Sentence(t.LastReason)
		if t.LastDo != "" {
			s += ". " + t.LastDo
		}
	}
	return s
}

// firstJudged tells how far a first sync of compliance is, or that there is none yet.
func (h handlers) firstJudged(ctx context.Context, q *request, cover []compliance.TenantRead, f *page.Freshness) error {
	f.State, f.EmptyTitle = page.NeverSynced, "No compliance read yet"
	f.EmptyText = "Scores appear a minute or so after the first sync starts."
	for _, m := range f.Missing {
		if len(cover) == 1 || m.Reason != "Not read yet" { // why it is not read is worth more than that it is not
			f.EmptyText = m.Name + ": " + m.Reason + "."
			break
		}
	}
	runs, err := h.Runs.Latest(ctx, q.scope, "compliance")
	if err != nil {
		return err
	}
	open := false
	for _, r := range runs {
		if r.Status != fresnel.Queued && r.Status != fresnel.Running {
			continue
		}
		open = true
		f.Progress.Done += r.Progress.Done
		f.Progress.Of += r.Progress.Total
		if r.Progress.Wait.After(f.WaitUntil) && r.Progress.Wait.After(q.now) {
			f.WaitUntil = r.Progress.Wait
		}
	}
	if !open {
		return nil
	}
	f.State, f.EmptyText = page.FirstSync, "Scores appear as soon as the first subscription is read."
	f.Progress.Words = page.Count(f.Progress.Done) + " of " + page.Plural(f.Progress.Of, "subscription", "subscriptions") + " read"
	if f.Progress.Of == 0 {
		f.Progress.Words = "Listing subscriptions"
	}
	return nil
}

// judgedReading is what is held of a tenant's compliance; ok says that nothing is wrong with it.
func (h handlers) judgedReading(q *request, t compliance.TenantRead, r fresnel.Run) (o page.Reading, ok bool) {
	o = page.Reading{At: t.Oldest, State: runState(r, q.now), Reason: judgedGap(t)}
	o.Stale = !t.Oldest.IsZero() && q.now.Sub(t.Oldest) > h.Compliance.Stale
	switch {
	case o.Reason != "":
	case o.Stale:
		o.Reason = staleReason(q, t.Oldest, t.LastReason)
	default:
		o.Reason = page.Sentence(t.LastReason)
	}
	return o, o.Reason == "" && !bad(r)
}

// judgedCover is what is held of the tenants asked for, for lists that have no scores.
func (h handlers) judgedCover(ctx context.Context, q *request) (page.Freshness, error) {
	cover, err := h.Compliance.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return page.Freshness{}, err
	}
	return h.judgedFreshness(ctx, q, cover)
}
