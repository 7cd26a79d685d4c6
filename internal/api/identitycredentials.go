package api

import (
	"context"
	"strconv"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// Credential proves an application.
type Credential struct {
	TenantID      string                   `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName    string                   `json:"tenant_name" doc:"Its display name"`
	ApplicationID string                   `json:"application_id" doc:"Object id (GUID) of the application or service principal"`
	AppID         string                   `json:"app_id" doc:"Client id (GUID)"`
	Application   string                   `json:"application" doc:"Name of the application"`
	Kind          string                   `json:"kind" enum:"application,service_principal" doc:"What has the credential"`
	KeyID         string                   `json:"key_id" doc:"Id of the credential; never the credential"`
	Certificate   bool                     `json:"certificate" doc:"A certificate; false = a password"`
	Start         *time.Time               `json:"start" doc:"Since when it is good; null = not told"`
	End           *time.Time               `json:"end" doc:"Until when it is good; null = for ever"`
	DaysLeft      *int                     `json:"days_left" doc:"Whole days until end, below zero after it; null = for ever"`
	State         identity.CredentialState `json:"state" enum:"expired,expiring,valid,endless" doc:"How long it is still good, by the limits of the summary"`
	Long          bool                     `json:"long" doc:"It has not ended, and lasts longer than it may"`
	Covered       bool                     `json:"covered" doc:"The application has another one that is good for longer than expiring ones are"`
	Owners        int                      `json:"owners" doc:"Owners of the application"`
}

func (h handlers) credential(r identity.CredentialRow) Credential {
	o := Credential{
		TenantID: string(r.Tenant), TenantName: r.TenantName, ApplicationID: r.App, AppID: r.AppID, Application: r.AppName, Kind: "application", KeyID: r.ID,
		Certificate: r.Certificate, Start: instant(r.Start), End: instant(r.End), State: r.State, Long: r.Long, Covered: r.Covered, Owners: r.Owners,
	}
	if r.Service {
		o.Kind = "service_principal"
	}
	if o.End != nil {
		n := days(h.Now(), r.End)
		o.DaysLeft = &n
	}
	return o
}

// CredentialsInput selects credentials.
type CredentialsInput struct {
	IdentityInput
	State string `query:"state" enum:"expired,expiring,valid,endless" doc:"How long they are still good; none = any"`
	Long  bool   `query:"long" doc:"Only those that have not ended, and last longer than they may"`
}

type credentialsInput struct {
	CredentialsInput
	ListInput
}

type credentialsOutput struct {
	Body struct {
		Data []Credential `json:"data" doc:"By end: those that ended first, those without an end last"`
		Meta IdentityMeta `json:"meta"`
	}
}

// credentialCursor is a place with the list that it is in.
type credentialCursor struct {
	State string
	Long  bool
	After *identity.CredentialPlace
}

var aboutCredentials = identityAbout{needs: []identity.Fact{identity.FactApps}}

func (h handlers) credentials(ctx context.Context, in *credentialsInput) (*credentialsOutput, error) {
	s, err := h.identityScope(ctx, in.IdentityInput)
	if err != nil {
		return nil, err
	}
	q := identity.CredentialQuery{State: identity.CredentialState(in.State), Long: in.Long, Limit: in.Limit}
	if in.Cursor != "" {
		var at credentialCursor
		if err := uncursor(in.Cursor, &at); err != nil {
			return nil, err
		}
		if at.After == nil || at.State != in.State || at.Long != in.Long {
			return nil, fresnel.Errorf(fresnel.Invalid, "the cursor is not of this list: begin again without it")
		}
		q.After = *at.After
	}
	list, err := h.Identity.Credentials(ctx, s, q)
	if err != nil {
		return nil, err
	}
	out := &credentialsOutput{}
	out.Body.Meta = h.identityMeta(aboutCredentials, list.Reads)
	if list.Count.Known() && (in.State == "" || !in.Long) { // both together are not counted
		out.Body.Meta.Total = &list.Count.N
	}
	if list.Next != nil {
		out.Body.Meta.NextCursor = cursorOf(credentialCursor{in.State, in.Long, list.Next})
	}
	out.Body.Data = make([]Credential, len(list.Rows))
	for i, r := range list.Rows {
		out.Body.Data[i] = h.credential(r)
	}
	return out, nil
}

// credentialsCSV reads page by page.
func (h handlers) credentialsCSV(ctx context.Context, in *CredentialsInput) (table, error) {
	s, err := h.identityScope(ctx, in.IdentityInput)
	q := identity.CredentialQuery{State: identity.CredentialState(in.State), Long: in.Long, Limit: 1000}
	head := []string{"tenant_id", "tenant", "application_id", "app_id", "application", "kind", "key_id", "certificate", "start", "end", "days_left", "state", "long", "covered", "owners"}
	return table{head, func(yield func([]string, error) bool) {
		for {
			list, err := h.Identity.Credentials(ctx, s, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range list.Rows {
				o := h.credential(r)
				if !yield([]string{
					o.TenantID, text(o.TenantName), text(o.ApplicationID), text(o.AppID), text(o.Application), o.Kind, text(o.KeyID), strconv.FormatBool(o.Certificate),
					instantText(o.Start), instantText(o.End), number(o.DaysLeft), string(o.State), strconv.FormatBool(o.Long), strconv.FormatBool(o.Covered), strconv.Itoa(o.Owners),
				}, nil) {
					return
				}
			}
			if list.Next == nil {
				return
			}
			q.After = *list.Next
		}
	}}, err
}
