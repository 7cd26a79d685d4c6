package main_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

var engines = []string{"sqlite", "postgres"}

// takeoverLimit is how long a killed run may wait for another process.
const takeoverLimit = 60 * time.Second

// noon is an instant from which the clock, moved on at each start, crosses the end of a month: Azure then restates the month before.
var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// held is a run that a process works on.
type held struct{ id, fence int }

// holds lists the runs under a process's lease.
func holds(t *testing.T, db *sql.DB, p *process) []held {
	t.Helper()
	return rows(t, db, func(r *sql.Rows, v *held) error { return r.Scan(&v.id, &v.fence) },
		fmt.Sprintf("SELECT id, fence FROM sync_run WHERE status = 1 AND lease_owner LIKE '%%:%d' ORDER BY id", p.pid()))
}

// busy waits until a process works on a run.
func busy(t *testing.T, db *sql.DB, p *process) {
	t.Helper()
	eventually(t, 60*time.Second, "the process works on a run", func() bool { return len(holds(t, db, p)) > 0 })
}

const openRuns = "SELECT COUNT(*) FROM sync_run WHERE status < 2"

// jobs is how many jobs every tenant is due for: see simulator.
const jobs = 2

// idle waits until every tenant has a run of every job that ended at the clock's present, and none is open.
func idle(t *testing.T, db *sql.DB, sim *azuresim.Server) {
	t.Helper()
	missing := fmt.Sprintf("SELECT COUNT(*) FROM tenant te WHERE (SELECT COUNT(DISTINCT r.job) FROM sync_run r WHERE r.tenant = te.num AND r.completed_at >= %d) < %d", sim.Clock().Now().UnixMicro(), jobs)
	eventually(t, 5*time.Minute, "every run ends", func() bool {
		return number(t, db, "SELECT COUNT(*) FROM sync_run") > 0 && number(t, db, openRuns) == 0 && number(t, db, missing) == 0
	})
	if n := number(t, db, "SELECT COUNT(*) FROM sync_run WHERE status <> 2"); n != 0 {
		t.Errorf("%d runs did not read everything", n)
	}
}

// takeovers measures how long killed runs wait for another process.
type takeovers struct {
	mu     sync.Mutex
	killed map[held]time.Time
	waits  []time.Duration
}

func (k *takeovers) note(runs []held, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range runs {
		k.killed[r] = at
	}
}

// look notes which killed runs somebody works on by now: the fence is raised by whoever takes a run.
func (k *takeovers) look(t *testing.T, db *sql.DB) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for r, at := range k.killed {
		if number(t, db, fmt.Sprintf("SELECT fence FROM sync_run WHERE id = %d", r.id)) > r.fence {
			k.waits = append(k.waits, time.Since(at))
			delete(k.killed, r)
		}
	}
}

func (k *takeovers) open() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.killed)
}

func (k *takeovers) longest() (w time.Duration) {
	for _, v := range k.waits {
		w = max(w, v)
	}
	return w
}

// TestKill kills a worker at 20 random moments of a sync, while the costs go on changing between the kills. In the end nothing is lost
// and nothing is doubled.
func TestKill(t *testing.T) {
	long(t)
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			testKill(t, engine)
		})
	}
}

