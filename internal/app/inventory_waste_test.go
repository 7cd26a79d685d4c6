package app_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
)

// wasted is a finding as the API tells it.
type wasted struct {
	ID         int64        `json:"id"`
	Rule       string       `json:"rule"`
	Reason     string       `json:"reason"`
	Confidence string       `json:"confidence"`
	State      string       `json:"state"`
	TenantID   string       `json:"tenant_id"`
	ResourceID string       `json:"resource_id"`
	Resource   *resourceRow `json:"resource"`
	Since      string       `json:"since"`
	Known      bool         `json:"cost_known"`
	Free       bool         `json:"free"`
	AtMost     bool         `json:"at_most"`
	Estimate   bool         `json:"azure_estimates"`
	Cost       monthCost    `json:"cost"`
	Verdict    *struct {
		Verdict string     `json:"verdict"`
		Note    string     `json:"note"`
		Expires *time.Time `json:"expires"`
	} `json:"verdict"`
}

type monthCost struct {
	Full  []money `json:"last_month"`
	SoFar []money `json:"this_month"`
	USD   money   `json:"last_month_usd"`
}

type wasteAnswer struct {
	Data  []wasted `json:"data"`
	Total struct {
		Open    int       `json:"open"`
		Waste   monthCost `json:"waste"`
		AtMost  monthCost `json:"at_most"`
		Unknown int       `json:"unknown"`
	} `json:"total"`
	Meta meta `json:"meta"`
}

// waste reads every page of the findings.
func (w *world) waste(t *testing.T, words string) wasteAnswer {
	t.Helper()
	var out wasteAnswer
	path := "/api/v1/resources/orphaned?limit=500" + words
	for next := path; ; {
		var v wasteAnswer
		a := w.get(next)
		if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != 200 {
			t.Fatalf("%s: %d %v %.300s", next, a.status, err, a.body)
		}
		out.Data = append(out.Data, v.Data...)
		if out.Total, out.Meta = v.Total, v.Meta; v.Meta.NextCursor == "" {
			return out
		}
		next = with(path, "cursor", v.Meta.NextCursor)
	}
}

// about is the resource that a finding is about: of a recommendation, that
// which is recommended something.
func (f wasted) about() string {
	id, _, _ := strings.Cut(f.ResourceID, "/providers/microsoft.advisor/")
	return id
}

// labelled compares findings with the simulator's labels: what each rule
// should say is said, and what no rule should say is not.
func (w *world) labelledWaste(t *testing.T, list []wasted, notRun ...string) {
	t.Helper()
	found := map[[2]string]wasted{}
	for _, f := range list {
		found[[2]string{f.Rule, f.about()}] = f
	}
	expected, negative := map[[2]string]azuresim.Waste{}, map[[2]string]azuresim.Waste{}
	for _, l := range w.Waste(time.Time{}) {
		key := [2]string{l.RuleID, strings.ToLower(l.ResourceID)}
		switch {
		case slices.Contains(notRun, l.RuleID):
		case l.Expect == azuresim.ExpectNone:
			negative[key] = l
		default:
			expected[key] = l
		}
	}
	var lines []string
	hits := map[string]int{}
	for key, l := range expected {
		f, ok := found[key]
		switch {
		case !ok:
			lines = append(lines, fmt.Sprintf("not found: %s %s (%s, since %s)", key[0], key[1], l.Case, l.Since.Format(time.DateOnly)))
		case f.Confidence != l.Expect:
			lines = append(lines, fmt.Sprintf("confidence: %s %s (%s): %s, expected %s", key[0], key[1], l.Case, f.Confidence, l.Expect))
		default:
			hits[key[0]]++
		}
	}
	for key, f := range found {
		if l, ok := negative[key]; ok {
			if _, both := expected[key]; !both {
				lines = append(lines, fmt.Sprintf("found, and is none: %s %s (%s): %s", key[0], key[1], l.Case, f.Reason))
			}
		} else if _, ok := expected[key]; !ok {
			lines = append(lines, fmt.Sprintf("found, without a label: %s %s: %s", key[0], key[1], f.Reason))
		}
	}
	slices.Sort(lines)
	for _, l := range lines {
		t.Error(l)
	}
	t.Logf("%d findings of %d rules as labelled, %d negative cases, %d differ", len(found)-len(lines), len(hits), len(negative), len(lines))
	if len(hits) < 40 || len(negative) < 60 {
		t.Errorf("%d rules and %d negative cases: the test shows nothing", len(hits), len(negative))
	}
}

// lastMonth is the truth of amortized cost by resource of the last full month.
func (w *world) lastMonth(t *testing.T) map[string]map[string][2]int64 {
	t.Helper()
	month := fresnel.DayOf(w.Clock().Now()).AddMonths(-1)
	rows, err := w.Truth(azuresim.TruthQuery{
		From: month.Time(), To: (month.AddMonths(1) - 1).Time(), Metric: "AmortizedCost", By: []string{"tenant", "resource", "subscription"}, Cut: "resources",
	})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string][2]int64{}
	for _, r := range rows {
		if r.Resource == "" {
			continue
		}
		if out[r.Resource] == nil {
			out[r.Resource] = map[string][2]int64{}
		}
		v := out[r.Resource][r.Currency]
		out[r.Resource][r.Currency] = [2]int64{v[0] + r.Micros, v[1] + r.USDMicros}
	}
	return out
}

