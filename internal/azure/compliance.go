package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"fresnel"
	"fresnel/internal/compliance"
)

// stateColumns reduces a state to what is counted, with Microsoft's weights.
// Source: the Resource Graph sample "policy assignment compliance".
const stateColumns = "policyresources | where type =~ 'microsoft.policyinsights/policystates' " +
	"| extend state = tostring(properties.complianceState), resource = tolower(tostring(properties.resourceId)), assignment = tolower(tostring(properties.policyAssignmentId)), " +
	"definition = tolower(tostring(properties.policyDefinitionId)), reference = tolower(tostring(properties.policyDefinitionReferenceId)), effect = tolower(tostring(properties.policyDefinitionAction)) " +
	"| extend weight = iff(state =~ 'NonCompliant', int(300), iff(state =~ 'Compliant', int(200), iff(state =~ 'Conflict', int(100), iff(state =~ 'Exempt', int(50), int(0))))) "

// countQuery counts the resources that have each strongest state, by columns; of
// a part of the states, or with "" of all. Of what a policy does any state's word
// is taken: for a day after it was changed, states have the old one and the new.
func countQuery(by, part string) string {
	if part != "" {
		part = "| where " + part + " "
	}
	return stateColumns + part + "| summarize strongest = max(weight), effect = take_any(effect) by resource, subscriptionId" + by +
		" | summarize n = count(), effect = take_any(effect) by strongest, subscriptionId" + by +
		" | summarize nonCompliant = sumif(n, strongest == 300), compliant = sumif(n, strongest == 200), conflict = sumif(n, strongest == 100), " +
		"exempt = sumif(n, strongest == 50), unknown = sumif(n, strongest == 0), effect = take_any(effect) by subscriptionId" + by
}

// Levels of counts: what they are by, and how many subscriptions to ask for at
// first: an assignment of a large initiative alone has hundreds of checks.
var levels = map[compliance.Level]struct {
	by  string
	per int
}{
	compliance.BySubscription: {"", graphSubs},
	compliance.ByAssignment:   {", assignment", 50},
	compliance.ByPolicy:       {", definition", 8},
	compliance.ByCheck:        {", assignment, definition, reference", 4},
}

type graphCounts struct {
	SubscriptionID string `json:"subscriptionId"`
	Assignment     string `json:"assignment"`
	Definition     string `json:"definition"`
	Reference      string `json:"reference"`
	Effect         string `json:"effect"`
	Compliant      int    `json:"compliant"`
	NonCompliant   int    `json:"nonCompliant"`
	Conflict       int    `json:"conflict"`
	Exempt         int    `json:"exempt"`
	Unknown        int    `json:"unknown"`
}

func (g *graphCounts) counted(by compliance.Level, in repeated) (compliance.Counted, error) {
	out := compliance.Counted{
		Subscription: in.lower(g.SubscriptionID),
		Counts:       compliance.Counts{Compliant: g.Compliant, NonCompliant: g.NonCompliant, Conflict: g.Conflict, Exempt: g.Exempt, Unknown: g.Unknown},
	}
	switch by {
	case compliance.BySubscription:
	case compliance.ByAssignment:
		out.Key = compliance.Key{Kind: compliance.KindAssignment, Assignment: in.lower(g.Assignment)}
	case compliance.ByPolicy:
		out.Key = compliance.Key{Kind: compliance.KindPolicy, Definition: in.lower(g.Definition)}
	case compliance.ByCheck:
		out.Key, out.Effect = in.check(g.Assignment, g.Definition, g.Reference), in.lower(g.Effect)
	}
	low := min(g.Compliant, g.NonCompliant, g.Conflict, g.Exempt, g.Unknown)
	if !fresnel.IsGUID(out.Subscription) || low < 0 || by != compliance.BySubscription && out.Key.Assignment+out.Key.Definition == "" {
		return out, graphBroken("a count of Resource Graph cannot be read", &malformed{"unexpected shape"})
	}
	return out, nil
}

// repeated keeps each text of an answer once: of a hundred thousand states only
// some hundred assignments and definitions, and a tenth as many resources, differ.
type repeated map[string]string

// lower is a text in lower case.
func (r repeated) lower(s string) string {
	s = strings.ToLower(s)
	if held, ok := r[s]; ok {
		return held
	}
	r[s] = s
	return s
}

func (r repeated) check(assignment, definition, reference string) compliance.Key {
	return compliance.Key{Kind: compliance.KindCheck, Assignment: r.lower(assignment), Definition: r.lower(definition), Reference: r.lower(reference)}
}

