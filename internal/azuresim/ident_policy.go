package azuresim

import "time"

// identPolicy is a conditional access policy.
type identPolicy struct {
	id, name, state string
	created         time.Time
	users           identObject
	grant           identObject
	clients         []string
	applications    []string
}

// The states of a policy of conditional access.
const (
	policyEnabled  = "enabled"
	policyDisabled = "disabled"
	policyReport   = "enabledForReportingButNotEnforced"
)

// buildConditional makes the policies. All leave the accounts for emergencies out.
func (w *identTenant) buildConditional() {
	glass := []string{w.accountID(castGlass), w.accountID(castGlassToo)}
	admins := []string{roleGlobal, rolePrivRole, roleSecurity, roleUsers, roleApps, roleCloudApps, roleConditional, roleHelpdesk, roleAuthn, roleExchange}
	users := func(include, roles, excludedGroups []string) identObject {
		return identObject{
			{"includeUsers", include},
			{"excludeUsers", glass},
			{"includeGroups", []string{}},
			{"excludeGroups", excludedGroups},
			{"includeRoles", roles},
			{"excludeRoles", []string{}},
			{"includeGuestsOrExternalUsers", nil},
			{"excludeGuestsOrExternalUsers", nil},
		}
	}
	controls := func(list ...string) identObject {
		return identObject{{"operator", "OR"}, {"builtInControls", list}, {"customAuthenticationFactors", []string{}}, {"termsOfUse", []string{}}, {"authenticationStrength", nil}}
	}
	none, all := []string{}, []string{"All"}
	everyone := policyEnabled
	if w.t.index%3 == 1 {
		everyone = policyReport
	}
	list := []identPolicy{
		{name: "CA001 MFA for administrators", state: policyEnabled, users: users(none, admins, none), grant: controls("mfa"), clients: []string{"all"}, applications: all},
		{name: "CA002 MFA for everybody", state: everyone, users: users(all, none, []string{w.groups[groupGlass].id}), grant: controls("mfa"), clients: []string{"all"}, applications: all},
		{name: "CA003 Block legacy authentication", state: policyEnabled, users: users(all, none, none), grant: controls("block"), clients: []string{"exchangeActiveSync", "other"}, applications: all},
		{name: "CA004 MFA for guests", state: policyReport, users: users([]string{"GuestsOrExternalUsers"}, none, none), grant: controls("mfa"), clients: []string{"all"}, applications: all},
		{name: "CA005 Azure management", state: policyDisabled, users: users(all, none, none), grant: controls("mfa", "compliantDevice"), clients: []string{"all"}, applications: []string{"797f4846-ba00-4fd7-ba43-dac1f8f63013"}},
	}
	for i := range list {
		p := &list[i]
		p.id = guid(mix(w.key, label("conditional access"), uint64(i)))
		p.created = w.start.Add(-time.Duration(100+i*40) * 24 * time.Hour)
		w.conditional = append(w.conditional, p)
	}
}

func (p *identPolicy) prop(name string) any {
	switch name {
	case "id":
		return p.id
	case "displayName":
		return p.name
	case "state":
		return p.state
	case "createdDateTime":
		return p.created
	case "modifiedDateTime", "templateId", "sessionControls", "description":
		return nil
	case "conditions":
		return identObject{
			{"users", p.users},
			{"clientAppTypes", p.clients},
			{"applications", identObject{{"includeApplications", p.applications}, {"excludeApplications", []string{}}, {"includeUserActions", []string{}}, {"includeAuthenticationContextClassReferences", []string{}}}},
			{"userRiskLevels", []string{}},
			{"signInRiskLevels", []string{}},
			{"servicePrincipalRiskLevels", []string{}},
			{"platforms", nil},
			{"locations", nil},
			{"devices", nil},
			{"clientApplications", nil},
		}
	case "grantControls":
		return p.grant
	}
	return nil
}

