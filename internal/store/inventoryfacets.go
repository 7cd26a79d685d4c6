package store

import (
	"context"
	"database/sql"
	"strings"

	"fresnel"
	"fresnel/internal/inventory"
)

// notResources lists the types that are kept and are no resources.
var notResources = "'" + strings.Join(inventory.Containers(), "', '") + "'"

// Counts implements inventory.Reader.
func (c *InventoryReader) Counts(ctx context.Context, s fresnel.Scope) ([]inventory.Count, error) {
	args := []any{facetType}
	rows, err := c.db.query(ctx, "SELECT t.id, y.name, f.n FROM resource_facet f JOIN tenant t ON t.num = f.tenant JOIN resource_type y ON y.num = f.num WHERE f.kind = ? AND f.n > 0 AND "+
		c.db.visible("f.tenant", s, &args), args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "count resources", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *inventory.Count) error { return r.Scan(&v.Tenant, &v.Type, &v.N) })
	return out, c.db.wrap(ctx, "count resources", err)
}

// Facets implements inventory.Reader.
func (c *InventoryReader) Facets(ctx context.Context, s fresnel.Scope) (inventory.Facets, error) {
	var out inventory.Facets
	seen := func(col string, args ...any) (string, []any) { return c.db.visible(col, s, &args), args }
	names := func(q string, args []any) ([]string, bool, error) {
		rows, err := c.db.query(ctx, c.db.d.page(q), append(args, inventory.FacetLimit+1)...)
		if err != nil {
			return nil, false, c.db.wrap(ctx, "facets", err)
		}
		list, err := scan(rows, func(r *sql.Rows, v *string) error { return r.Scan(v) })
		return list[:min(len(list), inventory.FacetLimit)], len(list) > inventory.FacetLimit, c.db.wrap(ctx, "facets", err)
	}
	var err error
	cond, args := seen("f.tenant", facetLocation)
	if out.Locations, _, err = names("SELECT l.name FROM location l WHERE l.name <> '' AND l.num IN (SELECT f.num FROM resource_facet f WHERE f.kind = ? AND f.n > 0 AND "+cond+") ORDER BY l.name", args); err != nil {
		return out, err
	}
	// In the order of names, until there are enough: of all there may be many.
	cond, args = seen("f.tenant", facetGroup)
	q := "SELECT g.name FROM resource_group g WHERE g.name <> '' AND g.num IN (SELECT f.num FROM resource_facet f WHERE f.kind = ? AND f.n > 0 AND " + cond + ") ORDER BY g.name"
	if out.Groups, out.MoreGroups, err = names(q, args); err != nil {
		return out, err
	}
	cond, args = seen("g.tenant")
	q = "SELECT k.name FROM tag_key k WHERE EXISTS (SELECT 1 FROM resource_tag g CROSS JOIN tag_set t WHERE g.tkey = k.num AND t.num = g.tset AND t.n > 0 AND " + cond + ") ORDER BY k.name"
	out.TagKeys, out.MoreTagKeys, err = names(q, args)
	return out, err
}
