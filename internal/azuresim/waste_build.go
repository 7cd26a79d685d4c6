package azuresim

import (
	"fmt"
	"strings"
	"time"
)

// machine is a planted machine with what belongs to it.
type machine struct{ vm, os, nic *item }

// machine plants a machine in a power state.
func (p *planting) machine(state string, premium bool) machine {
	name := "vm-case-" + p.n
	vm, nic := p.add(typeVM, name, ""), p.add(typeNIC, name+"-nic", "")
	os := p.add(typeDisk, name+"_OsDisk", "")
	nic.set("properties.virtualMachine", map[string]any{"id": vm.id})
	os.set("managedBy", vm.id)
	off := state == "deallocated"
	if off {
		os.set("properties.diskState", "Reserved")
	}
	if premium {
		os.patch(`{"sku":{"name":"Premium_LRS","tier":"Premium"}}`)
	}
	vm.shape(func(b body, _ time.Time) {
		put(b, "properties.networkProfile.networkInterfaces", refs(nic.id))
		put(b, "properties.storageProfile.osDisk.managedDisk", map[string]any{"id": os.id})
		setPower(b, state)
	})
	return machine{vm, os, nic}
}

// off lets nothing be said of a deallocated machine for a month, and then that it is deallocated long.
func (p *planting) off(m machine, days int) {
	p.markAs(m.vm, "vm-deallocated-long", ExpectNone, 30)
	mark := &p.w.marks[len(p.w.marks)-1]
	mark.since = p.w.e.start.Add(-time.Duration(days) * 24 * time.Hour)
}

func premiumOn(state string, premium, positive bool) func(*planting) {
	return func(p *planting) {
		m := p.machine(state, premium)
		p.mark(m.os, p.c.rule, positive)
		if state == "deallocated" {
			p.off(m, 90)
		}
	}
}

// premiumData is a premium data disk of a deallocated machine.
func premiumData(p *planting) {
	m := p.machine("deallocated", false)
	d := p.add(typeDisk, m.vm.name+"_data", `{"sku":{"name":"Premium_ZRS","tier":"Premium"},"properties":{"diskState":"Reserved"}}`)
	d.set("managedBy", m.vm.id)
	m.vm.set("properties.storageProfile.dataDisks", []any{map[string]any{"lun": int64(0), "name": d.name, "managedDisk": map[string]any{"id": d.id}}})
	p.mark(d, p.c.rule, true)
	p.mark(m.os, p.c.rule, false)
	p.off(m, 90)
}

func power(state string, positive bool) func(*planting) {
	return func(p *planting) { p.mark(p.machine(state, false).vm, p.c.rule, positive) }
}

// deallocated is a machine that ran until some days before the estate's start.
func deallocated(days int) func(*planting) {
	return func(p *planting) {
		m := p.machine("deallocated", false)
		since := p.w.e.start.Add(-time.Duration(days) * 24 * time.Hour).Truncate(time.Second)
		m.vm.times, m.os.times = []time.Time{since}, []time.Time{since}
		m.vm.shape(func(b body, at time.Time) {
			if at.Before(since) {
				setPower(b, "running")
			}
		})
		m.os.shape(func(b body, at time.Time) {
			if at.Before(since) {
				put(b, "properties.diskState", "Attached")
			}
		})
		p.off(m, days)
		p.w.marks[len(p.w.marks)-1].since = since
	}
}

// unmanaged is a machine whose disk is a blob.
func unmanaged(p *planting) {
	m := p.machine("running", false)
	m.vm.set("properties.storageProfile.osDisk", map[string]any{"osType": "Linux", "name": "os", "createOption": "FromImage", "vhd": map[string]any{"uri": "https://stvhds.blob.core.windows.net/vhds/os.vhd"}})
	m.os.shapes = nil
	m.os.set("managedBy", m.vm.id) // a second disk, which is managed
	m.vm.set("properties.storageProfile.dataDisks", []any{map[string]any{"lun": int64(0), "managedDisk": map[string]any{"id": m.os.id}}})
	p.mark(m.vm, p.c.rule, true)
}

