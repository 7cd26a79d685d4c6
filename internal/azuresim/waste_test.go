package azuresim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// none is the doc's "empty": null, missing and [] alike.
func none(list ...string) string {
	for i, p := range list {
		list[i] = "(isnull(" + p + ") or array_length(" + p + ") == 0)"
	}
	return strings.Join(list, " and ")
}

func ofType(t string) string { return "resources | where type =~ 'microsoft." + t + "' " }

// orphanNIC is the condition of rule 17.
var orphanNIC = `isnull(properties.virtualMachine) and isnull(properties.privateEndpoint) and isnull(properties.privateLinkService) and ` +
	none("properties.hostedWorkloads") + ` and not(tostring(properties) contains 'virtualMachineScaleSets')`

var unattachedPIP = none("properties.ipConfiguration") + " and isnull(properties.natGateway) and isnull(properties.publicIPPrefix)"

// conditions are those of waste-rules.md as queries whose first column is the id that is meant.
var conditions = map[string][]string{
	"disk-unattached": {ofType("compute/disks") + `| where isempty(managedBy) and properties.diskState =~ 'Unattached' and todatetime(properties.timeCreated) < ago(7d)
		| where not(name endswith '-ASRReplica' or name startswith 'ms-asr-' or name startswith 'asrseeddisk-' or name startswith 'kubernetes-dynamic-pvc')
		| extend t = tostring(tags) | where not(t contains 'ASR-ReplicaDisk' or t contains 'asrseeddisk' or t contains 'RSVaultBackup' or t contains 'kubernetes.io-created-for-pvc') | project id`},
	"disk-premium-on-stopped-vm": {
		ofType("compute/disks") + `| where sku.name in~ ('Premium_LRS', 'Premium_ZRS') | extend d = tolower(id) | join kind=inner (` + ofType("compute/virtualmachines") + `| where properties.extended.instanceView.powerState.displayStatus in~ ('VM stopped', 'VM deallocated') | project d = tolower(tostring(properties.storageProfile.osDisk.managedDisk.id))) on d | project id`,
		ofType("compute/disks") + `| where sku.name in~ ('Premium_LRS', 'Premium_ZRS') | extend d = tolower(id) | join kind=inner (` + ofType("compute/virtualmachines") + `| where properties.extended.instanceView.powerState.displayStatus in~ ('VM stopped', 'VM deallocated') | mv-expand x = properties.storageProfile.dataDisks | project d = tolower(tostring(x.managedDisk.id))) on d | project id`,
	},
	"vm-stopped-not-deallocated": {ofType("compute/virtualmachines") + `| where properties.extended.instanceView.powerState.code =~ 'PowerState/stopped' | project id`},
	"vm-unmanaged-disk":          {ofType("compute/virtualmachines") + `| where isnull(properties.storageProfile.osDisk.managedDisk) | project id`},
	"snapshot-old":               {ofType("compute/snapshots") + `| where todatetime(properties.timeCreated) < ago(30d) | project id`},
	"snapshot-source-deleted": {ofType("compute/snapshots") + `| extend s = tolower(tostring(properties.creationData.sourceResourceId)) | where tostring(split(s, '/')[2]) == subscriptionId
		| join kind=leftanti (resources | where type in ('microsoft.compute/disks', 'microsoft.compute/snapshots') | project s = tolower(id)) on s | project id`},
	"snapshot-premium":       {ofType("compute/snapshots") + `| where sku.tier == 'Premium' | project id`},
	"avset-empty":            {ofType("compute/availabilitysets") + `| where ` + none("properties.virtualMachines") + ` and not(name endswith '-asr') | project id`},
	"ppg-empty":              {ofType("compute/proximityplacementgroups") + `| where ` + none("properties.virtualMachines", "properties.availabilitySets", "properties.virtualMachineScaleSets") + ` | project id`},
	"pip-unattached-static":  {ofType("network/publicipaddresses") + `| where ` + unattachedPIP + ` and properties.publicIPAllocationMethod =~ 'Static' | project id`},
	"pip-unattached-dynamic": {ofType("network/publicipaddresses") + `| where ` + unattachedPIP + ` and properties.publicIPAllocationMethod =~ 'Dynamic' | project id`},
	"pip-on-orphan-nic": {ofType("network/publicipaddresses") + `| extend n = tolower(tostring(split(tostring(properties.ipConfiguration.id), '/ipConfigurations/')[0]))
		| join kind=inner (` + ofType("network/networkinterfaces") + `| where ` + orphanNIC + ` | project n = tolower(id)) on n | project id`},
	"pip-basic-sku": {ofType("network/publicipaddresses") + `| where sku.name =~ 'Basic' | project id`},
	"nic-orphan":    {ofType("network/networkinterfaces") + `| where ` + orphanNIC + ` | project id`},
	"nsg-unused":    {ofType("network/networksecuritygroups") + `| where ` + none("properties.networkInterfaces", "properties.subnets") + ` | project id`},
	"nsg-rule-dead-target": {
		ofType("network/networksecuritygroups") + `| mv-expand r = properties.securityRules | extend ip = tostring(split(tostring(r.properties.destinationAddressPrefix), '/')[0])
		| join kind=inner (` + ofType("network/networkinterfaces") + `| where ` + orphanNIC + ` | mv-expand c = properties.ipConfigurations | project ip = tostring(c.properties.privateIPAddress)) on ip
		| join kind=leftanti (` + ofType("network/networkinterfaces") + `| where not(` + orphanNIC + `) | mv-expand c = properties.ipConfigurations | project ip = tostring(c.properties.privateIPAddress)) on ip | project id`,
		ofType("network/networksecuritygroups") + `| mv-expand r = properties.securityRules | extend p = tostring(r.properties.destinationAddressPrefix)
		| join kind=inner (` + ofType("network/virtualnetworks") + `| mv-expand s = properties.subnets | where ` + none("s.properties.ipConfigurations") + ` | project p = tostring(s.properties.addressPrefix)) on p | where isnotempty(p) | project id`,
	},
	"routetable-unused": {ofType("network/routetables") + `| where ` + none("properties.subnets") + ` | project id`},
	"lb-unused":         {emptyBalancer("sku.name == 'Standard'")},
	"lb-unused-basic":   {emptyBalancer("sku.name == 'Basic'")},
	"lb-rule-no-pool": {ofType("network/loadbalancers") + `| mv-expand r = properties.loadBalancingRules | where isnotnull(r) and ` + none("r.properties.backendAddressPools") + `
		| extend p = tostring(r.properties.backendAddressPool.id) | where isempty(p) or not(tostring(properties.backendAddressPools) contains p) | project id`},
	"appgw-empty": {ofType("network/applicationgateways") + `| mv-expand p = properties.backendAddressPools | extend used = iff(` + none("p.properties.backendIPConfigurations", "p.properties.backendAddresses") + `, 0, 1)
		| summarize n = sum(used) by id | where n == 0`},
	"appgw-v1":              {ofType("network/applicationgateways") + `| where properties.sku.tier in ('Standard', 'WAF') | project id`},
	"appgw-fixed-capacity":  {ofType("network/applicationgateways") + `| where properties.sku.tier in ('Standard_v2', 'WAF_v2') and isnull(properties.autoscaleConfiguration) and properties.operationalState == 'Running' | project id`},
	"afd-waf-policy-unused": {ofType("network/frontdoorwebapplicationfirewallpolicies") + `| where ` + none("properties.securityPolicyLinks", "properties.frontendEndpointLinks") + ` | project id`},
	"trafficmanager-empty":  {ofType("network/trafficmanagerprofiles") + `| where ` + none("properties.endpoints") + ` | project id`},
	"vnet-no-subnet":        {ofType("network/virtualnetworks") + `| where ` + none("properties.subnets") + ` | project id`},
	"subnet-empty": {ofType("network/virtualnetworks") + `| mv-expand s = properties.subnets | where isnotnull(s) and ` + none("s.properties.ipConfigurations", "s.properties.delegations", "s.properties.applicationGatewayIPConfigurations", "s.properties.privateEndpoints") + `
		| where tostring(s.name) !in ('GatewaySubnet', 'AzureBastionSubnet', 'AzureFirewallSubnet') | project id = tostring(s.id)`},
	"natgw-unused":       {ofType("network/natgateways") + `| where ` + none("properties.subnets") + ` | project id`},
	"ipgroup-unused":     {ofType("network/ipgroups") + `| where ` + none("properties.firewalls", "properties.firewallPolicies") + ` | project id`},
	"privatedns-no-link": {ofType("network/privatednszones") + `| where properties.numberOfVirtualNetworkLinks == 0 | project id`},
	"pe-disconnected":    {ofType("network/privateendpoints") + connection + `| where c.properties.privateLinkServiceConnectionState.status == 'Disconnected' | project id`},
	"pe-target-gone": {ofType("network/privateendpoints") + connection + `| extend t = tolower(tostring(c.properties.privateLinkServiceId)) | where tostring(split(t, '/')[2]) == subscriptionId
		| join kind=leftanti (resources | project t = tolower(id)) on t | project id`},
	"vnetgw-unused": {ofType("network/virtualnetworkgateways") + `| where isnull(properties.vpnClientConfiguration) | extend g = tolower(id)
		| join kind=leftanti (` + ofType("network/connections") + `| project g = tolower(tostring(properties.virtualNetworkGateway1.id))) on g
		| join kind=leftanti (` + ofType("network/connections") + `| project g = tolower(tostring(properties.virtualNetworkGateway2.id))) on g | project id`},
	"ddosplan-unused":             {ofType("network/ddosprotectionplans") + `| where ` + none("properties.virtualNetworks", "properties.publicIPAddresses") + ` | project id`},
	"expressroute-notprovisioned": {ofType("network/expressroutecircuits") + `| where properties.serviceProviderProvisioningState == 'NotProvisioned' and name !startswith 'erc-new' | project id`},
	"firewall-premium-unused": {ofType("network/azurefirewalls") + `| where properties.sku.tier == 'Premium' | extend p = tolower(tostring(properties.firewallPolicy.id))
		| join kind=leftouter (` + ofType("network/firewallpolicies") + `| project p = tolower(id), mode = tostring(properties.intrusionDetection.mode), tls = tostring(properties.transportSecurity.certificateAuthority.keyVaultSecretId)) on p
		| where mode !in ('Alert', 'Deny') and isempty(tls) | project id`},
	"asp-empty":      {ofType("web/serverfarms") + `| where properties.numberOfSites == 0 and sku.tier !~ 'Free' and sku.tier !~ 'Dynamic' | project id`},
	"webapp-stopped": {ofType("web/sites") + `| where properties.state != 'Running' | project id`},
	"apiconnection-unused": {ofType("web/connections") + `| extend k = tolower(id), g = strcat(subscriptionId, resourceGroup)
		| join kind=leftanti (` + ofType("logic/workflows") + `| mv-expand bagexpansion=array v = properties.parameters['$connections'].value | project k = tolower(tostring(v[1].connectionId))) on k
		| join kind=leftanti (` + ofType("web/sites") + `| where kind contains 'workflowapp' | project g = strcat(subscriptionId, resourceGroup)) on g | project id`},
	"cert-expired": {ofType("web/certificates") + `| where todatetime(properties.expirationDate) <= now() | project id`},
	"rg-empty": {`resourcecontainers | where type =~ 'microsoft.resources/subscriptions/resourcegroups' and isempty(managedBy) and not(name in~ ('NetworkWatcherRG')) and name !startswith 'DefaultResourceGroup-'
		| join kind=leftanti (resources | summarize by resourceGroup, subscriptionId) on resourceGroup, subscriptionId | project id`},
	"sqlpool-empty":       {ofType("sql/servers/elasticpools") + `| extend k = tolower(id) | join kind=leftanti (` + ofType("sql/servers/databases") + `| project k = tolower(tostring(properties.elasticPoolId))) on k | project id`},
	"synapse-empty":       {ofType("synapse/workspaces") + `| join kind=leftanti (resources | where type startswith 'microsoft.synapse/workspaces/' | project id = tostring(split(tostring(split(id, '/sqlPools/')[0]), '/bigDataPools/')[0])) on id | project id`},
	"storage-legacy-kind": {ofType("storage/storageaccounts") + `| where kind !in ('StorageV2', 'FileStorage', 'BlockBlobStorage') | project id`},
	"ahb-missing-windows": {
		ofType("compute/virtualmachines") + `| where properties.storageProfile.osDisk.osType == 'Windows' and properties.licenseType !in ('Windows_Server', 'Windows_Client') | project id`,
		ofType("compute/virtualmachinescalesets") + `| where properties.virtualMachineProfile.storageProfile.osDisk.osType == 'Windows' and properties.virtualMachineProfile.licenseType !in ('Windows_Server', 'Windows_Client') | project id`,
	},
	"ahb-missing-sql":  {ofType("sqlvirtualmachine/sqlvirtualmachines") + `| where properties.sqlServerLicenseType != 'AHUB' and properties.sqlImageSku !in ('Developer', 'Express') | project id`},
	"identity-unused":  {ofType("managedidentity/userassignedidentities") + `| extend k = tolower(id) | join kind=leftanti (resources | mv-expand i = bag_keys(identity.userAssignedIdentities) | project k = tolower(tostring(i))) on k | project id`},
	"backup-item-idle": {`recoveryservicesresources | where todatetime(properties.lastBackupTime) < ago(90d) | project id`},
	"advisor-cost":     {`advisorresources | where type == 'microsoft.advisor/recommendations' and properties.category == 'Cost' and array_length(properties.suppressionIds) == 0 | project id = tostring(properties.resourceMetadata.resourceId), rec = id`},
}

