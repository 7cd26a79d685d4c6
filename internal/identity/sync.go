package identity

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"fresnel"
)

// Sink keeps identity. It fails with Conflict under a lost lease. What a reading
// that did not come to its end has told is not kept.
type Sink interface {
	// Mark gives the mark of the last reading of accounts, and when the facts that
	// it does not carry were read; zero = never.
	Mark(ctx context.Context, t fresnel.TenantID) (mark string, read map[Fact]time.Time, err error)
	// PutAccounts adds, changes or ends accounts.
	PutAccounts(ctx context.Context, t fresnel.TenantID, list []AccountChange, at time.Time) (written int, err error)
	// Whole ends a reading of all accounts: those that were not in it are no more.
	Whole(ctx context.Context, t fresnel.TenantID, seen map[string]struct{}, at time.Time) (gone int, err error)
	// SetMark ends a reading of accounts.
	SetMark(ctx context.Context, t fresnel.TenantID, mark string, at time.Time) error
	PutSignIns(ctx context.Context, t fresnel.TenantID, list []SignIn, at time.Time) (written int, err error)
	PutRegistrations(ctx context.Context, t fresnel.TenantID, list []Registration, at time.Time) (written int, err error)
	// PutPower replaces who holds which role, and who is in which group.
	PutPower(ctx context.Context, t fresnel.TenantID, p Power, at time.Time) (written int, err error)
	PutApplications(ctx context.Context, t fresnel.TenantID, list []Application, at time.Time) (written int, err error)
	PutAzureRoles(ctx context.Context, t fresnel.TenantID, subscriptions []string, list []AzureRole, at time.Time) (written int, err error)
	// Known notes that a fact was read to its end; Hidden why it was not.
	Known(ctx context.Context, t fresnel.TenantID, f Fact, at time.Time) error
	Hidden(ctx context.Context, t fresnel.TenantID, g Gap, at time.Time) error
}

// Power is who holds which role.
type Power struct {
	Roles    []Role
	Holdings []Holding
	Members  []Membership // of groups that hold a role
	Eligible bool         // what may be taken is known, too
}

// Registry knows the subscriptions of a tenant.
type Registry interface {
	Refresh(ctx context.Context, t fresnel.Tenant) ([]fresnel.Subscription, error)
}

// Sync is the job that reads who is in a tenant, and who holds power.
type Sync struct {
	Source   Source
	Sink     Sink
	Registry Registry
	Now      func() time.Time
	Log      *slog.Logger
}

// Name is the job's name in sync_jobs and in /sync/{type}.
func (s *Sync) Name() string { return "identity" }

const (
	batch = 1000
	// factsEvery is how often sign-ins and registrations are read, which no delta
	// carries: Azure tells them a day late.
	factsEvery = 22 * time.Hour
)

// run is one reading of one tenant.
type run struct {
	*Sync
	tenant        fresnel.Tenant
	at            time.Time
	read, written int
	facts, hidden int
	reason, do    string
}

// Run reads one tenant, fact by fact. One that is hidden leaves the others right;
// where not even accounts can be read, nothing can.
func (s *Sync) Run(ctx context.Context, t fresnel.Tenant) (fresnel.Result, error) {
	r := &run{Sync: s, tenant: t, at: s.Now()}
	mark, last, err := s.Sink.Mark(ctx, t.ID)
	if err != nil {
		return r.result(), fmt.Errorf("identity: mark of %s: %w", t.ID, err)
	}
	if err := r.fact(ctx, FactAccounts, func() error { return r.accounts(ctx, mark) }); err != nil {
		return r.result(), err
	}
	for _, f := range []struct {
		fact  Fact
		every time.Duration
		read  func() error
	}{
		{FactSignIns, factsEvery, func() error { return put(ctx, r, r.Source.SignIns(ctx, t), r.Sink.PutSignIns) }},
		{FactMFA, factsEvery, func() error { return put(ctx, r, r.Source.Registrations(ctx, t), r.Sink.PutRegistrations) }},
		{FactRoles, 0, func() error { return r.power(ctx) }},
		{FactApps, 0, func() error { return put(ctx, r, r.Source.Applications(ctx, t), r.Sink.PutApplications) }},
		{FactAzureRoles, 0, func() error { return r.azureRoles(ctx) }},
	} {
		if at := last[f.fact]; !at.IsZero() && r.at.Sub(at) < f.every {
			continue
		}
		if err := r.fact(ctx, f.fact, f.read); err != nil {
			return r.result(), err
		}
	}
	return r.result(), nil
}

