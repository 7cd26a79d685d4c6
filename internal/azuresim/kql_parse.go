package azuresim

import "strconv"

// kqlMaxJoins is how many joins and unions Resource Graph takes in a query.
const kqlMaxJoins = 3

// parseKQL reads a query. An error is a *kqlError.
func parseKQL(src string) (*kqlQuery, error) {
	tokens, err := lexKQL(src)
	if err != nil {
		return nil, err
	}
	p := &kqlParser{tokens: tokens}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != kqlEnd {
		return nil, p.fail(t, "|")
	}
	if p.joins > kqlMaxJoins {
		return nil, &kqlError{code: "DisallowedMaxNumberOfRemoteTables", message: "The number of join and union operators exceeds the limit of 3.", line: 1}
	}
	return q, nil
}

func (p *kqlParser) query() (*kqlQuery, error) {
	up, err := p.deeper()
	if err != nil {
		return nil, err
	}
	defer up()
	q, err := p.source()
	if err != nil {
		return nil, err
	}
	for p.accept("|") {
		op, err := p.operator()
		if err != nil {
			return nil, err
		}
		q.ops = append(q.ops, op)
	}
	return q, nil
}

// source reads a table, a query in parentheses, or a union of such.
func (p *kqlParser) source() (*kqlQuery, error) {
	if p.accept("(") {
		inner, err := p.query()
		if err != nil {
			return nil, err
		}
		return &kqlQuery{inner: inner}, p.expect(")")
	}
	if p.isWord("union") {
		p.take()
		list, err := p.unionTables()
		return &kqlQuery{union: list}, err
	}
	t := p.take()
	if t.kind != kqlName {
		return nil, p.fail(t, "a table")
	}
	// A query may leave the table out: it begins with an operator and means resources.
	if kqlOpNames[t.text] {
		p.at--
		q := &kqlQuery{source: kqlToken{kind: kqlName, text: "resources", line: t.line, pos: t.pos}}
		op, err := p.operator()
		q.ops = append(q.ops, op)
		return q, err
	}
	return &kqlQuery{source: t}, nil
}

// kqlOpNames are the operators that are simulated.
var kqlOpNames = map[string]bool{
	"where": true, "project": true, "project-away": true, "extend": true, "summarize": true, "count": true, "order": true, "sort": true,
	"top": true, "take": true, "limit": true, "distinct": true, "mv-expand": true, "join": true, "union": true,
}

func (p *kqlParser) operator() (kqlOp, error) {
	t := p.take()
	op := kqlOp{name: t.text, at: t}
	var err error
	if t.kind != kqlName || !kqlOpNames[t.text] {
		return op, p.fail(t, "an operator")
	}
	switch t.text {
	case "where":
		var x *kqlExpr
		x, err = p.expr()
		op.exprs = []kqlNamed{{expr: x}}
	case "project", "extend", "distinct":
		op.exprs, err = p.namedList()
	case "project-away":
		err = p.away(&op)
	case "summarize":
		err = p.summarize(&op)
	case "count":
	case "order", "sort":
		op.name = "sort"
		if err = p.expect("by"); err == nil {
			err = p.sortKeys(&op)
		}
	case "top":
		if op.count, err = p.natural(); err == nil {
			if err = p.expect("by"); err == nil {
				err = p.sortKeys(&op)
			}
		}
	case "take", "limit":
		op.name = "take"
		op.count, err = p.natural()
	case "mv-expand":
		err = p.expand(&op)
	case "join":
		err = p.join(&op)
	case "union":
		op.tables, err = p.unionTables()
	}
	return op, err
}

func (p *kqlParser) natural() (int, error) {
	t := p.take()
	n, err := strconv.ParseInt(t.text, 10, 32)
	if t.kind != kqlNumber || err != nil {
		return 0, p.fail(t, "a number")
	}
	return int(n), nil
}

func (p *kqlParser) namedList() ([]kqlNamed, error) {
	var out []kqlNamed
	for {
		n, err := p.named()
		if err != nil {
			return nil, err
		}
		out = append(out, n)
		if !p.accept(",") {
			return out, nil
		}
	}
}

// named reads [name =] expression.
func (p *kqlParser) named() (kqlNamed, error) {
	var out kqlNamed
	start := p.at
	if n, err := p.name(); err == nil && p.isMark("=") {
		p.take()
		out.name = n.text
	} else {
		p.at = start
	}
	var err error
	out.expr, err = p.expr()
	return out, err
}

func (p *kqlParser) away(op *kqlOp) error {
	for {
		n, err := p.name()
		if err != nil {
			return err
		}
		if p.accept("*") {
			n.text += "*"
		}
		op.names = append(op.names, n)
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *kqlParser) summarize(op *kqlOp) error {
	var err error
	if !p.isWord("by") {
		if op.exprs, err = p.namedList(); err != nil {
			return err
		}
	}
	if p.accept("by") {
		op.by, err = p.namedList()
	} else if len(op.exprs) == 0 {
		err = p.fail(p.peek(), "an aggregate")
	}
	return err
}

// sortKeys reads expressions with asc or desc; without either they descend.
func (p *kqlParser) sortKeys(op *kqlOp) error {
	for {
		x, err := p.expr()
		if err != nil {
			return err
		}
		desc := !p.accept("asc")
		if desc {
			p.accept("desc")
		}
		op.exprs, op.desc = append(op.exprs, kqlNamed{expr: x}), append(op.desc, desc)
		if !p.accept(",") {
			return nil
		}
	}
}

// kqlExpandLimit and kqlExpandMost are the usual and the greatest number of rows that mv-expand makes
// of one, in Resource Graph.
const (
	kqlExpandLimit = 128
	kqlExpandMost  = 2000
)

func (p *kqlParser) expand(op *kqlOp) error {
	op.count = kqlExpandLimit
	for p.isWord("kind") || p.isWord("bagexpansion") || p.isWord("with_itemindex") {
		t := p.take()
		if err := p.expect("="); err != nil {
			return err
		}
		v, err := p.name()
		if err != nil {
			return err
		}
		if t.text == "with_itemindex" {
			op.index = v.text
		} else {
			op.asArray = v.text == "array"
		}
	}
	for {
		n, err := p.named()
		if err != nil {
			return err
		}
		if p.accept("to") {
			if err := p.expect("typeof"); err != nil {
				return err
			}
			if err := p.expect("("); err != nil {
				return err
			}
			t, err := p.name()
			if err != nil {
				return err
			}
			n.to = t.text
			if err := p.expect(")"); err != nil {
				return err
			}
		}
		op.exprs = append(op.exprs, n)
		if !p.accept(",") {
			break
		}
	}
	if p.accept("limit") {
		t := p.peek()
		n, err := p.natural()
		if err == nil && n > kqlExpandMost {
			err = p.fail(t, "at most 2000")
		}
		op.count = n
		return err
	}
	return nil
}
