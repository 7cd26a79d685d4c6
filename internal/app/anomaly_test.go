package app_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
	"fresnel/internal/cost"
)

type anomaly struct {
	ID             int64         `json:"id"`
	Kind           string        `json:"kind"`
	State          string        `json:"state"`
	TenantID       string        `json:"tenant_id"`
	TenantName     string        `json:"tenant_name"`
	SubscriptionID string        `json:"subscription_id"`
	Service        string        `json:"service"`
	From           string        `json:"from"`
	To             string        `json:"to"`
	Lasting        bool          `json:"lasting"`
	Cost           money         `json:"cost"`
	Expected       money         `json:"expected"`
	USD            money         `json:"usd"`
	USDExpected    money         `json:"usd_expected"`
	Contributors   []contributor `json:"contributors"`
	FirstSeen      time.Time     `json:"first_seen"`
	Verdict        *said         `json:"verdict"`
}

type contributor struct {
	SubscriptionID string `json:"subscription_id"`
	Service        string `json:"service"`
	USDChange      money  `json:"usd_change"`
}

type said struct {
	Verdict string     `json:"verdict"`
	Note    string     `json:"note"`
	Author  string     `json:"author"`
	Expires *time.Time `json:"expires"`
}

// what is all that was measured, without the first day: that stays as it was
// first found while it moves by up to three days.
func (a anomaly) what() string {
	return fmt.Sprintln(a.Kind, a.TenantID, a.SubscriptionID, a.Service, a.To, a.Lasting, a.Cost, a.Expected, a.USD, a.USDExpected, a.Contributors)
}

// series names what an anomaly is of.
func (a anomaly) series() string {
	return a.TenantID + "|" + a.SubscriptionID + "|" + a.Service + "|" + a.Cost.Currency
}

