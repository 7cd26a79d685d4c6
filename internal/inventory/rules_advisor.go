package inventory

import (
	"strings"
	"time"
)

// adviceCost is rule 56: what Azure Advisor finds by metrics, which we do not read.
func adviceCost() Rule {
	return Rule{
		ID: "advisor-cost", Title: "Advisor recommends to save",
		Why:       "Azure Advisor watches the use of resources and knows prices.",
		Condition: "a row of microsoft.advisor/recommendations with properties.category =~ 'Cost'",
		Exceptions: []string{
			"postponed or dismissed: a suppression in properties.suppressionIds, or in microsoft.advisor/suppressions below it, that has not expired",
			"microsoft.advisor/configurations excludes its subscription or resource group",
			"extendedProperties.MaxCpuP95 is above the lowCpuThreshold of the configuration",
		},
		Confidence: Advice, Costs: true, Part: true, Doc: docs + "advisor/advisor-reference-cost-recommendations",
		Types: []string{typeAdvice}, Needs: []string{"properties.category"}, Eval: evalAdvice,
	}
}

func evalAdvice(r *Resource, x *Joins) Outcome {
	p := r.Properties
	if !p.At("category").Is("Cost") || x.other.advisor.silenced(r, x.Now()) {
		return Outcome{}
	}
	target := p.At("resourceMetadata", "resourceId").Lower()
	more := p.At("extendedProperties")
	if x.other.advisor.unwanted(target, r.Subscription, more) {
		return Outcome{}
	}
	text := p.At("shortDescription", "problem").Text()
	if text == "" {
		text = "recommendation " + p.At("recommendationTypeId").Text()
	}
	o := found("%s", text)
	if target != "" {
		o.About = []string{target}
	}
	amount := more.At("savingsAmount")
	if _, ok := amount.Float(); ok && !more.At("savingsCurrency").Empty() {
		o.Savings = &Savings{Amount: amount.Text(), Currency: strings.ToUpper(more.At("savingsCurrency").Text())}
	}
	return o
}

// advisorJoins knows what people told Advisor to leave.
type advisorJoins struct {
	ended     map[string]time.Time // suppression, by its key, its name and its id -> when it expires; zero = never
	excluded  set                  // scopes
	threshold map[string]float64   // by scope
}

func (a advisorJoins) add(r *Resource) {
	switch r.Type {
	case typeAdvisorSilent:
		end, _ := r.Properties.At("expirationTimeStamp").Time()
		for _, k := range []string{parentOf(r.Key()), strings.ToLower(r.Name), r.Properties.At("suppressionId").Lower()} {
			before, known := a.ended[k]
			if k != "" && (!known || end.IsZero() || !before.IsZero() && end.After(before)) {
				a.ended[k] = end
			}
		}
	case typeAdvisorConfig:
		scope, _, _ := strings.Cut(r.Key(), "/providers/microsoft.advisor/")
		if r.Properties.At("exclude").Lower() == "true" {
			a.excluded.add(scope)
		}
		if f, ok := r.Properties.At("lowCpuThreshold").Float(); ok {
			a.threshold[scope] = f
		}
	}
}

// silenced tells whether somebody postponed or dismissed the recommendation. A
// suppression that it names and that has no row holds.
func (a advisorJoins) silenced(r *Resource, now time.Time) bool {
	holds := func(k string, ifUnknown bool) bool {
		end, ok := a.ended[k]
		return !ok && ifUnknown || ok && (end.IsZero() || end.After(now))
	}
	for _, id := range r.Properties.At("suppressionIds").List() {
		if holds(id.Lower(), true) {
			return true
		}
	}
	return holds(r.Key(), false)
}

// unwanted tells whether the configuration of the target's resource group or
// subscription leaves out such advice.
func (a advisorJoins) unwanted(target, subscription string, more Value) bool {
	scopes := []string{"/subscriptions/" + subscription}
	if at := strings.Index(target, "/resourcegroups/"); at > 0 {
		group, _, _ := strings.Cut(target[at+len("/resourcegroups/"):], "/")
		scopes = append(scopes, target[:at]+"/resourcegroups/"+group)
	}
	cpu, measured := more.At("MaxCpuP95").Float()
	for _, s := range scopes {
		limit, ok := a.threshold[s]
		if a.excluded.has(s) || measured && ok && cpu > limit {
			return true
		}
	}
	return false
}
