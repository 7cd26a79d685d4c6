package compliance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"fresnel"
)

// Source is Azure's side. Errors are Denied, Unavailable or Invalid, with what
// to do; an answer that was cut is an error, never a shorter answer.
type Source interface {
	// Told gives the subscriptions that Resource Graph names themselves: of others
	// it tells what is in the groups that may be read, and not a word of the rest.
	Told(ctx context.Context, t fresnel.Tenant, subscriptions []string) (map[string]bool, error)
	// PolicyCounts counts distinct resources by their strongest state. Subscriptions
	// of which Azure tells nothing have no rows.
	PolicyCounts(ctx context.Context, t fresnel.Tenant, subscriptions []string, by Level) iter.Seq2[Counted, error]
	// PolicyFailures gives what does not comply, by subscription.
	PolicyFailures(ctx context.Context, t fresnel.Tenant, subscriptions []string) iter.Seq2[Failure, error]
	// PolicyObjects gives assignments and exemptions on subscriptions and above, as
	// far as they may be seen.
	PolicyObjects(ctx context.Context, t fresnel.Tenant, subscriptions []string) iter.Seq2[Told, error]
	// PolicyDefinitions gives definitions and initiatives by id. Those that are
	// hidden are left out.
	PolicyDefinitions(ctx context.Context, t fresnel.Tenant, subscriptions, ids []string) iter.Seq2[Told, error]
	// PolicySummary asks Policy Insights how many resources of one subscription
	// are judged: it refuses in words where Resource Graph is silent.
	PolicySummary(ctx context.Context, t fresnel.Tenant, subscription string) (resources int, is Provider, err error)
	// SecureScores, Controls and Standards are what Defender for Cloud says.
	SecureScores(ctx context.Context, t fresnel.Tenant, subscriptions []string) iter.Seq2[SecureScore, error]
	Controls(ctx context.Context, t fresnel.Tenant, subscriptions []string) iter.Seq2[ControlCount, error]
	Standards(ctx context.Context, t fresnel.Tenant, subscriptions []string) iter.Seq2[ControlCount, error]
	// SecurityProvider asks whether Defender for Cloud judges one subscription,
	// and how many scores it has.
	SecurityProvider(ctx context.Context, t fresnel.Tenant, subscription string) (scores int, is Provider, err error)
}

// PolicySnapshot is what policies say of one subscription.
type PolicySnapshot struct {
	Subscription string
	Counts       Counts
	Items        []Counted // by assignment, policy and check
	Failures     []Failure
}

// SecuritySnapshot is what Defender for Cloud says of one subscription.
type SecuritySnapshot struct {
	Subscription string
	Score        *SecureScore // nil = it has none
	Controls     []ControlCount
}

// Sink keeps compliance. It fails with Conflict under a lost lease.
type Sink interface {
	// PutPolicy replaces the snapshot of a subscription at once, and gives how many
	// rows it wrote: none where nothing is new. The day of at has its snapshot.
	PutPolicy(ctx context.Context, t fresnel.TenantID, p PolicySnapshot, at time.Time) (written int, err error)
	PutSecurity(ctx context.Context, t fresnel.TenantID, p SecuritySnapshot, at time.Time) (written int, err error)
	// Missed notes that a subject was not read: what is held stays as it is.
	Missed(ctx context.Context, t fresnel.TenantID, subscription string, policies bool, state SubjectState, reason, do string, at time.Time) error
	// PutTold keeps what items are called. Assignments and exemptions in the scopes
	// (in lower case) that are not told any more are gone.
	PutTold(ctx context.Context, t fresnel.TenantID, list []Told, scopes []string, at time.Time) (written int, err error)
	// Unnamed gives the ids of definitions and initiatives that are in use and
	// were not told since an instant.
	Unnamed(ctx context.Context, t fresnel.TenantID, since time.Time) ([]string, error)
	// Forget ends what is held of a subscription that is no more, as if nothing were
	// judged there; its history stays. It gives how many rows it wrote.
	Forget(ctx context.Context, t fresnel.TenantID, subscription string, at time.Time) (written int, err error)
	// Close ends a tenant's reading: its day is summed.
	Close(ctx context.Context, t fresnel.TenantID, at time.Time) error
}

// Registry knows the subscriptions of a tenant.
type Registry interface {
	Refresh(ctx context.Context, t fresnel.Tenant) ([]fresnel.Subscription, error)
}

// Sync is the job that reads what a tenant's policies and Defender for Cloud say.
type Sync struct {
	Source   Source
	Sink     Sink
	Registry Registry
	Now      func() time.Time
	Log      *slog.Logger
}

// Name is the job's name in sync_jobs and in /sync/{type}.
func (s *Sync) Name() string { return "compliance" }

const (
	group      = 100    // subscriptions whose counts are held at the same time
	rowsAtOnce = 20_000 // failures that are held at the same time, unless one subscription has more
	namesFor   = 7 * 24 * time.Hour
)

