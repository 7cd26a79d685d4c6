package compliance

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"fresnel"
)

// Cause is why a failure came or went.
type Cause string

// The causes, in the order in which they are looked for.
const (
	CauseAssignment Cause = "assignment" // an assignment, or a policy in it, was added or removed
	CauseResource   Cause = "resource"   // the resource was created or deleted
	CauseExemption  Cause = "exemption"  // an exemption ended or was made
	CauseState      Cause = "state"      // the resource, or what the policy asks, is not what it was: drift
)

// DriftAsk selects what is compared.
type DriftAsk struct {
	From, To      fresnel.Day // what was held at their ends
	Subscriptions []string
	Rows          int // of the list of moves, at most
}

// Drift is how compliance on one day differs from that on another. It is of the
// subscriptions that have a snapshot of both.
type Drift struct {
	From, To    fresnel.Day
	First       fresnel.Day // the first day of which anything is held; 0 = nothing is
	Before      Counts      // distinct resources, as Microsoft counts them
	After       Counts
	Compared    int // subscriptions
	Added       int // subscriptions without a snapshot of the first day
	Removed     int // subscriptions without one of the second
	LikeBefore  Counts
	LikeAfter   Counts
	Assignments []AssignmentMove
	New         map[Cause]int // failures, by why they are there
	Resolved    map[Cause]int // failures, by why they are not
	Changed     int
	Rows        []MovedRow // the first of them: new ones, resolved ones, changed ones
	More        bool       // there are more moves than rows
	Names       map[int64]string
}

// Points is by how much Microsoft's percentage rose; false without one of both days.
func (d Drift) Points() (float64, bool) { return rise(d.Before, d.After) }

// Like is by how much compliance rose where the same assignments judge: of each
// pair of an assignment and a resource that it judges, of the assignments that
// judged each subscription on both days. What was assigned since then, or is no
// more, is in neither.
//
// Pairs are compared, because how many distinct resources would have failed on
// a past day without some assignment is not known of a past day; pairs of one
// assignment are a number that is held of each day.
func (d Drift) Like() (float64, bool) { return rise(d.LikeBefore, d.LikeAfter) }

func rise(before, after Counts) (float64, bool) {
	b, ok := before.Official().Percent()
	a, too := after.Official().Percent()
	return a - b, ok && too
}

// NewFailures is how many failures are new.
func (d Drift) NewFailures() int { return total(d.New) }

// ResolvedFailures is how many failures are no more.
func (d Drift) ResolvedFailures() int { return total(d.Resolved) }

func total(by map[Cause]int) int {
	n := 0
	for _, v := range by {
		n += v
	}
	return n
}

// AssignmentMove is an assignment that judged on one of the days only.
type AssignmentMove struct {
	Item
	Added  bool   // else it was removed
	Counts Counts // on the day on which it judged
	// Subscriptions are those that it judges on one of the days only, where it
	// judges others on both; none = it is new, or gone, as a whole.
	Subscriptions []string
}

// MovedRow is a failure that is not the same on both days, with why.
type MovedRow struct {
	Moved
	Cause Cause
	By    string // the assignment or the exemption that caused it
}

// Drift compares two days. Where the first is before anything is held, Compared
// is 0 and First says from when on days can be compared. It fails with Invalid
// where From is not before To.
func (r Reports) Drift(ctx context.Context, s fresnel.Scope, ask DriftAsk) (Drift, error) {
	d := Drift{From: ask.From, To: ask.To, New: map[Cause]int{}, Resolved: map[Cause]int{}, Names: map[int64]string{}}
	if ask.From >= ask.To {
		return d, fresnel.Errorf(fresnel.Invalid, "%s is not before %s", ask.From, ask.To)
	}
	first, any, err := r.Reader.FirstDay(ctx, s)
	if err != nil || !any {
		return d, err
	}
	d.First = first
	before, err := r.Reader.At(ctx, s, ask.Subscriptions, ask.From)
	if err != nil {
		return d, err
	}
	after, err := r.Reader.At(ctx, s, ask.Subscriptions, ask.To)
	if err != nil {
		return d, err
	}
	subs := d.both(before, after)
	if len(subs) == 0 {
		return d, nil
	}
	why, err := r.explainer(ctx, s, &d, subs)
	if err != nil {
		return d, err
	}
	if err := r.moves(ctx, s, &d, ask, subs, why); err != nil {
		return d, err
	}
	return d, r.nameMoves(ctx, s, &d)
}

