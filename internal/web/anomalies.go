package web

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

// anomaliesPage is how many anomalies a page has.
const anomaliesPage = 20

func (h handlers) anomalies(ctx context.Context, q *request) (view, error) {
	return h.anomaliesWith(ctx, q, 0, nil)
}

// anomaliesWith is the page with what was typed for one of the anomalies.
func (h handlers) anomaliesWith(ctx context.Context, q *request, id int64, typed *page.VerdictForm) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	found, err := h.Reports.Anomalies(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	known, err := h.Reports.Recurring(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, found.Coverage, found.Coverage.Covered > 0)
	if err != nil {
		return nil, err
	}
	fresh.Late, fresh.LastKnown = "", "" // only settled days are judged
	m := page.Anomalies{
		Region: page.Region{Query: q.query, Fresh: fresh}, Sub: days(found.Ask.Period) + ", amortized usage", Open: found.Open, More: found.More,
		How: howFound(found.Options), Today: q.now,
	}
	for _, a := range known.Anomalies {
		m.Recurring = append(m.Recurring, page.RecurringRow{
			Tenant: a.TenantName, Where: anomalyWhere(a), Detail: subscriptionOf(a), When: a.From.Time().Format("2 Jan 2006"), Amount: page.Money(a.Actual, a.Currency, false),
		})
	}
	list := slices.DeleteFunc(slices.Clone(found.Anomalies), func(a cost.Anomaly) bool {
		return q.query.State != "" && string(a.State) != q.query.State && a.ID != id
	})
	h.anomalyLines(q, &m, list, id, typed)
	switch {
	case len(list) > 0:
		m.Fresh.State = ready(m.Fresh)
	case len(found.Anomalies) > 0 && m.Fresh.State == page.Ready:
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "None in this state", page.Plural(len(found.Anomalies), "anomaly is", "anomalies are")+" in other states."
	default:
		nothingFound(&m.Fresh, found)
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV, s.NoVS = subtitle(q, found.Coverage), q.query.CSV("anomalies"), true
		return page.AnomaliesPage(s, m)
	}, nil
}

// ready lets a list that is there be shown: that the period is not covered in full does not take it away.
func ready(f page.Freshness) page.State {
	if f.State == page.AllStale || f.State == page.FirstSync && f.HasRows {
		return f.State
	}
	return page.Ready
}

// anomalyLines fills the page's rows: from the cursor on, or the page that holds the anomaly that was judged.
func (h handlers) anomalyLines(q *request, m *page.Anomalies, list []cost.Anomaly, id int64, typed *page.VerdictForm) {
	from := 0
	if q.query.Cursor != "" {
		from = 1 + slices.IndexFunc(list, func(a cost.Anomaly) bool { return a.Key() == q.query.Cursor })
	}
	if at := slices.IndexFunc(list, func(a cost.Anomaly) bool { return a.ID == id }); at >= 0 && (at < from || at >= from+anomaliesPage) {
		from = at
	}
	to := min(from+anomaliesPage, len(list))
	for _, a := range list[from:to] {
		l := anomalyLine(q, a)
		if a.ID == id {
			l.Form = typed
		}
		m.Rows = append(m.Rows, l)
	}
	m.Shown, m.Matched = to, len(list)
	if to < len(list) {
		m.NextURL = q.query.WithCursor(list[to-1].Key()).URL(page.PathAnomalies)
	}
	if from > 0 {
		m.BackURL = q.query.WithCursor("").URL(page.PathAnomalies)
	}
}

func anomalyLine(q *request, a cost.Anomaly) page.AnomalyLine {
	l := page.AnomalyLine{
		ID: a.Key(), Kind: kindWords[a.Kind], State: page.AnomalyState(a.State), Tenant: a.TenantName, Where: anomalyWhere(a), Detail: subscriptionOf(a),
		URL: anomalyURL(q, a), When: anomalyWhen(a), Actual: page.Money(a.Actual, a.Currency, false), Expected: page.Money(a.Expected, a.Currency, false),
		Change: page.Change(a.Actual, a.Expected, a.Currency), Over: page.SignedMoney(a.Actual-a.Expected, a.Currency, false),
		Worth: page.SignedMoney(a.USDChange(), cost.USD, false), Score: scoreWords(a.Score),
	}
	for _, c := range a.Contributors {
		name := c.Service
		if name == "" {
			name = subscriptionName("", c.Subscription)
		}
		l.Parts = append(l.Parts, page.AnomalyPart{Name: name, Change: page.SignedMoney(c.USDChange, cost.USD, false)})
	}
	if e := a.Exception; e != nil {
		l.Said = &page.Said{Author: e.Author, Note: e.Note, At: e.Created}
		if !e.Expires.IsZero() {
			l.Said.Until = fresnel.DayOf(e.Expires.Add(-time.Second)).Time().Format("2 Jan 2006")
		}
	}
	return l
}

