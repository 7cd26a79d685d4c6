package inventory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"fresnel"
)

// FindingReader gives findings of waste and what was said about them. It gives
// only what the scope sees; Get fails with NotFound.
type FindingReader interface {
	ListOf(ctx context.Context, s fresnel.Scope, rules []string, limit int) ([]fresnel.Finding, error)
	Get(ctx context.Context, s fresnel.Scope, id int64) (fresnel.Finding, error)
	OfObject(ctx context.Context, s fresnel.Scope, object string) ([]fresnel.Finding, error)
	// OfObjects gives the findings about objects that are not resolved, by object.
	OfObjects(ctx context.Context, s fresnel.Scope, objects []string) (map[string][]fresnel.Finding, error)
	ExceptionsOf(ctx context.Context, s fresnel.Scope, rules []string) ([]fresnel.Exception, error)
}

// Verdicts keeps what people say about findings.
type Verdicts interface {
	Except(ctx context.Context, e fresnel.Exception, now time.Time) error
	Reopen(ctx context.Context, f fresnel.Finding, now time.Time) error
}

// Costs tells what resources cost.
type Costs interface {
	// ResourceCosts gives, by id in lower case, the amortized cost of resources
	// in the last full month and in the current one, as far as it is held.
	ResourceCosts(ctx context.Context, s fresnel.Scope, ids []string, month fresnel.Day) (map[string]MonthCost, error)
}

// Reports answers questions about resources and waste. A page and the API ask
// the same method and print what it gives.
type Reports struct {
	Reader   Reader
	Findings FindingReader
	Verdicts Verdicts
	Costs    Costs
	Tags     TagReader
	History  ChangeReader
	Rules    []Rule
	Now      func() time.Time
	IdleOver int64 // idle resources worth more than this a month get a word of their own; micro-units
}

// Wasted is a finding of waste with what it is worth and the resource that it
// is about.
type Wasted struct {
	Worth
	Rule      *Rule
	Resource  Held // the zero value where the object is a part, such as a subnet
	State     fresnel.State
	Exception *fresnel.Exception // that decided the state; nil = none
}

// WasteReport is what is wasted in a scope.
type WasteReport struct {
	Wasted   []Wasted // open ones first, then by what they are worth
	Open     int
	Total    Total // of the open ones
	More     bool  // there are more than MaxWasted
	Coverage []TenantRead
	Month    fresnel.Day // the last full month, which amounts are of
}

// MaxWasted bounds a list of waste: more than anybody reads.
const MaxWasted = 5000

// WasteAsk selects findings of waste. The zero value is all of them.
type WasteAsk struct {
	Rules []string
	Over  int64 // worth more than this a month, in micro-units of what they are billed in
}

// Waste lists what rules found in a scope, without their resources (see Fill).
// Resolved findings are left out.
func (r Reports) Waste(ctx context.Context, s fresnel.Scope, ask WasteAsk) (WasteReport, error) {
	rep := WasteReport{Month: fresnel.DayOf(r.Now()).AddMonths(-1)}
	var err error
	if rep.Coverage, err = r.Reader.Coverage(ctx, s); err != nil {
		return rep, err
	}
	rules := r.named(ask.Rules)
	list, err := r.Findings.ListOf(ctx, s, slices.Collect(maps.Keys(rules)), MaxWasted+1)
	if err != nil {
		return rep, err
	}
	if rep.More = len(list) > MaxWasted; rep.More {
		list = list[:MaxWasted]
	}
	var costs map[string]MonthCost
	if rep.Wasted, costs, err = r.wasted(ctx, s, list, rules); err != nil {
		return rep, err
	}
	if ask.Over > 0 {
		rep.Wasted = slices.DeleteFunc(rep.Wasted, func(w Wasted) bool { return !w.Over(ask.Over) })
	}
	var open []Worth
	for _, w := range rep.Wasted {
		if w.State == fresnel.StateOpen {
			rep.Open++
			open = append(open, w.Worth)
		}
	}
	rep.Total = SumWorths(open, costs)
	return rep, nil
}

// Fill gives findings the resources that they are about: of those that are
// shown, because a list of all of them is long.
func (r Reports) Fill(ctx context.Context, s fresnel.Scope, list []Wasted) error {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].Finding.Object
	}
	resources, err := r.Reader.GetAll(ctx, s, ids)
	for i := range list {
		list[i].Resource = resources[list[i].Finding.Object]
	}
	return err
}

func (r Reports) named(only []string) map[string]*Rule {
	rules := map[string]*Rule{}
	for i := range r.Rules {
		if rule := &r.Rules[i]; len(only) == 0 || slices.Contains(only, rule.ID) {
			rules[rule.ID] = rule
		}
	}
	return rules
}

// wasted adds worth and state to findings, and gives the costs that it took.
func (r Reports) wasted(ctx context.Context, s fresnel.Scope, list []fresnel.Finding, rules map[string]*Rule) ([]Wasted, map[string]MonthCost, error) {
	said, err := r.Findings.ExceptionsOf(ctx, s, slices.Collect(maps.Keys(rules)))
	if err != nil {
		return nil, nil, err
	}
	byObject := fresnel.ByObject(said)
	first, err := Worths(list, nil) // what each is about, before anything is known of it
	if err != nil {
		return nil, nil, err
	}
	costs, err := r.costs(ctx, s, first)
	if err != nil {
		return nil, nil, err
	}
	worths, err := Worths(list, costs)
	if err != nil {
		return nil, nil, err
	}
	out := make([]Wasted, len(worths))
	for i, w := range worths {
		out[i] = Wasted{Worth: w, Rule: rules[w.Finding.Rule]}
		out[i].State, out[i].Exception = byObject.StateOf(w.Finding, r.Now())
	}
	slices.SortStableFunc(out, func(a, b Wasted) int { return cmp.Compare(rank(a.State), rank(b.State)) })
	return out, costs, nil
}

