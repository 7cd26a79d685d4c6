package app_test

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
)

// policies reads what every tenant's policies say and gives the runs by tenant.
func (w *world) policies(t *testing.T, jobs ...string) map[string]fresnel.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	list, err := w.app.SyncNow(ctx, append(jobs, "compliance"), nil)
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]fresnel.Run{}
	for _, r := range list {
		if r.Job == "compliance" {
			runs[string(r.Tenant)] = r
		}
	}
	if n := len(w.Estate()); len(runs) != n {
		t.Fatalf("%d runs for %d tenants", len(runs), n)
	}
	return runs
}

type stateCounts struct {
	Compliant    int `json:"compliant"`
	NonCompliant int `json:"non_compliant"`
	Conflict     int `json:"conflict"`
	Exempt       int `json:"exempt"`
	Unknown      int `json:"unknown"`
}

func (c stateCounts) plus(d stateCounts) stateCounts {
	return stateCounts{c.Compliant + d.Compliant, c.NonCompliant + d.NonCompliant, c.Conflict + d.Conflict, c.Exempt + d.Exempt, c.Unknown + d.Unknown}
}

type shareOf struct {
	Of      int      `json:"of"`
	Whole   int      `json:"whole"`
	Percent *float64 `json:"percent"`
}

// judgedRow is what the API says of a tenant, a subscription or a policy.
type judgedRow struct {
	TenantID       string       `json:"tenant_id"`
	SubscriptionID string       `json:"subscription_id"`
	PolicyID       int64        `json:"policy_id"`
	DefinitionID   string       `json:"definition_id"`
	AssignmentID   string       `json:"assignment_id"`
	Reference      string       `json:"reference"`
	Name           string       `json:"name"`
	State          string       `json:"state"`
	Counts         *stateCounts `json:"counts"`
	Official       shareOf      `json:"official"`
	Strict         shareOf      `json:"strict"`
	Exempted       shareOf      `json:"exempted"`
	Tenants        []judgedRow  `json:"tenants"`
	Assignments    []judgedRow  `json:"assignments"`
	Secure         *secureRow   `json:"secure_score"`
	Unregistered   int          `json:"subscriptions_unregistered"`
	Read           int          `json:"subscriptions_read"`
	Failed         int          `json:"subscriptions_failed"`
}

type secureRow struct {
	Percent float64 `json:"percent"`
	Points  float64 `json:"points"`
	Max     float64 `json:"max"`
}

// securedRow is a subscription's secure score.
type securedRow struct {
	SubscriptionID string   `json:"subscription_id"`
	Points         *float64 `json:"points"`
	Max            *float64 `json:"max"`
	State          string   `json:"state"`
}

type scoresRow struct {
	Overall       judgedRow   `json:"overall"`
	Tenants       []judgedRow `json:"tenants"`
	Subscriptions []judgedRow `json:"subscriptions"`
}

// truthOf counts by keys, as the simulator does, which asks every pair of a resource and a definition.
func (w *world) truthOf(t *testing.T, by ...string) []azuresim.Compliance {
	t.Helper()
	rows, err := w.Compliance(azuresim.ComplianceQuery{By: by})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(rows, func(c azuresim.Compliance) bool {
		return c.States == 0 && len(by) > 0 && c.Unregistered == 0 && c.Assignment+c.Definition != ""
	})
}

// says compares a row of the API with the truth: counts and all shares.
func (r judgedRow) says(t *testing.T, what string, c azuresim.Compliance) {
	t.Helper()
	want := stateCounts{c.Compliant, c.NonCompliant, c.Conflict, c.Exempt, c.Unknown}
	if r.Counts == nil || *r.Counts != want {
		t.Errorf("%s: %+v, want %+v", what, r.Counts, want)
		return
	}
	if r.Official.Of != c.Numerator || r.Official.Whole != c.Denominator {
		t.Errorf("%s: %+v, want %d of %d", what, r.Official, c.Numerator, c.Denominator)
	}
	switch p := r.Official.Percent; {
	case c.Denominator == 0 && p != nil:
		t.Errorf("%s: %v of nothing", what, *p)
	case c.Denominator > 0 && (p == nil || math.Abs(*p-c.Percentage) > 1e-9):
		t.Errorf("%s: %v, want %v", what, p, c.Percentage)
	}
}

