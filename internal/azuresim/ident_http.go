package azuresim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The permissions that the simulated calls need.
const (
	permUsers    = "User.Read.All"
	permAudit    = "AuditLog.Read.All"
	permRoles    = "RoleManagement.Read.Directory"
	permEligible = "RoleEligibilitySchedule.Read.Directory"
	permAssigned = "RoleAssignmentSchedule.Read.Directory"
	permMembers  = "GroupMember.Read.All"
	permApps     = "Application.Read.All"
	permPolicy   = "Policy.Read.All"
	permLicences = "LicenseAssignment.Read.All"
	permOrg      = "Organization.Read.All"
)

var identPermissions = []string{permUsers, permAudit, permRoles, permEligible, permAssigned, permMembers, permApps, permPolicy, permLicences, permOrg}

// identCall is a request of Microsoft Graph on its way.
type identCall struct {
	*call
	s     *Server
	v     *identView
	p     principal
	roles []string // permissions of the token
	query url.Values
	args  []string // what * stood for
}

// What a call takes from, beside requests.
const (
	familyUnits = iota
	familyReports
	familyConditional
)

// identEndpoint is a call that Graph has.
type identEndpoint struct {
	path        string
	permissions []string // any one
	family      int
	cost        float64 // in resource units
	premium     int     // 1 = P1, 2 = P2
	serve       func(*identCall)
}

var identEndpoints = []identEndpoint{
	{"users", []string{permUsers}, familyUnits, 2, 0, (*identCall).listUsers},
	{"users/$count", []string{permUsers}, familyUnits, 2, 0, (*identCall).countUsers},
	{"users/delta", []string{permUsers}, familyUnits, 2, 0, (*identCall).deltaUsers},
	{"users/*", []string{permUsers}, familyUnits, 1, 0, (*identCall).oneUser},
	{"directory/deletedItems/microsoft.graph.user", []string{permUsers}, familyUnits, 1, 0, (*identCall).deletedUsers},
	{"reports/authenticationMethods/userRegistrationDetails", []string{permAudit}, familyReports, 1, 1, (*identCall).registrations},
	{"directoryRoles", []string{permRoles}, familyUnits, 1, 0, (*identCall).directoryRoles},
	{"directoryRoles/*/members", []string{permRoles}, familyUnits, 1, 0, (*identCall).directoryRoleMembers},
	{"roleManagement/directory/roleAssignments", []string{permRoles}, familyUnits, 1, 0, (*identCall).roleAssignments},
	{"roleManagement/directory/roleDefinitions", []string{permRoles}, familyUnits, 1, 0, (*identCall).roleDefinitions},
	{"roleManagement/directory/roleEligibilityScheduleInstances", []string{permEligible}, familyUnits, 1, 2, (*identCall).eligibleInstances},
	{"roleManagement/directory/roleAssignmentScheduleInstances", []string{permAssigned}, familyUnits, 1, 2, (*identCall).assignedInstances},
	{"groups", []string{permMembers}, familyUnits, 1, 0, (*identCall).listGroups},
	{"groups/*", []string{permMembers}, familyUnits, 1, 0, (*identCall).oneGroup},
	{"groups/*/members", []string{permMembers}, familyUnits, 3, 0, (*identCall).groupMembers},
	{"groups/*/transitiveMembers", []string{permMembers}, familyUnits, 3, 0, (*identCall).groupMembers},
	{"groups/*/transitiveMembers/microsoft.graph.user", []string{permMembers}, familyUnits, 3, 0, (*identCall).groupMembers},
	{"users/*/getMemberObjects", []string{permMembers}, familyUnits, 2, 0, (*identCall).memberObjects},
	{"applications", []string{permApps}, familyUnits, 2, 0, (*identCall).applications},
	{"applications/*/owners", []string{permApps}, familyUnits, 1, 0, (*identCall).owners},
	{"servicePrincipals", []string{permApps}, familyUnits, 1, 0, (*identCall).servicePrincipals},
	{"servicePrincipals/*/owners", []string{permApps}, familyUnits, 1, 0, (*identCall).serviceOwners},
	{"identity/conditionalAccess/policies", []string{permPolicy}, familyConditional, 1, 1, (*identCall).conditionalAccess},
	{"policies/identitySecurityDefaultsEnforcementPolicy", []string{permPolicy}, familyUnits, 1, 0, (*identCall).securityDefaults},
	{"subscribedSkus", []string{permLicences, permOrg}, familyUnits, 3, 0, (*identCall).subscribedSKUs},
	{"organization", []string{permOrg}, familyUnits, 1, 0, (*identCall).organization},
}

// GraphURL is the base of Microsoft Graph, to which /v1.0 is added.
func (s *Server) GraphURL() string { return s.URL() }

// GraphToken mints a token for Graph of the application that Graph knows in a tenant, with the permissions
// that it has now.
func (s *Server) GraphToken(tenant string, lifetime time.Duration) (string, error) {
	t := s.estate.byID[strings.ToLower(tenant)]
	if t == nil || t == s.estate.managing {
		return "", fmt.Errorf("azuresim: tenant %q has no directory", tenant)
	}
	a, ok := s.directory.of(t)
	if !ok {
		home, _ := s.directory.of(s.estate.managing)
		a = s.guestApp(home, t)
	}
	return s.directory.accessToken(a, audienceGraph, lifetime, s.granted(t))
}

// guestApp is the managing tenant's application in a customer's tenant: it has a service principal there.
func (s *Server) guestApp(home app, t *tenant) app {
	home.tenant, home.objectID = t, guestObject(s.estate, t)
	return home
}

