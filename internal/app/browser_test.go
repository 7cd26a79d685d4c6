package app_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	browserpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// browserTab is a tab of Chromium that notes what goes wrong in it.
type browserTab struct {
	ctx  context.Context
	base string // of the site: "http://127.0.0.1:1234"

	mu       sync.Mutex
	troubles []string // console errors, exceptions, violations of the policy, dialogs
	requests []string // paths asked for
}

// browserOpen starts the Chromium that FRESNEL_TEST_CHROMIUM names.
func browserOpen(t *testing.T, base string) *browserTab {
	t.Helper()
	path := os.Getenv("FRESNEL_TEST_CHROMIUM")
	if path == "" || os.Getenv("FRESNEL_TEST_AXE") == "" {
		if os.Getenv("FRESNEL_TEST_REQUIRE") != "" {
			t.Fatal("no browser: FRESNEL_TEST_CHROMIUM or FRESNEL_TEST_AXE is not set")
		}
		t.Skip("no browser: run scripts/test, which brings Chromium and axe-core")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path)) // each browser has a fresh folder of its own
	for _, flag := range []string{"disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with it
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	return browserNew(t, ctx, base)
}

// browserNew opens a tab with cookies and a cache of its own.
func browserNew(t *testing.T, parent context.Context, base string, options ...chromedp.ContextOption) *browserTab {
	t.Helper()
	b := &browserTab{base: base}
	ctx, stop := chromedp.NewContext(parent, append(options, chromedp.WithListener(b.hear))...)
	t.Cleanup(stop)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	_, err := chromedp.Call(ctx, browserpage.AddScriptToEvaluateOnNewDocument, browserpage.AddScriptToEvaluateOnNewDocumentParams{
		Source: `document.addEventListener("securitypolicyviolation", (e) => console.error("policy", e.violatedDirective, e.blockedURI, e.sample))`,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browserTab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "assert" {
			text := "console: "
			for _, a := range e.Args {
				text += string(a.Value) + a.Description + " "
			}
			b.troubles = append(b.troubles, text)
		}
	case *runtime.EventExceptionThrown:
		text := "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.troubles = append(b.troubles, text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.troubles = append(b.troubles, fmt.Sprintf("log: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *browserpage.EventJavascriptDialogOpening:
		b.troubles = append(b.troubles, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		if path, ok := strings.CutPrefix(e.Request.URL, b.base); ok {
			b.requests = append(b.requests, path)
		} else if !strings.HasPrefix(e.Request.URL, "data:") {
			b.troubles = append(b.troubles, "foreign request: "+e.Request.URL)
		}
	}
}

// calm fails the test for what went wrong since it was last asked. allow is a
// part of the one message that is expected, if any.
func (b *browserTab) calm(t *testing.T, allow string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range b.troubles {
		if allow == "" || !strings.Contains(x, allow) {
			t.Error(x)
		}
	}
	b.troubles = nil
}

// browserPatience is how long the slowest of our machines may take for a step.
const browserPatience = 30 * time.Second

func (b *browserTab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, browserPatience)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// browserEval gives what an expression is, promises awaited.
func browserEval[T any](t *testing.T, b *browserTab, js string) T {
	t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 2*browserPatience)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.120s: %v", js, err)
	}
	return v
}

