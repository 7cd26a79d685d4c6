package store

import (
	"context"
	"database/sql"
	"time"

	"fresnel"
)

// Tenants keeps the registry of tenants and their subscriptions.
type Tenants struct{ db *DB }

// Tenants gives access to the registry.
func (db *DB) Tenants() *Tenants { return &Tenants{db} }

// visible is the condition that a tenant number lies within a scope.
func (db *DB) visible(col string, s fresnel.Scope, args *[]any) string {
	if s.All() {
		return col + " IN (SELECT num FROM tenant WHERE active = 1)"
	}
	return col + " " + among(db, "SELECT num FROM tenant WHERE active = 1 AND id", s.IDs(), args)
}

// among is the condition of being one of the rows whose id, with which the
// question ends, is listed. A list is one parameter, so that the text does not
// depend on its length. Of a single one the engine is told that there is no
// more: then rows come in the order of the key, and sums need no sorting.
func among[T ~string](db *DB, question string, ids []T, args *[]any) string {
	if len(ids) == 1 {
		*args = append(*args, clean(string(ids[0])))
		return "= (" + question + " = ?)"
	}
	*args = append(*args, jsonList(ids))
	return "IN (" + question + " IN " + db.d.list() + ")"
}

const tenantCols = "id, name, client_id, secret_ref, active, created_at, updated_at"

func scanTenant(rows interface{ Scan(...any) error }, t *fresnel.Tenant) error {
	var created, updated int64
	err := rows.Scan(&t.ID, &t.Name, &t.ClientID, &t.SecretRef, &t.Active, &created, &updated)
	t.Created, t.Updated = instant(created), instant(updated)
	return err
}

// List gives the active tenants of a scope by name.
func (t *Tenants) List(ctx context.Context, s fresnel.Scope) ([]fresnel.Tenant, error) {
	var args []any
	q := "SELECT " + tenantCols + " FROM tenant WHERE " + t.db.visible("num", s, &args) + " ORDER BY name, id"
	rows, err := t.db.query(ctx, q, args...)
	if err != nil {
		return nil, t.db.wrap(ctx, "list tenants", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *fresnel.Tenant) error { return scanTenant(r, v) })
	return out, t.db.wrap(ctx, "list tenants", err)
}

// Get gives one active tenant of a scope. An unknown tenant and one outside
// the scope are the same NotFound.
func (t *Tenants) Get(ctx context.Context, s fresnel.Scope, id fresnel.TenantID) (fresnel.Tenant, error) {
	var out fresnel.Tenant
	none := fresnel.Errorf(fresnel.NotFound, "there is no tenant %.60s", id)
	if !s.Sees(id) {
		return out, none
	}
	err := scanTenant(t.db.queryRow(ctx, "SELECT "+tenantCols+" FROM tenant WHERE active = 1 AND id = ?", clean(string(id))), &out)
	if err == sql.ErrNoRows { //nolint:errorlint // Scan gives it unwrapped
		return out, none
	}
	return out, t.db.wrap(ctx, "get tenant", err)
}

// Put adds tenants or changes those that are there, by id. Times are set by now.
func (t *Tenants) Put(ctx context.Context, tenants []fresnel.Tenant, now time.Time) error {
	var g int64
	put := func(tx *sql.Tx) error {
		for _, v := range tenants {
			if err := t.put(ctx, tx, v, now); err != nil {
				return err
			}
		}
		var err error
		g, err = t.db.raise(ctx, tx)
		return err
	}
	err := t.db.tx(ctx, "put tenants", put)
	if fresnel.KindOf(err) == fresnel.Conflict { // somebody else added one meanwhile: now it is there to be changed
		err = t.db.tx(ctx, "put tenants", put)
	}
	if err == nil {
		t.db.seen(g)
	}
	return err
}

