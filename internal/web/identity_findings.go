package web

import (
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
	foundPage  = 12
	rulesShown = 8 // beside the trend; the list has all
)

// tallies are how much each rule of identity has found.
type tallies map[string]findings.Tally

// identityTallies are those of the rules; nil where no findings are kept.
func (h handlers) identityTallies(ctx context.Context, q *request) (tallies, error) {
	if h.Findings.Reader == nil {
		return nil, nil
	}
	var ids []string
	for _, r := range identity.Rules() {
		ids = append(ids, r.ID)
	}
	out, err := h.Findings.Open(ctx, q.scope, ids)
	if out == nil {
		out = tallies{}
	}
	return out, err
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
	found, err := h.identityTallies(ctx, q)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fresnel.Errorf(fresnel.NotFound, "no findings are kept")
	}
	return page.IdentityRulesPanel(*ruleCounts(q, found, fresh)), nil
}

var severityMark = map[identity.Severity]page.Mark{
	identity.High:   {Kind: ui.Bad, Icon: "circle-x", Text: "High"},
	identity.Medium: {Kind: ui.Warn, Icon: "triangle-alert", Text: "Medium"},
	identity.Low:    {Kind: ui.Info, Icon: "info", Text: "Low"},
}

// ruleCounts are the rules of which something is open, the worst first.
func ruleCounts(q *request, found tallies, fresh page.Freshness) *page.RuleCounts {
	to := q.query.Scope().WithList("findings")
	m := &page.RuleCounts{Region: page.Region{Query: statsQuery(q), Fresh: fresh}, URL: to.URL(page.PathIdentity) + "#lists"}
	for _, r := range identity.Rules() {
		if n := found[r.ID].Open; n > 0 {
			if m.Open += n; len(m.Rows) == rulesShown {
				m.Others++
				continue
			}
			m.Rows = append(m.Rows, page.RuleCount{Title: r.Title, Why: r.Why, Severity: severityMark[r.Severity], Open: n, URL: to.WithRule(r.ID).URL(page.PathIdentity) + "#lists"})
		}
	}
	return m
}

// worstFound is the rule whose findings are listed where none is asked for: the worst of which something is open, or
// else that holds anything.
func worstFound(found tallies) identity.Rule {
	rules := identity.Rules()
	for _, r := range rules {
		if found[r.ID].Open > 0 {
			return r
		}
	}
	for _, r := range rules {
		if found[r.ID].Held > 0 {
			return r
		}
	}
	return rules[0]
}

// findingRules are the links to the findings of each rule that holds any, and of the one that is listed.
func findingRules(q *request, found tallies, now string) []ui.Choice {
	var out []ui.Choice
	for _, r := range identity.Rules() {
		if found[r.ID].Held > 0 || r.ID == now {
			out = append(out, ui.Choice{
				Label: r.Title + " (" + page.Count(found[r.ID].Open) + ")", URL: q.query.WithRule(r.ID).URL(page.PathIdentity) + "#lists", Current: r.ID == now,
			})
		}
	}
	return out
}

// foundPlace is where the page begins; nil = at the first row.
func foundPlace(q *request) *findings.Place {
	p := cursorParts(q, 2)
	if p == nil {
		return nil
	}
	usd, err := strconv.ParseInt(p[0], 36, 64)
	id, err2 := strconv.ParseInt(p[1], 36, 64)
	if err != nil || err2 != nil {
		q.badCursor()
		return nil
	}
	return &findings.Place{USD: usd, ID: id}
}

