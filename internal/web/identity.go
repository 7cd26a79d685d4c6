package web

import (
	"cmp"
	"context"
	"slices"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/identity"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

const (
	identityTenantsShown = 12
	identityOnOverview   = 5
)

func (h handlers) identity(ctx context.Context, q *request) (view, error) {
	return h.identityWith(ctx, q, nil)
}

// identityWith is the page with what was typed for one of the findings.
func (h handlers) identityWith(ctx context.Context, q *request, typed *typedVerdict) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	h.mayName(q)
	tab, list := h.listed(q)
	sum, fresh, err := h.identitySummary(ctx, q)
	if err != nil {
		return nil, err
	}
	m := page.Identity{Stats: h.identityStatsModel(q, sum, fresh), Gaps: gapsModel(q, reading(sum), fresh), Tabs: h.tabsModel(q, sum, tab)}
	if m.Trend, err = h.identityTrendModel(ctx, q, sum, fresh); err != nil {
		return nil, err
	}
	found, err := h.identityTallies(ctx, q)
	if err != nil {
		return nil, err
	}
	if found != nil && m.Stats.Fresh.SyncedAt != zeroTime {
		m.Rules = ruleCounts(q, found, fresh)
	}
	if tab.kind == "findings" {
		m.Findings, m.List.Parts, err = h.identityFindingsModel(ctx, q, found, fresh, typed)
	} else {
		m.List, err = h.identityListModel(ctx, q, tab, list, reading(sum), fresh)
		m.List.Parts = partsModel(q, sum, tab, list)
	}
	if err != nil {
		return nil, err
	}
	return func(s page.Shell) templ.Component {
		s.Sub, s.CSV = identitySubtitle(sum), q.query.IdentityCSV("summary", nil)
		return page.IdentityPage(s, m)
	}, nil
}

func identitySubtitle(sum identity.Summary) string {
	c := sum.Overall.Count(identity.Users)
	return "Entra ID posture, " + page.Count(c.Tenants) + " of " + page.Plural(len(sum.Tenants), "tenant", "tenants") + " read"
}

// identitySummary is the numbers of the tenants asked for, with how far they can be trusted.
func (h handlers) identitySummary(ctx context.Context, q *request) (identity.Summary, page.Freshness, error) {
	sum, err := h.Identity.Summary(ctx, q.scope)
	if err != nil {
		return sum, page.Freshness{}, err
	}
	fresh, err := h.identityFreshness(ctx, q, reading(sum))
	return sum, fresh, err
}

// reading is what is held of the tenants of a summary.
func reading(sum identity.Summary) []identity.TenantRead {
	out := make([]identity.TenantRead, len(sum.Tenants))
	for i := range sum.Tenants {
		out[i] = sum.Tenants[i].TenantRead
	}
	return out
}

// statsQuery is what the cards and tables above the lists ask again: nothing of them depends on names.
func statsQuery(q *request) page.Query { return q.query.WithNames(false) }

func (h handlers) identityStats(ctx context.Context, q *request) (templ.Component, error) {
	sum, fresh, err := h.identitySummary(ctx, q)
	return page.IdentityStatsPanel(h.identityStatsModel(q, sum, fresh)), err
}

func (h handlers) identityStatsModel(q *request, sum identity.Summary, fresh page.Freshness) page.IdentityStats {
	m := page.IdentityStats{
		Region: page.Region{Query: statsQuery(q), Fresh: fresh}, By: page.TenantOrder(q.query), Of: len(sum.Tenants),
		Days: page.Plural(sum.Limits.Stale, "day", "days"), Soon: page.Plural(sum.Limits.Expiring, "day", "days"), Cards: identityCards(q, sum),
	}
	m.Rows = h.identityTenants(q, sum, m.By, identityTenantsShown)
	m.More = len(sum.Tenants) - len(m.Rows)
	return m
}

// listLink is where the rows behind a number are.
func listLink(q page.Query, list identity.List) string {
	return q.Scope().WithList(string(list)).URL(page.PathIdentity) + "#lists"
}

// countCell is a number of all tenants, with of how many it is.
func countCell(q *request, sum identity.Summary, l identity.List) page.Cell {
	c := sum.Overall.Count(l)
	return wholeCell(q, c, l.Needs(), sum, listLink(q.query, l))
}

