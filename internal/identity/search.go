package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fresnel"
)

// TenantFacts is what a search reads of one tenant.
type TenantFacts interface {
	Mark(ctx context.Context, t fresnel.TenantID) (mark string, read map[Fact]time.Time, err error)
	Held(ctx context.Context, t fresnel.TenantID) (Held, error)
	// Walk shows every account, some at a time, in the order of their ids. each may
	// ask the database. The last time it shows fewer than before, or none.
	Walk(ctx context.Context, t fresnel.TenantID, each func([]AccountRow) error) error
	Applications(ctx context.Context, t fresnel.TenantID) ([]Application, error)
}

// FindingSink keeps findings. It fails with Conflict under a lost lease.
type FindingSink interface {
	HeldOf(ctx context.Context, id fresnel.TenantID, rules []string) ([]fresnel.Finding, error)
	// HeldIn is HeldOf about objects after one, up to another.
	HeldIn(ctx context.Context, id fresnel.TenantID, rules []string, after, upTo string) ([]fresnel.Finding, error)
	KeepAll(ctx context.Context, id fresnel.TenantID, r fresnel.Reconciled, now time.Time) error
}

// Search looks for what is wrong in a tenant.
type Search struct {
	Facts     TenantFacts
	Kept      FindingSink
	Limits    Limits
	Emergency []string // break-glass accounts: they are to have power, without being used
	Now       func() time.Time
}

// search is one of one tenant.
type search struct {
	tenant fresnel.TenantID
	limits Limits
	now    time.Time
	knows  map[Fact]bool
	judged map[string]bool // rules by whether all is known that they need
	found  []fresnel.Finding
	// current: the accounts are as young as the roles of Azure, which go on naming
	// accounts that are no more.
	current bool
	global  []string        // global administrators
	alive   map[string]bool // of the accounts that own something
	grants  map[string][]Grant
}

// Detail is what a finding tells beside its object: never a name of a person.
type Detail struct {
	Roles       []string   `json:"roles,omitempty"`
	Count       int        `json:"count,omitempty"`
	LastUse     *time.Time `json:"last_use,omitempty"`
	Created     *time.Time `json:"created,omitempty"`
	End         *time.Time `json:"end,omitempty"`
	Application string     `json:"application,omitempty"`
	Scope       string     `json:"scope,omitempty"`
	Principal   string     `json:"principal,omitempty"`
}

// Tenant searches one tenant. A rule whose facts were never read says nothing; what
// it found while they were stands.
func (s Search) Tenant(ctx context.Context, t fresnel.Tenant) error {
	_, read, err := s.Facts.Mark(ctx, t.ID)
	if err != nil {
		return fmt.Errorf("identity: search %s: %w", t.ID, err)
	}
	x := &search{tenant: t.ID, limits: s.Limits, now: s.Now(), knows: map[Fact]bool{}, alive: map[string]bool{}, grants: map[string][]Grant{}}
	for f, at := range read {
		x.knows[f] = !at.IsZero()
	}
	held, err := s.Facts.Held(ctx, t.ID)
	if err != nil {
		return fmt.Errorf("identity: search %s: %w", t.ID, err)
	}
	apps, err := s.Facts.Applications(ctx, t.ID)
	if err != nil {
		return fmt.Errorf("identity: search %s: %w", t.ID, err)
	}
	w := Weigh(held, x.now)
	x.grants = w.grants
	for _, a := range apps {
		for _, o := range a.Owners {
			x.alive[o] = false
		}
	}
	exists := map[string]bool{} // of those that hold a role of Azure
	for _, a := range held.Azure {
		exists[a.Principal] = false
	}
	x.current = !read[FactAccounts].IsZero() && !read[FactAccounts].Before(read[FactAzureRoles])
	accounts, others := x.rules()
	after := "account/"
	keep := func(upTo string) error {
		held, err := s.Kept.HeldIn(ctx, t.ID, accounts, after, upTo)
		after = upTo
		return s.keep(ctx, x, held, err)
	}
	// There may be many: they are kept as they come, in the order of their ids.
	if err := s.Facts.Walk(ctx, t.ID, func(some []AccountRow) error {
		for _, a := range some {
			if _, ok := x.alive[a.ID]; ok {
				x.alive[a.ID] = true
			}
			if _, ok := exists[a.ID]; ok {
				exists[a.ID] = true
			}
			x.account(a, slices.Contains(s.Emergency, a.ID))
		}
		if len(some) == 0 {
			return nil
		}
		return keep("account/" + some[len(some)-1].ID)
	}); err != nil {
		return fmt.Errorf("identity: search %s: %w", t.ID, err)
	}
	if err := keep("account/~"); err != nil { // of accounts behind the last there are none any more
		return err
	}
	x.administrators()
	x.applications(apps)
	x.orphans(held, exists)
	old, err := s.Kept.HeldOf(ctx, t.ID, others)
	return s.keep(ctx, x, old, err)
}

