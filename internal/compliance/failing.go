package compliance

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"fresnel"
)

// FailingReport is a page of resources that do not comply, with what they fail.
type FailingReport struct {
	FailingList
	Failed map[string][]Failed // by resource
	Names  map[int64]string    // of policies, by number
}

// NonCompliant lists resources that do not comply.
func (r Reports) NonCompliant(ctx context.Context, s fresnel.Scope, q FailingQuery) (FailingReport, error) {
	var out FailingReport
	var err error
	if out.FailingList, err = r.Reader.Failing(ctx, s, q); err != nil {
		return out, err
	}
	ids := make([]string, len(out.Rows))
	for i, f := range out.Rows {
		ids[i] = f.Resource
	}
	list, err := r.Reader.FailuresOf(ctx, s, ids)
	if err != nil {
		return out, err
	}
	out.Failed, out.Names = map[string][]Failed{}, map[int64]string{}
	var nums []int64
	for _, f := range list {
		out.Failed[f.Resource] = append(out.Failed[f.Resource], f)
		nums = append(nums, f.Policy)
	}
	slices.Sort(nums)
	items, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	for _, i := range items {
		out.Names[i.Num] = cmp.Or(i.Name, out.Names[i.Num], i.ID[strings.LastIndexByte(i.ID, '/')+1:])
	}
	return out, err
}

// Fails gives what resources (ARM ids, lower case) do not comply with, and what
// those policies are called, by number.
func (r Reports) Fails(ctx context.Context, s fresnel.Scope, resources ...string) ([]Failed, map[int64]string, error) {
	list, err := r.Reader.FailuresOf(ctx, s, resources)
	if err != nil || len(list) == 0 {
		return nil, nil, err
	}
	var nums []int64
	for _, f := range list {
		nums = append(nums, f.Policy)
	}
	slices.Sort(nums)
	names := map[int64]string{}
	items, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	for _, i := range items {
		names[i.Num] = cmp.Or(i.Name, names[i.Num], i.ID[strings.LastIndexByte(i.ID, '/')+1:])
	}
	return list, names, err
}
