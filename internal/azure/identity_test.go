package azure_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azure"
	"fresnel/internal/azuresim"
	"fresnel/internal/identity"
)

// noon is a Monday, on which roles are activated.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// directory is a client of a simulated estate.
type directory struct {
	*azure.Client
	t      *testing.T
	sim    *azuresim.Server
	clock  *azuresim.Clock
	tenant fresnel.Tenant // the one that is looked at
	calls  atomic.Int64   // of Microsoft Graph
	said   strings.Builder
}

// begin starts an estate; the tenant looked at is the delegated one.
func begin(t *testing.T, o azuresim.Options) *directory {
	t.Helper()
	t.Parallel()
	o.Seed, o.SubscriptionsPerTenant, o.Months, o.Resources, o.Waste = 1, 4, 2, 1, -1
	o.Clock = azuresim.NewClock()
	o.Clock.Freeze(noon)
	if o.Tenants == 0 {
		o.Tenants = 3
	}
	sim, err := azuresim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	d := &directory{t: t, sim: sim, clock: o.Clock}
	d.connect()
	d.look("delegated")
	return d
}

// connect makes the client anew: it has no tokens yet.
func (d *directory) connect(changes ...func(*azure.Config)) {
	d.t.Helper()
	conn := d.sim.Connection()
	vault, err := url.Parse(conn.VaultURL)
	if err != nil {
		d.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(d.sim.CA())
	cfg := azure.Config{
		AuthorityURL: conn.AuthorityURL, ResourceManagerURL: conn.ResourceManagerURL, GraphURL: conn.GraphURL, VaultHost: vault.Host,
		TenantID: conn.ManagingTenantID, ClientID: conn.ClientID, Credential: azure.ClientSecret, ClientSecret: azure.Secret(conn.ClientSecret),
		RootCAs: roots, Now: d.clock.Now, Log: slog.New(slog.DiscardHandler),
		Observe: func(api string, _ int, _ time.Duration) {
			if api == "msgraph" {
				d.calls.Add(1)
			}
		},
	}
	for _, f := range changes {
		f(&cfg)
	}
	if d.Client, err = azure.New(cfg); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(d.Close)
}

// look turns to the first tenant of a kind: delegated or app.
func (d *directory) look(kind string) {
	d.t.Helper()
	for _, x := range d.sim.Connection().Tenants {
		if x.Kind == kind {
			d.tenant = fresnel.Tenant{ID: fresnel.TenantID(x.ID), Name: x.Name, ClientID: x.ClientID, SecretRef: x.SecretRef, Active: true}
			return
		}
	}
	d.t.Fatalf("no tenant of kind %s", kind)
}

func (d *directory) set(o azuresim.DirectoryOptions) {
	d.t.Helper()
	if err := d.sim.SetDirectory(string(d.tenant.ID), o); err != nil {
		d.t.Fatal(err)
	}
}

func (d *directory) fault(f ...azuresim.Fault) {
	d.t.Helper()
	for i := range f {
		f[i].API = "msgraph"
	}
	if err := d.sim.SetFaults(f); err != nil {
		d.t.Fatal(err)
	}
}

// all reads a list to its end.
func all[T any](t *testing.T, list iter.Seq2[T, error]) []T {
	t.Helper()
	out, err := collect(list)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func collect[T any](list iter.Seq2[T, error]) (out []T, err error) {
	for x, e := range list {
		if e != nil {
			return out, e
		}
		out = append(out, x)
	}
	return out, nil
}

// same compares ids with a list of the simulator's truth.
func (d *directory) same(list string, got map[string]bool) {
	d.t.Helper()
	d.sameBut(list, got, func(string) bool { return true })
}

func (d *directory) sameBut(list string, got map[string]bool, keep func(string) bool) {
	d.t.Helper()
	sets, err := d.sim.IdentitySets(azuresim.IdentityQuery{Tenant: string(d.tenant.ID)})
	if err != nil {
		d.t.Fatal(err)
	}
	want := map[string]bool{}
	for _, id := range sets[list] {
		if keep(id) {
			want[strings.ToLower(id)] = true
		}
	}
	if len(want) == 0 {
		d.t.Errorf("%s is empty in truth", list)
	}
	if !maps.Equal(got, want) {
		d.t.Errorf("%s: %d, in truth %d; only one has %v", list, len(got), len(want), differ(got, want))
	}
}

func differ(a, b map[string]bool) (out []string) {
	for x := range a {
		if !b[x] {
			out = append(out, "+"+x)
		}
	}
	for x := range b {
		if !a[x] {
			out = append(out, "-"+x)
		}
	}
	return out[:min(5, len(out))]
}

func where[T any](list []T, id func(T) string, keep func(T) bool) map[string]bool {
	out := map[string]bool{}
	for _, x := range list {
		if keep(x) {
			out[id(x)] = true
		}
	}
	return out
}

func accountID(a identity.Account) string { return a.ID }

// read reads all accounts, or what changed, into what is known.
func (d *directory) read(known map[string]identity.Account, mark string) (next string, changes int) {
	d.t.Helper()
	list, mark2 := d.Accounts(d.t.Context(), d.tenant, mark)
	for _, c := range all(d.t, list) {
		changes++
		if c.Gone {
			delete(known, c.ID)
		} else {
			known[c.ID] = c.Account
		}
	}
	if mark2() == "" {
		d.t.Fatal("no mark")
	}
	return mark2(), changes
}

func (d *directory) checkAccounts(known map[string]identity.Account) {
	d.t.Helper()
	list := slices.Collect(maps.Values(known))
	check := func(name string, keep func(a identity.Account) bool) {
		d.t.Helper()
		d.same(name, where(list, accountID, keep))
	}
	check("users", func(identity.Account) bool { return true })
	check("guests", func(a identity.Account) bool { return a.Guest })
	check("external-members", func(a identity.Account) bool { return a.External })
	check("disabled", func(a identity.Account) bool { return !a.Enabled })
	check("synced", func(a identity.Account) bool { return a.Synced })
	check("licensed", func(a identity.Account) bool { return a.Licensed })
	check("pending-guests", func(a identity.Account) bool { return a.Pending })
	check("people", identity.Account.Person)
}

func TestAccountsEqualTruth(t *testing.T) {
	d := begin(t, azuresim.Options{Accounts: 3000})
	for _, kind := range []string{"delegated", "app"} {
		d.look(kind)
		known := map[string]identity.Account{}
		d.read(known, "")
		d.checkAccounts(known)
		l := identity.DefaultLimits()
		uses := map[identity.Use]map[string]bool{identity.Stale: {}, identity.Never: {}, identity.Newcomer: {}, identity.Used: {}}
		n := 0
		for _, s := range all(t, d.SignIns(t.Context(), d.tenant)) {
			if n++; known[s.Account].Enabled {
				uses[identity.UseSince(known[s.Account].Created, s.Last(), true, l, noon)][s.Account] = true
			}
		}
		if n != len(known) {
			t.Errorf("%d sign-ins of %d accounts", n, len(known))
		}
		d.same("stale", uses[identity.Stale])
		d.same("never", uses[identity.Never])
		d.same("newcomers", uses[identity.Newcomer])
		report := all(t, d.Registrations(t.Context(), d.tenant))
		of := func(r identity.Registration) string { return r.Account }
		d.same("report", where(report, of, func(identity.Registration) bool { return true }))
		d.same("mfa-registered", where(report, of, func(r identity.Registration) bool { return r.Registered }))
		d.same("mfa-capable", where(report, of, func(r identity.Registration) bool { return r.Capable }))
	}
}

func TestAccountsDelta(t *testing.T) {
	d := begin(t, azuresim.Options{Accounts: 700})
	known := map[string]identity.Account{}
	first, _ := d.read(known, "")
	mark, n := d.read(known, first)
	if n != 0 {
		t.Errorf("nothing happened, and %d changes", n)
	}
	sets, err := d.sim.IdentitySets(azuresim.IdentityQuery{Tenant: string(d.tenant.ID)})
	if err != nil {
		t.Fatal(err)
	}
	victims := sets["enabled-members"][100:103]
	for i, what := range []string{"delete", "disable", "purge"} {
		if err := d.sim.ChangeAccount(string(d.tenant.ID), victims[i], what); err != nil {
			t.Fatal(err)
		}
	}
	added, err := d.sim.AddAccount(string(d.tenant.ID), azuresim.NewAccount{DisplayName: "New", UserPrincipalName: "new@x.example", UserType: "Member"})
	if err != nil {
		t.Fatal(err)
	}
	if mark, n = d.read(known, mark); n != 4 || known[added].ID != added || known[victims[1]].Enabled {
		t.Errorf("%d changes; %v %v", n, known[added], known[victims[1]])
	}
	d.checkAccounts(known)
	for range 3 {
		d.clock.Advance(5 * 24 * time.Hour)
		mark, _ = d.read(known, mark)
		d.checkAccounts(known)
	}
	for what, mark := range map[string]string{"old": first, "unknown": "nonsense", "elsewhere": "accounts1 https://graph.example/v1.0/users/delta?$deltatoken=x", "spoilt": mark + "x"} {
		list, next := d.Accounts(t.Context(), d.tenant, mark)
		if _, err := collect(list); fresnel.KindOf(err) != fresnel.Conflict || next() != "" {
			t.Errorf("%s: %v, mark %q", what, err, next())
		}
	}
	list, next := d.Accounts(t.Context(), d.tenant, "")
	before := d.calls.Load()
	for _, err := range list {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if n := d.calls.Load() - before; next() != "" || n != 1 {
		t.Errorf("a list that was not read to the end has the mark %q, after %d pages", next(), n)
	}
}

func TestRolesEqualTruth(t *testing.T) {
	d := begin(t, azuresim.Options{Accounts: 900})
	for _, kind := range []string{"delegated", "app"} {
		d.look(kind)
		d.set(azuresim.DirectoryOptions{})
		roles, err := d.Roles(t.Context(), d.tenant)
		if err != nil {
			t.Fatal(err)
		}
		tiers, names := map[string]identity.Tier{}, 0
		for _, r := range roles {
			if tiers[r.ID] = identity.TierOf(r); r.Name != "" {
				names++
			}
		}
		if names != len(roles) {
			t.Errorf("%d of %d roles have a name", names, len(roles))
		}
		assigned, eligible := all(t, d.Assigned(t.Context(), d.tenant)), all(t, d.Eligible(t.Context(), d.tenant))
		d.checkHoldings(tiers, assigned, eligible)
		d.set(azuresim.DirectoryOptions{NoP2: true})
		for _, h := range all(t, d.Assigned(t.Context(), d.tenant)) {
			if h.Activated || h.Eligible || !h.End.IsZero() || h.Scope == "" {
				t.Errorf("without PIM: %v", h)
			}
		}
		if _, err := collect(d.Eligible(t.Context(), d.tenant)); fresnel.KindOf(err) != fresnel.Unsupported || !strings.Contains(err.Error(), "no Entra ID P2") {
			t.Errorf("%v", err)
		}
	}
}

func (d *directory) checkHoldings(tiers map[string]identity.Tier, lists ...[]identity.Holding) {
	d.t.Helper()
	sets := map[string]map[string]bool{}
	add := func(id string, lists ...string) {
		for _, l := range lists {
			if sets[l] == nil {
				sets[l] = map[string]bool{}
			}
			sets[l][id] = true
		}
	}
	for _, h := range slices.Concat(lists...) {
		holders := []string{h.Principal}
		switch h.Kind {
		case identity.Orphan:
			add(strings.ToLower(h.ID), "orphaned-roles")
			continue
		case identity.ServicePrincipal:
			if tiers[h.Role] == identity.ControlPlane {
				add(h.Principal, "control-plane-services")
			}
			continue
		case identity.Group:
			holders = nil
			for _, m := range all(d.t, d.Members(d.t.Context(), d.tenant, h.Principal)) {
				if m.Group != h.Principal {
					d.t.Errorf("%v", m)
				}
				if m.Kind == identity.User {
					holders = append(holders, m.Member)
				}
			}
		}
		for _, id := range holders {
			switch {
			case h.Role == identity.GlobalAdministrator && h.Eligible:
				add(id, "global-administrators-eligible")
			case h.Role == identity.GlobalAdministrator:
				add(id, "global-administrators")
			}
			if tiers[h.Role] < identity.Privileged {
				continue
			}
			switch {
			case h.Eligible:
				add(id, "privileged-eligible")
				continue
			case h.Activated:
				add(id, "privileged-activated")
			case h.Standing():
				add(id, "privileged-standing")
			default:
				add(id, "privileged-timed")
			}
			add(id, "privileged")
			if h.Kind == identity.Group {
				add(id, "privileged-groups")
			} else {
				add(id, "privileged-direct")
			}
		}
	}
	for list, got := range sets {
		d.same(list, got)
	}
	if len(sets) != 11 {
		d.t.Errorf("%d lists", len(sets))
	}
}

func TestApplicationsEqualTruth(t *testing.T) {
	d := begin(t, azuresim.Options{Accounts: 400})
	list := all(t, d.Applications(t.Context(), d.tenant))
	keys, certificates, apps, ownerless, with := map[string]bool{}, 0, map[string]bool{}, map[string]bool{}, map[string]bool{}
	endless := map[string]bool{}
	for _, a := range list {
		if !a.Service {
			apps[a.ID] = true
		}
		for _, k := range a.Credentials {
			if keys[k.ID] = true; k.End.IsZero() {
				endless[k.ID] = true
			}
			if k.Certificate {
				certificates++
			}
		}
		if len(a.Credentials) > 0 && !a.Service {
			if with[a.ID] = true; len(a.Owners) == 0 {
				ownerless[a.ID] = true
			}
		}
		if strings.Contains(a.Name, "Microsoft") {
			t.Errorf("%s is Microsoft's", a.Name)
		}
	}
	d.same("applications", apps)
	d.same("credentials", keys)
	d.same("credentials-endless", endless)
	d.sameBut("applications-ownerless", ownerless, func(id string) bool { return with[id] })
	if certificates == 0 || certificates == len(keys) || len(list) == len(apps) {
		t.Errorf("%d certificates of %d, %d applications of %d", certificates, len(keys), len(apps), len(list))
	}
}

func TestPoliciesAndLicences(t *testing.T) {
	d := begin(t, azuresim.Options{})
	for i, x := range d.sim.Connection().Tenants {
		d.tenant = fresnel.Tenant{ID: fresnel.TenantID(x.ID), ClientID: x.ClientID, SecretRef: x.SecretRef}
		d.set(azuresim.DirectoryOptions{})
		p, err := d.AccessPolicies(t.Context(), d.tenant)
		if err != nil {
			t.Fatal(err)
		}
		want := []int{3, 1}
		if p.MFAForAll != (i%3 != 1) {
			t.Errorf("%d: %+v", i, p)
		} else if !p.MFAForAll {
			want = []int{2, 2}
		}
		if p.Enabled != want[0] || p.ReportOnly != want[1] || !p.MFAAdmins || p.Defaults || p.Newest.IsZero() {
			t.Errorf("%d: %+v", i, p)
		}
		d.same("emergency", where(p.Excluded, func(s string) string { return s }, func(string) bool { return true }))
		for o, want := range map[string]identity.Licences{"": {P1: true, P2: true}, "2": {P1: true}, "1": {}} {
			d.set(azuresim.DirectoryOptions{NoP2: o != "", NoP1: o == "1"})
			if l, err := d.Licences(t.Context(), d.tenant); err != nil || l != want {
				t.Errorf("%+v, %v; want %+v", l, err, want)
			}
		}
		d.set(azuresim.DirectoryOptions{NoP1: true})
		if p, err := d.AccessPolicies(t.Context(), d.tenant); fresnel.KindOf(err) != fresnel.Unsupported || !p.Defaults || p.Enabled != 0 {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

func TestAzureRolesEqualTruth(t *testing.T) {
	d := begin(t, azuresim.Options{})
	for _, x := range d.sim.Estate() {
		d.look(x.Kind)
		if string(d.tenant.ID) != x.ID {
			continue
		}
		var subs []string
		for _, s := range x.Subscriptions {
			subs = append(subs, s.ID)
		}
		list := all(t, d.AzureRoles(t.Context(), d.tenant, subs))
		id := func(r identity.AzureRole) string { return r.ID }
		// What management groups have is not delegated, nor the roles of the tenant's own.
		inside := func(id string) bool {
			return x.Kind == "app" || !strings.Contains(strings.ToLower(id), "managementgroups")
		}
		for name, role := range map[string]string{"azure-owner": identity.AzureOwner, "azure-access": identity.AzureUserAccess, "azure-rbac": identity.AzureRBAC, "azure-contributor": identity.AzureContributor} {
			got := where(list, id, func(r identity.AzureRole) bool { return r.Role == role })
			d.sameBut(name, got, func(id string) bool {
				return inside(id) && (got[strings.ToLower(id)] || !strings.Contains(id, "managementGroups"))
			})
		}
		below := func(id string) bool { return !strings.Contains(strings.ToLower(id), "managementgroups") }
		d.sameBut("azure", where(list, id, func(r identity.AzureRole) bool { return r.Subscription != "" }), below)
		above := len(list) - len(where(list, id, func(r identity.AzureRole) bool { return r.Subscription != "" }))
		if x.Kind == "app" {
			d.same("azure-custom-owner", where(list, id, func(r identity.AzureRole) bool { return r.Owner }))
		}
		if (above > 0) != (x.Kind == "app") {
			t.Errorf("%s: %d above", x.Kind, above)
		}
		kinds := where(list, func(r identity.AzureRole) string { return string(r.Kind) }, func(identity.AzureRole) bool { return true })
		if len(kinds) != 4 {
			t.Errorf("%v", kinds)
		}
	}
}

func TestNames(t *testing.T) {
	d := begin(t, azuresim.Options{Accounts: 300})
	sets, err := d.sim.IdentitySets(azuresim.IdentityQuery{Tenant: string(d.tenant.ID)})
	if err != nil {
		t.Fatal(err)
	}
	ids := sets["users"][:45]
	var group string
	for _, h := range all(t, d.Assigned(t.Context(), d.tenant)) {
		if h.Kind == identity.Group {
			group = h.Principal
		}
	}
	before := d.calls.Load()
	d.fault(azuresim.Fault{Kind: "429", Path: ids[3], Times: 2, RetryAfterSeconds: 1}, azuresim.Fault{Kind: "5xx", Path: ids[30], Times: 1})
	ask := slices.Concat(ids, ids[:3], []string{strings.ToUpper(ids[4]), group, "00000000-0000-0000-0000-000000000001", "../users", ""})
	names, err := d.Names(t.Context(), d.tenant, ask)
	if err != nil || len(names) != 46 || names[group] == "" || names[ids[0]] == "" {
		t.Errorf("%d names, %v", len(names), err)
	}
	if n := d.calls.Load() - before; n != 3+1+2+1 {
		t.Errorf("%d requests", n)
	}
}

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
	d := begin(t, azuresim.Options{Accounts: 7000, Throttle: "real", ThrottleSpeed: 30, SignInLimit: true})
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
