package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/syncer"
)

// Runs keeps sync runs and their leases. All lease times are by the
// database's clock, so that processes with different clocks agree.
type Runs struct{ db *DB }

// Runs gives access to sync runs.
func (db *DB) Runs() *Runs { return &Runs{db} }

// statuses by their number in sync_run.
var statuses = [...]fresnel.RunStatus{fresnel.Queued, fresnel.Running, fresnel.Completed, fresnel.Partial, fresnel.Failed}

func statusNum(s fresnel.RunStatus) int {
	for i, v := range statuses {
		if v == s {
			return i
		}
	}
	return 4
}

// guard refuses the writes of a run that has lost its lease. Without a lease
// in ctx there is nothing to guard.
func (db *DB) guard(ctx context.Context, tx *sql.Tx) error {
	l, ok := fresnel.LeaseFrom(ctx)
	if !ok {
		return nil
	}
	res, err := db.txExec(ctx, tx, "UPDATE sync_run SET heartbeat = "+db.d.now()+" WHERE id = ? AND fence = ? AND status = 1", l.Run, l.Fence)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return fresnel.ErrLeaseLost
	}
	return err
}

// Enqueue queues a run of a job for a tenant, to start at once, and gives its
// id. It fails with Conflict where one is queued or running already, and with
// NotFound on a tenant that is unknown or inactive.
func (r *Runs) Enqueue(ctx context.Context, job string, tenant fresnel.TenantID, now time.Time) (int64, error) {
	var id int64
	var g int64
	err := r.db.tx(ctx, "queue "+job, func(tx *sql.Tx) error {
		res, err := r.db.txExec(ctx, tx, "INSERT INTO sync_run (job, tenant, queued_at, not_before) SELECT ?, t.num, ?, "+r.db.d.now()+" FROM tenant t WHERE t.id = ? AND t.active = 1 "+
			"AND NOT EXISTS (SELECT 1 FROM sync_run r WHERE r.job = ? AND r.tenant = t.num AND r.status < 2)",
			clean(job), micros(now), clean(string(tenant)), clean(job))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return r.notQueued(ctx, tx, job, tenant)
		}
		err = r.db.txQueryRow(ctx, tx, "SELECT MAX(r.id) FROM sync_run r JOIN tenant t ON t.num = r.tenant WHERE r.job = ? AND t.id = ?", clean(job), clean(string(tenant))).Scan(&id)
		if err != nil {
			return err
		}
		g, err = r.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		r.db.seen(g)
	}
	return id, err
}

// notQueued says why nothing was queued.
func (r *Runs) notQueued(ctx context.Context, tx *sql.Tx, job string, tenant fresnel.TenantID) error {
	var n int
	err := r.db.txQueryRow(ctx, tx, "SELECT COUNT(*) FROM tenant WHERE id = ? AND active = 1", clean(string(tenant))).Scan(&n)
	switch {
	case err != nil:
		return err
	case n == 0:
		return fresnel.Errorf(fresnel.NotFound, "there is no tenant %.60s", tenant)
	}
	return fresnel.Errorf(fresnel.Conflict, "a %s run of tenant %s is under way", job, tenant)
}

// Due lists the active tenants that have no open run of a job, with their last
// one.
func (r *Runs) Due(ctx context.Context, job string) ([]syncer.Due, error) {
	rows, err := r.db.query(ctx, "SELECT t.id, COALESCE(l.queued_at, 0), COALESCE(l.status, 2) FROM tenant t "+
		"LEFT JOIN sync_run l ON l.id = (SELECT MAX(r.id) FROM sync_run r WHERE r.tenant = t.num AND r.job = ?) "+
		"WHERE t.active = 1 AND COALESCE(l.status, 2) >= 2", job)
	if err != nil {
		return nil, r.db.wrap(ctx, "due tenants", err)
	}
	out, err := scan(rows, func(rows *sql.Rows, v *syncer.Due) error {
		var at int64
		var status int
		err := rows.Scan(&v.Tenant, &at, &status)
		v.Last, v.Failed = instant(at), status == statusNum(fresnel.Failed)
		return err
	})
	return out, r.db.wrap(ctx, "due tenants", err)
}

