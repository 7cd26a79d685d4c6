package cost

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"fresnel"
)

// plan is the windows to read of a subscription, by stage. A stage is read of
// every subscription before the next of any: a tenant's current figures are
// whole as soon as they can be, and what needs history comes last.
type plan [stages][]Window

const (
	stageOpen    = iota // groups, of the current and the previous month
	stageDetail         // charges and resources of the same
	stageHistory        // groups, of the months before
	stageRest           // charges and resources of the months before
	stages
)

func (p plan) windows() int {
	n := 0
	for _, ws := range p {
		n += len(ws)
	}
	return n
}

// detailEvery is how often the charges and resources of open months are read
// again: Microsoft advises once a day, and they serve what changes by the day.
const detailEvery = 20 * time.Hour

// openMonths is how many months Azure may still change.
const openMonths = 2

// maxResourceMonths bounds a query by resource: twelve are allowed, but they
// cost as many units at once.
const maxResourceMonths = 6

// plan lists the windows to read, newest month first: months never read, or
// last read before they closed, and in any case the current and previous one.
func (s *Sync) plan(ctx context.Context, t fresnel.Tenant, sub fresnel.Subscription) (plan, error) {
	var p plan
	reads, err := s.Sink.Read(ctx, sub.ID)
	if err != nil {
		return p, fmt.Errorf("cost: months held of %s: %w", sub.ID, err)
	}
	held := make(map[MonthRead]time.Time, len(reads))
	for _, r := range reads {
		held[MonthRead{Cut: r.Cut, Metric: r.Metric, Month: r.Month}] = r.At
	}
	for _, m := range Metrics() {
		for _, c := range Cuts() {
			for _, days := range s.missing(held, m, c) {
				w := Window{Tenant: t.ID, Subscription: sub.ID, Days: days, Metric: m, Cut: c}
				open := days.To > fresnel.DayOf(s.Now()).AddMonths(1-openMonths)
				n := stageOf(c, open)
				p[n] = append(p[n], w)
			}
		}
	}
	for _, ws := range p {
		slices.SortStableFunc(ws, func(a, b Window) int { return cmp.Compare(b.Days.To, a.Days.To) })
	}
	return p, nil
}

func stageOf(c Cut, open bool) int {
	switch {
	case c == CutGroups && open:
		return stageOpen
	case open:
		return stageDetail
	case c == CutGroups:
		return stageHistory
	default:
		return stageRest
	}
}

// missing gives the periods to ask for by one metric and cut: months, or runs
// of months where one query may span them; open and older ones apart.
func (s *Sync) missing(held map[MonthRead]time.Time, m Metric, c Cut) []fresnel.Period {
	now := s.Now()
	today := fresnel.DayOf(now)
	var out []fresnel.Period
	for back := range max(openMonths, s.Months) {
		first := today.AddMonths(-back)
		end := first.AddMonths(1)
		at, ok := held[MonthRead{Cut: c, Metric: m, Month: first}]
		closed := ok && !at.Before(end.Time().Add(ClosedAfter))
		switch {
		case back >= openMonths && closed:
			continue
		case c != CutGroups && ok && now.Sub(at) < detailEvery && !now.Before(at):
			continue
		}
		days := fresnel.Period{From: first, To: min(end, today+1)}
		if n := len(out) - 1; n >= 0 && c == CutResources && back != openMonths &&
			out[n].From == days.To && len(out[n].Months()) < maxResourceMonths {
			out[n].From = days.From
			continue
		}
		out = append(out, days)
	}
	return out
}
