package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

const (
	failuresMoved    = 30
	assignmentsMoved = 10
	baselinesOffered = 4
)

func (h handlers) drift(ctx context.Context, q *request) (view, error) {
	return h.driftWith(ctx, q, nil)
}

// driftWith is the page with a form as it was typed.
func (h handlers) driftWith(ctx context.Context, q *request, typed *page.BaselineForm) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	m, err := h.driftModel(ctx, q)
	if err != nil {
		return nil, err
	}
	if typed != nil {
		m.Form = *typed
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = "What was held at the ends of two UTC days", q.query.DriftCSV(page.ISODay(m.From), page.ISODay(m.To))
		return page.DriftPage(s, m)
	}, nil
}

func (h handlers) complianceDrift(ctx context.Context, q *request) (templ.Component, error) {
	m, err := h.driftModel(ctx, q)
	return page.DriftPanel(m), err
}

// relative are the words of the period that days back are asked by; the first is the default.
var relative = []struct {
	word, label string
	days        fresnel.Day
}{{"7d", "7 days ago", 7}, {"30d", "30 days ago", 30}, {"90d", "90 days ago", 90}}

// driftDays are the days that the query compares.
func (h handlers) driftDays(ctx context.Context, q *request) (from, to fresnel.Day, err error) {
	to = fresnel.DayOf(q.now)
	from = to - relative[0].days
	switch {
	case q.query.Baseline != "":
		from, err = h.Compliance.BaselineDay(ctx, q.scope, q.query.Baseline)
		if err == nil && from >= to {
			q.note("The baseline is of today: it can be compared with from tomorrow on.")
			from = to - 1
		}
		return from, to, err
	case q.query.From != "":
		a, errA := fresnel.ParseDay(q.query.From)
		b, errB := fresnel.ParseDay(q.query.To)
		if b = min(b, to); errA == nil && errB == nil && a < b {
			return a, b, nil
		}
		q.note("Ignored from=" + clipWord(q.query.From) + " and to=" + clipWord(q.query.To) + ": the first must be before the last, and not in the future.")
		q.query.From, q.query.To = "", ""
	}
	for _, r := range relative {
		if r.word == q.query.Period {
			from = to - r.days
		}
	}
	return from, to, nil
}

func (h handlers) driftModel(ctx context.Context, q *request) (page.Drift, error) {
	from, to, err := h.driftDays(ctx, q)
	if err != nil {
		return page.Drift{}, err
	}
	fresh, err := h.judgedCover(ctx, q)
	if err != nil {
		return page.Drift{}, err
	}
	m := page.Drift{Region: page.Region{Query: q.query, Fresh: fresh}, From: from.Time(), To: to.Time()}
	if err := h.baselineRows(ctx, q, &m); err != nil {
		return m, err
	}
	d, err := h.Compliance.Drift(ctx, q.scope, compliance.DriftAsk{From: from, To: to, Subscriptions: q.query.Subs, Rows: failuresMoved})
	if err != nil {
		return m, err
	}
	switch {
	case d.First == 0:
		m.Why = "Days can be compared once compliance was read on two of them."
	case d.Compared == 0:
		m.Oldest = d.First.Time()
		m.Why = "No subscription has a reading of both days. Compliance is held from " + m.Oldest.Format("2 Jan 2006") + " on: choose that day or a later one."
	default:
		driftFigures(q, &m, d)
	}
	return m, nil
}

// baselineRows are the days with a name, and the ways to compare.
func (h handlers) baselineRows(ctx context.Context, q *request, m *page.Drift) error {
	list, err := h.Compliance.Reader.Baselines(ctx, q.scope)
	if err != nil {
		return err
	}
	base := judgedScope(q).WithBaseline("")
	for i, r := range relative {
		chosen := q.query.Baseline == "" && q.query.From == "" && (q.query.Period == r.word || i == 0 && !slices.Contains([]string{"30d", "90d"}, q.query.Period))
		m.Ways = append(m.Ways, ui.Choice{Label: r.label, URL: base.WithPeriod(r.word).URL(page.PathDrift), Current: chosen})
	}
	for i, b := range list {
		row := page.BaselineRow{
			Name: b.Name, URL: base.WithBaseline(b.Name).URL(page.PathDrift), Note: b.Note, Day: b.Day.Time().Format("2 Jan 2006"),
			Of: page.Plural(len(b.Tenants), "tenant", "tenants"), Current: strings.EqualFold(b.Name, q.query.Baseline),
		}
		m.Baselines = append(m.Baselines, row)
		if i < baselinesOffered || row.Current {
			m.Ways = append(m.Ways, ui.Choice{Label: b.Name, URL: row.URL, Current: row.Current})
		}
	}
	return nil
}

