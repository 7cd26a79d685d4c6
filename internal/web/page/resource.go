package page

import (
	"slices"
	"strings"
	"time"

	"fresnel/internal/web/ui"
)

// firstOf is the one value that a text field can show of a list.
func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// without1 are the things without the text: what a search for another text keeps.
func without1(t Things) Things { t.Text = ""; return t }

// resourceSorts are the orders of the list; "" is the first.
var (
	resourceSorts = []string{"name", "type", "first_seen", "changed_at"}
	sortTitles    = map[string]string{"name": "Name", "type": "Type", "first_seen": "First seen", "changed_at": "Last changed"}
)

func resourceSort(q Query) string {
	if slices.Contains(resourceSorts, q.Sort) {
		return q.Sort
	}
	return resourceSorts[0]
}

// dotted joins what is there of the parts.
func dotted(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " · ")
}

func resourceTitle(q Query) string {
	if q.Gone {
		return "Resources that are gone"
	}
	return "Resources"
}

func totalWords(m ResourceTable) string {
	if m.Total == "" {
		return ""
	}
	return m.Total + " match"
}

// dayWords is a day with its year.
func dayWords(t time.Time) string {
	if t.IsZero() {
		return Dash
	}
	return t.UTC().Format("2 Jan 2006")
}

func confidenceKind(c string) ui.Kind {
	switch c {
	case "waste":
		return ui.Bad
	case "review":
		return ui.Warn
	}
	return ui.Info
}

func confidenceIcon(c string) string {
	switch c {
	case "waste":
		return "trash-2"
	case "review":
		return "search"
	}
	return "info"
}

func confidenceWord(c string) string {
	switch c {
	case "waste":
		return "Waste"
	case "review":
		return "Review"
	}
	return "Advice"
}

// confidenceChoices are the links of the confidence of waste.
func confidenceChoices(q Query) []ui.Choice {
	var out []ui.Choice
	for _, c := range confidences {
		label := "All"
		if c != confidences[0] {
			label = confidenceWord(c)
		}
		to := c
		if c == confidences[0] {
			to = ""
		}
		out = append(out, ui.Choice{Label: label, URL: q.WithConfidence(to).URL(PathWaste), Current: is(q.Confidence, c, confidences)})
	}
	return out
}

// wasteStates are the links of the state of waste.
func wasteStates(q Query) []ui.Choice {
	labels := map[string]string{"all": "All", "open": "Open", "acknowledged": "Seen", "expected": "Expected"}
	var out []ui.Choice
	for _, s := range states {
		out = append(out, ui.Choice{Label: labels[s], URL: q.WithState(s).URL(PathWaste), Current: is(q.State, s, states)})
	}
	return out
}

// lackWords says which tags a resource lacks: "Lacks: owner; value of env not allowed".
func lackWords(m ResourceFacts) string {
	var parts []string
	if len(m.LackingTags) > 0 {
		parts = append(parts, "Lacks: "+strings.Join(m.LackingTags, ", "))
	}
	if len(m.WrongTags) > 0 {
		parts = append(parts, "value of "+strings.Join(m.WrongTags, ", ")+" not allowed")
	}
	return Sentence(strings.Join(parts, "; "))
}

// costWords is what a finding costs as one sentence.
func costWords(l WasteLine) string {
	if len(l.Amounts) == 0 {
		return "Cost: " + l.Basis + "."
	}
	return "Cost a month: " + strings.Join(l.Amounts, ", ") + " (" + l.Basis + ")."
}

func wasteWords(m WasteSummary) string {
	s := Plural(m.Open, "finding", "findings") + " open"
	if m.AtMost.Figure != "" && m.AtMost.Figure != Dash {
		s += " · at most " + m.AtMost.Figure + " more, in part"
	}
	if m.Unknown > 0 {
		s += " · " + Count(m.Unknown) + " of unknown cost"
	}
	return s
}
