package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"fresnel"
	"fresnel/internal/compliance"
)

// MovedCounts implements compliance.Reader. What began to fail in between and
// still failed at the end is new, unless the finding failed at the begin, too:
// that can only be of one that was seen before.
func (c *ComplianceReader) MovedCounts(ctx context.Context, s fresnel.Scope, subscriptions []string, from, to fresnel.Day) ([]compliance.MovedCount, error) {
	begin, end := micros((from + 1).Time()), micros((to + 1).Time())
	_, subs, err := c.places(ctx, s)
	if err != nil {
		return nil, err
	}
	by := func(index string) string {
		if len(subscriptions) > 0 {
			index = "sub"
		}
		return c.db.d.by("ix_compliance_finding_" + index)
	}
	// Most failures began once and are counted in the index. Of one that was seen
	// before, it is looked up how it was.
	var args []any
	came := " FROM compliance_finding p" + by("changed") + " WHERE " + c.db.visible("p.tenant", s, &args) +
		" AND p.changed_at >= ? AND p.changed_at < ? AND (p.resolved_at = 0 OR p.resolved_at >= ?)"
	args = append(args, begin, end, end)
	came += c.among("p.sub", subscriptions, &args)
	began := "SELECT p.sub, COUNT(*), 0, 0" + came + " AND p.first_seen >= ? GROUP BY p.sub"
	beganArgs := append(slices.Clone(args), begin)
	againArgs := []any{begin, begin}
	again := "SELECT p.sub AS sub, COALESCE((SELECT MAX(CASE WHEN w.checks = p.checks AND w.state = p.state THEN 1 ELSE 2 END) FROM compliance_finding w" + c.db.d.by("ix_compliance_finding_arm") +
		" WHERE w.arm = p.arm AND w.policy = p.policy AND w.changed_at < ? AND w.resolved_at >= ? AND " + c.db.visible("w.tenant", s, &againArgs) + "), 0) AS how" + came + " AND p.first_seen < ?"
	againArgs = append(append(againArgs, args...), begin)
	at := map[string]*compliance.MovedCount{}
	var n [4]int64
	count := func(q string, args []any, add func(m *compliance.MovedCount)) error {
		rows, err := c.db.query(ctx, q, args...)
		if err != nil {
			return c.db.wrap(ctx, "count moved failures", err)
		}
		_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
			if err := r.Scan(&n[0], &n[1], &n[2], &n[3]); err != nil {
				return err
			}
			id, ok := subs[n[0]]
			if !ok { // registered since, or now of a tenant that is not asked for
				return nil
			}
			if at[id] == nil {
				at[id] = &compliance.MovedCount{Subscription: id}
			}
			add(at[id])
			return nil
		})
		return c.db.wrap(ctx, "count moved failures", err)
	}
	if err := count(began, beganArgs, func(m *compliance.MovedCount) { m.New += int(n[1]) }); err != nil {
		return nil, err
	}
	if err := count("SELECT x.sub, COUNT(*), SUM(CASE WHEN x.how > 0 THEN 1 ELSE 0 END), SUM(CASE WHEN x.how = 2 THEN 1 ELSE 0 END) FROM ("+again+") x GROUP BY x.sub", againArgs, func(m *compliance.MovedCount) {
		m.New, m.Resolved, m.Changed = m.New+int(n[1]-n[2]), m.Resolved-int(n[2]), m.Changed+int(n[3])
	}); err != nil {
		return nil, err
	}
	args = nil
	went := "SELECT p.sub, COUNT(*), 0, 0 FROM compliance_finding p" + by("resolved") + " WHERE " + c.db.visible("p.tenant", s, &args) + " AND p.resolved_at >= ? AND p.resolved_at < ? AND p.changed_at < ?"
	args = append(args, begin, end, begin)
	went += c.among("p.sub", subscriptions, &args) + " GROUP BY p.sub"
	if err := count(went, args, func(m *compliance.MovedCount) { m.Resolved += int(n[1]) }); err != nil {
		return nil, err
	}
	var out []compliance.MovedCount
	for _, num := range slices.Sorted(maps.Keys(subs)) {
		if m := at[subs[num]]; m != nil {
			out = append(out, *m)
		}
	}
	return out, nil
}

// among is the condition of being the number of one of some subscriptions; ""
// where there are none.
func (c *ComplianceReader) among(col string, subscriptions []string, args *[]any) string {
	if len(subscriptions) == 0 {
		return ""
	}
	*args = append(*args, jsonList(subscriptions))
	return " AND " + col + " IN (SELECT num FROM subscription WHERE id IN " + c.db.d.list() + ")"
}

// movedAtOnce is how many episodes Moved reads at once. Tests have fewer.
var movedAtOnce = 50_000

