package azuresim

import (
	"slices"
	"strings"
	"time"
)

// Exemption is an exemption of the estate as it is at an instant.
type Exemption struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	DisplayName  string     `json:"displayName"`
	Tenant       string     `json:"tenant"`
	Subscription string     `json:"subscription"` // that it was found from; one at a management group is found from several
	Scope        string     `json:"scope"`
	Assignment   string     `json:"assignment"` // id in Azure's spelling
	References   []string   `json:"references"` // empty = all
	Category     string     `json:"category"`
	Created      time.Time  `json:"created"`
	Expires      *time.Time `json:"expires,omitempty"`
	Expired      bool       `json:"expired"`
	// ShownUntil is the scan after its end: until then states are exempt.
	ShownUntil *time.Time `json:"shownUntil,omitempty"`
	States     int        `json:"states"` // that are exempt by it
}

// Exemptions lists those of a subscription, or with "" of all, that exist at an instant.
func (s *Server) Exemptions(subscription string, at time.Time) []Exemption {
	if at.IsZero() {
		at = s.clock.Now()
	}
	out := []Exemption{}
	for _, sub := range s.some(subscription) {
		p := s.policies(sub, at)
		n := map[string]int{}
		for _, st := range p.states(at) {
			if st.exempt != nil {
				n[st.exempt.id]++
			}
		}
		for _, x := range p.exemptions {
			if at.Before(x.created) {
				continue
			}
			e := Exemption{
				ID: x.id, Name: x.name, DisplayName: x.display, Tenant: sub.tenant.id, Subscription: sub.id, Scope: x.scope, Assignment: x.of.id,
				References: append([]string{}, x.refs...), Category: x.category, Created: x.created, States: n[x.id],
			}
			if _, to := x.seen(sub); !x.expires.IsZero() {
				e.Expires, e.ShownUntil, e.Expired = &x.expires, &to, !at.Before(x.expires)
			}
			out = append(out, e)
		}
	}
	return out
}

// SecureScore is the score of a subscription, or of a tenant, as its answers give it.
type SecureScore struct {
	Tenant       string               `json:"tenant"`
	Subscription string               `json:"subscription,omitempty"` // "" = of the tenant
	Registered   bool                 `json:"registered"`
	Current      float64              `json:"current"` // points, to the cent; of a tenant 0
	Max          float64              `json:"max"`
	Percentage   float64              `json:"percentage"` // of 1, to four places; of a tenant by weight and exact
	Weight       int                  `json:"weight"`
	Computed     time.Time            `json:"computed,omitzero"`
	Controls     []SecureScoreControl `json:"controls,omitempty"`
}

// SecureScoreControl is a control of a subscription's score.
type SecureScoreControl struct {
	Name          string  `json:"name"`
	DisplayName   string  `json:"displayName"`
	Current       float64 `json:"current"`
	Max           float64 `json:"max"`
	Percentage    float64 `json:"percentage"`
	Weight        int     `json:"weight"`
	Healthy       int     `json:"healthy"`
	Unhealthy     int     `json:"unhealthy"`
	NotApplicable int     `json:"notApplicable"`
}

// SecureScores lists each tenant's score and after it those of its subscriptions. A tenant's is the sum
// of weight x current / max of what its subscriptions' answers say, of the sum of the weights; a weight of
// 0 counts as 1, and of a max of 0 the part is 0.
func (s *Server) SecureScores(at time.Time) []SecureScore {
	if at.IsZero() {
		at = s.clock.Now()
	}
	out := []SecureScore{}
	for _, t := range s.estate.tenants {
		place := len(out)
		out = append(out, SecureScore{Tenant: t.id})
		sum, weights := 0.0, 0
		for _, sub := range t.subs {
			if sub.state == stateDeleted {
				continue
			}
			sec := s.security(sub, at)
			score := SecureScore{Tenant: t.id, Subscription: sub.id, Registered: !sub.unregistered(providerSecurity)}
			if score.Registered {
				sec.fill(&score)
				out[place].Registered = true
				w := max(1, score.Weight)
				weights += w
				sum += float64(w) * ratio(score.Current, score.Max)
			}
			out = append(out, score)
		}
		out[place].Percentage, out[place].Weight = ratio(sum, float64(weights)), weights
	}
	return out
}

