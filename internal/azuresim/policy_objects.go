package azuresim

import (
	"maps"
	"net/http"
	"strings"
)

var policyVersions = []string{"2025-03-01", "2025-01-01", "2024-05-01", "2024-04-01", "2023-04-01", "2022-06-01", "2021-06-01", "2022-07-01-preview", "2020-09-01"}

// policyObjects answers GET of policyAssignments, policyDefinitions, policySetDefinitions and
// policyExemptions, of all of a scope or of one.
func (s *Server) policyObjects(c *call, g governed) {
	p, ok := s.armReadOf(c, policyVersions, "x-ms-ratelimit-remaining-subscription-reads")
	if !ok {
		return
	}
	kind := strings.ToLower(g.rest[0])
	action := "Microsoft.Authorization/" + g.rest[0] + "/read"
	switch {
	case g.mg != "" && !s.mayReadGroup(c, p, g.mg, action):
		return
	case g.mg == "" && c.subscription != "":
		if s.authorize(c, p, action) == nil {
			return
		}
	}
	things := s.policyThings(c, p, g, kind)
	if len(g.rest) == 2 {
		for _, t := range things {
			if strings.EqualFold(t.name(), g.rest[1]) && (kind != "policyassignments" || strings.EqualFold(t.id, c.r.URL.Path)) {
				c.json(http.StatusOK, t.wire())
				return
			}
		}
		code := map[string]string{"policyassignments": "PolicyAssignmentNotFound", "policydefinitions": "PolicyDefinitionNotFound", "policysetdefinitions": "PolicySetDefinitionNotFound"}[kind]
		if code == "" {
			code = "PolicyExemptionNotFound"
		}
		c.fail(http.StatusNotFound, code, "The policy object '"+g.rest[1]+"' could not be found.")
		return
	}
	items := []any{}
	for _, t := range things {
		items = append(items, t.wire())
	}
	s.listThings(c, items, 500)
}

// wire is a thing as ARM lists it.
func (t thing) wire() map[string]any {
	out := map[string]any{"id": t.id, "name": t.name(), "type": t.kind, "properties": t.properties}
	maps.Copy(out, t.more)
	return out
}

// identityWire is the identity with which an assignment deploys and modifies.
func (a *policyAssignment) identityWire(t *tenant) map[string]any {
	if !a.identity {
		return nil
	}
	return map[string]any{"location": "westeurope", "identity": map[string]any{"type": "SystemAssigned", "principalId": guid(label(a.id)), "tenantId": t.id}}
}

// policyThings are what a scope has, what it inherits from above included. With atScope() what is below
// is left out. Through Lighthouse the definitions of management groups cannot be read.
func (s *Server) policyThings(c *call, p principal, g governed, kind string) []thing {
	t := s.estate.byID[p.tenantID]
	if g.sub != nil {
		t = g.sub.tenant
	}
	own := p.tenantID == t.id && g.path != "/" // of the tenant without a scope there are only Microsoft's
	atScope := strings.Contains(strings.ToLower(queryValue(c.r, "$filter")), "atscope()")
	var out []thing
	switch kind {
	case "policydefinitions":
		for _, d := range s.estate.definitions() {
			if own || !d.custom {
				out = append(out, thing{d.id(t), "Microsoft.Authorization/policyDefinitions", "", d.properties(t), nil})
			}
		}
	case "policysetdefinitions":
		for _, set := range s.estate.initiatives() {
			if own || !set.custom {
				out = append(out, thing{set.id(t), "Microsoft.Authorization/policySetDefinitions", "", set.properties(t), nil})
			}
		}
	case "policyassignments":
		for _, a := range s.assignmentsOf(c, t, g) {
			if a.inForce(c.at) && (!atScope || a.level < 2) {
				out = append(out, thing{a.id, "Microsoft.Authorization/policyAssignments", "", a.properties(t), a.identityWire(t)})
			}
		}
	default:
		if g.sub == nil {
			break
		}
		for _, x := range s.policies(g.sub, c.at).exemptions {
			below := strings.HasPrefix(x.scope, "/subscriptions/") && strings.Count(x.scope, "/") > 2
			if !c.at.Before(x.created) && (!atScope || !below) {
				out = append(out, thing{x.id, "Microsoft.Authorization/policyExemptions", "", x.properties(), nil})
			}
		}
	}
	return out
}

// assignmentsOf are those of a scope and above it; of a subscription those of its groups, too.
func (s *Server) assignmentsOf(c *call, t *tenant, g governed) []*policyAssignment {
	if g.sub != nil {
		return s.policies(g.sub, c.at).assignments
	}
	var out []*policyAssignment
	for id := g.mg; id != ""; {
		parent := ""
		for _, m := range t.managementGroups() {
			if m.id == id {
				parent = m.parent
			}
		}
		for _, a := range s.estate.groupAssignments(t) {
			if a.scope == groupPath(id) {
				out = append(out, a)
			}
		}
		id = parent
	}
	return out
}
