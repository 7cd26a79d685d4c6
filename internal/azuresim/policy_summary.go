package azuresim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// summary counts the states of something: its resources, policies and groups, each by the strongest of
// its states.
type summary struct{ resources, policies, groups map[string]string }

func newSummary() *summary {
	return &summary{map[string]string{}, map[string]string{}, map[string]string{}}
}

func stronger(m map[string]string, key, state string) {
	if old, ok := m[key]; !ok || stateWeight(state) > stateWeight(old) {
		m[key] = state
	}
}

func (s *summary) add(r *stateRecord) {
	stronger(s.resources, r.s.t.prefix, r.s.state)
	stronger(s.policies, r.s.c.a.id+"|"+r.s.c.r.ref+"|"+r.s.c.r.def.guid(), r.s.state)
	for _, g := range r.s.c.r.groups {
		stronger(s.groups, r.s.c.a.id+"|"+g, r.s.state)
	}
}

// summaryStates are the states in the order of the answer.
var summaryStates = []string{stateCompliant, stateNonCompliant, stateConflict, stateExempt, stateUnknown}

func details(m map[string]string) []any {
	out := []any{}
	for _, state := range summaryStates {
		n := 0
		for _, s := range m {
			if s == state {
				n++
			}
		}
		if n > 0 {
			out = append(out, map[string]any{"complianceState": strings.ToLower(state), "count": n})
		}
	}
	return out
}

func count(m map[string]string, state string) int {
	n := 0
	for _, s := range m {
		if s == state {
			n++
		}
	}
	return n
}

// results is a summary as Azure gives it; that of a definition does not count policies.
func (s *summary) results(uri string, ofPolicy bool) map[string]any {
	out := map[string]any{
		"queryResultsUri": uri, "nonCompliantResources": count(s.resources, stateNonCompliant),
		"resourceDetails": details(s.resources), "policyDetails": details(s.policies), "policyGroupDetails": details(s.groups),
	}
	if !ofPolicy {
		out["nonCompliantPolicies"] = count(s.policies, stateNonCompliant)
	}
	return out
}

// assignmentSummary is an assignment's with its parts.
type assignmentSummary struct {
	*summary
	first  *stateRecord
	checks []*checkSummary
	groups []*groupSummary
}

type checkSummary struct {
	*summary
	r *stateRecord
}

type groupSummary struct {
	*summary
	name string
}

// summarizeStates answers POST .../summarize. Resources are distinct in every number, so that the whole is
// not the sum of its assignments. $top is of assignments.
func (s *Server) summarizeStates(c *call, g governed, q *insightsQuery) {
	total := newSummary()
	var list []*assignmentSummary
	byID := map[string]*assignmentSummary{}
	s.each(q, c.at, func(r *stateRecord) {
		total.add(r)
		a := byID[r.s.c.a.id]
		if a == nil {
			a = &assignmentSummary{summary: newSummary(), first: r}
			byID[r.s.c.a.id] = a
			list = append(list, a)
		}
		a.take(r)
	})
	slices.SortFunc(list, func(a, b *assignmentSummary) int {
		x, y := count(a.resources, stateNonCompliant), count(b.resources, stateNonCompliant)
		if x != y {
			return y - x
		}
		return strings.Compare(a.first.s.c.a.id, b.first.s.c.a.id)
	})
	if q.top >= 0 {
		list = list[:min(q.top, len(list))]
	}
	assignments := []any{}
	for _, a := range list {
		assignments = append(assignments, a.wire(s, g, q))
	}
	context := s.statesPath(g) + "$metadata#summary"
	c.json(http.StatusOK, map[string]any{"@odata.context": context, "@odata.count": 1, "value": []any{map[string]any{
		"@odata.id": nil, "@odata.context": context + "/$entity", "results": total.results(s.resultsURI(g, q, ""), false), "policyAssignments": assignments,
	}}})
}

func (a *assignmentSummary) take(r *stateRecord) {
	a.add(r)
	i := slices.IndexFunc(a.checks, func(c *checkSummary) bool { return c.r.s.c.key == r.s.c.key })
	if i < 0 {
		i = len(a.checks)
		a.checks = append(a.checks, &checkSummary{newSummary(), r})
	}
	a.checks[i].add(r)
	for _, name := range r.s.c.r.groups {
		i := slices.IndexFunc(a.groups, func(g *groupSummary) bool { return g.name == name })
		if i < 0 {
			i = len(a.groups)
			a.groups = append(a.groups, &groupSummary{newSummary(), name})
		}
		a.groups[i].add(r)
	}
}

func (a *assignmentSummary) wire(s *Server, g governed, q *insightsQuery) map[string]any {
	id := strings.ToLower(a.first.s.c.a.id)
	only := " and PolicyAssignmentId eq '" + id + "'"
	definitions, groups := []any{}, []any{}
	for _, c := range a.checks {
		def := strings.ToLower(c.r.s.c.r.def.id(c.r.p.w.sub.tenant))
		definitions = append(definitions, map[string]any{
			"policyDefinitionId": def, "policyDefinitionReferenceId": strings.ToLower(c.r.s.c.r.ref), "effect": strings.ToLower(c.r.s.c.r.act()),
			"policyDefinitionGroupNames": lowerList(c.r.s.c.r.groups), "results": c.results(s.resultsURI(g, q, only+" and PolicyDefinitionId eq '"+def+"'"), true),
		})
	}
	for _, k := range a.groups {
		groups = append(groups, map[string]any{"policyGroupName": strings.ToLower(k.name), "results": k.results(s.resultsURI(g, q, only+" and '"+strings.ToLower(k.name)+"' IN PolicyDefinitionGroupNames"), false)})
	}
	return map[string]any{
		"policyAssignmentId": id, "policySetDefinitionId": strings.ToLower(a.first.s.setID(a.first.p.w.sub.tenant)),
		"results": a.results(s.resultsURI(g, q, only), false), "policyDefinitions": definitions, "policyGroups": groups,
	}
}

// resultsURI is where the records behind a number are.
func (s *Server) resultsURI(g governed, q *insightsQuery, filter string) string {
	const layout = "2006-01-02 15:04:05Z"
	return s.statesPath(g) + "latest/queryResults?api-version=" + insightsVersions[0] + "&$from=" + url.QueryEscape(q.from.Format(layout)) + "&$to=" + url.QueryEscape(q.to.Format(layout)) +
		"&$filter=" + url.QueryEscape("IsCompliant eq false"+filter)
}
