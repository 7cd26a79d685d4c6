package page

import (
	"slices"
	"strings"
	"time"

	"fresnel/internal/web/ui"
)

// htmxConfig is htmx's configuration: no style sheet of its own (the policy forbids it and ours has the rules), a
// timeout of 15 s, and open details that stay open through a refresh.
const htmxConfig = `{"includeIndicatorCSS":false,"defaultTimeout":15000,"morphIgnore":["data-htmx-powered","open"]}`

var periodNames = map[string]string{
	"mtd": "Month to date", "last-month": "Last month", "7d": "Last 7 days", "30d": "Last 30 days",
	"90d": "Last 90 days", "ytd": "Year to date",
}

var comparisonNames = map[string]string{"prev": "previous period", "prev-year": "previous year", "none": "nothing"}

var comparisonTitles = map[string]string{"prev": "Previous period", "prev-year": "Previous year", "none": "No comparison"}

var groupNames = map[string]string{
	"tenant": "Tenant", "service": "Service", "subscription": "Subscription", "resource-group": "Resource group",
	"resource": "Resource", "charge-type": "Charge type",
}

func (s Shell) theme() string {
	if s.Theme == "light" || s.Theme == "dark" {
		return s.Theme
	}
	return "system"
}

// windowTitle changes with page and scope: "Costs · Aldermoor Retail · Fresnel".
func (s Shell) windowTitle() string {
	parts := []string{s.Title}
	if len(s.chosen()) > 0 {
		parts = append(parts, s.tenantLabel())
	}
	return strings.Join(append(parts, "Fresnel"), " · ")
}

func (s Shell) chosen() []string {
	var names []string
	for _, t := range s.Tenants {
		if t.Chosen {
			names = append(names, t.Name)
		}
	}
	return names
}

func (s Shell) tenantLabel() string {
	switch names := s.chosen(); len(names) {
	case 0:
		return "All tenants"
	case 1:
		return names[0]
	default:
		return Count(len(names)) + " tenants"
	}
}

// tenantCount is the number behind "All tenants".
func (s Shell) tenantCount() string {
	if len(s.chosen()) > 0 {
		return ""
	}
	return "(" + Count(len(s.Tenants)) + ")"
}

// vs is the word of what is compared with, "" for days of their own.
func (s Shell) vs() string {
	if s.Query.VSFrom != "" {
		return ""
	}
	if slices.Contains(comparisons, s.Query.VS) {
		return s.Query.VS
	}
	return comparisons[0]
}

// vsName is what is compared with, in words.
func (s Shell) vsName() string {
	from, errFrom := time.Parse(time.DateOnly, s.Query.VSFrom)
	to, errTo := time.Parse(time.DateOnly, s.Query.VSTo)
	if errFrom != nil || errTo != nil {
		return comparisonNames[or(s.vs(), comparisons[0])]
	}
	return Days(from, to)
}

// fields lists the query for hidden inputs, in a stable order.
func (q Query) fields() [][2]string {
	values := q.Values()
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var out [][2]string
	for _, name := range names {
		for _, v := range values[name] {
			out = append(out, [2]string{name, v})
		}
	}
	return out
}

// part is the page that this one is or is under, of those that have pages under them; "" is none.
func (s Shell) part() string {
	for path := range partNames {
		if s.Path == path || strings.HasPrefix(s.Path, path+"/") {
			return path
		}
	}
	return ""
}

var partNames = map[string]string{PathCosts: "Costs", PathResources: "Resources", PathCompliance: "Compliance"}

// subPages are the pages of a part.
func subPages(s Shell, part string) []ui.Choice {
	type link struct{ path, label string }
	pages := map[string][]link{
		PathCosts: {{PathCosts, "Costs"}, {PathAnomalies, "Anomalies"}, {PathBudgets, "Budgets"}, {PathRestated, "Restated"}},
		PathCompliance: {
			{PathCompliance, "Compliance"},
			{PathNonCompliant, "Resources"},
			{PathDrift, "Drift"},
			{PathExemptions, "Exemptions"},
			{PathSecureScore, "Secure score"},
			{PathFrameworks, "Frameworks"},
		},
		PathResources: {{PathResources, "Resources"}, {PathWaste, "Waste"}, {PathTags, "Tags"}, {PathChanges, "Changes"}},
	}
	var out []ui.Choice
	for _, p := range pages[part] {
		out = append(out, ui.Choice{Label: p.label, URL: s.Query.Scope().URL(p.path), Current: s.Path == p.path})
	}
	return out
}
