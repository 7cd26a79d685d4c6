package app_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// faulty is the estate that faults strike: two delegated tenants and one with
// an app of its own, with few cells, because there are many storms.
var faulty = azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4}

// impatient bounds an attempt, so that a hang does not last a minute.
func impatient(_ *app.Config, o *app.Options) { o.TryTimeout = 1500 * time.Millisecond }

// TestFaults lets Azure misbehave in each way, and in all ways at once. What
// is held must afterwards be, window by window, what Azure showed before or
// what it shows now, and a run must say what it did not read. Once Azure
// behaves, the next sync makes all true.
func TestFaults(t *testing.T) {
	t.Parallel()
	every := func(kind string, p float64) azuresim.Fault {
		return azuresim.Fault{API: "*", Kind: kind, Probability: p}
	}
	all := []azuresim.Fault{
		every("429", 0.06), every("5xx", 0.06), every("hang", 0.06), every("reset", 0.06), every("html", 0.06),
		{API: "cost", Kind: "5xx", Status: 501, Probability: 0.06},
		{API: "cost", Kind: "empty", Probability: 0.1},
		{API: "arm", Kind: "empty", Probability: 0.1},
		every("nulls", 0.1),
	}
	throttle := func(headers ...string) (list []azuresim.Fault) {
		for _, h := range headers {
			list = append(list, azuresim.Fault{API: "cost", Kind: "429", Header: h, Probability: 0.25, Times: 3})
		}
		return list
	}
	// The statuses of the simulator's answers, so far as they show a fault; 0 is a broken connection.
	struck := map[string][]int{"429": {429}, "5xx": {500, 501, 503, 504}, "hang": {0}, "reset": {0}, "html": {502}, "all": {429, 503, 502, 0}}
	for name, storms := range map[string][][]azuresim.Fault{
		"429": {
			{every("429", 0.2)},
			append(throttle("retry-after", "retry-after-date", "retry-after-ms"), azuresim.Fault{API: "cost", Kind: "429", Header: "none", Times: 1}),
			throttle("qpu", "entity", "tenant", "clienttype"),
		},
		"5xx": {
			{every("5xx", 0.3)},
			{{API: "*", Kind: "5xx", Status: 500, Probability: 0.3}},
			{{API: "*", Kind: "5xx", Status: 504, Header: "retry-after", Probability: 0.2}},
			{{API: "cost", Kind: "5xx", Status: 501, Probability: 0.3}}, // one that is not tried again
		},
		"hang":  {{every("hang", 0.2)}, {{API: "*", Kind: "hang", HangSeconds: 0.3, Probability: 0.3}}},
		"reset": {{every("reset", 0.3)}, {{API: "cost", Kind: "reset", Probability: 0.5}}},
		"html":  {{every("html", 0.3)}, {{API: "cost", Kind: "html", Probability: 0.5}}},
		"empty": {{{API: "cost", Kind: "empty", Probability: 0.5}, {API: "arm", Kind: "empty"}}, {{API: "*", Kind: "empty"}}},
		"nulls": {{every("nulls", 0.4)}, {every("nulls", 0.6)}},
		"all":   {all, all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name != "all" {
				long(t)
			}
			engines(t, func(t *testing.T, database string) {
				sim := simulate(t, late, faulty)
				w := begin(t, sim, database, months(2), impatient)
				for i, list := range storms { // the first one strikes an empty database
					if i > 0 {
						sim.Clock().Advance(27 * time.Hour)
						w.restart(t, months(2), impatient) // without tokens
					}
					w.survives(t, list)
				}
				w.calm(t)
				hits := 0
				for _, c := range sim.Requests() {
					if slices.Contains(struck[name], c.Status) {
						hits += c.Count
					}
				}
				if struck[name] != nil && hits < 5 {
					t.Errorf("%d answers were faults: the test shows nothing", hits)
				}
			})
		})
	}
}

// survives syncs under faults.
func (w *world) survives(t *testing.T, list []azuresim.Fault) {
	t.Helper()
	old, now := w.held(t), w.now(t)
	if err := w.SetFaults(list); err != nil {
		t.Fatal(err)
	}
	w.kept(t, w.sync(t), old, now)
	w.rollups(t)
}

// calm syncs without faults: then all is true.
func (w *world) calm(t *testing.T) {
	t.Helper()
	if err := w.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	w.restart(t, months(2))
	whole(t, w.sync(t))
	equalTruth(t, w.held(t), w.now(t))
	w.rollups(t)
}