// guestObject is the id of that service principal.
func guestObject(e *estate, t *tenant) string {
	return guid(mix(e.seed, label("guest application"), label(t.id)))
}

// granted are the permissions that our application has in a tenant.
func (s *Server) granted(t *tenant) []string {
	v := s.directoryAt(t.id, time.Time{})
	if v == nil || v.ed.opt.NoConsent {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(identPermissions), func(p string) bool { return slices.Contains(v.ed.opt.Missing, p) })
}

// consented says whether a tenant that is reached through Lighthouse lets the managing tenant's
// application read its directory.
func (s *Server) consented(t *tenant) bool {
	v := s.directoryAt(t.id, time.Time{})
	return t.kind == kindDelegated && v != nil && !v.ed.opt.NoConsent
}

// routeIdentity is what is under /v1.0 and /beta.
func (s *Server) routeIdentity(c *call) func(*call) {
	c.api = apiMSGraph
	if p, err := s.authenticate(c.r, audienceGraph); err == nil {
		c.tenant = p.tenantID
	}
	c.list = !c.is("*", "$batch")
	c.continued = s.afterEmpty(queryValue(c.r, "$skiptoken"))
	return s.answerIdentity
}

// answerIdentity answers one request, which may be a part of a batch.
func (s *Server) answerIdentity(c *call) {
	g := &identCall{call: c, s: s}
	h := c.w.Header()
	h.Set("request-id", h.Get("x-ms-request-id"))
	if id := c.r.Header.Get("client-request-id"); id != "" {
		h.Set("client-request-id", id)
	}
	h.Set("OData-Version", "4.0")
	if !g.authenticate() {
		return
	}
	path := c.path[1:]
	if !strings.EqualFold(c.path[0], "v1.0") {
		g.fail(http.StatusNotImplemented, "NotImplemented", "Only v1.0 is simulated.")
		return
	}
	if len(path) == 1 && strings.EqualFold(path[0], "$batch") {
		g.batch()
		return
	}
	var err error
	if g.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		g.fail(http.StatusBadRequest, "BadRequest", "The query cannot be read.")
		return
	}
	e := g.endpoint(path)
	switch {
	case e == nil:
		g.fail(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+strings.Join(path, "/")+"'.")
	case c.r.Method != e.method():
		g.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
	case g.throttle(e) && g.permitted(e) && g.checkQuery(e):
		e.serve(g)
	}
}

func (e *identEndpoint) method() string {
	if strings.HasSuffix(e.path, "getMemberObjects") {
		return http.MethodPost
	}
	return http.MethodGet
}

// endpoint finds what a path is. The first that fits is it: named ones come before ids.
func (g *identCall) endpoint(path []string) *identEndpoint {
	for i := range identEndpoints {
		e := &identEndpoints[i]
		pattern := strings.Split(e.path, "/")
		if !(&call{path: path}).is(pattern...) {
			continue
		}
		for j, p := range pattern {
			if p == "*" {
				g.args = append(g.args, path[j])
			}
		}
		return e
	}
	return nil
}

func (g *identCall) authenticate() bool {
	p, err := g.s.authenticate(g.r, audienceGraph)
	message := ""
	switch {
	case errors.Is(err, errNoToken):
		message = "Access token is empty."
	case errors.Is(err, errExpired):
		message = "Lifetime validation failed, the token is expired."
	case errors.Is(err, errAudience):
		message = "Access token validation failure. Invalid audience."
	case err != nil:
		message = "CompactToken parsing failed with error code: 80049217"
	}
	if err == nil {
		if g.v = g.s.directoryAt(p.tenantID, g.at); g.v == nil {
			message = "The tenant for tenant guid '" + p.tenantID + "' does not exist."
		} else if g.v.ed.opt.NoConsent && g.v.t.kind == kindDelegated {
			g.fail(http.StatusUnauthorized, "Authorization_IdentityNotFound", "The identity of the calling application could not be established.")
			return false
		}
	}
	if message != "" {
		g.w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="", authorization_uri="%s/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`, g.s.URL()))
		g.fail(http.StatusUnauthorized, "InvalidAuthenticationToken", message)
		return false
	}
	g.p, g.roles = p, p.roles
	return true
}

// may says whether the token has a permission, and the tenant has not taken it away since.
func (g *identCall) may(permissions ...string) bool {
	return slices.ContainsFunc(permissions, func(p string) bool {
		return slices.Contains(g.roles, p) && !slices.Contains(g.v.ed.opt.Missing, p) && !g.v.ed.opt.NoConsent
	})
}

// permitted answers a call for which a permission or a licence is missing.
func (g *identCall) permitted(e *identEndpoint) bool {
	if !g.may(e.permissions...) {
		g.denied()
		return false
	}
	return g.licensed(e.premium)
}

func (g *identCall) denied() {
	g.fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

func (g *identCall) licensed(premium int) bool {
	switch {
	case premium == 2 && g.v.noP2():
		g.fail(http.StatusBadRequest, "AadPremiumLicenseRequired", "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.")
	case premium == 1 && g.v.noP1():
		g.noPremium()
	default:
		return true
	}
	return false
}

func (g *identCall) noPremium() {
	g.fail(http.StatusForbidden, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Neither tenant is B2C or tenant doesn't have premium license")
}

// graphFailure is the body of Graph's errors.
func (c *call) graphFailure(status int, code, message string) {
	h := c.w.Header()
	c.json(status, map[string]any{"error": map[string]any{"code": code, "message": message, "innerError": map[string]any{
		"date": time.Now().UTC().Format("2006-01-02T15:04:05"), "request-id": h.Get("x-ms-request-id"), "client-request-id": h.Get("client-request-id"),
	}}})
}
