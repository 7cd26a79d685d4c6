package api

import (
	"context"
	"strconv"
	"time"

	"fresnel"
)

type syncInput struct {
	Type   string   `path:"type" maxLength:"40" doc:"costs, resources or compliance"`
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id or slug; repeatable; none = all that you may see"`
}

// Started says what a trigger did.
type Started struct {
	Runs []int64 `json:"runs" doc:"Ids of the runs that were queued"`
	Busy int     `json:"busy" doc:"Tenants that had a run under way already"`
}

type syncOutput struct {
	Body struct {
		Data Started `json:"data"`
		Meta Meta    `json:"meta"`
	}
}

func (h handlers) startSync(ctx context.Context, in *syncInput) (*syncOutput, error) {
	s := fresnel.ScopeFrom(ctx)
	visible, err := h.Tenants.List(ctx, s)
	if err != nil {
		return nil, err
	}
	ids := make([]fresnel.TenantID, len(visible))
	for i, t := range visible {
		ids[i] = t.ID
	}
	if len(in.Tenant) > 0 {
		if ids, err = fresnel.FindTenants(visible, in.Tenant); err != nil {
			return nil, err
		}
	}
	runs, busy, err := h.Sync.Trigger(ctx, in.Type, ids)
	if err != nil {
		return nil, err
	}
	out := &syncOutput{}
	out.Body.Data = Started{Runs: append([]int64{}, runs...), Busy: busy}
	out.Body.Meta = Meta{GeneratedAt: h.Now().UTC()}
	return out, nil
}

// Run is one attempt of a job for one tenant.
type Run struct {
	ID          int64      `json:"id"`
	JobType     string     `json:"job_type"`
	TenantID    string     `json:"tenant_id"`
	TenantName  string     `json:"tenant_name"`
	Status      string     `json:"status" enum:"queued,running,completed,partial,failed"`
	QueuedAt    time.Time  `json:"queued_at"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Attempts    int        `json:"attempts"`
	Done        int        `json:"windows_done"`
	Windows     *int       `json:"windows" doc:"Null while not known"`
	RowsRead    int        `json:"rows_read"`
	RowsWritten int        `json:"rows_written"`
	WaitUntil   *time.Time `json:"wait_until,omitempty" doc:"Azure asked to wait until then"`
	Error       string     `json:"error_message,omitempty"`
	Do          string     `json:"do,omitempty"`
	Parts       []Part     `json:"parts" doc:"Subscriptions that were not read, and why"`
}

// Part is a subscription that a run did not read, or did not read all of.
type Part struct {
	SubscriptionID string `json:"subscription_id"`
	Name           string `json:"name"`
	State          string `json:"state" enum:"failed,skipped,read" doc:"skipped: Azure never gives its costs; read: all but what reason says"`
	Reason         string `json:"reason"`
	Do             string `json:"do,omitempty"`
}

type syncStatusInput struct {
	ListInput
	Type string `query:"type" maxLength:"40" doc:"Only runs of this job"`
	Open bool   `query:"open" doc:"Only queued and running ones"`
}

type syncStatusOutput struct {
	Body struct {
		Data []Run `json:"data"`
		Meta Meta  `json:"meta"`
	}
}

func (h handlers) syncStatus(ctx context.Context, in *syncStatusInput) (*syncStatusOutput, error) {
	var before int64
	if in.Cursor != "" {
		var err error
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before < 1 {
			return nil, fresnel.Errorf(fresnel.Invalid, "the cursor does not fit this list: begin again without it")
		}
	}
	runs, err := h.Runs.List(ctx, fresnel.ScopeFrom(ctx), in.Type, in.Open, before, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &syncStatusOutput{}
	out.Body.Meta = Meta{GeneratedAt: h.Now().UTC()}
	out.Body.Data = make([]Run, len(runs))
	for i, r := range runs {
		out.Body.Data[i] = run(r)
	}
	if len(runs) == in.Limit {
		out.Body.Meta.NextCursor = strconv.FormatInt(runs[len(runs)-1].ID, 10)
	}
	return out, nil
}

func run(r fresnel.Run) Run {
	o := Run{
		ID: r.ID, JobType: r.Job, TenantID: string(r.Tenant), TenantName: r.TenantName, Status: string(r.Status),
		QueuedAt: r.Queued, Attempts: r.Attempts, Done: r.Progress.Done, RowsRead: r.Result.Read, RowsWritten: r.Result.Written,
		Error: r.Reason, Do: r.Do, Parts: []Part{},
	}
	if !r.Started.IsZero() {
		o.StartedAt = &r.Started
	}
	if !r.Completed.IsZero() {
		o.CompletedAt = &r.Completed
	}
	if !r.Progress.Wait.IsZero() {
		o.WaitUntil = &r.Progress.Wait
	}
	if r.Progress.Total > 0 {
		o.Windows = &r.Progress.Total
	}
	for _, p := range r.Result.Parts {
		o.Parts = append(o.Parts, Part{SubscriptionID: p.Subscription, Name: p.Name, State: string(p.State), Reason: p.Reason, Do: p.Do})
	}
	return o
}
