package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"fresnel"
	"fresnel/internal/compliance"
)

// failingSorts are the orders of the list of failing resources: by a column of
// the resource, or of what it fails of the one policy that is asked for.
var failingSorts = map[compliance.FailingSort]struct {
	col  string
	desc bool
	by   string // the end of the name of the indexes that have this order
}{
	compliance.FailingNewest:   {"f.since", true, "since"},
	compliance.FailingMost:     {"f.policies", true, "most"},
	compliance.FailingSortName: {"f.name", false, "name"},
}

// fewFailing is how many rows are sorted rather than looked for in the list's
// order: of more, a page is full after a few rows for each that is shown.
const fewFailing = 2000

// Failing implements compliance.Reader.
func (c *ComplianceReader) Failing(ctx context.Context, s fresnel.Scope, q compliance.FailingQuery) (compliance.FailingList, error) {
	var out compliance.FailingList
	from, where, args := c.failing(s, q)
	sort, ok := failingSorts[q.Sort]
	if !ok {
		sort = failingSorts[compliance.FailingNewest]
	}
	since := "f.since"
	if q.Policy != 0 {
		since = "p.since"
		if sort.col == "f.since" {
			sort.col = since
		}
	}
	few := false
	if !q.Uncounted {
		total, err := c.countFailing(ctx, from+where, args)
		if err != nil || total == 0 {
			return out, err
		}
		out.Total, out.More = min(total, compliance.CountLimit), total > compliance.CountLimit
		few = total <= fewFailing && len(q.Types)+len(q.Groups) > 0
	}
	if q.Policy == 0 && len(q.Subscriptions) == 0 && !few {
		from = c.failingIn(s, sort.by)
	}
	way, dir := ">", ""
	if sort.desc {
		way, dir = "<", " DESC"
	}
	if q.After != (compliance.FailingPlace{}) {
		key := any(q.After.Key)
		if sort.col == "f.name" {
			key = clean(q.After.Name)
		}
		where += " AND (" + sort.col + " " + way + " ? OR (" + sort.col + " = ? AND f.arm " + way + " ?))"
		args = append(args, key, key, q.After.Arm)
	}
	// The page is found in the order of an index, and only then given its names.
	question := "SELECT x.arm, x.name, x.policies, x.since, a.name, COALESCE(d.doc, ''), y.name, g.name, t.id, t.name, s.id, s.name FROM (" +
		c.db.d.page("SELECT f.arm AS arm, f.name AS name, f.policies AS policies, "+since+" AS since, f.rtype AS rtype, f.rgroup AS rgroup, f.tenant AS tenant, f.sub AS sub FROM "+from+where+" ORDER BY "+sort.col+dir+", f.arm"+dir) +
		") x JOIN arm_id a ON a.num = x.arm LEFT JOIN resource_doc d ON d.arm = x.arm JOIN resource_type y ON y.num = x.rtype JOIN resource_group g ON g.num = x.rgroup " +
		"JOIN tenant t ON t.num = x.tenant JOIN subscription s ON s.num = x.sub ORDER BY " + strings.NewReplacer("f.", "x.", "p.", "x.").Replace(sort.col) + dir + ", x.arm" + dir
	rows, err := c.db.query(ctx, question, append(args, q.Limit+1)...)
	if err != nil {
		return out, c.db.wrap(ctx, "failing resources", err)
	}
	type row struct {
		compliance.Failing
		place compliance.FailingPlace
	}
	list, err := scan(rows, func(r *sql.Rows, v *row) error {
		var at int64
		var doc string
		if err := r.Scan(&v.place.Arm, &v.place.Name, &v.Policies, &at, &v.Resource, &doc, &v.Type, &v.Group, &v.Tenant, &v.TenantName, &v.Subscription, &v.SubscriptionName); err != nil {
			return err
		}
		v.Since, v.Name = instant(at), cmp.Or(nameIn(doc), v.place.Name)
		switch sort.col {
		case "f.policies":
			v.place.Key, v.place.Name = int64(v.Policies), ""
		case "f.name":
		default:
			v.place.Key, v.place.Name = at, ""
		}
		return nil
	})
	if err != nil {
		return out, c.db.wrap(ctx, "failing resources", err)
	}
	for i, v := range list {
		if i == q.Limit {
			out.Next = list[i-1].place
			break
		}
		out.Rows = append(out.Rows, v.Failing)
	}
	return out, nil
}

