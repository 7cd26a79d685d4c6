package azure

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// microsoftTenants own the service principals of Microsoft's own applications,
// which every tenant has by the hundred.
var microsoftTenants = []string{"f8cdef31-a31e-4b4a-93e4-5f571e91255a", "72f988bf-86f1-41af-91ab-2d7cd011db47"}

type msCredential struct {
	KeyID string     `json:"keyId"`
	Start *time.Time `json:"startDateTime"`
	End   *time.Time `json:"endDateTime"`
}

type msApplication struct {
	ID        string          `json:"id"`
	AppID     string          `json:"appId"`
	Name      string          `json:"displayName"`
	Owner     string          `json:"appOwnerOrganizationId"`
	Passwords *[]msCredential `json:"passwordCredentials"`
	Keys      *[]msCredential `json:"keyCredentials"`
}

func (w *msApplication) application(service bool) (identity.Application, bool, error) {
	out := identity.Application{ID: strings.ToLower(w.ID), AppID: strings.ToLower(w.AppID), Name: w.Name, Service: service}
	if !fresnel.IsGUID(w.ID) || !fresnel.IsGUID(w.AppID) || w.Passwords == nil || w.Keys == nil {
		return out, false, lacks("id, appId or credentials")
	}
	if service && slices.Contains(microsoftTenants, strings.ToLower(w.Owner)) {
		return out, false, nil
	}
	seen := map[string]bool{} // a certificate for SAML has a password with its id
	for i, list := range [][]msCredential{*w.Keys, *w.Passwords} {
		for _, k := range list {
			id := strings.ToLower(k.KeyID)
			if id == "" {
				return out, false, lacks("keyId")
			}
			if !seen[id] {
				seen[id] = true
				out.Credentials = append(out.Credentials, identity.Credential{ID: id, Certificate: i == 0, Start: timeOf(k.Start), End: timeOf(k.End)})
			}
		}
	}
	return out, true, nil
}

// Applications implements identity.Source: all applications, then the service
// principals but Microsoft's. Owners are asked for of those with credentials.
func (c *Client) Applications(ctx context.Context, t fresnel.Tenant) iter.Seq2[identity.Application, error] {
	return func(yield func(identity.Application, error) bool) {
		for i, list := range []string{"/applications", "/servicePrincipals"} {
			fields := "id,appId,displayName,passwordCredentials,keyCredentials"
			if i == 1 {
				fields += ",appOwnerOrganizationId"
			}
			call := msCall{path: list + "?$select=" + fields + "&$top=999", what: "applications", permission: "Application.Read.All"}
			pages := msPages(ctx, c, t, call, nil, func(w *msApplication) (identity.Application, bool, error) { return w.application(i == 1) })
			for page, err := range pages {
				if err == nil {
					err = c.owners(ctx, t, list, page)
				}
				if err != nil {
					yield(identity.Application{}, err)
					return
				}
				for _, a := range page {
					if !yield(a, nil) {
						return
					}
				}
			}
		}
	}
}

// owners fills in who owns what has credentials, by batches.
func (c *Client) owners(ctx context.Context, t fresnel.Tenant, list string, page []identity.Application) error {
	var with []*identity.Application
	for i := range page {
		if len(page[i].Credentials) > 0 {
			with = append(with, &page[i])
		}
	}
	g, err := c.msgraph(t)
	if err != nil {
		return err
	}
	call := msCall{what: "owners of applications", permission: "Application.Read.All"}
	for some := range slices.Chunk(with, msBatch) {
		var paths []string
		for _, a := range some {
			paths = append(paths, list+"/"+a.ID+"/owners?$select=id") // there are a hundred at most
		}
		answers, err := g.batch(ctx, call, paths)
		if err != nil {
			return err
		}
		for i, a := range answers {
			var owners struct {
				Value []msPrincipal `json:"value"`
			}
			if a.Status != 200 {
				continue // it was deleted in the meantime
			}
			if err := a.read(&owners); err != nil {
				return err
			}
			for _, o := range owners.Value {
				some[i].Owners = append(some[i].Owners, strings.ToLower(o.ID))
			}
		}
	}
	return nil
}

// read reads what a part was answered.
func (a *msAnswer) read(into any) error {
	if err := json.Unmarshal(a.Body, into); err != nil {
		return graphBroken("a part of Microsoft Graph's answer cannot be read", &malformed{"not the JSON that was expected"})
	}
	return nil
}
