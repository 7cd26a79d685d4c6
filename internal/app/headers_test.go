package app_test

import (
	"net/http"
	"strings"
	"testing"

	"fresnel/internal/azuresim"
	"fresnel/internal/web"
)

// TestHeaders holds the headers of answers: those of safety on each, no more
// than are needed on one from the cache, and the request's name where something
// went wrong.
func TestHeaders(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: 1, Months: 2, Groups: 1, Services: 2})
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		for path, isPage := range map[string]bool{
			"/": true, "/costs": true, "/partials/cost-summary-card": false, "/api/v1/costs/summary": false, "/api/v1/tenants": false, "/sync": true, "/health": false,
		} {
			for _, which := range []string{"the first", "a cached"} {
				a := w.get(path)
				safe(t, a)
				if a.status != http.StatusOK || a.header.Get("X-Request-Id") != "" || len(a.header) > 9 {
					t.Errorf("%s answer of %s: %d with %d headers: %v", which, path, a.status, len(a.header), a.header)
				}
				if opener := a.header.Get("Cross-Origin-Opener-Policy") == "same-origin"; opener != isPage {
					t.Errorf("%s answer of %s: the opener policy is there: %v", which, path, opener)
				}
				if isPage && !strings.Contains(a.body, `<meta name="referrer" content="same-origin">`) {
					t.Errorf("%s answer of %s has no referrer policy", which, path)
				}
				if etag := a.header.Get("ETag"); etag != "" {
					b := w.ask(http.MethodGet, path, "If-None-Match", etag)
					if b.status != http.StatusNotModified || b.header.Get("ETag") != etag || b.header.Get("Cache-Control") != "private, no-cache" || b.header.Get("Vary") != a.header.Get("Vary") || len(b.header) != 3 {
						t.Errorf("%s unchanged: %d %v", path, b.status, b.header)
					}
				}
			}
		}
		for _, path := range []string{"/nothing", "/api/v1/nothing", "/api/v1/costs/summary?period=never", "/?tenant=nobody", "/partials/cost-chart?tenant=nobody"} {
			a := w.get(path)
			safe(t, a)
			if id := a.header.Get("X-Request-Id"); a.status < 400 || id == "" || !strings.Contains(a.body, id) {
				t.Errorf("%s: %d, request %q: %.300s", path, a.status, id, a.body)
			}
		}
	})
}

func safe(t *testing.T, a answer) {
	t.Helper()
	if a.header.Get("Content-Security-Policy") != web.Policy || a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(web.Policy, "frame-ancestors 'none'") {
		t.Errorf("%s lacks the headers of every answer: %v", a.path, a.header)
	}
}
