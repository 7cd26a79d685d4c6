package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/findings"
	"fresnel/internal/identity"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

const (
	foundAtMost = 3000 // findings of a state that are ever listed
	foundPage   = 12
	rulesShown  = 8 // beside the trend; the list has all
)

// found is what rules found, in the order of the rules.
type found struct {
	rows []findings.Row
	more bool
	open map[string]int
}

// identityFound are the findings that hold; nil where none are kept.
func (h handlers) identityFound(ctx context.Context, q *request) (*found, error) {
	if h.Findings.Reader == nil {
		return nil, nil
	}
	out := &found{open: map[string]int{}}
	for _, state := range []fresnel.State{fresnel.StateOpen, fresnel.StateAcknowledged, fresnel.StateExpected} {
		rows, next, err := h.Findings.List(ctx, q.scope, findings.Query{Domain: "identity", State: state, Limit: foundAtMost})
		if err != nil {
			return nil, err
		}
		out.rows, out.more = append(out.rows, rows...), out.more || next != nil
	}
	place := map[string]int{}
	for i, r := range identity.Rules() {
		place[r.ID] = i
	}
	slices.SortFunc(out.rows, func(a, b findings.Row) int {
		return cmp.Or(cmp.Compare(place[a.Rule.ID], place[b.Rule.ID]), cmp.Compare(a.Since, b.Since), cmp.Compare(a.ID, b.ID))
	})
	for i := range out.rows {
		if r := &out.rows[i]; r.State == fresnel.StateOpen {
			out.open[r.Rule.ID]++
		}
	}
	return out, nil
}

func (h handlers) identityRules(ctx context.Context, q *request) (templ.Component, error) {
	reads, err := h.Identity.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	fresh, err := h.identityFreshness(ctx, q, reads)
	if err != nil {
		return nil, err
	}
	list, err := h.identityFound(ctx, q)
	if err != nil {
		return nil, err
	}
	if list == nil {
		return nil, fresnel.Errorf(fresnel.NotFound, "no findings are kept")
	}
	return page.IdentityRulesPanel(*ruleCounts(q, list, fresh)), nil
}

var severityMark = map[identity.Severity]page.Mark{
	identity.High:   {Kind: ui.Bad, Icon: "circle-x", Text: "High"},
	identity.Medium: {Kind: ui.Warn, Icon: "triangle-alert", Text: "Medium"},
	identity.Low:    {Kind: ui.Info, Icon: "info", Text: "Low"},
}

// ruleCounts are the rules of which something is open, the worst first.
func ruleCounts(q *request, list *found, fresh page.Freshness) *page.RuleCounts {
	to := q.query.Scope().WithList("findings")
	m := &page.RuleCounts{Region: page.Region{Query: statsQuery(q), Fresh: fresh}, More: list.more, URL: to.URL(page.PathIdentity) + "#lists"}
	for _, r := range identity.Rules() {
		if n := list.open[r.ID]; n > 0 {
			if m.Open += n; len(m.Rows) == rulesShown {
				m.Others++
				continue
			}
			m.Rows = append(m.Rows, page.RuleCount{Title: r.Title, Why: r.Why, Severity: severityMark[r.Severity], Open: n, URL: to.WithRule(r.ID).URL(page.PathIdentity) + "#lists"})
		}
	}
	return m
}

// identityFindingsModel is a page of findings: from the cursor on, or the one that holds what was judged.
func (h handlers) identityFindingsModel(q *request, list *found, fresh page.Freshness, id int64, typed *page.VerdictForm) (*page.IdentityFindings, error) {
	rules := map[string]identity.Rule{}
	for _, r := range identity.Rules() {
		rules[r.ID] = r
	}
	if _, ok := rules[q.query.Rule]; !ok && q.query.Rule != "" {
		q.note("Ignored rule=" + clipWord(q.query.Rule) + ": not a known rule.")
		q.query.Rule = ""
	}
	rows := slices.DeleteFunc(slices.Clone(list.rows), func(r findings.Row) bool {
		state := q.query.State != "" && string(r.State) != q.query.State
		rule := q.query.Rule != "" && r.Rule.ID != q.query.Rule
		return (state || rule) && r.ID != id
	})
	m := &page.IdentityFindings{
		More: list.more, Matched: len(rows), Today: q.now, CSV: q.query.IdentityFindingsCSV(), States: page.FindingStates(q.query, page.PathIdentity),
	}
	if q.query.Rule != "" {
		m.Chips = append(m.Chips, page.Chip{Label: "Rule: " + rules[q.query.Rule].Title, URL: q.query.WithRule("").URL(page.PathIdentity) + "#lists"})
	}
	from := min(q.offset(), len(rows))
	if at := slices.IndexFunc(rows, func(r findings.Row) bool { return id != 0 && r.ID == id }); at >= 0 && (at < from || at >= from+foundPage) {
		from = at
	}
	to := min(from+foundPage, len(rows))
	for i := from; i < to; i++ {
		l := findingLine(q, &rows[i], rules[rows[i].Rule.ID])
		if id != 0 && rows[i].ID == id {
			l.Form = typed
		}
		m.Rows = append(m.Rows, l)
	}
	m.Shown = to
	m.NextURL, m.BackURL = q.ways(page.PathIdentity, from, to, len(rows))
	m.Region = page.Region{Query: q.query, Fresh: fresh}
	if len(rows) == 0 && m.Fresh.State == page.Ready {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "No findings", page.Plural(len(rules), "rule was", "rules were")+" asked about what could be read."
		if len(list.rows) > 0 {
			m.Fresh.EmptyTitle, m.Fresh.EmptyText = "None of these", page.Plural(len(list.rows), "finding is", "findings are")+" of other rules or in other states."
		}
	}
	return m, nil
}

