package api

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// complianceLists are all that tells of compliance, with what they need.
var complianceLists = []string{
	"/api/v1/compliance/scores", "/api/v1/compliance/policies", "/api/v1/compliance/non-compliant", "/api/v1/compliance/trends", "/api/v1/compliance/secure-score",
	"/api/v1/compliance/exemptions", "/api/v1/compliance/frameworks", "/api/v1/compliance/frameworks/detail", "/api/v1/compliance/drift",
}

// with adds a question to a place.
func with(path, query string) string {
	if strings.Contains(path, "/frameworks/detail") {
		query = "source=policy&id=%3DSET&" + query
	}
	return path + "?" + query
}

func TestComplianceScores(t *testing.T) {
	t.Parallel()
	s := serve(t, estate(), fresnel.AllTenants())
	var got scoresOutput
	s.read("/api/v1/compliance/scores?by=subscription", &got.Body)
	d := got.Body.Data
	if o := d.Overall; o.Counts == nil || *o.Counts != (StateCounts{5, 2, 1, 2, 7}) || o.Official.Of != 7 || o.Official.Whole != 10 || *o.Official.Percent != 70 ||
		o.Strict.Of != 5 || o.Strict.Whole != 8 || o.Exempted.Of != 2 || *o.Change.Points != 20 || o.Change.Since != "2026-11-13" || d.Target != 90 || o.State != "partial" || *o.AgeSeconds != 3600 {
		t.Errorf("overall: %+v", o)
	}
	if len(d.Tenants) != 2 || len(d.Subscriptions) != 3 {
		t.Fatalf("%d tenants, %d subscriptions", len(d.Tenants), len(d.Subscriptions))
	}
	if x := d.Tenants[0]; x.State != "fresh" || x.Secure == nil || x.Secure.Percent != 25 || x.Secure.Points != 10 || x.Secure.Max != 40 || x.Secure.Subscriptions != 1 {
		t.Errorf("contoso: %+v", x)
	}
	if x := d.Tenants[1]; x.State != "never" || x.Counts != nil || x.Official.Percent != nil || x.Secure != nil || x.SyncedAt != nil || x.Change.Points != nil || x.Change.Since != "2026-11-13" || x.Do != "grant Reader" {
		t.Errorf("what was never read has figures: %+v", x)
	}
	if x := d.Subscriptions[1]; x.State != "none" || x.Counts != nil || x.Official.Whole != 0 || x.Official.Percent != nil {
		t.Errorf("what Azure does not judge any more has figures: %+v", x)
	}
	m := got.Body.Meta
	if m.Coverage.Tenants != 1 || m.Coverage.Of != 2 || len(m.Coverage.Missing) != 1 || m.Coverage.Missing[0].Reason != "=refused" || m.Coverage.Missing[0].Do == "" ||
		len(m.Unregistered) != 1 || m.Unregistered[0].Unregistered != 1 || !m.SyncedAt.Equal(noon.Add(-time.Hour)) {
		t.Errorf("meta: %+v", m)
	}
	var one scoresOutput
	s.read("/api/v1/compliance/scores?management_group=CORP", &one.Body)
	if len(one.Body.Data.Tenants) != 1 || one.Body.Meta.Coverage.Of != 1 || one.Body.Meta.Unregistered != nil || one.Body.Data.Subscriptions != nil {
		t.Errorf("by management group: %+v", one.Body)
	}
}

