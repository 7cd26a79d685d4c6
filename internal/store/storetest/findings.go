package storetest

import (
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/findings"
)

const rule = "test-rule"

func testFindings(f *fixture) {
	f.register(2, 1)
	s := f.db.Findings()
	one := fresnel.Finding{Tenant: TenantID(0), Rule: rule, Object: "a|" + strings.Repeat("ö", 100), Since: may.From + 3, Until: may.From + 3, USD: 50, Detail: `{"x":1}`}
	two := fresnel.Finding{Tenant: TenantID(0), Rule: rule, Object: "b", Since: may.From + 5, Until: may.From + 20, USD: 90, Detail: `{}`}
	f.ok(s.Keep(f.ctx, TenantID(0), rule, fresnel.Reconciled{Put: []fresnel.Finding{one, two}}, noon))
	got := f.findings(fresnel.AllTenants(), may)
	f.equal("the most expensive comes first", []string{got[0].Object, got[1].Object}, []string{two.Object, one.Object})
	f.equal("one day of it", len(f.findings(fresnel.AllTenants(), fresnel.Period{From: may.From + 18, To: may.From + 19})), 1)
	f.equal("another tenant", len(f.findings(fresnel.ScopeOf(TenantID(1)), may)), 0)
	f.equal("another rule", len(f.list("other", may)), 0)

	// The same again writes nothing; less resolves; the same later reopens.
	generation := f.db.Generation()
	f.ok(s.Keep(f.ctx, TenantID(0), rule, fresnel.Reconciled{Put: []fresnel.Finding{one, two}}, noon.Add(time.Hour)))
	f.equal("an unchanged finding raises no generation", f.db.Generation(), generation)
	held, err := s.Held(f.ctx, TenantID(0), rule, may.From+4)
	f.ok(err)
	f.equal("held from a day on", len(held), 1)
	f.ok(s.Keep(f.ctx, TenantID(0), rule, fresnel.Reconciled{Resolved: held}, noon.Add(2*time.Hour)))
	f.equal("resolved at", f.findings(fresnel.AllTenants(), may)[0].Resolved, noon.Add(2*time.Hour))
	f.ok(s.Keep(f.ctx, TenantID(0), rule, fresnel.Reconciled{Put: []fresnel.Finding{two}}, noon.Add(3*time.Hour)))
	again := f.findings(fresnel.AllTenants(), may)[0]
	if again.ID != held[0].ID || !again.Resolved.IsZero() || !again.First.Equal(noon) {
		f.Errorf("found again it is the same finding: %+v", again)
	}
	_, err = s.Get(f.ctx, fresnel.ScopeOf(TenantID(1)), again.ID)
	f.kind(err, fresnel.NotFound)

	f.verdicts(again)
	f.kind(s.Keep(fresnel.WithLease(f.ctx, fresnel.Lease{Run: 99, Fence: 1}), TenantID(0), rule, fresnel.Reconciled{Put: []fresnel.Finding{one}}, noon), fresnel.KindOf(fresnel.ErrLeaseLost))
}

// verdicts says things about a finding, and takes them back.
func (f *fixture) verdicts(found fresnel.Finding) {
	s := f.db.Findings()
	say := func(e fresnel.Exception, at time.Time) {
		e.Tenant, e.Rule, e.Object, e.Created, e.Author = found.Tenant, found.Rule, found.Object, at, "ann"
		f.ok(s.Except(f.ctx, e, at))
	}
	say(fresnel.Exception{Since: found.Since, Verdict: fresnel.Acknowledged}, noon)
	say(fresnel.Exception{Since: found.Since, Verdict: fresnel.Acknowledged, Note: "looking"}, noon.Add(time.Minute))
	say(fresnel.Exception{Verdict: fresnel.Expected, Note: "NUL \x00 and ö", Expires: noon.Add(24 * time.Hour)}, noon.Add(time.Hour))
	es, err := s.Exceptions(f.ctx, fresnel.AllTenants(), rule, found.Object)
	f.ok(err)
	f.equal("the newer word of one kind is in place of the older", len(es), 2)
	for at, want := range map[time.Time]fresnel.State{noon.Add(2 * time.Hour): fresnel.StateExpected, noon.Add(25 * time.Hour): fresnel.StateAcknowledged} {
		state, by := fresnel.StateOf(found, es, at)
		f.equal("state at "+at.String(), state, want)
		f.equal("author", by.Author, "ann")
	}
	foreign, err := s.Exceptions(f.ctx, fresnel.ScopeOf(TenantID(1)), rule, "")
	f.ok(err)
	f.equal("exceptions of another tenant", len(foreign), 0)
	f.ok(s.Reopen(f.ctx, found, noon.Add(3*time.Hour)))
	es, err = s.Exceptions(f.ctx, fresnel.AllTenants(), rule, "")
	f.ok(err)
	f.equal("taken back", len(es), 0)
}

