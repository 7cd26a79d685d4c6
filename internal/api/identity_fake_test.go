package api

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/findings"
	"fresnel/internal/identity"
)

// directory is what a fake store holds of identity.
type directory struct {
	reads       []identity.TenantRead
	accounts    []identity.AccountRow
	grants      []identity.Grant // of everybody with a role
	others      []identity.OtherRow
	credentials []identity.CredentialRow
	roles       []identity.RoleCount
	days        []identity.DayCount

	asked   []identity.AccountQuery
	breakAt int // the AccountQuery that fails; 0 = none
}

func (f *directory) Coverage(_ context.Context, s fresnel.Scope) ([]identity.TenantRead, error) {
	return scoped(s, f.reads, func(t identity.TenantRead) fresnel.TenantID { return t.Tenant }, nil), nil
}

func (f *directory) Classes(_ context.Context, s fresnel.Scope) ([]identity.ClassCount, error) {
	n := map[identity.ClassCount]int{}
	for _, a := range f.accounts {
		if s.Sees(a.Tenant) {
			n[identity.ClassCount{Tenant: a.Tenant, Class: a.Class}]++
		}
	}
	var out []identity.ClassCount
	for c, k := range n {
		c.N = k
		out = append(out, c)
	}
	return out, nil
}

// Accounts sorts by use or by birth, then by tenant and id, and goes on after a
// place.
func (f *directory) Accounts(_ context.Context, s fresnel.Scope, q identity.AccountQuery) ([]identity.AccountRow, error) {
	if f.asked = append(f.asked, q); len(f.asked) == f.breakAt {
		return nil, errors.New("the database is gone")
	}
	rows := scoped(s, f.accounts, func(a identity.AccountRow) fresnel.TenantID { return a.Tenant }, func(a identity.AccountRow) bool {
		return slices.Contains(q.Tenants, a.Tenant) && slices.Contains(q.Classes, a.Class) && (q.Account == "" || q.Account == a.ID)
	})
	place := func(a identity.AccountRow) identity.AccountPlace {
		key := a.LastUse.Unix()
		if q.Newest {
			key = -a.Created.Unix()
		}
		return identity.AccountPlace{Key: key, Tenant: a.Tenant, ID: a.ID}
	}
	compare := func(a, b identity.AccountPlace) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(rows, func(a, b identity.AccountRow) int { return compare(place(a), place(b)) })
	if q.After.ID != "" {
		rows = slices.DeleteFunc(rows, func(a identity.AccountRow) bool { return compare(place(a), q.After) <= 0 })
	}
	rows = rows[:min(q.Limit, len(rows))]
	for i := range rows {
		rows[i].Place = place(rows[i])
	}
	return rows, nil
}

func (f *directory) GrantsOf(_ context.Context, _ fresnel.Scope, list []identity.Principal) (map[identity.Principal][]identity.Grant, error) {
	out := map[identity.Principal][]identity.Grant{}
	for _, p := range list {
		out[p] = slices.Clone(f.grants)
	}
	return out, nil
}

func (f *directory) Others(_ context.Context, s fresnel.Scope, after identity.Principal, limit int) ([]identity.OtherRow, error) {
	rows := scoped(s, f.others, func(o identity.OtherRow) fresnel.TenantID { return o.Tenant }, func(o identity.OtherRow) bool {
		return cmp.Or(cmp.Compare(o.Tenant, after.Tenant), cmp.Compare(o.ID, after.ID)) > 0
	})
	return rows[:min(limit, len(rows))], nil
}

func (f *directory) Credentials(_ context.Context, s fresnel.Scope, q identity.CredentialQuery) ([]identity.CredentialRow, error) {
	rows := scoped(s, f.credentials, func(c identity.CredentialRow) fresnel.TenantID { return c.Tenant }, func(c identity.CredentialRow) bool {
		return slices.Contains(q.Tenants, c.Tenant) && (q.State == "" || identity.StateOf(c.Credential, q.Limits, q.Now) == q.State) && (!q.Long || identity.LongOf(c.Credential, q.Limits, q.Now))
	})
	from := slices.IndexFunc(rows, func(c identity.CredentialRow) bool { return c.ID == q.After.ID }) + 1
	rows = rows[from:min(from+q.Limit, len(rows))]
	for i := range rows {
		rows[i].Place = identity.CredentialPlace{ID: rows[i].ID}
	}
	return rows, nil
}

