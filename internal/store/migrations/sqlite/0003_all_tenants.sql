-- +goose Up
-- Sums over all tenants, inactive ones included: readers take those off. Every
-- writer needs these rows, so they are the last but one that it takes. A row
-- whose cells are gone stays at 0: removing it could deadlock.
CREATE TABLE cost_day (
    metric INTEGER NOT NULL, day INTEGER NOT NULL, currency INTEGER NOT NULL,
    micros BIGINT NOT NULL, usd_micros BIGINT NOT NULL, cells BIGINT NOT NULL,
    CONSTRAINT pk_cost_d PRIMARY KEY (metric, day, currency)
) WITHOUT ROWID;
INSERT INTO cost_day (metric, day, currency, micros, usd_micros, cells)
SELECT metric, day, currency, SUM(micros), SUM(usd_micros), SUM(cells) FROM cost_tenant_day GROUP BY metric, day, currency;
DROP TABLE cost_day_tenant;

-- Coverage by tenant: of its subscriptions that should give costs, how many are
-- held for a month, and since when. Kept under the tenant's lock. A question of
-- all tenants reads one range of months.
ALTER TABLE tenant ADD COLUMN expected BIGINT NOT NULL CONSTRAINT df_tenant_expected DEFAULT 0;
ALTER TABLE tenant ADD COLUMN unsupported BIGINT NOT NULL CONSTRAINT df_tenant_unsupported DEFAULT 0;
UPDATE tenant SET
    expected = (SELECT COUNT(*) FROM subscription s WHERE s.tenant = tenant.num AND s.state NOT IN ('Deleted', 'Gone') AND s.cost_state <> 2),
    unsupported = (SELECT COUNT(*) FROM subscription s WHERE s.tenant = tenant.num AND s.cost_state = 2);
CREATE TABLE cost_tenant_month (
    tenant INTEGER NOT NULL, metric INTEGER NOT NULL, month INTEGER NOT NULL,
    subs BIGINT NOT NULL, oldest BIGINT NOT NULL, newest BIGINT NOT NULL,
    CONSTRAINT pk_cost_tm PRIMARY KEY (metric, month, tenant)
) WITHOUT ROWID;
INSERT INTO cost_tenant_month (tenant, metric, month, subs, oldest, newest)
SELECT s.tenant, m.metric, m.month, COUNT(*), MIN(m.asked_at), MAX(m.asked_at) FROM subscription s JOIN cost_month m ON m.sub = s.num
WHERE s.state NOT IN ('Deleted', 'Gone') AND s.cost_state <> 2 GROUP BY s.tenant, m.metric, m.month;

CREATE INDEX ix_tenant_active ON tenant (active, num);

-- The last ended run of the costs job, which is part of every answer; 0 = none.
ALTER TABLE tenant ADD COLUMN last_costs BIGINT NOT NULL CONSTRAINT df_tenant_last_costs DEFAULT 0;
UPDATE tenant SET last_costs = COALESCE((SELECT MAX(r.id) FROM sync_run r WHERE r.tenant = tenant.num AND r.job = 'costs' AND r.status >= 2), 0);

-- +goose Down
SELECT 'this migration is not undone: restore a backup instead' WHERE 0;
