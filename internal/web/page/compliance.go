package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fresnel/internal/web/ui"
)

// near is how many points under its target a score is a warning and not worse.
const near = 10

// GaugeOf is a percentage on a ring; known is false where there is nothing to have a percentage of.
func GaugeOf(percent float64, known bool, target float64) Gauge {
	g := Gauge{Value: percent, Known: known, Figure: Dash, Target: target, Tone: ui.Mute}
	if !known {
		return g
	}
	g.Figure, g.Tone = strings.TrimSuffix(percentText(percent), "%"), ScoreTone(percent, target)
	return g
}

// ScoreTone is how a percentage stands to its target.
func ScoreTone(percent, target float64) ui.Kind {
	switch {
	case percent >= target:
		return ui.OK
	case percent >= target-near:
		return ui.Warn
	}
	return ui.Bad
}

// ShareOf writes a part of a whole.
func ShareOf(of, whole int) Share {
	return Share{Percent(int64(of), int64(whole)), Count(of) + " of " + Count(whole)}
}

// PercentText writes a percentage with one decimal.
func PercentText(percent float64) string { return percentText(percent) }

// Points writes how far a score moved, in points of percent; for a score a rise is good.
func Points(by float64) Delta {
	text := strings.TrimSuffix(percentText(by), "%") + " pts"
	switch {
	case strings.HasPrefix(text, "0.0 "):
		return Delta{Text: text}
	case by > 0:
		return Delta{"+" + text, 1}
	}
	return Delta{text, -1}
}

// The half ring: its centre and radius in its own coordinates.
const (
	ringX, ringY = 60.0, 58.0
	ringR        = 48.0
)

// ringAt is a place on the ring, at a percentage and a distance from the centre.
func ringAt(percent, r float64) (x, y float64) {
	a := math.Pi * (1 - min(max(percent, 0), 100)/100)
	return ringX + r*math.Cos(a), ringY - r*math.Sin(a)
}

