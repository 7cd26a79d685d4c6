package store

import (
	"context"
	"database/sql"

	"fresnel"
	"fresnel/internal/cost"
)

// expected is the condition that Azure should give costs of a subscription s.
const expected = "s.state NOT IN ('Deleted', 'Gone') AND s.cost_state <> 2"

// monthsHeld sums the months that are held over the subscriptions of tenants.
const monthsHeld = "SELECT s.tenant, m.metric, m.month, COUNT(*) AS subs, MIN(m.asked_at) AS oldest, MAX(m.asked_at) AS newest " +
	"FROM subscription s JOIN cost_month m ON m.sub = s.num WHERE " + expected

// recount writes a tenant's coverage anew, after its subscriptions have
// changed. The tenant's row must be locked.
func (db *DB) recount(ctx context.Context, tx *sql.Tx, tenant int64) error {
	_, err := db.txExec(ctx, tx, "UPDATE tenant SET expected = (SELECT COUNT(*) FROM subscription s WHERE s.tenant = tenant.num AND "+expected+"), "+
		"unsupported = (SELECT COUNT(*) FROM subscription s WHERE s.tenant = tenant.num AND s.cost_state = 2) WHERE num = ?", tenant)
	if err != nil {
		return err
	}
	if _, err = db.txExec(ctx, tx, "DELETE FROM cost_tenant_month WHERE tenant = ?", tenant); err != nil {
		return err
	}
	_, err = db.txExec(ctx, tx, "INSERT INTO cost_tenant_month (tenant, metric, month, subs, oldest, newest) "+
		monthsHeld+" AND s.tenant = ? GROUP BY s.tenant, m.metric, m.month", tenant)
	return err
}

// recountMonth does the same for one month, after a window of it was read.
func (r *replace) recountMonth(ctx context.Context, month int64) error {
	if err := r.exec(ctx, "DELETE FROM cost_tenant_month WHERE tenant = ? AND metric = ? AND month = ?", r.tenant, int(r.w.Metric), month); err != nil {
		return err
	}
	return r.exec(ctx, "INSERT INTO cost_tenant_month (tenant, metric, month, subs, oldest, newest) "+
		monthsHeld+" AND s.tenant = ? AND m.metric = ? AND m.month = ? GROUP BY s.tenant, m.metric, m.month", r.tenant, int(r.w.Metric), month)
}

// Coverage implements cost.Reader.
func (c *CostReader) Coverage(ctx context.Context, s fresnel.Scope, p fresnel.Period, m cost.Metric, cut cost.Cut) ([]cost.TenantRead, error) {
	reads, at, err := c.tenants(ctx, s)
	if err != nil {
		return nil, err
	}
	args := []any{int(m), int64(p.From.MonthStart()), int64(p.To)}
	q := "SELECT m.tenant, m.month, m.subs, m.oldest, m.newest FROM cost_tenant_month m " +
		"WHERE m.metric = ? AND m.month >= ? AND m.month < ? AND " + c.db.visible("m.tenant", s, &args) + " ORDER BY m.tenant, m.month"
	if cut != cost.CutGroups { // asked for more rarely: counted when asked
		args = args[:3]
		q = "SELECT s.tenant, m.month, COUNT(*) AS subs, MIN(m.asked_at) AS oldest, MAX(m.asked_at) AS newest " +
			"FROM subscription s JOIN " + cutTables[cut].months + " m ON m.sub = s.num " +
			"WHERE m.metric = ? AND m.month >= ? AND m.month < ? AND " + expected + " AND " + c.db.visible("s.tenant", s, &args) +
			" GROUP BY s.tenant, m.month ORDER BY s.tenant, m.month"
	}
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "cost coverage", err)
	}
	defer rows.Close()
	for rows.Next() {
		var tenant, month, subs, oldest, newest int64
		if err := rows.Scan(&tenant, &month, &subs, &oldest, &newest); err != nil {
			return nil, c.db.wrap(ctx, "cost coverage", err)
		}
		if i, ok := at[tenant]; ok {
			reads[i].Months = append(reads[i].Months, cost.MonthCoverage{Month: fresnel.Day(month), Read: int(subs), Oldest: instant(oldest), Newest: instant(newest)})
		}
	}
	return reads, c.db.wrap(ctx, "cost coverage", rows.Err())
}

// tenants lists the active tenants of the scope with their last run of the
// costs job, and says at which position each number stands.
func (c *CostReader) tenants(ctx context.Context, s fresnel.Scope) ([]cost.TenantRead, map[int64]int, error) {
	var args []any
	q := "SELECT t.num, t.id, t.name, t.expected, t.unsupported, COALESCE(r.status, -1), COALESCE(r.reason, ''), COALESCE(r.remedy, '') FROM tenant t " +
		"LEFT JOIN sync_run r ON r.id = (SELECT MAX(l.id) FROM sync_run l WHERE l.tenant = t.num AND l.job = 'costs' AND l.status >= 2) " +
		"WHERE " + c.db.visible("t.num", s, &args) + " ORDER BY t.name, t.id"
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, nil, c.db.wrap(ctx, "cost coverage", err)
	}
	at := map[int64]int{}
	out, err := scan(rows, func(r *sql.Rows, v *cost.TenantRead) error {
		var num int64
		var status int
		if err := r.Scan(&num, &v.Tenant, &v.Name, &v.Subscriptions, &v.Unsupported, &status, &v.LastReason, &v.LastDo); err != nil {
			return err
		}
		at[num] = len(at)
		if status >= 0 {
			v.LastRun = statuses[status]
		}
		return nil
	})
	return out, at, c.db.wrap(ctx, "cost coverage", err)
}
