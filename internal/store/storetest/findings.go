package storetest

import (
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
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
