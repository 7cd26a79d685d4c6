package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"fresnel"
	"fresnel/internal/cost"
)

const (
	duringRounds = 5
	duringTime   = 1200 * time.Millisecond
	// Azure answers one client 2,000 times a minute at most: no sync is faster.
	azurePace = time.Minute / 2000
)

// during measures how long the uncached summary takes while a sync writes,
// beside a quiet database. The writer is in the same process, as it is in
// production.
func (b *bench) during() error {
	var windows []filled
	for w, lines := range b.estate.Windows() {
		if w.Days.Contains(fresnel.DayOf(asked) - 1) { // the current month, as a sync reads it
			windows = append(windows, filled{w, lines})
		}
	}
	kinds := []struct {
		name string
		pace time.Duration
	}{
		{"quiet", -1},
		{"sync at Azure's fastest, 33 windows/s", azurePace},
		{"sync without any pause", 0},
	}
	b.say("\nuncached summary of 30 d, all tenants, while a sync writes: wall time, medians of %d interleaved rounds of %s", duringRounds, duringTime)
	p50, p99, ratios, pace := make([][]time.Duration, len(kinds)), make([][]time.Duration, len(kinds)), make([][]float64, len(kinds)), make([][]float64, len(kinds))
	w := &writer{b: b, windows: windows}
	for range duringRounds {
		for i, k := range kinds {
			took, written, err := b.askWhile(w, k.pace)
			if err != nil {
				return err
			}
			p50[i] = append(p50[i], quantile(took, 0.5))
			p99[i] = append(p99[i], quantile(took, 0.99))
			ratios[i] = append(ratios[i], float64(quantile(took, 0.99))/float64(p99[0][len(p99[0])-1]))
			pace[i] = append(pace[i], float64(written)/duringTime.Seconds())
		}
	}
	for i, k := range kinds {
		ratio := ""
		switch i {
		case 1:
			ratio = atMost(median(ratios[i]), 2)
		case 2:
			ratio = atMost(median(ratios[i]), 2) + " at full speed"
		}
		b.say("    %-40s p50 %9s   p99 %9s   %4.0f windows/s   %s", k.name, ms(median(p50[i])), ms(median(p99[i])), median(pace[i]), ratio)
	}
	return nil
}

// writer replaces windows, three days of each changed.
type writer struct {
	b       *bench
	windows []filled
	n       int
}

func (w *writer) one(ctx context.Context) error {
	win := w.windows[w.n%len(w.windows)]
	w.n++
	lines := slices.Clone(win.lines)
	for i := range lines {
		if lines[i].Day >= win.Days.To-3 {
			lines[i].Micros += int64(w.n)
		}
	}
	win.Asked = asked.Add(time.Duration(w.n) * time.Millisecond)
	_, err := w.b.db.Costs().Replace(ctx, win.Window, lines)
	return err
}

// askWhile asks without pause while windows are written; pace -1 writes none.
// It gives the times in order.
func (b *bench) askWhile(w *writer, pace time.Duration) (took []time.Duration, written int, err error) {
	ctx, stop := context.WithTimeout(b.ctx, duringTime)
	defer stop()
	done := make(chan error, 1)
	go func() {
		var err error
		for pace >= 0 && ctx.Err() == nil && err == nil {
			next := time.Now().Add(pace)
			if err = w.one(b.ctx); err == nil {
				written++
			}
			if pause := time.Until(next); pause > 0 {
				time.Sleep(pause)
			}
		}
		done <- err
	}()
	r := reports(b.db.CostReader())
	today := fresnel.DayOf(asked)
	ask := cost.Ask{Period: fresnel.Period{From: today - 29, To: today + 1}, Versus: cost.VersusPrevious}
	for ctx.Err() == nil {
		start := time.Now()
		if _, err = r.Breakdown(b.ctx, fresnel.AllTenants(), ask); err != nil {
			break
		}
		took = append(took, time.Since(start))
	}
	stop()
	err = errors.Join(err, <-done)
	slices.Sort(took)
	return took, written, err
}