func wholeCell(q *request, c identity.Count, needs []identity.Fact, sum identity.Summary, url string) page.Cell {
	if !c.Known() {
		return page.Cell{Figure: page.Dash, Why: whyAll(q, sum, needs)}
	}
	cell := page.Cell{Figure: page.Count(c.N), URL: url}
	if c.Tenants < c.Of {
		cell.Part = page.Count(c.Tenants) + " of " + page.Plural(c.Of, "tenant", "tenants")
	}
	if c.Parts > 0 {
		cell.Figure = atLeast + cell.Figure
		cell.Part = joined(cell.Part, "in part in "+page.Plural(c.Parts, "tenant", "tenants"))
	}
	return cell
}

// atLeast is before a number of which a part is hidden.
const atLeast = "≥ "

func joined(a, b string) string {
	if a == "" {
		return page.Sentence(b)
	}
	return a + ", " + b
}

// identityCards are the five figures on top.
func identityCards(q *request, sum identity.Summary) []page.IdentityCard {
	if len(sum.Tenants) == 0 {
		return nil
	}
	users := page.IdentityCard{Label: "Users", Cell: countCell(q, sum, identity.Users)}
	if users.Figure != page.Dash {
		users.Notes = append(users.Notes, page.Line{Text: changeWords(sum, identity.Users)})
		if n := sum.Overall.Count(identity.Disabled).N; n > 0 {
			users.Notes = append(users.Notes, page.Line{Text: page.Count(n) + " disabled", URL: listLink(q.query, identity.Disabled)})
		}
	}
	return []page.IdentityCard{users, mfaCard(q, sum), privilegedCard(q, sum), guestsCard(q, sum), staleCard(q, sum)}
}

// changeWords say how a number moved: "+114 in 30 d".
func changeWords(sum identity.Summary, l identity.List) string {
	ch, ok := sum.Overall.Change(l)
	if !ok {
		return "no reading of " + page.Count(identity.Compared) + " days ago"
	}
	s := page.Signed(ch.Now-ch.Then) + " in " + page.Count(identity.Compared) + " d"
	if c := sum.Overall.Count(l); ch.Tenants < c.Tenants {
		s += ", in " + page.Count(ch.Tenants) + " of " + page.Plural(c.Tenants, "tenant", "tenants")
	}
	return s
}

func mfaCard(q *request, sum identity.Summary) page.IdentityCard {
	m := page.IdentityCard{Label: "MFA registered", Cell: countCell(q, sum, identity.WithMFA)}
	share := sum.Overall.MFA()
	percent, ok := share.Percent()
	switch {
	case m.Figure == page.Dash:
		return m
	case !ok:
		m.Figure, m.Why = page.Dash, "Nobody is in Azure's report"
		return m
	}
	m.Figure = page.PercentText(percent)
	m.Notes = []page.Line{
		{Text: page.Count(share.Whole-share.Part) + " without, of " + page.Count(share.Whole), URL: listLink(q.query, identity.WithoutMFA)},
	}
	if n := sum.Overall.Count(identity.UnreportedMFA).N; n > 0 {
		m.Notes = append(m.Notes, page.Line{Text: page.Count(n) + " more not in the report", URL: listLink(q.query, identity.UnreportedMFA)})
	}
	m.Notes = append(m.Notes, page.Line{Text: "Registered, not enforced"})
	return m
}

func privilegedCard(q *request, sum identity.Summary) page.IdentityCard {
	m := page.IdentityCard{Label: "Privileged", Cell: countCell(q, sum, identity.PrivilegedUsers)}
	if m.Figure == page.Dash {
		return m
	}
	without := sum.Overall.Count(identity.PrivilegedNoMFA)
	line := page.Line{Text: "MFA not known", Tone: ui.Warn}
	if without.Known() {
		line = page.Line{Text: page.Count(without.N) + " without MFA", URL: listLink(q.query, identity.PrivilegedNoMFA), Tone: ui.Bad}
		if without.N == 0 {
			line = noneWithout(q, without, sum.Overall.Count(identity.PrivilegedUnknown))
		}
		if of := sum.Overall.Count(identity.PrivilegedUsers); without.Tenants < of.Tenants {
			line.Text += ", in " + page.Count(without.Tenants) + " of " + page.Plural(of.Tenants, "tenant", "tenants")
		}
	}
	m.Notes = append(m.Notes, line)
	m.Notes = append(m.Notes, countLine(q, sum, identity.GlobalAdmins, "global administrators", ""), countLine(q, sum, identity.EligibleOnly, "only eligible", ""))
	return m
}

