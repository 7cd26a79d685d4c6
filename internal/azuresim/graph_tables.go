package azuresim

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// graphColumns are the columns that the tables of Resource Graph share.
var graphColumns = []kqlColumn{
	{"id", kqlTypeString},
	{"name", kqlTypeString},
	{"type", kqlTypeString},
	{"tenantId", kqlTypeString},
	{"kind", kqlTypeString},
	{"location", kqlTypeString},
	{"resourceGroup", kqlTypeString},
	{"subscriptionId", kqlTypeString},
	{"managedBy", kqlTypeString},
	{"sku", kqlTypeObject},
	{"plan", kqlTypeObject},
	{"properties", kqlTypeObject},
	{"tags", kqlTypeObject},
	{"identity", kqlTypeObject},
	{"zones", kqlTypeObject},
	{"extendedLocation", kqlTypeObject},
}

// lazyBody builds a resource once somebody looks at one of its fields.
type lazyBody struct {
	it     *item
	at     time.Time
	built  body
	fields [10]lazyField
}

// lazyField is a column of a resource.
type lazyField struct {
	of   *lazyBody
	name string
	text bool // missing is ""
}

func (f *lazyField) force() any {
	if f.of.built == nil {
		f.of.built = f.of.it.at(f.of.at)
	}
	v := f.of.built[f.name]
	if v == nil && f.text {
		return ""
	}
	return v
}

// row is a resource at an instant.
func (it *item) row(at time.Time) kqlRow {
	l := &lazyBody{it: it, at: at}
	lazy := func(i int, name string, text bool) any {
		l.fields[i] = lazyField{l, name, text}
		return &l.fields[i]
	}
	return kqlRow{
		it.id, it.name, strings.ToLower(it.kind), it.w.sub.tenant.id, lazy(0, "kind", true),
		lazy(1, "location", true), strings.ToLower(groupColumn(it.group)), it.w.sub.id, lazy(2, "managedBy", true),
		lazy(3, "sku", false), lazy(4, "plan", false), lazy(5, "properties", false), lazy(6, "tags", false), lazy(7, "identity", false),
		lazy(8, "zones", false), lazy(9, "extendedLocation", false),
	}
}

// plainRow is a row of another table: most columns are empty.
func plainRow(id, name, kind, group, location string, sub *subscription, properties, tags any) kqlRow {
	row := kqlRow{id, name, kind, "", "", location, group, "", "", nil, nil, properties, tags, nil, nil, nil}
	if sub != nil {
		row[3], row[7] = sub.tenant.id, sub.id
	}
	return row
}

// graphScan is what a query may see: some subscriptions at an instant.
type graphScan struct {
	s      *Server
	subs   []*subscription
	tenant string // of the token
	at     time.Time
	above  bool // what is at management groups is asked for, too
}

// table makes the rows of a table, ordered by id within a subscription.
func (g *graphScan) table(name string) (*kqlRelation, bool) {
	rel := &kqlRelation{columns: graphColumns}
	if s := g.stream(name); s != nil { // in a join or a union
		for i := range s.parts {
			rel.rows = append(rel.rows, s.part(i)...)
		}
		return rel, true
	}
	var each func(*world)
	switch name {
	case "resources":
		each = func(w *world) {
			for _, it := range w.items {
				if it.kind != typeProtected && it.alive(g.at) {
					rel.rows = append(rel.rows, it.row(g.at))
				}
			}
		}
	case "recoveryservicesresources":
		each = func(w *world) {
			for _, it := range w.items {
				if it.kind == typeProtected && it.alive(g.at) {
					rel.rows = append(rel.rows, it.row(g.at))
				}
			}
		}
	case "resourcecontainers":
		rel.rows = g.managementGroups()
		each = func(w *world) { rel.rows = append(rel.rows, w.containers(g.at)...) }
	case "resourcechanges":
		each = func(w *world) {
			for _, c := range w.visibleChanges(g.at) {
				rel.rows = append(rel.rows, plainRow(c.ID, c.ID[strings.LastIndexByte(c.ID, '/')+1:], "microsoft.resources/changes", strings.ToLower(groupColumn(c.group)), "", w.sub, c.wire(), nil))
			}
		}
	case "advisorresources":
		each = func(w *world) { rel.rows = append(rel.rows, w.advice(g.at)...) }
	default:
		return nil, false
	}
	for _, sub := range g.subs {
		each(g.s.world(sub, g.at))
	}
	return rel, true
}

// containers are the rows of a subscription and of its resource groups.
func (w *world) containers(at time.Time) []kqlRow {
	sub := w.sub
	state := map[string]any{
		"state": sub.state, "managedByTenants": []any{}, "managementGroupAncestorsChain": sub.ancestors(),
		"subscriptionPolicies": map[string]any{"locationPlacementId": "Public_2014-09-01", "quotaId": sub.offer, "spendingLimit": "Off"},
	}
	if sub.tenant.kind == kindDelegated {
		state["managedByTenants"] = []any{map[string]any{"tenantId": w.e.managing.id}}
	}
	out := []kqlRow{plainRow("/subscriptions/"+sub.id, sub.name, "microsoft.resources/subscriptions", "", "", sub, state, map[string]any{"env": sub.env})}
	for _, g := range w.groups {
		if !g.exists(at) {
			continue
		}
		var tags any
		if t := w.groupTags(g, at); t != nil {
			tags = t
		}
		row := plainRow(g.id, g.displayName(), "microsoft.resources/subscriptions/resourcegroups",
			strings.ToLower(groupColumn(g.name)), w.location, sub, map[string]any{"provisioningState": "Succeeded"}, tags)
		row[8] = g.managedBy
		out = append(out, row)
	}
	slices.SortFunc(out[1:], func(a, b kqlRow) int { return cmp.Compare(kqlText(a[0]), kqlText(b[0])) })
	return out
}
