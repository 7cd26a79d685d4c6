// Package web serves the pages and their partials: it reads the query, asks
// the domains, and hands view models to internal/web/page.
//
// It computes no figure and knows no SQL and no Azure. What every request goes
// through is in middleware.go.
package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/cost"
	"fresnel/internal/findings"
	"fresnel/internal/identity"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

// Tenants lists what is registered.
type Tenants interface {
	List(ctx context.Context, s fresnel.Scope) ([]fresnel.Tenant, error)
	SubscriptionsByID(ctx context.Context, s fresnel.Scope, ids []string) (map[string]fresnel.Subscription, error)
}

// Runs lists sync runs.
type Runs interface {
	List(ctx context.Context, s fresnel.Scope, job string, open bool, before int64, limit int) ([]fresnel.Run, error)
	Latest(ctx context.Context, s fresnel.Scope, job string) ([]fresnel.Run, error)
}

// Trigger starts syncs. It fails with NotFound on an unknown job and with
// Conflict where every tenant has a run under way.
type Trigger interface {
	Trigger(ctx context.Context, job string, tenants []fresnel.TenantID) (runs []int64, busy int, err error)
}

// Event is a change that open pages are told of.
type Event struct {
	Data bool          // what readers see has changed
	Runs []fresnel.Run // the open runs
}

// Service is what the pages need.
type Service struct {
	Reports    cost.Reports
	Inventory  inventory.Reports
	Compliance compliance.Reports
	Identity   identity.Reports
	Names      *identity.Names // nil = no names
	Findings   findings.Reports
	Tenants    Tenants
	Runs       Runs
	Sync       Trigger
	Now        func() time.Time
	SyncEvery  time.Duration
	Notice     string // printed on every page
	Dev        bool   // serve the gallery of states
	Docs       page.Docs
	Log        *slog.Logger
	// Subscribe gives events of a scope until done is called.
	Subscribe func(s fresnel.Scope) (events <-chan Event, done func())
}

