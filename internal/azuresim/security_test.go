package azuresim_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// TestSecureScore reads scores and controls through Resource Graph and REST and holds them against the truth.
func TestSecureScore(t *testing.T) {
	c := start(t, azuresim.Options{})
	type key struct{ sub, control string }
	want := map[key]azuresim.SecureScoreControl{}
	scores := map[string]azuresim.SecureScore{}
	unregistered := ""
	for _, s := range c.sim.SecureScores(noon) {
		if s.Subscription == "" {
			continue
		}
		if !s.Registered {
			unregistered = s.Subscription
			continue
		}
		scores[s.Subscription] = s
		for _, k := range s.Controls {
			want[key{s.Subscription, k.Name}] = k
		}
	}
	same := func(r map[string]any, current, most, percentage float64, weight int) {
		t.Helper()
		if r["current"] != current || r["max"] != most || r["percentage"] != percentage || number(r["weight"]) != weight {
			t.Errorf("%v, want %v of %v, %v, %d", r, current, most, percentage, weight)
		}
	}
	const rest = "| project id, name, subscriptionId, current = properties.score.current, most = properties.score.max, percentage = properties.score.percentage, weight = properties.weight, healthy = properties.healthyResourceCount, unhealthy = properties.unhealthyResourceCount"
	rows := c.ask("securityresources | where type == 'microsoft.security/securescores' " + rest)
	for _, r := range rows {
		r["max"] = r["most"]
		s := scores[fmt.Sprint(r["subscriptionId"])]
		same(r, s.Current, s.Max, s.Percentage, s.Weight)
		sum := 0.0
		for _, k := range s.Controls {
			if k.Weight > 0 {
				sum += k.Max * float64(k.Healthy) / float64(k.Weight)
			}
		}
		if s.Max == 0 || math.Abs(sum-s.Current) > 0.006 {
			t.Errorf("%v, controls give %v", s.Current, sum)
		}
	}
	if len(rows) != len(scores) || len(rows) < 10 {
		t.Errorf("%d scores, want %d", len(rows), len(scores))
	}
	rows = c.ask("securityresources | where type == 'microsoft.security/securescores/securescorecontrols' " + rest)
	for _, r := range rows {
		r["max"] = r["most"]
		k := want[key{fmt.Sprint(r["subscriptionId"]), fmt.Sprint(r["name"])}]
		same(r, k.Current, k.Max, k.Percentage, k.Weight)
		if number(r["healthy"]) != k.Healthy || number(r["unhealthy"]) != k.Unhealthy {
			t.Errorf("%v, want %+v", r, k)
		}
	}
	if len(rows) != len(want) {
		t.Errorf("%d controls, want %d", len(rows), len(want))
	}
	_, sub := c.delegated()
	get := func(path string) map[string]any {
		t.Helper()
		a := c.do("GET", "/subscriptions/"+sub.ID+"/providers/Microsoft.Security/"+path, c.token, "")
		var v map[string]any
		if err := json.Unmarshal(a.body, &v); err != nil || a.status != 200 {
			t.Fatalf("%s: %d %.300s", path, a.status, a.body)
		}
		return v
	}
	one := get("secureScores/ascScore?api-version=2020-01-01")
	if p, _ := one["properties"].(map[string]any); one["type"] != "Microsoft.Security/secureScores" || number(p["weight"]) != scores[sub.ID].Weight {
		t.Errorf("%v", one)
	}
	for path, least := range map[string]int{
		"secureScores?api-version=2020-01-01": 1, "secureScoreControls?api-version=2020-01-01": 12, "secureScores/ascScore/secureScoreControls?$expand=definition&api-version=2020-01-01": 12,
		"assessments?api-version=2025-05-04": 10, "regulatoryComplianceStandards?api-version=2019-01-01-preview": 1,
	} {
		list, _ := get(path)["value"].([]any)
		if len(list) < least {
			t.Errorf("%s: %d", path, len(list))
		}
	}
	if a := c.do("GET", "/subscriptions/"+unregistered+"/providers/Microsoft.Security/secureScores?api-version=2020-01-01", c.mint(c.appOf(unregistered), "https://management.azure.com"), ""); a.status != 404 || unregistered == "" {
		t.Errorf("%q: %d %s", unregistered, a.status, a.body)
	}
	// eight hours later something has moved
	moved := 0
	for _, s := range c.sim.SecureScores(noon.Add(20 * 24 * time.Hour)) {
		if s.Subscription != "" && s.Registered && s.Current != scores[s.Subscription].Current {
			moved++
		}
	}
	if moved == 0 {
		t.Error("no score moves in twenty days")
	}
	var list []azuresim.SecureScore
	if err := json.Unmarshal(c.do("GET", "/sim/securescore", "", "").body, &list); err != nil || len(list) != len(c.sim.SecureScores(noon)) {
		t.Errorf("%d scores, %v", len(list), err)
	}
}

// appOf is the application with which a subscription is read.
func (c *client) appOf(sub string) string {
	for i, x := range c.sim.Estate() {
		for _, s := range x.Subscriptions {
			if s.ID == sub && c.conn.Tenants[i].ClientID != "" {
				return c.conn.Tenants[i].ClientID
			}
		}
	}
	return c.conn.ClientID
}