// TestCompliance holds every number of compliance against the simulator's truth, on several days.
func TestCompliance(t *testing.T) {
	long(t)
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Months: 2, MarkupNames: true})
		w := begin(t, sim, database)
		for _, after := range []time.Duration{0, 37 * time.Hour, 5 * 24 * time.Hour} {
			sim.Clock().Freeze(late.Add(after))
			whole := w.policies(t)
			for _, r := range whole {
				for _, p := range r.Result.Parts {
					if p.Reason != "" && !strings.Contains(p.Reason, "not registered") && p.State != fresnel.PartSkipped {
						t.Errorf("%s of %s: %s", p.Name, r.TenantName, p.Reason)
					}
				}
				if r.Status != fresnel.Completed {
					t.Errorf("run of %s: %s %s %+v", r.TenantName, r.Status, r.Reason, r.Result.Parts)
				}
			}
			w.sameScores(t)
			w.samePolicies(t)
			w.sameFailing(t)
			w.sameSecure(t)
			w.sameExemptions(t)
			w.sameFrameworks(t)
		}
		tables := w.complianceTables(t)
		for _, r := range w.policies(t) {
			if r.Result.Written != 0 {
				t.Errorf("the same again: %d rows written for %s", r.Result.Written, r.TenantName)
			}
		}
		if d := diff(tables, w.complianceTables(t)); d != "" {
			t.Errorf("the same again (-before +after):\n%.2000s", d)
		}
	})
}

// complianceTables are the tables that a sync in which nothing changed does not write.
func (w *world) complianceTables(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, name := range []string{"compliance_key", "compliance_item", "compliance_count", "compliance_past", "compliance_sum", "compliance_finding", "compliance_resource"} {
		if out[name] = w.dumpTable(t, name); len(out[name]) == 0 {
			t.Errorf("no rows in %s: the test shows nothing", name)
		}
	}
	return out
}

func (w *world) sameScores(t *testing.T) {
	t.Helper()
	got := read[scoresRow](t, w, "/api/v1/compliance/scores?by=subscription").Data
	bySub := map[string]judgedRow{}
	var sum, tenants stateCounts
	for _, r := range got.Subscriptions {
		bySub[r.SubscriptionID] = r
		if r.Counts != nil {
			sum = sum.plus(*r.Counts)
		}
	}
	for _, r := range got.Tenants {
		tenants = tenants.plus(*r.Counts)
	}
	if got.Overall.Counts == nil || sum != *got.Overall.Counts || tenants != sum {
		t.Errorf("the whole is %+v, its tenants %+v, its subscriptions %+v", got.Overall.Counts, tenants, sum)
	}
	for _, c := range w.truthOf(t) {
		got.Overall.says(t, "overall", c)
	}
	if n := len(w.truthOf(t, "tenant")); n != len(got.Tenants) {
		t.Errorf("%d tenants, want %d", len(got.Tenants), n)
	}
	unregistered := 0
	for _, c := range w.truthOf(t, "tenant") {
		i := slices.IndexFunc(got.Tenants, func(r judgedRow) bool { return r.TenantID == c.Tenant })
		got.Tenants[i].says(t, "tenant "+c.Tenant, c)
		if unregistered += c.Unregistered; got.Tenants[i].Unregistered != c.Unregistered {
			t.Errorf("%d unregistered, want %d", got.Tenants[i].Unregistered, c.Unregistered)
		}
	}
	if unregistered == 0 {
		t.Error("every subscription is registered: the test shows nothing")
	}
	for _, c := range w.truthOf(t, "subscription") {
		r := bySub[c.Subscription]
		if c.Unregistered > 0 {
			if r.Counts != nil || r.State != "none" || r.Official.Percent != nil {
				t.Errorf("not registered, and %+v", r)
			}
			continue
		}
		r.says(t, "subscription "+c.Subscription, c)
	}
}

