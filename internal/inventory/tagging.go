package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"fresnel"
)

// TagPolicies says which policy is whose.
type TagPolicies struct {
	list []policyEntry
}

type policyEntry struct {
	Tenants []string `json:"tenants"` // ids, slugs, or "*"
	TagPolicy
}

// ParseTagPolicies reads the configuration, as TagPolicy shows it. It fails
// with Invalid and names the entry.
func ParseTagPolicies(r io.Reader) (TagPolicies, error) {
	var file struct {
		Tags []policyEntry `json:"tags"`
	}
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return TagPolicies{}, fresnel.Errorf(fresnel.Invalid, "the tag policies cannot be read: %v", err)
	}
	for i, e := range file.Tags {
		if len(e.Tenants) == 0 {
			return TagPolicies{}, fresnel.Errorf(fresnel.Invalid, "tag policy %d names no tenants: \"*\" is all", i+1)
		}
		if err := e.Check(); err != nil {
			msg, _ := fresnel.Reason(err)
			return TagPolicies{}, fresnel.Errorf(fresnel.Invalid, "tag policy %d: %s", i+1, msg)
		}
	}
	return TagPolicies{file.Tags}, nil
}

// Of is the policy of a tenant: the first that names it by id or slug, or all.
// Without one nothing is required.
func (p TagPolicies) Of(t fresnel.Tenant) TagPolicy {
	slug := t.Slug()
	for _, e := range p.list {
		for _, name := range e.Tenants {
			if name == "*" || strings.EqualFold(name, string(t.ID)) || strings.EqualFold(name, slug) {
				return e.TagPolicy
			}
		}
	}
	return TagPolicy{}
}

// TagBy names what tags are counted by.
type TagBy string

// What tags are counted by.
const (
	TagByTenant       TagBy = "tenant"
	TagBySubscription TagBy = "subscription"
	TagByType         TagBy = "type"
	TagByTag          TagBy = "tag"
)

// TagRow is how many resources of something meet what is required of them.
type TagRow struct {
	Tenant fresnel.TenantID
	By     TagBy
	Name   string // subscription id, type or tag key; "" for the tenant
	TagCount
	USD       int64 // of TagByTenant: what those that do not meet it cost in the last full month, CostUSD
	CostKnown bool  // of TagByTenant: costs of resources are held of that month
}

// TagLack is a tag that a resource lacks, or whose value is not allowed.
type TagLack struct {
	Resource string // ARM id, lower case
	Tag      string // key; of what is held, in lower case
	Wrong    bool   // it is there, with a value that is not allowed
}

// TagSink keeps what was judged, in place of what was judged before.
type TagSink interface {
	KeepTags(ctx context.Context, t fresnel.TenantID, rows []TagRow, lacks []TagLack, now time.Time) error
}

// Tally counts a tenant's tags, and keeps the counts: to count when asked would
// read every resource.
type Tally struct {
	Reader   Reader
	Kept     TagSink
	Costs    Costs
	Policies TagPolicies
	Now      func() time.Time
}

// Tenant counts one tenant.
func (s Tally) Tenant(ctx context.Context, t fresnel.Tenant) error {
	e, failed := s.Reader.Estate(ctx, t.ID, s.Now())
	groups := map[string]map[string]string{} // tags by key of the resource group
	for g := range e.Each(typeGroup) {
		groups[g.Key()] = g.Tags
	}
	policy, tally := s.Policies.Of(t), NewTagTally()
	var lacking []string
	var lacks []TagLack
	for r := range e.Each() {
		if slices.Contains(Containers(), r.Type) {
			continue
		}
		result := CheckTags(policy, &r, groups["/subscriptions/"+r.Subscription+"/resourcegroups/"+r.Group])
		tally.Add(policy, &r, result)
		if result.State == TagsMissing {
			lacking = append(lacking, r.Key())
			for _, tag := range result.Missing {
				lacks = append(lacks, TagLack{r.Key(), tag, false})
			}
			for _, w := range result.Wrong {
				lacks = append(lacks, TagLack{r.Key(), w.Key, true})
			}
		}
	}
	if err := failed(); err != nil {
		return fmt.Errorf("inventory: tags of %s: %w", t.ID, err)
	}
	usd, known, err := s.cost(ctx, t.ID, lacking)
	if err != nil {
		return err
	}
	rows := []TagRow{{Tenant: t.ID, By: TagByTenant, TagCount: tally.All, USD: usd, CostKnown: known || len(lacking) == 0}}
	for by, m := range map[TagBy]map[string]TagCount{TagBySubscription: tally.Subscriptions, TagByType: tally.Types, TagByTag: tally.Tags} {
		for name, c := range m {
			rows = append(rows, TagRow{Tenant: t.ID, By: by, Name: name, TagCount: c})
		}
	}
	return s.Kept.KeepTags(ctx, t.ID, rows, lacks, s.Now())
}

// cost is what resources cost; known is whether any cost of them is held: of some
// resources there is none, of all only where none was read.
func (s Tally) cost(ctx context.Context, t fresnel.TenantID, ids []string) (usd int64, known bool, err error) {
	for some := range slices.Chunk(ids, 1000) {
		costs, err := s.Costs.ResourceCosts(ctx, fresnel.ScopeOf(t), some, fresnel.DayOf(s.Now()).MonthStart())
		if err != nil {
			return 0, false, err
		}
		for _, c := range costs {
			usd += c.FullUSD
			known = known || len(c.Full) > 0
		}
	}
	return usd, known, nil
}

// TagReport is tag compliance of a scope.
type TagReport struct {
	All      TagCount
	USD      int64    // what resources that do not comply cost in the last full month, CostUSD
	Priced   int      // tenants of which USD is known
	Rows     []TagRow // by tenant, subscription, type and tag
	Coverage []TenantRead
}

// TagReader gives what was judged.
type TagReader interface {
	Tags(ctx context.Context, s fresnel.Scope) ([]TagRow, error)
	// Lacks gives what a resource lacks (id in any case).
	Lacks(ctx context.Context, s fresnel.Scope, id string) ([]TagLack, error)
}

// Tagging tells how a scope's resources meet what is required of their tags.
func (r Reports) Tagging(ctx context.Context, s fresnel.Scope) (TagReport, error) {
	var rep TagReport
	var err error
	if rep.Coverage, err = r.Reader.Coverage(ctx, s); err != nil {
		return rep, err
	}
	if rep.Rows, err = r.Tags.Tags(ctx, s); err != nil {
		return rep, err
	}
	for _, row := range rep.Rows {
		if row.By == TagByTenant {
			rep.All.Compliant += row.Compliant
			rep.All.Judged += row.Judged
			rep.All.Unknown += row.Unknown
			rep.All.Exempt += row.Exempt
			rep.USD += row.USD
			if row.CostKnown {
				rep.Priced++
			}
		}
	}
	return rep, nil
}
