package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// midnight is half an hour before a month ends: the hour of chaos begins one.
var midnight = time.Date(2026, 11, 30, 23, 30, 0, 0, time.UTC)

// TestChaos lets an hour of simulated time go by in a minute, under harsh
// throttles that are as fast, with every kind of fault by turns and some at
// once, while syncs go on all the time and people ask. Nobody is ever shown an
// error, or a figure that is not whole and does not say so. Afterwards Azure
// behaves again, and everything is true.
//
// It runs by itself, because it counts goroutines.
func TestChaos(t *testing.T) { //nolint:paralleltest // see above
	before := runtime.NumGoroutine()
	t.Run("engines", func(t *testing.T) {
		engines(t, testChaos)
	})
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() //nolint:errcheck // it is one
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines are left of the chaos, there were %d before:\n%s", n, before, stacks[:runtime.Stack(stacks, true)])
	}
}

func testChaos(t *testing.T, database string) {
	minutes := 60
	if testing.Short() {
		minutes = 10
	}
	sim := simulate(t, midnight, azuresim.Options{
		Tenants: 3, SubscriptionsPerTenant: 2, Planted: 4, Throttle: "harsh", ThrottleSpeed: 60,
	})
	// Six months: the hour begins a month, so that some subscriptions get a month of history more than others; a search leaves those with
	// less out as long as it is less than about four months.
	w := begin(t, sim, database, months(6), impatient, func(_ *app.Config, o *app.Options) { o.SyncEvery = 3 * time.Minute }) // of simulated time
	patience := 4 * minutes
	c := &chaos{world: w, figures: w.possible(t, patience), statuses: map[int]int{}}
	c.closed = w.closedMonth(t)

	ctx, stop := context.WithCancel(t.Context())
	served, address := make(chan error, 1), make(chan string, 1)
	go func() { served <- w.app.Serve(ctx, func(url string) { address <- url }) }()
	c.base = <-address
	var people sync.WaitGroup
	begun := time.Now()
	people.Go(func() { c.browse(ctx, t) })
	people.Go(func() { c.doubt(ctx, t) })
	// On a slow machine people see less in a minute: it then takes more of them.
	struck := w.rage(t, minutes, patience, func() bool {
		runs := w.count("sync_run")
		c.mu.Lock()
		defer c.mu.Unlock()
		return (testing.Short() || runs >= 3 && c.parts > 0) && c.statuses[200] >= 50 && c.wholes >= 10
	})
	took := time.Since(begun)
	stop()
	people.Wait()
	if err := <-served; err != nil {
		t.Error(err)
	}
	runs, whole := w.count("sync_run"), w.count("sync_run WHERE status = 2")
	t.Logf("chaos for %s, %d minutes at least: faults %v; the simulator answered %v", took.Round(time.Second), minutes, struck, w.Requests())
	t.Logf("%d runs, %d of them whole; people got %v; %d figures were whole, %d said that they were not", runs, whole, c.statuses, c.wholes, c.parts)
	if !testing.Short() && (runs < 3 || c.parts == 0) || c.statuses[200] < 50 || c.wholes < 10 {
		t.Error("the test does not show what it should")
	}
	if err := sim.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	told := w.told(t, "anomalies")
	sim.Clock().Advance(25 * time.Hour) // charges, resources and budgets are due again
	for _, r := range w.sync(t) {
		if r.Status != fresnel.Completed || r.Reason != "" {
			t.Errorf("once Azure behaves, the run of %s is %s: %s", r.TenantName, r.Status, r.Reason)
		}
	}
	cells := w.allTrue(t)
	w.azureBudgets(t)
	raised, _, judge := w.detected(t)
	found := w.found(t, "anomalies", raised, judge, told)
	t.Logf("afterwards %d cells, %d budgets and %d anomalies equal the truth", cells, len(w.Budgets()), len(found))
}

