// Command fresnel-bench prints what Fresnel costs beside a baseline that was
// measured in the same run: ratios, because digits depend on the machine.
//
//	go run ./cmd/fresnel-bench              everything
//	go run ./cmd/fresnel-bench -only http   one part: http, questions, ingest, sync, size, inventory or compliance
//	go run ./cmd/fresnel-bench -profile d   also CPU profiles, one a part, in folder d
//
// -postgres, or FRESNEL_TEST_POSTGRES, names a throwaway PostgreSQL server to
// ask the questions of, too.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	load := flag.Bool("load", false, "be the load generator of another fresnel-bench")
	only := flag.String("only", "", "one part: http, questions, ingest, sync, size, inventory or compliance")
	resident := flag.String("resident", "", "be the process whose memory another fresnel-bench reads, over this database")
	postgres := flag.String("postgres", os.Getenv("FRESNEL_TEST_POSTGRES"), "URL of a throwaway PostgreSQL server")
	profiles := flag.String("profile", "", "folder for CPU profiles")
	small := flag.Bool("small", false, "a tenth of the rows: for trying the program, not for figures")
	flag.Parse()
	var err error
	switch {
	case *load:
		err = serveLoad(os.Stdin, os.Stdout)
	case *resident != "":
		err = beResident(ctx, *resident, os.Stdout)
	default:
		err = (&bench{ctx: ctx, out: os.Stdout, server: *postgres, small: *small}).run(*only, *profiles)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fresnel-bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	ctx    context.Context //nolint:containedctx // lives as long as the run
	out    io.Writer
	dir    string
	path   string // of the large database
	db     *store.DB
	estate storetest.Estate
	server string // PostgreSQL; "" = none
	small  bool
}

// asked is when everything was read, and the clock of every part.
var asked = time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)

func (b *bench) run(only, profiles string) error {
	start := time.Now()
	dir, err := os.MkdirTemp("", "fresnel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	today := fresnel.DayOf(asked)
	b.dir, b.path = dir, filepath.Join(dir, "large.db")
	b.estate = storetest.Estate{
		Tenants: 25, Subscriptions: 8, Groups: 5, Services: 24, CellsPerDay: 13,
		Days: fresnel.Period{From: today.AddMonths(-12), To: today}, Asked: asked,
	}
	if b.small {
		b.estate.Tenants, b.estate.Subscriptions = 5, 4
	}
	b.head()
	parts := []struct {
		name string
		do   func() error
	}{{"http", b.http}, {"questions", b.questions}, {"ingest", b.ingest}, {"sync", b.during}, {"size", b.size}, {"inventory", b.resources}, {"compliance", b.judged}, {"identity", b.people}}
	for _, part := range parts {
		if only != "" && only != part.name {
			continue
		}
		if b.db == nil && part.name != "size" && part.name != "inventory" && part.name != "compliance" && part.name != "identity" { // which have databases of their own
			if b.db, err = store.Open(b.ctx, "sqlite:"+b.path, slog.New(slog.DiscardHandler)); err != nil {
				return err
			}
			defer b.db.Close() //nolint:errcheck // a temporary database
			if err := b.fill(); err != nil {
				return err
			}
		}
		if err := b.profiled(profiles, part.name, part.do); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	b.say("\n%s in all", time.Since(start).Round(time.Second))
	return nil
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

func (b *bench) head() {
	flags := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "CGO_ENABLED" || s.Key == "vcs.revision" {
				flags += " " + s.Key + "=" + s.Value //nolint:modernize // two words
			}
		}
	}
	b.say("fresnel-bench: %s, %s/%s, %d processors%s%s", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), flags, loadAverage())
}

// loadAverage tells what else the machine does, where it can be known.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return ", load " + strings.Join(strings.Fields(string(text))[:3], " ")
}

// fill makes the large database.
func (b *bench) fill() error {
	wall, cpu := time.Now(), cpuTime()
	rows, err := b.estate.Fill(b.ctx, b.db)
	if err != nil {
		return err
	}
	cpu, took := cpuTime()-cpu, time.Since(wall)
	b.say("estate: %d tenants, %d subscriptions, %d days, %d cost rows, filled by Replace in %.1f s (%.1f s CPU)",
		b.estate.Tenants, b.estate.Tenants*b.estate.Subscriptions, b.estate.Days.Days(), rows, took.Seconds(), cpu.Seconds())
	return nil
}

// profiled runs a part with a CPU profile, where one is asked for.
func (b *bench) profiled(folder, name string, part func() error) error {
	if folder == "" {
		return part()
	}
	f, err := os.Create(filepath.Join(folder, name+".pprof"))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // Close after a stopped profile
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return part()
}