// decoded reads rows; of the first error it gives the error and ends.
func decoded[W, T any](rows iter.Seq2[json.RawMessage, error], one func(*W) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row, err := range rows {
			var out T
			var wire W
			if err == nil {
				if jerr := json.Unmarshal(row, &wire); jerr != nil {
					err = graphBroken("a row of Resource Graph cannot be read", &malformed{clip(jerr.Error())})
				}
			}
			if err == nil {
				out, err = one(&wire)
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

// PolicyCounts implements compliance.Source.
func (c *Client) PolicyCounts(ctx context.Context, t fresnel.Tenant, subs []string, by compliance.Level) iter.Seq2[compliance.Counted, error] {
	level, in := levels[by], repeated{}
	rows := c.graphSome(ctx, t, subs, level.per, func(part string) string { return countQuery(level.by, part) })
	return decoded(rows, func(g *graphCounts) (compliance.Counted, error) { return g.counted(by, in) })
}

// stateParts divide states into parts that an answer each holds, for those
// subscriptions of which one answer does not hold all: by the first digit of
// the names that Microsoft's definitions have, and all others.
func stateParts() []string {
	const microsoft = "definition startswith '/providers/microsoft.authorization/policydefinitions/"
	var parts []string
	for _, digit := range "0123456789abcdef" {
		parts = append(parts, microsoft+string(digit)+"'")
	}
	return append(parts, "not("+strings.Join(parts, " or ")+")")
}

const failureQuery = "policyresources | where type =~ 'microsoft.policyinsights/policystates' | where properties.complianceState in~ ('NonCompliant', 'Conflict') " +
	"| project id, subscriptionId, resource = tostring(properties.resourceId), type = tostring(properties.resourceType), resourceGroup = tostring(properties.resourceGroup), " +
	"state = tostring(properties.complianceState), assignment = tostring(properties.policyAssignmentId), definition = tostring(properties.policyDefinitionId), " +
	"reference = tostring(properties.policyDefinitionReferenceId) | order by id asc"

type graphFailure struct {
	SubscriptionID string `json:"subscriptionId"`
	Resource       string `json:"resource"`
	Type           string `json:"type"`
	ResourceGroup  string `json:"resourceGroup"`
	State          string `json:"state"`
	Assignment     string `json:"assignment"`
	Definition     string `json:"definition"`
	Reference      string `json:"reference"`
}

// PolicyFailures implements compliance.Source.
func (c *Client) PolicyFailures(ctx context.Context, t fresnel.Tenant, subs []string) iter.Seq2[compliance.Failure, error] {
	in := repeated{}
	return decoded(c.graphRows(ctx, t, subs, failureQuery), func(g *graphFailure) (compliance.Failure, error) {
		f := compliance.Failure{
			Subscription: in.lower(g.SubscriptionID), Resource: in.lower(g.Resource), Type: in.lower(g.Type), Group: in.lower(g.ResourceGroup),
			State: compliance.ParseState(g.State), Check: in.check(g.Assignment, g.Definition, g.Reference),
		}
		mine := "/subscriptions/" + f.Subscription
		if !fresnel.IsGUID(f.Subscription) || f.Resource != mine && !strings.HasPrefix(f.Resource, mine+"/") || f.Check.Assignment == "" || f.Check.Definition == "" {
			return f, graphBroken("a state of Resource Graph has no resource of its subscription, no assignment or no definition", &malformed{"unexpected shape"})
		}
		return f, nil
	})
}

// insightsSummary is what Policy Insights says of a scope. Its total is of
// distinct resources, and not the sum of its assignments.
type insightsSummary struct {
	Value []struct {
		Results struct {
			ResourceDetails []struct {
				Count int `json:"count"`
			} `json:"resourceDetails"`
		} `json:"results"`
	} `json:"value"`
}

// PolicySummary implements compliance.Source with Policy Insights.
func (c *Client) PolicySummary(ctx context.Context, t fresnel.Tenant, subscription string) (int, compliance.Provider, error) {
	var sum insightsSummary
	// $top=0: the whole without its assignments.
	is, err := c.armAsk(ctx, t, http.MethodPost, "policyinsights", subscription, "/providers/Microsoft.PolicyInsights/policyStates/latest/summarize?api-version=2024-10-01&$top=0", insightsRules(), &sum)
	if err != nil || is == compliance.Unregistered {
		return 0, is, err
	}
	n, err := sum.resources()
	return n, is, err
}

func (s *insightsSummary) resources() (int, error) {
	if len(s.Value) == 0 {
		return 0, graphBroken("Policy Insights' summary is empty", &malformed{"no value"})
	}
	n := 0
	for _, d := range s.Value[0].Results.ResourceDetails {
		n += d.Count
	}
	return n, nil
}

// armAsk asks one subscription for one document. Where its resource provider is
// not registered there is none, and no error.
func (c *Client) armAsk(ctx context.Context, t fresnel.Tenant, method, api, subscription, path string, rules []limitRule, into any) (compliance.Provider, error) {
	cred, err := c.creds.of(t)
	if err != nil {
		return compliance.Registered, err
	}
	ctx = withBuckets(ctx, 1, c.limits.bucket(api, subscription, rules))
	req, err := runtime.NewRequest(ctx, method, runtime.JoinPaths(c.cfg.ResourceManagerURL, "/subscriptions/"+subscription+path))
	if err != nil {
		return compliance.Registered, err
	}
	if method == http.MethodPost {
		if err := req.SetBody(streaming.NopCloser(bytes.NewReader(nil)), "application/json"); err != nil {
			return compliance.Registered, err
		}
	}
	resp, err := c.pipeline(api, cred).Do(req)
	if err != nil {
		return compliance.Registered, transportError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var said *azcore.ResponseError
		if errors.As(runtime.NewResponseError(resp), &said) && (said.ErrorCode == "MissingSubscriptionRegistration" || said.ErrorCode == "Subscription Not Registered") {
			return compliance.Unregistered, nil
		}
		return compliance.Registered, statusError(resp, api, "subscription "+subscription)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return compliance.Registered, &fresnel.Error{Kind: fresnel.Unavailable, Msg: fmt.Sprintf("the answer of %s cannot be read", api), Do: "Check for a proxy between Fresnel and Azure.", Err: err}
	}
	return compliance.Registered, nil
}