func (w *world) samePolicies(t *testing.T) {
	t.Helper()
	rows, m := pages[judgedRow](t, w, "/api/v1/compliance/policies?limit=20")
	by := map[string]judgedRow{}
	for _, r := range rows {
		by[strings.ToLower(r.DefinitionID)] = r
	}
	if len(by) != len(rows) || m.Total == nil || *m.Total != len(rows) {
		t.Errorf("%d policies in %d rows, meta %+v", len(by), len(rows), m)
	}
	tenants, assigned := map[string]azuresim.Compliance{}, map[string]azuresim.Compliance{}
	for _, c := range w.truthOf(t, "tenant", "definition") {
		tenants[c.Tenant+c.Definition] = c
	}
	for _, c := range w.truthOf(t, "tenant", "assignment", "policy") {
		assigned[c.Tenant+c.Assignment+c.Definition+c.Reference] = c
	}
	truth := w.truthOf(t, "definition")
	if len(truth) != len(rows) {
		t.Errorf("%d policies, want %d", len(rows), len(truth))
	}
	seen := 0
	for _, c := range truth {
		r := by[c.Definition]
		r.says(t, "policy "+c.Definition, c)
		if r.Name == "" || strings.Contains(r.Name, "/policydefinitions/") {
			t.Errorf("%s is called %q", c.Definition, r.Name)
		}
		for _, x := range r.Tenants {
			x.says(t, "policy "+c.Definition+" of "+x.TenantID, tenants[x.TenantID+c.Definition])
			delete(tenants, x.TenantID+c.Definition)
		}
		detail := read[judgedRow](t, w, fmt.Sprintf("/api/v1/compliance/policies/%d", r.PolicyID)).Data
		for _, a := range detail.Assignments {
			key := a.TenantID + strings.ToLower(a.AssignmentID) + c.Definition + a.Reference
			a.says(t, "policy "+c.Definition+" within "+a.AssignmentID, assigned[key])
			delete(assigned, key)
			seen++
		}
		if d := diff(r.Counts, detail.Counts); d != "" {
			t.Errorf("%s in the list and by itself:\n%s", c.Definition, d)
		}
	}
	if len(tenants) > 0 || len(assigned) > 0 || seen < 50 {
		t.Errorf("%d policies of tenants and %d of assignments are missing, %d were seen", len(tenants), len(assigned), seen)
	}
}

// failingRow is a resource that does not comply, as the API tells it.
type failingRow struct {
	ResourceID string `json:"resource_id"`
	Name       string `json:"name"`
	Type       string `json:"type"`
	Policies   []struct {
		PolicyID int64  `json:"policy_id"`
		State    string `json:"state"`
	} `json:"policies"`
	Failures int `json:"failures"`
}

// failures are the findings of an instant: the strongest state of a resource by a definition.
func (w *world) failures(at time.Time) map[string]string {
	out := map[string]string{}
	w.ComplianceResources("", at, func(r azuresim.ComplianceResource) bool {
		for _, p := range r.Policies {
			k := r.Resource + " " + p.Definition
			if p.State == "NonCompliant" || p.State == "Conflict" && out[k] == "" {
				out[k] = p.State
			}
		}
		return true
	})
	return out
}

func (w *world) sameFailing(t *testing.T) {
	t.Helper()
	defs := map[int64]string{}
	policies, _ := pages[judgedRow](t, w, "/api/v1/compliance/policies?limit=500")
	for _, p := range policies {
		defs[p.PolicyID] = strings.ToLower(p.DefinitionID)
	}
	want := w.failures(time.Time{})
	overall := read[scoresRow](t, w, "/api/v1/compliance/scores").Data.Overall
	for _, sort := range []string{"since", "policies", "name"} {
		rows, m := pages[failingRow](t, w, "/api/v1/compliance/non-compliant?limit=100&sort="+sort)
		got := map[string]string{}
		for _, r := range rows {
			failures := 0
			for _, p := range r.Policies {
				got[r.ResourceID+" "+defs[p.PolicyID]] = p.State
				if p.State == "NonCompliant" {
					failures++
				}
			}
			if failures != r.Failures || failures == 0 {
				t.Errorf("%s fails %d, listed %d", r.ResourceID, r.Failures, failures)
			}
		}
		if len(rows) != overall.Counts.NonCompliant || m.Total == nil || *m.Total != len(rows) {
			t.Errorf("%d rows by %s, total %v, and the card says %d", len(rows), sort, m.Total, overall.Counts.NonCompliant)
		}
		for k, state := range want { // a resource that is only torn is not non-compliant
			if _, ok := got[k]; !ok && state == "Conflict" {
				got[k] = state
			}
		}
		if d := diff(want, got); d != "" {
			t.Errorf("failures (-truth +api):\n%.2000s", d)
		}
	}
	for _, p := range policies[:min(8, len(policies))] {
		rows, _ := pages[failingRow](t, w, fmt.Sprintf("/api/v1/compliance/non-compliant?limit=50&policy=%d", p.PolicyID))
		if len(rows) != p.Counts.NonCompliant {
			t.Errorf("%d resources fail %s, its row says %d", len(rows), p.Name, p.Counts.NonCompliant)
		}
	}
}

