package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"sync"

	"fresnel"
	"fresnel/internal/identity"
)

// classMemory remembers how many accounts of each class tenants have: every
// question needs thousands of these numbers, which change with a reading only. A
// tenant's stamp tells, in every process, when they have.
type classMemory struct {
	mu sync.Mutex
	by map[int64]tenantClasses // by the tenant's number
}

type tenantClasses struct {
	stamp int64
	list  []identity.ClassCount // nobody changes it
}

// tenantsRemembered bounds the memory.
const tenantsRemembered = 1000

// Classes implements identity.Reader.
func (i *IdentityReader) Classes(ctx context.Context, s fresnel.Scope) ([]identity.ClassCount, error) {
	var args []any
	rows, err := i.db.query(ctx, "SELECT i.tenant, i.stamp FROM identity_tenant i WHERE "+i.db.visible("i.tenant", s, &args)+" ORDER BY i.tenant", args...)
	if err != nil {
		return nil, i.db.wrap(ctx, "classes of accounts", err)
	}
	type stamp struct{ tenant, at int64 }
	stamps, err := scan(rows, func(r *sql.Rows, v *stamp) error { return r.Scan(&v.tenant, &v.at) })
	if err != nil {
		return nil, i.db.wrap(ctx, "classes of accounts", err)
	}
	m := &i.db.classes
	known := make(map[int64][]identity.ClassCount, len(stamps))
	var open []int64
	m.mu.Lock()
	for _, s := range stamps {
		if t, ok := m.by[s.tenant]; ok && t.stamp == s.at {
			known[s.tenant] = t.list
		} else {
			open = append(open, s.tenant)
		}
	}
	m.mu.Unlock()
	if err := i.classesOf(ctx, open, known); err != nil {
		return nil, err
	}
	// What was read may be newer than the stamp: then it is read once more.
	m.mu.Lock()
	if m.by == nil || len(m.by) > tenantsRemembered {
		m.by = map[int64]tenantClasses{}
	}
	n := 0
	for _, s := range stamps {
		n += len(known[s.tenant])
		if slices.Contains(open, s.tenant) {
			m.by[s.tenant] = tenantClasses{s.at, known[s.tenant]}
		}
	}
	m.mu.Unlock()
	out := make([]identity.ClassCount, 0, n)
	for _, s := range stamps {
		out = append(out, known[s.tenant]...)
	}
	return out, nil
}

// classesOf reads the numbers of some tenants.
func (i *IdentityReader) classesOf(ctx context.Context, tenants []int64, to map[int64][]identity.ClassCount) error {
	if len(tenants) == 0 {
		return nil
	}
	rows, err := i.db.query(ctx, "SELECT c.tenant, t.id, c.class, c.n FROM identity_count c JOIN tenant t ON t.num = c.tenant WHERE c.tenant IN "+i.db.d.numbers(), jsonNumbers(tenants))
	if err == nil {
		_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
			var tenant, code int64
			var v identity.ClassCount
			err := r.Scan(&tenant, &v.Tenant, &code, &v.N)
			v.Class = identity.ClassOf(code)
			to[tenant] = append(to[tenant], v)
			return err
		})
	}
	return i.db.wrap(ctx, "classes of accounts", err)
}

// fewAccounts is how many accounts are sorted rather than looked for in the order
// of each class.
const fewAccounts = 1500

// found is an account's place in a list, before anything else of it is read.
type found struct {
	key, tenant int64
	id          string
}

func (f found) compare(g found) int {
	return cmp.Or(cmp.Compare(f.key, g.key), cmp.Compare(f.tenant, g.tenant), cmp.Compare(f.id, g.id))
}

// newest is compare of lists of the newest first.
func (f found) newest(g found) int {
	return cmp.Or(cmp.Compare(g.key, f.key), cmp.Compare(f.tenant, g.tenant), cmp.Compare(f.id, g.id))
}

// Accounts implements identity.Reader.
func (i *IdentityReader) Accounts(ctx context.Context, s fresnel.Scope, q identity.AccountQuery) ([]identity.AccountRow, error) {
	if len(q.Tenants) == 0 || len(q.Classes) == 0 || q.Limit < 1 {
		return nil, nil
	}
	codes := make([]int64, len(q.Classes))
	for n, c := range q.Classes {
		codes[n] = c.Code()
	}
	slices.Sort(codes)
	var out []identity.AccountRow
	for {
		list, rows, err := i.page(ctx, s, q, codes)
		if err != nil {
			return nil, err
		}
		// Accounts that went away between the two questions leave room for others.
		if out = append(out, rows...); len(rows) == len(list) || len(list) < q.Limit {
			return out, nil
		}
		last := list[len(list)-1]
		q.Limit -= len(rows)
		q.After = identity.AccountPlace{Key: last.key, Tenant: q.After.Tenant, ID: last.id}
		if q.After.Tenant, err = i.tenantOf(ctx, last.tenant); err != nil {
			return nil, err
		}
	}
}

func (i *IdentityReader) tenantOf(ctx context.Context, num int64) (t fresnel.TenantID, err error) {
	err = i.db.queryRow(ctx, "SELECT id FROM tenant WHERE num = ?", num).Scan(&t)
	return t, i.db.wrap(ctx, "tenant of an account", err)
}

// page finds accounts and reads them.
func (i *IdentityReader) page(ctx context.Context, s fresnel.Scope, q identity.AccountQuery, codes []int64) (list []found, rows []identity.AccountRow, err error) {
	switch {
	case q.Account != "" || q.Of <= fewAccounts || len(codes) == 1 && len(q.Tenants) > 1 && !q.Newest || len(q.Tenants) == 1 && q.Newest:
		list, err = i.sorted(ctx, s, q, codes)
	default:
		list, err = i.merged(ctx, s, q, codes)
	}
	if err == nil && len(list) > 0 {
		rows, err = i.rowsOf(ctx, list)
	}
	return list, rows, err
}

