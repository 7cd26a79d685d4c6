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
	Missing          string   // a required tag that is lacking; AnyMissing is any of them
	Text             string   // part of the name
	Gone             bool     // those that are no more
	Wasted           bool     // those of which a rule found that they are wasted
	ID               string   // ARM id of the one that is looked at
	Rule             string   // of waste; "" is all
	Confidence       string   // of waste: all, waste, review, advice
	Over             string   // of waste: worth more than this a month, as an amount; "" is all
	Kinds            []string // of changes: created, updated, deleted
	Actors           []string // of changes: person, app, platform, unknown
}

// AnyMissing is Missing for a resource that lacks any tag that is required of it.
const AnyMissing = "*"

// The words of "confidence", "kind" and "actor".
var (
	confidences = []string{"all", "waste", "review", "advice"}
	changeKinds = []string{"created", "updated", "deleted"}
	actorKinds  = []string{"person", "app", "platform", "unknown"}
)

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
	t.Missing, t.Over = clip("missing"), clip("over")
	among := func(name string, allowed []string) (out []string) {
		for _, v := range list(values[name], false) {
			if slices.Contains(allowed, v) {
				out = append(out, v)
			} else {
				notes = append(notes, "Ignored "+name+"="+v+": not a known value.")
			}
		}
		return out
	}
	t.Kinds, t.Actors = among("kind", changeKinds), among("actor", actorKinds)
	t.Gone, t.Wasted = values.Get("gone") == "1", values.Get("wasted") == "1"
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
	}{{"type", t.Types}, {"location", t.Locations}, {"kind", t.Kinds}, {"actor", t.Actors}} {
		if len(l.values) > 0 {
			v[l.name] = slices.Clone(l.values)
		}
	}
	for _, w := range [][2]string{{"tag_key", t.TagKey}, {"tag_value", t.TagValue}, {"q", t.Text}, {"id", t.ID}, {"rule", t.Rule}, {"confidence", t.Confidence}, {"missing", t.Missing}, {"over", t.Over}} {
		if w[1] != "" {
			v.Set(w[0], w[1])
		}
	}
	if t.Gone {
		v.Set("gone", "1")
	}
	if t.Wasted {
		v.Set("wasted", "1")
	}
}
