package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"hash/fnv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

// Inventory keeps what tenants have. It is an inventory.Sink; InventoryReader
// reads.
type Inventory struct{ db *DB }

// Inventory gives access to resources.
func (db *DB) Inventory() *Inventory { return &Inventory{db} }

// resourceDoc is a resource as it is kept: all that Azure tells, keys sorted, so
// that the same resource is the same text.
type resourceDoc struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Kind       string            `json:"kind,omitempty"`
	ManagedBy  string            `json:"managedBy,omitempty"`
	Zones      []string          `json:"zones,omitempty"`
	SKU        inventory.Value   `json:"sku"`
	Identity   inventory.Value   `json:"identity"`
	Tags       map[string]string `json:"tags"`
	Properties inventory.Value   `json:"properties"`
	Created    *time.Time        `json:"created,omitempty"`
}

func docOf(r *inventory.Resource) (string, error) {
	d := resourceDoc{
		ID: r.ID, Name: r.Name, Kind: r.Kind, ManagedBy: r.ManagedBy, Zones: r.Zones,
		SKU: r.SKU, Identity: r.Identity, Tags: r.Tags, Properties: r.Properties,
	}
	if !r.Created.IsZero() {
		d.Created = &r.Created
	}
	b, err := json.Marshal(d)
	return string(b), err
}

func (d resourceDoc) fill(r *inventory.Resource) {
	r.ID, r.Name, r.Kind, r.ManagedBy, r.Zones = d.ID, d.Name, d.Kind, d.ManagedBy, d.Zones
	r.SKU, r.Identity, r.Tags, r.Properties = d.SKU, d.Identity, d.Tags, d.Properties
	if d.Created != nil {
		r.Created = *d.Created
	}
}

// hashOf tells whether a resource changed. The case of its id does not count:
// Azure varies it from answer to answer.
func hashOf(r *inventory.Resource, doc string) int64 {
	h := fnv.New64a()
	for _, s := range []string{r.Type, r.Group, r.Location, strings.Replace(doc, r.ID, r.Key(), 1)} {
		_, _ = h.Write([]byte(s)) // a hash does not fail
		_, _ = h.Write([]byte{0})
	}
	return int64(h.Sum64()) //nolint:gosec // a fingerprint: its sign means nothing
}

// kept is a resource ready to be stored.
type kept struct {
	*inventory.Resource
	doc                             string
	hash, arm, rtype, rgroup, place int64
	tags                            [][2]int64 // numbers of keys and values
}