const connection = `| extend c = iff(array_length(properties.manualPrivateLinkServiceConnections) > 0, properties.manualPrivateLinkServiceConnections[0], properties.privateLinkServiceConnections[0]) `

func emptyBalancer(sku string) string {
	return ofType("network/loadbalancers") + `| where ` + sku + ` and name !~ 'kubernetes' and ` + none("properties.inboundNatRules", "properties.inboundNatPools") + `
		| mv-expand p = properties.backendAddressPools | extend used = iff(` + none("p.properties.backendIPConfigurations", "p.properties.loadBalancerBackendAddresses") + `, 0, 1)
		| summarize n = sum(used) by id | where n == 0`
}

// TestWasteLabels holds the labels against the conditions of waste-rules.md, asked as queries: what
// they find is exactly what is labelled, over all tenants, also when a fortnight has passed.
func TestWasteLabels(t *testing.T) {
	c := start(t, azuresim.Options{MarkupNames: true})
	young := c.labels(t)
	c.clock.Advance(14 * 24 * time.Hour)
	if old := c.labels(t); old["disk-unattached +"] <= young["disk-unattached +"] {
		t.Errorf("%d disks are waste, and %d a fortnight later, which should be more", young["disk-unattached +"], old["disk-unattached +"])
	}
}

// labels checks them at the clock's now, and counts them by rule and sign.
func (c *client) labels(t *testing.T) map[string]int {
	t.Helper()
	labels := c.sim.Waste(c.clock.Now())
	want := map[string]map[string]bool{}
	cases := map[string]int{}
	for _, l := range labels {
		if want[l.RuleID] == nil {
			want[l.RuleID] = map[string]bool{}
		}
		if l.Expect != azuresim.ExpectNone {
			want[l.RuleID][l.ResourceID] = true
			cases[l.RuleID+" +"]++
		} else {
			cases[l.RuleID+" -"]++
		}
	}
	delete(want, "vm-deallocated-long") // Resource Graph does not tell since when
	for rule, ids := range want {
		if len(conditions[rule]) == 0 {
			t.Errorf("%s: no condition", rule)
		}
		got := map[string]bool{}
		for _, query := range conditions[rule] {
			for _, row := range c.ask(query) {
				got[fmt.Sprint(row["id"])] = true
			}
		}
		for id := range got {
			if !ids[id] {
				t.Errorf("%s: found and not labelled: %s", rule, id)
			}
		}
		for id := range ids {
			if !got[id] {
				t.Errorf("%s: labelled and not found: %s", rule, id)
			}
		}
	}
	for rule := range conditions {
		if cases[rule+" +"] == 0 || cases[rule+" -"] == 0 {
			t.Errorf("%s: %d positive and %d negative cases", rule, cases[rule+" +"], cases[rule+" -"])
		}
	}
	off := c.ask(ofType("compute/virtualmachines") + `| where properties.extended.instanceView.powerState.code =~ 'PowerState/deallocated' | project id`)
	if n := cases["vm-deallocated-long +"] + cases["vm-deallocated-long -"]; len(off) != n || cases["vm-deallocated-long +"] == 0 {
		t.Errorf("%d machines are deallocated, %d labelled", len(off), n)
	}
	return cases
}
