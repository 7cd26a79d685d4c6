-- +goose Up
-- Instants are UTC micro-seconds, days are days since 1970-01-01, money is
-- micro-units. Names that repeat are numbered once and kept as integers.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('generation', 1);

CREATE TABLE tenant (
    num        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL CONSTRAINT uq_tenant_id UNIQUE,
    name       TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    secret_ref TEXT NOT NULL,
    active     INTEGER NOT NULL CONSTRAINT ck_tenant_active CHECK (active IN (0, 1)),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    writes     BIGINT NOT NULL CONSTRAINT df_tenant_writes DEFAULT 0
);

CREATE TABLE subscription (
    num         INTEGER PRIMARY KEY,
    tenant      BIGINT NOT NULL CONSTRAINT fk_subscription_tenant REFERENCES tenant (num),
    id          TEXT NOT NULL CONSTRAINT uq_subscription_id UNIQUE,
    name        TEXT NOT NULL,
    state       TEXT NOT NULL,
    quota_id    TEXT NOT NULL,
    cost_state  INTEGER NOT NULL CONSTRAINT df_subscription_cost DEFAULT 0,
    cost_reason TEXT NOT NULL CONSTRAINT df_subscription_reason DEFAULT '',
    cost_at     BIGINT NOT NULL CONSTRAINT df_subscription_cost_at DEFAULT 0,
    seen_at     BIGINT NOT NULL
);
CREATE INDEX ix_subscription_tenant ON subscription (tenant, id);

CREATE TABLE resource_group (num INTEGER PRIMARY KEY, name TEXT NOT NULL CONSTRAINT uq_resource_group UNIQUE);
CREATE TABLE service (num INTEGER PRIMARY KEY, name TEXT NOT NULL CONSTRAINT uq_service UNIQUE);
CREATE TABLE currency (num INTEGER PRIMARY KEY, name TEXT NOT NULL CONSTRAINT uq_currency UNIQUE);

-- The facts. Clustered by window (subscription, metric, days), the unit that a
-- sync reads and replaces.
CREATE TABLE cost_cell (
    sub        INTEGER NOT NULL,
    metric     INTEGER NOT NULL,
    day        INTEGER NOT NULL,
    rgroup     INTEGER NOT NULL,
    service    INTEGER NOT NULL,
    currency   INTEGER NOT NULL,
    micros     BIGINT NOT NULL,
    usd_micros BIGINT NOT NULL,
    CONSTRAINT pk_cost_cell PRIMARY KEY (sub, metric, day, rgroup, service, currency)
) WITHOUT ROWID;

-- When a month of a subscription was last read: coverage and age of every figure.
CREATE TABLE cost_month (
    sub      INTEGER NOT NULL,
    metric   INTEGER NOT NULL,
    month    INTEGER NOT NULL,
    asked_at BIGINT NOT NULL,
    CONSTRAINT pk_cost_month PRIMARY KEY (sub, metric, month)
) WITHOUT ROWID;

-- Rollups, kept in the transaction that changes the cells under them. cells
-- counts the cells below a row: at 0 the row goes.
CREATE TABLE cost_tenant_day_service (
    tenant INTEGER NOT NULL, metric INTEGER NOT NULL, day INTEGER NOT NULL, service INTEGER NOT NULL, currency INTEGER NOT NULL,
    micros BIGINT NOT NULL, usd_micros BIGINT NOT NULL, cells BIGINT NOT NULL,
    CONSTRAINT pk_cost_tds PRIMARY KEY (tenant, metric, day, service, currency)
) WITHOUT ROWID;
CREATE TABLE cost_tenant_day (
    tenant INTEGER NOT NULL, metric INTEGER NOT NULL, day INTEGER NOT NULL, currency INTEGER NOT NULL,
    micros BIGINT NOT NULL, usd_micros BIGINT NOT NULL, cells BIGINT NOT NULL,
    CONSTRAINT pk_cost_td PRIMARY KEY (tenant, metric, day, currency)
) WITHOUT ROWID;
-- The same figures day first: sums over all tenants read one range.
CREATE TABLE cost_day_tenant (
    tenant INTEGER NOT NULL, metric INTEGER NOT NULL, day INTEGER NOT NULL, currency INTEGER NOT NULL,
    micros BIGINT NOT NULL, usd_micros BIGINT NOT NULL, cells BIGINT NOT NULL,
    CONSTRAINT pk_cost_dt PRIMARY KEY (metric, day, tenant, currency)
) WITHOUT ROWID;
CREATE TABLE cost_sub_day (
    sub INTEGER NOT NULL, metric INTEGER NOT NULL, day INTEGER NOT NULL, currency INTEGER NOT NULL,
    micros BIGINT NOT NULL, usd_micros BIGINT NOT NULL, cells BIGINT NOT NULL,
    CONSTRAINT pk_cost_sd PRIMARY KEY (sub, metric, day, currency)
) WITHOUT ROWID;

