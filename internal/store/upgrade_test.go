package store_test

import (
	"database/sql"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/inventory"
	"fresnel/internal/store/storetest"
)

// TestUpgradeToAllTenants brings a database that is full up to the rollups over
// all tenants: they hold what was there before.
func TestUpgradeToAllTenants(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		url := e.empty(t)
		db := open(t, url)
		days := fresnel.Period{From: fresnel.Date(2026, time.May, 20), To: fresnel.Date(2026, time.June, 10)}
		estate := storetest.Estate{Tenants: 3, Subscriptions: 3, Groups: 2, Services: 4, CellsPerDay: 3, Days: days, Asked: days.To.Time()}
		if _, err := estate.Fill(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if err := db.Tenants().SetCostState(t.Context(), storetest.SubscriptionID(1, 1), fresnel.CostUnsupported, "no data", days.To.Time()); err != nil {
			t.Fatal(err)
		}
		before, err := db.CostReader().Coverage(t.Context(), fresnel.AllTenants(), days, cost.Actual, cost.CutGroups)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := sql.Open(e.driver, e.dsn(url))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()           //nolint:errcheck // a throwaway database
		for _, q := range []string{ // back to what the first migration left
			"CREATE TABLE cost_day_tenant (tenant BIGINT)",
			"DROP TABLE cost_day", "DROP TABLE cost_tenant_month", "DROP INDEX ix_tenant_active",
			"ALTER TABLE tenant DROP COLUMN elsewhere", "ALTER TABLE tenant DROP COLUMN expected", "ALTER TABLE tenant DROP COLUMN unsupported", "ALTER TABLE tenant DROP COLUMN last_costs",
			"DROP VIEW resources", "CREATE TABLE resources (id TEXT)", "DROP INDEX ix_finding_object", "DROP INDEX ix_finding_open", "DROP INDEX ix_finding_worth", "DROP TABLE finding_count", "DROP TABLE IF EXISTS resource_name",
			"DROP TABLE resource", "DROP TABLE resource_doc", "DROP TABLE resource_tag", "DROP TABLE resource_count", "DROP TABLE resource_facet", "DROP TABLE tag_set", "DROP TABLE resource_read",
			"DROP TABLE resource_type", "DROP TABLE location", "DROP TABLE tag_key", "DROP TABLE tag_value", "DROP TABLE tag_count",
			"DROP TABLE resource_change", "DROP TABLE change_read", "DROP TABLE tag_missing",
			"DROP VIEW compliance_snapshots", "CREATE TABLE compliance_snapshots (id TEXT)", "DROP TABLE compliance_key", "DROP TABLE compliance_item", "DROP TABLE compliance_named", "DROP TABLE compliance_count", "DROP TABLE compliance_past",
			"DROP TABLE compliance_sum", "DROP TABLE compliance_sub", "DROP TABLE compliance_day", "DROP TABLE compliance_tenant_day", "DROP TABLE compliance_finding", "DROP TABLE compliance_resource", "DROP TABLE compliance_baseline",
			"DROP VIEW identity_snapshots", "CREATE TABLE identity_snapshots (id TEXT)", "DROP TABLE identity_tenant", "DROP TABLE identity_fact", "DROP TABLE identity_account", "DROP TABLE identity_count", "DROP TABLE identity_role",
			"DROP TABLE identity_holding", "DROP TABLE identity_member", "DROP TABLE identity_azure_role", "DROP TABLE identity_other", "DROP TABLE identity_role_count", "DROP TABLE identity_app", "DROP TABLE identity_credential",
			"DROP TABLE identity_day", "DROP TABLE identity_day_read",
			"DELETE FROM goose_db_version WHERE version_id >= 3",
		} {
			if _, err := raw.ExecContext(t.Context(), q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
		again := open(t, url)
		if err := again.Costs().Verify(t.Context()); err != nil {
			t.Error(err)
		}
		after, err := again.CostReader().Coverage(t.Context(), fresnel.AllTenants(), days, cost.Actual, cost.CutGroups)
		if err != nil || len(after) != len(before) || after[1].Subscriptions != 2 || after[1].Unsupported != 1 || len(after[1].Months) != 2 || after[1].Months[0].Read != 2 {
			t.Errorf("coverage was %+v and is %+v, %v", before, after, err)
		}
	})
}

// TestUpgradeToWasted marks what rules found before there was a mark.
func TestUpgradeToWasted(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		url := e.empty(t)
		db := open(t, url)
		now := time.Unix(20_050*86400, 0)
		estate := storetest.Resources{Tenants: 2, Subscriptions: 1, N: 40, Asked: now}
		if err := estate.Fill(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		for n, r := range estate.Of(0, 0)[:8] {
			// One is pending, one is of a tenant that does not have the resource.
			f := fresnel.Finding{Rule: "r", Object: r.Key(), Detail: "{}"}
			if n == 6 {
				f.Rule = inventory.PendingPrefix + "r"
			}
			if err := db.Findings().KeepAll(t.Context(), storetest.TenantID(n/7), fresnel.Reconciled{Put: []fresnel.Finding{f}}, now); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := sql.Open(e.driver, e.dsn(url))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close() //nolint:errcheck // a throwaway database
		for _, q := range []string{
			"ALTER TABLE tenant DROP COLUMN elsewhere", "DROP INDEX ix_resource_wasted", "DROP INDEX ix_resource_wasted_tenant", "ALTER TABLE resource DROP COLUMN wasted",
			"DELETE FROM goose_db_version WHERE version_id >= 9",
		} {
			if _, err := raw.ExecContext(t.Context(), q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
		again := open(t, url)
		if err := again.Inventory().Verify(t.Context()); err != nil {
			t.Error(err)
		}
		l, err := again.InventoryReader().List(t.Context(), fresnel.AllTenants(), inventory.Query{Wasted: true, Limit: 1})
		if err != nil || l.Total != 6 {
			t.Errorf("%d are wasted, %v, want 6", l.Total, err)
		}
	})
}
