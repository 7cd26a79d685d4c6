-- +goose Up
-- Policies, secure scores and frameworks. Counts are of distinct resources of a
-- subscription by their strongest state; of the secure score's controls and of
-- standards' controls compliant is healthy or passed, non_compliant unhealthy or
-- failed, exempt not applicable or skipped. Points are in millionths.
CREATE TABLE compliance_key (num BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name VARCHAR(450) COLLATE "C" NOT NULL CONSTRAINT uq_compliance_key UNIQUE);

-- What is counted, as a tenant has it: assignments, policies, checks,
-- initiatives, exemptions, controls (kind: see compliance.Kind). told_at is when
-- Azure last told its name; 0 = never. gone_at: it is no more.
CREATE TABLE compliance_item (
    tenant     BIGINT NOT NULL,
    num        BIGINT NOT NULL,
    kind       BIGINT NOT NULL,
    assignment BIGINT NOT NULL,
    policy     BIGINT NOT NULL,
    definition BIGINT NOT NULL,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    category   TEXT NOT NULL,
    effect     TEXT NOT NULL,
    scope      TEXT NOT NULL,
    about      TEXT NOT NULL,
    reference  TEXT NOT NULL,
    more       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    told_at    BIGINT NOT NULL,
    gone_at    BIGINT NOT NULL,
    CONSTRAINT pk_compliance_item PRIMARY KEY (tenant, num)
);
CREATE INDEX ix_compliance_item_kind ON compliance_item (tenant, kind, num);
CREATE INDEX ix_compliance_item_policy ON compliance_item (policy, tenant, num);

-- How often what is known of a tenant's items has changed: whoever remembers
-- them asks for this instead.
CREATE TABLE compliance_named (
    tenant BIGINT NOT NULL CONSTRAINT pk_compliance_named PRIMARY KEY,
    stamp  BIGINT NOT NULL
);

-- The newest counts, since the day from which they have been so.
CREATE TABLE compliance_count (
    tenant        BIGINT NOT NULL,
    kind          BIGINT NOT NULL,
    item          BIGINT NOT NULL,
    sub           BIGINT NOT NULL,
    from_day      BIGINT NOT NULL,
    compliant     BIGINT NOT NULL,
    non_compliant BIGINT NOT NULL,
    conflict      BIGINT NOT NULL,
    exempt        BIGINT NOT NULL,
    unknown       BIGINT NOT NULL,
    points        BIGINT NOT NULL,
    most          BIGINT NOT NULL,
    CONSTRAINT pk_compliance_count PRIMARY KEY (tenant, kind, item, sub)
);
CREATE INDEX ix_compliance_count_sub ON compliance_count (sub, kind);

-- Counts that were, up to the day on which they changed.
CREATE TABLE compliance_past (
    tenant        BIGINT NOT NULL,
    kind          BIGINT NOT NULL,
    item          BIGINT NOT NULL,
    sub           BIGINT NOT NULL,
    from_day      BIGINT NOT NULL,
    to_day        BIGINT NOT NULL,
    compliant     BIGINT NOT NULL,
    non_compliant BIGINT NOT NULL,
    conflict      BIGINT NOT NULL,
    exempt        BIGINT NOT NULL,
    unknown       BIGINT NOT NULL,
    points        BIGINT NOT NULL,
    most          BIGINT NOT NULL,
    CONSTRAINT pk_compliance_past PRIMARY KEY (tenant, kind, to_day, item, sub, from_day)
);
CREATE INDEX ix_compliance_past_to ON compliance_past (to_day);

-- compliance_count by tenant, kept with it.
CREATE TABLE compliance_sum (
    tenant        BIGINT NOT NULL,
    kind          BIGINT NOT NULL,
    item          BIGINT NOT NULL,
    compliant     BIGINT NOT NULL,
    non_compliant BIGINT NOT NULL,
    conflict      BIGINT NOT NULL,
    exempt        BIGINT NOT NULL,
    unknown       BIGINT NOT NULL,
    points        BIGINT NOT NULL,
    most          BIGINT NOT NULL,
    subs          BIGINT NOT NULL,
    CONSTRAINT pk_compliance_sum PRIMARY KEY (tenant, kind, item)
);

