package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"fresnel/internal/identity"
)

// Number is how many there are, over tenants.
type Number struct {
	Count   *int `json:"count" doc:"Of the tenants that know it; null where none does: unknown is not zero"`
	Tenants int  `json:"tenants" doc:"Tenants that know it"`
	Of      int  `json:"of" doc:"Tenants in all"`
	Partial int  `json:"partial" doc:"Of the tenants that know it, those that know a part only: there may be more"`
}

func numberOf(c identity.Count) Number {
	return Number{Count: known(c), Tenants: c.Tenants, Of: c.Of, Partial: c.Parts}
}

// known is a count, nil = nobody knows it.
func known(c identity.Count) *int {
	if !c.Known() {
		return nil
	}
	return &c.N
}

// IdentityNumbers are the numbers of a scope or a tenant.
type IdentityNumbers struct {
	Users               Number            `json:"users" doc:"Accounts in all"`
	Enabled             Number            `json:"enabled" doc:"Accounts that may sign in"`
	Disabled            Number            `json:"disabled" doc:"Accounts that may not"`
	Members             Number            `json:"members" doc:"Accounts that are no guests"`
	ExternalMembers     Number            `json:"external_members" doc:"Members whose origin is another organization"`
	Guests              Number            `json:"guests" doc:"Guests"`
	GuestsPending       Number            `json:"guests_pending" doc:"Guests who have not accepted yet"`
	GuestsIdle          Number            `json:"guests_idle" doc:"Guests not used for long, or never"`
	GuestsWithRoles     Number            `json:"guests_with_roles" doc:"Guests with a role of the directory, also a plain one, or power over a subscription"`
	DisabledWithLicence Number            `json:"disabled_with_licence" doc:"Disabled accounts with a licence"`
	DisabledWithRoles   Number            `json:"disabled_with_roles" doc:"Disabled accounts with a role of the directory, or power over a subscription"`
	People              Number            `json:"people" doc:"Enabled members but Microsoft's own: those who are asked about MFA"`
	MFA                 MFANumbers        `json:"mfa" doc:"What people have registered; not whether it is asked for"`
	Privileged          PrivilegedNumbers `json:"privileged" doc:"Accounts that hold power now, each once, however many roles"`
	Stale               StaleNumbers      `json:"stale" doc:"Accounts by how they are used"`
	Credentials         CredentialNumbers `json:"credentials" doc:"Credentials of applications"`
	Change              IdentityChanges   `json:"change" doc:"Against 30 days ago"`
}

// MFANumbers are people by what they have registered.
type MFANumbers struct {
	Registered Number        `json:"registered" doc:"People with a second factor"`
	Missing    Number        `json:"missing" doc:"People without one"`
	Unknown    Number        `json:"unknown" doc:"People of whom Azure's report does not tell: on neither side of the share"`
	Share      IdentityShare `json:"share" doc:"Registered, of those that Azure's report tells of"`
}

// IdentityShare is a part of a whole.
type IdentityShare struct {
	Part    *int     `json:"part" doc:"People that have registered; null where it is not known"`
	Whole   *int     `json:"whole" doc:"People that Azure's report tells of; null where it is not known"`
	Percent *float64 `json:"percent" doc:"part in percent of whole; null where that is not known, or of nobody"`
}

// PrivilegedNumbers are accounts with power.
type PrivilegedNumbers struct {
	All                  Number `json:"all" doc:"In the directory or over a subscription"`
	MFAMissing           Number `json:"mfa_missing" doc:"Enabled ones without a second factor"`
	MFAUnknown           Number `json:"mfa_unknown" doc:"Enabled ones of whom Azure's report does not tell"`
	Directory            Number `json:"directory" doc:"With a privileged role of the directory"`
	Azure                Number `json:"azure" doc:"That may give access to a subscription, or to a part of it"`
	ControlPlane         Number `json:"control_plane" doc:"That may give themselves every role"`
	Standing             Number `json:"standing" doc:"That hold a privileged role of the directory for good"`
	GlobalAdministrators Number `json:"global_administrators" doc:"That hold the role Global Administrator"`
	Readers              Number `json:"readers" doc:"That read what only the privileged may, and do no more: in none of the numbers above"`
	Eligible             Number `json:"eligible" doc:"That may take a privileged role of the directory"`
	EligibleOnly         Number `json:"eligible_only" doc:"Of them, those that hold none"`
}

