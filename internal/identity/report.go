package identity

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"fresnel"
)

// Reports answers questions about identity. A page and the API ask the same
// method and print what it gives.
type Reports struct {
	Reader Reader
	Limits Limits
	Now    func() time.Time
	Stale  time.Duration // after so long without a reading, what is held is old
}

// KeepDays is how many days of history are kept.
const KeepDays = 400

// Compared is how many days back numbers are compared.
const Compared = 30

// Facts are all facts.
func Facts() []Fact {
	return []Fact{FactAccounts, FactSignIns, FactMFA, FactRoles, FactEligibility, FactStanding, FactGroups, FactApps, FactPolicies, FactLicences, FactAzureRoles}
}

// Count is the length of a list over tenants.
type Count struct {
	N       int
	Tenants int // that know it
	Of      int
	Parts   int // of those that know it, such that know only a part
}

// Known tells whether there is a number at all: of nothing that is known, nothing
// is zero.
func (c Count) Known() bool { return c.Tenants > 0 }

// Whole tells whether the number is of all tenants, in full.
func (c Count) Whole() bool { return c.Tenants == c.Of && c.Parts == 0 }

func (c Count) plus(d Count) Count {
	return Count{c.N + d.N, c.Tenants + d.Tenants, c.Of + d.Of, c.Parts + d.Parts}
}

// Numbers are those of one tenant, or several, by numbers.
type Numbers struct {
	lists       map[List]Count
	credentials map[string]Count
	before      map[List]Change
}

// Count is the length of a list.
func (g Numbers) Count(l List) Count { return g.lists[l] }

// Credentials is how many credentials are in a state; "" = all.
func (g Numbers) Credentials(s CredentialState) Count { return g.credentials[string(s)] }

// LongCredentials is how many credentials last longer than the limit.
func (g Numbers) LongCredentials() Count { return g.credentials["long"] }

// Share is a part of a whole, both of the tenants that know them.
type Share struct{ Part, Whole int }

// Percent is the share in percent; false = of nothing.
func (s Share) Percent() (float64, bool) {
	if s.Whole == 0 {
		return 0, false
	}
	return 100 * float64(s.Part) / float64(s.Whole), true
}

// MFA is how many people have registered a second factor, of those that Azure's
// report tells of. Registered does not mean asked for.
func (g Numbers) MFA() Share {
	with := g.Count(WithMFA).N
	return Share{with, with + g.Count(WithoutMFA).N}
}

// Change is how a number moved since a day, in tenants that knew it on both.
type Change struct {
	Day     fresnel.Day
	Then    int
	Now     int
	Tenants int
}

// Change is how a list's length moved in Compared days; false where nothing can
// be compared.
func (g Numbers) Change(l List) (Change, bool) {
	c, ok := g.before[l]
	return c, ok
}

// TenantSummary is a tenant by numbers.
type TenantSummary struct {
	TenantRead
	Numbers
}

// Summary is who is in a scope, and who holds power, by numbers.
type Summary struct {
	Overall Numbers
	Tenants []TenantSummary // by name
	Limits  Limits
}

