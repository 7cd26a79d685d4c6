package app

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/api"
	"fresnel/internal/cost"
	"fresnel/internal/findings"
	"fresnel/internal/identity"
	"fresnel/internal/web"
)

// newHandler puts pages, API and metrics on one mux behind the cache and the
// edge.
func (a *App) newHandler(every time.Duration) (http.Handler, error) {
	mux := http.NewServeMux()
	rest := api.Register(mux, api.Service{
		Reports: a.reports, Inventory: a.inventory, Compliance: a.compliance, Identity: a.identity, Names: a.names, Findings: a.findings(), Tenants: a.db.Tenants(), Runs: a.db.Runs(), Sync: a.syncer, Now: a.now,
		Version: a.opt.Version, Log: a.log, Database: a.db.Ping, Azure: a.azure.Reachable,
	})
	web.Routes(mux, web.Service{
		Reports: a.reports, Inventory: a.inventory, Compliance: a.compliance, Identity: a.identity, Names: a.names, Findings: a.findings(), Tenants: a.db.Tenants(), Runs: a.db.Runs(), Sync: a.syncer, Now: a.now,
		SyncEvery: every, Notice: a.opt.Notice, Dev: a.cfg.Dev, Log: a.log, Subscribe: a.watch.Subscribe, Docs: api.Docs(rest),
	})
	mux.Handle("GET /metrics", a.metrics.Handler())
	scope := a.opt.Scope
	if scope == nil {
		scope = func(*http.Request) fresnel.Scope { return fresnel.AllTenants() }
	}
	edge := web.Edge{Scope: scope, Log: a.log, Observed: a.metrics.HTTP, Refuse: api.Refuse}
	return edge.Wrap(a.cache.Wrap(mux, a.cacheKey)), nil
}

// findings are those of every domain.
func (a *App) findings() findings.Reports {
	rules := []findings.Rule{{ID: cost.RuleAnomaly, Domain: "costs", Title: "Unusual cost"}}
	for _, r := range a.inventory.Rules {
		rules = append(rules, findings.Rule{ID: r.ID, Domain: "resources", Title: r.Title})
	}
	for _, r := range identity.Rules() {
		rules = append(rules, findings.Rule{ID: r.ID, Domain: "identity", Title: r.Title})
	}
	return findings.Reports{Reader: a.db.Findings(), Writer: a.db.Findings(), Subscriptions: a.db.Tenants(), Rules: rules, Now: a.now}
}

// cacheKey names everything that a cached answer depends on. Answers that
// change without the data's generation have no key.
func (a *App) cacheKey(r *http.Request) (string, bool) {
	path := r.URL.Path
	switch {
	case path == "/", path == "/costs", path == "/partials/cost-summary-card", path == "/partials/cost-chart",
		path == "/partials/cost-breakdown", path == "/partials/cost-anomalies",
		path == "/partials/cost-forecast-card", path == "/partials/cost-budgets-card", path == "/partials/cost-movement",
		path == "/costs/anomalies", path == "/costs/restated",
		path == "/resources", strings.HasPrefix(path, "/resources/"), path == "/partials/resource-table", path == "/partials/resource-summary", path == "/partials/waste-summary":
	case strings.Contains(path, "/compliance/policies/"): // a path for each policy: too many names for metrics
		return "", false
	case path == "/compliance", strings.HasPrefix(path, "/compliance/"), strings.HasPrefix(path, "/partials/compliance-"):
	case strings.Contains(r.URL.RawQuery, "names"), path == "/api/v1/identity/names": // names of people are kept nowhere
		return "", false
	case path == "/identity", strings.HasPrefix(path, "/partials/identity-"):
	case strings.HasSuffix(path, ".csv"): // streamed: it may be larger than memory
		return "", false
	case strings.HasPrefix(path, "/api/v1/costs/") && strings.Count(path, "/") == 4, path == "/api/v1/tenants",
		path == "/api/v1/resources", strings.HasPrefix(path, "/api/v1/resources/"), strings.HasPrefix(path, "/api/v1/compliance/"), strings.HasPrefix(path, "/api/v1/identity/"):
	default:
		return "", false
	}
	if len(r.URL.RawQuery) > 4096 {
		return "", false
	}
	var b strings.Builder
	b.Grow(len(path) + len(r.URL.RawQuery) + 64)
	b.WriteString(path)
	b.WriteByte('?')
	b.WriteString(sorted(r.URL.RawQuery))
	b.WriteByte(0)
	b.WriteString(fresnel.ScopeFrom(r.Context()).Key())
	b.WriteByte(0)
	b.WriteString(strconv.FormatInt(a.db.Generation(), 10))
	b.WriteByte(0)
	b.WriteString(strconv.Itoa(int(fresnel.DayOf(a.now())))) // exceptions end with a day
	if !strings.HasPrefix(path, "/api/") {
		if c, err := r.Cookie("theme"); err == nil && len(c.Value) < 16 {
			b.WriteByte(0)
			b.WriteString(c.Value)
		}
	}
	return b.String(), true
}

// sorted is the query with its words in order, values of one word as they stand.
func sorted(raw string) string {
	if !strings.Contains(raw, "&") {
		return raw
	}
	v, err := url.ParseQuery(raw)
	if err != nil {
		return raw
	}
	return v.Encode()
}