// ready is the condition that a run may be claimed: queued, or running under a
// lease that has ended.
func (r *Runs) ready() string {
	n := r.db.d.now()
	return "((status = 0 AND not_before <= " + n + ") OR (status = 1 AND lease_until < " + n + "))"
}

// Ready lists runs of active tenants that may be claimed, oldest first. A run
// whose tenant became inactive waits until it is active again.
func (r *Runs) Ready(ctx context.Context, limit int) ([]syncer.Candidate, error) {
	rows, err := r.db.query(ctx, r.db.d.page("SELECT id, fence FROM sync_run WHERE status < 2 AND "+r.ready()+" AND tenant IN (SELECT num FROM tenant WHERE active = 1) ORDER BY not_before, id"), limit)
	if err != nil {
		return nil, r.db.wrap(ctx, "ready runs", err)
	}
	out, err := scan(rows, func(rows *sql.Rows, v *syncer.Candidate) error { return rows.Scan(&v.ID, &v.Fence) })
	return out, r.db.wrap(ctx, "ready runs", err)
}

// Claim takes a lease on a candidate. ok is false where another process was
// faster.
func (r *Runs) Claim(ctx context.Context, c syncer.Candidate, owner string, lease time.Duration, now time.Time) (run fresnel.Run, l fresnel.Lease, ok bool, err error) {
	n, err := r.db.exec(ctx, "claim run", "UPDATE sync_run SET status = 1, fence = fence + 1, attempts = attempts + 1, lease_owner = ?, lease_until = "+r.db.d.now()+
		" + ?, heartbeat = "+r.db.d.now()+", started_at = ?, done = 0, total = 0, rows_read = 0, wait_until = 0 WHERE id = ? AND fence = ? AND "+r.ready(),
		owner, lease.Microseconds(), micros(now), c.ID, c.Fence)
	if err != nil || n == 0 {
		return run, l, false, err
	}
	run, err = r.Get(ctx, fresnel.AllTenants(), c.ID)
	return run, fresnel.Lease{Run: c.ID, Fence: c.Fence + 1}, err == nil, err
}

// Heartbeat prolongs a lease and records progress. It fails with
// fresnel.ErrLeaseLost where the lease was taken over.
func (r *Runs) Heartbeat(ctx context.Context, l fresnel.Lease, lease time.Duration, p fresnel.Progress) error {
	n, err := r.db.exec(ctx, "heartbeat", "UPDATE sync_run SET lease_until = "+r.db.d.now()+" + ?, heartbeat = "+r.db.d.now()+
		", done = ?, total = ?, rows_read = ?, wait_until = ? WHERE id = ? AND fence = ? AND status = 1",
		lease.Microseconds(), p.Done, p.Total, p.Rows, micros(p.Wait), l.Run, l.Fence)
	if err == nil && n == 0 {
		return fresnel.ErrLeaseLost
	}
	return err
}

// Release gives a run back to the queue unfinished, as a stopping process does.
func (r *Runs) Release(ctx context.Context, l fresnel.Lease) error {
	_, err := r.db.exec(ctx, "release run", "UPDATE sync_run SET status = 0, lease_until = 0, wait_until = 0 WHERE id = ? AND fence = ? AND status = 1", l.Run, l.Fence)
	return err
}

