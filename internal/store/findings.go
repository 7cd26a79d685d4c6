package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"fresnel"
)

// Findings keeps what rules found and what people said about it.
type Findings struct{ db *DB }

// Findings gives access to findings and exceptions.
func (db *DB) Findings() *Findings { return &Findings{db} }

const findingColumns = "f.num, t.id, f.rule, f.object, f.since, f.until, f.usd_micros, f.detail, f.first_seen, f.last_seen, f.resolved_at"

func scanFinding(r *sql.Rows, f *fresnel.Finding) error {
	var first, last, resolved int64
	err := r.Scan(&f.ID, &f.Tenant, &f.Rule, &f.Object, &f.Since, &f.Until, &f.USD, &f.Detail, &first, &last, &resolved)
	f.First, f.Last, f.Resolved = instant(first), instant(last), instant(resolved)
	return err
}

// Held lists the findings of a tenant by a rule that begin on a day or later.
func (s *Findings) Held(ctx context.Context, id fresnel.TenantID, rule string, from fresnel.Day) ([]fresnel.Finding, error) {
	rows, err := s.db.query(ctx, "SELECT "+findingColumns+" FROM finding f JOIN tenant t ON t.num = f.tenant WHERE t.id = ? AND f.rule = ? AND f.since >= ?",
		string(id), clean(rule), int64(from))
	if err != nil {
		return nil, s.db.wrap(ctx, "findings held", err)
	}
	out, err := scan(rows, scanFinding)
	return out, s.db.wrap(ctx, "findings held", err)
}

// HeldOf lists the findings of a tenant by several rules that are not resolved.
func (s *Findings) HeldOf(ctx context.Context, id fresnel.TenantID, rules []string) ([]fresnel.Finding, error) {
	rows, err := s.db.query(ctx, "SELECT "+findingColumns+" FROM finding f JOIN tenant t ON t.num = f.tenant WHERE t.id = ? AND f.resolved_at = 0 AND f.rule IN "+s.db.d.list(),
		string(id), jsonList(rules))
	if err != nil {
		return nil, s.db.wrap(ctx, "findings held", err)
	}
	out, err := scan(rows, scanFinding)
	return out, s.db.wrap(ctx, "findings held", err)
}

// HeldIn lists the findings of a tenant by several rules that are not resolved,
// about objects after one, up to another, in the order of bytes.
func (s *Findings) HeldIn(ctx context.Context, id fresnel.TenantID, rules []string, after, upTo string) ([]fresnel.Finding, error) {
	rows, err := s.db.query(ctx, "SELECT "+findingColumns+" FROM finding f JOIN tenant t ON t.num = f.tenant WHERE t.id = ? AND f.resolved_at = 0 AND f.object > ? AND f.object <= ? AND f.rule IN "+s.db.d.list(),
		string(id), clean(after), clean(upTo), jsonList(rules))
	if err != nil {
		return nil, s.db.wrap(ctx, "findings held", err)
	}
	out, err := scan(rows, scanFinding)
	return out, s.db.wrap(ctx, "findings held", err)
}

// KeepAll is Keep for findings of several rules, each under its own.
func (s *Findings) KeepAll(ctx context.Context, id fresnel.TenantID, r fresnel.Reconciled, now time.Time) error {
	return s.Keep(ctx, id, "", r, now)
}

