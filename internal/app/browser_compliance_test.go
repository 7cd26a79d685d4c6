package app_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// browserPolicy is the number of the policy that most resources fail.
func (w *world) browserPolicy(t *testing.T) string {
	t.Helper()
	rows := read[[]judgedRow](t, w, "/api/v1/compliance/policies?limit=1").Data
	if len(rows) == 0 {
		t.Fatal("no policy: the test looks at nothing")
	}
	return fmt.Sprint(rows[0].PolicyID)
}

// browserFramework is the address of the framework with the most controls.
func (w *world) browserFramework(t *testing.T) string {
	t.Helper()
	type framework struct {
		Source  string `json:"source"`
		ID      string `json:"id"`
		Passed  int    `json:"passed"`
		Failed  int    `json:"failed"`
		Skipped int    `json:"skipped"`
		None    int    `json:"not_assessed"`
	}
	rows := read[[]framework](t, w, "/api/v1/compliance/frameworks").Data
	if len(rows) == 0 {
		t.Fatal("no framework: the test looks at nothing")
	}
	f := slices.MaxFunc(rows, func(a, b framework) int {
		return a.Passed + a.Failed + a.Skipped + a.None - (b.Passed + b.Failed + b.Skipped + b.None)
	})
	return "/compliance/frameworks/detail?" + url.Values{"source": {f.Source}, "id": {f.ID}}.Encode()
}

// judgedAddresses are the pages of compliance.
func (w *world) judgedAddresses(t *testing.T) []browserAddress {
	t.Helper()
	one, policy := w.Estate()[0].ID, w.browserPolicy(t)
	return []browserAddress{
		{name: "compliance", path: "/compliance", whole: true},
		{name: "compliance-of-one", path: "/compliance?tenant=" + one},
		{name: "compliance-filtered", path: "/compliance?category=Storage&category=Tags&effect=audit&failing=1&q=s&sort=score"},
		{name: "policy", path: "/compliance/policies/" + policy, whole: true},
		{name: "non-compliant", path: "/compliance/resources", whole: true},
		{name: "non-compliant-filtered", path: "/compliance/resources?policy=" + policy + "&sort=name&tenant=" + one},
		{name: "drift", path: "/compliance/drift", whole: true},
		{name: "drift-days", path: "/compliance/drift?from=2026-11-14&to=2026-11-18&tenant=" + one},
		{name: "drift-before", path: "/compliance/drift?from=2024-01-01&to=2024-01-31"},
		{name: "exemptions", path: "/compliance/exemptions", whole: true},
		{name: "exemptions-expired", path: "/compliance/exemptions?standing=expired"},
		{name: "secure-score", path: "/compliance/secure-score", whole: true},
		{name: "frameworks", path: "/compliance/frameworks", whole: true},
		{name: "framework", path: w.browserFramework(t)},
		{name: "framework-failed", path: w.browserFramework(t) + "&control=failed"},
		{name: "states-of-compliance", path: "/dev/states/compliance", long: true},
		{name: "no-such-policy", path: "/compliance/policies/999999", allow: "404"},
		{name: "no-such-baseline", path: "/compliance/drift?baseline=nobody", allow: "404"},
	}
}

// browserJudged reads compliance on some days before the clock's, and on its day. Days between are not read.
func (w *world) browserJudged(t *testing.T) {
	t.Helper()
	now := w.Clock().Now()
	for _, before := range []int{24, 23, 9, 7, 6, 2, 0} {
		w.Clock().Freeze(now.AddDate(0, 0, -before))
		w.policies(t)
	}
}

// TestBrowserCompliance uses the pages of compliance as people do.
func TestBrowserCompliance(t *testing.T) {
	long(t)
	b := browserOpen(t, "")
	w := begin(t, simulate(t, late, browserEstate()), "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"), browserConfig)
	for _, day := range []int{0, 1, 5} {
		w.Clock().Freeze(late.AddDate(0, 0, day))
		w.policies(t, "resources")
	}
	b.base = browserSite(t, w.app)
	b.look(t, "light", 1440)
	t.Run("policies", func(t *testing.T) { w.browserPolicies(t, b) })
	t.Run("one policy", func(t *testing.T) { w.browserOnePolicy(t, b) })
	t.Run("resources", func(t *testing.T) { w.browserFailing(t, b) })
	t.Run("drift", func(t *testing.T) { w.browserDrift(t, b) })
	t.Run("lists", func(t *testing.T) { w.browserJudgedLists(t, b) })
	t.Run("gauge", func(t *testing.T) { w.browserGauge(t, b) })
	t.Run("trend", func(t *testing.T) { browserTrend(t, b) })
}

