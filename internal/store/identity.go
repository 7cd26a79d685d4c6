package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// Identity keeps who is in tenants and who holds power. It is an identity.Sink;
// IdentityReader reads.
type Identity struct{ db *DB }

// Identity gives access to identity.
func (db *DB) Identity() *Identity { return &Identity{db} }

// write runs f in one transaction under the tenant's lock. Readers see a new
// generation if something was written.
func (i *Identity) write(ctx context.Context, what string, t fresnel.TenantID, f func(tx *sql.Tx, tenant int64) (int, error)) (int, error) {
	var g int64
	var written int
	err := i.db.tx(ctx, what, func(tx *sql.Tx) error {
		g, written = 0, 0
		if err := i.db.guard(ctx, tx); err != nil {
			return err
		}
		tenant, err := i.db.Tenants().lock(ctx, tx, t)
		if err != nil {
			return err
		}
		if _, err := i.db.txExec(ctx, tx, i.db.d.insertAbsent("identity_tenant", []string{"tenant", "mark", "stamp", "judged_at", "policies", "licences"}), tenant, "", 0, 0, "", ""); err != nil {
			return err
		}
		if written, err = f(tx, tenant); err != nil || written == 0 {
			return err
		}
		g, err = i.db.raise(ctx, tx)
		return err
	})
	if err == nil {
		i.db.seen(g)
	}
	return written, err
}

// Mark implements identity.Sink.
func (i *Identity) Mark(ctx context.Context, t fresnel.TenantID) (mark string, read map[identity.Fact]time.Time, err error) {
	err = i.db.queryRow(ctx, "SELECT i.mark FROM identity_tenant i JOIN tenant t ON t.num = i.tenant WHERE t.id = ?", clean(string(t))).Scan(&mark)
	if err == sql.ErrNoRows { //nolint:errorlint // Scan gives it unwrapped
		return "", nil, nil
	}
	if err != nil {
		return "", nil, i.db.wrap(ctx, "mark of identity", err)
	}
	rows, err := i.db.query(ctx, "SELECT f.fact, f.read_at FROM identity_fact f JOIN tenant t ON t.num = f.tenant WHERE t.id = ?", clean(string(t)))
	if err != nil {
		return "", nil, i.db.wrap(ctx, "mark of identity", err)
	}
	read = map[identity.Fact]time.Time{}
	_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
		var fact string
		var at int64
		err := r.Scan(&fact, &at)
		read[identity.Fact(fact)] = instant(at)
		return err
	})
	return mark, read, i.db.wrap(ctx, "mark of identity", err)
}

// SetMark implements identity.Sink. A mark is not clean text: it is Graph's, and
// goes back as it came.
func (i *Identity) SetMark(ctx context.Context, t fresnel.TenantID, mark string, _ time.Time) error {
	_, err := i.write(ctx, "set mark", t, func(tx *sql.Tx, tenant int64) (int, error) {
		_, err := i.db.txExec(ctx, tx, "UPDATE identity_tenant SET mark = ? WHERE tenant = ?", mark, tenant)
		return 0, err
	})
	return err
}

// Known implements identity.Sink.
func (i *Identity) Known(ctx context.Context, t fresnel.TenantID, f identity.Fact, but identity.Gap, at time.Time) error {
	return i.fact(ctx, t, f, "read_at = ?, failed_at = 0, reason = ?, remedy = ?", micros(at), clean(but.Reason), clean(but.Do))
}

// Hidden implements identity.Sink.
func (i *Identity) Hidden(ctx context.Context, t fresnel.TenantID, g identity.Gap, at time.Time) error {
	set := "failed_at = ?, reason = ?, remedy = ?"
	if g.Lost {
		set += ", read_at = 0"
	}
	return i.fact(ctx, t, g.Fact, set, micros(at), clean(g.Reason), clean(g.Do))
}

func (i *Identity) fact(ctx context.Context, t fresnel.TenantID, f identity.Fact, set string, args ...any) error {
	_, err := i.write(ctx, "put fact", t, func(tx *sql.Tx, tenant int64) (int, error) {
		if _, err := i.db.txExec(ctx, tx, i.db.d.insertAbsent("identity_fact", []string{"tenant", "fact", "read_at", "failed_at", "reason", "remedy"}), tenant, string(f), 0, 0, "", ""); err != nil {
			return 0, err
		}
		_, err := i.db.txExec(ctx, tx, "UPDATE identity_fact SET "+set+" WHERE tenant = ? AND fact = ?", append(args, tenant, string(f))...)
		return 1, err
	})
	return err
}

