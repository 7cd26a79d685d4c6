package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"hash/fnv"
	"slices"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

// kinds and actors by the numbers that they are kept as.
var (
	changeKinds = []inventory.ChangeKind{"", inventory.Created, inventory.Updated, inventory.Deleted}
	actorKinds  = []inventory.ActorKind{"", inventory.ByPerson, inventory.ByApp, inventory.ByPlatform, inventory.ByUnknown}
)

// updatedKind is the number of Updated.
var updatedKind = int64(slices.Index(changeKinds, inventory.Updated))

// changeDetail is what changed, as it is kept.
type changeDetail struct {
	Values []inventory.ValueChange `json:"values,omitempty"`
	More   int                     `json:"more,omitempty"`
}

// late is how much later than a reading Resource Graph may still tell of what
// happened before it. Azure names five minutes.
const late = time.Hour

// ChangesSince implements inventory.ChangeSink.
func (v *Inventory) ChangesSince(ctx context.Context, t fresnel.TenantID, subscriptions []string) (time.Time, error) {
	var read, from int64
	err := v.db.queryRow(ctx, "SELECT COUNT(p.sub), COALESCE(MIN(p.asked_at), 0) FROM subscription s JOIN tenant t ON t.num = s.tenant LEFT JOIN change_read p ON p.sub = s.num WHERE t.id = ? AND s.id IN "+v.db.d.list(),
		string(t), jsonList(subscriptions)).Scan(&read, &from)
	if err != nil || int(read) < len(subscriptions) || from == 0 {
		return time.Time{}, v.db.wrap(ctx, "changes since", err)
	}
	return instant(from).Add(-late), nil
}

// ChangesRead implements inventory.ChangeSink.
func (v *Inventory) ChangesRead(ctx context.Context, t fresnel.TenantID, subscriptions []string, asked time.Time) error {
	return v.db.tx(ctx, "changes read", func(tx *sql.Tx) error {
		if err := v.db.guard(ctx, tx); err != nil {
			return err
		}
		tenant, err := v.db.Tenants().lock(ctx, tx, t)
		if err != nil {
			return err
		}
		of := "tenant = ? AND id IN " + v.db.d.list()
		if _, err := v.db.txExec(ctx, tx, "DELETE FROM change_read WHERE sub IN (SELECT num FROM subscription WHERE "+of+")", tenant, jsonList(subscriptions)); err != nil {
			return err
		}
		_, err = v.db.txExec(ctx, tx, "INSERT INTO change_read (sub, asked_at) SELECT num, CAST(? AS BIGINT) FROM subscription WHERE "+of, micros(asked), tenant, jsonList(subscriptions))
		return err
	})
}

// changeRow is a row of the history.
type changeRow struct {
	at, arm, ref, sub, rtype, group, kind, actor, after int64
	app                                                 string
	detail                                              changeDetail
}

