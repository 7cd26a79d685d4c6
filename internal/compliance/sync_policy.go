package compliance

import (
	"context"
	"fmt"
	"slices"

	"fresnel"
)

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
