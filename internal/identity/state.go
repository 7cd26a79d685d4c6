package identity

import (
	"context"
	"slices"

	"fresnel"
)

// State is how far what is held of a tenant is to be trusted.
type State string

// The states of a tenant.
const (
	StateFresh   State = "fresh"
	StateStale   State = "stale"   // read long ago, or a fact that is held was not read again
	StatePartial State = "partial" // a fact is hidden
	StateNever   State = "never"
)

// State judges a tenant. What is old comes before what is hidden: a licence may
// hide a fact for ever.
func (r Reports) State(t TenantRead) State {
	switch {
	case !t.Knows(FactAccounts):
		return StateNever
	case r.Now().Sub(t.Judged) > r.Stale, slices.ContainsFunc(Facts(), func(f Fact) bool {
		s := t.Facts[f]
		return !s.Read.IsZero() && (!s.Failed.IsZero() || r.Now().Sub(s.Read) > r.Stale+factsEvery)
	}):
		return StateStale
	case !t.Whole(Facts()...):
		return StatePartial
	}
	return StateFresh
}

// TenantTrend is how the numbers of a tenant moved.
type TenantTrend struct {
	Tenant fresnel.TenantID
	Name   string
	Days   []Point // in order; a day of which nothing is known is left out
}

// Trends is Trend with the part of each tenant, by name.
func (r Reports) Trends(ctx context.Context, s fresnel.Scope, lists []List, p fresnel.Period) (Trend, []TenantTrend, error) {
	reads, err := r.Reader.Coverage(ctx, s)
	if err != nil {
		return Trend{}, nil, err
	}
	whole := newTrend(reads, lists, p)
	days, err := r.Reader.Days(ctx, s, lists, p)
	if err != nil {
		return whole, nil, err
	}
	parts, at := make([]TenantTrend, len(whole.Reads)), map[fresnel.TenantID]*TenantTrend{}
	for i, t := range whole.Reads {
		parts[i] = TenantTrend{Tenant: t.Tenant, Name: t.Name}
		at[t.Tenant] = &parts[i]
	}
	for _, d := range days {
		one := Count{N: d.N, Tenants: 1}
		sum := whole.Days[d.Day-p.From].Counts
		sum[d.List] = sum[d.List].plus(one)
		t := at[d.Tenant]
		if t == nil {
			continue
		}
		if n := len(t.Days); n == 0 || t.Days[n-1].Day != d.Day {
			t.Days = append(t.Days, newPoint(d.Day, lists, 1))
		}
		own := t.Days[len(t.Days)-1].Counts
		own[d.List] = own[d.List].plus(one)
	}
	return whole, parts, nil
}

func newPoint(d fresnel.Day, lists []List, of int) Point {
	p := Point{d, map[List]Count{}}
	for _, l := range lists {
		p.Counts[l] = Count{Of: of}
	}
	return p
}
