package fresnel

import (
	"slices"
	"strings"
	"time"
)

// TenantID is the GUID of an Entra tenant in lower case: the one tenant id in
// storage, API and logs.
type TenantID string

// ParseTenantID reads a GUID in any case. It fails with Invalid.
func ParseTenantID(s string) (TenantID, error) {
	if !IsGUID(s) {
		return "", Errorf(Invalid, "%.60q is not a tenant id: expected a GUID such as 1c8f0a2e-0000-4000-8000-0000000002ab", s)
	}
	return TenantID(strings.ToLower(s)), nil
}

// IsGUID tells whether s has the form 8-4-4-4-12 of hexadecimal digits.
func IsGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if s[i] != '-' {
				return false
			}
		case s[i] >= '0' && s[i] <= '9', c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}

// Tenant is a governed Entra tenant: an organization whose subscriptions
// Fresnel reads.
type Tenant struct {
	ID        TenantID
	Name      string
	ClientID  string // the app registration in the tenant; empty = reached through Lighthouse delegation
	SecretRef string // Key Vault secret URI of the app's secret, never the secret; empty with ClientID = ""
	Active    bool
	Created   time.Time
	Updated   time.Time
}

// Delegated tells whether the tenant is reached with the managing credential.
func (t Tenant) Delegated() bool { return t.ClientID == "" }

// The states of a subscription that make a difference to us; the first is
// Azure's, the others are ours.
const (
	Deleted = "Deleted" // history only
	Absent  = "Absent"  // no longer in Azure's list: a delegation lost, or a subscription gone
	Gone    = "Gone"    // absent for a week: nothing more is expected of it

	// Elsewhere is never kept: Azure lists the subscription for this tenant, and
	// we hold it with its history under another one.
	Elsewhere = "Elsewhere"
)

// Slug is the tenant's name as an address may carry it: lower-case letters and
// digits of ASCII, joined by single dashes.
func (t Tenant) Slug() string {
	var b strings.Builder
	for _, r := range strings.ToLower(t.Name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// FindTenants resolves tenant ids and slugs among the tenants that a viewer
// may see. It fails with NotFound on any that is not among them, unknown and
// foreign ones alike.
func FindTenants(visible []Tenant, words []string) ([]TenantID, error) {
	var out []TenantID
	for _, w := range words {
		low := strings.ToLower(strings.TrimSpace(w))
		i := slices.IndexFunc(visible, func(t Tenant) bool { return string(t.ID) == low || t.Slug() == low && low != "" })
		if i < 0 {
			return nil, Errorf(NotFound, "there is no tenant %.60q", w)
		}
		if !slices.Contains(out, visible[i].ID) {
			out = append(out, visible[i].ID)
		}
	}
	return out, nil
}

// CostState says whether Azure gives costs of a subscription.
type CostState int

// The cost states of a subscription.
const (
	CostUnknown     CostState = iota // not asked yet
	CostSupported                    // Azure has answered with costs, or the offer has them
	CostUnsupported                  // the offer has no Cost Management data
	CostDenied                       // the role or the billing setting is missing
)

// String is the state's name in the API.
func (c CostState) String() string {
	switch c {
	case CostSupported:
		return "supported"
	case CostUnsupported:
		return "unsupported"
	case CostDenied:
		return "denied"
	default:
		return "unknown"
	}
}

// Subscription is an Azure subscription of a governed tenant.
type Subscription struct {
	ID         string // GUID, lower case
	Tenant     TenantID
	Name       string
	State      string // as Azure says: Enabled, Warned, PastDue, Disabled, Deleted
	QuotaID    string // names the offer
	Cost       CostState
	CostReason string    // why Cost is not CostSupported
	SyncedAt   time.Time // when its costs were last read; zero = never
}
