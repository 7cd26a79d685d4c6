package inventory

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"fresnel"
)

func sum(t *testing.T, e Estate, rules []Rule) *Evaluation {
	t.Helper()
	v, err := Sum(e, rules)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func ruleOf(t *testing.T, id string) []Rule {
	t.Helper()
	i := slices.IndexFunc(Rules(), func(r Rule) bool { return r.ID == id })
	if i < 0 {
		t.Fatalf("no rule %s", id)
	}
	return Rules()[i : i+1]
}

func TestFindings(t *testing.T) {
	v, _ := build(t, withoutWants(readFixture(t, "vm-deallocated-long").base), nil)
	e, _ := v.estate(t, "vm-deallocated-long")
	got := sum(t, e, Rules())
	if len(got.Found) != 1 || len(got.Pending) != 0 {
		t.Fatalf("found %v, pending %v", got.Found, got.Pending)
	}
	f := got.Found[0]
	var d Detail
	if err := json.Unmarshal([]byte(f.Detail), &d); err != nil {
		t.Fatal(err)
	}
	want := fresnel.Finding{
		Tenant: "t1", Rule: "vm-deallocated-long", Since: fresnel.Date(2026, 10, 24), Until: fresnel.Date(2026, 11, 23), Detail: f.Detail,
		Object: "/subscriptions/sub-a/resourcegroups/rg/providers/microsoft.compute/virtualmachines/vm1",
	}
	if f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
	if d.Title == "" || d.Reason == "" || d.Confidence != Review || !d.Costs || len(d.About) != 2 {
		t.Errorf("%+v", d)
	}
}

// TestKeyIsStable shows that a finding keeps its key from day to day, if the
// estate answers HeldSince from what was said before.
func TestKeyIsStable(t *testing.T) {
	rows := []Resource{{ID: "/subscriptions/sub-a/resourceGroups/rg/providers/Microsoft.Network/routeTables/R", Type: "microsoft.network/routetables", Subscription: "sub-a", Tenant: "t1", Properties: value(t, `{}`)}}
	e := newMemory(rows)
	first := sum(t, e, Rules()).Found
	e.held[[2]string{first[0].Rule, first[0].Object}] = testNow.Add(-72 * time.Hour)
	second := sum(t, e, Rules()).Found
	if len(first) != 1 || len(second) != 1 || first[0].Since != second[0].Since+3 || first[0].Detail != second[0].Detail {
		t.Errorf("%v, then %v", first, second)
	}
}

func TestSinceIsNeverAhead(t *testing.T) {
	rows := []Resource{{ID: "/subscriptions/sub-a/disks/d", Type: typeDisk, Name: "d", Tags: map[string]string{}, Properties: value(t, `{"diskState":"Unattached","timeCreated":"2026-01-01T00:00:00Z","LastOwnershipUpdateTime":"2027-01-01T00:00:00Z"}`)}}
	if got := sum(t, newMemory(rows), ruleOf(t, "disk-unattached")).Found; len(got) != 1 || got[0].Since != fresnel.DayOf(testNow) {
		t.Errorf("%v", got)
	}
}

// TestOrder shows that what is found does not depend on the order of the answer,
// nor on the order in which Go walks its maps.
func TestOrder(t *testing.T) {
	rows := manyRows(t, 600)
	one := sum(t, newMemory(rows), Rules())
	slices.Reverse(rows)
	two := sum(t, newMemory(rows), Rules())
	if len(one.Found) < 100 || !slices.Equal(one.Found, two.Found) || !slices.Equal(one.Pending, two.Pending) {
		t.Errorf("%d findings, then %d others", len(one.Found), len(two.Found))
	}
}

func TestEvaluateStops(t *testing.T) {
	subnets := value(t, `{"subnets":[{"name":"a","properties":{}},{"name":"b","properties":{}},{"name":"c","properties":{}}]}`)
	vnet := Resource{ID: "/subscriptions/sub-a/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v", Type: typeVNet, Properties: subnets}
	for _, e := range []Estate{newMemory(manyRows(t, 200)), newMemory([]Resource{vnet})} {
		n := 0
		for range Evaluate(e, Rules()) {
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			t.Errorf("%d judgements", n)
		}
	}
	n := 0
	for range Evaluate(newMemory([]Resource{vnet}), ruleOf(t, "subnet-empty")) {
		n++
	}
	if n != 3 {
		t.Errorf("%d judgements of three subnets", n)
	}
}

// TestNothingTold shows that no rule finds anything in rows without facts,
// except in what is missing from an inventory that was read in full.
func TestNothingTold(t *testing.T) {
	absent := []string{"apiconnection-unused", "identity-unused", "rg-empty", "sqlpool-empty", "synapse-empty"}
	for _, rule := range Rules() {
		for _, typ := range rule.Types {
			e := newMemory([]Resource{{ID: "/subscriptions/sub-a/resourceGroups/g/providers/" + typ + "/x", Type: typ, Name: "x", Subscription: "sub-a"}})
			got := sum(t, e, []Rule{rule})
			if n := len(got.Found) + len(got.Pending); n > 0 && !slices.Contains(absent, rule.ID) {
				t.Errorf("%s: %d of a row that tells nothing", rule.ID, n)
			}
			e.unread.add("sub-a")
			if got := sum(t, e, []Rule{rule}); len(got.Found)+len(got.Pending) > 0 {
				t.Errorf("%s: found in a subscription that was not read in full", rule.ID)
			}
		}
	}
}

// TestJudged shows that what is no longer found is over only if it was looked at.
func TestJudged(t *testing.T) {
	vnet := "/subscriptions/sub-a/resourcegroups/rg/providers/microsoft.network/virtualnetworks/v"
	e := newMemory([]Resource{
		{ID: vnet, Type: typeVNet, Subscription: "sub-a"}, // tells nothing today
		{ID: "/subscriptions/sub-a/resourcegroups/rg/providers/microsoft.network/routetables/r", Type: "microsoft.network/routetables", Subscription: "sub-a", Properties: value(t, `{"subnets":[1]}`)},
	})
	e.unread.add("sub-b")
	v := sum(t, e, Rules())
	for _, test := range []struct {
		rule, object string
		want         bool
	}{
		{"routetable-unused", "/subscriptions/sub-a/resourcegroups/rg/providers/microsoft.network/routetables/r", true},
		{"routetable-unused", "/subscriptions/sub-a/resourcegroups/rg/providers/microsoft.network/routetables/deleted", true},
		{"routetable-unused", "/subscriptions/sub-b/resourcegroups/rg/providers/microsoft.network/routetables/r", false},
		{"vnet-no-subnet", vnet, false},
		{"subnet-empty", vnet + "/subnets/a", false},
		{"subnet-empty", vnet + "2/subnets/a", true},
	} {
		if got := v.Judged(fresnel.Finding{Rule: test.rule, Object: test.object}); got != test.want {
			t.Errorf("%s of %s: %t", test.rule, test.object, got)
		}
	}
}
