package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/inventory"
)

// createdKind and deletedKind are numbers of the kinds of changes.
var (
	createdKind = int64(slices.Index(changeKinds, inventory.Created))
	deletedKind = int64(slices.Index(changeKinds, inventory.Deleted))
)

// Days implements compliance.Reader.
func (c *ComplianceReader) Days(ctx context.Context, s fresnel.Scope, p fresnel.Period) ([]compliance.DayCount, error) {
	args := []any{int64(p.From), int64(p.To)}
	return c.days(ctx, "SELECT t.id, x.day, x.expected, x.held, x.fresh, x.compliant, x.non_compliant, x.conflict, x.exempt, x.unknown, x.score, x.weight FROM compliance_tenant_day x JOIN tenant t ON t.num = x.tenant "+
		"WHERE x.day >= ? AND x.day < ? AND "+c.db.visible("x.tenant", s, &args)+" ORDER BY t.id, x.day", args)
}

// DaysOf implements compliance.Reader: of each day on which one of them was read,
// the newest snapshot of each of them.
func (c *ComplianceReader) DaysOf(ctx context.Context, s fresnel.Scope, subscriptions []string, p fresnel.Period) ([]compliance.DayCount, error) {
	args := []any{int64(p.From), int64(p.From), int64(p.To)}
	where := "s.state NOT IN ('Deleted', 'Gone') AND " + c.db.visible("s.tenant", s, &args) + c.only("s.id", subscriptions, &args)
	rows, err := c.db.query(ctx, "SELECT t.id, s.num, COALESCE(d.day, 0), COALESCE(d.policy_at, 0), COALESCE(d.compliant, 0), COALESCE(d.non_compliant, 0), COALESCE(d.conflict, 0), COALESCE(d.exempt, 0), COALESCE(d.unknown, 0), "+
		"COALESCE(d.score_at, 0), COALESCE(d.points, 0), COALESCE(d.most, 0), COALESCE(d.weight, -1) FROM subscription s JOIN tenant t ON t.num = s.tenant LEFT JOIN compliance_day d ON d.sub = s.num "+
		"AND d.day >= COALESCE((SELECT MAX(m.day) FROM compliance_day m WHERE m.sub = s.num AND m.day < ?), ?) AND d.day < ? WHERE "+where+" ORDER BY t.id, d.day", args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "compliance by day", err)
	}
	list, err := scan(rows, func(r *sql.Rows, v *subDay) error {
		n := &v.Counts
		return r.Scan(&v.tenant, &v.sub, &v.day, &v.policyAt, &n.Compliant, &n.NonCompliant, &n.Conflict, &n.Exempt, &n.Unknown, &v.scoreAt, &v.points, &v.most, &v.weight)
	})
	return carry(list, p), c.db.wrap(ctx, "compliance by day", err)
}

// subDay is a subscription's snapshot of a day; day 0 = it has none.
type subDay struct {
	compliance.Counts
	tenant                                  fresnel.TenantID
	sub                                     int64
	day                                     fresnel.Day
	policyAt, scoreAt, points, most, weight int64
}

// carry gives, for each tenant and each day of a period on which something was
// read, the sum of the newest snapshots. The list is by tenant, then by day.
func carry(list []subDay, p fresnel.Period) []compliance.DayCount {
	var out []compliance.DayCount
	for len(list) > 0 {
		n := slices.IndexFunc(list, func(v subDay) bool { return v.tenant != list[0].tenant })
		if n < 0 {
			n = len(list)
		}
		out = append(out, carryTenant(list[:n], p)...)
		list = list[n:]
	}
	return out
}

func carryTenant(list []subDay, p fresnel.Period) []compliance.DayCount {
	policy, score, subs := map[int64]subDay{}, map[int64]subDay{}, map[int64]bool{}
	for _, v := range list {
		subs[v.sub] = true
	}
	var out []compliance.DayCount
	for len(list) > 0 {
		d := compliance.DayCount{Tenant: list[0].tenant, Day: list[0].day, Expected: len(subs)}
		for len(list) > 0 && list[0].day == d.Day {
			v := list[0]
			if v.policyAt > 0 {
				policy[v.sub] = v
				d.Fresh++
			}
			if v.scoreAt > 0 {
				score[v.sub] = v
			}
			list = list[1:]
		}
		if !p.Contains(d.Day) {
			continue
		}
		for _, v := range policy {
			d.Counts, d.Read = d.Counts.Plus(v.Counts), d.Read+1
		}
		for _, v := range score {
			if v.weight >= 0 && v.most > 0 {
				w := float64(max(1, v.weight))
				d.Score, d.Weight = d.Score+w*100*float64(v.points)/float64(v.most), d.Weight+w
			}
		}
		out = append(out, d.Known())
	}
	return out
}

func (c *ComplianceReader) days(ctx context.Context, q string, args []any) ([]compliance.DayCount, error) {
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "compliance by day", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *compliance.DayCount) error {
		n := &v.Counts
		var score int64
		if err := r.Scan(&v.Tenant, &v.Day, &v.Expected, &v.Read, &v.Fresh, &n.Compliant, &n.NonCompliant, &n.Conflict, &n.Exempt, &n.Unknown, &score, &v.Weight); err != nil {
			return err
		}
		v.Score = float64(score) / 1e6
		*v = v.Known()
		return nil
	})
	return out, c.db.wrap(ctx, "compliance by day", err)
}

