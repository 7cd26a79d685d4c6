package page

import "time"

func sampleTable(r Region) ResourceTable {
	now := r.Fresh.Now
	row := func(name, kind, tenant string, cost []string, flags ...Flag) ResourceRow {
		return ResourceRow{
			Name: name, URL: PathResource + "?id=" + name, DrawerURL: PathPartials + "resource-drawer?id=" + name, Type: TypeName(kind), Icon: TypeIcon(kind), Tenant: tenant,
			Subscription: "prod", Group: "rg-pos-weu", Location: "westeurope", Cost: cost, Waste: flags, First: now.AddDate(0, -4, 0),
		}
	}
	m := ResourceTable{
		Region: r, Month: "October 2026", Total: "2,143", NextURL: PathResources + "?cursor=x",
		Rows: []ResourceRow{
			row("aks-storefront-prd", "microsoft.containerservice/managedclusters", "Cinder Foods", []string{"€2,310.90"}),
			row("disk-pos-weu-014-data2", "microsoft.compute/disks", "Aldermoor Retail", []string{"$38.40"}, Flag{"Unattached disk", AnomalyOpen, "waste"}),
			row("vm-jump-01", "microsoft.compute/virtualmachines", "Aldermoor Retail", []string{"$96.40"}, Flag{"Stopped, not deallocated", AnomalyExpected, "review"}, Flag{"Old size", AnomalySeen, "advice"}),
			row("law-custom", "microsoft.unknown/things", "Everhill Toys", nil),
		},
	}
	m.Rows[0].Tags = []Tag{{"env", "prod", PathResources}, {"owner", "shop", PathResources}, {"costcenter", "", PathResources}}
	m.Rows[3].Gone = now.AddDate(0, 0, -3)
	return m
}

func sampleTypes(r Region) ResourceTypes {
	return ResourceTypes{Region: r, Total: 11_935, More: 40, Rows: []TypeRow{
		{"Managed disk", "hard-drive", PathResources + "?type=a", 2406, 100}, {"Network interface", "network", PathResources + "?type=b", 1730, 71}, {"Virtual machine", "cpu", PathResources + "?type=c", 1284, 53},
	}}
}

func sampleWasteLine(id, confidence string, state AnomalyState) WasteLine {
	return WasteLine{
		ID: id, Rule: "disk-unattached", Title: "Unattached disk", Reason: "Not attached to any virtual machine", Confidence: confidence, State: state,
		Name: "disk-pos-weu-014-data2", URL: PathResource + "?id=x", Type: "Managed disk", Icon: "hard-drive", Tenant: "Aldermoor Retail", Subscription: "prod",
		Since: time.Date(2026, 10, 7, 0, 0, 0, 0, time.UTC), Age: "46 days", Amounts: []string{"$38.40"}, Basis: "last month", Why: "A disk is billed whether anything uses it or not.",
		Condition: "properties.diskState is Unattached for 7 days", DocURL: "https://learn.microsoft.com/azure/virtual-machines/disks-find-unattached-portal", Exceptions: []string{"Disks of Azure Site Recovery"},
	}
}

func sampleWaste(r Region) Waste {
	m := Waste{
		Region: r, Month: "October 2026", Total: MonthSum{"$9,480.12", []string{"$8,001.00", "€1,360.00"}}, AtMost: MonthSum{Figure: "$412.00"}, Unknown: 3, Open: 133, Shown: 4, Matched: 150,
		NextURL: PathWaste + "?cursor=4", Rules: []Chip{{"Unattached disk (61)", PathWaste + "?rule=disk-unattached"}}, Chips: []Chip{{"Rule: Unattached disk", PathWaste}, {"Over 250 a month", PathWaste}}, ClearURL: PathWaste, Over: "Over 100 a month", OverURL: PathWaste + "?over=100", Today: r.Fresh.Now,
		Rows: []WasteLine{
			sampleWasteLine("1", "waste", AnomalyOpen), sampleWasteLine("2", "review", AnomalyOpen), sampleWasteLine("3", "advice", AnomalySeen), sampleWasteLine("4", "waste", AnomalyExpected),
		},
	}
	m.Rows[1].Form = &VerdictForm{Verdict: "expected", Note: "kept for an audit", Problem: "say until when this is expected: an expiry date is missing", Do: "Give the last day."}
	m.Rows[2].Amounts, m.Rows[2].Basis, m.Rows[2].URL = nil, "not known", ""
	m.Rows[3].Said = &Said{Author: "local", Note: "migration", At: r.Fresh.Now.Add(-2 * time.Hour), Until: "31 Dec 2026"}
	return m
}

