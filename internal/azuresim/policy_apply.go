package azuresim

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// odataOrder is a key of $orderby. Without a direction Policy Insights sorts downwards.
type odataOrder struct {
	name string
	asc  bool
}

func parseOrder(text string) ([]odataOrder, error) {
	var out []odataOrder
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		o := odataOrder{name: words[0]}
		if len(words) == 2 {
			o.asc = strings.EqualFold(words[1], "asc")
		}
		if len(words) > 2 || len(words) == 2 && !o.asc && !strings.EqualFold(words[1], "desc") {
			return nil, fmt.Errorf("syntax error in $orderby at %q", part)
		}
		out = append(out, o)
	}
	return out, nil
}

func sortRecords[R record](list []R, by []odataOrder) {
	if len(by) == 0 {
		return
	}
	slices.SortStableFunc(list, func(a, b R) int {
		for _, o := range by {
			x, _ := a.field(o.name)
			y, _ := b.field(o.name)
			n := kqlSortCompare(x, y)
			if !o.asc {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
}

// parseApply compiles a chain of groupby(...), aggregate(...) and filter(...).
func parseApply(text string) ([]func([]record) []record, error) {
	p, err := newOdataParser(text)
	if err != nil {
		return nil, err
	}
	var out []func([]record) []record
	for {
		var step func([]record) []record
		switch word := strings.ToLower(p.take()); word {
		case "groupby":
			step, err = p.groupBy()
		case "aggregate":
			var name string
			if name, err = p.count(); err == nil {
				step = func(list []record) []record {
					return []record{&plainRecord{[]string{name}, []any{int64(len(list))}}}
				}
			}
		case "filter":
			var f odataFilter
			if err = p.expect("("); err == nil {
				if f, err = p.or(); err == nil {
					err = p.expect(")")
				}
			}
			step = func(list []record) []record {
				return slices.DeleteFunc(slices.Clone(list), func(r record) bool { return !f(r) })
			}
		default:
			err = fmt.Errorf("the transformation %q is not supported", word)
		}
		if err != nil {
			return nil, err
		}
		if out = append(out, step); p.at == len(p.tokens) {
			return out, nil
		}
		if err := p.expect("/"); err != nil {
			return nil, err
		}
	}
}

// count reads ($count as Name).
func (p *odataParser) count() (string, error) {
	for _, word := range []string{"(", "$count", "as"} {
		if err := p.expect(word); err != nil {
			return "", err
		}
	}
	name := p.take()
	if name == "" || strings.IndexFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) >= 0 {
		return "", fmt.Errorf("%q is not an alias", name)
	}
	return name, p.expect(")")
}

// groupBy reads ((A, B)) or ((A, B), aggregate($count as Name)).
func (p *odataParser) groupBy() (func([]record) []record, error) {
	var names []string
	for range 2 {
		if err := p.expect("("); err != nil {
			return nil, err
		}
	}
	for {
		name := p.take()
		if err := knownField(name); err != nil {
			return nil, err
		}
		names = append(names, odataNames[strings.ToLower(name)])
		if p.is(")") {
			break
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
	alias := ""
	if p.is(",") {
		if err := p.expect("aggregate"); err != nil {
			return nil, err
		}
		var err error
		if alias, err = p.count(); err != nil {
			return nil, err
		}
	}
	return func(list []record) []record { return groupRecords(list, names, alias) }, p.expect(")")
}

func groupRecords(list []record, names []string, alias string) []record {
	groups := map[string]*plainRecord{}
	var out []record
	for _, r := range list {
		var key strings.Builder
		values := make([]any, len(names), len(names)+1)
		for i, n := range names {
			values[i], _ = r.field(n)
			key.WriteString(kqlKey(values[i]))
			key.WriteByte(0)
		}
		g := groups[key.String()]
		if g == nil {
			g = &plainRecord{names: names, values: values}
			if alias != "" {
				g.names, g.values = append(slices.Clone(names), alias), append(values, int64(0))
			}
			groups[key.String()] = g
			out = append(out, g)
		}
		if alias != "" {
			n, _ := g.values[len(names)].(int64)
			g.values[len(names)] = n + 1
		}
	}
	return out
}
