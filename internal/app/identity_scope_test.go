package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/app"
	"fresnel/internal/azuresim"
	"fresnel/internal/identity"
)

const namesPath = "/api/v1/identity/names"

// identityPlaces are all addresses that tell of identity, but names. Those that are
// true must name the tenants that the viewer sees.
func identityPlaces() map[string]bool {
	const api = "/api/v1/identity/"
	out := map[string]bool{
		"/": true, "/sync": true, "/api/v1/findings?domain=identity&limit=1000": true, "/api/v1/findings.csv?domain=identity": true, "/api/v1/exceptions?domain=identity": true, "/api/v1/exceptions.csv?domain=identity": true,
	}
	for name, named := range map[string]bool{
		"summary": true, "privileged": true, "privileged/others": true, "guests": true, "stale": true, "mfa": true, "credentials": true, "roles": true, "trends": true,
	} {
		out[api+name] = named
		out[api+name+".csv"] = named
	}
	for _, path := range []string{
		"privileged?limit=1000", "privileged?sort=idle", "privileged?list=eligible", "privileged?list=disabled-with-roles", "privileged/others?limit=1000", "guests?list=guests-pending", "guests?list=guests-with-roles", "stale?list=never-used",
		"stale?list=stale-members", "mfa?list=mfa-registered&limit=1000", "mfa?list=mfa-unknown", "credentials?state=expired", "credentials?state=endless", "credentials?long=true", "roles?kind=azure", "roles?tier=control-plane", "trends?period=7d",
	} {
		out[api+path] = false
	}
	maps.Copy(out, map[string]bool{
		"/identity": true, "/identity?list=guests": true, "/identity?list=privileged&sort=idle": true, "/partials/identity-stats": true, "/partials/identity-gaps": false, "/partials/identity-trend": false,
		"/partials/identity-list": true, "/partials/identity-rules": false, "/partials/identity-card": false,
	})
	return out
}

// objects are the ids of all that only a tenant's directory has.
func (w *world) objects(t *testing.T, tenant string) *needles {
	t.Helper()
	n := &needles{}
	w.DirectoryPeople(tenant, w.Clock().Now(), func(p azuresim.DirectoryPerson) bool {
		n.add(p.ID)
		return true
	})
	all, err := w.IdentitySets(azuresim.IdentityQuery{Tenant: tenant})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range all {
		for _, id := range list {
			n.add(id)
		}
	}
	return n
}