// StaleNumbers are accounts by how they are used.
type StaleNumbers struct {
	All       Number `json:"all" doc:"Not used for long, or never"`
	Members   Number `json:"members" doc:"Of them, members"`
	Guests    Number `json:"guests" doc:"Of them, guests"`
	Used      Number `json:"used" doc:"Of all, those that were used once"`
	Never     Number `json:"never" doc:"Of all, those that never were"`
	Newcomers Number `json:"newcomers" doc:"Never used, and new: in none of the others"`
}

// CredentialNumbers are credentials by how long they are still good.
type CredentialNumbers struct {
	All      Number `json:"all" doc:"Passwords and certificates"`
	Expired  Number `json:"expired" doc:"That have ended"`
	Expiring Number `json:"expiring" doc:"That end soon"`
	Valid    Number `json:"valid" doc:"That end later"`
	Endless  Number `json:"endless" doc:"Without an end"`
	Long     Number `json:"long" doc:"That have not ended, and last longer than they may"`
}

// IdentityChanges are how numbers moved; null where nothing can be compared.
type IdentityChanges struct {
	Users                *IdentityChange `json:"users" doc:"Accounts in all; null where nothing can be compared"`
	Guests               *IdentityChange `json:"guests" doc:"Guests; null where nothing can be compared"`
	MFARegistered        *IdentityChange `json:"mfa_registered" doc:"People with a second factor; null where nothing can be compared"`
	MFAMissing           *IdentityChange `json:"mfa_missing" doc:"People without one; null where nothing can be compared"`
	Privileged           *IdentityChange `json:"privileged" doc:"Accounts with power; null where nothing can be compared"`
	PrivilegedMFAMissing *IdentityChange `json:"privileged_mfa_missing" doc:"Accounts with power without a second factor; null where nothing can be compared"`
	Stale                *IdentityChange `json:"stale" doc:"Accounts not used for long, or never; null where nothing can be compared"`
}

// IdentityChange is how a number moved, in tenants that knew it on both days.
type IdentityChange struct {
	Since   string `json:"since" format:"date" doc:"The day it is compared with"`
	Then    int    `json:"then" doc:"How many there were"`
	Now     int    `json:"now" doc:"How many there are, in the same tenants"`
	Change  int    `json:"change" doc:"now less then"`
	Tenants int    `json:"tenants" doc:"Tenants that are compared"`
}

