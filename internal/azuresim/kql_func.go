package azuresim

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kqlCasts are the conversions and the types they give.
var kqlCasts = map[string]string{
	"tostring": kqlTypeString, "toint": kqlTypeInteger, "tolong": kqlTypeInteger, "todouble": kqlTypeNumber, "toreal": kqlTypeNumber,
	"todatetime": kqlTypeDatetime, "tobool": kqlTypeBoolean,
}

// kqlFunction is a scalar function: how many arguments it takes (most < 0: any number), what type it
// gives ("" = that of its argument number from), and what it does.
type kqlFunction struct {
	least, most int
	kind        string
	from        int
	apply       func(a []any) any
}

// kqlFunctions are the scalar functions that are simulated, but for now and ago.
var kqlFunctions = map[string]kqlFunction{
	"tostring":     {1, 1, kqlTypeString, 0, func(a []any) any { return kqlText(a[0]) }},
	"toint":        {1, 1, kqlTypeInteger, 0, toInteger},
	"tolong":       {1, 1, kqlTypeInteger, 0, toInteger},
	"todouble":     {1, 1, kqlTypeNumber, 0, toReal},
	"toreal":       {1, 1, kqlTypeNumber, 0, toReal},
	"tobool":       {1, 1, kqlTypeBoolean, 0, toBool},
	"todatetime":   {1, 1, kqlTypeDatetime, 0, toTime},
	"tolower":      {1, 1, kqlTypeString, 0, func(a []any) any { return strings.ToLower(kqlText(a[0])) }},
	"toupper":      {1, 1, kqlTypeString, 0, func(a []any) any { return strings.ToUpper(kqlText(a[0])) }},
	"strlen":       {1, 1, kqlTypeInteger, 0, func(a []any) any { return int64(len([]rune(kqlText(a[0])))) }},
	"isempty":      {1, 1, kqlTypeBoolean, 0, func(a []any) any { return kqlText(a[0]) == "" }},
	"isnotempty":   {1, 1, kqlTypeBoolean, 0, func(a []any) any { return kqlText(a[0]) != "" }},
	"isnull":       {1, 1, kqlTypeBoolean, 0, func(a []any) any { return a[0] == nil }},
	"isnotnull":    {1, 1, kqlTypeBoolean, 0, func(a []any) any { return a[0] != nil }},
	"not":          {1, 1, kqlTypeBoolean, 0, kqlNot},
	"array_length": {1, 1, kqlTypeInteger, 0, arrayLength},
	"bag_keys":     {1, 1, kqlTypeObject, 0, bagKeys},
	"coalesce":     {1, -1, "", 0, coalesce},
	"iff":          {3, 3, "", 1, kqlIff},
	"iif":          {3, 3, "", 1, kqlIff},
	"strcat":       {1, -1, kqlTypeString, 0, kqlConcat},
	"split":        {2, 3, kqlTypeObject, 0, kqlSplit},
}

// call compiles a function. now() and ago() are the instant of the query, the estate's.
func (c *kqlCompiler) call(x *kqlExpr) (kqlFunc, string, error) {
	f, kinds, err := c.all(x.args)
	if err != nil {
		return nil, "", err
	}
	now := c.now
	switch {
	case x.text == "now" && len(f) == 0:
		return func(kqlRow) any { return now }, kqlTypeDatetime, nil
	case x.text == "ago" && len(f) == 1 && (kinds[0] == kqlTypeTimespan):
		return func(r kqlRow) any { return kqlArithmetic("-", now, f[0](r)) }, kqlTypeDatetime, nil
	}
	fn, ok := kqlFunctions[x.text]
	if !ok {
		return nil, "", semantic(x.at, "Unknown function: '"+x.text+"'")
	}
	if len(f) < fn.least || fn.most >= 0 && len(f) > fn.most {
		return nil, "", semantic(x.at, x.text+"(): function expects "+strconv.Itoa(fn.least)+" argument(s)")
	}
	if (x.text == "array_length" || x.text == "bag_keys") && kinds[0] != kqlTypeObject {
		return nil, "", semantic(x.at, x.text+"(): argument must be of type dynamic")
	}
	kind := fn.kind
	if kind == "" {
		kind = kinds[fn.from]
	}
	if strings.HasPrefix(x.text, "isn") && kinds[0] == kqlTypeString && strings.HasSuffix(x.text, "null") {
		isNot := x.text == "isnotnull" // a text is never null
		return func(kqlRow) any { return isNot }, kind, nil
	}
	return func(r kqlRow) any {
		args := make([]any, len(f))
		for i := range f {
			args[i] = force(f[i](r))
		}
		return fn.apply(args)
	}, kind, nil
}

func toInteger(a []any) any {
	switch v := a[0].(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	case bool:
		n, _ := kqlNumberOf(v)
		return int64(n)
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil && math.Abs(f) < 1<<53 {
			return int64(f)
		}
	}
	return nil
}

func toReal(a []any) any {
	switch v := a[0].(type) {
	case int64, float64, bool:
		n, _ := kqlNumberOf(v)
		return n
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	return nil
}

func toBool(a []any) any {
	switch v := a[0].(type) {
	case bool:
		return v
	case int64:
		return v != 0
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return nil
}

func toTime(a []any) any {
	if t, ok := kqlTime(a[0]); ok {
		return t
	}
	return nil
}

func kqlNot(a []any) any {
	if b, ok := a[0].(bool); ok {
		return !b
	}
	return nil
}

// arrayLength is null of what is not a list.
func arrayLength(a []any) any {
	if list, ok := a[0].([]any); ok {
		return int64(len(list))
	}
	return nil
}

func bagKeys(a []any) any {
	m, ok := a[0].(map[string]any)
	if !ok {
		return nil
	}
	out := []any{}
	for _, k := range sortedKeys(m) {
		out = append(out, k)
	}
	return out
}

// coalesce is the first value that is neither null nor an empty text.
func coalesce(a []any) any {
	i := slices.IndexFunc(a, func(v any) bool { return v != nil && v != "" })
	if i < 0 {
		return a[len(a)-1]
	}
	return a[i]
}

func kqlIff(a []any) any {
	if kqlTruth(a[0]) {
		return a[1]
	}
	return a[2]
}

func kqlConcat(a []any) any {
	var b strings.Builder
	for _, v := range a {
		b.WriteString(kqlText(v))
	}
	return b.String()
}

// kqlSplit is a list of parts, or with a third argument a list of that part.
func kqlSplit(a []any) any {
	out := []any{}
	for part := range strings.SplitSeq(kqlText(a[0]), kqlText(a[1])) {
		out = append(out, part)
	}
	if len(a) == 3 {
		if part := kqlElement(out, a[2]); part != nil {
			return []any{part}
		}
		return []any{}
	}
	return out
}

// timeOf reads a time from our own JSON.
func timeOf(v any) time.Time {
	t, _ := kqlTime(force(v))
	return t
}
