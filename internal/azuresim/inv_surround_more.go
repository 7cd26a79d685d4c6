package azuresim

import (
	"fmt"
	"strings"
	"time"
)

// addDatabases adds a server's databases, some in an elastic pool.
func (w *world) addDatabases(sql *item) {
	var pool *item
	if below(mix(sql.key, label("pool")), 3) == 0 {
		pool = w.under(sql, "Microsoft.Sql/servers/elasticPools", "pool-"+sql.name)
	}
	for i := range 1 + below(mix(sql.key, label("databases")), 2) {
		db := w.under(sql, "Microsoft.Sql/servers/databases", []string{"app", "reporting", "audit"}[i])
		if pool != nil {
			db.still = true
			db.set("properties.elasticPoolId", pool.id)
		}
	}
}

// addSites adds a plan's sites.
func (w *world) addSites(plan *item) {
	n := 1 + below(mix(plan.key, label("sites")), 2)
	plan.set("properties.numberOfSites", int64(n))
	for i := range n {
		site := w.beside(plan, typeSite, fmt.Sprintf("app-%s-%02d", strings.TrimPrefix(plan.name, "asp-"), i+1))
		site.set("properties.serverFarmId", plan.id)
		if i == 0 && w.sub.env == "prod" {
			w.under(site, "Microsoft.Web/sites/slots", "staging").set("properties.serverFarmId", plan.id)
		}
	}
}

// addFunctionPlan adds the consumption plan of a function app.
func (w *world) addFunctionPlan(site *item) {
	plan := w.beside(site, typePlan, "plan-"+site.name)
	plan.still = true
	plan.patch(`{"kind":"functionapp","sku":{"name":"Y1","tier":"Dynamic","size":"Y1","family":"Y","capacity":0},"properties":{"computeMode":"Dynamic"}}`)
	site.patch(`{"kind":"functionapp,linux"}`).set("properties.serverFarmId", plan.id)
}

// addFrontend puts a public address onto a load balancer of its group.
func (w *world) addFrontend(pip *item) {
	lb := w.add(typeLB, pip.group, "lb-public-"+strings.TrimPrefix(pip.group, "rg-"))
	front := lb.id + "/frontendIPConfigurations/" + pip.name
	pip.set("properties.ipConfiguration", map[string]any{"id": front})
	if len(lb.deps) == 0 {
		lb.set("properties.frontendIPConfigurations", []any{})
	}
	lb.deps = append(lb.deps, pip)
	lb.shape(func(b body, at time.Time) {
		list, _ := kqlChild(b["properties"], "frontendIPConfigurations").([]any)
		if pip.alive(at) {
			list = append(list, map[string]any{"name": pip.name, "id": front, "properties": map[string]any{"publicIPAddress": map[string]any{"id": pip.id}}})
		}
		put(b, "properties.frontendIPConfigurations", list)
	})
}

// surroundMore adds to resources that need little.
func (w *world) surroundMore(it *item) {
	if !strings.HasSuffix(it.name, "-01") && (it.kind == "Microsoft.OperationalInsights/workspaces" || it.kind == "Microsoft.Insights/components") {
		return
	}
	app := strings.TrimPrefix(it.name, it.name[:strings.IndexByte(it.name+"-", '-')]+"-")
	switch it.kind {
	case "Microsoft.ContainerService/managedClusters":
		w.addCluster(it)
	case "Microsoft.OperationalInsights/workspaces":
		w.beside(it, "Microsoft.OperationsManagement/solutions", "SecurityInsights("+it.name+")").set("properties.workspaceResourceId", it.id)
	case "Microsoft.Insights/components":
		w.beside(it, "Microsoft.AlertsManagement/smartDetectorAlertRules", "Failure Anomalies - "+it.name).set("properties.scope", []any{it.id})
		w.beside(it, "Microsoft.Insights/actionGroups", "ag-"+app)
		w.beside(it, "Microsoft.Insights/metricAlerts", "alert-"+app)
	case "Microsoft.Network/applicationGateways":
		w.address(it, "pip-agw-"+app, "/frontendIPConfigurations/public")
	case "Microsoft.Network/azureFirewalls":
		policy := w.beside(it, "Microsoft.Network/firewallPolicies", "afwp-"+app)
		policy.set("properties.firewalls", refs(it.id))
		it.set("properties.firewallPolicy", map[string]any{"id": policy.id})
		w.address(it, "pip-afw-"+app, "/azureFirewallIpConfigurations/fw")
	case "Microsoft.Network/virtualNetworkGateways":
		local := w.beside(it, "Microsoft.Network/localNetworkGateways", "lgw-"+app)
		w.beside(it, "Microsoft.Network/connections", "cn-"+app).
			set("properties.virtualNetworkGateway1", map[string]any{"id": it.id}).
			set("properties.localNetworkGateway2", map[string]any{"id": local.id})
		w.address(it, "pip-vpng-"+app, "/ipConfigurations/default")
	case "Microsoft.Cdn/profiles":
		w.under(it, "Microsoft.Cdn/profiles/afdEndpoints", "ep-"+app)
		w.add("Microsoft.Network/frontdoorWebApplicationFirewallPolicies", it.group, "waf"+strings.ReplaceAll(app, "-", "")).
			set("properties.securityPolicyLinks", refs(it.id+"/securityPolicies/waf"))
	}
}