func identityNumbers(g identity.Numbers) IdentityNumbers {
	n := func(l identity.List) Number { return numberOf(g.Count(l)) }
	creds := func(s identity.CredentialState) Number { return numberOf(g.Credentials(s)) }
	change := func(l identity.List) *IdentityChange {
		c, ok := g.Change(l)
		if !ok {
			return nil
		}
		return &IdentityChange{c.Day.String(), c.Then, c.Now, c.Now - c.Then, c.Tenants}
	}
	return IdentityNumbers{
		Users: n(identity.Users), Enabled: n(identity.EnabledUsers), Disabled: n(identity.Disabled), Members: n(identity.Members), ExternalMembers: n(identity.ExternalMembers),
		Guests: n(identity.Guests), GuestsPending: n(identity.PendingGuests), GuestsIdle: n(identity.IdleGuests), GuestsWithRoles: n(identity.GuestsWithRoles),
		DisabledWithLicence: n(identity.DisabledLicensed), DisabledWithRoles: n(identity.DisabledWithRoles), People: n(identity.People),
		MFA: MFANumbers{Registered: n(identity.WithMFA), Missing: n(identity.WithoutMFA), Unknown: n(identity.UnreportedMFA), Share: mfaShare(g)},
		Privileged: PrivilegedNumbers{
			All: n(identity.PrivilegedUsers), MFAMissing: n(identity.PrivilegedNoMFA), MFAUnknown: n(identity.PrivilegedUnknown), Directory: n(identity.DirectoryPower),
			Azure: n(identity.AzurePower), ControlPlane: n(identity.ControlPlaneUsers), Standing: n(identity.StandingPower), GlobalAdministrators: n(identity.GlobalAdmins),
			Readers: n(identity.ReadersOnly), Eligible: n(identity.EligibleUsers), EligibleOnly: n(identity.EligibleOnly),
		},
		Stale: StaleNumbers{
			All: n(identity.IdleUsers), Members: n(identity.IdleMembers), Guests: n(identity.IdleGuests), Used: n(identity.StaleUsers), Never: n(identity.NeverUsed),
			Newcomers: n(identity.Newcomers),
		},
		Credentials: CredentialNumbers{
			All: creds(""), Expired: creds(identity.CredentialExpired), Expiring: creds(identity.CredentialExpiring), Valid: creds(identity.CredentialValid),
			Endless: creds(identity.CredentialEndless), Long: numberOf(g.LongCredentials()),
		},
		Change: IdentityChanges{
			Users: change(identity.Users), Guests: change(identity.Guests), MFARegistered: change(identity.WithMFA), MFAMissing: change(identity.WithoutMFA),
			Privileged: change(identity.PrivilegedUsers), PrivilegedMFAMissing: change(identity.PrivilegedNoMFA), Stale: change(identity.IdleUsers),
		},
	}
}

func mfaShare(g identity.Numbers) IdentityShare {
	if !g.Count(identity.WithMFA).Known() {
		return IdentityShare{}
	}
	s := g.MFA()
	o := IdentityShare{Part: &s.Part, Whole: &s.Whole}
	if p, ok := s.Percent(); ok {
		o.Percent = &p
	}
	return o
}

// IdentityLimits are the days by which accounts and credentials are judged.
type IdentityLimits struct {
	Stale    int `json:"stale_days" doc:"An account is stale after so many days without a use"`
	Grace    int `json:"grace_days" doc:"An account that was never used is a newcomer for so many days"`
	Expiring int `json:"expiring_days" doc:"A credential is expiring for so many days before its end"`
	Long     int `json:"long_days" doc:"A credential that lasts for more days is long"`
}

// IdentityPolicies is how a tenant asks for MFA.
type IdentityPolicies struct {
	Defaults    *bool      `json:"security_defaults" doc:"Security defaults are on; null = not known"`
	MFAForAll   *bool      `json:"mfa_for_all" doc:"An enabled policy of conditional access asks everybody for MFA; null = not known"`
	MFAAdmins   *bool      `json:"mfa_for_admins" doc:"One asks the holders of roles; null = not known"`
	Enabled     *int       `json:"enabled" doc:"Policies that are enabled; null = not known"`
	ReportOnly  *int       `json:"report_only" doc:"Policies that only report, and ask nobody; null = not known"`
	LastChanged *time.Time `json:"last_changed" doc:"The newest policy, or change of one; null = none, or not known"`
}

// identityPolicies has security defaults also where conditional access is hidden.
func identityPolicies(t identity.TenantRead) IdentityPolicies {
	p := t.Policies
	if p == nil {
		return IdentityPolicies{}
	}
	o := IdentityPolicies{Defaults: &p.Defaults}
	if t.Knows(identity.FactPolicies) {
		o.MFAForAll, o.MFAAdmins, o.Enabled, o.ReportOnly, o.LastChanged = &p.MFAForAll, &p.MFAAdmins, &p.Enabled, &p.ReportOnly, instant(p.Newest)
	}
	return o
}

