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

// service is an Azure service with the usual cost of a day, in US dollars, of one resource group.
type service struct {
	name string
	cost float64
}

const (
	serviceVM      = "Virtual Machines"
	serviceSupport = "Azure Support"
	serviceLicence = "Azure DevOps"
)

var knownServices = []service{
	{serviceVM, 62},
	{"Storage", 14},
	{"Azure SQL Database", 38},
	{"Log Analytics", 11},
	{"Bandwidth", 4},
	{"Azure Kubernetes Service", 47},
	{"Azure App Service", 19},
	{"Virtual Network", 5},
	{"Key Vault", 0.4},
	{"Azure Monitor", 3},
	{"Load Balancer", 2.2},
	{"Backup", 6},
	{"Azure Cosmos DB", 29},
	{"Redis Cache", 12},
	{"Application Gateway", 9},
	{"Azure DNS", 0.12},
	{"Container Registry", 1.7},
	{"Service Bus", 2.6},
	{"Event Hubs", 7},
	{"Functions", 0.9},
	{"Azure Database for PostgreSQL", 24},
	{"Azure Firewall", 31},
	{"VPN Gateway", 5.5},
	{"Microsoft Defender for Cloud", 8},
	{"Azure Data Factory v2", 6},
	{"Azure Databricks", 55},
	{"Azure Cognitive Search", 10},
	{"API Management", 15},
	{"Azure Front Door Service", 7.5},
	{"Microsoft Entra Domain Services", 3.6},
}

// serviceCatalogue is the estate's services: the first n real names, and made-up ones beyond them.
// 0 means a realistic number.
func serviceCatalogue(n int) []service {
	if n == 0 {
		n = 24
	}
	list := knownServices[:min(n, len(knownServices)):min(n, len(knownServices))]
	for i := len(list); i < n; i++ {
		list = append(list, service{fmt.Sprintf("Marketplace Product %d", i), 1 + float64(i%17)})
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
