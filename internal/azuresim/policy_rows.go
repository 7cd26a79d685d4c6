package azuresim

import (
	"slices"
	"strings"
	"time"
)

// stateWeight is the rank by which Microsoft reduces the states of a resource to one.
func stateWeight(state string) int64 {
	switch state {
	case stateNonCompliant:
		return 300
	case stateCompliant:
		return 200
	case stateConflict:
		return 100
	case stateExempt:
		return 50
	default:
		return 0
	}
}

// lazyState builds the properties of a state once somebody looks at all of them. Who asks for one by
// name gets it without the others.
type lazyState struct {
	p     *policies
	s     policyState
	built map[string]any
}

// lazyText is a column of a state that is a text.
type lazyText struct {
	l    *lazyState
	name bool // else the id
}

func (l *lazyText) force() any {
	if l.name {
		return l.l.s.name()
	}
	return l.l.s.id()
}

func (l *lazyState) force() any {
	if l.built == nil {
		l.built = make(map[string]any, len(stateFields))
		for k, f := range stateFields {
			l.built[k] = f(l.p, &l.s)
		}
	}
	return l.built
}

func (l *lazyState) child(key string) any {
	if f := stateFields[key]; f != nil {
		return f(l.p, &l.s)
	}
	return nil
}

// stateFields are the properties of a state. Ids are in lower case, as Azure keeps them.
var stateFields = map[string]func(p *policies, s *policyState) any{
	"resourceId":                  func(_ *policies, s *policyState) any { return strings.TrimSuffix(s.t.prefix, stateSuffix) },
	"resourceType":                func(_ *policies, s *policyState) any { return s.t.armKind() },
	"resourceLocation":            func(_ *policies, s *policyState) any { return s.t.location },
	"resourceGroup":               func(_ *policies, s *policyState) any { return s.t.group },
	"resourceTags":                func(_ *policies, _ *policyState) any { return "tbd" },
	"subscriptionId":              func(p *policies, _ *policyState) any { return p.w.sub.id },
	"complianceState":             func(_ *policies, s *policyState) any { return s.state },
	"complianceReasonCode":        func(_ *policies, _ *policyState) any { return "" },
	"stateWeight":                 func(_ *policies, s *policyState) any { return stateWeight(s.state) },
	"isDeleted":                   func(_ *policies, _ *policyState) any { return false },
	"timestamp":                   func(_ *policies, s *policyState) any { return wireTime(s.at) },
	"managementGroupIds":          func(p *policies, _ *policyState) any { return p.groupIDs() },
	"policyAssignmentId":          func(_ *policies, s *policyState) any { return strings.ToLower(s.c.a.id) },
	"policyAssignmentName":        func(_ *policies, s *policyState) any { return s.c.a.name },
	"policyAssignmentOwner":       func(_ *policies, _ *policyState) any { return "tbd" },
	"policyAssignmentScope":       func(_ *policies, s *policyState) any { return s.c.a.scope },
	"policyAssignmentParameters":  func(_ *policies, s *policyState) any { return jsonText(s.c.a.parameters()) },
	"policyAssignmentVersion":     func(_ *policies, _ *policyState) any { return "" },
	"policyDefinitionId":          func(p *policies, s *policyState) any { return strings.ToLower(s.c.r.def.id(p.w.sub.tenant)) },
	"policyDefinitionName":        func(_ *policies, s *policyState) any { return s.c.r.def.guid() },
	"policyDefinitionAction":      func(_ *policies, s *policyState) any { return strings.ToLower(s.c.r.act()) },
	"policyDefinitionCategory":    func(_ *policies, s *policyState) any { return strings.ToLower(s.c.r.def.category) },
	"policyDefinitionReferenceId": func(_ *policies, s *policyState) any { return strings.ToLower(s.c.r.ref) },
	"policyDefinitionVersion":     func(_ *policies, s *policyState) any { return s.c.r.def.ver() },
	"policyDefinitionGroupNames":  func(_ *policies, s *policyState) any { return lowerList(s.c.r.groups) },
	"policySetDefinitionId":       func(p *policies, s *policyState) any { return strings.ToLower(s.setID(p.w.sub.tenant)) },
	"policySetDefinitionName":     func(_ *policies, s *policyState) any { return s.setText(func(x *policySet) string { return x.name }) },
	"policySetDefinitionCategory": func(_ *policies, s *policyState) any {
		return strings.ToLower(s.setText(func(x *policySet) string { return x.category }))
	},
	"policySetDefinitionOwner":      func(_ *policies, _ *policyState) any { return "" },
	"policySetDefinitionParameters": func(_ *policies, _ *policyState) any { return "" },
	"policySetDefinitionVersion": func(_ *policies, s *policyState) any {
		return s.setText(func(x *policySet) string { return x.version })
	},
	"policyExemptionIds": func(_ *policies, s *policyState) any {
		if s.exempt == nil {
			return []any{}
		}
		return []any{strings.ToLower(s.exempt.id)}
	},
	"effectiveParameters": func(_ *policies, _ *policyState) any { return "" },
}

