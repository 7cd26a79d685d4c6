package web

import (
	"slices"
	"testing"

	"fresnel"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

func TestBasis(t *testing.T) {
	full := inventory.MonthCost{Full: map[string]int64{"EUR": 12_340_000}, SoFar: map[string]int64{"EUR": 1_000_000}}
	for _, tt := range []struct {
		name    string
		w       inventory.Worth
		amounts []string
		words   string
	}{
		{"not billed", inventory.Worth{Free: true, Known: true, Cost: full}, nil, "not billed"},
		{"known", inventory.Worth{Known: true, Cost: full}, []string{"€12.34"}, "last month"},
		{"not known", inventory.Worth{}, nil, "not known"},
		{"known to be nothing", inventory.Worth{Known: true}, nil, "no cost last month"},
		{"known in part", inventory.Worth{Cost: full}, []string{"€12.34"}, "last month, not known in full"},
		{"young", inventory.Worth{Known: true, Cost: inventory.MonthCost{SoFar: full.SoFar}}, []string{"€1.00"}, "this month so far"},
		{"at most", inventory.Worth{Known: true, AtMost: true, Cost: full}, []string{"€12.34"}, "at most, last month"},
		{"Azure's", inventory.Worth{Known: true, Advised: true, Cost: full}, []string{"€12.34"}, "Azure's estimate"},
	} {
		amounts, words := basis(tt.w)
		if !slices.Equal(amounts, tt.amounts) || words != tt.words {
			t.Errorf("%s: %q %q, want %q %q", tt.name, amounts, words, tt.amounts, tt.words)
		}
	}
}

func TestMonthSum(t *testing.T) {
	for _, tt := range []struct {
		name    string
		c       inventory.MonthCost
		figure  string
		billing []string
	}{
		{"nothing", inventory.MonthCost{}, page.Dash, nil},
		{"one currency", inventory.MonthCost{Full: map[string]int64{"EUR": 5_000_000}, FullUSD: 6_000_000}, "€5.00", nil},
		{"two", inventory.MonthCost{Full: map[string]int64{"EUR": 5_000_000, "USD": 1_000_000}, FullUSD: 7_000_000}, "$7.00", []string{"€5.00", "$1.00"}},
	} {
		if got := monthSum(tt.c); got.Figure != tt.figure || !slices.Equal(got.Billing, tt.billing) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestInventoryGap(t *testing.T) {
	for _, tt := range []struct {
		r    inventory.TenantRead
		want string
	}{
		{inventory.TenantRead{Subscriptions: 3, Read: 3}, ""},
		{inventory.TenantRead{LastRun: fresnel.Completed}, ""},
		{inventory.TenantRead{}, "Not read yet"},
		{inventory.TenantRead{Subscriptions: 3, Read: 1, LastReason: "403", LastDo: "Add Reader"}, "1 of 3 subscriptions read. 403. Add Reader"},
	} {
		if got := inventoryGap(tt.r); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.r, got, tt.want)
		}
	}
}

func TestLookupCursor(t *testing.T) {
	place := inventory.Place{Name: `a.b"<é`, Arm: 1_234_567}
	q := &request{query: page.Query{Cursor: cursorOf(place)}}
	if got := lookup(q).After; got != place || len(q.notes) != 0 {
		t.Errorf("%+v with %d notes, want %+v", got, len(q.notes), place)
	}
	q = &request{query: page.Query{Cursor: "no cursor"}}
	if got := lookup(q).After; got != (inventory.Place{}) || len(q.notes) != 1 || q.query.Cursor != "" {
		t.Errorf("a cursor that is none: %+v with %d notes", got, len(q.notes))
	}
	for _, place := range []inventory.Place{{Key: "a.b/c", Name: "", Arm: 1}, {Key: "12345", Arm: 7}, {Key: "é.", Name: ".x", Arm: 9}} {
		if got, err := placeOf(cursorOf(place)); got != place || err != nil {
			t.Errorf("%+v, %v, want %+v", got, err, place)
		}
	}
	for _, cursor := range []string{"", "1", "1.2", "1.-1.x", "1.9.x", "x!.0.a", "1.!.a"} {
		if got, err := placeOf(cursor); err == nil {
			t.Errorf("%q is no cursor and gives %+v", cursor, got)
		}
	}
	if cursorOf(inventory.Place{}) != "" {
		t.Error("the end of a list has a cursor")
	}
}

func TestPortalURL(t *testing.T) {
	got := portalURL("1c8f0a2e-0000-4000-8000-0000000002ab", `/subscriptions/s/resourceGroups/a "b"/x`)
	want := "https://portal.azure.com/#@1c8f0a2e-0000-4000-8000-0000000002ab/resource/subscriptions/s/resourceGroups/a%20%22b%22/x"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
