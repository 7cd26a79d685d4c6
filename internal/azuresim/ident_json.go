package azuresim

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// identObject is an object whose properties keep their order.
type identObject []identProperty

type identProperty struct {
	name  string
	value any
}

func (o identObject) get(name string) (any, bool) {
	for _, p := range o {
		if p.name == name {
			return p.value, true
		}
	}
	return nil, false
}

// graphTime is an instant as Graph writes it.
func graphTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// appendValue writes a value as JSON. It is fast for what lists of a hundred thousand accounts are made of.
func appendValue(b []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, x)
	case int:
		return strconv.AppendInt(b, int64(x), 10)
	case time.Time:
		b = append(b, '"')
		b = x.UTC().AppendFormat(b, time.RFC3339)
		return append(b, '"')
	case string:
		return appendText(b, x)
	case identObject:
		b = append(b, '{')
		for i, p := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, p.name)
			b = append(b, ':')
			b = appendValue(b, p.value)
		}
		return append(b, '}')
	case []string:
		b = append(b, '[')
		for i, s := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, s)
		}
		return append(b, ']')
	case []any:
		b = append(b, '[')
		for i, e := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, e)
		}
		return append(b, ']')
	}
	out, err := json.Marshal(v)
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, out...)
}

// appendText writes a text as it is if nothing in it needs care.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(b, quote(s)...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
