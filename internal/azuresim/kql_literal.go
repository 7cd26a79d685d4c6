package azuresim

import (
	"strconv"
	"strings"
	"time"
)

func (p *kqlParser) number(t kqlToken) (*kqlExpr, error) {
	out := &kqlExpr{op: "literal", at: t}
	if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		out.lit = n
		return out, nil
	}
	f, err := strconv.ParseFloat(t.text, 64)
	if err != nil {
		return nil, p.fail(t, "a number")
	}
	out.lit = f
	return out, nil
}

// typed reads datetime(2026-11-01), dynamic(null), int(null) and the like.
func (p *kqlParser) typed(t kqlToken) (*kqlExpr, bool, error) {
	if t.text != "datetime" && t.text != "dynamic" && kqlCasts["to"+t.text] == "" {
		return nil, false, nil
	}
	start := p.at
	p.at++
	var text strings.Builder
	for !p.isMark(")") && p.peek().kind != kqlEnd {
		text.WriteString(p.take().text)
	}
	if err := p.expect(")"); err != nil {
		return nil, false, err
	}
	out := &kqlExpr{op: "literal", at: t}
	if text.String() == "null" {
		return out, true, nil
	}
	if t.text == "datetime" {
		at, ok := parseKQLTime(text.String())
		if !ok {
			return nil, false, p.fail(p.tokens[start+1], "a datetime")
		}
		out.lit = at
		return out, true, nil
	}
	switch kqlCasts["to"+t.text] {
	case kqlTypeInteger:
		if n, err := strconv.ParseInt(text.String(), 10, 64); err == nil {
			out.lit = n
			return out, true, nil
		}
	case kqlTypeNumber:
		if n, err := strconv.ParseFloat(text.String(), 64); err == nil {
			out.lit = n
			return out, true, nil
		}
	}
	return nil, false, p.fail(t, "a function")
}

// kqlDuration reads 30d, 1.5h, 10m, 5s and 100ms.
func kqlDuration(text string) (time.Duration, bool) {
	i := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if i <= 0 {
		return 0, false
	}
	n, err := strconv.ParseFloat(text[:i], 64)
	if err != nil || n > 1e5 {
		return 0, false
	}
	unit, ok := map[string]time.Duration{
		"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour, "h": time.Hour, "hr": time.Hour, "hour": time.Hour, "hours": time.Hour,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute, "s": time.Second, "sec": time.Second, "ms": time.Millisecond,
	}[text[i:]]
	return time.Duration(n * float64(unit)), ok
}

// parseKQLTime reads a date, or a date with a time.
func parseKQLTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-0215:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
