package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// viewers lets a header say whose tenants a request may see: their ids, with
// commas. Without it, none.
func viewers(_ *app.Config, o *app.Options) {
	o.Scope = func(r *http.Request) fresnel.Scope {
		var ids []fresnel.TenantID
		for id := range strings.SplitSeq(r.Header.Get("X-Viewer"), ",") {
			if id != "" {
				ids = append(ids, fresnel.TenantID(id))
			}
		}
		return fresnel.ScopeOf(ids...)
	}
}

// traces are the texts by which a tenant shows in an answer: as they are, and
// as HTML, JSON and CSV write them.
func traces(te azuresim.EstateTenant) (out []string) {
	plain := []string{te.ID, te.Name, te.Domain}
	for _, s := range te.Subscriptions {
		plain = append(plain, s.ID, s.Name)
	}
	for _, p := range plain {
		quoted, _ := json.Marshal(p) // a string cannot fail
		out = append(out, p, html.EscapeString(p), strings.Trim(string(quoted), `"`), strings.ReplaceAll(p, `"`, `""`))
	}
	return out
}

// whose tells which of the tenants show in a text.
func whose(estate []azuresim.EstateTenant, body string) (ids []string) {
	for _, te := range estate {
		if slices.ContainsFunc(traces(te), func(s string) bool { return strings.Contains(body, s) }) {
			ids = append(ids, te.ID)
		}
	}
	return ids
}

// places are all addresses that answer a GET. Those that are true must name
// the tenants that the viewer sees.
func places() map[string]bool {
	return map[string]bool{
		"/": true, "/costs": true, "/costs?group=service&metric=amortized": true, "/costs?group=subscription": true, "/sync": true, "/docs": false,
		"/partials/cost-summary-card": false, "/partials/cost-chart": true, "/partials/cost-chart?group=subscription": true, "/partials/cost-breakdown": true,
		"/partials/cost-breakdown?group=subscription": true, "/partials/cost-anomalies?period=90d": true, "/partials/sync-freshness": true, "/partials/sync-jobs": true,
		"/api/v1/tenants": true, "/api/v1/costs/summary": false, "/api/v1/costs/by-tenant": true, "/api/v1/costs/by-subscription": true,
		"/api/v1/costs/by-service": false, "/api/v1/costs/by-resource-group": true, "/api/v1/costs/trends?group=tenant": true,
		"/api/v1/costs/trends?group=subscription&granularity=monthly": true, "/api/v1/costs/anomalies?period=90d&metric=actual": true,
		"/api/v1/costs/restated?period=90d": true, "/api/v1/sync/status": true,
		"/api/v1/costs/by-charge-type": false, "/api/v1/costs/by-resource?limit=1000": true, "/api/v1/costs/movement?period=last-month": true,
		"/api/v1/costs/movement?period=last-month&group=resource-group": true, "/api/v1/costs/daily-rises?period=90d&metric=actual": true,
		"/api/v1/costs/recurring?period=90d": false, "/api/v1/costs/forecast?group=tenant": true, "/api/v1/costs/trends?group=charge-type": false,
		"/api/v1/tenants.csv": true, "/api/v1/costs/by-tenant.csv": true, "/api/v1/costs/by-subscription.csv": true, "/api/v1/costs/by-service.csv": false,
		"/api/v1/costs/by-resource-group.csv": true, "/api/v1/costs/by-charge-type.csv": false, "/api/v1/costs/by-resource.csv": true,
		"/api/v1/costs/trends.csv?group=tenant": true, "/api/v1/costs/movement.csv?period=last-month&group=subscription": true,
		"/api/v1/costs/anomalies.csv?period=90d": true, "/api/v1/costs/recurring.csv?period=90d": false, "/api/v1/costs/daily-rises.csv?period=90d": true,
		"/api/v1/costs/restated.csv?period=90d": true, "/api/v1/costs/focus.csv": true, "/api/v1/costs/budgets": true, "/api/v1/costs/budgets.csv": true,
		"/metrics": false, "/health": false, "/health/detailed": false, "/openapi.json": false, "/nothing": false, "/api/v1/nothing": false,
	}
}

