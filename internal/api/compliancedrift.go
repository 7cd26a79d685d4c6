package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
)

// Drift is how compliance on one day differs from that on another.
type Drift struct {
	From        string           `json:"from" format:"date" doc:"UTC day: what was held at its end"`
	To          string           `json:"to" format:"date" doc:"UTC day: what was held at its end"`
	First       string           `json:"first,omitempty" format:"date" doc:"The first day of which anything is held: days before it cannot be compared; absent = nothing is held"`
	Compared    int              `json:"subscriptions_compared" doc:"Subscriptions with a snapshot of both days: all that follows is of them"`
	Added       int              `json:"subscriptions_added" doc:"Subscriptions without a snapshot of the first day"`
	Removed     int              `json:"subscriptions_removed" doc:"Subscriptions without a snapshot of the second day"`
	Whole       DriftSides       `json:"whole" doc:"Distinct resources, as Microsoft counts them"`
	Like        DriftSides       `json:"like_for_like" doc:"Pairs of an assignment and a resource that it judges, of assignments that judged a subscription on both days: without what was assigned since, or is no more"`
	Assignments []AssignmentMove `json:"assignments" doc:"Those that judged on one of the days only, as a whole or in some subscriptions; most non-compliant first"`
	New         *MoveCounts      `json:"new" doc:"Failures that are there on the second day only; null where nothing can be compared"`
	Resolved    *MoveCounts      `json:"resolved" doc:"Failures that were there on the first day only; null where nothing can be compared"`
	Changed     *int             `json:"changed" doc:"Failures on both days, by other assignments or in another state; null where nothing can be compared"`
	Rows        []FailureMove    `json:"rows" doc:"New failures first, then resolved, then changed ones"`
}

// DriftSides are two days beside each other.
type DriftSides struct {
	Before *DriftSide `json:"before" doc:"Null where nothing can be compared"`
	After  *DriftSide `json:"after" doc:"Null where nothing can be compared"`
	Points *float64   `json:"points" doc:"By how many points of percent the official share rose; null where one of the days has none"`
}

// DriftSide is what one of the days counts.
type DriftSide struct {
	Counts   StateCounts `json:"counts" doc:"Distinct resources by state"`
	Official Share       `json:"official" doc:"As Microsoft counts"`
}

func driftSides(before, after compliance.Counts, points float64, ok, compared bool) DriftSides {
	var o DriftSides
	if compared {
		o.Before = &DriftSide{stateCounts(before), share(before.Official())}
		o.After = &DriftSide{stateCounts(after), share(after.Official())}
	}
	if ok && compared {
		o.Points = &points
	}
	return o
}

// MoveCounts are failures that came or went, by why.
type MoveCounts struct {
	Total      int `json:"total" doc:"Failures"`
	Assignment int `json:"assignment" doc:"An assignment, or a policy in it, was added or removed"`
	Resource   int `json:"resource" doc:"The resource was created or deleted"`
	Exemption  int `json:"exemption" doc:"An exemption ended or was made"`
	State      int `json:"state" doc:"The resource, or what the policy asks, is not what it was: drift"`
}

func moveCounts(total int, by map[compliance.Cause]int) *MoveCounts {
	return &MoveCounts{
		Total: total, Assignment: by[compliance.CauseAssignment], Resource: by[compliance.CauseResource],
		Exemption: by[compliance.CauseExemption], State: by[compliance.CauseState],
	}
}