// Summary gives the numbers of a scope.
func (r Reports) Summary(ctx context.Context, s fresnel.Scope) (Summary, error) {
	out := Summary{Limits: r.Limits, Overall: newNumbers()}
	reads, err := r.Reader.Coverage(ctx, s)
	if err != nil {
		return out, err
	}
	classes, err := r.Reader.Classes(ctx, s)
	if err != nil {
		return out, err
	}
	creds, err := r.Reader.CredentialCounts(ctx, s, r.Now(), r.Limits)
	if err != nil {
		return out, err
	}
	day := fresnel.DayOf(r.Now()) - Compared
	days, err := r.Reader.Days(ctx, s, []List{Users, Guests, WithMFA, WithoutMFA, PrivilegedUsers, PrivilegedNoMFA, IdleUsers}, fresnel.Period{From: day, To: day + 1})
	if err != nil {
		return out, err
	}
	byTenant := map[fresnel.TenantID][]ClassCount{}
	for _, c := range classes {
		byTenant[c.Tenant] = append(byTenant[c.Tenant], c)
	}
	credsOf := map[fresnel.TenantID]CredentialCount{}
	for _, c := range creds {
		credsOf[c.Tenant] = c
	}
	then := map[fresnel.TenantID][]DayCount{}
	for _, d := range days {
		then[d.Tenant] = append(then[d.Tenant], d)
	}
	in := membership{}
	for _, t := range reads {
		g := newNumbers()
		lengths := make([]int, len(listRules))
		for _, c := range byTenant[t.Tenant] {
			for _, i := range in.lists(c.Class) {
				lengths[i] += c.N
			}
		}
		for i, rule := range listRules {
			n := Count{Of: 1}
			if t.Knows(rule.needs...) {
				n.Tenants = 1
				if !t.Whole(slices.Concat(rule.needs, rule.parts)...) {
					n.Parts = 1
				}
				n.N = lengths[i]
			}
			g.lists[rule.list] = n
		}
		c := credsOf[t.Tenant]
		for _, state := range append(CredentialStates(), "", "long") {
			count := Count{Of: 1}
			if t.Knows(FactApps) {
				count.N, count.Tenants = c.of(state, state == "long"), 1
			}
			g.credentials[string(state)] = count
		}
		for _, d := range then[t.Tenant] {
			if now := g.lists[d.List]; now.Whole() {
				g.before[d.List] = Change{Day: day, Then: d.N, Now: now.N, Tenants: 1}
			}
		}
		out.Tenants = append(out.Tenants, TenantSummary{t, g})
		out.Overall.add(g)
	}
	return out, nil
}

// membership remembers in which lists classes are: tenants have the same ones.
type membership map[Class][]int

func (m membership) lists(c Class) []int {
	out, ok := m[c]
	if !ok {
		for i, rule := range listRules {
			if rule.has(c) {
				out = append(out, i)
			}
		}
		m[c] = out
	}
	return out
}

func newNumbers() Numbers {
	return Numbers{map[List]Count{}, map[string]Count{}, map[List]Change{}}
}

func (g Numbers) add(o Numbers) {
	for l, c := range o.lists {
		g.lists[l] = g.lists[l].plus(c)
	}
	for s, c := range o.credentials {
		g.credentials[s] = g.credentials[s].plus(c)
	}
	for l, c := range o.before {
		sum := g.before[l]
		g.before[l] = Change{c.Day, sum.Then + c.Then, sum.Now + c.Now, sum.Tenants + c.Tenants}
	}
}

// Order is the order of a list of accounts.
type Order string

// The orders.
const (
	ByRisk   Order = "risk"    // the riskiest first, then those longest without use
	ByUse    Order = "idle"    // those longest without use first
	ByNewest Order = "created" // the newest first
)

// ListQuery asks for a page of a list.
type ListQuery struct {
	List    List
	Order   Order
	Account string // object id; "" = any
	After   *AccountPlace
	Limit   int
	Grants  bool         // with the roles that they hold
	Reads   []TenantRead // of the scope, where the caller has them
}

// AccountList is a page of a list of accounts.
type AccountList struct {
	Rows  []AccountRow
	Next  *AccountPlace // nil = there are no more
	Count Count         // of the whole list; without regard to ListQuery.Account
	Reads []TenantRead  // of the scope
}

