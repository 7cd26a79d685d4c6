package inventory

import (
	"strings"
	"time"
)

// groupLimit is how many resource groups Azure allows in a subscription, and
// nearLimit the share of it, in percent, that is told in time.
const (
	groupLimit = 980
	nearLimit  = 80
)

func otherRules() []Rule {
	return []Rule{
		{ // 45
			ID: "rg-empty", Title: "Resource group with nothing in it",
			Why:       "It costs nothing; what is left are its roles and policies.",
			Condition: "a resource group of a subscription that was read in full, in which no resource is",
			Exceptions: []string{
				"managedBy is set: it belongs to a service",
				"made by Azure, by name: NetworkWatcherRG, DefaultResourceGroup-*, Default-*, cloud-shell-storage-*, AzureBackupRG_*, LogAnalyticsDefaultResources",
				"it is being deleted: properties.provisioningState =~ 'Deleting'",
			},
			Confidence: Review, Doc: docs + "azure-resource-manager/management/manage-resource-groups-portal",
			Types: []string{typeGroup}, Eval: groupEmpty,
		},
		{ // 54
			ID: "identity-unused", Title: "User-assigned identity on no resource",
			Why:       "Whoever may assign it gets its roles. Identities that serve a federation from outside of Azure look so as well: no row tells of it.",
			Condition: "no resource of the tenant, of which every subscription was read in full, has it under identity.userAssignedIdentities",
			Exceptions: []string{
				"the identity of a cluster's nodes: identityProfile.*.resourceId of microsoft.containerservice/managedclusters",
				"its resource group belongs to a service: managedBy of the group is set",
			},
			Confidence: Review, Doc: "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview",
			Types: []string{typeIdentity}, Eval: identityUnused,
		},
		{ // 55
			ID: "rg-near-limit", Title: "Subscription near the limit of resource groups",
			Why:        "At 980 resource groups nothing new can be deployed into a new group.",
			Condition:  "a subscription that was read has 784 resource groups or more: 80 % of 980",
			Confidence: Advice, Doc: docs + "azure-resource-manager/management/azure-subscription-service-limits",
			Types: []string{typeSubscription},
			Eval: func(r *Resource, x *Joins) Outcome {
				if x.other.groups[r.Subscription] >= groupLimit*nearLimit/100 {
					return found("at least %d of %d resource groups", groupLimit*nearLimit/100, groupLimit)
				}
				if !x.Complete(r.Subscription) {
					return unknown("its resource groups were not read in full")
				}
				return Outcome{}
			},
		},
		adviceCost(),
	}
}

func groupEmpty(r *Resource, x *Joins) Outcome {
	name := strings.ToLower(r.Name)
	switch {
	case x.other.used.has(r.Subscription + "/" + name), r.ManagedBy != "", r.Properties.At("provisioningState").Is("Deleting"),
		name == "networkwatcherrg", name == "loganalyticsdefaultresources",
		hasPrefix(name, "defaultresourcegroup-", "default-", "cloud-shell-storage-", "azurebackuprg_"):
		return Outcome{}
	case !x.Complete(r.Subscription):
		return unknown("its subscription was not read in full")
	}
	return found("no resource in it")
}

func identityUnused(r *Resource, x *Joins) Outcome {
	switch {
	case x.other.identities.has(r.Key()), x.other.managed.has(r.Subscription + "/" + r.Group):
		return Outcome{}
	case !x.whole, x.blind[[2]string{r.Subscription, typeCluster}] > 0:
		return unknown("a subscription that was not read in full may use it")
	}
	return found("on no resource")
}

// otherJoins knows what is in groups, pools and workspaces, who uses which
// identity, and what was told to Advisor.
type otherJoins struct {
	groups     map[string]int // by subscription
	used       set            // subscription/group with resources
	managed    set            // subscription/group of services
	quotas     map[string]string
	identities set
	pools      set
	synapse    set // workspaces with pools
	advisor    advisorJoins
}

func newOtherJoins() otherJoins {
	return otherJoins{
		groups: map[string]int{}, used: set{}, managed: set{}, quotas: map[string]string{},
		identities: set{}, pools: set{}, synapse: set{},
		advisor: advisorJoins{ended: map[string]time.Time{}, excluded: set{}, threshold: map[string]float64{}},
	}
}

func (o otherJoins) add(r *Resource) {
	for id := range r.Identity.At("userAssignedIdentities").Members() {
		o.identities.add(strings.ToLower(id))
	}
	switch r.Type {
	case typeSubscription:
		if q := r.Properties.At("subscriptionPolicies", "quotaId").Text(); q != "" {
			o.quotas[r.Subscription] = q
		}
		return
	case typeGroup:
		o.groups[r.Subscription]++
		if r.ManagedBy != "" {
			o.managed.add(r.Subscription + "/" + strings.ToLower(r.Name))
		}
		return
	case typeAdvice, typeAdvisorSilent, typeAdvisorConfig:
		o.advisor.add(r)
		return // advice about a group is nothing in it
	case typeSQLDatabase:
		o.pools.add(r.Properties.At("elasticPoolId").Lower())
	case "microsoft.synapse/workspaces/sqlpools", "microsoft.synapse/workspaces/bigdatapools":
		o.synapse.add(parentOf(r.Key()))
	case typeCluster:
		for _, p := range r.Properties.At("identityProfile").Members() {
			o.identities.add(p.At("resourceId").Lower())
		}
	}
	if r.Group != "" {
		o.used.add(r.Subscription + "/" + r.Group)
	}
}
