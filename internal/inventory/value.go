package inventory

import (
	"bytes"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Value is a part of a resource as decoded JSON. The zero Value is what was
// not given. Null and missing are alike: Resource Graph writes either, and
// which one changes with the type and the version of its provider.
type Value struct{ v any }

// ParseValue decodes JSON. Numbers keep their digits.
func ParseValue(raw []byte) (Value, error) {
	var v Value
	err := v.UnmarshalJSON(raw)
	return v, err
}

// UnmarshalJSON decodes JSON.
func (v *Value) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(&v.v)
}

// MarshalJSON encodes the value, keys sorted.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.v) }

// At follows names through objects. Names are compared without regard to case,
// as Resource Graph does not keep the case that a provider documents; an exact
// one comes first. What is not there is the zero Value.
func (v Value) At(path ...string) Value {
	for _, name := range path {
		m, ok := v.v.(map[string]any)
		if !ok {
			return Value{}
		}
		v = Value{member(m, name)}
	}
	return v
}

func member(m map[string]any, name string) any {
	if x, ok := m[name]; ok {
		return x
	}
	best, found := "", false
	for k := range m {
		// Two names that differ in case only: the first, so that the answer does not change from run to run.
		if strings.EqualFold(k, name) && (!found || k < best) {
			best, found = k, true
		}
	}
	return m[best]
}

// Empty tells whether there is nothing: missing, null, "", [] or the text
// "[]", which are alike. An empty object is something: a rule that takes it for
// nothing could call a thing unused that is not.
func (v Value) Empty() bool {
	switch x := v.v.(type) {
	case nil:
		return true
	case string:
		return x == "" || x == "[]"
	case []any:
		return len(x) == 0
	}
	return false
}

// Object tells whether the value is an object: the facts inside were told.
func (v Value) Object() bool {
	_, ok := v.v.(map[string]any)
	return ok
}

// Text is a text, or the text of a number or of true and false; "" of all else.
func (v Value) Text() string {
	switch x := v.v.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case bool:
		return strconv.FormatBool(x)
	}
	return ""
}

// Lower is the text in lower case: ARM ids and names are compared so.
func (v Value) Lower() string { return strings.ToLower(v.Text()) }

// Is tells whether the text is one of these, without regard to case.
func (v Value) Is(texts ...string) bool {
	s, ok := v.v.(string)
	return ok && slices.ContainsFunc(texts, func(t string) bool { return strings.EqualFold(s, t) })
}

// List gives the elements of a list; none of anything else.
func (v Value) List() []Value {
	x, ok := v.v.([]any)
	if !ok {
		return nil
	}
	out := make([]Value, len(x))
	for i := range x {
		out[i] = Value{x[i]}
	}
	return out
}

// Members gives the names and values of an object, in the order of the names.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		m, ok := v.v.(map[string]any)
		if !ok {
			return
		}
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, Value{m[k]}) {
				return
			}
		}
	}
}

// Int is a whole number, or a text that is one.
func (v Value) Int() (int64, bool) {
	n, err := strconv.ParseInt(v.Text(), 10, 64)
	return n, err == nil
}

// Float is a number, or a text that is one.
func (v Value) Float() (float64, bool) {
	n, err := strconv.ParseFloat(v.Text(), 64)
	return n, err == nil
}

// azureTimes are the forms in which Azure's providers write instants. Those
// without a zone are UTC.
var azureTimes = []string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999", "2006-01-02 15:04:05.9999999", time.DateOnly}

// Time is an instant, in UTC. Azure writes the year 1 for none.
func (v Value) Time() (time.Time, bool) {
	s := v.Text()
	for _, layout := range azureTimes {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), t.Year() > 1
		}
	}
	return time.Time{}, false
}

// Mentions tells whether a text anywhere inside contains the part, which is in
// lower case. The names of objects do not count.
func (v Value) Mentions(part string) bool {
	switch x := v.v.(type) {
	case string:
		return strings.Contains(strings.ToLower(x), part)
	case []any:
		return slices.ContainsFunc(x, func(e any) bool { return Value{e}.Mentions(part) })
	case map[string]any:
		for _, e := range x {
			if (Value{e}).Mentions(part) {
				return true
			}
		}
	}
	return false
}
