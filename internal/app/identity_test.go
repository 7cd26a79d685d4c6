package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
	"fresnel/internal/identity"
	"fresnel/internal/store"
)

// identities reads who is in every tenant and gives the runs by tenant.
func (w *world) identities(t *testing.T) map[string]fresnel.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	list, err := w.app.SyncNow(ctx, []string{"identity"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]fresnel.Run{}
	for _, r := range list {
		runs[string(r.Tenant)] = r
	}
	if n := len(w.Estate()); len(runs) != n {
		t.Fatalf("%d runs for %d tenants", len(runs), n)
	}
	return runs
}

// people reads the database as the program's pages do.
func (w *world) people(t *testing.T) (identity.Reports, *store.DB) {
	t.Helper()
	db, err := store.Open(t.Context(), w.database, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return identity.Reports{Reader: db.IdentityReader(), Limits: identity.DefaultLimits(), Now: w.Clock().Now, Stale: 24 * time.Hour}, db
}

// sets are the truth about a tenant's directory.
type sets map[string][]string

func (s sets) union(names ...string) []string {
	var out []string
	for _, n := range names {
		out = append(out, s[n]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func both(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(id string) bool { return !slices.Contains(b, id) })
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(id string) bool { return slices.Contains(b, id) })
}

// truthLists are all lists of a tenant as the simulator has them.
func (w *world) truthLists(t *testing.T, tenant azuresim.EstateTenant) (map[identity.List][]string, sets) {
	t.Helper()
	all, err := w.IdentitySets(azuresim.IdentityQuery{Tenant: tenant.ID})
	if err != nil {
		t.Fatal(err)
	}
	s := sets(all)
	azure := s["azure-power-people-over"]
	if w.delegated(tenant.ID) { // roles of the customer's own, and what is above, are not seen
		azure = s["azure-power-people-delegated"]
	}
	unregistered := without(both(s["enabled"], s["report"]), s["mfa-registered"])
	power := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(s["privileged"]), azure...))))
	return map[identity.List][]string{
		identity.Users: s["users"], identity.EnabledUsers: s["enabled"], identity.Disabled: s["disabled"],
		identity.Members: s["members"], identity.Guests: s["guests"], identity.PendingGuests: s["pending-guests"],
		identity.IdleGuests: s.union("stale-guests", "never-guests"), identity.ExternalMembers: s["external-members"],
		identity.DisabledLicensed:  s["disabled-licensed"],
		identity.DisabledWithRoles: slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(s["disabled-roles"]), both(azure, s["disabled"])...)))),
		identity.People:            s["people"], identity.WithMFA: s["mfa-registered-people"], identity.WithoutMFA: s["mfa-unregistered-people"],
		identity.GuestsWithRoles: both(s["guests"], slices.Concat(s["role-holders"], azure)),
		identity.UnreportedMFA:   s["report-missing"], identity.PrivilegedUsers: power, identity.PrivilegedNoMFA: both(power, unregistered),
		identity.PrivilegedUnknown: without(both(power, s["enabled"]), s["report"]),
		identity.DirectoryPower:    s["privileged"], identity.AzurePower: azure, identity.ControlPlaneUsers: s["control-plane"],
		identity.StandingPower: s["privileged-standing"], identity.GlobalAdmins: s["global-administrators"],
		identity.ReadersOnly: s["privileged-readers"], identity.EligibleUsers: s["privileged-eligible"], identity.EligibleOnly: s["privileged-eligible-only"],
		identity.IdleUsers: s.union("stale", "never"), identity.IdleMembers: s.union("stale-members", "never-members"),
		identity.StaleUsers: s["stale"], identity.NeverUsed: s["never"], identity.Newcomers: s["newcomers"],
	}, s
}

