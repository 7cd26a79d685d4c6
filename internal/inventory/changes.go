package inventory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"fresnel"
)

// ChangeKind is what happened to a resource.
type ChangeKind string

// What happens to resources.
const (
	Created ChangeKind = "created"
	Updated ChangeKind = "updated"
	Deleted ChangeKind = "deleted"
)

// ActorKind is who changed a resource.
type ActorKind string

// Who changes resources. Azure names people by their address: it is not kept.
const (
	ByPerson   ActorKind = "person"
	ByApp      ActorKind = "app"
	ByPlatform ActorKind = "platform"
	ByUnknown  ActorKind = "unknown"
)

// Actor is who changed a resource.
type Actor struct {
	Kind ActorKind
	App  string // id of the app, of ByApp
}

// ValueChange is one value of a resource before and after; "" = there was none.
type ValueChange struct {
	Path   string `json:"path"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Change is something that happened to a resource.
type Change struct {
	ID           string // ARM id of the resource
	Ref          string // Azure's id of the change; "" of what only we saw
	Tenant       fresnel.TenantID
	Subscription string
	Group        string // lower case
	Type         string // lower case
	Kind         ChangeKind
	Actor        Actor
	At           time.Time // when it happened; of what only we saw, when we saw it
	Since        time.Time // of what only we saw: it happened after this; zero = Azure told when
	Values       []ValueChange
	More         int // values that changed beside these
}

// Key is the resource's key.
func (c *Change) Key() string { return fresnel.ObjectKey(c.ID) }

// Bounds of what is kept of a change.
const (
	MaxValues    = 20  // values of a change
	maxValueText = 200 // bytes of a value
)

// ChangesKept is how far back Resource Graph tells of changes.
const ChangesKept = 14 * 24 * time.Hour

// KeepChanges is how long the history of resources is kept.
const KeepChanges = 400 * 24 * time.Hour

// HasHistory tells whether what happens to resources of a type is of interest:
// advice and backups change with every reading.
func HasHistory(resourceType string) bool {
	return resourceType == typeGroup || !slices.Contains(Containers(), resourceType)
}

// SetValues keeps of what changed as much as is kept, by path. What says who
// made a change is left out, because it is the address of a person.
func (c *Change) SetValues(all []ValueChange) {
	c.Values = nil
	for _, v := range all {
		if personal(v.Path) {
			continue
		}
		c.Values = append(c.Values, ValueChange{Path: clipText(v.Path), Before: clipText(v.Before), After: clipText(v.After)})
	}
	slices.SortFunc(c.Values, func(a, b ValueChange) int { return cmp.Compare(a.Path, b.Path) })
	if c.More = max(0, len(c.Values)-MaxValues); c.More > 0 {
		c.Values = c.Values[:MaxValues]
	}
}

func clipText(s string) string {
	if len(s) <= maxValueText {
		return s
	}
	return strings.ToValidUTF8(s[:maxValueText], "") + "…"
}

// Difference lists the values in which two states of a resource differ. An id
// that is spelt otherwise is the same: Azure does so without a change.
func Difference(before, after *Resource) []ValueChange {
	a, b := flat(before), flat(after)
	var out []ValueChange
	for path, v := range b {
		if a[path] != v && !sameID(path, a[path], v) {
			out = append(out, ValueChange{path, a[path], v})
		}
	}
	for path, v := range a {
		if _, ok := b[path]; !ok {
			out = append(out, ValueChange{path, v, ""})
		}
	}
	return out
}

// sameID tells whether two values are ids, or have some, and differ in their
// spelling alone.
func sameID(path, a, b string) bool {
	return strings.EqualFold(a, b) && !strings.HasPrefix(path, "tags.") && strings.Contains(strings.ToLower(a), "/subscriptions/")
}

// flat is a resource as texts by path.
func flat(r *Resource) map[string]string {
	out := map[string]string{}
	put := func(path, s string) {
		if s != "" {
			out[path] = s
		}
	}
	put("kind", r.Kind)
	put("location", r.Location)
	put("managedBy", r.ManagedBy)
	put("zones", strings.Join(r.Zones, ","))
	for k, v := range r.Tags {
		out["tags."+k] = cmp.Or(v, `""`) // an empty tag is a tag
	}
	r.SKU.each("sku", put)
	r.Identity.each("identity", put)
	r.Properties.each("properties", put)
	return out
}

// each gives every value that is no object, by its path; a list is one value.
func (v Value) each(path string, put func(path, text string)) {
	if v.Object() {
		for k, m := range v.Members() {
			m.each(path+"."+k, put)
		}
		return
	}
	if v.Empty() {
		return
	}
	if s := v.Text(); s != "" {
		put(path, s)
		return
	}
	raw, _ := v.MarshalJSON() // what was parsed marshals
	put(path, string(raw))
}

// ChangeSource tells what happened.
type ChangeSource interface {
	// Changes gives what happened to the resources of the subscriptions after an
	// instant, as far back as Azure tells (ChangesKept). It fails as Source does.
	Changes(ctx context.Context, t fresnel.Tenant, subscriptions []string, since time.Time) iter.Seq2[Change, error]
}

// ChangeSink keeps the history of resources.
type ChangeSink interface {
	// ChangesSince is from when on changes are to be asked for, so that none is
	// missed of subscriptions; zero = as far back as there are any.
	ChangesSince(ctx context.Context, t fresnel.TenantID, subscriptions []string) (time.Time, error)
	// ChangesRead says that Azure told of all that happened to subscriptions up
	// to an instant. It fails with Conflict under a lost lease.
	ChangesRead(ctx context.Context, t fresnel.TenantID, subscriptions []string, asked time.Time) error
	// PutChanges keeps what is not held yet, in place of what only we saw of
	// the same resources in the time around it. It fails with Conflict under a
	// lost lease.
	PutChanges(ctx context.Context, t fresnel.TenantID, list []Change, now time.Time) (written int, err error)
}

// ChangeQuery selects changes, the newest first. Empty filters let everything
// through.
type ChangeQuery struct {
	Resource      string // ARM id, in any case
	Subscriptions []string
	Types         []string
	Kinds         []ChangeKind
	Actors        []ActorKind
	Period        fresnel.Period // zero = all
	After         ChangePlace
	Limit         int
	Uncounted     bool // the total is not asked for
}

// ChangePlace is where a row stands in the order of changes.
type ChangePlace struct{ At, Arm, Ref int64 }

// Changed is a change as it is held.
type Changed struct {
	Change
	Name             string // of the resource; the last part of its id where it is not held
	TenantName       string
	SubscriptionName string
	Held             bool // the resource is held, so that there is more to be told of it
}

// ChangeList is a page of changes.
type ChangeList struct {
	Rows  []Changed
	Next  ChangePlace // zero = there are no more
	Total int         // at most CountLimit
	More  bool        // there are more than Total
}

// ChangeReader gives the history of resources. It gives only what the scope sees.
type ChangeReader interface {
	Changes(ctx context.Context, s fresnel.Scope, q ChangeQuery) (ChangeList, error)
}
