package inventory

import (
	"strings"
)

func webRules() []Rule {
	return []Rule{
		{ // 40
			ID: "asp-empty", Title: "App Service plan without apps",
			Why:        "A plan is billed for its instances, with or without apps.",
			Condition:  "properties.numberOfSites == 0 and sku.tier !~ 'Free'",
			Exceptions: []string{"tier Free, which costs nothing", "a consumption plan (tier Dynamic or FlexConsumption), which is billed by use"},
			Confidence: Waste, Costs: true, Doc: docs + "app-service/overview-hosting-plans",
			Types: []string{"microsoft.web/serverfarms"}, Needs: []string{"properties.numberOfSites", "sku.tier"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				sites, ok := r.Properties.At("numberOfSites").Int()
				tier := r.SKU.At("tier")
				return foundIf(ok && sites == 0 && !tier.Is("Free", "Dynamic", "FlexConsumption"), "no app on it; tier %s", tier.Text())
			},
		},
		{ // 42
			ID: "webapp-stopped", Title: "App that does not run",
			Why:        "Its plan is billed all the same.",
			Condition:  "properties.state !~ 'Running'",
			Confidence: Review, Doc: docs + "app-service/overview-hosting-plans",
			Types: []string{typeSite}, Needs: []string{"properties.state"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				state := r.Properties.At("state")
				return foundIf(!state.Is("Running"), "state %s", state.Text())
			},
		},
		{ // 43
			ID: "apiconnection-unused", Title: "API connection of no logic app",
			Why:        "It may hold a credential that nobody watches.",
			Condition:  "no microsoft.logic/workflows has its id under properties.parameters.$connections.value.*.connectionId, and those of its subscription were read in full",
			Exceptions: []string{"the subscription has a Standard logic app (site of kind workflowapp): it keeps its connections in a file that no API shows (says nothing)"},
			Confidence: Review, Doc: docs + "connectors/introduction",
			Types: []string{"microsoft.web/connections"}, Eval: connectionUnused,
		},
		{ // 44
			ID: "cert-expired", Title: "Certificate that has expired",
			Why:        "Nothing can use it any more; what still does is broken.",
			Condition:  "properties.expirationDate is now or earlier",
			Confidence: Waste, Doc: docs + "app-service/configure-ssl-certificate",
			Types: []string{"microsoft.web/certificates"}, Needs: []string{"properties.expirationDate"},
			Eval: func(r *Resource, x *Joins) Outcome {
				end, ok := r.Properties.At("expirationDate").Time()
				if !ok {
					return unknown("the expiry cannot be read")
				}
				return foundIf(!end.After(x.Now()), "expired on %s", end.Format("2006-01-02")).since(end)
			},
		},
	}
}

func connectionUnused(r *Resource, x *Joins) Outcome {
	switch {
	case x.web.connections.has(r.Key()):
		return Outcome{}
	case x.web.standard.has(r.Subscription):
		return unknown("a Standard logic app of the subscription may use it")
	case !x.sees(r.Subscription, typeWorkflow):
		return unknown("the logic apps of its subscription were not read in full")
	}
	return found("no logic app uses it")
}

// webJoins knows which API connections logic apps use.
type webJoins struct {
	connections set
	standard    set // subscriptions with Standard logic apps
}

func newWebJoins() webJoins { return webJoins{set{}, set{}} }

func (w webJoins) add(r *Resource) {
	switch r.Type {
	case typeWorkflow:
		for _, c := range r.Properties.At("parameters", "$connections", "value").Members() {
			w.connections.add(c.At("connectionId").Lower())
		}
	case typeSite:
		if strings.Contains(strings.ToLower(r.Kind), "workflowapp") {
			w.standard.add(r.Subscription)
		}
	}
}
