package identity

import (
	"context"
	"time"

	"fresnel"
)

// Reader gives what is held. Every method gives only what the scope sees, and
// of that only what is asked for.
type Reader interface {
	Coverage(ctx context.Context, s fresnel.Scope) ([]TenantRead, error)
	// Classes gives how many accounts of each class each tenant has.
	Classes(ctx context.Context, s fresnel.Scope) ([]ClassCount, error)
	// Accounts lists accounts of some classes, in the order of the query.
	Accounts(ctx context.Context, s fresnel.Scope, q AccountQuery) ([]AccountRow, error)
	// GrantsOf gives what each of these principals holds, by itself or through a
	// group.
	GrantsOf(ctx context.Context, s fresnel.Scope, principals []Principal) (map[Principal][]Grant, error)
	// Others gives the principals with power that are no accounts we know of, by
	// tenant and id, after a place.
	Others(ctx context.Context, s fresnel.Scope, after Principal, limit int) ([]OtherRow, error)
	// Credentials lists credentials of applications by their end.
	Credentials(ctx context.Context, s fresnel.Scope, q CredentialQuery) ([]CredentialRow, error)
	// CredentialCounts counts them by tenant as of an instant.
	CredentialCounts(ctx context.Context, s fresnel.Scope, now time.Time, l Limits) ([]CredentialCount, error)
	// Roles gives each role that somebody holds, with how many do, by tenant.
	Roles(ctx context.Context, s fresnel.Scope) ([]RoleCount, error)
	// Days gives the numbers of lists on the days of a period, in order. A day on
	// which a list was not known has none.
	Days(ctx context.Context, s fresnel.Scope, names []List, p fresnel.Period) ([]DayCount, error)
	// DaySums adds up Days over tenants.
	DaySums(ctx context.Context, s fresnel.Scope, names []List, p fresnel.Period) ([]DaySum, error)
}

// TenantRead says how much of a tenant's identity is held.
type TenantRead struct {
	Tenant     fresnel.TenantID
	Name       string
	Facts      map[Fact]FactState
	Policies   *AccessPolicies   // nil = not known
	Licences   *Licences         // nil = not known
	Judged     time.Time         // when its accounts were last judged; zero = never
	LastRun    fresnel.RunStatus // of the identity job; "" = none yet
	LastReason string
	LastDo     string
}

// FactState is how a fact stands in a tenant.
type FactState struct {
	Read   time.Time // when it was last read to its end; zero = never
	Failed time.Time // when it was last not read; zero = the last reading was good
	Reason string
	Do     string
}

// Part tells whether the fact was read, but not all of it.
func (s FactState) Part() bool { return s.Reason != "" && s.Failed.IsZero() && !s.Read.IsZero() }

// Whole tells whether all of some facts are held, and each in full.
func (t TenantRead) Whole(facts ...Fact) bool {
	for _, f := range facts {
		if !t.Knows(f) || t.Facts[f].Part() {
			return false
		}
	}
	return true
}

// Knows tells whether all of some facts are held, from whichever day.
func (t TenantRead) Knows(facts ...Fact) bool {
	for _, f := range facts {
		if t.Facts[f].Read.IsZero() {
			return false
		}
	}
	return true
}

// Gaps are the facts of some that are not held, or whose last reading failed, with
// the reason; none named = of all.
func (t TenantRead) Gaps(facts ...Fact) []Gap {
	if len(facts) == 0 {
		facts = Facts()
	}
	var out []Gap
	for _, f := range facts {
		if s := t.Facts[f]; s.Reason != "" {
			out = append(out, Gap{Tenant: t.Tenant, Fact: f, Reason: s.Reason, Do: s.Do, Part: s.Part()})
		}
	}
	return out
}

// ClassCount is how many accounts of a class a tenant has.
type ClassCount struct {
	Tenant fresnel.TenantID
	Class  Class
	N      int
}

// AccountQuery selects accounts.
type AccountQuery struct {
	Tenants []fresnel.TenantID // only of these
	Classes []Class            // only of these
	Account string             // object id; "" = any
	Of      int                // how many there are; an estimate does
	Newest  bool               // the newest first, rather than those longest without use
	After   AccountPlace
	Limit   int
}

// AccountPlace is where a row stands in the order of a list.
type AccountPlace struct {
	Rank   int              `json:",omitempty"` // of its risk
	Key    int64            `json:",omitempty"`
	Tenant fresnel.TenantID `json:",omitempty"`
	ID     string           `json:",omitempty"`
}

