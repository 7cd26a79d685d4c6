package azuresim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"fresnel/internal/azuresim"
)

func (c *client) options() azcore.ClientOptions {
	return azcore.ClientOptions{Transport: c.http, Retry: policy.RetryOptions{MaxRetries: -1}, Cloud: cloud.Configuration{
		ActiveDirectoryAuthorityHost: c.conn.AuthorityURL + "/",
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: c.conn.ResourceManagerURL, Audience: "https://management.azure.com"},
		},
	}}
}

// TestOfficialSDK gets tokens and a secret with the real azidentity and azsecrets.
func TestOfficialSDK(t *testing.T) {
	c := start(t, azuresim.Options{})
	ctx := context.Background()
	cred := must(azidentity.NewClientSecretCredential(c.conn.ManagingTenantID, c.conn.ClientID, c.conn.ClientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: c.options(), DisableInstanceDiscovery: true}))
	tok, err := cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://management.core.windows.net//.default"}})
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Until(tok.ExpiresOn); d < 59*time.Minute || d > 91*time.Minute {
		t.Errorf("token lives %v", d)
	}
	if a := c.do("GET", "/subscriptions?api-version=2022-12-01", tok.Token, ""); a.status != 200 {
		t.Errorf("subscriptions: %d %s", a.status, a.body)
	}
	app := c.conn.Tenants[2]
	vault := must(azsecrets.NewClient(c.conn.VaultURL, cred, &azsecrets.ClientOptions{ClientOptions: c.options(), DisableChallengeResourceVerification: true}))
	id := azsecrets.ID(app.SecretRef)
	sec, err := vault.GetSecret(ctx, id.Name(), id.Version(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = vault.GetSecret(ctx, id.Name(), sec.ID.Version(), nil); err != nil {
		t.Error(err)
	}
	var re *azcore.ResponseError
	if _, err := vault.GetSecret(ctx, "nothing", "", nil); !errors.As(err, &re) || re.ErrorCode != "SecretNotFound" {
		t.Errorf("absent secret: %v", err)
	}
	if _, err := vault.GetSecret(ctx, "tenant-disabled", "", nil); !errors.As(err, &re) || re.StatusCode != 403 {
		t.Errorf("disabled secret: %v", err)
	}
	own := must(azidentity.NewClientSecretCredential(app.ID, app.ClientID, *sec.Value,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: c.options(), DisableInstanceDiscovery: true}))
	if _, err := own.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}}); err != nil {
		t.Error(err)
	}
	federated := must(azidentity.NewClientAssertionCredential(c.conn.ManagingTenantID, c.conn.ClientID,
		func(context.Context) (string, error) { return c.sim.Assertion(c.conn.ClientID) },
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: c.options(), DisableInstanceDiscovery: true}))
	if _, err := federated.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}}); err != nil {
		t.Error(err)
	}
}

