package azuresim

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A value of a query is nil (null), bool, int64, float64, string, time.Time, time.Duration,
// map[string]any, []any, or a lazy one of these.

// lazyValue is computed when somebody looks: a page of a list needs the properties of its own rows only.
type lazyValue interface{ force() any }

// lazyObject gives a field without making the others.
type lazyObject interface {
	lazyValue
	child(key string) any
}

func force(v any) any {
	if l, ok := v.(lazyValue); ok {
		return l.force()
	}
	return v
}

// kqlText is tostring: null is "", and a dynamic is its JSON.
func kqlText(v any) string {
	switch v := force(v).(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return wireTime(v)
	case time.Duration:
		return kqlSpanText(v)
	default:
		return jsonText(v)
	}
}

// wireTime is a time as Resource Graph writes it.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

func kqlSpanText(d time.Duration) string {
	days := d / (24 * time.Hour)
	rest := time.Time{}.Add(d % (24 * time.Hour)).Format(time.TimeOnly)
	if days != 0 {
		return strconv.Itoa(int(days)) + "." + rest
	}
	return rest
}

func jsonText(v any) string {
	b := &strings.Builder{}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // maps, lists and scalars cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

// kqlNumberOf is a number, if the value is one; a text is not.
func kqlNumberOf(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, !math.IsNaN(v)
	case time.Duration:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// kqlCompare orders two values; ok is false if one is null or they cannot be compared. A text beside
// a time is read as one: a dynamic holds times as text.
func kqlCompare(a, b any) (n int, ok bool) {
	a, b = force(a), force(b)
	if a == nil || b == nil {
		return 0, false
	}
	if x, ok := kqlNumberOf(a); ok {
		y, ok := kqlNumberOf(b)
		return cmp.Compare(x, y), ok
	}
	if x, ok := a.(time.Time); ok {
		y, ok := kqlTime(b)
		return x.Compare(y), ok
	}
	if y, ok := b.(time.Time); ok {
		x, ok := kqlTime(a)
		return x.Compare(y), ok
	}
	x, ok1 := a.(string)
	y, ok2 := b.(string)
	return strings.Compare(x, y), ok1 && ok2
}

func kqlTime(v any) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, true
	case string:
		return parseKQLTime(v)
	}
	return time.Time{}, false
}

// kqlEqual is ==: null if both are null, false if one is. Texts are compared with their case.
func kqlEqual(a, b any) any {
	a, b = force(a), force(b)
	switch {
	case a == nil && b == nil:
		return nil
	case a == nil || b == nil:
		return false
	}
	if n, ok := kqlCompare(a, b); ok {
		return n == 0
	}
	return kqlText(a) == kqlText(b) && sameShape(a, b)
}

// sameShape keeps 1 and "1" apart.
func sameShape(a, b any) bool {
	_, x := a.(string)
	_, y := b.(string)
	return x == y
}

// kqlSortLess orders values for sort: nulls first, then by kind.
func kqlSortCompare(a, b any) int {
	a, b = force(a), force(b)
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	if n, ok := kqlCompare(a, b); ok {
		return n
	}
	return strings.Compare(kqlText(a), kqlText(b))
}

// kqlKey is a value as a key of groups and joins.
func kqlKey(v any) string {
	v = force(v)
	switch v := v.(type) {
	case nil:
		return "0"
	case string:
		return "s" + v
	case int64, float64:
		n, _ := kqlNumberOf(v)
		return "n" + strconv.FormatFloat(n, 'g', -1, 64)
	default:
		return "v" + kqlText(v)
	}
}

// kqlTruth is a condition's value: where takes null for false.
func kqlTruth(v any) bool {
	b, _ := force(v).(bool)
	return b
}

// kqlChild is v.key; keys have their case, and what is missing is null.
func kqlChild(v any, key string) any {
	if o, ok := v.(lazyObject); ok {
		return o.child(key)
	}
	if m, ok := force(v).(map[string]any); ok {
		return m[key]
	}
	return nil
}

// kqlElement is v[i]; a negative i counts from the end.
func kqlElement(v, i any) any {
	switch i := force(i).(type) {
	case string:
		return kqlChild(v, i)
	case int64:
		list, _ := force(v).([]any)
		if i < 0 {
			i += int64(len(list))
		}
		if i >= 0 && i < int64(len(list)) {
			return list[i]
		}
	}
	return nil
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
