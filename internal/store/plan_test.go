package store_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/cost"
	"fresnel/internal/findings"
	"fresnel/internal/identity"
	"fresnel/internal/inventory"
	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
	"fresnel/internal/syncer"
)

// facts are the tables that grow with the estate or with time.
var facts = regexp.MustCompile(`\b(cost_cell|cost_month|cost_tenant_day_service|cost_tenant_day|cost_tenant_month|cost_sub_day|cost_day|cost_restated|cost_charge|cost_charge_month|cost_resource|cost_resource_month|resource|resource_doc|resource_tag|resource_count|resource_facet|tag_set|resource_name|resource_read|tag_count|arm_id|tag_value|finding|finding_count|exception|azure_budget|sync_run|sync_part|compliance_item|compliance_count|compliance_past|compliance_sum|compliance_day|compliance_tenant_day|compliance_finding|compliance_resource|identity_account|identity_count|identity_holding|identity_member|identity_azure_role|identity_other|identity_role|identity_role_count|identity_fact|identity_app|identity_credential|identity_day|identity_day_read)\b`)

// TestPlans asks SQLite how it would answer every statement that the store
// has: none walks through a table that grows.
func TestPlans(t *testing.T) {
	db := open(t, emptySQLite(t))
	statements := db.Statements()
	ctx := t.Context()
	p := fresnel.Period{From: 20_000, To: 20_040}
	now := time.Unix(20_050*86400, 0)
	estate := storetest.Estate{Tenants: 2, Subscriptions: 2, Groups: 2, Services: 3, CellsPerDay: 2, Days: p, Asked: now}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(estate.Fill(ctx, db))
	for w, lines := range estate.Windows() {
		w.Asked = w.Asked.Add(time.Hour)
		lines[0].Micros++ // restated
		must(db.Costs().Replace(ctx, w, lines))
	}
	runs, one := db.Runs(), storetest.TenantID(1)
	id, err := runs.Enqueue(ctx, "costs", one, now)
	must(id, err)
	must(runs.Due(ctx, "costs"))
	must(runs.Ready(ctx, 10))
	_, lease, _, err := runs.Claim(ctx, syncer.Candidate{ID: id}, "A", time.Minute, now)
	must(nil, err)
	must(nil, runs.Heartbeat(ctx, lease, time.Minute, fresnel.Progress{}))
	must(db.Costs().Read(ctx, storetest.SubscriptionID(0, 0)))
	must(nil, runs.Complete(ctx, lease, fresnel.Partial, fresnel.Result{Parts: []fresnel.Part{{Subscription: "x", State: fresnel.PartFailed}}}, "", "", now))
	must(nil, runs.Release(ctx, lease))

	scopes := []fresnel.Scope{fresnel.AllTenants(), fresnel.ScopeOf(one), fresnel.ScopeOf(one, storetest.TenantID(0))}
	for _, s := range scopes {
		for by := range cost.By(1 << 6) {
			if testing.Short() && by%5 != 0 {
				continue
			}
			for _, q := range []cost.Query{{}, {Services: []string{"x"}}, {Subscriptions: []string{"x"}}, {Services: []string{"x"}, Subscriptions: []string{"x"}}} {
				q.Period, q.By = p, by
				must(db.CostReader().Sums(ctx, s, q))
			}
		}
		must(db.CostReader().Coverage(ctx, s, p, cost.Actual, cost.CutGroups))
		month := p.Whole()
		for _, q := range []cost.Query{
			{Period: p, By: cost.ByCharge | cost.ByDay},
			{Period: p, Charges: []string{"x"}, By: cost.ByTenant},
			{Period: month, By: cost.ByResource | cost.ByMonth},
			{Period: p, Groups: []string{"x"}, By: cost.ByService},
			{Period: p, Charges: []string{"x"}, Subscriptions: []string{"x"}, By: cost.ByDay},
		} {
			must(db.CostReader().Sums(ctx, s, q))
		}
		must(db.CostReader().Coverage(ctx, s, p, cost.Actual, cost.CutCharges))
		must(db.Findings().List(ctx, s, "x", p, 10))
		must(db.Findings().Exceptions(ctx, s, "x", ""))
		must(db.Findings().Exceptions(ctx, s, "x", "x"))
		must(db.Budgets().List(ctx, s))
		must(db.Budgets().Azure(ctx, s, 10))
		must(db.CostReader().Restated(ctx, s, cost.Query{Period: p, Subscriptions: []string{"x"}}, 10))
		must(runs.Get(ctx, s, id))
		for _, open := range []bool{false, true} {
			must(runs.List(ctx, s, "", open, 0, 10))
			must(runs.List(ctx, s, "costs", open, 5, 10))
		}
		must(runs.Latest(ctx, s, "costs"))
		must(db.Tenants().List(ctx, s))
		_, _, err := db.Tenants().Subscriptions(ctx, s, "a", "a", 10)
		must(nil, err)
		must(db.Tenants().SubscriptionsByID(ctx, s, []string{"x"}))
	}

	must(runs.Prune(ctx, now))
	planInventory(t, db, scopes)
	planCompliance(t, db, scopes)
	planIdentity(t, db, scopes)

	mayWalk := []string{
		// Maintenance, four times a day.
		"DELETE FROM sync_run WHERE id IN (SELECT r.id", "DELETE FROM sync_part WHERE run IN (SELECT r.id", "DELETE FROM identity_day_read WHERE day < ?",
		// All that is held of all tenants: as many rows as are told.
		"SELECT t.id, k.counted_by",
	}
	rollup := map[string]int{}
	for _, q := range statements() {
		plan, err := db.Plan(ctx, q)
		if err != nil {
			t.Fatalf("%v\n%s", err, q)
		}
		text := strings.Join(plan, "\n  ")
		if walks := scans(q, plan); len(walks) > 0 && !slices.ContainsFunc(mayWalk, func(prefix string) bool { return strings.HasPrefix(q, prefix) }) {
			t.Errorf("walks through %v:\n%s\n  %s", walks, q, text)
		}
		for part, index := range narrow {
			if strings.Contains(q, part) && strings.Contains(q, "FROM resource r") && !strings.Contains(text, index) {
				t.Errorf("not narrowed by %s:\n%s\n  %s", index, q, text)
			}
		}
		for part, index := range narrowAccounts {
			if strings.Contains(q, part) && !strings.Contains(q, "a.id = ?") && !strings.Contains(text, index) {
				t.Errorf("not narrowed by %s:\n%s\n  %s", index, q, text)
			}
		}
		if strings.HasPrefix(q, "SELECT") && strings.Contains(q, ".micros) AS micros") {
			table := facts.FindString(q[strings.Index(q, "FROM "):])
			rollup[table]++
			if !strings.Contains(text, "SEARCH c USING PRIMARY KEY (") || !strings.Contains(text, "day>? AND day<?)") {
				t.Errorf("%s is not searched by its primary key up to the days:\n%s\n  %s", table, q, text)
			}
		}
	}
	t.Log(rollup)
	for _, table := range []string{"cost_cell", "cost_tenant_day_service", "cost_tenant_day", "cost_sub_day", "cost_day"} {
		if rollup[table] == 0 {
			t.Errorf("no question went to %s", table)
		}
	}
}

