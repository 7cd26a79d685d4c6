package app_test

import (
	"strings"
	"testing"

	"fresnel/internal/azuresim"
)

// TestBadInventoryInput sends what is wrong to all that tells of resources, and
// expects to be told so.
func TestBadInventoryInput(t *testing.T) {
	long(t)
	t.Parallel()
	long(t)
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 1, Months: 2, Groups: 2, Services: 3})
		w := begin(t, sim, database, months(2))
		whole(t, w.inventory(t))
		const stranger = "11111111-2222-4333-8444-555555555555"
		long := strings.Repeat("x", 5000)
		for path := range inventoryPlaces() {
			path, _, _ = strings.Cut(path, "?")
			if !strings.HasPrefix(path, "/api/") {
				continue
			}
			for query, status := range map[string]int{
				"tenant=" + stranger: 404, "tenant=nobody": 404, "tenant=%00": 404, "tenant=%FF%FE": 404, "tenant=" + long: 404, "tenant=*": 404, "tenant='%20OR%201=1%20--": 404,
				"colour=red": 422, "Tenant=x": 422, "offset=3": 422, strings.Repeat("tenant=nobody&", 501): 422,
			} {
				refused(t, w.get(path+"?"+query), status)
			}
		}
		for _, path := range []string{"/api/v1/resources", "/api/v1/resources/orphaned", "/api/v1/resources/changes", "/api/v1/findings", "/api/v1/exceptions"} {
			for query, status := range map[string]int{
				"limit=0": 422, "limit=-1": 422, "limit=1001": 422, "limit=ten": 422, "limit=1e2": 422, "cursor=!": 400, "cursor=%00": 400, "cursor=" + long: 422,
			} {
				refused(t, w.get(path+"?"+query), status)
			}
		}
		for path, status := range map[string]int{
			"/api/v1/resources?sub=" + stranger: 404, "/api/v1/resources?sub=x": 400, "/api/v1/resources?sub=" + sim.Estate()[1].Subscriptions[0].ID + "&tenant=" + sim.Estate()[0].ID: 404,
			"/api/v1/resources?tag_value=x": 400, "/api/v1/resources?q=" + long: 422, "/api/v1/resources?missing=" + long: 422, "/api/v1/resources?gone=perhaps": 422, "/api/v1/resources?sort=colour": 422,
			"/api/v1/resources?tag=" + long: 422, "/api/v1/resources.csv?tag_value=x": 400, "/api/v1/resources.csv?limit=5": 422, "/api/v1/resources?" + strings.Repeat("type=x&", 101): 422,
			"/api/v1/resources/detail": 422, "/api/v1/resources/detail?id=": 422, "/api/v1/resources/detail?id=%00": 404, "/api/v1/resources/detail?id=" + long: 422, "/api/v1/resources/detail?id=/subscriptions/" + stranger: 404,
			"/api/v1/resources/orphaned?state=closed": 422, "/api/v1/resources/orphaned?rule=none": 400, "/api/v1/resources/orphaned?over=-1": 400, "/api/v1/resources/orphaned.csv?over=x": 400,
			"/api/v1/resources/changes?kind=renamed": 422, "/api/v1/resources/changes?actor=me": 422, "/api/v1/resources/changes?to=2026-11-01": 400, "/api/v1/resources/changes?from=2026-02-30": 400,
			"/api/v1/resources/changes?from=2026-11-02&to=2026-11-01": 400, "/api/v1/resources/changes.csv?from=x": 400, "/api/v1/resources/changes?id=" + long: 422, "/api/v1/resources/changes?sub=x": 400,
			"/api/v1/resources/": 404, "/api/v1/resources/none": 404, "/api/v1/findings/1": 404, "/api/v1/findings/1/verdict": 405,
		} {
			refused(t, w.get(path), status)
		}
		// Names that nobody has find nothing, whatever they look like.
		for _, name := range []string{"nobody", "%00", "%FF%FE", "'%20OR%201=1%20--", "%25%25%25", "___", "%22%5D", "%5C", "*%22%20NEAR%28", "%C3%A4%C3%B6%00"} {
			for _, filter := range []string{"q", "type", "resource_group", "location", "tag", "missing"} {
				if v := read[[]any](t, w, "/api/v1/resources?"+filter+"="+name); len(v.Data) > 0 {
					t.Errorf("%s=%s finds %d", filter, name, len(v.Data))
				}
			}
			for _, path := range []string{"/api/v1/resources/changes?type=", "/api/v1/resources/changes?id=", "/api/v1/findings?object=", "/api/v1/exceptions?object="} {
				if v := read[[]any](t, w, path+name); len(v.Data) > 0 {
					t.Errorf("%s%s finds %d", path, name, len(v.Data))
				}
			}
		}
		for path := range inventoryPlaces() {
			path, _, _ = strings.Cut(path, "?")
			if strings.HasPrefix(path, "/api/") {
				continue
			}
			a := w.get(path + "?colour=%3Cscript%3Ealert(1)%3C/script%3E&q=%3Cb%3Eq&sort=%00&cursor=%00%FF&kind=%3Cb%3Ek&over=x&limit=-1")
			if a.status != 200 || strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<b>q") || strings.Contains(a.body, "<b>k") {
				t.Errorf("%s: %d, or what was sent is markup", a.path, a.status)
			}
			for _, tenant := range []string{stranger, "nobody", "%00", "%3Cscript%3Ealert(1)%3C/script%3E"} {
				if a := w.get(path + "?tenant=" + tenant); a.status != 404 || strings.Contains(a.body, "<script>alert") {
					t.Errorf("%s: %d", a.path, a.status)
				}
			}
		}
		if n := w.count("exception"); n != 0 {
			t.Errorf("%d exceptions", n)
		}
	})
}