// span is between two readings of a subscription.
type span struct {
	tenant   fresnel.TenantID
	from, to time.Time
}

// lag is how much later than an event policies may judge by it: Azure names up
// to half an hour for a new assignment, and a quarter for a new resource.
const lag = time.Hour

// has tells whether something that happened may show in the later reading and
// not in the earlier.
func (s span) has(at time.Time) bool {
	return !at.IsZero() && at.After(s.from.Add(-lag)) && !at.After(s.to)
}

// saw tells whether we saw something after the earlier reading.
func (s span) saw(at time.Time) bool { return at.After(s.from) && !at.After(s.to) }

// both finds the subscriptions that can be compared, and adds up their counts.
func (d *Drift) both(before, after []SubscriptionAt) map[string]span {
	was := map[string]SubscriptionAt{}
	for _, x := range before {
		was[x.Subscription] = x
	}
	subs := map[string]span{}
	for _, x := range after {
		old, ok := was[x.Subscription]
		switch {
		case !ok || old.Day < d.From-Slack && x.Day > old.Day:
			d.Added++
			continue
		case x.Day < d.To-Slack || x.Day == old.Day:
			d.Removed++ // it was not read since
			continue
		}
		subs[x.Subscription] = span{x.Tenant, old.Read, x.Read}
		d.Compared++
		d.Before, d.After = d.Before.Plus(old.Counts), d.After.Plus(x.Counts)
	}
	return subs
}

// moves counts what moved by cause, and keeps the first rows. Most failures come
// and go by drift, and these are counted only: what is read is what may have
// another cause, and what is shown.
func (r Reports) moves(ctx context.Context, s fresnel.Scope, d *Drift, ask DriftAsk, subs map[string]span, why *explainer) error {
	counts, err := r.Reader.MovedCounts(ctx, s, ask.Subscriptions, ask.From, ask.To)
	if err != nil {
		return err
	}
	counts = slices.DeleteFunc(counts, func(c MovedCount) bool { _, ok := subs[c.Subscription]; return !ok })
	var all MovedCount
	rank := make(map[string]int, len(counts))
	for i, c := range counts {
		all.New, all.Resolved, all.Changed = all.New+c.New, all.Resolved+c.Resolved, all.Changed+c.Changed
		rank[c.Subscription] = i
	}
	moved := MovedAsk{Subscriptions: ask.Subscriptions, From: ask.From, To: ask.To}
	if all.New+all.Resolved+all.Changed > ask.Rows {
		moved.Some = why.suspects()
		moved.Some.Subscriptions = shown(counts, ask.Rows)
	}
	rows := map[MoveKind][]MovedRow{}
	first := func(kind MoveKind) { // keeps those that may be shown
		slices.SortStableFunc(rows[kind], func(a, b MovedRow) int { return cmp.Compare(rank[a.Subscription], rank[b.Subscription]) })
		rows[kind] = rows[kind][:min(ask.Rows, len(rows[kind]))]
	}
	read := map[MoveKind]int{}
	err = r.Reader.Moved(ctx, s, moved, func(m Moved) bool {
		if _, ok := subs[m.Subscription]; !ok {
			return true
		}
		row := MovedRow{Moved: m}
		read[m.Kind]++
		switch m.Kind {
		case MovedNew:
			row.Cause, row.By = why.why(m)
			d.New[row.Cause]++
		case MovedResolved:
			row.Cause, row.By = why.why(m)
			d.Resolved[row.Cause]++
		case MovedChanged:
		}
		if rows[m.Kind] = append(rows[m.Kind], row); len(rows[m.Kind]) > 2*ask.Rows+100 {
			first(m.Kind)
		}
		return true
	})
	if err != nil {
		return err
	}
	// A sync may have written between the two questions.
	if n := all.New - read[MovedNew]; n > 0 {
		d.New[CauseState] += n
	}
	if n := all.Resolved - read[MovedResolved]; n > 0 {
		d.Resolved[CauseState] += n
	}
	d.Changed = max(all.Changed, read[MovedChanged])
	for _, some := range []map[itemKey]*AssignmentMove{why.reached, why.left} {
		for _, move := range some {
			d.Assignments = append(d.Assignments, *move)
		}
	}
	d.sortAssignments()
	for _, kind := range []MoveKind{MovedNew, MovedResolved, MovedChanged} {
		first(kind)
		d.Rows = append(d.Rows, rows[kind][:min(ask.Rows-len(d.Rows), len(rows[kind]))]...)
	}
	d.More = d.NewFailures()+d.ResolvedFailures()+d.Changed > len(d.Rows)
	return nil
}

