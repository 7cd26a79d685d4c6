package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"fresnel"
	"fresnel/internal/cost"
)

// CostReader answers questions about costs. It is a cost.Reader.
type CostReader struct {
	db        *DB
	cellsOnly bool
}

// CostReader gives the reading side of costs.
func (db *DB) CostReader() *CostReader { return &CostReader{db: db} }

// CellReader gives the same answers without the rollups, from the cells alone:
// what tests and benchmarks hold the rollups against.
func (db *DB) CellReader() *CostReader { return &CostReader{db: db, cellsOnly: true} }

// from is the smallest table that can answer a question.
type from struct {
	table   string
	tenants bool // has a tenant column; else the subscription knows its tenant
}

func (c *CostReader) pick(s fresnel.Scope, q cost.Query, cut cost.Cut) from {
	services := q.By.Has(cost.ByService) || len(q.Services) > 0
	subs := q.By.Has(cost.BySubscription) || len(q.Subscriptions) > 0
	switch {
	case cut != cost.CutGroups, c.cellsOnly, q.By.Has(cost.ByGroup), len(q.Groups) > 0, services && subs:
		return from{cutTables[cut].cells, false}
	case subs:
		return from{"cost_sub_day", false}
	case services:
		return from{"cost_tenant_day_service", true}
	case s.All() && !q.By.Has(cost.ByTenant):
		return from{"cost_day", true}
	default:
		return from{"cost_tenant_day", true}
	}
}

// Sums implements cost.Reader.
func (c *CostReader) Sums(ctx context.Context, s fresnel.Scope, q cost.Query) ([]cost.Sum, error) {
	if q.Period.Days() > cost.MaxDays {
		return nil, fresnel.Errorf(fresnel.Invalid, "a period of %d days is too long: ask for at most %d", q.Period.Days(), cost.MaxDays)
	}
	cut, err := q.Cut()
	if err != nil {
		return nil, err
	}
	if cut == cost.CutResources {
		if !q.Period.WholeMonths() {
			return nil, fresnel.Errorf(fresnel.Invalid, "the cost of resources is kept by month: ask for whole months, not %s", q.Period)
		}
		if q.By.Has(cost.ByMonth) { // what is kept as a day is the month's first
			q.By = q.By&^cost.ByMonth | cost.ByDay
		}
	}
	if !q.By.Has(cost.ByMonth) {
		return c.sums(ctx, s, q, cut)
	}
	// Days have no month in portable SQL: ask month by month.
	var out []cost.Sum
	for _, piece := range q.Period.Months() {
		one := q
		one.Period, one.By = piece, q.By&^(cost.ByMonth|cost.ByDay)
		sums, err := c.sums(ctx, s, one, cut)
		if err != nil {
			return nil, err
		}
		for _, v := range sums {
			v.Day = piece.From.MonthStart()
			out = append(out, v)
		}
	}
	return out, nil
}

func (c *CostReader) sums(ctx context.Context, s fresnel.Scope, q cost.Query, cut cost.Cut) ([]cost.Sum, error) {
	f := c.pick(s, q, cut)
	var rows []sumRow
	most, err := c.most(ctx, s, q, f)
	switch {
	case err != nil:
	case f.table == "cost_day" || most:
		rows, err = c.sumsOfAll(ctx, s, q)
	default:
		query, args := c.statement(s, q, f)
		rows, err = c.sumRows(ctx, query, args, q.By)
	}
	if err != nil {
		return nil, c.db.wrap(ctx, "sum costs", err)
	}
	out, err := c.named(ctx, rows, q.By)
	return out, c.db.wrap(ctx, "sum costs", err)
}

// statement sums by number; the rows that are left are named afterwards.
func (c *CostReader) statement(s fresnel.Scope, q cost.Query, f from) (string, []any) {
	args := []any{int(q.Metric), int64(q.Period.From), int64(q.Period.To)}
	where := []string{"c.metric = ?", "c.day >= ?", "c.day < ?"}
	tenant, join := "c.tenant", ""
	if !f.tenants {
		tenant, join = "su.tenant", " JOIN subscription su ON su.num = c.sub"
	}
	where = append(where, c.db.visible(tenant, s, &args))
	if len(q.Subscriptions) > 0 {
		where = append(where, "c.sub "+among(c.db, "SELECT num FROM subscription WHERE id", q.Subscriptions, &args))
	}
	if len(q.Services) > 0 {
		where = append(where, "c.service IN (SELECT num FROM service WHERE name IN "+c.db.d.list()+")")
		args = append(args, jsonList(q.Services))
	}
	if len(q.Groups) > 0 {
		where = append(where, "c.rgroup IN (SELECT num FROM resource_group WHERE name IN "+c.db.d.list()+")")
		args = append(args, jsonList(q.Groups))
	}
	if len(q.Charges) > 0 {
		where = append(where, "c.charge IN (SELECT num FROM charge_type WHERE name IN "+c.db.d.list()+")")
		args = append(args, jsonList(q.Charges))
	}
	keys := ""
	for _, k := range sumKeys {
		if q.By.Has(k.by) {
			keys += k.col + ", "
		}
	}
	keys = strings.ReplaceAll(keys, "c.tenant", tenant) + "c.currency"
	return "SELECT " + keys + ", SUM(c.micros) AS micros, SUM(c.usd_micros) AS usd_micros FROM " + f.table + " c" + join +
		" WHERE " + strings.Join(where, " AND ") + " GROUP BY " + keys, args
}

