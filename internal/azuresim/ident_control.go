package azuresim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// NewAccount is an account that a test adds.
type NewAccount struct {
	DisplayName       string `json:"displayName"`
	UserPrincipalName string `json:"userPrincipalName"`
	Mail              string `json:"mail"`
	UserType          string `json:"userType"` // Member, Guest, or "" for none
	ExternalUserState string `json:"externalUserState"`
	Disabled          bool   `json:"disabled"`
	Synced            bool   `json:"synced"`
	Licensed          bool   `json:"licensed"`
	MFA               bool   `json:"mfa"`
	NotInReport       bool   `json:"notInReport"`

	Created            time.Time `json:"created"` // zero = now
	LastSignIn         time.Time `json:"lastSignIn"`
	LastSuccessful     time.Time `json:"lastSuccessful"`
	LastNonInteractive time.Time `json:"lastNonInteractive"`
}

// AddAccount adds an account to a tenant, and tells its id.
func (s *Server) AddAccount(tenant string, a NewAccount) (string, error) {
	if a.DisplayName == "" || a.UserPrincipalName == "" {
		return "", errors.New("azuresim: an account needs a displayName and a userPrincipalName")
	}
	id := ""
	err := s.editDirectory(tenant, func(v *identView, n *identEdits) error {
		if a.Created.IsZero() {
			a.Created = v.at.Truncate(time.Second)
		}
		a.Created = a.Created.UTC()
		id = v.accountID(identAdded + len(n.added))
		n.added = append(n.added, addedAccount{a, v.at, n.seq})
		return nil
	})
	return id, err
}

// ChangeAccount deletes, purges (deletes for good), restores, disables or enables an account, lets it sign
// in, or gives (mfa) or takes (nomfa) what it registered for MFA.
func (s *Server) ChangeAccount(tenant, id, what string) error {
	if !slices.Contains([]string{eventDelete, eventPurge, eventRestore, eventDisable, eventEnable, eventSignIn, eventMFA, eventNoMFA}, what) {
		return fmt.Errorf("azuresim: account: %q is not delete, purge, restore, disable, enable, signin, mfa or nomfa", what)
	}
	return s.editDirectory(tenant, func(v *identView, n *identEdits) error {
		i, ok := v.accountOf(id)
		if !ok {
			return fmt.Errorf("azuresim: account %q is unknown", id)
		}
		l := v.life(i)
		if what == eventRestore && !l.kept() || what != eventRestore && what != eventPurge && !l.alive() {
			return fmt.Errorf("azuresim: account %q cannot %s: it is deleted, or it is not", id, what)
		}
		n.events[i] = append(slices.Clip(n.events[i]), identEvent{v.at.Truncate(time.Second), n.seq, what})
		return nil
	})
}

// RoleAssignment is what a test adds to the roles of a directory.
type RoleAssignment struct {
	Role      string    `json:"role"`      // id of the template
	Principal string    `json:"principal"` // id of an account, a group or a service principal
	Kind      string    `json:"kind"`      // Assigned (also ""), Eligible
	End       time.Time `json:"end"`       // zero = none
}

// AddRoleAssignment adds one, and tells its id.
func (s *Server) AddRoleAssignment(tenant string, a RoleAssignment) (string, error) {
	id := ""
	err := s.editDirectory(tenant, func(v *identView, n *identEdits) error {
		if a.Kind == "" {
			a.Kind = assigned
		}
		to, ok := v.find(a.Principal)
		if v.role(a.Role) == nil || !ok || a.Kind != assigned && a.Kind != eligible {
			return fmt.Errorf("azuresim: role %q, principal %q or kind %q is unknown", a.Role, a.Principal, a.Kind)
		}
		id = opaqueID(mix(v.key, label("added assignment"), uint64(n.seq)))
		n.roles = append(n.roles, &identAssignment{id: id, role: a.Role, to: to, kind: a.Kind, from: v.at, end: a.End})
		return nil
	})
	return id, err
}