// places are the conditions of all questions for places: whose accounts, and after
// which place.
func (i *IdentityReader) places(s fresnel.Scope, q identity.AccountQuery, args *[]any) string {
	where := i.among("a.tenant", s, q.Tenants, args)
	if q.After != (identity.AccountPlace{}) {
		key, way := "a.idle_since", ">"
		if q.Newest {
			key, way = "a.created_at", "<"
		}
		const num = "(SELECT num FROM tenant WHERE id = ?)"
		t := clean(string(q.After.Tenant))
		where += " AND (" + key + " " + way + " ? OR (" + key + " = ? AND (a.tenant > " + num + " OR (a.tenant = " + num + " AND a.id > ?))))"
		*args = append(*args, q.After.Key, q.After.Key, t, t, clean(q.After.ID))
		where += " AND " + key + " " + way + "= ?" // an index can begin there
		*args = append(*args, q.After.Key)
	}
	return where
}

// sorted finds the first accounts by sorting all.
func (i *IdentityReader) sorted(ctx context.Context, s fresnel.Scope, q identity.AccountQuery, codes []int64) ([]found, error) {
	key, dir, by := "a.idle_since", "", i.db.d.by("ix_identity_account_class")
	if q.Newest {
		key, dir = "a.created_at", " DESC"
	}
	args := []any{jsonNumbers(codes)}
	where := "a.class IN " + i.db.d.numbers() + " AND " + i.places(s, q, &args)
	if q.Account != "" {
		where, by = where+" AND a.id = ?", ""
		args = append(args, clean(q.Account))
	}
	return i.find(ctx, i.db.d.page("SELECT "+key+", a.tenant, a.id FROM identity_account a"+by+" WHERE "+where+" ORDER BY "+key+dir+", a.tenant, a.id"), append(args, q.Limit)...)
}

// merged finds the first accounts by the first ones of each class, which an index
// has in order: of one tenant, or of all.
func (i *IdentityReader) merged(ctx context.Context, s fresnel.Scope, q identity.AccountQuery, codes []int64) ([]found, error) {
	index, key, dir, until := "ix_identity_account_idle", "a.idle_since", "", " <= ?"
	last, compare := endless, found.compare // what comes behind last is on no page
	switch {
	case q.Newest:
		index, key, dir, until = "ix_identity_account_created", "a.created_at", " DESC", " >= ?"
		last, compare = -endless, found.newest
	case len(q.Tenants) == 1:
		index = "ix_identity_account_class"
	}
	var args []any
	where := i.places(s, q, &args)
	text := i.db.d.page("SELECT " + key + ", a.tenant, a.id FROM identity_account a" + i.db.d.by(index) + " WHERE a.class = ? AND " + key + until + " AND " + where + " ORDER BY " + key + dir + ", a.tenant, a.id")
	var out []found
	for _, code := range codes {
		some, err := i.find(ctx, text, slices.Concat([]any{code, last}, args, []any{q.Limit})...)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
		slices.SortFunc(out, compare)
		if len(out) >= q.Limit {
			out = out[:q.Limit]
			last = out[q.Limit-1].key
		}
	}
	return out, nil
}

func (i *IdentityReader) find(ctx context.Context, text string, args ...any) ([]found, error) {
	rows, err := i.db.query(ctx, text, args...)
	if err != nil {
		return nil, i.db.wrap(ctx, "accounts", err)
	}
	out, err := scan(rows, func(r *sql.Rows, f *found) error { return r.Scan(&f.key, &f.tenant, &f.id) })
	return out, i.db.wrap(ctx, "accounts", err)
}

// rowsOf reads the accounts of a page. One that went away meanwhile is left out.
func (i *IdentityReader) rowsOf(ctx context.Context, list []found) ([]identity.AccountRow, error) {
	pairs := make([][2]string, len(list))
	for n, f := range list {
		pairs[n] = [2]string{strconv.FormatInt(f.tenant, 10), f.id}
	}
	rows, err := i.db.query(ctx, "SELECT a.tenant, t.id, t.name, a.id, a.class, a.created_at, a.last_use, a.told FROM "+i.db.d.pairs()+" p CROSS JOIN identity_account a CROSS JOIN tenant t "+
		"WHERE a.tenant = CAST(p.a AS BIGINT) AND a.id = p.b AND t.num = a.tenant", jsonPairs(pairs))
	if err != nil {
		return nil, i.db.wrap(ctx, "accounts", err)
	}
	type row struct {
		identity.AccountRow
		tenant int64
	}
	read, err := scan(rows, func(r *sql.Rows, v *row) error {
		var class, created, last, told int64
		if err := r.Scan(&v.tenant, &v.Tenant, &v.TenantName, &v.ID, &class, &created, &last, &told); err != nil {
			return err
		}
		v.Class, v.Created, v.LastUse, v.Told = identity.ClassOf(class), instant(created), instant(last), told == 1
		return nil
	})
	if err != nil {
		return nil, i.db.wrap(ctx, "accounts", err)
	}
	by := make(map[found]*row, len(read))
	for n := range read {
		by[found{0, read[n].tenant, read[n].ID}] = &read[n]
	}
	out := make([]identity.AccountRow, 0, len(list))
	for _, f := range list {
		if r := by[found{0, f.tenant, f.id}]; r != nil {
			r.Place = identity.AccountPlace{Key: f.key, Tenant: r.Tenant, ID: r.ID}
			out = append(out, r.AccountRow)
		}
	}
	return out, nil
}