// identityFindingsModel is a page of the findings of a rule, and the links to the other rules. What was typed for one of
// them stands with it, wherever the page begins.
func (h handlers) identityFindingsModel(ctx context.Context, q *request, found tallies, fresh page.Freshness, typed *typedVerdict) (*page.IdentityFindings, []ui.Choice, error) {
	rule := worstFound(found)
	if i := slices.IndexFunc(identity.Rules(), func(r identity.Rule) bool { return r.ID == q.query.Rule }); i >= 0 {
		rule = identity.Rules()[i]
	} else if q.query.Rule != "" {
		q.note("Ignored rule=" + clipWord(q.query.Rule) + ": not a known rule.")
		q.query.Rule = ""
	}
	links := findingRules(q, found, rule.ID)
	ask := findings.Query{Rules: []string{rule.ID}, State: fresnel.State(q.query.State), Held: true, After: foundPlace(q), Limit: foundPage}
	rows, next, err := h.Findings.List(ctx, q.scope, ask)
	if err != nil {
		return nil, nil, err
	}
	if typed != nil && !slices.ContainsFunc(rows, func(r findings.Row) bool { return r.ID == typed.ID }) {
		one, _, err := h.Findings.List(ctx, q.scope, findings.Query{Rules: ask.Rules, Object: typed.Object, Limit: maxAbout})
		if err != nil {
			return nil, nil, err
		}
		rows = append(slices.DeleteFunc(one, func(r findings.Row) bool { return r.ID != typed.ID }), rows...)
	}
	m := &page.IdentityFindings{Rule: rule.Title, Today: q.now, CSV: q.query.WithRule(rule.ID).IdentityFindingsCSV(), States: page.FindingStates(q.query, page.PathIdentity)}
	switch tally := found[rule.ID]; ask.State {
	case "":
		m.Matched = tally.Held
	case fresnel.StateOpen:
		m.Matched = tally.Open
	case fresnel.StateAcknowledged, fresnel.StateExpected, fresnel.StateResolved:
	}
	for i := range rows {
		l := findingLine(q, &rows[i], rule)
		if typed != nil && rows[i].ID == typed.ID {
			l.Form = &typed.VerdictForm
		}
		m.Rows = append(m.Rows, l)
	}
	if next != nil {
		m.NextURL = q.next(strconv.FormatInt(next.USD, 36), strconv.FormatInt(next.ID, 36)) + "#lists"
	}
	if q.query.Cursor != "" {
		m.BackURL = q.query.WithCursor("").URL(page.PathIdentity) + "#lists"
	}
	m.Region = page.Region{Query: q.query, Fresh: fresh}
	if len(rows) == 0 && m.Fresh.State == page.Ready && m.BackURL == "" {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "No findings", page.Plural(len(identity.Rules()), "rule was", "rules were")+" asked about what could be read."
		if len(found) > 0 {
			m.Fresh.EmptyTitle, m.Fresh.EmptyText = "None of these", "What is found is of other rules or in other states."
		}
	}
	return m, links, nil
}

// maxAbout is how many findings of a rule may be about one object.
const maxAbout = 500

// typedVerdict is a form that was refused, with what it was about.
type typedVerdict struct {
	findings.Named
	page.VerdictForm
}

func findingLine(q *request, r *findings.Row, rule identity.Rule) page.IdentityFinding {
	f := page.IdentityFinding{
		ID: strconv.FormatInt(r.ID, 10), Rule: rule.ID, Object: r.Object, Title: rule.Title, Why: rule.Why, Do: rule.Do, Severity: severityMark[rule.Severity],
		About: aboutWords(r.Object), Full: r.Object, Tenant: tenantName(q, r.Tenant), State: page.AnomalyState(r.State), Since: r.First, Age: "less than a day",
	}
	if days := int(fresnel.DayOf(q.now) - fresnel.DayOf(r.First)); days > 0 {
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
	typed := typedVerdict{
		findings.Named{ID: id, Rule: r.PostFormValue("found_by"), Object: r.PostFormValue("object")},
		page.VerdictForm{Verdict: r.PostFormValue("verdict"), Note: strings.TrimSpace(r.PostFormValue("note")), Expires: r.PostFormValue("expires")},
	}
	v, expires, err := parseVerdict(typed.VerdictForm)
	if err == nil {
		err = h.Findings.Judge(ctx, q.full, typed.Named, v, typed.Note, author, expires)
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
	q.query.Rule = typed.Rule
	view, err := h.identityWith(ctx, q, &typed)
	if err != nil {
		h.refuse(w, r, q, title, page.PathIdentity, err)
		return
	}
	h.render(ctx, w, http.StatusUnprocessableEntity, view(h.shell(ctx, title, page.PathIdentity, q)))
}
