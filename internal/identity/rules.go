package identity

// Severity is how much a finding matters.
type Severity string

// The severities.
const (
	High   Severity = "high"
	Medium Severity = "medium"
	Low    Severity = "low"
)

// Rule is something that is wrong with accounts, roles or credentials.
type Rule struct {
	ID       string
	Title    string
	Severity Severity
	Why      string
	Do       string
	needs    []Fact // not read: nothing is said, and what was found stands
}

// The rules. What they are about is in Finding.Object: tenant, account/ID, app/ID,
// credential/APP/KEY, group/ID, role/ID (an assignment in the directory), or the
// ARM id of an assignment of Azure.
const (
	RuleGlobalAdmins      = "identity-global-administrators"
	RuleStanding          = "identity-standing-privilege"
	RuleNoMFA             = "identity-privileged-without-mfa"
	RuleGuestControl      = "identity-guest-in-control-plane"
	RuleSyncedControl     = "identity-synced-in-control-plane"
	RuleAppControl        = "identity-app-secret-in-control-plane"
	RuleAzureGuest        = "identity-guest-over-subscription"
	RuleStaleMember       = "identity-stale-member"
	RuleStaleGuest        = "identity-stale-guest"
	RuleNeverUsed         = "identity-never-used"
	RuleDisabledRole      = "identity-disabled-with-role"
	RuleDisabledLicence   = "identity-disabled-with-licence"
	RuleCredentialExpired = "identity-credential-expired"
	RuleCredentialEnding  = "identity-credential-expiring"
	RuleCredentialLong    = "identity-credential-long"
	RuleAppOwner          = "identity-app-without-owner"
	RuleOrphanRole        = "identity-orphaned-role"
)

// MostGlobalAdmins is how many global administrators a tenant may have: Microsoft
// says fewer than five.
// Source: learn.microsoft.com/entra/identity/role-based-access-control/best-practices.
const MostGlobalAdmins = 4

// Rules are all rules, worst first.
func Rules() []Rule {
	return []Rule{
		{
			RuleNoMFA, "Privileged account without MFA", High,
			"Whoever guesses one password holds the power of the account.",
			"Have a phishing-resistant method registered, and ask for it by conditional access.",
			[]Fact{FactAccounts, FactRoles, FactMFA},
		},
		{
			RuleGuestControl, "Guest in a control-plane role", High,
			"Another organization decides how this account signs in, and the role can give itself every other one.",
			"Give the role to a member of the tenant, and take it from the guest.",
			[]Fact{FactAccounts, FactRoles},
		},
		{
			RuleAppControl, "Application with a secret in a control-plane role", High,
			"A password of an application has no second factor, and may be copied.",
			"Use a managed identity or a certificate, or take the role away.",
			[]Fact{FactRoles, FactApps},
		},
		{
			RuleGlobalAdmins, "Too many global administrators", High,
			"Each of them can do everything. Microsoft says fewer than five.",
			"Give roles that are as small as the work, and make the rest eligible only.",
			[]Fact{FactAccounts, FactRoles},
		},
		{
			RuleSyncedControl, "Synced account in a control-plane role", High,
			"Whoever holds the directory on premises holds the tenant.",
			"Use an account that exists in the cloud only.",
			[]Fact{FactAccounts, FactRoles},
		},
		{
			RuleAzureGuest, "Guest may give access to a subscription", High,
			"Another organization decides how this account signs in.",
			"Take the role from the guest, or make it eligible and for a time.",
			[]Fact{FactAccounts, FactAzureRoles},
		},
		{
			RuleStanding, "Standing privilege", Medium,
			"A role that is always held is stolen with the account; one that has to be taken is not.",
			"Make the role eligible through Privileged Identity Management.",
			[]Fact{FactAccounts, FactRoles, FactStanding},
		},
		{
			RuleDisabledRole, "Disabled account with a role", Medium,
			"Whoever may enable the account gets its power.",
			"Take the role away.",
			[]Fact{FactAccounts, FactRoles},
		},
		{
			RuleOrphanRole, "Role of a principal that is no more", Low,
			"Nobody knows for whom it was, and nobody looks after it.",
			"Remove the assignment.",
			nil,
		},
		{
			RuleCredentialExpired, "Application's last credential has expired", Medium,
			"Whatever uses it has stopped working, or is not used any more.",
			"Renew it, or delete the application.",
			[]Fact{FactApps},
		},
		{
			RuleCredentialEnding, "Application's last credential ends soon", Medium,
			"Whatever uses it stops working on that day.",
			"Renew it, or use a managed identity or a federated credential.",
			[]Fact{FactApps},
		},
		{
			RuleCredentialLong, "Credential that lasts too long", Low,
			"What is stolen stays good for as long.",
			"Replace it by one that ends sooner, or by a managed identity.",
			[]Fact{FactApps},
		},
		{
			RuleAppOwner, "Application without an owner", Low,
			"Nobody answers for its credentials: it never had an owner, or they are no more.",
			"Name an owner, or delete the application.",
			[]Fact{FactAccounts, FactApps},
		},
		{
			RuleStaleGuest, "Stale guest", Medium,
			"A guest that nobody uses is a door that nobody watches.",
			"Remove the guest, or have somebody review the access.",
			[]Fact{FactAccounts, FactSignIns},
		},
		{
			RuleStaleMember, "Stale member", Low,
			"An account that nobody uses is a door that nobody watches, and may cost a licence.",
			"Disable it, and delete it after a while.",
			[]Fact{FactAccounts, FactSignIns},
		},
		{
			RuleNeverUsed, "Account that was never used", Low,
			"It waits with its first password.",
			"Disable it, and delete it after a while.",
			[]Fact{FactAccounts, FactSignIns},
		},
		{
			RuleDisabledLicence, "Disabled account with a licence", Low,
			"The licence is paid for and nobody uses it.",
			"Take the licence back.",
			[]Fact{FactAccounts},
		},
	}
}
