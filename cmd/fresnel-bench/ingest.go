package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"fresnel/internal/cost"
	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
)

const ingestRounds = 3

// filled is a window with its lines, made before the clock runs.
type filled struct {
	cost.Window
	lines []cost.Line
}

// ingest measures Replace into an empty database beside the sqlite3 program
// copying the same rows, and Replace of windows that are known.
func (b *bench) ingest() error {
	e := b.estate
	e.Tenants = max(1, e.Tenants/5)
	var windows []filled
	for w, lines := range e.Windows() {
		windows = append(windows, filled{w, lines})
	}
	b.say("\ningest of %d rows in %d windows, median of %d interleaved rounds", e.Rows(), len(windows), ingestRounds)
	var ours, cells, all []spent
	var allRows int
	var last *store.DB
	for round := range ingestRounds {
		if last != nil {
			if err := last.Close(); err != nil {
				return err
			}
		}
		var err error
		path := filepath.Join(b.dir, fmt.Sprintf("ingest%d.db", round))
		if last, err = b.emptyFor(e, path); err != nil {
			return err
		}
		s, err := measure(func() error { return b.replaceAll(last, windows) })
		if err != nil {
			return errors.Join(err, last.Close())
		}
		ours = append(ours, s)
		for _, rollups := range []bool{false, true} {
			rows, s, err := b.copyByCLI(path, fmt.Sprintf("copy%d-%v.db", round, rollups), rollups)
			if errors.Is(err, storetest.ErrNoCLI) {
				b.say("  no sqlite3 program in PATH: nothing to compare with (apt-get install sqlite3)")
				continue
			}
			if err != nil {
				return errors.Join(err, last.Close())
			}
			if rollups {
				all, allRows = append(all, s), rows
			} else {
				cells = append(cells, s)
			}
		}
	}
	b.compareIngest(len(windows), e.Rows(), allRows, ours, cells, all)
	err := b.known(last, windows[:len(windows)/4], median(walls(ours, cpuOf))/time.Duration(len(windows)))
	return errors.Join(err, last.Close())
}

func wallOf(s spent) time.Duration { return s.wall }
func cpuOf(s spent) time.Duration  { return s.cpu }

func walls(of []spent, what func(spent) time.Duration) []time.Duration {
	out := make([]time.Duration, len(of))
	for i, s := range of {
		out[i] = what(s)
	}
	return out
}

func rate(rows int, d time.Duration) float64 { return float64(rows) / d.Seconds() / 1000 }

func (b *bench) compareIngest(windows, rows, allRows int, ours, cells, all []spent) {
	wall := median(walls(ours, wallOf))
	b.say("  Replace takes %.1f times what Azure can send one client (33 windows/s)", float64(windows)/wall.Seconds()*azurePace.Seconds())
	for _, c := range []struct {
		name string
		of   func(spent) time.Duration
	}{{"wall", wallOf}, {"CPU", cpuOf}} {
		mine := median(walls(ours, c.of))
		b.say("  Replace, %-4s %s, %.0fk cost rows/s", c.name+":", mine.Round(time.Millisecond), rate(rows, mine))
		if len(cells) == 0 {
			continue
		}
		theirs, theirsAll := median(walls(cells, c.of)), median(walls(all, c.of))
		b.say("    cost rows alone           sqlite3 %5.0fk rows/s   Replace %5.0fk rows/s   %s", rate(rows, theirs), rate(rows, mine), atLeast(float64(theirs)/float64(mine), 0.6))
		b.say("    with the four rollups     sqlite3 %5.0fk rows/s   Replace %5.0fk rows/s   %s", rate(allRows, theirsAll), rate(allRows, mine), atLeast(float64(theirsAll)/float64(mine), 0.6))
	}
}

func (b *bench) emptyFor(e storetest.Estate, path string) (*store.DB, error) {
	db, err := store.Open(b.ctx, "sqlite:"+path, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return db, storetest.Register(b.ctx, db, e.Tenants, e.Subscriptions, asked)
}

func (b *bench) replaceAll(db *store.DB, windows []filled) error {
	for _, w := range windows {
		if _, err := db.Costs().Replace(b.ctx, w.Window, w.lines); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) copyByCLI(from, name string, rollups bool) (int, spent, error) {
	to := filepath.Join(b.dir, name)
	db, err := store.Open(b.ctx, "sqlite:"+to, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, spent{}, err
	}
	if err := db.Close(); err != nil {
		return 0, spent{}, err
	}
	rows, wall, cpu, err := storetest.CopyByCLI(b.ctx, from, to, rollups)
	return rows, spent{wall, cpu}, err
}

// known measures windows that are held already.
func (b *bench) known(db *store.DB, windows []filled, first time.Duration) error {
	n := len(windows)
	hour := 0
	pass := func(change func(i int, w filled) []cost.Line) (spent, error) {
		hour++
		next := make([]filled, n)
		for i, w := range windows {
			next[i] = filled{w.Window, change(i, w)}
			next[i].Asked = asked.Add(time.Duration(hour) * time.Hour)
		}
		s, err := measure(func() error { return b.replaceAll(db, next) })
		return s.per(n), err
	}
	// changed gives lines of which some are dearer than ever before.
	changed := func(some func(i int, l cost.Line) bool) func(int, filled) []cost.Line {
		return func(_ int, w filled) []cost.Line {
			out := make([]cost.Line, len(w.lines))
			copy(out, w.lines)
			for i := range out {
				if some(i, out[i]) {
					out[i].Micros += int64(hour)
				}
			}
			return out
		}
	}
	passes := []struct {
		name string
		do   func(int, filled) []cost.Line
	}{
		{"unchanged", func(_ int, w filled) []cost.Line { return w.lines }},
		{"3 of 30 days changed", changed(func(_ int, l cost.Line) bool { return l.Day%10 == 0 })},
		{"10 % of the cells changed, on all days", changed(func(i int, _ cost.Line) bool { return i%10 == 0 })},
		{"every cell changed", changed(func(int, cost.Line) bool { return true })},
	}
	took := make([][]spent, len(passes))
	for range ingestRounds {
		for i, p := range passes {
			// Each pass begins where the windows are as at first.
			if i > 0 {
				if _, err := pass(passes[0].do); err != nil {
					return err
				}
			}
			s, err := pass(p.do)
			if err != nil {
				return err
			}
			took[i] = append(took[i], s)
		}
		if _, err := pass(passes[0].do); err != nil {
			return err
		}
	}
	every := median(walls(took[len(passes)-1], cpuOf))
	b.say("  windows that are held, CPU (wall) per window of about %d rows; the first time %s", len(windows[0].lines), ms(first))
	for i, p := range passes {
		cpu, wall := median(walls(took[i], cpuOf)), median(walls(took[i], wallOf))
		ratio := ""
		switch i {
		case 0:
			ratio = fmt.Sprintf("%.2fx of every cell changed", float64(cpu)/float64(every))
		case 1:
			ratio = atMost(float64(cpu)/float64(every), 0.6)
		case 2:
			ratio = fmt.Sprintf("%.2fx", float64(cpu)/float64(every))
		}
		b.say("    %-40s %9s (%s)  %4.0f windows/s   %s", p.name, ms(cpu), ms(wall), 1/wall.Seconds(), ratio)
	}
	return db.Costs().Verify(b.ctx)
}
