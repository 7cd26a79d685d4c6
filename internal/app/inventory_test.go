package app_test

import (
	"context"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
)

// read reads every tenant's inventory and gives the runs by tenant.
func (w *world) inventory(t *testing.T) map[string]fresnel.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	list, err := w.app.SyncNow(ctx, []string{"resources"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]fresnel.Run{}
	for _, r := range list {
		runs[string(r.Tenant)] = r
	}
	return runs
}

func TestInventoryTruth(t *testing.T) {
	t.Parallel()
	sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2})
	w := begin(t, sim, "sqlite:"+t.TempDir()+"/f.db")
	whole(t, w.inventory(t))
	a := w.get("/api/v1/resources?limit=2")
	t.Log(a.status, a.body)
	a = w.get("/api/v1/resources/orphaned?limit=2")
	t.Log(a.status, a.body)
	a = w.get("/api/v1/resources/tagging")
	t.Log(a.status, len(a.body))
	n := whole(t, w.inventory(t))
	t.Log("second", n)
}
