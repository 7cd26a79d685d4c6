package azuresim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
)

// Fault is one way in which Azure misbehaves. The first fault that matches a request and whose
// probability strikes is applied.
type Fault struct {
	API string `json:"api"` // cost, consumption, resourcegraph, policyinsights, arm, entra, keyvault, msgraph or *

	// Kind is one of
	//	429, 5xx, hang, reset, html   of any API
	//	gzip                          the compressed answer ends in the middle
	//	empty                         a page without entries comes first (cost, consumption, resourcegraph, policyinsights, arm, msgraph)
	//	expired                       the token counts as expired from now on (cost, consumption, resourcegraph, policyinsights, arm, msgraph)
	//	case                          ids in capitals and small letters at random (cost, resourcegraph, arm, msgraph)
	//	nulls                         rows without amounts (cost), every third row with nothing but its id (resourcegraph, msgraph)
	//	columns                       a column is missing (cost, resourcegraph, msgraph)
	//	pretaxcost                    Cost is refused, only PreTaxCost is known (cost)
	//	duplicates                    each row in two parts, which are on different pages (cost); the last row of a
	//	                              page again on the next one (resourcegraph, msgraph)
	//	absent                        a subscription is left out: that of the fault, or the first (resourcegraph)
	//	truncated                     half of a page, resultTruncated "true", and no token (resourcegraph)
	Kind string `json:"kind"`

	Column string `json:"column,omitempty"` // that is missing; "" = the first

	// Header tells a 429 (or, if given, a 5xx) how to say when to come back: retry-after (default),
	// retry-after-date, retry-after-ms, qpu, entity, tenant, clienttype or none.
	Header            string `json:"header,omitempty"`
	RetryAfterSeconds int    `json:"retryAfterSeconds,omitempty"` // 0 = 1
	Status            int    `json:"status,omitempty"`            // of a 5xx; 0 = 503

	Probability  float64 `json:"probability,omitempty"`  // of each matching request; 0 = always
	Times        int     `json:"times,omitempty"`        // 0 = unlimited
	Tenant       string  `json:"tenant,omitempty"`       // only this tenant: of the token, or owner of the subscription
	Subscription string  `json:"subscription,omitempty"` // only this subscription
	Path         string  `json:"path,omitempty"`         // only requests whose path contains this
	// HangSeconds is how long a hang lasts before the true answer comes; 0 = until the client leaves.
	HangSeconds float64 `json:"hangSeconds,omitempty"`
}

// The kinds of fault.
const (
	fault429   = "429"
	fault5xx   = "5xx"
	faultHang  = "hang"
	faultReset = "reset"
	faultHTML  = "html"
	faultEmpty = "empty"
	faultNulls = "nulls"

	faultGzip       = "gzip"
	faultExpired    = "expired"
	faultCase       = "case"
	faultColumns    = "columns"
	faultPreTax     = "pretaxcost"
	faultDuplicates = "duplicates"
	faultAbsent     = "absent"
	faultTruncated  = "truncated"
)

// faultAPIs are the APIs for which a kind exists; kinds that are not listed exist for all.
var faultAPIs = map[string][]string{
	faultEmpty:      {apiCost, apiConsumption, apiGraph, apiARM, apiPolicy, apiMSGraph},
	faultExpired:    {apiCost, apiConsumption, apiGraph, apiARM, apiPolicy, apiMSGraph},
	faultCase:       {apiCost, apiGraph, apiARM, apiMSGraph},
	faultNulls:      {apiCost, apiGraph, apiMSGraph},
	faultColumns:    {apiCost, apiGraph, apiMSGraph},
	faultPreTax:     {apiCost},
	faultDuplicates: {apiCost, apiGraph, apiMSGraph},
	faultAbsent:     {apiGraph},
	faultTruncated:  {apiGraph},
	fault429:        nil, fault5xx: nil, faultHang: nil, faultReset: nil, faultHTML: nil, faultGzip: nil,
}

// The names of the simulated APIs, in faults and in request counts.
const (
	apiCost     = "cost"
	apiARM      = "arm"
	apiEntra    = "entra"
	apiKeyVault = "keyvault"
	apiControl  = "sim"

	apiConsumption = "consumption"
	apiGraph       = "resourcegraph"
	apiPolicy      = "policyinsights"
	apiMSGraph     = "msgraph" // Microsoft Graph; resourcegraph is Azure Resource Graph
)

