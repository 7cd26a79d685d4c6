package inventory

import (
	"cmp"
	"context"
	"maps"
	"slices"
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
	Rules    []Rule
	Now      func() time.Time
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

// Waste lists what rules found in a scope; of some rules only, where named.
// Resolved findings are left out.
func (r Reports) Waste(ctx context.Context, s fresnel.Scope, only ...string) (WasteReport, error) {
	rep := WasteReport{Month: fresnel.DayOf(r.Now()).AddMonths(-1)}
	var err error
	if rep.Coverage, err = r.Reader.Coverage(ctx, s); err != nil {
		return rep, err
	}
	rules := r.named(only)
	list, err := r.Findings.ListOf(ctx, s, slices.Collect(maps.Keys(rules)), MaxWasted+1)
	if err != nil {
		return rep, err
	}
	if rep.More = len(list) > MaxWasted; rep.More {
		list = list[:MaxWasted]
	}
	rep.Wasted, err = r.wasted(ctx, s, list, rules)
	if err != nil {
		return rep, err
	}
	var open []Worth
	var costs map[string]MonthCost
	for _, w := range rep.Wasted {
		if w.State == fresnel.StateOpen {
			rep.Open++
			open = append(open, w.Worth)
		}
	}
	if costs, err = r.costs(ctx, s, open); err != nil {
		return rep, err
	}
	rep.Total = SumWorths(open, costs)
	return rep, nil
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

// wasted adds worth, state and resource to findings.
func (r Reports) wasted(ctx context.Context, s fresnel.Scope, list []fresnel.Finding, rules map[string]*Rule) ([]Wasted, error) {
	said, err := r.Findings.ExceptionsOf(ctx, s, slices.Collect(maps.Keys(rules)))
	if err != nil {
		return nil, err
	}
	byObject := map[string][]fresnel.Exception{}
	for _, e := range said {
		byObject[e.Object] = append(byObject[e.Object], e)
	}
	first, err := Worths(list, nil) // what each is about, before anything is known of it
	if err != nil {
		return nil, err
	}
	costs, err := r.costs(ctx, s, first)
	if err != nil {
		return nil, err
	}
	worths, err := Worths(list, costs)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, f := range list {
		ids[i] = f.Object
	}
	resources, err := r.Reader.GetAll(ctx, s, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Wasted, len(worths))
	for i, w := range worths {
		out[i] = Wasted{Worth: w, Rule: rules[w.Finding.Rule], Resource: resources[w.Finding.Object]}
		out[i].State, out[i].Exception = fresnel.StateOf(w.Finding, byObject[w.Finding.Object], r.Now())
	}
	slices.SortStableFunc(out, func(a, b Wasted) int { return cmp.Compare(rank(a.State), rank(b.State)) })
	return out, nil
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
	list, err := r.wasted(ctx, s, []fresnel.Finding{f}, rules)
	if err != nil {
		return Wasted{}, err
	}
	return list[0], nil
}

// Judge records what a person says of a finding; no verdict opens it again. It
// fails with NotFound and Invalid.
func (r Reports) Judge(ctx context.Context, s fresnel.Scope, id int64, v fresnel.Verdict, note, author string, expires time.Time) (Wasted, error) {
	w, err := r.Finding(ctx, s, id)
	if err != nil {
		return w, err
	}
	now, f := r.Now(), w.Finding
	if v == "" {
		err = r.Verdicts.Reopen(ctx, f, now)
	} else {
		e := fresnel.Exception{
			Tenant: f.Tenant, Rule: f.Rule, Object: f.Object, // of the object, whenever it is found
			Verdict: v, Note: note, Author: author, Created: now, Expires: expires,
		}
		if err = fresnel.CheckException(e, now); err == nil {
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
	one.Wasted, err = r.wasted(ctx, s, list, rules)
	return one, err
}

func rank(s fresnel.State) int {
	return slices.Index([]fresnel.State{fresnel.StateOpen, fresnel.StateAcknowledged, fresnel.StateExpected, fresnel.StateResolved}, s)
}