func driftFigures(q *request, m *page.Drift, d compliance.Drift) {
	m.Answer, m.More = driftAnswer(d), d.More
	m.Left = "Of " + page.Plural(d.Compared, "subscription", "subscriptions") + " with a reading of both days."
	if d.Added+d.Removed > 0 {
		m.Left = strings.TrimSuffix(m.Left, ".") + "; left out: " + page.Count(d.Added) + " of the second day only, " + page.Count(d.Removed) + " of the first only."
	}
	was, is := shareOf(d.Before.Official()), shareOf(d.After.Official())
	like := page.Stat{Label: "Same assignments", Figure: page.Dash, Note: "No assignment judged on both days"}
	if by, ok := d.Like(); ok {
		a, b := shareOf(d.LikeBefore.Official()), shareOf(d.LikeAfter.Official())
		like.Figure, like.Note = page.Points(by).Text, a.Percent+" ("+a.Of+") to "+b.Percent+" ("+b.Of+"), by resource and assignment"
	}
	m.Cards = []page.Stat{
		{Label: "On " + m.From.Format("2 Jan"), Figure: was.Percent, Note: was.Of + " resources"},
		{Label: "On " + m.To.Format("2 Jan"), Figure: is.Percent, Note: is.Of + " resources"},
		like,
		{Label: "New failures", Figure: page.Count(d.NewFailures()), Note: page.Count(d.ResolvedFailures()) + " resolved, " + page.Count(d.Changed) + " changed"},
	}
	for _, c := range causes {
		m.Causes = append(m.Causes, page.CauseRow{Name: c.name, Meaning: c.meaning, New: d.New[c.cause], Resolved: d.Resolved[c.cause]})
	}
	for i := range d.Assignments {
		if i >= assignmentsMoved {
			m.MoreAssigned = len(d.Assignments) - i
			break
		}
		a := &d.Assignments[i]
		row := page.AssignmentRow{Name: assignmentName(a.Item), Detail: tenantName(q, a.Tenant), Added: a.Added, NonCompliant: a.Counts.NonCompliant, Score: shareOf(a.Counts.Official())}
		if n := len(a.Subscriptions); n > 0 { // it judges others on both days
			row.Detail += " · in " + page.Plural(n, "subscription", "subscriptions")
		} else if a.Added && !a.Created.IsZero() {
			row.Detail += " · created " + a.Created.UTC().Format("2 Jan 2006")
		}
		m.Assignments = append(m.Assignments, row)
	}
	for i := range d.Rows {
		m.Rows = append(m.Rows, movedLine(q, &d.Rows[i], d.Names))
	}
}

// causes are why failures came and went, in the order in which they are looked for.
var causes = []struct {
	cause         compliance.Cause
	name, meaning string
}{
	{compliance.CauseAssignment, "Assignments", "A policy was assigned, or is assigned no more"},
	{compliance.CauseResource, "Resources", "The resource was created or deleted"},
	{compliance.CauseExemption, "Exemptions", "An exemption ended or was made"},
	{compliance.CauseState, "Drift", "The resource, or what the policy asks of it, is not what it was"},
}

// moved says how far something moved: "fell 2.1 points", "did not move".
func moved(by float64) string {
	d := page.Points(by)
	far := strings.TrimSuffix(strings.TrimLeft(d.Text, "+−"), " pts") + " points"
	switch d.Rise {
	case 1:
		return "rose " + far
	case -1:
		return "fell " + far
	}
	return "did not move"
}

func assignmentName(i compliance.Item) string {
	return cmp.Or(i.Name, lastPart(i.ID), "without a name")
}

// driftAnswer is the whole of it in plain words. What came with an assignment is told in failures, which are counted:
// how many points of a share of distinct resources an assignment took is not known of a past day.
func driftAnswer(d compliance.Drift) string {
	by, ok := d.Points()
	if !ok {
		return "On one of the days nothing was judged, so there is nothing to compare."
	}
	is := shareOf(d.After.Official())
	s := "Compliance " + moved(by) + ": " + is.Percent + " (" + is.Of + " resources)."
	if like, ok := d.Like(); ok {
		s += " Where the same assignments judge, it " + moved(like) + "."
	}
	if n := d.New[compliance.CauseAssignment]; n > 0 {
		s += " " + newcomers(d, true, "was added", "were added") + ": " + page.Count(n) + " of " + page.Plural(d.NewFailures(), "new failure", "new failures") + " came so."
	}
	if n := d.Resolved[compliance.CauseAssignment]; n > 0 {
		s += " " + newcomers(d, false, "was removed", "were removed") + ": " + page.Count(n) + " of " + page.Plural(d.ResolvedFailures(), "resolved failure", "resolved failures") + " went so."
	}
	if n := d.New[compliance.CauseState]; n > 0 {
		s += " " + page.Plural(n, "failure is", "failures are") + " drift: the resource changed, or what its policy asks."
	}
	return s
}

