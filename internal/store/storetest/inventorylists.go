package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

// testInventoryOrders reads lists in every order, in pages, and holds them
// against a sorted copy.
func testInventoryOrders(f *fixture) {
	f.register(3, 2)
	e := Resources{Tenants: 3, Subscriptions: 2, N: 90, Asked: noon}
	type seen struct {
		inventory.Resource
		first, changed time.Time
	}
	var all []seen
	for i := range e.Tenants {
		for j := range e.Subscriptions {
			list := e.Of(i, j)
			for n := range list {
				if n%3 == 0 {
					list[n].Name = "same"
				}
			}
			first := noon.Add(time.Duration((i*7+j*3)%4) * time.Hour)
			f.put(i, j, first, len(list), list...)
			for n := range list {
				one := seen{list[n], first, first}
				if n%4 == 1 {
					one.Kind, one.changed = "changed", noon.Add(time.Duration(5+n%3)*time.Hour)
					f.put(i, j, one.changed, 1, one.Resource)
				}
				all = append(all, one)
			}
		}
	}
	// What stands in the same place is in the order of its number.
	by := map[inventory.Sort]func(a, b *seen) int{
		"":                 func(a, b *seen) int { return cmp.Compare(a.Name, b.Name) },
		inventory.SortName: func(a, b *seen) int { return cmp.Compare(a.Name, b.Name) },
		inventory.SortType: func(a, b *seen) int {
			return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
		},
		inventory.SortFirst:   func(a, b *seen) int { return b.first.Compare(a.first) },
		inventory.SortChanged: func(a, b *seen) int { return b.changed.Compare(a.changed) },
	}
	f.equal("each order is tested", len(by), 1+len(inventory.Sorts()))
	prod := "prod"
	group := all[3].Group
	for _, v := range []struct {
		s    fresnel.Scope
		q    inventory.Query
		keep func(*seen) bool
	}{
		{fresnel.AllTenants(), inventory.Query{}, func(*seen) bool { return true }},
		{fresnel.ScopeOf(TenantID(1)), inventory.Query{}, func(r *seen) bool { return r.Tenant == TenantID(1) }},
		{fresnel.ScopeOf(TenantID(0), TenantID(2)), inventory.Query{}, func(r *seen) bool { return r.Tenant != TenantID(1) }},
		{fresnel.AllTenants(), inventory.Query{Types: []string{vmType}}, func(r *seen) bool { return r.Type == vmType }},
		{fresnel.AllTenants(), inventory.Query{Groups: []string{group}}, func(r *seen) bool { return r.Group == group }},
		{fresnel.AllTenants(), inventory.Query{TagKey: "environment"}, func(r *seen) bool { return r.Tags["Environment"] != "" }},
		{fresnel.AllTenants(), inventory.Query{TagKey: "environment", TagValue: &prod}, func(r *seen) bool { return r.Tags["Environment"] == prod }},
		{fresnel.AllTenants(), inventory.Query{Text: "same"}, func(r *seen) bool { return r.Name == "same" }},
		{fresnel.ScopeOf(TenantID(0)), inventory.Query{Text: "same", TagKey: "environment", Locations: []string{all[0].Location}}, func(r *seen) bool {
			return r.Name == "same" && r.Tenant == TenantID(0) && r.Tags["Environment"] != "" && r.Location == all[0].Location
		}},
	} {
		for order, compare := range by {
			q := v.q
			q.Sort = order
			var want []*seen
			for i := range all {
				if v.keep(&all[i]) {
					want = append(want, &all[i])
				}
			}
			slices.SortStableFunc(want, compare)
			for _, size := range []int{1, 7, 200} {
				got := f.rows(v.s, q, size)
				f.equal(fmt.Sprintf("%+v by %q: how many", v.q, order), len(got), len(want))
				keys := map[string]bool{}
				for i := range min(len(got), len(want)) {
					a := &seen{got[i].Resource, got[i].First, got[i].Changed}
					if compare(a, want[i]) != 0 || keys[got[i].Key()] {
						f.Fatalf("%+v by %q in pages of %d: row %d is %s (twice: %v), want the place of %s", v.q, order, size, i, got[i].ID, keys[got[i].Key()], want[i].ID)
					}
					keys[got[i].Key()] = true
				}
			}
		}
	}
	// A place in another order is no error.
	_, err := f.db.InventoryReader().List(f.ctx, fresnel.AllTenants(), inventory.Query{Sort: inventory.SortFirst, After: inventory.Place{Name: "x", Arm: 1}, Limit: 5})
	f.ok(err)
	l, err := f.db.InventoryReader().List(f.ctx, fresnel.AllTenants(), inventory.Query{Limit: 5, Uncounted: true})
	f.ok(err)
	f.equal("not counted", []any{l.Total, l.More, len(l.Rows)}, []any{0, false, 5})
}

