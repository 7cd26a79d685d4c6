package azuresim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// disabledSecret is a secret of every vault that may not be read.
const disabledSecret = "tenant-disabled"

// secret is one version of a secret; older versions are not kept.
type secret struct {
	value, version string
	created        time.Time
	disabled       bool
}

// vault is the managing tenant's Key Vault: a secret for each tenant with an app of its own.
type vault struct {
	mu      sync.Mutex
	secrets map[string]secret // by lower-case name
}

func newVault(e *estate, d *directory) *vault {
	v := &vault{secrets: map[string]secret{disabledSecret: {value: randomSecret(), version: newVersion(), created: time.Now(), disabled: true}}}
	for _, t := range e.tenants {
		if a, ok := d.of(t); ok {
			v.rotate(secretName(t), a.secret)
		}
	}
	return v
}

// secretName is where a tenant's client secret lies.
func secretName(t *tenant) string { return "tenant-" + t.slug }

func newVersion() string { return strings.ReplaceAll(randomGUID(), "-", "") }

func (v *vault) rotate(name, value string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets[name] = secret{value: value, version: newVersion(), created: time.Now()}
}

func (v *vault) get(name string) (secret, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	sec, ok := v.secrets[strings.ToLower(name)]
	return sec, ok
}

// getSecret answers GET /secrets/{name}[/{version}].
func (s *Server) getSecret(c *call) {
	if !s.vaultAccess(c) {
		return
	}
	switch {
	case c.r.Method != http.MethodGet:
		c.fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "The simulated vault can be read only.")
		return
	case queryValue(c.r, "api-version") == "":
		c.fail(http.StatusBadRequest, "BadParameter", "AKV10001: The request URI contains an invalid api-version or none.")
		return
	case len(c.path) < 2 || len(c.path) > 3:
		c.fail(http.StatusNotFound, "NotFound", "The path is not one of the simulated vault.")
		return
	}
	id := strings.Join(c.path[1:], "/")
	sec, ok := s.vault.get(c.path[1])
	if !ok || len(c.path) == 3 && c.path[2] != sec.version {
		c.fail(http.StatusNotFound, "SecretNotFound", fmt.Sprintf("A secret with (name/id) %s was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182", id))
		return
	}
	if sec.disabled {
		c.json(http.StatusForbidden, map[string]any{"error": map[string]any{
			"code":    "Forbidden",
			"message": "Operation get is not allowed on a disabled secret.", "innererror": map[string]any{"code": "SecretDisabled"},
		}})
		return
	}
	c.json(http.StatusOK, map[string]any{
		"value": sec.value, "contentType": "text/plain", "id": s.URL() + "/secrets/" + c.path[1] + "/" + sec.version,
		"attributes": map[string]any{
			"enabled": true, "nbf": sec.created.Unix(), "exp": sec.created.AddDate(1, 0, 0).Unix(),
			"created": sec.created.Unix(), "updated": sec.created.Unix(), "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90,
		},
		"tags": map[string]string{},
	})
}

// vaultAccess lets only principals of the managing tenant through. Every refusal repeats the challenge.
func (s *Server) vaultAccess(c *call) bool {
	p, err := s.authenticate(c.r, audienceVault)
	home := s.estate.managing
	message := ""
	switch {
	case errors.Is(err, errNoToken):
		message = "AKV10000: Request is missing a Bearer or PoP token."
	case errors.Is(err, errAudience):
		message = "AKV10022: Invalid audience. Expected https://vault.azure.net."
	case errors.Is(err, errExpired):
		message = "AKV10046: Token is expired: the exp claim lies in the past."
	case err != nil:
		message = "AKV10046: Unable to resolve the key used for signature validation."
	case p.tenantID != home.id:
		message = fmt.Sprintf("AKV10032: Invalid issuer. Expected one of %s, found %s.", tokenIssuer(home), p.issuer)
	default:
		return true
	}
	c.w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization="%s/%s", resource="%s"`, s.URL(), home.id, audienceVault))
	c.fail(http.StatusUnauthorized, "Unauthorized", message)
	return false
}
