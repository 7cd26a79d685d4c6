package web

import (
	"context"
	"net/http"
	"slices"

	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

// resourceChips are the filters that are on, each with the address without it.
func (h handlers) resourceChips(q *request) []page.Chip {
	base := q.query
	c := chipper{base, page.PathResources, nil}
	if base.Text != "" {
		c.add("Name: "+base.Text, func(w *page.Query) { w.Text = "" })
	}
	same := func(s string) string { return s }
	c.each("Subscription", base.Subs, subscriptions(q.subs).name, func(w *page.Query, l []string) { w.Subs = l })
	c.each("Type", base.Types, page.TypeName, func(w *page.Query, l []string) { w.Types = l })
	c.each("Resource group", base.RGs, same, func(w *page.Query, l []string) { w.RGs = l })
	c.each("Location", base.Locations, same, func(w *page.Query, l []string) { w.Locations = l })
	if base.TagKey != "" {
		label := "Tag: " + base.TagKey
		if base.TagValue != "" {
			label += " = " + base.TagValue
		}
		c.add(label, func(w *page.Query) { w.TagKey, w.TagValue = "", "" })
	}
	if base.Wasted {
		c.add("Waste was found", func(w *page.Query) { w.Wasted = false })
	}
	switch base.Missing {
	case "":
	case page.AnyMissing:
		c.add("Lacks a required tag", func(w *page.Query) { w.Missing = "" })
	default:
		c.add("Lacks tag: "+base.Missing, func(w *page.Query) { w.Missing = "" })
	}
	return c.chips
}

// typeChoices are the types that a filter offers, those with the most resources first. Those that are chosen are
// among them, whether there are any or not.
func typeChoices(q *request, counts []inventory.Count, limit int, counted bool) []page.Choice {
	var out []page.Choice
	left := slices.Clone(q.query.Types)
	for _, t := range byType(counts) {
		at := slices.Index(left, t.Type)
		if at < 0 && len(out) >= limit {
			continue
		}
		c := page.Choice{Value: t.Type, Label: page.TypeName(t.Type), Chosen: at >= 0}
		if counted {
			c.Label += " (" + page.Count(t.N) + ")"
		}
		if out = append(out, c); at >= 0 {
			left = slices.Delete(left, at, at+1)
		}
	}
	for _, t := range left {
		out = append(out, page.Choice{Value: t, Label: page.TypeName(t), Chosen: true})
	}
	return out
}

// names are what the fields of the filter suggest.
func (h handlers) names(ctx context.Context, q *request) (page.Names, error) {
	var m page.Names
	rows, err := h.Inventory.Tags.Tags(ctx, q.scope)
	for _, r := range tagSums(rows, inventory.TagByTag) {
		m.Required = append(m.Required, r.Name)
	}
	slices.Sort(m.Required)
	return m, err
}

// resourceNames is what the fields of the filter suggest, asked for when the filter is opened: most never do. Without
// it the fields take what is typed.
func (h handlers) resourceNames(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	q, err := h.read(r)
	var f inventory.Facets
	if err == nil {
		f, err = h.Inventory.Reader.Facets(ctx, q.scope)
	}
	status := http.StatusOK
	if err != nil {
		status = h.problem(ctx, err, "").Status
	}
	h.render(ctx, w, status, page.ResourceNames(page.Names{Groups: f.Groups, Locations: f.Locations, TagKeys: f.TagKeys}))
}

// chipper collects the filters that are on, each with the address without it.
type chipper struct {
	query page.Query
	path  string
	chips []page.Chip
}

func (c *chipper) add(label string, without func(*page.Query)) {
	w := c.query
	w.Cursor = ""
	without(&w)
	c.chips = append(c.chips, page.Chip{Label: label, URL: w.URL(c.path)})
}

func (c *chipper) each(label string, list []string, word func(string) string, set func(*page.Query, []string)) {
	for i, v := range list {
		if v != "" {
			c.add(label+": "+word(v), func(w *page.Query) { set(w, slices.Delete(slices.Clone(list), i, i+1)) })
		}
	}
}
