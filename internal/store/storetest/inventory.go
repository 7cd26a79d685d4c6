package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

const vmType = "microsoft.compute/virtualmachines"

// res is a resource of the j-th subscription of the i-th tenant.
func res(i, j int, group, name string, tags map[string]string) inventory.Resource {
	if tags == nil {
		tags = map[string]string{}
	}
	return inventory.Resource{
		ID:     "/subscriptions/" + SubscriptionID(i, j) + "/resourceGroups/" + group + "/providers/Microsoft.Compute/virtualMachines/" + name,
		Tenant: TenantID(i), Subscription: SubscriptionID(i, j), Group: strings.ToLower(group), Type: vmType, Name: name, Location: "westeurope", Tags: tags,
	}
}

// put demands that so many resources are written, and gives nothing else.
func (f *fixture) put(i, j int, at time.Time, want int, list ...inventory.Resource) {
	f.Helper()
	got, err := f.db.Inventory().Put(f.ctx, TenantID(i), SubscriptionID(i, j), list, at)
	f.ok(err)
	if got != want {
		f.Errorf("Put wrote %d resources, want %d", got, want)
	}
}

// finish demands that so many resources are found to be gone.
func (f *fixture) finish(i, j int, at time.Time, want int, seen ...inventory.Resource) {
	f.Helper()
	keys := map[string]struct{}{}
	for _, r := range seen {
		keys[r.Key()] = struct{}{}
	}
	got, err := f.db.Inventory().Finish(f.ctx, TenantID(i), SubscriptionID(i, j), keys, at, at)
	f.ok(err)
	if got != want {
		f.Errorf("%d resources are gone, want %d", got, want)
	}
}

func (f *fixture) get(r inventory.Resource) inventory.Held {
	f.Helper()
	h, err := f.db.InventoryReader().Get(f.ctx, fresnel.AllTenants(), r.ID)
	f.ok(err)
	return h
}

// listed gives the names of a whole list.
func (f *fixture) listed(s fresnel.Scope, q inventory.Query, size int) []string {
	f.Helper()
	var names []string
	for _, r := range f.rows(s, q, size) {
		names = append(names, r.Name)
	}
	return names
}

// rows gives a whole list, read in pages of a size, and demands that the total
// is true and that each way to find a page finds the same.
func (f *fixture) rows(s fresnel.Scope, q inventory.Query, size int) []inventory.Held {
	f.Helper()
	var rows []inventory.Held
	q.Limit = size
	for {
		l, err := f.db.InventoryReader().List(f.ctx, s, q)
		f.ok(err)
		walked, err := f.db.OrderReader().List(f.ctx, s, q)
		f.ok(err)
		f.equal(fmt.Sprintf("%+v by walking in order", q), fmt.Sprintf("%+v", walked), fmt.Sprintf("%+v", l))
		rows = append(rows, l.Rows...)
		if len(l.Rows) > size || len(l.Rows) < size && l.Next != (inventory.Place{}) {
			f.Fatalf("a page of %d rows, at most %d, and more at %v", len(l.Rows), size, l.Next)
		}
		if l.Next == (inventory.Place{}) {
			if l.Total != len(rows) || l.More {
				f.Errorf("%+v: total %d (more %v), and there are %d", q, l.Total, l.More, len(rows))
			}
			return rows
		}
		if q.After = l.Next; len(rows) > 50_000 {
			f.Fatal("the list does not end")
		}
	}
}

