package azuresim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DirectoryOptions are what a tenant's directory lacks. The zero value has Entra ID P2, and every
// permission is consented to.
type DirectoryOptions struct {
	NoP1      bool `json:"noP1"` // and so no P2: no sign-in activity, no reports, no conditional access
	NoP2      bool `json:"noP2"` // no Privileged Identity Management
	NoConsent bool `json:"noConsent"`
	// Missing are permissions that were not consented to, such as AuditLog.Read.All.
	Missing []string `json:"missing"`
}

// The sizes of the parts of a directory.
const (
	identCast    = 24 // the first accounts: those with roles of their own, and the ones that are no people
	identMinimum = 40
)

// identTenant is the directory of a tenant. Accounts are computed from their number, so that a hundred
// thousand of them take no memory; the rest is small and built once.
type identTenant struct {
	t                *tenant
	key              uint64
	start            time.Time
	accounts, guests int           // at the start
	gone             int           // deleted within the month before the start
	step             time.Duration // between new accounts, after the start
	hostile          bool
	idSalt           uint64
	word             int // the part of names that is this tenant's
	groups           []*identGroup
	units            []identUnit
	roles            []*identRole
	assignments      []*identAssignment
	apps             []*identApp
	principals       []*identPrincipal // service principals
	rbac             map[string][]*rbacAssignment
	conditional      []*identPolicy

	mu    sync.Mutex // serializes edits
	edits atomic.Pointer[identEdits]
}

// identEdits are what tests changed. They are replaced, never changed, so that a reader has one state.
type identEdits struct {
	opt    DirectoryOptions
	seq    int // of the last event
	events map[int][]identEvent
	added  []addedAccount
	roles  []*identAssignment
	ended  map[string]time.Time // assignments and credentials that were removed, by id
	keys   map[string][]identCredential
	rbac   []*rbacAssignment
}

// identEvent is what a test did to an account.
type identEvent struct {
	at   time.Time
	seq  int
	kind string
}

type addedAccount struct {
	NewAccount
	at  time.Time
	seq int
}

// identAdded is the number of the first account that a test added.
const identAdded = 1 << 40

func (e *identEdits) clone() *identEdits {
	n := *e
	n.events, n.ended, n.keys = maps.Clone(e.events), maps.Clone(e.ended), maps.Clone(e.keys)
	n.added, n.roles, n.rbac = slices.Clip(e.added), slices.Clip(e.roles), slices.Clip(e.rbac)
	n.opt.Missing = slices.Clone(e.opt.Missing)
	return &n
}

// identView is a directory at an instant.
type identView struct {
	*identTenant
	ed *identEdits
	at time.Time
}

// noP1 and noP2 say what the tenant has no licence for.
func (v *identView) noP1() bool { return v.ed.opt.NoP1 }
func (v *identView) noP2() bool { return v.ed.opt.NoP1 || v.ed.opt.NoP2 }

// identity are the directories of all tenants, each built when it is first asked for.
type identity struct {
	mu      sync.Mutex
	tenants map[string]*identTenant
}

// directoryAt is the directory of a tenant at an instant; nil if the tenant is not governed.
func (s *Server) directoryAt(tenant string, at time.Time) *identView {
	t := s.estate.byID[strings.ToLower(tenant)]
	if t == nil || t == s.estate.managing {
		return nil
	}
	s.identity.mu.Lock()
	defer s.identity.mu.Unlock()
	w := s.identity.tenants[t.id]
	if w == nil {
		w = s.estate.newDirectoryOf(t, s.opt)
		if s.identity.tenants == nil {
			s.identity.tenants = map[string]*identTenant{}
		}
		s.identity.tenants[t.id] = w
	}
	if at.IsZero() {
		at = s.clock.Now()
	}
	return &identView{w, w.edits.Load(), at.UTC()}
}

// newDirectoryOf builds the directory of a tenant.
func (e *estate) newDirectoryOf(t *tenant, o Options) *identTenant {
	key := mix(e.seed, label("identity"), label(t.id))
	w := &identTenant{
		t: t, key: key, start: e.start.Truncate(time.Second), accounts: o.Accounts, guests: o.Guests, hostile: o.MarkupNames,
		idSalt: mix(key, label("ids")) & identMask, word: (t.index + below(mix(e.seed, label("words")), 64*64)) % (64 * 64),
	}
	if w.accounts == 0 {
		w.accounts = 60 + below(mix(key, label("size")), 341)
	}
	if w.guests == 0 {
		w.guests = w.accounts * 8 / 100
	}
	w.guests = min(w.guests, w.accounts-identCast)
	w.gone = max(3, w.accounts/200)
	w.step = time.Duration(float64(1000*24*time.Hour) / float64(w.accounts))
	w.roles = identRoles(key)
	w.buildUnits()
	w.buildGroups()
	w.buildPrincipals(e)
	w.buildAssignments()
	w.buildConditional()
	w.buildRBAC()
	w.edits.Store(&identEdits{opt: e.naturalDirectory(t)})
	return w
}

// naturalDirectory gives a large enough estate one tenant of each kind that a client must survive.
func (e *estate) naturalDirectory(t *tenant) DirectoryOptions {
	if len(e.tenants) < 5 {
		return DirectoryOptions{}
	}
	switch t.index {
	case 1:
		return DirectoryOptions{NoP1: true, NoP2: true}
	case 2:
		return DirectoryOptions{NoP2: true}
	case 3:
		return DirectoryOptions{Missing: []string{permAudit}}
	case 4:
		return DirectoryOptions{NoConsent: true}
	}
	return DirectoryOptions{}
}

// editDirectory changes what tests changed of a directory. The event's number orders what happens while
// the clock stands still.
func (s *Server) editDirectory(tenant string, edit func(v *identView, n *identEdits) error) error {
	v := s.directoryAt(tenant, time.Time{})
	if v == nil {
		return fmt.Errorf("azuresim: tenant %q has no directory", tenant)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ed = v.edits.Load()
	n := v.ed.clone()
	n.seq++
	if n.events == nil {
		n.events, n.ended, n.keys = map[int][]identEvent{}, map[string]time.Time{}, map[string][]identCredential{}
	}
	if err := edit(v, n); err != nil {
		return err
	}
	v.edits.Store(n)
	return nil
}

// SetDirectory says what a tenant's directory lacks, from now on. A permission counts as missing at once,
// and one that is given only in tokens that are asked for afterwards, as with Entra.
func (s *Server) SetDirectory(tenant string, o DirectoryOptions) error {
	for _, m := range o.Missing {
		if !slices.Contains(identPermissions, m) {
			return fmt.Errorf("azuresim: permission %q is none of %s", m, strings.Join(identPermissions, ", "))
		}
	}
	return s.editDirectory(tenant, func(_ *identView, n *identEdits) error {
		n.opt = o
		n.opt.Missing = slices.Clone(o.Missing)
		return nil
	})
}

// Directory tells what a tenant's directory lacks.
func (s *Server) Directory(tenant string) (DirectoryOptions, error) {
	v := s.directoryAt(tenant, time.Time{})
	if v == nil {
		return DirectoryOptions{}, fmt.Errorf("azuresim: tenant %q has no directory", tenant)
	}
	o := v.ed.opt
	o.Missing = slices.Clone(o.Missing)
	return o, nil
}
