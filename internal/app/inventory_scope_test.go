package app_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"fresnel/internal/azuresim"
)

// TestInventoryIsolation has viewers of one tenant, and of none, ask for all
// that is told of resources.
func TestInventoryIsolation(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4, MarkupNames: true})
		w := begin(t, sim, database, months(2), viewers)
		whole(t, w.inventory(t))
		estate := sim.Estate()
		theirs := *w
		theirs.headers = []string{"X-Viewer", estate[1].ID}
		foreign := theirs.resources(t, "")
		found := theirs.waste(t, "").Data
		if len(foreign) == 0 || len(found) == 0 {
			t.Fatal("the test shows nothing")
		}
		id := foreign[slices.Sorted(maps.Keys(foreign))[0]].ID
		for _, viewer := range []string{estate[0].ID, "", estate[1].ID, estate[0].ID + "," + estate[1].ID} {
			want := slices.DeleteFunc(strings.Split(viewer, ","), func(s string) bool { return s == "" })
			for round := range 2 {
				for path, named := range map[string]bool{
					"/api/v1/resources?limit=1000": true, "/api/v1/resources.csv": true, "/api/v1/resources/summary": false, "/api/v1/resources/orphaned?limit=1000": true,
					"/api/v1/resources/orphaned.csv": true, "/api/v1/resources/tagging": true, "/api/v1/resources/tagging.csv": true, "/api/v1/resources?gone=true": false,
				} {
					a := w.ask("GET", path, "X-Viewer", viewer)
					if got := whose(estate, a.body); a.status != 200 || named && !slices.Equal(got, want) || slices.ContainsFunc(got, func(id string) bool { return !slices.Contains(want, id) }) {
						t.Errorf("round %d: %s for %q: %d, shows %v", round, path, viewer, a.status, got)
					}
				}
			}
			if slices.Contains(want, estate[1].ID) {
				continue
			}
			path := fmt.Sprintf("/api/v1/findings/%d/verdict", found[0].ID)
			for _, a := range []answer{
				w.ask("GET", "/api/v1/resources/detail?id="+url.QueryEscape(id), "X-Viewer", viewer),
				w.send("POST", path, map[string]string{"verdict": "acknowledged"}, "X-Viewer", viewer),
				w.ask("GET", "/api/v1/resources?tenant="+estate[1].ID, "X-Viewer", viewer),
				w.ask("GET", "/api/v1/resources/orphaned?tenant="+estate[1].ID, "X-Viewer", viewer),
				w.ask("GET", "/api/v1/resources/tagging?tenant="+estate[1].ID, "X-Viewer", viewer),
				w.ask("GET", "/api/v1/resources/summary?tenant="+estate[1].ID, "X-Viewer", viewer),
			} {
				refused(t, a, 404)
			}
		}
		if d := diff(found, theirs.waste(t, "").Data); d != "" {
			t.Errorf("judged by a stranger:\n%s", d)
		}
		if a := theirs.get("/api/v1/resources/detail?id=" + url.QueryEscape(strings.ToUpper(id))); a.status != 200 || !strings.Contains(a.body, id) {
			t.Errorf("his own: %d %.300s", a.status, a.body)
		}
	})
}
