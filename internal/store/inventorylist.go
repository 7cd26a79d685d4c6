package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

// List implements inventory.Reader.
func (c *InventoryReader) List(ctx context.Context, s fresnel.Scope, q inventory.Query) (inventory.List, error) {
	out, err := c.list(ctx, s, q)
	return out, c.db.wrap(ctx, "list resources", err)
}

func (c *InventoryReader) list(ctx context.Context, s fresnel.Scope, q inventory.Query) (out inventory.List, err error) {
	k := walk{db: c.db, s: s, q: q, few: c.few}
	if err := k.choose(ctx); err != nil {
		return out, err
	}
	if !q.Uncounted {
		n := k.total
		if n < 0 {
			if n, err = k.count(ctx); err != nil {
				return out, err
			}
		}
		out.Total, out.More = min(n, inventory.CountLimit), n > inventory.CountLimit
	}
	held, err := c.begun(ctx, &k)
	if len(held) > q.Limit {
		held = held[:q.Limit]
		out.Next = held[q.Limit-1].place
	}
	for _, h := range held {
		out.Rows = append(out.Rows, h.Held)
	}
	return out, err
}

// orders are the sorts: by what, and what comes after a place.
var orders = map[inventory.Sort]struct{ by, after string }{
	"":                    {byName, afterName},
	inventory.SortName:    {byName, afterName},
	inventory.SortType:    {"y.name, r.name, r.arm", "y.name >= ? AND (y.name > ? OR r.name > ? OR r.name = ? AND r.arm > ?)"},
	inventory.SortFirst:   {"r.first_seen DESC, r.arm DESC", "r.first_seen <= ? AND (r.first_seen < ? OR r.arm < ?)"},
	inventory.SortChanged: {"r.changed_at DESC, r.arm DESC", "r.changed_at <= ? AND (r.changed_at < ? OR r.arm < ?)"},
}

const (
	byName    = "r.name, r.arm"
	afterName = "r.name >= ? AND (r.name > ? OR r.arm > ?)"
)

// placeIn is where a row stands in the order of a sort.
func (h *heldRow) placeIn(by inventory.Sort) inventory.Place {
	p := h.place
	switch by {
	case inventory.SortType:
		p.Key = h.Type
	case inventory.SortFirst:
		p = inventory.Place{Key: strconv.FormatInt(micros(h.First), 10), Arm: p.Arm}
	case inventory.SortChanged:
		p = inventory.Place{Key: strconv.FormatInt(micros(h.Changed), 10), Arm: p.Arm}
	case inventory.SortName:
	}
	return p
}

// after is the condition of standing behind the place that a page begins at.
func (k *walk) after() (string, []any) {
	p := k.q.After
	if p.Arm == 0 {
		return "", nil
	}
	args := []any{p.Name, p.Name, p.Arm}
	switch k.q.Sort {
	case inventory.SortType:
		args = []any{p.Key, p.Key, p.Name, p.Name, p.Arm}
	case inventory.SortFirst, inventory.SortChanged:
		at, err := strconv.ParseInt(p.Key, 10, 64)
		if err != nil { // a place in another order
			at = micros(time.Unix(1<<33, 0))
		}
		args = []any{at, at, p.Arm}
	case inventory.SortName:
	}
	return orders[k.q.Sort].after, args
}

// walk is the way through the resources on which a question is answered:
// either the rows of the rarest thing that is asked for, sorted, or, where
// everything asked for is common, all rows in the order of the list until the
// page is full. Either reads some ten thousand entries of an index at most,
// where what is asked for does not hang together with the order.
type walk struct {
	db      *DB
	s       fresnel.Scope
	q       inventory.Query
	from    string
	where   []string
	args    []any // of from, then of where
	ordered bool  // where has the order of the list
	hashed  bool  // the sets of a tag are few enough to be held
	typed   bool  // from has resource_type y
	few     int   // see InventoryReader
	total   int   // -1 = not known without counting
}

func (k *walk) and(cond string, args ...any) {
	if cond != "" {
		k.where, k.args = append(k.where, cond), append(k.args, args...)
	}
}

// one is the condition that a column is the number of one of some names.
func (k *walk) one(col, table string, names []string) {
	if len(names) > 0 {
		var args []any
		cond := among(k.db, "SELECT num FROM "+table+" WHERE "+nameOf(table), lower(names), &args)
		k.and(col+" "+cond, args...)
	}
}

// placed narrows to tenants, subscriptions, types and locations: what both
// resources (r) and their counts (c) have.
func (k *walk) placed(of string) {
	var args []any
	k.and(k.db.visible(of+".tenant", k.s, &args), args...)
	k.one(of+".sub", "subscription", k.q.Subscriptions)
	k.one(of+".rtype", "resource_type", k.q.Types)
	if len(k.q.Types) == 0 {
		k.and(of + ".rtype NOT IN (SELECT num FROM resource_type WHERE name IN (" + notResources + "))")
	}
	k.one(of+".location", "location", k.q.Locations)
}

