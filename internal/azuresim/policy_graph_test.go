package azuresim_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// percentages is Microsoft's own query for the compliance of assignments.
const percentages = `policyresources
| where type =~ 'microsoft.policyinsights/policystates'
| extend complianceState = tostring(properties.complianceState)
| extend resourceId = tostring(properties.resourceId), policyAssignmentId = tostring(properties.policyAssignmentId),
  stateWeight = iff(complianceState == 'NonCompliant', int(300), iff(complianceState == 'Compliant', int(200), iff(complianceState == 'Conflict', int(100), iff(complianceState == 'Exempt', int(50), int(0)))))
| summarize max(stateWeight) by resourceId, policyAssignmentId, subscriptionId
| summarize counts = count() by policyAssignmentId, max_stateWeight, subscriptionId
| summarize nonCompliantCount = sumif(counts, max_stateWeight == 300), compliantCount = sumif(counts, max_stateWeight == 200),
  conflictCount = sumif(counts, max_stateWeight == 100), exemptCount = sumif(counts, max_stateWeight == 50), unknownCount = sumif(counts, max_stateWeight == 0) by policyAssignmentId, subscriptionId
| extend totalResources = todouble(nonCompliantCount + compliantCount + conflictCount + exemptCount)
| extend compliancePercentage = iff(totalResources == 0, todouble(100), 100 * todouble(compliantCount + exemptCount) / totalResources)`

func number(v any) int { f, _ := v.(float64); return int(f) }

func (c *client) compliance(q azuresim.ComplianceQuery) []azuresim.Compliance {
	c.t.Helper()
	rows, err := c.sim.Compliance(q)
	if err != nil {
		c.t.Fatal(err)
	}
	return rows
}

// TestCompliancePercentages asks Microsoft's query at several instants and holds the answer against the truth.
func TestCompliancePercentages(t *testing.T) {
	c := start(t, azuresim.Options{MarkupNames: true})
	for _, after := range []time.Duration{0, 37 * time.Hour, 5 * 24 * time.Hour} {
		c.clock.Freeze(noon.Add(after))
		want := map[string]azuresim.Compliance{}
		empty := 0
		for _, r := range c.compliance(azuresim.ComplianceQuery{By: []string{"subscription", "assignment"}}) {
			want[r.Subscription+r.Assignment] = r
			if r.States == 0 {
				empty++
				if r.Percentage != 100 || r.Denominator != 0 {
					t.Errorf("%+v", r)
				}
			}
		}
		rows := c.ask(percentages)
		var sum azuresim.Compliance
		for _, r := range rows {
			w := want[fmt.Sprint(r["subscriptionId"], r["policyAssignmentId"])]
			if w.NonCompliant != number(r["nonCompliantCount"]) || w.Compliant != number(r["compliantCount"]) || w.Conflict != number(r["conflictCount"]) || w.Exempt != number(r["exemptCount"]) ||
				w.Unknown != number(r["unknownCount"]) {
				t.Fatalf("%v, want %+v", r, w)
			}
			if p, _ := r["compliancePercentage"].(float64); math.Abs(p-w.Percentage) > 1e-9 {
				t.Errorf("%v, want %+v", r, w)
			}
			sum.Compliant += w.Compliant
			sum.NonCompliant += w.NonCompliant
			sum.Conflict += w.Conflict
			sum.Exempt += w.Exempt
			sum.Unknown += w.Unknown
		}
		if len(rows)+empty != len(want) || empty == 0 {
			t.Errorf("%d rows, %d in the truth, %d of them empty", len(rows), len(want), empty)
		}
		if min(sum.Compliant, sum.NonCompliant, sum.Conflict, sum.Exempt, 3*sum.Unknown) < 10 {
			t.Errorf("%+v", sum)
		}
	}
}

const allStates = "policyresources | where type == 'microsoft.policyinsights/policystates' | project id, subscriptionId, resourceId = tostring(properties.resourceId), state = tostring(properties.complianceState), " +
	"assignment = tostring(properties.policyAssignmentId), definition = tostring(properties.policyDefinitionId), ref = tostring(properties.policyDefinitionReferenceId), action = tostring(properties.policyDefinitionAction), properties | order by id asc"

