package api

import (
	"context"
	"strconv"

	"fresnel"
	"fresnel/internal/inventory"
)

// TagRow is how many resources of something meet what is required of their tags.
type TagRow struct {
	TenantID  string   `json:"tenant_id"`
	By        string   `json:"by" enum:"tenant,subscription,type,tag"`
	Name      string   `json:"name" doc:"Subscription id, resource type or tag key; empty for the tenant"`
	Compliant int      `json:"compliant"`
	Judged    int      `json:"judged" doc:"Resources of which something is required and whose tags were told"`
	Percent   *float64 `json:"percent" doc:"compliant of judged; null where none is judged"`
	Unknown   int      `json:"unknown" doc:"Tags not told: in neither"`
	Exempt    int      `json:"exempt" doc:"Nothing is required of them: in neither"`
}

// TagTotal is how all resources meet what is required of their tags.
type TagTotal struct {
	TagRow
	USD     *Money `json:"cost_without" doc:"What resources that do not comply cost in the last full month (CostUSD); null where it is not known"`
	Tenants int    `json:"cost_without_tenants" doc:"Tenants whose cost is in it"`
}

type taggingOutput struct {
	Body struct {
		Data []TagRow      `json:"data"`
		All  TagTotal      `json:"all"`
		Meta InventoryMeta `json:"meta"`
	}
}

func tagRow(t fresnel.TenantID, by inventory.TagBy, name string, c inventory.TagCount) TagRow {
	o := TagRow{TenantID: string(t), By: string(by), Name: name, Compliant: c.Compliant, Judged: c.Judged, Unknown: c.Unknown, Exempt: c.Exempt}
	if c.Judged > 0 {
		p := float64(c.Compliant) / float64(c.Judged) * 100
		o.Percent = &p
	}
	return o
}

func (h handlers) tagging(ctx context.Context, in *budgetsInput) (*taggingOutput, error) {
	rep, err := h.tagReport(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &taggingOutput{}
	out.Body.Meta = h.inventoryMeta(rep.Coverage)
	out.Body.Meta.Total = len(rep.Rows)
	out.Body.All.TagRow = tagRow("", inventory.TagByTenant, "", rep.All)
	if out.Body.All.Tenants = rep.Priced; rep.Priced > 0 {
		usd := money(rep.USD, "USD")
		out.Body.All.USD = &usd
	}
	out.Body.Data = make([]TagRow, len(rep.Rows))
	for i, r := range rep.Rows {
		out.Body.Data[i] = tagRow(r.Tenant, r.By, r.Name, r.TagCount)
	}
	return out, nil
}

func (h handlers) tagReport(ctx context.Context, in *budgetsInput) (inventory.TagReport, error) {
	s, _, err := h.ask(ctx, CostInput{Tenant: in.Tenant})
	if err != nil {
		return inventory.TagReport{}, err
	}
	return h.Inventory.Tagging(ctx, s)
}

func (h handlers) taggingCSV(ctx context.Context, in *budgetsInput) (table, error) {
	rep, err := h.tagReport(ctx, in)
	return table{[]string{"tenant_id", "by", "name", "compliant", "judged", "percent", "unknown", "exempt"}, all(rep.Rows, func(r inventory.TagRow) []string {
		o := tagRow(r.Tenant, r.By, r.Name, r.TagCount)
		p := ""
		if o.Percent != nil {
			p = percent(*o.Percent, true)
		}
		return []string{o.TenantID, o.By, text(o.Name), strconv.Itoa(o.Compliant), strconv.Itoa(o.Judged), p, strconv.Itoa(o.Unknown), strconv.Itoa(o.Exempt)}
	})}, err
}
