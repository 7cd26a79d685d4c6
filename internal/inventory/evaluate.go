package inventory

import (
	"cmp"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"time"

	"fresnel"
)

// Judgement is what a rule says of an object of the estate: Found, Pending or Unknown.
type Judgement struct {
	Outcome // Since is told always, Confidence as well
	Rule    *Rule
	Tenant  fresnel.TenantID
	Object  string // key
}

// Detail is what a finding of waste says beside its key: the JSON of
// fresnel.Finding.Detail. It holds no ages, so that it changes only with the facts.
type Detail struct {
	Title      string     `json:"title"`
	Reason     string     `json:"reason"`
	Confidence Confidence `json:"confidence"`
	Costs      bool       `json:"costs"`
	Part       bool       `json:"part,omitempty"`    // only a part of that cost could be saved
	About      []string   `json:"about,omitempty"`   // keys of the resources whose cost this is, if it is not the object's
	Savings    *Savings   `json:"savings,omitempty"` // as Azure estimates
}

// Evaluate runs rules over an estate. It reads the estate twice: once for what
// the rules join, once, type by type in order, to judge. Nothing is said where
// a condition is not met.
func Evaluate(e Estate, rules []Rule) iter.Seq[Judgement] {
	return func(yield func(Judgement) bool) {
		x := newJoins(e)
		byType := map[string][]*Rule{}
		for i := range rules {
			for _, t := range rules[i].Types {
				byType[t] = append(byType[t], &rules[i])
			}
		}
		for _, t := range slices.Sorted(maps.Keys(byType)) {
			for r := range e.Each(t) {
				if !x.judge(&r, byType[t], yield) {
					return
				}
			}
		}
	}
}

// judge asks the rules of a resource's type; false to stop.
func (x *Joins) judge(r *Resource, rules []*Rule, yield func(Judgement) bool) bool {
	for _, rule := range rules {
		need := rule.untold(r)
		if need != "" || rule.Parts == nil {
			o := unknown("Resource Graph did not tell %s", need)
			if need == "" {
				o = rule.Eval(r, x)
			}
			if !x.say(rule, r, o, yield) {
				return false
			}
			continue
		}
		for _, part := range rule.Parts(r) {
			if !x.say(rule, &part, rule.Eval(&part, x), yield) {
				return false
			}
		}
	}
	return true
}

// say completes an outcome and yields it; false to stop.
func (x *Joins) say(rule *Rule, r *Resource, o Outcome, yield func(Judgement) bool) bool {
	if o.Verdict == None {
		return true
	}
	j := Judgement{Outcome: o, Rule: rule, Tenant: r.Tenant, Object: r.Key()}
	j.Confidence = cmp.Or(o.Confidence, rule.Confidence)
	if o.Verdict != Unknown {
		now := x.Now()
		if j.Since.IsZero() {
			j.Since = x.heldSince(rule.ID, j.Object)
		}
		if j.Since.After(now) {
			j.Since = now // Azure's clock, or a date that somebody wrote
		}
		if now.Sub(j.Since) < time.Duration(rule.After)*day {
			j.Verdict = Pending
		}
	}
	return yield(j)
}

// heldSince is since when a condition has held by our own observation: from
// now on, if it was not observed before.
func (x *Joins) heldSince(rule, key string) time.Time {
	if t, ok := x.HeldSince(rule, key); ok {
		return t
	}
	return x.Now()
}

// Finding is the judgement as it is kept. USD is left to whoever knows the cost.
func (j Judgement) Finding(now time.Time) (fresnel.Finding, error) {
	detail, err := json.Marshal(Detail{
		Title: j.Rule.Title, Reason: j.Reason, Confidence: j.Confidence,
		Costs: j.Rule.Costs && !j.Free, Part: j.Rule.Part, About: j.About, Savings: j.Savings,
	})
	return fresnel.Finding{
		Tenant: j.Tenant, Rule: j.Rule.ID, Object: j.Object,
		Since: fresnel.DayOf(j.Since), Until: fresnel.DayOf(now), Detail: string(detail),
	}, err
}

// Evaluation is what rules say of an estate as a whole.
type Evaluation struct {
	Found   []fresnel.Finding
	Pending []fresnel.Finding // to be kept unshown: HeldSince is answered from both
	estate  Estate
	unknown map[[2]string]bool // rule, object
}

// Sum runs rules over an estate and gathers what they say.
func Sum(e Estate, rules []Rule) (*Evaluation, error) {
	v := &Evaluation{estate: e, unknown: map[[2]string]bool{}}
	for j := range Evaluate(e, rules) {
		if j.Verdict == Unknown {
			v.unknown[[2]string{j.Rule.ID, j.Object}] = true
			continue
		}
		f, err := j.Finding(e.Now())
		if err != nil {
			return nil, err
		}
		if j.Verdict == Pending {
			v.Pending = append(v.Pending, f)
		} else {
			v.Found = append(v.Found, f)
		}
	}
	return v, nil
}

// Judged tells whether a held finding would have been found again if it still
// held, as fresnel.Reconcile asks: not where a fact was not told, of the object
// or of what it is a part of, and not of a subscription that was not read in full.
func (v *Evaluation) Judged(f fresnel.Finding) bool {
	return v.estate.Complete(subscriptionOf(f.Object)) &&
		!v.unknown[[2]string{f.Rule, f.Object}] && !v.unknown[[2]string{f.Rule, parentOf(f.Object)}]
}