// rage lets a minute of simulated time go by in each second, and changes the
// faults. The clock stands between its steps, so that what Azure shows in that
// hour is one of so many states. It goes on until people have seen enough, as
// far as patience goes.
func (w *world) rage(t *testing.T, minutes, patience int, enough func() bool) map[string]int {
	t.Helper()
	kinds := []func(p float64) azuresim.Fault{
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "*", Kind: "429", Probability: p / 3} },
		func(p float64) azuresim.Fault {
			return azuresim.Fault{API: "cost", Kind: "429", Header: "qpu", RetryAfterSeconds: 2, Probability: p / 2}
		},
		func(p float64) azuresim.Fault {
			return azuresim.Fault{API: "cost", Kind: "429", Header: "none", Probability: 0.05}
		},
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "*", Kind: "5xx", Probability: p} },
		func(p float64) azuresim.Fault {
			return azuresim.Fault{API: "cost", Kind: "5xx", Status: 501, Probability: p / 4}
		}, // not tried again
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "*", Kind: "hang", Probability: p / 3} },
		func(p float64) azuresim.Fault {
			return azuresim.Fault{API: "*", Kind: "hang", HangSeconds: 0.4, Probability: p}
		},
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "*", Kind: "reset", Probability: p} },
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "*", Kind: "html", Probability: p} },
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "*", Kind: "gzip", Probability: p} },
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "*", Kind: "empty", Probability: p} },
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "*", Kind: "expired", Probability: p / 2} },
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "*", Kind: "case", Probability: p} },
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "cost", Kind: "nulls", Probability: p} },
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "cost", Kind: "columns", Probability: p} },
		func(p float64) azuresim.Fault {
			return azuresim.Fault{API: "cost", Kind: "columns", Column: "ServiceName", Probability: p}
		},
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "cost", Kind: "pretaxcost", Probability: p} },
		func(p float64) azuresim.Fault { return azuresim.Fault{API: "cost", Kind: "duplicates", Probability: p} },
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	struck := map[string]int{}
	turn := 0
	for minute := 0; minute < minutes || minute < patience && !enough(); minute++ {
		if minute%2 == 0 { // the next kind in turn, and up to three more
			var list []azuresim.Fault
			for i := range 1 + rnd.IntN(4) {
				at := turn
				if i > 0 {
					at = rnd.IntN(len(kinds))
				}
				f := kinds[at%len(kinds)](0.1 + 0.3*rnd.Float64())
				struck[f.Kind]++
				list = append(list, f)
			}
			turn++
			if err := w.SetFaults(list); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		w.Clock().Advance(time.Minute)
	}
	return struck
}

// figureKey is a month of a subscription by one metric.
type figureKey struct{ sub, metric, month string }

// possible are the totals of the months that Azure still changes, at each
// minute: whatever is told of a subscription has to be one of them.
func (w *world) possible(t *testing.T, minutes int) map[figureKey]map[[2]int64]bool {
	t.Helper()
	out := map[figureKey]map[[2]int64]bool{}
	for minute := range minutes + 1 {
		for metric, azures := range azureMetrics {
			rows, err := w.Truth(azuresim.TruthQuery{
				At: midnight.Add(time.Duration(minute) * time.Minute), From: fresnel.Date(2026, 10, 1).Time(), Metric: azures, By: []string{"subscription", "month"},
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				k := figureKey{r.Subscription, metric, r.Month}
				if out[k] == nil {
					out[k] = map[[2]int64]bool{}
				}
				out[k][[2]int64{r.Micros, r.USDMicros}] = true
			}
		}
	}
	return out
}

// closedMonth are the totals by tenant of a month that no longer changes, by
// the cuts: they are whole or said to be not.
func (w *world) closedMonth(t *testing.T) map[string]map[[2]string]int64 {
	t.Helper()
	out := map[string]map[[2]string]int64{}
	for _, cut := range cuts {
		all := cutAt(t, w.Server, midnight, period(fresnel.Date(2026, 9, 1), fresnel.Date(2026, 9, 30)), cut)
		out[cut] = map[[2]string]int64{}
		for _, m := range metrics {
			for _, c := range all[m] {
				out[cut][[2]string{c.tenant, m}] += c.usd
			}
		}
	}
	return out
}

// chaos is what people see meanwhile.
type chaos struct {
	*world
	base    string
	figures map[figureKey]map[[2]int64]bool
	closed  map[string]map[[2]string]int64

	mu            sync.Mutex
	statuses      map[int]int
	wholes, parts int
}

// fetch asks the running program. It gives nothing once the test is over.
func (c *chaos) fetch(ctx context.Context, t *testing.T, path string) []byte {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %d %v %.300s", path, resp.StatusCode, err, body)
	}
	c.mu.Lock()
	c.statuses[resp.StatusCode]++
	c.mu.Unlock()
	return body
}