// rules are those about accounts, and the others.
func (x *search) rules() (accounts, others []string) {
	x.judged = map[string]bool{}
	for _, r := range Rules() {
		x.judged[r.ID] = x.judges(r)
		switch r.ID {
		case RuleGlobalAdmins, RuleAppControl, RuleOrphanRole, RuleCredentialExpired, RuleCredentialEnding, RuleCredentialLong, RuleAppOwner:
			others = append(others, r.ID)
		default:
			accounts = append(accounts, r.ID)
		}
	}
	return accounts, others
}

// keep writes what changed of what was held, and forgets what was found.
func (s Search) keep(ctx context.Context, x *search, held []fresnel.Finding, err error) error {
	if err != nil {
		return fmt.Errorf("identity: findings of %s: %w", x.tenant, err)
	}
	judged := x.judged
	x.found = slices.DeleteFunc(x.found, func(f fresnel.Finding) bool { return !judged[f.Rule] })
	detail := map[int64]string{}
	for _, h := range held {
		detail[h.ID] = h.Detail
	}
	same := func(h, f fresnel.Finding) bool { return h.Rule == f.Rule }
	r := fresnel.Reconcile(held, x.found, same, func(f fresnel.Finding) bool { return judged[f.Rule] })
	r.Put = slices.DeleteFunc(r.Put, func(f fresnel.Finding) bool {
		was, ok := detail[f.ID]
		return ok && was == f.Detail
	})
	x.found = x.found[:0]
	if len(r.Put)+len(r.Resolved) == 0 {
		return nil
	}
	return s.Kept.KeepAll(ctx, x.tenant, r, x.now)
}

// judges tells whether all is known that a rule needs.
func (x *search) judges(r Rule) bool {
	if r.ID == RuleOrphanRole {
		return x.knows[FactRoles] || x.knows[FactAzureRoles]
	}
	return !slices.ContainsFunc(r.needs, func(f Fact) bool { return !x.knows[f] })
}

// add finds something: since today, unless it was found before.
func (x *search) add(rule, object string, d Detail) {
	text, err := json.Marshal(d)
	if err != nil { // texts, numbers and times of this century
		text = []byte("{}")
	}
	x.found = append(x.found, fresnel.Finding{Tenant: x.tenant, Rule: rule, Object: object, Since: fresnel.DayOf(x.now), Detail: string(text)})
}

// some is a time, or nothing.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// account looks at one account.
func (x *search) account(a AccountRow, emergency bool) {
	c, object := a.Class, "account/"+a.ID
	when := func(is bool, rule string, d Detail) {
		if is {
			x.add(rule, object, d)
		}
	}
	if c.Global {
		x.global = append(x.global, a.ID)
	}
	roles := Detail{Roles: rolesOf(x.grants[a.ID])}
	if !emergency {
		when(c.Enabled && (c.Powerful() || c.Eligible >= Privileged) && c.MFA == MFAMissing, RuleNoMFA, roles)
		when(c.Standing, RuleStanding, roles)
	}
	when(c.Guest && c.Active == ControlPlane, RuleGuestControl, roles)
	when(c.Synced && c.Active == ControlPlane, RuleSyncedControl, roles)
	when(c.Guest && c.Azure, RuleAzureGuest, roles)
	when(!c.Enabled && (c.Roles || c.Azure), RuleDisabledRole, roles)
	when(!c.Enabled && c.Licensed, RuleDisabledLicence, Detail{})
	if emergency || c.Service {
		return
	}
	idle := Detail{LastUse: some(a.LastUse), Created: some(a.Created)}
	when(c.Use == Stale && !c.Guest, RuleStaleMember, idle)
	when(c.Use == Stale && c.Guest, RuleStaleGuest, idle)
	when(c.Use == Never, RuleNeverUsed, idle)
}

