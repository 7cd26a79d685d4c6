package web

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

const (
	exemptionsPage = 40
	secureSubs     = 8
	controlsPage   = 50
)

func (h handlers) exemptions(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	m, err := h.exemptionsModel(ctx, q)
	if err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = "What is taken out of assignments, and until when", q.query.ExemptionsCSV()
		return page.ExemptionsPage(s, m)
	}, nil
}

func (h handlers) complianceExemptions(ctx context.Context, q *request) (templ.Component, error) {
	m, err := h.exemptionsModel(ctx, q)
	return page.ExemptionsPanel(m), err
}

func (h handlers) exemptionsModel(ctx context.Context, q *request) (page.Exemptions, error) {
	fresh, err := h.judgedCover(ctx, q)
	if err != nil {
		return page.Exemptions{}, err
	}
	m := page.Exemptions{Region: page.Region{Query: q.query, Fresh: fresh}}
	list, err := h.Compliance.Exemptions(ctx, q.scope, nil)
	if err != nil {
		return m, err
	}
	list = slices.DeleteFunc(list, func(x compliance.Exemption) bool { return !x.Touches(q.query.Subs) })
	all := len(list)
	for i := range list {
		switch list[i].Standing {
		case compliance.ExemptionExpiring:
			m.Expiring++
		case compliance.ExemptionExpired:
			m.Expired++
		case compliance.ExemptionActive:
		}
	}
	if q.query.Standing != "" {
		list = slices.DeleteFunc(list, func(x compliance.Exemption) bool { return string(x.Standing) != q.query.Standing })
	}
	m.Matched = len(list)
	from := min(q.offset(), len(list))
	to := min(from+exemptionsPage, len(list))
	for i := from; i < to; i++ {
		m.Rows = append(m.Rows, exemptionRow(q, &list[i]))
	}
	m.Shown = to
	m.NextURL, m.BackURL = q.ways(page.PathExemptions, from, to, len(list))
	if len(list) == 0 && m.Fresh.State == page.Ready {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "No exemptions", "Nothing is taken out of an assignment that could be read."
		if all > 0 {
			m.Fresh.EmptyTitle, m.Fresh.EmptyText = "None of these", page.Plural(all, "exemption has", "exemptions have")+" another standing."
		}
	}
	return m, nil
}

func exemptionRow(q *request, x *compliance.Exemption) page.ExemptionRow {
	r := page.ExemptionRow{
		Name: cmp.Or(x.Name, lastPart(x.ID)), ID: x.ID, Standing: string(x.Standing), Expires: x.Expires, Category: x.Category,
		Assignment: cmp.Or(x.Assignment.Name, lastPart(x.Assignment.ID)), Tenant: tenantName(q, x.Tenant), Scope: scopeWords(x.Scope), Part: len(x.More.References),
	}
	switch {
	case x.Expires.IsZero():
	case x.Standing == compliance.ExemptionExpired && x.DaysLeft == 0:
		r.Left = "today"
	case x.Standing == compliance.ExemptionExpired:
		r.Left = page.Plural(-x.DaysLeft, "day", "days") + " ago"
	case x.DaysLeft == 0:
		r.Left = "in less than a day"
	default:
		r.Left = "in " + page.Plural(x.DaysLeft, "day", "days")
	}
	return r
}

func (h handlers) secureScore(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	m, err := h.secureModel(ctx, q)
	if err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = "How well Defender for Cloud finds subscriptions protected", q.query.SecureScoreCSV()
		return page.SecureScorePage(s, m)
	}, nil
}

func (h handlers) complianceSecure(ctx context.Context, q *request) (templ.Component, error) {
	m, err := h.secureModel(ctx, q)
	return page.SecureScorePanel(m), err
}

// pointsText writes points of a score: "12.4", "60".
func pointsText(v float64) string {
	return strings.TrimSuffix(strings.TrimSuffix(page.PercentText(v), "%"), ".0")
}