// Moved implements compliance.Reader. Since, until and changed are the instants
// of readings, so that what was open at the end of a day is what its last
// snapshot has.
func (c *ComplianceReader) Moved(ctx context.Context, s fresnel.Scope, ask compliance.MovedAsk, each func(compliance.Moved) bool) error {
	begin, end := micros((ask.From + 1).Time()), micros((ask.To + 1).Time())
	tenants, subs, err := c.places(ctx, s)
	if err != nil {
		return err
	}
	var args []any
	which := c.movedIn(s, ask, subs, begin, end, &args)
	if which == "" {
		return nil
	}
	by := ""
	switch {
	case ask.Some != nil:
		by = c.db.d.by("ix_compliance_finding_arm")
	case len(ask.Subscriptions) > 0:
		by = c.db.d.by("ix_compliance_finding_sub")
	}
	if ask.Some != nil || len(ask.Subscriptions) > 0 { // what else is found with them did not move
		which += " AND (p.changed_at >= ? AND p.changed_at < ? OR p.resolved_at >= ? AND p.resolved_at < ?)"
		args = append(args, begin, end, begin, end)
	}
	q := "SELECT p.tenant, p.sub, p.arm, p.policy, p.state, p.first_seen, p.since, p.resolved_at, p.changed_at, p.checks, a.name, COALESCE(y.name, '') " +
		"FROM compliance_finding p" + by + " JOIN arm_id a ON a.num = p.arm LEFT JOIN resource r ON r.arm = p.arm LEFT JOIN resource_type y ON y.num = r.rtype WHERE " + which + " AND "
	q += c.db.visible("p.tenant", s, &args) + c.among("p.sub", ask.Subscriptions, &args)
	q = c.db.d.page(q + " AND p.arm + 0 > ? ORDER BY p.arm, p.policy, p.changed_at") // + 0: no index is to begin there, what was asked for is fewer
	read := func(r *sql.Rows, e *episode) error {
		var n [9]int64
		if err := r.Scan(&n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &e.checks, &e.Resource, &e.Type); err != nil {
			return err
		}
		e.Tenant, e.Subscription, e.arm, e.Policy, e.State, e.resolved, e.changed = tenants[n[0]], subs[n[1]], n[2], n[3], compliance.State(n[4]), n[7], n[8]
		e.First, e.Since, e.Resolved = instant(n[5]), instant(n[6]), instant(n[7])
		return nil
	}
	for after, most := int64(0), movedAtOnce; ; {
		rows, err := c.db.query(ctx, q, append(slices.Clone(args), after, most)...)
		if err != nil {
			return c.db.wrap(ctx, "moved failures", err)
		}
		list, err := scan(rows, read)
		if err != nil {
			return c.db.wrap(ctx, "moved failures", err)
		}
		last := len(list) < most
		if !last { // the resource at the end may have more
			arm := list[most-1].arm
			list = list[:slices.IndexFunc(list, func(e episode) bool { return e.arm == arm })]
			if len(list) == 0 {
				most *= 2
				continue
			}
			after = list[len(list)-1].arm
		}
		if more, err := c.tellMoved(ctx, list, begin, end, each); err != nil || last || !more {
			return err
		}
	}
}

// tellMoved tells how the findings of resources moved, and whether to go on.
func (c *ComplianceReader) tellMoved(ctx context.Context, list []episode, begin, end int64, each func(compliance.Moved) bool) (bool, error) {
	list = slices.DeleteFunc(list, func(e episode) bool { return e.Tenant == "" || e.Subscription == "" }) // of places that are not asked for
	born, died, err := c.lives(ctx, list, end)
	if err != nil {
		return false, err
	}
	tell := func(e *episode) bool {
		e.Checks, e.Name = checkNums(e.checks), e.Resource[strings.LastIndexByte(e.Resource, '/')+1:]
		e.Born, e.Died = instant(born[e.arm]), instant(died[e.arm])
		return each(e.Moved)
	}
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].arm == list[0].arm && list[n].Policy == list[0].Policy {
			n++
		}
		if !episodes(list[:n]).tell(begin, end, tell) {
			return false, nil
		}
		list = list[n:]
	}
	return true, nil
}

