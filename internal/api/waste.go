package api

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"fresnel"
	"fresnel/internal/inventory"
)

// Waste is something that costs, or only stands about, for nothing.
type Waste struct {
	ID             int64     `json:"id"`
	Rule           string    `json:"rule"`
	Title          string    `json:"title"`
	Reason         string    `json:"reason"`
	Confidence     string    `json:"confidence" enum:"waste,review,advice"`
	State          string    `json:"state" enum:"open,acknowledged,expected,resolved"`
	TenantID       string    `json:"tenant_id"`
	ResourceID     string    `json:"resource_id" doc:"ARM id, lower case"`
	Resource       *Resource `json:"resource" doc:"Null for a part of a resource, such as a subnet"`
	Since          string    `json:"since" format:"date" doc:"Since when it is so, as far as is known"`
	AgeDays        int       `json:"age_days"`
	Known          bool      `json:"cost_known" doc:"False: it costs, and no cost of it is held"`
	Free           bool      `json:"free" doc:"It is not billed"`
	AtMost         bool      `json:"at_most" doc:"Only a part of the cost could be saved"`
	AzureEstimates bool      `json:"azure_estimates" doc:"The cost is Azure's estimate of savings"`
	Cost           MonthCost `json:"cost"`
	Verdict        *Said     `json:"verdict,omitempty"`
	Doc            string    `json:"doc" doc:"Microsoft's page"`
}

func (h handlers) waste(w inventory.Wasted) Waste {
	f := w.Finding
	o := Waste{
		ID: f.ID, Rule: f.Rule, Title: w.Detail.Title, Reason: w.Detail.Reason, Confidence: string(w.Detail.Confidence), State: string(w.State),
		TenantID: string(f.Tenant), ResourceID: f.Object, Since: f.Since.String(), AgeDays: max(0, int(fresnel.DayOf(h.Now())-f.Since)),
		Known: w.Known, Free: w.Free, AtMost: w.AtMost, AzureEstimates: w.Advised, Cost: monthCost(w.Cost), Doc: w.Rule.Doc,
	}
	if w.Resource.ID != "" {
		r := resource(w.Resource)
		o.Resource = &r
	}
	if w.Exception != nil {
		o.Verdict = said(*w.Exception)
	}
	return o
}

type wasteInput struct {
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
	Rule   []string `query:"rule,explode" maxItems:"100" doc:"Rule id; repeatable; docs/waste-rules.md lists them"`
	State  string   `query:"state" enum:"open,acknowledged,expected,all" default:"all"`
	Over   string   `query:"over" maxLength:"20" doc:"Worth more than this amount a month, in the currency that each is billed in"`
	ListInput
}

// WasteTotal is what open findings are worth together.
type WasteTotal struct {
	Open    int       `json:"open"`
	Waste   MonthCost `json:"waste" doc:"Of open findings: each resource once"`
	AtMost  MonthCost `json:"at_most" doc:"Of which only a part could be saved"`
	Unknown int       `json:"unknown" doc:"Open findings whose cost is not held"`
}

type wasteOutput struct {
	Body struct {
		Data  []Waste       `json:"data" doc:"Open ones first, then by what they are worth"`
		Total WasteTotal    `json:"total"`
		Meta  InventoryMeta `json:"meta"`
	}
}

func (h handlers) wasteReport(ctx context.Context, in *wasteInput) (inventory.WasteReport, error) {
	s, _, err := h.ask(ctx, CostInput{Tenant: in.Tenant})
	if err != nil {
		return inventory.WasteReport{}, err
	}
	over, err := amountOver(in.Over)
	if err != nil {
		return inventory.WasteReport{}, err
	}
	for _, id := range in.Rule { // a name that is misspelt finds nothing, which would look as if nothing were wrong
		if !slices.ContainsFunc(h.Inventory.Rules, func(r inventory.Rule) bool { return r.ID == id }) {
			return inventory.WasteReport{}, fresnel.Errorf(fresnel.Invalid, "there is no rule %.60q, or it is not run (FRESNEL_WASTE_RULES)", id)
		}
	}
	rep, err := h.Inventory.Waste(ctx, s, inventory.WasteAsk{Rules: in.Rule, Over: over})
	if in.State != "all" && in.State != "" {
		rep.Wasted = slices.DeleteFunc(rep.Wasted, func(w inventory.Wasted) bool { return string(w.State) != in.State })
	}
	return rep, err
}

