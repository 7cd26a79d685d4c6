package azuresim

import (
	"strings"
	"time"
)

// advice are the rows of a subscription in advisorresources: recommendations of Azure Advisor about its
// machines and disks, and what was suppressed of them.
func (w *world) advice(at time.Time) []kqlRow {
	var out []kqlRow
	for _, it := range w.items {
		r, ok := w.recommend(it, at)
		if !ok {
			continue
		}
		row := plainRow(r.id, r.name, "microsoft.advisor/recommendations", strings.ToLower(groupColumn(it.group)), "", w.sub, r.properties(it, at), nil)
		out = append(out, row)
		if r.suppressed {
			id := r.id + "/suppressions/" + guid(mix(r.key, 2))
			out = append(out, plainRow(id, id[strings.LastIndexByte(id, '/')+1:], "microsoft.advisor/suppressions", strings.ToLower(groupColumn(it.group)), "", w.sub,
				map[string]any{"suppressionId": guid(mix(r.key, 1)), "ttl": "-1", "recommendationId": r.name}, nil))
		}
	}
	return out
}

// recommendation is what Advisor says of a resource.
type recommendation struct {
	key        uint64
	id, name   string
	cost       bool
	suppressed bool
	problem    string
	monthly    float64 // saving, in the subscription's currency
}

// recommend says whether Advisor recommends something of a resource: it looks at machines, plans,
// databases and gateways, and more often in what is not production.
func (w *world) recommend(it *item, at time.Time) (recommendation, bool) {
	var r recommendation
	problem := map[string]string{
		typeVM: "Right-size or shutdown underutilized virtual machines", typeDB: "Right-size underutilized SQL Databases",
		typePlan: "Right-size underused App Service plans", "Microsoft.DBforPostgreSQL/flexibleServers": "Right-size underutilized PostgreSQL servers",
		"Microsoft.Network/expressRouteCircuits": "Delete ExpressRoute circuits in the provider status of Not Provisioned",
	}[it.kind]
	r.key = mix(it.key, label("advisor"))
	if problem == "" || !it.alive(at) || below(r.key, 5) != 0 {
		return r, false
	}
	r.name = guid(mix(r.key, 3))
	r.id = it.id + "/providers/Microsoft.Advisor/recommendations/" + r.name
	r.cost, r.problem = mix(r.key, 4)%6 != 0, problem
	if !r.cost {
		r.problem = "Use zone-redundant resources"
	}
	r.suppressed = mix(r.key, 5)%5 == 0
	r.monthly = float64(int(between(mix(r.key, 6), 8, 400)*100)) / 100
	return r, true
}

func (r recommendation) properties(it *item, at time.Time) map[string]any {
	category := "HighAvailability"
	extended := map[string]any{}
	if r.cost {
		category = "Cost"
		extended = map[string]any{
			"savingsAmount": kqlText(r.monthly), "annualSavingsAmount": kqlText(float64(int(r.monthly*1200+0.5)) / 100), "savingsCurrency": it.w.sub.currency,
			"term": "", "lookbackPeriod": "30", "region": it.w.location, "recommendationType": "SkuChange", "currentSku": "Standard_D4s_v5", "targetSku": "Standard_D2s_v5",
		}
	}
	suppressions := []any{}
	if r.suppressed {
		suppressions = append(suppressions, guid(mix(r.key, 1)))
	}
	return map[string]any{
		"category": category, "impact": []string{"High", "Medium", "Low"}[below(mix(r.key, 7), 3)], "impactedField": it.kind, "impactedValue": it.name,
		"lastUpdated": wireTime(dayOf(at).start().Add(4 * time.Hour).Add(-24 * time.Hour)), "recommendationTypeId": guid(label(r.problem)),
		"shortDescription":   map[string]any{"problem": r.problem, "solution": r.problem},
		"extendedProperties": extended, "resourceMetadata": map[string]any{"resourceId": it.id, "source": it.id}, "suppressionIds": suppressions,
	}
}

// adviceLabels are the labels of advisor-cost: what is recommended and not suppressed.
func (w *world) adviceLabels(at time.Time) []Waste {
	var out []Waste
	for _, it := range w.items {
		if r, ok := w.recommend(it, at); ok && r.cost {
			l := Waste{RuleID: "advisor-cost", ResourceID: it.id, Subscription: w.sub.id, Tenant: w.sub.tenant.id, Expect: wasteLevels["advisor-cost"], Case: r.problem, Since: it.born}
			if r.suppressed {
				l.Expect, l.Case = ExpectNone, "exception: suppressed"
			}
			out = append(out, l)
		}
	}
	return out
}
