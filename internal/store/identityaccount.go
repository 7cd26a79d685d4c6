package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// account is a row of identity_account.
type account struct {
	id      string
	class   identity.Class
	created int64
	lastUse int64
	told    bool
}

// idleSince is the last use, or else the creation.
func (a *account) idleSince() int64 {
	if a.lastUse != 0 {
		return a.lastUse
	}
	return a.created
}

var accountColumns = []string{"tenant", "id", "class", "created_at", "last_use", "told", "idle_since"}

const accountQuery = "SELECT id, class, created_at, last_use, told FROM identity_account WHERE tenant = ?"

func scanAccount(r *sql.Rows, a *account) error {
	var class, told int64
	err := r.Scan(&a.id, &class, &a.created, &a.lastUse, &told)
	a.class, a.told = identity.ClassOf(class), told == 1
	return err
}

// accountChunk is how many accounts are looked at together.
const accountChunk = 2000

// change lets f change the accounts of some ids: held is nil of one that is not
// there, and f gives nil for one that is not to be. What stays the same is not
// written; the numbers by class move along.
func (i *Identity) change(ctx context.Context, tx *sql.Tx, tenant int64, ids []string, f func(id string, held *account) *account) (int, error) {
	rows, err := i.db.txQuery(ctx, tx, accountQuery+" AND id IN "+i.db.d.list(), tenant, jsonList(ids))
	if err != nil {
		return 0, err
	}
	list, err := scan(rows, scanAccount)
	if err != nil {
		return 0, err
	}
	held := make(map[string]*account, len(list))
	for n := range list {
		held[list[n].id] = &list[n]
	}
	var w accountWrite
	for _, id := range ids {
		var was *account
		if a := held[id]; a != nil {
			same := *a
			was = &same
		}
		w.add(held[id], f(id, was))
	}
	return i.writeAccounts(ctx, tx, tenant, w)
}

// accountWrite is what is to be written of some accounts.
type accountWrite struct {
	drop  []string
	put   []account
	moved map[int64]int // by class
}

func (w *accountWrite) add(was, is *account) {
	if w.moved == nil {
		w.moved = map[int64]int{}
	}
	if was == nil && is == nil || was != nil && is != nil && *was == *is {
		return
	}
	if was != nil {
		w.drop = append(w.drop, was.id)
		w.moved[was.class.Code()]--
	}
	if is != nil {
		w.put = append(w.put, *is)
		w.moved[is.class.Code()]++
	}
}

func (i *Identity) writeAccounts(ctx context.Context, tx *sql.Tx, tenant int64, w accountWrite) (int, error) {
	if len(w.drop) > 0 {
		if _, err := i.db.txExec(ctx, tx, "DELETE FROM identity_account WHERE tenant = ? AND id IN "+i.db.d.list(), tenant, jsonList(w.drop)); err != nil {
			return 0, err
		}
	}
	slices.SortFunc(w.put, func(a, b account) int { return cmp.Compare(a.id, b.id) })
	rows := make([][]any, len(w.put))
	for n := range w.put {
		a := &w.put[n]
		rows[n] = []any{tenant, a.id, a.class.Code(), a.created, a.lastUse, bit(a.told), a.idleSince()}
	}
	if err := i.insert(ctx, tx, "identity_account", accountColumns, rows); err != nil {
		return 0, err
	}
	changed := false
	for _, class := range slices.Sorted(maps.Keys(w.moved)) {
		n := w.moved[class]
		if n == 0 {
			continue
		}
		changed = true
		if _, err := i.db.txExec(ctx, tx, i.db.d.insertAbsent("identity_count", []string{"tenant", "class", "n"}), tenant, class, 0); err != nil {
			return 0, err
		}
		if _, err := i.db.txExec(ctx, tx, "UPDATE identity_count SET n = n + ? WHERE tenant = ? AND class = ?", n, tenant, class); err != nil {
			return 0, err
		}
	}
	if changed {
		if _, err := i.db.txExec(ctx, tx, "DELETE FROM identity_count WHERE tenant = ? AND n = 0", tenant); err != nil {
			return 0, err
		}
		if _, err := i.db.txExec(ctx, tx, "UPDATE identity_tenant SET stamp = stamp + 1 WHERE tenant = ?", tenant); err != nil {
			return 0, err
		}
	}
	return max(len(w.put), len(w.drop)), nil
}

// lastOf keeps of several rows about an account the last.
func lastOf[T any](list []T, id func(T) string) (ids []string, by map[string]T) {
	by = make(map[string]T, len(list))
	for _, v := range list {
		k := clean(id(v))
		if _, ok := by[k]; !ok {
			ids = append(ids, k)
		}
		by[k] = v
	}
	return ids, by
}

