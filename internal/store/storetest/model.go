package storetest

import (
	"maps"
	"slices"
	"strings"

	"fresnel"
	"fresnel/internal/cost"
)

// model is what the store should hold, in plain Go: every cell in one map.
type model struct {
	cells    map[cell]amount
	inactive map[fresnel.TenantID]bool
	tenants  map[fresnel.TenantID]string // names
	subs     map[string]string           // names
}

type cell struct {
	tenant                   fresnel.TenantID
	sub                      string
	metric                   cost.Metric
	day                      fresnel.Day
	group, service, currency string
}

type amount struct{ micros, usd int64 }

func newModel(tenants, subs int) *model {
	m := &model{cells: map[cell]amount{}, inactive: map[fresnel.TenantID]bool{}, tenants: map[fresnel.TenantID]string{}, subs: map[string]string{}}
	for i := range tenants {
		m.tenants[TenantID(i)] = tenantName(i)
		for j := range subs {
			m.subs[SubscriptionID(i, j)] = subscription(i, j).Name
		}
	}
	return m
}

// windowCells gives the cells that a list of lines means.
func windowCells(w cost.Window, lines []cost.Line) map[cell]amount {
	out := map[cell]amount{}
	for _, l := range lines {
		k := cell{w.Tenant, w.Subscription, w.Metric, l.Day, strings.ToLower(l.ResourceGroup), l.Service, strings.ToUpper(l.Currency)}
		a := out[k]
		out[k] = amount{a.micros + l.Micros, a.usd + l.USDMicros}
	}
	return out
}

// held gives the cells of a window.
func (m *model) held(w cost.Window) map[cell]amount {
	out := map[cell]amount{}
	for k, a := range m.cells {
		if k.sub == w.Subscription && k.metric == w.Metric && w.Days.Contains(k.day) {
			out[k] = a
		}
	}
	return out
}

// replace gives how many cells differ. It does not judge the window.
func (m *model) replace(w cost.Window, lines []cost.Line) int {
	old, next := m.held(w), windowCells(w, lines)
	n := 0
	for k, a := range next {
		if b, ok := old[k]; !ok || a != b {
			n++
		}
	}
	for k := range old {
		if _, ok := next[k]; !ok {
			n++
		}
		delete(m.cells, k)
	}
	maps.Copy(m.cells, next)
	return n
}

// sums answers a query cell by cell.
func (m *model) sums(s fresnel.Scope, q cost.Query) []cost.Sum {
	type key struct {
		sum      cost.Sum
		currency string
	}
	totals := map[key]amount{}
	for k, a := range m.cells {
		if k.metric != q.Metric || !q.Period.Contains(k.day) || !s.Sees(k.tenant) || m.inactive[k.tenant] ||
			len(q.Subscriptions) > 0 && !slices.Contains(q.Subscriptions, k.sub) ||
			len(q.Services) > 0 && !slices.Contains(q.Services, k.service) {
			continue
		}
		g := key{m.group(k, q.By), k.currency}
		t := totals[g]
		totals[g] = amount{t.micros + a.micros, t.usd + a.usd}
	}
	var out []cost.Sum
	for k, a := range totals {
		v := k.sum
		v.Currency, v.Micros, v.USDMicros = k.currency, a.micros, a.usd
		out = append(out, v)
	}
	sortSums(out)
	return out
}

// group is the row that a cell belongs to. A month wins over a day, the name of
// a subscription over the tenant's.
func (m *model) group(k cell, by cost.By) cost.Sum {
	var v cost.Sum
	if by.Has(cost.ByTenant) {
		v.Tenant, v.Name = k.tenant, m.tenants[k.tenant]
	}
	if by.Has(cost.BySubscription) {
		v.Subscription, v.Name = k.sub, m.subs[k.sub]
	}
	if by.Has(cost.ByService) {
		v.Service = k.service
	}
	if by.Has(cost.ByGroup) {
		v.Group = k.group
	}
	if by.Has(cost.ByDay) {
		v.Day = k.day
	}
	if by.Has(cost.ByMonth) {
		v.Day = k.day.MonthStart()
	}
	return v
}
