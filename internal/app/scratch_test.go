package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
	"fresnel/internal/store"
)

func TestScratch(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 4, SubscriptionsPerTenant: 4, Months: 2})
		w := begin(t, sim, database)
		for i := range 2 {
			begun := time.Now()
			runs, err := w.app.SyncNow(context.Background(), []string{"compliance"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range runs {
				fmt.Println(i, r.TenantName, r.Status, r.Reason, r.Result.Read, r.Result.Written, time.Since(begun))
				for _, p := range r.Result.Parts {
					fmt.Println("   ", p.Name, p.State, p.Rows, p.Reason, p.Do)
				}
			}
		}
		db, err := store.Open(context.Background(), database, slog.Default())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Compliance().Verify(context.Background()); err != nil {
			t.Error(err)
		}
		subs, err := db.ComplianceReader().Subscriptions(context.Background(), fresnel.AllTenants(), nil)
		fmt.Println(len(subs), err)
		truth, err := sim.Compliance(azuresim.ComplianceQuery{By: []string{"subscription"}})
		fmt.Println(len(truth), err)
		by := map[string]azuresim.Compliance{}
		for _, c := range truth {
			by[c.Subscription] = c
		}
		for _, s := range subs {
			c := by[s.Subscription]
			if s.Counts.Compliant != c.Compliant || s.Counts.NonCompliant != c.NonCompliant || s.Counts.Conflict != c.Conflict || s.Counts.Exempt != c.Exempt || s.Counts.Unknown != c.Unknown {
				t.Errorf("%+v\n%+v", s, c)
			}
		}
	})
}