func (h handlers) secureModel(ctx context.Context, q *request) (page.SecureScore, error) {
	rep, err := h.Compliance.Secure(ctx, q.scope, q.query.Subs)
	if err != nil {
		return page.SecureScore{}, err
	}
	secure := compliance.ReadsOf(compliance.Defender, reads(rep.Tenants), rep.Subscriptions)
	fresh, err := h.judgedFreshness(ctx, q, secure)
	if err != nil {
		return page.SecureScore{}, err
	}
	m := page.SecureScore{Region: page.Region{Query: q.query, Fresh: fresh}, Percent: page.Dash, How: "No subscription has a score."}
	m.Gauge = page.GaugeOf(0, false, 0)
	m.Gauge.Sentence = "Secure score: none is known."
	without := len(rep.Subscriptions)
	if s := rep.Overall.Secure; s != nil && s.Subscriptions > 0 {
		m.Gauge = page.GaugeOf(s.Percent, true, 0)
		m.Gauge.Tone = ui.Info // it has no target
		m.Percent, m.Points = page.PercentText(s.Percent), pointsText(s.Points)+" of "+pointsText(s.Most)+" points"
		m.How = "The percentage is of " + page.Plural(s.Subscriptions, "subscription", "subscriptions") + ", each by its weight; the points are their sum."
		m.Gauge.Sentence = "Secure score: " + m.Percent + ", " + m.Points + "."
		without -= s.Subscriptions
	}
	if without > 0 {
		m.Rest = page.Plural(without, "subscription has", "subscriptions have") + " no score."
	}
	for i := range rep.Tenants {
		m.Tenants = append(m.Tenants, secureTenant(&rep.Tenants[i], secure[i]))
	}
	m.Subscriptions, m.MoreSubs = secureSubscriptions(rep.Subscriptions)
	for i := range rep.Controls {
		c := &rep.Controls[i]
		r := page.ControlRow{
			Name: cmp.Or(c.Item.Name, c.Item.Key.Definition), Points: pointsText(c.Points), Most: pointsText(c.Most), ToWin: pointsText(c.Most - c.Points),
			Healthy: c.Healthy, Unhealthy: c.Unhealthy, NotNeeded: c.NotApplicable, Subscriptions: c.Subscriptions,
		}
		if c.Most > 0 {
			r.Part = int(c.Points / c.Most * 100)
		}
		m.Controls = append(m.Controls, r)
	}
	return m, nil
}

func secureTenant(t *compliance.TenantScore, read compliance.TenantRead) page.SecureRow {
	r := page.SecureRow{Name: t.Name, Percent: page.Dash, Cause: "no score"}
	switch {
	case read.Unregistered > 0 && read.Unregistered == read.Subscriptions:
		r.Cause = "not registered for Microsoft.Security"
	case read.Read == 0:
		r.Cause = "not read yet"
	}
	if s := t.Secure; s != nil && s.Subscriptions > 0 {
		r.Known, r.Cause, r.Part = true, "", int(s.Percent)
		r.Percent, r.Points = page.PercentText(s.Percent), pointsText(s.Points)+" of "+pointsText(s.Most)+" points"
		r.Detail = page.Count(s.Subscriptions) + " of " + page.Plural(t.Score.Subscriptions, "subscription", "subscriptions")
	}
	return r
}

// secureSubscriptions are those with the lowest scores, then those without one.
func secureSubscriptions(list []compliance.SubscriptionHeld) (rows []page.SecureRow, more int) {
	percent := func(s *compliance.SubscriptionHeld) (float64, bool) {
		if s.Score == nil {
			return 0, false
		}
		return s.Score.Percent()
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b compliance.SubscriptionHeld) int {
		x, ok := percent(&a)
		y, too := percent(&b)
		if ok != too {
			return cmp.Compare(worse[too], worse[ok])
		}
		return cmp.Compare(x, y)
	})
	for i := range list {
		if i >= secureSubs {
			return rows, len(list) - i
		}
		s := &list[i]
		r := page.SecureRow{Name: subscriptionName(s.Name, s.Subscription), Detail: s.TenantName, Percent: page.Dash, Cause: "no score"}
		switch p, ok := percent(s); {
		case ok:
			r.Known, r.Cause, r.Part = true, "", int(p)
			r.Percent, r.Points = page.PercentText(p), pointsText(s.Score.Current)+" of "+pointsText(s.Score.Max)+" points"
			r.Detail += " · weight " + page.Count(int(s.Score.Weight))
		case s.Security == compliance.SubjectUnregistered:
			r.Cause = "not registered"
		case s.Security == compliance.SubjectFailed:
			r.Cause = "not read"
		}
		rows = append(rows, r)
	}
	return rows, 0
}

func (h handlers) frameworks(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	m, err := h.frameworksModel(ctx, q)
	if err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = "How controls of standards stand: passed, failed, skipped, and not assessed", q.query.FrameworksCSV()
		return page.FrameworksPage(s, m)
	}, nil
}

