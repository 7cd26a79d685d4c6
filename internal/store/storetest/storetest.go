// Package storetest is the conformance suite that every engine of
// internal/store passes, and the seed estate that tests and benchmarks fill a
// database with.
//
// It knows the store by its methods alone and holds it against a model in
// plain Go. Query plans and what belongs to one engine are tested in
// internal/store itself.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/store"
)

// Run runs the suite. open gives a database of its own, migrated and empty,
// and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) *store.DB) {
	for _, one := range []struct {
		name string
		test func(*fixture)
	}{
		{"Replace", testReplace},
		{"ReplaceMerges", testReplaceMerges},
		{"ReplaceCurrencies", testReplaceCurrencies},
		{"ReplaceRefused", testReplaceRefused},
		{"ReplaceOutside", testReplaceOutside},
		{"ReplaceUnderLostLease", testReplaceUnderLostLease},
		{"ReplaceInParallel", testReplaceInParallel},
		{"Random", testRandom},
		{"Estate", testEstate},
		{"SumsBounds", testSumsBounds},
		{"Restated", testRestated},
		{"Cuts", testCuts},
		{"Findings", testFindings},
		{"Budgets", testBudgets},
		{"Inventory", testInventory},
		{"Changes", testChanges},
		{"TagLacks", testTagLacks},
		{"FindingsList", testFindingsList},
		{"InventoryHostile", testInventoryHostile},
		{"InventoryLists", testInventoryLists},
		{"InventoryLimit", testInventoryLimit},
		{"InventoryOrders", testInventoryOrders},
		{"InventoryFacets", testInventoryFacets},
		{"InventoryWasted", testInventoryWasted},
		{"InventoryCounts", testInventoryCounts},
		{"InventoryEstate", testInventoryEstate},
		{"ResourceCosts", testResourceCosts},
		{"WasteFindings", testWasteFindings},
		{"Compliance", testCompliance},
		{"ComplianceNames", testComplianceNames},
		{"Identity", testIdentity},
		{"IdentityMany", testIdentityMany},
		{"IdentityUnderLostLease", testIdentityUnderLostLease},
		{"Coverage", testCoverage},
		{"Generation", testGeneration},
		{"Isolation", testIsolation},
		{"InactiveTenant", testInactiveTenant},
		{"HostileNames", testHostileNames},
		{"HostileFilters", testHostileFilters},
		{"Tenants", testTenants},
		{"Subscriptions", testSubscriptions},
		{"SubscriptionPages", testSubscriptionPages},
		{"CostState", testCostState},
		{"EnqueueOnce", testEnqueueOnce},
		{"EnqueueUnknown", testEnqueueUnknown},
		{"ClaimOnce", testClaimOnce},
		{"Takeover", testTakeover},
		{"ReleaseAndComplete", testReleaseAndComplete},
		{"QueueOfMany", testQueueOfMany},
		{"Due", testDue},
		{"RunLists", testRunLists},
		{"Prune", testPrune},
		{"Canceled", testCanceled},
	} {
		t.Run(one.name, func(t *testing.T) { one.test(newFixture(t, open(t))) })
	}
}

// The days and instants of the suite: two whole months, read in the third.
var (
	may  = fresnel.Period{From: fresnel.Date(2026, time.May, 1), To: fresnel.Date(2026, time.June, 1)}
	june = fresnel.Period{From: fresnel.Date(2026, time.June, 1), To: fresnel.Date(2026, time.July, 1)}
	noon = time.Date(2026, time.June, 20, 12, 0, 0, 0, time.UTC)
)

// TenantID is the id of the i-th tenant that tests make.
func TenantID(i int) fresnel.TenantID {
	return fresnel.TenantID(fmt.Sprintf("a0000000-0000-4000-8000-%012x", i))
}

// SubscriptionID is the id of the j-th subscription of the i-th tenant.
func SubscriptionID(i, j int) string {
	return fmt.Sprintf("b0000000-0000-4000-8000-%06x%06x", i, j)
}

// fixture is a database with tenants, and the calls that tests make of it.
type fixture struct {
	*testing.T
	db  *store.DB
	ctx context.Context
}

func newFixture(t *testing.T, db *store.DB) *fixture {
	return &fixture{t, db, t.Context()}
}

// sub runs a subtest on the same database.
func (f *fixture) sub(name string, test func(*fixture)) {
	f.Helper()
	f.Run(name, func(t *testing.T) { test(&fixture{t, f.db, t.Context()}) })
}

// ok ends the test at an error.
func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// kind demands an error of a kind.
func (f *fixture) kind(err error, want fresnel.Kind) {
	f.Helper()
	if err == nil {
		f.Fatalf("got no error, want one of kind %s", want)
	}
	if got := fresnel.KindOf(err); got != want {
		f.Fatalf("got %s error %q, want kind %s", got, err, want)
	}
}

// equal demands what cmp calls equal, an empty list and none alike.
func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		f.Fatalf("%s (-want +got):\n%s", what, clip(diff))
	}
}

func clip(s string) string {
	if len(s) > 4000 {
		return s[:4000] + "\n..."
	}
	return s
}

// register adds tenants with so many subscriptions each.
func (f *fixture) register(tenants, subs int) {
	f.Helper()
	f.ok(Register(f.ctx, f.db, tenants, subs, noon))
}

// Register adds tenants with so many subscriptions each, as a first sync does.
func Register(ctx context.Context, db *store.DB, tenants, subs int, now time.Time) error {
	var list []fresnel.Tenant
	for i := range tenants {
		list = append(list, fresnel.Tenant{ID: TenantID(i), Name: tenantName(i), Active: true})
	}
	err := db.Tenants().Put(ctx, list, now)
	for i := range tenants {
		var listed []fresnel.Subscription
		for j := range subs {
			listed = append(listed, subscription(i, j))
		}
		_, err2 := db.Tenants().PutSubscriptions(ctx, TenantID(i), listed, now)
		err = errors.Join(err, err2)
	}
	return err
}

