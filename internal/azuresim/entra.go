package azuresim

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var guidShape = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// The resources that have a service principal in every tenant, without trailing slashes.
const (
	audienceARM     = "https://management.azure.com"
	audienceARMCore = "https://management.core.windows.net"
	audienceVault   = "https://vault.azure.net"
	audienceGraph   = "https://graph.microsoft.com"
)

// routeEntra finds the handler of an authority's path, or nil.
func (s *Server) routeEntra(c *call) func(*call) {
	switch {
	case c.is("*", "v2.0", ".well-known", "openid-configuration"):
		return s.openIDConfiguration
	case c.is("*", "oauth2", "v2.0", "token"):
		return s.token
	case c.is("*", "discovery", "v2.0", "keys"):
		return s.tokenKeys
	}
	return nil
}

// entraError is a refusal of the token endpoint: the OAuth word and the AADSTS number.
type entraError struct {
	status int
	word   string
	code   int
	text   string
}

func (e *entraError) write(c *call) {
	trace, correlation := randomGUID(), randomGUID()
	stamp := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	c.json(e.status, map[string]any{
		"error": e.word, "error_codes": []int{e.code}, "timestamp": stamp, "trace_id": trace, "correlation_id": correlation,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", e.code, e.text, trace, correlation, stamp),
		"error_uri":         fmt.Sprintf("%s/error?code=%d", "https://login.microsoftonline.com", e.code),
	})
}

// findTenant resolves a tenant by id or domain.
func (s *Server) findTenant(name string) (*tenant, *entraError) {
	if t := s.estate.byID[strings.ToLower(name)]; t != nil {
		return t, nil
	}
	if !guidShape.MatchString(name) {
		for _, t := range s.estate.byID {
			if strings.EqualFold(t.domain, name) {
				return t, nil
			}
		}
		if !strings.Contains(name, ".") {
			return nil, &entraError{400, "invalid_request", 900023, fmt.Sprintf("Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain.", name)}
		}
	}
	return nil, &entraError{400, "invalid_request", 90002, fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", name)}
}

func (s *Server) openIDConfiguration(c *call) {
	t, fail := s.findTenant(c.path[0])
	if fail != nil {
		fail.write(c)
		return
	}
	authority := s.URL() + "/" + t.id
	c.json(http.StatusOK, map[string]any{
		"issuer": authority + "/v2.0", "authorization_endpoint": authority + "/oauth2/v2.0/authorize",
		"token_endpoint": authority + "/oauth2/v2.0/token", "jwks_uri": authority + "/discovery/v2.0/keys",
		"end_session_endpoint": authority + "/oauth2/v2.0/logout", "userinfo_endpoint": audienceGraph + "/oidc/userinfo",
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
		"tenant_region_scope":                   "EU", "cloud_instance_name": "microsoftonline.com",
	})
}

func (s *Server) tokenKeys(c *call) {
	d := s.directory
	c.json(http.StatusOK, map[string]any{"keys": []any{jwk(d.tokenKid, &d.tokenKey.PublicKey, s.URL()+"/"+c.path[0]+"/v2.0")}})
}

// token is the client credentials grant, with a secret or a federated assertion.
func (s *Server) token(c *call) {
	if c.r.Method != http.MethodPost {
		(&entraError{405, "invalid_request", 900561, "The endpoint only accepts POST requests. Received a " + c.r.Method + " request."}).write(c)
		return
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, 1<<20)
	a, audience, fail := s.grant(c)
	if fail != nil {
		fail.write(c)
		return
	}
	lifetime := s.opt.TokenLifetime
	if lifetime == 0 {
		lifetime = time.Duration(3600+below(label(randomGUID()), 1800)) * time.Second
	}
	token, err := s.directory.accessToken(a, audience, lifetime, s.rolesFor(a, audience))
	if err != nil {
		s.log.Error("token not signed", "err", err)
		(&entraError{500, "server_error", 90033, "A transient error has occurred. Please try again."}).write(c)
		return
	}
	seconds := int(lifetime.Seconds())
	c.w.Header().Set("Cache-Control", "no-store, no-cache")
	c.json(http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token})
}

