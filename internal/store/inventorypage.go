package store

import (
	"cmp"
	"context"
	"slices"

	"fresnel/internal/inventory"
)

// split is how many types or groups are rather asked for one by one than
// looked for among all.
const split = 10

// begun reads a page and one row more. Of a list by name that asks for a part
// of it, names that begin so come first: they lie together, where a walk
// through all names may come to them last.
func (c *InventoryReader) begun(ctx context.Context, k *walk) (held []heldRow, err error) {
	if k.q.Text == "" || !k.named() {
		return c.rows(ctx, k)
	}
	if k.q.After.Key == "" {
		first := *k
		first.begins(true)
		if held, err = c.rows(ctx, &first); err != nil || len(held) > k.q.Limit {
			return held, err
		}
	}
	then := *k
	then.begins(false)
	if k.q.After.Key == "" {
		then.q.After = inventory.Place{}
	}
	then.q.Limit -= len(held)
	others, err := c.rows(ctx, &then)
	for i := range others {
		others[i].place.Key = inside
	}
	return append(held, others...), err
}

// inside is the key of places behind the names that begin with what is asked for.
const inside = "inside"

// begins narrows to names that begin with what is asked for, or to others.
func (k *walk) begins(so bool) {
	const last = "\U0010ffff"
	text := k.text()
	cond := "r.name >= ? AND r.name < ?"
	if !so {
		cond = "(r.name < ? OR r.name >= ?)"
	}
	k.where = append(slices.Clone(k.where), cond)
	k.args = append(slices.Clone(k.args), text, text+last)
}

// rows reads a page of a walk and one row more.
func (c *InventoryReader) rows(ctx context.Context, k *walk) (held []heldRow, err error) {
	if of := len(k.q.Types); k.ordered && k.named() && k.q.Text == "" && of > 1 && of <= split {
		return c.each(ctx, k, k.q.Types, func(q *inventory.Query, one []string) { q.Types = one })
	}
	if of := len(k.q.Groups); k.ordered && k.named() && k.q.Text == "" && of > 1 && of <= split {
		return c.each(ctx, k, k.q.Groups, func(q *inventory.Query, one []string) { q.Groups = one })
	}
	inner, args := k.page()
	rows, err := c.db.query(ctx, "SELECT "+heldColumns+" FROM ("+inner+") p CROSS JOIN resource r"+heldJoins+" WHERE r.arm = p.arm ORDER BY "+orders[k.q.Sort].by, args...)
	if err != nil {
		return nil, err
	}
	held, err = scan(rows, scanHeld)
	for i := range held {
		held[i].place = held[i].placeIn(k.q.Sort)
	}
	return held, err
}

// each reads the page of every name alone, and merges them: names that begin
// alike lie together, and others far from where a list begins.
func (c *InventoryReader) each(ctx context.Context, k *walk, names []string, only func(*inventory.Query, []string)) ([]heldRow, error) {
	var out []heldRow
	names = lower(names)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		one := walk{db: k.db, s: k.s, q: k.q, few: k.few}
		only(&one.q, []string{name})
		if err := one.choose(ctx); err != nil {
			return nil, err
		}
		held, err := c.rows(ctx, &one)
		if err != nil {
			return nil, err
		}
		out = append(out, held...)
	}
	slices.SortFunc(out, func(a, b heldRow) int {
		return cmp.Or(cmp.Compare(a.place.Name, b.place.Name), cmp.Compare(a.place.Arm, b.place.Arm))
	})
	return out[:min(len(out), k.q.Limit+1)], nil
}
