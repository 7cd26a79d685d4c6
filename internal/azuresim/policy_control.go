package azuresim

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// controlPolicy answers /sim/compliance, /sim/compliance/resources, /sim/compliance/events, /sim/exemptions,
// /sim/securescore and /sim/frameworks; false if the path is none of them.
func (s *Server) controlPolicy(c *call, what string) bool {
	sub := c.r.URL.Query().Get("subscription")
	switch what {
	case "compliance":
		s.controlCompliance(c)
	case "compliance/resources":
		s.controlStream(c, func(sub string, at time.Time, line func(any) bool) {
			s.ComplianceResources(sub, at, func(r ComplianceResource) bool { return line(r) })
		})
	case "compliance/events":
		s.controlEvents(c)
	case "exemptions":
		if at, ok := s.controlTime(c); ok {
			c.json(http.StatusOK, s.Exemptions(sub, at))
		}
	case "securescore":
		if at, ok := s.controlTime(c); ok {
			c.json(http.StatusOK, s.SecureScores(at))
		}
	case "frameworks":
		if at, ok := s.controlTime(c); ok {
			c.json(http.StatusOK, s.Frameworks(sub, at))
		}
	default:
		return false
	}
	return true
}

// controlCompliance reads at, by, tenant and subscription.
func (s *Server) controlCompliance(c *call) {
	at, ok := s.controlTime(c)
	if !ok {
		return
	}
	v := c.r.URL.Query()
	q := ComplianceQuery{At: at, Tenant: v.Get("tenant"), Subscription: v.Get("subscription")}
	for k := range strings.SplitSeq(v.Get("by"), ",") {
		if k = strings.TrimSpace(k); k != "" {
			q.By = append(q.By, k)
		}
	}
	rows, err := s.Compliance(q)
	if err != nil {
		c.bad(err)
		return
	}
	c.json(http.StatusOK, rows)
}

// controlEvents reads at, the end, and from: a day before it if it is not given.
func (s *Server) controlEvents(c *call) {
	at, ok := s.controlTime(c)
	if !ok {
		return
	}
	from := at.Add(-24 * time.Hour)
	if text := c.r.URL.Query().Get("from"); text != "" {
		var err error
		if from, err = time.Parse(time.RFC3339Nano, text); err != nil {
			c.bad(fmt.Errorf("azuresim: from: %w", err))
			return
		}
	}
	s.controlStream(c, func(sub string, at time.Time, line func(any) bool) {
		for _, x := range s.some(sub) {
			for _, e := range s.ComplianceEvents(x.id, from, at) {
				if !line(e) {
					return
				}
			}
		}
	})
}
