package azuresim_test

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

func TestIdentityRepeats(t *testing.T) {
	a, b := start(t, full), start(t, full)
	tenant := a.sim.Estate()[0].ID
	if x, y := a.msgraph(tenant).all("/users?$select="+userFields+",signInActivity"), b.msgraph(tenant).all("/users?$select="+userFields+",signInActivity"); !reflect.DeepEqual(x, y) {
		t.Error("the same seed gave other accounts")
	}
	g := a.msgraph(tenant)
	everyone := 0
	for _, x := range g.all("/groups?$select=id,displayName,membershipRule") {
		if n := len(g.transitive(x.text("id"))); x["membershipRule"] != nil {
			everyone = n
		}
	}
	if everyone != len(g.truth("users")) {
		t.Errorf("%d in the group of all", everyone)
	}
	for _, o := range []azuresim.Options{{Accounts: 10}, {Accounts: 100, Guests: 90}, {Accounts: -1}} {
		if _, err := azuresim.New(o); err == nil {
			t.Errorf("%v was taken", o)
		}
	}
}

func TestIdentityCredentialsEqualTruth(t *testing.T) {
	c := start(t, full)
	g := c.msgraph(c.sim.Estate()[0].ID)
	for range 3 {
		now := c.clock.Now()
		sets := map[string]map[string]bool{"credentials-expired": {}, "credentials-expiring": {}, "credentials-endless": {}, "credentials": {}, "credentials-long": {}}
		apps := map[string]map[string]bool{"applications-expired": {}, "applications-expiring": {}, "applications-without": {}, "applications-ownerless": {}}
		for _, path := range []string{"/applications", "/servicePrincipals"} {
			for _, a := range g.all(path + "?$select=id,appId,displayName,passwordCredentials,keyCredentials&$top=999") {
				list := slices.Concat(a.list("passwordCredentials"), a.list("keyCredentials"))
				expired, soon := 0, 0
				for _, x := range list {
					m, _ := x.(map[string]any)
					k := object(m)
					end := k.when("endDateTime")
					sets["credentials"][k.text("keyId")] = true
					if end.IsZero() {
						sets["credentials-endless"][k.text("keyId")] = true
					} else if !end.After(now) {
						expired++
						sets["credentials-expired"][k.text("keyId")] = true
					} else {
						if !end.After(now.AddDate(0, 0, 30)) {
							soon++
							sets["credentials-expiring"][k.text("keyId")] = true
						}
						if end.Sub(k.when("startDateTime")) > 730*24*time.Hour {
							sets["credentials-long"][k.text("keyId")] = true
						}
					}
				}
				if path == "/applications" {
					id := a.text("id")
					if len(list) == 0 {
						apps["applications-without"][id] = true
					} else if expired == len(list) {
						apps["applications-expired"][id] = true
					} else if soon > 0 && expired+soon == len(list) {
						apps["applications-expiring"][id] = true
					}
					if len(g.all("/applications/"+id+"/owners?$select=id")) == 0 {
						apps["applications-ownerless"][id] = true
					}
				}
			}
		}
		for list, got := range sets {
			g.same(list, got)
		}
		for list, got := range apps {
			g.same(list, got)
		}
		c.clock.Advance(15 * 24 * time.Hour)
	}
	n := 0
	for _, sp := range g.all("/servicePrincipals?$select=id,appOwnerOrganizationId") {
		if sp.text("appOwnerOrganizationId") == "f8cdef31-a31e-4b4a-93e4-5f571e91255a" {
			n++
		}
	}
	if n < 10 {
		t.Errorf("%d of Microsoft's own", n)
	}
}

