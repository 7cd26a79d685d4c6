package azuresim

import (
	"slices"
	"strings"
)

// identRow is an entity of Graph. A property that it does not have is null.
type identRow interface{ prop(name string) any }

// identKind is a type of entities: what can be selected, what comes without $select, and what can be
// filtered by.
type identKind struct {
	name, entity string
	props        []string
	basic        []string // nil = all props
	filters      []string
	page, most   int
}

func words(s string) []string { return strings.Fields(s) }

var (
	kindUsers = &identKind{
		name: "users", entity: "microsoft.graph.user", page: 100, most: 999,
		props:   words("id displayName userPrincipalName mail userType accountEnabled createdDateTime externalUserState creationType assignedLicenses onPremisesSyncEnabled lastPasswordChangeDateTime signInActivity businessPhones givenName jobTitle mobilePhone officeLocation preferredLanguage surname deletedDateTime ageGroup assignedPlans city companyName consentProvidedForMinor country department employeeHireDate employeeId employeeLeaveDateTime employeeType externalUserStateChangeDateTime faxNumber identities imAddresses isResourceAccount legalAgeGroupClassification mailNickname onPremisesDistinguishedName onPremisesDomainName onPremisesImmutableId onPremisesLastSyncDateTime onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesUserPrincipalName otherMails passwordPolicies postalCode preferredDataLocation provisionedPlans proxyAddresses securityIdentifier showInAddressList signInSessionsValidFromDateTime state streetAddress usageLocation"),
		basic:   words("businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname userPrincipalName id"),
		filters: words("id displayName userPrincipalName mail userType accountEnabled createdDateTime externalUserState creationType onPremisesSyncEnabled givenName surname signInActivity/lastSignInDateTime signInActivity/lastNonInteractiveSignInDateTime signInActivity/lastSuccessfulSignInDateTime"),
	}
	kindRegistration = &identKind{
		name: "reports/authenticationMethods/userRegistrationDetails", entity: "microsoft.graph.userRegistrationDetails", page: 100, most: 999,
		props:   words("id userPrincipalName userDisplayName userType isAdmin isSsprRegistered isSsprEnabled isSsprCapable isMfaRegistered isMfaCapable isPasswordlessCapable methodsRegistered isSystemPreferredAuthenticationMethodEnabled systemPreferredAuthenticationMethods userPreferredMethodForSecondaryAuthentication lastUpdatedDateTime"),
		filters: words("id userPrincipalName userDisplayName userType isAdmin isSsprRegistered isSsprEnabled isSsprCapable isMfaRegistered isMfaCapable isPasswordlessCapable"),
	}
	kindGroups = &identKind{
		name: "groups", entity: "microsoft.graph.group", page: 100, most: 999,
		props:   words("id displayName description createdDateTime groupTypes mailEnabled mailNickname securityEnabled isAssignableToRole membershipRule deletedDateTime classification expirationDateTime mail onPremisesSyncEnabled renewedDateTime visibility"),
		filters: words("id displayName isAssignableToRole securityEnabled mailEnabled createdDateTime"),
	}
	kindApplications = &identKind{
		name: "applications", entity: "microsoft.graph.application", page: 100, most: 999,
		props:   words("id appId displayName createdDateTime passwordCredentials keyCredentials signInAudience publisherDomain tags identifierUris deletedDateTime description disabledByMicrosoftStatus notes web api"),
		filters: words("id appId displayName createdDateTime signInAudience"),
	}
	kindServices = &identKind{
		name: "servicePrincipals", entity: "microsoft.graph.servicePrincipal", page: 100, most: 999,
		props:   words("id appId displayName appDisplayName accountEnabled servicePrincipalType appOwnerOrganizationId createdDateTime passwordCredentials keyCredentials signInAudience servicePrincipalNames tags deletedDateTime description homepage notes"),
		filters: words("id appId displayName accountEnabled servicePrincipalType appOwnerOrganizationId"),
	}
	kindDirectoryRoles = &identKind{
		name: "directoryRoles", entity: "microsoft.graph.directoryRole", page: 999, most: 999,
		props: words("id deletedDateTime description displayName roleTemplateId"), filters: words("roleTemplateId displayName"),
	}
	kindRoleAssignments = &identKind{
		name: "roleManagement/directory/roleAssignments", entity: "microsoft.graph.unifiedRoleAssignment", page: 100, most: 999,
		props: words("id principalId principalOrganizationId directoryScopeId appScopeId roleDefinitionId condition"), filters: words("principalId roleDefinitionId directoryScopeId"),
	}
	kindRoleDefinitions = &identKind{
		name: "roleManagement/directory/roleDefinitions", entity: "microsoft.graph.unifiedRoleDefinition", page: 999, most: 999,
		props: words("id description displayName isBuiltIn isEnabled isPrivileged resourceScopes rolePermissions templateId version"), filters: words("id displayName isBuiltIn isPrivileged"),
	}
	kindEligible = &identKind{
		name: "roleManagement/directory/roleEligibilityScheduleInstances", entity: "microsoft.graph.unifiedRoleEligibilityScheduleInstance", page: 100, most: 999,
		props: words("id principalId roleDefinitionId directoryScopeId appScopeId startDateTime endDateTime memberType roleEligibilityScheduleId"), filters: words("principalId roleDefinitionId directoryScopeId memberType"),
	}
	kindAssigned = &identKind{
		name: "roleManagement/directory/roleAssignmentScheduleInstances", entity: "microsoft.graph.unifiedRoleAssignmentScheduleInstance", page: 100, most: 999,
		props: words("id principalId roleDefinitionId directoryScopeId appScopeId startDateTime endDateTime assignmentType memberType roleAssignmentOriginId roleAssignmentScheduleId"), filters: words("principalId roleDefinitionId directoryScopeId assignmentType memberType"),
	}
	kindConditional = &identKind{
		name: "identity/conditionalAccess/policies", entity: "microsoft.graph.conditionalAccessPolicy", page: 100, most: 999,
		props: words("id templateId displayName createdDateTime modifiedDateTime state sessionControls conditions grantControls description"), filters: words("id displayName state"),
	}
	kindSKUs = &identKind{
		name: "subscribedSkus", entity: "microsoft.graph.subscribedSku", page: 999, most: 999,
		props: words("id accountId accountName appliesTo capabilityStatus consumedUnits prepaidUnits servicePlans skuId skuPartNumber subscriptionIds"),
	}
	kindOrganization = &identKind{
		name: "organization", entity: "microsoft.graph.organization", page: 100, most: 999,
		props: words("id displayName tenantType createdDateTime countryLetterCode onPremisesSyncEnabled verifiedDomains assignedPlans deletedDateTime city country state"),
	}
	kindObjects = &identKind{
		name: "directoryObjects", entity: "microsoft.graph.directoryObject", page: 100, most: 999,
		props: words("id displayName userPrincipalName mail appId accountEnabled userType businessPhones givenName surname jobTitle description servicePrincipalType isAssignableToRole securityEnabled mailEnabled groupTypes deletedDateTime"),
		basic: words("id displayName"),
	}
)

