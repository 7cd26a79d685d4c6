package web

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"fresnel"
	"fresnel/internal/identity"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

// accountList is a page of a list of accounts.
func (h handlers) accountList(ctx context.Context, q *request, m *page.IdentityList, tab identityTab, list sublist, reads []identity.TenantRead) error {
	l, err := identity.ListNamed(list.word)
	if err != nil {
		return err
	}
	m.Power = tab.label == "Privileged" || l == identity.GuestsWithRoles
	orders := []identity.Order{identity.ByUse, identity.ByNewest}
	if m.Power || tab.label == "MFA missing" {
		orders = []identity.Order{identity.ByRisk, identity.ByUse, identity.ByNewest}
	}
	ask := identity.ListQuery{List: l, Order: orders[0], Limit: identityRows, Grants: m.Power, Reads: reads}
	if slices.Contains(orders, identity.Order(q.query.Sort)) {
		ask.Order = identity.Order(q.query.Sort)
	}
	m.Sort = string(ask.Order)
	ask.After = accountPlace(q)
	got, err := h.Identity.List(ctx, q.scope, ask)
	if err != nil {
		return err
	}
	if !got.Count.Known() {
		unknownList(m, got.Reads, l.Needs())
		return nil
	}
	m.Total, m.Sub = counted(got.Count), dottedWords(orderWords[ask.Order], partWords(got.Count))
	if got.Next != nil {
		m.NextURL = q.next(strconv.Itoa(got.Next.Rank), strconv.FormatInt(got.Next.Key, 36), string(got.Next.Tenant), got.Next.ID)
	}
	var names map[identity.Principal]string
	if h.Names != nil && h.Names.Allowed {
		m.NamesURL = q.query.WithNames(!q.query.Names).URL(page.PathIdentity) + "#lists"
		if m.Named = q.query.Names; m.Named {
			names, m.NamesWhy = h.namesOf(ctx, q, got.Rows)
		}
	}
	for i := range got.Rows {
		a := accountLine(q, &got.Rows[i], m.Power)
		a.Name = names[identity.Principal{Tenant: got.Rows[i].Tenant, ID: got.Rows[i].ID}]
		m.Accounts = append(m.Accounts, a)
	}
	return nil
}

var orderWords = map[identity.Order]string{identity.ByRisk: "sorted by risk", identity.ByUse: "the longest unused first", identity.ByNewest: "the newest first"}

// accountPlace is where the page begins; nil = at the first row.
func accountPlace(q *request) *identity.AccountPlace {
	p := cursorParts(q, 4)
	if p == nil {
		return nil
	}
	rank, err := strconv.Atoi(p[0])
	key, err2 := strconv.ParseInt(p[1], 36, 64)
	if err != nil || err2 != nil {
		q.badCursor()
		return nil
	}
	return &identity.AccountPlace{Rank: rank, Key: key, Tenant: fresnel.TenantID(p[2]), ID: p[3]}
}

// mayName drops the wish for names where nobody may see them.
func (h handlers) mayName(q *request) {
	if q.query.Names && (h.Names == nil || !h.Names.Allowed) {
		q.note("Names are not shown here. Whoever runs Fresnel can allow them: FRESNEL_IDENTITY_NAMES=true.")
		q.query.Names = false
	}
}

const (
	namesWait  = 8 * time.Second // for all tenants of a page: a browser gives up after 15
	namesAlike = 4               // tenants that are asked at a time
)

