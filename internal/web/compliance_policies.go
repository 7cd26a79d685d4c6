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
)

func (h handlers) compliancePolicies(ctx context.Context, q *request) (templ.Component, error) {
	fresh, err := h.judgedCover(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := h.policiesModel(ctx, q, fresh)
	return page.PolicyTablePanel(m), err
}

// offset is where a page of a list begins that is in memory as a whole.
func (q *request) offset() int {
	if q.query.Cursor == "" {
		return 0
	}
	n, err := strconv.Atoi(q.query.Cursor)
	if err != nil || n < 0 {
		q.note("Ignored cursor=" + clipWord(q.query.Cursor) + ": this is the first page.")
		q.query.Cursor = ""
		return 0
	}
	return n
}

// ways are the addresses of the next page and of the first, of a list that is shown from and up to some rows.
func (q *request) ways(path string, from, to, of int) (next, back string) {
	if to < of {
		next = q.query.WithCursor(strconv.Itoa(to)).URL(path)
	}
	if from > 0 {
		back = q.query.WithCursor("").URL(path)
	}
	return next, back
}

func (h handlers) policiesModel(ctx context.Context, q *request, fresh page.Freshness) (page.PolicyTable, error) {
	from := q.offset()
	list, err := h.Compliance.Policies(ctx, q.scope, compliance.PolicyQuery{
		Subscriptions: q.query.Subs, Text: q.query.Text, Categories: q.query.Categories, Effects: q.query.Effects, Failing: q.query.Failing,
		Sort: compliance.PolicySort(page.PolicySort(q.query)), Offset: from, Limit: policiesPage,
	})
	m := page.PolicyTable{Region: page.Region{Query: q.query, Fresh: fresh}, One: len(q.chosen) == 1 || len(q.tenants) == 1, Matched: list.Total, ClearURL: judgedScope(q).URL(page.PathCompliance)}
	if err != nil {
		return m, err
	}
	m.Sub = page.Count(list.Failing) + " with findings of " + page.Count(list.Assigned) + " assigned"
	if len(list.Rows) == 0 {
		from = min(from, list.Total)
	}
	for i := range list.Rows {
		m.Rows = append(m.Rows, policyRow(q, &list.Rows[i], h.Compliance.Target))
	}
	m.Shown = from + len(m.Rows)
	m.NextURL, m.BackURL = q.ways(page.PathCompliance, from, m.Shown, list.Total)
	same := func(s string) string { return s }
	m.Categories, m.Effects = offered(list.Categories, q.query.Categories, same), offered(list.Effects, q.query.Effects, page.EffectName)
	m.Chips = h.policyChips(q)
	if len(m.Rows) == 0 && m.Fresh.State == page.Ready && list.Assigned == 0 {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "No policies assigned", "No policy judges a resource of these subscriptions, so they have no score, which is not 100%."
	} // where the filters leave nothing, they stay, to be changed
	return m, nil
}

// offered are the words of a filter, those that are chosen among them whether they are there or not.
func offered(all, chosen []string, label func(string) string) []page.Choice {
	var out []page.Choice
	for _, v := range all {
		out = append(out, page.Choice{Value: v, Label: label(v), Chosen: slices.ContainsFunc(chosen, func(c string) bool { return strings.EqualFold(c, v) })})
	}
	for _, v := range chosen {
		if !slices.ContainsFunc(all, func(a string) bool { return strings.EqualFold(a, v) }) {
			out = append(out, page.Choice{Value: v, Label: label(v), Chosen: true})
		}
	}
	return out
}

func (h handlers) policyChips(q *request) []page.Chip {
	c := chipper{q.query, page.PathCompliance, nil}
	if q.query.Text != "" {
		c.add("Name: "+q.query.Text, func(w *page.Query) { w.Text = "" })
	}
	same := func(s string) string { return s }
	c.each("Subscription", q.query.Subs, subscriptions(q.subs).name, func(w *page.Query, l []string) { w.Subs = l })
	c.each("Category", q.query.Categories, same, func(w *page.Query, l []string) { w.Categories = l })
	c.each("Effect", q.query.Effects, page.EffectName, func(w *page.Query, l []string) { w.Effects = l })
	if q.query.Failing {
		c.add("State: Non-compliant", func(w *page.Query) { w.Failing = false })
	}
	return c.chips
}

func policyRow(q *request, p *compliance.Policy, target float64) page.PolicyRow {
	num := strconv.FormatInt(p.Num, 10)
	r := page.PolicyRow{
		Name: p.Name, URL: q.query.Scope().URL(page.PathPolicies + "/" + num), Category: p.Category, Custom: p.Custom, Effects: effectNames(p.Effects),
		NonCompliant: p.Counts.NonCompliant, FailingURL: judgedScope(q).WithPolicy(num).URL(page.PathNonCompliant), Score: shareOf(p.Counts.Official()),
	}
	if percent, ok := p.Counts.Official().Percent(); ok {
		r.Tone = page.ScoreTone(percent, target)
	}
	failing := 0
	for _, t := range p.Tenants { // the worst first
		if t.Counts.NonCompliant > 0 {
			failing++
		}
	}
	if failing > 0 {
		r.Worst = tenantName(q, p.Tenants[0].Tenant)
	}
	if failing > 1 {
		r.Worst += ", +" + page.Count(failing-1)
	}
	return r
}

func effectNames(list []string) []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = page.EffectName(e)
	}
	return out
}

