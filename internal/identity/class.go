package identity

import "fresnel"

// MFA is whether an account has registered a second factor. Registered does not
// mean that it is asked for.
type MFA int

// The states of registration.
const (
	MFAUnknown    MFA = iota // not in Azure's report, or there is none
	MFAMissing               // not registered
	MFARegistered            // registered, not usable as the tenant is set
	MFACapable               // registered and usable
)

// Class is everything that an account is counted by: accounts of a class are
// alike. A tenant has some hundred of them, however many accounts.
type Class struct {
	Guest     bool
	External  bool
	Enabled   bool
	Synced    bool
	Licensed  bool
	Service   bool
	Pending   bool
	Emergency bool // a break-glass account, as configured
	Standing  bool // holds a privileged role for good
	Global    bool // is a global administrator
	Roles     bool // holds a role of the directory, or may: also a plain one
	Azure     bool // may give access to a subscription, or to a part of it
	Use       Use
	MFA       MFA
	Active    Tier // of the roles that it holds, directly or through a group
	Eligible  Tier // of those that it may take
}

// flags are the bits of a class's code, in its order; new ones go to the end.
func (c *Class) flags() []*bool {
	return []*bool{
		&c.Guest, &c.External, &c.Enabled, &c.Synced, &c.Licensed, &c.Service, &c.Pending, &c.Emergency,
		&c.Standing, &c.Global, &c.Roles, &c.Azure,
	}
}

// Code is the class as a number; ClassOf is its inverse.
func (c Class) Code() int64 {
	code := int64(c.Use) | int64(c.MFA)<<3 | int64(c.Active)<<5 | int64(c.Eligible)<<7
	for i, f := range c.flags() {
		if *f {
			code |= 1 << (9 + i)
		}
	}
	return code
}

// ClassOf is the class of a code.
func ClassOf(code int64) Class {
	c := Class{Use: Use(code & 7), MFA: MFA(code >> 3 & 3), Active: Tier(code >> 5 & 3), Eligible: Tier(code >> 7 & 3)}
	for i, f := range c.flags() {
		*f = code>>(9+i)&1 == 1
	}
	return c
}

// Person tells whether the account is somebody whose MFA is asked about.
func (c Class) Person() bool { return c.Enabled && !c.Guest && !c.Service }

// Powerful tells whether the account holds power now, in the directory or over a
// subscription.
func (c Class) Powerful() bool { return c.Active >= Privileged || c.Azure }

// Idle tells whether the account was not used for long, or never.
func (c Class) Idle() bool { return c.Use == Stale || c.Use == Never }

// List is a list of accounts. A number on a page is the length of one.
type List string

// The lists.
const (
	Users             List = "users"
	EnabledUsers      List = "enabled"
	Disabled          List = "disabled"
	Members           List = "members"
	Guests            List = "guests"
	PendingGuests     List = "guests-pending"
	IdleGuests        List = "guests-idle"
	GuestsWithRoles   List = "guests-with-roles"
	ExternalMembers   List = "external-members"
	DisabledLicensed  List = "disabled-with-licence"
	DisabledWithRoles List = "disabled-with-roles"
	People            List = "people"
	WithMFA           List = "mfa-registered"
	WithoutMFA        List = "mfa-missing"
	UnreportedMFA     List = "mfa-unknown"
	PrivilegedUsers   List = "privileged"
	PrivilegedNoMFA   List = "privileged-mfa-missing"
	PrivilegedUnknown List = "privileged-mfa-unknown"
	DirectoryPower    List = "privileged-directory"
	AzurePower        List = "privileged-azure"
	ControlPlaneUsers List = "control-plane"
	StandingPower     List = "privileged-standing"
	GlobalAdmins      List = "global-administrators"
	ReadersOnly       List = "privileged-readers"
	EligibleUsers     List = "eligible"
	EligibleOnly      List = "eligible-only"
	IdleUsers         List = "stale" // stale and never used
	IdleMembers       List = "stale-members"
	StaleUsers        List = "stale-used" // used once, not for long
	NeverUsed         List = "never-used"
	Newcomers         List = "newcomers"
)

// rule is what a list has, and what must be known to have it.
type listRule struct {
	list  List
	needs []Fact // not known: there is no number
	parts []Fact // not known: the number is of a part
	has   func(c Class) bool
}

