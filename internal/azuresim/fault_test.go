package azuresim_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"fresnel/internal/azuresim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const costHeader = "X-Ms-Ratelimit-Microsoft.costmanagement-"

// TestBuckets drains each bucket exactly and looks at the refusal.
func TestBuckets(t *testing.T) {
	c := start(t, azuresim.Options{Throttle: "real", SubscriptionsPerTenant: 12, Tenants: 3})
	body := preTax(dailyBody("ActualCost", "2026-11-20", "2026-11-21", `[]`))
	year := strings.Replace(strings.Replace(body, "2026-11-20", "2025-12-01", 1), "Daily", "None", 1)
	subs := c.sim.Estate()[0].Subscriptions
	for i := range 4 {
		a := c.do("POST", costPath(subs[0].ID), c.token, body)
		if want := "QueriesPerHour:" + strconv.Itoa(599-i); a.status != 200 || !strings.HasPrefix(a.header.Get(costHeader+"Qpu-Remaining"), want) {
			t.Errorf("query %d: %d %v", i, a.status, a.header)
		}
	}
	a := c.do("POST", costPath(subs[0].ID), c.token, body)
	if after, _ := strconv.Atoi(a.header.Get(costHeader + "Entity-Retry-After")); a.status != 429 || after < 14 || after > 15 || a.header.Get("Retry-After") != "" {
		t.Errorf("scope: %d %v", a.status, a.header)
	}
	if !strings.Contains(string(a.body), `"code":"429"`) {
		t.Errorf("body %s", a.body)
	}
	// Twelve months are 12 QPU; four are spent and the rest of ten seconds' worth is not enough.
	if a := c.do("POST", costPath(subs[1].ID), c.token, year); a.status != 429 || a.header.Get(costHeader+"Qpu-Retry-After") == "" || a.header.Get(costHeader+"Entity-Retry-After") != "" {
		t.Errorf("qpu: %d %v", a.status, a.header)
	}
	// Refused requests cost nothing: 16 of the principal's 20 are left, over two tenants.
	second := c.sim.Estate()[1].Subscriptions
	served := 0
	for i := range 8 {
		served += boolInt(c.do("POST", costPath(second[i].ID), c.token, body).status == 200)
		served += boolInt(c.do("POST", costPath(subs[1+i].ID), c.token, body).status == 200)
	}
	if served != 16 {
		t.Errorf("served %d", served)
	}
	if a := c.do("POST", costPath(second[9].ID), c.token, body); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("principal: %d %v", a.status, a.header)
	}
	b := c.sim.Bound()
	i := slices.IndexFunc(b.Buckets, func(x azuresim.BucketBound) bool { return x.Kind == "cost-principal" })
	if b.Buckets[i].Served != 20 || b.Seconds != 0 || len(b.Refused) == 0 {
		t.Errorf("bound %+v", b)
	}
	if a := c.do("POST", "/sim/bound/reset", "", ""); a.status != 204 || c.sim.Bound().Buckets[i].Served != 0 || len(c.sim.Bound().Refused) != 0 {
		t.Error("reset kept the account")
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestBound counts with throttles off, where more than the capacity is served.
func TestBound(t *testing.T) {
	c := start(t, azuresim.Options{Tenants: 1})
	_, sub := c.delegated()
	for range 10 {
		a := c.do("POST", costPath(sub.ID), c.token, dailyBody("ActualCost", "2026-11-20", "2026-11-21", `[]`))
		if a.header.Get(costHeader+"Qpu-Remaining") != "QueriesPerHour:599,QueriesPerMin:59,QueriesPer10Sec:11" {
			t.Fatal(a.header)
		}
	}
	if b := c.sim.Bound(); b.Seconds != 90 || !strings.HasPrefix(b.Binding, "cost-scope") { // (10-4)/(4/60)
		t.Errorf("bound %+v", b)
	}
}

// TestFaultKinds strikes once with each kind.
func TestFaultKinds(t *testing.T) {
	c := start(t, azuresim.Options{})
	_, sub := c.delegated()
	path, body := costPath(sub.ID), dailyBody("ActualCost", "2026-11-01", "2026-11-20", twoGroups)
	columns, whole, _ := c.pages(path, c.token, body)
	set := func(f azuresim.Fault) {
		t.Helper()
		if err := c.sim.SetFaults([]azuresim.Fault{f}); err != nil {
			t.Fatal(err)
		}
	}
	for header, name := range map[string]string{
		"retry-after": "Retry-After", "retry-after-ms": "Retry-After-Ms", "retry-after-date": "Retry-After", "qpu": costHeader + "Qpu-Retry-After",
		"entity": costHeader + "Entity-Retry-After", "tenant": costHeader + "Tenant-Retry-After", "clienttype": costHeader + "Clienttype-Retry-After",
	} {
		set(azuresim.Fault{API: "cost", Kind: "429", Header: header, RetryAfterSeconds: 7, Times: 1, Subscription: sub.ID})
		a := c.do("POST", path, c.token, body)
		want := map[string]string{"retry-after-ms": "7000", "retry-after-date": a.header.Get("Retry-After")}[header]
		if want == "" {
			want = "7"
		}
		if a.status != 429 || a.header.Get(name) != want {
			t.Errorf("%s: %d %v", header, a.status, a.header)
		}
		if a := c.do("POST", path, c.token, body); a.status != 200 {
			t.Errorf("after one 429: %d", a.status)
		}
	}
	set(azuresim.Fault{API: "*", Kind: "5xx", Status: 504, Times: 1})
	if a := c.do("POST", path, c.token, body); a.status != 504 || a.code(t) != "GatewayTimeout" {
		t.Errorf("5xx: %d %s", a.status, a.body)
	}
	set(azuresim.Fault{API: "arm", Kind: "html"})
	if a := c.do("GET", "/subscriptions?api-version=2022-12-01", c.token, ""); a.status != 502 || !strings.Contains(string(a.body), "<html>") {
		t.Errorf("html: %d %s", a.status, a.body)
	}
	set(azuresim.Fault{API: "cost", Kind: "reset", Times: 1})
	a, err := c.try("POST", path, c.token, body)
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) || a.status != 200 || len(a.body) == 0 {
		t.Errorf("reset: %d, %d bytes, %v", a.status, len(a.body), err)
	}
	set(azuresim.Fault{API: "cost", Kind: "empty"})
	if _, rows, n := c.pages(path, c.token, body); n != 2 || !cmp.Equal(rows, whole) {
		t.Errorf("empty: %d pages, %d of %d rows", n, len(rows), len(whole))
	}
	set(azuresim.Fault{API: "cost", Kind: "nulls", Times: 1})
	if _, rows, _ := c.pages(path, c.token, body); rows[0][0] != nil || rows[0][1] != nil || len(rows) != len(whole) || len(columns) != len(rows[0]) {
		t.Errorf("nulls: %v", rows[0])
	}
	set(azuresim.Fault{API: "cost", Kind: "hang", HangSeconds: 0.2, Times: 1})
	began := time.Now()
	if a := c.do("POST", path, c.token, body); a.status != 200 || time.Since(began) < 200*time.Millisecond {
		t.Errorf("hang: %d after %v", a.status, time.Since(began))
	}
	set(azuresim.Fault{API: "cost", Kind: "429", Tenant: c.conn.Tenants[1].ID})
	if a := c.do("POST", path, c.token, body); a.status != 200 {
		t.Errorf("another tenant's fault: %d", a.status)
	}
}

