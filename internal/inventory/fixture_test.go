package inventory

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
)

// A fixture is testdata/rules/<rule id>.txtar. Its first part, base, is an
// estate in which the rule finds something; each further part is a case: the
// base with changes, and what the rule then says. Lines:
//
//	{…}                   a row as Resource Graph writes it; id, group and subscription are made up if absent
//	patch NAME {…}        merges into a row; the text "<missing>" removes a property
//	absent NAME PATH      the case holds for the property missing, null, "", [] and "[]"
//	drop NAME             the row is gone
//	groups N              N resource groups g0, g1, …
//	unread SUBSCRIPTION   its inventory was not read in full
//	seen NAME DAY [RULE]  since when the rule's condition has been observed
//	want VERDICT NAME …   what is said; further words must be part of it. Nothing else may be said.
//
// @{NAME} is the id of a row, in another case than the row has it.
//
// Parts are named positive, negative, unknown, pending or exception N (of
// Rule.Exceptions); "(mistake N)" marks the known mistakes of other tools.
type fixture struct {
	base  []string
	cases []fixtureCase
}

type fixtureCase struct {
	name  string
	lines []string
}

func readFixture(t testing.TB, rule string) fixture {
	t.Helper()
	raw, err := os.ReadFile("testdata/rules/" + rule + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	var f fixture
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		name, marker := strings.CutPrefix(line, "-- ")
		switch {
		case marker:
			f.cases = append(f.cases, fixtureCase{name: strings.TrimSuffix(name, " --")})
		case line == "" || len(f.cases) == 0: // the comment before the first part
		default:
			c := &f.cases[len(f.cases)-1]
			c.lines = append(c.lines, line)
		}
	}
	if len(f.cases) == 0 || f.cases[0].name != "base" {
		t.Fatalf("%s: no base", rule)
	}
	f.base, f.cases = f.cases[0].lines, f.cases[1:]
	return f
}

// variant is a fixture's estate with what it says of absent properties chosen.
type variant struct {
	rows   map[string]map[string]any // by name
	unread []string
	seen   [][]string
	want   []string
}

// absences are what Resource Graph may write where there is nothing.
var absences = []any{"<missing>", nil, "", []any{}, "[]"}

func build(t testing.TB, lines []string, absence any) (v variant, varies bool) {
	t.Helper()
	v.rows = map[string]map[string]any{}
	for _, line := range lines {
		verb, rest, _ := strings.Cut(line, " ")
		words := strings.Fields(rest)
		if strings.HasPrefix(line, "{") {
			row := decode(t, line)
			v.rows[textIn(row, "name", "")] = row
			continue
		}
		switch verb {
		case "patch":
			name, patch, _ := strings.Cut(rest, " ")
			merge(v.row(t, name), decode(t, patch))
		case "absent":
			varies = true
			merge(v.row(t, words[0]), patchAt(words[1], absence))
		case "drop":
			v.row(t, words[0])
			delete(v.rows, words[0])
		case "groups":
			n, _ := Value{words[0]}.Int()
			for i := range n {
				name := fmt.Sprintf("g%d", i)
				v.rows[name] = map[string]any{"type": typeGroup, "name": name}
			}
		case "unread":
			v.unread = append(v.unread, words[0])
		case "seen":
			v.seen = append(v.seen, words)
		case "want":
			v.want = append(v.want, rest)
		default:
			t.Fatalf("line %q", line)
		}
	}
	return v, varies
}

func (v variant) row(t testing.TB, name string) map[string]any {
	t.Helper()
	row, ok := v.rows[name]
	if !ok {
		t.Fatalf("no row %s", name)
	}
	return row
}

func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

// patchAt is the patch that sets one property, named by its path.
func patchAt(path string, value any) map[string]any {
	names := strings.Split(path, ".")
	for _, p := range slices.Backward(names[1:]) {
		value = map[string]any{p: value}
	}
	return map[string]any{names[0]: value}
}

func textIn(row map[string]any, name, or string) string {
	if s, ok := row[name].(string); ok {
		return s
	}
	return or
}

func merge(into, patch map[string]any) {
	for k, p := range patch {
		sub, isObject := p.(map[string]any)
		old, wasObject := into[k].(map[string]any)
		switch {
		case p == "<missing>":
			delete(into, k)
		case isObject && wasObject:
			merge(old, sub)
		default:
			into[k] = p
		}
	}
}

