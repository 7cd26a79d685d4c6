package web

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

const (
	ringsShown      = 12 // tenants that have a ring,
	ringsOnOverview = 6
	ringsRest       = 30 // and those that are listed after them
	gapsShown       = 3
	policiesPage    = 25
)

func (h handlers) compliance(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	rep, fresh, err := h.scores(ctx, q)
	if err != nil {
		return nil, err
	}
	m := page.Compliance{Overall: h.overallModel(q, rep, fresh)}
	if m.Gauges, err = h.gaugesModel(ctx, q, rep, fresh); err != nil {
		return nil, err
	}
	m.Gaps, m.MoreGaps = h.gaps(q, rep)
	if m.Policies, err = h.policiesModel(ctx, q, fresh); err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = judgedSubtitle(rep.Tenants), q.query.PoliciesCSV()
		return page.CompliancePage(s, m)
	}, nil
}

// scores are those of the tenants and subscriptions asked for, with how far they can be trusted.
func (h handlers) scores(ctx context.Context, q *request) (compliance.ScoreReport, page.Freshness, error) {
	rep, err := h.Compliance.Scores(ctx, q.scope, q.query.Subs)
	if err != nil {
		return rep, page.Freshness{}, err
	}
	fresh, err := h.judgedFreshness(ctx, q, reads(rep.Tenants))
	return rep, fresh, err
}

// reads are what is held of the tenants of a report.
func reads(list []compliance.TenantScore) []compliance.TenantRead {
	out := make([]compliance.TenantRead, len(list))
	for i := range list {
		out[i] = list[i].TenantRead
	}
	return out
}

func judgedSubtitle(list []compliance.TenantScore) string {
	reporting, subs := 0, 0
	for i := range list {
		if list[i].Score.Read > 0 {
			reporting++
		}
		subs += list[i].Score.Read
	}
	s := "Azure Policy state, " + page.Count(reporting) + " of " + page.Plural(len(list), "tenant", "tenants") + " reporting"
	if subs > 0 {
		s += ", " + page.Plural(subs, "subscription", "subscriptions")
	}
	return s
}

func (h handlers) overallModel(q *request, rep compliance.ScoreReport, fresh page.Freshness) page.ComplianceScore {
	m := page.ComplianceScore{Region: page.Region{Query: q.query, Fresh: fresh}, Tenants: len(rep.Tenants), Score: scoreModel(q, "All tenants", rep.Overall, rep.Target)}
	m.Score.OpenURL = judgedScope(q).URL(page.PathNonCompliant)
	return m
}

// judgedScope is what links between the pages of compliance carry: tenants, period and subscriptions.
func judgedScope(q *request) page.Query {
	to := q.query.Scope()
	to.Subs = q.query.Subs
	return to
}

// scoreModel writes a score. What was never judged has none, and says why.
func scoreModel(q *request, name string, s compliance.Score, target float64) page.Score {
	percent, ok := s.Official().Percent()
	m := page.Score{
		Name: name, Gauge: page.GaugeOf(percent, ok, target), Official: shareOf(s.Official()), Strict: shareOf(s.Strict()), Exempted: shareOf(s.Exempted()),
		Open: s.NonCompliant, Compliant: s.Compliant, Conflict: s.Conflict, Exempt: s.Exempt, Unknown: s.Unknown, Unregistered: s.Unregistered,
	}
	m.Change, m.Against = page.Delta{Text: page.Dash}, "no reading of "+page.Plural(compliance.Compared, "day", "days")+" ago"
	if points, ok := s.Points(); ok {
		m.Change, m.Against = page.Points(points), "vs "+page.Plural(compliance.Compared, "day", "days")+" ago"
	}
	switch {
	case ok:
	case s.Subscriptions == 0 && s.Read == 0:
		m.Cause = "No subscription read yet"
	case s.Read == 0 && s.Unregistered > 0 && s.Unregistered == s.Subscriptions:
		m.Cause = "Not registered"
	case s.Read == 0:
		m.Cause = "Not read yet"
	case s.Unknown > 0:
		m.Cause = "Nothing judged: all states are unknown"
	default:
		m.Cause = "No policy judges anything"
	}
	m.Gauge.Sentence = name + ": " + m.Official.Percent + " compliant, " + m.Official.Of + " resources, target " + page.PercentText(target) + "."
	if !ok {
		m.Gauge.Sentence = name + ": no score. " + m.Cause + "."
	}
	return m
}

