package api

import (
	"encoding/base64"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// Meta says what an answer covers.
type Meta struct {
	Period      *Period      `json:"period,omitempty"`
	Compared    *Comparison  `json:"compared,omitempty" doc:"What changes compare; absent where nothing can be compared"`
	Metric      string       `json:"metric,omitempty" enum:"actual,amortized"`
	Coverage    *Coverage    `json:"coverage,omitempty"`
	SyncedAt    *time.Time   `json:"synced_at,omitempty" doc:"The oldest answer of Azure in the figures"`
	AgeSeconds  *int64       `json:"age_seconds,omitempty" doc:"Age of synced_at"`
	Stale       []TenantNote `json:"stale,omitempty" doc:"Tenants whose figures are older than the limit"`
	SettledTo   string       `json:"settled_to,omitempty" doc:"The last day that no longer grows in any tenant that is current"`
	Total       *int         `json:"total,omitempty" doc:"Rows in all, in lists"`
	NextCursor  string       `json:"next_cursor,omitempty" doc:"Give it as cursor for the next rows"`
	GeneratedAt time.Time    `json:"generated_at"`
}

// Period is a range of UTC days, both inclusive.
type Period struct {
	From string `json:"from" format:"date" doc:"First day"`
	To   string `json:"to" format:"date" doc:"Last day, inclusive"`
}

// Comparison names the two periods of a change.
type Comparison struct {
	Period  Period   `json:"period" doc:"The settled days of the period"`
	With    Period   `json:"with" doc:"The days before"`
	LeftOut []string `json:"left_out" doc:"Tenants that lack either period"`
}

// Coverage is how many tenants are in a figure in full.
type Coverage struct {
	Tenants int          `json:"tenants"`
	Of      int          `json:"of"`
	Missing []TenantNote `json:"missing" doc:"Tenants that are missing or incomplete"`
}

// TenantNote says what is wrong with a tenant's data.
type TenantNote struct {
	TenantID      string     `json:"tenant_id"`
	Name          string     `json:"name"`
	State         string     `json:"state" enum:"never,partial,stale,fresh,no-cost-data,none" doc:"none: Azure judges nothing there"`
	Read          int        `json:"subscriptions_read"`
	Subscriptions int        `json:"subscriptions"`
	SyncedAt      *time.Time `json:"synced_at,omitempty"`
	Reason        string     `json:"reason,omitempty"`
	Do            string     `json:"do,omitempty"`
}

// Money is an exact amount.
type Money struct {
	Amount   string `json:"amount" example:"12.345678" doc:"Exact decimal text with six places"`
	Currency string `json:"currency" example:"EUR"`
}

func money(micros int64, currency string) Money {
	return Money{fresnel.Money{Micros: micros, Currency: currency}.Decimal(), currency}
}

func period(p fresnel.Period) Period { return Period{p.From.String(), (p.To - 1).String()} }

func costMeta(now time.Time, a cost.Ask, c cost.Coverage) Meta {
	p := period(a.Period)
	m := Meta{Period: &p, Metric: a.Metric.String(), GeneratedAt: now.UTC(), Coverage: &Coverage{Tenants: c.Covered, Of: c.Of, Missing: []TenantNote{}}}
	if !c.Oldest.IsZero() {
		age := int64(now.Sub(c.Oldest).Seconds())
		m.SyncedAt, m.AgeSeconds = &c.Oldest, &age
	}
	if c.Settled > 0 {
		m.SettledTo = (c.Settled - 1).String()
	}
	for _, t := range c.Tenants {
		switch t.State {
		case cost.Stale:
			m.Stale = append(m.Stale, tenantNote(t))
		case cost.Never, cost.Partial, cost.NoCost:
			m.Coverage.Missing = append(m.Coverage.Missing, tenantNote(t))
		case cost.Fresh:
		}
	}
	return m
}

func tenantNote(t cost.TenantCoverage) TenantNote {
	n := TenantNote{TenantID: string(t.Tenant), Name: t.Name, State: string(t.State), Read: t.Read, Subscriptions: t.Subscriptions, Reason: t.Reason, Do: t.Do}
	if !t.SyncedAt.IsZero() {
		n.SyncedAt = &t.SyncedAt
	}
	return n
}

// cut takes the rows after the cursor out of a sorted list. The cursor names the
// last row by key; it fails with Invalid where that row is gone.
func cut[T any](rows []T, key func(T) string, cursor string, limit int) (out []T, next string, err error) {
	start := 0
	if cursor != "" {
		last, err := base64.RawURLEncoding.DecodeString(cursor)
		start = -1
		for i := range rows {
			if err == nil && key(rows[i]) == string(last) {
				start = i + 1
			}
		}
		if start < 0 {
			return nil, "", fresnel.Errorf(fresnel.Invalid, "the cursor does not fit this list any more: begin again without it")
		}
	}
	end := min(len(rows), start+limit)
	if end < len(rows) {
		next = base64.RawURLEncoding.EncodeToString([]byte(key(rows[end-1])))
	}
	return rows[start:end], next, nil
}
