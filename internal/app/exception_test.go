package app_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// findingRow is a finding of any domain, and exceptionRow what was said, as the API tells them.
type findingRow struct {
	ID       int64  `json:"id"`
	Domain   string `json:"domain"`
	Rule     string `json:"rule"`
	TenantID string `json:"tenant_id"`
	Object   string `json:"object"`
	State    string `json:"state"`
	Since    string `json:"since"`
	USD      money  `json:"usd"`
	Verdict  *said  `json:"verdict"`
}

type exceptionRow struct {
	ID       int64      `json:"id"`
	TenantID string     `json:"tenant_id"`
	Rule     string     `json:"rule"`
	Object   string     `json:"object"`
	Standing string     `json:"standing"`
	EndedAt  *time.Time `json:"ended_at"`
	Verdict  string     `json:"verdict"`
	Note     string     `json:"note"`
	Expires  *time.Time `json:"expires"`
}

func (w *world) findings(t *testing.T, words string) []findingRow {
	t.Helper()
	rows, _ := pages[findingRow](t, w, "/api/v1/findings?limit=500&"+words)
	return rows
}

func (w *world) exceptions(t *testing.T, words string) []exceptionRow {
	t.Helper()
	rows, _ := pages[exceptionRow](t, w, "/api/v1/exceptions?limit=500&"+words)
	return rows
}

// groupOf is the resource group that an object is in; "" if it is in none.
func groupOf(object string) string {
	parts := strings.Split(object, "/")
	if len(parts) < 7 || parts[3] != "resourcegroups" {
		return ""
	}
	return strings.Join(parts[:5], "/")
}

// TestExceptions says of a whole resource group that what a rule finds there is
// expected: it is hidden with its reason, comes back by its day or when it is
// taken back, and stays in the history.
func TestExceptions(t *testing.T) {
	long(t)
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 2, Months: 4, Waste: 30, Planted: 4})
		w := begin(t, sim, database, months(4))
		sim.Clock().Advance(33 * 24 * time.Hour)
		whole(t, w.sync(t))
		whole(t, w.inventory(t))
		all := w.waste(t, "")
		w.sameFindings(t, all.Data)
		w.overAnAmount(t, all.Data)

		// A rule that finds something in a group, the more the better, and elsewhere.
		rule, group, most := "", "", 0
		for _, f := range all.Data {
			in, out := 0, 0
			for _, v := range all.Data {
				switch {
				case v.Rule != f.Rule:
				case groupOf(v.ResourceID) == groupOf(f.ResourceID):
					in++
				default:
					out++
				}
			}
			if g := groupOf(f.ResourceID); g != "" && in > most && out > 0 && !f.Free && !f.AtMost && !f.Estimate && f.Cost.USD.Micros > 0 {
				rule, group, most = f.Rule, g, in
			}
		}
		if rule == "" {
			t.Fatal("no rule that finds something in two resource groups")
		}
		w.exceptGroup(t, rule, group, all)
		w.badExceptions(t, rule, group)
		w.extents(t, rule, group)
	})
}

