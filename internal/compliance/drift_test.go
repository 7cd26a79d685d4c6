package compliance

import (
	"context"
	"testing"
	"time"

	"fresnel"
)

// days is a store of two days, the first of which has snapshots of both
// subscriptions. The methods that drift does not ask are missing.
type days struct {
	Reader
	counts map[fresnel.Day][]CountAt
	moved  []Moved
	items  []Item
	old    bool // nothing was read since the first day
}

const from, to = fresnel.Day(20_000), fresnel.Day(20_005)

func (d *days) FirstDay(context.Context, fresnel.Scope) (fresnel.Day, bool, error) {
	return from, true, nil
}

func (d *days) At(_ context.Context, _ fresnel.Scope, _ []string, day fresnel.Day) ([]SubscriptionAt, error) {
	if d.old {
		day = from
	}
	var out []SubscriptionAt
	for _, id := range []string{"a", "b"} {
		out = append(out, SubscriptionAt{Subscription: id, Day: day, Read: day.Time().Add(12 * time.Hour), Counts: Counts{Compliant: 10}})
	}
	return out, nil
}

func (d *days) CountsAt(_ context.Context, _ fresnel.Scope, _ Kind, day fresnel.Day) ([]CountAt, error) {
	return d.counts[day], nil
}

func (d *days) Told(context.Context, fresnel.Scope, []Kind, bool) ([]Item, error) {
	return d.items, nil
}

func (d *days) Items(context.Context, fresnel.Scope, []int64) ([]Item, error) { return nil, nil }

func (d *days) MovedCounts(context.Context, fresnel.Scope, []string, fresnel.Day, fresnel.Day) ([]MovedCount, error) {
	return nil, nil
}

func (d *days) Moved(_ context.Context, _ fresnel.Scope, _ MovedAsk, each func(Moved) bool) error {
	for _, m := range d.moved {
		each(m)
	}
	return nil
}

// TestDriftCauses looks for causes that the simulator's estate does not have.
func TestDriftCauses(t *testing.T) {
	t.Parallel()
	during := from.Time().Add(48 * time.Hour)
	long := from.Time().AddDate(-1, 0, 0)
	one := Counts{Compliant: 5, NonCompliant: 5}
	at := func(sub string, item int64) CountAt { return CountAt{Subscription: sub, Item: item, Counts: one} }

	assignment := Item{Num: 1, Told: Told{Key: Key{Kind: KindAssignment}, Name: "Baseline", Created: long}, First: long}
	check := Item{Num: 2, Told: Told{Key: Key{Kind: KindCheck, Reference: "ref"}}, Assignment: 1, First: long}
	for _, c := range []struct {
		name    string
		before  []CountAt
		after   []CountAt
		check   Item
		move    Moved
		cause   Cause
		by      string
		reached int
	}{
		{
			"an assignment reaches a subscription more",
			[]CountAt{at("a", 1)},
			[]CountAt{at("a", 1), at("b", 1)},
			check,
			Moved{Kind: MovedNew, Subscription: "b"},
			CauseAssignment, "Baseline", 1,
		},
		{
			"it leaves one",
			[]CountAt{at("a", 1), at("b", 1)},
			[]CountAt{at("a", 1)},
			check,
			Moved{Kind: MovedResolved, Subscription: "b"},
			CauseAssignment, "Baseline", 1,
		},
		{
			"it judged both on both days",
			[]CountAt{at("a", 1), at("b", 1)},
			[]CountAt{at("a", 1), at("b", 1)},
			check,
			Moved{Kind: MovedNew, Subscription: "b"},
			CauseState, "", 0,
		},
		{
			"a policy is added to it",
			[]CountAt{at("b", 1)},
			[]CountAt{at("b", 1)},
			Item{Num: 2, Told: check.Told, Assignment: 1, First: during},
			Moved{Kind: MovedNew, Subscription: "b"},
			CauseAssignment, "ref", 0,
		},
		{
			"a policy is taken out of it",
			[]CountAt{at("b", 1)},
			[]CountAt{at("b", 1)},
			Item{Num: 2, Told: check.Told, Assignment: 1, First: long, Gone: during},
			Moved{Kind: MovedResolved, Subscription: "b"},
			CauseAssignment, "ref", 0,
		},
		{
			"the first resource that it judges there",
			[]CountAt{at("a", 1)},
			[]CountAt{at("a", 1), at("b", 1)},
			check,
			Moved{Kind: MovedNew, Subscription: "b", Born: during},
			CauseResource, "", 0,
		},
	} {
		c.move.Checks = []int64{2}
		r := Reports{Reader: &days{counts: map[fresnel.Day][]CountAt{from: c.before, to: c.after}, items: []Item{assignment, c.check}, moved: []Moved{c.move}}}
		d, err := r.Drift(t.Context(), fresnel.AllTenants(), DriftAsk{From: from, To: to, Rows: 10})
		if err != nil || len(d.Rows) != 1 || d.Rows[0].Cause != c.cause || d.Rows[0].By != c.by {
			t.Errorf("%s: %v %+v", c.name, err, d.Rows)
		}
		reached := 0
		for _, a := range d.Assignments {
			reached += len(a.Subscriptions)
		}
		if reached != c.reached {
			t.Errorf("%s: %+v", c.name, d.Assignments)
		}
	}
	// One that has nothing to judge any more is not removed; one that Azure tells of no more is.
	idle := assignment
	idle.About = "/d"
	gone := idle
	gone.Gone = during
	for _, c := range []struct {
		item  Item
		cause Cause
		moves int
	}{{idle, CauseResource, 0}, {gone, CauseAssignment, 1}} {
		r := Reports{Reader: &days{
			counts: map[fresnel.Day][]CountAt{from: {at("b", 1)}}, items: []Item{c.item, check},
			moved: []Moved{{Kind: MovedResolved, Subscription: "b", Died: during, Failed: Failed{Checks: []int64{2}}}},
		}}
		d, err := r.Drift(t.Context(), fresnel.AllTenants(), DriftAsk{From: from, To: to, Rows: 10})
		if err != nil || len(d.Rows) != 1 || d.Rows[0].Cause != c.cause || len(d.Assignments) != c.moves {
			t.Errorf("%v: %v %+v %+v", c.cause, err, d.Rows, d.Assignments)
		}
	}
	r := Reports{Reader: &days{old: true}}
	if d, err := r.Drift(t.Context(), fresnel.AllTenants(), DriftAsk{From: from, To: to}); err != nil || d.Compared != 0 || d.Removed != 2 {
		t.Errorf("nothing was read since: %v %+v", err, d)
	}
	if _, err := r.Drift(t.Context(), fresnel.AllTenants(), DriftAsk{From: to, To: to}); fresnel.KindOf(err) != fresnel.Invalid {
		t.Errorf("a day with itself: %v", err)
	}
}
