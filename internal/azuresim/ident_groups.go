package azuresim

import (
	"fmt"
	"time"
)

// identUnit is an administrative unit.
type identUnit struct{ id, name string }

// identGroup is a group. Members that are deleted are not in it.
type identGroup struct {
	id, name   string
	assignable bool // to roles
	everyone   bool
	members    []int // accounts
	services   []int // service principals
	nested     []int // groups
	created    time.Time
}

// The numbers of the groups that this names.
const (
	groupTierZero = iota // has a role
	groupDesk            // has a role, although it is not made for that; contains the next
	groupNight           // contains the one before, which contains it
	groupPIM             // eligible for a role
	groupEveryone
	groupOwners // owns subscriptions; contains the next
	groupOwnersNested
	groupGlass // excluded from conditional access
	groupCount
)

func (w *identTenant) buildUnits() {
	for i, name := range []string{"Subsidiary North", "Subsidiary South"} {
		w.units = append(w.units, identUnit{guid(mix(w.key, label("unit"), uint64(i))), name})
	}
}

func (w *identTenant) buildGroups() {
	named := []identGroup{
		groupTierZero:     {name: "Tier 0 Administrators", assignable: true, members: []int{castChief, castMember}},
		groupDesk:         {name: "Service Desk", members: []int{castHelp, castNoMFA}, nested: []int{groupNight}},
		groupNight:        {name: "Service Desk Night", members: []int{castMemberToo}, nested: []int{groupDesk}},
		groupPIM:          {name: "PIM Security Operators", assignable: true, members: []int{castPIM, castChief}},
		groupEveryone:     {name: "All accounts", everyone: true},
		groupOwners:       {name: "Azure Platform Owners", members: []int{castSubscriber}, nested: []int{groupOwnersNested}},
		groupOwnersNested: {name: "Azure Platform Owners External", members: append([]int{castHelp}, w.firstGuests(3)...)},
		groupGlass:        {name: "Emergency Access", members: []int{castGlass, castGlassToo}},
	}
	count := int(groupCount) + 6 + w.accounts/150
	for i := range count {
		var g *identGroup
		if i < len(named) {
			g = &named[i]
		} else {
			g = &identGroup{}
			g.name = fmt.Sprintf("Project %s %d", w.surname(1<<17 + i)[6:], i)
			for j := range 3 + below(mix(w.key, label("members"), uint64(i)), 40) {
				g.members = append(g.members, below(mix(w.key, label("member"), uint64(i), uint64(j)), w.accounts))
			}
			g.members = distinct(g.members)
			if i%5 == 0 {
				g.nested = []int{i - 1}
			}
		}
		g.id = guid(mix(w.key, label("group"), uint64(i)))
		g.created = w.start.Add(-time.Duration(10+below(mix(w.key, label("group age"), uint64(i)), 2000)) * 24 * time.Hour)
		w.groups = append(w.groups, g)
	}
}

func distinct(list []int) []int {
	seen := map[int]bool{}
	out := list[:0]
	for _, x := range list {
		if !seen[x] {
			seen[x] = true
			out = append(out, x)
		}
	}
	return out
}

// below lists a group and those that it contains, however deep, each once.
func (w *identTenant) below(group int) []int {
	list, seen := []int{group}, map[int]bool{group: true}
	for i := 0; i < len(list); i++ {
		for _, n := range w.groups[list[i]].nested {
			if !seen[n] {
				seen[n] = true
				list = append(list, n)
			}
		}
	}
	return list
}

// members are a group's, directly or however deep.
func (v *identView) members(group int, deep bool) []identRef {
	groups := []int{group}
	if deep {
		groups = v.below(group)
	}
	var out []identRef
	seen := map[identRef]bool{}
	add := func(r identRef) {
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	for _, n := range groups {
		g := v.groups[n]
		for _, m := range g.nested {
			if !deep || m != group {
				add(identRef{kind: principalGroup, i: m})
			}
		}
		for _, m := range g.services {
			add(identRef{kind: principalService, i: m})
		}
		for _, m := range g.members {
			if l := v.life(m); l.alive() {
				add(identRef{kind: principalUser, i: m})
			}
		}
		if g.everyone {
			v.each(func(i int) bool {
				if l := v.life(i); l.alive() {
					add(identRef{kind: principalUser, i: i})
				}
				return true
			})
		}
	}
	return out
}

func (g *identGroup) prop(name string) any {
	switch name {
	case "id":
		return g.id
	case "displayName":
		return g.name
	case "description":
		return "Members of " + g.name
	case "mailEnabled":
		return false
	case "mailNickname":
		return "g" + g.id[:8]
	case "securityEnabled":
		return true
	case "isAssignableToRole":
		if g.assignable {
			return true
		}
		return nil
	case "createdDateTime":
		return g.created
	case "groupTypes":
		if g.everyone {
			return []string{"DynamicMembership"}
		}
		return []string{}
	case "membershipRule":
		if g.everyone {
			return "user.objectId -ne null"
		}
	}
	return nil
}
