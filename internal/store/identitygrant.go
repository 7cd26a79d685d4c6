package store

import (
	"context"
	"database/sql"

	"fresnel"
	"fresnel/internal/identity"
)

// GrantsOf implements identity.Reader.
func (i *IdentityReader) GrantsOf(ctx context.Context, s fresnel.Scope, principals []identity.Principal) (map[identity.Principal][]identity.Grant, error) {
	out := make(map[identity.Principal][]identity.Grant, len(principals))
	asked := make(map[identity.Principal]bool, len(principals))
	ids := make([]string, len(principals))
	for n, p := range principals {
		asked[p], ids[n] = true, p.ID
	}
	if len(ids) == 0 {
		return out, nil
	}
	add := func(p identity.Principal, through string, g identity.Grant) {
		if !asked[p] { // the same id in two tenants
			return
		}
		if through != p.ID {
			g.Through = through
		}
		out[p] = append(out[p], g)
	}
	for _, through := range []bool{false, true} {
		who, from := "h.principal", ""
		if through { // groups first: most holdings are nobody's of those asked for
			who, from = "m.member", "identity_member m"+i.db.d.by("ix_identity_member_member")+" CROSS JOIN "
		}
		args := []any{jsonList(ids)}
		where := " WHERE " + who + " IN " + i.db.d.list() + " AND "
		if through {
			where += i.db.visible("m.tenant", s, &args) + " AND h.tenant = m.tenant AND h.principal = m.grp"
		} else {
			where += i.db.visible("h.tenant", s, &args) + " AND h.kind <> 'group'"
		}
		if err := i.scanGrants(ctx, "SELECT t.id, "+who+", h.principal, h.role, COALESCE(r.name, ''), COALESCE(r.privileged, 0), h.scope, h.eligible, h.activated, h.unsure, h.end_at FROM "+from+
			"identity_holding h"+i.db.d.by("ix_identity_holding_principal")+" JOIN tenant t ON t.num = h.tenant JOIN identity_tenant i ON i.tenant = h.tenant LEFT JOIN identity_role r ON r.tenant = h.tenant AND r.id = h.role"+where+" AND (h.end_at = 0 OR h.end_at > i.judged_at)", args, func(r *sql.Rows) error {
			var g identity.Grant
			var p identity.Principal
			var principal string
			var privileged, eligible, activated, unsure, end int64
			if err := r.Scan(&p.Tenant, &p.ID, &principal, &g.Role, &g.Name, &privileged, &g.Scope, &eligible, &activated, &unsure, &end); err != nil {
				return err
			}
			g.Tier = identity.TierAt(identity.Role{ID: g.Role, Privileged: privileged == 1}, g.Scope)
			g.Eligible, g.Activated, g.Unsure, g.End = eligible == 1, activated == 1, unsure == 1, instant(end)
			add(p, principal, g)
			return nil
		}); err != nil {
			return nil, err
		}
		if err := i.scanGrants(ctx, "SELECT t.id, "+who+", h.principal, h.role, h.owns, h.scope, h.sub FROM "+from+"identity_azure_role h"+i.db.d.by("ix_identity_azure_role_principal")+
			" JOIN tenant t ON t.num = h.tenant"+where, args, func(r *sql.Rows) error {
			var a identity.AzureRole
			var p identity.Principal
			var principal string
			var owns int64
			if err := r.Scan(&p.Tenant, &p.ID, &principal, &a.Role, &owns, &a.Scope, &a.Subscription); err != nil {
				return err
			}
			if a.Owner = owns == 1; !through || a.Powerful() {
				add(p, principal, identity.GrantOf(a))
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (i *IdentityReader) scanGrants(ctx context.Context, text string, args []any, one func(*sql.Rows) error) error {
	rows, err := i.db.query(ctx, text, args...)
	if err == nil {
		_, err = scan(rows, func(r *sql.Rows, _ *struct{}) error { return one(r) })
	}
	return i.db.wrap(ctx, "roles of accounts", err)
}
