package api

import (
	"context"
	"slices"
	"strconv"

	"fresnel/internal/identity"
)

// OtherPrincipal is a principal with power that is no account.
type OtherPrincipal struct {
	TenantID   string  `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName string  `json:"tenant_name" doc:"Its display name"`
	ID         string  `json:"principal_id" doc:"Object id (GUID)"`
	Kind       string  `json:"kind" enum:"application,group,account,gone" doc:"application: an application or a managed identity; gone: it is no more; account: one of which nothing is held"`
	Name       string  `json:"application" doc:"Name of an application; empty = not told"`
	Secret     *bool   `json:"secret" doc:"A password proves it; null = not known"`
	Grants     []Grant `json:"grants" doc:"Roles that it holds or may take, the most powerful first"`
}

func otherPrincipal(r identity.OtherRow, apps bool) OtherPrincipal {
	o := OtherPrincipal{TenantID: string(r.Tenant), TenantName: r.TenantName, ID: r.ID, Name: r.Name, Grants: grants(r.Grants)}
	switch r.Kind {
	case identity.ServicePrincipal:
		o.Kind = "application"
		if apps {
			o.Secret = &r.Secret
		}
	case identity.Group:
		o.Kind = "group"
	case identity.User:
		o.Kind = "account"
	case identity.Orphan:
		o.Kind = "gone"
	}
	return o
}

// knowing are the tenants that know a fact.
func knowing(reads []identity.TenantRead, f identity.Fact) map[string]bool {
	out := map[string]bool{}
	for _, t := range reads {
		out[string(t.Tenant)] = t.Knows(f)
	}
	return out
}

type othersInput struct {
	IdentityInput
	ListInput
}

type othersOutput struct {
	Body struct {
		Data []OtherPrincipal `json:"data" doc:"By tenant and id"`
		Meta IdentityMeta     `json:"meta"`
	}
}

var aboutOthers = identityAbout{
	needs: []identity.Fact{identity.FactRoles},
	parts: []identity.Fact{identity.FactGroups, identity.FactAzureRoles},
	shown: []identity.Fact{identity.FactEligibility, identity.FactStanding, identity.FactApps},
}

func (h handlers) others(ctx context.Context, in *othersInput) (*othersOutput, error) {
	s, err := h.identityScope(ctx, in.IdentityInput)
	if err != nil {
		return nil, err
	}
	var after *identity.Principal
	if in.Cursor != "" {
		after = &identity.Principal{}
		if err := uncursor(in.Cursor, after); err != nil {
			return nil, err
		}
	}
	list, err := h.Identity.Others(ctx, s, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &othersOutput{}
	out.Body.Meta = h.identityMeta(aboutOthers, list.Reads)
	if list.Next != nil {
		out.Body.Meta.NextCursor = cursorOf(list.Next)
	}
	apps := knowing(list.Reads, identity.FactApps)
	out.Body.Data = make([]OtherPrincipal, len(list.Rows))
	for i, r := range list.Rows {
		out.Body.Data[i] = otherPrincipal(r, apps[string(r.Tenant)])
	}
	return out, nil
}

// othersCSV has a line for each principal and grant. It reads page by page.
func (h handlers) othersCSV(ctx context.Context, in *IdentityInput) (table, error) {
	s, err := h.identityScope(ctx, *in)
	head := slices.Concat([]string{"tenant_id", "tenant", "principal_id", "principal_kind", "application", "secret"}, grantHead)
	return table{head, func(yield func([]string, error) bool) {
		var after *identity.Principal
		for {
			list, err := h.Identity.Others(ctx, s, after, 1000)
			if err != nil {
				yield(nil, err)
				return
			}
			apps := knowing(list.Reads, identity.FactApps)
			for _, r := range list.Rows {
				o := otherPrincipal(r, apps[string(r.Tenant)])
				for _, line := range grantLines([]string{o.TenantID, text(o.TenantName), text(o.ID), o.Kind, text(o.Name), truth(o.Secret)}, o.Grants) {
					if !yield(line, nil) {
						return
					}
				}
			}
			if after = list.Next; after == nil {
				return
			}
		}
	}}, err
}

// RoleHolders is a role of a tenant with how many hold it.
type RoleHolders struct {
	TenantID     string `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName   string `json:"tenant_name" doc:"Its display name"`
	RoleID       string `json:"role_id" doc:"Id of the definition (GUID)"`
	Role         string `json:"role" doc:"Its name, as Azure has it; empty = not known"`
	Kind         string `json:"kind" enum:"directory,azure" doc:"A role of Entra, or of Azure: of these only such as may give access to others"`
	BuiltIn      bool   `json:"built_in" doc:"Microsoft's, the same in every tenant"`
	Tier         string `json:"tier" enum:"plain,reading,privileged,control-plane" doc:"How much power it gives"`
	Active       int    `json:"active" doc:"People that hold it, each once, through groups too"`
	Standing     *int   `json:"standing" doc:"Of them, those that hold it for good; of a role of Azure all, as far as is known; null = not known"`
	Eligible     *int   `json:"eligible" doc:"People that may take it; null = not known: of roles of Azure nobody tells"`
	Applications int    `json:"applications" doc:"Applications and managed identities that hold it"`
	Orphans      int    `json:"orphans" doc:"Assignments of principals that are no more"`
	Partial      bool   `json:"partial" doc:"Who is in groups is not known: there may be more people"`
}

