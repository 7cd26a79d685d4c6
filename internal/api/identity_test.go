package api

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

var identityLists = []string{
	"/api/v1/identity/summary", "/api/v1/identity/privileged", "/api/v1/identity/privileged/others", "/api/v1/identity/guests", "/api/v1/identity/stale",
	"/api/v1/identity/mfa", "/api/v1/identity/credentials", "/api/v1/identity/roles", "/api/v1/identity/trends",
}

// is is a number as text: how many, of how many tenants, in part.
func is(n Number) string {
	count := "null"
	if n.Count != nil {
		count = strconv.Itoa(*n.Count)
	}
	return fmt.Sprintf("%s %d/%d %d", count, n.Tenants, n.Of, n.Partial)
}

func TestIdentitySummary(t *testing.T) {
	t.Parallel()
	s := serveIdentity(t, people(), fresnel.AllTenants(), nil)
	var got identitySummaryOutput
	s.read("/api/v1/identity/summary", &got.Body)
	d := got.Body.Data
	if len(d.Tenants) != 2 || d.Limits != (IdentityLimits{90, 30, 30, 730}) {
		t.Fatalf("%+v", d)
	}
	contoso, fabrikam := d.Tenants[0].Numbers, d.Tenants[1].Numbers
	for what, c := range map[string][2]string{
		"users":               {is(d.Overall.Users), "62 2/2 0"},
		"guests":              {is(d.Overall.Guests), "11 2/2 0"},
		"idle guests":         {is(d.Overall.GuestsIdle), "10 1/2 0"},
		"privileged":          {is(d.Overall.Privileged.All), "47 2/2 1"},
		"privileged MFA":      {is(d.Overall.Privileged.MFAMissing), "8 1/2 0"},
		"by Azure":            {is(fabrikam.Privileged.Azure), "null 0/1 0"},
		"without MFA":         {is(fabrikam.MFA.Missing), "null 0/1 0"},
		"stale":               {is(fabrikam.Stale.All), "null 0/1 0"},
		"credentials":         {is(fabrikam.Credentials.All), "null 0/1 0"},
		"credentials overall": {is(d.Overall.Credentials.All), "9 1/2 0"},
		"endless":             {is(contoso.Credentials.Endless), "1 1/1 0"},
		"eligible":            {is(fabrikam.Privileged.EligibleOnly), "0 1/1 1"},
		"pending":             {is(contoso.GuestsPending), "5 1/1 0"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %s, want %s", what, c[0], c[1])
		}
	}
	if m := d.Overall.MFA.Share; *m.Whole != 8+8+8+5 || *m.Part != 8+8+5 || *m.Percent < 72 || *m.Percent > 73 {
		t.Errorf("share: %d of %d", *m.Part, *m.Whole)
	}
	if m := fabrikam.MFA.Share; m != (IdentityShare{}) {
		t.Errorf("what is hidden has a share: %+v", m)
	}
	if c := d.Overall.Change.Users; c == nil || *c != (IdentityChange{"2026-10-21", 10, 55, 45, 1}) || d.Overall.Change.Guests != nil || fabrikam.Change.Users != nil {
		t.Errorf("change: %+v", d.Overall.Change)
	}
	one, two := d.Tenants[0], d.Tenants[1]
	if one.State != "fresh" || *one.AgeSeconds != 3600 || !*one.Policies.MFAForAll || *one.Policies.Defaults || !*one.Licences.P1 || *one.Licences.P2 || one.Facts["mfa"].ReadAt == nil {
		t.Errorf("contoso: %+v", one)
	}
	if two.State != "stale" || !*two.Policies.Defaults || two.Policies.MFAForAll != nil || two.Licences.P1 != nil || two.Facts["mfa"].Do != "buy P1" || two.Facts["mfa"].ReadAt != nil || two.Facts["mfa"].FailedAt == nil {
		t.Errorf("fabrikam: %+v", two)
	}
}