// hidden are the facts that a tenant's licence, consent or permissions hide.
func hidden(o azuresim.DirectoryOptions) []identity.Fact {
	var out []identity.Fact
	if o.NoConsent {
		return []identity.Fact{
			identity.FactAccounts, identity.FactSignIns, identity.FactMFA, identity.FactRoles, identity.FactEligibility, identity.FactStanding, identity.FactGroups,
			identity.FactApps, identity.FactPolicies, identity.FactLicences,
		}
	}
	if o.NoP1 {
		out = append(out, identity.FactSignIns, identity.FactMFA, identity.FactPolicies)
	}
	if o.NoP1 || o.NoP2 {
		out = append(out, identity.FactEligibility, identity.FactStanding)
	}
	for permission, facts := range map[string][]identity.Fact{
		"AuditLog.Read.All": {identity.FactSignIns, identity.FactMFA}, "Policy.Read.All": {identity.FactPolicies},
		"GroupMember.Read.All": {identity.FactGroups}, "Application.Read.All": {identity.FactApps},
		"RoleEligibilitySchedule.Read.Directory": {identity.FactEligibility}, "LicenseAssignment.Read.All": {identity.FactLicences},
	} {
		if slices.Contains(o.Missing, permission) {
			out = append(out, facts...)
		}
	}
	return out
}

// sameLists compares every list of every tenant, id by id, and every number with
// its list: but lists that need facts which are not up to date are left out.
func (w *world) sameLists(t *testing.T, r identity.Reports, behind ...identity.Fact) {
	t.Helper()
	w.sameListsBut(t, r, func(string) []identity.Fact { return nil }, behind...)
}

// sameListsBut is sameLists where more is hidden in a tenant.
func (w *world) sameListsBut(t *testing.T, r identity.Reports, more func(tenant string) []identity.Fact, behind ...identity.Fact) {
	t.Helper()
	all, err := r.Summary(t.Context(), fresnel.AllTenants())
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]identity.TenantSummary{}
	for _, s := range all.Tenants {
		by[string(s.Tenant)] = s
	}
	sum := map[identity.List]identity.Count{}
	for _, tenant := range w.Estate() {
		want, _ := w.truthLists(t, tenant)
		dir, err := w.Directory(tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		gone := append(hidden(dir), more(tenant.ID)...)
		got := by[tenant.ID]
		for _, f := range identity.Facts() {
			if state := got.Facts[f]; slices.Contains(gone, f) != (state.Reason != "") || slices.Contains(gone, f) && state.Do == "" {
				t.Errorf("%s: %s is hidden: %v; it says %+v", tenant.Name, f, slices.Contains(gone, f), state)
			}
		}
		for _, l := range identity.Lists() {
			n := got.Count(l)
			sum[l] = plusCount(sum[l], n)
			known := !slices.ContainsFunc(l.Needs(), func(f identity.Fact) bool { return slices.Contains(gone, f) })
			part := slices.ContainsFunc(l.Parts(), func(f identity.Fact) bool { return slices.Contains(gone, f) })
			if n.Known() != known || known && n.Whole() == part {
				t.Errorf("%s %s: %+v, known: %v, a part: %v", tenant.Name, l, n, known, part)
			}
			ids := w.listed(t, r, fresnel.TenantID(tenant.ID), l)
			if len(ids) != n.N {
				t.Errorf("%s %s: the number is %d, the list has %d", tenant.Name, l, n.N, len(ids))
			}
			if !known || part || slices.ContainsFunc(l.Needs(), func(f identity.Fact) bool { return slices.Contains(behind, f) }) {
				continue
			}
			slices.Sort(want[l])
			slices.Sort(ids)
			if !slices.Equal(ids, want[l]) {
				t.Errorf("%s %s: %d, the truth is %d; too much: %.200v; missing: %.200v", tenant.Name, l, len(ids), len(want[l]), without(ids, want[l]), without(want[l], ids))
			}
		}
	}
	for l, n := range sum {
		if got := all.Overall.Count(l); got != n {
			t.Errorf("overall %s is %+v, the tenants' sum %+v", l, got, n)
		}
	}
}

