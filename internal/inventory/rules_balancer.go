package inventory

import (
	"slices"
	"strings"
)

const typeAppGateway = "microsoft.network/applicationgateways"

func balancerRules() []Rule {
	return []Rule{
		lbUnused("lb-unused", "Standard", Rule{ // 21
			Title: "Load balancer without backends", Why: "A Standard load balancer is billed by its rules, whether a backend answers or not.",
			Confidence: Waste, Costs: true, Doc: docs + "load-balancer/load-balancer-overview",
		}),
		lbUnused("lb-unused-basic", "Basic", Rule{ // 22
			Title: "Basic load balancer without backends", Why: "It costs nothing; the SKU was retired on 30 September 2025.",
			Confidence: Review, Doc: docs + "load-balancer/load-balancer-basic-upgrade-guidance",
		}),
		{ // 23
			ID: "lb-rule-no-pool", Title: "Load balancing rule without a pool",
			Why:        "The rule is billed and sends its traffic nowhere.",
			Condition:  "of an element of properties.loadBalancingRules, backendAddressPool.id is empty or names none of properties.backendAddressPools",
			Exceptions: []string{"the rule has backendAddressPools (rules for all ports through a gateway load balancer)"},
			Confidence: Review, Costs: true, Part: true, Doc: docs + "load-balancer/components",
			Types: []string{typeLoadBalancer}, Needs: []string{"properties"}, Eval: lbRuleNoPool,
		},
		{ // 24
			ID: "appgw-empty", Title: "Application gateway without backends",
			Why:        "A gateway is billed by the hour, at about the price of a machine.",
			Condition:  "properties.backendAddressPools is empty, or backendIPConfigurations and backendAddresses are empty in each of them",
			Exceptions: []string{"a gateway with redirectConfigurations may need no backend: found for review only"},
			Confidence: Waste, Costs: true, Doc: docs + "application-gateway/overview",
			Types: []string{typeAppGateway}, Needs: []string{"properties"}, Eval: appGatewayEmpty,
		},
		{ // 25
			ID: "appgw-v1", Title: "Application gateway of version 1",
			Why:        "Version 1 was retired on 28 April 2026.",
			Condition:  "properties.sku.tier in~ (Standard, WAF)",
			Confidence: Advice, Doc: docs + "application-gateway/v1-retirement",
			Types: []string{typeAppGateway}, Needs: []string{"properties.sku.tier"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				tier := r.Properties.At("sku", "tier")
				return foundIf(tier.Is("Standard", "WAF"), "tier %s", tier.Text())
			},
		},
		{ // 26
			ID: "appgw-fixed-capacity", Title: "Application gateway with a fixed capacity",
			Why:        "It is billed for the capacity that it was given, day and night; autoscaling is billed for what is used.",
			Condition:  "properties.sku.tier in~ (Standard_v2, WAF_v2), autoscaleConfiguration is empty and operationalState =~ 'Running'",
			Confidence: Advice, Costs: true, Part: true, Doc: docs + "application-gateway/application-gateway-autoscaling-zone-redundant",
			Types: []string{typeAppGateway}, Needs: []string{"properties.sku.tier", "properties.operationalState"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				p := r.Properties
				return foundIf(p.At("sku", "tier").Is("Standard_v2", "WAF_v2") && p.At("autoscaleConfiguration").Empty() && p.At("operationalState").Is("Running"),
					"a fixed capacity of %s", p.At("sku", "capacity").Text())
			},
		},
		{ // 27
			ID: "afd-waf-policy-unused", Title: "Front Door firewall policy that guards nothing",
			Why:        "Its rules protect no front end, whatever its name says.",
			Condition:  "properties.securityPolicyLinks and frontendEndpointLinks are empty",
			Exceptions: []string{"links of classic Front Door alone (frontendEndpointLinks)"},
			Confidence: Waste, Doc: docs + "web-application-firewall/afds/afds-overview",
			Types: []string{"microsoft.network/frontdoorwebapplicationfirewallpolicies"}, Needs: []string{"properties"},
			Eval: emptyOf("on no front end", "securityPolicyLinks", "frontendEndpointLinks"),
		},
		{ // 28
			ID: "trafficmanager-empty", Title: "Traffic Manager profile without endpoints",
			Why:        "Its name answers with nothing.",
			Condition:  "properties.endpoints is empty",
			Confidence: Waste, Doc: docs + "traffic-manager/traffic-manager-overview",
			Types: []string{"microsoft.network/trafficmanagerprofiles"}, Needs: []string{"properties"}, Eval: emptyOf("no endpoint in it", "endpoints"),
		},
	}
}

// lbUnused makes rules 21 and 22, which differ in the SKU.
func lbUnused(id, sku string, rule Rule) Rule {
	rule.ID = id
	rule.Condition = "sku.name =~ '" + sku + "'; backendIPConfigurations and loadBalancerBackendAddresses are empty in each of properties.backendAddressPools, if any; " +
		"inboundNatRules and inboundNatPools are empty"
	if rule.Costs {
		rule.Condition += "; billed only if there are loadBalancingRules or outboundRules"
	}
	rule.Exceptions = []string{
		"in use through inboundNatRules", "in use through inboundNatPools",
		"of Kubernetes by name: kubernetes, kubernetes-internal (the cluster makes it anew)",
	}
	rule.Types, rule.Needs = []string{typeLoadBalancer}, []string{"sku.name", "properties"}
	rule.Eval = func(r *Resource, _ *Joins) Outcome {
		if !r.SKU.At("name").Is(sku) || !r.allEmpty("inboundNatRules", "inboundNatPools") ||
			!poolsEmpty(r, "backendIPConfigurations", "loadBalancerBackendAddresses") ||
			strings.EqualFold(r.Name, "kubernetes") || strings.EqualFold(r.Name, "kubernetes-internal") {
			return Outcome{}
		}
		o := found("no backend and no NAT rule")
		o.Free = r.allEmpty("loadBalancingRules", "outboundRules")
		return o
	}
	return rule
}

// poolsEmpty tells whether no backend pool has anything under these names.
// Without pools there is nothing either, which a join by pools would lose.
func poolsEmpty(r *Resource, names ...string) bool {
	for _, pool := range r.Properties.At("backendAddressPools").List() {
		for _, n := range names {
			if !pool.At("properties", n).Empty() {
				return false
			}
		}
	}
	return true
}

func lbRuleNoPool(r *Resource, _ *Joins) Outcome {
	pools := set{}
	for _, p := range r.Properties.At("backendAddressPools").List() {
		pools.add(p.At("id").Lower())
	}
	var dead []string
	for _, rule := range r.Properties.At("loadBalancingRules").List() {
		p := rule.At("properties")
		if !p.Object() {
			return unknown("Resource Graph did not tell properties of a rule")
		}
		if p.At("backendAddressPools").Empty() && !pools.has(p.At("backendAddressPool", "id").Lower()) {
			dead = append(dead, rule.At("name").Text())
		}
	}
	slices.Sort(dead)
	return foundIf(len(dead) > 0, "rules without a pool: %s", strings.Join(dead, ", "))
}

func appGatewayEmpty(r *Resource, _ *Joins) Outcome {
	if !poolsEmpty(r, "backendIPConfigurations", "backendAddresses") {
		return Outcome{}
	}
	o := found("no backend in any pool")
	if !r.Properties.At("redirectConfigurations").Empty() {
		o = found("no backend in any pool, but it redirects")
		o.Confidence = Review
	}
	return o
}
