package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
)

// Change is something that happened to a resource.
type Change struct {
	ResourceID       string        `json:"resource_id" doc:"ARM id"`
	Name             string        `json:"name"`
	Type             string        `json:"type" doc:"Lower case"`
	ResourceGroup    string        `json:"resource_group"`
	TenantID         string        `json:"tenant_id"`
	TenantName       string        `json:"tenant_name"`
	SubscriptionID   string        `json:"subscription_id"`
	SubscriptionName string        `json:"subscription_name"`
	Kind             string        `json:"kind" enum:"created,updated,deleted"`
	Actor            string        `json:"actor" enum:"person,app,platform,unknown" doc:"Who did it, as Azure tells; people are not named"`
	App              string        `json:"app,omitempty" doc:"Id of the app"`
	At               time.Time     `json:"at" doc:"When it happened, or was seen to have happened"`
	After            *time.Time    `json:"after,omitempty" doc:"Of what Azure did not tell: it happened between this and at"`
	Values           []ValueChange `json:"values" doc:"At most 20"`
	More             int           `json:"more_values" doc:"Values that changed beside these"`
}

// ValueChange is a value before and after.
type ValueChange struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func change(c inventory.Changed) Change {
	o := Change{
		ResourceID: c.ID, Name: c.Name, Type: c.Type, ResourceGroup: c.Group, TenantID: string(c.Tenant), TenantName: c.TenantName,
		SubscriptionID: c.Subscription, SubscriptionName: c.SubscriptionName, Kind: string(c.Kind), Actor: string(c.Actor.Kind), App: c.Actor.App,
		At: c.At, Values: []ValueChange{}, More: c.More,
	}
	if !c.Since.IsZero() {
		o.After = &c.Since
	}
	for _, v := range c.Values {
		o.Values = append(o.Values, ValueChange(v))
	}
	return o
}

// ChangeInput selects changes.
type ChangeInput struct {
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
	Sub    []string `query:"sub,explode" maxItems:"500" doc:"Subscription id (GUID); repeatable"`
	Type   []string `query:"type,explode" maxItems:"100" doc:"Resource type, in any case; repeatable"`
	Kind   []string `query:"kind,explode" maxItems:"3" enum:"created,updated,deleted"`
	Actor  []string `query:"actor,explode" maxItems:"4" enum:"person,app,platform,unknown"`
	ID     string   `query:"id" maxLength:"2000" doc:"ARM id of one resource, in any case"`
	From   string   `query:"from" maxLength:"10" doc:"First UTC day, yyyy-mm-dd; none = all that is held (400 days)"`
	To     string   `query:"to" maxLength:"10" doc:"Last UTC day; with from"`
}

type changesInput struct {
	ChangeInput
	ListInput
}

type changesOutput struct {
	Body struct {
		Data []Change      `json:"data" doc:"The newest first"`
		Meta InventoryMeta `json:"meta"`
	}
}

func (h handlers) changeQuery(ctx context.Context, in ChangeInput) (fresnel.Scope, inventory.ChangeQuery, error) {
	q := inventory.ChangeQuery{Resource: in.ID, Types: in.Type}
	s, a, err := h.ask(ctx, CostInput{Tenant: in.Tenant, Sub: in.Sub})
	if err != nil {
		return s, q, err
	}
	q.Subscriptions = a.Subscriptions
	for _, k := range in.Kind {
		q.Kinds = append(q.Kinds, inventory.ChangeKind(k))
	}
	for _, k := range in.Actor {
		q.Actors = append(q.Actors, inventory.ActorKind(k))
	}
	if in.From == "" && in.To == "" {
		return s, q, nil
	}
	from, err := fresnel.ParseDay(in.From)
	if err != nil {
		return s, q, err
	}
	to := fresnel.DayOf(h.Now())
	if in.To != "" {
		if to, err = fresnel.ParseDay(in.To); err != nil {
			return s, q, err
		}
	}
	if q.Period = (fresnel.Period{From: from, To: to + 1}); to < from {
		err = fresnel.Errorf(fresnel.Invalid, "to %s is before from %s", to, from)
	}
	return s, q, err
}

func (h handlers) changes(ctx context.Context, in *changesInput) (*changesOutput, error) {
	s, q, err := h.changeQuery(ctx, in.ChangeInput)
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
	list, err := h.Inventory.History.Changes(ctx, s, q)
	if err != nil {
		return nil, err
	}
	out := &changesOutput{}
	out.Body.Meta = h.inventoryMeta(reads)
	out.Body.Meta.Total, out.Body.Meta.More = list.Total, list.More
	if list.Next != (inventory.ChangePlace{}) {
		out.Body.Meta.NextCursor = cursorOf(list.Next)
	}
	out.Body.Data = make([]Change, len(list.Rows))
	for i, c := range list.Rows {
		out.Body.Data[i] = change(c)
	}
	return out, nil
}

// cursorOf is a place in a list as text.
func cursorOf(place any) string {
	raw, _ := json.Marshal(place) // numbers and texts always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

// uncursor reads what cursorOf wrote; "" leaves the place as it is.
func uncursor(cursor string, place any) error {
	if cursor == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(raw, place) != nil {
		return fresnel.Errorf(fresnel.Invalid, "the cursor is not one that an answer gave: begin again without it")
	}
	return nil
}

// changesCSV reads page by page.
func (h handlers) changesCSV(ctx context.Context, in *ChangeInput) (table, error) {
	s, q, err := h.changeQuery(ctx, *in)
	q.Limit, q.Uncounted = 1000, true
	head := []string{"at", "after", "kind", "actor", "app", "resource_id", "name", "type", "resource_group", "tenant_id", "tenant", "subscription_id", "subscription", "values"}
	return table{head, func(yield func([]string, error) bool) {
		for {
			list, err := h.Inventory.History.Changes(ctx, s, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, c := range list.Rows {
				if !yield(changeLine(change(c)), nil) {
					return
				}
			}
			if q.After = list.Next; q.After == (inventory.ChangePlace{}) {
				return
			}
		}
	}}, err
}

func changeLine(c Change) []string {
	after := ""
	if c.After != nil {
		after = c.After.Format(time.RFC3339)
	}
	var values []string
	for _, v := range c.Values {
		values = append(values, v.Path+": "+strconv.Quote(v.Before)+" -> "+strconv.Quote(v.After))
	}
	return []string{
		c.At.Format(time.RFC3339), after, c.Kind, c.Actor, c.App, text(c.ResourceID), text(c.Name), text(c.Type), text(c.ResourceGroup), c.TenantID, text(c.TenantName),
		c.SubscriptionID, text(c.SubscriptionName), text(strings.Join(values, "; ")),
	}
}
