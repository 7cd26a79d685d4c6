package azuresim

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
	{
		"==", "!=", "=~", "!~", "in", "in~", "!in", "!in~", "has", "!has", "has_cs", "!has_cs", "contains", "!contains", "contains_cs", "!contains_cs",
		"startswith", "!startswith", "startswith_cs", "!startswith_cs", "endswith", "!endswith", "endswith_cs", "!endswith_cs", "has_any", "has_all", "between",
	},
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