func (w *world) sameSecure(t *testing.T) {
	t.Helper()
	type secure struct {
		Overall  *secureRow   `json:"overall"`
		Tenants  []judgedRow  `json:"tenants"`
		Subs     []securedRow `json:"subscriptions"`
		Controls []struct {
			ID            string  `json:"id"`
			Healthy       int     `json:"healthy"`
			Unhealthy     int     `json:"unhealthy"`
			NotApplicable int     `json:"not_applicable"`
			Points        float64 `json:"points"`
		} `json:"controls"`
	}
	got := read[secure](t, w, "/api/v1/compliance/secure-score").Data
	type control struct {
		healthy, unhealthy, na int
		points                 float64
	}
	controls := map[string]control{}
	var weights, sum float64
	for _, s := range w.SecureScores(time.Time{}) {
		if s.Subscription == "" {
			weights, sum = weights+float64(s.Weight), sum+float64(s.Weight)*s.Percentage
			i := slices.IndexFunc(got.Tenants, func(r judgedRow) bool { return r.TenantID == s.Tenant })
			if p := got.Tenants[i].Secure; p == nil || math.Abs(p.Percent-100*s.Percentage) > 1e-6 {
				t.Errorf("tenant %s: %+v, want %v", s.Tenant, p, 100*s.Percentage)
			}
			continue
		}
		i := slices.IndexFunc(got.Subs, func(r securedRow) bool { return r.SubscriptionID == s.Subscription })
		r := got.Subs[i]
		if !s.Registered {
			if r.Points != nil || r.State != "none" {
				t.Errorf("not registered, and %+v", r)
			}
			continue
		}
		if r.Points == nil || math.Abs(*r.Points-s.Current) > 1e-6 || math.Abs(*r.Max-s.Max) > 1e-6 {
			t.Errorf("%+v, want %v of %v", r, s.Current, s.Max)
		}
		for _, c := range s.Controls {
			k := controls[strings.ToLower(c.Name)]
			controls[strings.ToLower(c.Name)] = control{k.healthy + c.Healthy, k.unhealthy + c.Unhealthy, k.na + c.NotApplicable, k.points + c.Current}
		}
	}
	if got.Overall == nil || math.Abs(got.Overall.Percent-100*sum/weights) > 1e-6 {
		t.Errorf("overall %+v, want %v", got.Overall, 100*sum/weights)
	}
	for _, c := range got.Controls {
		k := controls[c.ID]
		delete(controls, c.ID)
		if c.Healthy != k.healthy || c.Unhealthy != k.unhealthy || c.NotApplicable != k.na || math.Abs(c.Points-k.points) > 1e-3 {
			t.Errorf("%+v, want %+v", c, k)
		}
	}
	if len(controls) > 0 || len(got.Controls) < 5 {
		t.Errorf("%d controls, missing %v", len(got.Controls), controls)
	}
}

