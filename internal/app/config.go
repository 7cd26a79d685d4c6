package app

import (
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/azure"
	"fresnel/internal/identity"
	"fresnel/internal/inventory"
)

// Config is all that can be set. The kong tags name the environment variable
// (which wins over the file) and say what a setting means.
type Config struct {
	Database string `help:"Where everything is kept: sqlite:PATH or postgres://user:password@host/database." env:"FRESNEL_DATABASE" default:"sqlite:fresnel.db"`
	Listen   string `help:"Address of the web server. Without sign-in only loopback is served." env:"FRESNEL_LISTEN" default:"127.0.0.1:8080"`

	AzureTenantID           string       `help:"The managing tenant." env:"FRESNEL_AZURE_TENANT_ID"`
	AzureClientID           string       `help:"The managing app registration or user-assigned identity." env:"FRESNEL_AZURE_CLIENT_ID"`
	AzureCredential         string       `help:"How we prove who we are: managed-identity, workload-identity or secret." env:"FRESNEL_AZURE_CREDENTIAL" default:"managed-identity" enum:"managed-identity,workload-identity,secret"`
	AzureClientSecret       azure.Secret `help:"Secret of the managing app, with credential secret. Environment only." env:"FRESNEL_AZURE_CLIENT_SECRET"`
	AzureFederatedTokenFile string       `help:"Token file, with credential workload-identity." env:"FRESNEL_AZURE_FEDERATED_TOKEN_FILE"`
	AzureAuthority          string       `help:"Entra's address." env:"FRESNEL_AZURE_AUTHORITY" default:"https://login.microsoftonline.com/"`
	AzureResourceManager    string       `help:"Resource Manager's address." env:"FRESNEL_AZURE_RESOURCE_MANAGER" default:"https://management.azure.com"`
	AzureGraph              string       `help:"Microsoft Graph's address." env:"FRESNEL_AZURE_GRAPH" default:"https://graph.microsoft.com"`
	AzureVaultHost          string       `help:"The only host that secrets are read from; empty = Azure's Key Vault domains." env:"FRESNEL_AZURE_VAULT_HOST"`
	AzureCAFile             string       `help:"PEM file of a certificate authority to trust for Azure, for the simulator or an inspecting proxy." env:"FRESNEL_AZURE_CA_FILE"`

	SyncEvery time.Duration `help:"How often tenants are read, 1h to 24h." env:"FRESNEL_SYNC_EVERY" default:"4h"`
	Months    int           `help:"Months of cost to hold, the current one included, 2 to 36. Azure's query gives 13." env:"FRESNEL_MONTHS" default:"13"`
	Workers   int           `help:"Tenants read at the same time." env:"FRESNEL_WORKERS" default:"16"`
	Parallel  int           `help:"Subscriptions of a tenant read at the same time." env:"FRESNEL_PARALLEL" default:"4"`
	Jobs      []string      `help:"What is read: costs, resources, compliance, identity. Leave out what Fresnel may not read." env:"FRESNEL_JOBS" default:"costs,resources,compliance,identity"`
	NoSync    bool          `help:"Serve only; another process syncs." env:"FRESNEL_NO_SYNC"`

	TagPolicies string `help:"JSON file that says which tags resources must have; docs/operating.md shows one. Empty = none." env:"FRESNEL_TAG_POLICIES"`

	WasteRules []string `help:"Waste rules that are run only where asked for, because they depend on what no API tells: ahb-missing-windows, ahb-missing-sql." env:"FRESNEL_WASTE_RULES"`

	IdleOver int `help:"Idle resources that cost more than this a month, in the currency that they are billed in, get a word of their own." env:"FRESNEL_IDLE_OVER" default:"100"`

	ComplianceTarget int `help:"Percent that compliance scores are to reach." env:"FRESNEL_COMPLIANCE_TARGET" default:"90"`

	StaleDays     int      `help:"Days without a sign-in after which an account is stale." env:"FRESNEL_STALE_DAYS" default:"90"`
	BreakGlass    []string `help:"Object ids of break-glass accounts, in whatever tenant: they are to have power and to lie unused. They are never guessed." env:"FRESNEL_BREAK_GLASS"`
	IdentityNames bool     `help:"Let viewers ask for the names of accounts. They are fetched when a page is looked at, and never stored." env:"FRESNEL_IDENTITY_NAMES"`

	LogLevel  slog.Level `help:"debug, info, warn or error." env:"FRESNEL_LOG_LEVEL" default:"info"`
	LogFormat string     `help:"text or json." env:"FRESNEL_LOG_FORMAT" default:"text" enum:"text,json"`

	Clock time.Time `help:"Freeze the clock at an instant (RFC 3339). For tests against a simulator with the same clock." env:"FRESNEL_CLOCK" hidden:""`
	Dev   bool      `help:"Serve /dev/states, the gallery of card states." env:"FRESNEL_DEV" hidden:""`

	Unlimited bool `help:"Do not keep to Azure's published limits; for a simulator without throttles." env:"FRESNEL_UNLIMITED" hidden:""`
}

