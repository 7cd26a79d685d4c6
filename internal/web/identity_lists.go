package web

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/identity"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

const identityRows = 20

// identityTab is lists that are shown under one word.
type identityTab struct {
	kind, label string
	api         string // the list of the API; "" = there is none
	lists       []sublist
}

// sublist is a list as an address names it: the first of a tab is the whole.
type sublist struct{ word, label string }

var identityTabs = []identityTab{
	{"accounts", "Privileged", "privileged", []sublist{
		{"privileged", "All"},
		{"privileged-mfa-missing", "Without MFA"},
		{"privileged-mfa-unknown", "MFA unknown"},
		{"privileged-standing", "Standing"},
		{"eligible-only", "Eligible only"},
		{"global-administrators", "Global administrators"},
		{"control-plane", "Control plane"},
		{"privileged-azure", "Over subscriptions"},
		{"disabled-with-roles", "Disabled"},
		{"privileged-readers", "Readers"},
	}},
	{"accounts", "Guests", "guests", []sublist{{"guests", "All"}, {"guests-idle", "Idle"}, {"guests-pending", "Invitation open"}, {"guests-with-roles", "With roles"}}},
	{"accounts", "Stale", "stale", []sublist{{"stale", "All"}, {"stale-members", "Members"}, {"stale-used", "Used before"}, {"never-used", "Never used"}, {"newcomers", "New, not used yet"}}},
	{"accounts", "MFA missing", "mfa", []sublist{{"mfa-missing", "Not registered"}, {"mfa-unknown", "Not in the report"}, {"mfa-registered", "Registered"}}},
	{"credentials", "Credentials", "credentials", []sublist{
		{"credentials", "All"}, {"credentials-expired", "Expired"}, {"credentials-expiring", "Expiring"}, {"credentials-endless", "Without an end"}, {"credentials-long", "Too long"}, {"credentials-valid", "Valid"},
	}},
	{"roles", "Roles", "roles", []sublist{{"roles", "All"}, {"roles-directory", "Directory"}, {"roles-azure", "Over subscriptions"}}},
	{"others", "Applications with power", "privileged/others", []sublist{{"others", "All"}}},
	{"findings", "Findings", "", []sublist{{"findings", "All"}}},
	{"accounts", "All users", "", []sublist{{"users", "All"}, {"members", "Members"}, {"external-members", "External members"}, {"disabled", "Disabled"}, {"disabled-with-licence", "Disabled with a licence"}}},
}

// listed is the list that a query asks for, and where it belongs; a word that is none is ignored with a note.
func (h handlers) listed(q *request) (identityTab, sublist) {
	if q.query.List == "" {
		return identityTabs[0], identityTabs[0].lists[0]
	}
	for _, t := range identityTabs {
		if t.kind == "findings" && h.Findings.Reader == nil {
			continue
		}
		for _, l := range t.lists {
			if l.word == q.query.List {
				return t, l
			}
		}
	}
	q.note("Ignored list=" + clipWord(q.query.List) + ": there is no such list.")
	q.query.List = ""
	return identityTabs[0], identityTabs[0].lists[0]
}

// listSize is how long a list is; false where only the list itself tells.
func listSize(sum identity.Summary, word string) (identity.Count, bool) {
	if state, ok := strings.CutPrefix(word, "credentials"); ok {
		if state = strings.TrimPrefix(state, "-"); state == "long" {
			return sum.Overall.LongCredentials(), true
		}
		return sum.Overall.Credentials(identity.CredentialState(state)), true
	}
	l, err := identity.ListNamed(word)
	if err != nil {
		return identity.Count{}, false
	}
	return sum.Overall.Count(l), true
}

func sizeWords(c identity.Count) string {
	switch {
	case !c.Known():
		return " (" + page.Dash + ")"
	case c.Parts > 0:
		return " (" + atLeast + page.Count(c.N) + ")"
	}
	return " (" + page.Count(c.N) + ")"
}

// tabsModel are the links to the lists, with how long they are.
func (h handlers) tabsModel(q *request, sum identity.Summary, now identityTab) []ui.Choice {
	var out []ui.Choice
	for _, t := range identityTabs {
		if t.kind == "findings" && h.Findings.Reader == nil {
			continue
		}
		label := t.label
		if c, ok := listSize(sum, t.lists[0].word); ok {
			label += sizeWords(c)
		}
		out = append(out, ui.Choice{Label: label, URL: q.query.WithList(t.lists[0].word).URL(page.PathIdentity) + "#lists", Current: t.label == now.label})
	}
	return out
}

