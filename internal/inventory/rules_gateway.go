package inventory

import (
	"strings"
)

const typePrivateEndpoint = "microsoft.network/privateendpoints"

const newCircuit = 30 // days that a provider may take

func gatewayRules() []Rule {
	return []Rule{
		{ // 31
			ID: "natgw-unused", Title: "NAT gateway of no subnet",
			Why:        "A NAT gateway is billed by the hour.",
			Condition:  "properties.subnets is empty",
			Exceptions: []string{"of a whole network: sourceVirtualNetwork is set (StandardV2)"},
			Confidence: Waste, Costs: true, Doc: docs + "nat-gateway/nat-overview",
			Types: []string{"microsoft.network/natgateways"}, Needs: []string{"properties"},
			Eval: emptyOf("on no subnet", "subnets", "sourceVirtualNetwork"),
		},
		{ // 32
			ID: "ipgroup-unused", Title: "IP group of no firewall",
			Why:        "It costs nothing, and nothing asks it.",
			Condition:  "properties.firewalls and firewallPolicies are empty",
			Confidence: Waste, Doc: docs + "firewall/ip-groups",
			Types: []string{"microsoft.network/ipgroups"}, Needs: []string{"properties"},
			Eval: emptyOf("of no firewall and no policy", "firewalls", "firewallPolicies"),
		},
		{ // 33
			ID: "privatedns-no-link", Title: "Private DNS zone without a network",
			Why:        "No network of Azure can ask it. Zones that are read otherwise, for resolvers on premises, are for an exception.",
			Condition:  "properties.numberOfVirtualNetworkLinks == 0",
			Confidence: Review, Costs: true, Doc: docs + "dns/private-dns-virtual-network-links",
			Types: []string{"microsoft.network/privatednszones"}, Needs: []string{"properties.numberOfVirtualNetworkLinks"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				n, ok := r.Properties.At("numberOfVirtualNetworkLinks").Int()
				return foundIf(ok && n == 0, "linked to no network")
			},
		},
		{ // 34
			ID: "pe-disconnected", Title: "Private endpoint that was disconnected",
			Why:        "The endpoint is billed by the hour, and its service has turned it away: no traffic passes.",
			Condition:  "the connection (manualPrivateLinkServiceConnections[0] if any, else privateLinkServiceConnections[0]) has properties.privateLinkServiceConnectionState.status =~ 'Disconnected'",
			Exceptions: []string{"another state: Pending, Approved, Rejected"},
			Confidence: Waste, Costs: true, Doc: docs + "private-link/manage-private-endpoint",
			Types: []string{typePrivateEndpoint}, Needs: []string{"properties"}, Eval: peDisconnected,
		},
		{ // 35
			ID: "pe-target-gone", Title: "Private endpoint to a resource that is gone",
			Why:       "The endpoint is billed by the hour for a service that was deleted.",
			Condition: "the connection's properties.privateLinkServiceId is not in the inventory of its subscription, which was read in full, and pe-disconnected does not find the endpoint",
			Exceptions: []string{
				"the target is in a subscription that was not read in full (says nothing)",
				"a child that Resource Graph has no rows for, whose parent is there",
				"an alias of a private link service, which is no ARM id",
			},
			Confidence: Review, Costs: true, Doc: docs + "private-link/private-endpoint-overview",
			Types: []string{typePrivateEndpoint}, Needs: []string{"properties"}, Eval: peTargetGone,
		},
		{ // 36
			ID: "vnetgw-unused", Title: "Virtual network gateway without connections",
			Why:       "A gateway is billed by the hour, at about the price of a machine.",
			Condition: "no microsoft.network/connections of a subscription that was read in full names it as virtualNetworkGateway1 or virtualNetworkGateway2, and properties.vpnClientConfiguration is empty",
			Exceptions: []string{
				"point-to-site: vpnClientConfiguration is set", "the second gateway of a connection: virtualNetworkGateway2",
			},
			Confidence: Waste, Costs: true, Doc: docs + "vpn-gateway/vpn-gateway-about-vpngateways",
			Types: []string{"microsoft.network/virtualnetworkgateways"}, Needs: []string{"properties"}, Eval: gatewayUnused,
		},
		{ // 37
			ID: "ddosplan-unused", Title: "DDoS protection plan that protects nothing",
			Why:        "A plan costs thousands a month; one is enough for a tenant.",
			Condition:  "properties.virtualNetworks and publicIPAddresses are empty",
			Exceptions: []string{"it protects public IP addresses only"},
			Confidence: Waste, Costs: true, Doc: docs + "ddos-protection/ddos-protection-overview",
			Types: []string{"microsoft.network/ddosprotectionplans"}, Needs: []string{"properties"},
			Eval: emptyOf("of no network and no address", "virtualNetworks", "publicIPAddresses"),
		},
		{ // 38
			ID: "expressroute-notprovisioned", Title: "ExpressRoute circuit that the provider has not connected",
			Why:        "A circuit is billed from the day on which its service key is made.",
			Condition:  "properties.serviceProviderProvisioningState =~ 'NotProvisioned'",
			Exceptions: []string{"created less than 30 days ago; if its creation was not told, seen so for less than 30 days (pending)"},
			Confidence: Waste, Costs: true, Doc: docs + "expressroute/expressroute-workflows",
			Types: []string{"microsoft.network/expressroutecircuits"}, Needs: []string{"properties.serviceProviderProvisioningState"}, Eval: circuitIdle,
		},
		{ // 39
			ID: "firewall-premium-unused", Title: "Premium firewall without a Premium feature",
			Why:        "Standard costs less and does the same, if neither intrusion detection nor TLS inspection is on.",
			Condition:  "properties.sku.tier =~ 'Premium', and its firewall policy, if any, has neither intrusionDetection.mode in~ (Alert, Deny) nor transportSecurity.certificateAuthority.keyVaultSecretId",
			Exceptions: []string{"a policy that the firewall's policy is based on (basePolicy) has one of them"},
			Confidence: Advice, Costs: true, Part: true, Doc: docs + "firewall/choose-firewall-sku",
			Types: []string{"microsoft.network/azurefirewalls"}, Needs: []string{"properties.sku.tier"}, Eval: firewallPremium,
		},
	}
}

