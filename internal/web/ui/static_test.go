package ui_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fresnel/internal/web/ui"
)

func get(method, path, encoding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	ui.Static().ServeHTTP(w, r)
	return w
}

func TestStatic(t *testing.T) {
	for _, tt := range []struct{ name, accept, encoding, contentType string }{
		{"app.css", "", "", "text/css; charset=utf-8"},
		{"app.css", "gzip, deflate, br", "br", "text/css; charset=utf-8"},
		{"app.js", "gzip", "gzip", "text/javascript; charset=utf-8"},
		{"chart.js", "gzip, br;q=0", "gzip", "text/javascript; charset=utf-8"},
		{"icons.svg", "identity", "", "image/svg+xml"},
		{"inter-latin.woff2", "gzip, br", "", "font/woff2"},
	} {
		w := get(http.MethodGet, ui.Asset(tt.name), tt.accept)
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Encoding") != tt.encoding || h.Get("Content-Type") != tt.contentType || !strings.Contains(h.Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s with %q: %d %v, %d bytes", tt.name, tt.accept, w.Code, h, w.Body.Len())
		}
	}
}

func TestStaticRefuses(t *testing.T) {
	for _, path := range []string{"/static/", "/static/app.css", "/static/manifest.json", "/static/../static.go", ui.Asset("app.css") + ".br", "/"} {
		if w := get(http.MethodGet, path, ""); w.Code != http.StatusNotFound {
			t.Errorf("GET %s = %d, want 404", path, w.Code)
		}
	}
	if w := get(http.MethodPost, ui.Asset("app.css"), ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST = %d, want 405", w.Code)
	}
	if w := get(http.MethodHead, ui.Asset("app.css"), ""); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD = %d with %d bytes", w.Code, w.Body.Len())
	}
}

func TestAssetPanicsOnAMisspeltName(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	ui.Asset("ap.css")
}

func TestSparkline(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   string
	}{
		{[]float64{1}, ""},
		{[]float64{0, 0}, `d="M0 34L120 34"`},
		{[]float64{5, 5, 5}, `d="M0 2L60 2L120 2"`},
		{[]float64{-5, 5}, `d="M0 34L120 2"`},
	} {
		var b strings.Builder
		if err := ui.Sparkline(tt.values).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if (tt.want == "") != (b.Len() == 0) || !strings.Contains(b.String(), tt.want) {
			t.Errorf("Sparkline(%v) = %s, want %s", tt.values, b.String(), tt.want)
		}
	}
}
