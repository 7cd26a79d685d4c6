package store

import (
	"context"

	"fresnel"
)

// rollups are the tables of sums, by the columns that they sum by; s is the
// subscription of a cell.
var rollups = []struct{ table, cols, from string }{
	{"cost_tenant_day_service", "tenant, metric, day, service, currency", "s.tenant, c.metric, c.day, c.service, c.currency"},
	{"cost_tenant_day", "tenant, metric, day, currency", "s.tenant, c.metric, c.day, c.currency"},
	{"cost_sub_day", "sub, metric, day, currency", "c.sub, c.metric, c.day, c.currency"},
	{"cost_day", "metric, day, currency", "c.metric, c.day, c.currency"},
}

// Verify compares every row of every rollup with the rows under it, and fails
// with Internal where a row is missing, wrong or left over. It reads all
// cells: for tests, benchmarks and doubt, not for requests.
func (c *Costs) Verify(ctx context.Context) error {
	for _, r := range rollups {
		held := "SELECT " + r.cols + ", micros, usd_micros, cells FROM " + r.table
		if r.table == "cost_day" {
			held += " WHERE cells <> 0 OR micros <> 0 OR usd_micros <> 0" // rows of nothing may stay
		}
		err := c.same(ctx, r.table, held, "SELECT "+r.from+", SUM(c.micros) AS micros, SUM(c.usd_micros) AS usd_micros, COUNT(*) AS cells FROM cost_cell c JOIN subscription s ON s.num = c.sub GROUP BY "+r.from)
		if err != nil {
			return err
		}
	}
	err := c.same(ctx, "cost_tenant_month", "SELECT tenant, metric, month, subs, oldest, newest FROM cost_tenant_month", monthsHeld+" GROUP BY s.tenant, m.metric, m.month")
	if err != nil {
		return err
	}
	return c.same(ctx, "tenant", "SELECT num, expected, unsupported, last_costs FROM tenant",
		"SELECT t.num, (SELECT COUNT(*) FROM subscription s WHERE s.tenant = t.num AND "+expected+") + t.elsewhere, (SELECT COUNT(*) FROM subscription s WHERE s.tenant = t.num AND s.cost_state = 2), "+
			"COALESCE((SELECT MAX(r.id) FROM sync_run r WHERE r.tenant = t.num AND r.job = 'costs' AND r.status >= 2), 0) FROM tenant t")
}

// same fails where two questions do not give the same rows.
func (c *Costs) same(ctx context.Context, table, held, summed string) error {
	missing, err := c.count(ctx, summed+" EXCEPT "+held)
	if err != nil {
		return err
	}
	extra, err := c.count(ctx, held+" EXCEPT "+summed)
	if err != nil {
		return err
	}
	if missing+extra > 0 {
		return fresnel.Errorf(fresnel.Internal, "store: %s: %d sums of what is held are missing, %d rows are no such sum", table, missing, extra)
	}
	return nil
}

func (c *Costs) count(ctx context.Context, q string) (int64, error) {
	var n int64
	err := c.db.queryRow(ctx, "SELECT COUNT(*) FROM ("+q+") x").Scan(&n)
	return n, c.db.wrap(ctx, "verify", err)
}
