package azuresim

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// world is what a subscription has: every resource that is alive at an instant, those that were
// deleted in the month before, and its resource groups. It is computed when needed and thrown away, as the costs are.
type world struct {
	e        *estate
	sub      *subscription
	location string // as ARM spells it
	when     time.Time
	items    []*item
	byID     map[string]*item // by lower-case id
	groups   []*group
	nets     map[string]*network
	marks    []wasteMark
	first    *item // a machine or else the first resource: it has the odd tags
}

// group is a resource group.
type group struct {
	name       string // lower case
	id         string
	managedBy  string
	key        uint64
	born, dead time.Time
	tags       func(time.Time) map[string]any // nil = as people write them
}

func (g *group) exists(at time.Time) bool {
	return !at.Before(g.born) && (g.dead.IsZero() || at.Before(g.dead))
}

func (g *group) displayName() string { return g.id[strings.LastIndexByte(g.id, '/')+1:] }

// armLocations are Cost Management's regions in ARM's spelling.
var armLocations = map[string]string{
	"EU West": "westeurope", "EU North": "northeurope", "DE West Central": "germanywestcentral", "CH North": "switzerlandnorth",
	"UK South": "uksouth", "US East": "eastus", "SE Central": "swedencentral",
}

// newWorld computes a subscription's resources around an instant. A deleted subscription has none.
func (e *estate) newWorld(sub *subscription, when time.Time) *world {
	w := &world{e: e, sub: sub, when: when, location: armLocations[sub.location], byID: map[string]*item{}, nets: map[string]*network{}}
	if sub.state == stateDeleted {
		return w
	}
	for _, name := range sub.groups {
		w.addGroup(name)
	}
	w.addCosts()
	w.surround()
	w.addMisc()
	w.addChurn()
	w.addHostile()
	w.plantWaste()
	w.pad(e.resources)
	slices.SortFunc(w.items, func(a, b *item) int { return cmp.Compare(a.id, b.id) })
	return w
}

func (w *world) addGroup(name string) *group {
	id := "/subscriptions/" + w.sub.id + "/resourceGroups/" + strings.ReplaceAll(capitals(name), "/", "-")
	g := &group{name: name, id: id, key: mix(w.sub.key, label("group"), label(name))}
	g.born = w.old(g.key)
	w.groups = append(w.groups, g)
	return g
}

// id is a resource's id in Azure's spelling.
func (w *world) id(group, kind, name string) string { return armID(w.sub, group, kind, name) }

// groupColumn is a group's name as ids and the column resourceGroup have it: a slash would end the segment.
func groupColumn(name string) string { return strings.ReplaceAll(name, "/", "-") }

// old is a moment before the first day with costs.
func (w *world) old(key uint64) time.Time {
	days := 20 + below(mix(key, label("born")), 700)
	return w.e.first.start().Add(-time.Duration(days)*24*time.Hour + time.Duration(below(mix(key, label("moment")), 86_400_000))*time.Millisecond)
}

// add makes a resource of a group, as old as the estate unless the caller changes that.
func (w *world) add(kind, group, name string) *item {
	return w.insert(&item{id: w.id(group, kind, name), kind: kind, name: name, group: group})
}

func (w *world) insert(it *item) *item {
	it.w = w
	low := strings.ToLower(it.id)
	if known := w.byID[low]; known != nil {
		return known
	}
	it.key = mix(w.sub.key, label(low))
	if it.born.IsZero() {
		it.born = w.old(it.key)
	}
	w.byID[low] = it
	w.items = append(w.items, it)
	return it
}

// child makes a resource within another, or one that lives and dies with it.
func (w *world) child(of *item, kind, id, name string) *item {
	it := w.insert(&item{id: id, kind: kind, name: name, group: of.group, born: of.born.Add(time.Second), dead: of.dead})
	return it
}

// under is child with the id of a nested resource: kind names the whole type.
func (w *world) under(of *item, kind, name string) *item {
	segment := kind[strings.LastIndexByte(kind, '/')+1:]
	it := w.child(of, kind, of.id+"/"+segment+"/"+name, name)
	it.name = name
	return it
}

// beside is child with an id of its own in the same group.
func (w *world) beside(of *item, kind, name string) *item {
	return w.child(of, kind, w.id(of.group, kind, name), name)
}

// addCosts makes the resources that the cost streams have, with their ids.
func (w *world) addCosts() {
	g := w.e.generator(w.sub)
	for i := range g.streams {
		st := &g.streams[i]
		switch {
		case st.wasted:
			continue
		case st.owner != 0 && (st.kind == streamUsage || st.kind == streamUsed):
			kind, _ := armType(st.service)
			if kind == "Microsoft.Security/pricings" { // no resource: it is in securityresources
				continue
			}
			for n, r := range g.resources(i) {
				w.addCost(st, r, kind, n)
			}
		case strings.HasPrefix(st.arm, "/subscriptions/"):
			kind := typeSaaS
			if strings.Contains(st.arm, typeDomain) {
				kind = typeDomain
			}
			w.addCost(st, resource{id: strings.ToLower(st.arm), until: st.until}, kind, 0)
		}
	}
}

func (w *world) addCost(st *stream, r resource, kind string, n int) {
	name := r.id[strings.LastIndexByte(r.id, '/')+1:]
	key := mix(w.sub.key, label(r.id), label("life"))
	it := &item{id: w.id(st.group, kind, name), kind: kind, name: name, group: st.group}
	if from := max(r.from, st.from); from > w.e.first {
		it.born = from.start().Add(time.Duration(below(mix(key, 1), 20*3600)) * time.Second)
	}
	if n > 0 && r.until < st.until {
		it.dead = r.until.start().Add(-time.Duration(1+below(mix(key, 2), 6*3600)) * time.Second)
	}
	if !it.dead.IsZero() && (it.dead.Before(it.born) || it.dead.Before(w.when.Add(-tombstoneAge))) {
		return
	}
	w.insert(it)
}

// tombstoneAge is how long a world remembers what was deleted.
const tombstoneAge = 31 * 24 * time.Hour

// alive are the resources at an instant, by id.
func (w *world) alive(at time.Time) []*item {
	out := make([]*item, 0, len(w.items))
	for _, it := range w.items {
		if it.alive(at) {
			out = append(out, it)
		}
	}
	return out
}

// pad fills a subscription up to a number of resources, for load.
func (w *world) pad(n int) {
	for i := 0; len(w.items) < n; i++ {
		kinds := []string{"Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults", "Microsoft.Insights/scheduledQueryRules", "Microsoft.Network/applicationSecurityGroups"}
		kind := kinds[i%len(kinds)]
		w.add(kind, w.sub.groups[i%len(w.sub.groups)], "pad-"+w.sub.env+"-"+kqlText(int64(i)))
	}
}
