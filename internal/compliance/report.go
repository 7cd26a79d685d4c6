package compliance

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"fresnel"
)

// Reports answers questions about compliance. A page and the API ask the same
// method and print what it gives.
type Reports struct {
	Reader Reader
	Writer Writer
	Now    func() time.Time
	Target float64       // percent that a score is to reach
	Stale  time.Duration // after so long without a reading, what is held is old
}

// KeepDays is how many days of history are kept.
const KeepDays = 400

// Score is how compliant something is: counts, and the shares that follow from
// them.
type Score struct {
	Counts
	Read          int // subscriptions with a snapshot
	Subscriptions int // subscriptions to be read
	Unregistered  int
	Failed        int
	Oldest        time.Time // the oldest of the snapshots; zero = there is none
	Before        *Before   // nil = there is nothing to compare with
	Secure        *Secure   // nil = no score is known
}

// Before is a score of an earlier day, of the subscriptions that are known now
// and were known then: one that came or went since is no rise and no fall.
type Before struct {
	Day    fresnel.Day
	Counts Counts // then
	Now    Counts // of the same subscriptions
	Of     int    // subscriptions
}

// Points is by how much Microsoft's share of today is above that of an earlier
// day, in points of percent; false where one of them has none.
func (c Score) Points() (float64, bool) {
	if c.Before == nil {
		return 0, false
	}
	return rise(c.Before.Counts, c.Before.Now)
}

// Secure is Defender's score over several subscriptions.
type Secure struct {
	Percent       float64
	Points, Most  float64 // sums of the subscriptions' points: what there is to win, not what Percent is made of
	Subscriptions int     // that have a score
	Oldest        time.Time
}

// TenantScore is the score of a tenant.
type TenantScore struct {
	TenantRead
	Score
}

// ScoreReport is how compliant a scope is.
type ScoreReport struct {
	Overall       Score
	Tenants       []TenantScore // by name
	Subscriptions []SubscriptionHeld
	Target        float64
}

// Slack is by how many days the snapshot of a day may be older.
const Slack = 2

// Compared is how many days back a score is compared by itself.
const Compared = 7

// Scores gives the scores of a scope, or of some of its subscriptions.
func (r Reports) Scores(ctx context.Context, s fresnel.Scope, only []string) (ScoreReport, error) {
	rep := ScoreReport{Target: r.Target}
	reads, err := r.Reader.Coverage(ctx, s)
	if err != nil {
		return rep, err
	}
	if rep.Subscriptions, err = r.Reader.Subscriptions(ctx, s, only); err != nil {
		return rep, err
	}
	before, err := r.before(ctx, s, rep.Subscriptions, only)
	if err != nil {
		return rep, err
	}
	var scores []SecureScore
	by := map[fresnel.TenantID]*TenantScore{}
	for _, t := range reads {
		rep.Tenants = append(rep.Tenants, TenantScore{TenantRead: t})
	}
	for i := range rep.Tenants {
		by[rep.Tenants[i].Tenant] = &rep.Tenants[i]
	}
	perTenant := map[fresnel.TenantID][]SecureScore{}
	for i := range rep.Subscriptions {
		sub := &rep.Subscriptions[i]
		t := by[sub.Tenant]
		if t == nil {
			continue
		}
		for _, score := range []*Score{&t.Score, &rep.Overall} {
			score.add(sub)
		}
		if sub.Score != nil {
			scores = append(scores, *sub.Score)
			perTenant[sub.Tenant] = append(perTenant[sub.Tenant], *sub.Score)
		}
	}
	for i := range rep.Tenants {
		t := &rep.Tenants[i]
		t.Before = before[t.Tenant]
		t.over(perTenant[t.Tenant])
	}
	rep.Overall.Before = before[""]
	rep.Overall.over(scores)
	if len(only) > 0 { // tenants without any of them are not asked about
		rep.Tenants = slices.DeleteFunc(rep.Tenants, func(t TenantScore) bool { return t.Score.Subscriptions == 0 })
	}
	return rep, nil
}

