package compliance

import (
	"math"
	"testing"
)

func TestOfficial(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		counts                     Counts
		official, strict, exempted Share
	}{
		// Microsoft's example: 20 distinct resources, one is not compliant: 95 %.
		{Counts{Compliant: 19, NonCompliant: 1}, Share{19, 20}, Share{19, 20}, Share{0, 20}},
		{Counts{Compliant: 5, NonCompliant: 2, Conflict: 1, Exempt: 2, Unknown: 7}, Share{7, 10}, Share{5, 8}, Share{2, 10}},
		{Counts{Exempt: 3}, Share{3, 3}, Share{0, 0}, Share{3, 3}},
		{Counts{Unknown: 3}, Share{}, Share{}, Share{}},
		{Counts{}, Share{}, Share{}, Share{}},
	} {
		if o, s, e := c.counts.Official(), c.counts.Strict(), c.counts.Exempted(); o != c.official || s != c.strict || e != c.exempted {
			t.Errorf("%+v: %v %v %v, want %v %v %v", c.counts, o, s, e, c.official, c.strict, c.exempted)
		}
	}
	if p, ok := (Share{19, 20}).Percent(); p != 95 || !ok {
		t.Errorf("19 of 20 is %v, %v", p, ok)
	}
	if _, ok := (Share{}).Percent(); ok {
		t.Error("a share of nothing has a percentage")
	}
}

func TestStrongest(t *testing.T) {
	t.Parallel()
	order := []State{Unknown, Exempt, Conflict, Compliant, NonCompliant}
	for i, a := range order {
		for j, b := range order {
			if got := Strongest(a, b); got != order[max(i, j)] {
				t.Errorf("%v and %v: %v", a, b, got)
			}
		}
		if ParseState(a.String()) != a {
			t.Errorf("%v is read as %v", a, ParseState(a.String()))
		}
	}
	for word, want := range map[string]State{"noncompliant": NonCompliant, "COMPLIANT": Compliant, "": Unknown, "Error": Unknown} {
		if got := ParseState(word); got != want {
			t.Errorf("%q is %v", word, got)
		}
	}
}

func TestScores(t *testing.T) {
	t.Parallel()
	near := func(a, b float64) bool { return math.Abs(a-b) < 0.005 }
	if got, ok := ControlScore(6, 4, 74); !ok || !near(got, 0.31) {
		t.Errorf("Microsoft's example: %v %v", got, ok)
	}
	if _, ok := ControlScore(6, 0, 0); ok {
		t.Error("a control that applies to nothing has a score")
	}
	list := []SecureScore{{Current: 10, Max: 20, Weight: 3}, {Current: 30, Max: 40, Weight: 1}, {Weight: 100}}
	if got, ok := ScoreOf(list); !ok || !near(got, 56.25) {
		t.Errorf("by weight: %v %v", got, ok)
	}
	if got, ok := ScoreOf([]SecureScore{{Current: 1, Max: 2}, {Current: 1, Max: 1}}); !ok || !near(got, 75) {
		t.Errorf("without weights: %v %v", got, ok)
	}
	if _, ok := ScoreOf(list[2:]); ok {
		t.Error("no points, and a score")
	}
}
