package azuresim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// batchMost is how many requests a batch may have.
const batchMost = 20

// batchPart is a request of a batch.
type batchPart struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	DependsOn []string          `json:"dependsOn"`
	Body      json.RawMessage   `json:"body"`
}

// batchAnswer is what one request was answered.
type batchAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// batch answers POST /$batch: every part by itself, and throttled by itself. The answers are in another
// order than the requests.
func (g *identCall) batch() {
	var body struct {
		Requests []batchPart `json:"requests"`
	}
	if g.r.Method != http.MethodPost {
		g.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
		return
	}
	if err := json.NewDecoder(http.MaxBytesReader(g.w, g.r.Body, 1<<20)).Decode(&body); err != nil {
		g.fail(http.StatusBadRequest, "BadRequest", "Invalid batch payload format.")
		return
	}
	if message := checkBatch(body.Requests); message != "" {
		g.fail(http.StatusBadRequest, "BadRequest", message)
		return
	}
	done := map[string]int{}
	var answers []batchAnswer
	for _, p := range body.Requests {
		a := batchAnswer{ID: p.ID}
		if slices.ContainsFunc(p.DependsOn, func(id string) bool { return done[id] >= 400 }) {
			a.Status, a.Headers = http.StatusFailedDependency, map[string]string{"Content-Type": "application/json"}
			a.Body = json.RawMessage(`{"error":{"code":"FailedDependency","message":"A request that this one depends on failed."}}`)
		} else {
			a = g.part(p)
		}
		done[p.ID] = a.Status
		answers = append(answers, a)
	}
	slices.Reverse(answers)
	g.json(http.StatusOK, map[string]any{"responses": answers})
}

// checkBatch is what is wrong with a batch; "" if nothing is.
func checkBatch(parts []batchPart) string {
	if len(parts) > batchMost {
		return "Number of batch request steps exceeds the maximum value of 20."
	}
	seen := map[string]bool{}
	for _, p := range parts {
		switch {
		case p.ID == "" || p.Method == "" || p.URL == "":
			return "Invalid batch payload format: id, method and url are required."
		case seen[p.ID]:
			return "Request Id '" + p.ID + "' has already been used: ids must be unique."
		}
		for _, d := range p.DependsOn {
			if !seen[d] {
				return "Request '" + p.ID + "' depends on '" + d + "', which does not come before it."
			}
		}
		seen[p.ID] = true
	}
	return ""
}

// part answers a request of a batch, with the caller's token.
func (g *identCall) part(p batchPart) batchAnswer {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	rec.header.Set("x-ms-request-id", randomGUID())
	target := g.s.URL() + "/v1.0/" + strings.TrimPrefix(p.URL, "/")
	r, err := http.NewRequestWithContext(g.r.Context(), strings.ToUpper(p.Method), strings.ReplaceAll(target, " ", "%20"), strings.NewReader(string(p.Body)))
	if err != nil || strings.Contains(p.URL, "://") || strings.Contains(p.URL, "$batch") {
		return batchAnswer{ID: p.ID, Status: http.StatusBadRequest, Headers: map[string]string{}, Body: json.RawMessage(`{"error":{"code":"BadRequest","message":"The url of the request is not valid."}}`)}
	}
	for k, v := range p.Headers {
		r.Header.Set(k, v)
	}
	r.Header.Set("Authorization", g.r.Header.Get("Authorization"))
	c := &call{w: rec, r: r, at: g.at, api: apiMSGraph, tenant: g.tenant, list: true, continued: g.s.afterEmpty(queryValue(r, "$skiptoken"))}
	for seg := range strings.SplitSeq(r.URL.Path, "/") {
		if seg != "" {
			c.path = append(c.path, seg)
		}
	}
	if f := g.s.faults.strike(c); f == nil || !g.s.apply(f, c, g.s.answerIdentity) {
		g.s.answerIdentity(c)
	}
	a := batchAnswer{ID: p.ID, Status: rec.status, Headers: map[string]string{}}
	for k := range rec.header {
		a.Headers[k] = rec.header.Get(k)
	}
	if a.Body = rec.body.Bytes(); !json.Valid(a.Body) { // a plain number
		a.Body, _ = json.Marshal(rec.body.String())
	}
	return a
}
