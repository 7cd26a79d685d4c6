package azuresim

import (
	"net/http"
	"slices"
	"strings"
)

// managementGroup is a group of subscriptions of a tenant.
type managementGroup struct{ id, name, parent string }

// managementGroups is a tenant's tree, the root first. Through Lighthouse nobody sees it.
func (t *tenant) managementGroups() []managementGroup {
	p := t.slug + "-"
	return []managementGroup{
		{t.id, "Tenant Root Group", ""},
		{p + "platform", "Platform", t.id},
		{p + "landingzones", "Landing Zones", t.id},
		{p + "prod", "Production", p + "landingzones"},
		{p + "nonprod", "Non-Production", p + "landingzones"},
		{p + "sandbox", "Sandbox", t.id},
	}
}

// groupOf is the place of a group, which for a subscription of its environment.
func (s *subscription) groupOf() string {
	switch s.env {
	case "prod", "dr":
		return s.tenant.slug + "-prod"
	case "shared", "platform":
		return s.tenant.slug + "-platform"
	case "sandbox", "lab":
		return s.tenant.slug + "-sandbox"
	default:
		return s.tenant.slug + "-nonprod"
	}
}

// groupChain are the groups above a subscription, the nearest first.
func (s *subscription) groupChain() []managementGroup {
	all := s.tenant.managementGroups()
	var out []managementGroup
	for id := s.groupOf(); id != ""; {
		i := slices.IndexFunc(all, func(g managementGroup) bool { return g.id == id })
		out = append(out, all[i])
		id = all[i].parent
	}
	return out
}

// ancestors is groupChain as a property; nothing of a delegated subscription.
func (s *subscription) ancestors() []any {
	out := []any{}
	if s.tenant.kind == kindDelegated {
		return out
	}
	for _, g := range s.groupChain() {
		out = append(out, map[string]any{"name": g.id, "displayName": g.name})
	}
	return out
}

// managementGroups are their rows in resourcecontainers, for a token of the tenant that owns them.
func (g *graphScan) managementGroups() []kqlRow {
	t := g.s.estate.byID[g.tenant]
	if t == nil || t.kind != kindApp {
		return nil
	}
	var out []kqlRow
	for _, m := range t.managementGroups() {
		parent := map[string]any{}
		if m.parent != "" {
			parent = map[string]any{"id": groupPath(m.parent), "name": m.parent}
		}
		row := plainRow(groupPath(m.id), m.id, "microsoft.management/managementgroups", "", "", nil,
			map[string]any{"displayName": m.name, "tenantId": t.id, "details": map[string]any{"parent": parent, "version": int64(1)}}, nil)
		row[3] = t.id
		out = append(out, row)
	}
	return out
}

func groupPath(id string) string { return "/providers/Microsoft.Management/managementGroups/" + id }

var managementVersions = []string{"2021-04-01", "2020-05-01", "2023-04-01"}

// listManagementGroups answers GET /providers/Microsoft.Management/managementGroups: nothing for the
// managing tenant, whose application has no role on any.
func (s *Server) listManagementGroups(c *call) {
	p, ok := s.groupReader(c)
	if !ok {
		return
	}
	items := []any{}
	if t := s.estate.byID[p.tenantID]; t.kind == kindApp {
		for _, m := range t.managementGroups() {
			items = append(items, map[string]any{"id": groupPath(m.id), "name": m.id, "type": "Microsoft.Management/managementGroups", "properties": map[string]any{"tenantId": t.id, "displayName": m.name}})
		}
	}
	s.listPage(c, "/providers/Microsoft.Management/managementGroups", items, "groups/"+p.tenantID, s.opt.ARMPageSize)
}

func (s *Server) groupReader(c *call) (principal, bool) {
	return s.armReadOf(c, managementVersions, "x-ms-ratelimit-remaining-tenant-reads")
}

// listDescendants answers GET .../managementGroups/{id}/descendants: all groups and subscriptions below.
func (s *Server) listDescendants(c *call) {
	p, ok := s.groupReader(c)
	if !ok {
		return
	}
	t, id := s.estate.byID[p.tenantID], strings.ToLower(c.path[3])
	all := t.managementGroups()
	if t.kind != kindApp || !slices.ContainsFunc(all, func(m managementGroup) bool { return m.id == id }) {
		c.fail(http.StatusForbidden, "AuthorizationFailed", "The client '"+p.appID+"' with object id '"+p.objectID+"' does not have authorization to perform action 'Microsoft.Management/managementGroups/descendants/read' over scope '"+groupPath(c.path[3])+"' or the scope is invalid. If access was recently granted, please refresh your credentials.")
		return
	}
	items := []any{}
	below := []string{id}
	for _, m := range all { // parents come before their children
		if slices.Contains(below, m.parent) {
			below = append(below, m.id)
			items = append(items, descendant(groupPath(m.id), "Microsoft.Management/managementGroups", m.id, m.name, m.parent))
		}
	}
	for _, sub := range t.subs {
		if slices.Contains(below, sub.groupOf()) && sub.state != stateDeleted && !s.isDenied(sub) {
			items = append(items, descendant("/subscriptions/"+sub.id, "/subscriptions", sub.id, sub.name, sub.groupOf()))
		}
	}
	s.listPage(c, groupPath(c.path[3])+"/descendants", items, "descendants/"+id, s.opt.ARMPageSize)
}

func descendant(id, kind, name, display, parent string) map[string]any {
	return map[string]any{"id": id, "type": kind, "name": name, "properties": map[string]any{"displayName": display, "parent": map[string]any{"id": groupPath(parent)}}}
}
