package main_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// stopLimit is how long a process may take to end in good order.
const stopLimit = 15 * time.Second

// TestStop stops processes during a sync: they end in good order and give their runs back, so that the next process goes on at once.
func TestStop(t *testing.T) {
	long(t)
	t.Parallel()
	for _, engine := range engines {
		for _, command := range []string{"worker", "serve", "sync"} {
			t.Run(engine+"/"+command, func(t *testing.T) {
				t.Parallel()
				testStop(t, engine, command)
			})
		}
	}
}

func testStop(t *testing.T, engine, command string) {
	rnd := random(t)
	clock := azuresim.NewClock()
	clock.Freeze(noon)
	sim, settings := simulator(t, azuresim.Options{Seed: 9, Tenants: 5, SubscriptionsPerTenant: 3, Months: 3, Resources: 1, Waste: -1, Clock: clock})
	where, db := database(t, engine)
	settings = append(settings, where, frozen(sim), "FRESNEL_WORKERS=3")
	must(t, settings, "tenants", "import", importFile(t, sim))
	// A sync that was told to stop has not done what it was asked for, and tells the script that called it.
	want := 0
	if command == "sync" {
		want = 130
	}
	// Requests hang when the process is told to stop, some of them for good.
	if err := sim.SetFaults([]azuresim.Fault{{API: "cost", Kind: "hang", Probability: 0.1}, {API: "cost", Kind: "hang", HangSeconds: 0.1}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		p := start(t, settings, command)
		busy(t, db, p)
		time.Sleep(time.Duration(rnd.Int64N(int64(600 * time.Millisecond))))
		at := holds(t, db, p)
		code, took := p.stop()
		if code != want || took > stopLimit {
			t.Errorf("after SIGTERM: exit code %d after %s, want %d within %s", code, took, want, stopLimit)
		}
		if still := holds(t, db, p); len(at) == 0 || len(still) != 0 {
			t.Errorf("it worked on %v when it was told to stop, and left %v without giving them back", at, still)
		}
		if s := p.err.String(); strings.Contains(s, "level=ERROR") || strings.Contains(s, "panic") || strings.Contains(s, "goroutine ") {
			t.Errorf("it ended with: %s", tail(s))
		}
		t.Logf("%s ended after %s, giving back %d runs", command, took.Round(time.Millisecond), strings.Count(p.err.String(), "run given back"))
	}
	if err := sim.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	last := start(t, settings, "worker")
	busy(t, db, last)
	took := time.Since(begin)
	if took > 20*time.Second { // well within a lease: nothing waited for one
		t.Errorf("the next process took %s to go on with what was given back", took.Round(time.Millisecond))
	}
	idle(t, db, sim)
	t.Logf("the next process went on after %s, and was done after %s", took.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
	if code, took := last.stop(); code != 0 || took > stopLimit {
		t.Errorf("after SIGTERM: exit code %d after %s", code, took)
	}
	equalsTruth(t, db, sim, 3)
}

// TestDrain stops the server while a request is being answered: that one is answered, a live stream is ended, new ones are refused.
func TestDrain(t *testing.T) {
	t.Parallel()
	sim, settings := simulator(t, azuresim.Options{Seed: 10, Tenants: 1, SubscriptionsPerTenant: 1, Months: 2})
	where, _ := database(t, "sqlite")
	settings = append(settings, where, "FRESNEL_NO_SYNC=true")
	must(t, settings, "tenants", "import", importFile(t, sim))
	// The detailed health asks Azure, and so takes as long as Azure does.
	if err := sim.SetFaults([]azuresim.Fault{{API: "arm", Kind: "hang", HangSeconds: 3}}); err != nil {
		t.Fatal(err)
	}
	p := start(t, settings, "serve")
	url := p.url()

	stream := make(chan error, 1)
	live, err := http.Get(url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer live.Body.Close()
	if ct := live.Header.Get("Content-Type"); live.StatusCode != http.StatusOK || !strings.HasPrefix(ct, "text/event-stream") {
		t.Fatalf("the live stream: %d %s", live.StatusCode, ct)
	}
	go func() {
		_, err := io.Copy(io.Discard, live.Body)
		stream <- err
	}()
	type answer struct {
		status int
		body   string
		err    error
	}
	slow := make(chan answer, 1)
	go func() {
		status, body, err := tryAsk(http.MethodGet, url+"/health/detailed")
		slow <- answer{status, body, err}
	}()
	time.Sleep(time.Second)
	code, took := p.stop()
	if code != 0 || took > stopLimit {
		t.Errorf("after SIGTERM: exit code %d after %s", code, took)
	}
	if a := <-slow; a.err != nil || a.status != http.StatusOK || !strings.Contains(a.body, `"status"`) {
		t.Errorf("the request under way: %d %s %v", a.status, a.body, a.err)
	}
	if err := <-stream; err != nil {
		t.Errorf("the live stream ended with %v, not in good order", err)
	}
	var d net.Dialer
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if conn, err := d.DialContext(ctx, "tcp", strings.TrimPrefix(url, "http://")); err == nil {
		_ = conn.Close()
		t.Error("the port is still open")
	}
	t.Logf("ended %s after SIGTERM, with a request under way for 3 s", took.Round(time.Millisecond))
}

// TestSyncInterrupted: whoever waits for a sync, a script perhaps, is told that it was not done.
func TestSyncInterrupted(t *testing.T) {
	t.Parallel()
	sim, settings := simulator(t, azuresim.Options{Seed: 11, Tenants: 1, SubscriptionsPerTenant: 1, Months: 2})
	where, db := database(t, "sqlite")
	must(t, append(settings, where, frozen(sim)), "tenants", "import", importFile(t, sim))
	if err := sim.SetFaults([]azuresim.Fault{{API: "arm", Kind: "hang"}}); err != nil {
		t.Fatal(err)
	}
	p := start(t, append(settings, where, frozen(sim)), "sync")
	busy(t, db, p)
	p.signal(syscall.SIGINT)
	if code := p.wait(stopLimit); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

// TestSecondSignal: whoever does not want to wait for the end in good order asks twice.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	sim, settings := simulator(t, azuresim.Options{Seed: 11, Tenants: 1, SubscriptionsPerTenant: 1, Months: 2})
	where, _ := database(t, "sqlite")
	if err := sim.SetFaults([]azuresim.Fault{{API: "arm", Kind: "hang"}}); err != nil {
		t.Fatal(err)
	}
	p := start(t, append(settings, where, "FRESNEL_NO_SYNC=true"), "serve")
	url := p.url()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _, _ = tryAsk(http.MethodGet, url+"/health/detailed") // takes five seconds, and is not answered
	}()
	time.Sleep(time.Second)
	p.signal(syscall.SIGINT)
	time.Sleep(200 * time.Millisecond)
	select {
	case <-p.ended:
		t.Fatal("it ended at the first signal, although a request was under way")
	default:
	}
	p.signal(syscall.SIGINT)
	begin := time.Now()
	if code, took := p.wait(stopLimit), time.Since(begin); code == 0 || took > time.Second {
		t.Errorf("after the second signal: exit code %d after %s", code, took)
	}
	<-answered
}
