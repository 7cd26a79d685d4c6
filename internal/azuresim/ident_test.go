package azuresim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// object is a row of Graph.
type object map[string]any

func (o object) text(name string) string { s, _ := o[name].(string); return s }

func (o object) list(name string) []any { l, _ := o[name].([]any); return l }

func (o object) object(name string) object { m, _ := o[name].(map[string]any); return m }

func (o object) when(name string) time.Time {
	t, _ := time.Parse(time.RFC3339, o.text(name))
	return t
}

// graphClient reads Graph in one tenant.
type graphClient struct {
	*client
	tenant, token string
	pages, empty  int

	known map[string][]string // the truth of an instant
	at    time.Time
}

func (c *client) msgraph(tenant string) *graphClient {
	c.t.Helper()
	tok, err := c.sim.GraphToken(tenant, time.Hour)
	if err != nil {
		c.t.Fatal(err)
	}
	return &graphClient{client: c, tenant: tenant, token: tok}
}

// ask sends a GET, or what a batch needs; path begins after /v1.0, or is a whole URL.
func (g *graphClient) ask(path string, header ...string) answer {
	g.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = g.sim.GraphURL() + "/v1.0" + strings.ReplaceAll(path, " ", "%20")
	}
	req, _ := http.NewRequest("GET", path, nil)
	if g.token != "" {
		req.Header.Set("Authorization", "Bearer "+g.token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := g.http.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

type graphPage struct {
	Value []object
	Count *int   `json:"@odata.count"`
	Next  string `json:"@odata.nextLink"`
	Delta string `json:"@odata.deltaLink"`
}

// walk follows nextLinks to the end.
func (g *graphClient) walk(path string, header ...string) (rows []object, delta string) {
	g.t.Helper()
	for path != "" {
		a := g.ask(path, header...)
		if a.status != 200 {
			g.t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		var p graphPage
		if err := json.Unmarshal(a.body, &p); err != nil {
			g.t.Fatalf("%s: %v", path, err)
		}
		g.pages++
		if len(p.Value) == 0 {
			g.empty++
		}
		rows = append(rows, p.Value...)
		path, delta = p.Next, p.Delta
	}
	return rows, delta
}

func (g *graphClient) all(path string, header ...string) []object {
	g.t.Helper()
	rows, _ := g.walk(path, header...)
	return rows
}

// truth is a list of the truth API.
func (g *graphClient) truth(list string) []string {
	g.t.Helper()
	if now := g.clock.Now(); g.known == nil || !g.at.Equal(now) {
		var err error
		if g.known, err = g.sim.IdentitySets(azuresim.IdentityQuery{Tenant: g.tenant}); err != nil {
			g.t.Fatal(err)
		}
		g.at = now
	}
	return g.known[list]
}

// same compares a set of ids with a list of the truth API, which must hold something unless it may be empty.
func (g *graphClient) same(list string, got map[string]bool, mayBeEmpty ...bool) {
	g.t.Helper()
	want := g.truth(list)
	have := slices.Sorted(maps.Keys(got))
	if !slices.Equal(have, want) {
		g.t.Errorf("%s: the API gives %d, truth %d; only one has %s", list, len(have), len(want), difference(have, want))
	}
	if len(want) == 0 && len(mayBeEmpty) == 0 {
		g.t.Errorf("%s is empty", list)
	}
}

func difference(a, b []string) string {
	var out []string
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); !ok {
			out = append(out, "+"+x)
		}
	}
	for _, x := range b {
		if _, ok := slices.BinarySearch(a, x); !ok {
			out = append(out, "-"+x)
		}
	}
	if len(out) > 5 {
		out = out[:5]
	}
	return fmt.Sprint(out)
}

const userFields = "id,displayName,userPrincipalName,mail,userType,accountEnabled,createdDateTime,externalUserState,creationType,assignedLicenses,onPremisesSyncEnabled,lastPasswordChangeDateTime"

func ids(rows []object, keep func(o object) bool) map[string]bool {
	out := map[string]bool{}
	for _, o := range rows {
		if keep(o) {
			out[o.text("id")] = true
		}
	}
	return out
}

func isGuest(o object) bool {
	return o.text("userType") == "Guest" || o["userType"] == nil && strings.Contains(o.text("userPrincipalName"), "#EXT#")
}

func isPerson(o object) bool {
	return !isGuest(o) && o["accountEnabled"] == true && !strings.HasPrefix(o.text("displayName"), "On-Premises Directory") && !strings.HasPrefix(o.text("userPrincipalName"), "package_")
}

// lastUse is when an account was used, by the rule of governance/identity.md.
func lastUse(o object) time.Time {
	s, _ := o["signInActivity"].(map[string]any)
	a := object(s)
	last := a.when("lastSuccessfulSignInDateTime")
	if t := a.when("lastSignInDateTime"); last.IsZero() && t.Before(time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC)) {
		last = t
	}
	if t := a.when("lastNonInteractiveSignInDateTime"); t.After(last) {
		last = t
	}
	return last
}