// testInventoryFacets asks for the names to choose from.
func testInventoryFacets(f *fixture) {
	f.register(2, 1)
	ask := func(s fresnel.Scope) inventory.Facets {
		f.Helper()
		got, err := f.db.InventoryReader().Facets(f.ctx, s)
		f.ok(err)
		return got
	}
	all, mine, none := fresnel.AllTenants(), fresnel.ScopeOf(TenantID(0)), fresnel.Scope{}
	f.equal("of nothing", fmt.Sprint(ask(all)), fmt.Sprint(inventory.Facets{}))
	a, b, c := res(0, 0, "Web", "a", map[string]string{"Env": "x", "ENV": "y"}), res(0, 0, "db", "b", map[string]string{"owner": ""}), res(1, 0, "secret", "c", map[string]string{"hidden": "1"})
	b.Location, c.Location = "", "uksouth"
	box := res(1, 0, "box", "box", map[string]string{"boxed": "1"})
	box.Type, box.Location = "microsoft.resources/subscriptions/resourcegroups", "nowhere"
	f.put(0, 0, noon, 2, a, b)
	f.put(1, 0, noon, 2, c, box)
	f.equal("of all", fmt.Sprint(ask(all)), fmt.Sprint(inventory.Facets{Locations: []string{"uksouth", "westeurope"}, Groups: []string{"db", "secret", "web"}, TagKeys: []string{"env", "hidden", "owner"}}))
	f.equal("of one", fmt.Sprint(ask(mine)), fmt.Sprint(inventory.Facets{Locations: []string{"westeurope"}, Groups: []string{"db", "web"}, TagKeys: []string{"env", "owner"}}))
	f.equal("of nobody", fmt.Sprint(ask(none)), fmt.Sprint(inventory.Facets{}))
	f.finish(1, 0, noon, 2)
	f.equal("without what is gone", fmt.Sprint(ask(all)), fmt.Sprint(ask(mine)))
	var many []inventory.Resource
	for i := range inventory.FacetLimit + 1 {
		many = append(many, res(1, 0, fmt.Sprintf("g%04d", i), "n", map[string]string{fmt.Sprintf("k%04d", i): ""}))
	}
	f.put(1, 0, noon, len(many), many...)
	got := ask(fresnel.ScopeOf(TenantID(1)))
	f.equal("no more than are chosen from", []any{len(got.Groups), got.MoreGroups, len(got.TagKeys), got.MoreTagKeys, got.Groups[499]}, []any{500, true, 500, true, "g0499"})
	f.ok(f.db.Inventory().Verify(f.ctx))
}