// AccountRow is an account in a list.
type AccountRow struct {
	Tenant     fresnel.TenantID
	TenantName string
	ID         string
	Class      Class
	Created    time.Time // zero = before June 2018, of which Graph tells nothing
	LastUse    time.Time // zero = never, or not told
	Told       bool      // Azure tells of its sign-ins
	Place      AccountPlace
	Grants     []Grant // with a list of power
}

// Principal is somebody, or something, that may hold a role.
type Principal struct {
	Tenant fresnel.TenantID
	ID     string
}

// Grant is a role that a principal holds, or may take.
type Grant struct {
	Role         string // id of the definition
	Name         string
	Tier         Tier
	Azure        bool   // a role of Azure, not of the directory
	Scope        string // "/" = all of the directory
	Subscription string // of a role of Azure
	Through      string // the group that has it; "" = by itself
	Eligible     bool
	Activated    bool
	Unsure       bool      // it is not told whether it was taken, or ends
	End          time.Time // zero = never, but for Unsure
}

// OtherRow is an application, a managed identity, or a principal that is no
// more, with power.
type OtherRow struct {
	Principal
	TenantName string
	Kind       PrincipalKind // User: an account of which nothing is known
	Name       string        // of an application; "" = not told
	Secret     bool          // an application that a password proves
	Grants     []Grant
}

// CredentialState is how long a credential is still good.
type CredentialState string

// The states of a credential.
const (
	CredentialExpired  CredentialState = "expired"
	CredentialExpiring CredentialState = "expiring" // within the limit's days
	CredentialValid    CredentialState = "valid"
	CredentialEndless  CredentialState = "endless"
)

// CredentialStates lists the states.
func CredentialStates() []CredentialState {
	return []CredentialState{CredentialExpired, CredentialExpiring, CredentialValid, CredentialEndless}
}

// CredentialQuery selects credentials.
type CredentialQuery struct {
	Tenants []fresnel.TenantID
	State   CredentialState // "" = any
	Long    bool            // only those that last longer than the limit, and have not ended
	Limits  Limits
	Now     time.Time
	After   CredentialPlace
	Limit   int
}

// CredentialPlace is where a row stands in the order of a list.
type CredentialPlace struct {
	End    int64            `json:",omitempty"`
	Tenant fresnel.TenantID `json:",omitempty"`
	App    string           `json:",omitempty"`
	ID     string           `json:",omitempty"`
}

// CredentialRow is a credential in a list.
type CredentialRow struct {
	Credential
	Tenant     fresnel.TenantID
	TenantName string
	App        string // object id
	AppID      string
	AppName    string
	Service    bool // of a service principal
	Owners     int
	Covered    bool // the application has another one that is good for longer than the limit
	State      CredentialState
	Long       bool
	Place      CredentialPlace
}

// CredentialCount is how many credentials of a tenant are in which state.
type CredentialCount struct {
	Tenant                            fresnel.TenantID
	Expired, Expiring, Valid, Endless int
	Long                              int // of all but those that have ended
}

// All is how many there are.
func (c CredentialCount) All() int { return c.Expired + c.Expiring + c.Valid + c.Endless }

// of is how many are in a state ("" = in any), or last too long.
func (c CredentialCount) of(s CredentialState, long bool) int {
	if long {
		return c.Long
	}
	switch s {
	case CredentialExpired:
		return c.Expired
	case CredentialExpiring:
		return c.Expiring
	case CredentialValid:
		return c.Valid
	case CredentialEndless:
		return c.Endless
	}
	return c.All()
}

// RoleCount is a role of a tenant with how many hold it. People are counted once,
// through groups, too.
type RoleCount struct {
	Tenant     fresnel.TenantID
	TenantName string
	Role       string // id of the definition
	Name       string
	Azure      bool
	BuiltIn    bool
	Tier       Tier
	Active     int // people that hold it
	Standing   int // of them, for good
	Eligible   int // people that may take it
	Apps       int // applications and managed identities that hold it
	Orphans    int // assignments of principals that are no more
}

// DaySum is the length of a list on a day in all tenants that knew it.
type DaySum struct {
	Day     fresnel.Day
	List    List
	N       int
	Tenants int
}

// DayCount is the length of a list on a day.
type DayCount struct {
	Tenant fresnel.TenantID
	Day    fresnel.Day
	List   List
	N      int
}
