package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"fresnel"
)

// routes is the whole table of the REST API.
func routes(a huma.API, h handlers) {
	get(a, h, "/api/v1/tenants", "list-tenants", "Tenants", h.tenants)
	get(a, h, "/api/v1/tenants/{id}/subscriptions", "list-subscriptions", "Subscriptions of a tenant", h.subscriptions)

	get(a, h, "/api/v1/costs/summary", "cost-summary", "Cost of a period, by billing currency and in USD", h.costSummary)
	get(a, h, "/api/v1/costs/by-tenant", "cost-by-tenant", "Cost by tenant", h.costBy(byTenant))
	get(a, h, "/api/v1/costs/by-subscription", "cost-by-subscription", "Cost by subscription", h.costBy(bySubscription))
	get(a, h, "/api/v1/costs/by-service", "cost-by-service", "Cost by Azure service", h.costBy(byService))
	get(a, h, "/api/v1/costs/by-resource-group", "cost-by-resource-group", "Cost by resource group", h.costBy(byGroup))
	get(a, h, "/api/v1/costs/trends", "cost-trends", "Cost over time", h.costTrends)
	get(a, h, "/api/v1/costs/by-charge-type", "cost-by-charge-type", "Cost by charge type: usage, purchases, refunds, unused commitments", h.costBy(byCharge))
	get(a, h, "/api/v1/costs/by-resource", "cost-by-resource", "Cost by resource; by whole months, of at most 20 tenants at a time", h.costBy(byResource))
	get(a, h, "/api/v1/costs/movement", "cost-movement", "What moved between two periods; the parts add up to the whole", h.costMovement)
	get(a, h, "/api/v1/costs/anomalies", "cost-anomalies", "Unusual changes of usage, open ones first", h.costAnomalies(h.Reports.Anomalies))
	get(a, h, "/api/v1/costs/anomalies/{id}", "cost-anomaly", "One unusual change", h.costAnomaly)
	write(a, h, http.MethodPost, "/api/v1/costs/anomalies/{id}/verdict", "judge-anomaly", "Say what an anomaly is: acknowledged, expected, or open again", h.judgeAnomaly)
	get(a, h, "/api/v1/costs/recurring", "cost-recurring", "Charges of a known day of the month: not raised as anomalies", h.costAnomalies(h.Reports.Recurring))
	get(a, h, "/api/v1/costs/daily-rises", "cost-daily-rises", "The plain rule: days more than 20 % above before; metric is amortized unless given", h.costRises)
	get(a, h, "/api/v1/costs/forecast", "cost-forecast", "Where the current month ends, with an 80 % range", h.costForecast)
	get(a, h, "/api/v1/costs/restated", "cost-restated", "Settled days whose cost changed afterwards", h.costRestated)
	get(a, h, "/api/v1/costs/budgets", "budgets", "Budgets of the current month: ours, and those that Azure has", h.budgets)
	write(a, h, http.MethodPost, "/api/v1/costs/budgets", "add-budget", "Make a budget", h.addBudget)
	write(a, h, http.MethodPut, "/api/v1/costs/budgets/{id}", "put-budget", "Change a budget", h.putBudget)
	write(a, h, http.MethodDelete, "/api/v1/costs/budgets/{id}", "delete-budget", "Delete a budget", h.deleteBudget)

	getCSV(a, h, "/api/v1/tenants", "tenants", "Tenants", h.tenantsCSV)
	getCSV(a, h, "/api/v1/costs/by-tenant", "cost-by-tenant", "Cost by tenant", h.costByCSV(byTenant))
	getCSV(a, h, "/api/v1/costs/by-subscription", "cost-by-subscription", "Cost by subscription", h.costByCSV(bySubscription))
	getCSV(a, h, "/api/v1/costs/by-service", "cost-by-service", "Cost by Azure service", h.costByCSV(byService))
	getCSV(a, h, "/api/v1/costs/by-resource-group", "cost-by-resource-group", "Cost by resource group", h.costByCSV(byGroup))
	getCSV(a, h, "/api/v1/costs/by-charge-type", "cost-by-charge-type", "Cost by charge type", h.costByCSV(byCharge))
	getCSV(a, h, "/api/v1/costs/by-resource", "cost-by-resource", "Cost by resource, of whole months", h.costByCSV(byResource))
	getCSV(a, h, "/api/v1/costs/trends", "cost-trends", "Cost over time, in CostUSD", h.trendCSV)
	getCSV(a, h, "/api/v1/costs/movement", "cost-movement", "What moved between two periods", h.movementCSV)
	getCSV(a, h, "/api/v1/costs/anomalies", "cost-anomalies", "Unusual changes of usage", h.anomaliesCSV(h.Reports.Anomalies))
	getCSV(a, h, "/api/v1/costs/recurring", "cost-recurring", "Charges of a known day of the month", h.anomaliesCSV(h.Reports.Recurring))
	getCSV(a, h, "/api/v1/costs/daily-rises", "cost-daily-rises", "Days more than 20 % above before", h.risesCSV)
	getCSV(a, h, "/api/v1/costs/restated", "cost-restated", "Settled days that changed, the newest 100 000", h.restatedCSV)
	getCSV(a, h, "/api/v1/costs/budgets", "budgets", "Budgets of the current month", h.budgetsCSV)
	getCSV(a, h, "/api/v1/costs/focus", "focus", "What is held, in the columns of FOCUS 1.0", h.focusCSV)

	get(a, h, "/api/v1/resources", "resources", "Resources of tenants, by name", h.resources)
	get(a, h, "/api/v1/resources/summary", "resource-summary", "How many resources of which type", h.resourceSummary)
	get(a, h, "/api/v1/resources/management-groups", "management-groups", "Management groups, as their subscriptions tell of them", h.managementGroups)
	getCSV(a, h, "/api/v1/resources/management-groups", "management-groups", "Management groups", h.managementGroupsCSV)
	get(a, h, "/api/v1/resources/facets", "resource-facets", "The names that resources can be selected by", h.facets)
	get(a, h, "/api/v1/resources/detail", "resource-detail", "One resource with its properties, cost and findings", h.resourceDetail)
	get(a, h, "/api/v1/resources/orphaned", "resources-orphaned", "Orphaned, idle and wasteful resources, with what they cost", h.orphaned)
	get(a, h, "/api/v1/resources/tagging", "resources-tagging", "How resources meet what is required of their tags, counted with each sync", h.tagging)
	getCSV(a, h, "/api/v1/resources/tagging", "resources-tagging", "How resources meet what is required of their tags", h.taggingCSV)
	get(a, h, "/api/v1/resources/changes", "resources-changes", "What happened to resources, when, and by whom", h.changes)
	getCSV(a, h, "/api/v1/resources/changes", "resources-changes", "What happened to resources", h.changesCSV)

	complianceRoutes(a, h)
	identityRoutes(a, h)

	get(a, h, "/api/v1/findings", "findings", "What rules of every domain found", h.findings)
	getCSV(a, h, "/api/v1/findings", "findings", "What rules of every domain found", h.findingsCSV)
	get(a, h, "/api/v1/exceptions", "exceptions", "What was said of findings, those that are over among them", h.exceptions)
	getCSV(a, h, "/api/v1/exceptions", "exceptions", "What was said of findings", h.exceptionsCSV)
	write(a, h, http.MethodPost, "/api/v1/exceptions", "put-exception", "Except all that a rule finds in a subscription, a resource group or a resource; of a rule of identity, about an account, an application, a credential, a group, a role or the tenant", h.except)
	write(a, h, http.MethodDelete, "/api/v1/exceptions/{id}", "end-exception", "Take an exception back", h.endException)
	write(a, h, http.MethodPost, "/api/v1/findings/{id}/verdict", "judge-finding", "Say what a finding of waste is: acknowledged, expected, or open again", h.judgeWaste)
	getCSV(a, h, "/api/v1/resources", "resources", "Resources of tenants", h.resourcesCSV)
	getCSV(a, h, "/api/v1/resources/orphaned", "resources-orphaned", "Orphaned, idle and wasteful resources", h.orphanedCSV)

	write(a, h, http.MethodPost, "/api/v1/sync/{type}", "start-sync", "Start a sync", h.startSync)
	get(a, h, "/api/v1/sync/status", "sync-status", "Sync runs, newest first", h.syncStatus)

	get(a, h, "/health", "health", "Whether the program answers", h.health)
	get(a, h, "/health/detailed", "health-detailed", "Database, Azure and age of the data", h.healthDetailed)
}

