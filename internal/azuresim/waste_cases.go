package azuresim

import "slices"

// Services to which planted resources cost.
const (
	costStorage  = "Storage"
	costNetwork  = "Virtual Network"
	costBalancer = "Load Balancer"
	costGateway  = "Application Gateway"
	costVPN      = "VPN Gateway"
	costApps     = "Azure App Service"
	costSQL      = "Azure SQL Database"
)

const (
	unattached = `{"sku":{"name":"Premium_LRS","tier":"Premium"},"properties":{"diskSizeGB":512,"diskState":"Unattached"}`
	noPlace    = `{"properties":{"ipConfiguration":"${missing}","ipAddress":"20.1.2.3"`
)

// wasteCases are the cases of waste-rules.md, rule by rule: positive ones, negative ones, and each
// listed exception. Left out are rules that need metrics (03, 06, 41, 47, 50), that need tables which
// are not simulated (most of 54; 55), and exceptions that no fact of Resource Graph shows (33: zones
// that are kept for resolvers at home; 52: a quota id which no subscription here has).
var wasteCases = slices.Concat([]wasteCase{
	{rule: "disk-unattached", positive: true, text: "managedBy is empty, Unattached", kind: typeDisk, name: "disk-old-*", patch: unattached + `}`, service: costStorage, usd: 2.4},
	{rule: "disk-unattached", positive: true, text: "managedBy is null, tags are null", kind: typeDisk, name: "disk-erp-data-*", patch: unattached + `,"managedBy":null,"tags":null}`, service: costStorage, usd: 3.9},
	{rule: "disk-unattached", positive: true, text: "state in another case", kind: typeDisk, name: "disk-migrated-*", patch: `{"properties":{"diskState":"unattached"},"managedBy":""}`, service: costStorage, usd: 0.3},
	{rule: "disk-unattached", text: "exception: replication or export is running", kind: typeDisk, name: "disk-export-*", patch: `{"properties":{"diskState":"ActiveSAS"}}`, service: costStorage, usd: 0.3},
	{rule: "disk-unattached", text: "exception: Site Recovery replica", kind: typeDisk, name: "vm-erp-*-ASRReplica", patch: unattached + `}`, service: costStorage, usd: 1.2},
	{rule: "disk-unattached", text: "exception: Site Recovery, ms-asr-", kind: typeDisk, name: "ms-asr-*", patch: unattached + `}`},
	{rule: "disk-unattached", text: "exception: Site Recovery seed", kind: typeDisk, name: "asrseeddisk-*", patch: unattached + `}`},
	{rule: "disk-unattached", text: "exception: tag ASR-ReplicaDisk", kind: typeDisk, name: "disk-replica-*", patch: unattached + `,"tags":{"ASR-ReplicaDisk":"vm-erp"}}`},
	{rule: "disk-unattached", text: "exception: tag with asrseeddisk in its value", kind: typeDisk, name: "disk-seed-*", patch: unattached + `,"tags":{"source":"asrseeddisk-vm"}}`},
	{rule: "disk-unattached", text: "exception: tag RSVaultBackup", kind: typeDisk, name: "disk-restore-*", patch: unattached + `,"tags":{"RSVaultBackup":"1"}}`},
	{rule: "disk-unattached", text: "exception: Kubernetes volume by tag", kind: typeDisk, name: "pvc-*", patch: unattached + `,"tags":{"kubernetes.io-created-for-pvc-name":"data"}}`},
	{rule: "disk-unattached", text: "exception: Kubernetes volume by name", kind: typeDisk, name: "kubernetes-dynamic-pvc-*", patch: unattached + `,"tags":null}`},
	{rule: "disk-unattached", text: "exception: younger than seven days", kind: typeDisk, name: "disk-new-*", patch: unattached + `}`, young: 2, matures: 7, service: costStorage, usd: 0.3},
	{rule: "disk-unattached", text: "ReadyToUpload is not unattached", kind: typeDisk, name: "disk-upload-*", patch: `{"properties":{"diskState":"ReadyToUpload"}}`},
	{rule: "disk-unattached", text: "ActiveUpload is not unattached", kind: typeDisk, name: "disk-uploading-*", patch: `{"properties":{"diskState":"ActiveUpload"}}`},
	{rule: "disk-unattached", text: "attached", build: func(p *planting) { p.mark(p.machine("running", false).os, p.c.rule, false) }},

	{rule: "disk-premium-on-stopped-vm", text: "disk of the system of a deallocated machine", kind: typeDisk, name: "vm-case-*_OsDisk", service: costStorage, usd: 1.9, build: premiumOn("deallocated", true, true)},
	{rule: "disk-premium-on-stopped-vm", text: "data disk of a deallocated machine", kind: typeDisk, name: "vm-case-*_data", service: costStorage, usd: 4.4, build: premiumData},
	{rule: "disk-premium-on-stopped-vm", text: "premium disk of a running machine", kind: typeDisk, name: "vm-case-*_OsDisk", service: costStorage, usd: 1.9, build: premiumOn("running", true, false)},
	{rule: "disk-premium-on-stopped-vm", text: "standard disk of a deallocated machine", build: premiumOn("deallocated", false, false)},

	{rule: "vm-stopped-not-deallocated", positive: true, text: "stopped from within", kind: typeVM, name: "vm-case-*", service: serviceVM, usd: 5.2, build: power("stopped", true)},
	{rule: "vm-stopped-not-deallocated", text: "running", build: power("running", false)},
	{rule: "vm-stopped-not-deallocated", text: "exception: unknown", build: power("unknown", false)},
	{rule: "vm-stopped-not-deallocated", text: "exception: starting", build: power("starting", false)},
	{rule: "vm-stopped-not-deallocated", text: "exception: stopping", build: power("stopping", false)},
	{rule: "vm-stopped-not-deallocated", text: "exception: deallocating", build: power("deallocating", false)},
	{rule: "vm-deallocated-long", text: "deallocated for two months", kind: typeDisk, name: "vm-case-*_OsDisk", service: costStorage, usd: 0.4, build: deallocated(60)},
	{rule: "vm-deallocated-long", text: "deallocated for three days", build: deallocated(3)},
	{rule: "vm-unmanaged-disk", text: "disk of the system is a blob", build: unmanaged},
	{rule: "vm-unmanaged-disk", text: "managed disk", build: power("running", false)},

	{rule: "snapshot-old", text: "200 days old", kind: typeSnapshot, name: "snap-case-*", service: costStorage, usd: 0.2, young: 200, build: snapshot("disk", "")},
	{rule: "snapshot-old", text: "five days old", kind: typeSnapshot, name: "snap-case-*", service: costStorage, usd: 0.1, young: 5, build: snapshot("disk", "")},
	{rule: "snapshot-source-deleted", text: "source is gone", kind: typeSnapshot, name: "snap-case-*", service: costStorage, usd: 0.2, young: 60, build: snapshot("gone", "")},
	{rule: "snapshot-source-deleted", text: "source in a subscription that we cannot see", young: 60, build: snapshot("foreign", "")},
	{rule: "snapshot-source-deleted", text: "source is another snapshot", young: 60, build: snapshot("snapshot", "")},
	{rule: "snapshot-source-deleted", text: "source id in capitals", young: 60, build: snapshot("capitals", "")},
	{rule: "snapshot-premium", positive: true, text: "Premium tier", kind: typeSnapshot, name: "snap-case-*", service: costStorage, usd: 0.6, young: 10, build: snapshot("disk", "Premium")},
	{rule: "snapshot-premium", text: "Standard tier", young: 10, build: snapshot("disk", "")},

	{rule: "avset-empty", positive: true, text: "list is []", kind: "Microsoft.Compute/availabilitySets", name: "avail-old-*", patch: `{"properties":{"virtualMachines":[]}}`},
	{rule: "avset-empty", positive: true, text: "list is missing", kind: "Microsoft.Compute/availabilitySets", name: "avail-sql-*", patch: `{"properties":{"virtualMachines":"${missing}"}}`},
	{rule: "avset-empty", positive: true, text: "list is null", kind: "Microsoft.Compute/availabilitySets", name: "avail-web-*", patch: `{"properties":{"virtualMachines":null}}`},
	{rule: "avset-empty", text: "has a machine", kind: "Microsoft.Compute/availabilitySets", name: "avail-used-*"},
	{rule: "avset-empty", text: "exception: Site Recovery", kind: "Microsoft.Compute/availabilitySets", name: "avail-*-asr", patch: `{"properties":{"virtualMachines":[]}}`},
	{rule: "ppg-empty", positive: true, text: "all lists empty", kind: "Microsoft.Compute/proximityPlacementGroups", name: "ppg-old-*", patch: `{"properties":{"virtualMachines":[],"availabilitySets":null}}`},
	{rule: "ppg-empty", text: "has a machine", kind: "Microsoft.Compute/proximityPlacementGroups", name: "ppg-used-*"},
	{rule: "ppg-empty", text: "only an availability set", kind: "Microsoft.Compute/proximityPlacementGroups", name: "ppg-avset-*", patch: `{"properties":{"virtualMachines":"${missing}","availabilitySets":[{"id":"${base}/Microsoft.Compute/availabilitySets/a"}]}}`},
	{rule: "ppg-empty", text: "only a scale set", kind: "Microsoft.Compute/proximityPlacementGroups", name: "ppg-vmss-*", patch: `{"properties":{"virtualMachines":[],"virtualMachineScaleSets":[{"id":"${base}/Microsoft.Compute/virtualMachineScaleSets/a"}]}}`},

	{rule: "pip-unattached-static", positive: true, text: "no place, no gateway, no prefix", kind: typePIP, name: "pip-old-*", patch: noPlace + `}}`, service: costNetwork, usd: 0.12},
	{rule: "pip-unattached-static", positive: true, text: "all of them null", kind: typePIP, name: "pip-test-*", patch: `{"properties":{"ipConfiguration":null,"natGateway":null,"publicIPPrefix":null}}`, service: costNetwork, usd: 0.12},
	{rule: "pip-unattached-static", text: "exception: of a NAT gateway", kind: typePIP, name: "pip-nat-*", patch: noPlace + `,"natGateway":{"id":"${base}/Microsoft.Network/natGateways/ng-main"}}}`, service: costNetwork, usd: 0.12},
	{rule: "pip-unattached-static", text: "exception: of a prefix", kind: typePIP, name: "pip-prefix-*", patch: noPlace + `,"publicIPPrefix":{"id":"${base}/Microsoft.Network/publicIPPrefixes/ippre"}}}`},
	{rule: "pip-unattached-static", text: "has a place", kind: typePIP, name: "pip-used-*"},
	{rule: "pip-unattached-dynamic", text: "no place, dynamic, basic", kind: typePIP, name: "pip-dynamic-*", patch: `{"sku":{"name":"Basic","tier":"Regional"},"zones":null,"properties":{"ipConfiguration":"${missing}","ipAddress":"${missing}","publicIPAllocationMethod":"Dynamic"}}`, build: dynamicAddress},
	{rule: "pip-on-orphan-nic", text: "its card belongs to nobody", kind: typePIP, name: "pip-card-*", patch: `{"properties":{"ipConfiguration":{"id":"${base}/Microsoft.Network/networkInterfaces/nic-${name}/ipConfigurations/ipconfig1"}}}`, service: costNetwork, usd: 0.12, build: addressOnCard},
	{rule: "pip-on-orphan-nic", text: "its card belongs to a machine", kind: typePIP, name: "pip-vm-*", build: addressOnMachine},
	{rule: "pip-unattached-dynamic", text: "dynamic, in use", kind: typePIP, name: "pip-dynamic-used-*", patch: `{"properties":{"publicIPAllocationMethod":"Dynamic"}}`},
	{rule: "pip-basic-sku", text: "Standard", kind: typePIP, name: "pip-standard-*"},
	{rule: "pip-basic-sku", positive: true, text: "Basic, in use", kind: typePIP, name: "pip-basic-*", patch: `{"sku":{"name":"Basic","tier":"Regional"},"zones":null}`, service: costNetwork, usd: 0.1},

	{rule: "nic-orphan", positive: true, text: "nobody's", kind: typeNIC, name: "nic-old-*"},
	{rule: "nic-orphan", positive: true, text: "all owners null", kind: typeNIC, name: "nic-null-*", patch: `{"properties":{"virtualMachine":null,"privateEndpoint":null,"privateLinkService":null,"hostedWorkloads":null}}`},
	{rule: "nic-orphan", text: "of a private endpoint", kind: typeNIC, name: "nic-pe-*", patch: `{"properties":{"privateEndpoint":{"id":"${base}/Microsoft.Network/privateEndpoints/pe"}}}`},
	{rule: "nic-orphan", text: "of a private link service", kind: typeNIC, name: "nic-pls-*", patch: `{"properties":{"privateLinkService":{"id":"${base}/Microsoft.Network/privateLinkServices/pls"}}}`},
	{rule: "nic-orphan", text: "exception: of a NetApp volume", kind: typeNIC, name: "anf-*", patch: `{"properties":{"hostedWorkloads":["${base}/Microsoft.NetApp/netAppAccounts/anf/capacityPools/p/volumes/v"],"ipConfigurations":[{"name":"ipconfig1","properties":{"linkedResourceType":"Microsoft.Netapp/volumes"}}]}}`},
	{rule: "nic-orphan", text: "exception: of a scale set", kind: typeNIC, name: "nic-vmss-*", patch: `{"properties":{"ipConfigurations":[{"name":"ip","id":"${base}/Microsoft.Compute/virtualMachineScaleSets/vmss/virtualMachines/0/networkInterfaces/nic/ipConfigurations/ip","properties":{"primary":true}}]}}`},
	{rule: "nic-orphan", text: "of a machine", build: func(p *planting) { p.mark(p.machine("running", false).nic, p.c.rule, false) }},

	{rule: "nsg-unused", positive: true, text: "lists are missing", kind: typeNSG, name: "nsg-old-*", patch: `{"properties":{"subnets":"${missing}"}}`},
	{rule: "nsg-unused", positive: true, text: "lists are []", kind: typeNSG, name: "nsg-empty-*", patch: `{"properties":{"subnets":[],"networkInterfaces":[]}}`},
	{rule: "nsg-unused", text: "on a card only", kind: typeNSG, name: "nsg-card-*", patch: `{"properties":{"subnets":"${missing}","networkInterfaces":[{"id":"${base}/Microsoft.Network/networkInterfaces/nic"}]}}`},
	{rule: "nsg-unused", text: "on a subnet only", kind: typeNSG, name: "nsg-subnet-*", patch: `{"properties":{"networkInterfaces":[]}}`},
	{rule: "nsg-rule-dead-target", text: "rule for the address of a card that is nobody's", build: deadTarget("card")},
	{rule: "nsg-rule-dead-target", text: "rule for the prefix of an empty subnet", build: deadTarget("subnet")},
	{rule: "nsg-rule-dead-target", text: "exception: the address is in use elsewhere", build: deadTarget("reused")},
	{rule: "routetable-unused", positive: true, text: "list is []", kind: "Microsoft.Network/routeTables", name: "rt-old-*", patch: `{"properties":{"subnets":[]}}`},
	{rule: "routetable-unused", positive: true, text: "list is missing", kind: "Microsoft.Network/routeTables", name: "rt-gone-*", patch: `{"properties":{"subnets":"${missing}"}}`},
	{rule: "routetable-unused", text: "on a subnet", kind: "Microsoft.Network/routeTables", name: "rt-used-*"},
}, moreWasteCases)
