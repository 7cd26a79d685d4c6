package web

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/findings"
	"fresnel/internal/identity"
	"fresnel/internal/web/page"
)

// people is what is held of three tenants: one in full, one without sign-ins and registrations, one without consent.
type people struct {
	identity.Reader
	hidden bool // all three without consent
}

const noConsent = "the tenant has not consented to the application"

func (p people) Coverage(_ context.Context, s fresnel.Scope) ([]identity.TenantRead, error) {
	whole := func() map[identity.Fact]identity.FactState {
		out := map[identity.Fact]identity.FactState{}
		for _, f := range identity.Facts() {
			out[f] = identity.FactState{Read: judgedNow.Add(-time.Hour)}
		}
		return out
	}
	none := func() map[identity.Fact]identity.FactState {
		out := map[identity.Fact]identity.FactState{}
		for _, f := range identity.Facts() {
			out[f] = identity.FactState{Failed: judgedNow, Reason: noConsent, Do: "have an administrator consent"}
		}
		return out
	}
	a, b := whole(), whole()
	a[identity.FactSignIns] = identity.FactState{Read: judgedNow.Add(-50 * time.Hour), Failed: judgedNow, Reason: "Azure asks to wait for 20 minutes", Do: "It is tried again."}
	for _, f := range []identity.Fact{identity.FactSignIns, identity.FactMFA} {
		b[f] = identity.FactState{Failed: judgedNow, Reason: "the tenant has no Entra ID P1: " + string(f) + " are not told", Do: "A licence makes them visible."}
	}
	if p.hidden {
		a, b = none(), none()
	}
	list := []identity.TenantRead{{Tenant: tenantA, Name: "Contoso", Facts: a}, {Tenant: tenantB, Name: "Fabrikam", Facts: b}, {Tenant: tenantC, Name: "Tailspin", Facts: none()}}
	return slices.DeleteFunc(list, func(t identity.TenantRead) bool { return !s.Sees(t.Tenant) }), nil
}

var admin = identity.Class{Enabled: true, Standing: true, Global: true, Roles: true, Active: identity.ControlPlane, MFA: identity.MFAMissing, Use: identity.Used}

func (people) Classes(_ context.Context, s fresnel.Scope) ([]identity.ClassCount, error) {
	list := []identity.ClassCount{
		{Tenant: tenantA, Class: identity.Class{Enabled: true, MFA: identity.MFACapable, Use: identity.Used}, N: 1000},
		{Tenant: tenantA, Class: identity.Class{Enabled: true, MFA: identity.MFAMissing, Use: identity.Stale}, N: 20},
		{Tenant: tenantA, Class: identity.Class{Enabled: true, Guest: true, Use: identity.Never}, N: 5},
		{Tenant: tenantA, Class: admin, N: 30},
		{Tenant: tenantB, Class: identity.Class{Enabled: true}, N: 200},
		{Tenant: tenantC, Class: admin, N: 7}, // of a reading that was not kept to its end: never shown
	}
	return slices.DeleteFunc(list, func(c identity.ClassCount) bool { return !s.Sees(c.Tenant) }), nil
}

func (people) CredentialCounts(context.Context, fresnel.Scope, time.Time, identity.Limits) ([]identity.CredentialCount, error) {
	return []identity.CredentialCount{{Tenant: tenantA, Expired: 1, Expiring: 2, Valid: 3}}, nil
}

func (people) Days(_ context.Context, s fresnel.Scope, lists []identity.List, p fresnel.Period) ([]identity.DayCount, error) {
	var out []identity.DayCount
	for _, l := range lists {
		if s.Sees(tenantA) {
			out = append(out, identity.DayCount{Tenant: tenantA, Day: p.To - 1, List: l, N: 40})
		}
	}
	return out, nil
}

func (people) DaySums(_ context.Context, s fresnel.Scope, lists []identity.List, p fresnel.Period) ([]identity.DaySum, error) {
	var out []identity.DaySum
	for _, l := range lists {
		if s.Sees(tenantA) {
			out = append(out, identity.DaySum{Day: p.To - 1, List: l, N: 40, Tenants: 1})
		}
	}
	return out, nil
}

func adminID(i int) string { return fmt.Sprintf("%08d-0000-4000-8000-00000000%04d", i, i) }

