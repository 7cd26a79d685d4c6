package azure

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"fresnel"
	"fresnel/internal/compliance"
)

const (
	objectQuery = "policyresources | where type in~ ('microsoft.authorization/policyassignments', 'microsoft.authorization/policyexemptions') " +
		"| project id, name, type, identity, properties | order by id asc"
	definitionQuery = "policyresources | where type in~ ('microsoft.authorization/policydefinitions', 'microsoft.authorization/policysetdefinitions') " +
		"| where id in~ (%s) | project id, name, type, properties | order by id asc"
)

// policyObject is an assignment, an exemption, a definition or an initiative, as
// Resource Graph and Resource Manager give it.
type policyObject struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Identity *struct {
		Type string `json:"type"`
	} `json:"identity"`
	SystemData struct {
		CreatedAt time.Time `json:"createdAt"`
	} `json:"systemData"`
	Properties struct {
		DisplayName string `json:"displayName"`
		Description string `json:"description"`
		Metadata    struct {
			Category  string `json:"category"`
			CreatedOn string `json:"createdOn"`
		} `json:"metadata"`
		// of an assignment
		Scope        string   `json:"scope"`
		NotScopes    []string `json:"notScopes"`
		DefinitionID string   `json:"policyDefinitionId"`
		Enforcement  string   `json:"enforcementMode"`
		// of an exemption
		AssignmentID string   `json:"policyAssignmentId"`
		References   []string `json:"policyDefinitionReferenceIds"`
		Category     string   `json:"exemptionCategory"`
		ExpiresOn    string   `json:"expiresOn"`
		// of a definition and an initiative
		PolicyType  string `json:"policyType"`
		Mode        string `json:"mode"`
		Definitions []struct {
			Reference string   `json:"policyDefinitionReferenceId"`
			Groups    []string `json:"groupNames"`
		} `json:"policyDefinitions"`
		Groups []struct {
			Name        string `json:"name"`
			DisplayName string `json:"displayName"`
			Category    string `json:"category"`
		} `json:"policyDefinitionGroups"`
	} `json:"properties"`
}

// authorization separates the scope of a policy object from its own name.
const authorization = "/providers/microsoft.authorization/"

// told is what we keep of a policy object. Who made it is left out.
func (o *policyObject) told() (compliance.Told, error) {
	p := &o.Properties
	id := strings.ToLower(o.ID)
	scope, _, _ := strings.Cut(id, authorization+"policy")
	out := compliance.Told{ID: o.ID, Name: p.DisplayName, Created: o.SystemData.CreatedAt}
	switch kind := strings.ToLower(o.Type); {
	case strings.HasSuffix(kind, "/policyassignments"):
		out.Key = compliance.Key{Kind: compliance.KindAssignment, Assignment: id}
		out.Category, out.Scope, out.About = p.Metadata.Category, strings.ToLower(p.Scope), strings.ToLower(p.DefinitionID)
		if out.Scope == "" {
			out.Scope = scope
		}
		out.More.Enforced = !strings.EqualFold(p.Enforcement, "DoNotEnforce")
		out.More.Identity = o.Identity != nil && o.Identity.Type != "" && !strings.EqualFold(o.Identity.Type, "None")
		out.More.NotScopes = lowered(p.NotScopes)
		if t, err := time.Parse(time.RFC3339, p.Metadata.CreatedOn); err == nil {
			out.Created = t
		}
	case strings.HasSuffix(kind, "/policyexemptions"):
		out.Key = compliance.Key{Kind: compliance.KindExemption, Definition: id}
		out.Category, out.Scope, out.About = p.Category, scope, strings.ToLower(p.AssignmentID)
		out.More.References = lowered(p.References)
		if t, err := time.Parse(time.RFC3339, p.ExpiresOn); err == nil {
			out.Expires = t
		} else if p.ExpiresOn != "" {
			return out, graphBroken("the end of an exemption cannot be read", &malformed{clip(p.ExpiresOn)})
		}
	case strings.HasSuffix(kind, "/policydefinitions"):
		out.Key = compliance.Key{Kind: compliance.KindPolicy, Definition: id}
		out.Category, out.More.Description, out.More.Mode, out.More.Custom = p.Metadata.Category, p.Description, p.Mode, strings.EqualFold(p.PolicyType, "Custom")
	case strings.HasSuffix(kind, "/policysetdefinitions"):
		out.Key = compliance.Key{Kind: compliance.KindSet, Definition: id}
		out.Category, out.More.Description, out.More.Custom = p.Metadata.Category, p.Description, strings.EqualFold(p.PolicyType, "Custom")
		for _, g := range p.Groups {
			out.More.Groups = append(out.More.Groups, compliance.Group{Name: strings.ToLower(g.Name), Title: g.DisplayName, Category: g.Category})
		}
		for _, m := range p.Definitions {
			out.More.Members = append(out.More.Members, compliance.Member{Reference: strings.ToLower(m.Reference), Groups: lowered(m.Groups)})
		}
	}
	if out.Kind == 0 || !strings.HasPrefix(id, "/") {
		return out, graphBroken("a policy object has no id or type", &malformed{"unexpected shape"})
	}
	return out, nil
}

