package inventory

import (
	"fmt"
	"testing"
)

// manyRows is an estate of n resources: every fixture's base, again and again,
// in groups of its own.
func manyRows(t testing.TB, n int) []Resource {
	t.Helper()
	var rows []Resource
	for copyNo := 0; ; copyNo++ {
		for _, rule := range Rules() {
			if rule.ID == "rg-near-limit" {
				continue
			}
			v, _ := build(t, withoutWants(readFixture(t, rule.ID).base), nil)
			for _, row := range v.rows {
				if _, fixed := row["id"]; !fixed {
					row["subscriptionId"], row["resourceGroup"] = fmt.Sprintf("sub-%d", copyNo%400), fmt.Sprintf("rg-%s-%d", rule.ID, copyNo)
				}
			}
			m, _ := v.estate(t, rule.ID)
			rows = append(rows, m.rows...)
			if len(rows) >= n {
				return rows[:n]
			}
		}
	}
}

// BenchmarkEvaluate runs all rules over 25,000 resources.
func BenchmarkEvaluate(b *testing.B) {
	e := newMemory(manyRows(b, 25_000))
	b.ReportAllocs()
	for b.Loop() {
		v, err := Sum(e, Rules())
		if err != nil || len(v.Found) == 0 {
			b.Fatal(len(v.Found), err)
		}
	}
}
