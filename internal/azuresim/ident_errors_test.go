package azuresim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// refused expects an error of Graph, whole.
func (g *graphClient) refused(path string, status int, code string, header ...string) answer {
	g.t.Helper()
	a := g.ask(path, header...)
	var v struct {
		Error struct {
			Code, Message string
			InnerError    map[string]string
		}
	}
	if err := json.Unmarshal(a.body, &v); err != nil || a.status != status || v.Error.Code != code || v.Error.Message == "" || v.Error.InnerError["request-id"] == "" || v.Error.InnerError["date"] == "" {
		g.t.Errorf("%s: %d %s; want %d %s", path, a.status, a.body, status, code)
	}
	return a
}

// everyCall is one of each call that Graph has here, by what it needs.
var everyCall = map[string]string{
	"/users": "User.Read.All", "/reports/authenticationMethods/userRegistrationDetails": "AuditLog.Read.All", "/directoryRoles": "RoleManagement.Read.Directory",
	"/roleManagement/directory/roleAssignments": "RoleManagement.Read.Directory", "/roleManagement/directory/roleEligibilityScheduleInstances": "RoleEligibilitySchedule.Read.Directory",
	"/roleManagement/directory/roleAssignmentScheduleInstances": "RoleAssignmentSchedule.Read.Directory", "/groups": "GroupMember.Read.All", "/applications": "Application.Read.All", "/servicePrincipals": "Application.Read.All",
	"/identity/conditionalAccess/policies": "Policy.Read.All", "/policies/identitySecurityDefaultsEnforcementPolicy": "Policy.Read.All", "/organization": "Organization.Read.All", "/users/delta": "User.Read.All",
}

func TestIdentityPermissions(t *testing.T) {
	c := start(t, full)
	tenant := c.sim.Estate()[0].ID
	g := c.msgraph(tenant)
	for path, permission := range everyCall {
		if a := g.ask(path); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if err := c.sim.SetDirectory(tenant, azuresim.DirectoryOptions{Missing: []string{permission}}); err != nil {
			t.Fatal(err)
		}
		old, fresh := g, c.msgraph(tenant)
		for other, needs := range everyCall {
			if needs == permission {
				old.refused(other, 403, "Authorization_RequestDenied")
				fresh.refused(other, 403, "Authorization_RequestDenied")
			} else if a := fresh.ask(other); a.status != 200 {
				t.Errorf("without %s, %s: %d %s", permission, other, a.status, a.body)
			}
		}
		_ = c.sim.SetDirectory(tenant, azuresim.DirectoryOptions{})
		if a := fresh.ask(path); a.status != 403 { // a token does not learn of a permission
			t.Errorf("%s: %d", path, a.status)
		}
	}
	_ = c.sim.SetDirectory(tenant, azuresim.DirectoryOptions{Missing: []string{"AuditLog.Read.All"}})
	c.msgraph(tenant).refused("/users?$select=id,signInActivity", 403, "Authorization_RequestDenied")
	if err := c.sim.SetDirectory(tenant, azuresim.DirectoryOptions{Missing: []string{"Nothing.Read"}}); err == nil {
		t.Error("an unknown permission was taken")
	}
}

func TestIdentityLicences(t *testing.T) {
	c := start(t, full)
	tenant := c.sim.Estate()[0].ID
	g := c.msgraph(tenant)
	const noPremium = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
	plans := func() string {
		return string(g.ask("/subscribedSkus?$select=skuPartNumber,servicePlans,consumedUnits").body)
	}
	if p := plans(); !strings.Contains(p, `"AAD_PREMIUM_P2"`) {
		t.Error(p)
	}
	_ = c.sim.SetDirectory(tenant, azuresim.DirectoryOptions{NoP2: true})
	if p := plans(); strings.Contains(p, `"AAD_PREMIUM_P2"`) || !strings.Contains(p, `"AAD_PREMIUM"`) {
		t.Error(p)
	}
	for _, kind := range []string{"Eligibility", "Assignment"} {
		g.refused("/roleManagement/directory/role"+kind+"ScheduleInstances", 400, "AadPremiumLicenseRequired")
	}
	for _, a := range g.all("/roleManagement/directory/roleAssignments?$expand=principal") {
		if a.text("id") == "" {
			t.Error(a)
		}
	}
	g.checkAccounts()
	_ = c.sim.SetDirectory(tenant, azuresim.DirectoryOptions{NoP1: true})
	if p := plans(); strings.Contains(p, `"AAD_PREMIUM"`) {
		t.Error(p)
	}
	g.refused("/users?$select=id,signInActivity", 403, noPremium)
	g.refused("/users?$filter=signInActivity/lastSignInDateTime le 2026-01-01T00:00:00Z", 403, noPremium)
	g.refused("/reports/authenticationMethods/userRegistrationDetails", 403, noPremium)
	g.refused("/identity/conditionalAccess/policies", 403, noPremium)
	g.refused("/roleManagement/directory/roleEligibilityScheduleInstances", 400, "AadPremiumLicenseRequired")
	g.known = nil
	users := g.all("/users?$select=" + userFields)
	g.same("users", ids(users, func(object) bool { return true }))
	if !strings.Contains(string(g.ask("/policies/identitySecurityDefaultsEnforcementPolicy").body), `"isEnabled":true`) {
		t.Error("security defaults are off")
	}
}