// estate makes the rows resources.
func (v variant) estate(t testing.TB, rule string) (*memory, map[string]string) {
	t.Helper()
	ids, names := map[string]string{}, map[string]string{}
	for name, row := range v.rows {
		ids[name] = idOf(row)
		names[strings.ToLower(ids[name])] = name
	}
	var rows []Resource
	for _, name := range slices.Sorted(maps.Keys(v.rows)) {
		raw, err := json.Marshal(v.rows[name])
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`@\{[^}]*\}`).ReplaceAllStringFunc(string(raw), func(ref string) string {
			id, ok := ids[ref[2:len(ref)-1]]
			if !ok {
				t.Fatalf("no row %s", ref)
			}
			return strings.ToUpper(id)
		})
		rows = append(rows, parseRow(t, text, ids[name]))
	}
	m := newMemory(rows)
	for _, s := range v.unread {
		m.unread.add(s)
	}
	for _, words := range v.seen {
		at, err := time.Parse(time.DateOnly, words[1])
		if err != nil {
			t.Fatal(err)
		}
		of := rule
		if len(words) > 2 {
			of = words[2]
		}
		key := strings.ToLower(ids[words[0]])
		if parent, part, ok := strings.Cut(words[0], "/subnets/"); ok {
			key = strings.ToLower(ids[parent]) + "/subnets/" + part
		}
		m.held[[2]string{of, key}] = at
	}
	return m, names
}

func idOf(row map[string]any) string {
	if id, ok := row["id"].(string); ok {
		return id
	}
	typ, name := textIn(row, "type", ""), textIn(row, "name", "")
	id := "/subscriptions/" + textIn(row, "subscriptionId", "sub-a")
	switch typ {
	case typeSubscription:
		return id
	case typeGroup:
		return id + "/resourceGroups/" + name
	}
	parts, names := strings.Split(typ, "/"), strings.Split(name, "/")
	id += "/resourceGroups/" + textIn(row, "resourceGroup", "rg") + "/providers/" + parts[0]
	for i, p := range parts[1:] {
		id += "/" + p + "/" + names[min(i, len(names)-1)]
	}
	return id
}

func parseRow(t testing.TB, text, id string) Resource {
	t.Helper()
	row := struct {
		Subscription string `json:"subscriptionId"`
		Group        string `json:"resourceGroup"`
		Type, Name   string
		Kind         string
		ManagedBy    string
		SKU          Value
		Identity     Value
		Properties   Value
		Tags         map[string]string
		TagsNotTold  bool
		Created      time.Time
	}{Subscription: "sub-a", Group: "rg"}
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	r := Resource{
		ID: id, Tenant: "t1", Subscription: row.Subscription, Group: row.Group, Type: row.Type, Name: row.Name, Kind: row.Kind,
		SKU: row.SKU, ManagedBy: row.ManagedBy, Identity: row.Identity, Tags: row.Tags, Properties: row.Properties, Created: row.Created,
	}
	if r.Tags == nil && !row.TagsNotTold {
		r.Tags = map[string]string{}
	}
	if r.Type == typeSubscription || r.Type == typeGroup {
		r.Group = ""
	}
	return r
}

// run says what a rule says of a variant, one line a judgement.
func (v variant) run(t testing.TB, rule Rule) []string {
	t.Helper()
	m, names := v.estate(t, rule.ID)
	var got []string
	for j := range Evaluate(m, []Rule{rule}) {
		name := names[j.Object]
		if name == "" {
			name = j.Object[strings.LastIndexByte(j.Object, '/')+1:]
		}
		about := make([]string, len(j.About))
		for i, a := range j.About {
			about[i] = a[strings.LastIndexByte(a, '/')+1:]
		}
		line := fmt.Sprintf("%s %s since=%s confidence=%s free=%t about=%s", j.Verdict, name, fresnel.DayOf(j.Since), j.Confidence, j.Free, strings.Join(about, ","))
		if j.Savings == nil {
			line += " nosavings"
		} else {
			line += " savings=" + j.Savings.Amount + j.Savings.Currency
		}
		got = append(got, line+" reason="+strings.ReplaceAll(j.Reason, " ", "_"))
	}
	return got
}

// differ says how what was said differs from what is wanted; "" if it does not.
func differ(got, want []string) string {
	rest := slices.Clone(got)
	for _, w := range want {
		words := strings.Fields(w)
		i := slices.IndexFunc(rest, func(g string) bool {
			said := strings.Fields(g)
			return said[0] == words[0] && said[1] == words[1] &&
				!slices.ContainsFunc(words[2:], func(x string) bool { return !strings.Contains(g, x) })
		})
		if i < 0 {
			return fmt.Sprintf("not said: %s\nsaid: %s", w, strings.Join(got, "\n"))
		}
		rest = slices.Delete(rest, i, i+1)
	}
	if len(rest) > 0 {
		return "said too much: " + strings.Join(rest, "\n")
	}
	return ""
}
