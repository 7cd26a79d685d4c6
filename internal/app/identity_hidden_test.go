package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
	"fresnel/internal/identity"
)

// TestIdentityHidden hides facts in each way: from the start there is no number and
// the right reason; later, what was known stands with the reason; and once nothing is
// hidden any more, all is true.
func TestIdentityHidden(t *testing.T) {
	t.Parallel()
	missing := func(permissions ...string) azuresim.DirectoryOptions {
		return azuresim.DirectoryOptions{Missing: permissions}
	}
	fault := func(kind, path string) azuresim.Fault {
		return azuresim.Fault{API: "msgraph", Kind: kind, Path: path, RetryAfterSeconds: 3 * 3600}
	}
	for name, c := range map[string]struct {
		directory azuresim.DirectoryOptions
		fault     azuresim.Fault
		hides     []identity.Fact // by a fault
		says      string          // part of the reason
	}{
		"no P1":             {directory: azuresim.DirectoryOptions{NoP1: true}, says: "no Entra ID P1"},
		"no P2":             {directory: azuresim.DirectoryOptions{NoP2: true}, says: "no Entra ID P2"},
		"no consent":        {directory: azuresim.DirectoryOptions{NoConsent: true}, says: "not known in the tenant"},
		"no audit log":      {directory: missing("AuditLog.Read.All"), says: "AuditLog.Read.All"},
		"no groups":         {directory: missing("GroupMember.Read.All"), says: "GroupMember.Read.All"},
		"no applications":   {directory: missing("Application.Read.All"), says: "Application.Read.All"},
		"no policies":       {directory: missing("Policy.Read.All"), says: "Policy.Read.All"},
		"no eligibility":    {directory: missing("RoleEligibilitySchedule.Read.Directory"), says: "RoleEligibilitySchedule.Read.Directory"},
		"no licences":       {directory: missing("LicenseAssignment.Read.All", "Organization.Read.All"), says: "LicenseAssignment.Read.All"},
		"throttled report":  {fault: fault("429", "userRegistrationDetails"), hides: []identity.Fact{identity.FactMFA}, says: "asks to wait"},
		"throttled sign-in": {fault: fault("429", "/users"), hides: []identity.Fact{identity.FactAccounts, identity.FactSignIns}, says: "asks to wait"},
		"throttled graph":   {fault: azuresim.Fault{API: "resourcegraph", Kind: "429", RetryAfterSeconds: 3 * 3600}, hides: []identity.Fact{identity.FactAzureRoles}, says: "asks to wait"},
		"throttled roles":   {fault: fault("429", "roleEligibility"), hides: []identity.Fact{identity.FactEligibility}, says: "asks to wait"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engines(t, func(t *testing.T, database string) {
				if testing.Short() && name != "no P1" && name != "throttled report" {
					t.Skip("-short: these are like others")
				}
				begun := time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC)
				sim := simulate(t, begun, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 2})
				one := sim.Estate()[0].ID
				w := begin(t, sim, database)
				r, _ := w.people(t)
				hide := func(on bool) {
					t.Helper()
					var faults []azuresim.Fault
					o := azuresim.DirectoryOptions{}
					if on {
						o = c.directory
						if c.fault.Kind != "" {
							if c.fault.Tenant = one; c.fault.API == "resourcegraph" { // whose tokens are those of the managing tenant
								c.fault.Tenant = ""
							}
							faults = append(faults, c.fault)
						}
					}
					if err := sim.SetDirectory(one, o); err != nil {
						t.Fatal(err)
					}
					if err := sim.SetFaults(faults); err != nil {
						t.Fatal(err)
					}
				}
				gone := func(tenant string) []identity.Fact {
					if tenant == one || c.fault.API == "resourcegraph" {
						return c.hides
					}
					return nil
				}

				hide(true)
				w.identities(t)
				first := func(tenant string) []identity.Fact { // without accounts, nothing of them can be kept
					out := gone(tenant)
					if slices.Contains(out, identity.FactAccounts) {
						out = append(out, identity.FactMFA)
					}
					return out
				}
				w.sameListsBut(t, r, first)
				w.saysWhy(t, r, one, c.says)
				hide(false)
				sim.Clock().Advance(23 * time.Hour)
				w.restart(t) // tokens keep the permissions that they were given with
				w.identities(t)
				w.sameLists(t, r)

				known := w.numbers(t, r, one)
				hide(true)
				sim.Clock().Advance(60 * 24 * time.Hour) // nobody gets stale because nothing is told of sign-ins
				w.restart(t)
				w.identities(t)
				w.saysWhy(t, r, one, c.says)
				then := w.numbers(t, r, one)
				behind := append(hidden(c.directory), c.hides...)
				for _, l := range identity.Lists() {
					if !then[l].Known() && (l != identity.StandingPower || !slices.Contains(behind, identity.FactStanding)) {
						t.Errorf("%s is not known any more", l)
					}
					if slices.Contains(behind, identity.FactSignIns) && slices.Contains(l.Needs(), identity.FactSignIns) && then[l].N > known[l].N {
						t.Errorf("%s grew from %d to %d without any reading", l, known[l].N, then[l].N)
					}
				}
				hide(false)
				sim.Clock().Advance(23 * time.Hour)
				w.restart(t)
				w.identities(t)
				w.sameLists(t, r)
			})
		})
	}
}

// saysWhy tells whether a tenant gives the reason for what is hidden, and what to do.
func (w *world) saysWhy(t *testing.T, r identity.Reports, tenant, part string) {
	t.Helper()
	sum, err := r.Summary(t.Context(), fresnel.ScopeOf(fresnel.TenantID(tenant)))
	if err != nil || len(sum.Tenants) != 1 {
		t.Fatalf("%d tenants, %v", len(sum.Tenants), err)
	}
	gaps := sum.Tenants[0].Gaps()
	if !slices.ContainsFunc(gaps, func(g identity.Gap) bool { return strings.Contains(g.Reason, part) && g.Do != "" }) {
		t.Errorf("nothing says %q: %+v", part, gaps)
	}
}

// numbers are the lengths of all lists of a tenant.
func (w *world) numbers(t *testing.T, r identity.Reports, tenant string) map[identity.List]identity.Count {
	t.Helper()
	sum, err := r.Summary(t.Context(), fresnel.ScopeOf(fresnel.TenantID(tenant)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[identity.List]identity.Count{}
	for _, l := range identity.Lists() {
		out[l] = sum.Overall.Count(l)
	}
	return out
}
