package api

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// Account is an account of a tenant, by its id.
type Account struct {
	TenantID   string     `json:"tenant_id" doc:"Tenant (GUID)"`
	TenantName string     `json:"tenant_name" doc:"Its display name"`
	AccountID  string     `json:"account_id" doc:"Object id (GUID); names of people are not kept: see /api/v1/identity/names"`
	Guest      bool       `json:"guest" doc:"Of another organization, as Entra marks it"`
	External   bool       `json:"external" doc:"A member whose origin is another organization"`
	Enabled    bool       `json:"enabled" doc:"May sign in"`
	Synced     bool       `json:"synced" doc:"From a directory on premises"`
	Licensed   bool       `json:"licensed" doc:"Has a licence"`
	Pending    bool       `json:"pending" doc:"A guest who has not accepted yet"`
	Service    bool       `json:"service" doc:"Of Microsoft's own, such as directory synchronization"`
	Emergency  bool       `json:"emergency" doc:"A break-glass account, as configured"`
	MFA        string     `json:"mfa" enum:"registered,capable,missing,unknown" doc:"Whether a second factor is registered, not whether it is asked for; capable: registered and usable; unknown: Azure's report does not tell"`
	Use        string     `json:"use" enum:"used,stale,never,newcomer,unknown" doc:"How it is used, by the limits of the summary; newcomer: never used, and new; unknown: Azure does not tell"`
	Told       bool       `json:"sign_ins_known" doc:"Azure tells of its sign-ins"`
	Created    *time.Time `json:"created" doc:"Null = before June 2018: Azure does not tell"`
	LastUse    *time.Time `json:"last_use" doc:"The newest use that is known to have succeeded; null = none, or not known"`
	IdleDays   *int       `json:"idle_days" doc:"Whole days since last_use; null = none, or not known"`
}

// RiskyAccount is an account with what is risky about it.
type RiskyAccount struct {
	Account
	Risks []identity.Risk `json:"risks" doc:"Worst first: no-mfa, disabled, guest, idle, synced, mfa-unknown, standing"`
}

// PowerAccount is an account that holds power, or may.
type PowerAccount struct {
	RiskyAccount
	Grants []Grant `json:"grants" doc:"Roles that it holds or may take, the most powerful first"`
}

// Grant is a role that somebody holds, or may take.
type Grant struct {
	RoleID         string     `json:"role_id" doc:"Id of the definition (GUID)"`
	Role           string     `json:"role" doc:"Its name, as Azure has it; empty = not known"`
	Tier           string     `json:"tier" enum:"plain,reading,privileged,control-plane" doc:"How much power it gives; control-plane: it may give itself every other"`
	Kind           string     `json:"kind" enum:"directory,azure" doc:"A role of Entra, or of Azure"`
	Scope          string     `json:"scope" doc:"Where it is in force; / = all of the directory"`
	SubscriptionID string     `json:"subscription_id" doc:"Subscription (GUID) of a role of Azure; empty = above subscriptions, or in the directory"`
	Through        string     `json:"through" doc:"Object id of the group that has it; empty = by itself"`
	Eligible       bool       `json:"eligible" doc:"It may be taken, and is not held"`
	Activated      bool       `json:"activated" doc:"It was taken, for a time"`
	Standing       *bool      `json:"standing" doc:"It is held for good; null = not known: of a role of Azure, and without PIM, nobody tells whether it was taken for a time"`
	Ends           *time.Time `json:"ends" doc:"Null = never, or not known where standing is null"`
}

func (h handlers) account(r identity.AccountRow) Account {
	c := r.Class
	o := Account{
		TenantID: string(r.Tenant), TenantName: r.TenantName, AccountID: r.ID, Guest: c.Guest, External: c.External, Enabled: c.Enabled, Synced: c.Synced,
		Licensed: c.Licensed, Pending: c.Pending, Service: c.Service, Emergency: c.Emergency, MFA: mfaWords[c.MFA], Use: useWords[c.Use], Told: r.Told,
		Created: instant(r.Created), LastUse: instant(r.LastUse),
	}
	if o.LastUse != nil {
		n := max(0, days(r.LastUse, h.Now()))
		o.IdleDays = &n
	}
	return o
}

func (h handlers) riskyAccount(r identity.AccountRow) RiskyAccount {
	return RiskyAccount{h.account(r), append([]identity.Risk{}, r.Class.Risks()...)}
}

func (h handlers) powerAccount(r identity.AccountRow) PowerAccount {
	return PowerAccount{h.riskyAccount(r), grants(r.Grants)}
}

func grants(list []identity.Grant) []Grant {
	out := make([]Grant, len(list))
	for i, g := range list {
		out[i] = Grant{
			RoleID: g.Role, Role: g.Name, Tier: tierWords[g.Tier], Kind: roleKind(g.Azure), Scope: g.Scope, SubscriptionID: g.Subscription, Through: g.Through,
			Eligible: g.Eligible, Activated: g.Activated, Ends: instant(g.End),
		}
		if standing := g.Standing(); !g.Azure && !g.Unsure {
			out[i].Standing = &standing
		}
	}
	return out
}