// AssignmentMove is an assignment that judged on one of the days only.
type AssignmentMove struct {
	TenantID   string      `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName string      `json:"tenant_name" doc:"Its display name"`
	ID         string      `json:"id" doc:"Azure's id of the assignment"`
	Name       string      `json:"name" doc:"The assignment's id where Azure hides the name"`
	Move       string      `json:"move" enum:"added,removed" doc:"Since the first day"`
	Counts     StateCounts `json:"counts" doc:"On the day on which it judged"`
	CreatedAt  *time.Time  `json:"created_at" doc:"As Azure tells; null = not told"`
	// A list, not a count: they are what to look at.
	Subscriptions []string `json:"subscriptions" doc:"Those in which it judges on one of the days only, where it judges others on both; none = it is new, or gone, as a whole"`
}

// FailureMove is a failure that is not the same on both days.
type FailureMove struct {
	Kind           string     `json:"kind" enum:"new,resolved,changed" doc:"What became of the failure"`
	Cause          string     `json:"cause" enum:",assignment,resource,exemption,state" doc:"Why it came or went; empty for changed ones"`
	By             string     `json:"by,omitempty" doc:"The assignment or the exemption that is the cause"`
	TenantID       string     `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName     string     `json:"tenant_name" doc:"Its display name"`
	SubscriptionID string     `json:"subscription_id" doc:"Subscription (GUID)"`
	ResourceID     string     `json:"resource_id" doc:"ARM id, lower case"`
	Name           string     `json:"name" doc:"Of the resource"`
	Type           string     `json:"type" doc:"Lower case"`
	PolicyID       int64      `json:"policy_id" doc:"Our number of the policy"`
	Policy         string     `json:"policy" doc:"Its name"`
	State          string     `json:"state" enum:"NonCompliant,Conflict" doc:"Azure's word, of the day on which it failed"`
	Since          *time.Time `json:"since" doc:"Since when it failed"`
	ResolvedAt     *time.Time `json:"resolved_at" doc:"Null = it still fails"`
}

func failureMove(r compliance.MovedRow, d compliance.Drift, names map[fresnel.TenantID]string) FailureMove {
	return FailureMove{
		Kind: string(r.Kind), Cause: string(r.Cause), By: r.By, TenantID: string(r.Tenant), TenantName: names[r.Tenant], SubscriptionID: r.Subscription,
		ResourceID: r.Resource, Name: r.Name, Type: r.Type, PolicyID: r.Policy, Policy: d.Names[r.Policy], State: r.State.String(),
		Since: instant(r.Since), ResolvedAt: instant(r.Resolved),
	}
}

// DriftInput selects what is compared.
type DriftInput struct {
	ComplianceInput
	From     string `query:"from" maxLength:"10" doc:"UTC day, yyyy-mm-dd; default 7 days before to"`
	To       string `query:"to" maxLength:"10" doc:"UTC day, yyyy-mm-dd; default today"`
	Baseline string `query:"baseline" maxLength:"100" doc:"Name of a baseline: its day in place of from"`
}

type driftInput struct {
	DriftInput
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Rows at most"`
}

type driftOutput struct {
	Body struct {
		Data Drift          `json:"data"`
		Meta ComplianceMeta `json:"meta" doc:"total: failures that moved"`
	}
}

// driftAsk finds the days that are compared. It fails with NotFound on a
// baseline that the viewer does not see.
func (h handlers) driftAsk(ctx context.Context, in DriftInput) (fresnel.Scope, compliance.DriftAsk, error) {
	var ask compliance.DriftAsk
	s, subs, err := h.complianceAsk(ctx, in.ComplianceInput)
	if err != nil {
		return s, ask, err
	}
	today := h.Reports.Today()
	ask.Subscriptions, ask.To = subs, today
	if in.To != "" {
		if ask.To, err = fresnel.ParseDay(in.To); err != nil {
			return s, ask, err
		}
	}
	if ask.To > today {
		return s, ask, fresnel.Errorf(fresnel.Invalid, "to %s is after today, %s", ask.To, today)
	}
	ask.From = ask.To - compliance.Compared
	switch {
	case in.Baseline != "" && in.From != "":
		err = fresnel.Errorf(fresnel.Invalid, "give from or baseline, not both")
	case in.Baseline != "":
		ask.From, err = h.Compliance.BaselineDay(ctx, s, in.Baseline)
	case in.From != "":
		ask.From, err = fresnel.ParseDay(in.From)
	}
	return s, ask, err
}

