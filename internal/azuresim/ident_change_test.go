package azuresim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// follow applies what a delta tells to what is known.
func follow(known map[string]object, rows []object) (removed map[string]string) {
	removed = map[string]string{}
	for _, o := range rows {
		if r, ok := o["@removed"].(map[string]any); ok {
			removed[o.text("id")] = object(r).text("reason")
			delete(known, o.text("id"))
		} else {
			known[o.text("id")] = o
		}
	}
	return removed
}

func TestIdentityDelta(t *testing.T) {
	o := full
	o.Accounts = 700
	c := start(t, o)
	g := c.msgraph(c.sim.Estate()[0].ID)
	known := map[string]object{}
	rows, link := g.walk("/users/delta?$select=displayName,accountEnabled,assignedLicenses")
	follow(known, rows)
	equal := func(what string) {
		t.Helper()
		g.known = nil
		g.same("users", ids(slices.Collect(maps.Values(known)), func(object) bool { return true }))
		g.same("disabled", ids(slices.Collect(maps.Values(known)), func(o object) bool { return o["accountEnabled"] == false }))
		if t.Failed() {
			t.Fatal(what)
		}
	}
	equal("at first")
	if u, _ := url.Parse(link); g.pages != 4 || u.Query().Get("$deltatoken") == "" {
		t.Errorf("%d pages, %s", g.pages, link)
	}
	if rows, _ = g.walk(link); len(rows) != 0 {
		t.Errorf("nothing happened, and %d rows tell of it", len(rows))
	}
	// Tests act while the clock stands still.
	victims := g.truth("enabled-members")[100:105]
	do := func(id, what string) {
		t.Helper()
		if err := c.sim.ChangeAccount(g.tenant, id, what); err != nil {
			t.Fatal(err)
		}
	}
	do(victims[0], "delete")
	do(victims[1], "disable")
	do(victims[2], "purge")
	do(victims[3], "signin") // is not told
	added, err := c.sim.AddAccount(g.tenant, azuresim.NewAccount{DisplayName: "New", UserPrincipalName: "new@x.example", UserType: "Member", MFA: true})
	if err != nil {
		t.Fatal(err)
	}
	rows, link = g.walk(link)
	removed := follow(known, rows)
	if len(rows) != 4 || removed[victims[0]] != "changed" || removed[victims[2]] != "deleted" || known[added] == nil {
		t.Errorf("%v", rows)
	}
	equal("after edits")
	do(victims[0], "restore")
	rows, link = g.walk(link)
	if follow(known, rows); len(rows) != 1 {
		t.Errorf("%v", rows)
	}
	equal("after a restore")
	old := link
	for range 8 {
		c.clock.Advance(5 * 24 * time.Hour)
		rows, link = g.walk(link)
		if len(rows) == 0 {
			t.Error("nothing happened in five days")
		}
		follow(known, rows)
		equal("later")
	}
	a := g.refused(old, 410, "resyncRequired")
	if rows, _ := g.walk(a.header.Get("Location")); len(rows) != len(known) || rows[0]["assignedLicenses"] == nil {
		t.Errorf("%s: %d", a.header.Get("Location"), len(rows))
	}
	if rows, _ := g.walk("/users/delta?$deltatoken=latest"); len(rows) != 0 {
		t.Errorf("%d", len(rows))
	}
}

// What changes while the pages are read is told with them or the next time.
func TestIdentityDeltaWhilePaging(t *testing.T) {
	o := full
	o.Accounts = 700
	for _, frozen := range []bool{true, false} {
		c := start(t, o)
		g := c.msgraph(c.sim.Estate()[0].ID)
		victims := g.truth("enabled-members")
		known := map[string]object{}
		path := "/users/delta?$select=id,accountEnabled"
		for i := 0; ; i++ {
			a := g.ask(path)
			var p graphPage
			if err := json.Unmarshal(a.body, &p); err != nil || a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			follow(known, p.Value)
			if p.Delta != "" {
				path = p.Delta
				break
			}
			path = p.Next
			if !frozen {
				c.clock.Advance(time.Hour)
			}
			for j, what := range []string{"delete", "disable", "purge"} {
				if err := c.sim.ChangeAccount(g.tenant, victims[i*100+j], what); err != nil {
					t.Fatal(err)
				}
			}
		}
		rows, _ := g.walk(path)
		follow(known, rows)
		g.known = nil
		g.same("users", ids(slices.Collect(maps.Values(known)), func(object) bool { return true }))
		g.same("disabled", ids(slices.Collect(maps.Values(known)), func(o object) bool { return o["accountEnabled"] == false }))
	}
}

type batchResult struct {
	Responses []struct {
		ID      string
		Status  int
		Headers map[string]string
		Body    json.RawMessage
	}
}