// complianceRoutes is the part of the table that tells of compliance.
func complianceRoutes(a huma.API, h handlers) {
	get(a, h, "/api/v1/compliance/scores", "compliance-scores", "How compliant tenants are: counts, Microsoft's share, the strict one, secure score", h.complianceScores)
	get(a, h, "/api/v1/compliance/policies", "compliance-policies", "Policies that are assigned, with what fails them", h.policies)
	get(a, h, "/api/v1/compliance/policies/{id}", "compliance-policy", "One policy, where it is assigned, and what mends its failures", h.policy)
	get(a, h, "/api/v1/compliance/non-compliant", "compliance-non-compliant", "Resources that do not comply, each with the policies that it fails", h.nonCompliant)
	get(a, h, "/api/v1/compliance/trends", "compliance-trends", "How compliance moved, by day", h.complianceTrends)
	get(a, h, "/api/v1/compliance/secure-score", "compliance-secure-score", "Secure score of Defender for Cloud, with its controls", h.secure)
	get(a, h, "/api/v1/compliance/exemptions", "compliance-exemptions", "What is exempt, and until when", h.exemptions)
	get(a, h, "/api/v1/compliance/frameworks", "compliance-frameworks", "Frameworks that are in use, by what became of their controls", h.frameworks)
	get(a, h, "/api/v1/compliance/frameworks/detail", "compliance-framework", "One framework with its controls", h.frameworkDetail)
	get(a, h, "/api/v1/compliance/drift", "compliance-drift", "What changed between two days, and why the score moved", h.drift)
	get(a, h, "/api/v1/compliance/baselines", "compliance-baselines", "Days with a name, to compare with", h.baselines)
	write(a, h, http.MethodPost, "/api/v1/compliance/baselines", "set-baseline", "Give a day a name", h.addBaseline)
	write(a, h, http.MethodDelete, "/api/v1/compliance/baselines/{name}", "delete-baseline", "Take a day's name away", h.deleteBaseline)

	getCSV(a, h, "/api/v1/compliance/scores", "compliance-scores", "How compliant tenants or subscriptions are", h.complianceScoresCSV)
	getCSV(a, h, "/api/v1/compliance/policies", "compliance-policies", "Policies that are assigned", h.policiesCSV)
	getCSV(a, h, "/api/v1/compliance/non-compliant", "compliance-non-compliant", "Resources that do not comply, by policy", h.nonCompliantCSV)
	getCSV(a, h, "/api/v1/compliance/trends", "compliance-trends", "How compliance moved, by day", h.complianceTrendsCSV)
	getCSV(a, h, "/api/v1/compliance/secure-score", "compliance-secure-score", "Controls of the secure score", h.secureCSV)
	getCSV(a, h, "/api/v1/compliance/exemptions", "compliance-exemptions", "What is exempt, and until when", h.exemptionsCSV)
	getCSV(a, h, "/api/v1/compliance/frameworks", "compliance-frameworks", "Frameworks that are in use", h.frameworksCSV)
	getCSV(a, h, "/api/v1/compliance/frameworks/detail", "compliance-framework", "Controls of one framework", h.frameworkDetailCSV)
	getCSV(a, h, "/api/v1/compliance/drift", "compliance-drift", "Failures that moved between two days", h.driftCSV)
}

