package azuresim

import (
	"fmt"
	"strings"
)

// policyDef is a policy definition. Its states are drawn, not computed from its rule.
type policyDef struct {
	name, display, category string
	effects                 []string // that its parameter allows, the default first; a single one is written into the rule
	types                   []string // ARM types it is for; or one of the targets below
	fails                   float64  // of its resources, at first
	custom                  bool     // made by the tenant, at its root group
	conflicts               bool     // contradicts others that set the same tag
	mode                    string   // "" = Indexed
	version                 string   // "" = 1.0.0
}

// What a definition can be for other than types.
const (
	forAll          = "*"            // whatever has tags and a location
	forGroup        = "group"        // resource groups
	forSubscription = "subscription" // the subscription itself
)

// The effects of policies, as Azure spells them.
const (
	effectAudit    = "Audit"
	effectDeny     = "Deny"
	effectDisabled = "Disabled"
	effectAINE     = "AuditIfNotExists"
	effectDINE     = "DeployIfNotExists"
	effectModify   = "Modify"
	effectManual   = "Manual"
)

// Effects that come together.
var (
	auditDeny  = []string{effectAudit, effectDeny, effectDisabled}
	auditIf    = []string{effectAINE, effectDisabled}
	deployIf   = []string{effectDINE, effectDisabled}
	modifyOnly = []string{effectModify}
	denyOnly   = []string{effectDeny}
	manualOnly = []string{effectManual, effectDisabled}
)

// ARM types that policies are for.
const (
	typeVault    = "Microsoft.KeyVault/vaults"
	typeDatabase = "Microsoft.Sql/servers/databases"
	typeCluster  = "Microsoft.ContainerService/managedClusters"
	typeRegistry = "Microsoft.ContainerRegistry/registries"
	typeNet      = "Microsoft.Network/virtualNetworks"
	typePostgres = "Microsoft.DBforPostgreSQL/flexibleServers"
	typeRedis    = "Microsoft.Cache/redis"
	typeCosmos   = "Microsoft.DocumentDB/databaseAccounts"
)

