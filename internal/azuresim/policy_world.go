package azuresim

import (
	"slices"
	"strings"
	"time"
)

// policyAssignment puts a definition or an initiative in force on a scope.
type policyAssignment struct {
	id, name, display, scope string
	set                      *policySet // nil = the single one of refs
	refs                     []*policyRef
	notScopes                []string
	enforce                  string
	created, removed         time.Time // a zero removed: never
	identity                 bool      // it deploys or modifies
	level                    int       // 0 of a management group, 1 of a subscription, 2 of a resource group
}

// policyExemption takes a scope out of an assignment or of some of its definitions.
type policyExemption struct {
	id, name, display, scope string
	of                       *policyAssignment
	refs                     []string // nil = all
	category                 string
	created, expires         time.Time // a zero expires: never
}

// policies are what is in force on a subscription, at any time.
type policies struct {
	w           *world
	assignments []*policyAssignment
	exemptions  []*policyExemption
	targets     []*policyTarget // ordered as the ids of their states are
	checks      []policyCheck
}

// policyTarget is what can be compliant: a resource, a resource group or the subscription.
type policyTarget struct {
	id, kind, group string // group in lower case
	prefix          string // of the ids of its states
	location        string
	indexed         bool // it has tags and a location
	key             uint64
	born, dead      time.Time
}

func (t *policyTarget) exists(at time.Time) bool {
	return !at.Before(t.born) && (t.dead.IsZero() || at.Before(t.dead))
}

// stateSuffix follows a resource's id in the ids of its states.
const stateSuffix = "/providers/microsoft.policyinsights/policystates/"

// policyTargets are those of a world, the deleted ones that it remembers included.
func (w *world) policyTargets() []*policyTarget {
	if w.sub.state == stateDeleted {
		return nil
	}
	var out []*policyTarget
	add := func(t *policyTarget) {
		t.prefix = strings.ToLower(t.id) + stateSuffix
		out = append(out, t)
	}
	add(&policyTarget{id: "/subscriptions/" + w.sub.id, kind: forSubscription, key: mix(w.sub.key, label("policy target")), born: w.e.first.start().AddDate(-5, 0, 0)})
	for _, g := range w.groups {
		add(&policyTarget{id: g.id, kind: forGroup, group: strings.ToLower(groupColumn(g.name)), location: w.location, key: g.key, born: g.born, dead: g.dead})
	}
	for _, it := range w.items {
		if it.kind == typeProtected {
			continue
		}
		add(&policyTarget{
			id: it.id, kind: it.kind, group: strings.ToLower(groupColumn(it.group)), location: w.location, key: it.key, born: it.born, dead: it.dead,
			indexed: strings.Count(it.kind, "/") == 1,
		})
	}
	slices.SortFunc(out, func(a, b *policyTarget) int { return strings.Compare(a.prefix, b.prefix) })
	return out
}

// armKind is a target's type as Azure writes it.
func (t *policyTarget) armKind() string {
	switch t.kind {
	case forSubscription:
		return "Microsoft.Resources/subscriptions"
	case forGroup:
		return "Microsoft.Resources/subscriptions/resourceGroups"
	}
	return t.kind
}

// newPolicies finds what is in force on a world.
func newPolicies(w *world) *policies {
	p := &policies{w: w, targets: w.policyTargets()}
	if len(p.targets) == 0 {
		return p
	}
	for _, a := range w.e.groupAssignments(w.sub.tenant) {
		if w.sub.under(a.scope) {
			p.assignments = append(p.assignments, a)
		}
	}
	p.assignments = append(p.assignments, w.ownAssignments()...)
	p.pad(w.e.policyStates)
	p.exemptions = append(w.e.groupExemptions(w.sub), w.ownExemptions(p.assignments)...)
	p.checks = p.newChecks()
	return p
}

// under says whether a subscription is below a management group.
func (s *subscription) under(scope string) bool {
	return slices.ContainsFunc(s.groupChain(), func(g managementGroup) bool { return groupPath(g.id) == scope })
}

// assignment makes one that is as old as its key says.
func (e *estate) assignment(scope, name, display string, set *policySet, single *policyRef) *policyAssignment {
	a := &policyAssignment{id: scope + authorization + "policyAssignments/" + name, name: name, display: display, scope: scope, set: set, enforce: "Default"}
	if set != nil {
		a.refs = set.refs
	} else {
		a.refs = []*policyRef{single}
	}
	for _, r := range a.refs {
		a.identity = a.identity || r.act() == effectDINE || r.act() == effectModify
	}
	switch {
	case strings.Contains(scope, "/resourceGroups/"):
		a.level = 2
	case strings.HasPrefix(scope, "/subscriptions/"):
		a.level = 1
	}
	key := mix(e.seed, label("assignment"), label(a.id))
	a.created = e.first.start().Add(-time.Duration(1+below(mix(key, 1), 300*24)) * time.Hour).Add(time.Duration(below(mix(key, 2), 3600)) * time.Second)
	return a
}

func single(short string) *policyRef { return &policyRef{def: policyNamed(short)} }

// plantedAt is an instant relative to the estate's start, at another minute for each tenant.
func (e *estate) plantedAt(t *tenant, after time.Duration, what string) time.Time {
	return e.start.Add(after).Add(time.Duration(below(mix(e.seed, label("planted policy"), label(t.id), label(what)), 3600)) * time.Second).Truncate(time.Second)
}

