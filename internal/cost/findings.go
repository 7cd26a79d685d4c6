package cost

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fresnel"
)

// The rules by which findings of this domain are kept.
const (
	RuleAnomaly   = "cost-anomaly"   // an unusual change
	RuleRecurring = "cost-recurring" // a charge of a known day of the month: kept for the record, never raised
)

// FindingSink keeps what a search found. It fails with Conflict under a lost lease.
type FindingSink interface {
	Held(ctx context.Context, t fresnel.TenantID, rule string, from fresnel.Day) ([]fresnel.Finding, error)
	Keep(ctx context.Context, t fresnel.TenantID, rule string, r fresnel.Reconciled, now time.Time) error
}

// Search finds the anomalies of a tenant in what is held, and keeps them.
type Search struct {
	Reader Reader
	Sink   Sink
	Kept   FindingSink
	Now    func() time.Time
}

// subsAtOnce is how many subscriptions are read at a time: as rows their days
// take ten times the room that they take as series.
const subsAtOnce = 10

const (
	// judgeDays is how far back days are judged, and judged again: Azure
	// restates the current and the previous month.
	judgeDays = 75
	// searchDays is how much history a search reads: eight weeks of baseline
	// before the first judged day, and three months to know a recurring charge by.
	searchDays = judgeDays + 180
	// enoughDays is a history that is not shortened by one that is longer.
	enoughDays = judgeDays + 60
)

// Tenant searches a tenant's amortized usage. Subscriptions that were not read
// as lately as the others, or not as far back, are left out, and what was found
// of them earlier is left as it is.
func (s Search) Tenant(ctx context.Context, t fresnel.Tenant, subscriptions []string) error {
	in, included, err := s.readable(ctx, subscriptions)
	if err != nil || len(included) == 0 {
		return err
	}
	in.Tenant = t.ID
	for some := range slices.Chunk(included, subsAtOnce) {
		sums, err := s.Reader.Sums(ctx, fresnel.ScopeOf(t.ID), Query{
			Period: in.Held, Metric: Amortized, Subscriptions: some,
			By:      BySubscription | ByService | ByDay,
			Charges: []string{ChargeUsage, ChargeUnusedReservation, ChargeUnusedSavingsPlan},
		})
		if err != nil {
			return fmt.Errorf("cost: series of %s: %w", t.ID, err)
		}
		in.Series = append(in.Series, seriesOf(sums, in.Held)...)
	}
	raised, recurring := DetectAnomalies(in, DefaultDetectOptions())
	whole := len(included) == len(subscriptions)
	judged := func(f fresnel.Finding) bool {
		sub, _, _ := splitObject(f.Object)
		return in.Judge.Contains(f.Since) && (slices.Contains(included, sub) || sub == "" && whole)
	}
	for rule, list := range map[string][]Detected{RuleAnomaly: raised, RuleRecurring: recurring} {
		if err := s.keep(ctx, t.ID, rule, list, in.Judge, judged); err != nil {
			return fmt.Errorf("cost: keep findings of %s: %w", t.ID, err)
		}
	}
	return nil
}

func (s Search) keep(ctx context.Context, t fresnel.TenantID, rule string, list []Detected, judge fresnel.Period, judged func(fresnel.Finding) bool) error {
	found := make([]fresnel.Finding, 0, len(list))
	for _, d := range list {
		f, err := finding(t, rule, d)
		if err != nil {
			return err
		}
		found = append(found, f)
	}
	held, err := s.Kept.Held(ctx, t, rule, judge.From-judgeDays)
	if err != nil {
		return err
	}
	details := map[string]Detected{} // by the text that they are kept as
	for _, f := range slices.Concat(held, found) {
		var d Detected
		if err := json.Unmarshal([]byte(f.Detail), &d); err != nil {
			return fmt.Errorf("cost: detail of finding %d: %w", f.ID, err)
		}
		details[f.Detail] = d
	}
	same := func(h, f fresnel.Finding) bool { return details[h.Detail].Same(details[f.Detail]) }
	return s.Kept.Keep(ctx, t, rule, fresnel.Reconcile(held, found, same, judged), s.Now())
}