// detected is what the search must find at this moment: the detector, asked
// about the simulator's truth of every tenant's amortized usage.
func (w *world) detected(t *testing.T) (raised, recurring []anomaly, judge fresnel.Period) {
	t.Helper()
	now := w.Clock().Now()
	settled := fresnel.DayOf(now.Add(-72 * time.Hour))
	held := fresnel.Period{From: settled - 255, To: settled} // 75 days and what tells the usual before them
	judge = fresnel.Period{From: settled - 75, To: settled}
	rows, err := w.Truth(azuresim.TruthQuery{
		From: held.From.Time(), To: (held.To - 1).Time(), Metric: "AmortizedCost", Cut: "charges",
		By: []string{"tenant", "subscription", "day", "service", "charge_type"},
	})
	if err != nil {
		t.Fatal(err)
	}
	type key struct{ tenant, sub, service, currency string }
	at, order := map[key]*cost.SeriesCost{}, []key(nil)
	for _, r := range rows {
		if !slices.Contains([]string{"Usage", "UnusedReservation", "UnusedSavingsPlan"}, r.ChargeType) {
			continue // bookings are no use
		}
		k := key{r.Tenant, r.Subscription, r.Service, r.Currency}
		if at[k] == nil {
			order = append(order, k)
			at[k] = &cost.SeriesCost{
				Subscription: k.sub, Service: k.service, Currency: k.currency, From: held.From,
				Micros: make([]int64, held.Days()), USD: make([]int64, held.Days()),
			}
		}
		d, err := fresnel.ParseDay(r.Day)
		if err != nil {
			t.Fatal(err)
		}
		at[k].Micros[d-held.From] += r.Micros
		at[k].USD[d-held.From] += r.USDMicros
	}
	slices.SortFunc(order, func(a, b key) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, te := range w.Estate() {
		in := cost.DetectInput{Tenant: fresnel.TenantID(te.ID), Held: held, Judge: judge}
		in.Held.From = max(held.From, w.charged(t, te.ID))
		in.Judge.From = max(judge.From, in.Held.From)
		for _, k := range order {
			if s := *at[k]; k.tenant == te.ID {
				n := in.Held.From - held.From
				s.From, s.Micros, s.USD = in.Held.From, s.Micros[n:], s.USD[n:]
				if slices.ContainsFunc(s.Micros, func(v int64) bool { return v != 0 }) {
					in.Series = append(in.Series, s)
				}
			}
		}
		found, known := cost.DetectAnomalies(in, cost.DefaultDetectOptions())
		for i, list := range [][]cost.Detected{found, known} {
			for _, d := range list {
				a := anomaly{
					Kind: string(d.Kind), TenantID: te.ID, SubscriptionID: d.Subscription, Service: d.Service, From: d.From.String(), To: d.To.String(), Lasting: d.Lasting,
					Cost: money{d.Actual, d.Currency}, Expected: money{d.Expected, d.Currency}, USD: money{d.USDActual, "USD"}, USDExpected: money{d.USDExpected, "USD"},
					Contributors: []contributor{},
				}
				for _, c := range d.Contributors {
					a.Contributors = append(a.Contributors, contributor{c.Subscription, c.Service, money{c.USDChange, "USD"}})
				}
				if i == 0 {
					raised = append(raised, a)
				} else {
					recurring = append(recurring, a)
				}
			}
		}
	}
	return raised, recurring, judge
}

// charged is the first day from which on the charges of all of a tenant's
// subscriptions are held: more months are than are asked for, once time goes by.
func (w *world) charged(t *testing.T, tenant string) fresnel.Day {
	t.Helper()
	var first fresnel.Day
	for _, row := range w.rows(t, "SELECT CAST(MIN(m.month) AS BIGINT) FROM cost_charge_month m JOIN subscription s ON s.num = m.sub JOIN tenant te ON te.num = s.tenant WHERE m.metric = 1 AND te.id = '"+tenant+"' GROUP BY s.num") {
		n, _ := row[0].(int64)
		first = max(first, fresnel.Day(n))
	}
	return first
}

// told lists the anomalies, or what is known to recur, of all days that are held.
func (w *world) told(t *testing.T, kind string) []anomaly {
	t.Helper()
	today := fresnel.DayOf(w.Clock().Now())
	list, _ := pages[anomaly](t, w, fmt.Sprintf("/api/v1/costs/%s?from=%s&to=%s&limit=50", kind, today.AddMonths(1-w.config.Months), today))
	return list
}

// found compares what is told with what must be found now. What was told
// before and is not among it must be too old to be judged again, and then
// stays as it was.
func (w *world) found(t *testing.T, kind string, want []anomaly, judge fresnel.Period, before []anomaly) []anomaly {
	t.Helper()
	told := w.told(t, kind)
	left := slices.Clone(want)
	for _, a := range told {
		i := slices.IndexFunc(left, func(b anomaly) bool { return a.what() == b.what() && near(t, a.From, b.From) })
		if i >= 0 {
			left = slices.Delete(left, i, i+1)
			continue
		}
		old := slices.IndexFunc(before, func(b anomaly) bool { return a.ID == b.ID && a.what() == b.what() && a.From == b.From })
		if old < 0 || a.From >= judge.From.String() {
			t.Errorf("%s: told and not to be found: %+v", kind, a)
		}
	}
	for _, a := range left {
		t.Errorf("%s: to be found and not told: %+v", kind, a)
	}
	return told
}

func near(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := fresnel.ParseDay(a)
	y, err2 := fresnel.ParseDay(b)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return size(int64(x-y)) <= 3
}

// TestAnomalies compares what searches of a synced estate find with what the
// detector says of the simulator's truth, and with the simulator's labels; lets
// people judge it; and lets days go by.
func TestAnomalies(t *testing.T) {
	t.Parallel()
	long(t)
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 4, SubscriptionsPerTenant: 4, Planted: 16, Start: late.Add(20 * 24 * time.Hour)}) // some are yet to come
		w := begin(t, sim, database, months(8), viewers)
		var ids []string
		for _, te := range sim.Estate() {
			ids = append(ids, te.ID)
		}
		w.headers = []string{"X-Viewer", strings.Join(ids, ",")}
		whole(t, w.sync(t))
		raised, recurring, judge := w.detected(t)
		first := w.found(t, "anomalies", raised, judge, nil)
		known := w.found(t, "recurring", recurring, judge, nil)
		w.labelled(t, first)
		for _, a := range slices.Concat(first, known) {
			if a.State != "open" || a.Verdict != nil || !a.FirstSeen.Equal(late) {
				t.Errorf("nobody has judged it yet: %+v", a)
			}
		}
		if n := whole(t, w.sync(t)); n != 0 {
			t.Errorf("the same sync again wrote %d rows", n)
		}
		w.found(t, "anomalies", raised, judge, first)
		judged := w.verdicts(t, first)
		w.strangers(t, first[0])

		// Days go by. All settled days are judged again: what was found may be
		// more, or less, or gone.
		before, changed, resolved, fresh := first, 0, 0, 0
		for range 7 {
			sim.Clock().Advance(3*24*time.Hour + time.Hour)
			whole(t, w.sync(t))
			raised, recurring, judge = w.detected(t)
			told := w.found(t, "anomalies", raised, judge, before)
			known = w.found(t, "recurring", recurring, judge, known)
			for _, b := range before {
				i := slices.IndexFunc(told, func(a anomaly) bool { return a.ID == b.ID })
				switch {
				case i < 0:
					resolved++
					if a := w.anomaly(t, b.ID); a.State != "resolved" {
						t.Errorf("no longer found, and %s: %+v", a.State, a)
					}
				case told[i].what() != b.what():
					changed++
				}
			}
			for _, a := range told {
				if !slices.ContainsFunc(before, func(b anomaly) bool { return a.ID == b.ID }) {
					fresh++
				}
				if want := judged[a.ID]; want != "" && a.State != want {
					t.Errorf("%d was judged %s and is %s after a sync", a.ID, want, a.State)
				}
			}
			before = told
		}
		t.Logf("20 days later: %d anomalies changed, %d resolved, %d new", changed, resolved, fresh)
		if changed == 0 || fresh == 0 { // that one is resolved depends on the estate: the search has a test of it
			t.Error("the test does not show what it should")
		}
	})
}

