package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// describe serves the OpenAPI documents: 3.1, and 3.0.3 for tools that read no
// newer one (Azure API Management among them). They are made once, at the
// first request.
func describe(mux *http.ServeMux, a huma.API) {
	serve := func(path string, make func() ([]byte, error)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			doc, err := make()
			if err != nil {
				WriteProblem(w, Problem(r.Context(), err))
				return
			}
			w.Header().Set("Content-Type", "application/vnd.oai.openapi+json")
			_, _ = w.Write(doc) // the client may be gone
		})
	}
	serve("/openapi.json", a.OpenAPI().MarshalJSON)
	serve("/openapi-3.0.json", a.OpenAPI().Downgrade)
}
