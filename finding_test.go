package fresnel_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fresnel"
)

func TestReconcileKeepsTheKeyOfTheNearestFinding(t *testing.T) {
	held := []fresnel.Finding{
		{ID: 1, Object: "a", Since: 10},
		{ID: 2, Object: "a", Since: 20},
		{ID: 3, Object: "b", Since: 10},
		{ID: 4, Object: "old", Since: 1},
		{ID: 5, Object: "gone", Since: 10, Resolved: time.Unix(1, 0)},
	}
	found := []fresnel.Finding{
		{Object: "a", Since: 22, USD: 7}, // moved by two days
		{Object: "a", Since: 30},         // another one
		{Object: "new", Since: 10},
		{Object: "gone", Since: 10}, // it is back
	}
	near := func(h, f fresnel.Finding) bool { return h.Since-f.Since <= 3 && f.Since-h.Since <= 3 }
	got := fresnel.Reconcile(held, found, near, func(f fresnel.Finding) bool { return f.Since >= 10 })
	want := map[string]int64{"a 20": 2, "a 30": 0, "new 10": 0, "gone 10": 5}
	for _, f := range got.Put {
		key := fmt.Sprintf("%s %d", f.Object, f.Since)
		id, ok := want[key]
		if !ok || id != f.ID {
			t.Errorf("put %+v, want id %d", f, id)
		}
		delete(want, key)
	}
	if len(want) > 0 {
		t.Errorf("not put: %v", want)
	}
	var resolved []int64
	for _, f := range got.Resolved {
		resolved = append(resolved, f.ID)
	}
	if len(resolved) != 2 || resolved[0] != 1 || resolved[1] != 3 {
		t.Errorf("resolved %v: those judged and not found again, and not the one that is too old to be judged", resolved)
	}
}

func TestStateOf(t *testing.T) {
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	f := fresnel.Finding{Tenant: "t", Rule: "r", Object: "o", Since: 5}
	base := fresnel.Exception{Tenant: "t", Rule: "r", Object: "o", Created: now}
	with := func(change func(*fresnel.Exception)) fresnel.Exception {
		e := base
		change(&e)
		return e
	}
	ack := with(func(e *fresnel.Exception) { e.Verdict, e.Since = fresnel.Acknowledged, 5 })
	expected := with(func(e *fresnel.Exception) { e.Verdict, e.Expires = fresnel.Expected, now.Add(time.Hour) })
	for _, c := range []struct {
		what string
		es   []fresnel.Exception
		at   time.Time
		want fresnel.State
	}{
		{"nobody said anything", nil, now, fresnel.StateOpen},
		{"seen", []fresnel.Exception{ack}, now, fresnel.StateAcknowledged},
		{"expected wins", []fresnel.Exception{expected, ack}, now, fresnel.StateExpected},
		{"until it expires", []fresnel.Exception{expected, ack}, now.Add(time.Hour), fresnel.StateAcknowledged},
		{"another day", []fresnel.Exception{with(func(e *fresnel.Exception) { e.Verdict, e.Since = fresnel.Acknowledged, 6 })}, now, fresnel.StateOpen},
		{"another tenant", []fresnel.Exception{with(func(e *fresnel.Exception) { e.Verdict, e.Tenant = fresnel.Acknowledged, "u" })}, now, fresnel.StateOpen},
		{"taken back", []fresnel.Exception{with(func(e *fresnel.Exception) { e.Verdict, e.Ended = fresnel.Acknowledged, now })}, now, fresnel.StateOpen},
	} {
		if got, by := fresnel.StateOf(f, c.es, c.at); got != c.want || (by == nil) != (got == fresnel.StateOpen) {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	f.Resolved = now
	if got, _ := fresnel.StateOf(f, []fresnel.Exception{expected}, now); got != fresnel.StateResolved {
		t.Errorf("resolved: %s", got)
	}
}

func TestCheckException(t *testing.T) {
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		e  fresnel.Exception
		ok bool
	}{
		"seen":              {fresnel.Exception{Verdict: fresnel.Acknowledged}, true},
		"expected":          {fresnel.Exception{Verdict: fresnel.Expected, Note: "load test", Expires: now.AddDate(0, 1, 0)}, true},
		"without a reason":  {fresnel.Exception{Verdict: fresnel.Expected, Note: " ", Expires: now.AddDate(0, 1, 0)}, false},
		"without an end":    {fresnel.Exception{Verdict: fresnel.Expected, Note: "x"}, false},
		"in the past":       {fresnel.Exception{Verdict: fresnel.Expected, Note: "x", Expires: now}, false},
		"for ever":          {fresnel.Exception{Verdict: fresnel.Expected, Note: "x", Expires: now.AddDate(5, 0, 0)}, false},
		"an unknown word":   {fresnel.Exception{Verdict: "fine"}, false},
		"a very long story": {fresnel.Exception{Verdict: fresnel.Acknowledged, Note: strings.Repeat("x", fresnel.MaxNote+1)}, false},
	} {
		if err := fresnel.CheckException(c.e, now); (err == nil) != c.ok {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestObjectKey holds keys of ids apart, however long they are.
func TestObjectKey(t *testing.T) {
	t.Parallel()
	long := "/subscriptions/X/" + strings.Repeat("ö", 400)
	for _, c := range []struct{ a, b string }{{long + "1", long + "2"}, {long, long + "x"}, {"/A", "/b"}} {
		a, b := fresnel.ObjectKey(c.a), fresnel.ObjectKey(c.b)
		if a == b || len(a) > 400 || len(b) > 400 || !utf8.ValidString(a) {
			t.Errorf("%.40q (%d) and %.40q (%d)", a, len(a), b, len(b))
		}
		if fresnel.ObjectKey(strings.ToUpper(c.a)) != a || fresnel.ObjectKey(a) != a {
			t.Errorf("%.40q has several keys", c.a)
		}
	}
}
