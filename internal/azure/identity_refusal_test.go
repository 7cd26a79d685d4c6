package azure_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azure"
	"fresnel/internal/azuresim"
	"fresnel/internal/identity"
)

// everything asks for each list once.
func (d *directory) everything() map[string]error {
	ctx, tn := d.t.Context(), d.tenant
	out := map[string]error{}
	keep := func(what string, x any, err error) {
		out[what] = err
		b, jerr := json.Marshal(x)
		if jerr != nil {
			d.t.Error(jerr)
		}
		d.said.Write(b)
		fmt.Fprint(&d.said, err)
	}
	accounts, _ := d.Accounts(ctx, tn, "")
	a, err := collect(accounts)
	keep("accounts", a, err)
	s, err := collect(d.SignIns(ctx, tn))
	keep("sign-ins", s, err)
	r, err := collect(d.Registrations(ctx, tn))
	keep("registrations", r, err)
	roles, err := d.Roles(ctx, tn)
	keep("roles", roles, err)
	h, err := collect(d.Assigned(ctx, tn))
	keep("assigned", h, err)
	e, err := collect(d.Eligible(ctx, tn))
	keep("eligible", e, err)
	var groups []identity.Membership
	err = nil
	for _, x := range h {
		if x.Kind == identity.Group && err == nil {
			groups, err = collect(d.Members(ctx, tn, x.Principal))
		}
	}
	keep("members", groups, err)
	apps, err := collect(d.Applications(ctx, tn))
	keep("applications", apps, err)
	p, err := d.AccessPolicies(ctx, tn)
	keep("policies", p, err)
	l, err := d.Licences(ctx, tn)
	keep("licences", l, err)
	return out
}

func TestRefusals(t *testing.T) {
	d := begin(t, azuresim.Options{Accounts: 60})
	for permission, refused := range map[string][]string{
		"": {}, "User.Read.All": {"accounts", "sign-ins"}, "AuditLog.Read.All": {"sign-ins", "registrations"}, "RoleManagement.Read.Directory": {"roles"},
		"RoleEligibilitySchedule.Read.Directory": {"eligible"}, "RoleAssignmentSchedule.Read.Directory": {"assigned"}, "GroupMember.Read.All": {"members"},
		"Application.Read.All": {"applications"}, "Policy.Read.All": {"policies"},
	} {
		d.set(azuresim.DirectoryOptions{})
		if permission != "" {
			d.set(azuresim.DirectoryOptions{Missing: []string{permission}})
		}
		d.connect()
		for what, err := range d.everything() {
			msg, do := fresnel.Reason(err)
			switch hit := slices.Contains(refused, what); {
			case !hit && err != nil, hit && err == nil:
				t.Errorf("without %q, %s: %v", permission, what, err)
			case hit && (fresnel.KindOf(err) != fresnel.Denied || !strings.Contains(msg, permission) || !strings.Contains(do, "/adminconsent?client_id=")):
				t.Errorf("without %q, %s: %v", permission, what, err)
			}
		}
	}
	d.set(azuresim.DirectoryOptions{NoP1: true})
	d.connect()
	for what, err := range d.everything() {
		hit := slices.Contains([]string{"sign-ins", "registrations", "policies", "eligible"}, what)
		if hit != (err != nil) || hit && (fresnel.KindOf(err) != fresnel.Unsupported || !strings.Contains(err.Error(), "no Entra ID P")) {
			t.Errorf("without P1, %s: %v", what, err)
		}
	}
	d.set(azuresim.DirectoryOptions{NoConsent: true})
	if _, err := d.Licences(t.Context(), d.tenant); fresnel.KindOf(err) != fresnel.Denied || !strings.Contains(err.Error(), "adminconsent") {
		t.Errorf("consent taken away: %v", err)
	}
	d.connect()
	if _, err := d.Licences(t.Context(), d.tenant); fresnel.KindOf(err) != fresnel.Denied || !strings.Contains(err.Error(), "AADSTS700016") {
		t.Errorf("no consent: %v", err)
	}
	if _, err := collect(d.Members(t.Context(), d.tenant, "../users")); fresnel.KindOf(err) != fresnel.Invalid {
		t.Errorf("%v", err)
	}
}

