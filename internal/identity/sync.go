package identity

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"fresnel"
)

// Sink keeps identity. It fails with Conflict under a lost lease. What a reading
// that did not come to its end has told is not counted.
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
	// Untold ends a reading of sign-ins or of registrations: of accounts that were not
	// in it Azure tells nothing.
	Untold(ctx context.Context, t fresnel.TenantID, f Fact, seen map[string]struct{}, at time.Time) (written int, err error)
	// PutPower replaces who holds which role, and who is in which group.
	PutPower(ctx context.Context, t fresnel.TenantID, p Power, at time.Time) (written int, err error)
	// PutApplications and PutAzureRoles replace all; of Azure roles, those of the
	// subscriptions that were told of, and of those that are not the tenant's any more.
	PutApplications(ctx context.Context, t fresnel.TenantID, list []Application, at time.Time) (written int, err error)
	PutAzureRoles(ctx context.Context, t fresnel.TenantID, silent []string, list []AzureRole, at time.Time) (written int, err error)
	PutPolicies(ctx context.Context, t fresnel.TenantID, p AccessPolicies, at time.Time) error
	PutLicences(ctx context.Context, t fresnel.TenantID, l Licences, at time.Time) error
	// Held is what is held of roles.
	Held(ctx context.Context, t fresnel.TenantID) (Held, error)
	// Known notes that a fact was read to its end; but: what of it could not be. Hidden
	// notes why it was not read.
	Known(ctx context.Context, t fresnel.TenantID, f Fact, but Gap, at time.Time) error
	Hidden(ctx context.Context, t fresnel.TenantID, g Gap, at time.Time) error
	// Judge says of every account what it is counted by, and keeps the numbers of
	// the day.
	Judge(ctx context.Context, t fresnel.TenantID, j Judging, at time.Time) (written int, err error)
}

// Judging is by what accounts are judged.
type Judging struct {
	Limits    Limits
	Emergency []string // object ids of break-glass accounts
}

// Power is who holds which role.
type Power struct {
	Roles    []Role
	Holdings []Holding
	Members  []Membership // of groups that hold a role
	Eligible bool         // what may be taken is known: otherwise what was known stands
	Grouped  bool         // so are the members of groups
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
	Judging  Judging
	// Found looks for what is wrong, once a tenant is judged. It may be nil.
	Found func(ctx context.Context, t fresnel.Tenant) error
	Now   func() time.Time
	Log   *slog.Logger
}

// Name is the job's name in sync_jobs and in /sync/{type}.
func (s *Sync) Name() string { return "identity" }

const (
	// batch is how many accounts are written together: their ids lie all over the table, so that a batch touches most of its pages.
	batch = 5000
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
	unavailable   int // of the hidden: another time they may be read
	reason, do    string
	accountsErr   error // why accounts were not read
	but           Gap   // what of the fact that is being read cannot be read
}

// Run reads one tenant, fact by fact. One that is hidden leaves the others right;
// where not even accounts can be read, nothing can.
func (s *Sync) Run(ctx context.Context, t fresnel.Tenant) (fresnel.Result, error) {
	r := &run{Sync: s, tenant: t, at: s.Now()}
	mark, last, err := s.Sink.Mark(ctx, t.ID)
	if err != nil {
		return r.result(), fmt.Errorf("identity: mark of %s: %w", t.ID, err)
	}
	for _, f := range []struct {
		fact  Fact
		every time.Duration
		read  func() error
	}{
		{FactAccounts, 0, func() error {
			r.accountsErr = r.accounts(ctx, mark)
			return r.accountsErr
		}},
		{FactLicences, factsEvery, func() error { return r.licences(ctx) }},
		{FactSignIns, factsEvery, func() error {
			return told(ctx, r, FactSignIns, r.Source.SignIns(ctx, t), r.Sink.PutSignIns, func(s SignIn) string { return s.Account })
		}},
		{FactMFA, factsEvery, func() error {
			return told(ctx, r, FactMFA, r.Source.Registrations(ctx, t), r.Sink.PutRegistrations, func(m Registration) string { return m.Account })
		}},
		{FactAzureRoles, 0, func() error { return r.azureRoles(ctx) }},
		{FactRoles, 0, func() error { return r.power(ctx) }},
		{FactApps, 0, func() error { return r.applications(ctx) }},
		{FactPolicies, 0, func() error { return r.policies(ctx) }},
	} {
		if at := last[f.fact]; !at.IsZero() && r.at.Sub(at) < f.every {
			continue
		}
		read := f.read
		if (f.fact == FactSignIns || f.fact == FactMFA) && last[FactAccounts].IsZero() && r.accountsErr != nil {
			read = func() error { return r.accountsErr } // nobody is there of whom it could be kept
		}
		if err := r.fact(ctx, f.fact, read); err != nil {
			return r.result(), err
		}
	}
	if r.hidden == r.facts {
		return r.result(), nil // nothing is known that could be judged
	}
	n, err := r.Sink.Judge(ctx, t.ID, s.Judging, r.at)
	r.written += n
	if err == nil && s.Found != nil {
		err = s.Found(ctx, t)
	}
	return r.result(), err
}