func (f *directory) CredentialCounts(_ context.Context, s fresnel.Scope, now time.Time, l identity.Limits) ([]identity.CredentialCount, error) {
	n := map[fresnel.TenantID]identity.CredentialCount{}
	for _, c := range f.credentials {
		k := n[c.Tenant]
		k.Tenant = c.Tenant
		switch identity.StateOf(c.Credential, l, now) {
		case identity.CredentialExpired:
			k.Expired++
		case identity.CredentialExpiring:
			k.Expiring++
		case identity.CredentialValid:
			k.Valid++
		case identity.CredentialEndless:
			k.Endless++
		}
		if identity.LongOf(c.Credential, l, now) {
			k.Long++
		}
		n[c.Tenant] = k
	}
	var out []identity.CredentialCount
	for t, c := range n {
		if s.Sees(t) {
			out = append(out, c)
		}
	}
	return out, nil
}

func (f *directory) Roles(_ context.Context, s fresnel.Scope) ([]identity.RoleCount, error) {
	return scoped(s, f.roles, func(r identity.RoleCount) fresnel.TenantID { return r.Tenant }, nil), nil
}

func (f *directory) DaySums(context.Context, fresnel.Scope, []identity.List, fresnel.Period) ([]identity.DaySum, error) {
	return nil, nil // the API tells of each tenant
}

func (f *directory) Days(_ context.Context, s fresnel.Scope, names []identity.List, p fresnel.Period) ([]identity.DayCount, error) {
	return scoped(s, f.days, func(d identity.DayCount) fresnel.TenantID { return d.Tenant }, func(d identity.DayCount) bool {
		return p.Contains(d.Day) && slices.Contains(names, d.List)
	}), nil
}

// object is an id of Entra.
func object(n int) string { return "0b1ec700-0000-4000-8000-" + strconv.FormatInt(int64(n)+1e11, 10) }

// people are two tenants: of contoso all is known; of fabrikam neither sign-ins
// nor MFA, which its licence hides, nor who is in groups, which was known once
// and is refused now; nor its credentials, of which nobody says why. Everything
// is named like a formula.
func people() *directory {
	at := noon.Add(-time.Hour)
	known := map[identity.Fact]identity.FactState{}
	for _, fact := range identity.Facts() {
		known[fact] = identity.FactState{Read: at}
	}
	f := &directory{
		reads: []identity.TenantRead{
			{
				Tenant: contoso, Name: "Contoso", Facts: known, Judged: at, Licences: &identity.Licences{P1: true},
				Policies: &identity.AccessPolicies{MFAForAll: true, Enabled: 3},
			},
			{
				Tenant: fabrikam, Name: "=Fabrikam", Judged: at.Add(-time.Hour), Policies: &identity.AccessPolicies{Defaults: true},
				Facts: map[identity.Fact]identity.FactState{
					identity.FactAccounts: {Read: at}, identity.FactRoles: {Read: at},
					identity.FactSignIns:     {Failed: at, Reason: "=the licence hides it", Do: "buy P1"},
					identity.FactMFA:         {Failed: at, Reason: "=the licence hides it", Do: "buy P1"},
					identity.FactEligibility: {Read: at.Add(-48 * time.Hour), Failed: at, Reason: "refused", Do: "consent"},
				},
			},
		},
		grants: []identity.Grant{
			{Role: identity.GlobalAdministrator, Name: "=Global Administrator", Tier: identity.ControlPlane, Scope: "/", Through: "+group"},
			{Role: identity.AzureOwner, Name: "@Owner", Tier: identity.Privileged, Azure: true, Scope: "=/subscriptions/" + subA, Subscription: subA, Activated: true, End: noon.Add(time.Hour)},
		},
		roles: []identity.RoleCount{
			{Tenant: contoso, TenantName: "Contoso", Role: identity.GlobalAdministrator, Name: "=Global Administrator", BuiltIn: true, Tier: identity.ControlPlane, Active: 3, Standing: 2, Eligible: 4, Apps: 1},
			{Tenant: contoso, TenantName: "Contoso", Role: identity.AzureOwner, Name: "@Owner", Azure: true, BuiltIn: true, Tier: identity.Privileged, Active: 2, Orphans: 1},
			{Tenant: contoso, TenantName: "Contoso", Role: object(77), Name: "-custom", Tier: identity.Plain, Active: 9},
			{Tenant: fabrikam, TenantName: "=Fabrikam", Role: identity.GlobalAdministrator, Name: "+Global", Tier: identity.ControlPlane, Active: 1},
			{Tenant: fabrikam, TenantName: "=Fabrikam", Role: identity.AzureOwner, Name: "hidden", Azure: true, Active: 5},
		},
		days: []identity.DayCount{
			{Tenant: contoso, Day: fresnel.DayOf(noon) - 30, List: identity.Users, N: 10},
			{Tenant: contoso, Day: fresnel.DayOf(noon) - 29, List: identity.Users, N: 11},
			{Tenant: fabrikam, Day: fresnel.DayOf(noon) - 29, List: identity.Users, N: 5},
			{Tenant: contoso, Day: fresnel.DayOf(noon), List: identity.WithMFA, N: 0},
		},
	}
	add := func(n int, t fresnel.TenantID, c identity.Class, idle int) {
		a := identity.AccountRow{Tenant: t, TenantName: "=" + string(t[:3]), ID: object(n), Class: c, Created: noon.AddDate(-1, 0, -n%7)}
		if idle >= 0 && c.Use != identity.UseUnknown {
			a.LastUse, a.Told = noon.AddDate(0, 0, -idle), true
		}
		f.accounts = append(f.accounts, a)
	}
	mfas := []identity.MFA{identity.MFAMissing, identity.MFARegistered, identity.MFACapable, identity.MFAUnknown}
	for n := range 40 { // of ten ranks of risk, with equal uses within them
		c := identity.Class{Enabled: n%5 != 0, MFA: mfas[n%4], Use: identity.Used, Active: identity.Privileged, Standing: n%3 == 0, Roles: true, Global: n%8 == 0}
		if c.Global {
			c.Active = identity.ControlPlane
		}
		add(n, contoso, c, n/10)
	}
	for n := 40; n < 50; n++ {
		add(n, contoso, identity.Class{Enabled: true, Guest: true, MFA: identity.MFAMissing, Use: identity.Stale, Pending: n%2 == 0}, 100+n%3)
	}
	for n := 50; n < 55; n++ {
		add(n, contoso, identity.Class{Enabled: true, MFA: identity.MFARegistered, Use: identity.Never}, -1)
	}
	for n := 60; n < 67; n++ { // nothing is known of their use and MFA
		add(n, fabrikam, identity.Class{Enabled: true, Guest: n == 60, Active: identity.Privileged, Roles: true}, -1)
	}
	for n := range 9 {
		c := identity.CredentialRow{
			Credential: identity.Credential{ID: object(200 + n), Start: noon.AddDate(-3, 0, 0), End: noon.AddDate(0, 0, 20*(n-4)).Add(-time.Hour)}, Tenant: contoso, TenantName: "Contoso",
			App: object(100 + n), AppID: object(300 + n), AppName: "=app " + strconv.Itoa(n), Service: n%2 == 1, Owners: n,
		}
		if n == 8 {
			c.End = time.Time{}
		}
		f.credentials = append(f.credentials, c)
	}
	for n := range 7 {
		kinds := []identity.PrincipalKind{identity.ServicePrincipal, identity.Orphan, identity.User}
		t := []fresnel.TenantID{contoso, fabrikam}[n/4]
		f.others = append(f.others, identity.OtherRow{Principal: identity.Principal{Tenant: t, ID: object(400 + n)}, TenantName: "=" + string(t[:3]), Kind: kinds[n%3], Name: "@app", Secret: n == 0})
	}
	return f
}