// TestIdentityIsolation has viewers of one tenant, of two, and of none, ask for all
// that is told of identity, and for names.
func TestIdentityIsolation(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4})
		w := begin(t, sim, database, months(2), viewers, func(c *app.Config, _ *app.Options) { c.IdentityNames = true })
		whole(t, w.identities(t))
		estate := sim.Estate()
		of := func(te azuresim.EstateTenant) *world {
			own := *w
			own.headers = []string{"X-Viewer", te.ID}
			return &own
		}
		except := map[string]map[string]any{}
		objects := map[string]*needles{}
		for _, te := range estate { // each by who may
			found := of(te).findings(t, "domain=identity")
			if objects[te.ID] = w.objects(t, te.ID); len(found) < 20 || objects[te.ID].n < 100 {
				t.Fatalf("%d findings, %d objects: the test shows nothing", len(found), objects[te.ID].n)
			}
			i := slices.IndexFunc(found, func(f findingRow) bool { return f.Rule == identity.RuleStanding })
			except[te.ID] = map[string]any{"rule": found[i].Rule, "tenant_id": te.ID, "object": found[i].Object, "verdict": "expected", "note": "of " + te.Name, "expires": late.AddDate(0, 0, 3).Format(time.DateOnly)}
			if a := w.send("POST", "/api/v1/exceptions", except[te.ID], "X-Viewer", te.ID); a.status/100 != 2 {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		theirs := of(estate[1])
		said, standing := theirs.exceptions(t, ""), theirs.findings(t, "domain=identity&state=all")
		account := strings.TrimPrefix(fmt.Sprint(except[estate[1].ID]["object"]), "account/")
		page := read[[]any](t, theirs, "/api/v1/identity/privileged?limit=1")
		names := namesPath + "?id=" + account + "&tenant="
		if a := theirs.get(names + estate[1].ID); a.status != 200 || !strings.Contains(a.body, account) { // and then it is held
			t.Fatalf("his own name: %d %s", a.status, a.body)
		}
		for _, viewer := range []string{estate[0].ID, "", estate[1].ID, estate[0].ID + "," + estate[1].ID} {
			want := slices.DeleteFunc(strings.Split(viewer, ","), func(s string) bool { return s == "" })
			for round := range 2 {
				for _, path := range slices.Sorted(maps.Keys(identityPlaces())) {
					a := w.ask("GET", path, "X-Viewer", viewer)
					got := whose(estate, a.body)
					if a.status != 200 || identityPlaces()[path] && !slices.Equal(got, want) || slices.ContainsFunc(got, func(id string) bool { return !slices.Contains(want, id) }) {
						t.Errorf("round %d: %s for %q: %d, shows %v", round, path, viewer, a.status, got)
					}
					for id, n := range objects {
						if f := n.inText(a.body); len(f) > 0 && !slices.Contains(want, id) {
							t.Errorf("round %d: %s for %q shows %d objects of %s, such as %s", round, path, viewer, len(f), id, f[0].text)
						}
					}
				}
			}
			if slices.Contains(want, estate[1].ID) {
				continue
			}
			for _, te := range []string{estate[1].ID, slug(estate[1].Name), "nobody"} {
				for _, path := range []string{names + te, names + te + "&id=" + account} {
					if p := refused(t, w.ask("GET", path, "X-Viewer", viewer), 404); strings.Contains(p.Detail, estate[1].Name) {
						t.Errorf("%s for %q tells %s", path, viewer, p.Detail)
					}
				}
			}
			if viewer != "" { // another's account, asked of his own tenant
				if a := w.ask("GET", names+viewer, "X-Viewer", viewer); a.status != 200 || strings.Contains(a.body, account) {
					t.Errorf("another's account: %d %s", a.status, a.body)
				}
			}
			for _, a := range []answer{
				w.send("POST", "/api/v1/exceptions", except[estate[1].ID], "X-Viewer", viewer),
				w.send("DELETE", fmt.Sprintf("/api/v1/exceptions/%d", said[0].ID), nil, "X-Viewer", viewer),
			} {
				refused(t, a, 404)
			}
			for path := range identityPlaces() {
				if strings.HasPrefix(path, "/api/") {
					refused(t, w.ask("GET", with(path, "tenant", estate[1].ID), "X-Viewer", viewer), 404)
				} else if a := w.ask("GET", with(path, "tenant", estate[1].ID), "X-Viewer", viewer); a.status != 404 {
					t.Errorf("%s for %q: %d", a.path, viewer, a.status)
				}
			}
			for _, path := range []string{
				"/api/v1/identity/privileged?account=" + account, "/api/v1/findings?object=" + url.QueryEscape("account/"+account), "/api/v1/exceptions?object=" + url.QueryEscape("account/"+account),
			} {
				if v := read[[]any](t, &world{Server: w.Server, app: w.app, headers: []string{"X-Viewer", viewer}}, path); len(v.Data) > 0 {
					t.Errorf("%s for %q: %v", path, viewer, v.Data)
				}
			}
			// A place in another's list is none in one's own: only his rows come.
			a := w.ask("GET", "/api/v1/identity/privileged?limit=1000&cursor="+page.Meta.NextCursor, "X-Viewer", viewer)
			if got := whose(estate, a.body); a.status != http.StatusOK || slices.ContainsFunc(got, func(id string) bool { return !slices.Contains(want, id) }) {
				t.Errorf("another's cursor for %q: %d, shows %v", viewer, a.status, got)
			}
		}
		if d := diff(said, theirs.exceptions(t, "")); d != "" {
			t.Errorf("excepted by a stranger:\n%s", d)
		}
		if d := diff(standing, theirs.findings(t, "domain=identity&state=all")); d != "" {
			t.Errorf("judged by a stranger:\n%s", d)
		}
	})
}