// narrow says by which index a filter of resources must be answered.
var narrow = map[string]string{
	"b.tvalue < g.tvalue":                    "SEARCH b USING PRIMARY KEY (tkey=? AND tenant=? AND tset=? AND tvalue<?)",
	"g.tset = r.tset AND g.tenant":           "SEARCH g EXISTS USING PRIMARY KEY (tkey=? AND tenant=? AND tset=?",
	"CROSS JOIN resource r INDEXED BY ix_re": "SEARCH r USING COVERING INDEX ix_resource_",
	"resource_name MATCH":                    "SCAN resource_name VIRTUAL TABLE INDEX",
	"r.arm = (SELECT num FROM arm_id":        "SEARCH r USING PRIMARY KEY (arm=?)",
	"r.arm IN (SELECT num FROM arm_id":       "SEARCH r USING PRIMARY KEY (arm=?)",
	"r.arm = h.arm":                          "SEARCH r USING PRIMARY KEY (arm=?)",
	"r.arm = p.arm":                          "SEARCH r USING PRIMARY KEY (arm=?)",
}

// narrowAccounts says the same of accounts and of what they hold.
var narrowAccounts = map[string]string{
	"FROM identity_account a INDEXED": "INDEX ix_identity_account_",
	"FROM identity_holding h":         "SEARCH h USING INDEX ix_identity_holding_principal (principal=? AND tenant=?)",
	"FROM identity_azure_role h":      "SEARCH h USING INDEX ix_identity_azure_role_principal (principal=? AND tenant=?)",
	"CROSS JOIN identity_holding h":   "SEARCH h USING INDEX ix_identity_holding_principal (principal=? AND tenant=?)",
	"CROSS JOIN identity_azure_role":  "SEARCH h USING INDEX ix_identity_azure_role_principal (principal=? AND tenant=?)",
	"m INDEXED BY ix_identity_member": "SEARCH m USING COVERING INDEX ix_identity_member_member (member=? AND tenant=?)",
	"FROM identity_app p":             "SEARCH b USING COVERING INDEX ix_identity_app_app (tenant=? AND app_id=?)",
}

