package identity

import (
	"context"
	"iter"
	"time"

	"fresnel"
)

// Source is Azure's side: Microsoft Graph of one tenant, and its roles on
// subscriptions. Every list is read to its end or ends in an error. Errors are
// Denied where the consent or a permission is missing, Unsupported where the
// tenant's licence hides the fact, Unavailable otherwise; each says what to do.
// No name, mail or UPN leaves it, other than by Names.
type Source interface {
	// Accounts gives all accounts, or with the mark of an earlier reading those
	// that changed since; gone: those that are no more. next is the mark for the
	// next reading; it is asked for at the end, and is empty if the list was not read
	// to it. An account may be told twice: the last is right. A mark that Graph does
	// not take any more is Conflict: then all are to be read.
	Accounts(ctx context.Context, t fresnel.Tenant, mark string) (list iter.Seq2[AccountChange, error], next func() string)
	// Licences tells which facts the tenant's licence gives.
	Licences(ctx context.Context, t fresnel.Tenant) (Licences, error)
	// SignIns gives every account, also those that never signed in.
	SignIns(ctx context.Context, t fresnel.Tenant) iter.Seq2[SignIn, error]
	Registrations(ctx context.Context, t fresnel.Tenant) iter.Seq2[Registration, error]
	Roles(ctx context.Context, t fresnel.Tenant) ([]Role, error)
	// Assigned gives what is assigned and activated; Eligible what may be taken.
	// Without PIM's licence Assigned has no end and no activation. What a group has
	// is told of the group only: of its members see Members.
	Assigned(ctx context.Context, t fresnel.Tenant) iter.Seq2[Holding, error]
	Eligible(ctx context.Context, t fresnel.Tenant) iter.Seq2[Holding, error]
	// Members gives all that are in a group, however deep. A group that is no more
	// is NotFound.
	Members(ctx context.Context, t fresnel.Tenant, group string) iter.Seq2[Membership, error]
	// Applications gives the applications and the service principals but Microsoft's;
	// owners only of those with credentials.
	Applications(ctx context.Context, t fresnel.Tenant) iter.Seq2[Application, error]
	// AccessPolicies gives Defaults also with an error about the rest: without a
	// licence there is no conditional access, and then they are what matters.
	AccessPolicies(ctx context.Context, t fresnel.Tenant) (AccessPolicies, error)
	// AzureRoles gives what is assigned on subscriptions and below them. What is
	// assigned above them has no subscription; of a delegated tenant nobody sees it,
	// nor which roles are of its own making.
	AzureRoles(ctx context.Context, t fresnel.Tenant, subscriptions []string) iter.Seq2[AzureRole, error]
	// Told gives the subscriptions that Resource Graph names themselves: of others
	// it tells what is in the groups that may be read, and nothing of the rest.
	Told(ctx context.Context, t fresnel.Tenant, subscriptions []string) (map[string]bool, error)
	// Names gives the display names of accounts and groups, for a page that is
	// being looked at: they are not kept. Ids that Graph does not know are left out.
	Names(ctx context.Context, t fresnel.Tenant, ids []string) (map[string]string, error)
}

// AccountChange is an account, or one that is no more.
type AccountChange struct {
	Account
	Gone bool // only the id is told
}

// Licences are what a tenant's licences make visible.
type Licences struct {
	P1 bool // sign-ins, registrations, conditional access
	P2 bool // PIM
}

// AccessPolicies are how conditional access asks for MFA.
type AccessPolicies struct {
	Defaults   bool // security defaults are on
	Enabled    int
	ReportOnly int
	MFAForAll  bool // an enabled policy asks everybody for MFA, for everything
	MFAAdmins  bool // an enabled policy asks the holders of admin roles
	// Excluded are the accounts and groups that every enabled policy leaves out.
	Excluded []string
	Newest   time.Time
}
