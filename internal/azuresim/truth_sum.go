package azuresim

// truthSum is a running truth: rows by key, in the order of their first part.
type truthSum struct {
	q     TruthQuery
	by    map[string]bool    // asked for
	fine  map[string]bool    // by which amounts are rounded
	keys  map[TruthRow]int32 // numbers the keys without their day and month
	index map[rowNumber]int
	rows  []TruthRow
}

// rowNumber is a row's key in little space: a grid has very many.
type rowNumber struct {
	key    int32
	period day // 0 if neither day nor month is asked for
}

func newTruthSum(q TruthQuery) *truthSum {
	t := &truthSum{q: q, by: map[string]bool{}, fine: map[string]bool{byService: true}, keys: map[TruthRow]int32{}, index: map[rowNumber]int{}}
	switch q.Cut {
	case cutGroups:
		t.fine[byDay], t.fine[byGroup] = true, true
	case cutCharges:
		t.fine[byDay], t.fine[byCharge] = true, true
	case cutResources:
		t.fine[byResource] = true
	}
	for _, k := range q.By {
		t.by[k], t.fine[k] = true, true
	}
	return t
}

// fineKey says to which row a cell of a period belongs.
type fineKey struct{ service, group, charge, publisher, resource string }

// part is a row on its way, in nanos.
type part struct {
	amounts
	row  TruthRow // without day, month and amounts
	key  int32    // its number
	seen bool
}

// subscriptionSum gathers one subscription's parts of one period: a day, or a month.
type subscriptionSum struct {
	*truthSum
	gen     *generator
	wanted  query
	classes [][]int // the part of each stream's resources, plus one; 0 = not known yet; first of all resources
	known   map[fineKey]int
	parts   []part
	touched []int // parts of the period, in order
}

// subscription adds a subscription's days, both inclusive.
func (t *truthSum) subscription(g *generator, from, to day) {
	s := &subscriptionSum{truthSum: t, gen: g, wanted: query{metric: t.q.Metric}, classes: make([][]int, len(g.streams)), known: map[fineKey]int{}}
	var d day
	take := s.add
	if t.fine[byResource] {
		take = func(c cell) { g.split(c, d, s.add) }
	}
	for d = from; d <= to; d++ {
		g.cells(d, s.wanted.cellMetric(), t.q.At, take)
		if t.fine[byDay] || d == to || (d+1).start().Day() == 1 {
			s.flushPeriod(d)
		}
	}
}

func (s *subscriptionSum) add(c cell) {
	if !s.wanted.wants(s.gen, c) {
		return
	}
	i := s.class(c)
	p := &s.parts[i]
	if !p.seen {
		p.seen = true
		s.touched = append(s.touched, i)
	}
	p.nanos += c.nanos
	p.usd += c.usd
}

// class finds the part to which a cell belongs. It is looked up once for each stream and resource.
func (s *subscriptionSum) class(c cell) int {
	list := s.classes[c.index]
	slot := c.resource + 1
	for len(list) <= slot {
		list = append(list, 0)
	}
	s.classes[c.index] = list
	if list[slot] > 0 {
		return list[slot] - 1
	}
	key, row := fineKey{service: c.stream.service}, TruthRow{Currency: s.gen.sub.currency}
	for _, f := range []struct {
		by        string
		fine, row *string
		value     func() string
	}{
		{byService, &key.service, &row.Service, func() string { return c.stream.service }},
		{byGroup, &key.group, &row.ResourceGroup, func() string { return c.stream.group }},
		{byCharge, &key.charge, &row.ChargeType, func() string { return c.stream.charge }},
		{byPublisher, &key.publisher, &row.Publisher, func() string { return c.stream.publisher }},
		{byResource, &key.resource, &row.Resource, func() string { return s.gen.resources(c.index)[c.resource].id }},
	} {
		if s.fine[f.by] {
			*f.fine = f.value()
		}
		if s.by[f.by] {
			*f.row = f.value()
		}
	}
	if s.by[byTenant] {
		row.Tenant = s.gen.sub.tenant.id
	}
	if s.by[bySubscription] {
		row.Subscription = s.gen.sub.id
	}
	i, ok := s.known[key]
	if !ok {
		i = len(s.parts)
		s.known[key] = i
		n, ok := s.keys[row]
		if !ok {
			n = int32(len(s.keys))
			s.keys[row] = n
		}
		s.parts = append(s.parts, part{row: row, key: n})
	}
	list[slot] = i + 1
	return i
}

// flushPeriod rounds the parts of the period that ends with a day, and adds them to the rows.
func (s *subscriptionSum) flushPeriod(d day) {
	date, month, period := "", "", day(0)
	if s.by[byMonth] {
		month, period = d.String()[:len("2026-11")], d.month()
	}
	if s.by[byDay] {
		date, period = d.String(), d
	}
	for _, i := range s.touched {
		p := &s.parts[i]
		r := s.rowOf(p, period)
		r.Day, r.Month = date, month
		r.Micros += mulDiv(p.nanos, 1, microNanos)
		r.USDMicros += mulDiv(p.usd, 1, microNanos)
		r.Cells++
		p.amounts, p.seen = amounts{}, false
	}
	s.touched = s.touched[:0]
}

func (t *truthSum) rowOf(p *part, period day) *TruthRow {
	number := rowNumber{p.key, period}
	i, ok := t.index[number]
	if !ok {
		i = len(t.rows)
		t.index[number] = i
		t.rows = append(t.rows, p.row)
	}
	return &t.rows[i]
}

func (t *truthSum) flush(yield func(TruthRow) error) error {
	for _, r := range t.rows {
		if err := yield(r); err != nil {
			return err
		}
	}
	t.rows = t.rows[:0]
	clear(t.index)
	clear(t.keys)
	return nil
}