// inOrder are walks in the order of a list, which end when the page is full.
// What is gone, by time, is sorted.
var inOrder = regexp.MustCompile(`^SCAN r USING (COVERING INDEX ix_resource_name|(COVERING )?INDEX ix_resource_(first|changed|gone|wasted))$|^SCAN f USING (COVERING )?INDEX ix_compliance_resource_(since|most|name)$|^SCAN c USING INDEX ix_identity_credential_end$|^SCAN resource_name VIRTUAL TABLE`)

// planInventory asks all that can be asked of resources and of waste.
func planInventory(t *testing.T, db *store.DB, scopes []fresnel.Scope) {
	t.Helper()
	ctx, one, now := t.Context(), storetest.TenantID(1), time.Unix(20_050*86400, 0)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sub, value := storetest.SubscriptionID(1, 0), "v"
	vm := inventory.Resource{ID: "/subscriptions/" + sub + "/vm", Tenant: one, Subscription: sub, Type: "vm", Name: "vm", Tags: map[string]string{"k": "v"}}
	for _, location := range []string{"a", "b"} { // new, and changed
		vm.Location = location
		must(db.Inventory().Put(ctx, one, sub, []inventory.Resource{vm}, now))
	}
	must(db.Inventory().Finish(ctx, one, sub, nil, now, now))
	must(nil, db.Inventory().KeepTags(ctx, one, []inventory.TagRow{{Tenant: one, By: inventory.TagByTenant}}, nil, now))
	held := fresnel.Finding{Tenant: one, Rule: "r", Object: "o", Detail: "{}"}
	for range 2 {
		must(nil, db.Findings().KeepAll(ctx, one, fresnel.Reconciled{Put: []fresnel.Finding{held}}, now))
	}
	must(db.Findings().HeldOf(ctx, one, []string{"r"}))
	e, failed := db.InventoryReader().Estate(ctx, one, now)
	for _, types := range [][]string{nil, {"vm"}} {
		for range e.Each(types...) {
			t.Error("it is gone")
		}
	}
	_, _ = e.Get("x")
	must(nil, failed())
	vm.ID += "2"
	held.Object = vm.Key()
	must(db.Inventory().Put(ctx, one, sub, []inventory.Resource{vm}, now))
	must(nil, db.Findings().KeepAll(ctx, one, fresnel.Reconciled{Put: []fresnel.Finding{held}}, now))
	queries := []inventory.Query{
		{},
		{Gone: true},
		{Types: []string{"x"}},
		{Groups: []string{"x"}},
		{Locations: []string{"x"}},
		{Subscriptions: []string{"x"}},
		{Text: "ab"},
		{Text: "abcd"},
		{TagKey: "k"},
		{TagKey: "k", TagValue: &value},
		{TagKey: "k", Text: "abc", Types: []string{"x"}, Subscriptions: []string{"x"}},
		{Wasted: true},
		{Wasted: true, Types: []string{"x"}},
	}
	for _, s := range scopes {
		c, f := db.InventoryReader(), db.Findings()
		for _, q := range queries {
			for _, q.Sort = range inventory.Sorts() {
				for _, q.After = range []inventory.Place{{}, {Key: "1", Name: "a", Arm: 1}} {
					q.Limit = 10
					must(c.List(ctx, s, q))
					if !q.Wasted { // has an index of its own: only tests look for it in all
						must(db.OrderReader().List(ctx, s, q))
					}
				}
			}
		}
		if _, err := c.Get(ctx, s, "x"); fresnel.KindOf(err) != fresnel.NotFound {
			t.Fatal(err)
		}
		must(c.GetAll(ctx, s, []string{"x"}))
		must(c.ResourceCosts(ctx, s, []string{"x"}, 20_000))
		must(c.Counts(ctx, s))
		must(c.Coverage(ctx, s))
		must(c.Tags(ctx, s))
		must(f.ListOf(ctx, s, []string{"r"}, 10))
		must(f.OfObject(ctx, s, "o"))
		must(f.OfObjects(ctx, s, []string{"o"}))
		must(f.OpenByRule(ctx, s, []string{"r", "x"}))
		for _, rules := range [][]string{{"r"}, {"r", "x"}} {
			for _, resolved := range []bool{false, true} {
				for _, after := range []*findings.Place{nil, {USD: 1, ID: 1}} {
					must(f.Page(ctx, s, findings.Filter{Rules: rules, Resolved: &resolved}, after, 10))
				}
			}
		}
		must(c.Facets(ctx, s))
		must(f.ExceptionsOf(ctx, s, []string{"r"}))
	}
}

