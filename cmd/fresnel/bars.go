package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sort"
	"strings"

	"fresnel"
)

// bars shows the progress of runs: a bar per tenant that is drawn over on a
// terminal, a line per change elsewhere.
type bars struct {
	w     io.Writer
	term  bool
	drawn int // lines of the last drawing
	told  map[fresnel.TenantID]string
}

func newBars(w io.Writer, term bool) *bars {
	return &bars{w: w, term: term, told: map[fresnel.TenantID]string{}}
}

// show draws the newest run of each tenant.
func (b *bars) show(runs []fresnel.Run) {
	latest := map[fresnel.TenantID]fresnel.Run{}
	for _, r := range runs {
		if have, ok := latest[r.Tenant]; !ok || r.ID > have.ID {
			latest[r.Tenant] = r
		}
	}
	list := make([]fresnel.Run, 0, len(latest))
	for _, r := range latest {
		list = append(list, r)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].TenantName < list[j].TenantName })
	if b.term {
		b.draw(list)
		return
	}
	for _, r := range list {
		// A line where the state changes or a quarter is done, not at each window.
		key := fmt.Sprint(r.Status, quarter(r.Progress))
		if b.told[r.Tenant] != key {
			b.told[r.Tenant] = key
			fmt.Fprintf(b.w, "%-28s %s\n", clipName(r.TenantName), words(r))
		}
	}
}

func (b *bars) draw(list []fresnel.Run) {
	var s strings.Builder
	if b.drawn > 0 {
		fmt.Fprintf(&s, "\x1b[%dA", b.drawn)
	}
	for _, r := range list {
		fmt.Fprintf(&s, "\x1b[2K%-28s %s %s\n", clipName(r.TenantName), bar(r), words(r))
	}
	b.drawn = len(list)
	_, _ = io.WriteString(b.w, s.String())
}

func quarter(p fresnel.Progress) int {
	if p.Total == 0 {
		return 0
	}
	return 4 * p.Done / p.Total
}

const barWidth = 24

func bar(r fresnel.Run) string {
	n := 0
	if r.Progress.Total > 0 {
		n = min(barWidth, barWidth*r.Progress.Done/r.Progress.Total)
	}
	if !r.Completed.IsZero() {
		n = barWidth
	}
	return "[" + strings.Repeat("=", n) + strings.Repeat(" ", barWidth-n) + "]"
}

func words(r fresnel.Run) string {
	switch {
	case !r.Completed.IsZero():
		s := fmt.Sprintf("%s, %d rows", r.Status, r.Result.Read)
		if r.Reason != "" {
			s += ": " + clipTo(r.Reason, 80)
		}
		return s
	case r.Status == fresnel.Queued:
		return "queued"
	case r.Progress.Total == 0:
		return "listing subscriptions"
	default:
		s := fmt.Sprintf("%d of %d windows, %d rows", r.Progress.Done, r.Progress.Total, r.Progress.Rows)
		if !r.Progress.Wait.IsZero() {
			s += ", waiting for Azure until " + r.Progress.Wait.Format("15:04:05") + " UTC"
		}
		return s
	}
}

// clipName makes a tenant's name fit for a terminal: no control characters,
// bounded width.
func clipName(s string) string { return clipTo(s, 28) }

func clipTo(s string, n int) string {
	out := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s))
	if len(out) > n {
		out = append(out[:n-1], '…')
	}
	return string(out)
}

// quiet keeps log lines below warnings away from the progress bars.
func quiet(l *slog.Logger) *slog.Logger { return slog.New(warnings{l.Handler()}) }

type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(a []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(a)} }

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(n string) slog.Handler { return warnings{w.Handler.WithGroup(n)} }
