package azuresim

import (
	"slices"
	"strings"
)

// membership compiles in, in~ and has_any with a list in parentheses.
func (c *kqlCompiler) membership(x *kqlExpr) (kqlFunc, string, error) {
	left, _, err := c.compile(x.args[0])
	if err != nil {
		return nil, "", err
	}
	list, _, err := c.all(x.args[1].args)
	if err != nil {
		return nil, "", err
	}
	negate := strings.HasPrefix(x.op, "!")
	test := func(a, b any) bool { return kqlTruth(kqlEqual(a, b)) }
	every := x.op == "has_all"
	switch strings.TrimPrefix(x.op, "!") {
	case "in~":
		test = func(a, b any) bool { return strings.EqualFold(kqlText(a), kqlText(b)) }
	case "has_any", "has_all":
		test = func(a, b any) bool { return hasTerm(strings.ToLower(kqlText(a)), strings.ToLower(kqlText(b))) }
	}
	return func(r kqlRow) any {
		v := force(left(r))
		for _, f := range list {
			if w := force(f(r)); matchesAny(v, w, test) != every {
				return !every != negate
			}
		}
		return every != negate
	}, kqlTypeBoolean, nil
}

// matchesAny tests a value with an element of a list, which may be a list itself.
func matchesAny(v, w any, test func(a, b any) bool) bool {
	if list, ok := w.([]any); ok {
		return slices.ContainsFunc(list, func(e any) bool { return test(v, e) })
	}
	return test(v, w)
}

// textOperator returns the test of has, contains and so on; without _cs the case does not matter.
func textOperator(op string) (test func(a, b string) bool, negate bool) {
	word, negate := strings.CutPrefix(op, "!")
	word, exact := strings.CutSuffix(word, "_cs")
	switch word {
	case "~":
		return strings.EqualFold, true
	case "=~":
		return strings.EqualFold, false
	case "has":
		test = hasTerm
	case "contains":
		test = strings.Contains
	case "startswith":
		test = strings.HasPrefix
	default:
		test = strings.HasSuffix
	}
	if exact {
		return test, negate
	}
	plain := test
	return func(a, b string) bool { return plain(strings.ToLower(a), strings.ToLower(b)) }, negate
}

// hasTerm says whether a text has another as a whole term: bounded by what is neither letter nor digit.
func hasTerm(text, term string) bool {
	word := func(i int) bool { return i >= 0 && i < len(text) && text[i] != '_' && isWord(rune(text[i])) }
	for from := 0; ; {
		i := strings.Index(text[from:], term)
		if i < 0 {
			return false
		}
		i += from
		if !word(i-1) && !word(i+len(term)) {
			return true
		}
		from = i + 1
		if from > len(text) {
			return false
		}
	}
}