// planCompliance asks all that can be asked of compliance.
func planCompliance(t *testing.T, db *store.DB, scopes []fresnel.Scope) {
	t.Helper()
	ctx, one, now := t.Context(), storetest.TenantID(1), time.Unix(20_050*86400, 0)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sub := storetest.SubscriptionID(1, 0)
	check := compliance.Key{Kind: compliance.KindCheck, Assignment: "a", Definition: "d", Reference: "r"}
	p := compliance.PolicySnapshot{Subscription: sub, Items: []compliance.Counted{{Key: check}, {Key: check.In()}, {Key: check.Of()}}, Failures: []compliance.Failure{{Subscription: sub, Resource: "/x", State: compliance.NonCompliant, Check: check}}}
	for day := range 2 { // new, then resolved
		must(db.Compliance().PutPolicy(ctx, one, p, now.AddDate(0, 0, day)))
		must(db.Compliance().PutSecurity(ctx, one, compliance.SecuritySnapshot{Subscription: sub, Score: &compliance.SecureScore{}}, now))
		must(nil, db.Compliance().Close(ctx, one, now))
		p.Items, p.Failures = nil, nil
	}
	must(nil, db.Compliance().Missed(ctx, one, sub, true, compliance.SubjectFailed, "r", "d", now))
	must(db.Compliance().PutTold(ctx, one, []compliance.Told{{Key: check.In(), About: "d"}}, []string{"/subscriptions/x"}, now))
	must(db.Compliance().Unnamed(ctx, one, now))
	must(db.Compliance().Forget(ctx, one, sub, now))
	must(nil, db.Compliance().Prune(ctx, now))
	period := fresnel.Period{From: 20_000, To: 20_060}
	for _, s := range scopes {
		c := db.ComplianceReader()
		must(c.Coverage(ctx, s))
		for _, only := range [][]string{nil, {sub}} {
			must(c.Subscriptions(ctx, s, only))
			must(c.At(ctx, s, only, 20_050))
			must(c.MovedCounts(ctx, s, only, 20_000, 20_050))
			in := []compliance.PolicyIn{{Subscription: sub, Policy: 1}}
			for _, some := range []*compliance.MovedSome{nil, {New: in}, {Resolved: in}, {Subscriptions: []string{sub}}, {Lived: now}, {New: in, Resolved: in, Subscriptions: []string{sub}, Lived: now}} {
				must(nil, c.Moved(ctx, s, compliance.MovedAsk{Subscriptions: only, From: 20_000, To: 20_050, Some: some}, func(compliance.Moved) bool { return true }))
			}
			must(c.Sums(ctx, s, compliance.SumAsk{Kind: compliance.KindPolicy, Subscriptions: only}))
			must(c.Sums(ctx, s, compliance.SumAsk{Kind: compliance.KindCheck, Items: []int64{1}, Subscriptions: only, BySub: true}))
			for _, policy := range []int64{0, 1} {
				for _, sort := range compliance.FailingSorts() {
					for _, after := range []compliance.FailingPlace{{}, {Key: 1, Name: "a", Arm: 1}} {
						must(c.Failing(ctx, s, compliance.FailingQuery{Subscriptions: only, Policy: policy, Types: only, Groups: only, Sort: sort, After: after, Limit: 10}))
						must(c.Failing(ctx, s, compliance.FailingQuery{Policy: policy, Text: "x", Sort: sort, After: after, Limit: 10}))
					}
				}
			}
		}
		must(c.Items(ctx, s, []int64{1}))
		must(c.Told(ctx, s, []compliance.Kind{compliance.KindAssignment}, true))
		must(c.Checks(ctx, s, 1))
		must(c.FailuresOf(ctx, s, []string{"/x"}))
		must(c.Days(ctx, s, period))
		must(c.DaysOf(ctx, s, []string{sub}, period))
		_, _, err := c.FirstDay(ctx, s)
		must(nil, err)
		must(c.CountsAt(ctx, s, compliance.KindAssignment, 20_050))
		must(c.Baselines(ctx, s))
	}
}

