package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"fresnel"
	"fresnel/internal/compliance"
)

// itemsKept bounds the memory of items; tenants beyond it are read anew for
// every question.
const itemsKept = 60_000

// itemMemory remembers the items of tenants: nearly every question needs
// thousands of names, which hardly ever change. A tenant's stamp tells, in every
// process, when they have.
type itemMemory struct {
	mu    sync.Mutex
	by    map[int64]*tenantItems // by the tenant's number
	kept  int
	texts map[string]string // the same definitions are in every tenant
}

// tenantItems are the items of a tenant by number. Nobody changes them.
type tenantItems struct {
	stamp int64
	nums  []int64 // of list: an item is large, and a search would touch many
	list  []compliance.Item
}

func itemsAt(stamp int64, list []compliance.Item) *tenantItems {
	t := &tenantItems{stamp: stamp, nums: make([]int64, len(list)), list: list}
	for i := range list {
		t.nums[i] = list[i].Num
	}
	return t
}

// renamed tells that items of a tenant have changed.
func (c *Compliance) renamed(ctx context.Context, tx *sql.Tx, tenant int64) error {
	if _, err := c.db.txExec(ctx, tx, c.db.d.insertAbsent("compliance_named", []string{"tenant", "stamp"}), tenant, 0); err != nil {
		return err
	}
	_, err := c.db.txExec(ctx, tx, "UPDATE compliance_named SET stamp = stamp + 1 WHERE tenant = ?", tenant)
	return err
}

// tenants gives the items of the tenants of a scope. Of one that is written
// meanwhile they may be newer than the stamp: then they are read once more.
func (c *ComplianceReader) tenants(ctx context.Context, s fresnel.Scope) ([]*tenantItems, error) {
	var args []any
	rows, err := c.db.query(ctx, "SELECT t.num, COALESCE(n.stamp, 0) FROM tenant t LEFT JOIN compliance_named n ON n.tenant = t.num WHERE "+c.db.visible("t.num", s, &args)+" ORDER BY t.num", args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "stamps of compliance", err)
	}
	type stamp struct{ tenant, at int64 }
	stamps, err := scan(rows, func(r *sql.Rows, v *stamp) error { return r.Scan(&v.tenant, &v.at) })
	if err != nil {
		return nil, c.db.wrap(ctx, "stamps of compliance", err)
	}
	m := &c.db.items
	out := make([]*tenantItems, len(stamps))
	var open []int64
	m.mu.Lock()
	for i, s := range stamps {
		if t := m.by[s.tenant]; t != nil && t.stamp == s.at {
			out[i] = t
			continue
		}
		open = append(open, s.tenant)
	}
	m.mu.Unlock()
	if len(open) == 0 {
		return out, nil
	}
	read, err := c.readItems(ctx, open)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, s := range stamps {
		if out[i] == nil {
			out[i] = itemsAt(s.at, read[s.tenant])
			m.keep(s.tenant, out[i])
		}
	}
	return out, nil
}

// keep remembers a tenant's items where there is room. The lock is held.
func (m *itemMemory) keep(tenant int64, t *tenantItems) {
	if m.by == nil {
		m.by, m.texts = map[int64]*tenantItems{}, map[string]string{}
	}
	if old := m.by[tenant]; old != nil {
		m.kept -= len(old.list)
		delete(m.by, tenant)
	}
	if m.kept+len(t.list) > itemsKept {
		return
	}
	if len(m.texts) > itemsKept {
		clear(m.texts) // of names that are no more, too
	}
	once := func(texts ...*string) {
		for _, s := range texts {
			held, ok := m.texts[*s]
			if !ok {
				held = *s
				m.texts[held] = held
			}
			*s = held
		}
	}
	for i := range t.list {
		v := &t.list[i]
		tenant := string(v.Tenant)
		once(&tenant, &v.ID, &v.Name, &v.Category, &v.Effect, &v.Scope, &v.About, &v.Reference, &v.More.Description, &v.More.Mode, &v.Key.Assignment, &v.Key.Definition)
		v.Tenant = fresnel.TenantID(tenant)
	}
	m.by[tenant], m.kept = t, m.kept+len(t.list)
}

