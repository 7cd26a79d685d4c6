package azuresim_test

import (
	"testing"

	"fresnel/internal/azuresim"
)

// BenchmarkGrid sums a month of a subscription of 25 groups with 20 services each: what load tests are made of.
func BenchmarkGrid(b *testing.B) {
	sim := must(azuresim.New(azuresim.Options{Groups: 25, Services: 20, Tenants: 1, SubscriptionsPerTenant: 1, Start: noon}))
	q := azuresim.TruthQuery{At: noon, From: utc(2026, 10, 1), To: utc(2026, 10, 31), By: []string{"day", "service", "resource_group"}}
	for b.Loop() {
		if rows, err := sim.Truth(q); err != nil || len(rows) < 31*480 {
			b.Fatal(len(rows), err)
		}
	}
}
