package web

import (
	"cmp"
	"context"
	"slices"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

// byType adds counts over tenants, the most first.
func byType(counts []inventory.Count) []inventory.Count {
	sum := map[string]int{}
	for _, c := range counts {
		sum[c.Type] += c.N
	}
	var out []inventory.Count
	for t, n := range sum {
		out = append(out, inventory.Count{Type: t, N: n})
	}
	slices.SortFunc(out, func(a, b inventory.Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Type, b.Type)) })
	return out
}

func typeRows(q *request, counts []inventory.Count, limit int) (rows []page.TypeRow, total, more int) {
	types := byType(counts)
	for i, t := range types {
		total += t.N
		if i < limit {
			rows = append(rows, page.TypeRow{
				Name: page.TypeName(t.Type), Icon: page.TypeIcon(t.Type), N: t.N, Part: 100 * t.N / max(1, types[0].N),
				URL: q.query.Scope().WithType(t.Type).URL(page.PathResources),
			})
		}
	}
	return rows, total, len(types) - len(rows)
}

func (h handlers) typesModel(ctx context.Context, q *request, cover []inventory.TenantRead, counts []inventory.Count) (page.ResourceTypes, error) {
	fresh, err := h.inventoryFreshness(ctx, q, cover)
	m := page.ResourceTypes{Region: page.Region{Query: q.query, Fresh: fresh}}
	m.Rows, m.Total, m.More = typeRows(q, counts, typesOnPage)
	nothingHeld(&m.Fresh, m.Total)
	return m, err
}

// nothingHeld says that what was read holds no resource.
func nothingHeld(f *page.Freshness, total int) {
	if total == 0 && f.State == page.Ready {
		f.State, f.EmptyTitle, f.EmptyText = page.Empty, "No resources", "The subscriptions were read, and hold none."
	}
}

func (h handlers) resourceSummary(ctx context.Context, q *request) (templ.Component, error) {
	m, err := h.resourceSummaryModel(ctx, q)
	return page.ResourceSummaryCard(m), err
}

func (h handlers) resourceSummaryModel(ctx context.Context, q *request) (page.ResourceSummary, error) {
	m := page.ResourceSummary{}
	cover, err := h.Inventory.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return m, err
	}
	counts, err := h.Inventory.Reader.Counts(ctx, q.scope)
	if err != nil {
		return m, err
	}
	fresh, err := h.inventoryFreshness(ctx, q, cover)
	m.Region = page.Region{Query: q.query, Fresh: fresh}
	m.Rows, m.Total, _ = typeRows(q, counts, typesOnOverview)
	with := map[fresnel.TenantID]bool{}
	for _, c := range counts {
		with[c.Tenant] = with[c.Tenant] || c.N > 0
	}
	m.Tenants = len(with)
	nothingHeld(&m.Fresh, m.Total)
	return m, err
}
