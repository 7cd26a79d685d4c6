package api

import (
	"context"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"fresnel"
	"fresnel/internal/cost"
)

// ListInput pages a list. It is exported because huma fills only exported fields.
type ListInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Rows of one answer"`
	Cursor string `query:"cursor" maxLength:"2000" doc:"next_cursor of the answer before"`
}

// CostInput selects cost, in the words that pages use too.
type CostInput struct {
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
	Sub    []string `query:"sub,explode" maxItems:"500" doc:"Subscription id (GUID); repeatable"`
	Period string   `query:"period" maxLength:"20" doc:"mtd, last-month, 7d, 30d, 90d or ytd; default mtd"`
	From   string   `query:"from" maxLength:"20" doc:"First UTC day, yyyy-mm-dd, with to"`
	To     string   `query:"to" maxLength:"20" doc:"Last UTC day, yyyy-mm-dd, inclusive, with from"`
	VS     string   `query:"vs" maxLength:"20" doc:"Compare with: prev (default), prev-year or none"`
	VSFrom string   `query:"vs_from" maxLength:"20" doc:"Compare with these days instead: the first, yyyy-mm-dd, with vs_to"`
	VSTo   string   `query:"vs_to" maxLength:"20" doc:"The last day to compare with, inclusive, with vs_from"`
	Metric string   `query:"metric" maxLength:"20" doc:"actual (default) or amortized"`
	FilterInput
}

// FilterInput narrows cost to names. Azure tells the charge type only beside
// the service, so charge_type does not go with resource_group.
type FilterInput struct {
	Service []string `query:"service,explode" maxItems:"100" doc:"Azure service; repeatable"`
	Group   []string `query:"resource_group,explode" maxItems:"100" doc:"Resource group, in any case; repeatable; empty text = not in a group"`
	Charge  []string `query:"charge_type,explode" maxItems:"20" doc:"Usage, Purchase, Refund, ...; repeatable"`
}

// maxGroups is the most that one question may name, as declared above.
const maxGroups = 100

// Resolve implements huma.Resolver. huma takes a word whose first value is
// empty for one that is not given; but the empty resource group is one.
func (in *FilterInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	if in.Group = u.Query()["resource_group"]; len(in.Group) > maxGroups {
		return []error{&huma.ErrorDetail{Message: "expected array length <= 100", Location: "query.resource_group"}}
	}
	return nil
}

// ask resolves an input within the viewer's scope. It fails with Invalid on
// wrong words and with NotFound on tenants and subscriptions outside it.
func (h handlers) ask(ctx context.Context, in CostInput) (fresnel.Scope, cost.Ask, error) {
	s := fresnel.ScopeFrom(ctx)
	var a cost.Ask
	var err error
	if a.Metric, err = cost.ParseMetric(in.Metric); err != nil {
		return s, a, err
	}
	if a.Versus, err = cost.ParseVersus(in.VS); err != nil {
		return s, a, err
	}
	a.Services, a.Charges = in.Service, in.Charge
	for _, g := range in.Group {
		a.Groups = append(a.Groups, strings.ToLower(g))
	}
	if in.VSFrom != "" || in.VSTo != "" {
		if a.Against, err = cost.ParsePeriod("", in.VSFrom, in.VSTo, h.Reports.Today()); err != nil {
			return s, a, err
		}
	}
	if a.Period, err = cost.ParsePeriod(in.Period, in.From, in.To, h.Reports.Today()); err != nil {
		return s, a, err
	}
	if len(in.Tenant) > 0 {
		visible, err := h.Tenants.List(ctx, s)
		if err != nil {
			return s, a, err
		}
		ids, err := fresnel.FindTenants(visible, in.Tenant)
		if err != nil {
			return s, a, err
		}
		s = s.Narrow(ids...)
	}
	a.Subscriptions, err = h.subs(ctx, s, in.Sub)
	return s, a, err
}

func (h handlers) subs(ctx context.Context, s fresnel.Scope, words []string) ([]string, error) {
	if len(words) == 0 {
		return nil, nil
	}
	ids := make([]string, 0, len(words))
	for _, w := range words {
		id := strings.ToLower(strings.TrimSpace(w))
		if !fresnel.IsGUID(id) {
			return nil, fresnel.Errorf(fresnel.Invalid, "sub %.60q is not a subscription id (GUID)", w)
		}
		ids = append(ids, id)
	}
	known, err := h.Tenants.SubscriptionsByID(ctx, s, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, ok := known[id]; !ok {
			return nil, fresnel.Errorf(fresnel.NotFound, "there is no subscription %s", id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