// failing gives the tables, the condition and the arguments of a question of
// failing resources.
func (c *ComplianceReader) failing(s fresnel.Scope, q compliance.FailingQuery) (from, where string, args []any) {
	from, where = "compliance_resource f", " WHERE 1 = 1"
	switch {
	case len(q.Subscriptions) > 0:
		from += c.db.d.by("ix_compliance_resource_sub")
	case len(q.Groups) > 0:
		from += c.db.d.by("ix_compliance_resource_group")
	case len(q.Types) > 0:
		from += c.db.d.by("ix_compliance_resource_type")
	case q.Text != "":
		from = c.failingIn(s, "name")
	}
	if q.Policy != 0 {
		from = "compliance_finding p JOIN compliance_resource f ON f.arm = p.arm"
		where, args = " WHERE p.policy = ? AND p.resolved_at = 0 AND p.state = 4", []any{q.Policy}
	}
	where += " AND " + c.db.visible("f.tenant", s, &args)
	for _, f := range []struct {
		col, table, key string
		names           []string
	}{{"f.sub", "subscription", "id", q.Subscriptions}, {"f.rtype", "resource_type", "name", q.Types}, {"f.rgroup", "resource_group", "name", q.Groups}} {
		if len(f.names) > 0 {
			low := make([]string, len(f.names))
			for i, n := range f.names {
				low[i] = strings.ToLower(n)
			}
			where += " AND " + f.col + " IN (SELECT num FROM " + f.table + " WHERE " + f.key + " IN " + c.db.d.list() + ")"
			args = append(args, jsonList(low))
		}
	}
	if q.Text != "" {
		where += " AND " + c.db.d.has("f.name")
		args = append(args, clean(strings.ToLower(q.Text)))
	}
	return from, where, args
}

// failingIn is the table in the order of a list. Of one tenant there is an index
// of its own.
func (c *ComplianceReader) failingIn(s fresnel.Scope, by string) string {
	if !s.All() && len(s.IDs()) == 1 {
		by = "tenant_" + by
	}
	return "compliance_resource f" + c.db.d.by("ix_compliance_resource_"+by)
}

func (c *ComplianceReader) countFailing(ctx context.Context, question string, args []any) (int, error) {
	var n int
	err := c.db.queryRow(ctx, "SELECT COUNT(*) FROM ("+c.db.d.page("SELECT f.arm FROM "+question)+") x", append(append([]any{}, args...), compliance.CountLimit+1)...).Scan(&n)
	return n, c.db.wrap(ctx, "count failing resources", err)
}

// FailuresOf implements compliance.Reader.
func (c *ComplianceReader) FailuresOf(ctx context.Context, s fresnel.Scope, resources []string) ([]compliance.Failed, error) {
	if len(resources) == 0 {
		return nil, nil
	}
	args := []any{jsonList(resources)}
	rows, err := c.db.query(ctx, "SELECT t.id, a.name, p.state, p.policy, p.checks, p.first_seen, p.since FROM compliance_finding p"+c.db.d.by("ix_compliance_finding_arm")+" JOIN arm_id a ON a.num = p.arm JOIN tenant t ON t.num = p.tenant "+
		"WHERE p.arm IN (SELECT num FROM arm_id WHERE name IN "+c.db.d.list()+") AND p.resolved_at = 0 AND "+c.db.visible("p.tenant", s, &args)+" ORDER BY p.arm, p.since, p.policy", args...)
	if err != nil {
		return nil, c.db.wrap(ctx, "failures of resources", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *compliance.Failed) error {
		var first, since int64
		var checks string
		if err := r.Scan(&v.Tenant, &v.Resource, &v.State, &v.Policy, &checks, &first, &since); err != nil {
			return err
		}
		v.Checks, v.First, v.Since = checkNums(checks), instant(first), instant(since)
		return nil
	})
	return out, c.db.wrap(ctx, "failures of resources", err)
}

// nameIn is the name that Azure writes, of a resource that the inventory holds.
func nameIn(doc string) string {
	var d struct {
		Name string `json:"name"`
	}
	if doc == "" || json.Unmarshal([]byte(doc), &d) != nil {
		return ""
	}
	return d.Name
}
