package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// directory is a tenant's identity as plain words say what becomes of it.
type directory struct {
	accounts         map[string]held
	roles            map[string]identity.Role
	active, eligible map[string]identity.Holding
	members          map[[2]string]identity.Membership // by member and group
	azure            map[string]identity.AzureRole
	apps             map[string]identity.Application
	read, failed     map[identity.Fact]time.Time
	judged           time.Time
	others           map[string]identity.PrincipalKind
	counts           map[string]identity.RoleCount
	days             map[fresnel.Day]map[identity.List]int
}

// held is an account.
type held struct {
	Class         identity.Class
	Created, Last time.Time
	Told          bool
}

func newDirectory() *directory {
	return &directory{accounts: map[string]held{}, read: map[identity.Fact]time.Time{}, failed: map[identity.Fact]time.Time{}, days: map[fresnel.Day]map[identity.List]int{}}
}

// change changes the accounts of some ids that are there.
func (d *directory) change(id string, f func(a *held)) {
	if a, ok := d.accounts[id]; ok {
		f(&a)
		d.accounts[id] = a
	}
}

func (d *directory) put(list []identity.AccountChange) {
	last := map[string]identity.AccountChange{}
	for _, c := range list {
		last[c.ID] = c
	}
	for _, c := range last {
		if c.Gone {
			delete(d.accounts, c.ID)
			continue
		}
		a := d.accounts[c.ID]
		if a.Class.Enabled != c.Enabled {
			a.Class.Use = identity.UseUnknown
		}
		a.Created = c.Created
		a.Class.Guest, a.Class.External, a.Class.Enabled, a.Class.Synced = c.Guest, c.External, c.Enabled, c.Synced
		a.Class.Licensed, a.Class.Service, a.Class.Pending = c.Licensed, c.Service, c.Pending
		d.accounts[c.ID] = a
	}
}

func (d *directory) power(p identity.Power) {
	d.roles, d.active = map[string]identity.Role{}, map[string]identity.Holding{}
	for _, r := range p.Roles {
		d.roles[r.ID] = r
	}
	may := map[string]identity.Holding{}
	for _, h := range p.Holdings {
		if h.Eligible {
			may[h.ID] = h
		} else {
			d.active[h.ID] = h
		}
	}
	if p.Eligible {
		d.eligible = may
	} else if len(may) > 0 {
		panic("storetest: eligible roles of which nothing is known")
	}
	if p.Grouped {
		d.members = map[[2]string]identity.Membership{}
		for _, m := range p.Members {
			d.members[[2]string{m.Member, m.Group}] = m
		}
	}
}

func (d *directory) rbac(silent []string, list []identity.AzureRole) {
	now := map[string]identity.AzureRole{}
	for _, a := range list {
		now[a.ID] = a
	}
	for id, a := range d.azure {
		if slices.Contains(silent, a.Subscription) {
			now[id] = a
		}
	}
	d.azure = now
}

// grants are what every principal holds, by itself and through groups: at an instant,
// or all that is told.
func (d *directory) grants(at time.Time) (out map[string][]identity.Grant, kinds map[string]identity.PrincipalKind) {
	out, kinds = map[string][]identity.Grant{}, map[string]identity.PrincipalKind{}
	give := func(principal string, kind identity.PrincipalKind, g identity.Grant) {
		if kind != identity.Group {
			out[principal], kinds[principal] = append(out[principal], g), kind
			return
		}
		g.Through = principal
		for _, m := range d.members {
			if m.Group == principal && (!g.Azure || g.Tier >= identity.Privileged) {
				out[m.Member], kinds[m.Member] = append(out[m.Member], g), m.Kind
			}
		}
	}
	for _, set := range []map[string]identity.Holding{d.active, d.eligible} {
		for _, h := range set {
			if !at.IsZero() && !h.End.IsZero() && !h.End.After(at) {
				continue
			}
			r := d.roles[h.Role]
			r.ID = h.Role
			give(h.Principal, h.Kind, identity.Grant{Role: h.Role, Name: r.Name, Tier: identity.TierAt(r, h.Scope), Scope: h.Scope, Eligible: h.Eligible, Activated: h.Activated, End: h.End})
		}
	}
	for _, a := range d.azure {
		give(a.Principal, a.Kind, identity.GrantOf(a))
	}
	return out, kinds
}