func TestGraphCredentials(t *testing.T) {
	d := begin(t, azuresim.Options{Accounts: 60})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(d.sim.Connection().FederatedToken), 0o600); err != nil {
		t.Fatal(err)
	}
	d.connect(func(c *azure.Config) {
		c.Credential, c.ClientSecret, c.FederatedTokenFile = azure.WorkloadIdentity, "", file
	})
	if _, err := d.Licences(t.Context(), d.tenant); err != nil {
		t.Error(err)
	}
	d.connect(func(c *azure.Config) { c.Credential = azure.ManagedIdentity })
	before := d.calls.Load()
	if _, err := d.Licences(t.Context(), d.tenant); fresnel.KindOf(err) != fresnel.Denied || !strings.Contains(err.Error(), "federated credential") || d.calls.Load() != before {
		t.Errorf("%v", err)
	}
	d.connect(func(c *azure.Config) { c.ClientSecret = "wrong" })
	if _, err := d.Licences(t.Context(), d.tenant); fresnel.KindOf(err) != fresnel.Denied {
		t.Errorf("%v", err)
	}
}

func TestGraphFaults(t *testing.T) {
	d := begin(t, azuresim.Options{Accounts: 500})
	list := func() []identity.AccountChange {
		t.Helper()
		l, _ := d.Accounts(t.Context(), d.tenant, "")
		return all(t, l)
	}
	want := list()
	for _, f := range []azuresim.Fault{
		{Kind: "429", Times: 1},
		{Kind: "5xx", Times: 2},
		{Kind: "html", Times: 1},
		{Kind: "empty", Times: 2},
		{Kind: "reset", Times: 1},
		{Kind: "gzip", Times: 1},
		{Kind: "nulls", Times: 1},
		{Kind: "columns", Column: "accountEnabled", Times: 1},
		{Kind: "case"},
		{Kind: "expired", Times: 1},
	} {
		d.fault(f)
		if got := list(); !slices.Equal(got, want) {
			t.Errorf("%s: %d accounts, want %d", f.Kind, len(got), len(want))
		}
	}
	d.fault(azuresim.Fault{Kind: "nulls"})
	if _, err := collect(d.SignIns(t.Context(), d.tenant)); fresnel.KindOf(err) != fresnel.Unavailable {
		t.Errorf("nulls: %v", err)
	}
	if _, err := collect(d.Assigned(t.Context(), d.tenant)); fresnel.KindOf(err) != fresnel.Unavailable {
		t.Errorf("nulls: %v", err)
	}
	d.fault()
	signIns := all(t, d.SignIns(t.Context(), d.tenant))
	d.fault(azuresim.Fault{Kind: "duplicates"})
	if got := all(t, d.SignIns(t.Context(), d.tenant)); len(where(got, func(s identity.SignIn) string { return s.Account }, func(identity.SignIn) bool { return true })) != len(signIns) {
		t.Errorf("%d", len(got))
	}
}

// Graph's own limits: we stay below those that are known, and wait where it says so.
func TestGraphThrottles(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it waits")
	}
	d := begin(t, azuresim.Options{Accounts: 1200, Throttle: "real"})
	report := func() []identity.Registration { return all(t, d.Registrations(t.Context(), d.tenant)) }
	n := len(report())
	for range 3 { // two pages each
		if got := report(); len(got) != n {
			t.Errorf("%d, want %d", len(got), n)
		}
	}
	for range 2 {
		if _, err := d.AccessPolicies(t.Context(), d.tenant); err != nil {
			t.Error(err)
		}
	}
	if b := d.sim.Bound(); len(b.Refused) != 0 || !slices.ContainsFunc(b.Buckets, func(b azuresim.BucketBound) bool { return b.Kind == "msgraph-reports" && b.Served == 8 }) {
		t.Errorf("%+v", b)
	}
	d.fault(azuresim.Fault{Kind: "429", Header: "none", Path: "conditionalAccess", Times: 1})
	start := time.Now()
	if _, err := d.AccessPolicies(t.Context(), d.tenant); err != nil || time.Since(start) < 4*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// Of lists with sign-ins a limit is suspected: whoever meets it waits and goes on.
func TestSignInLimit(t *testing.T) {
	// 14 pages against 10 at once and 0.8 a second: even a slow machine under the race detector asks faster.
	d := begin(t, azuresim.Options{Accounts: 7000, Throttle: "real", ThrottleSpeed: 5, SignInLimit: true})
	list := all(t, d.SignIns(t.Context(), d.tenant))
	d.same("users", where(list, func(s identity.SignIn) string { return s.Account }, func(identity.SignIn) bool { return true }))
	if len(d.sim.Bound().Refused) == 0 {
		t.Error("nothing was refused")
	}
}

