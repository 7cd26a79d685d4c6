package app_test

import (
	"slices"
	"testing"

	"fresnel"
	"fresnel/internal/azuresim"
)

// TestInventoryFaults lets Resource Graph misbehave: what is held stays, and
// nothing is said to be gone that is not.
func TestInventoryFaults(t *testing.T) {
	long(t)
	t.Parallel()
	graph := func(kind string, p float64) azuresim.Fault {
		return azuresim.Fault{API: "resourcegraph", Kind: kind, Probability: p}
	}
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: 3, Months: 2, Groups: 2, Services: 4})
		w := begin(t, sim, database, months(2), impatient)
		whole(t, w.inventory(t))
		before := w.sameInventory(t)
		found := w.waste(t, "").Data
		harmless := []string{"429", "empty", "duplicates", "some 5xx"}
		for _, c := range []struct {
			name string
			list []azuresim.Fault
		}{
			{"5xx", []azuresim.Fault{{API: "resourcegraph", Kind: "5xx", Status: 501}}},
			{"some 5xx", []azuresim.Fault{graph("5xx", 0.3)}},
			{"html", []azuresim.Fault{graph("html", 0)}},
			{"reset", []azuresim.Fault{graph("reset", 0)}},
			{"gzip", []azuresim.Fault{graph("gzip", 0)}},
			{"429", []azuresim.Fault{{API: "resourcegraph", Kind: "429", Times: 4}}},
			{"throttled for hours", []azuresim.Fault{{API: "resourcegraph", Kind: "429", RetryAfterSeconds: 9000}}},
			{"truncated", []azuresim.Fault{graph("truncated", 0)}},
			{"absent", []azuresim.Fault{graph("absent", 0)}},
			{"empty", []azuresim.Fault{graph("empty", 0)}},
			{"nulls", []azuresim.Fault{graph("nulls", 0)}},
			{"columns", []azuresim.Fault{graph("columns", 0)}},
			{"duplicates", []azuresim.Fault{graph("duplicates", 0)}},
			{"no properties", []azuresim.Fault{{API: "resourcegraph", Kind: "columns", Column: "properties"}}},
		} {
			if err := sim.SetFaults(c.list); err != nil {
				t.Fatal(err)
			}
			w.restart(t, months(2), impatient)
			runs := w.inventory(t)
			if slices.Contains(harmless, c.name) {
				whole(t, runs)
			}
			for _, r := range runs {
				if r.Status != fresnel.Completed && (r.Reason == "" || r.Do == "") {
					t.Errorf("%s: %s without a reason: %+v", c.name, r.Status, r)
				}
				if (c.name == "absent" || c.name == "truncated") && r.Status == fresnel.Completed {
					t.Errorf("%s: %s read everything", c.name, r.TenantName)
				}
			}
			if n := len(w.resources(t, "&gone=true")); n != 0 {
				t.Errorf("%s: %d resources are said to be gone", c.name, n)
			}
			if now := w.resources(t, ""); len(now) != len(before) {
				t.Errorf("%s: %d resources, there were %d", c.name, len(now), len(before))
			}
			if now := w.waste(t, "").Data; len(now) != len(found) {
				t.Errorf("%s: %d findings, there were %d: %s", c.name, len(now), len(found), wasteDiff(found, now))
			}
		}
		if err := sim.SetFaults(nil); err != nil {
			t.Fatal(err)
		}
		w.restart(t, months(2))
		whole(t, w.inventory(t))
		w.sameInventory(t)
		if now := w.waste(t, "").Data; wasteDiff(found, now) != "" {
			t.Errorf("findings afterwards: %s", wasteDiff(found, now))
		}
	})
}
