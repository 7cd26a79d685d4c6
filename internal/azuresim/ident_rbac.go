package azuresim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Roles of Azure.
const (
	azureOwner       = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	azureAccess      = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
	azureRBAC        = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
	azureContributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	azureReader      = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
)

// azureRole is a role definition of Azure.
type azureRole struct {
	id, name            string
	custom              bool
	actions, notActions []string
}

// azureRoles are those of a tenant: the built-in ones, one of its own that is Owner by another name, and a
// harmless one.
func (w *identTenant) azureRoles() []azureRole {
	return []azureRole{
		{azureOwner, "Owner", false, []string{"*"}, nil},
		{azureAccess, "User Access Administrator", false, []string{"*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"}, nil},
		{azureRBAC, "Role Based Access Control Administrator", false, []string{"Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", "*/read", "Microsoft.Support/*"}, nil},
		{azureContributor, "Contributor", false, []string{"*"}, []string{"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write", "Microsoft.Authorization/elevateAccess/Action"}},
		{azureReader, "Reader", false, []string{"*/read"}, nil},
		{w.azureCustom(1), "Platform Operator", true, []string{"*"}, nil},
		{w.azureCustom(2), "Restart Machines", true, []string{"Microsoft.Compute/virtualMachines/restart/action", "Microsoft.Compute/virtualMachines/read"}, nil},
	}
}

func (w *identTenant) azureCustom(n uint64) string {
	return guid(mix(w.key, label("azure custom role"), n))
}

func (w *identTenant) azureRole(id string) azureRole {
	list := w.azureRoles()
	return list[slices.IndexFunc(list, func(r azureRole) bool { return r.id == id })]
}

func (w *identTenant) roleProperties(r azureRole) map[string]any {
	kind, scopes := "BuiltInRole", []any{"/"}
	if r.custom {
		kind, scopes = "CustomRole", []any{groupPath(w.t.id)}
	}
	return map[string]any{
		"roleName": r.name, "type": kind, "description": "Has the rights of " + r.name + ".", "assignableScopes": scopes,
		"permissions": []any{map[string]any{"actions": anys(r.actions), "notActions": anys(r.notActions), "dataActions": []any{}, "notDataActions": []any{}}},
	}
}