// window is what a sync reads at once.
type window struct {
	metric, sub string
	month       fresnel.Day
}

func windows(all truth) map[window][]cell {
	out := map[window][]cell{}
	for _, m := range metrics {
		for _, c := range all[m] {
			k := window{m, c.sub, c.day.MonthStart()}
			out[k] = append(out[k], c)
		}
	}
	return out
}

// kept fails unless each window is held as it was or as it is now, and the
// run of its tenant names its subscription where it was not read.
func (w *world) kept(t *testing.T, runs map[string]fresnel.Run, old, now truth) {
	t.Helper()
	was, is, held := windows(old), windows(now), windows(w.held(t))
	for k := range held {
		if is[k] == nil && was[k] == nil {
			t.Errorf("%+v holds cells that Azure never told", k)
		}
	}
	for _, te := range w.Estate() {
		run := runs[te.ID]
		missing := 0
		for k := range is {
			if !slices.ContainsFunc(te.Subscriptions, func(s azuresim.EstateSubscription) bool { return s.ID == k.sub }) {
				continue
			}
			if slices.Equal(held[k], is[k]) {
				continue
			}
			missing++
			if !slices.Equal(held[k], was[k]) {
				t.Errorf("%+v holds neither what was known nor what is true: %s", k, firstDifference(held[k], is[k]))
			}
			if run.Status == fresnel.Partial {
				w.names(t, run, k.sub)
			}
		}
		switch {
		case missing > 0 && run.Status != fresnel.Partial && run.Status != fresnel.Failed:
			t.Errorf("%d windows of %s were not read, and the run says %s", missing, te.Name, run.Status)
		case run.Status != fresnel.Completed && (run.Reason == "" || run.Completed.IsZero()):
			t.Errorf("the run of %s is %s without a reason, or open", te.Name, run.Status)
		}
	}
	w.statusTold(t, runs)
}

// names fails unless a run says that a subscription was not read, and why.
func (w *world) names(t *testing.T, run fresnel.Run, sub string) {
	t.Helper()
	i := slices.IndexFunc(run.Result.Parts, func(p fresnel.Part) bool { return p.Subscription == sub })
	if i < 0 || run.Result.Parts[i].State != fresnel.PartFailed || run.Result.Parts[i].Reason == "" {
		t.Errorf("the run of %s does not say why %s was not read: %+v", run.TenantName, sub, run.Result.Parts)
	}
}

// statusTold compares the runs with what the API tells of them.
func (w *world) statusTold(t *testing.T, runs map[string]fresnel.Run) {
	t.Helper()
	type told struct {
		ID     int64  `json:"id"`
		Tenant string `json:"tenant_id"`
		Status string `json:"status"`
		Error  string `json:"error_message"`
		Parts  []struct {
			Subscription string `json:"subscription_id"`
			Reason       string `json:"reason"`
		} `json:"parts"`
	}
	list := read[[]told](t, w, fmt.Sprintf("/api/v1/sync/status?type=costs&limit=%d", len(runs))).Data
	for _, v := range list {
		r := runs[v.Tenant]
		if r.ID != v.ID || string(r.Status) != v.Status || r.Reason != v.Error || len(r.Result.Parts) != len(v.Parts) {
			t.Errorf("the API tells of run %d: %+v, it was %+v", r.ID, v, r)
		}
	}
	if len(list) != len(runs) {
		t.Errorf("the API tells of %d runs, there were %d", len(list), len(runs))
	}
}