// costs asks for the cost of all that findings are about.
func (r Reports) costs(ctx context.Context, s fresnel.Scope, ws []Worth) (map[string]MonthCost, error) {
	var ids []string
	for i := range ws {
		ids = append(ids, ws[i].resources()...)
	}
	slices.Sort(ids)
	return r.Costs.ResourceCosts(ctx, s, slices.Compact(ids), fresnel.DayOf(r.Now()).MonthStart())
}

// Finding gives one finding of waste, in whatever state. It fails with NotFound.
func (r Reports) Finding(ctx context.Context, s fresnel.Scope, id int64) (Wasted, error) {
	f, err := r.Findings.Get(ctx, s, id)
	if err != nil {
		return Wasted{}, err
	}
	rules := r.named([]string{f.Rule})
	if len(rules) == 0 {
		return Wasted{}, fresnel.Errorf(fresnel.NotFound, "there is no finding %d of waste", id)
	}
	list, _, err := r.wasted(ctx, s, []fresnel.Finding{f}, rules)
	if err != nil {
		return Wasted{}, err
	}
	return list[0], r.Fill(ctx, s, list)
}

// Extent is how far a verdict goes.
type Extent string

// The extents of a verdict: what the rule says of the object, or of all that is
// in its resource group or subscription.
const (
	ExtentObject       Extent = ""
	ExtentGroup        Extent = "resource_group"
	ExtentSubscription Extent = "subscription"
)

// of is the object of an exception with this extent for a finding's object. It
// fails with Invalid.
func (x Extent) of(object string) (string, error) {
	parts := strings.SplitN(object, "/", 6) // "", subscriptions, ID, resourcegroups, NAME, rest
	switch {
	case x == ExtentObject:
		return object, nil
	case x == ExtentSubscription && len(parts) >= 3:
		return strings.Join(parts[:3], "/"), nil
	case x == ExtentGroup && len(parts) >= 5 && parts[3] == "resourcegroups":
		return strings.Join(parts[:5], "/"), nil
	case x == ExtentGroup:
		return "", fresnel.Errorf(fresnel.Invalid, "the finding is about nothing in a resource group")
	}
	return "", fresnel.Errorf(fresnel.Invalid, "extent %.40q: expected resource_group or subscription", string(x))
}

// ExtentOf is how far an exception goes that holds a finding.
func ExtentOf(f fresnel.Finding, e *fresnel.Exception) Extent {
	for _, x := range []Extent{ExtentGroup, ExtentSubscription} {
		if object, err := x.of(f.Object); err == nil && object == e.Object && object != f.Object {
			return x
		}
	}
	return ExtentObject
}

// Judge records what a person says of a finding; no verdict takes back
// what was said of the same extent. It fails with NotFound, with Invalid, and with Conflict where something said of
// its resource group or subscription still holds it.
func (r Reports) Judge(ctx context.Context, s fresnel.Scope, id int64, v fresnel.Verdict, x Extent, note, author string, expires time.Time) (Wasted, error) {
	w, err := r.Finding(ctx, s, id)
	if err != nil {
		return w, err
	}
	now, f := r.Now(), w.Finding
	if v == "" {
		object, xerr := x.of(f.Object)
		if xerr != nil {
			return w, xerr
		}
		if e := w.Exception; e != nil && e.Object != object {
			return w, &fresnel.Error{
				Kind: fresnel.Conflict, Msg: "what holds it was said of all of " + e.Object,
				Do: "Take it back there: open with extent " + cmp.Or(string(ExtentOf(f, e)), "absent") + ", or DELETE /api/v1/exceptions/" + strconv.FormatInt(e.ID, 10) + ".",
			}
		}
		f.Object = object
		err = r.Verdicts.Reopen(ctx, f, now)
	} else {
		e := fresnel.Exception{Tenant: f.Tenant, Rule: f.Rule, Verdict: v, Note: note, Author: author, Created: now, Expires: expires} // whenever it is found
		if e.Object, err = x.of(f.Object); err == nil {
			err = fresnel.CheckException(e, now)
		}
		if err == nil {
			err = r.Verdicts.Except(ctx, e, now)
		}
	}
	if err != nil {
		return w, err
	}
	return r.Finding(ctx, s, id)
}

// One is a resource with all that is known of it.
type One struct {
	Held
	Cost   MonthCost
	Known  bool // Cost is held
	Wasted []Wasted
}

// Resource gives one resource. It fails with NotFound.
func (r Reports) Resource(ctx context.Context, s fresnel.Scope, id string) (One, error) {
	h, err := r.Reader.Get(ctx, s, id)
	if err != nil {
		return One{}, err
	}
	one := One{Held: h}
	costs, err := r.Costs.ResourceCosts(ctx, s, []string{h.Key()}, fresnel.DayOf(r.Now()).MonthStart())
	if err != nil {
		return one, err
	}
	one.Cost, one.Known = costs[h.Key()], len(costs) > 0
	rules := r.named(nil)
	list, err := r.Findings.OfObject(ctx, s, h.Key())
	if err != nil {
		return one, err
	}
	list = slices.DeleteFunc(list, func(f fresnel.Finding) bool { return rules[f.Rule] == nil })
	if one.Wasted, _, err = r.wasted(ctx, s, list, rules); err != nil {
		return one, err
	}
	return one, r.Fill(ctx, s, one.Wasted)
}

func rank(s fresnel.State) int {
	return slices.Index([]fresnel.State{fresnel.StateOpen, fresnel.StateAcknowledged, fresnel.StateExpected, fresnel.StateResolved}, s)
}
