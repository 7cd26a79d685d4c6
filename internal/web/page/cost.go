package page

import (
	"slices"
	"strings"

	"fresnel/internal/web/ui"
)

// chartJSON is what chart.js draws, made from the same value as the table beside it. Amounts are in whole units of
// the currency; null is a slot that was not read.
type chartJSON struct {
	Symbol      string       `json:"symbol"`
	Labels      []string     `json:"labels"`
	Days        []string     `json:"days"`
	Provisional []bool       `json:"provisional"`
	Series      []seriesJSON `json:"series"`
	Totals      []*float64   `json:"totals"`
	Previous    *seriesJSON  `json:"previous,omitempty"`
	Forecast    *seriesJSON  `json:"forecast,omitempty"`
	Area        bool         `json:"area,omitempty"`
	Band        string       `json:"band"` // words of the shaded days
	Marks       []markJSON   `json:"marks,omitempty"`
}

type seriesJSON struct {
	Name   string     `json:"name"`
	Slot   int        `json:"slot"`
	Values []*float64 `json:"values"`
}

type markJSON struct {
	Day   int    `json:"day"`
	Label string `json:"label"`
	URL   string `json:"url,omitempty"`
}

func chartData(m CostChart) chartJSON {
	out := chartJSON{Symbol: Symbol(m.Currency), Series: []seriesJSON{}, Totals: units(m.Totals, len(m.Slots))}
	out.Area, out.Band = m.Area, "Still changing"
	for _, s := range m.Slots {
		out.Labels = append(out.Labels, s.Label)
		out.Days = append(out.Days, s.Full)
		out.Provisional = append(out.Provisional, s.Late || s.Ahead)
	}
	for _, s := range m.Series {
		slot := s.Slot
		if slot < 1 || slot > 6 {
			slot = 0
		}
		out.Series = append(out.Series, seriesJSON{Name: s.Name, Slot: slot, Values: units(s.Micros, len(m.Slots))})
	}
	if m.Previous != nil {
		out.Previous = &seriesJSON{Name: m.Previous.Name, Values: units(m.Previous.Micros, len(m.Slots))}
	}
	if m.Forecast != nil {
		out.Forecast, out.Band = &seriesJSON{Name: m.Forecast.Name, Values: units(m.Forecast.Micros, len(m.Slots))}, "Partial days and forecast"
	}
	for _, k := range m.Marks {
		if k.Slot >= 0 && k.Slot < len(m.Slots) {
			out.Marks = append(out.Marks, markJSON{Day: k.Slot, Label: k.Label, URL: k.URL})
		}
	}
	return out
}

// units turns n amounts into units of the currency for drawing; the figures that people read come from Money.
func units(micros []int64, n int) []*float64 {
	out := make([]*float64, n)
	for i := range out {
		if v := at(micros, i); v != Unknown {
			u := float64(v) / 1e6
			out[i] = &u
		}
	}
	return out
}

// at is the amount at i, Unknown past the end.
func at(micros []int64, i int) int64 {
	if i >= len(micros) {
		return Unknown
	}
	return micros[i]
}

func anyLate(slots []ChartSlot) bool {
	return slices.ContainsFunc(slots, func(s ChartSlot) bool { return s.Late })
}

// foldsBilling says whether a narrow page, which has no column for them, lists a row's billing amounts under its cost.
// Where rows have many currencies only the total does: they would double the page.
func (m CostBreakdown) foldsBilling(r BreakdownRow) bool {
	switch n := len(r.Billing); {
	case n == 0 || n == 1 && r.Billing[0] == r.Cost:
		return false
	case n >= manyCurrencies:
		return r.Name == m.Total.Name && r.URL == ""
	}
	return !slices.ContainsFunc(m.Rows, func(r BreakdownRow) bool { return len(r.Billing) >= manyCurrencies })
}

// billedApart says whether a row is billed in anything but what its cost is told in.
func (m CostBreakdown) billedApart(r BreakdownRow) bool {
	return len(r.Billing) > 1 || len(r.Billing) == 1 && r.Billing[0] != r.Cost
}

// step is the head of the first column of the table.
func (m CostChart) step() string {
	if m.Monthly {
		return "Month"
	}
	return "Day"
}

func firstTwo(m []Missing) []Missing { return m[:min(2, len(m))] }

// manyCurrencies is from how many billing currencies on a row folds their amounts away.
const manyCurrencies = 3

// billed says whether a row has amounts of its own in billing currencies: then there is a column for them.
func (m CostBreakdown) billed() bool {
	return len(m.Total.Billing) > 0 || slices.ContainsFunc(m.Rows, func(r BreakdownRow) bool { return len(r.Billing) > 0 })
}

// anomaliesOpen is how many anomalies are listed at once; the others are folded away.
const anomaliesOpen = 8

// detail is the line under the name; beside the table of Costs there is no room for a column of the day's cost.
func (m CostAnomalies) detail(r AnomalyRow) string {
	if m.onOverview() {
		return r.Detail
	}
	return r.Detail + ": " + r.Cost + " a day"
}

// riseTone is the colour of a change of cost: a rise is bad news.
func riseTone(d Delta) string {
	switch d.Rise {
	case 1:
		return "t-bad"
	case -1:
		return "t-ok"
	}
	return "muted"
}

func (m CostAnomalies) open() []AnomalyRow   { return m.Rows[:min(anomaliesOpen, len(m.Rows))] }
func (m CostAnomalies) folded() []AnomalyRow { return m.Rows[len(m.open()):] }

// groupChoices are the links of "Group by".
func groupChoices(q Query, path string, offered []string) []ui.Choice {
	var out []ui.Choice
	for _, g := range offered {
		out = append(out, ui.Choice{Label: groupNames[g], URL: q.WithGroup(g).URL(path), Current: is(q.Group, g, groups)})
	}
	return out
}

// granularityChoices are the links of "Granularity".
func granularityChoices(q Query) []ui.Choice {
	var out []ui.Choice
	for _, g := range granularities {
		out = append(out, ui.Choice{Label: Sentence(g), URL: q.WithGranularity(g).URL(PathCosts), Current: is(q.Granularity, g, granularities)})
	}
	return out
}

// sortOf is the aria-sort of a column, "" when the table is sorted by another.
func sortOf(q Query, column string) string {
	switch or(q.Sort, sorts[0]) {
	case column:
		return "ascending"
	case "-" + column:
		return "descending"
	}
	return ""
}

// nextSort is what a click on a column asks for: the other direction, or the natural first one of that column,
// largest first for figures.
func nextSort(q Query, column string, num bool) string {
	now := or(q.Sort, sorts[0])
	switch {
	case strings.TrimPrefix(now, "-") != column && num, now == column:
		return "-" + column
	}
	return column
}

// stateChoices are the links of the state of anomalies.
func stateChoices(q Query) []ui.Choice {
	labels := map[string]string{"all": "All", "open": "Open", "acknowledged": "Seen", "expected": "Expected"}
	var out []ui.Choice
	for _, s := range states {
		out = append(out, ui.Choice{Label: labels[s], URL: q.WithState(s).URL(PathAnomalies), Current: is(q.State, s, states)})
	}
	return out
}

// kindIcon is the sign of what an anomaly looks like.
func kindIcon(kind string) string {
	switch kind {
	case "Drop", "Vanished":
		return "arrow-down-right"
	case "New":
		return "plus"
	}
	return "arrow-up-right"
}
