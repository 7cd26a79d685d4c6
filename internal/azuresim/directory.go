package azuresim

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The states of an application, for Server.SetApp.
const (
	AppActive        = "active"
	AppDisabled      = "disabled"       // AADSTS7000112
	AppSecretExpired = "secret-expired" // AADSTS7000222
	AppUnconsented   = "unconsented"    // AADSTS700016: unknown in its tenant
)

// assertionAudience and assertionSubject are in the federated credential of every application.
const (
	assertionAudience = "api://AzureADTokenExchange"
	assertionSubject  = "system:serviceaccount:fresnel:fresnel"
	issuerPath        = "/sim/issuer"
)

// app is an application registration with its service principal.
type app struct {
	clientID, objectID string
	tenant             *tenant
	secret, state      string
}

// directory is Entra: the applications, the key that signs tokens, and the key of the external
// issuer whose assertions the applications trust.
type directory struct {
	tokenKey, issuerKey *rsa.PrivateKey
	tokenKid, issuerKid string

	mu   sync.Mutex
	apps map[string]*app // by client id
}

func newDirectory(e *estate) (*directory, error) {
	d := &directory{apps: map[string]*app{}}
	var err, err2 error
	var wg sync.WaitGroup
	wg.Go(func() { d.issuerKey, err2 = rsa.GenerateKey(rand.Reader, 2048) })
	d.tokenKey, err = rsa.GenerateKey(rand.Reader, 2048)
	wg.Wait()
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("azuresim: signing keys: %w", err)
	}
	d.tokenKid, d.issuerKid = randomSecret()[:16], randomSecret()[:16]
	d.add(e, e.managing)
	for _, t := range e.tenants {
		if t.kind == kindApp {
			d.add(e, t)
		}
	}
	return d, nil
}

func (d *directory) add(e *estate, t *tenant) {
	key := mix(e.seed, label("app"), label(t.id))
	a := &app{clientID: guid(key), objectID: guid(mix(key, 1)), tenant: t, secret: randomSecret(), state: AppActive}
	d.apps[a.clientID] = a
}

// get returns a copy of an application.
func (d *directory) get(clientID string) (app, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.apps[strings.ToLower(clientID)]
	if a == nil {
		return app{}, false
	}
	return *a, true
}

// of returns the application of a tenant.
func (d *directory) of(t *tenant) (app, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.apps {
		if a.tenant == t {
			return *a, true
		}
	}
	return app{}, false
}

// change edits an application.
func (d *directory) change(clientID string, edit func(*app)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.apps[strings.ToLower(clientID)]
	if a == nil {
		return fmt.Errorf("azuresim: application %s is unknown", clientID)
	}
	edit(a)
	return nil
}

// SetApp changes the state of an application: AppActive, AppDisabled, AppSecretExpired or AppUnconsented.
func (s *Server) SetApp(clientID, state string) error {
	switch state {
	case AppActive, AppDisabled, AppSecretExpired, AppUnconsented:
		return s.directory.change(clientID, func(a *app) { a.state = state })
	}
	return fmt.Errorf("azuresim: application state %q is not active, disabled, secret-expired or unconsented", state)
}

// RotateSecret gives an application a new secret, at once in force and in the vault under a new
// version. The old one is refused from now on, so a client must read the vault again.
func (s *Server) RotateSecret(clientID string) error {
	secret := randomSecret()
	if err := s.directory.change(clientID, func(a *app) { a.secret = secret }); err != nil {
		return err
	}
	a, _ := s.directory.get(clientID)
	s.vault.rotate(secretName(a.tenant), secret)
	return nil
}

// Assertion is a token of the external issuer, valid for an hour, that an application can exchange
// for access tokens instead of a secret. The Server must have been started.
func (s *Server) Assertion(clientID string) (string, error) {
	return s.AssertionWith(clientID, nil)
}

// AssertionWith is Assertion with some claims replaced, to see them refused. A nil value drops a claim.
func (s *Server) AssertionWith(clientID string, claims map[string]any) (string, error) {
	if _, ok := s.directory.get(clientID); !ok {
		return "", fmt.Errorf("azuresim: assertion: application %s is unknown", clientID)
	}
	now := time.Now()
	all := jwt.MapClaims{
		"iss": s.URL() + issuerPath, "sub": assertionSubject, "aud": assertionAudience,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": randomGUID(),
	}
	for k, v := range claims {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	return sign(all, s.directory.issuerKid, s.directory.issuerKey)
}

// AccessToken mints an access token of an application for an audience without asking, for load tests
// and to try tokens that Entra would not give. A negative lifetime gives an expired one.
func (s *Server) AccessToken(clientID, audience string, lifetime time.Duration) (string, error) {
	a, ok := s.directory.get(clientID)
	if !ok {
		return "", fmt.Errorf("azuresim: access token: application %s is unknown", clientID)
	}
	return s.directory.accessToken(a, audience, lifetime, s.rolesFor(a, audience))
}

// rolesFor are the permissions in a token: of Graph only.
func (s *Server) rolesFor(a app, audience string) []string {
	if strings.TrimRight(strings.ToLower(audience), "/") != audienceGraph {
		return nil
	}
	return s.granted(a.tenant)
}

func (d *directory) accessToken(a app, audience string, lifetime time.Duration, roles []string) (string, error) {
	now := time.Now()
	claims := jwt.MapClaims{
		"aud": audience, "iss": tokenIssuer(a.tenant), "iat": now.Unix(),
		"nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(lifetime).Unix(), "appid": a.clientID, "appidacr": "1",
		"idp": tokenIssuer(a.tenant), "idtyp": "app", "oid": a.objectID, "sub": a.objectID, "tid": a.tenant.id,
		"uti": randomSecret()[:22], "ver": "1.0", "xms_tcdt": 1_600_000_000,
	}
	if roles != nil {
		claims["roles"] = roles
	}
	return sign(claims, d.tokenKid, d.tokenKey)
}

// tokenIssuer is the issuer of tokens for resources of the first generation, such as ARM.
func tokenIssuer(t *tenant) string { return "https://sts.windows.net/" + t.id + "/" }

func sign(claims jwt.MapClaims, kid string, key *rsa.PrivateKey) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	t.Header["kid"], t.Header["x5t"] = kid, kid
	out, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("azuresim: sign token: %w", err)
	}
	return out, nil
}

// jwk is the public half of a signing key as a JSON Web Key.
func jwk(kid string, key *rsa.PublicKey, issuer string) map[string]any {
	b64 := base64.RawURLEncoding.EncodeToString
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "x5t": kid, "issuer": issuer,
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}
}

// randomSecret looks like a client secret of Entra: 40 characters.
func randomSecret() string {
	var b [30]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
