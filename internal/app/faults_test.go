package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azuresim"
)

// faulty is the estate that faults strike: two delegated tenants and one with
// an app of its own, with few cells, because there are many storms.
var faulty = azuresim.Options{Tenants: 3, SubscriptionsPerTenant: 2, Months: 2, Groups: 2, Services: 4}

// impatient bounds an attempt, so that a hang does not last a minute.
func impatient(_ *app.Config, o *app.Options) { o.TryTimeout = 1500 * time.Millisecond }

// TestFaults lets Azure misbehave in each way, and in all ways at once. What
// is held must afterwards be, window by window, what Azure showed before or
// what it shows now, and a run must say what it did not read. Once Azure
// behaves, the next sync makes all true.
func TestFaults(t *testing.T) {
	t.Parallel()
	every := func(kind string, p float64) azuresim.Fault {
		return azuresim.Fault{API: "*", Kind: kind, Probability: p}
	}
	all := []azuresim.Fault{
		every("429", 0.06), every("5xx", 0.06), every("hang", 0.06), every("reset", 0.06), every("html", 0.06),
		{API: "cost", Kind: "5xx", Status: 501, Probability: 0.06},
		{API: "cost", Kind: "empty", Probability: 0.1},
		{API: "arm", Kind: "empty", Probability: 0.1},
		every("nulls", 0.1), every("gzip", 0.06), every("expired", 0.06), every("case", 0.1), every("columns", 0.1), every("pretaxcost", 0.1), every("duplicates", 0.2),
	}
	// The faults that are only other ways to say the same.
	harmless := []string{"case", "pretaxcost", "duplicates"}
	throttle := func(headers ...string) (list []azuresim.Fault) {
		for _, h := range headers {
			list = append(list, azuresim.Fault{API: "cost", Kind: "429", Header: h, Probability: 0.25, Times: 3})
		}
		return list
	}
	// The statuses of the simulator's answers, so far as they show a fault; 0 is a broken connection.
	struck := map[string][]int{"expired": {401}, "pretaxcost": {400}, "429": {429}, "5xx": {500, 501, 503, 504}, "hang": {0}, "reset": {0}, "html": {502}, "all": {429, 503, 502, 0}}
	for name, storms := range map[string][][]azuresim.Fault{
		"429": {
			{every("429", 0.2)},
			append(throttle("retry-after", "retry-after-date", "retry-after-ms"), azuresim.Fault{API: "cost", Kind: "429", Header: "none", Times: 1}),
			throttle("qpu", "entity", "tenant", "clienttype"),
		},
		"5xx": {
			{every("5xx", 0.3)},
			{{API: "*", Kind: "5xx", Status: 500, Probability: 0.3}},
			{{API: "*", Kind: "5xx", Status: 504, Header: "retry-after", Probability: 0.2}},
			{{API: "cost", Kind: "5xx", Status: 501, Probability: 0.3}}, // one that is not tried again
		},
		"hang":    {{every("hang", 0.2)}, {{API: "*", Kind: "hang", HangSeconds: 0.3, Probability: 0.3}}},
		"reset":   {{every("reset", 0.3)}, {{API: "cost", Kind: "reset", Probability: 0.5}}},
		"html":    {{every("html", 0.3)}, {{API: "cost", Kind: "html", Probability: 0.5}}},
		"empty":   {{{API: "cost", Kind: "empty", Probability: 0.5}, {API: "arm", Kind: "empty"}}, {{API: "*", Kind: "empty"}}},
		"nulls":   {{every("nulls", 0.4)}, {every("nulls", 0.6)}},
		"gzip":    {{every("gzip", 0.3)}, {{API: "cost", Kind: "gzip", Probability: 0.5}}},
		"expired": {{every("expired", 0.3)}, {{API: "cost", Kind: "expired", Probability: 0.5}, {API: "consumption", Kind: "expired"}}},
		"columns": {
			{{API: "cost", Kind: "columns", Probability: 0.5}},
			{{API: "cost", Kind: "columns", Column: "Currency", Probability: 0.3}, {API: "cost", Kind: "columns", Column: "ServiceName", Probability: 0.3}},
			{{API: "cost", Kind: "columns", Column: "UsageDate", Probability: 0.5}, {API: "cost", Kind: "columns", Column: "CostUSD", Probability: 0.5}},
		},
		"budgets":    {{{API: "consumption", Kind: "5xx", Probability: 0.5}}, {{API: "consumption", Kind: "html", Probability: 0.3}, {API: "consumption", Kind: "gzip", Probability: 0.3}, {API: "consumption", Kind: "empty", Probability: 0.5}}},
		"case":       {{every("case", 0)}, {every("case", 0.5)}},
		"pretaxcost": {{every("pretaxcost", 0)}, {every("pretaxcost", 0.3)}},
		"duplicates": {{every("duplicates", 0)}, {every("duplicates", 0.5), every("case", 0)}},
		"all":        {all, all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name != "all" {
				long(t)
			}
			engines(t, func(t *testing.T, database string) {
				sim := simulate(t, late, faulty)
				w := begin(t, sim, database, months(2), impatient)
				for i, list := range storms { // the first one strikes an empty database
					if i > 0 {
						sim.Clock().Advance(27 * time.Hour)
						w.restart(t, months(2), impatient) // without tokens
					}
					if runs := w.survives(t, list); slices.Contains(harmless, name) {
						whole(t, runs)
					}
				}
				w.calm(t)
				hits := 0
				for _, c := range sim.Requests() {
					if slices.Contains(struck[name], c.Status) {
						hits += c.Count
					}
				}
				if struck[name] != nil && hits < 5 {
					t.Errorf("%d answers were faults: the test shows nothing", hits)
				}
			})
		})
	}
}

