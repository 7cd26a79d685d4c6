package app_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// compliancePlaces are all addresses that tell of compliance. Those that are true must name the tenants that
// the viewer sees.
func compliancePlaces() map[string]bool {
	out := map[string]bool{
		"/compliance": true, "/compliance/resources": true, "/compliance/drift": false, "/compliance/exemptions": true, "/compliance/secure-score": true, "/compliance/frameworks": false,
		"/": true, "/sync": true, "/partials/compliance-gauge": true, "/partials/compliance-score": false, "/partials/compliance-card": false, "/partials/compliance-policies": false, "/partials/compliance-resources": false,
		"/partials/compliance-drift": false, "/partials/compliance-exemptions": true, "/partials/compliance-secure": true, "/partials/compliance-frameworks": false,
	}
	const api = "/api/v1/compliance/"
	for name, named := range map[string]bool{
		"scores": true, "policies": true, "non-compliant": true, "trends": true, "secure-score": true, "exemptions": true, "frameworks": false, "drift": false,
	} {
		out[api+name] = named
		if name != "drift" { // nothing can be compared on the first day
			out[api+name+".csv"] = false
		}
	}
	out[api+"baselines"] = true
	out[api+"scores?by=subscription"] = true
	out[api+"scores.csv?by=subscription"] = true
	return out
}

// TestComplianceIsolation has viewers of one tenant, and of none, ask for all that is told of compliance.
func TestComplianceIsolation(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4, MarkupNames: true})
		w := begin(t, sim, database, months(2), viewers)
		whole(t, w.policies(t))
		estate := sim.Estate()
		for i, te := range estate {
			if a := w.send("POST", "/api/v1/compliance/baselines", map[string]any{"name": fmt.Sprint("of ", i), "day": late.Format(time.DateOnly), "note": te.Name}, "X-Viewer", te.ID); a.status/100 != 2 {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		theirs := *w
		theirs.headers = []string{"X-Viewer", estate[1].ID}
		var foreign judgedRow // a policy that only the second tenant has
		rows, _ := pages[judgedRow](t, &theirs, "/api/v1/compliance/policies?limit=500")
		for _, r := range rows {
			if strings.Contains(r.DefinitionID, estate[1].ID) {
				foreign = r
			}
		}
		if foreign.PolicyID == 0 {
			t.Fatal("no policy of its own: the test shows nothing")
		}
		failing, _ := pages[failingRow](t, &theirs, "/api/v1/compliance/non-compliant?limit=100")
		for _, viewer := range []string{estate[0].ID, "", estate[1].ID, estate[0].ID + "," + estate[1].ID} {
			want := slices.DeleteFunc(strings.Split(viewer, ","), func(s string) bool { return s == "" })
			for path, named := range compliancePlaces() {
				a := w.ask("GET", path, "X-Viewer", viewer)
				got := whose(estate, a.body)
				if a.status != 200 || named && !slices.Equal(got, want) || slices.ContainsFunc(got, func(id string) bool { return !slices.Contains(want, id) }) {
					t.Errorf("%s for %q: %d, shows %v", path, viewer, a.status, got)
				}
				if !slices.Contains(want, estate[1].ID) && slices.ContainsFunc(failing, func(r failingRow) bool { return strings.Contains(a.body, r.ResourceID) }) {
					t.Errorf("%s for %q shows a resource of another", path, viewer)
				}
			}
			if slices.Contains(want, estate[1].ID) {
				continue
			}
			number := fmt.Sprint(foreign.PolicyID)
			for _, a := range []answer{
				w.ask("GET", "/api/v1/compliance/policies/"+number, "X-Viewer", viewer),
				w.ask("GET", "/api/v1/compliance/non-compliant?policy="+number, "X-Viewer", viewer),
				w.ask("GET", "/api/v1/compliance/non-compliant.csv?policy="+number, "X-Viewer", viewer),
				w.ask("GET", "/api/v1/compliance/scores?sub="+estate[1].Subscriptions[0].ID, "X-Viewer", viewer),
				w.ask("GET", "/api/v1/compliance/frameworks/detail?source=policy&id="+url.QueryEscape("/providers/microsoft.management/managementgroups/"+estate[1].ID+"/providers/microsoft.authorization/policysetdefinitions/tagging-baseline"), "X-Viewer", viewer),
				w.send("DELETE", "/api/v1/compliance/baselines/"+url.PathEscape("of 1"), nil, "X-Viewer", viewer),
				w.send("POST", "/api/v1/compliance/baselines", map[string]any{"name": "x", "day": late.Format(time.DateOnly), "tenant": estate[1].ID}, "X-Viewer", viewer),
			} {
				refused(t, a, 404)
			}
			if a := w.ask("GET", "/compliance/policies/"+number, "X-Viewer", viewer); a.status != 404 && viewer != "" || len(whose(estate[1:], a.body)) > 0 {
				t.Errorf("the page of another's policy for %q: %d", viewer, a.status)
			}
			for path := range compliancePlaces() {
				if strings.HasPrefix(path, "/api/") {
					refused(t, w.ask("GET", with(path, "tenant", estate[1].ID), "X-Viewer", viewer), 404)
				} else if a := w.ask("GET", with(path, "tenant", estate[1].ID), "X-Viewer", viewer); a.status != 404 {
					t.Errorf("%s for %q: %d", a.path, viewer, a.status)
				}
			}
		}
	})
}

// TestComplianceSnapshots holds the brief's relation against the simulator's truth of each day.
func TestComplianceSnapshots(t *testing.T) {
	t.Parallel()
	sim := simulate(t, late, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4})
	w := begin(t, sim, "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"), months(2))
	want := map[string]int{}
	for day := range 3 {
		sim.Clock().Freeze(late.AddDate(0, 0, day))
		whole(t, w.policies(t))
		for _, c := range w.truthOf(t, "tenant", "subscription", "definition") {
			state := "Unknown"
			for _, s := range []struct {
				name string
				n    int
			}{{"Exempt", c.Exempt}, {"Conflict", c.Conflict}, {"Compliant", c.Compliant}, {"NonCompliant", c.NonCompliant}} {
				if s.n > 0 {
					state = s.name
				}
			}
			want[strings.Join([]string{c.Tenant, c.Subscription, state, fmt.Sprint(c.NonCompliant), sim.Clock().Now().Format("2006-01-02T15:04:05Z")}, " ")]++
		}
	}
	rows, err := w.tables.Query("SELECT tenant_id, subscription_id, compliance_state, non_compliant_count, CAST(synced_at AS TEXT), policy_name FROM compliance_snapshots")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[string]int{}
	for rows.Next() {
		var tenant, sub, state, n, at, name string
		if err := rows.Scan(&tenant, &sub, &state, &n, &at, &name); err != nil {
			t.Fatal(err)
		}
		if name == "" {
			t.Error("a policy without a name")
		}
		got[strings.Join([]string{tenant, sub, state, n, at}, " ")]++
	}
	if d := diff(want, got); d != "" || rows.Err() != nil || len(got) < 50 {
		t.Errorf("%d rows, %v (-truth +relation):\n%.3000s", len(got), rows.Err(), d)
	}
}