// add adds a subscription to a score.
func (c *Score) add(sub *SubscriptionHeld) {
	c.Subscriptions++
	if _, ok := sub.percent(); ok {
		if c.Secure == nil {
			c.Secure = &Secure{}
		}
		c.Secure.Subscriptions++
		c.Secure.Points += sub.Score.Current
		c.Secure.Most += sub.Score.Max
		c.Secure.Oldest = oldest(c.Secure.Oldest, sub.ScoreAt)
	}
	switch sub.Policy {
	case SubjectUnregistered:
		c.Unregistered++
	case SubjectFailed:
		c.Failed++
	case SubjectRead:
	}
	if sub.Judged() {
		c.Read++
		c.Counts = c.Plus(sub.Counts)
		c.Oldest = oldest(c.Oldest, sub.PolicyAt)
	}
}

// Judged tells whether a subscription's counts say something: what was judged
// once is not judged any more where Azure's provider is not registered.
func (s *SubscriptionHeld) Judged() bool {
	return !s.PolicyAt.IsZero() && s.Policy != SubjectUnregistered
}

// percent is the secure score of a subscription; false where there is none.
func (s *SubscriptionHeld) percent() (float64, bool) {
	if s.Score == nil {
		return 0, false
	}
	return s.Score.Percent()
}

func oldest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// over fills the percentage of several secure scores.
func (c *Score) over(list []SecureScore) {
	if c.Secure != nil {
		c.Secure.Percent, _ = ScoreOf(list)
	}
}

// before gives the scores of Compared days ago, by tenant; "" = of all.
func (r Reports) before(ctx context.Context, s fresnel.Scope, held []SubscriptionHeld, only []string) (map[fresnel.TenantID]*Before, error) {
	day := fresnel.DayOf(r.Now()) - Compared
	list, err := r.Reader.At(ctx, s, only, day)
	if err != nil {
		return nil, err
	}
	now := map[string]Counts{}
	for i := range held {
		if held[i].Judged() {
			now[held[i].Subscription] = held[i].Counts
		}
	}
	out := map[fresnel.TenantID]*Before{}
	for _, x := range list {
		is, ok := now[x.Subscription]
		if !ok || x.Day < day-Slack { // a snapshot that was old even then says nothing of that day
			continue
		}
		for _, t := range []fresnel.TenantID{x.Tenant, ""} {
			if out[t] == nil {
				out[t] = &Before{Day: day}
			}
			b := out[t]
			b.Counts, b.Now, b.Of = b.Counts.Plus(x.Counts), b.Now.Plus(is), b.Of+1
		}
	}
	return out, nil
}

// State says how far a tenant's numbers are to be trusted.
func (t TenantScore) State(now time.Time, stale time.Duration) string {
	switch {
	case t.Score.Read == 0 && t.Score.Unregistered > 0 && t.Score.Unregistered == t.Score.Subscriptions:
		return "none"
	case t.Score.Read == 0:
		return "never"
	case t.Score.Read+t.Score.Unregistered < t.Score.Subscriptions:
		return "partial"
	case t.Score.Failed > 0, now.Sub(t.Oldest()) > stale:
		return "stale"
	}
	return "fresh"
}

// Oldest is the age of the oldest snapshot of the tenant.
func (t TenantScore) Oldest() time.Time { return t.Score.Oldest }

// PolicyQuery selects policies.
type PolicyQuery struct {
	Subscriptions []string
	Text          string // part of the name
	Categories    []string
	Effects       []string
	Failing       bool // those with non-compliant resources only
	Sort          PolicySort
	Offset, Limit int
}

// PolicySort is the order of a list of policies.
type PolicySort string

// The orders of a list of policies; each is told apart by name, then by number.
const (
	PolicyMost     PolicySort = "non_compliant" // most first
	PolicyName     PolicySort = "name"
	PolicyCategory PolicySort = "category"
	PolicyScore    PolicySort = "score" // lowest first, those without one last
)

// PolicySorts lists the orders.
func PolicySorts() []PolicySort {
	return []PolicySort{PolicyMost, PolicyName, PolicyCategory, PolicyScore}
}

// Policy is a policy definition with what it counts over all its assignments: a
// resource that two assignments judge is one.
type Policy struct {
	Num      int64
	ID       string // of the definition
	Name     string // its id where Azure hides the name
	Category string
	Custom   bool
	Effects  []string // of its assignments, in alphabetical order
	Counts   Counts
	Tenants  []Sum // in which it is, most non-compliant first
}

// PolicyList is a page of policies.
type PolicyList struct {
	Rows       []Policy
	Total      int // that match
	Assigned   int // in all
	Failing    int // of them, with non-compliant resources
	Categories []string
	Effects    []string
}