// stays marks the page, so that at notices when it is loaded anew.
func (b *browserTab) stays(t *testing.T) {
	t.Helper()
	browserEval[chromedp.Void](t, b, `window.stays = true; undefined`)
}

// column gives the texts of a column of a region's table.
func (b *browserTab) column(t *testing.T, region string, n int) []string {
	t.Helper()
	return browserEval[[]string](t, b, fmt.Sprintf(`[...document.querySelectorAll("#%s tbody tr")].map((r) => r.cells[%d].firstElementChild?.firstChild?.textContent.trim() ?? r.cells[%d].textContent.trim())`, region, n, n))
}

// policyLinks are the addresses of the policies on the page: names may be the same in several tenants.
func (b *browserTab) policyLinks(t *testing.T) []string {
	t.Helper()
	return browserEval[[]string](t, b, `[...document.querySelectorAll("#compliance-policies tbody th a")].map((a) => a.getAttribute("href"))`)
}

// samePolicyTable compares the table with the answer of the API to the same question.
func (w *world) samePolicyTable(t *testing.T, b *browserTab, query url.Values) []string {
	t.Helper()
	rows := read[[]judgedRow](t, w, "/api/v1/compliance/policies?limit=25&"+query.Encode()).Data
	var want []string
	for _, r := range rows {
		want = append(want, strings.Join(strings.Fields(r.Name), " "))
	}
	got := b.column(t, "compliance-policies", 0)
	for i := range got {
		got[i] = strings.Join(strings.Fields(got[i]), " ")
	}
	if d := diff(want, got); d != "" || len(got) == 0 {
		t.Errorf("%v: %d policies (-API +page):\n%s", query, len(got), d)
	}
	return got
}

// browserPolicies filters, sorts and pages the policies: address and table follow.
func (w *world) browserPolicies(t *testing.T, b *browserTab) {
	b.open(t, "/compliance")
	b.stays(t)
	q := url.Values{}
	w.samePolicyTable(t, b, q)

	browserEval[chromedp.Void](t, b, `document.querySelector("#compliance-policies [name=q]").value = "should"; undefined`)
	b.press(t, "#compliance-policies .find button", "Find")
	q.Set("q", "should")
	b.at(t, q, "Policies")
	for _, name := range w.samePolicyTable(t, b, q) {
		if !strings.Contains(strings.ToLower(name), "should") {
			t.Errorf("found %q", name)
		}
	}
	choose := func(menu, label string) {
		b.press(t, "#menu-"+menu+" summary", map[string]string{"category": "Category", "effect": "Effect"}[menu])
		b.press(t, "#menu-"+menu+" label", label)
		b.press(t, "#menu-"+menu+" button", "Apply")
	}
	choose("category", "Storage")
	q.Set("category", "Storage")
	b.at(t, q, "Policies")
	w.samePolicyTable(t, b, q)
	choose("effect", "Deny")
	q.Set("effect", "deny")
	b.at(t, q, "Policies")
	w.samePolicyTable(t, b, q)
	b.press(t, ".seg a", "Non-compliant")
	q.Set("failing", "1")
	b.at(t, q, "Policies")
	w.samePolicyTable(t, b, url.Values{"q": {"should"}, "category": {"Storage"}, "effect": {"deny"}, "failing": {"true"}})
	b.accessible(t)
	b.press(t, ".chip", "Remove the filter State: Non-compliant")
	q.Del("failing")
	b.at(t, q, "Policies")
	b.press(t, "#compliance-policies a", "Clear all")
	b.at(t, url.Values{}, "Policies")

	for _, sort := range [][2]string{{"name", "Policy"}, {"category", "Category"}, {"score", "Score"}} {
		b.press(t, "#compliance-policies thead a", sort[1])
		b.at(t, url.Values{"sort": {sort[0]}}, "Policies")
		w.samePolicyTable(t, b, url.Values{"sort": {sort[0]}})
		if sorted := browserEval[string](t, b, `document.querySelector("#compliance-policies th[aria-sort]").textContent.trim()`); sorted != sort[1] {
			t.Errorf("sorted by %s, and the table says %s", sort[1], sorted)
		}
	}
	b.press(t, "#compliance-policies thead a", "Non-compliant")
	b.until(t, "the first order", `document.querySelector("#compliance-policies th[aria-sort=descending]")?.textContent.trim() === "Non-compliant" && !document.querySelector("[aria-busy=true]")`)
	first := b.policyLinks(t)
	b.press(t, "#compliance-policies a", "Next page")
	b.until(t, "the next page", `new URLSearchParams(location.search).get("cursor") === "25" && !document.querySelector("[aria-busy=true]") && [...document.querySelectorAll("#compliance-policies a")].some((a) => a.textContent === "First page")`)
	for _, link := range b.policyLinks(t) {
		if slices.Contains(first, link) {
			t.Errorf("%s is on both pages", link)
		}
	}
	b.press(t, "#compliance-policies a", "First page")
	b.until(t, "the first page", `!location.search.includes("cursor") && !document.querySelector("[aria-busy=true]")`)
	if d := diff(first, b.policyLinks(t)); d != "" || len(first) != 25 {
		t.Errorf("the first page again:\n%s", d)
	}
	b.open(t, "/compliance?q=no+policy+is+called+so")
	b.shows(t, "no match", "#compliance-policies", "No policy has all that the filters ask for", "Name: no policy is called so")
	b.calm(t, "")
}

