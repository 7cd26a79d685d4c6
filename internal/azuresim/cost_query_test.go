package azuresim_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fresnel/internal/azuresim"
)

// TestQueryShapes checks columns, timeframes, filters and sorting.
func TestQueryShapes(t *testing.T) {
	c := start(t, azuresim.Options{})
	_, sub := c.delegated()
	path := costPath(sub.ID)
	for _, tt := range []struct{ name, body, columns string }{
		{"none", `{"type":"Usage","timeframe":"TheLastMonth","dataset":{"granularity":"None","aggregation":{"totalCost":{"name":"PreTaxCost","function":"Sum"}},"grouping":[{"type":"Dimension","name":"ResourceGroup"}]}}`, "PreTaxCost,ResourceGroup,Currency"},
		{"monthly", `{"type":"ActualCost","timeframe":"Custom","timePeriod":{"from":"2026-01-01","to":"2026-11-23"},"dataset":{"granularity":"Monthly","aggregation":{"z":{"name":"CostUSD","function":"Sum"},"a":{"name":"Cost","function":"Sum"}},"sorting":[{"direction":"descending","name":"BillingMonth"}]}}`, "CostUSD,Cost,BillingMonth,Currency"},
		{"default", `{"type":"AmortizedCost","timeframe":"MonthToDate","dataset":{"granularity":"Daily"}}`, "PreTaxCost,UsageDate,Currency"},
		{"filter", `{"type":"ActualCost","timeframe":"BillingMonthToDate","dataset":{"granularity":"None","filter":{"and":[{"not":{"dimensions":{"name":"ServiceName","operator":"In","values":["storage"]}}},{"or":[{"dimensions":{"name":"ResourceGroup","operator":"In","values":[""]}},{"dimensions":{"name":"ChargeType","operator":"In","values":["Usage"]}}]}]},"grouping":[{"type":"Dimension","name":"ServiceName"}]}}`, "PreTaxCost,ServiceName,Currency"},
	} {
		cols, rows, _ := c.pages(path, c.token, tt.body)
		if got := strings.Join(cols, ","); got != tt.columns || len(rows) == 0 {
			t.Errorf("%s: columns %s, %d rows", tt.name, got, len(rows))
		}
		switch tt.name {
		case "monthly":
			if len(rows) != 11 || rows[0][2] != "2026-11-01T00:00:00" {
				t.Errorf("monthly: %d rows, first %v", len(rows), rows[0])
			}
		case "filter":
			for _, r := range rows {
				if r[1] == "Storage" {
					t.Error("filter kept Storage")
				}
			}
		}
	}
	// Swapped ends, and an end in the future, are corrected.
	_, a, _ := c.pages(path, c.token, dailyBody("ActualCost", "2026-11-20", "2026-11-01", `[]`))
	_, b, _ := c.pages(path, c.token, dailyBody("ActualCost", "2026-11-01", "2026-11-20", `[]`))
	if !cmp.Equal(a, b) || len(a) != 20 {
		t.Errorf("swapped period: %d and %d rows", len(a), len(b))
	}
	if _, rows, _ := c.pages(path, c.token, dailyBody("ActualCost", "2026-11-01", "2026-12-30", `[]`)); len(rows) != 22 {
		t.Errorf("cut at today: %d rows", len(rows)) // the 22nd has partly arrived, the 23rd not
	}
}

