package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// IdentityReader answers questions about identity. It is an identity.Reader.
type IdentityReader struct{ db *DB }

// IdentityReader gives access to what is held of identity.
func (db *DB) IdentityReader() *IdentityReader { return &IdentityReader{db} }

// Coverage implements identity.Reader.
func (i *IdentityReader) Coverage(ctx context.Context, s fresnel.Scope) ([]identity.TenantRead, error) {
	var args []any
	rows, err := i.db.query(ctx, "SELECT t.id, t.name, COALESCE(i.judged_at, 0), COALESCE(i.policies, ''), COALESCE(i.licences, ''), COALESCE(r.status, -1), COALESCE(r.reason, ''), COALESCE(r.remedy, '') FROM tenant t "+
		"LEFT JOIN identity_tenant i ON i.tenant = t.num "+
		"LEFT JOIN sync_run r ON r.id = (SELECT MAX(l.id) FROM sync_run l WHERE l.tenant = t.num AND l.job = 'identity' AND l.status >= 2) "+
		"WHERE "+i.db.visible("t.num", s, &args)+" ORDER BY t.name, t.id", args...)
	if err != nil {
		return nil, i.db.wrap(ctx, "identity coverage", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *identity.TenantRead) error {
		var judged int64
		var policies, licences string
		var status int
		if err := r.Scan(&v.Tenant, &v.Name, &judged, &policies, &licences, &status, &v.LastReason, &v.LastDo); err != nil {
			return err
		}
		v.Judged, v.Facts = instant(judged), map[identity.Fact]identity.FactState{}
		v.Policies, v.Licences = document[identity.AccessPolicies](policies), document[identity.Licences](licences)
		if status >= 0 {
			v.LastRun = statuses[status]
		}
		return nil
	})
	if err != nil {
		return nil, i.db.wrap(ctx, "identity coverage", err)
	}
	args = nil
	rows, err = i.db.query(ctx, "SELECT t.id, f.fact, f.read_at, f.failed_at, f.reason, f.remedy FROM identity_fact f JOIN tenant t ON t.num = f.tenant WHERE "+i.db.visible("f.tenant", s, &args), args...)
	if err != nil {
		return nil, i.db.wrap(ctx, "identity coverage", err)
	}
	by := make(map[fresnel.TenantID]map[identity.Fact]identity.FactState, len(out))
	for _, t := range out {
		by[t.Tenant] = t.Facts
	}
	_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
		var t fresnel.TenantID
		var f identity.Fact
		var read, failed int64
		var state identity.FactState
		err := r.Scan(&t, &f, &read, &failed, &state.Reason, &state.Do)
		state.Read, state.Failed = instant(read), instant(failed)
		if facts := by[t]; facts != nil { // a tenant that was registered between two questions
			facts[f] = state
		}
		return err
	})
	return out, i.db.wrap(ctx, "identity coverage", err)
}

// document is what a column of JSON holds; nil = nothing is known.
func document[T any](text string) *T {
	v := new(T)
	if text == "" || json.Unmarshal([]byte(text), v) != nil {
		return nil
	}
	return v
}

// among gives the condition that a tenant is in scope and one of some.
func (i *IdentityReader) among(col string, s fresnel.Scope, only []fresnel.TenantID, args *[]any) string {
	return i.db.visible(col, s, args) + " AND " + col + " " + among(i.db, "SELECT num FROM tenant WHERE id", only, args)
}

// Others implements identity.Reader.
func (i *IdentityReader) Others(ctx context.Context, s fresnel.Scope, after identity.Principal, limit int) ([]identity.OtherRow, error) {
	var args []any
	where := i.db.visible("o.tenant", s, &args)
	if after != (identity.Principal{}) {
		where += " AND (t.id > ? OR (t.id = ? AND o.id > ?))"
		args = append(args, clean(string(after.Tenant)), clean(string(after.Tenant)), clean(after.ID))
	}
	rows, err := i.db.query(ctx, i.db.d.page("SELECT t.id, t.name, o.id, o.kind FROM identity_other o JOIN tenant t ON t.num = o.tenant WHERE "+where+" ORDER BY t.id, o.id"), append(args, limit)...)
	if err != nil {
		return nil, i.db.wrap(ctx, "principals with power", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *identity.OtherRow) error {
		return r.Scan(&v.Tenant, &v.TenantName, &v.ID, &v.Kind)
	})
	if err != nil {
		return nil, i.db.wrap(ctx, "principals with power", err)
	}
	return out, i.proofs(ctx, s, out)
}

