package inventory

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Confidence says how sure a rule is.
type Confidence string

// The confidences.
const (
	Waste  Confidence = "waste"  // nothing uses it: delete it
	Review Confidence = "review" // probably nothing uses it: look at it
	Advice Confidence = "advice" // it is used, and could be better
)

// Rule says what one kind of waste is. Eval is its condition, which Condition
// and Exceptions put in words; testdata/rules shows both. The numbers of
// comments on rules are those of the fact sheet that they were gathered in.
type Rule struct {
	ID         string
	Title      string
	Why        string
	Condition  string
	Exceptions []string // what the condition seems to meet and is left alone
	Confidence Confidence
	Costs      bool   // what it finds is billed although nothing uses it
	Part       bool   // only a part of that cost could be saved
	OptIn      bool   // depends on what no API tells, such as licences: run only where asked for
	Doc        string // Microsoft's page
	Types      []string
	// Needs names what Eval depends on, as paths such as properties.diskState.
	// Where one was not told, the rule says Unknown and Eval is not asked.
	Needs []string
	// After is how many days the condition must hold before it is a finding,
	// by our own observation: Resource Graph does not tell since when.
	After int
	// Parts, if set, gives the parts of a resource that are judged in its
	// place: Resource Graph has no rows for subnets.
	Parts func(r *Resource) []Resource
	Eval  func(r *Resource, x *Joins) Outcome
}

// Verdict is what a rule says of a resource.
type Verdict int

// The verdicts.
const (
	None    Verdict = iota // the condition is not met
	Found                  // waste
	Pending                // the condition is met, but not for long enough yet
	Unknown                // a fact that decides was not told: what was found before neither holds nor is over
)

// String is the verdict's word in fixtures.
func (v Verdict) String() string { return [...]string{"none", "found", "pending", "unknown"}[v] }

// Outcome is a verdict with what it rests on.
type Outcome struct {
	Verdict    Verdict
	Reason     string     // the facts, without ages: it changes only when they do
	Since      time.Time  // if the facts tell since when; zero = they do not
	Confidence Confidence // "" = the rule's
	Free       bool       // this one is not billed, although the rule's objects usually are
	About      []string   // keys of the resources whose cost this is; none = the object's own
	Savings    *Savings   // what Azure says that it would save
}

// Savings is an estimate of Azure's for a month.
type Savings struct {
	Amount   string `json:"amount"` // decimal
	Currency string `json:"currency"`
}

func found(format string, args ...any) Outcome {
	return Outcome{Verdict: Found, Reason: fmt.Sprintf(format, args...)}
}

func unknown(format string, args ...any) Outcome {
	return Outcome{Verdict: Unknown, Reason: fmt.Sprintf(format, args...)}
}

// since adds since when the facts say that it holds.
func (o Outcome) since(t time.Time) Outcome {
	if o.Verdict == Found {
		o.Since = t
	}
	return o
}

// foundIf is for conditions without more to say.
func foundIf(holds bool, format string, args ...any) Outcome {
	if !holds {
		return Outcome{}
	}
	return found(format, args...)
}

// Estate is what the rules look at: all that is held of one tenant.
type Estate interface {
	// Get gives a resource by its key.
	Get(key string) (Resource, bool)
	// Each gives the resources of the types, or all, always in the same order,
	// so that what is found has an order as well. What is given may be kept.
	Each(types ...string) iter.Seq[Resource]
	// Complete tells whether the subscription's inventory was read in full: of
	// every table that Resource names. A rule that would conclude from what is
	// not there says Unknown otherwise. "" asks for all that the tenant has,
	// subscriptions of which there is no row among them.
	Complete(subscription string) bool
	// HeldSince tells since when a rule's condition has held of an object
	// without a break: from the Found and Pending judgements of earlier
	// evaluations, which an Unknown one does not break. False is not before now.
	HeldSince(rule, key string) (time.Time, bool)
	// Now is the instant of the evaluation.
	Now() time.Time
}

// Rules lists all, by their files.
func Rules() []Rule {
	return slices.Concat(computeRules(), networkRules(), balancerRules(), gatewayRules(), webRules(), dataRules(), otherRules())
}

// Enabled leaves out the rules that must be asked for, save those that are.
func Enabled(rules []Rule, asked ...string) []Rule {
	var out []Rule
	for _, r := range rules {
		if !r.OptIn || slices.Contains(asked, r.ID) {
			out = append(out, r)
		}
	}
	return out
}

// told gives a need that was not told; "" if all were.
func (rule *Rule) untold(r *Resource) string {
	for _, need := range rule.Needs {
		if !r.told(need) {
			return need
		}
	}
	return ""
}

// told tells whether Resource Graph gave a fact.
func (r *Resource) told(need string) bool {
	column, path, deep := strings.Cut(need, ".")
	var v Value
	switch column {
	case "tags":
		return r.Tags != nil
	case "kind":
		return r.Kind != ""
	case "sku":
		v = r.SKU
	default:
		v = r.Properties
	}
	if !deep {
		return v.Object()
	}
	return !v.At(strings.Split(path, ".")...).Empty()
}

// born is when the resource was created, as far as its row tells.
func (r *Resource) born() (time.Time, bool) {
	if t, ok := r.Properties.At("timeCreated").Time(); ok {
		return t, true
	}
	return r.Created, !r.Created.IsZero()
}

// allEmpty tells whether all these properties hold nothing.
func (r *Resource) allEmpty(names ...string) bool {
	for _, n := range names {
		if !r.Properties.At(n).Empty() {
			return false
		}
	}
	return true
}

const day = 24 * time.Hour

func hasPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
