package compliance

import (
	"context"
	"fmt"
	"iter"
	"slices"
)

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