func (people) Accounts(_ context.Context, _ fresnel.Scope, q identity.AccountQuery) ([]identity.AccountRow, error) {
	var out []identity.AccountRow
	for i := range 30 {
		id := adminID(i)
		if !slices.Contains(q.Tenants, tenantA) || !slices.Contains(q.Classes, admin) || id <= q.After.ID || len(out) == q.Limit {
			continue
		}
		out = append(out, identity.AccountRow{Tenant: tenantA, TenantName: "Contoso", ID: id, Class: admin, Told: true, LastUse: judgedNow.Add(-48 * time.Hour), Place: identity.AccountPlace{Key: int64(i), Tenant: tenantA, ID: id}})
	}
	return out, nil
}

func (people) GrantsOf(_ context.Context, _ fresnel.Scope, list []identity.Principal) (map[identity.Principal][]identity.Grant, error) {
	out := map[identity.Principal][]identity.Grant{}
	for _, p := range list {
		out[p] = []identity.Grant{{Role: "r1", Name: `<b>"Owner"`, Tier: identity.Plain, Azure: true, Scope: "/subscriptions/s/resourcegroups/rg-web"}, {Role: identity.GlobalAdministrator, Name: "Global Administrator", Tier: identity.ControlPlane, Scope: "/", Through: adminID(9)}}
	}
	return out, nil
}

func (people) Others(context.Context, fresnel.Scope, identity.Principal, int) ([]identity.OtherRow, error) {
	return []identity.OtherRow{{Principal: identity.Principal{Tenant: tenantA, ID: adminID(77)}, TenantName: "Contoso", Kind: identity.Orphan}}, nil
}

func (people) Credentials(_ context.Context, _ fresnel.Scope, q identity.CredentialQuery) ([]identity.CredentialRow, error) {
	return []identity.CredentialRow{{Tenant: tenantA, TenantName: "Contoso", App: adminID(5), AppName: "=cmd", Credential: identity.Credential{ID: adminID(6), Start: q.Now.AddDate(-1, 0, 0), End: q.Now.AddDate(0, 0, 9)}}}, nil
}

func (people) Roles(context.Context, fresnel.Scope) ([]identity.RoleCount, error) {
	return []identity.RoleCount{{Tenant: tenantA, TenantName: "Contoso", Role: identity.GlobalAdministrator, Name: "Global Administrator", BuiltIn: true, Tier: identity.ControlPlane, Active: 30, Standing: 30}}, nil
}

// graph gives names, or refuses.
type graph struct {
	err   error
	asked int
}

func (g *graph) Names(_ context.Context, _ fresnel.Tenant, ids []string) (map[string]string, error) {
	g.asked++
	if g.err != nil {
		return nil, g.err
	}
	out := map[string]string{}
	for _, id := range ids {
		out[id] = "Ada <Lovelace> " + id[:8]
	}
	return out, nil
}

func identityMux(t *testing.T, reader people, change func(*Service)) *http.ServeMux {
	t.Helper()
	now, mux := func() time.Time { return judgedNow }, http.NewServeMux()
	s := Service{
		Reports: cost.Reports{Now: now}, Identity: identity.Reports{Reader: reader, Limits: identity.DefaultLimits(), Now: now, Stale: 24 * time.Hour}, Now: now,
		Tenants: registered{{ID: tenantA, Name: "Contoso"}, {ID: tenantB, Name: "Fabrikam"}, {ID: tenantC, Name: "Tailspin"}}, Runs: noRuns{},
	}
	if change != nil {
		change(&s)
	}
	Routes(mux, s)
	return mux
}

func contains(t *testing.T, where, text string, wants ...string) {
	t.Helper()
	text = html.UnescapeString(text)
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q", where, want)
		}
	}
}

// TestIdentityNumbers: a number says of how many tenants it is, and what is hidden is a dash with its reason.
func TestIdentityNumbers(t *testing.T) {
	mux := identityMux(t, people{}, nil)
	code, text := ask(t, mux, "/identity")
	if code != http.StatusOK {
		t.Fatal(code, text)
	}
	contains(t, "page", text,
		">1,255<", "2 of 3 tenants", "95.2%", "50 without, of 1,050", "Registered, not enforced", "1,000 of 1,050", "30 without MFA, in 1 of 2 tenants", "1 of 3 tenants", "2.4% of 1,055 users",
		"Hidden: MFA registration, Sign-ins", "Not read: The tenant has not consented", "What we cannot see", "The whole directory", "The tenant has no Entra ID P1", "An older reading is shown, of 20 Nov 12:00 UTC",
		"Privileged (30)", "Credentials (6)", "Global administrators (30)", "No MFA", "People are shown by their object id", "20 rows of 30", "through group 0000…0009", "over resource group rg-web", `<b>"Owner"`, "Show as table",
	)
	if strings.Contains(text, `<b>"Owner"`) {
		t.Error("the name of a role is not escaped")
	}
	if strings.Contains(text, "Show names") {
		t.Error("names are offered where there are none")
	}
	if n := strings.Count(text, "Nothing is known of who is there"); n != 1 {
		t.Errorf("the same reason of ten facts is told in %d lines", n)
	}
	_, text = ask(t, mux, "/identity?tenant="+string(tenantB)+"&list=stale")
	contains(t, "one tenant without P1", text, "This list is not known", "Sign-ins: The tenant has no Entra ID P1", "MFA not known")
	if strings.Contains(text, "0 stale") || strings.Contains(text, "0 never used") || strings.Contains(text, "None without MFA") {
		t.Error("what is not known is shown as nothing")
	}
}

