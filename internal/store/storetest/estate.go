package storetest

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/store"
)

// Estate is a seed estate of any size: the same settings give the same lines.
type Estate struct {
	Tenants       int
	Subscriptions int // of each tenant
	Groups        int // resource groups of a subscription
	Services      int // of the whole estate
	CellsPerDay   int // of a subscription: distinct pairs of a group and a service
	Days          fresnel.Period
	Asked         time.Time // when every window was read
}

// Rows is how many cost cells the estate has.
func (e Estate) Rows() int { return e.Tenants * e.Subscriptions * e.CellsPerDay * e.Days.Days() }

// Windows gives the months of all subscriptions with their lines of actual
// cost, subscription by subscription.
func (e Estate) Windows() iter.Seq2[cost.Window, []cost.Line] {
	return func(yield func(cost.Window, []cost.Line) bool) {
		for i := range e.Tenants {
			for j := range e.Subscriptions {
				for _, month := range e.Days.Months() {
					if !yield(window(i, j, month, cost.Actual, e.Asked), e.lines(i, j, month)) {
						return
					}
				}
			}
		}
	}
}

// lines are a month of a subscription. Its pairs of group and service are the
// same every day; a weekend costs less.
func (e Estate) lines(i, j int, days fresnel.Period) []cost.Line {
	r := rand.New(rand.NewPCG(uint64(i)<<32|uint64(j), uint64(days.From)))
	currency, rate := []string{"EUR", "USD", "GBP"}[i%3], []int64{108, 100, 127}[i%3]
	out := make([]cost.Line, 0, days.Days()*e.CellsPerDay)
	for d := days.From; d < days.To; d++ {
		for c := range e.CellsPerDay {
			n := c*7 + j*3 + i // walks through groups and services without repeating a pair
			micros := 1_000_000 + r.Int64N(50_000_000)
			if d%7 < 2 {
				micros /= 2
			}
			out = append(out, cost.Line{
				Day: d, ResourceGroup: fmt.Sprintf("rg-%02d-%02d-%02d", i, j, c%e.Groups), Service: fmt.Sprintf("Service %02d", n%e.Services),
				Currency: currency, Micros: micros, USDMicros: micros * rate / 100,
			})
		}
	}
	return out
}

// Fill registers the estate's tenants and subscriptions and sends every window
// to the store. It gives the number of cost rows written.
func (e Estate) Fill(ctx context.Context, db *store.DB) (rows int, err error) {
	if err := Register(ctx, db, e.Tenants, e.Subscriptions, e.Asked); err != nil {
		return 0, err
	}
	for w, lines := range e.Windows() {
		n, err := db.Costs().Replace(ctx, w, lines)
		if err != nil {
			return rows, fmt.Errorf("storetest: fill %s %s: %w", w.Subscription, w.Days, err)
		}
		rows += n
	}
	return rows, nil
}
