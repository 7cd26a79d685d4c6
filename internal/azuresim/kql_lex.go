package azuresim

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kqlError is a query that Resource Graph refuses. Code is ParserFailure for what cannot be parsed and
// else what the semantic check said; line counts from 1 and pos, in that line, from 0.
type kqlError struct {
	code, message   string
	line, pos       int
	token, expected string
}

func (e *kqlError) Error() string {
	return fmt.Sprintf("%s at %d:%d %q %s", e.code, e.line, e.pos, e.token, e.message)
}

// The kinds of token.
type kqlKind int

const (
	kqlEnd kqlKind = iota
	kqlName
	kqlString
	kqlNumber
	kqlSpan // a number with a unit of time
	kqlMark // punctuation and operators, ! forms of words too
)

type kqlToken struct {
	kind      kqlKind
	text      string // of a string its value
	line, pos int
}

// kqlMarks are the punctuation, longer ones first.
var kqlMarks = []string{"==", "=~", "!=", "!~", "<=", ">=", "<", ">", "=", "|", "(", ")", "[", "]", ",", ".", "+", "-", "*", "/", "%", ":"}

// kqlLexer cuts a query into tokens.
type kqlLexer struct {
	src       string
	at        int
	line, bol int // bol: where the line begins
}

// lexKQL returns the tokens of a query, an end token last.
func lexKQL(src string) ([]kqlToken, error) {
	l := &kqlLexer{src: src, line: 1}
	var out []kqlToken
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		if t.kind == kqlEnd {
			return out, nil
		}
	}
}

// skip passes blanks and comments.
func (l *kqlLexer) skip() {
	for l.at < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.at:])
		switch {
		case r == '\n':
			l.line, l.bol = l.line+1, l.at+1
		case unicode.IsSpace(r):
		case strings.HasPrefix(l.src[l.at:], "//"):
			if n = strings.IndexByte(l.src[l.at:], '\n'); n < 0 {
				n = len(l.src) - l.at
			}
		default:
			return
		}
		l.at += n
	}
}

func (l *kqlLexer) next() (kqlToken, error) {
	l.skip()
	t := kqlToken{line: l.line, pos: l.at - l.bol}
	rest := l.src[l.at:]
	if rest == "" {
		return t, nil
	}
	if i := strings.IndexAny(rest, "'\")\n"); l.inDate() && i > 0 && rest[i] == ')' {
		t.kind, t.text = kqlString, strings.TrimSpace(rest[:i])
		l.at += i
		return t, nil
	}
	switch c := rest[0]; {
	case c == '\'' || c == '"':
		return l.quoted(t, false)
	case c == '@' && len(rest) > 1 && (rest[1] == '\'' || rest[1] == '"'):
		l.at++
		return l.quoted(t, true)
	case c >= '0' && c <= '9':
		return l.number(t), nil
	case isWord(rune(c)) || c == '$':
		return l.word(t, kqlName, 1), nil
	case c == '!' && len(rest) > 1 && isWord(rune(rest[1])): // !in, !has and so on
		return l.word(t, kqlMark, 1), nil
	}
	for _, m := range kqlMarks {
		if strings.HasPrefix(rest, m) {
			t.kind, t.text = kqlMark, m
			l.at += len(m)
			return t, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return t, &kqlError{code: "ParserFailure", message: "ParserFailure", line: t.line, pos: t.pos, token: string(r)}
}

// inDate says whether datetime( was just read: a time within has colons, and no quotes.
func (l *kqlLexer) inDate() bool {
	before, ok := strings.CutSuffix(strings.TrimRight(l.src[:l.at], " "), "(")
	before, date := strings.CutSuffix(before, "datetime")
	return ok && date && (before == "" || !isWord(rune(before[len(before)-1])))
}

func isWord(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// word reads letters, digits and underscores; mv-expand and the like have a dash, in~ and !in~ a tilde.
func (l *kqlLexer) word(t kqlToken, kind kqlKind, head int) kqlToken {
	end := l.at + head
	for end < len(l.src) && isWord(rune(l.src[end])) {
		end++
	}
	text := l.src[l.at:end]
	for _, dashed := range []string{"mv-expand", "project-away", "project-rename", "project-keep", "project-reorder", "in~", "!in~"} {
		if first := strings.TrimRight(dashed, "~"); len(text) < len(dashed) && strings.HasPrefix(dashed, text) && (dashed[len(text)] == '-' || text == first) && strings.HasPrefix(l.src[l.at:], dashed) {
			end, text = l.at+len(dashed), dashed
			if dashed[0] != '!' && strings.HasSuffix(dashed, "~") {
				kind = kqlMark
			}
		}
	}
	t.kind, t.text, l.at = kind, text, end
	return t
}

// number reads 12, 1.5, 30d and 15m.
func (l *kqlLexer) number(t kqlToken) kqlToken {
	end := l.at
	digits := func() {
		for end < len(l.src) && l.src[end] >= '0' && l.src[end] <= '9' {
			end++
		}
	}
	digits()
	if end+1 < len(l.src) && l.src[end] == '.' && l.src[end+1] >= '0' && l.src[end+1] <= '9' {
		end++
		digits()
	}
	t.kind = kqlNumber
	for end < len(l.src) && isWord(rune(l.src[end])) {
		t.kind = kqlSpan
		end++
	}
	t.text, l.at = l.src[l.at:end], end
	return t
}

// quoted reads a string. A verbatim one has no escapes but the doubled quote.
func (l *kqlLexer) quoted(t kqlToken, verbatim bool) (kqlToken, error) {
	quote := l.src[l.at]
	var b strings.Builder
	for i := l.at + 1; i < len(l.src); i++ {
		c := l.src[i]
		switch {
		case c == quote && verbatim && i+1 < len(l.src) && l.src[i+1] == quote:
			i++
		case c == quote:
			t.kind, t.text, l.at = kqlString, b.String(), i+1
			return t, nil
		case c == '\n':
			i = len(l.src)
			continue
		case c == '\\' && !verbatim && i+1 < len(l.src):
			i++
			c = unescape(l.src[i])
		}
		b.WriteByte(c)
	}
	return t, &kqlError{code: "ParserFailure", message: "ParserFailure", line: t.line, pos: t.pos, token: string(quote)}
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	default:
		return c
	}
}