// TestIdentityLists: each list has its page and its partial, and pages go on where they ended.
func TestIdentityLists(t *testing.T) {
	mux := identityMux(t, people{}, nil)
	for _, tab := range identityTabs {
		for _, l := range tab.lists {
			if tab.kind == "findings" {
				continue
			}
			for _, path := range []string{"/identity?list=", "/partials/identity-list?list="} {
				if code, text := ask(t, mux, path+l.word); code != http.StatusOK || strings.Contains(text, "Ignored list") {
					t.Errorf("%s%s: %d", path, l.word, code)
				}
			}
		}
	}
	_, first := ask(t, mux, "/partials/identity-list")
	next := regexp.MustCompile(`href="([^"]+)">\s*Next page`).FindStringSubmatch(first)
	if next == nil {
		t.Fatal("no next page", first)
	}
	_, second := ask(t, mux, strings.TrimSuffix(html.UnescapeString(next[1]), "#lists"))
	for i := range 30 {
		in := 0
		for _, text := range []string{first, second} {
			in += strings.Count(text, `title="`+adminID(i)+`"`)
		}
		if in != 1 {
			t.Errorf("account %d is on the pages %d times", i, in)
		}
	}
	contains(t, "second page", second, "10 rows of 30", "First page")
	for query, want := range map[string]string{
		"list=x": "Ignored list=x", "cursor=x": "Ignored cursor=x", "cursor=1.2.3": "Ignored cursor", "cursor=x.y.z.a": "Ignored cursor", "by=x": "Ignored by=x", "list=credentials&cursor=%2B.a.b.c": "Ignored cursor",
		"list=findings": "Ignored list=findings", "names=1": "Names are not shown here",
	} {
		_, text := ask(t, mux, "/identity?"+query)
		contains(t, query, text, want)
	}
	if code, _ := ask(t, mux, "/identity?tenant=dddddddd-0000-4000-8000-000000000004"); code != http.StatusNotFound {
		t.Errorf("a foreign tenant: %d", code)
	}
}

// TestIdentityNames: names are on no page that is kept, in no address of an export, and in no title.
func TestIdentityNames(t *testing.T) {
	source := &graph{}
	names := &identity.Names{Source: source, Tenants: registered{{ID: tenantA, Name: "Contoso"}}, Allowed: true, Now: func() time.Time { return judgedNow }}
	mux := identityMux(t, people{}, func(s *Service) { s.Names = names })
	get := func(path string) (http.Header, string) {
		r := httptest.NewRequestWithContext(fresnel.WithScope(t.Context(), fresnel.AllTenants()), http.MethodGet, path, nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Header(), w.Body.String()
	}
	for _, path := range []string{"/identity", "/partials/identity-list", "/identity?n%61mes=1"} {
		header, text := get(path)
		if strings.Contains(text, "Lovelace") || header.Get("Cache-Control") != "" {
			t.Errorf("%s: names, though nobody asked", path)
		}
		contains(t, path, text, "Show names")
	}
	if source.asked > 0 {
		t.Error("Graph was asked for names that nobody wants to see")
	}
	for _, path := range []string{"/identity?names=1", "/partials/identity-list?names=1"} {
		header, text := get(path)
		if header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %q", path, header.Get("Cache-Control"))
		}
		contains(t, path, text, "Ada <Lovelace> 00000000", "Hide names")
		if strings.Contains(text, "<Lovelace>") {
			t.Error("a name is not escaped")
		}
		for _, m := range regexp.MustCompile(`href="(/api/[^"]*)"|<title>([^<]*)<`).FindAllString(text, -1) {
			if strings.Contains(m, "names") || strings.Contains(m, "Ada") {
				t.Errorf("%s: %s", path, m)
			}
		}
	}
	for _, m := range regexp.MustCompile(`hx-get="([^"]*)"`).FindAllString(func() string { _, s := get("/identity?names=1"); return s }(), -1) {
		if strings.Contains(m, "names=1") != strings.Contains(m, "identity-list") {
			t.Errorf("names are asked for by %s", m)
		}
	}
	source.err = &fresnel.Error{Kind: fresnel.Denied, Msg: "ada@contoso.example is refused"}
	names.Now = func() time.Time { return judgedNow.Add(time.Hour) }
	_, text := get("/identity?names=1")
	contains(t, "refused", text, "Names of Contoso are not shown: Microsoft Graph does not allow it", adminID(0))
	if strings.Contains(text, "ada@contoso") {
		t.Error("what Graph said of somebody is on the page")
	}
}

