package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// IdentityInput selects whose identity is told: accounts belong to a tenant, and
// to no subscription.
type IdentityInput struct {
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
}

func (h handlers) identityScope(ctx context.Context, in IdentityInput) (fresnel.Scope, error) {
	s, _, err := h.ask(ctx, CostInput{Tenant: in.Tenant})
	return s, err
}

// IdentityMeta says what an answer about identity covers.
type IdentityMeta struct {
	Period     *Period          `json:"period,omitempty" doc:"UTC days, both inclusive"`
	Coverage   IdentityCoverage `json:"coverage" doc:"Tenants that know what the answer is about"`
	Gaps       []IdentityGap    `json:"gaps" doc:"What is not known of which tenant, and why: no number says anything of it"`
	Stale      []IdentityNote   `json:"stale,omitempty" doc:"Tenants of which something that is held is old: it was read long ago, or not read again"`
	SyncedAt   *time.Time       `json:"synced_at,omitempty" doc:"When the accounts of a tenant in the answer were last judged, the oldest"`
	Total      *int             `json:"total,omitempty" doc:"Rows in all, in lists; absent where it is not known"`
	NextCursor string           `json:"next_cursor,omitempty" doc:"Give it as cursor for the next rows"`
}

// IdentityCoverage is how many tenants know what an answer is about.
type IdentityCoverage struct {
	Tenants int `json:"tenants" doc:"Tenants that know it"`
	Of      int `json:"of" doc:"Tenants in all"`
	Partial int `json:"partial" doc:"Tenants that know a part only: rows may be missing"`
}

// IdentityGap is why a fact of a tenant is not known.
type IdentityGap struct {
	TenantID string     `json:"tenant_id" doc:"Tenant (GUID)"`
	Name     string     `json:"name" doc:"Of the tenant"`
	Fact     string     `json:"fact" doc:"accounts, sign-ins, mfa, roles, eligibility, standing roles, groups, applications, conditional access, licences or azure roles"`
	Reason   string     `json:"reason" doc:"Why it is not known, or was not read again"`
	Do       string     `json:"do" doc:"What to do about it"`
	Known    bool       `json:"known" doc:"A reading is held, and shown: an older one, or a part"`
	Part     bool       `json:"partial" doc:"It was read, but for this: a part is shown"`
	ReadAt   *time.Time `json:"read_at" doc:"When it was last read to its end; null = never"`
}

// IdentityNote is a tenant of which something is old.
type IdentityNote struct {
	TenantID string     `json:"tenant_id" doc:"Tenant (GUID)"`
	Name     string     `json:"name" doc:"Of the tenant"`
	SyncedAt *time.Time `json:"synced_at" doc:"When its accounts were last judged; null = never"`
	Reason   string     `json:"reason,omitempty" doc:"What went wrong with the last run"`
	Do       string     `json:"do,omitempty" doc:"What to do about it"`
}

// identityAbout is which facts an answer is made of.
type identityAbout struct {
	needs []identity.Fact // without them a tenant is not in it
	parts []identity.Fact // without them a tenant is in it in part
	shown []identity.Fact // are told beside it
}

func aboutList(l identity.List, shown ...identity.Fact) identityAbout {
	return identityAbout{l.Needs(), l.Parts(), shown}
}

// identityMeta words what is known of each tenant.
func (h handlers) identityMeta(about identityAbout, reads []identity.TenantRead) IdentityMeta {
	m := IdentityMeta{Coverage: IdentityCoverage{Of: len(reads)}, Gaps: []IdentityGap{}}
	facts := slices.Concat(about.needs, about.parts, about.shown)
	for _, t := range reads {
		m.Gaps = append(m.Gaps, identityGaps(t, facts)...)
		if h.Identity.State(t) == identity.StateStale {
			m.Stale = append(m.Stale, IdentityNote{string(t.Tenant), t.Name, judgedAt(t), t.LastReason, t.LastDo})
		}
		if !t.Knows(about.needs...) {
			continue
		}
		m.Coverage.Tenants++
		if !t.Whole(slices.Concat(about.needs, about.parts)...) {
			m.Coverage.Partial++
		}
		if at := judgedAt(t); at != nil && (m.SyncedAt == nil || at.Before(*m.SyncedAt)) {
			m.SyncedAt = at
		}
	}
	return m
}