// compliancePolicy serves one policy, which its address names by number.
func (h handlers) compliancePolicy(w http.ResponseWriter, r *http.Request) {
	num, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	path := ""
	if err == nil && num > 0 {
		path = page.PathPolicies + "/" + strconv.FormatInt(num, 10)
	}
	h.page("Policy", path, func(ctx context.Context, q *request) (view, error) {
		if path == "" {
			return nil, fresnel.Errorf(fresnel.NotFound, "there is no policy %.40q", r.PathValue("id"))
		}
		return h.policy(ctx, q, num)
	})(w, r)
}

const assignmentsShown = 15

func (h handlers) policy(ctx context.Context, q *request, num int64) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	p, err := h.Compliance.Policy(ctx, q.scope, num)
	if err != nil {
		return nil, err
	}
	fresh, err := h.judgedCover(ctx, q)
	if err != nil {
		return nil, err
	}
	fresh.State = ready(fresh) // what is held of it is shown, however old
	target := h.Compliance.Target
	m := page.PolicyPage{
		Region: page.Region{Query: q.query, Fresh: fresh}, Name: p.Name, ID: p.ID, Description: p.Description, Category: p.Category, Mode: p.Mode, Custom: p.Custom,
		Effects: effectNames(p.Effects), Score: scoreModel(q, p.Name, compliance.Score{Counts: p.Counts, Read: 1, Subscriptions: 1}, target),
	}
	m.Score.Change, m.Score.Against = page.Delta{}, ""
	word := strconv.FormatInt(num, 10)
	for _, t := range p.Tenants {
		row := page.PolicyTenant{
			Name: tenantName(q, t.Tenant), URL: q.query.Scope().WithTenants(string(t.Tenant)).WithPolicy(word).URL(page.PathNonCompliant),
			NonCompliant: t.Counts.NonCompliant, Score: shareOf(t.Counts.Official()),
		}
		if percent, ok := t.Counts.Official().Percent(); ok {
			row.Tone = page.ScoreTone(percent, target)
		}
		m.Tenants = append(m.Tenants, row)
	}
	for i := range p.Assignments {
		if i >= assignmentsShown {
			m.MoreAssignments = len(p.Assignments) - i
			break
		}
		m.Assignments = append(m.Assignments, assignmentRow(q, &p.Assignments[i]))
	}
	for _, r := range p.Remedies {
		m.Remedies = append(m.Remedies, page.RemedyBox{Effect: page.EffectName(r.Effect), Do: r.Do, Command: r.Command, Task: r.Task})
	}
	if m.Failing, err = h.failingOf(ctx, q, num, fresh); err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Title, s.Sub, s.CSV = p.Name, strings.Join(append([]string{"Policy"}, m.Effects...), " · "), q.query.WithPolicy(word).NonCompliantCSV()
		return page.CompliancePolicyPage(s, m)
	}, nil
}

func assignmentRow(q *request, a *compliance.AssignedPolicy) page.PolicyAssignment {
	r := page.PolicyAssignment{
		Name: cmp.Or(a.Assignment.Name, lastPart(a.Assignment.ID)), ID: a.Assignment.ID, Scope: assignedTo(a), Tenant: tenantName(q, a.Tenant),
		Initiative: a.Initiative, Reference: a.Reference, Effect: page.EffectName(a.Effect), NonCompliant: a.Counts.NonCompliant, Score: shareOf(a.Counts.Official()),
	}
	if strings.HasPrefix(a.Initiative, "/") { // an id: it could not be read, or has no name
		r.Initiative = lastPart(a.Initiative)
	}
	return r
}

// assignedTo is where an assignment is, in words. The group above all others has the id of its tenant.
func assignedTo(a *compliance.AssignedPolicy) string {
	words := scopeWords(a.Assignment.Scope)
	if strings.EqualFold(words, "Management group "+string(a.Tenant)) {
		return "Tenant root group"
	}
	return words
}

// scopeWords are what an ARM id covers, in words: "Resource group rg-web".
func scopeWords(id string) string {
	parts := strings.Split(strings.Trim(strings.ToLower(id), "/"), "/")
	switch {
	case len(parts) < 2:
		return id
	case strings.Contains(id, "/managementgroups/") && !strings.Contains(id, "/subscriptions/"):
		return "Management group " + parts[len(parts)-1]
	case len(parts) == 2 && parts[0] == "subscriptions":
		return "Subscription " + subscriptionName("", parts[1])
	case len(parts) == 4 && parts[2] == "resourcegroups":
		return "Resource group " + parts[3]
	}
	return "Resource " + parts[len(parts)-1]
}
