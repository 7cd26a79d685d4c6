package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// ComplianceInput selects whose compliance is told.
type ComplianceInput struct {
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
	Sub    []string `query:"sub,explode" maxItems:"500" doc:"Subscription id (GUID); repeatable"`
	Under  string   `query:"management_group" maxLength:"90" doc:"Id of a management group: the subscriptions in it and below it"`
}

// complianceAsk resolves an input within the viewer's scope. Where it names
// subscriptions, the scope is that of their tenants: others were not asked about.
func (h handlers) complianceAsk(ctx context.Context, in ComplianceInput) (fresnel.Scope, []string, error) {
	s, a, err := h.ask(ctx, CostInput{Tenant: in.Tenant, Sub: in.Sub})
	subs := a.Subscriptions
	if in.Under != "" && err == nil {
		subs, err = h.inGroup(ctx, s, in.Under, subs)
	}
	if err != nil || len(subs) == 0 {
		return s, subs, err
	}
	known, err := h.Tenants.SubscriptionsByID(ctx, s, subs)
	ids := make([]fresnel.TenantID, 0, len(known))
	for _, sub := range known {
		ids = append(ids, sub.Tenant)
	}
	if len(ids) == 0 {
		return fresnel.ScopeOf(), subs, err
	}
	return s.Narrow(ids...), subs, err
}

// StateCounts is how many distinct resources are in each state. A resource that
// several policies judge is one, and has the strongest of their states.
type StateCounts struct {
	Compliant    int `json:"compliant" doc:"Resources"`
	NonCompliant int `json:"non_compliant" doc:"Resources that fail at least one policy"`
	Conflict     int `json:"conflict" doc:"Resources of which two policies ask what cannot both be"`
	Exempt       int `json:"exempt" doc:"Resources that an exemption takes out"`
	Unknown      int `json:"unknown" doc:"Resources of which Azure tells no state; in no percentage"`
}

func stateCounts(c compliance.Counts) StateCounts {
	return StateCounts{Compliant: c.Compliant, NonCompliant: c.NonCompliant, Conflict: c.Conflict, Exempt: c.Exempt, Unknown: c.Unknown}
}

// knownCounts are counts of what was read; nil = nothing was.
func knownCounts(c compliance.Counts, read bool) *StateCounts {
	if !read {
		return nil
	}
	o := stateCounts(c)
	return &o
}

var countHead = []string{"compliant", "non_compliant", "conflict", "exempt", "unknown"}

func countCells(c compliance.Counts, read bool) []string {
	if !read {
		return make([]string, len(countHead))
	}
	return []string{strconv.Itoa(c.Compliant), strconv.Itoa(c.NonCompliant), strconv.Itoa(c.Conflict), strconv.Itoa(c.Exempt), strconv.Itoa(c.Unknown)}
}

// Share is a part of a whole.
type Share struct {
	Of      int      `json:"of" doc:"The part"`
	Whole   int      `json:"whole" doc:"What it is a part of"`
	Percent *float64 `json:"percent" doc:"of in percent of whole; null where whole is 0: a share of nothing is neither 0 nor 100"`
}

func share(s compliance.Share) Share {
	o := Share{Of: s.Of, Whole: s.Whole}
	if p, ok := s.Percent(); ok {
		o.Percent = &p
	}
	return o
}

// Shares are the shares that follow from counts.
type Shares struct {
	Official Share `json:"official" doc:"As Microsoft counts: compliant and exempt resources, of those and the non-compliant and conflicting ones"`
	Strict   Share `json:"strict" doc:"Compliant resources, of those and the non-compliant and conflicting ones: what is exempt is on neither side"`
	Exempted Share `json:"exempted" doc:"Exempt resources, of those that official counts"`
}

func shares(c compliance.Counts) Shares {
	return Shares{Official: share(c.Official()), Strict: share(c.Strict()), Exempted: share(c.Exempted())}
}

var shareHead = []string{"official_of", "official_whole", "official_percent", "strict_of", "strict_whole", "strict_percent", "exempted_of", "exempted_whole", "exempted_percent"}

func shareCells(c compliance.Counts, read bool) []string {
	if !read {
		return make([]string, len(shareHead))
	}
	var out []string
	for _, s := range []compliance.Share{c.Official(), c.Strict(), c.Exempted()} {
		out = append(out, strconv.Itoa(s.Of), strconv.Itoa(s.Whole), percent(s.Percent()))
	}
	return out
}

// ComplianceMeta says what an answer about compliance covers.
type ComplianceMeta struct {
	Period       *Period            `json:"period,omitempty" doc:"UTC days, both inclusive"`
	Coverage     Coverage           `json:"coverage" doc:"Tenants of which every subscription is read, or is not judged by Azure"`
	Stale        []TenantNote       `json:"stale,omitempty" doc:"Tenants of which the last reading failed, or is over twice the schedule ago: what is shown is older"`
	Unregistered []UnregisteredNote `json:"unregistered,omitempty" doc:"Tenants with subscriptions that Azure does not judge: they are in no figure"`
	SyncedAt     *time.Time         `json:"synced_at,omitempty" doc:"The oldest reading of a subscription in the answer"`
	Total        int                `json:"total" doc:"Rows in all, in lists"`
	More         bool               `json:"more" doc:"There are more than total says"`
	NextCursor   string             `json:"next_cursor,omitempty" doc:"Give it as cursor for the next rows"`
}

