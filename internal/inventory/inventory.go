// Package inventory is the meaning of what tenants have: resources, their tags,
// and what they waste.
//
// It is not an Azure client (internal/azure), not SQL (internal/store) and not
// a page. Rules are pure functions of resources: Rules lists them, Evaluate runs
// them over an Estate, docs/waste-rules.md is generated from them.
package inventory

import (
	"context"
	"iter"
	"strings"
	"time"

	"fresnel"
)

// Resource is a row as Resource Graph tells it: of resources, of
// resourcecontainers (subscriptions and resource groups), of advisorresources
// or of recoveryservicesresources.
type Resource struct {
	ID           string // ARM id as received; compared by Key
	Tenant       fresnel.TenantID
	Subscription string // GUID in lower case
	Group        string // resource group, lower case; "" = of the subscription
	Type         string // lower case
	Name         string
	Location     string
	Kind         string // "" = none, or not told
	SKU          Value
	ManagedBy    string // ARM id of what it belongs to
	Identity     Value
	Zones        []string
	Tags         map[string]string // as people write them; nil = not told, which is not the same as none
	Properties   Value
	Created      time.Time // zero = not told
}

// Key is the id as it is compared and kept (fresnel.ObjectKey).
func (r *Resource) Key() string { return fresnel.ObjectKey(r.ID) }

// Source gives what a tenant has.
type Source interface {
	// Resources gives every resource of the subscriptions, those without tags
	// with an empty, not a nil, map. It fails with Denied or Unavailable; after
	// an error the resources before it are no whole inventory. A subscription
	// that may not be read is silently absent from the answer.
	Resources(ctx context.Context, t fresnel.Tenant, subscriptions []string) iter.Seq2[Resource, error]
	// Told gives those of the subscriptions that may be read now.
	Told(ctx context.Context, t fresnel.Tenant, subscriptions []string) (map[string]bool, error)
	ChangeSource
}

// Types that rules know beside the one that they judge.
const (
	typeSubscription  = "microsoft.resources/subscriptions"
	typeGroup         = "microsoft.resources/subscriptions/resourcegroups"
	typeVM            = "microsoft.compute/virtualmachines"
	typeDisk          = "microsoft.compute/disks"
	typeNIC           = "microsoft.network/networkinterfaces"
	typePublicIP      = "microsoft.network/publicipaddresses"
	typeVNet          = "microsoft.network/virtualnetworks"
	typeSubnet        = "microsoft.network/virtualnetworks/subnets"
	typeLoadBalancer  = "microsoft.network/loadbalancers"
	typeConnection    = "microsoft.network/connections"
	typeSite          = "microsoft.web/sites"
	typeWorkflow      = "microsoft.logic/workflows"
	typeSQLDatabase   = "microsoft.sql/servers/databases"
	typeCluster       = "microsoft.containerservice/managedclusters"
	typeIdentity      = "microsoft.managedidentity/userassignedidentities"
	typeProtected     = "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems"
	typeAdvice        = "microsoft.advisor/recommendations"
	typeAdvisorSilent = "microsoft.advisor/suppressions"
	typeAdvisorConfig = "microsoft.advisor/configurations"
)

// Containers are the types that are kept because rules join them, and are no
// resources.
func Containers() []string {
	return []string{typeSubscription, typeGroup, typeAdvice, typeAdvisorSilent, typeAdvisorConfig, typeProtected}
}

// subscriptionOf is the subscription GUID of an ARM id in lower case; "" of
// what is no such id.
func subscriptionOf(key string) string {
	rest, ok := strings.CutPrefix(key, "/subscriptions/")
	if !ok {
		return ""
	}
	sub, _, _ := strings.Cut(rest, "/")
	return sub
}

// typeOf is the type of the resource that an ARM id in lower case names; "" of
// a container's.
func typeOf(key string) string {
	_, rest, ok := cutLast(key, "/providers/")
	if !ok {
		return ""
	}
	parts := strings.Split(rest, "/")
	out := []string{parts[0]}
	for i := 1; i < len(parts); i += 2 {
		out = append(out, parts[i])
	}
	return strings.Join(out, "/")
}

// parentOf is the id of the resource that a child's id is below; "" of a
// top-level resource.
func parentOf(key string) string {
	_, rest, ok := cutLast(key, "/providers/")
	if !ok || strings.Count(rest, "/") < 4 {
		return ""
	}
	cut := strings.LastIndexByte(key, '/')
	return key[:strings.LastIndexByte(key[:cut], '/')]
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
