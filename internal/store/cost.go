package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// Costs keeps cost cells and their rollups. It is a cost.Sink; CostReader is
// the cost.Reader.
type Costs struct{ db *DB }

// Costs gives access to costs.
func (db *DB) Costs() *Costs { return &Costs{db} }

// cell is one cost cell without its window (subscription, metric, cut). key is
// the number of the cut's own key: resource group, charge type or resource.
type cell struct{ day, key, service, currency int64 }

// cutTable is where the cells of a cut are.
type cutTable struct {
	cells, months string // tables: the cells, and when each month was read
	key           string // column of the cut's own key
	rolled        bool   // has rollups and a log of restated days
	dim           func(*dims) *dim
	name          func(cost.Line) string
}

var cutTables = map[cost.Cut]cutTable{
	cost.CutGroups: {
		"cost_cell", "cost_month", "rgroup", true,
		func(d *dims) *dim { return &d.group }, func(l cost.Line) string { return strings.ToLower(l.ResourceGroup) },
	},
	cost.CutCharges: {
		"cost_charge", "cost_charge_month", "charge", false,
		func(d *dims) *dim { return &d.charge }, func(l cost.Line) string { return l.ChargeType },
	},
	cost.CutResources: {
		"cost_resource", "cost_resource_month", "resource", false,
		func(d *dims) *dim { return &d.resource }, func(l cost.Line) string { return fresnel.ObjectKey(l.Resource) },
	},
}

type amount struct{ micros, usd int64 }

// Replace implements cost.Sink. The window is read, compared, and only days
// that differ are written, with their rollups, in one transaction. It fails
// with Invalid on a window that is not of one month, and on lines outside it.
func (c *Costs) Replace(ctx context.Context, w cost.Window, lines []cost.Line) (int, error) {
	if err := check(w, lines); err != nil {
		return 0, err
	}
	t := cutTables[w.Cut]
	// Windows whose answers came together wait here as lines: what is made of
	// them takes five times the room.
	rows := min(int64(len(lines)), rowsInWork)
	if err := c.db.room.Acquire(ctx, rows); err != nil {
		return 0, err
	}
	defer c.db.room.Release(rows)
	next, err := c.cells(ctx, t, lines)
	if err != nil {
		return 0, err
	}
	var written int
	var g int64
	err = c.db.tx(ctx, "replace costs", func(tx *sql.Tx) error {
		written, g = 0, 0
		r := &replace{Costs: c, t: t, tx: tx, w: w, next: next}
		var err error
		if written, err = r.run(ctx); err != nil || !r.news {
			return err
		}
		g, err = c.db.raise(ctx, tx)
		return err
	})
	if err != nil {
		return 0, err
	}
	c.db.seen(g)
	return written, nil
}

// rowsInWork is how many lines are compared and written at a time, in all
// windows together; a longer window goes alone. They take about 20 MB.
const rowsInWork = 50_000

// check keeps lines out that the window's comparison would not see: they would
// be added to what is held of their day instead of replacing it.
func check(w cost.Window, lines []cost.Line) error {
	if w.Days.Days() == 0 || len(w.Days.Months()) != 1 {
		return fresnel.Errorf(fresnel.Invalid, "store: the window %s is not of one month", w.Days)
	}
	for _, l := range lines {
		if !w.Days.Contains(l.Day) {
			return fresnel.Errorf(fresnel.Invalid, "store: a line of %s is outside the window %s", l.Day, w.Days)
		}
	}
	return nil
}

// cells numbers the names of lines and merges lines of the same cell.
func (c *Costs) cells(ctx context.Context, t cutTable, lines []cost.Line) (map[cell]amount, error) {
	number := func(d *dim, name func(cost.Line) string) (map[string]int64, []string, error) {
		names := make([]string, len(lines))
		for i, l := range lines {
			names[i] = clean(name(l))
		}
		nums, err := d.nums(ctx, names)
		return nums, names, err
	}
	d := &c.db.dims
	keys, keyNames, err := number(t.dim(d), t.name)
	if err != nil {
		return nil, err
	}
	services, serviceNames, err := number(&d.service, func(l cost.Line) string { return l.Service })
	if err != nil {
		return nil, err
	}
	currencies, currencyNames, err := number(&d.currency, func(l cost.Line) string { return strings.ToUpper(l.Currency) })
	if err != nil {
		return nil, err
	}
	out := make(map[cell]amount, len(lines))
	for i, l := range lines {
		k := cell{int64(l.Day), keys[keyNames[i]], services[serviceNames[i]], currencies[currencyNames[i]]}
		a := out[k]
		out[k] = amount{a.micros + l.Micros, a.usd + l.USDMicros}
	}
	return out, nil
}