// planIdentity asks all that can be asked of identity.
func planIdentity(t *testing.T, db *store.DB, scopes []fresnel.Scope) {
	t.Helper()
	ctx, one, now := t.Context(), storetest.TenantID(1), time.Unix(20_050*86400, 0)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	k := db.Identity()
	for _, f := range identity.Facts() {
		must(nil, k.Hidden(ctx, one, identity.Gap{Fact: f, Reason: "r", Do: "d"}, now))
		must(nil, k.Known(ctx, one, f, identity.Gap{}, now))
	}
	for _, who := range []identity.Account{{ID: "a", Enabled: true}, {ID: "a", Guest: true}, {ID: "b", Enabled: true}} { // new, changed, gone
		must(k.PutAccounts(ctx, one, []identity.AccountChange{{Account: who}}, now))
	}
	must(k.Whole(ctx, one, map[string]struct{}{"a": {}}, now))
	must(k.PutSignIns(ctx, one, []identity.SignIn{{Account: "a", Successful: now}}, now))
	must(k.PutRegistrations(ctx, one, []identity.Registration{{Account: "a"}}, now))
	must(k.Untold(ctx, one, identity.FactMFA, nil, now))
	power := identity.Power{Eligible: true, Grouped: true, Members: []identity.Membership{{Group: "g", Member: "a", Kind: identity.User}}}
	for n := range 2 {
		power.Roles = []identity.Role{{ID: identity.GlobalAdministrator, Name: fmt.Sprint(n)}}
		power.Holdings = []identity.Holding{{ID: "1", Principal: "a", Kind: identity.User, Role: identity.GlobalAdministrator, Eligible: n == 1}, {ID: "2", Principal: "p", Kind: identity.ServicePrincipal, Role: identity.GlobalAdministrator}}
		must(k.PutPower(ctx, one, power, now))
		must(k.PutAzureRoles(ctx, one, nil, []identity.AzureRole{{ID: "x", Role: identity.AzureOwner, Principal: fmt.Sprint(n), Kind: identity.User}}, now))
		must(k.PutApplications(ctx, one, []identity.Application{{ID: "p", Name: fmt.Sprint(n), Credentials: []identity.Credential{{ID: "c", Certificate: n == 1}}}}, now))
		must(k.Judge(ctx, one, identity.Judging{Limits: identity.DefaultLimits()}, now))
		power.Members = nil
	}
	must(nil, k.SetMark(ctx, one, "m", now))
	must(nil, k.PutPolicies(ctx, one, identity.AccessPolicies{}, now))
	must(nil, k.PutLicences(ctx, one, identity.Licences{}, now))
	_, _, err := k.Mark(ctx, one)
	must(nil, err)
	must(k.Held(ctx, one))
	must(k.Applications(ctx, one))
	must(nil, k.Walk(ctx, one, func([]identity.AccountRow) error { return nil }))
	must(nil, k.Prune(ctx, now.AddDate(-1, 0, 0)))
	both, limits := []fresnel.TenantID{one, storetest.TenantID(0)}, identity.DefaultLimits()
	classes := []identity.Class{{Guest: true}, {Enabled: true}}
	for _, s := range scopes {
		c := db.IdentityReader()
		must(c.Coverage(ctx, s))
		must(c.Classes(ctx, s))
		for _, tenants := range [][]fresnel.TenantID{{one}, both} {
			for _, newest := range []bool{false, true} {
				for _, after := range []identity.AccountPlace{{}, {Key: 1, Tenant: one, ID: "a"}} {
					for _, of := range [][]identity.Class{classes, classes[:1]} {
						q := identity.AccountQuery{Tenants: tenants, Classes: of, Newest: newest, After: after, Limit: 10}
						must(c.Accounts(ctx, s, q))
						q.Of = 1_000_000
						must(c.Accounts(ctx, s, q))
						q.Account = "a"
						must(c.Accounts(ctx, s, q))
					}
				}
			}
			for _, state := range append(identity.CredentialStates(), "") {
				for _, long := range []bool{false, true} {
					for _, after := range []identity.CredentialPlace{{}, {End: 1, Tenant: one, App: "p", ID: "c"}} {
						must(c.Credentials(ctx, s, identity.CredentialQuery{Tenants: tenants, State: state, Long: long, Limits: limits, Now: now, After: after, Limit: 10}))
					}
				}
			}
		}
		must(c.GrantsOf(ctx, s, []identity.Principal{{Tenant: one, ID: "a"}, {Tenant: both[1], ID: "a"}}))
		must(c.Others(ctx, s, identity.Principal{}, 10))
		must(c.Others(ctx, s, identity.Principal{Tenant: one, ID: "a"}, 10))
		must(c.CredentialCounts(ctx, s, now, limits))
		must(c.Roles(ctx, s))
		must(c.Days(ctx, s, identity.TrendLists(), fresnel.Period{From: 20_000, To: 20_060}))
		must(c.DaySums(ctx, s, identity.TrendLists(), fresnel.Period{From: 20_000, To: 20_060}))
	}
}