// PrivilegedInput selects accounts with power.
type PrivilegedInput struct {
	IdentityInput
	List    string `query:"list" enum:"privileged,eligible,eligible-only,privileged-standing,privileged-mfa-missing,privileged-mfa-unknown,privileged-directory,privileged-azure,control-plane,global-administrators,privileged-readers,disabled-with-roles" default:"privileged" doc:"Whom: as the numbers of the summary; eligible-only: may take power, and holds none"`
	Sort    string `query:"sort" enum:"risk,idle,created" default:"risk" doc:"risk: the riskiest first; idle: longest without use first; created: newest first"`
	Account string `query:"account" maxLength:"100" doc:"Only this account: object id (GUID)"`
}

// GuestsInput selects guests.
type GuestsInput struct {
	IdentityInput
	List string `query:"list" enum:"guests,guests-pending,guests-idle,guests-with-roles" default:"guests" doc:"Whom: as the numbers of the summary"`
	Sort string `query:"sort" enum:"idle,created" default:"idle" doc:"idle: longest without use first; created: newest first"`
}

// StaleInput selects accounts by how they are used.
type StaleInput struct {
	IdentityInput
	List string `query:"list" enum:"stale,stale-members,guests-idle,stale-used,never-used,newcomers" default:"stale" doc:"Whom: as the numbers of the summary; stale: not used for long, or never"`
}

// MFAInput selects people by what they have registered.
type MFAInput struct {
	IdentityInput
	List string `query:"list" enum:"mfa-missing,mfa-registered,mfa-unknown" default:"mfa-missing" doc:"Enabled members by whether a second factor is registered; unknown: Azure's report does not tell of them"`
	Sort string `query:"sort" enum:"risk,idle,created" default:"risk" doc:"risk: the riskiest first; idle: longest without use first; created: newest first"`
}

type privilegedInput struct {
	PrivilegedInput
	ListInput
}

type guestsInput struct {
	GuestsInput
	ListInput
}

type staleInput struct {
	StaleInput
	ListInput
}

type mfaInput struct {
	MFAInput
	ListInput
}

type accountsOutput[T any] struct {
	Body struct {
		Data []T          `json:"data"`
		Meta IdentityMeta `json:"meta"`
	}
}

// accountCursor is a place with the list that it is in: in another one, rows
// would be lost.
type accountCursor struct {
	List  identity.List
	Order identity.Order
	After *identity.AccountPlace
}

// accountsOf gives a page of a list of accounts.
func accountsOf[T any](ctx context.Context, h handlers, tenants IdentityInput, q identity.ListQuery, page ListInput, row func(identity.AccountRow) T) (*accountsOutput[T], error) {
	s, err := h.identityScope(ctx, tenants)
	if err != nil {
		return nil, err
	}
	if page.Cursor != "" {
		var at accountCursor
		if err := uncursor(page.Cursor, &at); err != nil {
			return nil, err
		}
		if at.After == nil || at.List != q.List || at.Order != q.Order {
			return nil, fresnel.Errorf(fresnel.Invalid, "the cursor is not of this list in this order: begin again without it")
		}
		q.After = at.After
	}
	q.Limit = page.Limit
	list, err := h.Identity.List(ctx, s, q)
	if err != nil {
		return nil, err
	}
	out := &accountsOutput[T]{}
	out.Body.Meta = h.identityMeta(aboutAccounts(q), list.Reads)
	if list.Count.Known() && q.Account == "" {
		out.Body.Meta.Total = &list.Count.N
	}
	if list.Next != nil {
		out.Body.Meta.NextCursor = cursorOf(accountCursor{q.List, q.Order, list.Next})
	}
	out.Body.Data = make([]T, len(list.Rows))
	for i, r := range list.Rows {
		out.Body.Data[i] = row(r)
	}
	return out, nil
}

func aboutAccounts(q identity.ListQuery) identityAbout {
	about := aboutList(q.List, identity.FactSignIns, identity.FactMFA)
	if q.Grants {
		about.shown = append(about.shown, identity.FactEligibility, identity.FactStanding)
	}
	return about
}