// builtinPolicies are definitions of Microsoft's, by a short name of ours. The first column is the
// name in Azure where we know it.
var builtinPolicies = map[string]*policyDef{
	"storage-https":    {"404c3081-a854-4457-ae30-26a93ef643f9", "Secure transfer to storage accounts should be enabled", "Storage", auditDeny, []string{typeStorage}, 0.12, false, false, "", "2.0.0"},
	"storage-network":  {"34c877ad-507e-4c82-993e-3452a6e0ad3c", "Storage accounts should restrict network access", "Storage", auditDeny, []string{typeStorage}, 0.45, false, false, "", "1.1.1"},
	"storage-public":   {"4fa4b6c0-31ca-4c0d-b10d-24b96f62a751", "[Preview]: Storage account public access should be disallowed", "Storage", auditDeny, []string{typeStorage}, 0.2, false, false, "", "3.1.0-preview"},
	"storage-tls":      {"fe83a0eb-a853-422d-aac2-1bffd182c5d0", "Storage accounts should have the specified minimum TLS version", "Storage", auditDeny, []string{typeStorage}, 0.18, false, false, "", ""},
	"kv-purge":         {"0b60c0b2-2dc2-4e1c-b5c9-abbed971de53", "Key vaults should have deletion protection enabled", "Key Vault", auditDeny, []string{typeVault}, 0.3, false, false, "", "2.1.0"},
	"kv-firewall":      {"55615ac9-af46-4a59-874e-391cc3dfb490", "Azure Key Vault should have firewall enabled or public network access disabled", "Key Vault", auditDeny, []string{typeVault}, 0.5, false, false, "", "3.3.0"},
	"kv-logs":          {"cf820ca0-f99e-4f3e-84fb-66e913812d21", "Resource logs in Key Vault should be enabled", "Key Vault", auditIf, []string{typeVault}, 0.35, false, false, "", "5.0.0"},
	"vm-managed":       {"06a78e20-9358-41c9-923c-fb736d382a4d", "Audit VMs that do not use managed disks", "Compute", []string{"audit"}, []string{typeVM}, 0.03, false, false, "All", ""},
	"vm-host-crypt":    {"fc4d8e41-e223-45ea-9bf5-eada37891d87", "Virtual machines and virtual machine scale sets should have encryption at host enabled", "Compute", auditDeny, []string{typeVM}, 0.6, false, false, "", ""},
	"vm-sizes":         {"cccc23c7-8427-4f53-ad12-b6a63eb452b3", "Allowed virtual machine size SKUs", "Compute", denyOnly, []string{typeVM}, 0.25, false, false, "", "1.0.1"},
	"vm-jit":           {"b0f33259-77d7-4c9e-aac6-3aabcfae693c", "Management ports of virtual machines should be protected with just-in-time network access control", "Security Center", auditIf, []string{typeVM}, 0.4, false, false, "All", "3.0.0"},
	"vm-nsg":           {"f6de0be7-9a8a-4b8a-b349-43cf02d22f7c", "Internet-facing virtual machines should be protected with network security groups", "Security Center", auditIf, []string{typeVM}, 0.1, false, false, "All", "3.0.0"},
	"vm-backup":        {"013e242c-8828-4970-87b3-ab247555486d", "Azure Backup should be enabled for Virtual Machines", "Backup", auditIf, []string{typeVM}, 0.3, false, false, "", "3.0.0"},
	"sql-audit":        {"a6fb4358-5bf4-4ad7-ba82-2cd2f41ce5e9", "Auditing on SQL server should be enabled", "SQL", auditIf, []string{typeSQL}, 0.25, false, false, "", "2.0.0"},
	"sql-admin":        {"1f314764-cb73-4fc9-b863-8eca98ac36e9", "An Azure Active Directory administrator should be provisioned for SQL servers", "SQL", auditIf, []string{typeSQL}, 0.3, false, false, "", ""},
	"sql-public":       {"1b8ca024-1d5c-4dec-8995-b1a932b41780", "Public network access on Azure SQL Database should be disabled", "SQL", auditDeny, []string{typeSQL}, 0.5, false, false, "", "1.1.0"},
	"sql-tde":          {"", "Transparent Data Encryption on SQL databases should be enabled", "SQL", auditIf, []string{typeDatabase}, 0.05, false, false, "", "2.0.0"},
	"web-https":        {"a4af4a39-4135-47fb-b175-47fbdf85311d", "App Service apps should only be accessible over HTTPS", "App Service", auditDeny, []string{typeSite}, 0.22, false, false, "", "4.0.0"},
	"web-tls":          {"f0e6e85b-9b9f-4a4b-b67b-f730d42f1b0b", "App Service apps should use the latest TLS version", "App Service", auditIf, []string{typeSite}, 0.2, false, false, "", "2.1.0"},
	"aks-rbac":         {"ac4a19c2-fa67-49b4-8ae5-0b2e78c49457", "Role-Based Access Control (RBAC) should be used on Kubernetes Services", "Security Center", []string{effectAudit, effectDisabled}, []string{typeCluster}, 0.2, false, false, "All", "1.1.0"},
	"acr-network":      {"d0793b48-0edc-4296-a390-4c75d1bdfd71", "Container registries should not allow unrestricted network access", "Container Registry", auditDeny, []string{typeRegistry}, 0.5, false, false, "", "2.0.0"},
	"pg-ssl":           {"", "Enforce SSL connection should be enabled for PostgreSQL flexible servers", "PostgreSQL", auditIf, []string{typePostgres}, 0.1, false, false, "", ""},
	"redis-secure":     {"22bee202-a82f-4305-9a2a-6d7f44d4dedb", "Only secure connections to your Azure Cache for Redis should be enabled", "Cache", auditDeny, []string{typeRedis}, 0.1, false, false, "", ""},
	"cosmos-firewall":  {"862e97cf-49fc-4a5c-9de4-40d4e2e7c8eb", "Azure Cosmos DB accounts should have firewall rules", "Cosmos DB", auditDeny, []string{typeCosmos}, 0.35, false, false, "", "2.1.0"},
	"nsg-flow":         {"c251913d-7d24-4958-af87-478ed3b9ba41", "Flow logs should be configured for every network security group", "Network", auditIf, []string{typeNSG}, 0.55, false, false, "All", "1.1.0"},
	"nsg-diag":         {"c9c29499-c1d1-4195-99bd-2ec9e3a9dc89", "Deploy Diagnostic Settings for Network Security Groups", "Monitoring", deployIf, []string{typeNSG}, 0.3, false, false, "", "2.0.1"},
	"vnet-ddos":        {"94de2ad3-e0c1-4caf-ad78-5d47bbc83d3d", "Virtual networks should be protected by Azure DDoS Protection", "Network", []string{effectModify, effectAudit, effectDisabled}, []string{typeNet}, 0.7, false, false, "", "1.0.1"},
	"locations":        {"e56962a6-4747-49cd-b67b-bf8b01975c4c", "Allowed locations", "General", denyOnly, []string{forAll}, 0.02, false, false, "", ""},
	"tag-require":      {"871b6d14-10aa-478d-b590-94f262ecfa99", "Require a tag on resources", "Tags", denyOnly, []string{forAll}, 0.3, false, false, "", "1.0.1"},
	"tag-inherit":      {"ea3f2387-9b95-492a-a190-fcdc54f7b070", "Inherit a tag from the resource group if missing", "Tags", modifyOnly, []string{forAll}, 0.2, false, false, "", ""},
	"tag-group":        {"96670d01-0a4d-4649-9c89-2d3abc0a5025", "Require a tag on resource groups", "Tags", denyOnly, []string{forGroup}, 0.25, false, false, "All", ""},
	"owners-mfa":       {"e3e008c3-56b9-4133-8fd7-d3347377402a", "Accounts with owner permissions on Azure resources should be MFA enabled", "Security Center", auditIf, []string{forSubscription}, 0.3, false, false, "All", ""},
	"owners-max":       {"4f11b553-d42e-4e3a-89be-32ca364cad4c", "A maximum of 3 owners should be designated for your subscription", "Security Center", auditIf, []string{forSubscription}, 0.4, false, false, "All", "3.0.0"},
	"contact":          {"4f4f78b8-e367-4b10-a341-d9a4ad5cf1c7", "Subscriptions should have a contact email address for security issues", "Security Center", auditIf, []string{forSubscription}, 0.35, false, false, "All", "1.0.1"},
	"manual-risk":      {"d36700f2-2f0d-7c2a-059c-bdadd1d79f70", "Establish a risk management strategy", "Regulatory Compliance", manualOnly, []string{forSubscription}, 0, false, false, "All", "1.1.0"},
	"manual-train":     {"", "Provide security training for new users", "Regulatory Compliance", manualOnly, []string{forSubscription}, 0, false, false, "All", "1.1.0"},
	"manual-audit":     {"", "Review account provisioning logs", "Regulatory Compliance", manualOnly, []string{forSubscription}, 0, false, false, "All", "1.1.0"},
	"hdinsight-injec":  {"", "Azure HDInsight clusters should be injected into a virtual network", "HDInsight", auditDeny, []string{"Microsoft.HDInsight/clusters"}, 0, false, false, "", ""},
	"disk-double":      {"", "Managed disks should be double encrypted with both platform-managed and customer-managed keys", "Compute", auditDeny, []string{typeDisk}, 0.85, false, false, "", ""},
	"disk-public":      {"8405fdab-1faf-48aa-b702-999c9c172094", "Managed disks should disable public network access", "Compute", []string{effectAudit, effectDeny, effectDisabled}, []string{typeDisk}, 0.4, false, false, "", "2.1.0"},
	"nic-no-public-ip": {"83a86a26-fd1f-447c-b59d-e51f44264114", "Network interfaces should not have public IPs", "Network", denyOnly, []string{typeNIC}, 0.2, false, false, "", ""},
}

