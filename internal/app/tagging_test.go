package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// tagPolicy is what a test requires of a tenant's tags.
type tagPolicy struct {
	Tenants  []string      `json:"tenants"`
	Inherit  bool          `json:"inherit"`
	Required []requiredTag `json:"required"`
}

type requiredTag struct {
	Key    string   `json:"key"`
	Values []string `json:"values,omitempty"`
}

// taggedTypes are the types below another resource's that can carry tags, of
// those that the simulator has, and masters the databases that cannot: see
// https://learn.microsoft.com/azure/azure-resource-manager/management/tag-support.
// All types at the top that the simulator has can.
var taggedTypes = []string{
	"microsoft.compute/virtualmachines/extensions", "microsoft.network/privatednszones/virtualnetworklinks", "microsoft.web/sites/slots",
	"microsoft.sql/servers/databases", "microsoft.sql/servers/elasticpools", "microsoft.cdn/profiles/afdendpoints",
	"microsoft.automation/automationaccounts/runbooks", "microsoft.synapse/workspaces/sqlpools", "microsoft.synapse/workspaces/bigdatapools",
}

type tagCount struct {
	Compliant int `json:"compliant"`
	Judged    int `json:"judged"`
	Unknown   int `json:"unknown"`
	Exempt    int `json:"exempt"`
}

type tagRow struct {
	TenantID string   `json:"tenant_id"`
	By       string   `json:"by"`
	Name     string   `json:"name"`
	Percent  *float64 `json:"percent"`
	tagCount
}

type tagAnswer struct {
	Data []tagRow `json:"data"`
	All  struct {
		tagRow
		Without money `json:"cost_without"`
	} `json:"all"`
}

// judgedTags is the simulator's inventory judged here: rows, ids that lack a
// tag by its key in lower case ("*" any), and the keys that one resource lacks.
type judgedTags struct {
	rows  map[tagRow]tagCount // without counts
	lacks map[string]map[string]bool
	of    map[string]map[string]bool // by resource: key in lower case, whether it has a wrong value
}

func (j *judgedTags) count(row tagRow, state string) {
	c := j.rows[row]
	switch state {
	case "exempt":
		c.Exempt++
	case "lacks":
		c.Judged++
	default:
		c.Judged++
		c.Compliant++
	}
	j.rows[row] = c
}