// fill counts again what the answers say, from the recommendations: each resource of each control.
func (sec *security) fill(out *SecureScore) {
	var current, most float64
	for i := range scoreControls {
		c := &scoreControls[i]
		bad, good, other := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, a := range sec.list {
			switch {
			case a.d.control != c.short || a.d.preview:
			case a.code == assessUnhealthy:
				bad[a.t.id] = true
			case a.code == assessHealthy:
				good[a.t.id] = true
			default:
				other[a.t.id] = true
			}
		}
		k := SecureScoreControl{Name: c.name, DisplayName: c.display, Unhealthy: len(bad)}
		for id := range good {
			if !bad[id] {
				k.Healthy++
			}
		}
		for id := range other {
			if !bad[id] && !good[id] {
				k.NotApplicable++
			}
		}
		points := 0.0
		if k.Weight = k.Healthy + k.Unhealthy; k.Weight > 0 {
			k.Max = float64(c.max)
			points = k.Max * float64(k.Healthy) / float64(k.Weight)
		}
		k.Current, k.Percentage = round(points, 2), round(ratio(points, k.Max), 4)
		current += points
		most += k.Max
		out.Weight += k.Weight
		out.Controls = append(out.Controls, k)
	}
	out.Current, out.Max, out.Percentage, out.Computed = round(current, 2), most, round(ratio(current, most), 4), sec.tick
}

// Framework is a framework as it stands in a subscription: an assigned initiative with groups, or a
// standard of Defender for Cloud.
type Framework struct {
	Tenant       string             `json:"tenant"`
	Subscription string             `json:"subscription"`
	Source       string             `json:"source"`               // policy or defender
	ID           string             `json:"id"`                   // of the initiative in lower case, or the standard's name
	Assignment   string             `json:"assignment,omitempty"` // id in lower case
	Name         string             `json:"name"`
	Passed       int                `json:"passed"`
	Failed       int                `json:"failed"`
	Skipped      int                `json:"skipped"`
	NotAssessed  int                `json:"notAssessed"`
	Controls     []FrameworkControl `json:"controls"`
}

// FrameworkControl is a control. Without a check, and with checks about which nothing is known, it is not
// assessed; with exempt or not applicable resources only it is skipped.
type FrameworkControl struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	State string `json:"state"` // passed, failed, skipped or notAssessed
	// Passing, Failing, Skipping and Unknown count the states of an initiative's control, and the
	// recommendations of a standard's.
	Passing  int `json:"passing"`
	Failing  int `json:"failing"`
	Skipping int `json:"skipping"`
	Unknown  int `json:"unknown"`
}

func (c *FrameworkControl) conclude() {
	switch {
	case c.Failing > 0:
		c.State = "failed"
	case c.Passing > 0:
		c.State = "passed"
	case c.Skipping > 0:
		c.State = "skipped"
	default:
		c.State = "notAssessed"
	}
}

func (f *Framework) add(c FrameworkControl) {
	c.conclude()
	switch c.State {
	case "failed":
		f.Failed++
	case "passed":
		f.Passed++
	case "skipped":
		f.Skipped++
	default:
		f.NotAssessed++
	}
	f.Controls = append(f.Controls, c)
}

// Frameworks lists those of a subscription, or with "" of all.
func (s *Server) Frameworks(subscription string, at time.Time) []Framework {
	if at.IsZero() {
		at = s.clock.Now()
	}
	out := []Framework{}
	for _, sub := range s.some(subscription) {
		if sub.state == stateDeleted {
			continue
		}
		p := s.policies(sub, at)
		if !sub.unregistered(providerPolicy) {
			out = append(out, p.frameworks(at)...)
		}
		if sub.unregistered(providerSecurity) {
			continue
		}
		sec := s.security(sub, at)
		for _, std := range sub.standards() {
			f := Framework{Tenant: sub.tenant.id, Subscription: sub.id, Source: "defender", ID: std.name, Name: std.name}
			for _, c := range std.controls {
				k := FrameworkControl{Name: c.name, Title: c.text}
				for _, x := range sec.checks(&c) {
					switch {
					case x.failed > 0:
						k.Failing++
					case x.passed > 0:
						k.Passing++
					default:
						k.Skipping++
					}
				}
				f.add(k)
			}
			out = append(out, f)
		}
	}
	return out
}

// frameworks are the initiatives with groups that are assigned.
func (p *policies) frameworks(at time.Time) []Framework {
	var out []Framework
	for _, a := range p.assignments {
		if a.set == nil || len(a.set.groups) == 0 || !a.inForce(at) {
			continue
		}
		f := Framework{Tenant: p.w.sub.tenant.id, Subscription: p.w.sub.id, Source: "policy", ID: strings.ToLower(a.set.id(p.w.sub.tenant)), Assignment: strings.ToLower(a.id), Name: a.set.display}
		for _, g := range a.set.groups {
			k := FrameworkControl{Name: g.name, Title: g.display}
			for i := range p.checks {
				c := &p.checks[i]
				if c.a != a || !slices.Contains(c.r.groups, g.name) {
					continue
				}
				for _, t := range p.targets {
					s, ok := p.evaluate(t, c, at)
					switch {
					case !ok:
					case s.state == stateNonCompliant || s.state == stateConflict:
						k.Failing++
					case s.state == stateCompliant:
						k.Passing++
					case s.state == stateExempt:
						k.Skipping++
					default:
						k.Unknown++
					}
				}
			}
			f.add(k)
		}
		out = append(out, f)
	}
	return out
}