// survives syncs under faults. The windows of every cut are due.
func (w *world) survives(t *testing.T, list []azuresim.Fault) map[string]fresnel.Run {
	t.Helper()
	old, now := map[string]truth{}, map[string]truth{}
	for _, cut := range cuts {
		old[cut], now[cut] = w.heldBy(t, cut), w.nowBy(t, cut)
	}
	if err := w.SetFaults(list); err != nil {
		t.Fatal(err)
	}
	runs := w.sync(t)
	for _, cut := range cuts {
		w.keptOf(t, cut, runs, old[cut], now[cut])
	}
	w.statusTold(t, runs)
	w.rollups(t)
	return runs
}

// calm syncs without faults, when everything is due again: then all is true.
func (w *world) calm(t *testing.T) {
	t.Helper()
	if err := w.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	w.Clock().Advance(21 * time.Hour)
	w.restart(t, months(2))
	whole(t, w.sync(t))
	w.allTrue(t)
	w.azureBudgets(t)
}

// window is what a sync reads at once.
type window struct {
	metric, sub string
	month       fresnel.Day
}

func windows(all truth) map[window][]cell {
	out := map[window][]cell{}
	for _, m := range metrics {
		for _, c := range all[m] {
			k := window{m, c.sub, c.day.MonthStart()}
			out[k] = append(out[k], c)
		}
	}
	return out
}

// kept fails unless each window is held as it was or as it is now, and the
// run of its tenant names its subscription where it was not read.
func (w *world) kept(t *testing.T, runs map[string]fresnel.Run, old, now truth) {
	t.Helper()
	w.keptOf(t, "groups", runs, old, now)
	w.statusTold(t, runs)
}

func (w *world) keptOf(t *testing.T, cut string, runs map[string]fresnel.Run, old, now truth) {
	t.Helper()
	was, is, held := windows(old), windows(now), windows(w.heldBy(t, cut))
	for k := range held {
		if is[k] == nil && was[k] == nil {
			t.Errorf("%s: %+v holds cells that Azure never told", cut, k)
		}
	}
	for _, te := range w.Estate() {
		run := runs[te.ID]
		missing := 0
		for k := range is {
			if !slices.ContainsFunc(te.Subscriptions, func(s azuresim.EstateSubscription) bool { return s.ID == k.sub }) {
				continue
			}
			if slices.Equal(held[k], is[k]) {
				continue
			}
			missing++
			if !slices.Equal(held[k], was[k]) {
				t.Errorf("%s: %+v holds neither what was known nor what is true: %s", cut, k, firstDifference(held[k], is[k]))
			}
			if run.Status == fresnel.Partial {
				w.names(t, run, k.sub)
			}
		}
		switch {
		case missing > 0 && run.Status != fresnel.Partial && run.Status != fresnel.Failed:
			t.Errorf("%s: %d windows of %s were not read, and the run says %s", cut, missing, te.Name, run.Status)
		case run.Status != fresnel.Completed && (run.Reason == "" || run.Completed.IsZero()):
			t.Errorf("the run of %s is %s without a reason, or open", te.Name, run.Status)
		}
	}
}