// newcomers name the assignment that was added or removed, or how many there are.
func newcomers(d compliance.Drift, added bool, one, many string) string {
	name, n := "", 0
	for i := range d.Assignments {
		if d.Assignments[i].Added == added {
			if n++; n == 1 {
				name = "“" + assignmentName(d.Assignments[i].Item) + "”"
			}
		}
	}
	switch n {
	case 0:
		return "A policy within an assignment " + one
	case 1:
		return "The assignment " + name + " " + one
	}
	return "The assignment " + name + " and " + page.Plural(n-1, "other", "others") + " " + many
}

func movedLine(q *request, r *compliance.MovedRow, names map[int64]string) page.MovedLine {
	num := strconv.FormatInt(r.Policy, 10)
	l := page.MovedLine{
		Kind: string(r.Kind), Name: cmp.Or(r.Name, lastPart(r.Resource)), Type: page.TypeName(r.Type), Icon: page.TypeIcon(r.Type), Tenant: tenantName(q, r.Tenant),
		Policy: cmp.Or(names[r.Policy], "Policy "+num), PolicyURL: q.query.Scope().URL(page.PathPolicies + "/" + num), At: r.Since, Cause: causeWords(r),
	}
	l.URL, l.DrawerURL = resourceURLs(q, r.Resource, r.Type)
	if r.Kind == compliance.MovedResolved {
		l.At = r.Resolved
	}
	return l
}

func causeWords(r *compliance.MovedRow) string {
	came := r.Kind != compliance.MovedResolved
	pick := func(a, b string) string {
		if came {
			return a
		}
		return b
	}
	switch r.Cause {
	case compliance.CauseAssignment:
		return "Assignment " + strings.TrimSpace(r.By+" "+pick("added", "removed"))
	case compliance.CauseResource:
		return pick("The resource was created", "The resource is gone")
	case compliance.CauseExemption:
		return "Exemption " + strings.TrimSpace(r.By+" "+pick("ended", "made"))
	case compliance.CauseState:
		return pick("The resource, or what the policy asks, changed", "Mended")
	}
	return "Judged by other assignments, or in conflict"
}

// setBaseline names a day for the tenants asked for.
func (h handlers) setBaseline(w http.ResponseWriter, r *http.Request) {
	const title = "Drift"
	ctx := r.Context()
	q, err := h.read(r)
	if err != nil {
		h.refuse(w, r, q, title, page.PathDrift, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	f := page.BaselineForm{Name: strings.TrimSpace(r.PostFormValue("name")), Day: r.PostFormValue("day"), Note: strings.TrimSpace(r.PostFormValue("note"))}
	ids := q.chosen
	if len(ids) == 0 {
		for _, t := range q.tenants {
			ids = append(ids, t.ID)
		}
	}
	day, err := fresnel.ParseDay(f.Day)
	if err == nil {
		err = h.Compliance.SetBaseline(ctx, ids, compliance.Baseline{Name: f.Name, Day: day, Note: f.Note})
	}
	switch {
	case err == nil:
		http.Redirect(w, r, judgedScope(q).WithBaseline(f.Name).URL(page.PathDrift), http.StatusSeeOther)
		return
	case fresnel.KindOf(err) != fresnel.Invalid:
		h.refuse(w, r, q, title, page.PathDrift, err)
		return
	}
	f.Problem, f.Do = fresnel.Reason(err)
	v, err := h.driftWith(ctx, q, &f)
	if err != nil {
		h.refuse(w, r, q, title, page.PathDrift, err)
		return
	}
	h.render(ctx, w, http.StatusUnprocessableEntity, v(h.shell(ctx, title, page.PathDrift, q)))
}

func (h handlers) dropBaseline(w http.ResponseWriter, r *http.Request) {
	q, err := h.read(r)
	if err == nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err = h.Compliance.Writer.DropBaseline(r.Context(), q.scope, r.PostFormValue("name"))
	}
	if err != nil {
		h.refuse(w, r, q, "Drift", page.PathDrift, err)
		return
	}
	http.Redirect(w, r, judgedScope(q).URL(page.PathDrift), http.StatusSeeOther)
}