// proofs fills what applications are called, and whether a password proves them:
// their own, or that of the application which they stand for.
func (i *IdentityReader) proofs(ctx context.Context, s fresnel.Scope, list []identity.OtherRow) error {
	at := map[identity.Principal]int{}
	var ids []string
	for n, o := range list {
		at[o.Principal] = n
		ids = append(ids, o.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	args := []any{jsonList(ids)}
	rows, err := i.db.query(ctx, "SELECT t.id, p.id, p.name, CASE WHEN EXISTS (SELECT 1 FROM identity_credential c WHERE c.tenant = p.tenant AND c.app = p.id AND c.certificate = 0 AND c.end_at > i.judged_at) "+
		"OR EXISTS (SELECT 1 FROM identity_app b"+i.db.d.by("ix_identity_app_app")+" CROSS JOIN identity_credential c WHERE b.tenant = p.tenant AND b.app_id = p.app_id AND c.tenant = b.tenant AND c.app = b.id AND c.certificate = 0 AND c.end_at > i.judged_at) THEN 1 ELSE 0 END "+
		"FROM identity_app p JOIN tenant t ON t.num = p.tenant JOIN identity_tenant i ON i.tenant = p.tenant WHERE p.id IN "+i.db.d.list()+" AND "+i.db.visible("p.tenant", s, &args), args...)
	if err != nil {
		return i.db.wrap(ctx, "credentials of principals", err)
	}
	_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
		var p identity.Principal
		var name string
		var secret int64
		if err := r.Scan(&p.Tenant, &p.ID, &name, &secret); err != nil {
			return err
		}
		if n, ok := at[p]; ok {
			list[n].Name, list[n].Secret = name, secret == 1
		}
		return nil
	})
	return i.db.wrap(ctx, "credentials of principals", err)
}

// Credentials implements identity.Reader.
func (i *IdentityReader) Credentials(ctx context.Context, s fresnel.Scope, q identity.CredentialQuery) ([]identity.CredentialRow, error) {
	if len(q.Tenants) == 0 {
		return nil, nil
	}
	now, soon := micros(q.Now), micros(q.Now.AddDate(0, 0, q.Limits.Expiring))
	var args []any
	where := i.among("c.tenant", s, q.Tenants, &args)
	add := func(condition string, more ...any) {
		where += " AND " + condition
		args = append(args, more...)
	}
	switch q.State {
	case identity.CredentialExpired:
		add("c.end_at <= ?", now)
	case identity.CredentialExpiring:
		add("c.end_at > ? AND c.end_at <= ?", now, soon)
	case identity.CredentialValid:
		add("c.end_at > ? AND c.end_at < ?", soon, endless)
	case identity.CredentialEndless:
		add("c.end_at = ?", endless)
	}
	if q.Long {
		add("c.end_at > ? AND c.end_at < ? AND c.end_at - c.start_at > ?", now, endless, int64(q.Limits.Long)*24*time.Hour.Microseconds())
	}
	if q.After != (identity.CredentialPlace{}) {
		const num = "(SELECT num FROM tenant WHERE id = ?)"
		add("c.end_at >= ? AND (c.end_at > ? OR (c.end_at = ? AND (c.tenant > "+num+" OR (c.tenant = "+num+" AND (c.app > ? OR (c.app = ? AND c.id > ?))))))", q.After.End, q.After.End, q.After.End,
			clean(string(q.After.Tenant)), clean(string(q.After.Tenant)), clean(q.After.App), clean(q.After.App), clean(q.After.ID))
	}
	by := ""
	if len(q.Tenants) > 1 { // those of one are few: they are sorted
		by = i.db.d.by("ix_identity_credential_end")
	}
	args = append([]any{soon}, append(args, q.Limit)...)
	rows, err := i.db.query(ctx, i.db.d.page("SELECT t.id, t.name, c.app, c.id, c.certificate, c.start_at, c.end_at, a.app_id, a.name, a.service, a.owners, "+
		"CASE WHEN EXISTS (SELECT 1 FROM identity_credential o WHERE o.tenant = c.tenant AND o.app = c.app AND o.id <> c.id AND o.end_at > ?) THEN 1 ELSE 0 END "+
		"FROM identity_credential c"+by+" JOIN identity_app a ON a.tenant = c.tenant AND a.id = c.app JOIN tenant t ON t.num = c.tenant WHERE "+where+" ORDER BY c.end_at, c.tenant, c.app, c.id"), args...)
	if err != nil {
		return nil, i.db.wrap(ctx, "credentials", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *identity.CredentialRow) error {
		var certificate, start, end, service, covered int64
		var owners string
		if err := r.Scan(&v.Tenant, &v.TenantName, &v.App, &v.ID, &certificate, &start, &end, &v.AppID, &v.AppName, &service, &owners, &covered); err != nil {
			return err
		}
		v.Certificate, v.Service, v.Covered, v.Owners, v.Start = certificate == 1, service == 1, covered == 1, len(ownersIn(owners)), instant(start)
		if end != endless {
			v.End = instant(end)
		}
		v.Place = identity.CredentialPlace{End: end, Tenant: v.Tenant, App: v.App, ID: v.ID}
		return nil
	})
	return out, i.db.wrap(ctx, "credentials", err)
}