// TestIsolation has two viewers, each of one tenant, and a third who sees
// nothing, ask for everything.
func TestIsolation(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3, Months: 5, MarkupNames: true, Planted: 8})
		w := begin(t, sim, database, months(5), viewers)
		whole(t, w.sync(t))
		sim.Clock().Freeze(early.Add(5 * 24 * time.Hour)) // so that there are restated days
		whole(t, w.sync(t))
		estate := sim.Estate()
		for i, te := range estate { // each made by who may
			w.addBudget(t, budgetInput{Name: "of " + te.Name, Tenant: te.ID, Amount: []string{"10", "20", "30"}[i], Currency: "USD"}, "X-Viewer", te.ID)
		}
		// The third tenant is nobody's: it shows to no viewer at all.
		for round := range 2 { // the second one from the cache, where it is
			for path, named := range places() {
				bodies := map[string]string{}
				for _, viewer := range []string{estate[0].ID, estate[1].ID, "", estate[0].ID + "," + estate[1].ID} {
					a := w.ask("GET", path, "X-Viewer", viewer)
					if a.status != 200 && !strings.HasSuffix(path, "/nothing") {
						t.Errorf("%s for %q: %d %.200s", path, viewer, a.status, a.body)
					}
					want := slices.DeleteFunc(strings.Split(viewer, ","), func(s string) bool { return s == "" })
					got := whose(estate, a.body)
					switch {
					case slices.ContainsFunc(got, func(id string) bool { return !slices.Contains(want, id) }):
						t.Errorf("round %d: %s shows %v to a viewer of %v", round, path, got, want)
					case named && !slices.Equal(got, want):
						t.Errorf("round %d: %s shows %v to a viewer of %v: rows of his own are missing", round, path, got, want)
					}
					bodies[viewer] = a.body
				}
				if named && (bodies[estate[0].ID] == bodies[estate[1].ID] || bodies[estate[0].ID] == bodies[""]) {
					t.Errorf("%s says the same to different viewers", path)
				}
			}
		}
		w.ownFigures(t)
		w.foreign(t)
		w.foreignWrites(t)
		w.conditional(t)
		w.ownTrigger(t)
	})
}

// ownFigures compares a viewer's figures with the truth about his tenant.
func (w *world) ownFigures(t *testing.T) {
	t.Helper()
	for _, te := range w.Estate()[:2] {
		own := *w
		own.headers = []string{"X-Viewer", te.ID}
		e := newExpected(&own, w.now(t))
		for _, q := range e.questions()[:4] {
			q.tenants = []string{te.ID}
			e.check(t, q)
		}
	}
	nobody := *w
	nobody.headers = []string{"X-Viewer", ""}
	if v := read[summary](t, &nobody, "/api/v1/costs/summary"); v.Data.Known || len(v.Data.Totals) > 0 || v.Data.USD != nil || v.Meta.Coverage.Of != 0 {
		t.Errorf("who sees nothing is told %+v, %+v", v.Data, v.Meta.Coverage)
	}
	if v := nobody.budgets(t, ""); len(v.Azure) > 0 {
		t.Errorf("who sees nothing is told of Azure's budgets %v", v.Azure)
	}
	if _, rows := sheet(t, &nobody, "/api/v1/costs/focus.csv?period=90d"); len(rows) > 0 {
		t.Errorf("who sees nothing is given %d charges", len(rows))
	}
	for _, b := range append(slices.Clone(breakdowns), byCharge, byResource) {
		if v := read[[]costRow](t, &nobody, "/api/v1/costs/"+b.path); len(v.Data) > 0 || *v.Meta.Total != 0 {
			t.Errorf("who sees nothing is told %+v", v)
		}
	}
	for _, path := range []string{"/api/v1/tenants", "/api/v1/sync/status", "/api/v1/costs/anomalies", "/api/v1/costs/recurring", "/api/v1/costs/daily-rises", "/api/v1/costs/restated", "/api/v1/costs/budgets"} {
		if v := read[[]any](t, &nobody, path); v.Data == nil || len(v.Data) > 0 {
			t.Errorf("%s tells who sees nothing %v", path, v.Data)
		}
	}
}

