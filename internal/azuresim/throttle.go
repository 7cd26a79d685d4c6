package azuresim

import (
	"math"
	"net/http"
	"sort"
	"strconv"
	"sync"
	"time"
)

// costHeader begins the names of Cost Management's throttle headers.
const costHeader = "x-ms-ratelimit-microsoft.costmanagement-"

// The kinds of bucket. Their published numbers are in azure-apis.md sections 4 and 7.1.
const (
	bucketScope      = "cost-scope"
	bucketPrincipal  = "cost-principal"
	bucketQPU10s     = "cost-qpu-10s"
	bucketQPUMinute  = "cost-qpu-minute"
	bucketQPUHour    = "cost-qpu-hour"
	bucketClientType = "cost-clienttype"
	bucketARMRead    = "arm-read"
)

// limit is the capacity of a bucket and its refill in tokens a second.
type limit struct{ capacity, rate float64 }

func limitOf(kind string) limit {
	switch kind {
	case bucketScope:
		return limit{4, 4.0 / 60}
	case bucketPrincipal:
		return limit{20, 20.0 / 60}
	case bucketQPU10s:
		return limit{12, 1.2}
	case bucketQPUMinute:
		return limit{60, 1}
	case bucketQPUHour:
		return limit{600, 600.0 / 3600}
	case bucketClientType:
		return limit{2000, 2000.0 / 60}
	default:
		return limit{250, 25}
	}
}

// refusalHeader is the header with which a kind of bucket says when to come back.
func refusalHeader(kind string) string {
	switch kind {
	case bucketScope:
		return costHeader + "entity-retry-after"
	case bucketQPU10s, bucketQPUMinute, bucketQPUHour:
		return costHeader + "qpu-retry-after"
	case bucketClientType:
		return costHeader + "clienttype-retry-after"
	default:
		return "Retry-After"
	}
}

// bucketKey names one bucket: a kind, and whose it is.
type bucketKey struct{ kind, owner string }

// bucket is a token bucket with continuous refill on real time.
type bucket struct {
	limit
	tokens float64
	last   time.Time
	served float64 // since the last reset
	start  float64 // tokens at the last reset
}

func (b *bucket) refill(now time.Time) {
	b.tokens = min(b.capacity, b.tokens+now.Sub(b.last).Seconds()*b.rate)
	b.last = now
}

// charge is a price in one bucket.
type charge struct {
	bucketKey
	cost float64
}

// throttles are all the buckets of a simulator. With enforcement off they only count.
type throttles struct {
	enforce bool
	mu      sync.Mutex
	buckets map[bucketKey]*bucket
	refused map[string]map[int64]int // by api and Unix minute
	since   time.Time
}

func newThrottles(enforce bool) *throttles {
	return &throttles{enforce: enforce, buckets: map[bucketKey]*bucket{}, refused: map[string]map[int64]int{}, since: time.Now()}
}

// take pays all charges or none. On refusal it sets the retry headers of the buckets that refused.
func (t *throttles) take(api string, h http.Header, charges []charge) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	waits := map[string]float64{}
	for _, c := range charges {
		b := t.bucket(c.bucketKey, now)
		// A price above the capacity could never be paid; it takes the full bucket instead.
		if lack := min(c.cost, b.capacity) - b.tokens; t.enforce && lack > 1e-9 {
			name := refusalHeader(c.kind)
			waits[name] = max(waits[name], lack/b.rate)
		}
	}
	if len(waits) > 0 {
		for name, seconds := range waits {
			h.Set(name, strconv.Itoa(max(1, int(math.Ceil(seconds-1e-9)))))
		}
		t.countRefusal(api, now)
		return false
	}
	for _, c := range charges {
		t.pay(c, now)
	}
	return true
}

func (t *throttles) pay(c charge, now time.Time) {
	b := t.bucket(c.bucketKey, now)
	cost := min(c.cost, b.capacity)
	b.served += cost
	if t.enforce {
		b.tokens = max(0, b.tokens-cost)
	}
}

func (t *throttles) bucket(key bucketKey, now time.Time) *bucket {
	b := t.buckets[key]
	if b == nil {
		l := limitOf(key.kind)
		b = &bucket{limit: l, tokens: l.capacity, last: now, start: l.capacity}
		t.buckets[key] = b
	}
	b.refill(now)
	return b
}

func (t *throttles) countRefusal(api string, now time.Time) {
	if t.refused[api] == nil {
		t.refused[api] = map[int64]int{}
	}
	t.refused[api][now.Unix()/60]++
}

// remaining is the number of whole tokens in a bucket.
func (t *throttles) remaining(key bucketKey) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int(t.bucket(key, time.Now()).tokens + 1e-9)
}

// Bound says what the throttled buckets served since the start or the last reset, and the shortest
// time in which any client could have had that.
type Bound struct {
	Since   time.Time       `json:"since"`
	Elapsed float64         `json:"elapsedSeconds"`
	Seconds float64         `json:"boundSeconds"` // the greatest lower bound over all buckets
	Binding string          `json:"binding"`      // the bucket that gives it, "" if none binds
	Buckets []BucketBound   `json:"buckets"`
	Refused []RefusedMinute `json:"refused"` // by the buckets; injected faults are not counted
}

// BucketBound is the account of one bucket. Served counts its own units: requests or QPU.
type BucketBound struct {
	Kind     string  `json:"kind"`
	Owner    string  `json:"owner"` // subscription, application, tenant or client type
	Capacity float64 `json:"capacity"`
	Rate     float64 `json:"ratePerSecond"`
	Initial  float64 `json:"initial"` // tokens at the start (= capacity) or at the last reset
	Served   float64 `json:"served"`
	Seconds  float64 `json:"boundSeconds"` // max(0, (served-initial)/rate)
}

// RefusedMinute counts the requests that buckets refused in one real minute.
type RefusedMinute struct {
	API    string    `json:"api"`
	Minute time.Time `json:"minute"`
	Count  int       `json:"count"`
}

func (t *throttles) bound() Bound {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := Bound{Since: t.since.UTC(), Elapsed: time.Since(t.since).Seconds()}
	for key, b := range t.buckets {
		seconds := max(0, (b.served-b.start)/b.rate)
		if seconds > out.Seconds {
			out.Seconds, out.Binding = seconds, key.kind+" "+key.owner
		}
		out.Buckets = append(out.Buckets, BucketBound{key.kind, key.owner, b.capacity, b.rate, b.start, b.served, seconds})
	}
	sort.Slice(out.Buckets, func(i, j int) bool {
		a, b := out.Buckets[i], out.Buckets[j]
		return a.Kind < b.Kind || a.Kind == b.Kind && a.Owner < b.Owner
	})
	for api, minutes := range t.refused {
		for minute, n := range minutes {
			out.Refused = append(out.Refused, RefusedMinute{api, time.Unix(minute*60, 0).UTC(), n})
		}
	}
	sort.Slice(out.Refused, func(i, j int) bool {
		a, b := out.Refused[i], out.Refused[j]
		return a.API < b.API || a.API == b.API && a.Minute.Before(b.Minute)
	})
	return out
}

// reset starts the account anew. It does not refill: the bound then starts from what is there.
func (t *throttles) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since = time.Now()
	t.refused = map[string]map[int64]int{}
	for _, b := range t.buckets {
		b.refill(t.since)
		b.served, b.start = 0, b.tokens
	}
}