// List gives a page of a list.
func (r Reports) List(ctx context.Context, s fresnel.Scope, q ListQuery) (AccountList, error) {
	var out AccountList
	var err error
	rule, ok := ruleOf[q.List]
	if !ok {
		return out, fresnel.Errorf(fresnel.Invalid, "there is no list %.60q of accounts", q.List)
	}
	if out.Reads = q.Reads; out.Reads == nil {
		if out.Reads, err = r.Reader.Coverage(ctx, s); err != nil {
			return out, err
		}
	}
	ask := AccountQuery{Account: q.Account, Newest: q.Order == ByNewest, Limit: q.Limit + 1}
	for _, t := range out.Reads {
		n := Count{Of: 1}
		if t.Knows(rule.needs...) {
			ask.Tenants = append(ask.Tenants, t.Tenant)
			n.Tenants = 1
			if !t.Whole(slices.Concat(rule.needs, rule.parts)...) {
				n.Parts = 1
			}
		}
		out.Count = out.Count.plus(n)
	}
	counts, err := r.Reader.Classes(ctx, s)
	if err != nil {
		return out, err
	}
	byRank, of := map[int][]Class{}, map[int]int{}
	ranks := map[Class]int{} // of those seen
	knows := map[fresnel.TenantID]bool{}
	for _, t := range ask.Tenants {
		knows[t] = true
	}
	for _, c := range counts {
		if !knows[c.Tenant] || !rule.has(c.Class) {
			continue
		}
		out.Count.N += c.N
		rank, seen := ranks[c.Class]
		if !seen {
			if q.Order == ByRisk {
				rank = c.Class.rank()
			}
			ranks[c.Class] = rank
			byRank[rank] = append(byRank[rank], c.Class)
		}
		of[rank] += c.N
	}
	for _, rank := range slices.SortedFunc(maps.Keys(byRank), func(a, b int) int { return cmp.Compare(b, a) }) {
		if q.After != nil && rank > q.After.Rank {
			continue
		}
		ask.Classes, ask.Of, ask.After = byRank[rank], of[rank], AccountPlace{}
		if q.After != nil && rank == q.After.Rank {
			ask.After = *q.After
		}
		ask.Limit = q.Limit + 1 - len(out.Rows)
		rows, err := r.Reader.Accounts(ctx, s, ask)
		if err != nil {
			return out, err
		}
		for i := range rows {
			rows[i].Place.Rank = rank
		}
		if out.Rows = append(out.Rows, rows...); len(out.Rows) > q.Limit {
			break
		}
	}
	if len(out.Rows) > q.Limit {
		out.Rows = out.Rows[:q.Limit]
		out.Next = &out.Rows[q.Limit-1].Place
	}
	if q.Grants {
		err = r.grants(ctx, s, len(out.Rows), func(i int) (Principal, *[]Grant) {
			return Principal{out.Rows[i].Tenant, out.Rows[i].ID}, &out.Rows[i].Grants
		})
	}
	return out, err
}

// grants fills what principals hold, the most powerful first.
func (r Reports) grants(ctx context.Context, s fresnel.Scope, n int, at func(int) (Principal, *[]Grant)) error {
	if n == 0 {
		return nil
	}
	list := make([]Principal, n)
	for i := range n {
		list[i], _ = at(i)
	}
	by, err := r.Reader.GrantsOf(ctx, s, list)
	for i, p := range list {
		_, to := at(i)
		*to = by[p]
		slices.SortFunc(*to, func(a, b Grant) int {
			return cmp.Or(cmp.Compare(b.Tier, a.Tier), compareBool(a.Eligible, b.Eligible), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Through, b.Through))
		})
	}
	return err
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// OtherList is a page of the principals with power that are no accounts.
type OtherList struct {
	Rows  []OtherRow
	Next  *Principal
	Reads []TenantRead
}

// Others lists applications, managed identities, and principals that are no
// more, with power.
func (r Reports) Others(ctx context.Context, s fresnel.Scope, after *Principal, limit int) (OtherList, error) {
	var out OtherList
	var err error
	if out.Reads, err = r.Reader.Coverage(ctx, s); err != nil {
		return out, err
	}
	var from Principal
	if after != nil {
		from = *after
	}
	if out.Rows, err = r.Reader.Others(ctx, s, from, limit+1); err != nil {
		return out, err
	}
	if len(out.Rows) > limit {
		out.Rows = out.Rows[:limit]
		out.Next = &out.Rows[limit-1].Principal
	}
	err = r.grants(ctx, s, len(out.Rows), func(i int) (Principal, *[]Grant) { return out.Rows[i].Principal, &out.Rows[i].Grants })
	return out, err
}

// CredentialList is a page of credentials.
type CredentialList struct {
	Rows  []CredentialRow
	Next  *CredentialPlace
	Count Count
	Reads []TenantRead
}