// browserOnePolicy goes from the table to a policy, and to the resources that fail it.
func (w *world) browserOnePolicy(t *testing.T, b *browserTab) {
	b.open(t, "/compliance")
	b.stays(t)
	name, failing := b.column(t, "compliance-policies", 0)[0], b.column(t, "compliance-policies", 3)[0]
	b.press(t, "#compliance-policies tbody th a", name)
	b.at(t, url.Values{}, name)
	if got := browserEval[string](t, b, `document.querySelector("#compliance-failing .sub").textContent`); got != failing+" match" {
		t.Errorf("%s resources fail it, its page lists: %s", failing, got)
	}
	b.shows(t, "the policy", "main", "What to do", "Assignments", "By tenant")
	b.picture(t, "policy-used-light-1440")
	resource := b.column(t, "compliance-failing", 0)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#compliance-failing tbody th a").click(); undefined`))
	b.until(t, "the drawer, which names the policy", fmt.Sprintf(`document.querySelector("#resource-drawer[open] h2") && document.querySelector("#resource-drawer").textContent.includes(%s)`, quoted(t, name)))
	b.accessible(t)
	b.picture(t, "drawer-failing-light-1440")
	b.do(t, chromedp.KeyEvent("\u001b"))
	b.until(t, "the drawer is closed", `!document.querySelector("#resource-drawer").open && document.activeElement.closest("#compliance-failing")`)
	if len(resource) == 0 {
		t.Error("no resource fails the policy that most fail")
	}
	b.press(t, "main a", "Back to policies")
	b.at(t, url.Values{}, "Policies")
	b.press(t, "#compliance-policies td a", failing+" resources fail "+name)
	b.until(t, "its resources", `location.pathname === "/compliance/resources" && location.search.startsWith("?policy=") && document.querySelector("#compliance-resources") && !document.querySelector("[aria-busy=true]")`)
	if got := browserEval[string](t, b, `document.querySelector("#compliance-resources .sub").textContent`); got != failing+" match" {
		t.Errorf("%s resources fail it, the list has: %s", failing, got)
	}
	b.calm(t, "")
}