// maxName is the longest name a key column holds on every engine.
const maxName = 400

// clean makes a name from outside fit for every engine: no NUL, valid UTF-8,
// of bounded length. What is looked up is cleaned as what is stored.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	return s
}

// replace is one Replace in its transaction.
type replace struct {
	*Costs
	t           cutTable
	tx          *sql.Tx
	w           cost.Window
	next        map[cell]amount
	tenant, sub int64
	news        bool // readers will see a difference
}

func (r *replace) exec(ctx context.Context, q string, args ...any) error {
	_, err := r.db.txExec(ctx, r.tx, q, args...)
	return err
}

func (r *replace) run(ctx context.Context) (int, error) {
	if err := r.db.guard(ctx, r.tx); err != nil {
		return 0, err
	}
	var err error
	if r.tenant, err = r.db.Tenants().lock(ctx, r.tx, r.w.Tenant); err != nil {
		return 0, err
	}
	err = r.db.txQueryRow(ctx, r.tx, "SELECT num FROM subscription WHERE id = ? AND tenant = ?", clean(r.w.Subscription), r.tenant).Scan(&r.sub)
	if err == sql.ErrNoRows { //nolint:errorlint // Scan gives it unwrapped
		return 0, fresnel.Errorf(fresnel.NotFound, "subscription %s is not registered", r.w.Subscription)
	} else if err != nil {
		return 0, err
	}
	asked, err := r.lastAsked(ctx)
	if err != nil {
		return 0, err
	}
	if asked.After(r.w.Asked) {
		return 0, fresnel.Errorf(fresnel.Conflict, "a newer answer of %s is already held", asked.Format(time.RFC3339))
	}
	old, err := r.held(ctx)
	if err != nil {
		return 0, err
	}
	if len(r.next) == 0 && len(old) > 0 {
		return 0, &fresnel.Error{
			Kind: fresnel.Conflict, Msg: "Azure answered without any cost where cost was known; what is held is kept",
			Do: "If this repeats, check in the Azure portal whether the subscription's costs are still visible.",
		}
	}
	d := diff(old, r.next)
	if r.news = d.cells > 0 || micros(asked) != micros(r.w.Asked); !r.news {
		return 0, nil
	}
	if err := r.setAsked(ctx, asked); err != nil || d.cells == 0 {
		return 0, err
	}
	return d.cells, r.write(ctx, d, asked)
}

func (r *replace) lastAsked(ctx context.Context) (time.Time, error) {
	var at int64
	err := r.db.txQueryRow(ctx, r.tx, "SELECT COALESCE(MAX(asked_at), 0) FROM "+r.t.months+" WHERE sub = ? AND metric = ? AND month = ?",
		r.sub, int(r.w.Metric), int64(r.w.Days.From.MonthStart())).Scan(&at)
	return instant(at), err
}

func (r *replace) setAsked(ctx context.Context, before time.Time) error {
	month := int64(r.w.Days.From.MonthStart())
	q := "UPDATE " + r.t.months + " SET asked_at = ? WHERE sub = ? AND metric = ? AND month = ?"
	if before.IsZero() {
		q = "INSERT INTO " + r.t.months + " (asked_at, sub, metric, month) VALUES (?, ?, ?, ?)"
	}
	if err := r.exec(ctx, q, micros(r.w.Asked), r.sub, int(r.w.Metric), month); err != nil || !r.t.rolled {
		return err
	}
	return r.recountMonth(ctx, month)
}

func (r *replace) held(ctx context.Context) (map[cell]amount, error) {
	rows, err := r.db.txQuery(ctx, r.tx, "SELECT day, "+r.t.key+", service, currency, micros, usd_micros FROM "+r.t.cells+" WHERE sub = ? AND metric = ? AND day >= ? AND day < ?",
		r.sub, int(r.w.Metric), int64(r.w.Days.From), int64(r.w.Days.To))
	if err != nil {
		return nil, err
	}
	type pair struct {
		cell
		amount
	}
	list, err := scan(rows, func(rows *sql.Rows, p *pair) error {
		return rows.Scan(&p.day, &p.key, &p.service, &p.currency, &p.micros, &p.usd)
	})
	out := make(map[cell]amount, len(list))
	for _, p := range list {
		out[p.cell] = p.amount
	}
	return out, err
}

