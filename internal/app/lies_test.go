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
