package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// countRow is what an item counts in a subscription.
type countRow struct {
	kind, item, from                              int64
	compliant, failing, conflict, exempt, unknown int64
	points, most                                  int64
}

func (r countRow) same(o countRow) bool {
	r.from, o.from = 0, 0
	return r == o
}

// values are the counts in the order of the tables' columns.
func (r countRow) values() []int64 {
	return []int64{r.compliant, r.failing, r.conflict, r.exempt, r.unknown, r.points, r.most}
}

const countColumns = "compliant, non_compliant, conflict, exempt, unknown, points, most"

// itemRow is what is known of an item by its key.
type itemRow struct {
	kind, assignment, policy                   int64
	id, name, category, effect, reference, key string
}

// numberCounts numbers items, and gives them by number.
func (c *Compliance) numberCounts(ctx context.Context, t fresnel.TenantID, list []compliance.Counted) ([]countRow, map[int64]itemRow, error) {
	var texts []string
	for _, x := range list {
		texts = append(texts, keyText(t, x.Key))
		if x.Key.Kind == compliance.KindCheck {
			texts = append(texts, keyText(t, x.Key.In()), keyText(t, x.Key.Of()))
		}
	}
	nums, err := c.db.dims.complianceKey.nums(ctx, texts)
	if err != nil {
		return nil, nil, err
	}
	rows := make([]countRow, len(list))
	items := make(map[int64]itemRow, len(list))
	for i, x := range list {
		n := x.Counts
		num := nums[keyText(t, x.Key)]
		rows[i] = countRow{
			kind: int64(x.Key.Kind), item: num, compliant: int64(n.Compliant), failing: int64(n.NonCompliant),
			conflict: int64(n.Conflict), exempt: int64(n.Exempt), unknown: int64(n.Unknown),
		}
		it := itemRow{kind: int64(x.Key.Kind), effect: x.Effect, reference: x.Key.Reference, id: x.Key.Definition}
		switch x.Key.Kind { //nolint:exhaustive // the others have a definition
		case compliance.KindAssignment:
			it.id = x.Key.Assignment
		case compliance.KindCheck:
			it.assignment, it.policy = nums[keyText(t, x.Key.In())], nums[keyText(t, x.Key.Of())]
		}
		items[num] = it
	}
	return rows, items, nil
}

// keyText is a key as it is numbered. What management groups have is a tenant's
// own: the same names are in many tenants.
func keyText(t fresnel.TenantID, k compliance.Key) string {
	text := k.Text()
	if strings.Contains(text, "/managementgroups/") {
		text += "|" + string(t)
	}
	return clean(fresnel.ObjectKey(text))
}

const itemColumns = "tenant, num, kind, assignment, policy, definition, id, name, category, effect, scope, about, reference, more, created_at, expires_at, first_seen, told_at, gone_at"

