package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"sync"
)

// dims numbers the names that repeat in facts. A number, once given, never
// changes, so it may be remembered.
type dims struct {
	service, group, currency, charge, resource dim
	rtype, location, tagKey, tagValue, tagSet  dim
	complianceKey                              dim
}

type dim struct {
	db       *DB
	table    string
	mu       sync.Mutex
	remember map[string]int64
	names    map[int64]string // filled by namesOf
}

func (d *dims) init(db *DB) {
	d.service = newDim(db, "service")
	d.group = newDim(db, "resource_group")
	d.currency = newDim(db, "currency")
	d.charge = newDim(db, "charge_type")
	d.resource = newDim(db, "arm_id")
	d.rtype = newDim(db, "resource_type")
	d.location = newDim(db, "location")
	d.tagKey = newDim(db, "tag_key")
	d.tagValue = newDim(db, "tag_value")
	d.tagSet = newDim(db, "tag_set")
	d.complianceKey = newDim(db, "compliance_key")
}

func newDim(db *DB, table string) dim {
	return dim{db: db, table: table, remember: map[string]int64{}, names: map[int64]string{}}
}

// maxRemembered bounds the memory of a dimension; beyond it names are looked
// up in the database again.
const maxRemembered = 100_000

// nums gives the numbers of names, and numbers those that are new. All that
// are not remembered are asked for at once.
func (d *dim) nums(ctx context.Context, names []string) (map[string]int64, error) {
	out := make(map[string]int64, len(names))
	var open []string
	d.mu.Lock()
	for _, name := range names {
		n, ok := d.remember[name]
		if !ok {
			open = append(open, name)
			continue
		}
		out[name] = n
	}
	d.mu.Unlock()
	if len(open) == 0 {
		return out, nil
	}
	slices.Sort(open) // so that two processes never wait for each other in a circle
	open = slices.Compact(open)
	found, err := d.look(ctx, open)
	if err == nil && len(found) < len(open) {
		if err = d.add(ctx, open, found); err == nil {
			found, err = d.look(ctx, open)
		}
	}
	if err != nil {
		return nil, d.db.wrap(ctx, "number "+d.table, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.remember)+len(found) > maxRemembered {
		clear(d.remember)
	}
	maps.Copy(d.remember, found)
	maps.Copy(out, found)
	return out, nil
}

// add numbers the names that are not known yet.
func (d *dim) add(ctx context.Context, names []string, known map[string]int64) error {
	q := d.db.d.insertAbsent(d.table, []string{"name"})
	return d.db.tx(ctx, "number "+d.table, func(tx *sql.Tx) error {
		for _, name := range names {
			if _, ok := known[name]; ok {
				continue
			}
			if _, err := d.db.txExec(ctx, tx, q, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *dim) look(ctx context.Context, names []string) (map[string]int64, error) {
	rows, err := d.db.query(ctx, "SELECT num, name FROM "+d.table+" WHERE name IN "+d.db.d.list(), jsonList(names))
	if err != nil {
		return nil, err
	}
	type pair struct {
		num  int64
		name string
	}
	list, err := scan(rows, func(r *sql.Rows, v *pair) error { return r.Scan(&v.num, &v.name) })
	out := make(map[string]int64, len(list))
	for _, v := range list {
		out[v.name] = v.num
	}
	return out, err
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