// customPolicies are definitions of every tenant's own.
var customPolicies = map[string]*policyDef{
	"naming":       {"naming-convention", "Resources must follow the naming convention", "Naming", []string{effectAudit}, []string{forAll}, 0.35, true, false, "", ""},
	"costcenter-a": {"set-costcenter-by-landing-zone", "Set the tag costcenter by landing zone", "Tags", modifyOnly, []string{forAll}, 0.15, true, true, "", ""},
	"costcenter-b": {"set-costcenter-by-application", "Set the tag costcenter by application", "Tags", modifyOnly, []string{forAll}, 0.15, true, true, "", ""},
	"cert-renewal": {"kv-diagnostics-to-soc", "Key vaults must send their logs to the <security> operations centre & keep them", "Monitoring", deployIf, []string{typeVault}, 0.6, true, false, "", "1.2.0"},
	"new-baseline": {"backup-tag", "Resources must say how they are backed up", "Tags", []string{effectAudit}, []string{forAll}, 0.9, true, false, "", ""},
}

// padPolicy is one of the definitions with which a subscription is filled up to a number of states.
func padPolicy(i int) *policyDef {
	return &policyDef{display: fmt.Sprintf("Baseline requirement %03d", i+1), category: "General", effects: auditDeny, types: []string{forAll}, fails: 0.05 + float64(i%10)*0.02}
}