// readable says which days can be searched, and of which subscriptions.
func (s Search) readable(ctx context.Context, subscriptions []string) (DetectInput, []string, error) {
	type reach struct {
		sub           string
		from, settled fresnel.Day
	}
	var all []reach
	today := fresnel.DayOf(s.Now())
	for _, sub := range subscriptions {
		reads, err := s.Sink.Read(ctx, sub)
		if err != nil {
			return DetectInput{}, nil, fmt.Errorf("cost: months held of %s: %w", sub, err)
		}
		if from, settled := reachOf(reads, today); settled > from {
			all = append(all, reach{sub, from, settled})
		}
	}
	if len(all) == 0 {
		return DetectInput{}, nil, nil
	}
	latest := slices.MaxFunc(all, func(a, b reach) int { return cmp.Compare(a.settled, b.settled) }).settled
	earliest := slices.MinFunc(all, func(a, b reach) int { return cmp.Compare(a.from, b.from) }).from
	// A month more or less is what a backfill over a month's end leaves.
	enough := max(earliest.AddMonths(1), latest-enoughDays)
	var included []string
	held := fresnel.Period{From: latest - searchDays, To: latest}
	for _, r := range all {
		if r.settled == latest && r.from <= enough {
			included = append(included, r.sub)
			held.From = max(held.From, r.from)
		}
	}
	judge := fresnel.Period{From: max(held.From, latest-judgeDays), To: latest}
	return DetectInput{Held: held, Judge: judge}, included, nil
}

// reachOf gives the settled days that are held without a gap, from..settled, of
// a subscription's amortized charges.
func reachOf(reads []MonthRead, today fresnel.Day) (from, settled fresnel.Day) {
	at := map[fresnel.Day]time.Time{}
	for _, r := range reads {
		if r.Cut == CutCharges && r.Metric == Amortized {
			at[r.Month] = r.At
		}
	}
	month := today.MonthStart()
	if at[month].IsZero() { // at a month's start the new one may not have been read yet
		month = month.AddMonths(-1)
	}
	for back := 0; ; back++ {
		first := month.AddMonths(-back)
		read, ok := at[first]
		if !ok {
			return from, settled
		}
		from = first
		if s := SettledTo(read); back == 0 {
			settled = min(s, first.AddMonths(1))
		} else if back == 1 && s < month {
			settled = min(settled, s)
		}
	}
}

// seriesOf lays sums out by day.
func seriesOf(sums []Sum, held fresnel.Period) []SeriesCost {
	type key struct{ sub, service, currency string }
	at := map[key]*SeriesCost{}
	var order []key
	for _, x := range sums {
		k := key{x.Subscription, x.Service, x.Currency}
		s := at[k]
		if s == nil {
			s = &SeriesCost{
				Subscription: k.sub, Service: k.service, Currency: k.currency, From: held.From,
				Micros: make([]int64, held.Days()), USD: make([]int64, held.Days()),
			}
			at[k] = s
			order = append(order, k)
		}
		s.Micros[x.Day-held.From] += x.Micros
		s.USD[x.Day-held.From] += x.USDMicros
	}
	slices.SortFunc(order, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.sub, b.sub), cmp.Compare(a.service, b.service), cmp.Compare(a.currency, b.currency))
	})
	out := make([]SeriesCost, len(order))
	for i, k := range order {
		out[i] = *at[k]
	}
	return out
}

// finding is an anomaly as it is kept. Its object names the series.
func finding(t fresnel.TenantID, rule string, d Detected) (fresnel.Finding, error) {
	detail, err := json.Marshal(d)
	if err != nil {
		return fresnel.Finding{}, fmt.Errorf("cost: detail of an anomaly: %w", err)
	}
	return fresnel.Finding{
		Tenant: t, Rule: rule, Object: objectOf(d.Subscription, d.Currency, d.Service),
		Since: d.From, Until: d.To, USD: abs(d.USDChange()), Detail: string(detail),
	}, nil
}

// objectOf names a series: subscription|currency|service. The service comes
// last, because its name may hold anything.
func objectOf(sub, currency, service string) string { return sub + "|" + currency + "|" + service }

func splitObject(object string) (sub, currency, service string) {
	sub, rest, _ := strings.Cut(object, "|")
	currency, service, _ = strings.Cut(rest, "|")
	return sub, currency, service
}
