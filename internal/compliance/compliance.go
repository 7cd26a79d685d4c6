// Package compliance is the meaning of what policies say: states, how Microsoft
// counts them, secure score, drift between two days.
//
// It is not an Azure client (internal/azure), not SQL (internal/store) and not
// a page. Formulas are pure functions and name their source.
package compliance

import "strings"

// State is what Azure Policy says of a resource by one policy or by several.
type State int

// The states, weakest first: of several policies the strongest stands for the
// resource. Microsoft's weights are 0, 50, 100, 200 and 300.
// Source: learn.microsoft.com/azure/governance/policy/concepts/compliance-states
// and the Resource Graph sample "policy assignment compliance".
const (
	Unknown State = iota // not told, or a manual policy without attestation
	Exempt
	Conflict
	Compliant
	NonCompliant
)

var stateNames = [...]string{"Unknown", "Exempt", "Conflict", "Compliant", "NonCompliant"}

// String is Azure's word.
func (s State) String() string { return stateNames[s] }

// ParseState reads Azure's word, in any case; what is no state is Unknown.
func ParseState(word string) State {
	for i, name := range stateNames {
		if strings.EqualFold(word, name) {
			return State(i)
		}
	}
	return Unknown
}

// Strongest is the state that stands for a resource.
func Strongest(states ...State) State {
	strongest := Unknown
	for _, s := range states {
		strongest = max(strongest, s)
	}
	return strongest
}

// Counts is how many distinct resources are in each state.
type Counts struct {
	Compliant    int
	NonCompliant int
	Conflict     int
	Exempt       int
	Unknown      int
}

// Add counts a resource.
func (c *Counts) Add(s State, n int) {
	switch s {
	case Compliant:
		c.Compliant += n
	case NonCompliant:
		c.NonCompliant += n
	case Conflict:
		c.Conflict += n
	case Exempt:
		c.Exempt += n
	case Unknown:
		c.Unknown += n
	}
}

// Plus adds counts of other resources. Counts of the same resources by other
// assignments must not be added: a resource would count twice.
func (c Counts) Plus(d Counts) Counts {
	return Counts{c.Compliant + d.Compliant, c.NonCompliant + d.NonCompliant, c.Conflict + d.Conflict, c.Exempt + d.Exempt, c.Unknown + d.Unknown}
}

// Resources is how many there are in any state.
func (c Counts) Resources() int {
	return c.Compliant + c.NonCompliant + c.Conflict + c.Exempt + c.Unknown
}

// Share is a part of a whole. Both travel with every percentage: 35 of 37 says
// more than 94.6 %.
type Share struct{ Of, Whole int }

// Percent is the share in percent; false where there is nothing to share.
func (s Share) Percent() (float64, bool) {
	if s.Whole == 0 {
		return 0, false
	}
	return float64(s.Of) / float64(s.Whole) * 100, true
}

// Official is Microsoft's share: compliant and exempt of all that are compliant,
// exempt, non-compliant or in conflict. Microsoft's prose adds Unknown to the
// numerator, while its list of the denominator has it not; its Resource Graph
// sample, which the portal agrees with, leaves it out of both: so do we, and
// show it apart. Of nothing the portal says 100 %; we say that there is nothing.
func (c Counts) Official() Share {
	return Share{c.Compliant + c.Exempt, c.Compliant + c.Exempt + c.NonCompliant + c.Conflict}
}

// Strict leaves out what is exempt: an exemption makes nothing compliant.
func (c Counts) Strict() Share {
	return Share{c.Compliant, c.Compliant + c.NonCompliant + c.Conflict}
}

// Exempted is how much of what Official counts is exempt.
func (c Counts) Exempted() Share {
	return Share{c.Exempt, c.Official().Whole}
}
