package app_test

import (
	"encoding/json"
	"fmt"
	"html"
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

// inventoryPlaces are all addresses that tell of resources and of findings.
// Those that are true must name the tenants that the viewer sees.
func inventoryPlaces() map[string]bool {
	return map[string]bool{
		"/api/v1/resources?limit=1000": true, "/api/v1/resources.csv": true, "/api/v1/resources?gone=true": false, "/api/v1/resources?missing=*&limit=1000": true,
		"/api/v1/resources/summary": false, "/api/v1/resources/facets": false, "/api/v1/resources/management-groups": false, "/api/v1/resources/management-groups.csv": true,
		"/api/v1/resources/orphaned?limit=1000": true, "/api/v1/resources/orphaned.csv": true, "/api/v1/resources/orphaned?over=1": false,
		"/api/v1/resources/tagging": true, "/api/v1/resources/tagging.csv": true, "/api/v1/resources/changes?limit=1000": true, "/api/v1/resources/changes.csv": true,
		"/api/v1/findings?limit=1000": true, "/api/v1/findings.csv?state=all": true, "/api/v1/exceptions": true, "/api/v1/exceptions.csv": true, "/api/v1/exceptions?standing=active": true,
		"/": true, "/resources": true, "/resources?sort=type": true, "/resources?q=a": true, "/resources/waste": true, "/resources/tags": true, "/resources/changes": true, "/sync": true,
		"/partials/resource-table": true, "/partials/resource-types": false, "/partials/resource-summary": false, "/partials/waste-summary": false, "/partials/resource-changes": true,
		"/partials/tags-by-tenant": true, "/partials/tags-by-tag": false, "/partials/tags-by-subscription": true, "/partials/tags-by-type": false,
	}
}

// TestEveryRouteIsIsolated has every GET of the API in one of the lists of
// addresses that are asked as several viewers.
func TestEveryRouteIsIsolated(t *testing.T) {
	t.Parallel()
	sim := simulate(t, late, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: 1, Months: 2, Groups: 2, Services: 3})
	w := begin(t, sim, "sqlite:"+filepath.Join(t.TempDir(), "fresnel.db"))
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(w.get("/openapi.json").body), &doc); err != nil || len(doc.Paths) < 40 {
		t.Fatalf("%d paths, %v", len(doc.Paths), err)
	}
	asked := map[string]bool{"/api/v1/resources/detail": true, "/api/v1/compliance/frameworks/detail": true, "/api/v1/compliance/frameworks/detail.csv": true, "/api/v1/compliance/drift.csv": true, namesPath: true} // asked by an id, or of days that are compared
	for _, list := range []map[string]bool{places(), inventoryPlaces(), compliancePlaces(), identityPlaces()} {
		for path := range list {
			path, _, _ = strings.Cut(path, "?")
			asked[path] = true
		}
	}
	for path, methods := range doc.Paths {
		if methods["get"] != nil && !strings.Contains(path, "{") && !asked[path] {
			t.Errorf("%s is not asked as several viewers", path)
		}
	}
}

// namesOf are names of resources that only one tenant has, as answers write them.
func (w *world) namesOf(tenant string) []string {
	of := map[string]map[string]bool{}
	w.Inventory("", time.Time{}, func(r azuresim.Resource) bool {
		if of[r.Name] == nil {
			of[r.Name] = map[string]bool{}
		}
		of[r.Name][r.TenantID] = true
		return true
	})
	var out []string
	for name, tenants := range of {
		if len(tenants) == 1 && tenants[tenant] && len(name) > 8 {
			out = append(out, name, html.EscapeString(name))
		}
	}
	return out
}

