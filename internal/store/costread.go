package store

import (
	"context"
	"database/sql"
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
	if f.table == "cost_day" {
		return c.sumsOfAll(ctx, q)
	}
	query, args := c.statement(s, q, f)
	rows, err := c.db.query(ctx, query, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "sum costs", err)
	}
	// Names are looked up when the rows are closed: a look-up while they hold a
	// connection could wait for ever where all connections do the same.
	var currencies []int64
	out, err := scan(rows, func(r *sql.Rows, v *cost.Sum) error {
		currency, err := scanSum(r, q.By, v)
		currencies = append(currencies, currency)
		return err
	})
	for i := range out {
		if err == nil {
			out[i].Currency, err = c.db.dims.currency.name(ctx, currencies[i])
		}
	}
	return out, c.db.wrap(ctx, "sum costs", err)
}

// statement sums by number first, and gives names to the few rows that are left.
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
	inner, outer, names := keys(q.By, tenant)
	inner = append(inner, "c.currency AS k_currency")
	group := make([]string, len(inner))
	for i, k := range inner {
		group[i], _, _ = strings.Cut(k, " AS ")
	}
	outer = append(outer, "x.k_currency", "x.micros", "x.usd")
	sel := "SELECT " + strings.Join(outer, ", ") +
		" FROM (SELECT " + strings.Join(inner, ", ") + ", SUM(c.micros) AS micros, SUM(c.usd_micros) AS usd FROM " + f.table + " c" + join +
		" WHERE " + strings.Join(where, " AND ") + " GROUP BY " + strings.Join(group, ", ") + ") x" + names
	return sel, args
}

// sumsOfAll sums over all tenants by nothing, or by day: the sum of all, less
// that of the inactive ones, in one statement so that both are of one state.
func (c *CostReader) sumsOfAll(ctx context.Context, q cost.Query) ([]cost.Sum, error) {
	const where = " WHERE c.metric = ? AND c.day >= ? AND c.day < ?"
	key, group := "0", "c.currency"
	if q.By.Has(cost.ByDay) {
		key, group = "c.day", "c.day, c.currency"
	}
	one := []any{int(q.Metric), int64(q.Period.From), int64(q.Period.To)}
	rows, err := c.db.query(ctx, "SELECT "+key+", c.currency, SUM(c.micros) AS micros, SUM(c.usd_micros), SUM(c.cells) FROM cost_day c"+where+" GROUP BY "+group+
		" UNION ALL SELECT "+key+", c.currency, -SUM(c.micros), -SUM(c.usd_micros), -SUM(c.cells) FROM cost_tenant_day c"+where+
		" AND c.tenant IN (SELECT num FROM tenant WHERE active = 0) GROUP BY "+group, append(one, one...)...)
	if err != nil {
		return nil, c.db.wrap(ctx, "sum costs", err)
	}
	type total struct{ day, currency, micros, usd, cells int64 }
	all, err := scan(rows, func(r *sql.Rows, v *total) error {
		return r.Scan(&v.day, &v.currency, &v.micros, &v.usd, &v.cells)
	})
	if err != nil {
		return nil, c.db.wrap(ctx, "sum costs", err)
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
		s := &sums[i]
		s.micros, s.usd, s.cells = s.micros+v.micros, s.usd+v.usd, s.cells+v.cells
	}
	out := make([]cost.Sum, 0, len(sums))
	for _, v := range sums {
		if v.cells <= 0 {
			continue // only inactive tenants have something there
		}
		name, err := c.db.dims.currency.name(ctx, v.currency)
		if err != nil {
			return nil, err
		}
		out = append(out, cost.Sum{Day: fresnel.Day(v.day), Currency: name, Micros: v.micros, USDMicros: v.usd})
	}
	return out, nil
}

// keys lists the grouping keys: inside by number, outside by name, in the
// order in which scanSum reads them.
func keys(by cost.By, tenant string) (inner, outer []string, joins string) {
	if by.Has(cost.ByTenant) {
		inner = append(inner, tenant+" AS k_tenant")
		outer = append(outer, "te.id", "te.name")
		joins += " JOIN tenant te ON te.num = x.k_tenant"
	}
	if by.Has(cost.BySubscription) {
		inner = append(inner, "c.sub AS k_sub")
		outer = append(outer, "sb.id", "sb.name")
		joins += " JOIN subscription sb ON sb.num = x.k_sub"
	}
	if by.Has(cost.ByService) {
		inner = append(inner, "c.service AS k_service")
		outer = append(outer, "sv.name")
		joins += " JOIN service sv ON sv.num = x.k_service"
	}
	if by.Has(cost.ByGroup) {
		inner = append(inner, "c.rgroup AS k_group")
		outer = append(outer, "rg.name")
		joins += " JOIN resource_group rg ON rg.num = x.k_group"
	}
	if by.Has(cost.ByCharge) {
		inner = append(inner, "c.charge AS k_charge")
		outer = append(outer, "ch.name")
		joins += " JOIN charge_type ch ON ch.num = x.k_charge"
	}
	if by.Has(cost.ByResource) {
		inner = append(inner, "c.resource AS k_resource")
		outer = append(outer, "re.name")
		joins += " JOIN arm_id re ON re.num = x.k_resource"
	}
	if by.Has(cost.ByDay) {
		inner = append(inner, "c.day AS k_day")
		outer = append(outer, "x.k_day")
	}
	return inner, outer, joins
}

// scanSum gives the currency's number apart: every row has one and few differ,
// so that naming them here is cheaper than a join. Integers are read as int64,
// which database/sql does not convert.
func scanSum(r *sql.Rows, by cost.By, v *cost.Sum) (currency int64, err error) {
	var dest [12]any
	var day int64
	n := 0
	put := func(p ...any) { n += copy(dest[n:], p) }
	if by.Has(cost.ByTenant) {
		put(&v.Tenant, &v.Name)
	}
	if by.Has(cost.BySubscription) {
		put(&v.Subscription, &v.Name)
	}
	if by.Has(cost.ByService) {
		put(&v.Service)
	}
	if by.Has(cost.ByGroup) {
		put(&v.Group)
	}
	if by.Has(cost.ByCharge) {
		put(&v.Charge)
	}
	if by.Has(cost.ByResource) {
		put(&v.Resource)
	}
	if by.Has(cost.ByDay) {
		put(&day)
	}
	put(&currency, &v.Micros, &v.USDMicros)
	err = r.Scan(dest[:n]...)
	v.Day = fresnel.Day(day)
	return currency, err
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
