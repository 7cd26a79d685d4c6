package inventory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fresnel"
)

// FindingReader gives findings of waste and what was said about them. It gives
// only what the scope sees; Get fails with NotFound.
type FindingReader interface {
	ListOf(ctx context.Context, s fresnel.Scope, rules []string, limit int) ([]fresnel.Finding, error)
	Get(ctx context.Context, s fresnel.Scope, id int64) (fresnel.Finding, error)
	ExceptionsOf(ctx context.Context, s fresnel.Scope, rules []string) ([]fresnel.Exception, error)
}

// Verdicts keeps what people say about findings.
type Verdicts interface {
	Except(ctx context.Context, e fresnel.Exception, now time.Time) error
	Reopen(ctx context.Context, f fresnel.Finding, now time.Time) error
}

// Reports answers questions about resources and waste. A page and the API ask
// the same method and print what it gives.
type Reports struct {
	Reader   Reader
	Findings FindingReader
	Verdicts Verdicts
	Rules    []Rule
	Now      func() time.Time
}

// Wasted is a finding of waste with the resource that it is about.
type Wasted struct {
	fresnel.Finding
	Detail    Detail
	Rule      *Rule
	Resource  Held
	State     fresnel.State
	Exception *fresnel.Exception // that decided the state; nil = none
}

// Age is how long it has been so, as far as is known.
func (w Wasted) Age(now time.Time) time.Duration { return now.Sub(w.Since.Time()) }

// WasteReport is what is wasted in a scope.
type WasteReport struct {
	Wasted   []Wasted // open ones first, then by what they cost
	Open     int
	USD      int64 // a month, of the open ones that cost: micro-units of CostUSD
	More     bool  // there are more than MaxWasted
	Coverage []TenantRead
}

// MaxWasted bounds a list of waste: more than anybody reads.
const MaxWasted = 5000

// Waste lists what rules found in a scope. Resolved findings are left out.
func (r Reports) Waste(ctx context.Context, s fresnel.Scope) (WasteReport, error) {
	var rep WasteReport
	var err error
	if rep.Coverage, err = r.Reader.Coverage(ctx, s); err != nil {
		return rep, err
	}
	byID := map[string]*Rule{}
	var rules []string
	for i := range r.Rules {
		byID[r.Rules[i].ID] = &r.Rules[i]
		rules = append(rules, r.Rules[i].ID)
	}
	list, err := r.Findings.ListOf(ctx, s, rules, MaxWasted+1)
	if err != nil {
		return rep, err
	}
	if rep.More = len(list) > MaxWasted; rep.More {
		list = list[:MaxWasted]
	}
	said, err := r.Findings.ExceptionsOf(ctx, s, rules)
	if err != nil {
		return rep, err
	}
	for _, f := range list {
		w := Wasted{Finding: f, Rule: byID[f.Rule]}
		if err := json.Unmarshal([]byte(f.Detail), &w.Detail); err != nil {
			return rep, fmt.Errorf("inventory: detail of finding %d: %w", f.ID, err)
		}
		w.State, w.Exception = fresnel.StateOf(f, said, r.Now())
		if w.Resource, err = r.Reader.Get(ctx, s, f.Object); err != nil && fresnel.KindOf(err) != fresnel.NotFound {
			return rep, err
		}
		if w.State == fresnel.StateOpen {
			rep.Open++
			if w.Detail.Costs {
				rep.USD += f.USD
			}
		}
		rep.Wasted = append(rep.Wasted, w)
	}
	slices.SortStableFunc(rep.Wasted, func(a, b Wasted) int {
		return cmp.Or(cmp.Compare(rank(a.State), rank(b.State)), cmp.Compare(b.USD, a.USD), cmp.Compare(a.Since, b.Since), cmp.Compare(a.ID, b.ID))
	})
	return rep, nil
}

func rank(s fresnel.State) int {
	return slices.Index([]fresnel.State{fresnel.StateOpen, fresnel.StateAcknowledged, fresnel.StateExpected, fresnel.StateResolved}, s)
}
