package app_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// inner is what no answer may contain: the insides of the program.
var inner = regexp.MustCompile(`(?i)goroutine \d|\.go:\d|panic|runtime error|\bSELECT\b|sqlite|pgx|SQLSTATE|\bsql:|/work/|/tmp/|stack|unmarshal|internal server|nil pointer`)

// problem is an error as the API tells it (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// refused fails unless an answer is a problem document with a status, of a
// size that does not depend on what was sent.
func refused(t *testing.T, a answer, status int) problem {
	t.Helper()
	var p problem
	err := json.Unmarshal([]byte(a.body), &p)
	if a.status != status || err != nil || p.Status != status || p.Title == "" || p.Detail == "" ||
		!strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
		t.Errorf("%.200s: %d %s %.300s, want the problem %d", a.path, a.status, a.header.Get("Content-Type"), a.body, status)
	}
	plain(t, a)
	return p
}

// plain fails if an answer shows the insides of the program, or is bigger than
// an error should be.
func plain(t *testing.T, a answer) {
	t.Helper()
	body := strings.ReplaceAll(a.body, a.header.Get("X-Request-Id"), "") // random letters
	if m := inner.FindString(body); m != "" && !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("%.200s tells %q: %.300s", a.path, m, a.body)
	}
	if len(a.body) > 64<<10 {
		t.Errorf("%.200s is answered with %d bytes", a.path, len(a.body))
	}
	if a.status >= 400 && a.header.Get("X-Request-Id") == "" || a.header.Get("Content-Security-Policy") == "" {
		t.Errorf("%.200s lacks the headers of every answer", a.path)
	}
}