func plusCount(a, b identity.Count) identity.Count {
	return identity.Count{N: a.N + b.N, Tenants: a.Tenants + b.Tenants, Of: a.Of + b.Of, Parts: a.Parts + b.Parts}
}

// listed are the ids of a list of a tenant, page by page.
func (w *world) listed(t *testing.T, r identity.Reports, tenant fresnel.TenantID, l identity.List) []string {
	t.Helper()
	q := identity.ListQuery{List: l, Order: identity.ByRisk, Limit: 5000}
	var out []string
	for {
		page, err := r.List(t.Context(), fresnel.ScopeOf(tenant), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Rows {
			out = append(out, a.ID)
		}
		if q.After = page.Next; q.After == nil {
			return out
		}
	}
}

// TestIdentity compares every list and number of the default estate, whose tenants
// hide this and that, with what the simulator knows.
func TestIdentity(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC), azuresim.Options{Tenants: 6, SubscriptionsPerTenant: 3})
		w := begin(t, sim, database)
		w.identities(t)
		r, db := w.people(t)
		w.sameLists(t, r)
		w.sameCredentials(t, r)
		w.sameRoles(t, r)
		w.sameWrongs(t, db)
		w.sameSnapshot(t, r)
		w.changeDirectory(t)
		requests := w.graphRequests()
		sim.Clock().Advance(3 * time.Hour)
		w.identities(t)
		w.sameLists(t, r, identity.FactSignIns, identity.FactMFA)
		if n := w.graphRequests() - requests; n > 30*len(w.Estate()) {
			t.Errorf("the second reading asked Graph %d times", n)
		}
		sim.Clock().Advance(22 * time.Hour)
		w.identities(t)
		w.sameLists(t, r)
		w.sameCredentials(t, r)
		w.sameRoles(t, r)
		w.sameWrongs(t, db)
		w.sameSnapshot(t, r)
		before := w.peopleTables(t)
		w.identities(t)
		for table, rows := range w.peopleTables(t) {
			if !slices.Equal(rows, before[table]) {
				t.Errorf("a reading without changes changed %s", table)
			}
		}
	})
}

// peopleTables are the tables of identity, row by row, but for the times of readings
// and the marks.
func (w *world) peopleTables(t *testing.T) map[string][]string {
	t.Helper()
	out := w.dump(t, "identity_")
	delete(out, "identity_fact")
	delete(out, "identity_tenant")
	delete(out, "identity_day_read")
	delete(out, "identity_snapshots")
	return out
}

func (w *world) graphRequests() (n int) {
	for _, c := range w.Requests() {
		if c.API == "msgraph" {
			n += int(c.Count)
		}
	}
	return n
}