// accountsCSV reads page by page.
func (h handlers) accountsCSV(ctx context.Context, tenants IdentityInput, q identity.ListQuery, head []string, lines func(identity.AccountRow) [][]string) (table, error) {
	s, err := h.identityScope(ctx, tenants)
	q.Limit = 1000
	return table{head, func(yield func([]string, error) bool) {
		for {
			list, err := h.Identity.List(ctx, s, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range list.Rows {
				for _, line := range lines(r) {
					if !yield(line, nil) {
						return
					}
				}
			}
			if q.After = list.Next; q.After == nil {
				return
			}
		}
	}}, err
}

var accountHead = []string{
	"tenant_id", "tenant", "account_id", "guest", "external", "enabled", "synced", "licensed", "pending", "service", "emergency",
	"mfa", "use", "sign_ins_known", "created", "last_use", "idle_days",
}

func accountCells(o Account) []string {
	return []string{
		o.TenantID, text(o.TenantName), text(o.AccountID), strconv.FormatBool(o.Guest), strconv.FormatBool(o.External), strconv.FormatBool(o.Enabled), strconv.FormatBool(o.Synced),
		strconv.FormatBool(o.Licensed), strconv.FormatBool(o.Pending), strconv.FormatBool(o.Service), strconv.FormatBool(o.Emergency),
		o.MFA, o.Use, strconv.FormatBool(o.Told), instantText(o.Created), instantText(o.LastUse), number(o.IdleDays),
	}
}

func (h handlers) accountLine(r identity.AccountRow) [][]string {
	return [][]string{accountCells(h.account(r))}
}

func riskText(risks []identity.Risk) string {
	words := make([]string, len(risks))
	for i, r := range risks {
		words[i] = string(r)
	}
	return strings.Join(words, " ")
}

var grantHead = []string{"role_id", "role", "tier", "kind", "scope", "subscription_id", "through", "eligible", "activated", "standing", "ends"}

// grantLines has a line for each grant, and one where there is none.
func grantLines(cells []string, list []Grant) [][]string {
	if len(list) == 0 {
		return [][]string{slices.Concat(cells, make([]string, len(grantHead)))}
	}
	out := make([][]string, len(list))
	for i, g := range list {
		out[i] = slices.Concat(cells, []string{
			text(g.RoleID), text(g.Role), g.Tier, g.Kind, text(g.Scope), text(g.SubscriptionID), text(g.Through),
			strconv.FormatBool(g.Eligible), strconv.FormatBool(g.Activated), truth(g.Standing), instantText(g.Ends),
		})
	}
	return out
}

func privilegedQuery(in PrivilegedInput) (identity.ListQuery, error) {
	q := identity.ListQuery{List: identity.List(in.List), Order: identity.Order(in.Sort), Grants: true}
	if in.Account == "" {
		return q, nil
	}
	var err error
	q.Account, err = objectID("account", in.Account)
	return q, err
}

func (h handlers) privileged(ctx context.Context, in *privilegedInput) (*accountsOutput[PowerAccount], error) {
	q, err := privilegedQuery(in.PrivilegedInput)
	if err != nil {
		return nil, err
	}
	return accountsOf(ctx, h, in.IdentityInput, q, in.ListInput, h.powerAccount)
}

func (h handlers) privilegedCSV(ctx context.Context, in *PrivilegedInput) (table, error) {
	q, err := privilegedQuery(*in)
	if err != nil {
		return table{}, err
	}
	return h.accountsCSV(ctx, in.IdentityInput, q, slices.Concat(accountHead, []string{"risks"}, grantHead), func(r identity.AccountRow) [][]string {
		o := h.powerAccount(r)
		return grantLines(append(accountCells(o.Account), riskText(o.Risks)), o.Grants)
	})
}

func guestsQuery(in GuestsInput) identity.ListQuery {
	return identity.ListQuery{List: identity.List(in.List), Order: identity.Order(in.Sort)}
}

func (h handlers) guests(ctx context.Context, in *guestsInput) (*accountsOutput[Account], error) {
	return accountsOf(ctx, h, in.IdentityInput, guestsQuery(in.GuestsInput), in.ListInput, h.account)
}

func (h handlers) guestsCSV(ctx context.Context, in *GuestsInput) (table, error) {
	return h.accountsCSV(ctx, in.IdentityInput, guestsQuery(*in), accountHead, h.accountLine)
}

func staleQuery(in StaleInput) identity.ListQuery {
	return identity.ListQuery{List: identity.List(in.List), Order: identity.ByUse}
}

func (h handlers) stale(ctx context.Context, in *staleInput) (*accountsOutput[Account], error) {
	return accountsOf(ctx, h, in.IdentityInput, staleQuery(in.StaleInput), in.ListInput, h.account)
}

func (h handlers) staleCSV(ctx context.Context, in *StaleInput) (table, error) {
	return h.accountsCSV(ctx, in.IdentityInput, staleQuery(*in), accountHead, h.accountLine)
}

func mfaQuery(in MFAInput) identity.ListQuery {
	return identity.ListQuery{List: identity.List(in.List), Order: identity.Order(in.Sort)}
}

func (h handlers) mfa(ctx context.Context, in *mfaInput) (*accountsOutput[RiskyAccount], error) {
	return accountsOf(ctx, h, in.IdentityInput, mfaQuery(in.MFAInput), in.ListInput, h.riskyAccount)
}

func (h handlers) mfaCSV(ctx context.Context, in *MFAInput) (table, error) {
	return h.accountsCSV(ctx, in.IdentityInput, mfaQuery(*in), slices.Concat(accountHead, []string{"risks"}), func(r identity.AccountRow) [][]string {
		o := h.riskyAccount(r)
		return [][]string{append(accountCells(o.Account), riskText(o.Risks))}
	})
}
