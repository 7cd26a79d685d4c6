package azuresim_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"fresnel/internal/azuresim"
)

const graphPath = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"

type graphAnswer struct {
	TotalRecords    int
	Count           int
	ResultTruncated string
	SkipToken       string `json:"$skipToken"`
	Data            []map[string]any
	Error           struct {
		Code, Message string
		Details       []struct {
			Code, Message, Token    string
			Line                    int
			CharacterPositionInLine int
		}
	}
}

// graphBody is a query over the subscriptions of all delegated tenants.
func (c *client) graphBody(query string, options map[string]any) string {
	var subs []string
	for _, t := range c.sim.Estate() {
		for _, s := range t.Subscriptions {
			subs = append(subs, s.ID)
		}
	}
	b, _ := json.Marshal(map[string]any{"subscriptions": subs, "query": query, "options": options})
	return string(b)
}

func (c *client) graph(token, body string) (graphAnswer, answer) {
	c.t.Helper()
	a := c.do("POST", graphPath, token, body)
	var v graphAnswer
	if err := json.Unmarshal(a.body, &v); err != nil {
		c.t.Fatalf("%d %.300s: %v", a.status, a.body, err)
	}
	return v, a
}

// ask returns the rows of a query over all tenants, of all pages: with the managing tenant's token
// those of the delegated ones, and with its own token those of each other.
func (c *client) ask(query string) []map[string]any {
	c.t.Helper()
	tokens := []string{c.token}
	for _, t := range c.conn.Tenants {
		if t.ClientID != "" {
			tokens = append(tokens, c.mint(t.ClientID, "https://management.azure.com"))
		}
	}
	var out []map[string]any
	for _, token := range tokens {
		out = append(out, c.askAs(token, query)...)
	}
	return out
}

func (c *client) askAs(token, query string) []map[string]any {
	c.t.Helper()
	options := map[string]any{"resultFormat": "objectArray"}
	var out []map[string]any
	for {
		v, a := c.graph(token, c.graphBody(query, options))
		if a.status != 200 {
			c.t.Fatalf("%s: %d %.500s", query, a.status, a.body)
		}
		out = append(out, v.Data...)
		if options["$skipToken"] = v.SkipToken; v.SkipToken == "" {
			return out
		}
	}
}

const everything = "resources | project id,name,type,location,resourceGroup,subscriptionId,tenantId,kind,managedBy,sku,plan,properties,tags,identity,zones | order by id asc"

// TestInventoryIsTruth reads the default estate page by page and holds it against the truth, field by field.
func TestInventoryIsTruth(t *testing.T) {
	c := start(t, azuresim.Options{MarkupNames: true})
	want := map[string]azuresim.Resource{}
	types := map[string]int{}
	c.sim.Inventory("", noon, func(r azuresim.Resource) bool {
		if r.Deleted == nil {
			want[r.ID] = r
			types[r.Type]++
		}
		return true
	})
	if len(types) < 60 || !reflect.DeepEqual(types, c.sim.CountTypes(noon)) {
		t.Errorf("%d types", len(types))
	}
	rows := c.ask(everything)
	if len(rows) != len(want) || len(rows) < 2000 {
		t.Errorf("%d rows, %d resources", len(rows), len(want))
	}
	odd := 0
	for _, r := range rows {
		w := want[fmt.Sprint(r["id"])]
		var truth map[string]any
		_ = json.Unmarshal(must(json.Marshal(w)), &truth)
		delete(truth, "created")
		if !reflect.DeepEqual(r, truth) {
			t.Fatalf("got %v\nwant %v", r, truth)
		}
		if strings.Contains(fmt.Sprint(w.Tags), "<img") || strings.Contains(fmt.Sprint(w.Tags), "\u202e") || len(fmt.Sprint(w.Tags)) > 10_000 {
			odd++
		}
	}
	if odd < 5 {
		t.Errorf("%d resources with odd tags", odd)
	}
	again := start(t, azuresim.Options{MarkupNames: true})
	if !reflect.DeepEqual(rows, again.ask(everything)) {
		t.Error("the same seed gives another estate")
	}
	texts := map[string]bool{}
	for _, w := range c.sim.Waste(noon) {
		if w.RuleID != "advisor-cost" {
			texts[w.RuleID+w.Case] = true
		}
	}
	if len(texts) < azuresim.WasteCases() {
		t.Errorf("%d cases of waste of %d", len(texts), azuresim.WasteCases())
	}
}