func testInventory(f *fixture) {
	f.register(2, 2)
	all := fresnel.AllTenants()
	a, b := res(0, 0, "RG-Web", "VM-a", map[string]string{"Env": "Prod", "owner": ""}), res(0, 0, "RG-Web", "vm-b", nil)
	f.put(0, 0, noon, 2, a, b, a) // what is listed twice counts once
	generation := f.db.Generation()
	f.put(0, 0, noon.Add(time.Hour), 0, a, b)
	f.equal("the same again raises no generation", f.db.Generation(), generation)
	h := f.get(a)
	want := inventory.Held{Resource: a, TenantName: tenantName(0), SubscriptionName: subscription(0, 0).Name, First: noon, Changed: noon}
	f.equal("as it was told", fmt.Sprintf("%+v", h), fmt.Sprintf("%+v", want))
	f.equal("never finished", f.inventoryRead(0), [2]int{0, 2})
	f.finish(0, 0, noon, 0, a, b)
	f.equal("one of two read", f.inventoryRead(0), [2]int{1, 2})

	// Only the case of an id: it is the same, and not written.
	upper := a
	upper.ID = strings.ToUpper(a.ID)
	f.put(0, 0, noon.Add(time.Hour), 0, upper)
	f.finish(0, 0, noon.Add(time.Hour), 0, upper, b)
	f.equal("asked for in capitals", f.get(upper).First, noon)

	// Each part of a resource counts as a change.
	for i, change := range []func(*inventory.Resource){
		func(r *inventory.Resource) { r.Tags = map[string]string{"Env": "prod", "owner": ""} }, // the case of a value
		func(r *inventory.Resource) { r.Tags = nil },
		func(r *inventory.Resource) { r.Location = "northeurope" },
		func(r *inventory.Resource) { r.Kind = "v2" },
		func(r *inventory.Resource) { r.ManagedBy = b.ID },
		func(r *inventory.Resource) { r.Zones = []string{"1", "2"} },
		func(r *inventory.Resource) { r.SKU = f.value(`{"name":"B1"}`) },
		func(r *inventory.Resource) { r.Identity = f.value(`{"type":"SystemAssigned"}`) },
		func(r *inventory.Resource) {
			r.Properties = f.value(`{"b":[1.50,null,"x"],"a":{"n":12345678901234567890}}`)
		},
		func(r *inventory.Resource) { r.Created = noon.Add(-time.Hour) },
		func(r *inventory.Resource) { r.Type = "microsoft.compute/disks" },
		func(r *inventory.Resource) { r.Group = "rg-app" },
		func(r *inventory.Resource) { r.Name = "VM-A" },
	} {
		change(&a)
		at := noon.Add(time.Duration(i+2) * time.Hour)
		f.put(0, 0, at, 1, a)
		f.put(0, 0, at.Add(time.Minute), 0, a)
		h = f.get(a)
		want = inventory.Held{Resource: a, TenantName: tenantName(0), SubscriptionName: subscription(0, 0).Name, First: noon, Changed: at}
		f.equal(fmt.Sprintf("change %d", i), fmt.Sprintf("%+v", h), fmt.Sprintf("%+v", want))
	}
	sorted := a // the same properties in another order
	sorted.Properties = f.value(`{"a":{"n":12345678901234567890},"b":[1.50,null,"x"]}`)
	f.put(0, 0, noon.Add(20*time.Hour), 0, sorted)

	// Gone, and back again.
	at := noon.Add(24 * time.Hour)
	f.finish(0, 0, at, 1, b)
	f.finish(0, 0, at.Add(time.Minute), 0, b)
	h = f.get(a)
	f.equal("gone since", []time.Time{h.First, h.Changed, h.Gone}, []time.Time{noon, at, at})
	f.equal("those that are", f.listed(all, inventory.Query{}, 10), []string{"vm-b"})
	f.equal("those that are no more", f.listed(all, inventory.Query{Gone: true}, 10), []string{"VM-A"})
	f.put(0, 0, at.Add(time.Hour), 1, a)
	h = f.get(a)
	f.equal("back again", []time.Time{h.First, h.Changed, h.Gone}, []time.Time{noon, at.Add(time.Hour), {}})
	f.equal("its tags are those of now", f.listed(all, inventory.Query{TagKey: "env"}, 10), []string{})

	// Moved to another subscription, of another tenant even: Azure gives another
	// id, but an id that another subscription tells is that one's.
	moved := a
	moved.Tenant, moved.Subscription = TenantID(1), SubscriptionID(1, 1)
	f.put(1, 1, at.Add(2*time.Hour), 1, moved)
	f.finish(0, 0, at.Add(3*time.Hour), 0, b)
	f.equal("whose it is now", []string{string(f.get(a).Tenant), f.get(a).Subscription}, []string{string(TenantID(1)), SubscriptionID(1, 1)})
	f.equal("in the new tenant", f.listed(fresnel.ScopeOf(TenantID(1)), inventory.Query{}, 10), []string{"VM-A"})
	f.equal("in the old one", f.listed(fresnel.ScopeOf(TenantID(0)), inventory.Query{}, 10), []string{"vm-b"})

	// Another subscription's end says nothing of this one.
	f.finish(0, 1, at, 0)
	f.equal("untouched", len(f.listed(all, inventory.Query{}, 10)), 2)
	f.inventoryRefused(b)
}

