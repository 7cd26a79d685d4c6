package azuresim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// identSet is what a list is made of: rows by place; nil where there is none.
type identSet struct {
	kind *identKind
	n    int
	row  func(i int) identRow
	// typed lists tell of each row what it is.
	typed  bool
	expand []string // what can be expanded
}

func setOf(kind *identKind, rows []identRow) identSet {
	return identSet{kind: kind, n: len(rows), row: func(i int) identRow { return rows[i] }}
}

// selected are the names in $select.
func (g *identCall) selected() []string {
	var out []string
	for name := range strings.SplitSeq(g.query.Get("$select"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// unsupported refuses a query that needs the advanced capabilities, or that is not simulated.
func (g *identCall) unsupported(message string) {
	g.fail(http.StatusBadRequest, "Request_UnsupportedQuery", message)
}

func (g *identCall) badRequest(message string) {
	g.fail(http.StatusBadRequest, "Request_BadRequest", message)
}

// advanced says whether the header for advanced queries is there.
func (g *identCall) advanced() bool {
	return strings.EqualFold(g.r.Header.Get("ConsistencyLevel"), "eventual")
}

// checkQuery answers a query with options that are unknown or not simulated.
func (g *identCall) checkQuery(*identEndpoint) bool {
	for name := range g.query {
		if !strings.HasPrefix(name, "$") {
			continue
		}
		switch name {
		case "$select", "$top", "$filter", "$count", "$expand", "$skiptoken", "$deltatoken", "$format":
		case "$skip":
			g.badRequest("'$skip' is not supported by the service.")
			return false
		case "$orderby", "$search":
			g.fail(http.StatusNotImplemented, "NotImplemented", "'"+name+"' is not simulated.")
			return false
		default:
			g.badRequest("The query parameter '" + name + "' is not supported.")
			return false
		}
	}
	if v := g.query.Get("$count"); v != "" && v != "true" && v != "false" {
		g.badRequest("Invalid value '" + v + "' for $count query option found. Valid values are 'true, false'.")
		return false
	}
	return true
}

// asked is what a list's query asks for.
type asked struct {
	names  []string // of the properties
	expand []string
	filter identFilter
	size   int
	count  bool
}

// ask reads a list's query, and answers it if it makes no sense.
func (g *identCall) ask(set *identSet) (sh asked, ok bool) {
	kind := set.kind
	if sh.names, ok = g.names(kind); !ok {
		return sh, false
	}
	for name := range strings.SplitSeq(g.query.Get("$expand"), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.Contains(set.expand, name) {
			g.fail(http.StatusBadRequest, "BadRequest", fmt.Sprintf("Parsing OData Select and Expand failed: Could not find a property named '%s' on type '%s'.", name, kind.entity))
			return sh, false
		}
		sh.expand = append(sh.expand, name)
	}
	if len(sh.expand) > 1 {
		g.badRequest("Request contains more than one $expand, which is not supported.")
		return sh, false
	}
	sh.size = kind.page
	if text := g.query.Get("$top"); g.query.Has("$top") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > kind.most {
			g.badRequest(fmt.Sprintf("Invalid page size specified: '%s'. Must be between 1 and %d inclusive.", text, kind.most))
			return sh, false
		}
		sh.size = n
	}
	if kind == kindUsers && slices.Contains(sh.names, "signInActivity") {
		sh.size = min(sh.size, 500)
	}
	sh.count = g.query.Get("$count") == "true"
	if sh.count && !g.advanced() && slices.Contains([]*identKind{kindUsers, kindGroups, kindApplications, kindServices, kindObjects}, kind) {
		g.unsupported("$count is not currently supported.")
		return sh, false
	}
	sh.filter, ok = g.filter(kind)
	return sh, ok
}

// names are the properties that a query asks for.
func (g *identCall) names(kind *identKind) ([]string, bool) {
	names := g.selected()
	for _, n := range names {
		if !kind.has(n) {
			g.fail(http.StatusBadRequest, "BadRequest", fmt.Sprintf("Parsing OData Select and Expand failed: Could not find a property named '%s' on type '%s'.", n, kind.entity))
			return nil, false
		}
	}
	if kind == kindUsers && slices.Contains(names, "signInActivity") {
		if !g.may(permAudit) {
			g.denied()
			return nil, false
		}
		if !g.licensed(1) {
			return nil, false
		}
	}
	if len(names) == 0 {
		names = kind.shown()
	}
	return names, true
}

// list answers one page of a list. Its pages show one instant, that of the first.
func (g *identCall) list(make func(v *identView) identSet) {
	token := pageToken{At: g.at, For: g.purpose()}
	if sealed := g.query.Get("$skiptoken"); sealed != "" {
		var ok bool
		if token, ok = g.s.open(sealed, token.For); !ok {
			g.badRequest("The $skiptoken is not valid or has expired.")
			return
		}
	}
	v := *g.v
	v.at = token.At
	g.v = &v
	set := make(&v)
	sh, ok := g.ask(&set)
	if !ok {
		return
	}
	rows, next, empty := g.page(&set, &sh, &token)
	body := g.head(&set, &sh)
	if sh.count && token.Offset == 0 {
		n := 0
		for i := range set.n {
			if r := set.row(i); r != nil && sh.filter.keeps(r) {
				n++
			}
		}
		body = append(body, `"@odata.count":`...)
		body = strconv.AppendInt(body, int64(n), 10)
		body = append(body, ',')
	}
	if next < set.n {
		token.Offset, token.Empty = next, empty
		body = append(body, `"@odata.nextLink":`...)
		body = appendText(body, g.link("$skiptoken", g.s.seal(token)))
		body = append(body, ',')
	}
	body = append(body, `"value":[`...)
	body = append(body, rows...)
	g.raw(append(body, `]}`...))
}

// head begins an answer with its context.
func (g *identCall) head(set *identSet, sh *asked) []byte {
	context := g.s.URL() + "/v1.0/$metadata#" + set.kind.name
	if g.query.Has("$select") {
		context += "(" + strings.Join(sh.names, ",") + ")"
	}
	return append(appendText([]byte(`{"@odata.context":`), context), ',')
}

func (g *identCall) raw(body []byte) {
	g.w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	g.w.WriteHeader(http.StatusOK)
	g.w.Write(body)
}

// page makes the rows of a page, and says where the next one begins. Now and then a page is empty.
func (g *identCall) page(set *identSet, sh *asked, token *pageToken) (rows []byte, next int, empty bool) {
	i := token.Offset
	fault := Fault{}
	if g.fault != nil {
		fault = *g.fault
	}
	whim := i > 0 && !token.Empty && set.n > 300 && below(mix(g.v.key, label("empty page"), uint64(i)), 7) == 0
	if fault.Kind == faultEmpty || whim {
		return nil, i, true
	}
	if fault.Kind == faultDuplicates {
		for j := i - 1; j >= 0; j-- { // the last of the page before
			if r := set.row(j); r != nil && sh.filter.keeps(r) {
				i = j
				break
			}
		}
	}
	count := 0
	for ; i < set.n && count < sh.size; i++ {
		r := set.row(i)
		if r == nil || !sh.filter.keeps(r) {
			continue
		}
		if count > 0 {
			rows = append(rows, ',')
		}
		rows = appendRow(rows, r, set, sh, &fault, count)
		count++
	}
	for ; i < set.n; i++ { // no page after the last row
		if r := set.row(i); r != nil && sh.filter.keeps(r) {
			break
		}
	}
	return rows, i, false
}

// appendRow writes a row, as a fault wants it.
func appendRow(b []byte, r identRow, set *identSet, sh *asked, fault *Fault, n int) []byte {
	b = append(b, '{')
	first := true
	if set.typed {
		b = append(b, `"@odata.type":`...)
		b = appendValue(b, r.prop("@odata.type"))
		first = false
	}
	missing := fault.Column
	if fault.Kind == faultColumns && missing == "" {
		missing = sh.names[0]
	}
	for _, list := range [][]string{sh.names, sh.expand} {
		for _, name := range list {
			if fault.Kind == faultColumns && name == missing {
				continue
			}
			value := r.prop(name)
			if name == "signInActivity" && value == nil {
				continue // who never signed in does not have it
			}
			if fault.Kind == faultNulls && n%3 == 2 && name != "id" {
				value = nil
			}
			if text, ok := value.(string); ok && fault.Kind == faultCase && (name == "id" || strings.HasSuffix(name, "Id")) {
				value = mixCase(text, n)
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendText(b, name)
			b = append(b, ':')
			b = appendValue(b, value)
		}
	}
	return append(b, '}')
}

// purpose ties a token to what was asked.
func (g *identCall) purpose() string {
	v := url.Values{}
	for k, list := range g.query {
		if k != "$skiptoken" && k != "$deltatoken" {
			v[k] = list
		}
	}
	return "graph " + g.p.tenantID + " " + strings.ToLower(strings.Join(g.path, "/")) + "?" + v.Encode()
}

// link is the request again, with a token.
func (g *identCall) link(name, token string) string {
	v := url.Values{}
	for k, list := range g.query {
		if k != "$skiptoken" && k != "$deltatoken" {
			v[k] = list
		}
	}
	v.Set(name, token)
	return g.s.URL() + "/" + strings.Join(g.path, "/") + "?" + v.Encode()
}

// one answers a single entity.
func (g *identCall) one(kind *identKind, r identRow) {
	names, ok := g.names(kind)
	if !ok {
		return
	}
	set := identSet{kind: kind}
	sh := asked{names: names}
	body := g.head(&set, &sh)
	row := appendRow(nil, r, &set, &sh, &Fault{}, 0)
	g.raw(append(body, row[1:]...))
}

func (g *identCall) notFound(id string) {
	g.fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}
