package web

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"fresnel"
)

// Policy is the content security policy of every answer: nothing inline,
// nothing from elsewhere.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"

// Edge is what every request goes through.
type Edge struct {
	Scope    func(*http.Request) fresnel.Scope // what the viewer may see
	Log      *slog.Logger
	Observed func(route string, status int, took time.Duration)
	// Refuse answers a request that reaches no handler.
	Refuse func(w http.ResponseWriter, r *http.Request, code int, detail, do string)
}

// Wrap puts the edge around a handler: request id, recovery, security headers,
// refusal of foreign hosts and cross-site writes, and the viewer's scope.
func (e Edge) Wrap(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.Refuse(w, r, http.StatusForbidden, "this request came from another site", "Start it from Fresnel's own pages.")
	}))
	guarded := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now() //nolint:forbidigo // measures the answer, not the world
		id := rand.Text()[:12]
		ctx := fresnel.WithScope(fresnel.WithRequestID(r.Context(), id), e.Scope(r))
		r = r.WithContext(ctx)
		rec := &status{ResponseWriter: w, id: id}
		setHeaders(w.Header())
		defer func() {
			if p := recover(); p != nil {
				e.recovered(rec, r, p)
			}
			if e.Observed != nil {
				e.Observed(route(r, rec.code()), rec.code(), time.Since(start)) //nolint:forbidigo // as above
			}
		}()
		if !localHost(r.Host) {
			e.Refuse(rec, r, http.StatusMisdirectedRequest, "this host name is not served", "Open Fresnel by the address that it printed at its start.")
			return
		}
		guarded.ServeHTTP(rec, r)
	})
}

// route names what answered, in metrics. A good answer without a pattern is
// the cache's, whose paths are few and fixed.
func route(r *http.Request, code int) string {
	switch {
	case r.Pattern != "":
		return r.Pattern
	case code < 400:
		return "cached " + r.URL.Path
	}
	return "refused"
}

// The values of the headers that every answer has, made once. They are few: an
// answer from the cache costs little more than writing its headers.
var policy, nosniff, sameOrigin = []string{Policy}, []string{"nosniff"}, []string{"same-origin"}

func setHeaders(h http.Header) {
	h["Content-Security-Policy"] = policy
	h["X-Content-Type-Options"] = nosniff
}

// localHost tells whether a Host header names this machine. Without sign-in,
// a page of any site could otherwise read ours by pointing its own name at
// 127.0.0.1 (DNS rebinding).
func localHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (e Edge) recovered(w *status, r *http.Request, p any) {
	if p == http.ErrAbortHandler { //nolint:errorlint,err113 // net/http's own sentinel
		panic(p)
	}
	e.Log.ErrorContext(r.Context(), "request panicked", "req", fresnel.RequestID(r.Context()), "err", clip(fmt.Sprint(p)), "stack", clip(string(debug.Stack())))
	if w.written == 0 {
		e.Refuse(w, r, http.StatusInternalServerError, "internal error", "Look for the request id in the log.")
	}
}

// clip bounds a text of the log.
func clip(s string) string { return s[:min(len(s), 4000)] }

// status remembers the code of an answer, and names the request of one that
// went wrong, as the log does.
type status struct {
	http.ResponseWriter
	id      string
	written int
}

func (s *status) WriteHeader(code int) {
	if s.written == 0 {
		s.written = code
		if code >= http.StatusBadRequest {
			s.Header().Set("X-Request-Id", s.id)
		}
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(p []byte) (int, error) {
	if s.written == 0 {
		s.written = http.StatusOK
	}
	return s.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find Flush.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *status) code() int {
	if s.written == 0 {
		return http.StatusOK
	}
	return s.written
}
