package azure

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"fresnel"
)

// bearerPolicy puts a token on every attempt, and gets a new one where Azure
// says that ours has expired: revocation and clocks that differ end a token
// before its time, and azcore's own policy would go on sending it.
type bearerPolicy struct {
	cred  *credential
	scope string
}

// Do implements policy.Policy.
func (p *bearerPolicy) Do(req *policy.Request) (*http.Response, error) {
	if req.Raw().URL.Scheme != "https" {
		return nil, fresnel.Errorf(fresnel.Internal, "a token is sent over https only")
	}
	resp, err := p.send(req, "")
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !expired(resp) {
		return resp, err
	}
	runtime.Drain(resp)
	if err := req.RewindBody(); err != nil {
		return nil, err
	}
	// Claims are how Entra's client is told to pass its cache by.
	now := time.Now().Unix() //nolint:forbidigo // tokens live in real time
	return p.send(req, fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, now))
}

func (p *bearerPolicy) send(req *policy.Request, claims string) (*http.Response, error) {
	tok, err := p.cred.GetToken(req.Raw().Context(), policy.TokenRequestOptions{Scopes: []string{p.scope}, Claims: claims})
	if err != nil {
		return nil, err
	}
	one := req.Clone(req.Raw().Context())
	one.Raw().Header.Set("Authorization", "Bearer "+tok.Token)
	return one.Next()
}

// expired tells whether a 401 is about the token's time. Cost Management also
// answers 401 where only a role is missing.
func expired(resp *http.Response) bool {
	var re *azcore.ResponseError
	if !errors.As(runtime.NewResponseError(resp), &re) {
		return false
	}
	return re.ErrorCode == "ExpiredAuthenticationToken" || re.ErrorCode == "InvalidAuthenticationToken"
}

// nameSet is a set that several goroutines add to.
type nameSet struct {
	mu    sync.Mutex
	names map[string]bool
}

func (s *nameSet) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[name]
}

func (s *nameSet) add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = true
}