// Complete ends a run under its lease, with its parts. It fails with
// fresnel.ErrLeaseLost, recording nothing, where the lease was taken over.
func (r *Runs) Complete(ctx context.Context, l fresnel.Lease, status fresnel.RunStatus, res fresnel.Result, reason, remedy string, now time.Time) error {
	var g int64
	err := r.db.tx(ctx, "complete run", func(tx *sql.Tx) error {
		out, err := r.db.txExec(ctx, tx, "UPDATE sync_run SET status = ?, completed_at = ?, rows_read = ?, rows_written = ?, reason = ?, remedy = ?, wait_until = 0 WHERE id = ? AND fence = ? AND status = 1",
			statusNum(status), micros(now), res.Read, res.Written, clip(reason), clip(remedy), l.Run, l.Fence)
		if err != nil {
			return err
		}
		if n, err := out.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return fresnel.ErrLeaseLost
		}
		if err := r.parts(ctx, tx, l.Run, res.Parts); err != nil {
			return err
		}
		if _, err := r.db.txExec(ctx, tx, "UPDATE tenant SET last_costs = ? WHERE num = (SELECT tenant FROM sync_run WHERE id = ? AND job = 'costs')", l.Run, l.Run); err != nil {
			return err
		}
		g, err = r.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		r.db.seen(g)
	}
	return err
}

func (r *Runs) parts(ctx context.Context, tx *sql.Tx, run int64, parts []fresnel.Part) error {
	if _, err := r.db.txExec(ctx, tx, "DELETE FROM sync_part WHERE run = ?", run); err != nil {
		return err
	}
	for _, p := range parts {
		if p.State == fresnel.PartRead && p.Reason == "" {
			continue // only what is missing needs words
		}
		_, err := r.db.txExec(ctx, tx, "INSERT INTO sync_part (run, sub, name, state, reason, remedy, rows_read) VALUES (?, ?, ?, ?, ?, ?, ?)",
			run, clean(p.Subscription), clean(p.Name), string(p.State), clip(p.Reason), clip(p.Do), p.Rows)
		if err != nil {
			return err
		}
	}
	return nil
}

// clip bounds a text for people.
func clip(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > 2000 {
		s = strings.ToValidUTF8(s[:2000], "") + "..."
	}
	return s
}

const runCols = "r.id, r.job, t.id, t.name, r.status, r.queued_at, r.started_at, r.completed_at, r.attempts, r.done, r.total, r.rows_read, r.rows_written, r.wait_until, r.reason, r.remedy"

func scanRun(rows interface{ Scan(...any) error }, v *fresnel.Run) error {
	var status int
	var queued, started, completed, wait int64
	err := rows.Scan(&v.ID, &v.Job, &v.Tenant, &v.TenantName, &status, &queued, &started, &completed, &v.Attempts,
		&v.Progress.Done, &v.Progress.Total, &v.Progress.Rows, &v.Result.Written, &wait, &v.Reason, &v.Do)
	if err != nil {
		return err
	}
	v.Status = statuses[status]
	v.Queued, v.Started, v.Completed = instant(queued), instant(started), instant(completed)
	v.Progress.Wait = instant(wait)
	v.Result.Read = v.Progress.Rows
	return nil
}

// Get gives one run of the scope with the parts that were not, or not simply, read.
func (r *Runs) Get(ctx context.Context, s fresnel.Scope, id int64) (fresnel.Run, error) {
	var v fresnel.Run
	args := []any{id}
	q := "SELECT " + runCols + " FROM sync_run r JOIN tenant t ON t.num = r.tenant WHERE r.id = ? AND " + r.db.visible("r.tenant", s, &args)
	err := scanRun(r.db.queryRow(ctx, q, args...), &v)
	if err == sql.ErrNoRows { //nolint:errorlint // Scan gives it unwrapped
		return v, fresnel.Errorf(fresnel.NotFound, "there is no sync run %d", id)
	}
	if err != nil {
		return v, r.db.wrap(ctx, "get run", err)
	}
	byRun, err := r.partsOf(ctx, []int64{id})
	v.Result.Parts = byRun[id]
	return v, err
}

// List gives the newest runs of the scope with the parts that were not read,
// before the run with id before (0 = from the newest), optionally only the
// open ones or of one job.
func (r *Runs) List(ctx context.Context, s fresnel.Scope, job string, open bool, before int64, limit int) ([]fresnel.Run, error) {
	var args []any
	where := r.db.visible("r.tenant", s, &args)
	if job != "" {
		where += " AND r.job = ?"
		args = append(args, clean(job))
	}
	if open {
		where += " AND r.status < 2"
	}
	if before > 0 {
		where += " AND r.id < ?"
		args = append(args, before)
	}
	return r.list(ctx, "SELECT "+runCols+" FROM sync_run r JOIN tenant t ON t.num = r.tenant WHERE "+where+" ORDER BY r.id DESC", limit, args)
}

