package inventory

import (
	"slices"
	"strings"

	"fresnel"
)

// TagPolicy says which tags resources must have. Policies are configuration;
// whoever reads it decides which policy is whose. As JSON, in order, of which a
// tenant takes the first that names it, or all by "*":
//
//	{"tags": [
//	  {"tenants": ["contoso", "fabrikam"], "inherit": true,
//	   "required": [{"key": "env", "values": ["prod", "test", "dev"]}, {"key": "costcenter"}]},
//	  {"tenants": ["*"], "required": [{"key": "owner"}]}
//	]}
type TagPolicy struct {
	Required []RequiredTag `json:"required"`
	// Inherit lets a tag of the resource group stand for one that the resource
	// lacks. Azure itself inherits none.
	Inherit bool `json:"inherit"`
}

// RequiredTag is a tag that must be there, with one of the values if any are
// named. Keys are compared without regard to case, values exactly, as Azure does.
type RequiredTag struct {
	Key    string   `json:"key"`
	Values []string `json:"values,omitempty"`
}

// maxTags is how many tags Azure allows on a resource.
const maxTags = 50

// Check judges a policy. It fails with Invalid on what no resource could meet.
func (p TagPolicy) Check() error {
	if len(p.Required) > maxTags {
		return fresnel.Errorf(fresnel.Invalid, "%d required tags: Azure allows %d on a resource", len(p.Required), maxTags)
	}
	seen := set{}
	for _, t := range p.Required {
		low := strings.ToLower(t.Key)
		switch {
		case strings.TrimSpace(t.Key) == "":
			return fresnel.Errorf(fresnel.Invalid, "a required tag has no key")
		case strings.ContainsAny(t.Key, `<>%&\?/`) || len(t.Key) > 512:
			return fresnel.Errorf(fresnel.Invalid, `tag key %.40q: Azure allows no <>%%&\?/ and 512 characters`, t.Key)
		case seen.has(low):
			return fresnel.Errorf(fresnel.Invalid, "tag key %.40q is required twice", t.Key)
		case slices.ContainsFunc(t.Values, func(v string) bool { return strings.TrimSpace(v) == "" || len(v) > 256 }):
			return fresnel.Errorf(fresnel.Invalid, "tag %.40q allows a value that is empty or longer than 256 characters", t.Key)
		}
		seen.add(low)
	}
	return nil
}

// TagState is where a resource stands.
type TagState int

// The states.
const (
	TagsNotTold     TagState = iota // its tags, or those that it inherits, were not told: not the same as missing
	TagsNotRequired                 // it cannot carry tags, or nothing is required
	TagsMissing                     // a tag is missing or has a value that is not allowed
	TagsCompliant
)

// String is the state's word in the API.
func (s TagState) String() string {
	return [...]string{"unknown", "exempt", "missing", "compliant"}[s]
}

// TagResult says how a resource meets a policy.
type TagResult struct {
	State   TagState
	Missing []string   // keys as required
	Wrong   []WrongTag // in the order of the policy
}

// WrongTag is a tag whose value is not allowed.
type WrongTag struct{ Key, Value string }

// CheckTags judges the tags of a resource. groupTags are those of its resource
// group, nil if they were not told. A tag with a blank value is missing: it
// says nothing.
func CheckTags(p TagPolicy, r *Resource, groupTags map[string]string) TagResult {
	switch {
	case len(p.Required) == 0 || !Taggable(r):
		return TagResult{State: TagsNotRequired}
	case r.Tags == nil:
		return TagResult{State: TagsNotTold}
	}
	inherits := p.Inherit && r.Type != typeGroup && r.Type != typeSubscription && r.Group != ""
	var out TagResult
	for _, want := range p.Required {
		value := tagValue(r.Tags, want.Key)
		if value == "" && inherits {
			if groupTags == nil {
				return TagResult{State: TagsNotTold}
			}
			value = tagValue(groupTags, want.Key)
		}
		switch {
		case value == "":
			out.Missing = append(out.Missing, want.Key)
		case len(want.Values) > 0 && !slices.Contains(want.Values, value):
			out.Wrong = append(out.Wrong, WrongTag{want.Key, value})
		}
	}
	out.State = TagsCompliant
	if len(out.Missing)+len(out.Wrong) > 0 {
		out.State = TagsMissing
	}
	return out
}

// tagValue is the value of a tag by its key in any case; "" if it is blank or
// not there.
func tagValue(tags map[string]string, key string) string {
	v, exact := tags[key]
	if !exact {
		first := ""
		for k := range tags {
			// Azure keeps one of keys that differ in case only; of two, the first.
			if strings.EqualFold(k, key) && (first == "" || k < first) {
				first = k
			}
		}
		v = tags[first]
	}
	if strings.TrimSpace(v) == "" {
		return ""
	}
	return v
}

// TagCount is how many resources meet what is required of them.
type TagCount struct {
	Compliant int // of
	Judged    int
	Unknown   int // tags not told: in neither
	Exempt    int // nothing is required of them: in neither
}

func (c *TagCount) add(s TagState) {
	switch s {
	case TagsNotTold:
		c.Unknown++
	case TagsNotRequired:
		c.Exempt++
	case TagsMissing:
		c.Judged++
	case TagsCompliant:
		c.Judged++
		c.Compliant++
	}
}

// TagTally counts results, as a whole and by what people ask by.
type TagTally struct {
	All           TagCount
	Tenants       map[fresnel.TenantID]TagCount
	Subscriptions map[string]TagCount
	Types         map[string]TagCount
	Tags          map[string]TagCount // by required key in lower case; a resource counts once for each
}

// NewTagTally is a tally of nothing.
func NewTagTally() *TagTally {
	return &TagTally{
		Tenants: map[fresnel.TenantID]TagCount{}, Subscriptions: map[string]TagCount{},
		Types: map[string]TagCount{}, Tags: map[string]TagCount{},
	}
}

// Add counts what CheckTags said of a resource by a policy.
func (t *TagTally) Add(p TagPolicy, r *Resource, result TagResult) {
	t.All.add(result.State)
	count(t.Tenants, r.Tenant, result.State)
	count(t.Subscriptions, r.Subscription, result.State)
	count(t.Types, r.Type, result.State)
	for _, want := range p.Required {
		state := result.State
		if state == TagsMissing && !result.lacks(want.Key) {
			state = TagsCompliant
		}
		count(t.Tags, strings.ToLower(want.Key), state)
	}
}

func (r TagResult) lacks(key string) bool {
	return slices.Contains(r.Missing, key) || slices.ContainsFunc(r.Wrong, func(w WrongTag) bool { return w.Key == key })
}

func count[K comparable](m map[K]TagCount, key K, s TagState) {
	c := m[key]
	c.add(s)
	m[key] = c
}
