package store

import (
	"context"
	"database/sql"
	"maps"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

// The verdicts of tag_missing.
const (
	tagLacking = 1
	tagWrong   = 2
)

// lackKey is a tag that a resource lacks.
type lackKey struct{ tag, arm int64 }

// KeepTags implements inventory.TagSink. What did not change is not written.
func (v *Inventory) KeepTags(ctx context.Context, t fresnel.TenantID, rows []inventory.TagRow, lacks []inventory.TagLack, now time.Time) error {
	want, err := v.numberLacks(ctx, lacks)
	if err != nil {
		return err
	}
	var g int64
	err = v.db.tx(ctx, "keep tags", func(tx *sql.Tx) error {
		g = 0
		if err := v.db.guard(ctx, tx); err != nil {
			return err
		}
		tenant, err := v.db.Tenants().lock(ctx, tx, t)
		if err != nil {
			return err
		}
		counted, err := v.keepCounts(ctx, tx, tenant, rows, now)
		if err != nil {
			return err
		}
		judged, err := v.keepLacks(ctx, tx, tenant, maps.Clone(want)) // the transaction may be run again
		if err != nil {
			return err
		}
		if counted || judged {
			g, err = v.db.raise(ctx, tx)
		}
		return err
	})
	if err == nil {
		v.db.seen(g)
	}
	return err
}

func (v *Inventory) numberLacks(ctx context.Context, lacks []inventory.TagLack) (map[lackKey]int64, error) {
	var tags, ids []string
	for _, l := range lacks {
		tags, ids = append(tags, tagText(l.Tag)), append(ids, clean(l.Resource))
	}
	keys, err := v.db.dims.tagKey.nums(ctx, tags)
	if err != nil {
		return nil, err
	}
	arms, err := v.db.dims.resource.nums(ctx, ids)
	out := make(map[lackKey]int64, len(lacks))
	for i, l := range lacks {
		verdict := int64(tagLacking)
		if l.Wrong {
			verdict = tagWrong
		}
		out[lackKey{keys[tags[i]], arms[ids[i]]}] = verdict
	}
	return out, err
}

// tagCount is a row of tag_count.
type tagCount struct {
	by, name                                  string
	compliant, judged, unknown, exempt, micro int64
	known                                     bool // micro
}

// keepCounts replaces the counts of a tenant, and tells whether any differs.
func (v *Inventory) keepCounts(ctx context.Context, tx *sql.Tx, tenant int64, rows []inventory.TagRow, now time.Time) (bool, error) {
	found, err := v.db.txQuery(ctx, tx, "SELECT counted_by, name, compliant, judged, unknown, exempt, COALESCE(usd_micros, 0), CASE WHEN usd_micros IS NULL THEN 0 ELSE 1 END FROM tag_count WHERE tenant = ?", tenant)
	if err != nil {
		return false, err
	}
	list, err := scan(found, func(r *sql.Rows, c *tagCount) error {
		var known int
		err := r.Scan(&c.by, &c.name, &c.compliant, &c.judged, &c.unknown, &c.exempt, &c.micro, &known)
		c.known = known == 1
		return err
	})
	if err != nil {
		return false, err
	}
	held, want := map[tagCount]bool{}, map[tagCount]bool{}
	for _, c := range list {
		held[c] = true
	}
	for _, r := range rows {
		if !r.CostKnown {
			r.USD = 0
		}
		want[tagCount{string(r.By), clean(r.Name), int64(r.Compliant), int64(r.Judged), int64(r.Unknown), int64(r.Exempt), r.USD, r.CostKnown}] = true
	}
	if maps.Equal(held, want) {
		return false, nil
	}
	if _, err := v.db.txExec(ctx, tx, "DELETE FROM tag_count WHERE tenant = ?", tenant); err != nil {
		return false, err
	}
	for c := range want {
		if _, err := v.db.txExec(ctx, tx, "INSERT INTO tag_count (tenant, counted_by, name, compliant, judged, unknown, exempt, usd_micros, counted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			tenant, c.by, c.name, c.compliant, c.judged, c.unknown, c.exempt, sql.NullInt64{Int64: c.micro, Valid: c.known}, micros(now)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// keepLacks makes the tags that a tenant's resources lack those that were
// found, and tells whether any differed.
func (v *Inventory) keepLacks(ctx context.Context, tx *sql.Tx, tenant int64, want map[lackKey]int64) (bool, error) {
	rows, err := v.db.txQuery(ctx, tx, "SELECT tkey, arm, verdict FROM tag_missing WHERE tenant = ?", tenant)
	if err != nil {
		return false, err
	}
	type lack struct {
		lackKey
		verdict int64
	}
	list, err := scan(rows, func(r *sql.Rows, l *lack) error { return r.Scan(&l.tag, &l.arm, &l.verdict) })
	if err != nil {
		return false, err
	}
	changed := false
	for _, l := range list {
		if want[l.lackKey] == l.verdict {
			delete(want, l.lackKey)
			continue
		}
		changed = true
		if _, err := v.db.txExec(ctx, tx, "DELETE FROM tag_missing WHERE tkey = ? AND arm = ?", l.tag, l.arm); err != nil {
			return false, err
		}
	}
	for k, verdict := range want {
		changed = true
		if _, err := v.db.txExec(ctx, tx, "DELETE FROM tag_missing WHERE tkey = ? AND arm = ?", k.tag, k.arm); err != nil { // it was another tenant's
			return false, err
		}
		if _, err := v.db.txExec(ctx, tx, "INSERT INTO tag_missing (tkey, arm, tenant, verdict) VALUES (?, ?, ?, ?)", k.tag, k.arm, tenant, verdict); err != nil {
			return false, err
		}
	}
	return changed, nil
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
		var usd sql.NullInt64
		err := r.Scan(&v.Tenant, &v.By, &v.Name, &v.Compliant, &v.Judged, &v.Unknown, &v.Exempt, &usd)
		v.USD, v.CostKnown = usd.Int64, usd.Valid
		return err
	})
	return out, c.db.wrap(ctx, "tags", err)
}

// Lacks implements inventory.TagReader.
func (c *InventoryReader) Lacks(ctx context.Context, s fresnel.Scope, id string) ([]inventory.TagLack, error) {
	args := []any{clean(fresnel.ObjectKey(id))}
	rows, err := c.db.query(ctx, "SELECT a.name, k.name, m.verdict FROM tag_missing m JOIN arm_id a ON a.num = m.arm JOIN tag_key k ON k.num = m.tkey WHERE m.arm = (SELECT num FROM arm_id WHERE name = ?) AND "+
		c.db.visible("m.tenant", s, &args)+" ORDER BY k.name", args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "tags that are lacking", err)
	}
	out, err := scan(rows, func(r *sql.Rows, l *inventory.TagLack) error {
		var verdict int
		err := r.Scan(&l.Resource, &l.Tag, &verdict)
		l.Wrong = verdict == tagWrong
		return err
	})
	return out, c.db.wrap(ctx, "tags that are lacking", err)
}