// TestLeftOutOfSearch has one subscription not read for some days: it is left
// out of the search, and what was found of it stays as it was.
func TestLeftOutOfSearch(t *testing.T) {
	t.Parallel()
	long(t)
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 2, SubscriptionsPerTenant: 4, Planted: 12, Start: late.Add(20 * 24 * time.Hour)})
		w := begin(t, sim, database, months(6))
		whole(t, w.sync(t))
		raised, _, judge := w.detected(t)
		first := w.found(t, "anomalies", raised, judge, nil)
		count := map[string]int{} // of findings that are still to be judged when days have gone by
		for _, a := range first {
			if a.From >= (judge.From + 14).String() {
				count[a.SubscriptionID]++
			}
		}
		sub, most := "", 0
		for id, n := range count {
			if n > most {
				sub, most = id, n
			}
		}
		if err := sim.SetFaults([]azuresim.Fault{{API: "cost", Kind: "5xx", Status: 501, Subscription: sub}}); err != nil {
			t.Fatal(err)
		}
		changed := 0
		for range 3 {
			sim.Clock().Advance(4*24*time.Hour + time.Hour)
			w.sync(t)
			told := w.told(t, "anomalies")
			for _, a := range first {
				i := slices.IndexFunc(told, func(b anomaly) bool { return a.ID == b.ID })
				switch {
				case a.SubscriptionID == sub && (i < 0 || told[i].what() != a.what() || told[i].State != "open"):
					t.Errorf("it was not read, and its anomaly did not stay: %+v", a)
				case a.SubscriptionID != sub && (i < 0 || told[i].what() != a.what()):
					changed++
				}
			}
		}
		if most == 0 || changed == 0 {
			t.Errorf("%d findings stayed, %d of others changed: the test shows nothing", most, changed)
		}
		if err := sim.SetFaults(nil); err != nil {
			t.Fatal(err)
		}
		before := w.told(t, "anomalies")
		sim.Clock().Advance(21 * time.Hour)
		whole(t, w.sync(t))
		raised, _, judge = w.detected(t)
		w.found(t, "anomalies", raised, judge, before)
	})
}

// labelled compares with what was planted: a finding is of the same kind,
// series and days.
func (w *world) labelled(t *testing.T, found []anomaly) {
	t.Helper()
	labels := w.Planted()
	right := 0
	for _, a := range found {
		if slices.ContainsFunc(labels, func(l azuresim.Planted) bool {
			to := l.To
			if l.Kind != "growth" { // any of its days
				to = l.From
			}
			return l.Raise && l.Kind == a.Kind && l.Subscription == a.SubscriptionID && (a.Service == "" || a.Service == l.Service) &&
				(near(t, l.From, a.From) || l.Kind == "growth" && a.From <= to && a.To >= l.From)
		}) {
			right++
		} else {
			t.Logf("of no label: %+v", a)
		}
	}
	t.Logf("%d of %d findings are of planted labels (%d labels)", right, len(found), len(labels))
	if right < 15 || float64(right) < 0.9*float64(len(found)) {
		t.Errorf("%d of %d findings are of planted labels", right, len(found))
	}
}