// grant checks everything about a token request, in the order in which Entra does.
func (s *Server) grant(c *call) (app, string, *entraError) {
	t, fail := s.findTenant(c.path[0])
	if fail != nil {
		return app{}, "", fail
	}
	form := func(name string) string { return c.r.PostFormValue(name) }
	switch {
	case form("grant_type") == "":
		return app{}, "", &entraError{400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."}
	case form("grant_type") != "client_credentials":
		return app{}, "", &entraError{400, "unsupported_grant_type", 70003, fmt.Sprintf("The app requested an unsupported grant type '%s'.", form("grant_type"))}
	case form("client_id") == "":
		return app{}, "", &entraError{400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."}
	}
	audience, fail := parseScope(form("scope"), t)
	if fail != nil {
		return app{}, "", fail
	}
	a, ok := s.directory.get(form("client_id"))
	if ok && a.tenant == s.estate.managing && strings.TrimRight(strings.ToLower(audience), "/") == audienceGraph && s.consented(t) {
		a = s.guestApp(a, t) // it has tenants of its own, and this one let it in
	}
	if !ok || a.tenant != t || a.state == AppUnconsented {
		return app{}, "", &entraError{400, "unauthorized_client", 700016, fmt.Sprintf("Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", form("client_id"), t.name)}
	}
	if a.state == AppDisabled {
		return app{}, "", &entraError{400, "unauthorized_client", 7000112, fmt.Sprintf("Application '%s'(Fresnel) is disabled.", a.clientID)}
	}
	return a, audience, s.checkCredential(a, form)
}

func (s *Server) checkCredential(a app, form func(string) string) *entraError {
	if assertion := form("client_assertion"); assertion != "" {
		if form("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			return &entraError{400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_assertion_type'."}
		}
		return s.checkAssertion(assertion)
	}
	secret := form("client_secret")
	switch {
	case secret == "":
		return &entraError{401, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	case subtle.ConstantTimeCompare([]byte(secret), []byte(a.secret)) != 1:
		return &entraError{401, "invalid_client", 7000215, fmt.Sprintf("Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", a.clientID)}
	case a.state == AppSecretExpired:
		return &entraError{401, "invalid_client", 7000222, fmt.Sprintf("The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", a.clientID)}
	}
	return nil
}

// checkAssertion compares an assertion with the federated credential: first whose it is, then
// whether the issuer signed it and it is still valid.
func (s *Server) checkAssertion(assertion string) *entraError {
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(assertion, &claims); err != nil {
		return &entraError{401, "invalid_client", 50027, "JWT token is invalid or malformed."}
	}
	if claims.Issuer != s.URL()+issuerPath {
		return &entraError{401, "invalid_client", 700211, fmt.Sprintf("No matching federated identity record found for presented assertion issuer '%s'.", claims.Issuer)}
	}
	if claims.Subject != assertionSubject {
		return &entraError{401, "invalid_client", 700213, fmt.Sprintf("No matching federated identity record found for presented assertion subject '%s'.", claims.Subject)}
	}
	if !slices.Contains(claims.Audience, assertionAudience) {
		return &entraError{401, "invalid_client", 700212, fmt.Sprintf("No matching federated identity record found for presented assertion audience '%s'.", strings.Join(claims.Audience, " "))}
	}
	key := func(*jwt.Token) (any, error) { return &s.directory.issuerKey.PublicKey, nil }
	_, err := jwt.Parse(assertion, key, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithLeeway(30*time.Second))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return &entraError{401, "invalid_client", 700024, "Client assertion is not within its valid time range. Current time: " + time.Now().UTC().Format(time.RFC3339) + "."}
	default:
		return &entraError{401, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]"}
	}
}

// parseScope finds the one resource of a scope. The SDK adds the OpenID scopes, and an audience that
// ends in a slash makes a double one before .default.
func parseScope(scope string, t *tenant) (string, *entraError) {
	var resource string
	for word := range strings.FieldsSeq(scope) {
		if slices.Contains([]string{"openid", "offline_access", "profile", "email"}, word) {
			continue
		}
		r, ok := strings.CutSuffix(word, "/.default")
		if !ok {
			if !strings.Contains(word, "/") {
				return "", &entraError{400, "invalid_scope", 70011, fmt.Sprintf("The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid.", word)}
			}
			return "", &entraError{400, "invalid_scope", 1002012, fmt.Sprintf("The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", word)}
		}
		if resource != "" && resource != r {
			return "", &entraError{400, "invalid_scope", 70011, fmt.Sprintf("The provided value for the input parameter 'scope' is not valid. The scope %s contains more than one resource.", scope)}
		}
		resource = r
	}
	if resource == "" {
		return "", &entraError{400, "invalid_scope", 70011, "The provided request must include a 'scope' input parameter."}
	}
	switch strings.ToLower(strings.TrimRight(resource, "/")) {
	case audienceARM, audienceARMCore, audienceVault, audienceGraph:
		return resource, nil
	}
	return "", &entraError{400, "invalid_resource", 500011, fmt.Sprintf("The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", resource, t.name)}
}
