package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
)

// inventory reads what every tenant has and gives the runs by tenant.
func (w *world) inventory(t *testing.T) map[string]fresnel.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	list, err := w.app.SyncNow(ctx, []string{"resources"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]fresnel.Run{}
	for _, r := range list {
		runs[string(r.Tenant)] = r
	}
	if n := len(w.Estate()); len(list) != n || len(runs) != n {
		t.Fatalf("%d runs for %d tenants", len(list), n)
	}
	return runs
}

// resourceRow is a resource as the API tells it.
type resourceRow struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	Type           string            `json:"type"`
	Kind           string            `json:"kind"`
	TenantID       string            `json:"tenant_id"`
	SubscriptionID string            `json:"subscription_id"`
	ResourceGroup  string            `json:"resource_group"`
	Location       string            `json:"location"`
	Tags           map[string]string `json:"tags"`
	FirstSeen      time.Time         `json:"first_seen"`
	ChangedAt      time.Time         `json:"changed_at"`
	GoneAt         *time.Time        `json:"gone_at"`
}

// fact is what of a resource the simulator says, too.
func (r resourceRow) fact() string {
	tags, _ := json.Marshal(r.Tags) // texts always marshal
	return strings.Join([]string{r.ID, r.Name, r.Type, r.Kind, r.TenantID, r.SubscriptionID, r.ResourceGroup, r.Location, string(tags)}, "|")
}

// resources are all that the API lists, by id in lower case.
func (w *world) resources(t *testing.T, words string) map[string]resourceRow {
	t.Helper()
	rows, m := pages[resourceRow](t, w, "/api/v1/resources?limit=500"+words)
	out := map[string]resourceRow{}
	for _, r := range rows {
		out[strings.ToLower(r.ID)] = r
	}
	if len(out) != len(rows) || m.Total == nil || *m.Total > len(rows) || m.More != (*m.Total < len(rows)) || m.More && *m.Total < 10_000 {
		t.Errorf("%d rows of %d resources, meta %+v", len(rows), len(out), m)
	}
	return out
}

// has is what the simulator says there is, by id in lower case; what of it
// Resource Graph tells nobody, of denied and silent subscriptions, is left out.
func (w *world) has(denied ...string) map[string]string {
	out := map[string]string{}
	w.Inventory("", time.Time{}, func(r azuresim.Resource) bool {
		if r.Deleted != nil || slices.Contains(denied, r.SubscriptionID) {
			return true
		}
		row := resourceRow{
			ID: r.ID, Name: r.Name, Type: r.Type, Kind: r.Kind, TenantID: r.TenantID, SubscriptionID: r.SubscriptionID,
			ResourceGroup: r.ResourceGroup, Location: r.Location, Tags: map[string]string{},
		}
		for k, v := range r.Tags {
			if v != nil {
				row.Tags[k] = fmt.Sprint(v)
			} else {
				row.Tags[k] = ""
			}
		}
		out[strings.ToLower(r.ID)] = row.fact()
		return true
	})
	return out
}

// sameInventory compares what is listed with what the simulator says.
func (w *world) sameInventory(t *testing.T, denied ...string) map[string]resourceRow {
	t.Helper()
	rows := w.resources(t, "")
	got := map[string]string{}
	for id, r := range rows {
		if !slices.Contains(denied, r.SubscriptionID) {
			got[id] = r.fact()
		}
	}
	if d := diff(w.has(denied...), got); d != "" {
		t.Errorf("resources (-simulator +api):\n%.3000s", d)
	}
	return rows
}

// untouched are the tables that a sync in which nothing changed does not write.
func (w *world) inventoryTables(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, name := range []string{"resource", "resource_doc", "resource_tag", "finding", "exception", "arm_id", "tag_key", "tag_value", "location", "resource_type"} {
		if out[name] = w.dumpTable(t, name); len(out[name]) == 0 && name != "exception" {
			t.Errorf("no rows in %s: the test shows nothing", name)
		}
	}
	return out
}

