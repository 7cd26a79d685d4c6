package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// SecureReport is Defender's score of a scope.
type SecureReport struct {
	Overall       *SecureScore         `json:"overall" doc:"Null where no subscription has a score"`
	Tenants       []TenantSecure       `json:"tenants" doc:"By name"`
	Subscriptions []SubscriptionSecure `json:"subscriptions" doc:"All that are to be read"`
	Controls      []SecureControl      `json:"controls" doc:"With the most points to win first"`
}

// TenantSecure is Defender's score of a tenant.
type TenantSecure struct {
	TenantID   string       `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName string       `json:"tenant_name" doc:"Its display name"`
	Secure     *SecureScore `json:"secure_score" doc:"Null where none is known"`
}

// SubscriptionSecure is Defender's score of a subscription.
type SubscriptionSecure struct {
	TenantID         string     `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName       string     `json:"tenant_name" doc:"Its display name"`
	SubscriptionID   string     `json:"subscription_id" doc:"Subscription (GUID)"`
	SubscriptionName string     `json:"subscription_name" doc:"Its display name"`
	Points           *float64   `json:"points" doc:"Null where no score is known"`
	Max              *float64   `json:"max" doc:"Points that it could have"`
	Percent          *float64   `json:"percent" doc:"points of max; null where there are none to have"`
	Weight           *int64     `json:"weight" doc:"What it counts among several, as Azure tells it"`
	SyncedAt         *time.Time `json:"synced_at" doc:"When it was last read; null = never"`
	State            string     `json:"state" enum:"fresh,stale,never,none" doc:"none: Defender for Cloud judges nothing there"`
	Reason           string     `json:"reason,omitempty" doc:"Of what is not read, its policies or its secure score"`
	Do               string     `json:"do,omitempty" doc:"What to do about it"`
}

// SecureControl is a control of the secure score over subscriptions.
type SecureControl struct {
	ID            string  `json:"id" doc:"Defender's name of the control"`
	Name          string  `json:"name" doc:"Display name"`
	Healthy       int     `json:"healthy" doc:"Resources"`
	Unhealthy     int     `json:"unhealthy" doc:"Resources"`
	NotApplicable int     `json:"not_applicable" doc:"Resources: on neither side"`
	HealthyShare  Share   `json:"healthy_share" doc:"Healthy resources, of those and the unhealthy ones"`
	Points        float64 `json:"points" doc:"Of the subscriptions, added up"`
	Max           float64 `json:"max" doc:"Points that they could have, added up"`
	Subscriptions int     `json:"subscriptions" doc:"To which it applies"`
}

type secureOutput struct {
	Body struct {
		Data SecureReport   `json:"data"`
		Meta ComplianceMeta `json:"meta" doc:"Of the reading of Defender for Cloud, not of that of policies"`
	}
}

func (h handlers) subscriptionSecure(v compliance.SubscriptionHeld) SubscriptionSecure {
	x := subjectScore(v.ScoreAt, v.Security)
	o := SubscriptionSecure{
		TenantID: string(v.Tenant), TenantName: v.TenantName, SubscriptionID: v.Subscription, SubscriptionName: v.Name,
		SyncedAt: instant(v.ScoreAt), State: h.stateOf(compliance.TenantScore{Score: x}), Reason: v.ScoreReason, Do: v.ScoreDo,
	}
	if v.Score != nil {
		o.Points, o.Max, o.Weight = &v.Score.Current, &v.Score.Max, &v.Score.Weight
		if p, ok := v.Score.Percent(); ok {
			o.Percent = &p
		}
	}
	return o
}

func secureControl(c compliance.ControlSum) SecureControl {
	return SecureControl{
		ID: c.Item.Key.Definition, Name: cmp.Or(c.Item.Name, c.Item.ID, c.Item.Key.Definition), Healthy: c.Healthy, Unhealthy: c.Unhealthy, NotApplicable: c.NotApplicable,
		HealthyShare: share(compliance.Share{Of: c.Healthy, Whole: c.Healthy + c.Unhealthy}), Points: points(c.Points), Max: points(c.Most), Subscriptions: c.Subscriptions,
	}
}

func (h handlers) secure(ctx context.Context, in *ComplianceInput) (*secureOutput, error) {
	s, subs, err := h.complianceAsk(ctx, *in)
	if err != nil {
		return nil, err
	}
	rep, err := h.Compliance.Secure(ctx, s, subs)
	if err != nil {
		return nil, err
	}
	reads := make([]compliance.TenantRead, len(rep.Tenants))
	for i, t := range rep.Tenants {
		reads[i] = t.TenantRead
	}
	out := &secureOutput{}
	out.Body.Meta = h.complianceMeta(compliance.Defender, scoresOf(compliance.ReadsOf(compliance.Defender, reads, rep.Subscriptions)))
	out.Body.Meta.Total = len(rep.Controls)
	out.Body.Data = SecureReport{Overall: secureScore(rep.Overall.Secure), Tenants: []TenantSecure{}, Subscriptions: []SubscriptionSecure{}, Controls: []SecureControl{}}
	for _, t := range rep.Tenants {
		out.Body.Data.Tenants = append(out.Body.Data.Tenants, TenantSecure{string(t.Tenant), t.Name, secureScore(t.Secure)})
	}
	for _, sub := range rep.Subscriptions {
		out.Body.Data.Subscriptions = append(out.Body.Data.Subscriptions, h.subscriptionSecure(sub))
	}
	for _, c := range rep.Controls {
		out.Body.Data.Controls = append(out.Body.Data.Controls, secureControl(c))
	}
	return out, nil
}

