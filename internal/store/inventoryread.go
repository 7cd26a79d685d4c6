package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/inventory"
)

// InventoryReader answers questions about resources. It is an inventory.Reader.
type InventoryReader struct {
	db  *DB
	few int // rows that are rather sorted than found in order
}

// InventoryReader gives the reading side of resources.
func (db *DB) InventoryReader() *InventoryReader { return &InventoryReader{db, inventory.CountLimit} }

// OrderReader finds every list by walking in its order: it gives the same, and
// is slow where what is asked for is rare. It is what tests hold the other
// way against.
func (db *DB) OrderReader() *InventoryReader { return &InventoryReader{db, -1} }

const (
	heldColumns = "r.arm, r.name, t.id, t.name, s.id, s.name, y.name, g.name, l.name, r.first_seen, r.changed_at, r.gone_at, d.doc"
	heldJoins   = " JOIN tenant t ON t.num = r.tenant JOIN subscription s ON s.num = r.sub JOIN resource_type y ON y.num = r.rtype " +
		"JOIN resource_group g ON g.num = r.rgroup JOIN location l ON l.num = r.location JOIN resource_doc d ON d.arm = r.arm"
)

// heldRow is a resource with its place in lists.
type heldRow struct {
	inventory.Held
	place inventory.Place
}

func scanHeld(r *sql.Rows, v *heldRow) error { return scanHeldAnd(r, v) }

// scanHeldAnd scans a resource and what stands behind it.
func scanHeldAnd(r *sql.Rows, v *heldRow, more ...any) error {
	var first, changed, gone int64
	var doc string
	into := []any{&v.place.Arm, &v.place.Name, &v.Tenant, &v.TenantName, &v.Subscription, &v.SubscriptionName, &v.Type, &v.Group, &v.Location, &first, &changed, &gone, &doc}
	if err := r.Scan(append(into, more...)...); err != nil {
		return err
	}
	v.First, v.Changed, v.Gone = instant(first), instant(changed), instant(gone)
	var d resourceDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return err
	}
	d.fill(&v.Resource)
	return nil
}

// Get implements inventory.Reader.
func (c *InventoryReader) Get(ctx context.Context, s fresnel.Scope, id string) (inventory.Held, error) {
	args := []any{clean(fresnel.ObjectKey(id))}
	rows, err := c.db.query(ctx, "SELECT "+heldColumns+" FROM resource r"+heldJoins+" WHERE r.arm = (SELECT num FROM arm_id WHERE name = ?) AND "+c.db.visible("r.tenant", s, &args), args...)
	if err != nil {
		return inventory.Held{}, c.db.wrap(ctx, "get resource", err)
	}
	held, err := scan(rows, scanHeld)
	switch {
	case err != nil:
		return inventory.Held{}, c.db.wrap(ctx, "get resource", err)
	case len(held) == 0:
		return inventory.Held{}, fresnel.Errorf(fresnel.NotFound, "there is no resource %.200s", id)
	}
	return held[0].Held, nil
}

// GetAll implements inventory.Reader.
func (c *InventoryReader) GetAll(ctx context.Context, s fresnel.Scope, ids []string) (map[string]inventory.Held, error) {
	args := []any{jsonList(ids)}
	rows, err := c.db.query(ctx, "SELECT "+heldColumns+" FROM resource r"+heldJoins+" WHERE r.arm IN (SELECT num FROM arm_id WHERE name IN "+c.db.d.list()+") AND "+
		c.db.visible("+r.tenant", s, &args), args...) // + keeps SQLite from walking through all of a tenant
	if err != nil {
		return nil, c.db.wrap(ctx, "get resources", err)
	}
	held, err := scan(rows, scanHeld)
	out := make(map[string]inventory.Held, len(held))
	for _, h := range held {
		out[h.Key()] = h.Held
	}
	return out, c.db.wrap(ctx, "get resources", err)
}

