package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"fresnel"
)

// aadsts finds the number in Entra's error text. Decisions follow Entra's
// "error" word; the number only chooses the advice.
var aadsts = regexp.MustCompile(`AADSTS(\d{4,8})`)

// advice for Entra's error numbers.
func entraAdvice(code string) (what, do string) {
	switch code {
	case "7000215":
		return "the client secret is wrong", "Put the app's current secret value (not its id) into Key Vault."
	case "7000222":
		return "the client secret has expired", "Create a new secret for the app registration and put it into Key Vault."
	case "700016":
		return "the app is not known in the tenant", "Have an administrator of the tenant consent to the app, and check the client id."
	case "90002", "900023":
		return "the tenant does not exist", "Check the tenant id."
	case "500011":
		return "the resource is not known in the tenant", "Check the cloud that FRESNEL_AZURE_RESOURCE_MANAGER names."
	case "70021", "700211", "700212", "700213":
		return "the federated credential does not match", "Compare issuer, subject and audience of the app's federated credential with the token."
	case "700024", "700027":
		return "the federated token is expired or has a wrong signature", "Check the token file and the clock of this machine."
	case "53003":
		return "a Conditional Access policy blocks the app", "Exclude the workload identity from the policy, or allow this address."
	case "7000112":
		return "the app is disabled", "Enable the enterprise application in the tenant."
	}
	return "Entra refused the sign-in", "Look up the AADSTS number in the log."
}

// tokenError words a failure to get a token.
func tokenError(err *azidentity.AuthenticationFailedError) *fresnel.Error {
	if err.RawResponse == nil || err.RawResponse.StatusCode >= 500 || err.RawResponse.StatusCode == http.StatusTooManyRequests {
		return &fresnel.Error{Kind: fresnel.Unavailable, Msg: "Entra does not answer with a token", Do: "Fresnel tries again by itself. If it goes on, check the network to the authority.", Err: err}
	}
	code := ""
	if m := aadsts.FindStringSubmatch(err.Error()); m != nil {
		code = m[1]
	}
	what, do := entraAdvice(code)
	if code != "" {
		what += " (AADSTS" + code + ")"
	}
	return &fresnel.Error{Kind: fresnel.Denied, Msg: "no token: " + what, Do: do, Err: err}
}

// transportError words a request that got no answer.
func transportError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if known, ok := errors.AsType[*fresnel.Error](err); ok {
		return known
	}
	if auth, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		return tokenError(auth)
	}
	return &fresnel.Error{Kind: fresnel.Unavailable, Msg: "Azure did not answer", Do: "Fresnel tries again by itself. If it goes on, check network and proxy.", Err: err}
}

// errorBody is ARM's error document.
type errorBody struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// statusError words an answer that is no success. api names what was asked,
// scope to whom.
func statusError(resp *http.Response, api, scope string) error {
	var doc errorBody
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err == nil {
		_ = json.Unmarshal(body, &doc) // a proxy's HTML page has no code
	}
	code, msg := doc.Error.Code, doc.Error.Message
	e := &fresnel.Error{Err: runtime.NewResponseError(resp)}
	said := fmt.Sprintf("%s answered %d", api, resp.StatusCode)
	if code != "" {
		said += fmt.Sprintf(" %.80s", code)
	}
	e.Msg = said + " for " + scope
	low := strings.ToLower(msg)
	switch {
	case resp.StatusCode >= 500:
		e.Kind, e.Do = fresnel.Unavailable, "Azure is failing; Fresnel tries again by itself."
	case strings.Contains(low, "webdirect") || code == "OfferNotSupported":
		e.Kind, e.Msg = fresnel.Unsupported, "the subscription's offer has no cost data in Cost Management"
	case code == "AccountCostDisabled", code == "IndirectCostDisabled", code == "BillingAccountCostDisabled", code == "SubscriptionCostDisabled":
		e.Kind, e.Do = fresnel.Denied, "Viewing charges is switched off: enable it in the billing account (EA: Policies, \"Account owners can view charges\")."
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		e.Kind, e.Do = fresnel.Denied, "Give Fresnel's app the roles Reader and Cost Management Reader on "+scope+"; a new role takes up to 10 minutes."
	case resp.StatusCode == http.StatusNotFound:
		e.Kind, e.Do = fresnel.NotFound, "Check that the subscription exists and that its delegation is in place."
	case resp.StatusCode == http.StatusTooManyRequests:
		e.Kind, e.Do = fresnel.Unavailable, "Azure asks to wait; Fresnel tries again by itself."
	default:
		e.Kind, e.Do = fresnel.Internal, ""
		e.Msg = said
		e.Err = errors.New(clip(msg))
	}
	return e
}

func clip(s string) string {
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:300], "") + "..."
	}
	return s
}

func vaultError(ctx context.Context, r secretRef, err error) error {
	var re *azcore.ResponseError
	if !errors.As(err, &re) {
		return transportError(ctx, err)
	}
	e := &fresnel.Error{Kind: fresnel.Denied, Err: err}
	name := r.vault + "/secrets/" + r.name
	switch re.StatusCode {
	case http.StatusNotFound:
		e.Msg, e.Do = "Key Vault has no secret "+name, "Create it, or correct the tenant's secret reference."
	case http.StatusUnauthorized:
		e.Msg, e.Do = "Key Vault refuses our token for "+name, "The vault must belong to the managing tenant."
	case http.StatusForbidden:
		e.Msg, e.Do = "Key Vault forbids reading "+name, "Give the managing identity the role Key Vault Secrets User on the secret, and check the vault's firewall."
	default:
		e.Kind, e.Msg = fresnel.Unavailable, fmt.Sprintf("Key Vault answered %d for %s", re.StatusCode, name)
		e.Do = "Fresnel tries again by itself. If it goes on, look at the vault's health in the Azure portal."
	}
	return e
}

// retryAfter is how long an answer asks us to wait: the largest of all the
// headers that Azure's services use. 0 = it does not say.
func retryAfter(h http.Header, now time.Time) (wait time.Duration, kinds []string) {
	add := func(kind string, d time.Duration) {
		if d > 0 {
			wait = max(wait, d)
			kinds = append(kinds, kind)
		}
	}
	add("plain", seconds(h.Get("Retry-After"), now))
	for _, k := range []string{"retry-after-ms", "x-ms-retry-after-ms"} {
		add("plain", seconds(h.Get(k), now)/1000)
	}
	const cm = "x-ms-ratelimit-microsoft.costmanagement-"
	for _, kind := range []string{"qpu", "tenant", "entity", "clienttype"} {
		add(kind, seconds(h.Get(cm+kind+"-retry-after"), now))
	}
	add("tenant", seconds(h.Get("x-ms-ratelimit-microsoft.consumption-retry-after"), now))
	return wait, kinds
}

// seconds reads a count of seconds or an HTTP date.
func seconds(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	var n float64
	if _, err := fmt.Sscanf(s, "%g", &n); err == nil && strings.Trim(s, "0123456789.") == "" {
		return time.Duration(min(n, 1e7) * float64(time.Second))
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
