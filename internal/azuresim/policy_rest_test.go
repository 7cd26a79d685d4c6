package azuresim_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fresnel/internal/azuresim"
)

func statesPath(scope, what, query string) string {
	return scope + "/providers/Microsoft.PolicyInsights/policyStates/latest/" + what + "?api-version=2024-10-01" + query
}

type statesAnswer struct {
	Count    int              `json:"@odata.count"`
	NextLink string           `json:"@odata.nextLink"`
	Value    []map[string]any `json:"value"`
}

// records posts a query and follows its nextLinks.
func (c *client) records(token, path string) (out []map[string]any, pages int) {
	c.t.Helper()
	for path != "" {
		a := c.do("POST", path, token, "")
		var v statesAnswer
		if err := json.Unmarshal(a.body, &v); err != nil || a.status != 200 || v.Count != len(v.Value) {
			c.t.Fatalf("%s: %d %.300s %v", path, a.status, a.body, err)
		}
		out = append(out, v.Value...)
		pages++
		path = v.NextLink
	}
	return out, pages
}

func odata(filter string) string { return "&$filter=" + url.QueryEscape(filter) }

// fields are the names in a JSON value, by path; an array is its first element.
func fields(path string, v any, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			out[path+k] = true
			fields(path+k+".", e, out)
		}
	case []any:
		for _, e := range v {
			fields(path, e, out)
		}
	}
}

// ownTenant is a tenant with an application of its own, which sees management groups.
func (c *client) ownTenant() (azuresim.EstateTenant, string) {
	for i, x := range c.conn.Tenants {
		if x.ClientID != "" {
			return c.sim.Estate()[i], c.mint(x.ClientID, "https://management.azure.com")
		}
	}
	c.t.Fatal("no such tenant")
	return azuresim.EstateTenant{}, ""
}

// TestQueryResults reads states over REST: filters, choices, orders, groups and pages, as the examples have them.
func TestQueryResults(t *testing.T) {
	c := start(t, azuresim.Options{PolicyStates: 2500})
	_, sub := c.delegated()
	scope := "/subscriptions/" + sub.ID
	all, pages := c.records(c.token, statesPath(scope, "queryResults", ""))
	one := c.compliance(azuresim.ComplianceQuery{Subscription: sub.ID})[0]
	if len(all) != one.States || pages != (len(all)+999)/1000 || pages < 3 {
		t.Errorf("%d records on %d pages, want %d", len(all), pages, one.States)
	}
	bad := 0
	byAction, byPolicy := map[string]int{}, map[string]int{}
	for _, r := range all {
		if r["complianceState"] == "NonCompliant" {
			bad++
			byPolicy[fmt.Sprint(r["policyAssignmentId"], r["policyDefinitionId"], r["policyDefinitionReferenceId"])]++
		}
		byAction[fmt.Sprint(r["policyDefinitionAction"])]++
	}
	for filter, want := range map[string]int{
		"complianceState eq 'NonCompliant'": bad, "ComplianceState eq 'noncompliant' and PolicyDefinitionAction ne 'nothing'": bad, "not (complianceState eq 'NonCompliant')": len(all) - bad,
		"PolicyDefinitionAction eq 'deny' or PolicyDefinitionAction eq 'audit'": byAction["deny"] + byAction["audit"], "timestamp gt 2027-01-01T00:00:00Z": 0,
	} {
		if list, _ := c.records(c.token, statesPath(scope, "queryResults", odata(filter))); len(list) != want {
			t.Errorf("%s: %d, want %d", filter, len(list), want)
		}
	}
	groups, _ := c.records(c.token, statesPath(scope, "queryResults", odata("ComplianceState eq 'NonCompliant'")+"&$apply="+url.QueryEscape("groupby((PolicyAssignmentId, PolicySetDefinitionId, PolicyDefinitionId, PolicyDefinitionReferenceId, ResourceId))/groupby((PolicyAssignmentId, PolicySetDefinitionId, PolicyDefinitionId, PolicyDefinitionReferenceId), aggregate($count as NumNonCompliantResources))")+"&$orderby="+url.QueryEscape("NumNonCompliantResources desc")+"&$top=10"))
	if len(groups) != 10 || !slices.IsSortedFunc(groups, func(a, b map[string]any) int {
		return number(b["NumNonCompliantResources"]) - number(a["NumNonCompliantResources"])
	}) {
		t.Errorf("groups %v", groups)
	}
	for _, g := range groups {
		if want := byPolicy[fmt.Sprint(g["policyAssignmentId"], g["policyDefinitionId"], g["policyDefinitionReferenceId"])]; want != number(g["NumNonCompliantResources"]) {
			t.Errorf("%v, want %d", g, want)
		}
	}
	few, _ := c.records(c.token, statesPath(scope, "queryResults", "&$top=2&$orderby="+url.QueryEscape("Timestamp desc, PolicyAssignmentId asc, ResourceId")+"&$select="+url.QueryEscape("Timestamp, ResourceId, policyDefinitionGroupNames")))
	if len(few) != 2 || len(few[0]) != 5 || few[0]["timestamp"] == nil {
		t.Errorf("%v", few)
	}
	number1, _ := c.records(c.token, statesPath(scope, "queryResults", odata("PolicyDefinitionAction eq 'deny'")+"&$apply="+url.QueryEscape("aggregate($count as NumDenyStates)")))
	if len(number1) != 1 || number(number1[0]["NumDenyStates"]) != byAction["deny"] {
		t.Errorf("%v, want %d", number1, byAction["deny"])
	}
	for _, query := range []string{odata("Nothing eq 1"), odata("complianceState eq 'x"), odata("complianceState like 'x'"), "&$apply=sum(x)", "&$top=-1", "&$select=Nothing", "&$from=yesterday", "&$skiptoken=abc"} {
		if a := c.do("POST", statesPath(scope, "queryResults", query), c.token, ""); a.status != 400 {
			t.Errorf("%s: %d %.200s", query, a.status, a.body)
		}
	}
	var first statesAnswer
	_ = json.Unmarshal(c.do("POST", statesPath(scope, "queryResults", ""), c.token, "").body, &first)
	for _, path := range []string{statesPath(scope, "queryResults", ""), first.NextLink} {
		if a := c.do("GET", path, c.token, ""); a.status != 405 {
			t.Errorf("GET: %d", a.status)
		}
	}
	lenient := start(t, azuresim.Options{PolicyStates: 2500, PolicyGet: true})
	_ = json.Unmarshal(lenient.do("POST", statesPath(scope, "queryResults", ""), lenient.token, "").body, &first)
	if a := lenient.do("GET", first.NextLink, lenient.token, ""); a.status != 200 {
		t.Errorf("GET of a nextLink: %d", a.status)
	}
}

