package azuresim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is one way in which Azure misbehaves. The first fault that matches a request and whose
// probability strikes is applied.
type Fault struct {
	API  string `json:"api"`  // cost, arm, entra, keyvault or *
	Kind string `json:"kind"` // 429, 5xx, hang, reset, html, empty (cost, arm) or nulls (cost)

	// Header tells a 429 (or, if given, a 5xx) how to say when to come back: retry-after (default),
	// retry-after-date, retry-after-ms, qpu, entity, tenant, clienttype or none.
	Header            string `json:"header,omitempty"`
	RetryAfterSeconds int    `json:"retryAfterSeconds,omitempty"` // 0 = 1
	Status            int    `json:"status,omitempty"`            // of a 5xx; 0 = 503

	Probability  float64 `json:"probability,omitempty"`  // of each matching request; 0 = always
	Times        int     `json:"times,omitempty"`        // 0 = unlimited
	Tenant       string  `json:"tenant,omitempty"`       // only this tenant: of the token, or owner of the subscription
	Subscription string  `json:"subscription,omitempty"` // only this subscription
	// HangSeconds is how long a hang lasts before the true answer comes; 0 = until the client leaves.
	HangSeconds float64 `json:"hangSeconds,omitempty"`
}

// The kinds of fault.
const (
	fault429   = "429"
	fault5xx   = "5xx"
	faultHang  = "hang"
	faultReset = "reset"
	faultHTML  = "html"
	faultEmpty = "empty"
	faultNulls = "nulls"
)

// The names of the simulated APIs, in faults and in request counts.
const (
	apiCost     = "cost"
	apiARM      = "arm"
	apiEntra    = "entra"
	apiKeyVault = "keyvault"
	apiControl  = "sim"
)

// LoadFaults reads a JSON array of faults from a file.
func LoadFaults(path string) ([]Fault, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("azuresim: faults: %w", err)
	}
	return parseFaults(bytes.NewReader(b))
}

// parseFaults is strict: a misspelt field would be a fault that never happens.
func parseFaults(r io.Reader) ([]Fault, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var list []Fault
	if err := dec.Decode(&list); err != nil {
		return nil, fmt.Errorf("azuresim: faults: %w", err)
	}
	for i, f := range list {
		if err := f.validate(); err != nil {
			return nil, fmt.Errorf("azuresim: fault %d: %w", i, err)
		}
	}
	return list, nil
}

func (f Fault) validate() error {
	switch {
	case !slices.Contains([]string{apiCost, apiARM, apiEntra, apiKeyVault, "*"}, f.API):
		return fmt.Errorf("api %q is not cost, arm, entra, keyvault or *", f.API)
	case !slices.Contains([]string{fault429, fault5xx, faultHang, faultReset, faultHTML, faultEmpty, faultNulls}, f.Kind):
		return fmt.Errorf("kind %q is not 429, 5xx, hang, reset, html, empty or nulls", f.Kind)
	case f.Kind == faultEmpty && !slices.Contains([]string{apiCost, apiARM, "*"}, f.API):
		return fmt.Errorf("kind empty is for pages: api %q has none", f.API)
	case f.Kind == faultNulls && f.API != apiCost && f.API != "*":
		return fmt.Errorf("kind nulls is for cost rows: api %q has none", f.API)
	case !slices.Contains([]string{"", "none", "retry-after", "retry-after-date", "retry-after-ms", "qpu", "entity", "tenant", "clienttype"}, f.Header):
		return fmt.Errorf("header %q is unknown", f.Header)
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("probability %v is not in 0..1", f.Probability)
	case f.Status != 0 && (f.Status < 500 || f.Status > 599):
		return fmt.Errorf("status %d is not a 5xx", f.Status)
	case f.Times < 0 || f.RetryAfterSeconds < 0 || f.HangSeconds < 0:
		return fmt.Errorf("times, retryAfterSeconds and hangSeconds must not be negative")
	}
	return nil
}

// matches says whether the fault is meant for a call. Empty pages and nulls need an answer that has
// rows; the page after an empty one is never empty again, or the paging would not end.
func (f Fault) matches(c *call) bool {
	switch f.Kind {
	case faultEmpty:
		if c.api != apiCost && !c.list || c.continued {
			return false
		}
	case faultNulls:
		if c.api != apiCost {
			return false
		}
	}
	return (f.API == "*" || f.API == c.api) &&
		(f.Tenant == "" || strings.EqualFold(f.Tenant, c.tenant)) &&
		(f.Subscription == "" || strings.EqualFold(f.Subscription, c.subscription))
}

