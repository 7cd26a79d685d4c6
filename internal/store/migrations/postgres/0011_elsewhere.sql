-- +goose Up
-- How many subscriptions Azure lists for a tenant that are held under another one.
ALTER TABLE tenant ADD COLUMN elsewhere BIGINT NOT NULL CONSTRAINT df_tenant_elsewhere DEFAULT 0;

-- +goose Down
SELECT 'migrations are not undone: restore a copy instead' WHERE 0 = 1;
