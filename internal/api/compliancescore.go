package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/cost"
)

// ComplianceScore is how compliant something is.
type ComplianceScore struct {
	Counts *StateCounts `json:"counts" doc:"Distinct resources by state; null where nothing was read"`
	Shares
	Change        ScoreChange  `json:"change" doc:"Against 7 days ago"`
	Secure        *SecureScore `json:"secure_score" doc:"Of Defender for Cloud; null where none is known"`
	Read          int          `json:"subscriptions_read" doc:"Subscriptions that are in the counts"`
	Subscriptions int          `json:"subscriptions" doc:"Subscriptions to be read"`
	Unregistered  int          `json:"subscriptions_unregistered" doc:"Of them, Azure does not judge: not in the counts"`
	Failed        int          `json:"subscriptions_failed" doc:"Of them, the last reading failed: what is held of them is older"`
	SyncedAt      *time.Time   `json:"synced_at" doc:"The oldest reading in the counts; null where nothing was read"`
	AgeSeconds    *int64       `json:"age_seconds" doc:"Age of synced_at"`
	State         string       `json:"state" enum:"fresh,stale,partial,never,none" doc:"stale: the last reading failed or is long ago; partial: subscriptions are missing; none: Azure judges nothing there"`
}

// ScoreChange is how a score moved.
type ScoreChange struct {
	Points *float64 `json:"points" doc:"By how many points of percent the official share rose; null where there is nothing to compare with"`
	Since  string   `json:"since" format:"date" doc:"The day it is compared with"`
}

// SecureScore is Defender's score over subscriptions.
type SecureScore struct {
	Percent       float64    `json:"percent" doc:"Of each subscription points of max, by the subscriptions' weights, as Microsoft does; not points of max below"`
	Points        float64    `json:"points" doc:"Points that the subscriptions have, added up"`
	Max           float64    `json:"max" doc:"Points that they could have, added up"`
	Subscriptions int        `json:"subscriptions" doc:"That have a score"`
	SyncedAt      *time.Time `json:"synced_at" doc:"The oldest of the scores"`
}

func secureScore(s *compliance.Secure) *SecureScore {
	if s == nil || s.Subscriptions == 0 { // no points to have is no score, and not one of 0 %
		return nil
	}
	return &SecureScore{Percent: s.Percent, Points: points(s.Points), Max: points(s.Most), Subscriptions: s.Subscriptions, SyncedAt: instant(s.Oldest)}
}

// points are points of a score as they are kept: a sum of them has no more
// places than they have.
func points(p float64) float64 { return float64(compliance.Points(p)) / 1e6 }

func (h handlers) complianceScore(x compliance.Score) ComplianceScore {
	o := ComplianceScore{
		Counts: knownCounts(x.Counts, x.Read > 0), Shares: shares(x.Counts), Secure: secureScore(x.Secure),
		Change: ScoreChange{Since: (h.Reports.Today() - compliance.Compared).String()},
		Read:   x.Read, Subscriptions: x.Subscriptions, Unregistered: x.Unregistered, Failed: x.Failed, SyncedAt: instant(x.Oldest),
		State: h.stateOf(compliance.TenantScore{Score: x}),
	}
	if x.Before != nil {
		o.Change.Since = x.Before.Day.String()
	}
	if p, ok := x.Points(); ok {
		o.Change.Points = &p
	}
	if o.SyncedAt != nil {
		age := int64(h.Now().Sub(x.Oldest).Seconds())
		o.AgeSeconds = &age
	}
	return o
}

// TenantCompliance is the score of a tenant.
type TenantCompliance struct {
	TenantID   string `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName string `json:"tenant_name" doc:"Its display name"`
	ComplianceScore
	Reason string `json:"reason,omitempty" doc:"What went wrong with the last run"`
	Do     string `json:"do,omitempty" doc:"What to do about it"`
}

// SubscriptionCompliance is the score of a subscription.
type SubscriptionCompliance struct {
	TenantID         string       `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName       string       `json:"tenant_name" doc:"Its display name"`
	SubscriptionID   string       `json:"subscription_id" doc:"Subscription (GUID)"`
	SubscriptionName string       `json:"subscription_name" doc:"Its display name"`
	Counts           *StateCounts `json:"counts" doc:"Distinct resources by state; null where nothing was read, and where Azure judges nothing"`
	Shares
	SecurePercent *float64   `json:"secure_score_percent" doc:"Points of max; null where none is known"`
	SyncedAt      *time.Time `json:"synced_at" doc:"When its policies were last read; null = never"`
	State         string     `json:"state" enum:"fresh,stale,never,none" doc:"Of the reading; none: Azure judges nothing there"`
	Reason        string     `json:"reason,omitempty" doc:"Of what is not read, its policies or its secure score"`
	Do            string     `json:"do,omitempty" doc:"What to do about it"`
}

