package azuresim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/consumption/armconsumption"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/costmanagement/armcostmanagement/v3"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"

	"fresnel/internal/azuresim"
)

// microsoft is what Microsoft's clients need: a credential of the managing tenant, and options that
// name the simulator's addresses and nothing else.
func (c *client) microsoft() (azcore.TokenCredential, *arm.ClientOptions) {
	c.t.Helper()
	cred, err := azidentity.NewClientSecretCredential(c.conn.ManagingTenantID, c.conn.ClientID, c.conn.ClientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: c.options(), DisableInstanceDiscovery: true})
	if err != nil {
		c.t.Fatal(err)
	}
	return cred, &arm.ClientOptions{ClientOptions: c.options(), DisableRPRegistration: true}
}

// TestMicrosoftSubscriptions lists subscriptions and tenants with Microsoft's own client, over pages.
func TestMicrosoftSubscriptions(t *testing.T) {
	c := start(t, azuresim.Options{ARMPageSize: 7})
	cred, opt := c.microsoft()
	client, ctx := must(armsubscriptions.NewClient(cred, opt)), context.Background()
	want := map[string]azuresim.EstateSubscription{}
	for _, tenant := range c.sim.Estate() {
		for _, s := range tenant.Subscriptions {
			if tenant.Kind == "delegated" {
				want[s.ID] = s
			}
		}
	}
	got := 0
	for pager := client.NewListPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Value {
			w, ok := want[*s.SubscriptionID]
			if !ok || *s.DisplayName != w.Name || string(*s.State) != w.State || *s.SubscriptionPolicies.QuotaID != w.Offer || len(s.ManagedByTenants) != 1 {
				t.Errorf("got %+v, want %+v", s, w)
			}
			got++
		}
	}
	if got != len(want) {
		t.Errorf("%d of %d subscriptions", got, len(want))
	}
	page, err := must(armsubscriptions.NewTenantsClient(cred, opt)).NewListPager(nil).NextPage(ctx)
	if err != nil || len(page.Value) != 1 || *page.Value[0].TenantID != c.conn.ManagingTenantID {
		t.Errorf("tenants: %+v, %v", page.Value, err)
	}
}

// TestMicrosoftCosts runs a month's query with Microsoft's own client and compares it with the truth.
func TestMicrosoftCosts(t *testing.T) {
	c := start(t, azuresim.Options{})
	cred, opt := c.microsoft()
	client := must(armcostmanagement.NewQueryClient(cred, opt))
	_, sub := c.delegated()
	sum := func(column string) *armcostmanagement.QueryAggregation {
		return &armcostmanagement.QueryAggregation{Name: &column, Function: new(armcostmanagement.FunctionTypeSum)}
	}
	by := func(column string) *armcostmanagement.QueryGrouping {
		return &armcostmanagement.QueryGrouping{Name: &column, Type: new(armcostmanagement.QueryColumnTypeDimension)}
	}
	query := armcostmanagement.QueryDefinition{
		Type: new(armcostmanagement.ExportTypeAmortizedCost), Timeframe: new(armcostmanagement.TimeframeTypeCustom),
		TimePeriod: &armcostmanagement.QueryTimePeriod{From: new(utc(2026, 10, 1)), To: new(utc(2026, 10, 31))},
		Dataset: &armcostmanagement.QueryDataset{
			Granularity: new(armcostmanagement.GranularityTypeDaily),
			Aggregation: map[string]*armcostmanagement.QueryAggregation{"totalCost": sum("Cost")},
			Grouping:    []*armcostmanagement.QueryGrouping{by("ChargeType"), by("ServiceName")},
		},
	}
	answer, err := client.Usage(context.Background(), "subscriptions/"+sub.ID, query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Properties.NextLink != nil {
		t.Fatal("more than a page")
	}
	at := func(name string) int {
		return slices.IndexFunc(answer.Properties.Columns, func(c *armcostmanagement.QueryColumn) bool { return *c.Name == name })
	}
	got := map[string]int64{}
	for _, r := range answer.Properties.Rows {
		key := fmt.Sprintf("%.0f %v %v %v", r[at("UsageDate")], r[at("ChargeType")], r[at("ServiceName")], r[at("Currency")])
		got[key] = micros(t, json.Number(fmt.Sprint(r[at("Cost")])))
	}
	want := c.sums(azuresim.TruthQuery{
		Metric: "AmortizedCost", Cut: "charges", Subscription: sub.ID, From: utc(2026, 10, 1), To: utc(2026, 10, 31), By: []string{"day", "charge_type", "service"},
	}, func(r azuresim.TruthRow) string {
		return strings.Join([]string{strings.ReplaceAll(r.Day, "-", ""), r.ChargeType, r.Service, r.Currency}, " ")
	})
	if len(got) != len(want) || len(want) < 100 {
		t.Errorf("%d rows, truth %d", len(got), len(want))
	}
	for key, v := range want {
		if abs(got[key]-v) > 1 { // the client reads numbers as floats
			t.Errorf("%s: %d, truth %d", key, got[key], v)
		}
	}
	var refused *azcore.ResponseError
	if err := c.sim.SetFaults([]azuresim.Fault{{API: "cost", Kind: "pretaxcost"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Usage(context.Background(), "subscriptions/"+sub.ID, query, nil); !errors.As(err, &refused) || refused.StatusCode != http.StatusBadRequest || refused.ErrorCode != "BadRequest" {
		t.Errorf("refusal: %v", err)
	}
}

// TestMicrosoftBudgets lists budgets with Microsoft's own client.
func TestMicrosoftBudgets(t *testing.T) {
	c := start(t, azuresim.Options{})
	cred, opt := c.microsoft()
	client, want, got := must(armconsumption.NewBudgetsClient(cred, opt)), map[string]azuresim.Budget{}, 0
	for _, b := range c.sim.Budgets() {
		if b.Tenant == c.conn.Tenants[0].ID {
			want[b.Subscription+b.Name] = b
		}
	}
	for _, sub := range c.sim.Estate()[0].Subscriptions {
		for pager := client.NewListPager("subscriptions/"+sub.ID, nil); pager.More(); {
			page, err := pager.NextPage(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range page.Value {
				w, p := want[sub.ID+*b.Name], b.Properties
				if string(*p.TimeGrain) != w.TimeGrain || abs(int64(*p.CurrentSpend.Amount*1e6)-w.CurrentSpend) > 1 || len(p.Notifications) == 0 || p.TimePeriod.EndDate.Before(time.Now()) {
					t.Errorf("got %+v, want %+v", p, w)
				}
				got++
			}
		}
	}
	if got != len(want) || got == 0 {
		t.Errorf("%d of %d budgets", got, len(want))
	}
}