func sampleFacts(r Region) ResourceFacts {
	now := r.Fresh.Now
	return ResourceFacts{
		Region: r, Name: "disk-pos-weu-014-data2", Type: "Managed disk", Icon: "hard-drive", TypeID: "microsoft.compute/disks", ID: "/subscriptions/5f0c/resourceGroups/rg-pos-weu/providers/Microsoft.Compute/disks/disk-pos-weu-014-data2",
		Tenant: "Aldermoor Retail", Subscription: "Aldermoor Production", SubscriptionID: "5f0c0000-0000-4000-8000-00000000e21a", Group: "rg-pos-weu", Location: "westeurope", Kind: "none", SKU: "Premium_LRS, Premium",
		ManagedBy: "/subscriptions/5f0c/x", ManagedURL: PathResource + "?id=y", Zones: "1", PageURL: PathResource + "?id=x", ListURL: PathResources, PortalURL: "https://portal.azure.com/#x",
		Tags: []Tag{{"env", "prod", PathResources}}, Costs: []MonthLine{{"October 2026", []string{"$38.40"}}, {"November so far", nil}}, Waste: []WasteLine{sampleWasteLine("1", "waste", AnomalyOpen)},
		Created: now.AddDate(-1, 0, 0), First: now.AddDate(0, -4, 0), Changed: now.AddDate(0, -1, 0), Raw: "{\n  \"diskState\": \"Unattached\"\n}",
		LackingTags: []string{"owner", "costcenter"}, WrongTags: []string{"env"}, History: sampleHistory(now), HistoryMore: "The newest 5 of 31", HistoryURL: PathChanges + "?id=x",
		Fails: []FailedPolicy{{Name: "Allowed locations", URL: PathPolicies + "/1", Since: now.AddDate(0, 0, -9), Conflict: true}},
	}
}

func sampleResourceSummary(r Region) ResourceSummary {
	return ResourceSummary{Region: r, Total: 11_935, Tenants: 6, Rows: sampleTypes(r).Rows}
}

func sampleWasteSummary(r Region) WasteSummary {
	return WasteSummary{
		Region: r, Month: "October 2026", Total: MonthSum{Figure: "$9,480.12"}, AtMost: MonthSum{Figure: "$412.00"}, Open: 133, Unknown: 3,
		Rows: []WasteLine{sampleWasteLine("1", "waste", AnomalyOpen), sampleWasteLine("2", "review", AnomalyOpen)},
	}
}

func sampleTags(r Region) Tags {
	m := Tags{
		Region: r, Month: "October 2026", Percent: "62.3%", Of: "1,234 of 1,981 resources", Lacking: 747, Cost: "$48,210", Unknown: 12, Exempt: 310,
		AllURL: PathResources + "?missing=*", Tables: []TagTable{sampleTagTable(r, "tags-by-tenant", "By tenant", "Tenant")},
	}
	m.Tables = append(m.Tables, sampleTagTable(r, "tags-by-tag", "By required tag", "Tag"))
	m.Tables[0].Month = m.Month
	return m
}

func sampleTagTable(r Region, id, title, head string) TagTable {
	row := func(name string, compliant, judged int) TagLine {
		return TagLine{Name: name, Compliant: compliant, Judged: judged, Unknown: 3, Exempt: 40, Cost: "$12,400.10", URL: PathResources + "?missing=*"}
	}
	m := TagTable{
		Region: r, ID: id, Title: title, Head: head, Sub: "The most lacking first",
		Rows: []TagLine{row("Aldermoor Retail", 120, 480), row("Brightwater Health", 300, 410), row("Cinder Foods", 90, 90), {Name: "Delphine Bank", Exempt: 210, Cost: "$0.00"}},
		Rest: []TagLine{row("Everhill Toys", 11, 12)},
	}
	m.Rows[1].Detail, m.Rows[1].Icon = "Aldermoor Retail", "server"
	return m
}

func sampleChanges(r Region) ChangeTable {
	now := r.Fresh.Now
	today, before := sampleHistory(now), sampleHistory(now.AddDate(0, 0, -1))
	return ChangeTable{
		Region: r, Title: "Changes", Total: "10,000+", NextURL: PathChanges + "?cursor=x", BackURL: PathChanges,
		Days: []ChangeDay{{Day: now.Truncate(24 * time.Hour), Rows: []ChangeLine{today[0], today[3]}}, {Day: now.AddDate(0, 0, -1).Truncate(24 * time.Hour), Rows: before[1:2]}},
	}
}

func sampleHistory(now time.Time) []ChangeLine {
	line := func(kind, actor string) ChangeLine {
		return ChangeLine{
			Kind: kind, Actor: actor, Name: "vm-jump-01", URL: PathResource + "?id=x", DrawerURL: PathPartials + "resource-drawer?id=x", Type: "Virtual machine", Icon: "cpu",
			Tenant: "Aldermoor Retail", Subscription: "prod", SubURL: PathChanges + "?sub=x", At: now.Add(-time.Hour),
		}
	}
	list := []ChangeLine{line("updated", "person"), line("created", "app"), line("updated", "platform"), line("deleted", "unknown"), line("updated", "unknown")}
	list[0].Values = []ValueLine{{"tags.owner", "", "shop"}, {"properties.hardwareProfile.vmSize", "Standard_D2s_v3", "Standard_D4s_v3"}, {"tags.env", "prod", ""}}
	list[0].More = 4
	list[1].App = "1c8f5c0e-6f5d-4f0e-9d5b-2a6f0d7302ab"
	list[3].URL, list[3].Since = "", now.Add(-5*time.Hour)
	list[4].Since = now.AddDate(0, 0, -2)
	return list
}

func sampleChangesPage(r Region) Changes {
	return Changes{
		Table: sampleChanges(r), Chips: []Chip{{"By: A person", PathChanges}, {"Change: Updated", PathChanges}}, ClearURL: PathChanges,
		Types: []Choice{{"microsoft.compute/disks", "Managed disk", true}},
	}
}
