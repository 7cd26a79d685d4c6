package page

import "net/url"

// Who narrows who is in a tenant, and who holds power.
type Who struct {
	List  string // what is listed: a list of accounts, credentials, roles, others, findings; "" is the privileged
	By    string // the order of the tenants
	Names bool   // people are shown by their names, on a page that is not kept
}

// tenantOrders are the orders of the table of tenants; "" is the first.
var tenantOrders = []string{"no-mfa", "name", "users", "mfa", "privileged", "guests", "stale", "expiring"}

// TenantOrder is the order of the tenants that a query asks for.
func TenantOrder(q Query) string { return oneOf(q.By, tenantOrders) }

func parseWho(values url.Values) (w Who, notes []string) {
	if w.List = values.Get("list"); len(w.List) > 40 {
		w.List = ""
		notes = append(notes, "Ignored list: there is none of that name.")
	}
	if v := values.Get("by"); v != "" && v != tenantOrders[0] {
		if w.By = oneOf(v, tenantOrders); w.By != v {
			w.By = ""
			notes = append(notes, "Ignored by="+v+": not a known value.")
		}
	}
	w.Names = values.Get("names") == "1"
	return w, notes
}

func (w Who) writeWho(v url.Values) {
	if w.List != "" {
		v.Set("list", w.List)
	}
	if w.By != "" {
		v.Set("by", w.By)
	}
	if w.Names {
		v.Set("names", "1")
	}
}

// WithList is q of another list, from its first row, in its own order and without names: those are asked for anew.
func (q Query) WithList(list string) Query {
	q.List, q.Sort, q.Cursor, q.Names, q.Rule, q.State = list, "", "", false, "", ""
	return q
}

// WithBy is q with the tenants in another order.
func (q Query) WithBy(by string) Query {
	if q.By = by; by == tenantOrders[0] {
		q.By = ""
	}
	return q
}

// WithNames is q with the names of people, or without.
func (q Query) WithNames(on bool) Query { q.Names = on; return q }

// IdentityCSV is the address of a list of identity of the REST API; words are its own. It never has names.
func (q Query) IdentityCSV(path string, words url.Values) string {
	q.Subs = nil
	if words == nil {
		words = url.Values{}
	}
	return q.csv("identity/"+path, words)
}

// IdentityFindingsCSV is the address of the REST API's list of what rules found.
func (q Query) IdentityFindingsCSV() string {
	v := url.Values{"domain": {"identity"}}
	if q.Rule != "" {
		v.Set("rule", q.Rule)
	}
	if q.State != "" {
		v.Set("state", q.State)
	}
	q.Subs = nil
	return q.csv("findings", v)
}