func testKill(t *testing.T, engine string) {
	const kills = 20
	rnd := random(t)
	clock := azuresim.NewClock()
	clock.Freeze(noon)
	// A killed run keeps its tenant for as long as its lease lasts, so there are more tenants than two at a time times twenty.
	sim, settings := simulator(t, azuresim.Options{Seed: rnd.Uint64(), Tenants: 44, SubscriptionsPerTenant: 2, Months: 3, Clock: clock})
	where, db := database(t, engine)
	settings = append(settings, where, "FRESNEL_WORKERS=2", "FRESNEL_PARALLEL=2")
	must(t, append(settings, frozen(sim)), "tenants", "import", importFile(t, sim))

	k := &takeovers{killed: map[held]time.Time{}}
	begin := time.Now()
	hits, misses, runs := 0, 0, 0
	for hits < kills {
		clock.Advance(5 * time.Hour) // longer than the schedule: every tenant is due again
		p := start(t, append(settings, frozen(sim)), "worker")
		busy(t, db, p)
		time.Sleep(time.Duration(rnd.Int64N(int64(800 * time.Millisecond))))
		p.kill()
		at := time.Now()
		lost := holds(t, db, p)
		k.note(lost, at)
		k.look(t, db)
		runs += len(lost)
		if len(lost) == 0 {
			misses++ // between two runs
			continue
		}
		hits++
	}
	t.Logf("%d kills within a run (and %d between two) in %s; %d runs lost their process", hits, misses, time.Since(begin).Round(time.Millisecond), runs)

	clock.Advance(25 * time.Hour)                                                  // so that charges and resources are read again, too
	last := start(t, append(settings, frozen(sim), "FRESNEL_WORKERS=8"), "worker") // a run is taken over by a process that has room for it
	eventually(t, 2*takeoverLimit, "all killed runs are taken over", func() bool { k.look(t, db); return k.open() == 0 })
	idle(t, db, sim)
	if code, took := last.stop(); code != 0 || took > 15*time.Second {
		t.Errorf("after SIGTERM: exit code %d after %s", code, took)
	}
	if k.longest() > takeoverLimit {
		t.Errorf("a killed run waited %s for another process, more than %s", k.longest(), takeoverLimit)
	}
	again := number(t, db, "SELECT COUNT(*) FROM sync_run WHERE attempts > 1")
	cells := equalsTruth(t, db, sim, 3)
	t.Logf("%s: %d takeovers (%d runs), the longest after %s; %d runs in all; %d cells equal the truth; %s in all", engine, len(k.waits), again,
		k.longest().Round(10*time.Millisecond), number(t, db, "SELECT COUNT(*) FROM sync_run"), cells, time.Since(begin).Round(time.Second))
}

var runEnded = regexp.MustCompile(`msg="run ended" run=(\d+) `)

// endings counts by run how often processes recorded its end.
func endings(ps ...*process) map[string]int {
	n := map[string]int{}
	for _, p := range ps {
		for _, m := range runEnded.FindAllStringSubmatch(p.err.String(), -1) {
			n[m[1]]++
		}
	}
	return n
}

// slow makes each cost query take so long that a run can be met under way.
func slow(t *testing.T, sim *azuresim.Server, seconds float64) {
	t.Helper()
	if err := sim.SetFaults([]azuresim.Fault{{API: "cost", Kind: "hang", HangSeconds: seconds}}); err != nil {
		t.Fatal(err)
	}
}

// TestTwoProcesses runs two syncing processes on one PostgreSQL.
func TestTwoProcesses(t *testing.T) {
	long(t)
	t.Parallel()
	const tenants = 12
	clock := azuresim.NewClock()
	clock.Freeze(noon)
	sim, settings := simulator(t, azuresim.Options{Seed: 7, Tenants: tenants, SubscriptionsPerTenant: 3, Months: 2, Clock: clock})
	where, db := database(t, "postgres")
	settings = append(settings, where, frozen(sim), "FRESNEL_WORKERS=3")
	must(t, settings, "tenants", "import", importFile(t, sim))
	slow(t, sim, 0.3) // four windows one after the other: a run takes a second and more

	a, b := start(t, settings, "serve"), start(t, settings, "worker")
	url := a.url()
	busy(t, db, a)
	busy(t, db, b)
	// Every tenant has a run, queued or running, so a trigger starts nothing.
	if status, body := ask(t, http.MethodPost, url+"/api/v1/sync/costs"); status != http.StatusConflict {
		t.Errorf("a trigger while all tenants have a run: %d %s, want 409", status, body)
	}
	idle(t, db, sim)
	if n := number(t, db, "SELECT COUNT(*) FROM sync_run"); n != jobs*tenants {
		t.Errorf("%d runs, want one of each of %d jobs for each of %d tenants", n, jobs, tenants)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM sync_run WHERE attempts <> 1"); n != 0 {
		t.Errorf("%d runs were tried more than once", n)
	}
	ofA, ofB := len(endings(a)), len(endings(b))
	if ofA == 0 || ofB == 0 || ofA+ofB != jobs*tenants {
		t.Errorf("the two processes ended %d and %d runs, want %d in all, and each some", ofA, ofB, jobs*tenants)
	}
	cells := equalsTruth(t, db, sim, 2)
	t.Logf("the two processes ended %d and %d runs; %d cells equal the truth", ofA, ofB, cells)

	manual(t, db, url, sim)
	idle(t, db, sim)
	for run, n := range endings(a, b) {
		if n != 1 {
			t.Errorf("run %s was ended %d times", run, n)
		}
	}
	equalsTruth(t, db, sim, 2)
	for _, p := range []*process{a, b} {
		if code, took := p.stop(); code != 0 || took > 15*time.Second {
			t.Errorf("%s after SIGTERM: exit code %d after %s", p.cmd.Args[1], code, took)
		}
	}
}

