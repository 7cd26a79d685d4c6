package compliance

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"fresnel"
)

// PolicyQuery selects policies.
type PolicyQuery struct {
	Subscriptions []string
	Text          string // part of the name
	Categories    []string
	Effects       []string
	Failing       bool // those with non-compliant resources only
	Sort          PolicySort
	Offset, Limit int
}

// PolicySort is the order of a list of policies.
type PolicySort string

// The orders of a list of policies; each is told apart by name, then by number.
const (
	PolicyMost     PolicySort = "non_compliant" // most first
	PolicyName     PolicySort = "name"
	PolicyCategory PolicySort = "category"
	PolicyScore    PolicySort = "score" // lowest first, those without one last
)

// PolicySorts lists the orders.
func PolicySorts() []PolicySort {
	return []PolicySort{PolicyMost, PolicyName, PolicyCategory, PolicyScore}
}

// Policy is a policy definition with what it counts over all its assignments: a
// resource that two assignments judge is one.
type Policy struct {
	Num      int64
	ID       string // of the definition
	Name     string // its id where Azure hides the name
	Category string
	Custom   bool
	Effects  []string // of its assignments, in alphabetical order
	Counts   Counts
	Tenants  []Sum // in which it is, most non-compliant first
}

// PolicyList is a page of policies.
type PolicyList struct {
	Rows       []Policy
	Total      int // that match
	Assigned   int // in all
	Failing    int // of them, with non-compliant resources
	Categories []string
	Effects    []string
}

// Policies lists the policies that are assigned.
func (r Reports) Policies(ctx context.Context, s fresnel.Scope, q PolicyQuery) (PolicyList, error) {
	var out PolicyList
	all, err := r.policies(ctx, s, q.Subscriptions)
	if err != nil {
		return out, err
	}
	categories, effects := map[string]bool{}, map[string]bool{}
	text := strings.ToLower(q.Text)
	for _, p := range all {
		out.Assigned++
		if p.Counts.NonCompliant > 0 {
			out.Failing++
		}
		if p.Category != "" {
			categories[p.Category] = true
		}
		for _, e := range p.Effects {
			effects[e] = true
		}
		if strings.Contains(strings.ToLower(p.Name), text) && (!q.Failing || p.Counts.NonCompliant > 0) && in(q.Categories, p.Category) &&
			(len(q.Effects) == 0 || slices.ContainsFunc(p.Effects, func(e string) bool { return in(q.Effects, e) })) {
			out.Rows = append(out.Rows, p)
		}
	}
	out.Categories, out.Effects = slices.Sorted(maps.Keys(categories)), slices.Sorted(maps.Keys(effects))
	out.Total = len(out.Rows)
	slices.SortFunc(out.Rows, q.Sort.compare)
	out.Rows = out.Rows[min(max(0, q.Offset), out.Total):]
	if q.Limit > 0 {
		out.Rows = out.Rows[:min(q.Limit, len(out.Rows))]
	}
	return out, nil
}

func in(list []string, word string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(w string) bool { return strings.EqualFold(w, word) })
}

func (by PolicySort) compare(a, b Policy) int {
	first := 0
	switch by {
	case PolicyName:
	case PolicyCategory:
		first = cmp.Compare(strings.ToLower(a.Category), strings.ToLower(b.Category))
	case PolicyScore:
		x, ok := a.Counts.Official().Percent()
		y, too := b.Counts.Official().Percent()
		if first = cmp.Compare(x, y); ok != too {
			first = 1
			if ok {
				first = -1
			}
		}
	default:
		first = cmp.Compare(b.Counts.NonCompliant, a.Counts.NonCompliant)
	}
	return cmp.Or(first, cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Num, b.Num))
}

// microsofts is how the ids of Microsoft's own definitions begin: customers'
// have a scope before it.
const microsofts = "/providers/microsoft.authorization/"

// policies gives the policies of a scope, or some of them; by number.
func (r Reports) policies(ctx context.Context, s fresnel.Scope, only []string, nums ...int64) ([]Policy, error) {
	sums, err := r.Reader.Sums(ctx, s, SumAsk{Kind: KindPolicy, Items: nums, Subscriptions: only})
	if err != nil {
		return nil, err
	}
	by := map[int64]*Policy{}
	nums = nil
	for _, x := range sums {
		p := by[x.Item]
		if p == nil {
			p = &Policy{Num: x.Item}
			by[x.Item] = p
			nums = append(nums, x.Item)
		}
		p.Counts = p.Counts.Plus(x.Counts)
		p.Tenants = append(p.Tenants, x)
	}
	slices.Sort(nums)
	items, err := r.Reader.Items(ctx, s, nums)
	if err != nil {
		return nil, err
	}
	for _, i := range items {
		p := by[i.Num]
		p.ID = cmp.Or(p.ID, i.ID)
		p.Name, p.Category = cmp.Or(p.Name, i.Name), cmp.Or(p.Category, i.Category)
		p.Custom = p.Custom || i.More.Custom || !strings.HasPrefix(strings.ToLower(i.ID), microsofts) // hidden ones, too
		for e := range strings.SplitSeq(i.Effect, ",") {
			if e != "" && !slices.Contains(p.Effects, e) {
				p.Effects = append(p.Effects, e)
			}
		}
	}
	out := make([]Policy, 0, len(by))
	for _, n := range nums {
		p := by[n]
		if p.Name == "" {
			p.Name = p.ID[strings.LastIndexByte(p.ID, '/')+1:]
		}
		slices.Sort(p.Effects)
		slices.SortFunc(p.Tenants, func(a, b Sum) int {
			return cmp.Or(cmp.Compare(b.Counts.NonCompliant, a.Counts.NonCompliant), cmp.Compare(a.Tenant, b.Tenant))
		})
		out = append(out, *p)
	}
	return out, nil
}