// readItems gives the items of tenants, by the tenant's number.
func (c *ComplianceReader) readItems(ctx context.Context, tenants []int64) (map[int64][]compliance.Item, error) {
	rows, err := c.db.query(ctx, "SELECT i.tenant, i.num, t.id, i.kind, i.assignment, i.policy, i.definition, i.id, i.name, i.category, i.effect, i.scope, i.about, i.reference, i.more, i.created_at, i.expires_at, i.first_seen, i.gone_at "+
		"FROM compliance_item i JOIN tenant t ON t.num = i.tenant WHERE i.tenant IN "+c.db.d.numbers()+" ORDER BY i.tenant, i.num", jsonNumbers(tenants))
	if err != nil {
		return nil, c.db.wrap(ctx, "compliance items", err)
	}
	type row struct {
		tenant int64
		compliance.Item
	}
	list, err := scan(rows, func(r *sql.Rows, v *row) error {
		var created, expires, first, gone int64
		var more string
		if err := r.Scan(&v.tenant, &v.Num, &v.Tenant, &v.Kind, &v.Assignment, &v.Policy, &v.Definition, &v.ID, &v.Name, &v.Category, &v.Effect, &v.Scope, &v.About, &v.Reference, &more, &created, &expires, &first, &gone); err != nil {
			return err
		}
		v.Created, v.Expires, v.First, v.Gone = instant(created), instant(expires), instant(first), instant(gone)
		v.Key = keyOf(&v.Item)
		if more == "{}" {
			return nil
		}
		return json.Unmarshal([]byte(more), &v.More)
	})
	out := map[int64][]compliance.Item{}
	for i := range list {
		out[list[i].tenant] = append(out[list[i].tenant], list[i].Item)
	}
	return out, c.db.wrap(ctx, "compliance items", err)
}

// keyOf names an item by its id. Of a check the assignment is known by number.
func keyOf(v *compliance.Item) compliance.Key {
	k := compliance.Key{Kind: v.Kind, Reference: v.Reference}
	switch v.Kind { //nolint:exhaustive // the others are named by a definition
	case compliance.KindAssignment:
		k.Assignment = strings.ToLower(v.ID)
	case compliance.KindControl, compliance.KindStandardControl:
		k.Definition = v.ID
	default:
		k.Definition = strings.ToLower(v.ID)
	}
	return k
}

// Items implements compliance.Reader.
func (c *ComplianceReader) Items(ctx context.Context, s fresnel.Scope, nums []int64) ([]compliance.Item, error) {
	if len(nums) == 0 {
		return nil, nil
	}
	tenants, err := c.tenants(ctx, s)
	if err != nil {
		return nil, err
	}
	nums = slices.Compact(slices.Sorted(slices.Values(nums)))
	var found []*compliance.Item
	for _, t := range tenants {
		for _, n := range nums {
			if i, ok := slices.BinarySearch(t.nums, n); ok {
				found = append(found, &t.list[i])
			}
		}
	}
	return copied(found), nil
}

// copied are items of which the caller may do with each what it wants.
func copied(found []*compliance.Item) []compliance.Item {
	out := make([]compliance.Item, len(found))
	for i, v := range found {
		out[i] = *v
	}
	return out
}

// Told implements compliance.Reader.
func (c *ComplianceReader) Told(ctx context.Context, s fresnel.Scope, kinds []compliance.Kind, gone bool) ([]compliance.Item, error) {
	return c.some(ctx, s, func(v *compliance.Item) bool {
		return (gone || v.Gone.IsZero()) && slices.Contains(kinds, v.Kind)
	})
}

// Checks implements compliance.Reader.
func (c *ComplianceReader) Checks(ctx context.Context, s fresnel.Scope, policy int64) ([]compliance.Item, error) {
	return c.some(ctx, s, func(v *compliance.Item) bool { return v.Policy == policy })
}

func (c *ComplianceReader) some(ctx context.Context, s fresnel.Scope, want func(*compliance.Item) bool) ([]compliance.Item, error) {
	tenants, err := c.tenants(ctx, s)
	if err != nil {
		return nil, err
	}
	var found []*compliance.Item
	for _, t := range tenants {
		for i := range t.list {
			if want(&t.list[i]) {
				found = append(found, &t.list[i])
			}
		}
	}
	return copied(found), nil
}