// partsModel are the lists that one can be narrowed to. One that nobody is in is left out, unless it is looked at.
func partsModel(q *request, sum identity.Summary, t identityTab, now sublist) []ui.Choice {
	var out []ui.Choice
	for i, l := range t.lists {
		label := l.label
		if c, ok := listSize(sum, l.word); ok {
			if i > 0 && c.Known() && c.N == 0 && l.word != now.word {
				continue
			}
			label += sizeWords(c)
		}
		out = append(out, ui.Choice{Label: label, URL: q.query.WithList(l.word).URL(page.PathIdentity) + "#lists", Current: l.word == now.word})
	}
	return out
}

func (h handlers) identityList(ctx context.Context, q *request) (templ.Component, error) {
	h.mayName(q)
	tab, list := h.listed(q)
	if tab.kind == "findings" {
		return nil, fresnel.Errorf(fresnel.NotFound, "findings have no region of their own")
	}
	reads, err := h.Identity.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	fresh, err := h.identityFreshness(ctx, q, reads)
	if err != nil {
		return nil, err
	}
	m, err := h.identityListModel(ctx, q, tab, list, reads, fresh)
	return page.IdentityListPanel(m), err
}

func (h handlers) identityListModel(ctx context.Context, q *request, tab identityTab, list sublist, reads []identity.TenantRead, fresh page.Freshness) (page.IdentityList, error) {
	m := page.IdentityList{Kind: page.ListKind(tab.kind), Title: tab.label}
	if tab.lists[0].word != list.word {
		m.Title += ": " + strings.ToLower(list.label[:1]) + list.label[1:]
	}
	var err error
	switch tab.kind {
	case "credentials":
		err = h.credentialList(ctx, q, &m, list)
	case "roles":
		err = h.roleList(ctx, q, &m, list)
	case "others":
		err = h.otherList(ctx, q, &m)
	default:
		err = h.accountList(ctx, q, &m, tab, list, reads)
	}
	m.Region = page.Region{Query: q.query, Fresh: fresh}
	if q.query.Cursor != "" {
		m.BackURL = q.query.WithCursor("").URL(page.PathIdentity) + "#lists"
	}
	if m.NextURL != "" {
		m.NextURL += "#lists"
	}
	if tab.api != "" {
		m.CSV = csvOf(q, tab, list, m.Sort)
	}
	if m.Fresh.State == page.Ready && m.Unknown == "" && m.Len() == 0 && q.query.Cursor == "" {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "None of these", "Nobody and nothing of these tenants is in this list."
	}
	return m, err
}

// csvOf is the address of the API's list of what is shown.
func csvOf(q *request, tab identityTab, list sublist, sort string) string {
	v := url.Values{}
	whole := list.word == tab.lists[0].word
	switch tab.kind {
	case "credentials":
		switch state := strings.TrimPrefix(list.word, "credentials-"); {
		case whole:
		case state == "long":
			v.Set("long", "true")
		default:
			v.Set("state", state)
		}
	case "roles":
		if !whole {
			v.Set("kind", strings.TrimPrefix(list.word, "roles-"))
		}
	case "accounts":
		if !whole {
			v.Set("list", list.word)
		}
		if q.query.Sort != "" {
			v.Set("sort", sort)
		}
	}
	return q.query.IdentityCSV(tab.api, v)
}

// unknown fills what stands in the place of a list that no tenant lets us see.
func unknownList(m *page.IdentityList, reads []identity.TenantRead, needs []identity.Fact) {
	m.Total, m.Unknown = page.Dash, "This list is not known"
	for _, t := range reads {
		if !readAt(t).IsZero() {
			m.UnknownWhy = why(t, needs) + "."
			return
		}
	}
	if len(reads) > 0 {
		m.UnknownWhy = why(reads[0], needs) + "."
	}
}

// counted writes how long a list is.
func counted(c identity.Count) string {
	s := page.Count(c.N)
	if c.Parts > 0 {
		s = atLeast + s
	}
	return s
}

func partWords(c identity.Count) string {
	var s []string
	if c.Tenants < c.Of {
		s = append(s, "known of "+page.Count(c.Tenants)+" of "+page.Plural(c.Of, "tenant", "tenants"))
	}
	if c.Parts > 0 {
		s = append(s, "in part in "+page.Count(c.Parts))
	}
	return strings.Join(s, ", ")
}