func findingLine(q *request, r *findings.Row, rule identity.Rule) page.IdentityFinding {
	f := page.IdentityFinding{
		ID: strconv.FormatInt(r.ID, 10), Rule: rule.ID, Object: r.Object, Title: rule.Title, Why: rule.Why, Do: rule.Do, Severity: severityMark[rule.Severity],
		About: aboutWords(r.Object), Full: r.Object, Tenant: tenantName(q, r.Tenant), State: page.AnomalyState(r.State), Since: r.Since.Time(), Age: "less than a day",
	}
	if days := int(fresnel.DayOf(q.now) - r.Since); days > 0 {
		f.Age = page.Plural(days, "day", "days")
	}
	if e := r.Exception; e != nil {
		f.Said = &page.Said{Author: e.Author, Note: e.Note, At: e.Created}
		if !e.Expires.IsZero() {
			f.Said.Until = fresnel.DayOf(e.Expires.Add(-time.Second)).Time().Format("2 Jan 2006")
		}
	}
	return f
}

// aboutWords are what a finding is about, in words.
func aboutWords(object string) string {
	if strings.HasPrefix(object, "/") {
		return "Assignment " + page.ShortID(lastPart(object))
	}
	kind, id, _ := strings.Cut(object, "/")
	switch kind {
	case "account":
		return "Account " + page.ShortID(id)
	case "app":
		return "Application " + page.ShortID(id)
	case "group":
		return "Group " + page.ShortID(id)
	case "credential":
		app, key, _ := strings.Cut(id, "/")
		return "Credential " + page.ShortID(key) + " of application " + page.ShortID(app)
	case "role":
		return "Assignment " + page.ShortID(id)
	case "tenant":
		return "The tenant"
	}
	return object
}

// judgeIdentity records a verdict on a finding and shows the list again.
func (h handlers) judgeIdentity(w http.ResponseWriter, r *http.Request) {
	const title = "Identity"
	ctx := r.Context()
	q, err := h.read(r)
	var id int64
	if err == nil {
		if id, err = strconv.ParseInt(r.PathValue("id"), 10, 64); err != nil || h.Findings.Reader == nil {
			err = fresnel.Errorf(fresnel.NotFound, "there is no finding %.40q", r.PathValue("id"))
		}
	}
	if err != nil {
		h.refuse(w, r, q, title, page.PathIdentity, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	q.query.List, q.query.Names = "findings", false
	typed := page.VerdictForm{Verdict: r.PostFormValue("verdict"), Note: strings.TrimSpace(r.PostFormValue("note")), Expires: r.PostFormValue("expires")}
	v, expires, err := parseVerdict(typed)
	if err == nil {
		err = h.Findings.Judge(ctx, q.full, findings.Named{ID: id, Rule: r.PostFormValue("found_by"), Object: r.PostFormValue("object")}, v, typed.Note, author, expires)
	}
	switch {
	case err == nil:
		http.Redirect(w, r, q.query.URL(page.PathIdentity), http.StatusSeeOther)
		return
	case fresnel.KindOf(err) != fresnel.Invalid:
		h.refuse(w, r, q, title, page.PathIdentity, err)
		return
	}
	typed.Problem, typed.Do = fresnel.Reason(err)
	view, err := h.identityWith(ctx, q, id, &typed)
	if err != nil {
		h.refuse(w, r, q, title, page.PathIdentity, err)
		return
	}
	h.render(ctx, w, http.StatusUnprocessableEntity, view(h.shell(ctx, title, page.PathIdentity, q)))
}
