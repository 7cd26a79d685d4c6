package azuresim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// TestPolicyFaults wants refusals, empty pages and broken answers as other APIs have them.
func TestPolicyFaults(t *testing.T) {
	c := start(t, azuresim.Options{})
	tenant, sub := c.delegated()
	path := statesPath("/subscriptions/"+sub.ID, "queryResults", "")
	fault := func(f azuresim.Fault) {
		t.Helper()
		f.API = "policyinsights"
		if err := c.sim.SetFaults([]azuresim.Fault{f}); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := c.records(c.token, path)
	fault(azuresim.Fault{Kind: "429", RetryAfterSeconds: 7, Times: 1, Subscription: sub.ID})
	if a := c.do("POST", path, c.token, ""); a.status != 429 || a.header.Get("Retry-After") != "7" {
		t.Errorf("%d %v", a.status, a.header)
	}
	fault(azuresim.Fault{Kind: "empty", Tenant: tenant.ID})
	if got, pages := c.records(c.token, path); len(got) != len(want) || pages != 2 {
		t.Errorf("%d records on %d pages", len(got), pages)
	}
	fault(azuresim.Fault{Kind: "reset", Times: 1})
	if _, err := c.try("POST", path, c.token, ""); err == nil {
		t.Error("a broken answer was whole")
	}
	_ = c.sim.SetFaults(nil)
	if err := c.sim.DenySubscription(sub.ID, true); err != nil {
		t.Fatal(err)
	}
	if a := c.do("POST", path, c.token, ""); a.status != 403 || a.code(t) != "AuthorizationFailed" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, table := range []string{"policyresources", "securityresources"} {
		if rows := c.askAs(c.token, table+" | where subscriptionId == '"+sub.ID+"' | project id"); len(rows) != 0 {
			t.Errorf("%d rows of %s", len(rows), table)
		}
	}
	unknown := 0
	for _, r := range c.compliance(azuresim.ComplianceQuery{By: []string{"tenant", "subscription"}}) {
		if r.Unregistered == 0 {
			continue
		}
		unknown++
		_, token := c.ownTenant()
		for i, x := range c.conn.Tenants {
			if x.ID == r.Tenant && x.ClientID != "" {
				token = c.mint(c.conn.Tenants[i].ClientID, "https://management.azure.com")
			}
		}
		if a := c.do("POST", statesPath("/subscriptions/"+r.Subscription, "summarize", ""), token, ""); a.status != 409 {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if unknown != 1 {
		t.Errorf("%d subscriptions are not registered", unknown)
	}
	harsh := start(t, azuresim.Options{Throttle: "real"})
	refused := 0
	for range 30 {
		if a := harsh.do("POST", statesPath("/subscriptions/"+sub.ID, "summarize", ""), harsh.token, ""); a.status == 429 && a.header.Get("Retry-After") != "" {
			refused++
		}
	}
	if refused < 5 {
		t.Errorf("%d requests were refused", refused)
	}
}

// TestPolicyObjects lists what is assigned, defined and exempt, page by page.
func TestPolicyObjects(t *testing.T) {
	c := start(t, azuresim.Options{})
	tenant, token := c.ownTenant()
	list := func(token, path string) (out []map[string]any, status int) {
		for path != "" {
			a := c.do("GET", path, token, "")
			var v struct {
				Value    []map[string]any
				NextLink string
			}
			_ = json.Unmarshal(a.body, &v)
			out, path, status = append(out, v.Value...), v.NextLink, a.status
		}
		return out, status
	}
	sub := tenant.Subscriptions[0]
	scope := "/subscriptions/" + sub.ID
	const version = "?api-version=2025-03-01"
	for kind, least := range map[string]int{"policyAssignments": 10, "policyDefinitions": 45, "policySetDefinitions": 4, "policyExemptions": 3} {
		path := scope + "/providers/Microsoft.Authorization/" + kind + version
		whole, status := list(token, path)
		paged, _ := list(token, path+"&$top=2")
		if status != 200 || len(whole) < least || len(paged) != len(whole) {
			t.Errorf("%s: %d, %d and %d", kind, status, len(whole), len(paged))
		}
		at, _ := list(token, path+odata("atScope()"))
		if kind == "policyAssignments" && len(at) >= len(whole) {
			t.Errorf("%d assignments at the scope, %d below", len(at), len(whole))
		}
		one, _ := whole[0]["id"].(string)
		if a := c.do("GET", strings.ReplaceAll(one, " ", "%20")+version, token, ""); a.status != 200 && kind != "policyExemptions" {
			t.Errorf("%s: %d %s", one, a.status, a.body)
		}
	}
	names := map[any]bool{}
	whole, _ := list(token, scope+"/providers/Microsoft.Authorization/policyAssignments"+version)
	for _, a := range whole {
		names[strings.ToLower(fmt.Sprint(a["id"]))] = true
	}
	for _, r := range c.compliance(azuresim.ComplianceQuery{Subscription: sub.ID, By: []string{"assignment"}}) {
		if !names[r.Assignment] {
			t.Errorf("%s is not listed", r.Assignment)
		}
	}
	if _, status := list(c.token, "/providers/Microsoft.Management/managementGroups/"+tenant.ID+"/providers/Microsoft.Authorization/policyDefinitions"+version); status != 403 {
		t.Errorf("through Lighthouse: %d", status)
	}
	if mine, _ := list(token, "/providers/Microsoft.Authorization/policyDefinitions"+version); len(mine) < 40 || fmt.Sprint(mine) == "" {
		t.Errorf("%d of Microsoft's", len(mine))
	}
	if _, status := list(c.token, "/subscriptions/"+sub.ID+"/providers/Microsoft.Authorization/policyAssignments"+version); status < 400 {
		t.Errorf("a foreign tenant: %d", status)
	}
}

// TestComplianceMoves lets time pass and wants every change explained, and the planted ones.
func TestComplianceMoves(t *testing.T) {
	c := start(t, azuresim.Options{})
	_, sub := c.delegated()
	states := func(id string, at time.Time) map[string]string {
		out := map[string]string{}
		c.sim.ComplianceResources(id, at, func(r azuresim.ComplianceResource) bool {
			for _, p := range r.Policies {
				out[r.Resource+"|"+r.Assignment+"|"+p.Definition+"|"+p.Reference] = p.State
			}
			return true
		})
		return out
	}
	from, to := noon, noon.Add(11*24*time.Hour+5*time.Hour)
	got, want := states(sub.ID, from), states(sub.ID, to)
	for _, e := range c.sim.ComplianceEvents(sub.ID, from, to) {
		key := e.Resource + "|" + e.Assignment + "|" + e.Definition + "|" + e.Reference
		if got[key] != e.From {
			t.Fatalf("%+v, it was %q", e, got[key])
		}
		if got[key] = e.To; e.To == "" {
			delete(got, key)
		}
	}
	for k, v := range want {
		if got[k] != v {
			t.Fatalf("%s is %q, want %q", k, got[k], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d states, want %d", len(got), len(want))
	}
	causes := map[string]int{}
	for _, e := range c.sim.ComplianceEvents("", from, to) {
		causes[e.Cause]++
	}
	for _, k := range []string{"assignmentAdded", "assignmentRemoved", "resourceAdded", "resourceRemoved", "drift", "fix", "exemptionAdded", "exemptionExpired"} {
		if causes[k] == 0 {
			t.Errorf("no %s in %v", k, causes)
		}
	}
	// the new assignment has states within half an hour, and lowers the percentage
	for _, e := range c.sim.ComplianceEvents("", from, to) {
		if e.Cause == "assignmentAdded" {
			before, after := c.compliance(azuresim.ComplianceQuery{At: e.At.Add(-time.Second), Subscription: e.Subscription})[0], c.compliance(azuresim.ComplianceQuery{At: e.At, Subscription: e.Subscription})[0]
			if after.Percentage >= before.Percentage {
				t.Errorf("%+v: %v, then %v", e, before.Percentage, after.Percentage)
			}
			break
		}
	}
	// every state was evaluated within a day, and the control paths say the same
	c.sim.ComplianceResources(sub.ID, noon, func(r azuresim.ComplianceResource) bool {
		for _, p := range r.Policies {
			if p.Evaluated.After(noon) || noon.Sub(p.Evaluated) > 24*time.Hour {
				t.Errorf("%s was evaluated at %s", r.Resource, p.Evaluated)
			}
		}
		return true
	})
	var rows []azuresim.Compliance
	if err := json.Unmarshal(c.do("GET", "/sim/compliance?by=tenant,policy", "", "").body, &rows); err != nil || len(rows) < 100 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if a := c.do("GET", "/sim/compliance?by=colour", "", ""); a.status != 400 {
		t.Errorf("%d", a.status)
	}
	for path, least := range map[string]int{"/sim/compliance/resources?subscription=" + sub.ID: 50, "/sim/compliance/events?at=2026-12-04T17:00:00Z&from=2026-11-23T12:00:00Z&subscription=" + sub.ID: 20} {
		if n := strings.Count(string(c.do("GET", path, "", "").body), "\n"); n < least {
			t.Errorf("%s: %d lines", path, n)
		}
	}
	var exemptions []azuresim.Exemption
	if err := json.Unmarshal(c.do("GET", "/sim/exemptions", "", "").body, &exemptions); err != nil || !slices.ContainsFunc(exemptions, func(x azuresim.Exemption) bool { return x.Expired && x.States == 0 }) ||
		!slices.ContainsFunc(exemptions, func(x azuresim.Exemption) bool { return !x.Expired && x.Expires != nil && x.States > 0 }) {
		t.Errorf("%d exemptions, %v", len(exemptions), err)
	}
}

// TestDeletedResourceHasNoStates deletes a resource that an exemption is about: its states go, and the
// exemption stays as it is.
func TestDeletedResourceHasNoStates(t *testing.T) {
	c := start(t, azuresim.Options{})
	_, sub := c.delegated()
	target := ""
	count := func() (states, exemptions int) {
		for _, x := range c.sim.Exemptions(sub.ID, c.clock.Now()) {
			if strings.Contains(x.Scope, "/providers/Microsoft.Storage/") {
				target = x.Scope
				exemptions++
			}
		}
		c.sim.ComplianceResources(sub.ID, c.clock.Now(), func(r azuresim.ComplianceResource) bool {
			if strings.EqualFold(r.Resource, target) {
				states++
			}
			return true
		})
		return states, exemptions
	}
	states, exemptions := count()
	was := target
	if err := c.sim.DeleteResource(target); err != nil || states == 0 {
		t.Fatal(err, states)
	}
	c.clock.Advance(time.Minute)
	if after, same := count(); after != 0 || same != exemptions || target != was {
		t.Errorf("%d states, then %d; %d exemptions, then %d", states, after, exemptions, same)
	}
	for _, e := range c.sim.ComplianceEvents(sub.ID, noon.Add(-time.Second), c.clock.Now()) {
		if strings.EqualFold(e.Resource, target) && e.Cause != "resourceRemoved" {
			t.Errorf("%+v", e)
		}
	}
}
