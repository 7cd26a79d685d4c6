package web

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

const (
	tagRows     = 10 // of a table are shown at once; the others are folded away,
	tagRowsMore = 15 // of which nobody reads more than these
)

// tagTables are the tables of the page, in its order.
var tagTables = []struct {
	by              inventory.TagBy
	id, title, head string
}{
	{inventory.TagByTenant, "tags-by-tenant", "By tenant", "Tenant"},
	{inventory.TagByTag, "tags-by-tag", "By required tag", "Tag"},
	{inventory.TagBySubscription, "tags-by-subscription", "By subscription", "Subscription"},
	{inventory.TagByType, "tags-by-type", "By type", "Type"},
}

func (h handlers) tags(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	if len(q.query.Subs) > 0 {
		q.note("Left out the subscription: tags are counted for whole tenants.")
		q.query.Subs = nil
	}
	rep, err := h.Inventory.Tagging(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	all := page.TagLine{Compliant: rep.All.Compliant, Judged: rep.All.Judged}
	m := page.Tags{
		Month: h.lastMonth(), Percent: page.Percent(int64(all.Compliant), int64(all.Judged)), Of: page.Count(all.Compliant) + " of " + page.Plural(all.Judged, "resource", "resources"),
		Lacking: all.Judged - all.Compliant, Cost: page.Dash, Unknown: rep.All.Unknown, Exempt: rep.All.Exempt,
		None: rep.All.Exempt > 0 && rep.All.Judged+rep.All.Unknown == 0, AllURL: q.query.Scope().WithMissing(page.AnyMissing).URL(page.PathResources),
	}
	if rep.Priced > 0 {
		m.Cost = page.Money(rep.USD, cost.USD, true)
	}
	if len(rep.Rows) == 0 { // nothing was counted, which is not zero
		m.Percent, m.Of, m.Cost = page.Dash, "Not counted yet", page.Dash
	}
	for i := range tagTables {
		t, err := h.tagTable(ctx, q, rep, i)
		if err != nil {
			return nil, err
		}
		m.Tables = append(m.Tables, t)
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = inventorySubtitle(rep.Coverage), q.query.TagsCSV()
		return page.TagsPage(s, m)
	}, nil
}

// tagPartial is one of the tables by itself.
func (h handlers) tagPartial(i int) func(context.Context, *request) (templ.Component, error) {
	return func(ctx context.Context, q *request) (templ.Component, error) {
		rep, err := h.Inventory.Tagging(ctx, q.scope)
		if err != nil {
			return nil, err
		}
		m, err := h.tagTable(ctx, q, rep, i)
		return page.TagTablePanel(m), err
	}
}

func (h handlers) tagTable(ctx context.Context, q *request, rep inventory.TagReport, i int) (page.TagTable, error) {
	of := tagTables[i]
	m := page.TagTable{ID: of.id, Title: of.title, Head: of.head}
	fresh, err := h.inventoryFreshness(ctx, q, rep.Coverage)
	if err != nil {
		return m, err
	}
	m.Region = page.Region{Query: q.query, Fresh: fresh}
	rows := tagSums(rep.Rows, of.by)
	names := map[string]fresnel.Subscription{}
	switch of.by {
	case inventory.TagByTenant:
		m.Month = h.lastMonth()
	case inventory.TagBySubscription:
		var ids []string
		for _, r := range rows {
			ids = append(ids, r.Name)
		}
		if names, err = h.Tenants.SubscriptionsByID(ctx, q.scope, ids); err != nil {
			return m, err
		}
	case inventory.TagByTag:
		m.Sub = "The most lacking first"
	case inventory.TagByType:
	}
	for _, r := range rows {
		switch l := tagLine(q, r, names); {
		case len(m.Rows) < tagRows:
			m.Rows = append(m.Rows, l)
		case len(m.Rest) < tagRowsMore:
			m.Rest = append(m.Rest, l)
		default:
			m.More++
		}
	}
	if len(rows) == 0 && m.Fresh.State == page.Ready {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "Nothing counted", "Tags are counted at the end of each sync of resources."
	}
	return m, nil
}

// tagSums are the rows of one kind: those of tenants by themselves, the others added up over tenants. What has
// most resources that lack tags is first.
func tagSums(rows []inventory.TagRow, by inventory.TagBy) []inventory.TagRow {
	sums := map[string]inventory.TagRow{}
	for _, r := range rows {
		if r.By != by {
			continue
		}
		key := r.Name
		if by == inventory.TagByTenant {
			key = string(r.Tenant)
		}
		s, ok := sums[key]
		if !ok {
			s = inventory.TagRow{Tenant: r.Tenant, By: by, Name: r.Name}
		}
		s.Compliant += r.Compliant
		s.Judged += r.Judged
		s.Unknown += r.Unknown
		s.Exempt += r.Exempt
		s.USD += r.USD
		s.CostKnown = s.CostKnown || r.CostKnown
		sums[key] = s
	}
	return slices.SortedFunc(maps.Values(sums), func(a, b inventory.TagRow) int {
		return cmp.Or(cmp.Compare(b.Judged-b.Compliant, a.Judged-a.Compliant), cmp.Compare(b.Judged, a.Judged), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tenant, b.Tenant))
	})
}

func tagLine(q *request, r inventory.TagRow, names map[string]fresnel.Subscription) page.TagLine {
	l := page.TagLine{Name: r.Name, Compliant: r.Compliant, Judged: r.Judged, Unknown: r.Unknown, Exempt: r.Exempt}
	to := q.query.Scope().WithMissing(page.AnyMissing)
	switch r.By {
	case inventory.TagByTenant:
		if l.Name, l.Cost = tenantName(q, r.Tenant), page.Dash; r.CostKnown {
			l.Cost = page.Money(r.USD, cost.USD, false)
		}
		to.Tenants = []string{string(r.Tenant)}
	case inventory.TagBySubscription:
		l.Name, l.Detail = subscriptionName(names[r.Name].Name, r.Name), tenantName(q, r.Tenant)
		to.Subs = []string{r.Name}
	case inventory.TagByType:
		l.Name, l.Icon = page.TypeName(r.Name), page.TypeIcon(r.Name)
		to.Types = []string{strings.ToLower(r.Name)}
	case inventory.TagByTag:
		to.Missing = r.Name
	}
	l.URL = to.URL(page.PathResources)
	return l
}
