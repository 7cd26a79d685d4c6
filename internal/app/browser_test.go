package app_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// browserSite serves a program on loopback until the end of the test.
func browserSite(t *testing.T, a *app.App) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(url string) { address <- url }) }()
	select {
	case url := <-address:
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		return url
	case err := <-ended:
		stop()
		t.Fatal(err)
		return ""
	}
}

func browserConfig(c *app.Config, o *app.Options) {
	c.Dev, c.NoSync, c.Months = true, true, 3
	o.Notice = "Simulated Azure: every figure was fetched over HTTP from the built-in simulator."
}

// browserEstate is small, and has names that are markup.
func browserEstate() azuresim.Options {
	return azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 3, Months: 3, MarkupNames: true}
}

// browserTags writes which tags are required, and gives the file.
func browserTags(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tags.json")
	if err := os.WriteFile(path, []byte(`{"tags": [{"tenants": ["*"], "required": [{"key": "env", "values": ["prod", "test", "dev"]}, {"key": "owner"}]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// browserAddress is one address that is looked at.
type browserAddress struct {
	name, path string
	allow      string // the trouble that is expected
	whole      bool   // it is looked at in both schemes at both widths; the others in each scheme and at each width once
	long       bool   // a gallery or a reference: its length is no fault
}

func (w *world) browserAddresses(t *testing.T) []browserAddress {
	t.Helper()
	one := w.Estate()[0].ID
	return append([]browserAddress{
		{name: "overview", path: "/", whole: true},
		{name: "overview-by-service", path: "/?group=service&tenant=" + w.Estate()[1].ID},
		{name: "costs", path: "/costs", whole: true},
		{name: "costs-by-service", path: "/costs?group=service&period=30d&vs=none"},
		{name: "costs-by-subscription", path: "/costs?group=subscription&period=last-month&vs=prev-year"},
		{name: "costs-monthly", path: "/costs?granularity=monthly&metric=amortized&period=90d"},
		{name: "costs-of-one", path: "/costs?tenant=" + one + "&group=resource-group&sort=name"},
		{name: "costs-custom", path: "/costs?from=2026-11-02&to=2026-11-05&nonsense=1"},
		{name: "costs-before", path: "/costs?from=2024-01-01&to=2024-01-31"},
		{name: "costs-by-charge-type", path: "/costs?group=charge-type&granularity=accumulated"},
		{name: "costs-by-resource", path: "/costs?tenant=" + one + "&group=resource&period=last-month"},
		{name: "costs-filtered", path: "/costs?tenant=" + one + "&service=Storage&service=Bandwidth&vs_from=2026-10-05&vs_to=2026-10-09&from=2026-11-02&to=2026-11-06"},
		{name: "anomalies", path: "/costs/anomalies?period=90d", whole: true},
		{name: "anomalies-open", path: "/costs/anomalies?state=open&tenant=" + one},
		{name: "budgets", path: "/costs/budgets", whole: true},
		{name: "budget-form", path: "/costs/budgets?budget=new&for=" + one},
		{name: "restated", path: "/costs/restated?period=90d"},
		{name: "resources", path: "/resources", whole: true},
		{name: "resources-filtered", path: "/resources?missing=owner&tenant=" + one + "&location=westeurope"},
		{name: "resources-gone", path: "/resources?gone=1"},
		{name: "resource", path: "/resources/detail?id=" + url.QueryEscape(w.browserResource())},
		{name: "waste", path: "/resources/waste", whole: true},
		{name: "waste-over", path: "/resources/waste?over=100&state=open"},
		{name: "tags", path: "/resources/tags", whole: true},
		{name: "changes", path: "/resources/changes?period=30d", whole: true},
		{name: "changes-filtered", path: "/resources/changes?period=30d&kind=created&kind=deleted&actor=app&actor=unknown&tenant=" + one},
		{name: "changes-of-one", path: "/resources/changes?id=" + url.QueryEscape(w.browserResource())},
		{name: "sync", path: "/sync", whole: true},
		{name: "docs", path: "/docs", long: true},
		{name: "states", path: "/dev/states", long: true},
		{name: "states-of-resources", path: "/dev/states/resources", long: true},
		{name: "not-found", path: "/nothing-here", allow: "404"},
		{name: "no-such-tenant", path: "/costs?tenant=nobody", allow: "404"},
	}, w.judgedAddresses(t)...)
}

// TestBrowser looks at the pages as a person's browser does.
func TestBrowser(t *testing.T) {
	b := browserOpen(t, "")
	tags := browserTags(t)
	w := begin(t, simulate(t, late, browserEstate()), "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"), browserConfig, func(c *app.Config, _ *app.Options) { c.TagPolicies = tags })
	w.browserJudged(t)
	w.identities(t)
	whole(t, w.sync(t))
	w.inventory(t)
	w.Clock().Advance(6 * time.Hour) // in which resources change
	w.inventory(t)
	b.base = browserSite(t, w.app)

	t.Run("trouble is seen", func(t *testing.T) { browserSeesTrouble(t, b) })
	t.Run("looks", func(t *testing.T) { w.browserLooks(t, b, w.browserAddresses(t)) })
	t.Run("budget", func(t *testing.T) { w.browserBudget(t, b) })
	t.Run("markup", func(t *testing.T) { w.browserMarkup(t, b) })
	t.Run("chart", func(t *testing.T) { w.browserChart(t, b) })
	t.Run("navigation", func(t *testing.T) { w.browserNavigation(t, b) })
	t.Run("forms", func(t *testing.T) { w.browserForms(t, b) })
	t.Run("inventory", func(t *testing.T) { w.browserInventory(t, b) })
	t.Run("keyboard", func(t *testing.T) { w.browserKeyboard(t, b) })
	t.Run("theme", func(t *testing.T) { w.browserTheme(t, b) })
	t.Run("without scripts", func(t *testing.T) { w.browserPlain(t, b) })
	t.Run("live", func(t *testing.T) { w.browserLive(t, b) })
}

// browserSeesTrouble shows that the checks below can fail.
func browserSeesTrouble(t *testing.T, b *browserTab) {
	b.look(t, "light", 390)
	b.open(t, "/sync")
	b.calm(t, "")
	browserEval[chromedp.Void](t, b, `new Promise((done) => {
		document.querySelector("main").insertAdjacentHTML("beforeend", '<img src="/none.png"><canvas width="900"></canvas><p style="color: red">inline</p>');
		console.error("told");
		setTimeout(() => { setTimeout(done, 300); throw new Error("thrown"); });
	})`)
	b.mu.Lock()
	heard := strings.Join(b.troubles, "\n")
	b.troubles = nil
	b.mu.Unlock()
	for _, want := range []string{"told", "thrown", "404", `"policy" "style-src-attr"`} {
		if !strings.Contains(heard, want) {
			t.Errorf("%q was not heard: %s", want, heard)
		}
	}
	if b.over(t) == "" {
		t.Error("a canvas of 900 pixels fits into 390")
	}
	if found := strings.Join(b.axe(t), "\n"); !strings.Contains(found, "image-alt") {
		t.Errorf("axe-core does not miss the image's text: %s", found)
	}
}

// browserLooks opens addresses in light and dark, wide and narrow.
func (w *world) browserLooks(t *testing.T, b *browserTab, addresses []browserAddress) {
	for _, a := range addresses {
		t.Run(a.name, func(t *testing.T) {
			for _, scheme := range []string{"light", "dark"} {
				for _, width := range []int64{1440, 390} {
					if (testing.Short() || !a.whole) && (scheme == "light") != (width == 1440) {
						continue
					}
					t.Run(fmt.Sprintf("%s-%d", scheme, width), func(t *testing.T) {
						b.look(t, scheme, width)
						b.open(t, a.path)
						b.fits(t)
						b.calm(t, a.allow)
						b.picture(t, fmt.Sprintf("%s-%s-%d", a.name, scheme, width))
						b.accessible(t)
						if width == 390 {
							b.do(t, chromedp.EmulateViewport(320, 900))
							b.fits(t)
						}
						b.calm(t, a.allow)
					})
				}
			}
		})
	}
}

// browserBudget holds the pages to section 10 of the design guide.
func (w *world) browserBudget(t *testing.T, b *browserTab) {
	size := func(body string) int {
		var n browserCounter
		z, err := gzip.NewWriterLevel(&n, gzip.BestCompression)
		if err == nil {
			_, err = z.Write([]byte(body))
		}
		if err == nil {
			err = z.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	asset := func(name string) int {
		m := regexp.MustCompile(`"(/static/` + name + `)"`).FindStringSubmatch(w.get("/").body)
		if m == nil {
			t.Fatalf("no %s on the Overview", name)
		}
		return size(w.get(m[1]).body)
	}
	limit := func(what string, got, most int) {
		t.Logf("%s: %d of %d", what, got, most)
		if got > most {
			t.Errorf("%s: %d, the budget is %d", what, got, most)
		}
	}
	css, js, chart := asset(`app\.[0-9a-f]+\.css`), asset(`app\.[0-9a-f]+\.js`), asset(`chart\.[0-9a-f]+\.js`)
	limit("CSS, bytes of gzip", css, 20<<10)
	limit("JavaScript without chart, bytes of gzip", js, 25<<10)
	limit("JavaScript with chart, bytes of gzip", js+chart, 95<<10)
	for _, a := range w.browserAddresses(t) {
		if a.long {
			continue
		}
		limit(a.name+", bytes of gzip", size(w.get(a.path).body), 25<<10)
		b.look(t, "light", 1440)
		b.open(t, a.path)
		limit(a.name+", elements", browserEval[int](t, b, `document.getElementsByTagName("*").length`), 1500)
	}
	for _, path := range []string{"cost-summary-card", "cost-forecast-card", "cost-budgets-card", "cost-movement", "cost-chart", "cost-breakdown", "cost-anomalies", "sync-freshness", "sync-jobs", "resource-table", "resource-types", "resource-changes", "tags-by-tenant", "tags-by-tag", "tags-by-subscription", "tags-by-type", "compliance-gauge", "compliance-score", "compliance-card", "compliance-policies", "compliance-resources", "compliance-drift", "compliance-exemptions", "compliance-secure", "compliance-frameworks"} {
		limit(path+", bytes of gzip", size(w.get("/partials/"+path+"?group=service").body), 12<<10)
	}
	first := browserNew(t, b.ctx, b.base, chromedp.WithNewBrowserContext())
	first.open(t, "/")
	time.Sleep(500 * time.Millisecond) // the live stream opens last
	first.mu.Lock()
	defer first.mu.Unlock()
	limit("requests on a first visit", len(first.requests), 8)
	for _, r := range first.requests {
		t.Log(r)
	}
	b.calm(t, "404")
}

type browserCounter int

func (c *browserCounter) Write(p []byte) (int, error) {
	*c += browserCounter(len(p))
	return len(p), nil
}

// browserMarkup: names that are markup are text, wherever they are shown.
func (w *world) browserMarkup(t *testing.T, b *browserTab) {
	const name = `<script>alert(1)</script> & "Söhne"`
	one := w.Estate()[0]
	if one.Name != name || one.Subscriptions[0].Name != name {
		t.Fatal("the estate has no such names: the test looks at nothing")
	}
	b.look(t, "light", 1440)
	for path, where := range map[string]string{
		"/":                         "table a, .legend li, .opt",
		"/costs":                    "table a",
		"/costs?group=subscription": "table a",
		"/costs?group=resource-group&tenant=" + one.ID: "table th",
		"/costs/budgets": ".filters option",
		"/costs/budgets?budget=new&for=" + one.ID:         "h2, .checks label",
		"/costs?tenant=" + one.ID + "&group=subscription": ".chip, .opt",
		"/resources":                    ".opt, td",
		"/resources/tags":               "table th",
		"/resources/changes?period=30d": "td",
		"/sync":                         "table th",
		"/compliance":                   ".gauge-name, .opt",
		"/compliance/resources":         "td",
		"/compliance/drift":             "table th",
		"/compliance/exemptions":        "td",
		"/compliance/secure-score":      "table th",
	} {
		b.open(t, path)
		if n := browserEval[int](t, b, fmt.Sprintf(`[...document.querySelectorAll(%q)].filter((e) => e.textContent.includes(%q)).length`, where, name)); n == 0 {
			t.Errorf("%s: the name is not shown", path)
		}
		// The only scripts are our module and the data beside the chart.
		if made := browserEval[[]string](t, b, `[...document.scripts].filter((s) => s.type !== "module" && s.type !== "application/json" || s.textContent.includes("<")).map((s) => s.outerHTML)`); len(made) > 0 {
			t.Errorf("%s: a name became an element: %q", path, made)
		}
	}
	b.calm(t, "")
}

// TestBrowserStates looks at the states of real data: nothing registered,
// nothing read, one tenant failing and stale, everything stale.
func TestBrowserStates(t *testing.T) {
	b := browserOpen(t, "")
	sim := simulate(t, late, browserEstate())
	w := &world{Server: sim, database: "sqlite:" + filepath.Join(t.TempDir(), "fresnel.db")}
	w.restart(t, browserConfig, func(c *app.Config, _ *app.Options) { c.Parallel = 1 }) // so that the first sync is seen at work
	b.base = browserSite(t, w.app)
	addresses := func(state string) []browserAddress {
		return []browserAddress{{name: "overview-" + state, path: "/"}, {name: "costs-" + state, path: "/costs"}, {name: "sync-" + state, path: "/sync"}, {name: "resources-" + state, path: "/resources"}, {name: "tags-" + state, path: "/resources/tags"}, {name: "changes-" + state, path: "/resources/changes"}, {name: "compliance-" + state, path: "/compliance"}, {name: "drift-" + state, path: "/compliance/drift"}, {name: "secure-score-" + state, path: "/compliance/secure-score"}, {name: "identity-" + state, path: "/identity"}}
	}
	says := func(t *testing.T, path string, words ...string) {
		t.Helper()
		b.look(t, "light", 1440)
		b.open(t, path)
		text := browserEval[string](t, b, `document.body.innerText`)
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("%s does not say %q: %s", path, word, text)
			}
		}
	}

	w.browserLooks(t, b, addresses("first-run"))
	says(t, "/", "No tenant is registered yet", "Connect a first tenant", "fresnel tenants import")

	early := browserNew(t, b.ctx, b.base, chromedp.WithNewBrowserContext())
	early.open(t, "/")
	browserEval[chromedp.Void](t, early, `window.stays = true; undefined`)
	var list []fresnel.Tenant
	for _, v := range sim.Connection().Tenants {
		list = append(list, fresnel.Tenant{ID: fresnel.TenantID(v.ID), Name: v.Name, ClientID: v.ClientID, SecretRef: v.SecretRef, Active: true})
	}
	if err := w.app.ImportTenants(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	w.browserLooks(t, b, addresses("never-synced"))
	says(t, "/", "No costs read yet", "Not synced yet", "Not read yet")
	for _, path := range []string{"/compliance", "/compliance/exemptions", "/compliance/frameworks"} { // nothing is counted
		says(t, path, "No compliance read yet")
		if subs := browserEval[[]string](t, b, `[...document.querySelectorAll(".panel-head .sub")].map((e) => e.textContent).filter((s) => /^0|· 0/.test(s))`); len(subs) > 0 {
			t.Errorf("%s counts what was not read: %q", path, subs)
		}
	}

	quicken := w.browserSlowSync(t)
	b.until(t, "progress of the first sync", `fetch("/partials/cost-summary-card").then((r) => r.text()).then((s) => s.includes("Loading history") && s.includes('class="figure'))`)
	says(t, "/", "Loading history", "months of cost data read", "Running")
	b.picture(t, "overview-first-sync-light-1440")
	b.accessible(t)
	quicken()
	w.inventory(t)
	w.policies(t)
	w.identities(t)
	says(t, "/", "3 of 3 tenants current")
	says(t, "/resources/tags", "No tags are required yet", "FRESNEL_TAG_POLICIES")
	early.until(t, "the page of the first run becomes the Overview", `document.querySelector("#cost-chart canvas") && window.stays`)
	early.calm(t, "")

	w.Clock().Advance(30 * time.Hour)
	failing := sim.Connection().Tenants[2]
	w.restart(t, browserConfig) // another process, which has no token yet
	if err := sim.SetApp(failing.ClientID, azuresim.AppDisabled); err != nil {
		t.Fatal(err)
	}
	if r := w.sync(t)[failing.ID]; r.Status != fresnel.Failed {
		t.Fatalf("the run of a disabled app is %s", r.Status)
	}
	if r := w.policies(t)[failing.ID]; r.Status != fresnel.Failed {
		t.Fatalf("the run of compliance of a disabled app is %s", r.Status)
	}
	w.identities(t)
	w.browserLooks(t, b, addresses("one-failing"))
	says(t, "/compliance", failing.Name, "See fix", "30 h old")
	says(t, "/", "1 failing", failing.Name+" 30 h old")
	says(t, "/sync", "Failed", "Retry")

	w.Clock().Advance(40 * time.Hour)
	w.restart(t, browserConfig) // a cache of its own: answers are kept for some real seconds
	b.base = browserSite(t, w.app)
	w.browserLooks(t, b, addresses("stale"))
	says(t, "/", "Stale", "as of 21 Nov")
	says(t, "/compliance", "Stale", "as of 21 Nov", "40 h old", "last read 20 Nov")
}
