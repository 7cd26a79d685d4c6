package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// sameIdentity asks everything in the name of several scopes.
func (f *fixture) sameIdentity(r chance, dirs []*directory, now time.Time) {
	f.Helper()
	one, two := TenantID(r.IntN(3)), TenantID(r.IntN(3))
	for _, s := range []fresnel.Scope{fresnel.AllTenants(), fresnel.ScopeOf(one), fresnel.ScopeOf(one, two), {}} {
		seen := map[fresnel.TenantID]*directory{}
		for i, d := range dirs {
			if s.Sees(TenantID(i)) {
				seen[TenantID(i)] = d
			}
		}
		f.sameCoverage(s, seen)
		f.sameClasses(s, seen)
		for range 4 {
			f.sameAccountPages(r, s, seen)
		}
		f.sameGrants(s, dirs)
		f.sameOthers(r, s, seen)
		f.sameCredentials(r, s, seen, now)
		f.sameRoleCounts(s, seen)
		f.sameDays(s, seen, fresnel.DayOf(noon)-1, fresnel.DayOf(now)+1)
		f.sameDays(s, seen, fresnel.DayOf(noon)+1, fresnel.DayOf(now))
	}
	for i, d := range dirs {
		f.sameHeld(TenantID(i), d)
	}
}

func (f *fixture) sameCoverage(s fresnel.Scope, dirs map[fresnel.TenantID]*directory) {
	f.Helper()
	list, err := f.db.IdentityReader().Coverage(f.ctx, s)
	f.ok(err)
	got, want := map[string]time.Time{}, map[string]time.Time{}
	for _, t := range list {
		got[string(t.Tenant)] = t.Judged
		for fact, state := range t.Facts {
			got[fmt.Sprint(t.Tenant, " ", fact, " read")], got[fmt.Sprint(t.Tenant, " ", fact, " failed")] = state.Read, state.Failed
			if (state.Reason == "") != state.Failed.IsZero() || (state.Do == "") != state.Failed.IsZero() {
				f.Errorf("%s: %+v", fact, state)
			}
		}
	}
	for t, d := range dirs {
		want[string(t)] = d.judged
		for _, fact := range identity.Facts() {
			if !d.read[fact].IsZero() || !d.failed[fact].IsZero() {
				want[fmt.Sprint(t, " ", fact, " read")], want[fmt.Sprint(t, " ", fact, " failed")] = d.read[fact], d.failed[fact]
			}
		}
	}
	f.equal("coverage", got, want)
}

func (f *fixture) sameClasses(s fresnel.Scope, dirs map[fresnel.TenantID]*directory) {
	f.Helper()
	list, err := f.db.IdentityReader().Classes(f.ctx, s)
	f.ok(err)
	got, want := map[string]int{}, map[string]int{}
	for _, c := range list {
		got[fmt.Sprint(c.Tenant, c.Class)] += c.N
	}
	for t, d := range dirs {
		for _, a := range d.accounts {
			want[fmt.Sprint(t, a.Class)]++
		}
	}
	f.equal("numbers by class", got, want)
}

// sameAccountPages asks for accounts of some classes and tenants, in pages.
func (f *fixture) sameAccountPages(r chance, s fresnel.Scope, dirs map[fresnel.TenantID]*directory) {
	f.Helper()
	all := map[int64]bool{}
	for _, d := range dirs {
		for _, a := range d.accounts {
			all[a.Class.Code()] = true
		}
	}
	q := identity.AccountQuery{Newest: r.yes(), Limit: 1 + r.IntN(4), Of: r.IntN(2) * 1_000_000} // as if there were many, too
	for _, c := range slices.Sorted(maps.Keys(all)) {
		if r.IntN(4) > 0 {
			q.Classes = append(q.Classes, identity.ClassOf(c))
		}
	}
	for i := range 3 {
		if r.IntN(4) > 0 {
			q.Tenants = append(q.Tenants, TenantID(i)) // those that the scope does not see, too
		}
	}
	if r.IntN(4) == 0 {
		q.Account = r.account()
	}
	type place struct {
		key    int64
		tenant fresnel.TenantID
		id     string
		held   held
	}
	var want, got []place
	for t, d := range dirs {
		for id, a := range d.accounts {
			if !slices.Contains(q.Tenants, t) || !slices.Contains(q.Classes, a.Class) || q.Account != "" && q.Account != id {
				continue
			}
			at := cmp.Or(unix(a.Last), unix(a.Created))
			if q.Newest {
				at = unix(a.Created)
			}
			want = append(want, place{at, t, id, a})
		}
	}
	slices.SortFunc(want, func(a, b place) int {
		byKey := cmp.Compare(a.key, b.key)
		if q.Newest {
			byKey = -byKey
		}
		return cmp.Or(byKey, cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.id, b.id))
	})
	for {
		page, err := f.db.IdentityReader().Accounts(f.ctx, s, q)
		f.ok(err)
		for _, a := range page {
			got = append(got, place{a.Place.Key, a.Tenant, a.ID, held{a.Class, a.Created, a.LastUse, a.Told}})
		}
		if len(page) > q.Limit || len(got) > len(want) {
			f.Fatalf("a page of %d, %d of %d accounts", len(page), len(got), len(want))
		}
		if len(page) < q.Limit {
			break
		}
		q.After = page[len(page)-1].Place
	}
	f.equal(fmt.Sprintf("accounts of %v by %d", q.Tenants, q.Limit), fmt.Sprint(got), fmt.Sprint(want))
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// sameGrants asks what everybody holds, also those whom the scope does not see.
func (f *fixture) sameGrants(s fresnel.Scope, dirs []*directory) {
	f.Helper()
	var who []identity.Principal
	want := map[string][]string{}
	for i, d := range dirs {
		grants, _ := d.grants(d.judged)
		for _, id := range slices.Compact(slices.Sorted(slices.Values(append(sortedKeys(grants), "u00", "nobody")))) {
			who = append(who, identity.Principal{Tenant: TenantID(i), ID: id})
			if s.Sees(TenantID(i)) && len(grants[id]) > 0 {
				want[string(TenantID(i))+id] = lines(grants[id])
			}
		}
	}
	all, err := f.db.IdentityReader().GrantsOf(f.ctx, s, who)
	f.ok(err)
	got := map[string][]string{}
	for p, list := range all {
		got[string(p.Tenant)+p.ID] = lines(list)
	}
	f.equal("what principals hold", got, want)
}

