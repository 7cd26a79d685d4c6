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
	byMonth        = "month"
	byCharge       = "charge_type"
	byResource     = "resource"
	byPublisher    = "publisher"
)

var truthKeys = []string{
	byTenant, bySubscription, byDay, byService, byGroup, byCurrency, byMonth, byCharge, byResource, byPublisher,
}

// The cuts: the keys at which a client keeps rows, and so rounds them.
const (
	cutGroups    = "groups"    // day, resource group, service
	cutCharges   = "charges"   // day, charge type, service
	cutResources = "resources" // month, resource, service
)

// TruthQuery asks what Azure's cost answers say at an instant. The zero value asks for everything up
// to now, as one sum per currency.
type TruthQuery struct {
	At           time.Time // zero = the clock's now
	From, To     time.Time // inclusive UTC days; zero = the first day with costs, and the day of At
	Metric       string    // ActualCost (default), AmortizedCost or Usage
	By           []string  // any of tenant, subscription, day, month, service, resource_group, charge_type, publisher, resource, currency
	Cut          string    // where amounts are rounded: groups (default), charges or resources
	Tenant       string    // only this tenant, if given
	Subscription string    // only this subscription, if given
}

// TruthRow is one sum. A row is rounded once, from nanos to millionths, half away from zero, and then
// rows are added. A row is what a client keeps of a subscription, metric and currency by the query's
// cut: groups is day, resource group and service; charges is day, charge type and service; resources
// is calendar month, resource id in lower case and service (of the days that are asked for). Keys that
// are asked for and not in the cut are parts of the row, too: they divide it further. Fields that are
// not asked for are empty.
type TruthRow struct {
	Tenant        string
	Subscription  string
	Day           string // 2026-11-01
	Month         string // 2026-11
	Service       string
	ResourceGroup string // lower case; "" is also a value
	ChargeType    string
	Publisher     string
	Resource      string // lower case; "" is also a value
	Currency      string
	Micros        int64 // millionths of the currency
	USDMicros     int64 // millionths of a US dollar
	Cells         int   // rows that were added
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

// truth streams the rows of a query. Subscriptions are disjoint, so sums by subscription or tenant
// leave as soon as that one is over and memory stays small.
func (s *Server) truth(q TruthQuery, yield func(TruthRow) error) error {
	from, to, err := s.fillTruth(&q)
	if err != nil {
		return err
	}
	sum := newTruthSum(q)
	for _, t := range s.estate.tenants {
		if q.Tenant != "" && !strings.EqualFold(q.Tenant, t.id) {
			continue
		}
		for _, sub := range t.subs {
			if !sub.answers() || q.Subscription != "" && !strings.EqualFold(q.Subscription, sub.id) {
				continue
			}
			sum.subscription(s.estate.generator(sub), from, to)
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
		if !slices.Contains(truthKeys, k) {
			return 0, 0, fmt.Errorf("azuresim: truth: by %q is unknown", k)
		}
	}
	if q.Cut == "" {
		q.Cut = cutGroups
	}
	if q.Cut, ok = pick(q.Cut, cutGroups, cutCharges, cutResources); !ok {
		return 0, 0, fmt.Errorf("azuresim: truth: cut is not groups, charges or resources")
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
		{byMonth, r.Month},
		{byService, r.Service},
		{byGroup, r.ResourceGroup},
		{byCharge, r.ChargeType},
		{byPublisher, r.Publisher},
		{byResource, r.Resource},
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
