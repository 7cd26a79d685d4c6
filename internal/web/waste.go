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
	"fresnel/internal/cost"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

const (
	wastePage       = 20
	wasteOnOverview = 4
)

func (h handlers) waste(ctx context.Context, q *request) (view, error) {
	return h.wasteWith(ctx, q, 0, nil)
}

// wasteWith is the page with what was typed for one of the findings.
func (h handlers) wasteWith(ctx context.Context, q *request, id int64, typed *page.VerdictForm) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	var only []string
	title := ""
	if q.query.Rule != "" {
		i := slices.IndexFunc(h.Inventory.Rules, func(r inventory.Rule) bool { return r.ID == q.query.Rule })
		if i < 0 {
			q.note("Ignored rule=" + clipWord(q.query.Rule) + ": not a known rule.")
			q.query.Rule = ""
		} else {
			only, title = []string{q.query.Rule}, h.Inventory.Rules[i].Title
		}
	}
	rep, err := h.Inventory.Waste(ctx, q.scope, inventory.WasteAsk{Rules: only, Over: wasteOver(q)})
	if err != nil {
		return nil, err
	}
	fresh, err := h.inventoryFreshness(ctx, q, rep.Coverage)
	if err != nil {
		return nil, err
	}
	m := page.Waste{
		Region: page.Region{Query: q.query, Fresh: fresh}, Month: rep.Month.Time().Format("January 2006"), Total: monthSum(rep.Total.Waste), AtMost: monthSum(rep.Total.AtMost),
		Unknown: rep.Total.Unknown, Open: rep.Open, More: rep.More, RuleTitle: title, Today: q.now, Rules: h.ruleChips(q, rep),
	}
	if rep.More {
		q.note("Only the " + page.Count(inventory.MaxWasted) + " most expensive findings are listed and added up.")
	}
	if title != "" {
		m.Chips = append(m.Chips, page.Chip{Label: "Rule: " + title, URL: q.query.WithRule("").URL(page.PathWaste)})
	}
	if q.query.Over != "" {
		m.Chips = append(m.Chips, page.Chip{Label: "Over " + q.query.Over + " a month", URL: q.query.WithOver("").URL(page.PathWaste)})
	} else {
		idleOver := strconv.FormatInt(h.Inventory.IdleOver/1_000_000, 10)
		m.OverURL, m.Over = q.query.WithOver(idleOver).URL(page.PathWaste), "Over "+idleOver+" a month"
	}
	m.ClearURL = page.Query{Tenants: q.query.Tenants}.URL(page.PathWaste)
	list := slices.DeleteFunc(slices.Clone(rep.Wasted), func(w inventory.Wasted) bool {
		state := q.query.State != "" && string(w.State) != q.query.State
		sure := q.query.Confidence != "" && string(w.Detail.Confidence) != q.query.Confidence
		return (state || sure) && w.Finding.ID != id
	})
	if err := h.wasteLines(ctx, q, &m, list, id, typed); err != nil {
		return nil, err
	}
	switch {
	case len(list) > 0 || m.Fresh.State != page.Ready:
	case q.query.Over != "" && len(rep.Wasted) == 0:
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "None of these", "No finding is worth more than "+q.query.Over+" a month, in the currency that it is billed in."
	case len(rep.Wasted) > 0:
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "None of these", page.Plural(len(rep.Wasted), "finding is", "findings are")+" in other states or of another confidence."
	default:
		m.Fresh.State, m.Fresh.EmptyTitle = page.Empty, "No waste found"
		m.Fresh.EmptyText = page.Plural(len(h.Inventory.Rules), "rule was", "rules were") + " asked about the resources of " + page.Plural(m.Fresh.Covered, "tenant", "tenants") + "."
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = inventorySubtitle(rep.Coverage), q.query.WasteCSV()
		return page.WastePage(s, m)
	}, nil
}

// wasteOver is the amount a month that findings are to be worth more than, in micro-units; 0 = any.
func wasteOver(q *request) int64 {
	if q.query.Over == "" {
		return 0
	}
	var a fresnel.Amount
	if a.Add(q.query.Over) != nil || a.Micros() <= 0 {
		q.note("Ignored over=" + clipWord(q.query.Over) + ": not an amount above zero.")
		q.query.Over = ""
		return 0
	}
	return a.Micros()
}

// ruleChips are the rules that found something, those with the most findings
// first; of one rule only, nothing is known of the others.
func (h handlers) ruleChips(q *request, rep inventory.WasteReport) []page.Chip {
	n := map[string]int{}
	for _, w := range rep.Wasted {
		n[w.Rule.ID]++
	}
	rules := slices.Clone(h.Inventory.Rules)
	slices.SortStableFunc(rules, func(a, b inventory.Rule) int {
		return cmp.Or(cmp.Compare(n[b.ID], n[a.ID]), cmp.Compare(a.Title, b.Title))
	})
	var out []page.Chip
	for _, r := range rules {
		label := r.Title
		if q.query.Rule == "" {
			if n[r.ID] == 0 {
				continue
			}
			label += " (" + page.Count(n[r.ID]) + ")"
		}
		out = append(out, page.Chip{Label: label, URL: q.query.WithRule(r.ID).URL(page.PathWaste)})
	}
	return out
}

