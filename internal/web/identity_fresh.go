package web

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/identity"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

const identityGapsShown = 8

var zeroTime time.Time

// readAt is when the accounts of a tenant were last read to their end.
func readAt(t identity.TenantRead) time.Time { return t.Facts[identity.FactAccounts].Read }

// identityFreshness tells how old what is held of identity is, and which state of a panel that makes. A tenant is
// covered whose accounts are held; which other facts are hidden is told apart, for each has its own reason.
func (h handlers) identityFreshness(ctx context.Context, q *request, reads []identity.TenantRead) (page.Freshness, error) {
	f := page.Freshness{Now: q.now, Limited: !q.full.All(), Of: len(reads)}
	if len(reads) == 0 {
		f.State, f.EmptyTitle = page.NeverSynced, "Connect a first tenant"
		f.EmptyText = "Register tenants with: fresnel tenants import FILE. Identity appears after its first sync."
		return f, nil
	}
	current := 0
	for _, t := range reads {
		at := readAt(t)
		if at.IsZero() {
			f.Missing = append(f.Missing, page.Missing{Name: t.Name, Reason: unreadReason(t)})
			continue
		}
		f.Covered++
		if at.After(f.SyncedAt) {
			f.SyncedAt = at
		}
		if q.now.Sub(at) <= h.Identity.Stale {
			current++
		} else if f.OldestAt.IsZero() || at.Before(f.OldestAt) {
			f.OldestName, f.OldestAt, f.Stale = t.Name, at, true
		}
	}
	switch {
	case f.Covered == 0:
		return f, h.firstIdentity(ctx, q, reads, &f)
	case current == 0:
		f.State = page.AllStale
	}
	return f, nil
}

// unreadReason says why the accounts of a tenant were never read.
func unreadReason(t identity.TenantRead) string {
	s := t.Facts[identity.FactAccounts]
	reason, do := cmp.Or(s.Reason, t.LastReason), cmp.Or(s.Do, t.LastDo)
	if reason == "" {
		return "Not read yet"
	}
	reason = page.Sentence(reason)
	if do != "" {
		reason += ". " + do
	}
	return reason
}

// firstIdentity tells how far a first sync of identity is, or why there is none.
func (h handlers) firstIdentity(ctx context.Context, q *request, reads []identity.TenantRead, f *page.Freshness) error {
	f.State, f.EmptyTitle = page.NeverSynced, "No directory read yet"
	f.EmptyText = "Accounts and roles appear a minute or so after the first sync starts."
	refused := 0
	for _, t := range reads {
		if reason := unreadReason(t); reason != "Not read yet" {
			if refused == 0 {
				f.EmptyText = t.Name + ": " + strings.TrimSuffix(reason, ".") + "."
			}
			refused++
		}
	}
	if refused == len(reads) {
		f.EmptyTitle = "No directory can be read"
	}
	runs, err := h.Runs.Latest(ctx, q.scope, "identity")
	if err != nil {
		return err
	}
	open, rows := false, 0
	for _, r := range runs {
		if r.Status != fresnel.Queued && r.Status != fresnel.Running {
			continue
		}
		open = true
		rows += r.Progress.Rows
		if r.Progress.Wait.After(f.WaitUntil) && r.Progress.Wait.After(q.now) {
			f.WaitUntil = r.Progress.Wait
		}
	}
	if !open {
		return nil
	}
	f.State, f.EmptyText, f.Progress.Words = page.FirstSync, "Figures appear as soon as the first directory is read.", "Reading directories"
	if rows > 0 {
		f.Progress.Words = rowsOf("identity", rows) + " read"
	}
	return nil
}

// identityReading is what is held of a tenant's identity; ok says that nothing is wrong with it.
func (h handlers) identityReading(q *request, t identity.TenantRead, r fresnel.Run) (o page.Reading, ok bool) {
	o = page.Reading{At: readAt(t), State: runState(r, q.now)}
	o.Stale = !o.At.IsZero() && q.now.Sub(o.At) > h.Identity.Stale
	switch {
	case o.At.IsZero():
		o.Reason = unreadReason(t)
	case o.Stale:
		o.Reason = staleReason(q, o.At, t.LastReason)
	default:
		o.Reason = hiddenWords(t)
	}
	return o, !o.At.IsZero() && !o.Stale && !bad(r) // what a licence does not show is no trouble of the sync
}