// foreign asks for a tenant and a subscription of somebody else: they are not
// found, in the same words as those that do not exist.
func (w *world) foreign(t *testing.T) {
	t.Helper()
	const nowhere = "11111111-2222-4333-8444-555555555555"
	estate := w.Estate()
	mine, theirs := estate[0], estate[1]
	said := func(a answer) string { // without what differs from request to request
		body := strings.ReplaceAll(a.body, a.header.Get("X-Request-Id"), "")
		for _, id := range []string{theirs.ID, theirs.Subscriptions[0].ID, slug(theirs.Name), nowhere, "nowhere"} {
			body = strings.ReplaceAll(body, id, "ID")
		}
		return body
	}
	var asks [][2]string // the foreign one, and one that does not exist
	pair := func(path, tenant, none string) {
		asks = append(asks, [2]string{path + tenant, path + none})
	}
	for path := range places() {
		if strings.HasPrefix(path, "/api/v1/costs/") || strings.HasPrefix(path, "/partials/") || slices.Contains([]string{"/", "/costs", "/sync"}, path) {
			join := "?"
			if strings.Contains(path, "?") {
				join = "&"
			}
			pair(path+join+"tenant=", theirs.ID, nowhere)
			pair(path+join+"tenant=", slug(theirs.Name), "nowhere")
			pair(path+join+"tenant="+mine.ID+"&tenant=", theirs.ID, nowhere)
			if strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/api/v1/costs/budgets") { // these are of tenants
				pair(path+join+"sub=", theirs.Subscriptions[0].ID, nowhere)
				pair(path+join+"sub="+mine.Subscriptions[0].ID+"&sub=", theirs.Subscriptions[0].ID, nowhere)
			}
		}
	}
	asks = append(asks, [2]string{"/api/v1/tenants/" + theirs.ID + "/subscriptions", "/api/v1/tenants/" + nowhere + "/subscriptions"},
		[2]string{"/api/v1/tenants/" + slug(theirs.Name) + "/subscriptions", "/api/v1/tenants/nowhere/subscriptions"})
	for _, p := range asks {
		foreign, none := w.ask("GET", p[0], "X-Viewer", mine.ID), w.ask("GET", p[1], "X-Viewer", mine.ID)
		if foreign.status != 404 || none.status != 404 {
			t.Errorf("%s: %d; %s: %d", p[0], foreign.status, p[1], none.status)
		}
		if said(foreign) != said(none) {
			t.Errorf("%s is answered otherwise than %s:\n%.500s\n%.500s", p[0], p[1], foreign.body, none.body)
		}
		// What was asked for is repeated, and nothing else of the tenant.
		body := strings.NewReplacer(theirs.ID, "", theirs.Subscriptions[0].ID, "", slug(theirs.Name), "").Replace(foreign.body)
		if got := whose(estate[1:], body); len(got) > 0 {
			t.Errorf("%s shows %v", p[0], got)
		}
	}
	a := w.ask("GET", "/api/v1/tenants/"+mine.ID+"/subscriptions", "X-Viewer", mine.ID)
	if got := whose(estate, a.body); a.status != 200 || len(got) != 1 || got[0] != mine.ID {
		t.Errorf("%s: %d, shows %v", a.path, a.status, got)
	}
}

