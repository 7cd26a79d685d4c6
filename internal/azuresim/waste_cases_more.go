package azuresim

// emptyPool is a backend pool in which nobody is.
const emptyPool = `"backendAddressPools":[{"name":"pool","id":"${id}/backendAddressPools/pool","properties":{"provisioningState":"Succeeded"}}]`

// pool is a backend pool with something in it.
func pool(inside string) string {
	return `"backendAddressPools":[{"name":"pool","id":"${id}/backendAddressPools/pool","properties":{"provisioningState":"Succeeded",` + inside + `}}]`
}

const (
	machineInPool = `"backendIPConfigurations":[{"id":"${base}/Microsoft.Network/networkInterfaces/nic/ipConfigurations/ip"}]`
	natRule       = `"inboundNatRules":[{"name":"ssh","properties":{"frontendPort":50001,"backendPort":22}}]`
	premiumWall   = `{"properties":{"sku":{"name":"AZFW_VNet","tier":"Premium"},"firewallPolicy":{"id":"${base}/Microsoft.Network/firewallPolicies/afwp-${name}"}}}`
)

// moreWasteCases are the rest of wasteCases: 21 to 53.
var moreWasteCases = []wasteCase{
	{rule: "lb-unused", positive: true, text: "pool without members", kind: typeLB, name: "lb-old-*", patch: `{"properties":{` + emptyPool + `}}`, service: costBalancer, usd: 0.6},
	{rule: "lb-unused", positive: true, text: "no pools, lists null", kind: typeLB, name: "lb-none-*", patch: `{"properties":{"backendAddressPools":[],"inboundNatRules":null,"inboundNatPools":null,"loadBalancingRules":[]}}`},
	{rule: "lb-unused", text: "exception: only NAT rules", kind: typeLB, name: "lb-nat-*", patch: `{"properties":{"backendAddressPools":[],"loadBalancingRules":[],` + natRule + `}}`},
	{rule: "lb-unused", text: "only a NAT pool", kind: typeLB, name: "lb-natpool-*", patch: `{"properties":{"backendAddressPools":[],"loadBalancingRules":[],"inboundNatPools":[{"name":"p"}]}}`},
	{rule: "lb-unused", text: "members by address only", kind: typeLB, name: "lb-ip-*", patch: `{"properties":{` + pool(`"loadBalancerBackendAddresses":[{"name":"a","properties":{"ipAddress":"10.0.0.4"}}]`) + `}}`},
	{rule: "lb-unused", text: "members by card only", kind: typeLB, name: "lb-nic-*", patch: `{"properties":{` + pool(machineInPool) + `}}`, service: costBalancer, usd: 0.6},
	{rule: "lb-unused", text: "exception: the balancer of a cluster", build: clusterBalancer},
	{rule: "lb-unused-basic", positive: true, text: "pool without members, Basic", kind: typeLB, name: "lb-basic-*", patch: `{"sku":{"name":"Basic"},"properties":{` + pool(`"backendIPConfigurations":[]`) + `}}`},
	{rule: "lb-unused-basic", text: "Basic with members", kind: typeLB, name: "lb-basic-used-*", patch: `{"sku":{"name":"Basic"},"properties":{` + pool(machineInPool) + `}}`},
	{rule: "lb-rule-no-pool", positive: true, text: "rule without a pool", kind: typeLB, name: "lb-rule-*", patch: `{"properties":{` + pool(machineInPool) + `,"loadBalancingRules":[{"name":"https","properties":{"frontendPort":443,"backendPort":443,"protocol":"Tcp","backendAddressPool":null}}]}}`},
	{rule: "lb-rule-no-pool", positive: true, text: "rule names a pool that is gone", kind: typeLB, name: "lb-stale-*", patch: `{"properties":{` + pool(machineInPool) + `,"loadBalancingRules":[{"name":"https","properties":{"frontendPort":443,"protocol":"Tcp","backendAddressPool":{"id":"${id}/backendAddressPools/gone"}}}]}}`},
	{rule: "lb-rule-no-pool", text: "exception: all ports, pools in a list", kind: typeLB, name: "lb-ha-*", patch: `{"properties":{` + pool(machineInPool) + `,"loadBalancingRules":[{"name":"ha","properties":{"frontendPort":0,"backendPort":0,"protocol":"All","backendAddressPools":[{"id":"${id}/backendAddressPools/pool"}]}}]}}`},

	{rule: "appgw-empty", positive: true, text: "pool without members", kind: typeAGW, name: "agw-old-*", patch: `{"properties":{"backendAddressPools":[{"name":"pool","properties":{"backendAddresses":[]}}]}}`, service: costGateway, usd: 6},
	{rule: "appgw-empty", positive: true, text: "no pools at all", kind: typeAGW, name: "agw-none-*", patch: `{"properties":{"backendAddressPools":[]}}`, service: costGateway, usd: 5},
	{rule: "appgw-empty", text: "exception: redirects only", kind: typeAGW, name: "agw-redirect-*", patch: `{"properties":{"backendAddressPools":[],"requestRoutingRules":[{"name":"r","properties":{"ruleType":"Basic","redirectConfiguration":{"id":"${id}/redirectConfigurations/r"}}}],"redirectConfigurations":[{"name":"r","properties":{"redirectType":"Permanent","targetUrl":"https://www.example"}}]}}`, service: costGateway, usd: 5, build: redirects},
	{rule: "appgw-empty", text: "has members", kind: typeAGW, name: "agw-used-*", service: costGateway, usd: 5},
	{rule: "appgw-v1", positive: true, text: "WAF of the first generation", kind: typeAGW, name: "agw-v1-*", patch: `{"properties":{"sku":{"name":"WAF_Medium","tier":"WAF","capacity":2},"autoscaleConfiguration":"${missing}"}}`, service: costGateway, usd: 4},
	{rule: "appgw-v1", text: "second generation", kind: typeAGW, name: "agw-v2-*"},
	{rule: "appgw-fixed-capacity", positive: true, text: "three instances, always", kind: typeAGW, name: "agw-fixed-*", patch: `{"properties":{"sku":{"name":"WAF_v2","tier":"WAF_v2","capacity":3},"autoscaleConfiguration":null}}`, service: costGateway, usd: 9},
	{rule: "appgw-fixed-capacity", text: "fixed, but stopped", kind: typeAGW, name: "agw-stopped-*", patch: `{"properties":{"sku":{"name":"WAF_v2","tier":"WAF_v2","capacity":3},"autoscaleConfiguration":null,"operationalState":"Stopped"}}`},
	{rule: "afd-waf-policy-unused", positive: true, text: "no links", kind: "Microsoft.Network/frontdoorWebApplicationFirewallPolicies", name: "wafold*", patch: `{"properties":{"securityPolicyLinks":[],"frontendEndpointLinks":"${missing}"}}`},
	{rule: "afd-waf-policy-unused", text: "exception: link of a classic Front Door", kind: "Microsoft.Network/frontdoorWebApplicationFirewallPolicies", name: "wafclassic*", patch: `{"properties":{"securityPolicyLinks":[],"frontendEndpointLinks":[{"id":"${base}/Microsoft.Network/frontDoors/fd/frontendEndpoints/e"}]}}`},
	{rule: "afd-waf-policy-unused", text: "linked", kind: "Microsoft.Network/frontdoorWebApplicationFirewallPolicies", name: "wafused*"},
	{rule: "trafficmanager-empty", positive: true, text: "no endpoints", kind: "Microsoft.Network/trafficmanagerprofiles", name: "traf-old-*", patch: `{"properties":{"endpoints":[]}}`},
	{rule: "trafficmanager-empty", text: "has endpoints", kind: "Microsoft.Network/trafficmanagerprofiles", name: "traf-used-*"},

	{rule: "vnet-no-subnet", positive: true, text: "list is []", kind: typeVNet, name: "vnet-old-*", patch: `{"properties":{"subnets":[]}}`},
	{rule: "vnet-no-subnet", positive: true, text: "list is null", kind: typeVNet, name: "vnet-null-*", patch: `{"properties":{"subnets":null}}`},
	{rule: "vnet-no-subnet", text: "has a subnet", kind: typeVNet, name: "vnet-used-*"},
	{rule: "subnet-empty", positive: true, text: "nobody in it", build: subnet("snet-old", `{}`, true)},
	{rule: "subnet-empty", positive: true, text: "all lists []", build: subnet("snet-lists", `{"ipConfigurations":[],"delegations":[],"applicationGatewayIPConfigurations":[]}`, true)},
	{rule: "subnet-empty", text: "delegated", build: subnet("snet-aci", `{"delegations":[{"name":"d","properties":{"serviceName":"Microsoft.ContainerInstance/containerGroups"}}]}`, false)},
	{rule: "subnet-empty", text: "of an application gateway", build: subnet("snet-agw", `{"applicationGatewayIPConfigurations":[{"id":"${base}/Microsoft.Network/applicationGateways/agw/gatewayIPConfigurations/gw"}]}`, false)},
	{rule: "subnet-empty", text: "exception: GatewaySubnet", build: subnet("GatewaySubnet", `{}`, false)},
	{rule: "subnet-empty", text: "exception: AzureBastionSubnet", build: subnet("AzureBastionSubnet", `{}`, false)},
	{rule: "subnet-empty", text: "exception: AzureFirewallSubnet", build: subnet("AzureFirewallSubnet", `{}`, false)},
	{rule: "subnet-empty", text: "exception: private endpoints only", build: subnet("snet-pe", `{"privateEndpoints":[{"id":"${base}/Microsoft.Network/privateEndpoints/pe"}]}`, false)},
	{rule: "natgw-unused", positive: true, text: "list is missing", kind: "Microsoft.Network/natGateways", name: "ng-old-*", patch: `{"properties":{"subnets":"${missing}"}}`, service: costNetwork, usd: 1.1},
	{rule: "natgw-unused", positive: true, text: "list is []", kind: "Microsoft.Network/natGateways", name: "ng-empty-*", patch: `{"properties":{"subnets":[]}}`, service: costNetwork, usd: 1.1},
	{rule: "natgw-unused", text: "on a subnet", kind: "Microsoft.Network/natGateways", name: "ng-used-*", service: costNetwork, usd: 1.3},
	{rule: "ipgroup-unused", positive: true, text: "no lists", kind: "Microsoft.Network/ipGroups", name: "ipg-old-*", patch: `{"properties":{"firewalls":[],"firewallPolicies":null}}`},
	{rule: "ipgroup-unused", text: "in a policy", kind: "Microsoft.Network/ipGroups", name: "ipg-policy-*"},
	{rule: "ipgroup-unused", text: "in a firewall", kind: "Microsoft.Network/ipGroups", name: "ipg-fw-*", patch: `{"properties":{"firewallPolicies":[],"firewalls":[{"id":"${base}/Microsoft.Network/azureFirewalls/afw"}]}}`},
	{rule: "privatedns-no-link", positive: true, text: "no link", kind: "Microsoft.Network/privateDnsZones", name: "old-*.internal.example", patch: `{"properties":{"numberOfVirtualNetworkLinks":0}}`, service: "Azure DNS", usd: 0.02},
	{rule: "privatedns-no-link", text: "linked", kind: "Microsoft.Network/privateDnsZones", name: "used-*.internal.example"},

	{rule: "pe-disconnected", positive: true, text: "disconnected", kind: typePE, name: "pe-gone-*", service: costNetwork, usd: 0.25, build: endpoint("Disconnected", "", "here")},
	{rule: "pe-disconnected", positive: true, text: "manual connection disconnected", kind: typePE, name: "pe-manual-*", service: costNetwork, usd: 0.25, build: endpoint("", "Disconnected", "here")},
	{rule: "pe-disconnected", text: "pending", kind: typePE, name: "pe-pending-*", build: endpoint("Pending", "", "here")},
	{rule: "pe-disconnected", text: "the manual connection is approved, which counts", kind: typePE, name: "pe-both-*", build: endpoint("Disconnected", "Approved", "here")},
	{rule: "pe-target-gone", positive: true, text: "target was deleted", kind: typePE, name: "pe-lost-*", service: costNetwork, usd: 0.25, build: endpoint("Approved", "", "gone")},
	{rule: "pe-target-gone", text: "target in a subscription that we cannot see", kind: typePE, name: "pe-foreign-*", build: endpoint("Approved", "", "foreign")},
	{rule: "pe-target-gone", text: "target in capitals", kind: typePE, name: "pe-capitals-*", build: endpoint("Approved", "", "capitals")},

	{rule: "vnetgw-unused", positive: true, text: "no connection", kind: typeGateway, name: "vpng-old-*", service: costVPN, usd: 4.6},
	{rule: "vnetgw-unused", positive: true, text: "of ExpressRoute, no connection", kind: typeGateway, name: "ergw-old-*", patch: `{"properties":{"gatewayType":"ExpressRoute","sku":{"name":"ErGw1AZ","tier":"ErGw1AZ"}}}`, service: costVPN, usd: 8},
	{rule: "vnetgw-unused", text: "exception: point to site", kind: typeGateway, name: "vpng-p2s-*", patch: `{"properties":{"vpnClientConfiguration":{"vpnClientAddressPool":{"addressPrefixes":["172.16.0.0/24"]},"vpnClientProtocols":["OpenVPN"]}}}`, service: costVPN, usd: 4.6},
	{rule: "vnetgw-unused", text: "first gateway of a connection", kind: typeGateway, name: "vpng-first-*", build: connected("virtualNetworkGateway1")},
	{rule: "vnetgw-unused", text: "second gateway of a connection", kind: typeGateway, name: "vpng-second-*", build: connected("virtualNetworkGateway2")},
	{rule: "ddosplan-unused", positive: true, text: "no network", kind: "Microsoft.Network/ddosProtectionPlans", name: "ddos-old-*", patch: `{"properties":{"virtualNetworks":[],"publicIPAddresses":"${missing}"}}`, service: "Azure DDOS Protection", usd: 98},
	{rule: "ddosplan-unused", text: "has a network", kind: "Microsoft.Network/ddosProtectionPlans", name: "ddos-used-*"},
	{rule: "ddosplan-unused", text: "only public addresses", kind: "Microsoft.Network/ddosProtectionPlans", name: "ddos-ip-*", patch: `{"properties":{"virtualNetworks":[],"publicIPAddresses":[{"id":"${base}/Microsoft.Network/publicIPAddresses/pip"}]}}`},
	{rule: "expressroute-notprovisioned", positive: true, text: "never provisioned", kind: "Microsoft.Network/expressRouteCircuits", name: "erc-old-*", patch: `{"properties":{"serviceProviderProvisioningState":"NotProvisioned"}}`, service: "ExpressRoute", usd: 9.5},
	{rule: "expressroute-notprovisioned", text: "provisioned", kind: "Microsoft.Network/expressRouteCircuits", name: "erc-used-*"},
	{rule: "expressroute-notprovisioned", text: "exception: ordered five days ago", kind: "Microsoft.Network/expressRouteCircuits", name: "erc-new-*", patch: `{"properties":{"serviceProviderProvisioningState":"NotProvisioned"}}`, young: 5, matures: 30},
	{rule: "firewall-premium-unused", positive: true, text: "Premium, policy without its features", kind: typeFirewall, name: "afw-plain-*", patch: premiumWall, service: "Azure Firewall", usd: 42, build: firewall(`{"properties":{"sku":{"tier":"Premium"},"intrusionDetection":{"mode":"Off"}}}`)},
	{rule: "firewall-premium-unused", text: "intrusion detection alerts", kind: typeFirewall, name: "afw-idps-*", patch: premiumWall, build: firewall(`{"properties":{"sku":{"tier":"Premium"},"intrusionDetection":{"mode":"Alert"}}}`)},
	{rule: "firewall-premium-unused", text: "inspects TLS", kind: typeFirewall, name: "afw-tls-*", patch: premiumWall, build: firewall(`{"properties":{"sku":{"tier":"Premium"},"transportSecurity":{"certificateAuthority":{"name":"ca","keyVaultSecretId":"https://kv.vault.azure.net/secrets/ca"}}}}`)},

	{rule: "asp-empty", positive: true, text: "no sites", kind: typePlan, name: "asp-old-*", patch: `{"properties":{"numberOfSites":0}}`, service: costApps, usd: 4.1},
	{rule: "asp-empty", positive: true, text: "no sites, Basic", kind: typePlan, name: "asp-basic-*", patch: `{"sku":{"name":"B2","tier":"Basic","size":"B2"},"properties":{"numberOfSites":0}}`, service: costApps, usd: 0.9},
	{rule: "asp-empty", text: "exception: Free", kind: typePlan, name: "asp-free-*", patch: `{"sku":{"name":"F1","tier":"Free","size":"F1"},"properties":{"numberOfSites":0,"computeMode":"Shared"}}`},
	{rule: "asp-empty", text: "exception: consumption plan", kind: typePlan, name: "asp-dynamic-*", patch: `{"sku":{"name":"Y1","tier":"Dynamic","size":"Y1"},"properties":{"numberOfSites":0,"computeMode":"Dynamic"}}`},
	{rule: "asp-empty", text: "has sites", kind: typePlan, name: "asp-used-*", patch: `{"properties":{"numberOfSites":2}}`},
	{rule: "webapp-stopped", positive: true, text: "stopped", kind: typeSite, name: "app-stopped-*", patch: `{"properties":{"state":"Stopped","availabilityState":"Limited"}}`},
	{rule: "webapp-stopped", text: "running", kind: typeSite, name: "app-running-*"},
	{rule: "apiconnection-unused", positive: true, text: "in no workflow", kind: typeAPI, name: "office365-*"},
	{rule: "apiconnection-unused", text: "in a workflow that spells it otherwise", kind: typeAPI, name: "sql-*", build: workflow},
	{rule: "apiconnection-unused", text: "exception: a Standard Logic App in the group", kind: typeAPI, name: "servicebus-*", build: standardApp},
	{rule: "cert-expired", positive: true, text: "expired", kind: "Microsoft.Web/certificates", name: "cert-old-*", patch: `{"properties":{"expirationDate":"2025-06-01T12:00:00Z"}}`},
	{rule: "cert-expired", text: "valid", kind: "Microsoft.Web/certificates", name: "cert-new-*"},
	{rule: "rg-empty", positive: true, text: "nothing in it", build: emptyGroup("rg-old-", "", true)},
	{rule: "rg-empty", text: "exception: managed by something", build: emptyGroup("rg-managed-", "/providers/Microsoft.Databricks/workspaces/dbw", false)},
	{rule: "rg-empty", text: "exception: NetworkWatcherRG", build: emptyGroup("NetworkWatcherRG", "", false)},
	{rule: "rg-empty", text: "exception: reserved name", build: emptyGroup("DefaultResourceGroup-WEU", "", false)},
	{rule: "sqlpool-empty", positive: true, text: "no databases", kind: typeSQL, name: "sql-case-*/elasticPools/pool-case-*", service: costSQL, usd: 7.3, build: sqlPool(true)},
	{rule: "sqlpool-empty", text: "a database that spells it otherwise", kind: typeSQL, name: "sql-case-*/elasticPools/pool-case-*", service: costSQL, usd: 7.3, build: sqlPool(false)},
	{rule: "synapse-empty", positive: true, text: "no pools", kind: typeSynapse, name: "syn-old-*"},
	{rule: "synapse-empty", text: "has a SQL pool", kind: typeSynapse, name: "syn-sql-*", build: synapsePool("sqlPools")},
	{rule: "synapse-empty", text: "has a Spark pool", kind: typeSynapse, name: "syn-spark-*", build: synapsePool("bigDataPools")},
	{rule: "storage-legacy-kind", positive: true, text: "first generation", kind: typeStorage, name: "stclassic*", patch: `{"kind":"Storage"}`, service: costStorage, usd: 0.4},
	{rule: "storage-legacy-kind", positive: true, text: "blobs only", kind: typeStorage, name: "stblob*", patch: `{"kind":"BlobStorage"}`, service: costStorage, usd: 0.4},
	{rule: "storage-legacy-kind", text: "StorageV2", kind: typeStorage, name: "stv2*"},
	{rule: "storage-legacy-kind", text: "FileStorage", kind: typeStorage, name: "stfile*", patch: `{"kind":"FileStorage","sku":{"name":"Premium_ZRS","tier":"Premium"}}`},
	{rule: "storage-legacy-kind", text: "exception: BlockBlobStorage", kind: typeStorage, name: "stblock*", patch: `{"kind":"BlockBlobStorage","sku":{"name":"Premium_LRS","tier":"Premium"}}`},
	{rule: "ahb-missing-windows", positive: true, text: "Windows without a licence", kind: typeVM, name: "vm-case-*", service: serviceVM, usd: 4.8, build: licence("")},
	{rule: "ahb-missing-windows", positive: true, text: "scale set with Windows, without a licence", kind: typeVMSS, name: "vmss-win-*", patch: `{"properties":{"virtualMachineProfile":{"storageProfile":{"osDisk":{"osType":"Windows"}}}}}`},
	{rule: "ahb-missing-windows", text: "Windows_Server", build: licence("Windows_Server")},
	{rule: "ahb-missing-windows", text: "Windows_Client", build: licence("Windows_Client")},
	{rule: "ahb-missing-sql", positive: true, text: "pays as it goes", kind: "Microsoft.SqlVirtualMachine/sqlVirtualMachines", name: "vm-sql-payg-*", patch: `{"properties":{"sqlServerLicenseType":"PAYG"}}`},
	{rule: "ahb-missing-sql", text: "AHUB", kind: "Microsoft.SqlVirtualMachine/sqlVirtualMachines", name: "vm-sql-ahub-*"},
	{rule: "ahb-missing-sql", text: "exception: Developer", kind: "Microsoft.SqlVirtualMachine/sqlVirtualMachines", name: "vm-sql-dev-*", patch: `{"properties":{"sqlServerLicenseType":"PAYG","sqlImageSku":"Developer"}}`},
	{rule: "ahb-missing-sql", text: "exception: Express", kind: "Microsoft.SqlVirtualMachine/sqlVirtualMachines", name: "vm-sql-express-*", patch: `{"properties":{"sqlServerLicenseType":"PAYG","sqlImageSku":"Express"}}`},
	{rule: "identity-unused", positive: true, text: "on no resource", kind: typeIdentity, name: "id-old-*"},
	{rule: "identity-unused", text: "on a site, spelled otherwise", kind: typeIdentity, name: "id-used-*", build: usedIdentity},
	{rule: "backup-item-idle", positive: true, text: "no backup for 200 days", kind: typeProtected, build: backupItems(200)},
	{rule: "backup-item-idle", text: "backed up last night, 89 days ago, or never yet", kind: typeProtected, build: backupItems(0, 89, -1)},
}

// typeProtected is in the table recoveryservicesresources.
const typeProtected = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"
