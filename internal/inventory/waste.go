package inventory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"fresnel"
)

// FindingSink keeps what a search found. It fails with Conflict under a lost lease.
type FindingSink interface {
	// HeldOf lists the findings of a tenant by several rules that are not
	// resolved.
	HeldOf(ctx context.Context, t fresnel.TenantID, rules []string) ([]fresnel.Finding, error)
	// KeepAll stores what a search came to, each under its own rule.
	KeepAll(ctx context.Context, t fresnel.TenantID, r fresnel.Reconciled, now time.Time) error
}

// PendingPrefix marks the rule of what has not held for long enough: it is kept
// to know since when, and not shown.
const PendingPrefix = "pending:"

// Search looks for waste in what is held of a tenant.
type Search struct {
	Reader Reader
	Kept   FindingSink
	Rules  []Rule
	Now    func() time.Time
	Costs  Costs
}

// Tenant searches one tenant.
func (s Search) Tenant(ctx context.Context, t fresnel.Tenant) error {
	now := s.Now()
	e, failed := s.Reader.Estate(ctx, t.ID, now)
	v, err := Sum(e, s.Rules)
	if err == nil {
		err = failed()
	}
	if err != nil {
		return fmt.Errorf("inventory: evaluate %s: %w", t.ID, err)
	}
	found, err := s.worth(ctx, t.ID, v)
	if err != nil {
		return err
	}
	var rules []string
	for _, r := range s.Rules {
		rules = append(rules, r.ID, PendingPrefix+r.ID)
	}
	held, err := s.Kept.HeldOf(ctx, t.ID, rules)
	if err != nil {
		return err
	}
	same := func(h, f fresnel.Finding) bool { return h.Rule == f.Rule }
	judged := func(f fresnel.Finding) bool {
		f.Rule = strings.TrimPrefix(f.Rule, PendingPrefix)
		return v.Judged(f)
	}
	return s.Kept.KeepAll(ctx, t.ID, fresnel.Reconcile(held, found, same, judged), now)
}

// worth adds to findings what they cost in a month.
func (s Search) worth(ctx context.Context, t fresnel.TenantID, v *Evaluation) ([]fresnel.Finding, error) {
	r := Reports{Costs: s.Costs, Now: s.Now}
	first, err := Worths(v.Found, nil)
	if err != nil {
		return nil, err
	}
	costs, err := r.costs(ctx, fresnel.ScopeOf(t), first)
	if err != nil {
		return nil, err
	}
	worths, err := Worths(v.Found, costs)
	if err != nil {
		return nil, err
	}
	found := make([]fresnel.Finding, 0, len(worths)+len(v.Pending))
	for _, w := range worths {
		found = append(found, w.Finding)
	}
	for _, p := range v.Pending {
		p.Rule = PendingPrefix + p.Rule
		found = append(found, p)
	}
	return found, nil
}
