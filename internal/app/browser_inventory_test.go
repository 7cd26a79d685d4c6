package app_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// browserResource is the id of a resource that has changed.
func (w *world) browserResource() string {
	m := regexp.MustCompile(`/resources/detail\?id=([^"&]+)`).FindStringSubmatch(w.get("/resources/changes?period=30d&kind=updated").body)
	if m == nil {
		return ""
	}
	id, err := url.QueryUnescape(m[1])
	if err != nil {
		return ""
	}
	return id
}

// browserInventory: from tags that are lacking to the list, from the list to a resource and its history, and what the
// history is filtered by.
func (w *world) browserInventory(t *testing.T, b *browserTab) {
	one := w.Estate()[1]
	b.look(t, "light", 1440)
	b.open(t, "/resources/tags?tenant="+one.ID)
	browserEval[chromedp.Void](t, b, `window.stays = true; undefined`)
	lacking := browserEval[string](t, b, `[...document.querySelectorAll("#tags-by-tag tbody tr")].find((r) => r.textContent.includes("owner")).querySelector("td a").firstChild.textContent`)
	b.press(t, "#tags-by-tag td a", lacking+" that lack tags: owner")
	b.at(t, url.Values{"tenant": {one.ID}, "missing": {"owner"}}, "Resources")
	if total := browserEval[string](t, b, `document.querySelector("#resource-table .sub").textContent`); total != lacking+" match" {
		t.Errorf("%s resources lack the tag, the list has: %s", lacking, total)
	}
	b.press(t, ".chip", "Remove the filter Lacks tag: owner")
	b.at(t, url.Values{"tenant": {one.ID}}, "Resources")

	b.press(t, "#menu-filter summary", "Filter")
	b.until(t, "the names that the filter suggests", `document.querySelectorAll("#names-location option").length > 0 && document.querySelectorAll("#names-group option").length > 0`)
	b.accessible(t)
	b.calm(t, "")

	b.open(t, "/resources/changes?period=30d")
	browserEval[chromedp.Void](t, b, `window.stays = true; undefined`)
	b.press(t, "#menu-filter summary", "Filter")
	b.press(t, "#menu-filter label", "Updated")
	b.press(t, "#menu-filter button", "Apply")
	b.at(t, url.Values{"period": {"30d"}, "kind": {"updated"}}, "Changes")
	if other := browserEval[int](t, b, `[...document.querySelectorAll("#resource-changes .pill")].filter((p) => p.textContent.trim() !== "Updated").length`); other > 0 {
		t.Errorf("%d changes of other kinds", other)
	}
	name := browserEval[string](t, b, `document.querySelector("#resource-changes tbody th a").textContent.trim()`)
	browserEval[chromedp.Void](t, b, `document.querySelector("#resource-changes tbody th a").focus(); undefined`)
	b.do(t, chromedp.KeyEvent("\r"))
	b.until(t, "the drawer", fmt.Sprintf(`document.querySelector("#resource-drawer[open] h2")?.textContent.trim() === %q && document.querySelector("#resource-drawer .history li")`, name))
	b.picture(t, "drawer-light-1440")
	b.accessible(t)
	b.do(t, chromedp.KeyEvent("\u001b"))
	b.until(t, "the drawer is closed, and the focus back", `!document.querySelector("#resource-drawer").open && document.activeElement.closest("#resource-changes")`)
	b.calm(t, "")

	for path, want := range map[string]string{
		"/resources?tag_key=env":                            "/api/v1/resources.csv?tag=env",
		"/resources/waste?over=100&confidence=waste":        "/api/v1/resources/orphaned.csv?over=100",
		"/resources/tags?tenant=" + one.ID:                  "/api/v1/resources/tagging.csv?tenant=" + one.ID,
		"/resources/changes?from=2026-11-01&to=2026-11-03":  "/api/v1/resources/changes.csv?from=2026-11-01&to=2026-11-03",
		"/resources/changes?id=x&kind=created&actor=person": "/api/v1/resources/changes.csv?actor=person&id=x&kind=created",
	} {
		if body := w.get(path).body; !strings.Contains(body, `href="`+strings.ReplaceAll(want, "&", "&amp;")+`"`) {
			t.Errorf("%s does not link %s", path, want)
		}
	}
}
