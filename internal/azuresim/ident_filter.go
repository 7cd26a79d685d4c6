package azuresim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// identFilter decides about a row; nil keeps all.
type identFilter func(r identRow) bool

func (f identFilter) keeps(r identRow) bool { return f == nil || f(r) }

// filterParser reads $filter.
type filterParser struct {
	kind     *identKind
	tokens   []string
	at       int
	advanced bool     // it needs the capabilities for advanced queries
	names    []string // of properties
}

// filter reads a call's $filter, and answers it if it cannot be followed.
func (g *identCall) filter(kind *identKind) (identFilter, bool) {
	text := g.query.Get("$filter")
	if text == "" {
		return nil, true
	}
	p := &filterParser{kind: kind}
	f, err := p.parse(text)
	switch {
	case err != nil:
		g.badRequest("Invalid filter clause: " + err.Error())
		return nil, false
	case p.advanced && (!g.advanced() || g.query.Get("$count") != "true"):
		g.unsupported("Unsupported Query.")
		return nil, false
	}
	if slices.ContainsFunc(p.names, func(n string) bool { return strings.HasPrefix(n, "signInActivity/") }) {
		if len(p.names) > 1 {
			g.badRequest("Filter not supported: signInActivity cannot be combined with other filters.")
			return nil, false
		}
		if !g.may(permAudit) {
			g.denied()
			return nil, false
		}
		if !g.licensed(1) {
			return nil, false
		}
	}
	return f, true
}

func (p *filterParser) parse(text string) (identFilter, error) {
	var err error
	if p.tokens, err = filterTokens(text); err != nil {
		return nil, err
	}
	f, err := p.or()
	if err == nil && p.at < len(p.tokens) {
		err = fmt.Errorf("syntax error at '%s'", p.tokens[p.at])
	}
	return f, err
}

// filterTokens are words, texts in quotes, and the signs ( ) and comma.
func filterTokens(text string) ([]string, error) {
	var out []string
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ':
			i++
		case '(', ')', ',':
			out = append(out, text[i:i+1])
			i++
		case '\'':
			j := i + 1
			for ; j < len(text); j++ {
				if text[j] == '\'' {
					if j+1 < len(text) && text[j+1] == '\'' {
						j++
						continue
					}
					break
				}
			}
			if j >= len(text) {
				return nil, errors.New("there is an unterminated string literal")
			}
			out = append(out, text[i:j+1])
			i = j + 1
		default:
			j := i
			for j < len(text) && !strings.ContainsRune(" (),'", rune(text[j])) {
				j++
			}
			out = append(out, text[i:j])
			i = j
		}
	}
	return out, nil
}

func (p *filterParser) next() string {
	if p.at >= len(p.tokens) {
		return ""
	}
	p.at++
	return p.tokens[p.at-1]
}

func (p *filterParser) peek() string {
	if p.at >= len(p.tokens) {
		return ""
	}
	return p.tokens[p.at]
}

func (p *filterParser) expect(token string) error {
	if got := p.next(); got != token {
		return fmt.Errorf("'%s' expected, not '%s'", token, got)
	}
	return nil
}

func (p *filterParser) or() (identFilter, error) {
	left, err := p.and()
	for err == nil && p.peek() == "or" {
		p.next()
		a := left
		var b identFilter
		b, err = p.and()
		left = func(r identRow) bool { return a(r) || b(r) }
	}
	return left, err
}

func (p *filterParser) and() (identFilter, error) {
	left, err := p.unary()
	for err == nil && p.peek() == "and" {
		p.next()
		a := left
		var b identFilter
		b, err = p.unary()
		left = func(r identRow) bool { return a(r) && b(r) }
	}
	return left, err
}

