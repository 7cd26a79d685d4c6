// Package azure is the client of the Azure APIs that Fresnel reads: Entra
// tokens, Key Vault, Resource Manager, Cost Management and Microsoft Graph.
//
// It knows wire formats, credentials and throttles, and turns every failure
// into a fresnel.Error that says what to do. It is not the meaning of what it
// reads (internal/cost), and its wire structs are never shared.
package azure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"fresnel"
)

// CredentialKind says how the managing credential is obtained.
type CredentialKind string

// The kinds of managing credential.
const (
	ManagedIdentity  CredentialKind = "managed-identity"  // of the machine that Fresnel runs on
	WorkloadIdentity CredentialKind = "workload-identity" // a federated token in a file
	ClientSecret     CredentialKind = "secret"            // an app secret from the environment
)

// Secret is a text that never prints itself.
type Secret string

// String hides the secret.
func (Secret) String() string { return "***" }

// LogValue hides the secret from structured logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Config says where Azure is and who we are there.
type Config struct {
	AuthorityURL       string // https://login.microsoftonline.com/
	ResourceManagerURL string // https://management.azure.com
	GraphURL           string // "" = https://graph.microsoft.com
	VaultHost          string // the only host that may hold secrets; "" = Azure's own vault domains
	TenantID           string // the managing tenant
	ClientID           string // the managing app or user-assigned identity
	Credential         CredentialKind
	ClientSecret       Secret
	FederatedTokenFile string
	RootCAs            *x509.CertPool // nil = the system's
	TryTimeout         time.Duration  // of one HTTP attempt; 0 = 60 s
	Unlimited          bool           // do not keep to Azure's published limits; still wait where it asks to
	Now                func() time.Time
	Log                *slog.Logger
	// Observe is told of every HTTP attempt: api is cost, arm, entra,
	// keyvault or msgraph, among others; status 0 is a failure without an answer. It may be nil.
	Observe func(api string, status int, took time.Duration)
}

// Client reads Azure for all tenants.
type Client struct {
	cfg    Config
	cloud  cloud.Configuration
	http   *http.Client
	limits *limits
	creds  *credentials
	armURL *url.URL
	msURL  *url.URL // Microsoft Graph
	preTax nameSet  // subscriptions whose agreement has no column Cost
}

const (
	module     = "fresnel"
	version    = "v0"
	clientType = "Fresnel" // gives us our own bucket in Cost Management
	maxBody    = 64 << 20
)

// New checks the configuration and makes a client. It asks nothing of Azure
// yet. It fails with Invalid.
func New(cfg Config) (*Client, error) {
	if cfg.TryTimeout == 0 {
		cfg.TryTimeout = time.Minute
	}
	arm, err := httpsURL("FRESNEL_AZURE_RESOURCE_MANAGER", cfg.ResourceManagerURL)
	if err != nil {
		return nil, err
	}
	if _, err := httpsURL("FRESNEL_AZURE_AUTHORITY", cfg.AuthorityURL); err != nil {
		return nil, err
	}
	if cfg.GraphURL == "" {
		cfg.GraphURL = "https://graph.microsoft.com"
	}
	ms, err := httpsURL("the address of Microsoft Graph", cfg.GraphURL)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, armURL: arm, msURL: ms, limits: newLimits(cfg.Unlimited), preTax: nameSet{names: map[string]bool{}}}
	c.cloud = cloud.Configuration{
		ActiveDirectoryAuthorityHost: cfg.AuthorityURL,
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: cfg.ResourceManagerURL, Audience: "https://management.azure.com"},
		},
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			TLSClientConfig:     &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
			MaxIdleConnsPerHost: 32,
			MaxConnsPerHost:     64,
			IdleConnTimeout:     90 * time.Second,
			ForceAttemptHTTP2:   true,
		},
		// A redirect would carry the token to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if c.creds, err = newCredentials(c); err != nil {
		return nil, err
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func httpsURL(key, s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fresnel.Errorf(fresnel.Invalid, "%s %.80q: expected an https URL", key, s)
	}
	return u, nil
}

// transport bounds answers and tells Observe about them.
type transport struct {
	c   *Client
	api string
}

// Do implements policy.Transporter.
func (t transport) Do(req *http.Request) (*http.Response, error) {
	start := time.Now()           //nolint:forbidigo // measures the network, not the world
	resp, err := t.c.http.Do(req) //nolint:gosec // next pages are checked by nextLink
	status := 0
	if err == nil {
		status = resp.StatusCode
		resp.Body = &boundedBody{resp.Body, maxBody}
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // without the address: a token to the next page may hold what people are called
	}
	if t.c.cfg.Observe != nil {
		t.c.cfg.Observe(t.api, status, time.Since(start)) //nolint:forbidigo // as above
	}
	return resp, err
}

// boundedBody fails, rather than ends, at its bound: a cut answer must not
// pass for a whole one.
type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fresnel.Errorf(fresnel.Unavailable, "Azure's answer is larger than %d MB", maxBody>>20)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (c *Client) clientOptions(api string) policy.ClientOptions {
	return policy.ClientOptions{
		Cloud:     c.cloud,
		Transport: transport{c, api},
		Retry:     policy.RetryOptions{MaxRetries: 3, TryTimeout: min(c.cfg.TryTimeout, 30*time.Second), RetryDelay: 500 * time.Millisecond, MaxRetryDelay: 10 * time.Second},
		Telemetry: policy.TelemetryOptions{ApplicationID: module},
	}
}

// pipeline is the way of one tenant's requests: our own policy waits and
// retries, the token is put on each attempt.
func (c *Client) pipeline(api string, cred *credential) runtime.Pipeline {
	return c.pipelineTo(api, cred, "https://management.azure.com/.default")
}

func (c *Client) pipelineTo(api string, cred *credential, scope string) runtime.Pipeline {
	opts := c.clientOptions(api)
	opts.Retry = policy.RetryOptions{MaxRetries: -1} // retryPolicy does it
	return runtime.NewPipeline(module, version, runtime.PipelineOptions{
		PerCall:  []policy.Policy{&retryPolicy{c: c}},
		PerRetry: []policy.Policy{&bearerPolicy{cred: cred, scope: scope}},
	}, &opts)
}

// nextLink checks an address that Azure gave us before a token goes there.
func (c *Client) nextLink(link string) (string, error) {
	return linkAt(link, c.armURL, "FRESNEL_AZURE_RESOURCE_MANAGER")
}

// linkAt checks that an address is one of a service's; setting is what names it.
func linkAt(link string, ours *url.URL, setting string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != ours.Scheme || !strings.EqualFold(u.Host, ours.Host) || u.User != nil {
		host := "an unreadable address"
		if err == nil {
			host = fmt.Sprintf("host %.100q", u.Host)
		}
		return "", &fresnel.Error{
			Kind: fresnel.Unavailable, Msg: "Azure's next page is at " + host + ", not at " + ours.Host + ": not followed",
			Do: "Check " + setting + " and any proxy between Fresnel and Azure.",
		}
	}
	return link, nil
}

// Reachable asks Resource Manager for an answer, of whatever kind, without a
// token. It fails with Unavailable.
func (c *Client) Reachable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.cfg.ResourceManagerURL, "/")+"/subscriptions?api-version=2022-12-01", nil)
	if err != nil {
		return err
	}
	resp, err := transport{c, "arm"}.Do(req)
	if err != nil {
		return &fresnel.Error{Kind: fresnel.Unavailable, Msg: "Azure Resource Manager cannot be reached", Do: "Check the network, proxy and firewall between Fresnel and " + c.armURL.Host + ".", Err: err}
	}
	return resp.Body.Close()
}
