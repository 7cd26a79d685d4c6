package main_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// visitor asks the web process all the time, and notes what was no good answer. While that process is down by our own hand, nobody can
// answer.
type visitor struct {
	base string
	stop chan struct{}
	done chan struct{}

	mu       sync.Mutex
	down     []interval // times at which there was no web process
	answers  int
	slowest  time.Duration
	troubles []string
}

type interval struct{ from, to time.Time } // to is zero while it lasts

func visit(base string) *visitor {
	v := &visitor{base: base, stop: make(chan struct{}), done: make(chan struct{})}
	paths := []string{"/", "/costs", "/sync", "/api/v1/costs/summary", "/api/v1/costs/by-tenant?metric=amortized", "/api/v1/costs/anomalies?period=90d", "/api/v1/costs/budgets", "/partials/cost-breakdown", "/health"}
	go func() {
		defer close(v.done)
		for i := 0; ; i++ {
			select {
			case <-v.stop:
				return
			case <-time.After(15 * time.Millisecond):
			}
			path := paths[i%len(paths)]
			begin := time.Now()
			status, body, err := tryAsk(http.MethodGet, base+path)
			v.note(path, begin, status, body, err)
		}
	}()
	return v
}

func (v *visitor) note(path string, begin time.Time, status int, body string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, d := range v.down {
		if d.to.IsZero() || begin.Before(d.to) && time.Now().After(d.from) {
			return
		}
	}
	v.answers++
	v.slowest = max(v.slowest, time.Since(begin))
	if err != nil || status != http.StatusOK {
		v.troubles = append(v.troubles, fmt.Sprintf("%s: %d %v %.200s", path, status, err, body))
	}
}

// leaves says that the web process is about to be killed, returns that it is back.
func (v *visitor) leaves() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.down = append(v.down, interval{from: time.Now()})
}

func (v *visitor) returns() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.down[len(v.down)-1].to = time.Now()
}

func (v *visitor) seen() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.answers
}

// end gives how often it was answered, and fails if it was not once.
func (v *visitor) end(t *testing.T) (answers int, slowest time.Duration) {
	t.Helper()
	close(v.stop)
	<-v.done
	for i, trouble := range v.troubles {
		if i < 5 {
			t.Error(trouble)
		}
	}
	if len(v.troubles) > 0 {
		t.Errorf("%d of %d answers were no good", len(v.troubles), v.answers)
	}
	return v.answers, v.slowest
}

// settledFigures are those of months that are closed: they stay the same, whoever is killed meanwhile. The ages beside them do not.
func settledFigures(t *testing.T, base string) string {
	t.Helper()
	var all []string
	for _, path := range []string{
		"summary?from=2026-09-01&to=2026-10-31&vs=none", "by-tenant?from=2026-10-01&to=2026-10-31&vs=none&metric=amortized", "by-service?from=2026-09-01&to=2026-09-30&vs=none",
		"by-charge-type?from=2026-09-01&to=2026-10-31&vs=none", "trends?from=2026-09-01&to=2026-09-30&group=subscription",
	} {
		status, body := ask(t, http.MethodGet, base+"/api/v1/costs/"+path)
		var v struct{ Data json.RawMessage }
		if err := json.Unmarshal([]byte(body), &v); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		all = append(all, string(v.Data))
	}
	return strings.Join(all, "\n")
}

// freePort is a port that nobody listens on: a web process that is started again has to keep its address.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// TestWebAndWorker runs the web server and a worker as two processes on one PostgreSQL, and kills either in turn. Pages keep answering
// while the worker is away; a web process that is started again tells at once what it told before; and in the end nothing is lost and
// nothing was done twice.
func TestWebAndWorker(t *testing.T) {
	long(t)
	t.Parallel()
	const kills = 14
	rnd := random(t)
	clock := azuresim.NewClock()
	clock.Freeze(noon)
	sim, settings := simulator(t, azuresim.Options{Seed: rnd.Uint64(), Tenants: 30, SubscriptionsPerTenant: 2, Months: 3, Resources: 1, Waste: -1, Clock: clock})
	where, db := database(t, "postgres")
	settings = append(settings, where, "FRESNEL_WORKERS=2", "FRESNEL_PARALLEL=2", "FRESNEL_LISTEN="+freePort(t))
	must(t, append(settings, frozen(sim)), "tenants", "import", importFile(t, sim))
	p := &pair{t: t, rnd: rnd, db: db, sim: sim, settings: settings, k: takeovers{killed: map[held]time.Time{}}}

	// Everything is read once, so that there is something to see.
	begin := time.Now()
	p.serve()
	first := p.start("worker", "FRESNEL_WORKERS=8")
	idle(t, db, sim)
	if code, _ := first.stop(); code != 0 {
		t.Fatalf("the first worker: exit code %d", code)
	}
	p.figures = settledFigures(t, p.web.url())
	p.visitor = visit(p.web.url())
	slow(t, sim, 0.1) // so that runs can be met under way
	for i := range kills {
		if p.worker == nil {
			clock.Advance(5 * time.Hour) // longer than the schedule: every tenant is due again
			p.worker = p.start("worker")
		}
		busy(t, db, p.worker)
		time.Sleep(time.Duration(rnd.Int64N(int64(900 * time.Millisecond))))
		if i%2 == 0 {
			p.killWorker()
		} else {
			p.killWeb()
		}
	}
	p.k.look(t, db)
	if p.worker != nil {
		p.killWorker()
	}
	if err := sim.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	clock.Advance(25 * time.Hour) // charges and resources are due, too
	last := p.start("worker", "FRESNEL_WORKERS=8")
	eventually(t, 2*takeoverLimit, "all killed runs are taken over", func() bool { p.k.look(t, db); return p.k.open() == 0 })
	idle(t, db, sim)
	if got := settledFigures(t, p.web.url()); got != p.figures {
		t.Errorf("closed months changed:\n%.2000s\nbefore:\n%.2000s", got, p.figures)
	}
	// On a slow machine few questions were answered so far: the visitor stays until there are enough.
	eventually(t, 4*time.Minute, "the visitor has seen enough", func() bool { return p.visitor.seen() >= 200 })
	answers, slowest := p.visitor.end(t)
	p.once()
	cells := equalsTruth(t, db, sim, 3)
	p.webIsTrue()
	for _, one := range []*process{last, p.web} {
		if code, took := one.stop(); code != 0 || took > 15*time.Second {
			t.Errorf("%s after SIGTERM: exit code %d after %s", one.cmd.Args[1], code, took)
		}
	}
	t.Logf("%d kills of the worker (%d runs lost it), %d of the web process, which answered again after at most %s; %d answers meanwhile, the slowest after %s; "+
		"the longest wait for a takeover %s; %d runs in all; %d cells equal the truth; %s in all", p.workers, p.lost, p.webs, p.back.Round(time.Millisecond), answers,
		slowest.Round(time.Millisecond), p.k.longest().Round(10*time.Millisecond), number(t, db, "SELECT COUNT(*) FROM sync_run"), cells, time.Since(begin).Round(time.Second))
}