func number(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// ring is the path from the beginning of the ring to a percentage.
func ring(percent float64) string {
	x, y := ringAt(percent, ringR)
	return fmt.Sprintf("M%s %sA%s %s 0 0 1 %s %s", number(ringX-ringR), number(ringY), number(ringR), number(ringR), number(x), number(y))
}

// tick is the mark of the target across the ring.
func tick(target float64) string {
	x1, y1 := ringAt(target, ringR-9)
	x2, y2 := ringAt(target, ringR+9)
	return fmt.Sprintf("M%s %sL%s %s", number(x1), number(y1), number(x2), number(y2))
}

func toneColour(k ui.Kind) string {
	switch k {
	case ui.OK, ui.Warn, ui.Bad:
		return "var(--" + string(k) + "-solid)"
	case ui.Info:
		return "var(--brand)"
	}
	return "var(--track)"
}

func toneClass(k ui.Kind) string { return "t-" + string(k) }

// effectNames are the effects as Azure writes them.
var effectNames = map[string]string{
	"addtonetworkgroup": "AddToNetworkGroup", "append": "Append", "audit": "Audit", "auditifnotexists": "AuditIfNotExists", "deny": "Deny", "denyaction": "DenyAction",
	"deployifnotexists": "DeployIfNotExists", "disabled": "Disabled", "manual": "Manual", "modify": "Modify", "mutate": "Mutate",
}

// EffectName is an effect as Azure writes it.
func EffectName(effect string) string { return or(effectNames[strings.ToLower(effect)], effect) }

// The orders of the lists; "" is the first.
var (
	policySorts   = []string{"non_compliant", "name", "category", "score"}
	failingSorts  = []string{"since", "policies", "name"}
	failingTitles = map[string]string{"since": "Newest first", "policies": "Most policies", "name": "Name"}
)

// PolicySort and FailingSort are the order that a query asks for.
func PolicySort(q Query) string { return oneOf(q.Sort, policySorts) }

// FailingSort is the order of a list of failing resources.
func FailingSort(q Query) string { return oneOf(q.Sort, failingSorts) }

func oneOf(word string, words []string) string {
	if slices.Contains(words, word) {
		return word
	}
	return words[0]
}

// seg are the links of a closed set of words.
func seg(words []string, now string, label func(string) string, to func(string) string) []ui.Choice {
	var out []ui.Choice
	for _, w := range words {
		value := w
		if w == words[0] {
			value = ""
		}
		out = append(out, ui.Choice{Label: label(w), URL: to(value), Current: is(now, w, words)})
	}
	return out
}

func standingWord(s string) string { return Sentence(s) }

func controlWord(s string) string { return Sentence(strings.ReplaceAll(s, "-", " ")) }

func standingKind(s string) (ui.Kind, string) {
	switch s {
	case "expired":
		return ui.Bad, "circle-x"
	case "expiring":
		return ui.Warn, "clock"
	}
	return ui.Mute, "circle-check"
}

func controlKind(s string) (ui.Kind, string) {
	switch s {
	case "passed":
		return ui.OK, "circle-check"
	case "failed":
		return ui.Bad, "circle-x"
	case "skipped":
		return ui.Mute, "minus"
	}
	return ui.Info, "info"
}

// moveKinds are how failures moved, in words.
var moveKinds = map[string]struct {
	word, icon string
	kind       ui.Kind
}{
	"new":      {"New", "plus", ui.Bad},
	"resolved": {"Resolved", "check", ui.OK},
	"changed":  {"Changed", "refresh-cw", ui.Info},
}

// parts are where the stretches of a framework's bar begin and how long they are, of 1000.
func (f FrameworkRow) parts() [4][2]int {
	var out [4][2]int
	sum := f.Passed + f.Failed + f.Skipped + f.NotAssessed
	if sum == 0 {
		return out
	}
	at := 0
	for i, n := range []int{f.Passed, f.Failed, f.Skipped, f.NotAssessed} {
		at += n
		out[i][0], out[i][1] = 1000*(at-n)/sum, 1000*at/sum-1000*(at-n)/sum
	}
	return out
}

// partColours are those of passed, failed, skipped and not assessed.
var partColours = [4]string{"var(--ok-solid)", "var(--bad-solid)", "var(--s0)", "var(--track)"}

func (f FrameworkRow) controls() int { return f.Passed + f.Failed + f.Skipped + f.NotAssessed }

// words say all of a framework's bar.
func (f FrameworkRow) words() string {
	return dotted(Count(f.Passed)+" passed", Count(f.Failed)+" failed", Count(f.Skipped)+" skipped", Count(f.NotAssessed)+" not assessed")
}

// scoreJSON is what chart.js draws of scores, made from the same value as the table beside it.
type scoreJSON struct {
	Labels []string     `json:"labels"`
	Days   []string     `json:"days"`
	Target float64      `json:"target"`
	Low    float64      `json:"low"`
	Lines  []seriesJSON `json:"lines"`
}

func scoreData(m ScoreTrend) scoreJSON {
	out := scoreJSON{Target: m.Target, Low: m.Low, Lines: []seriesJSON{}, Labels: []string{}, Days: []string{}}
	for _, d := range m.Days {
		out.Labels, out.Days = append(out.Labels, d.Label), append(out.Days, d.Full)
	}
	for _, l := range m.Lines {
		line := seriesJSON{Name: l.Name, Slot: l.Slot, Values: make([]*float64, len(m.Days))}
		for i, p := range l.Points {
			if i < len(line.Values) && p.Known {
				line.Values[i] = &p.Value
			}
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

// point is the score of a day, unknown past the end.
func (l ScoreLine) point(i int) ScorePoint {
	if i >= len(l.Points) {
		return ScorePoint{}
	}
	return l.Points[i]
}

// words are a score with what it is of.
func (p ScorePoint) words() string {
	if !p.Known {
		return Dash
	}
	return dotted(p.Share.Percent, p.Share.Of, p.Part)
}

// counted says that something was judged: what was never read has no counts, which are not zeros.
func (s Score) counted() bool { return s.Compliant+s.Open+s.Conflict+s.Exempt+s.Unknown > 0 }

// worst are the tenants of a row, if it is not plain which.
func (r PolicyRow) worst(one bool) string {
	if one {
		return ""
	}
	return r.Worst
}

// effectList are effects in one cell.
func effectList(list []string) string { return strings.Join(list, ", ") }