func shareOf(s compliance.Share) page.Share { return page.ShareOf(s.Of, s.Whole) }

// tenantScore is the score of a tenant, with what is wrong with it.
func (h handlers) tenantScore(q *request, t *compliance.TenantScore, target float64) page.Score {
	m := scoreModel(q, t.Name, t.Score, target)
	to := q.query.Scope().WithTenants(string(t.Tenant))
	m.URL, m.OpenURL = to.URL(page.PathCompliance), to.URL(page.PathNonCompliant)
	switch t.State(q.now, h.Compliance.Stale) {
	case "never":
		if t.LastRun == fresnel.Failed || t.LastRun == fresnel.Partial {
			m.Cause, m.Failed = "Sync failed", true
		}
	case "stale":
		m.Note = page.Old(q.now, t.Oldest())
		if !h.old(q, t) {
			m.Note = page.Plural(t.Score.Failed, "subscription", "subscriptions") + " not read"
		}
	case "partial":
		m.Note = page.Count(t.Score.Read) + " of " + page.Plural(t.Score.Subscriptions, "subscription", "subscriptions")
	}
	return m
}

// old says that what is held of a tenant was read long ago, not only that the last reading failed.
func (h handlers) old(q *request, t *compliance.TenantScore) bool {
	return q.now.Sub(t.Oldest()) > h.Compliance.Stale
}

// gaugesModel is one ring per tenant; of more than have room, the lowest scores, and those without one, come first.
func (h handlers) gaugesModel(ctx context.Context, q *request, rep compliance.ScoreReport, fresh page.Freshness) (page.ComplianceGauges, error) {
	m := page.ComplianceGauges{Region: page.Region{Query: q.query, Fresh: fresh}, Target: strconv.FormatFloat(rep.Target, 'f', -1, 64)}
	limit := ringsShown
	if q.query.View != "" {
		limit = ringsOnOverview
	}
	list := slices.Clone(rep.Tenants)
	if len(list) > limit {
		slices.SortStableFunc(list, func(a, b compliance.TenantScore) int {
			x, ok := a.Official().Percent()
			y, too := b.Official().Percent()
			if ok != too {
				return cmp.Compare(worse[ok], worse[too])
			}
			return cmp.Compare(x, y)
		})
	}
	for i := range list {
		switch s := h.tenantScore(q, &list[i], rep.Target); {
		case i < limit:
			m.Rows = append(m.Rows, s)
		case q.query.View == "" && i < limit+ringsRest:
			m.Rest = append(m.Rest, s)
		default:
			m.More++
		}
	}
	if len(q.chosen) == 1 && len(list) == 1 {
		one := m.Rows[0]
		one.OpenURL = judgedScope(q).URL(page.PathNonCompliant)
		m.One, m.Rows = &one, nil
	}
	if q.query.View != "" {
		return m, nil
	}
	trend, err := h.trendModel(ctx, q)
	m.Trend = trend
	return m, err
}

// worse orders what has no score before what has one.
var worse = map[bool]int{false: 0, true: 1}