// browserFailing opens the resource that fails the most: its drawer and its page name every policy of those.
func (w *world) browserFailing(t *testing.T, b *browserTab) {
	type failed struct {
		ID       string `json:"resource_id"`
		Name     string `json:"name"`
		Type     string `json:"type"`
		Policies []struct {
			Name string `json:"name"`
		} `json:"policies"`
	}
	rows := read[[]failed](t, w, "/api/v1/compliance/non-compliant?sort=policies&limit=25").Data
	i := slices.IndexFunc(rows, func(f failed) bool {
		return strings.Count(f.Type, "/") == 1 && !strings.HasSuffix(f.Type, "resourcegroups")
	})
	if i < 0 || len(rows[i].Policies) < 3 {
		t.Fatalf("no resource fails several policies: %+v", rows)
	}
	var names []string
	for _, p := range rows[i].Policies {
		names = append(names, p.Name)
	}
	b.open(t, "/compliance/resources?sort=policies")
	b.shows(t, "the list", "#compliance-resources", names[0], rows[i].Name)
	b.do(t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelectorAll("#compliance-resources tbody tr")[%d].querySelector("th a").click(); undefined`, i)))
	b.until(t, "the drawer", `document.querySelector("#resource-drawer[open] h2")`)
	b.shows(t, "the drawer", "#resource-drawer", append(names, fmt.Sprint(len(names), " not complied with"))...)
	b.open(t, "/resources/detail?id="+url.QueryEscape(rows[i].ID))
	b.shows(t, "the resource's page", "main", names...)
	b.picture(t, "resource-failing-light-1440")
	b.calm(t, "")
}

// browserDrift compares two days, then with a baseline that it names and takes away.
func (w *world) browserDrift(t *testing.T, b *browserTab) {
	b.open(t, "/compliance/drift")
	b.stays(t)
	b.shows(t, "seven days ago nothing was read", "#compliance-drift", "Nothing to compare with", "20 Nov 2026")
	b.press(t, "#menu-days summary", browserEval[string](t, b, `document.querySelector("#menu-days summary").textContent.trim()`))
	browserEval[chromedp.Void](t, b, `document.querySelector("#menu-days [name=from]").value = "2026-11-20"; document.querySelector("#menu-days [name=to]").value = "2026-11-21"; undefined`)
	b.press(t, "#menu-days button", "Compare these days")
	b.at(t, url.Values{"from": {"2026-11-20"}, "to": {"2026-11-21"}}, "What changed")
	w.sameDriftPage(t, b, "2026-11-20", "2026-11-21")
	b.picture(t, "drift-days-used-light-1440")

	fill := func(name, day, note string) {
		browserEval[chromedp.Void](t, b, fmt.Sprintf(`document.querySelector("#baselines [name=name]").value = %s; document.querySelector("#baselines [name=day]").value = %q;
			document.querySelector("#baselines [name=note]").value = %s; undefined`, quoted(t, name), day, quoted(t, note)))
		b.press(t, "#baselines button", "Name this day")
	}
	fill("Too early", "2025-01-01", "what I typed")
	b.until(t, "why it was refused", `document.querySelector("#baseline-problem") && document.querySelector("#baselines [name=note]").value === "what I typed"`)
	b.accessible(t)
	b.picture(t, "baseline-refused-light-1440")
	b.calm(t, "422")
	const name = `<img src=x onerror=alert(1)> & "Q4"`
	fill(name, "2026-11-20", "</textarea><b>key</b>")
	b.at(t, url.Values{"baseline": {name}}, "What changed")
	b.shows(t, "the baseline", "#baselines", name, "</textarea><b>key</b>", "20 Nov 2026", "3 tenants")
	b.shows(t, "the choice", ".seg [aria-current]", name)
	w.sameDriftPage(t, b, "2026-11-20", "2026-11-25")
	b.accessible(t)
	b.picture(t, "drift-baseline-used-light-1440")
	b.press(t, "#baselines button", "Remove the baseline "+name)
	b.at(t, url.Values{}, "What changed")
	if text := browserEval[string](t, b, `document.querySelector("#baselines").textContent`); !strings.Contains(text, "None is named yet") {
		t.Errorf("the baseline is still there: %s", text)
	}
	b.calm(t, "")
}

// sameDriftPage compares what the page says of two days with the API.
func (w *world) sameDriftPage(t *testing.T, b *browserTab, from, to string) {
	t.Helper()
	d := read[driftRow](t, w, "/api/v1/compliance/drift?from="+from+"&to="+to).Data
	got := browserEval[[][]string](t, b, `[...document.querySelectorAll("[aria-label='Why, table'] tbody tr")].map((r) => [...r.cells].map((c) => c.firstChild.textContent.trim()))`)
	want := [][]string{}
	for _, c := range [][2]string{{"Assignments", "assignment"}, {"Resources", "resource"}, {"Exemptions", "exemption"}, {"Drift", "state"}} {
		want = append(want, []string{c[0], fmt.Sprint(d.New[c[1]]), fmt.Sprint(d.Resolved[c[1]])})
	}
	if s := diff(want, got); s != "" || d.New["total"] == 0 {
		t.Errorf("%s to %s: %v new (-API +page):\n%s", from, to, d.New, s)
	}
	if n := browserEval[int](t, b, `document.querySelectorAll("[aria-label='Failures, table'] tbody tr").length`); n == 0 {
		t.Errorf("%s to %s: no failure is listed", from, to)
	}
}

// browserJudgedLists looks at exemptions, the secure score and frameworks.
func (w *world) browserJudgedLists(t *testing.T, b *browserTab) {
	b.open(t, "/compliance/exemptions")
	b.stays(t)
	// A refresh of all of them is under way, and its answer comes after the page has gone on to the expired ones.
	browserEval[chromedp.Void](t, b, `{
		const ask = window.fetch;
		window.late = 0;
		window.fetch = async (url, options) => {
			const answer = await ask(url, options);
			if (!String(url).includes("/partials/")) return answer;
			window.fetch = ask; // what is asked later is answered at once
			await new Promise((go) => { window.answerLate = go; });
			setTimeout(() => window.late++, 100);
			return answer;
		};
		document.querySelector("#compliance-exemptions").dispatchEvent(new Event("fresnel-refresh"));
	}; undefined`)
	b.until(t, "a refresh under way", `window.answerLate`)
	b.press(t, ".seg a", "Expired")
	b.at(t, url.Values{"standing": {"expired"}}, "Exemptions")
	browserEval[chromedp.Void](t, b, `window.answerLate(); undefined`)
	b.until(t, "the late answer", `window.late`)
	if other := browserEval[[]string](t, b, `[...document.querySelectorAll("#compliance-exemptions .pill")].map((p) => p.textContent.trim()).filter((s) => s !== "Expired")`); len(other) > 0 || len(b.column(t, "compliance-exemptions", 0)) == 0 {
		t.Errorf("expired exemptions: %v", other)
	}

	b.open(t, "/compliance/secure-score")
	score := read[struct {
		Controls []struct {
			Name string `json:"name"`
		} `json:"controls"`
	}](t, w, "/api/v1/compliance/secure-score").Data
	if n := browserEval[int](t, b, `document.querySelectorAll("[aria-label='Controls, table'] tbody tr").length`); n != len(score.Controls) || n == 0 {
		t.Errorf("%d controls are shown, the API tells %d", n, len(score.Controls))
	}

	b.open(t, "/compliance/frameworks")
	b.stays(t)
	name := b.column(t, "compliance-frameworks", 0)[0]
	words := browserEval[string](t, b, `document.querySelector("#compliance-frameworks tbody td .sub-line").textContent`)
	b.press(t, "#compliance-frameworks tbody th a", name)
	b.until(t, "the framework", fmt.Sprintf(`document.querySelector("h1").textContent.trim() === %s && document.querySelector("#compliance-framework") && !document.querySelector("[aria-busy=true]")`, quoted(t, name)))
	b.shows(t, "the framework", "#compliance-framework", words)
	var failed int
	if _, err := fmt.Sscanf(words[strings.Index(words, "· ")+len("· "):], "%d failed", &failed); err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	b.press(t, ".seg a", "Failed")
	b.until(t, "those that failed", `new URLSearchParams(location.search).get("control") === "failed" && !document.querySelector("[aria-busy=true]")`)
	b.until(t, "as many as the bar says", fmt.Sprintf(`document.querySelectorAll("#compliance-framework tbody tr").length === %d`, min(failed, 50)))
	b.calm(t, "")
}

// browserGauge: the partial stands alone, with one tenant and with all.
func (w *world) browserGauge(t *testing.T, b *browserTab) {
	tenants := read[scoresRow](t, w, "/api/v1/compliance/scores").Data.Tenants
	b.open(t, "/compliance")
	type partial struct {
		Rings int
		Text  string
		Roots int
	}
	get := func(query string) partial {
		return browserEval[partial](t, b, fmt.Sprintf(`fetch("/partials/compliance-gauge%s").then((r) => r.text()).then((s) => {
			const d = new DOMParser().parseFromString(s, "text/html");
			return { Rings: d.querySelectorAll("#compliance-gauge .gauge").length, Roots: d.body.children.length, Text: d.body.textContent };
		})`, query))
	}
	all := get("")
	if all.Rings != len(tenants) || all.Rings < 3 || all.Roots != 1 {
		t.Errorf("%d rings for %d tenants, %d elements", all.Rings, len(tenants), all.Roots)
	}
	for _, r := range tenants {
		one, figure := get("?tenant="+r.TenantID), fmt.Sprintf("%.1f", *r.Official.Percent)
		if one.Rings != 1 || one.Roots != 1 {
			t.Errorf("%d rings for one tenant, %d elements", one.Rings, one.Roots)
		}
		for _, text := range []string{r.Name, figure} {
			if !strings.Contains(all.Text, text) || !strings.Contains(one.Text, text) {
				t.Errorf("%s is not said", text)
			}
		}
		for _, text := range []string{"Without exemptions", "Score, last 30 days"} {
			if !strings.Contains(one.Text, text) {
				t.Errorf("%s: no %s", r.Name, text)
			}
		}
	}
	if a := w.get("/partials/compliance-gauge?tenant=nobody"); a.status != 404 {
		t.Errorf("a tenant that is not there: %d", a.status)
	}
	b.calm(t, "")
}

// browserTrend: the lines go on over days without a reading, and the table beside them has the same scores.
func browserTrend(t *testing.T, b *browserTab) {
	b.look(t, "light", 390) // where lines are not named at their ends, in their colours
	b.open(t, "/compliance")
	type drawn struct {
		Name        string
		First, Last float64 // where the colour is, as parts of the width
		Share       float64 // of the columns between
	}
	lines := browserEval[[]drawn](t, b, `(() => {
		const canvas = document.querySelector("#compliance-gauge canvas"), json = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
		const { width, height } = canvas, d = canvas.getContext("2d").getImageData(0, 0, width, height).data;
		return json.lines.map((l) => {
			const n = parseInt(getComputedStyle(document.documentElement).getPropertyValue(l.slot ? "--s" + l.slot : "--ink").trim().slice(1), 16), want = [n >> 16, n >> 8 & 255, n & 255];
			const at = new Set();
			for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 100 && want.every((v, k) => Math.abs(v - d[i + k]) < 40)) at.add(i / 4 % width);
			const first = Math.min(...at), last = Math.max(...at);
			return { Name: l.name, First: first / width, Last: last / width, Share: at.size / (last - first + 1) };
		});
	})()`)
	if len(lines) != 3 {
		t.Errorf("%d lines for three tenants", len(lines))
	}
	for _, l := range lines { // readings are of 20, 21 and 25 November, the last of thirty days
		if l.Last-l.First < 4.0/30 || l.Share < 0.35 {
			t.Errorf("the line breaks: %+v", l)
		}
	}
	wrong := browserEval[[]string](t, b, `(() => {
		const json = JSON.parse(document.getElementById(document.querySelector("#compliance-gauge canvas").dataset.chart).textContent);
		return [...document.querySelectorAll("#compliance-gauge details.more tbody tr")].flatMap((r, i) => json.lines.map((l, j) => [l.values[i], r.cells[j + 1].textContent.trim()]))
			.filter(([v, cell]) => v === null ? cell !== "—" : !cell.startsWith(v.toFixed(1) + "%") || !cell.includes(" of ")).map(String);
	})()`)
	if len(wrong) > 0 {
		t.Errorf("chart and table differ: %q", wrong)
	}
	b.look(t, "light", 1440)
	b.calm(t, "")
}
