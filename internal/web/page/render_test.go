package page_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

var testNow = time.Date(2026, 11, 22, 14, 32, 0, 0, time.UTC)

// all renders every page and partial once, after change has had its way with the models.
func all(t *testing.T, change func(model any)) map[string]string {
	t.Helper()
	s := page.SampleShell(testNow)
	s.Notes = []page.Notice{{Kind: ui.Warn, Text: "Ignored group=x: not a known value."}}
	overview, costs, syncs := page.SampleOverview(s), page.SampleCosts(s), page.SampleSync(s)
	syncs.Freshness.Rows = append(syncs.Freshness.Rows, overview.Freshness.Rows...)
	uncovered := overview.Summary
	uncovered.Fresh.State, uncovered.Fresh.LastKnown = page.Uncovered, "$1 on 20 Oct"
	mixed := overview.Summary
	mixed.Currency, mixed.Billing, mixed.LeftOut = "USD", []string{"€1"}, "without one"
	empty := overview.Anomalies
	empty.Fresh.State, empty.Fresh.EmptyTitle, empty.Fresh.EmptyText = page.Empty, "Nothing", "Nothing at all"
	first := overview.Tenants
	first.Fresh.State, first.Fresh.Progress = page.FirstSync, page.Progress{Done: 1, Of: 2, Words: "1 of 2"}
	anomalies, budgets, restated := page.SampleAnomalies(s), page.SampleBudgets(s), page.SampleRestated(s)
	resources, facts, waste := page.SampleResources(s), page.SampleFacts(s), page.SampleWaste(s)
	tags, changes, noTags := page.SampleTags(s), page.SampleChanges(s), page.SampleTags(s)
	noTags.None = true
	gone := page.SampleFacts(s)
	gone.Gone, gone.Tags, gone.Waste[0].Resolved = testNow, nil, true
	offer := page.SampleBudgets(s)
	offer.Form = nil
	judged, one, failing, policed, drift := page.SampleCompliance(s), page.SampleOneTenant(s), page.SampleNonCompliant(s), page.SamplePolicyPage(s), page.SampleDrift(s)
	exemptions, secure, frameworks, framework := page.SampleExemptions(s), page.SampleSecureScore(s), page.SampleFrameworks(s), page.SampleFramework(s)
	people, named, guests, credentials := page.SampleIdentity(s), page.SampleIdentityList(s, "named"), page.SampleIdentityList(s, "guests"), page.SampleIdentityList(s, "credentials")
	roles, others, found := page.SampleIdentityList(s, "roles"), page.SampleIdentityList(s, "others"), page.SampleIdentityList(s, "findings")
	problem := page.Problem{Status: 500, Title: "Failed", Cause: "cause", Do: "do", RequestID: "id", RetryURL: "/"}
	for _, m := range []any{&s, &overview, &costs, &syncs, &uncovered, &mixed, &empty, &first, &problem, &anomalies, &budgets, &restated, &offer, &resources, &facts, &waste, &gone, &tags, &changes, &judged, &one, &failing, &policed, &drift, &exemptions, &secure, &frameworks, &framework, &people, &named, &guests, &credentials, &roles, &others, &found} {
		change(m)
	}
	out := map[string]string{}
	for name, c := range map[string]templ.Component{
		"overview": page.OverviewPage(s, overview), "costs": page.CostsPage(s, costs), "sync": page.SyncPage(s, syncs),
		"anomalies": page.AnomaliesPage(s, anomalies), "budgets": page.BudgetsPage(s, budgets), "budgets offer": page.BudgetsPage(s, offer), "restated": page.RestatedPage(s, restated),
		"resources": page.ResourcesPage(s, resources), "resource": page.ResourcePage(s, facts), "gone": page.ResourcePage(s, gone), "drawer": page.ResourceDrawer(s, facts), "waste": page.WastePage(s, waste),
		"tags": page.TagsPage(s, tags), "no tags": page.TagsPage(s, noTags), "changes": page.ChangesPage(s, changes),
		"drawer problem": page.DrawerProblem(problem), "resource card": page.ResourceSummaryCard(overview.Resources), "waste card": page.WasteSummaryCard(overview.Waste),
		"forecast": page.ForecastCardPanel(overview.Forecast), "budgets card": page.BudgetsCardPanel(overview.Budgets), "movement": page.CostMovementPanel(costs.Movement),
		"error": page.ErrorPage(s, problem), "error panel": page.ErrorPanel("cost-chart", "Daily cost", problem), "states": page.StatesPage(s, testNow, page.PathStates), "states of resources": page.StatesPage(s, testNow, page.PathResourceStates),
		"compliance": page.CompliancePage(s, judged), "one tenant": page.CompliancePage(s, one), "non-compliant": page.NonCompliantPage(s, failing), "policy": page.CompliancePolicyPage(s, policed),
		"drift": page.DriftPage(s, drift), "exemptions": page.ExemptionsPage(s, exemptions), "secure score": page.SecureScorePage(s, secure), "frameworks": page.FrameworksPage(s, frameworks), "framework": page.FrameworkPage(s, framework),
		"identity": page.IdentityPage(s, people), "identity named": page.IdentityPage(s, named), "identity guests": page.IdentityPage(s, guests), "identity credentials": page.IdentityPage(s, credentials),
		"identity roles": page.IdentityPage(s, roles), "identity others": page.IdentityPage(s, others), "identity findings": page.IdentityPage(s, found), "identity card": page.IdentityCardPanel(overview.Identity),
		"identity stats": page.IdentityStatsPanel(people.Stats), "states of identity": page.StatesPage(s, testNow, page.PathIdentityStates),
		"compliance card": page.ComplianceCard(judged.Overall), "states of compliance": page.StatesPage(s, testNow, page.PathJudgedStates),
		"uncovered": page.CostSummaryCard(uncovered), "mixed": page.CostSummaryCard(mixed), "empty": page.CostAnomaliesPanel(empty),
		"first run": page.FirstRunPage(s), "first": page.CostBreakdownPanel(first), "chart": page.CostChartPanel(costs.Chart), "jobs": page.SyncJobsPanel(syncs.Jobs),
	} {
		var b strings.Builder
		if err := c.Render(t.Context(), &b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = b.String()
	}
	return out
}

const hostile = `"'><script>alert(1)</script>`

// poison sets every string of a model, at any depth, to hostile; addresses to one that runs a script.
func poison(v reflect.Value, field string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), field)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if name != "View" && name != "Path" && name != "Key" && v.Field(i).CanSet() {
				poison(v.Field(i), name)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), field)
		}
	case reflect.String:
		switch {
		case v.Type() != reflect.TypeFor[string](): // a word of a closed set
		case strings.HasSuffix(field, "URL"):
			v.SetString(`javascript:alert("` + hostile + `")`)
		default:
			v.SetString(hostile)
		}
	}
}

