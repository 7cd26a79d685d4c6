package azuresim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

var insightsVersions = []string{"2024-10-01", "2019-10-01", "2018-07-01-preview"}

// insightsPage is how many records are on a page.
const insightsPage = 1000

// stateRecord is a state as Policy Insights gives it.
type stateRecord struct {
	p *policies
	s policyState
}

func (r *stateRecord) field(name string) (any, bool) {
	name = odataNames[strings.ToLower(name)]
	switch name {
	case "":
		return nil, false
	case "isCompliant":
		return r.s.state != stateNonCompliant && r.s.state != stateConflict, true
	case "timestamp":
		return r.s.at.UTC().Format("2006-01-02T15:04:05Z"), true
	}
	return stateFields[name](r.p, &r.s), true
}

// insightsQuery is what a request asks for.
type insightsQuery struct {
	subs     []*subscription
	group    string // a resource group, if given
	from, to time.Time
	top      int // -1 = all
	filter   odataFilter
}

// policyStates answers POST .../policyStates/latest/queryResults and .../summarize.
func (s *Server) policyStates(c *call, g governed) {
	p, ok := s.armPrincipal(c)
	if !ok || !c.checkVersion(insightsVersions, "InvalidApiVersionParameter") {
		return
	}
	what := strings.ToLower(g.rest[2])
	next := s.opt.PolicyGet && c.r.Method == http.MethodGet && queryValue(c.r, "$skiptoken") != ""
	if c.r.Method != http.MethodPost && !next { // the pages after the first, too
		c.fail(http.StatusMethodNotAllowed, "HttpMethodNotAllowed", "The requested resource does not support http method '"+c.r.Method+"'.")
		return
	}
	owner := c.subscription + g.mg
	if !s.throttles.take(apiPolicy, c.w.Header(), []charge{{bucketKey{bucketPolicy, owner}, 1}}) {
		c.throttled("")
		return
	}
	action := "Microsoft.PolicyInsights/policyStates/" + what + "/action"
	if g.mg != "" {
		if !s.mayReadGroup(c, p, g.mg, action) {
			return
		}
	} else if s.authorize(c, p, action) == nil {
		return
	}
	if g.sub != nil && g.sub.unregistered(providerPolicy) {
		c.fail(http.StatusConflict, "MissingSubscriptionRegistration", "The subscription is not registered to use namespace 'Microsoft.PolicyInsights'. See https://aka.ms/rps-not-found for how to register subscriptions.")
		return
	}
	if !strings.EqualFold(g.rest[1], "latest") {
		c.fail(http.StatusBadRequest, "InvalidPolicyStatesResource", "The policy states resource '"+g.rest[1]+"' is not simulated: use 'latest'.")
		return
	}
	q, err := s.insightsQuery(c, p, g)
	if err == nil {
		switch what {
		case "queryresults":
			err = s.queryResults(c, g, q)
		case "summarize":
			s.summarizeStates(c, g, q)
		default:
			s.unknownPath(c)
		}
	}
	if err != nil {
		c.fail(http.StatusBadRequest, "InvalidQuery", "The query is invalid: "+err.Error()+".")
	}
}

func (s *Server) insightsQuery(c *call, p principal, g governed) (*insightsQuery, error) {
	q := &insightsQuery{subs: s.below(p, g), group: g.group, to: c.at, top: -1}
	var err error
	if text := queryValue(c.r, "$to"); text != "" {
		if q.to, err = parseInsightsTime(text); err != nil {
			return nil, err
		}
	}
	if q.to.After(c.at) {
		q.to = c.at
	}
	q.from = q.to.Add(-24 * time.Hour)
	if text := queryValue(c.r, "$from"); text != "" {
		if q.from, err = parseInsightsTime(text); err != nil {
			return nil, err
		}
	}
	if text := queryValue(c.r, "$top"); text != "" {
		if q.top, err = strconv.Atoi(text); err != nil || q.top < 0 {
			return nil, fmt.Errorf("$top is %q", text)
		}
	}
	q.filter, err = parseFilter(queryValue(c.r, "$filter"))
	return q, err
}

// parseInsightsTime reads also the form that queryResultsUri has.
func parseInsightsTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time", text)
}

// each calls yield for the states of a query, in their order.
func (s *Server) each(q *insightsQuery, at time.Time, yield func(*stateRecord)) {
	if q.to.Before(at) {
		at = q.to
	}
	for _, sub := range q.subs {
		p := s.policies(sub, at)
		for _, st := range p.states(at) {
			r := &stateRecord{p, st}
			if !st.at.Before(q.from) && (q.group == "" || st.t.group == q.group) && q.filter(r) {
				yield(r)
			}
		}
	}
}

// statesPath is the path of a scope's states as @odata.context has it.
func (s *Server) statesPath(g governed) string {
	return s.URL() + g.path + "/providers/Microsoft.PolicyInsights/policyStates/"
}

func (s *Server) queryResults(c *call, g governed, q *insightsQuery) error {
	purpose := "states " + strings.ToLower(c.r.URL.Path) + " " + queryValue(c.r, "$filter") + "|" + queryValue(c.r, "$apply") + "|" + queryValue(c.r, "$orderby")
	page := pageToken{At: c.at, For: purpose}
	if sealed := queryValue(c.r, "$skiptoken"); sealed != "" {
		var ok bool
		if page, ok = s.open(sealed, purpose); !ok {
			return fmt.Errorf("the $skiptoken is invalid or has expired")
		}
	}
	orders, err := parseOrder(queryValue(c.r, "$orderby"))
	if err != nil {
		return err
	}
	var list []record
	s.each(q, page.At, func(r *stateRecord) { list = append(list, r) })
	if text := queryValue(c.r, "$apply"); text != "" {
		steps, err := parseApply(text)
		if err != nil {
			return err
		}
		for _, f := range steps {
			list = f(list)
		}
	}
	sortRecords(list, orders)
	if q.top >= 0 {
		list = list[:min(q.top, len(list))]
	}
	from := min(page.Offset, len(list))
	to := min(from+insightsPage, len(list))
	next := pageToken{Offset: to, At: page.At, For: purpose}
	if c.fault != nil && c.fault.Kind == faultEmpty {
		to, next.Offset, next.Empty = from, from, true
	}
	names, err := selected(queryValue(c.r, "$select"))
	if err != nil {
		return err
	}
	context := s.statesPath(g) + "$metadata#latest"
	value := []any{}
	for _, r := range list[from:to] {
		value = append(value, recordWire(r, names, context))
	}
	body := map[string]any{"@odata.context": context, "@odata.count": len(value), "value": value}
	if to < len(list) || next.Empty {
		body["@odata.nextLink"] = s.nextLink(c, next)
	}
	c.json(http.StatusOK, body)
	return nil
}

// selected are the fields of $select; nil = all.
func selected(text string) ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if err := knownField(part); err != nil {
			return nil, err
		}
		out = append(out, odataNames[strings.ToLower(part)])
	}
	return out, nil
}

func recordWire(r record, names []string, context string) map[string]any {
	out := map[string]any{"@odata.id": nil, "@odata.context": context + "/$entity"}
	if p, ok := r.(*plainRecord); ok {
		for i, n := range p.names {
			out[n] = p.values[i]
		}
		return out
	}
	for _, n := range odataNames {
		if names == nil || slices.Contains(names, n) {
			out[n], _ = r.field(n)
		}
	}
	return out
}
