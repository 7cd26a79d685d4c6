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
	for _, s := range []string{r.Type, r.Group, r.Location, strings.Replace(doc, quoted(r.ID), quoted(r.Key()), 1)} {
		_, _ = h.Write([]byte(s)) // a hash does not fail
		_, _ = h.Write([]byte{0})
	}
	return int64(h.Sum64())
}

// quoted is a text as JSON has it.
func quoted(s string) string {
	b, _ := json.Marshal(s) // texts always marshal
	return string(b)
}

// kept is a resource ready to be stored.
type kept struct {
	*inventory.Resource
	doc       string
	hash, arm int64
	at        place
	tags      [][2]int64 // numbers of keys and values, sorted
}

// Put implements inventory.Sink.
func (v *Inventory) Put(ctx context.Context, t fresnel.TenantID, subscription string, list []inventory.Resource, now time.Time) (int, error) {
	rows, err := v.number(ctx, t, list)
	if err != nil {
		return 0, err
	}
	containers, err := v.containers(ctx)
	if err != nil {
		return 0, err
	}
	var written int
	var g int64
	err = v.db.tx(ctx, "put resources", func(tx *sql.Tx) error {
		written, g = 0, 0
		tenant, sub, err := v.db.owner(ctx, tx, t, subscription)
		if err != nil {
			return err
		}
		held, err := v.held(ctx, tx, rows)
		if err != nil {
			return err
		}
		counts := newTally(containers)
		var seen []sighting
		var fresh, owned []int64 // new; new of this tenant
		for i := range rows {
			r := &rows[i]
			r.at.tenant, r.at.sub = tenant, sub
			old, known := held[r.arm]
			if known && old.hash == r.hash && old.gone == 0 && old.at.sub == sub {
				continue
			}
			met := sighting{arm: r.arm, rtype: r.at.rtype, group: r.at.rgroup, kind: inventory.Created}
			if known && old.gone == 0 {
				counts.add(old.at, -1)
				if met.kind, met.values, err = v.difference(ctx, tx, r); err != nil {
					return err
				}
			}
			spelling := met.kind == inventory.Updated && len(met.values) == 0 // of the id or the name, and nothing else
			if inventory.HasHistory(r.Type) && !spelling {
				seen = append(seen, met)
			}
			if !known {
				fresh = append(fresh, r.arm)
			}
			if !known || old.at.tenant != tenant {
				owned = append(owned, r.arm)
			}
			counts.add(r.at, 1)
			if err := v.put(ctx, tx, r, known, now); err != nil {
				return err
			}
			written++
		}
		if written == 0 {
			return nil
		}
		if err := v.indexNames(ctx, tx, fresh); err != nil {
			return err
		}
		if len(owned) > 0 {
			list, err := json.Marshal(owned)
			if err != nil {
				return err
			}
			if err := v.markWasted(ctx, tx, v.db.d.numbers(), string(list)); err != nil {
				return err
			}
		}
		if err := counts.keep(ctx, v.db, tx); err != nil {
			return err
		}
		if err := v.history(ctx, tx, tenant, sub, seen, now); err != nil {
			return err
		}
		g, err = v.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		v.db.seen(g)
	}
	return written, err
}

// state is what is held of a resource.
type state struct {
	arm, hash, gone int64
	at              place
	typeName        string // of what is missing
}

const stateColumns = "r.arm, r.hash, r.gone_at, r.tenant, r.sub, r.rtype, r.rgroup, r.location, r.tset"

func scanState(r *sql.Rows, s *state) error {
	return r.Scan(&s.arm, &s.hash, &s.gone, &s.at.tenant, &s.at.sub, &s.at.rtype, &s.at.rgroup, &s.at.location, &s.at.set)
}

func (v *Inventory) held(ctx context.Context, tx *sql.Tx, rows []kept) (map[int64]state, error) {
	nums := make([]int64, len(rows))
	for i, r := range rows {
		nums[i] = r.arm
	}
	list, err := json.Marshal(nums)
	if err != nil {
		return nil, err
	}
	found, err := v.db.txQuery(ctx, tx, "SELECT "+stateColumns+" FROM resource r WHERE r.arm IN "+v.db.d.numbers(), string(list))
	if err != nil {
		return nil, err
	}
	states, err := scan(found, scanState)
	out := make(map[int64]state, len(states))
	for _, s := range states {
		out[s.arm] = s
	}
	return out, err
}

// put writes one resource. One that comes back after it was gone is the same
// resource, first seen when it was.
func (v *Inventory) put(ctx context.Context, tx *sql.Tx, r *kept, known bool, now time.Time) error {
	name := clean(strings.ToLower(r.Name))
	resource := "INSERT INTO resource (tenant, sub, rtype, rgroup, location, tset, name, hash, changed_at, gone_at, first_seen, arm) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)"
	doc := "INSERT INTO resource_doc (doc, arm) VALUES (?, ?)"
	args := []any{r.at.tenant, r.at.sub, r.at.rtype, r.at.rgroup, r.at.location, r.at.set, name, r.hash, micros(now), micros(now), r.arm}
	if known {
		resource = "UPDATE resource SET tenant = ?, sub = ?, rtype = ?, rgroup = ?, location = ?, tset = ?, name = ?, hash = ?, changed_at = ?, gone_at = 0 WHERE arm = ?"
		doc = "UPDATE resource_doc SET doc = ? WHERE arm = ?"
		args = append(args[:9], r.arm)
	}
	if _, err := v.db.txExec(ctx, tx, resource, args...); err != nil {
		return err
	}
	if _, err := v.db.txExec(ctx, tx, doc, r.doc, r.arm); err != nil {
		return err
	}
	return v.putTags(ctx, tx, r)
}

// indexNames lets new resources be found by a part of their name.
func (v *Inventory) indexNames(ctx context.Context, tx *sql.Tx, arms []int64) error {
	q := v.db.d.indexTexts("resource", "name")
	if q == "" || len(arms) == 0 {
		return nil
	}
	list, err := json.Marshal(arms)
	if err == nil {
		_, err = v.db.txExec(ctx, tx, q, string(list))
	}
	return err
}

// putTags sees to it that the set of a resource has its tags. Keys and values
// are compared in lower case, as people search for them; the doc has them as
// they were written.
func (v *Inventory) putTags(ctx context.Context, tx *sql.Tx, r *kept) error {
	for _, t := range r.tags {
		if _, err := v.db.txExec(ctx, tx, v.db.d.insertAbsent("resource_tag", []string{"tkey", "tenant", "tset", "tvalue"}), t[0], r.at.tenant, r.at.set, t[1]); err != nil {
			return err
		}
	}
	return nil
}

// Finish implements inventory.Sink: what was not seen is gone. That it was read
// again makes no answer stale: the end of the run does, once for all of them.
func (v *Inventory) Finish(ctx context.Context, t fresnel.TenantID, subscription string, seen map[string]struct{}, asked, now time.Time) (int, error) {
	containers, err := v.containers(ctx)
	if err != nil {
		return 0, err
	}
	gone := 0
	var g int64
	err = v.db.tx(ctx, "finish inventory", func(tx *sql.Tx) error {
		gone, g = 0, 0
		tenant, sub, err := v.db.owner(ctx, tx, t, subscription)
		if err != nil {
			return err
		}
		missing, err := v.missing(ctx, tx, sub, seen)
		if err != nil {
			return err
		}
		counts := newTally(containers)
		var deleted []sighting
		for _, s := range missing {
			if _, err := v.db.txExec(ctx, tx, "UPDATE resource SET gone_at = ?, changed_at = ? WHERE arm = ?", micros(now), micros(now), s.arm); err != nil {
				return err
			}
			counts.add(s.at, -1)
			if inventory.HasHistory(s.typeName) {
				deleted = append(deleted, sighting{arm: s.arm, rtype: s.at.rtype, group: s.at.rgroup, kind: inventory.Deleted})
			}
		}
		if err := counts.keep(ctx, v.db, tx); err != nil {
			return err
		}
		if err := v.history(ctx, tx, tenant, sub, deleted, now); err != nil {
			return err
		}
		gone = len(missing)
		before, err := v.db.Findings().exec(ctx, tx, "DELETE FROM resource_read WHERE sub = ?", sub)
		if err != nil {
			return err
		}
		if _, err := v.db.txExec(ctx, tx, "INSERT INTO resource_read (sub, asked_at) VALUES (?, ?)", sub, micros(asked)); err != nil {
			return err
		}
		if gone > 0 || before == 0 {
			g, err = v.db.raise(ctx, tx)
		}
		return err
	})
	if err == nil {
		v.db.seen(g)
	}
	return gone, err
}

// difference tells how a resource differs from what is held of it.
func (v *Inventory) difference(ctx context.Context, tx *sql.Tx, r *kept) (inventory.ChangeKind, []inventory.ValueChange, error) {
	var was inventory.Resource
	var doc string
	err := v.db.txQueryRow(ctx, tx, "SELECT d.doc, l.name FROM resource_doc d JOIN resource r ON r.arm = d.arm JOIN location l ON l.num = r.location WHERE d.arm = ?", r.arm).Scan(&doc, &was.Location)
	if err != nil {
		return "", nil, err
	}
	var d resourceDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return "", nil, err
	}
	d.fill(&was)
	return inventory.Updated, inventory.Difference(&was, r.Resource), nil
}

// missing lists the resources of a subscription that are there and were not seen.
func (v *Inventory) missing(ctx context.Context, tx *sql.Tx, sub int64, seen map[string]struct{}) ([]state, error) {
	rows, err := v.db.txQuery(ctx, tx, "SELECT "+stateColumns+", a.name, y.name FROM resource r JOIN arm_id a ON a.num = r.arm JOIN resource_type y ON y.num = r.rtype WHERE r.sub = ? AND r.gone_at = 0", sub)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []state
	here := make(map[string]struct{}, len(seen)) // as ids are stored
	for id := range seen {
		here[clean(id)] = struct{}{}
	}
	for rows.Next() {
		var s state
		var id string
		if err := rows.Scan(&s.arm, &s.hash, &s.gone, &s.at.tenant, &s.at.sub, &s.at.rtype, &s.at.rgroup, &s.at.location, &s.at.set, &id, &s.typeName); err != nil {
			return nil, err
		}
		if _, ok := here[id]; !ok {
			out = append(out, s)
		}
	}
	return out, rows.Err()
}
