// Package identity is the meaning of who holds power in a tenant: accounts,
// roles, guests, sign-ins, MFA, credentials of applications, and what is wrong
// with them.
//
// It keeps no names: an account is an object id with facts. It is not an Azure
// client (internal/azure), not SQL (internal/store) and not a page.
package identity

import (
	"time"

	"fresnel"
)

// Account is an Entra user of a governed tenant. Name, mail and UPN are not in
// it, and nowhere.
type Account struct {
	ID       string // object id, lower case
	Guest    bool   // userType Guest, or no type and an external origin
	External bool   // a member with an external origin
	Enabled  bool
	Synced   bool // from a directory on premises
	Licensed bool
	Service  bool // an account of Microsoft's own: directory synchronization, packages
	Pending  bool // a guest who has not accepted yet
	Created  time.Time
}

// SignIn is when an account was last used. Zero = Azure tells of none.
type SignIn struct {
	Account        string
	Successful     time.Time // interactive, told since December 2023
	NonInteractive time.Time
	Attempt        time.Time // also of failed attempts
}

// successSince is from when on Azure tells of successful sign-ins apart.
var successSince = time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC)

// Last is the newest use that is known to have succeeded; zero = none is known.
// An attempt counts where successes were not told apart yet: it is updated by
// failed ones, too.
// Source: learn.microsoft.com/graph/api/resources/signinactivity.
func (s SignIn) Last() time.Time {
	last := s.Successful
	if last.IsZero() && s.Attempt.Before(successSince) {
		last = s.Attempt
	}
	if s.NonInteractive.After(last) {
		last = s.NonInteractive
	}
	return last
}

// Use is how an account is used.
type Use int

// The uses of an account.
const (
	UseUnknown Use = iota // Azure does not tell: no licence, no permission
	Used
	Stale    // not for the limit's days
	Never    // never, and it is older than the grace
	Newcomer // never, and within the grace
)

// Limits are the days by which accounts are judged.
type Limits struct {
	Stale    int // days without a use
	Grace    int // days after creation
	Expiring int // days before a credential ends
	Long     int // days that a credential may last
}

// DefaultLimits are those of most tools; Microsoft says 90 to 180 days for stale.
func DefaultLimits() Limits { return Limits{Stale: 90, Grace: 30, Expiring: 30, Long: 730} }

// UseSince judges an enabled account by its last use (zero = none) as of an
// instant.
func UseSince(created, last time.Time, known bool, l Limits, now time.Time) Use {
	day := 24 * time.Hour
	switch {
	case !known:
		return UseUnknown
	case last.IsZero() && now.Sub(created) < time.Duration(l.Grace)*day:
		return Newcomer
	case last.IsZero():
		return Never
	case now.Sub(last) >= time.Duration(l.Stale)*day:
		return Stale
	}
	return Used
}

// Registration is what an account has registered for MFA.
type Registration struct {
	Account    string
	Registered bool // a second factor; it is not said that it must be used
	Capable    bool
}

// State is what an account is counted by.
func (r Registration) State() MFA {
	switch {
	case !r.Registered:
		return MFAMissing
	case r.Capable:
		return MFACapable
	}
	return MFARegistered
}

// PrincipalKind is who holds a role.
type PrincipalKind string

// The kinds of principals.
const (
	User             PrincipalKind = "user"
	Group            PrincipalKind = "group"
	ServicePrincipal PrincipalKind = "servicePrincipal"
	Orphan           PrincipalKind = "unknown" // it is no more
)

// Role is a directory role's definition.
type Role struct {
	ID         string // of a built-in role the template id
	Name       string
	BuiltIn    bool
	Privileged bool // as Azure marks custom ones; of built-in ones see Tier
}

// Holding is a role that a principal has, or may take.
type Holding struct {
	ID        string
	Principal string
	Kind      PrincipalKind
	Role      string // Role.ID
	Scope     string // "/" = the whole directory
	Eligible  bool   // may be taken through PIM
	Activated bool   // taken through PIM, for a time
	Unsure    bool   // it is not told whether it was taken, or ends: there is no PIM to ask
	End       time.Time
}

// Standing tells whether the role is held for good, without being asked for.
func (h Holding) Standing() bool {
	return !h.Eligible && !h.Activated && !h.Unsure && h.End.IsZero()
}

// Membership is a member of a group, however deep.
type Membership struct {
	Group  string
	Member string
	Kind   PrincipalKind
}

// Application is an application or a service principal with credentials.
type Application struct {
	ID          string // object id
	AppID       string
	Name        string // an application's; never a person's
	Service     bool   // a service principal
	Owners      []string
	Credentials []Credential
}

// Credential proves an application.
type Credential struct {
	ID          string // key id
	Certificate bool
	Start, End  time.Time // a zero end: never
}

// AzureRole is a role on a subscription, or below it.
type AzureRole struct {
	ID           string
	Subscription string
	Scope        string // lower case
	Role         string // GUID of the role definition
	Owner        bool   // a custom role that may do all
	Principal    string
	Kind         PrincipalKind
}

// Fact is something that a tenant's licence or permissions may hide.
type Fact string

// The facts.
const (
	FactAccounts    Fact = "accounts"
	FactSignIns     Fact = "sign-ins"
	FactMFA         Fact = "mfa"
	FactRoles       Fact = "roles"
	FactEligibility Fact = "eligibility"
	FactStanding    Fact = "standing roles" // whether a role that is held ends
	FactGroups      Fact = "groups"
	FactApps        Fact = "applications"
	FactPolicies    Fact = "conditional access"
	FactLicences    Fact = "licences"
	FactAzureRoles  Fact = "azure roles"
)

// Gap is why a fact is not known: then there is no number of it, neither zero
// nor everybody.
type Gap struct {
	Tenant fresnel.TenantID
	Fact   Fact
	Reason string
	Do     string
	Part   bool // it was read, but for this
	Lost   bool // what was known of it does not stand any more
}