// factNames are facts as people call them, and what has no number without them.
var factNames = map[identity.Fact]struct{ name, effect string }{
	identity.FactAccounts:    {"Accounts", "who is there at all"},
	identity.FactSignIns:     {"Sign-ins", "stale and idle accounts"},
	identity.FactMFA:         {"MFA registration", "who has a second factor"},
	identity.FactRoles:       {"Directory roles", "who is privileged"},
	identity.FactEligibility: {"Eligible roles", "who may take a role"},
	identity.FactStanding:    {"Standing roles", "who holds a role for good"},
	identity.FactGroups:      {"Members of groups", "power through groups"},
	identity.FactApps:        {"Applications", "credentials"},
	identity.FactPolicies:    {"Conditional access", "whether MFA is asked for"},
	identity.FactLicences:    {"Licences", "what the licence shows"},
	identity.FactAzureRoles:  {"Roles over subscriptions", "power over subscriptions"},
}

// missed are the facts of a tenant that the page has numbers of and that were not read to their end, lately or ever,
// with a reason for each.
func missed(t identity.TenantRead) []identity.Gap {
	out := t.Gaps()
	for _, f := range identity.Facts() {
		if s := t.Facts[f]; !aside(f) && s.Reason == "" && s.Read.IsZero() {
			out = append(out, identity.Gap{Tenant: t.Tenant, Fact: f, Reason: cmp.Or(t.LastReason, "Not read yet"), Do: cmp.Or(t.LastDo, "The next sync reads it.")})
		}
	}
	return out
}

// aside tells whether no number of the page needs a fact.
func aside(f identity.Fact) bool { return f == identity.FactPolicies || f == identity.FactLicences }

// why says why a number of a tenant is not known.
func why(t identity.TenantRead, needs []identity.Fact) string {
	for _, g := range missed(t) {
		if slices.Contains(needs, g.Fact) && t.Facts[g.Fact].Read.IsZero() {
			return factNames[g.Fact].name + ": " + page.Sentence(g.Reason)
		}
	}
	return "Not known"
}

// whyAll says why a number is known of no tenant: the reason that most have.
func whyAll(q *request, sum identity.Summary, needs []identity.Fact) string {
	n := map[string]int{}
	best := "Not known"
	for i := range sum.Tenants {
		t := sum.Tenants[i].TenantRead
		w := plain(t, why(t, needs))
		if n[w]++; n[w] > n[best] {
			best = w
		}
	}
	return best
}