func TestIdentityServicesAndPolicies(t *testing.T) {
	c := start(t, full)
	g := c.msgraph(c.sim.Estate()[0].ID)
	strong := []string{"62e90394-69f5-4237-9190-012177145e10", "e8611ab8-c189-46e8-94e1-60213ab1f814", "7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2", "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "158c047a-c907-4556-b7ef-446551a6b5f7", "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", "3a2c62db-5318-420d-8d74-23affee5d9d5"}
	secret := map[string]bool{} // by appId
	for _, path := range []string{"/applications", "/servicePrincipals"} {
		for _, a := range g.all(path + "?$select=id,appId,passwordCredentials") {
			for _, x := range a.list("passwordCredentials") {
				m, _ := x.(map[string]any)
				if end := object(m).when("endDateTime"); end.IsZero() || end.After(noon) {
					secret[a.text("appId")] = true
				}
			}
		}
	}
	services, secrets, synced, people := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, u := range g.all("/users?$select=id,onPremisesSyncEnabled&$filter=onPremisesSyncEnabled eq true") {
		synced[u.text("id")] = true
	}
	for _, a := range g.all("/roleManagement/directory/roleAssignments?$expand=principal") {
		p := a.object("principal")
		if !slices.Contains(strong, a.text("roleDefinitionId")) {
			continue
		}
		if p.text("@odata.type") == "#microsoft.graph.servicePrincipal" {
			services[p.text("id")] = true
			if secret[p.text("appId")] {
				secrets[p.text("id")] = true
			}
		} else if p.text("@odata.type") == "#microsoft.graph.user" && synced[p.text("id")] {
			people[p.text("id")] = true
		}
	}
	g.same("control-plane-services", services)
	g.same("control-plane-secrets", secrets)
	for id := range people {
		if !slices.Contains(g.truth("control-plane-synced"), id) {
			t.Errorf("%s is synchronized", id)
		}
	}
	var out map[string]bool
	states := map[string]int{}
	for _, p := range g.all("/identity/conditionalAccess/policies") {
		states[p.text("state")]++
		here := map[string]bool{}
		for _, id := range p.object("conditions").object("users").list("excludeUsers") {
			if s, _ := id.(string); out == nil || out[s] {
				here[s] = true
			}
		}
		out = here
	}
	g.same("emergency", out)
	if len(states) != 3 {
		t.Errorf("%v", states)
	}
}

func TestIdentityHostileNames(t *testing.T) {
	o := full
	o.MarkupNames = true
	c := start(t, o)
	g := c.msgraph(c.sim.Estate()[0].ID)
	want := map[string]azuresim.DirectoryPerson{}
	surnames := map[string]int{}
	c.sim.DirectoryPeople("", time.Time{}, func(p azuresim.DirectoryPerson) bool {
		if p.Tenant == g.tenant {
			want[p.ID] = p
		}
		if p.Surname != "" {
			surnames[p.Surname]++
		}
		return true
	})
	for s, n := range surnames {
		if n > 1 || len(s) < 10 {
			t.Errorf("surname %s: %d times", s, n)
		}
	}
	strange := 0
	for _, u := range g.all("/users?$select=id,displayName,userPrincipalName,mail") {
		p := want[u.text("id")]
		if p.DisplayName != u.text("displayName") || p.UserPrincipalName != u.text("userPrincipalName") || p.Mail != u.text("mail") {
			t.Errorf("%v is not %v", u, p)
		}
		if strings.ContainsAny(p.DisplayName, "<\u202e'\n") {
			strange++
		}
		one := g.ask("/users/" + url.PathEscape(u.text("id")) + "?$select=displayName")
		if !strings.Contains(string(one.body), `"displayName"`) {
			t.Fatalf("%s", one.body)
		}
	}
	if strange < 4 {
		t.Errorf("%d strange names", strange)
	}
}

// Reading and changing at the same time gives whole answers, and one state for each.
func TestIdentityEditsWhileReading(t *testing.T) {
	o := full
	o.Accounts = 300
	c := start(t, o)
	tenant := c.sim.Estate()[0].ID
	g := c.msgraph(tenant)
	victims := g.truth("enabled-members")[50:80]
	done := make(chan error)
	go func() {
		var err error
		for _, id := range victims {
			for _, what := range []string{"disable", "delete"} {
				if e := c.sim.ChangeAccount(tenant, id, what); e != nil {
					err = e
				}
			}
			if _, e := c.sim.AddAccount(tenant, azuresim.NewAccount{DisplayName: "A", UserPrincipalName: "a@x.example", UserType: "Member"}); e != nil {
				err = e
			}
		}
		done <- err
	}()
	for reading := true; reading; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			reading = false
		default:
			if n := len(g.all("/users?$select=id&$top=999")); n < 298 || n > 303 {
				t.Errorf("%d accounts", n)
			}
		}
	}
	g.known = nil
	if n := len(g.truth("users")); n != 300 || len(g.all("/users?$select=id&$top=999")) != n {
		t.Errorf("%d accounts in the end", n)
	}
}