// known makes rows for items that have none, and sets what counting tells of
// those that have: the effect of a check, the name of a control.
func (c *Compliance) known(ctx context.Context, tx *sql.Tx, tenant int64, items map[int64]itemRow, at time.Time) error {
	type held struct {
		num, gone              int64
		name, category, effect string
	}
	rows, err := c.db.txQuery(ctx, tx, "SELECT num, gone_at, name, category, effect FROM compliance_item WHERE tenant = ? AND num IN "+c.db.d.numbers(), tenant, jsonNumbers(slices.Sorted(maps.Keys(items))))
	if err != nil {
		return err
	}
	list, err := scan(rows, func(r *sql.Rows, v *held) error { return r.Scan(&v.num, &v.gone, &v.name, &v.category, &v.effect) })
	if err != nil {
		return err
	}
	have := make(map[int64]held, len(list))
	for _, h := range list {
		have[h.num] = h
	}
	insert := c.db.d.insertAbsent("compliance_item", strings.Split(itemColumns, ", "))
	changed := false
	effects := map[int64]bool{} // policies whose effects may have changed
	for _, num := range slices.Sorted(maps.Keys(items)) {
		it := items[num]
		h, ok := have[num]
		kind := compliance.Kind(it.kind)
		named := kind == compliance.KindControl || kind == compliance.KindStandardControl
		switch {
		case !ok:
			_, err = c.db.txExec(ctx, tx, insert, tenant, num, it.kind, it.assignment, it.policy, 0, clip(it.id), clip(it.name), clip(it.category), clean(it.effect), "", "", clean(it.reference), "{}",
				0, 0, micros(at), 0, 0)
		case kind == compliance.KindCheck && (h.effect != it.effect || h.gone != 0):
			_, err = c.db.txExec(ctx, tx, "UPDATE compliance_item SET effect = ?, gone_at = 0 WHERE tenant = ? AND num = ?", clean(it.effect), tenant, num)
		case named && (h.name != clip(it.name) || h.category != clip(it.category)):
			_, err = c.db.txExec(ctx, tx, "UPDATE compliance_item SET name = ?, category = ? WHERE tenant = ? AND num = ?", clip(it.name), clip(it.category), tenant, num)
		case h.gone != 0:
			_, err = c.db.txExec(ctx, tx, "UPDATE compliance_item SET gone_at = 0 WHERE tenant = ? AND num = ?", tenant, num)
		default:
			continue
		}
		if err != nil {
			return err
		}
		changed = true
		if kind == compliance.KindCheck {
			effects[it.policy] = true
		}
	}
	if !changed {
		return nil
	}
	if err := c.keepEffects(ctx, tx, tenant, effects); err != nil {
		return err
	}
	return c.renamed(ctx, tx, tenant)
}

// keepEffects sets the effects of policies: those of their checks.
func (c *Compliance) keepEffects(ctx context.Context, tx *sql.Tx, tenant int64, policies map[int64]bool) error {
	for _, p := range slices.Sorted(maps.Keys(policies)) {
		rows, err := c.db.txQuery(ctx, tx, "SELECT DISTINCT effect FROM compliance_item WHERE policy = ? AND tenant = ? AND effect <> '' AND gone_at = 0 ORDER BY effect", p, tenant)
		if err != nil {
			return err
		}
		list, err := scan(rows, func(r *sql.Rows, v *string) error { return r.Scan(v) })
		if err != nil {
			return err
		}
		if _, err := c.db.txExec(ctx, tx, "UPDATE compliance_item SET effect = ? WHERE tenant = ? AND num = ?", strings.Join(list, ","), tenant, p); err != nil {
			return err
		}
	}
	return nil
}

// unused marks checks that count nothing any more as gone, and takes their
// effects from their policies.
func (c *Compliance) unused(ctx context.Context, tx *sql.Tx, tenant int64, at time.Time) error {
	type check struct{ num, policy int64 }
	rows, err := c.db.txQuery(ctx, tx, "SELECT i.num, i.policy FROM compliance_item i WHERE i.tenant = ? AND i.kind = ? AND i.gone_at = 0 "+
		"AND NOT EXISTS (SELECT 1 FROM compliance_sum x WHERE x.tenant = i.tenant AND x.kind = i.kind AND x.item = i.num AND x.subs > 0)", tenant, int64(compliance.KindCheck))
	if err != nil {
		return err
	}
	list, err := scan(rows, func(r *sql.Rows, v *check) error { return r.Scan(&v.num, &v.policy) })
	if err != nil || len(list) == 0 {
		return err
	}
	var nums []int64
	policies := map[int64]bool{}
	for _, v := range list {
		nums, policies[v.policy] = append(nums, v.num), true
	}
	if _, err := c.db.txExec(ctx, tx, "UPDATE compliance_item SET gone_at = ? WHERE tenant = ? AND num IN "+c.db.d.numbers(), micros(at), tenant, jsonNumbers(nums)); err != nil {
		return err
	}
	if err := c.keepEffects(ctx, tx, tenant, policies); err != nil {
		return err
	}
	return c.renamed(ctx, tx, tenant)
}

