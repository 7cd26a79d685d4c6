package azure

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"fresnel"
)

// credential is how we get tokens as one principal, with the limits that
// Azure keeps for it.
type credential struct {
	azcore.TokenCredential
	principal string // names the principal's bucket
}

// credentials makes one credential per principal and keeps it.
type credentials struct {
	c        *Client
	managing *credential
	mu       sync.Mutex
	apps     map[fresnel.TenantID]*appCredential
	guests   map[fresnel.TenantID]*credential // the managing app in customers' tenants
}

func newCredentials(c *Client) (*credentials, error) {
	cs := &credentials{c: c, apps: map[fresnel.TenantID]*appCredential{}, guests: map[fresnel.TenantID]*credential{}}
	cred, err := c.managingCredential(c.cfg.TenantID)
	if err != nil {
		return nil, err
	}
	cs.managing = &credential{cred, "managing|" + c.cfg.ClientID}
	return cs, nil
}

// managingCredential is the managing principal, with tokens of a tenant. A
// managed identity has those of its own tenant only.
func (c *Client) managingCredential(tenant string) (azcore.TokenCredential, error) {
	cfg := c.cfg
	opts := c.clientOptions("entra")
	switch cfg.Credential {
	case ManagedIdentity, "":
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: opts}
		if cfg.ClientID != "" {
			o.ID = azidentity.ClientID(cfg.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(o)
	case WorkloadIdentity:
		if cfg.FederatedTokenFile == "" {
			return nil, fresnel.Errorf(fresnel.Invalid, "credential workload-identity needs FRESNEL_AZURE_FEDERATED_TOKEN_FILE")
		}
		read := func(context.Context) (string, error) {
			b, err := os.ReadFile(cfg.FederatedTokenFile)
			return strings.TrimSpace(string(b)), err
		}
		cred, err := azidentity.NewClientAssertionCredential(tenant, cfg.ClientID, read,
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: opts, DisableInstanceDiscovery: c.customAuthority()})
		return cred, badCredential(err)
	case ClientSecret:
		cred, err := azidentity.NewClientSecretCredential(tenant, cfg.ClientID, string(cfg.ClientSecret),
			&azidentity.ClientSecretCredentialOptions{ClientOptions: opts, DisableInstanceDiscovery: c.customAuthority()})
		return cred, badCredential(err)
	}
	return nil, fresnel.Errorf(fresnel.Invalid, "credential %.40q: expected managed-identity, workload-identity or secret", cfg.Credential)
}

func badCredential(err error) error {
	if err == nil {
		return nil
	}
	return &fresnel.Error{Kind: fresnel.Invalid, Msg: "the managing credential is not complete: " + err.Error(), Do: "Check FRESNEL_AZURE_TENANT_ID, FRESNEL_AZURE_CLIENT_ID and the secret or token file."}
}

// customAuthority tells whether the authority is not Microsoft's public one,
// which would otherwise be asked to vouch for it.
func (c *Client) customAuthority() bool {
	u, err := url.Parse(c.cfg.AuthorityURL)
	return err != nil || u.Host != "login.microsoftonline.com"
}