// TestIdentityUnread: where no directory can be read the page says why, and has no numbers.
func TestIdentityUnread(t *testing.T) {
	_, text := ask(t, identityMux(t, people{hidden: true}, nil), "/identity")
	contains(t, "page", text, "No directory can be read", "Contoso: The tenant has not consented", "The whole directory", "3 tenants", "Contoso, Fabrikam, Tailspin")
	if strings.Contains(text, "MFA registered</p>") || strings.Contains(text, "0 users") {
		t.Error("numbers of nothing")
	}
}

func TestIdentityCSV(t *testing.T) {
	for list, want := range map[string]string{
		"": "/api/v1/identity/privileged.csv", "privileged-mfa-missing": "/api/v1/identity/privileged.csv?list=privileged-mfa-missing", "guests-idle": "/api/v1/identity/guests.csv?list=guests-idle",
		"credentials-long": "/api/v1/identity/credentials.csv?long=true", "credentials-expired": "/api/v1/identity/credentials.csv?state=expired", "roles-azure": "/api/v1/identity/roles.csv?kind=azure",
		"others": "/api/v1/identity/privileged/others.csv", "mfa-missing": "/api/v1/identity/mfa.csv",
	} {
		_, text := ask(t, identityMux(t, people{}, nil), "/partials/identity-list?list="+list)
		contains(t, list, text, `href="`+want+`"`)
	}
}

// amiss is what rules found of identity.
type amiss struct {
	findings.Reader
	findings.Writer
	said  []fresnel.Exception
	ended int64
}

func (*amiss) Page(_ context.Context, _ fresnel.Scope, f findings.Filter, after *findings.Place, _ int) ([]fresnel.Finding, error) {
	if after != nil || f.Resolved != nil && *f.Resolved || !slices.Contains(f.Rules, identity.RuleNoMFA) {
		return nil, nil
	}
	list := []fresnel.Finding{{ID: 7, Tenant: tenantA, Rule: identity.RuleNoMFA, Object: "account/" + adminID(3), First: judgedNow.AddDate(0, 0, -4)}}
	return slices.DeleteFunc(list, func(one fresnel.Finding) bool { return f.Object != "" && one.Object != f.Object }), nil
}

func (a *amiss) OpenByRule(context.Context, fresnel.Scope, []string) (map[string]int, error) {
	return map[string]int{identity.RuleNoMFA: 1, identity.RuleStaleMember: 40_000}, nil
}

func (a *amiss) OfObjects(ctx context.Context, s fresnel.Scope, objects []string) (map[string][]fresnel.Finding, error) {
	list, err := a.Page(ctx, s, findings.Filter{Rules: []string{identity.RuleNoMFA}, Object: objects[0]}, nil, 1)
	return map[string][]fresnel.Finding{objects[0]: list}, err
}

func (a *amiss) ExceptionsOf(context.Context, fresnel.Scope, []string) ([]fresnel.Exception, error) {
	return a.said, nil
}

func (a *amiss) Except(_ context.Context, e fresnel.Exception, _ time.Time) error {
	e.ID = 1
	a.said = append(a.said, e)
	return nil
}

func (a *amiss) End(_ context.Context, _ fresnel.Scope, id int64, _ time.Time) error {
	a.ended, a.said = id, nil
	return nil
}

