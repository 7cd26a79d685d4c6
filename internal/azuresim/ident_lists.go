package azuresim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// userSet are the accounts of some condition, in the order of their numbers.
func (v *identView) userSet(kind *identKind, keep func(l *life) bool, row func(a *account) identRow) identSet {
	n := v.numbers()
	return identSet{kind: kind, n: n + len(v.ed.added), row: func(i int) identRow {
		if i >= n {
			i = identAdded + i - n
		}
		l := v.life(i)
		if !keep(&l) {
			return nil
		}
		return row(v.accountWith(i, l))
	}}
}

func (v *identView) users() identSet {
	return v.userSet(kindUsers, (*life).alive, func(a *account) identRow { return a })
}

func (g *identCall) listUsers() { g.list((*identView).users) }

// countUsers answers a plain number.
func (g *identCall) countUsers() {
	if !g.advanced() {
		g.unsupported("$count is not currently supported.")
		return
	}
	g.query.Set("$count", "true") // the path asks for it
	set := g.v.users()
	filter, ok := g.filter(kindUsers)
	if !ok {
		return
	}
	n := 0
	for i := range set.n {
		if r := set.row(i); r != nil && filter.keeps(r) {
			n++
		}
	}
	g.w.Header().Set("Content-Type", "text/plain")
	g.w.Write([]byte(strconv.Itoa(n)))
}

func (g *identCall) oneUser() {
	i, ok := g.v.accountOf(g.args[0])
	if !ok && strings.Contains(g.args[0], "@") {
		g.v.each(func(j int) bool {
			if l := g.v.life(j); l.alive() && strings.EqualFold(g.v.accountWith(j, l).principalName(), g.args[0]) {
				i, ok = j, true
			}
			return !ok
		})
	}
	if ok {
		if l := g.v.life(i); l.alive() {
			g.one(kindUsers, g.v.accountWith(i, l))
			return
		}
	}
	g.notFound(g.args[0])
}

func (g *identCall) deletedUsers() {
	g.list(func(v *identView) identSet {
		return v.userSet(kindUsers, (*life).kept, func(a *account) identRow { return a })
	})
}

// registration is a row of the report of authentication methods.
type registration struct {
	*account
	admin bool
}

func (g *identCall) registrations() {
	g.list(func(v *identView) identSet {
		admins := v.admins()
		return v.userSet(kindRegistration, func(l *life) bool { return !l.unborn && !l.purged }, func(a *account) identRow {
			if !a.reported() {
				return nil
			}
			return registration{a, admins[a.i]}
		})
	})
}

// admins are the accounts that hold a role, directly or through a group, as the report sees it.
func (v *identView) admins() map[int]bool {
	out := map[int]bool{}
	for _, x := range v.instances(assigned, activated) {
		if x.who.kind == principalUser && x.who.id == "" {
			out[x.who.i] = true
		}
	}
	return out
}

// reported says whether an account is in the report: not when it is disabled, nor are some for no reason;
// the one that was deleted last still is.
func (a *account) reported() bool {
	switch {
	case a.added != nil:
		return a.life.alive() && a.life.enabled && !a.added.NotInReport
	case a.i == a.v.accounts:
		return a.life.kept()
	case !a.life.alive() || !a.life.enabled:
		return false
	}
	return a.i < identCast || below(mix(a.key, 20), 60) > 0
}

// registered says whether an account registered for MFA: most did, and some of the others will.
func (a *account) registered() bool {
	switch {
	case a.life.mfa != "":
		return a.life.mfa == eventMFA
	case a.added != nil:
		return a.added.MFA
	case a.i == castNoMFA || a.i == castSync || a.i == castPackage || a.i == castGlass:
		return false
	case a.i < identCast:
		return true
	case a.external:
		return below(mix(a.key, 21), 100) < 35
	}
	n := below(mix(a.key, 21), 100)
	if n >= 78 && n < 85 {
		return !a.v.at.Before(a.v.start.Add(time.Duration(1+below(mix(a.key, 22), 90)) * 24 * time.Hour))
	}
	return n < 78
}

// capable says whether the account could use what it registered.
func (a *account) capable() bool { return a.registered() && below(mix(a.key, 23), 40) > 0 }

