package azuresim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// TestPolicyLinks wants everything that a state names to be listed for the tenant's own application, and a
// name and a category for each.
func TestPolicyLinks(t *testing.T) {
	c := start(t, azuresim.Options{PolicyStates: 1500})
	_, token := c.ownTenant()
	listed := map[string]map[string]any{}
	body := c.graphBody("policyresources | where type startswith 'microsoft.authorization/' | project id, type, properties | order by id asc", map[string]any{"authorizationScopeFilter": "AtScopeAboveAndBelow", "resultFormat": "objectArray"})
	v, a := c.graph(token, body)
	if a.status != 200 || v.TotalRecords != len(v.Data) {
		t.Fatalf("%d, %d rows of %d", a.status, len(v.Data), v.TotalRecords)
	}
	for _, r := range v.Data {
		p, _ := r["properties"].(map[string]any)
		listed[strings.ToLower(fmt.Sprint(r["id"]))] = p
		if kind := fmt.Sprint(r["type"]); strings.HasSuffix(kind, "definitions") {
			m, _ := p["metadata"].(map[string]any)
			if fmt.Sprint(p["displayName"]) == "" || fmt.Sprint(m["category"]) == "" {
				t.Errorf("%v", r)
			}
		}
	}
	missing := map[string]int{}
	states := c.askAs(token, "policyresources | where type == 'microsoft.policyinsights/policystates' | project id, a = tostring(properties.policyAssignmentId), d = tostring(properties.policyDefinitionId), s = tostring(properties.policySetDefinitionId), x = properties.policyExemptionIds")
	for _, r := range states {
		ids := []string{fmt.Sprint(r["a"]), fmt.Sprint(r["d"])}
		if r["s"] != "" {
			ids = append(ids, fmt.Sprint(r["s"]))
		}
		list, _ := r["x"].([]any)
		for _, x := range list {
			ids = append(ids, fmt.Sprint(x))
		}
		for _, id := range ids {
			if listed[id] == nil {
				missing[id]++
			}
		}
	}
	if len(missing) > 0 || len(states) < 3000 {
		t.Errorf("%d states; not listed: %v", len(states), missing)
	}
}

// TestPolicyPagesFaults wants large tables to break as the small ones do.
func TestPolicyPagesFaults(t *testing.T) {
	c := start(t, azuresim.Options{})
	const query = "policyresources | where type == 'microsoft.policyinsights/policystates' | project id, subscriptionId | order by id asc"
	options := func(more map[string]any) string { return c.graphBody(query, more) }
	whole, _ := c.graph(c.token, options(nil))
	fault := func(f azuresim.Fault) {
		t.Helper()
		f.API = "resourcegraph"
		if err := c.sim.SetFaults([]azuresim.Fault{f}); err != nil {
			t.Fatal(err)
		}
	}
	fault(azuresim.Fault{Kind: "truncated", Times: 1})
	if v, _ := c.graph(c.token, options(nil)); v.ResultTruncated != "true" || v.SkipToken != "" || len(v.Data) != 500 {
		t.Errorf("%s, %d rows", v.ResultTruncated, len(v.Data))
	}
	fault(azuresim.Fault{Kind: "duplicates"})
	second, _ := c.graph(c.token, options(map[string]any{"$skipToken": whole.SkipToken}))
	if len(second.Data) != 1001 || second.Data[0]["id"] != whole.Data[999]["id"] {
		t.Errorf("%d rows, the first %v", len(second.Data), second.Data[0])
	}
	sub := whole.Data[0]["subscriptionId"]
	fault(azuresim.Fault{Kind: "absent", Subscription: fmt.Sprint(sub), Times: 1})
	if v, _ := c.graph(c.token, options(nil)); v.Data[0]["subscriptionId"] == sub || v.TotalRecords >= whole.TotalRecords {
		t.Errorf("%d records of %d", v.TotalRecords, whole.TotalRecords)
	}
	fault(azuresim.Fault{Kind: "empty", Times: 1})
	v, _ := c.graph(c.token, options(nil))
	if len(v.Data) != 0 || v.SkipToken == "" {
		t.Errorf("%d rows", len(v.Data))
	}
	if v, _ = c.graph(c.token, options(map[string]any{"$skipToken": v.SkipToken})); len(v.Data) != 1000 || v.Data[0]["id"] != whole.Data[0]["id"] {
		t.Errorf("%d rows after the empty page", len(v.Data))
	}
	// a page shows the instant of the first one, however much time passes
	_ = c.sim.SetFaults(nil)
	c.clock.Advance(40 * 24 * time.Hour)
	if later, _ := c.graph(c.token, options(map[string]any{"$skipToken": whole.SkipToken})); later.TotalRecords != whole.TotalRecords || later.Data[0]["id"] != second.Data[1]["id"] {
		t.Errorf("%d records, then %d", whole.TotalRecords, later.TotalRecords)
	}
	// sorted in another way the rows are the same
	var ids, back []string
	for _, r := range c.askAs(c.token, query) {
		ids = append(ids, fmt.Sprint(r["id"]))
	}
	for _, r := range c.askAs(c.token, strings.Replace(query, "id asc", "id desc", 1)) {
		back = append(back, fmt.Sprint(r["id"]))
	}
	slices.Reverse(back)
	if !slices.Equal(ids, back) {
		t.Errorf("%d rows, %d backwards", len(ids), len(back))
	}
}
