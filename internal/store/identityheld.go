package store

import (
	"context"
	"database/sql"

	"fresnel"
	"fresnel/internal/identity"
)

// Held implements identity.TenantFacts.
func (i *Identity) Held(ctx context.Context, t fresnel.TenantID) (identity.Held, error) {
	var h identity.Held
	const of = " WHERE tenant = (SELECT num FROM tenant WHERE id = ?)"
	ask := func(q string, one func(r *sql.Rows) error) error {
		rows, err := i.db.query(ctx, q+of, clean(string(t)))
		if err == nil {
			_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error { return one(r) })
		}
		return i.db.wrap(ctx, "roles held", err)
	}
	if err := ask("SELECT id, name, built_in, privileged FROM identity_role", func(r *sql.Rows) error {
		var v identity.Role
		var builtIn, privileged int64
		err := r.Scan(&v.ID, &v.Name, &builtIn, &privileged)
		v.BuiltIn, v.Privileged = builtIn == 1, privileged == 1
		h.Roles = append(h.Roles, v)
		return err
	}); err != nil {
		return h, err
	}
	if err := ask("SELECT id, principal, kind, role, scope, eligible, activated, unsure, end_at FROM identity_holding", func(r *sql.Rows) error {
		var v identity.Holding
		var eligible, activated, unsure, end int64
		err := r.Scan(&v.ID, &v.Principal, &v.Kind, &v.Role, &v.Scope, &eligible, &activated, &unsure, &end)
		v.Eligible, v.Activated, v.Unsure, v.End = eligible == 1, activated == 1, unsure == 1, instant(end)
		h.Holdings = append(h.Holdings, v)
		return err
	}); err != nil {
		return h, err
	}
	if err := ask("SELECT grp, member, kind FROM identity_member", func(r *sql.Rows) error {
		var v identity.Membership
		err := r.Scan(&v.Group, &v.Member, &v.Kind)
		h.Members = append(h.Members, v)
		return err
	}); err != nil {
		return h, err
	}
	err := ask("SELECT id, sub, scope, role, owns, principal, kind FROM identity_azure_role", func(r *sql.Rows) error {
		var v identity.AzureRole
		var owns int64
		err := r.Scan(&v.ID, &v.Subscription, &v.Scope, &v.Role, &owns, &v.Principal, &v.Kind)
		v.Owner = owns == 1
		h.Azure = append(h.Azure, v)
		return err
	})
	return h, err
}

// Walk implements identity.TenantFacts.
func (i *Identity) Walk(ctx context.Context, t fresnel.TenantID, each func([]identity.AccountRow) error) error {
	for after := ""; ; {
		rows, err := i.db.query(ctx, i.db.d.page("SELECT id, class, created_at, last_use, told FROM identity_account WHERE tenant = (SELECT num FROM tenant WHERE id = ?) AND id > ? ORDER BY id"), clean(string(t)), after, accountChunk)
		if err != nil {
			return i.db.wrap(ctx, "walk accounts", err)
		}
		list, err := scan(rows, scanAccount)
		if err != nil {
			return i.db.wrap(ctx, "walk accounts", err)
		}
		some := make([]identity.AccountRow, len(list))
		for n := range list {
			a := &list[n]
			some[n] = identity.AccountRow{Tenant: t, ID: a.id, Class: a.class, Created: instant(a.created), LastUse: instant(a.lastUse), Told: a.told}
			after = a.id
		}
		if err := each(some); err != nil || len(list) < accountChunk {
			return err
		}
	}
}

// Applications implements identity.TenantFacts.
func (i *Identity) Applications(ctx context.Context, t fresnel.TenantID) ([]identity.Application, error) {
	rows, err := i.db.query(ctx, "SELECT id, app_id, name, service, owners FROM identity_app WHERE tenant = (SELECT num FROM tenant WHERE id = ?)", clean(string(t)))
	if err != nil {
		return nil, i.db.wrap(ctx, "applications", err)
	}
	out, err := scan(rows, func(r *sql.Rows, v *identity.Application) error {
		var service int64
		var owners string
		err := r.Scan(&v.ID, &v.AppID, &v.Name, &service, &owners)
		v.Service, v.Owners = service == 1, ownersIn(owners)
		return err
	})
	if err != nil {
		return nil, i.db.wrap(ctx, "applications", err)
	}
	at := make(map[string]int, len(out))
	for n := range out {
		at[out[n].ID] = n
	}
	rows, err = i.db.query(ctx, "SELECT app, id, certificate, start_at, end_at FROM identity_credential WHERE tenant = (SELECT num FROM tenant WHERE id = ?) ORDER BY app, id", clean(string(t)))
	if err != nil {
		return nil, i.db.wrap(ctx, "credentials", err)
	}
	_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error {
		var app string
		var c identity.Credential
		var certificate, start, end int64
		if err := r.Scan(&app, &c.ID, &certificate, &start, &end); err != nil {
			return err
		}
		c.Certificate, c.Start = certificate == 1, instant(start)
		if end != endless {
			c.End = instant(end)
		}
		if n, ok := at[app]; ok {
			out[n].Credentials = append(out[n].Credentials, c)
		}
		return nil
	})
	return out, i.db.wrap(ctx, "credentials", err)
}