// manual triggers one tenant's sync many times at once: one trigger starts it, the others are told that it is under way.
func manual(t *testing.T, db *sql.DB, url string, sim *azuresim.Server) {
	t.Helper()
	before := number(t, db, "SELECT COUNT(*) FROM sync_run")
	target := url + "/api/v1/sync/costs?tenant=" + sim.Connection().Tenants[2].ID
	var mu sync.Mutex
	got := map[int]int{}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			status, body, err := tryAsk(http.MethodPost, target)
			if err != nil {
				t.Error(err)
			}
			if status == http.StatusConflict && (!strings.Contains(body, "under way") || !strings.Contains(body, `"status":409`)) {
				t.Errorf("409 says %s", body)
			}
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	wg.Wait()
	if got[http.StatusAccepted] != 1 || got[http.StatusConflict] != 9 {
		t.Errorf("ten triggers at once: %v, want one 202 and nine 409", got)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM sync_run") - before; n != 1 {
		t.Errorf("ten triggers at once queued %d runs", n)
	}
}

// TestTakeover kills one of two processes: the other finishes its runs.
func TestTakeover(t *testing.T) {
	long(t)
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			clock := azuresim.NewClock()
			clock.Freeze(noon)
			sim, settings := simulator(t, azuresim.Options{Seed: 8, Tenants: 8, SubscriptionsPerTenant: 3, Months: 3, Clock: clock})
			where, db := database(t, engine)
			settings = append(settings, where, frozen(sim), "FRESNEL_WORKERS=2")
			must(t, settings, "tenants", "import", importFile(t, sim))
			slow(t, sim, 0.2)
			a, b := start(t, settings, "worker"), start(t, settings, "worker")
			busy(t, db, a)
			busy(t, db, b)
			time.Sleep(700 * time.Millisecond)
			b.kill()
			k := &takeovers{killed: map[held]time.Time{}}
			lost := holds(t, db, b)
			k.note(lost, time.Now())
			if len(lost) == 0 {
				t.Fatal("the killed process worked on nothing")
			}
			eventually(t, 2*takeoverLimit, "the other process takes over", func() bool { k.look(t, db); return k.open() == 0 })
			idle(t, db, sim)
			if k.longest() > takeoverLimit {
				t.Errorf("taken over after %s, more than %s", k.longest(), takeoverLimit)
			}
			for _, r := range lost {
				if n := number(t, db, fmt.Sprintf("SELECT attempts FROM sync_run WHERE id = %d", r.id)); n != 2 {
					t.Errorf("the run that was taken over has %d attempts", n)
				}
			}
			if n := number(t, db, "SELECT COUNT(*) FROM sync_run WHERE attempts > 1"); n != len(lost) {
				t.Errorf("%d runs were tried again, %d lost their process", n, len(lost))
			}
			t.Logf("%d runs taken over within %s; %d cells equal the truth", len(lost), k.longest().Round(10*time.Millisecond), equalsTruth(t, db, sim, 3))
		})
	}
}