// PutAccounts implements identity.Sink.
func (i *Identity) PutAccounts(ctx context.Context, t fresnel.TenantID, list []identity.AccountChange, _ time.Time) (int, error) {
	ids, by := lastOf(list, func(a identity.AccountChange) string { return a.ID })
	return i.write(ctx, "put accounts", t, func(tx *sql.Tx, tenant int64) (int, error) {
		return i.change(ctx, tx, tenant, ids, func(id string, held *account) *account {
			a := by[id]
			if a.Gone {
				return nil
			}
			if held == nil {
				held = &account{id: id}
			}
			c := &held.class
			c.Guest, c.External, c.Synced, c.Licensed, c.Service, c.Pending = a.Guest, a.External, a.Synced, a.Licensed, a.Service, a.Pending
			if c.Enabled != a.Enabled { // how it is used is judged anew
				c.Enabled, c.Use = a.Enabled, identity.UseUnknown
			}
			held.created = micros(a.Created)
			return held
		})
	})
}

// Whole implements identity.Sink.
func (i *Identity) Whole(ctx context.Context, t fresnel.TenantID, seen map[string]struct{}, _ time.Time) (int, error) {
	return i.each(ctx, "end accounts", t, func(a *account) *account {
		if _, ok := seen[a.id]; !ok {
			return nil
		}
		return a
	})
}

// PutSignIns implements identity.Sink.
func (i *Identity) PutSignIns(ctx context.Context, t fresnel.TenantID, list []identity.SignIn, _ time.Time) (int, error) {
	ids, by := lastOf(list, func(s identity.SignIn) string { return s.Account })
	return i.write(ctx, "put sign-ins", t, func(tx *sql.Tx, tenant int64) (int, error) {
		return i.change(ctx, tx, tenant, ids, func(id string, held *account) *account {
			if held != nil {
				s := by[id]
				held.lastUse, held.told = micros(s.Last()), true
			}
			return held
		})
	})
}

// PutRegistrations implements identity.Sink.
func (i *Identity) PutRegistrations(ctx context.Context, t fresnel.TenantID, list []identity.Registration, _ time.Time) (int, error) {
	ids, by := lastOf(list, func(r identity.Registration) string { return r.Account })
	return i.write(ctx, "put registrations", t, func(tx *sql.Tx, tenant int64) (int, error) {
		return i.change(ctx, tx, tenant, ids, func(id string, held *account) *account {
			if held != nil {
				held.class.MFA = by[id].State()
			}
			return held
		})
	})
}

// Untold implements identity.Sink.
func (i *Identity) Untold(ctx context.Context, t fresnel.TenantID, f identity.Fact, seen map[string]struct{}, _ time.Time) (int, error) {
	return i.each(ctx, "end "+string(f), t, func(a *account) *account {
		if _, ok := seen[a.id]; ok {
			return a
		}
		if f == identity.FactMFA {
			a.class.MFA = identity.MFAUnknown
		} else {
			a.lastUse, a.told = 0, false
		}
		return a
	})
}

// each lets f change all accounts of a tenant, some in a transaction.
func (i *Identity) each(ctx context.Context, what string, t fresnel.TenantID, f func(a *account) *account) (int, error) {
	written, after := 0, ""
	for {
		var last string
		n, err := i.write(ctx, what, t, func(tx *sql.Tx, tenant int64) (int, error) {
			last = ""
			rows, err := i.db.txQuery(ctx, tx, i.db.d.page(accountQuery+" AND id > ? ORDER BY id"), tenant, after, accountChunk)
			if err != nil {
				return 0, err
			}
			list, err := scan(rows, scanAccount)
			if err != nil {
				return 0, err
			}
			var w accountWrite
			for n := range list {
				was := list[n]
				w.add(&was, f(&list[n]))
			}
			if len(list) == accountChunk {
				last = list[len(list)-1].id
			}
			return i.writeAccounts(ctx, tx, tenant, w)
		})
		written += n
		if err != nil || last == "" {
			return written, err
		}
		after = last
	}
}