// TestPolicyStates reads all pages of the states and holds each against the truth.
func TestPolicyStates(t *testing.T) {
	c := start(t, azuresim.Options{MarkupNames: true})
	type state struct{ state, action string }
	want := map[string]state{}
	c.sim.ComplianceResources("", noon, func(r azuresim.ComplianceResource) bool {
		for _, p := range r.Policies {
			want[r.Resource+"|"+r.Assignment+"|"+p.Definition+"|"+p.Reference] = state{p.State, p.Effect}
		}
		return true
	})
	rows := c.ask(allStates)
	seen := map[any]bool{}
	for _, r := range rows {
		key := fmt.Sprintf("%s|%s|%s|%s", r["resourceId"], r["assignment"], r["definition"], r["ref"])
		if w, ok := want[key]; !ok || w != (state{fmt.Sprint(r["state"]), fmt.Sprint(r["action"])}) {
			t.Fatalf("%s: %v, want %+v", key, r["state"], w)
		}
		delete(want, key)
		if id := fmt.Sprint(r["id"]); seen[r["id"]] || !strings.HasPrefix(id, fmt.Sprint(r["resourceId"], "/providers/microsoft.policyinsights/policystates/")) {
			t.Errorf("id %s", id)
		}
		seen[r["id"]] = true
	}
	if len(want) != 0 || len(rows) < 5000 {
		t.Errorf("%d rows, %d are missing", len(rows), len(want))
	}
	properties, _ := rows[0]["properties"].(map[string]any)
	for _, k := range []string{"complianceState", "policyAssignmentName", "policyAssignmentScope", "policyDefinitionCategory", "policySetDefinitionId", "resourceType", "resourceLocation", "timestamp", "stateWeight", "managementGroupIds"} {
		if _, ok := properties[k]; !ok {
			t.Errorf("%s is missing in %v", k, properties)
		}
	}
	// the same page by page in any size, and counted
	_, sub := c.delegated()
	body := func(options map[string]any) (graphAnswer, answer) {
		return c.graph(c.token, c.graphBody(allStates, options))
	}
	whole, _ := body(map[string]any{"resultFormat": "objectArray"})
	var ids []string
	options := map[string]any{"resultFormat": "objectArray", "$top": 137}
	for {
		v, _ := body(options)
		if v.TotalRecords != whole.TotalRecords {
			t.Fatalf("%d records, want %d", v.TotalRecords, whole.TotalRecords)
		}
		for _, r := range v.Data {
			ids = append(ids, fmt.Sprint(r["id"]))
		}
		if options["$skipToken"] = v.SkipToken; v.SkipToken == "" {
			break
		}
	}
	if len(ids) != whole.TotalRecords || !slices.IsSorted(ids) || len(slices.Compact(ids)) != whole.TotalRecords {
		t.Errorf("%d ids of %d", len(ids), whole.TotalRecords)
	}
	n := 0
	for _, r := range c.askAs(c.token, "policyresources | where type =~ 'Microsoft.PolicyInsights/PolicyStates' | summarize n = count() by state = tostring(properties.complianceState), subscriptionId") {
		if r["subscriptionId"] == sub.ID {
			n += number(r["n"])
		}
	}
	if one := c.compliance(azuresim.ComplianceQuery{Subscription: sub.ID}); one[0].States != n {
		t.Errorf("%d states, want %d", n, one[0].States)
	}
}

// TestPolicyNames finds every assignment and definition of a tenant of its own by name, and through
// Lighthouse what it may see.
func TestPolicyNames(t *testing.T) {
	c := start(t, azuresim.Options{})
	count := func(token, kind string, options map[string]any) int {
		v, a := c.graph(token, c.graphBody("policyresources | where type == '"+kind+"' | project id, properties", options))
		if a.status != 200 {
			t.Fatal(string(a.body))
		}
		return v.TotalRecords
	}
	var own azuresim.ConnectionTenant
	for _, x := range c.conn.Tenants {
		if x.ClientID != "" {
			own = x
			break
		}
	}
	token := c.mint(own.ClientID, "https://management.azure.com")
	const assignments, definitions = "microsoft.authorization/policyassignments", "microsoft.authorization/policydefinitions"
	above := map[string]any{"authorizationScopeFilter": "AtScopeAboveAndBelow"}
	if a, b := count(token, assignments, nil), count(token, assignments, above); a < 10 || b <= a {
		t.Errorf("%d and %d assignments", a, b)
	}
	if a, b := count(c.token, assignments, nil), count(c.token, assignments, above); a < 10 || b != a {
		t.Errorf("%d and %d assignments through Lighthouse", a, b)
	}
	if a, b := count(token, definitions, nil), count(c.token, definitions, nil); a < 45 || b >= a {
		t.Errorf("%d definitions, %d through Lighthouse", a, b)
	}
	if n := count(token, "microsoft.authorization/policysetdefinitions", nil); n != 4 {
		t.Errorf("%d initiatives", n)
	}
	want := 0
	for _, x := range c.sim.Exemptions("", noon) {
		if x.Tenant == own.ID && strings.HasPrefix(x.Scope, "/subscriptions/") {
			want++
		}
	}
	if n := count(token, "microsoft.authorization/policyexemptions", nil); n != want || n < 5 {
		t.Errorf("%d exemptions, want %d", n, want)
	}
}
