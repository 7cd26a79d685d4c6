package page_test

import (
	"strings"
	"testing"

	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

// TestGauge: a share of nothing is an empty ring and a dash, and a tone never stands without a number.
func TestGauge(t *testing.T) {
	for _, tt := range []struct {
		percent float64
		known   bool
		figure  string
		tone    ui.Kind
	}{
		{0, false, page.Dash, ui.Mute},
		{0, true, "0.0", ui.Bad},
		{79.94, true, "79.9", ui.Bad},
		{80, true, "80.0", ui.Warn},
		{90, true, "90.0", ui.OK},
		{100, true, "100.0", ui.OK},
	} {
		if g := page.GaugeOf(tt.percent, tt.known, 90); g.Figure != tt.figure || g.Tone != tt.tone {
			t.Errorf("%v %v: %+v", tt.percent, tt.known, g)
		}
	}
}

func TestPoints(t *testing.T) {
	for by, want := range map[float64]page.Delta{
		0: {Text: "0.0 pts"}, 0.04: {Text: "0.0 pts"}, -0.04: {Text: "0.0 pts"}, 0.6: {Text: "+0.6 pts", Rise: 1}, -5.81: {Text: "−5.8 pts", Rise: -1},
	} {
		if got := page.Points(by); got != want {
			t.Errorf("%v: %+v, want %+v", by, got, want)
		}
	}
	if s := page.ShareOf(0, 0); s.Percent != page.Dash || s.Of != "0 of 0" {
		t.Errorf("a share of nothing: %+v", s)
	}
}

// TestScoresAreDrawnAndTold: the table beside the chart prints what the chart draws, with what it is of; a day without
// a reading is a gap in both.
func TestScoresAreDrawnAndTold(t *testing.T) {
	m := page.ComplianceGauges{Target: "90", Trend: &page.ScoreTrend{
		Title: "Score", Target: 90, Low: 70, Readings: 1, Days: []page.ChartSlot{{Label: "1 Nov", Full: "1 Nov 2026"}, {Label: "2 Nov", Full: "2 Nov 2026"}},
		Lines: []page.ScoreLine{{Name: "</script>", Slot: 1, Points: []page.ScorePoint{{}, {Known: true, Value: 88.125, Share: page.ShareOf(141, 160), Part: "3 of 4 subscriptions"}}}},
	}}
	var b strings.Builder
	if err := page.ComplianceGaugePanel(m).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"values":[null,88.125]`, `"target":90,"low":70`, `\u003c/script\u003e`, "88.1% · 141 of 160 · 3 of 4 subscriptions", ">—<"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in the panel", want)
		}
	}
}

// TestNotReadIsNotZero: without a score there are no counts.
func TestNotReadIsNotZero(t *testing.T) {
	m := page.ComplianceScore{Score: page.Score{Gauge: page.GaugeOf(0, false, 90), Cause: "Not read yet", Official: page.ShareOf(0, 0)}}
	var b strings.Builder
	if err := page.ComplianceScorePanel(m).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if html := b.String(); strings.Contains(html, "Non-compliant") || !strings.Contains(html, "Not read yet") {
		t.Error(html)
	}
}