// names fails unless a run says that a subscription was not read, and why.
func (w *world) names(t *testing.T, run fresnel.Run, sub string) {
	t.Helper()
	i := slices.IndexFunc(run.Result.Parts, func(p fresnel.Part) bool { return p.Subscription == sub })
	if i < 0 || run.Result.Parts[i].State != fresnel.PartFailed || run.Result.Parts[i].Reason == "" {
		t.Errorf("the run of %s does not say why %s was not read: %+v", run.TenantName, sub, run.Result.Parts)
	}
}

// statusTold compares the runs with what the API tells of them.
func (w *world) statusTold(t *testing.T, runs map[string]fresnel.Run) {
	t.Helper()
	type told struct {
		ID     int64  `json:"id"`
		Tenant string `json:"tenant_id"`
		Status string `json:"status"`
		Error  string `json:"error_message"`
		Parts  []struct {
			Subscription string `json:"subscription_id"`
			Reason       string `json:"reason"`
		} `json:"parts"`
	}
	list := read[[]told](t, w, fmt.Sprintf("/api/v1/sync/status?type=costs&limit=%d", len(runs))).Data
	for _, v := range list {
		r := runs[v.Tenant]
		if r.ID != v.ID || string(r.Status) != v.Status || r.Reason != v.Error || len(r.Result.Parts) != len(v.Parts) {
			t.Errorf("the API tells of run %d: %+v, it was %+v", r.ID, v, r)
		}
	}
	if len(list) != len(runs) {
		t.Errorf("the API tells of %d runs, there were %d", len(list), len(runs))
	}
}

// TestLastingFaults lets things stay broken: some subscriptions, all of a
// tenant's costs, a tenant's app. The old values stay, and the runs say what
// is broken and what to do.
func TestLastingFaults(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, azuresim.Options{Tenants: 4, SubscriptionsPerTenant: 4, Months: 2, Groups: 2, Services: 4})
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		old := w.held(t)
		sim.Clock().Advance(30 * time.Hour)
		w.restart(t, months(2))
		estate := sim.Estate()
		subs := estate[0].Subscriptions
		err := sim.SetFaults([]azuresim.Fault{
			{API: "cost", Kind: "5xx", Status: 501, Subscription: subs[0].ID},
			{API: "cost", Kind: "nulls", Subscription: subs[1].ID},
			{API: "cost", Kind: "429", Header: "entity", RetryAfterSeconds: 9000, Subscription: subs[2].ID},
			{API: "cost", Kind: "429", Header: "qpu", RetryAfterSeconds: 9000, Tenant: estate[1].ID},
		})
		if err == nil {
			err = sim.SetApp(sim.Connection().Tenants[2].ClientID, azuresim.AppDisabled)
		}
		if err != nil {
			t.Fatal(err)
		}
		runs := w.sync(t)
		w.kept(t, runs, old, w.now(t))
		w.rollups(t)
		w.ended(t, runs, []ending{
			{fresnel.Partial, "3 of 4 subscriptions not read"},
			{fresnel.Failed, "4 of 4 subscriptions not read"},
			{fresnel.Failed, "AADSTS7000112"},
			{fresnel.Completed, ""},
		})
		w.stale(t, runs)
		reasons := map[string]string{subs[0].ID: "501", subs[1].ID: "cannot be read", subs[2].ID: "wait for 2h30m"}
		for _, p := range runs[estate[0].ID].Result.Parts {
			if want := reasons[p.Subscription]; want == "" || !strings.Contains(p.Reason, want) || p.Do == "" {
				t.Errorf("%s: %s, %s; want %q", p.Name, p.Reason, p.Do, want)
			}
			delete(reasons, p.Subscription)
		}
		if len(reasons) > 0 {
			t.Errorf("the run does not say why it lacks %v", reasons)
		}
		for _, p := range runs[estate[1].ID].Result.Parts {
			if !strings.Contains(p.Reason, "wait for 2h30m") {
				t.Errorf("%s: %s", p.Name, p.Reason)
			}
		}
	})
}

