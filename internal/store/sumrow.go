package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"

	"fresnel"
	"fresnel/internal/cost"
)

// sumRow is a sum whose keys are numbers. Text in every row would cost more than
// the sums: the few names that differ are looked up once.
type sumRow struct {
	tenant, sub, service, group, charge, resource, day int64
	currency, micros, usd, cells                       int64
}

// sumKeys are the grouping keys in the order of their columns.
var sumKeys = []struct {
	by  cost.By
	col string
}{
	{cost.ByTenant, "c.tenant"},
	{cost.BySubscription, "c.sub"},
	{cost.ByService, "c.service"},
	{cost.ByGroup, "c.rgroup"},
	{cost.ByCharge, "c.charge"},
	{cost.ByResource, "c.resource"},
	{cost.ByDay, "c.day"},
}

// withCells beside the keys says that the number of cells comes last.
const withCells cost.By = 1 << 15

// sumRows reads the rows of a statement: keys, currency, sums. Integers go to
// int64, which database/sql does not convert.
func (c *CostReader) sumRows(ctx context.Context, q string, args []any, by cost.By) ([]sumRow, error) {
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var v sumRow
	var dest []any
	for i, p := range []*int64{&v.tenant, &v.sub, &v.service, &v.group, &v.charge, &v.resource, &v.day} {
		if by.Has(sumKeys[i].by) {
			dest = append(dest, p)
		}
	}
	dest = append(dest, &v.currency, &v.micros, &v.usd)
	if by.Has(withCells) {
		dest = append(dest, &v.cells)
	}
	var out []sumRow
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// named gives rows their names. No rows are open meanwhile: a name that is not
// remembered takes a connection.
func (c *CostReader) named(ctx context.Context, rows []sumRow, by cost.By) ([]cost.Sum, error) {
	d := &c.db.dims
	tenants, err := c.owners(ctx, by&cost.ByTenant, "tenant", rows, func(r *sumRow) int64 { return r.tenant })
	if err != nil {
		return nil, err
	}
	subs, err := c.owners(ctx, by&cost.BySubscription, "subscription", rows, func(r *sumRow) int64 { return r.sub })
	if err != nil {
		return nil, err
	}
	names := func(key cost.By, d *dim, of func(*sumRow) int64) map[int64]string {
		if err != nil || !by.Has(key) {
			return nil
		}
		var out map[int64]string
		out, err = d.namesOf(ctx, rows, of)
		return out
	}
	services := names(cost.ByService, &d.service, func(r *sumRow) int64 { return r.service })
	groups := names(cost.ByGroup, &d.group, func(r *sumRow) int64 { return r.group })
	charges := names(cost.ByCharge, &d.charge, func(r *sumRow) int64 { return r.charge })
	resources := names(cost.ByResource, &d.resource, func(r *sumRow) int64 { return r.resource })
	currencies := names(0, &d.currency, func(r *sumRow) int64 { return r.currency })
	if err != nil {
		return nil, err
	}
	out := make([]cost.Sum, len(rows))
	for i, r := range rows {
		v := cost.Sum{
			Service: services[r.service], Group: groups[r.group], Charge: charges[r.charge], Resource: resources[r.resource], Day: fresnel.Day(r.day),
			Currency: currencies[r.currency], Micros: r.micros, USDMicros: r.usd,
		}
		if tenants != nil {
			v.Tenant, v.Name = fresnel.TenantID(tenants[r.tenant].id), tenants[r.tenant].name
		}
		if subs != nil {
			v.Subscription, v.Name = subs[r.sub].id, subs[r.sub].name
		}
		out[i] = v
	}
	return out, nil
}

type idName struct{ id, name string }

// owners looks up the tenants or subscriptions of rows, whose names change.
// Without the key there are none.
func (c *CostReader) owners(ctx context.Context, key cost.By, table string, rows []sumRow, of func(*sumRow) int64) (map[int64]idName, error) {
	if key == 0 {
		return nil, nil
	}
	seen := map[int64]bool{}
	for i := range rows {
		seen[of(&rows[i])] = true
	}
	return c.db.idNames(ctx, "SELECT num, id, name FROM "+table, slices.Collect(maps.Keys(seen)))
}

// idNames completes a question for numbers, ids and names with a list of
// numbers.
func (db *DB) idNames(ctx context.Context, question string, nums []int64) (map[int64]idName, error) {
	if len(nums) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(nums)
	if err != nil {
		return nil, err
	}
	rows, err := db.query(ctx, question+" WHERE num IN "+db.d.numbers(), string(list))
	if err != nil {
		return nil, err
	}
	type row struct {
		num int64
		idName
	}
	found, err := scan(rows, func(r *sql.Rows, v *row) error { return r.Scan(&v.num, &v.id, &v.name) })
	out := make(map[int64]idName, len(found))
	for _, v := range found {
		out[v.num] = v.idName
	}
	return out, err
}
