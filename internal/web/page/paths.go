package page

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Paths of the pages, partials and writes. Every address that a template prints is built here.
const (
	PathOverview  = "/"
	PathCosts     = "/costs"
	PathSync      = "/sync"
	PathStates    = "/dev/states"
	PathEvents    = "/events"     // the live stream
	PathSyncCosts = "/sync/costs" // POST; with ?tenant= for one tenant
	PathPartials  = "/partials/"  // + the id of the region
	viewOverview  = "overview"    // value of "view" on partials of the Overview
)

// The words of the query that have a closed set of values; the first is the default and never printed.
var (
	periods       = []string{"mtd", "last-month", "7d", "30d", "90d", "ytd"}
	comparisons   = []string{"prev", "prev-year", "none"}
	groups        = []string{"tenant", "service", "resource-group", "subscription"}
	granularities = []string{"daily", "monthly"}
	metrics       = []string{"actual", "amortized"}
	sorts         = []string{"-cost", "cost", "name", "-name", "share", "-share", "previous", "-previous", "change", "-change"}
)

// Query is the state of a page as its address holds it. The zero value is the default view: all tenants, month to
// date, compared with the previous period. Values are never empty words: "" is the default.
type Query struct {
	Tenants     []string // tenant ids or slugs; none means every tenant that the viewer may see
	Period      string   // mtd, last-month, 7d, 30d, 90d, ytd; ignored when From and To are set
	From, To    string   // UTC days, inclusive, as 2026-11-22; both or neither
	VS          string   // prev, prev-year, none
	Group       string   // tenant, service, resource-group, subscription
	Granularity string   // daily, monthly
	Metric      string   // actual, amortized
	Sort        string   // -cost, name, ...
	Cursor      string   // opaque, of the last page
	View        string   // "overview" when a partial belongs to the Overview
}

// ParseQuery reads the words of an address. What it cannot understand is left at its default and named in notes, one
// sentence each, for Shell.Notes. Tenants are taken as they stand: the handler resolves and checks them.
func ParseQuery(values url.Values) (q Query, notes []string) {
	word := func(name string, allowed []string) string {
		v := values.Get(name)
		if v == "" || v == allowed[0] {
			return ""
		}
		if !slices.Contains(allowed, v) {
			notes = append(notes, "Ignored "+name+"="+v+": not a known value.")
			return ""
		}
		return v
	}
	for _, t := range values["tenant"] {
		if t = strings.TrimSpace(t); t != "" && !slices.Contains(q.Tenants, t) {
			q.Tenants = append(q.Tenants, t)
		}
	}
	q.Period = word("period", periods)
	q.VS = word("vs", comparisons)
	q.Group = word("group", groups)
	q.Granularity = word("granularity", granularities)
	q.Metric = word("metric", metrics)
	q.Sort = word("sort", sorts)
	q.View = word("view", []string{"", viewOverview})
	q.Cursor = values.Get("cursor")
	from, to := values.Get("from"), values.Get("to")
	switch a, errA := time.Parse(time.DateOnly, from); {
	case from == "" && to == "":
	case errA != nil:
		notes = append(notes, "Ignored from="+from+" and to="+to+": both must be days like 2026-11-22.")
	default:
		b, errB := time.Parse(time.DateOnly, to)
		if errB != nil || b.Before(a) {
			notes = append(notes, "Ignored from="+from+" and to="+to+": both must be days like 2026-11-22, the first before the last.")
			break
		}
		q.From, q.To, q.Period = from, to, ""
	}
	return q, notes
}

// Values writes the query in the words of the address; defaults are left out.
func (q Query) Values() url.Values {
	v := url.Values{}
	for _, t := range q.Tenants {
		v.Add("tenant", t)
	}
	set := func(name, value, def string) {
		if value != "" && value != def {
			v.Set(name, value)
		}
	}
	if q.From != "" && q.To != "" {
		v.Set("from", q.From)
		v.Set("to", q.To)
	} else {
		set("period", q.Period, periods[0])
	}
	set("vs", q.VS, comparisons[0])
	set("group", q.Group, groups[0])
	set("granularity", q.Granularity, granularities[0])
	set("metric", q.Metric, metrics[0])
	set("sort", q.Sort, sorts[0])
	set("cursor", q.Cursor, "")
	set("view", q.View, "")
	return v
}

// URL is path with the query behind it.
func (q Query) URL(path string) string {
	if s := q.Values().Encode(); s != "" {
		return path + "?" + s
	}
	return path
}

// Scope keeps what navigation carries to another page: tenants, period and comparison.
func (q Query) Scope() Query {
	return Query{Tenants: q.Tenants, Period: q.Period, From: q.From, To: q.To, VS: q.VS}
}

// WithTenants is q for these tenants; none means all. The page begins again at its first row.
func (q Query) WithTenants(tenants ...string) Query {
	q.Tenants, q.Cursor = tenants, ""
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
func (q Query) WithVS(vs string) Query { q.VS = vs; return q }

// WithGroup is q grouped by tenant, service, resource-group or subscription.
func (q Query) WithGroup(group string) Query { q.Group, q.Cursor = group, ""; return q }

// WithGranularity is q by day or by month.
func (q Query) WithGranularity(g string) Query { q.Granularity = g; return q }

// WithMetric is q as actual or amortized cost.
func (q Query) WithMetric(m string) Query { q.Metric, q.Cursor = m, ""; return q }

// WithSort is q sorted by a column, "-" before it for the largest first.
func (q Query) WithSort(sort string) Query { q.Sort, q.Cursor = sort, ""; return q }

// WithCursor is q from the row after cursor.
func (q Query) WithCursor(cursor string) Query { q.Cursor = cursor; return q }

// SyncCosts is where a form posts to read costs now: of one tenant, or of all that the viewer may see when it is "".
func SyncCosts(tenant string) string {
	if tenant == "" {
		return PathSyncCosts
	}
	return PathSyncCosts + "?" + url.Values{"tenant": {tenant}}.Encode()
}

// is says whether value is the word, where "" means the first of words.
func is(value, word string, words []string) bool {
	return value == word || (value == "" && word == words[0])
}