// change is what distinguishes two states of a window.
type change struct {
	cells int                // inserted, changed or removed
	days  []int64            // that differ, sorted
	delta map[rollKey]rolled // what rollups change by
}

// rollKey is a cell without its resource group.
type rollKey struct{ day, service, currency int64 }

type rolled struct {
	amount
	cells int64
}

func diff(old, next map[cell]amount) change {
	c := change{delta: map[rollKey]rolled{}}
	days := map[int64]bool{}
	note := func(k cell, a amount, cells int64) {
		days[k.day] = true
		rk := rollKey{k.day, k.service, k.currency}
		d := c.delta[rk]
		c.delta[rk] = rolled{amount{d.micros + a.micros, d.usd + a.usd}, d.cells + cells}
	}
	for k, n := range next {
		o, known := old[k]
		switch {
		case !known:
			c.cells++
			note(k, n, 1)
		case o != n:
			c.cells++
			note(k, amount{n.micros - o.micros, n.usd - o.usd}, 0)
		}
	}
	for k, o := range old {
		if _, kept := next[k]; !kept {
			c.cells++
			note(k, amount{-o.micros, -o.usd}, -1)
		}
	}
	for d := range days {
		c.days = append(c.days, d)
	}
	slices.Sort(c.days)
	return c
}

// ranges joins consecutive days to half-open ranges.
func ranges(days []int64) [][2]int64 {
	var out [][2]int64
	for _, d := range days {
		if n := len(out); n > 0 && out[n-1][1] == d {
			out[n-1][1]++
		} else {
			out = append(out, [2]int64{d, d + 1})
		}
	}
	return out
}

func (r *replace) write(ctx context.Context, c change, asked time.Time) error {
	if r.t.rolled {
		if err := r.restated(ctx, c, asked); err != nil {
			return err
		}
	}
	for _, rg := range ranges(c.days) {
		if err := r.exec(ctx, "DELETE FROM "+r.t.cells+" WHERE sub = ? AND metric = ? AND day >= ? AND day < ?", r.sub, int(r.w.Metric), rg[0], rg[1]); err != nil {
			return err
		}
	}
	if err := r.insertCells(ctx, c); err != nil || !r.t.rolled {
		return err
	}
	return r.roll(ctx, c)
}

func (r *replace) insertCells(ctx context.Context, c change) error {
	var keys []cell
	for k := range r.next {
		if _, changed := slices.BinarySearch(c.days, k.day); changed {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b cell) int { // in the order of the table
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.key, b.key), cmp.Compare(a.service, b.service), cmp.Compare(a.currency, b.currency))
	})
	t := newInts(8, len(keys))
	for _, k := range keys {
		a := r.next[k]
		t.add(r.sub, int64(r.w.Metric), k.day, k.key, k.service, k.currency, a.micros, a.usd)
	}
	return r.insert(ctx, r.t.cells, []string{"sub", "metric", "day", r.t.key, "service", "currency", "micros", "usd_micros"}, 0, t)
}

// insert writes rows of integers; none is fine. The first keys columns are the
// key of a sum, 0 where the rows are new.
func (r *replace) insert(ctx context.Context, table string, cols []string, keys int, t ints) error {
	if len(t[0]) == 0 {
		return nil
	}
	return r.db.d.insertInts(func(q string, args ...any) error { return r.exec(ctx, q, args...) }, table, cols, keys, t)
}

// ints is a table of integers, column by column.
type ints [][]int64

func newInts(cols, rows int) ints {
	t := make(ints, cols)
	for i := range t {
		t[i] = make([]int64, 0, rows)
	}
	return t
}

func (t ints) add(row ...int64) {
	for i, v := range row {
		t[i] = append(t[i], v)
	}
}

// Read implements cost.Sink.
func (c *Costs) Read(ctx context.Context, subscription string) ([]cost.MonthRead, error) {
	var out []cost.MonthRead
	for _, cut := range cost.Cuts() {
		rows, err := c.db.query(ctx, "SELECT m.metric, m.month, m.asked_at FROM "+cutTables[cut].months+" m JOIN subscription s ON s.num = m.sub WHERE s.id = ?", clean(subscription))
		if err != nil {
			return nil, c.db.wrap(ctx, "months read", err)
		}
		reads, err := scan(rows, func(r *sql.Rows, v *cost.MonthRead) error {
			var at int64
			err := r.Scan(&v.Metric, &v.Month, &at)
			v.Cut, v.At = cut, instant(at)
			return err
		})
		if err != nil {
			return nil, c.db.wrap(ctx, "months read", err)
		}
		out = append(out, reads...)
	}
	return out, nil
}