func (f *fixture) value(text string) inventory.Value {
	f.Helper()
	v, err := inventory.ParseValue([]byte(text))
	f.ok(err)
	return v
}

// inventoryRead is how many subscriptions of a tenant were read, and of how many.
func (f *fixture) inventoryRead(i int) [2]int {
	f.Helper()
	got, err := f.db.InventoryReader().Coverage(f.ctx, fresnel.ScopeOf(TenantID(i)))
	f.ok(err)
	if len(got) != 1 || got[0].Tenant != TenantID(i) || got[0].Name != tenantName(i) {
		f.Fatalf("coverage %+v", got)
	}
	return [2]int{got[0].Read, got[0].Subscriptions}
}

// inventoryRefused writes under a lost lease, and for whom there is not.
func (f *fixture) inventoryRefused(r inventory.Resource) {
	f.Helper()
	inv := f.db.Inventory()
	before := f.get(r)
	r.Location = "changed"
	first := f.claim(f.enqueue("resources", 0), "A", 0)
	second := f.claim(first.Run, "B", time.Minute)
	generation := f.db.Generation()
	lost, valid := fresnel.WithLease(f.ctx, first), fresnel.WithLease(f.ctx, second)
	n, err := inv.Put(lost, TenantID(0), SubscriptionID(0, 0), []inventory.Resource{r}, noon)
	f.kind(err, fresnel.Conflict)
	f.equal("written", n, 0)
	_, err = inv.Finish(lost, TenantID(0), SubscriptionID(0, 0), nil, noon, noon)
	f.kind(err, fresnel.Conflict)
	f.kind(inv.KeepTags(lost, TenantID(0), nil, nil, noon), fresnel.Conflict)
	f.kind(f.db.Findings().KeepAll(lost, TenantID(0), fresnel.Reconciled{}, noon), fresnel.Conflict)
	_, err = inv.Put(f.gone(), TenantID(0), SubscriptionID(0, 0), []inventory.Resource{r}, noon)
	if err == nil {
		f.Error("written after the end of the context")
	}
	for _, c := range []struct {
		t   fresnel.TenantID
		sub string
	}{{TenantID(0), SubscriptionID(1, 0)}, {TenantID(1), SubscriptionID(0, 0)}, {TenantID(9), SubscriptionID(0, 0)}, {TenantID(0), "'"}} {
		_, err = inv.Put(f.ctx, c.t, c.sub, []inventory.Resource{r}, noon)
		f.kind(err, fresnel.NotFound)
		_, err = inv.Finish(f.ctx, c.t, c.sub, nil, noon, noon)
		f.kind(err, fresnel.NotFound)
	}
	f.equal("after all that was refused", fmt.Sprintf("%+v", f.get(r)), fmt.Sprintf("%+v", before))
	f.equal("the generation", f.db.Generation(), generation)
	n, err = inv.Put(valid, TenantID(0), SubscriptionID(0, 0), []inventory.Resource{r}, noon)
	f.ok(err)
	f.equal("under the new lease", n, 1)
}

// told are hostile names as JSON can tell them.
func told() []string {
	var out []string
	for _, name := range hostile() {
		out = append(out, string([]rune(name)))
	}
	return out
}