-- Settled days that changed afterwards.
CREATE TABLE cost_restated (
    num        INTEGER PRIMARY KEY,
    tenant     INTEGER NOT NULL,
    sub        INTEGER NOT NULL,
    metric     INTEGER NOT NULL,
    day        INTEGER NOT NULL,
    currency   INTEGER NOT NULL,
    old_micros BIGINT NOT NULL,
    new_micros BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);
CREATE INDEX ix_cost_restated ON cost_restated (tenant, metric, day);

-- Sync runs. status: 0 queued, 1 running, 2 completed, 3 partial, 4 failed.
CREATE TABLE sync_run (
    id           INTEGER PRIMARY KEY,
    job          TEXT NOT NULL,
    tenant       BIGINT NOT NULL CONSTRAINT fk_sync_run_tenant REFERENCES tenant (num),
    status       INTEGER NOT NULL CONSTRAINT df_run_status DEFAULT 0 CONSTRAINT ck_run_status CHECK (status BETWEEN 0 AND 4),
    queued_at    BIGINT NOT NULL,
    not_before   BIGINT NOT NULL,
    started_at   BIGINT NOT NULL CONSTRAINT df_run_started DEFAULT 0,
    completed_at BIGINT NOT NULL CONSTRAINT df_run_completed DEFAULT 0,
    attempts     INTEGER NOT NULL CONSTRAINT df_run_attempts DEFAULT 0,
    lease_owner  TEXT NOT NULL CONSTRAINT df_run_owner DEFAULT '',
    lease_until  BIGINT NOT NULL CONSTRAINT df_run_until DEFAULT 0,
    fence        BIGINT NOT NULL CONSTRAINT df_run_fence DEFAULT 0,
    heartbeat    BIGINT NOT NULL CONSTRAINT df_run_heartbeat DEFAULT 0,
    done         INTEGER NOT NULL CONSTRAINT df_run_done DEFAULT 0,
    total        INTEGER NOT NULL CONSTRAINT df_run_total DEFAULT 0,
    rows_read    BIGINT NOT NULL CONSTRAINT df_run_read DEFAULT 0,
    rows_written BIGINT NOT NULL CONSTRAINT df_run_written DEFAULT 0,
    wait_until   BIGINT NOT NULL CONSTRAINT df_run_wait DEFAULT 0,
    reason       TEXT NOT NULL CONSTRAINT df_run_reason DEFAULT '',
    remedy       TEXT NOT NULL CONSTRAINT df_run_remedy DEFAULT ''
);
CREATE UNIQUE INDEX uq_sync_run_open ON sync_run (job, tenant) WHERE status < 2;
CREATE INDEX ix_sync_run_ready ON sync_run (status, not_before, id);
CREATE INDEX ix_sync_run_tenant ON sync_run (tenant, job, id);

CREATE TABLE sync_part (
    run       BIGINT NOT NULL,
    sub       TEXT NOT NULL,
    name      TEXT NOT NULL,
    state     TEXT NOT NULL,
    reason    TEXT NOT NULL,
    remedy    TEXT NOT NULL,
    rows_read BIGINT NOT NULL,
    CONSTRAINT pk_sync_part PRIMARY KEY (run, sub)
) WITHOUT ROWID;

