package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"fresnel"
	"fresnel/internal/identity"
	"fresnel/internal/store"
)

// Directory is the accounts of tenants, for benchmarks: the first tenant is large.
type Directory struct {
	Tenants  int
	Accounts int // of each tenant but the first
	Large    int // of the first
	Days     int // on which they were read
	Asked    time.Time
}

// AccountID is the object id of an account.
func AccountID(tenant, n int) string {
	r := rand.New(rand.NewPCG(uint64(tenant), uint64(n)))
	return fmt.Sprintf("%08x-%04x-4000-8000-%012x", r.Uint32(), uint16(r.Uint32()), r.Uint64()&(1<<48-1))
}

// All is how many accounts there are.
func (d Directory) All() int { return d.Large + (d.Tenants-1)*d.Accounts }

// Fill registers the tenants and puts what a sync would.
func (d Directory) Fill(ctx context.Context, db *store.DB) error {
	for i := range d.Tenants {
		id := TenantID(i)
		if err := db.Tenants().Put(ctx, []fresnel.Tenant{{ID: id, Name: fmt.Sprintf("Tenant %02d", i), Active: true}}, d.Asked); err != nil {
			return err
		}
		for day := d.Days - 1; day >= 0; day-- {
			if err := d.read(ctx, db, i, d.Asked.AddDate(0, 0, -day), day == d.Days-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// read is one reading of a tenant: the first puts everything, the others some sign-ins.
func (d Directory) read(ctx context.Context, db *store.DB, tenant int, at time.Time, first bool) error {
	sink, id, n := db.Identity(), TenantID(tenant), d.Accounts
	if tenant == 0 {
		n = d.Large
	}
	r := rand.New(rand.NewPCG(uint64(tenant), uint64(at.Unix())))
	var accounts []identity.AccountChange
	var uses []identity.SignIn
	var mfa []identity.Registration
	for k := range n {
		a := identity.Account{
			ID: AccountID(tenant, k), Guest: k%12 == 5, Enabled: k%29 != 3, Synced: k%3 == 0, Licensed: k%4 != 0, Pending: k%120 == 5,
			Created: d.Asked.AddDate(0, 0, -r.IntN(2000)-40),
		}
		accounts = append(accounts, identity.AccountChange{Account: a})
		last := at.Add(-time.Duration(r.IntN(200)) * 12 * time.Hour)
		if k%15 != 0 {
			uses = append(uses, identity.SignIn{Account: a.ID, Successful: last})
		} else {
			uses = append(uses, identity.SignIn{Account: a.ID})
		}
		mfa = append(mfa, identity.Registration{Account: a.ID, Registered: k%9 != 0, Capable: k%10 != 0})
	}
	if first {
		if _, err := sink.PutAccounts(ctx, id, accounts, at); err != nil {
			return err
		}
		if _, err := sink.PutRegistrations(ctx, id, mfa, at); err != nil {
			return err
		}
		if err := d.power(ctx, sink, tenant, at); err != nil {
			return err
		}
	} else {
		uses = uses[:len(uses)/50] // most people sign in once a day at most, and so does the bench: what is written is measured elsewhere
	}
	if _, err := sink.PutSignIns(ctx, id, uses, at); err != nil {
		return err
	}
	for _, f := range identity.Facts() {
		if tenant%10 == 7 && (f == identity.FactSignIns || f == identity.FactMFA) {
			if err := sink.Hidden(ctx, id, identity.Gap{Tenant: id, Fact: f, Reason: "the tenant has no Entra ID P1", Do: "Buy one."}, at); err != nil {
				return err
			}
			continue
		}
		if err := sink.Known(ctx, id, f, identity.Gap{}, at); err != nil {
			return err
		}
	}
	if _, err := sink.Judge(ctx, id, identity.Judging{Limits: identity.DefaultLimits()}, at); err != nil {
		return err
	}
	search := identity.Search{Facts: sink, Kept: db.Findings(), Limits: identity.DefaultLimits(), Now: func() time.Time { return at }}
	return search.Tenant(ctx, fresnel.Tenant{ID: id})
}

// power gives some accounts roles, and the tenant applications.
func (d Directory) power(ctx context.Context, sink *store.Identity, tenant int, at time.Time) error {
	id := TenantID(tenant)
	p := identity.Power{Eligible: true, Grouped: true}
	roles := []string{identity.GlobalAdministrator, "194ae4cb-b126-40b2-bd5b-6091b380977d", "fe930be7-5e62-47db-91af-98c3a49a38b1", "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"}
	for i, r := range roles {
		p.Roles = append(p.Roles, identity.Role{ID: r, Name: fmt.Sprintf("Role %d", i), BuiltIn: true})
	}
	const group = "00000000-0000-4000-8000-00000000aaaa"
	for k := range 60 {
		p.Holdings = append(p.Holdings, identity.Holding{
			ID: fmt.Sprintf("h%d", k), Principal: AccountID(tenant, k*7), Kind: identity.User, Role: roles[k%len(roles)], Scope: "/", Eligible: k%3 == 0,
		})
		if k < 20 {
			p.Members = append(p.Members, identity.Membership{Group: group, Member: AccountID(tenant, 500+k), Kind: identity.User})
		}
	}
	p.Holdings = append(p.Holdings, identity.Holding{ID: "g", Principal: group, Kind: identity.Group, Role: roles[2], Scope: "/"})
	if _, err := sink.PutPower(ctx, id, p, at); err != nil {
		return err
	}
	var azure []identity.AzureRole
	for k := range 200 {
		sub := SubscriptionID(tenant, k%20)
		azure = append(azure, identity.AzureRole{
			ID: fmt.Sprintf("/subscriptions/%s/providers/microsoft.authorization/roleassignments/%d", sub, k), Subscription: sub, Scope: "/subscriptions/" + sub,
			Role: []string{identity.AzureOwner, identity.AzureContributor, identity.AzureUserAccess}[k%3], Principal: AccountID(tenant, 900+k%40), Kind: identity.User,
		})
	}
	if _, err := sink.PutAzureRoles(ctx, id, nil, azure, at); err != nil {
		return err
	}
	var apps []identity.Application
	for k := range 100 {
		a := identity.Application{ID: AccountID(tenant+1000, k), AppID: AccountID(tenant+2000, k), Name: fmt.Sprintf("Application %d", k), Owners: []string{AccountID(tenant, k)}}
		for c := range 2 {
			a.Credentials = append(a.Credentials, identity.Credential{ID: AccountID(tenant+3000, 2*k+c), Certificate: c == 1, Start: d.Asked.AddDate(-1, 0, 0), End: d.Asked.AddDate(0, 0, k*7-100)})
		}
		apps = append(apps, a)
	}
	_, err := sink.PutApplications(ctx, id, apps, at)
	return err
}