// TestBadInput sends what is wrong and expects to be told so.
func TestBadInput(t *testing.T) {
	t.Parallel()
	long(t)
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 3})
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		mine := sim.Estate()[0]
		const stranger = "11111111-2222-4333-8444-555555555555"
		code := base64.RawURLEncoding.EncodeToString
		long := strings.Repeat("x", 5000)
		costs := []string{"summary", "by-tenant", "by-subscription", "by-service", "by-resource-group", "trends", "anomalies", "daily-rises", "restated", "by-charge-type", "by-resource", "movement", "recurring", "by-tenant.csv", "movement.csv", "anomalies.csv", "restated.csv"}
		anyCost := map[string]int{ // what every cost endpoint refuses
			"period=yesterday": 400, "period=MTD": 400, "period=" + long: 422, "period=%00": 400, "period=%FF": 400,
			"from=2026-11-01": 400, "to=2026-11-01": 400, "from=2026-11-01&to=": 400,
			"from=2026-11-31&to=2026-11-30": 400, "from=2026-11-10&to=2026-11-09": 400, "from=1-2-3&to=x": 400,
			"from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z": 400, "from=0000-00-00&to=9999-12-31": 400,
			"from=1969-12-31&to=2026-11-01": 400, "from=2020-01-01&to=2026-11-01": 400, "from=2199-01-01&to=2201-01-01": 400,
			"period=mtd&from=2026-11-01&to=2026-11-02": 400,
			"metric=usage": 400, "metric=ActualCost": 400, "metric=%27%3B--": 400, "vs=last": 400, "vs=prev%00": 400,
			"tenant=" + stranger: 404, "tenant=nobody": 404, "tenant=%00": 404, "tenant=%FF%FE": 404, "tenant=" + long: 404,
			"tenant=" + mine.ID + "&tenant=nobody": 404, "tenant=*": 404, "tenant=%25": 404, "tenant=' OR 1=1 --": 404,
			"sub=" + stranger: 404, "sub=nobody": 400, "sub=%00": 400, "sub=" + long: 400,
			"sub=" + sim.Estate()[1].Subscriptions[0].ID + "&tenant=" + mine.ID: 404, // another tenant's
			"colour=red": 422, "Period=mtd": 422, "tenants=" + mine.ID: 422, "period=mtd&%00=1": 422,
			strings.Repeat("tenant=nobody&", 501): 422, strings.Repeat("sub="+stranger+"&", 501): 422,
		}
		for _, c := range costs {
			for query, status := range anyCost {
				refused(t, w.get("/api/v1/costs/"+c+"?"+strings.ReplaceAll(query, " ", "%20")), status)
			}
		}
		lists := []string{"tenants", "tenants/" + mine.ID + "/subscriptions", "sync/status", "costs/by-tenant", "costs/by-service", "costs/by-charge-type", "costs/by-resource", "costs/anomalies", "costs/recurring", "costs/daily-rises"}
		for _, l := range lists {
			for query, status := range map[string]int{
				"limit=0": 422, "limit=-1": 422, "limit=1001": 422, "limit=99999999999999999999": 422, "limit=ten": 422, "limit=1.5": 422, "limit=1e2": 422,
				"limit=0x10": 422, "cursor=" + long: 422, "cursor=!": 400, "cursor=%00": 400, "cursor=" + code([]byte("nothing")): 400,
				"cursor=" + code([]byte(stranger+"\x00")): 400, "offset=3": 422, "page=2": 422, "limit=5&sort=": 422,
			} {
				if query == "limit=5&sort=" && strings.HasPrefix(l, "costs/by-") {
					query, status = "sort=size", 422
				}
				refused(t, w.get("/api/v1/"+l+"?"+query), status)
			}
		}
		for path, status := range map[string]int{
			"/api/v1/tenants/" + stranger + "/subscriptions": 404, "/api/v1/tenants/nobody/subscriptions": 404, "/api/v1/tenants/%00/subscriptions": 404,
			"/api/v1/tenants/" + strings.Repeat("9", 201) + "/subscriptions": 422, "/api/v1/tenants/" + mine.ID: 404,
			"/api/v1/costs/trends?group=colour": 422, "/api/v1/costs/trends?granularity=weekly": 422, "/api/v1/costs/trends?limit=5": 422,
			"/api/v1/costs/daily-rises?from=2026-01-01&to=2026-11-01": 400, "/api/v1/sync/status?type=" + long: 422, "/api/v1/sync/status?open=perhaps": 422,
			"/api/v1/sync/status?cursor=-4": 400, "/api/v1/sync/status?cursor=99999999999999999999": 400,
			"/api/v1/": 404, "/api/": 404, "/api/v2/tenants": 404, "/api/v1/costs": 404, "/api/v1/costs/summary/": 404, "/api/v1/costs/by-colour": 404,
			"/api/v1/" + long: 404, "/api/v1/%2e%2e/%2e%2e/etc/passwd": 404, "/api/v1/sync/costs": 405, "/api/v1/%00": 404,
			"/api/v1/costs/movement?group=colour": 422, "/api/v1/costs/movement?limit=0": 422, "/api/v1/costs/movement?cursor=x": 422, "/api/v1/costs/movement?vs_from=2026-11-01": 400,
			"/api/v1/costs/movement?vs_from=2026-11-09&vs_to=2026-11-01": 400, "/api/v1/costs/movement?vs_from=x&vs_to=y": 400, "/api/v1/costs/summary?vs_to=2026-11-31&vs_from=2026-11-01": 400,
			"/api/v1/costs/forecast?group=resource": 422, "/api/v1/costs/forecast?period=mtd": 422, "/api/v1/costs/forecast?tenant=nobody": 404, "/api/v1/costs/forecast?metric=x": 400, "/api/v1/costs/forecast?sub=x": 400,
			"/api/v1/costs/budgets?tenant=nobody": 404, "/api/v1/costs/budgets?period=mtd": 422, "/api/v1/costs/budgets/1": 405, "/api/v1/costs/budgets.csv?tenant=nobody": 404,
			"/api/v1/costs/anomalies?state=resolved": 422, "/api/v1/costs/summary?tenant=&tenant=x": 422, "/api/v1/costs/summary?service=&service=Storage": 422, "/api/v1/costs/anomalies/0": 422, "/api/v1/costs/anomalies/-1": 422, "/api/v1/costs/anomalies/x": 422, "/api/v1/costs/anomalies/999999": 404,
			"/api/v1/costs/anomalies/99999999999999999999": 422, "/api/v1/costs/anomalies/1/verdict": 405, "/api/v1/costs/focus.csv?tenant=nobody": 404, "/api/v1/costs/focus.csv?period=x": 400, "/api/v1/costs/focus": 404,
			"/api/v1/costs/by-charge-type?resource_group=x": 400, "/api/v1/costs/by-resource?charge_type=Usage": 400, "/api/v1/costs/by-resource?resource_group=": 400, "/api/v1/costs/by-resource-group?charge_type=Usage": 400,
			"/api/v1/costs/by-resource.csv?resource_group=x": 400, "/api/v1/costs/trends?group=charge-type&resource_group=x": 400, "/api/v1/costs/trends?accumulated=perhaps": 422,
			"/api/v1/costs/movement?group=charge-type&resource_group=x": 400, "/api/v1/costs/movement.csv?group=resource-group&charge_type=Usage": 400,
			"/api/v1/costs/summary?" + strings.Repeat("service=x&", 101): 422, "/api/v1/costs/summary?" + strings.Repeat("charge_type=x&", 21): 422, "/api/v1/costs/summary?resource_group=&" + strings.Repeat("resource_group=x&", 100): 422,
			"/health?verbose=1": 422, "/health/detailed?x": 422,
		} {
			refused(t, w.get(path), status)
		}
		// Names that nobody has find nothing, whatever they look like.
		for _, filter := range []string{"service", "resource_group", "charge_type"} {
			for _, name := range []string{"nobody", "%00", "%FF%FE", "'%20OR%201=1%20--", "%25", long, "[]", "%22%5D"} {
				if filter == "resource_group" && name == "%00" {
					continue // see below
				}
				v := read[summary](t, w, "/api/v1/costs/summary?"+filter+"="+name)
				if v.Data.Known || v.Data.USD != nil {
					t.Errorf("%s=%.20s gives %+v", filter, name, v.Data)
				}
			}
		}
		// Odd, but right: they find nothing, or say the same in another way.
		for _, path := range []string{
			"/api/v1/sync/status?type=%00", "/api/v1/sync/status?type=%FF", "/api/v1/sync/status?type=nope", "/api/v1/sync/status?cursor=1",
			"/api/v1/tenants/" + mine.ID + "/subscriptions?cursor=" + code([]byte(stranger+"\xff")), "/api/v1/tenants/" + strings.ToUpper(mine.ID) + "/subscriptions",
			"/api/v1/costs/summary?tenant=%20" + strings.ToUpper(mine.ID) + "%20&tenant=" + mine.ID, "/api/v1/costs/summary?from=2026-11-02&to=2026-11-02",
			"/api/v1/costs/summary?sub=" + strings.ToUpper(mine.Subscriptions[0].ID), "/api/v1/costs/trends?from=2199-12-30&to=2199-12-31",
			"/api/v1/costs/summary?", "/api/v1/costs/summary?&&", "/api/v1/costs/summary?tenant=&sub=&period=&metric=", // a word without a value is not given "/openapi.json", "/openapi-3.0.json", "/health",
		} {
			if a := w.get(path); a.status != http.StatusOK || !strings.Contains(a.header.Get("Content-Type"), "json") {
				t.Errorf("%s: %d %.300s", path, a.status, a.body)
			}
		}
		w.badRequests(t, mine.ID)
		w.badPages(t, mine.ID, stranger)
	})
}