-- The relations of the architecture brief, by their names and columns.
CREATE VIEW tenants AS
SELECT id, name, id AS tenant_id, client_id, secret_ref AS client_secret_ref, active AS is_active,
    strftime('%Y-%m-%dT%H:%M:%SZ', created_at / 1000000, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', updated_at / 1000000, 'unixepoch') AS updated_at
FROM tenant;

CREATE VIEW subscriptions AS
SELECT s.id, t.id AS tenant_id, s.id AS subscription_id, s.name AS display_name, s.state,
    strftime('%Y-%m-%dT%H:%M:%SZ', (SELECT MAX(m.asked_at) FROM cost_month m WHERE m.sub = s.num) / 1000000, 'unixepoch') AS synced_at
FROM subscription s JOIN tenant t ON t.num = s.tenant;

-- Actual cost in the billing currency. The id is a position, not a key.
CREATE VIEW cost_snapshots AS
SELECT ROW_NUMBER() OVER (ORDER BY c.sub, c.day, c.rgroup, c.service, c.currency) AS id,
    t.id AS tenant_id, s.id AS subscription_id, date(c.day * 86400, 'unixepoch') AS date,
    c.micros / 1000000.0 AS total_cost, cu.name AS currency, g.name AS resource_group, sv.name AS service_name,
    strftime('%Y-%m-%dT%H:%M:%SZ', m.asked_at / 1000000, 'unixepoch') AS synced_at
FROM cost_cell c
JOIN subscription s ON s.num = c.sub
JOIN tenant t ON t.num = s.tenant
JOIN currency cu ON cu.num = c.currency
JOIN resource_group g ON g.num = c.rgroup
JOIN service sv ON sv.num = c.service
LEFT JOIN cost_month m ON m.sub = c.sub AND m.metric = c.metric
    AND m.month = CAST(strftime('%s', date(c.day * 86400, 'unixepoch', 'start of month')) AS INTEGER) / 86400
WHERE c.metric = 0;

CREATE VIEW sync_jobs AS
SELECT r.id, r.job AS job_type, t.id AS tenant_id,
    CASE r.status WHEN 0 THEN 'queued' WHEN 1 THEN 'running' WHEN 2 THEN 'completed' WHEN 3 THEN 'partial' ELSE 'failed' END AS status,
    CASE WHEN r.started_at = 0 THEN NULL ELSE strftime('%Y-%m-%dT%H:%M:%SZ', r.started_at / 1000000, 'unixepoch') END AS started_at,
    CASE WHEN r.completed_at = 0 THEN NULL ELSE strftime('%Y-%m-%dT%H:%M:%SZ', r.completed_at / 1000000, 'unixepoch') END AS completed_at,
    NULLIF(r.reason, '') AS error_message
FROM sync_run r JOIN tenant t ON t.num = r.tenant;

-- Of the domains that come later the brief's relations stand ready and empty.
CREATE TABLE compliance_snapshots (
    id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, subscription_id TEXT NOT NULL, policy_name TEXT NOT NULL,
    compliance_state TEXT NOT NULL, non_compliant_count INTEGER NOT NULL, synced_at TIMESTAMP NOT NULL
);
CREATE TABLE resources (
    id TEXT PRIMARY KEY NOT NULL, tenant_id TEXT NOT NULL, subscription_id TEXT NOT NULL, resource_group TEXT NOT NULL,
    resource_type TEXT NOT NULL, name TEXT NOT NULL, location TEXT NOT NULL, tags TEXT NOT NULL, synced_at TIMESTAMP NOT NULL
);
CREATE TABLE identity_snapshots (
    id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, snapshot_date DATE NOT NULL, total_users INTEGER, guest_users INTEGER,
    mfa_enabled INTEGER, privileged_users INTEGER, stale_accounts INTEGER, synced_at TIMESTAMP NOT NULL
);

-- +goose Down
SELECT 'the first migration is not undone: delete the database instead' WHERE 0;
