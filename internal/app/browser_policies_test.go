package app_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fresnel/internal/azuresim"
)

// hostileJudged are the hostile names that are told of compliance, by what has them.
type hostileJudged struct {
	policies map[string]int64 // with the number
	assigned []string
	exempt   []string
	failing  map[string]string // resources, with the id
}

// hostileCompliance collects them from the JSON.
func (w *world) hostileCompliance(t *testing.T) hostileJudged {
	t.Helper()
	h := hostileJudged{policies: map[string]int64{}, failing: map[string]string{}}
	hostile := func(name string) bool { return slices.Contains(azuresim.HostileNames(), name) }
	policies, _ := pages[judgedRow](t, w, "/api/v1/compliance/policies?limit=500")
	for _, p := range policies {
		if hostile(p.Name) {
			h.policies[p.Name] = p.PolicyID
		}
	}
	type named struct {
		Name string `json:"name"`
		ID   string `json:"resource_id"`
		Of   string `json:"assignment_name"`
	}
	exempt, _ := pages[named](t, w, "/api/v1/compliance/exemptions?limit=50")
	for _, x := range exempt {
		if hostile(x.Name) {
			h.exempt = append(h.exempt, x.Name)
		}
		if hostile(x.Of) {
			h.assigned = append(h.assigned, x.Of)
		}
	}
	failing, _ := pages[named](t, w, "/api/v1/compliance/non-compliant?limit=100")
	for _, r := range failing {
		if hostile(r.Name) {
			h.failing[r.Name] = r.ID
		}
	}
	if len(h.policies) < 3 || len(h.assigned) == 0 || len(h.exempt) < 3 || len(h.failing) < 3 {
		t.Fatalf("too few hostile names are told: %+v", h)
	}
	return h
}

// TestHostilePolicies: names of policies, assignments, exemptions and of what fails are text in JSON, in CSV and
// in a browser.
func TestHostilePolicies(t *testing.T) {
	long(t)
	b := browserOpen(t, "")
	w := begin(t, simulate(t, late, browserEstate()), "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"), browserConfig)
	for _, day := range []int{0, 2} {
		w.Clock().Freeze(late.AddDate(0, 0, day))
		w.policies(t, "resources")
	}
	h := w.hostileCompliance(t)
	days := "?from=2026-11-20&to=2026-11-22"
	w.hostileTables(t, h, days)

	b.base = browserSite(t, w.app)
	b.look(t, "light", 1440)
	show := func(path string, names ...string) {
		t.Helper()
		b.open(t, path)
		b.shows(t, path, "main", names...)
		b.fits(t)
	}
	one := w.Estate()[0]
	for name, number := range h.policies {
		show("/compliance?q="+url.QueryEscape(name), name)
		show(fmt.Sprintf("/compliance/policies/%d", number), name)
	}
	for name, id := range h.failing {
		show("/compliance/resources?tenant="+one.ID+"&q="+url.QueryEscape(name), name)
		show("/resources/detail?id="+url.QueryEscape(id), name, "not complied with")
	}
	show("/compliance/exemptions", append(h.exempt, h.assigned...)...)
	category := azuresim.HostileNames()[0]
	show("/compliance?category="+url.QueryEscape(category), "Category: "+category)
	for _, path := range []string{"/compliance", "/compliance/drift" + days, "/compliance/secure-score", "/", "/sync"} {
		show(path, one.Name)
	}
	show("/compliance/frameworks")
	show(w.browserFramework(t))
	b.look(t, "light", 390)
	for _, path := range []string{"/compliance", "/compliance/exemptions", "/compliance/drift" + days} {
		show(path)
	}
	b.calm(t, "")
}

// hostileTables looks at the CSV of every list: no cell is a formula, and each hostile name is there as it is, but for
// the quote that a formula is given.
func (w *world) hostileTables(t *testing.T, h hostileJudged, days string) {
	t.Helper()
	cells := map[string][]string{} // by path and column
	for _, path := range []string{
		"scores.csv", "scores.csv?by=subscription", "policies.csv", "non-compliant.csv", "trends.csv", "secure-score.csv", "exemptions.csv", "frameworks.csv", "drift.csv" + days,
		strings.TrimPrefix(strings.Replace(w.browserFramework(t), "detail?", "detail.csv?", 1), "/compliance/"),
	} {
		_, rows := sheet(t, w, "/api/v1/compliance/"+path)
		if len(rows) == 0 {
			t.Errorf("%s is empty", path)
		}
		for _, row := range rows {
			for col, v := range row {
				if v != "" && strings.ContainsAny(v[:1], "=+-@\t\r") && !csvNumber(v) {
					t.Errorf("%s: %s is the formula %.80q", path, col, v)
				}
				cells[path+" "+col] = append(cells[path+" "+col], v)
			}
		}
	}
	has := func(where, name string) {
		t.Helper()
		if !slices.Contains(cells[where], strings.ReplaceAll(cellText(name), "\r\n", "\n")) { // as a reader of CSV has line ends
			t.Errorf("%s lacks %q", where, name)
		}
	}
	for name := range h.policies {
		has("policies.csv name", name)
	}
	for name := range h.failing {
		has("non-compliant.csv name", name)
	}
	for _, name := range h.exempt {
		has("exemptions.csv name", name)
	}
	for _, name := range h.assigned {
		has("exemptions.csv assignment", name)
	}
	has("scores.csv tenant", w.Estate()[0].Name)
}

// csvNumber says that a cell is a number below zero, which is no formula.
func csvNumber(v string) bool { return strings.Trim(v, "-0123456789.") == "" }
