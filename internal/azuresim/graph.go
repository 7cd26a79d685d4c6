package azuresim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The limits of Resource Graph (azure-apis.md section 6).
const (
	graphPage          = 1000
	graphSubscriptions = 1000
	graphPayload       = 16 << 20
	graphQuotaHeader   = "x-ms-user-quota-"
)

var graphVersions = []string{"2024-04-01", "2022-10-01", "2021-03-01"}

// graphRequest is the body of a query.
type graphRequest struct {
	Subscriptions    []string          `json:"subscriptions"`
	ManagementGroups []string          `json:"managementGroups"`
	Query            string            `json:"query"`
	Facets           []json.RawMessage `json:"facets"`
	Options          struct {
		Top         *int   `json:"$top"`
		Skip        int    `json:"$skip"`
		SkipToken   string `json:"$skipToken"`
		Format      string `json:"resultFormat"`
		ScopeFilter string `json:"authorizationScopeFilter"`
		Partial     bool   `json:"allowPartialScopes"`
	} `json:"options"`
}

// readGraph reads the body, for the handler and for the filters of faults.
func (s *Server) readGraph(c *call) {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, 4<<20))
	c.r.Body = io.NopCloser(bytes.NewReader(body))
	var q graphRequest
	if err == nil && json.Unmarshal(body, &q) == nil {
		c.graph = &q
		c.continued = s.afterEmpty(q.Options.SkipToken)
	}
	c.list, c.tenant = true, s.tokenTenant(c)
}

// queryGraph answers POST /providers/Microsoft.ResourceGraph/resources.
func (s *Server) queryGraph(c *call) {
	p, ok := s.armPrincipal(c)
	if !ok || !c.checkVersion(graphVersions, "NoRegisteredProviderFound") {
		return
	}
	if c.r.Method != http.MethodPost {
		c.fail(http.StatusMethodNotAllowed, "HttpMethodNotAllowed", "The requested resource does not support http method '"+c.r.Method+"'.")
		return
	}
	if !s.takeGraph(c, p) {
		c.throttled("")
		return
	}
	q := c.graph
	if q == nil || strings.TrimSpace(q.Query) == "" {
		c.graphError("InvalidRequestBody", "The request body is invalid or the query is missing.")
		return
	}
	if len(q.Facets) > 0 {
		c.graphError("UnsupportedFacets", "Facets are not simulated.")
		return
	}
	if n := q.top(); n < 1 || n > graphPage || q.Options.Skip < 0 {
		c.graphError("BadPagingOptions", fmt.Sprintf("The value of $top must be between 1 and %d.", graphPage))
		return
	}
	subs, ok := s.graphScope(c, p, q)
	if !ok {
		return
	}
	s.answerGraph(c, p, q, subs)
}

func (q *graphRequest) top() int {
	if q.Options.Top != nil {
		return *q.Options.Top
	}
	return graphPage
}

// above says whether a query asks for what management groups have, too: if they are its scope, or by
// authorizationScopeFilter, which counts for the tables of policies and roles only.
func (q *graphRequest) above() bool {
	return len(q.Subscriptions) == 0 || strings.EqualFold(q.Options.ScopeFilter, "AtScopeAndAbove") || strings.EqualFold(q.Options.ScopeFilter, "AtScopeAboveAndBelow")
}

// graphOwner is whose quota a query takes from: a principal has one in the tenant of its token. All
// tenants that are reached through Lighthouse share that of the managing principal.
func graphOwner(p principal) string { return p.tenantID + "/" + p.objectID }

// takeGraph takes a query from the quota of the principal in its tenant, and states what is left.
func (s *Server) takeGraph(c *call, p principal) bool {
	key := bucketKey{bucketGraph, graphOwner(p)}
	h := c.w.Header()
	ok := s.throttles.take(apiGraph, h, []charge{{key, 1}})
	left, full := s.throttles.level(key)
	if !s.throttles.enforce {
		left, full = int(limitOf(bucketGraph).capacity)-1, time.Second
	}
	if !ok {
		left = 0
	}
	seconds := int((full + time.Second - 1) / time.Second)
	h.Set(graphQuotaHeader+"remaining", strconv.Itoa(left))
	h.Set(graphQuotaHeader+"resets-after", fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60))
	h.Set("x-ms-tenant-subscription-limit-hit", "false")
	return ok
}

