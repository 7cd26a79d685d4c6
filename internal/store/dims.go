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
	names map[int64]string // filled by name
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

// name gives a number's name.
func (d *dim) name(ctx context.Context, num int64) (string, error) {
	d.mu.Lock()
	name, ok := d.names[num]
	d.mu.Unlock()
	if ok {
		return name, nil
	}
	if err := d.db.queryRow(ctx, "SELECT name FROM "+d.table+" WHERE num = ?", num).Scan(&name); err != nil {
		return "", d.db.wrap(ctx, "name of "+d.table, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.names) >= maxRemembered {
		clear(d.names)
	}
	d.names[num] = name
	return name, nil
}
