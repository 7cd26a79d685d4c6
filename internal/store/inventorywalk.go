package store

import (
	"context"
	"slices"
	"strings"

	"fresnel/internal/inventory"
)

// source is something asked for that has rows of its own to walk.
type source struct {
	n     int    // how many, at most one more than the limit
	exact bool   // n is the total where nothing else is asked for
	from  string // with resource r
	args  []any
	cond  string // joins r to the rest of from
	alone bool   // from says all that places and tenants narrow to
}

// choose finds the way.
func (k *walk) choose(ctx context.Context) error {
	k.total = -1
	if k.q.Gone { // in no count, and few
		k.from = "resource r" + k.db.d.by("ix_resource_gone")
		k.and("r.gone_at > 0")
		k.narrow("r")
		return nil
	}
	list, err := k.sources(ctx)
	if err != nil {
		return err
	}
	rarest := slices.MinFunc(list, func(a, b source) int { return a.n - b.n })
	if last := list[len(list)-1]; last.exact && len(list) == 1+k.others() && (len(list) == 1 || len(list) == 2 && len(k.q.Subscriptions)+len(k.q.Types)+len(k.q.Locations) == 0) {
		k.total = last.n
	}
	switch last := list[len(list)-1]; {
	case k.q.Wasted && k.few >= 0 && (rarest.n > k.few || rarest.n == last.n):
		rarest = last // of no other index is it known what is wasted
	case rarest.n > k.few:
		k.inOrder()
		return nil
	}
	k.from, k.args = rarest.from, rarest.args
	k.and(rarest.cond)
	k.and("r.gone_at = 0")
	if rarest.alone {
		k.narrow("c")
	} else {
		k.narrow("r")
	}
	return nil
}

// others is how many filters there are that are not of places.
func (k *walk) others() (n int) {
	for _, asked := range []bool{len(k.q.Groups) > 0, k.q.TagKey != "", k.q.Missing != "", k.q.Text != "", k.q.Wasted} {
		n += b01(asked)
	}
	return n
}

// sources measures all that is asked for: the places first, then each of the
// others.
func (k *walk) sources(ctx context.Context) ([]source, error) {
	var out []source
	for _, one := range []struct {
		asked bool
		size  func(context.Context) (source, error)
	}{{true, k.places}, {len(k.q.Groups) > 0, k.groups}, {k.q.TagKey != "", k.sets}, {k.q.Missing != "", k.lacking}, {k.q.Text != "", k.names}, {k.q.Wasted, k.wasted}} {
		if !one.asked {
			continue
		}
		s, err := one.size(ctx)
		if err != nil {
			return nil, err
		}
		if s.from != "" {
			out = append(out, s)
		}
	}
	return out, nil
}

// places counts by tenant, subscription, type and location.
func (k *walk) places(ctx context.Context) (source, error) {
	w := walk{db: k.db, s: k.s, q: k.q}
	w.placed("c")
	n, err := k.db.sum(ctx, "SELECT c.n FROM resource_count c WHERE c.n > 0 AND "+strings.Join(w.where, " AND "), w.args)
	return source{
		n: n, exact: true, alone: true, from: "resource_count c CROSS JOIN resource r" + k.db.d.by("ix_resource_place"),
		cond: "c.n > 0 AND r.sub = c.sub AND r.rtype = c.rtype AND r.location = c.location AND r.tenant = c.tenant",
	}, err
}

// groups counts by resource group.
func (k *walk) groups(ctx context.Context) (source, error) {
	w := walk{db: k.db}
	w.and("f.kind = ?", facetGroup)
	w.one("f.num", "resource_group", k.q.Groups)
	seen := k.db.visible("f.tenant", k.s, &w.args)
	n, err := k.db.sum(ctx, "SELECT f.n FROM resource_facet f WHERE "+w.where[0]+" AND "+w.where[1]+" AND "+seen, w.args)
	return source{n: n, exact: true, from: "resource r" + k.db.d.by("ix_resource_group")}, err
}

// mostSets is how many sets are rather held than looked up for each row.
const mostSets = 5000