// identityRoutes is the part of the table that tells of identity.
func identityRoutes(a huma.API, h handlers) {
	get(a, h, "/api/v1/identity/summary", "identity-summary", "Who is in tenants, and who holds power, by numbers", h.identitySummary)
	get(a, h, "/api/v1/identity/privileged", "identity-privileged", "Accounts that hold power, or may, with their roles", h.privileged)
	get(a, h, "/api/v1/identity/privileged/others", "identity-privileged-others", "Applications, managed identities and principals that are no more, with power", h.others)
	get(a, h, "/api/v1/identity/guests", "identity-guests", "Guests", h.guests)
	get(a, h, "/api/v1/identity/stale", "identity-stale", "Accounts that were not used for long, or never", h.stale)
	get(a, h, "/api/v1/identity/mfa", "identity-mfa", "People by whether they have registered a second factor; not whether it is asked for", h.mfa)
	get(a, h, "/api/v1/identity/credentials", "identity-credentials", "Credentials of applications, by their end", h.credentials)
	get(a, h, "/api/v1/identity/roles", "identity-roles", "Roles that somebody holds, with how many do", h.roles)
	get(a, h, "/api/v1/identity/trends", "identity-trends", "How the numbers moved, by day", h.identityTrends)
	get(a, h, "/api/v1/identity/names", "identity-names", "Names of accounts and groups, asked of Entra now and not kept; where whoever runs Fresnel allows it", h.names)

	getCSV(a, h, "/api/v1/identity/summary", "identity-summary", "Tenants by numbers", h.identitySummaryCSV)
	getCSV(a, h, "/api/v1/identity/privileged", "identity-privileged", "Accounts that hold power, or may, by role", h.privilegedCSV)
	getCSV(a, h, "/api/v1/identity/privileged/others", "identity-privileged-others", "Applications, managed identities and principals that are no more, by role", h.othersCSV)
	getCSV(a, h, "/api/v1/identity/guests", "identity-guests", "Guests", h.guestsCSV)
	getCSV(a, h, "/api/v1/identity/stale", "identity-stale", "Accounts that were not used for long, or never", h.staleCSV)
	getCSV(a, h, "/api/v1/identity/mfa", "identity-mfa", "People by whether they have registered a second factor", h.mfaCSV)
	getCSV(a, h, "/api/v1/identity/credentials", "identity-credentials", "Credentials of applications, by their end", h.credentialsCSV)
	getCSV(a, h, "/api/v1/identity/roles", "identity-roles", "Roles that somebody holds, with how many do", h.rolesCSV)
	getCSV(a, h, "/api/v1/identity/trends", "identity-trends", "How the numbers moved, by day", h.identityTrendsCSV)
}

// unrouted answers what no route does, as a problem document.
func unrouted(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	err := fresnel.Errorf(fresnel.NotFound, "there is no %.200s; /openapi.json lists what there is", r.URL.Path)
	p := Problem(r.Context(), err)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); method != r.Method && pattern != "/api/" && pattern != "" {
			w.Header().Set("Allow", method)
			p.Status, p.Title, p.Detail = http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed), "use "+method
		}
	}
	WriteProblem(w, p)
}

// Refuse answers a request that reaches no route with a problem document.
func Refuse(w http.ResponseWriter, r *http.Request, code int, detail, do string) {
	WriteProblem(w, &ProblemDoc{Title: http.StatusText(code), Status: code, Detail: detail, Do: do, RequestID: fresnel.RequestID(r.Context())})
}

// WriteProblem sends a problem document.
func WriteProblem(w http.ResponseWriter, p *ProblemDoc) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone
}
