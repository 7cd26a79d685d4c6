package store

import (
	"context"
	"database/sql"
	"iter"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

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
	rows, err := e.c.db.query(e.ctx, "SELECT s.id, COALESCE(p.asked_at, 0), s.state FROM subscription s JOIN tenant t ON t.num = s.tenant LEFT JOIN resource_read p ON p.sub = s.num WHERE t.id = ?", string(e.tenant))
	if err == nil {
		type read struct {
			sub, state string
			at         int64
		}
		var subs []read
		subs, err = scan(rows, func(r *sql.Rows, v *read) error { return r.Scan(&v.sub, &v.at, &v.state) })
		newest := int64(0)
		for _, s := range subs {
			newest = max(newest, s.at)
		}
		all, some := true, false
		for _, s := range subs {
			// What an earlier run read in full is not what there is now; what will
			// never be read again stands as it was, or it would keep rules from
			// saying anything of the tenant.
			e.whole[s.sub] = s.at > 0 && (s.at == newest || s.state == fresnel.Gone)
			if s.state != fresnel.Deleted && s.state != fresnel.Gone {
				all, some = all && e.whole[s.sub], true
			}
		}
		if err == nil { // and what is in one that is held under another tenant, nobody knows
			var elsewhere int64
			err = e.c.db.queryRow(e.ctx, "SELECT elsewhere FROM tenant WHERE id = ?", string(e.tenant)).Scan(&elsewhere)
			all = all && elsewhere == 0
		}
		e.whole[""] = all && some // the tenant as a whole
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

// estatePage is how many resources are read at a time.
const estatePage = 500

// Each implements inventory.Estate, by name. It reads in pages, and holds no
// connection while the caller looks at one: rules ask for other resources, and
// with as many tenants as connections none would ever be free.
func (e *estate) Each(types ...string) iter.Seq[inventory.Resource] {
	return func(yield func(inventory.Resource) bool) {
		for after := (inventory.Place{}); ; {
			page, err := e.page(types, after)
			if err != nil {
				e.fail(err)
				return
			}
			for i := range page {
				if !yield(page[i].Resource) {
					return
				}
			}
			if len(page) < estatePage {
				return
			}
			after = page[len(page)-1].place
		}
	}
}

func (e *estate) page(types []string, after inventory.Place) ([]heldRow, error) {
	where, args := "r.tenant = (SELECT num FROM tenant WHERE id = ?) AND r.gone_at = 0", []any{string(e.tenant)}
	if len(types) > 0 {
		where += " AND r.rtype IN (SELECT num FROM resource_type WHERE name IN " + e.c.db.d.list() + ")"
		args = append(args, jsonList(types))
	}
	if after.Arm != 0 {
		where += " AND r.name >= ? AND (r.name > ? OR r.arm > ?)"
		args = append(args, after.Name, after.Name, after.Arm)
	}
	rows, err := e.c.db.query(e.ctx, e.c.db.d.page("SELECT "+heldColumns+" FROM resource r"+heldJoins+" WHERE "+where+" ORDER BY r.name, r.arm"), append(args, estatePage)...)
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