// subscriptionOf is the subscription of a service that changed.
func subscriptionOf(a cost.Anomaly) string {
	if a.Service == "" || a.Subscription == "" {
		return ""
	}
	return subscriptionName(a.SubscriptionName, a.Subscription)
}

func scoreWords(score float64) string {
	score = math.Abs(score)
	if score > 100 || math.IsNaN(score) { // also where it is infinite: before there was nothing at all
		return "Over 100 robust sigmas from what was expected"
	}
	return strconv.FormatFloat(score, 'f', 1, 64) + " robust sigmas from what was expected"
}

// howFound says in one paragraph how detection works.
func howFound(o cost.DetectOptions) string {
	return "How it works: every service, subscription and tenant is compared with the same weekdays of the " + page.Count(o.Weeks) + " weeks before, by amortized usage and on settled days only. " +
		thresholds(o) + " A change that lasts " + page.Count(o.StepDays) + " days or more is a step. Purchases and charges of a known day of the month are not raised."
}

// judge records a verdict on an anomaly and shows the list again.
func (h handlers) judge(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	q, err := h.read(r)
	var id int64
	if err == nil {
		if id, err = strconv.ParseInt(r.PathValue("id"), 10, 64); err != nil {
			err = fresnel.Errorf(fresnel.NotFound, "there is no anomaly %.40q", r.PathValue("id"))
		}
	}
	if err != nil {
		h.refuse(w, r, q, "Anomalies", page.PathAnomalies, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	typed := page.VerdictForm{Verdict: r.PostFormValue("verdict"), Note: strings.TrimSpace(r.PostFormValue("note")), Expires: r.PostFormValue("expires")}
	switch err = h.verdict(ctx, q.full, id, typed); {
	case err == nil:
		http.Redirect(w, r, q.query.URL(page.PathAnomalies), http.StatusSeeOther)
		return
	case fresnel.KindOf(err) != fresnel.Invalid:
		h.refuse(w, r, q, "Anomalies", page.PathAnomalies, err)
		return
	}
	typed.Problem, typed.Do = fresnel.Reason(err)
	v, err := h.anomaliesWith(ctx, q, id, &typed)
	if err != nil {
		h.refuse(w, r, q, "Anomalies", page.PathAnomalies, err)
		return
	}
	h.render(ctx, w, http.StatusUnprocessableEntity, v(h.shell(ctx, "Anomalies", page.PathAnomalies, q)))
}

// maxForm bounds the body of a form.
const maxForm = 64 << 10

func (h handlers) verdict(ctx context.Context, s fresnel.Scope, id int64, typed page.VerdictForm) error {
	v, expires, err := parseVerdict(typed)
	if err == nil {
		_, err = h.Reports.Judge(ctx, s, id, v, typed.Note, author, expires)
	}
	return err
}

// parseVerdict understands a form: the verdict, "" to open again, and when it ends.
func parseVerdict(typed page.VerdictForm) (v fresnel.Verdict, expires time.Time, err error) {
	switch v = fresnel.Verdict(typed.Verdict); v {
	case "open":
		return "", expires, nil
	case "":
		return "", expires, fresnel.Errorf(fresnel.Invalid, "no verdict was given")
	case fresnel.Acknowledged: // of this one, for as long as it lasts
		return v, expires, nil
	}
	if typed.Expires != "" {
		d, err := fresnel.ParseDay(typed.Expires)
		if err != nil {
			return "", expires, err
		}
		expires = (d + 1).Time()
	}
	return v, expires, nil
}

// author names the viewer while there is no sign-in.
const author = "local"

// refuse answers a form with a page that says why it was not kept.
func (h handlers) refuse(w http.ResponseWriter, r *http.Request, q *request, title, path string, err error) {
	p := h.problem(r.Context(), err, "")
	s := h.shell(r.Context(), title, path, q)
	s.Title = p.Title
	h.render(r.Context(), w, p.Status, page.ErrorPage(s, p))
}