// ofKey is the value of a tag, its key in any case; of several keys, which Azure
// has not, that which is spelt as asked.
func ofKey(tags map[string]any, key string) string {
	if v, ok := tags[key].(string); ok {
		return strings.TrimSpace(v)
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if v, _ := tags[k].(string); strings.EqualFold(k, key) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// judge computes what there must be, of one tenant's policy after another.
func (w *world) judge(policies map[string]tagPolicy) judgedTags {
	j := judgedTags{map[tagRow]tagCount{}, map[string]map[string]bool{}, map[string]map[string]bool{}}
	groups := map[string]map[string]any{}
	var all []azuresim.Tagged
	w.Tags("", time.Time{}, func(v any) bool {
		r, _ := v.(azuresim.Tagged)
		switch r.Type {
		case "microsoft.resources/subscriptions":
		case "microsoft.resources/subscriptions/resourcegroups":
			groups[strings.ToLower(r.ID)] = r.Tags
		default:
			all = append(all, r)
		}
		return true
	})
	for _, r := range all {
		p, id := policies[r.Tenant], strings.ToLower(r.ID)
		inherited := groups["/subscriptions/"+r.SubscriptionID+"/resourcegroups/"+r.ResourceGroup]
		below := strings.Count(r.Type, "/") > 1 && !slices.Contains(taggedTypes, r.Type)
		master := r.Type == "microsoft.sql/servers/databases" && strings.HasSuffix(id, "/master")
		exempt := len(p.Required) == 0 || below || master
		lacks := map[string]bool{}
		for _, want := range p.Required {
			value := ofKey(r.Tags, want.Key)
			if value == "" && p.Inherit {
				value = ofKey(inherited, want.Key)
			}
			wrong := value != "" && len(want.Values) > 0 && !slices.Contains(want.Values, value)
			if value == "" || wrong {
				lacks[strings.ToLower(want.Key)] = wrong
			}
		}
		state := func(bad bool) string {
			switch {
			case exempt:
				return "exempt"
			case bad:
				return "lacks"
			}
			return "meets"
		}
		for by, name := range map[string]string{"tenant": "", "subscription": r.SubscriptionID, "type": r.Type} {
			j.count(tagRow{TenantID: r.Tenant, By: by, Name: name}, state(len(lacks) > 0))
		}
		for _, want := range p.Required {
			_, bad := lacks[strings.ToLower(want.Key)]
			j.count(tagRow{TenantID: r.Tenant, By: "tag", Name: strings.ToLower(want.Key)}, state(bad))
		}
		if exempt || len(lacks) == 0 {
			continue
		}
		j.of[id] = lacks
		for key := range lacks {
			for _, k := range []string{key, "*"} {
				if j.lacks[k] == nil {
					j.lacks[k] = map[string]bool{}
				}
				j.lacks[k][id] = true
			}
		}
	}
	return j
}

// TestTagging compares tag compliance, the resources that lack a tag, and what
// they cost, with the simulator's tags judged by the test itself.
func TestTagging(t *testing.T) {
	long(t)
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 4, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4, Waste: -1})
		estate := sim.Estate()
		env := requiredTag{"ENV", []string{"prod", "dev", "test"}} // as no tenant writes it
		list := []tagPolicy{
			{[]string{strings.ToUpper(estate[0].ID)}, true, []requiredTag{{"Env", []string{"prod", "Prod", "PROD", "production", "dev", "Dev"}}, {Key: "APP"}}},
			{[]string{"nobody", slug(estate[1].Name)}, false, []requiredTag{{Key: "owner"}, env}},
			{[]string{estate[2].ID}, false, []requiredTag{}},
			{[]string{"*"}, false, []requiredTag{{Key: "CostCenter"}}},
		}
		policies := func(inherit bool) (map[string]tagPolicy, change) {
			list[0].Inherit = inherit
			b, err := json.Marshal(map[string]any{"tags": list})
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "tags.json")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			of := map[string]tagPolicy{}
			for i, te := range estate {
				of[te.ID] = list[i]
			}
			return of, func(c *app.Config, _ *app.Options) { c.TagPolicies = file }
		}
		with, set := policies(true)
		w := begin(t, sim, database, months(2), set)
		whole(t, w.sync(t))
		whole(t, w.inventory(t))
		first := w.sameTags(t, with)
		sim.Clock().Advance(20 * 24 * time.Hour) // people write tags, and take some away
		whole(t, w.sync(t))
		whole(t, w.inventory(t))
		w.sameTags(t, with)
		without, set := policies(false)
		w.restart(t, months(2), set)
		whole(t, w.inventory(t))
		second := w.sameTags(t, without)
		if first[0] == second[0] {
			t.Errorf("%d resources meet the policy with and without what they inherit: the test shows nothing", first[0])
		}
	})
}

