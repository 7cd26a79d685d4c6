package main_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// TestInventoryQuota reads the resources of 400 subscriptions under Azure's published throttles, in a process of its own: nearly as fast as
// Resource Graph allows for the pages that there are, in little memory, and a second time without writing anything.
//
// What is delegated is read by one principal, which has 15 queries in 5 s for all of those tenants together; a tenant's own app has as many
// for itself. So the managing principal is what has to wait. No other test runs beside: the seconds are to be those of the quota.
func TestInventoryQuota(t *testing.T) {
	long(t)
	const tenants, subscriptions, each, limit = 20, 20, 65, 256 << 20
	clock := azuresim.NewClock()
	clock.Freeze(noon)
	sim, settings := simulator(t, azuresim.Options{
		Seed: 7, Tenants: tenants, SubscriptionsPerTenant: subscriptions, Groups: 2, Resources: each, Months: 2, Clock: clock, Throttle: "real",
	})
	read := map[string]bool{} // subscriptions that Azure shows
	for _, te := range sim.Estate() {
		for _, s := range te.Subscriptions {
			if s.State != "Deleted" {
				read[s.ID] = true
			}
		}
	}
	where, db := database(t, "sqlite")
	settings = append(settings, where, frozen(sim))
	must(t, settings, "tenants", "import", importFile(t, sim))

	peak := syncResources(t, settings, sim, len(read))
	held := number(t, db, "SELECT COUNT(*) FROM resource r JOIN resource_type t ON t.num = r.rtype WHERE r.gone_at = 0 AND t.name NOT LIKE 'microsoft.resources/%'")
	t.Logf("%d subscriptions, %d resources, at most %.0f MB resident, %d allowed", len(read), held, float64(peak)/(1<<20), limit>>20)
	if held < 25_000 || len(read) < 390 {
		t.Errorf("%d resources of %d subscriptions: the test shows nothing", held, len(read))
	}
	if _, err := os.Stat("/proc/self/status"); err == nil && (peak == 0 || peak > limit) {
		t.Errorf("resident memory reached %d bytes, %d are allowed", peak, limit)
	}

	before := inventoryHash(t, db)
	peak = syncResources(t, settings, sim, len(read))
	t.Logf("the second sync: at most %.0f MB resident", float64(peak)/(1<<20))
	if n := number(t, db, "SELECT SUM(rows_written) FROM sync_run WHERE id > (SELECT MAX(id) FROM sync_run) - "+strconv.Itoa(tenants)); n != 0 {
		t.Errorf("the second sync wrote %d rows", n)
	}
	if after := inventoryHash(t, db); after != before {
		t.Error("the second sync changed what is held")
	}
}

// syncResources reads everything once and holds the time against the bound that Azure's rules give. It gives the most memory that it took.
func syncResources(t *testing.T, settings []string, sim *azuresim.Server, subscriptions int) (peak int) {
	t.Helper()
	const slower, slack = 1.15, 15.0 // times the bound, and seconds
	time.Sleep(5 * time.Second)      // every bucket is full again
	sim.ResetBound()
	all, refused := asked(sim)
	begin := time.Now()
	p := start(t, settings, "sync", "resources")
	most := memory(p)
	if code := p.wait(10 * time.Minute); code != 0 {
		t.Fatalf("fresnel sync resources: exit code %d", code)
	}
	took := time.Since(begin).Seconds()
	peak = most()

	bound := sim.Bound()
	needed, queries, seen := 0, 0, 0
	texts := map[string]bool{}
	for _, n := range bound.Graph {
		needed += n.Needed
		queries += n.Asked
		texts[n.Query] = true
		seen = max(seen, n.Subscriptions)
	}
	seconds := bound.GraphSeconds
	for _, b := range bound.Buckets {
		if b.Kind != "resourcegraph" { // the lists of subscriptions
			seconds = max(seconds, b.Seconds)
		}
	}
	now, nowRefused := asked(sim)
	t.Logf("%.1f s for a bound of %.1f s: %.1f s allowed (%.2f times + %.0f s)", took, seconds, slower*seconds+slack, slower, slack)
	cpu := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	t.Logf("%.1f s of CPU; %d Resource Graph queries of %d texts, %d needed, up to %d subscriptions each; %d requests in all, %d of them answered %d",
		cpu.Seconds(), queries, len(texts), needed, seen, now-all, nowRefused-refused, http.StatusTooManyRequests)
	if seconds < 5 {
		t.Errorf("a bound of %.1f s shows nothing: the estate is too small", seconds)
	}
	if took > slower*seconds+slack {
		t.Errorf("%.1f s is more than %.1f s", took, slower*seconds+slack)
	}
	if queries > needed {
		for _, n := range bound.Graph {
			if n.Asked > n.Needed {
				t.Errorf("%d queries for %d rows of %d subscriptions of %s, %d would do: %s", n.Asked, n.Rows, n.Subscriptions, n.Tenant, n.Needed, n.Query)
			}
		}
	}
	if want := subscriptions / 25; seen < want { // a query of each subscription would need many times as many
		t.Errorf("at most %d subscriptions in a query", seen)
	}
	return peak
}

// inventoryHash is over all rows of what resources are kept in.
func inventoryHash(t *testing.T, db *sql.DB) string {
	t.Helper()
	return hashOf(t, db, "SELECT arm, tenant, sub, rtype, rgroup, location, tset, name, hash, first_seen, changed_at, gone_at FROM resource ORDER BY arm",
		"SELECT arm, doc FROM resource_doc ORDER BY arm", "SELECT tenant, tset, tkey, tvalue FROM resource_tag ORDER BY tenant, tset, tkey, tvalue")
}

// hashOf is over all rows of queries; each has to have some.
func hashOf(t *testing.T, db *sql.DB, queries ...string) string {
	t.Helper()
	h := sha256.New()
	for _, query := range queries {
		n := 0
		rs, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rs.Columns()
		if err != nil {
			t.Fatal(err)
		}
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for ; rs.Next(); n++ {
			if err := rs.Scan(into...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(h, values...)
		}
		if err := rs.Err(); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			t.Errorf("%s gives no rows: the test shows nothing", query)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
