package cost

import (
	"cmp"
	"context"
	"slices"

	"fresnel"
)

// Movement is what changed between two periods, by rows. The changes of the
// rows add up to the change of the total, in every currency.
type Movement struct {
	Breakdown        // of the two periods; its rows are in no order that matters here
	Moves     []Move // largest change first, up or down
	Total     Move
	Unit      Unit
}

// Move is how one row moved between the compared periods, in the movement's unit.
type Move struct {
	Row           Row
	Before, After int64 // micro-units
}

// Change is the difference in micro-units.
func (m Move) Change() int64 { return m.After - m.Before }

// Word names the direction: new, gone, more, less or same.
func (m Move) Word() string {
	switch {
	case m.Before == 0 && m.After != 0:
		return "new"
	case m.Before != 0 && m.After == 0:
		return "gone"
	case m.After > m.Before:
		return "more"
	case m.After < m.Before:
		return "less"
	}
	return "same"
}

// Movement answers an Ask by what moved. Where nothing can be compared there
// are no moves, and Compared is empty.
func (r Reports) Movement(ctx context.Context, s fresnel.Scope, a Ask) (Movement, error) {
	b, err := r.Breakdown(ctx, s, a)
	if err != nil {
		return Movement{}, err
	}
	return b.Movement(), nil
}

// Movement orders the rows of a breakdown by what they moved.
func (b Breakdown) Movement() Movement {
	m := Movement{Breakdown: b, Unit: b.Unit()}
	if b.Compared.Days() == 0 {
		return m
	}
	move := func(r Row) Move {
		f := r.In(m.Unit)
		return Move{Row: r, Before: f.Before, After: f.Compared}
	}
	m.Total = move(b.Total)
	for _, r := range b.Rows {
		if one := move(r); one.Before != 0 || one.After != 0 {
			m.Moves = append(m.Moves, one)
		}
	}
	slices.SortStableFunc(m.Moves, func(x, y Move) int {
		return cmp.Or(cmp.Compare(abs(y.Change()), abs(x.Change())), cmp.Compare(x.Row.Key(), y.Row.Key()))
	})
	return m
}

// Rest adds up the moves from the n-th on, for a list that shows the first n:
// the list and its rest are the whole.
func (m Movement) Rest(n int) (rest Move, moves int) {
	for _, one := range m.Moves[min(n, len(m.Moves)):] {
		rest.Before += one.Before
		rest.After += one.After
		moves++
	}
	return rest, moves
}
