package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"fresnel/internal/azuresim"
)

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
	for path, want := range map[string]string{
		"/compliance": "Non-compliant", "/compliance/policies/" + w.browserPolicy(t): "What to do", "/compliance/resources": "Newest first", "/compliance/drift": "New failures",
		"/compliance/exemptions": "Expires", "/compliance/secure-score": "To win", "/compliance/frameworks": "Passed of those assessed",
	} {
		visit(path)
		if text := browserEval[string](t, plain, `document.querySelector("main").innerText`); strings.Contains(text, "Loading") || !strings.Contains(text, want) {
			t.Errorf("%s lacks something without scripts: %.400s", path, text)
		}
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
