package cost

import (
	"cmp"
	"slices"

	"fresnel"
)

// Kind is what an anomaly looks like.
type Kind string

// The kinds. A change that lasts a few days is a spike or a drop; one that
// lasts StepDays or more is a step, whatever its direction.
const (
	KindSpike     Kind = "spike"     // a few days above what was expected
	KindDrop      Kind = "drop"      // a few days below
	KindStep      Kind = "step"      // another level from a day on
	KindGrowth    Kind = "growth"    // a slow rise over weeks
	KindNew       Kind = "new"       // cost on at least 2 days where there was none before
	KindVanished  Kind = "vanished"  // no cost any more
	KindRecurring Kind = "recurring" // a charge of a known day of the month; never raised
)

// Level is how far down a series is.
type Level string

// The levels of a series.
const (
	LevelTenant       Level = "tenant"
	LevelSubscription Level = "subscription"
	LevelService      Level = "service"
)

// SeriesCost is the daily usage cost of a subscription, service and currency:
// amortized, without purchases, refunds and rounding.
type SeriesCost struct {
	Subscription, Service, Currency string
	From                            fresnel.Day
	Micros, USD                     []int64 // per day from From, in micro-units; a day without rows is 0
}

// DetectInput is what is held of one tenant.
type DetectInput struct {
	Tenant fresnel.TenantID
	Held   fresnel.Period // days that are held in full
	Judge  fresnel.Period // settled days to judge, the last ones of Held
	Series []SeriesCost
}

// DetectOptions says what counts as an anomaly. DefaultDetectOptions were
// tuned on simulated estates (TestDetectLabelledEstates says on which).
type DetectOptions struct {
	Score      float64 // at least so many robust sigmas from what was expected
	Share      float64 // and at least this share of it, on average over a change that lasts
	ShareShort float64 // and at least this share of it on a single day, which says less
	FloorUSD   int64   // and at least this many micro-units of CostUSD a day
	Weeks      int     // a weekday is compared with so many of its kind before
	MinHistory int     // days that a baseline needs
	StepDays   int     // a change that lasts so many days is a step
	AwayDays   int     // a service without cost for so many days, up to the end, has vanished
	GapDays    int     // the same of a whole subscription, whose missing rows are a gap before that
	Explains   float64 // the share of a change that a lower series must explain to be told instead
}

// DefaultDetectOptions are the rules of governance/cost-anomalies.md, section 3.
func DefaultDetectOptions() DetectOptions {
	return DetectOptions{
		Score: 3.5, Share: 0.2, ShareShort: 0.25, FloorUSD: 25_000_000, Weeks: 8, MinHistory: 14,
		StepDays: 7, AwayDays: 3, GapDays: 7, Explains: 0.7,
	}
}

// Contributor is a lower series and what it adds to a change.
type Contributor struct {
	Subscription, Service string
	USDChange             int64 // micro-units of CostUSD, by day
}

// Detected is an anomaly of one series.
//
// The amounts are micro-units of one day. Of a spike, drop or recurring charge
// they are those of the day Peak, the one that differs most. Of a step, new or
// vanished series they are means by day from From on, over at most 5 weeks; of
// growth, the levels of a mean day after and before it. Expected is what the weekday, the trend
// and the tenant's other series on that day let expect.
type Detected struct {
	Kind                            Kind
	Level                           Level
	Subscription, Service, Currency string      // empty above the level; Currency is USD where several meet
	From, To                        fresnel.Day // the first and the last day on which it holds
	Lasting                         bool        // it still holds on the last judged day
	Peak                            fresnel.Day
	Actual, Expected                int64
	USDActual, USDExpected          int64
	Score                           float64       // robust sigmas from Expected; negative below it
	Contributors                    []Contributor // largest first, at most 5; none at the lowest level
}

// USDChange is how far the cost is from what was expected, in micro-units of
// CostUSD by day.
func (a Detected) USDChange() int64 { return a.USDActual - a.USDExpected }

// Same tells whether two findings, of runs on different days, are of one
// anomaly: the same series and direction, and about the same first day or, of
// growth, days that overlap. What is told first may be a spike, which becomes a
// step when it lasts, or growth, whose first day is found later.
func (a Detected) Same(b Detected) bool {
	if a.Level != b.Level || a.Subscription != b.Subscription || a.Service != b.Service || a.Currency != b.Currency ||
		(a.USDChange() > 0) != (b.USDChange() > 0) {
		return false
	}
	if a.Kind == KindGrowth || b.Kind == KindGrowth {
		return a.From <= b.To && b.From <= a.To
	}
	return a.From <= b.From+sameDays && b.From <= a.From+sameDays
}

// sameDays is how far apart the first days of one anomaly may be found.
const sameDays = 2

// DetectAnomalies finds the anomalies of one tenant, the largest change in
// CostUSD first, and beside them the charges that were recognised as recurring
// and are therefore none.
//
// Method: a series at a time is gone through day by day and compared with its
// baseline (baseline.go): the services first, then the subscriptions and the
// tenant without what was found below them. Limits: a change within the first
// MinHistory days that are held cannot be seen, nor one smaller than Share, and
// a batch that begins to run every week is told each time: anomalous days are in
// no baseline.
func DetectAnomalies(in DetectInput, o DetectOptions) (raised, recurring []Detected) {
	d := newDetector(in, o)
	if d == nil {
		return nil, nil
	}
	leaves, subscriptions, tenant := d.tracks(in.Series)
	for _, t := range leaves {
		d.scan(t)
	}
	for _, s := range subscriptions {
		d.scanAbove(s)
	}
	d.scanAbove(tenant)
	for _, t := range slices.Concat(leaves, subscriptions, []*track{tenant}) {
		for _, e := range t.events {
			switch a, ok := d.detected(t, e); {
			case !ok:
			case a.Kind == KindRecurring:
				recurring = append(recurring, a)
			default:
				raised = append(raised, a)
			}
		}
	}
	slices.SortFunc(raised, byChange)
	slices.SortFunc(recurring, byChange)
	return raised, recurring
}

// scanAbove goes through a series above others, of which those below are done.
func (d *detector) scanAbove(t *track) {
	d.foldInto(t)
	t.sumCleaned()
	d.scan(t)
	d.join(t)
}

func byChange(a, b Detected) int {
	return cmp.Or(
		cmp.Compare(abs(b.USDChange()), abs(a.USDChange())), cmp.Compare(a.From, b.From),
		cmp.Compare(a.Subscription, b.Subscription), cmp.Compare(a.Service, b.Service),
		cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Kind, b.Kind))
}

func abs[T int64 | float64](x T) T {
	if x < 0 {
		return -x
	}
	return x
}
