package storetest

import (
	"context"
	"database/sql"
	"encoding/json"
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
	{"microsoft.compute/disks", "disk", 14}, {"microsoft.network/networkinterfaces", "nic", 12}, {"microsoft.compute/virtualmachines", "vm", 11},
	{"microsoft.insights/metricalerts", "alert", 9}, {"microsoft.storage/storageaccounts", "st", 8}, {"microsoft.network/networksecuritygroups", "nsg", 6},
	{"microsoft.keyvault/vaults", "kv", 5}, {"microsoft.web/sites", "app", 5}, {"microsoft.compute/virtualmachines/extensions", "ext", 5},
	{"microsoft.network/publicipaddresses", "pip", 4}, {"microsoft.sql/servers/databases", "sqldb", 4}, {"microsoft.compute/snapshots", "snap", 3},
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

// FillBulk fills an empty SQLite database by SQL alone, its indexes last, where
// Fill would take many times as long. Verify of a small one shows that it leaves what
// Fill leaves. It gives how many resources there are.
func (e Resources) FillBulk(ctx context.Context, db *store.DB, path string) (int, error) {
	if err := Register(ctx, db, e.Tenants, e.Subscriptions, e.Asked); err != nil {
		return 0, err
	}
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(15000)&_pragma=synchronous(0)&_pragma=cache_size(-256000)&_pragma=wal_autocheckpoint(100000)&_pragma=temp_store(1)")
	if err != nil {
		return 0, fmt.Errorf("storetest: %w", err)
	}
	defer raw.Close() //nolint:errcheck // a throwaway database
	raw.SetMaxOpenConns(1)
	b := resourceBulk{ctx: ctx, raw: raw, nums: map[string]map[string]int64{}}
	later := b.strip()
	b.exec("BEGIN")
	for i := range e.Tenants {
		for j := range e.Subscriptions {
			b.subscription(e, i, j)
		}
	}
	for table, nums := range b.nums {
		for name, num := range nums {
			b.exec("INSERT INTO "+table+" (num, name) VALUES (?, ?)", num, name)
		}
	}
	for _, q := range append([]string{
		"INSERT INTO resource_read (sub, asked_at) SELECT num, 1 FROM subscription",
		"INSERT INTO resource_name (rowid, name) SELECT arm, name FROM resource",
		"INSERT INTO resource_count (tenant, sub, rtype, location, n) SELECT tenant, sub, rtype, location, COUNT(*) FROM resource GROUP BY 1, 2, 3, 4",
		"INSERT INTO resource_facet (kind, tenant, num, n) SELECT 1, tenant, rtype, COUNT(*) FROM resource GROUP BY 2, 3 UNION ALL SELECT 2, tenant, location, COUNT(*) FROM resource GROUP BY 2, 3 UNION ALL SELECT 3, tenant, rgroup, COUNT(*) FROM resource GROUP BY 2, 3",
		"UPDATE tag_set SET n = x.n FROM (SELECT tset, COUNT(*) AS n FROM resource GROUP BY tset) x WHERE x.tset = num",
		"INSERT INTO finding (tenant, rule, object, since, until, usd_micros, detail, first_seen, last_seen) SELECT r.tenant, 'unattached-disk', a.name, 1, 1, 0, '{}', 1, 1 FROM resource r JOIN arm_id a ON a.num = r.arm WHERE r.arm % 100 = 0",
	}, later...) {
		b.exec(q)
	}
	b.exec("COMMIT")
	b.exec("PRAGMA wal_checkpoint(TRUNCATE)")
	if _, err := db.Refresh(ctx); b.err == nil {
		b.err = err
	}
	return int(b.arm), b.err
}

// resourceBulk writes rows as Put would.
type resourceBulk struct {
	ctx  context.Context //nolint:containedctx // lives as long as the filling
	raw  *sql.DB
	nums map[string]map[string]int64 // by table and name
	arm  int64
	err  error
}

func (b *resourceBulk) exec(q string, args ...any) {
	if b.err == nil {
		if _, b.err = b.raw.ExecContext(b.ctx, q, args...); b.err != nil {
			b.err = fmt.Errorf("storetest: %.80s: %w", q, b.err)
		}
	}
}

// strip drops the indexes and triggers of resources, and gives what makes them
// again.
func (b *resourceBulk) strip() (later []string) {
	rows, err := b.raw.QueryContext(b.ctx, "SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN ('resource', 'finding') AND type IN ('index', 'trigger') AND sql IS NOT NULL")
	if b.err = err; err != nil {
		return nil
	}
	var drop []string
	for rows.Next() {
		var kind, name, text string
		if err := rows.Scan(&kind, &name, &text); err != nil {
			b.err = err
		}
		drop, later = append(drop, "DROP "+kind+" "+name), append(later, text)
	}
	if err := rows.Close(); b.err == nil {
		b.err = err
	}
	for _, q := range drop {
		b.exec(q)
	}
	return later
}

func (b *resourceBulk) num(table, name string) int64 {
	if b.nums[table] == nil {
		b.nums[table] = map[string]int64{}
	}
	n, ok := b.nums[table][name]
	if !ok {
		n = int64(len(b.nums[table]) + 1)
		b.nums[table][name] = n
	}
	return n
}

func (b *resourceBulk) subscription(e Resources, i, j int) {
	const most = 50
	var tenant, sub int64
	if err := b.raw.QueryRowContext(b.ctx, "SELECT tenant, num FROM subscription WHERE id = ?", SubscriptionID(i, j)).Scan(&tenant, &sub); err != nil {
		b.err = err
	}
	var arms, rows, docs []any
	flush := func() {
		n := len(arms) / 2
		values := func(cols int) string {
			return strings.TrimSuffix(strings.Repeat("(?"+strings.Repeat(", ?", cols-1)+"), ", n), ", ")
		}
		if n > 0 {
			b.exec("INSERT INTO arm_id (num, name) VALUES "+values(2), arms...)
			b.exec("INSERT INTO resource (arm, tenant, sub, rtype, rgroup, location, name, hash, first_seen, changed_at, tset, gone_at) VALUES "+values(12), rows...)
			b.exec("INSERT INTO resource_doc (arm, doc) VALUES "+values(2), docs...)
		}
		arms, rows, docs = arms[:0], rows[:0], docs[:0]
	}
	for n, r := range e.Of(i, j) {
		b.arm++
		at := e.Asked.Add(-time.Duration(i*e.Subscriptions+j) * time.Hour).UnixMicro()
		doc, err := json.Marshal(map[string]any{"id": r.ID, "name": r.Name, "sku": map[string]string{"name": "Standard"}, "identity": nil, "tags": r.Tags, "properties": map[string]any{"provisioningState": "Succeeded", "n": n, "more": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}})
		if b.err == nil {
			b.err = err
		}
		arms = append(arms, b.arm, strings.ToLower(r.ID))
		rows = append(rows, b.arm, tenant, sub, b.num("resource_type", r.Type), b.num("resource_group", r.Group), b.num("location", r.Location), strings.ToLower(r.Name), b.arm, at, at, b.set(tenant, r.Tags), 0)
		if docs = append(docs, b.arm, string(doc)); len(arms) == 2*most {
			flush()
		}
	}
	flush()
}

// set numbers the tags of a resource together.
func (b *resourceBulk) set(tenant int64, tags map[string]string) int64 {
	if len(tags) == 0 {
		return 0
	}
	name := fmt.Sprint(tenant, tags) // in the order of keys
	before := len(b.nums["tag_set"])
	set := b.num("tag_set", name)
	if int(set) > before {
		for k, v := range tags {
			b.exec("INSERT INTO resource_tag (tkey, tenant, tset, tvalue) VALUES (?, ?, ?, ?)", b.num("tag_key", strings.ToLower(k)), tenant, set, b.num("tag_value", strings.ToLower(v)))
		}
	}
	return set
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