// Credentials lists credentials by their end, those that ended first.
func (r Reports) Credentials(ctx context.Context, s fresnel.Scope, q CredentialQuery) (CredentialList, error) {
	var out CredentialList
	var err error
	if out.Reads, err = r.Reader.Coverage(ctx, s); err != nil {
		return out, err
	}
	q.Tenants, q.Limits, q.Now = nil, r.Limits, r.Now()
	counts, err := r.Reader.CredentialCounts(ctx, s, q.Now, q.Limits)
	if err != nil {
		return out, err
	}
	by := map[fresnel.TenantID]CredentialCount{}
	for _, c := range counts {
		by[c.Tenant] = c
	}
	for _, t := range out.Reads {
		out.Count.Of++
		if t.Knows(FactApps) {
			q.Tenants = append(q.Tenants, t.Tenant)
			c := by[t.Tenant]
			out.Count = out.Count.plus(Count{N: c.of(q.State, q.Long), Tenants: 1})
		}
	}
	limit := q.Limit
	q.Limit++
	if out.Rows, err = r.Reader.Credentials(ctx, s, q); err != nil {
		return out, err
	}
	if len(out.Rows) > limit {
		out.Rows = out.Rows[:limit]
		out.Next = &out.Rows[limit-1].Place
	}
	for i := range out.Rows {
		c := &out.Rows[i]
		c.State, c.Long = StateOf(c.Credential, q.Limits, q.Now), LongOf(c.Credential, q.Limits, q.Now)
	}
	return out, nil
}

// StateOf is how long a credential is still good.
func StateOf(c Credential, l Limits, now time.Time) CredentialState {
	switch {
	case c.End.IsZero():
		return CredentialEndless
	case !c.End.After(now):
		return CredentialExpired
	case !c.End.After(now.AddDate(0, 0, l.Expiring)):
		return CredentialExpiring
	}
	return CredentialValid
}

// LongOf tells whether a credential that has not ended lasts longer than it may.
// One without an end is endless, which is worse.
func LongOf(c Credential, l Limits, now time.Time) bool {
	return c.End.After(now) && c.End.Sub(c.Start) > time.Duration(l.Long)*24*time.Hour
}

// RoleList is the roles of a scope.
type RoleList struct {
	Rows  []RoleCount // the most powerful first, then by name and tenant
	Reads []TenantRead
}

// Roles gives the roles that somebody holds.
func (r Reports) Roles(ctx context.Context, s fresnel.Scope) (RoleList, error) {
	var out RoleList
	var err error
	if out.Reads, err = r.Reader.Coverage(ctx, s); err != nil {
		return out, err
	}
	knows := map[fresnel.TenantID]TenantRead{}
	for _, t := range out.Reads {
		knows[t.Tenant] = t
	}
	if out.Rows, err = r.Reader.Roles(ctx, s); err != nil {
		return out, err
	}
	out.Rows = slices.DeleteFunc(out.Rows, func(c RoleCount) bool {
		if c.Azure {
			return !knows[c.Tenant].Knows(FactAzureRoles)
		}
		return !knows[c.Tenant].Knows(FactRoles)
	})
	slices.SortFunc(out.Rows, func(a, b RoleCount) int {
		return cmp.Or(compareBool(a.Azure, b.Azure), cmp.Compare(b.Tier, a.Tier), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Role, b.Role), cmp.Compare(a.TenantName, b.TenantName), cmp.Compare(a.Tenant, b.Tenant))
	})
	return out, nil
}

// TrendLists are the lists that have a history.
func TrendLists() []List {
	return []List{
		Users, Guests, People, WithMFA, WithoutMFA, UnreportedMFA, PrivilegedUsers, PrivilegedNoMFA, StandingPower, EligibleOnly, GlobalAdmins,
		IdleUsers, IdleGuests, NeverUsed, Disabled,
	}
}

// Point is the numbers of a day.
type Point struct {
	Day    fresnel.Day
	Counts map[List]Count // Of: the tenants in scope
}

// Trend is how numbers moved.
type Trend struct {
	Days  []Point // in order, each day of the period
	Reads []TenantRead
}

// Trend gives the numbers of lists by day, of the tenants in scope as read. A day
// counts only the tenants that knew the number on it.
func (r Reports) Trend(ctx context.Context, s fresnel.Scope, reads []TenantRead, lists []List, p fresnel.Period) (Trend, error) {
	out := newTrend(reads, lists, p)
	sums, err := r.Reader.DaySums(ctx, s, lists, p)
	for _, d := range sums {
		counts := out.Days[d.Day-p.From].Counts
		counts[d.List] = counts[d.List].plus(Count{N: d.N, Tenants: d.Tenants})
	}
	return out, err
}

func newTrend(reads []TenantRead, lists []List, p fresnel.Period) Trend {
	out := Trend{Reads: reads}
	for d := p.From; d < p.To; d++ {
		out.Days = append(out.Days, newPoint(d, lists, len(reads)))
	}
	return out
}
