package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

func (h handlers) resource(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	m, err := h.facts(ctx, q)
	if err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Title, s.Sub = m.Name, m.Type+" · "+m.Tenant
		return page.ResourcePage(s, m)
	}, nil
}

// resourceDrawer is a resource as the list's drawer shows it: no region of its own, but the content of one.
func (h handlers) resourceDrawer(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	q, err := h.read(r)
	var m page.ResourceFacts
	if err == nil {
		m, err = h.facts(ctx, q)
	}
	if err != nil {
		p := h.problem(ctx, err, "")
		h.render(ctx, w, p.Status, page.DrawerProblem(p))
		return
	}
	h.render(ctx, w, http.StatusOK, page.ResourceDrawer(page.Shell{Now: q.now, Query: q.query}, m))
}

// facts is all that is known of the resource that the query names.
func (h handlers) facts(ctx context.Context, q *request) (page.ResourceFacts, error) {
	if q.query.ID == "" {
		return page.ResourceFacts{}, fresnel.Errorf(fresnel.NotFound, "the address names no resource")
	}
	one, err := h.Inventory.Resource(ctx, q.scope, q.query.ID)
	if err != nil {
		return page.ResourceFacts{}, err
	}
	cover, err := h.Inventory.Reader.Coverage(ctx, q.scope.Narrow(one.Tenant))
	if err != nil {
		return page.ResourceFacts{}, err
	}
	fresh, err := h.inventoryFreshness(ctx, q, cover)
	if err != nil {
		return page.ResourceFacts{}, err
	}
	fresh.State = page.Ready // what is held of it is shown, however old
	scope := q.query.Scope()
	m := page.ResourceFacts{
		Region: page.Region{Query: q.query, Fresh: fresh}, Name: cmp.Or(one.Name, one.ID), Type: page.TypeName(one.Type), Icon: page.TypeIcon(one.Type),
		TypeID: one.Type, ID: one.ID, Tenant: one.TenantName, Subscription: subscriptionName(one.SubscriptionName, one.Subscription), SubscriptionID: one.Subscription,
		Group: one.Group, Location: one.Location, Kind: one.Kind, SKU: skuWords(one.SKU), ManagedBy: one.ManagedBy, Zones: strings.Join(one.Zones, ", "),
		PageURL: scope.WithID(one.Key()).URL(page.PathResource), PortalURL: portalURL(one.Tenant, one.ID), ListURL: scope.URL(page.PathResources),
		Tags: tagsOf(q, &one.Resource), TagsUnknown: one.Tags == nil,
		Created: one.Created, First: one.First, Changed: one.Changed, Gone: one.Gone,
	}
	if one.ManagedBy != "" {
		m.ManagedURL = scope.WithID(strings.ToLower(one.ManagedBy)).URL(page.PathResource)
	}
	today := h.Reports.Today()
	m.Costs = []page.MonthLine{
		{Month: h.lastMonth(), Amounts: moneyOf(one.Cost.Full)},
		{Month: today.Time().Format("January") + " so far", Amounts: moneyOf(one.Cost.SoFar)},
	}
	for i := range one.Wasted {
		m.Waste = append(m.Waste, h.wasteLine(q, &one.Wasted[i]))
	}
	if m.Raw, err = indented(one.Properties); err != nil {
		return m, err
	}
	if m.Fails, err = h.failsOf(ctx, q, one.Key()); err != nil {
		return m, err
	}
	return m, h.history(ctx, q, &m, one.Key())
}

// history adds to the facts of a resource what happened to it, and the tags that it lacks.
func (h handlers) history(ctx context.Context, q *request, m *page.ResourceFacts, key string) error {
	list, err := h.Inventory.History.Changes(ctx, q.scope, inventory.ChangeQuery{Resource: key, Limit: changesOfOne})
	if err != nil {
		return err
	}
	for i := range list.Rows {
		m.History = append(m.History, changeLine(q, &list.Rows[i]))
	}
	if list.Total > len(list.Rows) {
		m.HistoryMore = "The newest " + page.Count(len(list.Rows)) + " of " + page.Count(list.Total)
	}
	m.HistoryURL = page.Query{Tenants: q.query.Tenants}.WithID(key).URL(page.PathChanges)
	lacks, err := h.Inventory.Tags.Lacks(ctx, q.scope, key)
	for _, l := range lacks {
		if l.Wrong {
			m.WrongTags = append(m.WrongTags, l.Tag)
		} else {
			m.LackingTags = append(m.LackingTags, l.Tag)
		}
	}
	return err
}

// indented is a value as JSON that people can read; "" if there is none.
func indented(v inventory.Value) (string, error) {
	if v.Empty() {
		return "", nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return "", err
	}
	return b.String(), nil
}

// skuWords are the parts of a SKU that say something.
func skuWords(v inventory.Value) string {
	var parts []string
	for _, k := range []string{"name", "tier", "size", "family", "capacity"} {
		if s := v.At(k).Text(); s != "" && !slices.Contains(parts, s) {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

// portalURL is where the Azure portal shows a resource.
func portalURL(t fresnel.TenantID, id string) string {
	return (&url.URL{Scheme: "https", Host: "portal.azure.com", Path: "/", Fragment: "@" + string(t) + "/resource" + id}).String()
}
