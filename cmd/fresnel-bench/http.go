package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"fresnel/internal/app"
)

// The cached part: how much of each, and how often.
const (
	httpRounds   = 25
	httpRequests = 600
	httpConns    = 4
)

// http measures answers from the cache, through everything that a request goes
// through, beside a handler that writes the same bytes and nothing else.
func (b *bench) http() error {
	a, err := app.New(b.ctx, app.Config{
		Database: "sqlite:" + b.path, Listen: "127.0.0.1:0", NoSync: true, Months: 13, Workers: 4, Parallel: 4, IdleOver: 100, ComplianceTarget: 90, StaleDays: 90, SyncEvery: 4 * time.Hour,
		AzureAuthority: "https://login.invalid/", AzureResourceManager: "https://management.invalid", AzureGraph: "https://graph.invalid",
	}, app.Options{Now: func() time.Time { return asked.Add(time.Hour) }, Version: "bench"}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // the part is over
	whole, err := serve(b.ctx, a.Handler())
	if err != nil {
		return err
	}
	defer whole.Close() //nolint:errcheck // as above
	load, err := b.startLoad()
	if err != nil {
		return err
	}
	b.say("\ncached answers: server CPU per request, medians of %d interleaved rounds of %d requests over %d connections, ratios by round", httpRounds, httpRequests, httpConns)
	for _, page := range []struct{ name, path string }{
		{"summary endpoint", "/api/v1/costs/summary?period=30d"},
		{"Overview page", "/"},
	} {
		if err := b.page(whole.addr, load, page.name, page.path); err != nil {
			return errors.Join(err, load.stop())
		}
	}
	return load.stop()
}

// listening is a server on a loopback port, set up as the program's own.
type listening struct {
	*http.Server
	addr string
}

func serve(ctx context.Context, h http.Handler) (*listening, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &listening{&http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}, ln.Addr().String()}
	go s.Serve(ln) //nolint:errcheck // ends with Close
	return s, nil
}

func (b *bench) page(addr string, load *generator, name, path string) error {
	plain, err := b.fetch(addr, path, "")
	if err != nil {
		return err
	}
	zipped, err := b.fetch(addr, path, "gzip")
	if err != nil {
		return err
	}
	static, err := serve(b.ctx, staticHandler(plain))
	if err != nil {
		return err
	}
	defer static.Close() //nolint:errcheck // the part is over
	staticZip, err := serve(b.ctx, staticHandler(zipped))
	if err != nil {
		return err
	}
	defer staticZip.Close() //nolint:errcheck // as above
	etag := "If-None-Match: " + plain.header.Get("ETag") + "\r\n"
	const gzip = "Accept-Encoding: gzip\r\n"
	orders := []order{
		{Addr: static.addr, Path: path, Status: 200, Length: len(plain.body)},
		{Addr: addr, Path: path, Status: 200, Length: len(plain.body)},
		{Addr: staticZip.addr, Path: path, Header: gzip, Status: 200, Length: len(zipped.body)},
		{Addr: addr, Path: path, Header: gzip, Status: 200, Length: len(zipped.body)},
		{Addr: addr, Path: path, Header: etag, Status: 304},
	}
	took := make([][]time.Duration, len(orders))
	for round := range httpRounds + 1 {
		for i, o := range orders {
			o.Requests, o.Conns = httpRequests, httpConns
			runtime.GC()
			s, err := measure(func() error { return load.send(o) })
			if err != nil {
				return err
			}
			if round > 0 { // the first warms up
				took[i] = append(took[i], s.per(httpRequests).cpu)
			}
		}
	}
	b.say("  %s, %d bytes, %d compressed", name, len(plain.body), len(zipped.body))
	for _, c := range []struct {
		name       string
		base, ours int
		goal       float64
		what       string
	}{
		{"plain", 0, 1, 1.35, "cached"}, {"compressed", 2, 3, 1.35, "cached"}, {"unchanged", 0, 4, 1, "304   "},
	} {
		b.say("    %-11s static %s   %s %s   %s", c.name, us(median(took[c.base])), c.what, us(median(took[c.ours])),
			atMost(median(ratios(took[c.ours], took[c.base])), c.goal))
	}
	return nil
}

// ratios divides round by round: what a shared machine does to one round, it
// does to both.
func ratios(of, by []time.Duration) []float64 {
	out := make([]float64, len(of))
	for i := range of {
		out[i] = float64(of[i]) / float64(by[i])
	}
	return out
}

type fetched struct {
	header http.Header
	body   []byte
}

// fetch asks once, so that the answer is cached.
func (b *bench) fetch(addr, path, encoding string) (fetched, error) {
	r, err := http.NewRequestWithContext(b.ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return fetched{}, err
	}
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	tr := &http.Transport{DisableCompression: true}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(r)
	if err != nil {
		return fetched{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(path + " answers " + res.Status)
	}
	return fetched{res.Header, body}, err
}

// staticHandler writes an answer from memory.
func staticHandler(f fetched) http.Handler {
	kind, encoding, length := f.header.Get("Content-Type"), f.header.Get("Content-Encoding"), strconv.Itoa(len(f.body))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Length", length)
		if encoding != "" {
			h.Set("Content-Encoding", encoding)
		}
		_, _ = w.Write(f.body)
	})
}
