package azuresim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Page sizes of the query API.
const (
	defaultPage = 1000
	maxPage     = 5000
)

// queryCost answers POST /subscriptions/{id}/providers/Microsoft.CostManagement/query.
func (s *Server) queryCost(c *call) {
	p, ok := s.armPrincipal(c)
	if !ok || !c.checkVersion(costVersions, "NoRegisteredProviderFound") {
		return
	}
	if c.r.Method != http.MethodPost {
		c.w.Header().Set("Allow", http.MethodPost)
		c.fail(http.StatusMethodNotAllowed, "HttpMethodNotAllowed", "The requested resource does not support http method '"+c.r.Method+"'.")
		return
	}
	sub := s.authorize(c, p, "Microsoft.CostManagement/query/action")
	if sub == nil {
		return
	}
	if sub.state == stateDeleted {
		c.subscriptionNotFound()
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, 1<<20))
	if err != nil {
		c.fail(http.StatusBadRequest, "BadRequest", "Invalid query definition: the request body could not be read.")
		return
	}
	page, q, err := s.costPage(c, sub, body)
	units := 1.0 // of a query that is refused, too
	if err == nil {
		units = q.units()
	}
	if !s.takeQuery(c, p, sub, units) {
		c.throttled("")
		return
	}
	s.answerQuery(c, sub, body, page, q, err)
}

// answerQuery writes the answer to a query that was let through.
func (s *Server) answerQuery(c *call, sub *subscription, body []byte, page pageToken, q *query, err error) {
	if err == nil && sub.supported() && !sub.costDisabled {
		err = q.preTaxOnly(sub, c.fault)
	}
	switch {
	case err != nil:
		c.fail(http.StatusBadRequest, "BadRequest", fmt.Sprintf("%s (Request ID: %s)", err, c.w.Header().Get("x-ms-request-id")))
	case !sub.supported():
		c.fail(http.StatusNotFound, "NotFound", fmt.Sprintf("Given subscription %s doesn't have valid WebDirect/AIRS offer type. (Request ID: %s)", sub.id, c.w.Header().Get("x-ms-request-id")))
	case sub.costDisabled:
		c.costDisabled()
	default:
		s.writeCosts(c, sub, body, page, q)
	}
}

func (c *call) costDisabled() {
	c.fail(http.StatusForbidden, "AccountCostDisabled", "Access to cost data is disabled for this account. An enterprise administrator can enable 'AO view charges' in the EA portal.")
}

// costPage resolves the query and the page that is asked for. Later pages are at the instant of the
// first, so that a refresh in between neither repeats nor skips rows.
func (s *Server) costPage(c *call, sub *subscription, body []byte) (pageToken, *query, error) {
	page := pageToken{At: c.at, For: sub.id + " " + bodyHash(body)}
	if sealed := queryValue(c.r, "$skiptoken"); sealed != "" {
		var ok bool
		if page, ok = s.open(sealed, page.For); !ok {
			return page, nil, errors.New("Invalid query definition: the $skiptoken is invalid, has expired or belongs to another request body.") //nolint:staticcheck // Azure's wording
		}
	}
	q, err := parseQuery(body, page.At)
	return page, q, err
}

// takeQuery takes a query from all its buckets, and states the QPU headers that every answer has.
func (s *Server) takeQuery(c *call, p principal, sub *subscription, units float64) bool {
	client := strings.ToLower(c.r.Header.Get("ClientType"))
	if client == "" {
		client = "default"
	}
	owner := sub.tenant.id
	ok := s.throttles.take(apiCost, c.w.Header(), []charge{
		{bucketKey{bucketScope, sub.id}, 1},
		{bucketKey{bucketPrincipal, p.appID}, 1},
		{bucketKey{bucketQPU10s, owner}, units},
		{bucketKey{bucketQPUMinute, owner}, units},
		{bucketKey{bucketQPUHour, owner}, units},
		{bucketKey{bucketClientType, client}, 1},
	})
	consumed := 0.0
	if ok {
		consumed = units
	}
	left := func(kind string) int {
		n := s.throttles.remaining(bucketKey{kind, owner})
		if !s.throttles.enforce {
			n = max(0, n-int(consumed)) // as if this were the first query
		}
		return n
	}
	h := c.w.Header()
	h.Set(costHeader+"qpu-consumed", strconv.Itoa(int(consumed)))
	h.Set(costHeader+"qpu-remaining", fmt.Sprintf("QueriesPerHour:%d,QueriesPerMin:%d,QueriesPer10Sec:%d",
		left(bucketQPUHour), left(bucketQPUMinute), left(bucketQPU10s)))
	return ok
}

// writeCosts writes one page of rows.
func (s *Server) writeCosts(c *call, sub *subscription, body []byte, page pageToken, q *query) {
	fault := c.fault
	if fault == nil {
		fault = &Fault{}
	}
	size := pageSize(c.r)
	rows := s.costRows(sub, q, page.At)
	next := pageToken{At: page.At, For: sub.id + " " + bodyHash(body), Twice: page.Twice || fault.Kind == faultDuplicates}
	length := size
	if next.Twice {
		length = min(size, max(1, len(rows))) // so that both parts of a row never share a page
		rows = twice(rows)
	}
	from := min(page.Offset, len(rows))
	to := min(from+length, len(rows))
	if fault.Kind == faultEmpty {
		to, next.Empty = from, true
	}
	next.Offset = to
	var link *string
	if to < len(rows) || next.Empty {
		link = new(s.nextCosts(c, sub, next, size))
	}
	wire := make([]json.RawMessage, 0, to-from)
	for i, r := range rows[from:to] {
		values := q.spelled(r, sub, dayOf(page.At))
		if fault.Kind == faultCase {
			values = q.mixRow(values, from+i)
		}
		wire = append(wire, q.wireRow(values, sub, fault.Kind == faultNulls && i%3 == 0))
	}
	columns := q.wireColumns()
	if fault.Kind == faultColumns {
		columns, wire = fault.dropColumn(columns, wire)
	}
	name := randomGUID()
	c.json(http.StatusOK, map[string]any{
		"id": "subscriptions/" + sub.id + "/providers/Microsoft.CostManagement/query/" + name, "name": name,
		"type": "Microsoft.CostManagement/query", "location": nil, "sku": nil, "eTag": nil,
		"properties": map[string]any{"nextLink": link, "columns": columns, "rows": wire},
	})
}

// nextCosts is the link to the next page, with the page size if that is not the usual.
func (s *Server) nextCosts(c *call, sub *subscription, next pageToken, size int) string {
	link := s.URL() + "/subscriptions/" + sub.id + "/providers/Microsoft.CostManagement/query?api-version=" +
		url.QueryEscape(queryValue(c.r, "api-version")) + "&$skiptoken=" + s.seal(next)
	if size != defaultPage {
		link += "&$top=" + strconv.Itoa(size)
	}
	return link
}

func pageSize(r *http.Request) int {
	n, err := strconv.Atoi(queryValue(r, "$top"))
	if err != nil || n < 1 {
		return defaultPage
	}
	return min(n, maxPage)
}
