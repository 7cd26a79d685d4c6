-- +goose Up
-- The same costs by other keys. Azure splits an answer by two keys at a time,
-- so each cut is a set of answers, and of cells, of its own.

CREATE TABLE charge_type (num INTEGER PRIMARY KEY, name TEXT NOT NULL CONSTRAINT uq_charge_type UNIQUE);
CREATE TABLE arm_id (num INTEGER PRIMARY KEY, name TEXT NOT NULL CONSTRAINT uq_arm_id UNIQUE);

-- Per day by charge type and service.
CREATE TABLE cost_charge (
    sub INTEGER NOT NULL, metric INTEGER NOT NULL, day INTEGER NOT NULL,
    charge INTEGER NOT NULL, service INTEGER NOT NULL, currency INTEGER NOT NULL,
    micros BIGINT NOT NULL, usd_micros BIGINT NOT NULL,
    CONSTRAINT pk_cost_charge PRIMARY KEY (sub, metric, day, charge, service, currency)
) WITHOUT ROWID;
CREATE TABLE cost_charge_month (
    sub INTEGER NOT NULL, metric INTEGER NOT NULL, month INTEGER NOT NULL, asked_at BIGINT NOT NULL,
    CONSTRAINT pk_cost_charge_month PRIMARY KEY (sub, metric, month)
) WITHOUT ROWID;

-- Per month by resource and service; day is the month's first.
CREATE TABLE cost_resource (
    sub INTEGER NOT NULL, metric INTEGER NOT NULL, day INTEGER NOT NULL,
    resource INTEGER NOT NULL, service INTEGER NOT NULL, currency INTEGER NOT NULL,
    micros BIGINT NOT NULL, usd_micros BIGINT NOT NULL,
    CONSTRAINT pk_cost_resource PRIMARY KEY (sub, metric, day, resource, service, currency)
) WITHOUT ROWID;
CREATE TABLE cost_resource_month (
    sub INTEGER NOT NULL, metric INTEGER NOT NULL, month INTEGER NOT NULL, asked_at BIGINT NOT NULL,
    CONSTRAINT pk_cost_resource_month PRIMARY KEY (sub, metric, month)
) WITHOUT ROWID;

-- What is wrong, or was: found by a rule, about an object, since a day. The
-- same finding keeps its row: it is seen again, resolved, and reopened.
CREATE TABLE finding (
    num         INTEGER PRIMARY KEY,
    tenant      BIGINT NOT NULL CONSTRAINT fk_finding_tenant REFERENCES tenant (num),
    rule        TEXT NOT NULL,
    object      TEXT NOT NULL,
    since       INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    usd_micros  BIGINT NOT NULL,
    detail      TEXT NOT NULL,
    first_seen  BIGINT NOT NULL,
    last_seen   BIGINT NOT NULL,
    resolved_at BIGINT NOT NULL CONSTRAINT df_finding_resolved DEFAULT 0,
    CONSTRAINT uq_finding UNIQUE (tenant, rule, object, since)
);
CREATE INDEX ix_finding_since ON finding (rule, since, tenant);

-- Findings that people have judged: of one finding (since is its day) or of an
-- object on any day (since is 0). verdict: 1 acknowledged, 2 expected.
CREATE TABLE exception (
    num        INTEGER PRIMARY KEY,
    tenant     BIGINT NOT NULL CONSTRAINT fk_exception_tenant REFERENCES tenant (num),
    rule       TEXT NOT NULL,
    object     TEXT NOT NULL,
    since      INTEGER NOT NULL,
    verdict    INTEGER NOT NULL CONSTRAINT ck_exception_verdict CHECK (verdict IN (1, 2)),
    note       TEXT NOT NULL,
    author     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL CONSTRAINT df_exception_ended DEFAULT 0
);
CREATE INDEX ix_exception_object ON exception (tenant, rule, object);

-- Budgets of our own, by month.
CREATE TABLE budget (
    num        INTEGER PRIMARY KEY,
    tenant     BIGINT NOT NULL CONSTRAINT fk_budget_tenant REFERENCES tenant (num),
    name       TEXT NOT NULL,
    subs       TEXT NOT NULL,
    service    TEXT NOT NULL,
    metric     INTEGER NOT NULL,
    micros     BIGINT NOT NULL CONSTRAINT ck_budget_micros CHECK (micros > 0),
    currency   TEXT NOT NULL,
    author     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX ix_budget_tenant ON budget (tenant, num);

-- Budgets that Azure has, as it told them at seen_at.
CREATE TABLE azure_budget (
    sub             BIGINT NOT NULL,
    id              TEXT NOT NULL,
    name            TEXT NOT NULL,
    micros          BIGINT NOT NULL,
    currency        TEXT NOT NULL,
    grain           TEXT NOT NULL,
    filtered        INTEGER NOT NULL,
    spent_known     INTEGER NOT NULL,
    spent_micros    BIGINT NOT NULL,
    forecast_known  INTEGER NOT NULL,
    forecast_micros BIGINT NOT NULL,
    starts          INTEGER NOT NULL,
    ends            INTEGER NOT NULL,
    seen_at         BIGINT NOT NULL,
    CONSTRAINT pk_azure_budget PRIMARY KEY (sub, id)
) WITHOUT ROWID;
CREATE TABLE azure_budget_read (
    sub      BIGINT NOT NULL CONSTRAINT pk_azure_budget_read PRIMARY KEY,
    asked_at BIGINT NOT NULL
) WITHOUT ROWID;

-- +goose Down
SELECT 'migrations are not undone: restore a copy instead' WHERE 0;
