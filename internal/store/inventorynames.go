package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"fresnel"
	"fresnel/internal/inventory"
)

// number gives resources their numbers. What is listed twice counts once.
func (v *Inventory) number(ctx context.Context, t fresnel.TenantID, list []inventory.Resource) ([]kept, error) {
	d := &v.db.dims
	rows := make([]kept, 0, len(list))
	var ids, types, groups, places []string
	seen := map[string]bool{}
	for i := range list {
		r := &list[i]
		id := clean(r.Key())
		if seen[id] {
			continue
		}
		seen[id] = true
		doc, err := docOf(r)
		if err != nil {
			return nil, err
		}
		rows = append(rows, kept{Resource: r, doc: doc, hash: hashOf(r, doc)})
		ids, types = append(ids, id), append(types, clean(r.Type))
		groups, places = append(groups, clean(r.Group)), append(places, clean(r.Location))
	}
	for _, one := range []struct {
		dim   *dim
		names []string
		into  func(*kept) *int64
	}{
		{&d.resource, ids, func(k *kept) *int64 { return &k.arm }},
		{&d.rtype, types, func(k *kept) *int64 { return &k.at.rtype }},
		{&d.group, groups, func(k *kept) *int64 { return &k.at.rgroup }},
		{&d.location, places, func(k *kept) *int64 { return &k.at.location }},
	} {
		nums, err := one.dim.nums(ctx, one.names)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			*one.into(&rows[i]) = nums[one.names[i]]
		}
	}
	return rows, v.numberTags(ctx, t, rows)
}

// numberTags gives the tags of resources their numbers, and each resource the
// number of its set: all its tags together.
func (v *Inventory) numberTags(ctx context.Context, t fresnel.TenantID, rows []kept) error {
	var keys, values []string
	for _, r := range rows {
		for k, val := range r.Tags {
			keys, values = append(keys, tagText(k)), append(values, tagText(val))
		}
	}
	keyNums, err := v.db.dims.tagKey.nums(ctx, keys)
	if err != nil {
		return err
	}
	valueNums, err := v.db.dims.tagValue.nums(ctx, values)
	if err != nil {
		return err
	}
	sets := make([]string, len(rows))
	var some []string
	for i := range rows {
		for k, val := range rows[i].Tags {
			rows[i].tags = append(rows[i].tags, [2]int64{keyNums[tagText(k)], valueNums[tagText(val)]})
		}
		if len(rows[i].tags) > 0 {
			slices.SortFunc(rows[i].tags, func(a, b [2]int64) int { return slices.Compare(a[:], b[:]) })
			rows[i].tags = slices.Compact(rows[i].tags) // keys that differ only in their case
			sets[i] = setName(t, rows[i].tags)
			some = append(some, sets[i])
		}
	}
	setNums, err := v.db.dims.tagSet.nums(ctx, some)
	for i := range rows {
		rows[i].at.set = setNums[sets[i]] // 0 without tags
	}
	return err
}

// setName names a set of tags: 128 bits of a hash, because a set may be long.
func setName(t fresnel.TenantID, tags [][2]int64) string {
	h := sha256.New()
	fmt.Fprint(h, t, tags)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func tagText(s string) string { return clean(strings.ToLower(s)) }