func TestHostileNamesAreEscaped(t *testing.T) {
	pages := all(t, func(m any) { poison(reflect.ValueOf(m), "") })
	bad := regexp.MustCompile(`<script>alert|"'>|href="javascript:|src="javascript:`)
	for name, html := range pages {
		if at := bad.FindStringIndex(html); at != nil {
			t.Errorf("%s: not escaped: ...%s...", name, html[max(0, at[0]-120):min(len(html), at[1]+60)])
		}
		if name != "states" && !strings.Contains(html, "alert(1)") {
			t.Errorf("%s: the hostile name is not there at all: the test looks at nothing", name)
		}
	}
}

// TestPolicy: nothing that the content security policy would stop.
func TestPolicy(t *testing.T) {
	inline := regexp.MustCompile(`\sstyle="|\son[a-z]+="|hx-on|<style|js:|<script(?: id="[^"]*")?>`)
	for name, html := range all(t, func(any) {}) {
		if at := inline.FindStringIndex(html); at != nil {
			t.Errorf("%s: ...%s...", name, html[max(0, at[0]-80):min(len(html), at[1]+80)])
		}
	}
}

func TestIconsAndIDs(t *testing.T) {
	sprite, err := os.ReadFile(filepath.Join("..", "ui", filepath.FromSlash(ui.Asset("icons.svg"))))
	if err != nil {
		t.Fatal(err)
	}
	icon, id := regexp.MustCompile(`icons\.[0-9a-f]+\.svg#([a-z0-9-]+)`), regexp.MustCompile(`\sid="([^"]+)"`)
	for name, html := range all(t, func(any) {}) {
		for _, m := range icon.FindAllStringSubmatch(html, -1) {
			if !strings.Contains(string(sprite), `id="`+m[1]+`"`) {
				t.Errorf("%s: no icon %q in the sprite: add it to frontend/build.mjs", name, m[1])
			}
		}
		seen := map[string]bool{}
		for _, m := range id.FindAllStringSubmatch(html, -1) {
			if seen[m[1]] {
				t.Errorf("%s: id %q twice", name, m[1])
			}
			seen[m[1]] = true
		}
	}
}