func lowerList(list []string) []any {
	out := make([]any, len(list))
	for i, t := range list {
		out[i] = strings.ToLower(t)
	}
	return out
}

func (s *policyState) setID(t *tenant) string {
	if s.c.a.set == nil {
		return ""
	}
	return s.c.a.set.id(t)
}

func (s *policyState) setText(f func(*policySet) string) string {
	if s.c.a.set == nil {
		return ""
	}
	return f(s.c.a.set)
}

// groupIDs are the management groups above a subscription, the nearest first.
func (p *policies) groupIDs() string {
	var ids []string
	for _, g := range p.w.sub.groupChain() {
		ids = append(ids, g.id)
	}
	return strings.Join(ids, ",")
}

// stateRow is a state in the table policyresources.
func (p *policies) stateRow(s policyState) kqlRow {
	l := &lazyState{p: p, s: s}
	row := plainRow("", "", "microsoft.policyinsights/policystates", s.t.group, s.t.location, p.w.sub, l, nil)
	row[0], row[1] = &lazyText{l: l}, &lazyText{l: l, name: true}
	return row
}

// parameters are an assignment's.
func (a *policyAssignment) parameters() map[string]any {
	out := map[string]any{}
	if a.set != nil {
		return out
	}
	r := a.refs[0]
	if r.effect != "" {
		out["effect"] = map[string]any{"value": r.effect}
	}
	if r.def == builtinPolicies["locations"] {
		out["listOfAllowedLocations"] = map[string]any{"value": []any{"westeurope", "northeurope", "germanywestcentral"}}
	}
	return out
}

// properties are an assignment's, as Azure gives them.
func (a *policyAssignment) properties(t *tenant) map[string]any {
	out := map[string]any{
		"description": "", "scope": a.scope, "notScopes": textList(a.notScopes), "enforcementMode": a.enforce, "parameters": a.parameters(),
		"instanceId": guid(mix(label(a.id), 9)), "metadata": map[string]any{"assignedBy": "Cloud Platform", "createdOn": wireTime(a.created), "updatedOn": nil}, "nonComplianceMessages": []any{},
	}
	if a.display != "" {
		out["displayName"] = a.display
	}
	if a.set != nil {
		out["policyDefinitionId"], out["definitionVersion"] = a.set.id(t), a.set.version[:1]+".*.*"
	} else {
		out["policyDefinitionId"], out["definitionVersion"] = a.refs[0].def.id(t), a.refs[0].def.ver()[:1]+".*.*"
	}
	category := a.refs[0].def.category
	if a.set != nil {
		category = a.set.category
	}
	put(out, "metadata.category", category)
	if a.set != nil && a.set.version[1] != '.' {
		out["definitionVersion"] = a.set.version[:strings.IndexByte(a.set.version, '.')] + ".*.*"
	}
	return out
}

// scopeRow is the row of what is defined at a scope: an assignment, an exemption or a definition.
func scopeRow(id, kind, group string, sub *subscription, tenant string, properties map[string]any) kqlRow {
	low := strings.ToLower(id)
	row := plainRow(low, id[strings.LastIndexByte(id, '/')+1:], kind, group, "", sub, properties, nil)
	row[3] = tenant
	return row
}

// policyRows are a subscription's rows: its own assignments and exemptions, and all states.
func (p *policies) policyRows(at time.Time) []kqlRow {
	var out []kqlRow
	sub := p.w.sub
	group := func(scope string) string {
		if _, rest, ok := strings.Cut(strings.ToLower(scope), "/resourcegroups/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			return name
		}
		return ""
	}
	for _, a := range p.assignments {
		if a.level > 0 && a.inForce(at) {
			row := scopeRow(a.id, "microsoft.authorization/policyassignments", group(a.scope), sub, sub.tenant.id, a.properties(sub.tenant))
			if more := a.identityWire(sub.tenant); more != nil {
				row[5], row[13] = more["location"], more["identity"]
			}
			out = append(out, row)
		}
	}
	for _, x := range p.exemptions {
		if !strings.HasPrefix(x.scope, "/providers/") && !at.Before(x.created) {
			out = append(out, scopeRow(x.id, "microsoft.authorization/policyexemptions", group(x.scope), sub, sub.tenant.id, x.properties()))
		}
	}
	slices.SortFunc(out, func(a, b kqlRow) int { return strings.Compare(kqlText(a[0]), kqlText(b[0])) })
	return p.withStates(out, at)
}

// withStates puts states among other rows by id, both in order.
func (p *policies) withStates(rows []kqlRow, at time.Time) []kqlRow {
	states := p.states(at)
	out := make([]kqlRow, 0, len(rows)+len(states))
	for _, s := range states {
		for len(rows) > 0 && kqlText(rows[0][0]) < s.t.prefix { // no other id begins with it
			out = append(out, rows[0])
			rows = rows[1:]
		}
		out = append(out, p.stateRow(s))
	}
	return append(out, rows...)
}
