package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"fresnel"
	"fresnel/internal/compliance"
)

// ComplianceReader answers questions about compliance. It is a compliance.Reader.
type ComplianceReader struct{ db *DB }

// ComplianceReader gives the reading side of compliance.
func (db *DB) ComplianceReader() *ComplianceReader { return &ComplianceReader{db} }

// Coverage implements compliance.Reader.
func (c *ComplianceReader) Coverage(ctx context.Context, s fresnel.Scope) ([]compliance.TenantRead, error) {
	var args []any
	q := "SELECT t.id, t.name, COALESCE(x.subs, 0) + t.elsewhere, COALESCE(x.done, 0), COALESCE(x.closed, 0), COALESCE(x.failed, 0), COALESCE(x.oldest, 0), COALESCE(r.status, -1), COALESCE(r.reason, ''), COALESCE(r.remedy, '') FROM tenant t " +
		"LEFT JOIN (SELECT s.tenant AS tenant, COUNT(*) AS subs, SUM(CASE WHEN " + judged + " THEN 1 ELSE 0 END) AS done, SUM(CASE WHEN c.policy_state = 3 THEN 1 ELSE 0 END) AS closed, " +
		"SUM(CASE WHEN c.policy_state = 2 THEN 1 ELSE 0 END) AS failed, MIN(CASE WHEN " + judged + " THEN c.policy_at END) AS oldest FROM subscription s LEFT JOIN compliance_sub c ON c.sub = s.num " +
		"WHERE s.state NOT IN ('Deleted', 'Gone') GROUP BY s.tenant) x ON x.tenant = t.num " +
		"LEFT JOIN sync_run r ON r.id = (SELECT MAX(l.id) FROM sync_run l WHERE l.tenant = t.num AND l.job = 'compliance' AND l.status >= 2) " +
		"WHERE " + c.db.visible("t.num", s, &args) + " ORDER BY t.name, t.id"
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "compliance coverage", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *compliance.TenantRead) error {
		var oldest int64
		var status int
		if err := r.Scan(&v.Tenant, &v.Name, &v.Subscriptions, &v.Read, &v.Unregistered, &v.Failed, &oldest, &status, &v.LastReason, &v.LastDo); err != nil {
			return err
		}
		v.Oldest = instant(oldest)
		if status >= 0 {
			v.LastRun = statuses[status]
		}
		return nil
	})
	return out, c.db.wrap(ctx, "compliance coverage", err)
}

// Subscriptions implements compliance.Reader.
func (c *ComplianceReader) Subscriptions(ctx context.Context, s fresnel.Scope, only []string) ([]compliance.SubscriptionHeld, error) {
	var args []any
	q := "SELECT t.id, t.name, s.id, s.name, COALESCE(c.policy_at, 0), COALESCE(c.policy_state, 0), COALESCE(c.compliant, 0), COALESCE(c.non_compliant, 0), COALESCE(c.conflict, 0), COALESCE(c.exempt, 0), COALESCE(c.unknown, 0), " +
		"COALESCE(c.policy_reason, ''), COALESCE(c.policy_remedy, ''), COALESCE(c.score_at, 0), COALESCE(c.score_state, 0), COALESCE(c.points, 0), COALESCE(c.most, 0), COALESCE(c.weight, -1), COALESCE(c.score_reason, ''), COALESCE(c.score_remedy, '') " +
		"FROM subscription s JOIN tenant t ON t.num = s.tenant LEFT JOIN compliance_sub c ON c.sub = s.num WHERE s.state NOT IN ('Deleted', 'Gone') AND " + c.db.visible("s.tenant", s, &args)
	q += c.only("s.id", only, &args) + " ORDER BY t.name, t.id, s.name, s.id"
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "compliance of subscriptions", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *compliance.SubscriptionHeld) error {
		var policyAt, scoreAt, points, most, weight int64
		var policy, score int
		n := &v.Counts
		if err := r.Scan(&v.Tenant, &v.TenantName, &v.Subscription, &v.Name, &policyAt, &policy, &n.Compliant, &n.NonCompliant, &n.Conflict, &n.Exempt, &n.Unknown, &v.Reason, &v.Do,
			&scoreAt, &score, &points, &most, &weight, &v.ScoreReason, &v.ScoreDo); err != nil {
			return err
		}
		v.PolicyAt, v.Policy, v.ScoreAt, v.Security = instant(policyAt), subjectStates[policy], instant(scoreAt), subjectStates[score]
		if v.Security != compliance.SubjectUnregistered {
			v.Score = scoreOf(v.Tenant, v.Subscription, points, most, weight)
		}
		return nil
	})
	return out, c.db.wrap(ctx, "compliance of subscriptions", err)
}