// TestFormsKeepWhatWasTyped: a form that was refused says why beside its fields, and still holds them.
func TestFormsKeepWhatWasTyped(t *testing.T) {
	pages := all(t, func(any) {})
	for name, wants := range map[string][]string{
		"anomalies":         {`aria-describedby="problem-2"`, ">moved away</textarea>", "Say until when this is expected", `<details class="fold-away" open`},
		"waste":             {`aria-describedby="waste-problem-2"`, ">kept for an audit</textarea>", `action="/resources/waste/2/verdict"`, "Reopen"},
		"identity findings": {`aria-describedby="identity-problem-2"`, ">PIM comes in December</textarea>", "Say until when this is expected", `action="/identity/findings/2/verdict"`, "Reopen"},
		"drift":             {`value="Audit"`, `value="2024-01-01"`, `value="kept for an audit"`, `aria-describedby="baseline-problem"`, "Choose a later day."},
		"budgets":           {`value="12,5"`, `<option value="Storage" selected`, `<option value="amortized" selected`, `value="s1" checked`, "Leave out separators.", "Delete this budget"},
	} {
		for _, want := range wants {
			if !strings.Contains(pages[name], want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
	}
}

// TestForecastIsDrawnAndTold: the days to come are on the axis, in the table, and shaded.
func TestForecastIsDrawnAndTold(t *testing.T) {
	m := page.CostChart{
		Title: "Daily cost", Currency: "USD", Slots: []page.ChartSlot{{Label: "1 Nov", Full: "1 Nov 2026"}, {Label: "2 Nov", Full: "2 Nov 2026", Ahead: true}},
		Series: []page.ChartSeries{{Name: "A", Slot: 1, Micros: []int64{1_000_000}}}, Totals: []int64{1_000_000},
		Forecast: &page.ChartSeries{Name: "Forecast", Micros: []int64{page.Unknown, 2_500_000}},
	}
	var b strings.Builder
	if err := page.CostChartPanel(m).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"forecast":{"name":"Forecast","slot":0,"values":[null,2.5]}`, `"provisional":[false,true]`, "Partial days and forecast", "$2.50", "line-dash", `"totals":[1,null]`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in the panel", want)
		}
	}
}

// TestOneValueFeedsChartAndTable: the table beside a chart prints what the chart draws.
func TestOneValueFeedsChartAndTable(t *testing.T) {
	m := page.CostChart{
		Title: "Daily cost", Currency: "USD", Slots: []page.ChartSlot{{Label: "1 Nov", Full: "1 Nov 2026"}, {Label: "2 Nov", Full: "2 Nov 2026", Late: true}},
		Series: []page.ChartSeries{{Name: "</script>", Slot: 1, Micros: []int64{1_234_560_000, page.Unknown}}}, Totals: []int64{1_234_560_000, page.Unknown},
	}
	var b strings.Builder
	if err := page.CostChartPanel(m).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"values":[1234.56,null]`, `"totals":[1234.56,null]`, `\u003c/script\u003e`, "$1,234.56", "—", "still changing"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in the panel", want)
		}
	}
}
