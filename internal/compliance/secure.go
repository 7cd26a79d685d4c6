package compliance

import (
	"cmp"
	"context"
	"slices"

	"fresnel"
)

// SecureReport is Defender's score of a scope.
type SecureReport struct {
	Overall       Score
	Tenants       []TenantScore
	Subscriptions []SubscriptionHeld
	Controls      []ControlSum // with the most to win first
}

// ControlSum is a control of the secure score over several subscriptions.
type ControlSum struct {
	Item          Item
	Healthy       int
	Unhealthy     int
	NotApplicable int
	Points, Most  float64
	Subscriptions int // to which it applies
}

// Secure gives the secure score of a scope, with its controls.
func (r Reports) Secure(ctx context.Context, s fresnel.Scope, only []string) (SecureReport, error) {
	scores, err := r.Scores(ctx, s, only)
	if err != nil {
		return SecureReport{}, err
	}
	out := SecureReport{Overall: scores.Overall, Tenants: scores.Tenants, Subscriptions: scores.Subscriptions}
	sums, err := r.Reader.Sums(ctx, s, SumAsk{Kind: KindControl, Subscriptions: only})
	if err != nil {
		return out, err
	}
	by := map[int64]*ControlSum{}
	var nums []int64
	for _, x := range sums {
		c := by[x.Item]
		if c == nil {
			c = &ControlSum{}
			by[x.Item] = c
			nums = append(nums, x.Item)
		}
		c.Healthy, c.Unhealthy, c.NotApplicable = c.Healthy+x.Counts.Compliant, c.Unhealthy+x.Counts.NonCompliant, c.NotApplicable+x.Counts.Exempt
		c.Points, c.Most, c.Subscriptions = c.Points+float64(x.Points)/1e6, c.Most+float64(x.Most)/1e6, c.Subscriptions+x.Subs
	}
	items, err := r.Reader.Items(ctx, s, nums)
	for _, i := range items {
		by[i.Num].Item = i
	}
	for _, n := range nums {
		out.Controls = append(out.Controls, *by[n])
	}
	slices.SortFunc(out.Controls, func(a, b ControlSum) int {
		return cmp.Or(cmp.Compare(b.Most-b.Points, a.Most-a.Points), cmp.Compare(a.Item.Name, b.Item.Name))
	})
	return out, err
}
