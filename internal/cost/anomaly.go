package cost

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"fresnel"
)

// Anomaly is an unusual change of cost that a search found, with what people
// said about it.
type Anomaly struct {
	Detected
	fresnel.Finding
	TenantName       string
	SubscriptionName string
	State            fresnel.State
	Exception        *fresnel.Exception // that decided the state; nil = none
}

// Key identifies the anomaly among those of a list.
func (a Anomaly) Key() string { return strconv.FormatInt(a.ID, 10) }

// Percent is the change in percent of what was expected; it does not exist
// where nothing was expected.
func (a Anomaly) Percent() (float64, bool) {
	if a.Expected <= 0 {
		return 0, false
	}
	return float64(a.Actual-a.Expected) / float64(a.Expected) * 100, true
}

// FindingReader gives findings and what was said about them. It gives only
// what the scope sees; Get fails with NotFound.
type FindingReader interface {
	List(ctx context.Context, s fresnel.Scope, rule string, p fresnel.Period, limit int) ([]fresnel.Finding, error)
	Get(ctx context.Context, s fresnel.Scope, id int64) (fresnel.Finding, error)
	// Exceptions lists those that were not taken back, newest first; of one object where given.
	Exceptions(ctx context.Context, s fresnel.Scope, rule, object string) ([]fresnel.Exception, error)
}

// Verdicts keeps what people say about findings.
type Verdicts interface {
	Except(ctx context.Context, e fresnel.Exception, now time.Time) error
	Reopen(ctx context.Context, f fresnel.Finding, now time.Time) error
}

// Names knows what things are called.
type Names interface {
	List(ctx context.Context, s fresnel.Scope) ([]fresnel.Tenant, error)
	SubscriptionsByID(ctx context.Context, s fresnel.Scope, ids []string) (map[string]fresnel.Subscription, error)
}

// MaxAnomalies bounds a list of anomalies: more than anybody reads.
const MaxAnomalies = 1000

// AnomalyReport is the answer to a question for anomalies.
type AnomalyReport struct {
	Ask       Ask
	Anomalies []Anomaly // open ones first, then by what they are worth
	Open      int       // how many of them are open
	More      bool      // there are more than MaxAnomalies: the cheapest are missing
	Coverage  Coverage  // of the charges that are searched
	Options   DetectOptions
}

// Anomalies lists what searches found that touches the period of an Ask; of
// its subscriptions and services, where it names them. Resolved ones are left out.
func (r Reports) Anomalies(ctx context.Context, s fresnel.Scope, a Ask) (AnomalyReport, error) {
	return r.findings(ctx, s, a, RuleAnomaly)
}

// Recurring lists the charges of a known day of the month in a period.
func (r Reports) Recurring(ctx context.Context, s fresnel.Scope, a Ask) (AnomalyReport, error) {
	return r.findings(ctx, s, a, RuleRecurring)
}

func (r Reports) findings(ctx context.Context, s fresnel.Scope, a Ask, rule string) (AnomalyReport, error) {
	a.Metric, a.By, a.Groups, a.Charges = Amortized, ByCharge, nil, nil // what is searched
	rep := AnomalyReport{Ask: a, Options: DefaultDetectOptions()}
	var err error
	if rep.Coverage, err = r.coverage(ctx, s, a, a.Period, r.Now()); err != nil {
		return rep, err
	}
	list, err := r.Findings.List(ctx, s, rule, a.Period, MaxAnomalies+1)
	if err != nil {
		return rep, err
	}
	if rep.More = len(list) > MaxAnomalies; rep.More {
		list = list[:MaxAnomalies]
	}
	all, err := r.anomalies(ctx, s, rule, list)
	if err != nil {
		return rep, err
	}
	for _, one := range all {
		if one.State == fresnel.StateResolved || !a.names(one) {
			continue
		}
		if one.State == fresnel.StateOpen {
			rep.Open++
		}
		rep.Anomalies = append(rep.Anomalies, one)
	}
	slices.SortStableFunc(rep.Anomalies, func(x, y Anomaly) int {
		return cmp.Or(cmp.Compare(rank(x.State), rank(y.State)), cmp.Compare(y.USD, x.USD), cmp.Compare(x.ID, y.ID))
	})
	return rep, nil
}