// badRequests sends methods, hosts and origins that are refused.
func (w *world) badRequests(t *testing.T, mine string) {
	t.Helper()
	for _, c := range []struct {
		method, path string
		headers      []string
		status       int
	}{
		{"POST", "/api/v1/costs/summary", nil, 405},
		{"DELETE", "/api/v1/tenants", nil, 405},
		{"PUT", "/api/v1/sync/costs", nil, 405},
		{"PATCH", "/api/v1/sync/status", nil, 405},
		{"POST", "/api/v1/nothing", nil, 404},
		{"POST", "/api/v1/sync/", nil, 404},
		{"POST", "/api/v1/sync/nope", nil, 404},
		{"POST", "/api/v1/sync/nope%00", nil, 404},
		{"POST", "/api/v1/sync/" + strings.Repeat("x", 41), nil, 422},
		{"POST", "/api/v1/sync/costs?tenant=nobody", nil, 404},
		{"POST", "/api/v1/sync/costs?force=1", nil, 422},
		{"POST", "/api/v1/sync/costs", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", "/api/v1/sync/costs", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"POST", "/api/v1/sync/costs", []string{"Origin", "https://evil.example"}, 403},
		{"POST", "/api/v1/sync/costs", []string{"Origin", "http://127.0.0.1:9999"}, 403}, // another port is another site
		{"POST", "/sync/costs", []string{"Origin", "null"}, 403},
		{"GET", "/", []string{"Host", "fresnel.example"}, 421},
		{"GET", "/api/v1/tenants", []string{"Host", "127.0.0.1.evil.example:8080"}, 421},
		{"GET", "/api/v1/costs/summary", []string{"Host", "192.168.1.4:8080"}, 421},
		{"GET", "/health", []string{"Host", "localhost.evil.example"}, 421},
		{"GET", "/metrics", []string{"Host", ""}, 421},
	} {
		a := w.ask(c.method, c.path, c.headers...)
		refused(t, a, c.status)
		if c.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s does not say what is allowed", a.path)
		}
	}
	for _, host := range []string{"localhost", "LOCALHOST:1", "127.0.0.1", "127.9.8.7:80", "[::1]:8080", "[::1]"} {
		if a := w.ask("GET", "/health", "Host", host); a.status != 200 {
			t.Errorf("host %s: %d", host, a.status)
		}
	}
	if n := w.count("sync_run WHERE status < 2"); n != 0 {
		t.Errorf("a refused request started %d runs", n)
	}
	w.triggers(t, mine)
}