// rolesOf are the names of the roles with power, each once.
func rolesOf(list []Grant) []string {
	var out []string
	for _, g := range list {
		if name := g.Name; g.Tier >= Privileged {
			if name == "" {
				name = g.Role
			}
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (x *search) administrators() {
	if n := len(x.global); n > MostGlobalAdmins {
		x.add(RuleGlobalAdmins, "tenant", Detail{Count: n})
	}
}

// applications looks at what proves applications.
func (x *search) applications(list []Application) {
	for _, a := range list {
		if _, ok := x.alive[a.ID]; ok {
			x.alive[a.ID] = true // an application may own another one
		}
	}
	secret := map[string]bool{} // by application: a password that is good
	for _, a := range list {
		secret[a.AppID] = secret[a.AppID] || x.password(a)
	}
	for _, a := range list {
		x.credentials(a)
		if a.Service && secret[a.AppID] {
			for _, g := range x.grants[a.ID] {
				if !g.Azure && !g.Eligible && g.Tier == ControlPlane {
					x.add(RuleAppControl, "app/"+a.ID, Detail{Roles: rolesOf(x.grants[a.ID]), Application: a.Name})
					break
				}
			}
		}
		owned := slices.ContainsFunc(a.Owners, func(o string) bool { return x.alive[o] })
		if !a.Service && len(a.Credentials) > 0 && !owned {
			x.add(RuleAppOwner, "app/"+a.ID, Detail{Application: a.Name})
		}
	}
}

func (x *search) password(a Application) bool {
	return slices.ContainsFunc(a.Credentials, func(c Credential) bool {
		return !c.Certificate && StateOf(c, x.limits, x.now) != CredentialExpired
	})
}

// credentials tells of those that end, unless the application has another one.
func (x *search) credentials(a Application) {
	good, ending := false, false
	for _, c := range a.Credentials {
		switch StateOf(c, x.limits, x.now) {
		case CredentialValid, CredentialEndless:
			good = true
		case CredentialExpiring:
			ending = true
		case CredentialExpired:
		}
	}
	for _, c := range a.Credentials {
		object, d := "credential/"+a.ID+"/"+c.ID, Detail{End: some(c.End), Application: a.Name}
		switch state := StateOf(c, x.limits, x.now); {
		case state == CredentialExpired && !good && !ending:
			x.add(RuleCredentialExpired, object, d)
		case state == CredentialExpiring && !good:
			x.add(RuleCredentialEnding, object, d)
		case state == CredentialEndless || LongOf(c, x.limits, x.now):
			x.add(RuleCredentialLong, object, d)
		}
	}
}

// orphans looks for assignments of principals that are no more. exists: accounts
// that are there, of those that hold a role of Azure.
func (x *search) orphans(h Held, exists map[string]bool) {
	names := map[string]string{}
	for _, r := range h.Roles {
		names[r.ID] = r.Name
	}
	for _, a := range h.Holdings {
		if a.Kind == Orphan && (a.End.IsZero() || a.End.After(x.now)) { // the directory says itself who is there
			x.add(RuleOrphanRole, "role/"+a.ID, Detail{Roles: []string{names[a.Role]}, Scope: a.Scope, Principal: a.Principal})
		}
	}
	for _, a := range h.Azure {
		if a.Kind == Orphan || a.Kind == User && x.current && !exists[a.Principal] {
			name := azureRoleName(a)
			if name == "" {
				name = a.Role
			}
			x.add(RuleOrphanRole, a.ID, Detail{Roles: []string{name}, Scope: a.Scope, Principal: a.Principal})
		}
	}
}
