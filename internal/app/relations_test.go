package app_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"fresnel"
)

// The relations of the architecture brief, with its columns.
var brief = map[string]string{
	"tenants":              "id name tenant_id client_id client_secret_ref is_active created_at updated_at",
	"subscriptions":        "id tenant_id subscription_id display_name state synced_at",
	"cost_snapshots":       "id tenant_id subscription_id date total_cost currency resource_group service_name synced_at",
	"compliance_snapshots": "id tenant_id subscription_id policy_name compliance_state non_compliant_count synced_at",
	"resources":            "id tenant_id subscription_id resource_group resource_type name location tags synced_at",
	"identity_snapshots":   "id tenant_id snapshot_date total_users guest_users mfa_enabled privileged_users stale_accounts synced_at",
	"sync_jobs":            "id job_type tenant_id status started_at completed_at error_message",
}

// relations checks the brief's relations and what those that we fill say.
func (w *world) relations(t *testing.T, want truth) {
	t.Helper()
	for name, columns := range brief {
		if got := strings.Join(w.columns(t, name), " "); got != columns {
			t.Errorf("%s has the columns %s, the brief says %s", name, got, columns)
		}
	}
	rows, err := w.tables.Query("SELECT tenant_id, subscription_id, resource_group, service_name, currency, CAST(date AS TEXT), total_cost FROM cost_snapshots")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []cell
	for rows.Next() {
		var c cell
		var date string
		var cost float64
		if err := rows.Scan(&c.tenant, &c.sub, &c.group, &c.service, &c.currency, &date, &cost); err != nil {
			t.Fatal(err)
		}
		if c.day, err = fresnel.ParseDay(date); err != nil {
			t.Fatal(err)
		}
		c.micros = int64(math.Round(cost * 1e6))
		got = append(got, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, compareCells)
	plain := make([]cell, len(want["actual"]))
	for i, c := range want["actual"] {
		c.usd = 0
		plain[i] = c
	}
	if d := firstDifference(got, plain); d != "" {
		t.Errorf("cost_snapshots: %s", d)
	}
	estate, lacking := len(w.Estate()), len(newExpected(w, nil).lacks)
	stamp := w.Clock().Now().Format("2006-01-02T15:04:05")
	for table, n := range map[string]int{
		"tenants WHERE id = tenant_id":                                                                             estate,
		"subscriptions WHERE id = subscription_id":                                                                 w.count("subscription"),
		"sync_jobs WHERE job_type = 'costs' AND status = 'completed' AND error_message IS NULL":                    estate - lacking,
		"sync_jobs WHERE job_type = 'costs' AND status = 'partial' AND error_message LIKE '%AccountCostDisabled%'": lacking,
		"cost_snapshots WHERE REPLACE(CAST(synced_at AS TEXT), ' ', 'T') NOT LIKE '" + stamp + "%'":                0,
	} {
		if got := w.count(table); got != n {
			t.Errorf("%d rows in %s, want %d", got, table, n)
		}
	}
}

// count counts rows; -1 is an error.
func (w *world) count(from string) int {
	n := -1
	_ = w.tables.QueryRow("SELECT COUNT(*) FROM " + from).Scan(&n) // -1 tells
	return n
}
