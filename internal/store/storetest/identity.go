package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// testIdentity changes the directories of three tenants at random, and holds what is
// read of them against plain words. The same again writes nothing.
func testIdentity(f *fixture) {
	f.register(3, 1)
	r := chance{rand.New(rand.NewPCG(3, 6))}
	dirs := []*directory{newDirectory(), newDirectory(), newDirectory()}
	k, now := f.db.Identity(), noon
	for step := range 260 {
		i := r.IntN(len(dirs))
		d, id := dirs[i], TenantID(i)
		now = now.Add(time.Duration(r.IntN(7)) * time.Hour)
		what, again := "", 0
		var do func() (int, error)
		switch r.IntN(12) {
		case 0, 1:
			list := r.changes(now)
			d.put(list)
			what, do = "accounts", func() (int, error) { return k.PutAccounts(f.ctx, id, list, now) }
		case 2:
			seen := r.some()
			for a := range d.accounts {
				if _, ok := seen[a]; !ok {
					delete(d.accounts, a)
				}
			}
			what, do = "whole", func() (int, error) { return k.Whole(f.ctx, id, seen, now) }
		case 3:
			var list []identity.SignIn
			for _, a := range sortedKeys(r.some()) {
				s := identity.SignIn{Account: a, Successful: r.when(now, 150, 0), NonInteractive: r.when(now, 150, 0), Attempt: now}
				list = append(list, s)
				d.change(a, func(h *held) { h.Last, h.Told = s.Last(), true })
			}
			what, do = "sign-ins", func() (int, error) { return k.PutSignIns(f.ctx, id, list, now) }
		case 4:
			var list []identity.Registration
			for _, a := range sortedKeys(r.some()) {
				m := identity.Registration{Account: a, Registered: r.yes(), Capable: r.yes()}
				list = append(list, m)
				d.change(a, func(h *held) { h.Class.MFA = m.State() })
			}
			what, do = "registrations", func() (int, error) { return k.PutRegistrations(f.ctx, id, list, now) }
		case 5:
			seen, fact := r.some(), identity.FactMFA
			if r.yes() {
				fact = identity.FactSignIns
			}
			for a := range d.accounts {
				if _, ok := seen[a]; ok {
					continue
				}
				d.change(a, func(h *held) {
					if fact == identity.FactMFA {
						h.Class.MFA = identity.MFAUnknown
					} else {
						h.Last, h.Told = time.Time{}, false
					}
				})
			}
			what, do = "untold "+string(fact), func() (int, error) { return k.Untold(f.ctx, id, fact, seen, now) }
		case 6, 7:
			p := r.power(now)
			d.power(p)
			what, do = "power", func() (int, error) { return k.PutPower(f.ctx, id, p, now) }
		case 8:
			silent, list := r.rbac()
			d.rbac(silent, list)
			what, do = "roles of Azure", func() (int, error) { return k.PutAzureRoles(f.ctx, id, silent, list, now) }
		case 9:
			list := r.apps(now)
			d.apps = map[string]identity.Application{}
			for _, a := range list {
				d.apps[a.ID] = a
			}
			what, do = "applications", func() (int, error) { return k.PutApplications(f.ctx, id, list, now) }
		case 10:
			for _, fact := range identity.Facts() {
				if r.IntN(8) == 0 {
					f.ok(k.Hidden(f.ctx, id, identity.Gap{Fact: fact, Reason: "reason", Do: "do"}, now))
					d.failed[fact] = now
				} else if r.IntN(8) > 0 {
					f.ok(k.Known(f.ctx, id, fact, identity.Gap{}, now))
					d.read[fact], d.failed[fact] = now, time.Time{}
				}
			}
		default:
			j := identity.Judging{Limits: identity.DefaultLimits(), Emergency: []string{"u01", r.account()}}
			d.judge(j, now)
			what, again, do = "judge", 1, func() (int, error) { return k.Judge(f.ctx, id, j, now) } // the day is written
		}
		if do != nil {
			before := f.everybody()
			n, err := do()
			f.ok(err)
			after := f.everybody()
			if changed := before != after; changed != (n > again) && what != "power" && what != "applications" && what != "roles of Azure" && what != "judge" {
				f.Fatalf("step %d, %s: %d rows are written, changed: %v", step, what, n, changed)
			}
			n, err = do()
			f.ok(err)
			f.equal(fmt.Sprintf("step %d: rows written of the same %s again", step, what), n, again)
			f.equal("accounts after the same again", f.everybody(), after)
		}
		for i, d := range dirs {
			f.sameAccounts(step, TenantID(i), d)
		}
		if step%10 == 9 {
			f.sameIdentity(r, dirs, now)
		}
	}
	days := 0
	for _, d := range dirs {
		days += len(d.days)
	}
	if days < 5 {
		f.Errorf("%d days: the test shows nothing", days)
	}
}