// pair is a web process and a worker on one database.
type pair struct {
	t        *testing.T
	rnd      *rand.Rand
	db       *sql.DB
	sim      *azuresim.Server
	settings []string
	k        takeovers

	web, worker *process
	all         []*process
	visitor     *visitor
	figures     string // of closed months

	workers, lost, webs int
	back                time.Duration // the longest until a new web process answered
}

func (p *pair) start(command string, more ...string) *process {
	p.t.Helper()
	args := strings.Fields(command)
	one := start(p.t, append(append(append([]string{}, p.settings...), frozen(p.sim)), more...), args...)
	p.all = append(p.all, one)
	return one
}

func (p *pair) serve() {
	p.t.Helper()
	p.web = p.start("serve", "FRESNEL_NO_SYNC=true")
	p.web.url()
}

func (p *pair) killWorker() {
	p.t.Helper()
	p.worker.kill()
	lost := holds(p.t, p.db, p.worker)
	p.k.note(lost, time.Now())
	p.k.look(p.t, p.db)
	p.workers++
	p.lost += len(lost)
	p.worker = nil
	if got := settledFigures(p.t, p.web.url()); got != p.figures {
		p.t.Errorf("after the worker was killed, closed months are told otherwise:\n%.2000s", got)
	}
}

// killWeb kills the web process and starts it again at its address. The worker goes on.
func (p *pair) killWeb() {
	p.t.Helper()
	p.visitor.leaves()
	p.web.kill()
	begin := time.Now()
	p.serve()
	got := settledFigures(p.t, p.web.url())
	p.back = max(p.back, time.Since(begin))
	p.visitor.returns()
	p.webs++
	if got != p.figures {
		p.t.Errorf("a web process that was started again tells closed months otherwise:\n%.2000s\nbefore:\n%.2000s", got, p.figures)
	}
	select {
	case <-p.worker.ended:
		p.t.Error("the worker ended with the web process")
	default:
	}
}

// once fails if a run was ended twice, or by a process that does not sync, or was left open.
func (p *pair) once() {
	p.t.Helper()
	for run, n := range endings(p.all...) {
		if n != 1 {
			p.t.Errorf("run %s was ended %d times", run, n)
		}
	}
	for _, one := range p.all {
		if one.cmd.Args[1] == "serve" && len(endings(one)) > 0 {
			p.t.Error("a web process that was told not to sync has synced")
		}
	}
	if n := number(p.t, p.db, "SELECT COUNT(*) FROM sync_run WHERE status <> 2"); n != 0 {
		p.t.Errorf("%d runs are not completed", n)
	}
}

// webIsTrue compares what the web process tells of all tenants with the truth. It asks for days: its clock is that of its start.
func (p *pair) webIsTrue() {
	p.t.Helper()
	now := p.sim.Clock().Now()
	for word, metric := range map[string]string{"actual": "ActualCost", "amortized": "AmortizedCost"} {
		from := time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, time.UTC)
		list, err := p.sim.Truth(azuresim.TruthQuery{Metric: metric, From: from})
		if err != nil {
			p.t.Fatal(err)
		}
		var want int64
		for _, r := range list {
			want += r.USDMicros
		}
		_, body := ask(p.t, http.MethodGet, fmt.Sprintf("%s/api/v1/costs/summary?vs=none&metric=%s&from=%s&to=%s", p.web.url(), word, from.Format(time.DateOnly), now.Format(time.DateOnly)))
		if text := fmt.Sprintf(`"amount":"%d.%06d","currency":"USD"`, want/1e6, want%1e6); !strings.Contains(body, text) {
			p.t.Errorf("the web process tells %.600s, the truth is %s", body, text)
		}
	}
}