// TestIdentityFindings: what is said of a finding is said of its object, and a form that was refused keeps what was typed.
func TestIdentityFindings(t *testing.T) {
	kept := &amiss{}
	var rules []findings.Rule
	for _, r := range identity.Rules() {
		rules = append(rules, findings.Rule{ID: r.ID, Domain: "identity", Title: r.Title})
	}
	mux := identityMux(t, people{}, func(s *Service) {
		s.Findings = findings.Reports{Reader: kept, Writer: kept, Rules: rules, Now: s.Now}
	})
	_, text := ask(t, mux, "/identity?list=findings")
	contains(t, "list", text, "40,001 open", "Privileged account without MFA (1)", "Stale member (40,000)", "1 row of 1", "Account 0000…0003", "4 days", `action="/identity/findings/7/verdict?list=findings"`)
	post := func(path, form string) (int, string) {
		r := httptest.NewRequestWithContext(fresnel.WithScope(t.Context(), fresnel.AllTenants()), http.MethodPost, path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	about := "&found_by=" + identity.RuleNoMFA + "&object=account/" + adminID(3)
	if code, body := post("/identity/findings/7/verdict", "verdict=expected&note=till+May"+about); code != http.StatusUnprocessableEntity || !strings.Contains(body, "till May</textarea>") {
		t.Errorf("a form without an end: %d", code)
	}
	for path, form := range map[string]string{
		"/identity/findings/8/verdict": "verdict=acknowledged" + about, "/identity/findings/x/verdict": "verdict=acknowledged" + about,
		"/identity/findings/7/verdict": "verdict=acknowledged&found_by=" + identity.RuleNoMFA + "&object=account/" + adminID(4),
	} {
		if code, _ := post(path, form); code != http.StatusNotFound {
			t.Errorf("%s %s: %d, want 404", path, form, code)
		}
	}
	if code, _ := post("/identity/findings/7/verdict", "verdict=acknowledged&note=seen"+about); code != http.StatusSeeOther || len(kept.said) != 1 || kept.said[0].Tenant != tenantA || kept.said[0].Object != "account/"+adminID(3) {
		t.Errorf("%d, said %+v", code, kept.said)
	}
	for _, list := range []string{"", "&state=acknowledged"} {
		_, text = ask(t, mux, "/identity?list=findings&rule="+identity.RuleNoMFA+list)
		contains(t, "judged", text, "40,000 open", "Privileged account without MFA (0)", "Reopen", "“seen”")
	}
	if code, _ := post("/identity/findings/7/verdict", "verdict=open"+about); code != http.StatusSeeOther || kept.ended != 1 {
		t.Errorf("not opened again: %d", code)
	}
}

func TestGrantHow(t *testing.T) {
	end := time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC)
	for want, g := range map[string]identity.Grant{
		"standing": {Scope: "/"}, "until 3 Dec 2026": {Scope: "/", Unsure: true, End: end}, "": {Scope: "/", Unsure: true}, "eligible, until 3 Dec 2026": {Scope: "/", Eligible: true, End: end}, "activated, until 3 Dec 2026, through group 0000…0001": {Scope: "/", Activated: true, End: end, Through: adminID(1)},
		"over all of the tenant": {Azure: true, Scope: "/"}, "over subscription 0000…0002": {Azure: true, Subscription: adminID(2)}, "standing, for 0000…0003 only": {Scope: "/administrativeUnits/" + adminID(3)},
	} {
		if got := grantHow(g); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestGapsAreGrouped: a hundred tenants without consent are one line, whatever of each is in the reason.
func TestGapsAreGrouped(t *testing.T) {
	var reads []identity.TenantRead
	for i := range 100 {
		facts := map[identity.Fact]identity.FactState{}
		for _, f := range identity.Facts() {
			facts[f] = identity.FactState{Reason: "no token for " + adminID(i) + " in the tenant", Do: "Consent at https://login/" + adminID(i)}
		}
		reads = append(reads, identity.TenantRead{Tenant: fresnel.TenantID(adminID(i)), Name: fmt.Sprint("Tenant ", i), Facts: facts})
	}
	m := gapsModel(&request{now: judgedNow}, reads, page.Freshness{Now: judgedNow})
	if len(m.Rows) != 1 || m.Rows[0].More != 95 || m.Tenants != 100 || strings.Contains(m.Rows[0].Reason+m.Rows[0].Do, adminID(0)) {
		t.Errorf("%d lines: %+v", len(m.Rows), m.Rows)
	}
	if one := gapsModel(&request{now: judgedNow}, reads[:1], page.Freshness{Now: judgedNow}); !strings.Contains(one.Rows[0].Do, adminID(0)) {
		t.Errorf("of one tenant what to do is not told in full: %+v", one.Rows[0])
	}
}
