package page

import (
	"net/url"
	"slices"
)

// Judging narrows what policies and Defender for Cloud say; each list is any of its values, empty is all.
type Judging struct {
	Categories []string // of policies
	Effects    []string // of policies, lower case
	Failing    bool     // policies with non-compliant resources only
	Policy     string   // number of the policy that resources fail
	Standing   string   // of exemptions: all, active, expiring, expired
	Control    string   // state of a framework's controls: all, failed, passed, skipped, not-assessed
	Source     string   // of a framework: policy, defender
	Baseline   string   // name of the day that is compared with
}

// The words of "standing" and "control".
var (
	standings     = []string{"all", "active", "expiring", "expired"}
	controlStates = []string{"all", "failed", "passed", "skipped", "not-assessed"}
)

// maxName bounds the name of a baseline.
const maxName = 100

func parseJudging(values url.Values) (j Judging, notes []string) {
	word := func(name string, allowed []string) string {
		v := values.Get(name)
		if v == "" || v == allowed[0] {
			return ""
		}
		if !slices.Contains(allowed, v) {
			notes = append(notes, "Ignored "+name+"="+v+": not a known value.")
			return ""
		}
		return v
	}
	j.Categories, j.Effects = list(values["category"], false), list(lowered(values["effect"], ""), false)
	j.Failing = values.Get("failing") == "1"
	j.Standing, j.Control = word("standing", standings), word("control", controlStates)
	j.Source, j.Policy = values.Get("source"), values.Get("policy")
	if j.Baseline = values.Get("baseline"); len(j.Baseline) > maxName {
		j.Baseline = ""
		notes = append(notes, "Ignored baseline: it is longer than any name.")
	}
	return j, notes
}

func (j Judging) writeJudging(v url.Values) {
	for name, values := range map[string][]string{"category": j.Categories, "effect": j.Effects} {
		if len(values) > 0 {
			v[name] = slices.Clone(values)
		}
	}
	for _, w := range [][2]string{{"policy", j.Policy}, {"standing", j.Standing}, {"control", j.Control}, {"source", j.Source}, {"baseline", j.Baseline}} {
		if w[1] != "" {
			v.Set(w[0], w[1])
		}
	}
	if j.Failing {
		v.Set("failing", "1")
	}
}

// WithJudging is q of what else policies say.
func (q Query) WithJudging(j Judging) Query { q.Judging, q.Cursor = j, ""; return q }

// WithFailing is q of policies with non-compliant resources, or of all.
func (q Query) WithFailing(on bool) Query { q.Failing, q.Cursor = on, ""; return q }

// WithPolicy is q of resources that fail a policy.
func (q Query) WithPolicy(num string) Query { q.Policy, q.Cursor = num, ""; return q }

// WithStanding is q with exemptions of a standing.
func (q Query) WithStanding(s string) Query { q.Standing, q.Cursor = s, ""; return q }

// WithControl is q with controls of a state.
func (q Query) WithControl(s string) Query { q.Control, q.Cursor = s, ""; return q }

// WithFramework is q about one framework.
func (q Query) WithFramework(source, id string) Query {
	q.Source, q.ID, q.Cursor = source, id, ""
	return q
}

// WithBaseline is q compared with a day that has a name, in place of days.
func (q Query) WithBaseline(name string) Query {
	q.Baseline, q.Period, q.From, q.To = name, "", "", ""
	return q
}

// sorted is the query's order, if the list of the API has it.
func (q Query) sorted(v url.Values, known []string) {
	if slices.Contains(known, q.Sort) {
		v.Set("sort", q.Sort)
	}
}

// PoliciesCSV is the address of the REST API's list of the policies of this view.
func (q Query) PoliciesCSV() string {
	v := url.Values{}
	Things{Text: q.Text}.writeThings(v)
	Judging{Categories: q.Categories, Effects: q.Effects, Failing: q.Failing}.writeJudging(v)
	q.sorted(v, policySorts)
	return q.csv("compliance/policies", v)
}

// NonCompliantCSV is the address of the REST API's list of the non-compliant resources of this view.
func (q Query) NonCompliantCSV() string {
	v := url.Values{}
	Things{Text: q.Text, Types: q.Types}.writeThings(v)
	Judging{Policy: q.Policy}.writeJudging(v)
	for _, g := range q.RGs {
		if g != "" {
			v.Add("resource_group", g)
		}
	}
	q.sorted(v, failingSorts)
	return q.csv("compliance/non-compliant", v)
}

// DriftCSV is the address of the REST API's list of what moved between two days.
func (q Query) DriftCSV(from, to string) string {
	return q.csv("compliance/drift", url.Values{"from": {from}, "to": {to}})
}

// ExemptionsCSV is the address of the REST API's list of the exemptions of this view.
func (q Query) ExemptionsCSV() string {
	v := url.Values{}
	Judging{Standing: q.Standing}.writeJudging(v)
	return q.csv("compliance/exemptions", v)
}

// SecureScoreCSV is the address of the REST API's list of the controls of the secure score.
func (q Query) SecureScoreCSV() string { return q.csv("compliance/secure-score", url.Values{}) }

// FrameworksCSV is the address of the REST API's list of frameworks.
func (q Query) FrameworksCSV() string { return q.csv("compliance/frameworks", url.Values{}) }

// FrameworkCSV is the address of the REST API's list of a framework's controls.
func (q Query) FrameworkCSV() string {
	return q.csv("compliance/frameworks/detail", url.Values{"source": {q.Source}, "id": {q.ID}})
}
