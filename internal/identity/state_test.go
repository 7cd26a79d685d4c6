package identity

import (
	"context"
	"reflect"
	"testing"
	"time"

	"fresnel"
)

// history holds days, and the tenants that they are of.
type history struct {
	Reader
	reads []TenantRead
	days  []DayCount
}

func (h history) Coverage(context.Context, fresnel.Scope) ([]TenantRead, error) { return h.reads, nil }

func (h history) Days(context.Context, fresnel.Scope, []List, fresnel.Period) ([]DayCount, error) {
	return h.days, nil
}

func (h history) DaySums(context.Context, fresnel.Scope, []List, fresnel.Period) ([]DaySum, error) {
	return []DaySum{{10, Users, 7, 2}, {10, WithMFA, 0, 1}, {12, Users, 6, 1}}, nil
}

func TestTrends(t *testing.T) {
	t.Parallel()
	lists, p := []List{Users, WithMFA}, fresnel.Period{From: 10, To: 13}
	r := Reports{Reader: history{
		reads: []TenantRead{{Tenant: "a", Name: "A"}, {Tenant: "b", Name: "B"}},
		days:  []DayCount{{"a", 10, Users, 5}, {"b", 10, Users, 2}, {"b", 10, WithMFA, 0}, {"a", 12, Users, 6}},
	}}
	whole, parts, err := r.Trends(t.Context(), fresnel.AllTenants(), lists, p)
	if err != nil {
		t.Fatal(err)
	}
	same, err := r.Trend(t.Context(), fresnel.AllTenants(), whole.Reads, lists, p)
	if err != nil || !reflect.DeepEqual(whole, same) {
		t.Errorf("%v: %+v, want %+v", err, whole, same)
	}
	want := []TenantTrend{
		{"a", "A", []Point{{10, map[List]Count{Users: {5, 1, 1, 0}, WithMFA: {Of: 1}}}, {12, map[List]Count{Users: {6, 1, 1, 0}, WithMFA: {Of: 1}}}}},
		{"b", "B", []Point{{10, map[List]Count{Users: {2, 1, 1, 0}, WithMFA: {0, 1, 1, 0}}}}},
	}
	if !reflect.DeepEqual(parts, want) {
		t.Errorf("%+v, want %+v", parts, want)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	r := Reports{Now: func() time.Time { return now }, Stale: 24 * time.Hour}
	with := func(at time.Time, more FactState) TenantRead {
		out := TenantRead{Judged: at, Facts: map[Fact]FactState{}}
		for _, f := range Facts() {
			out.Facts[f] = FactState{Read: at}
		}
		out.Facts[FactMFA] = more
		return out
	}
	for name, c := range map[string]struct {
		read TenantRead
		want State
	}{
		"nothing":        {TenantRead{}, StateNever},
		"all":            {with(now, FactState{Read: now}), StateFresh},
		"hidden":         {with(now, FactState{Failed: now, Reason: "licence"}), StatePartial},
		"not yet":        {with(now, FactState{}), StatePartial},
		"in part":        {with(now, FactState{Read: now, Reason: "one subscription"}), StatePartial},
		"not again":      {with(now, FactState{Read: now, Failed: now}), StateStale},
		"daily":          {with(now, FactState{Read: now.Add(-25 * time.Hour)}), StateFresh},
		"old and hidden": {with(now.Add(-25*time.Hour), FactState{Failed: now}), StateStale},
	} {
		if got := r.State(c.read); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