// shown are the subscriptions that the first rows are of: rows are by kind, then
// by subscription.
func shown(counts []MovedCount, rows int) []string {
	var out []string
	for _, of := range []func(MovedCount) int{
		func(c MovedCount) int { return c.New }, func(c MovedCount) int { return c.Resolved }, func(c MovedCount) int { return c.Changed },
	} {
		for _, c := range counts {
			if n := of(c); n > 0 && rows > 0 {
				rows -= n
				out = append(out, c.Subscription)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r Reports) nameMoves(ctx context.Context, s fresnel.Scope, d *Drift) error {
	var nums []int64
	for _, m := range d.Rows {
		nums = append(nums, m.Policy)
	}
	slices.Sort(nums)
	items, err := r.Reader.Items(ctx, s, slices.Compact(nums))
	for _, i := range items {
		d.Names[i.Num] = cmp.Or(i.Name, d.Names[i.Num], i.ID[strings.LastIndexByte(i.ID, '/')+1:])
	}
	return err
}

// BaselineDay gives the day of a baseline. It fails with NotFound, and with
// Invalid where it is of another day in one tenant than in another.
func (r Reports) BaselineDay(ctx context.Context, s fresnel.Scope, name string) (fresnel.Day, error) {
	list, err := r.Reader.Baselines(ctx, s)
	if err != nil {
		return 0, err
	}
	var found []Baseline
	for _, b := range list {
		if strings.EqualFold(b.Name, name) {
			found = append(found, b)
		}
	}
	switch {
	case len(found) == 0:
		return 0, fresnel.Errorf(fresnel.NotFound, "there is no baseline %.80q", name)
	case len(found) > 1:
		return 0, fresnel.Errorf(fresnel.Invalid, "the baseline %.80q is of different days in different tenants: choose one tenant", name)
	}
	return found[0].Day, nil
}

// SetBaseline names a day. It fails with Invalid on a name or a day that cannot be.
func (r Reports) SetBaseline(ctx context.Context, tenants []fresnel.TenantID, b Baseline) error {
	b.Name = strings.TrimSpace(b.Name)
	today := fresnel.DayOf(r.Now())
	switch {
	case b.Name == "" || len(b.Name) > 100:
		return fresnel.Errorf(fresnel.Invalid, "a baseline needs a name of at most 100 characters")
	case len(b.Note) > fresnel.MaxNote:
		return fresnel.Errorf(fresnel.Invalid, "the note is longer than %d characters", fresnel.MaxNote)
	case b.Day > today || b.Day < today-KeepDays:
		return fresnel.Errorf(fresnel.Invalid, "the day %s is not within the last %d days", b.Day, KeepDays)
	case len(tenants) == 0:
		return fresnel.Errorf(fresnel.NotFound, "there is no tenant to set a baseline for")
	}
	return r.Writer.SetBaseline(ctx, tenants, b, r.Now())
}
