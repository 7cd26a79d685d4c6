package app_test

import (
	"slices"
	"strings"
	"testing"

	"fresnel"
	"fresnel/internal/azuresim"
	"fresnel/internal/identity"
	"fresnel/internal/store"
)

// TestMovedSubscription: a subscription that Azure lists for a tenant, and that is held under another one, is not read and said to be
// missing. All others of the tenant are read.
func TestMovedSubscription(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		w := begin(t, simulate(t, late, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 3, Months: 2}), database, months(2))
		before, after := w.Estate()[0], w.Estate()[1]
		moved := after.Subscriptions[1].ID
		db, err := store.Open(t.Context(), w.database, logger(t))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close() //nolint:errcheck // of a test
		if _, err := db.Tenants().PutSubscriptions(t.Context(), fresnel.TenantID(before.ID), []fresnel.Subscription{{ID: moved, Name: "Was here", State: "Enabled"}}, w.Clock().Now()); err != nil {
			t.Fatal(err)
		}
		runs, err := w.app.SyncNow(t.Context(), []string{"costs", "resources", "compliance", "identity"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		jobs := 0
		for _, r := range runs {
			if string(r.Tenant) != after.ID {
				continue
			}
			jobs++
			if r.Status == fresnel.Failed {
				t.Errorf("%s: %s", r.Job, r.Reason)
			}
			told := r.Job == "identity" // which is of the directory
			for _, p := range r.Result.Parts {
				told = told || p.Subscription == moved && p.State == fresnel.PartFailed && strings.Contains(p.Reason, "held under the tenant")
			}
			if !told || len(r.Result.Parts) > 1 || r.Result.Read == 0 {
				t.Errorf("%s: %d rows were read: %+v", r.Job, r.Result.Read, r.Result.Parts)
			}
		}
		if jobs != 4 {
			t.Errorf("%d runs", jobs)
		}
		people, _ := w.people(t)
		sum, err := people.Summary(t.Context(), fresnel.ScopeOf(fresnel.TenantID(after.ID)))
		if err != nil {
			t.Fatal(err)
		}
		if n := sum.Overall.Count(identity.AzurePower); n.Known() && n.Whole() {
			t.Errorf("who has power over a subscription is said to be known as a whole: %+v", n)
		}
		if g := sum.Tenants[0].Gaps(identity.FactAzureRoles); !slices.ContainsFunc(g, func(g identity.Gap) bool { return strings.Contains(g.Do, "held under the tenant") }) {
			t.Errorf("what is said of its roles: %+v", g)
		}
		for _, path := range []string{"/api/v1/compliance/scores", "/api/v1/resources/summary"} {
			if a := w.get(path + "?tenant=" + after.ID); strings.Contains(a.body, `"missing":[]`) || !strings.Contains(a.body, `"missing":[`) {
				t.Errorf("%s is said to be whole: %s", path, a.body[max(0, len(a.body)-900):])
			}
		}
		c := read[any](t, w, "/api/v1/costs/summary?tenant="+after.ID).Meta.Coverage
		if c.Tenants != 0 || len(c.Missing) != 1 || c.Missing[0].State != "partial" {
			t.Errorf("the coverage of its costs: %+v", c)
		}
	})
}
