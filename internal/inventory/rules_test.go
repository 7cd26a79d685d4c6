package inventory

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestRules walks every rule's fixture.
func TestRules(t *testing.T) {
	for _, rule := range Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			f := readFixture(t, rule.ID)
			checkCases(t, rule, f)
			for _, c := range f.cases {
				t.Run(c.name, func(t *testing.T) { runCase(t, rule, f, c) })
			}
			for _, need := range rule.Needs {
				t.Run("not told "+need, func(t *testing.T) { runUntold(t, rule, f, need) })
			}
		})
	}
}

func runCase(t *testing.T, rule Rule, f fixture, c fixtureCase) {
	lines := slices.Concat(withoutWants(f.base), c.lines)
	for _, absence := range absences {
		v, varies := build(t, lines, absence)
		if d := differ(v.run(t, rule), v.want); d != "" {
			t.Errorf("absent = %v: %s", absence, d)
		}
		if !varies {
			break
		}
	}
}

// runUntold shows that a rule says Unknown, and no more, where a fact that it
// needs was not told.
func runUntold(t *testing.T, rule Rule, f fixture, need string) {
	for _, absence := range absences[:2] {
		v, _ := build(t, withoutWants(f.base), nil)
		for _, row := range v.rows {
			if !slices.Contains(rule.Types, textIn(row, "type", "")) {
				continue
			}
			merge(row, patchAt(need, absence))
			row["tagsNotTold"] = need == "tags"
		}
		got := v.run(t, rule)
		if len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "unknown ") }) {
			t.Errorf("%v: said %q, want unknown", absence, got)
		}
	}
}

func withoutWants(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "want ") })
}

// checkCases holds a fixture to having every kind of case. The base is a
// finding, so that an exception shows what makes the difference.
func checkCases(t *testing.T, rule Rule, f fixture) {
	v, _ := build(t, withoutWants(f.base), nil)
	if !slices.ContainsFunc(v.run(t, rule), func(s string) bool { return strings.HasPrefix(s, "found ") }) {
		t.Error("the base is no finding")
	}
	kinds := map[string]int{}
	for _, c := range f.cases {
		kind, _, _ := strings.Cut(c.name, ":")
		kinds[kind]++
	}
	need := []string{"positive", "negative"}
	for i := range rule.Exceptions {
		need = append(need, "exception "+strconv.Itoa(i+1))
	}
	for _, k := range need {
		if kinds[k] == 0 {
			t.Errorf("no case %q", k)
		}
		delete(kinds, k)
	}
	delete(kinds, "unknown")
	delete(kinds, "pending")
	if len(kinds) > 0 {
		t.Errorf("cases of no kind: %v", kinds)
	}
}

// TestRulesAreWhole holds the pack to its form, and to the known mistakes of other tools.
func TestRulesAreWhole(t *testing.T) {
	rules := Rules()
	if len(rules) < 45 {
		t.Errorf("%d rules", len(rules))
	}
	seen, mistakes := set{}, set{}
	for _, r := range rules {
		if seen.has(r.ID) {
			t.Errorf("%s is there twice", r.ID)
		}
		seen.add(r.ID)
		if r.Title == "" || r.Why == "" || r.Condition == "" || len(r.Types) == 0 || !strings.HasPrefix(r.Doc, "https://learn.microsoft.com/") {
			t.Errorf("%s is not whole", r.ID)
		}
		if !slices.Contains([]Confidence{Waste, Review, Advice}, r.Confidence) {
			t.Errorf("%s: confidence %q", r.ID, r.Confidence)
		}
		for _, typ := range r.Types {
			if typ != strings.ToLower(typ) {
				t.Errorf("%s: type %s", r.ID, typ)
			}
		}
		for _, c := range readFixture(t, r.ID).cases {
			for _, m := range regexp.MustCompile(`mistake (\d+)`).FindAllStringSubmatch(c.name, -1) {
				mistakes.add(m[1])
			}
		}
	}
	for i := 1; i <= 14; i++ {
		if !mistakes.has(strconv.Itoa(i)) {
			t.Errorf("mistake %d of other tools is in no fixture", i)
		}
	}
	files, err := os.ReadDir("testdata/rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen.has(strings.TrimSuffix(f.Name(), ".txtar")) {
			t.Errorf("%s is of no rule", f.Name())
		}
	}
	if all, on := len(Rules()), len(Enabled(rules)); on != all-2 || len(Enabled(rules, "ahb-missing-sql")) != on+1 {
		t.Errorf("%d of %d rules are on", on, all)
	}
}
