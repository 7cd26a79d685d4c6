package web

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

const (
	resourcesPage   = 50
	typesOnPage     = 12
	typesOnOverview = 5
	typesOffered    = 200 // by the filter
)

func (h handlers) resources(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	cover, err := h.Inventory.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	counts, err := h.Inventory.Reader.Counts(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	m := page.Resources{Chips: h.resourceChips(q), ClearURL: page.Query{Tenants: q.query.Tenants}.URL(page.PathResources)}
	if m.Table, err = h.resourceTableModel(ctx, q, cover); err != nil {
		return nil, err
	}
	if m.Types, err = h.typesModel(ctx, q, cover, counts); err != nil {
		return nil, err
	}
	m.Choices = typeChoices(q, counts, typesOffered, true)
	if m.Names, err = h.names(ctx, q); err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = inventorySubtitle(cover), q.query.ResourcesCSV()
		return page.ResourcesPage(s, m)
	}, nil
}

func inventorySubtitle(cover []inventory.TenantRead) string {
	subs := 0
	for _, t := range cover {
		subs += t.Read
	}
	s := "Inventory of " + page.Plural(len(cover), "tenant", "tenants")
	if subs > 0 {
		s += " and " + page.Plural(subs, "subscription", "subscriptions")
	}
	return s
}

func (h handlers) resourceTable(ctx context.Context, q *request) (templ.Component, error) {
	cover, err := h.Inventory.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	m, err := h.resourceTableModel(ctx, q, cover)
	return page.ResourceTablePanel(m), err
}