// scoreOf is a score as it is kept; weight -1 = there is none.
func scoreOf(t fresnel.TenantID, sub string, points, most, weight int64) *compliance.SecureScore {
	if weight < 0 {
		return nil
	}
	return &compliance.SecureScore{Tenant: t, Subscription: sub, Current: float64(points) / 1e6, Max: float64(most) / 1e6, Weight: weight}
}

// only is the condition of being one of some ids; "" where there are none.
func (c *ComplianceReader) only(col string, ids []string, args *[]any) string {
	if len(ids) == 0 {
		return ""
	}
	*args = append(*args, jsonList(ids))
	return " AND " + col + " IN " + c.db.d.list()
}

// Sums implements compliance.Reader. There are many: a tenant's id is looked up
// once, and not in every row, and numbers are scanned as what they are, for
// database/sql makes a text of each that it has to convert.
func (c *ComplianceReader) Sums(ctx context.Context, s fresnel.Scope, ask compliance.SumAsk) ([]compliance.Sum, error) {
	ids, err := c.tenantIDs(ctx, s)
	if err != nil {
		return nil, err
	}
	args := []any{int64(ask.Kind)}
	counts, summed := "x.compliant, x.non_compliant, x.conflict, x.exempt, x.unknown", 5
	if ask.Kind == compliance.KindControl { // nothing else has points
		counts, summed = counts+", x.points, x.most", 7
	}
	var q string
	switch {
	case ask.BySub:
		q = "SELECT x.tenant, x.item, 1, " + counts + ", s.id FROM compliance_count x JOIN subscription s ON s.num = x.sub WHERE x.kind = ?"
	case len(ask.Subscriptions) > 0:
		q = "SELECT x.tenant, x.item, COUNT(*), CAST(SUM(" + strings.ReplaceAll(counts, ", ", ") AS BIGINT), CAST(SUM(") + ") AS BIGINT) FROM compliance_count x JOIN subscription s ON s.num = x.sub WHERE x.kind = ?"
	default:
		q = "SELECT x.tenant, x.item, x.subs, " + counts + " FROM compliance_sum x WHERE x.subs > 0 AND x.kind = ?"
	}
	if len(ask.Items) > 0 {
		q += " AND x.item IN " + c.db.d.numbers()
		args = append(args, jsonNumbers(ask.Items))
	}
	q += " AND " + c.db.visible("x.tenant", s, &args)
	if ask.BySub || len(ask.Subscriptions) > 0 {
		q += c.only("s.id", ask.Subscriptions, &args)
	}
	if !ask.BySub && len(ask.Subscriptions) > 0 {
		q += " GROUP BY x.tenant, x.item"
	}
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "compliance sums", err)
	}
	var n [10]int64
	into := []any{&n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9]}[:3+summed]
	var sub string
	if ask.BySub {
		into = append(into, &sub)
	}
	out, err := scan(rows, func(r *sql.Rows, v *compliance.Sum) error {
		if err := r.Scan(into...); err != nil {
			return err
		}
		v.Tenant, v.Subscription, v.Item, v.Counts, v.Points, v.Most, v.Subs = ids[n[0]], sub, n[1], countsOf(n[3:8]), n[8], n[9], int(n[2])
		return nil
	})
	out = slices.DeleteFunc(out, func(v compliance.Sum) bool { return v.Tenant == "" }) // registered since its id was asked for
	return out, c.db.wrap(ctx, "compliance sums", err)
}

// countsOf are counts in the order of the tables' columns.
func countsOf(n []int64) compliance.Counts {
	return compliance.Counts{Compliant: int(n[0]), NonCompliant: int(n[1]), Conflict: int(n[2]), Exempt: int(n[3]), Unknown: int(n[4])}
}

// tenantIDs gives the ids of the tenants of a scope by number.
func (c *ComplianceReader) tenantIDs(ctx context.Context, s fresnel.Scope) (map[int64]fresnel.TenantID, error) {
	var args []any
	rows, err := c.db.query(ctx, "SELECT t.num, t.id FROM tenant t WHERE "+c.db.visible("t.num", s, &args), args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "tenants", err)
	}
	out := map[int64]fresnel.TenantID{}
	_, err = scan(rows, func(r *sql.Rows, v *fresnel.TenantID) error {
		var num int64
		err := r.Scan(&num, v)
		out[num] = *v
		return err
	})
	return out, c.db.wrap(ctx, "tenants", err)
}
