package inventory

import (
	"context"
	"time"

	"fresnel"
)

// Held is a resource as it is kept, with when it was seen.
type Held struct {
	Resource
	TenantName       string
	SubscriptionName string
	First            time.Time // when it was first seen
	Changed          time.Time // when it was last seen to have changed
	Gone             time.Time // when it was found to be no more; zero = it is there
}

// Query selects resources. Empty filters let everything through; names are
// compared in lower case. Containers and advice are left out unless Types names
// them.
type Query struct {
	Subscriptions []string
	Types         []string
	Groups        []string
	Locations     []string
	TagKey        string  // has a tag of this key ...
	TagValue      *string // ... with this value
	Missing       string  // lacks this required tag, or has a value of it that is not allowed; AnyTag = any of them
	Text          string  // part of the name
	Gone          bool    // those that are no more, in place of those that are
	Wasted        bool    // a rule found that they are wasted, and it is not resolved
	Sort          Sort    // "" = by name
	After         Place   // the last row of the page before, in the same order
	Limit         int
	Uncounted     bool // the total is not asked for
}

// AnyTag stands for every tag that is required.
const AnyTag = "*"

// Sort is the order of a list.
type Sort string

// The orders that a list has.
const (
	SortName    Sort = "name"       // names that begin with Text come first
	SortType    Sort = "type"       // then by name
	SortFirst   Sort = "first_seen" // newest first
	SortChanged Sort = "changed_at" // newest first
)

// Sorts lists the orders.
func Sorts() []Sort { return []Sort{SortName, SortType, SortFirst, SortChanged} }

// Place is where a row stands in the order of a list. Key comes before the
// name: the type, the micro-seconds of a time in place of the name, or that the
// name does not begin with Text.
type Place struct {
	Key  string `json:",omitempty"`
	Name string
	Arm  int64
}

// List is a page of resources.
type List struct {
	Rows  []Held
	Next  Place // of the last row; zero = there are no more
	Total int   // at most CountLimit
	More  bool  // there are more than Total
}

// CountLimit is how far a list is counted: beyond it nobody pages.
const CountLimit = 10_000

// Count is how many resources there are of a type, in a tenant.
type Count struct {
	Tenant fresnel.TenantID
	Type   string
	N      int
}

// Facets are the names that filters can be given, in alphabetical order. Types
// come with Counts.
type Facets struct {
	Locations   []string
	Groups      []string // at most FacetLimit
	MoreGroups  bool     // there are more
	TagKeys     []string // in lower case, at most FacetLimit
	MoreTagKeys bool
}

// FacetLimit is how many names anybody chooses from.
const FacetLimit = 500

// TenantRead says how much of a tenant's inventory is held.
type TenantRead struct {
	Tenant        fresnel.TenantID
	Name          string
	Subscriptions int // to be read
	Read          int // of them, read in full once
	Oldest        time.Time
	LastRun       fresnel.RunStatus // of the resources job; "" = none yet
	LastReason    string
	LastDo        string
}

// Reader gives what is held. Every method gives only what the scope sees.
type Reader interface {
	List(ctx context.Context, s fresnel.Scope, q Query) (List, error)
	// Get fails with NotFound.
	Get(ctx context.Context, s fresnel.Scope, id string) (Held, error)
	// GetAll gives those of the ids (lower case) that are held, by id.
	GetAll(ctx context.Context, s fresnel.Scope, ids []string) (map[string]Held, error)
	Counts(ctx context.Context, s fresnel.Scope) ([]Count, error)
	Facets(ctx context.Context, s fresnel.Scope) (Facets, error)
	Coverage(ctx context.Context, s fresnel.Scope) ([]TenantRead, error)
	// Subscriptions gives those that Resource Graph told of.
	Subscriptions(ctx context.Context, s fresnel.Scope) ([]SubscriptionHeld, error)
	// Estate is what rules look at of one tenant. err gives what went wrong
	// while it was read; it is asked at the end.
	Estate(ctx context.Context, t fresnel.TenantID, now time.Time) (e Estate, err func() error)
}