// noneWithout says that no admin lacks MFA, and no more than is known: it is good only where something is known of each.
func noneWithout(q *request, without, unknown identity.Count) page.Line {
	switch {
	case unknown.N > 0:
		return page.Line{Text: page.Count(unknown.N) + " not in the report", URL: listLink(q.query, identity.PrivilegedUnknown), Tone: ui.Warn}
	case !without.Whole():
		return page.Line{Text: "Without MFA: " + page.Dash + ", not all is known", Tone: ui.Warn}
	}
	return page.Line{Text: "None without MFA", Tone: ui.OK}
}

// countLine is a number under a figure; tone is that of one above zero.
func countLine(q *request, sum identity.Summary, l identity.List, words string, tone ui.Kind) page.Line {
	c := sum.Overall.Count(l)
	switch {
	case !c.Known():
		return page.Line{Text: page.Sentence(words) + ": not known", Tone: ui.Warn}
	case c.N == 0:
		return page.Line{Text: "0 " + words}
	}
	return page.Line{Text: page.Count(c.N) + " " + words, URL: listLink(q.query, l), Tone: tone}
}

func guestsCard(q *request, sum identity.Summary) page.IdentityCard {
	m := page.IdentityCard{Label: "Guests", Cell: countCell(q, sum, identity.Guests)}
	if m.Figure == page.Dash {
		return m
	}
	m.Notes = append(m.Notes, page.Line{Text: shareWords(sum.Share(identity.Guests, identity.Users))}, countLine(q, sum, identity.IdleGuests, "idle", ui.Warn))
	return m
}

func staleCard(q *request, sum identity.Summary) page.IdentityCard {
	m := page.IdentityCard{Label: "Stale over " + page.Plural(sum.Limits.Stale, "day", "days"), Cell: countCell(q, sum, identity.IdleUsers)}
	if m.Figure == page.Dash {
		return m
	}
	tone := ui.Kind("")
	if sum.Overall.Count(identity.IdleUsers).N > 0 {
		tone = ui.Warn
	}
	m.Notes = []page.Line{
		{Text: shareWords(sum.Share(identity.IdleUsers, identity.Users)), Tone: tone},
		countLine(q, sum, identity.StaleUsers, "stale", ""),
		countLine(q, sum, identity.NeverUsed, "never used", ""),
	}
	return m
}

func shareWords(s identity.Share) string {
	p, ok := s.Percent()
	if !ok {
		return "no users"
	}
	return page.PercentText(p) + " of " + page.Plural(s.Whole, "user", "users")
}

// identityTenants are the tenants in an order, those of which nothing is known last.
func (h handlers) identityTenants(q *request, sum identity.Summary, by string, limit int) []page.IdentityTenant {
	list := slices.Clone(sum.Tenants)
	slices.SortStableFunc(list, func(a, b identity.TenantSummary) int {
		if by == "name" {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tenant, b.Tenant))
		}
		x, ok := tenantKey(a, by)
		y, too := tenantKey(b, by)
		if ok != too {
			return cmp.Compare(worse[too], worse[ok])
		}
		return cmp.Compare(y, x)
	})
	var out []page.IdentityTenant
	for i := range list[:min(limit, len(list))] {
		out = append(out, h.identityTenant(q, &list[i]))
	}
	return out
}

// tenantKey is what a tenant is ordered by, the largest first; false where it is not known.
func tenantKey(t identity.TenantSummary, by string) (float64, bool) {
	c := identity.Count{}
	switch by {
	case "users":
		c = t.Count(identity.Users)
	case "mfa":
		p, ok := t.MFA().Percent()
		return -p, ok
	case "privileged":
		c = t.Count(identity.PrivilegedUsers)
	case "guests":
		c = t.Count(identity.Guests)
	case "stale":
		c = t.Count(identity.IdleUsers)
	case "expiring":
		c = t.Credentials(identity.CredentialExpiring)
	default:
		c = t.Count(identity.PrivilegedNoMFA)
	}
	return float64(c.N), c.Known()
}

