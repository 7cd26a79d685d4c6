-- +goose Up
-- wasted is 1 where a rule found something of the resource that is neither
-- resolved nor pending: kept in the transaction that changes either. Among
-- millions they are few, and lists of them are in the order of names.
ALTER TABLE resource ADD COLUMN wasted BIGINT NOT NULL CONSTRAINT df_resource_wasted DEFAULT 0;
UPDATE resource SET wasted = 1 WHERE arm IN (
    SELECT r.arm FROM finding f CROSS JOIN arm_id a ON a.name = f.object CROSS JOIN resource r ON r.arm = a.num AND r.tenant = f.tenant
    WHERE f.resolved_at = 0 AND f.rule NOT LIKE 'pending:%');
CREATE INDEX ix_resource_wasted ON resource (name, arm, tenant, sub, rtype, rgroup, location, tset, first_seen, changed_at) WHERE gone_at = 0 AND wasted = 1;
CREATE INDEX ix_resource_wasted_tenant ON resource (tenant, name, arm, sub, rtype, rgroup, location, tset, first_seen, changed_at) WHERE gone_at = 0 AND wasted = 1;

-- +goose Down
SELECT 'migrations are not undone: restore a copy instead' WHERE 0;
