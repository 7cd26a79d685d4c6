package azuresim

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

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
		c.fail(status, serverErrorCode(c.api, status), "The server encountered an internal error. Please retry the request.")
	case faultHTML:
		proxyPage(c.w)
	case faultReset:
		s.resetMidBody(c, handle)
	case faultHang:
		return s.hang(f, c)
	case faultGzip:
		return s.truncateGzip(c, handle)
	case faultExpired:
		s.revoke(c.r)
		return false
	default:
		c.fault = f // the handler shapes its answer
		return false
	}
	return true
}

func serverErrorCode(api string, status int) string {
	switch status {
	case http.StatusServiceUnavailable:
		if api == apiMSGraph {
			return "serviceNotAvailable"
		}
		return "ServiceUnavailable"
	case http.StatusGatewayTimeout:
		if api == apiMSGraph {
			return "UnknownError"
		}
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
