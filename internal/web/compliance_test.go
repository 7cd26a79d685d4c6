package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

var judgedNow = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

// judged is what is held of three tenants: one read in full, one whose last reading failed, one that Azure does not judge.
type judged struct {
	compliance.Reader
	asked []fresnel.Scope
}

const tenantC = fresnel.TenantID("cccccccc-0000-4000-8000-000000000003")

func (*judged) Coverage(_ context.Context, s fresnel.Scope) ([]compliance.TenantRead, error) {
	list := []compliance.TenantRead{
		{Tenant: tenantA, Name: "Contoso", Subscriptions: 1, Read: 1, Oldest: judgedNow.Add(-time.Hour), LastRun: fresnel.Completed},
		{Tenant: tenantB, Name: "Fabrikam", Subscriptions: 1, Read: 1, Failed: 1, Oldest: judgedNow.Add(-30 * time.Hour), LastRun: fresnel.Failed, LastReason: "403", LastDo: "assign Reader"},
		{Tenant: tenantC, Name: "Tailspin", Subscriptions: 1, Unregistered: 1, LastRun: fresnel.Completed},
	}
	return slices.DeleteFunc(list, func(t compliance.TenantRead) bool { return !s.Sees(t.Tenant) }), nil
}

func (*judged) Subscriptions(_ context.Context, s fresnel.Scope, _ []string) ([]compliance.SubscriptionHeld, error) {
	list := []compliance.SubscriptionHeld{
		{Tenant: tenantA, Subscription: "a", PolicyAt: judgedNow.Add(-time.Hour), Policy: compliance.SubjectRead, Counts: compliance.Counts{Compliant: 19, NonCompliant: 1, Unknown: 2}},
		{Tenant: tenantB, Subscription: "b", PolicyAt: judgedNow.Add(-30 * time.Hour), Policy: compliance.SubjectFailed, Counts: compliance.Counts{Compliant: 5, Exempt: 3, NonCompliant: 2}},
		{Tenant: tenantC, Subscription: "c", Policy: compliance.SubjectUnregistered},
	}
	return slices.DeleteFunc(list, func(t compliance.SubscriptionHeld) bool { return !s.Sees(t.Tenant) }), nil
}

func (j *judged) At(_ context.Context, s fresnel.Scope, _ []string, d fresnel.Day) ([]compliance.SubscriptionAt, error) {
	j.asked = append(j.asked, s)
	if !s.Sees(tenantA) {
		return nil, nil
	}
	return []compliance.SubscriptionAt{{Tenant: tenantA, Subscription: "a", Day: d, Read: d.Time().Add(time.Hour), Counts: compliance.Counts{Compliant: 20}}}, nil
}

func (*judged) Days(_ context.Context, s fresnel.Scope, p fresnel.Period) ([]compliance.DayCount, error) {
	if !s.Sees(tenantA) {
		return nil, nil
	}
	return []compliance.DayCount{{Tenant: tenantA, Day: p.To - 1, Counts: compliance.Counts{Compliant: 19, NonCompliant: 1}, Expected: 2, Read: 1}}, nil
}

type registered []fresnel.Tenant

func (r registered) List(context.Context, fresnel.Scope) ([]fresnel.Tenant, error) { return r, nil }

func (registered) SubscriptionsByID(context.Context, fresnel.Scope, []string) (map[string]fresnel.Subscription, error) {
	return map[string]fresnel.Subscription{}, nil
}

type noRuns struct{}

func (noRuns) List(context.Context, fresnel.Scope, string, bool, int64, int) ([]fresnel.Run, error) {
	return nil, nil
}

func (noRuns) Latest(context.Context, fresnel.Scope, string) ([]fresnel.Run, error) { return nil, nil }

func judgedMux(t *testing.T) (*http.ServeMux, *judged) {
	t.Helper()
	now, reader, mux := func() time.Time { return judgedNow }, &judged{}, http.NewServeMux()
	Routes(mux, Service{
		Reports: cost.Reports{Now: now}, Compliance: compliance.Reports{Reader: reader, Now: now, Target: 90, Stale: 24 * time.Hour}, Now: now,
		Tenants: registered{{ID: tenantA, Name: "Contoso"}, {ID: tenantB, Name: "Fabrikam"}, {ID: tenantC, Name: "Tailspin"}}, Runs: noRuns{},
	})
	return mux, reader
}

