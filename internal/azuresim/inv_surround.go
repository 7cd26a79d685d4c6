package azuresim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	typeDisk     = "Microsoft.Compute/disks"
	typeSnapshot = "Microsoft.Compute/snapshots"
	typeNIC      = "Microsoft.Network/networkInterfaces"
	typeNSG      = "Microsoft.Network/networkSecurityGroups"
	typeVNet     = "Microsoft.Network/virtualNetworks"
	typePIP      = "Microsoft.Network/publicIPAddresses"
	typeLB       = "Microsoft.Network/loadBalancers"
	typePE       = "Microsoft.Network/privateEndpoints"
	typePlan     = "Microsoft.Web/serverFarms"
	typeSite     = "Microsoft.Web/sites"
	typeSQL      = "Microsoft.Sql/servers"
	typeDB       = "Microsoft.Sql/servers/databases"
	typePool     = "Microsoft.Sql/servers/elasticPools"
	typeVMSS     = "Microsoft.Compute/virtualMachineScaleSets"
	typeAGW      = "Microsoft.Network/applicationGateways"
	typeGateway  = "Microsoft.Network/virtualNetworkGateways"
	typeLink     = "Microsoft.Network/connections"
	typeFirewall = "Microsoft.Network/azureFirewalls"
	typePolicy   = "Microsoft.Network/firewallPolicies"
	typeStorage  = "Microsoft.Storage/storageAccounts"
	typeAPI      = "Microsoft.Web/connections"
	typeWorkflow = "Microsoft.Logic/workflows"
	typeSynapse  = "Microsoft.Synapse/workspaces"
	typeIdentity = "Microsoft.ManagedIdentity/userAssignedIdentities"
)

// network is what the machines of a resource group are connected to.
type network struct {
	vnet, nsg *item
	nics      []*item // in the subnet of applications
	endpoints []*item // in that of private endpoints
}

// net is a group's network, made when first needed. A virtual network that costs is used before one is made.
func (w *world) net(group string) *network {
	if n := w.nets[group]; n != nil {
		return n
	}
	app := strings.TrimPrefix(group, "rg-")
	n := &network{nsg: w.add(typeNSG, group, "nsg-"+app)}
	w.nets[group] = n
	i := slices.IndexFunc(w.items, func(it *item) bool { return it.kind == typeVNet && it.group == group && it.dead.IsZero() })
	if i >= 0 {
		n.vnet = w.items[i]
	} else {
		n.vnet = w.add(typeVNet, group, "vnet-"+app)
	}
	subnet := n.vnet.id + "/subnets/snet-app"
	n.nsg.shape(func(b body, _ time.Time) { put(b, "properties.subnets", refs(subnet)) })
	n.vnet.shape(func(b body, at time.Time) { n.subnets(b, at) })
	return n
}

// subnets lists who is in them at an instant.
func (n *network) subnets(b body, at time.Time) {
	list, _ := kqlChild(b["properties"], "subnets").([]any)
	app, _ := list[0].(map[string]any)
	put(app, "properties.networkSecurityGroup", map[string]any{"id": n.nsg.id})
	if used := alivePlaces(n.nics, at); len(used) > 0 {
		put(app, "properties.ipConfigurations", used)
	}
	if len(n.endpoints) == 0 {
		return
	}
	id := n.vnet.id + "/subnets/snet-pe"
	put(b, "properties.subnets", append(list, map[string]any{
		"id": id, "name": "snet-pe", "type": "Microsoft.Network/virtualNetworks/subnets",
		"properties": map[string]any{
			"provisioningState": "Succeeded", "addressPrefix": n.vnet.replace("10.${n}.1.0/24"), "delegations": []any{}, "serviceEndpoints": []any{},
			"privateEndpoints": refs(ids(n.endpoints)...), "ipConfigurations": alivePlaces(nil, at),
			"privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled",
		},
	}))
}

func alivePlaces(nics []*item, at time.Time) []any {
	out := []any{}
	for _, n := range nics {
		if n.alive(at) {
			out = append(out, refs(n.id+"/ipConfigurations/ipconfig1")...)
		}
	}
	return out
}

func ids(list []*item) []string {
	out := make([]string, len(list))
	for i, it := range list {
		out[i] = it.id
	}
	return out
}