// IdentityLicences are the licences that make facts visible.
type IdentityLicences struct {
	P1 *bool `json:"p1" doc:"Entra ID P1: sign-ins, MFA, conditional access; null = not known"`
	P2 *bool `json:"p2" doc:"Entra ID P2: Privileged Identity Management; null = not known"`
}

func identityLicences(t identity.TenantRead) IdentityLicences {
	if t.Licences == nil {
		return IdentityLicences{}
	}
	return IdentityLicences{&t.Licences.P1, &t.Licences.P2}
}

// IdentityFact is how a fact stands in a tenant.
type IdentityFact struct {
	ReadAt   *time.Time `json:"read_at" doc:"When it was last read to its end; null = never"`
	FailedAt *time.Time `json:"failed_at" doc:"When it was last not read; null = the last reading was good, or there was none"`
	Reason   string     `json:"reason,omitempty" doc:"Why it was not read"`
	Do       string     `json:"do,omitempty" doc:"What to do about it"`
}

func identityFacts(t identity.TenantRead) map[identity.Fact]IdentityFact {
	out := map[identity.Fact]IdentityFact{}
	for _, f := range identity.Facts() {
		s := t.Facts[f]
		out[f] = IdentityFact{instant(s.Read), instant(s.Failed), s.Reason, s.Do}
	}
	return out
}