// TestTokenRefusals reaches the rows of the token endpoint's error table.
func TestTokenRefusals(t *testing.T) {
	c := start(t, azuresim.Options{})
	home, app := c.conn.ManagingTenantID, c.conn.Tenants[2]
	assertion := func(claim string, v any) string {
		tok := must(c.sim.AssertionWith(c.conn.ClientID, map[string]any{claim: v}))
		return c.tokenForm("client_secret", "", "client_assertion", tok, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	}
	good := assertion("x", 1)
	check := func(name, tenant, form string, status int, word string, code int) {
		t.Helper()
		a := c.do("POST", "/"+tenant+"/oauth2/v2.0/token", "", form)
		var v struct {
			Error       string
			ErrorCodes  []int  `json:"error_codes"`
			Description string `json:"error_description"`
			Token       string `json:"access_token"`
		}
		if err := json.Unmarshal(a.body, &v); err != nil {
			t.Fatal(err)
		}
		if code == 0 {
			if a.status != 200 || v.Token == "" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			return
		}
		if a.status != status || v.Error != word || v.ErrorCodes[0] != code || !strings.HasPrefix(v.Description, fmt.Sprintf("AADSTS%d: ", code)) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	check("secret", home, c.tokenForm(), 200, "", 0)
	check("domain", "fresnel.onmicrosoft.com", c.tokenForm(), 200, "", 0)
	check("openid scopes", home, c.tokenForm("scope", "https://graph.microsoft.com/.default openid offline_access profile"), 200, "", 0)
	check("assertion", home, good, 200, "", 0)
	check("wrong secret", home, c.tokenForm("client_secret", "guess"), 401, "invalid_client", 7000215)
	check("no credential", home, c.tokenForm("client_secret", ""), 401, "invalid_client", 7000218)
	check("unknown app", home, c.tokenForm("client_id", app.ID), 400, "unauthorized_client", 700016)
	check("app of another tenant", app.ID, c.tokenForm(), 400, "unauthorized_client", 700016)
	check("unknown tenant", "00000000-0000-0000-0000-000000000009", c.tokenForm(), 400, "invalid_request", 90002)
	check("no guid", "nonsense", c.tokenForm(), 400, "invalid_request", 900023)
	check("unknown resource", home, c.tokenForm("scope", "https://example.com/.default"), 400, "invalid_resource", 500011)
	check("bad scope", home, c.tokenForm("scope", "everything"), 400, "invalid_scope", 70011)
	check("not default", home, c.tokenForm("scope", "https://management.azure.com/user_impersonation"), 400, "invalid_scope", 1002012)
	check("issuer", home, assertion("iss", "https://example.com"), 401, "invalid_client", 700211)
	check("audience", home, assertion("aud", "me"), 401, "invalid_client", 700212)
	check("subject", home, assertion("sub", "someone"), 401, "invalid_client", 700213)
	check("assertion expired", home, assertion("exp", time.Now().Add(-time.Hour).Unix()), 401, "invalid_client", 700024)
	values, _ := url.ParseQuery(good)
	values.Set("client_assertion", values.Get("client_assertion")[:len(values.Get("client_assertion"))-8]+"AAAAAAAA")
	check("signature", home, values.Encode(), 401, "invalid_client", 700027)
	for state, want := range map[string][2]any{azuresim.AppDisabled: {400, 7000112}, azuresim.AppSecretExpired: {401, 7000222}, azuresim.AppUnconsented: {400, 700016}} {
		if err := c.sim.SetApp(c.conn.ClientID, state); err != nil {
			t.Fatal(err)
		}
		word := "unauthorized_client"
		if state == azuresim.AppSecretExpired {
			word = "invalid_client"
		}
		check(state, home, c.tokenForm(), want[0].(int), word, want[1].(int)) //nolint:errcheck // of the table above
	}
	_ = c.sim.SetApp(c.conn.ClientID, azuresim.AppActive)
	if err := c.sim.RotateSecret(c.conn.ClientID); err != nil {
		t.Fatal(err)
	}
	check("rotated", home, c.tokenForm(), 401, "invalid_client", 7000215)
}

// TestVaultRefusals checks the challenge and the issuer and audience errors.
func TestVaultRefusals(t *testing.T) {
	c := start(t, azuresim.Options{})
	app := c.conn.Tenants[2]
	for name, tt := range map[string]struct{ token, want string }{
		"none":     {"", "AKV10000"},
		"audience": {c.token, "AKV10022"},
		"issuer":   {c.mint(app.ClientID, "https://vault.azure.net"), "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/" + c.conn.ManagingTenantID + "/, found https://sts.windows.net/" + app.ID + "/"},
	} {
		a := c.do("GET", app.SecretRef+"?api-version=7.5", tt.token, "")
		if a.status != 401 || !strings.Contains(string(a.body), tt.want) || !strings.Contains(a.header.Get("WWW-Authenticate"), c.conn.ManagingTenantID+`", resource="https://vault.azure.net"`) {
			t.Errorf("%s: %d %s %v", name, a.status, a.body, a.header)
		}
	}
}

// TestSubscriptionLists pages the list and checks who sees what.
func TestSubscriptionLists(t *testing.T) {
	c := start(t, azuresim.Options{ARMPageSize: 5})
	list := func(token string) (out []string) {
		path := "/subscriptions?api-version=2022-12-01"
		for path != "" {
			var v struct {
				Value []struct {
					SubscriptionID, TenantID string
					ManagedByTenants         []struct{ TenantID string }
				}
				NextLink string
			}
			a := c.do("GET", path, token, "")
			if err := json.Unmarshal(a.body, &v); err != nil || a.status != 200 || len(v.Value) > 5 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			for _, s := range v.Value {
				out = append(out, s.SubscriptionID)
				if (token == c.token) != (len(s.ManagedByTenants) == 1) {
					t.Errorf("managed by %v", s.ManagedByTenants)
				}
			}
			path = v.NextLink
		}
		return out
	}
	all, delegated := 0, 0
	for _, ten := range c.sim.Estate() {
		all += len(ten.Subscriptions)
		if ten.Kind == "delegated" {
			delegated += len(ten.Subscriptions)
		}
	}
	if n := len(list(c.token)); n != delegated || all < 33 || all > 47 {
		t.Errorf("%d of %d delegated, %d in all", n, delegated, all)
	}
	app := c.conn.Tenants[2]
	own := list(c.mint(app.ClientID, "https://management.azure.com"))
	if len(own) != len(c.sim.Estate()[2].Subscriptions) {
		t.Errorf("own: %v", own)
	}
	if a := c.do("GET", "/tenants?api-version=2022-12-01", c.token, ""); a.status != 200 || !strings.Contains(string(a.body), c.conn.ManagingTenantID) {
		t.Errorf("tenants: %d %s", a.status, a.body)
	}
	if a := c.do("GET", "/subscriptions/"+own[0]+"?api-version=2022-12-01", c.token, ""); a.status != 403 {
		t.Errorf("foreign subscription: %d", a.status)
	}
	if a := c.do("GET", "/subscriptions", c.token, ""); a.status != 400 || a.code(t) != "MissingApiVersionParameter" {
		t.Errorf("no version: %d", a.status)
	}
}
