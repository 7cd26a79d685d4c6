package inventory

import (
	"slices"
	"strings"
)

// Which types can carry tags is told by Microsoft in
// https://learn.microsoft.com/azure/azure-resource-manager/management/tag-support.
// Nearly every top-level type can and nearly every child type cannot, so that
// the lists name what differs, of types that Resource Graph has rows for. A
// child that is not listed is left out: to call a tag missing that nobody can
// set is worse than not to ask.

// untaggedProviders are namespaces of which no type, or next to none, can carry tags.
var untaggedProviders = []string{
	"microsoft.addons", "microsoft.adhybridhealthservice", "microsoft.advisor", "microsoft.authorization", "microsoft.billing",
	"microsoft.blueprint", "microsoft.capacity", "microsoft.changeanalysis", "microsoft.classiccompute", "microsoft.classicinfrastructuremigrate",
	"microsoft.classicnetwork", "microsoft.classicstorage", "microsoft.commerce", "microsoft.consumption", "microsoft.costmanagement",
	"microsoft.kubernetesconfiguration", "microsoft.managedservices", "microsoft.management", "microsoft.policyinsights", "microsoft.resourcehealth",
	"microsoft.security", "microsoft.securityinsights", "microsoft.subscription",
}

// untaggedTypes are top-level types that cannot, of other namespaces.
var untaggedTypes = []string{
	"microsoft.alertsmanagement/alerts", "microsoft.alertsmanagement/smartgroups", "microsoft.automanage/configurationprofileassignments",
	"microsoft.insights/diagnosticsettings", "microsoft.keyvault/deletedvaults", "microsoft.maintenance/applyupdates",
	"microsoft.maintenance/configurationassignments", "microsoft.managedidentity/identities", "microsoft.portal/consoles",
	"microsoft.recoveryservices/backupprotecteditems", "microsoft.resources/changes", "microsoft.resources/links",
	"microsoft.sql/virtualclusters", "microsoft.storage/deletedaccounts",
}

// taggedExceptions are types of those namespaces that can, and taggedChildren
// child types that can.
var (
	taggedExceptions = []string{
		"microsoft.authorization/resourcemanagementprivatelinks", "microsoft.costmanagement/connectors",
		"microsoft.security/automations", "microsoft.security/iotsecuritysolutions",
	}
	taggedChildren = []string{
		typeGroup, "microsoft.automation/automationaccounts/configurations", "microsoft.automation/automationaccounts/runbooks",
		"microsoft.cdn/profiles/afdendpoints", "microsoft.cdn/profiles/endpoints", "microsoft.compute/hostgroups/hosts", "microsoft.compute/virtualmachines/extensions",
		"microsoft.compute/virtualmachines/runcommands", "microsoft.containerregistry/registries/agentpools",
		"microsoft.containerregistry/registries/replications", "microsoft.containerregistry/registries/tasks",
		"microsoft.containerregistry/registries/webhooks", "microsoft.media/mediaservices/liveevents",
		"microsoft.media/mediaservices/streamingendpoints", "microsoft.netapp/netappaccounts/capacitypools",
		"microsoft.netapp/netappaccounts/capacitypools/volumes", "microsoft.network/networkwatchers/connectionmonitors",
		"microsoft.network/privatednszones/virtualnetworklinks", "microsoft.notificationhubs/namespaces/notificationhubs",
		"microsoft.resources/templatespecs/versions", typeSQLDatabase, "microsoft.sql/managedinstances/databases",
		"microsoft.sql/servers/elasticpools", "microsoft.synapse/workspaces/sqlpools", "microsoft.synapse/workspaces/bigdatapools",
		"microsoft.web/sites/slots",
	}
)

// Taggable tells whether a resource can carry tags.
func Taggable(r *Resource) bool {
	provider, rest, _ := strings.Cut(r.Type, "/")
	switch {
	case slices.Contains(taggedExceptions, r.Type):
		return true
	case slices.Contains(untaggedProviders, provider), slices.Contains(untaggedTypes, r.Type):
		return false
	case r.Type == typeSQLDatabase && strings.EqualFold(r.Name, "master"):
		return false // of all databases this one cannot
	case strings.Contains(rest, "/"):
		return slices.Contains(taggedChildren, r.Type)
	}
	return true
}