var (
	scanStep = regexp.MustCompile(`^SCAN (\w+)`)
	aliases  = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+(?:AS\s+)?(\w+))?`)
)

// scans lists the growing tables that a plan reads from end to end.
func scans(q string, plan []string) []string {
	tables := map[string]string{}
	for _, m := range aliases.FindAllStringSubmatch(q, -1) {
		tables[m[1]], tables[m[2]] = m[1], m[1]
	}
	var out []string
	for _, step := range plan {
		m := scanStep.FindStringSubmatch(step)
		if m == nil {
			continue
		}
		if table := tables[m[1]]; facts.MatchString(table) && !inOrder.MatchString(step) {
			out = append(out, fmt.Sprintf("%s (%s)", table, step))
		}
	}
	return out
}

// TestScans shows that a plan can be found out.
func TestScans(t *testing.T) {
	db := open(t, emptySQLite(t))
	for q, want := range map[string]int{
		"SELECT SUM(micros) FROM cost_cell c WHERE c.day = ?":                                   1,
		"SELECT SUM(c.micros) FROM cost_cell c WHERE c.sub = ? AND c.metric = ? AND c.day >= ?": 0,
		"SELECT 1 FROM tenant t JOIN cost_tenant_day d ON d.day = t.num":                        1,
		"SELECT 1 FROM tenant":                               0,
		"UPDATE cost_month SET asked_at = ? WHERE month = ?": 1,
		"DELETE FROM cost_cell WHERE sub = ?":                0,
	} {
		plan, err := db.Plan(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if got := scans(q, plan); len(got) != want {
			t.Errorf("%s: walks through %v, want %d\n%v", q, got, want, plan)
		}
	}
}
