package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"fresnel"
)

// Microsoft Graph tells of one tenant, to an application that its
// administrators have consented to. What it says of a failure may name people:
// of its errors only the code is kept.

const msScope = "https://graph.microsoft.com/.default"

// The buckets of Microsoft Graph, by the kinds of limits that it keeps.
const (
	msUnits       = "msgraph-units"       // resource units, of an application in a tenant
	msReports     = "msgraph-reports"     // requests, of an application in a tenant
	msConditional = "msgraph-conditional" // requests, of a tenant, by whomever
	// Lists with sign-ins have a limit of their own that nobody publishes: it is
	// kept by waiting where Graph asks to.
	msSignIns = "msgraph-signins"
)

// msCall is something that Graph is asked.
type msCall struct {
	path       string // after /v1.0, with the query
	link       string // instead: an address that Graph gave
	what       string // for people
	permission string
	family     string // the bucket; "" = msUnits
	units      int    // resource units; 0 = 1
}

// msgraph is Microsoft Graph of a tenant.
type msgraph struct {
	c    *Client
	t    fresnel.Tenant
	cred *credential
	pl   runtime.Pipeline
}

func (c *Client) msgraph(t fresnel.Tenant) (*msgraph, error) {
	cred, err := c.creds.graph(t)
	if err != nil {
		return nil, err
	}
	return &msgraph{c: c, t: t, cred: cred, pl: c.pipelineTo("msgraph", cred, msScope)}, nil
}

func (g *msgraph) buckets(call *msCall) []*bucket {
	l, owner := g.c.limits, string(g.t.ID)+"|"+g.app()
	switch call.family {
	case msReports:
		return []*bucket{l.bucket(msReports, owner, reportRules())}
	case msConditional:
		return []*bucket{l.bucket(msConditional, string(g.t.ID), conditionalRules())}
	case msSignIns:
		return []*bucket{l.bucket(msUnits, owner, unitRules()), l.bucket(msSignIns, g.app(), nil)}
	}
	return []*bucket{l.bucket(msUnits, owner, unitRules())}
}

// app is the client id of our application in the tenant.
func (g *msgraph) app() string {
	if g.t.Delegated() {
		return g.c.cfg.ClientID
	}
	return g.t.ClientID
}

// send asks once, as often as the pipeline repeats it, and reads the document.
func (g *msgraph) send(ctx context.Context, call *msCall, method, address string, body []byte, into any) error {
	ctx = withBuckets(ctx, max(1, call.units), g.buckets(call)...)
	req, err := runtime.NewRequest(ctx, method, address)
	if err != nil {
		return err
	}
	req.Raw().Header.Set("Accept", "application/json")
	req.Raw().Header.Set("x-ms-throttle-priority", "low")
	if body != nil {
		if err := req.SetBody(streaming.NopCloser(bytes.NewReader(body)), "application/json"); err != nil {
			return err
		}
	}
	resp, err := g.pl.Do(req)
	if err != nil {
		return transportError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, rerr := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if rerr != nil {
			said = nil // the status is known
		}
		return g.refused(call, resp.StatusCode, said, resp.Header.Get("request-id"))
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		var syntax *json.SyntaxError
		var shape *json.UnmarshalTypeError
		if errors.As(err, &syntax) || errors.As(err, &shape) || errors.Is(err, io.ErrUnexpectedEOF) {
			return &malformed{"not the JSON that was expected"} // its text could quote a value
		}
		return transportError(ctx, err)
	}
	return nil
}

func (g *msgraph) address(path string) string {
	return strings.TrimSuffix(g.c.cfg.GraphURL, "/") + "/v1.0" + path
}

// whole asks until the answer can be read.
func (g *msgraph) whole(ctx context.Context, call *msCall, ask func() error) error {
	for try := 1; ; try++ {
		err := ask()
		var bad *malformed
		switch {
		case !errors.As(err, &bad):
			return err
		case try == malformedTries:
			return graphBroken("Microsoft Graph's answer about "+call.what+" cannot be read: "+bad.why, bad)
		}
		if err := sleep(ctx, backoff(try)); err != nil {
			return err
		}
	}
}

// get reads one document, to which check has no objections.
func (g *msgraph) get(ctx context.Context, call *msCall, into any, check func() error) error {
	return g.whole(ctx, call, func() error {
		err := g.send(ctx, call, http.MethodGet, g.address(call.path), nil, into)
		if err == nil {
			err = check()
		}
		return err
	})
}

