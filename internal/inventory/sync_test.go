package inventory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"testing"
	"time"

	"fresnel"
)

// told is an Azure that a test words: what it tells, and of whom at the end.
type told struct {
	rows    []Resource
	broken  error           // after the rows
	still   map[string]bool // at the end
	refused error           // of changes
}

func (a told) Resources(context.Context, fresnel.Tenant, []string) iter.Seq2[Resource, error] {
	return func(yield func(Resource, error) bool) {
		for _, r := range a.rows {
			if !yield(r, nil) {
				return
			}
		}
		if a.broken != nil {
			yield(Resource{}, a.broken)
		}
	}
}

func (a told) Told(context.Context, fresnel.Tenant, []string) (map[string]bool, error) {
	return a.still, nil
}

func (a told) Changes(context.Context, fresnel.Tenant, []string, time.Time) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		if a.refused != nil {
			yield(Change{}, a.refused)
		}
	}
}

// ledger writes down what it is told to keep.
type ledger struct{ lines []string }

func (l *ledger) note(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *ledger) Put(_ context.Context, _ fresnel.TenantID, sub string, list []Resource, _ time.Time) (int, error) {
	l.note("put %d of %s", len(list), sub)
	return len(list), nil
}

func (l *ledger) Finish(_ context.Context, _ fresnel.TenantID, sub string, seen map[string]struct{}, _, _ time.Time) (int, error) {
	l.note("finish %s with %d", sub, len(seen))
	return 0, nil
}

func (l *ledger) ChangesSince(context.Context, fresnel.TenantID, []string) (time.Time, error) {
	return time.Time{}, nil
}

func (l *ledger) ChangesRead(_ context.Context, _ fresnel.TenantID, subs []string, _ time.Time) error {
	l.note("history of %v", subs)
	return nil
}

func (l *ledger) PutChanges(context.Context, fresnel.TenantID, []Change, time.Time) (int, error) {
	return 0, nil
}

type subs []fresnel.Subscription

func (s subs) Refresh(context.Context, fresnel.Tenant) ([]fresnel.Subscription, error) { return s, nil }

// TestSyncEnds holds what is called gone, and when rules are asked, against what
// Azure told: no estate makes a right end in the middle of a stream.
func TestSyncEnds(t *testing.T) {
	t.Parallel()
	const a, b, dead, away = "sub-a", "sub-b", "sub-dead", "sub-away"
	row := func(sub, kind, name string) Resource {
		return Resource{ID: "/subscriptions/" + sub + "/" + name, Subscription: sub, Type: kind, Name: name}
	}
	rows := []Resource{row(a, typeSubscription, ""), row(b, typeSubscription, ""), row(a, typeVM, "x")}
	both := map[string]bool{a: true, b: true}
	for name, c := range map[string]struct {
		azure told
		want  []string
	}{
		"all of it":                       {told{rows: rows, still: both}, []string{"put 2 of sub-a", "finish sub-a with 2", "put 1 of sub-b", "finish sub-b with 1", "history of [sub-a sub-b]", "rules"}},
		"one is not named":                {told{rows: rows[1:2], still: both}, []string{"put 1 of sub-b", "finish sub-b with 1", "history of [sub-b]", "rules"}},
		"a right was lost on the way":     {told{rows: rows[:2], still: map[string]bool{b: true}}, []string{"put 1 of sub-a", "put 1 of sub-b", "finish sub-b with 1", "history of [sub-b]", "rules"}},
		"the stream broke":                {told{rows: rows, still: both, broken: errors.New("broken")}, []string{"put 2 of sub-a", "put 1 of sub-b"}},
		"the history was refused":         {told{rows: rows, still: both, refused: errors.New("no")}, []string{"put 2 of sub-a", "finish sub-a with 2", "put 1 of sub-b", "finish sub-b with 1", "rules"}},
		"nobody is named, and no one may": {told{}, []string{"rules"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &ledger{}
			s := Sync{
				Source: c.azure, Sink: l, Now: time.Now, Log: slog.New(slog.DiscardHandler),
				Registry: subs{{ID: a}, {ID: b}, {ID: dead, State: fresnel.Deleted}, {ID: away, State: fresnel.Gone}},
				Found:    func(context.Context, fresnel.Tenant) error { l.note("rules"); return nil },
			}
			res, err := s.Run(t.Context(), fresnel.Tenant{ID: "t"})
			if err != nil {
				t.Fatal(err)
			}
			want := append([]string{"finish sub-dead with 0"}, c.want...)
			slices.Sort(l.lines[1:min(len(l.lines), 3)]) // a broken stream is put in any order
			slices.Sort(want[1:min(len(want), 3)])
			if !slices.Equal(l.lines, want) {
				t.Errorf("%q, want %q; %+v", l.lines, want, res.Parts)
			}
		})
	}
}
