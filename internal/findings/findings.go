// Package findings is what is wrong in all domains, and what people said of it,
// in one list.
//
// It knows no rule: a domain searches, says what its findings mean and shows
// them; here they are alike.
package findings

import (
	"context"
	"slices"
	"time"

	"fresnel"
)

// Rule is a rule of a domain.
type Rule struct {
	ID     string
	Domain string // costs, resources, identity
	Title  string
}

// Place is where a finding stands in the order of lists: by what it is worth,
// then by number.
type Place struct{ USD, ID int64 }

// Filter selects findings of some rules.
type Filter struct {
	Rules    []string
	Object   string // "" = any
	Resolved *bool  // nil = both
}

// Reader gives findings and exceptions. It gives only what the scope sees.
type Reader interface {
	// Page lists findings, those that are worth most first.
	Page(ctx context.Context, s fresnel.Scope, f Filter, after *Place, limit int) ([]fresnel.Finding, error)
	// Said lists exceptions by number, the newest first, those that ended among
	// them, below a number (0 = from the newest).
	Said(ctx context.Context, s fresnel.Scope, f Filter, below int64, limit int) ([]fresnel.Exception, error)
	// ExceptionsOf lists all that were not taken back.
	ExceptionsOf(ctx context.Context, s fresnel.Scope, rules []string) ([]fresnel.Exception, error)
	// OpenByRule counts findings that are not resolved.
	OpenByRule(ctx context.Context, s fresnel.Scope, rules []string) (map[string]int, error)
	// OfObjects gives the findings about objects that are not resolved, by object.
	OfObjects(ctx context.Context, s fresnel.Scope, objects []string) (map[string][]fresnel.Finding, error)
	// HeldIn gives those of a tenant about objects after one, up to another, in the
	// order of bytes.
	HeldIn(ctx context.Context, id fresnel.TenantID, rules []string, after, upTo string) ([]fresnel.Finding, error)
}

// Writer keeps what people say.
type Writer interface {
	Except(ctx context.Context, e fresnel.Exception, now time.Time) error
	// End takes an exception back. It fails with NotFound where the scope does
	// not see it, or it has ended.
	End(ctx context.Context, s fresnel.Scope, id int64, now time.Time) error
}

// Subscriptions knows whose subscriptions are.
type Subscriptions interface {
	SubscriptionsByID(ctx context.Context, s fresnel.Scope, ids []string) (map[string]fresnel.Subscription, error)
}

// Reports answers questions about findings of every domain.
type Reports struct {
	Reader        Reader
	Writer        Writer
	Subscriptions Subscriptions
	Rules         []Rule
	Now           func() time.Time
}

// Query selects findings.
type Query struct {
	Rules  []string // none = all
	Domain string   // "" = all
	Object string
	State  fresnel.State // "" = every state
	Held   bool          // only those that are not resolved
	After  *Place
	Limit  int
}

// Row is a finding with its state.
type Row struct {
	fresnel.Finding
	Rule      Rule
	State     fresnel.State
	Exception *fresnel.Exception // that decided the state; nil = none
}

// chunk is how many findings are judged at a time, at most.
const chunk = 500

// List gives a page of findings. The state is computed, not stored: pages of a
// state are gathered from as many findings as it takes.
func (r Reports) List(ctx context.Context, s fresnel.Scope, q Query) (rows []Row, next *Place, err error) {
	f, rules, err := r.filter(q.Rules, q.Domain, q.Object)
	if err != nil || len(rules) == 0 {
		return nil, nil, err
	}
	if q.State != "" || q.Held {
		resolved := q.State == fresnel.StateResolved
		f.Resolved = &resolved
	}
	said, err := r.Reader.ExceptionsOf(ctx, s, f.Rules)
	if err != nil {
		return nil, nil, err
	}
	byObject := fresnel.ByObject(said)
	now, after := r.Now(), q.After
	if q.State == fresnel.StateAcknowledged || q.State == fresnel.StateExpected {
		return r.listSaid(ctx, s, q, said, rules)
	}
	step := min(chunk, q.Limit+1+len(said)) // what people said leaves out a few
	for {
		list, err := r.Reader.Page(ctx, s, f, after, step)
		if err != nil {
			return nil, nil, err
		}
		for _, one := range list {
			if len(rows) == q.Limit { // there is one more: whether of this state, the next page tells
				return rows, after, nil
			}
			after = &Place{one.USD, one.ID}
			row := Row{Finding: one, Rule: rules[one.Rule]}
			row.State, row.Exception = byObject.StateOf(one, now)
			if q.State == "" || row.State == q.State {
				rows = append(rows, row)
			}
		}
		if len(list) < step {
			return rows, nil, nil
		}
	}
}

// filter turns names of rules and of a domain into the rules that are meant.
func (r Reports) filter(names []string, domain, object string) (Filter, map[string]Rule, error) {
	f, rules := Filter{Object: objectOf(object)}, map[string]Rule{}
	for _, rule := range r.Rules {
		if (len(names) == 0 || slices.Contains(names, rule.ID)) && (domain == "" || rule.Domain == domain) {
			rules[rule.ID] = rule
			f.Rules = append(f.Rules, rule.ID)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(r.Rules, func(rule Rule) bool { return rule.ID == name }) {
			return f, nil, fresnel.Errorf(fresnel.Invalid, "there is no rule %.60q", name)
		}
	}
	return f, rules, nil
}

// Said is an exception with where it stands.
type Said struct {
	fresnel.Exception
	Standing fresnel.Standing
	Rule     Rule
}

// Exceptions lists what people said, the newest first, below a number (0 = from
// the newest), those that are over among them: it is a history.
func (r Reports) Exceptions(ctx context.Context, s fresnel.Scope, q Query, below int64) ([]Said, error) {
	f, rules, err := r.filter(q.Rules, q.Domain, q.Object)
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	list, err := r.Reader.Said(ctx, s, f, below, q.Limit)
	out := make([]Said, len(list))
	for i, e := range list {
		out[i] = Said{e, e.Standing(r.Now()), rules[e.Rule]}
	}
	return out, err
}

// End takes an exception back: what it held is open again. It fails with
// NotFound.
func (r Reports) End(ctx context.Context, s fresnel.Scope, id int64) error {
	return r.Writer.End(ctx, s, id, r.Now())
}
