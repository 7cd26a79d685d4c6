package inventory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"fresnel"
)

// SubscriptionHeld is a subscription as Resource Graph tells of it, with how
// many resources are held of it.
type SubscriptionHeld struct {
	Held
	Resources int
}

// ManagementGroup is a group of subscriptions and groups in a tenant.
type ManagementGroup struct {
	Tenant        fresnel.TenantID
	TenantName    string
	ID            string // as Azure tells it; "" = subscriptions of which no group was told
	Name          string
	Parent        string // ID; "" = the root
	Depth         int    // of the root 0
	Subscriptions []SubscriptionHeld
	Below         int // subscriptions in it and in the groups below it
	Resources     int // in all of these
}

// ManagementGroups is the tree of each tenant, a group before those below it,
// from what its subscriptions tell of the groups that they are in: the groups
// themselves may not be read through Lighthouse. A group without subscriptions
// that may be read is not in it.
func (r Reports) ManagementGroups(ctx context.Context, s fresnel.Scope) ([]ManagementGroup, error) {
	subs, err := r.Reader.Subscriptions(ctx, s)
	if err != nil {
		return nil, err
	}
	return treeOf(subs), nil
}

// treeOf makes the trees of subscriptions.
func treeOf(subs []SubscriptionHeld) []ManagementGroup {
	nodes := map[groupKey]*ManagementGroup{}
	node := func(sub *SubscriptionHeld, id, name, parent string) *ManagementGroup {
		key := groupKey{sub.Tenant, strings.ToLower(id)}
		g := nodes[key]
		if g == nil {
			g = &ManagementGroup{Tenant: sub.Tenant, TenantName: sub.TenantName, ID: id, Name: cmp.Or(name, id), Parent: parent}
			nodes[key] = g
		}
		if g.Name == g.ID && name != "" {
			g.Name = name
		}
		return g
	}
	for i := range subs {
		sub := &subs[i]
		chain := sub.Properties.At("managementGroupAncestorsChain").List() // nearest first
		if len(chain) == 0 {
			chain = []Value{{}}
		}
		for j, v := range chain {
			parent := ""
			if j+1 < len(chain) {
				parent = chain[j+1].At("name").Text()
			}
			g := node(sub, v.At("name").Text(), v.At("displayName").Text(), parent)
			if j == 0 {
				g.Subscriptions = append(g.Subscriptions, *sub)
			}
			g.Below++
			g.Resources += sub.Resources
		}
	}
	return walkTree(nodes)
}

type groupKey struct {
	tenant fresnel.TenantID
	id     string
}

// walkTree lists groups, each before those below it, by name. What hangs
// together in a circle, which Azure never tells, has no root and is left out.
func walkTree(nodes map[groupKey]*ManagementGroup) []ManagementGroup {
	below := map[groupKey][]*ManagementGroup{}
	for _, g := range nodes {
		if g.Parent == "" {
			below[groupKey{}] = append(below[groupKey{}], g)
		} else {
			up := groupKey{g.Tenant, strings.ToLower(g.Parent)}
			below[up] = append(below[up], g)
		}
	}
	var out []ManagementGroup
	var visit func(list []*ManagementGroup, depth int)
	visit = func(list []*ManagementGroup, depth int) {
		slices.SortFunc(list, func(a, b *ManagementGroup) int {
			return cmp.Or(cmp.Compare(a.TenantName, b.TenantName), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
		})
		for _, g := range list {
			g.Depth = depth
			out = append(out, *g)
			if g.ID != "" {
				visit(below[groupKey{g.Tenant, strings.ToLower(g.ID)}], depth+1)
			}
		}
	}
	visit(below[groupKey{}], 0)
	return out
}

// SubscriptionsBelow gives the subscriptions in a management group and in those
// below it, in every tenant that has a group of this id. It fails with NotFound.
func SubscriptionsBelow(tree []ManagementGroup, id string) ([]string, error) {
	var out []string
	for i, g := range tree {
		if !strings.EqualFold(g.ID, id) || id == "" {
			continue
		}
		for j := i; j < len(tree) && (j == i || tree[j].Depth > g.Depth); j++ {
			for _, s := range tree[j].Subscriptions {
				out = append(out, s.Subscription)
			}
		}
	}
	if out == nil {
		return nil, fresnel.Errorf(fresnel.NotFound, "there is no management group %.100q", id)
	}
	return out, nil
}