// find is what an id names.
func (v *identView) find(id string) (identRef, bool) {
	if i, ok := v.accountOf(id); ok {
		return identRef{kind: principalUser, i: i}, true
	}
	if i := slices.IndexFunc(v.groups, func(g *identGroup) bool { return strings.EqualFold(g.id, id) }); i >= 0 {
		return identRef{kind: principalGroup, i: i}, true
	}
	i := slices.IndexFunc(v.principals, func(p *identPrincipal) bool { return strings.EqualFold(p.id, id) })
	return identRef{kind: principalService, i: i}, i >= 0
}

// AddAzureRole gives a role of Azure to a principal at a scope, and tells the id of the assignment.
func (s *Server) AddAzureRole(tenant, scope, role, principal string) (string, error) {
	id := ""
	err := s.editDirectory(tenant, func(v *identView, n *identEdits) error {
		sub, err := v.validScope(scope)
		if err != nil {
			return err
		}
		to, ok := v.find(principal)
		if !ok || !slices.ContainsFunc(v.azureRoles(), func(r azureRole) bool { return r.id == role }) {
			return fmt.Errorf("azuresim: role %q or principal %q is unknown", role, principal)
		}
		a := &rbacAssignment{name: guid(mix(v.key, label("added role"), uint64(n.seq))), sub: sub, scope: scope, role: role, to: to, from: v.at}
		n.rbac = append(n.rbac, a)
		id = a.id()
		return nil
	})
	return id, err
}

// RemoveIdentity takes away what has an id: an assignment of a role of the directory or of Azure, or a
// credential by its keyId.
func (s *Server) RemoveIdentity(tenant, id string) error {
	return s.editDirectory(tenant, func(v *identView, n *identEdits) error {
		id = id[strings.LastIndexByte(id, '/')+1:]
		if !v.removable(id) {
			return fmt.Errorf("azuresim: there is no assignment or credential %q", id)
		}
		n.ended[id] = v.at
		return nil
	})
}

func (v *identView) removable(id string) bool {
	for _, list := range [][]*identAssignment{v.assignments, v.ed.roles} {
		if slices.ContainsFunc(list, func(a *identAssignment) bool { return a.id == id }) {
			return true
		}
	}
	for _, list := range v.rbac {
		if slices.ContainsFunc(list, func(a *rbacAssignment) bool { return a.name == id }) {
			return true
		}
	}
	same := func(c identCredential) bool { return c.id == id }
	if slices.ContainsFunc(v.ed.rbac, func(a *rbacAssignment) bool { return a.name == id }) ||
		slices.ContainsFunc(v.apps, func(a *identApp) bool { return slices.ContainsFunc(v.credentialsOf(a.id, a.credentials), same) }) {
		return true
	}
	return slices.ContainsFunc(v.principals, func(p *identPrincipal) bool { return slices.ContainsFunc(v.credentialsOf(p.id, p.credentials), same) })
}

// Credential is one that a test adds to an application or a service principal.
type Credential struct {
	Of          string    `json:"of"` // object id
	Certificate bool      `json:"certificate"`
	Start       time.Time `json:"start"` // zero = now
	End         time.Time `json:"end"`   // zero = none
}

// AddCredential adds one, and tells its keyId.
func (s *Server) AddCredential(tenant string, c Credential) (string, error) {
	id := ""
	err := s.editDirectory(tenant, func(v *identView, n *identEdits) error {
		known := slices.ContainsFunc(v.apps, func(a *identApp) bool { return a.id == c.Of }) || slices.ContainsFunc(v.principals, func(p *identPrincipal) bool { return p.id == c.Of })
		if !known {
			return fmt.Errorf("azuresim: application %q is unknown", c.Of)
		}
		if c.Start.IsZero() {
			c.Start = v.at
		}
		id = guid(mix(v.key, label("added credential"), uint64(n.seq)))
		n.keys[c.Of] = append(slices.Clip(n.keys[c.Of]), identCredential{id: id, name: "added", password: !c.Certificate, start: c.Start, end: c.End, added: v.at})
		return nil
	})
	return id, err
}