// Routes adds the pages to a mux.
func Routes(mux *http.ServeMux, s Service) {
	h := handlers{s}
	mux.Handle("GET "+ui.Prefix, ui.Static())
	mux.HandleFunc("GET /{$}", h.page("Overview", page.PathOverview, h.overview))
	mux.HandleFunc("GET /costs", h.page("Costs", page.PathCosts, h.costs))
	mux.HandleFunc("GET "+page.PathAnomalies, h.page("Anomalies", page.PathAnomalies, h.anomalies))
	mux.HandleFunc("POST "+page.PathAnomalies+"/{id}/verdict", h.judge)
	mux.HandleFunc("GET "+page.PathBudgets, h.page("Budgets", page.PathBudgets, h.budgets))
	mux.HandleFunc("POST "+page.PathBudgets, h.keepBudget)
	mux.HandleFunc("POST "+page.PathBudgets+"/{id}", h.keepBudget)
	mux.HandleFunc("POST "+page.PathBudgets+"/{id}/delete", h.deleteBudget)
	mux.HandleFunc("GET "+page.PathRestated, h.page("Restated days", page.PathRestated, h.restated))
	mux.HandleFunc("GET "+page.PathResources, h.page("Resources", page.PathResources, h.resources))
	mux.HandleFunc("GET "+page.PathResource, h.page("Resource", page.PathResource, h.resource))
	mux.HandleFunc("GET "+page.PathWaste, h.page("Waste", page.PathWaste, h.waste))
	mux.HandleFunc("POST "+page.PathWaste+"/{id}/verdict", h.judgeWaste)
	mux.HandleFunc("GET "+page.PathTags, h.page("Tags", page.PathTags, h.tags))
	mux.HandleFunc("GET "+page.PathChanges, h.page("Changes", page.PathChanges, h.changes))
	mux.HandleFunc("GET "+page.PathCompliance, h.page("Compliance", page.PathCompliance, h.compliance))
	mux.HandleFunc("GET "+page.PathPolicies+"/{id}", h.compliancePolicy)
	mux.HandleFunc("GET "+page.PathNonCompliant, h.page("Non-compliant resources", page.PathNonCompliant, h.nonCompliant))
	mux.HandleFunc("GET "+page.PathDrift, h.page("Drift", page.PathDrift, h.drift))
	mux.HandleFunc("POST "+page.PathBaselines, h.setBaseline)
	mux.HandleFunc("POST "+page.PathBaselines+"/delete", h.dropBaseline)
	mux.HandleFunc("GET "+page.PathExemptions, h.page("Exemptions", page.PathExemptions, h.exemptions))
	mux.HandleFunc("GET "+page.PathSecureScore, h.page("Secure score", page.PathSecureScore, h.secureScore))
	mux.HandleFunc("GET "+page.PathFrameworks, h.page("Frameworks", page.PathFrameworks, h.frameworks))
	mux.HandleFunc("GET "+page.PathFramework, h.page("Framework", page.PathFramework, h.framework))
	mux.HandleFunc("GET "+page.PathIdentity, h.page("Identity", page.PathIdentity, h.identity))
	mux.HandleFunc("POST "+page.PathIdentityFound+"/{id}/verdict", h.judgeIdentity)
	mux.HandleFunc("GET /sync", h.page("Sync status", page.PathSync, h.syncPage))
	mux.HandleFunc("GET /docs", h.page("REST API", page.PathDocs, h.docs))
	mux.HandleFunc("POST /sync/{job}", h.startSync)
	mux.HandleFunc("GET /events", h.events)

	mux.HandleFunc("GET /partials/cost-summary-card", h.partial("cost-summary-card", "Cost", h.costSummaryCard))
	mux.HandleFunc("GET /partials/cost-chart", h.partial("cost-chart", "Daily cost", h.costChart))
	mux.HandleFunc("GET /partials/cost-breakdown", h.partial("cost-breakdown", "Breakdown", h.costBreakdown))
	mux.HandleFunc("GET /partials/cost-forecast-card", h.partial("cost-forecast-card", "Forecast, end of month", h.costForecastCard))
	mux.HandleFunc("GET /partials/cost-budgets-card", h.partial("cost-budgets-card", "Budgets this month", h.costBudgetsCard))
	mux.HandleFunc("GET /partials/cost-movement", h.partial("cost-movement", "What moved", h.costMovement))
	mux.HandleFunc("GET /partials/cost-anomalies", h.partial("cost-anomalies", "Cost anomalies", h.costAnomalies))
	mux.HandleFunc("GET /partials/resource-table", h.partial("resource-table", "Resources", h.resourceTable))
	mux.HandleFunc("GET /partials/resource-types", h.partial("resource-types", "By type", h.resourceTypes))
	mux.HandleFunc("GET /partials/resource-summary", h.partial("resource-summary", "Resources", h.resourceSummary))
	mux.HandleFunc("GET /partials/waste-summary", h.partial("waste-summary", "Waste", h.wasteSummary))
	mux.HandleFunc("GET /partials/resource-changes", h.partial("resource-changes", "Changes", h.changeTable))
	for i, t := range tagTables {
		mux.HandleFunc("GET /partials/"+t.id, h.partial(t.id, t.title, h.tagPartial(i)))
	}
	mux.HandleFunc("GET /partials/compliance-gauge", h.partial("compliance-gauge", "Compliance by tenant", h.complianceGauge))
	mux.HandleFunc("GET /partials/compliance-score", h.partial("compliance-score", "Overall score", h.complianceScore))
	mux.HandleFunc("GET /partials/compliance-card", h.partial("compliance-card", "Policy compliance", h.complianceCard))
	mux.HandleFunc("GET /partials/compliance-policies", h.partial("compliance-policies", "Policies", h.compliancePolicies))
	mux.HandleFunc("GET /partials/compliance-resources", h.partial("compliance-resources", "Non-compliant resources", h.complianceResources))
	mux.HandleFunc("GET /partials/compliance-failing", h.partial("compliance-failing", "Resources that fail it", h.policyResources))
	mux.HandleFunc("GET /partials/compliance-drift", h.partial("compliance-drift", "What changed", h.complianceDrift))
	mux.HandleFunc("GET /partials/compliance-exemptions", h.partial("compliance-exemptions", "Exemptions", h.complianceExemptions))
	mux.HandleFunc("GET /partials/compliance-secure", h.partial("compliance-secure", "Secure score", h.complianceSecure))
	mux.HandleFunc("GET /partials/compliance-frameworks", h.partial("compliance-frameworks", "Frameworks", h.complianceFrameworks))
	mux.HandleFunc("GET /partials/compliance-framework", h.partial("compliance-framework", "Controls", h.complianceFramework))
	mux.HandleFunc("GET /partials/identity-stats", h.partial("identity-stats", "By tenant", h.identityStats))
	mux.HandleFunc("GET /partials/identity-gaps", h.partial("identity-gaps", "What we cannot see", h.identityGaps))
	mux.HandleFunc("GET /partials/identity-trend", h.partial("identity-trend", "Last 30 days", h.identityTrend))
	mux.HandleFunc("GET /partials/identity-list", h.partial("identity-list", "Accounts", h.identityList))
	mux.HandleFunc("GET /partials/identity-rules", h.partial("identity-rules", "Findings by rule", h.identityRules))
	mux.HandleFunc("GET /partials/identity-card", h.partial("identity-card", "Identity risk", h.identityCard))
	mux.HandleFunc("GET /partials/resource-drawer", h.resourceDrawer)
	mux.HandleFunc("GET /partials/resource-names", h.resourceNames)
	mux.HandleFunc("GET /partials/sync-freshness", h.partial("sync-freshness", "Sync freshness", h.syncFreshness))
	mux.HandleFunc("GET /partials/sync-jobs", h.partial("sync-jobs", "Jobs", h.syncJobs))

	if s.Dev {
		mux.HandleFunc("GET /dev/states", h.page("Card states", page.PathStates, h.states(page.PathStates)))
		mux.HandleFunc("GET "+page.PathResourceStates, h.page("Card states of resources", page.PathStates, h.states(page.PathResourceStates)))
		mux.HandleFunc("GET "+page.PathIdentityStates, h.page("Card states of identity", page.PathStates, h.states(page.PathIdentityStates)))
		mux.HandleFunc("GET "+page.PathJudgedStates, h.page("Card states of compliance", page.PathStates, h.states(page.PathJudgedStates)))
	}
	mux.HandleFunc("/", h.page("Not found", "", func(context.Context, *request) (view, error) {
		return nil, fresnel.Errorf(fresnel.NotFound, "There is no such page.")
	}))
}

