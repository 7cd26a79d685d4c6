package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"fresnel"
	"fresnel/internal/compliance"
)

// Policy is a policy definition over all its assignments.
type Policy struct {
	PolicyID     int64        `json:"policy_id" doc:"Our number of it: /api/v1/compliance/policies/{id}"`
	DefinitionID string       `json:"definition_id" doc:"Azure's id of the definition"`
	Name         string       `json:"name" doc:"The definition's own id where Azure hides the name"`
	Category     string       `json:"category" doc:"Empty where it is not known"`
	Custom       bool         `json:"custom" doc:"A definition of the customer's own"`
	Effects      []string     `json:"effects" doc:"What its assignments do, lower case: audit, deny, ..."`
	Counts       *StateCounts `json:"counts" doc:"Distinct resources by state: one that two assignments judge is one"`
	Shares
	Tenants []PolicyTenant `json:"tenants" doc:"In which it is assigned, most non-compliant first"`
}

// PolicyTenant is what a policy counts in a tenant.
type PolicyTenant struct {
	TenantID      string      `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName    string      `json:"tenant_name" doc:"Its display name"`
	Counts        StateCounts `json:"counts" doc:"Distinct resources by state"`
	Official      Share       `json:"official" doc:"As Microsoft counts"`
	Subscriptions int         `json:"subscriptions" doc:"In which it judges something"`
}

func policy(p compliance.Policy, names map[fresnel.TenantID]string) Policy {
	o := Policy{
		PolicyID: p.Num, DefinitionID: p.ID, Name: p.Name, Category: p.Category, Custom: p.Custom, Effects: append([]string{}, p.Effects...),
		Counts: knownCounts(p.Counts, true), Shares: shares(p.Counts), Tenants: make([]PolicyTenant, len(p.Tenants)),
	}
	for i, t := range p.Tenants {
		o.Tenants[i] = PolicyTenant{string(t.Tenant), names[t.Tenant], stateCounts(t.Counts), share(t.Counts.Official()), t.Subs}
	}
	return o
}

// PolicyInput selects policies.
type PolicyInput struct {
	ComplianceInput
	Text     string   `query:"q" maxLength:"200" doc:"Part of the name"`
	Category []string `query:"category,explode" maxItems:"100" doc:"In any case; repeatable"`
	Effect   []string `query:"effect,explode" maxItems:"20" doc:"In any case; repeatable"`
	Failing  bool     `query:"failing" doc:"Those with non-compliant resources only"`
	Sort     string   `query:"sort" enum:"non_compliant,name,category,score" default:"non_compliant" doc:"non_compliant: most first; score: lowest official share first, those without one last"`
}

type policiesInput struct {
	PolicyInput
	ListInput
}

// PolicyTotal is what policies there are, whatever is filtered.
type PolicyTotal struct {
	Assigned   int      `json:"assigned" doc:"Policies that are assigned"`
	Failing    int      `json:"failing" doc:"Of them, those with non-compliant resources"`
	Categories []string `json:"categories" doc:"Words for category"`
	Effects    []string `json:"effects" doc:"Words for effect"`
}

type policiesOutput struct {
	Body struct {
		Data []Policy       `json:"data"`
		All  PolicyTotal    `json:"all" doc:"Of all policies, whatever is filtered"`
		Meta ComplianceMeta `json:"meta"`
	}
}

func (h handlers) policyList(ctx context.Context, in PolicyInput) (compliance.PolicyList, []compliance.TenantScore, error) {
	var list compliance.PolicyList
	s, subs, err := h.complianceAsk(ctx, in.ComplianceInput)
	if err != nil {
		return list, nil, err
	}
	reads, err := h.complianceReads(ctx, s, subs)
	if err != nil {
		return list, nil, err
	}
	list, err = h.Compliance.Policies(ctx, s, compliance.PolicyQuery{
		Subscriptions: subs, Text: in.Text, Categories: in.Category, Effects: in.Effect, Failing: in.Failing, Sort: compliance.PolicySort(in.Sort),
	})
	return list, reads, err
}

func (h handlers) policies(ctx context.Context, in *policiesInput) (*policiesOutput, error) {
	list, reads, err := h.policyList(ctx, in.PolicyInput)
	if err != nil {
		return nil, err
	}
	rows, next, err := cut(list.Rows, func(p compliance.Policy) string { return strconv.FormatInt(p.Num, 10) }, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &policiesOutput{}
	out.Body.Meta = h.complianceMeta(compliance.Policies, reads)
	out.Body.Meta.Total, out.Body.Meta.NextCursor = list.Total, next
	out.Body.All = PolicyTotal{list.Assigned, list.Failing, append([]string{}, list.Categories...), append([]string{}, list.Effects...)}
	out.Body.Data = make([]Policy, len(rows))
	names := tenantNames(reads)
	for i, p := range rows {
		out.Body.Data[i] = policy(p, names)
	}
	return out, nil
}

func (h handlers) policiesCSV(ctx context.Context, in *PolicyInput) (table, error) {
	list, _, err := h.policyList(ctx, *in)
	head := slices.Concat([]string{"policy_id", "definition_id", "name", "category", "custom", "effects", "tenants"}, countHead, shareHead)
	return table{head, all(list.Rows, func(p compliance.Policy) []string {
		row := []string{
			strconv.FormatInt(p.Num, 10), text(p.ID), text(p.Name), text(p.Category), strconv.FormatBool(p.Custom), text(strings.Join(p.Effects, " ")), strconv.Itoa(len(p.Tenants)),
		}
		return slices.Concat(row, countCells(p.Counts, true), shareCells(p.Counts, true))
	})}, err
}

// PolicyDetail is a policy with where it is assigned, and what mends its failures.
type PolicyDetail struct {
	Policy
	Description string           `json:"description" doc:"As Azure tells it"`
	Mode        string           `json:"mode" doc:"What the definition looks at: All, Indexed, or a resource provider's own"`
	Assignments []AssignedPolicy `json:"assignments" doc:"Most non-compliant first"`
	Remedies    []Remedy         `json:"remedies" doc:"One for each effect"`
}

// AssignedPolicy is a policy within an assignment.
type AssignedPolicy struct {
	TenantID       string      `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName     string      `json:"tenant_name" doc:"Its display name"`
	AssignmentID   string      `json:"assignment_id" doc:"Azure's id"`
	AssignmentName string      `json:"assignment_name" doc:"Empty where Azure hides it"`
	Initiative     string      `json:"initiative" doc:"Empty: the policy is assigned by itself"`
	Reference      string      `json:"reference" doc:"Name of the definition within the initiative"`
	Effect         string      `json:"effect" doc:"Lower case"`
	Counts         StateCounts `json:"counts" doc:"Distinct resources by state, by this assignment alone"`
	Official       Share       `json:"official" doc:"As Microsoft counts"`
}

