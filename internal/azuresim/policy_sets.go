package azuresim

// policySet is an initiative: definitions, each under a name of its own, in groups that are the
// controls of a framework. Groups without a definition are controls that nothing checks.
type policySet struct {
	name, display, category, version string
	custom                           bool
	groups                           []policyGroup
	refs                             []*policyRef
}

// policyGroup is a control of a framework.
type policyGroup struct{ name, display, category string }

// policyRef is a definition within an initiative, or the only one of an assignment.
type policyRef struct {
	def    *policyDef
	ref    string // "" of an assignment of a single definition
	groups []string
	tag    string // the parameter of definitions about tags: with another one they are another question
	effect string // "" = the definition's default
}

// act is the effect of a definition where it is referred to.
func (r *policyRef) act() string {
	if r.effect != "" {
		return r.effect
	}
	return r.def.effects[0]
}

func ref(short, name string, groups ...string) *policyRef {
	return &policyRef{def: policyNamed(short), ref: name, groups: groups}
}

func (r *policyRef) with(tag, effect string) *policyRef {
	r.tag, r.effect = tag, effect
	return r
}

// The initiatives of the estate. They are tables: nothing writes to them.
var (
	setBenchmark = &policySet{
		name: "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", display: "Microsoft cloud security benchmark", category: "Security Center", version: "57.45.0",
		groups: []policyGroup{
			{"Azure_Security_Benchmark_v3.0_NS-1", "NS-1 Establish network segmentation boundaries", "Network Security"},
			{"Azure_Security_Benchmark_v3.0_NS-2", "NS-2 Secure cloud services with network controls", "Network Security"},
			{"Azure_Security_Benchmark_v3.0_NS-5", "NS-5 Deploy DDoS protection", "Network Security"},
			{"Azure_Security_Benchmark_v3.0_IM-6", "IM-6 Use strong authentication controls", "Identity Management"},
			{"Azure_Security_Benchmark_v3.0_PA-1", "PA-1 Separate and limit highly privileged users", "Privileged Access"},
			{"Azure_Security_Benchmark_v3.0_PA-2", "PA-2 Avoid standing access for accounts and permissions", "Privileged Access"},
			{"Azure_Security_Benchmark_v3.0_DP-3", "DP-3 Encrypt sensitive data in transit", "Data Protection"},
			{"Azure_Security_Benchmark_v3.0_DP-4", "DP-4 Enable data at rest encryption by default", "Data Protection"},
			{"Azure_Security_Benchmark_v3.0_DP-8", "DP-8 Ensure security of key and certificate repository", "Data Protection"},
			{"Azure_Security_Benchmark_v3.0_LT-3", "LT-3 Enable logging for security investigation", "Logging and Threat Detection"},
			{"Azure_Security_Benchmark_v3.0_IR-2", "IR-2 Preparation - setup incident notification", "Incident Response"},
			{"Azure_Security_Benchmark_v3.0_BR-1", "BR-1 Ensure regular automated backups", "Backup and Recovery"},
			{"Azure_Security_Benchmark_v3.0_GS-3", "GS-3 Define and implement data protection strategy", "Governance and Strategy"},
		},
		refs: []*policyRef{
			ref("vm-nsg", "internetFacingVMsShouldHaveNSG", "Azure_Security_Benchmark_v3.0_NS-1"),
			ref("vm-jit", "jitNetworkAccessControl", "Azure_Security_Benchmark_v3.0_PA-2"),
			ref("storage-network", "storageRestrictNetworkAccess", "Azure_Security_Benchmark_v3.0_NS-2"),
			ref("storage-public", "disallowPublicBlobAccess", "Azure_Security_Benchmark_v3.0_NS-2"),
			ref("acr-network", "acrNetworkAccess", "Azure_Security_Benchmark_v3.0_NS-2"),
			ref("kv-firewall", "keyVaultFirewall", "Azure_Security_Benchmark_v3.0_NS-2", "Azure_Security_Benchmark_v3.0_DP-8"),
			ref("sql-public", "sqlPublicNetworkAccess", "Azure_Security_Benchmark_v3.0_NS-2").with("", effectDisabled),
			ref("cosmos-firewall", "cosmosFirewall", "Azure_Security_Benchmark_v3.0_NS-2"),
			ref("vnet-ddos", "ddosProtection", "Azure_Security_Benchmark_v3.0_NS-5").with("", effectAudit),
			ref("owners-mfa", "identityEnableMFAForOwnerPermissions", "Azure_Security_Benchmark_v3.0_IM-6"),
			ref("owners-max", "identityDesignateLessThanXOwners", "Azure_Security_Benchmark_v3.0_PA-1"),
			ref("storage-https", "secureTransferToStorageAccount", "Azure_Security_Benchmark_v3.0_DP-3"),
			ref("web-https", "webAppHttps", "Azure_Security_Benchmark_v3.0_DP-3"),
			ref("redis-secure", "redisSecureConnections", "Azure_Security_Benchmark_v3.0_DP-3"),
			ref("vm-host-crypt", "encryptionAtHost", "Azure_Security_Benchmark_v3.0_DP-4"),
			ref("sql-tde", "sqlDbEncryption", "Azure_Security_Benchmark_v3.0_DP-4"),
			ref("kv-purge", "keyVaultPurgeProtection", "Azure_Security_Benchmark_v3.0_DP-8"),
			ref("kv-logs", "keyVaultResourceLogs", "Azure_Security_Benchmark_v3.0_LT-3"),
			ref("sql-audit", "sqlServerAuditing", "Azure_Security_Benchmark_v3.0_LT-3"),
			ref("contact", "emailContact", "Azure_Security_Benchmark_v3.0_IR-2"),
			ref("vm-backup", "azureBackupForVMs", "Azure_Security_Benchmark_v3.0_BR-1"),
			ref("aks-rbac", "kubernetesRBAC", "Azure_Security_Benchmark_v3.0_PA-1"),
		},
	}
	setCIS = &policySet{
		name: "06f19060-9e68-4070-92ca-f15cc126059e", display: "CIS Microsoft Azure Foundations Benchmark v2.0.0", category: "Regulatory Compliance", version: "1.4.0",
		groups: []policyGroup{
			{"CIS_Azure_2.0.0_1.1.2", "Ensure that 'Multi-Factor Auth Status' is 'Enabled' for all Privileged Users", "1 Identity and Access Management"},
			{"CIS_Azure_2.0.0_1.5", "Ensure Guest Users Are Reviewed on a Regular Basis", "1 Identity and Access Management"},
			{"CIS_Azure_2.0.0_2.1.19", "Ensure 'Additional email addresses' is Configured with a Security Contact Email", "2 Microsoft Defender"},
			{"CIS_Azure_2.0.0_3.1", "Ensure that 'Secure transfer required' is set to 'Enabled'", "3 Storage Accounts"},
			{"CIS_Azure_2.0.0_3.8", "Ensure Default Network Access Rule for Storage Accounts is Set to Deny", "3 Storage Accounts"},
			{"CIS_Azure_2.0.0_3.15", "Ensure the 'Minimum TLS version' for storage accounts is set to 'Version 1.2'", "3 Storage Accounts"},
			{"CIS_Azure_2.0.0_4.1.1", "Ensure that 'Auditing' is set to 'On'", "4 Database Services"},
			{"CIS_Azure_2.0.0_4.1.4", "Ensure that Azure Active Directory Admin is Configured for SQL Servers", "4 Database Services"},
			{"CIS_Azure_2.0.0_5.1.5", "Ensure that logging for Azure Key Vault is 'Enabled'", "5 Logging and Monitoring"},
			{"CIS_Azure_2.0.0_6.5", "Ensure that Network Security Group Flow logs are captured and sent to Log Analytics", "6 Networking"},
			{"CIS_Azure_2.0.0_7.2", "Ensure Virtual Machines are utilizing Managed Disks", "7 Virtual Machines"},
			{"CIS_Azure_2.0.0_8.5", "Ensure the Key Vault is Recoverable", "8 Key Vault"},
			{"CIS_Azure_2.0.0_9.2", "Ensure Web App Redirects All HTTP traffic to HTTPS in Azure App Service", "9 AppService"},
			{"CIS_Azure_2.0.0_9.3", "Ensure Web App is using the latest version of TLS encryption", "9 AppService"},
			{"CIS_Azure_2.0.0_10.1", "Ensure that Resource Locks are set for Mission-Critical Azure Resources", "10 Miscellaneous"},
		},
		refs: []*policyRef{
			ref("owners-mfa", "e3e008c3-56b9-4133-8fd7-d3347377402a", "CIS_Azure_2.0.0_1.1.2"),
			ref("manual-audit", "manual-guest-review", "CIS_Azure_2.0.0_1.5"),
			ref("contact", "4f4f78b8-e367-4b10-a341-d9a4ad5cf1c7", "CIS_Azure_2.0.0_2.1.19"),
			ref("storage-https", "404c3081-a854-4457-ae30-26a93ef643f9", "CIS_Azure_2.0.0_3.1"),
			ref("storage-network", "34c877ad-507e-4c82-993e-3452a6e0ad3c", "CIS_Azure_2.0.0_3.8"),
			ref("storage-tls", "fe83a0eb-a853-422d-aac2-1bffd182c5d0", "CIS_Azure_2.0.0_3.15"),
			ref("sql-audit", "a6fb4358-5bf4-4ad7-ba82-2cd2f41ce5e9", "CIS_Azure_2.0.0_4.1.1"),
			ref("sql-admin", "1f314764-cb73-4fc9-b863-8eca98ac36e9", "CIS_Azure_2.0.0_4.1.4"),
			ref("kv-logs", "cf820ca0-f99e-4f3e-84fb-66e913812d21", "CIS_Azure_2.0.0_5.1.5"),
			ref("nsg-flow", "c251913d-7d24-4958-af87-478ed3b9ba41", "CIS_Azure_2.0.0_6.5"),
			ref("vm-managed", "06a78e20-9358-41c9-923c-fb736d382a4d", "CIS_Azure_2.0.0_7.2"),
			ref("kv-purge", "0b60c0b2-2dc2-4e1c-b5c9-abbed971de53", "CIS_Azure_2.0.0_8.5"),
			ref("web-https", "a4af4a39-4135-47fb-b175-47fbdf85311d", "CIS_Azure_2.0.0_9.2"),
			ref("web-tls", "f0e6e85b-9b9f-4a4b-b67b-f730d42f1b0b", "CIS_Azure_2.0.0_9.3"),
		},
	}
	setISO = &policySet{
		name: "89c6cddc-1c73-4ac1-b19c-54d1a15a42f2", display: "ISO 27001:2013", category: "Regulatory Compliance", version: "8.6.0",
		groups: []policyGroup{
			{"ISO27001-2013_A.6.1.2", "Segregation of Duties", "Organization of information security"},
			{"ISO27001-2013_A.7.2.2", "Information security awareness, education and training", "Human resources security"},
			{"ISO27001-2013_A.9.2.3", "Management of privileged access rights", "Access control"},
			{"ISO27001-2013_A.10.1.1", "Policy on the use of cryptographic controls", "Cryptography"},
			{"ISO27001-2013_A.11.1.1", "Physical security perimeter", "Physical and environmental security"},
			{"ISO27001-2013_A.12.4.1", "Event Logging", "Operations security"},
			{"ISO27001-2013_A.13.1.1", "Network controls", "Communications security"},
			{"ISO27001-2013_A.17.1.2", "Implementing information security continuity", "Business continuity"},
		},
		refs: []*policyRef{
			ref("owners-max", "owners", "ISO27001-2013_A.6.1.2"),
			ref("manual-train", "training", "ISO27001-2013_A.7.2.2"),
			ref("manual-risk", "risk", "ISO27001-2013_A.6.1.2", "ISO27001-2013_A.7.2.2"),
			ref("owners-mfa", "mfa", "ISO27001-2013_A.9.2.3"),
			ref("storage-https", "secureTransfer", "ISO27001-2013_A.10.1.1", "ISO27001-2013_A.13.1.1"),
			ref("sql-tde", "tde", "ISO27001-2013_A.10.1.1"),
			ref("web-https", "webHttps", "ISO27001-2013_A.10.1.1"),
			ref("sql-audit", "auditing", "ISO27001-2013_A.12.4.1"),
			ref("vm-nsg", "nsg", "ISO27001-2013_A.13.1.1"),
			ref("vm-backup", "backup", "ISO27001-2013_A.17.1.2"),
		},
	}
	// setTags has one definition twice, about two tags.
	setTags = &policySet{
		name: "tagging-baseline", display: "Tagging baseline", category: "Tags", version: "1.3.0", custom: true,
		groups: []policyGroup{{"finance", "What finance needs", "Tags"}, {"operations", "What operations needs", "Tags"}, {"lifecycle", "When it may go", "Tags"}},
		refs: []*policyRef{
			ref("tag-require", "require-costcenter", "finance").with("costcenter", ""),
			ref("tag-require", "require-environment", "operations").with("environment", ""),
			ref("tag-inherit", "inherit-owner", "operations").with("owner", ""),
			ref("tag-group", "group-costcenter", "finance").with("costcenter", ""),
			ref("naming", "naming", "operations"),
		},
	}
)

