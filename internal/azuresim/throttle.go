package azuresim

import (
	"math"
	"net/http"
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

	bucketConsumption = "consumption" // its numbers are not published
	bucketGraph       = "resourcegraph"
	bucketPolicy      = "policyinsights" // of a subscription or a management group; its numbers are not published
)

// The presets of throttling.
const (
	throttleOff   = "off"
	throttleReal  = "real"  // the published numbers
	throttleHarsh = "harsh" // half of them, with the whims of a bad day
)

// What harsh adds.
const (
	harshLonger  = 1.5  // times the wait that would do
	harshMore    = 5.0  // seconds on top
	harshEarly   = 2.0  // seconds more for coming before the wait is over
	harshLongest = 90.0 // seconds: coming early does not extend it for ever
	harshChance  = 0.03 // of being refused for nothing, and without being told for how long
)

// limit is the capacity of a bucket and its refill in tokens a second.
type limit struct{ capacity, rate float64 }

func limitOf(kind string) limit {
	if l, ok := identLimit(kind); ok {
		return l
	}
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
	case bucketConsumption:
		return limit{20, 20.0 / 60}
	case bucketPolicy:
		return limit{20, 20.0 / 60}
	case bucketGraph:
		return limit{15, 3} // 15 in five seconds
	default:
		return limit{250, 25}
	}
}

// limit is a kind's limit under the preset.
func (t *throttles) limit(kind string) limit {
	l := limitOf(kind)
	if t.preset == throttleHarsh {
		l.capacity, l.rate = l.capacity/2, l.rate/2
	}
	l.rate *= t.speed
	return l
}

// refusalHeader is the header with which a kind of bucket says when to come back; "" if it does not.
func refusalHeader(kind string) string {
	switch kind {
	case bucketScope:
		return costHeader + "entity-retry-after"
	case bucketQPU10s, bucketQPUMinute, bucketQPUHour:
		return costHeader + "qpu-retry-after"
	case bucketClientType:
		return costHeader + "clienttype-retry-after"
	case bucketConditional:
		return ""
	case bucketConsumption:
		return "x-ms-ratelimit-microsoft.consumption-retry-after"
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
	served float64   // since the last reset
	start  float64   // tokens at the last reset
	until  time.Time // of a harsh penalty
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
	preset  string
	speed   float64 // of refill, and of everything that waits for it
	seed    uint64
	mu      sync.Mutex
	asked   uint64 // cost queries, for the whims of harsh
	buckets map[bucketKey]*bucket
	refused map[string]map[int64]int // by api and Unix minute
	since   time.Time
}

func newThrottles(preset string, speed float64, seed uint64) *throttles {
	return &throttles{
		enforce: preset != throttleOff, preset: preset, speed: speed, seed: seed,
		buckets: map[bucketKey]*bucket{}, refused: map[string]map[int64]int{}, since: time.Now(),
	}
}

// take pays all charges or none. On refusal it sets the retry headers of the buckets that refused.
func (t *throttles) take(api string, h http.Header, charges []charge) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	waits := map[string]float64{}
	for _, c := range charges {
		if seconds := t.wait(c, now); seconds > 0 {
			name := refusalHeader(c.kind)
			waits[name] = max(waits[name], seconds)
		}
	}
	if len(waits) > 0 || t.whim(api) {
		for name, seconds := range waits {
			if name == "" {
				continue
			}
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

// wait is how many seconds a charge has to wait for its bucket; 0 if it can be paid.
func (t *throttles) wait(c charge, now time.Time) float64 {
	b := t.bucket(c.bucketKey, now)
	if !t.enforce {
		return 0
	}
	// A price above the capacity could never be paid; it takes the full bucket instead.
	lack := min(c.cost, b.capacity) - b.tokens
	if t.preset == throttleHarsh {
		return b.harshWait(lack, t.speed, now)
	}
	if lack <= 1e-9 {
		return 0
	}
	return lack / b.rate
}

// harshWait is a penalty that is longer than the refill, and that grows when somebody comes early.
func (b *bucket) harshWait(lack, speed float64, now time.Time) float64 {
	seconds := func(s float64) time.Duration { return time.Duration(s / speed * float64(time.Second)) }
	if now.Before(b.until) {
		b.until = b.until.Add(seconds(harshEarly))
		if longest := now.Add(seconds(harshLongest)); b.until.After(longest) {
			b.until = longest
		}
	} else if lack > 1e-9 {
		b.until = now.Add(time.Duration(lack/b.rate*harshLonger*float64(time.Second)) + seconds(harshMore))
	} else {
		return 0
	}
	return b.until.Sub(now).Seconds()
}

// whim refuses some cost queries under harsh for no reason and without a header.
func (t *throttles) whim(api string) bool {
	if t.preset != throttleHarsh || api != apiCost {
		return false
	}
	t.asked++
	return unit(mix(t.seed, label("whim"), t.asked)) < harshChance
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
		l := t.limit(key.kind)
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

// level is the number of whole tokens in a bucket, and when it will be full.
func (t *throttles) level(key bucketKey) (tokens int, full time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bucket(key, time.Now())
	full = time.Duration((b.capacity - b.tokens) / b.rate * float64(time.Second))
	if left := time.Until(b.until); left > full {
		full = left
	}
	return int(b.tokens + 1e-9), full
}