// PutPolicies implements identity.Sink.
func (i *Identity) PutPolicies(ctx context.Context, t fresnel.TenantID, p identity.AccessPolicies, _ time.Time) error {
	return i.document(ctx, t, "policies", p)
}

// PutLicences implements identity.Sink.
func (i *Identity) PutLicences(ctx context.Context, t fresnel.TenantID, l identity.Licences, _ time.Time) error {
	return i.document(ctx, t, "licences", l)
}

func (i *Identity) document(ctx context.Context, t fresnel.TenantID, column string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store: %s: %w", column, err)
	}
	_, err = i.write(ctx, "put "+column, t, func(tx *sql.Tx, tenant int64) (int, error) {
		_, err := i.db.txExec(ctx, tx, "UPDATE identity_tenant SET "+column+" = ? WHERE tenant = ?", string(text), tenant)
		return 1, err
	})
	return err
}

// PutPower implements identity.Sink.
func (i *Identity) PutPower(ctx context.Context, t fresnel.TenantID, p identity.Power, _ time.Time) (int, error) {
	return i.write(ctx, "put roles", t, func(tx *sql.Tx, tenant int64) (int, error) {
		var roles, active, eligible, members [][]any
		for _, r := range p.Roles {
			roles = append(roles, []any{clean(r.ID), clean(r.Name), bit(r.BuiltIn), bit(r.Privileged)})
		}
		for _, h := range p.Holdings {
			row := []any{bit(h.Eligible), clean(h.ID), clean(h.Principal), string(h.Kind), clean(h.Role), clean(h.Scope), bit(h.Activated), bit(h.Unsure), micros(h.End)}
			if h.Eligible {
				eligible = append(eligible, row)
			} else {
				active = append(active, row)
			}
		}
		for _, m := range p.Members {
			members = append(members, []any{clean(m.Member), clean(m.Group), string(m.Kind)})
		}
		written := 0
		for _, set := range []struct {
			table set
			skip  bool
			rows  [][]any
		}{
			{set{"identity_role", []string{"id"}, []string{"name", "built_in", "privileged"}, ""}, false, roles},
			{set{"identity_holding", []string{"eligible", "id"}, []string{"principal", "kind", "role", "scope", "activated", "unsure", "end_at"}, " AND eligible = 0"}, false, active},
			{set{"identity_holding", []string{"eligible", "id"}, []string{"principal", "kind", "role", "scope", "activated", "unsure", "end_at"}, " AND eligible = 1"}, !p.Eligible, eligible},
			{set{"identity_member", []string{"member", "grp"}, []string{"kind"}, ""}, !p.Grouped, members},
		} {
			if set.skip {
				continue
			}
			n, err := i.replace(ctx, tx, tenant, set.table, set.rows)
			if err != nil {
				return 0, err
			}
			written += n
		}
		return written, nil
	})
}

// PutAzureRoles implements identity.Sink.
func (i *Identity) PutAzureRoles(ctx context.Context, t fresnel.TenantID, silent []string, list []identity.AzureRole, _ time.Time) (int, error) {
	return i.write(ctx, "put roles of Azure", t, func(tx *sql.Tx, tenant int64) (int, error) {
		table := set{"identity_azure_role", []string{"id"}, []string{"sub", "scope", "role", "owns", "principal", "kind"}, ""}
		rows := make([][]any, 0, len(list))
		for _, a := range list {
			rows = append(rows, []any{fresnel.ObjectKey(clean(a.ID)), clean(a.Subscription), clean(a.Scope), clean(a.Role), bit(a.Owner), clean(a.Principal), string(a.Kind)})
		}
		held, err := i.heldRows(ctx, tx, tenant, table)
		if err != nil {
			return 0, err
		}
		for _, row := range held { // of the silent, and of what is above them, nothing new is known
			if sub, ok := row[1].(string); ok && (slices.Contains(silent, sub) || sub == "" && len(silent) > 0) {
				rows = append(rows, row)
			}
		}
		return i.replace(ctx, tx, tenant, table, rows)
	})
}

// endless is the end of what has none, in a column that lists are ordered by.
const endless = int64(1<<63 - 1)