// groupAssignments are those at a tenant's management groups.
func (e *estate) groupAssignments(t *tenant) []*policyAssignment {
	root, p := groupPath(t.id), groupPath(t.slug+"-")
	tags := e.assignment(root, "tagging-baseline", "Tagging baseline of "+t.name, setTags, nil)
	places := e.assignment(root, "allowed-locations", "Allowed locations", nil, single("locations"))
	cis := e.assignment(p+"landingzones", "cis-azure-200", setCIS.display, setCIS, nil)
	for _, s := range t.subs {
		if strings.HasPrefix(s.groupOf(), t.slug+"-") && (s.groupOf() == t.slug+"-prod" || s.groupOf() == t.slug+"-nonprod") {
			cis.notScopes = []string{"/subscriptions/" + s.id + "/resourceGroups/" + strings.ReplaceAll(capitals(s.groups[len(s.groups)-1]), "/", "-")}
			break
		}
	}
	logs := e.assignment(p+"platform", "nsg-diagnostics", "Deploy diagnostic settings of network security groups", nil, single("nsg-diag"))
	sizes := e.assignment(p+"nonprod", "vm-sizes", "Allowed sizes of machines outside production", nil, single("vm-sizes"))
	sizes.enforce = "DoNotEnforce"
	soc := e.assignment(root, "kv-to-soc", "", nil, single("cert-renewal")) // people do not always give a name
	soc.created = e.plantedAt(t, -9*24*time.Hour, "soc")
	out := []*policyAssignment{tags, places, cis, logs, sizes, soc, e.assignment(root, "risk", "Somebody attests to the management of risks", nil, single("manual-risk"))}
	if t.index%2 == 0 {
		iso := e.assignment(p+"prod", "iso-27001", setISO.display, setISO, nil)
		fresh := e.assignment(root, "backup-tag", "Resources must say how they are backed up", nil, single("new-baseline"))
		fresh.created = e.plantedAt(t, 36*time.Hour, "fresh")
		out = append(out, iso, fresh)
	}
	legacy := e.assignment(root, "no-public-ips", "Network interfaces should not have public IPs", nil, single("nic-no-public-ip"))
	legacy.removed = e.plantedAt(t, 4*24*time.Hour, "legacy")
	return append(out, legacy)
}

// ownAssignments are those at a subscription and at its resource groups.
func (w *world) ownAssignments() []*policyAssignment {
	e, sub := w.e, w.sub
	scope := "/subscriptions/" + sub.id
	asc := e.assignment(scope, "SecurityCenterBuiltIn", "ASC Default (subscription: "+sub.id+")", setBenchmark, nil)
	out := []*policyAssignment{
		asc,
		e.assignment(scope, "storage-https", "Storage only by HTTPS", nil, single("storage-https").with("", effectDeny)),
		e.assignment(w.groups[0].id, "kv-firewall", "Key vaults behind a firewall", nil, single("kv-firewall")),
	}
	if sub.index%2 == 0 {
		out = append(out, e.assignment(scope, "hdinsight", "HDInsight within networks", nil, single("hdinsight-injec")))
	}
	if sub.index%3 == 1 {
		out = append(out,
			e.assignment(scope, "costcenter-a", "Cost center by landing zone", nil, single("costcenter-a")),
			e.assignment(scope, "costcenter-b", "Cost center by application", nil, single("costcenter-b")),
			e.assignment(scope, "disks-double", "Disks encrypted twice", nil, single("disk-double").with("", effectDisabled)))
	}
	if sub.index == 1 && sub.tenant.index%2 == 1 {
		fresh := e.assignment(scope, "backup-tag", "Resources must say how they are backed up", nil, single("new-baseline"))
		fresh.created = e.plantedAt(sub.tenant, 36*time.Hour, "fresh")
		out = append(out, fresh)
	}
	if sub.index == 0 {
		disks := e.assignment(scope, "disks-public", "Disks without public access", nil, single("disk-public"))
		disks.created = e.plantedAt(sub.tenant, 10*24*time.Hour, "disks")
		out = append(out, disks)
	}
	if sub.markup {
		for i, a := range out {
			a.display = hostileNames[i]
		}
	}
	return out
}

// pad assigns initiatives until the subscription has a number of states. It counts what is always
// there, so that the assignments do not depend on the instant.
func (p *policies) pad(n int) {
	if n == 0 {
		return
	}
	have, indexed := 0, 0
	for _, t := range p.targets {
		if !t.dead.IsZero() || !t.born.Before(p.w.e.first.start()) {
			continue
		}
		if t.indexed {
			indexed++
		}
		for _, a := range p.assignments {
			have += a.count(t, p.w.e.first.start())
		}
	}
	for i := 0; have < n && indexed > 0; i++ {
		a := p.w.e.assignment("/subscriptions/"+p.w.sub.id, "baseline-"+kqlText(int64(i+1)), "Baseline "+kqlText(int64(i+1)), padSet(i), nil)
		p.assignments = append(p.assignments, a)
		have += indexed * padRefs
	}
}

// count is how many states an assignment gives a target.
func (a *policyAssignment) count(t *policyTarget, at time.Time) int {
	n := 0
	if a.inForce(at) && a.covers(t) {
		for _, r := range a.refs {
			if r.act() != effectDisabled && r.def.isFor(t) {
				n++
			}
		}
	}
	return n
}

func (a *policyAssignment) inForce(at time.Time) bool {
	return !at.Before(a.created) && (a.removed.IsZero() || at.Before(a.removed))
}

// covers says whether a target is within the scope and not taken out of it.
func (a *policyAssignment) covers(t *policyTarget) bool {
	if a.level == 2 && !within(t.id, a.scope) {
		return false
	}
	return !slices.ContainsFunc(a.notScopes, func(scope string) bool { return within(t.id, scope) })
}

// within says whether an id is a scope's or below it.
func within(id, scope string) bool {
	return len(id) >= len(scope) && strings.EqualFold(id[:len(scope)], scope) && (len(id) == len(scope) || id[len(scope)] == '/')
}