// wasteLines fills the page's rows: from the cursor on, or the page that holds the finding that was judged.
func (h handlers) wasteLines(ctx context.Context, q *request, m *page.Waste, list []inventory.Wasted, id int64, typed *page.VerdictForm) error {
	from := 0
	if q.query.Cursor != "" {
		from = 1 + slices.IndexFunc(list, func(w inventory.Wasted) bool { return findingKey(w) == q.query.Cursor })
	}
	if at := slices.IndexFunc(list, func(w inventory.Wasted) bool { return id != 0 && w.Finding.ID == id }); at >= 0 && (at < from || at >= from+wastePage) {
		from = at
	}
	to := min(from+wastePage, len(list))
	if err := h.Inventory.Fill(ctx, q.scope, list[from:to]); err != nil {
		return err
	}
	for i := from; i < to; i++ {
		l := h.wasteLine(q, &list[i])
		if id != 0 && list[i].Finding.ID == id {
			l.Form = typed
		}
		m.Rows = append(m.Rows, l)
	}
	m.Shown, m.Matched = to, len(list)
	if to > 0 && to < len(list) {
		m.NextURL = q.query.WithCursor(findingKey(list[to-1])).URL(page.PathWaste)
	}
	if from > 0 {
		m.BackURL = q.query.WithCursor("").URL(page.PathWaste)
	}
	return nil
}

func findingKey(w inventory.Wasted) string { return strconv.FormatInt(w.Finding.ID, 10) }

func (h handlers) wasteLine(q *request, w *inventory.Wasted) page.WasteLine {
	r := &w.Resource
	l := page.WasteLine{
		ID: findingKey(*w), Rule: w.Finding.Rule, Title: cmp.Or(w.Detail.Title, w.Rule.Title), Reason: page.Sentence(w.Detail.Reason), Confidence: string(w.Detail.Confidence),
		State: page.AnomalyState(w.State), Resolved: w.State == fresnel.StateResolved, Name: r.Name, Type: page.TypeName(r.Type), Icon: page.TypeIcon(r.Type),
		Tenant: r.TenantName, Since: w.Finding.Since.Time(), Age: "less than a day",
		Why: w.Rule.Why, Condition: w.Rule.Condition, DocURL: w.Rule.Doc, Exceptions: w.Rule.Exceptions,
	}
	if days := int(fresnel.DayOf(q.now) - w.Finding.Since); days > 0 {
		l.Age = page.Plural(days, "day", "days")
	}
	if r.ID == "" { // a part of a resource, or one that is not held
		l.Name, l.Type, l.Tenant = lastPart(w.Finding.Object), "", tenantName(q, w.Finding.Tenant)
	} else {
		l.URL, l.Subscription = q.query.Scope().WithID(r.Key()).URL(page.PathResource), subscriptionName(r.SubscriptionName, r.Subscription)
	}
	if about := w.Detail.About; r.Type == adviceType && len(about) == 1 { // whose own name is a number: the list names what it is about
		l.Name, l.URL = lastPart(about[0]), q.query.Scope().WithID(about[0]).URL(page.PathResource)
	}
	l.Amounts, l.Basis = basis(w.Worth)
	l.Extents = extents(w)
	if e := w.Exception; e != nil {
		l.SaidExtent = string(inventory.ExtentOf(w.Finding, e))
		for _, o := range l.Extents {
			if o.Value == l.SaidExtent {
				l.SaidOf = strings.TrimPrefix(o.Words, "All of ")
			}
		}
		l.Said = &page.Said{Author: e.Author, Note: e.Note, At: e.Created}
		if !e.Expires.IsZero() {
			l.Said.Until = fresnel.DayOf(e.Expires.Add(-time.Second)).Time().Format("2 Jan 2006")
		}
	}
	return l
}

// extents are what a verdict on a finding can be said of beside it.
func extents(w *inventory.Wasted) (out []page.Option) {
	if g := w.Resource.Group; g != "" && strings.Contains(w.Finding.Object, "/resourcegroups/"+g+"/") {
		out = append(out, page.Option{Value: string(inventory.ExtentGroup), Words: "All of resource group " + g})
	}
	if w.Resource.ID != "" {
		out = append(out, page.Option{Value: string(inventory.ExtentSubscription), Words: "All of subscription " + subscriptionName(w.Resource.SubscriptionName, w.Resource.Subscription)})
	}
	return out
}

