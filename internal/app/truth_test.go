package app_test

import (
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

func TestTiming(t *testing.T) {
	t0 := time.Now()
	sim := simulate(t, late, azuresim.Options{})
	t.Log("sim", time.Since(t0))
	for _, n := range []int{13} {
		engines(t, func(t *testing.T, database string) {
			w := begin(t, sim, database, months(n))
			t1 := time.Now()
			whole(t, w.sync(t))
			t.Log(n, "sync", time.Since(t1))
			if w.app.Engine() == "postgres" {
				time.Sleep(2 * time.Second)
				for _, r := range w.rows(t, "SELECT relname, seq_scan, seq_tup_read, idx_scan, idx_tup_fetch, n_tup_ins, n_tup_del, n_live_tup, last_autoanalyze FROM pg_stat_user_tables ORDER BY seq_tup_read DESC") {
					t.Log(r...)
				}
			}
		})
	}
}
