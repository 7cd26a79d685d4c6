package azuresim_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// listARM follows an ARM list.
func (c *client) listARM(token, path string) []map[string]any {
	c.t.Helper()
	var out []map[string]any
	for path != "" {
		a := c.do("GET", path, token, "")
		if a.status != 200 {
			c.t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		var v struct {
			Value    []map[string]any
			NextLink string
		}
		if err := json.Unmarshal(a.body, &v); err != nil {
			c.t.Fatal(err)
		}
		out, path = append(out, v.Value...), v.NextLink
	}
	return out
}

func lower(rows []map[string]any) []string {
	var out []string
	for _, r := range rows {
		out = append(out, strings.ToLower(fmt.Sprint(r["id"])))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// graphOf is the body of a query about some subscriptions.
func graphOf(query string, subs []string) string {
	b, _ := json.Marshal(map[string]any{"subscriptions": subs, "query": query})
	return string(b)
}

const rolesOf = "/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"

func TestIdentityAzureRoles(t *testing.T) {
	o := azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 5, Months: 2, Resources: 1, Waste: -1, ARMPageSize: 4}
	c := start(t, o)
	for _, tn := range c.sim.Estate() {
		token := c.token
		if tn.Kind == "app" {
			for _, x := range c.conn.Tenants {
				if x.ID == tn.ID {
					token = c.mint(x.ClientID, "https://management.azure.com")
				}
			}
		}
		g := c.msgraph(tn.ID)
		var rows []map[string]any
		var list []string
		for _, sub := range tn.Subscriptions {
			rows = append(rows, c.listARM(token, "/subscriptions/"+sub.ID+rolesOf)...)
			list = append(list, sub.ID)
		}
		if tn.Kind == "app" {
			for _, name := range []string{tn.ID} {
				rows = append(rows, c.listARM(token, "/providers/Microsoft.Management/managementGroups/"+name+rolesOf)...)
			}
		}
		var want []string
		for _, id := range g.truth("azure") {
			want = append(want, strings.ToLower(id))
		}
		have := lower(rows)
		missing := slices.DeleteFunc(slices.Clone(want), func(id string) bool { return slices.Contains(have, id) })
		for _, id := range missing { // a management group without subscriptions
			if !strings.Contains(id, "managementgroups") {
				t.Errorf("ARM lacks %s", id)
			}
		}
		if len(have) != len(want)-len(missing) {
			t.Errorf("ARM has %d, truth %d", len(have), len(want))
		}
		body := graphOf("authorizationresources | where type =~ 'microsoft.authorization/roleassignments' | project id, subscriptionId, p = tostring(properties.principalId), r = tostring(properties.roleDefinitionId), k = tostring(properties.principalType) | order by id asc", list)
		v, a := c.graph(token, body)
		if a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		below := 0
		for _, id := range want {
			if !strings.Contains(id, "managementgroups") {
				below++
			}
		}
		if v.Count != below || below == 0 {
			t.Errorf("%s: Resource Graph has %d, truth %d below management groups", tn.Kind, v.Count, below)
		}
		if tn.Kind == "app" {
			wider := strings.Replace(body, `"query"`, `"options":{"authorizationScopeFilter":"AtScopeAboveAndBelow"},"query"`, 1)
			if v, _ := c.graph(token, wider); v.Count != len(have) || v.Count == below {
				t.Errorf("with what is above: %d of %d", v.Count, len(have))
			}
		}
		defs, _ := c.graph(token, graphOf("authorizationresources | where type =~ 'microsoft.authorization/roledefinitions' | where properties.type == 'CustomRole' | project id, properties", list))
		if n := map[string]int{"app": 2, "delegated": 0}[tn.Kind]; defs.Count != n {
			t.Errorf("%s: %d roles of its own in Resource Graph", tn.Kind, defs.Count)
		}
		sub := "/subscriptions/" + tn.Subscriptions[0].ID
		if rows := c.listARM(token, sub+"/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01&$filter=type%20eq%20'CustomRole'"); len(rows) != 2 {
			t.Errorf("%d roles of its own", len(rows))
		}
		at := c.listARM(token, sub+rolesOf+"&$filter=atScope()")
		all := c.listARM(token, sub+rolesOf)
		if len(at) >= len(all) || len(at) == 0 {
			t.Errorf("atScope %d, all %d", len(at), len(all))
		}
		p := object(at[len(at)-1]).object("properties")["principalId"]
		for _, r := range c.listARM(token, sub+rolesOf+"&$filter=principalId%20eq%20'"+fmt.Sprint(p)+"'") {
			if object(r).object("properties")["principalId"] != p {
				t.Errorf("%v", r)
			}
		}
		if one := c.do("GET", fmt.Sprint(at[len(at)-1]["id"])+"?api-version=2022-04-01", token, ""); one.status != 200 {
			t.Errorf("%d %s", one.status, one.body)
		}
		for list, role := range map[string]string{"azure-owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "azure-access": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "azure-rbac": "f58310d9-a9f6-439a-9e8d-f62e7b41a168", "azure-contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c"} {
			var with []map[string]any
			for _, r := range rows {
				if strings.HasSuffix(object(r).object("properties").text("roleDefinitionId"), "/"+role) {
					with = append(with, r)
				}
			}
			var want []string
			for _, id := range g.truth(list) {
				if !slices.Contains(missing, strings.ToLower(id)) {
					want = append(want, strings.ToLower(id))
				}
			}
			slices.Sort(want)
			if have := lower(with); !slices.Equal(have, want) {
				t.Errorf("%s: %s", list, difference(have, want))
			}
		}
		types := map[string]bool{}
		for _, r := range rows {
			types[fmt.Sprint(object(r).object("properties")["principalType"])] = true
		}
		if len(types) != 4 {
			t.Errorf("%v", types)
		}
		for _, list := range []string{"azure-owner", "azure-access", "azure-rbac", "azure-contributor", "azure-custom-owner", "azure-orphaned", "azure-guests", "azure-service-owners", "azure-user-owners", "azure-owner-people", "azure-above"} {
			if len(g.truth(list)) == 0 {
				t.Errorf("%s is empty", list)
			}
		}
	}
	if rows := c.listARM(c.token, "/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01"); len(rows) != 5 {
		t.Errorf("%d built-in roles", len(rows))
	}
	if a := c.do("GET", "/subscriptions/"+c.sim.Estate()[0].Subscriptions[0].ID+rolesOf+"&$filter=nonsense", c.token, ""); a.status != 400 {
		t.Errorf("%d", a.status)
	}
}

func TestIdentityControl(t *testing.T) {
	c := start(t, full)
	tn := c.sim.Estate()[0]
	g := c.msgraph(tn.ID)
	post := func(method, path, body string) string {
		t.Helper()
		a := c.do(method, "/sim/identity/"+path+"?tenant="+tn.ID, "", body)
		var v struct{ ID string }
		_ = json.Unmarshal(a.body, &v)
		if a.status != 200 {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		return v.ID
	}
	in := func(list, id string) bool {
		g.known = nil
		return slices.Contains(g.truth(list), id)
	}
	id := post("POST", "accounts", `{"displayName":"Zed","userPrincipalName":"zed_x.example#EXT#@y.example","userType":"Guest","externalUserState":"Accepted","created":"2025-01-01T00:00:00Z","lastSuccessful":"2026-01-01T00:00:00Z","lastSignIn":"2026-11-01T00:00:00Z"}`)
	if !in("stale-guests", id) || !in("report", id) || in("mfa-registered", id) {
		t.Error("the guest is not stale")
	}
	role := post("POST", "roles", `{"role":"62e90394-69f5-4237-9190-012177145e10","principal":"`+id+`"}`)
	if !in("control-plane-guests", id) || !in("privileged-no-mfa", id) || !in("privileged-standing", id) {
		t.Error("the guest is no administrator")
	}
	azure := post("POST", "azureroles", `{"scope":"/subscriptions/`+tn.Subscriptions[0].ID+`","role":"8e3af657-a8ff-443c-a75c-2fe8c4bcb635","principal":"`+id+`"}`)
	if !in("azure-guests", azure) {
		t.Error("the guest is no owner")
	}
	post("PUT", "accounts/mfa", `{"id":"`+id+`"}`)
	post("PUT", "accounts/signin", `{"id":"`+id+`"}`)
	if in("privileged-no-mfa", id) || in("stale-guests", id) {
		t.Error("MFA or the sign-in did not count")
	}
	post("PUT", "remove", `{"id":"`+role+`"}`)
	post("PUT", "remove", `{"id":"`+azure+`"}`)
	if in("control-plane-guests", id) || in("azure-guests", azure) {
		t.Error("the roles stayed")
	}
	app := g.truth("applications-without")[0]
	key := post("POST", "credentials", `{"of":"`+app+`","end":"2026-12-01T00:00:00Z"}`)
	if !in("credentials-expiring", key) || !in("applications-expiring", app) {
		t.Error("the credential does not expire soon")
	}
	post("PUT", "remove", `{"id":"`+key+`"}`)
	if in("credentials-expiring", key) {
		t.Error("the credential stayed")
	}
	post("PUT", "accounts/disable", `{"id":"`+id+`"}`)
	post("PUT", "accounts/delete", `{"id":"`+id+`"}`)
	if in("users", id) || !in("deleted", id) {
		t.Error("the account stayed")
	}
	g.checkAccounts()
	post("PUT", "directory", `{"noP2":true}`)
	var rows []azuresim.Identity
	_ = json.Unmarshal(c.do("GET", "/sim/identity?staleDays=180", "", "").body, &rows)
	if len(rows) != 2 || !rows[0].Directory.NoP2 || rows[0].Counts["privileged-eligible"] != 0 || rows[0].Counts["stale"] >= len(g.truth("stale")) {
		t.Errorf("%v", rows)
	}
	var guests []string
	_ = json.Unmarshal(c.do("GET", "/sim/identity/guests?tenant="+tn.ID, "", "").body, &guests)
	if len(guests) != rows[0].Counts["guests"] {
		t.Errorf("%d", len(guests))
	}
	if n := strings.Count(string(c.do("GET", "/sim/identity/people?tenant="+tn.ID, "", "").body), "\n"); n < rows[0].Counts["users"] {
		t.Errorf("%d people", n)
	}
	for _, bad := range []string{"accounts", "accounts/fly", "roles", "nothing"} {
		if a := c.do("POST", "/sim/identity/"+bad+"?tenant="+tn.ID, "", `{"id":"x"}`); a.status != 400 {
			t.Errorf("%s: %d", bad, a.status)
		}
	}
}

func TestIdentityHundredThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("a large directory")
	}
	o := full
	o.Tenants, o.Accounts, o.Guests = 1, 100_000, 5000
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c := start(t, o)
	g := c.msgraph(c.sim.Estate()[0].ID)
	begun := time.Now()
	users := map[string]bool{}
	guests := 0
	for path := "/users?$select=" + userFields + ",signInActivity&$top=500"; path != ""; {
		var p graphPage
		if err := json.Unmarshal(g.ask(path).body, &p); err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Value {
			users[u.text("id")] = true
			if isGuest(u) {
				guests++
			}
		}
		path = p.Next
	}
	took := time.Since(begun)
	if len(users) != 100_000 || guests != 5000 {
		t.Errorf("%d accounts, %d guests", len(users), guests)
	}
	users = nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) >> 20
	t.Logf("%s, %d MB more", took.Round(time.Millisecond), grown)
	if grown > 60 {
		t.Errorf("the directory takes %d MB", grown)
	}
	begun = time.Now()
	rows, err := c.sim.Identity(azuresim.IdentityQuery{})
	t.Logf("truth in %s: %v", time.Since(begun).Round(time.Millisecond), rows)
	if err != nil || rows[0].Counts["users"] != 100_000 || rows[0].Counts["guests"] != 5000 {
		t.Errorf("%v %v", rows, err)
	}
}