func (g *graphClient) batch(requests ...object) (answer, map[string]int, map[string]string) {
	g.t.Helper()
	body, _ := json.Marshal(map[string]any{"requests": requests})
	a := g.do("POST", "/v1.0/$batch", g.token, string(body))
	var v batchResult
	_ = json.Unmarshal(a.body, &v)
	status, header := map[string]int{}, map[string]string{}
	for _, r := range v.Responses {
		status[r.ID], header[r.ID] = r.Status, r.Headers["Retry-After"]
	}
	return a, status, header
}

func get(id, path string, depends ...string) object {
	o := object{"id": id, "method": "GET", "url": path}
	if depends != nil {
		o["dependsOn"] = depends
	}
	return o
}

func TestIdentityBatch(t *testing.T) {
	c := start(t, full)
	g := c.msgraph(c.sim.Estate()[0].ID)
	count := get("3", "/users/$count")
	count["headers"] = map[string]string{"ConsistencyLevel": "eventual"}
	a, status, _ := g.batch(get("1", "/users?$top=5&$select=id"), get("2", "/nobody"), count, get("4", "/groups", "2"), get("5", "/organization", "1"))
	if a.status != 200 || fmt.Sprint(status) != "map[1:200 2:400 3:200 4:424 5:200]" {
		t.Errorf("%d %v %s", a.status, status, a.body)
	}
	var v batchResult
	_ = json.Unmarshal(a.body, &v)
	if v.Responses[0].ID == "1" {
		t.Error("the answers are in the order of the requests")
	}
	for _, r := range v.Responses {
		var p graphPage
		if r.ID == "1" && (json.Unmarshal(r.Body, &p) != nil || len(p.Value) != 5 || len(g.all(p.Next)) == 0) {
			t.Errorf("%s", r.Body)
		}
		if r.ID == "3" && string(r.Body) == "" {
			t.Error("no count")
		}
	}
	var many []object
	for i := range 21 {
		many = append(many, get(strconv.Itoa(i), "/organization"))
	}
	for what, list := range map[string][]object{"21": many, "twice": {get("1", "/users"), get("1", "/groups")}, "no url": {{"id": "1", "method": "GET"}}, "depends": {get("1", "/users", "9")}} {
		if a, _, _ := g.batch(list...); a.status != 400 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	user := g.truth("privileged-groups")[0]
	a, status, _ = g.batch(object{"id": "1", "method": "POST", "url": "/users/" + user + "/getMemberObjects", "body": map[string]bool{"securityEnabledOnly": false}, "headers": map[string]string{"Content-Type": "application/json"}})
	if status["1"] != 200 || !strings.Contains(string(a.body), "-4") {
		t.Errorf("%s", a.body)
	}
}

func TestIdentityThrottles(t *testing.T) {
	o := full
	o.Throttle, o.SignInLimit, o.Accounts = "real", true, 60
	c := start(t, o)
	g := c.msgraph(c.sim.Estate()[0].ID)
	const report = "/reports/authenticationMethods/userRegistrationDetails"
	for i := range 5 {
		if a := g.ask(report); a.status != 200 {
			t.Fatalf("%d: %d", i, a.status)
		}
	}
	a := g.refused(report, 429, "TooManyRequests")
	if n, _ := strconv.Atoi(a.header.Get("Retry-After")); n < 1 || n > 3 || !strings.HasPrefix(a.header.Get("x-ms-throttle-scope"), "Tenant_Application/ReadWrite/"+c.conn.ClientID+"/"+g.tenant) {
		t.Errorf("%v", a.header)
	}
	if a := c.msgraph(c.sim.Estate()[1].ID).ask(report); a.status != 200 { // the limit is of a tenant
		t.Errorf("%d", a.status)
	}
	if a := g.ask("/identity/conditionalAccess/policies"); a.status != 200 {
		t.Errorf("%d", a.status)
	}
	if a := g.refused("/identity/conditionalAccess/policies", 429, "TooManyRequests"); a.header.Get("Retry-After") != "" {
		t.Error("conditional access said when to come back")
	}
	_, status, after := g.batch(get("1", report), get("2", "/organization"), get("3", "/identity/conditionalAccess/policies"))
	if status["1"] != 429 || status["2"] != 200 || status["3"] != 429 || after["1"] == "" || after["3"] != "" {
		t.Errorf("%v %v", status, after)
	}
	for path, units := range map[string]string{"/users": "2", "/users?$select=id": "1", "/users?$top=5": "1", "/users?$select=id&$top=5": "1", "/subscribedSkus": "3", "/organization": "1", "/roleManagement/directory/roleAssignments?$expand=principal": "2"} {
		if a := g.ask(path); a.header.Get("x-ms-resource-unit") != units || a.header.Get("x-ms-throttle-limit-percentage") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	for range 10 {
		if a := g.ask("/users?$select=id,signInActivity"); a.status != 200 {
			t.Fatalf("%d", a.status)
		}
	}
	g.refused("/users?$select=id,signInActivity", 429, "TooManyRequests")
	// Whoever asks without a pause comes to the end of the units.
	var last answer
	high := false
	for i := 0; i < 9000 && last.status != 429; i++ {
		list := make([]object, 20)
		for j := range list {
			list[j] = get(strconv.Itoa(j), "/groups/"+strings.Repeat("0", 8)+"-0000-0000-0000-000000000000/members")
		}
		body, _ := json.Marshal(map[string]any{"requests": list})
		b := g.do("POST", "/v1.0/$batch", g.token, string(body))
		if last = g.ask("/subscribedSkus"); last.status == 200 && last.header.Get("x-ms-throttle-limit-percentage") > "0.8" {
			high = true
		}
		if b.status != http.StatusOK {
			t.Fatalf("%d", b.status)
		}
	}
	if !high || last.status != 429 || last.header.Get("x-ms-throttle-information") != "ResourceUnitLimitExceeded" || last.header.Get("Retry-After") == "" {
		t.Errorf("high %v: %d %v", high, last.status, last.header)
	}
	found := false
	for _, b := range c.sim.Bound().Buckets {
		found = found || b.Kind == "msgraph-units-medium" && b.Served > 5000
	}
	if !found {
		t.Error("the account of Bound lacks the units")
	}
}

func TestIdentityFaults(t *testing.T) {
	o := full
	o.Accounts = 300
	c := start(t, o)
	g := c.msgraph(c.sim.Estate()[0].ID)
	fault := func(f azuresim.Fault) {
		t.Helper()
		f.API = "msgraph"
		if err := c.sim.SetFaults([]azuresim.Fault{f}); err != nil {
			t.Fatal(err)
		}
	}
	const path = "/users?$select=id,displayName&$top=100"
	fault(azuresim.Fault{Kind: "429", Times: 1, RetryAfterSeconds: 7})
	if a := g.refused(path, 429, "TooManyRequests"); a.header.Get("Retry-After") != "7" {
		t.Errorf("%v", a.header)
	}
	fault(azuresim.Fault{Kind: "5xx", Times: 1, Tenant: g.tenant})
	g.refused(path, 503, "serviceNotAvailable")
	fault(azuresim.Fault{Kind: "429", Path: "/reports/", Header: "none"})
	if a := g.refused("/reports/authenticationMethods/userRegistrationDetails", 429, "TooManyRequests"); a.header.Get("Retry-After") != "" {
		t.Errorf("%v", a.header)
	}
	if _, status, _ := g.batch(get("1", "/reports/authenticationMethods/userRegistrationDetails"), get("2", "/organization")); status["1"] != 429 || status["2"] != 200 {
		t.Errorf("%v", status)
	}
	fault(azuresim.Fault{Kind: "html", Times: 1})
	if a := g.ask(path); a.status != 502 || !strings.Contains(string(a.body), "<html>") {
		t.Errorf("%d", a.status)
	}
	fault(azuresim.Fault{Kind: "empty", Times: 2})
	g.pages, g.empty = 0, 0
	if rows := g.all(path); len(rows) != 300 || g.empty < 1 {
		t.Errorf("%d rows, %d empty", len(rows), g.empty)
	}
	fault(azuresim.Fault{Kind: "duplicates"})
	if rows := g.all(path); len(rows) != 303 || len(ids(rows, func(object) bool { return true })) != 300 {
		t.Errorf("%d rows", len(rows))
	}
	fault(azuresim.Fault{Kind: "case"})
	if rows := g.all(path); rows[0].text("id") == strings.ToLower(rows[0].text("id")) && rows[1].text("id") == strings.ToLower(rows[1].text("id")) {
		t.Error("ids are in small letters")
	}
	fault(azuresim.Fault{Kind: "nulls"})
	if rows := g.all(path); rows[2]["displayName"] != nil || rows[2].text("id") == "" || rows[0]["displayName"] == nil {
		t.Errorf("%v", rows[:3])
	}
	fault(azuresim.Fault{Kind: "columns", Column: "id"})
	if rows := g.all(path); rows[0]["id"] != nil || rows[0]["displayName"] == nil {
		t.Errorf("%v", rows[0])
	}
	fault(azuresim.Fault{Kind: "reset", Times: 1})
	if a, err := c.try("GET", "/v1.0"+path, g.token, ""); err == nil {
		t.Errorf("%d", a.status)
	}
	fault(azuresim.Fault{Kind: "expired", Times: 1})
	g.refused(path, 401, "InvalidAuthenticationToken")
	g.refused(path, 401, "InvalidAuthenticationToken") // it stays so
	if err := c.sim.SetFaults([]azuresim.Fault{{API: "msgraph", Kind: "truncated"}}); err == nil {
		t.Error("a fault that Graph does not have was taken")
	}
	if a := c.do("GET", "/subscriptions?api-version=2022-12-01", c.token, ""); a.status != 200 {
		t.Errorf("ARM: %d", a.status)
	}
}