// fact reads one fact, and notes why it is hidden where it is.
func (r *run) fact(ctx context.Context, f Fact, read func() error) error {
	r.facts++
	r.but = Gap{}
	fresnel.ReportProgress(ctx, 0, 0, r.read)
	err := read()
	if err == nil {
		return r.Sink.Known(ctx, r.tenant.ID, f, r.but, r.at)
	}
	if ctx.Err() != nil || errors.Is(err, fresnel.ErrLeaseLost) || fresnel.KindOf(err) == fresnel.Internal {
		return err
	}
	r.hidden++
	msg, do := fresnel.Reason(err)
	if fresnel.KindOf(err) == fresnel.Unavailable {
		r.unavailable++
	}
	if r.reason == "" {
		r.reason, r.do = string(f)+": "+msg, do
	}
	level := slog.LevelInfo // what a licence or a consent hides, it hides in every run: the page says it
	if fresnel.KindOf(err) == fresnel.Unavailable {
		level = slog.LevelWarn
	}
	r.Log.Log(ctx, level, "identity not read", "fact", string(f), "tenant", string(r.tenant.ID), "err", err)
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

// told keeps in batches what Azure tells of accounts.
func told[T any](ctx context.Context, r *run, f Fact, list iter.Seq2[T, error], keep func(context.Context, fresnel.TenantID, []T, time.Time) (int, error), id func(T) string) error {
	var open []T
	flush := func() error {
		n, err := keep(ctx, r.tenant.ID, open, r.at)
		r.written += n
		open = open[:0]
		return err
	}
	seen := map[string]struct{}{}
	for v, err := range list {
		if err != nil {
			return err
		}
		r.read++
		seen[id(v)] = struct{}{}
		if open = append(open, v); len(open) >= batch {
			if err := flush(); err != nil {
				return err
			}
			fresnel.ReportProgress(ctx, 0, 0, r.read)
		}
	}
	if err := flush(); err != nil {
		return err
	}
	n, err := r.Sink.Untold(ctx, r.tenant.ID, f, seen, r.at)
	r.written += n
	return err
}

// power reads roles, who holds them and who may, and who is in the groups that do.
func (r *run) power(ctx context.Context) error {
	var p Power
	var err error
	if p.Roles, err = r.Source.Roles(ctx, r.tenant); err == nil {
		p.Holdings, err = gather(r.Source.Assigned(ctx, r.tenant))
	}
	if err != nil { // what follows from them is hidden for the same reason
		for _, f := range []Fact{FactEligibility, FactStanding, FactGroups} {
			if err := r.fact(ctx, f, func() error { return err }); err != nil {
				return err
			}
		}
		return err
	}
	var may error
	if err := r.fact(ctx, FactEligibility, func() error {
		list, err := gather(r.Source.Eligible(ctx, r.tenant))
		if may = err; err == nil {
			p.Eligible = true
			p.Holdings = append(p.Holdings, list...)
		}
		return err
	}); err != nil {
		return err
	}
	if err := r.standing(ctx, p, may); err != nil {
		return err
	}
	groups, err := r.powerGroups(ctx, p)
	if err != nil {
		return err
	}
	if err := r.fact(ctx, FactGroups, func() error {
		for _, g := range slices.Sorted(maps.Keys(groups)) {
			in, err := gather(r.Source.Members(ctx, r.tenant, g))
			if fresnel.KindOf(err) == fresnel.NotFound && err != nil {
				continue // it is no more
			}
			if err != nil {
				return err
			}
			p.Members = append(p.Members, in...)
		}
		p.Grouped = true
		return nil
	}); err != nil {
		return err
	}
	n, err := r.Sink.PutPower(ctx, r.tenant.ID, p, r.at)
	r.read, r.written = r.read+len(p.Holdings), r.written+n
	return err
}

// standing notes whether it is known which roles end. Where it is not, what was
// known of it has gone with what was held.
func (r *run) standing(ctx context.Context, p Power, may error) error {
	if !slices.ContainsFunc(p.Holdings, func(h Holding) bool { return h.Unsure }) {
		return r.Sink.Known(ctx, r.tenant.ID, FactStanding, Gap{}, r.at)
	}
	g := Gap{Tenant: r.tenant.ID, Fact: FactStanding, Reason: "roles were read without Privileged Identity Management: whether they end is not told", Lost: true}
	if may != nil {
		g.Reason, g.Do = fresnel.Reason(may)
	}
	return r.Sink.Hidden(ctx, r.tenant.ID, g, r.at)
}

// powerGroups are the groups whose members hold something: by what was read, and
// by what stands although it was not read.
func (r *run) powerGroups(ctx context.Context, p Power) (map[string]bool, error) {
	held, err := r.Sink.Held(ctx, r.tenant.ID)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, h := range p.Holdings {
		if h.Kind == Group {
			out[h.Principal] = true
		}
	}
	for _, h := range held.Holdings {
		if h.Kind == Group && h.Eligible && !p.Eligible {
			out[h.Principal] = true
		}
	}
	for _, a := range held.Azure {
		if a.Kind == Group && a.Powerful() {
			out[a.Principal] = true
		}
	}
	return out, nil
}

// gather reads a list that a tenant has not many of.
func gather[T any](list iter.Seq2[T, error]) ([]T, error) {
	var out []T
	for v, err := range list {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (r *run) applications(ctx context.Context) error {
	list, err := gather(r.Source.Applications(ctx, r.tenant))
	if err != nil {
		return err
	}
	n, err := r.Sink.PutApplications(ctx, r.tenant.ID, list, r.at)
	r.read, r.written = r.read+len(list), r.written+n
	return err
}

func (r *run) policies(ctx context.Context) error {
	p, err := r.Source.AccessPolicies(ctx, r.tenant)
	if err == nil || fresnel.KindOf(err) == fresnel.Unsupported { // without a licence the security defaults are all there is
		if err := r.Sink.PutPolicies(ctx, r.tenant.ID, p, r.at); err != nil {
			return err
		}
	}
	return err
}

func (r *run) licences(ctx context.Context) error {
	l, err := r.Source.Licences(ctx, r.tenant)
	if err != nil {
		return err
	}
	return r.Sink.PutLicences(ctx, r.tenant.ID, l, r.at)
}

// azureRoles reads the roles on subscriptions. Of those that may not be read as a
// whole, and of those that Azure does not list today, what is held stands.
func (r *run) azureRoles(ctx context.Context) error {
	subs, err := r.Registry.Refresh(ctx, r.tenant)
	if err != nil {
		return err
	}
	var ids, silent []string
	elsewhere := 0
	for _, s := range subs {
		switch {
		case !s.Skip(&fresnel.Part{}):
			ids = append(ids, s.ID)
		case s.State == fresnel.Absent:
			silent = append(silent, s.ID)
		case s.State == fresnel.Elsewhere:
			elsewhere++
		}
	}
	told, err := r.Source.Told(ctx, r.tenant, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !told[id] {
			silent = append(silent, id)
		}
	}
	advice := "Give our application Reader on the subscriptions."
	if len(silent) == 0 {
		advice = "They are held under the tenant that they were in before. Fresnel does not follow a subscription into another tenant."
	}
	if len(ids)+len(silent)+elsewhere > 0 && len(told) == 0 {
		return &fresnel.Error{Kind: fresnel.Denied, Msg: "no subscription of the tenant is read as a whole", Do: advice}
	}
	list, err := gather(r.Source.AzureRoles(ctx, r.tenant, ids))
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(a AzureRole) bool { return slices.Contains(silent, a.Subscription) })
	if n := len(silent) + elsewhere; n > 0 {
		r.but = Gap{Reason: fmt.Sprintf("%d of %d subscriptions are not read as a whole", n, len(told)+n), Do: advice}
	}
	n, err := r.Sink.PutAzureRoles(ctx, r.tenant.ID, silent, list, r.at)
	r.read, r.written = r.read+len(list), r.written+n
	return err
}

// result has one part: the directory. What the tenant's licence or consent hides is
// no failure of the run: the page says it. What could not be read this time is.
func (r *run) result() fresnel.Result {
	p := fresnel.Part{Name: "directory", State: fresnel.PartRead, Rows: r.read, Reason: r.reason, Do: r.do}
	switch {
	case r.facts > 0 && r.hidden == r.facts:
		p.State = fresnel.PartFailed
	case r.unavailable > 0:
		p.State = fresnel.PartFailed
	}
	return fresnel.Result{Read: r.read, Written: r.written, Parts: []fresnel.Part{p}}
}