// TestCostsJoinResources wants what costs to be in the inventory, under its id, the planted waste too.
func TestCostsJoinResources(t *testing.T) {
	c := start(t, azuresim.Options{})
	from := noon.AddDate(0, 0, -4)
	known := map[string]bool{}
	for _, sub := range c.sim.Estate() {
		for _, s := range sub.Subscriptions {
			c.sim.Inventory(s.ID, noon, func(r azuresim.Resource) bool {
				known[strings.ToLower(r.ID)] = true
				return true
			})
		}
	}
	cost := map[string]int64{}
	for _, r := range must(c.sim.Truth(azuresim.TruthQuery{From: from, To: from, By: []string{"resource"}, Cut: "resources"})) {
		cost[r.Resource] = r.USDMicros
		if strings.HasPrefix(r.Resource, "/subscriptions/") && !known[r.Resource] && !strings.Contains(r.Resource, "/microsoft.security/pricings/") {
			t.Errorf("%s costs and does not exist", r.Resource)
		}
	}
	spent := 0
	for _, w := range c.sim.Waste(noon) {
		if cost[strings.ToLower(w.ResourceID)] > 0 && w.Expect == azuresim.ExpectWaste {
			spent++
		}
	}
	if spent < 15 {
		t.Errorf("%d wasteful resources cost", spent)
	}
}

// TestGraphPaging wants tokens only where pages can be told apart, and the limits of the options.
func TestGraphPaging(t *testing.T) {
	c := start(t, azuresim.Options{})
	for _, q := range []struct {
		query     string
		top       int
		count     int
		token     bool
		truncated string
	}{
		{"resources | project id | order by id asc", 7, 7, true, "false"},
		{"resources | project name", 7, 7, false, "true"},
		{"resources | project id | take 20", 7, 7, false, "true"},
		{"resources | project id | take 5", 7, 5, false, "false"},
		{"resources | summarize n = count()", 7, 1, false, "false"},
	} {
		v, a := c.graph(c.token, c.graphBody(q.query, map[string]any{"$top": q.top}))
		if a.status != 200 || v.Count != q.count || len(v.Data) != q.count || (v.SkipToken != "") != q.token || v.ResultTruncated != q.truncated || v.TotalRecords < v.Count {
			t.Errorf("%s: %d %+v", q.query, a.status, v)
		}
	}
	first, _ := c.graph(c.token, c.graphBody("resources | project id", map[string]any{"$top": 3}))
	other, a := c.graph(c.token, c.graphBody("resources | project id, name", map[string]any{"$skipToken": first.SkipToken}))
	if a.status != 400 || other.Error.Details[0].Code != "InvalidSkipToken" {
		t.Errorf("a token of another query: %d %s", a.status, a.body)
	}
	for body, code := range map[string]string{
		c.graphBody("resources", map[string]any{"$top": 1001}):                           "BadPagingOptions",
		`{"query":"resources","subscriptions":["x"]}`:                                    "InvalidSubscriptionIds",
		`{"query":"resources","subscriptions":["00000000-0000-4000-8000-000000000000"]}`: "NoValidSubscriptionsInQueryRequest",

		`{"query":"resources"}`: "NoValidSubscriptionsInQueryRequest", // delegated ones must be listed
		`{"subscriptions":[]}`:  "InvalidRequestBody",

		c.graphBody("resources | take 1000 | extend a = strcat("+strings.Repeat("tostring(properties), ", 60)+"'')", nil): "ResponsePayloadTooLarge",
	} {
		if v, a := c.graph(c.token, body); a.status != 400 || v.Error.Code != "BadRequest" || v.Error.Details[0].Code != code {
			t.Errorf("%.80s: %d %.300s, want %s", body, a.status, a.body, code)
		}
	}
	v, _ := c.graph(c.token, c.graphBody("resources\n| where nope == 1", nil))
	if d := v.Error.Details; len(d) != 2 || d[0].Code != "InvalidQuery" || d[1].Line != 2 || d[1].CharacterPositionInLine != 8 || d[1].Token != "nope" {
		t.Errorf("%+v", v.Error)
	}
	a = c.do("POST", graphPath, c.token, c.graphBody("resources | summarize n = count() by type | order by type asc | take 1", map[string]any{"resultFormat": "table"}))
	if !strings.Contains(string(a.body), `"data":{"columns":[{"name":"type","type":"string"},{"name":"n","type":"integer"}],"rows":[["microsoft.`) {
		t.Errorf("%.400s", a.body)
	}
}

