package page

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Query is the state of a page as its address holds it. The zero value is the default view: all tenants, month to
// date, compared with the previous period. Values are never empty words: "" is the default.
type Query struct {
	Tenants      []string // tenant ids or slugs; none means every tenant that the viewer may see
	Period       string   // mtd, last-month, 7d, 30d, 90d, ytd; ignored when From and To are set
	From, To     string   // UTC days, inclusive, as 2026-11-22; both or neither
	VS           string   // prev, prev-year, none
	VSFrom, VSTo string   // UTC days to compare with in place of VS, inclusive; both or neither
	Group        string   // tenant, service, subscription, resource-group, resource, charge-type
	Granularity  string   // daily, monthly, accumulated
	Metric       string   // actual, amortized
	Sort         string   // -cost, name, ...
	Cursor       string   // opaque, of the last page
	View         string   // "overview" when a partial belongs to the Overview
	State        string   // of anomalies and waste: all, open, acknowledged, expected
	Budget       string   // the budget that is changed, or "new"; For is then its tenant
	For          string
	Filters
	Things
	Judging
	Who
}

// Filters narrow cost to names; each is any of its values, empty is all.
type Filters struct {
	Subs     []string // subscription GUIDs
	Services []string
	RGs      []string // resource groups, lower case; "" is cost that is in none
	Charges  []string // charge types; never beside resource groups or resources: Azure tells it only beside the service
}

// Any says whether anything is filtered.
func (f Filters) Any() bool { return len(f.Subs)+len(f.Services)+len(f.RGs)+len(f.Charges) > 0 }

// maxFilter bounds how many values one filter takes from an address.
const maxFilter = 100

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
	q.Tenants = list(values["tenant"], false)
	q.Period = word("period", periods)
	q.VS = word("vs", comparisons)
	q.Group = word("group", groups)
	q.Granularity = word("granularity", granularities)
	q.Metric = word("metric", metrics)
	q.Sort = word("sort", sorts)
	q.State = word("state", states)
	q.View = word("view", []string{"", viewOverview})
	q.Cursor, q.Budget, q.For = values.Get("cursor"), values.Get("budget"), values.Get("for")
	days := func(first, last string) (string, string) {
		from, to, note := parseDays(values, first, last)
		if note != "" {
			notes = append(notes, note)
		}
		return from, to
	}
	if q.From, q.To = days("from", "to"); q.From != "" {
		q.Period = ""
	}
	if q.VSFrom, q.VSTo = days("vs_from", "vs_to"); q.VSFrom != "" {
		q.VS = ""
	}
	q.Filters = Filters{
		Subs: list(values["sub"], false), Services: list(values["service"], false),
		RGs: list(values["resource_group"], true), Charges: list(values["charge_type"], false),
	}
	if note := q.cut(); note != "" {
		notes = append(notes, note)
	}
	var unread []string
	q.Things, unread = parseThings(values)
	notes = append(notes, unread...)
	q.Judging, unread = parseJudging(values)
	notes = append(notes, unread...)
	q.Who, unread = parseWho(values)
	return q, append(notes, unread...)
}

// cut drops the charge types where the resource group or resource is asked for too, and says so.
func (q *Query) cut() (note string) {
	switch {
	case len(q.Charges) > 0 && (q.Group == "resource-group" || q.Group == "resource" || len(q.RGs) > 0):
		q.Charges = nil
		return "Left out the charge type: Azure tells it only beside the service, not beside resource groups and resources."
	case q.Group == "charge-type" && len(q.RGs) > 0:
		q.RGs = nil
		return "Left out the resource group: Azure tells the charge type only beside the service."
	}
	return ""
}

// list is the different values of a word, at most maxFilter. lower is for names that Azure compares in any case, of
// which an empty one means something.
func list(values []string, lower bool) []string {
	var out []string
	for _, v := range values {
		if v = strings.TrimSpace(v); lower {
			v = strings.ToLower(v)
		}
		if (v != "" || lower) && !slices.Contains(out, v) && len(out) < maxFilter {
			out = append(out, v)
		}
	}
	return out
}