func (f *fixture) findings(s fresnel.Scope, p fresnel.Period) []fresnel.Finding {
	f.Helper()
	got, err := f.db.Findings().List(f.ctx, s, rule, p, 100)
	f.ok(err)
	return got
}

func (f *fixture) list(rule string, p fresnel.Period) []fresnel.Finding {
	f.Helper()
	got, err := f.db.Findings().List(f.ctx, fresnel.AllTenants(), rule, p, 100)
	f.ok(err)
	return got
}

func testBudgets(f *fixture) {
	f.register(2, 2)
	b := f.db.Budgets()
	mine := cost.Budget{
		Tenant: TenantID(0), Name: "All of it", Subscriptions: []string{SubscriptionID(0, 0)}, Service: "VM", Metric: cost.Amortized,
		Amount: fresnel.Money{Micros: 1_000_000, Currency: "EUR"}, Author: "ann",
	}
	id, err := b.Put(f.ctx, mine, noon)
	f.ok(err)
	_, err = b.Put(f.ctx, cost.Budget{Tenant: TenantID(1), Name: "Other", Amount: mine.Amount}, noon)
	f.ok(err)
	got, err := b.Get(f.ctx, fresnel.ScopeOf(TenantID(0)), id)
	f.ok(err)
	mine.ID, mine.TenantName, mine.Created, mine.Updated = id, tenantName(0), noon, noon
	f.equal("a budget", got, mine)
	_, err = b.Get(f.ctx, fresnel.ScopeOf(TenantID(1)), id)
	f.kind(err, fresnel.NotFound)
	mine.Amount.Micros, mine.Subscriptions, mine.Updated = 7, []string{}, noon.Add(time.Hour)
	_, err = b.Put(f.ctx, mine, mine.Updated)
	f.ok(err)
	list, err := b.List(f.ctx, fresnel.ScopeOf(TenantID(0)))
	f.ok(err)
	f.equal("changed", list, []cost.Budget{mine})
	stolen := mine
	stolen.Tenant = TenantID(1)
	_, err = b.Put(f.ctx, stolen, noon)
	f.kind(err, fresnel.NotFound)
	f.kind(b.Delete(f.ctx, stolen), fresnel.NotFound)
	f.ok(b.Delete(f.ctx, mine))
	list, err = b.List(f.ctx, fresnel.ScopeOf(TenantID(0)))
	f.ok(err)
	f.equal("deleted", len(list), 0)

	sub := SubscriptionID(0, 1)
	at, err := b.AzureRead(f.ctx, sub)
	f.ok(err)
	f.equal("never read", at.IsZero(), true)
	azure := cost.AzureBudget{ID: "/subscriptions/x/budgets/b", Name: "B", Amount: fresnel.Money{Micros: 5, Currency: "USD"}, Grain: "Monthly", Spent: &fresnel.Money{Micros: 3, Currency: "USD"}, Starts: may.From}
	for range 2 {
		f.ok(b.ReplaceAzure(f.ctx, TenantID(0), sub, []cost.AzureBudget{azure, azure}, noon))
	}
	seen, err := b.Azure(f.ctx, fresnel.AllTenants(), 10)
	f.ok(err)
	azure.Tenant, azure.TenantName, azure.Subscription, azure.SubscriptionName, azure.Seen = TenantID(0), tenantName(0), sub, subscription(0, 1).Name, noon
	f.equal("Azure's budget", seen, []cost.AzureBudget{azure})
	foreign, err := b.Azure(f.ctx, fresnel.ScopeOf(TenantID(1)), 10)
	f.ok(err)
	f.equal("of another tenant", len(foreign), 0)
	f.ok(b.ReplaceAzure(f.ctx, TenantID(0), sub, nil, noon.Add(time.Hour)))
	seen, err = b.Azure(f.ctx, fresnel.AllTenants(), 10)
	f.ok(err)
	at, errRead := b.AzureRead(f.ctx, sub)
	f.ok(errRead)
	f.equal("none any more, read then", len(seen) == 0 && at.Equal(noon.Add(time.Hour)), true)
}

