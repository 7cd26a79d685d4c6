package web

import (
	"context"

	"github.com/a-h/templ"

	"fresnel/internal/cost"
	"fresnel/internal/web/page"
)

// movesShown is how many moves are listed; the others are added up.
const movesShown = 10

func (h handlers) costMovement(ctx context.Context, q *request) (templ.Component, error) {
	b, err := h.Reports.Breakdown(ctx, q.scope, q.ask)
	if err != nil {
		return nil, err
	}
	fresh, err := h.freshness(ctx, q, b.Coverage, b.Known())
	if err != nil {
		return nil, err
	}
	names, err := h.subscriptionNames(ctx, q, b)
	if err != nil {
		return nil, err
	}
	return page.CostMovementPanel(movementModel(q, beside{Breakdown: b, names: names}, fresh)), nil
}

func movementModel(q *request, b beside, fresh page.Freshness) page.CostMovement {
	fresh.Late, fresh.LastKnown = "", "" // only settled days are compared
	moved := b.Movement()
	m := page.CostMovement{Region: page.Region{Query: q.query, Fresh: fresh}, Head: titles[q.query.Group][1], Why: notCompared(b.Breakdown)}
	if b.Compared.Days() == 0 {
		if m.Why == "" {
			m.Why = "Choose what to compare with."
		}
		return m
	}
	m.Why, m.Sub = "", days(b.Compared)+" vs "+days(b.Before)
	n := movesShown
	if len(moved.Moves) == n+1 {
		n++ // one row more costs no more room than "1 other"
	}
	longest := int64(1)
	if len(moved.Moves) > 0 {
		longest = max(moved.Moves[0].Change(), -moved.Moves[0].Change(), 1)
	}
	row := func(v cost.Move) page.MoveRow {
		r := page.MoveRow{
			Before: page.Money(v.Before, moved.Unit.Currency, false), After: page.Money(v.After, moved.Unit.Currency, false),
			Change: page.Delta{Text: page.SignedMoney(v.Change(), moved.Unit.Currency, false)},
			Part:   int(min(float64(max(v.Change(), -v.Change()))/float64(longest)*100, 100)),
		}
		switch c := v.Change(); {
		case c > 0:
			r.Change.Rise = 1
		case c < 0:
			r.Change.Rise = -1
		}
		return r
	}
	for _, v := range moved.Moves[:min(n, len(moved.Moves))] {
		r, words := row(v), rowWords(q, b, v.Row)
		r.Name, r.Detail, r.URL = words.name, words.detail, words.url
		if w := v.Word(); w == "new" || w == "gone" {
			r.Word = w
		}
		m.Rows = append(m.Rows, r)
	}
	if rest, others := moved.Rest(n); others > 0 {
		r := row(rest)
		r.Name = page.Plural(others, "other", "others")
		m.Rest = &r
	}
	m.Total = row(moved.Total)
	m.Total.Name, m.Total.Part = "Total", 0 // bars are of the parts
	return m
}