// TestLastingFaults lets things stay broken: some subscriptions, all of a
// tenant's costs, a tenant's app. The old values stay, and the runs say what
// is broken and what to do.
func TestLastingFaults(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 4, SubscriptionsPerTenant: 4, Months: 2, Groups: 2, Services: 4})
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		old := w.held(t)
		sim.Clock().Advance(30 * time.Hour)
		w.restart(t, months(2))
		estate := sim.Estate()
		subs := estate[0].Subscriptions
		err := sim.SetFaults([]azuresim.Fault{
			{API: "cost", Kind: "5xx", Status: 501, Subscription: subs[0].ID},
			{API: "cost", Kind: "nulls", Subscription: subs[1].ID},
			{API: "cost", Kind: "429", Header: "entity", RetryAfterSeconds: 9000, Subscription: subs[2].ID},
			{API: "cost", Kind: "429", Header: "qpu", RetryAfterSeconds: 9000, Tenant: estate[1].ID},
		})
		if err == nil {
			err = sim.SetApp(sim.Connection().Tenants[2].ClientID, azuresim.AppDisabled)
		}
		if err != nil {
			t.Fatal(err)
		}
		runs := w.sync(t)
		w.kept(t, runs, old, w.now(t))
		w.rollups(t)
		w.ended(t, runs, []ending{
			{fresnel.Partial, "3 of 4 subscriptions not read"},
			{fresnel.Failed, "4 of 4 subscriptions not read"},
			{fresnel.Failed, "AADSTS7000112"},
			{fresnel.Completed, ""},
		})
		w.stale(t, runs)
		reasons := map[string]string{subs[0].ID: "501", subs[1].ID: "cannot be read", subs[2].ID: "wait for 2h30m"}
		for _, p := range runs[estate[0].ID].Result.Parts {
			if want := reasons[p.Subscription]; want == "" || !strings.Contains(p.Reason, want) || p.Do == "" {
				t.Errorf("%s: %s, %s; want %q", p.Name, p.Reason, p.Do, want)
			}
			delete(reasons, p.Subscription)
		}
		if len(reasons) > 0 {
			t.Errorf("the run does not say why it lacks %v", reasons)
		}
		for _, p := range runs[estate[1].ID].Result.Parts {
			if !strings.Contains(p.Reason, "wait for 2h30m") {
				t.Errorf("%s: %s", p.Name, p.Reason)
			}
		}
	})
}

// ending is how a run should end.
type ending struct {
	status fresnel.RunStatus
	reason string // part of it
}

// ended compares the runs, tenant by tenant in the estate's order.
func (w *world) ended(t *testing.T, runs map[string]fresnel.Run, want []ending) {
	t.Helper()
	for i, te := range w.Estate() {
		r := runs[te.ID]
		if r.Status != want[i].status || !strings.Contains(r.Reason, want[i].reason) {
			t.Errorf("the run of %s is %s (%s), want %s (%s)", te.Name, r.Status, r.Reason, want[i].status, want[i].reason)
		}
		if r.Status != fresnel.Completed && (r.Reason == "" || r.Do == "") {
			t.Errorf("the run of %s is %s: %q, do %q", te.Name, r.Status, r.Reason, r.Do)
		}
	}
}

// TestNoEntrance breaks what every tenant needs, one after the other. Only the
// last tenant has an app whose secret is in Key Vault.
func TestNoEntrance(t *testing.T) {
	t.Parallel()
	long(t)
	const ok, failed = fresnel.Completed, fresnel.Failed
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, faulty)
		managing := sim.Connection().ClientID
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		for _, c := range []struct {
			api, state string
			want       []ending
		}{
			{"keyvault", "", []ending{{ok, ""}, {ok, ""}, {failed, "Key Vault"}}},
			{"entra", "", []ending{{failed, "Entra"}, {failed, "Entra"}, {failed, "Entra"}}},
			{"arm", "", []ending{{failed, "501"}, {failed, "501"}, {failed, "501"}}},
			{"", azuresim.AppSecretExpired, []ending{{failed, "AADSTS7000222"}, {failed, "AADSTS7000222"}, {failed, ""}}},
			{"", azuresim.AppUnconsented, []ending{{failed, "AADSTS700016"}, {failed, "AADSTS700016"}, {failed, ""}}},
		} {
			sim.Clock().Advance(30 * time.Hour)
			w.restart(t, months(2)) // without tokens
			old, now := w.held(t), w.now(t)
			var list []azuresim.Fault
			if c.api != "" {
				list = []azuresim.Fault{{API: c.api, Kind: "5xx", Status: 501}}
			}
			if err := sim.SetFaults(list); err != nil {
				t.Fatal(err)
			}
			if c.state != "" {
				if err := sim.SetApp(managing, c.state); err != nil {
					t.Fatal(err)
				}
			}
			runs := w.sync(t)
			w.kept(t, runs, old, now)
			w.ended(t, runs, c.want)
			w.stale(t, runs)
		}
		if err := sim.SetApp(managing, azuresim.AppActive); err != nil {
			t.Fatal(err)
		}
		w.calm(t)
	})
}

