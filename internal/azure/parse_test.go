package azure_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fresnel"
	"fresnel/internal/azure"
	"fresnel/internal/cost"
)

func answer(columns, rows string) string {
	cols := ""
	for c := range strings.SplitSeq(columns, " ") {
		cols += `,{"name":"` + c + `","type":"String"}`
	}
	return `{"id":"x","properties":{"nextLink":null,"columns":[` + cols[1:] + `],"rows":[` + rows + `]}}`
}

func TestParseCostPage(t *testing.T) {
	const cols = "Cost CostUSD UsageDate ResourceGroupName ServiceName Currency"
	line := cost.Line{Day: fresnel.Date(2026, 11, 1), ResourceGroup: "rg-web", Service: "Virtual Machines", Currency: "EUR", Micros: 12345679, USDMicros: 13510000}
	for _, c := range []struct {
		name, body string
		want       []cost.Line
		bad        bool
	}{
		{"documented form", answer(cols, `[12.3456789,13.51,20261101,"rg-web","Virtual Machines","EUR"]`), []cost.Line{line}, false},
		{"columns in another order and case", answer("currency usagedate servicename resourcegroup COSTUSD cost", `["eur","20261101","Virtual Machines","rg-web",13.51,12.3456789]`), []cost.Line{line}, false},
		{"float noise rounds once", answer(cols, `[0.07675760200000002,1e-7,20261101,"","",  "USD"]`), []cost.Line{{Day: line.Day, Currency: "USD", Micros: 76758}}, false},
		{"exponents, negatives, halves away from zero", answer(cols, `[-1.2345675E1,5e-7,20261101,null,"s","USD"]`), []cost.Line{{Day: line.Day, Currency: "USD", Micros: -12345675, USDMicros: 1, Service: "s"}}, false},
		{"no rows", `{"properties":{"columns":[],"rows":[]}}`, nil, false},
		{"rows null", `{"properties":{"rows":null}}`, nil, false},
		{"null cost is not zero", answer(cols, `[null,13.51,20261101,"a","b","EUR"]`), nil, true},
		{"null USD is not zero", answer(cols, `[1,null,20261101,"a","b","EUR"]`), nil, true},
		{"no currency", answer(cols, `[1,1,20261101,"a","b",""]`), nil, true},
		{"no date", answer(cols, `[1,1,null,"a","b","EUR"]`), nil, true},
		{"a column is missing", answer("Cost UsageDate ResourceGroupName ServiceName Currency", `[1,20261101,"a","b","EUR"]`), nil, true},
		{"a short row", answer(cols, `[1,1,20261101]`), nil, true},
		{"out of range", answer(cols, `[9e300,1,20261101,"a","b","EUR"]`), nil, true},
		{"HTML", `<html><body>Bad Gateway</body></html>`, nil, true},
		{"cut", `{"properties":{"columns":[{"name":"Cost"`, nil, true},
		{"no properties", `{"error":{"code":"x"}}`, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := azure.ParseCostPage(strings.NewReader(c.body), cost.CutGroups)
			if (err != nil) != c.bad {
				t.Fatalf("error %v, want one: %t", err, c.bad)
			}
			if diff := cmp.Diff(c.want, got); !c.bad && diff != "" && len(c.want)+len(got) > 0 {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzParseCostPage: whatever Azure or a proxy sends, the parser ends, and
// gives whole lines or an error.
func FuzzParseCostPage(f *testing.F) {
	f.Add([]byte(answer("Cost CostUSD UsageDate ResourceGroupName ServiceName Currency", `[1.5,1,20261101,"a","b","EUR"]`)))
	f.Add([]byte(`{"properties":{"nextLink":"https://x/","columns":[],"rows":[[]]}}`))
	f.Add([]byte(`{"properties":{"columns":[{"name":"Cost"}],"rows":[[1e999]]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		lines, _, err := azure.ParseCostPage(bytes.NewReader(b), cost.CutGroups)
		if err != nil {
			return
		}
		for _, l := range lines {
			if l.Currency == "" || l.Day == 0 {
				t.Fatalf("a line without currency or day: %+v", l)
			}
		}
	})
}

func TestRetryAfterTakesTheLargest(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		header http.Header
		want   time.Duration
		kinds  []string
	}{
		{http.Header{}, 0, nil},
		{http.Header{"Retry-After": {"17"}}, 17 * time.Second, []string{"plain"}},
		{http.Header{"Retry-After": {now.Add(90 * time.Second).Format(http.TimeFormat)}}, 90 * time.Second, []string{"plain"}},
		{http.Header{"Retry-After": {now.Add(-time.Hour).Format(http.TimeFormat)}}, 0, nil},
		{http.Header{"X-Ms-Retry-After-Ms": {"2500"}}, 2500 * time.Millisecond, []string{"plain"}},
		{http.Header{"X-Ms-Ratelimit-Microsoft.costmanagement-Qpu-Retry-After": {"40"}, "X-Ms-Ratelimit-Microsoft.costmanagement-Entity-Retry-After": {"70"}}, 70 * time.Second, []string{"qpu", "entity"}},
		{http.Header{"Retry-After": {"never"}}, 0, nil},
		{http.Header{"Retry-After": {"-5"}}, 0, nil},
	} {
		got, kinds := azure.RetryAfter(c.header, now)
		if got != c.want || !cmp.Equal(kinds, c.kinds) {
			t.Errorf("%v: %s %v, want %s %v", c.header, got, kinds, c.want, c.kinds)
		}
	}
}

func client(t *testing.T, cfg azure.Config) *azure.Client {
	t.Helper()
	cfg.AuthorityURL, cfg.ResourceManagerURL = "https://login.microsoftonline.com/", "https://management.azure.com"
	cfg.TenantID, cfg.ClientID, cfg.Credential, cfg.ClientSecret = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", azure.ClientSecret, "x"
	c, err := azure.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A token must never go where an answer points us.
func TestForeignNextLinkIsRefused(t *testing.T) {
	c := client(t, azure.Config{})
	for link, ok := range map[string]bool{
		"https://management.azure.com/subscriptions?$skiptoken=a": true,
		"https://MANAGEMENT.azure.com/x":                          true,
		"http://management.azure.com/x":                           false,
		"https://management.azure.com.evil.example/x":             false,
		"https://evil.example/x":                                  false,
		"https://management.azure.com:444/x":                      false,
		"https://user@management.azure.com/x":                     false,
		"//management.azure.com/x":                                false,
		"::":                                                      false,
	} {
		if _, err := c.NextLink(link); (err == nil) != ok {
			t.Errorf("%s: followed %t, want %t", link, err == nil, ok)
		}
	}
}

func TestSecretRefs(t *testing.T) {
	azureVaults, simVault := client(t, azure.Config{}), client(t, azure.Config{VaultHost: "127.0.0.1:8443"})
	for _, c := range []struct {
		client *azure.Client
		ref    string
		ok     bool
	}{
		{azureVaults, "https://kv-a.vault.azure.net/secrets/tenant-a", true},
		{azureVaults, "https://kv-a.vault.azure.net/secrets/tenant-a/0f3b", true},
		{azureVaults, "https://kv-a.vault.azure.net.evil.example/secrets/tenant-a", false},
		{azureVaults, "https://127.0.0.1:8443/secrets/tenant-a", false},
		{azureVaults, "http://kv-a.vault.azure.net/secrets/tenant-a", false},
		{azureVaults, "https://kv-a.vault.azure.net/keys/tenant-a", false},
		{azureVaults, "https://kv-a.vault.azure.net/secrets/a%2Fb", false},
		{azureVaults, "my-secret-value", false},
		{simVault, "https://127.0.0.1:8443/secrets/tenant-a", true},
		{simVault, "https://kv-a.vault.azure.net/secrets/tenant-a", false},
	} {
		err := c.client.CheckSecretRef(c.ref)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %t", c.ref, err, c.ok)
		}
		var e *fresnel.Error
		if err != nil && (!errors.As(err, &e) || e.Kind != fresnel.Invalid) {
			t.Errorf("%s: %v is not Invalid", c.ref, err)
		}
	}
}