// changeDirectory changes accounts and roles as people do.
func (w *world) changeDirectory(t *testing.T) {
	t.Helper()
	for _, tenant := range w.Estate() {
		var err error
		do := func(list string, n int, what string) {
			_, s := w.truthLists(t, tenant)
			if ids := s[list]; err == nil && len(ids) > n {
				err = w.ChangeAccount(tenant.ID, ids[n], what)
			}
		}
		do("enabled-members", 7, "delete")
		do("enabled-guests", 3, "delete")
		do("enabled-members", 9, "disable")
		do("disabled", 1, "enable")
		do("stale", 2, "signin")
		do("mfa-unregistered-people", 1, "mfa")
		do("mfa-registered-people", 5, "nomfa")
		do("deleted", 0, "restore")
		do("privileged-standing", 0, "disable")
		if err != nil {
			t.Fatal(err)
		}
		_, s := w.truthLists(t, tenant)
		id, err := w.AddAccount(tenant.ID, azuresim.NewAccount{DisplayName: "Somebody New", UserPrincipalName: "somebody.new_partner.example#EXT#@" + tenant.ID + ".example", UserType: "Guest"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddRoleAssignment(tenant.ID, azuresim.RoleAssignment{Role: identity.GlobalAdministrator, Principal: id}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddAzureRole(tenant.ID, "/subscriptions/"+tenant.Subscriptions[0].ID, identity.AzureOwner, s["people"][3]); err != nil {
			t.Fatal(err)
		}
	}
}

// sameCredentials compares credentials by state.
func (w *world) sameCredentials(t *testing.T, r identity.Reports) {
	t.Helper()
	for _, tenant := range w.Estate() {
		_, s := w.truthLists(t, tenant)
		scope := fresnel.ScopeOf(fresnel.TenantID(tenant.ID))
		sum, err := r.Summary(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		if !sum.Overall.Credentials("").Known() {
			continue
		}
		for name, q := range map[string]identity.CredentialQuery{
			"credentials": {}, "credentials-expired": {State: identity.CredentialExpired}, "credentials-expiring": {State: identity.CredentialExpiring},
			"credentials-endless": {State: identity.CredentialEndless}, "credentials-long": {Long: true},
		} {
			var got []string
			q.Limit = 7
			for {
				page, err := r.Credentials(t.Context(), scope, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range page.Rows {
					got = append(got, c.ID)
				}
				if page.Next == nil {
					if page.Count.N != len(got) {
						t.Errorf("%s %s: the number is %d, the list has %d", tenant.Name, name, page.Count.N, len(got))
					}
					break
				}
				q.After = *page.Next
			}
			slices.Sort(got)
			if !slices.Equal(got, s[name]) {
				t.Errorf("%s %s: %d, the truth is %d", tenant.Name, name, len(got), len(s[name]))
			}
		}
	}
}

// sameRoles compares how many hold each role, of tenants that hide nothing.
func (w *world) sameRoles(t *testing.T, r identity.Reports) {
	t.Helper()
	rows := 0
	for _, tenant := range w.Estate() {
		dir, err := w.Directory(tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		truth, err2 := w.RoleHolders(tenant.ID, w.delegated(tenant.ID))
		list, err3 := r.Roles(t.Context(), fresnel.ScopeOf(fresnel.TenantID(tenant.ID)))
		if err := errors.Join(err2, err3); err != nil {
			t.Fatal(err)
		}
		if len(hidden(dir)) > 0 {
			continue
		}
		want, got := map[string][5]int{}, map[string][5]int{}
		for _, h := range truth {
			want[fmt.Sprint(strings.ToLower(h.Role), h.Azure)] = [5]int{len(h.Active), len(h.Standing), len(h.Eligible), len(h.Services), len(h.Orphaned)}
		}
		for _, c := range list.Rows {
			got[fmt.Sprint(strings.ToLower(c.Role), c.Azure)] = [5]int{c.Active, c.Standing, c.Eligible, c.Apps, c.Orphans}
			rows++
		}
		if s := diff(want, got); s != "" {
			t.Errorf("%s: active, standing, eligible, services, orphaned by role (-truth +ours):\n%s", tenant.Name, s)
		}
	}
	if rows < 20 {
		t.Errorf("%d roles: the test shows nothing", rows)
	}
}

// sameWrongs compares findings, by rule.
func (w *world) sameWrongs(t *testing.T, db *store.DB) {
	t.Helper()
	for _, tenant := range w.Estate() {
		dir, err := w.Directory(tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		if gone := hidden(dir); len(gone) > 0 {
			continue // TestIdentityHidden
		}
		lists, s := w.truthLists(t, tenant)
		orphans := []string{}
		for _, id := range s["azure-orphaned"] {
			if !w.delegated(tenant.ID) || !strings.Contains(strings.ToLower(id), "managementgroups") {
				orphans = append(orphans, fresnel.ObjectKey(id))
			}
		}
		for _, id := range s["orphaned-roles"] {
			orphans = append(orphans, "role/"+id)
		}
		var many []string
		if len(s["global-administrators"]) > identity.MostGlobalAdmins {
			many = []string{"tenant"}
		}
		service := func(ids []string) []string { // Microsoft's own, that nobody signs in with, are not stale
			return both(ids, slices.Concat(s["people"], s["guests"]))
		}
		of := func(kind string, ids []string) []string {
			out := make([]string, len(ids))
			for i, id := range ids {
				out[i] = kind + "/" + id
			}
			return out
		}
		power := slices.Compact(slices.Sorted(slices.Values(slices.Concat(lists[identity.PrivilegedUsers], s["privileged-eligible"]))))
		azureGuests := both(lists[identity.AzurePower], s["guests"])
		want := map[string][]string{
			identity.RuleGlobalAdmins:    many,
			identity.RuleStanding:        of("account", s["privileged-standing"]),
			identity.RuleNoMFA:           of("account", without(both(power, both(s["enabled"], s["report"])), s["mfa-registered"])),
			identity.RuleGuestControl:    of("account", s["control-plane-guests"]),
			identity.RuleSyncedControl:   of("account", s["control-plane-synced"]),
			identity.RuleAppControl:      of("app", s["control-plane-secrets"]),
			identity.RuleAzureGuest:      of("account", azureGuests),
			identity.RuleStaleMember:     of("account", service(s["stale-members"])),
			identity.RuleStaleGuest:      of("account", s["stale-guests"]),
			identity.RuleNeverUsed:       of("account", service(s["never"])),
			identity.RuleDisabledRole:    of("account", lists[identity.DisabledWithRoles]),
			identity.RuleDisabledLicence: of("account", s["disabled-licensed"]),
			identity.RuleAppOwner:        of("app", without(s["applications-ownerless"], s["applications-without"])),
			identity.RuleOrphanRole:      orphans,
		}
		held, err := db.Findings().HeldOf(t.Context(), fresnel.TenantID(tenant.ID), slices.Collect(maps.Keys(want)))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for _, f := range held {
			got[f.Rule] = append(got[f.Rule], f.Object)
			if f.Since != fresnel.DayOf(f.First) {
				t.Errorf("%s %s: since %s, first seen %s", f.Rule, f.Object, f.Since, f.First)
			}
			if !json.Valid([]byte(f.Detail)) {
				t.Errorf("%s: %s", f.Rule, f.Detail)
			}
		}
		for rule, objects := range want {
			slices.Sort(objects)
			slices.Sort(got[rule])
			if !slices.Equal(got[rule], objects) {
				t.Errorf("%s %s: %d, the truth is %d; too much: %.300v; missing: %.300v", tenant.Name, rule, len(got[rule]), len(objects), without(got[rule], objects), without(objects, got[rule]))
			}
		}
	}
}

// sameSnapshot compares the brief's relation with the numbers of the day.
func (w *world) sameSnapshot(t *testing.T, r identity.Reports) {
	t.Helper()
	sum, err := r.Summary(t.Context(), fresnel.AllTenants())
	if err != nil {
		t.Fatal(err)
	}
	day := fresnel.DayOf(w.Clock().Now()).String()
	got := map[string]string{}
	for _, row := range w.rows(t, "SELECT tenant_id, total_users, guest_users, mfa_enabled, privileged_users, stale_accounts, snapshot_date FROM identity_snapshots") {
		if date := fmt.Sprint(row[6]); strings.HasPrefix(date, day) {
			got[fmt.Sprint(row[0])] = fmt.Sprint(row[1:6])
		}
	}
	for _, s := range sum.Tenants {
		want := []any{}
		known := false
		for _, l := range []identity.List{identity.Users, identity.Guests, identity.WithMFA, identity.PrivilegedUsers, identity.IdleUsers} {
			n := s.Count(l)
			if n.Known() && n.Whole() {
				want, known = append(want, n.N), true
			} else {
				want = append(want, nil)
			}
		}
		text, ok := got[string(s.Tenant)]
		if ok != known || known && text != fmt.Sprint(want) {
			t.Errorf("%s: the snapshot of %s is %v, want %v", s.Name, day, text, want)
		}
	}
}