func (h handlers) drift(ctx context.Context, in *driftInput) (*driftOutput, error) {
	s, ask, err := h.driftAsk(ctx, in.DriftInput)
	if err != nil {
		return nil, err
	}
	ask.Rows = in.Limit
	d, err := h.Compliance.Drift(ctx, s, ask)
	if err != nil {
		return nil, err
	}
	reads, err := h.complianceReads(ctx, s, ask.Subscriptions)
	if err != nil {
		return nil, err
	}
	names := tenantNames(reads)
	out := &driftOutput{}
	out.Body.Meta = h.complianceMeta(compliance.Policies, reads)
	out.Body.Meta.Total, out.Body.Meta.More = d.NewFailures()+d.ResolvedFailures()+d.Changed, d.More
	points, ok := d.Points()
	like, likeOK := d.Like()
	o := Drift{
		From: d.From.String(), To: d.To.String(), Compared: d.Compared, Added: d.Added, Removed: d.Removed,
		Whole: driftSides(d.Before, d.After, points, ok, d.Compared > 0), Like: driftSides(d.LikeBefore, d.LikeAfter, like, likeOK, d.Compared > 0),
		Assignments: []AssignmentMove{}, Rows: make([]FailureMove, len(d.Rows)),
	}
	if d.Compared > 0 {
		o.New, o.Resolved, o.Changed = moveCounts(d.NewFailures(), d.New), moveCounts(d.ResolvedFailures(), d.Resolved), &d.Changed
	}
	if d.First != 0 {
		o.First = d.First.String()
	}
	for _, a := range d.Assignments {
		move := "removed"
		if a.Added {
			move = "added"
		}
		id := cmp.Or(a.ID, a.Key.Assignment)
		o.Assignments = append(o.Assignments, AssignmentMove{
			TenantID: string(a.Tenant), TenantName: names[a.Tenant], ID: id, Name: cmp.Or(a.Name, id), Move: move, Counts: stateCounts(a.Counts), CreatedAt: instant(a.Created),
			Subscriptions: append([]string{}, a.Subscriptions...),
		})
	}
	for i, r := range d.Rows {
		o.Rows[i] = failureMove(r, d, names)
	}
	out.Body.Data = o
	return out, nil
}

// maxMoves bounds the CSV of what moved, which is in memory at once.
const maxMoves = 50_000

// driftCSV refuses what would be cut, and days that cannot be compared: a short
// list must not look like a whole one, nor an empty one as if nothing had moved.
func (h handlers) driftCSV(ctx context.Context, in *DriftInput) (table, error) {
	s, ask, err := h.driftAsk(ctx, *in)
	if err != nil {
		return table{}, err
	}
	ask.Rows = maxMoves
	d, err := h.Compliance.Drift(ctx, s, ask)
	switch {
	case err != nil:
	case d.First == 0:
		err = fresnel.Errorf(fresnel.Invalid, "nothing is held yet that could be compared")
	case d.Compared == 0:
		err = fresnel.Errorf(fresnel.Invalid, "%s and %s cannot be compared: no subscription has a snapshot of both; the first day of which anything is held is %s", d.From, d.To, d.First)
	case d.More:
		err = fresnel.Errorf(fresnel.Invalid, "more than %d failures moved: name tenants or subscriptions, or days that are closer together", maxMoves)
	}
	if err != nil {
		return table{}, err
	}
	reads, err := h.complianceReads(ctx, s, ask.Subscriptions)
	names := tenantNames(reads)
	head := []string{"kind", "cause", "by", "tenant_id", "tenant", "subscription_id", "resource_id", "name", "type", "policy_id", "policy", "state", "since", "resolved_at"}
	return table{head, all(d.Rows, func(r compliance.MovedRow) []string {
		o := failureMove(r, d, names)
		return []string{
			o.Kind, o.Cause, text(o.By), o.TenantID, text(o.TenantName), o.SubscriptionID, text(o.ResourceID), text(o.Name), text(o.Type),
			strconv.FormatInt(o.PolicyID, 10), text(o.Policy), o.State, instantText(o.Since), instantText(o.ResolvedAt),
		}
	})}, err
}

