package page_test

import (
	"net/url"
	"testing"

	"fresnel/internal/web/page"
)

func TestQueryRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		notes    int
	}{
		{"", "/costs", 0},
		{"period=mtd&vs=prev&group=tenant&sort=-cost", "/costs", 0},
		{"tenant=b&tenant=a&tenant=b", "/costs?tenant=b&tenant=a", 0},
		{"period=30d&vs=prev-year&group=service", "/costs?group=service&period=30d&vs=prev-year", 0},
		{"from=2026-10-01&to=2026-10-09&period=7d", "/costs?from=2026-10-01&to=2026-10-09", 0},
		{"from=2026-10-09&to=2026-10-01", "/costs", 1},
		{"from=yesterday&to=today", "/costs", 1},
		{"to=2026-10-09", "/costs", 1},
		{"period=forever&group=colour&metric=amortized", "/costs?metric=amortized", 2},
		{"vs_from=2026-09-01&vs_to=2026-09-30&vs=none", "/costs?vs_from=2026-09-01&vs_to=2026-09-30", 0},
		{"vs_from=2026-09-01", "/costs", 1},
		{"group=resource&granularity=accumulated", "/costs?granularity=accumulated&group=resource", 0},
		{"service=B&service=A&resource_group=RG1&resource_group=", "/costs?resource_group=rg1&resource_group=&service=B&service=A", 0},
		{"charge_type=Usage&group=resource-group", "/costs?group=resource-group", 1},
		{"charge_type=Usage&resource_group=x", "/costs?resource_group=x", 1},
		{"group=charge-type&resource_group=x", "/costs?group=charge-type", 1},
		{"state=open", "/costs?state=open", 0},
		{"type=Microsoft.Compute/Disks&location=West+Europe&tag_key=env&tag_value=prod&q=we%26u&gone=1", "/costs?gone=1&location=westeurope&q=we%26u&tag_key=env&tag_value=prod&type=microsoft.compute%2Fdisks", 0},
		{"tag_value=prod&tag_key=", "/costs", 1},
		{"confidence=sure&rule=x&gone=yes", "/costs?rule=x", 1},
		{"category=Tags&effect=Audit&failing=1&policy=7&standing=expired&control=not-assessed&source=policy&baseline=a+b", "/costs?baseline=a+b&category=Tags&control=not-assessed&effect=audit&failing=1&policy=7&source=policy&standing=expired", 0},
		{"standing=all&control=all&failing=0", "/costs", 0},
		{"standing=gone&control=x", "/costs", 2},
		{"tenant=%3Cscript%3E%26x", "/costs?tenant=%3Cscript%3E%26x", 0},
	} {
		values, err := url.ParseQuery(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		q, notes := page.ParseQuery(values)
		if got := q.URL(page.PathCosts); got != tt.want || len(notes) != tt.notes {
			t.Errorf("%q: %s with notes %q, want %s with %d", tt.in, got, notes, tt.want, tt.notes)
		}
	}
}