type started struct {
	Runs []int64 `json:"runs"`
	Busy int     `json:"busy"`
}

// triggers starts syncs over REST and by a form. Nothing works on them here.
func (w *world) triggers(t *testing.T, mine string) {
	t.Helper()
	start := func(path string) (v wire[started]) {
		t.Helper()
		a := w.ask("POST", path, "Sec-Fetch-Site", "same-origin")
		if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		return v
	}
	n := len(w.Estate())
	if v := start("/api/v1/sync/costs?tenant=" + mine).Data; len(v.Runs) != 1 || v.Busy != 0 {
		t.Errorf("one tenant: %+v", v)
	}
	if v := start("/api/v1/sync/costs").Data; len(v.Runs) != n-1 || v.Busy != 1 {
		t.Errorf("the others: %+v", v)
	}
	refused(t, w.ask("POST", "/api/v1/sync/costs"), 409)
	refused(t, w.ask("POST", "/api/v1/sync/costs?tenant="+mine), 409)
	open := read[[]map[string]any](t, w, "/api/v1/sync/status?open=true").Data
	if len(open) != n || open[0]["status"] != "queued" {
		t.Errorf("open runs: %v", open)
	}
	for path, status := range map[string]int{"/sync/costs": 303, "/sync/costs?tenant=" + mine: 303, "/sync/costs?tenant=nobody": 404, "/sync/nope": 404} {
		if a := w.ask("POST", path); a.status != status {
			t.Errorf("%s: %d, want %d", a.path, a.status, status)
		}
	}
	if got := w.count("sync_run WHERE status < 2"); got != n {
		t.Errorf("%d open runs for %d tenants", got, n)
	}
}

