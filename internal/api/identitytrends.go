package api

import (
	"context"
	"strconv"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/identity"
)

// IdentityTrend is how numbers moved.
type IdentityTrend struct {
	Overall []IdentityDay         `json:"overall" doc:"In order, each day of the period"`
	Tenants []TenantIdentityTrend `json:"tenants" doc:"By name"`
}

// IdentityDay is the numbers of a day.
type IdentityDay struct {
	Date    string                   `json:"date" format:"date" doc:"UTC day"`
	Numbers map[identity.List]Number `json:"numbers" doc:"By list, in the words of the lists of accounts; count is null where no tenant knew it on that day"`
}

// TenantIdentityTrend is how the numbers of a tenant moved.
type TenantIdentityTrend struct {
	TenantID   string              `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName string              `json:"tenant_name" doc:"Its display name"`
	Days       []TenantIdentityDay `json:"days" doc:"In order; a day of which nothing is held is left out"`
}

// TenantIdentityDay is the numbers of a tenant on a day.
type TenantIdentityDay struct {
	Date    string                 `json:"date" format:"date" doc:"UTC day"`
	Numbers map[identity.List]*int `json:"numbers" doc:"By list, as overall; null where it was not known on that day"`
}

type identityTrendInput struct {
	IdentityInput
	Period string `query:"period" maxLength:"20" doc:"mtd, last-month, 7d, 30d, 90d or ytd; default 30d"`
	From   string `query:"from" maxLength:"20" doc:"First UTC day, yyyy-mm-dd, with to"`
	To     string `query:"to" maxLength:"20" doc:"Last UTC day, yyyy-mm-dd, inclusive, with from"`
}

type identityTrendOutput struct {
	Body struct {
		Data IdentityTrend `json:"data"`
		Meta IdentityMeta  `json:"meta"`
	}
}

func (h handlers) identityTrend(ctx context.Context, in *identityTrendInput) (identity.Trend, []identity.TenantTrend, fresnel.Period, error) {
	var p fresnel.Period
	s, err := h.identityScope(ctx, in.IdentityInput)
	if err != nil {
		return identity.Trend{}, nil, p, err
	}
	word := in.Period
	if word == "" && in.From == "" && in.To == "" {
		word = "30d"
	}
	if p, err = cost.ParsePeriod(word, in.From, in.To, h.Reports.Today()); err != nil {
		return identity.Trend{}, nil, p, err
	}
	whole, parts, err := h.Identity.Trends(ctx, s, identity.TrendLists(), p)
	return whole, parts, p, err
}

func (h handlers) identityTrends(ctx context.Context, in *identityTrendInput) (*identityTrendOutput, error) {
	whole, parts, p, err := h.identityTrend(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &identityTrendOutput{}
	out.Body.Meta = h.identityMeta(aboutList(identity.Users, identity.Facts()...), whole.Reads)
	asked, total := period(p), len(parts)
	out.Body.Meta.Period, out.Body.Meta.Total = &asked, &total
	d := &out.Body.Data
	d.Overall, d.Tenants = make([]IdentityDay, len(whole.Days)), make([]TenantIdentityTrend, len(parts))
	for i, day := range whole.Days {
		d.Overall[i] = IdentityDay{day.Day.String(), map[identity.List]Number{}}
		for l, c := range day.Counts {
			d.Overall[i].Numbers[l] = numberOf(c)
		}
	}
	for i, t := range parts {
		d.Tenants[i] = TenantIdentityTrend{string(t.Tenant), t.Name, make([]TenantIdentityDay, len(t.Days))}
		for j, day := range t.Days {
			d.Tenants[i].Days[j] = TenantIdentityDay{day.Day.String(), map[identity.List]*int{}}
			for l, c := range day.Counts {
				d.Tenants[i].Days[j].Numbers[l] = known(c)
			}
		}
	}
	return out, nil
}

// identityTrendsCSV has two columns for each list: the number, and the tenants
// that knew it.
func (h handlers) identityTrendsCSV(ctx context.Context, in *identityTrendInput) (table, error) {
	whole, parts, _, err := h.identityTrend(ctx, in)
	head := []string{"date", "by", "tenant_id", "tenant", "of"}
	for _, l := range identity.TrendLists() {
		head = append(head, column(l), column(l)+"_tenants")
	}
	return table{head, func(yield func([]string, error) bool) {
		line := func(by string, t identity.TenantTrend, day identity.Point, of int) []string {
			row := []string{day.Day.String(), by, string(t.Tenant), text(t.Name), strconv.Itoa(of)}
			for _, l := range identity.TrendLists() {
				c := day.Counts[l]
				row = append(row, number(known(c)), strconv.Itoa(c.Tenants))
			}
			return row
		}
		for _, day := range whole.Days {
			if !yield(line("overall", identity.TenantTrend{}, day, len(whole.Reads)), nil) {
				return
			}
		}
		for _, t := range parts {
			for _, day := range t.Days {
				if !yield(line("tenant", t, day, 1), nil) {
					return
				}
			}
		}
	}}, err
}
