package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"

	"fresnel"
	"fresnel/internal/inventory"
)

// Changes implements inventory.ChangeReader, the newest first.
func (c *InventoryReader) Changes(ctx context.Context, s fresnel.Scope, q inventory.ChangeQuery) (inventory.ChangeList, error) {
	var out inventory.ChangeList
	where, args := c.changeFilter(s, q)
	n := 0
	if !q.Uncounted {
		var err error
		if n, err = c.countChanges(ctx, where, args); err != nil {
			return out, err
		}
	}
	out.Total, out.More = min(n, inventory.CountLimit), n > inventory.CountLimit
	if q.After != (inventory.ChangePlace{}) {
		where = append(where, "x.at <= ?", "(x.at < ? OR x.arm < ? OR (x.arm = ? AND x.ref < ?))")
		args = append(args, q.After.At, q.After.At, q.After.Arm, q.After.Arm, q.After.Ref)
	}
	// Rows are found first and named afterwards: names would be looked up for
	// all that are sorted.
	inner := c.db.d.page("SELECT x.* FROM resource_change x WHERE " + strings.Join(where, " AND ") + " ORDER BY x.at DESC, x.arm DESC, x.ref DESC")
	rows, err := c.db.query(ctx, "SELECT c.at, c.arm, c.ref, t.id, t.name, s.id, s.name, y.name, g.name, c.kind, c.actor, c.app, c.after_at, c.detail, a.name, COALESCE(d.doc, '') FROM ("+inner+") c "+
		"JOIN tenant t ON t.num = c.tenant JOIN subscription s ON s.num = c.sub JOIN resource_type y ON y.num = c.rtype JOIN resource_group g ON g.num = c.rgroup JOIN arm_id a ON a.num = c.arm "+
		"LEFT JOIN resource_doc d ON d.arm = c.arm ORDER BY c.at DESC, c.arm DESC, c.ref DESC", append(args, q.Limit+1)...)
	if err != nil {
		return out, c.db.wrap(ctx, "list changes", err)
	}
	type placed struct {
		inventory.Changed
		place inventory.ChangePlace
	}
	list, err := scan(rows, func(r *sql.Rows, v *placed) error {
		var err error
		v.Changed, v.place, err = scanChange(r)
		return err
	})
	if len(list) > q.Limit {
		list = list[:q.Limit]
		out.Next = list[q.Limit-1].place
	}
	for _, v := range list {
		out.Rows = append(out.Rows, v.Changed)
	}
	return out, c.db.wrap(ctx, "list changes", err)
}

func scanChange(r *sql.Rows) (v inventory.Changed, p inventory.ChangePlace, err error) {
	var kind, actor, after int64
	var detail, doc string
	err = r.Scan(&p.At, &p.Arm, &p.Ref, &v.Tenant, &v.TenantName, &v.Subscription, &v.SubscriptionName, &v.Type, &v.Group, &kind, &actor, &v.Actor.App, &after, &detail, &v.ID, &doc)
	if err != nil {
		return v, p, err
	}
	v.At, v.Since, v.Kind, v.Actor.Kind = instant(p.At), instant(after), changeKinds[kind], actorKinds[actor]
	v.Name = v.ID[strings.LastIndexByte(v.ID, '/')+1:]
	if v.Held = doc != ""; v.Held {
		var d struct{ ID, Name string }
		if err := json.Unmarshal([]byte(doc), &d); err != nil {
			return v, p, err
		}
		v.ID, v.Name = d.ID, d.Name
	}
	var d changeDetail
	err = json.Unmarshal([]byte(detail), &d)
	v.Values, v.More = d.Values, d.More
	return v, p, err
}

func (c *InventoryReader) changeFilter(s fresnel.Scope, q inventory.ChangeQuery) (where []string, args []any) {
	where = append(where, c.db.visible("x.tenant", s, &args))
	numbers := func(col string, among []int64) {
		list, _ := json.Marshal(among) // numbers always marshal
		where, args = append(where, col+" IN "+c.db.d.numbers()), append(args, string(list))
	}
	if q.Resource != "" {
		where, args = append(where, "x.arm = (SELECT num FROM arm_id WHERE name = ?)"), append(args, clean(fresnel.ObjectKey(q.Resource)))
	}
	if len(q.Subscriptions) > 0 {
		where, args = append(where, "x.sub IN (SELECT num FROM subscription WHERE id IN "+c.db.d.list()+")"), append(args, jsonList(lower(q.Subscriptions)))
	}
	if len(q.Types) > 0 {
		where, args = append(where, "x.rtype IN (SELECT num FROM resource_type WHERE name IN "+c.db.d.list()+")"), append(args, jsonList(lower(q.Types)))
	}
	if len(q.Kinds) > 0 {
		var nums []int64
		for _, k := range q.Kinds {
			nums = append(nums, int64(slices.Index(changeKinds, k)))
		}
		numbers("x.kind", nums)
	}
	if len(q.Actors) > 0 {
		var nums []int64
		for _, k := range q.Actors {
			nums = append(nums, int64(slices.Index(actorKinds, k)))
		}
		numbers("x.actor", nums)
	}
	if q.Period.Days() > 0 {
		where, args = append(where, "x.at >= ?", "x.at < ?"), append(args, micros(q.Period.From.Time()), micros(q.Period.To.Time()))
	}
	return where, args
}

// countChanges counts up to one more than the limit.
func (c *InventoryReader) countChanges(ctx context.Context, where []string, args []any) (int, error) {
	var n int
	err := c.db.queryRow(ctx, "SELECT COUNT(*) FROM ("+c.db.d.page("SELECT x.at FROM resource_change x WHERE "+strings.Join(where, " AND ")+" ORDER BY x.at DESC")+") z",
		append(slices.Clone(args), inventory.CountLimit+1)...).Scan(&n)
	return n, c.db.wrap(ctx, "count changes", err)
}