// secureCSV has a line for each control.
func (h handlers) secureCSV(ctx context.Context, in *ComplianceInput) (table, error) {
	out, err := h.secure(ctx, in)
	if err != nil {
		return table{}, err
	}
	head := []string{"id", "control", "healthy", "unhealthy", "not_applicable", "healthy_percent", "points", "max", "subscriptions"}
	return table{head, all(out.Body.Data.Controls, func(c SecureControl) []string {
		return []string{
			text(c.ID), text(c.Name), strconv.Itoa(c.Healthy), strconv.Itoa(c.Unhealthy), strconv.Itoa(c.NotApplicable), optional(c.HealthyShare.Percent),
			strconv.FormatFloat(c.Points, 'f', 2, 64), strconv.FormatFloat(c.Max, 'f', 2, 64), strconv.Itoa(c.Subscriptions),
		}
	})}, nil
}

// Exemption is what is taken out of an assignment.
type Exemption struct {
	ID             string     `json:"id" doc:"As Azure writes it"`
	Name           string     `json:"name" doc:"Display name"`
	Description    string     `json:"description,omitempty" doc:"As Azure tells it"`
	Category       string     `json:"category" doc:"Waiver or Mitigated"`
	TenantID       string     `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName     string     `json:"tenant_name" doc:"Its display name"`
	Scope          string     `json:"scope" doc:"Where it holds: a management group, a subscription, a group or a resource; lower case"`
	AssignmentID   string     `json:"assignment_id" doc:"Azure's id"`
	AssignmentName string     `json:"assignment_name" doc:"Empty where it is hidden from us"`
	References     []string   `json:"references" doc:"Definitions within the assignment that it is of; none = all of them"`
	CreatedAt      *time.Time `json:"created_at" doc:"As Azure tells; null = not told"`
	ExpiresAt      *time.Time `json:"expires_at" doc:"Null = never"`
	DaysLeft       *int       `json:"days_left" doc:"Whole days until it expires, negative since; null = it never does"`
	Standing       string     `json:"standing" enum:"active,expiring,expired" doc:"expiring: within 30 days; expired: Azure keeps it, and it exempts nothing any more"`
}

func exemption(x compliance.Exemption, names map[fresnel.TenantID]string) Exemption {
	o := Exemption{
		ID: x.ID, Name: cmp.Or(x.Name, x.ID), Description: x.More.Description, Category: x.Category, TenantID: string(x.Tenant), TenantName: names[x.Tenant],
		Scope: x.Scope, AssignmentID: x.Assignment.ID, AssignmentName: x.Assignment.Name, References: append([]string{}, x.More.References...),
		CreatedAt: instant(x.Created), ExpiresAt: instant(x.Expires), Standing: string(x.Standing),
	}
	if o.ExpiresAt != nil {
		o.DaysLeft = &x.DaysLeft
	}
	return o
}

// ExemptionInput selects exemptions.
type ExemptionInput struct {
	ComplianceInput
	Standing []string `query:"standing,explode" maxItems:"3" enum:"active,expiring,expired" doc:"Repeatable; none = all"`
}

type exemptionsInput struct {
	ExemptionInput
	ListInput
}

type exemptionsOutput struct {
	Body struct {
		Data []Exemption    `json:"data" doc:"What expires first comes first, what never does last"`
		Meta ComplianceMeta `json:"meta"`
	}
}

// exemptionList asks for exemptions. With subscriptions, those of management
// groups are told too: they may be above any of them.
func (h handlers) exemptionList(ctx context.Context, in ExemptionInput) ([]compliance.Exemption, []compliance.TenantScore, error) {
	s, subs, err := h.complianceAsk(ctx, in.ComplianceInput)
	if err != nil {
		return nil, nil, err
	}
	standings := make([]compliance.ExemptionStanding, len(in.Standing))
	for i, w := range in.Standing {
		standings[i] = compliance.ExemptionStanding(w)
	}
	reads, err := h.complianceReads(ctx, s, subs)
	if err != nil {
		return nil, nil, err
	}
	list, err := h.Compliance.Exemptions(ctx, s, standings)
	return slices.DeleteFunc(list, func(x compliance.Exemption) bool { return !x.Touches(subs) }), reads, err
}

func (h handlers) exemptions(ctx context.Context, in *exemptionsInput) (*exemptionsOutput, error) {
	list, reads, err := h.exemptionList(ctx, in.ExemptionInput)
	if err != nil {
		return nil, err
	}
	rows, next, err := cut(list, func(x compliance.Exemption) string { return string(x.Tenant) + "|" + strconv.FormatInt(x.Num, 10) }, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &exemptionsOutput{}
	out.Body.Meta = h.complianceMeta(compliance.Policies, reads)
	out.Body.Meta.Total, out.Body.Meta.NextCursor = len(list), next
	out.Body.Data = make([]Exemption, len(rows))
	names := tenantNames(reads)
	for i, x := range rows {
		out.Body.Data[i] = exemption(x, names)
	}
	return out, nil
}

func (h handlers) exemptionsCSV(ctx context.Context, in *ExemptionInput) (table, error) {
	list, reads, err := h.exemptionList(ctx, *in)
	names := tenantNames(reads)
	head := []string{"id", "name", "category", "standing", "tenant_id", "tenant", "scope", "assignment_id", "assignment", "created_at", "expires_at", "days_left", "description"}
	return table{head, all(list, func(x compliance.Exemption) []string {
		o := exemption(x, names)
		left := ""
		if o.DaysLeft != nil {
			left = strconv.Itoa(*o.DaysLeft)
		}
		return []string{
			text(o.ID), text(o.Name), text(o.Category), o.Standing, o.TenantID, text(o.TenantName), text(o.Scope), text(o.AssignmentID), text(o.AssignmentName),
			instantText(o.CreatedAt), instantText(o.ExpiresAt), left, text(o.Description),
		}
	})}, err
}