func (w *world) anomaly(t *testing.T, id int64) anomaly {
	t.Helper()
	return read[anomaly](t, w, fmt.Sprintf("/api/v1/costs/anomalies/%d", id)).Data
}

// say judges an anomaly.
func (w *world) say(t *testing.T, id int64, verdict, note, expires string) anomaly {
	t.Helper()
	a := w.send("POST", verdictPath(id), map[string]string{"verdict": verdict, "note": note, "expires": expires}, w.headers...)
	var v wire[anomaly]
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != 200 {
		t.Errorf("%s %s: %d %s", a.path, verdict, a.status, a.body)
	}
	return v.Data
}

func verdictPath(id int64) string { return fmt.Sprintf("/api/v1/costs/anomalies/%d/verdict", id) }

// verdicts judges some anomalies, and gives the states that must stay.
func (w *world) verdicts(t *testing.T, list []anomaly) map[int64]string {
	t.Helper()
	// Five of different series, and the others of the fourth one.
	var some []anomaly
	for _, a := range list {
		if !slices.ContainsFunc(some, func(b anomaly) bool { return a.series() == b.series() }) {
			some = append(some, a)
		}
	}
	if len(some) < 6 {
		t.Fatalf("%d series with anomalies: the test shows nothing", len(some))
	}
	seen, reopened, takenBack, expected, expiring := some[0], some[1], some[2], some[3], some[4]
	today := fresnel.DayOf(w.Clock().Now())
	for _, c := range []struct {
		id     int64
		body   any
		status int
	}{
		{seen.ID, map[string]string{"verdict": "expected", "expires": (today + 9).String()}, 400},                  // no note
		{seen.ID, map[string]string{"verdict": "expected", "note": " \t", "expires": (today + 9).String()}, 400},   // none either
		{seen.ID, map[string]string{"verdict": "expected", "note": "why"}, 400},                                    // no end
		{seen.ID, map[string]string{"verdict": "expected", "note": "why", "expires": (today - 1).String()}, 400},   // it is over
		{seen.ID, map[string]string{"verdict": "expected", "note": "why", "expires": (today + 400).String()}, 400}, // for ever
		{seen.ID, map[string]string{"verdict": "expected", "note": "why", "expires": "2026-11-31"}, 400},           // no day
		{seen.ID, map[string]string{"verdict": "expected", "note": "why", "expires": "31.12.2026"}, 400},
		{seen.ID, map[string]string{"verdict": "expected", "note": strings.Repeat("x", 2001), "expires": (today + 9).String()}, 422},
		{seen.ID, map[string]string{"verdict": "fine"}, 422},
		{seen.ID, map[string]string{"verdict": "resolved"}, 422}, // Azure decides that
		{seen.ID, map[string]string{}, 422},
		{seen.ID, map[string]string{"verdict": "acknowledged", "colour": "red"}, 422},
		{seen.ID, "acknowledged", 422},
		{987654321, map[string]string{"verdict": "acknowledged"}, 404},
		{0, map[string]string{"verdict": "acknowledged"}, 422},
		{-1, map[string]string{"verdict": "acknowledged"}, 422},
	} {
		refused(t, w.send("POST", verdictPath(c.id), c.body, w.headers...), c.status)
	}
	refused(t, w.send("POST", verdictPath(seen.ID), map[string]string{"verdict": "acknowledged"}, append([]string{"Sec-Fetch-Site", "cross-site"}, w.headers...)...), 403)
	if a := w.anomaly(t, seen.ID); a.State != "open" || a.Verdict != nil {
		t.Errorf("what was refused was kept: %+v", a)
	}

	states := map[int64]string{seen.ID: "acknowledged", reopened.ID: "open", takenBack.ID: "open"}
	if a := w.say(t, seen.ID, "acknowledged", "", ""); a.State != "acknowledged" || a.Verdict == nil || a.Verdict.Author == "" {
		t.Errorf("acknowledged: %+v", a)
	}
	w.say(t, reopened.ID, "acknowledged", "I look after it", "")
	if a := w.say(t, reopened.ID, "open", "", ""); a.State != "open" || a.Verdict != nil {
		t.Errorf("reopened: %+v", a)
	}
	w.say(t, takenBack.ID, "expected", "load test", (today + 60).String())
	w.say(t, takenBack.ID, "open", "", "")
	last := today + 40 // beyond the days that go by
	if a := w.say(t, expected.ID, "expected", "=migration", last.String()); a.State != "expected" || a.Verdict == nil || a.Verdict.Note != "=migration" || !a.Verdict.Expires.Equal((last + 1).Time()) {
		t.Errorf("expected: %+v", a)
	}
	for _, a := range list { // said of the series: nothing of it is raised
		if a.series() == expected.series() {
			states[a.ID] = "expected"
		}
	}
	w.asJudged(t, states)

	// The day on which it is expected last is over: nothing else happens, and it is open again.
	w.say(t, expiring.ID, "expected", "one more day", today.String())
	w.asJudged(t, map[int64]string{expiring.ID: "expected"})
	w.Clock().Advance((today + 1).Time().Sub(w.Clock().Now()) - time.Second)
	w.asJudged(t, map[int64]string{expiring.ID: "expected"})
	w.Clock().Advance(2 * time.Second)
	w.restart(t, months(w.config.Months), viewers) // an answer is kept for half a minute of real time
	w.asJudged(t, map[int64]string{expiring.ID: "open"})
	w.asJudged(t, states)
	return states
}

