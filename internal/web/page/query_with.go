package page

import (
	"slices"
	"time"
)

// Scope keeps what navigation carries to another page: tenants, period and comparison.
func (q Query) Scope() Query {
	return Query{Tenants: q.Tenants, Period: q.Period, From: q.From, To: q.To, VS: q.VS, VSFrom: q.VSFrom, VSTo: q.VSTo}
}

// WithTenants is q for these tenants; none means all. The page begins again at its first row; subscriptions are of
// tenants, so they are no longer asked for.
func (q Query) WithTenants(tenants ...string) Query {
	q.Tenants, q.Subs, q.Cursor = tenants, nil, ""
	return q
}

// WithPeriod is q for a relative period, which stays relative in a shared link.
func (q Query) WithPeriod(period string) Query {
	q.Period, q.From, q.To, q.Cursor = period, "", "", ""
	return q
}

// WithDays is q for the days from and to, both included.
func (q Query) WithDays(from, to time.Time) Query {
	q.Period, q.From, q.To, q.Cursor = "", ISODay(from), ISODay(to), ""
	return q
}

// WithVS is q compared with prev, prev-year or none.
func (q Query) WithVS(vs string) Query { q.VS, q.VSFrom, q.VSTo = vs, "", ""; return q }

// WithGroup is q grouped by tenant, service, subscription, resource-group, resource or charge-type. What Azure does
// not tell beside it is no longer asked for.
func (q Query) WithGroup(group string) Query {
	q.Group, q.Cursor = group, ""
	_ = q.cut()
	return q
}

// WithGranularity is q by day, by month, or by day from the first on.
func (q Query) WithGranularity(g string) Query { q.Granularity = g; return q }

// WithMetric is q as actual or amortized cost.
func (q Query) WithMetric(m string) Query { q.Metric, q.Cursor = m, ""; return q }

// WithSort is q sorted by a column, "-" before it for the largest first.
func (q Query) WithSort(sort string) Query { q.Sort, q.Cursor = sort, ""; return q }

// WithCursor is q from the row after cursor.
func (q Query) WithCursor(cursor string) Query { q.Cursor = cursor; return q }

// WithSubs is q of these subscriptions.
func (q Query) WithSubs(ids ...string) Query { q.Subs, q.Cursor = ids, ""; return q }

// WithService is q of one service.
func (q Query) WithService(name string) Query {
	q.Services, q.Cursor = []string{name}, ""
	return q
}

// WithRG is q of one resource group.
func (q Query) WithRG(name string) Query { q.RGs, q.Cursor = []string{name}, ""; return q }

// WithCharge is q of one charge type.
func (q Query) WithCharge(name string) Query { q.Charges, q.Cursor = []string{name}, ""; return q }

// WithFilters is q with other filters.
func (q Query) WithFilters(f Filters) Query { q.Filters, q.Cursor = f, ""; return q }

// WithState is q with anomalies of a state.
func (q Query) WithState(state string) Query { q.State, q.Cursor = state, ""; return q }

// WithBudget is q with the form of a budget open: its id, or "new" for one of a tenant; "" closes it.
func (q Query) WithBudget(id, tenant string) Query { q.Budget, q.For = id, tenant; return q }

// without is a list that lacks one value.
func without(list []string, value string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v == value })
}

// WithThings is q of other resources.
func (q Query) WithThings(t Things) Query { q.Things, q.Cursor = t, ""; return q }

// WithType is q of resources of one type.
func (q Query) WithType(name string) Query {
	q.Types, q.Cursor = []string{name}, ""
	return q
}

// WithTag is q of resources with a tag.
func (q Query) WithTag(key, value string) Query {
	q.TagKey, q.TagValue, q.Cursor = key, value, ""
	return q
}

// WithGone is q of the resources that are no more, or of those that are.
func (q Query) WithGone(gone bool) Query { q.Gone, q.Cursor = gone, ""; return q }

// WithID is q about one resource.
func (q Query) WithID(id string) Query { q.ID = id; return q }

// WithRule is q with waste of one rule; "" is all.
func (q Query) WithRule(rule string) Query { q.Rule, q.Cursor = rule, ""; return q }

// WithMissing is q of resources that lack a required tag.
func (q Query) WithMissing(tag string) Query { q.Missing, q.Cursor = tag, ""; return q }

// WithOver is q with waste that is worth more than an amount a month; "" is all.
func (q Query) WithOver(amount string) Query { q.Over, q.Cursor = amount, ""; return q }

// WithConfidence is q with waste of one confidence.
func (q Query) WithConfidence(c string) Query { q.Confidence, q.Cursor = c, ""; return q }