// checkAccounts compares what lists of accounts and the report say with the truth.
func (g *graphClient) checkAccounts() []object {
	g.t.Helper()
	users := g.all("/users?$select=" + userFields + ",signInActivity&$top=500")
	on := func(o object) bool { return o["accountEnabled"] == true }
	stale := noon90(g.clock.Now())
	g.same("users", ids(users, func(object) bool { return true }))
	g.same("guests", ids(users, isGuest))
	g.same("members", ids(users, func(o object) bool { return !isGuest(o) }))
	g.same("external-members", ids(users, func(o object) bool { return !isGuest(o) && strings.Contains(o.text("userPrincipalName"), "#EXT#") }), true)
	g.same("untyped", ids(users, func(o object) bool { return o["userType"] == nil }), true)
	g.same("enabled", ids(users, on))
	g.same("disabled", ids(users, func(o object) bool { return !on(o) }))
	g.same("synced", ids(users, func(o object) bool { return o["onPremisesSyncEnabled"] == true }))
	g.same("licensed", ids(users, func(o object) bool { return len(o.list("assignedLicenses")) > 0 }))
	g.same("disabled-licensed", ids(users, func(o object) bool { return !on(o) && len(o.list("assignedLicenses")) > 0 }))
	g.same("pending-guests", ids(users, func(o object) bool { return isGuest(o) && o.text("externalUserState") == "PendingAcceptance" }), true)
	isStale := func(o object) bool { t := lastUse(o); return on(o) && !t.IsZero() && t.Before(stale) }
	never := func(o object) bool { return on(o) && lastUse(o).IsZero() }
	old := func(o object) bool { return o.when("createdDateTime").Before(g.clock.Now().AddDate(0, 0, -30)) }
	g.same("stale-members", ids(users, func(o object) bool { return isStale(o) && !isGuest(o) }))
	g.same("stale-guests", ids(users, func(o object) bool { return isStale(o) && isGuest(o) }), true)
	g.same("never", ids(users, func(o object) bool { return never(o) && old(o) }))
	g.same("newcomers", ids(users, func(o object) bool { return never(o) && !old(o) }), true)
	report := g.all("/reports/authenticationMethods/userRegistrationDetails?$top=999")
	g.same("report", ids(report, func(object) bool { return true }))
	g.same("mfa-registered", ids(report, func(o object) bool { return o["isMfaRegistered"] == true }))
	g.same("mfa-capable", ids(report, func(o object) bool { return o["isMfaCapable"] == true }))
	people := ids(users, isPerson)
	g.same("people", people)
	g.same("mfa-registered-people", ids(report, func(o object) bool { return people[o.text("id")] && o["isMfaRegistered"] == true }))
	g.same("mfa-unregistered-people", ids(report, func(o object) bool { return people[o.text("id")] && o["isMfaRegistered"] != true }))
	return users
}

func noon90(now time.Time) time.Time { return now.AddDate(0, 0, -90) }

// full is the options of a small estate in which nothing is missing.
var full = azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 4, Months: 2, Resources: 1, Waste: -1}

func TestIdentityAccountsEqualTruth(t *testing.T) {
	for _, n := range [][2]int{{0, 0}, {12_000, 250}} {
		o := full
		o.Accounts, o.Guests = n[0], n[1]
		c := start(t, o)
		g := c.msgraph(c.sim.Estate()[0].ID)
		users := g.checkAccounts()
		if n[0] > 0 {
			if got := len(g.truth("guests")); len(users) != n[0] || got != n[1] {
				t.Errorf("%d accounts, %d guests; want %v", len(users), got, n)
			}
			if g.empty == 0 {
				t.Error("no page was empty")
			}
		}
		c.clock.Advance(40 * 24 * time.Hour) // some came, some went, some were disabled
		if later := g.checkAccounts(); n[0] > 0 && (len(later) == len(users) || later[len(later)-1].text("id") == users[len(users)-1].text("id")) {
			t.Error("nothing happened in forty days")
		}
		deleted := g.all("/directory/deletedItems/microsoft.graph.user?$select=id,deletedDateTime")
		g.same("deleted", ids(deleted, func(o object) bool { return !o.when("deletedDateTime").IsZero() }))
	}
}

