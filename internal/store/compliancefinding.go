package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// findingKey is what a finding is about: a resource and a policy.
type findingKey struct{ arm, policy int64 }

// findingRow is a resource that fails a policy.
type findingRow struct {
	findingKey
	num          int64
	state        int64
	checks       string
	first, since int64
}

// failingRow is a resource that fails policies.
type failingRow struct {
	arm, rtype, group int64
	name              string
	policies          int64
}

// failures are numbered, a row for each resource and policy.
type failures struct {
	rows      []findingRow
	resources map[int64]*failingRow // of those that do not comply
}

// joined are the numbers of checks as they are kept.
func joined(nums []int64) string {
	texts := make([]string, len(nums))
	for i, n := range nums {
		texts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(texts, ",")
}

func checkNums(checks string) []int64 {
	var out []int64
	for t := range strings.SplitSeq(checks, ",") {
		if n, err := strconv.ParseInt(t, 10, 64); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// numberFailures numbers what does not comply. A resource that several
// assignments of a policy judge is one finding, with the strongest state.
func (c *Compliance) numberFailures(ctx context.Context, t fresnel.TenantID, list []compliance.Failure) (failures, error) {
	out := failures{resources: map[int64]*failingRow{}}
	var ids, types, groups, keys []string
	for _, f := range list {
		ids, types, groups = append(ids, clean(fresnel.ObjectKey(f.Resource))), append(types, clean(f.Type)), append(groups, clean(f.Group))
		keys = append(keys, keyText(t, f.Check), keyText(t, f.Check.Of()))
	}
	arms, err := c.db.dims.resource.nums(ctx, ids)
	if err != nil {
		return out, err
	}
	rtypes, err := c.db.dims.rtype.nums(ctx, types)
	if err != nil {
		return out, err
	}
	rgroups, err := c.db.dims.group.nums(ctx, groups)
	if err != nil {
		return out, err
	}
	nums, err := c.db.dims.complianceKey.nums(ctx, keys)
	if err != nil {
		return out, err
	}
	type one struct {
		state  compliance.State
		checks []int64
	}
	by := map[findingKey]*one{}
	for i, f := range list {
		arm := arms[ids[i]]
		k := findingKey{arm, nums[keys[2*i+1]]}
		o := by[k]
		if o == nil {
			o = &one{state: f.State}
			by[k] = o
		}
		o.state = compliance.Strongest(o.state, f.State)
		o.checks = append(o.checks, nums[keys[2*i]])
		if r := out.resources[arm]; f.State == compliance.NonCompliant && r == nil {
			name := f.Resource[strings.LastIndexByte(f.Resource, '/')+1:]
			out.resources[arm] = &failingRow{arm: arm, rtype: rtypes[types[i]], group: rgroups[groups[i]], name: clean(name)}
		}
	}
	for k, o := range by {
		slices.Sort(o.checks)
		out.rows = append(out.rows, findingRow{findingKey: k, state: int64(o.state), checks: joined(slices.Compact(o.checks))})
		if o.state == compliance.NonCompliant {
			out.resources[k.arm].policies++
		}
	}
	slices.SortFunc(out.rows, func(a, b findingRow) int { return slices.Compare([]int64{a.arm, a.policy}, []int64{b.arm, b.policy}) })
	return out, nil
}

// putFindings brings the findings of a subscription up to date.
func (c *Compliance) putFindings(ctx context.Context, tx *sql.Tx, p place2, f failures, at time.Time) (int, error) {
	rows, err := c.db.txQuery(ctx, tx, "SELECT num, arm, policy, state, checks, first_seen, since FROM compliance_finding WHERE sub = ? AND resolved_at = 0", p.sub)
	if err != nil {
		return 0, err
	}
	held, err := scan(rows, func(r *sql.Rows, v *findingRow) error {
		return r.Scan(&v.num, &v.arm, &v.policy, &v.state, &v.checks, &v.first, &v.since)
	})
	if err != nil {
		return 0, err
	}
	old := make(map[findingKey]findingRow, len(held))
	for _, h := range held {
		old[h.findingKey] = h
	}
	now := micros(at)
	written := 0
	var fresh, changed, over []findingRow
	for _, r := range f.rows {
		h, ok := old[r.findingKey]
		delete(old, r.findingKey)
		switch {
		case !ok:
			fresh = append(fresh, r)
		case h.state != r.state || h.checks != r.checks: // what it was ends, what it is begins; it has not stopped to fail
			r.first, r.since = h.first, h.since
			changed, over = append(changed, r), append(over, h)
		}
	}
	for _, h := range old {
		over = append(over, h)
	}
	for _, h := range over {
		if _, err := c.db.txExec(ctx, tx, "UPDATE compliance_finding SET resolved_at = ? WHERE num = ?", now, h.num); err != nil {
			return 0, err
		}
		written++
	}
	first, err := c.firstSeen(ctx, tx, p.sub, fresh)
	if err != nil {
		return 0, err
	}
	for i := range fresh {
		r := &fresh[i]
		r.first, r.since = now, now
		if was, ok := first[r.findingKey]; ok {
			r.first = was
		}
	}
	for _, r := range append(fresh, changed...) {
		if _, err := c.db.txExec(ctx, tx, "INSERT INTO compliance_finding (tenant, sub, arm, policy, state, checks, first_seen, since, changed_at, resolved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
			p.tenant, p.sub, r.arm, r.policy, r.state, r.checks, r.first, r.since, now); err != nil {
			return 0, err
		}
		written++
	}
	n, err := c.putFailing(ctx, tx, p, f.resources, now)
	return written + n, err
}

// firstSeen tells when findings that come again were seen first.
func (c *Compliance) firstSeen(ctx context.Context, tx *sql.Tx, sub int64, fresh []findingRow) (map[findingKey]int64, error) {
	out := map[findingKey]int64{}
	const some = 5000
	for part := range slices.Chunk(fresh, some) {
		arms := make([]int64, len(part))
		for i, r := range part {
			arms[i] = r.arm
		}
		rows, err := c.db.txQuery(ctx, tx, "SELECT arm, policy, MIN(first_seen) FROM compliance_finding WHERE sub = ? AND resolved_at > 0 AND arm IN "+c.db.d.numbers()+" GROUP BY arm, policy", sub, jsonNumbers(slices.Compact(arms)))
		if err != nil {
			return nil, err
		}
		type one struct {
			findingKey
			at int64
		}
		list, err := scan(rows, func(r *sql.Rows, v *one) error { return r.Scan(&v.arm, &v.policy, &v.at) })
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			out[v.findingKey] = v.at
		}
	}
	return out, nil
}

// putFailing brings the resources that do not comply up to date.
func (c *Compliance) putFailing(ctx context.Context, tx *sql.Tx, p place2, want map[int64]*failingRow, now int64) (int, error) {
	rows, err := c.db.txQuery(ctx, tx, "SELECT arm, rtype, rgroup, policies FROM compliance_resource WHERE sub = ?", p.sub)
	if err != nil {
		return 0, err
	}
	held, err := scan(rows, func(r *sql.Rows, v *failingRow) error {
		return r.Scan(&v.arm, &v.rtype, &v.group, &v.policies)
	})
	if err != nil {
		return 0, err
	}
	written := 0
	exec := func(q string, args ...any) error {
		written++
		_, err := c.db.txExec(ctx, tx, q, args...)
		return err
	}
	have := make(map[int64]bool, len(held))
	for _, h := range held {
		have[h.arm] = true
		r := want[h.arm]
		switch {
		case r == nil:
			err = exec("DELETE FROM compliance_resource WHERE arm = ?", h.arm)
		case r.policies != h.policies || r.rtype != h.rtype || r.group != h.group:
			err = exec("UPDATE compliance_resource SET policies = ?, rtype = ?, rgroup = ? WHERE arm = ?", r.policies, r.rtype, r.group, h.arm)
		}
		if err != nil {
			return 0, err
		}
	}
	for _, arm := range slices.Sorted(maps.Keys(want)) {
		if r := want[arm]; !have[arm] {
			if err := exec("INSERT INTO compliance_resource (arm, tenant, sub, rtype, rgroup, name, policies, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
				arm, p.tenant, p.sub, r.rtype, r.group, r.name, r.policies, now); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

// Verify holds what is summed and listed against what it is made of. It reads
// all of it: for tests and doubt, not for requests.
func (c *Compliance) Verify(ctx context.Context) error {
	sums := func(of string) string {
		return "SUM(" + strings.ReplaceAll(countColumns, ", ", "), SUM(") + ")" + of
	}
	for _, v := range []struct{ table, held, summed string }{
		{
			"compliance_sum", "SELECT tenant, kind, item, " + countColumns + ", subs FROM compliance_sum WHERE subs <> 0",
			"SELECT tenant, kind, item, " + sums(", COUNT(*)") + " FROM compliance_count GROUP BY tenant, kind, item",
		},
		{
			"compliance_resource", "SELECT tenant, sub, arm, policies FROM compliance_resource",
			"SELECT tenant, sub, arm, COUNT(*) FROM compliance_finding WHERE resolved_at = 0 AND state = 4 GROUP BY tenant, sub, arm",
		},
		{
			"compliance_sub", "SELECT sub, non_compliant FROM compliance_sub WHERE non_compliant > 0",
			"SELECT sub, COUNT(*) FROM compliance_resource GROUP BY sub",
		},
		{
			"compliance_count", "SELECT sub, item, non_compliant FROM compliance_count WHERE kind = 2 AND non_compliant > 0",
			"SELECT sub, policy, COUNT(*) FROM compliance_finding WHERE resolved_at = 0 AND state = 4 GROUP BY sub, policy",
		},
	} {
		if err := c.db.Costs().same(ctx, v.table, "SELECT * FROM ("+v.held+") h", "SELECT * FROM ("+v.summed+") s"); err != nil {
			return err
		}
	}
	return nil
}