// adviceType is the type of what Azure Advisor says of a resource.
const adviceType = "microsoft.advisor/recommendations"

// lastPart is the name at the end of an ARM id.
func lastPart(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// basis is what a finding costs in a month, and what that figure is.
func basis(w inventory.Worth) (amounts []string, words string) {
	switch {
	case w.Free:
		return nil, "not billed"
	case w.Advised:
		return moneyOf(w.Cost.Full), "Azure's estimate"
	}
	amounts, words = moneyOf(w.Cost.Full), "last month"
	if len(amounts) == 0 {
		amounts, words = moneyOf(w.Cost.SoFar), "this month so far"
	}
	switch {
	case len(amounts) == 0 && !w.Known:
		return nil, "not known"
	case len(amounts) == 0:
		return nil, "no cost last month"
	case !w.Known:
		words += ", not known in full"
	}
	if w.AtMost {
		words = "at most, " + words
	}
	return amounts, words
}

// monthSum is a sum of a month: in the one currency that it is billed in, or in dollars beside what is billed.
func monthSum(c inventory.MonthCost) page.MonthSum {
	in, usd := c.Full, c.FullUSD
	if len(in) == 0 && len(c.SoFar) > 0 { // all of it is younger than the month
		in, usd = c.SoFar, c.SoFarUSD
	}
	switch len(in) {
	case 0:
		return page.MonthSum{Figure: page.Dash}
	case 1:
		return page.MonthSum{Figure: moneyOf(in)[0]}
	}
	return page.MonthSum{Figure: page.Money(usd, cost.USD, false), Billing: moneyOf(in)}
}

func (h handlers) wasteSummary(ctx context.Context, q *request) (templ.Component, error) {
	m, err := h.wasteSummaryModel(ctx, q)
	return page.WasteSummaryCard(m), err
}

func (h handlers) wasteSummaryModel(ctx context.Context, q *request) (page.WasteSummary, error) {
	rep, err := h.Inventory.Waste(ctx, q.scope, inventory.WasteAsk{})
	if err != nil {
		return page.WasteSummary{}, err
	}
	fresh, err := h.inventoryFreshness(ctx, q, rep.Coverage)
	m := page.WasteSummary{
		Region: page.Region{Query: q.query, Fresh: fresh}, Month: rep.Month.Time().Format("January 2006"), Total: monthSum(rep.Total.Waste), AtMost: monthSum(rep.Total.AtMost),
		Open: rep.Open, Unknown: rep.Total.Unknown,
	}
	var first []inventory.Wasted
	for _, w := range rep.Wasted {
		if len(first) < wasteOnOverview && w.State == fresnel.StateOpen && !w.Free {
			first = append(first, w)
		}
	}
	if err := h.Inventory.Fill(ctx, q.scope, first); err != nil {
		return m, err
	}
	for i := range first {
		m.Rows = append(m.Rows, h.wasteLine(q, &first[i]))
	}
	if rep.Open == 0 && m.Fresh.State == page.Ready {
		m.Fresh.State, m.Fresh.EmptyTitle = page.Empty, "No waste found"
	}
	return m, err
}

// judgeWaste records a verdict on a finding of waste and shows the list again.
func (h handlers) judgeWaste(w http.ResponseWriter, r *http.Request) {
	const title = "Waste"
	ctx := r.Context()
	q, err := h.read(r)
	var id int64
	if err == nil {
		if id, err = strconv.ParseInt(r.PathValue("id"), 10, 64); err != nil {
			err = fresnel.Errorf(fresnel.NotFound, "there is no finding %.40q", r.PathValue("id"))
		}
	}
	if err != nil {
		h.refuse(w, r, q, title, page.PathWaste, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	typed := page.VerdictForm{Verdict: r.PostFormValue("verdict"), Extent: r.PostFormValue("extent"), Note: strings.TrimSpace(r.PostFormValue("note")), Expires: r.PostFormValue("expires")}
	v, expires, err := parseVerdict(typed)
	if err == nil {
		_, err = h.Inventory.Judge(ctx, q.full, id, v, inventory.Extent(typed.Extent), typed.Note, author, expires)
	}
	switch {
	case err == nil:
		http.Redirect(w, r, q.query.URL(page.PathWaste), http.StatusSeeOther)
		return
	case fresnel.KindOf(err) != fresnel.Invalid:
		h.refuse(w, r, q, title, page.PathWaste, err)
		return
	}
	typed.Problem, typed.Do = fresnel.Reason(err)
	view, err := h.wasteWith(ctx, q, id, &typed)
	if err != nil {
		h.refuse(w, r, q, title, page.PathWaste, err)
		return
	}
	h.render(ctx, w, http.StatusUnprocessableEntity, view(h.shell(ctx, title, page.PathWaste, q)))
}
