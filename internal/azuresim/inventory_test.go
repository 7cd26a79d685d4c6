package azuresim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// leaves are a resource's values by path, as a change names them. Written again, so that the truth is
// not held against itself.
func leaves(r azuresim.Resource) map[string]string {
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				switch {
				case strings.Contains(k, "."):
					walk(path+"['"+k+"']", e)
				case path == "":
					walk(k, e)
				default:
					walk(path+"."+k, e)
				}
			}
		case []any:
			for i, e := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), e)
			}
		case bool:
			out[path] = strings.ToUpper(fmt.Sprint(v)[:1]) + fmt.Sprint(v)[1:]
		case json.Number:
			out[path] = strings.TrimSuffix(v.String(), ".0")
		case nil:
		default:
			out[path] = fmt.Sprint(v)
		}
	}
	dec := json.NewDecoder(strings.NewReader(string(must(json.Marshal(map[string]any{
		"kind": r.Kind, "managedBy": r.ManagedBy, "location": r.Location, "sku": r.SKU, "plan": r.Plan, "properties": r.Properties, "tags": r.Tags, "identity": r.Identity, "zones": r.Zones,
	})))))
	dec.UseNumber()
	var v any
	_ = dec.Decode(&v)
	walk("", v)
	maps.DeleteFunc(out, func(k, v string) bool { return v == "" && (k == "kind" || k == "managedBy") })
	return out
}

func (c *client) state(at time.Time) map[string]map[string]string {
	out := map[string]map[string]string{}
	c.sim.Inventory("", at, func(r azuresim.Resource) bool {
		if r.Deleted == nil {
			out[r.ID] = leaves(r)
		}
		return true
	})
	return out
}

// TestChangesExplainInventory replays the changes of nine days on the first state and wants the second.
func TestChangesExplainInventory(t *testing.T) {
	c := start(t, azuresim.Options{MarkupNames: true})
	from, to := noon, noon.Add(9*24*time.Hour+7*time.Hour)
	state, want := c.state(from), c.state(to)
	before := maps.Clone(state)
	count := map[string]int{}
	for _, ch := range c.sim.Changes("", from, to) {
		count[ch.Type]++
		count[ch.ByType]++
		if (ch.ByType == "User") != strings.Contains(ch.By, "@") {
			t.Errorf("%+v", ch)
		}
		switch ch.Type {
		case "Create":
			state[ch.ResourceID] = want[ch.ResourceID]
		case "Delete":
			delete(state, ch.ResourceID)
		default:
			for path, v := range ch.Changes {
				if before[ch.ResourceID] == nil || strings.HasPrefix(path, "systemData.") {
					continue // created within; or what only changes show
				}
				if v.New == nil {
					delete(state[ch.ResourceID], path)
				} else {
					state[ch.ResourceID][path] = fmt.Sprint(v.New)
				}
			}
		}
	}
	for id := range state {
		if want[id] == nil {
			t.Errorf("%s should be gone", id)
		} else if !maps.Equal(state[id], want[id]) {
			for k, v := range want[id] {
				if state[id][k] != v {
					t.Errorf("%s: %s is %q, want %q", id, k, state[id][k], v)
				}
			}
			for k := range state[id] {
				if _, ok := want[id][k]; !ok {
					t.Errorf("%s: %s should be gone", id, k)
				}
			}
		}
	}
	for id := range want {
		if state[id] == nil {
			t.Errorf("%s was not created", id)
		}
	}
	for _, k := range []string{"Create", "Update", "Delete", "User", "Application", "System"} {
		if count[k] < 10 {
			t.Errorf("%d changes of %s", count[k], k)
		}
	}
}

// TestChangesTable wants the rows of a fortnight, and none of the last moment.
func TestChangesTable(t *testing.T) {
	c := start(t, azuresim.Options{})
	rows := c.ask("resourcechanges | extend at = todatetime(properties.changeAttributes.timestamp) | project id, at = tostring(at), by = tostring(properties.changeAttributes.changedBy), target = tostring(properties.targetResourceId), properties")
	truth := map[string]azuresim.Change{}
	for _, ch := range c.sim.Changes("", noon.Add(-14*24*time.Hour), noon) {
		truth[ch.ID] = ch
	}
	for _, r := range rows {
		ch, ok := truth[fmt.Sprint(r["id"])]
		if !ok || ch.By != r["by"] || ch.ResourceID != r["target"] {
			t.Fatalf("%v, want %+v", r, ch)
		}
		delete(truth, ch.ID)
	}
	for _, ch := range truth {
		if noon.Sub(ch.At) > 5*time.Minute {
			t.Errorf("%+v is missing", ch)
		}
	}
}

