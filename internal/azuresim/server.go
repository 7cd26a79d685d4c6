package azuresim

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sort"
	"sync"
	"time"
)

// Options shape a simulator. The zero value is the default estate on real time without throttles.
type Options struct {
	Seed                   uint64
	Tenants                int           // governed tenants; 0 = 6
	SubscriptionsPerTenant int           // 0 = 4 to 9, differing by tenant
	Months                 int           // of history, the current one included; 0 = 13
	Groups                 int           // resource groups per subscription; 0 = 3 to 6
	Services               int           // services of the estate; 0 = 24. With Groups: every group has every service
	Planted                int           // anomalies per tenant; 0 = 2, or none in a grid; negative = none
	Resources              int           // of a subscription, at least; 0 = as many as what costs needs around it, about 60 with Groups 2, else about 100
	PolicyStates           int           // of a subscription, at least; 0 = as many as its assignments give, about 400
	PolicyGet              bool          // Policy Insights answers GET on its nextLinks, too; it is documented to take POST
	Waste                  int           // cases of waste in a subscription; 0 = enough to have each once, but 4 to 8; negative = none
	Accounts               int           // of a tenant's directory at the start, guests included; 0 = 60 to 400, differing by tenant
	Guests                 int           // of the accounts; 0 = 8 %
	SignInLimit            bool          // lists of users with their sign-ins are throttled to 10 in a minute, too; that is not confirmed
	Start                  time.Time     // fixes the estate's dates; zero = the clock's now
	Clock                  *Clock        // nil = real time
	Throttle               string        // "off" (default), "real" or "harsh"
	ThrottleSpeed          float64       // of refill and of retry times, so that an hour can pass in a minute; 0 = 1
	Faults                 []Fault       // in force from the start
	RefreshEvery           time.Duration // between re-estimates of open days; 0 = 4h
	MarkupNames            bool          // one tenant, subscription and resource group whose names are markup; in it resources, assignments and exemptions of hostile names, and policies of such names in the third tenant
	CostDisabled           bool          // the first tenant's last subscription answers AccountCostDisabled
	ARMPageSize            int           // subscriptions on a page; 0 = 100
	TokenLifetime          time.Duration // of access tokens; 0 = 60 to 90 minutes, at random
	NextLinkLifetime       time.Duration // of paging tokens; 0 = 1h
	Logger                 *slog.Logger  // nil = none
}

// fill sets the defaults.
func (o *Options) fill() error {
	setDefault(&o.Tenants, 6)
	setDefault(&o.Months, 13)
	setDefault(&o.RefreshEvery, 4*time.Hour)
	setDefault(&o.ARMPageSize, 100)
	setDefault(&o.NextLinkLifetime, time.Hour)
	setDefault(&o.Throttle, throttleOff)
	setDefault(&o.ThrottleSpeed, 1)
	if o.Clock == nil {
		o.Clock = NewClock()
	}
	if o.Start.IsZero() {
		o.Start = o.Clock.Now()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Throttle != throttleOff && o.Throttle != throttleReal && o.Throttle != throttleHarsh {
		return fmt.Errorf("azuresim: throttle %q is not off, real or harsh", o.Throttle)
	}
	if o.ThrottleSpeed < 0 || o.Tenants < 0 || o.SubscriptionsPerTenant < 0 || o.Months < 0 || o.Groups < 0 || o.Services < 0 || o.RefreshEvery < 0 || o.ARMPageSize < 0 || o.Resources < 0 || o.PolicyStates < 0 || o.Accounts < 0 || o.Guests < 0 {
		return errors.New("azuresim: a size in the options is negative")
	}
	if o.Accounts != 0 && (o.Accounts < identMinimum || o.Guests > o.Accounts-identCast) {
		return fmt.Errorf("azuresim: a directory has at least %d accounts, %d of which are no guests", identMinimum, identCast)
	}
	return nil
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Server is a simulator. It is safe for concurrent use.
type Server struct {
	opt       Options
	clock     *Clock
	log       *slog.Logger
	estate    *estate
	directory *directory
	vault     *vault
	throttles *throttles
	faults    *faults
	inventory *inventory
	results   graphResults
	counts    graphCounts
	policy    policyCache
	identity  identity
	needs     graphNeeds
	tls       *certificates
	pagingKey [32]byte
	done      chan struct{} // closed by Close: ends hangs
	closeOnce sync.Once

	mu       sync.Mutex
	base     string
	http     *http.Server
	served   chan struct{} // closed when the accept loop has ended
	requests map[RequestCount]int
	unused   map[net.Conn]bool // connections without a request so far
	revoked  map[[32]byte]bool // hashes of tokens that a fault let expire
}

// New builds a simulator. It listens after Start.
func New(o Options) (*Server, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	s := &Server{
		opt: o, clock: o.Clock, log: o.Logger, estate: newEstate(o), throttles: newThrottles(o.Throttle, o.ThrottleSpeed, o.Seed),
		faults: &faults{seed: o.Seed}, inventory: &inventory{denied: map[string]bool{}, edits: map[string][]edit{}, worlds: map[worldKey]*world{}}, done: make(chan struct{}), requests: map[RequestCount]int{}, unused: map[net.Conn]bool{}, revoked: map[[32]byte]bool{},
	}
	rand.Read(s.pagingKey[:])
	if err := s.faults.set(o.Faults); err != nil {
		return nil, err
	}
	var err error
	if s.directory, err = newDirectory(s.estate); err != nil {
		return nil, err
	}
	s.vault = newVault(s.estate, s.directory)
	if s.tls, err = newCertificates(); err != nil {
		return nil, err
	}
	return s, nil
}

// Start listens on an address such as 127.0.0.1:0 and returns when it does. A Server starts once.
func (s *Server) Start(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return errors.New("azuresim: started twice")
	}
	leaf, err := s.tls.leaf(addr)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("azuresim: listen: %w", err)
	}
	s.base = baseURL(ln.Addr().(*net.TCPAddr), addr) //nolint:errcheck // a TCP listener
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		// HTTP/1.1 only: a connection of HTTP/2 cannot be hijacked, and so not be reset.
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{leaf}, NextProtos: []string{"http/1.1"}},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ConnState:    s.noteConn,
	}
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		if err := s.http.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("simulator stopped", "err", err)
		}
	}()
	return nil
}

