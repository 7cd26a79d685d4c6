package compliance

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"testing"
	"time"

	"fresnel"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// told is an Azure that says what a test has it say.
type told struct {
	counts   []Counted
	failures []Failure
	whole    map[string]bool
	summary  int
	is       Provider
	err      error // of the summary
	controls []ControlCount
	score    *SecureScore
	objects  []Told
	asked    int
}

func list[T any](of []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range of {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (s *told) Told(context.Context, fresnel.Tenant, []string) (map[string]bool, error) {
	return s.whole, nil
}

func (s *told) PolicyCounts(_ context.Context, _ fresnel.Tenant, _ []string, by Level) iter.Seq2[Counted, error] {
	kinds := map[Level]Kind{ByAssignment: KindAssignment, ByPolicy: KindPolicy, ByCheck: KindCheck}
	return list(slices.DeleteFunc(slices.Clone(s.counts), func(c Counted) bool { return c.Key.Kind != kinds[by] }))
}

func (s *told) PolicyFailures(context.Context, fresnel.Tenant, []string) iter.Seq2[Failure, error] {
	s.asked++
	return list(s.failures)
}

func (s *told) PolicyObjects(context.Context, fresnel.Tenant, []string) iter.Seq2[Told, error] {
	return list(s.objects)
}

func (s *told) PolicyDefinitions(context.Context, fresnel.Tenant, []string, []string) iter.Seq2[Told, error] {
	return list[Told](nil)
}

func (s *told) PolicySummary(context.Context, fresnel.Tenant, string) (int, Provider, error) {
	return s.summary, s.is, s.err
}

func (s *told) SecureScores(context.Context, fresnel.Tenant, []string) iter.Seq2[SecureScore, error] {
	if s.score == nil {
		return list[SecureScore](nil)
	}
	return list([]SecureScore{*s.score})
}

func (s *told) Controls(context.Context, fresnel.Tenant, []string) iter.Seq2[ControlCount, error] {
	return list(s.controls)
}

func (s *told) Standards(context.Context, fresnel.Tenant, []string) iter.Seq2[ControlCount, error] {
	return list[ControlCount](nil)
}

func (s *told) SecurityProvider(context.Context, fresnel.Tenant, string) (int, Provider, error) {
	return 0, Registered, nil
}

// kept is what a sync kept.
type kept struct {
	policy   []PolicySnapshot
	security []SecuritySnapshot
	missed   []SubjectState
	forgot   []string
	scopes   []string
}

func (k *kept) PutPolicy(_ context.Context, _ fresnel.TenantID, p PolicySnapshot, _ time.Time) (int, error) {
	k.policy = append(k.policy, p)
	return 1, nil
}

func (k *kept) PutSecurity(_ context.Context, _ fresnel.TenantID, p SecuritySnapshot, _ time.Time) (int, error) {
	k.security = append(k.security, p)
	return 1, nil
}

func (k *kept) Missed(_ context.Context, _ fresnel.TenantID, _ string, policies bool, s SubjectState, _, _ string, _ time.Time) error {
	if policies {
		k.missed = append(k.missed, s)
	}
	return nil
}

func (k *kept) Forget(_ context.Context, _ fresnel.TenantID, id string, _ time.Time) (int, error) {
	k.forgot = append(k.forgot, id)
	return 0, nil
}

func (k *kept) PutTold(_ context.Context, _ fresnel.TenantID, _ []Told, scopes []string, _ time.Time) (int, error) {
	k.scopes = append(k.scopes, scopes...)
	return 0, nil
}

func (k *kept) Unnamed(context.Context, fresnel.TenantID, time.Time) ([]string, error) {
	return nil, nil
}

func (k *kept) Close(context.Context, fresnel.TenantID, time.Time) error { return nil }

type listed []fresnel.Subscription

func (l listed) Refresh(context.Context, fresnel.Tenant) ([]fresnel.Subscription, error) {
	return l, nil
}

// whole is an answer that agrees with itself: two resources, one of which fails a policy.
func whole() *told {
	check := Key{Kind: KindCheck, Assignment: "/a", Definition: "/d", Reference: "r"}
	n := Counts{Compliant: 1, NonCompliant: 1}
	s := &told{whole: map[string]bool{"s": true}, failures: []Failure{{Subscription: "s", Resource: "/x", State: NonCompliant, Check: check}}}
	for _, k := range []Key{{}, check.In(), check.Of(), check} {
		s.counts = append(s.counts, Counted{Subscription: "s", Key: k, Counts: n})
	}
	return s
}

func TestSync(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*told)
		puts   int // of policies
		missed []SubjectState
		state  fresnel.PartState
	}{
		{"whole", func(*told) {}, 1, nil, fresnel.PartRead},
		{"a row twice", func(s *told) {
			s.counts = append(s.counts, s.counts[1])
			s.failures = append(s.failures, s.failures[0])
		}, 1, nil, fresnel.PartRead},
		{"a row twice, in two ways", func(s *told) {
			other := s.counts[1]
			other.Counts.Compliant = 7
			s.counts = append(s.counts, other)
		}, 0, []SubjectState{SubjectFailed}, fresnel.PartFailed},
		{"a part of the subscription", func(s *told) { s.whole = nil }, 0, []SubjectState{SubjectFailed}, fresnel.PartFailed},
		{"failures are lacking", func(s *told) { s.failures = nil }, 0, []SubjectState{SubjectFailed}, fresnel.PartFailed},
		{"an item is lacking", func(s *told) { s.counts = s.counts[:3] }, 0, []SubjectState{SubjectFailed}, fresnel.PartFailed},
		{"silence, and Policy Insights knows more", func(s *told) { s.counts, s.summary = nil, 2 }, 0, []SubjectState{SubjectFailed}, fresnel.PartFailed},
		{"silence, and Policy Insights refuses", func(s *told) { s.counts, s.err = nil, errors.New("403") }, 0, []SubjectState{SubjectFailed}, fresnel.PartFailed},
		{"nothing is judged", func(s *told) { s.counts, s.failures = nil, nil }, 1, nil, fresnel.PartRead},
		{"nobody judges", func(s *told) { s.counts, s.is = nil, Unregistered }, 0, []SubjectState{SubjectUnregistered}, fresnel.PartRead},
	} {
		s, k := whole(), &kept{}
		s.objects = []Told{{Key: Key{Kind: KindExemption, Definition: "/e"}, Scope: "/subscriptions/s"}}
		c.change(s)
		job := &Sync{Source: s, Sink: k, Registry: listed{{ID: "s"}, {ID: "gone", State: fresnel.Deleted}, {ID: "absent", State: fresnel.Absent}}, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
		res, err := job.Run(t.Context(), fresnel.Tenant{ID: "t"})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		absent := []SubjectState{SubjectFailed} // of the subscription that is not listed
		if len(k.policy) != c.puts || !slices.Equal(k.missed, append(absent, c.missed...)) || res.Parts[0].State != c.state || !slices.Equal(k.forgot, []string{"gone"}) {
			t.Errorf("%s: %d kept, missed %v, forgot %v, %+v", c.name, len(k.policy), k.missed, k.forgot, res.Parts)
		}
		if c.puts == 1 && len(k.policy[0].Items) > 3 {
			t.Errorf("%s: %d items", c.name, len(k.policy[0].Items))
		}
		if want := c.puts == 1; slices.Contains(k.scopes, "/subscriptions/s") != want {
			t.Errorf("%s: what was not told is gone in %v", c.name, k.scopes)
		}
	}
}

func TestSyncSecurity(t *testing.T) {
	t.Parallel()
	s, k := whole(), &kept{}
	s.score = &SecureScore{Subscription: "s", Current: 3, Max: 6}
	c := ControlCount{Subscription: "s", Key: Key{Kind: KindControl, Definition: "c"}, Most: 6, Current: 3}
	s.controls = []ControlCount{c, c} // pages may repeat a row
	job := &Sync{Source: s, Sink: k, Registry: listed{{ID: "s"}}, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
	if _, err := job.Run(t.Context(), fresnel.Tenant{ID: "t"}); err != nil || len(k.security) != 1 || len(k.security[0].Controls) != 1 {
		t.Errorf("%v %+v", err, k.security)
	}
	s.controls, k.security = nil, nil
	if _, err := job.Run(t.Context(), fresnel.Tenant{ID: "t"}); err != nil || len(k.security) != 0 {
		t.Errorf("a score of points without controls: %v %+v", err, k.security)
	}
}