// lines are values as texts, in order.
func lines[T any](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = fmt.Sprintf("%+v", v)
	}
	slices.Sort(out)
	return out
}

func (f *fixture) sameOthers(r chance, s fresnel.Scope, dirs map[fresnel.TenantID]*directory) {
	f.Helper()
	var got, want []string
	after, limit := identity.Principal{}, 1+r.IntN(4)
	for {
		page, err := f.db.IdentityReader().Others(f.ctx, s, after, limit)
		f.ok(err)
		for _, o := range page {
			got = append(got, fmt.Sprint(o.Tenant, o.ID, o.Kind, o.Name, o.Secret))
		}
		if len(page) < limit {
			break
		}
		after = page[limit-1].Principal
	}
	for t, d := range dirs {
		for id, kind := range d.others {
			app, named := d.apps[id]
			secret := named && slices.ContainsFunc(slices.Collect(maps.Values(d.apps)), func(a identity.Application) bool {
				return a.AppID == app.AppID && slices.ContainsFunc(a.Credentials, func(c identity.Credential) bool {
					return !c.Certificate && (c.End.IsZero() || c.End.After(d.judged))
				})
			})
			want = append(want, fmt.Sprint(t, id, kind, app.Name, secret))
		}
	}
	slices.Sort(want)
	f.equal("principals with power", got, want)
}

func (f *fixture) sameCredentials(r chance, s fresnel.Scope, dirs map[fresnel.TenantID]*directory, now time.Time) {
	f.Helper()
	l := identity.DefaultLimits()
	states := append(identity.CredentialStates(), "")
	q := identity.CredentialQuery{State: states[r.IntN(len(states))], Long: r.IntN(3) == 0, Limits: l, Now: now, Limit: 1 + r.IntN(4)}
	for i := range 3 {
		if r.IntN(4) > 0 {
			q.Tenants = append(q.Tenants, TenantID(i))
		}
	}
	var got, want []string
	wantCounts := map[fresnel.TenantID]identity.CredentialCount{}
	for t, d := range dirs {
		for _, a := range d.apps {
			n := wantCounts[t]
			n.Tenant = t
			for _, c := range a.Credentials {
				state, long := identity.StateOf(c, l, now), identity.LongOf(c, l, now)
				for st, to := range map[identity.CredentialState]*int{identity.CredentialExpired: &n.Expired, identity.CredentialExpiring: &n.Expiring, identity.CredentialValid: &n.Valid, identity.CredentialEndless: &n.Endless} {
					if st == state {
						*to++
					}
				}
				if long {
					n.Long++
				}
				if !slices.Contains(q.Tenants, t) || q.State != "" && q.State != state || q.Long && !long {
					continue
				}
				covered := slices.ContainsFunc(a.Credentials, func(o identity.Credential) bool {
					return o.ID != c.ID && (o.End.IsZero() || o.End.After(now.AddDate(0, 0, l.Expiring)))
				})
				key := "9999"
				if !c.End.IsZero() {
					key = c.End.UTC().Format(time.RFC3339)
				}
				want = append(want, fmt.Sprint(key, " ", t, a.ID, c.ID, c.Certificate, c.Start.Unix(), a.AppID, a.Name, a.Service, len(a.Owners), covered))
			}
			if len(a.Credentials) > 0 {
				wantCounts[t] = n
			}
		}
	}
	slices.Sort(want)
	for {
		page, err := f.db.IdentityReader().Credentials(f.ctx, s, q)
		f.ok(err)
		for _, c := range page {
			key := "9999"
			if !c.End.IsZero() {
				key = c.End.Format(time.RFC3339)
			}
			got = append(got, fmt.Sprint(key, " ", c.Tenant, c.App, c.ID, c.Certificate, c.Start.Unix(), c.AppID, c.AppName, c.Service, c.Owners, c.Covered))
		}
		if len(page) < q.Limit {
			break
		}
		q.After = page[q.Limit-1].Place
	}
	f.equal(fmt.Sprintf("credentials that are %q, long %v", q.State, q.Long), got, want)
	counts, err := f.db.IdentityReader().CredentialCounts(f.ctx, s, now, l)
	f.ok(err)
	gotCounts := map[fresnel.TenantID]identity.CredentialCount{}
	for _, c := range counts {
		gotCounts[c.Tenant] = c
	}
	f.equal("numbers of credentials", gotCounts, wantCounts)
}