// baseURL names the host of the address, or 127.0.0.1 if that is a wildcard.
func baseURL(bound *net.TCPAddr, addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "https://" + net.JoinHostPort(host, fmt.Sprint(bound.Port))
}

// Close ends hanging requests, drains the others for up to five seconds, and ends every goroutine.
// It is idempotent.
func (s *Server) Close() error {
	s.closeOnce.Do(func() { close(s.done) })
	s.mu.Lock()
	srv := s.http
	for conn := range s.unused {
		_ = conn.Close() // clients dial ahead, and Shutdown would wait for those connections
	}
	s.mu.Unlock()
	if srv == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(ctx)
	if err != nil {
		_ = srv.Close()
		err = fmt.Errorf("azuresim: close: %w", err)
	}
	<-s.served
	return err
}

func (s *Server) noteConn(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateNew {
		s.unused[conn] = true
	} else {
		delete(s.unused, conn)
	}
}

// URL is the base of every simulated API, such as https://127.0.0.1:8443; empty before Start.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.base
}

// CA is the certificate of the simulator's own authority, in PEM, for a client to trust.
func (s *Server) CA() []byte { return s.tls.pem }

// Clock is the estate's clock.
func (s *Server) Clock() *Clock { return s.clock }

// SetFaults replaces the faults and starts their sequence anew.
func (s *Server) SetFaults(list []Fault) error { return s.faults.set(list) }

// Bound accounts for the throttled buckets since the start or ResetBound.
func (s *Server) Bound() Bound {
	b := s.throttles.bound()
	s.needed(&b)
	return b
}

// ResetBound starts the account of Bound anew; the buckets keep their filling.
func (s *Server) ResetBound() {
	s.throttles.reset()
	s.needs.reset()
}

// RequestCount counts answered requests by API (cost, consumption, resourcegraph, policyinsights, arm, entra, keyvault, msgraph, sim) and status.
// Status 0 counts connections that a fault broke.
type RequestCount struct {
	API    string `json:"api"`
	Status int    `json:"status"`
	Count  int    `json:"count"`
}

// Requests counts the requests so far, ordered by API and status.
func (s *Server) Requests() []RequestCount {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]RequestCount, 0, len(s.requests))
	for k, n := range s.requests {
		out = append(out, RequestCount{k.API, k.Status, n})
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].API < out[j].API || out[i].API == out[j].API && out[i].Status < out[j].Status
	})
	return out
}

func (s *Server) count(api string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[RequestCount{API: api, Status: status}]++
}