func (h handlers) resourceTypes(ctx context.Context, q *request) (templ.Component, error) {
	cover, err := h.Inventory.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	counts, err := h.Inventory.Reader.Counts(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	m, err := h.typesModel(ctx, q, cover, counts)
	return page.ResourceTypesPanel(m), err
}

// lookup is what the query asks of the inventory.
func lookup(q *request) inventory.Query {
	ask := inventory.Query{
		Subscriptions: q.query.Subs, Types: q.query.Types, Locations: q.query.Locations, TagKey: q.query.TagKey,
		Missing: q.query.Missing, Text: q.query.Text, Gone: q.query.Gone, Wasted: q.query.Wasted, Limit: resourcesPage,
	}
	if by := inventory.Sort(q.query.Sort); slices.Contains(inventory.Sorts(), by) {
		ask.Sort = by
	}
	for _, g := range q.query.RGs {
		if g != "" { // a field that was left empty
			ask.Groups = append(ask.Groups, g)
		}
	}
	if q.query.TagValue != "" {
		ask.TagValue = &q.query.TagValue
	}
	if q.query.Cursor != "" {
		place, err := placeOf(q.query.Cursor)
		if err != nil {
			q.note("Ignored cursor=" + clipWord(q.query.Cursor) + ": this is the first page.")
			q.query.Cursor = ""
		} else {
			ask.After = place
		}
	}
	return ask
}

// cursorOf is a place as addresses have it: its number and the length of its
// key in base 36, then key and name.
func cursorOf(p inventory.Place) string {
	if p == (inventory.Place{}) {
		return ""
	}
	return strconv.FormatInt(p.Arm, 36) + "." + strconv.FormatInt(int64(len(p.Key)), 36) + "." + p.Key + p.Name
}

func placeOf(cursor string) (inventory.Place, error) {
	parts := strings.SplitN(cursor, ".", 3)
	if len(parts) < 3 {
		return inventory.Place{}, strconv.ErrSyntax
	}
	arm, err := strconv.ParseInt(parts[0], 36, 64)
	n, err2 := strconv.ParseInt(parts[1], 36, 64)
	if err = cmp.Or(err, err2); err != nil || n < 0 || n > int64(len(parts[2])) {
		return inventory.Place{}, strconv.ErrSyntax
	}
	return inventory.Place{Key: parts[2][:n], Name: parts[2][n:], Arm: arm}, nil
}

func (h handlers) resourceTableModel(ctx context.Context, q *request, cover []inventory.TenantRead) (page.ResourceTable, error) {
	m := page.ResourceTable{Month: h.lastMonth()}
	list, err := h.Inventory.Reader.List(ctx, q.scope, lookup(q))
	if err != nil {
		return m, err
	}
	fresh, err := h.inventoryFreshness(ctx, q, cover)
	if err != nil {
		return m, err
	}
	m.Region = page.Region{Query: q.query, Fresh: fresh}
	if m.Total = page.Count(list.Total); list.More {
		m.Total += "+"
	}
	if next := cursorOf(list.Next); next != "" {
		m.NextURL = q.query.WithCursor(next).URL(page.PathResources)
	}
	if q.query.Cursor != "" {
		m.BackURL = q.query.WithCursor("").URL(page.PathResources)
	}
	if len(list.Rows) == 0 && m.Fresh.State == page.Ready {
		m.Fresh.State, m.Fresh.EmptyTitle = page.Empty, "Nothing matches"
		if m.Fresh.EmptyText = "No resource of these tenants has all that the filters ask for."; q.query.Gone {
			m.Fresh.EmptyText = "No resource that was seen before is gone."
		}
	}
	keys := make([]string, len(list.Rows))
	for i := range list.Rows {
		keys[i] = list.Rows[i].Key()
	}
	costs, err := h.Inventory.Costs.ResourceCosts(ctx, q.scope, keys, h.Reports.Today().MonthStart())
	if err != nil {
		return m, err
	}
	flags, err := h.flags(ctx, q, keys)
	if err != nil {
		return m, err
	}
	for i := range list.Rows {
		r := resourceRow(q, &list.Rows[i])
		r.Cost, r.Waste = moneyOf(costs[keys[i]].Full), flags[keys[i]]
		m.Rows = append(m.Rows, r)
	}
	return m, nil
}

// lastMonth is the last full month in words.
func (h handlers) lastMonth() string {
	return h.Reports.Today().MonthStart().AddMonths(-1).Time().Format("January 2006")
}

// flags are what rules found of the resources of a page, by key.
func (h handlers) flags(ctx context.Context, q *request, keys []string) (map[string][]page.Flag, error) {
	rules := map[string]*inventory.Rule{}
	for i := range h.Inventory.Rules {
		rules[h.Inventory.Rules[i].ID] = &h.Inventory.Rules[i]
	}
	var found []fresnel.Finding
	of, err := h.Inventory.Findings.OfObjects(ctx, q.scope, keys)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		for _, f := range of[key] {
			if rules[f.Rule] != nil {
				found = append(found, f)
			}
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	said, err := h.Inventory.Findings.ExceptionsOf(ctx, q.scope, slices.Collect(maps.Keys(rules)))
	if err != nil {
		return nil, err
	}
	out := map[string][]page.Flag{}
	for _, f := range found {
		state, _ := fresnel.StateOf(f, said, q.now)
		out[f.Object] = append(out[f.Object], page.Flag{Title: rules[f.Rule].Title, State: page.AnomalyState(state), Confidence: string(rules[f.Rule].Confidence)})
	}
	return out, nil
}

func resourceRow(q *request, r *inventory.Held) page.ResourceRow {
	row := page.ResourceRow{
		Name: cmp.Or(r.Name, r.ID), Type: page.TypeName(r.Type), Icon: page.TypeIcon(r.Type), Tenant: r.TenantName,
		Subscription: subscriptionName(r.SubscriptionName, r.Subscription), Group: r.Group, Location: r.Location, First: r.First, Gone: r.Gone,
		Tags: tagsOf(q, &r.Resource),
	}
	to := q.query.Scope().WithID(r.Key())
	row.URL, row.DrawerURL = to.URL(page.PathResource), to.URL(page.PathPartials+"resource-drawer")
	return row
}

// tagsOf are a resource's tags by name, each with the list of what has it.
func tagsOf(q *request, r *inventory.Resource) []page.Tag {
	var out []page.Tag
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		out = append(out, page.Tag{Key: k, Value: r.Tags[k], URL: q.query.Scope().WithTag(k, r.Tags[k]).URL(page.PathResources)})
	}
	return out
}

// moneyOf is an amount in each currency, the largest first.
func moneyOf(amounts map[string]int64) []string {
	keys := slices.SortedFunc(maps.Keys(amounts), func(a, b string) int { return cmp.Or(cmp.Compare(amounts[b], amounts[a]), cmp.Compare(a, b)) })
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = page.Money(amounts[k], k, false)
	}
	return out
}