func anys(list []string) []any {
	out := []any{}
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// rbacAssignment gives a role of Azure to a principal at a scope.
type rbacAssignment struct {
	name, scope, role string
	sub               string // id of the subscription; "" of a management group
	to                identRef
	from, gone        time.Time // a zero gone: never
}

func (a *rbacAssignment) id() string {
	return a.scope + "/providers/Microsoft.Authorization/roleAssignments/" + a.name
}

// group is the resource group of the scope in lower case, or "".
func (a *rbacAssignment) group() string {
	if _, rest, ok := strings.Cut(strings.ToLower(a.scope), "/resourcegroups/"); ok {
		return rest
	}
	return ""
}

// unknownPrincipal is the type of one that is gone.
const unknownPrincipal = "Unknown"

func (a *rbacAssignment) principalType() string {
	switch a.to.kind {
	case principalUser:
		return "User"
	case principalGroup:
		return "Group"
	case principalService:
		return "ServicePrincipal"
	}
	return unknownPrincipal
}

func (v *identView) rbacProperties(a *rbacAssignment, prefix string) map[string]any {
	return map[string]any{
		"roleDefinitionId": prefix + "/" + a.role, "principalId": v.refID(a.to), "principalType": a.principalType(), "scope": a.scope, "condition": nil, "conditionVersion": nil,
		"createdOn": wireTime(a.from), "updatedOn": wireTime(a.from), "createdBy": v.accountID(castChief), "updatedBy": v.accountID(castChief), "delegatedManagedIdentityResourceId": nil, "description": nil,
	}
}

// buildRBAC makes the assignments of the tenant's management groups and subscriptions.
func (w *identTenant) buildRBAC() {
	const day = 24 * time.Hour
	w.rbac = map[string][]*rbacAssignment{}
	n := 0
	add := func(sub, scope, role string, to identRef) *rbacAssignment {
		n++
		key := mix(w.key, label("azure role assignment"), uint64(n))
		a := &rbacAssignment{name: guid(key), sub: sub, scope: scope, role: role, to: to, from: w.start.Add(-time.Duration(1+below(key, 900*24)) * time.Hour)}
		w.rbac[sub] = append(w.rbac[sub], a)
		return a
	}
	user := func(i int) identRef { return identRef{kind: principalUser, i: i} }
	group := func(i int) identRef { return identRef{kind: principalGroup, i: i} }
	service := func(i int) identRef { return identRef{kind: principalService, i: i} }
	gone := func(kind string, k int) identRef {
		return identRef{kind: kind, i: k, id: guid(mix(w.key, label("gone principal"), uint64(k)))}
	}
	root := groupPath(w.t.id)
	add("", root, azureOwner, group(groupOwners))
	add("", root, azureAccess, user(castChief))
	add("", root, azureReader, service(serviceManaged))
	add("", groupPath(w.t.slug+"-landingzones"), azureRBAC, user(castRoles))
	add("", groupPath(w.t.slug+"-sandbox"), azureOwner, group(groupTierZero))
	guests := w.firstGuests(3)
	for j, s := range w.t.subs {
		path := "/subscriptions/" + s.id
		add(s.id, path, azureOwner, user(castSubscriber))
		add(s.id, path, azureContributor, group(groupCount))
		add(s.id, path, azureReader, user(identCast+j%16))
		add(s.id, path+"/resourceGroups/"+s.groups[0], azureContributor, service(serviceFirstApp+j%5))
		switch j % 4 {
		case 0:
			add(s.id, path, azureOwner, service(serviceSecret))
			add(s.id, path, w.azureCustom(1), user(castHelp))
			add(s.id, path, azureAccess, gone("deleted", j))
		case 1:
			if len(guests) > 0 {
				add(s.id, path, azureOwner, user(guests[j%len(guests)]))
			}
			add(s.id, path, azureContributor, gone(principalUser, j))
			add(s.id, path, azureOwner, user(castDisabled))
		case 2:
			add(s.id, path+"/resourceGroups/"+s.groups[len(s.groups)-1], azureOwner, user(castPlain))
			add(s.id, path, w.azureCustom(2), user(castHelp))
			add(s.id, path, azureOwner, user(castLate)).from = w.start.Add(day)
		default:
			add(s.id, path, azureRBAC, service(serviceManaged))
			add(s.id, path, azureOwner, user(castLeft)).gone = w.start.Add(2 * day)
			if len(guests) > 1 {
				add(s.id, path+"/resourceGroups/"+s.groups[0], azureAccess, user(guests[1]))
			}
		}
	}
}

// rbacOf are the assignments in force of a subscription, or with "" of the management groups. Those that
// Lighthouse gives are not among them.
func (v *identView) rbacOf(sub string) []*rbacAssignment {
	var out []*rbacAssignment
	for _, list := range [][]*rbacAssignment{v.rbac[sub], v.ed.rbac} {
		for _, a := range list {
			t, removed := v.ed.ended[a.name]
			if a.sub == sub && !a.from.After(v.at) && (a.gone.IsZero() || a.gone.After(v.at)) && (!removed || t.After(v.at)) {
				out = append(out, a)
			}
		}
	}
	return out
}

// rbacRows are the rows of a subscription in authorizationresources, by id.
func (g *graphScan) rbacRows(sub *subscription) []kqlRow {
	v := g.s.directoryAt(sub.tenant.id, g.at)
	var out []kqlRow
	for _, a := range v.rbacOf(sub.id) {
		out = append(out, scopeRow(a.id(), "microsoft.authorization/roleassignments", a.group(), sub, sub.tenant.id, v.rbacProperties(a, graphRoles)))
	}
	slices.SortFunc(out, compareRows)
	return out
}

// graphRoles is how Resource Graph begins the ids of role definitions.
const graphRoles = "/providers/Microsoft.Authorization/RoleDefinitions"

func compareRows(a, b kqlRow) int { return strings.Compare(kqlText(a[0]), kqlText(b[0])) }

// rbacHead are the role definitions, and what management groups have. Through Lighthouse nobody sees the
// latter; of those who ask for some subscriptions, who asks for what is above them does.
func (g *graphScan) rbacHead() []kqlRow {
	var out []kqlRow
	seen := map[string]bool{}
	tenants := map[*tenant]bool{}
	for _, sub := range g.subs {
		tenants[sub.tenant] = true
	}
	for _, t := range g.s.estate.tenants {
		if !tenants[t] {
			continue
		}
		v := g.s.directoryAt(t.id, g.at)
		for _, r := range v.azureRoles() {
			if seen[r.id] || r.custom && g.tenant != t.id {
				continue
			}
			seen[r.id] = true
			row := scopeRow(graphRoles+"/"+r.id, "microsoft.authorization/roledefinitions", "", nil, t.id, v.roleProperties(r))
			out = append(out, row)
		}
		if g.tenant != t.id || !g.above {
			continue
		}
		for _, a := range v.rbacOf("") {
			if slices.ContainsFunc(g.subs, func(sub *subscription) bool { return sub.under(a.scope) }) {
				out = append(out, scopeRow(a.id(), "microsoft.authorization/roleassignments", "", nil, t.id, v.rbacProperties(a, graphRoles)))
			}
		}
	}
	slices.SortFunc(out, compareRows)
	return out
}

// validScope finds the subscription of a scope, or says that there is none.
func (v *identView) validScope(scope string) (sub string, err error) {
	parts := strings.Split(strings.Trim(scope, "/"), "/")
	if len(parts) >= 2 && strings.EqualFold(parts[0], "subscriptions") {
		for _, s := range v.t.subs {
			if strings.EqualFold(s.id, parts[1]) {
				return s.id, nil
			}
		}
	}
	for _, m := range v.t.managementGroups() {
		if strings.EqualFold(groupPath(m.id), scope) {
			return "", nil
		}
	}
	return "", fmt.Errorf("azuresim: the tenant has no scope %q", scope)
}
