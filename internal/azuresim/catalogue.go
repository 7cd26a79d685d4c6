package azuresim

import "fmt"

// company is a fictional customer.
type company struct{ name, slug, land string }

// The word lists of the estate. They are tables: nothing writes to them.
var (
	// Any six neighbours in this circle bill in at least five currencies.
	companies = []company{
		{"Nordwind Logistik GmbH", "nordwind", "DE"},
		{"Fabrikam Retail Inc.", "fabrikam", "US"},
		{"Harrow & Finch Ltd", "harrowfinch", "GB"},
		{"Alpenquell Versicherung AG", "alpenquell", "CH"},
		{"Björkdal Skog AB", "bjorkdal", "SE"},
		{"Hafenstein Maschinenbau GmbH", "hafenstein", "DE"},
		{"Moulin Clair SA", "moulinclair", "FR"},
		{"Tailspin Aerospace LLC", "tailspin", "US"},
		{"Lumen & Vale Energy plc", "lumenvale", "GB"},
		{"Zürisee Treuhand AG", "zuerisee", "CH"},
		{"Norrsken Frakt AB", "norrsken", "SE"},
		{"Vantera Pharma BV", "vantera", "NL"},
		{"Rheinbogen Stadtwerke", "rheinbogen", "DE"},
		{"Woodgrove Bank", "woodgrove", "US"},
		{"Northgate Municipal Services", "northgate", "GB"},
		{"Graubach Präzision AG", "graubach", "CH"},
		{"Västerhamn Hamn AB", "vasterhamn", "SE"},
		{"Kestrel Mutual", "kestrel", "IE"},
		{"Weidenhof Kliniken gGmbH", "weidenhof", "DE"},
		{"Proseware Media", "proseware", "US"},
		{"Pellbrook Housing Trust", "pellbrook", "GB"},
		{"Seetal Energie AG", "seetal", "CH"},
		{"Granvik Papper AB", "granvik", "SE"},
		{"Sierra Blanca Foods", "sierrablanca", "ES"},
	}
	environments = []string{"prod", "dev", "test", "shared", "data", "staging", "sandbox", "platform", "dr", "lab"}
	apps         = []string{
		"web", "api", "erp", "crm", "data", "portal", "shop", "bi", "iot", "auth", "network",
		"backup", "monitoring", "ml", "mail", "billing",
	}
	locations = []string{"EU West", "EU North", "DE West Central", "CH North", "UK South", "US East", "SE Central"}
)

// service is an Azure service with the usual cost of a day, in US dollars, of one resource group, and
// the ARM type of its resources with the usual beginning of their names.
type service struct {
	name         string
	cost         float64
	kind, prefix string
}

// Services that more than a catalogue entry is made of.
const (
	serviceVM         = "Virtual Machines"
	serviceSupport    = "Azure Support"
	serviceLicence    = "Azure DevOps"
	serviceSaaS       = "SaaS"
	serviceImage      = "Virtual Machines Licenses" // software on machines, sold by others
	serviceDomain     = "Azure App Service Domains"
	serviceUnassigned = "Unassigned" // what belongs to no service
)

// ARM types of resources.
const (
	typeVM     = "Microsoft.Compute/virtualMachines"
	typeSaaS   = "Microsoft.SaaS/resources"
	typeDomain = "Microsoft.DomainRegistration/domains"
)

var knownServices = []service{
	{serviceVM, 62, typeVM, "vm"},
	{"Storage", 14, "Microsoft.Storage/storageAccounts", "st"},
	{"Azure SQL Database", 38, "Microsoft.Sql/servers", "sql"},
	{"Log Analytics", 11, "Microsoft.OperationalInsights/workspaces", "log"},
	{"Bandwidth", 4, "Microsoft.Network/publicIPAddresses", "pip"},
	{"Azure Kubernetes Service", 47, "Microsoft.ContainerService/managedClusters", "aks"},
	{"Azure App Service", 19, "Microsoft.Web/serverFarms", "asp"},
	{"Virtual Network", 5, "Microsoft.Network/virtualNetworks", "vnet"},
	{"Key Vault", 0.4, "Microsoft.KeyVault/vaults", "kv"},
	{"Azure Monitor", 3, "Microsoft.Insights/components", "appi"},
	{"Load Balancer", 2.2, "Microsoft.Network/loadBalancers", "lb"},
	{"Backup", 6, "Microsoft.RecoveryServices/vaults", "rsv"},
	{"Azure Cosmos DB", 29, "Microsoft.DocumentDB/databaseAccounts", "cosmos"},
	{"Redis Cache", 12, "Microsoft.Cache/redis", "redis"},
	{"Application Gateway", 9, "Microsoft.Network/applicationGateways", "agw"},
	{"Azure DNS", 0.12, "Microsoft.Network/dnsZones", "dns"},
	{"Container Registry", 1.7, "Microsoft.ContainerRegistry/registries", "cr"},
	{"Service Bus", 2.6, "Microsoft.ServiceBus/namespaces", "sb"},
	{"Event Hubs", 7, "Microsoft.EventHub/namespaces", "evh"},
	{"Functions", 0.9, "Microsoft.Web/sites", "func"},
	{"Azure Database for PostgreSQL", 24, "Microsoft.DBforPostgreSQL/flexibleServers", "psql"},
	{"Azure Firewall", 31, "Microsoft.Network/azureFirewalls", "afw"},
	{"VPN Gateway", 5.5, "Microsoft.Network/virtualNetworkGateways", "vpng"},
	{"Microsoft Defender for Cloud", 8, "Microsoft.Security/pricings", "pricing"},
	{"Azure Data Factory v2", 6, "Microsoft.DataFactory/factories", "adf"},
	{"Azure Databricks", 55, "Microsoft.Databricks/workspaces", "dbw"},
	{"Azure Cognitive Search", 10, "Microsoft.Search/searchServices", "srch"},
	{"API Management", 15, "Microsoft.ApiManagement/service", "apim"},
	{"Azure Front Door Service", 7.5, "Microsoft.Cdn/profiles", "afd"},
	{"Microsoft Entra Domain Services", 3.6, "Microsoft.AAD/domainServices", "aadds"},
}

// serviceCatalogue is the estate's services: the first n real names, and made-up ones beyond them.
// 0 means a realistic number.
func serviceCatalogue(n int) []service {
	if n == 0 {
		n = 24
	}
	list := knownServices[:min(n, len(knownServices)):min(n, len(knownServices))]
	for i := len(list); i < n; i++ {
		list = append(list, service{fmt.Sprintf("Marketplace Product %d", i), 1 + float64(i%17), typeSaaS, "saas"})
	}
	return list
}

// currencyOf is what a country's tenants bill in, mostly.
func currencyOf(land string) string {
	switch land {
	case "US":
		return "USD"
	case "GB":
		return "GBP"
	case "CH":
		return "CHF"
	case "SE":
		return "SEK"
	default:
		return "EUR"
	}
}

// dollars is the middle exchange rate of a currency: US dollars for one unit, in millionths.
func dollars(currency string) int64 {
	switch currency {
	case "EUR":
		return 1_082_000
	case "GBP":
		return 1_271_000
	case "CHF":
		return 1_134_000
	case "SEK":
		return 95_400
	default:
		return 1_000_000
	}
}
