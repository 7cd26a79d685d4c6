package azuresim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Connection is what an operator would know about the simulated Azure. All URLs are the simulator's own.
type Connection struct {
	AuthorityURL       string             `json:"authorityUrl"`
	ResourceManagerURL string             `json:"resourceManagerUrl"`
	GraphURL           string             `json:"graphUrl"` // without /v1.0
	VaultURL           string             `json:"vaultUrl"`
	ManagingTenantID   string             `json:"managingTenantId"`
	ClientID           string             `json:"clientId"`
	ClientSecret       string             `json:"clientSecret"`
	FederatedToken     string             `json:"federatedToken,omitempty"` // an assertion for ClientID, valid for an hour
	Tenants            []ConnectionTenant `json:"tenants"`
}

// ConnectionTenant is a governed tenant.
type ConnectionTenant struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Kind      string `json:"kind"`                // delegated (Lighthouse) or app
	ClientID  string `json:"clientId,omitempty"`  // only of kind app
	SecretRef string `json:"secretRef,omitempty"` // Key Vault URI of the client secret; only of kind app
}

// Connection tells how to reach the estate. The Server must have been started.
func (s *Server) Connection() Connection {
	base := s.URL()
	home, _ := s.directory.of(s.estate.managing)
	out := Connection{
		AuthorityURL: base, ResourceManagerURL: base, GraphURL: base, VaultURL: base,
		ManagingTenantID: s.estate.managing.id, ClientID: home.clientID, ClientSecret: home.secret,
	}
	if token, err := s.Assertion(home.clientID); err == nil {
		out.FederatedToken = token
	}
	for _, t := range s.estate.tenants {
		ct := ConnectionTenant{ID: t.id, Name: t.name, Kind: t.kind}
		if a, ok := s.directory.of(t); ok {
			ct.ClientID, ct.SecretRef = a.clientID, base+"/secrets/"+secretName(t)
		}
		out.Tenants = append(out.Tenants, ct)
	}
	return out
}

// EstateTenant is a tenant of the estate with its subscriptions, as /sim/estate shows it.
type EstateTenant struct {
	ID            string               `json:"id"`
	Name          string               `json:"name"`
	Kind          string               `json:"kind"`
	Domain        string               `json:"domain"`
	Subscriptions []EstateSubscription `json:"subscriptions"`
}

// EstateSubscription is a subscription of the estate. Costs says whether Cost Management answers for it.
type EstateSubscription struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Kind     string `json:"kind"`  // of its tenant: delegated or app
	Offer    string `json:"offer"` // quotaId
	State    string `json:"state"`
	Currency string `json:"currency"`
	Costs    bool   `json:"costs"`
}

// Estate lists all tenants and subscriptions, those without costs included.
func (s *Server) Estate() []EstateTenant {
	out := []EstateTenant{}
	for _, t := range s.estate.tenants {
		et := EstateTenant{ID: t.id, Name: t.name, Kind: t.kind, Domain: t.domain, Subscriptions: []EstateSubscription{}}
		for _, sub := range t.subs {
			et.Subscriptions = append(et.Subscriptions, EstateSubscription{sub.id, sub.name, t.kind, sub.offer, sub.state, sub.currency, sub.answers()})
		}
		out = append(out, et)
	}
	return out
}