// TestBadIdentityInput sends what is wrong to all that tells of identity, and expects
// to be told so.
func TestBadIdentityInput(t *testing.T) {
	t.Parallel()
	long(t)
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 1, Months: 2, Groups: 2, Services: 3})
		w := begin(t, sim, database, months(2), func(c *app.Config, _ *app.Options) { c.IdentityNames = true })
		whole(t, w.identities(t))
		const stranger = "11111111-2222-4333-8444-555555555555"
		mine, long := sim.Estate()[0].ID, strings.Repeat("x", 5000)
		paths := map[string]bool{namesPath: true}
		for path := range identityPlaces() {
			if path, _, _ = strings.Cut(path, "?"); strings.HasPrefix(path, "/api/v1/identity/") {
				paths[path] = true
			}
		}
		for path := range paths {
			id := "?"
			if path == namesPath {
				id = "?id=" + stranger + "&"
			}
			for query, status := range map[string]int{
				"tenant=" + stranger: 404, "tenant=nobody": 404, "tenant=%00": 404, "tenant=%FF%FE": 404, "tenant=" + long: 404, "tenant=*": 404, "tenant='%20OR%201=1%20--": 404,
				"colour=red": 422, "Tenant=x": 422, "offset=3": 422, "sub=" + sim.Estate()[0].Subscriptions[0].ID: 422, strings.Repeat("tenant=nobody&", 501): 422,
			} {
				refused(t, w.get(path+id+query), status)
			}
		}
		const api = "/api/v1/identity/"
		for _, list := range []string{"privileged", "privileged/others", "guests", "stale", "mfa", "credentials", "roles"} {
			for query, status := range map[string]int{
				"limit=0": 422, "limit=-1": 422, "limit=1001": 422, "limit=ten": 422, "limit=1e2": 422, "cursor=!": 400, "cursor=%00": 400, "cursor=" + long: 422,
			} {
				refused(t, w.get(api+list+"?"+query), status)
			}
		}
		names := namesPath + "?tenant=" + mine
		for path, status := range map[string]int{
			names: 422, names + "&id=": 422, names + "&id=ann": 400, names + "&id=%00": 400, names + "&id=" + long: 400, names + strings.Repeat("&id="+stranger, 201): 422, names + "&id=" + stranger + "&id=%27": 400,
			names + "&tenant=" + sim.Estate()[1].ID + "&id=" + stranger: 400, namesPath + "?id=" + stranger: 400, namesPath + ".csv?tenant=" + mine + "&id=" + stranger: 404,
			api + "privileged?list=colour": 422, api + "privileged?list=guests": 422, api + "privileged?account=ann": 400, api + "privileged?sort=%00": 422, api + "guests?list=privileged": 422, api + "stale?list=%27": 422,
			api + "credentials?state=good": 422, api + "credentials?long=perhaps": 422, api + "roles?kind=other": 422, api + "roles?tier=9": 422, api + "trends?period=" + long: 422, api + "trends?from=2026-11-01": 400,
			api + "trends?from=2026-11-02&to=2026-11-01": 400, api + "trends.csv?from=x&to=y": 400, api + "mfa.csv?limit=5": 422, api: 404, api + "none": 404,
		} {
			refused(t, w.get(path), status)
		}
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			refused(t, w.ask(method, api+"summary"), 405)
		}
		if a := w.get(names + "&id=" + stranger); a.status != 200 || !json.Valid([]byte(a.body)) || !strings.Contains(a.body, `"data":{}`) {
			t.Errorf("an account that nobody is: %d %s", a.status, a.body)
		}
		closed := begin(t, sim, database, months(2)) // without the switch nobody is told a name
		refused(t, closed.get(names+"&id="+stranger), 403)
		for _, a := range []answer{
			w.send("POST", "/api/v1/exceptions", map[string]any{"rule": identity.RuleStanding, "tenant_id": mine, "object": "account/ann", "verdict": "expected"}),
			w.send("POST", "/api/v1/exceptions", map[string]any{"rule": identity.RuleStanding, "tenant_id": "", "object": "tenant", "verdict": "expected"}),
		} {
			refused(t, a, 400)
		}
		if n := w.count("exception"); n != 0 {
			t.Errorf("%d exceptions", n)
		}
	})
}