// TenantIdentity is a tenant by numbers.
type TenantIdentity struct {
	TenantID   string                         `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName string                         `json:"tenant_name" doc:"Its display name"`
	State      identity.State                 `json:"state" enum:"fresh,stale,partial,never" doc:"stale: something that is held is old; partial: a fact is hidden, or was read in part; never: its accounts were never read"`
	SyncedAt   *time.Time                     `json:"synced_at" doc:"When its accounts were last judged; null = never"`
	AgeSeconds *int64                         `json:"age_seconds" doc:"Age of synced_at; null = never"`
	Numbers    IdentityNumbers                `json:"numbers" doc:"Of the tenant"`
	Policies   IdentityPolicies               `json:"policies" doc:"How it asks for MFA"`
	Licences   IdentityLicences               `json:"licences" doc:"That make facts visible"`
	Facts      map[identity.Fact]IdentityFact `json:"facts" doc:"Each fact by its name: read_at, failed_at, reason, do"`
	Reason     string                         `json:"reason,omitempty" doc:"What went wrong with the last run"`
	Do         string                         `json:"do,omitempty" doc:"What to do about it"`
}

func (h handlers) tenantIdentity(t identity.TenantSummary) TenantIdentity {
	o := TenantIdentity{
		TenantID: string(t.Tenant), TenantName: t.Name, State: h.Identity.State(t.TenantRead), SyncedAt: judgedAt(t.TenantRead), Numbers: identityNumbers(t.Numbers),
		Policies: identityPolicies(t.TenantRead), Licences: identityLicences(t.TenantRead), Facts: identityFacts(t.TenantRead), Reason: t.LastReason, Do: t.LastDo,
	}
	if o.SyncedAt != nil {
		age := int64(h.Now().Sub(t.Judged).Seconds())
		o.AgeSeconds = &age
	}
	return o
}

// IdentitySummary is who is in a scope, and who holds power.
type IdentitySummary struct {
	Overall IdentityNumbers  `json:"overall" doc:"Of all tenants that know each number; meta says what is missing"`
	Tenants []TenantIdentity `json:"tenants" doc:"By name"`
	Limits  IdentityLimits   `json:"limits" doc:"Days by which accounts and credentials are judged"`
}

type identitySummaryOutput struct {
	Body struct {
		Data IdentitySummary `json:"data"`
		Meta IdentityMeta    `json:"meta"`
	}
}

func (h handlers) identitySummary(ctx context.Context, in *IdentityInput) (*identitySummaryOutput, error) {
	s, err := h.identityScope(ctx, *in)
	if err != nil {
		return nil, err
	}
	sum, err := h.Identity.Summary(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &identitySummaryOutput{}
	d := &out.Body.Data
	d.Overall, d.Limits, d.Tenants = identityNumbers(sum.Overall), IdentityLimits(sum.Limits), make([]TenantIdentity, len(sum.Tenants))
	reads := make([]identity.TenantRead, len(sum.Tenants))
	for i, t := range sum.Tenants {
		d.Tenants[i], reads[i] = h.tenantIdentity(t), t.TenantRead
	}
	out.Body.Meta = h.identityMeta(aboutList(identity.Users, identity.Facts()...), reads)
	total := len(reads)
	out.Body.Meta.Total = &total
	return out, nil
}

// summaryLists are the lists of accounts in the CSV of the summary.
var summaryLists = []identity.List{
	identity.Users, identity.EnabledUsers, identity.Disabled, identity.Members, identity.ExternalMembers, identity.Guests, identity.PendingGuests, identity.IdleGuests,
	identity.GuestsWithRoles, identity.DisabledLicensed, identity.DisabledWithRoles, identity.People, identity.WithMFA, identity.WithoutMFA, identity.UnreportedMFA,
	identity.PrivilegedUsers, identity.PrivilegedNoMFA, identity.PrivilegedUnknown, identity.DirectoryPower, identity.AzurePower, identity.ControlPlaneUsers,
	identity.StandingPower, identity.GlobalAdmins, identity.ReadersOnly, identity.EligibleUsers, identity.EligibleOnly,
	identity.IdleUsers, identity.IdleMembers, identity.StaleUsers, identity.NeverUsed, identity.Newcomers,
}

// column is a list's name as the head of a column.
func column(l identity.List) string { return strings.ReplaceAll(string(l), "-", "_") }

// identitySummaryCSV has a line for each tenant. The column partial names those
// whose number is of a part, and hidden what is not known.
func (h handlers) identitySummaryCSV(ctx context.Context, in *IdentityInput) (table, error) {
	s, err := h.identityScope(ctx, *in)
	if err != nil {
		return table{}, err
	}
	sum, err := h.Identity.Summary(ctx, s)
	head := []string{"tenant_id", "tenant", "state", "synced_at"}
	for _, l := range summaryLists {
		head = append(head, column(l))
	}
	head = append(head, "mfa_share_part", "mfa_share_whole", "mfa_share_percent", "credentials", "credentials_expired", "credentials_expiring", "credentials_valid", "credentials_endless", "credentials_long",
		"security_defaults", "mfa_for_all", "mfa_for_admins", "p1", "p2", "partial", "hidden")
	return table{head, all(sum.Tenants, func(t identity.TenantSummary) []string {
		o := h.tenantIdentity(t)
		row := []string{o.TenantID, text(o.TenantName), string(o.State), instantText(o.SyncedAt)}
		var partial, hidden []string
		for _, l := range summaryLists {
			c := t.Count(l)
			row = append(row, number(known(c)))
			if c.Parts > 0 {
				partial = append(partial, column(l))
			}
		}
		for _, g := range identityGaps(t.TenantRead, identity.Facts()) {
			hidden = append(hidden, g.Fact+": "+g.Reason)
		}
		m, c := o.Numbers.MFA.Share, o.Numbers.Credentials
		return slices.Concat(row, []string{
			number(m.Part), number(m.Whole), optional(m.Percent),
			number(c.All.Count), number(c.Expired.Count), number(c.Expiring.Count), number(c.Valid.Count), number(c.Endless.Count), number(c.Long.Count),
			truth(o.Policies.Defaults), truth(o.Policies.MFAForAll), truth(o.Policies.MFAAdmins), truth(o.Licences.P1), truth(o.Licences.P2),
			strings.Join(partial, " "), text(strings.Join(hidden, "; ")),
		})
	})}, err
}