// asJudged compares the states that the list, its filter and the single
// anomaly tell.
func (w *world) asJudged(t *testing.T, states map[int64]string) {
	t.Helper()
	list := w.told(t, "anomalies")
	for id, want := range states {
		i := slices.IndexFunc(list, func(a anomaly) bool { return a.ID == id })
		if i < 0 || list[i].State != want || w.anomaly(t, id).State != want {
			t.Errorf("%d is not %s: %+v", id, want, w.anomaly(t, id))
		}
	}
	for _, state := range []string{"open", "acknowledged", "expected"} {
		today := fresnel.DayOf(w.Clock().Now())
		got, _ := pages[anomaly](t, w, fmt.Sprintf("/api/v1/costs/anomalies?from=%s&to=%s&state=%s", today.AddMonths(1-w.config.Months), today, state))
		n := 0
		for _, a := range list {
			if a.State == state {
				n++
			}
		}
		if len(got) != n || slices.ContainsFunc(got, func(a anomaly) bool { return a.State != state }) {
			t.Errorf("state=%s gives %d of %d", state, len(got), n)
		}
	}
}

// strangers lets viewers of other tenants ask for an anomaly and judge it:
// there is none, in the words of one that does not exist.
func (w *world) strangers(t *testing.T, a anomaly) {
	t.Helper()
	before := w.anomaly(t, a.ID)
	for _, viewer := range []string{"", w.other(a.TenantID)} {
		said := map[string]string{"verdict": "open"}
		for _, p := range [][2]answer{
			{w.ask("GET", fmt.Sprintf("/api/v1/costs/anomalies/%d", a.ID), "X-Viewer", viewer), w.ask("GET", "/api/v1/costs/anomalies/987654321", "X-Viewer", viewer)},
			{w.send("POST", verdictPath(a.ID), said, "X-Viewer", viewer), w.send("POST", verdictPath(987654321), said, "X-Viewer", viewer)},
		} {
			foreign, none := refused(t, p[0], 404), refused(t, p[1], 404)
			if strings.ReplaceAll(foreign.Detail, fmt.Sprint(a.ID), "ID") != strings.ReplaceAll(none.Detail, "987654321", "ID") {
				t.Errorf("%q, and of one that does not exist %q", foreign.Detail, none.Detail)
			}
		}
	}
	if after := w.anomaly(t, a.ID); after.State != before.State {
		t.Errorf("a stranger made %s of %s", after.State, before.State)
	}
}

// other is a tenant that is not the one.
func (w *world) other(id string) string {
	for _, te := range w.Estate() {
		if te.ID != id {
			return te.ID
		}
	}
	return ""
}