func (k *identKind) has(name string) bool { return slices.Contains(k.props, name) }

func (k *identKind) shown() []string {
	if k.basic != nil {
		return k.basic
	}
	return k.props
}

// objectOf is a row as an object of some properties; nil of none.
func objectOf(k *identKind, r identRow, names []string) any {
	if r == nil {
		return nil
	}
	if names == nil {
		names = k.shown()
	}
	out := make(identObject, 0, len(names))
	for _, n := range names {
		out = append(out, identProperty{n, r.prop(n)})
	}
	return out
}

// refRow is a member of something: a user, a group or a service principal.
type refRow struct {
	identRow
	entity string
}

func (r refRow) prop(name string) any {
	if name == "@odata.type" {
		return "#" + r.entity
	}
	return r.identRow.prop(name)
}

// refRow is what a reference points to; nil if that is gone.
func (v *identView) refRow(r identRef) identRow {
	switch {
	case r.id != "":
		return nil
	case r.kind == principalGroup:
		return refRow{v.groups[r.i], kindGroups.entity}
	case r.kind == principalService:
		return refRow{serviceRow{v, v.principals[r.i]}, kindServices.entity}
	}
	return refRow{v.account(r.i), kindUsers.entity}
}

// refObject is the principal of an assignment, as $expand shows it.
func (v *identView) refObject(r identRef) any {
	row := v.refRow(r)
	if row == nil {
		return nil
	}
	names := words("@odata.type id displayName")
	switch r.kind {
	case principalUser:
		names = append(names, "userPrincipalName", "mail", "accountEnabled", "userType")
	case principalService:
		names = append(names, "appId", "servicePrincipalType")
	default:
		names = append(names, "isAssignableToRole")
	}
	return objectOf(nil, row, names)
}

func (a *account) prop(name string) any {
	given, _, surname := a.names()
	switch name {
	case "id":
		return a.id()
	case "displayName":
		return a.displayName()
	case "userPrincipalName":
		return a.principalName()
	case "mail":
		return nullText(a.mail())
	case "userType":
		return nullText(a.userType)
	case "accountEnabled":
		return a.life.enabled
	case "createdDateTime":
		return a.life.born
	case "deletedDateTime":
		return nullTime(a.life.deleted)
	case "creationType":
		creation, _ := a.invitation()
		return creation
	case "externalUserState":
		_, state := a.invitation()
		return state
	case "assignedLicenses":
		out := []any{}
		skus := a.v.skus()
		for _, n := range a.licences() {
			out = append(out, identObject{{"disabledPlans", []string{}}, {"skuId", skus[n].id}})
		}
		return out
	case "onPremisesSyncEnabled":
		if a.synced() {
			return true
		}
	case "lastPasswordChangeDateTime":
		return a.passwordChanged()
	case "signInActivity":
		s := a.v.signIns(a)
		return s.wire()
	case "givenName":
		if a.added == nil && a.i > castPackage {
			return given
		}
	case "surname":
		if a.added == nil && a.i > castPackage {
			return surname
		}
	case "mailNickname":
		return a.mailName()
	case "businessPhones", "assignedPlans", "identities", "imAddresses", "otherMails", "provisionedPlans", "proxyAddresses":
		return []string{}
	}
	return nil
}

func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}