// of gives the credential for a tenant: the managing one for a delegated
// tenant, its own app's otherwise.
func (cs *credentials) of(t fresnel.Tenant) (*credential, error) {
	if t.Delegated() {
		return cs.managing, nil
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	a := cs.apps[t.ID]
	if a == nil || a.clientID != t.ClientID || a.secretRef != t.SecretRef {
		ref, err := cs.c.secretRef(t.SecretRef)
		if err != nil {
			return nil, err
		}
		a = &appCredential{c: cs.c, tenant: t.ID, clientID: t.ClientID, secretRef: t.SecretRef, ref: ref}
		cs.apps[t.ID] = a
	}
	return &credential{a, string(t.ID) + "|" + t.ClientID}, nil
}

// graph gives the credential for Microsoft Graph of a tenant. Lighthouse
// delegates nothing of it: there the managing app must be known in the
// customer's tenant and takes its tokens from there.
func (cs *credentials) graph(t fresnel.Tenant) (*credential, error) {
	cfg := cs.c.cfg
	switch {
	case !t.Delegated():
		return cs.of(t)
	case strings.EqualFold(string(t.ID), cfg.TenantID):
		return cs.managing, nil
	case cfg.Credential == ManagedIdentity || cfg.Credential == "":
		return nil, &fresnel.Error{
			Kind: fresnel.Denied, Msg: "the managing credential is a managed identity, which has no token for another tenant: Microsoft Graph of tenant " + string(t.ID) + " cannot be read",
			Do: "Use a multi-tenant app registration with a federated credential (FRESNEL_AZURE_CREDENTIAL=workload-identity) to which the customer consents, or register an app of the tenant itself.",
		}
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if g := cs.guests[t.ID]; g != nil {
		return g, nil
	}
	cred, err := cs.c.managingCredential(string(t.ID))
	if err != nil {
		return nil, err
	}
	g := &credential{cred, string(t.ID) + "|" + cfg.ClientID}
	cs.guests[t.ID] = g
	return g, nil
}

// appCredential is the app of one tenant, whose secret is in Key Vault. The
// secret is read when it is needed, kept in memory only, and read again once
// when Entra refuses it: it may have been rotated.
type appCredential struct {
	c         *Client
	tenant    fresnel.TenantID
	clientID  string
	secretRef string
	ref       secretRef

	mu   sync.Mutex
	cred *azidentity.ClientSecretCredential
	read time.Time
}

// secretTTL is how long a secret is used before Key Vault is asked again.
const secretTTL = 15 * time.Minute

// GetToken implements azcore.TokenCredential.
func (a *appCredential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	cred, read, err := a.current(ctx, time.Time{})
	if err != nil {
		return azcore.AccessToken{}, err
	}
	tok, err := cred.GetToken(ctx, o)
	if err == nil || !refusedSecret(err) {
		return tok, err
	}
	fresh, at, again := a.current(ctx, read)
	if again != nil || at.Equal(read) {
		return tok, err
	}
	return fresh.GetToken(ctx, o)
}

// current gives the credential made of the secret; one read at or before
// refused is read anew, but not more often than every minute.
func (a *appCredential) current(ctx context.Context, refused time.Time) (*azidentity.ClientSecretCredential, time.Time, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now() //nolint:forbidigo // secrets age in real time
	old := now.Sub(a.read) > secretTTL || !refused.IsZero() && !a.read.After(refused) && now.Sub(a.read) > time.Minute
	if a.cred != nil && !old {
		return a.cred, a.read, nil
	}
	secret, err := a.c.secret(ctx, a.ref)
	if err != nil {
		if a.cred != nil && refused.IsZero() {
			return a.cred, a.read, nil // an old secret may well be right still
		}
		return nil, time.Time{}, err
	}
	cred, err := azidentity.NewClientSecretCredential(string(a.tenant), a.clientID, string(secret), &azidentity.ClientSecretCredentialOptions{
		ClientOptions: a.c.clientOptions("entra"), DisableInstanceDiscovery: a.c.customAuthority(),
	})
	if err != nil {
		return nil, time.Time{}, &fresnel.Error{Kind: fresnel.Invalid, Msg: "the app registration of tenant " + string(a.tenant) + " is not complete: " + err.Error()}
	}
	a.cred, a.read = cred, now
	return cred, now, nil
}

// refusedSecret tells whether Entra said that the secret is wrong or expired.
func refusedSecret(err error) bool {
	var e *azidentity.AuthenticationFailedError
	return errors.As(err, &e) && (strings.Contains(err.Error(), "AADSTS7000215") || strings.Contains(err.Error(), "AADSTS7000222"))
}

// secretRef names a secret in a vault.
type secretRef struct{ vault, name, version string }

// CheckSecretRef tells whether a text is a Key Vault secret URI that this
// client would read. It fails with Invalid.
func (c *Client) CheckSecretRef(s string) error {
	_, err := c.secretRef(s)
	return err
}

// secretRef reads https://VAULT/secrets/NAME[/VERSION]. Only Azure's vault
// domains, or the one configured host, ever get our token.
func (c *Client) secretRef(s string) (secretRef, error) {
	bad := func(why string) (secretRef, error) {
		return secretRef{}, fresnel.Errorf(fresnel.Invalid, "secret reference %.120q: %s; expected https://VAULT.vault.azure.net/secrets/NAME", s, why)
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.RawPath != "" || u.User != nil {
		return bad("is not a secret's URI")
	}
	if !c.vaultAllowed(u.Host) {
		return bad("its host is not a Key Vault")
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] != "secrets" || strings.Trim(parts[1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		return bad("names no secret")
	}
	r := secretRef{vault: u.Scheme + "://" + u.Host, name: parts[1]}
	if len(parts) == 3 {
		r.version = parts[2]
	}
	return r, nil
}

func (c *Client) vaultAllowed(host string) bool {
	if c.cfg.VaultHost != "" {
		return strings.EqualFold(host, c.cfg.VaultHost)
	}
	for _, domain := range []string{".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net"} {
		if strings.HasSuffix(strings.ToLower(host), domain) {
			return true
		}
	}
	return false
}

// secret reads a secret with the managing credential.
func (c *Client) secret(ctx context.Context, r secretRef) (Secret, error) {
	kv, err := azsecrets.NewClient(r.vault, c.creds.managing, &azsecrets.ClientOptions{
		ClientOptions: c.clientOptions("keyvault"),
		// A configured vault host need not be below the challenge's domain.
		DisableChallengeResourceVerification: c.cfg.VaultHost != "",
	})
	if err != nil {
		return "", fmt.Errorf("azure: key vault client: %w", err)
	}
	resp, err := kv.GetSecret(ctx, r.name, r.version, nil)
	if err != nil {
		return "", vaultError(ctx, r, err)
	}
	if resp.Value == nil || *resp.Value == "" {
		return "", &fresnel.Error{Kind: fresnel.Denied, Msg: "Key Vault secret " + r.name + " is empty", Do: "Store the app's client secret in it."}
	}
	return Secret(*resp.Value), nil
}
