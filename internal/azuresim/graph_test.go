package azuresim_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"fresnel/internal/azuresim"
)

const graphPath = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"

type graphAnswer struct {
	TotalRecords    int
	Count           int
	ResultTruncated string
	SkipToken       string `json:"$skipToken"`
	Data            []map[string]any
	Error           struct {
		Code, Message string
		Details       []struct {
			Code, Message, Token    string
			Line                    int
			CharacterPositionInLine int
		}
	}
}

// graphBody is a query over the subscriptions of all delegated tenants.
func (c *client) graphBody(query string, options map[string]any) string {
	var subs []string
	for _, t := range c.sim.Estate() {
		for _, s := range t.Subscriptions {
			subs = append(subs, s.ID)
		}
	}
	b, _ := json.Marshal(map[string]any{"subscriptions": subs, "query": query, "options": options})
	return string(b)
}

func (c *client) graph(token, body string) (graphAnswer, answer) {
	c.t.Helper()
	a := c.do("POST", graphPath, token, body)
	var v graphAnswer
	if err := json.Unmarshal(a.body, &v); err != nil {
		c.t.Fatalf("%d %.300s: %v", a.status, a.body, err)
	}
	return v, a
}

// ask returns the rows of a query over all tenants, of all pages: with the managing tenant's token
// those of the delegated ones, and with its own token those of each other.
func (c *client) ask(query string) []map[string]any {
	c.t.Helper()
	tokens := []string{c.token}
	for _, t := range c.conn.Tenants {
		if t.ClientID != "" {
			tokens = append(tokens, c.mint(t.ClientID, "https://management.azure.com"))
		}
	}
	var out []map[string]any
	for _, token := range tokens {
		out = append(out, c.askAs(token, query)...)
	}
	return out
}

func (c *client) askAs(token, query string) []map[string]any {
	c.t.Helper()
	options := map[string]any{"resultFormat": "objectArray"}
	var out []map[string]any
	for {
		v, a := c.graph(token, c.graphBody(query, options))
		if a.status != 200 {
			c.t.Fatalf("%s: %d %.500s", query, a.status, a.body)
		}
		out = append(out, v.Data...)
		if options["$skipToken"] = v.SkipToken; v.SkipToken == "" {
			return out
		}
	}
}

func TestSmoke(t *testing.T) {
	c := start(t, azuresim.Options{})
	begin := time.Now()
	rows := c.ask("resources | project id,name,type,location,resourceGroup,subscriptionId,tenantId,kind,managedBy,sku,properties,tags,identity,zones | order by id asc")
	fmt.Println(len(rows), time.Since(begin))
	for _, r := range c.ask("resources | summarize n=count() by type | order by n desc") {
		fmt.Println(r["type"], r["n"])
	}
	fmt.Println(len(c.sim.Waste(noon)))
	begin = time.Now()
	fmt.Println(len(c.ask("resourcechanges | project id, properties")), time.Since(begin))
}
