package cost

import (
	"time"

	"fresnel"
)

// TenantState is how far a tenant's figure for a period can be trusted.
type TenantState string

// The states of a tenant's data.
const (
	Never   TenantState = "never"   // nothing of the period has been read
	Partial TenantState = "partial" // some subscriptions or months are missing
	Stale   TenantState = "stale"   // complete, but older than the limit
	Fresh   TenantState = "fresh"
	NoCost  TenantState = "no-cost-data" // no subscription has an offer with cost data
)

// TenantCoverage is the state of one tenant for one period.
type TenantCoverage struct {
	Tenant        fresnel.TenantID
	Name          string
	State         TenantState
	Subscriptions int // whose cost Azure should give
	Read          int // of them, held for every month of the period
	Unsupported   int
	SyncedAt      time.Time   // the oldest answer that matters for the period's end
	SettledTo     fresnel.Day // days before it are settled
	Final         bool        // the whole period was read after it closed: age no longer matters
	Reason, Do    string      // of the last run, where it was not complete
}

// Coverage is how much of the scope a figure covers, and how old it is.
type Coverage struct {
	Tenants []TenantCoverage // every active tenant of the scope, by name
	Covered int              // tenants that are fresh or stale, in full
	Of      int              // tenants that have cost data to give
	Oldest  time.Time        // of the covered and partial ones; zero = none
	Newest  time.Time
	Settled fresnel.Day // days before it are settled in all fresh tenants
}

// StaleAfter is the age at which an answer is called stale: twice its
// schedule, at least a day.
func StaleAfter(every time.Duration) time.Duration { return max(2*every, 24*time.Hour) }

// Cover judges what was read against a period. Months that begin after now
// are not expected.
func Cover(reads []TenantRead, p fresnel.Period, now time.Time, staleAfter time.Duration) Coverage {
	c := Coverage{}
	p.To = min(p.To, fresnel.DayOf(now)+1)
	months := p.Months()
	for _, r := range reads {
		t := coverTenant(r, months, now, staleAfter)
		c.Tenants = append(c.Tenants, t)
		if t.State == NoCost {
			continue
		}
		c.Of++
		if t.State == Fresh || t.State == Stale {
			c.Covered++
		}
		if !t.SyncedAt.IsZero() {
			if c.Oldest.IsZero() || t.SyncedAt.Before(c.Oldest) {
				c.Oldest = t.SyncedAt
			}
			if t.SyncedAt.After(c.Newest) {
				c.Newest = t.SyncedAt
			}
		}
		if t.State == Fresh && (c.Settled == 0 || t.SettledTo < c.Settled) {
			c.Settled = t.SettledTo
		}
	}
	return c
}

func coverTenant(r TenantRead, months []fresnel.Period, now time.Time, staleAfter time.Duration) TenantCoverage {
	t := TenantCoverage{
		Tenant: r.Tenant, Name: r.Name, Subscriptions: r.Subscriptions, Unsupported: r.Unsupported,
		Read: r.Subscriptions,
	}
	if r.LastRun == fresnel.Partial || r.LastRun == fresnel.Failed {
		t.Reason, t.Do = r.LastReason, r.LastDo
	}
	if r.Subscriptions == 0 {
		t.Read, t.State = 0, Never
		if r.Unsupported > 0 {
			t.State = NoCost
		}
		return t
	}
	t.Final = true
	any := false
	for _, piece := range months {
		m := r.month(piece.From.MonthStart())
		t.Read = min(t.Read, m.Read)
		any = any || m.Read > 0
		closed := piece.From.AddMonths(1).Time().Add(ClosedAfter)
		t.Final = t.Final && m.Read >= r.Subscriptions && !m.Oldest.Before(closed)
		t.SyncedAt = m.Oldest
	}
	t.SettledTo = SettledTo(t.SyncedAt)
	switch {
	case !any:
		t.State, t.SyncedAt = Never, time.Time{}
	case t.Read < r.Subscriptions:
		t.State = Partial
	case !t.Final && now.Sub(t.SyncedAt) > staleAfter:
		t.State = Stale
	default:
		t.State = Fresh
	}
	return t
}

// month finds a month among those held: they are few.
func (r TenantRead) month(first fresnel.Day) MonthCoverage {
	for _, m := range r.Months {
		if m.Month == first {
			return m
		}
	}
	return MonthCoverage{}
}

// tenant finds a tenant in the coverage.
func (c Coverage) tenant(id fresnel.TenantID) (TenantCoverage, bool) {
	for _, t := range c.Tenants {
		if t.Tenant == id {
			return t, true
		}
	}
	return TenantCoverage{}, false
}

// tenantAt is tenant where a position is likely: lists of one scope are alike.
func (c Coverage) tenantAt(i int, id fresnel.TenantID) TenantCoverage {
	if i < len(c.Tenants) && c.Tenants[i].Tenant == id {
		return c.Tenants[i]
	}
	t, _ := c.tenant(id)
	return t
}
