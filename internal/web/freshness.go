package web

import (
	"context"
	"slices"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/cost"
	"fresnel/internal/identity"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

// freshness tells how old and complete figures are, and which state of the
// card that makes. known says whether Azure has reported any cost for them.
func (h handlers) freshness(ctx context.Context, q *request, c cost.Coverage, known bool) (page.Freshness, error) {
	f := page.Freshness{Now: q.now, SyncedAt: c.Newest, Covered: c.Covered, Of: c.Of, Limited: !q.full.All()}
	fresh, stale, read := 0, 0, 0
	for _, t := range c.Tenants {
		switch t.State {
		case cost.Fresh:
			fresh++
		case cost.Stale:
			stale++
		case cost.Never, cost.Partial:
			f.Missing = append(f.Missing, page.Missing{Name: t.Name, Reason: missingReason(t)})
		case cost.NoCost:
		}
		if t.SyncedAt.IsZero() {
			continue
		}
		read++
		if t.State == cost.Stale && (f.OldestAt.IsZero() || t.SyncedAt.Before(f.OldestAt)) {
			f.OldestName, f.OldestAt, f.Stale = t.Name, t.SyncedAt, true
		}
	}
	f.Late = late(q, c)
	if len(c.Tenants) == 0 {
		f.State, f.EmptyTitle = page.NeverSynced, "Connect a first tenant"
		f.EmptyText = "Register tenants with: fresnel tenants import FILE. Costs appear a few minutes after the first sync starts."
		return f, nil
	}
	if fresh+stale < c.Of {
		running, err := h.firstSync(ctx, q, &f)
		if err != nil {
			return f, err
		}
		if running {
			f.State, f.HasRows = page.FirstSync, known
			return f, nil
		}
	}
	switch {
	case known && stale > 0 && fresh == 0:
		f.State = page.AllStale
	case known:
	case read == 0 && c.Newest.IsZero():
		last, err := h.lastKnown(ctx, q)
		if err != nil {
			return f, err
		}
		if f.State = page.Uncovered; last == "" {
			f.State = page.NeverSynced
		}
		f.LastKnown = last
	default:
		last, err := h.lastKnown(ctx, q)
		if err != nil {
			return f, err
		}
		f.State, f.LastKnown = page.Uncovered, last
	}
	return f, nil
}

func missingReason(t cost.TenantCoverage) string {
	s := "Not read yet"
	if t.State == cost.Partial {
		s = page.Count(t.Read) + " of " + page.Plural(t.Subscriptions, "subscription", "subscriptions") + " read"
	}
	if t.Reason != "" {
		s += ". " + page.Sentence(t.Reason)
		if t.Do != "" {
			s += ". " + t.Do
		}
	}
	return s
}

// late names the days of the period that can still change.
func late(q *request, c cost.Coverage) string {
	settled := settledTo(c)
	p := q.ask.Period.Intersect(fresnel.Period{From: settled, To: fresnel.DayOf(q.now)})
	if settled == 0 || p.Days() == 0 {
		return ""
	}
	return days(p) + " can still change"
}

// firstSync fills the progress of tenants that have never been read, and
// tells whether any of them is being read now.
func (h handlers) firstSync(ctx context.Context, q *request, f *page.Freshness) (bool, error) {
	runs, err := h.Runs.Latest(ctx, q.scope, "costs")
	if err != nil {
		return false, err
	}
	ended := map[fresnel.TenantID]bool{}
	for _, r := range runs {
		if !r.Completed.IsZero() {
			ended[r.Tenant] = true
		}
	}
	first := false
	for _, r := range runs {
		if ended[r.Tenant] {
			continue
		}
		first = true
		f.Progress.Done += r.Progress.Done
		f.Progress.Of += r.Progress.Total
		if r.Progress.Wait.After(f.WaitUntil) && r.Progress.Wait.After(q.now) {
			f.WaitUntil = r.Progress.Wait
		}
	}
	f.Progress.Words = page.Count(f.Progress.Done) + " of " + page.Count(f.Progress.Of) + " months of cost data read"
	if f.Progress.Of == 0 {
		f.Progress.Words = "Listing subscriptions"
	}
	return first, nil
}

// lastKnown is the newest day of the past year with cost, in words.
func (h handlers) lastKnown(ctx context.Context, q *request) (string, error) {
	today := h.Reports.Today()
	a := cost.Ask{Period: fresnel.Period{From: today - 365, To: today + 1}, Versus: cost.VersusNone, Metric: q.ask.Metric}
	t, err := h.Reports.Trend(ctx, q.scope, a, false)
	if err != nil {
		return "", err
	}
	for i, v := range slices.Backward(t.Steps) {
		if t.Total.USDValues[i] != 0 && !stillChanging(t, i) { // a day that still grows would look like a fall
			return page.Money(t.Total.Values[i], t.Unit.Currency, true) + " on " + v.Time().Format("2 Jan 2006"), nil
		}
	}
	return "", nil
}

// jobs are the kinds of syncs that there are.
var jobs = []string{"costs", "resources", "compliance", "identity"}

// newest gives the newest run of a job by tenant, an open one before the ended one.
func (h handlers) newest(ctx context.Context, s fresnel.Scope, job string) (map[fresnel.TenantID]fresnel.Run, error) {
	runs, err := h.Runs.Latest(ctx, s, job)
	out := map[fresnel.TenantID]fresnel.Run{}
	for _, r := range runs { // newest first
		if _, ok := out[r.Tenant]; !ok {
			out[r.Tenant] = r
		}
	}
	return out, err
}

// freshnessModel lists the tenants, those in trouble first; limit 0 = all.
func (h handlers) freshnessModel(ctx context.Context, q *request, limit int) (page.SyncFreshness, error) {
	m := page.SyncFreshness{Region: page.Region{Query: q.query}, CanSync: true}
	today := h.Reports.Today()
	month := fresnel.Period{From: today.MonthStart(), To: today + 1}
	reads, err := h.Reports.Reader.Coverage(ctx, q.scope, month, cost.Actual, cost.CutGroups)
	if err != nil {
		return m, err
	}
	c := cost.Cover(reads, month, q.now, h.Reports.StaleAfter)
	m.Fresh = page.Freshness{Now: q.now, SyncedAt: c.Newest}
	list, err := h.Inventory.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return m, err
	}
	inventories := map[fresnel.TenantID]inventory.TenantRead{}
	for _, t := range list {
		inventories[t.Tenant] = t
		if t.Oldest.After(m.Fresh.SyncedAt) {
			m.Fresh.SyncedAt = t.Oldest
		}
	}
	judged, err := h.Compliance.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return m, err
	}
	policies := map[fresnel.TenantID]compliance.TenantRead{}
	for _, t := range judged {
		policies[t.Tenant] = t
		if t.Oldest.After(m.Fresh.SyncedAt) {
			m.Fresh.SyncedAt = t.Oldest
		}
	}
	people, err := h.Identity.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return m, err
	}
	directories := map[fresnel.TenantID]identity.TenantRead{}
	for _, t := range people {
		directories[t.Tenant] = t
		if at := readAt(t); at.After(m.Fresh.SyncedAt) {
			m.Fresh.SyncedAt = at
		}
	}
	runs := map[string]map[fresnel.TenantID]fresnel.Run{}
	for _, job := range jobs {
		if runs[job], err = h.newest(ctx, q.scope, job); err != nil {
			return m, err
		}
	}
	if len(c.Tenants) == 0 {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.NeverSynced, "Connect a first tenant", "Register tenants with: fresnel tenants import FILE."
	}
	var calm []page.FreshnessRow
	for _, t := range c.Tenants {
		row := page.FreshnessRow{Name: t.Name, URL: q.query.Scope().WithTenants(string(t.Tenant)).URL(page.PathCosts)}
		costs, resources, complies, knows := false, false, false, false
		row.Costs, costs = costReading(q, t, runs["costs"][t.Tenant])
		row.Resources, resources = h.inventoryReading(q, inventories[t.Tenant], runs["resources"][t.Tenant])
		row.Compliance, complies = h.judgedReading(q, policies[t.Tenant], runs["compliance"][t.Tenant])
		row.Identity, knows = h.identityReading(q, directories[t.Tenant], runs["identity"][t.Tenant])
		if costs && resources && complies && knows {
			calm = append(calm, row)
		} else {
			m.Rows = append(m.Rows, row)
		}
	}
	m.Rows = append(m.Rows, calm...)
	m.Current = page.Count(len(calm)) + " of " + page.Plural(len(c.Tenants), "tenant", "tenants") + " current"
	m.CurrentTenants = len(calm)
	m.Schedule = "Stale after " + hours(h.Reports.StaleAfter) + ". Read every " + hours(h.SyncEvery)
	if limit > 0 && len(m.Rows) > limit {
		m.More, m.Rows = len(m.Rows)-limit, m.Rows[:limit]
	}
	return m, nil
}

