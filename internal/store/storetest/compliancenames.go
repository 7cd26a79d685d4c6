package storetest

import (
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// testComplianceNames keeps what items are called, baselines and failures to read.
func testComplianceNames(f *fixture) {
	f.register(2, 1)
	c, rd := f.db.Compliance(), f.db.ComplianceReader()
	set := "/providers/microsoft.authorization/policysetdefinitions/s"
	assignment := compliance.Told{Key: compliance.Key{Kind: compliance.KindAssignment, Assignment: "/a0"}, ID: "/A0", Name: "<b>Tags</b>", Scope: "/subscriptions/x", About: set, Created: noon}
	exemption := compliance.Told{Key: compliance.Key{Kind: compliance.KindExemption, Definition: "/e"}, ID: "/E", Category: "Waiver", Scope: "/subscriptions/x/r", About: "/a0", Expires: noon.Add(time.Hour), More: compliance.More{References: []string{"r0"}}}
	both := []compliance.Kind{compliance.KindAssignment, compliance.KindExemption}
	put := func(at time.Time, list ...compliance.Told) int {
		f.Helper()
		n, err := c.PutTold(f.ctx, TenantID(0), list, []string{"/subscriptions/x"}, at)
		f.ok(err)
		return n
	}
	f.equal("new", put(noon, assignment, exemption), 2)
	f.equal("the same again", put(noon.Add(time.Minute), assignment, exemption), 0)
	told := func(s fresnel.Scope, gone bool) (out []compliance.Told) {
		f.Helper()
		list, err := rd.Told(f.ctx, s, both, gone)
		f.ok(err)
		for _, i := range list {
			out = append(out, i.Told)
		}
		return out
	}
	f.equal("as told", told(fresnel.AllTenants(), false), []compliance.Told{assignment, exemption})
	f.equal("another's", told(fresnel.ScopeOf(TenantID(1)), true), []compliance.Told(nil))
	open, err := c.Unnamed(f.ctx, TenantID(0), noon)
	f.ok(err)
	f.equal("initiatives to be told", open, []string{set})
	f.equal("not told any more", put(noon.Add(time.Hour), assignment), 1)
	f.equal("what is there", told(fresnel.AllTenants(), false), []compliance.Told{assignment})
	f.equal("what was there", len(told(fresnel.AllTenants(), true)), 2)
	f.equal("told again", put(noon.Add(2*time.Hour), assignment, exemption), 1)

	f.equal("of no scope", func() int { n, err := c.PutTold(f.ctx, TenantID(0), nil, nil, noon); f.ok(err); return n }(), 0)

	// What counts is not gone, whatever is not told.
	check := compliance.Key{Kind: compliance.KindCheck, Assignment: "/a0", Definition: "/policydefinitions/d0", Reference: "r0"}
	p := snapshot(SubscriptionID(0, 0), []judgement{{"/subscriptions/x/r", check, compliance.NonCompliant}})
	_, err = c.PutPolicy(f.ctx, TenantID(0), p, noon)
	f.ok(err)
	f.equal("the exemption alone is gone", put(noon.Add(3*time.Hour)), 1)
	items, err := rd.Told(f.ctx, fresnel.AllTenants(), []compliance.Kind{compliance.KindPolicy}, false)
	f.ok(err)
	f.equal("effects of a policy are those of its checks", items[0].Effect, "audit")
	checks, err := rd.Checks(f.ctx, fresnel.AllTenants(), items[0].Num)
	f.ok(err)
	f.equal("checks of a policy", len(checks), 1)

	// A failed reading keeps what is held.
	f.ok(c.Missed(f.ctx, TenantID(0), SubscriptionID(0, 0), true, compliance.SubjectFailed, "throttled", "wait", noon.Add(time.Hour)))
	subs, err := rd.Subscriptions(f.ctx, fresnel.ScopeOf(TenantID(0)), nil)
	f.ok(err)
	f.equal("held", subs[0].Counts, compliance.Counts{NonCompliant: 1})
	f.equal("state", subs[0].Policy, compliance.SubjectFailed)
	f.equal("read at", subs[0].PolicyAt, noon)
	f.equal("reason", subs[0].Reason, "throttled")
	cover, err := rd.Coverage(f.ctx, fresnel.ScopeOf(TenantID(0)))
	f.ok(err)
	f.equal("coverage", []int{cover[0].Subscriptions, cover[0].Read, cover[0].Failed, cover[0].Unregistered}, []int{1, 1, 1, 0})

	score := compliance.SecureScore{Tenant: TenantID(0), Subscription: SubscriptionID(0, 0), Current: 23.53, Max: 39, Weight: 67}
	control := compliance.ControlCount{Subscription: score.Subscription, Key: compliance.Key{Kind: compliance.KindControl, Definition: "c"}, Name: "Enable MFA", Passed: 4, Failed: 74, Current: 0.31, Most: 6}
	secure := compliance.SecuritySnapshot{Subscription: score.Subscription, Score: &score, Controls: []compliance.ControlCount{control}}
	n, err := c.PutSecurity(f.ctx, TenantID(0), secure, noon)
	f.ok(err)
	f.equal("rows of security", n, 1)
	n, err = c.PutSecurity(f.ctx, TenantID(0), secure, noon)
	f.ok(err)
	f.equal("the same security", n, 0)
	f.ok(c.Close(f.ctx, TenantID(0), noon))
	days, err := rd.Days(f.ctx, fresnel.AllTenants(), fresnel.Period{From: 0, To: 100_000})
	f.ok(err)
	percent, ok := days[0].Percent()
	f.equal("score of the day", ok && percent > 60.333 && percent < 60.334, true)

	b := compliance.Baseline{Name: "Go Live", Day: fresnel.DayOf(noon), Note: "n"}
	f.ok(c.SetBaseline(f.ctx, []fresnel.TenantID{TenantID(0), TenantID(1)}, b, noon))
	f.ok(c.SetBaseline(f.ctx, []fresnel.TenantID{TenantID(0), TenantID(1)}, b, noon))
	list, err := rd.Baselines(f.ctx, fresnel.AllTenants())
	f.ok(err)
	f.equal("one baseline of two tenants", len(list), 1)
	f.equal("its tenants", len(list[0].Tenants), 2)
	f.ok(c.DropBaseline(f.ctx, fresnel.ScopeOf(TenantID(1)), "go live"))
	f.kind(c.DropBaseline(f.ctx, fresnel.ScopeOf(TenantID(1)), "go live"), fresnel.NotFound)
	list, err = rd.Baselines(f.ctx, fresnel.AllTenants())
	f.ok(err)
	f.equal("the other's is there", list[0].Tenants, []fresnel.TenantID{TenantID(0)})

	// What is no more is in no number and no list; what it was stays in the history.
	n, err = c.Forget(f.ctx, TenantID(0), SubscriptionID(0, 0), noon.Add(24*time.Hour))
	f.ok(err)
	f.equal("rows of what ends", n > 0, true)
	f.ok(c.Verify(f.ctx))
	sums, err := rd.Sums(f.ctx, fresnel.AllTenants(), compliance.SumAsk{Kind: compliance.KindPolicy})
	f.ok(err)
	f.equal("counts of what ended", len(sums), 0)
	failing, err := rd.Failing(f.ctx, fresnel.AllTenants(), compliance.FailingQuery{Limit: 10})
	f.ok(err)
	f.equal("failures of what ended", len(failing.Rows), 0)
	was, err := rd.CountsAt(f.ctx, fresnel.AllTenants(), compliance.KindPolicy, fresnel.DayOf(noon))
	f.ok(err)
	f.equal("what it was", len(was), 1)
	n, err = c.Forget(f.ctx, TenantID(0), SubscriptionID(0, 0), noon.Add(25*time.Hour))
	f.ok(err)
	f.equal("once", n, 0)

	// Ids that are longer than what is indexed stay two, and names of management groups are each tenant's own.
	own := compliance.Key{Kind: compliance.KindCheck, Assignment: "/providers/microsoft.management/managementgroups/root/a", Definition: "/providers/microsoft.management/managementgroups/root/d"}
	for i := range 2 {
		long := "/subscriptions/" + SubscriptionID(i, 0) + "/" + strings.Repeat("r", 500)
		_, err = c.PutPolicy(f.ctx, TenantID(i), snapshot(SubscriptionID(i, 0), []judgement{{long + "1", own, compliance.NonCompliant}, {long + "2", own, compliance.NonCompliant}}[:2-i]), noon.Add(48*time.Hour))
		f.ok(err)
	}
	f.ok(c.Verify(f.ctx))
	policies, err := rd.Sums(f.ctx, fresnel.AllTenants(), compliance.SumAsk{Kind: compliance.KindPolicy})
	f.ok(err)
	f.equal("policies of two tenants of one name", len(policies) == 2 && policies[0].Item != policies[1].Item, true)
}
