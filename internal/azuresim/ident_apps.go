package azuresim

import (
	"fmt"
	"time"
)

// identCredential is a secret or a certificate.
type identCredential struct {
	id, name   string
	password   bool
	start, end time.Time // a zero end: none
	added      time.Time // by a test
}

// identApp is an application registration.
type identApp struct {
	id, appID, name string
	created         time.Time
	owners          []int // accounts
	credentials     []identCredential
}

// identPrincipal is a service principal: of an application of the tenant, a managed identity, or of
// somebody else's application.
type identPrincipal struct {
	id, appID, name, kind, org string
	enabled                    bool
	created                    time.Time
	credentials                []identCredential
	app                        *identApp
}

// The numbers of the service principals that this names. Those of applications follow a managed identity.
const (
	serviceManaged = iota
	serviceSecret
	serviceCertificate
	serviceOwned    // its secret is expired
	serviceFirstApp = serviceSecret
)

// microsoftOrganization owns Microsoft's own applications.
const microsoftOrganization = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

var identFirstParty = []struct{ id, name string }{
	{"00000003-0000-0000-c000-000000000000", "Microsoft Graph"},
	{"00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online"},
	{"00000003-0000-0ff1-ce00-000000000000", "Office 365 SharePoint Online"},
	{"797f4846-ba00-4fd7-ba43-dac1f8f63013", "Windows Azure Service Management API"},
	{"00000002-0000-0000-c000-000000000000", "Windows Azure Active Directory"},
	{"cc15fd57-2c6c-4117-a88c-83b1d56b4bbe", "Microsoft Teams Services"},
	{"04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Microsoft Azure CLI"},
	{"1950a258-227b-4e31-a9cf-717495945fc2", "Microsoft Azure PowerShell"},
	{"c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "Azure Portal"},
	{"cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "Azure Key Vault"},
	{"e406a681-f3d4-42a8-90b6-c2b029497af1", "Azure Storage"},
	{"fc780465-2017-40d4-a0c5-307022471b92", "WindowsDefenderATP"},
}

// identCases are what the credentials of the first applications are: days from the start until the end.
// A zero is no end.
var identCases = [][]struct {
	days     int
	password bool
	life     int // days
}{
	{{200, true, 365}},
	{{300, false, 365}},
	{{-40, true, 180}},
	{{7, true, 365}},
	{{20, true, 365}},
	{{29, false, 365}},
	{{31, true, 180}},
	{{0, true, 100}},
	{{1000, true, 1095}},
	{{-20, true, 365}, {250, true, 365}},
	{},
	{{-100, false, 365}},
	{{12, true, 180}, {400, false, 700}},
	{{-5, true, 180}, {10, true, 180}},
	{{99_000, true, 100_000}},
	{{-400, true, 365}, {-35, true, 365}},
	{{700, false, 730}},
}

// buildPrincipals makes applications and service principals. The one that reads all this is among them.
func (w *identTenant) buildPrincipals(e *estate) {
	const day = 24 * time.Hour
	w.principals = append(w.principals, &identPrincipal{
		id: guid(mix(w.key, label("managed identity"))), appID: guid(mix(w.key, label("managed identity"), 1)), name: "mi-platform-automation", kind: "ManagedIdentity",
		org: w.t.id, enabled: true, created: w.start.Add(-300 * day), credentials: []identCredential{w.credential("mi", 0, false, 60, 90)},
	})
	for i := range len(identCases) + 7 + min(w.accounts/100, 400) {
		key := mix(w.key, label("application"), uint64(i))
		a := &identApp{id: guid(mix(key, 1)), appID: guid(mix(key, 2)), name: fmt.Sprintf("%s-%s-%d", w.t.slug, apps[below(key, len(apps))], i), created: w.start.Add(-time.Duration(1100+below(mix(key, 3), 900)) * day)}
		if w.hostile && i == 3 {
			a.name = markupName
		}
		if i < len(identCases) {
			for j, c := range identCases[i] {
				a.credentials = append(a.credentials, w.credential(a.id, j, c.password, c.days, c.life))
			}
		} else {
			for j := range below(mix(key, 4), 3) {
				d := -60 + below(mix(key, 5, uint64(j)), 500)
				if d == 0 {
					d = 1
				}
				a.credentials = append(a.credentials, w.credential(a.id, j, below(mix(key, 6, uint64(j)), 3) > 0, d, 365))
			}
		}
		switch {
		case i == 0:
			a.owners = []int{castOwner, castNoMFA}
		case i%3 == 1:
			a.owners = []int{below(mix(key, 7), w.accounts)}
		}
		w.apps = append(w.apps, a)
		w.principals = append(w.principals, &identPrincipal{
			id: guid(mix(key, 8)), appID: a.appID, name: a.name, kind: "Application", org: w.t.id, enabled: i%9 != 8, created: a.created.Add(time.Minute), app: a,
		})
	}
	for i, f := range identFirstParty {
		w.principals = append(w.principals, &identPrincipal{
			id: guid(mix(w.key, label("first party"), uint64(i))), appID: f.id, name: f.name, kind: "Application", org: microsoftOrganization, enabled: true, created: w.start.Add(-2000 * day),
		})
	}
	vendor := guid(mix(w.key, label("foreign")))
	w.principals = append(w.principals, &identPrincipal{
		id: vendor, appID: guid(label("foreign application")), name: "Vendor Portal", kind: "Application", org: guid(label("a vendor")), enabled: true,
		created: w.start.Add(-500 * day), credentials: []identCredential{w.credential(vendor, 0, true, 15, 180)}, // on the service principal itself
	})
	w.addOurs(e)
}

// addOurs adds the application with which we come: of the tenant, or the managing tenant's.
func (w *identTenant) addOurs(e *estate) {
	created := w.start.AddDate(0, 0, -200)
	p := &identPrincipal{name: "Fresnel", kind: "Application", enabled: true, created: created}
	if w.t.kind == kindApp {
		key := mix(e.seed, label("app"), label(w.t.id))
		a := &identApp{id: guid(mix(key, 2)), appID: guid(key), name: p.name, created: created}
		a.credentials = []identCredential{w.credential(a.id, 0, true, 120, 365)}
		w.apps = append(w.apps, a)
		p.id, p.appID, p.org, p.app = guid(mix(key, 1)), a.appID, w.t.id, a
	} else {
		p.id, p.appID, p.org = guestObject(e, w.t), guid(mix(e.seed, label("app"), label(e.managing.id))), e.managing.id
	}
	w.principals = append(w.principals, p)
}

// credential ends some days after the start, at another minute of the day for each.
func (w *identTenant) credential(of string, n int, password bool, days, life int) identCredential {
	key := mix(w.key, label("credential"), label(of), uint64(n))
	c := identCredential{id: guid(key), password: password, name: fmt.Sprintf("credential %d", n+1)}
	end := w.start.AddDate(0, 0, days).Add(time.Duration(below(key, 3600)) * time.Second)
	c.start = end.AddDate(0, 0, -life)
	if days != 0 {
		c.end = end
	}
	return c
}

// credentialsOf are those of an application or a service principal that are there.
func (v *identView) credentialsOf(id string, natural []identCredential) []identCredential {
	var out []identCredential
	for _, list := range [][]identCredential{natural, v.ed.keys[id]} {
		for _, c := range list {
			if t, ok := v.ed.ended[c.id]; (!ok || t.After(v.at)) && !c.added.After(v.at) {
				out = append(out, c)
			}
		}
	}
	return out
}

func passwordsWire(list []identCredential) []any {
	out := []any{}
	for _, c := range list {
		if c.password {
			out = append(out, identObject{{"customKeyIdentifier", nil}, {"displayName", c.name}, {"endDateTime", nullTime(c.end)}, {"hint", c.id[:3]}, {"keyId", c.id}, {"secretText", nil}, {"startDateTime", c.start}})
		}
	}
	return out
}

func keysWire(list []identCredential) []any {
	out := []any{}
	for _, c := range list {
		if !c.password {
			out = append(out, identObject{{"customKeyIdentifier", "QUJDREVG"}, {"displayName", "CN=" + c.name}, {"endDateTime", nullTime(c.end)}, {"key", nil}, {"keyId", c.id}, {"startDateTime", c.start}, {"type", "AsymmetricX509Cert"}, {"usage", "Verify"}})
		}
	}
	return out
}

// appRow and serviceRow are rows of /applications and /servicePrincipals.
type appRow struct {
	v *identView
	a *identApp
}

func (r appRow) prop(name string) any {
	a := r.a
	switch name {
	case "id":
		return a.id
	case "appId":
		return a.appID
	case "displayName":
		return a.name
	case "createdDateTime":
		return a.created
	case "passwordCredentials":
		return passwordsWire(r.v.credentialsOf(a.id, a.credentials))
	case "keyCredentials":
		return keysWire(r.v.credentialsOf(a.id, a.credentials))
	case "signInAudience":
		return "AzureADMyOrg"
	case "publisherDomain":
		return r.v.t.domain
	case "tags", "identifierUris":
		return []string{}
	}
	return nil
}

type serviceRow struct {
	v *identView
	p *identPrincipal
}

func (r serviceRow) prop(name string) any {
	p := r.p
	switch name {
	case "id":
		return p.id
	case "appId":
		return p.appID
	case "displayName", "appDisplayName":
		return p.name
	case "accountEnabled":
		return p.enabled
	case "servicePrincipalType":
		return p.kind
	case "appOwnerOrganizationId":
		if p.kind == "ManagedIdentity" {
			return nil
		}
		return p.org
	case "createdDateTime":
		return p.created
	case "passwordCredentials":
		return passwordsWire(r.v.credentialsOf(p.id, p.credentials))
	case "keyCredentials":
		return keysWire(r.v.credentialsOf(p.id, p.credentials))
	case "signInAudience":
		return "AzureADMyOrg"
	case "servicePrincipalNames":
		return []string{p.appID}
	case "tags":
		if p.org == r.v.t.id && p.app != nil {
			return []string{"WindowsAzureActiveDirectoryIntegratedApp"}
		}
		return []string{}
	}
	return nil
}
