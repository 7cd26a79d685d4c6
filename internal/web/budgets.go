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
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

// azureShown is how many of Azure's budgets a page has.
const azureShown = 40

func (h handlers) budgets(ctx context.Context, q *request) (view, error) {
	return h.budgetsWith(ctx, q, nil)
}

// budgetsWith is the page with a form as it was typed; without one, the query says which is open.
func (h handlers) budgetsWith(ctx context.Context, q *request, typed *page.BudgetForm) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	rep, err := h.Reports.BudgetReport(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, rep.Coverage, rep.Coverage.Covered > 0)
	if err != nil {
		return nil, err
	}
	fresh.Late = ""
	m := page.Budgets{
		Region: page.Region{Query: q.query, Fresh: fresh}, Month: q.now.UTC().Format("January 2006"), More: len(rep.Azure) > azureShown,
		Tenants: page.Count(rep.With) + " of " + page.Plural(rep.Tenants, "tenant has", "tenants have") + " a budget of all they cost",
	}
	for _, s := range rep.Budgets {
		row := budgetRow(q, s)
		row.URL, row.ChangeURL = budgetURL(q, s.Budget), q.query.Scope().WithBudget(strconv.FormatInt(s.Budget.ID, 10), "").URL(page.PathBudgets)
		m.Rows = append(m.Rows, row)
	}
	slices.SortStableFunc(rep.Azure, func(a, b cost.AzureBudget) int { return compareUsed(b, a) })
	for _, b := range rep.Azure[:min(azureShown, len(rep.Azure))] {
		m.Azure = append(m.Azure, azureRow(b))
	}
	for _, t := range q.tenants {
		m.Offer = append(m.Offer, page.TenantOption{ID: string(t.ID), Name: t.Name, Chosen: slices.Contains(q.chosen, t.ID)})
	}
	if m.Form, err = h.form(ctx, q, typed, rep); err != nil {
		return nil, err
	}
	switch {
	case len(rep.Budgets) > 0:
		m.Fresh.State = ready(m.Fresh)
	default:
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "No budget is set", "Choose a tenant above to set one: of all it costs, of some subscriptions, or of a service."
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = "Of the current calendar month, "+m.Month+", UTC days", (page.Query{Tenants: q.query.Tenants}).CSV("budgets")
		return page.BudgetsPage(s, m)
	}, nil
}

// budgetURL is Costs of what a budget is of, in its month.
func budgetURL(q *request, b cost.Budget) string {
	to := page.Query{}.WithTenants(string(b.Tenant)).WithSubs(b.Subscriptions...).WithGroup("service").WithMetric(b.Metric.String()).WithGranularity("accumulated")
	if b.Service != "" {
		to = to.WithService(b.Service).WithGroup("resource-group")
	}
	return to.URL(page.PathCosts)
}

// compareUsed orders budgets of which Azure does not tell the use before all others.
func compareUsed(a, b cost.AzureBudget) int {
	x, okX := a.Used()
	y, okY := b.Used()
	if okX != okY {
		if okX {
			return 1
		}
		return -1
	}
	return cmp.Compare(x, y)
}

func azureRow(b cost.AzureBudget) page.AzureBudgetRow {
	row := page.AzureBudgetRow{
		Name: b.Name, Of: b.TenantName + " · " + subscriptionName(b.SubscriptionName, b.Subscription), Grain: b.Grain,
		Amount: page.Money(b.Amount.Micros, b.Amount.Currency, true), Spent: page.Dash, End: page.Dash, SeenAt: b.Seen,
	}
	if b.Filtered {
		row.Grain += ", of a part"
	}
	if b.Forecast != nil {
		row.End = page.Money(b.Forecast.Micros, b.Forecast.Currency, true)
	}
	if b.Spent == nil {
		return row
	}
	row.Spent = page.Money(b.Spent.Micros, b.Spent.Currency, true)
	if used, ok := b.Used(); ok {
		row.Used = &page.Used{Percent: percentWords(used), Value: int(min(max(used, 0), 100)), Tone: ui.OK, Title: "Used of " + b.Name}
		switch {
		case used > 100:
			row.Used.Tone = ui.Bad
		case b.Forecast != nil && b.Forecast.Micros > b.Amount.Micros:
			row.Used.Tone = ui.Warn
		}
	}
	return row
}