-- The newest snapshot of a subscription. state: 0 never read, 1 read, 2 the last
-- reading failed, 3 not registered. weight -1 = there is no score.
CREATE TABLE compliance_sub (
    sub             BIGINT NOT NULL CONSTRAINT pk_compliance_sub PRIMARY KEY,
    tenant          BIGINT NOT NULL,
    policy_at       BIGINT NOT NULL,
    policy_state    BIGINT NOT NULL,
    compliant       BIGINT NOT NULL,
    non_compliant   BIGINT NOT NULL,
    conflict        BIGINT NOT NULL,
    exempt          BIGINT NOT NULL,
    unknown         BIGINT NOT NULL,
    policy_reason   TEXT NOT NULL,
    policy_remedy   TEXT NOT NULL,
    score_at        BIGINT NOT NULL,
    score_state     BIGINT NOT NULL,
    points          BIGINT NOT NULL,
    most            BIGINT NOT NULL,
    weight          BIGINT NOT NULL,
    score_reason    TEXT NOT NULL,
    score_remedy    TEXT NOT NULL
);
CREATE INDEX ix_compliance_sub_tenant ON compliance_sub (tenant);

-- A subscription's snapshot of a day: of its last reading. policy_at or score_at
-- 0 = that subject was not read on the day.
CREATE TABLE compliance_day (
    sub           BIGINT NOT NULL,
    day           BIGINT NOT NULL,
    tenant        BIGINT NOT NULL,
    policy_at     BIGINT NOT NULL,
    compliant     BIGINT NOT NULL,
    non_compliant BIGINT NOT NULL,
    conflict      BIGINT NOT NULL,
    exempt        BIGINT NOT NULL,
    unknown       BIGINT NOT NULL,
    score_at      BIGINT NOT NULL,
    points        BIGINT NOT NULL,
    most          BIGINT NOT NULL,
    weight        BIGINT NOT NULL,
    CONSTRAINT pk_compliance_day PRIMARY KEY (sub, day)
);
CREATE INDEX ix_compliance_day_day ON compliance_day (day);

-- What was held of a tenant at the end of a day on which something was read.
-- score: the sum of weight x percent, in millionths. fresh and scores: of how many
-- subscriptions policies and scores were read on that day.
CREATE TABLE compliance_tenant_day (
    tenant        BIGINT NOT NULL,
    day           BIGINT NOT NULL,
    expected      BIGINT NOT NULL,
    held          BIGINT NOT NULL,
    fresh         BIGINT NOT NULL,
    compliant     BIGINT NOT NULL,
    non_compliant BIGINT NOT NULL,
    conflict      BIGINT NOT NULL,
    exempt        BIGINT NOT NULL,
    unknown       BIGINT NOT NULL,
    score         BIGINT NOT NULL,
    weight        BIGINT NOT NULL,
    scores        BIGINT NOT NULL,
    CONSTRAINT pk_compliance_tenant_day PRIMARY KEY (tenant, day)
);

-- A resource that fails a policy, since when and until when; a row for each time that
-- the checks or the state were the same, from changed_at on. checks: the numbers
-- of the checks that say so. state: 2 conflict, 4 non-compliant.
CREATE TABLE compliance_finding (
    num        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant     BIGINT NOT NULL,
    sub        BIGINT NOT NULL,
    arm        BIGINT NOT NULL,
    policy     BIGINT NOT NULL,
    state      BIGINT NOT NULL,
    checks     TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    resolved_at BIGINT NOT NULL
);
CREATE INDEX ix_compliance_finding_sub ON compliance_finding (sub, resolved_at);
CREATE INDEX ix_compliance_finding_arm ON compliance_finding (arm, policy);
CREATE INDEX ix_compliance_finding_policy ON compliance_finding (policy, since, arm, state, tenant) WHERE resolved_at = 0;
CREATE INDEX ix_compliance_finding_resolved ON compliance_finding (tenant, resolved_at);
CREATE INDEX ix_compliance_finding_changed ON compliance_finding (tenant, changed_at);