// amountOver is an amount in micro-units; "" = any.
func amountOver(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	var a fresnel.Amount
	if a.Add(text) != nil || a.Micros() <= 0 {
		return 0, fresnel.Errorf(fresnel.Invalid, "over %.40q: expected an amount above zero, for example 100", text)
	}
	return a.Micros(), nil
}

func wasteKey(w inventory.Wasted) string { return strconv.FormatInt(w.Finding.ID, 10) }

func (h handlers) orphaned(ctx context.Context, in *wasteInput) (*wasteOutput, error) {
	rep, err := h.wasteReport(ctx, in)
	if err != nil {
		return nil, err
	}
	rows, next, err := cut(rep.Wasted, wasteKey, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	if err := h.Inventory.Fill(ctx, fresnel.ScopeFrom(ctx), rows); err != nil {
		return nil, err
	}
	out := &wasteOutput{}
	out.Body.Meta = h.inventoryMeta(rep.Coverage)
	out.Body.Meta.Total, out.Body.Meta.More, out.Body.Meta.NextCursor = len(rep.Wasted), rep.More, next
	out.Body.Total.Open, out.Body.Total.Unknown = rep.Open, rep.Total.Unknown
	out.Body.Total.Waste, out.Body.Total.AtMost = monthCost(rep.Total.Waste), monthCost(rep.Total.AtMost)
	out.Body.Data = make([]Waste, len(rows))
	for i, w := range rows {
		out.Body.Data[i] = h.waste(w)
	}
	return out, nil
}

func (h handlers) orphanedCSV(ctx context.Context, in *wasteInput) (table, error) {
	rep, err := h.wasteReport(ctx, in)
	head := []string{"id", "rule", "title", "confidence", "state", "tenant_id", "resource_id", "resource_group", "type", "since", "cost_known", "free", "at_most", "azure_estimates", "last_month", "last_month_usd", "reason", "note"}
	s := fresnel.ScopeFrom(ctx)
	return table{head, func(yield func([]string, error) bool) {
		for some := range slices.Chunk(rep.Wasted, 500) {
			if err := h.Inventory.Fill(ctx, s, some); err != nil {
				yield(nil, err)
				return
			}
			for _, w := range some {
				if !yield(h.wasteLine(w), nil) {
					return
				}
			}
		}
	}}, err
}

func (h handlers) wasteLine(w inventory.Wasted) []string {
	o := h.waste(w)
	var full []string
	for _, m := range o.Cost.Full {
		full = append(full, m.Amount+" "+m.Currency)
	}
	note, usd := "", ""
	if o.Cost.USD != nil {
		usd = o.Cost.USD.Amount
	}
	if o.Verdict != nil {
		note = o.Verdict.Note
	}
	return []string{
		wasteKey(w), o.Rule, text(o.Title), o.Confidence, o.State, o.TenantID, text(o.ResourceID), text(w.Resource.Group), text(w.Resource.Type), o.Since,
		strconv.FormatBool(o.Known), strconv.FormatBool(o.Free), strconv.FormatBool(o.AtMost), strconv.FormatBool(o.AzureEstimates),
		strings.Join(full, " "), usd, text(o.Reason), text(note),
	}
}

type oneWasteOutput struct {
	Body struct {
		Data Waste `json:"data"`
	}
}

type wasteVerdictInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Verdict string `json:"verdict" enum:"acknowledged,expected,open" doc:"open takes back what was said of the object"`
		Extent  string `json:"extent,omitempty" enum:",resource_group,subscription" doc:"Of all that the rule finds in the object's resource group or subscription; absent = of the object"`
		Note    string `json:"note,omitempty" maxLength:"2000" doc:"Why; needed for expected"`
		Expires string `json:"expires,omitempty" maxLength:"10" doc:"The last day on which it is expected, yyyy-mm-dd, within a year; needed for expected"`
	}
}

func (h handlers) judgeWaste(ctx context.Context, in *wasteVerdictInput) (*oneWasteOutput, error) {
	v := fresnel.Verdict(in.Body.Verdict)
	if v == "open" {
		v = ""
	}
	expires, err := endOf(in.Body.Expires)
	if err != nil {
		return nil, err
	}
	w, err := h.Inventory.Judge(ctx, fresnel.ScopeFrom(ctx), in.ID, v, inventory.Extent(in.Body.Extent), in.Body.Note, author(ctx), expires)
	if err != nil {
		return nil, err
	}
	out := &oneWasteOutput{}
	out.Body.Data = h.waste(w)
	return out, nil
}
