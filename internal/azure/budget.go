package azure

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"fresnel"
	"fresnel/internal/cost"
)

type budgetList struct {
	Value []struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		Properties struct {
			Category   string      `json:"category"`
			Amount     json.Number `json:"amount"`
			TimeGrain  string      `json:"timeGrain"`
			TimePeriod struct {
				StartDate string `json:"startDate"`
				EndDate   string `json:"endDate"`
			} `json:"timePeriod"`
			CurrentSpend  *budgetSpend    `json:"currentSpend"`
			ForecastSpend *budgetSpend    `json:"forecastSpend"`
			Filter        json.RawMessage `json:"filter"`
		} `json:"properties"`
	} `json:"value"`
	NextLink string `json:"nextLink"`
}

type budgetSpend struct {
	Amount json.Number `json:"amount"`
	Unit   string      `json:"unit"`
}

// Budgets implements cost.BudgetSource with Consumption's list of a
// subscription's budgets. A budget without an amount is left out: it is not
// about money.
func (c *Client) Budgets(ctx context.Context, t fresnel.Tenant, subscription string) ([]cost.AzureBudget, error) {
	cred, err := c.creds.of(t)
	if err != nil {
		return nil, err
	}
	pl := c.pipeline("budgets", cred)
	ctx = withBuckets(ctx, 1, c.limits.bucket("arm", cred.principal, armRules()))
	link := runtime.JoinPaths(c.cfg.ResourceManagerURL, "/subscriptions/"+subscription+"/providers/Microsoft.Consumption/budgets") + "?api-version=2021-10-01"
	var out []cost.AzureBudget
	for range maxPages {
		var page budgetList
		if err := c.getPage(ctx, pl, link, "the budgets of subscription "+subscription, &page); err != nil {
			return nil, err
		}
		for _, v := range page.Value {
			if v.Properties.Amount == "" || v.ID == "" {
				continue
			}
			p := v.Properties
			b := cost.AzureBudget{
				ID: strings.ToLower(v.ID), Subscription: subscription, Name: v.Name, Grain: p.TimeGrain,
				Filtered: len(p.Filter) > 0 && string(p.Filter) != "null" && string(p.Filter) != "{}",
				Starts:   budgetDay(p.TimePeriod.StartDate), Ends: budgetDay(p.TimePeriod.EndDate),
			}
			if b.Amount, err = budgetMoney(&budgetSpend{Amount: p.Amount}); err != nil {
				return nil, err
			}
			if b.Spent, err = spent(p.CurrentSpend); err != nil {
				return nil, err
			}
			if b.Forecast, err = spent(p.ForecastSpend); err != nil {
				return nil, err
			}
			if b.Spent != nil { // the amount has no unit of its own
				b.Amount.Currency = b.Spent.Currency
			}
			out = append(out, b)
		}
		if page.NextLink == "" {
			return out, nil
		}
		if link, err = c.nextLink(page.NextLink); err != nil {
			return nil, err
		}
	}
	return nil, fresnel.Errorf(fresnel.Unavailable, "Azure's list of budgets does not end")
}

func spent(s *budgetSpend) (*fresnel.Money, error) {
	if s == nil || s.Amount == "" {
		return nil, nil //nolint:nilnil // not told, and no error
	}
	m, err := budgetMoney(s)
	return &m, err
}

func budgetMoney(s *budgetSpend) (fresnel.Money, error) {
	var a fresnel.Amount
	if err := a.Add(s.Amount.String()); err != nil {
		return fresnel.Money{}, &fresnel.Error{Kind: fresnel.Unavailable, Msg: "a budget's amount cannot be read: " + clip(s.Amount.String()), Err: err}
	}
	return fresnel.Money{Micros: a.Micros(), Currency: strings.ToUpper(s.Unit)}, nil
}

// budgetDay reads an instant's day; 0 = not told.
func budgetDay(s string) fresnel.Day {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0
	}
	return fresnel.DayOf(t)
}