// sameFindings holds the list of all domains against the lists of each.
func (w *world) sameFindings(t *testing.T, list []wasted) {
	t.Helper()
	line := func(id int64, rule, tenant, object, state, since string) string {
		return strings.Join([]string{strconv.FormatInt(id, 10), rule, tenant, object, state, since}, " ")
	}
	var want, got []string
	for _, f := range list {
		want = append(want, line(f.ID, f.Rule, f.TenantID, f.ResourceID, f.State, f.Since))
	}
	every := w.findings(t, "state=all")
	costs := 0
	for _, f := range every {
		if f.Domain == "resources" && f.State != "resolved" {
			got = append(got, line(f.ID, f.Rule, f.TenantID, f.Object, f.State, f.Since))
		}
		if f.Domain == "costs" {
			costs++
		}
	}
	if d := lineDiff(want, got); d != "" || costs == 0 {
		t.Errorf("findings, %d of costs (-orphaned +findings):\n%.2000s", costs, d)
	}
	some, tenant := every[len(every)/2], w.Estate()[1].ID
	for words, keep := range map[string]func(findingRow) bool{
		"":                            func(f findingRow) bool { return f.State == "open" },
		"state=all&domain=costs":      func(f findingRow) bool { return f.Domain == "costs" },
		"state=all&domain=resources":  func(f findingRow) bool { return f.Domain == "resources" },
		"state=resolved":              func(f findingRow) bool { return f.State == "resolved" },
		"state=all&tenant=" + tenant:  func(f findingRow) bool { return f.TenantID == tenant },
		"state=all&rule=" + some.Rule: func(f findingRow) bool { return f.Rule == some.Rule },
		"state=expected":              func(f findingRow) bool { return f.State == "expected" },
		"state=all&object=" + url.QueryEscape(strings.ToUpper(some.Object)): func(f findingRow) bool { return f.Object == some.Object },
	} {
		var rows []findingRow
		for _, f := range every {
			if keep(f) {
				rows = append(rows, f)
			}
		}
		if d := diff(rows, w.findings(t, words)); d != "" {
			t.Errorf("findings %s (-filtered here +api):\n%.1500s", words, d)
		}
		paged, _ := pages[findingRow](t, w, "/api/v1/findings?limit=7&"+words)
		if d := diff(rows, paged); d != "" {
			t.Errorf("findings %s by 7 (-filtered here +api):\n%.1500s", words, d)
		}
	}
	if !slices.IsSortedFunc(every, func(a, b findingRow) int { return cmp.Compare(b.USD.Micros, a.USD.Micros) }) {
		t.Error("findings are not by what they are worth")
	}
	var cells, told []string
	for _, f := range every {
		cells = append(cells, line(f.ID, f.Rule, f.TenantID, cellText(f.Object), f.State, f.Since)+" "+decimalOf(f.USD))
	}
	_, rows := sheet(t, w, "/api/v1/findings.csv?state=all")
	for _, r := range rows {
		id, err := strconv.ParseInt(r["id"], 10, 64)
		if err != nil {
			t.Error(err)
		}
		told = append(told, line(id, r["rule"], r["tenant_id"], r["object"], r["state"], r["since"])+" "+r["usd"])
	}
	sameRows(t, "/api/v1/findings.csv", cells, told, 20)
}

// overAnAmount asks for what is worth more than 100 in the currency that it is billed in.
func (w *world) overAnAmount(t *testing.T, list []wasted) {
	t.Helper()
	for _, amount := range []int64{1, 100} {
		var want, got []string
		for _, f := range list {
			if slices.ContainsFunc(append(slices.Clone(f.Cost.Full), f.Cost.SoFar...), func(m money) bool { return m.Micros > amount*1_000_000 }) {
				want = append(want, fmt.Sprint(f.ID, " ", f.Rule))
			}
		}
		for _, f := range w.waste(t, fmt.Sprintf("&over=%d", amount)).Data {
			got = append(got, fmt.Sprint(f.ID, " ", f.Rule))
		}
		if d := lineDiff(want, got); d != "" || len(want) == 0 || len(want) == len(list) {
			t.Errorf("over %d: %d of %d (-filtered here +api):\n%s", amount, len(want), len(list), d)
		}
	}
	for _, over := range []string{"0", "-5", "much", strings.Repeat("9", 21), "99999999999999999999"} {
		if a := w.get("/api/v1/resources/orphaned?over=" + over); a.status != 400 && a.status != 422 {
			t.Errorf("over=%s: %d %.200s", over, a.status, a.body)
		}
	}
}