// mouths keeps what people say.
type mouths struct {
	findings.Reader
	findings.Writer
	said []fresnel.Exception
}

func (m *mouths) Said(_ context.Context, s fresnel.Scope, f findings.Filter, _ int64, limit int) ([]fresnel.Exception, error) {
	list := scoped(s, m.said, func(e fresnel.Exception) fresnel.TenantID { return e.Tenant }, func(e fresnel.Exception) bool {
		return slices.Contains(f.Rules, e.Rule) && (f.Object == "" || f.Object == e.Object)
	})
	slices.Reverse(list)
	return list[:min(limit, len(list))], nil
}

func (m *mouths) Except(_ context.Context, e fresnel.Exception, _ time.Time) error {
	e.ID = int64(len(m.said) + 1)
	m.said = append(m.said, e)
	return nil
}

// phonebook knows every name, and how often it was asked.
type phonebook struct{ asked [][]string }

func (p *phonebook) Names(_ context.Context, _ fresnel.Tenant, ids []string) (map[string]string, error) {
	p.asked = append(p.asked, ids)
	return map[string]string{ids[0]: "=Ann"}, nil
}

func serveIdentity(t *testing.T, f *directory, s fresnel.Scope, with func(*Service)) surface {
	t.Helper()
	now := func() time.Time { return noon }
	svc := Service{
		Reports: cost.Reports{Now: now}, Tenants: registry{}, Now: now, Log: slog.New(slog.DiscardHandler),
		Identity: identity.Reports{Reader: f, Limits: identity.DefaultLimits(), Now: now, Stale: 24 * time.Hour},
	}
	if with != nil {
		with(&svc)
	}
	mux := http.NewServeMux()
	Register(mux, svc)
	return surface{t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(fresnel.WithScope(r.Context(), s)))
	})}
}
