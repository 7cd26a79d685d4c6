package azuresim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// DirectoryPerson are the names of an account: what must not be found where it does not belong.
type DirectoryPerson struct {
	Tenant            string `json:"tenant"`
	ID                string `json:"id"`
	DisplayName       string `json:"displayName"`
	UserPrincipalName string `json:"userPrincipalName"`
	Mail              string `json:"mail,omitempty"`
	Surname           string `json:"surname,omitempty"` // nobody else has it; in none of the product's own texts
}

// DirectoryPeople calls yield for every account of a tenant, or with "" of all, that was ever there until
// an instant, until it says false. The account for synchronization has no name of its own.
func (s *Server) DirectoryPeople(tenant string, at time.Time, yield func(DirectoryPerson) bool) {
	for _, t := range s.estate.tenants {
		if tenant != "" && !strings.EqualFold(tenant, t.id) {
			continue
		}
		v, more := s.directoryAt(t.id, at), true
		v.each(func(i int) bool {
			l := v.life(i)
			if l.unborn {
				return true
			}
			a := v.accountWith(i, l)
			p := DirectoryPerson{t.id, a.id(), a.displayName(), a.principalName(), a.mail(), ""}
			if i != castSync && i != castPackage && a.added == nil {
				_, _, p.Surname = a.names()
			}
			more = yield(p)
			return more
		})
		if !more {
			return
		}
	}
}

// controlIdentity answers /sim/identity and what is under it; false if the path is none of that.
//
//	GET  /sim/identity[?tenant&at&staleDays&graceDays&expiringDays&longDays]   numbers
//	GET  /sim/identity/{list}?tenant=...                                       ids
//	GET  /sim/identity/people[?tenant&at]                                      names, NDJSON
//	GET  /sim/identity/holders?tenant=...[&delegated=true]                     who holds which role
//	GET  /sim/identity/lists                                                   what lists there are
//	GET, PUT  /sim/identity/directory?tenant=...                               DirectoryOptions
//	POST /sim/identity/accounts, roles, azureroles, credentials?tenant=...     adds; answers {"id":...}
//	PUT  /sim/identity/accounts/{what}?tenant=...  {"id":...}                  changes
//	PUT  /sim/identity/remove?tenant=...  {"id":...}                           an assignment or a credential
func (s *Server) controlIdentity(c *call, what string) bool {
	if what == "identity" {
		s.controlTruthOfIdentity(c, "")
		return true
	}
	rest, ok := strings.CutPrefix(what, "identity/")
	if !ok {
		return false
	}
	tenant := c.r.URL.Query().Get("tenant")
	switch {
	case rest == "people":
		s.controlStream(c, func(_ string, at time.Time, line func(any) bool) {
			s.DirectoryPeople(tenant, at, func(p DirectoryPerson) bool { return line(p) })
		})
	case rest == "holders":
		list, err := s.RoleHolders(tenant, c.r.URL.Query().Get("delegated") == "true")
		c.result(list, err)
	case rest == "lists":
		c.json(http.StatusOK, IdentityLists)
	case rest == "directory" && c.r.Method == http.MethodGet:
		o, err := s.Directory(tenant)
		c.result(o, err)
	case c.r.Method == http.MethodGet:
		s.controlTruthOfIdentity(c, rest)
	default:
		id, err := s.controlIdentityEdit(c, tenant, rest)
		c.result(map[string]string{"id": id}, err)
	}
	return true
}

// result answers what something gave, or why it did not.
func (c *call) result(v any, err error) {
	if err != nil {
		c.bad(err)
		return
	}
	c.json(http.StatusOK, v)
}

func (s *Server) controlTruthOfIdentity(c *call, list string) {
	at, ok := s.controlTime(c)
	if !ok {
		return
	}
	q := IdentityQuery{At: at, Tenant: c.r.URL.Query().Get("tenant")}
	for name, into := range map[string]*int{"staleDays": &q.StaleDays, "graceDays": &q.GraceDays, "expiringDays": &q.ExpiringDays, "longDays": &q.LongDays} {
		if text := c.r.URL.Query().Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				c.bad(fmt.Errorf("azuresim: %s %q is not a number of days", name, text))
				return
			}
			*into = n
		}
	}
	if list != "" {
		ids, err := s.IdentityList(list, q)
		c.result(ids, err)
		return
	}
	rows, err := s.Identity(q)
	c.result(rows, err)
}

// controlIdentityEdit does what a test asks of a directory, and tells the id of what was added.
func (s *Server) controlIdentityEdit(c *call, tenant, what string) (string, error) {
	var account NewAccount
	var options DirectoryOptions
	var role RoleAssignment
	var credential Credential
	var azure struct{ Scope, Role, Principal string }
	var named struct {
		ID string `json:"id"`
	}
	change, isChange := strings.CutPrefix(what, "accounts/")
	var into any = &named
	switch what {
	case "accounts":
		into = &account
	case "directory":
		into = &options
	case "roles":
		into = &role
	case "azureroles":
		into = &azure
	case "credentials":
		into = &credential
	}
	dec := json.NewDecoder(c.r.Body)
	dec.DisallowUnknownFields() // a misspelt field would be a case that never happens
	if err := dec.Decode(into); err != nil {
		return "", fmt.Errorf("azuresim: identity: %w", err)
	}
	switch {
	case what == "accounts":
		return s.AddAccount(tenant, account)
	case what == "directory":
		return "", s.SetDirectory(tenant, options)
	case what == "roles":
		return s.AddRoleAssignment(tenant, role)
	case what == "azureroles":
		return s.AddAzureRole(tenant, azure.Scope, azure.Role, azure.Principal)
	case what == "credentials":
		return s.AddCredential(tenant, credential)
	case what == "remove":
		return named.ID, s.RemoveIdentity(tenant, named.ID)
	case isChange:
		return named.ID, s.ChangeAccount(tenant, named.ID, change)
	}
	return "", fmt.Errorf("azuresim: identity: nothing is called %q", what)
}