// securityDefaults says whether they are on: where there is no conditional access.
func (v *identView) securityDefaults() bool { return v.noP1() }

// identSKU is a product that a tenant has bought.
type identSKU struct {
	id, part string
	plans    []string
}

var (
	skuE5    = identSKU{"06ebc4ee-1bb5-47dd-8120-11324bc54e06", "SPE_E5", []string{"AAD_PREMIUM", "AAD_PREMIUM_P2", "EXCHANGE_S_ENTERPRISE", "MFA_PREMIUM"}}
	skuE3    = identSKU{"05e9a617-0261-4cee-bb44-138d3ef5d965", "SPE_E3", []string{"AAD_PREMIUM", "EXCHANGE_S_ENTERPRISE", "MFA_PREMIUM"}}
	skuBasic = identSKU{"3b555118-da6a-4418-894f-7df1e2096870", "O365_BUSINESS_ESSENTIALS", []string{"EXCHANGE_S_STANDARD", "TEAMS1"}}
	skuFlow  = identSKU{"f30db892-07e9-47e9-837c-80727f46fd3d", "FLOW_FREE", []string{"FLOW_P2_VIRAL"}}
)

// skus are the tenant's products: what it has a licence for follows from them.
func (v *identView) skus() []identSKU {
	switch {
	case v.noP1():
		return []identSKU{skuBasic, skuFlow}
	case v.noP2():
		return []identSKU{skuE3, skuFlow}
	}
	return []identSKU{skuE5, skuFlow}
}

// skuRow is a row of /subscribedSkus.
type skuRow struct {
	v    *identView
	sku  identSKU
	used int
}

func (r skuRow) prop(name string) any {
	switch name {
	case "id":
		return r.v.t.id + "_" + r.sku.id
	case "accountId":
		return r.v.t.id
	case "accountName":
		return r.v.t.slug
	case "appliesTo":
		return "User"
	case "capabilityStatus":
		return "Enabled"
	case "consumedUnits":
		return r.used
	case "prepaidUnits":
		return identObject{{"enabled", r.v.accounts + 25}, {"lockedOut", 0}, {"suspended", 0}, {"warning", 0}}
	case "skuId":
		return r.sku.id
	case "skuPartNumber":
		return r.sku.part
	case "subscriptionIds":
		return []string{guid(mix(r.v.key, label(r.sku.id)))}
	case "servicePlans":
		out := []any{}
		for _, p := range r.sku.plans {
			out = append(out, identObject{{"servicePlanId", guid(label(p))}, {"servicePlanName", p}, {"provisioningStatus", "Success"}, {"appliesTo", "User"}})
		}
		return out
	}
	return nil
}

// skuRows counts who has each product.
func (v *identView) skuRows() []identRow {
	list := v.skus()
	used := make([]int, len(list))
	v.each(func(i int) bool {
		if l := v.life(i); l.alive() {
			for _, n := range v.accountWith(i, l).licences() {
				used[n]++
			}
		}
		return true
	})
	var out []identRow
	for i, sku := range list {
		out = append(out, skuRow{v, sku, used[i]})
	}
	return out
}

// organizationRow is the tenant itself.
type organizationRow struct{ v *identView }

func (r organizationRow) prop(name string) any {
	t := r.v.t
	switch name {
	case "id":
		return t.id
	case "displayName":
		return t.name
	case "tenantType":
		return "AAD"
	case "createdDateTime":
		return r.v.start.AddDate(-8, 0, 0)
	case "countryLetterCode":
		return t.land
	case "onPremisesSyncEnabled":
		return true
	case "verifiedDomains":
		domain := func(name string, initial bool) identObject {
			return identObject{{"capabilities", "Email, OfficeCommunicationsOnline"}, {"isDefault", !initial}, {"isInitial", initial}, {"name", name}, {"type", "Managed"}}
		}
		return []any{domain(t.domain, true), domain(t.slug+".example", false)}
	case "assignedPlans":
		return []any{}
	}
	return nil
}