// testInventoryHostile sends hostile names, groups, types, locations and tags.
func testInventoryHostile(f *fixture) {
	f.register(1, 1)
	var list []inventory.Resource
	for i, name := range told() {
		r := res(0, 0, "g", fmt.Sprintf("n%d-%s", i, name), map[string]string{name: name, "n": fmt.Sprint(i), "big": strings.Repeat(name, 1+10_000/max(1, len(name)))})
		r.Group, r.Type, r.Location = strings.ToLower(name), "type/"+strings.ToLower(name), strings.ToLower(name)
		list = append(list, r)
	}
	// Ids longer than is kept of them: they stay apart, or are one, but are not gone.
	long := res(0, 0, "g", "long-"+strings.Repeat("x", 900), nil)
	list = append(list, long)
	f.put(0, 0, noon, len(list), list...)
	f.put(0, 0, noon.Add(time.Hour), 0, list...)
	f.finish(0, 0, noon.Add(time.Hour), 0, list...)
	f.equal("all are there", len(f.listed(fresnel.AllTenants(), inventory.Query{}, 7)), len(list))
	for i, name := range told() {
		h := f.get(list[i])
		if h.Tags["n"] != fmt.Sprint(i) || h.Tags[name] != name {
			f.Errorf("%.40q: tags %.100v", name, h.Tags)
		}
		for what, q := range map[string]inventory.Query{
			"tag": {TagKey: name}, "value": {TagKey: name, TagValue: &name}, "group": {Groups: []string{name}},
			"type": {Types: []string{"type/" + name}}, "location": {Locations: []string{name}}, "text": {Text: list[i].Name},
		} {
			if q.TagKey == "" && what == "tag" {
				continue // no filter
			}
			if what == "value" && name == "" {
				continue
			}
			if got := f.listed(fresnel.AllTenants(), q, 100); !slices.Contains(got, list[i].Name) {
				f.Errorf("%.40q is not found by its %s: %.100q", name, what, got)
			}
		}
		for _, q := range []inventory.Query{{Subscriptions: []string{name + "x"}}, {TagKey: "none" + name}, {Text: "zzz" + name}, {Groups: []string{"zz" + name}}} {
			f.equal("no hit", len(f.listed(fresnel.AllTenants(), q, 10)), 0)
		}
		_, err := f.db.InventoryReader().Get(f.ctx, fresnel.AllTenants(), name)
		f.kind(err, fresnel.NotFound)
		_, err = f.db.InventoryReader().GetAll(f.ctx, fresnel.AllTenants(), []string{name})
		f.ok(err)
		_, err = f.db.Findings().OfObject(f.ctx, fresnel.AllTenants(), name)
		f.ok(err)
		_, err = f.db.Findings().ListOf(f.ctx, fresnel.AllTenants(), []string{name}, 10)
		f.ok(err)
	}
}

