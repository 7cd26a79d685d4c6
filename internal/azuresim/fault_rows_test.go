package azuresim_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fresnel/internal/azuresim"
)

// TestRowFaults strikes with each fault that spoils rows, and checks that what they say stays true.
func TestRowFaults(t *testing.T) {
	c := start(t, azuresim.Options{})
	_, sub := c.delegated()
	path, body := costPath(sub.ID), dailyBody("ActualCost", "2026-11-01", "2026-11-20", twoGroups)
	strike := func(f azuresim.Fault) {
		t.Helper()
		if err := c.sim.SetFaults([]azuresim.Fault{f}); err != nil {
			t.Fatal(err)
		}
	}
	sums := func(rows [][]any) map[string]int64 {
		out := map[string]int64{}
		for _, r := range rows {
			key := ""
			for _, v := range r[2:] {
				if text, ok := v.(string); ok {
					key += "|" + strings.ToLower(text)
				}
			}
			out[key] += micros(t, r[0])
		}
		return out
	}
	columns, whole, _ := c.pages(path, c.token, body)

	strike(azuresim.Fault{API: "cost", Kind: "duplicates", Times: 1})
	for _, top := range []string{"", "&$top=7"} {
		strike(azuresim.Fault{API: "cost", Kind: "duplicates"})
		_, rows, n := c.pages(path+top, c.token, body)
		if diff := cmp.Diff(sums(whole), sums(rows)); len(rows) != 2*len(whole) || n < 2 || top != "" && n < 10 || !within(sums(whole), sums(rows), int64(len(rows))) {
			t.Errorf("duplicates: %d rows on %d pages, %s", len(rows), n, diff)
		}
	}
	strike(azuresim.Fault{API: "cost", Kind: "case"})
	_, mixed, _ := c.pages(path, c.token, body)
	if !cmp.Equal(sums(whole), sums(mixed)) || cmp.Equal(whole, mixed) {
		t.Error("case changed more than names, or nothing")
	}
	for _, column := range []string{"", "UsageDate", "Currency"} {
		strike(azuresim.Fault{API: "cost", Kind: "columns", Column: column, Times: 1})
		got, rows, _ := c.pages(path, c.token, body)
		if column == "" {
			column = "Cost"
		}
		if len(got) != len(columns)-1 || slices.Contains(got, column) || len(rows[0]) != len(got) || len(rows) != len(whole) {
			t.Errorf("columns without %s: %v", column, got)
		}
	}
	strike(azuresim.Fault{API: "cost", Kind: "pretaxcost"})
	if a := c.do("POST", path, c.token, body); a.status != 400 || !strings.Contains(string(a.body), "Invalid dataset aggregation 'Cost'; valid values: 'PreTaxCost'") {
		t.Errorf("pretaxcost: %d %s", a.status, a.body)
	}
	if cols, rows, _ := c.pages(path, c.token, preTax(body)); cols[0] != "PreTaxCost" || !cmp.Equal(rows, whole) {
		t.Errorf("pretaxcost: columns %v", cols)
	}
	strike(azuresim.Fault{API: "arm", Kind: "case"})
	if a := c.do("GET", "/subscriptions?api-version=2022-12-01", c.token, ""); strings.Contains(string(a.body), sub.ID) || !strings.Contains(strings.ToLower(string(a.body)), sub.ID) {
		t.Error("case left the ids of subscriptions alone")
	}
}

// within says whether sums differ by no more than roundings.
func within(a, b map[string]int64, most int64) bool {
	for k, v := range a {
		if abs(v-b[k]) > most {
			return false
		}
	}
	return len(a) == len(b)
}