func (t *Tenants) put(ctx context.Context, tx *sql.Tx, v fresnel.Tenant, now time.Time) error {
	res, err := t.db.txExec(ctx, tx, "UPDATE tenant SET name = ?, client_id = ?, secret_ref = ?, active = ?, updated_at = ? WHERE id = ?",
		clean(v.Name), v.ClientID, v.SecretRef, b01(v.Active), micros(now), string(v.ID))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = t.db.txExec(ctx, tx, "INSERT INTO tenant (id, name, client_id, secret_ref, active, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		string(v.ID), clean(v.Name), v.ClientID, v.SecretRef, b01(v.Active), micros(now), micros(now))
	return err
}

// Subscriptions lists the subscriptions of the tenants of a scope by name, at
// most limit of them after the position (name, id).
func (t *Tenants) Subscriptions(ctx context.Context, s fresnel.Scope, afterName, afterID string, limit int) (subs []fresnel.Subscription, total int, err error) {
	var args []any
	where := t.db.visible("s.tenant", s, &args)
	if err := t.db.queryRow(ctx, "SELECT COUNT(*) FROM subscription s WHERE "+where, args...).Scan(&total); err != nil {
		return nil, 0, t.db.wrap(ctx, "count subscriptions", err)
	}
	if afterID != "" {
		where += " AND s.name >= ? AND (s.name > ? OR s.id > ?)"
		args = append(args, clean(afterName), clean(afterName), clean(afterID))
	}
	q := "SELECT s.id, t.id, s.name, s.state, s.quota_id, s.cost_state, s.cost_reason, " +
		"COALESCE((SELECT MAX(m.asked_at) FROM cost_month m WHERE m.sub = s.num), 0) " +
		"FROM subscription s JOIN tenant t ON t.num = s.tenant WHERE " + where + " ORDER BY s.name, s.id"
	rows, err := t.db.query(ctx, t.db.d.page(q), append(args, limit)...)
	if err != nil {
		return nil, 0, t.db.wrap(ctx, "list subscriptions", err)
	}
	subs, err = scan(rows, func(r *sql.Rows, v *fresnel.Subscription) error {
		var at int64
		err := r.Scan(&v.ID, &v.Tenant, &v.Name, &v.State, &v.QuotaID, &v.Cost, &v.CostReason, &at)
		v.SyncedAt = instant(at)
		return err
	})
	return subs, total, t.db.wrap(ctx, "list subscriptions", err)
}

// SubscriptionsByID finds which of the ids are subscriptions of the scope.
func (t *Tenants) SubscriptionsByID(ctx context.Context, s fresnel.Scope, ids []string) (map[string]fresnel.Subscription, error) {
	args := []any{jsonList(ids)}
	q := "SELECT s.id, t.id, s.name FROM subscription s JOIN tenant t ON t.num = s.tenant WHERE s.id IN " + t.db.d.list()
	q += " AND " + t.db.visible("s.tenant", s, &args)
	rows, err := t.db.query(ctx, q, args...)
	if err != nil {
		return nil, t.db.wrap(ctx, "find subscriptions", err)
	}
	subs, err := scan(rows, func(r *sql.Rows, v *fresnel.Subscription) error { return r.Scan(&v.ID, &v.Tenant, &v.Name) })
	out := make(map[string]fresnel.Subscription, len(subs))
	for _, v := range subs {
		out[v.ID] = v
	}
	return out, t.db.wrap(ctx, "find subscriptions", err)
}

// subscriptionState is what Refresh needs to know of a stored subscription.
type subscriptionState struct {
	fresnel.Subscription
	seen, costAt time.Time
}

func (t *Tenants) states(ctx context.Context, tx *sql.Tx, tenant int64, id fresnel.TenantID) (map[string]subscriptionState, error) {
	rows, err := t.db.txQuery(ctx, tx, "SELECT id, name, state, quota_id, cost_state, cost_reason, seen_at, cost_at FROM subscription WHERE tenant = ?", tenant)
	if err != nil {
		return nil, err
	}
	list, err := scan(rows, func(r *sql.Rows, v *subscriptionState) error {
		var seen, costAt int64
		err := r.Scan(&v.ID, &v.Name, &v.State, &v.QuotaID, &v.Cost, &v.CostReason, &seen, &costAt)
		v.Tenant, v.seen, v.costAt = id, instant(seen), instant(costAt)
		return err
	})
	out := make(map[string]subscriptionState, len(list))
	for _, v := range list {
		out[v.ID] = v
	}
	return out, err
}

// How long what is known of a subscription is trusted.
const (
	goneAfter    = 7 * 24 * time.Hour // absent for so long, nothing more is expected
	reprobeAfter = 7 * 24 * time.Hour // an offer without cost data is asked again
)

// PutSubscriptions records what Azure lists for a tenant now, and gives all
// that are known of it: those that Azure no longer lists are Absent, after a
// week Gone. Nothing is deleted. One that is held under another tenant, because
// it was moved, stays there: it is given as Elsewhere.
func (t *Tenants) PutSubscriptions(ctx context.Context, id fresnel.TenantID, listed []fresnel.Subscription, now time.Time) ([]fresnel.Subscription, error) {
	var out []fresnel.Subscription
	var g int64
	err := t.db.tx(ctx, "put subscriptions", func(tx *sql.Tx) error {
		out, g = nil, 0
		elsewhere := 0
		num, err := t.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		have, err := t.states(ctx, tx, num, id)
		if err != nil {
			return err
		}
		changed := false
		for _, v := range listed {
			old, known := have[v.ID]
			delete(have, v.ID)
			v.Tenant = id
			v.Name, v.State, v.QuotaID = clean(v.Name), clean(v.State), clean(v.QuotaID)
			v.Cost, v.CostReason = costState(old, v, now)
			ours, err := t.putSubscription(ctx, tx, num, v, known, now)
			if err != nil {
				return err
			}
			if !ours {
				v.State = fresnel.Elsewhere
				elsewhere++
			}
			changed = changed || ours && (!known || old.Subscription != v)
			out = append(out, v)
		}
		for _, old := range have {
			was := old.State
			if old.State != fresnel.Deleted {
				old.State = fresnel.Absent
				if now.Sub(old.seen) > goneAfter {
					old.State = fresnel.Gone
				}
			}
			out = append(out, old.Subscription)
			if old.State == was {
				continue
			}
			if _, err := t.db.txExec(ctx, tx, "UPDATE subscription SET state = ? WHERE id = ?", old.State, old.ID); err != nil {
				return err
			}
			changed = true
		}
		res, err := t.db.txExec(ctx, tx, "UPDATE tenant SET elsewhere = ? WHERE num = ? AND elsewhere <> ?", elsewhere, num, elsewhere)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 && !changed {
			return err
		}
		if err := t.db.recount(ctx, tx, num); err != nil {
			return err
		}
		g, err = t.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		t.db.seen(g)
	}
	return out, err
}

// costState keeps what is known of a subscription's costs while its offer
// stays the same, and forgets a refusal after a while so that it is asked again.
func costState(old subscriptionState, v fresnel.Subscription, now time.Time) (fresnel.CostState, string) {
	if old.QuotaID != v.QuotaID || old.Cost == fresnel.CostUnsupported && now.Sub(old.costAt) > reprobeAfter {
		return fresnel.CostUnknown, ""
	}
	return old.Cost, old.CostReason
}

// putSubscription tells whether the subscription is the tenant's here.
func (t *Tenants) putSubscription(ctx context.Context, tx *sql.Tx, tenant int64, v fresnel.Subscription, known bool, now time.Time) (ours bool, err error) {
	if known {
		_, err := t.db.txExec(ctx, tx, "UPDATE subscription SET tenant = ?, name = ?, state = ?, quota_id = ?, cost_state = ?, cost_reason = ?, seen_at = ? WHERE id = ?",
			tenant, v.Name, v.State, v.QuotaID, int(v.Cost), v.CostReason, micros(now), v.ID)
		return true, err
	}
	res, err := t.db.txExec(ctx, tx, "INSERT INTO subscription (tenant, id, name, state, quota_id, seen_at) SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM subscription WHERE id = ?)",
		tenant, v.ID, v.Name, v.State, v.QuotaID, micros(now), v.ID)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// lock takes the tenant's row, so that writers of one tenant follow one
// another, and gives its number.
func (t *Tenants) lock(ctx context.Context, tx *sql.Tx, id fresnel.TenantID) (int64, error) {
	if _, err := t.db.txExec(ctx, tx, "UPDATE tenant SET writes = writes + 1 WHERE id = ?", clean(string(id))); err != nil {
		return 0, err
	}
	var num int64
	err := t.db.txQueryRow(ctx, tx, "SELECT num FROM tenant WHERE id = ?", clean(string(id))).Scan(&num)
	if err == sql.ErrNoRows {
		return 0, fresnel.Errorf(fresnel.NotFound, "there is no tenant %.60s", id)
	}
	return num, err
}

// owner checks the lease and gives the numbers of a tenant and its subscription.
func (db *DB) owner(ctx context.Context, tx *sql.Tx, t fresnel.TenantID, subscription string) (tenant, sub int64, err error) {
	if err = db.guard(ctx, tx); err != nil {
		return 0, 0, err
	}
	if tenant, err = db.Tenants().lock(ctx, tx, t); err != nil {
		return 0, 0, err
	}
	err = db.txQueryRow(ctx, tx, "SELECT num FROM subscription WHERE id = ? AND tenant = ?", clean(subscription), tenant).Scan(&sub)
	if err == sql.ErrNoRows { //nolint:errorlint // Scan gives it unwrapped
		err = fresnel.Errorf(fresnel.NotFound, "subscription %s is not registered", subscription)
	}
	return tenant, sub, err
}

// SetCostState records what Azure gives of a subscription's costs.
func (t *Tenants) SetCostState(ctx context.Context, subscription string, s fresnel.CostState, reason string, now time.Time) error {
	id, reason := clean(subscription), clip(reason)
	var g int64
	err := t.db.tx(ctx, "set cost state", func(tx *sql.Tx) error {
		g = 0
		const differs = "id = ? AND (cost_state <> ? OR cost_reason <> ?)"
		// The tenant's row first, as every writer does: its coverage is of this.
		res, err := t.db.txExec(ctx, tx, "UPDATE tenant SET writes = writes + 1 WHERE num = (SELECT tenant FROM subscription WHERE "+differs+")", id, int(s), reason)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		res, err = t.db.txExec(ctx, tx, "UPDATE subscription SET cost_state = ?, cost_reason = ?, cost_at = ? WHERE "+differs, int(s), reason, micros(now), id, int(s), reason)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		var tenant int64
		if err := t.db.txQueryRow(ctx, tx, "SELECT tenant FROM subscription WHERE id = ?", id).Scan(&tenant); err != nil {
			return err
		}
		if err := t.db.recount(ctx, tx, tenant); err != nil {
			return err
		}
		g, err = t.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		t.db.seen(g)
	}
	return err
}