// foreignWrites has a viewer of one tenant change what is of another: budgets
// and what is said of anomalies are not found, and stay.
func (w *world) foreignWrites(t *testing.T) {
	t.Helper()
	estate := w.Estate()
	mine, theirs := estate[0], estate[1]
	owner := *w
	owner.headers = []string{"X-Viewer", theirs.ID}
	before := owner.budgets(t, "")
	found := read[[]anomaly](t, &owner, "/api/v1/costs/anomalies?period=90d").Data
	if len(before.Data) != 1 || len(before.Azure) == 0 || len(found) == 0 {
		t.Errorf("%d budgets, %d of Azure, %d anomalies: the test shows nothing", len(before.Data), len(before.Azure), len(found))
		return
	}
	budget := fmt.Sprintf("/api/v1/costs/budgets/%d", before.Data[0].ID)
	good := budgetInput{Name: "mine now", Tenant: mine.ID, Amount: "1", Currency: "USD"}
	his := good
	his.Tenant = theirs.ID
	part := good
	part.Subscriptions = []string{theirs.Subscriptions[0].ID}
	for _, viewer := range []string{mine.ID, ""} {
		for _, a := range []answer{
			w.send("PUT", budget, good, "X-Viewer", viewer), w.send("PUT", budget, his, "X-Viewer", viewer), w.send("DELETE", budget, nil, "X-Viewer", viewer),
			w.send("POST", "/api/v1/costs/budgets", his, "X-Viewer", viewer), w.send("POST", "/api/v1/costs/budgets", part, "X-Viewer", viewer),
			w.send("POST", verdictPath(found[0].ID), map[string]string{"verdict": "acknowledged"}, "X-Viewer", viewer),
			w.ask("GET", fmt.Sprintf("/api/v1/costs/anomalies/%d", found[0].ID), "X-Viewer", viewer),
		} {
			refused(t, a, 404)
			body := strings.NewReplacer(theirs.ID, "", theirs.Subscriptions[0].ID, "").Replace(a.body) // what was asked for is repeated
			if got := whose(estate[1:], body); len(got) > 0 {
				t.Errorf("%s shows %v", a.path, got)
			}
		}
	}
	if d := diff(before, owner.budgets(t, "")); d != "" {
		t.Errorf("budgets were changed by a stranger:\n%s", d)
	}
	if d := diff(found, read[[]anomaly](t, &owner, "/api/v1/costs/anomalies?period=90d").Data); d != "" {
		t.Errorf("anomalies were judged by a stranger:\n%s", d)
	}
}

// conditional offers the ETag of one viewer's answer for another's.
func (w *world) conditional(t *testing.T) {
	t.Helper()
	estate := w.Estate()
	for _, path := range []string{"/", "/costs", "/partials/cost-breakdown", "/api/v1/costs/summary", "/api/v1/costs/by-tenant", "/api/v1/tenants"} {
		first := w.ask("GET", path, "X-Viewer", estate[0].ID)
		tag := first.header.Get("ETag")
		if tag == "" {
			t.Errorf("%s is not cached: the test shows nothing", path)
		}
		if a := w.ask("GET", path, "X-Viewer", estate[0].ID, "If-None-Match", tag); a.status != 304 || a.body != "" {
			t.Errorf("%s again: %d", path, a.status)
		}
		for _, viewer := range []string{estate[1].ID, ""} {
			if a := w.ask("GET", path, "X-Viewer", viewer, "If-None-Match", tag); a.status != 200 {
				t.Errorf("%s for %q with another viewer's ETag: %d", path, viewer, a.status)
			}
		}
		if cc := first.header.Get("Cache-Control"); !strings.Contains(cc, "private") && !strings.Contains(cc, "no-store") {
			t.Errorf("%s may be kept by a shared cache: %q", path, cc)
		}
	}
}

// ownTrigger starts syncs: each viewer only those of his tenants.
func (w *world) ownTrigger(t *testing.T) {
	t.Helper()
	estate := w.Estate()
	mine, theirs := estate[0].ID, estate[1].ID
	for _, path := range []string{"/api/v1/sync/costs", "/sync/costs"} {
		if a := w.ask("POST", path+"?tenant="+theirs, "X-Viewer", mine); a.status != 404 {
			t.Errorf("%s for a foreign tenant: %d", a.path, a.status)
		}
		if a := w.ask("POST", path, "X-Viewer", ""); a.status >= 500 {
			t.Errorf("%s for nobody: %d %s", a.path, a.status, a.body)
		}
	}
	if n := w.count("sync_run WHERE status < 2"); n != 0 {
		t.Errorf("%d runs were started by those who may not", n)
	}
	a := w.ask("POST", "/api/v1/sync/costs", "X-Viewer", mine)
	var v wire[started]
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != 202 || len(v.Data.Runs) != 1 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if n := w.count("sync_run r JOIN tenant t ON t.num = r.tenant WHERE r.status < 2 AND t.id <> '" + mine + "'"); n != 0 {
		t.Errorf("%d runs of other tenants were started", n)
	}
	if got := whose(estate, w.ask("GET", "/api/v1/sync/status?open=true", "X-Viewer", theirs).body); len(got) > 0 {
		t.Errorf("a foreign run is shown: %v", got)
	}
}