// control answers /sim/...: what a test or an operator of the simulator uses, never a client of Azure.
func (s *Server) control(c *call) {
	what := strings.ToLower(strings.Join(c.path[1:], "/"))
	switch what {
	case "truth":
		s.controlTruth(c)
	case "planted":
		c.json(http.StatusOK, s.Planted())
	case "budgets":
		c.json(http.StatusOK, s.Budgets())
	case "estate":
		c.json(http.StatusOK, map[string]any{"start": s.estate.start, "firstDay": s.estate.first.String(), "tenants": s.Estate()})
	case "connection":
		c.json(http.StatusOK, s.Connection())
	case "ca":
		c.w.Header().Set("Content-Type", "application/x-pem-file")
		c.w.Write(s.CA())
	case "clock":
		s.controlClock(c)
	case "faults":
		s.controlFaults(c)
	case "requests":
		c.json(http.StatusOK, s.Requests())
	case "bound":
		c.json(http.StatusOK, s.Bound())
	case "bound/reset":
		if c.verb(http.MethodPost) {
			s.ResetBound()
			c.w.WriteHeader(http.StatusNoContent)
		}
	case "issuer/.well-known/openid-configuration":
		c.json(http.StatusOK, map[string]any{
			"issuer": s.URL() + issuerPath, "jwks_uri": s.URL() + issuerPath + "/keys",
			"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	case "issuer/keys":
		d := s.directory
		c.json(http.StatusOK, map[string]any{"keys": []any{jwk(d.issuerKid, &d.issuerKey.PublicKey, s.URL()+issuerPath)}})
	default:
		if !s.controlPolicy(c, what) && !s.controlInventory(c, what) && !s.controlIdentity(c, what) {
			s.controlApp(c)
		}
	}
}

// controlApp is PUT /sim/apps/{clientId} with {"state":...} and POST /sim/apps/{clientId}/rotate.
func (s *Server) controlApp(c *call) {
	var err error
	switch {
	case c.is("sim", "apps", "*") && c.r.Method == http.MethodPut:
		var body struct {
			State string `json:"state"`
		}
		if err = json.NewDecoder(c.r.Body).Decode(&body); err == nil {
			err = s.SetApp(c.path[2], body.State)
		}
	case c.is("sim", "apps", "*", "rotate") && c.r.Method == http.MethodPost:
		err = s.RotateSecret(c.path[2])
	default:
		c.fail(http.StatusNotFound, "NotFound", fmt.Sprintf("azuresim: %s is not a control path", c.r.URL.Path))
		return
	}
	if err != nil {
		c.bad(err)
		return
	}
	c.w.WriteHeader(http.StatusNoContent)
}

// verb answers 405 unless the request has one of the methods.
func (c *call) verb(methods ...string) bool {
	if slices.Contains(methods, c.r.Method) {
		return true
	}
	c.fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "azuresim: use "+strings.Join(methods, " or "))
	return false
}

func (c *call) bad(err error) { c.fail(http.StatusBadRequest, "BadRequest", err.Error()) }

func (s *Server) controlClock(c *call) {
	if !c.verb(http.MethodGet, http.MethodPut) {
		return
	}
	if c.r.Method == http.MethodPut {
		var st clockState
		err := json.NewDecoder(c.r.Body).Decode(&st)
		if err == nil {
			err = s.clock.set(st)
		}
		if err != nil {
			c.bad(err)
			return
		}
	}
	c.json(http.StatusOK, s.clock.state())
}

func (s *Server) controlFaults(c *call) {
	if !c.verb(http.MethodGet, http.MethodPut) {
		return
	}
	if c.r.Method == http.MethodPut {
		list, err := parseFaults(c.r.Body)
		if err == nil {
			err = s.SetFaults(list)
		}
		if err != nil {
			c.bad(err)
			return
		}
	}
	list := s.faults.get()
	if list == nil {
		list = []Fault{}
	}
	c.json(http.StatusOK, list)
}

// controlTruth streams NDJSON. An error after the first line breaks the connection: a short answer
// must not look like a whole one.
func (s *Server) controlTruth(c *call) {
	q, err := truthQuery(c.r)
	if err == nil {
		_, _, err = s.fillTruth(&q)
	}
	if err != nil {
		c.bad(err)
		return
	}
	c.w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(c.w, 64<<10)
	err = s.truth(q, func(r TruthRow) error {
		_, err := out.Write(truthLine(r, q.By))
		return err
	})
	if err != nil || out.Flush() != nil {
		panic(http.ErrAbortHandler)
	}
}

// truthQuery reads the parameters at, from, to, metric, by, cut, tenant and subscription.
func truthQuery(r *http.Request) (TruthQuery, error) {
	v := r.URL.Query()
	q := TruthQuery{Metric: v.Get("metric"), Cut: v.Get("cut"), Tenant: v.Get("tenant"), Subscription: v.Get("subscription")}
	for _, p := range []struct {
		name, layout string
		into         *time.Time
	}{{"at", time.RFC3339Nano, &q.At}, {"from", time.DateOnly, &q.From}, {"to", time.DateOnly, &q.To}} {
		if text := v.Get(p.name); text != "" {
			t, err := time.Parse(p.layout, text)
			if err != nil {
				return q, fmt.Errorf("azuresim: truth: %s: %w", p.name, err)
			}
			*p.into = t
		}
	}
	for k := range strings.SplitSeq(v.Get("by"), ",") {
		if k = strings.TrimSpace(k); k != "" {
			q.By = append(q.By, k)
		}
	}
	return q, nil
}
