package main_test

import (
	"database/sql"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// TestComplianceMillion reads what policies say of many subscriptions in a process of its own: all of them, as the simulator counts them, in
// little memory, and a second time without writing anything. No other test runs beside: the memory is that of one sync.
func TestComplianceMillion(t *testing.T) {
	for _, size := range []struct {
		name                   string
		tenants, subscriptions int
		states                 int
	}{{"small", 2, 10, 50_000}, {"heavy", 20, 20, 1_000_000}} {
		t.Run(size.name, func(t *testing.T) {
			long(t)
			if size.name == "heavy" && os.Getenv("FRESNEL_TEST_HEAVY") != "1" {
				t.Skip("a million states take minutes: only with FRESNEL_TEST_HEAVY=1")
			}
			clock := azuresim.NewClock()
			clock.Freeze(noon)
			sim, settings := simulator(t, azuresim.Options{
				Seed: 7, Tenants: size.tenants, SubscriptionsPerTenant: size.subscriptions, Groups: 2, Services: 12, Waste: -1, Months: 2, Clock: clock,
				PolicyStates: size.states / size.tenants / size.subscriptions,
			})
			settings = append(settings, frozen(sim), "FRESNEL_JOBS=compliance")
			truth := complianceTruth(t, sim)
			states := 0
			for _, c := range truth {
				states += c.States
			}
			if states < size.states {
				t.Errorf("%d states: the test shows nothing", states)
			}
			t.Logf("%d states in %d subscriptions", states, len(truth))
			for _, engine := range []string{"sqlite", "postgres"} {
				t.Run(engine, func(t *testing.T) {
					where, db := database(t, engine)
					settings := append(slices.Clip(settings), where)
					must(t, settings, "tenants", "import", importFile(t, sim))
					million(t, db, sim, settings, truth)
				})
			}
		})
	}
}

// complianceTruth is what the simulator counts, by subscription.
func complianceTruth(t *testing.T, sim *azuresim.Server) map[string]azuresim.Compliance {
	t.Helper()
	list, err := sim.Compliance(azuresim.ComplianceQuery{By: []string{"subscription"}})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]azuresim.Compliance{}
	for _, c := range list {
		out[c.Subscription] = c
	}
	return out
}

// million syncs twice.
func million(t *testing.T, db *sql.DB, sim *azuresim.Server, settings []string, truth map[string]azuresim.Compliance) {
	t.Helper()
	syncCompliance(t, "first", settings, sim)
	unregistered := 0
	for _, c := range truth {
		unregistered += c.Unregistered
	}
	type held struct {
		id string
		n  [5]int
	}
	subs := rows(t, db, func(r *sql.Rows, v *held) error { return r.Scan(&v.id, &v.n[0], &v.n[1], &v.n[2], &v.n[3], &v.n[4]) },
		"SELECT s.id, c.compliant, c.non_compliant, c.conflict, c.exempt, c.unknown FROM compliance_sub c JOIN subscription s ON s.num = c.sub WHERE c.policy_state = 1")
	if len(subs) != len(truth)-unregistered {
		t.Errorf("%d subscriptions read, %d are there and %d of them are not registered", len(subs), len(truth), unregistered)
	}
	for _, s := range subs {
		c := truth[s.id]
		if want := [5]int{c.Compliant, c.NonCompliant, c.Conflict, c.Exempt, c.Unknown}; s.n != want {
			t.Errorf("subscription %s: %v, the truth is %v", s.id, s.n, want)
		}
	}
	t.Logf("%d subscriptions, %d resources do not comply, %d findings, %d counts", len(subs), number(t, db, "SELECT COUNT(*) FROM compliance_resource"),
		number(t, db, "SELECT COUNT(*) FROM compliance_finding"), number(t, db, "SELECT COUNT(*) FROM compliance_count"))

	before := complianceHash(t, db)
	syncCompliance(t, "second", settings, sim)
	if n := number(t, db, "SELECT CAST(SUM(rows_written) AS BIGINT) FROM sync_run WHERE id > (SELECT MAX(id) FROM sync_run) - "+strconv.Itoa(len(sim.Estate()))); n != 0 {
		t.Errorf("the second sync wrote %d rows", n)
	}
	if after := complianceHash(t, db); after != before {
		t.Error("the second sync changed what is held")
	}
}

// syncCompliance reads everything once and looks at how much memory that takes.
func syncCompliance(t *testing.T, which string, settings []string, sim *azuresim.Server) {
	t.Helper()
	const limit = 256 << 20
	all, queries := askedGraph(sim)
	begin := time.Now()
	p := start(t, settings, "sync", "compliance")
	most := memory(p)
	if code := p.wait(20 * time.Minute); code != 0 {
		t.Fatalf("fresnel sync compliance: exit code %d", code)
	}
	peak := most()
	cpu := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	nowAll, now := askedGraph(sim)
	t.Logf("the %s sync: %.1f s, %.1f s of CPU, %d Resource Graph queries, %d other requests, at most %.0f MB resident, %d allowed",
		which, time.Since(begin).Seconds(), cpu.Seconds(), now-queries, nowAll-all-(now-queries), float64(peak)/(1<<20), limit>>20)
	if _, err := os.Stat("/proc/self/status"); err == nil && (peak == 0 || peak > limit) {
		t.Errorf("resident memory reached %d bytes, %d are allowed", peak, limit)
	}
	if strings.Contains(p.out.String(), "failed") {
		t.Errorf("not everything was read:\n%s", tail(p.out.String()))
	}
}

// askedGraph counts requests of Resource Graph apart.
func askedGraph(sim *azuresim.Server) (all, graph int) {
	all, _ = asked(sim)
	for _, r := range sim.Requests() {
		if r.API == "resourcegraph" {
			graph += r.Count
		}
	}
	return all, graph
}

// complianceHash is over all rows of what compliance is kept in.
func complianceHash(t *testing.T, db *sql.DB) string {
	t.Helper()
	return hashOf(t, db, "SELECT * FROM compliance_sub ORDER BY sub", "SELECT * FROM compliance_count ORDER BY tenant, kind, item, sub", "SELECT * FROM compliance_sum ORDER BY tenant, kind, item",
		"SELECT * FROM compliance_finding ORDER BY num", "SELECT * FROM compliance_resource ORDER BY arm", "SELECT * FROM compliance_item ORDER BY tenant, num",
		"SELECT * FROM compliance_day ORDER BY sub, day", "SELECT * FROM compliance_tenant_day ORDER BY tenant, day")
}