// CredentialCounts implements identity.Reader. An index has the credentials of a
// tenant by their end: each is looked at once, in the range of its state.
func (i *IdentityReader) CredentialCounts(ctx context.Context, s fresnel.Scope, now time.Time, l identity.Limits) ([]identity.CredentialCount, error) {
	at, soon, most := micros(now), micros(now.AddDate(0, 0, l.Expiring)), int64(l.Long)*24*time.Hour.Microseconds()
	const long = "SUM(CASE WHEN c.end_at - c.start_at > ? THEN 1 ELSE 0 END)"
	var text []string
	var args []any
	for _, of := range []struct {
		state, long, ends string
		args              []any
	}{
		{"1", "0", "c.end_at <= ?", []any{at}},
		{"2", long, "c.end_at > ? AND c.end_at <= ?", []any{most, at, soon}},
		{"3", long, "c.end_at > ? AND c.end_at < ?", []any{most, soon, endless}},
		{"4", "0", "c.end_at = ?", []any{endless}},
	} {
		args = append(args, of.args...)
		text = append(text, "SELECT c.tenant AS tenant, "+of.state+" AS state, COUNT(*) AS n, "+of.long+" AS long FROM identity_credential c"+i.db.d.by("ix_identity_credential_tenant")+
			" WHERE "+of.ends+" AND "+i.db.visible("c.tenant", s, &args)+" GROUP BY c.tenant")
	}
	rows, err := i.db.query(ctx, "SELECT t.id, x.state, x.n, x.long FROM ("+strings.Join(text, " UNION ALL ")+") x JOIN tenant t ON t.num = x.tenant ORDER BY x.tenant", args...)
	if err != nil {
		return nil, i.db.wrap(ctx, "credentials by state", err)
	}
	var out []identity.CredentialCount
	_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
		var t fresnel.TenantID
		var state, n, long int
		if err := r.Scan(&t, &state, &n, &long); err != nil {
			return err
		}
		if len(out) == 0 || out[len(out)-1].Tenant != t {
			out = append(out, identity.CredentialCount{Tenant: t})
		}
		c := &out[len(out)-1]
		c.Long += long
		*[]*int{&c.Expired, &c.Expiring, &c.Valid, &c.Endless}[state-1] = n
		return nil
	})
	return out, i.db.wrap(ctx, "credentials by state", err)
}

// Roles implements identity.Reader.
func (i *IdentityReader) Roles(ctx context.Context, s fresnel.Scope) ([]identity.RoleCount, error) {
	var args []any
	rows, err := i.db.query(ctx, "SELECT t.id, t.name, r.azure, r.role, r.name, r.built_in, r.tier, r.active, r.standing, r.eligible, r.apps, r.orphans FROM identity_role_count r JOIN tenant t ON t.num = r.tenant WHERE "+
		i.db.visible("r.tenant", s, &args), args...)
	if err != nil {
		return nil, i.db.wrap(ctx, "roles", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *identity.RoleCount) error {
		var azure, builtIn int64
		err := r.Scan(&v.Tenant, &v.TenantName, &azure, &v.Role, &v.Name, &builtIn, &v.Tier, &v.Active, &v.Standing, &v.Eligible, &v.Apps, &v.Orphans)
		v.Azure, v.BuiltIn = azure == 1, builtIn == 1
		return err
	})
	return out, i.db.wrap(ctx, "roles", err)
}

// Days implements identity.Reader.
func (i *IdentityReader) Days(ctx context.Context, s fresnel.Scope, names []identity.List, p fresnel.Period) ([]identity.DayCount, error) {
	args := []any{jsonList(names), int64(p.From), int64(p.To)}
	rows, err := i.db.query(ctx, "SELECT t.id, d.day, d.list, d.n FROM identity_day d JOIN tenant t ON t.num = d.tenant WHERE d.list IN "+i.db.d.list()+" AND d.day >= ? AND d.day < ? AND "+
		i.db.visible("d.tenant", s, &args)+" ORDER BY d.day", args...)
	if err != nil {
		return nil, i.db.wrap(ctx, "days of identity", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *identity.DayCount) error {
		return r.Scan(&v.Tenant, &v.Day, &v.List, &v.N)
	})
	return out, i.db.wrap(ctx, "days of identity", err)
}

// DaySums implements identity.Reader.
func (i *IdentityReader) DaySums(ctx context.Context, s fresnel.Scope, names []identity.List, p fresnel.Period) ([]identity.DaySum, error) {
	args := []any{jsonList(names), int64(p.From), int64(p.To)}
	rows, err := i.db.query(ctx, "SELECT d.day, d.list, CAST(SUM(d.n) AS BIGINT), COUNT(*) FROM identity_day d"+i.db.d.by("ix_identity_day_list")+" WHERE d.list IN "+i.db.d.list()+" AND d.day >= ? AND d.day < ? AND "+
		i.db.visible("d.tenant", s, &args)+" GROUP BY d.list, d.day", args...)
	if err != nil {
		return nil, i.db.wrap(ctx, "days of identity", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *identity.DaySum) error {
		return r.Scan(&v.Day, &v.List, &v.N, &v.Tenants)
	})
	return out, i.db.wrap(ctx, "days of identity", err)
}