// Keep stores what a search came to, at once. What did not change is not
// written. It fails with Conflict under a lost lease.
func (s *Findings) Keep(ctx context.Context, id fresnel.TenantID, rule string, r fresnel.Reconciled, now time.Time) error {
	var g int64
	err := s.db.tx(ctx, "keep findings", func(tx *sql.Tx) error {
		g = 0
		if err := s.db.guard(ctx, tx); err != nil {
			return err
		}
		tenant, err := s.db.Tenants().lock(ctx, tx, id)
		if err != nil {
			return err
		}
		var changed []string       // objects
		held := map[string]int64{} // how many more of each rule
		for _, f := range r.Put {
			of := clean(cmp.Or(rule, f.Rule))
			n, more, err := s.put(ctx, tx, tenant, of, f, now)
			if err != nil {
				return err
			}
			if n > 0 {
				changed = append(changed, f.Object)
			}
			held[of] += more
		}
		for _, f := range r.Resolved {
			of := clean(cmp.Or(rule, f.Rule))
			n, err := s.exec(ctx, tx, "UPDATE finding SET resolved_at = ?, last_seen = ? WHERE num = ? AND tenant = ? AND rule = ? AND resolved_at = 0", micros(now), micros(now), f.ID, tenant, of)
			if err != nil {
				return err
			}
			if n > 0 {
				changed = append(changed, f.Object)
			}
			held[of] -= n
		}
		if len(changed) == 0 {
			return nil
		}
		if err := s.count(ctx, tx, tenant, held); err != nil {
			return err
		}
		if err := s.db.Inventory().markWasted(ctx, tx, "(SELECT num FROM arm_id WHERE name IN "+s.db.d.list()+")", jsonList(changed)); err != nil {
			return err
		}
		g, err = s.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		s.db.seen(g)
	}
	return err
}

func (s *Findings) exec(ctx context.Context, tx *sql.Tx, q string, args ...any) (int64, error) {
	res, err := s.db.txExec(ctx, tx, q, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// put stores a finding. It tells how many rows that changed, and how many more
// are not resolved.
func (s *Findings) put(ctx context.Context, tx *sql.Tx, tenant int64, rule string, f fresnel.Finding, now time.Time) (changed, more int64, err error) {
	object := clean(f.Object)
	var num, resolved int64
	err = s.db.txQueryRow(ctx, tx, "SELECT num, resolved_at FROM finding WHERE tenant = ? AND rule = ? AND object = ? AND since = ?", tenant, rule, object, int64(f.Since)).Scan(&num, &resolved)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		changed, err = s.exec(ctx, tx, "INSERT INTO finding (tenant, rule, object, since, until, usd_micros, detail, first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			tenant, rule, object, int64(f.Since), int64(f.Until), f.USD, f.Detail, micros(now), micros(now))
		return changed, changed, err
	case err != nil:
		return 0, 0, err
	}
	changed, err = s.exec(ctx, tx, "UPDATE finding SET until = ?, usd_micros = ?, detail = ?, last_seen = ?, resolved_at = 0 WHERE num = ? AND (until <> ? OR usd_micros <> ? OR detail <> ? OR resolved_at <> 0)",
		int64(f.Until), f.USD, f.Detail, micros(now), num, int64(f.Until), f.USD, f.Detail)
	if resolved > 0 {
		more = changed
	}
	return changed, more, err
}

// count keeps how many findings of each rule a tenant has. Its lock lets nobody
// else write them.
func (s *Findings) count(ctx context.Context, tx *sql.Tx, tenant int64, more map[string]int64) error {
	for rule, by := range more {
		if by == 0 {
			continue
		}
		n, err := s.exec(ctx, tx, "UPDATE finding_count SET n = n + ? WHERE tenant = ? AND rule = ?", by, tenant, rule)
		if err == nil && n == 0 {
			_, err = s.exec(ctx, tx, "INSERT INTO finding_count (tenant, rule, n) VALUES (?, ?, ?)", tenant, rule, by)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Verify holds the counts against the findings that they count. It reads all of
// them: for tests and doubt, not for requests.
func (s *Findings) Verify(ctx context.Context) error {
	return s.db.Costs().same(ctx, "finding_count", "SELECT tenant, rule, n FROM finding_count WHERE n <> 0", "SELECT tenant, rule, COUNT(*) AS n FROM finding WHERE resolved_at = 0 GROUP BY tenant, rule")
}

// List gives the findings of a rule that touch a period, the most expensive
// first, at most limit.
func (s *Findings) List(ctx context.Context, sc fresnel.Scope, rule string, p fresnel.Period, limit int) ([]fresnel.Finding, error) {
	args := []any{clean(rule), int64(p.To), int64(p.From)}
	q := "SELECT " + findingColumns + " FROM finding f JOIN tenant t ON t.num = f.tenant WHERE f.rule = ? AND f.since < ? AND f.until >= ? AND " +
		s.db.visible("f.tenant", sc, &args) + " ORDER BY f.usd_micros DESC, f.num"
	rows, err := s.db.query(ctx, s.db.d.page(q), append(args, limit)...)
	if err != nil {
		return nil, s.db.wrap(ctx, "list findings", err)
	}
	out, err := scan(rows, scanFinding)
	return out, s.db.wrap(ctx, "list findings", err)
}

// ListOf gives the findings of several rules that are not resolved, the most
// expensive first, at most limit.
func (s *Findings) ListOf(ctx context.Context, sc fresnel.Scope, rules []string, limit int) ([]fresnel.Finding, error) {
	args := []any{jsonList(rules)}
	q := "SELECT " + findingColumns + " FROM finding f JOIN tenant t ON t.num = f.tenant WHERE f.resolved_at = 0 AND f.rule IN " + s.db.d.list() + " AND " +
		s.db.visible("f.tenant", sc, &args) + " ORDER BY f.usd_micros DESC, f.num"
	rows, err := s.db.query(ctx, s.db.d.page(q), append(args, limit)...)
	if err != nil {
		return nil, s.db.wrap(ctx, "list findings", err)
	}
	out, err := scan(rows, scanFinding)
	return out, s.db.wrap(ctx, "list findings", err)
}

// OfObject gives the findings about an object that are not resolved.
func (s *Findings) OfObject(ctx context.Context, sc fresnel.Scope, object string) ([]fresnel.Finding, error) {
	args := []any{clean(object)}
	rows, err := s.db.query(ctx, "SELECT "+findingColumns+" FROM finding f JOIN tenant t ON t.num = f.tenant WHERE f.resolved_at = 0 AND f.object = ? AND "+s.db.visible("f.tenant", sc, &args), args...)
	if err != nil {
		return nil, s.db.wrap(ctx, "findings of an object", err)
	}
	out, err := scan(rows, scanFinding)
	return out, s.db.wrap(ctx, "findings of an object", err)
}

// OfObjects gives the findings about objects that are not resolved, by object.
func (s *Findings) OfObjects(ctx context.Context, sc fresnel.Scope, objects []string) (map[string][]fresnel.Finding, error) {
	args := []any{jsonList(objects)}
	rows, err := s.db.query(ctx, "SELECT "+findingColumns+" FROM finding f JOIN tenant t ON t.num = f.tenant WHERE f.resolved_at = 0 AND f.object IN "+s.db.d.list()+" AND "+
		s.db.visible("+f.tenant", sc, &args)+" ORDER BY f.num", args...) // + keeps SQLite from walking through all of a tenant
	if err != nil {
		return nil, s.db.wrap(ctx, "findings of objects", err)
	}
	list, err := scan(rows, scanFinding)
	out := map[string][]fresnel.Finding{}
	for _, f := range list {
		out[f.Object] = append(out[f.Object], f)
	}
	return out, s.db.wrap(ctx, "findings of objects", err)
}

// Get gives one finding. It fails with NotFound, also where the scope does not
// see it.
func (s *Findings) Get(ctx context.Context, sc fresnel.Scope, id int64) (fresnel.Finding, error) {
	args := []any{id}
	rows, err := s.db.query(ctx, "SELECT "+findingColumns+" FROM finding f JOIN tenant t ON t.num = f.tenant WHERE f.num = ? AND "+s.db.visible("f.tenant", sc, &args), args...)
	if err != nil {
		return fresnel.Finding{}, s.db.wrap(ctx, "get finding", err)
	}
	out, err := scan(rows, scanFinding)
	if err == nil && len(out) == 0 {
		return fresnel.Finding{}, fresnel.Errorf(fresnel.NotFound, "there is no finding %d", id)
	}
	if err != nil {
		return fresnel.Finding{}, s.db.wrap(ctx, "get finding", err)
	}
	return out[0], nil
}

// Exceptions lists what people said about findings of a rule and was not
// taken back, newest first; of one object where given.
func (s *Findings) Exceptions(ctx context.Context, sc fresnel.Scope, rule, object string) ([]fresnel.Exception, error) {
	where, args := "e.rule = ?", []any{clean(rule)}
	if object != "" {
		where += " AND e.object = ?"
		args = append(args, clean(object))
	}
	return s.exceptions(ctx, sc, where, args)
}

// ExceptionsOf is Exceptions of several rules.
func (s *Findings) ExceptionsOf(ctx context.Context, sc fresnel.Scope, rules []string) ([]fresnel.Exception, error) {
	return s.exceptions(ctx, sc, "e.rule IN "+s.db.d.list(), []any{jsonList(rules)})
}

const exceptionColumns = "e.num, t.id, e.rule, e.object, e.since, e.verdict, e.note, e.author, e.created_at, e.expires_at, e.ended_at"

func scanException(r *sql.Rows, e *fresnel.Exception) error {
	var verdict int
	var created, expires, ended int64
	err := r.Scan(&e.ID, &e.Tenant, &e.Rule, &e.Object, &e.Since, &verdict, &e.Note, &e.Author, &created, &expires, &ended)
	e.Verdict, e.Created, e.Expires, e.Ended = verdicts[verdict], instant(created), instant(expires), instant(ended)
	return err
}

func (s *Findings) exceptions(ctx context.Context, sc fresnel.Scope, where string, args []any) ([]fresnel.Exception, error) {
	rows, err := s.db.query(ctx, "SELECT "+exceptionColumns+" FROM exception e JOIN tenant t ON t.num = e.tenant WHERE e.ended_at = 0 AND "+
		where+" AND "+s.db.visible("e.tenant", sc, &args)+" ORDER BY e.num DESC", args...)
	if err != nil {
		return nil, s.db.wrap(ctx, "list exceptions", err)
	}
	out, err := scan(rows, scanException)
	return out, s.db.wrap(ctx, "list exceptions", err)
}

var verdicts = map[int]fresnel.Verdict{1: fresnel.Acknowledged, 2: fresnel.Expected}

// Except stores a verdict, in place of those given before on the same finding
// or object. The caller has seen to it that the finding is in the viewer's scope.
func (s *Findings) Except(ctx context.Context, e fresnel.Exception, now time.Time) error {
	return s.change(ctx, "except", e.Tenant, func(tx *sql.Tx, tenant int64) error {
		if _, err := s.exec(ctx, tx, "UPDATE exception SET ended_at = ? WHERE tenant = ? AND rule = ? AND object = ? AND since = ? AND ended_at = 0",
			micros(now), tenant, clean(e.Rule), clean(e.Object), int64(e.Since)); err != nil {
			return err
		}
		verdict := 1
		if e.Verdict == fresnel.Expected {
			verdict = 2
		}
		_, err := s.exec(ctx, tx, "INSERT INTO exception (tenant, rule, object, since, verdict, note, author, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			tenant, clean(e.Rule), clean(e.Object), int64(e.Since), verdict, clip(e.Note), clean(e.Author), micros(now), micros(e.Expires))
		return err
	})
}

// Reopen takes back every verdict that covers a finding.
func (s *Findings) Reopen(ctx context.Context, f fresnel.Finding, now time.Time) error {
	return s.change(ctx, "reopen", f.Tenant, func(tx *sql.Tx, tenant int64) error {
		_, err := s.exec(ctx, tx, "UPDATE exception SET ended_at = ? WHERE tenant = ? AND rule = ? AND object = ? AND (since = 0 OR since = ?) AND ended_at = 0",
			micros(now), tenant, clean(f.Rule), clean(f.Object), int64(f.Since))
		return err
	})
}

// change runs f with the number of the tenant, and makes cached answers stale.
func (s *Findings) change(ctx context.Context, what string, id fresnel.TenantID, f func(tx *sql.Tx, tenant int64) error) error {
	var g int64
	err := s.db.tx(ctx, what, func(tx *sql.Tx) error {
		tenant, err := s.db.Tenants().lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, tenant); err != nil {
			return err
		}
		g, err = s.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		s.db.seen(g)
	}
	return err
}