func (h handlers) subscriptionCompliance(v compliance.SubscriptionHeld) SubscriptionCompliance {
	x := subjectScore(v.PolicyAt, v.Policy)
	if x.Read > 0 { // what was judged once is not judged any more
		x.Counts = v.Counts
	}
	o := SubscriptionCompliance{
		TenantID: string(v.Tenant), TenantName: v.TenantName, SubscriptionID: v.Subscription, SubscriptionName: v.Name,
		Counts: knownCounts(x.Counts, x.Read > 0), Shares: shares(x.Counts), SyncedAt: instant(v.PolicyAt),
		State: h.stateOf(compliance.TenantScore{Score: x}), Reason: v.Reason, Do: v.Do,
	}
	if v.Score != nil {
		if p, ok := v.Score.Percent(); ok {
			o.SecurePercent = &p
		}
	}
	return o
}

// ComplianceScores is how compliant a scope is.
type ComplianceScores struct {
	Overall       ComplianceScore          `json:"overall" doc:"Of all subscriptions that are read; meta says what is missing"`
	Tenants       []TenantCompliance       `json:"tenants" doc:"By name"`
	Subscriptions []SubscriptionCompliance `json:"subscriptions,omitempty" doc:"With by=subscription"`
	Target        float64                  `json:"target" doc:"Percent that the official share is to reach"`
}

type scoresInput struct {
	ComplianceInput
	By string `query:"by" enum:"tenant,subscription" default:"tenant" doc:"subscription: a row for each subscription too"`
}

type scoresOutput struct {
	Body struct {
		Data ComplianceScores `json:"data"`
		Meta ComplianceMeta   `json:"meta"`
	}
}

func (h handlers) complianceScores(ctx context.Context, in *scoresInput) (*scoresOutput, error) {
	s, subs, err := h.complianceAsk(ctx, in.ComplianceInput)
	if err != nil {
		return nil, err
	}
	rep, err := h.Compliance.Scores(ctx, s, subs)
	if err != nil {
		return nil, err
	}
	out := &scoresOutput{}
	out.Body.Meta = h.complianceMeta(compliance.Policies, rep.Tenants)
	out.Body.Meta.Total = len(rep.Tenants)
	d := &out.Body.Data
	d.Overall, d.Target, d.Tenants = h.complianceScore(rep.Overall), rep.Target, []TenantCompliance{}
	for _, t := range rep.Tenants {
		d.Tenants = append(d.Tenants, TenantCompliance{
			TenantID: string(t.Tenant), TenantName: t.Name, ComplianceScore: h.complianceScore(t.Score), Reason: t.LastReason, Do: t.LastDo,
		})
	}
	if in.By == "subscription" {
		for _, sub := range rep.Subscriptions {
			d.Subscriptions = append(d.Subscriptions, h.subscriptionCompliance(sub))
		}
	}
	return out, nil
}

// complianceScoresCSV has a line for each tenant, or for each subscription.
func (h handlers) complianceScoresCSV(ctx context.Context, in *scoresInput) (table, error) {
	s, subs, err := h.complianceAsk(ctx, in.ComplianceInput)
	if err != nil {
		return table{}, err
	}
	rep, err := h.Compliance.Scores(ctx, s, subs)
	head := slices.Concat([]string{"tenant_id", "tenant", "subscription_id", "subscription", "state", "synced_at"}, countHead, shareHead, []string{"secure_score_percent"})
	if in.By == "subscription" {
		return table{head, all(rep.Subscriptions, func(v compliance.SubscriptionHeld) []string {
			o := h.subscriptionCompliance(v)
			row := []string{o.TenantID, text(o.TenantName), o.SubscriptionID, text(o.SubscriptionName), o.State, instantText(o.SyncedAt)}
			return slices.Concat(row, countCells(v.Counts, o.Counts != nil), shareCells(v.Counts, o.Counts != nil), []string{optional(o.SecurePercent)})
		})}, err
	}
	return table{head, all(rep.Tenants, func(t compliance.TenantScore) []string {
		row := []string{string(t.Tenant), text(t.Name), "", "", h.stateOf(t), instantText(instant(t.Score.Oldest))}
		secure := ""
		if x := secureScore(t.Secure); x != nil {
			secure = percent(x.Percent, true)
		}
		return slices.Concat(row, countCells(t.Counts, t.Score.Read > 0), shareCells(t.Counts, t.Score.Read > 0), []string{secure})
	})}, err
}

// optional is a percentage, empty where there is none.
func optional(p *float64) string {
	if p == nil {
		return ""
	}
	return percent(*p, true)
}

// ComplianceDay is what was held at the end of a day.
type ComplianceDay struct {
	Date          string       `json:"date" format:"date" doc:"UTC day"`
	Counts        *StateCounts `json:"counts" doc:"Distinct resources by state; null where nothing was held"`
	Official      Share        `json:"official" doc:"As Microsoft counts"`
	Strict        Share        `json:"strict" doc:"Without what is exempt"`
	SecurePercent *float64     `json:"secure_score_percent" doc:"By the subscriptions' weights; null where none was known"`
	Read          int          `json:"subscriptions_read" doc:"Subscriptions with a snapshot of that day or of one before"`
	Fresh         int          `json:"subscriptions_read_that_day" doc:"Of them, those read on that very day"`
	Subscriptions int          `json:"subscriptions" doc:"Subscriptions that were to be read"`
}