// ending is how a run should end.
type ending struct {
	status fresnel.RunStatus
	reason string // part of it
}

// ended compares the runs, tenant by tenant in the estate's order.
func (w *world) ended(t *testing.T, runs map[string]fresnel.Run, want []ending) {
	t.Helper()
	for i, te := range w.Estate() {
		r := runs[te.ID]
		if r.Status != want[i].status || !strings.Contains(r.Reason, want[i].reason) {
			t.Errorf("the run of %s is %s (%s), want %s (%s)", te.Name, r.Status, r.Reason, want[i].status, want[i].reason)
		}
		if r.Status != fresnel.Completed && (r.Reason == "" || r.Do == "") {
			t.Errorf("the run of %s is %s: %q, do %q", te.Name, r.Status, r.Reason, r.Do)
		}
	}
}

// TestNoEntrance breaks what every tenant needs, one after the other. Only the
// last tenant has an app whose secret is in Key Vault.
func TestNoEntrance(t *testing.T) {
	t.Parallel()
	long(t)
	const ok, failed = fresnel.Completed, fresnel.Failed
	engines(t, func(t *testing.T, database string) {
		sim := simulate(t, late, faulty)
		managing := sim.Connection().ClientID
		w := begin(t, sim, database, months(2))
		whole(t, w.sync(t))
		for _, c := range []struct {
			api, state string
			want       []ending
		}{
			{"keyvault", "", []ending{{ok, ""}, {ok, ""}, {failed, "Key Vault"}}},
			{"entra", "", []ending{{failed, "Entra"}, {failed, "Entra"}, {failed, "Entra"}}},
			{"arm", "", []ending{{failed, "501"}, {failed, "501"}, {failed, "501"}}},
			{"", azuresim.AppSecretExpired, []ending{{failed, "AADSTS7000222"}, {failed, "AADSTS7000222"}, {failed, ""}}},
			{"", azuresim.AppUnconsented, []ending{{failed, "AADSTS700016"}, {failed, "AADSTS700016"}, {failed, ""}}},
		} {
			sim.Clock().Advance(30 * time.Hour)
			w.restart(t, months(2)) // without tokens
			old, now := w.held(t), w.now(t)
			var list []azuresim.Fault
			if c.api != "" {
				list = []azuresim.Fault{{API: c.api, Kind: "5xx", Status: 501}}
			}
			if err := sim.SetFaults(list); err != nil {
				t.Fatal(err)
			}
			if c.state != "" {
				if err := sim.SetApp(managing, c.state); err != nil {
					t.Fatal(err)
				}
			}
			runs := w.sync(t)
			w.kept(t, runs, old, now)
			w.ended(t, runs, c.want)
			w.stale(t, runs)
		}
		if err := sim.SetApp(managing, azuresim.AppActive); err != nil {
			t.Fatal(err)
		}
		w.calm(t)
	})
}

// stale fails unless the tenants whose runs failed, and no others, are marked:
// the day-old values are shown, with their age and the reason.
func (w *world) stale(t *testing.T, runs map[string]fresnel.Run) {
	t.Helper()
	m := read[summary](t, w, "/api/v1/costs/summary").Meta
	marked := map[string]tenantNote{}
	for _, n := range m.Stale {
		marked[n.TenantID] = n
	}
	for id, run := range runs {
		n, ok := marked[id]
		if ok != (run.Status != fresnel.Completed) || ok && n.Reason != run.Reason {
			t.Errorf("%s: stale %v (%s), its run is %s (%s)", run.TenantName, ok, n.Reason, run.Status, run.Reason)
		}
	}
	if m.Coverage.Tenants != len(runs) {
		t.Errorf("%d of %d tenants covered: the old values should count", m.Coverage.Tenants, len(runs))
	}
	for id, run := range runs {
		a := w.get("/sync?tenant=" + id)
		if run.Status != fresnel.Completed && !strings.Contains(a.body, htmlText(run.Reason[1:])) { // pages begin it with a capital
			t.Errorf("%s: %d, without the reason %q of %s", a.path, a.status, run.Reason, run.TenantName)
		}
	}
}