func roleHolders(r identity.RoleCount, eligible, standing, groups bool) RoleHolders {
	o := RoleHolders{
		TenantID: string(r.Tenant), TenantName: r.TenantName, RoleID: r.Role, Role: r.Name, Kind: roleKind(r.Azure), BuiltIn: r.BuiltIn, Tier: tierWords[r.Tier],
		Active: r.Active, Applications: r.Apps, Orphans: r.Orphans, Partial: !groups,
	}
	if eligible && !r.Azure {
		o.Eligible = &r.Eligible
	}
	if standing || r.Azure {
		o.Standing = &r.Standing
	}
	return o
}

// RolesInput selects roles.
type RolesInput struct {
	IdentityInput
	Kind string `query:"kind" enum:"directory,azure" doc:"Roles of Entra, or of Azure; none = both"`
	Tier string `query:"tier" enum:"plain,reading,privileged,control-plane" doc:"How much power it gives; none = any"`
}

type rolesInput struct {
	RolesInput
	ListInput
}

type rolesOutput struct {
	Body struct {
		Data []RoleHolders `json:"data" doc:"Of the directory first, the most powerful first"`
		Meta IdentityMeta  `json:"meta"`
	}
}

// rolesHeld gives the roles that an input selects.
func (h handlers) rolesHeld(ctx context.Context, in RolesInput) ([]RoleHolders, []identity.TenantRead, error) {
	s, err := h.identityScope(ctx, in.IdentityInput)
	if err != nil {
		return nil, nil, err
	}
	list, err := h.Identity.Roles(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	eligible, standing, groups := knowing(list.Reads, identity.FactEligibility), knowing(list.Reads, identity.FactStanding), map[string]bool{}
	for _, t := range list.Reads {
		groups[string(t.Tenant)] = t.Whole(identity.FactGroups)
	}
	rows := []RoleHolders{}
	for _, r := range list.Rows {
		o := roleHolders(r, eligible[string(r.Tenant)], standing[string(r.Tenant)], groups[string(r.Tenant)])
		if (in.Kind == "" || o.Kind == in.Kind) && (in.Tier == "" || o.Tier == in.Tier) {
			rows = append(rows, o)
		}
	}
	return rows, list.Reads, nil
}

// aboutRoles is what roles of a kind are made of; of both kinds, those of Azure
// are a part.
func aboutRoles(kind string) identityAbout {
	about := identityAbout{needs: []identity.Fact{identity.FactRoles}, parts: []identity.Fact{identity.FactGroups}, shown: []identity.Fact{identity.FactEligibility, identity.FactStanding}}
	switch kind {
	case "":
		about.parts = append(about.parts, identity.FactAzureRoles)
	case "azure":
		about.needs, about.shown = []identity.Fact{identity.FactAzureRoles}, nil
	}
	return about
}

func roleKey(r RoleHolders) string { return r.TenantID + " " + r.Kind + " " + r.RoleID }

func (h handlers) roles(ctx context.Context, in *rolesInput) (*rolesOutput, error) {
	rows, reads, err := h.rolesHeld(ctx, in.RolesInput)
	if err != nil {
		return nil, err
	}
	out := &rolesOutput{}
	out.Body.Meta = h.identityMeta(aboutRoles(in.Kind), reads)
	if total := len(rows); out.Body.Meta.Coverage.Tenants > 0 {
		out.Body.Meta.Total = &total
	}
	out.Body.Data, out.Body.Meta.NextCursor, err = cut(rows, roleKey, in.Cursor, in.Limit)
	return out, err
}

func (h handlers) rolesCSV(ctx context.Context, in *RolesInput) (table, error) {
	rows, _, err := h.rolesHeld(ctx, *in)
	head := []string{"tenant_id", "tenant", "role_id", "role", "kind", "built_in", "tier", "active", "standing", "eligible", "applications", "orphans", "partial"}
	return table{head, all(rows, func(r RoleHolders) []string {
		return []string{
			r.TenantID, text(r.TenantName), text(r.RoleID), text(r.Role), r.Kind, strconv.FormatBool(r.BuiltIn), r.Tier, strconv.Itoa(r.Active), number(r.Standing),
			number(r.Eligible), strconv.Itoa(r.Applications), strconv.Itoa(r.Orphans), strconv.FormatBool(r.Partial),
		}
	})}, err
}