// hiddenWords names the facts that a tenant hides, in a few words.
func hiddenWords(t identity.TenantRead) string {
	if readAt(t).IsZero() {
		return "Not read: " + page.Clip(page.Sentence(cmp.Or(t.Facts[identity.FactAccounts].Reason, t.LastReason, "no sync yet")), 60)
	}
	var names []string
	for _, g := range missed(t) {
		if t.Facts[g.Fact].Read.IsZero() && !aside(g.Fact) {
			names = append(names, factNames[g.Fact].name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "Hidden: " + strings.Join(slices.Compact(names), ", ")
}

var guids = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)

// cause is the part of a reason that several facts have in common: the licence or the permission that is lacking, not
// what each does not tell for it.
func cause(s string) string {
	if head, _, ok := strings.Cut(s, ": "); ok && strings.HasPrefix(strings.ToLower(s), "the tenant has no ") {
		return head
	}
	if _, tail, ok := strings.Cut(s, ": the application permission "); ok {
		return "the application permission " + tail
	}
	return s
}

// plain is a reason without what is of one tenant only, so that a hundred tenants with the same one are one line.
func plain(t identity.TenantRead, s string) string {
	if t.Name != "" {
		s = strings.ReplaceAll(s, t.Name, "the tenant")
	}
	return guids.ReplaceAllString(s, "…")
}

func (h handlers) identityGaps(ctx context.Context, q *request) (templ.Component, error) {
	reads, err := h.Identity.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	fresh, err := h.identityFreshness(ctx, q, reads)
	return page.IdentityGapsPanel(gapsModel(q, reads, fresh)), err
}

// gapKey is what makes gaps of tenants one line.
type gapKey struct {
	reason, do, facts string
	held, part        bool
}

// gapsModel is what cannot be seen: a reason once, with all that it hides and everywhere that it does.
func gapsModel(q *request, reads []identity.TenantRead, fresh page.Freshness) page.IdentityGaps {
	fresh = page.Freshness{Now: fresh.Now, SyncedAt: fresh.SyncedAt} // why nothing can be seen is said also where nothing is
	m := page.IdentityGaps{Region: page.Region{Query: statsQuery(q), Fresh: fresh}, Of: len(reads)}
	at := map[gapKey]int{}
	for _, t := range reads {
		mine := map[gapKey][]identity.Fact{}
		oldest, said := map[gapKey]time.Time{}, map[gapKey]identity.Gap{}
		for _, g := range missed(t) {
			s := t.Facts[g.Fact]
			k := gapKey{reason: plain(t, cause(g.Reason)), do: plain(t, g.Do), held: !s.Read.IsZero(), part: g.Part}
			said[k] = g
			mine[k] = append(mine[k], g.Fact)
			if k.held && (oldest[k].IsZero() || s.Read.Before(oldest[k])) {
				oldest[k] = s.Read
			}
		}
		if len(mine) > 0 {
			m.Tenants++
		}
		for k, facts := range mine {
			names, effects := factWords(facts)
			since, own := oldest[k], said[k]
			k.facts = names
			i, ok := at[k]
			if !ok {
				i = len(m.Rows)
				at[k] = i
				m.Rows = append(m.Rows, newGap(k, facts, effects))
				m.Rows[i].Reason, m.Rows[i].Do = page.Sentence(cause(own.Reason)), page.Sentence(own.Do) // of one tenant, in full
			} else {
				m.Rows[i].Reason, m.Rows[i].Do = page.Sentence(k.reason), page.Sentence(k.do)
			}
			g := &m.Rows[i]
			g.Tenants = append(g.Tenants, t.Name)
			switch {
			case !k.held:
			case k.part:
				g.Held = "A part is shown"
			case len(g.Tenants) > 1:
				g.Held = "Older readings are shown"
			default:
				g.Held = "An older reading is shown, of " + page.Stamp(since)
			}
		}
	}
	slices.SortStableFunc(m.Rows, func(a, b page.IdentityGap) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(len(b.Tenants), len(a.Tenants)), cmp.Compare(a.Facts, b.Facts), cmp.Compare(a.Reason, b.Reason)) // bad comes before warn
	})
	for i := range m.Rows {
		if g := &m.Rows[i]; len(g.Tenants) > gapTenants {
			g.More, g.Tenants = len(g.Tenants)-gapTenants, g.Tenants[:gapTenants]
		}
	}
	if len(m.Rows) > identityGapsShown {
		m.More, m.Rows = len(m.Rows)-identityGapsShown, m.Rows[:identityGapsShown]
	}
	return m
}

const gapTenants = 5 // that a line of gaps names

func newGap(k gapKey, facts []identity.Fact, effects string) page.IdentityGap {
	g := page.IdentityGap{Kind: ui.Warn, Facts: k.facts, Reason: page.Sentence(k.reason), Do: page.Sentence(k.do)}
	if !k.held {
		g.Effect = "Not known: " + effects
		if slices.Contains(facts, identity.FactAccounts) {
			g.Kind, g.Effect = ui.Bad, "Nothing is known of who is there"
		}
	}
	return g
}

// factWords name facts in their order, and what has no number without them.
func factWords(facts []identity.Fact) (names, effects string) {
	var a, b []string
	for _, f := range identity.Facts() {
		if slices.Contains(facts, f) {
			a, b = append(a, factNames[f].name), append(b, factNames[f].effect)
		}
	}
	if slices.Contains(facts, identity.FactAccounts) && len(a) > 4 {
		return "The whole directory", "who is there at all"
	}
	return strings.Join(a, ", "), strings.Join(b, ", ")
}