// fact reads one fact, and notes why it is hidden where it is.
func (r *run) fact(ctx context.Context, f Fact, read func() error) error {
	r.facts++
	err := read()
	if err == nil {
		return r.Sink.Known(ctx, r.tenant.ID, f, r.at)
	}
	if ctx.Err() != nil || errors.Is(err, fresnel.ErrLeaseLost) {
		return err
	}
	r.hidden++
	msg, do := fresnel.Reason(err)
	if r.reason == "" {
		r.reason, r.do = string(f)+": "+msg, do
	}
	r.Log.WarnContext(ctx, "identity not read", "fact", string(f), "tenant", string(r.tenant.ID), "err", err)
	return r.Sink.Hidden(ctx, r.tenant.ID, Gap{Tenant: r.tenant.ID, Fact: f, Reason: msg, Do: do}, r.at)
}

// accounts reads those that changed since a mark, or all.
func (r *run) accounts(ctx context.Context, mark string) error {
	err := r.accountsSince(ctx, mark)
	if fresnel.KindOf(err) == fresnel.Conflict && mark != "" && !errors.Is(err, fresnel.ErrLeaseLost) {
		return r.accountsSince(ctx, "") // Graph does not know the mark any more
	}
	return err
}

func (r *run) accountsSince(ctx context.Context, mark string) error {
	list, next := r.Source.Accounts(ctx, r.tenant, mark)
	seen := map[string]struct{}{}
	var open []AccountChange
	flush := func() error {
		n, err := r.Sink.PutAccounts(ctx, r.tenant.ID, open, r.at)
		r.written += n
		open = open[:0]
		return err
	}
	for a, err := range list {
		if err != nil {
			return err
		}
		r.read++
		if mark == "" && !a.Gone {
			seen[a.ID] = struct{}{}
		}
		if open = append(open, a); len(open) >= batch {
			if err := flush(); err != nil {
				return err
			}
			fresnel.ReportProgress(ctx, 0, 0, r.read)
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if mark == "" {
		n, err := r.Sink.Whole(ctx, r.tenant.ID, seen, r.at)
		r.written += n
		if err != nil {
			return err
		}
	}
	return r.Sink.SetMark(ctx, r.tenant.ID, next(), r.at)
}

// put keeps a list in batches.
func put[T any](ctx context.Context, r *run, list iter.Seq2[T, error], keep func(context.Context, fresnel.TenantID, []T, time.Time) (int, error)) error {
	var open []T
	flush := func() error {
		n, err := keep(ctx, r.tenant.ID, open, r.at)
		r.written += n
		open = open[:0]
		return err
	}
	for v, err := range list {
		if err != nil {
			return err
		}
		r.read++
		if open = append(open, v); len(open) >= batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// power reads roles, who holds them and who may, and who is in the groups that do.
func (r *run) power(ctx context.Context) error {
	var p Power
	var err error
	if p.Roles, err = r.Source.Roles(ctx, r.tenant); err != nil {
		return err
	}
	add := func(list iter.Seq2[Holding, error]) error {
		for h, err := range list {
			if err != nil {
				return err
			}
			p.Holdings = append(p.Holdings, h)
		}
		return nil
	}
	if err := add(r.Source.Assigned(ctx, r.tenant)); err != nil {
		return err
	}
	assigned := len(p.Holdings)
	if err := r.fact(ctx, FactEligibility, func() error { return add(r.Source.Eligible(ctx, r.tenant)) }); err != nil {
		return err
	}
	p.Eligible = len(p.Holdings) > assigned
	groups := map[string]bool{}
	for _, h := range p.Holdings {
		if h.Kind == Group {
			groups[h.Principal] = true
		}
	}
	for g := range groups {
		for m, err := range r.Source.Members(ctx, r.tenant, g) {
			if fresnel.KindOf(err) == fresnel.NotFound {
				break // it is no more
			}
			if err != nil {
				return err
			}
			p.Members = append(p.Members, m)
		}
	}
	n, err := r.Sink.PutPower(ctx, r.tenant.ID, p, r.at)
	r.read, r.written = r.read+len(p.Holdings), r.written+n
	return err
}

func (r *run) azureRoles(ctx context.Context) error {
	subs, err := r.Registry.Refresh(ctx, r.tenant)
	if err != nil {
		return err
	}
	var ids []string
	for _, s := range subs {
		if !s.Skip(&fresnel.Part{}) {
			ids = append(ids, s.ID)
		}
	}
	var list []AzureRole
	for a, err := range r.Source.AzureRoles(ctx, r.tenant, ids) {
		if err != nil {
			return err
		}
		list = append(list, a)
	}
	n, err := r.Sink.PutAzureRoles(ctx, r.tenant.ID, ids, list, r.at)
	r.read, r.written = r.read+len(list), r.written+n
	return err
}

// result has one part: the directory.
func (r *run) result() fresnel.Result {
	p := fresnel.Part{Name: "directory", State: fresnel.PartRead, Rows: r.read, Reason: r.reason, Do: r.do}
	if r.hidden > 0 && r.hidden == r.facts {
		p.State = fresnel.PartFailed
	}
	return fresnel.Result{Read: r.read, Written: r.written, Parts: []fresnel.Part{p}}
}
