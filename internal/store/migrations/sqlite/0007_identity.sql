-- +goose Up

-- Identity: who is in a tenant and who holds power, without names. Facts are by
-- account; numbers are by class of account, and by day.

-- What is known of a tenant as a whole. mark: where the reading of accounts goes
-- on. stamp: how often its numbers by class have changed. policies, licences: JSON, empty = not known.
CREATE TABLE identity_tenant (
    tenant    BIGINT NOT NULL CONSTRAINT pk_identity_tenant PRIMARY KEY,
    mark      TEXT NOT NULL,
    stamp     BIGINT NOT NULL,
    judged_at BIGINT NOT NULL,
    policies  TEXT NOT NULL,
    licences  TEXT NOT NULL
);

-- When each fact was last read to its end, and why not since.
CREATE TABLE identity_fact (
    tenant    BIGINT NOT NULL,
    fact      TEXT NOT NULL,
    read_at   BIGINT NOT NULL,
    failed_at BIGINT NOT NULL,
    reason    TEXT NOT NULL,
    remedy    TEXT NOT NULL,
    CONSTRAINT pk_identity_fact PRIMARY KEY (tenant, fact)
) WITHOUT ROWID;

-- Accounts by object id. class: all that they are counted by, as identity.Class
-- codes it. told: Azure tells of their sign-ins. idle_since: the last use, or else
-- the creation.
CREATE TABLE identity_account (
    tenant     BIGINT NOT NULL,
    id         TEXT NOT NULL,
    class      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_use   BIGINT NOT NULL,
    told       BIGINT NOT NULL,
    idle_since BIGINT NOT NULL,
    CONSTRAINT pk_identity_account PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX ix_identity_account_class ON identity_account (class, tenant, idle_since, id);
CREATE INDEX ix_identity_account_idle ON identity_account (class, idle_since, tenant, id);

-- How many accounts of a class a tenant has, kept with them.
CREATE TABLE identity_count (
    tenant BIGINT NOT NULL,
    class  BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    CONSTRAINT pk_identity_count PRIMARY KEY (tenant, class)
) WITHOUT ROWID;

-- Roles of the directory, who holds them or may take them, and who is in the
-- groups that do.
CREATE TABLE identity_role (
    tenant     BIGINT NOT NULL,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    built_in   BIGINT NOT NULL,
    privileged BIGINT NOT NULL,
    CONSTRAINT pk_identity_role PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE TABLE identity_holding (
    tenant    BIGINT NOT NULL,
    eligible  BIGINT NOT NULL,
    id        TEXT NOT NULL,
    principal TEXT NOT NULL,
    kind      TEXT NOT NULL,
    role      TEXT NOT NULL,
    scope     TEXT NOT NULL,
    activated BIGINT NOT NULL,
    unsure    BIGINT NOT NULL,
    end_at    BIGINT NOT NULL,
    CONSTRAINT pk_identity_holding PRIMARY KEY (tenant, eligible, id)
) WITHOUT ROWID;
CREATE INDEX ix_identity_holding_principal ON identity_holding (principal, tenant);

CREATE TABLE identity_member (
    tenant BIGINT NOT NULL,
    member TEXT NOT NULL,
    grp    TEXT NOT NULL,
    kind   TEXT NOT NULL,
    CONSTRAINT pk_identity_member PRIMARY KEY (tenant, member, grp)
) WITHOUT ROWID;
CREATE INDEX ix_identity_member_member ON identity_member (member, tenant, grp);

-- Roles of Azure on subscriptions, below and above them. owns: a custom role that
-- may do all.
CREATE TABLE identity_azure_role (
    tenant    BIGINT NOT NULL,
    id        TEXT NOT NULL,
    sub       TEXT NOT NULL,
    scope     TEXT NOT NULL,
    role      TEXT NOT NULL,
    owns      BIGINT NOT NULL,
    principal TEXT NOT NULL,
    kind      TEXT NOT NULL,
    CONSTRAINT pk_identity_azure_role PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX ix_identity_azure_role_principal ON identity_azure_role (principal, tenant);

-- Who holds power and is no account: applications, and principals that are no more.
CREATE TABLE identity_other (
    tenant BIGINT NOT NULL,
    id     TEXT NOT NULL,
    kind   TEXT NOT NULL,
    CONSTRAINT pk_identity_other PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- How many hold a role, as last judged.
CREATE TABLE identity_role_count (
    tenant   BIGINT NOT NULL,
    azure    BIGINT NOT NULL,
    role     TEXT NOT NULL,
    name     TEXT NOT NULL,
    built_in BIGINT NOT NULL,
    tier     BIGINT NOT NULL,
    active   BIGINT NOT NULL,
    standing BIGINT NOT NULL,
    eligible BIGINT NOT NULL,
    apps     BIGINT NOT NULL,
    orphans  BIGINT NOT NULL,
    CONSTRAINT pk_identity_role_count PRIMARY KEY (tenant, azure, role)
) WITHOUT ROWID;

-- Applications and service principals, and what proves them. owners: object ids,
-- JSON. end_at of a credential without an end is the greatest number.
CREATE TABLE identity_app (
    tenant  BIGINT NOT NULL,
    id      TEXT NOT NULL,
    app_id  TEXT NOT NULL,
    name    TEXT NOT NULL,
    service BIGINT NOT NULL,
    owners  TEXT NOT NULL,
    CONSTRAINT pk_identity_app PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX ix_identity_app_app ON identity_app (tenant, app_id);

CREATE TABLE identity_credential (
    tenant      BIGINT NOT NULL,
    app         TEXT NOT NULL,
    id          TEXT NOT NULL,
    certificate BIGINT NOT NULL,
    start_at    BIGINT NOT NULL,
    end_at      BIGINT NOT NULL,
    CONSTRAINT pk_identity_credential PRIMARY KEY (tenant, app, id)
) WITHOUT ROWID;
CREATE INDEX ix_identity_credential_end ON identity_credential (end_at, tenant, app, id);

-- The lengths of lists at the end of a day, of those that were known, and when
-- they were found.
CREATE TABLE identity_day (
    tenant BIGINT NOT NULL,
    list   TEXT NOT NULL,
    day    BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    CONSTRAINT pk_identity_day PRIMARY KEY (tenant, list, day)
) WITHOUT ROWID;
CREATE INDEX ix_identity_day_day ON identity_day (day, list);

CREATE TABLE identity_day_read (
    tenant    BIGINT NOT NULL,
    day       BIGINT NOT NULL,
    judged_at BIGINT NOT NULL,
    CONSTRAINT pk_identity_day_read PRIMARY KEY (tenant, day)
) WITHOUT ROWID;

-- A tenant's numbers on each day. A number that was not known is null. The id is a
-- position, not a key.
DROP TABLE identity_snapshots;
CREATE VIEW identity_snapshots AS
SELECT ROW_NUMBER() OVER (ORDER BY r.tenant, r.day) AS id, t.id AS tenant_id, date(r.day * 86400, 'unixepoch') AS snapshot_date,
    u.n AS total_users, g.n AS guest_users, m.n AS mfa_enabled, p.n AS privileged_users, s.n AS stale_accounts,
    strftime('%Y-%m-%dT%H:%M:%SZ', r.judged_at / 1000000, 'unixepoch') AS synced_at
FROM identity_day_read r
JOIN tenant t ON t.num = r.tenant
LEFT JOIN identity_day u ON u.tenant = r.tenant AND u.day = r.day AND u.list = 'users'
LEFT JOIN identity_day g ON g.tenant = r.tenant AND g.day = r.day AND g.list = 'guests'
LEFT JOIN identity_day m ON m.tenant = r.tenant AND m.day = r.day AND m.list = 'mfa-registered'
LEFT JOIN identity_day p ON p.tenant = r.tenant AND p.day = r.day AND p.list = 'privileged'
LEFT JOIN identity_day s ON s.tenant = r.tenant AND s.day = r.day AND s.list = 'stale';

-- +goose Down
SELECT 'migrations are not undone: restore a copy instead' WHERE 0;