func hours(d time.Duration) string {
	if d < time.Hour {
		return page.Count(int(d.Minutes())) + " min"
	}
	return page.Count(int(d.Hours())) + " h"
}

// costReading is what is held of a tenant's costs; ok says that nothing is wrong with it.
func costReading(q *request, t cost.TenantCoverage, r fresnel.Run) (o page.Reading, ok bool) {
	o = page.Reading{At: t.SyncedAt, State: runState(r, q.now), Stale: t.State == cost.Stale}
	switch t.State {
	case cost.Partial, cost.Never:
		o.Reason = missingReason(t)
	case cost.Stale:
		o.Reason = staleReason(q, t.SyncedAt, t.Reason)
	case cost.NoCost:
		o.Reason = "No subscription has an offer with cost data"
	case cost.Fresh:
		o.Reason = page.Sentence(t.Reason)
	}
	return o, t.State == cost.Fresh && !bad(r)
}

// inventoryReading is what is held of a tenant's resources; ok says that nothing is wrong with it.
func (h handlers) inventoryReading(q *request, t inventory.TenantRead, r fresnel.Run) (o page.Reading, ok bool) {
	o = page.Reading{At: t.Oldest, State: runState(r, q.now), Reason: inventoryGap(t)}
	o.Stale = !t.Oldest.IsZero() && q.now.Sub(t.Oldest) > h.Reports.StaleAfter
	switch {
	case o.Reason != "":
	case o.Stale:
		o.Reason = staleReason(q, t.Oldest, t.LastReason)
	default:
		o.Reason = page.Sentence(t.LastReason)
	}
	return o, o.Reason == "" && !bad(r)
}

func staleReason(q *request, at time.Time, why string) string {
	s := "Last read " + page.Ago(q.now, at)
	if why != "" {
		s += ". " + page.Sentence(why)
	}
	return s
}

// bad says that a run ended without all that it was to read.
func bad(r fresnel.Run) bool { return r.Status == fresnel.Failed || r.Status == fresnel.Partial }

// runState is where a run stands. A wait whose end has passed is over, even where the run has not said so yet.
func runState(r fresnel.Run, now time.Time) page.RunState {
	switch r.Status {
	case fresnel.Queued:
		return page.RunQueued
	case fresnel.Running:
		if r.Progress.Wait.After(now) {
			return page.RunWaiting
		}
		return page.RunRunning
	case fresnel.Completed:
		return page.RunDone
	case fresnel.Partial:
		return page.RunPartial
	case fresnel.Failed:
		return page.RunFailed
	}
	return ""
}
