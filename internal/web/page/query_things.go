package page

import (
	"net/url"
	"slices"
	"strings"
)

// Things narrow resources and what is wasted; each list is any of its values, empty is all. Subscriptions and resource
// groups are those of Filters.
type Things struct {
	Types            []string // lower case
	Locations        []string // lower case, without blanks: "westeurope"
	TagKey, TagValue string   // TagValue "" is any value
	Text             string   // part of the name
	Gone             bool     // those that are no more
	ID               string   // ARM id of the one that is looked at
	Rule             string   // of waste; "" is all
	Confidence       string   // of waste: all, waste, review, advice
}

// confidences are the words of "confidence".
var confidences = []string{"all", "waste", "review", "advice"}

// maxWord bounds a word that a list is searched for.
const maxWord = 512

func parseThings(values url.Values) (t Things, notes []string) {
	clip := func(name string) string {
		v := strings.TrimSpace(values.Get(name))
		if len(v) > maxWord {
			notes = append(notes, "Ignored "+name+": it is longer than any name.")
			return ""
		}
		return v
	}
	t.Types = list(lowered(values["type"], ""), false)
	t.Locations = list(lowered(values["location"], " "), false)
	t.TagKey, t.TagValue, t.Text, t.Rule = clip("tag_key"), clip("tag_value"), clip("q"), clip("rule")
	t.Gone = values.Get("gone") == "1"
	t.ID = values.Get("id")
	if t.TagKey == "" && t.TagValue != "" {
		t.TagValue = ""
		notes = append(notes, "Ignored tag_value: it needs the tag's name beside it.")
	}
	if v := values.Get("confidence"); v != "" && v != confidences[0] {
		if slices.Contains(confidences, v) {
			t.Confidence = v
		} else {
			notes = append(notes, "Ignored confidence="+v+": not a known value.")
		}
	}
	return t, notes
}

// lowered is the list in lower case, without the characters in drop.
func lowered(list []string, drop string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = strings.ToLower(v)
		if drop != "" {
			out[i] = strings.ReplaceAll(out[i], drop, "")
		}
	}
	return out
}

func (t Things) writeThings(v url.Values) {
	for _, l := range []struct {
		name   string
		values []string
	}{{"type", t.Types}, {"location", t.Locations}} {
		if len(l.values) > 0 {
			v[l.name] = slices.Clone(l.values)
		}
	}
	for _, w := range [][2]string{{"tag_key", t.TagKey}, {"tag_value", t.TagValue}, {"q", t.Text}, {"id", t.ID}, {"rule", t.Rule}, {"confidence", t.Confidence}} {
		if w[1] != "" {
			v.Set(w[0], w[1])
		}
	}
	if t.Gone {
		v.Set("gone", "1")
	}
}
