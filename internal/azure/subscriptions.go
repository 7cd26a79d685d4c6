package azure

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"fresnel"
)

type subscriptionList struct {
	Value []struct {
		SubscriptionID string `json:"subscriptionId"`
		TenantID       string `json:"tenantId"`
		DisplayName    string `json:"displayName"`
		State          string `json:"state"`
		Policies       struct {
			QuotaID string `json:"quotaId"`
		} `json:"subscriptionPolicies"`
	} `json:"value"`
	NextLink string `json:"nextLink"`
}

// maxPages ends an answer that would never end.
const maxPages = 10_000

// Subscriptions lists the subscriptions of a tenant that our credential sees.
// For a delegated tenant they are those that the managing tenant sees of it.
// It fails with Denied or Unavailable.
func (c *Client) Subscriptions(ctx context.Context, t fresnel.Tenant) ([]fresnel.Subscription, error) {
	cred, err := c.creds.of(t)
	if err != nil {
		return nil, err
	}
	pl := c.pipeline("arm", cred)
	ctx = withBuckets(ctx, 1, c.limits.bucket("arm", cred.principal, armRules()))
	link := runtime.JoinPaths(c.cfg.ResourceManagerURL, "/subscriptions") + "?api-version=2022-12-01"
	var out []fresnel.Subscription
	for range maxPages {
		var page subscriptionList
		if err := c.getPage(ctx, pl, link, "the list of subscriptions", &page); err != nil {
			return nil, err
		}
		for _, v := range page.Value {
			id, err := fresnel.ParseTenantID(v.TenantID)
			if err != nil || id != t.ID || !fresnel.IsGUID(v.SubscriptionID) {
				continue
			}
			out = append(out, fresnel.Subscription{
				ID: strings.ToLower(v.SubscriptionID), Tenant: t.ID, Name: v.DisplayName, State: v.State, QuotaID: v.Policies.QuotaID,
			})
		}
		if page.NextLink == "" {
			return out, nil
		}
		if link, err = c.nextLink(page.NextLink); err != nil {
			return nil, err
		}
	}
	return nil, fresnel.Errorf(fresnel.Unavailable, "Azure's list of subscriptions does not end")
}

// getPage reads one page of a list; what names the list in errors.
func (c *Client) getPage(ctx context.Context, pl runtime.Pipeline, link, what string, page any) error {
	req, err := runtime.NewRequest(ctx, http.MethodGet, link)
	if err != nil {
		return err
	}
	resp, err := pl.Do(req)
	if err != nil {
		return transportError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return statusError(resp, "Resource Manager", what)
	}
	if err := json.NewDecoder(resp.Body).Decode(page); err != nil {
		return &fresnel.Error{Kind: fresnel.Unavailable, Msg: "Resource Manager's answer cannot be read", Do: "Check for a proxy between Fresnel and Azure.", Err: err}
	}
	return nil
}