// connectionOf is a private endpoint's connection.
func connectionOf(r *Resource) Value {
	for _, name := range []string{"manualPrivateLinkServiceConnections", "privateLinkServiceConnections"} {
		if l := r.Properties.At(name).List(); len(l) > 0 {
			return l[0].At("properties")
		}
	}
	return Value{}
}

func peDisconnected(r *Resource, _ *Joins) Outcome {
	status := connectionOf(r).At("privateLinkServiceConnectionState", "status")
	if status.Empty() {
		return unknown("Resource Graph did not tell the state of the connection")
	}
	return foundIf(status.Is("Disconnected"), "its service has disconnected it")
}

func peTargetGone(r *Resource, x *Joins) Outcome {
	target := connectionOf(r).At("privateLinkServiceId").Lower()
	sub, what := subscriptionOf(target), typeOf(target)
	if sub == "" || what == "" || peDisconnected(r, x).Verdict == Found {
		return Outcome{}
	}
	for id := target; id != ""; id = parentOf(id) {
		if _, ok := x.Get(id); ok {
			return Outcome{}
		}
	}
	if !x.Complete(sub) {
		return unknown("the subscription of its target was not read in full")
	}
	return found("its target %s is gone", target[strings.LastIndexByte(target, '/')+1:])
}

func gatewayUnused(r *Resource, x *Joins) Outcome {
	switch {
	case x.network.connected.has(r.Key()), !r.Properties.At("vpnClientConfiguration").Empty():
		return Outcome{}
	case !x.sees(r.Subscription, typeConnection):
		return unknown("the connections of its subscription were not read in full")
	case r.Properties.At("gatewayType").Is("ExpressRoute"):
		return found("an ExpressRoute gateway without a circuit")
	}
	return found("a VPN gateway without connections and clients")
}

func circuitIdle(r *Resource, x *Joins) Outcome {
	if !r.Properties.At("serviceProviderProvisioningState").Is("NotProvisioned") {
		return Outcome{}
	}
	born, told := r.born()
	since := born
	if !told {
		since = x.heldSince("expressroute-notprovisioned", r.Key())
	}
	o := found("the provider has not connected it").since(since)
	if x.Now().Sub(since) < newCircuit*day {
		o.Verdict = Pending
		if told {
			return Outcome{}
		}
	}
	return o
}

func firewallPremium(r *Resource, x *Joins) Outcome {
	if !r.Properties.At("sku", "tier").Is("Premium") {
		return Outcome{}
	}
	id := r.Properties.At("firewallPolicy", "id").Lower()
	for range 5 { // a policy may be based on another; deeper is a loop in what was told
		if id == "" {
			break
		}
		policy, ok := x.Get(id)
		if !ok || !policy.Properties.Object() {
			return unknown("its firewall policy was not told")
		}
		p := policy.Properties
		if p.At("intrusionDetection", "mode").Is("Alert", "Deny") || !p.At("transportSecurity", "certificateAuthority", "keyVaultSecretId").Empty() {
			return Outcome{}
		}
		id = p.At("basePolicy", "id").Lower()
	}
	return found("neither intrusion detection nor TLS inspection is on")
}
