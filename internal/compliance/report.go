package compliance

import (
	"context"
	"slices"
	"time"

	"fresnel"
)

// Reports answers questions about compliance. A page and the API ask the same
// method and print what it gives.
type Reports struct {
	Reader Reader
	Writer Writer
	Now    func() time.Time
	Target float64       // percent that a score is to reach
	Stale  time.Duration // after so long without a reading, what is held is old
}

// KeepDays is how many days of history are kept.
const KeepDays = 400

// Score is how compliant something is: counts, and the shares that follow from
// them.
type Score struct {
	Counts
	Read          int // subscriptions with a snapshot
	Subscriptions int // subscriptions to be read
	Unregistered  int
	Failed        int
	Oldest        time.Time // the oldest of the snapshots; zero = there is none
	Before        *Before   // nil = there is nothing to compare with
	Secure        *Secure   // nil = no score is known
}

// Before is a score of an earlier day, of the subscriptions that are known now
// and were known then: one that came or went since is no rise and no fall.
type Before struct {
	Day    fresnel.Day
	Counts Counts // then
	Now    Counts // of the same subscriptions
	Of     int    // subscriptions
}

// Points is by how much Microsoft's share of today is above that of an earlier
// day, in points of percent; false where one of them has none.
func (c Score) Points() (float64, bool) {
	if c.Before == nil {
		return 0, false
	}
	return rise(c.Before.Counts, c.Before.Now)
}

// Secure is Defender's score over several subscriptions.
type Secure struct {
	Percent       float64
	Points, Most  float64 // sums of the subscriptions' points: what there is to win, not what Percent is made of
	Subscriptions int     // that have a score
	Oldest        time.Time
}

// TenantScore is the score of a tenant.
type TenantScore struct {
	TenantRead
	Score
}

// ScoreReport is how compliant a scope is.
type ScoreReport struct {
	Overall       Score
	Tenants       []TenantScore // by name
	Subscriptions []SubscriptionHeld
	Target        float64
}

// Slack is by how many days the snapshot of a day may be older.
const Slack = 2

// Compared is how many days back a score is compared by itself.
const Compared = 7

// Scores gives the scores of a scope, or of some of its subscriptions.
func (r Reports) Scores(ctx context.Context, s fresnel.Scope, only []string) (ScoreReport, error) {
	rep := ScoreReport{Target: r.Target}
	reads, err := r.Reader.Coverage(ctx, s)
	if err != nil {
		return rep, err
	}
	if rep.Subscriptions, err = r.Reader.Subscriptions(ctx, s, only); err != nil {
		return rep, err
	}
	before, err := r.before(ctx, s, rep.Subscriptions, only)
	if err != nil {
		return rep, err
	}
	var scores []SecureScore
	by := map[fresnel.TenantID]*TenantScore{}
	for _, t := range reads {
		rep.Tenants = append(rep.Tenants, TenantScore{TenantRead: t})
	}
	for i := range rep.Tenants {
		by[rep.Tenants[i].Tenant] = &rep.Tenants[i]
	}
	perTenant := map[fresnel.TenantID][]SecureScore{}
	for i := range rep.Subscriptions {
		sub := &rep.Subscriptions[i]
		t := by[sub.Tenant]
		if t == nil {
			continue
		}
		for _, score := range []*Score{&t.Score, &rep.Overall} {
			score.add(sub)
		}
		if sub.Score != nil {
			scores = append(scores, *sub.Score)
			perTenant[sub.Tenant] = append(perTenant[sub.Tenant], *sub.Score)
		}
	}
	for i := range rep.Tenants {
		t := &rep.Tenants[i]
		t.Before = before[t.Tenant]
		t.over(perTenant[t.Tenant])
		if missing := t.TenantRead.Subscriptions - t.Score.Subscriptions; len(only) == 0 && missing > 0 { // Azure lists more for it than is held of it
			t.Score.Subscriptions += missing
			rep.Overall.Subscriptions += missing
		}
	}
	rep.Overall.Before = before[""]
	rep.Overall.over(scores)
	if len(only) > 0 { // tenants without any of them are not asked about
		rep.Tenants = slices.DeleteFunc(rep.Tenants, func(t TenantScore) bool { return t.Score.Subscriptions == 0 })
	}
	return rep, nil
}

// add adds a subscription to a score.
func (c *Score) add(sub *SubscriptionHeld) {
	c.Subscriptions++
	if _, ok := sub.percent(); ok {
		if c.Secure == nil {
			c.Secure = &Secure{}
		}
		c.Secure.Subscriptions++
		c.Secure.Points += sub.Score.Current
		c.Secure.Most += sub.Score.Max
		c.Secure.Oldest = oldest(c.Secure.Oldest, sub.ScoreAt)
	}
	switch sub.Policy {
	case SubjectUnregistered:
		c.Unregistered++
	case SubjectFailed:
		c.Failed++
	case SubjectRead:
	}
	if sub.Judged() {
		c.Read++
		c.Counts = c.Plus(sub.Counts)
		c.Oldest = oldest(c.Oldest, sub.PolicyAt)
	}
}

// Judged tells whether a subscription's counts say something: what was judged
// once is not judged any more where Azure's provider is not registered.
func (s *SubscriptionHeld) Judged() bool {
	return !s.PolicyAt.IsZero() && s.Policy != SubjectUnregistered
}

// percent is the secure score of a subscription; false where there is none.
func (s *SubscriptionHeld) percent() (float64, bool) {
	if s.Score == nil {
		return 0, false
	}
	return s.Score.Percent()
}

func oldest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// over fills the percentage of several secure scores.
func (c *Score) over(list []SecureScore) {
	if c.Secure != nil {
		c.Secure.Percent, _ = ScoreOf(list)
	}
}

// before gives the scores of Compared days ago, by tenant; "" = of all.
func (r Reports) before(ctx context.Context, s fresnel.Scope, held []SubscriptionHeld, only []string) (map[fresnel.TenantID]*Before, error) {
	day := fresnel.DayOf(r.Now()) - Compared
	list, err := r.Reader.At(ctx, s, only, day)
	if err != nil {
		return nil, err
	}
	now := map[string]Counts{}
	for i := range held {
		if held[i].Judged() {
			now[held[i].Subscription] = held[i].Counts
		}
	}
	out := map[fresnel.TenantID]*Before{}
	for _, x := range list {
		is, ok := now[x.Subscription]
		if !ok || x.Day < day-Slack { // a snapshot that was old even then says nothing of that day
			continue
		}
		for _, t := range []fresnel.TenantID{x.Tenant, ""} {
			if out[t] == nil {
				out[t] = &Before{Day: day}
			}
			b := out[t]
			b.Counts, b.Now, b.Of = b.Counts.Plus(x.Counts), b.Now.Plus(is), b.Of+1
		}
	}
	return out, nil
}

// State says how far a tenant's numbers are to be trusted.
func (t TenantScore) State(now time.Time, stale time.Duration) string {
	switch {
	case t.Score.Read == 0 && t.Score.Unregistered > 0 && t.Score.Unregistered == t.Score.Subscriptions:
		return "none"
	case t.Score.Read == 0:
		return "never"
	case t.Score.Read+t.Score.Unregistered < t.Score.Subscriptions:
		return "partial"
	case t.Score.Failed > 0, now.Sub(t.Oldest()) > stale:
		return "stale"
	}
	return "fresh"
}

// Oldest is the age of the oldest snapshot of the tenant.
func (t TenantScore) Oldest() time.Time { return t.Score.Oldest }