// TestTruncatedGzip checks that compression ends early, and that clients without it see nothing.
func TestTruncatedGzip(t *testing.T) {
	c := start(t, azuresim.Options{Faults: []azuresim.Fault{{API: "*", Kind: "gzip"}}})
	_, sub := c.delegated()
	_, err := c.try("POST", costPath(sub.ID), c.token, dailyBody("ActualCost", "2026-11-01", "2026-11-20", twoGroups))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read to the end: %v", err)
	}
	tr, ok := c.http.Transport.(*http.Transport)
	if !ok {
		t.Fatal("another transport")
	}
	tr = tr.Clone()
	tr.DisableCompression = true
	defer tr.CloseIdleConnections()
	c.http.Transport = tr
	if a := c.do("GET", "/subscriptions?api-version=2022-12-01", c.token, ""); a.status != 200 {
		t.Errorf("without compression: %d", a.status)
	}
}

// TestTokenExpiresEarly checks that a struck token stays refused, and that a new one is not.
func TestTokenExpiresEarly(t *testing.T) {
	c := start(t, azuresim.Options{})
	_, sub := c.delegated()
	body := dailyBody("ActualCost", "2026-11-01", "2026-11-20", twoGroups)
	if err := c.sim.SetFaults([]azuresim.Fault{{API: "cost", Kind: "expired", Times: 1}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if a := c.do("POST", costPath(sub.ID), c.token, body); a.status != 401 || a.code(t) != "ExpiredAuthenticationToken" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := c.do("GET", "/subscriptions?api-version=2022-12-01", c.token, ""); a.status != 401 {
		t.Errorf("another API takes the expired token: %d", a.status)
	}
	if a := c.do("POST", costPath(sub.ID), c.mint(c.conn.ClientID, "https://management.azure.com"), body); a.status != 200 {
		t.Errorf("a new token: %d", a.status)
	}
}

// TestHarsh checks the halved buckets, waits that grow for those who come early, and refusals for nothing.
func TestHarsh(t *testing.T) {
	c := start(t, azuresim.Options{Throttle: "harsh"})
	_, sub := c.delegated()
	body := dailyBody("ActualCost", "2026-11-20", "2026-11-21", `[]`)
	statuses, last := []int{}, 0
	for range 5 {
		a := c.do("POST", costPath(sub.ID), c.token, body)
		statuses = append(statuses, a.status)
		after, _ := strconv.Atoi(a.header.Get(costHeader + "Entity-Retry-After"))
		if a.status == 429 && after <= last {
			t.Errorf("wait of %d after one of %d", after, last)
		}
		last = after
	}
	if !cmp.Equal(statuses, []int{200, 200, 429, 429, 429}) || last < 50 {
		t.Errorf("statuses %v, at last %d seconds", statuses, last)
	}
}

// TestThrottleSpeed drains a fast bucket, waits as told and is served; some are refused for nothing.
func TestThrottleSpeed(t *testing.T) {
	c := start(t, azuresim.Options{Throttle: "harsh", ThrottleSpeed: 600})
	var silent, served int
	subs := []azuresim.EstateSubscription{}
	for _, tenant := range c.sim.Estate() {
		for _, s := range tenant.Subscriptions {
			if tenant.Kind == "delegated" && s.Costs && s.Offer != payg {
				subs = append(subs, s)
			}
		}
	}
	body := dailyBody("ActualCost", "2026-11-20", "2026-11-21", `[]`)
	began := time.Now()
	for i := range 120 {
		a := c.do("POST", costPath(subs[i%len(subs)].ID), c.token, body)
		switch wait := a.header.Get("Retry-After") + a.header.Get(costHeader+"Entity-Retry-After") + a.header.Get(costHeader+"Qpu-Retry-After"); {
		case a.status == 200:
			served++
		case wait == "":
			silent++
		default:
			time.Sleep(60 * time.Millisecond) // the least that can be told is a second
		}
	}
	if silent == 0 || silent > 15 || served < 60 || time.Since(began) > 10*time.Second {
		t.Errorf("%d served, %d refused without a header, in %v", served, silent, time.Since(began))
	}
	if _, err := azuresim.New(azuresim.Options{Throttle: "half"}); err == nil {
		t.Error("an unknown preset was taken")
	}
}
