package api

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/findings"
	"fresnel/internal/identity"
)

func TestIdentityNames(t *testing.T) {
	t.Parallel()
	book := &phonebook{}
	names := &identity.Names{Source: book, Tenants: registry{}, Allowed: true, Now: func() time.Time { return noon }}
	served := func(n *identity.Names) surface {
		return serveIdentity(t, people(), fresnel.ScopeOf(contoso), func(s *Service) { s.Names = n })
	}
	s, off, none := served(names), served(&identity.Names{Source: book, Tenants: registry{}}), served(nil)
	query := "/api/v1/identity/names?tenant=contoso&id=" + strings.ToUpper(object(1)) + "&id=" + object(2) + "&id=" + object(1)
	w := s.do(http.MethodGet, query, "")
	if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" || strings.TrimSpace(w.Body.String()) != `{"data":{"`+object(1)+`":"=Ann"}}` || len(book.asked) != 1 || len(book.asked[0]) != 2 {
		t.Errorf("%d %s %v, asked %v", w.Code, w.Body, w.Header(), book.asked)
	}
	for _, s := range []surface{off, none} {
		if w := s.do(http.MethodGet, query, ""); w.Code != 403 || !strings.Contains(w.Body.String(), `"do":`) || strings.Contains(w.Body.String(), "Ann") {
			t.Errorf("switched off: %d %s", w.Code, w.Body)
		}
	}
	many := strings.Repeat("&id="+object(1), identity.NamesAtOnce+1)
	for query, want := range map[string]int{
		"": 422, "tenant=contoso": 422, "id=" + object(1): 400, "tenant=contoso&id=ann": 400, "tenant=contoso&id=" + object(1) + "&id=": 422, "tenant=contoso&id=&id=" + object(1): 422, "tenant=nobody&id=" + object(1): 404,
		"tenant=" + string(fabrikam) + "&id=" + object(1): 404, "tenant=contoso&tenant=" + string(fabrikam) + "&id=" + object(1): 400, "tenant=contoso" + many: 422, "tenant=contoso&id=" + object(1) + "%2C" + object(2): 400,
	} {
		if w := s.do(http.MethodGet, "/api/v1/identity/names?"+query, ""); w.Code != want || strings.Contains(w.Body.String(), "Ann") {
			t.Errorf("%s: %d %s, want %d", query, w.Code, w.Body, want)
		}
	}
	if len(book.asked) != 1 {
		t.Errorf("asked for what nobody may: %v", book.asked)
	}
}