// parseDays reads the first and the last day of a period, both or neither.
func parseDays(values url.Values, first, last string) (from, to, note string) {
	from, to = values.Get(first), values.Get(last)
	if from == "" && to == "" {
		return "", "", ""
	}
	a, errA := time.Parse(time.DateOnly, from)
	b, errB := time.Parse(time.DateOnly, to)
	note = "Ignored " + first + "=" + from + " and " + last + "=" + to + ": both must be days like 2026-11-22"
	switch {
	case errA != nil:
		return "", "", note + "."
	case errB != nil || b.Before(a):
		return "", "", note + ", the first before the last."
	}
	return from, to, ""
}

// Values writes the query in the words of the address; defaults are left out.
func (q Query) Values() url.Values {
	v := url.Values{}
	set := func(name, value, def string) {
		if value != "" && value != def {
			v.Set(name, value)
		}
	}
	add := func(name string, values []string) {
		if len(values) > 0 {
			v[name] = slices.Clone(values)
		}
	}
	add("tenant", q.Tenants)
	if q.From != "" && q.To != "" {
		v.Set("from", q.From)
		v.Set("to", q.To)
	} else {
		set("period", q.Period, periods[0])
	}
	if q.VSFrom != "" && q.VSTo != "" {
		v.Set("vs_from", q.VSFrom)
		v.Set("vs_to", q.VSTo)
	} else {
		set("vs", q.VS, comparisons[0])
	}
	set("group", q.Group, groups[0])
	set("granularity", q.Granularity, granularities[0])
	set("metric", q.Metric, metrics[0])
	set("sort", q.Sort, sorts[0])
	set("state", q.State, states[0])
	set("cursor", q.Cursor, "")
	set("view", q.View, "")
	set("budget", q.Budget, "")
	set("for", q.For, "")
	add("sub", q.Subs)
	add("service", q.Services)
	add("resource_group", q.RGs)
	add("charge_type", q.Charges)
	q.writeThings(v)
	q.writeJudging(v)
	q.writeWho(v)
	return v
}

// URL is path with the query behind it.
func (q Query) URL(path string) string {
	if s := q.Values().Encode(); s != "" {
		return path + "?" + s
	}
	return path
}

// CSV is the address of a list of costs of the REST API with the figures of this view: all rows, whatever page is shown.
func (q Query) CSV(path string) string {
	q.Group, q.Granularity, q.Sort, q.Cursor, q.View, q.Budget, q.For = "", "", "", "", "", "", ""
	if path != "anomalies" { // the API refuses what it does not know
		q.State = ""
	}
	return q.URL(PathAPI + "costs/" + path + ".csv")
}

// ResourcesCSV is the address of the REST API's list of the resources of this view.
func (q Query) ResourcesCSV() string {
	v := url.Values{}
	t := q.Things
	t.TagKey, t.ID, t.Rule, t.Confidence, t.Over, t.Kinds, t.Actors = "", "", "", "", "", nil, nil
	t.writeThings(v)
	if q.TagKey != "" {
		v.Set("tag", q.TagKey) // as the API calls it
	}
	for _, g := range q.RGs {
		if g != "" {
			v.Add("resource_group", g)
		}
	}
	return q.csv("resources", v)
}

// WasteCSV is the address of the REST API's list of the waste of this view. The API does not filter by confidence.
func (q Query) WasteCSV() string {
	v := url.Values{}
	Things{Rule: q.Rule, Over: q.Over}.writeThings(v)
	if q.State != "" {
		v.Set("state", q.State)
	}
	q.Subs = nil
	return q.csv("resources/orphaned", v)
}

// TagsCSV is the address of the REST API's counts of tags.
func (q Query) TagsCSV() string {
	q.Subs = nil
	return q.csv("resources/tagging", url.Values{})
}

// ChangesCSV is the address of the REST API's list of the changes of this view, of the days from and to, both included;
// "" is all days.
func (q Query) ChangesCSV(from, to string) string {
	v := url.Values{}
	Things{Types: q.Types, ID: q.ID, Kinds: q.Kinds, Actors: q.Actors}.writeThings(v)
	if from != "" {
		v.Set("from", from)
		v.Set("to", to)
	}
	return q.csv("resources/changes", v)
}

// csv is the address of a list of the API: v has its own words.
func (q Query) csv(path string, v url.Values) string {
	for name, values := range map[string][]string{"tenant": q.Tenants, "sub": q.Subs} {
		if len(values) > 0 {
			v[name] = values
		}
	}
	if s := v.Encode(); s != "" {
		return PathAPI + path + ".csv?" + s
	}
	return PathAPI + path + ".csv"
}
