package azure_test

import (
	"crypto/x509"
	"iter"
	"log/slog"
	"maps"
	"net/url"
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
	check("people", func(a identity.Account) bool { return a.Enabled && !a.Guest && !a.Service })
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