// badPages asks for pages with words that are not known: a note says so. A
// tenant that is not known is not found.
func (w *world) badPages(t *testing.T, mine, stranger string) {
	t.Helper()
	pages := []string{"/", "/costs", "/sync"}
	partials := []string{"cost-summary-card", "cost-chart", "cost-breakdown", "cost-anomalies", "sync-freshness", "sync-jobs"}
	for _, p := range pages {
		clean := w.get(p)
		if clean.status != 200 || strings.Contains(clean.body, "Ignored") {
			t.Errorf("%s: %d, or a note about nothing", p, clean.status)
		}
		for query, note := range map[string]string{
			"period=yesterday": "period", "vs=last": "vs", "metric=usage": "metric", "group=colour": "group", "granularity=weekly": "granularity", "sort=size": "sort",
			"from=2026-11-31&to=2026-12-01": "from=2026-11-31", "from=2026-11-10&to=2026-11-09": "to=2026-11-09", "from=2026-11-10": "from=2026-11-10",
			"from=1970-01-01&to=2026-11-01": "period", "from=2500-01-01&to=2500-01-02": "period", "colour=red": "colour", "%3Cb%3E=1": "&lt;b&gt;",
			"period=%3Cscript%3Ealert(1)%3C/script%3E": "&lt;script&gt;", "metric=%FF%00": "metric", "view=all": "view",
		} {
			a := w.get(p + "?" + query)
			if i := strings.Index(a.body, "Ignored"); a.status != 200 || i < 0 || !strings.Contains(a.body[i:min(i+300, len(a.body))], note) {
				t.Errorf("%s: %d without a note about %s", a.path, a.status, note)
			}
			if strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<b>=") {
				t.Errorf("%s: what was sent is markup", a.path)
			}
		}
	}
	for _, p := range partials {
		pages = append(pages, "/partials/"+p)
	}
	for _, p := range pages {
		if a := w.get(p + "?tenant=" + mine + "&period=nope&cursor=%00%FF&colour=red"); a.status != 200 {
			t.Errorf("%s: %d", a.path, a.status)
		}
		for _, tenant := range []string{stranger, "nobody", "%00", "%FF", "%3Cscript%3Ealert(1)%3C/script%3E", mine + "&tenant=nobody"} {
			a := w.get(p + "?tenant=" + tenant)
			if a.status != 404 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s %s", a.path, a.status, a.header.Get("Content-Type"), a.header.Get("Cache-Control"))
			}
			if strings.Contains(a.body, "<script>alert") {
				t.Errorf("%s: what was sent is markup", a.path)
			}
			plain(t, a)
		}
	}
	for _, path := range []string{"/nothing", "/costs/", "/partials/", "/partials/nothing", "/static/nothing.css", "/static/../go.mod", "/..%2f..%2fetc/passwd", "/dev/states", "/%00"} {
		if a := w.get(path); a.status != 404 && a.status != 307 && a.status != 301 {
			t.Errorf("%s: %d", path, a.status)
		} else {
			plain(t, a)
		}
	}
}

// TestHugeRequest sends ten megabytes of query, and half a request, to the
// program's own server, and then asks something sensible.
func TestHugeRequest(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: 1, Months: 2, Groups: 2, Services: 3})
		w := begin(t, sim, database, months(2), func(c *app.Config, _ *app.Options) { c.NoSync = true })
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		address := make(chan string, 1)
		go func() { served <- w.app.Serve(ctx, func(url string) { address <- url }) }()
		host := strings.TrimPrefix(<-address, "http://")
		for name, request := range map[string]string{
			"10 MB of query":   "GET /api/v1/costs/summary?tenant=" + strings.Repeat("a", 10<<20) + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
			"10 MB of headers": "GET /costs HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Repeat("X-Long: "+strings.Repeat("a", 1000)+"\r\n", 10_000) + "\r\n",
			"no HTTP":          strings.Repeat("\x16\x03\x01", 100) + "\r\n\r\n",
		} {
			status := raw(t, host, request)
			if status != http.StatusRequestHeaderFieldsTooLarge && status != http.StatusBadRequest && status != http.StatusRequestURITooLong {
				t.Errorf("%s: %d", name, status)
			}
		}
		if status := raw(t, host, "GET /api/v1/costs/summary HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); status != 200 {
			t.Errorf("afterwards: %d", status)
		}
		stop()
		select {
		case err := <-served:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the server does not stop")
		}
		// The handler itself must not choke either, whatever stands before it.
		for _, path := range []string{"/api/v1/costs/summary?tenant=", "/api/v1/costs/by-tenant?cursor=", "/costs?period=", "/?colour=", "/api/v1/"} {
			a := w.get(path + strings.Repeat("a", 1<<20))
			if a.status >= 500 || a.status < 200 {
				t.Errorf("1 MB behind %s: %d", path, a.status)
			}
			if m := inner.FindString(a.body); m != "" && strings.HasPrefix(path, "/api/") {
				t.Errorf("1 MB behind %s: tells %q", path, m)
			}
		}
	})
}

// raw sends bytes and gives the status of the answer; 0 = the connection ended
// without one.
func raw(t *testing.T, host, request string) int {
	t.Helper()
	conn, err := net.DialTimeout("tcp", host, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // of a test
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go fmt.Fprint(conn, request) // the server may answer and close before it has read all
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Logf("no answer: %v", err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
