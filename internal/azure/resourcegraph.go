package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"fresnel"
)

// Resource Graph answers one query over many subscriptions. It gives what the
// caller may read and is silent about the rest: a missing row proves nothing.

const (
	graphAPIVersion = "2024-04-01"
	graphPage       = 1000 // rows of a page at most
	graphSubs       = 1000 // subscriptions of a query at most
)

type graphRequest struct {
	Subscriptions []string     `json:"subscriptions,omitempty"`
	Query         string       `json:"query"`
	Options       graphOptions `json:"options"`
}

type graphOptions struct {
	Top          int    `json:"$top"`
	SkipToken    string `json:"$skipToken,omitempty"`
	ResultFormat string `json:"resultFormat"`
	Scope        string `json:"authorizationScopeFilter,omitempty"`
}

type graphAnswer struct {
	Count           *int              `json:"count"`
	ResultTruncated string            `json:"resultTruncated"`
	SkipToken       string            `json:"$skipToken"`
	Data            []json.RawMessage `json:"data"`
}

// graphRows asks a query of at most 1000 subscriptions of a tenant, and gives
// its rows as they come. The query must project id, or Azure cuts it at 1000
// rows. After an error the rows before it are still rows, but not all.
func (c *Client) graphRows(ctx context.Context, t fresnel.Tenant, subs []string, query string) iter.Seq2[json.RawMessage, error] {
	return c.graphAsk(ctx, t, graphRequest{Subscriptions: subs, Query: query})
}

// graphAbove is graphRows with what management groups above the subscriptions
// have, as far as the caller may see it: through Lighthouse nobody does.
func (c *Client) graphAbove(ctx context.Context, t fresnel.Tenant, subs []string, query string) iter.Seq2[json.RawMessage, error] {
	return c.graphAsk(ctx, t, graphRequest{Subscriptions: subs, Query: query, Options: graphOptions{Scope: "AtScopeAboveAndBelow"}})
}

func (c *Client) graphAsk(ctx context.Context, t fresnel.Tenant, ask graphRequest) iter.Seq2[json.RawMessage, error] {
	subs := ask.Subscriptions
	ask.Options.Top, ask.Options.ResultFormat = graphPage, "objectArray"
	return func(yield func(json.RawMessage, error) bool) {
		if len(subs) == 0 || len(subs) > graphSubs {
			yield(nil, fresnel.Errorf(fresnel.Internal, "a Resource Graph query over %d subscriptions", len(subs)))
			return
		}
		cred, err := c.creds.of(t)
		if err != nil {
			yield(nil, err)
			return
		}
		// Azure counts by the principal in the tenant of its token: delegated tenants share the managing one's.
		ctx = withBuckets(ctx, 1, c.limits.bucket("graph", cred.principal, graphRules()))
		q := graphPages{c: c, pl: c.pipeline("resourcegraph", cred), req: ask}
		for range maxPages {
			page, err := q.get(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range page.Data {
				if !yield(row, nil) {
					return
				}
			}
			if page.SkipToken == "" {
				if strings.EqualFold(page.ResultTruncated, "true") {
					yield(nil, graphBroken("Resource Graph cut its answer and gave no way to the rest", errGraphCut))
				}
				return
			}
			q.req.Options.SkipToken = page.SkipToken
		}
		yield(nil, graphBroken("Resource Graph's answer does not end", nil))
	}
}

// errGraphCut is an answer of a query without id that is longer than a page.
var errGraphCut = errors.New("cut at a page")

// graphSome asks queries whose rows have no id, so that Azure cuts an answer
// after a page: of as many subscriptions at once as an answer holds, and of one
// that is too large by itself in parts. per is how many to begin with; query
// gives the query of a part, of "" the whole.
func (c *Client) graphSome(ctx context.Context, t fresnel.Tenant, subs []string, per int, query func(part string) string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for len(subs) > 0 {
			n := min(per, len(subs))
			rows, err := c.graphUncut(ctx, t, subs[:n], query(""))
			if errors.Is(err, errGraphCut) {
				if n > 1 {
					per = n / 2
					continue
				}
				rows, err = nil, nil
				for _, part := range stateParts() {
					more, perr := c.graphUncut(ctx, t, subs[:n], query(part))
					if rows, err = append(rows, more...), perr; err != nil {
						break
					}
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if subs = subs[n:]; len(rows) < graphPage/2 {
				per = min(2*n, graphSubs)
			}
		}
	}
}

// graphUncut gives the rows of an answer that is not cut; of one that is, errGraphCut.
func (c *Client) graphUncut(ctx context.Context, t fresnel.Tenant, subs []string, query string) ([]json.RawMessage, error) {
	var rows []json.RawMessage
	for row, err := range c.graphRows(ctx, t, subs, query) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// graphBroken is an answer that is none.
func graphBroken(msg string, err error) error {
	return &fresnel.Error{Kind: fresnel.Unavailable, Msg: msg, Do: "Fresnel tries again with the next run.", Err: err}
}

// graphPages reads the pages of one query.
type graphPages struct {
	c   *Client
	pl  runtime.Pipeline
	req graphRequest
}

// get reads the next page; one that is larger than Azure sends is asked for in
// halves.
func (q *graphPages) get(ctx context.Context) (graphAnswer, error) {
	for try := 1; ; try++ {
		page, err := q.once(ctx)
		var bad *malformed
		var big *payloadTooLarge
		switch {
		case errors.As(err, &big) && q.req.Options.Top > 1:
			q.req.Options.Top /= 2
		case errors.As(err, &bad) && try < malformedTries:
			if err := sleep(ctx, backoff(try)); err != nil {
				return page, err
			}
		case errors.As(err, &bad):
			return page, graphBroken("Resource Graph's answer cannot be read: "+bad.why, err)
		default:
			return page, err
		}
	}
}

// payloadTooLarge is Azure's refusal of a page over 16 MB.
type payloadTooLarge struct{ error }

func (e *payloadTooLarge) Unwrap() error { return e.error }

func (q *graphPages) once(ctx context.Context) (graphAnswer, error) {
	var page graphAnswer
	body, err := json.Marshal(q.req)
	if err != nil {
		return page, err
	}
	req, err := runtime.NewRequest(ctx, http.MethodPost, runtime.JoinPaths(q.c.cfg.ResourceManagerURL, "/providers/Microsoft.ResourceGraph/resources")+"?api-version="+graphAPIVersion)
	if err != nil {
		return page, err
	}
	if err := req.SetBody(streaming.NopCloser(bytes.NewReader(body)), "application/json"); err != nil {
		return page, err
	}
	resp, err := q.pl.Do(req)
	if err != nil {
		return page, transportError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := statusError(resp, "Resource Graph", fmt.Sprintf("%d subscriptions", len(q.req.Subscriptions)))
		if strings.Contains(err.Error(), "ResponsePayloadTooLarge") {
			return page, &payloadTooLarge{err}
		}
		return page, err
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		return page, &malformed{"not JSON: " + clip(err.Error())}
	}
	if page.Data == nil || page.Count == nil {
		return page, &malformed{"no data"}
	}
	return page, nil
}
