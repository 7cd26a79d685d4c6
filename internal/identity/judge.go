package identity

import (
	"cmp"
	"slices"
	"time"
)

// Held is all that is held of a tenant's roles.
type Held struct {
	Roles    []Role
	Holdings []Holding
	Members  []Membership
	Azure    []AzureRole
}

// Weighed is who holds what, by principal. Accounts are shown to it one by one:
// whoever is not among them is no account.
type Weighed struct {
	roles   map[string]Role
	grants  map[string][]Grant
	kinds   map[string]PrincipalKind
	counts  map[roleKey]*RoleCount
	shown   map[string]bool
	orphans map[string]bool // of which Azure says so itself
	live    map[string]bool // of which the directory says that they are there
}

type roleKey struct {
	azure bool
	role  string
}

// Weigh finds out what every principal holds at an instant, by itself and through
// groups.
func Weigh(h Held, now time.Time) *Weighed {
	w := &Weighed{
		roles: map[string]Role{}, grants: map[string][]Grant{}, kinds: map[string]PrincipalKind{}, counts: map[roleKey]*RoleCount{},
		shown: map[string]bool{}, orphans: map[string]bool{}, live: map[string]bool{},
	}
	for _, r := range h.Roles {
		w.roles[r.ID] = r
	}
	in := map[string][]Membership{}
	for _, m := range h.Members {
		in[m.Group] = append(in[m.Group], m)
	}
	give := func(principal string, kind PrincipalKind, g Grant) {
		if kind != Group {
			w.add(principal, kind, g)
			return
		}
		g.Through = principal
		for _, m := range in[principal] {
			if m.Kind == User || m.Kind == ServicePrincipal {
				w.add(m.Member, m.Kind, g)
			}
		}
	}
	for _, x := range h.Holdings {
		if !x.End.IsZero() && !x.End.After(now) {
			continue
		}
		r := w.roles[x.Role]
		r.ID = x.Role
		give(x.Principal, x.Kind, Grant{Role: x.Role, Name: r.Name, Tier: TierAt(r, x.Scope), Scope: x.Scope, Eligible: x.Eligible, Activated: x.Activated, Unsure: x.Unsure, End: x.End})
	}
	for _, x := range h.Azure {
		if x.Kind == Group && !x.Powerful() {
			continue // whoever is in it holds nothing that is counted
		}
		give(x.Principal, x.Kind, GrantOf(x))
	}
	return w
}

// GrantOf is what an assignment of a role of Azure gives.
func GrantOf(r AzureRole) Grant {
	return Grant{Role: r.Role, Name: azureRoleName(r), Tier: r.tier(), Azure: true, Scope: r.Scope, Subscription: r.Subscription}
}

func (w *Weighed) add(principal string, kind PrincipalKind, g Grant) {
	w.grants[principal] = append(w.grants[principal], g)
	if !g.Azure && kind == User {
		w.live[principal] = true
	}
	if kind == Orphan {
		w.orphans[principal] = true
	}
	if w.kinds[principal] == "" {
		w.kinds[principal] = kind
	}
}

// Standing tells whether the role is held for good, without being asked for.
func (g Grant) Standing() bool {
	return !g.Azure && !g.Eligible && !g.Activated && !g.Unsure && g.End.IsZero()
}

// tier is that of a role of Azure: to give access is as good as to have it.
func (r AzureRole) tier() Tier {
	if r.Powerful() {
		return Privileged
	}
	return Plain
}

// azureRoleName is what a role of Azure is called; "" = not known.
func azureRoleName(r AzureRole) string {
	if name := map[string]string{
		AzureOwner: "Owner", AzureUserAccess: "User Access Administrator", AzureRBAC: "Role Based Access Control Administrator", AzureContributor: "Contributor",
	}[r.Role]; name != "" || !r.Owner {
		return name
	}
	return "Custom role that equals Owner"
}

// Show tells that an account exists, and gives its class with what it holds.
func (w *Weighed) Show(id string, c Class) Class {
	c.Active, c.Eligible, c.Standing, c.Global, c.Roles, c.Azure = Plain, Plain, false, false, false, false
	list := w.grants[id]
	if len(list) == 0 {
		return c
	}
	w.shown[id] = true
	for _, g := range list {
		switch {
		case g.Azure:
			c.Azure = c.Azure || g.Tier >= Privileged
			continue
		case g.Eligible:
			c.Eligible = max(c.Eligible, g.Tier)
		default:
			c.Active = max(c.Active, g.Tier)
			c.Standing = c.Standing || g.Tier >= Privileged && g.Standing()
			c.Global = c.Global || g.Role == GlobalAdministrator
		}
		c.Roles = true
	}
	w.count(list, func(n *RoleCount, active, standing, eligible bool) {
		n.Active += number(active)
		n.Standing += number(standing)
		n.Eligible += number(eligible)
	})
	return c
}

func number(is bool) int {
	if is {
		return 1
	}
	return 0
}

// count adds a principal to each role that it has, once.
func (w *Weighed) count(list []Grant, add func(n *RoleCount, active, standing, eligible bool)) {
	type how struct{ active, standing, eligible bool }
	by := map[roleKey]*how{}
	for _, g := range list {
		if g.Azure && g.Tier < Privileged {
			continue // of the roles that give no access to others there is no list
		}
		k := roleKey{g.Azure, g.Role}
		n := w.counts[k]
		if n == nil {
			r := w.roles[g.Role]
			n = &RoleCount{Role: g.Role, Name: g.Name, Azure: g.Azure, Tier: g.Tier, BuiltIn: r.BuiltIn}
			if g.Azure {
				n.BuiltIn = g.Role == AzureOwner || g.Role == AzureUserAccess || g.Role == AzureRBAC
			}
			w.counts[k] = n
		}
		h := by[k]
		if h == nil {
			h = &how{}
			by[k] = h
		}
		h.active = h.active || !g.Eligible
		h.eligible = h.eligible || g.Eligible
		h.standing = h.standing || g.Standing() || g.Azure
	}
	for k, h := range by {
		add(w.counts[k], h.active, h.standing, h.eligible)
	}
}

// Others gives the principals that hold something and are no account that was
// shown, by id. accounts: all accounts were shown, so that one that was not is no more.
func (w *Weighed) Others(accounts bool) []OtherRow {
	var out []OtherRow
	for id, list := range w.grants {
		if w.shown[id] {
			continue
		}
		kind := w.kinds[id]
		if w.orphans[id] || kind == User && accounts && !w.live[id] {
			kind = Orphan
		}
		strong := slices.ContainsFunc(list, func(g Grant) bool { return g.Tier >= Privileged })
		if strong || kind == Orphan {
			out = append(out, OtherRow{Principal: Principal{ID: id}, Kind: kind})
		}
		w.count(list, func(n *RoleCount, active, _, eligible bool) {
			switch kind {
			case ServicePrincipal:
				n.Apps++
			case Orphan:
				for _, g := range list {
					n.Orphans += number(g.Role == n.Role && g.Azure == n.Azure)
				}
			default: // an account of which nothing is known
				n.Active += number(active)
				n.Eligible += number(eligible)
			}
		})
	}
	slices.SortFunc(out, func(a, b OtherRow) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Roles gives each role that somebody holds. All accounts were shown, and Others
// was asked.
func (w *Weighed) Roles() []RoleCount {
	out := make([]RoleCount, 0, len(w.counts))
	for _, n := range w.counts {
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b RoleCount) int {
		return cmp.Or(compareBool(a.Azure, b.Azure), cmp.Compare(a.Role, b.Role))
	})
	return out
}
