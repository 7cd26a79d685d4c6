package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
)

type trendRow struct {
	Overall []struct {
		Date     string  `json:"date"`
		Official shareOf `json:"official"`
	} `json:"overall"`
}

// TestComplianceFaults lets Azure misbehave: the last good snapshot stays, is marked as old, and nothing is
// said to have dropped.
func TestComplianceFaults(t *testing.T) {
	long(t)
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 1, SubscriptionsPerTenant: 3, Months: 2, Groups: 2, Services: 4})
		w := begin(t, sim, database, months(2), impatient)
		whole(t, w.policies(t))
		scores := func() scoresRow {
			return read[scoresRow](t, w, "/api/v1/compliance/scores?by=subscription").Data
		}
		before := scores()
		days := read[trendRow](t, w, "/api/v1/compliance/trends").Data.Overall
		rows, _ := pages[failingRow](t, w, "/api/v1/compliance/non-compliant?limit=500")
		same := func(name string) {
			t.Helper()
			now := scores()
			if d := diff(before.Overall.Counts, now.Overall.Counts); d != "" {
				t.Errorf("%s: counts (-before +now):\n%s", name, d)
			}
			list, _ := pages[failingRow](t, w, "/api/v1/compliance/non-compliant?limit=500")
			if len(list) != len(rows) {
				t.Errorf("%s: %d resources do not comply, there were %d", name, len(list), len(rows))
			}
		}
		sub := sim.Estate()[0].Subscriptions[0].ID
		harmless := []string{"429", "empty", "duplicates", "some 5xx", "nulls"}
		for _, c := range []struct {
			name string
			list []azuresim.Fault
		}{
			{"5xx", []azuresim.Fault{{API: "resourcegraph", Kind: "5xx", Status: 501}}},
			{"some 5xx", []azuresim.Fault{{API: "resourcegraph", Kind: "5xx", Probability: 0.3}}},
			{"html", []azuresim.Fault{{API: "resourcegraph", Kind: "html"}}},
			{"reset", []azuresim.Fault{{API: "resourcegraph", Kind: "reset"}}},
			{"429", []azuresim.Fault{{API: "resourcegraph", Kind: "429", Times: 4}}},
			{"throttled for hours", []azuresim.Fault{{API: "resourcegraph", Kind: "429", RetryAfterSeconds: 9000}}},
			{"truncated", []azuresim.Fault{{API: "resourcegraph", Kind: "truncated"}}},
			{"absent", []azuresim.Fault{{API: "resourcegraph", Kind: "absent"}}},
			{"absent now and then", []azuresim.Fault{{API: "resourcegraph", Kind: "absent", Subscription: sub, Probability: 0.5}}},
			{"empty", []azuresim.Fault{{API: "resourcegraph", Kind: "empty"}}},
			{"nulls", []azuresim.Fault{{API: "resourcegraph", Kind: "nulls", Probability: 0.2}}},
			{"duplicates", []azuresim.Fault{{API: "resourcegraph", Kind: "duplicates"}}},
			{"no properties", []azuresim.Fault{{API: "resourcegraph", Kind: "columns", Column: "properties"}}},
			{"insights forbid", []azuresim.Fault{{API: "resourcegraph", Kind: "absent"}, {API: "policyinsights", Kind: "5xx", Status: 501}}},
		} {
			if err := sim.SetFaults(c.list); err != nil {
				t.Fatal(err)
			}
			sim.Clock().Advance(time.Hour)
			w.restart(t, months(2), impatient)
			for _, r := range w.policies(t) {
				if r.Status != fresnel.Completed && (r.Reason == "" || r.Do == "") {
					t.Errorf("%s: %s without a reason: %+v", c.name, r.Status, r)
				}
				if r.Status == fresnel.Completed && !slices.Contains(harmless, c.name) && !strings.HasPrefix(c.name, "absent now") {
					t.Errorf("%s: %s read everything", c.name, r.TenantName)
				}
			}
			if !slices.Contains(harmless, c.name) {
				if now := scores(); now.Overall.State == "fresh" && !strings.HasPrefix(c.name, "absent now") {
					t.Errorf("%s: what was not read is said to be fresh: %+v", c.name, now.Overall)
				}
			}
			// An hour may change a state by itself: what was read in full is the truth, what was not is as before.
			if slices.Contains(harmless, c.name) {
				if err := sim.SetFaults(nil); err != nil {
					t.Fatal(err)
				}
				w.restart(t, months(2), impatient)
				whole(t, w.policies(t))
				w.sameCounts(t)
				before = scores()
				rows, _ = pages[failingRow](t, w, "/api/v1/compliance/non-compliant?limit=500")
				continue
			}
			if !strings.HasPrefix(c.name, "absent now") {
				same(c.name)
			}
		}
		// A day on which nothing could be read has no point, and the score has not dropped.
		if err := sim.SetFaults([]azuresim.Fault{{API: "resourcegraph", Kind: "5xx", Status: 501}}); err != nil {
			t.Fatal(err)
		}
		sim.Clock().Advance(24 * time.Hour)
		w.restart(t, months(2), impatient)
		w.policies(t)
		after := read[trendRow](t, w, "/api/v1/compliance/trends").Data.Overall
		if len(after) != len(days) {
			t.Errorf("%d days, there were %d", len(after), len(days))
		}
		if now := scores(); now.Overall.State != "stale" || now.Overall.Failed == 0 {
			t.Errorf("after a day without a reading: %+v", now.Overall)
		}
		if err := sim.SetFaults(nil); err != nil {
			t.Fatal(err)
		}
		// Rights that are lost are told as that.
		w.restart(t, months(2))
		whole(t, w.policies(t))
		before = scores()
		if err := sim.DenySubscription(sub, true); err != nil {
			t.Fatal(err)
		}
		w.policies(t)
		now := scores()
		if d := diff(before.Overall.Counts, now.Overall.Counts); d != "" || now.Overall.State == "fresh" {
			t.Errorf("a denied subscription: %s %s", now.Overall.State, d)
		}
		if err := sim.DenySubscription(sub, false); err != nil {
			t.Fatal(err)
		}
		whole(t, w.policies(t))
		if now := scores(); now.Overall.State != "fresh" {
			t.Errorf("after all is well again: %+v", now.Overall)
		}
	})
}

// sameCounts compares the whole and each subscription with the truth, where all are registered.
func (w *world) sameCounts(t *testing.T) {
	t.Helper()
	got := read[scoresRow](t, w, "/api/v1/compliance/scores?by=subscription").Data
	for _, c := range w.truthOf(t) {
		got.Overall.says(t, "overall", c)
	}
	for _, c := range w.truthOf(t, "subscription") {
		i := slices.IndexFunc(got.Subscriptions, func(r judgedRow) bool { return r.SubscriptionID == c.Subscription })
		if c.Unregistered == 0 {
			got.Subscriptions[i].says(t, "subscription "+c.Subscription, c)
		}
	}
}
