package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
)

// changeRow is something that happened to a resource, as the API tells it.
type changeRow struct {
	ResourceID     string       `json:"resource_id"`
	Name           string       `json:"name"`
	Type           string       `json:"type"`
	ResourceGroup  string       `json:"resource_group"`
	TenantID       string       `json:"tenant_id"`
	SubscriptionID string       `json:"subscription_id"`
	Kind           string       `json:"kind"`
	Actor          string       `json:"actor"`
	App            string       `json:"app"`
	At             time.Time    `json:"at"`
	After          *time.Time   `json:"after"`
	Values         []changedVal `json:"values"`
	More           int          `json:"more_values"`
}

type changedVal struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// told is a change without its values: what must be so of each.
func (c changeRow) told() string {
	after := ""
	if c.After != nil {
		after = " after " + c.After.UTC().Format(time.RFC3339Nano)
	}
	return strings.Join([]string{c.At.UTC().Format(time.RFC3339Nano) + after, c.Kind, c.Actor, c.App, c.Type, c.SubscriptionID, strings.ToLower(c.ResourceID)}, " ")
}

func (w *world) changes(t *testing.T, words string) []changeRow {
	t.Helper()
	rows, _ := pages[changeRow](t, w, "/api/v1/resources/changes?limit=200"+words)
	return rows
}

// history holds what the program tells of changes against the simulator's.
type history struct {
	*world
	reads  map[string][]time.Time // of each subscription
	denied string
}

// kept is how long Azure tells of changes.
const kept = 14 * 24 * time.Hour

// read reads the inventory and notes when.
func (h *history) read(t *testing.T) {
	t.Helper()
	runs := h.inventory(t)
	for _, r := range runs {
		for _, p := range r.Result.Parts {
			if p.Subscription != h.denied && (p.State != fresnel.PartRead || p.Reason != "") {
				t.Errorf("%s: part %+v", r.TenantName, p)
			}
		}
	}
	for _, te := range h.Estate() {
		for _, s := range te.Subscriptions {
			if s.ID != h.denied {
				h.reads[s.ID] = append(h.reads[s.ID], h.Clock().Now())
			}
		}
	}
}

// states are what a subscription had at an instant, by id in lower case.
func (h *history) states(t *testing.T, sub string, at time.Time) (resources, groups map[string]string) {
	t.Helper()
	put := func(m map[string]string, id string, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		m[strings.ToLower(id)] = string(b)
	}
	resources, groups = map[string]string{}, map[string]string{}
	h.Inventory(sub, at, func(r azuresim.Resource) bool {
		if r.Deleted == nil {
			put(resources, r.ID, []any{r.Type, r.Kind, r.Location, r.ManagedBy, r.SKU, r.Properties, r.Tags, r.Identity, r.Zones})
		}
		return true
	})
	for _, g := range h.ResourceGroups(sub, at) {
		put(groups, g.ID, []any{g.ManagedBy, g.Tags})
	}
	return resources, groups
}

// seen is what a reading comes upon that knows only the one before.
func seen(before, after map[string]string) map[string]string {
	out := map[string]string{}
	for id, v := range after {
		if was, ok := before[id]; !ok {
			out[id] = "created"
		} else if was != v {
			out[id] = "updated"
		}
	}
	for id := range before {
		if _, ok := after[id]; !ok {
			out[id] = "deleted"
		}
	}
	return out
}