// TestInventory compares resources and waste with the simulator's truth, lets
// resources change, and judges findings.
func TestInventory(t *testing.T) {
	long(t) // the race detector sees the same sync in TestInventoryIsolation
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Months: 2})
		w := begin(t, sim, database, months(2))
		if n := whole(t, w.inventory(t)); n < 1000 {
			t.Errorf("%d resources written: the test shows nothing", n)
		}
		w.sameInventory(t)
		first := w.inventoryTables(t)
		if n := whole(t, w.inventory(t)); n != 0 {
			t.Errorf("the second sync wrote %d resources", n)
		}
		if d := diff(first, w.inventoryTables(t)); d != "" {
			t.Errorf("the second sync wrote (-before +after):\n%.3000s", d)
		}
		w.facets(t)

		// Rules that wait see their condition hold for as long as they wait.
		sim.Clock().Advance(100 * 24 * time.Hour)
		whole(t, w.sync(t))
		whole(t, w.inventory(t))
		w.sameInventory(t)
		a := w.waste(t, "")
		w.labelledWaste(t, a.Data, "ahb-missing-windows", "ahb-missing-sql") // rules to be asked for
		w.worth(t, a)
		w.wasteSheet(t, a.Data)
		w.judged(t, a.Data)
	})
}

// facets compares filtered lists with the whole one.
func (w *world) facets(t *testing.T) {
	t.Helper()
	all := w.resources(t, "")
	ids := slices.Sorted(maps.Keys(all))
	some := all[ids[len(ids)/2]]
	key, value := "", ""
	for _, id := range ids {
		for k, v := range all[id].Tags {
			if v != "" && (key == "" || k < key) {
				key, value = k, v
			}
		}
	}
	hasTag := func(r resourceRow, value string) bool {
		for k, v := range r.Tags {
			if strings.EqualFold(k, key) && (value == "" || strings.EqualFold(v, value)) {
				return true
			}
		}
		return false
	}
	esc := url.QueryEscape
	for words, keep := range map[string]func(resourceRow) bool{
		"&type=" + esc(strings.ToUpper(some.Type)):      func(r resourceRow) bool { return r.Type == some.Type },
		"&sub=" + some.SubscriptionID:                   func(r resourceRow) bool { return r.SubscriptionID == some.SubscriptionID },
		"&tenant=" + some.TenantID:                      func(r resourceRow) bool { return r.TenantID == some.TenantID },
		"&resource_group=" + esc(some.ResourceGroup):    func(r resourceRow) bool { return r.ResourceGroup == some.ResourceGroup },
		"&location=" + esc(some.Location):               func(r resourceRow) bool { return r.Location == some.Location },
		"&tag=" + esc(key):                              func(r resourceRow) bool { return hasTag(r, "") },
		"&tag=" + esc(key) + "&tag_value=" + esc(value): func(r resourceRow) bool { return hasTag(r, value) },
		"&q=" + esc(some.Name[:min(4, len(some.Name))]): func(r resourceRow) bool {
			return strings.Contains(strings.ToLower(r.Name), strings.ToLower(some.Name[:min(4, len(some.Name))]))
		},
		"&q=a&location=" + esc(some.Location) + "&type=no%2Fx": func(resourceRow) bool { return false },
	} {
		want := map[string]resourceRow{}
		for id, r := range all {
			if keep(r) {
				want[id] = r
			}
		}
		if d := diff(want, w.resources(t, words)); d != "" {
			t.Errorf("%s (-filtered here +api):\n%.1500s", words, d)
		}
	}
	w.resourceSheet(t, all)
	var summary struct {
		Resources int `json:"resources"`
	}
	if summary = read[struct {
		Resources int `json:"resources"`
	}](t, w, "/api/v1/resources/summary").Data; summary.Resources != len(all) {
		t.Errorf("the summary tells of %d resources, there are %d", summary.Resources, len(all))
	}
}

// resourceSheet compares the CSV with the JSON.
func (w *world) resourceSheet(t *testing.T, all map[string]resourceRow) {
	t.Helper()
	var want, got []string
	for _, r := range all {
		tags, _ := json.Marshal(r.Tags) // texts always marshal
		want = append(want, strings.Join([]string{cellText(r.ID), cellText(r.Name), r.Type, cellText(r.Kind), r.TenantID, r.SubscriptionID, cellText(r.ResourceGroup), r.Location, string(tags), r.FirstSeen.Format(time.RFC3339)}, "|"))
	}
	_, rows := sheet(t, w, "/api/v1/resources.csv")
	for _, r := range rows {
		got = append(got, strings.Join([]string{r["id"], r["name"], r["type"], r["kind"], r["tenant_id"], r["subscription_id"], r["resource_group"], r["location"], r["tags"], r["first_seen"]}, "|"))
	}
	sameRows(t, "/api/v1/resources.csv", want, got, 100)
}
