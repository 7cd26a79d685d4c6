package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"fresnel/internal/inventory"
	"fresnel/internal/store"
)

// Resources is a seed inventory of any size: the same settings give the same
// resources. Tenants differ in size as real ones do: the first has several
// times what the last has.
type Resources struct {
	Tenants       int
	Subscriptions int // of each tenant
	N             int // of all
	Asked         time.Time
}

// What few resources have, in the name, as location and as tag.
const (
	RareName     = "zebra"
	RareLocation = "brazilsoutheast"
	RareTag      = "ticket"
)

// kinds are what most resources of an estate are: type, how its name begins
// and how many of a hundred there are. The rest is of many types.
var kinds = []struct {
	kind, prefix string
	share        int
}{
	{"microsoft.compute/disks", "disk", 14},
	{"microsoft.network/networkinterfaces", "nic", 12},
	{"microsoft.compute/virtualmachines", "vm", 11},
	{"microsoft.insights/metricalerts", "alert", 9},
	{"microsoft.storage/storageaccounts", "st", 8},
	{"microsoft.network/networksecuritygroups", "nsg", 6},
	{"microsoft.keyvault/vaults", "kv", 5},
	{"microsoft.web/sites", "app", 5},
	{"microsoft.compute/virtualmachines/extensions", "ext", 5},
	{"microsoft.network/publicipaddresses", "pip", 4},
	{"microsoft.sql/servers/databases", "sqldb", 4},
	{"microsoft.compute/snapshots", "snap", 3},
}

const otherKinds = 84

var (
	apps      = []string{"billing", "portal", "orders", "search", "mobile", "ledger", "crm", "hr", "intranet", "reports", "gateway", "auth", "media", "mail", "stock", "fleet"}
	envs      = []string{"prod", "prod", "prod", "test", "dev"}
	locations = strings.Fields("westeurope northeurope germanywestcentral francecentral uksouth eastus eastus2 westus2 centralus swedencentral switzerlandnorth norwayeast " +
		"italynorth polandcentral spaincentral canadacentral brazilsouth japaneast koreacentral southeastasia eastasia australiaeast centralindia uaenorth qatarcentral southafricanorth israelcentral mexicocentral " + RareLocation)
)

// Size is how many resources a subscription of a tenant has.
func (e Resources) Size(i int) int {
	weight, all := func(i int) float64 { return 1 / float64(i+2) }, 0.0
	for t := range e.Tenants {
		all += weight(t)
	}
	return int(float64(e.N) * weight(i) / all / float64(e.Subscriptions))
}

// Of lists the resources of a subscription.
func (e Resources) Of(i, j int) []inventory.Resource {
	r := rand.New(rand.NewPCG(uint64(i), uint64(j)))
	out := make([]inventory.Resource, e.Size(i))
	for n := range out {
		kind, prefix := "", "x"
		at := r.IntN(100)
		for _, k := range kinds {
			if at -= k.share; at < 0 {
				kind, prefix = k.kind, k.prefix
				break
			}
		}
		if kind == "" {
			o := int(float64(otherKinds) * r.Float64() * r.Float64())
			kind, prefix = fmt.Sprintf("microsoft.service%02d/things", o), fmt.Sprintf("x%02d", o)
		}
		app, env := apps[(i*5+j*3+r.IntN(5))%len(apps)], envs[r.IntN(len(envs))]
		where := locations[(i+int(3*r.Float64()*r.Float64()))%12]
		switch x := r.IntN(20_000); {
		case x == 0:
			where = RareLocation
		case x < 200:
			where = locations[r.IntN(len(locations)-1)]
		}
		group := fmt.Sprintf("rg-%s-%s-%d", app, env, j%4)
		if r.IntN(50) == 0 {
			group = "networkwatcherrg"
		}
		name := fmt.Sprintf("%s-%s-%s-%03d", prefix, app, env, n)
		if r.IntN(50_000) == 0 {
			name = RareName + "-" + name
		}
		tags := map[string]string{"Environment": env, "Application": app, "Owner": fmt.Sprintf("team-%s-%d@example.com", app, j%3), "CostCenter": fmt.Sprintf("CC%04d", i*16+j%8), "ManagedBy": "terraform"}
		switch x := r.IntN(2000); {
		case x == 0:
			tags[RareTag] = fmt.Sprintf("INC%07d", r.IntN(1e7))
		case x < 300:
			tags = map[string]string{}
		case x < 500:
			delete(tags, "CostCenter")
		}
		provider, rest, _ := strings.Cut(kind, "/")
		out[n] = inventory.Resource{
			ID:     "/subscriptions/" + SubscriptionID(i, j) + "/resourceGroups/" + group + "/providers/" + provider + "/" + rest + "/" + name,
			Tenant: TenantID(i), Subscription: SubscriptionID(i, j), Group: group, Type: kind, Name: name, Location: where, Tags: tags,
		}
	}
	return out
}

// Fill sends all resources through the store as a sync does.
func (e Resources) Fill(ctx context.Context, db *store.DB) error {
	if err := Register(ctx, db, e.Tenants, e.Subscriptions, e.Asked); err != nil {
		return err
	}
	for i := range e.Tenants {
		for j := range e.Subscriptions {
			if err := e.Sync(ctx, db, i, j, e.Of(i, j), e.Asked); err != nil {
				return err
			}
		}
	}
	return nil
}

// Sync puts a subscription as a sync does, in parts.
func (e Resources) Sync(ctx context.Context, db *store.DB, i, j int, list []inventory.Resource, at time.Time) error {
	seen := make(map[string]struct{}, len(list))
	for n := range list {
		seen[list[n].Key()] = struct{}{}
	}
	for from := 0; from < len(list); from += 500 {
		if _, err := db.Inventory().Put(ctx, TenantID(i), SubscriptionID(i, j), list[from:min(from+500, len(list))], at); err != nil {
			return err
		}
	}
	_, err := db.Inventory().Finish(ctx, TenantID(i), SubscriptionID(i, j), seen, at, at)
	return err
}

// KeepTags keeps counts of tags as a sync does.
func (e Resources) KeepTags(ctx context.Context, db *store.DB) error {
	for i := range e.Tenants {
		rows := []inventory.TagRow{{Tenant: TenantID(i), By: inventory.TagByTenant}}
		for j := range e.Subscriptions {
			rows = append(rows, inventory.TagRow{Tenant: TenantID(i), By: inventory.TagBySubscription, Name: SubscriptionID(i, j)})
		}
		for n := range otherKinds {
			rows = append(rows, inventory.TagRow{Tenant: TenantID(i), By: inventory.TagByType, Name: fmt.Sprintf("microsoft.service%02d/things", n)})
		}
		for _, k := range []string{"environment", "application", "owner", "costcenter"} {
			rows = append(rows, inventory.TagRow{Tenant: TenantID(i), By: inventory.TagByTag, Name: k})
		}
		if err := db.Inventory().KeepTags(ctx, TenantID(i), rows, nil, e.Asked); err != nil {
			return err
		}
	}
	return nil
}
