package azure

import (
	"context"
	"encoding/json"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

const (
	permRoles    = "RoleManagement.Read.Directory"
	permAssigned = "RoleAssignmentSchedule.Read.Directory"
	permEligible = "RoleEligibilitySchedule.Read.Directory"
)

// Roles implements identity.Source. The id of a built-in role is that of its
// template. Some clouds do not know isPrivileged.
func (c *Client) Roles(ctx context.Context, t fresnel.Tenant) ([]identity.Role, error) {
	type definition struct {
		ID         string `json:"id"`
		Name       string `json:"displayName"`
		BuiltIn    *bool  `json:"isBuiltIn"`
		Privileged bool   `json:"isPrivileged"`
	}
	list := func(fields string) iter.Seq2[identity.Role, error] {
		call := msCall{path: "/roleManagement/directory/roleDefinitions?$select=" + fields, what: "roles", permission: permRoles}
		return msRows(ctx, c, t, call, func(w *definition) (identity.Role, bool, error) {
			if !fresnel.IsGUID(w.ID) || w.BuiltIn == nil {
				return identity.Role{}, false, lacks("id or isBuiltIn")
			}
			return identity.Role{ID: strings.ToLower(w.ID), Name: w.Name, BuiltIn: *w.BuiltIn, Privileged: w.Privileged}, true, nil
		})
	}
	var out []identity.Role
	for r, err := range orElse(list("id,displayName,isBuiltIn,isPrivileged"), badQuery, list("id,displayName,isBuiltIn")) {
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// msHolding is an assignment, as such or as an instance of PIM's schedules.
type msHolding struct {
	ID          string       `json:"id"`
	PrincipalID string       `json:"principalId"`
	Role        string       `json:"roleDefinitionId"`
	Scope       string       `json:"directoryScopeId"`
	AppScope    string       `json:"appScopeId"`
	Type        string       `json:"assignmentType"`
	Member      string       `json:"memberType"`
	End         *time.Time   `json:"endDateTime"`
	Principal   *msPrincipal `json:"principal"`
}

func (w *msHolding) holding(eligible bool) (identity.Holding, bool, error) {
	out := identity.Holding{
		ID: w.ID, Principal: strings.ToLower(w.PrincipalID), Kind: w.Principal.kind(), Role: strings.ToLower(w.Role), Scope: w.Scope,
		Eligible: eligible, Activated: strings.EqualFold(w.Type, "Activated"), End: timeOf(w.End),
	}
	if out.Scope == "" {
		out.Scope = w.AppScope
	}
	if w.ID == "" || !fresnel.IsGUID(w.PrincipalID) || !fresnel.IsGUID(w.Role) || out.Scope == "" {
		return out, false, lacks("id, principalId, roleDefinitionId or scope")
	}
	// PIM tells what a group has again for each of its members, and what is held
	// of the whole again for its parts. What a member has activated is its own.
	repeated := strings.EqualFold(w.Member, "Inherited") || strings.EqualFold(w.Member, "Group") && !out.Activated
	return out, !repeated, nil
}

// instances reads instances of PIM's schedules, each of which says what it is.
func (c *Client) instances(ctx context.Context, t fresnel.Tenant, call msCall, eligible bool) iter.Seq2[identity.Holding, error] {
	return msRows(ctx, c, t, call, func(w *msHolding) (identity.Holding, bool, error) {
		if w.Member == "" || !eligible && w.Type == "" {
			return identity.Holding{}, false, lacks("memberType or assignmentType")
		}
		return w.holding(eligible)
	})
}

// Assigned implements identity.Source.
func (c *Client) Assigned(ctx context.Context, t fresnel.Tenant) iter.Seq2[identity.Holding, error] {
	pim := msCall{path: "/roleManagement/directory/roleAssignmentScheduleInstances?$expand=principal", what: "who has which role", permission: permAssigned, units: 2}
	plain := msCall{path: "/roleManagement/directory/roleAssignments?$expand=principal", what: "who has which role", permission: permRoles, units: 2}
	return orElse(c.instances(ctx, t, pim, false), withoutP2, msRows(ctx, c, t, plain, func(w *msHolding) (identity.Holding, bool, error) {
		h, keep, err := w.holding(false)
		h.Unsure = true // what is here was assigned or activated, with an end or without
		return h, keep, err
	}))
}

// Eligible implements identity.Source.
func (c *Client) Eligible(ctx context.Context, t fresnel.Tenant) iter.Seq2[identity.Holding, error] {
	call := msCall{path: "/roleManagement/directory/roleEligibilityScheduleInstances?$expand=principal", what: "roles that may be activated", permission: permEligible, units: 2}
	return c.instances(ctx, t, call, true)
}

const azureRolesQuery = "authorizationresources | where type =~ 'microsoft.authorization/roleassignments' " +
	"| project id, subscriptionId, scope = tostring(properties.scope), role = tostring(properties.roleDefinitionId), " +
	"principal = tostring(properties.principalId), kind = tostring(properties.principalType) | order by id asc"

const customRolesQuery = "authorizationresources | where type =~ 'microsoft.authorization/roledefinitions' " +
	"| where properties.type =~ 'CustomRole' | project id, permissions = properties.permissions | order by id asc"

// azurePermission is a part of what a role of Azure may do.
type azurePermission struct {
	Actions    []string `json:"actions"`
	NotActions []string `json:"notActions"`
}

// grantAccess is what an owner may do and a contributor may not.
const grantAccess = "Microsoft.Authorization/roleAssignments/write"

// owns tells whether a role may do all: also give access to others.
func owns(list []azurePermission) bool {
	return slices.ContainsFunc(list, func(p azurePermission) bool {
		return slices.Contains(p.Actions, "*") && !slices.ContainsFunc(p.NotActions, func(not string) bool { return actionIn(not, grantAccess) })
	})
}

// actionIn tells whether a pattern of actions holds an action.
func actionIn(pattern, action string) bool {
	ok, err := regexp.MatchString("(?i)^"+strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")+"$", action)
	return ok && err == nil
}

func lastPart(id string) string { return strings.ToLower(id[strings.LastIndexByte(id, '/')+1:]) }

// AzureRoles implements identity.Source with Resource Graph.
func (c *Client) AzureRoles(ctx context.Context, t fresnel.Tenant, subscriptions []string) iter.Seq2[identity.AzureRole, error] {
	return func(yield func(identity.AzureRole, error) bool) {
		ask := c.graphAbove
		if t.Delegated() { // what is above is not delegated
			ask = c.graphRows
		}
		above := map[string]bool{} // is told again with every query
		for some := range slices.Chunk(subscriptions, graphSubs) {
			owners := map[string]bool{}
			for id, err := range decoded(ask(ctx, t, some, customRolesQuery), ownerRole) {
				if err != nil {
					yield(identity.AzureRole{}, err)
					return
				}
				owners[id] = true
			}
			for r, err := range decoded(ask(ctx, t, some, azureRolesQuery), (*graphAssignment).role) {
				if r.Owner = owners[r.Role]; err == nil && r.Subscription == "" {
					if above[r.ID] {
						continue
					}
					above[r.ID] = true
				}
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

type graphDefinition struct {
	ID          string          `json:"id"`
	Permissions json.RawMessage `json:"permissions"`
}

// ownerRole is the GUID of a custom role that may do all, or "".
func ownerRole(g *graphDefinition) (string, error) {
	var list []azurePermission
	if err := json.Unmarshal(g.Permissions, &list); err != nil || g.ID == "" {
		return "", graphBroken("a role of Resource Graph cannot be read", &malformed{"unexpected shape"})
	}
	if !owns(list) {
		return "", nil
	}
	return lastPart(g.ID), nil
}

type graphAssignment struct {
	ID           string `json:"id"`
	Subscription string `json:"subscriptionId"`
	Scope        string `json:"scope"`
	Role         string `json:"role"`
	Principal    string `json:"principal"`
	Kind         string `json:"kind"`
}

func (g *graphAssignment) role() (identity.AzureRole, error) {
	out := identity.AzureRole{
		ID: strings.ToLower(g.ID), Subscription: strings.ToLower(g.Subscription), Scope: strings.ToLower(g.Scope),
		Role: lastPart(g.Role), Principal: strings.ToLower(g.Principal), Kind: identity.Orphan,
	}
	switch strings.ToLower(g.Kind) {
	case "user":
		out.Kind = identity.User
	case "group", "foreigngroup":
		out.Kind = identity.Group
	case "serviceprincipal":
		out.Kind = identity.ServicePrincipal
	}
	// Above subscriptions there is none.
	badSub := out.Subscription != "" && !fresnel.IsGUID(out.Subscription) || out.Subscription == "" && strings.HasPrefix(out.Scope, "/subscriptions/")
	if out.ID == "" || !fresnel.IsGUID(out.Role) || !fresnel.IsGUID(out.Principal) || !strings.HasPrefix(out.Scope, "/") || badSub {
		return out, graphBroken("an assignment of Resource Graph has no role, principal or scope", &malformed{"unexpected shape"})
	}
	return out, nil
}