func TestIdentityGaps(t *testing.T) {
	t.Parallel()
	f := people()
	f.reads = append(f.reads, identity.TenantRead{Tenant: stranger, Name: "New", Judged: noon.Add(-100 * time.Hour), LastReason: "no consent", LastDo: "consent"})
	s := serveIdentity(t, f, fresnel.AllTenants(), nil)
	for path, want := range map[string]string{
		"summary": "=Fabrikam sign-ins, =Fabrikam mfa, =Fabrikam eligibility known, =Fabrikam standing roles, =Fabrikam groups, =Fabrikam applications, =Fabrikam conditional access, =Fabrikam licences, =Fabrikam azure roles, New accounts",
		"guests":  "=Fabrikam sign-ins, =Fabrikam mfa, New accounts", "privileged": "=Fabrikam sign-ins, =Fabrikam mfa, =Fabrikam eligibility known, =Fabrikam standing roles, =Fabrikam groups, =Fabrikam azure roles, New accounts",
		"credentials": "=Fabrikam applications, New applications", "roles?kind=azure": "=Fabrikam groups, =Fabrikam azure roles, New groups, New azure roles",
	} {
		var got struct{ Meta IdentityMeta }
		s.read("/api/v1/identity/"+path, &got)
		var gaps []string
		for _, g := range got.Meta.Gaps {
			word := g.Name + " " + g.Fact
			if g.Known {
				word += " known"
			}
			if gaps = append(gaps, word); g.Reason == "" || g.Do == "" || g.Known != (g.ReadAt != nil) {
				t.Errorf("%s: %+v", path, g)
			}
			if g.Name == "New" && g.Fact == "accounts" && (g.Reason != "no consent" || g.Do != "consent") {
				t.Errorf("%s: %+v", path, g)
			}
		}
		if text := strings.Join(gaps, ", "); text != want {
			t.Errorf("%s: gaps %s, want %s", path, text, want)
		}
	}
	for path, want := range map[string]IdentityCoverage{
		"summary": {2, 3, 0}, "guests": {2, 3, 0}, "guests?list=guests-idle": {1, 3, 0}, "guests?list=guests-with-roles": {2, 3, 1}, "privileged": {2, 3, 1}, "credentials": {1, 3, 0},
		"mfa": {1, 3, 0}, "roles": {2, 3, 1}, "roles?kind=azure": {1, 3, 0}, "privileged/others": {2, 3, 1},
	} {
		var got struct{ Meta IdentityMeta }
		s.read("/api/v1/identity/"+path, &got)
		if m := got.Meta; m.Coverage != want || len(m.Stale) != 1 || m.Stale[0].Name != "=Fabrikam" || m.SyncedAt == nil || m.SyncedAt.Before(noon.Add(-3*time.Hour)) {
			t.Errorf("%s: %+v, want %+v", path, m, want)
		}
	}
}