func TestQueryWith(t *testing.T) {
	q := page.Query{Tenants: []string{"a"}, From: "2026-10-01", To: "2026-10-09", Group: "service", Cursor: "c"}
	for _, tt := range []struct{ got, want string }{
		{q.WithPeriod("7d").URL("/"), "/?group=service&period=7d&tenant=a"},
		{q.WithTenants().URL("/"), "/?from=2026-10-01&group=service&to=2026-10-09"},
		{q.WithSort("name").WithVS("none").Scope().URL("/sync"), "/sync?from=2026-10-01&tenant=a&to=2026-10-09&vs=none"},
		{page.Query{VSFrom: "2026-09-01", VSTo: "2026-09-02"}.WithVS("none").URL("/"), "/?vs=none"},
		{page.Query{}.WithTenants("a").WithSubs("s").WithService("x").WithGroup("resource-group").URL("/costs"), "/costs?group=resource-group&service=x&sub=s&tenant=a"},
		{page.Query{}.WithCharge("Usage").WithGroup("resource").URL("/costs"), "/costs?group=resource"},
		{page.Query{Tenants: []string{"a"}, Sort: "name", Cursor: "c", Group: "service"}.CSV("by-service"), "/api/v1/costs/by-service.csv?tenant=a"},
		{page.Query{Cursor: "c"}.WithType("a/b").WithTag("env", "").WithGone(true).URL("/resources"), "/resources?gone=1&tag_key=env&type=a%2Fb"},
		{page.Query{Tenants: []string{"a"}}.WithID("/x").WithRule("r").Scope().WithConfidence("waste").URL("/resources/waste"), "/resources/waste?confidence=waste&tenant=a"},
		{page.Query{Cursor: "c", Things: page.Things{Gone: true, Kinds: []string{"created"}}}.WithMissing("a b").WithSubs("s").URL("/resources"), "/resources?gone=1&kind=created&missing=a+b&sub=s"},
		{page.SyncURL("costs", "a&b"), "/sync/costs?tenant=a%26b"},
		{page.SyncURL(page.AllJobs, ""), "/sync/all"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

// TestLists: an export has the words that the API knows, and no others: it refuses the rest.
func TestLists(t *testing.T) {
	q := page.Query{
		Tenants: []string{"a"}, Period: "7d", Cursor: "c", State: "open", Filters: page.Filters{Subs: []string{"s"}, RGs: []string{"", "rg"}},
		Things: page.Things{
			Types: []string{"t"}, Locations: []string{"l"}, TagKey: "k", TagValue: "v", Missing: "*", Text: "x", Gone: true, ID: "/i", Rule: "r", Confidence: "waste", Over: "100",
			Kinds: []string{"created"}, Actors: []string{"app"},
		},
	}
	judged := q.WithSort("score")
	judged.Judging = page.Judging{Categories: []string{"Tags"}, Effects: []string{"audit"}, Failing: true, Policy: "7", Standing: "expired", Control: "failed", Source: "policy", Baseline: "b"}
	for _, tt := range []struct{ got, want string }{
		{q.ResourcesCSV(), "/api/v1/resources.csv?gone=1&location=l&missing=%2A&q=x&resource_group=rg&sub=s&tag=k&tag_value=v&tenant=a&type=t"},
		{q.WasteCSV(), "/api/v1/resources/orphaned.csv?over=100&rule=r&state=open&tenant=a"},
		{q.TagsCSV(), "/api/v1/resources/tagging.csv?tenant=a"},
		{q.ChangesCSV("2026-11-01", "2026-11-22"), "/api/v1/resources/changes.csv?actor=app&from=2026-11-01&id=%2Fi&kind=created&sub=s&tenant=a&to=2026-11-22&type=t"},
		{judged.PoliciesCSV(), "/api/v1/compliance/policies.csv?category=Tags&effect=audit&failing=1&q=x&sort=score&sub=s&tenant=a"},
		{judged.NonCompliantCSV(), "/api/v1/compliance/non-compliant.csv?policy=7&q=x&resource_group=rg&sub=s&tenant=a&type=t"},
		{judged.WithSort("since").NonCompliantCSV(), "/api/v1/compliance/non-compliant.csv?policy=7&q=x&resource_group=rg&sort=since&sub=s&tenant=a&type=t"},
		{judged.DriftCSV("2026-11-01", "2026-11-22"), "/api/v1/compliance/drift.csv?from=2026-11-01&sub=s&tenant=a&to=2026-11-22"},
		{judged.ExemptionsCSV(), "/api/v1/compliance/exemptions.csv?standing=expired&sub=s&tenant=a"},
		{judged.SecureScoreCSV(), "/api/v1/compliance/secure-score.csv?sub=s&tenant=a"},
		{judged.FrameworkCSV(), "/api/v1/compliance/frameworks/detail.csv?id=%2Fi&source=policy&sub=s&tenant=a"},
		{page.Query{}.ChangesCSV("", ""), "/api/v1/resources/changes.csv"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
	if q.Tenants[0] != "a" || len(q.Subs) != 1 {
		t.Error("an export changed the query")
	}
}