// TestFrameworks holds standards and their controls against the truth, and counts the recommendations again.
func TestFrameworks(t *testing.T) {
	c := start(t, azuresim.Options{})
	states := map[string]string{"passed": "Passed", "failed": "Failed", "skipped": "Skipped", "notAssessed": "Unsupported"}
	want := map[string]string{}
	found := map[string]int{}
	standards := 0
	for _, f := range c.sim.Frameworks("", noon) {
		for _, k := range f.Controls {
			found[f.Source+" "+k.State]++
			if f.Source == "defender" {
				want[strings.ToLower("/subscriptions/"+f.Subscription+"/providers/Microsoft.Security/regulatoryComplianceStandards/"+f.ID+"/regulatoryComplianceControls/"+k.Name)] = states[k.State]
			}
		}
		if f.Source == "defender" {
			standards++
		}
		if f.Passed+f.Failed+f.Skipped+f.NotAssessed != len(f.Controls) {
			t.Errorf("%+v", f)
		}
	}
	for _, k := range []string{"policy passed", "policy failed", "policy skipped", "policy notAssessed", "defender passed", "defender failed", "defender notAssessed"} {
		if found[k] == 0 {
			t.Errorf("no control is %s: %v", k, found)
		}
	}
	rows := c.ask("securityresources | where type == 'microsoft.security/regulatorycompliancestandards/regulatorycompliancecontrols' | project id, state = tostring(properties.state) | order by id asc")
	for _, r := range rows {
		if id := fmt.Sprint(r["id"]); want[id] != r["state"] {
			t.Errorf("%s is %v, want %s", id, r["state"], want[id])
		}
	}
	if len(rows) != len(want) {
		t.Errorf("%d controls, want %d", len(rows), len(want))
	}
	n := c.ask("securityresources | where type == 'microsoft.security/regulatorycompliancestandards' | project id, n = properties.passedControls + properties.failedControls + properties.skippedControls + properties.unsupportedControls")
	if len(n) != standards {
		t.Errorf("%d standards, want %d", len(n), standards)
	}
	failed := map[string]int{}
	for _, r := range c.ask("securityresources | where type == 'microsoft.security/assessments' and properties.status.code == 'Unhealthy' | project id, name, subscriptionId") {
		failed[fmt.Sprint(r["subscriptionId"], r["name"])]++
	}
	checked := 0
	for _, r := range c.ask("securityresources | where type endswith '/regulatorycomplianceassessments' | project id, name, subscriptionId, failed = toint(properties.failedResources)") {
		checked++
		if failed[fmt.Sprint(r["subscriptionId"], r["name"])] != number(r["failed"]) {
			t.Errorf("%v, want %d", r, failed[fmt.Sprint(r["subscriptionId"], r["name"])])
		}
	}
	if checked < 200 {
		t.Errorf("%d assessments", checked)
	}
	var list []azuresim.Framework
	if err := json.Unmarshal(c.do("GET", "/sim/frameworks", "", "").body, &list); err != nil || len(list) < standards {
		t.Errorf("%d frameworks, %v", len(list), err)
	}
}

// TestMillionStates serves a large estate part by part. What it measures is in the log.
func TestMillionStates(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many pages")
	}
	c := start(t, azuresim.Options{Tenants: 20, SubscriptionsPerTenant: 20, Groups: 2, Services: 12, PolicyStates: 2500, Waste: -1})
	delegated := 0
	for _, x := range c.conn.Tenants {
		if x.ClientID == "" {
			delegated++
		}
	}
	begin := time.Now()
	rows := c.askAs(c.token, "policyresources | where type == 'microsoft.policyinsights/policystates' | summarize n = count() by state = tostring(properties.complianceState)")
	total := 0
	for _, r := range rows {
		total += number(r["n"])
	}
	t.Logf("%d states of %d tenants counted in %s", total, delegated, time.Since(begin))
	if total < delegated*20*2500 {
		t.Errorf("%d states", total)
	}
	query := "policyresources | where type == 'microsoft.policyinsights/policystates' and properties.complianceState == 'NonCompliant' | project id, subscriptionId, resource = tostring(properties.resourceId), assignment = tostring(properties.policyAssignmentId), ref = tostring(properties.policyDefinitionReferenceId) | order by id asc"
	options := map[string]any{"resultFormat": "objectArray"}
	read := 0
	for page := range 20 {
		begin = time.Now()
		v, a := c.graph(c.token, c.graphBody(query, options))
		if a.status != 200 || len(v.Data) != 1000 {
			t.Fatalf("%d, %d rows", a.status, len(v.Data))
		}
		read += len(v.Data)
		options["$skipToken"] = v.SkipToken
		if page == 0 || page == 19 {
			t.Logf("page %d of %d rows in %s", page, v.TotalRecords, time.Since(begin))
		}
	}
	begin = time.Now()
	if v, a := c.graph(c.token, c.graphBody("policyresources | where type == 'microsoft.policyinsights/policystates' | order by id asc", nil)); a.status != 200 || v.TotalRecords != total {
		t.Errorf("%d: %d states, want %d", a.status, v.TotalRecords, total)
	}
	t.Logf("first page of whole rows in %s", time.Since(begin))
	begin = time.Now()
	all := 0
	for _, r := range c.compliance(azuresim.ComplianceQuery{By: []string{"tenant"}}) {
		all += r.States
	}
	if all < 1_000_000 {
		t.Errorf("%d states of all tenants", all)
	}
	t.Logf("truth of %d states by tenant in %s", all, time.Since(begin))
}
