package api

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"fresnel"
)

// Tenant is a governed tenant. Secrets and their references are not told.
type Tenant struct {
	ID       string `json:"id"`
	TenantID string `json:"tenant_id" doc:"The same GUID, by its name in the tenants relation"`
	Name     string `json:"name"`
	Slug     string `json:"slug" doc:"May stand for the id in queries"`
	Access   string `json:"access" enum:"lighthouse,app" doc:"How it is reached"`
	IsActive bool   `json:"is_active"`
}

type tenantsInput struct{ ListInput }

type tenantsOutput struct {
	Body struct {
		Data []Tenant `json:"data"`
		Meta Meta     `json:"meta"`
	}
}

func (h handlers) tenants(ctx context.Context, in *tenantsInput) (*tenantsOutput, error) {
	list, err := h.Tenants.List(ctx, fresnel.ScopeFrom(ctx))
	if err != nil {
		return nil, err
	}
	rows, next, err := cut(list, func(t fresnel.Tenant) string { return string(t.ID) }, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &tenantsOutput{}
	total := len(list)
	out.Body.Meta = Meta{Total: &total, NextCursor: next, GeneratedAt: h.Now().UTC()}
	out.Body.Data = make([]Tenant, len(rows))
	for i, t := range rows {
		access := "app"
		if t.Delegated() {
			access = "lighthouse"
		}
		out.Body.Data[i] = Tenant{ID: string(t.ID), TenantID: string(t.ID), Name: t.Name, Slug: t.Slug(), Access: access, IsActive: t.Active}
	}
	return out, nil
}

// Subscription is an Azure subscription of a tenant.
type Subscription struct {
	SubscriptionID string     `json:"subscription_id"`
	TenantID       string     `json:"tenant_id"`
	DisplayName    string     `json:"display_name"`
	State          string     `json:"state" doc:"As Azure says; Absent or Gone where Azure no longer lists it"`
	Offer          string     `json:"offer" doc:"Azure's quota id"`
	CostData       string     `json:"cost_data" enum:"unknown,supported,unsupported,denied"`
	Reason         string     `json:"reason,omitempty"`
	SyncedAt       *time.Time `json:"synced_at" doc:"When its costs were last read; null = never"`
}

type subscriptionsInput struct {
	ListInput
	ID string `path:"id" maxLength:"200" doc:"Tenant id or slug"`
}

type subscriptionsOutput struct {
	Body struct {
		Data []Subscription `json:"data"`
		Meta Meta           `json:"meta"`
	}
}

func (h handlers) subscriptions(ctx context.Context, in *subscriptionsInput) (*subscriptionsOutput, error) {
	s := fresnel.ScopeFrom(ctx)
	visible, err := h.Tenants.List(ctx, s)
	if err != nil {
		return nil, err
	}
	ids, err := fresnel.FindTenants(visible, []string{in.ID})
	if err != nil {
		return nil, err
	}
	name, id, err := subCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	subs, total, err := h.Tenants.Subscriptions(ctx, s.Narrow(ids...), name, id, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &subscriptionsOutput{}
	out.Body.Meta = Meta{Total: &total, GeneratedAt: h.Now().UTC()}
	out.Body.Data = make([]Subscription, len(subs))
	for i, v := range subs {
		o := Subscription{
			SubscriptionID: v.ID, TenantID: string(v.Tenant), DisplayName: v.Name, State: v.State, Offer: v.QuotaID,
			CostData: v.Cost.String(), Reason: v.CostReason,
		}
		if !v.SyncedAt.IsZero() {
			o.SyncedAt = &v.SyncedAt
		}
		out.Body.Data[i] = o
	}
	if len(subs) == in.Limit {
		last := subs[len(subs)-1]
		out.Body.Meta.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(last.ID + last.Name))
	}
	return out, nil
}

// subCursor reads a position in the list by name and id.
func subCursor(c string) (name, id string, err error) {
	if c == "" {
		return "", "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(c)
	if err != nil || len(b) < 36 || !fresnel.IsGUID(string(b[:36])) || strings.ContainsRune(string(b), 0) {
		return "", "", fresnel.Errorf(fresnel.Invalid, "the cursor does not fit this list: begin again without it")
	}
	return string(b[36:]), string(b[:36]), nil
}
