-- +goose Up
-- What happened to resources. ref tells two changes of one resource at one
-- instant apart. after_at: of what only we saw, when we last looked before;
-- 0 = Azure told of it. A person is never named.
CREATE TABLE resource_change (
    tenant   BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    arm      BIGINT NOT NULL,
    ref      BIGINT NOT NULL,
    sub      BIGINT NOT NULL,
    rtype    BIGINT NOT NULL,
    rgroup   BIGINT NOT NULL,
    kind     BIGINT NOT NULL,
    actor    BIGINT NOT NULL,
    app      VARCHAR(450) COLLATE "C" NOT NULL,
    after_at BIGINT NOT NULL,
    detail   TEXT NOT NULL,
    CONSTRAINT pk_resource_change PRIMARY KEY (tenant, at, arm, ref)
);
CREATE INDEX ix_resource_change_at ON resource_change (at, arm, ref);
CREATE INDEX ix_resource_change_arm ON resource_change (arm, at);
CREATE INDEX ix_resource_change_sub ON resource_change (sub, at);

-- Up to when Azure told of the history of a subscription: a reading may go without.
CREATE TABLE change_read (
    sub      BIGINT NOT NULL CONSTRAINT pk_change_read PRIMARY KEY,
    asked_at BIGINT NOT NULL
);

-- Tags that resources lack, or whose values are not allowed, as judged with the
-- last sync. verdict: 1 lacking, 2 not allowed.
CREATE TABLE tag_missing (
    tkey    BIGINT NOT NULL,
    arm     BIGINT NOT NULL,
    tenant  BIGINT NOT NULL,
    verdict BIGINT NOT NULL,
    CONSTRAINT pk_tag_missing PRIMARY KEY (tkey, arm)
);
CREATE INDEX ix_tag_missing_arm ON tag_missing (arm, tkey, tenant);
CREATE INDEX ix_tag_missing_tenant ON tag_missing (tenant);

-- +goose Down
SELECT 'migrations are not undone: restore a copy instead' WHERE 0 = 1;