// testInventoryWasted lists what rules found.
func testInventoryWasted(f *fixture) {
	f.register(2, 1)
	a, b, c, d := res(0, 0, "g", "a", nil), res(0, 0, "g", "b", nil), res(0, 0, "g", "c", nil), res(1, 0, "g", "d", nil)
	f.put(0, 0, noon, 3, a, b, c)
	f.put(1, 0, noon, 1, d)
	s := f.db.Findings()
	keep := func(i int, rule string, on ...string) {
		f.Helper()
		var r fresnel.Reconciled
		for _, object := range on {
			r.Put = append(r.Put, fresnel.Finding{Tenant: TenantID(i), Rule: rule, Object: object, Since: may.From, Detail: "{}"})
		}
		f.ok(s.KeepAll(f.ctx, TenantID(i), r, noon))
	}
	keep(0, "r1", a.Key(), "Virtual Machines")
	keep(0, "r2", a.Key(), d.Key()) // of another tenant's resource: not his
	keep(0, inventory.PendingPrefix+"r1", b.Key())
	keep(1, "r1", c.Key())
	all, mine := fresnel.AllTenants(), fresnel.ScopeOf(TenantID(0))
	f.equal("wasted", f.listed(all, inventory.Query{Wasted: true}, 1), []string{"a"})
	keep(1, "r1", d.Key())
	f.equal("wasted, of all", f.listed(all, inventory.Query{Wasted: true}, 1), []string{"a", "d"})
	f.equal("of a tenant", f.listed(mine, inventory.Query{Wasted: true}, 10), []string{"a"})
	f.equal("with another filter", f.listed(all, inventory.Query{Wasted: true, Text: "d", Groups: []string{"g"}}, 10), []string{"d"})
	f.equal("of nobody", f.listed(fresnel.Scope{}, inventory.Query{Wasted: true}, 10), []string{})
	told := func(s fresnel.Scope, objects ...string) (out []string) {
		got, err := f.db.Findings().OfObjects(f.ctx, s, objects)
		f.ok(err)
		for object, list := range got {
			for _, v := range list {
				if out = append(out, strings.Replace(v.Rule+object[len(object)-1:], "pending:", "p", 1)); v.Object != object {
					f.Errorf("%s is told of %s", v.Object, object)
				}
			}
		}
		slices.Sort(out)
		return out
	}
	f.equal("of objects", told(all, a.Key(), b.Key(), "/none"), []string{"pr1b", "r1a", "r2a"})
	f.equal("of objects, a tenant's", told(fresnel.ScopeOf(TenantID(1)), a.Key(), d.Key()), []string{"r1d"})
	f.equal("of no object", told(all), []string{})
	held, err := s.HeldOf(f.ctx, TenantID(0), []string{"r1", "r2"})
	f.ok(err)
	f.ok(s.KeepAll(f.ctx, TenantID(0), fresnel.Reconciled{Resolved: held}, noon))
	f.equal("resolved", f.listed(all, inventory.Query{Wasted: true}, 10), []string{"d"})
	f.ok(f.db.Inventory().Verify(f.ctx))
	// A finding may be there before its resource, and outlasts one that is gone.
	e := res(0, 0, "g", "e", nil)
	keep(0, "r1", c.Key(), e.Key())
	f.put(0, 0, noon, 1, e)
	f.finish(0, 0, noon, 3, e)
	f.equal("one is gone", f.listed(all, inventory.Query{Wasted: true}, 10), []string{"d", "e"})
	f.equal("of what is gone", f.listed(all, inventory.Query{Wasted: true, Gone: true}, 10), []string{"c"})
	f.put(0, 0, noon, 1, c)
	f.equal("it comes back", f.listed(all, inventory.Query{Wasted: true}, 1), []string{"c", "d", "e"})
	for _, sort := range inventory.Sorts() {
		f.equal("by "+string(sort), len(f.listed(mine, inventory.Query{Wasted: true, Sort: sort}, 1)), 2)
	}
	f.ok(f.db.Inventory().Verify(f.ctx))
}

// testInventoryCounts changes resources at random and holds every count
// against what is held.
func testInventoryCounts(f *fixture) {
	e := Resources{Tenants: 2, Subscriptions: 2, N: 200, Asked: noon}
	f.ok(e.Fill(f.ctx, f.db))
	f.ok(f.db.Inventory().Verify(f.ctx))
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 6 {
		for i := range e.Tenants {
			for j := range e.Subscriptions {
				list := e.Of(i, j)
				for n := range list {
					switch r.IntN(6) {
					case 0:
						list[n].Tags = map[string]string{"a": fmt.Sprint(r.IntN(3)), "A": "b"}
					case 1:
						list[n].Location = locations[r.IntN(5)]
					case 2:
						list[n].Group, list[n].Type = fmt.Sprint("g", r.IntN(3)), vmType
					case 3:
						list[n].Type = "microsoft.resources/subscriptions/resourcegroups"
					}
				}
				list = list[r.IntN(len(list)):]
				other := r.IntN(e.Subscriptions) // an id may move
				f.ok(e.Sync(f.ctx, f.db, i, other, list, noon.Add(time.Duration(round)*time.Hour)))
				f.ok(f.db.Inventory().Verify(f.ctx))
			}
		}
	}
	// A run over what is held makes no answer stale until it ends.
	list := e.Of(0, 0)
	f.ok(e.Sync(f.ctx, f.db, 0, 0, list, noon))
	generation := f.db.Generation()
	f.ok(e.Sync(f.ctx, f.db, 0, 0, list, noon.Add(time.Hour)))
	f.equal("the generation after the same again", f.db.Generation(), generation)
	f.ok(e.Sync(f.ctx, f.db, 0, 0, list[1:], noon.Add(time.Hour)))
	if f.db.Generation() == generation {
		f.Error("something went, and cached answers stay")
	}
}