// namesOf asks for the names of the accounts of a page. Where that fails, ids stay; why says so, once.
func (h handlers) namesOf(ctx context.Context, q *request, rows []identity.AccountRow) (names map[identity.Principal]string, why string) {
	ctx, cancel := context.WithTimeout(ctx, namesWait)
	defer cancel()
	ids := map[fresnel.TenantID][]string{}
	for i := range rows {
		ids[rows[i].Tenant] = append(ids[rows[i].Tenant], rows[i].ID)
	}
	names = map[identity.Principal]string{}
	var failed []string
	var mu sync.Mutex
	var wg sync.WaitGroup
	turn := make(chan struct{}, namesAlike)
	for t, list := range ids {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			got, err := h.Names.Of(ctx, q.scope, t, list)
			mu.Lock()
			defer mu.Unlock()
			for id, name := range got {
				names[identity.Principal{Tenant: t, ID: id}] = name
			}
			if err != nil {
				failed = append(failed, namesFailed(tenantName(q, t), err))
			}
		})
	}
	wg.Wait()
	if len(failed) == 0 {
		return names, ""
	}
	slices.Sort(failed)
	if why = failed[0]; len(failed) > 1 {
		why += " So it is of " + page.Plural(len(failed)-1, "other tenant", "other tenants") + "."
	}
	return names, why
}

// namesFailed says why the names of a tenant are not shown, without what Graph answered: it may name somebody.
func namesFailed(tenant string, err error) string {
	s := "Names of " + tenant + " are not shown: "
	switch fresnel.KindOf(err) {
	case fresnel.Denied:
		return s + "Microsoft Graph does not allow it. Check the consent and the permission User.Read.All."
	case fresnel.Unavailable:
		return s + "Microsoft Graph does not answer now. Try again in a minute."
	case fresnel.NotFound, fresnel.Invalid, fresnel.Conflict, fresnel.Unsupported, fresnel.Internal:
	}
	return s + "Microsoft Graph did not give them. Try again."
}

func accountLine(q *request, a *identity.AccountRow, power bool) page.AccountLine {
	l := page.AccountLine{
		ID: a.ID, Short: page.ShortID(a.ID), Tenant: a.TenantName, TenantURL: tenantFilter(q, a.Tenant), Is: accountIs(a.Class), LastUse: a.LastUse, Created: a.Created, Use: "never",
	}
	if !a.Told {
		l.Use = "not told"
	}
	if power {
		l.Marks = riskMarks(a.Class)
		l.Roles, l.More = grantLines(a.Grants)
	} else {
		l.Marks = stateMarks(a.Class)
	}
	return l
}

func accountIs(c identity.Class) string {
	switch {
	case c.Service:
		return "Service account of Microsoft"
	case c.Guest:
		return "Guest"
	case c.External:
		return "External member"
	}
	return "Member"
}

// emergency is the mark of a break-glass account, as configured.
var emergency = page.Mark{Kind: ui.Info, Icon: "shield", Text: "Emergency"}

var riskMark = map[identity.Risk]page.Mark{
	identity.RiskNoMFA:      {Kind: ui.Bad, Icon: "circle-x", Text: "No MFA"},
	identity.RiskDisabled:   {Kind: ui.Warn, Icon: "circle-pause", Text: "Disabled"},
	identity.RiskGuest:      {Kind: ui.Warn, Icon: "triangle-alert", Text: "Guest admin"},
	identity.RiskIdle:       {Kind: ui.Warn, Icon: "clock", Text: "Idle"},
	identity.RiskSynced:     {Kind: ui.Warn, Icon: "refresh-cw", Text: "Synced"},
	identity.RiskUnknownMFA: {Kind: ui.Mute, Icon: "info", Text: "MFA unknown"},
	identity.RiskStanding:   {Kind: ui.Mute, Icon: "key", Text: "Standing"},
}

// riskMarks are what is risky about an account with power, worst first.
func riskMarks(c identity.Class) []page.Mark {
	var out []page.Mark
	for _, r := range c.Risks() {
		out = append(out, riskMark[r])
	}
	if len(out) == 0 && c.MFA >= identity.MFARegistered {
		out = append(out, page.Mark{Kind: ui.OK, Icon: "circle-check", Text: "MFA registered"})
	}
	if c.Emergency {
		out = append(out, emergency)
	}
	return out
}

