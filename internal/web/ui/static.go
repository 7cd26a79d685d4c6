package ui

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed static
var files embed.FS

// Prefix is the path under which Static expects to be mounted.
const Prefix = "/static/"

// manifest maps a source name ("app.css") to its hashed name, read once from the embedded manifest.
var manifest = sync.OnceValue(func() map[string]string {
	raw, err := files.ReadFile("static/manifest.json")
	if err != nil {
		panic(fmt.Sprintf("ui: read the asset manifest: %v", err)) // embedded at build time: cannot happen in a built program
	}
	names := map[string]string{}
	if err := json.Unmarshal(raw, &names); err != nil {
		panic(fmt.Sprintf("ui: parse the asset manifest: %v", err))
	}
	return names
})

// Asset returns the URL path of a built file, for example "/static/app.4475820e44.css" for "app.css". It panics for
// a name that was never built: that is a spelling mistake in a template, and rendering any page in a test finds it.
func Asset(name string) string {
	hashed, ok := manifest()[name]
	if !ok {
		panic(fmt.Sprintf("ui: no asset %q in the manifest", name))
	}
	return Prefix + hashed
}

var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// asset is one file as it is sent, with its compressed forms where they were built.
type asset struct {
	contentType   string
	plain, br, gz []byte
}

// Static serves the built files under Prefix by their hashed names: GET and HEAD only, cached for a year as
// immutable, in brotli or gzip where the client takes it. Any other path is a plain 404.
func Static() http.Handler {
	assets := map[string]asset{}
	for _, hashed := range manifest() {
		a := asset{contentType: contentTypes[path.Ext(hashed)]}
		a.plain, _ = fs.ReadFile(files, "static/"+hashed)
		a.br, _ = fs.ReadFile(files, "static/"+hashed+".br") // absent for fonts, which are compressed already
		a.gz, _ = fs.ReadFile(files, "static/"+hashed+".gz")
		assets[Prefix+hashed] = a
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.URL.Path]
		if !ok || len(a.plain) == 0 {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		serve(w, r, a)
	})
}

func serve(w http.ResponseWriter, r *http.Request, a asset) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	body := a.plain
	if len(a.br) > 0 || len(a.gz) > 0 {
		h.Set("Vary", "Accept-Encoding")
		br, gz := accepted(r.Header.Get("Accept-Encoding"))
		switch {
		case br && len(a.br) > 0:
			body = a.br
			h.Set("Content-Encoding", "br")
		case gz && len(a.gz) > 0:
			body = a.gz
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = bytes.NewReader(body).WriteTo(w) // the client went away: nothing to do
}

// accepted says whether an Accept-Encoding header takes brotli and gzip; q=0 is a refusal.
func accepted(header string) (br, gz bool) {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q="); ok {
			q, _ = strconv.ParseFloat(value, 64)
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "br":
			br = q > 0
		case "gzip":
			gz = q > 0
		}
	}
	return br, gz
}