// Run reads one tenant. A subscription's snapshot is replaced only by one that
// agrees with itself: Resource Graph leaves out, without a word, what we may
// not read or what it could not finish.
func (s *Sync) Run(ctx context.Context, t fresnel.Tenant) (fresnel.Result, error) {
	subs, err := s.Registry.Refresh(ctx, t)
	if err != nil {
		return fresnel.Result{}, fmt.Errorf("compliance: list subscriptions of %s: %w", t.ID, err)
	}
	r := &run{Sync: s, tenant: t, at: s.Now(), by: map[string]*fresnel.Part{}}
	var ids []string
	for _, sub := range subs {
		part := &fresnel.Part{Subscription: sub.ID, Name: sub.Name, State: fresnel.PartRead}
		r.parts = append(r.parts, part)
		if sub.Skip(part) {
			if sub.State == fresnel.Elsewhere {
				continue // nothing is held of it here
			}
			if err := r.notAsked(ctx, part); err != nil {
				return r.result(), err
			}
			continue
		}
		ids = append(ids, sub.ID)
		r.by[sub.ID] = part
	}
	r.total = len(ids)
	r.progress(ctx)
	for some := range slices.Chunk(ids, group) {
		if err := r.policies(ctx, some); err != nil {
			return r.result(), err
		}
		if err := r.security(ctx, some); err != nil {
			return r.result(), err
		}
		r.done += len(some)
		r.progress(ctx)
	}
	if len(ids) > 0 {
		if err := r.names(ctx, ids); err != nil {
			return r.result(), err
		}
		if err := s.Sink.Close(ctx, t.ID, r.at); err != nil {
			return r.result(), fmt.Errorf("compliance: close %s: %w", t.ID, err)
		}
	}
	return r.result(), nil
}

// notAsked deals with what is held of a subscription that is not asked for: it
// ages while Azure does not list it, and ends with the subscription. What is in
// no score is in no list either.
func (r *run) notAsked(ctx context.Context, part *fresnel.Part) error {
	id := part.Subscription
	if part.State == fresnel.PartSkipped {
		n, err := r.Sink.Forget(ctx, r.tenant.ID, id, r.at)
		r.written += n
		if err != nil {
			return fmt.Errorf("compliance: forget %s: %w", id, err)
		}
		return nil
	}
	for _, policies := range []bool{true, false} {
		if err := r.Sink.Missed(ctx, r.tenant.ID, id, policies, SubjectFailed, part.Reason, part.Do, r.at); err != nil {
			return fmt.Errorf("compliance: note what was missed of %s: %w", id, err)
		}
	}
	return nil
}

// run is one reading of one tenant.
type run struct {
	*Sync
	tenant        fresnel.Tenant
	at            time.Time
	parts         []*fresnel.Part
	by            map[string]*fresnel.Part
	read, written int
	done, total   int
	whole         []string // subscriptions whose policies were read
}

func (r *run) progress(ctx context.Context) { fresnel.ReportProgress(ctx, r.done, r.total, r.read) }

func (r *run) result() fresnel.Result {
	res := fresnel.Result{Read: r.read, Written: r.written}
	for _, p := range r.parts {
		res.Parts = append(res.Parts, *p)
	}
	return res
}

// fatal tells errors that end the run from those that end a part of it.
func fatal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, fresnel.ErrLeaseLost)
}

// missed notes that something of subscriptions was not read, and why.
func (r *run) missed(ctx context.Context, ids []string, policies bool, cause error) error {
	if fatal(ctx, cause) {
		return cause
	}
	msg, do := fresnel.Reason(cause)
	subject := "secure score"
	if policies {
		subject = "policy states"
	}
	r.Log.WarnContext(ctx, "compliance not read", "subject", subject, "tenant", string(r.tenant.ID), "subscriptions", len(ids), "err", cause)
	for _, id := range ids {
		r.by[id].State, r.by[id].Do = fresnel.PartFailed, do
		r.by[id].Reason = subject + " not read, what is held is kept: " + msg
		if err := r.Sink.Missed(ctx, r.tenant.ID, id, policies, SubjectFailed, msg, do, r.at); err != nil {
			return fmt.Errorf("compliance: note what was missed of %s: %w", id, err)
		}
	}
	return nil
}

// unregistered notes that Azure does not judge a subscription.
func (r *run) unregistered(ctx context.Context, id string, policies bool) error {
	provider := Defender.Provider()
	if policies {
		provider = Policies.Provider()
	}
	reason := "the subscription is not registered for " + provider + ": nothing is judged there"
	do := "Register the resource provider " + provider + " in the subscription: az provider register --namespace " + provider
	if p := r.by[id]; p.State == fresnel.PartRead {
		p.Reason, p.Do = reason, do
	}
	if err := r.Sink.Missed(ctx, r.tenant.ID, id, policies, SubjectUnregistered, reason, do, r.at); err != nil {
		return fmt.Errorf("compliance: note that %s is not registered: %w", id, err)
	}
	return nil
}