// stale fails unless the tenants whose runs failed, and no others, are marked:
// the day-old values are shown, with their age and the reason.
func (w *world) stale(t *testing.T, runs map[string]fresnel.Run) {
	t.Helper()
	m := read[summary](t, w, "/api/v1/costs/summary").Meta
	marked := map[string]tenantNote{}
	for _, n := range m.Stale {
		marked[n.TenantID] = n
	}
	for id, run := range runs {
		n, ok := marked[id]
		if ok != (run.Status != fresnel.Completed) || ok && n.Reason != run.Reason {
			t.Errorf("%s: stale %v (%s), its run is %s (%s)", run.TenantName, ok, n.Reason, run.Status, run.Reason)
		}
	}
	if m.Coverage.Tenants != len(runs) {
		t.Errorf("%d of %d tenants covered: the old values should count", m.Coverage.Tenants, len(runs))
	}
	for id, run := range runs {
		a := w.get("/sync?tenant=" + id)
		if run.Status != fresnel.Completed && !strings.Contains(a.body, htmlText(run.Reason[1:])) { // pages begin it with a capital
			t.Errorf("%s: %d, without the reason %q of %s", a.path, a.status, run.Reason, run.TenantName)
		}
	}
}

// between puts a proxy between the program and the simulated Resource Manager.
// answer may take a request's answer over.
func between(t *testing.T, sim *azuresim.Server, answer func(w http.ResponseWriter, r *http.Request) bool) change {
	t.Helper()
	target, err := url.Parse(sim.URL())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(sim.CA())
	var address string // of the proxy
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("Accept-Encoding") // the transport unpacks what it asks for itself
	}}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck // it is one
	transport.TLSClientConfig.RootCAs = roots
	proxy.Transport = transport
	// The simulator writes its own address into links to next pages, which the program must not follow past the proxy.
	proxy.ModifyResponse = func(r *http.Response) error {
		if !strings.Contains(r.Header.Get("Content-Type"), "json") {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		_ = r.Body.Close()
		body = bytes.ReplaceAll(body, []byte(target.Host), []byte(address))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	address = srv.Listener.Addr().String()
	t.Cleanup(func() { srv.Close(); transport.CloseIdleConnections() })
	return func(c *app.Config, o *app.Options) {
		c.AzureResourceManager = srv.URL
		o.Roots.AddCert(srv.Certificate())
	}
}

// costsOf tells whether a request asks for the costs of a subscription.
func costsOf(r *http.Request, sub string) bool {
	return strings.HasPrefix(r.URL.Path, "/subscriptions/"+sub+"/providers/Microsoft.CostManagement/")
}

// sendJSON writes an answer; ARM-HOST in it becomes the host that was asked.
func sendJSON(w http.ResponseWriter, r *http.Request, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, strings.ReplaceAll(string(b), "ARM-HOST", r.Host))
}