// TestEdits deletes, moves and renames a resource and takes a subscription away: truth and answers follow.
func TestEdits(t *testing.T) {
	c := start(t, azuresim.Options{})
	tenant, sub := c.delegated()
	var list []azuresim.Resource
	c.sim.Inventory(sub.ID, noon, func(r azuresim.Resource) bool {
		if r.Type == "microsoft.compute/disks" || r.Type == "microsoft.storage/storageaccounts" || r.Type == "microsoft.keyvault/vaults" {
			list = append(list, r)
		}
		return len(list) < 3
	})
	deleted, moved, renamed := list[0].ID, list[1].ID, list[2].ID
	edit := func(action, body string) {
		t.Helper()
		if a := c.do("PUT", "/sim/resources/"+action, "", body); a.status != 204 {
			t.Fatalf("%s: %d %s", action, a.status, a.body)
		}
	}
	edit("delete", `{"id":`+string(must(json.Marshal(deleted)))+`}`)
	edit("move", `{"id":`+string(must(json.Marshal(moved)))+`,"group":"rg-elsewhere"}`)
	edit("rename", `{"id":`+string(must(json.Marshal(strings.ToUpper(renamed))))+`}`)
	c.clock.Advance(time.Hour)
	got := map[string]bool{}
	for _, r := range c.askAs(c.token, "resources | where subscriptionId == '"+sub.ID+"' | project id") {
		got[fmt.Sprint(r["id"])] = true
	}
	elsewhere := 0
	for id := range got {
		if strings.Contains(strings.ToLower(id), "rg-elsewhere") {
			elsewhere++
		}
		if strings.EqualFold(id, renamed) && id == renamed {
			t.Errorf("%s has its old spelling", id)
		}
	}
	if got[deleted] || got[moved] || elsewhere != 1 {
		t.Errorf("deleted %v, moved %v, elsewhere %d", got[deleted], got[moved], elsewhere)
	}
	stones := map[string]bool{}
	n := 0
	c.sim.Inventory(sub.ID, c.clock.Now(), func(r azuresim.Resource) bool {
		if r.Deleted != nil {
			stones[r.ID] = true
		} else if n++; !got[r.ID] {
			t.Errorf("%s is in the truth only", r.ID)
		}
		return true
	})
	if !stones[deleted] || !stones[moved] || n != len(got) {
		t.Errorf("tombstones %v, %d resources of %d", stones, n, len(got))
	}
	kinds := map[string]string{}
	for _, ch := range c.sim.Changes(sub.ID, noon.Add(-time.Second), c.clock.Now()) {
		kinds[ch.ResourceID] += ch.Type
	}
	if kinds[deleted] != "Delete" || kinds[moved] != "Delete" {
		t.Errorf("%v", kinds)
	}
	edit("deny", `{"id":"`+sub.ID+`"}`)
	if rows := c.askAs(c.token, "resources | where subscriptionId == '"+sub.ID+"' | project id"); len(rows) != 0 {
		t.Errorf("%d rows of a denied subscription", len(rows))
	}
	if a := c.do("GET", "/subscriptions/"+sub.ID+"?api-version=2022-12-01", c.token, ""); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := c.do("GET", "/subscriptions?api-version=2022-12-01", c.token, ""); strings.Contains(string(a.body), sub.ID) {
		t.Error("a denied subscription is listed", tenant.Name)
	}
	edit("undeny", `{"id":"`+sub.ID+`"}`)
	if rows := c.askAs(c.token, "resources | where subscriptionId == '"+sub.ID+"' | project id"); len(rows) != len(got) {
		t.Errorf("%d rows, want %d", len(rows), len(got))
	}
	if a := c.do("PUT", "/sim/resources/delete", "", `{"id":"/subscriptions/`+sub.ID+`/nothing"}`); a.status != 400 {
		t.Errorf("%d", a.status)
	}
}

