package azuresim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// record is a state, or what $apply made of states. Names of fields ignore case.
type record interface {
	field(name string) (value any, ok bool)
}

// plainRecord is a row of $apply, in the order of its fields.
type plainRecord struct {
	names  []string
	values []any
}

func (r *plainRecord) field(name string) (any, bool) {
	for i, n := range r.names {
		if strings.EqualFold(n, name) {
			return r.values[i], true
		}
	}
	return nil, false
}

// odataFilter is a compiled $filter.
type odataFilter func(record) bool

// odataParser reads what Policy Insights takes of OData.
type odataParser struct {
	tokens []string // texts keep their first quote
	at     int
}

func newOdataParser(text string) (*odataParser, error) {
	p := &odataParser{}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\n' || c == '\t':
			i++
		case c == '\'':
			var b strings.Builder
			b.WriteByte(c)
			for i++; ; i++ {
				if i >= len(text) {
					return nil, fmt.Errorf("there is an unterminated string literal at position %d", i)
				}
				if text[i] == '\'' {
					if i+1 < len(text) && text[i+1] == '\'' {
						i++
					} else {
						break
					}
				}
				b.WriteByte(text[i])
			}
			i++
			p.tokens = append(p.tokens, b.String())
		case strings.ContainsRune("(),/", rune(c)):
			p.tokens = append(p.tokens, string(c))
			i++
		default:
			j := i
			for j < len(text) && !strings.ContainsRune(" \n\t(),/'", rune(text[j])) {
				j++
			}
			p.tokens = append(p.tokens, text[i:j])
			i = j
		}
	}
	return p, nil
}

func (p *odataParser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *odataParser) is(word string) bool {
	if strings.EqualFold(p.peek(), word) {
		p.at++
		return true
	}
	return false
}

func (p *odataParser) take() string {
	t := p.peek()
	p.at++
	return t
}

func (p *odataParser) expect(word string) error {
	if !p.is(word) {
		return fmt.Errorf("syntax error: %q expected, found %q", word, p.peek())
	}
	return nil
}

// parseFilter compiles a $filter; "" is everything.
func parseFilter(text string) (odataFilter, error) {
	if strings.TrimSpace(text) == "" {
		return func(record) bool { return true }, nil
	}
	p, err := newOdataParser(text)
	if err != nil {
		return nil, err
	}
	f, err := p.or()
	if err == nil && p.at < len(p.tokens) {
		err = fmt.Errorf("syntax error at %q", p.peek())
	}
	return f, err
}

func (p *odataParser) or() (odataFilter, error) {
	f, err := p.and()
	for err == nil && p.is("or") {
		var g odataFilter
		a := f
		if g, err = p.and(); err == nil {
			f = func(r record) bool { return a(r) || g(r) }
		}
	}
	return f, err
}

func (p *odataParser) and() (odataFilter, error) {
	f, err := p.term()
	for err == nil && p.is("and") {
		var g odataFilter
		a := f
		if g, err = p.term(); err == nil {
			f = func(r record) bool { return a(r) && g(r) }
		}
	}
	return f, err
}

// term is (f), not f, 'text' in Field, or Field op value.
func (p *odataParser) term() (odataFilter, error) {
	switch {
	case p.is("("):
		f, err := p.or()
		if err == nil {
			err = p.expect(")")
		}
		return f, err
	case p.is("not"):
		f, err := p.term()
		return func(r record) bool { return !f(r) }, err
	}
	left, op, right := p.take(), strings.ToLower(p.take()), p.take()
	if op == "in" && strings.HasPrefix(left, "'") {
		if err := knownField(right); err != nil {
			return nil, err
		}
		return func(r record) bool {
			v, _ := r.field(right)
			list, _ := v.([]any)
			return slices.ContainsFunc(list, func(e any) bool { return strings.EqualFold(kqlText(e), left[1:]) })
		}, nil
	}
	if err := knownField(left); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"eq", "ne", "gt", "ge", "lt", "le"}, op) {
		return nil, fmt.Errorf("operator %q is not supported", op)
	}
	return func(r record) bool {
		v, _ := r.field(left)
		n := compareOdata(v, right)
		switch op {
		case "eq":
			return n == 0
		case "ne":
			return n != 0
		case "gt":
			return n > 0
		case "ge":
			return n >= 0
		case "lt":
			return n < 0
		default:
			return n <= 0
		}
	}, nil
}

// compareOdata orders a value and a literal. Texts ignore case, as Azure's ids and states do.
func compareOdata(v any, literal string) int {
	if strings.HasPrefix(literal, "'") {
		return strings.Compare(strings.ToLower(kqlText(v)), strings.ToLower(literal[1:]))
	}
	switch v := v.(type) {
	case bool:
		return strings.Compare(fmt.Sprint(v), strings.ToLower(literal))
	case int64:
		var n int64
		_, _ = fmt.Sscan(literal, &n)
		return cmp.Compare(v, n)
	}
	a, ok1 := kqlTime(v)
	b, ok2 := kqlTime(literal)
	if ok1 && ok2 {
		return a.Compare(b)
	}
	return strings.Compare(strings.ToLower(kqlText(v)), strings.ToLower(literal))
}

// odataNames are the fields of states over REST, by their names in lower case.
var odataNames = func() map[string]string {
	out := map[string]string{"iscompliant": "isCompliant"}
	for k := range stateFields {
		if !slices.Contains([]string{"stateWeight", "isDeleted", "complianceReasonCode", "policyExemptionIds"}, k) {
			out[strings.ToLower(k)] = k
		}
	}
	return out
}()

func knownField(name string) error {
	if odataNames[strings.ToLower(name)] == "" {
		return fmt.Errorf("could not find a property named '%s' on type 'Microsoft.PolicyInsights.PolicyState'", name)
	}
	return nil
}