// worth compares the money of findings, and their total, with the truth.
func (w *world) worth(t *testing.T, a wasteAnswer) {
	t.Helper()
	truth := w.lastMonth(t)
	counted, sum, usd, exact := map[string]bool{}, map[string]int64{}, int64(0), 0
	for _, f := range a.Data {
		if f.Free || f.Estimate {
			continue
		}
		full, ok := truth[f.ResourceID]
		if f.Rule == "vm-stopped-not-deallocated" || f.Rule == "vm-deallocated-long" || len(full) == 0 && len(f.Cost.Full) > 0 {
			continue // of a machine and its disks
		}
		want, dollars := map[string]int64{}, int64(0)
		for currency, v := range full {
			want[currency] = v[0]
			dollars += v[1]
		}
		got := map[string]int64{}
		for _, m := range f.Cost.Full {
			got[m.Currency] = m.Micros
		}
		if !maps.Equal(got, want) || f.Cost.USD.Micros != dollars {
			t.Errorf("%s %s costs %v, %d; the truth is %v, %d", f.Rule, f.ResourceID, got, f.Cost.USD.Micros, want, dollars)
		}
		if ok {
			exact++
		}
	}
	for _, f := range a.Data { // again by resource: the whole of it once
		if f.Free || f.Estimate || f.AtMost || f.State != "open" || counted[f.ResourceID] {
			continue
		}
		counted[f.ResourceID] = true
		for _, m := range f.Cost.Full {
			sum[m.Currency] += m.Micros
		}
		usd += f.Cost.USD.Micros
	}
	total := map[string]int64{}
	for _, m := range a.Total.Waste.Full {
		total[m.Currency] = m.Micros
	}
	t.Logf("%d findings cost what the truth says; total %v, sum by finding %v", exact, total, sum)
	for currency, v := range total {
		if v > sum[currency] {
			t.Errorf("the total %s %d is more than the findings' %d", currency, v, sum[currency])
		}
	}
	if exact < 15 || a.Total.Waste.USD.Micros > usd || len(total) == 0 {
		t.Errorf("%d findings with a cost, total %d of %d: the test shows nothing", exact, a.Total.Waste.USD.Micros, usd)
	}
}

func (w *world) wasteSheet(t *testing.T, list []wasted) {
	t.Helper()
	var want, got []string
	for _, f := range list {
		var full []string
		for _, m := range f.Cost.Full {
			full = append(full, decimalOf(m)+" "+m.Currency)
		}
		want = append(want, strings.Join([]string{strconv.FormatInt(f.ID, 10), f.Rule, f.State, f.ResourceID, f.Since, strconv.FormatBool(f.Known), strings.Join(full, " "), known(f.Cost.USD)}, "|"))
	}
	_, rows := sheet(t, w, "/api/v1/resources/orphaned.csv")
	for _, r := range rows {
		got = append(got, strings.Join([]string{r["id"], r["rule"], r["state"], r["resource_id"], r["since"], r["cost_known"], r["last_month"], r["last_month_usd"]}, "|"))
	}
	sameRows(t, "/api/v1/resources/orphaned.csv", want, got, 20)
}

// judged excepts a finding until a day: it is hidden with its reason, and back then.
func (w *world) judged(t *testing.T, list []wasted) {
	t.Helper()
	i := slices.IndexFunc(list, func(f wasted) bool { return !f.Free && !f.Estimate && !f.AtMost && f.Cost.USD.Micros > 0 })
	if i < 0 {
		t.Error("no finding with a cost")
		return
	}
	f, path := list[i], fmt.Sprintf("/api/v1/findings/%d/verdict", list[i].ID)
	before := w.waste(t, "")
	until := w.Clock().Now().Add(48 * time.Hour)
	for _, body := range []map[string]any{
		{"verdict": "expected", "expires": until.Format(time.DateOnly)},
		{"verdict": "expected", "note": "why"},
		{"verdict": "nonsense"},
		{"verdict": "expected", "note": "why", "expires": "2020-01-01"},
	} {
		if a := w.send("POST", path, body); a.status/100 != 4 {
			t.Errorf("%v: %d %s", body, a.status, a.body)
		}
	}
	if a := w.send("POST", path, map[string]any{"verdict": "expected", "note": "kept <b>for</b> now", "expires": until.Format(time.DateOnly)}); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	state := func(want string) wasteAnswer {
		t.Helper()
		a := w.waste(t, "")
		at := slices.IndexFunc(a.Data, func(v wasted) bool { return v.ID == f.ID })
		if at < 0 || a.Data[at].State != want {
			t.Fatalf("finding %d is not %s", f.ID, want)
		}
		if v := a.Data[at].Verdict; want == "expected" && (v == nil || v.Note != "kept <b>for</b> now" || v.Expires == nil) {
			t.Errorf("without its reason: %+v", v)
		}
		if open := slices.ContainsFunc(w.waste(t, "&state=open").Data, func(v wasted) bool { return v.ID == f.ID }); open != (want == "open") {
			t.Errorf("%s, and among the open ones: %v", want, open)
		}
		return a
	}
	hidden := state("expected")
	if hidden.Total.Open != before.Total.Open-1 || hidden.Total.Waste.USD.Micros > before.Total.Waste.USD.Micros {
		t.Errorf("hidden: %d open of %d, %d of %d", hidden.Total.Open, before.Total.Open, hidden.Total.Waste.USD.Micros, before.Total.Waste.USD.Micros)
	}
	whole(t, w.inventory(t)) // found again, and still hidden
	state("expected")
	w.Clock().Advance(73 * time.Hour)
	state("open")
	if a := w.send("POST", path, map[string]any{"verdict": "acknowledged"}); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	state("acknowledged")
	if a := w.send("POST", path, map[string]any{"verdict": "open"}); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	state("open")
}

// wasteDiff tells which findings are in one list only.
func wasteDiff(a, b []wasted) string {
	key := func(list []wasted) (out []string) {
		for _, f := range list {
			out = append(out, f.Rule+" "+f.ResourceID)
		}
		slices.SortFunc(out, cmp.Compare[string])
		return out
	}
	return diff(key(a), key(b))
}
