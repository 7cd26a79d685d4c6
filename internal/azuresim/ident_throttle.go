package azuresim

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The buckets of Graph (azure-apis.md section 12.2).
const (
	bucketUnitsSmall   = "msgraph-units-small"  // resource units of an application in a tenant below 50 users
	bucketUnitsMedium  = "msgraph-units-medium" // up to 500
	bucketUnitsLarge   = "msgraph-units-large"
	bucketUnitsApp     = "msgraph-units-app" // of an application in all tenants
	bucketGraphCalls   = "msgraph-requests"  // of an application in all tenants
	bucketReports      = "msgraph-reports"   // of an application in a tenant
	bucketConditional  = "msgraph-conditional-access"
	bucketGraphSignIns = "msgraph-signins" // of an application in all tenants; not confirmed
)

func identLimit(kind string) (limit, bool) {
	switch kind {
	case bucketUnitsSmall:
		return limit{3500, 350}, true
	case bucketUnitsMedium:
		return limit{5000, 500}, true
	case bucketUnitsLarge:
		return limit{8000, 800}, true
	case bucketUnitsApp:
		return limit{150_000, 7500}, true
	case bucketGraphCalls:
		return limit{130_000, 13_000}, true
	case bucketReports:
		return limit{5, 0.5}, true
	case bucketConditional:
		return limit{1, 1}, true
	case bucketGraphSignIns:
		return limit{10, 10.0 / 60}, true
	}
	return limit{}, false
}

// units is the price of a call.
func (g *identCall) units(e *identEndpoint) float64 {
	cost := e.cost
	if g.query.Has("$select") {
		cost--
	}
	if g.query.Has("$expand") {
		cost++
	}
	if top, err := strconv.Atoi(g.query.Get("$top")); err == nil && top < 20 {
		cost--
	}
	return max(1, cost)
}

// throttle takes the price of a call, or answers 429. Conditional access does not say when to come back.
func (g *identCall) throttle(e *identEndpoint) bool {
	owner := g.p.appID + "/" + g.p.tenantID
	units := g.units(e)
	kind := bucketUnitsLarge
	switch n := g.v.accounts; {
	case n < 50:
		kind = bucketUnitsSmall
	case n <= 500:
		kind = bucketUnitsMedium
	}
	key := bucketKey{kind, owner}
	charges := []charge{{bucketKey{bucketGraphCalls, g.p.appID}, 1}}
	switch e.family {
	case familyReports:
		charges = append(charges, charge{bucketKey{bucketReports, owner}, 1})
	case familyConditional:
		charges = append(charges, charge{bucketKey{bucketConditional, g.p.tenantID}, 1})
	default:
		charges = append(charges, charge{key, units}, charge{bucketKey{bucketUnitsApp, g.p.appID}, units})
	}
	if g.s.opt.SignInLimit && strings.EqualFold(e.path, "users") && slices.Contains(g.selected(), "signInActivity") {
		charges = append(charges, charge{bucketKey{bucketGraphSignIns, g.p.appID}, 1})
	}
	h := g.w.Header()
	if g.s.throttles.take(apiMSGraph, h, charges) {
		if e.family == familyUnits {
			h.Set("x-ms-resource-unit", strconv.Itoa(int(units)))
			g.sayHowFull(key)
		}
		return true
	}
	h.Set("x-ms-throttle-scope", fmt.Sprintf("Tenant_Application/ReadWrite/%s/%s", g.p.appID, g.p.tenantID))
	if e.family == familyUnits {
		h.Set("x-ms-throttle-information", "ResourceUnitLimitExceeded")
	}
	g.throttled("")
	return false
}

// sayHowFull tells how much of the units is used, once that is more than four fifths.
func (g *identCall) sayHowFull(key bucketKey) {
	if !g.s.throttles.enforce {
		return
	}
	left, _ := g.s.throttles.level(key)
	capacity := g.s.throttles.limit(key.kind).capacity
	if used := 1 - float64(left)/capacity; used > 0.8 {
		g.w.Header().Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(math.Round(used*100)/100, 'f', -1, 64))
	}
}
