package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"fresnel"
	"fresnel/internal/store"
	"fresnel/internal/web"
)

// watch looks at the database for changes, made by whatever process, and tells
// live pages. It asks for progress only while somebody watches.
type watch struct {
	db  *store.DB
	log *slog.Logger

	mu      sync.Mutex
	watch   map[chan web.Event]fresnel.Scope
	stopped bool
}

func newWatch(db *store.DB, log *slog.Logger) *watch {
	return &watch{db: db, log: log, watch: map[chan web.Event]fresnel.Scope{}}
}

// Subscribe gives events until done is called; the channel is closed when the
// program stops.
func (w *watch) Subscribe(s fresnel.Scope) (events <-chan web.Event, done func()) {
	ch := make(chan web.Event, 4)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		close(ch)
		return ch, func() {}
	}
	w.watch[ch] = s
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watch, ch)
	}
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for ch := range w.watch {
		close(ch)
		delete(w.watch, ch)
	}
}

func (w *watch) watchers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.watch)
}

func (w *watch) run(ctx context.Context) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	last := w.db.Generation()
	idle := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		g, err := w.db.Refresh(ctx)
		if err != nil {
			if ctx.Err() == nil && !idle {
				w.log.WarnContext(ctx, "changes not seen", "err", err)
			}
			idle = true // say it once
			continue
		}
		idle = false
		if w.watchers() == 0 {
			last = g
			continue
		}
		open, err := w.db.Runs().List(ctx, fresnel.AllTenants(), "", true, 0, 500)
		if err != nil {
			continue
		}
		if g != last || len(open) > 0 {
			w.send(web.Event{Data: g != last, Runs: open})
		}
		last = g
	}
}

// send tells each watcher what it may see; a watcher that does not keep up
// misses events, and sees the next.
func (w *watch) send(e web.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch, s := range w.watch {
		mine := e
		if !s.All() {
			mine.Runs = nil
			for _, r := range e.Runs {
				if s.Sees(r.Tenant) {
					mine.Runs = append(mine.Runs, r)
				}
			}
		}
		select {
		case ch <- mine:
		default:
		}
	}
}
