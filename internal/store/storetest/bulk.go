package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"fresnel/internal/store"
)

// FillBulk fills an empty database with the estate by SQL alone, in both
// metrics, where Fill would take an hour. Every row is one that a sync would
// have written in the same place; Verify of a small one shows it. url is the
// database's own. It gives the number of cost rows.
func (e Estate) FillBulk(ctx context.Context, db *store.DB, url string) (rows int, err error) {
	if err := Register(ctx, db, e.Tenants, e.Subscriptions, e.Asked); err != nil {
		return 0, err
	}
	driver, source := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(15000)&_pragma=synchronous(0)&_pragma=cache_size(-64000)&_pragma=wal_autocheckpoint(100000)"
	}
	raw, err := sql.Open(driver, source)
	if err != nil {
		return 0, fmt.Errorf("storetest: %w", err)
	}
	defer raw.Close() //nolint:errcheck // a throwaway database
	raw.SetMaxOpenConns(1)
	for _, q := range e.bulk() {
		if _, err := raw.ExecContext(ctx, q); err != nil {
			return 0, fmt.Errorf("storetest: %s: %w", q, err)
		}
	}
	settle := "ANALYZE"
	if driver == "sqlite" {
		settle = "PRAGMA wal_checkpoint(TRUNCATE)" // a sync would have done so on its way
	}
	if _, err := raw.ExecContext(ctx, settle); err != nil {
		return 0, fmt.Errorf("storetest: %s: %w", settle, err)
	}
	_, err = db.Refresh(ctx)
	return 2 * e.Rows(), err
}

// numbers is a table of the integers from..to-1.
func numbers(name string, from, to int) string {
	return fmt.Sprintf("%s(i) AS (SELECT CAST(%d AS BIGINT) UNION ALL SELECT i + 1 FROM %s WHERE i < %d)", name, from, name, to-1)
}

// bulk lists the statements: names, cells tenant by tenant, and what is kept
// of the cells. An empty database numbers names and subscriptions from 1.
func (e Estate) bulk() []string {
	names := func(table, prefix string, n int) string {
		return "INSERT INTO " + table + " (name) WITH RECURSIVE " + numbers("n", 1, n+1) + " SELECT '" + prefix + "' || i FROM n ORDER BY i"
	}
	out := []string{
		names("service", "Service ", e.Services),
		names("resource_group", "rg-workload-", e.Tenants*e.Subscriptions*e.Groups),
		"INSERT INTO currency (name) VALUES ('EUR'), ('USD'), ('GBP')",
	}
	for i := range e.Tenants {
		out = append(out, e.bulkTenant(i)...)
	}
	return append(out,
		"INSERT INTO cost_day (metric, day, currency, micros, usd_micros, cells) SELECT metric, day, currency, SUM(micros), SUM(usd_micros), SUM(cells) FROM cost_tenant_day GROUP BY metric, day, currency ORDER BY 1, 2, 3",
		"INSERT INTO cost_tenant_month (tenant, metric, month, subs, oldest, newest) SELECT s.tenant, m.metric, m.month, COUNT(*), MIN(m.asked_at), MAX(m.asked_at) FROM subscription s JOIN cost_month m ON m.sub = s.num GROUP BY s.tenant, m.metric, m.month",
		"INSERT INTO sync_run (job, tenant, status, queued_at, not_before) SELECT 'costs', t.num, 2, 1, 1 FROM tenant t CROSS JOIN (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) x",
		"UPDATE tenant SET last_costs = (SELECT MAX(r.id) FROM sync_run r WHERE r.tenant = tenant.num)",
		"UPDATE meta SET value = value + 1 WHERE name = 'generation'")
}

func (e Estate) bulkTenant(i int) []string {
	first := i*e.Subscriptions + 1
	subs := fmt.Sprintf("s.num BETWEEN %d AND %d", first, first+e.Subscriptions-1)
	from, to := int(e.Days.From), int(e.Days.To)
	const both = "(SELECT 0 AS metric UNION ALL SELECT 1) m"
	var months []string
	for _, m := range e.Days.Months() {
		months = append(months, fmt.Sprintf("SELECT %d AS day", m.From.MonthStart()))
	}
	// A group repeats every Groups cells and a service every Services: no pair
	// comes twice while CellsPerDay is at most Services.
	cells := fmt.Sprintf("INSERT INTO cost_cell (sub, metric, day, rgroup, service, currency, micros, usd_micros) "+
		"WITH RECURSIVE "+numbers("d", from, to)+", "+numbers("n", 0, e.CellsPerDay)+
		" SELECT x.*, x.micros * 108 / 100 FROM (SELECT s.num AS sub, m.metric AS metric, d.i AS day, (s.num - 1) * %d + n.i %% %d + 1 AS rgroup, (n.i * 7 + s.num) %% %d + 1 AS service, %d AS currency,"+
		" CAST(1000000 + (CAST(s.num AS BIGINT) * 7919 + m.metric * 31 + d.i * 104729 + n.i * 1299709) * 48271 %% 50000000 AS BIGINT) AS micros"+
		" FROM subscription s CROSS JOIN "+both+" CROSS JOIN d CROSS JOIN n WHERE "+subs+") x", e.Groups, e.Groups, e.Services, i%3+1)
	return []string{
		cells,
		fmt.Sprintf("INSERT INTO cost_month (sub, metric, month, asked_at) SELECT s.num, m.metric, x.day, %d FROM subscription s CROSS JOIN "+both+" CROSS JOIN ("+strings.Join(months, " UNION ALL ")+") x WHERE "+subs, e.Asked.UnixMicro()),
		"INSERT INTO cost_sub_day (sub, metric, day, currency, micros, usd_micros, cells) SELECT s.sub, s.metric, s.day, s.currency, SUM(s.micros), SUM(s.usd_micros), COUNT(*) FROM cost_cell s WHERE " +
			strings.ReplaceAll(subs, "s.num", "s.sub") + " GROUP BY s.sub, s.metric, s.day, s.currency ORDER BY 1, 2, 3, 4",
		fmt.Sprintf("INSERT INTO cost_tenant_day_service (tenant, metric, day, service, currency, micros, usd_micros, cells) SELECT %d, s.metric, s.day, s.service, s.currency, SUM(s.micros), SUM(s.usd_micros), COUNT(*) FROM cost_cell s WHERE ", i+1) +
			strings.ReplaceAll(subs, "s.num", "s.sub") + " GROUP BY s.metric, s.day, s.service, s.currency ORDER BY 2, 3, 4, 5",
		fmt.Sprintf("INSERT INTO cost_tenant_day (tenant, metric, day, currency, micros, usd_micros, cells) SELECT tenant, metric, day, currency, SUM(micros), SUM(usd_micros), SUM(cells) FROM cost_tenant_day_service WHERE tenant = %d GROUP BY tenant, metric, day, currency ORDER BY 1, 2, 3, 4", i+1),
	}
}