// surround adds what the resources that cost cannot be without.
func (w *world) surround() {
	for _, it := range slices.Clone(w.items) {
		switch it.kind {
		case typeVM:
			w.addMachine(it)
		case "Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults":
			if below(mix(it.key, label("endpoint")), 5) == 0 && it.dead.IsZero() {
				w.addEndpoint(it)
			}
		case typeSQL:
			w.addDatabases(it)
		case typePlan:
			w.addSites(it)
		case typeSite:
			w.addFunctionPlan(it)
		case typePIP:
			w.addFrontend(it)
		default:
			w.surroundMore(it)
		}
	}
	w.first = nil
	for _, it := range w.items {
		if it.dead.IsZero() && it.born.Before(w.e.first.start()) && (w.first == nil || it.kind == typeVM && w.first.kind != typeVM) {
			w.first = it
		}
	}
}

// addMachine adds a machine's disks, its card, and now and then an address, an agent and a schedule.
func (w *world) addMachine(vm *item) *item {
	n := w.net(vm.group)
	nic := w.beside(vm, typeNIC, vm.name+"-nic")
	nic.set("properties.virtualMachine", map[string]any{"id": vm.id})
	n.nics = append(n.nics, nic)
	n.vnet.deps = append(n.vnet.deps, nic)
	vnet := n.vnet
	nic.shape(func(b body, _ time.Time) { inSubnet(b, vnet.id+"/subnets/snet-app") })
	windows := below(mix(vm.key, label("windows")), 10) < 3
	w.addDisks(vm, windows)
	vm.shape(func(b body, at time.Time) { machineBody(b, vm, nic, windows, at) })
	if below(mix(vm.key, label("pip")), 5) == 0 {
		pip := w.beside(vm, typePIP, vm.name+"-pip")
		pip.set("properties.ipConfiguration", map[string]any{"id": nic.id + "/ipConfigurations/ipconfig1"})
		nic.shape(func(b body, _ time.Time) {
			list, _ := kqlChild(b["properties"], "ipConfigurations").([]any)
			put(list[0].(map[string]any), "properties.publicIPAddress", map[string]any{"id": pip.id}) //nolint:errcheck // our own template
		})
	}
	if below(mix(vm.key, label("agent")), 4) == 0 {
		w.under(vm, "Microsoft.Compute/virtualMachines/extensions", "AzureMonitorLinuxAgent")
	}
	if vm.scheduled() {
		w.beside(vm, "Microsoft.DevTestLab/schedules", "shutdown-computevm-"+vm.name).set("properties.targetResourceId", vm.id)
		vm.times = append(vm.times, vm.switches(w.when)...)
	}
	return nic
}

// inSubnet puts a card's address into a subnet.
func inSubnet(b body, subnet string) {
	list, _ := kqlChild(b["properties"], "ipConfigurations").([]any)
	for _, c := range list {
		put(c.(map[string]any), "properties.subnet", map[string]any{"id": subnet}) //nolint:errcheck // our own template
	}
}

// machineBody is what depends on a machine's surroundings and on the hour.
func machineBody(b body, vm, nic *item, windows bool, at time.Time) {
	put(b, "properties.networkProfile.networkInterfaces", []any{map[string]any{"id": nic.id, "properties": map[string]any{"primary": true}}})
	put(b, "properties.storageProfile.osDisk.managedDisk.id", vm.w.id(vm.group, typeDisk, vm.name+"_OsDisk"))
	if windows {
		put(b, "properties.storageProfile.osDisk.osType", "Windows")
		put(b, "properties.licenseType", "Windows_Server")
		put(b, "properties.storageProfile.imageReference", map[string]any{"publisher": "MicrosoftWindowsServer", "offer": "WindowsServer", "sku": "2022-datacenter-azure-edition", "version": "latest"})
		put(b, "properties.extended.instanceView.osName", "Windows Server 2022 Datacenter")
	}
	var data []any
	for _, d := range vm.w.items {
		if d.kind == typeDisk && d.group == vm.group && d.alive(at) && strings.Contains(d.name, "_DataDisk_") && d.host(at) == vm {
			data = append(data, map[string]any{"lun": int64(len(data)), "name": d.name, "createOption": "Attach", "caching": "None", "diskSizeGB": int64(128), "managedDisk": map[string]any{"id": d.id, "storageAccountType": "StandardSSD_LRS"}})
		}
	}
	if data != nil {
		put(b, "properties.storageProfile.dataDisks", data)
	}
	if vm.scheduled() && !vm.runs(at) {
		setPower(b, "deallocated")
	}
}

func setPower(b body, state string) {
	put(b, "properties.extended.instanceView.powerState", map[string]any{"code": "PowerState/" + state, "displayStatus": "VM " + state, "level": "Info"})
}