// address adds a public address to a place of a resource.
func (w *world) address(of *item, name, place string) {
	w.beside(of, typePIP, name).set("properties.ipConfiguration", map[string]any{"id": of.id + place})
}

// addCluster adds the resources that a cluster makes for itself, in a group that it manages.
func (w *world) addCluster(aks *item) {
	name := strings.ToLower("mc_" + groupColumn(aks.group) + "_" + aks.name + "_" + w.location)
	g := w.addGroup(name)
	g.managedBy, g.born, g.dead = aks.id, aks.born, aks.dead
	g.id = "/subscriptions/" + w.sub.id + "/resourceGroups/" + name
	g.tags = func(time.Time) map[string]any { return nil }
	in := func(kind, name string) *item {
		return w.insert(&item{
			id: g.id + "/providers/" + kind + "/" + name, kind: kind, name: name, group: g.name,
			born: aks.born.Add(time.Minute), dead: aks.dead, still: true,
		})
	}
	scaleset := in("Microsoft.Compute/virtualMachineScaleSets", "aks-system-vmss")
	place := scaleset.id + "/virtualMachines/0/networkInterfaces/aks-system/ipConfigurations/ipconfig1"
	lb := in(typeLB, "kubernetes")
	pip := in(typePIP, "pip-kubernetes")
	pip.set("properties.ipConfiguration", map[string]any{"id": lb.id + "/frontendIPConfigurations/outbound"})
	lb.shape(func(b body, _ time.Time) {
		pools, _ := kqlChild(b["properties"], "backendAddressPools").([]any)
		put(pools[0].(map[string]any), "properties.backendIPConfigurations", refs(place)) //nolint:errcheck // our own template
	})
	who := in("Microsoft.ManagedIdentity/userAssignedIdentities", aks.name+"-agentpool")
	scaleset.set("identity", map[string]any{"type": "UserAssigned", "userAssignedIdentities": map[string]any{who.id: map[string]any{"clientId": who.variable("guid1"), "principalId": who.variable("guid")}}})
	aks.set("properties.nodeResourceGroup", name)
}

// miscKinds are the types that are met here and there: every subscription has some of them.
var miscKinds = []struct{ kind, name string }{
	{"Microsoft.Compute/images", "img-golden"},
	{"Microsoft.Compute/sshPublicKeys", "ssh-admin"},
	{"Microsoft.Compute/galleries", "gal_images"},
	{"Microsoft.Compute/diskEncryptionSets", "des-main"},
	{"Microsoft.Compute/restorePointCollections", "rpc-daily"},
	{"Microsoft.Network/publicIPPrefixes", "ippre-out"},
	{"Microsoft.Network/privateLinkServices", "pls-api"},
	{"Microsoft.Network/bastionHosts", "bas-hub"},
	{"Microsoft.Network/applicationSecurityGroups", "asg-web"},
	{"Microsoft.Network/trafficmanagerprofiles", "traf-main"},
	{"Microsoft.Insights/scheduledQueryRules", "sqr-errors"},
	{"Microsoft.Insights/dataCollectionRules", "dcr-linux"},
	{"Microsoft.ContainerInstance/containerGroups", "ci-job"},
	{"Microsoft.Web/staticSites", "stapp-docs"},
	{"Microsoft.Web/certificates", "cert-www"},
	{"Microsoft.Sql/managedInstances", "sqlmi-core"},
	{"Microsoft.DataProtection/backupVaults", "bvault-main"},
	{"Microsoft.EventGrid/topics", "evgt-orders"},
	{"Microsoft.Portal/dashboards", "dash-ops"},
	{"Microsoft.CognitiveServices/accounts", "oai-main"},
	{"Microsoft.MachineLearningServices/workspaces", "mlw-main"},
	{"Microsoft.Devices/IotHubs", "iot-main"},
	{"Microsoft.SignalRService/SignalR", "sigr-main"},
	{"Microsoft.AppConfiguration/configurationStores", "appcs-main"},
	{"Microsoft.Batch/batchAccounts", "babatch"},
	{"Microsoft.Kusto/clusters", "dec-main"},
	{"Microsoft.Purview/accounts", "pview-main"},
	{"Microsoft.NetApp/netAppAccounts", "anf-main"},
	{"Microsoft.Maintenance/maintenanceConfigurations", "mc-weekly"},
	{"Microsoft.DBforMySQL/flexibleServers", "mysql-cms"},
	{"Microsoft.Automation/automationAccounts", "aa-ops"},
	{"Microsoft.Synapse/workspaces", "syn-main"},
	{"Microsoft.App/managedEnvironments", "cae-main"},
	{"Microsoft.Network/privateDnsZones", "privatelink.blob.core.windows.net"},
	{"Microsoft.Logic/workflows", "logic-approve"},
	{"Microsoft.Storage/storageAccounts", "stdiag"},
}