// Policies lists the policies that are assigned.
func (r Reports) Policies(ctx context.Context, s fresnel.Scope, q PolicyQuery) (PolicyList, error) {
	var out PolicyList
	all, err := r.policies(ctx, s, q.Subscriptions)
	if err != nil {
		return out, err
	}
	categories, effects := map[string]bool{}, map[string]bool{}
	text := strings.ToLower(q.Text)
	for _, p := range all {
		out.Assigned++
		if p.Counts.NonCompliant > 0 {
			out.Failing++
		}
		if p.Category != "" {
			categories[p.Category] = true
		}
		for _, e := range p.Effects {
			effects[e] = true
		}
		if strings.Contains(strings.ToLower(p.Name), text) && (!q.Failing || p.Counts.NonCompliant > 0) && in(q.Categories, p.Category) &&
			(len(q.Effects) == 0 || slices.ContainsFunc(p.Effects, func(e string) bool { return in(q.Effects, e) })) {
			out.Rows = append(out.Rows, p)
		}
	}
	out.Categories, out.Effects = slices.Sorted(maps.Keys(categories)), slices.Sorted(maps.Keys(effects))
	out.Total = len(out.Rows)
	slices.SortFunc(out.Rows, q.Sort.compare)
	out.Rows = out.Rows[min(max(0, q.Offset), out.Total):]
	if q.Limit > 0 {
		out.Rows = out.Rows[:min(q.Limit, len(out.Rows))]
	}
	return out, nil
}

func in(list []string, word string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(w string) bool { return strings.EqualFold(w, word) })
}

func (by PolicySort) compare(a, b Policy) int {
	first := 0
	switch by {
	case PolicyName:
	case PolicyCategory:
		first = cmp.Compare(strings.ToLower(a.Category), strings.ToLower(b.Category))
	case PolicyScore:
		x, ok := a.Counts.Official().Percent()
		y, too := b.Counts.Official().Percent()
		if first = cmp.Compare(x, y); ok != too {
			first = 1
			if ok {
				first = -1
			}
		}
	default:
		first = cmp.Compare(b.Counts.NonCompliant, a.Counts.NonCompliant)
	}
	return cmp.Or(first, cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Num, b.Num))
}

// microsofts is how the ids of Microsoft's own definitions begin: customers'
// have a scope before it.
const microsofts = "/providers/microsoft.authorization/"

// policies gives the policies of a scope, or some of them; by number.
func (r Reports) policies(ctx context.Context, s fresnel.Scope, only []string, nums ...int64) ([]Policy, error) {
	sums, err := r.Reader.Sums(ctx, s, SumAsk{Kind: KindPolicy, Items: nums, Subscriptions: only})
	if err != nil {
		return nil, err
	}
	by := map[int64]*Policy{}
	nums = nil
	for _, x := range sums {
		p := by[x.Item]
		if p == nil {
			p = &Policy{Num: x.Item}
			by[x.Item] = p
			nums = append(nums, x.Item)
		}
		p.Counts = p.Counts.Plus(x.Counts)
		p.Tenants = append(p.Tenants, x)
	}
	slices.Sort(nums)
	items, err := r.Reader.Items(ctx, s, nums)
	if err != nil {
		return nil, err
	}
	for _, i := range items {
		p := by[i.Num]
		p.ID = cmp.Or(p.ID, i.ID)
		p.Name, p.Category = cmp.Or(p.Name, i.Name), cmp.Or(p.Category, i.Category)
		p.Custom = p.Custom || i.More.Custom || !strings.HasPrefix(strings.ToLower(i.ID), microsofts) // hidden ones, too
		for e := range strings.SplitSeq(i.Effect, ",") {
			if e != "" && !slices.Contains(p.Effects, e) {
				p.Effects = append(p.Effects, e)
			}
		}
	}
	out := make([]Policy, 0, len(by))
	for _, n := range nums {
		p := by[n]
		if p.Name == "" {
			p.Name = p.ID[strings.LastIndexByte(p.ID, '/')+1:]
		}
		slices.Sort(p.Effects)
		slices.SortFunc(p.Tenants, func(a, b Sum) int {
			return cmp.Or(cmp.Compare(b.Counts.NonCompliant, a.Counts.NonCompliant), cmp.Compare(a.Tenant, b.Tenant))
		})
		out = append(out, *p)
	}
	return out, nil
}

