package store

import (
	"context"
	"database/sql"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// Compliance keeps what policies and Defender for Cloud say. It is a
// compliance.Sink and a compliance.Writer; ComplianceReader reads.
type Compliance struct{ db *DB }

// Compliance gives access to compliance.
func (db *DB) Compliance() *Compliance { return &Compliance{db} }

// The states of a subject of a subscription, by the numbers that they are kept as.
var subjectStates = []compliance.SubjectState{"", compliance.SubjectRead, compliance.SubjectFailed, compliance.SubjectUnregistered}

// PutPolicy implements compliance.Sink.
func (c *Compliance) PutPolicy(ctx context.Context, t fresnel.TenantID, p compliance.PolicySnapshot, at time.Time) (int, error) {
	rows, items, err := c.numberCounts(ctx, t, p.Items)
	if err != nil {
		return 0, err
	}
	fails, err := c.numberFailures(ctx, t, p.Failures)
	if err != nil {
		return 0, err
	}
	return c.put(ctx, "put policies", t, p.Subscription, func(tx *sql.Tx, tenant, sub int64) (int, error) {
		if err := c.known(ctx, tx, tenant, items, at); err != nil {
			return 0, err
		}
		counted, err := c.putCounts(ctx, tx, place2{tenant, sub}, policyKinds, rows, at)
		if err != nil {
			return 0, err
		}
		found, err := c.putFindings(ctx, tx, place2{tenant, sub}, fails, at)
		if err != nil {
			return 0, err
		}
		n := p.Counts
		if _, err := c.db.txExec(ctx, tx, "UPDATE compliance_sub SET policy_at = ?, policy_state = 1, compliant = ?, non_compliant = ?, conflict = ?, exempt = ?, unknown = ?, policy_reason = '', policy_remedy = '' WHERE sub = ?",
			micros(at), n.Compliant, n.NonCompliant, n.Conflict, n.Exempt, n.Unknown, sub); err != nil {
			return 0, err
		}
		_, err = c.db.txExec(ctx, tx, "UPDATE compliance_day SET policy_at = ?, compliant = ?, non_compliant = ?, conflict = ?, exempt = ?, unknown = ? WHERE sub = ? AND day = ?",
			micros(at), n.Compliant, n.NonCompliant, n.Conflict, n.Exempt, n.Unknown, sub, int64(fresnel.DayOf(at)))
		return counted + found, err
	}, at)
}

// PutSecurity implements compliance.Sink.
func (c *Compliance) PutSecurity(ctx context.Context, t fresnel.TenantID, p compliance.SecuritySnapshot, at time.Time) (int, error) {
	list := make([]compliance.Counted, len(p.Controls))
	for i, k := range p.Controls {
		list[i] = compliance.Counted{Key: k.Key, Counts: k.Counts()}
	}
	rows, items, err := c.numberCounts(ctx, t, list)
	if err != nil {
		return 0, err
	}
	for i, k := range p.Controls {
		rows[i].points, rows[i].most = compliance.Points(k.Current), compliance.Points(k.Most)
		it := items[rows[i].item]
		it.name, it.category, it.id, it.reference = k.Name, k.Category, k.Key.Definition, k.Key.Reference
		items[rows[i].item] = it
	}
	return c.put(ctx, "put secure score", t, p.Subscription, func(tx *sql.Tx, tenant, sub int64) (int, error) {
		if err := c.known(ctx, tx, tenant, items, at); err != nil {
			return 0, err
		}
		n, err := c.putCounts(ctx, tx, place2{tenant, sub}, securityKinds, rows, at)
		if err != nil {
			return 0, err
		}
		points, most, weight := int64(0), int64(0), int64(-1)
		if s := p.Score; s != nil {
			points, most, weight = compliance.Points(s.Current), compliance.Points(s.Max), max(0, s.Weight)
		}
		if _, err := c.db.txExec(ctx, tx, "UPDATE compliance_sub SET score_at = ?, score_state = 1, points = ?, most = ?, weight = ?, score_reason = '', score_remedy = '' WHERE sub = ?",
			micros(at), points, most, weight, sub); err != nil {
			return 0, err
		}
		_, err = c.db.txExec(ctx, tx, "UPDATE compliance_day SET score_at = ?, points = ?, most = ?, weight = ? WHERE sub = ? AND day = ?", micros(at), points, most, weight, sub, int64(fresnel.DayOf(at)))
		return n, err
	}, at)
}

// Forget implements compliance.Sink.
func (c *Compliance) Forget(ctx context.Context, t fresnel.TenantID, subscription string, at time.Time) (int, error) {
	var held int
	err := c.db.queryRow(ctx, "SELECT COUNT(*) FROM compliance_sub c JOIN subscription s ON s.num = c.sub WHERE s.id = ?", clean(subscription)).Scan(&held)
	if err != nil || held == 0 {
		return 0, c.db.wrap(ctx, "forget compliance", err)
	}
	return c.put(ctx, "forget compliance", t, subscription, func(tx *sql.Tx, tenant, sub int64) (int, error) {
		p, written := place2{tenant, sub}, 0
		for _, policies := range []bool{true, false} {
			n, err := c.end(ctx, tx, p, policies, at)
			if err != nil {
				return 0, err
			}
			written += n
		}
		_, err := c.db.txExec(ctx, tx, "DELETE FROM compliance_sub WHERE sub = ?", sub)
		return written, err
	}, at)
}

// Kinds of counts, by subject.
var (
	policyKinds   = []compliance.Kind{compliance.KindAssignment, compliance.KindPolicy, compliance.KindCheck}
	securityKinds = []compliance.Kind{compliance.KindControl, compliance.KindStandardControl}
)

// end puts all that a subject says of a subscription into the past.
func (c *Compliance) end(ctx context.Context, tx *sql.Tx, p place2, policies bool, at time.Time) (int, error) {
	if !policies {
		return c.putCounts(ctx, tx, p, securityKinds, nil, at)
	}
	counted, err := c.putCounts(ctx, tx, p, policyKinds, nil, at)
	if err != nil {
		return 0, err
	}
	found, err := c.putFindings(ctx, tx, p, failures{}, at)
	if err != nil {
		return 0, err
	}
	_, err = c.db.txExec(ctx, tx, "UPDATE compliance_sub SET compliant = 0, non_compliant = 0, conflict = 0, exempt = 0, unknown = 0 WHERE sub = ?", p.sub)
	return counted + found, err
}

// place2 is a subscription in its tenant.
type place2 struct{ tenant, sub int64 }

// put runs f in one transaction under the tenant's lock, where the rows of the
// subscription and of its day are there.
func (c *Compliance) put(ctx context.Context, what string, t fresnel.TenantID, subscription string, f func(tx *sql.Tx, tenant, sub int64) (int, error), at time.Time) (int, error) {
	var written int
	var g int64
	err := c.db.tx(ctx, what, func(tx *sql.Tx) error {
		written, g = 0, 0
		tenant, sub, err := c.db.owner(ctx, tx, t, subscription)
		if err != nil {
			return err
		}
		if err := c.room(ctx, tx, tenant, sub); err != nil {
			return err
		}
		if _, err := c.db.txExec(ctx, tx, c.db.d.insertAbsent("compliance_day", []string{
			"sub", "day", "tenant", "policy_at", "compliant", "non_compliant", "conflict", "exempt", "unknown", "score_at", "points", "most", "weight",
		}), sub, int64(fresnel.DayOf(at)), tenant, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1); err != nil {
			return err
		}
		if written, err = f(tx, tenant, sub); err != nil {
			return err
		}
		g, err = c.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		c.db.seen(g)
	}
	return written, err
}

// room makes the row of a subscription's newest snapshot.
func (c *Compliance) room(ctx context.Context, tx *sql.Tx, tenant, sub int64) error {
	_, err := c.db.txExec(ctx, tx, c.db.d.insertAbsent("compliance_sub", []string{
		"sub", "tenant", "policy_at", "policy_state", "compliant", "non_compliant", "conflict", "exempt", "unknown", "policy_reason", "policy_remedy",
		"score_at", "score_state", "points", "most", "weight", "score_reason", "score_remedy",
	}), sub, tenant, 0, 0, 0, 0, 0, 0, 0, "", "", 0, 0, 0, 0, -1, "", "")
	return err
}

// Missed implements compliance.Sink.
func (c *Compliance) Missed(ctx context.Context, t fresnel.TenantID, subscription string, policies bool, state compliance.SubjectState, reason, do string, at time.Time) error {
	subject := "score"
	if policies {
		subject = "policy"
	}
	n := 2
	if state == compliance.SubjectUnregistered {
		n = 3
	}
	var g int64
	err := c.db.tx(ctx, "note what was missed", func(tx *sql.Tx) error {
		tenant, sub, err := c.db.owner(ctx, tx, t, subscription)
		if err != nil {
			return err
		}
		if err := c.room(ctx, tx, tenant, sub); err != nil {
			return err
		}
		if state == compliance.SubjectUnregistered { // what was judged once is not judged any more
			if _, err := c.end(ctx, tx, place2{tenant, sub}, policies, at); err != nil {
				return err
			}
		}
		if _, err := c.db.txExec(ctx, tx, "UPDATE compliance_sub SET "+subject+"_state = ?, "+subject+"_reason = ?, "+subject+"_remedy = ? WHERE sub = ?", n, clip(reason), clip(do), sub); err != nil {
			return err
		}
		g, err = c.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		c.db.seen(g)
	}
	return err
}

// Close implements compliance.Sink: a day on which nothing was read has no row.
func (c *Compliance) Close(ctx context.Context, t fresnel.TenantID, at time.Time) error {
	day := fresnel.DayOf(at)
	var g int64
	err := c.db.tx(ctx, "close compliance", func(tx *sql.Tx) error {
		if err := c.db.guard(ctx, tx); err != nil {
			return err
		}
		tenant, err := c.db.Tenants().lock(ctx, tx, t)
		if err != nil {
			return err
		}
		if err := c.unused(ctx, tx, tenant, at); err != nil {
			return err
		}
		if _, err := c.db.txExec(ctx, tx, "DELETE FROM compliance_tenant_day WHERE tenant = ? AND day = ?", tenant, int64(day)); err != nil {
			return err
		}
		// The weighted percent of a subscription is exact in millionths up to a weight of about 10^10.
		if _, err := c.db.txExec(ctx, tx, "INSERT INTO compliance_tenant_day (tenant, day, expected, held, fresh, compliant, non_compliant, conflict, exempt, unknown, score, weight, scores) "+
			"SELECT x.* FROM (SELECT CAST(? AS BIGINT) AS tenant, CAST(? AS BIGINT) AS day, COUNT(*) + (SELECT t.elsewhere FROM tenant t WHERE t.num = CAST(? AS BIGINT)) AS expected, COALESCE(SUM(CASE WHEN "+judged+" THEN 1 ELSE 0 END), 0) AS held, "+
			"COALESCE(SUM(CASE WHEN "+judged+" AND c.policy_at >= ? THEN 1 ELSE 0 END), 0) AS fresh, "+
			judgedSum("compliant")+", "+judgedSum("non_compliant")+", "+judgedSum("conflict")+", "+judgedSum("exempt")+", "+judgedSum("unknown")+", "+
			"COALESCE(SUM(CASE WHEN "+scored+" THEN (CASE WHEN c.weight > 1 THEN c.weight ELSE 1 END) * 100 * ((1000000 * c.points + c.most / 2) / c.most) ELSE 0 END), 0) AS score, "+
			"COALESCE(SUM(CASE WHEN "+scored+" THEN (CASE WHEN c.weight > 1 THEN c.weight ELSE 1 END) ELSE 0 END), 0) AS weight, "+
			"COALESCE(SUM(CASE WHEN "+scored+" AND c.score_at >= ? THEN 1 ELSE 0 END), 0) AS scores "+
			"FROM subscription s LEFT JOIN compliance_sub c ON c.sub = s.num WHERE s.tenant = ? AND s.state NOT IN ('Deleted', 'Gone')) x WHERE x.fresh > 0 OR x.scores > 0",
			tenant, int64(day), tenant, micros(day.Time()), micros(day.Time()), tenant); err != nil {
			return err
		}
		g, err = c.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		c.db.seen(g)
	}
	return err
}

// scored is whether a subscription has a score that counts.
const scored = "c.weight >= 0 AND c.most > 0 AND c.score_state <> 3"

// judged is whether a subscription has a snapshot that counts.
const judged = "c.policy_at > 0 AND c.policy_state <> 3"

func judgedSum(col string) string {
	return "COALESCE(SUM(CASE WHEN " + judged + " THEN c." + col + " ELSE 0 END), 0) AS " + col
}

// Prune forgets what is older than is kept.
func (c *Compliance) Prune(ctx context.Context, before time.Time) error {
	day := int64(fresnel.DayOf(before))
	for _, q := range []struct {
		text string
		arg  int64
	}{
		{"DELETE FROM compliance_past WHERE to_day < ?", day},
		{"DELETE FROM compliance_day WHERE day < ?", day},
		{"DELETE FROM compliance_tenant_day WHERE tenant IN (SELECT num FROM tenant) AND day < ?", day},
		{"DELETE FROM compliance_item WHERE tenant IN (SELECT num FROM tenant) AND gone_at > 0 AND gone_at < ?", micros(before)},
		{"DELETE FROM compliance_finding WHERE tenant IN (SELECT num FROM tenant) AND resolved_at > 0 AND resolved_at < ?", micros(before)},
	} {
		if _, err := c.db.exec(ctx, "prune compliance", q.text, q.arg); err != nil {
			return err
		}
	}
	return nil
}