// addMisc adds a share of the odd types, and the network watcher that Azure adds to subscriptions.
func (w *world) addMisc() {
	n, at := 6, below(mix(w.sub.key, label("misc")), len(miscKinds))
	for i := range n {
		m := miscKinds[(at+i*5)%len(miscKinds)]
		group := w.sub.groups[(i+at)%len(w.sub.groups)]
		it := w.add(m.kind, group, m.name+"-"+w.sub.env)
		switch m.kind {
		case "Microsoft.Automation/automationAccounts":
			w.under(it, "Microsoft.Automation/automationAccounts/runbooks", "Stop-Idle")
		case "Microsoft.Synapse/workspaces":
			w.under(it, "Microsoft.Synapse/workspaces/sqlPools", "dwh")
		case "Microsoft.App/managedEnvironments":
			w.beside(it, "Microsoft.App/containerApps", "ca-api").set("properties.managedEnvironmentId", it.id)
		case "Microsoft.Network/privateDnsZones":
			w.under(it, "Microsoft.Network/privateDnsZones/virtualNetworkLinks", "link").set("properties.virtualNetwork", map[string]any{"id": w.net(group).vnet.id})
		case "Microsoft.Network/bastionHosts":
			w.address(it, "pip-bas-"+w.sub.env, "/bastionHostIpConfigurations/default")
		case "Microsoft.Storage/storageAccounts":
			w.beside(it, "Microsoft.EventGrid/systemTopics", "evgst-"+w.sub.env).set("properties.source", it.id)
		}
	}
	if below(mix(w.sub.key, label("watcher")), 3) > 0 {
		g := w.addGroup("networkwatcherrg")
		g.id = "/subscriptions/" + w.sub.id + "/resourceGroups/NetworkWatcherRG"
		g.tags = func(time.Time) map[string]any { return nil }
		w.insert(&item{id: g.id + "/providers/Microsoft.Network/networkWatchers/NetworkWatcher_" + w.location, kind: "Microsoft.Network/networkWatchers", name: "NetworkWatcher_" + w.location, group: g.name, born: g.born.Add(time.Second)})
	}
}

// addChurn adds what comes and goes: snapshots that a backup makes and drops, and what people try out.
func (w *world) addChurn() {
	for _, vm := range w.items {
		if vm.kind == typeVM && vm.dead.IsZero() && vm.born.Before(w.e.first.start()) && strings.HasSuffix(vm.name, "-01") {
			w.addSnapshots(vm)
			break
		}
	}
	const slot = 9 // days
	today := int64(dayOf(w.when))
	for n := (today - 75) / slot; n <= today/slot; n++ {
		key := mix(w.sub.key, label("churn"), uint64(n))
		if key%3 == 0 {
			continue
		}
		kinds := []string{"Microsoft.ContainerInstance/containerGroups", "Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults", "Microsoft.CognitiveServices/accounts", "Microsoft.AppConfiguration/configurationStores"}
		it := &item{kind: kinds[below(mix(key, 1), len(kinds))], name: fmt.Sprintf("tmp-%s-%d", w.sub.env, n%1000), group: w.sub.groups[below(mix(key, 2), len(w.sub.groups))]}
		it.id = w.id(it.group, it.kind, it.name)
		it.born = day(n * slot).start().Add(time.Duration(below(mix(key, 3), slot*86400)) * time.Second)
		if mix(key, 4)%4 > 0 {
			it.dead = it.born.Add(time.Duration(1+below(mix(key, 5), 12*24)) * time.Hour)
		} else {
			it.dead = it.born.Add(40 * 24 * time.Hour)
		}
		w.insert(it)
	}
}

// addSnapshots are the weekly ones of a machine's disk, of which three are kept.
func (w *world) addSnapshots(vm *item) {
	const slot = 7 // days
	today := int64(dayOf(w.when))
	disk := w.id(vm.group, typeDisk, vm.name+"_OsDisk")
	for n := (today - 56) / slot; n <= today/slot; n++ {
		born := day(n * slot).start().Add(2*time.Hour + time.Duration(below(mix(vm.key, uint64(n)), 3600))*time.Second)
		it := &item{kind: typeSnapshot, name: fmt.Sprintf("snap-%s-%s", vm.name, born.Format("20060102")), group: vm.group, born: born, dead: born.Add(3 * slot * 24 * time.Hour), still: true, by: appBackup}
		it.id = w.id(it.group, it.kind, it.name)
		w.insert(it).set("properties.creationData.sourceResourceId", disk)
	}
}