// addDisks adds the disk of the system, and for some machines one of data that is moved to the next machine at times.
func (w *world) addDisks(vm *item, windows bool) {
	os := w.beside(vm, typeDisk, vm.name+"_OsDisk")
	os.still = true
	os.shape(func(b body, at time.Time) {
		b["managedBy"] = vm.id
		if windows {
			put(b, "properties.osType", "Windows")
		} else {
			put(b, "properties.osType", "Linux")
		}
		put(b, "properties.diskSizeGB", int64(64))
		reserve(b, vm, at)
	})
	os.deps = append(os.deps, vm)
	if below(mix(vm.key, label("data")), 3) > 0 || vm.scheduled() {
		return
	}
	d := w.beside(vm, typeDisk, vm.name+"_DataDisk_0")
	premium := w.sub.env == "prod"
	d.shape(func(b body, at time.Time) {
		host := d.host(at)
		if host == nil { // it was moved away
			return
		}
		b["managedBy"] = host.id
		if premium {
			b["sku"] = map[string]any{"name": "Premium_LRS", "tier": "Premium"}
		}
		reserve(b, host, at)
	})
	for _, other := range w.items { // any of them may have it one day
		if other.kind == typeVM && other.group == vm.group {
			other.deps = append(other.deps, d)
		}
	}
}

// reserve is the state of the disk of a machine that is switched off.
func reserve(b body, vm *item, at time.Time) {
	if vm.scheduled() && !vm.runs(at) {
		put(b, "properties.diskState", "Reserved")
	}
}

// host is the machine to which a data disk is attached: its own, or since its last move the group's
// next one of the same age that is never switched off.
func (it *item) host(at time.Time) *item {
	own := it.w.byID[strings.ToLower(it.w.id(it.group, typeVM, strings.Split(it.name, "_")[0]))]
	_, key := it.latest(aspectHost, at)
	if key == 0 || mix(key, 1)%2 == 0 || own == nil {
		return own
	}
	for i := 1; i <= 4; i++ {
		other := it.w.byID[strings.ToLower(it.w.id(it.group, typeVM, fmt.Sprintf("%s%02d", own.name[:len(own.name)-2], i)))]
		if other != nil && other != own && !other.scheduled() && other.dead.IsZero() && !other.born.After(own.born) {
			return other
		}
	}
	return own
}

// scheduled says whether a machine is switched off for the night, which is done in development.
func (it *item) scheduled() bool {
	return it.kind == typeVM && (it.w.sub.env == "dev" || it.w.sub.env == "test") && !it.still && mix(it.key, label("schedule"))%3 == 0
}

// runs says whether a scheduled machine is on: on weekdays from seven to nineteen, UTC.
func (it *item) runs(at time.Time) bool {
	wd := at.Weekday()
	return wd != time.Saturday && wd != time.Sunday && at.Hour() >= 7 && at.Hour() < 19
}

// switches are the moments of a month up to an instant at which a scheduled machine goes on or off.
func (it *item) switches(when time.Time) []time.Time {
	var out []time.Time
	for d := dayOf(when) - 32; d <= dayOf(when); d++ {
		if wd := d.start().Weekday(); wd != time.Saturday && wd != time.Sunday {
			out = append(out, d.start().Add(7*time.Hour), d.start().Add(19*time.Hour))
		}
	}
	return out
}

// addEndpoint connects a resource to its group's network by a private endpoint.
func (w *world) addEndpoint(of *item) {
	n := w.net(of.group)
	pe := w.beside(of, typePE, "pe-"+of.name)
	nic := w.beside(pe, typeNIC, pe.name+".nic")
	nic.set("properties.privateEndpoint", map[string]any{"id": pe.id})
	vnet := n.vnet
	nic.shape(func(b body, _ time.Time) { inSubnet(b, vnet.id+"/subnets/snet-pe") })
	pe.shape(func(b body, _ time.Time) {
		put(b, "properties.networkInterfaces", refs(nic.id))
		put(b, "properties.subnet", map[string]any{"id": vnet.id + "/subnets/snet-pe"})
		link(b, "privateLinkServiceConnections", of.id)
	})
	n.endpoints = append(n.endpoints, pe)
	n.vnet.deps = append(n.vnet.deps, pe)
}

// link sets the target of an endpoint's connection.
func link(b body, list, target string) {
	l, _ := kqlChild(b["properties"], list).([]any)
	put(l[0].(map[string]any), "properties.privateLinkServiceId", target) //nolint:errcheck // our own template
}