// TestLies has Azure say things that must not be believed: they are no proof
// that a cost is gone, and no place to send a token to. Each subscription gets
// another answer; only the last one gets the truth.
func TestLies(t *testing.T) {
	t.Parallel()
	var strangers atomic.Int64 // requests that reached a host which is not Azure
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	t.Cleanup(func() {
		stranger.Close()
		if n := strangers.Load(); n != 0 {
			t.Errorf("%d requests went to a host that is not Azure", n)
		}
	})
	names := []string{"Cost", "CostUSD", "UsageDate", "ResourceGroupName", "ServiceName", "Currency"}
	columns := func(names []string) (out []map[string]string) {
		for _, n := range names {
			out = append(out, map[string]string{"name": n, "type": "String"})
		}
		return out
	}
	page := func(next any, columns []map[string]string, rows ...[]any) any {
		return map[string]any{"properties": map[string]any{"nextLink": next, "columns": columns, "rows": append([][]any{}, rows...)}}
	}
	good := []any{1.5, 1.5, 20261105, "rg", "Storage", "EUR"}
	with := func(i int, v any) []any {
		row := slices.Clone(good)
		row[i] = v
		return row
	}
	lies := []struct {
		body   any
		reason string
	}{
		{nil, "without any cost where cost was known"}, // 204
		{page(nil, columns(names)), "without any cost where cost was known"},
		{page(stranger.URL+"/next", columns(names), good), "not followed"},
		{page("http://ARM-HOST/next", columns(names)), "not followed"}, // in the clear
		{page("https://someone@ARM-HOST/next", columns(names)), "not followed"},
		{page("https://ARM-HOST.example/next", columns(names)), "not followed"},
		{page(nil, columns(names), with(2, 20260105)), "not asked"},
		{page(nil, columns(names), with(2, "soon")), "cannot be read"},
		{page(nil, columns(names), with(5, "")), "no currency"},
		{page(nil, columns(names), with(0, 1e300)), "cannot be read"},
		{page(nil, columns(names), good[:4]), "number of values"},
		{page(nil, columns(names[1:]), good[1:]), "Cost is missing"},
		{map[string]any{"message": "all is well"}, "cannot be read"},
	}
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: len(lies) + 1, Months: 2, Groups: 2, Services: 4})
		te := sim.Estate()[0]
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		old := w.held(t)
		sim.Clock().Advance(30 * time.Hour)
		w.restart(t, months(2), func(c *app.Config, o *app.Options) {
			c.Parallel = 16
			o.Roots.AddCert(stranger.Certificate()) // that it cannot be spoken to must not be what keeps us away
		},
			between(t, sim, func(w http.ResponseWriter, r *http.Request) bool {
				for i, lie := range lies {
					switch {
					case !costsOf(r, te.Subscriptions[i].ID):
						continue
					case lie.body == nil:
						w.WriteHeader(http.StatusNoContent)
					default:
						sendJSON(w, r, lie.body)
					}
					return true
				}
				return false
			}))
		runs := w.sync(t)
		w.kept(t, runs, old, w.now(t))
		w.rollups(t)
		run, held := runs[te.ID], w.held(t)
		if run.Status != fresnel.Partial || len(run.Result.Parts) != len(lies) {
			t.Errorf("the run is %s: %s; %d parts", run.Status, run.Reason, len(run.Result.Parts))
		}
		for i, lie := range lies {
			sub := te.Subscriptions[i]
			w.names(t, run, sub.ID)
			for _, p := range run.Result.Parts {
				if p.Subscription == sub.ID && !strings.Contains(p.Reason, lie.reason) {
					t.Errorf("lie %d: %q, want %q", i, p.Reason, lie.reason)
				}
			}
			if d := firstDifference(only(held, sub.ID), only(old, sub.ID)); d != "" {
				t.Errorf("lie %d: what was known of %s did not stay: %s", i, sub.Name, d)
			}
		}
		last := te.Subscriptions[len(lies)].ID
		if d := firstDifference(only(held, last), only(w.now(t), last)); d != "" {
			t.Errorf("the truth beside the lies: %s", d)
		}
	})
}

// only are the cells of one subscription.
func only(all truth, sub string) (out []cell) {
	for _, m := range metrics {
		for _, c := range all[m] {
			if c.sub == sub {
				out = append(out, c)
			}
		}
	}
	return out
}

// TestLostSubscriptions has Azure list fewer subscriptions than before, and
// then none: as when a delegation is lost.
func TestLostSubscriptions(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, faulty)
		te := sim.Estate()[0]
		var hide atomic.Value // what is no longer listed
		hide.Store("")
		w := begin(t, sim, database, months(2), between(t, sim, func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/subscriptions" || hide.Load() == "" {
				return false
			}
			var list []map[string]any
			for _, s := range te.Subscriptions {
				if hide.Load() != "all" && hide.Load() != s.ID {
					list = append(list, map[string]any{
						"subscriptionId": s.ID, "tenantId": te.ID, "displayName": s.Name, "state": s.State,
						"subscriptionPolicies": map[string]any{"quotaId": s.Offer},
					})
				}
			}
			sendJSON(w, r, map[string]any{"value": list})
			return true
		}))
		whole(t, w.sync(t))
		old := w.held(t)
		gone := te.Subscriptions[1]
		hide.Store(gone.ID)
		sim.Clock().Advance(24 * time.Hour)
		run := w.sync(t)[te.ID]
		if run.Status != fresnel.Partial || !strings.Contains(run.Reason, gone.Name) || !strings.Contains(run.Reason, "no longer lists") {
			t.Errorf("one subscription less: %s, %s", run.Status, run.Reason)
		}
		w.names(t, run, gone.ID)
		if d := firstDifference(only(w.held(t), gone.ID), only(old, gone.ID)); d != "" {
			t.Errorf("the history of %s changed: %s", gone.Name, d)
		}
		hide.Store("all")
		held := w.held(t)
		for _, run := range w.sync(t) {
			if run.Status != fresnel.Failed || !strings.Contains(run.Reason, "no subscription") || run.Do == "" {
				t.Errorf("no subscription at all: %s, %s", run.Status, run.Reason)
			}
		}
		equalTruth(t, w.held(t), held)
		hide.Store("")
		whole(t, w.sync(t))
		equalTruth(t, w.held(t), w.now(t))
	})
}
