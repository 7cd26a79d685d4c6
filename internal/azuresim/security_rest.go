package azuresim

import (
	"net/http"
	"strings"
)

var securityVersions = []string{"2020-01-01", "2020-01-01-preview", "2019-01-01-preview", "2025-05-04", "2021-06-01", "2022-01-01"}

// securityThings answers GET of what Defender for Cloud says of a subscription.
func (s *Server) securityThings(c *call, g governed) {
	p, ok := s.armReadOf(c, securityVersions, "x-ms-ratelimit-remaining-subscription-reads")
	if !ok {
		return
	}
	sub := s.authorize(c, p, "Microsoft.Security/"+g.rest[0]+"/read")
	if sub == nil {
		return
	}
	if sub.unregistered(providerSecurity) {
		c.fail(http.StatusNotFound, "Subscription Not Registered", "The subscription '"+sub.id+"' is not registered with Microsoft.Security.")
		return
	}
	sec := s.security(sub, c.at)
	things, ok := sec.find(g.rest, strings.Contains(strings.ToLower(queryValue(c.r, "$expand")), "definition"))
	if !ok {
		s.unknownPath(c)
		return
	}
	items := []any{}
	for _, t := range things {
		if t.kind = strings.TrimSuffix(t.kind, "s"); t.kind == "Microsoft.Security/secureScore" || strings.Contains(t.kind, "secureScores/") || strings.HasSuffix(t.kind, "/assessment") {
			t.kind += "s"
		} else { // the standards' types are singular and without those above them
			t.kind = "Microsoft.Security" + t.kind[strings.LastIndexByte(t.kind, '/'):]
		}
		items = append(items, t.wire())
	}
	if one := len(g.rest)%2 == 0; one && len(items) == 1 {
		c.json(http.StatusOK, items[0])
		return
	} else if one {
		c.fail(http.StatusNotFound, "ResourceNotFound", "The resource '"+g.rest[len(g.rest)-1]+"' could not be found.")
		return
	}
	s.listThings(c, items, 200)
}

// find finds what a path asks for; ok is false if it is not simulated.
func (sec *security) find(rest []string, expand bool) (out []thing, ok bool) {
	switch {
	case restIs(rest, "secureScores"), restIs(rest, "secureScores", "*"):
		return named(sec.secureScores(), rest, 1), true
	case restIs(rest, "secureScoreControls"), restIs(rest, "secureScores", "ascScore", "secureScoreControls"):
		return sec.scoreControls(expand), true
	case restIs(rest, "assessments"), restIs(rest, "assessments", "*"):
		return named(sec.assessments(false), rest, 1), true
	case !strings.EqualFold(rest[0], "regulatoryComplianceStandards"):
		return nil, false
	}
	for _, std := range sec.p.w.sub.standards() {
		if len(rest) <= 2 {
			out = append(out, sec.standard(&std))
			continue
		}
		if !strings.EqualFold(std.name, rest[1]) {
			continue
		}
		for _, c := range std.controls {
			if len(rest) <= 4 {
				out = append(out, sec.control(&std, &c))
			} else if c.name == rest[3] {
				out = append(out, sec.controlAssessments(&std, &c)...)
			}
		}
	}
	if len(rest)%2 == 0 {
		out = named(out, rest, len(rest)-1)
	}
	return out, true
}

// named keeps those with the name at a place of the path, if it has one.
func named(list []thing, rest []string, at int) []thing {
	if len(rest) <= at {
		return list
	}
	var out []thing
	for _, t := range list {
		if strings.EqualFold(t.name(), rest[at]) {
			out = append(out, t)
		}
	}
	return out
}
