// Package connect knows which tenants are governed and how each is reached.
//
// It is not the Azure client (internal/azure) and not SQL (internal/store): it
// says what a registration must hold, and keeps the list of subscriptions true.
package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"fresnel"
)

// Directory is what Azure tells of a tenant.
type Directory interface {
	// Subscriptions fails with Denied or Unavailable.
	Subscriptions(ctx context.Context, t fresnel.Tenant) ([]fresnel.Subscription, error)
}

// Book keeps the registrations.
type Book interface {
	PutSubscriptions(ctx context.Context, id fresnel.TenantID, listed []fresnel.Subscription, now time.Time) ([]fresnel.Subscription, error)
	SetCostState(ctx context.Context, subscription string, s fresnel.CostState, reason string, now time.Time) error
}

// Registry keeps the subscriptions of tenants in step with Azure.
type Registry struct {
	Directory Directory
	Book      Book
	Now       func() time.Time
}

// Refresh lists a tenant's subscriptions as Azure tells them now, and those
// that it told earlier. A tenant of which nothing is visible is Denied: an
// empty answer is how a lost delegation looks.
func (r *Registry) Refresh(ctx context.Context, t fresnel.Tenant) ([]fresnel.Subscription, error) {
	listed, err := r.Directory.Subscriptions(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(listed) == 0 {
		e := &fresnel.Error{Kind: fresnel.Denied, Msg: "no subscription of the tenant is visible to us"}
		e.Do = "Give the tenant's app the role Reader on its subscriptions."
		if t.Delegated() {
			e.Do = "Check the Lighthouse delegation: the tenant's subscriptions must be delegated to the managing tenant's app. A new delegation shows within 15 minutes."
		}
		return nil, e
	}
	return r.Book.PutSubscriptions(ctx, t.ID, listed, r.Now())
}

// SetCostState records what Azure gives of a subscription's costs.
func (r *Registry) SetCostState(ctx context.Context, subscription string, s fresnel.CostState, reason string) error {
	return r.Book.SetCostState(ctx, subscription, s, reason, r.Now())
}

// entry is one tenant in an import file.
type entry struct {
	TenantID        string `json:"tenant_id"`
	Name            string `json:"name"`
	ClientID        string `json:"client_id"`
	ClientSecretRef string `json:"client_secret_ref"`
	Active          *bool  `json:"is_active"`
}

// ReadImport reads an import file: a JSON list of tenants in the words of the
// tenants relation, {"tenant_id", "name", "client_id", "client_secret_ref",
// "is_active"}. checkRef judges secret references. All entries are checked
// before any is returned; it fails with Invalid and names the entry.
func ReadImport(r io.Reader, checkRef func(string) error) ([]fresnel.Tenant, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var list []entry
	err := dec.Decode(&list)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("there is more after the list") // it would be lost silently
		}
	}
	if err != nil {
		return nil, fresnel.Errorf(fresnel.Invalid, "the import file cannot be read: %v; expected a JSON list of {\"tenant_id\", \"name\", \"client_id\", \"client_secret_ref\"}", err)
	}
	seen := map[fresnel.TenantID]bool{}
	out := make([]fresnel.Tenant, 0, len(list))
	for i, e := range list {
		t, err := e.tenant(checkRef)
		if err != nil {
			msg, _ := fresnel.Reason(err)
			return nil, fresnel.Errorf(fresnel.Invalid, "entry %d: %s", i+1, msg)
		}
		if seen[t.ID] {
			return nil, fresnel.Errorf(fresnel.Invalid, "entry %d: tenant %s is listed twice", i+1, t.ID)
		}
		seen[t.ID] = true
		out = append(out, t)
	}
	return out, nil
}

func (e entry) tenant(checkRef func(string) error) (fresnel.Tenant, error) {
	t := fresnel.Tenant{Name: strings.TrimSpace(e.Name), ClientID: strings.ToLower(e.ClientID), SecretRef: e.ClientSecretRef, Active: e.Active == nil || *e.Active}
	var err error
	if t.ID, err = fresnel.ParseTenantID(e.TenantID); err != nil {
		return t, err
	}
	if t.Name == "" || len(t.Name) > 200 {
		return t, fresnel.Errorf(fresnel.Invalid, "tenant %s needs a name of at most 200 characters", t.ID)
	}
	if (t.ClientID == "") != (t.SecretRef == "") {
		return t, fresnel.Errorf(fresnel.Invalid, "tenant %s: client_id and client_secret_ref go together; leave both out for a Lighthouse delegation", t.ID)
	}
	if t.ClientID == "" {
		return t, nil
	}
	if !fresnel.IsGUID(t.ClientID) {
		return t, fresnel.Errorf(fresnel.Invalid, "tenant %s: client_id %.60q is not a GUID", t.ID, e.ClientID)
	}
	if err := checkRef(t.SecretRef); err != nil {
		return t, fmt.Errorf("connect: secret of %s: %w", t.ID, err)
	}
	return t, nil
}