// msPage is a page of a list.
type msPage[W any] struct {
	Value *[]W   `json:"value"`
	Next  string `json:"@odata.nextLink"`
	Delta string `json:"@odata.deltaLink"`
}

// msPages reads a list page by page: no more than one is held. A row that one
// does not keep is left out; one that it finds malformed spoils the page, which
// is asked for again. delta is given the link to what will change, where there
// is one.
func msPages[W, T any](ctx context.Context, c *Client, t fresnel.Tenant, call msCall, delta *string, one func(*W) (T, bool, error)) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		g, err := c.msgraph(t)
		if err != nil {
			yield(nil, err)
			return
		}
		link := call.link
		if link == "" {
			link = g.address(call.path)
		}
		for range maxPages {
			var out []T
			var next, last string
			err := g.whole(ctx, &call, func() error {
				var page msPage[W]
				if err := g.send(ctx, &call, http.MethodGet, link, nil, &page); err != nil {
					return err
				}
				if page.Value == nil {
					return &malformed{"no value"}
				}
				rows := *page.Value
				out, next, last = make([]T, 0, len(rows)), page.Next, page.Delta
				for i := range rows {
					row, keep, err := one(&rows[i])
					if err != nil {
						return err
					}
					if keep {
						out = append(out, row)
					}
				}
				return nil
			})
			if err == nil && next != "" {
				link, err = linkAt(next, c.msURL, "the address of Microsoft Graph")
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if next == "" && delta != nil {
				*delta = last
			}
			if len(out) > 0 && !yield(out, nil) || next == "" {
				return
			}
		}
		yield(nil, graphBroken("Microsoft Graph's list of "+call.what+" does not end", nil))
	}
}

// msRows is a list row by row.
func msRows[W, T any](ctx context.Context, c *Client, t fresnel.Tenant, call msCall, one func(*W) (T, bool, error)) iter.Seq2[T, error] {
	return eachRow(msPages(ctx, c, t, call, nil, one))
}

