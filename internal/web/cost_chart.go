package web

import (
	"hash/fnv"
	"slices"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

// slotsOf gives each series a colour that stays with its tenant or service
// whatever its rank: by its name, moved on where another one has the colour.
func slotsOf(t cost.Trend) map[string]int {
	var keys []string
	for _, s := range t.Series {
		if s.Other == 0 {
			keys = append(keys, s.Row.Key())
		}
	}
	slices.Sort(keys)
	slots, taken := map[string]int{}, map[int]bool{}
	for _, k := range keys {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(k)) // a hash does not fail
		want := int(hash.Sum32() % cost.TopSeries)
		for i := range cost.TopSeries {
			slot := (want+i)%cost.TopSeries + 1
			if !taken[slot] {
				taken[slot], slots[k] = true, slot
				break
			}
		}
	}
	return slots
}

// chartOf is what a chart draws.
type chartOf struct {
	cost.Trend
	found cost.AnomalyReport
	end   *cost.Outlook // nil draws no forecast
}

func (h handlers) chartModel(q *request, t chartOf, fresh page.Freshness) page.CostChart {
	m := page.CostChart{
		Region: page.Region{Query: q.query, Fresh: fresh}, Currency: t.Unit.Currency,
		Title: "Daily cost", Sub: t.Unit.Currency + ", " + t.Ask.Metric.String() + " cost", Monthly: t.Monthly,
	}
	if t.Monthly {
		m.Title = "Monthly cost"
	}
	if t.Unit.Converted && len(t.Total.Currencies) > 1 {
		m.Sub = "USD by Azure's CostUSD, " + t.Ask.Metric.String() + " cost"
	}
	m.Slots = slotsFor(t.Trend)
	m.Summary = chartSummary(m, t.Trend)
	if q.query.Granularity == "accumulated" {
		m.Title, m.Area, t.Trend = "Accumulated cost", true, t.Accumulated()
	}
	m.Totals = known(t.Total.Values, t.Known)
	slots := slotsOf(t.Trend)
	for _, s := range t.Series {
		one := page.ChartSeries{Name: seriesName(t.Ask.By, s.Row), Slot: slots[s.Row.Key()], Micros: known(s.Values, t.Known)}
		if s.Other > 0 {
			one.Name, one.Slot = "Other ("+page.Count(s.Other)+")", 0
		}
		m.Series = append(m.Series, one)
	}
	if t.Before != nil {
		m.Previous = &page.ChartSeries{Name: "Before: " + days(t.BeforeOf), Micros: t.Before}
	}
	if t.end != nil && t.end.Unit == t.Unit && t.end.End.Days > 0 {
		withForecast(&m, t)
	}
	if !t.Monthly && !m.Area {
		m.Marks = marks(q, t.Trend, t.found)
	}
	return m
}

func slotsFor(t cost.Trend) []page.ChartSlot {
	var out []page.ChartSlot
	for i, d := range t.Steps {
		at := d.Time()
		slot := page.ChartSlot{Label: at.Format("2 Jan"), Full: at.Format("Monday 2 Jan 2006"), Late: t.Known[i] && stillChanging(t, i)}
		if t.Monthly {
			slot.Label, slot.Full = at.Format("Jan 2006"), at.Format("January 2006")
		}
		out = append(out, slot)
	}
	return out
}

// seriesName is what a series is called; cost without the key it is grouped by has no name.
func seriesName(by cost.By, r cost.Row) string {
	if by.Has(cost.ByGroup) {
		return groupName(r.Group)
	}
	return r.Label()
}

// withForecast adds the days to come to the axis, and what the days that are not settled are expected to cost.
func withForecast(m *page.CostChart, t chartOf) {
	month := fresnel.Period{From: t.end.End.Month, To: t.end.End.Month.AddMonths(1)}
	for d := t.Ask.Period.To; d < month.To; d++ {
		m.Slots = append(m.Slots, page.ChartSlot{Label: d.Time().Format("2 Jan"), Full: d.Time().Format("Monday 2 Jan 2006"), Ahead: true})
	}
	line := page.ChartSeries{Name: "Forecast", Micros: make([]int64, len(m.Slots))}
	for i := range line.Micros {
		line.Micros[i] = page.Unknown
	}
	first := len(line.Micros) - len(t.end.End.Path)
	if first < 0 {
		return
	}
	sum := t.end.End.Spent
	for i, v := range t.end.End.Path {
		sum += v
		if line.Micros[first+i] = v; m.Area {
			line.Micros[first+i] = sum
		}
	}
	m.Forecast = &line
	m.EndNote = "Month's end: " + endRange(t.end)
}

// stillChanging tells whether a step can still grow.
func stillChanging(t cost.Trend, i int) bool {
	t.SettledTo = settledTo(t.Coverage)
	return !t.Settled(i)
}

// settledTo is the end of the settled days: of the fresh tenants or, while there are none (in the first sync, and where
// everything is stale), of all that have been read.
func settledTo(c cost.Coverage) fresnel.Day {
	if c.Settled > 0 {
		return c.Settled
	}
	var d fresnel.Day
	for _, t := range c.Tenants {
		if !t.SyncedAt.IsZero() && (d == 0 || t.SettledTo < d) {
			d = t.SettledTo
		}
	}
	return d
}

func known(values []int64, ok []bool) []int64 {
	out := slices.Clone(values)
	for i := range out {
		if !ok[i] {
			out[i] = page.Unknown
		}
	}
	return out
}

func chartSummary(m page.CostChart, t cost.Trend) string {
	var sum, peak int64
	at := -1
	for i, v := range t.Total.Values {
		if t.Known[i] {
			sum += v
			if at < 0 || v > peak {
				at, peak = i, v
			}
		}
	}
	if at < 0 {
		return m.Title + ": no cost reported yet."
	}
	return m.Title + ", " + page.Days(t.Ask.Period.From.Time(), (t.Ask.Period.To-1).Time()) + ": total " + page.Money(sum, t.Unit.Currency, true) +
		", highest on " + m.Slots[at].Full + " with " + page.Money(peak, t.Unit.Currency, true) + "."
}