func (w *world) sameExemptions(t *testing.T) {
	t.Helper()
	type exemption struct {
		ID           string   `json:"id"`
		TenantID     string   `json:"tenant_id"`
		Scope        string   `json:"scope"`
		AssignmentID string   `json:"assignment_id"`
		References   []string `json:"references"`
		Category     string   `json:"category"`
		Expires      string   `json:"expires_at"`
		Standing     string   `json:"standing"`
	}
	got, want := map[string]exemption{}, map[string]exemption{}
	rows, _ := pages[exemption](t, w, "/api/v1/compliance/exemptions?limit=50")
	for _, x := range rows {
		x.AssignmentID, x.ID = strings.ToLower(x.AssignmentID), strings.ToLower(x.ID)
		if x.Standing == "expiring" {
			x.Standing = "active"
		}
		got[x.ID+x.TenantID] = x
	}
	for _, x := range w.Exemptions("", time.Time{}) {
		e := exemption{ID: strings.ToLower(x.ID), TenantID: x.Tenant, Scope: strings.ToLower(x.Scope), AssignmentID: strings.ToLower(x.Assignment), Category: x.Category, Standing: "active"}
		for _, r := range x.References {
			e.References = append(e.References, strings.ToLower(r))
		}
		if x.Expires != nil {
			e.Expires = x.Expires.UTC().Format(time.RFC3339)
		}
		if x.Expired {
			e.Standing = "expired"
		}
		want[e.ID+e.TenantID] = e
	}
	if d := diff(want, got); d != "" || len(want) < 5 {
		t.Errorf("%d exemptions (-truth +api):\n%.3000s", len(want), d)
	}
}

func (w *world) sameFrameworks(t *testing.T) {
	t.Helper()
	type framework struct {
		Source      string                      `json:"source"`
		ID          string                      `json:"id"`
		Passed      int                         `json:"passed"`
		Failed      int                         `json:"failed"`
		Skipped     int                         `json:"skipped"`
		NotAssessed int                         `json:"not_assessed"`
		Controls    []azuresim.FrameworkControl `json:"controls"`
	}
	seen, notAssessed := 0, 0
	for _, e := range w.Estate() {
		for _, s := range e.Subscriptions {
			want := map[string]azuresim.Framework{}
			for _, f := range w.Frameworks(s.ID, time.Time{}) {
				k := f.Source + f.ID
				if _, twice := want[k]; twice {
					k += " twice" // an initiative that two assignments put in force: not compared
				}
				want[k] = f
			}
			for _, f := range read[[]framework](t, w, "/api/v1/compliance/frameworks?sub="+s.ID).Data {
				c, ok := want[f.Source+f.ID]
				if _, twice := want[f.Source+f.ID+" twice"]; twice {
					continue
				}
				if !ok || f.Passed != c.Passed || f.Failed != c.Failed || f.Skipped != c.Skipped || f.NotAssessed != c.NotAssessed {
					t.Errorf("%s %s of %s: %+v, want %d passed, %d failed, %d skipped, %d not assessed", f.Source, f.ID, s.ID, f, c.Passed, c.Failed, c.Skipped, c.NotAssessed)
				}
				detail := read[framework](t, w, "/api/v1/compliance/frameworks/detail?sub="+s.ID+"&source="+f.Source+"&id="+url.QueryEscape(f.ID)).Data
				for i, k := range detail.Controls {
					truth := c.Controls[slices.IndexFunc(c.Controls, func(x azuresim.FrameworkControl) bool { return strings.EqualFold(x.Name, k.Name) })]
					if strings.ReplaceAll(k.State, " a", "A") != truth.State || k.Failing != truth.Failing || k.Passing != truth.Passing || k.Skipping != truth.Skipping {
						t.Errorf("%s %s: control %d %+v, want %+v", f.Source, f.ID, i, k, truth)
					}
				}
				seen++
				notAssessed += f.NotAssessed
				delete(want, f.Source+f.ID)
			}
			for k, f := range want {
				if strings.Contains(k, "/managementgroups/") && w.delegated(e.ID) {
					continue // Lighthouse hides what a management group's own initiative consists of
				}
				if f.Passed+f.Failed+f.Skipped > 0 && !strings.HasSuffix(k, " twice") {
					if _, twice := want[k+" twice"]; !twice {
						t.Errorf("%s of %s is missing: %+v", k, s.ID, f)
					}
				}
			}
		}
	}
	if seen < 20 || notAssessed == 0 {
		t.Errorf("%d frameworks, %d controls not assessed: the test shows little", seen, notAssessed)
	}
}

// delegated tells whether a tenant is reached through Lighthouse.
func (w *world) delegated(tenant string) bool {
	return slices.ContainsFunc(w.Connection().Tenants, func(c azuresim.ConnectionTenant) bool { return c.ID == tenant && c.ClientID == "" })
}
