package azuresim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// rowKey is what a row is about: a period and the values of at most two groupings.
type rowKey struct {
	period day // the day, the first of the month, or 0
	values [maxGroupings]string
}

type amounts struct{ nanos, usd int64 }

type row struct {
	rowKey
	amounts
}

// costRows sums the visible cells of a query, in a fixed order.
func (s *Server) costRows(sub *subscription, q *query, at time.Time) []row {
	g := s.estate.generator(sub)
	sums := map[rowKey]*amounts{}
	var d day
	add := func(cl cell) {
		if !q.wants(g, cl) {
			return
		}
		key := q.key(g, cl, d)
		sum := sums[key]
		if sum == nil {
			sum = &amounts{}
			sums[key] = sum
		}
		sum.nanos += cl.nanos
		sum.usd += cl.usd
	}
	take := add
	if q.resources {
		take = func(cl cell) { g.split(cl, d, add) }
	}
	for d = max(q.from, s.estate.first); d <= q.to; d++ {
		g.cells(d, q.cellMetric(), at, take)
	}
	rows := make([]row, 0, len(sums))
	for key, sum := range sums {
		rows = append(rows, row{key, *sum})
	}
	slices.SortFunc(rows, q.compare)
	return rows
}

// cellMetric is the metric of the cells: Usage is the usage of the actual cost.
func (q *query) cellMetric() string {
	if q.metric == metricUsage {
		return metricActual
	}
	return q.metric
}

func (q *query) wants(g *generator, c cell) bool {
	if q.metric == metricUsage && c.stream.charge != chargeUsage {
		return false
	}
	return q.filter == nil || q.filter.match(g, c)
}

// dimension is a cell's value in a column; resource groups and resources in lower case.
func (g *generator) dimension(name string, c cell) string {
	switch name {
	case "ResourceGroup", "ResourceGroupName":
		return c.stream.group
	case "ServiceName", "MeterCategory":
		return c.stream.service
	case "ResourceLocation":
		return g.sub.location
	case "SubscriptionId":
		return g.sub.id
	case "SubscriptionName":
		return g.sub.name
	case "ChargeType":
		return c.stream.charge
	case "PricingModel":
		return c.stream.pricing
	case "ResourceId":
		return g.resources(c.index)[c.resource].id
	case "ResourceType":
		return typeOf(g.resources(c.index)[c.resource].id)
	default:
		return c.stream.publisher
	}
}

func (q *query) key(g *generator, c cell, d day) rowKey {
	var key rowKey
	switch q.granularity {
	case daily:
		key.period = d
	case monthly:
		key.period = d.month()
	}
	for i, name := range q.groups {
		key.values[i] = g.dimension(name, c)
	}
	return key
}

// compare orders rows as the query sorts them, and then by period and values.
func (q *query) compare(a, b row) int {
	for _, o := range q.sorting {
		n := q.compareBy(o.Name, a, b)
		if strings.EqualFold(o.Direction, "Descending") {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return cmp.Or(cmp.Compare(a.period, b.period), cmp.Compare(a.values[0], b.values[0]), cmp.Compare(a.values[1], b.values[1]))
}

func (q *query) compareBy(name string, a, b row) int {
	switch name {
	case "Cost", "PreTaxCost":
		return cmp.Compare(a.nanos, b.nanos)
	case "CostUSD", "PreTaxCostUSD":
		return cmp.Compare(a.usd, b.usd)
	case "UsageDate", "BillingMonth":
		return cmp.Compare(a.period, b.period)
	}
	if i := slices.Index(q.groups, name); i >= 0 {
		return cmp.Compare(a.values[i], b.values[i])
	}
	return 0 // Currency: one per subscription
}

func (q *query) wireColumns() []columnWire {
	out := []columnWire{}
	for i, name := range q.columnNames() {
		kind := "String"
		switch {
		case i < len(q.aggregates), name == "UsageDate":
			kind = "Number"
		case name == "BillingMonth":
			kind = "Datetime"
		}
		out = append(out, columnWire{Name: name, Type: kind})
	}
	return out
}

// spelled is a row with the names of groups and resources as Azure would spell them on a day.
func (q *query) spelled(r row, sub *subscription, at day) row {
	out := r
	for i, name := range q.groups {
		switch name {
		case "ResourceGroup", "ResourceGroupName":
			out.values[i] = displayGroup(sub, r.values[i], r)
		case "ResourceId":
			out.values[i] = displayResource(sub, r.values[i], r, at)
		}
	}
	return out
}

// wireRow writes a row in the order of the columns.
func (q *query) wireRow(r row, sub *subscription, nulls bool) json.RawMessage {
	b := []byte{'['}
	for _, name := range q.aggregates {
		v := r.nanos
		if strings.HasSuffix(name, "USD") {
			v = r.usd
		}
		if nulls {
			b = append(b, "null,"...)
			continue
		}
		b = append(appendNanos(b, v), ',')
	}
	switch q.granularity {
	case daily:
		b = append(strconv.AppendInt(b, int64(r.period.number()), 10), ',')
	case monthly:
		b = append(append(b, '"'), r.period.String()+`T00:00:00",`...)
	}
	for i := range q.groups {
		b = append(append(b, quote(r.values[i])...), ',')
	}
	return append(append(b, quote(sub.currency)...), ']')
}

// appendNanos prints an amount of 1e-9 units with nine decimals.
func appendNanos(b []byte, v int64) []byte {
	if v < 0 {
		b = append(b, '-')
	}
	m := magnitude(v)
	return fmt.Appendf(b, "%d.%09d", m/1e9, m%1e9)
}

func quote(s string) []byte {
	b, _ := json.Marshal(s) // a string cannot fail
	return b
}

// displayGroup spells a resource group as Azure does: some in lower case always, some with capitals,
// and some now so and now so, from row to row.
func displayGroup(sub *subscription, group string, r row) string {
	key := mix(sub.key, label(group), label("spelling"))
	switch key % 3 {
	case 0:
		return group
	case 1:
		return capitals(group)
	}
	switch mix(key, uint64(r.period), label(r.values[0]), label(r.values[1])) % 3 {
	case 0:
		return group
	case 1:
		return capitals(group)
	default:
		return strings.ToUpper(group)
	}
}

// capitals writes rg-web-prod as RG-Web-Prod.
func capitals(group string) string {
	if group == strings.ToLower(markupName) {
		return markupName
	}
	start := true
	out := strings.Map(func(r rune) rune {
		if start {
			r = unicode.ToUpper(r)
		}
		start = r == '-'
		return r
	}, group)
	if rest, ok := strings.CutPrefix(out, "Rg-"); ok {
		return "RG-" + rest
	}
	return out
}