// addChange writes a row unless it is there; it gives how many it wrote.
func (v *Inventory) addChange(ctx context.Context, tx *sql.Tx, tenant int64, r changeRow) (int64, error) {
	detail, err := json.Marshal(r.detail)
	if err != nil {
		return 0, err
	}
	cols := []string{"tenant", "at", "arm", "ref", "sub", "rtype", "rgroup", "kind", "actor", "app", "after_at", "detail"}
	res, err := v.db.txExec(ctx, tx, v.db.d.insertAbsent("resource_change", cols), tenant, r.at, r.arm, r.ref, r.sub, r.rtype, r.group, r.kind, r.actor, r.app, r.after, string(detail))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// PutChanges implements inventory.ChangeSink.
func (v *Inventory) PutChanges(ctx context.Context, t fresnel.TenantID, list []inventory.Change, _ time.Time) (int, error) {
	rows, err := v.numberChanges(ctx, list)
	if err != nil {
		return 0, err
	}
	var written int
	var g int64
	err = v.db.tx(ctx, "put changes", func(tx *sql.Tx) error {
		written, g = 0, 0
		if err := v.db.guard(ctx, tx); err != nil {
			return err
		}
		tenant, err := v.db.Tenants().lock(ctx, tx, t)
		if err != nil {
			return err
		}
		subs := map[string]int64{}
		for i := range rows {
			id := list[i].Subscription
			if _, ok := subs[id]; !ok {
				var num int64
				err := v.db.txQueryRow(ctx, tx, "SELECT num FROM subscription WHERE id = ? AND tenant = ?", clean(id), tenant).Scan(&num)
				if err != nil && err != sql.ErrNoRows {
					return err
				}
				subs[id] = num
			}
			if rows[i].sub = subs[id]; rows[i].sub == 0 {
				continue // of a subscription that is not the tenant's
			}
			n, err := v.addChange(ctx, tx, tenant, rows[i])
			if err != nil {
				return err
			}
			if n > 0 { // what only we saw is told better now; that it came or went, only by the same
				if _, err := v.db.txExec(ctx, tx, "DELETE FROM resource_change WHERE arm = ? AND after_at > 0 AND after_at < ? AND at >= ? AND kind IN (?, ?)", rows[i].arm, rows[i].at, rows[i].at, rows[i].kind, updatedKind); err != nil {
					return err
				}
			}
			written += int(n)
		}
		if written > 0 {
			g, err = v.db.raise(ctx, tx)
		}
		return err
	})
	if err == nil {
		v.db.seen(g)
	}
	return written, err
}

func (v *Inventory) numberChanges(ctx context.Context, list []inventory.Change) ([]changeRow, error) {
	rows := make([]changeRow, len(list))
	var ids, types, groups []string
	for i := range list {
		c := &list[i]
		ids, types, groups = append(ids, clean(c.Key())), append(types, clean(c.Type)), append(groups, clean(c.Group))
		h := fnv.New64a()
		_, _ = h.Write([]byte(c.Ref)) // a hash does not fail
		rows[i] = changeRow{
			at: micros(c.At), ref: int64(h.Sum64()), kind: int64(slices.Index(changeKinds, c.Kind)), actor: int64(slices.Index(actorKinds, c.Actor.Kind)),
			app: clean(c.Actor.App), detail: changeDetail{c.Values, c.More},
		}
	}
	arms, err := v.db.dims.resource.nums(ctx, ids)
	if err != nil {
		return nil, err
	}
	rtypes, err := v.db.dims.rtype.nums(ctx, types)
	if err != nil {
		return nil, err
	}
	rgroups, err := v.db.dims.group.nums(ctx, groups)
	for i := range rows {
		rows[i].arm, rows[i].rtype, rows[i].group = arms[ids[i]], rtypes[types[i]], rgroups[groups[i]]
	}
	return rows, err
}

// sighting is a change that a reading came upon.
type sighting struct {
	arm, rtype, group int64
	kind              inventory.ChangeKind
	values            []inventory.ValueChange
}

// history writes what a reading of a subscription came upon and Azure did not
// tell of. What the first reading finds is no change: it was there before.
func (v *Inventory) history(ctx context.Context, tx *sql.Tx, tenant, sub int64, list []sighting, now time.Time) error {
	if len(list) == 0 {
		return nil
	}
	var before int64
	err := v.db.txQueryRow(ctx, tx, "SELECT asked_at FROM resource_read WHERE sub = ?", sub).Scan(&before)
	if err == sql.ErrNoRows { //nolint:errorlint // Scan gives it unwrapped
		return nil
	}
	if err != nil {
		return err
	}
	nums := make([]int64, len(list))
	for i, s := range list {
		nums[i] = s.arm
	}
	arms, err := json.Marshal(nums)
	if err != nil {
		return err
	}
	rows, err := v.db.txQuery(ctx, tx, "SELECT DISTINCT arm, kind FROM resource_change WHERE after_at = 0 AND at > ? AND arm IN "+v.db.d.numbers(), before, string(arms))
	if err != nil {
		return err
	}
	type fact struct{ arm, kind int64 }
	facts, err := scan(rows, func(r *sql.Rows, f *fact) error { return r.Scan(&f.arm, &f.kind) })
	if err != nil {
		return err
	}
	for _, s := range list {
		// Azure told of it. That a resource came or went is told by nothing else:
		// one that came before what Azure tells of may have changed since.
		if slices.ContainsFunc(facts, func(f fact) bool {
			return f.arm == s.arm && (s.kind == inventory.Updated || changeKinds[f.kind] == s.kind)
		}) {
			continue
		}
		var c inventory.Change
		c.SetValues(s.values)
		row := changeRow{
			at: micros(now), arm: s.arm, sub: sub, rtype: s.rtype, group: s.group, kind: int64(slices.Index(changeKinds, s.kind)),
			actor: int64(slices.Index(actorKinds, inventory.ByUnknown)), after: before, detail: changeDetail{c.Values, c.More},
		}
		if _, err := v.addChange(ctx, tx, tenant, row); err != nil {
			return err
		}
	}
	return nil
}

// pruneBatch is how many resources are forgotten in one transaction.
const pruneBatch = 1000

// Prune removes what is older than the history is kept: changes, resources that
// are gone since then, and what only waited to become a finding.
func (v *Inventory) Prune(ctx context.Context, before time.Time) error {
	if _, err := v.db.exec(ctx, "prune changes", "DELETE FROM resource_change WHERE at < ?", micros(before)); err != nil {
		return err
	}
	if _, err := v.db.exec(ctx, "prune findings", "DELETE FROM finding WHERE rule LIKE 'pending:%' ESCAPE '~' AND resolved_at > 0 AND resolved_at < ?", micros(before)); err != nil {
		return err
	}
	for {
		rows, err := v.db.query(ctx, v.db.d.page("SELECT arm FROM resource WHERE gone_at > 0 AND gone_at < ? ORDER BY arm"), micros(before), pruneBatch)
		if err != nil {
			return v.db.wrap(ctx, "prune resources", err)
		}
		arms, err := scan(rows, func(r *sql.Rows, n *int64) error { return r.Scan(n) })
		if err != nil || len(arms) == 0 {
			return v.db.wrap(ctx, "prune resources", err)
		}
		if err := v.forget(ctx, arms, before); err != nil {
			return err
		}
	}
}

// forget removes resources, unless one of them came back meanwhile.
func (v *Inventory) forget(ctx context.Context, arms []int64, before time.Time) error {
	list, err := json.Marshal(arms)
	if err != nil {
		return err
	}
	return v.db.tx(ctx, "forget resources", func(tx *sql.Tx) error {
		// Their tenants' rows first, as every writer does.
		if _, err := v.db.txExec(ctx, tx, "UPDATE tenant SET writes = writes + 1 WHERE num IN (SELECT tenant FROM resource WHERE arm IN "+v.db.d.numbers()+")", string(list)); err != nil {
			return err
		}
		old := "SELECT arm FROM resource WHERE gone_at > 0 AND gone_at < ? AND arm IN " + v.db.d.numbers()
		for _, q := range []string{
			"DELETE FROM resource_doc WHERE arm IN (" + old + ")", v.db.d.forgetTexts("resource", "name", old),
			"DELETE FROM resource WHERE arm IN (" + old + ")",
		} {
			if q == "" {
				continue
			}
			if _, err := v.db.txExec(ctx, tx, q, micros(before), string(list)); err != nil {
				return err
			}
		}
		return nil
	})
}
