package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"fresnel/internal/inventory"
)

// place is where a resource is counted: the numbers of what filters ask for.
type place struct{ tenant, sub, rtype, rgroup, location, set int64 }

// Kinds of resource_facet.
const (
	facetType = iota + 1
	facetLocation
	facetGroup
)

// tally gathers what a transaction changes of the counts, so that each row of
// them is written once.
type tally struct {
	containers map[int64]bool
	places     map[[4]int64]int64 // tenant, subscription, type, location
	facets     map[[3]int64]int64 // kind, tenant, number
	sets       map[int64]int64
}

func newTally(containers map[int64]bool) *tally {
	return &tally{containers, map[[4]int64]int64{}, map[[3]int64]int64{}, map[int64]int64{}}
}

// containers are the numbers of the types that are kept and are no resources.
func (v *Inventory) containers(ctx context.Context) (map[int64]bool, error) {
	nums, err := v.db.dims.rtype.nums(ctx, inventory.Containers())
	out := map[int64]bool{}
	for _, n := range nums {
		out[n] = true
	}
	return out, err
}

// add counts a resource in a place, or out of it.
func (t *tally) add(p place, by int64) {
	t.places[[4]int64{p.tenant, p.sub, p.rtype, p.location}] += by
	if t.containers[p.rtype] {
		return
	}
	t.facets[[3]int64{facetType, p.tenant, p.rtype}] += by
	t.facets[[3]int64{facetLocation, p.tenant, p.location}] += by
	t.facets[[3]int64{facetGroup, p.tenant, p.rgroup}] += by
	if p.set != 0 {
		t.sets[p.set] += by
	}
}

// keep adds what was gathered to what is held. Rows of nothing stay: what was
// there comes back.
func (t *tally) keep(ctx context.Context, db *DB, tx *sql.Tx) error {
	exec := func(q string, args ...any) error {
		_, err := db.txExec(ctx, tx, q, args...)
		return err
	}
	if cols := columns(t.places, func(k [4]int64) []int64 { return k[:] }); cols != nil {
		if err := db.d.insertInts(exec, "resource_count", []string{"tenant", "sub", "rtype", "location", "n"}, 4, cols); err != nil {
			return err
		}
	}
	if cols := columns(t.facets, func(k [3]int64) []int64 { return k[:] }); cols != nil {
		if err := db.d.insertInts(exec, "resource_facet", []string{"kind", "tenant", "num", "n"}, 3, cols); err != nil {
			return err
		}
	}
	for _, set := range slices.Sorted(maps.Keys(t.sets)) {
		if by := t.sets[set]; by != 0 {
			if err := exec("UPDATE tag_set SET n = n + ? WHERE num = ?", by, set); err != nil {
				return err
			}
		}
	}
	return nil
}

// columns are the changes that are any, in the order of their keys.
func columns[K comparable](of map[K]int64, parts func(K) []int64) [][]int64 {
	var rows [][]int64
	for k, by := range of {
		if by != 0 {
			rows = append(rows, append(slices.Clone(parts(k)), by))
		}
	}
	slices.SortFunc(rows, slices.Compare[[]int64])
	var cols [][]int64
	for _, row := range rows {
		for i, v := range row {
			if i == len(cols) {
				cols = append(cols, nil)
			}
			cols[i] = append(cols[i], v)
		}
	}
	return cols
}

// openWaste are findings that are not resolved. What is pending has not been
// so for long enough yet.
const openWaste = "f.resolved_at = 0 AND f.rule NOT LIKE 'pending:%' ESCAPE '~'"

// markWasted corrects which resources, whose numbers a question gives, are
// wasted: in the transaction that changes their findings, or whose they are.
func (v *Inventory) markWasted(ctx context.Context, tx *sql.Tx, arms string, arg any) error {
	_, err := v.db.txExec(ctx, tx, "UPDATE resource SET wasted = 1 - wasted WHERE arm IN "+arms+" AND wasted <> "+
		"CASE WHEN EXISTS (SELECT 1 FROM arm_id a JOIN finding f ON f.object = a.name WHERE a.num = resource.arm AND f.tenant = resource.tenant AND "+openWaste+") THEN 1 ELSE 0 END", arg)
	return err
}

// Verify holds every count against the resources that it counts. It reads all
// of them: for tests and doubt, not for requests.
func (v *Inventory) Verify(ctx context.Context) error {
	counted := " FROM resource r WHERE r.gone_at = 0 AND r.rtype NOT IN (SELECT num FROM resource_type WHERE name IN (" + notResources + "))"
	facet := func(kind, col string) string {
		return "SELECT " + kind + " AS kind, r.tenant, r." + col + ", COUNT(*) AS n" + counted + " GROUP BY r.tenant, r." + col
	}
	for _, c := range []struct{ table, held, summed string }{
		{
			"resource_count", "SELECT tenant, sub, rtype, location, n FROM resource_count WHERE n <> 0",
			"SELECT tenant, sub, rtype, location, COUNT(*) AS n FROM resource WHERE gone_at = 0 GROUP BY tenant, sub, rtype, location",
		},
		{
			"resource_facet", "SELECT kind, tenant, num, n FROM resource_facet WHERE n <> 0",
			facet("1", "rtype") + " UNION ALL " + facet("2", "location") + " UNION ALL " + facet("3", "rgroup"),
		},
		{
			"resource.wasted", "SELECT arm FROM resource WHERE wasted = 1",
			"SELECT DISTINCT r.arm FROM finding f JOIN arm_id a ON a.name = f.object JOIN resource r ON r.arm = a.num AND r.tenant = f.tenant WHERE " + openWaste,
		},
		{"tag_set", "SELECT num, n FROM tag_set WHERE n <> 0", "SELECT r.tset, COUNT(*) AS n" + counted + " AND r.tset <> 0 GROUP BY r.tset"},
	} {
		if err := v.db.Costs().same(ctx, c.table, "SELECT * FROM ("+c.held+") h", "SELECT * FROM ("+c.summed+") s"); err != nil {
			return err
		}
	}
	return nil
}
