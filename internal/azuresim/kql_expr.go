package azuresim

import (
	"strconv"
	"strings"
	"time"
)

// kqlDepth bounds how deep expressions and queries nest, so that no text can exhaust the stack.
const kqlDepth = 100

// kqlParser reads tokens.
type kqlParser struct {
	tokens []kqlToken
	at     int
	depth  int
	joins  int // and unions
}

func (p *kqlParser) peek() kqlToken { return p.tokens[p.at] }

func (p *kqlParser) take() kqlToken {
	t := p.tokens[p.at]
	if t.kind != kqlEnd {
		p.at++
	}
	return t
}

// fail is the refusal of a token.
func (p *kqlParser) fail(t kqlToken, expected string) error {
	text := t.text
	if t.kind == kqlEnd {
		text = "<EOF>"
	}
	return &kqlError{code: "ParserFailure", message: "ParserFailure", line: t.line, pos: t.pos, token: text, expected: expected}
}

// isMark says whether the next token is that punctuation; isWord, whether it is that word.
func (p *kqlParser) isMark(m string) bool { t := p.peek(); return t.kind == kqlMark && t.text == m }
func (p *kqlParser) isWord(w string) bool { t := p.peek(); return t.kind == kqlName && t.text == w }

func (p *kqlParser) accept(m string) bool {
	if p.isMark(m) || p.isWord(m) {
		p.at++
		return true
	}
	return false
}

func (p *kqlParser) expect(m string) error {
	if !p.accept(m) {
		return p.fail(p.peek(), m)
	}
	return nil
}

func (p *kqlParser) name() (kqlToken, error) {
	if t := p.peek(); t.kind == kqlName {
		return p.take(), nil
	}
	if p.isMark("[") && p.tokens[p.at+1].kind == kqlString { // ['a name']
		p.at++
		t := p.take()
		return t, p.expect("]")
	}
	return kqlToken{}, p.fail(p.peek(), "identifier")
}

// deeper guards the recursion.
func (p *kqlParser) deeper() (func(), error) {
	if p.depth++; p.depth > kqlDepth {
		return nil, p.fail(p.peek(), "a simpler query")
	}
	return func() { p.depth-- }, nil
}

func (p *kqlParser) expr() (*kqlExpr, error) {
	up, err := p.deeper()
	if err != nil {
		return nil, err
	}
	defer up()
	return p.binary(0)
}

// kqlLevels are the binary operators, the weakest first.
var kqlLevels = [][]string{
	{"or"},
	{"and"},
	{"==", "!=", "=~", "!~", "in", "in~", "!in", "!in~", "has", "!has", "has_cs", "!has_cs", "contains", "!contains", "contains_cs", "!contains_cs",
		"startswith", "!startswith", "startswith_cs", "!startswith_cs", "endswith", "!endswith", "endswith_cs", "!endswith_cs", "has_any", "has_all", "between"},
	{"<", "<=", ">", ">="},
	{"+", "-"},
	{"*", "/", "%"},
}

func (p *kqlParser) binary(level int) (*kqlExpr, error) {
	if level == len(kqlLevels) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		t := p.peek()
		if (t.kind != kqlMark && t.kind != kqlName) || !kqlOperators[level][t.text] {
			return left, nil
		}
		if n > 2000 {
			return nil, p.fail(t, "a simpler query")
		}
		p.take()
		if left, err = p.operand(left, t, level); err != nil {
			return nil, err
		}
	}
}

// operand reads what is right of an operator.
func (p *kqlParser) operand(left *kqlExpr, t kqlToken, level int) (*kqlExpr, error) {
	out := &kqlExpr{op: t.text, at: t, args: []*kqlExpr{left}}
	switch t.text {
	case "between":
		return nil, p.fail(t, "an operator that is simulated")
	case "in", "in~", "!in", "!in~", "has_any", "has_all":
		list, err := p.list()
		out.args = append(out.args, list)
		return out, err
	}
	right, err := p.binary(level + 1)
	out.args = append(out.args, right)
	return out, err
}

// list reads ( a, b, ... ).
func (p *kqlParser) list() (*kqlExpr, error) {
	out := &kqlExpr{op: "list", at: p.peek()}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for {
		x, err := p.expr()
		if err != nil {
			return nil, err
		}
		out.args = append(out.args, x)
		if !p.accept(",") {
			return out, p.expect(")")
		}
	}
}

func (p *kqlParser) unary() (*kqlExpr, error) {
	up, err := p.deeper()
	if err != nil {
		return nil, err
	}
	defer up()
	t := p.peek()
	if p.accept("-") {
		x, err := p.unary()
		return &kqlExpr{op: "neg", at: t, args: []*kqlExpr{x}}, err
	}
	x, err := p.primary()
	if err != nil {
		return nil, err
	}
	for range 200 {
		switch {
		case p.accept("."):
			n, err := p.name()
			if err != nil {
				return nil, err
			}
			x = &kqlExpr{op: "path", at: n, text: n.text, args: []*kqlExpr{x}}
		case p.isMark("["):
			at := p.take()
			i, err := p.expr()
			if err != nil {
				return nil, err
			}
			if err := p.expect("]"); err != nil {
				return nil, err
			}
			x = &kqlExpr{op: "index", at: at, args: []*kqlExpr{x, i}}
		default:
			return x, nil
		}
	}
	return nil, p.fail(p.peek(), "a simpler query")
}

func (p *kqlParser) primary() (*kqlExpr, error) {
	t := p.peek()
	switch t.kind {
	case kqlString:
		return &kqlExpr{op: "literal", at: p.take(), lit: t.text}, nil
	case kqlNumber:
		return p.number(p.take())
	case kqlSpan:
		d, ok := kqlDuration(t.text)
		if !ok {
			return nil, p.fail(t, "")
		}
		return &kqlExpr{op: "literal", at: p.take(), lit: d}, nil
	case kqlName:
		return p.word()
	}
	if p.accept("(") {
		x, err := p.expr()
		if err != nil {
			return nil, err
		}
		return x, p.expect(")")
	}
	if p.isMark("[") {
		n, err := p.name()
		return &kqlExpr{op: "name", at: n, text: n.text}, err
	}
	return nil, p.fail(t, "an expression")
}

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

// word reads a name, a keyword literal or a call.
func (p *kqlParser) word() (*kqlExpr, error) {
	t := p.take()
	switch t.text {
	case "true", "false":
		return &kqlExpr{op: "literal", at: t, lit: t.text == "true"}, nil
	case "null":
		return nil, p.fail(t, "an expression")
	}
	if !p.isMark("(") {
		return &kqlExpr{op: "name", at: t, text: t.text}, nil
	}
	if lit, ok, err := p.typed(t); ok || err != nil {
		return lit, err
	}
	out := &kqlExpr{op: "call", at: t, text: t.text}
	if p.tokens[p.at+1].kind == kqlMark && p.tokens[p.at+1].text == ")" {
		p.at += 2
		return out, nil
	}
	list, err := p.list()
	if err != nil {
		return nil, err
	}
	out.args = list.args
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

// kqlOperators are kqlLevels as sets.
var kqlOperators = func() []map[string]bool {
	out := make([]map[string]bool, len(kqlLevels))
	for i, level := range kqlLevels {
		out[i] = map[string]bool{}
		for _, op := range level {
			out[i][op] = true
		}
	}
	return out
}()