// testInventoryLists asks for parts of what is held, in pages of each size.
func testInventoryLists(f *fixture) {
	f.register(3, 2)
	var all []inventory.Resource
	put := func(i, j int, rows ...inventory.Resource) {
		f.put(i, j, noon, len(rows), rows...)
		all = append(all, rows...)
	}
	with := func(r inventory.Resource, kind, location string) inventory.Resource {
		r.Type, r.Location = kind, location
		return r
	}
	put(0, 0, res(0, 0, "Web", "100%_sure", map[string]string{"Env": "Prod"}), res(0, 0, "web", "100x-sure", map[string]string{"env": "prod", "ENV": "dev"}), res(0, 0, "db", "a~b", nil))
	put(0, 1, res(0, 1, "Web", "O'Hara", map[string]string{"env": ""}), with(res(0, 1, "web", "Größe", nil), "microsoft.compute/disks", "northeurope"), res(0, 1, "x", "日本語-vm", nil))
	put(1, 0, res(1, 0, "web", "same", map[string]string{"Env": "Test"}), res(1, 0, "web2", "SAME", nil), res(1, 0, "web3", "same", nil), res(1, 0, "web4", "Same", nil), res(1, 0, "web", "aaaa", nil))
	for _, kind := range []string{"microsoft.resources/subscriptions", "microsoft.advisor/recommendations"} {
		put(1, 1, with(res(1, 1, "", "container-"+kind[10:14], map[string]string{"env": "prod"}), kind, ""))
	}
	all = all[:len(all)-2]
	text := func(s string) *string { return &s }
	names := func(keep func(r inventory.Resource) bool) []string {
		var some []inventory.Resource
		for _, r := range all {
			if keep(r) {
				some = append(some, r)
			}
		}
		slices.SortStableFunc(some, func(a, b inventory.Resource) int {
			return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		})
		var out []string
		for _, r := range some {
			out = append(out, strings.ToLower(r.Name))
		}
		return out
	}
	part := func(s string) func(inventory.Resource) bool {
		return func(r inventory.Resource) bool { return strings.Contains(strings.ToLower(r.Name), strings.ToLower(s)) }
	}
	anything := func(inventory.Resource) bool { return true }
	type ask struct {
		q    inventory.Query
		want []string
	}
	asks := []ask{
		{inventory.Query{}, names(anything)},
		{inventory.Query{Types: []string{"Microsoft.Compute/Disks"}}, []string{"größe"}},
		{inventory.Query{Types: []string{vmType, "microsoft.compute/disks", "no/such"}}, names(anything)},
		{inventory.Query{Types: []string{"microsoft.resources/subscriptions"}}, []string{"container-reso"}},
		{inventory.Query{Groups: []string{"WEB"}}, names(func(r inventory.Resource) bool { return r.Group == "web" })},
		{inventory.Query{Groups: []string{"web", "db"}, Subscriptions: []string{SubscriptionID(0, 0), "no such"}}, names(func(r inventory.Resource) bool { return r.Subscription == SubscriptionID(0, 0) })},
		{inventory.Query{Subscriptions: []string{SubscriptionID(0, 1)}}, names(func(r inventory.Resource) bool { return r.Subscription == SubscriptionID(0, 1) })},
		{inventory.Query{Locations: []string{"NorthEurope"}}, []string{"größe"}},
		{inventory.Query{TagKey: "ENV"}, []string{"100%_sure", "100x-sure", "o'hara", "same"}},
		{inventory.Query{TagKey: "env", TagValue: text("PROD")}, []string{"100%_sure", "100x-sure"}},
		{inventory.Query{TagKey: "env", TagValue: text("dev")}, []string{"100x-sure"}},
		{inventory.Query{TagKey: "env", TagValue: text("")}, []string{"o'hara"}},
		{inventory.Query{TagKey: "env", TagValue: text("none")}, nil},
		{inventory.Query{TagKey: "prod"}, nil},
		{inventory.Query{TagKey: "env", Text: "SURE", Groups: []string{"web"}, Types: []string{vmType}, Locations: []string{"westeurope"}}, []string{"100%_sure", "100x-sure"}},
		{inventory.Query{Gone: true}, nil},
	}
	for _, s := range []string{"a", "SA", "sam", "same", "100", "100%", "%", "_", "%_", "~", "a~b", "~b", "'", "o'h", `"`, `"or"`, "ö", "öß", "rößE", "日", "日本", "日本語", "日本語-", "aaa", "aaaa", "aaaaa", "xyz", "e-ss", " ", "100x-sure100", "NOT", "a OR b", "sam*"} {
		want := names(part(s))
		slices.SortStableFunc(want, func(a, b string) int { // those that begin so first
			return begins(b, s) - begins(a, s)
		})
		asks = append(asks, ask{inventory.Query{Text: s}, want})
	}
	for _, a := range asks {
		for _, size := range []int{1, 2, 100} {
			got := f.listed(fresnel.AllTenants(), a.q, size)
			for i := range got {
				got[i] = strings.ToLower(got[i])
			}
			f.equal(fmt.Sprintf("%+v in pages of %d", a.q, size), got, a.want)
		}
	}
	f.inventoryIsolated(all)

	// What is gone leaves every list; a new name is found, the old one not.
	f.finish(1, 0, noon, 5)
	f.equal("gone", len(f.listed(fresnel.AllTenants(), inventory.Query{Text: "same"}, 10)), 0)
	f.equal("in the list of what is gone", len(f.listed(fresnel.AllTenants(), inventory.Query{Text: "same", Gone: true}, 3)), 4)
	r := all[0]
	r.Name = "renamed"
	f.put(0, 0, noon, 1, r)
	f.equal("by the old name", len(f.listed(fresnel.AllTenants(), inventory.Query{Text: "%_sure"}, 10)), 0)
	f.equal("by the new name", f.listed(fresnel.AllTenants(), inventory.Query{Text: "name"}, 10), []string{"renamed"})
}

