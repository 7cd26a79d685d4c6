package compliance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"fresnel"
)

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
