package azuresim

import (
	"strings"
	"time"
)

// clusterBalancer is a balancer named kubernetes in a group that a cluster manages.
func clusterBalancer(p *planting) {
	g := p.w.addGroup("mc_case-" + p.n)
	g.id = "/subscriptions/" + p.w.sub.id + "/resourceGroups/MC_case-" + p.n
	g.managedBy = p.w.id(p.group, "Microsoft.ContainerService/managedClusters", "aks-gone-"+p.n)
	it := p.w.insert(&item{id: g.id + "/providers/" + typeLB + "/kubernetes", kind: typeLB, name: "kubernetes", group: g.name, born: p.born, still: true})
	it.patch(`{"properties":{` + emptyPool + `}}`)
	p.mark(it, p.c.rule, false)
}

// redirects has no backends, and may be as it should be: somebody has to look.
func redirects(p *planting) { p.markAs(p.main(), p.c.rule, ExpectReview, 0) }

// endpoint plants a private endpoint. Its target is here, gone, foreign, or here in capitals.
func endpoint(state, manual, target string) func(*planting) {
	return func(p *planting) {
		pe := p.main()
		of := p.w.id(p.group, typeStorage, "stpe"+p.n)
		switch target {
		case "foreign":
			of = "/subscriptions/" + guid(p.key) + "/resourceGroups/rg/providers/" + typeStorage + "/st"
		case "gone":
		default:
			p.add(typeStorage, "stpe"+p.n, "")
			if target == "capitals" {
				of = strings.ToUpper(of)
			}
		}
		connection := func(state string) []any {
			if state == "" {
				return []any{}
			}
			return []any{map[string]any{"name": "link", "properties": map[string]any{"privateLinkServiceId": of, "groupIds": []any{"blob"}, "privateLinkServiceConnectionState": map[string]any{"status": state}}}}
		}
		pe.shape(func(b body, _ time.Time) {
			put(b, "properties.privateLinkServiceConnections", connection(state))
			put(b, "properties.manualPrivateLinkServiceConnections", connection(manual))
		})
		p.mark(pe, p.c.rule, p.c.positive)
	}
}

// connected is a gateway at one end of a connection.
func connected(end string) func(*planting) {
	return func(p *planting) {
		gw := p.main()
		p.add(typeLink, "cn-"+gw.name, "").set("properties."+end, map[string]any{"id": strings.ToUpper(gw.id)})
		p.mark(gw, p.c.rule, false)
	}
}

func firewall(policy string) func(*planting) {
	return func(p *planting) {
		fw := p.main()
		p.add(typePolicy, "afwp-"+fw.name, policy)
		p.mark(fw, p.c.rule, p.c.positive)
	}
}

// workflow uses the connection, under an id in lower case.
func workflow(p *planting) {
	api := p.main()
	p.add(typeWorkflow, "logic-case-"+p.n, "").set("properties.parameters", map[string]any{"$connections": map[string]any{"value": map[string]any{"sql": map[string]any{"connectionId": strings.ToLower(api.id), "connectionName": api.name}}}})
	p.mark(api, p.c.rule, false)
}

// standardApp is a Logic App whose connections are in a file that Resource Graph does not show.
func standardApp(p *planting) {
	p.add(typeSite, "logic-std-"+p.n, `{"kind":"functionapp,workflowapp"}`)
	p.mark(p.main(), p.c.rule, false)
}

// emptyGroup is a resource group with nothing in it.
func emptyGroup(name, managedBy string, positive bool) func(*planting) {
	return func(p *planting) {
		if strings.HasSuffix(name, "-") {
			name := name + p.n
			p.group = name
		} else {
			p.group = strings.ToLower(name)
		}
		for _, g := range p.w.groups {
			if g.name == p.group { // the watcher's, which is in use here
				p.w.marks = append(p.w.marks, wasteMark{rule: "rg-empty", text: "has resources", id: func() string { return g.id }, group: g, expect: ExpectNone, since: g.born})
				return
			}
		}
		g := p.w.addGroup(p.group)
		g.born = p.born
		if !strings.HasSuffix(name, "-") {
			g.id = "/subscriptions/" + p.w.sub.id + "/resourceGroups/" + name
		}
		if managedBy != "" {
			g.managedBy = "/subscriptions/" + p.w.sub.id + "/resourceGroups/rg" + managedBy
		}
		m := wasteMark{rule: "rg-empty", text: p.c.text, id: func() string { return g.id }, group: g, expect: ExpectNone, since: g.born}
		if positive {
			m.expect = wasteLevels["rg-empty"]
		}
		p.w.marks = append(p.w.marks, m)
	}
}

