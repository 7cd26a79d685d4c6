package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestTree makes trees from what subscriptions tell, whatever the order.
func TestTree(t *testing.T) {
	t.Parallel()
	sub := func(tenant, id string, resources int, chain string) SubscriptionHeld {
		v, err := ParseValue([]byte(`{"managementGroupAncestorsChain":` + chain + `}`))
		if err != nil {
			t.Fatal(err)
		}
		s := SubscriptionHeld{Resources: resources}
		s.Tenant, s.TenantName, s.Subscription, s.Properties = "t", tenant, id, v
		return s
	}
	root := `{"name":"root","displayName":"Tenant Root Group"}`
	subs := []SubscriptionHeld{
		sub("T", "s1", 5, `[{"name":"Prod","displayName":"Production"},{"name":"corp","displayName":"Corp"},`+root+`]`),
		sub("T", "s2", 3, `[{"name":"CORP","displayName":"Corp"},`+root+`]`),
		sub("T", "s3", 2, `[{"name":"prod","displayName":"Production"},{"name":"corp"},`+root+`]`),
		sub("T", "s4", 1, `[`+root+`]`),
		sub("T", "s5", 7, `null`),
		sub("T", "s6", 1, `[{"name":"a","displayName":"A"},{"name":"b"},{"name":"a"},{"name":"b"}]`), // a circle
	}
	want := []string{"0   1 7 [s5]", "0 root Tenant Root Group 4 11 [s4]", "1 corp Corp 3 10 [s2]", "2 prod Production 2 7 [s1 s3]"}
	for range 2 {
		var got []string
		tree := treeOf(subs)
		for _, g := range tree {
			var direct []string
			for _, s := range g.Subscriptions {
				direct = append(direct, s.Subscription)
			}
			slices.Sort(direct)
			if id := strings.ToLower(g.ID); id != "a" && id != "b" {
				got = append(got, fmt.Sprintf("%d %s %s %d %d %v", g.Depth, id, g.Name, g.Below, g.Resources, direct))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		below, err := SubscriptionsBelow(tree, "CORP")
		if slices.Sort(below); err != nil || !slices.Equal(below, []string{"s1", "s2", "s3"}) {
			t.Errorf("below corp: %v %v", below, err)
		}
		for _, id := range []string{"", "none"} {
			if _, err := SubscriptionsBelow(tree, id); err == nil {
				t.Errorf("%q is a group", id)
			}
		}
		slices.Reverse(subs)
	}
}