// transitive are the accounts of a group.
func (g *graphClient) transitive(group string) []string {
	var out []string
	for _, m := range g.all("/groups/" + group + "/transitiveMembers?$select=id&$top=999") {
		if m.text("@odata.type") == "#microsoft.graph.user" {
			out = append(out, m.text("id"))
		}
	}
	return out
}

var readers = []string{"f2ef992c-3afb-46b9-b7cf-a126ee74c451", "5d6b6bb7-de71-4623-b4af-96380a352509", "1fe13547-53f6-408d-ac04-7f8eed167b38", "422218e4-db15-4ef9-bbe0-8afb41546d79"}

func TestIdentityRolesEqualTruth(t *testing.T) {
	o := full
	o.Accounts = 900
	c := start(t, o)
	for day := range 4 {
		g := c.msgraph(c.sim.Estate()[1].ID)
		strong := map[string]bool{}
		for _, d := range g.all("/roleManagement/directory/roleDefinitions?$select=id,displayName,templateId,isBuiltIn,isPrivileged") {
			strong[d.text("id")] = d["isPrivileged"] == true && !slices.Contains(readers, d.text("templateId"))
		}
		users := map[string]object{}
		for _, u := range g.all("/users?$select=id,userType,userPrincipalName,accountEnabled,onPremisesSyncEnabled&$top=999") {
			users[u.text("id")] = u
		}
		sets := map[string]map[string]bool{}
		add := func(list, id string) {
			if sets[list] == nil {
				sets[list] = map[string]bool{}
			}
			sets[list][id] = true
		}
		spread := func(a object, do func(id string)) {
			p, _ := a["principal"].(map[string]any)
			switch object(p).text("@odata.type") {
			case "#microsoft.graph.user":
				do(a.text("principalId"))
			case "#microsoft.graph.group":
				for _, id := range g.transitive(a.text("principalId")) {
					do(id)
				}
			}
		}
		const global = "62e90394-69f5-4237-9190-012177145e10"
		for _, a := range g.all("/roleManagement/directory/roleAssignments?$expand=principal") {
			if a["principal"] == nil {
				add("orphaned-roles", a.text("id"))
			}
			spread(a, func(id string) {
				if strong[a.text("roleDefinitionId")] {
					add("privileged", id)
					if users[id]["accountEnabled"] == true {
						add("privileged-enabled", id)
					}
				}
				if a.text("roleDefinitionId") == global {
					add("global-administrators", id)
					if isGuest(users[id]) {
						add("control-plane-guests", id)
					}
				}
			})
		}
		for _, a := range g.all("/roleManagement/directory/roleEligibilityScheduleInstances?$expand=principal") {
			spread(a, func(id string) {
				if strong[a.text("roleDefinitionId")] {
					add("privileged-eligible", id)
				}
			})
		}
		kinds := map[string]int{}
		for _, a := range g.all("/roleManagement/directory/roleAssignmentScheduleInstances?$expand=principal") {
			kinds[a.text("assignmentType")]++
			kinds[a.text("memberType")]++
			if strong[a.text("roleDefinitionId")] {
				spread(a, func(id string) {
					switch {
					case a.text("assignmentType") == "Activated":
						add("privileged-activated", id)
					case a["endDateTime"] == nil:
						add("privileged-standing", id)
					default:
						add("privileged-timed", id)
					}
				})
			}
		}
		for list, got := range sets {
			g.same(list, got)
		}
		if day == 0 && (kinds["Activated"] == 0 || kinds["Group"] == 0 || kinds["Inherited"] == 0 || kinds["Direct"] == 0 || len(sets) != 9) {
			t.Errorf("kinds %v, sets %d", kinds, len(sets))
		}
		for _, r := range g.all("/directoryRoles") {
			if r.text("roleTemplateId") == global {
				n := 0
				for _, m := range g.all("/directoryRoles/" + r.text("id") + "/members?$select=id,displayName,userPrincipalName") {
					if m.text("@odata.type") == "#microsoft.graph.user" {
						n++
					}
				}
				if n != len(sets["global-administrators"]) {
					t.Errorf("%d members of the role, %d administrators", n, len(sets["global-administrators"]))
				}
			}
		}
		c.clock.Advance(24 * time.Hour)
	}
}
