package api

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"fresnel"
	"fresnel/internal/findings"
	"fresnel/internal/inventory"
)

// Resource is a resource of a tenant.
type Resource struct {
	ID               string            `json:"id" doc:"ARM id as Azure tells it"`
	Name             string            `json:"name"`
	Type             string            `json:"type" doc:"Lower case"`
	Kind             string            `json:"kind,omitempty"`
	TenantID         string            `json:"tenant_id"`
	TenantName       string            `json:"tenant_name"`
	SubscriptionID   string            `json:"subscription_id"`
	SubscriptionName string            `json:"subscription_name"`
	ResourceGroup    string            `json:"resource_group" doc:"Lower case"`
	Location         string            `json:"location"`
	Tags             map[string]string `json:"tags"`
	FirstSeen        time.Time         `json:"first_seen"`
	ChangedAt        time.Time         `json:"changed_at" doc:"When it was last seen to have changed"`
	GoneAt           *time.Time        `json:"gone_at,omitempty" doc:"When it was found to be no more"`
}

func resource(h inventory.Held) Resource {
	o := Resource{
		ID: h.ID, Name: h.Name, Type: h.Type, Kind: h.Kind, TenantID: string(h.Tenant), TenantName: h.TenantName,
		SubscriptionID: h.Subscription, SubscriptionName: h.SubscriptionName, ResourceGroup: h.Group, Location: h.Location,
		Tags: h.Tags, FirstSeen: h.First, ChangedAt: h.Changed,
	}
	if o.Tags == nil {
		o.Tags = map[string]string{}
	}
	if !h.Gone.IsZero() {
		o.GoneAt = &h.Gone
	}
	return o
}

// ResourceInput selects resources.
type ResourceInput struct {
	Tenant   []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
	Sub      []string `query:"sub,explode" maxItems:"500" doc:"Subscription id (GUID); repeatable"`
	Under    string   `query:"management_group" maxLength:"90" doc:"Id of a management group: what is in it and below it"`
	Type     []string `query:"type,explode" maxItems:"100" doc:"Resource type, in any case; repeatable"`
	Group    []string `query:"resource_group,explode" maxItems:"100" doc:"Resource group, in any case; repeatable"`
	Location []string `query:"location,explode" maxItems:"100"`
	TagKey   string   `query:"tag" maxLength:"512" doc:"Has a tag of this key, in any case"`
	Missing  string   `query:"missing" maxLength:"512" doc:"Lacks this required tag, or has a value of it that is not allowed; * = any required tag"`
	TagValue string   `query:"tag_value" maxLength:"256" doc:"With this value, in any case; with tag"`
	Text     string   `query:"q" maxLength:"200" doc:"Part of the name"`
	Gone     bool     `query:"gone" doc:"Those that are no more, in place of those that are"`
	Wasted   bool     `query:"wasted" doc:"A rule found that they are wasted, and it is not resolved"`
	Sort     string   `query:"sort" enum:"name,type,first_seen,changed_at" default:"name" doc:"Times: the newest first"`
}

func (h handlers) resourceQuery(ctx context.Context, in ResourceInput) (fresnel.Scope, inventory.Query, error) {
	s, a, err := h.ask(ctx, CostInput{Tenant: in.Tenant, Sub: in.Sub})
	q := inventory.Query{
		Subscriptions: a.Subscriptions, Types: in.Type, Groups: in.Group, Locations: in.Location,
		TagKey: in.TagKey, Missing: in.Missing, Text: in.Text, Gone: in.Gone, Wasted: in.Wasted, Sort: inventory.Sort(in.Sort),
	}
	if in.TagValue != "" {
		if q.TagValue = &in.TagValue; in.TagKey == "" && err == nil {
			err = fresnel.Errorf(fresnel.Invalid, "tag_value goes with tag")
		}
	}
	if in.Under != "" && err == nil {
		q.Subscriptions, err = h.inGroup(ctx, s, in.Under, q.Subscriptions)
	}
	return s, q, err
}

type resourcesInput struct {
	ResourceInput
	ListInput
}

// InventoryMeta says what an answer about resources covers.
type InventoryMeta struct {
	Coverage   Coverage     `json:"coverage" doc:"Tenants whose inventory is held in full"`
	Stale      []TenantNote `json:"stale,omitempty" doc:"Tenants that were not read for twice the schedule"`
	SyncedAt   *time.Time   `json:"synced_at,omitempty" doc:"The oldest reading of a subscription"`
	Total      int          `json:"total"`
	More       bool         `json:"more" doc:"There are more than total says"`
	NextCursor string       `json:"next_cursor,omitempty"`
}