// PolicyDetail is one policy.
type PolicyDetail struct {
	Policy
	Description string
	Mode        string
	Assignments []AssignedPolicy // most non-compliant first
	Remedies    []Remedy         // one for each effect
}

// lacking is how many assignments with an effect have no identity. Of those that
// Azure hides it is not known.
func (p PolicyDetail) lacking(effect string) int {
	n := 0
	for _, a := range p.Assignments {
		if told := a.Assignment.About != ""; told && a.Effect == effect && !a.Assignment.More.Identity {
			n++
		}
	}
	return n
}

// AssignedPolicy is a policy within an assignment of a tenant.
type AssignedPolicy struct {
	Tenant     fresnel.TenantID
	Assignment Item
	Initiative string // its name; "" = the policy is assigned by itself
	Reference  string
	Effect     string
	Counts     Counts
}

// Policy gives one policy. It fails with NotFound.
func (r Reports) Policy(ctx context.Context, s fresnel.Scope, num int64) (PolicyDetail, error) {
	var out PolicyDetail
	list, err := r.policies(ctx, s, nil, num)
	if err != nil {
		return out, err
	}
	if len(list) == 0 {
		return out, fresnel.Errorf(fresnel.NotFound, "there is no policy %d", num)
	}
	out.Policy = list[0]
	items, err := r.Reader.Items(ctx, s, []int64{num})
	if err != nil {
		return out, err
	}
	for _, i := range items {
		out.Description, out.Mode = cmp.Or(out.Description, i.More.Description), cmp.Or(out.Mode, i.More.Mode)
	}
	checks, err := r.Reader.Checks(ctx, s, num)
	if err != nil || len(checks) == 0 {
		return out, err
	}
	sums, err := r.Reader.Sums(ctx, s, SumAsk{Kind: KindCheck, Items: numsOf(checks)})
	if err != nil {
		return out, err
	}
	names, err := r.assigned(ctx, s, checks)
	if err != nil {
		return out, err
	}
	byKey := keyed(checks)
	for _, x := range sums {
		c, ok := byKey[itemKey{x.Tenant, x.Item}]
		if !ok {
			continue
		}
		a := names[itemKey{x.Tenant, c.Assignment}]
		one := AssignedPolicy{Tenant: x.Tenant, Assignment: a, Reference: c.Reference, Effect: c.Effect, Counts: x.Counts}
		if set, ok := names[itemKey{x.Tenant, a.Definition}]; ok && set.Kind == KindSet {
			one.Initiative = cmp.Or(set.Name, set.ID)
		}
		out.Assignments = append(out.Assignments, one)
	}
	slices.SortFunc(out.Assignments, func(a, b AssignedPolicy) int {
		return cmp.Or(cmp.Compare(b.Counts.NonCompliant, a.Counts.NonCompliant), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Assignment.Num, b.Assignment.Num), cmp.Compare(a.Reference, b.Reference))
	})
	for _, e := range out.Effects {
		out.Remedies = append(out.Remedies, RemedyOf(e, out.lacking(e), slices.ContainsFunc(out.Assignments, func(a AssignedPolicy) bool { return a.Effect == e && a.Reference != "" })))
	}
	return out, nil
}

// itemKey tells items of tenants apart.
type itemKey struct {
	tenant fresnel.TenantID
	num    int64
}

func keyed(list []Item) map[itemKey]Item {
	out := make(map[itemKey]Item, len(list))
	for _, i := range list {
		out[itemKey{i.Tenant, i.Num}] = i
	}
	return out
}

func numsOf(list []Item) []int64 {
	nums := make([]int64, len(list))
	for i, x := range list {
		nums[i] = x.Num
	}
	slices.Sort(nums)
	return slices.Compact(nums)
}

// assigned gives the assignments of checks, and what they assign.
func (r Reports) assigned(ctx context.Context, s fresnel.Scope, checks []Item) (map[itemKey]Item, error) {
	var nums []int64
	for _, c := range checks {
		nums = append(nums, c.Assignment)
	}
	slices.Sort(nums)
	list, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	if err != nil {
		return nil, err
	}
	nums = nil
	for _, a := range list {
		nums = append(nums, a.Definition)
	}
	slices.Sort(nums)
	sets, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	return keyed(append(list, sets...)), err
}

