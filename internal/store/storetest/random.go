package storetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

const (
	randomTenants = 3
	randomSubs    = 3
)

// testRandom sends random windows, and holds every answer against the model.
func testRandom(f *fixture) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("FRESNEL_TEST_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		f.ok(err)
	}
	f.Logf("seed %d: FRESNEL_TEST_SEED=%d repeats this", seed, seed)
	steps := 60
	if testing.Short() {
		steps = 15
	}
	r := &random{fixture: f, Rand: rand.New(rand.NewPCG(seed, 1)), model: newModel(randomTenants, randomSubs), sent: map[string][]cost.Line{}, asked: map[string]time.Time{}}
	f.register(randomTenants, randomSubs)
	for range steps {
		r.step()
		if f.Failed() {
			return
		}
		f.verify()
		for range 5 {
			r.ask(r.scope(), r.query())
		}
	}
	r.askEverything()
}

type random struct {
	*fixture
	*rand.Rand
	model *model
	sent  map[string][]cost.Line // by window: what was last taken
	asked map[string]time.Time   // by month
	clock int
}

func pickOf[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (r *random) step() {
	r.clock++
	days := pickOf(r.Rand, []fresnel.Period{may, june})
	w := window(r.IntN(randomTenants), r.IntN(randomSubs), days, cost.Metric(r.IntN(2)), noon.Add(time.Duration(r.clock)*time.Minute))
	month := fmt.Sprint(w.Subscription, w.Metric, w.Days.From)
	if r.IntN(5) == 0 { // some days of the month
		w.Days.From += fresnel.Day(r.IntN(10))
		w.Days.To = w.Days.From + 1 + fresnel.Day(r.IntN(int(days.To-w.Days.From)))
	}
	key := fmt.Sprint(month, w.Days)
	lines := r.lines(w.Days)
	switch r.IntN(8) {
	case 0: // the same again
		lines = slices.Clone(r.sent[key])
	case 1, 2: // nearly the same
		lines = r.mutated(r.sent[key], w.Days)
	case 3:
		lines = nil
	case 4:
		w.Asked = noon.Add(time.Duration(r.IntN(r.clock)) * time.Minute)
	}
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })

	got, err := r.db.Costs().Replace(r.ctx, w, lines)
	if w.Asked.Before(r.asked[month]) || len(lines) == 0 && len(r.model.held(w)) > 0 {
		r.kind(err, fresnel.Conflict)
		return
	}
	r.ok(err)
	if want := r.model.replace(w, lines); got != want {
		r.Errorf("Replace of %s wrote %d, want %d", key, got, want)
	}
	r.asked[month], r.sent[key] = w.Asked, lines
}

func (r *random) line(days fresnel.Period) cost.Line {
	l := cost.Line{
		Day:           days.From + fresnel.Day(r.IntN(min(days.Days(), 8))),
		ResourceGroup: pickOf(r.Rand, []string{"", "web", "WEB", "Web-2", "db"}),
		Service:       pickOf(r.Rand, []string{"VM", "SQL", "Disk"}),
		Currency:      pickOf(r.Rand, []string{"EUR", "EUR", "eur", "USD"}),
		Micros:        r.Int64N(2_000_000_000) - 500_000_000, USDMicros: r.Int64N(1000) - 300,
	}
	if r.IntN(10) == 0 {
		l.Micros, l.USDMicros = 0, 0
	}
	return l
}

func (r *random) lines(days fresnel.Period) []cost.Line {
	var out []cost.Line
	for range r.IntN(40) {
		out = append(out, r.line(days))
	}
	return out
}

func (r *random) mutated(lines []cost.Line, days fresnel.Period) []cost.Line {
	lines = slices.Clone(lines)
	for range 1 + r.IntN(3) {
		if len(lines) == 0 {
			break
		}
		i := r.IntN(len(lines))
		switch r.IntN(3) {
		case 0:
			lines[i].Micros += r.Int64N(11) - 5
		case 1:
			lines = slices.Delete(lines, i, i+1)
		case 2:
			lines = append(lines, r.line(days))
		}
	}
	return lines
}

func (r *random) scope() fresnel.Scope { return pickOf(r.Rand, randomScopes()) }

func randomScopes() []fresnel.Scope {
	return []fresnel.Scope{
		fresnel.AllTenants(), fresnel.ScopeOf(TenantID(0)), fresnel.ScopeOf(TenantID(0), TenantID(2)),
		fresnel.ScopeOf(TenantID(0), TenantID(1), TenantID(2)), fresnel.ScopeOf(TenantID(99)),
		{},
	}
}

