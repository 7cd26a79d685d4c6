package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// dims numbers the names that repeat in facts: services, resource groups,
// currencies. A number, once given, never changes, so it may be remembered.
type dims struct {
	service, group, currency dim
}

type dim struct {
	db    *DB
	table string
	mu    sync.Mutex
	nums  map[string]int64
	names map[int64]string // filled by namesOf
}

func (d *dims) init(db *DB) {
	d.service = dim{db: db, table: "service", nums: map[string]int64{}, names: map[int64]string{}}
	d.group = dim{db: db, table: "resource_group", nums: map[string]int64{}, names: map[int64]string{}}
	d.currency = dim{db: db, table: "currency", nums: map[string]int64{}, names: map[int64]string{}}
}

// maxRemembered bounds the memory of a dimension; beyond it names are looked
// up in the database again.
const maxRemembered = 200_000

// num gives a name's number, and numbers it if it is new.
func (d *dim) num(ctx context.Context, name string) (int64, error) {
	d.mu.Lock()
	n, ok := d.nums[name]
	d.mu.Unlock()
	if ok {
		return n, nil
	}
	n, err := d.look(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		if _, err := d.db.exec(ctx, "number "+d.table, d.db.d.insertAbsent(d.table, []string{"name"}), name); err != nil {
			return 0, err
		}
		n, err = d.look(ctx, name)
	}
	if err != nil {
		return 0, d.db.wrap(ctx, "number "+d.table, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.nums) >= maxRemembered {
		clear(d.nums)
	}
	d.nums[name] = n
	return n, nil
}

func (d *dim) look(ctx context.Context, name string) (int64, error) {
	var n int64
	err := d.db.queryRow(ctx, "SELECT num FROM "+d.table+" WHERE name = ?", name).Scan(&n)
	return n, err
}

// namesOf gives the names of the numbers that rows have.
func (d *dim) namesOf(ctx context.Context, rows []sumRow, of func(*sumRow) int64) (map[int64]string, error) {
	out := map[int64]string{}
	var missing []int64
	d.mu.Lock()
	for i := range rows {
		n := of(&rows[i])
		if _, seen := out[n]; seen {
			continue
		}
		name, known := d.names[n]
		if out[n] = name; !known {
			missing = append(missing, n)
		}
	}
	d.mu.Unlock()
	if len(missing) == 0 {
		return out, nil
	}
	found, err := d.db.idNames(ctx, "SELECT num, '', name FROM "+d.table, missing)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.names)+len(found) > maxRemembered {
		clear(d.names)
	}
	for n, v := range found {
		out[n], d.names[n] = v.name, v.name
	}
	return out, err
}