// Latest gives each tenant's newest ended run of a job, and any open one.
func (r *Runs) Latest(ctx context.Context, s fresnel.Scope, job string) ([]fresnel.Run, error) {
	args := []any{clean(job), clean(job)}
	q := "SELECT " + runCols + " FROM sync_run r JOIN tenant t ON t.num = r.tenant WHERE r.job = ? AND " +
		"(r.status < 2 OR r.id = (SELECT MAX(l.id) FROM sync_run l WHERE l.tenant = r.tenant AND l.job = ? AND l.status >= 2)) AND " +
		r.db.visible("r.tenant", s, &args) + " ORDER BY r.id DESC"
	return r.list(ctx, q, 100_000, args)
}

func (r *Runs) list(ctx context.Context, q string, limit int, args []any) ([]fresnel.Run, error) {
	rows, err := r.db.query(ctx, r.db.d.page(q), append(args, limit)...)
	if err != nil {
		return nil, r.db.wrap(ctx, "list runs", err)
	}
	runs, err := scan(rows, func(rows *sql.Rows, v *fresnel.Run) error { return scanRun(rows, v) })
	if err != nil {
		return nil, r.db.wrap(ctx, "list runs", err)
	}
	var ids []int64
	for _, v := range runs {
		if v.Status == fresnel.Partial || v.Status == fresnel.Failed || v.Status == fresnel.Completed {
			ids = append(ids, v.ID)
		}
	}
	byRun, err := r.partsOf(ctx, ids)
	for i := range runs {
		runs[i].Result.Parts = byRun[runs[i].ID]
	}
	return runs, err
}

func (r *Runs) partsOf(ctx context.Context, runs []int64) (map[int64][]fresnel.Part, error) {
	out := map[int64][]fresnel.Part{}
	if len(runs) == 0 {
		return out, nil
	}
	args := make([]any, len(runs))
	for i, id := range runs {
		args[i] = id
	}
	const batch = 500
	for len(args) > 0 {
		n := min(batch, len(args))
		q := "SELECT run, sub, name, state, reason, remedy, rows_read FROM sync_part WHERE run IN (?" + strings.Repeat(", ?", n-1) + ") ORDER BY run, state, name, sub"
		rows, err := r.db.r.QueryContext(ctx, r.db.d.bind(q), args[:n]...) // as many texts as lengths: none is kept
		if err != nil {
			return nil, r.db.wrap(ctx, "parts of runs", err)
		}
		type part struct {
			run int64
			fresnel.Part
		}
		list, err := scan(rows, func(rows *sql.Rows, v *part) error {
			return rows.Scan(&v.run, &v.Subscription, &v.Name, &v.State, &v.Reason, &v.Do, &v.Rows)
		})
		if err != nil {
			return nil, r.db.wrap(ctx, "parts of runs", err)
		}
		for _, p := range list {
			out[p.run] = append(out[p.run], p.Part)
		}
		args = args[n:]
	}
	return out, nil
}

// Prune deletes ended runs older than an instant, keeping each tenant's last.
func (r *Runs) Prune(ctx context.Context, before time.Time) (int64, error) {
	const old = "SELECT r.id FROM sync_run r WHERE r.status >= 2 AND r.completed_at < ? AND r.id < (SELECT MAX(l.id) FROM sync_run l WHERE l.tenant = r.tenant AND l.job = r.job AND l.status >= 2)"
	if _, err := r.db.exec(ctx, "prune parts", "DELETE FROM sync_part WHERE run IN ("+old+")", micros(before)); err != nil {
		return 0, err
	}
	return r.db.exec(ctx, "prune runs", "DELETE FROM sync_run WHERE id IN ("+old+")", micros(before))
}
