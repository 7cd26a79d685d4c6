package azure

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"fresnel"
	"fresnel/internal/compliance"
)

const (
	scoreQuery = "securityresources | where type =~ 'microsoft.security/securescores' | where name =~ 'ascScore' " +
		"| project id, subscriptionId, properties | order by id asc"
	controlQuery = "securityresources | where type =~ 'microsoft.security/securescores/securescorecontrols' " +
		"| project id, name, subscriptionId, properties | order by id asc"
	standardNames = "securityresources | where type =~ 'microsoft.security/regulatorycompliancestandards' | project id, name, subscriptionId | order by id asc"
	standardQuery = "securityresources | where type =~ 'microsoft.security/regulatorycompliancestandards/regulatorycompliancecontrols' " +
		"| project id, name, subscriptionId, properties | order by id asc"
)

// securityRow is a row of securityresources.
type securityRow struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	SubscriptionID string `json:"subscriptionId"`
	Properties     struct {
		DisplayName string `json:"displayName"`
		Description string `json:"description"`
		Score       *struct {
			Current float64 `json:"current"`
			Max     float64 `json:"max"`
		} `json:"score"`
		Weight    int64 `json:"weight"`
		Healthy   int   `json:"healthyResourceCount"`
		Unhealthy int   `json:"unhealthyResourceCount"`
		Other     int   `json:"notApplicableResourceCount"`
		Passed    int   `json:"passedAssessments"`
		Failed    int   `json:"failedAssessments"`
		Skipped   int   `json:"skippedAssessments"`
	} `json:"properties"`
}

func (r *securityRow) broken() error {
	if !fresnel.IsGUID(r.SubscriptionID) {
		return graphBroken("a row of Defender for Cloud has no subscription", &malformed{"unexpected shape"})
	}
	return nil
}

// SecureScores implements compliance.Source.
func (c *Client) SecureScores(ctx context.Context, t fresnel.Tenant, subs []string) iter.Seq2[compliance.SecureScore, error] {
	return decoded(c.graphRows(ctx, t, subs, scoreQuery), func(r *securityRow) (compliance.SecureScore, error) {
		s := compliance.SecureScore{Tenant: t.ID, Subscription: strings.ToLower(r.SubscriptionID), Weight: r.Properties.Weight}
		if r.Properties.Score == nil {
			return s, graphBroken("a secure score has no points", &malformed{"unexpected shape"})
		}
		s.Current, s.Max = r.Properties.Score.Current, r.Properties.Score.Max
		return s, r.broken()
	})
}

// Controls implements compliance.Source.
func (c *Client) Controls(ctx context.Context, t fresnel.Tenant, subs []string) iter.Seq2[compliance.ControlCount, error] {
	return decoded(c.graphRows(ctx, t, subs, controlQuery), func(r *securityRow) (compliance.ControlCount, error) {
		p := &r.Properties
		out := compliance.ControlCount{
			Subscription: strings.ToLower(r.SubscriptionID), Key: compliance.Key{Kind: compliance.KindControl, Definition: strings.ToLower(r.Name)},
			Name: p.DisplayName, Passed: p.Healthy, Failed: p.Unhealthy, Skipped: p.Other,
		}
		if p.Score != nil {
			out.Current, out.Most = p.Score.Current, p.Score.Max
		}
		return out, r.broken()
	})
}

// Standards implements compliance.Source: the controls of standards.
func (c *Client) Standards(ctx context.Context, t fresnel.Tenant, subs []string) iter.Seq2[compliance.ControlCount, error] {
	return func(yield func(compliance.ControlCount, error) bool) {
		names := map[string]string{} // as Azure writes them: in ids they are in lower case
		for r, err := range decoded(c.graphRows(ctx, t, subs, standardNames), func(r *securityRow) (*securityRow, error) { return r, r.broken() }) {
			if err != nil {
				yield(compliance.ControlCount{}, err)
				return
			}
			names[strings.ToLower(r.Name)] = r.Name
		}
		for out, err := range decoded(c.graphRows(ctx, t, subs, standardQuery), (*securityRow).standardControl) {
			if name := names[out.Key.Reference]; name != "" {
				out.Key.Reference = name
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

// standardControl is a control of a standard; the standard's name is in lower case.
func (r *securityRow) standardControl() (compliance.ControlCount, error) {
	out := compliance.ControlCount{
		Subscription: strings.ToLower(r.SubscriptionID), Name: r.Properties.Description,
		Passed: r.Properties.Passed, Failed: r.Properties.Failed, Skipped: r.Properties.Skipped,
	}
	const standards = "/regulatorycompliancestandards/"
	_, rest, ok := strings.Cut(strings.ToLower(r.ID), standards)
	standard, _, more := strings.Cut(rest, "/")
	if !ok || !more {
		return out, graphBroken("a control of a standard has no standard", &malformed{"unexpected shape"})
	}
	out.Key = compliance.Key{Kind: compliance.KindStandardControl, Definition: r.Name, Reference: standard}
	return out, r.broken()
}

// SecurityProvider implements compliance.Source with Defender's own API.
func (c *Client) SecurityProvider(ctx context.Context, t fresnel.Tenant, subscription string) (int, compliance.Provider, error) {
	var list struct {
		Value []struct{} `json:"value"`
	}
	is, err := c.armAsk(ctx, t, http.MethodGet, "security", subscription, "/providers/Microsoft.Security/secureScores?api-version=2020-01-01", armRules(), &list)
	return len(list.Value), is, err
}