// Remedy is what mends a resource that fails a policy.
type Remedy struct {
	Effect  string `json:"effect" doc:"Lower case"`
	Do      string `json:"do" doc:"What to change"`
	Command string `json:"command,omitempty" doc:"Of the az CLI, with NAMES in capitals to fill in; absent = there is none"`
	Task    bool   `json:"remediation_task" doc:"A remediation task can mend what exists already"`
}

type onePolicyInput struct {
	ID     int64    `path:"id" minimum:"1" doc:"policy_id"`
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
}

type onePolicyOutput struct {
	Body struct {
		Data PolicyDetail   `json:"data"`
		Meta ComplianceMeta `json:"meta"`
	}
}

func (h handlers) policy(ctx context.Context, in *onePolicyInput) (*onePolicyOutput, error) {
	s, _, err := h.complianceAsk(ctx, ComplianceInput{Tenant: in.Tenant})
	if err != nil {
		return nil, err
	}
	one, err := h.Compliance.Policy(ctx, s, in.ID)
	if err != nil {
		return nil, err
	}
	reads, err := h.complianceReads(ctx, s, nil)
	if err != nil {
		return nil, err
	}
	names := tenantNames(reads)
	out := &onePolicyOutput{}
	out.Body.Meta = h.complianceMeta(compliance.Policies, reads)
	d := &out.Body.Data
	d.Policy, d.Description, d.Mode = policy(one.Policy, names), one.Description, one.Mode
	d.Assignments, d.Remedies = []AssignedPolicy{}, []Remedy{}
	for _, a := range one.Assignments {
		d.Assignments = append(d.Assignments, AssignedPolicy{
			TenantID: string(a.Tenant), TenantName: names[a.Tenant], AssignmentID: cmp.Or(a.Assignment.ID, a.Assignment.Key.Assignment), AssignmentName: a.Assignment.Name,
			Initiative: a.Initiative, Reference: a.Reference, Effect: a.Effect, Counts: stateCounts(a.Counts), Official: share(a.Counts.Official()),
		})
	}
	for _, r := range one.Remedies {
		d.Remedies = append(d.Remedies, Remedy(r))
	}
	out.Body.Meta.Total = len(d.Assignments)
	return out, nil
}