// Jobs are the kinds of syncs that there are.
func Jobs() []string { return []string{"costs", "resources", "compliance", "identity"} }

// Validate checks what tags cannot. Errors are Invalid and name the setting.
func (c Config) Validate() error {
	if c.SyncEvery < time.Hour || c.SyncEvery > 24*time.Hour {
		return fresnel.Errorf(fresnel.Invalid, "FRESNEL_SYNC_EVERY %s: expected 1h to 24h", c.SyncEvery)
	}
	return c.validate()
}

// limits are the days by which accounts are judged.
func (c Config) limits() identity.Limits {
	l := identity.DefaultLimits()
	l.Stale = c.StaleDays
	return l
}

// breakGlass are the ids as the database has them.
func (c Config) breakGlass() []string {
	out := make([]string, len(c.BreakGlass))
	for i, id := range c.BreakGlass {
		out[i] = strings.ToLower(id)
	}
	return out
}

func (c Config) validate() error {
	if c.Months < 2 || c.Months > 36 {
		return fresnel.Errorf(fresnel.Invalid, "FRESNEL_MONTHS %d: expected 2 to 36", c.Months)
	}
	if c.Workers < 1 || c.Workers > 256 {
		return fresnel.Errorf(fresnel.Invalid, "FRESNEL_WORKERS %d: expected 1 to 256", c.Workers)
	}
	if c.Parallel < 1 || c.Parallel > 64 {
		return fresnel.Errorf(fresnel.Invalid, "FRESNEL_PARALLEL %d: expected 1 to 64", c.Parallel)
	}
	if c.IdleOver < 1 || c.IdleOver > 1_000_000_000 {
		return fresnel.Errorf(fresnel.Invalid, "FRESNEL_IDLE_OVER %d: expected 1 to 1000000000", c.IdleOver)
	}
	for _, j := range c.Jobs {
		if !slices.Contains(Jobs(), j) {
			return fresnel.Errorf(fresnel.Invalid, "FRESNEL_JOBS %.40q: expected some of %s", j, strings.Join(Jobs(), ", "))
		}
	}
	if c.ComplianceTarget < 1 || c.ComplianceTarget > 100 {
		return fresnel.Errorf(fresnel.Invalid, "FRESNEL_COMPLIANCE_TARGET %d: expected 1 to 100", c.ComplianceTarget)
	}
	if c.StaleDays < 1 || c.StaleDays > 3650 {
		return fresnel.Errorf(fresnel.Invalid, "FRESNEL_STALE_DAYS %d: expected 1 to 3650", c.StaleDays)
	}
	for _, id := range c.BreakGlass {
		if !fresnel.IsGUID(strings.ToLower(id)) {
			return fresnel.Errorf(fresnel.Invalid, "FRESNEL_BREAK_GLASS %.60q: expected the object id of an account (a GUID)", id)
		}
	}
	for _, id := range c.WasteRules {
		if !slices.ContainsFunc(inventory.Rules(), func(r inventory.Rule) bool { return r.ID == id && r.OptIn }) {
			return fresnel.Errorf(fresnel.Invalid, "FRESNEL_WASTE_RULES %.60q: no rule that must be asked for; docs/waste-rules.md lists them", id)
		}
	}
	return c.checkListen()
}

// checkListen refuses to show every tenant's costs to a network while there is
// no sign-in.
func (c Config) checkListen() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fresnel.Errorf(fresnel.Invalid, "FRESNEL_LISTEN %.80q: expected HOST:PORT, for example 127.0.0.1:8080", c.Listen)
	}
	ip, err := netip.ParseAddr(host)
	if host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fresnel.Errorf(fresnel.Invalid, "FRESNEL_LISTEN %.80q: without sign-in only a loopback address is served; listen on 127.0.0.1 and put a signed-in proxy in front", c.Listen)
	}
	return nil
}

func (c Config) tagPolicies() (inventory.TagPolicies, error) {
	if c.TagPolicies == "" {
		return inventory.TagPolicies{}, nil
	}
	f, err := os.Open(c.TagPolicies)
	if err != nil {
		return inventory.TagPolicies{}, &fresnel.Error{Kind: fresnel.Invalid, Msg: "FRESNEL_TAG_POLICIES cannot be read", Err: err}
	}
	defer f.Close() //nolint:errcheck // it was only read
	return inventory.ParseTagPolicies(f)
}

func (c Config) roots() (*x509.CertPool, error) {
	if c.AzureCAFile == "" {
		return nil, nil //nolint:nilnil // nil is the system's pool
	}
	pem, err := os.ReadFile(c.AzureCAFile)
	if err != nil {
		return nil, &fresnel.Error{Kind: fresnel.Invalid, Msg: "FRESNEL_AZURE_CA_FILE cannot be read", Err: err}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fresnel.Errorf(fresnel.Invalid, "FRESNEL_AZURE_CA_FILE %.120q holds no PEM certificate", c.AzureCAFile)
	}
	return pool, nil
}
