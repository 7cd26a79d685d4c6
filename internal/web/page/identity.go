package page

import (
	"slices"
	"strconv"
	"strings"

	"fresnel/internal/web/ui"
)

// MFATone is how a share of people with a second factor looks: most tools ask for all but a few.
func MFATone(percent float64) ui.Kind {
	switch {
	case percent >= 95:
		return ui.OK
	case percent >= 92:
		return ui.Warn
	}
	return ui.Bad
}

// ShortID is an id with its middle left out: 1c8f…02ab.
func ShortID(id string) string {
	if len(id) <= 12 {
		return id
	}
	return id[:4] + "…" + id[len(id)-4:]
}

// shows says whether the region has figures: its cards are not printed beside a first-run text.
func (r Region) shows() bool {
	switch r.Fresh.State {
	case Ready, AllStale, Uncovered, Empty:
		return true
	case FirstSync:
		return r.Fresh.HasRows
	case Loading, NeverSynced:
	}
	return false
}

func (m IdentityStats) sub() string {
	if m.More == 0 {
		return ""
	}
	return Count(len(m.Rows)) + " of " + Count(m.Of) + " in this order"
}

// folded are the numbers of a tenant that a narrow page has no column for.
func (t IdentityTenant) folded() string {
	if t.Users.Figure == Dash {
		return ""
	}
	return dotted(t.Users.Figure+" users", t.Privileged.Figure+" privileged", t.Guests.Figure+" guests", t.Stale.Figure+" stale", t.Expiring.Figure+" expiring")
}

// tenantWay is the direction of an order of tenants: each has the one in which it is looked at.
func tenantWay(by string) string {
	if by == "name" || by == "mfa" {
		return "ascending"
	}
	return "descending"
}

func (m IdentityGaps) sub() string {
	if len(m.Rows) == 0 {
		return ""
	}
	return Count(m.Tenants) + " of " + Plural(m.Of, "tenant", "tenants")
}

// tenants names the first of the tenants of a gap.
func (g IdentityGap) tenants() string {
	s := strings.Join(g.Tenants, ", ")
	if g.More > 0 {
		s += " and " + Count(g.More) + " more"
	}
	return s
}

func (g IdentityGap) count() string { return Plural(len(g.Tenants)+g.More, "tenant", "tenants") }

// trendJSON is what chart.js draws of one number.
type trendJSON struct {
	Labels []string     `json:"labels"`
	Days   []string     `json:"days"`
	Low    float64      `json:"low"`
	High   float64      `json:"high"`
	Unit   string       `json:"unit"`
	Lines  []seriesJSON `json:"lines"`
}

func trendData(days []ChartSlot, c TrendChart) trendJSON {
	out := trendJSON{Low: c.Low, High: c.High, Unit: "count", Labels: []string{}, Days: []string{}}
	if c.Percent {
		out.Unit = "percent"
	}
	line := seriesJSON{Name: c.Name, Slot: c.Slot, Values: make([]*float64, len(days))}
	for i, d := range days {
		out.Labels, out.Days = append(out.Labels, d.Label), append(out.Days, d.Full)
		if i < len(c.Points) && c.Points[i].Known {
			line.Values[i] = &c.Points[i].Value
		}
	}
	out.Lines = []seriesJSON{line}
	return out
}

// point is a number of a day, not known past the end.
func (c TrendChart) point(i int) TrendPoint {
	if i >= len(c.Points) {
		return TrendPoint{Words: Dash}
	}
	return c.Points[i]
}

// Any says whether something is known of any day.
func (c TrendChart) Any() bool {
	return slices.ContainsFunc(c.Points, func(p TrendPoint) bool { return p.Known })
}

// Len is how many rows the list shows.
func (m IdentityList) Len() int {
	return len(m.Accounts) + len(m.Credentials) + len(m.Roles) + len(m.Others)
}

func (m IdentityList) sortable(word string) bool { return word != "risk" || m.Power }

// head is the name of the column that says what an account is.
func (m IdentityList) head() string {
	if m.Power {
		return "Risk"
	}
	return "State"
}

func (m IdentityList) pages() string {
	n := Plural(m.Len(), "row", "rows")
	if m.Total == "" {
		return n
	}
	return n + " of " + m.Total
}

func identityFindingURL(q Query, id string) string {
	return q.URL(PathIdentityFound + "/" + id + "/verdict")
}

// typed is what a finding's form holds.
func (f IdentityFinding) typed() VerdictForm {
	if f.Form == nil {
		return VerdictForm{}
	}
	return *f.Form
}

func (m RuleCounts) sub() string {
	return Count(m.Open) + " open"
}

// pages says how many rows are shown, of how many if that is counted.
func (m IdentityFindings) pages() string {
	n := Plural(len(m.Rows), "row", "rows")
	if m.Matched == 0 {
		return n
	}
	return n + " of " + Count(m.Matched)
}

// part is how much of a bar is filled, of 100.
func (t IdentityTenant) part() string { return strconv.Itoa(min(max(t.MFAPart, 0), 100)) }

// FindingStates are the links of the states of findings.
func FindingStates(q Query, path string) []ui.Choice {
	var out []ui.Choice
	for _, s := range states {
		value := s
		if s == states[0] {
			value = ""
		}
		out = append(out, ui.Choice{Label: Sentence(s), URL: q.WithState(value).URL(path) + "#lists", Current: is(q.State, s, states)})
	}
	return out
}
