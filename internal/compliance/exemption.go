package compliance

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"fresnel"
)

// ExemptionStanding is whether an exemption holds.
type ExemptionStanding string

// The standings of an exemption.
const (
	ExemptionActive   ExemptionStanding = "active"
	ExemptionExpiring ExemptionStanding = "expiring" // within ExpiringDays
	ExemptionExpired  ExemptionStanding = "expired"  // Azure keeps it, and it exempts nothing any more
)

// ExpiringDays is how long before its end an exemption is said to expire.
const ExpiringDays = 30

// Exemption is what is taken out of an assignment.
type Exemption struct {
	Item
	Assignment Item // its name is "" where it is hidden
	Standing   ExemptionStanding
	DaysLeft   int // until it expires, negative since; with an expiry only
}

// Exemptions lists those of a scope: what expires first comes first, what never
// does last.
func (r Reports) Exemptions(ctx context.Context, s fresnel.Scope, standings []ExemptionStanding) ([]Exemption, error) {
	list, err := r.Reader.Told(ctx, s, []Kind{KindExemption, KindAssignment}, false)
	if err != nil {
		return nil, err
	}
	names := keyed(list)
	now := r.Now()
	var out []Exemption
	for _, i := range list {
		if i.Kind != KindExemption {
			continue
		}
		x := Exemption{Item: i, Assignment: names[itemKey{i.Tenant, i.Assignment}], Standing: ExemptionActive}
		if x.Assignment.ID == "" {
			x.Assignment.ID = i.About
		}
		if !i.Expires.IsZero() {
			left := i.Expires.Sub(now)
			x.DaysLeft = int(left / (24 * time.Hour))
			switch {
			case left <= 0:
				x.Standing = ExemptionExpired
			case left <= ExpiringDays*24*time.Hour:
				x.Standing = ExemptionExpiring
			}
		}
		if len(standings) == 0 || slices.Contains(standings, x.Standing) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b Exemption) int {
		if a.Expires.IsZero() != b.Expires.IsZero() {
			if a.Expires.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Num, b.Num))
	})
	return out, nil
}

// Touches tells whether an exemption may be about something in one of some
// subscriptions of its tenant; none = any. One of a management group may be:
// which groups are above a subscription is not told with it.
func (x Exemption) Touches(subscriptions []string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(x.Scope), "/subscriptions/")
	id, _, _ := strings.Cut(rest, "/")
	return len(subscriptions) == 0 || !ok || slices.Contains(subscriptions, id)
}
