package azuresim_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// TestChangesQuery asks for changes as an inventory does, and wants the real shape, people by name among it.
func TestChangesQuery(t *testing.T) {
	c := start(t, azuresim.Options{})
	const since = "datetime(2026-11-20T00:00:00Z)"
	rows := c.ask("resourcechanges | extend at = todatetime(properties.changeAttributes.timestamp) | where at > " + since + " | project id, subscriptionId, resourceGroup, properties | order by id asc")
	if plain := c.ask("resourcechanges | where todatetime(properties.changeAttributes.timestamp) > " + since + " | project id, subscriptionId, resourceGroup, properties | order by id asc"); !reflect.DeepEqual(plain, rows) {
		t.Errorf("%d rows without extend, %d with it", len(plain), len(rows))
	}
	truth := map[string]azuresim.Change{}
	c.sim.Inventory("", noon, func(azuresim.Resource) bool { return true })
	for _, ch := range c.sim.Changes("", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), noon) {
		if !ch.Shown.After(noon) {
			truth[ch.ID] = ch
		}
	}
	if len(rows) != len(truth) || len(rows) < 30 {
		t.Errorf("%d rows, the truth has %d", len(rows), len(truth))
	}
	known := map[string]bool{}
	for _, p := range c.sim.People() {
		known[p.UserName] = true
	}
	count := map[string]int{}
	for _, r := range rows {
		ch := truth[fmt.Sprint(r["id"])]
		p, _ := r["properties"].(map[string]any)
		a, _ := p["changeAttributes"].(map[string]any)
		changes, _ := p["changes"].(map[string]any)
		if p["targetResourceId"] != ch.ResourceID || p["targetResourceType"] != ch.ResourceType || p["changeType"] != ch.Type || r["subscriptionId"] != ch.Subscription || r["resourceGroup"] == "" {
			t.Fatalf("%v is not %+v", r, ch)
		}
		for _, k := range []string{"timestamp", "changedBy", "changedByType", "clientType", "operation", "correlationId"} {
			if text, ok := a[k].(string); !ok || text == "" {
				t.Errorf("%s of %v is %v", k, r["id"], a[k])
			}
		}
		if a["changedBy"] != ch.By || a["changedByType"] != ch.ByType || a["changesCount"] != float64(len(changes)) || len(changes) != len(ch.Changes) {
			t.Errorf("%v is not %+v", a, ch)
		}
		if count[ch.ByType]++; (ch.ByType == "User") != known[ch.By] {
			t.Errorf("%s is a %s", ch.By, ch.ByType)
		}
		for path, v := range changes {
			one, _ := v.(map[string]any)
			for _, k := range []string{"previousValue", "newValue", "propertyChangeType", "changeCategory"} {
				if _, ok := one[k]; !ok {
					t.Errorf("%s of %v has no %s", path, r["id"], k)
				}
			}
			if path == "systemData.lastModifiedBy" {
				if count[path]++; !known[fmt.Sprint(one["previousValue"])] {
					t.Errorf("nobody is %v", one["previousValue"])
				}
			}
		}
	}
	for _, k := range []string{"User", "Application", "System", "systemData.lastModifiedBy"} {
		if count[k] < 3 {
			t.Errorf("%d changes with %s: the test shows nothing", count[k], k)
		}
	}
}

// TestPeople wants nobody's user name anywhere but in changes.
func TestPeople(t *testing.T) {
	c := start(t, azuresim.Options{MarkupNames: true})
	var people []azuresim.Person
	if err := json.Unmarshal(c.do("GET", "/sim/people", "", "").body, &people); err != nil || len(people) < 20 {
		t.Fatalf("%d people, %v", len(people), err)
	}
	all := string(c.do("GET", "/sim/inventory", "", "").body) + string(c.do("GET", "/sim/tags", "", "").body)
	changes, mails := string(c.do("GET", "/sim/changes", "", "").body), 0
	named := 0
	for _, p := range people {
		if strings.Contains(all, p.UserName) {
			t.Errorf("%s is in the inventory", p.UserName)
		}
		if strings.Contains(changes, p.UserName) {
			named++
		}
		if strings.Contains(all, p.Mail) {
			mails++
		}
	}
	if named < 20 || mails < 20 {
		t.Errorf("changes name %d of %d people, tags %d", named, len(people), mails)
	}
}

// TestProtectedItems asks for backups as an inventory does.
func TestProtectedItems(t *testing.T) {
	c := start(t, azuresim.Options{})
	const query = "recoveryservicesresources | where type =~ 'microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems' | project id, name, type, location, resourceGroup, subscriptionId, properties | order by id asc"
	last := map[string]any{}
	for _, r := range c.ask(query) {
		if r["type"] != "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems" || r["location"] == "" || r["resourceGroup"] == "" {
			t.Errorf("%v", r)
		}
		p, _ := r["properties"].(map[string]any)
		last[fmt.Sprint(r["id"])] = p["lastBackupTime"]
	}
	n := 0
	c.sim.ProtectedItems("", time.Time{}, func(r azuresim.Resource) bool {
		if _, ok := last[r.ID]; !ok {
			t.Errorf("%s is not in the table", r.ID)
		}
		n++
		return true
	})
	if n != len(last) || n == 0 {
		t.Errorf("%d rows, the truth has %d", len(last), n)
	}
	expect := func(at time.Time) map[string]int {
		count := map[string]int{}
		for _, w := range c.sim.Waste(at) {
			if w.RuleID != "backup-item-idle" {
				continue
			}
			count[w.Expect]++
			text, _ := last[w.ResourceID].(string)
			when, err := time.Parse(time.RFC3339, text)
			if idle := err == nil && at.Sub(when) > 90*24*time.Hour; at.Equal(noon) && idle != (w.Expect == azuresim.ExpectReview) {
				t.Errorf("%+v, and the last backup was %q", w, text)
			}
		}
		return count
	}
	if got := expect(noon); got[azuresim.ExpectReview] == 0 || got[azuresim.ExpectNone] < 3 {
		t.Errorf("%v", got)
	}
	if now, later := expect(noon), expect(noon.AddDate(0, 0, 3)); later[azuresim.ExpectReview] <= now[azuresim.ExpectReview] {
		t.Errorf("%v, and three days later %v", now, later)
	}
}