// stateMarks are what is to be said of an account, worst first.
func stateMarks(c identity.Class) []page.Mark {
	var out []page.Mark
	for _, m := range []struct {
		is   bool
		mark page.Mark
	}{
		{c.Powerful() && c.Person() && c.MFA == identity.MFAMissing, page.Mark{Kind: ui.Bad, Icon: "circle-x", Text: "Admin without MFA"}},
		{c.Powerful(), page.Mark{Kind: ui.Warn, Icon: "key", Text: "Privileged"}},
		{c.Person() && !c.Powerful() && c.MFA == identity.MFAMissing, page.Mark{Kind: ui.Warn, Icon: "circle-x", Text: "No MFA"}},
		{!c.Enabled, page.Mark{Kind: ui.Mute, Icon: "circle-pause", Text: "Disabled"}},
		{!c.Enabled && c.Licensed, page.Mark{Kind: ui.Warn, Icon: "circle-dollar-sign", Text: "Has a licence"}},
		{c.Pending, page.Mark{Kind: ui.Mute, Icon: "clock", Text: "Invitation open"}},
		{c.Use == identity.Stale, page.Mark{Kind: ui.Warn, Icon: "clock", Text: "Stale"}},
		{c.Use == identity.Never, page.Mark{Kind: ui.Warn, Icon: "clock", Text: "Never used"}},
		{c.Use == identity.Newcomer, page.Mark{Kind: ui.Info, Icon: "plus", Text: "New"}},
		{c.Emergency, emergency},
		{c.Person() && c.MFA >= identity.MFARegistered, page.Mark{Kind: ui.OK, Icon: "circle-check", Text: "MFA registered"}},
	} {
		if m.is {
			out = append(out, m.mark)
		}
	}
	return out
}

// grantLines are roles: the strongest, then the others.
func grantLines(list []identity.Grant) (first, more []page.GrantLine) {
	var out []page.GrantLine
	for _, g := range list {
		name := g.Name
		if name == "" {
			name = "Role " + page.ShortID(g.Role)
		}
		out = append(out, page.GrantLine{Name: name, How: grantHow(g)})
	}
	n := min(1, len(out))
	return out[:n], out[n:]
}

// grantHow is how somebody holds a role: "eligible, until 3 Dec 2026, through group 1c8f…02ab".
func grantHow(g identity.Grant) string {
	var s []string
	switch {
	case g.Eligible:
		s = append(s, "eligible")
	case g.Activated:
		s = append(s, "activated")
	case g.Standing():
		s = append(s, "standing")
	}
	if !g.End.IsZero() {
		s = append(s, "until "+g.End.UTC().Format("2 Jan 2006"))
	}
	switch {
	case g.Azure && g.Scope != "" && g.Scope != "/":
		where := guids.ReplaceAllStringFunc(scopeWords(g.Scope), page.ShortID)
		s = append(s, "over "+strings.ToLower(where[:1])+where[1:])
	case g.Azure && g.Subscription != "":
		s = append(s, "over subscription "+page.ShortID(g.Subscription))
	case g.Azure:
		s = append(s, "over all of the tenant")
	case g.Scope != "" && g.Scope != "/":
		s = append(s, "for "+page.ShortID(lastPart(g.Scope))+" only")
	}
	if g.Through != "" {
		s = append(s, "through group "+page.ShortID(g.Through))
	}
	return strings.Join(s, ", ")
}

func credentialLine(q *request, c *identity.CredentialRow, limits identity.Limits) page.CredentialLine {
	l := page.CredentialLine{
		App: c.AppName, AppID: c.AppID, KeyID: c.ID, Kind: "Secret", Tenant: c.TenantName, TenantURL: tenantFilter(q, c.Tenant), End: c.End, Owners: page.Count(c.Owners),
		Marks: []page.Mark{credentialMark[c.State]},
	}
	if c.AppName == "" {
		l.App = "Application without a name"
	}
	if c.Certificate {
		l.Kind = "Certificate"
	}
	if c.Service {
		l.Kind += " of a service principal"
	}
	if c.Long {
		l.Marks = append(l.Marks, page.Mark{Kind: ui.Warn, Icon: "clock", Text: "Lasts over " + page.Plural(limits.Long, "day", "days")})
	}
	if c.Covered && (c.State == identity.CredentialExpired || c.State == identity.CredentialExpiring) {
		l.Note = "Another one is good for longer"
	}
	if !c.End.IsZero() {
		days := int(c.End.Sub(q.now).Hours()) / 24
		switch {
		case !c.End.After(q.now):
			l.Left = page.Plural(int(q.now.Sub(c.End).Hours())/24, "day", "days") + " ago"
		case days == 0:
			l.Left = "in less than a day"
		default:
			l.Left = "in " + page.Plural(days, "day", "days")
		}
	}
	return l
}

