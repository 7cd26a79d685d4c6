package azuresim

// assessmentDef is a recommendation of Defender for Cloud.
type assessmentDef struct {
	short, name, display, severity string
	control                        string // of the secure score; "" = none
	types                          []string
	fails                          float64
	preview                        bool // does not count
}

// scoreControl is a control of the secure score.
type scoreControl struct {
	short, name, display string
	max                  int
}

// standardDef is a standard of regulatory compliance.
type standardDef struct {
	name     string
	controls []standardControl
}

// standardControl is a control of a standard; without assessments nothing checks it.
type standardControl struct {
	name, text  string
	assessments []string
}

// The tables of Defender for Cloud: nothing writes to them.
var (
	scoreControls = []scoreControl{
		{"mfa", "34a42fb3-e6db-409c-b56b-7b1db6b8aee0", "Enable MFA", 10},
		{"ports", "ed1d4e4a-8b3b-4c6a-93b9-0a2d3c8f1a01", "Secure management ports", 8},
		{"vulns", "f9d5432d-4c3f-4c0c-9b2a-5c5c7b5f3a02", "Remediate vulnerabilities", 6},
		{"access", "61702b76-1fab-41f2-bcbc-50b7870dcf38", "Manage access and permissions", 4},
		{"rest", "3d3a1f8c-6a0c-4d57-8d1c-1d5a9d0c4b03", "Enable encryption at rest", 4},
		{"transit", "8fd897c6-24bb-4c7a-8d3e-6e1f5b2a6c04", "Encrypt data in transit", 4},
		{"network", "65b1dc53-1a4b-4f0b-8b1c-8a3b5d9c7e05", "Restrict unauthorized network access", 4},
		{"config", "9b6a5f4e-2c1d-4e8f-9a7b-3c5d7e9f1a06", "Remediate security configurations", 4},
		{"adaptive", "a000c66f-6da2-4f9d-826d-2364347d2588", "Apply adaptive application control", 3},
		{"ddos", "a9909064-42b4-4d34-8143-275477afe18b", "Protect applications against DDoS attacks", 2},
		{"logging", "27b24961-75ba-4fe4-8909-97286d5dd5ee", "Enable auditing and logging", 1},
		{"best", "76763537-9feb-42d3-b4f4-78c01117be80", "Implement security best practices", 0},
	}
	assessmentDefs = []assessmentDef{
		{"mfa-owner", "94290b00-4d0c-d7b4-7cea-064a9554e681", "Accounts with owner permissions on Azure resources should be MFA enabled", "High", "mfa", []string{forSubscription}, 0.35, false},
		{"mfa-write", "57e98606-6b1e-6193-0e3d-fe621387c16b", "Accounts with write permissions on Azure resources should be MFA enabled", "High", "mfa", []string{forSubscription}, 0.4, false},
		{"owners-max", "6f90a6d6-d4d6-0794-0ec1-98fa77878c2e", "A maximum of 3 owners should be designated for subscriptions", "High", "access", []string{forSubscription}, 0.4, false},
		{"aks-rbac", "b0fdc63a-38e7-4bab-a7c4-2c2665abbaa9", "Role-Based Access Control should be used on Kubernetes Services", "High", "access", []string{typeCluster}, 0.2, false},
		{"jit", "805651bc-6ecd-4c73-9b55-97a19d0582d0", "Management ports of virtual machines should be protected with just-in-time network access control", "High", "ports", []string{typeVM}, 0.4, false},
		{"vm-vulns", "1195afff-c881-495e-9bc5-1486211ae03f", "Machines should have vulnerability findings resolved", "Low", "vulns", []string{typeVM}, 0.5, false},
		{"acr-vulns", "dbd0cb49-b563-45e7-9724-889e799fa648", "Container registry images should have vulnerability findings resolved", "High", "vulns", []string{typeRegistry}, 0.6, false},
		{"host-crypt", "a40cc620-e72c-fdf4-c554-c6ca2cd705c0", "Windows and Linux virtual machines should enable encryption at host", "Low", "rest", []string{typeVM}, 0.6, false},
		{"tde", "651967bf-044e-4bde-8376-3e08e0600105", "Transparent Data Encryption on SQL databases should be enabled", "Low", "rest", []string{typeDatabase}, 0.05, false},
		{"https-storage", "1c5de8e1-f68d-6a17-e0d2-ec259c42768c", "Secure transfer to storage accounts should be enabled", "High", "transit", []string{typeStorage}, 0.12, false},
		{"https-web", "bf82a334-13b6-ca57-ea75-096fc2ffce50", "Web apps should only be accessible over HTTPS", "Medium", "transit", []string{typeSite}, 0.22, false},
		{"redis-ssl", "35b25be2-d08a-e340-45ed-f08a95d804fc", "Azure Cache for Redis should reside within secure connections only", "High", "transit", []string{typeRedis}, 0.1, false},
		{"nsg-vm", "f7ab5a9c-3c1d-4e0b-8e0a-4f4b0c6d9a11", "Internet-facing virtual machines should be protected with network security groups", "High", "network", []string{typeVM}, 0.1, false},
		{"storage-network", "2a1a9cdf-e04d-429a-8416-3bfb72a1b26f", "Storage accounts should restrict network access using virtual network rules", "Medium", "network", []string{typeStorage}, 0.45, false},
		{"kv-firewall", "52f7826a-ace7-3107-dd0d-4875853c1576", "Azure Key Vault should have firewall enabled", "Medium", "network", []string{typeVault}, 0.5, false},
		{"aks-limits", "405c9ae6-49f9-46c4-8873-a86690f27818", "Container CPU and memory limits should be enforced", "Medium", "config", []string{typeCluster}, 0.5, false},
		{"vm-baseline", "181ac480-f7c4-544b-9865-11b8ffe87f47", "Machines should be configured securely", "Low", "config", []string{typeVM}, 0.55, false},
		{"sql-vulns", "82e20e14-edc5-4373-bfc4-f13121257c37", "SQL databases should have vulnerability findings resolved", "High", "config", []string{typeDatabase}, 0.3, false},
		{"adaptive", "35f45c95-27cf-4e52-891f-8390d1de5828", "Adaptive application controls for defining safe applications should be enabled on your machines", "High", "adaptive", []string{typeVM}, 0.5, false},
		{"ddos", "e3de1cc0-f4dd-3b34-e496-8b5381ba2d70", "Azure DDoS Protection Standard should be enabled", "Medium", "ddos", []string{typeNet}, 0.8, false},
		{"sql-audit", "94208a8b-16e8-4e5b-abbd-4e81c9d02bee", "Auditing on SQL server should be enabled", "Low", "logging", []string{typeSQL}, 0.25, false},
		{"kv-logs", "88bbc99c-e5af-ddd7-6105-6150b2bfa519", "Diagnostic logs in Key Vault should be enabled", "Low", "logging", []string{typeVault}, 0.35, false},
		{"kv-purge", "4ed62ae4-5072-f9e7-8d94-51c76c48159a", "Key vaults should have purge protection enabled", "Medium", "best", []string{typeVault}, 0.3, false},
		{"contact", "151e82c5-5341-a74b-1eb0-bc38d2c84bb5", "Subscriptions should have a contact email address for security issues", "Low", "best", []string{forSubscription}, 0.35, false},
		{"vm-secrets", "e7ee30c4-bac9-2966-54bd-2023a4282872", "[Preview]: Machines should have secrets findings resolved", "High", "vulns", []string{typeVM}, 0.3, true},
		{"storage-keys", "b43dd6c0-3a2b-4a3f-9c6e-8e9bd6a5a712", "[Preview]: Storage accounts should prevent shared key access", "Medium", "access", []string{typeStorage}, 0.8, true},
		{"no-control", "c9c2f4b1-6e0d-4f8f-8a53-3a1d7f5e2b13", "Microsoft Defender for Storage should be enabled", "High", "", []string{forSubscription}, 0.6, false},
	}
	standardDefs = []standardDef{
		{"Microsoft-cloud-security-benchmark", []standardControl{
			{"NS.1", "Establish network segmentation boundaries", []string{"nsg-vm"}},
			{"NS.2", "Secure cloud services with network controls", []string{"storage-network", "kv-firewall"}},
			{"NS.5", "Deploy DDoS protection", []string{"ddos"}},
			{"IM.6", "Use strong authentication controls", []string{"mfa-owner", "mfa-write"}},
			{"PA.1", "Separate and limit highly privileged/administrative users", []string{"owners-max"}},
			{"DP.3", "Encrypt sensitive data in transit", []string{"https-storage", "https-web", "redis-ssl"}},
			{"DP.4", "Enable data at rest encryption by default", []string{"host-crypt", "tde"}},
			{"LT.3", "Enable logging for security investigation", []string{"kv-logs", "sql-audit"}},
			{"PV.5", "Perform vulnerability assessments", []string{"vm-vulns", "acr-vulns", "sql-vulns"}},
			{"GS.3", "Define and implement data protection strategy", nil},
			{"IR.6", "Containment, eradication and recovery - automate the incident handling", nil},
		}},
		{"CIS-Azure-Foundations-v2.0.0", []standardControl{
			{"1.1.2", "Ensure that 'Multi-Factor Auth Status' is 'Enabled' for all Privileged Users", []string{"mfa-owner"}},
			{"1.5", "Ensure Guest Users Are Reviewed on a Regular Basis", nil},
			{"2.1.19", "Ensure 'Additional email addresses' is Configured with a Security Contact Email", []string{"contact"}},
			{"3.1", "Ensure that 'Secure transfer required' is set to 'Enabled'", []string{"https-storage"}},
			{"3.8", "Ensure Default Network Access Rule for Storage Accounts is Set to Deny", []string{"storage-network"}},
			{"4.1.1", "Ensure that 'Auditing' is set to 'On'", []string{"sql-audit"}},
			{"4.1.5", "Ensure that 'Data encryption' is set to 'On' on a SQL Database", []string{"tde"}},
			{"5.1.5", "Ensure that logging for Azure Key Vault is 'Enabled'", []string{"kv-logs"}},
			{"7.4", "Ensure that 'Unattached disks' are encrypted with 'Customer Managed Key' (CMK)", nil},
			{"8.5", "Ensure the Key Vault is Recoverable", []string{"kv-purge"}},
			{"9.2", "Ensure Web App Redirects All HTTP traffic to HTTPS in Azure App Service", []string{"https-web"}},
		}},
		{"ISO-27001-2013", []standardControl{
			{"A.6.1.2", "Segregation of duties", []string{"owners-max"}},
			{"A.9.4.2", "Secure log-on procedures", []string{"mfa-owner", "mfa-write"}},
			{"A.10.1.1", "Policy on the use of cryptographic controls", []string{"https-storage", "https-web", "tde", "redis-ssl"}},
			{"A.11.1.1", "Physical security perimeter", nil},
			{"A.12.4.1", "Event logging", []string{"kv-logs", "sql-audit"}},
			{"A.12.6.1", "Management of technical vulnerabilities", []string{"vm-vulns", "sql-vulns"}},
		}},
		{"PCI-DSS-4", []standardControl{
			{"1.3", "Network access to and from the cardholder data environment is restricted", []string{"nsg-vm", "kv-firewall"}},
			{"3.5", "Primary account number (PAN) is secured wherever it is stored", []string{"host-crypt", "tde"}},
			{"4.2", "PAN is protected with strong cryptography during transmission", []string{"https-web", "redis-ssl"}},
			{"9.1", "Processes for restricting physical access are defined and understood", nil},
		}},
	}
)