// testFindingsList lists findings and exceptions of every domain in pages.
func testFindingsList(f *fixture) {
	f.register(2, 1)
	s, all := f.db.Findings(), fresnel.AllTenants()
	id := "/subscriptions/" + SubscriptionID(0, 0) + "/resourcegroups/rg/providers/a/b/"
	var put []fresnel.Finding
	for i := range 7 {
		put = append(put, fresnel.Finding{Tenant: TenantID(0), Rule: []string{"disk", "nic"}[i%2], Object: id + strings.Repeat("x", i+1), Since: may.From, USD: int64(i / 3), Detail: "{}"})
	}
	f.ok(s.KeepAll(f.ctx, TenantID(0), fresnel.Reconciled{Put: put}, noon))
	f.ok(s.KeepAll(f.ctx, TenantID(1), fresnel.Reconciled{Put: []fresnel.Finding{{Tenant: TenantID(1), Rule: "disk", Object: "other", Since: may.From, Detail: "{}"}}}, noon))
	held, err := s.HeldOf(f.ctx, TenantID(0), []string{"nic"})
	f.ok(err)
	f.ok(s.KeepAll(f.ctx, TenantID(0), fresnel.Reconciled{Resolved: held[:1]}, noon.Add(time.Hour)))

	r := findings.Reports{
		Reader: s, Writer: s, Subscriptions: f.db.Tenants(), Now: func() time.Time { return noon.Add(2 * time.Hour) },
		Rules: []findings.Rule{{ID: "disk", Domain: "resources", Title: "Disk"}, {ID: "nic", Domain: "resources", Title: "NIC"}, {ID: "cost", Domain: "costs", Title: "Cost"}},
	}
	list := func(sc fresnel.Scope, q findings.Query) []findings.Row {
		f.Helper()
		var out []findings.Row
		for _, size := range []int{1, 3, 100} {
			out, q.After, q.Limit = nil, nil, size
			for {
				rows, next, err := r.List(f.ctx, sc, q)
				f.ok(err)
				out = append(out, rows...)
				if q.After = next; next == nil || len(out) > 100 {
					break
				}
			}
		}
		for i := 1; i < len(out); i++ {
			if out[i].USD > out[i-1].USD {
				f.Errorf("%d after %d", out[i].USD, out[i-1].USD)
			}
		}
		return out
	}
	state := func(want string, got fresnel.State) { f.Helper(); f.equal("state", string(got), want) }
	f.equal("all", len(list(all, findings.Query{})), 8)
	f.equal("of a tenant", len(list(fresnel.ScopeOf(TenantID(1)), findings.Query{})), 1)
	f.equal("of a rule", len(list(all, findings.Query{Rules: []string{"nic"}})), 3)
	f.equal("of a domain", len(list(all, findings.Query{Domain: "costs"})), 0)
	f.equal("about an object", len(list(all, findings.Query{Object: strings.ToUpper(id) + "X"})), 1)
	f.equal("open", len(list(all, findings.Query{State: fresnel.StateOpen})), 7)
	f.equal("open of a rule", len(list(all, findings.Query{Rules: []string{"nic"}, State: fresnel.StateOpen})), 2)
	f.equal("held of a rule", len(list(all, findings.Query{Rules: []string{"disk"}, Held: true})), 5)
	state("resolved", list(all, findings.Query{State: fresnel.StateResolved})[0].State)
	_, _, err = r.List(f.ctx, all, findings.Query{Rules: []string{"no such"}, Limit: 1})
	f.kind(err, fresnel.Invalid)

	// An exception of a resource group holds what one rule finds in it.
	e := fresnel.Exception{Rule: "disk", Object: "/subscriptions/" + strings.ToUpper(SubscriptionID(0, 0)) + "/resourceGroups/RG/", Verdict: fresnel.Expected, Note: "a sandbox", Author: "ann", Expires: noon.Add(48 * time.Hour)}
	said, err := r.Except(f.ctx, all, e)
	f.ok(err)
	f.equal("as it stands", []any{said.Tenant, said.Standing, said.Note, said.Rule.Title}, []any{TenantID(0), fresnel.StandingActive, "a sandbox", "Disk"})
	f.equal("expected", len(list(all, findings.Query{State: fresnel.StateExpected})), 4)
	f.equal("still open", len(list(all, findings.Query{State: fresnel.StateOpen})), 3)
	for _, object := range []string{"", "/", "x", "/subscriptions/", "/subscriptions/x", "/subscriptions/" + SubscriptionID(0, 0) + "/resourcegroups", "/subscriptions/" + SubscriptionID(0, 0) + "//x/y"} {
		bad := e
		bad.Object = object
		_, err := r.Except(f.ctx, all, bad)
		f.kind(err, fresnel.Invalid)
	}
	_, err = r.Except(f.ctx, fresnel.ScopeOf(TenantID(1)), e)
	f.kind(err, fresnel.NotFound)
	f.kind(r.End(f.ctx, fresnel.ScopeOf(TenantID(1)), said.ID), fresnel.NotFound)
	f.ok(r.End(f.ctx, all, said.ID))
	f.kind(r.End(f.ctx, all, said.ID), fresnel.NotFound)
	f.equal("open again", len(list(all, findings.Query{State: fresnel.StateOpen})), 7)
	again, err := r.Except(f.ctx, all, e)
	f.ok(err)
	r.Now = func() time.Time { return noon.Add(72 * time.Hour) }
	f.equal("open again, because the time is over", len(list(all, findings.Query{State: fresnel.StateOpen})), 7)
	counts := func(sc fresnel.Scope) map[string]int {
		f.Helper()
		n, err := s.OpenByRule(f.ctx, sc, []string{"disk", "nic", "cost"})
		f.ok(err)
		return n
	}
	f.equal("counted", counts(all), map[string]int{"disk": 5, "nic": 2})
	f.equal("of a tenant", counts(fresnel.ScopeOf(TenantID(1))), map[string]int{"disk": 1})
	f.ok(s.KeepAll(f.ctx, TenantID(0), fresnel.Reconciled{Put: []fresnel.Finding{put[0], held[0]}, Resolved: held[1:]}, noon.Add(time.Hour))) // one is found again, two are no more
	f.equal("counted again", counts(all), map[string]int{"disk": 5, "nic": 1})
	f.ok(s.Verify(f.ctx))
	var standing []fresnel.Standing
	for below := int64(0); ; {
		page, err := r.Exceptions(f.ctx, fresnel.ScopeOf(TenantID(0)), findings.Query{Limit: 1}, below)
		f.ok(err)
		if len(page) == 0 {
			break
		}
		below = page[0].ID
		standing = append(standing, page[0].Standing)
	}
	f.equal("the history", standing, []fresnel.Standing{fresnel.StandingExpired, fresnel.StandingEnded})
	f.equal("the newest has the higher number", again.ID > said.ID, true)
	none, err := r.Exceptions(f.ctx, fresnel.ScopeOf(TenantID(1)), findings.Query{Limit: 10}, 0)
	f.ok(err)
	f.equal("of another tenant", len(none), 0)
}