func (h handlers) inventoryMeta(reads []inventory.TenantRead) InventoryMeta {
	m := InventoryMeta{Coverage: Coverage{Of: len(reads), Missing: []TenantNote{}}}
	for _, r := range reads {
		state := "partial"
		switch {
		case r.Read == 0:
			state = "never"
		case r.Read >= r.Subscriptions && h.Now().Sub(r.Oldest) > h.Reports.StaleAfter:
			state = "stale"
		case r.Read >= r.Subscriptions:
			state = "fresh"
		}
		if state == "fresh" || state == "stale" {
			m.Coverage.Tenants++
		}
		note := TenantNote{TenantID: string(r.Tenant), Name: r.Name, State: state, Read: r.Read, Subscriptions: r.Subscriptions, Reason: r.LastReason, Do: r.LastDo}
		switch state {
		case "stale":
			m.Stale = append(m.Stale, note)
		case "never", "partial":
			m.Coverage.Missing = append(m.Coverage.Missing, note)
		}
		if !r.Oldest.IsZero() && (m.SyncedAt == nil || r.Oldest.Before(*m.SyncedAt)) {
			m.SyncedAt = &r.Oldest
		}
	}
	return m
}

type resourcesOutput struct {
	Body struct {
		Data []Resource    `json:"data"`
		Meta InventoryMeta `json:"meta"`
	}
}

func (h handlers) resources(ctx context.Context, in *resourcesInput) (*resourcesOutput, error) {
	s, q, err := h.resourceQuery(ctx, in.ResourceInput)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = in.Limit, uncursor(in.Cursor, &q.After); err != nil {
		return nil, err
	}
	reads, err := h.Inventory.Reader.Coverage(ctx, s)
	if err != nil {
		return nil, err
	}
	list, err := h.Inventory.Reader.List(ctx, s, q)
	if err != nil {
		return nil, err
	}
	out := &resourcesOutput{}
	out.Body.Meta = h.inventoryMeta(reads)
	out.Body.Meta.Total, out.Body.Meta.More = list.Total, list.More
	if list.Next.Arm != 0 {
		out.Body.Meta.NextCursor = cursorOf(list.Next)
	}
	out.Body.Data = make([]Resource, len(list.Rows))
	for i, r := range list.Rows {
		out.Body.Data[i] = resource(r)
	}
	return out, nil
}

// resourcesCSV reads page by page.
func (h handlers) resourcesCSV(ctx context.Context, in *ResourceInput) (table, error) {
	s, q, err := h.resourceQuery(ctx, *in)
	q.Limit, q.Uncounted = 1000, true
	head := []string{"id", "name", "type", "kind", "tenant_id", "tenant", "subscription_id", "subscription", "resource_group", "location", "tags", "first_seen", "changed_at", "gone_at"}
	return table{head, func(yield func([]string, error) bool) {
		for {
			list, err := h.Inventory.Reader.List(ctx, s, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range list.Rows {
				if !yield(resourceLine(r), nil) {
					return
				}
			}
			if list.Next.Arm == 0 {
				return
			}
			q.After = list.Next
		}
	}}, err
}

func resourceLine(r inventory.Held) []string {
	tags, _ := json.Marshal(r.Tags) // texts always marshal
	gone := ""
	if !r.Gone.IsZero() {
		gone = r.Gone.Format(time.RFC3339)
	}
	return []string{
		text(r.ID), text(r.Name), text(r.Type), text(r.Kind), string(r.Tenant), text(r.TenantName), r.Subscription, text(r.SubscriptionName),
		text(r.Group), text(r.Location), string(tags), r.First.Format(time.RFC3339), r.Changed.Format(time.RFC3339), gone,
	}
}

// ResourceCount is how many resources of a type there are.
type ResourceCount struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// ResourceSummary is how many resources there are.
type ResourceSummary struct {
	Resources int             `json:"resources"`
	Types     []ResourceCount `json:"types" doc:"The most first"`
}

type resourceSummaryOutput struct {
	Body struct {
		Data ResourceSummary `json:"data"`
		Meta InventoryMeta   `json:"meta"`
	}
}

func (h handlers) resourceSummary(ctx context.Context, in *budgetsInput) (*resourceSummaryOutput, error) {
	s, _, err := h.ask(ctx, CostInput{Tenant: in.Tenant})
	if err != nil {
		return nil, err
	}
	reads, err := h.Inventory.Reader.Coverage(ctx, s)
	if err != nil {
		return nil, err
	}
	counts, err := h.Inventory.Reader.Counts(ctx, s)
	if err != nil {
		return nil, err
	}
	byType := map[string]int{}
	out := &resourceSummaryOutput{}
	for _, c := range counts {
		byType[c.Type] += c.N
		out.Body.Data.Resources += c.N
	}
	out.Body.Data.Types = []ResourceCount{}
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		out.Body.Data.Types = append(out.Body.Data.Types, ResourceCount{t, byType[t]})
	}
	slices.SortStableFunc(out.Body.Data.Types, func(a, b ResourceCount) int { return b.Count - a.Count })
	out.Body.Meta = h.inventoryMeta(reads)
	out.Body.Meta.Total = len(out.Body.Data.Types)
	return out, nil
}

// Facets are the names that resources can be selected by.
type Facets struct {
	Types       []string `json:"types"`
	Locations   []string `json:"locations"`
	Groups      []string `json:"resource_groups" doc:"At most 500"`
	MoreGroups  bool     `json:"more_resource_groups"`
	TagKeys     []string `json:"tags" doc:"At most 500"`
	MoreTagKeys bool     `json:"more_tags"`
}

