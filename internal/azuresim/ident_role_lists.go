package azuresim

import (
	"net/http"
	"slices"
	"strings"
)

// activeRole is a role that was activated in the directory: one that somebody ever had.
type activeRole struct {
	v *identView
	r *identRole
}

func (a activeRole) prop(name string) any {
	switch name {
	case "id":
		return guid(mix(a.v.key, label("directory role"), label(a.r.id)))
	case "displayName":
		return a.r.name
	case "description":
		return a.r.prop(name)
	case "roleTemplateId":
		return a.r.id
	}
	return nil
}

// activeRoles are the built-in roles that are or were in use. Those of the tenant's own are not among them.
func (v *identView) activeRoles() []identRow {
	used := map[string]bool{roleGlobal: true}
	for _, list := range [][]*identAssignment{v.assignments, v.ed.roles} {
		for _, a := range list {
			used[a.role] = used[a.role] || !a.from.After(v.at)
		}
	}
	var out []identRow
	for _, r := range v.roles {
		if used[r.id] && !r.is(customRole) {
			out = append(out, activeRole{v, r})
		}
	}
	return out
}

func (g *identCall) directoryRoles() {
	g.list(func(v *identView) identSet { return setOf(kindDirectoryRoles, v.activeRoles()) })
}

// directoryRoleMembers are those who have the role in the whole directory, now.
func (g *identCall) directoryRoleMembers() {
	rows := g.v.activeRoles()
	i := slices.IndexFunc(rows, func(r identRow) bool { return strings.EqualFold(g.args[0], r.prop("id").(string)) }) //nolint:errcheck // ids are texts
	if i < 0 {
		g.notFound(g.args[0])
		return
	}
	role := rows[i].prop("roleTemplateId")
	g.list(func(v *identView) identSet {
		var refs []identRef
		for _, a := range v.held(assigned, activated) {
			if a.role == role && a.unit == 0 && a.to.id == "" && !slices.Contains(refs, a.to) {
				refs = append(refs, a.to)
			}
		}
		return v.refSet(refs)
	})
}

func (g *identCall) roleAssignments() {
	g.list(func(v *identView) identSet {
		var rows []identRow
		for _, a := range v.held(assigned, activated) {
			rows = append(rows, roleRow{v, a})
		}
		set := setOf(kindRoleAssignments, rows)
		set.expand = words("principal roleDefinition")
		return set
	})
}

func (g *identCall) roleDefinitions() {
	g.list(func(v *identView) identSet {
		return identSet{kind: kindRoleDefinitions, n: len(v.roles), row: func(i int) identRow { return v.roles[i] }}
	})
}

func (g *identCall) schedules(kind *identKind, kinds ...string) {
	g.list(func(v *identView) identSet {
		var rows []identRow
		for _, x := range v.instances(kinds...) {
			rows = append(rows, scheduleRow{v, x})
		}
		set := setOf(kind, rows)
		set.expand = words("principal roleDefinition activatedUsing")
		return set
	})
}

func (g *identCall) eligibleInstances() { g.schedules(kindEligible, eligible) }
func (g *identCall) assignedInstances() { g.schedules(kindAssigned, assigned, activated) }

func (g *identCall) conditionalAccess() {
	g.list(func(v *identView) identSet {
		return identSet{kind: kindConditional, n: len(v.conditional), row: func(i int) identRow { return v.conditional[i] }}
	})
}

func (g *identCall) securityDefaults() {
	g.json(http.StatusOK, map[string]any{
		"@odata.context": g.s.URL() + "/v1.0/$metadata#policies/identitySecurityDefaultsEnforcementPolicy/$entity",
		"id":             "00000000-0000-0000-0000-000000000005", "displayName": "Security Defaults", "isEnabled": g.v.securityDefaults(),
		"description": "Security defaults is a set of basic identity security mechanisms recommended by Microsoft.",
	})
}

func (g *identCall) subscribedSKUs() {
	g.list(func(v *identView) identSet { return setOf(kindSKUs, v.skuRows()) })
}

func (g *identCall) organization() {
	g.list(func(v *identView) identSet { return setOf(kindOrganization, []identRow{organizationRow{v}}) })
}