// Judge implements identity.Sink.
func (i *Identity) Judge(ctx context.Context, t fresnel.TenantID, j identity.Judging, at time.Time) (int, error) {
	_, read, err := i.Mark(ctx, t)
	if err != nil {
		return 0, err
	}
	held, err := i.Held(ctx, t)
	if err != nil {
		return 0, err
	}
	w := identity.Weigh(held, at)
	emergency := map[string]bool{}
	for _, id := range j.Emergency {
		emergency[id] = true
	}
	signIns := read[identity.FactSignIns]
	written, err := i.each(ctx, "judge accounts", t, func(a *account) *account {
		a.class = w.Show(a.id, a.class)
		a.class.Emergency = emergency[a.id]
		a.class.Use = identity.UseUnknown
		if a.class.Enabled {
			// What is known was so when it was read: without new readings nobody gets stale.
			a.class.Use = identity.UseSince(instant(a.created), instant(a.lastUse), a.told && !signIns.IsZero(), j.Limits, signIns)
		}
		return a
	})
	if err != nil {
		return written, err
	}
	// A role that is younger than the accounts may be of one that nobody has told of yet.
	accounts := read[identity.FactAccounts]
	others := w.Others(!accounts.IsZero() && !accounts.Before(read[identity.FactAzureRoles]))
	n, err := i.write(ctx, "judge", t, func(tx *sql.Tx, tenant int64) (int, error) {
		var rows, roles [][]any
		for _, o := range others {
			rows = append(rows, []any{o.ID, string(o.Kind)})
		}
		for _, r := range w.Roles() {
			roles = append(roles, []any{bit(r.Azure), r.Role, r.Name, bit(r.BuiltIn), int64(r.Tier), int64(r.Active), int64(r.Standing), int64(r.Eligible), int64(r.Apps), int64(r.Orphans)})
		}
		n, err := i.replace(ctx, tx, tenant, set{"identity_other", []string{"id"}, []string{"kind"}, ""}, rows)
		if err != nil {
			return 0, err
		}
		m, err := i.replace(ctx, tx, tenant, set{"identity_role_count", []string{"azure", "role"}, []string{"name", "built_in", "tier", "active", "standing", "eligible", "apps", "orphans"}, ""}, roles)
		if err != nil {
			return 0, err
		}
		if _, err := i.db.txExec(ctx, tx, "UPDATE identity_tenant SET judged_at = ? WHERE tenant = ?", micros(at), tenant); err != nil {
			return 0, err
		}
		return n + m + 1, i.day(ctx, tx, tenant, at)
	})
	return written + n, err
}

// wholeFacts are the facts of which all was read, with when.
func (i *Identity) wholeFacts(ctx context.Context, tx *sql.Tx, tenant int64) (map[identity.Fact]time.Time, error) {
	rows, err := i.db.txQuery(ctx, tx, "SELECT fact, read_at, failed_at, reason FROM identity_fact WHERE tenant = ?", tenant)
	if err != nil {
		return nil, err
	}
	out := map[identity.Fact]time.Time{}
	_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
		var f identity.Fact
		var read, failed int64
		var state identity.FactState
		err := r.Scan(&f, &read, &failed, &state.Reason)
		state.Read, state.Failed = instant(read), instant(failed)
		if !state.Part() {
			out[f] = state.Read
		}
		return err
	})
	return out, err
}

// freshFor is for how long a fact is good for the numbers of a day: those that are
// read once a day may be a day old.
const freshFor = 48 * time.Hour

// day keeps the numbers of a day, of the lists of which all is known.
func (i *Identity) day(ctx context.Context, tx *sql.Tx, tenant int64, at time.Time) error {
	read, err := i.wholeFacts(ctx, tx, tenant)
	if err != nil {
		return err
	}
	rows, err := i.db.txQuery(ctx, tx, "SELECT class, n FROM identity_count WHERE tenant = ?", tenant)
	if err != nil {
		return err
	}
	type count struct {
		class identity.Class
		n     int
	}
	counts, err := scan(rows, func(r *sql.Rows, c *count) error {
		var code int64
		err := r.Scan(&code, &c.n)
		c.class = identity.ClassOf(code)
		return err
	})
	if err != nil {
		return err
	}
	day := int64(fresnel.DayOf(at))
	var days [][]any
	for _, l := range identity.TrendLists() {
		if slices.ContainsFunc(slices.Concat(l.Needs(), l.Parts()), func(f identity.Fact) bool { return read[f].IsZero() || at.Sub(read[f]) > freshFor }) {
			continue
		}
		n := 0
		for _, c := range counts {
			if l.Has(c.class) {
				n += c.n
			}
		}
		days = append(days, []any{tenant, string(l), day, n})
	}
	if len(days) == 0 {
		return nil
	}
	if _, err := i.db.txExec(ctx, tx, "DELETE FROM identity_day WHERE tenant = ? AND day = ?", tenant, day); err != nil {
		return err
	}
	if _, err := i.db.txExec(ctx, tx, "DELETE FROM identity_day_read WHERE tenant = ? AND day = ?", tenant, day); err != nil {
		return err
	}
	if err := i.insert(ctx, tx, "identity_day", []string{"tenant", "list", "day", "n"}, days); err != nil {
		return err
	}
	return i.insert(ctx, tx, "identity_day_read", []string{"tenant", "day", "judged_at"}, [][]any{{tenant, day, micros(at)}})
}

// Prune forgets days before an instant.
func (i *Identity) Prune(ctx context.Context, before time.Time) error {
	return i.db.tx(ctx, "prune identity", func(tx *sql.Tx) error {
		for _, table := range []string{"identity_day", "identity_day_read"} {
			if _, err := i.db.txExec(ctx, tx, "DELETE FROM "+table+" WHERE day < ?", int64(fresnel.DayOf(before))); err != nil {
				return err
			}
		}
		return nil
	})
}

func ownersIn(text string) []string {
	var out []string
	if json.Unmarshal([]byte(text), &out) != nil {
		return nil
	}
	return out
}