// Baseline is a day with a name, to be compared with.
type Baseline struct {
	Name      string    `json:"name" doc:"Unique in a tenant, in any case"`
	Day       string    `json:"day" format:"date" doc:"What was held at its end"`
	Note      string    `json:"note" doc:"What people said of it"`
	Tenants   []Named   `json:"tenants" doc:"That have it, of those that you may see"`
	CreatedAt time.Time `json:"created_at" doc:"When it was set"`
}

type baselinesOutput struct {
	Body struct {
		Data []Baseline `json:"data"`
		Meta Meta       `json:"meta"`
	}
}

func (h handlers) baselines(ctx context.Context, in *budgetsInput) (*baselinesOutput, error) {
	s, _, err := h.complianceAsk(ctx, ComplianceInput{Tenant: in.Tenant})
	if err != nil {
		return nil, err
	}
	list, err := h.Compliance.Reader.Baselines(ctx, s)
	if err != nil {
		return nil, err
	}
	visible, err := h.Tenants.List(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &baselinesOutput{}
	total := len(list)
	out.Body.Meta = Meta{Total: &total, GeneratedAt: h.Now().UTC()}
	out.Body.Data = make([]Baseline, len(list))
	for i, b := range list {
		o := Baseline{Name: b.Name, Day: b.Day.String(), Note: b.Note, Tenants: []Named{}, CreatedAt: b.Created}
		for _, t := range visible {
			if slices.Contains(b.Tenants, t.ID) {
				o.Tenants = append(o.Tenants, Named{string(t.ID), t.Name})
			}
		}
		out.Body.Data[i] = o
	}
	return out, nil
}

type addBaselineInput struct {
	Body struct {
		Name   string `json:"name" minLength:"1" maxLength:"100" doc:"A name that is there is moved to the day"`
		Day    string `json:"day" minLength:"10" maxLength:"10" doc:"UTC day, yyyy-mm-dd: what was held at its end"`
		Note   string `json:"note,omitempty" maxLength:"2000"`
		Tenant string `json:"tenant,omitempty" maxLength:"100" doc:"Tenant id (GUID) or slug; absent = all that you may see"`
	}
}

type addBaselineOutput struct {
	Body struct {
		Data struct {
			Name    string `json:"name" doc:"As it is kept"`
			Day     string `json:"day" format:"date" doc:"What was held at its end"`
			Tenants int    `json:"tenants" doc:"For which it was set"`
		} `json:"data"`
	}
}

func (h handlers) addBaseline(ctx context.Context, in *addBaselineInput) (*addBaselineOutput, error) {
	visible, err := h.Tenants.List(ctx, fresnel.ScopeFrom(ctx))
	if err != nil {
		return nil, err
	}
	ids := make([]fresnel.TenantID, len(visible))
	for i, t := range visible {
		ids[i] = t.ID
	}
	if in.Body.Tenant != "" {
		if ids, err = fresnel.FindTenants(visible, []string{in.Body.Tenant}); err != nil {
			return nil, err
		}
	}
	b := compliance.Baseline{Name: strings.TrimSpace(in.Body.Name), Note: in.Body.Note}
	if b.Day, err = fresnel.ParseDay(in.Body.Day); err != nil {
		return nil, err
	}
	if err := h.Compliance.SetBaseline(ctx, ids, b); err != nil {
		return nil, err
	}
	out := &addBaselineOutput{}
	out.Body.Data.Name, out.Body.Data.Day, out.Body.Data.Tenants = b.Name, b.Day.String(), len(ids)
	return out, nil
}

type baselineNameInput struct {
	Name   string   `path:"name" maxLength:"100"`
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Take it from these tenants only: id (GUID) or slug; repeatable"`
}

func (h handlers) deleteBaseline(ctx context.Context, in *baselineNameInput) (*struct{}, error) {
	s, _, err := h.complianceAsk(ctx, ComplianceInput{Tenant: in.Tenant})
	if err != nil {
		return nil, err
	}
	return nil, h.Compliance.Writer.DropBaseline(ctx, s, in.Name)
}