// FailingReport is a page of resources that do not comply, with what they fail.
type FailingReport struct {
	FailingList
	Failed map[string][]Failed // by resource
	Names  map[int64]string    // of policies, by number
}

// NonCompliant lists resources that do not comply.
func (r Reports) NonCompliant(ctx context.Context, s fresnel.Scope, q FailingQuery) (FailingReport, error) {
	var out FailingReport
	var err error
	if out.FailingList, err = r.Reader.Failing(ctx, s, q); err != nil {
		return out, err
	}
	ids := make([]string, len(out.Rows))
	for i, f := range out.Rows {
		ids[i] = f.Resource
	}
	list, err := r.Reader.FailuresOf(ctx, s, ids)
	if err != nil {
		return out, err
	}
	out.Failed, out.Names = map[string][]Failed{}, map[int64]string{}
	var nums []int64
	for _, f := range list {
		out.Failed[f.Resource] = append(out.Failed[f.Resource], f)
		nums = append(nums, f.Policy)
	}
	slices.Sort(nums)
	items, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	for _, i := range items {
		out.Names[i.Num] = cmp.Or(i.Name, out.Names[i.Num], i.ID[strings.LastIndexByte(i.ID, '/')+1:])
	}
	return out, err
}

// Trend is how scores moved: of each day of a period what was held at its end.
// A day without a reading has no point.
type Trend struct {
	Period  fresnel.Period
	Tenants map[fresnel.TenantID][]DayCount
	Overall []DayCount // of the days from which on every tenant that is read by now has a point
	Target  float64
}

// Trends gives the days of a period.
func (r Reports) Trends(ctx context.Context, s fresnel.Scope, only []string, p fresnel.Period) (Trend, error) {
	out := Trend{Period: p, Tenants: map[fresnel.TenantID][]DayCount{}, Target: r.Target}
	var list []DayCount
	var err error
	if len(only) > 0 {
		list, err = r.Reader.DaysOf(ctx, s, only, p)
	} else {
		list, err = r.Reader.Days(ctx, s, p)
	}
	if err != nil {
		return out, err
	}
	days := map[fresnel.Day][]DayCount{}
	for _, d := range list {
		out.Tenants[d.Tenant] = append(out.Tenants[d.Tenant], d)
		days[d.Day] = append(days[d.Day], d)
	}
	// A tenant that was not read on a day stands as it was: a sum of fewer tenants
	// would move when one comes or goes.
	last, scores := map[fresnel.TenantID]DayCount{}, map[fresnel.TenantID]DayCount{}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		sum := DayCount{Day: day}
		for _, d := range days[day] {
			if d.Fresh > 0 {
				last[d.Tenant] = d
				sum.Fresh += d.Fresh
			}
			scores[d.Tenant] = d // with what was known of each subscription by then
		}
		for _, d := range last {
			sum.Counts, sum.Expected, sum.Read = sum.Counts.Plus(d.Counts), sum.Expected+d.Expected, sum.Read+d.Read
		}
		for _, d := range scores {
			sum.Score, sum.Weight = sum.Score+d.Score, sum.Weight+d.Weight
		}
		if len(last) == len(out.Tenants) { // before a tenant's first day the sum would be of fewer
			out.Overall = append(out.Overall, sum.Known())
		}
	}
	return out, nil
}

// SecureReport is Defender's score of a scope.
type SecureReport struct {
	Overall       Score
	Tenants       []TenantScore
	Subscriptions []SubscriptionHeld
	Controls      []ControlSum // with the most to win first
}

// ControlSum is a control of the secure score over several subscriptions.
type ControlSum struct {
	Item          Item
	Healthy       int
	Unhealthy     int
	NotApplicable int
	Points, Most  float64
	Subscriptions int // to which it applies
}

