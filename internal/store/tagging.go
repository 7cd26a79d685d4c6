package store

import (
	"context"
	"database/sql"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

// KeepTags implements inventory.TagSink.
func (v *Inventory) KeepTags(ctx context.Context, t fresnel.TenantID, rows []inventory.TagRow, now time.Time) error {
	return v.db.Findings().change(ctx, "keep tags", t, func(tx *sql.Tx, tenant int64) error {
		if err := v.db.guard(ctx, tx); err != nil {
			return err
		}
		if _, err := v.db.txExec(ctx, tx, "DELETE FROM tag_count WHERE tenant = ?", tenant); err != nil {
			return err
		}
		for _, r := range rows {
			if _, err := v.db.txExec(ctx, tx, "INSERT INTO tag_count (tenant, counted_by, name, compliant, judged, unknown, exempt, usd_micros, counted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
				tenant, string(r.By), clean(r.Name), r.Compliant, r.Judged, r.Unknown, r.Exempt, r.USD, micros(now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tags implements inventory.TagReader.
func (c *InventoryReader) Tags(ctx context.Context, s fresnel.Scope) ([]inventory.TagRow, error) {
	var args []any
	rows, err := c.db.query(ctx, "SELECT t.id, k.counted_by, k.name, k.compliant, k.judged, k.unknown, k.exempt, k.usd_micros FROM tag_count k JOIN tenant t ON t.num = k.tenant WHERE "+
		c.db.visible("k.tenant", s, &args)+" ORDER BY t.id, k.counted_by, k.name", args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "tags", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *inventory.TagRow) error {
		return r.Scan(&v.Tenant, &v.By, &v.Name, &v.Compliant, &v.Judged, &v.Unknown, &v.Exempt, &v.USD)
	})
	return out, c.db.wrap(ctx, "tags", err)
}