var credentialMark = map[identity.CredentialState]page.Mark{
	identity.CredentialExpired:  {Kind: ui.Bad, Icon: "circle-x", Text: "Expired"},
	identity.CredentialExpiring: {Kind: ui.Warn, Icon: "clock", Text: "Expiring"},
	identity.CredentialValid:    {Kind: ui.OK, Icon: "circle-check", Text: "Valid"},
	identity.CredentialEndless:  {Kind: ui.Bad, Icon: "triangle-alert", Text: "Never ends"},
}

var tierMark = map[identity.Tier]page.Mark{
	identity.ControlPlane: {Kind: ui.Bad, Icon: "key", Text: "Control plane"},
	identity.Privileged:   {Kind: ui.Warn, Icon: "key", Text: "Privileged"},
	identity.Reading:      {Kind: ui.Info, Icon: "eye", Text: "Reader"},
	identity.Plain:        {Kind: ui.Mute, Icon: "minus", Text: "Plain"},
}

// roleLine has no number of what the tenant does not tell: of roles of Azure nobody tells who may take them.
func roleLine(q *request, r identity.RoleCount, t identity.TenantRead) page.RoleLine {
	l := page.RoleLine{
		Name: r.Name, ID: r.Role, Kind: "Directory", Custom: !r.BuiltIn, Tier: tierMark[r.Tier], Tenant: r.TenantName, TenantURL: tenantFilter(q, r.Tenant),
		Active: page.Count(r.Active), Standing: page.Dash, Eligible: page.Dash, Apps: r.Apps, Orphans: r.Orphans,
	}
	if l.Name == "" {
		l.Name = "Role " + page.ShortID(r.Role)
	}
	if r.Azure || t.Knows(identity.FactStanding) {
		l.Standing = page.Count(r.Standing)
	}
	switch {
	case r.Azure:
		l.Kind = "Over subscriptions"
	case t.Knows(identity.FactEligibility):
		l.Eligible = page.Count(r.Eligible)
	}
	if !t.Whole(identity.FactGroups) {
		l.Active, l.Partial = atLeast+l.Active, "In part: who is in groups is not known"
	}
	return l
}

func otherLine(q *request, o *identity.OtherRow) page.OtherLine {
	l := page.OtherLine{Name: o.Name, ID: o.ID, Short: page.ShortID(o.ID), Kind: "Application or managed identity", Tenant: o.TenantName, TenantURL: tenantFilter(q, o.Tenant)}
	switch o.Kind {
	case identity.Orphan:
		l.Kind = "Principal that is no more"
		l.Marks = append(l.Marks, page.Mark{Kind: ui.Warn, Icon: "triangle-alert", Text: "Of nobody"})
	case identity.User:
		l.Kind = "Account of which nothing is known"
	case identity.Group:
		l.Kind = "Group"
	case identity.ServicePrincipal:
	}
	if o.Secret {
		l.Marks = append(l.Marks, page.Mark{Kind: ui.Bad, Icon: "key", Text: "Secret"})
	}
	if len(o.Grants) > 0 && o.Grants[0].Tier == identity.ControlPlane {
		l.Marks = append(l.Marks, tierMark[identity.ControlPlane])
	}
	l.Roles, l.More = grantLines(o.Grants)
	return l
}