func (h handlers) identityTenant(q *request, t *identity.TenantSummary) page.IdentityTenant {
	to := q.query.Scope().WithTenants(string(t.Tenant))
	cell := func(c identity.Count, list string, needs ...identity.Fact) page.Cell {
		if !c.Known() {
			return page.Cell{Figure: page.Dash, Why: why(t.TenantRead, needs)}
		}
		out := page.Cell{Figure: page.Count(c.N), URL: to.WithList(list).URL(page.PathIdentity) + "#lists"}
		if c.Parts > 0 {
			out.Figure = atLeast + out.Figure
		}
		return out
	}
	of := func(l identity.List) page.Cell { return cell(t.Count(l), string(l), l.Needs()...) }
	m := page.IdentityTenant{
		Name: t.Name, URL: to.URL(page.PathIdentity), Hidden: hiddenWords(t.TenantRead), Users: of(identity.Users), Privileged: of(identity.PrivilegedUsers), NoMFA: of(identity.PrivilegedNoMFA),
		Guests: of(identity.Guests), Stale: of(identity.IdleUsers), Expiring: cell(t.Credentials(identity.CredentialExpiring), "credentials-expiring", identity.FactAccounts, identity.FactApps),
		MFA: of(identity.WithMFA), MFAPart: -1, At: readAt(t.TenantRead),
	}
	m.Old = !m.At.IsZero() && q.now.Sub(m.At) > h.Identity.Stale
	switch n := t.Count(identity.PrivilegedNoMFA); {
	case n.Known() && n.N > 2:
		m.NoMFA.Tone = ui.Bad
	case n.Known() && n.N > 0:
		m.NoMFA.Tone = ui.Warn
	}
	if share := t.MFA(); t.Count(identity.WithMFA).Known() {
		m.MFA.Why = "Nobody is in Azure's report"
		if p, ok := share.Percent(); ok {
			m.MFA.Figure, m.MFAPart, m.MFA.Tone, m.MFA.Why = page.PercentText(p), int(p), page.MFATone(p), ""
			m.MFA.URL = to.WithList(string(identity.WithoutMFA)).URL(page.PathIdentity) + "#lists"
			m.MFAOf = page.Count(share.Part) + " of " + page.Count(share.Whole)
		} else {
			m.MFA.Figure = page.Dash
		}
	}
	return m
}

func (h handlers) identityCard(ctx context.Context, q *request) (templ.Component, error) {
	m, err := h.identityCardModel(ctx, q)
	return page.IdentityCardPanel(m), err
}

// identityCardModel is what the Overview shows of identity: four figures, and the tenants with the most admins without MFA.
func (h handlers) identityCardModel(ctx context.Context, q *request) (page.IdentityRisk, error) {
	sum, fresh, err := h.identitySummary(ctx, q)
	m := page.IdentityRisk{Region: page.Region{Query: q.query, Fresh: fresh}}
	if err != nil || len(sum.Tenants) == 0 {
		return m, err
	}
	mfa := mfaCard(q, sum)
	without := page.IdentityCard{Label: "Admins without MFA", Cell: countCell(q, sum, identity.PrivilegedNoMFA)}
	if sum.Overall.Count(identity.PrivilegedNoMFA).Known() { // of the same tenants as the figure
		without.Notes = []page.Line{{Text: "of " + page.Count(sum.Share(identity.PrivilegedNoMFA, identity.PrivilegedUsers).Whole) + " privileged"}}
	}
	guests, stale := guestsCard(q, sum), staleCard(q, sum)
	m.Figures = []page.IdentityCard{mfa, without, guests, stale}
	m.Rows = h.identityTenants(q, sum, "no-mfa", identityOnOverview)
	return m, nil
}

// tenantFilter is where a tenant of a row leads: the same page of it alone.
func tenantFilter(q *request, id fresnel.TenantID) string {
	to := q.query.WithNames(false).WithTenants(string(id))
	return to.URL(page.PathIdentity)
}