// Secure gives the secure score of a scope, with its controls.
func (r Reports) Secure(ctx context.Context, s fresnel.Scope, only []string) (SecureReport, error) {
	scores, err := r.Scores(ctx, s, only)
	if err != nil {
		return SecureReport{}, err
	}
	out := SecureReport{Overall: scores.Overall, Tenants: scores.Tenants, Subscriptions: scores.Subscriptions}
	sums, err := r.Reader.Sums(ctx, s, SumAsk{Kind: KindControl, Subscriptions: only})
	if err != nil {
		return out, err
	}
	by := map[int64]*ControlSum{}
	var nums []int64
	for _, x := range sums {
		c := by[x.Item]
		if c == nil {
			c = &ControlSum{}
			by[x.Item] = c
			nums = append(nums, x.Item)
		}
		c.Healthy, c.Unhealthy, c.NotApplicable = c.Healthy+x.Counts.Compliant, c.Unhealthy+x.Counts.NonCompliant, c.NotApplicable+x.Counts.Exempt
		c.Points, c.Most, c.Subscriptions = c.Points+float64(x.Points)/1e6, c.Most+float64(x.Most)/1e6, c.Subscriptions+x.Subs
	}
	items, err := r.Reader.Items(ctx, s, nums)
	for _, i := range items {
		by[i.Num].Item = i
	}
	for _, n := range nums {
		out.Controls = append(out.Controls, *by[n])
	}
	slices.SortFunc(out.Controls, func(a, b ControlSum) int {
		return cmp.Or(cmp.Compare(b.Most-b.Points, a.Most-a.Points), cmp.Compare(a.Item.Name, b.Item.Name))
	})
	return out, err
}

// ExemptionStanding is whether an exemption holds.
type ExemptionStanding string

// The standings of an exemption.
const (
	ExemptionActive   ExemptionStanding = "active"
	ExemptionExpiring ExemptionStanding = "expiring" // within ExpiringDays
	ExemptionExpired  ExemptionStanding = "expired"  // Azure keeps it, and it exempts nothing any more
)

// ExpiringDays is how long before its end an exemption is said to expire.
const ExpiringDays = 30

// Exemption is what is taken out of an assignment.
type Exemption struct {
	Item
	Assignment Item // its name is "" where it is hidden
	Standing   ExemptionStanding
	DaysLeft   int // until it expires, negative since; with an expiry only
}

// Exemptions lists those of a scope: what expires first comes first, what never
// does last.
func (r Reports) Exemptions(ctx context.Context, s fresnel.Scope, standings []ExemptionStanding) ([]Exemption, error) {
	list, err := r.Reader.Told(ctx, s, []Kind{KindExemption, KindAssignment}, false)
	if err != nil {
		return nil, err
	}
	names := keyed(list)
	now := r.Now()
	var out []Exemption
	for _, i := range list {
		if i.Kind != KindExemption {
			continue
		}
		x := Exemption{Item: i, Assignment: names[itemKey{i.Tenant, i.Assignment}], Standing: ExemptionActive}
		if x.Assignment.ID == "" {
			x.Assignment.ID = i.About
		}
		if !i.Expires.IsZero() {
			left := i.Expires.Sub(now)
			x.DaysLeft = int(left / (24 * time.Hour))
			switch {
			case left <= 0:
				x.Standing = ExemptionExpired
			case left <= ExpiringDays*24*time.Hour:
				x.Standing = ExemptionExpiring
			}
		}
		if len(standings) == 0 || slices.Contains(standings, x.Standing) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b Exemption) int {
		if a.Expires.IsZero() != b.Expires.IsZero() {
			if a.Expires.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Num, b.Num))
	})
	return out, nil
}

// Touches tells whether an exemption may be about something in one of some
// subscriptions of its tenant; none = any. One of a management group may be:
// which groups are above a subscription is not told with it.
func (x Exemption) Touches(subscriptions []string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(x.Scope), "/subscriptions/")
	id, _, _ := strings.Cut(rest, "/")
	return len(subscriptions) == 0 || !ok || slices.Contains(subscriptions, id)
}

// Fails gives what resources (ARM ids, lower case) do not comply with, and what
// those policies are called, by number.
func (r Reports) Fails(ctx context.Context, s fresnel.Scope, resources ...string) ([]Failed, map[int64]string, error) {
	list, err := r.Reader.FailuresOf(ctx, s, resources)
	if err != nil || len(list) == 0 {
		return nil, nil, err
	}
	var nums []int64
	for _, f := range list {
		nums = append(nums, f.Policy)
	}
	slices.Sort(nums)
	names := map[int64]string{}
	items, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	for _, i := range items {
		names[i.Num] = cmp.Or(i.Name, names[i.Num], i.ID[strings.LastIndexByte(i.ID, '/')+1:])
	}
	return list, names, err
}