func (r *random) query() cost.Query {
	filters := randomFilters()
	q := pickOf(r.Rand, filters)
	q.Metric = cost.Metric(r.IntN(2))
	q.By = cost.By(r.IntN(1 << 6))
	q.Period.From = may.From - 5 + fresnel.Day(r.IntN(60))
	q.Period.To = q.Period.From + fresnel.Day(r.IntN(60))
	return q
}

func randomFilters() []cost.Query {
	subs := []string{SubscriptionID(0, 0), SubscriptionID(1, 2), SubscriptionID(2, 1), SubscriptionID(9, 9)}
	return []cost.Query{
		{},
		{Subscriptions: subs[:1]},
		{Subscriptions: subs},
		{Services: []string{"VM"}},
		{Services: []string{"SQL", "Disk", "nothing"}},
		{Services: []string{"VM", "SQL"}, Subscriptions: subs},
		{Services: []string{"nothing"}},
		{Subscriptions: subs[3:]},
	}
}

func (r *random) ask(s fresnel.Scope, q cost.Query) {
	r.Helper()
	got, want := r.sums(s, q), r.model.sums(s, q)
	r.equal(fmt.Sprintf("scope %q, %+v", s.Key(), q), got, want)
}

// askEverything asks every combination of keys, scopes and filters.
func (r *random) askEverything() {
	for by := range cost.By(1 << 6) {
		for i, s := range randomScopes() {
			for j, q := range randomFilters() {
				if testing.Short() && (i+j+int(by))%17 != 0 {
					continue
				}
				q.By, q.Metric, q.Period = by, cost.Metric(int(by+cost.By(i+j))%2), fresnel.Period{From: may.From + 2, To: june.To}
				r.ask(s, q)
			}
		}
	}
}

// testSumsBounds asks at the edges.
func testSumsBounds(f *fixture) {
	f.register(1, 1)
	f.replace(window(0, 0, may, cost.Actual, noon), fourLines(), 4)
	d := may.From + 3
	for _, p := range []fresnel.Period{{From: d, To: d}, {From: d + 2, To: d}, {From: 0, To: 0}, {From: d + 2, To: d + 3}} {
		for _, by := range []cost.By{0, cost.ByDay, cost.ByMonth, cost.ByGroup} {
			f.equal(fmt.Sprint("an empty period ", p), f.sums(fresnel.AllTenants(), cost.Query{Period: p, By: by}), []cost.Sum{})
		}
	}
	longest := fresnel.Period{From: d, To: d + cost.MaxDays}
	f.equal("the longest period", len(f.sums(fresnel.AllTenants(), cost.Query{Period: longest, By: cost.ByMonth})), 1)
	longest.To++
	_, err := f.db.CostReader().Sums(f.ctx, fresnel.AllTenants(), cost.Query{Period: longest})
	f.kind(err, fresnel.Invalid)

	many := make([]string, 3000)
	for i := range many {
		many[i] = SubscriptionID(0, 3000-1-i)
	}
	f.equal("a long list", len(f.sums(fresnel.AllTenants(), cost.Query{Period: may, Subscriptions: many})), 1)
	ids := make([]fresnel.TenantID, 3000)
	for i := range ids {
		ids[i] = TenantID(i)
	}
	f.equal("a long scope", len(f.sums(fresnel.ScopeOf(ids...), cost.Query{Period: may})), 1)
}

// testEstate fills a database with a small seed estate, as benchmarks do with a
// large one.
func testEstate(f *fixture) {
	e := Estate{Tenants: 2, Subscriptions: 2, Groups: 2, Services: 4, CellsPerDay: 3, Days: fresnel.Period{From: may.From + 10, To: june.From + 10}, Asked: noon}
	rows, err := e.Fill(f.ctx, f.db)
	f.ok(err)
	f.equal("rows", rows, 2*2*31*3)
	f.verify()
	again, err := e.Fill(f.ctx, f.db)
	f.ok(err)
	f.equal("rows of the same again", again, 0)
	m := newModel(2, 2)
	for w, lines := range e.Windows() {
		m.replace(w, lines)
	}
	f.equal("sums", f.sums(fresnel.AllTenants(), everything(cost.Actual)), m.sums(fresnel.AllTenants(), everything(cost.Actual)))
}