// TestFaultList checks refusals of unknown faults, files, and that a probability repeats itself.
func TestFaultList(t *testing.T) {
	c := start(t, azuresim.Options{})
	for _, f := range []azuresim.Fault{{API: "cost", Kind: "flood"}, {API: "graph", Kind: "429"}, {API: "entra", Kind: "empty"}, {API: "cost", Kind: "429", Header: "x"}} {
		if err := c.sim.SetFaults([]azuresim.Fault{f}); err == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
	if a := c.do("PUT", "/sim/faults", "", `[{"api":"cost","kind":"429","colour":1}]`); a.status != 400 {
		t.Errorf("unknown field: %d", a.status)
	}
	file := filepath.Join(t.TempDir(), "faults.json")
	_ = os.WriteFile(file, []byte(`[{"api":"arm","kind":"5xx","probability":0.5}]`), 0o600)
	faults, err := azuresim.LoadFaults(file)
	if err != nil {
		t.Fatal(err)
	}
	run := func() (out []int) {
		if err := c.sim.SetFaults(faults); err != nil {
			t.Fatal(err)
		}
		for range 40 {
			out = append(out, c.do("GET", "/subscriptions?api-version=2022-12-01", c.token, "").status)
		}
		return out
	}
	first := run()
	if n := len(slices.DeleteFunc(slices.Clone(first), func(s int) bool { return s == 503 })); n < 8 || n > 32 || !cmp.Equal(first, run()) {
		t.Errorf("statuses %v", first)
	}
}

// TestCloseEndsHangs closes a simulator in which a request hangs for ever.
func TestCloseEndsHangs(t *testing.T) {
	c := start(t, azuresim.Options{Faults: []azuresim.Fault{{API: "*", Kind: "hang"}}})
	done := make(chan error, 1)
	go func() {
		_, err := c.try(http.MethodGet, "/subscriptions?api-version=2022-12-01", c.token, "")
		done <- err
	}()
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	if err := c.sim.Close(); err != nil || time.Since(began) > 2*time.Second {
		t.Errorf("close: %v after %v", err, time.Since(began))
	}
	if err := <-done; err == nil {
		t.Error("the hanging request was answered")
	}
}

// TestControl checks the clock and the counts over HTTP.
func TestControl(t *testing.T) {
	c := start(t, azuresim.Options{})
	if a := c.do("PUT", "/sim/clock", "", `{"mode":"running","now":"2027-01-01T00:00:00Z"}`); a.status != 200 || c.clock.Now().Year() != 2027 {
		t.Errorf("clock: %d %s", a.status, a.body)
	}
	if a := c.do("PUT", "/sim/clock", "", `{"mode":"backwards"}`); a.status != 400 {
		t.Errorf("unknown mode: %d", a.status)
	}
	c.do("GET", "/subscriptions", "", "")
	if got := c.sim.Requests(); !slices.Contains(got, azuresim.RequestCount{API: "arm", Status: 401, Count: 1}) {
		t.Errorf("requests %v", got)
	}
	for _, path := range []string{"/sim/estate", "/sim/connection", "/sim/requests", "/sim/bound", "/sim/faults", "/sim/issuer/.well-known/openid-configuration", "/sim/issuer/keys"} {
		if a := c.do("GET", path, "", ""); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// TestHangEndsWithClient checks that a hanging request does not outlive its client.
func TestHangEndsWithClient(t *testing.T) {
	c := start(t, azuresim.Options{Faults: []azuresim.Fault{{API: "cost", Kind: "hang"}}})
	_, sub := c.delegated()
	c.http.Timeout = 200 * time.Millisecond
	if _, err := c.try("POST", costPath(sub.ID), c.token, dailyBody("ActualCost", "2026-11-01", "2026-11-20", twoGroups)); err == nil {
		t.Fatal("answered")
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if slices.Contains(c.sim.Requests(), azuresim.RequestCount{API: "cost", Status: 0, Count: 1}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("still hanging")
		}
	}
}
