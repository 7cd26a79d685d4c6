package inventory

import (
	"strings"
)

func networkRules() []Rule {
	return []Rule{
		{ // 13
			ID: "pip-unattached-static", Title: "Static public IP address that nothing uses",
			Why:        "A static address is reserved and billed by the hour whether something answers there or not.",
			Condition:  "properties.ipConfiguration, natGateway and publicIPPrefix are empty and properties.publicIPAllocationMethod =~ 'Static'",
			Exceptions: []string{"the address of a NAT gateway", "an address of a prefix, which is billed with the prefix"},
			Confidence: Waste, Costs: true, Doc: docs + "virtual-network/ip-services/public-ip-addresses",
			Types: []string{typePublicIP}, Needs: []string{"properties.publicIPAllocationMethod"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				return foundIf(unattachedIP(r) && r.Properties.At("publicIPAllocationMethod").Is("Static"), "a reserved address without a user")
			},
		},
		{ // 14
			ID: "pip-unattached-dynamic", Title: "Dynamic public IP address that nothing uses",
			Why:        "No address is held, so it costs nothing: clutter.",
			Condition:  "properties.ipConfiguration, natGateway and publicIPPrefix are empty and properties.publicIPAllocationMethod =~ 'Dynamic'",
			Exceptions: []string{"the address of a NAT gateway", "an address of a prefix"},
			Confidence: Review, Doc: docs + "virtual-network/ip-services/public-ip-addresses",
			Types: []string{typePublicIP}, Needs: []string{"properties.publicIPAllocationMethod"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				return foundIf(unattachedIP(r) && r.Properties.At("publicIPAllocationMethod").Is("Dynamic"), "no user, and no address held")
			},
		},
		{ // 15
			ID: "pip-on-orphan-nic", Title: "Public IP address on a network interface that nothing uses",
			Why:        "It looks attached, but the interface has no machine.",
			Condition:  "properties.ipConfiguration.id is of a network interface that nic-orphan finds",
			Confidence: Waste, Costs: true, Doc: docs + "virtual-network/ip-services/public-ip-addresses",
			Types: []string{typePublicIP}, Needs: []string{"properties"}, Eval: pipOnOrphanNIC,
		},
		{ // 16
			ID: "pip-basic-sku", Title: "Public IP address of the Basic SKU",
			Why:        "The Basic SKU was retired on 30 September 2025.",
			Condition:  "sku.name =~ 'Basic'",
			Confidence: Advice, Doc: docs + "virtual-network/ip-services/public-ip-basic-upgrade-guidance",
			Types: []string{typePublicIP}, Needs: []string{"sku.name"},
			Eval: func(r *Resource, _ *Joins) Outcome { return foundIf(r.SKU.At("name").Is("Basic"), "Basic SKU") },
		},
		{ // 17
			ID: "nic-orphan", Title: "Network interface that nothing uses",
			Why:       "It costs nothing, but it holds an address of its subnet and keeps the subnet from being deleted.",
			Condition: "properties.virtualMachine, privateEndpoint, privateLinkService and hostedWorkloads are empty",
			Exceptions: []string{
				"the interface of a private endpoint", "the interface of a private link service",
				"an interface of Azure NetApp Files: hostedWorkloads or linkedResourceType is set",
				"an interface of a scale set: its id, or a text in its properties, names a virtual machine or scale set",
			},
			Confidence: Waste, Doc: docs + "virtual-network/virtual-network-network-interface",
			Types: []string{typeNIC}, Needs: []string{"properties"},
			Eval: func(r *Resource, _ *Joins) Outcome { return nicOrphan(r) },
		},
		{ // 18
			ID: "nsg-unused", Title: "Network security group that guards nothing",
			Why:        "It costs nothing, and its rules mislead whoever reads them.",
			Condition:  "properties.networkInterfaces and subnets are empty",
			Confidence: Waste, Doc: docs + "virtual-network/network-security-groups-overview",
			Types: []string{"microsoft.network/networksecuritygroups"}, Needs: []string{"properties"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				return foundIf(r.allEmpty("networkInterfaces", "subnets"), "on no interface and no subnet")
			},
		},
		nsgDeadTarget(),
		{ // 20
			ID: "routetable-unused", Title: "Route table of no subnet",
			Why:        "It costs nothing and routes nothing.",
			Condition:  "properties.subnets is empty",
			Confidence: Waste, Doc: docs + "virtual-network/virtual-networks-udr-overview",
			Types: []string{"microsoft.network/routetables"}, Needs: []string{"properties"}, Eval: emptyOf("on no subnet", "subnets"),
		},
		{ // 29
			ID: "vnet-no-subnet", Title: "Virtual network without subnets",
			Why:        "Nothing can be in it, and it holds an address space.",
			Condition:  "properties.subnets is empty",
			Confidence: Waste, Doc: docs + "virtual-network/virtual-networks-overview",
			Types: []string{typeVNet}, Needs: []string{"properties"}, Eval: emptyOf("no subnet in it", "subnets"),
		},
		{ // 30
			ID: "subnet-empty", Title: "Subnet that has been empty for 30 days",
			Why:       "It holds addresses of its network that others could use.",
			Condition: "an element of a virtual network's properties.subnets whose ipConfigurations, delegations and applicationGatewayIPConfigurations are empty for 30 days, as Fresnel observed it",
			Exceptions: []string{
				"a subnet reserved by name: GatewaySubnet, AzureBastionSubnet, AzureFirewallSubnet, AzureFirewallManagementSubnet, RouteServerSubnet",
				"privateEndpoints is not empty",
				"serviceAssociationLinks, resourceNavigationLinks or ipConfigurationProfiles is not empty: a service is in it",
			},
			Confidence: Review, Doc: docs + "virtual-network/virtual-network-manage-subnet", After: subnetEmptyDays,
			Types: []string{typeVNet}, Needs: []string{"properties"}, Parts: subnetsOf,
			Eval: func(r *Resource, _ *Joins) Outcome { return subnetEmpty(r) },
		},
	}
}