// TestGraphQuota uses the quota up and reads from the headers when it comes back.
func TestGraphQuota(t *testing.T) {
	c := start(t, azuresim.Options{Throttle: "real"})
	body := c.graphBody("resources | count", nil)
	for i := range 15 {
		if _, a := c.graph(c.token, body); a.status != 200 || a.header.Get("x-ms-user-quota-resets-after") == "" || i == 0 && a.header.Get("x-ms-user-quota-remaining") != "14" {
			t.Fatalf("%d: %d %v", i, a.status, a.header)
		}
	}
	for range 20 {
		v, a := c.graph(c.token, body)
		if a.status == 429 {
			if v.Error.Code != "RateLimiting" || a.header.Get("x-ms-user-quota-remaining") != "0" || a.header.Get("Retry-After") == "" || a.header.Get("x-ms-user-quota-resets-after") < "00:00:04" {
				t.Errorf("%s %v", a.body, a.header)
			}
			return
		}
	}
	t.Error("35 queries were let through")
}

// TestGraphFaults wants each fault to show.
func TestGraphFaults(t *testing.T) {
	c := start(t, azuresim.Options{})
	query := c.graphBody("resources | project id, subscriptionId, name | order by id asc", map[string]any{"$top": 10})
	whole, _ := c.graph(c.token, query)
	gone := fmt.Sprint(whole.Data[0]["subscriptionId"])
	for _, f := range []struct {
		fault azuresim.Fault
		shows func(v graphAnswer, a answer) bool
	}{
		{azuresim.Fault{Kind: "absent", Subscription: gone}, func(v graphAnswer, _ answer) bool {
			return v.TotalRecords < whole.TotalRecords && v.Data[0]["subscriptionId"] != gone
		}},
		{azuresim.Fault{Kind: "absent", Subscription: "no such"}, func(v graphAnswer, _ answer) bool { return v.TotalRecords == whole.TotalRecords }},
		{azuresim.Fault{Kind: "absent"}, func(v graphAnswer, _ answer) bool { return v.TotalRecords < whole.TotalRecords }},
		{azuresim.Fault{Kind: "truncated"}, func(v graphAnswer, _ answer) bool {
			return v.Count == 5 && v.ResultTruncated == "true" && v.SkipToken == ""
		}},
		{azuresim.Fault{Kind: "empty", Times: 1}, func(v graphAnswer, _ answer) bool { return v.Count == 0 && v.SkipToken != "" }},
		{azuresim.Fault{Kind: "case"}, func(v graphAnswer, _ answer) bool {
			return v.Data[0]["id"] != whole.Data[0]["id"] && strings.EqualFold(fmt.Sprint(v.Data[0]["id"]), fmt.Sprint(whole.Data[0]["id"]))
		}},
		{azuresim.Fault{Kind: "columns", Column: "name"}, func(v graphAnswer, _ answer) bool { return len(v.Data[0]) == 2 }},
		{azuresim.Fault{Kind: "nulls"}, func(v graphAnswer, _ answer) bool { return v.Data[0]["name"] == nil && v.Data[1]["name"] != nil }},
		{azuresim.Fault{Kind: "429"}, func(v graphAnswer, a answer) bool { return a.status == 429 && v.Error.Code == "RateLimiting" }},
		{azuresim.Fault{Kind: "5xx"}, func(_ graphAnswer, a answer) bool { return a.status == 503 }},
	} {
		f.fault.API = "resourcegraph"
		if err := c.sim.SetFaults([]azuresim.Fault{f.fault}); err != nil {
			t.Fatal(err)
		}
		if v, a := c.graph(c.token, query); !f.shows(v, a) {
			t.Errorf("%+v: %d %.300s", f.fault, a.status, a.body)
		}
	}
	if err := c.sim.SetFaults([]azuresim.Fault{{API: "resourcegraph", Kind: "absent"}}); err != nil {
		t.Fatal(err)
	}
	v, a := c.graph(c.token, `{"query":"resources | project id","subscriptions":["`+gone+`"]}`)
	if a.status != 200 || v.TotalRecords != 0 || v.ResultTruncated != "false" {
		t.Errorf("the only subscription is absent: %d %.300s", a.status, a.body)
	}
}