type facetsOutput struct {
	Body struct {
		Data Facets `json:"data"`
	}
}

func (h handlers) facets(ctx context.Context, in *budgetsInput) (*facetsOutput, error) {
	s, _, err := h.ask(ctx, CostInput{Tenant: in.Tenant})
	if err != nil {
		return nil, err
	}
	counts, err := h.Inventory.Reader.Counts(ctx, s)
	if err != nil {
		return nil, err
	}
	f, err := h.Inventory.Reader.Facets(ctx, s)
	if err != nil {
		return nil, err
	}
	types := map[string]bool{}
	for _, c := range counts {
		types[c.Type] = true
	}
	out := &facetsOutput{}
	out.Body.Data = Facets{
		Types: append([]string{}, slices.Sorted(maps.Keys(types))...), Locations: append([]string{}, f.Locations...),
		Groups: append([]string{}, f.Groups...), MoreGroups: f.MoreGroups, TagKeys: append([]string{}, f.TagKeys...), MoreTagKeys: f.MoreTagKeys,
	}
	return out, nil
}

// MonthCost is what something cost in months.
type MonthCost struct {
	Full  []Money `json:"last_month" doc:"The last full month, one per currency"`
	SoFar []Money `json:"this_month" doc:"As far as it is held"`
	USD   *Money  `json:"last_month_usd" doc:"As Azure converts it (CostUSD); null where no cost is held"`
}

func monthCost(c inventory.MonthCost) MonthCost {
	amounts := func(m map[string]int64) []Money {
		out := []Money{}
		for _, currency := range slices.Sorted(maps.Keys(m)) {
			out = append(out, money(m[currency], currency))
		}
		return out
	}
	o := MonthCost{Full: amounts(c.Full), SoFar: amounts(c.SoFar)}
	if len(c.Full) > 0 {
		usd := money(c.FullUSD, "USD")
		o.USD = &usd
	}
	return o
}

type oneResourceInput struct {
	ID string `query:"id" required:"true" maxLength:"2000" doc:"ARM id, in any case"`
}

// ResourceDetail is a resource with all that is known of it.
type ResourceDetail struct {
	Resource
	SKU        json.RawMessage `json:"sku"`
	Properties json.RawMessage `json:"properties"`
	CostKnown  bool            `json:"cost_known"`
	Cost       MonthCost       `json:"cost"`
	Findings   []Waste         `json:"findings"`
	Lacks      []TagLack       `json:"lacks" doc:"Tags that are required and not there, or have a value that is not allowed"`
	Changes    []Change        `json:"changes" doc:"The newest 20; /resources/changes?id= gives all"`
	Exceptions []Exception     `json:"exceptions" doc:"What was said of it, the newest 20, those that are over among them"`
}

// TagLack is a tag that a resource lacks.
type TagLack struct {
	Tag   string `json:"tag"`
	Wrong bool   `json:"wrong" doc:"It is there, with a value that is not allowed"`
}

type oneResourceOutput struct {
	Body struct {
		Data ResourceDetail `json:"data"`
	}
}

func (h handlers) resourceDetail(ctx context.Context, in *oneResourceInput) (*oneResourceOutput, error) {
	one, err := h.Inventory.Resource(ctx, fresnel.ScopeFrom(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	out := &oneResourceOutput{}
	d := &out.Body.Data
	d.Resource, d.CostKnown, d.Cost, d.Findings = resource(one.Held), one.Known, monthCost(one.Cost), []Waste{}
	if d.SKU, err = one.SKU.MarshalJSON(); err != nil {
		return nil, err
	}
	if d.Properties, err = one.Properties.MarshalJSON(); err != nil {
		return nil, err
	}
	for _, w := range one.Wasted {
		d.Findings = append(d.Findings, h.waste(w))
	}
	return out, h.history(ctx, one.Key(), d)
}

// history adds what happened to a resource, what it lacks, and what was said.
func (h handlers) history(ctx context.Context, key string, d *ResourceDetail) error {
	const newest = 20
	s := fresnel.ScopeFrom(ctx)
	lacks, err := h.Inventory.Tags.Lacks(ctx, s, key)
	if err != nil {
		return err
	}
	changes, err := h.Inventory.History.Changes(ctx, s, inventory.ChangeQuery{Resource: key, Limit: newest})
	if err != nil {
		return err
	}
	said, err := h.Findings.Exceptions(ctx, s, findings.Query{Object: key, Limit: newest}, 0)
	d.Lacks, d.Changes, d.Exceptions = []TagLack{}, []Change{}, []Exception{}
	for _, l := range lacks {
		d.Lacks = append(d.Lacks, TagLack{l.Tag, l.Wrong})
	}
	for _, c := range changes.Rows {
		d.Changes = append(d.Changes, change(c))
	}
	for _, e := range said {
		d.Exceptions = append(d.Exceptions, exception(e))
	}
	return err
}