func complianceDay(d compliance.DayCount) ComplianceDay {
	o := ComplianceDay{
		Date: d.Day.String(), Counts: knownCounts(d.Counts, d.Read > 0), Official: share(d.Counts.Official()), Strict: share(d.Counts.Strict()),
		Read: d.Read, Fresh: d.Fresh, Subscriptions: d.Expected,
	}
	if p, ok := d.Percent(); ok {
		o.SecurePercent = &p
	}
	return o
}

// ComplianceTrend is how scores moved.
type ComplianceTrend struct {
	Overall []ComplianceDay       `json:"overall" doc:"Days on which every tenant that is read by now has a point: a sum of fewer would move when one comes"`
	Tenants []TenantComplianceDay `json:"tenants" doc:"By name"`
	Target  float64               `json:"target" doc:"Percent that the official share is to reach"`
}

// TenantComplianceDay is how a tenant's score moved.
type TenantComplianceDay struct {
	TenantID   string          `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName string          `json:"tenant_name" doc:"Its display name"`
	Days       []ComplianceDay `json:"days" doc:"In order; a day of which nothing is held is left out"`
}

type complianceTrendInput struct {
	ComplianceInput
	Period string `query:"period" maxLength:"20" doc:"mtd, last-month, 7d, 30d, 90d or ytd; default 30d"`
	From   string `query:"from" maxLength:"20" doc:"First UTC day, yyyy-mm-dd, with to"`
	To     string `query:"to" maxLength:"20" doc:"Last UTC day, yyyy-mm-dd, inclusive, with from"`
}

type complianceTrendOutput struct {
	Body struct {
		Data ComplianceTrend `json:"data"`
		Meta ComplianceMeta  `json:"meta"`
	}
}

// complianceTrend asks for days, with the names and the reading of tenants.
func (h handlers) complianceTrend(ctx context.Context, in *complianceTrendInput) (compliance.Trend, []compliance.TenantScore, error) {
	var t compliance.Trend
	s, subs, err := h.complianceAsk(ctx, in.ComplianceInput)
	if err != nil {
		return t, nil, err
	}
	word := in.Period
	if word == "" && in.From == "" && in.To == "" {
		word = "30d"
	}
	p, err := cost.ParsePeriod(word, in.From, in.To, h.Reports.Today())
	if err != nil {
		return t, nil, err
	}
	reads, err := h.complianceReads(ctx, s, subs)
	if err != nil {
		return t, nil, err
	}
	t, err = h.Compliance.Trends(ctx, s, subs, p)
	return t, reads, err
}

// trendTenants are the tenants of a trend in the order of their names.
func trendTenants(t compliance.Trend, names map[fresnel.TenantID]string) []fresnel.TenantID {
	ids := make([]fresnel.TenantID, 0, len(t.Tenants))
	for id := range t.Tenants {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b fresnel.TenantID) int { return cmp.Or(cmp.Compare(names[a], names[b]), cmp.Compare(a, b)) })
	return ids
}

func (h handlers) complianceTrends(ctx context.Context, in *complianceTrendInput) (*complianceTrendOutput, error) {
	t, reads, err := h.complianceTrend(ctx, in)
	if err != nil {
		return nil, err
	}
	days := func(list []compliance.DayCount) []ComplianceDay {
		out := make([]ComplianceDay, len(list))
		for i, d := range list {
			out[i] = complianceDay(d)
		}
		return out
	}
	out := &complianceTrendOutput{}
	p := period(t.Period)
	out.Body.Meta = h.complianceMeta(compliance.Policies, reads)
	out.Body.Meta.Period, out.Body.Meta.Total = &p, len(t.Tenants)
	out.Body.Data = ComplianceTrend{Overall: days(t.Overall), Tenants: []TenantComplianceDay{}, Target: t.Target}
	names := tenantNames(reads)
	for _, id := range trendTenants(t, names) {
		out.Body.Data.Tenants = append(out.Body.Data.Tenants, TenantComplianceDay{string(id), names[id], days(t.Tenants[id])})
	}
	return out, nil
}

func (h handlers) complianceTrendsCSV(ctx context.Context, in *complianceTrendInput) (table, error) {
	t, reads, err := h.complianceTrend(ctx, in)
	head := slices.Concat([]string{"date", "by", "tenant_id", "tenant"}, countHead, shareHead, []string{"secure_score_percent", "subscriptions_read", "subscriptions"})
	names := tenantNames(reads)
	return table{head, func(yield func([]string, error) bool) {
		line := func(by string, d compliance.DayCount) []string {
			row := []string{d.Day.String(), by, string(d.Tenant), text(names[d.Tenant])}
			tail := []string{percent(d.Percent()), strconv.Itoa(d.Read), strconv.Itoa(d.Expected)}
			return slices.Concat(row, countCells(d.Counts, d.Read > 0), shareCells(d.Counts, d.Read > 0), tail)
		}
		for _, d := range t.Overall {
			if !yield(line("overall", d), nil) {
				return
			}
		}
		for _, id := range trendTenants(t, names) {
			for _, d := range t.Tenants[id] {
				if !yield(line("tenant", d), nil) {
					return
				}
			}
		}
	}}, err
}