// TestIdentityNothing asks of a tenant that was never read: nothing is known of
// it, and that is neither zero nor everybody.
func TestIdentityNothing(t *testing.T) {
	t.Parallel()
	s := serveIdentity(t, &directory{reads: []identity.TenantRead{{Tenant: contoso, Name: "Contoso", Judged: noon}}}, fresnel.AllTenants(), nil)
	for _, path := range identityLists {
		body := s.do(http.MethodGet, path, "").Body.String()
		if strings.Contains(body, `"count":0`) || strings.Contains(body, `"total":0`) || strings.Contains(body, `"percent":0`) || strings.Contains(body, `"data":null`) || !strings.Contains(body, `"reason":"not read yet"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
	var got identitySummaryOutput
	s.read("/api/v1/identity/summary", &got.Body)
	if x := got.Body.Data.Tenants[0]; x.SyncedAt != nil || x.AgeSeconds != nil {
		t.Errorf("what was judged without accounts has an age: %+v", x)
	}
	w := s.do(http.MethodGet, "/api/v1/identity/summary.csv", "")
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v, %q", err, rows)
	}
	for i, cell := range rows[1] {
		if want := map[string]string{"tenant_id": string(contoso), "tenant": "Contoso", "state": "never", "hidden": "accounts: not read yet"}[rows[0][i]]; cell != want {
			t.Errorf("%s: %q", rows[0][i], cell)
		}
	}
}

func TestIdentityAccounts(t *testing.T) {
	t.Parallel()
	f := people()
	s := serveIdentity(t, f, fresnel.AllTenants(), nil)
	var got accountsOutput[PowerAccount]
	s.read("/api/v1/identity/privileged?account="+strings.ToUpper(object(3)), &got.Body)
	if len(got.Body.Data) != 1 || got.Body.Meta.Total != nil {
		t.Fatalf("%+v", got.Body)
	}
	a := got.Body.Data[0]
	if a.AccountID != object(3) || a.MFA != "unknown" || a.Use != "used" || *a.IdleDays != 0 || !slices.Equal(a.Risks, []identity.Risk{"mfa-unknown", "standing"}) || len(a.Grants) != 2 {
		t.Errorf("%+v", a)
	}
	if g := a.Grants[0]; g.Tier != "control-plane" || g.Kind != "directory" || !*g.Standing || g.Ends != nil || g.Through != "+group" || g.SubscriptionID != "" {
		t.Errorf("%+v", g)
	}
	if g := a.Grants[1]; g.Kind != "azure" || g.Standing != nil || !g.Activated || !g.Ends.Equal(noon.Add(time.Hour)) || g.SubscriptionID != subA {
		t.Errorf("%+v", g)
	}
	got = accountsOutput[PowerAccount]{}
	s.read("/api/v1/identity/privileged?tenant="+string(fabrikam), &got.Body)
	if d := got.Body.Data; len(d) != 7 || *got.Body.Meta.Total != 7 || d[0].LastUse != nil || d[0].IdleDays != nil || d[0].Told || d[0].Use != "unknown" || d[0].MFA != "unknown" {
		t.Errorf("%+v", got.Body)
	}
	var others othersOutput
	s.read("/api/v1/identity/privileged/others", &others.Body)
	if d := others.Body.Data; len(d) != 7 || !*d[0].Secret || d[0].Kind != "application" || d[1].Kind != "gone" || d[2].Kind != "account" || d[2].Secret != nil || d[6].Kind != "application" || d[6].Secret != nil {
		t.Errorf("what nobody tells of fabrikam's applications: %+v", d)
	}
	var roles rolesOutput
	s.read("/api/v1/identity/roles", &roles.Body)
	if d := roles.Body.Data; len(d) != 4 || d[0].Tier != "control-plane" || !d[0].Partial || *d[1].Eligible != 4 || d[1].Partial || d[3].Kind != "azure" || d[3].Eligible != nil || d[3].Orphans != 1 {
		t.Errorf("roles: %+v", d)
	}
	var creds credentialsOutput
	s.read("/api/v1/identity/credentials", &creds.Body)
	d := creds.Body.Data
	if len(d) != 9 || d[0].State != "expired" || *d[0].DaysLeft != -81 || d[0].Long || *d[5].DaysLeft != 19 || d[5].State != "expiring" || !d[5].Long || d[5].Kind != "service_principal" || d[8].End != nil || d[8].DaysLeft != nil || d[8].State != "endless" {
		t.Errorf("credentials: %+v", d)
	}
	var trend identityTrendOutput
	s.read("/api/v1/identity/trends", &trend.Body)
	o := trend.Body.Data.Overall
	if len(o) != 30 || is(o[0].Numbers["users"]) != "16 2/2 0" || is(o[1].Numbers["users"]) != "null 0/2 0" || is(o[29].Numbers["mfa-registered"]) != "0 1/2 0" || len(o[0].Numbers) != len(identity.TrendLists()) || trend.Body.Meta.Period.From != "2026-10-22" {
		t.Errorf("trend: %+v", trend.Body)
	}
	if x := trend.Body.Data.Tenants; len(x) != 2 || len(x[0].Days) != 2 || *x[0].Days[0].Numbers["users"] != 11 || x[0].Days[1].Numbers["users"] != nil || *x[0].Days[1].Numbers["mfa-registered"] != 0 {
		t.Errorf("trend of tenants: %+v", x)
	}
}

func TestBadIdentityInput(t *testing.T) {
	t.Parallel()
	s := serveIdentity(t, people(), fresnel.ScopeOf(contoso), nil)
	refused := func(path string, want int) {
		t.Helper()
		if w := s.do(http.MethodGet, "/api/v1/identity/"+path, ""); w.Code != want || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
	for _, path := range identityLists {
		path = strings.TrimPrefix(path, "/api/v1/identity/")
		for query, want := range map[string]int{
			"tenant=nobody": 404, "tenant=" + string(fabrikam): 404, "tenant=" + stranger: 404, "tenant=%00": 404, "sub=" + subA: 422, "management_group=corp": 422, "colour=red": 422, "tenant=&tenant=contoso": 422,
		} {
			refused(path+"?"+query, want)
			refused(path+".csv?"+query, want)
		}
	}
	mfa := cursorOf(accountCursor{identity.WithoutMFA, identity.ByRisk, &identity.AccountPlace{}})
	for path, want := range map[string]int{
		"privileged?list=guests": 422, "privileged?list=colour": 422, "privileged?sort=name": 422, "privileged?account=ann": 400, "privileged?account=%27": 400, "privileged.csv?account=x": 400, "privileged.csv?limit=5": 422,
		"privileged?cursor=!": 400, "privileged?cursor=W10": 400, "privileged?cursor=e30": 400, "privileged?cursor=bnVsbA": 400, "privileged?cursor=" + mfa: 400, "mfa?sort=idle&cursor=" + mfa: 400, "privileged?cursor=" + strings.Repeat("x", 3000): 422,
		"privileged?limit=0": 422, "privileged?limit=1001": 422, "privileged?limit=x": 422, "privileged/others?cursor=!": 400, "privileged/others?cursor=W10": 400, "privileged/others?list=guests": 422,
		"guests?list=privileged": 422, "guests?sort=risk": 422, "guests?account=" + object(1): 422, "stale?list=users": 422, "stale?sort=risk": 422, "mfa?list=privileged": 422, "mfa?sort=name": 422,
		"credentials?state=good": 422, "credentials?long=perhaps": 422, "credentials?cursor=e30": 400, "credentials?cursor=MQ": 400, "roles?kind=other": 422, "roles?tier=9": 422, "roles?cursor=!": 400, "roles?cursor=OTk5": 400,
		"trends?period=fortnight": 400, "trends?from=2026-02-30&to=2026-03-01": 400, "trends?from=2026-11-01": 400, "trends?from=1970-01-01&to=2026-01-01": 400, "trends.csv?from=x&to=y": 400, "trends?period=7d&from=2026-11-01&to=2026-11-02": 400, "none": 404,
	} {
		refused(path, want)
	}
}

// TestIdentityCursors goes through lists in pages of every size: no row comes
// twice, and none is lost, over all ranks of risk.
func TestIdentityCursors(t *testing.T) {
	t.Parallel()
	s := serveIdentity(t, people(), fresnel.AllTenants(), nil)
	for path, want := range map[string]int{
		"privileged?": 47, "privileged?sort=idle&": 47, "privileged?sort=created&": 47, "privileged?list=privileged-mfa-missing&": 8, "privileged?list=disabled-with-roles&": 8, "privileged/others?": 7, "guests?": 11, "guests?sort=created&": 11,
		"stale?": 15, "stale?list=never-used&": 5, "mfa?": 8, "mfa?list=mfa-registered&": 21, "credentials?": 9, "credentials?state=expired&": 5, "credentials?long=true&": 3, "roles?": 4, "roles?kind=directory&": 3, "roles?tier=control-plane&": 2,
	} {
		for limit := 1; limit <= want+1; limit++ {
			seen, rows, cursor := map[string]bool{}, 0, ""
			for page := 0; page == 0 || cursor != ""; page++ {
				var got struct {
					Data []struct {
						TenantID  string `json:"tenant_id"`
						Account   string `json:"account_id"`
						Principal string `json:"principal_id"`
						Key       string `json:"key_id"`
						Role      string `json:"role_id"`
					}
					Meta IdentityMeta
				}
				s.read("/api/v1/identity/"+path+"limit="+strconv.Itoa(limit)+"&cursor="+cursor, &got)
				if cursor = got.Meta.NextCursor; got.Meta.Total != nil && *got.Meta.Total != want || len(got.Data) > limit || page > want {
					t.Fatalf("%s by %d: page %d of %d rows, %+v", path, limit, page, len(got.Data), got.Meta)
				}
				for _, r := range got.Data {
					seen[fmt.Sprint(r)] = true
					rows++
				}
			}
			if rows != want || len(seen) != want {
				t.Errorf("%s by %d: %d rows, %d of them different, want %d", path, limit, rows, len(seen), want)
			}
		}
	}
}

// TestIdentityCSV reads every list as CSV: each line is whole, and no name is a
// formula.
func TestIdentityCSV(t *testing.T) {
	t.Parallel()
	s := serveIdentity(t, people(), fresnel.AllTenants(), nil)
	for path, lines := range map[string]int{
		"summary": 2, "privileged": 94, "privileged/others": 14, "guests": 11, "stale": 15, "mfa": 8, "credentials": 9, "roles": 4, "trends": 30 + 3,
	} {
		w := s.do(http.MethodGet, "/api/v1/identity/"+path+".csv", "")
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s is kept", path)
		}
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
		if path != "summary" {
			continue
		}
		cell := func(name string) string { return rows[2][slices.Index(rows[0], name)] }
		for name, want := range map[string]string{
			"users": "7", "privileged": "7", "mfa_missing": "", "mfa_share_whole": "", "stale": "", "credentials": "", "security_defaults": "true", "mfa_for_all": "", "p1": "", "tenant": "'=Fabrikam",
		} {
			if cell(name) != want {
				t.Errorf("summary of fabrikam: %s is %q, want %q", name, cell(name), want)
			}
		}
		if !strings.Contains(cell("partial"), "privileged ") || strings.Contains(cell("partial"), "users") || !strings.Contains(cell("hidden"), "mfa: =the licence hides it") {
			t.Errorf("summary of fabrikam: %q, %q", cell("partial"), cell("hidden"))
		}
	}
}

// TestIdentityCSVStreams reads a long list page by page, and breaks off where the
// store fails.
func TestIdentityCSVStreams(t *testing.T) {
	t.Parallel()
	f := people()
	f.accounts = nil
	for n := range 2500 {
		f.accounts = append(f.accounts, identity.AccountRow{Tenant: contoso, ID: object(n), Class: identity.Class{Guest: true, Enabled: true}})
	}
	s := serveIdentity(t, f, fresnel.AllTenants(), nil)
	w := s.do(http.MethodGet, "/api/v1/identity/guests.csv", "")
	if n := strings.Count(w.Body.String(), "\n"); n != 2501 || len(f.asked) != 3 || f.asked[2].Limit != 1001 || f.asked[2].After.ID != object(1999) {
		t.Errorf("%d lines by %d questions", n, len(f.asked))
	}
	f.breakAt = 5
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // it is compared as net/http does
			t.Error("a list that broke off looks like a whole one")
		}
	}()
	s.do(http.MethodGet, "/api/v1/identity/guests.csv", "")
}

// TestIdentityDocs wants a word of meaning at every field and every filter.
func TestIdentityDocs(t *testing.T) {
	t.Parallel()
	for _, op := range Docs(Register(http.NewServeMux(), Service{})).Operations {
		if !strings.HasPrefix(op.Path, "/api/v1/identity/") {
			continue
		}
		for _, p := range op.Params {
			if p.Doc == "" {
				t.Errorf("%s says nothing of its filter %s", op.Path, p.Name)
			}
		}
		for _, f := range op.Fields {
			if f.Doc == "" && f.Path != "data" && f.Path != "meta" {
				t.Errorf("%s says nothing of its field %s", op.Path, f.Path)
			}
		}
	}
}