// everybody are all accounts, and how many there are of each class, as one text.
func (f *fixture) everybody() string {
	f.Helper()
	var lines []string
	counts, err := f.db.IdentityReader().Classes(f.ctx, fresnel.AllTenants())
	f.ok(err)
	for _, c := range counts {
		lines = append(lines, fmt.Sprint(c))
	}
	for i := range 3 {
		f.ok(f.db.Identity().Walk(f.ctx, TenantID(i), func(some []identity.AccountRow) error {
			for _, a := range some {
				lines = append(lines, fmt.Sprint(a))
			}
			return nil
		}))
	}
	slices.Sort(lines)
	return fmt.Sprint(lines)
}

// sameAccounts wants the accounts of a tenant to be those of the model, and the
// numbers of classes to be how many of them there are.
func (f *fixture) sameAccounts(step int, t fresnel.TenantID, d *directory) {
	f.Helper()
	got, byClass := map[string]held{}, map[identity.Class]int{}
	f.ok(f.db.Identity().Walk(f.ctx, t, func(some []identity.AccountRow) error {
		for _, a := range some {
			got[a.ID] = held{a.Class, a.Created, a.LastUse, a.Told}
			byClass[a.Class]++
		}
		return nil
	}))
	f.equal(fmt.Sprintf("step %d: accounts", step), got, d.accounts)
	counts, err := f.db.IdentityReader().Classes(f.ctx, fresnel.ScopeOf(t))
	f.ok(err)
	held := map[identity.Class]int{}
	for _, c := range counts {
		held[c.Class] += c.N
	}
	f.equal(fmt.Sprintf("step %d: numbers by class", step), held, byClass)
}

// testIdentityMany has more accounts than are looked at together.
func testIdentityMany(f *fixture) {
	const n = 2345
	f.register(1, 1)
	k, d := f.db.Identity(), newDirectory()
	var list []identity.AccountChange
	seen := map[string]struct{}{}
	for i := range n {
		a := identity.AccountChange{Account: identity.Account{ID: fmt.Sprintf("u%05d", i), Enabled: i%3 > 0, Guest: i%5 == 0, Created: noon.AddDate(0, 0, -i%200)}}
		if list = append(list, a); i%2 == 0 {
			seen[a.ID] = struct{}{}
		}
	}
	got, err := k.PutAccounts(f.ctx, TenantID(0), list, noon)
	f.ok(err)
	f.equal("accounts written", got, n)
	d.put(list)
	f.sameAccounts(0, TenantID(0), d)
	got, err = k.Whole(f.ctx, TenantID(0), seen, noon)
	f.ok(err)
	f.equal("accounts gone", got, n-len(seen))
	for id := range d.accounts {
		if _, ok := seen[id]; !ok {
			delete(d.accounts, id)
		}
	}
	f.sameAccounts(1, TenantID(0), d)
	f.ok(k.Known(f.ctx, TenantID(0), identity.FactSignIns, identity.Gap{}, noon))
	d.read[identity.FactSignIns] = noon
	var used []identity.SignIn
	for id := range seen {
		used = append(used, identity.SignIn{Account: id})
		d.change(id, func(h *held) { h.Told = true })
	}
	_, err = k.PutSignIns(f.ctx, TenantID(0), used, noon)
	f.ok(err)
	j := identity.Judging{Limits: identity.DefaultLimits()}
	d.judge(j, noon)
	for want := range 2 {
		got, err = k.Judge(f.ctx, TenantID(0), j, noon)
		f.ok(err)
		if (got == 1) != (want == 1) {
			f.Errorf("judged for the %d. time, %d rows are written", want+1, got)
		}
		f.sameAccounts(2, TenantID(0), d)
	}
	got, err = k.Untold(f.ctx, TenantID(0), identity.FactSignIns, nil, noon)
	f.ok(err)
	f.equal("accounts of which nothing is told", got, len(seen))
}