// snapshot is one of a disk, another snapshot, or of something that is gone or in a foreign subscription.
func snapshot(source, tier string) func(*planting) {
	return func(p *planting) {
		disk := p.machine("running", false).os
		s := p.add(typeSnapshot, "snap-case-"+p.n, "")
		of := disk.id
		switch source {
		case "gone":
			of = p.w.id(p.group, typeDisk, "disk-deleted-"+p.n)
		case "foreign":
			of = "/subscriptions/" + guid(p.key) + "/resourceGroups/rg/providers/" + typeDisk + "/disk"
		case "snapshot":
			first := p.add(typeSnapshot, "snap-first-"+p.n, "")
			first.set("properties.creationData.sourceResourceId", disk.id)
			first.born = s.born.Add(-time.Hour)
			p.markAs(first, "snapshot-old", ExpectNone, 30)
			of = first.id
		case "capitals":
			of = strings.ToUpper(of)
		}
		s.set("properties.creationData.sourceResourceId", of)
		if tier != "" {
			s.patch(`{"sku":{"name":"Premium_LRS","tier":"Premium"}}`)
		}
		p.markAs(s, "snapshot-old", ExpectNone, 30)
		if p.c.rule != "snapshot-old" {
			p.mark(s, p.c.rule, source == "gone" || tier != "")
		}
	}
}

// dynamicAddress is of the Basic SKU, too, as most such addresses are.
func dynamicAddress(p *planting) {
	it := p.main()
	p.mark(it, p.c.rule, true)
	p.mark(it, "pip-basic-sku", true)
}

// addressOnCard is an address on a card that is nobody's.
func addressOnCard(p *planting) {
	pip := p.main()
	nic := p.add(typeNIC, "nic-"+pip.name, `{"properties":{"virtualMachine":null}}`)
	p.mark(pip, p.c.rule, true)
	p.mark(nic, "nic-orphan", true)
}

// addressOnMachine is an address on the card of a machine.
func addressOnMachine(p *planting) {
	pip := p.main()
	pip.set("properties.ipConfiguration", map[string]any{"id": p.machine("running", false).nic.id + "/ipConfigurations/ipconfig1"})
	p.mark(pip, p.c.rule, false)
}

// deadTarget is a rule of a security group for a place where nobody is.
func deadTarget(what string) func(*planting) {
	return func(p *planting) {
		prefix := fmt.Sprintf("10.240.%s.4/32", p.n)
		rule := func(prefix string) string {
			return `{"properties":{"securityRules":[{"name":"to-old","properties":{"protocol":"TCP","sourcePortRange":"*","destinationPortRange":"443","sourceAddressPrefix":"VirtualNetwork","destinationAddressPrefix":"` + prefix + `","access":"Allow","priority":300,"direction":"Inbound"}}]}}`
		}
		address := `{"properties":{"ipConfigurations":[{"name":"ipconfig1","id":"${id}/ipConfigurations/ipconfig1","properties":{"privateIPAddress":"` + strings.TrimSuffix(prefix, "/32") + `","primary":true}}]}}`
		if what == "subnet" {
			prefix = fmt.Sprintf("10.241.%s.0/24", p.n)
			vnet := p.add(typeVNet, "vnet-dead-"+p.n, `{"properties":{"subnets":[{"name":"snet-dead","id":"${id}/subnets/snet-dead","properties":{"addressPrefix":"`+prefix+`","ipConfigurations":[]}}]}}`)
			p.markPart(vnet, "subnet-empty", "/subnets/snet-dead", true)
		} else {
			p.mark(p.add(typeNIC, "nic-dead-"+p.n, address), "nic-orphan", true)
		}
		if what == "reused" {
			p.machine("running", false).nic.patch(address)
		}
		p.mark(p.add(typeNSG, "nsg-rules-"+p.n, rule(prefix)), p.c.rule, what != "reused")
	}
}

// markPart labels a part of a resource that has an id of its own.
func (p *planting) markPart(it *item, rule, part string, positive bool) {
	p.mark(it, rule, positive)
	p.w.marks[len(p.w.marks)-1].id = func() string { return it.id + part }
}

func subnet(name, properties string, positive bool) func(*planting) {
	return func(p *planting) {
		vnet := p.add(typeVNet, "vnet-case-"+p.n, "")
		vnet.shape(func(b body, _ time.Time) {
			props, _ := parseJSON(vnet.expand(properties)).(map[string]any)
			props["addressPrefix"] = vnet.replace("10.${n}.7.0/24")
			list, _ := kqlChild(b["properties"], "subnets").([]any)
			put(b, "properties.subnets", append(list, map[string]any{"name": name, "id": vnet.id + "/subnets/" + name, "type": "Microsoft.Network/virtualNetworks/subnets", "properties": props}))
		})
		p.markPart(vnet, "subnet-empty", "/subnets/"+name, positive)
	}
}
