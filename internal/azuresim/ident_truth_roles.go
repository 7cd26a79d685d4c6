package azuresim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// holding is a role that somebody has, directly or through a group.
type holding struct {
	a       *identAssignment
	through bool
	kind    string
}

// holders are who of a group holds what it was given: its accounts, however deep.
func (v *identView) holders(group int) []int {
	var out []int
	for _, g := range v.below(group) {
		for _, m := range v.groups[g].members {
			if l := v.life(m); l.alive() {
				out = append(out, m)
			}
		}
		if v.groups[g].everyone {
			v.each(func(i int) bool {
				if l := v.life(i); l.alive() {
					out = append(out, i)
				}
				return true
			})
		}
	}
	return out
}

// truthOfRoles counts every person once, however many ways lead to a role.
func (v *identView) truthOfRoles(l lists) {
	held := map[int][]holding{}
	for _, list := range [][]*identAssignment{v.assignments, v.ed.roles} {
		for _, a := range list {
			if !v.inForce(a) {
				continue
			}
			x := holding{a: a, kind: a.kind}
			switch {
			case a.to.id != "":
				l.add(a.id, "orphaned-roles")
			case a.to.kind == principalService:
				v.truthOfService(l, a)
			case a.to.kind == principalGroup:
				l.when(!v.groups[a.to.i].assignable, v.groups[a.to.i].id, "unassignable-groups")
				x.through = true
				for _, i := range v.holders(a.to.i) {
					held[i] = append(held[i], x)
				}
			default:
				held[a.to.i] = append(held[a.to.i], x)
				if a.kind == eligible && v.activation(a) != nil {
					x.kind = activated
					held[a.to.i] = append(held[a.to.i], x)
				}
			}
		}
	}
	for i, list := range held {
		if state := v.life(i); state.alive() {
			v.truthOfHolder(l, v.accountWith(i, state), list)
		}
	}
}

func (v *identView) truthOfService(l lists, a *identAssignment) {
	p := v.principals[a.to.i]
	if a.kind != assigned || !v.role(a.role).is(controlPlane) {
		return
	}
	l.add(p.id, "control-plane-services")
	secrets := v.credentialsOf(p.id, p.credentials)
	if p.app != nil {
		secrets = append(secrets, v.credentialsOf(p.app.id, p.app.credentials)...)
	}
	l.when(slices.ContainsFunc(secrets, func(c identCredential) bool {
		return c.password && (c.end.IsZero() || c.end.After(v.at))
	}), p.id, "control-plane-secrets")
}

func (v *identView) truthOfHolder(l lists, a *account, list []holding) {
	id := a.id()
	l.add(id, "role-holders")
	reads := false
	for _, x := range list {
		r := v.role(x.a.role)
		active := x.kind != eligible
		strong := r.is(privileged) && !r.is(onlyReads)
		reads = reads || active && r.is(onlyReads)
		l.when(!a.life.enabled, id, "disabled-roles")
		l.when(!a.life.enabled && strong, id, "disabled-privileged")
		l.when(r.id == roleGlobal && active, id, "global-administrators")
		l.when(r.id == roleGlobal && !active, id, "global-administrators-eligible")
		if active && r.is(controlPlane) {
			l.add(id, "control-plane")
			l.when(a.isGuest(), id, "control-plane-guests")
			l.when(a.synced(), id, "control-plane-synced")
		}
		if !strong {
			continue
		}
		if !active {
			l.add(id, "privileged-eligible")
			continue
		}
		l.add(id, "privileged")
		l.when(!x.through, id, "privileged-direct")
		l.when(x.through, id, "privileged-groups")
		l.when(x.kind == assigned && x.a.end.IsZero(), id, "privileged-standing")
		l.when(x.kind == assigned && !x.a.end.IsZero(), id, "privileged-timed")
		l.when(x.kind == activated, id, "privileged-activated")
		l.when(r.is(customRole), id, "custom-privileged")
		l.when(a.life.enabled, id, "privileged-enabled")
		l.when(a.life.enabled && a.reported() && !a.registered(), id, "privileged-no-mfa")
	}
	l.when(reads && !l.has("privileged", id), id, "privileged-readers")
	l.when(l.has("privileged-eligible", id) && !l.has("privileged", id), id, "privileged-eligible-only")
}

// truthOfAzure judges the assignments of Azure's roles.
func (v *identView) truthOfAzure(l lists) {
	scopes := []string{""}
	for _, sub := range v.t.subs {
		if sub.state != stateDeleted {
			scopes = append(scopes, sub.id)
		}
	}
	for _, sub := range scopes {
		for _, a := range v.rbacOf(sub) {
			v.truthOfAzureRole(l, a)
		}
	}
}

