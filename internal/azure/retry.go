package azure

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"fresnel"
)

// retryPolicy waits for the buckets of a call before every attempt, waits as
// long as Azure asks after a 429, and repeats attempts that failed on the way.
//
// azcore's own policy is switched off: it gives up where Retry-After exceeds a
// minute, and does not know Cost Management's headers.
type retryPolicy struct{ c *Client }

type bucketsKey struct{}

// spend is what a call takes from the budgets that Azure keeps: one request
// from each, except of those that count units: the tenant's (QPU), and Microsoft
// Graph's resource units.
type spend struct {
	buckets []*bucket
	units   int
}

func (s spend) of(b *bucket) int {
	if b.kind == "tenant" || b.kind == msUnits {
		return s.units
	}
	return 1
}

// withBuckets names the budgets that a call spends.
func withBuckets(ctx context.Context, units int, bs ...*bucket) context.Context {
	return context.WithValue(ctx, bucketsKey{}, spend{bs, units})
}

const (
	maxTries = 6             // of attempts that fail on the way or with 5xx
	maxWait  = 2 * time.Hour // a longer Retry-After is not waited for
)

// Do implements policy.Policy.
func (p *retryPolicy) Do(req *policy.Request) (*http.Response, error) {
	ctx := req.Raw().Context()
	spent, _ := ctx.Value(bucketsKey{}).(spend)
	buckets := spent.buckets
	for try, throttled := 1, 0; ; {
		for _, b := range buckets {
			if err := b.wait(ctx, spent.of(b)); err != nil {
				return nil, err
			}
		}
		resp, err := p.attempt(ctx, req)
		if err == nil {
			learn(buckets, resp.Header)
		}
		switch {
		case err == nil && resp.StatusCode == http.StatusTooManyRequests:
			throttled++
			if err := throttle(ctx, buckets, resp, throttled); err != nil {
				return nil, err
			}
		case err == nil && !passing(resp.StatusCode):
			return resp, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && final(err), try >= maxTries:
			return resp, err
		default:
			p.c.cfg.Log.DebugContext(ctx, "azure attempt failed", "attempt", try, "err", err)
			wait := backoff(try)
			if err == nil {
				asked, _ := retryAfter(resp.Header, time.Now()) //nolint:forbidigo // real time
				wait = max(wait, min(asked, time.Minute))
			}
			try++
			if err := sleep(ctx, wait); err != nil {
				return nil, err
			}
		}
	}
}

// attempt is one request with its body read to the end, within its time.
func (p *retryPolicy) attempt(ctx context.Context, req *policy.Request) (*http.Response, error) {
	if err := req.RewindBody(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.c.cfg.TryTimeout)
	defer cancel()
	return req.Clone(ctx).Next()
}

// passing tells whether a status is one of those that pass by themselves.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// final tells whether an attempt that got no answer would fail again.
func final(err error) bool {
	if auth, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		return tokenError(auth).Kind != fresnel.Unavailable
	}
	var known *fresnel.Error
	return errors.As(err, &known) && known.Kind != fresnel.Unavailable
}

func backoff(try int) time.Duration {
	d := 400 * time.Millisecond << (try - 1)
	return d + rand.N(d/2) //nolint:gosec // jitter, not a secret
}

// throttle pauses the buckets that a 429 names; the next attempt waits in them.
func throttle(ctx context.Context, buckets []*bucket, resp *http.Response, times int) error {
	wait, kinds := retryAfter(resp.Header, time.Now()) //nolint:forbidigo // real time
	if wait == 0 {
		wait, kinds = min(5*time.Second<<min(times-1, 4), time.Minute), []string{"plain"}
	}
	if wait > maxWait {
		return &fresnel.Error{Kind: fresnel.Unavailable, Msg: "Azure asks to wait for " + wait.Round(time.Minute).String(), Do: "Fresnel tries again with the next scheduled run.", Wait: wait}
	}
	paused := false
	for _, b := range buckets {
		for _, k := range kinds {
			if names(k, b.kind) {
				b.pause(wait)
				paused = true
			}
		}
	}
	if !paused {
		return sleep(ctx, wait)
	}
	return nil
}

// names tells whether a kind of Retry-After speaks of a kind of bucket.
func names(header, bucket string) bool {
	switch header {
	case "qpu", "tenant":
		return bucket == "tenant"
	case "entity":
		return bucket == "scope"
	case "clienttype":
		return bucket == "client"
	default:
		switch bucket {
		case "principal", "arm", "graph", msUnits, msReports, msConditional, msSignIns:
			return true
		}
		return false
	}
}

func learn(buckets []*bucket, h http.Header) {
	if wait := graphWait(h); wait > 0 {
		for _, b := range buckets {
			if b.kind == "graph" {
				b.pause(wait)
			}
		}
	}
	left := qpuLeft(h)
	if len(left) == 0 {
		return
	}
	for _, b := range buckets {
		if b.kind == "tenant" {
			b.learn(left)
		}
	}
}
