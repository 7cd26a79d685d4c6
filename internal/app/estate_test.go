package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// TestManyTenants compares counts, tags, findings and money of many tenants,
// which are read side by side, with the simulator's truth.
func TestManyTenants(t *testing.T) {
	long(t)
	t.Run("25 x 1", func(t *testing.T) { // more tenants than a database has connections
		t.Parallel()
		engines(t, func(t *testing.T, database string) {
			long(t)
			manyTenants(t, database, 25, 1, 1000)
		})
	})
	t.Run("25 x 20", func(t *testing.T) {
		if os.Getenv("FRESNEL_TEST_HEAVY") != "1" {
			t.Skip("25 tenants x 20 subscriptions take minutes: only with FRESNEL_TEST_HEAVY=1")
		}
		manyTenants(t, "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"), 25, 20, 25_000)
	})
}

func manyTenants(t *testing.T, database string, tenants, subscriptions, least int) {
	t.Helper()
	sim := simulate(t, late, azuresim.Options{Tenants: tenants, SubscriptionsPerTenant: subscriptions, Months: 2})
	estate := sim.Estate()
	first := tagPolicy{[]string{estate[0].ID}, true, []requiredTag{{Key: "owner"}}}
	none := tagPolicy{[]string{estate[1].ID}, false, []requiredTag{}}
	others := tagPolicy{[]string{"*"}, true, []requiredTag{{"env", []string{"prod", "Prod", "dev", "test"}}}}
	text, err := json.Marshal(map[string]any{"tags": []tagPolicy{first, none, others}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tags.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	policies := map[string]tagPolicy{}
	for i, te := range estate {
		policies[te.ID] = append([]tagPolicy{first, none}, others)[min(i, 2)]
	}
	w := begin(t, sim, database, months(2), func(c *app.Config, _ *app.Options) { c.TagPolicies = file })
	begun := time.Now()
	lap := func(what string) {
		t.Logf("%s: %s", what, time.Since(begun).Round(100*time.Millisecond))
		begun = time.Now()
	}
	n := whole(t, w.inventory(t))
	lap(fmt.Sprintf("%d resources read", n))
	if n < least {
		t.Errorf("%d resources: the test shows nothing", n)
	}
	if n := whole(t, w.inventory(t)); n != 0 {
		t.Errorf("the second sync wrote %d resources", n)
	}
	lap("read again")
	sim.Clock().Advance(100 * 24 * time.Hour)
	whole(t, w.sync(t))
	lap("costs")
	whole(t, w.inventory(t))
	lap("read after 100 days")
	rows := w.sameInventory(t)
	lap(fmt.Sprintf("%d resources compared", len(rows)))
	a := w.waste(t, "")
	w.labelledWaste(t, a.Data, "ahb-missing-windows", "ahb-missing-sql")
	w.worth(t, a)
	lap("findings and money compared")
	w.sameTags(t, policies)
	lap("tags compared")
	w.sameTypes(t)
}

// sameTypes compares the counts by type with the simulator's.
func (w *world) sameTypes(t *testing.T) {
	t.Helper()
	got := map[string]int{}
	for _, c := range read[struct {
		Types []struct {
			Type  string `json:"type"`
			Count int    `json:"count"`
		} `json:"types"`
	}](t, w, "/api/v1/resources/summary").Data.Types {
		got[c.Type] = c.Count
	}
	if d := diff(w.CountTypes(w.Clock().Now()), got); d != "" || len(got) < 60 {
		t.Errorf("%d types (-simulator +api):\n%.2000s", len(got), d)
	}
}
