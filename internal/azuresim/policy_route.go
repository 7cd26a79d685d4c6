package azuresim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// governed is the scope of a request about policies: a subscription, a resource group of one, or a
// management group; none of them is the tenant, which has Microsoft's definitions.
type governed struct {
	sub      *subscription
	group    string // a resource group's, in lower case
	mg       string // a management group's id, in lower case
	path     string // as sent, without what follows
	rest     []string
	provider string // in lower case
}

// governance splits a path into a scope, a provider and what is asked of it.
func (s *Server) governance(c *call) (g governed, ok bool) {
	at := -1
	for i, seg := range c.path {
		if strings.EqualFold(seg, "providers") && i+1 < len(c.path) && !strings.EqualFold(c.path[i+1], "Microsoft.Management") {
			at = i
		}
	}
	if at < 0 || at+2 >= len(c.path) {
		return g, false
	}
	g.path, g.provider, g.rest = "/"+strings.Join(c.path[:at], "/"), strings.ToLower(c.path[at+1]), c.path[at+2:]
	switch scope := c.path[:at]; {
	case at == 0:
	case at == 2 && strings.EqualFold(scope[0], "subscriptions"):
		g.sub = s.estate.subs[strings.ToLower(scope[1])]
	case at == 4 && strings.EqualFold(scope[0], "subscriptions") && strings.EqualFold(scope[2], "resourceGroups"):
		g.sub, g.group = s.estate.subs[strings.ToLower(scope[1])], strings.ToLower(scope[3])
	case at == 4 && strings.EqualFold(scope[2], "managementGroups"):
		g.mg = strings.ToLower(scope[3])
	default:
		return g, false
	}
	return g, true
}

func restIs(rest []string, pattern ...string) bool { return (&call{path: rest}).is(pattern...) }

// routeGovernance finds what is asked of policies and of Defender for Cloud.
func (s *Server) routeGovernance(c *call) func(*call) {
	g, ok := s.governance(c)
	if !ok {
		return s.unknownPath
	}
	c.continued = s.afterEmpty(queryValue(c.r, "$skiptoken"))
	if g.sub == nil {
		c.tenant = s.tokenTenant(c)
	}
	switch {
	case g.provider == "microsoft.policyinsights" && restIs(g.rest, "policyStates", "*", "*") && (g.sub != nil || g.mg != "" || len(c.path) > 1 && c.subscription != ""):
		c.api, c.list = apiPolicy, restIs(g.rest, "policyStates", "*", "queryResults")
		return func(c *call) { s.policyStates(c, g) }
	case g.provider == "microsoft.authorization" && slices.ContainsFunc([]string{"policyAssignments", "policyDefinitions", "policySetDefinitions", "policyExemptions"}, func(k string) bool {
		return restIs(g.rest, k) || restIs(g.rest, k, "*")
	}):
		c.list = len(g.rest) == 1
		return func(c *call) { s.policyObjects(c, g) }
	case g.provider == "microsoft.authorization" && slices.ContainsFunc([]string{"roleAssignments", "roleDefinitions"}, func(k string) bool { return restIs(g.rest, k) || restIs(g.rest, k, "*") }):
		c.list = len(g.rest) == 1
		return func(c *call) { s.roleThings(c, g) }
	case g.provider == "microsoft.security" && c.subscription != "":
		c.list = true
		return func(c *call) { s.securityThings(c, g) }
	}
	return s.unknownPath
}

// mayReadGroup answers who may not read a management group: only the tenant's own application may.
func (s *Server) mayReadGroup(c *call, p principal, mg, action string) bool {
	t := s.estate.byID[p.tenantID]
	if t.kind == kindApp && slices.ContainsFunc(t.managementGroups(), func(m managementGroup) bool { return m.id == mg }) {
		return true
	}
	c.fail(http.StatusForbidden, "AuthorizationFailed", fmt.Sprintf("The client '%s' with object id '%s' does not have authorization to perform action '%s' over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.", p.appID, p.objectID, action, groupPath(mg)))
	return false
}

// below are the subscriptions of a scope that a principal may read.
func (s *Server) below(p principal, g governed) []*subscription {
	if g.sub != nil {
		return []*subscription{g.sub}
	}
	var out []*subscription
	for _, sub := range s.estate.byID[p.tenantID].subs {
		in := slices.ContainsFunc(sub.groupChain(), func(m managementGroup) bool { return m.id == g.mg })
		if in && sub.state != stateDeleted && s.mayRead(p.tenantID, sub) {
			out = append(out, sub)
		}
	}
	return out
}

// listThings writes one page of a list. The nextLink repeats the query.
func (s *Server) listThings(c *call, items []any, size int) {
	if top := queryValue(c.r, "$top"); top != "" {
		n, err := strconv.Atoi(top)
		if err != nil || n < 1 || n > 1000 {
			c.fail(http.StatusBadRequest, "InvalidTopParameter", "The value of $top must be between 1 and 1000.")
			return
		}
		size = n
	}
	purpose := "list " + strings.ToLower(c.r.URL.Path) + " " + strings.ToLower(queryValue(c.r, "$filter"))
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
	body := map[string]any{"value": items[from:to]}
	if to < len(items) || next.Empty {
		body["nextLink"] = s.nextLink(c, next)
	}
	c.json(http.StatusOK, body)
}

// nextLink is the request again with a token.
func (s *Server) nextLink(c *call, next pageToken) string {
	v := url.Values{}
	for k, list := range c.r.URL.Query() {
		if !strings.EqualFold(k, "$skiptoken") {
			v[k] = list
		}
	}
	v.Set("$skiptoken", s.seal(next))
	return s.URL() + c.r.URL.EscapedPath() + "?" + v.Encode()
}
