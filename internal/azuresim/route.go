package azuresim

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// call is one request on its way through the simulator.
type call struct {
	w                    http.ResponseWriter
	r                    *http.Request
	path                 []string // segments as sent
	at                   time.Time
	api                  string
	tenant, subscription string        // for the filters of faults
	list                 bool          // a GET with pages
	continued            bool          // after an empty page
	fault                *Fault        // for the handler, which shapes its answer
	graph                *graphRequest // of Resource Graph, if it can be read
}

// ServeHTTP answers a request of any of the simulated APIs.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := &statusWriter{ResponseWriter: w}
	c := &call{w: status, r: r, at: s.clock.Now()}
	for seg := range strings.SplitSeq(r.URL.Path, "/") {
		if seg != "" {
			c.path = append(c.path, seg)
		}
	}
	handle := s.route(c)
	defer func() { s.count(c.api, status.status) }()
	h := w.Header()
	h.Set("x-ms-request-id", randomGUID())
	h.Set("x-ms-correlation-request-id", randomGUID())
	if id := r.Header.Get("x-ms-client-request-id"); id != "" {
		h.Set("x-ms-client-request-id", id)
	}
	if c.api != apiControl {
		if f := s.faults.strike(c); f != nil && s.apply(f, c, handle) {
			return
		}
	}
	handle(c)
}

// is compares the path with a pattern of segments; * matches any one. Azure's paths ignore case.
func (c *call) is(pattern ...string) bool {
	if len(pattern) != len(c.path) {
		return false
	}
	for i, p := range pattern {
		if p != "*" && !strings.EqualFold(p, c.path[i]) {
			return false
		}
	}
	return true
}

// route finds the handler and fills in what faults filter on.
func (s *Server) route(c *call) func(*call) {
	first := ""
	if len(c.path) > 0 {
		first = strings.ToLower(c.path[0])
	}
	c.api = apiARM
	switch {
	case first == "sim":
		c.api = apiControl
		return s.control
	case first == "v1.0", first == "beta":
		return s.routeIdentity(c)
	case first == "secrets":
		c.api, c.tenant = apiKeyVault, s.estate.managing.id
		return s.getSecret
	case c.is("tenants"), c.is("subscriptions"):
		c.list, c.tenant = true, s.tokenTenant(c)
		c.continued = s.afterEmpty(queryValue(c.r, "$skiptoken"))
		if first == "tenants" {
			return s.listTenants
		}
		return s.listSubscriptions
	case first == "providers":
		return s.routeProvider(c)
	case first == "subscriptions" && len(c.path) > 1:
		return s.routeSubscription(c)
	}
	if len(c.path) > 1 {
		if h := s.routeEntra(c); h != nil {
			c.api, c.tenant = apiEntra, strings.ToLower(c.path[0])
			return h
		}
	}
	return s.unknownPath
}

// routeProvider finds what is asked of the whole tenant.
func (s *Server) routeProvider(c *call) func(*call) {
	c.continued = s.afterEmpty(queryValue(c.r, "$skiptoken"))
	switch {
	case c.is("providers", "Microsoft.ResourceGraph", "resources"):
		c.api = apiGraph
		s.readGraph(c)
		return s.queryGraph
	case c.is("providers", "Microsoft.Management", "managementGroups"):
		c.list, c.tenant = true, s.tokenTenant(c)
		return s.listManagementGroups
	case c.is("providers", "Microsoft.Management", "managementGroups", "*", "descendants"):
		c.list, c.tenant = true, s.tokenTenant(c)
		return s.listDescendants
	}
	return s.routeGovernance(c)
}

func (s *Server) routeSubscription(c *call) func(*call) {
	c.subscription = strings.ToLower(c.path[1])
	if sub := s.estate.subs[c.subscription]; sub != nil {
		c.tenant = sub.tenant.id
	}
	switch {
	case len(c.path) == 2:
		return s.getSubscription
	case c.is("subscriptions", "*", "providers", "Microsoft.CostManagement", "query"):
		c.api = apiCost
		c.continued = s.afterEmpty(queryValue(c.r, "$skiptoken"))
		return s.queryCost
	case c.is("subscriptions", "*", "providers", "Microsoft.Consumption", "budgets"):
		c.api, c.list = apiConsumption, true
		c.continued = s.afterEmpty(queryValue(c.r, "$skiptoken"))
		return s.listBudgets
	}
	return s.routeGovernance(c)
}

// queryValue reads a query parameter without regard to the case of its name.
func queryValue(r *http.Request, name string) string {
	for k, v := range r.URL.Query() {
		if strings.EqualFold(k, name) {
			return v[0]
		}
	}
	return ""
}

// statusWriter remembers the status for the counts.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes and sends the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write sends bytes, with status 200 if none was sent.
func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// randomGUID is for request ids and the like, which need not be repeatable.
func randomGUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