type handlers struct{ Service }

// view renders a page inside its shell.
type view func(page.Shell) templ.Component

// page serves a whole page.
func (h handlers) page(title, path string, f func(context.Context, *request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		q, err := h.read(r)
		var v view
		if err == nil {
			v, err = f(ctx, q)
		}
		s := h.shell(ctx, title, path, q)
		q.keepOut(w)
		w.Header()["Cross-Origin-Opener-Policy"] = sameOrigin // of windows, which only a page is
		status := http.StatusOK
		if err != nil {
			p := h.problem(ctx, err, r.URL.RequestURI())
			status = p.Status
			v = func(s page.Shell) templ.Component { s.Title = p.Title; return page.ErrorPage(s, p) }
		}
		h.render(ctx, w, status, v(s))
	}
}

// partial serves one region.
func (h handlers) partial(id, heading string, f func(context.Context, *request) (templ.Component, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		q, err := h.read(r)
		var c templ.Component
		if err == nil {
			c, err = f(ctx, q)
		}
		q.keepOut(w)
		if err != nil {
			p := h.problem(ctx, err, r.URL.RequestURI())
			h.render(ctx, w, p.Status, page.ErrorPanel(id, heading, p))
			return
		}
		h.render(ctx, w, http.StatusOK, c)
	}
}

