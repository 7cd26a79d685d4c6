package azuresim

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// principal is who an access token speaks for.
type principal struct {
	appID, objectID, tenantID, issuer string
	roles                             []string // permissions of an application
}

// Why a bearer token is refused. The APIs word it differently.
var (
	errNoToken  = errors.New("azuresim: no bearer token")
	errExpired  = errors.New("azuresim: expired token")
	errAudience = errors.New("azuresim: wrong audience")
	errToken    = errors.New("azuresim: invalid token")
)

// accessClaims are the claims of our access tokens that the APIs look at.
type accessClaims struct {
	jwt.RegisteredClaims
	AppID    string `json:"appid"`
	ObjectID string `json:"oid"`
	TenantID string `json:"tid"`

	Roles []string `json:"roles"`
}

// authenticate verifies the bearer token of a request for one of some audiences.
func (s *Server) authenticate(r *http.Request, audiences ...string) (principal, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return principal{}, errNoToken
	}
	var claims accessClaims
	key := func(*jwt.Token) (any, error) { return &s.directory.tokenKey.PublicKey, nil }
	_, err := jwt.ParseWithClaims(token, &claims, key, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired())
	switch {
	case errors.Is(err, jwt.ErrTokenExpired), err == nil && s.isRevoked(token):
		return principal{}, errExpired
	case err != nil:
		return principal{}, errToken
	case len(claims.Audience) != 1 || !slices.Contains(audiences, strings.ToLower(strings.TrimRight(claims.Audience[0], "/"))):
		return principal{}, errAudience
	}
	return principal{claims.AppID, claims.ObjectID, claims.TenantID, claims.Issuer, claims.Roles}, nil
}

// tokenTenant is the tenant of a valid ARM token, for the filters of faults; "" if there is none.
func (s *Server) tokenTenant(c *call) string {
	p, _ := s.authenticate(c.r, audienceARM, audienceARMCore)
	return p.tenantID
}

// json writes an answer. It leaves < and & as they are, as Azure does.
func (c *call) json(status int, v any) {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(status)
	enc := json.NewEncoder(c.w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // fails only if the client is gone
}

// fail writes Azure's usual error body. Only ARM proper has details and additionalInfo.
func (c *call) fail(status int, code, message string) {
	if c.api == apiEntra {
		(&entraError{status, "temporarily_unavailable", 90033, message}).write(c)
		return
	}
	if c.api == apiMSGraph {
		c.graphFailure(status, code, message)
		return
	}
	body := map[string]any{"code": code, "message": message}
	if c.api == apiARM {
		body["details"], body["additionalInfo"] = []any{}, []any{}
	}
	c.w.Header().Set("x-ms-error-code", code)
	c.json(status, map[string]any{"error": body})
}

// throttled writes the API's 429; its headers are already set.
func (c *call) throttled(code string) {
	switch c.api {
	case apiEntra:
		(&entraError{http.StatusTooManyRequests, "temporarily_unavailable", 90055, "Tenant exceeded the rate of requests. Please try again later."}).write(c)
	case apiKeyVault:
		c.fail(http.StatusTooManyRequests, "Throttled", "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached")
	case apiGraph:
		c.graphDetails(http.StatusTooManyRequests, "RateLimiting", []graphDetail{{Code: "RateLimiting", Message: "Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help."}})
	case apiMSGraph:
		c.fail(http.StatusTooManyRequests, "TooManyRequests", "Too many requests. Please retry after some time.")
	case apiCost, apiConsumption:
		c.fail(http.StatusTooManyRequests, "429", "Too many requests. Please retry.")
	default:
		if code == "" {
			code = "TooManyRequests"
		}
		c.fail(http.StatusTooManyRequests, code, "The request is being throttled as the limit has been reached for operation type - Read. For more information, see - https://aka.ms/srpthrottlinglimits")
	}
}