// At implements compliance.Reader.
func (c *ComplianceReader) At(ctx context.Context, s fresnel.Scope, subscriptions []string, d fresnel.Day) ([]compliance.SubscriptionAt, error) {
	args := []any{int64(d)}
	q := "SELECT t.id, s.id, x.day, x.policy_at, x.compliant, x.non_compliant, x.conflict, x.exempt, x.unknown, x.points, x.most, x.weight FROM subscription s JOIN tenant t ON t.num = s.tenant " +
		"JOIN compliance_day x ON x.sub = s.num AND x.day = (SELECT MAX(m.day) FROM compliance_day m WHERE m.sub = s.num AND m.day <= ? AND m.policy_at > 0) " +
		"WHERE s.state NOT IN ('Deleted', 'Gone') AND NOT EXISTS (SELECT 1 FROM compliance_sub n WHERE n.sub = s.num AND n.policy_state = 3) AND " + c.db.visible("s.tenant", s, &args)
	q += c.only("s.id", subscriptions, &args)
	rows, err := c.db.query(ctx, q, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "compliance at a day", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *compliance.SubscriptionAt) error {
		n := &v.Counts
		var read, points, most, weight int64
		if err := r.Scan(&v.Tenant, &v.Subscription, &v.Day, &read, &n.Compliant, &n.NonCompliant, &n.Conflict, &n.Exempt, &n.Unknown, &points, &most, &weight); err != nil {
			return err
		}
		v.Read, v.Score = instant(read), scoreOf(v.Tenant, v.Subscription, points, most, weight)
		return nil
	})
	return out, c.db.wrap(ctx, "compliance at a day", err)
}

// FirstDay implements compliance.Reader.
func (c *ComplianceReader) FirstDay(ctx context.Context, s fresnel.Scope) (fresnel.Day, bool, error) {
	var args []any
	var day int64
	err := c.db.queryRow(ctx, "SELECT COALESCE(MIN(day), -1) FROM compliance_tenant_day WHERE "+c.db.visible("tenant", s, &args), args...).Scan(&day)
	return fresnel.Day(max(day, 0)), day >= 0, c.db.wrap(ctx, "first day of compliance", err)
}

// CountsAt implements compliance.Reader.
func (c *ComplianceReader) CountsAt(ctx context.Context, s fresnel.Scope, kind compliance.Kind, d fresnel.Day) ([]compliance.CountAt, error) {
	args := []any{int64(kind), int64(d)}
	const cols = "SELECT x.tenant, x.sub, x.item, x.compliant, x.non_compliant, x.conflict, x.exempt, x.unknown FROM "
	now := cols + "compliance_count x WHERE x.kind = ? AND x.from_day <= ? AND " + c.db.visible("x.tenant", s, &args)
	args = append(args, int64(kind), int64(d), int64(d))
	past := cols + "compliance_past x WHERE x.kind = ? AND x.to_day > ? AND x.from_day <= ? AND " + c.db.visible("x.tenant", s, &args)
	tenants, subs, err := c.places(ctx, s)
	if err != nil {
		return nil, err
	}
	rows, err := c.db.query(ctx, now+" UNION ALL "+past, args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "counts of a day", err)
	}
	var n [8]int64
	out, err := scan(rows, func(r *sql.Rows, v *compliance.CountAt) error {
		if err := r.Scan(&n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]); err != nil {
			return err
		}
		v.Tenant, v.Subscription, v.Item, v.Day, v.Counts = tenants[n[0]], subs[n[1]], n[2], d, countsOf(n[3:])
		return nil
	})
	out = slices.DeleteFunc(out, func(v compliance.CountAt) bool { return v.Tenant == "" || v.Subscription == "" }) // registered since ids were asked for
	return out, c.db.wrap(ctx, "counts of a day", err)
}

// places gives the ids of the tenants of a scope, and of their subscriptions, by number.
func (c *ComplianceReader) places(ctx context.Context, s fresnel.Scope) (map[int64]fresnel.TenantID, map[int64]string, error) {
	tenants, err := c.tenantIDs(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	var args []any
	rows, err := c.db.query(ctx, "SELECT s.num, s.id FROM subscription s WHERE "+c.db.visible("s.tenant", s, &args), args...)
	if err != nil {
		return nil, nil, c.db.wrap(ctx, "subscriptions", err)
	}
	subs := map[int64]string{}
	_, err = scan(rows, func(r *sql.Rows, v *string) error {
		var num int64
		err := r.Scan(&num, v)
		subs[num] = *v
		return err
	})
	return tenants, subs, c.db.wrap(ctx, "subscriptions", err)
}

// Baselines implements compliance.Reader: tenants with the same name and day together.
func (c *ComplianceReader) Baselines(ctx context.Context, s fresnel.Scope) ([]compliance.Baseline, error) {
	var args []any
	rows, err := c.db.query(ctx, "SELECT b.title, b.day, b.note, b.created_at, t.id FROM compliance_baseline b JOIN tenant t ON t.num = b.tenant WHERE "+c.db.visible("b.tenant", s, &args)+" ORDER BY b.name, b.day, t.id", args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "baselines", err)
	}
	list, err := scan(rows, func(r *sql.Rows, v *compliance.Baseline) error {
		var at int64
		var t fresnel.TenantID
		if err := r.Scan(&v.Name, &v.Day, &v.Note, &at, &t); err != nil {
			return err
		}
		v.Created, v.Tenants = instant(at), []fresnel.TenantID{t}
		return nil
	})
	var out []compliance.Baseline
	for _, b := range list {
		if n := len(out); n > 0 && out[n-1].Day == b.Day && strings.EqualFold(out[n-1].Name, b.Name) {
			out[n-1].Tenants = append(out[n-1].Tenants, b.Tenants...)
			continue
		}
		out = append(out, b)
	}
	return out, c.db.wrap(ctx, "baselines", err)
}
