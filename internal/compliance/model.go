package compliance

import (
	"strings"
	"time"

	"fresnel"
)

// Kind is what an item of compliance is.
type Kind int

// The kinds of items. Policies and security have the same shape: something that
// is checked, and how many resources pass.
const (
	KindAssignment      Kind = iota + 1 // a definition or an initiative in force on a scope
	KindPolicy                          // a policy definition, over all assignments of it
	KindCheck                           // a policy definition within one assignment
	KindSet                             // an initiative: several definitions, in groups
	KindExemption                       // what is taken out of an assignment
	KindControl                         // a control of the secure score
	KindStandardControl                 // a control of a standard of Defender for Cloud
)

// Key names an item. Ids are in lower case: Azure varies their case from answer
// to answer.
type Key struct {
	Kind       Kind
	Assignment string // of an assignment and a check: the assignment's id
	Definition string // of a policy, a check and a set: the definition's id; of an exemption its id; of security its name
	Reference  string // of a check: the name of the definition within its initiative; of a standard's control its standard
}

// Text is the key as one text.
func (k Key) Text() string {
	return strings.Join([]string{string(rune('a' + k.Kind)), k.Assignment, k.Definition, k.Reference}, "|")
}

// Of is the policy that a check is of.
func (k Key) Of() Key { return Key{Kind: KindPolicy, Definition: k.Definition} }

// In is the assignment that a check is in.
func (k Key) In() Key { return Key{Kind: KindAssignment, Assignment: k.Assignment} }

// Told is what Azure tells of an item beside numbers.
type Told struct {
	Key
	ID       string // as Azure writes it
	Name     string // the display name; "" = Azure gives none, or hides it
	Category string // of a definition its category, of an exemption Waiver or Mitigated, of a control its section
	Effect   string // of a check: what the policy does, in lower case
	Scope    string // of an assignment and an exemption: where it holds, in lower case
	About    string // of an assignment the definition or initiative, of an exemption the assignment; in lower case
	Created  time.Time
	Expires  time.Time // of an exemption; zero = never
	More     More
}

// More is what only some items have.
type More struct {
	Description string   `json:"description,omitempty"`
	Custom      bool     `json:"custom,omitempty"`    // a definition of the customer's own
	Enforced    bool     `json:"enforced,omitempty"`  // of an assignment: it does more than to judge
	Identity    bool     `json:"identity,omitempty"`  // of an assignment: it has an identity to remediate with
	Mode        string   `json:"mode,omitempty"`      // of a definition
	NotScopes   []string `json:"notScopes,omitempty"` // of an assignment: where it does not hold
	References  []string `json:"references,omitempty"`
	Groups      []Group  `json:"groups,omitempty"` // of an initiative: its controls
	Members     []Member `json:"members,omitempty"`
}

// Group is a control of a framework, as an initiative has it.
type Group struct {
	Name     string `json:"name"` // lower case
	Title    string `json:"title,omitempty"`
	Category string `json:"category,omitempty"`
}

// Member is a definition within an initiative.
type Member struct {
	Reference string   `json:"reference"` // lower case
	Groups    []string `json:"groups,omitempty"`
}

// Level is what states are counted by. A resource counts once in each row.
type Level int

// The levels of counts.
const (
	BySubscription Level = iota
	ByAssignment
	ByPolicy
	ByCheck
)

// Counted is how many distinct resources of a subscription are in which state,
// by an item; the zero key = by all policies.
type Counted struct {
	Subscription string
	Key          Key
	Effect       string // of a check
	Counts       Counts
}

// Failure is a resource that does not comply with a policy, or is torn between
// two of them.
type Failure struct {
	Subscription string
	Resource     string // ARM id, lower case
	Type         string // lower case
	Group        string // resource group, lower case; "" = none
	State        State  // NonCompliant or Conflict
	Check        Key
}

// ControlCount is a control of the secure score, or of a standard, in a subscription.
type ControlCount struct {
	Subscription  string
	Key           Key
	Name          string
	Category      string
	Passed        int     // healthy resources, or passed assessments
	Failed        int     // unhealthy resources, or failed assessments
	Skipped       int     // what it does not apply to
	Current, Most float64 // points; of the secure score only
}

// Counts has a control's counts in the fields of policies: passed is compliant,
// failed non-compliant, skipped exempt.
func (c ControlCount) Counts() Counts {
	return Counts{Compliant: c.Passed, NonCompliant: c.Failed, Exempt: c.Skipped}
}

// Points are micro-points, as they are kept: 23.53 points are 23,530,000.
func Points(p float64) int64 {
	if p < 0 {
		return -Points(-p)
	}
	return int64(p*1e6 + 0.5)
}

// Provider is whether Azure can tell of a subject in a subscription.
type Provider int

// The states of a provider.
const (
	Registered Provider = iota
	Unregistered
)

// SubjectState is how the last reading of a subject of a subscription went.
type SubjectState string

// The states of a subject.
const (
	SubjectRead         SubjectState = "read"
	SubjectFailed       SubjectState = "failed"         // what is held is older than the last reading
	SubjectUnregistered SubjectState = "not registered" // Azure does not judge there: nothing is known, and it is not 100 %
)

// TenantRead says how much of a tenant's compliance is held.
type TenantRead struct {
	Tenant        fresnel.TenantID
	Name          string
	Subscriptions int // to be read
	Read          int // of them, with a snapshot of policies
	Unregistered  int // of them, Azure does not judge
	Failed        int // of them, the last reading failed: what is shown is older
	Oldest        time.Time
	Provider      string            // that is asked for registration: "" = Microsoft.PolicyInsights
	LastRun       fresnel.RunStatus // of the compliance job; "" = none yet
	LastReason    string
	LastDo        string
}

// Subject is what is read of a subscription by itself: either can fail alone.
type Subject int

// The subjects.
const (
	Policies Subject = iota
	Defender
)

// Provider is the resource provider that must be registered for a subject to be
// judged.
func (s Subject) Provider() string {
	if s == Defender {
		return "Microsoft.Security"
	}
	return "Microsoft.PolicyInsights"
}

// ReadsOf says how much of a subject is held of subscriptions, by tenant.
func ReadsOf(about Subject, reads []TenantRead, subs []SubscriptionHeld) []TenantRead {
	by := map[fresnel.TenantID]*TenantRead{}
	out := make([]TenantRead, len(reads))
	for i, r := range reads {
		out[i] = TenantRead{Tenant: r.Tenant, Name: r.Name, LastRun: r.LastRun, LastReason: r.LastReason, LastDo: r.LastDo, Provider: about.Provider()}
		by[r.Tenant] = &out[i]
	}
	for _, s := range subs {
		r := by[s.Tenant]
		if r == nil {
			continue
		}
		is, at := s.Policy, s.PolicyAt
		if about == Defender {
			is, at = s.Security, s.ScoreAt
		}
		r.Subscriptions++
		switch is {
		case SubjectUnregistered:
			r.Unregistered++
		case SubjectFailed:
			r.Failed++
		case SubjectRead:
		}
		if is != SubjectUnregistered && !at.IsZero() {
			r.Read++
			r.Oldest = oldest(r.Oldest, at)
		}
	}
	return out
}