// putCounts replaces the counts of some kinds in a subscription: what is not
// the same goes into the past, and the sums follow.
func (c *Compliance) putCounts(ctx context.Context, tx *sql.Tx, p place2, kinds []compliance.Kind, list []countRow, at time.Time) (int, error) {
	today := int64(fresnel.DayOf(at))
	nums := make([]int64, len(kinds))
	for i, k := range kinds {
		nums[i] = int64(k)
	}
	rows, err := c.db.txQuery(ctx, tx, "SELECT kind, item, from_day, "+countColumns+" FROM compliance_count WHERE sub = ? AND kind IN "+c.db.d.numbers(), p.sub, jsonNumbers(nums))
	if err != nil {
		return 0, err
	}
	held, err := scan(rows, func(r *sql.Rows, v *countRow) error {
		return r.Scan(&v.kind, &v.item, &v.from, &v.compliant, &v.failing, &v.conflict, &v.exempt, &v.unknown, &v.points, &v.most)
	})
	if err != nil {
		return 0, err
	}
	type key struct{ kind, item int64 }
	old := make(map[key]countRow, len(held))
	for _, h := range held {
		old[key{h.kind, h.item}] = h
		today = max(today, h.from) // another machine's clock may be ahead
	}
	var gone, past, fresh []countRow
	sums := map[key][]int64{} // the changes of the values, then of subs
	change := func(r countRow, by int64) {
		k := key{r.kind, r.item}
		if sums[k] == nil {
			sums[k] = make([]int64, 8)
		}
		for i, v := range append(r.values(), 1) {
			sums[k][i] += by * v
		}
	}
	drop := func(h countRow) {
		gone = append(gone, h)
		change(h, -1)
		if h.from < today { // what held for a part of today only was never a day's snapshot
			past = append(past, h)
		}
	}
	for _, r := range list {
		k := key{r.kind, r.item}
		h, ok := old[k]
		delete(old, k)
		if ok && h.same(r) {
			continue
		}
		if ok {
			drop(h)
		}
		r.from = today
		fresh = append(fresh, r)
		change(r, 1)
	}
	for _, h := range old {
		drop(h)
	}
	exec := func(q string, args ...any) error {
		_, err := c.db.txExec(ctx, tx, q, args...)
		return err
	}
	for _, h := range gone {
		if err := exec("DELETE FROM compliance_count WHERE tenant = ? AND kind = ? AND item = ? AND sub = ?", p.tenant, h.kind, h.item, p.sub); err != nil {
			return 0, err
		}
	}
	if err := c.insertCounts(exec, "compliance_past", p, past, today); err != nil {
		return 0, err
	}
	if err := c.insertCounts(exec, "compliance_count", p, fresh, 0); err != nil {
		return 0, err
	}
	var cols [][]int64
	for k, v := range sums {
		cols = append(cols, append([]int64{p.tenant, k.kind, k.item}, v...))
	}
	if err := insertRows(c.db, exec, "compliance_sum", "tenant, kind, item, "+countColumns+", subs", 3, cols); err != nil {
		return 0, err
	}
	return len(fresh) + len(gone), nil
}

func (c *Compliance) insertCounts(exec func(string, ...any) error, table string, p place2, list []countRow, until int64) error {
	cols := "tenant, kind, item, sub, from_day, " + countColumns
	if until != 0 {
		cols = "tenant, kind, item, sub, from_day, to_day, " + countColumns
	}
	var rows [][]int64
	for _, r := range list {
		row := []int64{p.tenant, r.kind, r.item, p.sub, r.from}
		if until != 0 {
			row = append(row, until)
		}
		rows = append(rows, append(row, r.values()...))
	}
	return insertRows(c.db, exec, table, cols, 0, rows)
}

// insertRows inserts rows of integers in the order of their keys, or adds to
// those that are there: see dialect.insertInts.
func insertRows(db *DB, exec func(string, ...any) error, table, cols string, keys int, rows [][]int64) error {
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(rows, slices.Compare[[]int64])
	values := make([][]int64, len(rows[0]))
	for _, row := range rows {
		for i, v := range row {
			values[i] = append(values[i], v)
		}
	}
	return db.d.insertInts(exec, table, strings.Split(cols, ", "), keys, values)
}