// padRefs is how many definitions an initiative of padding has.
const padRefs = 10

// padSet is one of the initiatives with which a subscription is filled up.
func padSet(i int) *policySet {
	s := &policySet{name: guid(mix(label("pad set"), uint64(i))), display: "Baseline " + kqlText(int64(i+1)), category: "General", version: "1.0.0"}
	for j := range padRefs {
		r := &policyRef{def: padPolicy(i*padRefs + j), ref: "baseline-" + kqlText(int64(i*padRefs+j+1)), groups: []string{"baseline-" + kqlText(int64(j%5+1))}}
		s.refs = append(s.refs, r)
		if j < 5 {
			s.groups = append(s.groups, policyGroup{r.groups[0], "Baseline control " + kqlText(int64(j+1)), "General"})
		}
	}
	return s
}

// id is an initiative's id: of a tenant's own, at its root management group.
func (s *policySet) id(t *tenant) string {
	at := ""
	if s.custom {
		at = groupPath(t.id)
	}
	return at + authorization + "policySetDefinitions/" + s.name
}

// properties are an initiative's, as Azure gives them.
func (s *policySet) properties(t *tenant) map[string]any {
	kind := "BuiltIn"
	if s.custom {
		kind = "Custom"
	}
	refs, groups, own := []any{}, []any{}, map[string]any{}
	for _, r := range s.refs {
		parameters := map[string]any{}
		if r.tag != "" {
			parameters["tagName"] = map[string]any{"value": r.tag}
		}
		if len(r.def.effects) > 1 {
			parameters["effect"] = map[string]any{"value": r.act()}
			if !s.custom { // Microsoft's let whoever assigns them choose
				name := "effect-" + r.ref
				parameters["effect"] = map[string]any{"value": "[parameters('" + name + "')]"}
				own[name] = map[string]any{"type": "String", "allowedValues": textList(r.def.effects), "defaultValue": r.act(), "metadata": map[string]any{"displayName": "Effect for policy: " + r.def.display}}
			}
		}
		refs = append(refs, map[string]any{
			"policyDefinitionId": r.def.id(t), "policyDefinitionReferenceId": r.ref, "definitionVersion": r.def.ver()[:1] + ".*.*",
			"parameters": parameters, "groupNames": textList(r.groups),
		})
	}
	for _, g := range s.groups {
		groups = append(groups, map[string]any{"name": g.name, "displayName": g.display, "category": g.category})
	}
	display := s.display
	if s.custom && t.hostile {
		display = hostileName(s.name)
	}
	return map[string]any{
		"displayName": display, "description": display + ".", "policyType": kind, "version": s.version, "versions": []any{s.version},
		"metadata": map[string]any{"category": s.category, "version": s.version}, "parameters": own,
		"policyDefinitions": refs, "policyDefinitionGroups": groups,
	}
}