func (f *fixture) sameRoleCounts(s fresnel.Scope, dirs map[fresnel.TenantID]*directory) {
	f.Helper()
	list, err := f.db.IdentityReader().Roles(f.ctx, s)
	f.ok(err)
	got, want := map[string]identity.RoleCount{}, map[string]identity.RoleCount{}
	for _, c := range list {
		k := fmt.Sprint(c.Tenant, c.Azure, c.Role)
		if c.Tenant != "" && c.TenantName == "" {
			f.Errorf("%+v has no name", c)
		}
		c.Tenant, c.TenantName, c.Name, c.BuiltIn = "", "", "", false
		got[k] = c
	}
	for t, d := range dirs {
		for k, c := range d.counts {
			want[string(t)+k] = c
		}
	}
	for k := range want { // keys are written alike
		if strings.Count(k, "true")+strings.Count(k, "false") == 0 {
			f.Fatal(k)
		}
	}
	f.equal("roles", spaced(got), spaced(want))
}

// spaced are values by keys without spaces.
func spaced[T any](m map[string]T) map[string]T {
	out := map[string]T{}
	for k, v := range m {
		out[strings.ReplaceAll(k, " ", "")] = v
	}
	return out
}

func (f *fixture) sameDays(s fresnel.Scope, dirs map[fresnel.TenantID]*directory, from, to fresnel.Day) {
	f.Helper()
	names := identity.TrendLists()[:9]
	list, err := f.db.IdentityReader().Days(f.ctx, s, names, fresnel.Period{From: from, To: to})
	f.ok(err)
	if !slices.IsSortedFunc(list, func(a, b identity.DayCount) int { return cmp.Compare(a.Day, b.Day) }) {
		f.Error("days are not in order")
	}
	got, want := map[string]int{}, map[string]int{}
	for _, d := range list {
		got[fmt.Sprint(d.Tenant, d.Day, d.List)] = d.N
	}
	for t, d := range dirs {
		for day, lists := range d.days {
			for l, n := range lists {
				if day >= from && day < to && slices.Contains(names, l) {
					want[fmt.Sprint(t, day, l)] = n
				}
			}
		}
	}
	f.equal("days", got, want)
	sums, err := f.db.IdentityReader().DaySums(f.ctx, s, names, fresnel.Period{From: from, To: to})
	f.ok(err)
	for _, d := range list {
		at := slices.IndexFunc(sums, func(x identity.DaySum) bool { return x.Day == d.Day && x.List == d.List })
		if at < 0 {
			f.Fatalf("no sum of %s on %v", d.List, d.Day)
		}
		sums[at].N -= d.N
		sums[at].Tenants--
	}
	if slices.ContainsFunc(sums, func(x identity.DaySum) bool { return x.N != 0 || x.Tenants != 0 }) {
		f.Errorf("sums of days are not those of the tenants: %+v left", sums)
	}
}

// sameHeld wants what is held of roles and applications to be what was put.
func (f *fixture) sameHeld(t fresnel.TenantID, d *directory) {
	f.Helper()
	got, err := f.db.Identity().Held(f.ctx, t)
	f.ok(err)
	of := func(h identity.Held) []string {
		return slices.Concat(lines(h.Roles), lines(h.Holdings), lines(h.Members), lines(h.Azure))
	}
	f.equal("roles held", of(got), of(identity.Held{
		Roles: slices.Collect(maps.Values(d.roles)), Holdings: slices.AppendSeq(slices.Collect(maps.Values(d.active)), maps.Values(d.eligible)),
		Members: slices.Collect(maps.Values(d.members)), Azure: slices.Collect(maps.Values(d.azure)),
	}))
	apps, err := f.db.Identity().Applications(f.ctx, t)
	f.ok(err)
	f.equal("applications", lines(apps), lines(slices.Collect(maps.Values(d.apps))))
}
