package azure

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"fresnel"
)

// The published limits of Cost Management, by bucket. We stay two percent
// below the refill, so that jitter on the way does not turn into refusals.
const keepBelow = 0.98

type limitRule struct {
	n   int
	per time.Duration
}

func costScopeRules() []limitRule     { return []limitRule{{4, time.Minute}} }
func costPrincipalRules() []limitRule { return []limitRule{{20, time.Minute}} }
func costTenantRules() []limitRule { // QPU
	return []limitRule{{12, 10 * time.Second}, {60, time.Minute}, {600, time.Hour}}
}
func costClientRules() []limitRule { return []limitRule{{2000, time.Minute}} }
func graphRules() []limitRule      { return []limitRule{{15, 5 * time.Second}} } // of a principal
func armRules() []limitRule        { return []limitRule{{250, 10 * time.Second}} }

// insightsRules are those of Policy Insights, of a subscription. Azure publishes
// none: this is far more than we ask for.
func insightsRules() []limitRule { return []limitRule{{10, time.Minute}} }

// Those of Microsoft Graph. Resource units are of an application in a tenant:
// a small tenant has fewer than these, and then says when to come back.
// Source: learn.microsoft.com/graph/throttling-limits.
func unitRules() []limitRule        { return []limitRule{{8000, 10 * time.Second}} }
func reportRules() []limitRule      { return []limitRule{{5, 10 * time.Second}} }
func conditionalRules() []limitRule { return []limitRule{{1, time.Second}} }

// limits holds the buckets of every scope, principal and tenant, shared by all
// jobs of the process.
type limits struct {
	unlimited bool
	mu        sync.Mutex
	buckets   map[string]*bucket
}

func newLimits(unlimited bool) *limits {
	return &limits{unlimited: unlimited, buckets: map[string]*bucket{}}
}

// bucket is one budget that Azure keeps: several windows, and a pause that
// Azure has asked for.
type bucket struct {
	kind  string // scope, principal, tenant, client, arm, graph, or one of Microsoft Graph
	mu    sync.Mutex
	rates []*rate.Limiter
	until time.Time
}

func (l *limits) bucket(kind, id string, rules []limitRule) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := kind + "|" + id
	b := l.buckets[key]
	if b == nil {
		b = &bucket{kind: kind}
		if l.unlimited {
			rules = nil // Azure may still ask for a pause
		}
		for _, r := range rules {
			b.rates = append(b.rates, rate.NewLimiter(rate.Limit(float64(r.n)/r.per.Seconds()*keepBelow), r.n))
		}
		l.buckets[key] = b
	}
	return b
}

// wait takes n units as soon as every window and pause allows. A window
// smaller than n is emptied: Azure lets such a query through when it is full.
func (b *bucket) wait(ctx context.Context, n int) error {
	now := time.Now() //nolint:forbidigo // throttles run on real time, whatever the clock
	at := now
	for _, r := range b.rates {
		res := r.ReserveN(now, min(n, r.Burst()))
		if d := res.DelayFrom(now); d != rate.InfDuration {
			at = later(at, now.Add(d))
		}
	}
	for {
		b.mu.Lock()
		at = later(at, b.until)
		b.mu.Unlock()
		left := time.Until(at) //nolint:forbidigo // as above
		if left <= 0 {
			return nil
		}
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
}

// pause keeps everybody off the bucket for a while.
func (b *bucket) pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until = later(b.until, time.Now().Add(d)) //nolint:forbidigo // as above
}

// learn spends what others have spent of the budget: Azure tells what is left.
func (b *bucket) learn(left map[int]float64) {
	now := time.Now() //nolint:forbidigo // as above
	for _, r := range b.rates {
		n, ok := left[r.Burst()]
		// One unit of slack: the answer may be older than our last request.
		if over := int(r.TokensAt(now) - n - 1); ok && over > 0 {
			r.ReserveN(now, min(over, r.Burst()))
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// sleep waits, and says so if people should know.
func sleep(ctx context.Context, d time.Duration) error {
	if d > 2*time.Second {
		fresnel.NoticeWait(ctx, time.Now().Add(d)) //nolint:forbidigo // as above
		defer fresnel.NoticeWait(ctx, time.Time{})
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// graphWait reads how long Resource Graph's quota is used up: 0 = it is not.
func graphWait(h http.Header) time.Duration {
	if h.Get("x-ms-user-quota-remaining") != "0" {
		return 0
	}
	t, err := time.Parse("15:04:05", h.Get("x-ms-user-quota-resets-after"))
	if err != nil {
		return 0
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
}

// qpuLeft reads "QueriesPerHour:599,QueriesPerMin:59,QueriesPer10Sec:11" into
// what is left by the size of the window's budget.
func qpuLeft(h http.Header) map[int]float64 {
	size := map[string]int{"queriesper10sec": 12, "queriespermin": 60, "queriesperhour": 600}
	left := map[int]float64{}
	for part := range strings.SplitSeq(h.Get("x-ms-ratelimit-microsoft.costmanagement-qpu-remaining"), ",") {
		name, value, _ := strings.Cut(part, ":")
		n, ok := size[strings.ToLower(strings.TrimSpace(name))]
		v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if ok && err == nil && v >= 0 {
			left[n] = v
		}
	}
	return left
}