// sameTags compares all that is told of tags. It gives how many resources of
// the first tenant meet its policy.
func (w *world) sameTags(t *testing.T, policies map[string]tagPolicy) [2]int {
	t.Helper()
	j := w.judge(policies)
	a := w.get("/api/v1/resources/tagging")
	var got tagAnswer
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
		t.Fatalf("%d %.300s", a.status, a.body)
	}
	line := func(r tagRow) string {
		percent := "-"
		if r.Judged > 0 {
			percent = fmt.Sprintf("%.6f", 100*float64(r.Compliant)/float64(r.Judged))
		}
		return fmt.Sprintf("%s %s %s %+v %s", r.TenantID, r.By, r.Name, r.tagCount, percent)
	}
	var want, rows []string
	var all tagCount
	for row, c := range j.rows {
		row.tagCount = c
		want = append(want, line(row))
		if row.By == "tenant" {
			all.Compliant, all.Judged, all.Exempt = all.Compliant+c.Compliant, all.Judged+c.Judged, all.Exempt+c.Exempt
		}
	}
	for _, r := range got.Data {
		if r.tagCount != (tagCount{}) { // of a tenant that has nothing
			rows = append(rows, line(r))
		}
		if r.Judged > 0 && (r.Percent == nil || fmt.Sprintf("%.6f", *r.Percent) != line(r)[strings.LastIndexByte(line(r), ' ')+1:]) || r.Judged == 0 && r.Percent != nil {
			t.Errorf("percent of %+v", r)
		}
	}
	if d := lineDiff(want, rows); d != "" {
		t.Errorf("tags (-simulator +api):\n%.3000s", d)
	}
	if got.All.tagCount != all || all.Exempt == 0 || all.Compliant < 10 || all.Judged-all.Compliant < 20 {
		t.Errorf("all %+v, want %+v", got.All.tagCount, all)
	}
	w.sameLacks(t, j)
	truth, usd := w.lastMonth(t), int64(0)
	for id := range j.of {
		for _, v := range truth[id] {
			usd += v[1]
		}
	}
	if got.All.Without.Micros != usd || usd == 0 {
		t.Errorf("resources that lack a tag cost %d, the truth is %d", got.All.Without.Micros, usd)
	}
	var cells, told []string
	for _, r := range got.Data {
		cells = append(cells, strings.Join([]string{r.TenantID, r.By, cellText(r.Name), fmt.Sprint(r.Compliant), fmt.Sprint(r.Judged), fmt.Sprint(r.Unknown), fmt.Sprint(r.Exempt), strconv.FormatBool(r.Percent != nil)}, "|"))
	}
	_, csv := sheet(t, w, "/api/v1/resources/tagging.csv")
	for _, r := range csv {
		told = append(told, strings.Join([]string{r["tenant_id"], r["by"], r["name"], r["compliant"], r["judged"], r["unknown"], r["exempt"], strconv.FormatBool(r["percent"] != "")}, "|"))
	}
	sameRows(t, "/api/v1/resources/tagging.csv", cells, told, 30)
	first := j.rows[tagRow{TenantID: w.Estate()[0].ID, By: "tenant"}]
	return [2]int{first.Compliant, first.Judged}
}

// sameLacks compares the lists of resources that lack a tag.
func (w *world) sameLacks(t *testing.T, j judgedTags) {
	t.Helper()
	keys := map[string]string{"*": "*"}
	for key := range j.lacks {
		keys[strings.ToUpper(key)] = key
	}
	for asked, key := range keys {
		var want, got []string
		for id := range j.lacks[key] {
			want = append(want, id)
		}
		for id := range w.resources(t, "&missing="+url.QueryEscape(asked)) {
			got = append(got, id)
		}
		if d := lineDiff(want, got); d != "" || len(want) == 0 {
			t.Errorf("missing=%s (-simulator +api):\n%.2000s", asked, d)
		}
	}
	if rows := w.resources(t, "&missing=no-such-tag"); len(rows) > 0 {
		t.Errorf("%d resources lack a tag that nobody requires", len(rows))
	}
	seen := map[bool]int{}
	for i, id := range slices.Sorted(maps.Keys(j.of)) {
		if i%40 != 0 && (seen[true] > 0 || !slices.Contains(slices.Collect(maps.Values(j.of[id])), true)) {
			continue
		}
		got := map[string]bool{}
		for _, l := range read[struct {
			Lacks []struct {
				Tag   string `json:"tag"`
				Wrong bool   `json:"wrong"`
			} `json:"lacks"`
		}](t, w, "/api/v1/resources/detail?id="+url.QueryEscape(id)).Data.Lacks {
			got[l.Tag] = l.Wrong
			seen[l.Wrong]++
		}
		if d := diff(j.of[id], got); d != "" {
			t.Errorf("%s lacks (-simulator +api):\n%s", id, d)
		}
	}
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("%v: the test shows nothing", seen)
	}
}