// TestSummarize wants distinct resources at every level, and the shape of the official examples.
func TestSummarize(t *testing.T) {
	c := start(t, azuresim.Options{})
	tenant, token := c.ownTenant()
	type results struct {
		NonCompliantResources, NonCompliantPolicies int
		ResourceDetails                             []struct {
			ComplianceState string
			Count           int
		}
		QueryResultsURI string `json:"queryResultsUri"`
	}
	type value struct {
		Results           results
		PolicyAssignments []struct {
			PolicyAssignmentID string `json:"policyAssignmentId"`
			Results            results
		}
	}
	ask := func(scope, query string) value {
		t.Helper()
		a := c.do("POST", statesPath(scope, "summarize", query), token, "")
		var v struct{ Value []value }
		if err := json.Unmarshal(a.body, &v); err != nil || a.status != 200 || len(v.Value) != 1 {
			t.Fatalf("%d %.300s %v", a.status, a.body, err)
		}
		return v.Value[0]
	}
	check := func(r results, w azuresim.Compliance) {
		t.Helper()
		want := map[string]int{"compliant": w.Compliant, "noncompliant": w.NonCompliant, "conflict": w.Conflict, "exempt": w.Exempt, "unknown": w.Unknown}
		for _, d := range r.ResourceDetails {
			if want[d.ComplianceState] != d.Count {
				t.Errorf("%+v, want %+v", r, w)
			}
			delete(want, d.ComplianceState)
		}
		for state, n := range want {
			if n != 0 {
				t.Errorf("%s is missing in %+v", state, r)
			}
		}
		if r.NonCompliantResources != w.NonCompliant {
			t.Errorf("%+v, want %+v", r, w)
		}
	}
	sub := tenant.Subscriptions[0]
	scope := "/subscriptions/" + sub.ID
	v := ask(scope, "")
	check(v.Results, c.compliance(azuresim.ComplianceQuery{Subscription: sub.ID})[0])
	truth := map[string]azuresim.Compliance{}
	for _, r := range c.compliance(azuresim.ComplianceQuery{Subscription: sub.ID, By: []string{"assignment"}}) {
		truth[r.Assignment] = r
	}
	sum := 0
	for _, a := range v.PolicyAssignments {
		check(a.Results, truth[a.PolicyAssignmentID])
		sum += a.Results.NonCompliantResources
		if list, _ := c.records(token, a.Results.QueryResultsURI); len(list) < a.Results.NonCompliantResources {
			t.Errorf("%d records of %d resources", len(list), a.Results.NonCompliantResources)
		}
	}
	if sum <= v.Results.NonCompliantResources {
		t.Error("assignments do not overlap")
	}
	if v := ask(scope, "&$top=1"); len(v.PolicyAssignments) != 1 || v.Results.NonCompliantResources <= v.PolicyAssignments[0].Results.NonCompliantResources {
		t.Errorf("%d assignments", len(v.PolicyAssignments))
	}
	if v := ask(scope, odata("'azure_security_benchmark_v3.0_dp-3' IN PolicyDefinitionGroupNames")); len(v.PolicyAssignments) != 1 {
		t.Errorf("%d assignments with a group", len(v.PolicyAssignments))
	}
	check(ask("/providers/Microsoft.Management/managementGroups/"+tenant.ID, "").Results, c.compliance(azuresim.ComplianceQuery{Tenant: tenant.ID})[0])
	if a := c.do("POST", statesPath("/providers/Microsoft.Management/managementGroups/"+tenant.ID, "summarize", ""), c.token, ""); a.status != 403 {
		t.Errorf("through Lighthouse: %d", a.status)
	}
	// no field of the examples is missing
	a := c.do("POST", statesPath(scope, "summarize", ""), token, "")
	b := c.do("POST", statesPath(scope, "queryResults", ""), token, "")
	for name, body := range map[string][]byte{"PolicyStates_Summarize": a.body, "PolicyStates_Query": b.body} {
		var got any
		_ = json.Unmarshal(body, &got)
		have := map[string]bool{}
		fields("", got, have)
		for _, want := range exampleFields(t, name) {
			if !have[want] {
				t.Errorf("%s lacks %s", name, want)
			}
		}
	}
}

// exampleFields are the names of the fields of an official example.
func exampleFields(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "policy", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}
