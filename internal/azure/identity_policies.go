package azure

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/identity"
)

// msPolicy is a policy of conditional access, as far as it says whom it asks
// for MFA.
type msPolicy struct {
	State      string     `json:"state"`
	Created    *time.Time `json:"createdDateTime"`
	Modified   *time.Time `json:"modifiedDateTime"`
	Conditions *struct {
		Users struct {
			IncludeUsers  []string  `json:"includeUsers"`
			ExcludeUsers  []string  `json:"excludeUsers"`
			IncludeGroups []string  `json:"includeGroups"`
			ExcludeGroups []string  `json:"excludeGroups"`
			IncludeRoles  []string  `json:"includeRoles"`
			ExcludeRoles  []string  `json:"excludeRoles"`
			IncludeGuests *struct{} `json:"includeGuestsOrExternalUsers"`
			ExcludeGuests *struct{} `json:"excludeGuestsOrExternalUsers"`
		} `json:"users"`
		Applications struct {
			Include []string `json:"includeApplications"`
			Exclude []string `json:"excludeApplications"`
		} `json:"applications"`
		Clients     []string `json:"clientAppTypes"`
		UserRisks   []string `json:"userRiskLevels"`
		SignInRisks []string `json:"signInRiskLevels"`
		Platforms   *struct {
			Include []string `json:"includePlatforms"`
			Exclude []string `json:"excludePlatforms"`
		} `json:"platforms"`
		Locations *struct {
			Include []string `json:"includeLocations"`
			Exclude []string `json:"excludeLocations"`
		} `json:"locations"`
		Devices      *struct{}       `json:"devices"`
		Transfer     *struct{}       `json:"authenticationFlows"`
		InsiderRisks json.RawMessage `json:"insiderRiskLevels"`
	} `json:"conditions"`
	Grant *struct {
		Operator string    `json:"operator"`
		Controls []string  `json:"builtInControls"`
		Custom   []string  `json:"customAuthenticationFactors"`
		Terms    []string  `json:"termsOfUse"`
		Strength *struct{} `json:"authenticationStrength"`
	} `json:"grantControls"`
}

func (p *msPolicy) check() error {
	if p.State == "" || p.Conditions == nil {
		return lacks("state or conditions")
	}
	return nil
}

// asksMFA tells whether nobody whom the policy asks passes without MFA.
func (p *msPolicy) asksMFA() bool {
	g := p.Grant
	if g == nil || g.Strength == nil && !slices.Contains(g.Controls, "mfa") {
		return false
	}
	n := len(g.Controls) + len(g.Custom) + len(g.Terms)
	if g.Strength != nil {
		n++
	}
	return n == 1 || !strings.EqualFold(g.Operator, "OR")
}

// everything tells whether the policy holds for all applications, on all ways
// and under all circumstances.
func (p *msPolicy) everything() bool {
	c := p.Conditions
	ways := slices.Contains(c.Clients, "all") || slices.Contains(c.Clients, "browser") && slices.Contains(c.Clients, "mobileAppsAndDesktopClients")
	return ways && slices.Contains(c.Applications.Include, "All") && len(c.Applications.Exclude) == 0 &&
		len(c.UserRisks) == 0 && len(c.SignInRisks) == 0 && slices.Contains([]string{"", "null", `""`, "[]"}, string(c.InsiderRisks)) &&
		(c.Platforms == nil || allOf(c.Platforms.Include, c.Platforms.Exclude)) && (c.Locations == nil || allOf(c.Locations.Include, c.Locations.Exclude)) &&
		c.Devices == nil && c.Transfer == nil
}

// allOf tells whether a condition is none: it takes all in and nothing out.
func allOf(in, out []string) bool {
	return len(out) == 0 && slices.ContainsFunc(in, func(s string) bool { return strings.EqualFold(s, "all") })
}

// people tells whether a policy is about accounts at all: there are those for
// workload identities.
func (p *msPolicy) people() bool {
	u := p.Conditions.Users
	named := slices.ContainsFunc(u.IncludeUsers, func(s string) bool { return !strings.EqualFold(s, "None") })
	return named || len(u.IncludeGroups) > 0 || len(u.IncludeRoles) > 0 || u.IncludeGuests != nil
}

// add adds a policy to what is known, and gives whom all enabled ones so far
// leave out; nil = there was none yet.
func (p *msPolicy) add(out *identity.AccessPolicies, excluded map[string]bool) map[string]bool {
	for _, at := range []*time.Time{p.Created, p.Modified} {
		if at := timeOf(at); at.After(out.Newest) {
			out.Newest = at
		}
	}
	switch {
	case strings.EqualFold(p.State, "enabledForReportingButNotEnforced"):
		out.ReportOnly++
		return excluded
	case !strings.EqualFold(p.State, "enabled"):
		return excluded
	}
	out.Enabled++
	u := p.Conditions.Users
	if p.asksMFA() && p.everything() {
		all := slices.Contains(u.IncludeUsers, "All")
		admins := slices.ContainsFunc(u.IncludeRoles, func(r string) bool { return strings.EqualFold(r, identity.GlobalAdministrator) })
		out.MFAForAll = out.MFAForAll || all && len(u.ExcludeRoles) == 0 && u.ExcludeGuests == nil && !slices.Contains(u.ExcludeUsers, "GuestsOrExternalUsers")
		out.MFAAdmins = out.MFAAdmins || (all || admins) && len(u.ExcludeRoles) == 0
	}
	if !p.people() {
		return excluded
	}
	left := map[string]bool{}
	for _, id := range slices.Concat(u.ExcludeUsers, u.ExcludeGroups) {
		if id = strings.ToLower(id); fresnel.IsGUID(id) && (excluded == nil || excluded[id]) {
			left[id] = true
		}
	}
	return left
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