// judge says of every account what it is counted by, and counts roles and the day.
func (d *directory) judge(j identity.Judging, at time.Time) {
	grants, kinds := d.grants(at)
	d.others, d.counts, d.judged = map[string]identity.PrincipalKind{}, map[string]identity.RoleCount{}, at
	for id, a := range d.accounts {
		c := &a.Class
		c.Active, c.Eligible, c.Standing, c.Global, c.Roles, c.Azure = 0, 0, false, false, false, false
		for _, g := range grants[id] {
			strong := g.Tier >= identity.Privileged
			if g.Azure {
				c.Azure = c.Azure || strong
				continue
			}
			c.Roles = true
			if g.Eligible {
				c.Eligible = max(c.Eligible, g.Tier)
				continue
			}
			c.Active = max(c.Active, g.Tier)
			c.Standing = c.Standing || strong && !g.Activated && g.End.IsZero()
			c.Global = c.Global || g.Role == identity.GlobalAdministrator
		}
		c.Emergency, c.Use = slices.Contains(j.Emergency, id), identity.UseUnknown
		if c.Enabled {
			signIns := d.read[identity.FactSignIns]
			c.Use = identity.UseSince(a.Created, a.Last, a.Told && !signIns.IsZero(), j.Limits, signIns)
		}
		d.accounts[id] = a
	}
	for id, list := range grants {
		d.weigh(id, kinds[id], list)
	}
	d.day(at)
}

// weigh counts a principal to each of its roles once.
func (d *directory) weigh(id string, kind identity.PrincipalKind, list []identity.Grant) {
	_, account := d.accounts[id]
	accounts := d.read[identity.FactAccounts]
	current := !accounts.IsZero() && !accounts.Before(d.read[identity.FactAzureRoles])
	told := slices.ContainsFunc(list, func(g identity.Grant) bool { return !g.Azure }) // the directory says that it is there
	if kind == identity.User && !account && current && !told {
		kind = identity.Orphan
	}
	strong := func(g identity.Grant) bool { return g.Tier >= identity.Privileged }
	if !account && (kind == identity.Orphan || slices.ContainsFunc(list, strong)) {
		d.others[id] = kind
	}
	for i, g := range list {
		if g.Azure && !strong(g) {
			continue
		}
		k := fmt.Sprint(g.Azure, g.Role)
		n := d.counts[k]
		n.Azure, n.Role, n.Tier = g.Azure, g.Role, g.Tier
		has := func(f func(o identity.Grant) bool) int {
			if slices.ContainsFunc(list, func(o identity.Grant) bool { return o.Azure == g.Azure && o.Role == g.Role && f(o) }) {
				return 1
			}
			return 0
		}
		if !account && kind == identity.Orphan {
			n.Orphans++ // each assignment
			d.counts[k] = n
			continue
		}
		if slices.IndexFunc(list, func(o identity.Grant) bool { return o.Azure == g.Azure && o.Role == g.Role }) != i {
			continue // it was counted with the first
		}
		switch {
		case !account && kind == identity.ServicePrincipal:
			n.Apps++
		default:
			n.Active += has(func(o identity.Grant) bool { return !o.Eligible })
			n.Eligible += has(func(o identity.Grant) bool { return o.Eligible })
			if account {
				n.Standing += has(func(o identity.Grant) bool { return o.Azure || !o.Eligible && !o.Activated && o.End.IsZero() })
			}
		}
		d.counts[k] = n
	}
}

// day keeps the lengths of the lists of which all was read in the last two days.
func (d *directory) day(at time.Time) {
	out := map[identity.List]int{}
	for _, l := range identity.TrendLists() {
		if slices.ContainsFunc(slices.Concat(l.Needs(), l.Parts()), func(f identity.Fact) bool { return d.read[f].IsZero() || at.Sub(d.read[f]) > 48*time.Hour }) {
			continue
		}
		out[l] = 0
		for _, a := range d.accounts {
			if l.Has(a.Class) {
				out[l]++
			}
		}
	}
	if len(out) > 0 {
		d.days[fresnel.DayOf(at)] = out
	}
}

// chance makes random identity, of few ids, so that much is changed again.
type chance struct{ *rand.Rand }

func (r chance) yes() bool             { return r.IntN(2) == 0 }
func (r chance) account() string       { return fmt.Sprintf("u%02d", r.IntN(14)) }
func (r chance) of(s ...string) string { return s[r.IntN(len(s))] }

// when is a second of some days before or after an instant; sometimes none.
func (r chance) when(at time.Time, before, after int) time.Time {
	if r.IntN(5) == 0 {
		return time.Time{}
	}
	return at.Add(time.Duration(r.IntN(24*(before+after))-24*before) * time.Hour)
}

