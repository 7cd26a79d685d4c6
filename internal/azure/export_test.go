package azure

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"fresnel/internal/compliance"
	"fresnel/internal/cost"
	"fresnel/internal/identity"
)

// What the tests look at from outside.

// ParseCostPage parses one answer about a cut and adds its rows up.
func ParseCostPage(r io.Reader, c cost.Cut) ([]cost.Line, string, error) {
	p, err := parseCostPage(r, formOf(c, false))
	sums := &costLines{cut: c, at: map[costKey]int{}}
	for _, row := range p.rows {
		err = errors.Join(err, sums.add(row))
	}
	var lines []cost.Line
	for i := range sums.rows {
		lines = append(lines, sums.line(&sums.rows[i]))
	}
	return lines, p.next, err
}

// PoliciesOf judges policies of conditional access.
func PoliciesOf(docs ...string) (out identity.AccessPolicies, err error) {
	var excluded map[string]bool
	for _, doc := range docs {
		var p msPolicy
		if err := json.Unmarshal([]byte(doc), &p); err != nil {
			return out, err
		}
		if err := p.check(); err != nil {
			return out, err
		}
		excluded = p.add(&out, excluded)
	}
	out.Excluded = sorted(excluded)
	return out, nil
}

// RetryAfter reads the wait that an answer asks for.
func RetryAfter(h http.Header, now time.Time) (time.Duration, []string) { return retryAfter(h, now) }

// NextLink checks an address that an answer gave.
func (c *Client) NextLink(s string) (string, error) { return c.nextLink(s) }

// SummaryResources reads how many resources a summary of Policy Insights has.
func SummaryResources(body []byte) (int, error) {
	var sum insightsSummary
	if err := json.Unmarshal(body, &sum); err != nil {
		return 0, err
	}
	return sum.resources()
}

// PolicyObject reads an assignment, an exemption, a definition or an initiative.
func PolicyObject(body []byte) (compliance.Told, error) {
	var o policyObject
	if err := json.Unmarshal(body, &o); err != nil {
		return compliance.Told{}, err
	}
	return o.told()
}

// StandardControl reads a row of a standard's control.
func StandardControl(body []byte) (compliance.ControlCount, error) {
	var r securityRow
	if err := json.Unmarshal(body, &r); err != nil {
		return compliance.ControlCount{}, err
	}
	return r.standardControl()
}