// exceptGroup excepts a rule in a group and watches what is told of it.
func (w *world) exceptGroup(t *testing.T, rule, group string, before wasteAnswer) {
	t.Helper()
	in := func(f wasted) bool { return f.Rule == rule && strings.HasPrefix(f.ResourceID, group+"/") }
	var held []wasted
	usd := int64(0)
	for _, f := range before.Data {
		if in(f) {
			held = append(held, f)
			usd += f.Cost.USD.Micros
		}
	}
	until := w.Clock().Now().Add(48 * time.Hour)
	except := func() exceptionRow {
		t.Helper()
		a := w.send("POST", "/api/v1/exceptions", map[string]any{"rule": rule, "object": strings.ToUpper(group) + "/", "verdict": "expected", "note": "kept for <the audit>", "expires": until.Format(time.DateOnly)})
		var v wire[exceptionRow]
		if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status/100 != 2 || v.Data.Object != group || v.Data.Standing != "active" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return v.Data
	}
	one := except()
	check := func(what, state string) {
		t.Helper()
		now := w.waste(t, "")
		open, worth := before.Total.Open, before.Total.Waste.USD.Micros
		if state != "open" {
			open, worth = open-len(held), worth-usd
		}
		if now.Total.Open != open || now.Total.Waste.USD.Micros != worth {
			t.Errorf("%s: %d open worth %d, want %d worth %d", what, now.Total.Open, now.Total.Waste.USD.Micros, open, worth)
		}
		for _, f := range now.Data {
			want := "open"
			if in(f) {
				want = state
			}
			if f.State != want || (f.Verdict != nil) != (want != "open") || f.Verdict != nil && (f.Verdict.Note != "kept for <the audit>" || f.Verdict.Expires == nil) {
				t.Errorf("%s: %s %s is %s, %+v", what, f.Rule, f.ResourceID, f.State, f.Verdict)
			}
		}
		n := 0
		for _, f := range w.findings(t, "state=expected&domain=resources") {
			if n++; f.Verdict == nil || f.Verdict.Note != "kept for <the audit>" || f.Rule != rule {
				t.Errorf("%s: without its reason: %+v", what, f)
			}
		}
		if want := len(held); state == "open" && n != 0 || state == "expected" && n != want {
			t.Errorf("%s: %d findings are expected, of %d", what, n, want)
		}
	}
	stands := func(want ...string) {
		t.Helper()
		var got []string
		for _, e := range w.exceptions(t, "standing=all&rule="+rule) {
			if got = append(got, e.Standing); e.Object != group || e.Note != "kept for <the audit>" || e.Verdict != "expected" || (e.EndedAt != nil) != (e.Standing == "ended") {
				t.Errorf("in the history: %+v", e)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the history stands %v, want %v", got, want)
		}
		if n := len(w.exceptions(t, "standing=active")); n != strings.Count(strings.Join(want, " "), "active") {
			t.Errorf("%d exceptions hold, the history stands %v", n, want)
		}
	}
	check("excepted", "expected")
	stands("active")
	whole(t, w.inventory(t)) // found again, and still hidden
	check("found again", "expected")
	// One of them cannot be reopened alone: the words say what can.
	refusal := w.send("POST", fmt.Sprintf("/api/v1/findings/%d/verdict", held[0].ID), map[string]string{"verdict": "open"})
	refused(t, refusal, 409)
	if !strings.Contains(refusal.body, fmt.Sprintf("/api/v1/exceptions/%d", one.ID)) {
		t.Errorf("the refusal does not say what to do: %s", refusal.body)
	}
	w.Clock().Advance(73 * time.Hour)
	check("expired", "open")
	stands("expired")
	until = w.Clock().Now().Add(48 * time.Hour)
	two := except()
	check("excepted again", "expected")
	if a := w.send("DELETE", fmt.Sprintf("/api/v1/exceptions/%d", two.ID), nil); a.status/100 != 2 {
		t.Errorf("%d %s", a.status, a.body)
	}
	check("taken back", "open")
	stands("ended", "ended") // the first was replaced
	refused(t, w.send("DELETE", fmt.Sprintf("/api/v1/exceptions/%d", two.ID), nil), 404)
}

// badExceptions sends what is wrong.
func (w *world) badExceptions(t *testing.T, rule, group string) {
	t.Helper()
	day := w.Clock().Now().Add(48 * time.Hour).Format(time.DateOnly)
	sub := "/subscriptions/" + w.Estate()[0].Subscriptions[0].ID
	was := len(w.exceptions(t, "standing=all"))
	good := map[string]any{"rule": rule, "object": group, "verdict": "expected", "note": "why", "expires": day}
	for _, c := range []struct {
		key    string
		value  any
		status int
	}{
		{"rule", "no-such-rule", 400},
		{"rule", "", 400},
		{"rule", "cost-anomaly", 400},
		{"rule", strings.Repeat("x", 101), 422},
		{"rule", 7, 422},
		{"object", "", 400},
		{"object", "/", 400},
		{"object", "/subscriptions/", 400},
		{"object", "/subscriptions/none", 400},
		{"object", sub + "/resourceGroups", 400},
		{"object", sub + "//x", 400},
		{"object", sub + "/nothing/x/y", 400},
		{"object", "/subscriptions/11111111-2222-4333-8444-555555555555", 404},
		{"object", "/providers/microsoft.management/managementgroups/x", 400},
		{"object", strings.Repeat("x", 2001), 422},
		{"verdict", "open", 422},
		{"verdict", "", 422},
		{"verdict", "EXPECTED", 422},
		{"note", "", 400},
		{"note", " \t", 400},
		{"note", strings.Repeat("x", 2001), 422},
		{"expires", "", 400},
		{"expires", "2020-01-01", 400},
		{"expires", "2099-01-01", 400},
		{"expires", "soon", 400},
		{"expires", "2026-02-31", 400},
		{"colour", "red", 422},
	} {
		body := maps.Clone(good)
		body[c.key] = c.value
		if a := w.send("POST", "/api/v1/exceptions", body); a.status != c.status {
			t.Errorf("%s %.60v: %d, want %d: %.300s", c.key, c.value, a.status, c.status, a.body)
		} else {
			refused(t, a, c.status)
		}
	}
	for path, status := range map[string]int{
		"/api/v1/findings?state=closed": 422, "/api/v1/findings?domain=tags": 422, "/api/v1/findings?rule=none": 400, "/api/v1/findings?tenant=nobody": 404, "/api/v1/findings?cursor=!": 400,
		"/api/v1/findings?limit=0": 422, "/api/v1/exceptions?standing=none": 422, "/api/v1/exceptions?tenant=nobody": 404, "/api/v1/exceptions?cursor=x": 400, "/api/v1/exceptions?rule=none": 400,
		"/api/v1/exceptions?limit=1001": 422, "/api/v1/exceptions/1": 405,
	} {
		refused(t, w.get(path), status)
	}
	for path, status := range map[string]int{"/api/v1/exceptions/0": 422, "/api/v1/exceptions/x": 422, "/api/v1/exceptions/999999": 404, "/api/v1/findings/1/verdict": 405} {
		refused(t, w.send("DELETE", path, nil), status)
	}
	refused(t, w.send("POST", "/api/v1/findings/999999/verdict", map[string]any{"verdict": "acknowledged"}), 404)
	if n := len(w.exceptions(t, "standing=all")); n != was {
		t.Errorf("%d exceptions, there were %d: what is wrong was kept", n, was)
	}
}

// extents says of one finding what holds for its resource group or subscription.
func (w *world) extents(t *testing.T, rule, group string) {
	t.Helper()
	day := w.Clock().Now().Add(48 * time.Hour).Format(time.DateOnly)
	var one wasted
	list := w.waste(t, "&rule="+rule).Data
	for _, f := range list {
		if groupOf(f.ResourceID) == group {
			one = f
		}
	}
	path := fmt.Sprintf("/api/v1/findings/%d/verdict", one.ID)
	refused(t, w.send("POST", path, map[string]any{"verdict": "acknowledged", "extent": "tenant"}), 422)
	for extent, object := range map[string]string{"resource_group": group, "subscription": strings.Join(strings.Split(group, "/")[:3], "/")} {
		if a := w.send("POST", path, map[string]any{"verdict": "expected", "extent": extent, "note": "all of it", "expires": day}); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		for _, f := range w.waste(t, "&rule="+rule).Data {
			if want := strings.HasPrefix(f.ResourceID, object+"/"); (f.State == "expected") != want {
				t.Errorf("%s: %s is %s", extent, f.ResourceID, f.State)
			}
		}
		active := w.exceptions(t, "standing=active")
		if len(active) != 1 || active[0].Object != object {
			t.Fatalf("%s: %+v", extent, active)
		}
		refused(t, w.send("POST", path, map[string]any{"verdict": "open"}), 409)
		if a := w.send("DELETE", fmt.Sprintf("/api/v1/exceptions/%d", active[0].ID), nil); a.status/100 != 2 {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}