// LoadFaults reads a JSON array of faults from a file.
func LoadFaults(path string) ([]Fault, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("azuresim: faults: %w", err)
	}
	return parseFaults(bytes.NewReader(b))
}

// parseFaults is strict: a misspelt field would be a fault that never happens.
func parseFaults(r io.Reader) ([]Fault, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var list []Fault
	if err := dec.Decode(&list); err != nil {
		return nil, fmt.Errorf("azuresim: faults: %w", err)
	}
	for i, f := range list {
		if err := f.validate(); err != nil {
			return nil, fmt.Errorf("azuresim: fault %d: %w", i, err)
		}
	}
	return list, nil
}

func (f Fault) validate() error {
	apis, known := faultAPIs[f.Kind]
	switch {
	case !slices.Contains([]string{apiCost, apiConsumption, apiGraph, apiPolicy, apiARM, apiEntra, apiKeyVault, apiMSGraph, "*"}, f.API):
		return fmt.Errorf("api %q is not cost, consumption, resourcegraph, policyinsights, arm, entra, keyvault, msgraph or *", f.API)
	case !known:
		return fmt.Errorf("kind %q is none of %s", f.Kind, strings.Join(slices.Sorted(maps.Keys(faultAPIs)), ", "))
	case apis != nil && f.API != "*" && !slices.Contains(apis, f.API):
		return fmt.Errorf("kind %s is for %s, not for api %q", f.Kind, strings.Join(apis, " and "), f.API)
	case !slices.Contains([]string{"", "none", "retry-after", "retry-after-date", "retry-after-ms", "qpu", "entity", "tenant", "clienttype"}, f.Header):
		return fmt.Errorf("header %q is unknown", f.Header)
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("probability %v is not in 0..1", f.Probability)
	case f.Status != 0 && (f.Status < 500 || f.Status > 599):
		return fmt.Errorf("status %d is not a 5xx", f.Status)
	case f.Times < 0 || f.RetryAfterSeconds < 0 || f.HangSeconds < 0:
		return fmt.Errorf("times, retryAfterSeconds and hangSeconds must not be negative")
	}
	return nil
}

// matches says whether the fault is meant for a call. Empty pages need an answer that has pages, and
// the page after an empty one is never empty again, or the paging would not end. Rows are doubled from
// the first page on, but those of Microsoft Graph from page to page.
func (f Fault) matches(c *call) bool {
	switch {
	case f.Kind == faultEmpty && (c.api != apiCost && !c.list || c.continued),
		f.Kind == faultDuplicates && (queryValue(c.r, "$skiptoken") != "") != (c.api == apiMSGraph),
		faultAPIs[f.Kind] != nil && !slices.Contains(faultAPIs[f.Kind], c.api):
		return false
	}
	return (f.API == "*" || f.API == c.api) &&
		(f.Tenant == "" || strings.EqualFold(f.Tenant, c.tenant)) &&
		(f.Path == "" || strings.Contains(strings.ToLower(c.r.URL.Path), strings.ToLower(f.Path))) &&
		(f.Subscription == "" || f.Kind == faultAbsent || strings.EqualFold(f.Subscription, c.subscription))
}

// faults decides which requests are struck: the same seed and sequence of requests give the same faults.
type faults struct {
	seed uint64
	mu   sync.Mutex
	list []Fault
	seen []uint64 // matching requests, by fault
	hits []int
}

func (fs *faults) set(list []Fault) error {
	for i, f := range list {
		if err := f.validate(); err != nil {
			return fmt.Errorf("azuresim: fault %d: %w", i, err)
		}
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list, fs.seen, fs.hits = slices.Clone(list), make([]uint64, len(list)), make([]int, len(list))
	return nil
}

func (fs *faults) get() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.Clone(fs.list)
}

// strike returns the fault for a call, or nil.
func (fs *faults) strike(c *call) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.list {
		if !f.matches(c) || f.Times > 0 && fs.hits[i] >= f.Times {
			continue
		}
		fs.seen[i]++
		if f.Probability > 0 && unit(mix(fs.seed, label("fault"), uint64(i), fs.seen[i])) >= f.Probability {
			continue
		}
		fs.hits[i]++
		return &f
	}
	return nil
}