// testIdentityUnderLostLease has a run that lost its lease write: nothing changes.
func testIdentityUnderLostLease(f *fixture) {
	f.register(1, 1)
	k, one := f.db.Identity(), TenantID(0)
	first := f.claim(f.enqueue("identity", 0), "A", 0)
	ctx := fresnel.WithLease(f.ctx, first)
	list := []identity.AccountChange{{Account: identity.Account{ID: "u1", Enabled: true}}, {Account: identity.Account{ID: "u2"}}}
	n, err := k.PutAccounts(ctx, one, list, noon)
	f.ok(err)
	f.equal("accounts under a lease", n, 2)
	f.ok(k.Known(ctx, one, identity.FactAccounts, identity.Gap{}, noon))
	f.ok(k.SetMark(ctx, one, "mark", noon))
	second := f.claim(first.Run, "B", time.Minute)
	picture := func() string {
		mark, read, err := k.Mark(f.ctx, one)
		f.ok(err)
		held, err := k.Held(f.ctx, one)
		f.ok(err)
		apps, err := k.Applications(f.ctx, one)
		f.ok(err)
		reads, err := f.db.IdentityReader().Coverage(f.ctx, fresnel.AllTenants())
		f.ok(err)
		return fmt.Sprint(mark, read, held, apps, reads, f.everybody())
	}
	refused := func(ctx func() error, want fresnel.Kind) {
		f.Helper()
		before := picture()
		f.kind(ctx(), want)
		f.equal("after a refused write", picture(), before)
	}
	later := noon.Add(time.Hour)
	for _, write := range []func() (int, error){
		func() (int, error) { return k.PutAccounts(ctx, one, list[:1], later) },
		func() (int, error) {
			return k.PutAccounts(ctx, one, []identity.AccountChange{{Account: identity.Account{ID: "u1"}, Gone: true}}, later)
		},
		func() (int, error) { return k.Whole(ctx, one, nil, later) },
		func() (int, error) {
			return k.PutSignIns(ctx, one, []identity.SignIn{{Account: "u1", Successful: noon}}, later)
		},
		func() (int, error) {
			return k.PutRegistrations(ctx, one, []identity.Registration{{Account: "u1", Registered: true}}, later)
		},
		func() (int, error) { return k.Untold(ctx, one, identity.FactMFA, nil, later) },
		func() (int, error) {
			return k.PutPower(ctx, one, identity.Power{Roles: []identity.Role{{ID: "r"}}, Holdings: []identity.Holding{{ID: "h", Principal: "u1", Role: "r"}}}, later)
		},
		func() (int, error) {
			return k.PutAzureRoles(ctx, one, nil, []identity.AzureRole{{ID: "a", Principal: "u1", Role: identity.AzureOwner}}, later)
		},
		func() (int, error) { return k.PutApplications(ctx, one, []identity.Application{{ID: "p"}}, later) },
		func() (int, error) {
			return k.Judge(ctx, one, identity.Judging{Limits: identity.DefaultLimits(), Emergency: []string{"u1"}}, later)
		},
		func() (int, error) { return 0, k.SetMark(ctx, one, "other", later) },
		func() (int, error) { return 0, k.PutPolicies(ctx, one, identity.AccessPolicies{Enabled: 1}, later) },
		func() (int, error) { return 0, k.PutLicences(ctx, one, identity.Licences{P1: true}, later) },
		func() (int, error) { return 0, k.Known(ctx, one, identity.FactMFA, identity.Gap{}, later) },
		func() (int, error) {
			return 0, k.Hidden(ctx, one, identity.Gap{Fact: identity.FactAccounts, Reason: "r"}, later)
		},
	} {
		refused(func() error {
			n, err := write()
			f.equal("rows that a refused write tells of", n, 0)
			return err
		}, fresnel.Conflict)
	}
	n, err = k.PutAccounts(fresnel.WithLease(f.ctx, second), one, []identity.AccountChange{{Account: identity.Account{ID: "u1"}, Gone: true}}, later)
	f.ok(err)
	f.equal("accounts under the new lease", n, 1)
	refused(func() error { _, err := k.PutAccounts(f.ctx, TenantID(7), list, later); return err }, fresnel.NotFound)
}
