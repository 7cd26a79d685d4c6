package azuresim_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

// noon is a Monday in the last third of a month.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// payg is the offer for which Cost is not known, but only PreTaxCost.
const payg = "PayAsYouGo_2014-09-01"

// preTax asks for the columns that every offer knows.
func preTax(body string) string {
	return strings.ReplaceAll(body, `"name":"Cost`, `"name":"PreTaxCost`)
}

type client struct {
	t     *testing.T
	sim   *azuresim.Server
	http  *http.Client
	conn  azuresim.Connection
	clock *azuresim.Clock
	token string // of the managing app for ARM
}

// start runs a simulator with a clock frozen at noon and a client that trusts it.
func start(t *testing.T, o azuresim.Options) *client {
	t.Helper()
	if o.Clock == nil {
		o.Clock = azuresim.NewClock()
		o.Clock.Freeze(noon)
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	sim, err := azuresim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(sim.CA())
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: 30 * time.Second}
	t.Cleanup(func() {
		hc.CloseIdleConnections()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &client{t: t, sim: sim, http: hc, conn: sim.Connection(), clock: o.Clock}
	c.token = c.mint(c.conn.ClientID, "https://management.azure.com")
	return c
}

func (c *client) mint(clientID, audience string) string {
	c.t.Helper()
	tok, err := c.sim.AccessToken(clientID, audience, time.Hour)
	if err != nil {
		c.t.Fatal(err)
	}
	return tok
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) code(t *testing.T) string {
	t.Helper()
	var v struct {
		Error json.RawMessage `json:"error"`
	}
	var inner struct{ Code string }
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	_ = json.Unmarshal(v.Error, &inner)
	return inner.Code
}

// try sends a request; path may be a whole URL.
func (c *client) try(method, path, token, body string) (answer, error) {
	if strings.HasPrefix(path, "/") {
		path = c.sim.URL() + path
	}
	req, _ := http.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if strings.HasSuffix(path, "/token") {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

func (c *client) do(method, path, token, body string) answer {
	c.t.Helper()
	a, err := c.try(method, path, token, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func costPath(sub string) string {
	return "/subscriptions/" + sub + "/providers/Microsoft.CostManagement/query?api-version=2025-03-01"
}

type costAnswer struct {
	Properties struct {
		NextLink *string
		Columns  []struct{ Name, Type string }
		Rows     [][]any
	}
}

// pages posts a query and follows its nextLinks.
func (c *client) pages(path, token, body string) (columns []string, rows [][]any, n int) {
	c.t.Helper()
	for path != "" {
		a := c.do("POST", path, token, body)
		if a.status != 200 {
			c.t.Fatalf("query: %d %s", a.status, a.body)
		}
		var v costAnswer
		dec := json.NewDecoder(bytes.NewReader(a.body))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			c.t.Fatal(err)
		}
		columns = nil
		for _, col := range v.Properties.Columns {
			columns = append(columns, col.Name)
		}
		rows = append(rows, v.Properties.Rows...)
		n++
		path = ""
		if v.Properties.NextLink != nil {
			path = *v.Properties.NextLink
		}
	}
	return columns, rows, n
}

// delegated returns the first delegated tenant's subscription that has costs and a currency.
func (c *client) delegated() (azuresim.EstateTenant, azuresim.EstateSubscription) {
	t := c.sim.Estate()[0]
	for _, s := range t.Subscriptions {
		if s.Offer != payg {
			return t, s
		}
	}
	c.t.Fatal("the first tenant has pay-as-you-go subscriptions only")
	return t, azuresim.EstateSubscription{}
}

func (c *client) tokenForm(kv ...string) string {
	v := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.conn.ClientID}, "client_secret": {c.conn.ClientSecret},
		"scope": {"https://management.azure.com/.default"},
	}
	for i := 0; i < len(kv); i += 2 {
		v.Set(kv[i], kv[i+1])
		if kv[i+1] == "" {
			v.Del(kv[i])
		}
	}
	return v.Encode()
}
