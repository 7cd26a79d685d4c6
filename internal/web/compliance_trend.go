package web

import (
	"cmp"
	"context"
	"hash/fnv"
	"math"
	"slices"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/web/page"
)

const (
	trendLength = 30
	trendLines  = 6 // of tenants: there are as many colours
)

// trendDays are the days that the trend is of, the last one today.
func (h handlers) trendDays() fresnel.Period {
	today := fresnel.DayOf(h.Now())
	return fresnel.Period{From: today + 1 - trendLength, To: today + 1}
}

// trendModel is how scores moved: a line for each tenant, or those that are lowest or moved most beside all together.
func (h handlers) trendModel(ctx context.Context, q *request) (*page.ScoreTrend, error) {
	t, err := h.Compliance.Trends(ctx, q.scope, q.query.Subs, h.trendDays())
	if err != nil {
		return nil, err
	}
	m := &page.ScoreTrend{Title: "Score, last " + page.Count(trendLength) + " days", Target: t.Target}
	for d := t.Period.From; d < t.Period.To; d++ {
		m.Days = append(m.Days, page.ChartSlot{Label: d.Time().Format("2 Jan"), Full: d.Time().Format("Monday 2 Jan 2006")})
	}
	chosen := pickLines(t)
	slots := colours(chosen)
	for _, id := range chosen {
		m.Lines = append(m.Lines, scoreLine(tenantName(q, id), slots[id], t.Period, t.Tenants[id]))
	}
	if len(t.Tenants) > len(chosen) {
		m.Note = "The " + page.Count(len(chosen)) + " of " + page.Count(len(t.Tenants)) + " tenants that are lowest or moved most, and all together"
		m.Lines = append(m.Lines, scoreLine("All tenants", 0, t.Period, t.Overall))
	}
	sumUp(m)
	return m, nil
}

// pickLines are the tenants that are drawn, by name's order of their ids: half of those with the lowest score, half of
// those whose score moved most.
func pickLines(t compliance.Trend) []fresnel.TenantID {
	type end struct {
		id          fresnel.TenantID
		last, moved float64
	}
	var list []end
	for id, days := range t.Tenants {
		e, any := end{id: id}, false
		first := 0.0
		for _, d := range days {
			if p, ok := d.Counts.Official().Percent(); ok {
				if !any {
					first, any = p, true
				}
				e.last = p
			}
		}
		if e.moved = math.Abs(e.last - first); any {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b end) int { return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.id, b.id)) })
	if len(list) > trendLines {
		rest := list[trendLines/2:]
		slices.SortFunc(rest, func(a, b end) int { return cmp.Or(cmp.Compare(b.moved, a.moved), cmp.Compare(a.id, b.id)) })
		list = list[:trendLines]
	}
	out := make([]fresnel.TenantID, len(list))
	for i, e := range list {
		out[i] = e.id
	}
	slices.Sort(out)
	return out
}

// colours gives each tenant a colour that stays with it as far as it can: by its id, moved on where another has it.
func colours(ids []fresnel.TenantID) map[fresnel.TenantID]int {
	slots, taken := map[fresnel.TenantID]int{}, map[int]bool{}
	for _, id := range ids {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(id)) // a hash does not fail
		want := int(hash.Sum32() % trendLines)
		for i := range trendLines {
			if slot := (want+i)%trendLines + 1; !taken[slot] {
				taken[slot], slots[id] = true, slot
				break
			}
		}
	}
	return slots
}

func scoreLine(name string, slot int, p fresnel.Period, days []compliance.DayCount) page.ScoreLine {
	l := page.ScoreLine{Name: name, Slot: slot, Points: make([]page.ScorePoint, p.Days())}
	for _, d := range days {
		share := d.Counts.Official()
		v, ok := share.Percent()
		if !ok || !p.Contains(d.Day) {
			continue
		}
		point := page.ScorePoint{Known: true, Value: v, Share: shareOf(share)}
		if d.Read < d.Expected {
			point.Part = page.Count(d.Read) + " of " + page.Plural(d.Expected, "subscription", "subscriptions")
		}
		l.Points[d.Day-p.From] = point
	}
	return l
}

// sumUp finds where the axis begins, and says in a sentence what the lines show.
func sumUp(m *page.ScoreTrend) {
	low := m.Target
	read := map[int]bool{}
	name, moved := "", 0.0
	for _, l := range m.Lines {
		first, last, any := 0.0, 0.0, false
		for i, p := range l.Points {
			if !p.Known {
				continue
			}
			if read[i] = true; !any {
				first, any = p.Value, true
			}
			last = p.Value
			low = min(low, p.Value)
		}
		if by := last - first; any && math.Abs(by) > math.Abs(moved) {
			name, moved = l.Name, by
		}
	}
	m.Readings = len(read)
	step := 10.0
	if low < 50 {
		step = 20
	}
	m.Low = max(0, math.Floor((low-2)/step)*step)
	m.Summary = m.Title + ": no score moved."
	if name != "" {
		m.Summary = m.Title + ": " + name + " moved most, by " + page.Points(moved).Text + "."
	}
}
