package page

import "net/url"

// Paths of the pages, partials and writes. Every address that a template prints is built here.
const (
	PathOverview       = "/"
	PathCosts          = "/costs"
	PathAnomalies      = "/costs/anomalies"
	PathBudgets        = "/costs/budgets"
	PathRestated       = "/costs/restated"
	PathResources      = "/resources"
	PathResource       = "/resources/detail" // with ?id=
	PathWaste          = "/resources/waste"
	PathTags           = "/resources/tags"
	PathChanges        = "/resources/changes"
	PathCompliance     = "/compliance"
	PathPolicies       = "/compliance/policies" // + "/" + the policy's number
	PathNonCompliant   = "/compliance/resources"
	PathDrift          = "/compliance/drift"
	PathBaselines      = "/compliance/baselines"
	PathExemptions     = "/compliance/exemptions"
	PathSecureScore    = "/compliance/secure-score"
	PathFrameworks     = "/compliance/frameworks"
	PathFramework      = "/compliance/frameworks/detail" // with ?source=&id=
	PathIdentity       = "/identity"
	PathIdentityFound  = "/identity/findings" // + "/" + the finding's number
	PathSync           = "/sync"
	PathStates         = "/dev/states"
	PathResourceStates = "/dev/states/resources"
	PathJudgedStates   = "/dev/states/compliance"
	PathIdentityStates = "/dev/states/identity"
	PathEvents         = "/events"    // the live stream
	PathPartials       = "/partials/" // + the id of the region
	PathAPI            = "/api/v1/"
	viewOverview       = "overview" // value of "view" on partials of the Overview
)

// The words of the query that have a closed set of values; the first is the default and never printed.
var (
	periods       = []string{"mtd", "last-month", "7d", "30d", "90d", "ytd"}
	comparisons   = []string{"prev", "prev-year", "none"}
	groups        = []string{"tenant", "service", "subscription", "resource-group", "resource", "charge-type"}
	granularities = []string{"daily", "monthly", "accumulated"}
	metrics       = []string{"actual", "amortized"}
	sorts         = []string{"-cost", "cost", "name", "-name", "share", "-share", "previous", "-previous", "change", "-change", "type", "first_seen", "changed_at", "non_compliant", "category", "score", "since", "policies", "risk", "idle", "created"}
	states        = []string{"all", "open", "acknowledged", "expected"}
)

// AllJobs stands for every job in SyncURL.
const AllJobs = "all"

// SyncURL is where a form posts to run a job now: of one tenant, or of all that the viewer may see when it is "".
func SyncURL(job, tenant string) string {
	path := PathSync + "/" + url.PathEscape(job)
	if tenant == "" {
		return path
	}
	return path + "?" + url.Values{"tenant": {tenant}}.Encode()
}

// is says whether value is the word, where "" means the first of words.
func is(value, word string, words []string) bool {
	return value == word || (value == "" && word == words[0])
}