// TestManagementGroups are seen by the tenant's own application, and by nobody else.
func TestManagementGroups(t *testing.T) {
	c := start(t, azuresim.Options{ARMPageSize: 3})
	const path, version = "/providers/Microsoft.Management/managementGroups", "?api-version=2021-04-01"
	var own azuresim.ConnectionTenant
	for _, x := range c.conn.Tenants {
		if x.ClientID != "" {
			own = x
		}
	}
	token := c.mint(own.ClientID, "https://management.azure.com")
	list := func(token, path string) (names []string, status int) {
		for path != "" {
			a := c.do("GET", path, token, "")
			var v struct {
				Value    []struct{ Name, Type string }
				NextLink string
			}
			_ = json.Unmarshal(a.body, &v)
			for _, g := range v.Value {
				names = append(names, g.Name)
			}
			path, status = v.NextLink, a.status
		}
		return names, status
	}
	if names, _ := list(token, path+version); len(names) != 6 || names[0] != own.ID {
		t.Errorf("groups %v", names)
	}
	subs := 0
	for _, x := range c.sim.Estate() {
		for _, s := range x.Subscriptions {
			if x.ID == own.ID && s.State != "Deleted" {
				subs++
			}
		}
	}
	if names, _ := list(token, path+"/"+own.ID+"/descendants"+version); len(names) != 5+subs {
		t.Errorf("descendants %v", names)
	}
	if names, status := list(c.token, path+version); len(names) != 0 || status != 200 {
		t.Errorf("the managing tenant sees %v", names)
	}
	if _, status := list(c.token, path+"/"+own.ID+"/descendants"+version); status != 403 {
		t.Errorf("descendants: %d", status)
	}
	if rows := c.askAs(token, "resourcecontainers | where type == 'microsoft.management/managementgroups' | project id"); len(rows) != 6 {
		t.Errorf("%d rows", len(rows))
	}
	if rows := c.askAs(c.token, "resourcecontainers | where type == 'microsoft.management/managementgroups' | project id"); len(rows) != 0 {
		t.Errorf("%d rows through Lighthouse", len(rows))
	}
}

// TestLargeInventory reads 500 subscriptions in seconds.
func TestLargeInventory(t *testing.T) {
	c := start(t, azuresim.Options{Tenants: 25, SubscriptionsPerTenant: 20, Groups: 2})
	begin := time.Now()
	rows := c.ask(everything)
	if took := time.Since(begin); took > 30*time.Second || len(rows) < 20_000 {
		t.Errorf("%d rows in %s", len(rows), took)
	} else {
		t.Logf("%d rows in %s", len(rows), took)
	}
}

// TestInventoryControl reads the truth over HTTP.
func TestInventoryControl(t *testing.T) {
	c := start(t, azuresim.Options{})
	_, sub := c.delegated()
	lines := func(path string) int {
		a := c.do("GET", path, "", "")
		if a.status != 200 {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		return strings.Count(string(a.body), "\n")
	}
	n := 0
	c.sim.Inventory(sub.ID, noon, func(azuresim.Resource) bool { n++; return true })
	if got := lines("/sim/inventory?subscription=" + sub.ID); got != n || n < 30 {
		t.Errorf("%d lines, %d resources", got, n)
	}
	if got, all := lines("/sim/changes?at=2026-11-23T12:00:00Z&subscription="+sub.ID), len(c.sim.Changes(sub.ID, noon.Add(-14*24*time.Hour), noon)); got != all {
		t.Errorf("%d changes, want %d", got, all)
	}
	var waste []azuresim.Waste
	if err := json.Unmarshal(c.do("GET", "/sim/waste", "", "").body, &waste); err != nil || len(waste) != len(c.sim.Waste(noon)) {
		t.Errorf("%d labels, %v", len(waste), err)
	}
	tenants := map[string]bool{}
	for _, w := range waste {
		tenants[w.Tenant] = true
	}
	if len(tenants) != 6 {
		t.Errorf("waste in %d tenants", len(tenants))
	}
	var groups []azuresim.ResourceGroup
	if err := json.Unmarshal(c.do("GET", "/sim/groups", "", "").body, &groups); err != nil {
		t.Error(err)
	}
	rows := c.ask("resourcecontainers | where type == 'microsoft.resources/subscriptions/resourcegroups' | project id, name, subscriptionId, managedBy, tags")
	if len(rows) != len(groups) {
		t.Errorf("%d groups, want %d", len(rows), len(groups))
	}
	if lines("/sim/types") == 0 {
		t.Error("no types")
	}
	if a := c.do("GET", "/sim/waste?at=yesterday", "", ""); a.status != 400 {
		t.Errorf("%d", a.status)
	}
}
