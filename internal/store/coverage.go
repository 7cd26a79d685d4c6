package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"

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
	_, err := db.txExec(ctx, tx, "UPDATE tenant SET expected = (SELECT COUNT(*) FROM subscription s WHERE s.tenant = tenant.num AND "+expected+") + elsewhere, "+
		"unsupported = (SELECT COUNT(*) FROM subscription s WHERE s.tenant = tenant.num AND s.cost_state = 2) WHERE num = ?", tenant)
	if err != nil {
		return err
	}
	if _, err = db.txExec(ctx, tx, "DELETE FROM cost_tenant_month WHERE tenant = ? AND metric IN (0, 1) AND month IN (SELECT m.month FROM cost_month m JOIN subscription s ON s.num = m.sub WHERE s.tenant = ?)", tenant, tenant); err != nil {
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
	tenants, err := c.tenants(ctx, s)
	if err != nil {
		return nil, err
	}
	months := p.Months()
	rows, err := c.months(ctx, s, months, m, cut)
	if err != nil {
		return nil, c.db.wrap(ctx, "cost coverage", err)
	}
	defer rows.Close()
	at := make(map[int64]*cost.TenantRead, len(tenants))
	out := make([]cost.TenantRead, len(tenants))
	for i, t := range tenants {
		out[i] = t.TenantRead
		at[t.num] = &out[i]
	}
	for rows.Next() {
		var tenant, month, subs, oldest, newest int64 // database/sql converts no int64
		if err := rows.Scan(&tenant, &month, &subs, &oldest, &newest); err != nil {
			return nil, c.db.wrap(ctx, "cost coverage", err)
		}
		t := at[tenant]
		if t == nil {
			continue // not active
		}
		if t.Months == nil {
			t.Months = make([]cost.MonthCoverage, 0, len(months))
		}
		t.Months = append(t.Months, cost.MonthCoverage{Month: fresnel.Day(month), Read: int(subs), Oldest: instant(oldest), Newest: instant(newest)})
	}
	return out, c.db.wrap(ctx, "cost coverage", rows.Err())
}

// months asks for the months held: of all tenants, the inactive ones too, as
// one range; of some, each by its key.
func (c *CostReader) months(ctx context.Context, s fresnel.Scope, pieces []fresnel.Period, m cost.Metric, cut cost.Cut) (*sql.Rows, error) {
	const q = "SELECT m.tenant, m.month, m.subs, m.oldest, m.newest FROM cost_tenant_month m WHERE m.metric = ? AND "
	months := make([]int64, len(pieces))
	for i, p := range pieces {
		months[i] = int64(p.From.MonthStart())
	}
	if cut != cost.CutGroups && len(months) > 0 { // asked for more rarely: counted when asked
		args := []any{int(m), months[0], months[len(months)-1]}
		return c.db.query(ctx, "SELECT s.tenant, m.month, COUNT(*) AS subs, MIN(m.asked_at) AS oldest, MAX(m.asked_at) AS newest "+
			"FROM subscription s JOIN "+cutTables[cut].months+" m ON m.sub = s.num WHERE m.metric = ? AND m.month >= ? AND m.month <= ? AND "+
			expected+" AND "+c.db.visible("s.tenant", s, &args)+" GROUP BY s.tenant, m.month", args...)
	}
	if s.All() && len(months) > 0 {
		return c.db.query(ctx, q+"m.month >= ? AND m.month <= ?", int(m), months[0], months[len(months)-1])
	}
	list, err := json.Marshal(months)
	if err != nil {
		return nil, err
	}
	args := []any{int(m), string(list)}
	where := "m.month IN " + c.db.d.numbers() + " AND " + c.db.visible("m.tenant", s, &args)
	return c.db.query(ctx, q+where, args...)
}

// numbered is a tenant with its number.
type numbered struct {
	cost.TenantRead
	num int64
}

// tenants lists the active tenants of the scope by name, with their last run
// of the costs job.
func (c *CostReader) tenants(ctx context.Context, s fresnel.Scope) ([]numbered, error) {
	var args []any
	seen := "t.active = 1"
	if !s.All() {
		seen = c.db.visible("t.num", s, &args)
	}
	q := "SELECT t.num, t.id, t.name, t.expected, t.unsupported, COALESCE(r.status, -1), COALESCE(r.reason, ''), COALESCE(r.remedy, '') FROM tenant t " +
		"LEFT JOIN sync_run r ON r.id = t.last_costs WHERE " + seen
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "cost coverage", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *numbered) error {
		var expected, unsupported, status int64
		if err := r.Scan(&v.num, (*string)(&v.Tenant), &v.Name, &expected, &unsupported, &status, &v.LastReason, &v.LastDo); err != nil {
			return err
		}
		v.Subscriptions, v.Unsupported = int(expected), int(unsupported)
		if status >= 0 {
			v.LastRun = statuses[status]
		}
		return nil
	})
	slices.SortFunc(out, func(a, b numbered) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tenant, b.Tenant)) })
	return out, c.db.wrap(ctx, "cost coverage", err)
}
