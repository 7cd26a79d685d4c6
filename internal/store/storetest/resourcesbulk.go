package storetest

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"fresnel/internal/store"
)

// FillBulk makes a SQLite database by SQL alone, its indexes last, where Fill
// would take many times as long. Verify shows that it counts as Put does. It
// gives how many resources there are.
func (e Resources) FillBulk(ctx context.Context, path string) (int, error) {
	db, err := store.Open(ctx, "sqlite:"+path, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	if err := errors.Join(Register(ctx, db, e.Tenants, e.Subscriptions, e.Asked), db.Close()); err != nil {
		return 0, err
	}
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(OFF)&_pragma=locking_mode(EXCLUSIVE)&_pragma=synchronous(0)&_pragma=cache_size(-256000)&_pragma=temp_store(1)")
	if err != nil {
		return 0, fmt.Errorf("storetest: %w", err)
	}
	defer raw.Close() //nolint:errcheck // a throwaway database
	raw.SetMaxOpenConns(1)
	b := resourceBulk{ctx: ctx, raw: raw, nums: map[string]map[string]int64{}}
	later := b.strip()
	b.exec("BEGIN")
	for i := range e.Tenants {
		for j := range e.Subscriptions {
			b.subscription(e, i, j)
		}
	}
	for table, nums := range b.nums {
		for name, num := range nums {
			b.exec("INSERT INTO "+table+" (num, name) VALUES (?, ?)", num, name)
		}
	}
	for _, q := range append([]string{
		"INSERT INTO resource_read (sub, asked_at) SELECT num, 1 FROM subscription",
		"INSERT INTO resource_name (resource_name, rank) VALUES ('hashsize', 268435456)", // few large segments, as years of syncs leave them
		"INSERT INTO resource_name (rowid, name) SELECT arm, name FROM resource",
		"INSERT INTO resource_name (resource_name, rank) VALUES ('hashsize', 1048576)",
		"INSERT INTO resource_count (tenant, sub, rtype, location, n) SELECT tenant, sub, rtype, location, COUNT(*) FROM resource GROUP BY 1, 2, 3, 4",
		"INSERT INTO resource_facet (kind, tenant, num, n) SELECT 1, tenant, rtype, SUM(n) FROM resource_count GROUP BY 2, 3 UNION ALL SELECT 2, tenant, location, SUM(n) FROM resource_count GROUP BY 2, 3 UNION ALL SELECT 3, tenant, rgroup, COUNT(*) FROM resource GROUP BY 2, 3",
		"UPDATE tag_set SET n = x.n FROM (SELECT tset, COUNT(*) AS n FROM resource GROUP BY tset) x WHERE x.tset = num",
		"INSERT INTO finding (tenant, rule, object, since, until, usd_micros, detail, first_seen, last_seen) SELECT r.tenant, 'unattached-disk', a.name, 1, 1, 0, '{}', 1, 1 FROM resource r JOIN arm_id a ON a.num = r.arm WHERE r.arm % 100 = 0",
		"INSERT INTO finding_count (tenant, rule, n) SELECT tenant, rule, COUNT(*) FROM finding GROUP BY 1, 2",
		"UPDATE resource SET wasted = 1 WHERE arm % 100 = 0",
	}, later...) {
		b.exec(q)
	}
	b.exec("COMMIT")
	return int(b.arm), b.err
}

// resourceBulk writes rows as Put would.
type resourceBulk struct {
	ctx  context.Context //nolint:containedctx // lives as long as the filling
	raw  *sql.DB
	nums map[string]map[string]int64 // by table and name
	tags []string                    // of sets, as JSON
	arm  int64
	err  error
}

func (b *resourceBulk) exec(q string, args ...any) {
	if b.err == nil {
		if _, b.err = b.raw.ExecContext(b.ctx, q, args...); b.err != nil {
			b.err = fmt.Errorf("storetest: %.80s: %w", q, b.err)
		}
	}
}

// strip drops the indexes and triggers of resources, and gives what makes them
// again.
func (b *resourceBulk) strip() (later []string) {
	rows, err := b.raw.QueryContext(b.ctx, "SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN ('resource', 'finding') AND type IN ('index', 'trigger') AND sql IS NOT NULL")
	if b.err = err; err != nil {
		return nil
	}
	defer rows.Close()
	var drop []string
	for rows.Next() {
		var kind, name, text string
		if err := rows.Scan(&kind, &name, &text); err != nil {
			b.err = err
		}
		drop, later = append(drop, "DROP "+kind+" "+name), append(later, text)
	}
	if b.err = cmp.Or(b.err, rows.Err()); b.err != nil {
		return nil
	}
	for _, q := range drop { // the only connection is free again after the last row
		b.exec(q)
	}
	return later
}

func (b *resourceBulk) num(table, name string) int64 {
	if b.nums[table] == nil {
		b.nums[table] = map[string]int64{}
	}
	n, ok := b.nums[table][name]
	if !ok {
		n = int64(len(b.nums[table]) + 1)
		b.nums[table][name] = n
	}
	return n
}

func (b *resourceBulk) subscription(e Resources, i, j int) {
	const most = 50
	var tenant, sub int64
	if err := b.raw.QueryRowContext(b.ctx, "SELECT tenant, num FROM subscription WHERE id = ?", SubscriptionID(i, j)).Scan(&tenant, &sub); err != nil {
		b.err = err
	}
	var arms, rows, docs []any
	flush := func() {
		n := len(arms) / 2
		values := func(cols int) string {
			return strings.TrimSuffix(strings.Repeat("(?"+strings.Repeat(", ?", cols-1)+"), ", n), ", ")
		}
		if n > 0 {
			b.exec("INSERT INTO arm_id (num, name) VALUES "+values(2), arms...)
			b.exec("INSERT INTO resource (arm, tenant, sub, rtype, rgroup, location, name, hash, first_seen, changed_at, tset, gone_at) VALUES "+values(12), rows...)
			b.exec("INSERT INTO resource_doc (arm, doc) VALUES "+values(2), docs...)
		}
		arms, rows, docs = arms[:0], rows[:0], docs[:0]
	}
	for n, r := range e.Of(i, j) {
		b.arm++
		at := e.Asked.Add(-time.Duration(i*e.Subscriptions+j) * time.Hour).UnixMicro()
		set, tags := b.set(tenant, r.Tags)
		doc := `{"id":"` + r.ID + `","name":"` + r.Name + `","sku":{"name":"Standard"},"identity":null,"tags":` + tags + `,"properties":{"provisioningState":"Succeeded","number":` + strconv.Itoa(n) + "," + filler + "}}"
		arms = append(arms, b.arm, strings.ToLower(r.ID))
		rows = append(rows, b.arm, tenant, sub, b.num("resource_type", r.Type), b.num("resource_group", r.Group), b.num("location", r.Location), strings.ToLower(r.Name), b.arm, at, at, set, 0)
		if docs = append(docs, b.arm, doc); len(arms) == 2*most {
			flush()
		}
	}
	flush()
}

// filler makes a document as long as real ones are.
const filler = `"creationTime":"2026-01-01T00:00:00Z","uniqueId":"0f8fad5b-d9cb-469f-a165-70867728950e","networkProfile":{"interfaces":[]},"diagnostics":{"enabled":true}`

// set numbers the tags of a resource together, and gives them as JSON.
func (b *resourceBulk) set(tenant int64, tags map[string]string) (int64, string) {
	if len(tags) == 0 {
		return 0, "{}"
	}
	name := strings.Join([]string{strconv.FormatInt(tenant, 10), tags["Environment"], tags["Application"], tags["Owner"], tags["CostCenter"], tags[RareTag]}, "/")
	before := len(b.nums["tag_set"])
	set := b.num("tag_set", name)
	if int(set) > before {
		for k, v := range tags {
			b.exec("INSERT INTO resource_tag (tkey, tenant, tset, tvalue) VALUES (?, ?, ?, ?)", b.num("tag_key", strings.ToLower(k)), tenant, set, b.num("tag_value", strings.ToLower(v)))
		}
		text, err := json.Marshal(tags)
		if b.tags = append(b.tags, string(text)); b.err == nil {
			b.err = err
		}
	}
	return set, b.tags[set-1]
}
