package azuresim

// join reads join [kind=...] (query) on name, $left.a == $right.b.
func (p *kqlParser) join(op *kqlOp) error {
	p.joins++
	op.kind = "innerunique"
	if p.accept("kind") {
		if err := p.expect("="); err != nil {
			return err
		}
		t := p.take()
		switch t.text {
		case "innerunique", "inner", "leftouter", "leftanti":
			op.kind = t.text
		default:
			return p.fail(t, "inner, innerunique, leftouter or leftanti")
		}
	}
	var err error
	if op.other, err = p.source(); err != nil {
		return err
	}
	if err = p.expect("on"); err != nil {
		return err
	}
	for {
		pair, err := p.pair()
		if err != nil {
			return err
		}
		op.on = append(op.on, pair)
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *kqlParser) pair() (kqlPair, error) {
	first, swapped, err := p.side()
	if err != nil || !p.accept("==") {
		return kqlPair{first, first}, err
	}
	second, _, err := p.side()
	if swapped {
		first, second = second, first
	}
	return kqlPair{first, second}, err
}

// side reads a name, $left.name or $right.name.
func (p *kqlParser) side() (n kqlToken, right bool, err error) {
	n, err = p.name()
	if err != nil || n.text != "$left" && n.text != "$right" {
		return n, false, err
	}
	right = n.text == "$right"
	if err := p.expect("."); err != nil {
		return n, right, err
	}
	n, err = p.name()
	return n, right, err
}

func (p *kqlParser) unionTables() ([]*kqlQuery, error) {
	var out []*kqlQuery
	for {
		p.joins++
		q, err := p.source()
		if err != nil {
			return nil, err
		}
		out = append(out, q)
		if !p.accept(",") {
			return out, nil
		}
	}
}