func TestIdentityExceptions(t *testing.T) {
	t.Parallel()
	m := &mouths{}
	served := func(s fresnel.Scope) surface {
		return serveIdentity(t, people(), s, func(svc *Service) {
			svc.Findings = findings.Reports{
				Reader: m, Writer: m, Subscriptions: registry{}, Now: svc.Now,
				Rules: []findings.Rule{{ID: "disk", Domain: "resources"}, {ID: "cost", Domain: "costs"}, {ID: identity.RuleStanding, Domain: "identity", Title: "Standing"}},
			}
		})
	}
	mine, all := served(fresnel.ScopeOf(contoso)), served(fresnel.AllTenants())
	say := func(s surface, rule, tenant, object string) (int, string) {
		w := s.do(http.MethodPost, "/api/v1/exceptions", fmt.Sprintf(`{"rule":%q,"tenant_id":%q,"object":%q,"verdict":"acknowledged"}`, rule, tenant, object))
		return w.Code, w.Body.String()
	}
	id := strings.ToUpper(object(1))
	assigned := "/providers/Microsoft.Management/managementGroups/Corp/providers/Microsoft.Authorization/roleAssignments/" + id
	for what, want := range map[string]string{
		"tenant": "tenant", "account/" + id: "account/" + object(1), "app/" + id: "app/" + object(1), "group/" + id: "group/" + object(1), "credential/" + id + "/" + id: "credential/" + object(1) + "/" + object(1),
		"Role/lAPpYvVpN0KRkAEhdxReE-1": "role/lAPpYvVpN0KRkAEhdxReE-1", assigned: strings.ToLower(assigned), "/subscriptions/" + strings.ToUpper(subA): "/subscriptions/" + subA,
	} {
		if code, body := say(mine, identity.RuleStanding, "contoso", what); code != 200 || !strings.Contains(body, `"object":"`+want+`"`) || m.said[len(m.said)-1].Tenant != contoso {
			t.Errorf("%s: %d %s", what, code, body)
		}
	}
	// The same object in two tenants: the answer is of the one that was named.
	for _, tenant := range []fresnel.TenantID{fabrikam, contoso} {
		if code, body := say(all, identity.RuleStanding, string(tenant), "tenant"); code != 200 || !strings.Contains(body, `"tenant_id":"`+string(tenant)) {
			t.Errorf("%s: %d %s", tenant, code, body)
		}
	}
	before := len(m.said)
	for _, c := range []struct {
		rule, tenant, object string
		want                 int
	}{
		{identity.RuleStanding, "", "tenant", 400},
		{identity.RuleStanding, "nobody", "tenant", 404},
		{identity.RuleStanding, string(fabrikam), "account/" + id, 404},
		{identity.RuleStanding, "contoso", "/subscriptions/" + subC, 404},
		{identity.RuleStanding, "contoso", "", 400},
		{identity.RuleStanding, "contoso", "tenant/x", 400},
		{identity.RuleStanding, "contoso", "account/ann", 400},
		{identity.RuleStanding, "contoso", "account/" + id + "/x", 400},
		{identity.RuleStanding, "contoso", "credential/" + id, 400},
		{identity.RuleStanding, "contoso", "role/", 400},
		{identity.RuleStanding, "contoso", "role/a b", 400},
		{identity.RuleStanding, "contoso", "person/" + id, 400},
		{identity.RuleStanding, "contoso", "/providers//x/y", 400},
		{identity.RuleStanding, "contoso", "/subscriptions/x", 400},
		{"disk", "contoso", "account/" + id, 400},
		{"disk", "contoso", assigned, 400},
		{"disk", "contoso", "/subscriptions/" + subC, 404},
		{"disk", "", "/subscriptions/" + subC, 404},
		{"cost", "contoso", "tenant", 400},
		{"none", "contoso", "tenant", 400},
	} {
		if code, body := say(mine, c.rule, c.tenant, c.object); code != c.want {
			t.Errorf("%+v: %d %s", c, code, body)
		}
	}
	if code, body := say(all, "disk", "contoso", "/subscriptions/"+subC); code != 404 {
		t.Errorf("a subscription of another tenant than the one named: %d %s", code, body)
	}
	if len(m.said) != before {
		t.Errorf("kept what was refused: %+v", m.said[before:])
	}
	if code, body := say(mine, "disk", "", "/subscriptions/"+subA); code != 200 || m.said[before].Tenant != contoso {
		t.Errorf("of a resource, as before: %d %s", code, body)
	}
	var got exceptionsOutput
	mine.read("/api/v1/exceptions?domain=identity&object=Account/"+id, &got.Body)
	if len(got.Body.Data) != 1 || got.Body.Data[0].Object != "account/"+object(1) {
		t.Errorf("%+v", got.Body.Data)
	}
}

func TestIdentityCheck(t *testing.T) {
	t.Parallel()
	read := func(at time.Time, more map[identity.Fact]identity.FactState) identity.TenantRead {
		t := identity.TenantRead{Tenant: contoso, Facts: map[identity.Fact]identity.FactState{identity.FactAccounts: {Read: at}, identity.FactRoles: {Read: at}}, Judged: at}
		maps.Copy(t.Facts, more)
		return t
	}
	for name, c := range map[string]struct {
		reads []identity.TenantRead
		want  string
	}{
		"no tenants":  {nil, "none"},
		"never":       {[]identity.TenantRead{{Tenant: contoso}}, "none"},
		"one of two":  {[]identity.TenantRead{read(noon, nil), {Tenant: fabrikam}}, "partial"},
		"no licence":  {[]identity.TenantRead{read(noon, map[identity.Fact]identity.FactState{identity.FactMFA: {Failed: noon, Reason: "licence"}})}, "ok"},
		"no roles":    {[]identity.TenantRead{read(noon, map[identity.Fact]identity.FactState{identity.FactRoles: {Failed: noon, Reason: "refused"}})}, "none"},
		"not again":   {[]identity.TenantRead{read(noon, map[identity.Fact]identity.FactState{identity.FactApps: {Read: noon, Failed: noon, Reason: "refused"}})}, "stale"},
		"long ago":    {[]identity.TenantRead{read(noon.Add(-25*time.Hour), nil)}, "stale"},
		"not so long": {[]identity.TenantRead{read(noon.Add(-23*time.Hour), nil)}, "ok"},
	} {
		now := func() time.Time { return noon }
		h := handlers{Service{Now: now, Identity: identity.Reports{Reader: &directory{reads: c.reads}, Now: now, Stale: 24 * time.Hour}}}
		if got := h.identityCheck(t.Context()); got.Status != c.want || got.Of != len(c.reads) {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
}