const subnetEmptyDays = 30

// emptyOf is the condition of rules that ask for nothing but empty properties.
func emptyOf(reason string, names ...string) func(*Resource, *Joins) Outcome {
	return func(r *Resource, _ *Joins) Outcome { return foundIf(r.allEmpty(names...), "%s", reason) }
}

func unattachedIP(r *Resource) bool {
	return r.allEmpty("ipConfiguration", "natGateway", "publicIPPrefix")
}

func pipOnOrphanNIC(r *Resource, x *Joins) Outcome {
	nic, _, ok := strings.Cut(r.Properties.At("ipConfiguration", "id").Lower(), "/ipconfigurations/")
	if !ok || typeOf(nic) != typeNIC {
		return Outcome{}
	}
	verdict, known := x.network.nics[nic]
	switch {
	case verdict == Unknown, !known && !x.Complete(subscriptionOf(nic)):
		return unknown("its network interface was not told")
	}
	return foundIf(verdict == Found, "on network interface %s, which nothing uses", nic[strings.LastIndexByte(nic, '/')+1:])
}

func nicOrphan(r *Resource) Outcome {
	switch {
	case !r.Properties.Object():
		return unknown("Resource Graph did not tell properties")
	case !r.allEmpty("virtualMachine", "privateEndpoint", "privateLinkService", "hostedWorkloads", "linkedResourceType"),
		strings.Contains(r.Key(), "/virtualmachinescalesets/"),
		r.Properties.Mentions("/virtualmachines/"), r.Properties.Mentions("/virtualmachinescalesets/"):
		return Outcome{}
	}
	return found("no machine, private endpoint or service on it")
}

// subnetsOf gives a network's subnets as resources, and none where the network
// has lost its own.
func subnetsOf(vnet *Resource) []Resource {
	var out []Resource
	for _, s := range vnet.Properties.At("subnets").List() {
		part := *vnet
		part.Type, part.Name, part.Properties = typeSubnet, s.At("name").Text(), s.At("properties")
		part.ID = s.At("id").Text()
		if part.ID == "" {
			part.ID = vnet.ID + "/subnets/" + part.Name
		}
		out = append(out, part)
	}
	return out
}

// subnetEmpty judges a subnet without regard to how long it has been so.
func subnetEmpty(r *Resource) Outcome {
	switch strings.ToLower(r.Name) {
	case "gatewaysubnet", "azurebastionsubnet", "azurefirewallsubnet", "azurefirewallmanagementsubnet", "routeserversubnet":
		return Outcome{}
	}
	if !r.Properties.Object() {
		return unknown("Resource Graph did not tell properties of the subnet")
	}
	return foundIf(r.allEmpty("ipConfigurations", "delegations", "applicationGatewayIPConfigurations", "privateEndpoints",
		"serviceAssociationLinks", "resourceNavigationLinks", "ipConfigurationProfiles"), "nothing in it")
}

// networkJoins knows what is to be said of interfaces, and which gateways are connected.
type networkJoins struct {
	nics      map[string]Verdict
	connected set // gateways
}

func newNetworkJoins() networkJoins {
	return networkJoins{nics: map[string]Verdict{}, connected: set{}}
}

func (n networkJoins) add(r *Resource) {
	switch r.Type {
	case typeNIC:
		n.nics[r.Key()] = nicOrphan(r).Verdict
	case typeConnection:
		n.connected.add(r.Properties.At("virtualNetworkGateway1", "id").Lower())
		n.connected.add(r.Properties.At("virtualNetworkGateway2", "id").Lower())
	}
}