// sqlPool is an elastic pool, empty or with a database that names it in capitals.
func sqlPool(empty bool) func(*planting) {
	return func(p *planting) {
		sql := p.add(typeSQL, "sql-case-"+p.n, "")
		pool := p.under(sql, typePool, "pool-case-"+p.n, "")
		db := p.under(sql, typeDB, "app", "")
		if !empty {
			db.set("properties.elasticPoolId", strings.ToUpper(pool.id))
		}
		p.mark(pool, p.c.rule, empty)
	}
}

func synapsePool(kind string) func(*planting) {
	return func(p *planting) {
		ws := p.main()
		p.under(ws, typeSynapse+"/"+kind, "pool", "")
		p.mark(ws, p.c.rule, false)
	}
}

// licence is a machine with Windows and a kind of licence.
func licence(kind string) func(*planting) {
	return func(p *planting) {
		m := p.machine("running", false)
		m.vm.set("properties.storageProfile.osDisk.osType", "Windows")
		if kind != "" {
			m.vm.set("properties.licenseType", kind)
		}
		p.mark(m.vm, p.c.rule, kind == "")
	}
}

// usedIdentity is the identity of a site, which names it in lower case.
func usedIdentity(p *planting) {
	who := p.main()
	site := p.add(typeSite, "app-identity-"+p.n, "")
	site.set("identity", map[string]any{"type": "UserAssigned", "userAssignedIdentities": map[string]any{strings.ToLower(who.id): map[string]any{"clientId": who.variable("guid1"), "principalId": who.variable("guid")}}})
	p.mark(who, p.c.rule, false)
}

// backupItems are things in a vault of backups that were last backed up days ago; 0 days: every night, fewer: never.
func backupItems(days ...int) func(*planting) {
	return func(p *planting) {
		vault := p.add("Microsoft.RecoveryServices/vaults", "rsv-case-"+p.n, "")
		for i, n := range days {
			p.backupItem(vault, n, "vm-"+p.n+strings.Repeat("-next", i))
		}
	}
}

func (p *planting) backupItem(vault *item, days int, machine string) {
	name := "vm;iaasvmcontainerv2;rg;" + machine
	it := p.w.insert(&item{
		id:   vault.id + "/backupFabrics/Azure/protectionContainers/iaasvmcontainer;" + name + "/protectedItems/" + name,
		kind: typeProtected, name: name, group: p.group, born: p.born, still: true,
	})
	it.shape(func(b body, at time.Time) {
		last := dayOf(at).start().Add(2 * time.Hour)
		if days > 0 {
			last = p.w.e.start.Add(-time.Duration(days) * 24 * time.Hour)
		} else if last.After(at) {
			last = last.Add(-24 * time.Hour)
		}
		b["tags"] = nil
		properties := map[string]any{"protectedItemType": "Microsoft.Compute/virtualMachines", "friendlyName": machine, "protectionState": "Protected", "healthStatus": "Passed", "lastBackupStatus": "Completed", "lastBackupTime": wireTime(last)}
		if days < 0 {
			properties["protectionState"], properties["lastBackupStatus"] = "IRPending", ""
			delete(properties, "lastBackupTime")
		}
		b["properties"] = properties
	})
	p.markAs(it, p.c.rule, ExpectNone, 0)
	if days > 0 { // what was backed up was there; it is idle from 90 days on
		m := &p.w.marks[len(p.w.marks)-1]
		m.since, m.matures = p.w.e.start.Add(-time.Duration(days)*24*time.Hour), 90*24*time.Hour
		if it.born.After(m.since) {
			it.born = m.since
		}
	}
}
