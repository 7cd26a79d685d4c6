package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// toldRow is what is held of an item.
type toldRow struct {
	num                                            int64
	kind                                           compliance.Kind
	assignment, definition                         int64
	id, name, category, effect, scope, about, more string
	created, expires, gone                         int64
	told                                           int64
}

func (r toldRow) same(o toldRow) bool {
	o.effect, o.told = r.effect, r.told // of a policy its checks tell the effect
	return r == o
}

// PutTold implements compliance.Sink.
func (c *Compliance) PutTold(ctx context.Context, t fresnel.TenantID, list []compliance.Told, scopes []string, at time.Time) (int, error) {
	rows, err := c.numberTold(ctx, t, list)
	if err != nil {
		return 0, err
	}
	var written int
	var g int64
	err = c.db.tx(ctx, "put names", func(tx *sql.Tx) error {
		written, g = 0, 0
		if err := c.db.guard(ctx, tx); err != nil {
			return err
		}
		tenant, err := c.db.Tenants().lock(ctx, tx, t)
		if err != nil {
			return err
		}
		if written, err = c.putTold(ctx, tx, tenant, rows, at); err != nil {
			return err
		}
		gone, err := c.notTold(ctx, tx, tenant, rows, scopes, at)
		if err != nil {
			return err
		}
		if written += gone; written == 0 {
			return nil
		}
		if err := c.renamed(ctx, tx, tenant); err != nil {
			return err
		}
		g, err = c.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		c.db.seen(g)
	}
	return written, err
}

func (c *Compliance) numberTold(ctx context.Context, tenant fresnel.TenantID, list []compliance.Told) ([]toldRow, error) {
	var texts []string
	about := func(t *compliance.Told) (assignment, definition compliance.Key) {
		switch t.Kind { //nolint:exhaustive // the others are about nothing
		case compliance.KindAssignment:
			kind := compliance.KindPolicy
			if strings.Contains(t.About, "/policysetdefinitions/") {
				kind = compliance.KindSet
			}
			definition = compliance.Key{Kind: kind, Definition: t.About}
		case compliance.KindExemption:
			assignment = compliance.Key{Kind: compliance.KindAssignment, Assignment: t.About}
		}
		return assignment, definition
	}
	for i := range list {
		a, d := about(&list[i])
		for _, k := range []compliance.Key{list[i].Key, a, d} {
			if k.Kind != 0 {
				texts = append(texts, keyText(tenant, k))
			}
		}
	}
	nums, err := c.db.dims.complianceKey.nums(ctx, texts)
	if err != nil {
		return nil, err
	}
	rows := make([]toldRow, len(list))
	for i := range list {
		t := &list[i]
		more, err := json.Marshal(t.More)
		if err != nil {
			return nil, err
		}
		a, d := about(t)
		rows[i] = toldRow{
			num: nums[keyText(tenant, t.Key)], kind: t.Kind, assignment: nums[keyText(tenant, a)], definition: nums[keyText(tenant, d)], id: clip(t.ID), name: clip(t.Name), category: clip(t.Category),
			scope: clip(t.Scope), about: clip(t.About), more: strings.ReplaceAll(string(more), `\u0000`, `\ufffd`), created: micros(t.Created), expires: micros(t.Expires),
		}
	}
	return rows, nil
}

func (c *Compliance) putTold(ctx context.Context, tx *sql.Tx, tenant int64, rows []toldRow, at time.Time) (int, error) {
	nums := make([]int64, len(rows))
	for i, r := range rows {
		nums[i] = r.num
	}
	found, err := c.db.txQuery(ctx, tx, "SELECT num, kind, assignment, definition, id, name, category, effect, scope, about, more, created_at, expires_at, gone_at, told_at FROM compliance_item WHERE tenant = ? AND num IN "+c.db.d.numbers(),
		tenant, jsonNumbers(nums))
	if err != nil {
		return 0, err
	}
	held, err := scan(found, func(r *sql.Rows, v *toldRow) error {
		return r.Scan(&v.num, &v.kind, &v.assignment, &v.definition, &v.id, &v.name, &v.category, &v.effect, &v.scope, &v.about, &v.more, &v.created, &v.expires, &v.gone, &v.told)
	})
	if err != nil {
		return 0, err
	}
	old := make(map[int64]toldRow, len(held))
	for _, h := range held {
		old[h.num] = h
	}
	written := 0
	insert := c.db.d.insertAbsent("compliance_item", strings.Split(itemColumns, ", "))
	for _, r := range rows {
		h, ok := old[r.num]
		switch {
		case !ok:
			_, err = c.db.txExec(ctx, tx, insert, tenant, r.num, int64(r.kind), r.assignment, 0, r.definition, r.id, r.name, r.category, "", r.scope, r.about, "", r.more, r.created, r.expires, micros(at), micros(at), 0)
		case h.same(r):
			// When Azure last told of it is noted seldom: it decides only when a
			// definition is asked for again.
			if at.Sub(instant(h.told)) > 24*time.Hour {
				_, err = c.db.txExec(ctx, tx, "UPDATE compliance_item SET told_at = ? WHERE tenant = ? AND num = ?", micros(at), tenant, r.num)
			}
			if err != nil {
				return 0, err
			}
			continue
		default:
			_, err = c.db.txExec(ctx, tx, "UPDATE compliance_item SET assignment = ?, definition = ?, id = ?, name = ?, category = ?, scope = ?, about = ?, more = ?, created_at = ?, expires_at = ?, told_at = ?, gone_at = 0 WHERE tenant = ? AND num = ?",
				r.assignment, r.definition, r.id, r.name, r.category, r.scope, r.about, r.more, r.created, r.expires, micros(at), tenant, r.num)
		}
		if err != nil {
			return 0, err
		}
		written++
	}
	return written, nil
}

// notTold marks assignments and exemptions of scopes that were not told any
// more as gone. What still counts is there: Azure hides names, and it judges on
// for a while.
func (c *Compliance) notTold(ctx context.Context, tx *sql.Tx, tenant int64, rows []toldRow, scopes []string, at time.Time) (int, error) {
	if len(scopes) == 0 {
		return 0, nil
	}
	type held struct {
		num   int64
		scope string
	}
	found, err := c.db.txQuery(ctx, tx, "SELECT i.num, i.scope FROM compliance_item i WHERE i.tenant = ? AND i.gone_at = 0 AND i.kind IN "+c.db.d.numbers()+
		" AND NOT EXISTS (SELECT 1 FROM compliance_sum x WHERE x.tenant = i.tenant AND x.kind = i.kind AND x.item = i.num AND x.subs > 0)",
		tenant, jsonNumbers([]int64{int64(compliance.KindAssignment), int64(compliance.KindExemption)}))
	if err != nil {
		return 0, err
	}
	list, err := scan(found, func(r *sql.Rows, v *held) error { return r.Scan(&v.num, &v.scope) })
	if err != nil {
		return 0, err
	}
	told := make(map[int64]bool, len(rows))
	for _, r := range rows {
		told[r.num] = true
	}
	var gone []int64
	for _, h := range list {
		within := func(scope string) bool {
			return h.scope == scope || strings.HasPrefix(h.scope, strings.TrimSuffix(scope, "/")+"/")
		}
		if !told[h.num] && slices.ContainsFunc(scopes, within) {
			gone = append(gone, h.num)
		}
	}
	if len(gone) > 0 {
		_, err = c.db.txExec(ctx, tx, "UPDATE compliance_item SET gone_at = ? WHERE tenant = ? AND num IN "+c.db.d.numbers(), micros(at), tenant, jsonNumbers(gone))
	}
	return len(gone), err
}

// Unnamed implements compliance.Sink.
func (c *Compliance) Unnamed(ctx context.Context, t fresnel.TenantID, since time.Time) ([]string, error) {
	// Definitions that count, and what assignments assign: an initiative has no counts of its own.
	rows, err := c.db.query(ctx, "SELECT i.id FROM compliance_item i JOIN tenant t ON t.num = i.tenant WHERE t.id = ? AND i.kind = ? AND i.told_at < ? AND i.gone_at = 0 "+
		"UNION SELECT a.about FROM compliance_item a JOIN tenant t ON t.num = a.tenant LEFT JOIN compliance_item d ON d.tenant = a.tenant AND d.num = a.definition "+
		"WHERE t.id = ? AND a.kind = ? AND a.gone_at = 0 AND a.about <> '' AND COALESCE(d.told_at, 0) < ?",
		string(t), int64(compliance.KindPolicy), micros(since), string(t), int64(compliance.KindAssignment), micros(since))
	if err != nil {
		return nil, c.db.wrap(ctx, "unnamed policies", err)
	}
	list, err := scan(rows, func(r *sql.Rows, v *string) error { return r.Scan(v) })
	for i := range list {
		list[i] = strings.ToLower(list[i])
	}
	slices.Sort(list)
	return slices.Compact(list), c.db.wrap(ctx, "unnamed policies", err)
}

// SetBaseline implements compliance.Writer.
func (c *Compliance) SetBaseline(ctx context.Context, tenants []fresnel.TenantID, b compliance.Baseline, now time.Time) error {
	return c.said(ctx, "set baseline", func(tx *sql.Tx) error {
		for _, t := range tenants {
			tenant, err := c.db.Tenants().lock(ctx, tx, t)
			if err != nil {
				return err
			}
			name := clean(strings.ToLower(b.Name))
			if _, err := c.db.txExec(ctx, tx, "DELETE FROM compliance_baseline WHERE tenant = ? AND name = ?", tenant, name); err != nil {
				return err
			}
			if _, err := c.db.txExec(ctx, tx, "INSERT INTO compliance_baseline (tenant, name, title, day, note, created_at) VALUES (?, ?, ?, ?, ?, ?)", tenant, name, clean(b.Name), int64(b.Day), clip(b.Note), micros(now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// DropBaseline implements compliance.Writer.
func (c *Compliance) DropBaseline(ctx context.Context, s fresnel.Scope, name string) error {
	return c.said(ctx, "drop baseline", func(tx *sql.Tx) error {
		args := []any{clean(strings.ToLower(name))}
		res, err := c.db.txExec(ctx, tx, "DELETE FROM compliance_baseline WHERE name = ? AND "+c.db.visible("tenant", s, &args), args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return fresnel.Errorf(fresnel.NotFound, "there is no baseline %.80q", name)
	})
}

// said runs what people say in a transaction that makes answers stale.
func (c *Compliance) said(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	var g int64
	err := c.db.tx(ctx, what, func(tx *sql.Tx) error {
		err := f(tx)
		if err == nil {
			g, err = c.db.raise(ctx, tx)
		}
		return err
	})
	if err == nil {
		c.db.seen(g)
	}
	return err
}
