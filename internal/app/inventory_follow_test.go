package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
)

// TestInventoryFollows deletes, moves, renames and denies in the simulator.
func TestInventoryFollows(t *testing.T) {
	long(t)
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3, Months: 2, Groups: 2, Services: 4, Waste: 12})
		w := begin(t, sim, database, months(2))
		whole(t, w.inventory(t))
		sim.Clock().Advance(100 * 24 * time.Hour)
		whole(t, w.inventory(t))
		sim.Clock().Advance(time.Hour)
		found := w.waste(t, "").Data
		held := w.resources(t, "")
		var of []wasted // findings of plain resources, each of another one
		seen := map[string]bool{}
		for _, f := range found {
			if f.Resource == nil || seen[f.ResourceID] || f.Estimate || strings.Count(f.ResourceID, "/") != 8 || !strings.HasPrefix(f.Resource.Type, "microsoft.network/publicip") && f.Rule != "disk-unattached" && f.Rule != "asp-empty" && f.Rule != "nic-orphan" && f.Rule != "avset-empty" && f.Rule != "routetable-unused" && f.Rule != "nsg-unused" {
				continue
			}
			seen[f.ResourceID] = true
			of = append(of, f)
		}
		if len(of) < 3 {
			t.Fatalf("%d findings to work with", len(of))
		}
		deleted, moved, renamed := of[0], of[1], of[2]
		for _, err := range []error{sim.DeleteResource(deleted.ResourceID), sim.MoveResource(moved.ResourceID, "rg-moved"), sim.RenameCase(renamed.ResourceID)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		now := sim.Clock().Now()
		whole(t, w.inventory(t))
		rows := w.sameInventory(t)
		gone := w.resources(t, "&gone=true")
		for _, f := range []wasted{deleted, moved} {
			r, ok := gone[f.ResourceID]
			if !ok || r.GoneAt == nil || !r.GoneAt.Equal(now) || r.FirstSeen != held[f.ResourceID].FirstSeen {
				t.Errorf("%s is not gone since now: %+v", f.ResourceID, r)
			}
		}
		group := held[moved.ResourceID].ResourceGroup
		to := strings.Replace(moved.ResourceID, "/resourcegroups/"+group+"/", "/resourcegroups/rg-moved/", 1)
		if r := rows[to]; r.ID == "" || r.ResourceGroup != "rg-moved" || !r.FirstSeen.Equal(now) {
			t.Errorf("moved to %s: %+v", to, r)
		}
		old, r := held[renamed.ResourceID], rows[renamed.ResourceID]
		if r.ID == old.ID || !strings.EqualFold(r.ID, old.ID) || r.FirstSeen != old.FirstSeen || gone[renamed.ResourceID].ID != "" {
			t.Errorf("renamed: %+v, was %+v", r, old)
		}
		after := map[[2]string]wasted{}
		for _, f := range w.waste(t, "").Data {
			after[[2]string{f.Rule, f.ResourceID}] = f
		}
		for _, f := range []wasted{deleted, moved} {
			if v, ok := after[[2]string{f.Rule, f.ResourceID}]; ok {
				t.Errorf("still found: %+v", v)
			}
		}
		if v := after[[2]string{renamed.Rule, renamed.ResourceID}]; v.ID != renamed.ID || v.Since != renamed.Since {
			t.Errorf("the finding of what was renamed: %+v, was %+v", v, renamed)
		}
		w.denied(t, rows)
	})
}

// denied takes a subscription away and gives it back.
func (w *world) denied(t *testing.T, held map[string]resourceRow) {
	t.Helper()
	te := w.Estate()[0]
	sub := te.Subscriptions[0].ID
	n := 0
	for _, r := range held {
		if r.SubscriptionID == sub {
			n++
		}
	}
	before := w.waste(t, "")
	if err := w.DenySubscription(sub, true); err != nil {
		t.Fatal(err)
	}
	w.Clock().Advance(5 * time.Hour)
	run := w.inventory(t)[te.ID]
	if run.Status == fresnel.Completed || n < 10 {
		t.Errorf("the run of a tenant with a denied subscription (%d resources): %s", n, run.Status)
	}
	w.names(t, run, sub)
	still := 0
	for _, r := range w.resources(t, "") {
		if r.SubscriptionID == sub {
			still++
		}
	}
	if still != n {
		t.Errorf("%d resources of %d left of a denied subscription", still, n)
	}
	for id := range w.resources(t, "&gone=true") {
		if strings.Contains(id, sub) && held[id].ID != "" {
			t.Errorf("%s is gone", id)
		}
	}
	open := func(a wasteAnswer) (out []string) {
		for _, f := range a.Data {
			if strings.Contains(f.ResourceID, sub) {
				out = append(out, fmt.Sprint(f.ID, f.State, f.Rule))
			}
		}
		slices.Sort(out)
		return out
	}
	if d := diff(open(before), open(w.waste(t, ""))); d != "" || len(open(before)) == 0 {
		t.Errorf("%d findings of a denied subscription (-before +after):\n%s", len(open(before)), d)
	}
	if err := w.DenySubscription(sub, false); err != nil {
		t.Fatal(err)
	}
	whole(t, w.inventory(t))
	w.sameInventory(t)
}
