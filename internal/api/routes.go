package api

import (
	"context"
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
	get(a, h, "/api/v1/costs/anomalies", "cost-anomalies", "Days that cost much more than before; metric is amortized unless given", h.costAnomalies)
	get(a, h, "/api/v1/costs/restated", "cost-restated", "Settled days whose cost changed afterwards", h.costRestated)

	huma.Register(a, huma.Operation{
		OperationID: "start-sync", Method: http.MethodPost, Path: "/api/v1/sync/{type}", Summary: "Start a sync", DefaultStatus: http.StatusAccepted,
		Errors: []int{404, 409, 422, 500, 503},
	}, func(ctx context.Context, in *syncInput) (*syncOutput, error) {
		out, err := h.startSync(ctx, in)
		return out, h.problem(ctx, err)
	})
	get(a, h, "/api/v1/sync/status", "sync-status", "Sync runs, newest first", h.syncStatus)

	get(a, h, "/health", "health", "Whether the program answers", h.health)
	get(a, h, "/health/detailed", "health-detailed", "Database, Azure and age of the data", h.healthDetailed)
}

// unrouted answers what no route does, as a problem document.
func unrouted(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	err := fresnel.Errorf(fresnel.NotFound, "there is no %.200s; /openapi.json lists what there is", r.URL.Path)
	p := Problem(r.Context(), err)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
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
