// Package api is the REST surface: /api/v1, its OpenAPI documents, and the
// health endpoints.
//
// It turns requests into questions to the domains and answers into JSON. It
// computes no figure: what it prints comes from the same functions as the pages.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/cost"
	"fresnel/internal/findings"
	"fresnel/internal/identity"
	"fresnel/internal/inventory"
)

// Tenants lists what is registered.
type Tenants interface {
	List(ctx context.Context, s fresnel.Scope) ([]fresnel.Tenant, error)
	Subscriptions(ctx context.Context, s fresnel.Scope, afterName, afterID string, limit int) (subs []fresnel.Subscription, total int, err error)
	SubscriptionsByID(ctx context.Context, s fresnel.Scope, ids []string) (map[string]fresnel.Subscription, error)
}

// Runs lists sync runs.
type Runs interface {
	List(ctx context.Context, s fresnel.Scope, job string, open bool, before int64, limit int) ([]fresnel.Run, error)
}

// Trigger starts syncs.
type Trigger interface {
	// Trigger fails with NotFound on an unknown job, and with Conflict where
	// every tenant has a run under way.
	Trigger(ctx context.Context, job string, tenants []fresnel.TenantID) (runs []int64, busy int, err error)
}

// Service is what the API needs.
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
	Version    string
	Log        *slog.Logger
	// Database and Azure answer nil when they can be reached.
	Database func(context.Context) error
	Azure    func(context.Context) error
}

// Register adds the API's routes to a mux and gives its description.
func Register(mux *http.ServeMux, s Service) huma.API {
	cfg := huma.DefaultConfig("Fresnel", s.Version)
	cfg.Info.Description = "Cost, resources, compliance and identity of many Azure tenants. Answers are {\"data\", \"meta\"}; money is exact decimal text with its currency; errors are problem documents (RFC 9457)."
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil // no $schema in answers
	cfg.RejectUnknownQueryParameters = true
	a := humago.New(mux, cfg)
	h := handlers{s}
	a.UseMiddleware(refuseEmpty(a))
	routes(a, h)
	describe(mux, a)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) { unrouted(mux, w, r) })
	return a
}

// refuseEmpty refuses filters with an empty value among others: huma takes a
// word whose first value is empty for one that is not given, and the answer
// would be of everything. An empty value alone is a form's way to leave it out.
func refuseEmpty(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		u := c.URL()
		q := u.Query()
		for _, name := range []string{"tenant", "sub", "service", "charge_type", "category", "effect", "standing", "id"} {
			if len(q[name]) > 1 && slices.Contains(q[name], "") {
				_ = huma.WriteErr(a, c, http.StatusUnprocessableEntity, "one "+name+" of several is empty: leave it out") // the client may be gone
				return
			}
		}
		next(c)
	}
}

type handlers struct{ Service }

// get declares a GET operation. Errors of handlers become problem documents
// here and nowhere else.
func get[I, O any](a huma.API, h handlers, path, id, summary string, f func(context.Context, *I) (*O, error)) {
	op := huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Errors: []int{400, 404, 422, 500, 503}}
	if id == "identity-names" {
		op.Errors = append(op.Errors, http.StatusForbidden) // they may be switched off
	}
	huma.Register(a, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, in)
		return out, h.problem(ctx, err)
	})
}

// write declares an operation that changes something.
func write[I, O any](a huma.API, h handlers, method, path, id, summary string, f func(context.Context, *I) (*O, error)) {
	op := huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Errors: []int{400, 404, 409, 422, 500, 503}}
	if id == "start-sync" {
		op.DefaultStatus = http.StatusAccepted // it only begins
	}
	huma.Register(a, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, in)
		return out, h.problem(ctx, err)
	})
}

// problem turns a kind of error into a status and a problem document.
func (h handlers) problem(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	p := Problem(ctx, err)
	if p.Status == http.StatusInternalServerError && ctx.Err() == nil {
		h.Log.ErrorContext(ctx, "request failed", "req", fresnel.RequestID(ctx), "err", err)
	}
	return p
}

// ProblemDoc is an RFC 9457 problem document.
type ProblemDoc struct {
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Do        string `json:"do,omitempty" doc:"What to do about it"`
	RequestID string `json:"request_id,omitempty"`
}

// Error implements error.
func (p *ProblemDoc) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *ProblemDoc) GetStatus() int { return p.Status }

// ContentType makes huma send a problem document.
func (p *ProblemDoc) ContentType(string) string { return "application/problem+json" }

// Problem words an error for clients. The text of an internal error stays in
// the log.
func Problem(ctx context.Context, err error) *ProblemDoc {
	p := &ProblemDoc{Status: Status(err), RequestID: fresnel.RequestID(ctx)}
	p.Title = http.StatusText(p.Status)
	p.Detail, p.Do = fresnel.Reason(err)
	if p.Status == http.StatusInternalServerError {
		p.Do = "Look for the request id in the log."
	}
	return p
}

// Status is the HTTP status of an error.
func Status(err error) int {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return http.StatusServiceUnavailable
	}
	switch fresnel.KindOf(err) {
	case fresnel.NotFound:
		return http.StatusNotFound
	case fresnel.Invalid:
		return http.StatusBadRequest
	case fresnel.Denied:
		return http.StatusForbidden
	case fresnel.Conflict:
		return http.StatusConflict
	case fresnel.Unavailable, fresnel.Unsupported:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