func ask(t *testing.T, mux http.Handler, path string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(fresnel.WithScope(t.Context(), fresnel.AllTenants()), http.MethodGet, path, nil)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestGaugePartial(t *testing.T) {
	mux, reader := judgedMux(t)
	code, html := ask(t, mux, "/partials/compliance-gauge")
	if code != http.StatusOK {
		t.Fatal(code, html)
	}
	for _, want := range []string{
		`id="compliance-gauge"`, "Contoso: 95.0% compliant, 19 of 20 resources, target 90.0%.", "−5.0 pts", "30 h old", "Tailspin: no score. Not registered.", "2 of 3 tenants",
		"95.0% · 19 of 20 · 1 of 2 subscriptions",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q", want)
		}
	}
	if code, html = ask(t, mux, "/partials/compliance-gauge?tenant="+string(tenantB)); code != http.StatusOK || !strings.Contains(html, "8 of 10 resources") || !strings.Contains(html, "5 of 7") || !strings.Contains(html, "3 of 10") {
		t.Errorf("one tenant: %d %s", code, html)
	}
	if last := reader.asked[len(reader.asked)-1]; last.Sees(tenantA) || !last.Sees(tenantB) {
		t.Error("a question of one tenant was asked of others")
	}
	for _, path := range []string{"/compliance?tenant=dddddddd-0000-4000-8000-000000000004", "/compliance/policies/0", "/compliance/policies/x", "/compliance/frameworks/detail", "/partials/compliance-failing?policy=x"} {
		if code, _ := ask(t, mux, path); code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, code)
		}
	}
}

func TestGaps(t *testing.T) {
	now := func() time.Time { return judgedNow }
	h := handlers{Service{Compliance: compliance.Reports{Reader: &judged{}, Now: now, Target: 90, Stale: 24 * time.Hour}}}
	rep, err := h.Compliance.Scores(t.Context(), fresnel.AllTenants(), nil)
	if err != nil {
		t.Fatal(err)
	}
	gaps, more := h.gaps(&request{now: judgedNow}, rep)
	if len(gaps) != 2 || more != 0 || gaps[0].Title != "Fabrikam is old." || gaps[0].Do != "Assign Reader" || gaps[1].Title != "1 subscription is not judged." {
		t.Errorf("%+v, %d more", gaps, more)
	}
}

func TestJudgedGap(t *testing.T) {
	for _, tt := range []struct {
		r    compliance.TenantRead
		want string
	}{
		{compliance.TenantRead{Subscriptions: 3, Read: 3}, ""},
		{compliance.TenantRead{Subscriptions: 3, Read: 2, Unregistered: 1}, ""},
		{compliance.TenantRead{Subscriptions: 2, Unregistered: 2}, "Not judged: no subscription is registered for Microsoft.PolicyInsights"},
		{compliance.TenantRead{LastRun: fresnel.Completed}, ""},
		{compliance.TenantRead{}, "Not read yet"},
		{compliance.TenantRead{Subscriptions: 4, Read: 1, Unregistered: 1, LastReason: "403", LastDo: "Add Reader"}, "1 of 3 subscriptions read. 403. Add Reader"},
	} {
		if got := judgedGap(tt.r); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.r, got, tt.want)
		}
	}
}

func TestFailingCursor(t *testing.T) {
	place := compliance.FailingPlace{Key: -1_763_900_000, Name: `a.b"<é`, Arm: 42}
	q := &request{query: page.Query{Cursor: failingCursor(place)}}
	if got := failingAsk(q).After; got != place || len(q.notes) != 0 {
		t.Errorf("%+v with %d notes, want %+v", got, len(q.notes), place)
	}
	for _, word := range []string{"x", "1.2", "..", "1.ä.x"} {
		q = &request{query: page.Query{Cursor: word}}
		if got := failingAsk(q).After; got != (compliance.FailingPlace{}) || len(q.notes) != 1 || q.query.Cursor != "" {
			t.Errorf("%q is no cursor: %+v with %d notes", word, got, len(q.notes))
		}
	}
	if failingCursor(compliance.FailingPlace{}) != "" {
		t.Error("the end of a list has a cursor")
	}
	for _, word := range []string{"x", "0", "-3"} {
		q = &request{}
		q.query.Policy = word
		if failingAsk(q).Policy != 0 || len(q.notes) != 1 || q.query.Policy != "" {
			t.Errorf("%q is no policy", word)
		}
	}
}