// expected is the history that there must be of a subscription, and the ids of
// which it depends on how fast Azure was. values are those of what Azure told.
func (h *history) expected(t *testing.T, sub string) (rows map[string]azuresim.Change, unsure map[string]bool) {
	t.Helper()
	rows, unsure = map[string]azuresim.Change{}, map[string]bool{}
	reads := h.reads[sub]
	row := func(c changeRow) string {
		c.SubscriptionID = sub
		return c.told()
	}
	for i, at := range reads {
		from := at.Add(-kept)
		if i > 0 && reads[i-1].After(from) {
			from = reads[i-1]
		}
		told := map[string]map[string]bool{}
		for _, c := range h.Changes(sub, from, at) {
			v := changeRow{ResourceID: c.ResourceID, Type: c.ResourceType, Kind: map[string]string{"Create": "created", "Update": "updated", "Delete": "deleted"}[c.Type], At: c.At.Truncate(time.Microsecond)}
			switch c.ByType {
			case "User":
				v.Actor = "person"
			case "Application":
				v.Actor, v.App = "app", c.By
			case "System":
				v.Actor = "platform"
			}
			rows[row(v)] = c
			id := strings.ToLower(c.ResourceID)
			if told[id] == nil {
				told[id] = map[string]bool{}
			}
			told[id][v.Kind] = true
			if c.Shown.After(at) && (i == len(reads)-1 || reads[i+1].Sub(c.At) >= kept) {
				unsure[id] = true
			}
		}
		if i == 0 {
			continue
		}
		before, groupsBefore := h.states(t, sub, reads[i-1])
		after, groupsAfter := h.states(t, sub, at)
		only := func(id, kind string) {
			rows[row(changeRow{ResourceID: id, Type: typeOf(id), Kind: kind, Actor: "unknown", At: at, After: &reads[i-1]})] = azuresim.Change{}
		}
		if from.After(reads[i-1]) { // Azure does not tell of all that was
			for id, kind := range seen(before, after) {
				if !told[id][kind] && (kind != "updated" || len(told[id]) == 0) {
					only(id, kind)
				}
			}
		}
		for id, kind := range seen(groupsBefore, groupsAfter) {
			only(id, kind)
		}
	}
	return rows, unsure
}

// typeOf is the type that an id in lower case names.
func typeOf(id string) string {
	i := strings.LastIndex(id, "/providers/")
	if i < 0 {
		return "microsoft.resources/subscriptions/resourcegroups"
	}
	parts := strings.Split(id[i+len("/providers/"):], "/")
	out := parts[0]
	for n := 1; n < len(parts); n += 2 {
		out += "/" + parts[n]
	}
	return out
}

// same compares the history with the simulator's and counts it by kind and by who.
func (h *history) same(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	list := h.changes(t, "")
	if !slices.IsSortedFunc(list, func(a, b changeRow) int { return b.At.Compare(a.At) }) {
		t.Error("changes are not the newest first")
	}
	var want, got []string
	for _, te := range h.Estate() {
		for _, s := range te.Subscriptions {
			rows, unsure := h.expected(t, s.ID)
			for line := range rows {
				if !unsure[line[strings.LastIndexByte(line, ' ')+1:]] {
					want = append(want, line)
				}
			}
			for _, c := range list {
				if c.SubscriptionID != s.ID || unsure[strings.ToLower(c.ResourceID)] {
					continue
				}
				got = append(got, c.told())
				counts[c.Kind]++
				counts[c.Actor]++
				if truth, ok := rows[c.told()]; ok && truth.ID != "" {
					h.values(t, c, truth)
				}
				if c.TenantID != te.ID {
					t.Errorf("%s is of tenant %s", c.told(), c.TenantID)
				}
			}
		}
	}
	if d := lineDiff(want, got); d != "" {
		t.Errorf("%s: changes (-simulator +api):\n%.4000s", h.Clock().Now().Format(time.RFC3339), d)
	}
	return counts
}

// lineDiff tells what is in one list only, or there more often.
func lineDiff(want, got []string) string {
	n := map[string]int{}
	for _, l := range want {
		n[l]--
	}
	for _, l := range got {
		n[l]++
	}
	var b strings.Builder
	for _, l := range slices.Sorted(maps.Keys(n)) {
		if n[l] != 0 {
			fmt.Fprintf(&b, "%+d %s\n", n[l], l)
		}
	}
	return b.String()
}

// values compares what a change changed.
func (h *history) values(t *testing.T, c changeRow, truth azuresim.Change) {
	t.Helper()
	text := func(v any) string {
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	}
	var want []changedVal
	for path, v := range truth.Changes {
		if !strings.HasPrefix(path, "systemData.") { // it names people
			want = append(want, changedVal{path, text(v.Previous), text(v.New)})
		}
	}
	slices.SortFunc(want, func(a, b changedVal) int { return strings.Compare(a.Path, b.Path) })
	if more := max(0, len(want)-20); more != c.More || len(c.Values) != len(want)-more {
		t.Errorf("%s: %d values and %d more, there are %d", c.told(), len(c.Values), c.More, len(want))
		return
	}
	for i, v := range c.Values {
		same := func(got, want string) bool {
			cut, long := strings.CutSuffix(got, "…")
			return got == want || long && len(want) > 200 && strings.HasPrefix(want, cut)
		}
		if v.Path != want[i].Path || !same(v.Before, want[i].Before) || !same(v.After, want[i].After) {
			t.Errorf("%s: %+v, the simulator says %+v", c.told(), v, want[i])
		}
	}
}