func rank(s fresnel.State) int {
	return slices.Index([]fresnel.State{fresnel.StateOpen, fresnel.StateAcknowledged, fresnel.StateExpected, fresnel.StateResolved}, s)
}

// names tells whether an Ask's filters let an anomaly through.
func (a Ask) names(one Anomaly) bool {
	return (len(a.Subscriptions) == 0 || slices.Contains(a.Subscriptions, one.Subscription)) &&
		(len(a.Services) == 0 || slices.Contains(a.Services, one.Service))
}

// Anomaly gives one, in whatever state. It fails with NotFound.
func (r Reports) Anomaly(ctx context.Context, s fresnel.Scope, id int64) (Anomaly, error) {
	f, err := r.Findings.Get(ctx, s, id)
	if err != nil {
		return Anomaly{}, err
	}
	if f.Rule != RuleAnomaly {
		return Anomaly{}, fresnel.Errorf(fresnel.NotFound, "there is no anomaly %d", id)
	}
	all, err := r.anomalies(ctx, s, f.Rule, []fresnel.Finding{f})
	if err != nil {
		return Anomaly{}, err
	}
	return all[0], nil
}

// anomalies reads what findings hold, and adds names and states.
func (r Reports) anomalies(ctx context.Context, s fresnel.Scope, rule string, list []fresnel.Finding) ([]Anomaly, error) {
	said, err := r.Findings.Exceptions(ctx, s, rule, "")
	if err != nil {
		return nil, err
	}
	byObject := fresnel.ByObject(said)
	out := make([]Anomaly, len(list))
	var subs []string
	for i, f := range list {
		out[i].Finding = f
		if err := json.Unmarshal([]byte(f.Detail), &out[i].Detected); err != nil {
			return nil, fmt.Errorf("cost: detail of finding %d: %w", f.ID, err)
		}
		out[i].State, out[i].Exception = byObject.StateOf(f, r.Now())
		if sub := out[i].Subscription; sub != "" {
			subs = append(subs, sub)
		}
	}
	slices.Sort(subs)
	names, err := r.Names.SubscriptionsByID(ctx, s, slices.Compact(subs))
	if err != nil {
		return nil, err
	}
	tenants, err := r.Names.List(ctx, s)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].SubscriptionName = names[out[i].Subscription].Name
		at := slices.IndexFunc(tenants, func(t fresnel.Tenant) bool { return t.ID == out[i].Tenant })
		if at >= 0 {
			out[i].TenantName = tenants[at].Name
		}
	}
	return out, nil
}

// Judge records what a person says of an anomaly. Acknowledged is said of this
// one; expected of its whole series, so that nothing of it is raised until then.
// No verdict opens it again. It fails with NotFound and Invalid.
func (r Reports) Judge(ctx context.Context, s fresnel.Scope, id int64, v fresnel.Verdict, note, author string, expires time.Time) (Anomaly, error) {
	a, err := r.Anomaly(ctx, s, id)
	if err != nil {
		return a, err
	}
	now := r.Now()
	if v == "" {
		err = r.Verdicts.Reopen(ctx, a.Finding, now)
	} else {
		e := fresnel.Exception{
			Tenant: a.Tenant, Rule: RuleAnomaly, Object: a.Object, Since: a.Since,
			Verdict: v, Note: note, Author: author, Created: now, Expires: expires,
		}
		if v == fresnel.Expected {
			e.Since = 0
		}
		if err = fresnel.CheckException(e, now); err == nil {
			err = r.Verdicts.Except(ctx, e, now)
		}
	}
	if err != nil {
		return a, err
	}
	return r.Anomaly(ctx, s, id)
}
