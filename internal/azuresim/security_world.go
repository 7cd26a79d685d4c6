package azuresim

import (
	"math"
	"slices"
	"strings"
	"time"
)

// scoreEvery is how often Defender for Cloud computes anew.
const scoreEvery = 8 * time.Hour

// The codes of assessments.
const (
	assessHealthy   = "Healthy"
	assessUnhealthy = "Unhealthy"
	assessNA        = "NotApplicable"
)

// The states of standards, their controls and assessments.
const (
	standardPassed      = "Passed"
	standardFailed      = "Failed"
	standardSkipped     = "Skipped"
	standardUnsupported = "Unsupported"
)

// security is what Defender for Cloud says of a subscription: as of its last computation.
type security struct {
	p      *policies
	tick   time.Time
	list   []assessment
	scores []controlScore
}

// assessment is a recommendation about a target.
type assessment struct {
	t       *policyTarget
	d       *assessmentDef
	code    string
	changed time.Time
}

// controlScore is a control of the secure score.
type controlScore struct {
	c                      *scoreControl
	healthy, unhealthy, na int
	current, max           float64 // exact
}

// scoreTick is when a subscription's scores were last computed.
func (s *subscription) scoreTick(at time.Time) time.Time {
	phase := time.Duration(below(mix(s.key, label("score")), int(scoreEvery/time.Second))) * time.Second
	return at.Add(-phase).Truncate(scoreEvery).Add(phase).UTC()
}

// security computes what Defender for Cloud shows at an instant.
func (s *Server) security(sub *subscription, at time.Time) *security {
	sec := &security{p: s.policies(sub, at), tick: sub.scoreTick(at)}
	if sub.unregistered(providerSecurity) {
		return sec
	}
	for _, t := range sec.p.targets {
		if !t.exists(sec.tick) || !t.exists(at) {
			continue
		}
		for i := range assessmentDefs {
			if d := &assessmentDefs[i]; slices.Contains(d.types, t.kind) {
				sec.list = append(sec.list, sec.assess(t, d))
			}
		}
	}
	for i := range scoreControls {
		sec.scores = append(sec.scores, sec.score(&scoreControls[i]))
	}
	return sec
}

func (sec *security) assess(t *policyTarget, d *assessmentDef) assessment {
	a := assessment{t: t, d: d, code: assessHealthy, changed: t.born}
	c := &policyCheck{asks: label("assessment " + d.display), r: &policyRef{def: &policyDef{fails: d.fails}}}
	fails, seen := sec.p.fails(t, c, sec.tick)
	if seen.After(a.changed) {
		a.changed = seen
	}
	switch {
	case mix(t.key, c.asks, 8)%12 == 0:
		a.code = assessNA
	case fails:
		a.code = assessUnhealthy
	}
	return a
}

// score counts a control's resources: one with any unhealthy recommendation is unhealthy, and what is
// in preview does not count.
func (sec *security) score(c *scoreControl) controlScore {
	out := controlScore{c: c}
	worst := map[string]int{}
	for _, a := range sec.list {
		if a.d.control != c.short || a.d.preview {
			continue
		}
		worst[a.t.prefix] = max(worst[a.t.prefix], map[string]int{assessNA: 1, assessHealthy: 2, assessUnhealthy: 3}[a.code])
	}
	for _, n := range worst {
		switch n {
		case 1:
			out.na++
		case 2:
			out.healthy++
		case 3:
			out.unhealthy++
		}
	}
	if n := out.healthy + out.unhealthy; n > 0 {
		out.max = float64(c.max)
		out.current = out.max * float64(out.healthy) / float64(n)
	}
	return out
}

func (c *controlScore) weight() int { return c.healthy + c.unhealthy }

// total is a subscription's score: the sums over its controls.
func (sec *security) total() (current, most float64, weight int) {
	for _, c := range sec.scores {
		current += c.current
		most += c.max
		weight += c.weight()
	}
	return current, most, weight
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// round is how scores are written: points to the cent, percentages (of 1) to four places.
func round(v float64, places int) float64 {
	p := math.Pow10(places)
	return math.Round(v*p) / p
}

func scoreWire(current, most float64) map[string]any {
	return map[string]any{"current": round(current, 2), "max": int64(most), "percentage": round(ratio(current, most), 4)}
}

// standardsOf are the standards that are assessed: without a paid plan only Microsoft's own.
func (s *subscription) standards() []standardDef {
	if s.env != "prod" && mix(s.key, label("defender plan"))%3 == 0 {
		return standardDefs[:1]
	}
	return standardDefs
}

// checked is an assessment of a control of a standard, over all resources.
type checked struct {
	d                       *assessmentDef
	passed, failed, skipped int
}

func (c *checked) state() string {
	switch {
	case c.failed > 0:
		return standardFailed
	case c.passed > 0:
		return standardPassed
	default:
		return standardSkipped
	}
}

// checks are the assessments of a control.
func (sec *security) checks(c *standardControl) []checked {
	var out []checked
	for i := range assessmentDefs {
		d := &assessmentDefs[i]
		if !slices.Contains(c.assessments, d.short) {
			continue
		}
		k := checked{d: d}
		for _, a := range sec.list {
			if a.d != d {
				continue
			}
			switch a.code {
			case assessHealthy:
				k.passed++
			case assessUnhealthy:
				k.failed++
			default:
				k.skipped++
			}
		}
		out = append(out, k)
	}
	return out
}

// sumStates counts parts by state and gives the state of the whole.
func sumStates(states []string) (whole string, n map[string]int) {
	n = map[string]int{}
	for _, s := range states {
		n[s]++
	}
	for _, s := range []string{standardFailed, standardPassed, standardSkipped} {
		if n[s] > 0 {
			return s, n
		}
	}
	return standardUnsupported, n
}

const securityProvider = "/providers/Microsoft.Security/"

// thing is something of Defender for Cloud with its properties; its type is in Azure's spelling.
type thing struct {
	id, kind, group string
	properties      map[string]any
	more            map[string]any // beside the properties
}

func (t thing) name() string { return t.id[strings.LastIndexByte(t.id, '/')+1:] }

// rows are those of securityresources, by id.
func (sec *security) rows() []kqlRow {
	sub := sec.p.w.sub
	if sub.unregistered(providerSecurity) || sub.state == stateDeleted {
		return nil
	}
	var things []thing
	for _, list := range [][]thing{sec.assessments(true), sec.secureScores(), sec.scoreControls(true)} {
		things = append(things, list...)
	}
	for _, std := range sub.standards() {
		things = append(things, sec.standard(&std))
		for _, c := range std.controls {
			things = append(things, sec.control(&std, &c))
			things = append(things, sec.controlAssessments(&std, &c)...)
		}
	}
	out := make([]kqlRow, 0, len(things))
	for _, t := range things {
		out = append(out, plainRow(strings.ToLower(t.id), t.name(), strings.ToLower(t.kind), t.group, "", sub, t.properties, nil))
	}
	slices.SortFunc(out, func(a, b kqlRow) int { return strings.Compare(kqlText(a[0]), kqlText(b[0])) })
	return out
}