func (h handlers) credentialList(ctx context.Context, q *request, m *page.IdentityList, list sublist) error {
	ask := identity.CredentialQuery{Limit: identityRows, Long: list.word == "credentials-long"}
	if state, ok := strings.CutPrefix(list.word, "credentials-"); ok && !ask.Long {
		ask.State = identity.CredentialState(state)
	}
	if p := cursorParts(q, 4); p != nil {
		end, err := strconv.ParseInt(p[0], 36, 64)
		if err != nil {
			q.badCursor()
		} else {
			ask.After = identity.CredentialPlace{End: end, Tenant: fresnel.TenantID(p[1]), App: p[2], ID: p[3]}
		}
	}
	got, err := h.Identity.Credentials(ctx, q.scope, ask)
	if err != nil {
		return err
	}
	if !got.Count.Known() {
		unknownList(m, got.Reads, []identity.Fact{identity.FactAccounts, identity.FactApps})
		return nil
	}
	m.Total, m.Sub = counted(got.Count), dottedWords("those that ended first come first", partWords(got.Count))
	if n := got.Next; n != nil {
		m.NextURL = q.next(strconv.FormatInt(n.End, 36), string(n.Tenant), n.App, n.ID)
	}
	for i := range got.Rows {
		m.Credentials = append(m.Credentials, credentialLine(q, &got.Rows[i], h.Identity.Limits))
	}
	return nil
}

func (h handlers) roleList(ctx context.Context, q *request, m *page.IdentityList, list sublist) error {
	got, err := h.Identity.Roles(ctx, q.scope)
	if err != nil {
		return err
	}
	needs := []identity.Fact{identity.FactRoles}
	if list.word == "roles-azure" {
		needs = []identity.Fact{identity.FactAzureRoles}
	}
	known := slices.ContainsFunc(got.Reads, func(t identity.TenantRead) bool {
		return t.Knows(needs...) || list.word == "roles" && t.Knows(identity.FactAzureRoles)
	})
	if !known {
		unknownList(m, got.Reads, needs)
		return nil
	}
	rows := slices.DeleteFunc(slices.Clone(got.Rows), func(r identity.RoleCount) bool {
		return list.word == "roles-azure" && !r.Azure || list.word == "roles-directory" && r.Azure
	})
	from := min(q.offset(), len(rows))
	to := min(from+identityRows, len(rows))
	reads := map[fresnel.TenantID]identity.TenantRead{}
	for _, t := range got.Reads {
		reads[t.Tenant] = t
	}
	for _, r := range rows[from:to] {
		m.Roles = append(m.Roles, roleLine(q, r, reads[r.Tenant]))
	}
	m.Total, m.Sub = page.Count(len(rows)), "the most powerful first; people are counted once, through groups too"
	m.NextURL, _ = q.ways(page.PathIdentity, from, to, len(rows))
	return nil
}

func (h handlers) otherList(ctx context.Context, q *request, m *page.IdentityList) error {
	var after *identity.Principal
	if p := cursorParts(q, 2); p != nil {
		after = &identity.Principal{Tenant: fresnel.TenantID(p[0]), ID: p[1]}
	}
	got, err := h.Identity.Others(ctx, q.scope, after, identityRows)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(got.Reads, func(t identity.TenantRead) bool {
		return t.Knows(identity.FactRoles) || t.Knows(identity.FactAzureRoles)
	}) {
		unknownList(m, got.Reads, []identity.Fact{identity.FactRoles})
		return nil
	}
	m.Sub = "and managed identities, and principals that are no more"
	for i := range got.Rows {
		m.Others = append(m.Others, otherLine(q, &got.Rows[i]))
	}
	if n := got.Next; n != nil {
		m.NextURL = q.next(string(n.Tenant), n.ID)
	}
	return nil
}

// next is where the rows after a place are. Its words are what cursorParts gives.
func (q *request) next(place ...string) string {
	return q.query.WithCursor(strings.Join(place, ".")).URL(page.PathIdentity)
}

// cursorParts are the words of a cursor; nil = none, or none that is one.
func cursorParts(q *request, n int) []string {
	if q.query.Cursor == "" {
		return nil
	}
	p := strings.SplitN(q.query.Cursor, ".", n)
	if len(p) < n || slices.Contains(p, "") {
		q.badCursor()
		return nil
	}
	return p
}

func (q *request) badCursor() {
	q.note("Ignored cursor=" + clipWord(q.query.Cursor) + ": this is the first page.")
	q.query.Cursor = ""
}

func dottedWords(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " · ")
}