func (v *identView) truthOfAzureRole(l lists, a *rbacAssignment) {
	id := a.id()
	l.add(id, "azure")
	l.when(a.sub == "", id, "azure-above")
	if list := map[string]string{azureOwner: "azure-owner", azureAccess: "azure-access", azureRBAC: "azure-rbac", azureContributor: "azure-contributor", v.azureCustom(1): "azure-custom-owner"}[a.role]; list != "" {
		l.add(id, list)
	}
	owner := a.role == azureOwner || a.role == v.azureCustom(1)
	grants := owner || a.role == azureAccess
	if a.to.id != "" {
		l.add(id, "azure-orphaned")
		return
	}
	people := func(i int) {
		strong := grants || a.role == azureRBAC
		l.when(strong, v.accountID(i), "azure-power-people")
		over := a.sub != "" || slices.ContainsFunc(v.t.subs, func(s *subscription) bool { return s.state != stateDeleted && s.under(a.scope) })
		l.when(strong && over, v.accountID(i), "azure-power-people-over")
		l.when(strong && a.sub != "" && a.role != v.azureCustom(1), v.accountID(i), "azure-power-people-delegated")
	}
	switch a.to.kind {
	case principalService:
		l.when(owner, id, "azure-service-owners")
	case principalGroup:
		for _, i := range v.holders(a.to.i) {
			people(i)
		}
		if owner {
			for _, i := range v.holders(a.to.i) {
				l.add(v.accountID(i), "azure-owner-people")
			}
		}
	default:
		state := v.life(a.to.i)
		if !state.alive() {
			l.add(id, "azure-orphaned")
			return
		}
		people(a.to.i)
		l.when(grants, id, "azure-user-owners")
		l.when(owner, v.accountID(a.to.i), "azure-owner-people")
		l.when((grants || a.role == azureRBAC) && v.accountWith(a.to.i, state).isGuest(), id, "azure-guests")
	}
}

// RoleHolders are who holds a role: ids, each once, sorted.
type RoleHolders struct {
	Role     string   `json:"role"` // id of the definition
	Azure    bool     `json:"azure"`
	Active   []string `json:"active"`   // accounts, also through groups
	Standing []string `json:"standing"` // those to whom it was assigned without an end
	Eligible []string `json:"eligible"` // accounts that could activate it, also through groups
	Services []string `json:"services"` // service principals
	Orphaned []string `json:"orphaned"` // assignments to nobody
}

// RoleHolders tells who holds every role of a tenant's directory, and every role of Azure that gives
// access to a subscription that is not deleted. delegated: of the latter only what is seen through
// Lighthouse, which is neither above subscriptions nor a role of the tenant's own.
func (s *Server) RoleHolders(tenant string, delegated bool) ([]RoleHolders, error) {
	v := s.directoryAt(tenant, s.clock.Now())
	if v == nil {
		return nil, fmt.Errorf("azuresim: tenant %q has no directory", tenant)
	}
	by := map[string]lists{} // those of Azure have a word before the role
	to := func(role, assignment string, p identRef, ways ...string) {
		if by[role] == nil {
			by[role] = lists{}
		}
		switch l := by[role]; {
		case p.id != "" || p.kind == principalUser && !v.there(p):
			l.add(assignment, "orphaned")
		case p.kind == principalService:
			l.add(v.principals[p.i].id, "services")
		case p.kind == principalGroup:
			for _, i := range v.holders(p.i) {
				l.add(v.accountID(i), ways...)
			}
			for _, g := range v.below(p.i) {
				for _, i := range v.groups[g].services {
					l.add(v.principals[i].id, "services")
				}
			}
		default:
			l.add(v.accountID(p.i), ways...)
		}
	}
	for _, list := range [][]*identAssignment{v.assignments, v.ed.roles} {
		for _, a := range list {
			switch {
			case !v.inForce(a) || !v.there(a.to): // of an account that was deleted nothing is told
			case a.kind == eligible:
				to(a.role, a.id, a.to, "eligible")
				if a.to.kind == principalUser && v.activation(a) != nil {
					to(a.role, a.id, a.to, "active")
				}
			case a.kind == assigned && a.end.IsZero():
				to(a.role, a.id, a.to, "active", "standing")
			default:
				to(a.role, a.id, a.to, "active")
			}
		}
	}
	for _, sub := range append([]*subscription{{}}, v.t.subs...) {
		if sub.state == stateDeleted {
			continue
		}
		for _, a := range v.rbacOf(sub.id) {
			power := a.role == azureOwner || a.role == azureAccess || a.role == azureRBAC || a.role == v.azureCustom(1)
			over := a.sub != "" || slices.ContainsFunc(v.t.subs, func(s *subscription) bool { return s.state != stateDeleted && s.under(a.scope) })
			if power && over && (!delegated || a.sub != "" && a.role != v.azureCustom(1)) {
				to("azure "+a.role, a.id(), a.to, "active", "standing")
			}
		}
	}
	out := []RoleHolders{}
	for key, l := range by {
		ids := func(name string) []string { return slices.Sorted(maps.Keys(l[name])) }
		role, azure := strings.CutPrefix(key, "azure ")
		out = append(out, RoleHolders{role, azure, ids("active"), ids("standing"), ids("eligible"), ids("services"), ids("orphaned")})
	}
	slices.SortFunc(out, func(a, b RoleHolders) int { return strings.Compare(a.Role, b.Role) })
	return out, nil
}
