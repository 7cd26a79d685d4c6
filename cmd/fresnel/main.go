// Command fresnel syncs cost, compliance and resources (and later identity) of
// many Azure tenants into a database and serves dashboards and a REST API.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/telemetry"
)

// version is set by the linker in release builds.
var version = "dev"

// cli is the command line. Settings may stand before or after a command.
type cli struct {
	File string     `name:"config" help:"TOML file with settings, by their flag names with _ for -." env:"FRESNEL_CONFIG" type:"path"`
	Set  app.Config `embed:"" group:"Settings"`

	Demo    demoCmd    `cmd:"" help:"Start a simulated Azure and Fresnel on it, with data of many tenants."`
	Serve   serveCmd   `cmd:"" help:"Serve dashboards and API, and sync on schedule unless --no-sync."`
	Worker  workerCmd  `cmd:"" help:"Sync on schedule, without a web server."`
	Sync    syncCmd    `cmd:"" help:"Sync all tenants once, and end."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema up to date, and end."`
	Sim     simCmd     `cmd:"" help:"Run the Azure simulator alone."`
	Tenants tenantsCmd `cmd:"" help:"Manage the registered tenants."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// env is what commands need of the world.
type env struct {
	ctx    context.Context //nolint:containedctx // ends with the signal that ends the program
	cfg    app.Config
	out    io.Writer
	log    *slog.Logger
	isTerm bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errInterrupted is how a command ends that was stopped before it had done what
// it was asked for. A server that is told to stop has done what it was.
var errInterrupted = errors.New("interrupted: what was read is kept, and the next sync reads the rest")

// run is main without the process: it gives the exit code, 0 good, 1 failed,
// 2 wrong input, 130 interrupted.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	code, exited := 0, false
	parser, err := kong.New(&c,
		kong.Name("fresnel"),
		kong.Description("One view of the cost, resources, compliance and identity of many Azure tenants. Settings come from flags, from FRESNEL_* variables, then from the file."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Writers(stdout, stderr), kong.Exit(func(n int) { code, exited = n, true }),
	)
	if err != nil {
		fmt.Fprintln(stderr, "fresnel:", err)
		return 1
	}
	if err := useFile(parser, args); err != nil {
		return complain(stderr, err)
	}
	for _, a := range args {
		if strings.HasPrefix(a, "--azure-client-secret") {
			return complain(stderr, fresnel.Errorf(fresnel.Invalid, "a secret on the command line is seen by everybody on this machine: set FRESNEL_AZURE_CLIENT_SECRET"))
		}
	}
	if err := checkEnv(parser.Model); err != nil {
		return complain(stderr, err)
	}
	kctx, err := parser.Parse(args)
	if exited { // --help
		return code
	}
	if err != nil {
		fmt.Fprintln(stderr, "fresnel: "+err.Error()+" (see fresnel --help)")
		return 2
	}
	e := &env{ctx: ctx, cfg: c.Set, out: stdout, isTerm: isTerminal(stdout)}
	e.log = telemetry.Logger(stderr, c.Set.LogFormat == "json", c.Set.LogLevel)
	return complain(stderr, kctx.Run(e))
}

// complain prints an error as one line that says what to do.
func complain(w io.Writer, err error) int {
	if err == nil || errors.Is(err, context.Canceled) {
		return 0
	}
	if errors.Is(err, errInterrupted) {
		fmt.Fprintln(w, "fresnel: "+err.Error())
		return 130 // as shells tell it of SIGINT
	}
	var e *fresnel.Error
	if errors.As(err, &e) && e.Kind != fresnel.Internal {
		line := "fresnel: " + e.Msg
		if e.Do != "" {
			line += ". " + e.Do
		}
		if e.Err != nil {
			line += " (" + oneLine(e.Err.Error()) + ")"
		}
		fmt.Fprintln(w, line)
		if e.Kind == fresnel.Invalid {
			return 2
		}
		return 1
	}
	fmt.Fprintln(w, "fresnel: "+oneLine(err.Error()))
	return 1
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// checkEnv refuses variables that look like settings and are none: a misspelt
// name would otherwise silently mean the default.
func checkEnv(m *kong.Application) error {
	var known []string
	err := kong.Visit(m, func(n kong.Visitable, next kong.Next) error {
		if f, ok := n.(*kong.Flag); ok {
			known = append(known, f.Envs...)
		}
		return next(nil)
	})
	if err != nil {
		return err
	}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "FRESNEL_") && !strings.HasPrefix(name, "FRESNEL_TEST_") && !slices.Contains(known, name) {
			return fresnel.Errorf(fresnel.Invalid, "the environment variable %s is not a setting; fresnel --help lists them", name)
		}
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
