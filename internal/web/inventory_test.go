package web

import (
	"slices"
	"testing"
	"time"

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

func TestChangeCursor(t *testing.T) {
	place := inventory.ChangePlace{At: 1_763_900_000_123_456, Arm: 42, Ref: -7_000_000_000}
	q := &request{query: page.Query{Cursor: changeCursor(place)}}
	if got := changeAsk(q).After; got != place || len(q.notes) != 0 {
		t.Errorf("%+v with %d notes, want %+v", got, len(q.notes), place)
	}
	for _, word := range []string{"x", "1.2", "1.2.3.4", "1..3", "1.2.ä"} {
		q = &request{query: page.Query{Cursor: word}}
		if got := changeAsk(q).After; got != (inventory.ChangePlace{}) || len(q.notes) != 1 || q.query.Cursor != "" {
			t.Errorf("%q is no cursor: %+v with %d notes", word, got, len(q.notes))
		}
	}
	if changeCursor(inventory.ChangePlace{}) != "" {
		t.Error("the end of a list has a cursor")
	}
}

// TestChangePeriod: the history of one resource is shown in full unless days are asked for.
func TestChangePeriod(t *testing.T) {
	month := fresnel.Period{From: 100, To: 120}
	for _, tt := range []struct {
		query page.Query
		want  fresnel.Period
	}{
		{page.Query{}, month},
		{page.Query{}.WithID("/x"), fresnel.Period{}},
		{page.Query{Period: "7d"}.WithID("/x"), month},
		{page.Query{From: "2026-11-01", To: "2026-11-02"}.WithID("/x"), month},
	} {
		q := &request{query: tt.query}
		q.ask.Period = month
		if got := changePeriod(q); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.query, got, tt.want)
		}
	}
}

func TestTagSums(t *testing.T) {
	row := func(tenant fresnel.TenantID, by inventory.TagBy, name string, compliant, judged int) inventory.TagRow {
		return inventory.TagRow{Tenant: tenant, By: by, Name: name, USD: 5, TagCount: inventory.TagCount{Compliant: compliant, Judged: judged, Unknown: 1, Exempt: 2}}
	}
	rows := []inventory.TagRow{
		row("a", inventory.TagByTag, "env", 8, 10), row("b", inventory.TagByTag, "env", 1, 4), row("a", inventory.TagByTag, "owner", 0, 10),
		row("a", inventory.TagByTenant, "", 3, 10), row("b", inventory.TagByTenant, "", 0, 4), row("c", inventory.TagByTenant, "", 0, 0),
	}
	tags := tagSums(rows, inventory.TagByTag)
	if len(tags) != 2 || tags[0].Name != "owner" || tags[1].Compliant != 9 || tags[1].Judged != 14 || tags[1].Unknown != 2 || tags[1].Exempt != 4 {
		t.Errorf("by tag: %+v", tags)
	}
	tenants := tagSums(rows, inventory.TagByTenant)
	if len(tenants) != 3 || tenants[0].Tenant != "a" || tenants[1].Tenant != "b" || tenants[2].Tenant != "c" || tenants[0].USD != 5 {
		t.Errorf("by tenant: %+v", tenants)
	}
}

func TestWasteOver(t *testing.T) {
	for in, want := range map[string]int64{"": 0, "100": 100_000_000, "12.5": 12_500_000} {
		q := &request{query: page.Query{}.WithOver(in)}
		if got := wasteOver(q); got != want || len(q.notes) != 0 {
			t.Errorf("%q: %d with %d notes, want %d", in, got, len(q.notes), want)
		}
	}
	for _, in := range []string{"0", "-5", "much"} {
		q := &request{query: page.Query{}.WithOver(in)}
		if got := wasteOver(q); got != 0 || len(q.notes) != 1 || q.query.Over != "" {
			t.Errorf("%q is no amount: %d with %d notes", in, got, len(q.notes))
		}
	}
}

func TestRunWords(t *testing.T) {
	r := fresnel.Run{Job: "costs", Progress: fresnel.Progress{Done: 1, Total: 4, Rows: 1}}
	if got := runWords(r); got != "1 of 4 months of cost data · 1 row" {
		t.Error(got)
	}
	r.Job = "resources"
	if got := runWords(r); got != "1 of 4 subscriptions · 1 resource" {
		t.Error(got)
	}
}

func TestInventoryReading(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	h := handlers{}
	h.Reports.StaleAfter = 24 * time.Hour
	q := &request{now: now}
	for _, tt := range []struct {
		name   string
		t      inventory.TenantRead
		r      fresnel.Run
		stale  bool
		reason string
		ok     bool
	}{
		{"fresh", inventory.TenantRead{Subscriptions: 2, Read: 2, Oldest: now.Add(-time.Hour)}, fresnel.Run{Status: fresnel.Completed}, false, "", true},
		{"never", inventory.TenantRead{Subscriptions: 2}, fresnel.Run{}, false, "Not read yet", false},
		{"stale", inventory.TenantRead{Subscriptions: 2, Read: 2, Oldest: now.Add(-30 * time.Hour), LastReason: "403"}, fresnel.Run{Status: fresnel.Failed}, true, "Last read 30 h ago. 403", false},
		{"failing", inventory.TenantRead{Subscriptions: 2, Read: 2, Oldest: now.Add(-time.Hour), LastReason: "no token"}, fresnel.Run{Status: fresnel.Failed}, false, "No token", false},
		{"being read again", inventory.TenantRead{Subscriptions: 2, Read: 2, Oldest: now.Add(-time.Hour)}, fresnel.Run{Status: fresnel.Running}, false, "", true},
	} {
		got, ok := h.inventoryReading(q, tt.t, tt.r)
		if got.Stale != tt.stale || got.Reason != tt.reason || ok != tt.ok {
			t.Errorf("%s: %+v %v", tt.name, got, ok)
		}
	}
}