// form is the open form with what can be chosen: as it was typed, of a budget that is held, or of a new one.
func (h handlers) form(ctx context.Context, q *request, typed *page.BudgetForm, rep cost.BudgetReport) (*page.BudgetForm, error) {
	f := typed
	switch {
	case f != nil:
	case q.query.Budget == "new":
		ids, err := fresnel.FindTenants(q.tenants, []string{q.query.For})
		if err != nil {
			return nil, err
		}
		f = &page.BudgetForm{Tenant: string(ids[0])}
	case q.query.Budget != "":
		at := slices.IndexFunc(rep.Budgets, func(s cost.BudgetStatus) bool {
			return strconv.FormatInt(s.Budget.ID, 10) == q.query.Budget
		})
		if at < 0 {
			return nil, fresnel.Errorf(fresnel.NotFound, "there is no budget %.40s", q.query.Budget)
		}
		f = formOf(rep.Budgets[at].Budget)
	default:
		return nil, nil //nolint:nilnil // no form is open
	}
	f.TenantName = tenantName(q, fresnel.TenantID(f.Tenant))
	back := q.query.Scope()
	f.CloseURL, f.PostURL = back.URL(page.PathBudgets), back.WithBudget("", "").URL(page.PathBudgets)
	if f.ID != "" {
		f.PostURL, f.DeleteURL = back.URL(page.PathBudgets+"/"+f.ID), back.URL(page.PathBudgets+"/"+f.ID+"/delete")
	}
	return f, h.offers(ctx, q, f)
}

func formOf(b cost.Budget) *page.BudgetForm {
	f := &page.BudgetForm{
		ID: strconv.FormatInt(b.ID, 10), Tenant: string(b.Tenant), Name: b.Name, Service: b.Service, Metric: b.Metric.String(), Currency: b.Amount.Currency,
		Amount: strings.TrimSuffix(strings.TrimRight(b.Amount.Decimal(), "0"), "."),
	}
	for _, id := range b.Subscriptions {
		f.Subs = append(f.Subs, page.Choice{Value: id, Chosen: true})
	}
	return f
}

// offers fills what a budget of the tenant can be of: what is held of the last months.
func (h handlers) offers(ctx context.Context, q *request, f *page.BudgetForm) error {
	scope := q.full.Narrow(fresnel.TenantID(f.Tenant))
	today := h.Reports.Today()
	a := cost.Ask{Period: fresnel.Period{From: today - 92, To: today + 1}, Versus: cost.VersusNone, By: cost.BySubscription}
	b, err := h.Reports.Breakdown(ctx, scope, a)
	if err != nil {
		return err
	}
	chosen := map[string]bool{}
	for _, s := range f.Subs {
		chosen[s.Value] = s.Chosen
	}
	f.Subs = nil
	for _, r := range b.Rows {
		f.Subs = append(f.Subs, page.Choice{Value: r.Subscription, Label: r.Label(), Chosen: chosen[r.Subscription]})
		delete(chosen, r.Subscription)
	}
	for id, on := range chosen { // held by the budget, though without cost lately
		if on {
			f.Subs = append(f.Subs, page.Choice{Value: id, Label: subscriptionName("", id), Chosen: true})
		}
	}
	for _, one := range b.Total.Figures {
		f.Currencies = append(f.Currencies, one.Currency)
	}
	if !slices.Contains(f.Currencies, cost.USD) {
		f.Currencies = append(f.Currencies, cost.USD)
	}
	if f.Currency != "" && !slices.Contains(f.Currencies, f.Currency) {
		f.Currencies = append(f.Currencies, f.Currency)
	}
	if len(b.Total.Figures) > 1 && f.Currency == "" {
		f.Currency = cost.USD
	}
	a.By = cost.ByService
	if b, err = h.Reports.Breakdown(ctx, scope, a); err != nil {
		return err
	}
	for _, r := range b.Rows {
		f.Services = append(f.Services, r.Service)
	}
	if f.Service != "" && !slices.Contains(f.Services, f.Service) {
		f.Services = append(f.Services, f.Service)
	}
	return nil
}