// PutApplications implements identity.Sink.
func (i *Identity) PutApplications(ctx context.Context, t fresnel.TenantID, list []identity.Application, _ time.Time) (int, error) {
	return i.write(ctx, "put applications", t, func(tx *sql.Tx, tenant int64) (int, error) {
		var apps, creds [][]any
		for _, a := range list {
			owners := slices.Sorted(slices.Values(a.Owners))
			apps = append(apps, []any{clean(a.ID), clean(a.AppID), clean(a.Name), bit(a.Service), jsonList(owners)})
			for _, c := range a.Credentials {
				end := micros(c.End)
				if end == 0 {
					end = endless
				}
				creds = append(creds, []any{clean(a.ID), clean(c.ID), bit(c.Certificate), micros(c.Start), end})
			}
		}
		n, err := i.replace(ctx, tx, tenant, set{"identity_app", []string{"id"}, []string{"app_id", "name", "service", "owners"}, ""}, apps)
		if err != nil {
			return 0, err
		}
		m, err := i.replace(ctx, tx, tenant, set{"identity_credential", []string{"app", "id"}, []string{"certificate", "start_at", "end_at"}, ""}, creds)
		return n + m, err
	})
}

func bit(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// set is a table whose rows of a tenant are replaced together; or those of a
// condition.
type set struct {
	table       string
	keys, other []string
	where       string
}

// heldRows gives the rows of a tenant, keys first.
func (i *Identity) heldRows(ctx context.Context, tx *sql.Tx, tenant int64, s set) (map[string][]any, error) {
	cols := slices.Concat(s.keys, s.other)
	rows, err := i.db.txQuery(ctx, tx, "SELECT "+strings.Join(cols, ", ")+" FROM "+s.table+" WHERE tenant = ?"+s.where, tenant)
	if err != nil {
		return nil, err
	}
	out := map[string][]any{}
	_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
		row, to := make([]any, len(cols)), make([]any, len(cols))
		for n := range row {
			to[n] = &row[n]
		}
		if err := r.Scan(to...); err != nil {
			return err
		}
		for n, v := range row {
			if b, ok := v.([]byte); ok {
				row[n] = string(b)
			}
		}
		out[rowKey(row[:len(s.keys)])] = row
		return nil
	})
	return out, err
}

// rowKey is a key as one text.
func rowKey(key []any) string {
	parts := make([]string, len(key))
	for n, k := range key {
		parts[n] = fmt.Sprint(k)
	}
	return strings.Join(parts, "\x00")
}

// replace makes the rows of a tenant these. What is the same is not written.
func (i *Identity) replace(ctx context.Context, tx *sql.Tx, tenant int64, s set, rows [][]any) (int, error) {
	held, err := i.heldRows(ctx, tx, tenant, s)
	if err != nil {
		return 0, err
	}
	var gone, put [][]any
	want := make(map[string][]any, len(rows))
	for _, row := range rows {
		want[rowKey(row[:len(s.keys)])] = row // of two with one key, the last
	}
	for key, row := range held {
		if same, ok := want[key]; !ok || !slices.Equal(same, row) {
			gone = append(gone, row[:len(s.keys)])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if row := want[key]; !slices.Equal(row, held[key]) {
			put = append(put, append([]any{tenant}, row...))
		}
	}
	drop := "DELETE FROM " + s.table + " WHERE tenant = ? AND " + strings.Join(s.keys, " = ? AND ") + " = ?"
	for _, key := range gone {
		if _, err := i.db.txExec(ctx, tx, drop, append([]any{tenant}, key...)...); err != nil {
			return 0, err
		}
	}
	err = i.insert(ctx, tx, s.table, slices.Concat([]string{"tenant"}, s.keys, s.other), put)
	return len(gone) + len(put), err
}

// insert adds rows, some to a statement: what is left over goes in halves, so that
// there are few texts.
func (i *Identity) insert(ctx context.Context, tx *sql.Tx, table string, cols []string, rows [][]any) error {
	marks := "(?" + strings.Repeat(", ?", len(cols)-1) + ")"
	for n := 64; len(rows) > 0; {
		if n > len(rows) {
			n /= 2
			continue
		}
		args := slices.Concat(rows[:n]...)
		if _, err := i.db.txExec(ctx, tx, "INSERT INTO "+table+" ("+strings.Join(cols, ", ")+") VALUES "+marks+strings.Repeat(", "+marks, n-1), args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