// TestQueryRefusals checks the documented errors of the query.
func TestQueryRefusals(t *testing.T) {
	c := start(t, azuresim.Options{CostDisabled: true, NextLinkLifetime: 2 * time.Second})
	tenant, sub := c.delegated()
	path := costPath(sub.ID)
	good := dailyBody("ActualCost", "2026-11-01", "2026-11-20", twoGroups)
	find := func(keep func(azuresim.EstateTenant, azuresim.EstateSubscription) bool) string {
		for _, t := range c.sim.Estate() {
			for _, s := range t.Subscriptions {
				if keep(t, s) {
					return s.ID
				}
			}
		}
		return "none"
	}
	type T = azuresim.EstateTenant
	type S = azuresim.EstateSubscription
	csp := find(func(_ T, s S) bool { return strings.HasPrefix(s.Offer, "CSP") })
	deleted := find(func(_ T, s S) bool { return s.State == "Deleted" })
	disabled := find(func(_ T, s S) bool { return s.State == "Disabled" })
	foreign := find(func(t T, _ S) bool { return t.Kind == "app" })
	appToken := c.mint(c.conn.Tenants[2].ClientID, "https://management.core.windows.net/")
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	var first costAnswer
	if err := json.Unmarshal(c.do("POST", path+"&$top=3", c.token, good).body, &first); err != nil {
		t.Fatal(err)
	}
	link := *first.Properties.NextLink
	for _, tt := range []struct {
		name, method, path, token, body string
		status                          int
		code                            string
	}{
		{"trailing slash and case", "POST", strings.ToUpper(strings.Replace(path, "/query?api-version", "/query/?api-version", 1)), c.token, good, 200, ""},
		{"disabled answers", "POST", costPath(disabled), c.token, preTax(good), 200, ""},
		{"app token", "POST", costPath(foreign), appToken, good, 200, ""},
		{"daily over 31 days", "POST", path, c.token, dailyBody("ActualCost", "2026-10-01", "2026-11-01", twoGroups), 400, "BadRequest"},
		{"pay as you go", "POST", costPath(find(func(t T, s S) bool { return s.Offer == payg && t.Kind == "delegated" && s.Costs })), c.token, good, 400, "BadRequest"},
		{"type", "POST", path, c.token, with("ActualCost", "Guess"), 400, "BadRequest"},
		{"column", "POST", path, c.token, with(`"ServiceName"`, `"Colour"`), 400, "BadRequest"},
		{"duplicate", "POST", path, c.token, with(`"ServiceName"`, `"ResourceGroup"`), 400, "BadRequest"},
		{"three groupings", "POST", path, c.token, with(`[{`, `[{"type":"Dimension","name":"SubscriptionId"},{`), 400, "BadRequest"},
		{"one child", "POST", path, c.token, with(`"granularity"`, `"filter":{"and":[{"dimensions":{"name":"ServiceName","operator":"In","values":["x"]}}]},"granularity"`), 400, "BadRequest"},
		{"no version", "POST", strings.Split(path, "?")[0], c.token, good, 400, "MissingApiVersionParameter"},
		{"bad version", "POST", strings.Replace(path, "2025-03-01", "1999-01-01", 1), c.token, good, 400, "NoRegisteredProviderFound"},
		{"get", "GET", link, c.token, "", 405, "HttpMethodNotAllowed"},
		{"other body", "POST", link, c.token, with("ActualCost", "AmortizedCost"), 400, "BadRequest"},
		{"tampered", "POST", strings.Replace(link, "skiptoken=", "skiptoken=x", 1), c.token, good, 400, "BadRequest"},
		{"next", "POST", link, c.token, good, 200, ""},
		{"offer", "POST", costPath(csp), c.token, good, 404, "NotFound"},
		{"deleted", "POST", costPath(deleted), c.token, good, 404, "SubscriptionNotFound"},
		{"view charges off", "POST", costPath(tenant.Subscriptions[len(tenant.Subscriptions)-1].ID), c.token, good, 403, "AccountCostDisabled"},
		{"unknown", "POST", costPath("00000000-0000-0000-0000-000000000001"), c.token, good, 404, "SubscriptionNotFound"},
		{"app tenant with managing token", "POST", costPath(foreign), c.token, good, 403, "AuthorizationFailed"},
		{"wrong tenant", "POST", path, appToken, good, 401, "InvalidAuthenticationTokenTenant"},
		{"no token", "POST", path, "", good, 401, "AuthenticationFailed"},
		{"garbage", "POST", path, "abc", good, 401, "InvalidAuthenticationToken"},
		{"audience", "POST", path, c.mint(c.conn.ClientID, "https://vault.azure.net"), good, 401, "InvalidAuthenticationTokenAudience"},
		{"expired", "POST", path, must(c.sim.AccessToken(c.conn.ClientID, "https://management.azure.com", -time.Minute)), good, 401, "ExpiredAuthenticationToken"},
	} {
		a := c.do(tt.method, tt.path, tt.token, tt.body)
		if a.status != tt.status || tt.code != "" && a.code(t) != tt.code {
			t.Errorf("%s: %d %.200s", tt.name, a.status, a.body)
		}
	}
	time.Sleep(2100 * time.Millisecond)
	if a := c.do("POST", link, c.token, good); a.status != 400 {
		t.Errorf("expired nextLink: %d", a.status)
	}
}