// until waits for a condition of the page.
func (b *browserTab) until(t *testing.T, what, js string) {
	t.Helper()
	for end := time.Now().Add(browserPatience); ; {
		if browserEval[bool](t, b, "Promise.resolve("+js+").then(Boolean)") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s: %s", what, browserPatience, browserEval[string](t, b, `location.href + " " + document.querySelector("main")?.innerText.slice(0, 1500)`))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// open loads an address anew and waits until its charts are drawn.
func (b *browserTab) open(t *testing.T, path string) {
	t.Helper()
	b.do(t, chromedp.Navigate(b.base+path))
	b.ready(t)
}

func (b *browserTab) ready(t *testing.T) {
	t.Helper()
	b.until(t, "page loaded", `document.readyState === "complete" && document.fonts.status === "loaded"`)
	b.until(t, "charts drawn", `[...document.querySelectorAll("canvas[data-chart]")].every((c) => {
		if (!c.checkVisibility()) return true; // scripting is off
		if (!c.width) return false;
		const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		for (let i = 3; i < d.length; i += 4) if (d[i]) return true;
		return false;
	})`)
}

func (b *browserTab) look(t *testing.T, scheme string, width int64) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.do(t, chromedp.EmulateViewport(width, 900))
}

// picture writes a screenshot when FRESNEL_TEST_PICTURES names a folder.
func (b *browserTab) picture(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("FRESNEL_TEST_PICTURES")
	if dir == "" {
		return
	}
	// The window is made as high as the page first: a chart that is resized while the picture is taken is blank.
	size := browserEval[[]int64](t, b, `[innerWidth, innerHeight, Math.min(document.documentElement.scrollHeight, 16000)]`)
	b.do(t, chromedp.EmulateViewport(size[0], size[2]))
	b.ready(t)
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	b.do(t, chromedp.EmulateViewport(size[0], size[1]))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// accessible fails for what axe-core finds on the page.
func (b *browserTab) accessible(t *testing.T) {
	t.Helper()
	for _, v := range b.axe(t) {
		t.Error("axe-core:", v)
	}
}

func (b *browserTab) axe(t *testing.T) []string {
	t.Helper()
	axe, err := os.ReadFile(os.Getenv("FRESNEL_TEST_AXE"))
	if err != nil {
		t.Fatal(err)
	}
	browserEval[chromedp.Void](t, b, string(axe)+"\n;undefined")
	return browserEval[[]string](t, b, `axe.run(document, {resultTypes: ["violations"], runOnly: {type: "tag",
			values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}})
		.then((r) => r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + n.failureSummary).join(" | ")))`)
}

// fits fails if the page can be scrolled sideways.
func (b *browserTab) fits(t *testing.T) {
	t.Helper()
	if over := b.over(t); over != "" {
		t.Error("scrolls sideways:", over)
	}
}

func (b *browserTab) over(t *testing.T) string {
	t.Helper()
	return browserEval[string](t, b, `(() => {
		const room = innerWidth, wide = document.documentElement.scrollWidth;
		if (wide <= room) return "";
		const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > room + 1 && !e.closest(".scroll, .sr-only"));
		return wide + " px in " + room + ": " + out.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(" ... ");
	})()`)
}

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

// browserAddress is one address that is looked at.
type browserAddress struct {
	name, path string
	allow      string // the trouble that is expected
	whole      bool   // it is looked at in both schemes at both widths; the others in each scheme and at each width once
	long       bool   // a gallery or a reference: its length is no fault
}

func (w *world) browserAddresses() []browserAddress {
	one := w.Estate()[0].ID
	return []browserAddress{
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
		{name: "sync", path: "/sync", whole: true},
		{name: "docs", path: "/docs", long: true},
		{name: "states", path: "/dev/states", long: true},
		{name: "not-found", path: "/nothing-here", allow: "404"},
		{name: "no-such-tenant", path: "/costs?tenant=nobody", allow: "404"},
	}
}

// TestBrowser looks at the pages as a person's browser does.
func TestBrowser(t *testing.T) {
	b := browserOpen(t, "")
	w := begin(t, simulate(t, late, browserEstate()), "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"), browserConfig)
	whole(t, w.sync(t))
	b.base = browserSite(t, w.app)

	t.Run("trouble is seen", func(t *testing.T) { browserSeesTrouble(t, b) })
	t.Run("looks", func(t *testing.T) { w.browserLooks(t, b, w.browserAddresses()) })
	t.Run("budget", func(t *testing.T) { w.browserBudget(t, b) })
	t.Run("markup", func(t *testing.T) { w.browserMarkup(t, b) })
	t.Run("chart", func(t *testing.T) { w.browserChart(t, b) })
	t.Run("navigation", func(t *testing.T) { w.browserNavigation(t, b) })
	t.Run("forms", func(t *testing.T) { w.browserForms(t, b) })
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
	for _, a := range w.browserAddresses() {
		if a.long {
			continue
		}
		limit(a.name+", bytes of gzip", size(w.get(a.path).body), 25<<10)
		b.look(t, "light", 1440)
		b.open(t, a.path)
		limit(a.name+", elements", browserEval[int](t, b, `document.getElementsByTagName("*").length`), 1500)
	}
	for _, path := range []string{"cost-summary-card", "cost-forecast-card", "cost-budgets-card", "cost-movement", "cost-chart", "cost-breakdown", "cost-anomalies", "sync-freshness", "sync-jobs"} {
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
		"/sync": "table th",
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

// browserChartData is what the page's script draws, and the table beside it.
type browserChartData struct {
	JSON struct {
		Days        []string     `json:"days"`
		Provisional []bool       `json:"provisional"`
		Totals      []*float64   `json:"totals"`
		Previous    *browserLine `json:"previous"`
		Forecast    *browserLine `json:"forecast"`
		Series      []browserLine
	}
	Head   []string
	Rows   [][]string
	Absent []string // colours of series that are nowhere on the canvas
}

type browserLine struct {
	Name   string     `json:"name"`
	Slot   int        `json:"slot"`
	Values []*float64 `json:"values"`
}

const browserReadChart = `(() => {
	const canvas = document.querySelector("canvas[data-chart]");
	const json = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
	const table = canvas.closest(".panel").querySelector("details.more table");
	const words = (e) => e.firstChild.textContent.trim();
	const d = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data, seen = new Set();
	for (let i = 0; i < d.length; i += 4) seen.add("#" + ((1 << 24) + (d[i] << 16) + (d[i + 1] << 8) + d[i + 2]).toString(16).slice(1));
	const sum = (list) => list.reduce((a, v) => a + (v ?? 0), 0), all = sum(json.totals);
	const token = (slot) => getComputedStyle(document.documentElement).getPropertyValue("--s" + slot).trim();
	return {
		json, head: [...table.tHead.rows[0].cells].map(words), rows: [...table.tBodies[0].rows].map((r) => [...r.cells].map(words)),
		absent: json.series.filter((s) => sum(s.values) > all / 20 && !seen.has(token(s.slot))).map((s) => s.name),
	};
})()`

// browserChart: the chart is drawn in the colours of its series, and the table
// beside it has the same figures.
func (w *world) browserChart(t *testing.T, b *browserTab) {
	for _, scheme := range []string{"light", "dark"} {
		for _, path := range []string{"/", "/?group=service", "/costs?group=subscription&period=30d", "/costs?granularity=monthly&period=90d", "/costs?granularity=accumulated", "/costs?tenant=" + w.Estate()[1].ID} {
			b.look(t, scheme, 1440)
			b.open(t, path)
			var c browserChartData
			if err := json.Unmarshal(browserEval[[]byte](t, b, browserReadChart), &c); err != nil {
				t.Fatal(err)
			}
			if len(c.Absent) > 0 || len(c.JSON.Series) == 0 {
				t.Errorf("%s %s: %d series, not drawn: %v", scheme, path, len(c.JSON.Series), c.Absent)
			}
			c.compare(t, path)
		}
	}
	b.calm(t, "")
}

func (c browserChartData) compare(t *testing.T, path string) {
	t.Helper()
	columns := []browserLine{{Name: "Total", Values: c.JSON.Totals}}
	if c.JSON.Previous != nil {
		columns = append(columns, *c.JSON.Previous)
	}
	if c.JSON.Forecast != nil {
		columns = append(columns, *c.JSON.Forecast)
	}
	columns = append(columns, c.JSON.Series...)
	var names []string
	for _, l := range columns {
		names = append(names, l.Name)
	}
	if !slices.Equal(c.Head[1:], names) || len(c.Rows) != len(c.JSON.Days) {
		t.Fatalf("%s: the table has %v and %d rows, the chart %v and %d steps", path, c.Head, len(c.Rows), names, len(c.JSON.Days))
	}
	known := 0
	for i, row := range c.Rows {
		if row[0] != c.JSON.Days[i] {
			t.Errorf("%s: row %d is %s, the chart's is %s", path, i, row[0], c.JSON.Days[i])
		}
		sum := 0.0
		for j, l := range columns {
			v, cell := l.Values[i], row[j+1]
			if v == nil {
				if cell != "—" {
					t.Errorf("%s: %s of %s is %q, the chart knows none", path, l.Name, row[0], cell)
				}
				continue
			}
			known++
			if cents := browserCents(cell); math.Abs(cents-*v*100) > 0.501 {
				t.Errorf("%s: %s of %s is %q, the chart draws %f", path, l.Name, row[0], cell, *v)
			}
			if j >= len(columns)-len(c.JSON.Series) {
				sum += *v
			}
		}
		if total := c.JSON.Totals[i]; total != nil && math.Abs(sum-*total) > 0.0001 {
			t.Errorf("%s: the series of %s add up to %f, the total is %f", path, row[0], sum, *total)
		}
	}
	if known == 0 {
		t.Errorf("%s: no figure at all", path)
	}
}

// browserCents reads an amount as the table prints it.
func browserCents(s string) float64 {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return math.NaN()
	}
	if strings.Contains(s, "−") {
		return -n
	}
	return n
}

// at waits until the page is at an address and shows a heading.
func (b *browserTab) at(t *testing.T, query url.Values, heading string) {
	t.Helper()
	b.until(t, fmt.Sprintf("%v with %q", query, heading), fmt.Sprintf(
		`(() => { const q = new URLSearchParams(location.search); q.sort(); return q.toString() === %q && [...document.querySelectorAll("h1, h2")].some((h) => h.textContent.trim() === %q) && !document.querySelector("[aria-busy=true]"); })()`,
		query.Encode(), heading))
	if !browserEval[bool](t, b, `window.stays === true`) {
		t.Errorf("%v: the page was loaded anew", query)
	}
	b.ready(t)
}

// press clicks the element with exactly this text.
func (b *browserTab) press(t *testing.T, where, text string) {
	t.Helper()
	at := browserEval[[]float64](t, b, fmt.Sprintf(`(() => {
		const e = [...document.querySelectorAll(%q)].find((e) => e.textContent.trim() === %q && e.checkVisibility());
		if (!e) return [];
		e.scrollIntoView({block: "center"});
		const r = e.getBoundingClientRect();
		return [r.left + r.width / 2, r.top + r.height / 2];
	})()`, where, text))
	if len(at) == 0 {
		t.Fatalf("no %q in %s", text, where)
	}
	b.do(t, chromedp.MouseClickXY(at[0], at[1]))
}

// browserView is what makes two views of Costs the same.
const browserView = `[...document.querySelectorAll(".stat .figure-s, tfoot td, .top b, .seg [aria-current]")].map((e) => e.textContent.trim()).join(" | ")`

// browserNavigation: choices change the address and the content without
// loading the page anew, and Back, Forward and reload restore them.
func (w *world) browserNavigation(t *testing.T, b *browserTab) {
	one := w.Estate()[1]
	b.look(t, "light", 1440)
	b.open(t, "/costs")
	browserEval[chromedp.Void](t, b, `window.stays = true; undefined`)
	b.press(t, ".seg a", "Service")
	b.at(t, url.Values{"group": {"service"}}, "Cost by service")
	b.press(t, ".seg a", "Amortized")
	b.at(t, url.Values{"group": {"service"}, "metric": {"amortized"}}, "Cost by service")

	b.press(t, "#menu-tenants summary", browserEval[string](t, b, `document.querySelector("#menu-tenants summary").textContent.trim()`))
	b.press(t, "#menu-tenants label", one.Name)
	b.press(t, "#menu-tenants button", "Apply")
	b.at(t, url.Values{"group": {"service"}, "metric": {"amortized"}, "tenant": {one.ID}}, "Cost by service")
	if title := browserEval[string](t, b, `document.title`); title != "Costs · "+one.Name+" · Fresnel" {
		t.Errorf("the window is called %q", title)
	}

	b.press(t, "#menu-period summary", browserEval[string](t, b, `document.querySelector("#menu-period summary").textContent.trim()`))
	browserEval[chromedp.Void](t, b, `document.querySelector("[name=from]").value = "2026-11-03"; document.querySelector("[name=to]").value = "2026-11-04"; undefined`)
	b.press(t, "#menu-period button", "Show these days")
	whole := url.Values{"group": {"service"}, "metric": {"amortized"}, "tenant": {one.ID}, "from": {"2026-11-03"}, "to": {"2026-11-04"}}
	b.at(t, whole, "Cost by service")
	shown := browserEval[string](t, b, browserView)
	if n := browserEval[int](t, b, `document.querySelectorAll("details.more tbody tr").length`); n != 2 {
		t.Errorf("two days were asked for, the chart has %d", n)
	}

	b.do(t, chromedp.Evaluate[chromedp.Void](`history.back(); undefined`))
	b.at(t, url.Values{"group": {"service"}, "metric": {"amortized"}, "tenant": {one.ID}}, "Cost by service")
	b.until(t, "Back shows other figures", fmt.Sprintf(`%s !== %q`, browserView, shown))
	b.do(t, chromedp.Evaluate[chromedp.Void](`history.go(-3); undefined`))
	b.at(t, url.Values{}, "Cost by tenant")
	b.do(t, chromedp.Evaluate[chromedp.Void](`history.go(4); undefined`))
	b.at(t, whole, "Cost by service")
	b.until(t, "Forward shows the figures again", fmt.Sprintf(`%s === %q`, browserView, shown))
	b.do(t, chromedp.Reload())
	b.ready(t)
	if got := browserEval[string](t, b, browserView); got != shown || browserEval[bool](t, b, `window.stays === true`) {
		t.Errorf("a reload shows\n%s\nnot\n%s", got, shown)
	}
	copied := browserNew(t, b.ctx, b.base, chromedp.WithNewBrowserContext())
	copied.look(t, "light", 1440)
	copied.open(t, browserEval[string](t, b, `location.pathname + location.search`))
	if got := browserEval[string](t, copied, `document.querySelector("tfoot").innerText`); got != browserEval[string](t, b, `document.querySelector("tfoot").innerText`) {
		t.Errorf("a copied link shows %s", got)
	}

	// A row narrows the page; navigation carries tenant and period along.
	browserEval[chromedp.Void](t, b, `window.stays = true; undefined`)
	b.press(t, ".nav a", "Overview")
	b.at(t, url.Values{"tenant": {one.ID}, "from": {"2026-11-03"}, "to": {"2026-11-04"}}, "Overview")
	b.press(t, "#menu-tenants summary", one.Name)
	b.press(t, "#menu-tenants a", "All tenants")
	b.at(t, url.Values{"from": {"2026-11-03"}, "to": {"2026-11-04"}}, "Overview")
	b.press(t, "#cost-breakdown td a, #cost-breakdown th a", one.Name)
	b.at(t, url.Values{"tenant": {one.ID}, "from": {"2026-11-03"}, "to": {"2026-11-04"}, "group": {"service"}}, "Cost by service")
	b.calm(t, "")
}

// browserForms: people say what anomalies are, set budgets and take filters away, without the page being loaded anew.
func (w *world) browserForms(t *testing.T, b *browserTab) {
	stay := func() { browserEval[chromedp.Void](t, b, `window.stays = true; undefined`) }
	one := w.Estate()[1]
	b.look(t, "light", 1440)

	b.open(t, "/costs?tenant="+one.ID+"&service=Storage&service=Bandwidth")
	stay()
	b.press(t, ".chip", "Remove the filter Service: Storage")
	b.at(t, url.Values{"tenant": {one.ID}, "service": {"Bandwidth"}}, "Cost by tenant")

	b.open(t, "/costs/budgets")
	stay()
	browserEval[chromedp.Void](t, b, fmt.Sprintf(`document.querySelector("[name=for]").value = %q; undefined`, one.ID))
	b.press(t, ".filters button", "Continue")
	b.at(t, url.Values{"budget": {"new"}, "for": {one.ID}}, "New budget for "+one.Name)
	fill := func(name, amount string) {
		browserEval[chromedp.Void](t, b, fmt.Sprintf(`document.querySelector("[name=name]").value = %q; document.querySelector("[name=amount]").value = %q;
			document.querySelector("[name=currency]").value = "USD"; undefined`, name, amount))
		b.press(t, "#budget-form button", "Keep the budget")
	}
	fill("All of it", "12,5 million")
	b.until(t, "why it was refused", `document.querySelector("#budget-problem")?.textContent.includes("not a number") && document.querySelector("[name=name]").value === "All of it"`)
	b.accessible(t)
	b.calm(t, "422")
	fill("All of it", "1000000")
	b.until(t, "the budget", `!document.querySelector("#budget-form") && [...document.querySelectorAll("#budgets tbody th a")].some((a) => a.textContent === "All of it")`)
	b.picture(t, "budgets-one-light-1440")
	b.accessible(t)
	b.open(t, "/")
	if text := browserEval[string](t, b, `document.querySelector("#cost-budgets-card").innerText`); !strings.Contains(text, "All of it") {
		t.Errorf("the Overview does not know the budget: %s", text)
	}
	b.calm(t, "")

	b.open(t, "/costs/anomalies?period=90d")
	if browserEval[int](t, b, `document.querySelectorAll("#anomalies .under").length`) == 0 {
		t.Fatal("the estate has no anomaly: the test looks at nothing")
	}
	stay()
	open := browserEval[string](t, b, `document.querySelector("#anomalies .sub").textContent`)
	b.press(t, "#anomalies .under summary", browserEval[string](t, b, `document.querySelector("#anomalies .under summary").textContent.trim()`))
	browserEval[chromedp.Void](t, b, `document.querySelector("#anomalies textarea").value = "looking into it"; undefined`)
	b.press(t, "#anomalies button", "Expected")
	b.until(t, "why it was refused", `document.querySelector("#anomalies [role=alert]") && document.querySelector("#anomalies textarea").value === "looking into it"`)
	b.accessible(t)
	b.calm(t, "422")
	b.press(t, "#anomalies button", "Acknowledge")
	b.until(t, "it is seen", fmt.Sprintf(`document.querySelector("#anomalies .sub").textContent !== %q && [...document.querySelectorAll("#anomalies .pill")].some((p) => p.textContent.trim() === "Seen")`, open))
	if !browserEval[bool](t, b, `window.stays === true`) {
		t.Error("the page was loaded anew")
	}
	b.calm(t, "")
}

// browserKeyboard: what is done without a mouse.
func (w *world) browserKeyboard(t *testing.T, b *browserTab) {
	b.look(t, "light", 1440)
	b.open(t, "/costs")
	focused := func() string {
		return browserEval[string](t, b, `(() => { const e = document.activeElement; if (e === document.body) return ""; const s = getComputedStyle(e); return e.textContent.trim().slice(0, 40) + "|" + (s.outlineStyle !== "none" && e.getBoundingClientRect().top >= 0); })()`)
	}
	b.do(t, chromedp.KeyEvent("\t"))
	if got := focused(); got != "Skip to content|true" {
		t.Errorf("Tab comes to %q first", got)
	}
	b.do(t, chromedp.KeyEvent("\r"))
	b.until(t, "skip link", `document.activeElement.id === "main"`)
	browserEval[chromedp.Void](t, b, `document.querySelector("#menu-vs summary").focus(); undefined`)
	b.do(t, chromedp.KeyEvent("\r"))
	b.until(t, "menu open", `document.querySelector("#menu-vs").open`)
	b.do(t, chromedp.KeyEvent("\u001b"))
	b.until(t, "Escape closes a menu and gives the focus back", `!document.querySelector("#menu-vs").open && document.activeElement.closest("#menu-vs")`)
	for i := range 60 { // every stop shows its focus and is not hidden
		b.do(t, chromedp.KeyEvent("\t"))
		if got := focused(); got != "" && !strings.HasSuffix(got, "|true") {
			t.Errorf("stop %d shows no focus: %q", i, got)
		}
	}
	b.calm(t, "")
}

// browserTheme: the button changes the theme at once and for the next page.
func (w *world) browserTheme(t *testing.T, b *browserTab) {
	b.look(t, "light", 1440)
	b.open(t, "/")
	ground := func() string {
		return browserEval[string](t, b, `getComputedStyle(document.documentElement).backgroundColor`)
	}
	light := ground()
	for range 2 { // system, light, dark
		browserEval[chromedp.Void](t, b, `document.querySelector("[data-theme-switch]").click(); undefined`)
	}
	dark := ground()
	if dark == light {
		t.Error("the button changed nothing")
	}
	b.ready(t)
	var c browserChartData
	if err := json.Unmarshal(browserEval[[]byte](t, b, browserReadChart), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Absent) > 0 {
		t.Errorf("the chart keeps the colours of the other theme: no %v", c.Absent)
	}
	b.open(t, "/sync")
	if ground() != dark {
		t.Error("the next page forgot the theme")
	}
	browserEval[chromedp.Void](t, b, `document.cookie = "theme=; Path=/; Max-Age=0"; undefined`)
	b.calm(t, "")
}

// browserPlain: with scripting off the pages are whole and links, forms and
// tables work.
func (w *world) browserPlain(t *testing.T, b *browserTab) {
	plain := browserNew(t, b.ctx, b.base, chromedp.WithNewBrowserContext())
	if _, err := chromedp.Call(plain.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	plain.look(t, "light", 1440)
	visit := func(path string) { plain.do(t, chromedp.Navigate(b.base+path)) }
	visit("/costs")
	plain.press(t, ".seg a", "Service")
	plain.until(t, "a link works", `location.search === "?group=service" && document.readyState === "complete"`)
	plain.until(t, "the table stands in for the chart", `document.querySelector("details.more td").checkVisibility({contentVisibilityAuto: true}) && !document.querySelector("canvas").checkVisibility()`)
	plain.press(t, "#menu-tenants summary", browserEval[string](t, plain, `document.querySelector("#menu-tenants summary").textContent.trim()`))
	plain.press(t, "#menu-tenants label", w.Estate()[1].Name)
	plain.press(t, "#menu-tenants button", "Apply")
	plain.until(t, "a form works", fmt.Sprintf(`new URLSearchParams(location.search).get("tenant") === %q && document.readyState === "complete"`, w.Estate()[1].ID))
	plain.picture(t, "costs-without-scripts")
	visit("/")
	if text := browserEval[string](t, plain, `document.querySelector("main").innerText`); strings.Contains(text, "Loading") || !strings.Contains(text, "Cost by tenant") {
		t.Errorf("the Overview lacks something without scripts: %.400s", text)
	}
	plain.calm(t, "")
}

// browserFigures are the total of the Overview and the rows that it is made of.
const browserFigures = `[...document.querySelectorAll(".figure, #cost-breakdown .strong")].map((e) => e.textContent.trim()).join(" ")`

// browserLive: pages follow a sync without being loaded anew.
func (w *world) browserLive(t *testing.T, b *browserTab) {
	b.look(t, "light", 1440)
	b.open(t, "/")
	b.until(t, "connected", `document.querySelector("[data-connection]").dataset.state === "on"`)
	browserEval[chromedp.Void](t, b, `window.stays = true; document.querySelector("details.more").open = true; document.querySelector("#cost-breakdown tbody a").focus(); undefined`)
	before := browserEval[string](t, b, browserFigures)
	w.Clock().Advance(13 * time.Hour)
	whole(t, w.sync(t))
	fresh := browserNew(t, b.ctx, b.base, chromedp.WithNewBrowserContext())
	fresh.open(t, "/")
	now := browserEval[string](t, fresh, browserFigures)
	if now == before {
		t.Fatal("13 hours later the figures are the same: the test looks at nothing")
	}
	b.until(t, "the new figures", fmt.Sprintf(`%s === %q && !document.querySelector("[aria-busy=true]")`, browserFigures, now))
	b.ready(t)
	if !browserEval[bool](t, b, `window.stays && document.querySelector("details.more").open && document.activeElement.closest("#cost-breakdown") !== null`) {
		t.Error("the refresh lost the page, the open table or the focus")
	}
	b.calm(t, "")

	// Progress on Sync status, while a run is under way.
	b.open(t, "/sync")
	b.until(t, "connected", `document.querySelector("[data-connection]").dataset.state === "on"`)
	browserEval[chromedp.Void](t, b, `window.stays = true; undefined`)
	quicken := w.browserSlowSync(t)
	b.until(t, "a running row", `document.querySelector("[data-run][data-state=running] progress")`)
	b.until(t, "progress", `[...document.querySelectorAll("[data-run][data-state=running] progress")].some((p) => p.value > 0 && p.closest(".meter").querySelector("[data-words]").textContent.includes(" of "))`)
	b.picture(t, "sync-running-light-1440")
	b.accessible(t)
	quicken()
	b.until(t, "the run's end", `!document.querySelector("[data-run][data-state=running], [data-run][data-state=queued]") && document.querySelector("[data-run][data-state=done]")`)
	if !browserEval[bool](t, b, `window.stays`) {
		t.Error("the page was loaded anew")
	}
	b.calm(t, "")
}

// browserSlowSync starts a sync that goes on until quicken, which waits for its end.
func (w *world) browserSlowSync(t *testing.T) (quicken func()) {
	t.Helper()
	if err := w.SetFaults([]azuresim.Fault{{API: "cost", Kind: "hang", HangSeconds: 1.5}}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := w.app.SyncNow(context.WithoutCancel(t.Context()), []string{"costs"}, nil)
		done <- err
	}()
	end := sync.OnceValue(func() error { return errors.Join(w.SetFaults(nil), <-done) })
	t.Cleanup(func() { _ = end() }) // before the program is closed, whatever happens
	return func() {
		t.Helper()
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
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
		return []browserAddress{{name: "overview-" + state, path: "/"}, {name: "costs-" + state, path: "/costs"}, {name: "sync-" + state, path: "/sync"}}
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

	quicken := w.browserSlowSync(t)
	b.until(t, "progress of the first sync", `fetch("/partials/cost-summary-card").then((r) => r.text()).then((s) => s.includes("Loading history") && s.includes('class="figure'))`)
	says(t, "/", "Loading history", "months of cost data read", "Running")
	b.picture(t, "overview-first-sync-light-1440")
	b.accessible(t)
	quicken()
	says(t, "/", "3 of 3 tenants current")
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
	w.browserLooks(t, b, addresses("one-failing"))
	says(t, "/", "1 failing", failing.Name+" 30 h old")
	says(t, "/sync", "Failed", "Retry")

	w.Clock().Advance(40 * time.Hour)
	w.restart(t, browserConfig) // a cache of its own: answers are kept for some real seconds
	b.base = browserSite(t, w.app)
	w.browserLooks(t, b, addresses("stale"))
	says(t, "/", "Stale", "as of 21 Nov")
}
