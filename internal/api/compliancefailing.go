package api

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// NonCompliant is a resource that does not comply: one row, however many
// policies it fails.
type NonCompliant struct {
	ResourceID       string         `json:"resource_id" doc:"ARM id, lower case"`
	Name             string         `json:"name" doc:"Of the resource"`
	Type             string         `json:"type" doc:"Lower case"`
	ResourceGroup    string         `json:"resource_group" doc:"Lower case; empty = not in a group"`
	TenantID         string         `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName       string         `json:"tenant_name" doc:"Its display name"`
	SubscriptionID   string         `json:"subscription_id" doc:"Subscription (GUID)"`
	SubscriptionName string         `json:"subscription_name" doc:"Its display name"`
	Since            *time.Time     `json:"since" doc:"Since when it does not comply, as far as we saw; with policy, with that one"`
	Failures         int            `json:"failures" doc:"Policies that it fails"`
	Policies         []FailedPolicy `json:"policies" doc:"All that it fails, whatever policy was asked for"`
}

// FailedPolicy is a policy that a resource fails. Tenant, resource and policy
// name it for as long as it lasts.
type FailedPolicy struct {
	PolicyID  int64      `json:"policy_id" doc:"Our number of the policy"`
	Name      string     `json:"name" doc:"Of the policy"`
	State     string     `json:"state" enum:"NonCompliant,Conflict" doc:"Azure's word"`
	Since     *time.Time `json:"since" doc:"Since when it fails without a break"`
	FirstSeen *time.Time `json:"first_seen" doc:"When it was first seen to fail"`
}

func nonCompliant(f compliance.Failing, rep compliance.FailingReport) NonCompliant {
	o := NonCompliant{
		ResourceID: f.Resource, Name: f.Name, Type: f.Type, ResourceGroup: f.Group, TenantID: string(f.Tenant), TenantName: f.TenantName,
		SubscriptionID: f.Subscription, SubscriptionName: f.SubscriptionName, Since: instant(f.Since), Failures: f.Policies, Policies: []FailedPolicy{},
	}
	for _, x := range rep.Failed[f.Resource] {
		o.Policies = append(o.Policies, FailedPolicy{x.Policy, rep.Names[x.Policy], x.State.String(), instant(x.Since), instant(x.First)})
	}
	return o
}

// NonCompliantInput selects resources that do not comply.
type NonCompliantInput struct {
	ComplianceInput
	Text   string   `query:"q" maxLength:"200" doc:"Part of the name"`
	Type   []string `query:"type,explode" maxItems:"100" doc:"Resource type, in any case; repeatable"`
	Group  []string `query:"resource_group,explode" maxItems:"100" doc:"Resource group, in any case; repeatable"`
	Policy int64    `query:"policy" minimum:"1" doc:"policy_id: fails this policy"`
	Sort   string   `query:"sort" enum:"since,policies,name" default:"since" doc:"since: newest first; policies: most first"`
}

type nonCompliantInput struct {
	NonCompliantInput
	ListInput
}

type nonCompliantOutput struct {
	Body struct {
		Data []NonCompliant `json:"data"`
		Meta ComplianceMeta `json:"meta"`
	}
}

// failingQuery fails with NotFound on a policy that the viewer does not see: an
// empty list would say that nothing fails it.
func (h handlers) failingQuery(ctx context.Context, in NonCompliantInput) (fresnel.Scope, compliance.FailingQuery, error) {
	s, subs, err := h.complianceAsk(ctx, in.ComplianceInput)
	q := compliance.FailingQuery{Subscriptions: subs, Policy: in.Policy, Text: in.Text, Sort: compliance.FailingSort(in.Sort)}
	for _, w := range in.Type {
		q.Types = append(q.Types, strings.ToLower(w))
	}
	for _, w := range in.Group {
		q.Groups = append(q.Groups, strings.ToLower(w))
	}
	if in.Policy == 0 || err != nil {
		return s, q, err
	}
	items, err := h.Compliance.Reader.Items(ctx, s, []int64{in.Policy})
	if err == nil && !slices.ContainsFunc(items, func(i compliance.Item) bool { return i.Kind == compliance.KindPolicy }) {
		err = fresnel.Errorf(fresnel.NotFound, "there is no policy %d", in.Policy)
	}
	return s, q, err
}

func (h handlers) nonCompliant(ctx context.Context, in *nonCompliantInput) (*nonCompliantOutput, error) {
	s, q, err := h.failingQuery(ctx, in.NonCompliantInput)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = in.Limit, uncursor(in.Cursor, &q.After); err != nil {
		return nil, err
	}
	reads, err := h.complianceReads(ctx, s, q.Subscriptions)
	if err != nil {
		return nil, err
	}
	rep, err := h.Compliance.NonCompliant(ctx, s, q)
	if err != nil {
		return nil, err
	}
	out := &nonCompliantOutput{}
	out.Body.Meta = h.complianceMeta(compliance.Policies, reads)
	out.Body.Meta.Total, out.Body.Meta.More = rep.Total, rep.More
	if rep.Next != (compliance.FailingPlace{}) {
		out.Body.Meta.NextCursor = cursorOf(rep.Next)
	}
	out.Body.Data = make([]NonCompliant, len(rep.Rows))
	for i, f := range rep.Rows {
		out.Body.Data[i] = nonCompliant(f, rep)
	}
	return out, nil
}

// nonCompliantCSV has a line for each resource and policy that it fails; with a
// policy asked for, for that one only. It reads page by page.
func (h handlers) nonCompliantCSV(ctx context.Context, in *NonCompliantInput) (table, error) {
	s, q, err := h.failingQuery(ctx, *in)
	q.Limit = 1000
	head := []string{"resource_id", "name", "type", "resource_group", "tenant_id", "tenant", "subscription_id", "subscription", "policy_id", "policy", "state", "since", "first_seen"}
	return table{head, func(yield func([]string, error) bool) {
		for {
			rep, err := h.Compliance.NonCompliant(ctx, s, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, f := range rep.Rows {
				o := nonCompliant(f, rep)
				for _, p := range o.Policies {
					if (q.Policy == 0 || q.Policy == p.PolicyID) && !yield(failureLine(o, p), nil) {
						return
					}
				}
			}
			if q.After = rep.Next; q.After == (compliance.FailingPlace{}) {
				return
			}
		}
	}}, err
}

func failureLine(o NonCompliant, p FailedPolicy) []string {
	return []string{
		text(o.ResourceID), text(o.Name), text(o.Type), text(o.ResourceGroup), o.TenantID, text(o.TenantName), o.SubscriptionID, text(o.SubscriptionName),
		strconv.FormatInt(p.PolicyID, 10), text(p.Name), p.State, instantText(p.Since), instantText(p.FirstSeen),
	}
}