// graphDetail is one of the details of an error.
type graphDetail struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Line     int    `json:"line,omitempty"`
	Position *int   `json:"characterPositionInLine,omitempty"`
	Token    string `json:"token,omitempty"`
	Expected string `json:"expectedToken,omitempty"`
}

func (c *call) graphError(code, message string) {
	c.graphDetails(http.StatusBadRequest, "BadRequest", []graphDetail{{Code: code, Message: message}})
}

func (c *call) graphDetails(status int, code string, details []graphDetail) {
	message := fmt.Sprintf("Please provide below info when asking for support: timestamp = %s, correlationId = %s.", wireTime(time.Now()), c.w.Header().Get("x-ms-correlation-request-id"))
	c.w.Header().Set("x-ms-error-code", code)
	c.json(status, map[string]any{"error": map[string]any{"code": code, "message": message, "details": details}})
}

// graphRefusal answers a query that cannot be parsed or makes no sense.
func (c *call) graphRefusal(err error) {
	e := &kqlError{}
	if !errors.As(err, &e) {
		e = &kqlError{code: "InvalidQuery", message: err.Error()}
	}
	details := []graphDetail{{Code: "InvalidQuery", Message: "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying."}}
	d := graphDetail{Code: e.code, Message: e.message, Line: e.line, Token: e.token, Expected: e.expected}
	if e.line > 0 {
		d.Position = &e.pos
	}
	c.graphDetails(http.StatusBadRequest, "BadRequest", append(details, d))
}

// graphScope finds the subscriptions of a query. Those that the caller may not read are left out
// without a word; delegated ones are found only if they are listed.
func (s *Server) graphScope(c *call, p principal, q *graphRequest) ([]*subscription, bool) {
	if len(q.Subscriptions) > graphSubscriptions {
		c.graphError("TooManySubscriptions", fmt.Sprintf("The number of subscriptions %d exceeds the limit of %d.", len(q.Subscriptions), graphSubscriptions))
		return nil, false
	}
	for _, id := range q.Subscriptions {
		if !guidShape.MatchString(strings.ToLower(id)) {
			c.graphError("InvalidSubscriptionIds", "Provided subscription identifier '"+id+"' is malformed.")
			return nil, false
		}
	}
	if len(q.ManagementGroups) > 0 && p.tenantID == s.estate.managing.id {
		c.graphDetails(http.StatusForbidden, "AccessDenied", []graphDetail{{Code: "AccessDenied", Message: "Access is denied to the requested resource. The user might not have enough permission."}})
		return nil, false
	}
	var out []*subscription
	for _, t := range s.estate.tenants {
		for _, sub := range t.subs {
			if sub.state != stateDeleted && s.mayRead(p.tenantID, sub) && q.names(sub, p.tenantID) {
				out = append(out, sub)
			}
		}
	}
	if len(out) == 0 {
		c.graphError("NoValidSubscriptionsInQueryRequest", "There must be at least one subscription that is eligible to contain resources. Given: '"+strings.Join(q.Subscriptions, "', '")+"'.")
		return nil, false
	}
	if c.fault != nil && c.fault.Kind == faultAbsent {
		i := max(0, slices.IndexFunc(out, func(sub *subscription) bool { return strings.EqualFold(sub.id, c.fault.Subscription) }))
		if c.fault.Subscription == "" || strings.EqualFold(out[i].id, c.fault.Subscription) {
			out = slices.Delete(out, i, i+1)
		}
	}
	return out, true
}

// names says whether a query is about a subscription.
func (q *graphRequest) names(sub *subscription, tenant string) bool {
	if len(q.Subscriptions) > 0 {
		return slices.ContainsFunc(q.Subscriptions, func(id string) bool { return strings.EqualFold(id, sub.id) })
	}
	if len(q.ManagementGroups) > 0 {
		return slices.ContainsFunc(sub.groupChain(), func(g managementGroup) bool {
			return slices.ContainsFunc(q.ManagementGroups, func(id string) bool { return strings.EqualFold(id, g.id) })
		})
	}
	return sub.tenant.id == tenant
}

// mayRead is the estate's, but for subscriptions on which the role was taken away.
func (s *Server) mayRead(tid string, sub *subscription) bool {
	return s.estate.mayRead(tid, sub) && !s.isDenied(sub)
}
