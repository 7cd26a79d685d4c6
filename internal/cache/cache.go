// Package cache keeps whole HTTP answers, plain and compressed, under a key
// that names everything they depend on.
//
// It knows nothing of what it keeps: the caller's key must hold path, query,
// scope and data generation. It holds no state that must survive the process.
package cache

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
)

// Cache holds answers in memory, at most maxBytes of them.
type Cache struct {
	c *otter.Cache[string, *answer]
	// Seen is told of every request: hit, miss or bypass. It may be nil.
	Seen func(outcome string)
}

// TTL bounds the age of an answer, because answers tell ages ("14 min ago")
// that go on without any change of data.
const TTL = 30 * time.Second

// New makes a cache of at most maxBytes of bodies.
func New(maxBytes uint64) (*Cache, error) {
	c, err := otter.New(&otter.Options[string, *answer]{
		MaximumWeight:    maxBytes,
		Weigher:          func(k string, a *answer) uint32 { return uint32(len(k) + len(a.plain.body) + len(a.gzip.body) + 2048) },
		ExpiryCalculator: otter.ExpiryWriting[string, *answer](TTL),
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return &Cache{c: c}, nil
}

// Close ends what New began. Answers may still be asked for.
func (c *Cache) Close() { c.c.StopAllGoroutines() }

// answer is a complete response in each of its forms. All of it is made when
// it is recorded; several requests share it, and none writes to it.
type answer struct {
	status    int
	plain     form
	gzip      form   // without a body where it would not be smaller
	unchanged form   // 304
	etag      string // "" where the answer is not kept
}

// form is a body with its whole header.
type form struct {
	header http.Header
	body   []byte
}

// newForm gives a body the header of what was recorded and some lines more.
func newForm(header http.Header, body []byte, more http.Header) form {
	h := header.Clone()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	maps.Copy(h, more)
	for k, v := range h {
		h[k] = slices.Clip(v) // an Add to a response must not reach into another
	}
	return form{h, body}
}

// notKept carries an answer that must not be kept out of the loader.
type notKept struct{ *answer }

func (notKept) Error() string { return "cache: not kept" }

// loadTimeout bounds the making of an answer: it goes on when the client that
// asked first goes away, because others may wait for it.
const loadTimeout = 60 * time.Second

// Wrap serves next's answers from the cache. key gives false for requests
// whose answers must not be kept. Only GET and HEAD with status 200 are.
func (c *Cache) Wrap(next http.Handler, key func(*http.Request) (string, bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k, ok := "", false
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			k, ok = key(r)
		}
		if !ok {
			c.saw("bypass")
			next.ServeHTTP(w, r)
			return
		}
		a, ok := c.c.GetIfPresent(k)
		if ok {
			c.saw("hit")
			a.serve(w, r)
			return
		}
		c.saw("miss")
		a, err := c.c.Get(r.Context(), k, otter.LoaderFunc[string, *answer](func(context.Context, string) (*answer, error) {
			return record(next, r)
		}))
		if bad, ok := errors.AsType[notKept](err); ok {
			a, err = bad.answer, nil
		}
		if err != nil {
			next.ServeHTTP(w, r) // the wait for another's load was cut short
			return
		}
		a.serve(w, r)
	})
}

func (c *Cache) saw(outcome string) {
	if c.Seen != nil {
		c.Seen(outcome)
	}
}

func record(next http.Handler, r *http.Request) (*answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), loadTimeout)
	defer cancel()
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	get := r.Clone(ctx)
	get.Method = http.MethodGet
	get.Header.Del("If-None-Match")
	next.ServeHTTP(rec, get)
	body := rec.body.Bytes()
	if rec.status != http.StatusOK || rec.header.Get("Set-Cookie") != "" || strings.Contains(rec.header.Get("Cache-Control"), "no-store") {
		return nil, notKept{&answer{status: rec.status, plain: newForm(rec.header, body, nil)}}
	}
	sum := sha256.Sum256(body)
	a := &answer{status: rec.status, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	h := rec.header
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", strings.Join(append(h.Values("Vary"), "Accept-Encoding"), ", ")) // one line costs less than two
	a.plain = newForm(h, body, nil)
	if z := compress(body); z != nil {
		a.gzip = newForm(h, z, http.Header{"Content-Encoding": {"gzip"}})
	}
	a.unchanged = form{header: http.Header{"Etag": h["Etag"], "Cache-Control": h["Cache-Control"], "Vary": h["Vary"]}}
	return a, nil
}

func compress(b []byte) []byte {
	if len(b) < 512 {
		return nil
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		return nil
	}
	if err := z.Close(); err != nil || out.Len() >= len(b) {
		return nil
	}
	return out.Bytes()
}

// recorder keeps an answer instead of sending it.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.wrote = true
	return r.body.Write(p)
}

func (a *answer) serve(w http.ResponseWriter, r *http.Request) {
	status, f := a.status, a.plain
	switch {
	case a.etag != "" && matches(r.Header.Get("If-None-Match"), a.etag):
		status, f = http.StatusNotModified, a.unchanged
		clear(w.Header()) // what is not told again stays as the client has it (RFC 9111, 4.3.4)
	case a.gzip.body != nil && acceptsGzip(r.Header.Get("Accept-Encoding")):
		f = a.gzip
	}
	maps.Copy(w.Header(), f.header)
	w.WriteHeader(status)
	if r.Method != http.MethodHead && len(f.body) > 0 {
		_, _ = w.Write(f.body) // the client may be gone
	}
}

// matches compares an If-None-Match list weakly, as RFC 9110 says for GET.
func matches(list, etag string) bool {
	if list == "" {
		return false
	}
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == etag || one == "*" {
			return true
		}
	}
	return false
}

func acceptsGzip(h string) bool {
	for one := range strings.SplitSeq(h, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(one), ";")
		if name == "gzip" || name == "*" {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}