func TestOffset(t *testing.T) {
	for cursor, want := range map[string]int{"": 0, "25": 25, "-1": 0, "x": 0} {
		q := &request{query: page.Query{Cursor: cursor}}
		if got := q.offset(); got != want || (cursor == "x" || cursor == "-1") != (len(q.notes) == 1) {
			t.Errorf("%q: %d with %d notes", cursor, got, len(q.notes))
		}
	}
}

// TestPickLines: of more tenants than there are colours the lowest and those that moved most are drawn, each in a colour of its own.
func TestPickLines(t *testing.T) {
	trend := compliance.Trend{Tenants: map[fresnel.TenantID][]compliance.DayCount{}}
	day := func(ok int) compliance.DayCount {
		return compliance.DayCount{Counts: compliance.Counts{Compliant: ok, NonCompliant: 100 - ok}}
	}
	for i, ends := range [][2]int{{10, 10}, {20, 20}, {30, 30}, {95, 40}, {50, 50}, {90, 60}, {70, 70}, {80, 81}, {70, 99}} {
		trend.Tenants[fresnel.TenantID(rune('a'+i))] = []compliance.DayCount{day(ends[0]), day(ends[1])}
	}
	trend.Tenants["never"] = []compliance.DayCount{{}}
	got := pickLines(trend)
	if !slices.Equal(got, []fresnel.TenantID{"a", "b", "c", "d", "f", "i"}) {
		t.Errorf("%v", got)
	}
	taken := map[int]bool{}
	for _, slot := range colours(got) {
		if slot < 1 || slot > trendLines || taken[slot] {
			t.Errorf("colour %d", slot)
		}
		taken[slot] = true
	}
}

func TestNatural(t *testing.T) {
	want := []string{"1", "1.2", "1.10", "2", "A.8.9", "A.8.10", "b"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, natural)
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if natural("99999999999999999999999", "100000000000000000000000") >= 0 {
		t.Error("a long number is compared as one")
	}
}

func TestScopeWords(t *testing.T) {
	for id, want := range map[string]string{
		"/subscriptions/1c8f0a2e-0000-4000-8000-0000000002ab":                     "Subscription 1c8f…02ab",
		"/subscriptions/s/resourcegroups/rg-web":                                  "Resource group rg-web",
		"/providers/microsoft.management/managementgroups/corp":                   "Management group corp",
		"/subscriptions/s/resourcegroups/rg/providers/microsoft.compute/disks/d1": "Resource d1",
		"": "", "/": "/",
	} {
		if got := scopeWords(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

// TestDriftAnswer: a new assignment is told as that, and not as drift.
func TestDriftAnswer(t *testing.T) {
	d := compliance.Drift{
		Before: compliance.Counts{Compliant: 902, NonCompliant: 98}, After: compliance.Counts{Compliant: 881, NonCompliant: 119},
		LikeBefore: compliance.Counts{Compliant: 941, NonCompliant: 59}, LikeAfter: compliance.Counts{Compliant: 939, NonCompliant: 61},
		New: map[compliance.Cause]int{compliance.CauseAssignment: 18, compliance.CauseState: 3}, Resolved: map[compliance.Cause]int{},
		Assignments: []compliance.AssignmentMove{{Item: compliance.Item{Told: compliance.Told{Name: "Storage baseline"}}, Added: true}},
	}
	want := "Compliance fell 2.1 points: 88.1% (881 of 1,000 resources). Where the same assignments judge, it fell 0.2 points. " +
		"The assignment “Storage baseline” was added: 18 of 21 new failures came so. 3 failures are drift: the resource changed, or what its policy asks."
	if got := driftAnswer(d); got != want {
		t.Errorf("%s", got)
	}
	if got := driftAnswer(compliance.Drift{}); !strings.Contains(got, "nothing was judged") {
		t.Error(got)
	}
	d.After, d.LikeAfter, d.New = d.Before, d.LikeBefore, map[compliance.Cause]int{}
	if got := driftAnswer(d); got != "Compliance did not move: 90.2% (902 of 1,000 resources). Where the same assignments judge, it did not move." {
		t.Error(got)
	}
}