// render makes the whole body before the status is sent.
func (h handlers) render(ctx context.Context, w http.ResponseWriter, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(ctx, &b); err != nil {
		h.Log.ErrorContext(ctx, "page not rendered", "req", fresnel.RequestID(ctx), "err", err)
		http.Error(w, "internal error, request "+fresnel.RequestID(ctx), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "HX-Request, HX-Request-Type, Cookie")
	if status != http.StatusOK {
		w.Header().Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client may be gone
}

// problem words an error for people; internal ones are logged.
func (h handlers) problem(ctx context.Context, err error, retry string) page.Problem {
	p := page.Problem{Status: statusOf(err), RequestID: fresnel.RequestID(ctx), RetryURL: retry}
	p.Cause, p.Do = fresnel.Reason(err)
	switch p.Status {
	case http.StatusNotFound:
		p.Title, p.RetryURL = "Not found", ""
		if p.Do == "" {
			p.Do = "It does not exist, or your role does not include it."
		}
	case http.StatusForbidden:
		p.Title = "Your role cannot see this"
	case http.StatusInternalServerError:
		p.Title, p.Cause, p.Do = "This could not be loaded", "The server met an error that it did not expect.", "Try again; the log has more under the request id."
		if ctx.Err() == nil {
			h.Log.ErrorContext(ctx, "request failed", "req", fresnel.RequestID(ctx), "err", err)
		}
	default:
		p.Title = "This could not be loaded"
	}
	return p
}

// statusOf is the HTTP status of an error on a page.
func statusOf(err error) int {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return http.StatusServiceUnavailable
	}
	switch fresnel.KindOf(err) {
	case fresnel.NotFound:
		return http.StatusNotFound
	case fresnel.Invalid:
		return http.StatusUnprocessableEntity
	case fresnel.Denied:
		return http.StatusForbidden
	case fresnel.Conflict:
		return http.StatusConflict
	case fresnel.Unavailable, fresnel.Unsupported:
		return http.StatusServiceUnavailable
	case fresnel.Internal:
	}
	return http.StatusInternalServerError
}

// shell fills what surrounds every page.
func (h handlers) shell(ctx context.Context, title, path string, q *request) page.Shell {
	s := page.Shell{
		Title: title, Path: path, Query: q.query, Theme: q.theme, Now: q.now, Notes: q.notes, Badge: h.Notice, Live: true,
	}
	chosen := map[fresnel.TenantID]bool{}
	for _, id := range q.chosen {
		chosen[id] = true
	}
	for _, t := range q.tenants {
		s.Tenants = append(s.Tenants, page.TenantOption{ID: string(t.ID), Name: t.Name, Chosen: chosen[t.ID]})
	}
	if p := q.ask.Period; p.Days() > 0 && len(q.tenants) > 0 && slices.Contains([]string{page.PathOverview, page.PathCosts, page.PathAnomalies, page.PathRestated, page.PathChanges}, path) {
		s.From, s.To = p.From.Time(), (p.To - 1).Time()
	}
	if path == page.PathSync {
		s.Sub = "What was read from Azure, when, and what failed"
	}
	if len(q.tenants) == 0 {
		s.Sub = "No tenant is registered yet"
	}
	failing := map[fresnel.TenantID]bool{}
	for _, job := range jobs {
		latest, err := h.Runs.Latest(ctx, q.full, job)
		for _, r := range latest {
			if err == nil && bad(r) {
				failing[r.Tenant] = true
			}
		}
	}
	s.SyncFailing = len(failing)
	return s
}

func (h handlers) docs(context.Context, *request) (view, error) {
	return func(s page.Shell) templ.Component { s.Live = false; return page.DocsPage(s, h.Docs) }, nil
}

func (handlers) states(path string) func(context.Context, *request) (view, error) {
	return func(_ context.Context, q *request) (view, error) {
		return func(s page.Shell) templ.Component { s.Live = false; return page.StatesPage(s, q.now, path) }, nil
	}
}