func TestConditionalAccess(t *testing.T) {
	const (
		glass  = "11111111-0000-4000-8000-000000000001"
		other  = "11111111-0000-4000-8000-000000000002"
		policy = `{"state":"enabled","createdDateTime":"2026-01-02T00:00:00Z","conditions":{"clientAppTypes":["all"],"applications":{"includeApplications":["All"]},` +
			`"users":{"includeUsers":["All"],"excludeUsers":["` + glass + `","` + other + `"]}},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}`
	)
	p := func(old, new string) string {
		if !strings.Contains(policy, old) {
			t.Fatal(old)
		}
		return strings.Replace(policy, old, new, 1)
	}
	for what, test := range map[string]struct {
		doc         string
		all, admins bool
	}{
		"plain":           {policy, true, true},
		"strength":        {p(`"builtInControls":["mfa"]`, `"builtInControls":[],"authenticationStrength":{"id":"x"}`), true, true},
		"or a device":     {p(`["mfa"]`, `["mfa","compliantDevice"]`), false, false},
		"and a device":    {p(`"OR","builtInControls":["mfa"]`, `"AND","builtInControls":["mfa","compliantDevice"]`), true, true},
		"block":           {p(`["mfa"]`, `["block"]`), false, false},
		"session only":    {p(`{"operator":"OR","builtInControls":["mfa"]}`, `null`), false, false},
		"one application": {p(`["All"]}`, `["797f4846-ba00-4fd7-ba43-dac1f8f63013"]}`), false, false},
		"but one":         {p(`["All"]}`, `["All"],"excludeApplications":["x"]}`), false, false},
		"outside":         {p(`"clientAppTypes"`, `"locations":{"includeLocations":["All"],"excludeLocations":["AllTrusted"]},"clientAppTypes"`), false, false},
		"everywhere":      {p(`"clientAppTypes"`, `"locations":{"includeLocations":["All"]},"insiderRiskLevels":null,"clientAppTypes"`), true, true},
		"at risk":         {p(`"clientAppTypes"`, `"signInRiskLevels":["high"],"clientAppTypes"`), false, false},
		"legacy":          {p(`["all"]`, `["other"]`), false, false},
		"both ways":       {p(`["all"]`, `["browser","mobileAppsAndDesktopClients"]`), true, true},
		"but guests":      {p(`"users":{`, `"users":{"excludeGuestsOrExternalUsers":{},`), false, true},
		"but admins":      {p(`"users":{`, `"users":{"excludeRoles":["x"],`), false, false},
		"admins":          {p(`["All"],"excludeUsers"`, `[],"includeRoles":["62E90394-69f5-4237-9190-012177145e10"],"excludeUsers"`), false, true},
		"off":             {p(`"enabled"`, `"disabled"`), false, false},
		"report":          {p(`"enabled"`, `"enabledForReportingButNotEnforced"`), false, false},
	} {
		got, err := azure.PoliciesOf(test.doc)
		if err != nil || got.MFAForAll != test.all || got.MFAAdmins != test.admins || got.Newest.IsZero() {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	workloads := p(`["All"],"excludeUsers":["`+glass+`","`+other+`"]`, `["None"]`)
	got, err := azure.PoliciesOf(policy, workloads, p(`,"`+other+`"`, ``), p(`"enabled"`, `"disabled"`))
	if err != nil || !slices.Equal(got.Excluded, []string{glass}) || got.Enabled != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := azure.PoliciesOf(`{"state":"enabled"}`); err == nil {
		t.Error("a policy without conditions was read")
	}
}

// Nothing personal leaves the source, in lists or errors.
func TestNothingPersonal(t *testing.T) {
	d := begin(t, azuresim.Options{Accounts: 300})
	d.everything()
	d.set(azuresim.DirectoryOptions{NoP1: true, Missing: []string{"Application.Read.All"}})
	d.connect()
	d.everything()
	said := strings.ToLower(d.said.String())
	if len(said) < 50_000 {
		t.Errorf("only %d bytes", len(said))
	}
	for _, bad := range []string{"@", "#ext#", "emergency access", "userprincipalname", "\"mail\""} {
		if i := strings.Index(said, bad); i >= 0 {
			t.Errorf("%q in ...%s...", bad, said[max(0, i-80):min(len(said), i+80)])
		}
	}
	sets, err := d.sim.IdentitySets(azuresim.IdentityQuery{Tenant: string(d.tenant.ID)})
	if err != nil {
		t.Fatal(err)
	}
	d.set(azuresim.DirectoryOptions{})
	names, err := d.Names(t.Context(), d.tenant, sets["users"])
	if err != nil || len(names) != len(sets["users"]) {
		t.Fatal(len(names), err)
	}
	for _, name := range names {
		if n := strings.ToLower(name); len(n) > 8 && strings.Contains(said, n) && !strings.HasPrefix(n, "package_") {
			t.Errorf("%q is told", name)
		}
	}
	if _, err := collect(d.Members(t.Context(), d.tenant, "00000000-0000-0000-0000-000000000001")); fresnel.KindOf(err) != fresnel.NotFound || errors.Unwrap(err) == nil {
		t.Errorf("%v", err)
	}
}