func tenantName(i int) string { return fmt.Sprintf("Tenant %02d", i) }

func subscription(i, j int) fresnel.Subscription {
	return fresnel.Subscription{
		ID: SubscriptionID(i, j), Tenant: TenantID(i), Name: fmt.Sprintf("Subscription %02d-%02d", i, j),
		State: "Enabled", QuotaID: "PayAsYouGo_2014-09-01",
	}
}

// window is a month of a subscription.
func window(i, j int, days fresnel.Period, m cost.Metric, asked time.Time) cost.Window {
	return cost.Window{Tenant: TenantID(i), Subscription: SubscriptionID(i, j), Days: days, Metric: m, Asked: asked}
}

// replace demands that a window is taken with so many cost rows written.
func (f *fixture) replace(w cost.Window, lines []cost.Line, want int) {
	f.Helper()
	got, err := f.db.Costs().Replace(f.ctx, w, lines)
	f.ok(err)
	if got != want {
		f.Errorf("Replace wrote %d cost rows, want %d", got, want)
	}
	f.verify()
}

// refused demands that a window is refused with an error of a kind, and that
// nothing at all has changed.
func (f *fixture) refused(ctx context.Context, w cost.Window, lines []cost.Line, want fresnel.Kind) {
	f.Helper()
	before := f.picture()
	n, err := f.db.Costs().Replace(ctx, w, lines)
	f.kind(err, want)
	if n != 0 {
		f.Errorf("a refused Replace tells of %d rows", n)
	}
	f.equal("after a refused Replace", f.picture(), before)
}

func (f *fixture) verify() {
	f.Helper()
	f.ok(f.db.Costs().Verify(f.ctx))
}

// sums asks a question through the rollups and through the cells, demands that
// the answers agree, and gives them in order.
func (f *fixture) sums(s fresnel.Scope, q cost.Query) []cost.Sum {
	f.Helper()
	got, err := f.db.CostReader().Sums(f.ctx, s, q)
	f.ok(err)
	sortSums(got)
	cells, err := f.db.CellReader().Sums(f.ctx, s, q)
	f.ok(err)
	sortSums(cells)
	f.equal(fmt.Sprintf("rollups and cells, %+v", q), got, cells)
	return got
}

func sortSums(sums []cost.Sum) {
	slices.SortFunc(sums, func(a, b cost.Sum) int { return strings.Compare(sumKey(a), sumKey(b)) })
}

func sumKey(s cost.Sum) string {
	return fmt.Sprintf("%s|%s|%q|%q|%q|%q|%09d|%s", s.Tenant, s.Subscription, s.Service, s.Group, s.Charge, s.Resource, s.Day, s.Currency)
}

// everything asks for all that is held of a metric, by every key.
func everything(m cost.Metric) cost.Query {
	return cost.Query{
		Period: fresnel.Period{From: may.From - 100, To: june.To + 100}, Metric: m,
		By: cost.ByTenant | cost.BySubscription | cost.ByService | cost.ByGroup | cost.ByDay,
	}
}

// picture is everything that readers of a scope see, in order.
type picture struct {
	Sums     map[string][]cost.Sum
	Coverage map[string][]cost.TenantRead
	Restated []cost.Restatement
	Tenants  []fresnel.Tenant
	Subs     []fresnel.Subscription
	Months   map[string][]cost.MonthRead
}

func (f *fixture) picture() picture {
	f.Helper()
	p := picture{Sums: map[string][]cost.Sum{}, Coverage: map[string][]cost.TenantRead{}, Months: map[string][]cost.MonthRead{}}
	var err error
	for _, m := range cost.Metrics() {
		q := everything(m)
		p.Sums[m.String()] = f.sums(fresnel.AllTenants(), q)
		p.Coverage[m.String()] = f.coverage(fresnel.AllTenants(), q.Period, m)
		restated, err := f.db.CostReader().Restated(f.ctx, fresnel.AllTenants(), q, 1000)
		f.ok(err)
		p.Restated = append(p.Restated, restated...)
	}
	p.Tenants, err = f.db.Tenants().List(f.ctx, fresnel.AllTenants())
	f.ok(err)
	p.Subs, _, err = f.db.Tenants().Subscriptions(f.ctx, fresnel.AllTenants(), "", "", 1000)
	f.ok(err)
	for _, s := range p.Subs {
		p.Months[s.ID] = f.read(s.ID)
	}
	return p
}

// coverage gives what is held, months in order.
func (f *fixture) coverage(s fresnel.Scope, p fresnel.Period, m cost.Metric) []cost.TenantRead {
	f.Helper()
	got, err := f.db.CostReader().Coverage(f.ctx, s, p, m, cost.CutGroups)
	f.ok(err)
	for _, r := range got {
		slices.SortFunc(r.Months, func(a, b cost.MonthCoverage) int { return int(a.Month - b.Month) })
	}
	return got
}

// read gives when the months of a subscription were read, in order.
func (f *fixture) read(sub string) []cost.MonthRead {
	f.Helper()
	got, err := f.db.Costs().Read(f.ctx, sub)
	f.ok(err)
	slices.SortFunc(got, func(a, b cost.MonthRead) int {
		return (int(a.Month)*2 + int(a.Metric)) - (int(b.Month)*2 + int(b.Metric))
	})
	return got
}

// same tells whether nothing differs between two pictures.
func same(a, b picture) bool { return cmp.Equal(a, b, cmpopts.EquateEmpty()) }

// gone is a context that has ended.
func (f *fixture) gone() context.Context {
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	return ctx
}