func eachRow[T any](pages iter.Seq2[[]T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page, err := range pages {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// orElse is a list, or another one where the first is refused for some reason.
func orElse[T any](first iter.Seq2[T, error], refused func(error) bool, second iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		begun := false
		for row, err := range first {
			if err != nil && !begun && refused(err) {
				second(yield)
				return
			}
			begun = true
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// msRefusal is what Graph answered: only the code, as its text may name people.
type msRefusal struct {
	status    int
	code      string
	requestID string
}

func (r *msRefusal) Error() string {
	return fmt.Sprintf("azure: Microsoft Graph: %d %.80s, request %.40s", r.status, r.code, r.requestID)
}

const noP2 = "AadPremiumLicenseRequired"

func withoutP2(err error) bool {
	r, ok := errors.AsType[*msRefusal](err)
	return ok && r.code == noP2
}

// badQuery tells whether Graph does not take a query as it is.
func badQuery(err error) bool {
	r, ok := errors.AsType[*msRefusal](err)
	return ok && r.status == http.StatusBadRequest && r.code != noP2
}

// refused words an answer that is no success.
func (g *msgraph) refused(call *msCall, status int, body []byte, requestID string) error {
	var doc errorBody
	_ = json.Unmarshal(body, &doc) // a proxy's HTML page has no code
	code := doc.Error.Code
	e := &fresnel.Error{Kind: fresnel.Unavailable, Do: "Fresnel tries again with the next run. If it goes on, Graph has changed: report it.", Err: &msRefusal{status, code, requestID}}
	e.Msg = fmt.Sprintf("Microsoft Graph answered %d %.80s for %s of tenant %s", status, code, call.what, g.t.ID)
	consent := strings.TrimSuffix(g.c.cfg.AuthorityURL, "/") + "/" + string(g.t.ID) + "/adminconsent?client_id=" + g.app()
	switch {
	case status >= 500:
		e.Kind, e.Do = fresnel.Unavailable, "Azure is failing; Fresnel tries again by itself."
	case status == http.StatusGone, strings.EqualFold(code, "resyncRequired"), strings.EqualFold(code, "syncStateNotFound"):
		e.Kind, e.Do = fresnel.Conflict, "All are to be read anew."
	case code == "Authentication_RequestFromNonPremiumTenantOrB2CTenant":
		e.Kind, e.Msg = fresnel.Unsupported, "the tenant has no Entra ID P1: "+call.what+" are not told"
		e.Do = "A licence for Entra ID P1 makes them visible."
	case code == noP2:
		e.Kind, e.Msg = fresnel.Unsupported, "the tenant has no Entra ID P2: "+call.what+" are not told"
		e.Do = "A licence for Entra ID P2 makes them visible."
	case status == http.StatusForbidden:
		e.Kind, e.Msg = fresnel.Denied, "Microsoft Graph refuses "+call.what+" of tenant "+string(g.t.ID)+": the application permission "+call.permission+" is missing"
		e.Do = "Add it to Fresnel's app registration and have an administrator of the tenant consent at " + consent + ". It takes effect with the next token, within an hour or two."
	case status == http.StatusUnauthorized:
		e.Kind, e.Msg = fresnel.Denied, "Microsoft Graph does not accept Fresnel's app in tenant "+string(g.t.ID)
		e.Do = "Have an administrator of the tenant consent to the app at " + consent + "."
	case status == http.StatusNotFound:
		e.Kind = fresnel.NotFound
	case status == http.StatusTooManyRequests:
		e.Kind, e.Do = fresnel.Unavailable, "Azure asks to wait; Fresnel tries again by itself."
	}
	return e
}

// msBatch is how many requests a batch may have.
const msBatch = 20

// msAnswer is what a part of a batch was answered.
type msAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

type msPart struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	URL    string `json:"url"`
}

// batch gets at most msBatch documents in one request, in the order of their
// paths: 200 or 404. Any other answer to a part is the error of all; parts that
// Graph has no time for are asked for again.
func (g *msgraph) batch(ctx context.Context, call msCall, paths []string) ([]msAnswer, error) {
	out := make([]msAnswer, len(paths))
	todo := make([]int, len(paths))
	for i := range todo {
		todo[i] = i
	}
	for try, throttled := 1, 0; len(todo) > 0; {
		call.units = len(todo)
		answers, err := g.batchOnce(ctx, &call, paths, todo)
		if err != nil {
			return nil, err
		}
		var again []int
		var wait time.Duration
		limited, failed := false, false
		for i, a := range answers {
			switch {
			case a.Status == http.StatusOK, a.Status == http.StatusNotFound:
				out[i] = a
				continue
			case a.Status == http.StatusTooManyRequests:
				limited = true
				wait = max(wait, a.wait())
			case passing(a.Status) && try < maxTries:
				failed = true
			default:
				return nil, g.refused(&call, a.Status, a.Body, a.header("request-id"))
			}
			again = append(again, i)
		}
		if todo = again; len(todo) == 0 {
			break
		}
		if failed {
			wait = max(wait, backoff(try))
			try++
		}
		if limited {
			if throttled++; wait == 0 {
				wait = min(5*time.Second<<min(throttled-1, 4), time.Minute)
			}
			if wait > maxWait {
				return nil, &fresnel.Error{Kind: fresnel.Unavailable, Msg: "Azure asks to wait for " + wait.Round(time.Minute).String(), Do: "Fresnel tries again with the next scheduled run.", Wait: wait}
			}
			for _, b := range g.buckets(&call) {
				b.pause(wait)
			}
		} else if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// batchOnce asks for some of the paths, and gives the answers by their places.
func (g *msgraph) batchOnce(ctx context.Context, call *msCall, paths []string, todo []int) (map[int]msAnswer, error) {
	var ask struct {
		Requests []msPart `json:"requests"`
	}
	for _, i := range todo {
		ask.Requests = append(ask.Requests, msPart{strconv.Itoa(i), http.MethodGet, paths[i]})
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	answers := map[int]msAnswer{}
	err = g.whole(ctx, call, func() error {
		var said struct {
			Responses []msAnswer `json:"responses"`
		}
		if err := g.send(ctx, call, http.MethodPost, g.address("/$batch"), body, &said); err != nil {
			return err
		}
		clear(answers)
		for _, a := range said.Responses {
			if i, err := strconv.Atoi(a.ID); err == nil {
				answers[i] = a
			}
		}
		for _, i := range todo {
			if _, ok := answers[i]; !ok || len(answers) != len(todo) {
				return &malformed{"a batch lacks an answer"}
			}
		}
		return nil
	})
	return answers, err
}

func (a *msAnswer) header(name string) string {
	for k, v := range a.Headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// wait is how long a part asks to wait; 0 = it does not say.
func (a *msAnswer) wait() time.Duration {
	return seconds(a.header("Retry-After"), time.Now()) //nolint:forbidigo // throttles run on real time
}