// gaps are what is missing, old or not judged: the worst first, and how many there are beyond.
func (h handlers) gaps(q *request, rep compliance.ScoreReport) (out []page.Gap, more int) {
	reporting := 0
	for i := range rep.Tenants {
		if rep.Tenants[i].Score.Read > 0 {
			reporting++
		}
	}
	cover := "The scores here cover " + page.Count(reporting) + " of " + page.Plural(len(rep.Tenants), "tenant", "tenants") + "."
	see := q.query.Scope().URL(page.PathSync)
	for i := range rep.Tenants {
		t := &rep.Tenants[i]
		why := page.Sentence(t.LastReason)
		if why != "" {
			why += ". "
		}
		g := page.Gap{Do: page.Sentence(t.LastDo), URL: see}
		switch t.State(q.now, h.Compliance.Stale) {
		case "never":
			if t.Score.Subscriptions == 0 && t.LastRun == fresnel.Completed {
				continue // it has none
			}
			g.Kind, g.Title, g.Text = ui.Bad, t.Name+" is missing.", cmp.Or(why, "It was not read yet. ")+cover
		case "stale":
			g.Kind, g.Title, g.Text = ui.Warn, t.Name+" is old.", "What is shown was read "+page.Ago(q.now, t.Oldest())+". "+why
			if !h.old(q, t) {
				g.Title = t.Name + " was not read in full."
				g.Text = "Of " + page.Plural(t.Score.Failed, "subscription", "subscriptions") + " the last good reading is shown. " + why
			}
		case "partial":
			g.Kind, g.Title = ui.Warn, t.Name+" is not complete."
			g.Text = page.Count(t.Score.Read) + " of " + page.Plural(t.Score.Subscriptions-t.Score.Unregistered, "subscription", "subscriptions") + " read. " + why
		default:
			continue
		}
		out = append(out, g)
	}
	slices.SortStableFunc(out, func(a, b page.Gap) int { return cmp.Compare(a.Kind, b.Kind) }) // bad comes before warn
	if len(out) > gapsShown {
		out, more = out[:gapsShown], len(out)-gapsShown
	}
	if n := rep.Overall.Unregistered; n > 0 {
		out = append(out, page.Gap{
			Kind: ui.Info, Title: page.Plural(n, "subscription is", "subscriptions are") + " not judged.", Text: "Not registered for Microsoft.PolicyInsights, and in no score.",
			Do: "Register the resource provider there: az provider register --namespace Microsoft.PolicyInsights",
		})
	}
	return out, more
}

func (h handlers) complianceScore(ctx context.Context, q *request) (templ.Component, error) {
	rep, fresh, err := h.scores(ctx, q)
	return page.ComplianceScorePanel(h.overallModel(q, rep, fresh)), err
}

func (h handlers) complianceGauge(ctx context.Context, q *request) (templ.Component, error) {
	rep, fresh, err := h.scores(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := h.gaugesModel(ctx, q, rep, fresh)
	return page.ComplianceGaugePanel(m), err
}

func (h handlers) complianceCard(ctx context.Context, q *request) (templ.Component, error) {
	rep, fresh, err := h.scores(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := h.cardModel(ctx, q, rep, fresh)
	return page.ComplianceCard(m), err
}

// cardModel is the score with its last days as a line. The line begins a little under its lowest point: it is beside
// a figure, and a score moves little.
func (h handlers) cardModel(ctx context.Context, q *request, rep compliance.ScoreReport, fresh page.Freshness) (page.ComplianceScore, error) {
	m := h.overallModel(q, rep, fresh)
	t, err := h.Compliance.Trends(ctx, q.scope, q.query.Subs, h.trendDays())
	if err != nil {
		return m, err
	}
	for _, d := range t.Overall {
		if p, ok := d.Counts.Official().Percent(); ok {
			m.Spark = append(m.Spark, p)
		}
	}
	if len(m.Spark) > 0 {
		low := slices.Min(m.Spark) - 2
		for i := range m.Spark {
			m.Spark[i] -= low
		}
	}
	return m, nil
}

// complianceOnOverview fills the two cards of the Overview.
func (h handlers) complianceOnOverview(ctx context.Context, q *request, m *page.Overview) error {
	short := *q
	short.query.View = "overview"
	rep, fresh, err := h.scores(ctx, &short)
	if err != nil {
		return err
	}
	if m.Compliance, err = h.cardModel(ctx, &short, rep, fresh); err != nil {
		return err
	}
	m.Gauges, err = h.gaugesModel(ctx, &short, rep, fresh)
	return err
}
