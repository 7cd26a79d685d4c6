-- +goose Up
-- What moved between two days is counted in these indexes alone.
DROP INDEX ix_compliance_finding_changed;
DROP INDEX ix_compliance_finding_resolved;
CREATE INDEX ix_compliance_finding_changed ON compliance_finding (tenant, changed_at, sub, first_seen, resolved_at);
CREATE INDEX ix_compliance_finding_resolved ON compliance_finding (tenant, resolved_at, sub, changed_at);

-- +goose Down
SELECT 'migrations are not undone: restore a copy instead' WHERE 0;
