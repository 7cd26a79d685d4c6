package findings

import (
	"context"
	"slices"
	"time"

	"fresnel"
)

// Named is a finding as a page names it: its number is looked for only among
// those of a rule about an object.
type Named struct {
	ID           int64
	Rule, Object string
}

// Judge says what a finding is, whenever its rule finds it about its object; ""
// opens it again. It fails with NotFound and Invalid.
func (r Reports) Judge(ctx context.Context, s fresnel.Scope, n Named, v fresnel.Verdict, note, author string, expires time.Time) error {
	q := Query{Rules: []string{n.Rule}, Object: n.Object, Limit: chunk}
	missing := fresnel.Errorf(fresnel.NotFound, "there is no finding %d", n.ID)
	if !slices.ContainsFunc(r.Rules, func(rule Rule) bool { return rule.ID == n.Rule }) {
		return missing
	}
	for {
		rows, next, err := r.List(ctx, s, q)
		if err != nil {
			return err
		}
		for i := range rows {
			if rows[i].ID == n.ID {
				return r.judge(ctx, s, rows[i], v, note, author, expires)
			}
		}
		if next == nil {
			return missing
		}
		q.After = next
	}
}

func (r Reports) judge(ctx context.Context, s fresnel.Scope, f Row, v fresnel.Verdict, note, author string, expires time.Time) error {
	now := r.Now()
	if v == "" {
		if f.Exception == nil {
			return nil // it is open already
		}
		return r.Writer.End(ctx, s, f.Exception.ID, now)
	}
	if by := f.Exception; by != nil && by.Object != f.Object && by.Verdict == fresnel.Expected && v == fresnel.Acknowledged {
		return &fresnel.Error{
			Kind: fresnel.Invalid, Msg: "this finding is expected by what was said of " + by.Object + ", which weighs more",
			Do: "End that exception first, or leave the finding as it is.",
		}
	}
	e := fresnel.Exception{Tenant: f.Tenant, Rule: f.Finding.Rule, Object: f.Object, Verdict: v, Note: note, Author: author, Created: now, Expires: expires}
	if err := fresnel.CheckException(e, now); err != nil {
		return err
	}
	return r.Writer.Except(ctx, e, now)
}
