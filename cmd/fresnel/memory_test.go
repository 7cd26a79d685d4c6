package main_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// memory watches a process and gives the most resident memory that it had so far, in bytes. (What wait4 tells is not it: that counts the
// memory of the parent, too, which the child shares until it is another program.)
func memory(p *process) func() int {
	peak := make(chan int, 1)
	go func() {
		most := 0
		for {
			if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid())); err == nil {
				if m := highWater.FindSubmatch(b); m != nil {
					kb, _ := strconv.Atoi(string(m[1])) // digits
					most = kb << 10
				}
			}
			select {
			case <-p.ended:
				peak <- most
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() int { return <-peak }
}

// TestMemory syncs with a simulator in a process of its own, and looks at how much memory that takes.
func TestMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("memory is read from /proc, which this system does not have")
	}
	t.Run("small", func(t *testing.T) {
		long(t)
		testMemory(t, 5, 10, 3, 96<<20)
	})
	t.Run("heavy", func(t *testing.T) {
		if os.Getenv("FRESNEL_TEST_HEAVY") != "1" {
			t.Skip("25 tenants x 20 subscriptions x 13 months take minutes: only with FRESNEL_TEST_HEAVY=1")
		}
		testMemory(t, 25, 20, 13, 256<<20)
	})
}

func testMemory(t *testing.T, tenants, subscriptions, months, limit int) {
	dir := t.TempDir()
	sim := start(t, []string{"FRESNEL_MONTHS=" + strconv.Itoa(months)}, "sim", "--addr", "127.0.0.1:0", "--dir", dir, "--now", noon.Format(time.RFC3339),
		"--tenants", strconv.Itoa(tenants), "--subscriptions", strconv.Itoa(subscriptions))
	eventually(t, 30*time.Second, "the simulator is up", func() bool { return strings.Contains(sim.out.String(), "simulating Azure at https://") })
	file, err := os.ReadFile(filepath.Join(dir, "fresnel.env"))
	if err != nil {
		t.Fatal(err)
	}
	where, db := database(t, "sqlite")
	settings := append(strings.Fields(string(file)), where, "FRESNEL_UNLIMITED=true", "FRESNEL_CLOCK="+noon.Format(time.RFC3339), "FRESNEL_MONTHS="+strconv.Itoa(months))
	must(t, settings, "tenants", "import", filepath.Join(dir, "tenants.json"))

	begin := time.Now()
	p := start(t, settings, "sync", "costs")
	peak := memory(p)
	if code := p.wait(30 * time.Minute); code != 0 {
		t.Fatalf("fresnel sync: exit code %d", code)
	}
	took := time.Since(begin)
	most := peak()
	cells := number(t, db, "SELECT COUNT(*) FROM cost_cell")
	t.Logf("%d tenants x %d subscriptions x %d months: %d cells in %s (%.0f a second), at most %.0f MB resident, %d allowed", tenants, subscriptions, months, cells,
		took.Round(100*time.Millisecond), float64(cells)/took.Seconds(), float64(most)/(1<<20), limit>>20)
	if most == 0 || most > limit {
		t.Errorf("resident memory reached %d bytes, %d are allowed", most, limit)
	}
	totalsEqual(t, db, file, dir)

	// Once more, with everything held: it reads the open months and writes nothing.
	begin = time.Now()
	again := start(t, settings, "sync", "costs")
	peak = memory(again)
	if code := again.wait(30 * time.Minute); code != 0 {
		t.Fatalf("fresnel sync: exit code %d", code)
	}
	if n := number(t, db, "SELECT COALESCE(SUM(rows_written), 0) FROM sync_run WHERE id > (SELECT MAX(id) FROM sync_run) - "+strconv.Itoa(tenants)); n != 0 {
		t.Errorf("the second sync wrote %d rows", n)
	}
	t.Logf("the second sync: %s, at most %.0f MB resident", time.Since(begin).Round(100*time.Millisecond), float64(peak())/(1<<20))
}

// totalsEqual compares the totals of every tenant and metric with what the simulator's process says.
func totalsEqual(t *testing.T, db *sql.DB, env []byte, dir string) {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	base := regexp.MustCompile(`FRESNEL_AZURE_RESOURCE_MANAGER=(\S+)`).FindSubmatch(env)[1]
	for _, c := range cuts {
		for metric, name := range []string{"ActualCost", "AmortizedCost"} {
			cutTotalsEqual(t, db, client, string(base), c.name, c.cells, metric, name)
		}
	}
}

// cutTotalsEqual compares those of one metric and cut.
func cutTotalsEqual(t *testing.T, db *sql.DB, client *http.Client, base, cut, cells string, metric int, name string) {
	t.Helper()
	got := map[string]cellSum{}
	for _, r := range rows(t, db, func(r *sql.Rows, v *struct {
		key string
		cellSum
	},
	) error {
		var tenant, currency string
		err := r.Scan(&tenant, &currency, &v.micros, &v.usd, &v.cells)
		v.key = tenant + " " + currency
		return err
	}, fmt.Sprintf("SELECT te.id, cu.name, SUM(c.micros), SUM(c.usd_micros), COUNT(*) FROM "+cells+" c JOIN subscription s ON s.num = c.sub JOIN tenant te ON te.num = s.tenant "+
		"JOIN currency cu ON cu.num = c.currency WHERE c.metric = %d GROUP BY te.id, cu.name", metric)) {
		got[r.key] = r.cellSum
	}
	resp, err := client.Get(base + "/sim/truth?by=tenant&metric=" + name + "&cut=" + cut)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var want struct {
			Tenant, Currency string
			Micros           int64
			USD              int64 `json:"usd_micros"`
			Cells            int
		}
		if err := json.NewDecoder(bytes.NewReader(lines.Bytes())).Decode(&want); err != nil {
			t.Fatal(err)
		}
		key := want.Tenant + " " + want.Currency
		if got[key] != (cellSum{want.Micros, want.USD, want.Cells}) {
			t.Errorf("%s by %s of %s is %+v, the truth is %+v", name, cut, key, got[key], want)
		}
		delete(got, key)
	}
	if len(got) != 0 {
		t.Errorf("%s by %s: %v is not in the truth", name, cut, got)
	}
}