func TestIdentityConsent(t *testing.T) {
	o := full
	o.Tenants = 6
	c := start(t, o)
	scope := func(client, secret string) string {
		return c.tokenForm("scope", "https://graph.microsoft.com/.default", "client_id", client, "client_secret", secret)
	}
	for _, tn := range c.sim.Estate() {
		d, err := c.sim.Directory(tn.ID)
		if err != nil {
			t.Fatal(err)
		}
		if tn.Kind == "app" {
			continue
		}
		a := c.do("POST", "/"+tn.ID+"/oauth2/v2.0/token", "", scope(c.conn.ClientID, c.conn.ClientSecret))
		if d.NoConsent {
			if a.status != 400 || !strings.Contains(string(a.body), "AADSTS700016") || !strings.Contains(string(a.body), "unauthorized_client") {
				t.Errorf("no consent: %d %s", a.status, a.body)
			}
			continue
		}
		var v struct {
			Token string `json:"access_token"`
		}
		_ = json.Unmarshal(a.body, &v)
		g := &graphClient{client: c, tenant: tn.ID, token: v.Token}
		if got := g.all("/organization"); len(got) != 1 || got[0].text("id") != tn.ID {
			t.Errorf("%s: %v", tn.ID, got)
		}
		wrong := c.do("POST", "/"+tn.ID+"/oauth2/v2.0/token", "", scope(c.conn.ClientID, "wrong"))
		if wrong.status != 401 || !strings.Contains(string(wrong.body), "AADSTS7000215") {
			t.Errorf("%d %s", wrong.status, wrong.body)
		}
		assertion := c.tokenForm("scope", "https://graph.microsoft.com/.default", "client_secret", "", "client_assertion", c.conn.FederatedToken, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		if a := c.do("POST", "/"+tn.ID+"/oauth2/v2.0/token", "", assertion); a.status != 200 {
			t.Errorf("assertion: %d %s", a.status, a.body)
		}
		if a := c.do("POST", "/"+tn.ID+"/oauth2/v2.0/token", "", c.tokenForm()); a.status != 400 { // for ARM there is Lighthouse
			t.Errorf("ARM: %d", a.status)
		}
	}
	natural := fmt.Sprint()
	for _, tn := range c.sim.Estate() {
		d, _ := c.sim.Directory(tn.ID)
		natural += fmt.Sprint(d)
	}
	if want := "{false false false []}{true true false []}{false true false []}{false false false [AuditLog.Read.All]}{false false true []}{false false false []}"; natural != want {
		t.Error(natural)
	}
	// Consent that is taken away shows at once.
	tenant := c.sim.Estate()[0].ID
	g := c.msgraph(tenant)
	_ = c.sim.SetDirectory(tenant, azuresim.DirectoryOptions{NoConsent: true})
	g.refused("/users", 401, "Authorization_IdentityNotFound")
	// An application of the tenant itself has a token, and may do nothing.
	app := c.sim.Estate()[2].ID
	_ = c.sim.SetDirectory(app, azuresim.DirectoryOptions{NoConsent: true})
	c.msgraph(app).refused("/users", 403, "Authorization_RequestDenied")
}

func TestIdentityTokens(t *testing.T) {
	c := start(t, full)
	g := c.msgraph(c.sim.Estate()[0].ID)
	good := g.token
	g.token = ""
	g.refused("/users", 401, "InvalidAuthenticationToken")
	g.token = c.token // for ARM
	g.refused("/users", 401, "InvalidAuthenticationToken")
	g.token = "nonsense"
	g.refused("/users", 401, "InvalidAuthenticationToken")
	if a := c.do("GET", "/subscriptions?api-version=2022-12-01", good, ""); a.status != 401 {
		t.Errorf("ARM took a token for Graph: %d", a.status)
	}
	var err error
	if g.token, err = c.sim.GraphToken(g.tenant, -time.Minute); err != nil {
		t.Fatal(err)
	}
	g.refused("/users", 401, "InvalidAuthenticationToken")
	g.token = c.mint(c.conn.ClientID, "https://graph.microsoft.com") // of the managing tenant, which is not simulated
	g.refused("/users", 401, "InvalidAuthenticationToken")
}

func TestIdentityQueries(t *testing.T) {
	o := full
	o.Accounts = 400
	c := start(t, o)
	g := c.msgraph(c.sim.Estate()[0].ID)
	eventual := []string{"ConsistencyLevel", "eventual"}
	first := g.all("/users")
	if len(first) != 400 || len(first[0]) != 11 {
		t.Errorf("%d users, the first %v", len(first), first[0])
	}
	for path, code := range map[string]string{
		"/users?$select=id,shoeSize": "BadRequest", "/users?$top=1000": "Request_BadRequest", "/users?$top=0": "Request_BadRequest", "/users?$skip=1": "Request_BadRequest",
		"/users?$filter=userType ne 'Guest'": "Request_UnsupportedQuery", "/users?$filter=not(accountEnabled eq true)": "Request_UnsupportedQuery", "/users?$count=true": "Request_UnsupportedQuery",
		"/users/$count": "Request_UnsupportedQuery", "/users?$filter=lastPasswordChangeDateTime le 2026-01-01T00:00:00Z": "Request_BadRequest", "/users?$filter=accountEnabled": "Request_BadRequest",
		"/users?$filter=displayName eq 'x": "Request_BadRequest", "/users?$skiptoken=abc": "Request_BadRequest", "/nothing": "BadRequest", "/users?$unknown=1": "Request_BadRequest",
		"/users?$filter=signInActivity/lastSignInDateTime le 2026-01-01T00:00:00Z and accountEnabled eq true": "Request_BadRequest",
		"/roleManagement/directory/roleAssignments?$expand=principal,roleDefinition":                          "Request_BadRequest", "/users/delta?$select=signInActivity": "Request_BadRequest", "/users/delta?$deltatoken=x": "Request_BadRequest",
	} {
		g.refused(path, 400, code)
	}
	g.refused("/users?$orderby=displayName", 501, "NotImplemented")
	g.refused("/users?$search=x", 501, "NotImplemented")
	g.refused("/users/00000000-0000-0000-0000-000000000000", 404, "Request_ResourceNotFound")
	g.refused("/groups/00000000-0000-0000-0000-000000000000", 404, "Request_ResourceNotFound")
	for filter, list := range map[string]string{
		"userType eq 'Guest' or userType eq null": "", "accountEnabled eq false": "disabled", "accountEnabled eq true and userType in ('Guest', 'guest')": "", "onPremisesSyncEnabled eq true": "synced",
		"startsWith(userPrincipalName,'a')": "", "externalUserState eq 'PendingAcceptance'": "pending-guests", "(accountEnabled eq true) and createdDateTime ge 2020-01-01T00:00:00Z": "", "signInActivity/lastSignInDateTime le 2026-08-01T00:00:00Z": "",
	} {
		rows := g.all("/users?$filter=" + filter + "&$select=id&$top=7")
		if len(rows) == 0 || len(rows) == 400 {
			t.Errorf("%s: %d", filter, len(rows))
		}
		if list != "" {
			g.same(list, ids(rows, func(object) bool { return true }))
		}
	}
	for filter, list := range map[string]string{"accountEnabled ne true": "disabled", "not(accountEnabled eq false)": "enabled", "endsWith(userPrincipalName,'.com')": "", "userType ne 'Guest' and accountEnabled eq true": ""} {
		rows := g.all("/users?$count=true&$select=id&$filter="+filter, eventual...)
		var p graphPage
		_ = json.Unmarshal(g.ask("/users?$count=true&$top=3&$filter="+filter, eventual...).body, &p)
		if p.Count == nil || *p.Count != len(rows) || len(p.Value) != 3 {
			t.Errorf("%s: %d rows, counted %v", filter, len(rows), p.Count)
		}
		if a := g.ask("/users/$count?$filter="+filter, eventual...); string(a.body) != fmt.Sprint(len(rows)) || a.header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %s", filter, a.body)
		}
		if list != "" {
			g.same(list, ids(rows, func(object) bool { return true }))
		}
	}
	var p graphPage
	_ = json.Unmarshal(g.ask("/users?$select=id,signInActivity&$top=999").body, &p)
	if len(p.Value) != 400 {
		t.Errorf("%d", len(p.Value))
	}
	if a := g.ask("/users/" + first[3].text("id")); a.status != 200 || !strings.Contains(string(a.body), first[3].text("id")) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := g.ask("/users/" + strings.ReplaceAll(first[5].text("userPrincipalName"), "#", "%23")); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}