// TestComplianceNothing asks a store that holds nothing: nothing is known, and
// nothing is 0 or 100 percent.
func TestComplianceNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, &held{}, fresnel.AllTenants())
	for _, path := range complianceLists {
		if strings.HasSuffix(path, "/detail") {
			continue
		}
		w := s.do(http.MethodGet, path, "")
		if w.Code != 200 || strings.Contains(w.Body.String(), `"percent":0`) || strings.Contains(w.Body.String(), `"percent":100`) || strings.Contains(w.Body.String(), `"data":null`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if strings.HasSuffix(path, "/drift") {
			continue // what cannot be compared has no list
		}
		if w := s.do(http.MethodGet, path+".csv", ""); w.Code != 200 || strings.Count(w.Body.String(), "\n") != 1 {
			t.Errorf("%s.csv: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestComplianceShares(t *testing.T) {
	t.Parallel()
	s := serve(t, estate(), fresnel.AllTenants())
	var policies policiesOutput
	s.read("/api/v1/compliance/policies?q=unjudged", &policies.Body)
	if len(policies.Body.Data) != 1 || policies.Body.Data[0].Counts.Unknown != 3 || policies.Body.Data[0].Official.Percent != nil || policies.Body.All.Assigned != 9 || policies.Body.All.Failing != 6 {
		t.Errorf("policies: %+v", policies.Body)
	}
	var trend complianceTrendOutput
	s.read("/api/v1/compliance/trends", &trend.Body)
	days := trend.Body.Data.Overall
	if p := trend.Body.Meta.Period; len(days) != 2 || p.From != "2026-10-22" || p.To != "2026-11-20" || *days[0].Official.Percent != 50 || *days[0].SecurePercent != 25 ||
		days[1].Official.Percent != nil || days[1].SecurePercent != nil || days[1].Counts.Unknown != 4 || days[1].Read != 1 || days[1].Subscriptions != 2 {
		t.Errorf("trend: %+v", trend.Body)
	}
	var secure secureOutput
	s.read("/api/v1/compliance/secure-score", &secure.Body)
	if c := secure.Body.Data.Controls; len(c) != 1 || c[0].HealthyShare.Percent != nil || c[0].NotApplicable != 4 || c[0].Points != 2.5 || c[0].Max != 10 {
		t.Errorf("controls: %+v", c)
	}
	if m := secure.Body.Meta; m.Coverage.Tenants != 1 || m.Coverage.Of != 2 || !m.SyncedAt.Equal(noon.Add(-2*time.Hour)) || !strings.Contains(m.Unregistered[0].Do, "Microsoft.Security") {
		t.Errorf("meta of Defender for Cloud: %+v", m)
	}
	var f oneFrameworkOutput
	s.read("/api/v1/compliance/frameworks/detail?source=policy&id=%3DSET", &f.Body)
	if d := f.Body.Data; d.Total != 2 || d.Passed != 1 || d.NotAssessed != 1 || d.Assessed.Whole != 1 || len(d.Controls) != 2 || d.Controls[1].State != "not assessed" {
		t.Errorf("framework: %+v", f.Body.Data)
	}
}

func TestCompliancePolicy(t *testing.T) {
	t.Parallel()
	s := serve(t, estate(), fresnel.ScopeOf(contoso))
	var got onePolicyOutput
	s.read("/api/v1/compliance/policies/1", &got.Body)
	d := got.Body.Data
	if len(d.Assignments) != 1 || d.Assignments[0].Initiative != "=CIS" || d.Assignments[0].AssignmentID != "=/assignment" || *d.Assignments[0].Official.Percent != 100 ||
		len(d.Remedies) != 2 || d.Remedies[0].Task || !d.Remedies[1].Task || d.Tenants[0].TenantName != "Contoso" {
		t.Errorf("%+v", d)
	}
	// A policy of a tenant that the viewer does not see is none, and so is an item that is no policy.
	for _, path := range []string{"/api/v1/compliance/policies/%d", "/api/v1/compliance/non-compliant?policy=%d", "/api/v1/compliance/non-compliant.csv?policy=%d"} {
		for _, num := range []string{"20", "41", "12345"} {
			w := s.do(http.MethodGet, strings.Replace(path, "%d", num, 1), "")
			if w.Code != 404 || !strings.Contains(w.Body.String(), `"there is no policy `+num+`"`) {
				t.Errorf("%s of %s: %d %s", path, num, w.Code, w.Body)
			}
		}
	}
}

func TestBadComplianceInput(t *testing.T) {
	t.Parallel()
	s := serve(t, estate(), fresnel.ScopeOf(contoso))
	long := strings.Repeat("x", 3000)
	refused := func(path string, want int) {
		t.Helper()
		if w := s.do(http.MethodGet, path, ""); w.Code != want || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
	for _, path := range complianceLists {
		for query, want := range map[string]int{
			"tenant=nobody": 404, "tenant=" + string(fabrikam): 404, "tenant=%00": 404, "sub=x": 400, "sub=" + stranger: 404, "sub=" + subC: 404,
			"management_group=none": 404, "management_group=" + long: 422, "colour=red": 422, "tenant=&tenant=contoso": 422,
		} {
			refused(with(path, query), want)
			refused(with(path+".csv", query), want)
		}
	}
	for path, want := range map[string]int{
		"policies?sort=colour": 422, "policies?cursor=!": 400, "policies?cursor=OTk5": 400, "policies?limit=0": 422, "policies?limit=1001": 422, "policies?failing=perhaps": 422, "policies?category=&category=x": 422,
		"policies?q=" + long: 422, "policies/0": 422, "policies/x": 422, "policies/1?sub=" + subA: 422, "policies.csv?limit=5": 422,
		"non-compliant?sort=colour": 422, "non-compliant?cursor=!": 400, "non-compliant?cursor=" + long: 422, "non-compliant?cursor=W10": 400, "non-compliant?policy=0": 422, "non-compliant?policy=x": 422, "non-compliant.csv?sort=colour": 422,
		"trends?from=2026-02-30&to=2026-03-01": 400, "trends?from=2026-11-01": 400, "trends?from=2026-11-02&to=2026-11-01": 400, "trends?period=fortnight": 400, "trends.csv?from=x&to=y": 400, "trends?period=7d&from=2026-11-01&to=2026-11-02": 400,
		"exemptions?standing=over": 422, "exemptions?standing=&standing=active": 422, "exemptions?cursor=!": 400, "scores?by=colour": 422,
		"frameworks/detail": 422, "frameworks/detail?source=policy": 422, "frameworks/detail?source=me&id=x": 422, "frameworks/detail?source=policy&id=none": 404, "frameworks/detail?source=defender&id=%3Dset": 404,
		"drift?from=x": 400, "drift?to=2026-02-30": 400, "drift?to=2026-11-21": 400, "drift?from=2026-11-20": 400, "drift?from=2026-11-19&to=2026-11-18": 400, "drift?baseline=none": 404,
		"drift?baseline=none&from=2026-11-01": 400, "drift?limit=0": 422, "drift.csv?from=x": 400, "baselines?tenant=" + string(fabrikam): 404, "none": 404,
	} {
		refused("/api/v1/compliance/"+path, want)
	}
}

// TestComplianceCursors goes through lists in pages of every size: no row comes
// twice, and none is lost.
func TestComplianceCursors(t *testing.T) {
	t.Parallel()
	s := serve(t, estate(), fresnel.ScopeOf(contoso))
	for path, want := range map[string]int{
		"/api/v1/compliance/policies?": 8, "/api/v1/compliance/policies?sort=name&": 8, "/api/v1/compliance/policies?failing=true&": 5, "/api/v1/compliance/non-compliant?": 5, "/api/v1/compliance/exemptions?": 9,
		"/api/v1/compliance/exemptions?standing=expired&": 4, "/api/v1/compliance/exemptions?standing=active&standing=expiring&": 5, "/api/v1/compliance/exemptions?sub=" + subB + "&": 2,
	} {
		for limit := 1; limit <= want+1; limit++ {
			seen := map[string]bool{}
			cursor, rows := "", 0
			for page := 0; page == 0 || cursor != ""; page++ {
				var got struct {
					Data []struct {
						PolicyID   int64     `json:"policy_id"`
						ResourceID string    `json:"resource_id"`
						Name       string    `json:"name"`
						ExpiresAt  time.Time `json:"expires_at"`
					}
					Meta ComplianceMeta
				}
				s.read(path+"limit="+strconv.Itoa(limit)+"&cursor="+cursor, &got)
				if cursor = got.Meta.NextCursor; got.Meta.Total != want || len(got.Data) > limit || page > want {
					t.Fatalf("%s by %d: page %d of %d rows, %d in all", path, limit, page, len(got.Data), got.Meta.Total)
				}
				for _, r := range got.Data {
					seen[strconv.FormatInt(r.PolicyID, 10)+r.ResourceID+r.Name+r.ExpiresAt.String()] = true
					rows++
				}
			}
			if rows != want || len(seen) != want {
				t.Errorf("%s by %d: %d rows, %d of them different, want %d", path, limit, rows, len(seen), want)
			}
		}
	}
}

// TestComplianceCSV reads every list as CSV: each line is whole, and no name is
// a formula.
func TestComplianceCSV(t *testing.T) {
	t.Parallel()
	s := serve(t, estate(), fresnel.AllTenants())
	for path, lines := range map[string]int{
		"scores": 2, "scores?by=subscription": 3, "policies": 9, "non-compliant": 10, "non-compliant?policy=2": 5, "trends": 4, "secure-score": 1,
		"exemptions": 9, "frameworks": 1, "frameworks/detail?source=policy&id=%3Dset": 2, "drift": 2,
	} {
		place, query, _ := strings.Cut(path, "?")
		w := s.do(http.MethodGet, "/api/v1/compliance/"+place+".csv?"+query, "")
		rows, err := csv.NewReader(w.Body).ReadAll() // every line has as many cells as the head
		if err != nil || w.Code != 200 || len(rows) != lines+1 {
			t.Errorf("%s: %d, %d lines, want %d: %v", path, w.Code, len(rows), lines+1, err)
			continue
		}
		for _, row := range rows[1:] {
			for i, cell := range row {
				if _, err := strconv.ParseFloat(cell, 64); err != nil && cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%s: %s is a formula: %q", path, rows[0][i], cell)
				}
			}
		}
		if head := rows[0]; place == "scores" && query == "" && (rows[2][slices.Index(head, "compliant")] != "" || rows[2][slices.Index(head, "official_percent")] != "") {
			t.Errorf("what was never read has figures: %q", rows[2])
		}
	}
}

// TestComplianceCSVStreams reads a long list page by page, and breaks off where
// the store fails: a short list must not look like a whole one.
func TestComplianceCSVStreams(t *testing.T) {
	t.Parallel()
	f := estate()
	f.failing, f.failed = nil, nil
	for n := range 2500 {
		id := "/r/" + strconv.Itoa(n)
		f.failing = append(f.failing, compliance.Failing{Resource: id, Tenant: contoso, Subscription: subA})
		f.failed = append(f.failed, compliance.Failed{Tenant: contoso, Resource: id, State: compliance.Conflict, Policy: 1})
	}
	s := serve(t, f, fresnel.AllTenants())
	w := s.do(http.MethodGet, "/api/v1/compliance/non-compliant.csv", "")
	if n := strings.Count(w.Body.String(), "\n"); n != 2501 || len(f.asked) != 3 || f.asked[2].Limit != 1000 || f.asked[2].After.Arm != 2000 {
		t.Errorf("%d lines by %+v", n, f.asked)
	}
	f.breakAt = 5
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // it is compared as net/http does
			t.Error("a list that broke off looks like a whole one")
		}
	}()
	s.do(http.MethodGet, "/api/v1/compliance/non-compliant.csv", "")
}

func TestComplianceNonCompliant(t *testing.T) {
	t.Parallel()
	f := estate()
	s := serve(t, f, fresnel.AllTenants())
	var got nonCompliantOutput
	s.read("/api/v1/compliance/non-compliant?type=%40TYPE&policy=2&sort=policies&sub="+strings.ToUpper(subA), &got.Body)
	q := f.asked[0]
	if q.Policy != 2 || q.Sort != compliance.FailingMost || q.Limit != 100 || !slices.Equal(q.Types, []string{"@type"}) || !slices.Equal(q.Subscriptions, []string{subA}) {
		t.Errorf("asked %+v", q)
	}
	if d := got.Body.Data; len(d) != 5 || len(d[0].Policies) != 2 || d[0].Policies[1].Name != "=policy 2" || d[0].Policies[1].State != "NonCompliant" || !d[0].Policies[1].Since.Equal(noon) || d[0].Policies[1].FirstSeen.Equal(noon) {
		t.Errorf("%+v", d)
	}
	if m := got.Body.Meta; m.Coverage.Of != 1 || m.Coverage.Tenants != 1 || m.Unregistered != nil {
		t.Errorf("meta of one subscription: %+v", m)
	}
}

func TestComplianceDrift(t *testing.T) {
	t.Parallel()
	f := estate()
	s := serve(t, f, fresnel.AllTenants())
	var got driftOutput
	s.read("/api/v1/compliance/drift?limit=1", &got.Body)
	d := got.Body.Data
	if d.From != "2026-11-13" || d.To != "2026-11-20" || f.compare != [2]fresnel.Day{fresnel.DayOf(noon) - 7, fresnel.DayOf(noon)} {
		t.Errorf("compared %s with %s, asked for %v", d.From, d.To, f.compare)
	}
	if d.Compared != 1 || *d.Whole.Before.Official.Percent != 50 || *d.Whole.Points != 0 || d.Like.Points != nil || *d.New != (MoveCounts{Total: 1, Resource: 1}) || *d.Resolved != (MoveCounts{Total: 1, State: 1}) || *d.Changed != 0 ||
		len(d.Rows) != 1 || d.Rows[0].Cause != "resource" || d.Rows[0].Policy != "=policy 1" || got.Body.Meta.Total != 2 || !got.Body.Meta.More {
		t.Errorf("%+v", d)
	}
	got = driftOutput{}
	s.read("/api/v1/compliance/drift?from=2026-01-01&to=2026-02-01", &got.Body)
	if d := got.Body.Data; d.Compared != 0 || d.Whole != (DriftSides{}) || d.New != nil || d.Resolved != nil || d.Changed != nil || d.First != "2026-10-21" {
		t.Errorf("before anything was held: %+v", d)
	}
	if w := s.do(http.MethodGet, "/api/v1/compliance/drift.csv?from=2026-01-01&to=2026-02-01", ""); w.Code != 400 || !strings.Contains(w.Body.String(), "2026-10-21") {
		t.Errorf("an empty list of what cannot be compared: %d %s", w.Code, w.Body)
	}
}

func TestComplianceBaselines(t *testing.T) {
	t.Parallel()
	f := estate()
	mine, all := serve(t, f, fresnel.ScopeOf(contoso)), serve(t, f, fresnel.AllTenants())
	for body, want := range map[string]int{
		`{"name":"","day":"2026-11-01"}`: 422, `{"name":" ","day":"2026-11-01"}`: 400, `{"name":"x","day":"2026-11-21"}`: 400, `{"name":"x","day":"2026-02-30"}`: 400, `{"name":"x"}`: 422, `{"name":"x","day":"2020-01-01"}`: 400,
		`{"name":"x","day":"2026-11-01","tenant":"nobody"}`: 404, `{"name":"x","day":"2026-11-01","tenant":"` + string(fabrikam) + `"}`: 404, `{"name":"x","day":"2026-11-01","colour":"red"}`: 422,
		`{"name":"x","day":"2026-11-01","note":"` + strings.Repeat("x", 2001) + `"}`: 422,
	} {
		if w := mine.do(http.MethodPost, "/api/v1/compliance/baselines", body); w.Code != want {
			t.Errorf("%s: %d %s, want %d", body, w.Code, w.Body, want)
		}
	}
	const name = "before / the audit"
	for _, s := range []surface{mine, all} {
		if w := s.do(http.MethodPost, "/api/v1/compliance/baselines", `{"name":" `+name+` ","day":"2026-11-01","tenant":"contoso"}`); w.Code != 200 || !strings.Contains(w.Body.String(), `"name":"`+name+`"`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if w := all.do(http.MethodPost, "/api/v1/compliance/baselines", `{"name":"theirs","day":"2026-11-01","tenant":"`+string(fabrikam)+`"}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	f.baselines = f.baselines[1:]
	var got baselinesOutput
	mine.read("/api/v1/compliance/baselines", &got.Body)
	if d := got.Body.Data; len(d) != 1 || d[0].Name != name || d[0].Day != "2026-11-01" || len(d[0].Tenants) != 1 || *got.Body.Meta.Total != 1 {
		t.Errorf("%+v", d)
	}
	var drift driftOutput
	mine.read("/api/v1/compliance/drift?baseline="+url.QueryEscape(name), &drift.Body)
	if drift.Body.Data.From != "2026-11-01" {
		t.Errorf("compared with %s", drift.Body.Data.From)
	}
	for _, c := range []struct {
		name string
		want int
	}{{"theirs", 404}, {"none", 404}, {name, 204}, {name, 404}} {
		if w := mine.do(http.MethodDelete, "/api/v1/compliance/baselines/"+url.PathEscape(c.name), ""); w.Code != c.want {
			t.Errorf("delete %s: %d %s, want %d", c.name, w.Code, w.Body, c.want)
		}
	}
}

func TestComplianceCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		read compliance.TenantRead
		want string
	}{
		"never":        {compliance.TenantRead{Subscriptions: 2}, "none"},
		"fresh":        {compliance.TenantRead{Subscriptions: 2, Read: 2, Oldest: noon}, "ok"},
		"unregistered": {compliance.TenantRead{Subscriptions: 2, Read: 1, Unregistered: 1, Oldest: noon}, "ok"},
		"partial":      {compliance.TenantRead{Subscriptions: 2, Read: 1, Oldest: noon}, "partial"},
		"half failed":  {compliance.TenantRead{Subscriptions: 2, Read: 1, Failed: 1, Oldest: noon}, "partial"},
		"failed":       {compliance.TenantRead{Subscriptions: 2, Read: 2, Failed: 1, Oldest: noon}, "stale"},
		"old":          {compliance.TenantRead{Subscriptions: 2, Read: 2, Oldest: noon.Add(-25 * time.Hour)}, "stale"},
	} {
		h := handlers{Service{Now: func() time.Time { return noon }, Compliance: compliance.Reports{Reader: &held{reads: []compliance.TenantRead{c.read}}, Stale: 24 * time.Hour}}}
		if got := h.complianceCheck(t.Context()); got.Status != c.want || got.Of != 1 {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
}

// TestComplianceDocs wants a word of meaning at every field and every filter.
func TestComplianceDocs(t *testing.T) {
	t.Parallel()
	for _, op := range Docs(Register(http.NewServeMux(), Service{})).Operations {
		if !strings.HasPrefix(op.Path, "/api/v1/compliance/") {
			continue
		}
		for _, p := range op.Params {
			if p.Doc == "" {
				t.Errorf("%s says nothing of its filter %s", op.Path, p.Name)
			}
		}
		for _, f := range op.Fields {
			if f.Doc == "" && f.Path != "data" && f.Path != "meta" && !strings.HasPrefix(f.Path, "meta.") {
				t.Errorf("%s says nothing of its field %s", op.Path, f.Path)
			}
		}
	}
}
