-- +goose Up

-- How many findings of a rule a tenant has that are not resolved, kept with them.
CREATE TABLE finding_count (
    tenant BIGINT NOT NULL,
    rule   TEXT NOT NULL,
    n      BIGINT NOT NULL,
    CONSTRAINT pk_finding_count PRIMARY KEY (tenant, rule)
) WITHOUT ROWID;
INSERT INTO finding_count (tenant, rule, n) SELECT tenant, rule, COUNT(*) FROM finding WHERE resolved_at = 0 GROUP BY tenant, rule;

-- Findings of a rule, and accounts of a class, in the order of their lists.
CREATE INDEX ix_finding_worth ON finding (rule, usd_micros DESC, num, tenant) WHERE resolved_at = 0;
CREATE INDEX ix_identity_account_created ON identity_account (class, created_at DESC, tenant, id);

-- What credentials and days are counted by.
CREATE INDEX ix_identity_credential_tenant ON identity_credential (tenant, end_at, start_at);
CREATE INDEX ix_identity_day_list ON identity_day (list, day, tenant, n);

-- +goose Down
SELECT 'migrations are not undone: restore a copy instead' WHERE 0;