// narrow narrows to all that is asked for. A name is looked at first: it is in
// the row, while types and tags are looked for among others.
func (k *walk) narrow(places string) {
	if k.q.Text != "" {
		k.and("r.name LIKE ? ESCAPE '~'", "%"+escapeLike(k.text())+"%")
	}
	k.placed(places)
	if k.q.Wasted {
		k.and("r.wasted = 1")
	}
	k.rest()
}

// rest narrows to groups and tags.
func (k *walk) rest() {
	k.one("r.rgroup", "resource_group", k.q.Groups)
	if k.q.TagKey != "" {
		cond, args := k.tag()
		if k.hashed {
			k.and("r.tset IN (SELECT g.tset FROM resource_tag g WHERE "+cond+")", args...)
		} else {
			k.and("EXISTS (SELECT 1 FROM resource_tag g WHERE g.tset = r.tset AND g.tenant = r.tenant AND "+cond+")", args...)
		}
	}
	if k.q.Missing != "" {
		cond, args := k.lacks()
		if cond != "" {
			cond = " AND " + cond
		}
		k.and("EXISTS (SELECT 1 FROM tag_missing m WHERE m.arm = r.arm"+cond+")", args...)
	}
}

// named tells whether the list is in the order of names.
func (k *walk) named() bool { return k.q.Sort == "" || k.q.Sort == inventory.SortName }

func (k *walk) text() string { return strings.ToLower(clean(k.q.Text)) }

func (k *walk) tag() (string, []any) {
	cond, args := "g.tkey = (SELECT num FROM tag_key WHERE name = ?)", []any{tagText(k.q.TagKey)}
	if k.q.TagValue != nil {
		cond += " AND g.tvalue = (SELECT num FROM tag_value WHERE name = ?)"
		args = append(args, tagText(*k.q.TagValue))
	}
	return cond, args
}

// lacks says which lacking tag is meant; "" = any.
func (k *walk) lacks() (string, []any) {
	if k.q.Missing == inventory.AnyTag {
		return "", nil
	}
	return "m.tkey = (SELECT num FROM tag_key WHERE name = ?)", []any{tagText(k.q.Missing)}
}

// page is the question for the numbers of a page and its arguments.
func (k *walk) page() (string, []any) {
	from := k.from
	where, args := slices.Clone(k.where), slices.Clone(k.args)
	if k.q.Sort == inventory.SortType && !k.typed {
		from += " CROSS JOIN resource_type y"
		where = append(where, "y.num = r.rtype")
	}
	if cond, more := k.after(); cond != "" {
		where, args = append(where, cond), append(args, more...)
	}
	return k.db.d.page("SELECT r.arm AS arm FROM " + from + " WHERE " + strings.Join(where, " AND ") + " ORDER BY " + orders[k.q.Sort].by), append(args, k.q.Limit+1)
}

// count counts up to one more than the limit.
func (k *walk) count(ctx context.Context) (int, error) {
	w := *k
	if k.q.Sort == inventory.SortFirst || k.q.Sort == inventory.SortChanged {
		// The indexes of times have nothing but times.
		w = walk{db: k.db, s: k.s, q: k.q, few: k.few}
		w.q.Sort = inventory.SortName
		if err := w.choose(ctx); err != nil {
			return 0, err
		}
	}
	if k.q.Text == "" {
		return w.upTo(ctx)
	}
	first, then := w, w
	first.begins(true)
	n, err := first.upTo(ctx)
	if err != nil || n > inventory.CountLimit {
		return n, err
	}
	then.begins(false)
	more, err := then.upTo(ctx)
	return n + more, err
}

func (k *walk) upTo(ctx context.Context) (int, error) {
	return k.db.upTo(ctx, inventory.CountLimit, "SELECT r.arm FROM "+k.from+" WHERE "+strings.Join(k.where, " AND "), k.args)
}

// upTo counts the rows of a question up to one more than a limit.
func (db *DB) upTo(ctx context.Context, limit int, q string, args []any) (n int, err error) {
	err = db.queryRow(ctx, "SELECT COUNT(*) FROM ("+db.d.page(q)+") x", append(slices.Clone(args), limit+1)...).Scan(&n)
	return n, err
}

// sum adds numbers, until they are more than the limit.
func (db *DB) sum(ctx context.Context, q string, args []any) (n int, err error) {
	rows, err := db.query(ctx, q, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var v sql.NullInt64
	for n <= inventory.CountLimit && rows.Next() {
		if err := rows.Scan(&v); err != nil {
			return 0, err
		}
		n += int(v.Int64)
	}
	return n, rows.Err()
}

func nameOf(table string) string {
	if table == "subscription" {
		return "id"
	}
	return "name"
}

func lower(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}

// escapeLike makes a text stand for itself in a LIKE with ESCAPE '~'.
func escapeLike(s string) string {
	return strings.NewReplacer("~", "~~", "%", "~%", "_", "~_").Replace(s)
}