func (r registration) prop(name string) any {
	switch name {
	case "id", "userPrincipalName":
		return r.account.prop(name)
	case "userDisplayName":
		return r.displayName()
	case "userType":
		if r.isGuest() {
			return "guest"
		}
		return "member"
	case "isAdmin":
		return r.admin
	case "isMfaRegistered":
		return r.registered()
	case "isMfaCapable":
		return r.capable()
	case "isPasswordlessCapable":
		return r.capable() && below(mix(r.key, 24), 10) == 0
	case "isSsprEnabled", "isSystemPreferredAuthenticationMethodEnabled":
		return true
	case "isSsprRegistered", "isSsprCapable":
		return r.registered()
	case "methodsRegistered":
		if r.registered() {
			return []string{"microsoftAuthenticatorPush", "softwareOneTimePasscode"}
		}
		return []string{}
	case "systemPreferredAuthenticationMethods":
		return []string{}
	case "userPreferredMethodForSecondaryAuthentication":
		if r.registered() {
			return "push"
		}
		return "none"
	case "lastUpdatedDateTime":
		return r.v.at.Truncate(24 * time.Hour)
	}
	return nil
}

// isGuest is what counts as one: by type, or without a type by the name.
func (a *account) isGuest() bool {
	return a.userType == "Guest" || a.userType == "" && strings.Contains(a.principalName(), "#EXT#")
}

func (g *identCall) listGroups() {
	g.list(func(v *identView) identSet {
		return identSet{kind: kindGroups, n: len(v.groups), row: func(i int) identRow { return v.groups[i] }}
	})
}

func (g *identCall) group() int {
	i := slices.IndexFunc(g.v.groups, func(x *identGroup) bool { return strings.EqualFold(x.id, g.args[0]) })
	if i < 0 {
		g.notFound(g.args[0])
	}
	return i
}

func (g *identCall) oneGroup() {
	if i := g.group(); i >= 0 {
		g.one(kindGroups, g.v.groups[i])
	}
}

func (g *identCall) groupMembers() {
	i := g.group()
	if i < 0 {
		return
	}
	deep := strings.EqualFold(g.path[3], "transitiveMembers")
	users := len(g.path) > 4
	g.list(func(v *identView) identSet {
		if v.groups[i].everyone { // without a list of them
			set := v.userSet(kindObjects, (*life).alive, func(a *account) identRow { return refRow{a, kindUsers.entity} })
			set.typed = true
			return set
		}
		refs := v.members(i, deep)
		if users {
			refs = slices.DeleteFunc(refs, func(r identRef) bool { return r.kind != principalUser })
		}
		return v.refSet(refs)
	})
}

func (v *identView) refSet(refs []identRef) identSet {
	return identSet{kind: kindObjects, n: len(refs), typed: true, row: func(i int) identRow { return v.refRow(refs[i]) }}
}

// memberObjects are the groups that somebody is in, however deep.
func (g *identCall) memberObjects() {
	var body struct {
		SecurityEnabledOnly bool `json:"securityEnabledOnly"`
	}
	i, ok := g.v.accountOf(g.args[0])
	if err := json.NewDecoder(g.r.Body).Decode(&body); err != nil {
		g.badRequest("The body cannot be read.")
		return
	}
	if !ok {
		g.notFound(g.args[0])
		return
	}
	ids := []string{}
	for n, x := range g.v.groups {
		if slices.ContainsFunc(g.v.below(n), func(m int) bool { return g.v.groups[m].everyone || slices.Contains(g.v.groups[m].members, i) }) {
			ids = append(ids, x.id)
		}
	}
	g.json(http.StatusOK, map[string]any{"@odata.context": g.s.URL() + "/v1.0/$metadata#Collection(Edm.String)", "value": ids})
}

func (g *identCall) applications() {
	g.list(func(v *identView) identSet {
		return identSet{kind: kindApplications, n: len(v.apps), row: func(i int) identRow { return appRow{v, v.apps[i]} }}
	})
}

func (g *identCall) owners() {
	i := slices.IndexFunc(g.v.apps, func(a *identApp) bool { return strings.EqualFold(a.id, g.args[0]) })
	if i < 0 {
		g.notFound(g.args[0])
		return
	}
	g.list(func(v *identView) identSet {
		var refs []identRef
		for _, n := range v.apps[i].owners {
			if l := v.life(n); l.alive() {
				refs = append(refs, identRef{kind: principalUser, i: n})
			}
		}
		return v.refSet(refs)
	})
}

func (g *identCall) servicePrincipals() {
	g.list(func(v *identView) identSet {
		return identSet{kind: kindServices, n: len(v.principals), row: func(i int) identRow { return serviceRow{v, v.principals[i]} }}
	})
}

// serviceOwners: here nobody owns a service principal.
func (g *identCall) serviceOwners() {
	if !slices.ContainsFunc(g.v.principals, func(p *identPrincipal) bool { return strings.EqualFold(p.id, g.args[0]) }) {
		g.notFound(g.args[0])
		return
	}
	g.list(func(v *identView) identSet { return v.refSet(nil) })
}
