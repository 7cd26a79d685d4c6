package compliance

import (
	"context"
	"maps"
	"slices"

	"fresnel"
)

// Trend is how scores moved: of each day of a period what was held at its end.
// A day without a reading has no point.
type Trend struct {
	Period  fresnel.Period
	Tenants map[fresnel.TenantID][]DayCount
	Overall []DayCount // of the days from which on every tenant that is read by now has a point
	Target  float64
}

// Trends gives the days of a period.
func (r Reports) Trends(ctx context.Context, s fresnel.Scope, only []string, p fresnel.Period) (Trend, error) {
	out := Trend{Period: p, Tenants: map[fresnel.TenantID][]DayCount{}, Target: r.Target}
	var list []DayCount
	var err error
	if len(only) > 0 {
		list, err = r.Reader.DaysOf(ctx, s, only, p)
	} else {
		list, err = r.Reader.Days(ctx, s, p)
	}
	if err != nil {
		return out, err
	}
	days := map[fresnel.Day][]DayCount{}
	for _, d := range list {
		out.Tenants[d.Tenant] = append(out.Tenants[d.Tenant], d)
		days[d.Day] = append(days[d.Day], d)
	}
	// A tenant that was not read on a day stands as it was: a sum of fewer tenants
	// would move when one comes or goes.
	last, scores := map[fresnel.TenantID]DayCount{}, map[fresnel.TenantID]DayCount{}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		sum := DayCount{Day: day}
		for _, d := range days[day] {
			if d.Fresh > 0 {
				last[d.Tenant] = d
				sum.Fresh += d.Fresh
			}
			scores[d.Tenant] = d // with what was known of each subscription by then
		}
		for _, d := range last {
			sum.Counts, sum.Expected, sum.Read = sum.Counts.Plus(d.Counts), sum.Expected+d.Expected, sum.Read+d.Read
		}
		for _, d := range scores {
			sum.Score, sum.Weight = sum.Score+d.Score, sum.Weight+d.Weight
		}
		if len(last) == len(out.Tenants) { // before a tenant's first day the sum would be of fewer
			out.Overall = append(out.Overall, sum.Known())
		}
	}
	return out, nil
}