func (h handlers) complianceFrameworks(ctx context.Context, q *request) (templ.Component, error) {
	m, err := h.frameworksModel(ctx, q)
	return page.FrameworksPanel(m), err
}

func (h handlers) frameworksModel(ctx context.Context, q *request) (page.Frameworks, error) {
	fresh, err := h.judgedCover(ctx, q)
	if err != nil {
		return page.Frameworks{}, err
	}
	m := page.Frameworks{Region: page.Region{Query: q.query, Fresh: fresh}}
	list, err := h.Compliance.Frameworks(ctx, q.scope, q.query.Subs)
	for i := range list {
		m.Rows = append(m.Rows, frameworkRow(q, &list[i]))
	}
	if len(list) == 0 && m.Fresh.State == page.Ready {
		m.Fresh.State, m.Fresh.EmptyTitle = page.Empty, "No frameworks in use"
		m.Fresh.EmptyText = "Assign an initiative whose definitions are in groups, such as a regulatory standard, or turn on regulatory compliance in Defender for Cloud."
	}
	return m, err
}

func frameworkRow(q *request, f *compliance.Framework) page.FrameworkRow {
	source := "Initiative of Azure Policy"
	if f.Source == compliance.FromDefender {
		source = "Defender for Cloud"
	}
	return page.FrameworkRow{
		Name: cmp.Or(lastPart(f.Name), f.ID), URL: judgedScope(q).WithFramework(string(f.Source), f.ID).URL(page.PathFramework), Source: source, Tenants: f.Tenants,
		Passed: f.Passed, Failed: f.Failed, Skipped: f.Skipped, NotAssessed: f.NotAssessed, Assessed: shareOf(f.Assessed()),
	}
}

func (h handlers) framework(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	m, err := h.frameworkModel(ctx, q)
	if err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Title, s.Sub, s.CSV = m.Name, m.Source+" · "+page.Plural(m.Tenants, "tenant", "tenants"), q.query.FrameworkCSV()
		return page.FrameworkPage(s, m)
	}, nil
}

func (h handlers) complianceFramework(ctx context.Context, q *request) (templ.Component, error) {
	m, err := h.frameworkModel(ctx, q)
	return page.FrameworkPanel(m), err
}

func (h handlers) frameworkModel(ctx context.Context, q *request) (page.Framework, error) {
	if q.query.ID == "" {
		return page.Framework{}, fresnel.Errorf(fresnel.NotFound, "the address names no framework")
	}
	f, err := h.Compliance.Framework(ctx, q.scope, q.query.Subs, compliance.FrameworkSource(q.query.Source), q.query.ID)
	if err != nil {
		return page.Framework{}, err
	}
	fresh, err := h.judgedCover(ctx, q)
	if err != nil {
		return page.Framework{}, err
	}
	m := page.Framework{Region: page.Region{Query: q.query, Fresh: fresh}, FrameworkRow: frameworkRow(q, &f), ID: f.ID}
	list := f.Controls
	slices.SortStableFunc(list, func(a, b compliance.FrameworkControl) int { return natural(a.Name, b.Name) })
	if want := strings.ReplaceAll(q.query.Control, "-", " "); want != "" {
		list = slices.DeleteFunc(list, func(c compliance.FrameworkControl) bool { return string(c.State) != want })
	}
	from := min(q.offset(), len(list))
	to := min(from+controlsPage, len(list))
	for _, c := range list[from:to] {
		m.Controls = append(m.Controls, page.FrameworkControl{
			Name: c.Name, Title: c.Title, Category: c.Category, State: string(c.State), Passing: c.Passing, Failing: c.Failing, Skipping: c.Skipping, Unknown: c.Unknown,
		})
	}
	m.Shown, m.Matched = to, len(list)
	m.NextURL, m.BackURL = q.ways(page.PathFramework, from, to, len(list))
	return m, nil
}

// natural compares names of controls as people number them: 1.2 before 1.10.
func natural(a, b string) int {
	digit := func(r rune) bool { return unicode.IsDigit(r) }
	for a != "" && b != "" {
		if digit(rune(a[0])) && digit(rune(b[0])) {
			x, y := len(a)-len(strings.TrimLeftFunc(a, digit)), len(b)-len(strings.TrimLeftFunc(b, digit))
			m, n := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
			if c := cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(m, n)); c != 0 {
				return c
			}
			a, b = a[x:], b[y:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}