// PolicyDetail is one policy.
type PolicyDetail struct {
	Policy
	Description string
	Mode        string
	Assignments []AssignedPolicy // most non-compliant first
	Remedies    []Remedy         // one for each effect
}

// lacking is how many assignments with an effect have no identity. Of those that
// Azure hides it is not known.
func (p PolicyDetail) lacking(effect string) int {
	n := 0
	for _, a := range p.Assignments {
		if told := a.Assignment.About != ""; told && a.Effect == effect && !a.Assignment.More.Identity {
			n++
		}
	}
	return n
}

// AssignedPolicy is a policy within an assignment of a tenant.
type AssignedPolicy struct {
	Tenant     fresnel.TenantID
	Assignment Item
	Initiative string // its name; "" = the policy is assigned by itself
	Reference  string
	Effect     string
	Counts     Counts
}

// Policy gives one policy. It fails with NotFound.
func (r Reports) Policy(ctx context.Context, s fresnel.Scope, num int64) (PolicyDetail, error) {
	var out PolicyDetail
	list, err := r.policies(ctx, s, nil, num)
	if err != nil {
		return out, err
	}
	if len(list) == 0 {
		return out, fresnel.Errorf(fresnel.NotFound, "there is no policy %d", num)
	}
	out.Policy = list[0]
	items, err := r.Reader.Items(ctx, s, []int64{num})
	if err != nil {
		return out, err
	}
	for _, i := range items {
		out.Description, out.Mode = cmp.Or(out.Description, i.More.Description), cmp.Or(out.Mode, i.More.Mode)
	}
	checks, err := r.Reader.Checks(ctx, s, num)
	if err != nil || len(checks) == 0 {
		return out, err
	}
	sums, err := r.Reader.Sums(ctx, s, SumAsk{Kind: KindCheck, Items: numsOf(checks)})
	if err != nil {
		return out, err
	}
	names, err := r.assigned(ctx, s, checks)
	if err != nil {
		return out, err
	}
	byKey := keyed(checks)
	for _, x := range sums {
		c, ok := byKey[itemKey{x.Tenant, x.Item}]
		if !ok {
			continue
		}
		a := names[itemKey{x.Tenant, c.Assignment}]
		one := AssignedPolicy{Tenant: x.Tenant, Assignment: a, Reference: c.Reference, Effect: c.Effect, Counts: x.Counts}
		if set, ok := names[itemKey{x.Tenant, a.Definition}]; ok && set.Kind == KindSet {
			one.Initiative = cmp.Or(set.Name, set.ID)
		}
		out.Assignments = append(out.Assignments, one)
	}
	slices.SortFunc(out.Assignments, func(a, b AssignedPolicy) int {
		return cmp.Or(cmp.Compare(b.Counts.NonCompliant, a.Counts.NonCompliant), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Assignment.Num, b.Assignment.Num), cmp.Compare(a.Reference, b.Reference))
	})
	for _, e := range out.Effects {
		out.Remedies = append(out.Remedies, RemedyOf(e, out.lacking(e), slices.ContainsFunc(out.Assignments, func(a AssignedPolicy) bool { return a.Effect == e && a.Reference != "" })))
	}
	return out, nil
}

// itemKey tells items of tenants apart.
type itemKey struct {
	tenant fresnel.TenantID
	num    int64
}

func keyed(list []Item) map[itemKey]Item {
	out := make(map[itemKey]Item, len(list))
	for _, i := range list {
		out[itemKey{i.Tenant, i.Num}] = i
	}
	return out
}

func numsOf(list []Item) []int64 {
	nums := make([]int64, len(list))
	for i, x := range list {
		nums[i] = x.Num
	}
	slices.Sort(nums)
	return slices.Compact(nums)
}

// assigned gives the assignments of checks, and what they assign.
func (r Reports) assigned(ctx context.Context, s fresnel.Scope, checks []Item) (map[itemKey]Item, error) {
	var nums []int64
	for _, c := range checks {
		nums = append(nums, c.Assignment)
	}
	slices.Sort(nums)
	list, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	if err != nil {
		return nil, err
	}
	nums = nil
	for _, a := range list {
		nums = append(nums, a.Definition)
	}
	slices.Sort(nums)
	sets, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	return keyed(append(list, sets...)), err
}
