package azuresim_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fresnel/internal/azuresim"
)

const twoGroups = `[{"type":"Dimension","name":"ResourceGroupName"},{"type":"Dimension","name":"ServiceName"}]`

func dailyBody(metric, from, to, grouping string) string {
	return fmt.Sprintf(`{"type":%q,"timeframe":"Custom","timePeriod":{"from":"%sT00:00:00Z","to":"%sT23:59:59Z"},
	"dataset":{"granularity":"Daily","aggregation":{"totalCost":{"name":"Cost","function":"Sum"},"totalCostUSD":{"name":"CostUSD","function":"Sum"}},"grouping":%s}}`,
		metric, from, to, grouping)
}

// micros parses a number exactly and rounds it half away from zero.
func micros(t *testing.T, v any) int64 {
	t.Helper()
	r, ok := new(big.Rat).SetString(v.(json.Number).String()) //nolint:errcheck // a number column
	if !ok {
		t.Fatalf("%v is not a number", v)
	}
	r.Mul(r, big.NewRat(1_000_000, 1))
	half := big.NewRat(int64(r.Sign()), 2)
	r.Add(r, half)
	return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
}

// TestTruthIsWhatQueriesGive reads whole months through raw HTTP and compares with the truth.
func TestTruthIsWhatQueriesGive(t *testing.T) {
	c := start(t, azuresim.Options{MarkupNames: true})
	for _, at := range []time.Time{noon, noon.Add(7 * time.Hour), time.Date(2026, 12, 3, 5, 0, 0, 0, time.UTC)} {
		c.clock.Freeze(at)
		for _, metric := range []string{"ActualCost", "AmortizedCost", "Usage"} {
			for i, sub := range c.sim.Estate()[0].Subscriptions {
				for _, grouping := range []string{twoGroups, `[]`, `[{"type":"Dimension","name":"ServiceName"}]`} {
					got, cells := map[string][2]int64{}, 0
					path := costPath(sub.ID)
					if i == 0 {
						path += "&$top=7"
					}
					body := dailyBody(metric, "2026-11-01", "2026-11-30", grouping)
					if sub.Offer == payg {
						body = preTax(body)
					}
					cols, rows, n := c.pages(path, c.token, body)
					if i == 0 && grouping == twoGroups && n < 10 {
						t.Errorf("only %d pages", n)
					}
					for _, r := range rows {
						key := fmt.Sprint(r[2])
						for _, v := range r[3:] {
							key += "|" + strings.ToLower(v.(string)) //nolint:errcheck // a text column
						}
						g := got[key]
						got[key] = [2]int64{g[0] + micros(t, r[0]), g[1] + micros(t, r[1])}
						cells++
					}
					if strings.TrimPrefix(cols[0], "PreTax") != "Cost" || strings.TrimPrefix(cols[1], "PreTax") != "CostUSD" || cols[2] != "UsageDate" || cols[len(cols)-1] != "Currency" {
						t.Fatalf("columns %v", cols)
					}
					compareTruth(t, c, got, cells, sub.ID, metric, grouping)
				}
			}
		}
	}
}

func compareTruth(t *testing.T, c *client, got map[string][2]int64, rows int, sub, metric, grouping string) {
	t.Helper()
	q := azuresim.TruthQuery{
		Metric: metric, Subscription: sub, By: []string{"day"},
		From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC),
	}
	if strings.Contains(grouping, "ResourceGroup") {
		q.By = append(q.By, "resource_group")
	}
	if strings.Contains(grouping, "Service") {
		q.By = append(q.By, "service")
	}
	truth, err := c.sim.Truth(q)
	if err != nil {
		t.Fatal(err)
	}
	if len(truth) != len(got) || len(truth) != rows || rows == 0 {
		t.Fatalf("%s %s: %d truths, %d keys, %d rows", metric, grouping, len(truth), len(got), rows)
	}
	for _, r := range truth {
		key := strings.ReplaceAll(r.Day, "-", "")
		if strings.Contains(grouping, "ResourceGroup") {
			key += "|" + r.ResourceGroup
		}
		if strings.Contains(grouping, "Service") {
			key += "|" + strings.ToLower(r.Service)
		}
		key += "|" + strings.ToLower(r.Currency)
		g, tolerance := got[key], int64(r.Cells)
		if grouping == twoGroups {
			tolerance = 0 // a row is a cell: exact
		}
		if abs(g[0]-r.Micros) > tolerance || abs(g[1]-r.USDMicros) > tolerance {
			t.Errorf("%s %s: got %v, truth %+v", metric, key, g, r)
		}
	}
}

func abs(v int64) int64 { return max(v, -v) }