// browse looks at everything, again and again.
func (c *chaos) browse(ctx context.Context, t *testing.T) {
	var paths []string
	for p := range places() {
		if !strings.HasSuffix(p, "/nothing") {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	for ctx.Err() == nil {
		for _, p := range paths {
			c.fetch(ctx, t, p)
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// doubt looks at figures: they are whole, or say that they are not.
func (c *chaos) doubt(ctx context.Context, t *testing.T) {
	for ctx.Err() == nil {
		for _, m := range metrics {
			for cut, by := range map[string]string{"groups": "by-tenant", "charges": "by-tenant", "resources": "by-resource"} {
				path := fmt.Sprintf("/api/v1/costs/%s?from=2026-09-01&to=2026-09-30&vs=none&limit=1000&metric=%s", by, m)
				if cut == "charges" {
					for _, k := range []string{"Usage", "Purchase", "Refund", "UnusedReservation", "UnusedSavingsPlan", "RoundingAdjustment"} {
						path += "&charge_type=" + k
					}
				}
				c.doubtTenants(ctx, t, path, m, c.closed[cut])
			}
			for _, month := range []string{"2026-11", "2026-12"} {
				last := map[string]string{"2026-11": "30", "2026-12": "31"}[month]
				c.doubtSubscriptions(ctx, t, fmt.Sprintf("/api/v1/costs/by-subscription?from=%s-01&to=%s-%s&vs=none&metric=%s", month, month, last, m), m, month)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (c *chaos) doubtTenants(ctx context.Context, t *testing.T, path, metric string, want map[[2]string]int64) {
	var v wire[[]costRow]
	if !c.decode(ctx, t, path, &v) {
		return
	}
	if v.Meta.NextCursor != "" {
		return // of a page alone nothing can be said
	}
	missing, got := map[string]bool{}, map[string]int64{}
	for _, n := range v.Meta.Coverage.Missing {
		missing[n.TenantID] = true
	}
	for _, r := range v.Data {
		got[r.TenantID] += r.USD.Cost.Micros
	}
	for _, te := range c.Estate() {
		if missing[te.ID] {
			c.tally(&c.parts)
			continue
		}
		c.tally(&c.wholes)
		if got[te.ID] != want[[2]string{te.ID, metric}] {
			t.Errorf("%s: %s is told whole and is %d, the truth is %d", path, te.Name, got[te.ID], want[[2]string{te.ID, metric}])
		}
	}
}

func (c *chaos) doubtSubscriptions(ctx context.Context, t *testing.T, path, metric, month string) {
	var v wire[[]costRow]
	if !c.decode(ctx, t, path, &v) {
		return
	}
	for _, r := range v.Data {
		c.tally(&c.wholes)
		if len(r.Figures) != 1 || !c.figures[figureKey{r.SubscriptionID, metric, month}][[2]int64{r.Figures[0].Cost.Micros, r.USD.Cost.Micros}] {
			t.Errorf("%s: %s is %+v, which was true at no time", path, r.Name, r.Figures)
		}
	}
	if month != "2026-11" {
		return // in the first minutes of a month nothing may have been spent
	}
	for _, te := range c.Estate() {
		if slices.ContainsFunc(v.Meta.Coverage.Missing, func(n tenantNote) bool { return n.TenantID == te.ID }) {
			c.tally(&c.parts)
			continue
		}
		for _, sub := range te.Subscriptions {
			if c.figures[figureKey{sub.ID, metric, month}] != nil && !slices.ContainsFunc(v.Data, func(r costRow) bool { return r.SubscriptionID == sub.ID }) {
				t.Errorf("%s: %s is told whole and lacks %s", path, te.Name, sub.Name)
			}
		}
	}
}

func (c *chaos) decode(ctx context.Context, t *testing.T, path string, v any) bool {
	body := c.fetch(ctx, t, path)
	if body == nil {
		return false
	}
	if err := json.Unmarshal(body, v); err != nil {
		t.Errorf("%s: %v", path, err)
		return false
	}
	return true
}

func (c *chaos) tally(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}