// most tells whether a scope sees so many of the active tenants that the sum of
// all is nearer than theirs: a comparison leaves out the few that lack a period.
func (c *CostReader) most(ctx context.Context, s fresnel.Scope, q cost.Query, f from) (bool, error) {
	n := len(s.IDs())
	if f.table != "cost_tenant_day" || q.By.Has(cost.ByTenant) || n < 2 {
		return false, nil
	}
	var active int
	err := c.db.queryRow(ctx, "SELECT COUNT(*) FROM tenant WHERE active = 1").Scan(&active)
	return 2*n > active, err
}

// sumsOfAll sums over a scope by nothing, or by day: the sum of all tenants,
// less that of the tenants that it does not see, in one statement so that both
// are of one state.
func (c *CostReader) sumsOfAll(ctx context.Context, s fresnel.Scope, q cost.Query) ([]sumRow, error) {
	const where = " WHERE c.metric = ? AND c.day >= ? AND c.day < ?"
	keys := "c.currency"
	if q.By.Has(cost.ByDay) {
		keys = "c.day, c.currency"
	}
	one := []any{int(q.Metric), int64(q.Period.From), int64(q.Period.To)}
	args, hidden := append(one, one...), "active = 0"
	if !s.All() {
		args, hidden = append(args, jsonList(s.IDs())), "active = 0 OR id NOT IN "+c.db.d.list()
	}
	all, err := c.sumRows(ctx, "SELECT "+keys+", SUM(c.micros) AS micros, SUM(c.usd_micros), SUM(c.cells) FROM cost_day c"+where+" GROUP BY "+keys+
		" UNION ALL SELECT "+keys+", -SUM(c.micros), -SUM(c.usd_micros), -SUM(c.cells) FROM cost_tenant_day c"+where+
		" AND c.tenant IN (SELECT num FROM tenant WHERE "+hidden+") GROUP BY "+keys, args, q.By&cost.ByDay|withCells)
	if err != nil {
		return nil, err
	}
	at := make(map[rollKey]int, len(all))
	sums := all[:0]
	for _, v := range all {
		k := rollKey{day: v.day, currency: v.currency}
		i, known := at[k]
		if !known {
			at[k] = len(sums)
			sums = append(sums, v)
			continue
		}
		sum := &sums[i]
		sum.micros, sum.usd, sum.cells = sum.micros+v.micros, sum.usd+v.usd, sum.cells+v.cells
	}
	// Without cells, only hidden tenants have something there.
	return slices.DeleteFunc(sums, func(v sumRow) bool { return v.cells <= 0 }), nil
}

// Restated implements cost.Reader: newest first.
func (c *CostReader) Restated(ctx context.Context, s fresnel.Scope, q cost.Query, limit int) ([]cost.Restatement, error) {
	args := []any{int(q.Metric), int64(q.Period.From), int64(q.Period.To)}
	where := "r.metric = ? AND r.day >= ? AND r.day < ? AND " + c.db.visible("r.tenant", s, &args)
	if len(q.Subscriptions) > 0 {
		where += " AND r.sub IN (SELECT num FROM subscription WHERE id IN " + c.db.d.list() + ")"
		args = append(args, jsonList(q.Subscriptions))
	}
	query := "SELECT t.id, s.id, r.metric, r.day, cu.name, r.old_micros, r.new_micros, r.seen_at FROM cost_restated r " +
		"JOIN tenant t ON t.num = r.tenant JOIN subscription s ON s.num = r.sub JOIN currency cu ON cu.num = r.currency WHERE " + where +
		" ORDER BY r.num DESC"
	rows, err := c.db.query(ctx, c.db.d.page(query), append(args, limit)...)
	if err != nil {
		return nil, c.db.wrap(ctx, "restated days", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *cost.Restatement) error {
		var seen int64
		err := r.Scan(&v.Tenant, &v.Subscription, &v.Metric, &v.Day, &v.Currency, &v.Old, &v.New, &seen)
		v.Seen = instant(seen)
		return err
	})
	return out, c.db.wrap(ctx, "restated days", err)
}