// UnregisteredNote is a tenant with subscriptions that Azure does not judge.
type UnregisteredNote struct {
	TenantID      string `json:"tenant_id" doc:"Tenant (GUID)"`
	Name          string `json:"name" doc:"Of the tenant"`
	Unregistered  int    `json:"subscriptions_unregistered" doc:"Subscriptions without the resource provider"`
	Subscriptions int    `json:"subscriptions" doc:"Subscriptions to be read"`
	Do            string `json:"do" doc:"What to do about it"`
}

func unregisteredReason(about compliance.Subject) string {
	return "not registered for " + about.Provider() + ": nothing is judged there"
}

func unregisteredDo(about compliance.Subject) string {
	return "Register the resource provider " + about.Provider() + " in the subscription: az provider register --namespace " + about.Provider()
}

func (h handlers) stateOf(t compliance.TenantScore) string {
	return t.State(h.Now(), h.Compliance.Stale)
}

// complianceMeta words how much of each tenant is read.
func (h handlers) complianceMeta(about compliance.Subject, list []compliance.TenantScore) ComplianceMeta {
	m := ComplianceMeta{Coverage: Coverage{Of: len(list), Missing: []TenantNote{}}}
	for _, t := range list {
		x := t.Score
		state := h.stateOf(t)
		note := TenantNote{TenantID: string(t.Tenant), Name: t.Name, State: state, Read: x.Read, Subscriptions: x.Subscriptions, Reason: t.LastReason, Do: t.LastDo}
		if !x.Oldest.IsZero() {
			note.SyncedAt = &x.Oldest
			if m.SyncedAt == nil || x.Oldest.Before(*m.SyncedAt) {
				m.SyncedAt = note.SyncedAt
			}
		}
		if state == "stale" {
			m.Stale = append(m.Stale, note)
		}
		if x.Unregistered > 0 {
			m.Unregistered = append(m.Unregistered, UnregisteredNote{note.TenantID, t.Name, x.Unregistered, x.Subscriptions, unregisteredDo(about)})
		}
		switch { // what failed with nothing held before is stale, and not whole either
		case x.Read > 0 && x.Read+x.Unregistered >= x.Subscriptions:
			m.Coverage.Tenants++
			continue
		case state == "none":
			note.Reason, note.Do = unregisteredReason(about), unregisteredDo(about)
		case x.Read == 0:
			note.Reason = cmp.Or(note.Reason, "not read yet")
			note.Do = cmp.Or(note.Do, "Wait for the next run, or start one: POST /api/v1/sync/compliance")
		default:
			note.Reason = cmp.Or(note.Reason, fmt.Sprintf("%d of %d subscriptions are not read", x.Subscriptions-x.Read-x.Unregistered, x.Subscriptions))
		}
		m.Coverage.Missing = append(m.Coverage.Missing, note)
	}
	return m
}

// complianceReads gives how much is read of what was asked about, without
// figures.
func (h handlers) complianceReads(ctx context.Context, s fresnel.Scope, subs []string) ([]compliance.TenantScore, error) {
	reads, err := h.Compliance.Reader.Coverage(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(subs) > 0 {
		list, err := h.Compliance.Reader.Subscriptions(ctx, s, subs)
		reads = slices.DeleteFunc(reads, func(r compliance.TenantRead) bool { // others were not asked about
			return !slices.ContainsFunc(list, func(sub compliance.SubscriptionHeld) bool { return sub.Tenant == r.Tenant })
		})
		return scoresOf(compliance.ReadsOf(compliance.Policies, reads, list)), err
	}
	return scoresOf(reads), nil
}

// scoresOf are readings without figures.
func scoresOf(reads []compliance.TenantRead) []compliance.TenantScore {
	out := make([]compliance.TenantScore, len(reads))
	for i, r := range reads {
		out[i] = compliance.TenantScore{TenantRead: r, Score: compliance.Score{
			Read: r.Read, Subscriptions: r.Subscriptions, Unregistered: r.Unregistered, Failed: r.Failed, Oldest: r.Oldest,
		}}
	}
	return out
}

// subjectScore is how one subject of a subscription was read, as a score of one
// subscription: its state is found where a tenant's is.
func subjectScore(at time.Time, is compliance.SubjectState) compliance.Score {
	x := compliance.Score{Subscriptions: 1}
	switch is {
	case compliance.SubjectUnregistered:
		x.Unregistered = 1
		return x
	case compliance.SubjectFailed:
		x.Failed = 1
	case compliance.SubjectRead:
	}
	if !at.IsZero() {
		x.Read, x.Oldest = 1, at
	}
	return x
}

// tenantNames are names by id.
func tenantNames(list []compliance.TenantScore) map[fresnel.TenantID]string {
	out := make(map[fresnel.TenantID]string, len(list))
	for _, t := range list {
		out[t.Tenant] = t.Name
	}
	return out
}

// instant is a time, nil = there is none.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// complianceCheck is the age of what is held of compliance.
func (h handlers) complianceCheck(ctx context.Context) DataCheck {
	list, err := h.complianceReads(ctx, fresnel.AllTenants(), nil) // as dataCheck
	if err != nil {
		return DataCheck{Status: "none"}
	}
	meta := h.complianceMeta(compliance.Policies, list)
	d := DataCheck{Status: "ok", Tenants: meta.Coverage.Tenants, Of: meta.Coverage.Of, Oldest: meta.SyncedAt}
	switch {
	case d.Oldest == nil:
		d.Status = "none"
	case d.Tenants < d.Of:
		d.Status = "partial"
	case len(meta.Stale) > 0:
		d.Status = "stale"
	}
	return d
}