func begins(name, with string) int {
	if strings.HasPrefix(strings.ToLower(name), strings.ToLower(with)) {
		return 1
	}
	return 0
}

// inventoryIsolated asks every reading method for what a scope sees.
func (f *fixture) inventoryIsolated(all []inventory.Resource) {
	f.Helper()
	c := f.db.InventoryReader()
	var ids []string
	for _, r := range all {
		ids = append(ids, r.Key())
	}
	for _, v := range []struct {
		s    fresnel.Scope
		sees []int
	}{
		{fresnel.AllTenants(), []int{0, 1, 2}},
		{fresnel.ScopeOf(TenantID(1)), []int{1}},
		{fresnel.ScopeOf(TenantID(0), TenantID(2)), []int{0, 2}},
		{fresnel.ScopeOf(TenantID(2)), []int{2}},
		{fresnel.Scope{}, nil},
		{fresnel.ScopeOf(TenantID(9)), nil},
	} {
		sees := func(t fresnel.TenantID) bool {
			return slices.ContainsFunc(v.sees, func(i int) bool { return TenantID(i) == t })
		}
		want := map[string]bool{}
		for _, r := range all {
			if sees(r.Tenant) {
				want[r.Key()] = true
			}
			if _, err := c.Get(f.ctx, v.s, r.ID); (err == nil) != sees(r.Tenant) {
				f.Errorf("%v: Get of a resource of %s: %v", v.s, r.Tenant, err)
			}
		}
		got, err := c.GetAll(f.ctx, v.s, ids)
		f.ok(err)
		f.equal("GetAll", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		f.equal("List", len(f.listed(v.s, inventory.Query{}, 3)), len(want))
		f.equal("List by subscription", len(f.listed(v.s, inventory.Query{Subscriptions: f.allSubs(3, 2)}, 3)), len(want))
		counts, err := c.Counts(f.ctx, v.s)
		f.ok(err)
		n := 0
		for _, one := range counts {
			if n += one.N; !sees(one.Tenant) {
				f.Errorf("Counts tells of %s", one.Tenant)
			}
		}
		f.equal("Counts", n, len(want))
		reads, err := c.Coverage(f.ctx, v.s)
		f.ok(err)
		f.equal("Coverage", len(reads), len(v.sees))
	}
}

// testInventoryLimit holds more than anybody pages through.
func testInventoryLimit(f *fixture) {
	if testing.Short() {
		f.Skip("-short: many rows")
	}
	f.register(1, 1)
	const n = inventory.CountLimit
	var list []inventory.Resource
	for i := range n + 1 {
		list = append(list, res(0, 0, "g", fmt.Sprintf("n%05d", (i*7919)%(n+1)), nil))
	}
	for _, some := range [][]inventory.Resource{list[:n], list[n:]} {
		f.put(0, 0, noon, len(some), some...)
		l, err := f.db.InventoryReader().List(f.ctx, fresnel.AllTenants(), inventory.Query{Limit: 10})
		f.ok(err)
		f.equal("total", []any{l.Total, l.More, len(l.Rows)}, []any{n, len(some) == 1, 10})
	}
	l, err := f.db.InventoryReader().List(f.ctx, fresnel.AllTenants(), inventory.Query{Limit: n + 1})
	f.ok(err)
	for i, r := range l.Rows {
		if want := fmt.Sprintf("n%05d", i); r.Name != want {
			f.Fatalf("row %d is %s, want %s", i, r.Name, want)
		}
	}
	f.equal("all rows", len(l.Rows), n+1)
}
