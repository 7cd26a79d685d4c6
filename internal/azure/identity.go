package azure

import (
	"context"
	"iter"
	"net/http"
	"regexp"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// Client is where the facts of identity come from.
var _ identity.Source = (*Client)(nil)

// lacks is a row without what it cannot be without.
func lacks(what string) error { return &malformed{"a row lacks its " + what} }

// markForm begins the marks of accounts: a link of Graph's knows what was asked
// for at first, so a change of accountFields needs another one.
const markForm = "accounts1 "

const accountFields = "id,userPrincipalName,userType,accountEnabled,createdDateTime,externalUserState,assignedLicenses,onPremisesSyncEnabled"

type msAccount struct {
	ID       string     `json:"id"`
	UPN      string     `json:"userPrincipalName"` // is looked at and left behind
	Type     string     `json:"userType"`
	Enabled  *bool      `json:"accountEnabled"`
	Created  *time.Time `json:"createdDateTime"` // null: before June 2018
	External string     `json:"externalUserState"`
	Licences []struct{} `json:"assignedLicenses"`
	Synced   bool       `json:"onPremisesSyncEnabled"`
	Removed  *struct{}  `json:"@removed"`
}

// serviceAccount finds by their UPN the accounts that look like people and are
// Microsoft's: those of directory synchronization, of cloud sync and of
// provisioning packages.
var serviceAccount = regexp.MustCompile(`(?i)^(sync_.*_[0-9a-f]{12}|adtoaadsyncserviceaccount|package_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})@`)

func (w *msAccount) change() (identity.AccountChange, bool, error) {
	out := identity.AccountChange{Account: identity.Account{ID: strings.ToLower(w.ID)}, Gone: w.Removed != nil}
	switch {
	case !fresnel.IsGUID(w.ID):
		return out, false, lacks("id")
	case out.Gone:
		return out, true, nil
	case w.Enabled == nil || w.UPN == "":
		return out, false, lacks("accountEnabled or userPrincipalName")
	}
	outside := strings.Contains(strings.ToUpper(w.UPN), "#EXT#")
	out.Guest = strings.EqualFold(w.Type, "Guest") || w.Type == "" && outside
	out.External = outside && !out.Guest
	out.Enabled, out.Synced, out.Licensed = *w.Enabled, w.Synced, len(w.Licences) > 0
	out.Service = serviceAccount.MatchString(w.UPN)
	out.Pending = out.Guest && strings.EqualFold(w.External, "PendingAcceptance")
	if w.Created != nil {
		out.Created = w.Created.UTC()
	}
	return out, true, nil
}

// Accounts implements identity.Source.
func (c *Client) Accounts(ctx context.Context, t fresnel.Tenant, mark string) (iter.Seq2[identity.AccountChange, error], func() string) {
	next := ""
	call := msCall{path: "/users/delta?$select=" + accountFields, what: "accounts", permission: "User.Read.All", units: 2}
	list := func(yield func(identity.AccountChange, error) bool) {
		delta := ""
		if next = ""; mark != "" {
			link, ok := strings.CutPrefix(mark, markForm)
			if _, err := linkAt(link, c.msURL, ""); !ok || err != nil {
				yield(identity.AccountChange{}, staleMark(err))
				return
			}
			call.link = link
		}
		pages := msPages(ctx, c, t, call, &delta, (*msAccount).change)
		for row, err := range eachRow(pages) {
			if err != nil && mark != "" && badQuery(err) {
				err = staleMark(err)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
		if delta != "" {
			next = markForm + delta
		}
	}
	return list, func() string { return next }
}

func staleMark(err error) error {
	return &fresnel.Error{Kind: fresnel.Conflict, Msg: "Microsoft Graph does not take the mark of the last reading any more", Do: "All accounts are to be read anew.", Err: err}
}

// Licences implements identity.Source.
func (c *Client) Licences(ctx context.Context, t fresnel.Tenant) (identity.Licences, error) {
	type sku struct {
		Status string `json:"capabilityStatus"`
		Plans  []struct {
			Name string `json:"servicePlanName"`
		} `json:"servicePlans"`
	}
	call := msCall{path: "/subscribedSkus?$select=capabilityStatus,servicePlans", what: "licences", permission: "LicenseAssignment.Read.All", units: 2}
	var out identity.Licences
	for s, err := range msRows(ctx, c, t, call, func(w *sku) (*sku, bool, error) {
		if w.Status == "" || w.Plans == nil {
			return nil, false, lacks("capabilityStatus or servicePlans")
		}
		// In the days after its end a licence still works.
		return w, strings.EqualFold(w.Status, "Enabled") || strings.EqualFold(w.Status, "Warning"), nil
	}) {
		if err != nil {
			return identity.Licences{}, err
		}
		for _, p := range s.Plans {
			switch strings.ToUpper(p.Name) {
			case "AAD_PREMIUM":
				out.P1 = true
			case "AAD_PREMIUM_P2":
				out.P1, out.P2 = true, true
			}
		}
	}
	return out, nil
}

// SignIns implements identity.Source.
func (c *Client) SignIns(ctx context.Context, t fresnel.Tenant) iter.Seq2[identity.SignIn, error] {
	type user struct {
		ID       string `json:"id"`
		Enabled  *bool  `json:"accountEnabled"` // never null: a row with nothing in it is not one of somebody who never signed in
		Activity *struct {
			Attempt        *time.Time `json:"lastSignInDateTime"`
			Successful     *time.Time `json:"lastSuccessfulSignInDateTime"`
			NonInteractive *time.Time `json:"lastNonInteractiveSignInDateTime"`
		} `json:"signInActivity"`
	}
	call := msCall{path: "/users?$select=id,accountEnabled,signInActivity&$top=500", what: "sign-ins", permission: "AuditLog.Read.All (with User.Read.All)", family: msSignIns}
	return msRows(ctx, c, t, call, func(w *user) (identity.SignIn, bool, error) {
		out := identity.SignIn{Account: strings.ToLower(w.ID)}
		if !fresnel.IsGUID(w.ID) || w.Enabled == nil {
			return out, false, lacks("id or accountEnabled")
		}
		if a := w.Activity; a != nil {
			out.Attempt, out.Successful, out.NonInteractive = timeOf(a.Attempt), timeOf(a.Successful), timeOf(a.NonInteractive)
		}
		return out, true, nil
	})
}

// timeOf is a time in UTC; zero of none, and of year one, which Azure writes instead.
func timeOf(t *time.Time) time.Time {
	if t == nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t.UTC()
}

// Registrations implements identity.Source. $top works, but is not documented.
func (c *Client) Registrations(ctx context.Context, t fresnel.Tenant) iter.Seq2[identity.Registration, error] {
	type detail struct {
		ID         string `json:"id"`
		Registered *bool  `json:"isMfaRegistered"`
		Capable    *bool  `json:"isMfaCapable"`
	}
	list := func(query string) iter.Seq2[identity.Registration, error] {
		call := msCall{path: "/reports/authenticationMethods/userRegistrationDetails" + query, what: "registrations for MFA", permission: "AuditLog.Read.All", family: msReports}
		return msRows(ctx, c, t, call, func(w *detail) (identity.Registration, bool, error) {
			if !fresnel.IsGUID(w.ID) || w.Registered == nil || w.Capable == nil {
				return identity.Registration{}, false, lacks("id, isMfaRegistered or isMfaCapable")
			}
			return identity.Registration{Account: strings.ToLower(w.ID), Registered: *w.Registered, Capable: *w.Capable}, true, nil
		})
	}
	return orElse(list("?$top=999"), badQuery, list(""))
}

// Members implements identity.Source.
func (c *Client) Members(ctx context.Context, t fresnel.Tenant, group string) iter.Seq2[identity.Membership, error] {
	if !fresnel.IsGUID(group) {
		return func(yield func(identity.Membership, error) bool) {
			yield(identity.Membership{}, fresnel.Errorf(fresnel.Invalid, "%.60q is not the id of a group", group))
		}
	}
	group = strings.ToLower(group)
	call := msCall{path: "/groups/" + group + "/transitiveMembers?$select=id&$top=999", what: "members of groups", permission: "GroupMember.Read.All", units: 2}
	return msRows(ctx, c, t, call, func(w *msPrincipal) (identity.Membership, bool, error) {
		if !fresnel.IsGUID(w.ID) || w.Type == "" {
			return identity.Membership{}, false, lacks("id or type")
		}
		kind := w.kind() // a device or a contact holds no role
		return identity.Membership{Group: group, Member: strings.ToLower(w.ID), Kind: kind}, kind != identity.Orphan, nil
	})
}

// msPrincipal is an object of the directory: only what it is.
type msPrincipal struct {
	Type string `json:"@odata.type"`
	ID   string `json:"id"`
}

// kind is Orphan where there is no principal any more.
func (p *msPrincipal) kind() identity.PrincipalKind {
	if p == nil {
		return identity.Orphan
	}
	switch strings.ToLower(p.Type) {
	case "#microsoft.graph.user":
		return identity.User
	case "#microsoft.graph.group":
		return identity.Group
	case "#microsoft.graph.serviceprincipal":
		return identity.ServicePrincipal
	}
	return identity.Orphan
}

// Names implements identity.Source: what is not an account is looked for among
// the groups.
func (c *Client) Names(ctx context.Context, t fresnel.Tenant, ids []string) (map[string]string, error) {
	out := map[string]string{}
	g, err := c.msgraph(t)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var todo []string
	for _, id := range ids {
		if id = strings.ToLower(id); fresnel.IsGUID(id) && !seen[id] {
			seen[id] = true
			todo = append(todo, id)
		}
	}
	for _, kind := range []msCall{
		{path: "/users/", what: "names of accounts", permission: "User.Read.All"},
		{path: "/groups/", what: "names of groups", permission: "GroupMember.Read.All"},
	} {
		var unknown []string
		for len(todo) > 0 {
			some := todo[:min(msBatch, len(todo))]
			todo = todo[len(some):]
			var paths []string
			for _, id := range some {
				paths = append(paths, kind.path+id+"?$select=id,displayName")
			}
			answers, err := g.batch(ctx, kind, paths)
			if err != nil && len(out) > 0 && fresnel.KindOf(err) == fresnel.Denied {
				return out, nil // groups may not be read: the others have their names
			}
			if err != nil {
				return out, err
			}
			for i, a := range answers {
				var named struct {
					Name string `json:"displayName"`
				}
				if a.Status == http.StatusNotFound {
					unknown = append(unknown, some[i])
				} else if err := a.read(&named); err != nil {
					if len(out) > 0 {
						continue
					}
					return out, err
				} else if named.Name != "" {
					out[some[i]] = named.Name
				}
			}
		}
		todo = unknown
	}
	return out, nil
}

// AccessPolicies implements identity.Source.
func (c *Client) AccessPolicies(ctx context.Context, t fresnel.Tenant) (identity.AccessPolicies, error) {
	var out identity.AccessPolicies
	g, err := c.msgraph(t)
	if err != nil {
		return out, err
	}
	var defaults struct {
		Enabled *bool `json:"isEnabled"`
	}
	call := msCall{path: "/policies/identitySecurityDefaultsEnforcementPolicy", what: "security defaults", permission: "Policy.Read.All"}
	if err := g.get(ctx, &call, &defaults, func() error {
		if defaults.Enabled == nil {
			return lacks("isEnabled")
		}
		return nil
	}); err != nil {
		return out, err
	}
	out.Defaults = *defaults.Enabled
	var excluded map[string]bool
	call = msCall{path: "/identity/conditionalAccess/policies", what: "policies of conditional access", permission: "Policy.Read.All", family: msConditional}
	for p, err := range msRows(ctx, c, t, call, func(w *msPolicy) (*msPolicy, bool, error) { return w, true, w.check() }) {
		if err != nil {
			return identity.AccessPolicies{Defaults: out.Defaults}, err
		}
		excluded = p.add(&out, excluded)
	}
	out.Excluded = sorted(excluded)
	return out, nil
}