// keepBudget adds a budget, or changes the one of the path.
func (h handlers) keepBudget(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	q, err := h.read(r)
	if err != nil {
		h.refuse(w, r, q, "Budgets", page.PathBudgets, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	f := page.BudgetForm{
		ID: r.PathValue("id"), Tenant: r.PostFormValue("tenant"), Name: strings.TrimSpace(r.PostFormValue("name")), Amount: strings.TrimSpace(r.PostFormValue("amount")),
		Currency: r.PostFormValue("currency"), Service: r.PostFormValue("service"), Metric: r.PostFormValue("metric"),
	}
	for _, id := range r.PostForm["sub"] {
		f.Subs = append(f.Subs, page.Choice{Value: strings.ToLower(id), Chosen: true})
	}
	b, err := h.typed(q, f)
	if err == nil {
		_, err = h.Reports.PutBudget(ctx, q.full, b)
	}
	switch {
	case err == nil:
		http.Redirect(w, r, q.query.Scope().URL(page.PathBudgets), http.StatusSeeOther)
		return
	case fresnel.KindOf(err) != fresnel.Invalid:
		h.refuse(w, r, q, "Budgets", page.PathBudgets, err)
		return
	}
	f.Problem, f.Do = fresnel.Reason(err)
	v, err := h.budgetsWith(ctx, q, &f)
	if err != nil {
		h.refuse(w, r, q, "Budgets", page.PathBudgets, err)
		return
	}
	h.render(ctx, w, http.StatusUnprocessableEntity, v(h.shell(ctx, "Budgets", page.PathBudgets, q)))
}

// typed is the budget that a form holds. It fails with Invalid, and with NotFound on a tenant that is not seen.
func (h handlers) typed(q *request, f page.BudgetForm) (cost.Budget, error) {
	b := cost.Budget{Name: f.Name, Service: f.Service, Author: author}
	var err error
	if f.ID != "" {
		if b.ID, err = strconv.ParseInt(f.ID, 10, 64); err != nil || b.ID <= 0 {
			return b, fresnel.Errorf(fresnel.NotFound, "there is no budget %.40s", f.ID)
		}
	}
	ids, err := fresnel.FindTenants(q.tenants, []string{f.Tenant})
	if err != nil {
		return b, err
	}
	b.Tenant = ids[0]
	for _, s := range f.Subs {
		if !fresnel.IsGUID(s.Value) {
			return b, fresnel.Errorf(fresnel.Invalid, "sub %.60q is not a subscription id", s.Value)
		}
		b.Subscriptions = append(b.Subscriptions, s.Value)
	}
	slices.Sort(b.Subscriptions)
	var amount fresnel.Amount
	if err := amount.Add(f.Amount); err != nil {
		return b, fresnel.Errorf(fresnel.Invalid, "the amount %.40q is not a number like 12000.50: leave out spaces, symbols and separators of thousands", f.Amount)
	}
	b.Amount = fresnel.Money{Micros: amount.Micros(), Currency: strings.ToUpper(f.Currency)}
	b.Metric, err = cost.ParseMetric(f.Metric)
	return b, err
}

func (h handlers) deleteBudget(w http.ResponseWriter, r *http.Request) {
	q, err := h.read(r)
	var id int64
	if err == nil {
		if id, err = strconv.ParseInt(r.PathValue("id"), 10, 64); err != nil {
			err = fresnel.Errorf(fresnel.NotFound, "there is no budget %.40s", r.PathValue("id"))
		}
	}
	if err == nil {
		err = h.Reports.DeleteBudget(r.Context(), q.full, id)
	}
	if err != nil {
		h.refuse(w, r, q, "Budgets", page.PathBudgets, err)
		return
	}
	http.Redirect(w, r, q.query.Scope().URL(page.PathBudgets), http.StatusSeeOther)
}
