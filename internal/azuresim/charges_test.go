package azuresim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

func utc(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// sums asks for the truth by some keys and adds it up under the values of them.
func (c *client) sums(q azuresim.TruthQuery, key func(azuresim.TruthRow) string) map[string]int64 {
	c.t.Helper()
	rows, err := c.sim.Truth(q)
	if err != nil {
		c.t.Fatal(err)
	}
	out := map[string]int64{}
	for _, r := range rows {
		out[key(r)] += r.Micros
	}
	return out
}

func currencyOf(r azuresim.TruthRow) string { return r.Currency }

// TestChargeTypes checks that every type of charge is there, and that usage is what the others leave.
func TestChargeTypes(t *testing.T) {
	c := start(t, azuresim.Options{Tenants: 12})
	byCharge := func(r azuresim.TruthRow) string { return r.Currency + " " + r.ChargeType }
	q := azuresim.TruthQuery{From: utc(2026, 1, 1), To: utc(2026, 11, 10), By: []string{"charge_type"}}
	actual := c.sums(q, byCharge)
	q.Metric = "AmortizedCost"
	amortized := c.sums(q, byCharge)
	for kind, want := range map[string][2]bool{ // in ActualCost, in AmortizedCost
		"Usage": {true, true}, "Purchase": {true, true}, "Refund": {true, true}, "RoundingAdjustment": {true, true},
		"UnusedReservation": {false, true}, "UnusedSavingsPlan": {false, true},
	} {
		if got := [2]bool{actual["EUR "+kind] != 0, amortized["EUR "+kind] != 0}; got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
	if actual["EUR Refund"] >= 0 || amortized["EUR Refund"] != actual["EUR Refund"] {
		t.Errorf("refunds %d and %d", actual["EUR Refund"], amortized["EUR Refund"])
	}
	usage := c.sums(azuresim.TruthQuery{Metric: "Usage", Cut: "charges", From: q.From, To: q.To}, currencyOf)
	whole := c.sums(azuresim.TruthQuery{Metric: "ActualCost", Cut: "charges", From: q.From, To: q.To}, currencyOf)
	parts := c.sums(azuresim.TruthQuery{Metric: "ActualCost", Cut: "charges", From: q.From, To: q.To, By: []string{"charge_type"}}, byCharge)
	for cur, v := range whole {
		for key, part := range parts {
			if strings.HasPrefix(key, cur) && key != cur+" Usage" {
				v -= part
			}
		}
		if v != usage[cur] || usage[cur] != parts[cur+" Usage"] {
			t.Errorf("%s: usage %d, actual without the rest %d", cur, usage[cur], v)
		}
	}
	publishers := c.sums(azuresim.TruthQuery{By: []string{"publisher", "charge_type"}}, func(r azuresim.TruthRow) string { return r.Publisher + r.ChargeType })
	for _, key := range []string{"AzureUsage", "AzurePurchase", "MarketplaceUsage", "MarketplacePurchase"} {
		if publishers[key] <= 0 {
			t.Errorf("no %s", key)
		}
	}
}

// TestCommitments checks that what a payment is spread into adds up to it, for each commitment whose
// payments fall on the first of the month, and that there are others.
func TestCommitments(t *testing.T) {
	c := start(t, azuresim.Options{Tenants: 12, Planted: -1})
	from, to := utc(2026, 9, 1), utc(2026, 9, 30)
	type sum struct{ paid, used, unused int64 }
	bySub, kinds, varied := map[string]*sum{}, map[string]int{}, map[int64]bool{}
	for _, metric := range []string{"ActualCost", "AmortizedCost"} {
		q := azuresim.TruthQuery{Metric: metric, From: from, To: to, Cut: "charges", By: []string{"subscription", "day", "resource", "service", "resource_group", "charge_type"}}
		for _, r := range must(c.sim.Truth(q)) {
			s := bySub[r.Subscription]
			if s == nil {
				s = &sum{}
				bySub[r.Subscription] = s
			}
			order := strings.Contains(r.Resource, "orders/")
			switch {
			case order && r.ChargeType == "Purchase":
				if r.ResourceGroup != "" || metric != "ActualCost" {
					t.Errorf("purchase %+v", r)
				}
				s.paid += r.Micros
				kinds[fmt.Sprint(strings.Contains(r.Resource, "reservation"), strings.HasSuffix(r.Day, "-01"))]++
			case order:
				s.unused += r.Micros
				varied[r.Micros] = true
			}
		}
	}
	if kinds["true true"] == 0 || kinds["true false"] == 0 || kinds["false true"] == 0 || len(varied) < 100 {
		t.Errorf("kinds of commitment %v, %d values unused", kinds, len(varied))
	}
	// The used part: amortized machines minus the machines on demand.
	machines := func(metric string) map[string]int64 {
		return c.sums(azuresim.TruthQuery{Metric: metric, From: from, To: to, By: []string{"subscription", "service", "charge_type"}}, func(r azuresim.TruthRow) string {
			if r.Service != "Virtual Machines" || r.ChargeType != "Usage" {
				return ""
			}
			return r.Subscription
		})
	}
	actual, checked := machines("ActualCost"), 0
	for id, v := range machines("AmortizedCost") {
		s := bySub[id]
		if id == "" || s.paid == 0 || s.unused == 0 {
			continue
		}
		if used := v - actual[id]; abs(s.paid-used-s.unused) < 100 { // rounding of 60 rows
			checked++
		}
	}
	if checked < 15 {
		t.Errorf("%d commitments add up in their month", checked)
	}
}

// TestResources compares the resources that queries give with their truth, and with the whole.
func TestResources(t *testing.T) {
	c := start(t, azuresim.Options{MarkupNames: true})
	const grouping = `[{"type":"Dimension","name":"ResourceId"},{"type":"Dimension","name":"ServiceName"}]`
	_, sub := c.delegated()
	spellings := map[string]map[string]bool{}
	for _, granularity := range []string{"Daily", "Monthly", "None"} {
		body := strings.Replace(dailyBody("AmortizedCost", "2026-10-01", "2026-10-31", grouping), "Daily", granularity, 1)
		cols, rows, _ := c.pages(costPath(sub.ID), c.token, body)
		id := slices.Index(cols, "ResourceId")
		got := map[string]int64{}
		for _, r := range rows {
			name := r[id].(string) //nolint:errcheck // a text column
			key := strings.ToLower(name)
			if spellings[key] == nil {
				spellings[key] = map[string]bool{}
			}
			spellings[key][name] = true
			got[fmt.Sprint(key, "|", r[id+1])] += micros(t, r[0])
		}
		q := azuresim.TruthQuery{Metric: "AmortizedCost", Subscription: sub.ID, From: utc(2026, 10, 1), To: utc(2026, 10, 31), Cut: "resources", By: []string{"resource", "service"}}
		if granularity == "Daily" {
			q.By = append(q.By, "day")
		}
		want := c.sums(q, func(r azuresim.TruthRow) string { return r.Resource + "|" + r.Service })
		if len(want) != len(got) || len(want) < 20 {
			t.Fatalf("%s: %d resources, truth %d", granularity, len(got), len(want))
		}
		for key, v := range want {
			if got[key] != v {
				t.Errorf("%s %s: %d, truth %d", granularity, key, got[key], v)
			}
		}
	}
	several, markup := 0, false
	for key, list := range spellings {
		several += boolInt(len(list) > 1)
		markup = markup || strings.Contains(key, "<b onclick")
	}
	if several < 15 || !markup {
		t.Errorf("%d ids in several spellings, markup %v", several, markup)
	}
}

// TestSplitIsExact checks in nanos that the resources of all cells add up to them.
func TestSplitIsExact(t *testing.T) {
	c := start(t, azuresim.Options{})
	_, sub := c.delegated()
	sum := func(grouping string) map[string]string {
		out := map[string]string{}
		body := strings.Replace(dailyBody("ActualCost", "2025-12-01", "2026-11-20", grouping), "Daily", "None", 1)
		cols, rows, _ := c.pages(costPath(sub.ID), c.token, body)
		at := slices.Index(cols, "ServiceName")
		for _, r := range rows {
			for i := range 2 {
				key := cols[i] + fmt.Sprint(r[at])
				out[key] = nanos(t, out[key], fmt.Sprint(r[i]))
			}
		}
		return out
	}
	whole := sum(`[{"type":"Dimension","name":"ServiceName"}]`)
	parts := sum(`[{"type":"Dimension","name":"ResourceId"},{"type":"Dimension","name":"ServiceName"}]`)
	for key, v := range whole {
		if parts[key] != v {
			t.Errorf("%s: %s, resources %s", key, v, parts[key])
		}
	}
}

// nanos adds decimal texts exactly.
func nanos(t *testing.T, a, b string) string {
	t.Helper()
	var sum int64
	for _, text := range []string{a, b} {
		if text == "" {
			continue
		}
		var n int64
		if _, err := fmt.Sscan(strings.Replace(text, ".", "", 1), &n); err != nil || len(text)-strings.Index(text, ".") != 10 {
			t.Fatalf("%q: %v", text, err)
		}
		sum += n
	}
	sign := ""
	if sum < 0 {
		sign, sum = "-", -sum
	}
	return fmt.Sprintf("%s%d.%09d", sign, sum/1e9, sum%1e9)
}

// TestRanges checks that long ranges lose their beginning without a word, as Azure's do.
func TestRanges(t *testing.T) {
	c := start(t, azuresim.Options{Months: 20})
	_, sub := c.delegated()
	body := strings.Replace(dailyBody("ActualCost", "2025-06-01", "2026-11-20", `[]`), "Daily", "Monthly", 1)
	if _, rows, _ := c.pages(costPath(sub.ID), c.token, body); len(rows) != 13 || rows[0][2] != "2025-11-01T00:00:00" {
		t.Errorf("%d months", len(rows))
	}
	body = strings.Replace(body, "2025-06", "2022-06", 1)
	if a := c.do("POST", costPath(sub.ID), c.token, body); a.status != 400 {
		t.Errorf("37 months: %d", a.status)
	}
}