// judgedAt is when a tenant's accounts were last judged; nil = there are none to
// judge.
func judgedAt(t identity.TenantRead) *time.Time {
	if !t.Knows(identity.FactAccounts) {
		return nil
	}
	return instant(t.Judged)
}

// identityGaps are the facts of some that are hidden, in the order of all. Of a
// tenant that was never read one gap says it: nothing else was tried.
func identityGaps(t identity.TenantRead, facts []identity.Fact) []IdentityGap {
	var out []IdentityGap
	unread := slices.Contains(facts, identity.FactAccounts) && !t.Knows(identity.FactAccounts)
	for _, f := range identity.Facts() {
		s := t.Facts[f]
		if !slices.Contains(facts, f) || s.Reason == "" && (t.Knows(f) || unread && f != identity.FactAccounts) {
			continue
		}
		g := IdentityGap{string(t.Tenant), t.Name, string(f), s.Reason, s.Do, t.Knows(f), s.Part(), instant(s.Read)}
		if g.Reason == "" {
			if f == identity.FactAccounts {
				g.Reason, g.Do = t.LastReason, t.LastDo
			}
			g.Reason = cmp.Or(g.Reason, "not read yet")
			g.Do = cmp.Or(g.Do, "Wait for the next run, or start one: POST /api/v1/sync/identity")
		}
		out = append(out, g)
	}
	return out
}

// identityCheck is the age of what is held of identity. What a licence hides is
// no fault of ours: accounts and roles need none.
func (h handlers) identityCheck(ctx context.Context) DataCheck {
	reads, err := h.Identity.Reader.Coverage(ctx, fresnel.AllTenants()) // as dataCheck
	if err != nil {
		return DataCheck{Status: "none"}
	}
	meta := h.identityMeta(identityAbout{needs: []identity.Fact{identity.FactAccounts, identity.FactRoles}}, reads)
	d := DataCheck{Status: "ok", Tenants: meta.Coverage.Tenants, Of: meta.Coverage.Of, Oldest: meta.SyncedAt}
	switch {
	case d.Tenants == 0:
		d.Status = "none"
	case d.Tenants < d.Of:
		d.Status = "partial"
	case len(meta.Stale) > 0:
		d.Status = "stale"
	}
	return d
}

// The words of the API for what accounts are.
var (
	mfaWords  = map[identity.MFA]string{identity.MFAUnknown: "unknown", identity.MFAMissing: "missing", identity.MFARegistered: "registered", identity.MFACapable: "capable"}
	useWords  = map[identity.Use]string{identity.UseUnknown: "unknown", identity.Used: "used", identity.Stale: "stale", identity.Never: "never", identity.Newcomer: "newcomer"}
	tierWords = map[identity.Tier]string{identity.Plain: "plain", identity.Reading: "reading", identity.Privileged: "privileged", identity.ControlPlane: "control-plane"}
)

func roleKind(azure bool) string {
	if azure {
		return "azure"
	}
	return "directory"
}

// days are whole days between two instants; less than none where the second
// comes first.
func days(from, to time.Time) int {
	const day = 24 * time.Hour
	d := to.Sub(from)
	n := int(d / day)
	if d < 0 && d%day != 0 {
		n--
	}
	return n
}

// number is a cell of a number, empty where there is none.
func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// truth is a cell of what is so or not, empty where that is not known.
func truth(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// objectID reads a filter that names an object of Entra.
func objectID(what, id string) (string, error) {
	if !fresnel.IsGUID(id) {
		return "", fresnel.Errorf(fresnel.Invalid, "%s %.60q is not an object id (GUID)", what, id)
	}
	return strings.ToLower(id), nil
}
