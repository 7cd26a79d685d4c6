package azuresim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// subscriptionVersions and costVersions are the api-versions that are known.
var (
	subscriptionVersions = []string{"2022-12-01", "2022-09-01", "2021-01-01", "2020-01-01", "2016-06-01"}
	costVersions         = []string{"2025-03-01", "2024-08-01", "2024-01-01", "2023-11-01", "2023-08-01", "2023-03-01", "2022-10-01", "2021-10-01", "2019-11-01"}
)

// armPrincipal authenticates a request to ARM, and answers it if it must be refused.
func (s *Server) armPrincipal(c *call) (principal, bool) {
	p, err := s.authenticate(c.r, audienceARM, audienceARMCore)
	if err == nil {
		return p, true
	}
	code, message, reason := "InvalidAuthenticationToken", "The access token is invalid.", "The access token is invalid."
	switch {
	case errors.Is(err, errNoToken):
		code, message = "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
		reason = "The authentication failed because of missing 'Authorization' header."
	case errors.Is(err, errExpired):
		code, message = "ExpiredAuthenticationToken", "The access token expiry UTC time has passed. Current UTC time is later."
		reason = "The access token expiry UTC time is earlier than current UTC time."
	case errors.Is(err, errAudience):
		code = "InvalidAuthenticationTokenAudience"
		message = "The access token has been obtained for wrong audience or resource. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'."
		reason = "The access token has been obtained from wrong audience or resource."
	}
	c.w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization_uri="%s/common", error="invalid_token", error_description="%s"`, s.URL(), reason))
	c.fail(http.StatusUnauthorized, code, message)
	return p, false
}

// checkVersion answers a request whose api-version is absent or unknown.
func (c *call) checkVersion(known []string, unknownCode string) bool {
	v := queryValue(c.r, "api-version")
	if v == "" {
		c.fail(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
		return false
	}
	if !slices.Contains(known, strings.ToLower(v)) {
		c.fail(http.StatusBadRequest, unknownCode, fmt.Sprintf("The api-version '%s' is invalid. The supported versions are '%s'.", v, strings.Join(known, ",")))
		return false
	}
	return true
}

// armRead authenticates, checks version and verb, and takes one read from the principal's bucket.
func (s *Server) armRead(c *call, remainingHeader string) (principal, bool) {
	return s.armReadOf(c, subscriptionVersions, remainingHeader)
}

func (s *Server) armReadOf(c *call, versions []string, remainingHeader string) (principal, bool) {
	p, ok := s.armPrincipal(c)
	if !ok || !c.checkVersion(versions, "InvalidApiVersionParameter") {
		return p, false
	}
	if c.r.Method != http.MethodGet {
		c.fail(http.StatusMethodNotAllowed, "HttpMethodNotAllowed", "The requested resource does not support http method '"+c.r.Method+"'.")
		return p, false
	}
	key := bucketKey{bucketARMRead, p.appID}
	if !s.throttles.take(apiARM, c.w.Header(), []charge{{key, 1}}) {
		code := "TooManyRequests"
		if c.subscription != "" {
			code = "SubscriptionRequestsThrottled"
		}
		c.throttled(code)
		return p, false
	}
	c.w.Header().Set(remainingHeader, strconv.Itoa(s.throttles.remaining(key)))
	return p, true
}

// tenantWire is an entry of GET /tenants.
type tenantWire struct {
	ID             string   `json:"id"`
	TenantID       string   `json:"tenantId"`
	DisplayName    string   `json:"displayName"`
	DefaultDomain  string   `json:"defaultDomain"`
	Domains        []string `json:"domains"`
	CountryCode    string   `json:"countryCode"`
	TenantType     string   `json:"tenantType"`
	TenantCategory string   `json:"tenantCategory"`
}

// subscriptionWire is an entry of GET /subscriptions.
type subscriptionWire struct {
	ID                   string            `json:"id"`
	SubscriptionID       string            `json:"subscriptionId"`
	TenantID             string            `json:"tenantId"`
	DisplayName          string            `json:"displayName"`
	State                string            `json:"state"`
	SubscriptionPolicies map[string]string `json:"subscriptionPolicies"`
	AuthorizationSource  string            `json:"authorizationSource"`
	ManagedByTenants     []tenantRefWire   `json:"managedByTenants"`
	Tags                 map[string]string `json:"tags"`
	Promotions           []string          `json:"promotions"`
}

type tenantRefWire struct {
	TenantID string `json:"tenantId"`
}

func (s *Server) wire(sub *subscription) subscriptionWire {
	w := subscriptionWire{
		ID: "/subscriptions/" + sub.id, SubscriptionID: sub.id, TenantID: sub.tenant.id, DisplayName: sub.name, State: sub.state,
		SubscriptionPolicies: map[string]string{"locationPlacementId": "Public_2014-09-01", "quotaId": sub.offer, "spendingLimit": "Off"},
		AuthorizationSource:  "RoleBased", ManagedByTenants: []tenantRefWire{}, Tags: map[string]string{"env": sub.env}, Promotions: []string{},
	}
	if sub.tenant.kind == kindDelegated {
		w.ManagedByTenants = append(w.ManagedByTenants, tenantRefWire{s.estate.managing.id})
	}
	return w
}

// listTenants answers GET /tenants. An application is in its own tenant only: delegations show in
// the list of subscriptions, not here.
func (s *Server) listTenants(c *call) {
	p, ok := s.armRead(c, "x-ms-ratelimit-remaining-tenant-reads")
	if !ok {
		return
	}
	t := s.estate.byID[p.tenantID]
	s.listPage(c, "/tenants", []any{tenantWire{
		ID: "/tenants/" + t.id, TenantID: t.id, DisplayName: t.name, DefaultDomain: t.domain,
		Domains: []string{t.domain}, CountryCode: t.land, TenantType: "AAD", TenantCategory: "Home",
	}}, "tenants/"+p.tenantID, s.opt.ARMPageSize)
}

// listSubscriptions answers GET /subscriptions: with a token of the managing tenant the delegated
// ones of all tenants, with that of another tenant its own.
func (s *Server) listSubscriptions(c *call) {
	p, ok := s.armRead(c, "x-ms-ratelimit-remaining-tenant-reads")
	if !ok {
		return
	}
	items := []any{}
	for i, sub := range s.estate.visible(p.tenantID) {
		if s.isDenied(sub) {
			continue
		}
		w := s.wire(sub)
		if c.fault != nil && c.fault.Kind == faultCase {
			w.ID, w.SubscriptionID, w.TenantID = mixCase(w.ID, i), mixCase(w.SubscriptionID, i), mixCase(w.TenantID, i)
		}
		items = append(items, w)
	}
	s.listPage(c, "/subscriptions", items, "subscriptions/"+p.tenantID, s.opt.ARMPageSize)
}

// listPage writes one page of a list, with a nextLink on our own host.
func (s *Server) listPage(c *call, path string, items []any, purpose string, size int) {
	var t pageToken
	if sealed := queryValue(c.r, "$skiptoken"); sealed != "" {
		var ok bool
		if t, ok = s.open(sealed, purpose); !ok {
			c.fail(http.StatusBadRequest, "InvalidSkipToken", "The $skiptoken is invalid or has expired.")
			return
		}
	}
	from := min(t.Offset, len(items))
	to := min(from+size, len(items))
	next := pageToken{Offset: to, At: c.at, For: purpose}
	if c.fault != nil && c.fault.Kind == faultEmpty {
		to, next.Offset, next.Empty = from, from, true
	}
	body := map[string]any{"value": items[from:to], "count": map[string]any{"type": "Total", "value": to - from}}
	if to < len(items) || next.Empty {
		body["nextLink"] = s.URL() + path + "?api-version=" + url.QueryEscape(queryValue(c.r, "api-version")) +
			"&%24skiptoken=" + s.seal(next)
	}
	c.json(http.StatusOK, body)
}

// getSubscription answers GET /subscriptions/{id}.
func (s *Server) getSubscription(c *call) {
	p, ok := s.armRead(c, "x-ms-ratelimit-remaining-subscription-reads")
	if !ok {
		return
	}
	if sub := s.authorize(c, p, "Microsoft.Resources/subscriptions/read"); sub != nil {
		c.json(http.StatusOK, s.wire(sub))
	}
}

// authorize finds the subscription of the path if the principal may see it, and else answers why not.
func (s *Server) authorize(c *call, p principal, action string) *subscription {
	sub := s.estate.subs[c.subscription]
	switch {
	case !guidShape.MatchString(c.subscription):
		c.fail(http.StatusBadRequest, "InvalidSubscriptionId", fmt.Sprintf("The provided subscription identifier '%s' is malformed or invalid.", c.path[1]))
	case sub == nil:
		c.subscriptionNotFound()
	case s.mayRead(p.tenantID, sub):
		return sub
	case p.tenantID == s.estate.managing.id, s.isDenied(sub) && p.tenantID == sub.tenant.id:
		c.fail(http.StatusForbidden, "AuthorizationFailed", fmt.Sprintf("The client '%s' with object id '%s' does not have authorization to perform action '%s' over scope '/subscriptions/%s' or the scope is invalid. If access was recently granted, please refresh your credentials.", p.appID, p.objectID, action, sub.id))
	default:
		message := fmt.Sprintf("The access token is from the wrong issuer '%s'. It must match the tenant '%s' associated with this subscription. Please use the authority (URL) '%s/%s' to get the token. Note, if the subscription is transferred to another tenant there is no impact to the services, but information about new tenant could take time to propagate (up to an hour). If you just transferred your subscription and see this error message, please try back later.", p.issuer, tokenIssuer(sub.tenant), s.URL(), sub.tenant.id)
		c.w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization_uri="%s/%s", error="invalid_token", error_description="The access token is from the wrong issuer."`, s.URL(), sub.tenant.id))
		c.fail(http.StatusUnauthorized, "InvalidAuthenticationTokenTenant", message)
	}
	return nil
}

func (c *call) subscriptionNotFound() {
	c.fail(http.StatusNotFound, "SubscriptionNotFound", fmt.Sprintf("The subscription '%s' could not be found.", c.path[1]))
}

// unknownPath answers what is not simulated.
func (s *Server) unknownPath(c *call) {
	if _, ok := s.armPrincipal(c); ok {
		c.fail(http.StatusNotFound, "InvalidResourceType", fmt.Sprintf("The resource type could not be found: '%s' is not simulated.", c.r.URL.Path))
	}
}
