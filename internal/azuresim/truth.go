package azuresim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The keys by which truth can be summed. The currency is always one.
const (
	byTenant       = "tenant"
	bySubscription = "subscription"
	byDay          = "day"
	byService      = "service"
	byGroup        = "resource_group"
	byCurrency     = "currency"
)

// TruthQuery asks what Azure's cost answers say at an instant. The zero value asks for everything up
// to now, as one sum per currency.
type TruthQuery struct {
	At           time.Time // zero = the clock's now
	From, To     time.Time // inclusive UTC days; zero = the first day with costs, and the day of At
	Metric       string    // ActualCost (default), AmortizedCost or Usage
	By           []string  // any of tenant, subscription, day, service, resource_group, currency
	Tenant       string    // only this tenant, if given
	Subscription string    // only this subscription, if given
}

// TruthRow is one sum. Each cell (subscription, day, metric, resource group, service, currency) is
// rounded once from nanos to millionths, half away from zero, and then added. Fields that are not
// asked for are empty.
type TruthRow struct {
	Tenant        string
	Subscription  string
	Day           string // 2026-11-01
	Service       string
	ResourceGroup string // lower case; "" is also a value
	Currency      string
	Micros        int64 // millionths of the currency
	USDMicros     int64 // millionths of a US dollar
	Cells         int
}

// Truth answers a query completely, in memory. /sim/truth streams the same rows.
func (s *Server) Truth(q TruthQuery) ([]TruthRow, error) {
	var out []TruthRow
	err := s.truth(q, func(r TruthRow) error {
		out = append(out, r)
		return nil
	})
	return out, err
}

// truthSum is a running truth: rows by key, in the order of their first cell.
type truthSum struct {
	by    map[string]bool
	index map[TruthRow]int // keys have no amounts
	rows  []TruthRow
}

// truth streams the rows of a query. Subscriptions are disjoint, so sums by subscription or tenant
// leave as soon as that one is over and memory stays small.
func (s *Server) truth(q TruthQuery, yield func(TruthRow) error) error {
	from, to, err := s.fillTruth(&q)
	if err != nil {
		return err
	}
	sum := &truthSum{by: map[string]bool{}, index: map[TruthRow]int{}}
	for _, k := range q.By {
		sum.by[k] = true
	}
	for _, t := range s.estate.tenants {
		if q.Tenant != "" && !strings.EqualFold(q.Tenant, t.id) {
			continue
		}
		for _, sub := range t.subs {
			if !sub.answers() || q.Subscription != "" && !strings.EqualFold(q.Subscription, sub.id) {
				continue
			}
			s.sumSubscription(sum, sub, q, from, to)
			if sum.by[bySubscription] {
				if err := sum.flush(yield); err != nil {
					return err
				}
			}
		}
		if sum.by[byTenant] {
			if err := sum.flush(yield); err != nil {
				return err
			}
		}
	}
	return sum.flush(yield)
}

// fillTruth checks a query and sets its defaults.
func (s *Server) fillTruth(q *TruthQuery) (from, to day, err error) {
	if q.At.IsZero() {
		q.At = s.clock.Now()
	}
	if q.Metric == "" {
		q.Metric = metricActual
	}
	var ok bool
	if q.Metric, ok = pick(q.Metric, metricActual, metricAmortized, metricUsage); !ok {
		return 0, 0, fmt.Errorf("azuresim: truth: metric is not ActualCost, AmortizedCost or Usage")
	}
	for _, k := range q.By {
		if !slices.Contains([]string{byTenant, bySubscription, byDay, byService, byGroup, byCurrency}, k) {
			return 0, 0, fmt.Errorf("azuresim: truth: by %q is unknown", k)
		}
	}
	from, to = s.estate.first, dayOf(q.At)
	if !q.From.IsZero() {
		from = max(from, dayOf(q.From))
	}
	if !q.To.IsZero() {
		to = min(to, dayOf(q.To))
	}
	return from, to, nil
}

func (s *Server) sumSubscription(sum *truthSum, sub *subscription, q TruthQuery, from, to day) {
	g := s.estate.generator(sub)
	metric := query{metric: q.Metric}
	var d day
	date := ""
	add := func(c cell) {
		if metric.wants(sub, c.stream) {
			sum.add(sub, c, date)
		}
	}
	for d = from; d <= to; d++ {
		if sum.by[byDay] {
			date = d.String()
		}
		g.cells(d, metric.cellMetric(), q.At, add)
	}
}

func (t *truthSum) add(sub *subscription, c cell, date string) {
	key := TruthRow{Currency: sub.currency, Day: date}
	if t.by[byTenant] {
		key.Tenant = sub.tenant.id
	}
	if t.by[bySubscription] {
		key.Subscription = sub.id
	}
	if t.by[byService] {
		key.Service = c.stream.service
	}
	if t.by[byGroup] {
		key.ResourceGroup = c.stream.group
	}
	i, ok := t.index[key]
	if !ok {
		i = len(t.rows)
		t.index[key] = i
		t.rows = append(t.rows, key)
	}
	r := &t.rows[i]
	r.Micros += mulDiv(c.nanos, 1, microNanos)
	r.USDMicros += mulDiv(c.usd, 1, microNanos)
	r.Cells++
}

func (t *truthSum) flush(yield func(TruthRow) error) error {
	for _, r := range t.rows {
		if err := yield(r); err != nil {
			return err
		}
	}
	t.rows = t.rows[:0]
	clear(t.index)
	return nil
}

// truthLine writes a row as /sim/truth does: with the keys that were asked for, also if empty.
func truthLine(r TruthRow, by []string) []byte {
	b := []byte{'{'}
	field := func(name string, v any) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		text, _ := json.Marshal(v) // strings and integers cannot fail
		b = append(append(append(b, quote(name)...), ':'), text...)
	}
	for _, f := range []struct{ name, value string }{
		{byTenant, r.Tenant},
		{bySubscription, r.Subscription},
		{byDay, r.Day},
		{byService, r.Service},
		{byGroup, r.ResourceGroup},
	} {
		if slices.Contains(by, f.name) {
			field(f.name, f.value)
		}
	}
	field(byCurrency, r.Currency)
	field("micros", r.Micros)
	field("usd_micros", r.USDMicros)
	field("cells", r.Cells)
	return append(b, '}', '\n')
}
