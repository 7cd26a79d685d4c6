package web

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/web/page"
)

const (
	failingPage   = 25
	policiesOfRow = 3 // are named
)

func (h handlers) nonCompliant(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	fresh, err := h.judgedCover(ctx, q)
	if err != nil {
		return nil, err
	}
	m := page.NonCompliant{ClearURL: judgedScope(q).URL(page.PathNonCompliant)}
	if m.Table, err = h.failingModel(ctx, q, fresh); err != nil {
		return nil, err
	}
	if m.Chips, err = h.failingChips(ctx, q); err != nil {
		return nil, err
	}
	counts, err := h.Inventory.Reader.Counts(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	m.Types = typeChoices(q, counts, typesOfChange, false)
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = "A resource that fails several policies is one row", q.query.NonCompliantCSV()
		return page.NonCompliantPage(s, m)
	}, nil
}

func (h handlers) complianceResources(ctx context.Context, q *request) (templ.Component, error) {
	fresh, err := h.judgedCover(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := h.failingModel(ctx, q, fresh)
	return page.FailingTablePanel(m), err
}

// failingAsk is what the query asks of the resources that do not comply.
func failingAsk(q *request) compliance.FailingQuery {
	ask := compliance.FailingQuery{
		Subscriptions: q.query.Subs, Types: q.query.Types, Text: q.query.Text, Sort: compliance.FailingSort(page.FailingSort(q.query)), Limit: failingPage,
	}
	for _, g := range q.query.RGs {
		if g != "" { // a field that was left empty
			ask.Groups = append(ask.Groups, g)
		}
	}
	if q.query.Policy != "" {
		n, err := strconv.ParseInt(q.query.Policy, 10, 64)
		if err != nil || n <= 0 {
			q.note("Ignored policy=" + clipWord(q.query.Policy) + ": not the number of a policy.")
			q.query.Policy = ""
		} else {
			ask.Policy = n
		}
	}
	if q.query.Cursor != "" {
		place, ok := failingPlace(q.query.Cursor)
		if !ok {
			q.note("Ignored cursor=" + clipWord(q.query.Cursor) + ": this is the first page.")
			q.query.Cursor = ""
		}
		ask.After = place
	}
	return ask
}

// failingCursor writes a place as a word of an address, failingPlace reads it.
func failingCursor(p compliance.FailingPlace) string {
	if p == (compliance.FailingPlace{}) {
		return ""
	}
	return strconv.FormatInt(p.Key, 36) + "." + strconv.FormatInt(p.Arm, 36) + "." + p.Name
}

func failingPlace(word string) (compliance.FailingPlace, bool) {
	parts := strings.SplitN(word, ".", 3)
	if len(parts) < 3 {
		return compliance.FailingPlace{}, false
	}
	key, err := strconv.ParseInt(parts[0], 36, 64)
	arm, err2 := strconv.ParseInt(parts[1], 36, 64)
	if cmp.Or(err, err2) != nil {
		return compliance.FailingPlace{}, false
	}
	return compliance.FailingPlace{Key: key, Arm: arm, Name: parts[2]}, true
}

func (h handlers) failingModel(ctx context.Context, q *request, fresh page.Freshness) (page.FailingTable, error) {
	return h.failing(ctx, q, failingAsk(q), page.PathNonCompliant, fresh)
}

// failingOf are the resources that fail one policy, as its page lists them.
func (h handlers) failingOf(ctx context.Context, q *request, num int64, fresh page.Freshness) (page.FailingTable, error) {
	only := *q
	only.query = judgedScope(q).WithCursor(q.query.Cursor)
	ask := failingAsk(&only)
	ask.Policy, q.notes = num, only.notes
	word := strconv.FormatInt(num, 10)
	m, err := h.failing(ctx, &only, ask, page.PathPolicies+"/"+word, fresh)
	m.ID, m.Title, m.Policy = "compliance-failing", "Resources that fail it", true
	m.Query = only.query
	m.Query.Policy = word // as its partial is asked
	return m, err
}

func (h handlers) policyResources(ctx context.Context, q *request) (templ.Component, error) {
	num, err := strconv.ParseInt(q.query.Policy, 10, 64)
	if err != nil || num <= 0 {
		return nil, fresnel.Errorf(fresnel.NotFound, "there is no policy %.40q", q.query.Policy)
	}
	fresh, err := h.judgedCover(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := h.failingOf(ctx, q, num, fresh)
	return page.FailingTablePanel(m), err
}

func (h handlers) failing(ctx context.Context, q *request, ask compliance.FailingQuery, path string, fresh page.Freshness) (page.FailingTable, error) {
	m := page.FailingTable{Region: page.Region{Query: q.query, Fresh: fresh}}
	list, err := h.Compliance.NonCompliant(ctx, q.scope, ask)
	if err != nil {
		return m, err
	}
	m.Total = page.Count(list.Total)
	if list.More {
		m.Total += "+"
	}
	if next := failingCursor(list.Next); next != "" {
		m.NextURL = q.query.WithCursor(next).URL(path)
	}
	if q.query.Cursor != "" {
		m.BackURL = q.query.WithCursor("").URL(path)
	}
	for i := range list.Rows {
		m.Rows = append(m.Rows, failingRow(q, &list.Rows[i], list.Failed[list.Rows[i].Resource], list.Names))
	}
	if len(list.Rows) > 0 || m.Fresh.State != page.Ready {
		return m, nil
	}
	m.Fresh.State, m.Fresh.EmptyTitle = page.Empty, "Nothing fails"
	if m.Fresh.EmptyText = "No resource that was judged fails a policy."; ask.Policy != 0 {
		m.Fresh.EmptyText = "No resource that was judged fails this policy."
	}
	if ask.Text != "" || len(ask.Types)+len(ask.Groups)+len(ask.Subscriptions) > 0 {
		m.Fresh.EmptyTitle, m.Fresh.EmptyText = "Nothing matches", "No non-compliant resource has all that the filters ask for."
	}
	return m, nil
}

func failingRow(q *request, f *compliance.Failing, failed []compliance.Failed, names map[int64]string) page.FailingRow {
	r := page.FailingRow{
		Name: cmp.Or(f.Name, lastPart(f.Resource)), Type: page.TypeName(f.Type), Icon: page.TypeIcon(f.Type), Tenant: f.TenantName,
		Subscription: subscriptionName(f.SubscriptionName, f.Subscription), Group: f.Group, Since: f.Since, More: max(0, f.Policies-policiesOfRow),
	}
	r.URL, r.DrawerURL = resourceURLs(q, f.Resource, f.Type)
	failed = slices.DeleteFunc(slices.Clone(failed), func(x compliance.Failed) bool { return x.Tenant != f.Tenant })
	for _, x := range failed[:min(policiesOfRow, len(failed))] {
		r.Policies = append(r.Policies, failedPolicy(q, x, names))
	}
	return r
}

func failedPolicy(q *request, x compliance.Failed, names map[int64]string) page.FailedPolicy {
	num := strconv.FormatInt(x.Policy, 10)
	return page.FailedPolicy{
		Name: cmp.Or(names[x.Policy], "Policy "+num), URL: q.query.Scope().URL(page.PathPolicies + "/" + num), Conflict: x.State == compliance.Conflict, Since: x.Since,
	}
}

// failsOf are the policies that one resource does not comply with, as its facts list them.
func (h handlers) failsOf(ctx context.Context, q *request, id string) ([]page.FailedPolicy, error) {
	list, names, err := h.Compliance.Fails(ctx, q.scope, id)
	var out []page.FailedPolicy
	for _, x := range list {
		out = append(out, failedPolicy(q, x, names))
	}
	return out, err
}

// resourceURLs are the page and the drawer of a resource that policies judge; a subscription is none.
func resourceURLs(q *request, id, kind string) (pageURL, drawer string) {
	if strings.Count(id, "/") < 3 || strings.HasPrefix(kind, "microsoft.resources/subscriptions") {
		return "", ""
	}
	to := q.query.Scope().WithID(id)
	return to.URL(page.PathResource), to.URL(page.PathPartials + "resource-drawer")
}

// failingChips are the filters that are on, each with the address without it.
func (h handlers) failingChips(ctx context.Context, q *request) ([]page.Chip, error) {
	c := chipper{q.query, page.PathNonCompliant, nil}
	if q.query.Policy != "" {
		num, _ := strconv.ParseInt(q.query.Policy, 10, 64) // failingAsk has looked at it
		items, err := h.Compliance.Reader.Items(ctx, q.scope, []int64{num})
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return nil, fresnel.Errorf(fresnel.NotFound, "there is no policy %d", num)
		}
		c.add("Policy: "+cmp.Or(items[0].Name, lastPart(items[0].ID)), func(w *page.Query) { w.Policy = "" })
	}
	if q.query.Text != "" {
		c.add("Name: "+q.query.Text, func(w *page.Query) { w.Text = "" })
	}
	same := func(s string) string { return s }
	c.each("Subscription", q.query.Subs, subscriptions(q.subs).name, func(w *page.Query, l []string) { w.Subs = l })
	c.each("Type", q.query.Types, page.TypeName, func(w *page.Query, l []string) { w.Types = l })
	c.each("Resource group", q.query.RGs, same, func(w *page.Query, l []string) { w.RGs = l })
	return c.chips, nil
}