-- A resource that does not comply with at least one policy.
CREATE TABLE compliance_resource (
    arm      BIGINT NOT NULL CONSTRAINT pk_compliance_resource PRIMARY KEY,
    tenant   BIGINT NOT NULL,
    sub      BIGINT NOT NULL,
    rtype    BIGINT NOT NULL,
    rgroup   BIGINT NOT NULL,
    name     VARCHAR(450) COLLATE "C" NOT NULL,
    policies BIGINT NOT NULL,
    since    BIGINT NOT NULL
);
CREATE INDEX ix_compliance_resource_since ON compliance_resource (since, arm, tenant, sub);
CREATE INDEX ix_compliance_resource_tenant_since ON compliance_resource (tenant, since, arm, sub);
CREATE INDEX ix_compliance_resource_most ON compliance_resource (policies, arm, tenant, sub);
CREATE INDEX ix_compliance_resource_tenant_most ON compliance_resource (tenant, policies, arm, sub);
CREATE INDEX ix_compliance_resource_name ON compliance_resource (name, arm, tenant, sub);
CREATE INDEX ix_compliance_resource_tenant_name ON compliance_resource (tenant, name, arm, sub);
CREATE INDEX ix_compliance_resource_sub ON compliance_resource (sub, arm);
CREATE INDEX ix_compliance_resource_group ON compliance_resource (rgroup, tenant, arm);
CREATE INDEX ix_compliance_resource_type ON compliance_resource (rtype, tenant, arm);

-- A day that people have named, to compare with.
CREATE TABLE compliance_baseline (
    tenant     BIGINT NOT NULL,
    name       VARCHAR(450) COLLATE "C" NOT NULL,
    title      TEXT NOT NULL,
    day        BIGINT NOT NULL,
    note       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_compliance_baseline PRIMARY KEY (tenant, name)
);

-- A policy's state in a subscription on each day of which there is a snapshot.
-- The id is a position, not a key.
DROP TABLE compliance_snapshots;
CREATE VIEW compliance_snapshots AS
SELECT ROW_NUMBER() OVER (ORDER BY d.sub, d.day, x.item) AS id, t.id AS tenant_id, s.id AS subscription_id,
    CASE WHEN i.name = '' THEN i.id ELSE i.name END AS policy_name,
    CASE WHEN x.non_compliant > 0 THEN 'NonCompliant' WHEN x.compliant > 0 THEN 'Compliant' WHEN x.conflict > 0 THEN 'Conflict' WHEN x.exempt > 0 THEN 'Exempt' ELSE 'Unknown' END AS compliance_state,
    x.non_compliant AS non_compliant_count, to_char(to_timestamp(d.policy_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS synced_at
FROM compliance_day d
JOIN (SELECT sub, item, from_day, 1000000 AS to_day, compliant, non_compliant, conflict, exempt FROM compliance_count WHERE kind = 2
    UNION ALL SELECT sub, item, from_day, to_day, compliant, non_compliant, conflict, exempt FROM compliance_past WHERE kind = 2) x
    ON x.sub = d.sub AND x.from_day <= d.day AND d.day < x.to_day
JOIN subscription s ON s.num = d.sub
JOIN tenant t ON t.num = d.tenant
JOIN compliance_item i ON i.tenant = d.tenant AND i.num = x.item
WHERE d.policy_at > 0;

-- +goose Down
SELECT 'migrations are not undone: restore a copy instead' WHERE 0 = 1;
