package store

import (
	"context"
	"database/sql"
	"time"

	"fresnel"
	"fresnel/internal/findings"
)

// Page implements findings.Reader.
func (s *Findings) Page(ctx context.Context, sc fresnel.Scope, f findings.Filter, after *findings.Place, limit int) ([]fresnel.Finding, error) {
	where, args := s.among("f", sc, f)
	from := "finding f JOIN tenant t ON t.num = f.tenant WHERE "
	if len(f.Rules) == 1 && f.Object == "" && f.Resolved != nil && !*f.Resolved && len(sc.IDs()) != 1 { // in order; those of one tenant are sorted
		from = "finding f" + s.db.d.by("ix_finding_worth") + " CROSS JOIN tenant t WHERE t.num = f.tenant AND "
	}
	if f.Resolved != nil {
		if *f.Resolved {
			where += " AND f.resolved_at > 0"
		} else {
			where += " AND f.resolved_at = 0"
		}
	}
	if after != nil {
		where += " AND f.usd_micros <= ? AND (f.usd_micros < ? OR (f.usd_micros = ? AND f.num > ?))" // an index can begin there
		args = append(args, after.USD, after.USD, after.USD, after.ID)
	}
	rows, err := s.db.query(ctx, s.db.d.page("SELECT "+findingColumns+" FROM "+from+where+" ORDER BY f.usd_micros DESC, f.num"), append(args, limit)...)
	if err != nil {
		return nil, s.db.wrap(ctx, "page of findings", err)
	}
	out, err := scan(rows, scanFinding)
	return out, s.db.wrap(ctx, "page of findings", err)
}

// OpenByRule implements findings.Reader.
func (s *Findings) OpenByRule(ctx context.Context, sc fresnel.Scope, rules []string) (map[string]int, error) {
	args := []any{jsonList(rules)}
	rows, err := s.db.query(ctx, "SELECT c.rule, CAST(SUM(c.n) AS BIGINT) FROM finding_count c WHERE c.n > 0 AND c.rule IN "+s.db.d.list()+" AND "+
		s.db.visible("c.tenant", sc, &args)+" GROUP BY c.rule", args...)
	if err != nil {
		return nil, s.db.wrap(ctx, "count findings", err)
	}
	type count struct {
		rule string
		n    int
	}
	list, err := scan(rows, func(r *sql.Rows, c *count) error { return r.Scan(&c.rule, &c.n) })
	out := map[string]int{}
	for _, c := range list {
		out[c.rule] = c.n
	}
	return out, s.db.wrap(ctx, "count findings", err)
}

// among is the condition of a filter; alias names the table.
func (s *Findings) among(alias string, sc fresnel.Scope, f findings.Filter) (where string, args []any) {
	where, args = alias+".rule IN "+s.db.d.list(), []any{jsonList(f.Rules)}
	if len(f.Rules) == 1 { // told so, the engine goes to them by index
		where, args = alias+".rule = ?", []any{clean(f.Rules[0])}
	}
	if f.Object != "" {
		where += " AND " + alias + ".object = ?"
		args = append(args, clean(f.Object))
	}
	where += " AND " + s.db.visible(alias+".tenant", sc, &args)
	return where, args
}

// Said implements findings.Reader.
func (s *Findings) Said(ctx context.Context, sc fresnel.Scope, f findings.Filter, below int64, limit int) ([]fresnel.Exception, error) {
	where, args := s.among("e", sc, f)
	if below > 0 {
		where += " AND e.num < ?"
		args = append(args, below)
	}
	rows, err := s.db.query(ctx, s.db.d.page("SELECT "+exceptionColumns+" FROM exception e JOIN tenant t ON t.num = e.tenant WHERE "+where+" ORDER BY e.num DESC"), append(args, limit)...)
	if err != nil {
		return nil, s.db.wrap(ctx, "history of exceptions", err)
	}
	out, err := scan(rows, scanException)
	return out, s.db.wrap(ctx, "history of exceptions", err)
}

// End implements findings.Writer.
func (s *Findings) End(ctx context.Context, sc fresnel.Scope, id int64, now time.Time) error {
	var g int64
	err := s.db.tx(ctx, "end exception", func(tx *sql.Tx) error {
		args := []any{micros(now), id}
		n, err := s.exec(ctx, tx, "UPDATE exception SET ended_at = ? WHERE num = ? AND ended_at = 0 AND "+s.db.visible("tenant", sc, &args), args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return fresnel.Errorf(fresnel.NotFound, "there is no exception %d that holds", id)
		}
		g, err = s.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		s.db.seen(g)
	}
	return err
}
