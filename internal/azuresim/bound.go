package azuresim

import (
	"sort"
	"time"
)

// Bound says what the throttled buckets served since the start or the last reset, and the shortest
// time in which any client could have had that.
type Bound struct {
	Since   time.Time       `json:"since"`
	Elapsed float64         `json:"elapsedSeconds"`
	Seconds float64         `json:"boundSeconds"` // the greatest lower bound over all buckets
	Binding string          `json:"binding"`      // the bucket that gives it, "" if none binds
	Buckets []BucketBound   `json:"buckets"`
	Refused []RefusedMinute `json:"refused"` // by the buckets; injected faults are not counted

	// Seconds counts what was asked. GraphSeconds counts what of Resource Graph had to be asked: it binds
	// a client that asks for more than it needs, too.
	GraphSeconds float64     `json:"graphSeconds"`
	Graph        []GraphNeed `json:"graph"`
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