// faults decides which requests are struck: the same seed and sequence of requests give the same faults.
type faults struct {
	seed uint64
	mu   sync.Mutex
	list []Fault
	seen []uint64 // matching requests, by fault
	hits []int
}

func (fs *faults) set(list []Fault) error {
	for i, f := range list {
		if err := f.validate(); err != nil {
			return fmt.Errorf("azuresim: fault %d: %w", i, err)
		}
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list, fs.seen, fs.hits = slices.Clone(list), make([]uint64, len(list)), make([]int, len(list))
	return nil
}

func (fs *faults) get() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.Clone(fs.list)
}

// strike returns the fault for a call, or nil.
func (fs *faults) strike(c *call) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.list {
		if !f.matches(c) || f.Times > 0 && fs.hits[i] >= f.Times {
			continue
		}
		fs.seen[i]++
		if f.Probability > 0 && unit(mix(fs.seed, label("fault"), uint64(i), fs.seen[i])) >= f.Probability {
			continue
		}
		fs.hits[i]++
		return &f
	}
	return nil
}

// apply acts a fault out, and says whether the request is thereby answered.
func (s *Server) apply(f *Fault, c *call, handle func(*call)) (answered bool) {
	switch f.Kind {
	case fault429:
		f.sayWhen(c.w.Header())
		c.throttled("")
	case fault5xx:
		if f.Header != "" {
			f.sayWhen(c.w.Header())
		}
		status := f.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		c.fail(status, serverErrorCode(status), "The server encountered an internal error. Please retry the request.")
	case faultHTML:
		proxyPage(c.w)
	case faultReset:
		s.resetMidBody(c, handle)
	case faultHang:
		return s.hang(f, c)
	default:
		c.fault = f // empty and nulls: the handler shapes its page
		return false
	}
	return true
}

func serverErrorCode(status int) string {
	switch status {
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable"
	case http.StatusGatewayTimeout:
		return "GatewayTimeout"
	default:
		return "InternalServerError"
	}
}

func (f *Fault) sayWhen(h http.Header) {
	seconds := max(1, f.RetryAfterSeconds)
	switch f.Header {
	case "none":
	case "", "retry-after":
		h.Set("Retry-After", strconv.Itoa(seconds))
	case "retry-after-date":
		// A date has whole seconds; rounding up never asks for less than the wait.
		at := time.Now().Add(time.Duration(seconds)*time.Second + 999*time.Millisecond)
		h.Set("Retry-After", at.UTC().Format(http.TimeFormat))
	case "retry-after-ms":
		h.Set("retry-after-ms", strconv.Itoa(seconds*1000))
	default:
		h.Set(costHeader+f.Header+"-retry-after", strconv.Itoa(seconds))
	}
}

func proxyPage(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"+
		"<body><center><h1>502 Bad Gateway</h1></center><hr><center>Microsoft-Azure-Application-Gateway/v2</center></body></html>\n")
}

// hang holds the request. It answers nothing if the client left or the simulator closes.
func (s *Server) hang(f *Fault, c *call) (answered bool) {
	// The server notices a client's leaving only once the body is read.
	body, _ := io.ReadAll(io.LimitReader(c.r.Body, 1<<20))
	c.r.Body = io.NopCloser(bytes.NewReader(body))
	var over <-chan time.Time
	if f.HangSeconds > 0 {
		timer := time.NewTimer(time.Duration(f.HangSeconds * float64(time.Second)))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
		return false
	case <-c.r.Context().Done():
	case <-s.done:
	}
	panic(http.ErrAbortHandler) // close the connection without an answer
}

// resetMidBody sends about half of the true body and then resets the connection.
func (s *Server) resetMidBody(c *call, handle func(*call)) {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	w := c.w
	c.w = rec
	handle(c)
	c.w = w
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close() //nolint:errcheck // it is reset on purpose
	body := rec.body.Bytes()
	fmt.Fprintf(buf, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n", rec.status, http.StatusText(rec.status), len(body))
	for _, k := range slices.Sorted(maps.Keys(rec.header)) {
		if k != "Content-Length" {
			fmt.Fprintf(buf, "%s: %s\r\n", k, rec.header.Get(k))
		}
	}
	_, _ = buf.WriteString("\r\n")
	_, _ = buf.Write(body[:len(body)/2])
	_ = buf.Flush()
	time.Sleep(20 * time.Millisecond) // a reset overtakes data that is still on its way
	abort(conn)
}

// recorder keeps an answer that is to be cut short.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
