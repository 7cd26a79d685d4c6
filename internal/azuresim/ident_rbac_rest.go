package azuresim

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var roleVersions = []string{"2022-04-01", "2022-05-01-preview", "2020-10-01-preview", "2018-07-01", "2015-07-01"}

var (
	rbacPrincipal = regexp.MustCompile(`(?i)^principalId\s+eq\s+'?([0-9a-f-]{36})'?$`)
	rbacAssigned  = regexp.MustCompile(`(?i)^assignedTo\('?([0-9a-f-]{36})'?\)$`)
)

// roleThings answers GET of roleAssignments and roleDefinitions, of all of a scope or of one.
func (s *Server) roleThings(c *call, g governed) {
	p, ok := s.armReadOf(c, roleVersions, "x-ms-ratelimit-remaining-subscription-reads")
	if !ok {
		return
	}
	action := "Microsoft.Authorization/" + g.rest[0] + "/read"
	t := s.estate.byID[p.tenantID]
	switch {
	case g.mg != "" && !s.mayReadGroup(c, p, g.mg, action):
		return
	case g.mg == "" && c.subscription != "":
		sub := s.authorize(c, p, action)
		if sub == nil {
			return
		}
		t = sub.tenant
	}
	v := s.directoryAt(t.id, c.at)
	if v == nil && strings.EqualFold(g.rest[0], "roleDefinitions") {
		v = &identView{identTenant: &identTenant{t: t}} // the managing tenant has only the built-in ones
	}
	if v == nil {
		c.fail(http.StatusForbidden, "AuthorizationFailed", "The client '"+p.appID+"' does not have authorization to perform action '"+action+"' over scope '/'.")
		return
	}
	var items []thing
	if strings.EqualFold(g.rest[0], "roleDefinitions") {
		if items, ok = v.definitionThings(c, g); !ok {
			return
		}
	} else if items, ok = v.assignmentThings(c, g); !ok {
		return
	}
	list := []any{}
	for _, x := range items {
		if len(g.rest) == 1 {
			list = append(list, x.wire())
		} else if strings.EqualFold(x.name(), g.rest[1]) {
			c.json(http.StatusOK, x.wire())
			return
		}
	}
	if len(g.rest) == 2 {
		code := "RoleAssignmentNotFound"
		if strings.EqualFold(g.rest[0], "roleDefinitions") {
			code = "RoleDefinitionDoesNotExist"
		}
		c.fail(http.StatusNotFound, code, "The object '"+g.rest[1]+"' is not found.")
		return
	}
	s.listThings(c, list, s.opt.ARMPageSize)
}

// definitionThings are the roles that can be used at a scope.
func (v *identView) definitionThings(c *call, g governed) ([]thing, bool) {
	filter := queryValue(c.r, "$filter")
	var out []thing
	for _, r := range v.azureRoles() {
		kind := "BuiltInRole"
		if r.custom {
			kind = "CustomRole"
		}
		switch {
		case filter == "", strings.EqualFold(filter, "atScopeAndBelow()"), strings.EqualFold(filter, "type eq '"+kind+"'"), strings.EqualFold(filter, "roleName eq '"+r.name+"'"):
		case strings.HasPrefix(filter, "type eq '"), strings.HasPrefix(filter, "roleName eq '"):
			continue
		default:
			c.fail(http.StatusBadRequest, "InvalidFilter", "The filter '"+filter+"' is not supported.")
			return nil, false
		}
		if r.custom && v.ed == nil {
			continue
		}
		out = append(out, thing{strings.TrimSuffix(g.path, "/") + "/providers/Microsoft.Authorization/roleDefinitions/" + r.id, "Microsoft.Authorization/roleDefinitions", "", v.roleProperties(r), nil})
	}
	return out, true
}

// assignmentThings are those at a scope and above it, and of a subscription those below it, too.
func (v *identView) assignmentThings(c *call, g governed) ([]thing, bool) {
	only, keep, ok := v.rbacFilter(c)
	if !ok {
		return nil, false
	}
	above := func(scope string) bool { // of a management group, or one above it
		if g.sub != nil {
			return g.sub.under(scope)
		}
		all := v.t.managementGroups()
		for id := g.mg; id != ""; {
			if strings.EqualFold(groupPath(id), scope) {
				return true
			}
			i := slices.IndexFunc(all, func(m managementGroup) bool { return m.id == id })
			id = all[i].parent
		}
		return false
	}
	var list []*rbacAssignment
	for _, a := range v.rbacOf("") {
		if above(a.scope) {
			list = append(list, a)
		}
	}
	prefix := "/providers/Microsoft.Authorization/roleDefinitions"
	if g.sub != nil {
		prefix = "/subscriptions/" + g.sub.id + prefix
		for _, a := range v.rbacOf(g.sub.id) {
			if at := a.group(); at == "" || g.group == at || g.group == "" && !only {
				list = append(list, a)
			}
		}
	}
	var out []thing
	for _, a := range list {
		if keep(a) {
			out = append(out, thing{a.id(), "Microsoft.Authorization/roleAssignments", "", v.rbacProperties(a, prefix), nil})
		}
	}
	return out, true
}

// rbacFilter reads $filter: what is below the scope is left out, or all but one principal.
func (v *identView) rbacFilter(c *call) (atScope bool, keep func(*rbacAssignment) bool, ok bool) {
	keep = func(*rbacAssignment) bool { return true }
	for part := range strings.SplitSeq(queryValue(c.r, "$filter"), " and ") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if strings.EqualFold(part, "atScope()") {
			atScope = true
		} else if m := rbacPrincipal.FindStringSubmatch(part); m != nil {
			keep = func(a *rbacAssignment) bool { return strings.EqualFold(v.refID(a.to), m[1]) }
		} else if m := rbacAssigned.FindStringSubmatch(part); m != nil {
			keep = func(a *rbacAssignment) bool {
				if a.to.kind == principalGroup && a.to.id == "" {
					return slices.ContainsFunc(v.members(a.to.i, true), func(r identRef) bool { return strings.EqualFold(v.refID(r), m[1]) })
				}
				return strings.EqualFold(v.refID(a.to), m[1])
			}
		} else {
			c.fail(http.StatusBadRequest, "UnsupportedQuery", "The filter '"+part+"' is not supported.")
			return false, nil, false
		}
	}
	return atScope, keep, true
}
