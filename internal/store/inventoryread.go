package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/inventory"
)

// InventoryReader answers questions about resources. It is an inventory.Reader.
type InventoryReader struct{ db *DB }

// InventoryReader gives the reading side of resources.
func (db *DB) InventoryReader() *InventoryReader { return &InventoryReader{db} }

const (
	heldColumns = "r.arm, r.name, t.id, t.name, s.id, s.name, y.name, g.name, l.name, r.first_seen, r.changed_at, r.gone_at, d.doc"
	heldJoins   = " JOIN tenant t ON t.num = r.tenant JOIN subscription s ON s.num = r.sub JOIN resource_type y ON y.num = r.rtype " +
		"JOIN resource_group g ON g.num = r.rgroup JOIN location l ON l.num = r.location JOIN resource_doc d ON d.arm = r.arm"
	// notResources are kept as resources, because rules join them, and are none.
	notResources = "'microsoft.resources/subscriptions', 'microsoft.resources/subscriptions/resourcegroups', 'microsoft.advisor/recommendations', 'microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems'"
)

// heldRow is a resource with its place in lists.
type heldRow struct {
	inventory.Held
	place inventory.Place
}

func scanHeld(r *sql.Rows, v *heldRow) error {
	var first, changed, gone int64
	var doc string
	if err := r.Scan(&v.place.Arm, &v.place.Name, &v.Tenant, &v.TenantName, &v.Subscription, &v.SubscriptionName, &v.Type, &v.Group, &v.Location, &first, &changed, &gone, &doc); err != nil {
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

// filter says which resources a query means.
func (c *InventoryReader) filter(s fresnel.Scope, q inventory.Query) (where []string, args []any) {
	where = append(where, "r.gone_at = 0")
	if q.Gone {
		where[0] = "r.gone_at > 0"
	}
	among := func(col, table string, names []string) {
		if len(names) > 0 {
			where = append(where, col+" IN (SELECT num FROM "+table+" WHERE "+nameOf(table)+" IN "+c.db.d.list()+")")
			args = append(args, jsonList(lower(names)))
		}
	}
	where = append(where, c.db.visible("r.tenant", s, &args))
	among("r.sub", "subscription", q.Subscriptions)
	if len(q.Types) > 0 {
		among("r.rtype", "resource_type", q.Types)
	} else {
		where = append(where, "r.rtype NOT IN (SELECT num FROM resource_type WHERE name IN ("+notResources+"))")
	}
	among("r.rgroup", "resource_group", q.Groups)
	among("r.location", "location", q.Locations)
	if q.TagKey != "" {
		tag := "r.arm IN (SELECT arm FROM resource_tag WHERE tkey = (SELECT num FROM tag_key WHERE name = ?)"
		args = append(args, tagText(q.TagKey))
		if q.TagValue != nil {
			tag += " AND tvalue = (SELECT num FROM tag_value WHERE name = ?)"
			args = append(args, tagText(*q.TagValue))
		}
		where = append(where, tag+")")
	}
	switch q.Missing {
	case "":
	case inventory.AnyTag:
		where = append(where, "r.arm IN (SELECT arm FROM tag_missing)")
	default:
		where, args = append(where, "r.arm IN (SELECT arm FROM tag_missing WHERE tkey = (SELECT num FROM tag_key WHERE name = ?))"), append(args, tagText(q.Missing))
	}
	if q.Text != "" {
		text := strings.ToLower(clean(q.Text))
		if cond, arg := c.db.d.contains("r.arm", "resource_name", text); cond != "" {
			where, args = append(where, cond), append(args, arg)
		}
		where, args = append(where, "r.name LIKE ? ESCAPE '~'"), append(args, "%"+escapeLike(text)+"%")
	}
	return where, args
}

func nameOf(table string) string {
	if table == "subscription" {
		return "id"
	}
	return "name"
}

func lower(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}

// escapeLike makes a text stand for itself in a LIKE with ESCAPE '~'.
func escapeLike(s string) string {
	return strings.NewReplacer("~", "~~", "%", "~%", "_", "~_").Replace(s)
}

// List implements inventory.Reader, by name.
func (c *InventoryReader) List(ctx context.Context, s fresnel.Scope, q inventory.Query) (inventory.List, error) {
	var out inventory.List
	where, args := c.filter(s, q)
	n, err := c.count(ctx, where, args)
	if err != nil {
		return out, err
	}
	out.Total, out.More = min(n, inventory.CountLimit), n > inventory.CountLimit
	if q.After.Arm != 0 {
		where = append(where, "r.name >= ?", "(r.name > ? OR r.arm > ?)")
		args = append(args, q.After.Name, q.After.Name, q.After.Arm)
	}
	rows, err := c.db.query(ctx, c.db.d.page("SELECT "+heldColumns+" FROM resource r"+heldJoins+" WHERE "+strings.Join(where, " AND ")+" ORDER BY r.name, r.arm"), append(args, q.Limit+1)...)
	if err != nil {
		return out, c.db.wrap(ctx, "list resources", err)
	}
	held, err := scan(rows, scanHeld)
	if len(held) > q.Limit {
		held = held[:q.Limit]
		out.Next = held[q.Limit-1].place
	}
	for _, h := range held {
		out.Rows = append(out.Rows, h.Held)
	}
	return out, c.db.wrap(ctx, "list resources", err)
}

// count counts up to one more than the limit.
func (c *InventoryReader) count(ctx context.Context, where []string, args []any) (int, error) {
	var n int
	err := c.db.queryRow(ctx, "SELECT COUNT(*) FROM ("+c.db.d.page("SELECT r.arm FROM resource r WHERE "+strings.Join(where, " AND ")+" ORDER BY r.name, r.arm")+") x", append(args, inventory.CountLimit+1)...).Scan(&n)
	return n, c.db.wrap(ctx, "count resources", err)
}

// Get implements inventory.Reader.
func (c *InventoryReader) Get(ctx context.Context, s fresnel.Scope, id string) (inventory.Held, error) {
	args := []any{clean(strings.ToLower(id))}
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

// Counts implements inventory.Reader.
func (c *InventoryReader) Counts(ctx context.Context, s fresnel.Scope) ([]inventory.Count, error) {
	var args []any
	rows, err := c.db.query(ctx, "SELECT t.id, y.name, x.n FROM (SELECT r.tenant AS tenant, r.rtype AS rtype, COUNT(*) AS n FROM resource r WHERE r.gone_at = 0 AND "+
		c.db.visible("r.tenant", s, &args)+" GROUP BY r.tenant, r.rtype) x JOIN tenant t ON t.num = x.tenant JOIN resource_type y ON y.num = x.rtype", args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "count resources", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *inventory.Count) error { return r.Scan(&v.Tenant, &v.Type, &v.N) })
	out = slices.DeleteFunc(out, func(v inventory.Count) bool { return strings.Contains(notResources, "'"+v.Type+"'") })
	return out, c.db.wrap(ctx, "count resources", err)
}

// Coverage implements inventory.Reader.
func (c *InventoryReader) Coverage(ctx context.Context, s fresnel.Scope) ([]inventory.TenantRead, error) {
	var args []any
	q := "SELECT t.id, t.name, COALESCE(x.subs, 0), COALESCE(x.done, 0), COALESCE(x.oldest, 0), COALESCE(r.status, -1), COALESCE(r.reason, ''), COALESCE(r.remedy, '') FROM tenant t " +
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

// Estate implements inventory.Reader.
func (c *InventoryReader) Estate(ctx context.Context, t fresnel.TenantID, now time.Time) (inventory.Estate, func() error) {
	e := &estate{c: c, ctx: ctx, tenant: t, now: now}
	e.load()
	return e, func() error { return e.err }
}

// estate is a tenant's inventory as rules look at it.
type estate struct {
	c      *InventoryReader
	ctx    context.Context //nolint:containedctx // it lives as long as one search
	tenant fresnel.TenantID
	now    time.Time
	whole  map[string]bool         // subscriptions that were read in full
	since  map[[2]string]time.Time // by rule and object
	err    error
}

func (e *estate) fail(err error) {
	if e.err == nil && err != nil {
		e.err = e.c.db.wrap(e.ctx, "estate", err)
	}
}

// load reads what is asked for again and again.
func (e *estate) load() {
	e.whole, e.since = map[string]bool{}, map[[2]string]time.Time{}
	rows, err := e.c.db.query(e.ctx, "SELECT s.id, COALESCE(p.asked_at, 0) FROM subscription s JOIN tenant t ON t.num = s.tenant LEFT JOIN resource_read p ON p.sub = s.num "+
		"WHERE t.id = ? AND s.state NOT IN ('Deleted', 'Gone')", string(e.tenant))
	if err == nil {
		type read struct {
			sub string
			at  int64
		}
		var subs []read
		subs, err = scan(rows, func(r *sql.Rows, v *read) error { return r.Scan(&v.sub, &v.at) })
		all := len(subs) > 0
		for _, s := range subs {
			e.whole[s.sub] = s.at > 0
			all = all && s.at > 0
		}
		e.whole[""] = all // the tenant as a whole
	}
	e.fail(err)
	rows, err = e.c.db.query(e.ctx, "SELECT f.rule, f.object, f.since FROM finding f JOIN tenant t ON t.num = f.tenant WHERE t.id = ? AND f.resolved_at = 0", string(e.tenant))
	if err == nil {
		type one struct {
			rule, object string
			since        fresnel.Day
		}
		var list []one
		list, err = scan(rows, func(r *sql.Rows, v *one) error { return r.Scan(&v.rule, &v.object, &v.since) })
		for _, v := range list {
			e.since[[2]string{strings.TrimPrefix(v.rule, inventory.PendingPrefix), v.object}] = v.since.Time()
		}
	}
	e.fail(err)
}

// Get implements inventory.Estate.
func (e *estate) Get(key string) (inventory.Resource, bool) {
	h, err := e.c.Get(e.ctx, fresnel.ScopeOf(e.tenant), key)
	if fresnel.KindOf(err) == fresnel.NotFound {
		return inventory.Resource{}, false
	}
	e.fail(err)
	return h.Resource, err == nil && h.Gone.IsZero()
}

// estateBatch is how many resources are read at a time: who looks at one may look for others.
const estateBatch = 250

// Each implements inventory.Estate. It holds no connection while it yields: rules look up other
// resources, and as many searches at a time as there are connections would wait for one another for ever.
func (e *estate) Each(types ...string) iter.Seq[inventory.Resource] {
	return func(yield func(inventory.Resource) bool) {
		args := []any{string(e.tenant)}
		q := "SELECT r.arm FROM resource r JOIN tenant t ON t.num = r.tenant JOIN resource_type y ON y.num = r.rtype JOIN arm_id a ON a.num = r.arm WHERE t.id = ? AND r.gone_at = 0"
		if len(types) > 0 {
			q += " AND y.name IN " + e.c.db.d.list()
			args = append(args, jsonList(types))
		}
		rows, err := e.c.db.query(e.ctx, q+" ORDER BY a.name", args...)
		var arms []int64
		if err == nil {
			arms, err = scan(rows, func(r *sql.Rows, v *int64) error { return r.Scan(v) })
		}
		for some := range slices.Chunk(arms, estateBatch) {
			var held []heldRow
			if err == nil {
				held, err = e.batch(some)
			}
			if err != nil {
				break
			}
			for i := range held {
				if held[i].Gone.IsZero() && !yield(held[i].Resource) {
					return
				}
			}
		}
		e.fail(err)
	}
}

// batch reads resources by number, in the order of their ids. A condition on gone_at would lead SQLite
// to an index by it, and through all resources.
func (e *estate) batch(arms []int64) ([]heldRow, error) {
	list, err := json.Marshal(arms)
	if err != nil {
		return nil, err
	}
	rows, err := e.c.db.query(e.ctx, "SELECT "+heldColumns+" FROM resource r"+heldJoins+" JOIN arm_id a ON a.num = r.arm WHERE r.arm IN "+e.c.db.d.numbers()+" ORDER BY a.name", string(list))
	if err != nil {
		return nil, err
	}
	return scan(rows, scanHeld)
}

// Complete implements inventory.Estate.
func (e *estate) Complete(subscription string) bool { return e.whole[subscription] }

// HeldSince implements inventory.Estate.
func (e *estate) HeldSince(rule, key string) (time.Time, bool) {
	t, ok := e.since[[2]string{rule, key}]
	return t, ok
}

// Now implements inventory.Estate.
func (e *estate) Now() time.Time { return e.now }