// TestChanges lets days pass, and resources be deleted, moved, spelt otherwise
// and denied, with readings between: each thing that happens is told once, by
// whom where Azure says so, and as something that only we saw where it does not.
func TestChanges(t *testing.T) {
	long(t)
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4})
		w := begin(t, sim, database, months(2))
		w.logs = &safeText{}
		w.restart(t, months(2))
		h := &history{world: w, reads: map[string][]time.Time{}}
		h.read(t)
		if n := h.same(t); n["person"] == 0 || n["unknown"] > 0 {
			t.Errorf("of the fortnight before the first reading: %v", n)
		}
		for _, step := range []time.Duration{26 * time.Hour, 20 * time.Minute, 6 * time.Hour, 30 * 24 * time.Hour, 13 * 24 * time.Hour} {
			sim.Clock().Advance(step)
			h.read(t)
			h.same(t)
		}
		n := h.same(t)
		for _, word := range []string{"created", "updated", "deleted", "person", "app", "platform", "unknown"} {
			if n[word] == 0 {
				t.Errorf("no change that is %s: the test shows nothing", word)
			}
		}
		t.Logf("changes: %v", n)
		h.edits(t)
		h.changeFilters(t)
		h.changeSheet(t)
		w.nobody(t)
	})
}

// edits deletes, moves, spells otherwise and denies.
func (h *history) edits(t *testing.T) {
	t.Helper()
	var plain []string // resources of their own, each in a group
	sub := h.Estate()[0].Subscriptions[0].ID
	h.Inventory(sub, time.Time{}, func(r azuresim.Resource) bool {
		if r.Deleted == nil && strings.Count(r.ID, "/") == 8 && !strings.Contains(r.Name, "tmp-") && !strings.Contains(r.Name, "snap-") {
			plain = append(plain, r.ID)
		}
		return true
	})
	if len(plain) < 3 {
		t.Fatalf("%d resources to work with", len(plain))
	}
	h.Clock().Advance(time.Hour)
	for _, err := range []error{h.DeleteResource(plain[0]), h.MoveResource(plain[1], "rg-moved"), h.RenameCase(plain[2])} {
		if err != nil {
			t.Fatal(err)
		}
	}
	of := func(id string) (out []string) {
		for _, c := range h.changes(t, "&from="+fresnel.DayOf(h.Clock().Now()).String()+"&id="+url.QueryEscape(strings.ToUpper(id))) {
			if !c.At.Before(h.Clock().Now().Add(-time.Hour)) {
				out = append(out, c.Kind+" "+c.Actor)
			}
		}
		return out
	}
	// Read at once, before Azure tells of it: we saw it ourselves.
	h.read(t)
	if got := of(plain[0]); len(got) != 1 || !strings.HasPrefix(got[0], "deleted") {
		t.Errorf("deleted just now: %v", got)
	}
	h.Clock().Advance(10 * time.Minute)
	h.read(t) // told now: in place of what we saw, not beside it
	if got := of(plain[0]); len(got) != 1 || strings.HasSuffix(got[0], "unknown") {
		t.Errorf("deleted, as Azure tells: %v", got)
	}
	if got := of(plain[2]); len(got) != 0 {
		t.Errorf("spelt otherwise: %v", got)
	}
	h.same(t)
	if err := h.DenySubscription(sub, true); err != nil {
		t.Fatal(err)
	}
	h.denied = sub
	for range 2 {
		h.Clock().Advance(9 * 24 * time.Hour)
		h.read(t)
		h.same(t)
	}
	if err := h.DenySubscription(sub, false); err != nil {
		t.Fatal(err)
	}
	h.denied = ""
	h.Clock().Advance(time.Hour)
	h.read(t)
	h.same(t)
}