// sets counts by the tags that resources have together. Of a key there is one
// value in a set, but for keys that differ only in their case: such a set must
// not count twice.
func (k *walk) sets(ctx context.Context) (source, error) {
	cond, args := k.tag()
	cond += " AND " + k.db.visible("g.tenant", k.s, &args)
	if k.q.TagValue == nil {
		cond += " AND NOT EXISTS (SELECT 1 FROM resource_tag b WHERE b.tkey = g.tkey AND b.tenant = g.tenant AND b.tset = g.tset AND b.tvalue < g.tvalue)"
	}
	n, err := k.db.sum(ctx, "SELECT t.n FROM resource_tag g CROSS JOIN tag_set t WHERE t.num = g.tset AND "+cond, args)
	if err == nil && n > k.few {
		held := 0
		all, more := k.tag()
		held, err = k.db.upTo(ctx, mostSets, "SELECT g.tset FROM resource_tag g WHERE "+all, more)
		k.hashed = held <= mostSets
	}
	return source{
		n: n, exact: true, from: "(SELECT g.tset AS tset FROM resource_tag g WHERE " + cond + ") g CROSS JOIN resource r" + k.db.d.by("ix_resource_set"),
		args: args, cond: "r.tset = g.tset",
	}, err
}

// lacking counts by tags that are required and lacking.
func (k *walk) lacking(ctx context.Context) (source, error) {
	w := walk{db: k.db, q: k.q}
	q := "SELECT DISTINCT m.arm AS arm FROM tag_missing m WHERE " + k.db.visible("m.tenant", k.s, &w.args)
	if cond, args := k.lacks(); cond != "" {
		q, w.args = q+" AND "+cond, append(w.args, args...)
	}
	n, err := k.db.upTo(ctx, inventory.CountLimit, q, w.args)
	return source{n: n, from: "(" + q + ") m CROSS JOIN resource r", args: w.args, cond: "r.arm = m.arm"}, err
}

// names counts by a part of the name, where the engine has an index of them.
func (k *walk) names(ctx context.Context) (source, error) {
	hits, arg := k.db.d.contains("resource", "name", k.text())
	if hits == "" {
		return source{}, nil
	}
	n, err := k.db.upTo(ctx, inventory.CountLimit, hits, []any{arg})
	return source{n: n, from: "(" + hits + ") h CROSS JOIN resource r", args: []any{arg}, cond: "r.arm = h.arm"}, err
}

// wasted counts what rules found something of. Its index is in the order of
// names.
func (k *walk) wasted(ctx context.Context) (source, error) {
	index := "ix_resource_wasted"
	if !k.s.All() && len(k.s.IDs()) == 1 {
		index = "ix_resource_wasted_tenant"
	}
	w := walk{db: k.db, s: k.s, from: "resource r" + k.db.d.by(index)}
	w.and("r.gone_at = 0 AND r.wasted = 1")
	w.placed("r")
	n, err := w.upTo(ctx)
	return source{n: n, exact: true, from: w.from}, err
}

// inOrder walks through rows in the order of the list.
func (k *walk) inOrder() {
	tenant := !k.s.All() && len(k.s.IDs()) == 1
	index := "ix_resource_name"
	switch {
	case k.q.Sort == inventory.SortFirst && tenant:
		index = "ix_resource_first_tenant"
	case k.q.Sort == inventory.SortFirst:
		index = "ix_resource_first"
	case k.q.Sort == inventory.SortChanged && tenant:
		index = "ix_resource_changed_tenant"
	case k.q.Sort == inventory.SortChanged:
		index = "ix_resource_changed"
	case k.q.Sort == inventory.SortType:
		index = "ix_resource_type"
	case len(k.q.Groups) == 1:
		index = "ix_resource_group"
	case len(k.q.Types) == 1:
		index = "ix_resource_type"
	case tenant:
		index = "ix_resource_tenant"
	}
	k.from, k.ordered = "resource r"+k.db.d.by(index), true
	if k.q.Sort == inventory.SortType {
		k.from, k.typed = "resource_type y CROSS JOIN "+k.from, true
		k.and("r.rtype = y.num")
	}
	k.and("r.gone_at = 0")
	k.narrow("r")
}