// ResourceCosts implements inventory.Costs.
func (c *InventoryReader) ResourceCosts(ctx context.Context, s fresnel.Scope, ids []string, month fresnel.Day) (map[string]inventory.MonthCost, error) {
	list := jsonList(ids)
	args := []any{list, int(cost.Amortized), int64(month.AddMonths(-1)), int64(month), list}
	where := "c.resource IN (SELECT num FROM arm_id WHERE name IN " + c.db.d.list() + ") AND c.metric = ? AND c.day >= ? AND c.day <= ? AND " +
		"c.sub IN (SELECT r.sub FROM resource r JOIN arm_id a ON a.num = r.arm WHERE a.name IN " + c.db.d.list() + ") AND " + c.db.visible("s.tenant", s, &args)
	rows, err := c.db.query(ctx, "SELECT a.name, x.day, cu.name, x.micros, x.usd FROM (SELECT c.resource AS resource, c.day AS day, c.currency AS currency, SUM(c.micros) AS micros, SUM(c.usd_micros) AS usd "+
		"FROM cost_resource c JOIN subscription s ON s.num = c.sub WHERE "+where+" GROUP BY c.resource, c.day, c.currency) x JOIN arm_id a ON a.num = x.resource JOIN currency cu ON cu.num = x.currency", args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "cost of resources", err)
	}
	type one struct {
		id, currency string
		day          fresnel.Day
		micros, usd  int64
	}
	sums, err := scan(rows, func(r *sql.Rows, v *one) error { return r.Scan(&v.id, &v.day, &v.currency, &v.micros, &v.usd) })
	out := map[string]inventory.MonthCost{}
	for _, v := range sums {
		m := out[v.id]
		if m.Full == nil {
			m.Full, m.SoFar = map[string]int64{}, map[string]int64{}
		}
		if v.day < month {
			m.Full[v.currency] += v.micros
			m.FullUSD += v.usd
		} else {
			m.SoFar[v.currency] += v.micros
			m.SoFarUSD += v.usd
		}
		out[v.id] = m
	}
	return out, c.db.wrap(ctx, "cost of resources", err)
}

// Coverage implements inventory.Reader.
func (c *InventoryReader) Coverage(ctx context.Context, s fresnel.Scope) ([]inventory.TenantRead, error) {
	var args []any
	q := "SELECT t.id, t.name, COALESCE(x.subs, 0) + t.elsewhere, COALESCE(x.done, 0), COALESCE(x.oldest, 0), COALESCE(r.status, -1), COALESCE(r.reason, ''), COALESCE(r.remedy, '') FROM tenant t " +
		"LEFT JOIN (SELECT s.tenant AS tenant, COUNT(*) AS subs, COUNT(p.sub) AS done, MIN(p.asked_at) AS oldest FROM subscription s LEFT JOIN resource_read p ON p.sub = s.num " +
		"WHERE s.state NOT IN ('Deleted', 'Gone') GROUP BY s.tenant) x ON x.tenant = t.num " +
		"LEFT JOIN sync_run r ON r.id = (SELECT MAX(l.id) FROM sync_run l WHERE l.tenant = t.num AND l.job = 'resources' AND l.status >= 2) " +
		"WHERE " + c.db.visible("t.num", s, &args) + " ORDER BY t.name, t.id"
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "inventory coverage", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *inventory.TenantRead) error {
		var oldest int64
		var status int
		if err := r.Scan(&v.Tenant, &v.Name, &v.Subscriptions, &v.Read, &oldest, &status, &v.LastReason, &v.LastDo); err != nil {
			return err
		}
		v.Oldest = instant(oldest)
		if status >= 0 {
			v.LastRun = statuses[status]
		}
		return nil
	})
	return out, c.db.wrap(ctx, "inventory coverage", err)
}

// Subscriptions implements inventory.Reader.
func (c *InventoryReader) Subscriptions(ctx context.Context, s fresnel.Scope) ([]inventory.SubscriptionHeld, error) {
	var args []any
	where := c.db.visible("r.tenant", s, &args)
	rows, err := c.db.query(ctx, "SELECT "+heldColumns+", COALESCE((SELECT SUM(c.n) FROM resource_count c WHERE c.tenant = r.tenant AND c.sub = r.sub AND c.rtype NOT IN (SELECT num FROM resource_type WHERE name IN ("+notResources+"))), 0) FROM resource r"+heldJoins+
		" WHERE r.gone_at = 0 AND r.rtype = (SELECT num FROM resource_type WHERE name = 'microsoft.resources/subscriptions') AND "+where+" ORDER BY s.name, s.id", args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "subscriptions held", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *inventory.SubscriptionHeld) error {
		var h heldRow
		if err := scanHeldAnd(r, &h, &v.Resources); err != nil {
			return err
		}
		v.Held = h.Held
		return nil
	})
	return out, c.db.wrap(ctx, "subscriptions held", err)
}
