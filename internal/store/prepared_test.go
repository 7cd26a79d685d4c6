package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
)

// TestPreparedBound asks far more texts than are kept, from many goroutines at
// once: each is answered rightly though statements are evicted under it.
func TestPreparedBound(t *testing.T) {
	db := open(t, emptySQLite(t))
	const texts = 3 * store.MaxPrepared
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range texts {
				n := (i*(g+1) + g) % texts
				if got, err := db.Ask(t.Context(), fmt.Sprintf("SELECT %d + ?", n), 1); err != nil || got != int64(n+1) {
					t.Errorf("SELECT %d + 1 gives %d, %v", n, got, err)
				}
			}
		})
	}
	wg.Wait()
	if reads, _ := db.Prepared(); reads > store.MaxPrepared {
		t.Errorf("%d statements are kept, at most %d should be", reads, store.MaxPrepared)
	}
	if _, err := db.Ask(t.Context(), "SELECT nothing FROM nowhere"); err == nil {
		t.Error("a wrong text is answered")
	}
}

// TestPreparedTexts shows that texts do not vary with what is asked for: as
// often as a question is repeated, with lists of any length, and a window
// written, no more statements come.
func TestPreparedTexts(t *testing.T) {
	db := open(t, emptySQLite(t))
	ctx := t.Context()
	now := time.Date(2026, time.June, 20, 12, 0, 0, 0, time.UTC)
	p := fresnel.Period{From: fresnel.Date(2026, time.May, 1), To: fresnel.Date(2026, time.June, 1)}
	estate := storetest.Estate{Tenants: 3, Subscriptions: 3, Groups: 2, Services: 3, CellsPerDay: 2, Days: p, Asked: now}
	if _, err := estate.Fill(ctx, db); err != nil {
		t.Fatal(err)
	}
	round := func(n int) {
		var ids []fresnel.TenantID
		var names []string
		for i := range n + 2 {
			ids, names = append(ids, storetest.TenantID(i)), append(names, fmt.Sprint("Service 0", i))
		}
		if _, err := db.CostReader().Sums(ctx, fresnel.ScopeOf(ids...), cost.Query{Period: p, By: cost.ByService | cost.ByTenant, Services: names}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Runs().List(ctx, fresnel.AllTenants(), "costs", false, 0, n+1); err != nil {
			t.Fatal(err)
		}
		for w, lines := range estate.Windows() {
			w.Asked = now.Add(time.Duration(n) * time.Minute)
			lines = lines[:len(lines)-n]
			if _, err := db.Costs().Replace(ctx, w, lines); err != nil {
				t.Fatal(err)
			}
		}
	}
	round(1)
	round(2) // prepares what the transactions of the first asked for
	reads, writes := db.Prepared()
	if reads == 0 || writes == 0 {
		t.Errorf("%d and %d statements are kept", reads, writes)
	}
	for n := range 10 {
		round(n + 3)
	}
	if r, w := db.Prepared(); r != reads || w != writes {
		t.Errorf("%d and %d statements became %d and %d", reads, writes, r, w)
	}
}
