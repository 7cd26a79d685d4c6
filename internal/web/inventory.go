package web

import (
	"context"

	"fresnel"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

// inventoryFreshness tells how old and complete an inventory is, and which
// state of a panel that makes.
func (h handlers) inventoryFreshness(ctx context.Context, q *request, cover []inventory.TenantRead) (page.Freshness, error) {
	f := page.Freshness{Now: q.now, Limited: !q.full.All()}
	if len(cover) == 0 {
		f.State, f.EmptyTitle = page.NeverSynced, "Connect a first tenant"
		f.EmptyText = "Register tenants with: fresnel tenants import FILE. Resources appear after the first sync of costs."
		return f, nil
	}
	held, current := 0, 0
	for _, t := range cover {
		if reason := inventoryGap(t); reason == "" {
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
		if q.now.Sub(t.Oldest) <= h.Reports.StaleAfter {
			current++
		} else if f.OldestAt.IsZero() || t.Oldest.Before(f.OldestAt) {
			f.OldestName, f.OldestAt, f.Stale = t.Name, t.Oldest, true
		}
	}
	switch {
	case held == 0 && f.Covered == f.Of: // no tenant has a subscription
	case held == 0:
		return f, h.firstInventory(ctx, q, &f)
	case current == 0:
		f.State = page.AllStale
	}
	return f, nil
}

// inventoryGap says why a tenant's inventory is not held in full; "" if it is.
func inventoryGap(t inventory.TenantRead) string {
	s := ""
	switch {
	case t.Subscriptions > 0 && t.Read == t.Subscriptions:
		return ""
	case t.Subscriptions == 0 && t.LastRun == fresnel.Completed:
		return "" // it has none
	case t.Read == 0:
		s = "Not read yet"
	default:
		s = page.Count(t.Read) + " of " + page.Plural(t.Subscriptions, "subscription", "subscriptions") + " read"
	}
	if t.LastReason != "" {
		s += ". " + page.Sentence(t.LastReason)
		if t.LastDo != "" {
			s += ". " + t.LastDo
		}
	}
	return s
}

// firstInventory tells how far a first sync of resources is, or that there is none yet.
func (h handlers) firstInventory(ctx context.Context, q *request, f *page.Freshness) error {
	f.State, f.EmptyTitle = page.NeverSynced, "No resources read yet"
	f.EmptyText = "Resources appear a minute or so after the first sync starts."
	runs, err := h.Runs.Latest(ctx, q.scope, "resources")
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
	f.State, f.EmptyText = page.FirstSync, "Resources appear as soon as the first subscription is read."
	f.Progress.Words = page.Count(f.Progress.Done) + " of " + page.Plural(f.Progress.Of, "subscription", "subscriptions") + " read"
	if f.Progress.Of == 0 {
		f.Progress.Words = "Listing subscriptions"
	}
	return nil
}