func lowered(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, strings.ToLower(s))
	}
	return out
}

// PolicyObjects implements compliance.Source: with Resource Graph, and through
// Lighthouse with Resource Manager too, which lists what a subscription
// inherits where Resource Graph hides what management groups have.
func (c *Client) PolicyObjects(ctx context.Context, t fresnel.Tenant, subs []string) iter.Seq2[compliance.Told, error] {
	return func(yield func(compliance.Told, error) bool) {
		for some := range slices.Chunk(subs, graphSubs) {
			for o, err := range decoded(c.graphAbove(ctx, t, some, objectQuery), (*policyObject).told) {
				if !yield(o, err) || err != nil {
					return
				}
			}
		}
		if !t.Delegated() {
			return
		}
		for _, sub := range subs {
			for _, list := range []string{"policyAssignments?api-version=2025-03-01", "policyExemptions?api-version=2022-07-01-preview"} {
				for o, err := range decoded(c.armList(ctx, t, sub, list+"&$filter=atScope()"), (*policyObject).told) {
					if !yield(o, err) || err != nil {
						return
					}
				}
			}
		}
	}
}

// armList lists policy objects of a subscription and of what is above it.
func (c *Client) armList(ctx context.Context, t fresnel.Tenant, sub, what string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		cred, err := c.creds.of(t)
		if err != nil {
			yield(nil, err)
			return
		}
		ctx := withBuckets(ctx, 1, c.limits.bucket("arm", cred.principal, armRules()))
		pl := c.pipeline("policies", cred)
		link := runtime.JoinPaths(c.cfg.ResourceManagerURL, "/subscriptions/"+sub+"/providers/Microsoft.Authorization/") + what
		for range maxPages {
			var page struct {
				Value    []json.RawMessage `json:"value"`
				NextLink string            `json:"nextLink"`
			}
			if err := c.getPage(ctx, pl, link, "the policies of subscription "+sub, &page); err != nil {
				yield(nil, err)
				return
			}
			for _, row := range page.Value {
				if !yield(row, nil) {
					return
				}
			}
			if page.NextLink == "" {
				return
			}
			if link, err = c.nextLink(page.NextLink); err != nil {
				yield(nil, err)
				return
			}
		}
		yield(nil, fresnel.Errorf(fresnel.Unavailable, "Azure's list of policies does not end"))
	}
}

// PolicyDefinitions implements compliance.Source.
func (c *Client) PolicyDefinitions(ctx context.Context, t fresnel.Tenant, subs, ids []string) iter.Seq2[compliance.Told, error] {
	quotedIDs := make([]string, len(ids))
	for i, id := range ids {
		quotedIDs[i] = kqlText(id)
	}
	query := strings.Replace(definitionQuery, "%s", strings.Join(quotedIDs, ", "), 1)
	return decoded(c.graphAbove(ctx, t, subs[:min(len(subs), graphSubs)], query), (*policyObject).told)
}

// kqlText is a text as a query has it.
func kqlText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(s) + "'"
}