// Put implements inventory.Sink.
func (v *Inventory) Put(ctx context.Context, t fresnel.TenantID, subscription string, list []inventory.Resource, now time.Time) (int, error) {
	rows, err := v.number(ctx, list)
	if err != nil {
		return 0, err
	}
	var written int
	var g int64
	err = v.db.tx(ctx, "put resources", func(tx *sql.Tx) error {
		written, g = 0, 0
		tenant, sub, err := v.owner(ctx, tx, t, subscription)
		if err != nil {
			return err
		}
		held, err := v.held(ctx, tx, rows)
		if err != nil {
			return err
		}
		var seen []sighting
		for i := range rows {
			n, err := v.put(ctx, tx, &rows[i], held, tenant, sub, now, &seen)
			if err != nil {
				return err
			}
			written += n
		}
		if err := v.history(ctx, tx, tenant, sub, seen, now); err != nil {
			return err
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

// owner checks the lease and gives the numbers of a tenant and its subscription.
func (v *Inventory) owner(ctx context.Context, tx *sql.Tx, t fresnel.TenantID, subscription string) (tenant, sub int64, err error) {
	if err = v.db.guard(ctx, tx); err != nil {
		return 0, 0, err
	}
	if tenant, err = v.db.Tenants().lock(ctx, tx, t); err != nil {
		return 0, 0, err
	}
	err = v.db.txQueryRow(ctx, tx, "SELECT num FROM subscription WHERE id = ? AND tenant = ?", clean(subscription), tenant).Scan(&sub)
	if err == sql.ErrNoRows { //nolint:errorlint // Scan gives it unwrapped
		err = fresnel.Errorf(fresnel.NotFound, "subscription %s is not registered", subscription)
	}
	return tenant, sub, err
}

// number gives resources their numbers. What is listed twice counts once.
func (v *Inventory) number(ctx context.Context, list []inventory.Resource) ([]kept, error) {
	d := &v.db.dims
	rows := make([]kept, 0, len(list))
	var ids, types, groups, places []string
	seen := map[string]bool{}
	for i := range list {
		r := &list[i]
		id := clean(r.Key())
		if seen[id] {
			continue
		}
		seen[id] = true
		doc, err := docOf(r)
		if err != nil {
			return nil, err
		}
		rows = append(rows, kept{Resource: r, doc: doc, hash: hashOf(r, doc)})
		ids, types = append(ids, id), append(types, clean(r.Type))
		groups, places = append(groups, clean(r.Group)), append(places, clean(r.Location))
	}
	for _, one := range []struct {
		dim   *dim
		names []string
		into  func(*kept) *int64
	}{
		{&d.resource, ids, func(k *kept) *int64 { return &k.arm }},
		{&d.rtype, types, func(k *kept) *int64 { return &k.rtype }},
		{&d.group, groups, func(k *kept) *int64 { return &k.rgroup }},
		{&d.location, places, func(k *kept) *int64 { return &k.place }},
	} {
		nums, err := one.dim.nums(ctx, one.names)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			*one.into(&rows[i]) = nums[one.names[i]]
		}
	}
	return rows, v.numberTags(ctx, rows)
}

func (v *Inventory) numberTags(ctx context.Context, rows []kept) error {
	var keys, values []string
	for _, r := range rows {
		for k, val := range r.Tags {
			keys, values = append(keys, tagText(k)), append(values, tagText(val))
		}
	}
	keyNums, err := v.db.dims.tagKey.nums(ctx, keys)
	if err != nil {
		return err
	}
	valueNums, err := v.db.dims.tagValue.nums(ctx, values)
	if err != nil {
		return err
	}
	for i := range rows {
		for k, val := range rows[i].Tags {
			rows[i].tags = append(rows[i].tags, [2]int64{keyNums[tagText(k)], valueNums[tagText(val)]})
		}
	}
	return nil
}

func tagText(s string) string { return clean(strings.ToLower(s)) }

// state is what is held of a resource.
type state struct{ hash, gone, sub int64 }

func (v *Inventory) held(ctx context.Context, tx *sql.Tx, rows []kept) (map[int64]state, error) {
	nums := make([]int64, len(rows))
	for i, r := range rows {
		nums[i] = r.arm
	}
	list, err := json.Marshal(nums)
	if err != nil {
		return nil, err
	}
	found, err := v.db.txQuery(ctx, tx, "SELECT arm, hash, gone_at, sub FROM resource WHERE arm IN "+v.db.d.numbers(), string(list))
	if err != nil {
		return nil, err
	}
	type pair struct {
		arm int64
		state
	}
	pairs, err := scan(found, func(r *sql.Rows, p *pair) error { return r.Scan(&p.arm, &p.hash, &p.gone, &p.sub) })
	out := make(map[int64]state, len(pairs))
	for _, p := range pairs {
		out[p.arm] = p.state
	}
	return out, err
}

// put writes one resource unless it is held as it is. One that comes back after
// it was gone is the same resource, first seen when it was.
func (v *Inventory) put(ctx context.Context, tx *sql.Tx, r *kept, held map[int64]state, tenant, sub int64, now time.Time, seen *[]sighting) (int, error) {
	old, known := held[r.arm]
	if known && old.hash == r.hash && old.gone == 0 && old.sub == sub {
		return 0, nil
	}
	if inventory.HasHistory(r.Type) {
		s := sighting{arm: r.arm, rtype: r.rtype, group: r.rgroup, name: r.Type, kind: inventory.Created}
		if known && old.gone == 0 {
			s.kind = inventory.Updated
			was, err := v.docHeld(ctx, tx, r.arm)
			if err != nil {
				return 0, err
			}
			s.values = inventory.Difference(&was, r.Resource)
		}
		*seen = append(*seen, s)
	}
	name := clean(strings.ToLower(r.Name))
	exec := func(q string, args ...any) error {
		_, err := v.db.txExec(ctx, tx, q, args...)
		return err
	}
	var err error
	if known {
		err = exec("UPDATE resource SET tenant = ?, sub = ?, rtype = ?, rgroup = ?, location = ?, name = ?, hash = ?, changed_at = ?, gone_at = 0 WHERE arm = ?",
			tenant, sub, r.rtype, r.rgroup, r.place, name, r.hash, micros(now), r.arm)
		if err == nil {
			err = exec("UPDATE resource_doc SET doc = ? WHERE arm = ?", r.doc, r.arm)
		}
		if err == nil {
			err = exec("DELETE FROM resource_tag WHERE arm = ?", r.arm)
		}
	} else {
		err = exec("INSERT INTO resource (arm, tenant, sub, rtype, rgroup, location, name, hash, first_seen, changed_at, gone_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
			r.arm, tenant, sub, r.rtype, r.rgroup, r.place, name, r.hash, micros(now), micros(now))
		if err == nil {
			err = exec("INSERT INTO resource_doc (arm, doc) VALUES (?, ?)", r.arm, r.doc)
		}
	}
	if err != nil {
		return 0, err
	}
	return 1, v.putTags(ctx, tx, r)
}

// putTags replaces the tags of a resource. Keys and values are compared in
// lower case, as people search for them; the doc has them as they were written.
func (v *Inventory) putTags(ctx context.Context, tx *sql.Tx, r *kept) error {
	for _, t := range r.tags {
		if _, err := v.db.txExec(ctx, tx, v.db.d.insertAbsent("resource_tag", []string{"tkey", "tvalue", "arm"}), t[0], t[1], r.arm); err != nil {
			return err
		}
	}
	return nil
}

// Finish implements inventory.Sink: what was not seen is gone.
func (v *Inventory) Finish(ctx context.Context, t fresnel.TenantID, subscription string, seen map[string]struct{}, asked, now time.Time) (int, error) {
	gone := 0
	var g int64
	err := v.db.tx(ctx, "finish inventory", func(tx *sql.Tx) error {
		gone, g = 0, 0
		tenant, sub, err := v.owner(ctx, tx, t, subscription)
		if err != nil {
			return err
		}
		missing, err := v.missing(ctx, tx, sub, seen)
		if err != nil {
			return err
		}
		for _, m := range missing {
			if _, err := v.db.txExec(ctx, tx, "UPDATE resource SET gone_at = ?, changed_at = ? WHERE arm = ?", micros(now), micros(now), m.arm); err != nil {
				return err
			}
		}
		if err := v.history(ctx, tx, tenant, sub, missing, now); err != nil {
			return err
		}
		gone = len(missing)
		if _, err := v.db.txExec(ctx, tx, "DELETE FROM resource_read WHERE sub = ?", sub); err != nil {
			return err
		}
		if _, err := v.db.txExec(ctx, tx, "INSERT INTO resource_read (sub, asked_at) VALUES (?, ?)", sub, micros(asked)); err != nil {
			return err
		}
		g, err = v.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		v.db.seen(g)
	}
	return gone, err
}

// docHeld is a resource as it is held.
func (v *Inventory) docHeld(ctx context.Context, tx *sql.Tx, arm int64) (inventory.Resource, error) {
	var r inventory.Resource
	var doc string
	err := v.db.txQueryRow(ctx, tx, "SELECT d.doc, l.name FROM resource_doc d JOIN resource r ON r.arm = d.arm JOIN location l ON l.num = r.location WHERE d.arm = ?", arm).Scan(&doc, &r.Location)
	if err != nil {
		return r, err
	}
	var d resourceDoc
	err = json.Unmarshal([]byte(doc), &d)
	d.fill(&r)
	return r, err
}

// missing lists the resources of a subscription that are there and were not
// seen.
func (v *Inventory) missing(ctx context.Context, tx *sql.Tx, sub int64, seen map[string]struct{}) ([]sighting, error) {
	rows, err := v.db.txQuery(ctx, tx, "SELECT r.arm, a.name, r.rtype, r.rgroup, y.name FROM resource r JOIN arm_id a ON a.num = r.arm JOIN resource_type y ON y.num = r.rtype WHERE r.sub = ? AND r.gone_at = 0", sub)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []sighting
	here := make(map[string]struct{}, len(seen)) // as ids are stored
	for id := range seen {
		here[clean(id)] = struct{}{}
	}
	for rows.Next() {
		s := sighting{kind: inventory.Deleted}
		var id string
		if err := rows.Scan(&s.arm, &id, &s.rtype, &s.group, &s.name); err != nil {
			return nil, err
		}
		if _, ok := here[id]; !ok {
			out = append(out, s)
		}
	}
	return out, rows.Err()
}
