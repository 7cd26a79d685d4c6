package api

import (
	"context"
	"slices"

	"fresnel"
)

type namesInput struct {
	IdentityInput
	ID []string `query:"id,explode" required:"true" minItems:"1" maxItems:"200" doc:"Object id (GUID) of an account or a group; repeatable"`
}

type namesOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Data map[string]string `json:"data" doc:"Display names by id; ids that Entra does not know are left out"`
	}
}

// names gives names for a page that is being looked at. They are asked for, and
// kept nowhere: not in an answer that is kept either.
func (h handlers) names(ctx context.Context, in *namesInput) (*namesOutput, error) {
	if h.Names == nil {
		return nil, &fresnel.Error{Kind: fresnel.Denied, Msg: "names are not shown", Do: "Nothing that could tell them is set up here."}
	}
	if len(in.Tenant) != 1 {
		return nil, fresnel.Errorf(fresnel.Invalid, "names are of one tenant: name it, and no other")
	}
	s := fresnel.ScopeFrom(ctx)
	visible, err := h.Tenants.List(ctx, s)
	if err != nil {
		return nil, err
	}
	tenant, err := fresnel.FindTenants(visible, in.Tenant)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, word := range in.ID {
		id, err := objectID("id", word)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := &namesOutput{CacheControl: "no-store"}
	out.Body.Data, err = h.Names.Of(ctx, s, tenant[0], slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	return out, nil
}
