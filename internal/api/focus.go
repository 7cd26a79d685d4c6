package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

// focusColumns are those of FOCUS 1.0 (focus.finops.org), in the order of
// Microsoft's export, and what we know beyond them, with x_. What Cost
// Management's query does not tell is empty: unknown, not zero.
var focusColumns = []string{
	"BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
	"ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
	"CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountStatus", "CommitmentDiscountType",
	"ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
	"PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId", "RegionName",
	"ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "SkuId", "SkuPriceId",
	"SubAccountId", "SubAccountName", "SubAccountType", "Tags",
	"x_BilledCostInUsd", "x_EffectiveCostInUsd", "x_ChargeType", "x_TenantId",
}

// focusCategory maps Azure's charge type to FOCUS's ChargeCategory,
// ChargeClass and CommitmentDiscountStatus.
func focusCategory(chargeType string) (category, class, status string) {
	switch chargeType {
	case cost.ChargeUsage:
		return "Usage", "", ""
	case cost.ChargePurchase:
		return "Purchase", "", ""
	case cost.ChargeUnusedReservation, cost.ChargeUnusedSavingsPlan:
		return "Usage", "", "Unused"
	case cost.ChargeRefund:
		return "Adjustment", "Correction", ""
	case cost.ChargeRounding:
		return "Adjustment", "", ""
	}
	return "", "", ""
}

type focusInput struct {
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
	Sub    []string `query:"sub,explode" maxItems:"500" doc:"Subscription id (GUID); repeatable"`
	Period string   `query:"period" maxLength:"20" doc:"mtd, last-month, 7d, 30d, 90d or ytd; default mtd"`
	From   string   `query:"from" maxLength:"20" doc:"First UTC day, yyyy-mm-dd, with to"`
	To     string   `query:"to" maxLength:"20" doc:"Last UTC day, yyyy-mm-dd, inclusive, with from"`
}

// focusCSV tells the charges by day, charge type and service, subscription by
// subscription: actual cost as BilledCost beside amortized cost as EffectiveCost.
func (h handlers) focusCSV(ctx context.Context, in *focusInput) (table, error) {
	s, a, err := h.ask(ctx, CostInput{Tenant: in.Tenant, Sub: in.Sub, Period: in.Period, From: in.From, To: in.To})
	if err != nil {
		return table{}, err
	}
	return table{focusColumns, func(yield func([]string, error) bool) {
		name, id := "", ""
		for {
			subs, _, err := h.Tenants.Subscriptions(ctx, s, name, id, 200)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, sub := range subs {
				name, id = sub.Name, sub.ID
				if len(a.Subscriptions) > 0 && !slices.Contains(a.Subscriptions, sub.ID) {
					continue
				}
				if !h.focusOf(ctx, s, sub, a.Period, yield) {
					return
				}
			}
			if len(subs) < 200 {
				return
			}
		}
	}}, nil
}

type focusKey struct {
	day                       fresnel.Day
	charge, service, currency string
}

// focusOf tells one subscription; it gives false when the list ends.
func (h handlers) focusOf(ctx context.Context, s fresnel.Scope, sub fresnel.Subscription, p fresnel.Period, yield func([]string, error) bool) bool {
	type pair [2]*cost.Sum // by metric
	rows := map[focusKey]*pair{}
	var order []focusKey
	for _, m := range cost.Metrics() {
		sums, err := h.Reports.Reader.Sums(ctx, s, cost.Query{Period: p, Metric: m, Subscriptions: []string{sub.ID}, By: cost.ByDay | cost.ByCharge | cost.ByService})
		if err != nil {
			yield(nil, err)
			return false
		}
		for i, x := range sums {
			k := focusKey{x.Day, x.Charge, x.Service, x.Currency}
			if rows[k] == nil {
				rows[k] = &pair{}
				order = append(order, k)
			}
			rows[k][m] = &sums[i]
		}
	}
	slices.SortFunc(order, func(a, b focusKey) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.charge, b.charge), cmp.Compare(a.service, b.service), cmp.Compare(a.currency, b.currency))
	})
	for _, k := range order {
		if !yield(focusRow(sub, k, rows[k][cost.Actual], rows[k][cost.Amortized]), nil) {
			return false
		}
	}
	return true
}

// focusRow is one charge. A metric without the charge is 0: both were read for
// the same days, and each tells all that it has.
func focusRow(sub fresnel.Subscription, k focusKey, billed, effective *cost.Sum) []string {
	amounts := func(s *cost.Sum) (string, string) {
		if s == nil {
			return decimal(0), decimal(0)
		}
		return decimal(s.Micros), decimal(s.USDMicros)
	}
	at := func(d fresnel.Day) string { return d.Time().Format(time.RFC3339) }
	category, class, status := focusCategory(k.charge)
	v := map[string]string{
		"BillingCurrency": text(k.currency), "BillingPeriodStart": at(k.day.MonthStart()), "BillingPeriodEnd": at(k.day.AddMonths(1)),
		"ChargeCategory": category, "ChargeClass": class, "ChargePeriodStart": at(k.day), "ChargePeriodEnd": at(k.day + 1),
		"CommitmentDiscountStatus": status, "InvoiceIssuerName": "Microsoft", "ProviderName": "Microsoft", "ServiceName": text(k.service),
		"SubAccountId": "/subscriptions/" + sub.ID, "SubAccountName": text(sub.Name), "SubAccountType": "Subscription",
		"x_ChargeType": text(k.charge), "x_TenantId": string(sub.Tenant),
	}
	v["BilledCost"], v["x_BilledCostInUsd"] = amounts(billed)
	v["EffectiveCost"], v["x_EffectiveCostInUsd"] = amounts(effective)
	row := make([]string, len(focusColumns))
	for i, c := range focusColumns {
		row[i] = v[c]
	}
	return row
}
