package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// browserOneLine is a text as a page shows it: a run of blanks is one.
const browserOneLine = `const line = (s) => s.replace(/\s+/g, " ").trim();`

// browserInjected lists elements that names, tags and notes would be if they
// were not text.
const browserInjected = `[
	...document.querySelectorAll("[onerror], img[src='x'], textarea textarea, a[href^='javascript']"),
	...[...document.querySelectorAll("b")].filter((e) => ["key", "for"].includes(e.textContent)),
	...[...document.scripts].filter((s) => s.type !== "module" && s.type !== "application/json" || s.textContent.includes("<")),
].map((e) => e.outerHTML.slice(0, 200))`

// TestHostileNames: names and tags of markup, quotes, line ends, text from
// right to left, formulas and 10 KB are text in JSON, in CSV and in a browser.
func TestHostileNames(t *testing.T) {
	long(t)
	b := browserOpen(t, "")
	policies := filepath.Join(t.TempDir(), "tags.json")
	if err := os.WriteFile(policies, []byte(`{"tags": [{"tenants": ["*"], "required": [{"key": "=1+1"}, {"key": "note", "values": ["'\"; --"]}]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	w := begin(t, simulate(t, late, browserEstate()), "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"), browserConfig, func(c *app.Config, _ *app.Options) { c.TagPolicies = policies })
	whole(t, w.inventory(t))
	hostile := map[string]resourceRow{}
	for _, r := range w.sameInventory(t) { // JSON, whole
		if slices.Contains(azuresim.HostileNames(), r.Name) {
			hostile[r.Name] = r
		}
	}
	if len(hostile) != len(azuresim.HostileNames()) || len(hostile) < 15 {
		t.Fatalf("%d hostile names of %d are told", len(hostile), len(azuresim.HostileNames()))
	}
	w.Clock().Advance(time.Hour)
	var gone []string // these are in the history
	for _, name := range slices.Sorted(maps.Keys(hostile))[:4] {
		if err := w.DeleteResource(hostile[name].ID); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, name)
	}
	whole(t, w.inventory(t))
	w.hostileSheets(t, hostile)
	b.base = browserSite(t, w.app)
	b.look(t, "light", 1440)
	for name, r := range hostile {
		if !slices.Contains(gone, name) {
			w.hostileDrawer(t, b, name, r)
		}
	}
	for path, names := range map[string][]string{
		"/resources/changes?kind=deleted": gone, "/resources/waste": {w.Estate()[0].Name}, "/resources/tags": {w.Estate()[0].Name, "=1+1"}, "/resources?gone=true": nil, "/resources": nil, "/": {w.Estate()[0].Name},
	} {
		b.open(t, path)
		b.shows(t, path, "body", names...)
	}
	b.calm(t, "")
	// The check can fail: what is markup after all is seen.
	made := browserEval[[]string](t, b, `document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=alert(1)>"), `+browserInjected)
	if len(made) != 1 {
		t.Errorf("an image is not seen: %q", made)
	}
}

// shows fails unless texts are shown within an element, and nothing of them is
// an element.
func (b *browserTab) shows(t *testing.T, where, within string, texts ...string) {
	t.Helper()
	list, err := json.Marshal(append([]string{}, texts...))
	if err != nil {
		t.Fatal(err)
	}
	if lacking := browserEval[[]string](t, b, fmt.Sprintf(`(() => { %s
		const all = line([...document.querySelectorAll(%q)].map((e) => e.textContent).join(" "));
		return %s.filter((s) => !all.includes(line(s))); })()`, browserOneLine, within, list)); len(lacking) > 0 {
		t.Errorf("%s does not show %.200q", where, lacking)
	}
	if made := browserEval[[]string](t, b, browserInjected); len(made) > 0 {
		t.Errorf("%s: a text became an element: %q", where, made)
	}
}

// hostileDrawer finds a resource by its name, opens its drawer, and its page.
func (w *world) hostileDrawer(t *testing.T, b *browserTab, name string, r resourceRow) {
	t.Helper()
	path := "/resources?tenant=" + r.TenantID + "&q=" + url.QueryEscape(name)
	b.open(t, path)
	b.shows(t, path, "#resource-table tbody th", name)
	opened := browserEval[bool](t, b, fmt.Sprintf(`(() => { %s
		const a = [...document.querySelectorAll("#resource-table tbody th a")].find((a) => line(a.textContent).startsWith(line(%s)));
		a?.click();
		return Boolean(a); })()`, browserOneLine, quoted(t, name)))
	if !opened {
		t.Errorf("%s has no link of the name", path)
		return
	}
	b.until(t, "the drawer of "+name, `document.querySelector("#resource-drawer[open] h2")`)
	texts := []string{name, r.ID}
	for k, v := range r.Tags {
		texts = append(texts, k, v)
	}
	b.shows(t, "the drawer of "+name, "#resource-drawer", texts...)
	page := "/resources/detail?id=" + url.QueryEscape(r.ID)
	b.open(t, page)
	b.shows(t, page, "main", texts...)
	b.fits(t)
}

// quoted is a text as JavaScript has it.
func quoted(t *testing.T, s string) string {
	t.Helper()
	q, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(q)
}

// hostileSheets looks at the CSV of every list: no cell is a formula, and each
// hostile name is there as it is, but for the quote that a formula is given.
func (w *world) hostileSheets(t *testing.T, hostile map[string]resourceRow) {
	t.Helper()
	for _, path := range []string{
		"/api/v1/resources.csv", "/api/v1/resources.csv?gone=true", "/api/v1/resources/changes.csv", "/api/v1/resources/orphaned.csv", "/api/v1/resources/tagging.csv", "/api/v1/findings.csv?state=all", "/api/v1/tenants.csv",
	} {
		_, rows := sheet(t, w, path)
		for _, row := range rows {
			for col, v := range row {
				if v != "" && strings.ContainsAny(v[:1], "=+-@\t\r") {
					t.Errorf("%s: %s is the formula %.80q", path, col, v)
				}
			}
		}
		if len(rows) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
	got := map[string]string{}
	for _, path := range []string{"/api/v1/resources.csv", "/api/v1/resources.csv?gone=true"} {
		_, rows := sheet(t, w, path)
		for _, row := range rows {
			got[row["name"]] = row["tags"]
		}
	}
	for name, r := range hostile {
		tags, ok := got[strings.ReplaceAll(cellText(name), "\r\n", "\n")] // as a reader of CSV has line ends
		var read map[string]string
		if err := json.Unmarshal([]byte(tags), &read); !ok || err != nil || !maps.Equal(read, r.Tags) {
			t.Errorf("CSV of %q: %t, %v, %.200s", name, ok, err, tags)
		}
	}
}
