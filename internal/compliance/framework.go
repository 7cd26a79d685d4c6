package compliance

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"fresnel"
)

// FrameworkSource is who judges a framework.
type FrameworkSource string

// The sources of frameworks.
const (
	FromPolicy   FrameworkSource = "policy"   // an assigned initiative whose definitions are in groups
	FromDefender FrameworkSource = "defender" // regulatory compliance of Defender for Cloud
)

// ControlState is where a control stands.
type ControlState string

// The states of a control. What nothing checks is not assessed: it is never
// counted as passed.
const (
	ControlPassed      ControlState = "passed"
	ControlFailed      ControlState = "failed"
	ControlSkipped     ControlState = "skipped" // all that it is about is exempt, or it does not apply
	ControlNotAssessed ControlState = "not assessed"
)

// Framework is a set of requirements, with how a scope stands to each.
type Framework struct {
	Source      FrameworkSource
	ID          string // of the initiative in lower case, or the standard's name
	Name        string
	Tenants     int
	Passed      int
	Failed      int
	Skipped     int
	NotAssessed int
	Controls    []FrameworkControl
}

// Assessed is the share of passed controls of those that passed or failed.
func (f Framework) Assessed() Share { return Share{f.Passed, f.Passed + f.Failed} }

// FrameworkControl is a requirement. Its numbers are states of resources by the
// definitions of a group, or of Defender's assessments.
type FrameworkControl struct {
	Name     string
	Title    string
	Category string
	State    ControlState
	Passing  int
	Failing  int
	Skipping int
	Unknown  int
}

// conclude finds the state of a control.
func (c *FrameworkControl) conclude() {
	switch {
	case c.Failing > 0:
		c.State = ControlFailed
	case c.Passing > 0:
		c.State = ControlPassed
	case c.Skipping > 0:
		c.State = ControlSkipped
	default:
		c.State = ControlNotAssessed
	}
}

func (c *FrameworkControl) add(n Counts) {
	c.Passing += n.Compliant
	c.Failing += n.NonCompliant + n.Conflict
	c.Skipping += n.Exempt
	c.Unknown += n.Unknown
}

// building is a framework that is not concluded yet.
type building struct {
	Framework
	place   map[string]int // of controls, by name
	tenants map[fresnel.TenantID]bool
}

func (b *building) control(name string) *FrameworkControl {
	i, ok := b.place[name]
	if !ok {
		i = len(b.Controls)
		b.place[name] = i
		b.Controls = append(b.Controls, FrameworkControl{Name: name})
	}
	return &b.Controls[i]
}

func (b *building) conclude() Framework {
	b.Tenants = len(b.tenants)
	for i := range b.Controls {
		c := &b.Controls[i]
		c.conclude()
		switch c.State {
		case ControlPassed:
			b.Passed++
		case ControlFailed:
			b.Failed++
		case ControlSkipped:
			b.Skipped++
		case ControlNotAssessed:
			b.NotAssessed++
		}
	}
	return b.Framework
}

type frameworkKey struct {
	source FrameworkSource
	id     string
	tenant fresnel.TenantID
}

// Frameworks gives how a scope stands to each framework that is in use, by name.
func (r Reports) Frameworks(ctx context.Context, s fresnel.Scope, only []string) ([]Framework, error) {
	by := map[frameworkKey]*building{}
	get := func(source FrameworkSource, id string, t fresnel.TenantID) *building {
		k := frameworkKey{source: source, id: id}
		if strings.Contains(id, "/managementgroups/") { // a tenant's own: the same names are in many tenants
			k.tenant = t
		}
		if by[k] == nil {
			by[k] = &building{Framework: Framework{Source: source, ID: id}, place: map[string]int{}, tenants: map[fresnel.TenantID]bool{}}
		}
		by[k].tenants[t] = true
		return by[k]
	}
	if err := r.initiatives(ctx, s, only, get); err != nil {
		return nil, err
	}
	if err := r.standards(ctx, s, only, get); err != nil {
		return nil, err
	}
	out := make([]Framework, 0, len(by))
	for _, b := range by {
		out = append(out, b.conclude())
	}
	slices.SortFunc(out, func(a, b Framework) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// Framework gives one framework. It fails with NotFound.
func (r Reports) Framework(ctx context.Context, s fresnel.Scope, only []string, source FrameworkSource, id string) (Framework, error) {
	list, err := r.Frameworks(ctx, s, only)
	if err != nil {
		return Framework{}, err
	}
	for _, f := range list {
		if f.Source == source && strings.EqualFold(f.ID, id) {
			return f, nil
		}
	}
	return Framework{}, fresnel.Errorf(fresnel.NotFound, "there is no framework %.200q of %.20q", id, source)
}

type getFramework func(source FrameworkSource, id string, t fresnel.TenantID) *building

// initiatives adds those that are assigned and have groups.
func (r Reports) initiatives(ctx context.Context, s fresnel.Scope, only []string, get getFramework) error {
	list, err := r.Reader.Told(ctx, s, []Kind{KindAssignment, KindSet, KindCheck}, false)
	if err != nil {
		return err
	}
	sums, err := r.Reader.Sums(ctx, s, SumAsk{Kind: KindCheck, Subscriptions: only})
	if err != nil {
		return err
	}
	items := keyed(list)
	type assigned struct {
		b      *building
		groups map[string][]string // of a reference
	}
	in := map[itemKey]assigned{}
	for _, a := range list {
		set := items[itemKey{a.Tenant, a.Definition}]
		if a.Kind != KindAssignment || set.Kind != KindSet || len(set.More.Groups) == 0 {
			continue
		}
		if len(only) > 0 && !slices.ContainsFunc(sums, func(x Sum) bool {
			return x.Tenant == a.Tenant && items[itemKey{x.Tenant, x.Item}].Assignment == a.Num
		}) {
			continue // it judges nothing in these subscriptions
		}
		one := assigned{get(FromPolicy, set.Key.Definition, a.Tenant), map[string][]string{}}
		one.b.Name = cmp.Or(set.Name, set.ID)
		for _, g := range set.More.Groups {
			c := one.b.control(g.Name)
			c.Title, c.Category = g.Title, g.Category
		}
		for _, m := range set.More.Members {
			one.groups[m.Reference] = m.Groups
		}
		in[itemKey{a.Tenant, a.Num}] = one
	}
	for _, x := range sums {
		check := items[itemKey{x.Tenant, x.Item}]
		one := in[itemKey{x.Tenant, check.Assignment}]
		for _, g := range one.groups[check.Reference] {
			if i, ok := one.b.place[g]; ok {
				one.b.Controls[i].add(x.Counts)
			}
		}
	}
	return nil
}

// standards adds those of Defender for Cloud.
func (r Reports) standards(ctx context.Context, s fresnel.Scope, only []string, get getFramework) error {
	sums, err := r.Reader.Sums(ctx, s, SumAsk{Kind: KindStandardControl, Subscriptions: only})
	if err != nil {
		return err
	}
	nums := make([]int64, 0, len(sums))
	for _, x := range sums {
		nums = append(nums, x.Item)
	}
	slices.Sort(nums)
	list, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	if err != nil {
		return err
	}
	items := keyed(list)
	for _, x := range sums {
		i, ok := items[itemKey{x.Tenant, x.Item}]
		if !ok {
			continue
		}
		b := get(FromDefender, i.Reference, x.Tenant)
		b.Name = i.Reference
		c := b.control(i.Key.Definition)
		c.Title, c.Category = i.Name, i.Category
		c.add(x.Counts)
	}
	return nil
}