// TestInventoryIsolation has viewers of one tenant, and of none, ask for all
// that is told of resources.
func TestInventoryIsolation(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4, MarkupNames: true})
		file := filepath.Join(t.TempDir(), "tags.json")
		if err := os.WriteFile(file, []byte(`{"tags": [{"tenants": ["*"], "required": [{"key": "env", "values": ["prod"]}]}]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		w := begin(t, sim, database, months(2), viewers, func(c *app.Config, _ *app.Options) { c.TagPolicies = file })
		whole(t, w.inventory(t))
		estate := sim.Estate()
		theirs := *w
		theirs.headers = []string{"X-Viewer", estate[1].ID}
		foreign := theirs.resources(t, "")
		found := theirs.waste(t, "").Data
		if len(foreign) == 0 || len(found) == 0 {
			t.Fatal("the test shows nothing")
		}
		day := sim.Clock().Now().Add(48 * time.Hour).Format(time.DateOnly)
		sub := "/subscriptions/" + estate[1].Subscriptions[0].ID
		except := map[string]any{"rule": found[0].Rule, "object": sub, "verdict": "expected", "note": "of " + estate[1].Name, "expires": day}
		for i, te := range estate { // each by who may
			own := maps.Clone(except)
			own["object"], own["note"] = "/subscriptions/"+te.Subscriptions[0].ID+"/resourceGroups/none", "of "+te.Name
			if a := w.send("POST", "/api/v1/exceptions", own, "X-Viewer", te.ID); a.status/100 != 2 {
				t.Fatalf("%d: %d %s", i, a.status, a.body)
			}
		}
		said := theirs.exceptions(t, "")
		id := foreign[slices.Sorted(maps.Keys(foreign))[0]].ID
		names := map[string][]string{}
		for _, te := range estate {
			if names[te.ID] = w.namesOf(te.ID); len(names[te.ID]) < 20 {
				t.Errorf("%d names that only %s has: the test shows nothing", len(names[te.ID]), te.Name)
			}
		}
		for _, viewer := range []string{estate[0].ID, "", estate[1].ID, estate[0].ID + "," + estate[1].ID} {
			want := slices.DeleteFunc(strings.Split(viewer, ","), func(s string) bool { return s == "" })
			for round := range 2 {
				for path, named := range inventoryPlaces() {
					a := w.ask("GET", path, "X-Viewer", viewer)
					if got := whose(estate, a.body); a.status != 200 || named && !slices.Equal(got, want) || slices.ContainsFunc(got, func(id string) bool { return !slices.Contains(want, id) }) {
						t.Errorf("round %d: %s for %q: %d, shows %v", round, path, viewer, a.status, got)
					}
					for of, list := range names {
						if slices.Contains(want, of) {
							continue
						}
						for _, name := range list {
							if strings.Contains(a.body, name) {
								t.Errorf("round %d: %s for %q shows the name %q", round, path, viewer, name)
								break
							}
						}
					}
				}
			}
			if slices.Contains(want, estate[1].ID) {
				continue
			}
			q := url.QueryEscape(id)
			for _, a := range []answer{
				w.ask("GET", "/api/v1/resources/detail?id="+q, "X-Viewer", viewer),
				w.send("POST", fmt.Sprintf("/api/v1/findings/%d/verdict", found[0].ID), map[string]string{"verdict": "acknowledged"}, "X-Viewer", viewer),
				w.send("POST", "/api/v1/exceptions", except, "X-Viewer", viewer),
				w.send("DELETE", fmt.Sprintf("/api/v1/exceptions/%d", said[0].ID), nil, "X-Viewer", viewer),
			} {
				refused(t, a, 404)
			}
			for path := range inventoryPlaces() {
				if strings.HasPrefix(path, "/api/") {
					refused(t, w.ask("GET", with(path, "tenant", estate[1].ID), "X-Viewer", viewer), 404)
				} else if a := w.ask("GET", with(path, "tenant", estate[1].ID), "X-Viewer", viewer); a.status != 404 {
					t.Errorf("%s for %q: %d", a.path, viewer, a.status)
				}
			}
			for _, path := range []string{"/api/v1/resources?", "/api/v1/resources.csv?", "/api/v1/resources/changes?", "/api/v1/resources/changes.csv?"} {
				refused(t, w.ask("GET", path+"sub="+estate[1].Subscriptions[0].ID, "X-Viewer", viewer), 404)
			}
			for _, path := range []string{"/resources/detail?id=", "/partials/resource-drawer?id="} {
				a := w.ask("GET", path+q, "X-Viewer", viewer)
				if body := strings.NewReplacer(id, "", html.EscapeString(id), "", q, "").Replace(a.body); a.status != 404 && viewer != "" || len(whose(estate[1:], body)) > 0 { // who sees no tenant is told how to begin
					t.Errorf("%s for %q: %d, shows %v", path, viewer, a.status, whose(estate, body))
				}
			}
			for _, path := range []string{"/api/v1/resources/changes?id=", "/api/v1/findings?state=all&object=", "/api/v1/exceptions?object="} {
				if v := read[[]any](t, &world{Server: w.Server, app: w.app, headers: []string{"X-Viewer", viewer}}, path+q); len(v.Data) > 0 {
					t.Errorf("%s for %q: %v", path, viewer, v.Data)
				}
			}
		}
		if d := diff(found, theirs.waste(t, "").Data); d != "" {
			t.Errorf("judged by a stranger:\n%s", d)
		}
		if d := diff(said, theirs.exceptions(t, "")); d != "" {
			t.Errorf("excepted by a stranger:\n%s", d)
		}
		if a := theirs.get("/api/v1/resources/detail?id=" + url.QueryEscape(strings.ToUpper(id))); a.status != 200 || !strings.Contains(a.body, id) {
			t.Errorf("his own: %d %.300s", a.status, a.body)
		}
	})
}