// policyNamed finds a definition by our short name.
func policyNamed(short string) *policyDef {
	if d := builtinPolicies[short]; d != nil {
		return d
	}
	return customPolicies[short]
}

// guid is the definition's name in Azure.
func (d *policyDef) guid() string {
	if d.name != "" {
		return d.name
	}
	return guid(label("policy " + d.display))
}

const authorization = "/providers/Microsoft.Authorization/"

// id is a definition's id: of a tenant's own, at its root management group.
func (d *policyDef) id(t *tenant) string {
	at := ""
	if d.custom {
		at = groupPath(t.id)
	}
	return at + authorization + "policyDefinitions/" + d.guid()
}

func (d *policyDef) kind() string {
	if d.custom {
		return "Custom"
	}
	return "BuiltIn"
}

func (d *policyDef) ver() string {
	if d.version == "" {
		return "1.0.0"
	}
	return d.version
}

// isFor says whether a definition is for a type of target.
func (d *policyDef) isFor(t *policyTarget) bool {
	for _, k := range d.types {
		if strings.EqualFold(k, t.kind) || k == forAll && t.indexed {
			return true
		}
	}
	return false
}

// properties are a definition's, as Azure gives them.
func (d *policyDef) properties(t *tenant) map[string]any {
	display, category := d.display, d.category
	if d.custom && t.hostile {
		display, category = hostileName(d.name), hostileNames[0]
	}
	mode := d.mode
	if mode == "" {
		mode = "Indexed"
	}
	metadata := map[string]any{"category": category, "version": d.ver()}
	if strings.HasPrefix(d.display, "[Preview]") {
		metadata["preview"] = true
	}
	effect := d.effects[0]
	parameters := map[string]any{}
	if len(d.effects) > 1 {
		allowed := []any{}
		for _, e := range d.effects {
			allowed = append(allowed, e)
		}
		parameters["effect"] = map[string]any{"type": "String", "allowedValues": allowed, "defaultValue": effect, "metadata": map[string]any{"displayName": "Effect", "description": "Enable or disable the execution of the policy"}}
		effect = "[parameters('effect')]"
	}
	if strings.HasPrefix(d.display, "Require a tag") || strings.HasPrefix(d.display, "Inherit a tag") {
		parameters["tagName"] = map[string]any{"type": "String", "metadata": map[string]any{"displayName": "Tag Name"}}
	}
	then := map[string]any{"effect": effect}
	switch d.effects[0] {
	case effectDINE, effectModify: // what a remediation task may do
		then["details"] = map[string]any{"roleDefinitionIds": []any{authorization + "roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"}}
	case effectAINE:
		then["details"] = map[string]any{"type": "Microsoft.Insights/diagnosticSettings"}
	}
	return map[string]any{
		"displayName": display, "description": display + ".", "policyType": d.kind(), "mode": mode, "version": d.ver(), "versions": []any{d.ver()},
		"metadata": metadata, "parameters": parameters,
		"policyRule": map[string]any{"if": map[string]any{"field": "type", "in": textList(d.types)}, "then": then},
	}
}

func textList(list []string) []any {
	out := []any{}
	for _, t := range list {
		out = append(out, t)
	}
	return out
}
