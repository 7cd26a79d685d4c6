-- +goose Up
-- What tenants have. A resource is known by the number of its ARM id in lower
-- case, the same as in cost_resource, so that its cost is one range away.

CREATE TABLE resource_type (num BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name VARCHAR(450) COLLATE "C" NOT NULL CONSTRAINT uq_resource_type UNIQUE);
CREATE TABLE location (num BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name VARCHAR(450) COLLATE "C" NOT NULL CONSTRAINT uq_location UNIQUE);
CREATE TABLE tag_key (num BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name VARCHAR(450) COLLATE "C" NOT NULL CONSTRAINT uq_tag_key UNIQUE);
CREATE TABLE tag_value (num BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name VARCHAR(450) COLLATE "C" NOT NULL CONSTRAINT uq_tag_value UNIQUE);
-- All tags of a resource together, of one tenant: few resources have tags of
-- their own. name is a hash of the tags; n is how many resources have them.
CREATE TABLE tag_set (num BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name VARCHAR(450) COLLATE "C" NOT NULL CONSTRAINT uq_tag_set UNIQUE, n BIGINT NOT NULL CONSTRAINT df_tag_set_n DEFAULT 0);

-- gone_at is when it was found to be no more; 0 = it is there. name is in lower
-- case: what is searched and sorted. hash is of all that Azure tells. tset is 0
-- without tags.
CREATE TABLE resource (
    arm        BIGINT NOT NULL CONSTRAINT pk_resource PRIMARY KEY,
    tenant     BIGINT NOT NULL,
    sub        BIGINT NOT NULL,
    rtype      BIGINT NOT NULL,
    rgroup     BIGINT NOT NULL,
    location   BIGINT NOT NULL,
    name       VARCHAR(450) COLLATE "C" NOT NULL,
    hash       BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    tset       BIGINT NOT NULL,
    gone_at    BIGINT NOT NULL
);
-- Every list walks one of these, in its order, and finds all that filters ask
-- for in the index itself. What is gone is in none but its own.
CREATE INDEX ix_resource_name ON resource (name, arm, tenant, sub, rtype, rgroup, location, tset) WHERE gone_at = 0;
CREATE INDEX ix_resource_tenant ON resource (tenant, name, arm, sub, rtype, rgroup, location, tset) WHERE gone_at = 0;
CREATE INDEX ix_resource_type ON resource (rtype, name, arm, tenant, sub, rgroup, location, tset) WHERE gone_at = 0;
CREATE INDEX ix_resource_group ON resource (rgroup, name, arm, tenant, sub, rtype, location, tset) WHERE gone_at = 0;
CREATE INDEX ix_resource_place ON resource (sub, rtype, location, name, arm, tenant, rgroup, tset) WHERE gone_at = 0;
CREATE INDEX ix_resource_set ON resource (tset, name, arm, tenant, sub, rtype, rgroup, location) WHERE gone_at = 0;
CREATE INDEX ix_resource_first ON resource (first_seen, arm) WHERE gone_at = 0;
CREATE INDEX ix_resource_first_tenant ON resource (tenant, first_seen, arm) WHERE gone_at = 0;
CREATE INDEX ix_resource_changed ON resource (changed_at, arm) WHERE gone_at = 0;
CREATE INDEX ix_resource_changed_tenant ON resource (tenant, changed_at, arm) WHERE gone_at = 0;
CREATE INDEX ix_resource_gone ON resource (name, arm, tenant, sub, rtype, rgroup, location, tset, gone_at) WHERE gone_at > 0;

-- How many resources there are of a type in a place, and how many of a tenant
-- have a name (kind: 1 type, 2 location, 3 resource group): kept in the
-- transaction that changes resources. Containers are not in the second.
CREATE TABLE resource_count (
    tenant   BIGINT NOT NULL,
    sub      BIGINT NOT NULL,
    rtype    BIGINT NOT NULL,
    location BIGINT NOT NULL,
    n        BIGINT NOT NULL,
    CONSTRAINT pk_resource_count PRIMARY KEY (tenant, sub, rtype, location)
);
CREATE INDEX ix_resource_count_type ON resource_count (rtype, tenant, sub, location, n);
CREATE INDEX ix_resource_count_location ON resource_count (location, tenant, sub, rtype, n);

CREATE TABLE resource_facet (
    kind   BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    num    BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    CONSTRAINT pk_resource_facet PRIMARY KEY (kind, tenant, num)
);

-- The rest of a resource, apart from what lists read: JSON as it was told.
CREATE TABLE resource_doc (
    arm BIGINT NOT NULL CONSTRAINT pk_resource_doc PRIMARY KEY,
    doc TEXT NOT NULL
);

-- The tags of a set.
CREATE TABLE resource_tag (
    tkey   BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    tset   BIGINT NOT NULL,
    tvalue BIGINT NOT NULL,
    CONSTRAINT pk_resource_tag PRIMARY KEY (tkey, tenant, tset, tvalue)
);
CREATE INDEX ix_resource_tag ON resource_tag (tkey, tvalue, tenant, tset);

-- When the inventory of a subscription was last read in full.
CREATE TABLE resource_read (
    sub      BIGINT NOT NULL CONSTRAINT pk_resource_read PRIMARY KEY,
    asked_at BIGINT NOT NULL
);

-- Names by their trigrams: a part of a name is found without reading all.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX ix_resource_trigram ON resource USING gin (name gin_trgm_ops);

-- How many resources have the tags that are required of them, counted with
-- each sync: to count when asked would read every resource.
CREATE TABLE tag_count (
    tenant     BIGINT NOT NULL,
    counted_by VARCHAR(450) COLLATE "C" NOT NULL,
    name       VARCHAR(450) COLLATE "C" NOT NULL,
    compliant  BIGINT NOT NULL,
    judged     BIGINT NOT NULL,
    unknown    BIGINT NOT NULL,
    exempt     BIGINT NOT NULL,
    usd_micros BIGINT,
    counted_at BIGINT NOT NULL,
    CONSTRAINT pk_tag_count PRIMARY KEY (tenant, counted_by, name)
);

CREATE INDEX ix_finding_object ON finding (object);
CREATE INDEX ix_finding_open ON finding (tenant, object, rule) WHERE resolved_at = 0;

DROP TABLE resources;
CREATE VIEW resources AS
SELECT a.name AS id, t.id AS tenant_id, s.id AS subscription_id, g.name AS resource_group, y.name AS resource_type, r.name, l.name AS location,
    (d.doc::json -> 'tags')::text AS tags, to_char(to_timestamp(p.asked_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS synced_at
FROM resource r
JOIN arm_id a ON a.num = r.arm
JOIN tenant t ON t.num = r.tenant
JOIN subscription s ON s.num = r.sub
JOIN resource_group g ON g.num = r.rgroup
JOIN resource_type y ON y.num = r.rtype
JOIN location l ON l.num = r.location
JOIN resource_doc d ON d.arm = r.arm
LEFT JOIN resource_read p ON p.sub = r.sub
WHERE r.gone_at = 0 AND y.name NOT IN ('microsoft.resources/subscriptions', 'microsoft.resources/subscriptions/resourcegroups', 'microsoft.advisor/recommendations',
    'microsoft.advisor/suppressions', 'microsoft.advisor/configurations', 'microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems');

-- +goose Down
SELECT 'migrations are not undone: restore a copy instead' WHERE FALSE;