var listRules = []listRule{
	{Users, facts(), nil, func(Class) bool { return true }},
	{EnabledUsers, facts(), nil, func(c Class) bool { return c.Enabled }},
	{Disabled, facts(), nil, func(c Class) bool { return !c.Enabled }},
	{Members, facts(), nil, func(c Class) bool { return !c.Guest }},
	{Guests, facts(), nil, func(c Class) bool { return c.Guest }},
	{PendingGuests, facts(), nil, func(c Class) bool { return c.Pending }},
	{IdleGuests, facts(FactSignIns), nil, func(c Class) bool { return c.Guest && c.Idle() }},
	{GuestsWithRoles, facts(FactRoles), power, func(c Class) bool { return c.Guest && (c.Roles || c.Azure) }},
	{ExternalMembers, facts(), nil, func(c Class) bool { return c.External }},
	{DisabledLicensed, facts(), nil, func(c Class) bool { return !c.Enabled && c.Licensed }},
	{DisabledWithRoles, facts(FactRoles), power, func(c Class) bool { return !c.Enabled && (c.Roles || c.Azure) }},
	{People, facts(), nil, Class.Person},
	{WithMFA, facts(FactMFA), nil, func(c Class) bool { return c.Person() && c.MFA >= MFARegistered }},
	{WithoutMFA, facts(FactMFA), nil, func(c Class) bool { return c.Person() && c.MFA == MFAMissing }},
	{UnreportedMFA, facts(FactMFA), nil, func(c Class) bool { return c.Person() && c.MFA == MFAUnknown }},
	{PrivilegedUsers, facts(FactRoles), power, Class.Powerful},
	{PrivilegedNoMFA, facts(FactRoles, FactMFA), power, func(c Class) bool { return c.Enabled && c.Powerful() && c.MFA == MFAMissing }},
	{PrivilegedUnknown, facts(FactRoles, FactMFA), power, func(c Class) bool { return c.Enabled && c.Powerful() && c.MFA == MFAUnknown }},
	{DirectoryPower, facts(FactRoles), groups, func(c Class) bool { return c.Active >= Privileged }},
	{AzurePower, facts(FactAzureRoles), groups, func(c Class) bool { return c.Azure }},
	{ControlPlaneUsers, facts(FactRoles), groups, func(c Class) bool { return c.Active == ControlPlane }},
	{StandingPower, facts(FactRoles, FactStanding), groups, func(c Class) bool { return c.Standing }},
	{GlobalAdmins, facts(FactRoles), groups, func(c Class) bool { return c.Global }},
	{ReadersOnly, facts(FactRoles), groups, func(c Class) bool { return c.Active == Reading }},
	{EligibleUsers, facts(FactRoles, FactEligibility), groups, func(c Class) bool { return c.Eligible >= Privileged }},
	{EligibleOnly, facts(FactRoles, FactEligibility), groups, func(c Class) bool { return c.Eligible >= Privileged && c.Active < Privileged }},
	{IdleUsers, facts(FactSignIns), nil, Class.Idle},
	{IdleMembers, facts(FactSignIns), nil, func(c Class) bool { return !c.Guest && c.Idle() }},
	{StaleUsers, facts(FactSignIns), nil, func(c Class) bool { return c.Use == Stale }},
	{NeverUsed, facts(FactSignIns), nil, func(c Class) bool { return c.Use == Never }},
	{Newcomers, facts(FactSignIns), nil, func(c Class) bool { return c.Use == Newcomer }},
}

var (
	groups = []Fact{FactGroups}
	power  = []Fact{FactGroups, FactAzureRoles}
)

func facts(more ...Fact) []Fact { return append([]Fact{FactAccounts}, more...) }

var ruleOf = func() map[List]listRule {
	out := map[List]listRule{}
	for _, r := range listRules {
		out[r.list] = r
	}
	return out
}()

// Lists are all lists of accounts.
func Lists() []List {
	out := make([]List, len(listRules))
	for i, r := range listRules {
		out[i] = r.list
	}
	return out
}

// ListNamed finds a list; it fails with Invalid.
func ListNamed(name string) (List, error) {
	if _, ok := ruleOf[List(name)]; !ok {
		return "", fresnel.Errorf(fresnel.Invalid, "there is no list %.60q of accounts", name)
	}
	return List(name), nil
}

// Has tells whether accounts of a class are in the list.
func (l List) Has(c Class) bool { return ruleOf[l].has(c) }

// Needs are the facts without which the list says nothing; Parts those without
// which it is not whole.
func (l List) Needs() []Fact { return ruleOf[l].needs }

// Parts are the facts without which the list is not whole.
func (l List) Parts() []Fact { return ruleOf[l].parts }

// Risk is something about an account that holds power, or may.
type Risk string

// The risks, worst first.
const (
	RiskNoMFA      Risk = "no-mfa"
	RiskDisabled   Risk = "disabled" // a role that nobody uses, until somebody enables the account
	RiskGuest      Risk = "guest"
	RiskIdle       Risk = "idle"
	RiskSynced     Risk = "synced" // whoever holds the directory on premises holds it
	RiskUnknownMFA Risk = "mfa-unknown"
	RiskStanding   Risk = "standing"
)

// Risks are what is risky about a class, worst first.
func (c Class) Risks() []Risk {
	var out []Risk
	for _, r := range []struct {
		risk Risk
		is   bool
	}{
		{RiskNoMFA, c.Enabled && c.MFA == MFAMissing},
		{RiskDisabled, !c.Enabled},
		{RiskGuest, c.Guest},
		{RiskIdle, c.Idle()},
		{RiskSynced, c.Synced && c.Active == ControlPlane},
		{RiskUnknownMFA, c.Enabled && c.MFA == MFAUnknown},
		{RiskStanding, c.Standing},
	} {
		if r.is {
			out = append(out, r.risk)
		}
	}
	return out
}

// rank orders classes by risk: the more, the worse.
func (c Class) rank() int {
	n := 0
	for _, r := range c.Risks() {
		n += map[Risk]int{RiskNoMFA: 128, RiskDisabled: 64, RiskGuest: 32, RiskIdle: 16, RiskSynced: 8, RiskUnknownMFA: 4, RiskStanding: 2}[r]
	}
	if c.Global {
		n++
	}
	return n
}
