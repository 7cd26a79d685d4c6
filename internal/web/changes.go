package web

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/inventory"
	"fresnel/internal/web/page"
)

const (
	changesPage   = 25
	changesOfOne  = 10 // in a resource's facts
	typesOfChange = 60 // that the filter offers
)

func (h handlers) changes(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	cover, err := h.Inventory.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	m := page.Changes{Chips: h.changeChips(q), ClearURL: q.query.Scope().URL(page.PathChanges)}
	if m.Table, err = h.changeTableModel(ctx, q, cover); err != nil {
		return nil, err
	}
	counts, err := h.Inventory.Reader.Counts(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	m.Types = typeChoices(q, counts, typesOfChange, false)
	return func(s page.Shell) templ.Component {
		s.Sub, s.NoVS = inventorySubtitle(cover), true
		from, to := "", ""
		if p := changePeriod(q); p.Days() > 0 {
			from, to = p.From.String(), (p.To - 1).String()
		} else {
			s.From, s.To = time.Time{}, time.Time{} // all of its days: there are none to choose
		}
		s.CSV = q.query.ChangesCSV(from, to)
		return page.ChangesPage(s, m)
	}, nil
}

func (h handlers) changeTable(ctx context.Context, q *request) (templ.Component, error) {
	cover, err := h.Inventory.Reader.Coverage(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	m, err := h.changeTableModel(ctx, q, cover)
	return page.ChangeTablePanel(m), err
}

// changePeriod is the days that are asked for. The whole history of one resource is short: unless days are named it
// is shown in full.
func changePeriod(q *request) fresnel.Period {
	if q.query.ID != "" && q.month() {
		return fresnel.Period{}
	}
	return q.ask.Period
}

// changeAsk is what the query asks of the history.
func changeAsk(q *request) inventory.ChangeQuery {
	ask := inventory.ChangeQuery{
		Resource: q.query.ID, Subscriptions: q.query.Subs, Types: q.query.Types, Period: changePeriod(q), Limit: changesPage,
	}
	for _, k := range q.query.Kinds {
		ask.Kinds = append(ask.Kinds, inventory.ChangeKind(k))
	}
	for _, a := range q.query.Actors {
		ask.Actors = append(ask.Actors, inventory.ActorKind(a))
	}
	if q.query.Cursor != "" {
		at, ok := changePlace(q.query.Cursor)
		if !ok {
			q.note("Ignored cursor=" + clipWord(q.query.Cursor) + ": this is the first page.")
			q.query.Cursor = ""
		}
		ask.After = at
	}
	return ask
}

// changeCursor writes a place as a word of an address, changePlace reads it.
func changeCursor(p inventory.ChangePlace) string {
	if p == (inventory.ChangePlace{}) {
		return ""
	}
	return strconv.FormatInt(p.At, 36) + "." + strconv.FormatInt(p.Arm, 36) + "." + strconv.FormatInt(p.Ref, 36)
}

func changePlace(word string) (p inventory.ChangePlace, ok bool) {
	parts := strings.Split(word, ".")
	if len(parts) != 3 {
		return p, false
	}
	for i, to := range []*int64{&p.At, &p.Arm, &p.Ref} {
		n, err := strconv.ParseInt(parts[i], 36, 64)
		if err != nil {
			return inventory.ChangePlace{}, false
		}
		*to = n
	}
	return p, true
}

func (h handlers) changeTableModel(ctx context.Context, q *request, cover []inventory.TenantRead) (page.ChangeTable, error) {
	m := page.ChangeTable{}
	list, err := h.Inventory.History.Changes(ctx, q.scope, changeAsk(q))
	if err != nil {
		return m, err
	}
	fresh, err := h.inventoryFreshness(ctx, q, cover)
	if err != nil {
		return m, err
	}
	m.Region = page.Region{Query: q.query, Fresh: fresh}
	m.Total = page.Count(list.Total)
	if list.More {
		m.Total += "+"
	}
	if next := changeCursor(list.Next); next != "" {
		m.NextURL = q.query.WithCursor(next).URL(page.PathChanges)
	}
	if q.query.Cursor != "" {
		m.BackURL = q.query.WithCursor("").URL(page.PathChanges)
	}
	if q.query.ID != "" {
		m.Title = "Changes of " + lastPart(q.query.ID)
	}
	if len(list.Rows) == 0 && m.Fresh.State == page.Ready {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "No changes", nothingChanged(q)
	}
	for i := range list.Rows {
		l, day := changeLine(q, &list.Rows[i]), fresnel.DayOf(list.Rows[i].At).Time()
		if n := len(m.Days); n == 0 || !m.Days[n-1].Day.Equal(day) {
			m.Days = append(m.Days, page.ChangeDay{Day: day})
		}
		last := &m.Days[len(m.Days)-1]
		last.Rows = append(last.Rows, l)
	}
	return m, nil
}

// nothingChanged says of what no change is held.
func nothingChanged(q *request) string {
	when := "No change is known"
	if p := changePeriod(q); p.Days() > 0 {
		when += " on " + days(p)
	}
	if len(q.query.Types)+len(q.query.Kinds)+len(q.query.Actors)+len(q.query.Subs) > 0 {
		return when + " that has all that the filters ask for."
	}
	return when + "."
}

func changeLine(q *request, c *inventory.Changed) page.ChangeLine {
	scope := q.query.Scope()
	l := page.ChangeLine{
		Kind: string(c.Kind), Name: cmp.Or(c.Name, c.ID), Type: page.TypeName(c.Type), Icon: page.TypeIcon(c.Type), Tenant: c.TenantName,
		Subscription: subscriptionName(c.SubscriptionName, c.Subscription), SubURL: scope.WithSubs(c.Subscription).URL(page.PathChanges),
		Actor: string(c.Actor.Kind), App: c.Actor.App, At: c.At, Since: c.Since, More: c.More,
	}
	if c.Held {
		to := scope.WithID(c.Key())
		l.URL, l.DrawerURL = to.URL(page.PathResource), to.URL(page.PathPartials+"resource-drawer")
	}
	for _, v := range c.Values {
		l.Values = append(l.Values, page.ValueLine{Path: v.Path, Before: v.Before, After: v.After})
	}
	return l
}

// changeChips are the filters that are on, each with the address without it.
func (h handlers) changeChips(q *request) []page.Chip {
	c := chipper{q.query, page.PathChanges, nil}
	if q.query.ID != "" {
		c.add("Resource: "+lastPart(q.query.ID), func(w *page.Query) { w.ID = "" })
	}
	c.each("Subscription", q.query.Subs, subscriptions(q.subs).name, func(w *page.Query, l []string) { w.Subs = l })
	c.each("Change", q.query.Kinds, page.ChangeKindWord, func(w *page.Query, l []string) { w.Kinds = l })
	c.each("By", q.query.Actors, page.ActorWord, func(w *page.Query, l []string) { w.Actors = l })
	c.each("Type", q.query.Types, page.TypeName, func(w *page.Query, l []string) { w.Types = l })
	return c.chips
}