// movedIn is the condition of the findings that Moved looks at; "" = of none.
func (c *ComplianceReader) movedIn(s fresnel.Scope, ask compliance.MovedAsk, subs map[int64]string, begin, end int64, args *[]any) string {
	side := func(what, col string) string { // each side by an index of its own
		q := "SELECT " + what + " FROM compliance_finding p" + c.db.d.by("ix_compliance_finding_"+strings.TrimSuffix(col, "_at")) + " WHERE " + c.db.visible("p.tenant", s, args) + " AND p." + col + " >= ? AND p." + col + " < ?"
		*args = append(*args, begin, end)
		return q
	}
	some := ask.Some
	if some == nil && len(ask.Subscriptions) > 0 {
		*args = append(*args, begin)
		return "(p.resolved_at = 0 OR p.resolved_at >= ?)"
	}
	if some == nil {
		return "p.num IN (" + side("p.num", "changed_at") + " UNION " + side("p.num", "resolved_at") + ")"
	}
	nums := make(map[string]int64, len(subs))
	for n, id := range subs {
		nums[id] = n
	}
	var arms []string
	for _, of := range []struct {
		col  string
		list []compliance.PolicyIn
	}{{"changed_at", some.New}, {"resolved_at", some.Resolved}} {
		if len(of.list) == 0 {
			continue
		}
		// A pair is one number: row values are not portable.
		pairs, in := make([]int64, len(of.list)), map[int64]bool{}
		for i, p := range of.list {
			pairs[i] = nums[p.Subscription]<<32 | p.Policy
			in[nums[p.Subscription]] = true
		}
		arms = append(arms, side("p.arm", of.col)+" AND p.sub IN "+c.db.d.numbers()+" AND p.sub * ? + p.policy IN "+c.db.d.numbers())
		*args = append(*args, jsonNumbers(slices.Sorted(maps.Keys(in))), int64(1)<<32, jsonNumbers(pairs))
	}
	if len(some.Subscriptions) > 0 {
		list := make([]int64, len(some.Subscriptions))
		for i, id := range some.Subscriptions {
			list[i] = nums[id]
		}
		arms = append(arms, "SELECT p.arm FROM compliance_finding p"+c.db.d.by("ix_compliance_finding_sub")+" WHERE p.sub IN "+c.db.d.numbers()+" AND (p.resolved_at = 0 OR p.resolved_at >= ?)")
		*args = append(*args, jsonNumbers(list), begin)
	}
	if !some.Lived.IsZero() {
		arms = append(arms, "SELECT h.arm FROM resource_change h WHERE "+c.db.visible("h.tenant", s, args)+" AND h.at >= ? AND h.at < ? AND h.kind IN (?, ?)")
		*args = append(*args, micros(some.Lived), end, createdKind, deletedKind)
	}
	if len(arms) == 0 {
		return ""
	}
	return "p.arm IN (" + strings.Join(arms, " UNION ") + ")"
}

// lives tells when resources were last created and deleted, before an instant.
func (c *ComplianceReader) lives(ctx context.Context, list []episode, end int64) (born, died map[int64]int64, err error) {
	born, died = map[int64]int64{}, map[int64]int64{}
	if len(list) == 0 {
		return born, died, nil
	}
	arms := make([]int64, len(list))
	for i := range list {
		arms[i] = list[i].arm
	}
	rows, err := c.db.query(ctx, "SELECT h.arm, h.kind, MAX(h.at) FROM resource_change h WHERE h.arm IN "+c.db.d.numbers()+" AND h.at < ? AND h.kind IN (?, ?) GROUP BY h.arm, h.kind",
		jsonNumbers(slices.Compact(arms)), end, createdKind, deletedKind)
	if err != nil {
		return nil, nil, c.db.wrap(ctx, "lives of resources", err)
	}
	_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
		var arm, kind, at int64
		if err := r.Scan(&arm, &kind, &at); err != nil {
			return err
		}
		if kind == createdKind {
			born[arm] = at
		} else {
			died[arm] = at
		}
		return nil
	})
	return born, died, c.db.wrap(ctx, "lives of resources", err)
}

// episode is a time in which a resource failed a policy by the same checks.
type episode struct {
	compliance.Moved
	arm, resolved, changed int64
	checks                 string
}

func (e *episode) openAt(end int64) bool {
	return e.changed < end && (e.resolved == 0 || e.resolved >= end)
}

// episodes are those of one finding that a period touches.
type episodes []episode

// tell says how a finding moved between two instants: what was resolved and
// came back did not.
func (list episodes) tell(begin, end int64, each func(*episode) bool) bool {
	var was, is *episode
	for i := range list {
		if e := &list[i]; e.openAt(begin) {
			was = e
		}
		if e := &list[i]; e.openAt(end) {
			is = e
		}
	}
	switch {
	case was == nil && is != nil:
		is.Kind = compliance.MovedNew
		return each(is)
	case was != nil && is == nil:
		was.Kind = compliance.MovedResolved
		return each(was)
	case was != nil && is != nil && (was.checks != is.checks || was.State != is.State):
		is.Kind = compliance.MovedChanged
		return each(is)
	}
	return true
}