func (r chance) principal() (string, identity.PrincipalKind) {
	switch r.IntN(7) {
	case 0, 1:
		return r.of("g0", "g1", "g2"), identity.Group
	case 2:
		return r.of("s0", "s1", "s2"), identity.ServicePrincipal
	case 3:
		return r.of("x0", "x1"), identity.Orphan
	}
	return r.account(), identity.User
}

func (r chance) changes(at time.Time) (out []identity.AccountChange) {
	for range 1 + r.IntN(8) {
		a := identity.AccountChange{Account: identity.Account{ID: r.account(), Guest: r.yes(), External: r.yes(), Enabled: r.IntN(4) > 0, Synced: r.yes(), Licensed: r.yes(), Service: r.IntN(9) == 0, Pending: r.yes(), Created: r.when(at, 60, 0)}}
		if r.IntN(8) == 0 {
			a = identity.AccountChange{Account: identity.Account{ID: a.ID}, Gone: true}
		}
		out = append(out, a) // one may come twice: the last is right
	}
	return out
}

var modelRoles = []string{identity.GlobalAdministrator, "fe930be7-5e62-47db-91af-98c3a49a38b1", "f2ef992c-3afb-46b9-b7cf-a126ee74c451", "custom", "plain"}

func (r chance) power(at time.Time) identity.Power {
	p := identity.Power{Eligible: r.yes(), Grouped: r.yes()}
	for _, id := range modelRoles {
		if r.IntN(4) > 0 {
			p.Roles = append(p.Roles, identity.Role{ID: id, Name: r.of("A", "B"), BuiltIn: id != "custom", Privileged: id == "custom" && r.yes()})
		}
	}
	for range r.IntN(12) {
		h := identity.Holding{ID: fmt.Sprintf("h%d", r.IntN(10)), Role: r.of(modelRoles...), Scope: r.of("/", "/administrativeUnits/a"), Eligible: p.Eligible && r.yes(), Activated: r.IntN(4) == 0, End: r.when(at, 5, 20)}
		h.Principal, h.Kind = r.principal()
		if r.yes() {
			h.End = time.Time{}
		}
		p.Holdings = append(p.Holdings, h)
	}
	for range r.IntN(8) {
		m := identity.Membership{Group: r.of("g0", "g1", "g2"), Member: r.account(), Kind: identity.User}
		if r.IntN(4) == 0 {
			m.Member, m.Kind = "s1", identity.ServicePrincipal
		}
		p.Members = append(p.Members, m)
	}
	return p
}

func (r chance) rbac() (silent []string, out []identity.AzureRole) {
	for i := range 3 {
		sub := SubscriptionID(9, i)
		if r.IntN(3) == 0 {
			silent = append(silent, sub)
			continue
		}
		for n := range r.IntN(4) {
			a := identity.AzureRole{ID: fmt.Sprintf("/subscriptions/%s/%d", sub, n), Subscription: sub, Scope: "/subscriptions/" + sub, Role: r.of(identity.AzureOwner, identity.AzureUserAccess, identity.AzureContributor, "owns")}
			a.Owner = a.Role == "owns"
			a.Principal, a.Kind = r.principal()
			out = append(out, a)
		}
	}
	return silent, out
}

func (r chance) apps(at time.Time) (out []identity.Application) {
	for i := range 4 {
		if r.IntN(3) == 0 {
			continue
		}
		a := identity.Application{ID: fmt.Sprintf("s%d", i), AppID: fmt.Sprintf("c%d", i/2), Name: r.of("Portal", "=Payroll"), Service: i%2 == 0}
		for _, id := range []string{"o1", "o2"} {
			if r.yes() {
				a.Owners = append(a.Owners, id)
			}
		}
		for n := range r.IntN(4) {
			end := r.when(at, 40, 100)
			a.Credentials = append(a.Credentials, identity.Credential{ID: fmt.Sprintf("k%d", n), Certificate: r.yes(), Start: at.AddDate(-r.IntN(4), 0, 0), End: end})
		}
		out = append(out, a)
	}
	return out
}

// some are about half of the accounts that there may be.
func (r chance) some() map[string]struct{} {
	out := map[string]struct{}{}
	for i := range 14 {
		if r.yes() {
			out[fmt.Sprintf("u%02d", i)] = struct{}{}
		}
	}
	return out
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