// TestChangesRefused has Azure not say what changed: the inventory is read
// whole, the run says what it lacks, and the next one brings it.
func TestChangesRefused(t *testing.T) {
	long(t)
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4})
		h := &history{world: begin(t, sim, database, months(2)), reads: map[string][]time.Time{}}
		h.read(t)
		sim.Clock().Advance(3 * 24 * time.Hour)
		// What changed is asked for first.
		if err := sim.SetFaults([]azuresim.Fault{{API: "resourcegraph", Kind: "5xx", Status: 501, Times: 1}}); err != nil {
			t.Fatal(err)
		}
		for _, run := range h.inventory(t) {
			if len(run.Result.Parts) != 2 || run.Status != fresnel.Completed {
				t.Errorf("the run without history: %+v", run)
			}
			for _, p := range run.Result.Parts {
				if p.State != fresnel.PartRead || !strings.Contains(p.Reason, "who changed it, was not read") || p.Do == "" {
					t.Errorf("the part of %s without history: %+v", p.Subscription, p)
				}
			}
		}
		if a := h.get("/sync"); a.status != 200 || !strings.Contains(a.body, "who changed it, was not read") {
			t.Errorf("/sync: %d, does not say that the history was not read", a.status)
		}
		h.sameInventory(t)
		seen := 0
		for _, c := range h.changes(t, "&actor=unknown") {
			if c.At.Equal(sim.Clock().Now()) {
				seen++
			}
		}
		if seen < 3 {
			t.Errorf("%d changes were seen: the test shows nothing", seen)
		}
		sim.Clock().Advance(10 * time.Minute)
		h.read(t)
		h.same(t)
	})
}

// changeFilters compares filtered lists with the whole one.
func (h *history) changeFilters(t *testing.T) {
	t.Helper()
	all := h.changes(t, "")
	some := all[len(all)/2]
	day := fresnel.DayOf(some.At)
	for words, keep := range map[string]func(changeRow) bool{
		"&kind=deleted":                                       func(c changeRow) bool { return c.Kind == "deleted" },
		"&kind=created&kind=updated":                          func(c changeRow) bool { return c.Kind != "deleted" },
		"&actor=person":                                       func(c changeRow) bool { return c.Actor == "person" },
		"&actor=app&actor=unknown":                            func(c changeRow) bool { return c.Actor == "app" || c.Actor == "unknown" },
		"&type=" + strings.ToUpper(some.Type):                 func(c changeRow) bool { return c.Type == some.Type },
		"&tenant=" + some.TenantID:                            func(c changeRow) bool { return c.TenantID == some.TenantID },
		"&sub=" + some.SubscriptionID:                         func(c changeRow) bool { return c.SubscriptionID == some.SubscriptionID },
		"&from=" + day.String():                               func(c changeRow) bool { return fresnel.DayOf(c.At) >= day },
		"&from=" + (day - 3).String() + "&to=" + day.String(): func(c changeRow) bool { return fresnel.DayOf(c.At) >= day-3 && fresnel.DayOf(c.At) <= day },
		"&id=" + url.QueryEscape(some.ResourceID):             func(c changeRow) bool { return strings.EqualFold(c.ResourceID, some.ResourceID) },
		"&limit=7": func(changeRow) bool { return true },
	} {
		var want []changeRow
		for _, c := range all {
			if keep(c) {
				want = append(want, c)
			}
		}
		path := "/api/v1/resources/changes?limit=50" + words
		if strings.Contains(words, "limit") {
			path = "/api/v1/resources/changes?" + words[1:]
		}
		got, m := pages[changeRow](t, h.world, path)
		if d := diff(want, got); d != "" || m.Total == nil || *m.Total != len(want) || len(want) == 0 {
			t.Errorf("%s: %d of %d (-filtered here +api):\n%.1500s", words, len(want), len(all), d)
		}
	}
	one := read[struct {
		Changes []changeRow `json:"changes"`
	}](t, h.world, "/api/v1/resources/detail?id="+url.QueryEscape(some.ResourceID)).Data.Changes
	if d := diff(h.changes(t, "&id="+url.QueryEscape(some.ResourceID))[:len(one)], one); d != "" || len(one) == 0 {
		t.Errorf("of one resource (-list +detail):\n%s", d)
	}
}

// changeSheet compares the CSV with the JSON.
func (h *history) changeSheet(t *testing.T) {
	t.Helper()
	var want, got []string
	for _, c := range h.changes(t, "") {
		after := ""
		if c.After != nil {
			after = c.After.Format(time.RFC3339)
		}
		want = append(want, strings.Join([]string{c.At.Format(time.RFC3339), after, c.Kind, c.Actor, c.App, cellText(c.ResourceID), cellText(c.Name), c.TenantID, c.SubscriptionID, strconv.FormatBool(len(c.Values) > 0)}, "|"))
	}
	_, rows := sheet(t, h.world, "/api/v1/resources/changes.csv")
	for _, r := range rows {
		got = append(got, strings.Join([]string{r["at"], r["after"], r["kind"], r["actor"], r["app"], r["resource_id"], r["name"], r["tenant_id"], r["subscription_id"], strconv.FormatBool(r["values"] != "")}, "|"))
	}
	sameRows(t, "/api/v1/resources/changes.csv", want, got, 100)
}