func (p *filterParser) unary() (identFilter, error) {
	switch token := p.next(); {
	case token == "not":
		p.advanced = true
		f, err := p.unary()
		return func(r identRow) bool { return !f(r) }, err
	case token == "(":
		f, err := p.or()
		if err == nil {
			err = p.expect(")")
		}
		return f, err
	case strings.EqualFold(token, "startswith"), strings.EqualFold(token, "endswith"):
		return p.function(strings.EqualFold(token, "endswith"))
	case token == "":
		return nil, errors.New("it ends too early")
	default:
		return p.comparison(token)
	}
}

func (p *filterParser) property(name string) error {
	if !slices.Contains(p.kind.filters, name) {
		return fmt.Errorf("property '%s' is not filterable or does not exist on '%s'", name, p.kind.entity)
	}
	p.names = append(p.names, name)
	return nil
}

func (p *filterParser) function(end bool) (identFilter, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	name := p.next()
	if err := p.property(name); err != nil {
		return nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	value, err := filterLiteral(p.next())
	if err != nil {
		return nil, err
	}
	text, ok := value.(string)
	if !ok {
		return nil, errors.New("a text was expected")
	}
	text = strings.ToLower(text)
	p.advanced = p.advanced || end
	return func(r identRow) bool {
		have, _ := r.prop(name).(string)
		if end {
			return strings.HasSuffix(strings.ToLower(have), text)
		}
		return strings.HasPrefix(strings.ToLower(have), text)
	}, p.expect(")")
}

func (p *filterParser) comparison(name string) (identFilter, error) {
	if err := p.property(name); err != nil {
		return nil, err
	}
	op := p.next()
	if op == "in" {
		return p.in(name)
	}
	if !slices.Contains(words("eq ne ge le gt lt"), op) {
		return nil, fmt.Errorf("'%s' is not an operator", op)
	}
	want, err := filterLiteral(p.next())
	if err != nil {
		return nil, err
	}
	p.advanced = p.advanced || op == "ne"
	return func(r identRow) bool {
		have := filterValue(r, name)
		switch op {
		case "eq":
			return sameValue(have, want)
		case "ne":
			return !sameValue(have, want)
		}
		a, ok := have.(time.Time)
		b, ok2 := want.(time.Time)
		if !ok || !ok2 {
			return false
		}
		switch op {
		case "ge":
			return !a.Before(b)
		case "le":
			return !a.After(b)
		case "gt":
			return a.After(b)
		}
		return a.Before(b)
	}, nil
}

func (p *filterParser) in(name string) (identFilter, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var list []any
	for {
		v, err := filterLiteral(p.next())
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch t := p.next(); t {
		case ",":
		case ")":
			return func(r identRow) bool {
				have := filterValue(r, name)
				return slices.ContainsFunc(list, func(v any) bool { return sameValue(have, v) })
			}, nil
		default:
			return nil, fmt.Errorf("')' expected, not '%s'", t)
		}
	}
}

// filterValue is a property, or one within signInActivity.
func filterValue(r identRow, name string) any {
	outer, inner, ok := strings.Cut(name, "/")
	if !ok {
		return r.prop(name)
	}
	if o, ok := r.prop(outer).(identObject); ok {
		v, _ := o.get(inner)
		return v
	}
	return nil
}

func sameValue(a, b any) bool {
	x, ok := a.(string)
	y, ok2 := b.(string)
	if ok && ok2 {
		return strings.EqualFold(x, y)
	}
	s, ok := a.(time.Time)
	t, ok2 := b.(time.Time)
	if ok && ok2 {
		return s.Equal(t)
	}
	switch a.(type) {
	case nil, bool, string, int:
		return a == b
	}
	return false
}

func filterLiteral(token string) (any, error) {
	switch {
	case token == "null":
		return nil, nil
	case token == "true", token == "false":
		return token == "true", nil
	case strings.HasPrefix(token, "'"):
		return strings.ReplaceAll(token[1:len(token)-1], "''", "'"), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, token); err == nil {
		return t, nil
	}
	if guidShape.MatchString(token) {
		return token, nil
	}
	return nil, fmt.Errorf("'%s' is not a value", token)
}