// TestLiveIsolation listens to the live streams of two viewers while their
// tenants are read.
func TestLiveIsolation(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{
			Tenants: 3, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 3,
			Faults: []azuresim.Fault{{API: "cost", Kind: "hang", HangSeconds: 0.5}}, // so that there is progress to see
		})
		w := begin(t, sim, database, months(2), viewers)
		estate := sim.Estate()
		ctx, stop := context.WithCancel(t.Context())
		served, address := make(chan error, 1), make(chan string, 1)
		go func() { served <- w.app.Serve(ctx, func(url string) { address <- url }) }()
		base := <-address
		type seen struct {
			runs map[string]bool
			data bool
			body string
		}
		streams := make(chan map[string]seen, 1)
		ids := []string{estate[0].ID, estate[1].ID, ""}
		go func() {
			out := map[string]seen{}
			results := make(chan map[string]seen, len(ids))
			for _, viewer := range ids {
				go func() {
					s := seen{runs: map[string]bool{}}
					words := []string{"event: data-updated", "event: sync-progress"}
					if viewer == "" {
						words = words[:1]
					}
					s.body = stream(ctx, base, viewer, words)
					event := ""
					for line := range strings.Lines(s.body) {
						if v, ok := strings.CutPrefix(line, "event: "); ok {
							event = strings.TrimSpace(v)
						}
						if v, ok := strings.CutPrefix(line, "data: "); ok {
							var e struct{ Run string }
							if json.Unmarshal([]byte(v), &e) == nil && event == "sync-progress" {
								s.runs[e.Run] = true
							}
							s.data = s.data || event == "data-updated"
						}
					}
					results <- map[string]seen{viewer: s}
				}()
			}
			for range ids {
				maps.Copy(out, <-results)
			}
			streams <- out
		}()
		got := <-streams
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		for _, viewer := range ids {
			s := got[viewer]
			own := map[string]bool{}
			for _, row := range w.rows(t, "SELECT CAST(r.id AS TEXT), t.id FROM sync_run r JOIN tenant t ON t.num = r.tenant") {
				if text(row[1]) == viewer {
					own[text(row[0])] = true
				}
			}
			for run := range s.runs {
				if !own[run] {
					t.Errorf("a viewer of %q hears of run %s", viewer, run)
				}
			}
			if viewer != "" && (len(s.runs) == 0 || !s.data) {
				t.Errorf("a viewer of %s hears nothing of his own: %q", viewer, s.body)
			}
			if foreign := slices.DeleteFunc(whose(estate, s.body), func(id string) bool { return id == viewer }); len(foreign) > 0 {
				t.Errorf("a viewer of %q hears of %v", viewer, foreign)
			}
		}
	})
}

// text is a text as either engine gives it.
func text(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	s, _ := v.(string)
	return s
}

// stream reads the live stream until all words have come, and some seconds more.
func stream(ctx context.Context, base, viewer string, words []string) string {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/events", nil)
	if err != nil {
		return err.Error()
	}
	r.Header.Set("X-Viewer", viewer)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var b strings.Builder
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		b.WriteString(lines.Text() + "\n")
		if len(words) > 0 && slices.Contains(words, lines.Text()) {
			if words = slices.DeleteFunc(words, func(s string) bool { return s == lines.Text() }); len(words) == 0 {
				time.AfterFunc(3*time.Second, stop)
			}
		}
	}
	return b.String()
}