// TestTagTruth holds /sim/tags against what Resource Graph gives.
func TestTagTruth(t *testing.T) {
	c := start(t, azuresim.Options{MarkupNames: true})
	truth := map[string]azuresim.Tagged{}
	for line := range strings.SplitSeq(strings.TrimSpace(string(c.do("GET", "/sim/tags", "", "").body)), "\n") {
		var v azuresim.Tagged
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		truth[v.ID] = v
	}
	rows := append(c.ask("resources | project id, type, tenantId, subscriptionId, resourceGroup, tags | order by id asc"),
		c.ask("resourcecontainers | where type startswith 'microsoft.resources/' | project id, type, tenantId, subscriptionId, resourceGroup, tags | order by id asc")...)
	for _, r := range rows {
		v, ok := truth[fmt.Sprint(r["id"])]
		tags, _ := r["tags"].(map[string]any)
		if !ok || !reflect.DeepEqual(v.Tags, tags) || r["type"] != v.Type || r["tenantId"] != v.Tenant || r["subscriptionId"] != v.SubscriptionID || r["resourceGroup"] != v.ResourceGroup {
			t.Fatalf("%v, the truth is %+v", r, v)
		}
	}
	if len(rows) != len(truth) || len(rows) < 2000 {
		t.Errorf("%d rows, the truth has %d", len(rows), len(truth))
	}
}

// TestHostileNames wants each of them in the estate with MarkupNames, and none without.
func TestHostileNames(t *testing.T) {
	named := func(o azuresim.Options) map[string]bool {
		c := start(t, o)
		out := map[string]bool{}
		for _, r := range c.ask("resources | project id, name, tags") {
			out[fmt.Sprint(r["name"])] = true
			tags, _ := r["tags"].(map[string]any)
			for k, v := range tags {
				out[k], out[fmt.Sprint(v)] = true, true
				if len(fmt.Sprint(v)) >= 10_000 {
					out["10 KB"] = true
				}
			}
		}
		return out
	}
	hostile, tame := named(azuresim.Options{MarkupNames: true, Tenants: 1}), named(azuresim.Options{Tenants: 1})
	for _, name := range azuresim.HostileNames() {
		if !hostile[name] {
			t.Errorf("no resource is %q", name)
		}
		if tame[name] {
			t.Errorf("%q without being asked for", name)
		}
	}
	for _, text := range []string{"</script><script>alert(1)</script>", "-2+3", "=1+1", "10 KB"} {
		if !hostile[text] {
			t.Errorf("no tag is %q", text)
		}
	}
}

// TestGraphNeeds counts what a client that is not thrifty asks, and what it could have done with.
func TestGraphNeeds(t *testing.T) {
	c := start(t, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: 40, Groups: 2})
	c.sim.ResetBound()
	c.ask("resources | project id | order by id asc")
	options := map[string]any{"$top": 500}
	for {
		v, _ := c.graph(c.token, c.graphBody("resources | project name, id | order by id asc", options))
		if options["$skipToken"] = v.SkipToken; v.SkipToken == "" {
			break
		}
	}
	b := c.sim.Bound()
	if len(b.Graph) != 2 || b.Graph[0].Rows < 2000 {
		t.Fatalf("%+v", b.Graph)
	}
	for _, n := range b.Graph {
		thrifty := !regexp.MustCompile("name, id").MatchString(n.Query)
		if n.Needed != (n.Rows+999)/1000 || thrifty != (n.Asked == n.Needed) || !thrifty && n.Asked != (n.Rows+499)/500 {
			t.Errorf("%+v", n)
		}
	}
}

// TestGraphOperators wants a refusal that names the operator, for whatever of the language is not simulated.
func TestGraphOperators(t *testing.T) {
	c := start(t, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: 1})
	for query, token := range map[string]string{
		"resources | render table": "render", "resources | parse name with 'x' y": "parse", "resources | serialize": "serialize", "resources | evaluate bag_unpack(tags)": "evaluate",
		"resources | project-rename a = name": "project-rename", "resources | sample 3": "sample", "resources | where name matches regex 'x'": "matches",
		"let x = 1; resources": ";", "resources | lookup (resources) on id": "lookup", "resources | where name between ('a' .. 'b')": "between",
		"resources | join kind=fullouter (resources) on id": "fullouter", "resources | make-series count() on id": "make", ".show tables": ".",
	} {
		v, a := c.graph(c.token, c.graphBody(query, nil))
		if d := v.Error.Details; a.status != 400 || v.Error.Code != "BadRequest" || len(d) != 2 || d[0].Code != "InvalidQuery" || d[1].Code != "ParserFailure" || d[1].Token != token || d[1].Line != 1 {
			t.Errorf("%s: %d %.400s", query, a.status, a.body)
		}
	}
	for _, table := range []string{"nothing", "networkresources", "healthresources"} {
		v, a := c.graph(c.token, c.graphBody(table+" | take 1", nil))
		if d := v.Error.Details; a.status != 400 || len(d) != 2 || d[1].Code != "DisallowedLogicalTableName" {
			t.Errorf("%s: %d %.300s", table, a.status, a.body)
		}
	}
}
