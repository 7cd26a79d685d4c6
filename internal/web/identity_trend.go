package web

import (
	"context"
	"math"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/identity"
	"fresnel/internal/web/page"
)

func (h handlers) identityTrend(ctx context.Context, q *request) (templ.Component, error) {
	sum, fresh, err := h.identitySummary(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := h.identityTrendModel(ctx, q, sum, fresh)
	if m == nil {
		m = &page.IdentityTrend{Region: page.Region{Query: statsQuery(q), Fresh: fresh}, Title: identityTrendTitle}
	}
	return page.IdentityTrendPanel(*m), err
}

const identityTrendTitle = "Last 30 days"

// identityTrendModel is how four numbers moved, each with an axis of its own; nil while no day is known.
func (h handlers) identityTrendModel(ctx context.Context, q *request, sum identity.Summary, fresh page.Freshness) (*page.IdentityTrend, error) {
	today := fresnel.DayOf(h.Now())
	p := fresnel.Period{From: today + 1 - trendLength, To: today + 1}
	lists := []identity.List{identity.WithMFA, identity.WithoutMFA, identity.PrivilegedUsers, identity.Guests, identity.IdleUsers}
	t, err := h.Identity.Trend(ctx, q.scope, reading(sum), lists, p)
	if err != nil {
		return nil, err
	}
	m := &page.IdentityTrend{Region: page.Region{Query: statsQuery(q), Fresh: fresh}, Title: identityTrendTitle}
	for _, d := range t.Days {
		m.Days = append(m.Days, page.ChartSlot{Label: d.Day.Time().Format("2 Jan"), Full: d.Day.Time().Format("Monday 2 Jan 2006")})
	}
	mfa := mfaTrend(sum, t)
	known := mfa.Any()
	m.Charts = append(m.Charts, mfa)
	for i, one := range []struct {
		list     identity.List
		id, name string
	}{{identity.PrivilegedUsers, "privileged", "Privileged"}, {identity.Guests, "guests", "Guests"}, {identity.IdleUsers, "stale", "Stale"}} {
		c := page.TrendChart{ID: one.id, Name: one.name, Slot: i + 2, Now: page.Dash, Change: changeWords(sum, one.list)}
		if n := sum.Overall.Count(one.list); n.Known() {
			c.Now = page.Count(n.N)
		}
		top := 0.0
		for _, d := range t.Days {
			n := d.Counts[one.list]
			point := page.TrendPoint{Words: page.Dash}
			if n.Known() {
				point = page.TrendPoint{Known: true, Value: float64(n.N), Words: withTenants(page.Count(n.N), n)}
				top = max(top, point.Value)
			}
			c.Points = append(c.Points, point)
		}
		c.High = niceTop(top)
		c.Summary = c.Name + ", last 30 days: " + c.Now + " now, " + c.Change + "."
		known = known || c.Any()
		m.Charts = append(m.Charts, c)
	}
	if !known {
		return nil, nil
	}
	return m, nil
}

// withTenants adds of how many tenants a number is, if not of all.
func withTenants(words string, n identity.Count) string {
	if n.Tenants < n.Of {
		words += " · " + page.Count(n.Tenants) + " of " + page.Plural(n.Of, "tenant", "tenants")
	}
	return words
}

// mfaTrend is the share of people with a second factor by day.
func mfaTrend(sum identity.Summary, t identity.Trend) page.TrendChart {
	c := page.TrendChart{ID: "mfa", Name: "MFA registered", Slot: 1, Percent: true, Now: page.Dash, High: 100, Change: "no reading of 30 days ago"}
	now, ok := sum.Overall.MFA().Percent()
	if ok {
		c.Now = page.PercentText(now)
	}
	with, known := sum.Overall.Change(identity.WithMFA)
	without, too := sum.Overall.Change(identity.WithoutMFA)
	if known && too {
		was, ok := identity.Share{Part: with.Then, Whole: with.Then + without.Then}.Percent()
		is, also := identity.Share{Part: with.Now, Whole: with.Now + without.Now}.Percent()
		if ok && also {
			c.Change = page.Points(is-was).Text + " in 30 d"
		}
	}
	low := 100.0
	for _, d := range t.Days {
		a, b := d.Counts[identity.WithMFA], d.Counts[identity.WithoutMFA]
		share := identity.Share{Part: a.N, Whole: a.N + b.N}
		p, ok := share.Percent()
		point := page.TrendPoint{Words: page.Dash}
		if ok && a.Known() {
			point = page.TrendPoint{Known: true, Value: p, Words: withTenants(page.PercentText(p)+" · "+page.Count(share.Part)+" of "+page.Count(share.Whole), a)}
			low = min(low, p)
		}
		c.Points = append(c.Points, point)
	}
	c.Low = max(0, math.Floor((low-2)/10)*10)
	c.Summary = "MFA registered, last 30 days: " + c.Now + " now, " + c.Change + "."
	return c
}

// niceTop is where an axis ends: a round number over the largest.
func niceTop(v float64) float64 {
	if v <= 4 {
		return 4
	}
	step := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 3, 4, 5, 6, 8, 10} {
		if m*step >= v*1.05 {
			return m * step
		}
	}
	return 20 * step
}