// TestTruthStream compares /sim/truth with Truth, and sums with their parts.
func TestTruthStream(t *testing.T) {
	c := start(t, azuresim.Options{})
	a := c.do("GET", "/sim/truth?from=2026-10-01&to=2026-11-20&metric=AmortizedCost&by=tenant,day,currency", "", "")
	var lines int
	var sum int64
	for sc := bufio.NewScanner(bytes.NewReader(a.body)); sc.Scan(); lines++ {
		var v struct {
			Tenant, Day, Currency string
			Micros                int64
		}
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil || v.Tenant == "" || v.Day == "" || v.Currency == "" {
			t.Fatalf("%s: %v", sc.Text(), err)
		}
		sum += v.Micros
	}
	rows, err := c.sim.Truth(azuresim.TruthQuery{Metric: "AmortizedCost", From: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		sum -= r.Micros
	}
	if lines < 300 || sum != 0 {
		t.Errorf("%d lines, differing by %d", lines, sum)
	}
	if a := c.do("GET", "/sim/truth?by=colour", "", ""); a.status != 400 {
		t.Errorf("unknown key: %d", a.status)
	}
	currencies := map[string]bool{}
	for _, r := range must(c.sim.Truth(azuresim.TruthQuery{Tenant: c.conn.Tenants[0].ID})) {
		currencies[r.Currency] = true
	}
	if len(currencies) != 2 {
		t.Errorf("first tenant bills in %v", currencies)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestLateness follows one day's cells from nothing to their last restatement.
func TestLateness(t *testing.T) {
	c := start(t, azuresim.Options{Planted: -1})
	day := time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)
	end := day.AddDate(0, 0, 1)
	state := func(at time.Time) map[string]int64 {
		out := map[string]int64{}
		for _, r := range must(c.sim.Truth(azuresim.TruthQuery{At: at, From: day, To: day, By: []string{"subscription", "resource_group", "service", "charge_type"}})) {
			if r.ChargeType == "Usage" {
				out[r.Subscription+r.ResourceGroup+r.Service] = r.Micros
			}
		}
		return out
	}
	if n := len(state(end.Add(8*time.Hour - time.Second))); n != 0 {
		t.Errorf("%d cells before 8 h", n)
	}
	settled := state(end.Add(72 * time.Hour))
	if n := len(state(end.Add(24 * time.Hour))); n != len(settled) || n < 500 {
		t.Errorf("%d cells after 24 h, %d after 72 h", n, len(settled))
	}
	previous, grown := map[string]int64{}, 0
	for h := 8; h <= 72; h++ {
		now := state(end.Add(time.Duration(h) * time.Hour))
		for k, v := range now {
			if v < previous[k] || float64(v) < 0.8499*float64(settled[k]) {
				t.Fatalf("%s: %d after %d, settled %d", k, v, previous[k], settled[k])
			}
			if v > previous[k] && previous[k] > 0 {
				grown++
			}
		}
		if !cmp.Equal(now, state(end.Add(time.Duration(h)*time.Hour))) {
			t.Fatal("the same instant gives two answers")
		}
		previous = now
	}
	if grown < 5*len(settled) || grown > 16*len(settled) {
		t.Errorf("%d steps of growth of %d cells", grown, len(settled))
	}
	if diff := cmp.Diff(settled, state(time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC))); diff != "" {
		t.Errorf("changed within the month: %s", diff)
	}
	last := state(time.Date(2026, 12, 5, 0, 0, 0, 0, time.UTC))
	restated := 0
	for k, v := range last {
		if v != settled[k] {
			restated++
			if d := float64(abs(v-settled[k])) / float64(settled[k]); d > 0.0301 {
				t.Errorf("%s restated by %v", k, d)
			}
		}
	}
	if share := float64(restated) / float64(len(last)); share < 0.05 || share > 0.15 {
		t.Errorf("%v of the cells are restated", share)
	}
	if diff := cmp.Diff(last, state(time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC))); diff != "" {
		t.Errorf("changed after the 5th: %s", diff)
	}
}

// TestEstateSizes checks the knobs, and that two processes agree on the same seed.
func TestEstateSizes(t *testing.T) {
	c := start(t, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 3, Groups: 20, Services: 40, Months: 2})
	day := noon.AddDate(0, 0, -10)
	for _, r := range must(c.sim.Truth(azuresim.TruthQuery{From: day, To: day, By: []string{"subscription"}})) {
		if r.Cells < 20*40-5 || r.Cells > 20*40+2 { // and a few charges of other kinds
			t.Errorf("%d cells", r.Cells)
		}
	}
	other := start(t, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 3, Groups: 20, Services: 40, Months: 2})
	q := azuresim.TruthQuery{By: []string{"tenant", "subscription", "day"}}
	if diff := cmp.Diff(must(c.sim.Truth(q)), must(other.sim.Truth(q))); diff != "" {
		t.Error(diff)
	}
	third := start(t, azuresim.Options{Seed: 2, Tenants: 2, SubscriptionsPerTenant: 3})
	if third.conn.Tenants[0].ID == c.conn.Tenants[0].ID || third.conn.ClientSecret == c.conn.ClientSecret {
		t.Error("another seed gives the same estate")
	}
}
