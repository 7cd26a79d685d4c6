package compliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
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
	provider := "Microsoft.Security"
	if policies {
		provider = "Microsoft.PolicyInsights"
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

// errDisagrees is an answer that does not agree with itself. Its kind is Unavailable.
func errDisagrees(what string, got, want int) error {
	return &fresnel.Error{
		Kind: fresnel.Unavailable,
		Msg:  fmt.Sprintf("Azure's answer does not agree with itself: %s %d, counted %d", what, got, want),
		Do:   "Fresnel tries again with the next run. Azure may be judging the resources anew, or the rights to read them have just changed.",
	}
}

// tries is how often a subscription whose answer does not agree with itself is
// asked: policies are judged while we read.
const tries = 3

func (r *run) policies(ctx context.Context, ids []string) error {
	for try := 1; len(ids) > 0; try++ {
		again, cause, err := r.policiesOnce(ctx, ids)
		if err != nil {
			return err
		}
		if len(again) > 0 && try == tries {
			return r.missed(ctx, again, true, cause)
		}
		ids = again
	}
	return nil
}

// policiesOnce reads subscriptions and gives those that must be read again,
// with the reason of the last one.
func (r *run) policiesOnce(ctx context.Context, ids []string) (again []string, cause error, err error) {
	held := map[string]*PolicySnapshot{}
	for _, id := range ids {
		held[id] = &PolicySnapshot{Subscription: id}
	}
	for _, by := range []Level{BySubscription, ByAssignment, ByPolicy, ByCheck} {
		for c, cerr := range r.Source.PolicyCounts(ctx, r.tenant, ids, by) {
			if cerr != nil {
				return nil, nil, r.missed(ctx, ids, true, cerr)
			}
			p := held[c.Subscription]
			switch {
			case p == nil: // Azure answers for a subscription that was not asked for
			case by == BySubscription:
				p.Counts = c.Counts
			default:
				p.Items = append(p.Items, c)
			}
		}
	}
	var some, empty []string
	for _, id := range ids {
		if held[id].Counts.Resources() == 0 {
			empty = append(empty, id)
		} else {
			some = append(some, id)
		}
	}
	for _, id := range empty {
		if ok, why, err := r.nothing(ctx, held[id]); err != nil {
			return nil, nil, err
		} else if !ok {
			again, cause = append(again, id), why
		}
	}
	for len(some) > 0 {
		n, rows := 0, 0
		for n < len(some) && (n == 0 || rows+held[some[n]].failing() <= rowsAtOnce) {
			rows += held[some[n]].failing()
			n++
		}
		more, why, err := r.failures(ctx, some[:n], held)
		if err != nil {
			return nil, nil, err
		}
		if again = append(again, more...); why != nil {
			cause = why
		}
		some = some[n:]
	}
	return again, cause, nil
}

// nothing looks at a subscription of which Resource Graph tells no state: there
// may be none, or we may not see them. Policy Insights says which. not ok: it
// says that there are states.
func (r *run) nothing(ctx context.Context, p *PolicySnapshot) (ok bool, cause, err error) {
	n, is, err := r.Source.PolicySummary(ctx, r.tenant, p.Subscription)
	switch {
	case err != nil:
		return true, nil, r.missed(ctx, []string{p.Subscription}, true, err)
	case is == Unregistered:
		return true, nil, r.unregistered(ctx, p.Subscription, true)
	case n > 0 || len(p.Items) > 0:
		return false, errDisagrees("resources that Resource Graph tells of:", 0, max(n, len(p.Items))), nil
	}
	return true, nil, r.put(ctx, p)
}

// failures reads what does not comply, and keeps the snapshots that agree with
// what was counted.
func (r *run) failures(ctx context.Context, ids []string, held map[string]*PolicySnapshot) (again []string, cause error, err error) {
	for f, ferr := range r.Source.PolicyFailures(ctx, r.tenant, ids) {
		if ferr != nil {
			return nil, nil, r.missed(ctx, ids, true, ferr)
		}
		if p := held[f.Subscription]; p != nil && slices.Contains(ids, f.Subscription) {
			p.Failures = append(p.Failures, f)
			if r.read++; r.read%rowsAtOnce == 0 {
				r.progress(ctx)
			}
		}
	}
	told, terr := r.Source.Told(ctx, r.tenant, ids)
	if terr != nil {
		return nil, nil, r.missed(ctx, ids, true, terr)
	}
	for _, id := range ids {
		p := held[id]
		why := p.agrees()
		switch {
		case !told[id]:
			err = r.missed(ctx, []string{id}, true, errNotTold)
		case why != nil:
			again, cause = append(again, id), why
		default:
			err = r.put(ctx, p)
		}
		if err != nil {
			return nil, nil, err
		}
		delete(held, id)
	}
	return again, cause, nil
}

// errNotTold is a subscription of which only a part may be read: what is told of
// it is true, and not all. Its kind is Denied.
var errNotTold error = &fresnel.Error{
	Kind: fresnel.Denied, Msg: "Resource Graph does not tell of this subscription as a whole",
	Do: "Give Fresnel's app the role Reader on the subscription; a new role takes up to 10 minutes.",
}

func (r *run) put(ctx context.Context, p *PolicySnapshot) error {
	n, err := r.Sink.PutPolicy(ctx, r.tenant.ID, *p, r.at)
	if err != nil {
		return fmt.Errorf("compliance: put policies of %s: %w", p.Subscription, err)
	}
	r.read += p.Counts.Resources()
	r.by[p.Subscription].Rows += p.Counts.Resources()
	r.written += n
	r.whole = append(r.whole, p.Subscription)
	return nil
}

// failing is how many failures there are to read: a resource has one of each
// check that it fails.
func (p *PolicySnapshot) failing() int {
	n := 0
	for _, c := range p.Items {
		if c.Key.Kind == KindCheck {
			n += c.Counts.NonCompliant + c.Counts.Conflict
		}
	}
	return n
}

// agrees holds a snapshot against itself: the resources that do not comply, one
// by one, are as many as were counted, in the whole and by each item; and what
// was counted in the whole is in the items.
func (p *PolicySnapshot) agrees() error {
	if err := p.distinct(); err != nil {
		return err
	}
	all := map[string]struct{}{}
	by := map[Key]map[string]struct{}{}
	add := func(k Key, resource string) {
		if by[k] == nil {
			by[k] = map[string]struct{}{}
		}
		by[k][resource] = struct{}{}
	}
	for _, f := range p.Failures {
		if f.State != NonCompliant {
			continue
		}
		all[f.Resource] = struct{}{}
		add(f.Check, f.Resource)
		add(f.Check.In(), f.Resource)
		add(f.Check.Of(), f.Resource)
	}
	if len(all) != p.Counts.NonCompliant {
		return errDisagrees("non-compliant resources listed:", len(all), p.Counts.NonCompliant)
	}
	most := map[Kind]int{}
	sum := map[Kind]int{}
	for _, c := range p.Items {
		if n := len(by[c.Key]); n != c.Counts.NonCompliant {
			return errDisagrees("non-compliant resources listed for one policy:", n, c.Counts.NonCompliant)
		}
		delete(by, c.Key)
		most[c.Key.Kind] = max(most[c.Key.Kind], c.Counts.Resources())
		sum[c.Key.Kind] += c.Counts.Resources()
	}
	if len(by) > 0 {
		return errDisagrees("policies with non-compliant resources that were not counted:", len(by), 0)
	}
	for _, kind := range []Kind{KindAssignment, KindPolicy, KindCheck} {
		if n := p.Counts.Resources(); most[kind] > n || sum[kind] < n {
			return errDisagrees("resources judged, by part:", sum[kind], n)
		}
	}
	return nil
}

// distinct leaves each item once: Azure may tell a row twice, but not in two ways.
func (p *PolicySnapshot) distinct() error {
	seen := make(map[Key]Counts, len(p.Items))
	var err error
	p.Items = slices.DeleteFunc(p.Items, func(c Counted) bool {
		n, twice := seen[c.Key]
		if twice && n != c.Counts {
			err = errDisagrees("counts of one policy:", 2, 1)
		}
		seen[c.Key] = c.Counts
		return twice
	})
	return err
}

// security reads what Defender for Cloud says of subscriptions.
func (r *run) security(ctx context.Context, ids []string) error {
	held := map[string]*SecuritySnapshot{}
	for _, id := range ids {
		held[id] = &SecuritySnapshot{Subscription: id}
	}
	for s, err := range r.Source.SecureScores(ctx, r.tenant, ids) {
		if err != nil {
			return r.missed(ctx, ids, false, err)
		}
		if p := held[s.Subscription]; p != nil {
			p.Score = &s
		}
	}
	for _, list := range []iter.Seq2[ControlCount, error]{r.Source.Controls(ctx, r.tenant, ids), r.Source.Standards(ctx, r.tenant, ids)} {
		for c, err := range list {
			if err != nil {
				return r.missed(ctx, ids, false, err)
			}
			p := held[c.Subscription]
			if p != nil && !slices.ContainsFunc(p.Controls, func(o ControlCount) bool { return o.Key == c.Key }) { // pages may repeat a row
				p.Controls = append(p.Controls, c)
			}
		}
	}
	told, err := r.Source.Told(ctx, r.tenant, ids)
	if err != nil {
		return r.missed(ctx, ids, false, err)
	}
	for _, id := range ids {
		p := held[id]
		if p.Score != nil && !told[id] {
			if err := r.missed(ctx, []string{id}, false, errNotTold); err != nil {
				return err
			}
			continue
		}
		if p.Score == nil {
			n, is, err := r.Source.SecurityProvider(ctx, r.tenant, id)
			switch {
			case err == nil && is == Unregistered:
				err = r.unregistered(ctx, id, false)
			case err == nil && n > 0:
				err = r.missed(ctx, []string{id}, false, errDisagrees("secure scores that Resource Graph tells of:", 0, n))
			case err == nil:
				err = r.putSecurity(ctx, p)
			default:
				err = r.missed(ctx, []string{id}, false, err)
			}
			if err != nil {
				return err
			}
			continue
		}
		if why := p.agrees(); why != nil {
			if err := r.missed(ctx, []string{id}, false, why); err != nil {
				return err
			}
			continue
		}
		if err := r.putSecurity(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// agrees wants a score that can be had to come from controls.
func (p *SecuritySnapshot) agrees() error {
	n := 0
	for _, c := range p.Controls {
		if c.Key.Kind == KindControl {
			n++
		}
	}
	if n == 0 && p.Score.Max > 0 {
		return errDisagrees("controls of a score that has points:", n, 1)
	}
	return nil
}

func (r *run) putSecurity(ctx context.Context, p *SecuritySnapshot) error {
	n, err := r.Sink.PutSecurity(ctx, r.tenant.ID, *p, r.at)
	if err != nil {
		return fmt.Errorf("compliance: put secure score of %s: %w", p.Subscription, err)
	}
	r.written += n
	return nil
}

// names reads what assignments, exemptions and definitions are called. Without
// them everything is counted all the same, by ids.
func (r *run) names(ctx context.Context, ids []string) error {
	var list []Told
	for told, err := range r.Source.PolicyObjects(ctx, r.tenant, ids) {
		if err != nil {
			return r.unnamed(ctx, err)
		}
		list = append(list, told)
	}
	slices.SortFunc(list, func(a, b Told) int { return cmp.Compare(a.Text(), b.Text()) })
	list = slices.CompactFunc(list, func(a, b Told) bool { return a.Key == b.Key }) // one above several subscriptions is told for each
	n, err := r.Sink.PutTold(ctx, r.tenant.ID, list, r.told(list), r.at)
	if err != nil {
		return fmt.Errorf("compliance: put names: %w", err)
	}
	r.written += n
	open, err := r.Sink.Unnamed(ctx, r.tenant.ID, r.at.Add(-namesFor))
	if err != nil {
		return fmt.Errorf("compliance: definitions without a name: %w", err)
	}
	const some = 100 // definitions of an initiative are large
	for chunk := range slices.Chunk(open, some) {
		list = list[:0]
		for told, err := range r.Source.PolicyDefinitions(ctx, r.tenant, ids, chunk) {
			if err != nil {
				return r.unnamed(ctx, err)
			}
			list = append(list, told)
		}
		if n, err = r.Sink.PutTold(ctx, r.tenant.ID, list, nil, r.at); err != nil {
			return fmt.Errorf("compliance: put names: %w", err)
		}
		r.written += n
	}
	return nil
}

// told gives the scopes of which all assignments and exemptions were told: who
// may not read a subscription is told of nothing in it, without a word, and who
// is told of nothing at all may have lost his rights.
func (r *run) told(list []Told) []string {
	if len(list) == 0 {
		return nil
	}
	var scopes []string
	for _, id := range r.whole {
		scopes = append(scopes, "/subscriptions/"+id)
	}
	const above = "/providers/microsoft.management/managementgroups/"
	if slices.ContainsFunc(list, func(t Told) bool { return strings.HasPrefix(t.Scope, above) }) {
		scopes = append(scopes, above)
	}
	return scopes
}

func (r *run) unnamed(ctx context.Context, cause error) error {
	if fatal(ctx, cause) {
		return cause
	}
	msg, do := fresnel.Reason(cause)
	r.Log.WarnContext(ctx, "names of policies not read", "tenant", string(r.tenant.ID), "err", cause)
	for _, p := range r.parts {
		if p.State == fresnel.PartRead && p.Reason == "" {
			p.Reason, p.Do = "names of policies and exemptions were not read: "+msg, do
		}
	}
	return nil
}
